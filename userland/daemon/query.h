/* SPDX-License-Identifier: GPL-2.0 */
/*
 * query.h: what runs, told to whoever asks: the serving side of RUNDIR/query.sock.
 *
 * A unix stream socket, of mode 0600. The client writes one request, a JSON object on
 * a line:
 *
 *	{"show":"port"}
 *	{"show":"route","prefix":"192.0.2.0/24"}
 *	{"show":"route get","address":["192.0.2.1","2001:db8::1"]}
 *
 *	{"show":"drop","after":17}
 *	{"do":"set flush","set":"offenders"}
 *
 * and gets objects, one a line, then one of
 *
 *	{"end":true}
 *	{"error":"there is no port \"lan\"","hint":"ports: wan, fa"}
 *
 * after which it may ask again on the same connection. (An empty line in an answer says only
 * that it is still being made.) Requests that were sent ahead are
 * answered in order. A line that is no request is answered with an error, and the connection
 * goes on; one longer than QUERY_LINE_MAX ends it. man/sluice.8 has every object with its
 * fields; objects and fields are only ever added, so a client steps over those that it does not
 * know. What happens, as against what is, comes from the store: its group "events".
 *
 * The daemon is one thread and one loop, so an answer must not hold it up: a reply of
 * a million routes is made in pieces of QUERY_PIECE bytes, the next one only when
 * the last was written, and the loop goes round in between. A client that does not read costs one
 * piece. What changes while an answer is made may be seen as it was or as it is.
 */
#ifndef SLUICE_DAEMON_QUERY_H
#define SLUICE_DAEMON_QUERY_H

#include <uv.h>

#define QUERY_LINE_MAX	(1u << 20)	/* bytes of a request */
#define QUERY_PIECE	(64u << 10)	/* bytes of an answer that are made at once */
#define QUERY_STEPS	1024		/* objects that are made, or passed over, at once */
#define QUERY_CLIENTS_MAX 64

struct query;
struct view;

/**
 * query_listen() - makes the socket and serves it from @loop.
 * @path: the socket; one that nobody serves any more is replaced.
 * @view: what is shown; must stay until query_close() (daemon/view.h).
 * @out: the listener.
 * Return: 0 or -errno (-EADDRINUSE: somebody serves it).
 */
int query_listen(uv_loop_t *loop, const char *path, struct view *view, struct query **out);

/**
 * query_close() - stops serving, drops all clients, unlinks the socket.
 * The memory goes when the loop has run the close callbacks; @q is not to be used again.
 */
void query_close(struct query *q);

#endif

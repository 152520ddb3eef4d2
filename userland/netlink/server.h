/* SPDX-License-Identifier: GPL-2.0 */
/*
 * server.h: the store's messages served on a unix socket, where no module carries them.
 *
 * It has no loop: it names file descriptors to poll, and is called when they are ready.
 * SOCK_SEQPACKET, because a datagram then holds whole messages as on a netlink socket: one
 * parser serves both, and a broken message cannot put the rest of a stream out of step.
 *
 * Who may: root, the server's own user, and members of the socket's group (SO_PEERCRED,
 * SO_PEERGROUPS). Everyone else is answered -EPERM, even on reading: policies are nobody
 * else's business. The mode of the socket keeps most of them from connecting at all.
 *
 * A client that asks faster than it reads is not read from until it does (a queue of
 * SERVER_QUEUE_BYTES); notifications that find the queue full are left out, and
 * NLMSG_OVERRUN says so; one that reads nothing for SERVER_STALL_MS with answers waiting
 * is dropped.
 *
 * The daemon's order of calls:
 *
 *	store = store_new(&limits);		disk_load(..., store);
 *	server = server_new(store, &callbacks);
 *	server_bind(server, generation in the data path, &running);
 *	if they differ: compile running, then server_verdict(server, running, ...)
 *	fd = server_listen(server, path, gid);	poll it for input: server_accept()
 *	conn = server_accept(server);		poll conn_fd(conn) as watch() says
 *	server_readable(conn), server_writable(conn) when it is ready
 *	server_tick(server) when wake() says
 *	compile() was called: read the candidate by server_documents(), later
 *	server_verdict(server, generation, accepted, message)
 *	server_free(server);			store_free(store);
 */
#ifndef SLUICE_NETLINK_SERVER_H
#define SLUICE_NETLINK_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct conn;
struct server;
struct store;

#define SERVER_CONNS_MAX	64
#define SERVER_QUEUE_BYTES	(512 * 1024)
#define SERVER_STALL_MS		30000

enum { SERVER_READ = 1, SERVER_WRITE = 2 };

/* Called from within any server_*() call, never for a conn that was freed. */
struct server_callbacks {
	void *ctx;

	/*
	 * A candidate waits: compile @generation, and answer by server_verdict(), at once or
	 * later. @returned: the store has gone back by itself, and @generation runs already;
	 * the answer is a report. NULL: nothing is compiled here.
	 */
	void (*compile)(void *ctx, uint64_t generation, bool returned);

	/*
	 * What runs, or what waits to be confirmed, has changed: keep it, before anyone is
	 * told. Return: NULL, or a sentence, good until the next call, that who commits or
	 * confirms is shown. May be NULL.
	 */
	const char *(*save)(void *ctx);

	/* Poll conn_fd(@conn) for @events (SERVER_READ | SERVER_WRITE) from now on. */
	void (*watch)(void *ctx, struct conn *conn, unsigned int events);

	/* Stop polling: @conn is freed, its descriptor closed, when this returns. */
	void (*closed)(void *ctx, struct conn *conn);

	/* Call server_tick() in @in_ms; replaces what was said before. UINT64_MAX: never. */
	void (*wake)(void *ctx, uint64_t in_ms);

	/* Milliseconds that go on in suspend; NULL: CLOCK_BOOTTIME. */
	uint64_t (*now_ms)(void *ctx);
};

/** server_new() - serves @store, which outlives it; never NULL. */
struct server *server_new(struct store *store, const struct server_callbacks *callbacks);

/** server_free() - closes every connection and the socket, and unlinks its path. */
void server_free(struct server *s);

/**
 * server_listen() - binds the socket with mode 0660.
 * @group: its group, or (gid_t)-1. A socket that nobody serves any more is replaced.
 * Return: the descriptor to poll, owned by @s; -EADDRINUSE: somebody serves it; -errno.
 */
int server_listen(struct server *s, const char *path, gid_t group);

/**
 * server_accept() - takes one connection; poll it for SERVER_READ until watch() says otherwise.
 * Return: NULL if there is none (any more): call it until then.
 */
struct conn *server_accept(struct server *s);

/** server_adopt() - as server_accept(), for a connected SOCK_SEQPACKET socket. */
struct conn *server_adopt(struct server *s, int fd);

int conn_fd(const struct conn *conn);

/** conn_user() - a pointer for the caller's use. */
void **conn_user(struct conn *conn);

/** server_readable(), server_writable() - @conn may be gone afterwards: closed() was called. */
void server_readable(struct conn *conn);
void server_writable(struct conn *conn);

void server_tick(struct server *s);

/**
 * server_bind() - the caller is the compiler, until server_free().
 * @runs: the generation that the data path has now; 0: none. @running: what it shall have.
 * compile() is not called from within. -EBUSY.
 */
int server_bind(struct server *s, uint64_t runs, uint64_t *running);

/**
 * server_verdict() - answers compile(). A generation that is compiled may lose its point
 * meanwhile (its time is over, or the store went back, which calls compile() anew): then
 * -ESTALE, and the result is to be thrown away. @message: diagnostics, or NULL; what is longer than
 * SLUICE_MESSAGE_MAX is cut, and says so.
 */
int server_verdict(struct server *s, uint64_t generation, bool accepted, const char *message);

/**
 * server_documents() - calls @each for every policy document of @generation, by name;
 * @bytes ends in a NUL. -ENOENT: no such generation; -EBADMSG: a chunk is missing, which
 * is reported in *@why (static) for the verdict; else what @each returned.
 */
int server_documents(struct server *s, uint64_t generation,
		     int (*each)(void *ctx, const char *name, const char *bytes, size_t len),
		     void *ctx, const char **why);

/**
 * server_objects() - calls @each for every object of @generation of @type (0: all), in order.
 * -ENOENT, with *@why (static) as above; else what @each returned.
 */
int server_objects(struct server *s, uint64_t generation, uint32_t type,
		   int (*each)(void *ctx, uint32_t type, const void *key, size_t key_len,
			       const void *value, size_t value_len),
		   void *ctx, const char **why);

/** server_event() - tells group "events". @name: a stable word; @json: an object, or NULL. */
void server_event(struct server *s, const char *name, const char *json);

#endif

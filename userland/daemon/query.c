// SPDX-License-Identifier: GPL-2.0
/*
 * One client is one small machine: it reads until it has a line; then it reads no more, makes its
 * answer piece by piece, each when the one before was written, and reads on.
 */
#include "daemon/query.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/view.h"

#define BACKLOG 16

struct query {
	uv_pipe_t listener;
	struct view *view;
	struct vec clients;	/* of struct client * */
	unsigned int handles;	/* that the loop still has: the listener and the clients */
};

struct client {
	uv_pipe_t pipe;
	uv_write_t write;
	struct query *query;
	struct view_answer *answer;	/* under way, or NULL */
	struct text in, out;
	size_t searched;		/* of in: no new line there */
	bool writing, gone;
};

static void serve(struct client *c);

/* ---- clients come and go ------------------------------------------------- */

static void put_handle(struct query *q)
{
	if (--q->handles)
		return;
	vec_free(&q->clients);
	free(q);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;
	struct query *q = c->query;
	struct client **list = q->clients.data;

	for (size_t i = 0; i < q->clients.len; i++) {
		if (list[i] != c)
			continue;
		list[i] = list[q->clients.len - 1];
		vec_pop(&q->clients);
		break;
	}
	if (c->answer)
		view_close(c->answer);
	text_free(&c->in);
	text_free(&c->out);
	free(c);
	put_handle(q);
}

static void drop(struct client *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- requests ------------------------------------------------------------- */

static void append_error(struct text *out, const char *sentence, const char *hint)
{
	json_t *o = json_pack("{ss ss*}", "error", sentence, "hint", hint);
	char *line = json_dumps(o, JSON_COMPACT);

	text_printf(out, "%s\n", line);
	free(line);
	json_decref(o);
}

static void take_request(struct client *c, const char *line, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

	if (!request)
		append_error(&c->out, "the request is not JSON", error.text);
	else if (!json_is_object(request))
		append_error(&c->out, "the request is not a JSON object",
			     "{\"show\":\"status\"} is one");
	else
		c->answer = view_open(c->query->view, request);
	json_decref(request);
}

/* Takes the next line out of what came in. Return: false if there is no whole one. */
static bool next_request(struct client *c)
{
	char *end = c->in.len > c->searched ?
		    memchr(c->in.data + c->searched, '\n', c->in.len - c->searched) : NULL;
	size_t used;

	if (!end) {
		c->searched = c->in.len;
		return false;
	}
	used = end + 1 - c->in.data;
	take_request(c, c->in.data, used - 1);
	memmove(c->in.data, c->in.data + used, c->in.len - used);
	c->in.len -= used;
	c->searched = 0;
	return true;
}

/* ---- answers --------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
	struct client *c = write->handle->data;

	c->writing = false;
	c->out.len = 0;
	if (status)
		drop(c);
	else
		serve(c);
}

static void make_piece(struct client *c)
{
	for (int steps = 0; c->out.len < QUERY_PIECE && steps < QUERY_STEPS; steps++) {
		int more = view_next(c->answer, &c->out);

		if (more > 0)
			continue;
		if (more == 0)
			text_append(&c->out, "{\"end\":true}\n", 13);
		else
			append_error(&c->out, view_error(c->answer), view_hint(c->answer));
		view_close(c->answer);
		c->answer = NULL;
		return;
	}
	if (!c->out.len)	/* much was passed over: say so, and let the loop go round */
		text_append(&c->out, "\n", 1);
}

static void write_piece(struct client *c)
{
	uv_buf_t buf = uv_buf_init(c->out.data, c->out.len);

	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
		drop(c);
	else
		c->writing = true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char block[65536];	/* used up before the next read */

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(block, sizeof(block));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (n < 0) {	/* what it asked for before its end is answered still */
		c->gone = true;
		uv_read_stop(stream);
	} else {
		text_append(&c->in, buf->base, n);
	}
	serve(c);
}

/* The last thing a client is told. */
static void dismiss(struct client *c, const char *sentence, const char *hint)
{
	c->gone = true;
	c->in.len = c->searched = 0;
	uv_read_stop((uv_stream_t *)&c->pipe);
	append_error(&c->out, sentence, hint);
	write_piece(c);
}

static void wait_for_request(struct client *c)
{
	int err;

	if (c->gone) {
		drop(c);
		return;
	}
	if (c->in.len > QUERY_LINE_MAX) {
		dismiss(c, "the request is too long", "ask in several");
		return;
	}
	err = uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
	if (err && err != UV_EALREADY)
		drop(c);
}

static void serve(struct client *c)
{
	if (c->writing || uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	if (!c->answer && !next_request(c)) {
		wait_for_request(c);
		return;
	}
	uv_read_stop((uv_stream_t *)&c->pipe);
	if (c->answer)
		make_piece(c);
	write_piece(c);
}

/* ---- the socket ------------------------------------------------------------ */

static void on_connection(uv_stream_t *listener, int status)
{
	struct query *q = listener->data;
	struct client *c;

	if (status)
		return;
	c = xcalloc(1, sizeof(*c));
	c->query = q;
	uv_pipe_init(listener->loop, &c->pipe, 0);
	c->pipe.data = c;
	*(struct client **)vec_push(&q->clients) = c;
	q->handles++;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe)) {
		drop(c);
		return;
	}
	if (q->clients.len > QUERY_CLIENTS_MAX) {
		dismiss(c, "too many ask at once", "try again");
		return;
	}
	serve(c);
}

/* Whether somebody serves @path; a socket that nobody serves is taken away. */
static int clear_path(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err = 0;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(path))
		err = -errno;
	close(fd);
	return err;
}

static void on_listener_closed(uv_handle_t *handle)
{
	put_handle(handle->data);
}

int query_listen(uv_loop_t *loop, const char *path, struct view *view, struct query **out)
{
	int err = clear_path(path);
	struct query *q;
	mode_t mask;

	if (err)
		return err;
	q = xcalloc(1, sizeof(*q));
	q->view = view;
	q->clients = VEC(struct client *);
	uv_pipe_init(loop, &q->listener, 0);
	q->handles = 1;
	q->listener.data = q;
	mask = umask(0177);
	err = uv_pipe_bind(&q->listener, path);
	umask(mask);
	if (!err)
		err = uv_listen((uv_stream_t *)&q->listener, BACKLOG, on_connection);
	if (err) {
		uv_close((uv_handle_t *)&q->listener, on_listener_closed);
		return err;
	}
	*out = q;
	return 0;
}

void query_close(struct query *q)
{
	struct client **list = q->clients.data;

	for (size_t i = 0; i < q->clients.len; i++)
		drop(list[i]);
	uv_close((uv_handle_t *)&q->listener, on_listener_closed);
}

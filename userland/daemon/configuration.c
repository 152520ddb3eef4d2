// SPDX-License-Identifier: GPL-2.0
/*
 * The server of netlink/server.h has descriptors and wishes, and no loop; here each descriptor
 * gets a uv_poll_t, and its wish to be woken a timer.
 */
#include "daemon/configuration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/disk.h"
#include "daemon/log.h"
#include "kmod/store.h"
#include "netlink/server.h"

struct configuration {
	uv_loop_t *loop;
	struct configuration_owner owner;
	char *path;
	struct store *store;
	struct server *server;
	uint64_t running;		/* when we bound */
	uv_timer_t timer;
	uv_poll_t listener;
	bool listens;
	unsigned int handles;		/* that the loop still has, besides those of connections */
};

static uint64_t now_ms(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/* ---- what the server asks for --------------------------------------------- */

static void compile(void *ctx, uint64_t generation, bool returned)
{
	struct configuration *c = ctx;

	c->owner.compile(c->owner.ctx, generation, returned);
}

static const char *save(void *ctx)
{
	struct configuration *c = ctx;
	int err = disk_save(c->path, c->store, now_ms(NULL));

	c->owner.saved(c->owner.ctx, err ? strerror(-err) : NULL);
	return err ? "the running configuration could not be written to disk: it will be lost "
		     "when sluiced ends" : NULL;
}

static void conn_ready(uv_poll_t *poll, int status, int events)
{
	struct conn *conn = poll->data;

	if (status < 0)
		events = UV_READABLE;	/* the server finds out what is wrong */
	if (events & UV_WRITABLE) {
		server_writable(conn);
		if (!poll->data)
			return;		/* closed meanwhile */
	}
	if (events & UV_READABLE)
		server_readable(conn);
}

static void watch(void *ctx, struct conn *conn, unsigned int events)
{
	struct configuration *c = ctx;
	uv_poll_t *poll = *conn_user(conn);
	int wanted = 0;

	if (!poll) {
		poll = xcalloc(1, sizeof(*poll));
		uv_poll_init(c->loop, poll, conn_fd(conn));
		poll->data = conn;
		*conn_user(conn) = poll;
	}
	if (events & SERVER_READ)
		wanted |= UV_READABLE;
	if (events & SERVER_WRITE)
		wanted |= UV_WRITABLE;
	if (wanted)
		uv_poll_start(poll, wanted, conn_ready);
	else
		uv_poll_stop(poll);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void closed(void *ctx, struct conn *conn)
{
	uv_poll_t *poll = *conn_user(conn);

	(void)ctx;
	if (!poll)
		return;
	*conn_user(conn) = NULL;
	poll->data = NULL;
	uv_poll_stop(poll);
	uv_close((uv_handle_t *)poll, free_handle);
}

static void tick(uv_timer_t *timer)
{
	struct configuration *c = timer->data;

	server_tick(c->server);
}

static void wake(void *ctx, uint64_t in_ms)
{
	struct configuration *c = ctx;

	if (in_ms == UINT64_MAX)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, tick, in_ms, 0);
}

/* ---- life ------------------------------------------------------------------ */

static int load(struct configuration *c, struct text *why)
{
	struct store_limits limits = store_limits_default();
	char sentence[DISK_WHY_MAX] = "";
	int err;

	c->store = store_new(&limits);
	if (!c->store) {
		text_printf(why, "no memory for the store");
		return -ENOMEM;
	}
	err = disk_load(c->path, &c->store, now_ms(NULL), sentence);
	if (err == -EBADMSG) {
		log_warning("%s", sentence);
		return 0;
	}
	if (err)
		text_printf(why, "cannot read %s: %s", c->path, *sentence ? sentence : strerror(-err));
	return err;
}

int configuration_open(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		       struct configuration **out, struct text *why)
{
	struct server_callbacks callbacks = {
		.compile = compile,
		.save = save,
		.watch = watch,
		.closed = closed,
		.wake = wake,
		.now_ms = now_ms,
	};
	struct configuration *c = xcalloc(1, sizeof(*c));
	int err;

	c->loop = loop;
	c->owner = *owner;
	c->path = xstrdup(path);
	err = load(c, why);
	if (err) {
		if (c->store)
			store_free(c->store);
		free(c->path);
		free(c);
		return err;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->handles = 1;
	callbacks.ctx = c;
	c->server = server_new(c->store, &callbacks);
	/* What the data path has is of an earlier life: it is reported when it is ours. */
	server_bind(c->server, 0, &c->running);
	*out = c;
	return 0;
}

static void accept_all(uv_poll_t *poll, int status, int events)
{
	struct configuration *c = poll->data;
	struct conn *conn;

	(void)status, (void)events;
	while ((conn = server_accept(c->server)))
		watch(c, conn, SERVER_READ);	/* what it wants until it says otherwise */
}

int configuration_listen(struct configuration *c, const char *path, gid_t group, struct text *why)
{
	int fd = server_listen(c->server, path, group);

	if (fd < 0) {
		text_printf(why, "cannot serve %s: %s", path, strerror(-fd));
		return fd;
	}
	uv_poll_init(c->loop, &c->listener, fd);
	c->listener.data = c;
	c->listens = true;
	c->handles++;
	return uv_poll_start(&c->listener, UV_READABLE, accept_all);
}

uint64_t configuration_running(const struct configuration *c)
{
	struct store_status status;

	store_status(c->store, now_ms(NULL), &status);
	return status.running;
}

void configuration_verdict(struct configuration *c, uint64_t generation, bool accepted,
			   const char *message)
{
	int err = server_verdict(c->server, generation, accepted, message);

	if (err)
		log_warning("the verdict on generation %llu came too late: %s",
			    (unsigned long long)generation, strerror(-err));
}

static int keep_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct document *d = vec_push(ctx);

	d->name = xstrdup(name);
	d->text = xcalloc(1, len + 1);
	memcpy(d->text, bytes, len);
	d->len = len;
	return 0;
}

int configuration_documents(struct configuration *c, uint64_t generation, struct vec *documents,
			    struct text *why)
{
	const char *sentence = NULL;
	int err;

	*documents = VEC(struct document);
	err = server_documents(c->server, generation, keep_document, documents, &sentence);
	if (err)
		text_printf(why, "the documents of generation %llu cannot be read: %s",
			    (unsigned long long)generation,
			    sentence ? sentence : strerror(-err));
	return err;
}

void documents_free(struct vec *documents)
{
	for (size_t i = 0; i < documents->len; i++) {
		struct document *d = vec_at(documents, i);

		free(d->name);
		free(d->text);
	}
	vec_free(documents);
}

void configuration_event(struct configuration *c, const char *name, const char *json)
{
	server_event(c->server, name, json);
}

static void handle_closed(uv_handle_t *handle)
{
	struct configuration *c = handle->data;

	if (--c->handles)
		return;
	free(c->path);
	free(c);
}

void configuration_close(struct configuration *c)
{
	if (c->listens)
		uv_close((uv_handle_t *)&c->listener, handle_closed);
	server_free(c->server);
	store_free(c->store);
	uv_close((uv_handle_t *)&c->timer, handle_closed);
}

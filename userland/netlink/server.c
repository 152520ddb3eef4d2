// SPDX-License-Identifier: GPL-2.0
/* server.c: each call from outside, and what is owed when it is through (server_inside.h). */
#include "netlink/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "netlink/server_inside.h"

#define DATAGRAMS_A_CALL 16	/* read from one connection before others have their turn */

uint64_t server_now(const struct server *s)
{
	return s->callbacks.now_ms ? s->callbacks.now_ms(s->callbacks.ctx) : clock_ms(CLOCK_BOOTTIME);
}

void server_enter(struct server *s)
{
	s->depth++;
}

static void free_conn(struct conn *c)
{
	struct server *s = c->server;

	s->callbacks.closed(s->callbacks.ctx, c);
	conn_end_dump(c);
	while (c->first) {
		struct datagram *d = c->first;

		c->first = d->next;
		free(d);
	}
	close(c->fd);
	free(c);
	s->n_conns--;
}

/* Closing one tells others, who may turn out to be dead: until there is none. */
static bool reap(struct server *s)
{
	bool any = false;

	for (struct conn **link = &s->conns; *link;) {
		struct conn *c = *link;

		if (!c->dead) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		c->groups = 0;
		store_owner_close(s->store, c->owner);
		free_conn(c);
		any = true;
		link = &s->conns;
	}
	return any;
}

static void watch(struct conn *c)
{
	unsigned int events = 0;

	if (c->queued < SERVER_QUEUE_BYTES && !c->dump.active)
		events |= SERVER_READ;
	if (c->first || c->dump.active)
		events |= SERVER_WRITE;
	if (events == c->watched)
		return;
	c->watched = events;
	c->server->callbacks.watch(c->server->callbacks.ctx, c, events);
}

void server_leave(struct server *s)
{
	uint64_t now, next;

	if (s->depth > 1) {
		s->depth--;
		return;
	}
	do {
		now = server_now(s);
		next = store_tick(s->store, now);
		if (s->compile) {
			s->compile = false;
			if (s->callbacks.compile)
				s->callbacks.compile(s->callbacks.ctx, s->compile_generation,
						     s->compile_returned);
			next = store_tick(s->store, now);
		}
	} while (reap(s) || s->compile);

	for (struct conn *c = s->conns; c; c = c->next) {
		watch(c);
		if (c->first && c->moved_ms + SERVER_STALL_MS < next)
			next = c->moved_ms + SERVER_STALL_MS;
	}
	if (next != s->wake_at) {
		s->wake_at = next;
		s->callbacks.wake(s->callbacks.ctx, next == STORE_NEVER ? UINT64_MAX :
				  next > now ? next - now : 0);
	}
	s->depth--;
}

void server_tick(struct server *s)
{
	uint64_t now = server_now(s);

	server_enter(s);
	s->wake_at = 0;		/* whatever is due, say it again */
	for (struct conn *c = s->conns; c; c = c->next)
		if (c->first && now >= c->moved_ms + SERVER_STALL_MS)
			c->dead = true;
	server_leave(s);
}

void server_readable(struct conn *c)
{
	struct server *s = c->server;

	server_enter(s);
	for (int i = 0; i < DATAGRAMS_A_CALL && !c->dead && !c->dump.active &&
	     c->queued < SERVER_QUEUE_BYTES; i++) {
		struct iovec iov = { s->in, sizeof(s->in) };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			c->dead = true;
		} else if (msg.msg_flags & MSG_TRUNC) {
			struct message_error e;

			message_fail(&e, -EMSGSIZE, NULL, "a datagram has at most %d bytes",
				     SLUICE_DATAGRAM_MAX);
			conn_answer_error(c, (void *)s->in, &e);
		} else {
			conn_take_datagram(c, s->in, n);
		}
	}
	server_leave(s);
}

void server_writable(struct conn *c)
{
	struct server *s = c->server;

	server_enter(s);
	if (conn_flush(c) || c->queued < SERVER_QUEUE_BYTES / 2)
		conn_continue_dump(c);
	server_leave(s);
}

struct server *server_new(struct store *store, const struct server_callbacks *callbacks)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->store = store;
	s->callbacks = *callbacks;
	s->listener = -1;
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->group = getegid();
	s->wake_at = STORE_NEVER;
	store_watch(store, server_happen, s);
	return s;
}

void server_free(struct server *s)
{
	struct stat st;

	if (!s)
		return;
	server_enter(s);
	/* the compiler first: a candidate is rejected while its committer can still hear it */
	if (s->self)
		store_owner_close(s->store, s->self);
	for (struct conn *c = s->conns; c; c = c->next)
		c->dead = true;
	reap(s);
	store_watch(s->store, NULL, NULL);
	if (s->listener >= 0) {
		/* not a successor's */
		if (!lstat(s->path, &st) && st.st_ino == s->bound.st_ino &&
		    st.st_dev == s->bound.st_dev)
			unlink(s->path);
		close(s->listener);
	}
	if (s->spare >= 0)
		close(s->spare);
	free(s);
}

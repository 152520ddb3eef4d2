// SPDX-License-Identifier: GPL-2.0
/* server_send.c: what connections are sent, at once or when they have room for it. */
#include "netlink/server_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/vec.h"

static void enqueue(struct conn *c, const void *bytes, size_t len)
{
	struct datagram *d = xcalloc(1, sizeof(*d) + len);

	d->len = len;
	memcpy(d->bytes, bytes, len);
	if (!c->first)
		c->moved_ms = server_now(c->server);
	*c->last = d;
	c->last = &d->next;
	c->queued += len;
}

/* Return: whether it is out of the way: sent, or nobody is there to have it. */
static bool try_send(struct conn *c, const void *bytes, size_t len)
{
	ssize_t n;

	do {
		n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return false;
	if (n < 0)
		c->dead = true;
	return true;
}

void conn_send(struct conn *c, const void *bytes, size_t len)
{
	if (c->dead || !len)
		return;
	if (c->first || !try_send(c, bytes, len))
		enqueue(c, bytes, len);
}

bool conn_flush(struct conn *c)
{
	while (c->first && !c->dead) {
		struct datagram *d = c->first;

		if (!try_send(c, d->bytes, d->len))
			return false;
		c->first = d->next;
		if (!c->first)
			c->last = &c->first;
		c->queued -= d->len;
		c->moved_ms = server_now(c->server);
		free(d);
	}
	if (c->lost && !c->dead) {
		char overrun[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));

		c->lost = false;
		conn_send(c, overrun, message_put_overrun(overrun));
	}
	return !c->first;
}

bool server_anyone_in(const struct server *s, enum sluice_group group)
{
	for (const struct conn *c = s->conns; c; c = c->next)
		if (c->groups >> group & 1)
			return true;
	return false;
}

void server_notify(struct server *s, enum sluice_group group, const void *bytes, size_t len)
{
	for (struct conn *c = s->conns; c; c = c->next) {
		if (!(c->groups >> group & 1))
			continue;
		if (c->lost || c->queued + len > SERVER_QUEUE_BYTES)
			c->lost = true;
		else
			conn_send(c, bytes, len);
	}
}

void conn_answer_error(struct conn *c, const struct nlmsghdr *request,
			 const struct message_error *e)
{
	char buf[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));

	conn_send(c, buf, message_put_error(buf, request, e));
}

void server_start(struct server *s, struct message_out *o, enum sluice_cmd cmd, uint32_t seq)
{
	message_start(o, s->out, sizeof(s->out), cmd, 0, seq);
}

void conn_answer_generation(struct conn *c, const struct message *m, uint64_t generation)
{
	struct message_out o;

	server_start(c->server, &o, m->cmd, m->nlh->nlmsg_seq);
	message_put_u64(&o, SLUICE_A_GENERATION, generation);
	conn_send(c, c->server->out, message_len(&o));
}

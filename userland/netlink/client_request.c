// SPDX-License-Identifier: GPL-2.0
/*
 * client_request.c: one request at a time, sent, and answers taken until it is acknowledged.
 *
 * What comes in is of three kinds: answers to the request at hand (its sequence number),
 * notifications (sequence number 0), which are kept for client_next_event(), and answers
 * to requests that were given up, which are passed over. How they travel is the transport's
 * affair (transport.h).
 */
#include "netlink/client_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

#define EVENTS_KEPT	4096

int client_fail(struct client *c, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return err;
}

int client_fail_transport(struct client *c, int err, struct text *why)
{
	client_fail(c, err, "%s", text_string(why));
	text_free(why);
	return err;
}

/* Fills @in. @deadline: -1 for ever. -ETIMEDOUT and -ENOBUFS leave no sentence. */
static int receive(struct client *c, int64_t deadline)
{
	struct text why = { 0 };
	int err;

	if (!c->transport)
		return client_fail(c, -ENOTCONN, "not connected to a store");
	for (;;) {
		err = c->transport->ops->receive(c->transport, c->in, sizeof(c->in), &c->in_len,
						 &why);
		c->in_pos = 0;
		if (!err)
			return 0;
		c->in_len = 0;
		if (err == -ENOBUFS)
			return err;
		if (err != -EAGAIN)
			return client_fail_transport(c, err, &why);
		err = transport_wait(c->transport->fd, POLLIN, deadline);
		if (err && err != -ETIMEDOUT)
			client_fail(c, err, "poll: %s", strerror(-err));
		if (err)
			return err;
	}
}

static int send_message(struct client *c, size_t len)
{
	int64_t deadline = transport_now() + c->patience_ms;
	struct text why = { 0 };
	int err;

	if (!c->transport)
		return client_fail(c, -ENOTCONN, "not connected to a store");
	err = c->transport->ops->send(c->transport, c->out_message.nlh, len, deadline, &why);
	return err ? client_fail_transport(c, err, &why) : 0;
}

/* --- what comes in ---------------------------------------------------------------- */

int client_next_message(struct client *c, const struct nlmsghdr **nlh, int64_t deadline)
{
	struct message_error e;
	int err;

	for (;;) {
		*nlh = message_split(c->in, c->in_len, &c->in_pos, &e);
		if (*nlh)
			return 0;
		c->in_len = 0;
		if (e.err)
			return client_fail(c, e.err, "the store sent garbage: %s", e.sentence);
		err = receive(c, deadline);
		if (err == -ENOBUFS)
			return 0;	/* with @nlh NULL */
		if (err)
			return err;
	}
}

/* @nlh NULL: some were lost. */
static void keep_event(struct client *c, const struct nlmsghdr *nlh)
{
	size_t len = nlh ? nlh->nlmsg_len : sizeof(*nlh);
	struct kept *k;

	if (c->n_events > EVENTS_KEPT)
		return;
	if (c->n_events == EVENTS_KEPT) {
		nlh = NULL;
		len = sizeof(*nlh);
	}
	k = xcalloc(1, sizeof(*k) + len);
	if (nlh)
		memcpy(k->bytes, nlh, len);
	*c->last_event = k;
	c->last_event = &k->next;
	c->n_events++;
}

static int take_error(struct client *c, const struct nlmsghdr *nlh, struct request *r)
{
	char sentence[256];
	int err;

	if (message_error(nlh, &err, sentence, sizeof(sentence), &r->error_offset))
		return client_fail(c, -EBADMSG, "the store sent a broken error message");
	if (!err) {
		strcpy(c->warning, sentence);
		return 0;
	}
	r->refused = true;
	if (err == -EPERM && !sentence[0])
		return client_fail(c, err, "this takes CAP_NET_ADMIN in the network namespace");
	return client_fail(c, err, "%s", sentence[0] ? sentence : strerror(-err));
}

static int take_done(struct client *c, const struct nlmsghdr *nlh, const struct request *r)
{
	char sentence[256];
	int err = message_done(nlh, sentence, sizeof(sentence));

	if (err)
		return client_fail(c, err, "the dump broke off: %s", sentence[0] ? sentence :
			    strerror(-err));
	if (r->interrupted)
		return client_fail(c, -EINTR, "the configuration changed while it was read: read it again");
	return 1;
}

int client_take(struct client *c, const struct nlmsghdr *nlh, struct request *r)
{
	struct message_error e;
	struct message m;
	int err;

	if (!nlh || nlh->nlmsg_type == NLMSG_OVERRUN) {
		keep_event(c, NULL);
		return 0;
	}
	/* an error without a number: we are turned away */
	if (nlh->nlmsg_type == NLMSG_ERROR && (nlh->nlmsg_seq == r->seq || !nlh->nlmsg_seq)) {
		err = take_error(c, nlh, r);
		return err ? err : 1;
	}
	if (nlh->nlmsg_type == SLUICE_UNIX_TYPE && !nlh->nlmsg_seq) {
		keep_event(c, nlh);
		return 0;
	}
	if (nlh->nlmsg_seq != r->seq)
		return 0;
	r->interrupted |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return take_done(c, nlh, r);
	err = message_answer(nlh, &m, &e);
	if (err == -EOPNOTSUPP)
		return 0;
	if (err)
		return client_fail(c, err, "the store sent a broken message: %s", e.sentence);
	return r->take ? r->take(c, &m, r->ctx) : 0;
}

static int await(struct client *c, struct request *r)
{
	const struct nlmsghdr *nlh;
	int err;

	do {
		err = client_next_message(c, &nlh, transport_now() + c->patience_ms);
		if (err == -ETIMEDOUT)
			return client_fail(c, err, "the store did not answer in %u s",
				    c->patience_ms / 1000);
		if (err)
			return err;
		err = client_take(c, nlh, r);
	} while (!err);
	return err < 0 ? err : 0;
}

/* --- requests ------------------------------------------------------------------------ */

void client_start(struct client *c, enum sluice_cmd cmd, uint16_t flags)
{
	if (!++c->seq)
		c->seq = 1;	/* 0 marks notifications */
	message_start(&c->out_message, c->out, CHANGE_BYTES, cmd, NLM_F_REQUEST | flags, c->seq);
}

int client_finish(struct client *c, struct request *r)
{
	size_t len = message_len(&c->out_message);
	int err;

	if (!len)
		return client_fail(c, -EMSGSIZE, "the request is too long for a message");
	r->seq = c->seq;
	err = send_message(c, len);
	return err ? err : await(c, r);
}

int client_begin_request(struct client *c, enum sluice_cmd cmd, uint16_t flags)
{
	int err;

	err = client_flush(c);
	if (err)
		return err;
	c->error[0] = c->warning[0] = '\0';
	client_start(c, cmd, flags);
	return 0;
}

int client_take_generation(struct client *c, const struct message *m, void *ctx)
{
	(void)c;
	if (ctx)
		*(uint64_t *)ctx = m->generation;
	return 0;
}

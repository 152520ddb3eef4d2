// SPDX-License-Identifier: GPL-2.0
/*
 * client.c: one request at a time, sent, and answers taken until it is acknowledged.
 *
 * What comes in is of three kinds: answers to the request at hand (its sequence number),
 * notifications (sequence number 0), which are kept for client_next_event(), and answers
 * to requests that were given up, which are passed over. How they travel is the transport's
 * affair (transport.h).
 */
#include "netlink/client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/vec.h"
#include "netlink/document.h"
#include "netlink/message.h"
#include "netlink/transport.h"

#define EVENTS_KEPT	4096
#define CHANGE_BYTES	49152	/* a message of many objects */
#define VERDICT_MS	(5 * 60 * 1000)

struct kept {
	struct kept *next;
	char bytes[] __attribute__((aligned(4)));	/* a message; or nothing: some were lost */
};

struct client {
	struct transport *transport;	/* NULL: not connected */
	unsigned int patience_ms;
	uint32_t seq;
	char error[512];

	enum sluice_cmd change;		/* UNSPEC, or what @out gathers */
	uint32_t change_flags;
	struct message_out out_message;
	char out[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));

	size_t in_len, in_pos;
	char in[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));

	struct kept *events, **last_event;
	unsigned int n_events;
	struct kept *told;		/* the event that the caller looks at */
	struct message told_message;
	const struct nlattr *told_object;	/* the next one of it, after this; NULL: done */
};

static int fail(struct client *c, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct client *c, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return err;
}

/* --- the way to a store --------------------------------------------------------- */

void client_path(const char *netns, char path[CLIENT_PATH_MAX])
{
	if (netns)
		snprintf(path, CLIENT_PATH_MAX, "/run/sluice/netns/%s/sluice.sock", netns);
	else
		snprintf(path, CLIENT_PATH_MAX, "/run/sluice/sluice.sock");
}

static bool good_netns(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..") &&
	       strlen(name) < CLIENT_PATH_MAX - sizeof("/run/sluice/netns//sluice.sock");
}

/* What the transport says went wrong. Takes @why. */
static int fail_transport(struct client *c, int err, struct text *why)
{
	fail(c, err, "%s", text_string(why));
	text_free(why);
	return err;
}

static void take_transport(struct client *c, struct transport *t)
{
	if (c->transport)
		c->transport->ops->close(c->transport);
	c->transport = t;
	c->in_len = c->in_pos = 0;
	c->change = SLUICE_CMD_UNSPEC;
}

static int open_unix(struct client *c, const char *path)
{
	struct text why = { 0 };
	struct transport *t;
	int err = transport_unix(path, &t, &why);

	c->error[0] = '\0';
	if (err)
		return fail_transport(c, err, &why);
	take_transport(c, t);
	return 0;
}

int client_open_module(struct client *c, const char *netns)
{
	struct text why = { 0 };
	struct transport *t;
	int err;

	c->error[0] = '\0';
	if (netns && !good_netns(netns))
		return fail(c, -EINVAL, "\"%s\" is no name of a network namespace", netns);
	err = transport_genl(netns, &t, &why);
	if (err)
		return fail_transport(c, err, &why);
	take_transport(c, t);
	return 0;
}

int client_open_either(struct client *c, const char *socket, const char *netns)
{
	int err = client_open_module(c, netns);
	struct client_status status;
	char refused[sizeof(c->error)];

	if (err == -ENOENT)
		return open_unix(c, socket);
	if (err)
		return err;
	err = client_status(c, &status);
	strcpy(refused, c->error);
	if ((err || !status.compiler) && !open_unix(c, socket))
		return 0;
	return err ? fail(c, err, "%s", refused) : fail(c, 0, "%s", "");
}

int client_open(struct client *c, const char *path, const char *netns)
{
	char standard[CLIENT_PATH_MAX];

	if (path)
		return open_unix(c, path);
	if (netns && !good_netns(netns))
		return fail(c, -EINVAL, "\"%s\" is no name of a network namespace", netns);
	client_path(netns, standard);
	return client_open_either(c, standard, netns);
}

enum sluice_home client_home(const struct client *c)
{
	return c->transport ? c->transport->ops->home : SLUICE_HOME_UNSPEC;
}

/* Fills @in. @deadline: -1 for ever. -ETIMEDOUT and -ENOBUFS leave no sentence. */
static int receive(struct client *c, int64_t deadline)
{
	struct text why = { 0 };
	int err;

	if (!c->transport)
		return fail(c, -ENOTCONN, "not connected to a store");
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
			return fail_transport(c, err, &why);
		err = transport_wait(c->transport->fd, POLLIN, deadline);
		if (err && err != -ETIMEDOUT)
			fail(c, err, "poll: %s", strerror(-err));
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
		return fail(c, -ENOTCONN, "not connected to a store");
	err = c->transport->ops->send(c->transport, c->out_message.nlh, len, deadline, &why);
	return err ? fail_transport(c, err, &why) : 0;
}

/* --- what comes in ---------------------------------------------------------------- */

/* @nlh: NULL if what came is that some were lost. */
static int next_message(struct client *c, const struct nlmsghdr **nlh, int64_t deadline)
{
	struct message_error e;
	int err;

	for (;;) {
		*nlh = message_split(c->in, c->in_len, &c->in_pos, &e);
		if (*nlh)
			return 0;
		c->in_len = 0;
		if (e.err)
			return fail(c, e.err, "the store sent garbage: %s", e.sentence);
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

/* Calls @take for each answer to request @seq, until it is acknowledged or dumped. */
struct request {
	uint32_t seq;
	int (*take)(struct client *c, const struct message *m, void *ctx);
	void *ctx;
	const char *about;	/* put in front of the store's sentence; may be NULL */
	uint32_t error_offset;	/* of the offending attribute, 0 if none was named */
	bool refused;		/* by the store: the connection is good */
	bool interrupted;	/* a dump is not of one moment */
};

static int take_error(struct client *c, const struct nlmsghdr *nlh, struct request *r)
{
	char sentence[256];
	int err;

	if (message_error(nlh, &err, sentence, sizeof(sentence), &r->error_offset))
		return fail(c, -EBADMSG, "the store sent a broken error message");
	if (!err)
		return 0;
	r->refused = true;
	if (err == -EPERM && !sentence[0])
		return fail(c, err, "this takes CAP_NET_ADMIN in the network namespace");
	return fail(c, err, "%s", sentence[0] ? sentence : strerror(-err));
}

static int take_done(struct client *c, const struct nlmsghdr *nlh, const struct request *r)
{
	char sentence[256];
	int err = message_done(nlh, sentence, sizeof(sentence));

	if (err)
		return fail(c, err, "the dump broke off: %s", sentence[0] ? sentence :
			    strerror(-err));
	if (r->interrupted)
		return fail(c, -EINTR, "the configuration changed while it was read: read it again");
	return 1;
}

/* One message. Return: 1 if the request is done, 0 if not yet, or -errno. */
static int sort(struct client *c, const struct nlmsghdr *nlh, struct request *r)
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
		return fail(c, err, "the store sent a broken message: %s", e.sentence);
	return r->take ? r->take(c, &m, r->ctx) : 0;
}

static int await(struct client *c, struct request *r)
{
	const struct nlmsghdr *nlh;
	int err;

	do {
		err = next_message(c, &nlh, transport_now() + c->patience_ms);
		if (err == -ETIMEDOUT)
			return fail(c, err, "the store did not answer in %u s",
				    c->patience_ms / 1000);
		if (err)
			return err;
		err = sort(c, nlh, r);
	} while (!err);
	return err < 0 ? err : 0;
}

/* --- requests ------------------------------------------------------------------------ */

static void start(struct client *c, enum sluice_cmd cmd, uint16_t flags)
{
	if (!++c->seq)
		c->seq = 1;	/* 0 marks notifications */
	message_start(&c->out_message, c->out, CHANGE_BYTES, cmd, NLM_F_REQUEST | flags, c->seq);
}

/* Sends what @out holds, and waits for the end of its answers. */
static int finish(struct client *c, struct request *r)
{
	size_t len = message_len(&c->out_message);
	int err;

	if (!len)
		return fail(c, -EMSGSIZE, "the request is too long for a message");
	r->seq = c->seq;
	err = send_message(c, len);
	return err ? err : await(c, r);
}

/* Gathered changes first; then a new request. */
static int begin_request(struct client *c, enum sluice_cmd cmd, uint16_t flags)
{
	int err;

	err = client_flush(c);
	if (err)
		return err;
	c->error[0] = '\0';
	start(c, cmd, flags);
	return 0;
}

static int take_generation(struct client *c, const struct message *m, void *ctx)
{
	(void)c;
	if (ctx)
		*(uint64_t *)ctx = m->generation;
	return 0;
}

int client_begin(struct client *c, uint64_t *generation)
{
	struct request r = { .take = take_generation, .ctx = generation };
	int err = begin_request(c, SLUICE_CMD_TXN_BEGIN, NLM_F_ACK);

	return err ? err : finish(c, &r);
}

int client_abort(struct client *c)
{
	struct request r = {};

	c->change = SLUICE_CMD_UNSPEC;	/* no use in sending it */
	c->error[0] = '\0';
	start(c, SLUICE_CMD_TXN_ABORT, NLM_F_ACK);
	return finish(c, &r);
}

/* --- changes -------------------------------------------------------------------------- */

static const char *const type_names[] = {
	[SLUICE_OBJECT_DOCUMENT] = "document",
	[SLUICE_OBJECT_PORT] = "port",
	[SLUICE_OBJECT_ROUTE] = "route",
	[SLUICE_OBJECT_MEMBER] = "group member",
	[SLUICE_OBJECT_ELEMENT] = "set element",
};

/* As a reader would write it: port "wan", document "edge.sluice" chunk 3. */
static void describe(const struct message_object *o, char *buf, size_t size)
{
	const uint8_t *key = o->key;
	size_t len = o->key_len;
	uint32_t chunk = 0;
	int n;

	if (!o->type || o->type > SLUICE_OBJECT_MAX) {
		snprintf(buf, size, "object of type %u", o->type);
		return;
	}
	if (o->type == SLUICE_OBJECT_DOCUMENT && len > 5 && !key[len - 5]) {
		memcpy(&chunk, key + len - 4, 4);
		chunk = ntohl(chunk);
		len -= 5;
	}
	n = snprintf(buf, size, "%s \"", type_names[o->type]);
	for (size_t i = 0; i < len && n + 2u < size; i++)
		buf[n++] = !key[i] ? ' ' : isprint(key[i]) ? key[i] : '?';
	if (n + 2u <= size)
		strcpy(buf + n, "\"");
	if (chunk)
		snprintf(buf + n + 1, size - n - 1, " chunk %u", chunk);
}

/* Puts the object that stands around @offset of our message in front of the sentence. */
static void name_culprit(struct client *c, uint32_t offset)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	struct message_error e;
	struct message m;
	char what[400], sentence[sizeof(c->error)];

	if (!offset || message_answer(c->out_message.nlh, &m, &e))
		return;
	while (message_object(&m, &pos, &o)) {
		size_t at = (const char *)o.attr - (const char *)m.nlh;

		if (offset < at || offset >= at + o.attr->nla_len)
			continue;
		describe(&o, what, sizeof(what));
		strcpy(sentence, c->error);
		snprintf(c->error, sizeof(c->error), "%s: %.*s", what,
			 (int)(sizeof(c->error) - strlen(what) - 3), sentence);
		return;
	}
}

int client_flush(struct client *c)
{
	struct request r = {};
	int err;

	if (!c->change)
		return 0;
	c->change = SLUICE_CMD_UNSPEC;
	err = finish(c, &r);
	if (err && r.refused)
		name_culprit(c, r.error_offset);
	return err;
}

static int change(struct client *c, enum sluice_cmd cmd, uint32_t type, const void *key,
		  size_t key_len, const void *value, size_t value_len, uint32_t flags)
{
	int err;

	if (key_len > SLUICE_KEY_MAX)
		return fail(c, -EINVAL, "a key has at most %d bytes, this one %zu", SLUICE_KEY_MAX,
			    key_len);
	if (value_len > SLUICE_VALUE_MAX)
		return fail(c, -EINVAL, "a value has at most %d bytes, this one %zu",
			    SLUICE_VALUE_MAX, value_len);
	for (;;) {
		if (c->change != cmd || c->change_flags != flags) {
			err = begin_request(c, cmd, NLM_F_ACK);
			if (err)
				return err;
			if (flags)
				message_put_u32(&c->out_message, SLUICE_A_FLAGS, flags);
			c->change = cmd;
			c->change_flags = flags;
		}
		if (message_put_object(&c->out_message, type, key, key_len, value, value_len))
			return 0;
		err = client_flush(c);
		if (err)
			return err;
	}
}

int client_set(struct client *c, uint32_t type, const void *key, size_t key_len,
	       const void *value, size_t value_len, uint32_t flags)
{
	return change(c, SLUICE_CMD_SET, type, key, key_len, value_len ? value : "", value_len,
		      flags);
}

int client_del(struct client *c, uint32_t type, const void *key, size_t key_len, uint32_t flags)
{
	return change(c, SLUICE_CMD_DEL, type, key_len ? key : NULL, key_len, NULL, 0, flags);
}

/* --- reading ----------------------------------------------------------------------------- */

static void put_view(struct client *c, uint64_t generation)
{
	if (generation == CLIENT_TXN)
		message_put_u32(&c->out_message, SLUICE_A_FLAGS, SLUICE_F_TXN);
	else if (generation != CLIENT_RUNNING)
		message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
}

struct got {
	void *value;
	size_t *len;
	bool any;
};

static int take_value(struct client *c, const struct message *m, void *ctx)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	struct got *g = ctx;

	if (!message_object(m, &pos, &o) || !o.value)
		return fail(c, -EBADMSG, "the store's answer has no object in it");
	memcpy(g->value, o.value, o.value_len);
	*g->len = o.value_len;
	g->any = true;
	return 0;
}

int client_get(struct client *c, uint64_t generation, uint32_t type, const void *key,
	       size_t key_len, void *value, size_t *value_len)
{
	struct got got = { .value = value, .len = value_len };
	struct request r = { .take = take_value, .ctx = &got };
	int err;

	if (key_len > SLUICE_KEY_MAX)
		return fail(c, -EINVAL, "a key has at most %d bytes, this one %zu", SLUICE_KEY_MAX,
			    key_len);
	err = begin_request(c, SLUICE_CMD_GET, NLM_F_ACK);
	if (err)
		return err;
	put_view(c, generation);
	message_put_object(&c->out_message, type, key, key_len, NULL, 0);
	err = finish(c, &r);
	if (!err && !got.any)
		return fail(c, -EBADMSG, "the store's answer has no object in it");
	return err;
}

struct dumped {
	client_object_fn each;
	void *ctx;
	int stopped;
};

static int take_dumped(struct client *c, const struct message *m, void *ctx)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	struct dumped *d = ctx;

	(void)c;
	while (!d->stopped && message_object(m, &pos, &o))
		d->stopped = d->each(d->ctx, o.type, o.key ? o.key : "", o.key_len,
				     o.value ? o.value : "", o.value_len);
	return 0;
}

int client_dump(struct client *c, uint64_t generation, uint32_t type, const void *prefix,
		size_t prefix_len, client_object_fn each, void *ctx)
{
	struct dumped d = { .each = each, .ctx = ctx };
	struct request r = { .take = take_dumped, .ctx = &d };
	int err;

	if (prefix_len > SLUICE_KEY_MAX)
		return fail(c, -EINVAL, "a key has at most %d bytes, this one %zu", SLUICE_KEY_MAX,
			    prefix_len);
	err = begin_request(c, SLUICE_CMD_GET, NLM_F_DUMP);
	if (err)
		return err;
	put_view(c, generation);
	if (type)
		message_put_object(&c->out_message, type, prefix_len ? prefix : NULL, prefix_len,
				   NULL, 0);
	err = finish(c, &r);
	return err ? err : d.stopped;
}

/* --- commit and the way back ------------------------------------------------------------ */

void client_verdict_free(struct client_verdict *v)
{
	free(v->message);
	v->message = NULL;
}

struct committed {
	struct client_verdict *verdict;
	bool decided;
};

/* The candidate's number, or the verdict, which may come before the acknowledgement. */
static int take_commit(struct client *c, const struct message *m, void *ctx)
{
	struct committed *k = ctx;

	(void)c;
	if (m->cmd != SLUICE_CMD_VERDICT || k->decided)
		return 0;
	k->decided = true;
	k->verdict->generation = m->generation;
	k->verdict->accepted = m->accepted;
	k->verdict->message = xstrdup(m->text ? m->text : "");
	return 0;
}

static void put_commit(struct client *c, const struct client_commit *how)
{
	if (how->confirm_timeout_ms)
		message_put_u32(&c->out_message, SLUICE_A_CONFIRM_TIMEOUT,
				how->confirm_timeout_ms);
	if (how->comment)
		message_put_string(&c->out_message, SLUICE_A_COMMENT, how->comment,
				   strlen(how->comment));
}

/* Sends what proposes a candidate, and waits for the verdict on it. */
static int decide(struct client *c, const struct client_commit *how, struct client_verdict *v)
{
	unsigned int wait_ms = how->wait_ms ? how->wait_ms : VERDICT_MS;
	struct committed k = { .verdict = v };
	struct request r = { .take = take_commit, .ctx = &k };
	const struct nlmsghdr *nlh;
	int64_t deadline;
	int err;

	put_commit(c, how);
	deadline = transport_now() + wait_ms;
	err = finish(c, &r);
	while (!err && !k.decided) {
		err = next_message(c, &nlh, deadline);
		if (err == -ETIMEDOUT)
			fail(c, err, "no verdict in %u s: it may still come", wait_ms / 1000);
		if (!err) {
			err = sort(c, nlh, &r);
			err = err < 0 ? err : 0;
		}
	}
	if (err && k.decided)
		client_verdict_free(v);
	return err;
}

int client_commit(struct client *c, const struct client_commit *how, struct client_verdict *v)
{
	int err = begin_request(c, SLUICE_CMD_COMMIT, NLM_F_ACK);

	return err ? err : decide(c, how, v);
}

int client_propose(struct client *c, const struct client_commit *how, uint64_t *generation)
{
	struct request r = { .take = take_generation, .ctx = generation };
	int err = begin_request(c, SLUICE_CMD_COMMIT, NLM_F_ACK);

	if (err)
		return err;
	put_commit(c, how);
	return finish(c, &r);
}

int client_rollback(struct client *c, uint64_t generation, const struct client_commit *how,
		    struct client_verdict *v)
{
	int err = begin_request(c, SLUICE_CMD_ROLLBACK, NLM_F_ACK);

	if (err)
		return err;
	if (generation != CLIENT_PREVIOUS)
		message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	return decide(c, how, v);
}

int client_confirm(struct client *c, uint64_t generation)
{
	struct request r = {};
	int err = begin_request(c, SLUICE_CMD_CONFIRM, NLM_F_ACK);

	if (err)
		return err;
	if (generation != CLIENT_RUNNING)
		message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	return finish(c, &r);
}

static int take_status(struct client *c, const struct message *m, void *ctx)
{
	struct message_error e;
	int err = message_status(m, ctx, &e);

	return err ? fail(c, err, "the store sent a broken status: %s", e.sentence) : 0;
}

int client_status(struct client *c, struct client_status *s)
{
	struct request r = { .take = take_status, .ctx = s };
	int err = begin_request(c, SLUICE_CMD_STATUS, NLM_F_ACK);

	return err ? err : finish(c, &r);
}

/* --- events -------------------------------------------------------------------------------- */

int client_subscribe(struct client *c, uint32_t groups)
{
	struct request r = {};
	struct text why = { 0 };
	int err;

	if (c->transport && c->transport->ops->subscribe) {
		c->error[0] = '\0';
		err = c->transport->ops->subscribe(c->transport, groups, &why);
		return err ? fail_transport(c, err, &why) : 0;
	}
	err = begin_request(c, SLUICE_CMD_SUBSCRIBE, NLM_F_ACK);
	if (err)
		return err;
	message_put_u32(&c->out_message, SLUICE_A_GROUPS, groups);
	return finish(c, &r);
}

static void describe_event(struct client_event *e, const struct message *m)
{
	struct message_event event;

	*e = (struct client_event){
		.cmd = m->cmd,
		.generation = m->generation,
		.copied = message_has(m, SLUICE_A_FROM),
		.from = m->from,
		.flags = m->flags,
		.confirm_timeout_ms = m->confirm_timeout_ms,
		.accepted = m->accepted,
		.comment = m->comment,
		.message = m->text,
	};
	if (message_event(m, &event)) {
		e->name = event.name;
		e->text = event.text;
		e->time_ns = event.time_ns;
	}
}

/* The next object of the event that is being told, or false. */
static bool next_told(struct client *c, struct client_event *e)
{
	struct message_object o;

	if (!c->told || !c->told_object ||
	    !message_object(&c->told_message, &c->told_object, &o))
		return false;
	describe_event(e, &c->told_message);
	e->type = o.type;
	e->key = o.key;
	e->key_len = o.key_len;
	return true;
}

/* Takes the oldest event that is kept. Return: whether there is something to tell in it. */
static bool tell(struct client *c, struct client_event *e)
{
	const struct nlmsghdr *nlh = (const void *)c->events->bytes;
	struct message_error error;
	struct message_object o;

	free(c->told);
	c->told = c->events;
	c->told_object = NULL;
	c->events = c->events->next;
	if (!c->events)
		c->last_event = &c->events;
	c->n_events--;
	if (!nlh->nlmsg_len) {
		*e = (struct client_event){ .lost = true };
		return true;
	}
	if (message_answer(nlh, &c->told_message, &error))
		return false;
	describe_event(e, &c->told_message);
	if (message_object(&c->told_message, &c->told_object, &o)) {
		e->type = o.type;
		e->key = o.key;
		e->key_len = o.key_len;
	}
	return true;
}

int client_next_event(struct client *c, struct client_event *e, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : transport_now() + timeout_ms;
	struct request none = {};
	const struct nlmsghdr *nlh;
	int err;

	if (next_told(c, e))
		return 0;
	err = client_flush(c);
	if (err)
		return err;
	c->error[0] = '\0';
	for (;;) {
		while (c->events)
			if (tell(c, e))
				return 0;
		err = next_message(c, &nlh, deadline);
		if (err == -ETIMEDOUT)
			return fail(c, err, "nothing has happened");
		if (err)
			return err;
		if (nlh && nlh->nlmsg_type == NLMSG_ERROR)
			continue;	/* to a request that was given up */
		err = sort(c, nlh, &none);
		if (err < 0)
			return err;
	}
}

/* --- the compiler ------------------------------------------------------------------------- */

int client_bind(struct client *c, uint64_t runs, uint64_t *running)
{
	struct request r = { .take = take_generation, .ctx = running };
	int err = begin_request(c, SLUICE_CMD_BIND, NLM_F_ACK);

	if (err)
		return err;
	message_put_u64(&c->out_message, SLUICE_A_GENERATION, runs);
	return finish(c, &r);
}

int client_verdict(struct client *c, uint64_t generation, bool accepted, const char *message)
{
	char cut[SLUICE_MESSAGE_MAX + 1];
	struct request r = {};
	int err = begin_request(c, SLUICE_CMD_VERDICT, NLM_F_ACK);

	if (err)
		return err;
	message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	message_put_u32(&c->out_message, SLUICE_A_ACCEPTED, accepted);
	if (message && *message) {
		message = message_cut(message, cut);
		message_put_string(&c->out_message, SLUICE_A_MESSAGE, message, strlen(message));
	}
	return finish(c, &r);
}

int client_send_event(struct client *c, const char *name, const char *json)
{
	struct request r = {};
	struct timespec now;
	int err;

	if (strlen(name) > SLUICE_EVENT_NAME_MAX || (json && strlen(json) > SLUICE_EVENT_TEXT_MAX))
		return fail(c, -EINVAL, "the event \"%.63s\" is too long to be told", name);
	err = begin_request(c, SLUICE_CMD_EVENT, NLM_F_ACK);
	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	message_put_event(&c->out_message, name, now.tv_sec * 1000000000ull + now.tv_nsec, json);
	return finish(c, &r);
}

/* --- documents -------------------------------------------------------------------------------- */

static int bad_name(struct client *c, const char *name)
{
	return fail(c, -EINVAL, "a document's name has 1 to %d bytes: \"%.60s%s\"",
		    DOCUMENT_NAME_MAX, name, strlen(name) > 60 ? "..." : "");
}

int client_del_document(struct client *c, const char *name)
{
	uint8_t key[SLUICE_KEY_MAX];
	size_t len = document_key(name, 0, key);

	if (!len)
		return bad_name(c, name);
	/* the name and its NUL */
	return client_del(c, SLUICE_OBJECT_DOCUMENT, key, strlen(name) + 1, SLUICE_F_PREFIX);
}

int client_del_documents(struct client *c)
{
	return client_del(c, SLUICE_OBJECT_DOCUMENT, NULL, 0, SLUICE_F_PREFIX);
}

int client_put_document(struct client *c, const char *name, const void *bytes, size_t len)
{
	uint8_t key[SLUICE_KEY_MAX];
	size_t at = 0;
	int err = client_del_document(c, name);

	/* an empty document is one empty chunk */
	for (uint32_t chunk = 0; !err && (at < len || !chunk); chunk++) {
		size_t n = at < len ? document_cut((const char *)bytes + at, len - at) : 0;

		err = client_set(c, SLUICE_OBJECT_DOCUMENT, key, document_key(name, chunk, key),
				 (const char *)bytes + at, n, 0);
		at += n;
	}
	return err;
}

static int take_chunk(void *ctx, uint32_t type, const void *key, size_t key_len,
		      const void *value, size_t value_len)
{
	(void)type;
	return document_take(ctx, key, key_len, value, value_len);
}

int client_documents(struct client *c, uint64_t generation,
		     int (*each)(void *ctx, const char *name, const char *bytes, size_t len),
		     void *ctx)
{
	struct document_reader reader = { .each = each, .ctx = ctx };
	int err = client_dump(c, generation, SLUICE_OBJECT_DOCUMENT, NULL, 0, take_chunk, &reader);

	if (!err)
		err = document_end(&reader);
	if (err == -EBADMSG && !c->error[0])
		fail(c, err, "a chunk of the document \"%s\" is missing",
		     text_string(&reader.name));
	document_free(&reader);
	return err;
}

/* --- life ------------------------------------------------------------------------------------- */

struct client *client_new(void)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->patience_ms = 10000;
	c->last_event = &c->events;
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->events) {
		struct kept *k = c->events;

		c->events = k->next;
		free(k);
	}
	free(c->told);
	if (c->transport)
		c->transport->ops->close(c->transport);
	free(c);
}

const char *client_error(const struct client *c)
{
	return c->error;
}

void client_patience(struct client *c, unsigned int ms)
{
	c->patience_ms = ms;
}

int client_fd(const struct client *c)
{
	return c->transport ? c->transport->fd : -1;
}

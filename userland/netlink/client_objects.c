// SPDX-License-Identifier: GPL-2.0
/* client_objects.c: a transaction's changes, gathered into messages of many; and what is read. */
#include "netlink/client_inside.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int client_begin(struct client *c, uint64_t *generation)
{
	struct request r = { .take = client_take_generation, .ctx = generation };
	int err = client_begin_request(c, SLUICE_CMD_TXN_BEGIN, NLM_F_ACK);

	return err ? err : client_finish(c, &r);
}

int client_abort(struct client *c)
{
	struct request r = {};

	c->change = SLUICE_CMD_UNSPEC;	/* no use in sending it */
	c->error[0] = '\0';
	client_start(c, SLUICE_CMD_TXN_ABORT, NLM_F_ACK);
	return client_finish(c, &r);
}

static int check_key(struct client *c, size_t len)
{
	if (len <= SLUICE_KEY_MAX)
		return 0;
	return client_fail(c, -EINVAL, "a key has at most %d bytes, this one %zu", SLUICE_KEY_MAX, len);
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
	err = client_finish(c, &r);
	if (err && r.refused)
		name_culprit(c, r.error_offset);
	return err;
}

static int change(struct client *c, enum sluice_cmd cmd, uint32_t type, const void *key,
		  size_t key_len, const void *value, size_t value_len, uint32_t flags)
{
	int err;

	err = check_key(c, key_len);
	if (err)
		return err;
	if (value_len > SLUICE_VALUE_MAX)
		return client_fail(c, -EINVAL, "a value has at most %d bytes, this one %zu",
			    SLUICE_VALUE_MAX, value_len);
	for (;;) {
		if (c->change != cmd || c->change_flags != flags) {
			err = client_begin_request(c, cmd, NLM_F_ACK);
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
		return client_fail(c, -EBADMSG, "the store's answer has no object in it");
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

	err = check_key(c, key_len);
	if (err)
		return err;
	err = client_begin_request(c, SLUICE_CMD_GET, NLM_F_ACK);
	if (err)
		return err;
	put_view(c, generation);
	message_put_object(&c->out_message, type, key, key_len, NULL, 0);
	err = client_finish(c, &r);
	if (!err && !got.any)
		return client_fail(c, -EBADMSG, "the store's answer has no object in it");
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

	err = check_key(c, prefix_len);
	if (err)
		return err;
	err = client_begin_request(c, SLUICE_CMD_GET, NLM_F_DUMP);
	if (err)
		return err;
	put_view(c, generation);
	if (type)
		message_put_object(&c->out_message, type, prefix_len ? prefix : NULL, prefix_len,
				   NULL, 0);
	err = client_finish(c, &r);
	return err ? err : d.stopped;
}

// SPDX-License-Identifier: GPL-2.0
/* server_compiler.c: the caller as compiler: bound like any other, in the same process. */
#include "netlink/server_inside.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "netlink/document.h"

int server_bind(struct server *s, uint64_t runs, uint64_t *running)
{
	struct store_error why;
	int err;

	if (s->self)
		return -EBUSY;
	server_enter(s);
	/* a return that is overdue happens before: the caller learns of it by @running */
	store_tick(s->store, server_now(s));
	s->self = store_owner_open(s->store, NULL);
	err = s->self ? store_bind(s->store, s->self, runs, running, &why) : -ENOMEM;
	if (err && s->self) {
		store_owner_close(s->store, s->self);
		s->self = NULL;
	}
	server_leave(s);
	return err;
}

int server_verdict(struct server *s, uint64_t generation, bool accepted, const char *message)
{
	char cut[SLUICE_MESSAGE_MAX + 1];
	struct store_error why;
	int err;

	if (!s->self)
		return -EPERM;
	message = message_cut(message ? message : "", cut);
	server_enter(s);
	err = store_verdict(s->store, s->self, generation, accepted, message, strlen(message),
			    server_now(s), &why);
	server_leave(s);
	return err;
}

int server_objects(struct server *s, uint64_t generation, uint32_t type,
		   int (*each)(void *ctx, uint32_t type, const void *key, size_t key_len,
			       const void *value, size_t value_len),
		   void *ctx, const char **why)
{
	const struct store_object *o;
	struct store_error missing;
	struct store_tree view;
	int err;

	*why = "";
	err = store_read(s->store, NULL, STORE_NUMBER, generation, &view, NULL, &missing);
	if (err) {
		*why = missing.message;
		return err;
	}
	for (o = store_first(&view, type, NULL, 0); o && (!type || o->type == type) && !err;
	     o = store_next(&view, o))
		err = each(ctx, o->type, o->bytes, o->key_len, store_object_value(o), o->value_len);
	store_tree_put(s->store, &view);
	return err;
}

static int take_chunk(void *ctx, uint32_t type, const void *key, size_t key_len,
		      const void *value, size_t value_len)
{
	(void)type;
	return document_take(ctx, key, key_len, value, value_len);
}

int server_documents(struct server *s, uint64_t generation,
		     int (*each)(void *ctx, const char *name, const char *bytes, size_t len),
		     void *ctx, const char **why)
{
	struct document_reader reader = { .each = each, .ctx = ctx };
	int err = server_objects(s, generation, SLUICE_OBJECT_DOCUMENT, take_chunk, &reader, why);

	if (err == -EBADMSG)
		*why = "a chunk of a policy document is missing";
	if (!err)
		err = document_end(&reader);
	document_free(&reader);
	return err;
}

void server_event(struct server *s, const char *name, const char *json)
{
	struct message_out o;

	if (!server_anyone_in(s, SLUICE_GROUP_EVENTS))
		return;
	server_enter(s);
	server_start(s, &o, SLUICE_CMD_EVENT, 0);
	message_put_event(&o, name, clock_ns(CLOCK_REALTIME), json);
	server_notify(s, SLUICE_GROUP_EVENTS, s->out, message_len(&o));
	server_leave(s);
}

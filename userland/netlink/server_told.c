// SPDX-License-Identifier: GPL-2.0
/* server_told.c: what happens in the store, told to subscribers, the committer, and the compiler. */
#include "netlink/server_inside.h"

#include <string.h>

#include "base/text.h"

struct objects_told {
	struct server *server;
	struct message_out out;
	uint64_t generation;
	enum sluice_cmd cmd;	/* UNSPEC: no message is begun */
};

static void objects_flush(struct objects_told *t)
{
	if (t->cmd)
		server_notify(t->server, SLUICE_GROUP_CONFIG, t->server->out, message_len(&t->out));
	t->cmd = SLUICE_CMD_UNSPEC;
}

static int objects_tell(void *ctx, const struct store_object *before,
			const struct store_object *after)
{
	const struct store_object *o = after ? after : before;
	enum sluice_cmd cmd = after ? SLUICE_CMD_SET : SLUICE_CMD_DEL;
	struct objects_told *t = ctx;

	if (t->cmd == cmd && message_put_object(&t->out, o->type, o->bytes, o->key_len, NULL, 0))
		return 0;
	objects_flush(t);
	t->cmd = cmd;
	message_start(&t->out, t->server->out, DUMP_DATAGRAM, cmd, 0, 0);
	message_put_u64(&t->out, SLUICE_A_GENERATION, t->generation);
	message_put_object(&t->out, o->type, o->bytes, o->key_len, NULL, 0);
	return 0;
}

static void tell_objects(struct server *s, const struct store_event *e)
{
	struct objects_told t = { .server = s, .generation = e->generation };

	if (!e->before || !server_anyone_in(s, SLUICE_GROUP_CONFIG))
		return;
	store_diff(e->before, e->after, objects_tell, &t);
	objects_flush(&t);
}

static void tell_compiler(struct server *s, const struct store_event *e, const void *bytes,
			  size_t len)
{
	if (!e->compiler)
		return;
	if (e->compiler == s->self) {
		s->compile = true;
		s->compile_generation = e->generation;
		s->compile_returned = e->kind == STORE_RETURNED;
		return;
	}
	conn_send(store_owner_cookie(e->compiler), bytes, len);
}

/* The text of a verdict: what went wrong in keeping it, and the compiler's. */
static void put_verdict(struct message_out *o, const struct store_event *e, const char *unsaved)
{
	char cut[SLUICE_MESSAGE_MAX + 1];
	struct text text = { 0 };
	const char *said;

	message_put_u64(o, SLUICE_A_GENERATION, e->generation);
	message_put_u32(o, SLUICE_A_ACCEPTED, e->accepted);
	if (unsaved)
		text_printf(&text, "%s\n", unsaved);
	if (e->message)
		text_append(&text, e->message, e->message_len);
	said = message_cut(text_string(&text), cut);
	if (*said)
		message_put_string(o, SLUICE_A_MESSAGE, said, strlen(said));
	text_free(&text);
}

static void save(struct server *s)
{
	s->unsaved = s->callbacks.save ? s->callbacks.save(s->callbacks.ctx) : NULL;
}

void server_happen(void *ctx, const struct store_event *e)
{
	struct server *s = ctx;
	struct message_out o;

	switch (e->kind) {
	case STORE_BEGUN:
	case STORE_ABORTED:
		server_start(s, &o, e->kind == STORE_BEGUN ? SLUICE_CMD_TXN_BEGIN : SLUICE_CMD_TXN_ABORT,
		      0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		break;
	case STORE_CANDIDATE:
		server_start(s, &o, SLUICE_CMD_COMMIT, 0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		if (e->subject->copied)
			message_put_u64(&o, SLUICE_A_FROM, e->subject->from);
		if (e->confirm_ms)
			message_put_u32(&o, SLUICE_A_CONFIRM_TIMEOUT, e->confirm_ms);
		if (e->subject->comment_len)
			message_put_string(&o, SLUICE_A_COMMENT, e->subject->comment,
					   e->subject->comment_len);
		tell_compiler(s, e, s->out, message_len(&o));
		break;
	case STORE_VERDICT:
		save(s);
		server_start(s, &o, SLUICE_CMD_VERDICT, e->seq);
		put_verdict(&o, e, s->unsaved);
		if (e->committer && store_owner_cookie(e->committer))
			conn_send(store_owner_cookie(e->committer), s->out, message_len(&o));
		o.nlh->nlmsg_seq = 0;
		break;
	case STORE_CONFIRMED:
		save(s);
		server_start(s, &o, SLUICE_CMD_CONFIRM, 0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		break;
	case STORE_RETURNED:
		save(s);
		server_start(s, &o, SLUICE_CMD_ROLLBACK, 0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		message_put_u64(&o, SLUICE_A_FROM, e->subject->from);
		tell_compiler(s, e, s->out, message_len(&o));
		break;
	case STORE_BOUND:
	case STORE_UNBOUND:
		server_start(s, &o, SLUICE_CMD_BIND, 0);
		if (e->kind == STORE_UNBOUND)
			message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_GONE);
		break;
	}
	server_notify(s, SLUICE_GROUP_CONFIG, s->out, message_len(&o));
	tell_objects(s, e);
}

// SPDX-License-Identifier: GPL-2.0
/* server_request.c: requests in, store calls, answers out: a function a command. */
#include "netlink/server_inside.h"

#include <errno.h>
#include <string.h>

#include "netlink/client.h"

/* The store's refusal, with the attribute that it is about. */
static int refuse(struct message_error *e, int err, const struct store_error *why,
		  const struct message *m, const struct message_object *o)
{
	const struct nlattr *where = o ? o->attr : NULL;

	switch (why->part) {
	case STORE_WHOLE:
		break;
	case STORE_TYPE:
		where = o ? o->type_attr : NULL;
		break;
	case STORE_KEY:
		where = o && o->key_attr ? o->key_attr : where;
		break;
	case STORE_VALUE:
		where = o && o->value_attr ? o->value_attr : where;
		break;
	case STORE_FLAGS:
		where = m->attr[SLUICE_A_FLAGS];
		break;
	case STORE_GENERATION:
		where = m->attr[SLUICE_A_GENERATION];
		break;
	case STORE_TIMEOUT:
		where = m->attr[SLUICE_A_CONFIRM_TIMEOUT];
		break;
	case STORE_COMMENT:
		where = m->attr[SLUICE_A_COMMENT];
		break;
	}
	return message_fail(e, err, where, "%s", why->message);
}

static int do_change(struct conn *c, const struct message *m, struct message_error *e)
{
	struct store *store = c->server->store;
	const struct nlattr *pos = NULL;
	struct message_object o;
	struct store_error why;
	struct store_tree mark;
	int err;

	err = store_mark(c->owner, &mark, &why);
	if (err)
		return refuse(e, err, &why, m, NULL);
	while (message_object(m, &pos, &o)) {
		if (m->cmd == SLUICE_CMD_SET)
			err = store_set(store, c->owner, o.type, o.key, o.key_len, o.value,
					o.value_len, m->flags, &why);
		else
			err = store_del(store, c->owner, o.type, o.key, o.key_len, m->flags, &why);
		if (err) {
			store_revert(store, c->owner, &mark);
			return refuse(e, err, &why, m, &o);
		}
	}
	store_forget(store, &mark);
	return 0;
}

/* The configuration that a GET names. */
static int find_view(struct conn *c, const struct message *m, struct store_tree *view,
		     uint64_t *generation, struct message_error *e)
{
	enum store_which which = STORE_RUNNING;
	struct store_error why;
	int err;

	if (m->flags & ~(uint32_t)SLUICE_F_TXN)
		return message_fail(e, -EINVAL, m->attr[SLUICE_A_FLAGS],
				    "GET takes the flag TXN");
	if (m->flags && message_has(m, SLUICE_A_GENERATION))
		return message_fail(e, -EINVAL, m->attr[SLUICE_A_GENERATION],
				    "a transaction has no generation");
	if (m->flags)
		which = STORE_TXN;
	else if (message_has(m, SLUICE_A_GENERATION))
		which = STORE_NUMBER;
	err = store_read(c->server->store, c->owner, which, m->generation, view, generation, &why);
	return err ? refuse(e, err, &why, m, NULL) : 0;
}

static int do_get(struct conn *c, const struct message *m, struct message_error *e)
{
	struct server *s = c->server;
	const struct nlattr *pos = NULL;
	const struct store_object *found;
	struct message_object o;
	struct message_out out;
	struct store_tree view;
	uint64_t generation;
	int err;

	err = find_view(c, m, &view, &generation, e);
	if (err)
		return err;
	message_object(m, &pos, &o);
	found = store_find(&view, o.type, o.key, o.key_len);
	if (found) {
		server_start(s, &out, SLUICE_CMD_GET, m->nlh->nlmsg_seq);
		message_put_u64(&out, SLUICE_A_GENERATION, generation);
		message_put_object(&out, found->type, found->bytes, found->key_len,
				   store_object_value(found), found->value_len);
		conn_send(c, s->out, message_len(&out));
	} else {
		err = message_fail(e, -ENOENT, o.key_attr, "there is no object with this key");
	}
	store_tree_put(s->store, &view);
	return err;
}

/* --- dumps --------------------------------------------------------------------------- */

void conn_end_dump(struct conn *c)
{
	if (c->dump.active)
		store_tree_put(c->server->store, &c->dump.view);
	c->dump.active = false;
}

/* Writes one object of the dump at @at. Return: bytes, or 0 if it does not fit. */
static size_t put_dumped(const struct dump *d, void *at, size_t room)
{
	const struct store_object *o = d->next;
	struct message_out out;

	if (room < 64)
		return 0;
	message_start(&out, at, room, SLUICE_CMD_GET, NLM_F_MULTI, d->seq);
	message_put_u64(&out, SLUICE_A_GENERATION, d->generation);
	if (!message_put_object(&out, o->type, o->bytes, o->key_len, store_object_value(o),
				o->value_len))
		return 0;
	return message_len(&out);
}

static const struct store_object *within(const struct dump *d, const struct store_object *o)
{
	if (o && d->type && !store_object_begins(o, d->type, d->prefix, d->prefix_len))
		return NULL;
	return o;
}

void conn_continue_dump(struct conn *c)
{
	struct dump *d = &c->dump;
	struct server *s = c->server;

	while (d->active && !c->dead && c->queued < SERVER_QUEUE_BYTES / 2) {
		size_t used = 0, more = 1;

		while (d->next && more) {
			more = put_dumped(d, s->out + used, DUMP_DATAGRAM - used);
			used += more;
			if (more)
				d->next = within(d, store_next(&d->view, d->next));
		}
		conn_send(c, s->out, used);
		if (!d->next) {
			conn_send(c, s->out, message_put_done(s->out, d->seq));
			conn_end_dump(c);
		}
	}
}

static int do_dump(struct conn *c, const struct message *m, struct message_error *e)
{
	const struct nlattr *pos = NULL;
	struct dump *d = &c->dump;
	struct message_object o = {};
	int err;

	if (d->active)
		return message_fail(e, -EBUSY, NULL, "a dump is under way on this connection");
	err = find_view(c, m, &d->view, &d->generation, e);
	if (err)
		return err;
	message_object(m, &pos, &o);
	d->active = true;
	d->seq = m->nlh->nlmsg_seq;
	d->type = o.type;
	d->prefix_len = o.key_len;
	if (o.key_len)
		memcpy(d->prefix, o.key, o.key_len);
	d->next = within(d, store_first(&d->view, d->type, d->prefix, d->prefix_len));
	conn_continue_dump(c);
	return 0;
}

/* --- the others ----------------------------------------------------------------------- */

static int do_commit(struct conn *c, const struct message *m, struct message_error *e)
{
	struct store_commit how = {
		.seq = m->nlh->nlmsg_seq,
		.confirm_ms = m->confirm_timeout_ms,
		.comment = m->comment,
		.comment_len = m->comment ? strlen(m->comment) : 0,
	};
	struct store *store = c->server->store;
	uint64_t now = server_now(c->server), number = m->generation;
	struct store_error why;
	int err;

	if (message_has(m, SLUICE_A_CONFIRM_TIMEOUT) && !how.confirm_ms)
		return message_fail(e, -EINVAL, m->attr[SLUICE_A_CONFIRM_TIMEOUT],
				    "the time to confirm is at least a millisecond");
	if (m->cmd == SLUICE_CMD_COMMIT)
		err = store_commit(store, c->owner, &how, now, &number, &why);
	else
		err = store_rollback(store, c->owner,
				     message_has(m, SLUICE_A_GENERATION) ? &m->generation : NULL,
				     &how, now, &number, &why);
	if (err)
		return refuse(e, err, &why, m, NULL);
	conn_answer_generation(c, m, number);
	return 0;
}

static void do_status(struct conn *c, const struct message *m)
{
	struct server *s = c->server;
	struct client_status status = { .home = SLUICE_HOME_DAEMON };
	struct store_status st;
	struct message_out o;

	store_status(s->store, server_now(s), &st);
	status.compiler = st.compiler;
	status.running = st.running;
	status.applied = st.applied;
	status.candidate_waits = st.candidate_waits;
	status.candidate = st.candidate;
	status.confirm_waits = st.confirm_waits;
	status.confirm_left_ms = st.confirm_left_ms;
	status.confirm_back = st.confirm_back;
	status.txns = st.txns;
	status.memory = st.memory;
	status.objects_max = st.limits.objects;
	status.bytes_max = st.limits.bytes;
	status.memory_max = st.limits.memory;
	status.generations = st.generations;
	for (uint32_t i = 0; i < st.generations; i++) {
		const struct store_generation *g = store_generation(s->store, i);
		struct client_generation *to = &status.generation[i];

		to->number = g->number;
		to->copied = g->copied;
		to->from = g->from;
		to->time_s = g->time_s;
		to->objects = g->tree.objects;
		to->bytes = g->tree.bytes;
		memcpy(to->comment, g->comment, g->comment_len);
	}
	server_start(s, &o, SLUICE_CMD_STATUS, m->nlh->nlmsg_seq);
	message_put_status(&o, &status);
	conn_send(c, s->out, message_len(&o));
}

static int do_event(struct conn *c, const struct message *m, struct message_error *e)
{
	struct message_event event;
	struct message_out o;

	if (!store_compiles(c->server->store, c->owner))
		return message_fail(e, -EPERM, NULL, "this connection is not the bound compiler");
	message_event(m, &event);
	server_start(c->server, &o, SLUICE_CMD_EVENT, 0);
	message_put_event(&o, event.name, event.time_ns, event.text);
	server_notify(c->server, SLUICE_GROUP_EVENTS, c->server->out, message_len(&o));
	return 0;
}

static int do_request(struct conn *c, const struct message *m, struct message_error *e)
{
	struct store *store = c->server->store;
	struct store_error why;
	uint64_t generation;
	int err = 0;

	switch ((enum sluice_cmd)m->cmd) {
	case SLUICE_CMD_TXN_BEGIN:
		err = store_begin(store, c->owner, &generation, &why);
		if (!err)
			conn_answer_generation(c, m, generation);
		break;
	case SLUICE_CMD_TXN_ABORT:
		err = store_abort(store, c->owner, &why);
		break;
	case SLUICE_CMD_SET:
	case SLUICE_CMD_DEL:
		return do_change(c, m, e);
	case SLUICE_CMD_GET:
		return m->dump ? do_dump(c, m, e) : do_get(c, m, e);
	case SLUICE_CMD_COMMIT:
	case SLUICE_CMD_ROLLBACK:
		return do_commit(c, m, e);
	case SLUICE_CMD_CONFIRM:
		err = store_confirm(store, message_has(m, SLUICE_A_GENERATION) ? &m->generation :
				    NULL, &why);
		if (!err && c->server->unsaved)
			message_fail(e, 0, NULL, "%s", c->server->unsaved);
		break;
	case SLUICE_CMD_STATUS:
		do_status(c, m);
		break;
	case SLUICE_CMD_BIND:
		err = store_bind(store, c->owner, m->generation, &generation, &why);
		if (!err)
			conn_answer_generation(c, m, generation);
		break;
	case SLUICE_CMD_VERDICT:
		if (m->accepted > 1)
			return message_fail(e, -EINVAL, m->attr[SLUICE_A_ACCEPTED],
					    "ACCEPTED is 0 or 1");
		err = store_verdict(store, c->owner, m->generation, m->accepted, m->text,
				    m->text ? strlen(m->text) : 0, server_now(c->server), &why);
		break;
	case SLUICE_CMD_EVENT:
		return do_event(c, m, e);
	case SLUICE_CMD_SUBSCRIBE:
		if (m->groups & ~(1u << SLUICE_GROUP_CONFIG | 1u << SLUICE_GROUP_EVENTS))
			return message_fail(e, -EINVAL, m->attr[SLUICE_A_GROUPS],
					    "there are the groups config and events, no others");
		c->groups = m->groups;
		break;
	case SLUICE_CMD_UNSPEC:
	case __SLUICE_CMD_MAX:
		return message_fail(e, -EOPNOTSUPP, NULL, "no command has number %u", m->cmd);
	}
	return err ? refuse(e, err, &why, m, NULL) : 0;
}

void conn_take_datagram(struct conn *c, const void *bytes, size_t len)
{
	static const struct nlmsghdr unknown;
	const struct nlmsghdr *nlh;
	struct message_error e;
	struct message m;
	size_t pos = 0;

	while ((nlh = message_split(bytes, len, &pos, &e))) {
		int err = message_request(nlh, &m, &e);

		if (!err && !c->allowed)
			err = message_fail(&e, -EPERM, NULL,
					   "only root and members of the socket's group may do this");
		e.sentence[0] = err ? e.sentence[0] : '\0';
		if (!err)
			err = do_request(c, &m, &e);
		/* a dump ends in NLMSG_DONE instead */
		if (err || (nlh->nlmsg_flags & NLM_F_ACK && !m.dump)) {
			e.err = err;
			conn_answer_error(c, nlh, &e);
		}
		if (c->dead)
			return;
	}
	if (e.err)
		conn_answer_error(c, len - pos >= sizeof(*nlh) ?
			     (const void *)((const char *)bytes + pos) : &unknown, &e);
}

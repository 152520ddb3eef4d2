// SPDX-License-Identifier: GPL-2.0
/*
 * server.c: requests in, store calls, answers and notifications out.
 *
 * The way of a request: server_readable() takes datagrams, do_datagram() splits them,
 * do_request() decodes and calls one do_*() a command, which calls the store and answers.
 * The way of a happening: the store calls happen(), which tells subscribers, the committer,
 * and the compiler.
 *
 * Two things wait until a call is through with its request, and are done by leave(): the
 * in-process compiler is called, so that its verdict cannot overtake the answer to COMMIT;
 * and connections that have ended are freed, so that nobody up the stack still holds one.
 */
#include "netlink/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"
#include "kmod/store.h"
#include "netlink/client.h"
#include "netlink/document.h"
#include "netlink/message.h"

#define DUMP_DATAGRAM	32768	/* bytes: as much as the kernel gives a dump */
#define DATAGRAMS_A_CALL 16	/* read from one connection before others have their turn */

struct datagram {
	struct datagram *next;
	size_t len;
	char bytes[] __attribute__((aligned(4)));
};

struct dump {
	bool active;
	uint32_t seq;
	uint64_t generation;
	struct store_tree view;
	const struct store_object *next;	/* in @view, which keeps it */
	uint32_t type;				/* 0: all */
	size_t prefix_len;
	uint8_t prefix[SLUICE_KEY_MAX];
};

struct conn {
	struct server *server;
	struct conn *next;
	struct store_owner *owner;
	void *user;
	int fd;
	bool allowed;
	bool dead;			/* freed by leave() */
	bool lost;			/* notifications were left out: to be said */
	uint32_t groups;
	unsigned int watched;		/* events, as the caller was told */
	struct datagram *first, **last;	/* not sent yet */
	size_t queued;			/* bytes of them */
	uint64_t moved_ms;		/* when the queue last got shorter, or began */
	struct dump dump;
};

struct server {
	struct store *store;
	struct server_callbacks callbacks;
	struct store_owner *self;	/* the caller as compiler; NULL: not bound */
	struct conn *conns;
	unsigned int n_conns;
	unsigned int depth;		/* of calls into this file */
	bool compile;			/* owed to the caller */
	bool compile_returned;
	uint64_t compile_generation;
	uint64_t wake_at;		/* as the caller was told */

	int listener;
	int spare;			/* a descriptor to give up when there are no others */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat bound;		/* the socket that we made */
	gid_t group;

	char in[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	char out[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
};

static uint64_t now_ms(const struct server *s)
{
	struct timespec t;

	if (s->callbacks.now_ms)
		return s->callbacks.now_ms(s->callbacks.ctx);
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* --- sending ----------------------------------------------------------------- */

static void enqueue(struct conn *c, const void *bytes, size_t len)
{
	struct datagram *d = xcalloc(1, sizeof(*d) + len);

	d->len = len;
	memcpy(d->bytes, bytes, len);
	if (!c->first)
		c->moved_ms = now_ms(c->server);
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

static void conn_send(struct conn *c, const void *bytes, size_t len)
{
	if (c->dead || !len)
		return;
	if (c->first || !try_send(c, bytes, len))
		enqueue(c, bytes, len);
}

/* Sends what waits. Return: whether all of it is sent. */
static bool flush(struct conn *c)
{
	while (c->first && !c->dead) {
		struct datagram *d = c->first;

		if (!try_send(c, d->bytes, d->len))
			return false;
		c->first = d->next;
		if (!c->first)
			c->last = &c->first;
		c->queued -= d->len;
		c->moved_ms = now_ms(c->server);
		free(d);
	}
	if (c->lost && !c->dead) {
		char overrun[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));

		c->lost = false;
		conn_send(c, overrun, message_put_overrun(overrun));
	}
	return !c->first;
}

static void notify(struct server *s, enum sluice_group group, const void *bytes, size_t len)
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

static void answer_error(struct conn *c, const struct nlmsghdr *request,
			 const struct message_error *e)
{
	char buf[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));

	conn_send(c, buf, message_put_error(buf, request, e));
}

static void start(struct server *s, struct message_out *o, enum sluice_cmd cmd, uint32_t seq)
{
	message_start(o, s->out, sizeof(s->out), cmd, 0, seq);
}

static void answer_generation(struct conn *c, const struct message *m, uint64_t generation)
{
	struct message_out o;

	start(c->server, &o, m->cmd, m->nlh->nlmsg_seq);
	message_put_u64(&o, SLUICE_A_GENERATION, generation);
	conn_send(c, c->server->out, message_len(&o));
}

/* --- what the store tells ------------------------------------------------------ */

struct objects_told {
	struct server *server;
	struct message_out out;
	uint64_t generation;
	enum sluice_cmd cmd;	/* UNSPEC: no message is begun */
};

static void objects_flush(struct objects_told *t)
{
	if (t->cmd)
		notify(t->server, SLUICE_GROUP_CONFIG, t->server->out, message_len(&t->out));
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

static bool anyone_in(const struct server *s, enum sluice_group group)
{
	for (const struct conn *c = s->conns; c; c = c->next)
		if (c->groups >> group & 1)
			return true;
	return false;
}

static void tell_objects(struct server *s, const struct store_event *e)
{
	struct objects_told t = { .server = s, .generation = e->generation };

	if (!e->before || !anyone_in(s, SLUICE_GROUP_CONFIG))
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

static const char *save(struct server *s)
{
	return s->callbacks.save ? s->callbacks.save(s->callbacks.ctx) : NULL;
}

static void happen(void *ctx, const struct store_event *e)
{
	struct server *s = ctx;
	struct message_out o;
	const char *unsaved;

	switch (e->kind) {
	case STORE_BEGUN:
	case STORE_ABORTED:
		start(s, &o, e->kind == STORE_BEGUN ? SLUICE_CMD_TXN_BEGIN : SLUICE_CMD_TXN_ABORT,
		      0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		break;
	case STORE_CANDIDATE:
		start(s, &o, SLUICE_CMD_COMMIT, 0);
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
		unsaved = save(s);
		start(s, &o, SLUICE_CMD_VERDICT, e->seq);
		put_verdict(&o, e, unsaved);
		if (e->committer && store_owner_cookie(e->committer))
			conn_send(store_owner_cookie(e->committer), s->out, message_len(&o));
		o.nlh->nlmsg_seq = 0;
		break;
	case STORE_CONFIRMED:
		save(s);
		start(s, &o, SLUICE_CMD_CONFIRM, 0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		break;
	case STORE_RETURNED:
		save(s);
		start(s, &o, SLUICE_CMD_ROLLBACK, 0);
		message_put_u64(&o, SLUICE_A_GENERATION, e->generation);
		message_put_u64(&o, SLUICE_A_FROM, e->subject->from);
		tell_compiler(s, e, s->out, message_len(&o));
		break;
	case STORE_BOUND:
	case STORE_UNBOUND:
		start(s, &o, SLUICE_CMD_BIND, 0);
		if (e->kind == STORE_UNBOUND)
			message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_GONE);
		break;
	}
	notify(s, SLUICE_GROUP_CONFIG, s->out, message_len(&o));
	tell_objects(s, e);
}

/* --- requests -------------------------------------------------------------------- */

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
		start(s, &out, SLUICE_CMD_GET, m->nlh->nlmsg_seq);
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

static void end_dump(struct conn *c)
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

/* Sends on, until the queue is half full or all is said. */
static void continue_dump(struct conn *c)
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
			end_dump(c);
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
	continue_dump(c);
	return 0;
}

static int do_commit(struct conn *c, const struct message *m, struct message_error *e)
{
	struct store_commit how = {
		.seq = m->nlh->nlmsg_seq,
		.confirm_ms = m->confirm_timeout_ms,
		.comment = m->comment,
		.comment_len = m->comment ? strlen(m->comment) : 0,
	};
	struct store *store = c->server->store;
	uint64_t now = now_ms(c->server), number = m->generation;
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
	answer_generation(c, m, number);
	return 0;
}

static void do_status(struct conn *c, const struct message *m)
{
	struct server *s = c->server;
	struct client_status status = { .home = SLUICE_HOME_DAEMON };
	struct store_status st;
	struct message_out o;

	store_status(s->store, now_ms(s), &st);
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
	start(s, &o, SLUICE_CMD_STATUS, m->nlh->nlmsg_seq);
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
	start(c->server, &o, SLUICE_CMD_EVENT, 0);
	message_put_event(&o, event.name, event.time_ns, event.text);
	notify(c->server, SLUICE_GROUP_EVENTS, c->server->out, message_len(&o));
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
			answer_generation(c, m, generation);
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
		break;
	case SLUICE_CMD_STATUS:
		do_status(c, m);
		break;
	case SLUICE_CMD_BIND:
		err = store_bind(store, c->owner, m->generation, &generation, &why);
		if (!err)
			answer_generation(c, m, generation);
		break;
	case SLUICE_CMD_VERDICT:
		if (m->accepted > 1)
			return message_fail(e, -EINVAL, m->attr[SLUICE_A_ACCEPTED],
					    "ACCEPTED is 0 or 1");
		err = store_verdict(store, c->owner, m->generation, m->accepted, m->text,
				    m->text ? strlen(m->text) : 0, now_ms(c->server), &why);
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

static void do_datagram(struct conn *c, const void *bytes, size_t len)
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
		if (!err)
			err = do_request(c, &m, &e);
		/* a dump ends in NLMSG_DONE instead */
		if (err || (nlh->nlmsg_flags & NLM_F_ACK && !m.dump)) {
			e.err = err;
			answer_error(c, nlh, &e);
		}
		if (c->dead)
			return;
	}
	if (e.err)
		answer_error(c, len - pos >= sizeof(*nlh) ?
			     (const void *)((const char *)bytes + pos) : &unknown, &e);
}

/* --- entering and leaving ----------------------------------------------------------- */

static void enter(struct server *s)
{
	s->depth++;
}

static void free_conn(struct conn *c)
{
	struct server *s = c->server;

	s->callbacks.closed(s->callbacks.ctx, c);
	end_dump(c);
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

static void leave(struct server *s)
{
	uint64_t now, next;

	if (s->depth > 1) {
		s->depth--;
		return;
	}
	do {
		now = now_ms(s);
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
	uint64_t now = now_ms(s);

	enter(s);
	s->wake_at = 0;		/* whatever is due, say it again */
	for (struct conn *c = s->conns; c; c = c->next)
		if (c->first && now >= c->moved_ms + SERVER_STALL_MS)
			c->dead = true;
	leave(s);
}

void server_readable(struct conn *c)
{
	struct server *s = c->server;

	enter(s);
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
			answer_error(c, (void *)s->in, &e);
		} else {
			do_datagram(c, s->in, n);
		}
	}
	leave(s);
}

void server_writable(struct conn *c)
{
	struct server *s = c->server;

	enter(s);
	if (flush(c) || c->queued < SERVER_QUEUE_BYTES / 2)
		continue_dump(c);
	leave(s);
}

/* --- connections ------------------------------------------------------------------- */

/* Root, whoever we are, and the socket's group, first or further. */
static bool may_use(const struct server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gid_t groups[1024];
	socklen_t groups_len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (!peer.uid || peer.uid == geteuid() || peer.gid == s->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len))
		return false;
	for (size_t i = 0; i < groups_len / sizeof(*groups); i++)
		if (groups[i] == s->group)
			return true;
	return false;
}

static void turn_away(int fd, int err, const char *why)
{
	static const struct nlmsghdr none;
	char buf[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));
	struct message_error e;
	size_t len;

	message_fail(&e, err, NULL, "%s", why);
	len = message_put_error(buf, &none, &e);
	/* should this fail, it still sees the end of the connection */
	len = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

struct conn *server_adopt(struct server *s, int fd)
{
	struct store_owner *owner;
	struct conn *c;

	if (s->n_conns >= SERVER_CONNS_MAX) {
		turn_away(fd, -EUSERS, "as many clients are connected as may be");
		return NULL;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c = xcalloc(1, sizeof(*c));
	owner = store_owner_open(s->store, c);
	if (!owner) {
		free(c);
		turn_away(fd, -ENOMEM, "the system is out of memory");
		return NULL;
	}
	enter(s);
	c->server = s;
	c->owner = owner;
	c->fd = fd;
	c->last = &c->first;
	c->watched = SERVER_READ;
	c->allowed = may_use(s, fd);
	c->next = s->conns;
	s->conns = c;
	s->n_conns++;
	leave(s);
	return c;
}

struct conn *server_accept(struct server *s)
{
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct conn *c;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && s->spare >= 0) {
			/* else the listener stays readable, and the loop spins */
			close(s->spare);
			fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				turn_away(fd, -EMFILE, "sluiced has no descriptor left");
			s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				return NULL;
			continue;
		}
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return NULL;
		c = server_adopt(s, fd);
		if (c)
			return c;
	}
}

int conn_fd(const struct conn *c)
{
	return c->fd;
}

void **conn_user(struct conn *c)
{
	return &c->user;
}

/* --- the socket ---------------------------------------------------------------------- */

/* A socket that nobody listens on is left over from a daemon that was killed. */
static int clear_path(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : EADDRINUSE;
	close(fd);
	if (err != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(addr->sun_path) ? -errno : 0;
}

int server_listen(struct server *s, const char *path, gid_t group)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	err = clear_path(&addr);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (err)
		goto close;
	if ((group != (gid_t)-1 && chown(path, -1, group)) || lstat(path, &s->bound) ||
	    listen(fd, 32)) {
		err = -errno;
		goto unlink;
	}
	s->group = s->bound.st_gid;
	s->listener = fd;
	strcpy(s->path, path);
	return fd;
unlink:
	unlink(path);
close:
	close(fd);
	return err;
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
	store_watch(store, happen, s);
	return s;
}

void server_free(struct server *s)
{
	struct stat st;

	if (!s)
		return;
	enter(s);
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

/* --- the caller as compiler ------------------------------------------------------------ */

int server_bind(struct server *s, uint64_t runs, uint64_t *running)
{
	struct store_error why;
	int err;

	if (s->self)
		return -EBUSY;
	enter(s);
	/* a return that is overdue happens before: the caller learns of it by @running */
	store_tick(s->store, now_ms(s));
	s->self = store_owner_open(s->store, NULL);
	err = s->self ? store_bind(s->store, s->self, runs, running, &why) : -ENOMEM;
	if (err && s->self) {
		store_owner_close(s->store, s->self);
		s->self = NULL;
	}
	leave(s);
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
	enter(s);
	err = store_verdict(s->store, s->self, generation, accepted, message, strlen(message),
			    now_ms(s), &why);
	leave(s);
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
	struct timespec t;

	if (!anyone_in(s, SLUICE_GROUP_EVENTS))
		return;
	enter(s);
	clock_gettime(CLOCK_REALTIME, &t);
	start(s, &o, SLUICE_CMD_EVENT, 0);
	message_put_event(&o, name, t.tv_sec * 1000000000ull + t.tv_nsec, json);
	notify(s, SLUICE_GROUP_EVENTS, s->out, message_len(&o));
	leave(s);
}

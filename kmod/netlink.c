// SPDX-License-Identifier: GPL-2.0
/*
 * netlink.c: requests in, store calls, answers out; userland/netlink/server.c does the same on a
 * unix socket.
 *
 * The family checks by its policies what attributes are there and how they look; what a message
 * means is checked here, and what an object's key and a transaction allow, in the store. Every
 * refusal is a sentence and, where there is one, the attribute.
 *
 * One doit serves all commands: it enters the namespace's instance (namespace.h has the
 * locking), works the request off, and leaves. A dump takes a view of its configuration and
 * is of one moment, however many messages it takes; nothing ever interrupts it.
 */
#include "netlink.h"

#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>

#include <linux/sluice.h>

#include "compat.h"
#include "namespace.h"
#include "notify.h"
#include "store.h"

/* --- what each command takes ----------------------------------------------------- */

static const struct nla_policy object_policy[SLUICE_OBJECT_A_MAX + 1] = {
	[SLUICE_OBJECT_A_TYPE] = { .type = NLA_U32 },
	[SLUICE_OBJECT_A_KEY] = { .type = NLA_BINARY, .len = SLUICE_KEY_MAX },
	[SLUICE_OBJECT_A_VALUE] = { .type = NLA_BINARY, .len = SLUICE_VALUE_MAX },
};

static const struct nla_policy event_policy[SLUICE_EVENT_A_MAX + 1] = {
	[SLUICE_EVENT_A_NAME] = { .type = NLA_NUL_STRING, .len = SLUICE_EVENT_NAME_MAX },
	[SLUICE_EVENT_A_TIME] = { .type = NLA_U64 },
	[SLUICE_EVENT_A_TEXT] = { .type = NLA_NUL_STRING, .len = SLUICE_EVENT_TEXT_MAX },
};

static const struct nla_policy nothing_policy[SLUICE_A_MAX + 1] = {};

static const struct nla_policy change_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_OBJECT] = NLA_POLICY_NESTED(object_policy),
	[SLUICE_A_FLAGS] = { .type = NLA_U32 },
};

static const struct nla_policy get_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_OBJECT] = NLA_POLICY_NESTED(object_policy),
	[SLUICE_A_GENERATION] = { .type = NLA_U64 },
	[SLUICE_A_FLAGS] = { .type = NLA_U32 },
};

static const struct nla_policy commit_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_CONFIRM_TIMEOUT] = { .type = NLA_U32 },
	[SLUICE_A_COMMENT] = { .type = NLA_NUL_STRING, .len = SLUICE_COMMENT_MAX },
};

static const struct nla_policy rollback_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_GENERATION] = { .type = NLA_U64 },
	[SLUICE_A_CONFIRM_TIMEOUT] = { .type = NLA_U32 },
	[SLUICE_A_COMMENT] = { .type = NLA_NUL_STRING, .len = SLUICE_COMMENT_MAX },
};

/* CONFIRM and BIND. */
static const struct nla_policy generation_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_GENERATION] = { .type = NLA_U64 },
};

static const struct nla_policy verdict_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_GENERATION] = { .type = NLA_U64 },
	[SLUICE_A_ACCEPTED] = { .type = NLA_U32 },
	[SLUICE_A_MESSAGE] = { .type = NLA_NUL_STRING, .len = SLUICE_MESSAGE_MAX },
};

static const struct nla_policy tell_policy[SLUICE_A_MAX + 1] = {
	[SLUICE_A_EVENT] = NLA_POLICY_NESTED(event_policy),
};

/* --- refusals -------------------------------------------------------------------- */

/* @message: static, as an extack asks for. */
static int refuse(struct netlink_ext_ack *extack, int err, const char *message,
		  const struct nlattr *where)
{
	if (extack) {
		extack->_msg = message;
		extack->bad_attr = where;
		extack->policy = NULL;
	}
	return err;
}

/* One object of a request, with the attributes that a refusal may name. */
struct object {
	const struct nlattr *nest;
	struct nlattr *tb[SLUICE_OBJECT_A_MAX + 1];
	u32 type;
	const void *key, *value;
	u32 key_len, value_len;
};

/* The store's own refusal. @attrs: the request's; @o: the object it was about, or NULL. */
static int refuse_why(struct netlink_ext_ack *extack, int err, const struct store_error *why,
		      struct nlattr **attrs, const struct object *o)
{
	const struct nlattr *where = o ? o->nest : NULL;

	switch (why->part) {
	case STORE_WHOLE:
		break;
	case STORE_TYPE:
		where = o ? o->tb[SLUICE_OBJECT_A_TYPE] : NULL;
		break;
	case STORE_KEY:
		if (o && o->tb[SLUICE_OBJECT_A_KEY])
			where = o->tb[SLUICE_OBJECT_A_KEY];
		break;
	case STORE_VALUE:
		if (o && o->tb[SLUICE_OBJECT_A_VALUE])
			where = o->tb[SLUICE_OBJECT_A_VALUE];
		break;
	case STORE_FLAGS:
		where = attrs[SLUICE_A_FLAGS];
		break;
	case STORE_GENERATION:
		where = attrs[SLUICE_A_GENERATION];
		break;
	case STORE_TIMEOUT:
		where = attrs[SLUICE_A_CONFIRM_TIMEOUT];
		break;
	case STORE_COMMENT:
		where = attrs[SLUICE_A_COMMENT];
		break;
	}
	return refuse(extack, err, why->message, where);
}

static int check_version(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	const struct genlmsghdr *genl = nlmsg_data(nlh);

	if (genl->version > SLUICE_FAMILY_VERSION)
		return refuse(extack, -EPROTONOSUPPORT,
			      "the message is of a newer version than this module speaks", NULL);
	return 0;
}

/* --- answers --------------------------------------------------------------------- */

int sluice_put_object(struct sk_buff *skb, const struct store_object *o, bool value)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_OBJECT);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, SLUICE_OBJECT_A_TYPE, o->type) ||
	    nla_put(skb, SLUICE_OBJECT_A_KEY, o->key_len, o->bytes) ||
	    (value && nla_put(skb, SLUICE_OBJECT_A_VALUE, o->value_len, store_object_value(o)))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* A request at work: what its parts need of it. */
struct request {
	struct sluice_net *sn;
	const struct sk_buff *skb;
	struct genl_info *info;
	struct store_owner *owner;	/* NULL where the command does not need one */
};

static struct sk_buff *answer_new(const struct request *r, size_t room, void **header)
{
	struct sk_buff *skb = genlmsg_new(room, GFP_KERNEL);

	if (!skb)
		return NULL;
	*header = genlmsg_put_reply(skb, r->info, &sluice_family, 0, r->info->genlhdr->cmd);
	if (*header)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

/*
 * The answer of a command that changes something: made before the change, since that could not be
 * taken back for want of memory, and sent after it.
 */
struct promise {
	struct sk_buff *skb;
	void *header;
	void *generation;	/* in @skb, unaligned */
};

static int promise_answer(const struct request *r, struct promise *p)
{
	struct nlattr *a;

	p->skb = answer_new(r, nla_total_size_64bit(sizeof(u64)), &p->header);
	if (!p->skb)
		return -ENOMEM;
	a = nla_reserve_64bit(p->skb, SLUICE_A_GENERATION, sizeof(u64), SLUICE_A_PAD);
	if (a) {
		p->generation = nla_data(a);
		return 0;
	}
	nlmsg_free(p->skb);
	return -EMSGSIZE;
}

/* @err: of the change. A client whose socket is full finds ENOBUFS there, but done is done. */
static int keep_promise(const struct request *r, const struct promise *p, int err,
			const struct store_error *why, u64 generation)
{
	if (err) {
		nlmsg_free(p->skb);
		return refuse_why(r->info->extack, err, why, r->info->attrs, NULL);
	}
	memcpy(p->generation, &generation, sizeof(generation));
	genlmsg_end(p->skb, p->header);
	genlmsg_reply(p->skb, r->info);
	return 0;
}

/* --- objects --------------------------------------------------------------------- */

/* Reads the nest @a, which the policy has let pass, as command @cmd takes it. */
static int read_object(const struct nlattr *a, u8 cmd, bool needs_key, struct object *o,
		       struct netlink_ext_ack *extack)
{
	bool set = cmd == SLUICE_CMD_SET;
	int err;

	memset(o, 0, sizeof(*o));
	o->nest = a;
	err = nla_parse_nested(o->tb, SLUICE_OBJECT_A_MAX, a, object_policy, extack);
	if (err)
		return err;
	if (!o->tb[SLUICE_OBJECT_A_TYPE])
		return refuse(extack, -EINVAL, "the object lacks its TYPE", a);
	if (needs_key && !o->tb[SLUICE_OBJECT_A_KEY])
		return refuse(extack, -EINVAL, "the object lacks its KEY", a);
	if (set && !o->tb[SLUICE_OBJECT_A_VALUE])
		return refuse(extack, -EINVAL, "the object lacks its VALUE", a);
	if (!set && o->tb[SLUICE_OBJECT_A_VALUE])
		return refuse(extack, -EINVAL, "a VALUE is not taken by this command",
			      o->tb[SLUICE_OBJECT_A_VALUE]);
	o->type = nla_get_u32(o->tb[SLUICE_OBJECT_A_TYPE]);
	if (o->tb[SLUICE_OBJECT_A_KEY]) {
		o->key = nla_data(o->tb[SLUICE_OBJECT_A_KEY]);
		o->key_len = nla_len(o->tb[SLUICE_OBJECT_A_KEY]);
	}
	if (o->tb[SLUICE_OBJECT_A_VALUE]) {
		o->value = nla_data(o->tb[SLUICE_OBJECT_A_VALUE]);
		o->value_len = nla_len(o->tb[SLUICE_OBJECT_A_VALUE]);
	}
	return 0;
}

static u32 flags_of(struct nlattr **attrs)
{
	return attrs[SLUICE_A_FLAGS] ? nla_get_u32(attrs[SLUICE_A_FLAGS]) : 0;
}

/* SET and DEL: every object of the message, or none. */
static int do_change(const struct request *r)
{
	struct netlink_ext_ack *extack = r->info->extack;
	struct store *store = r->sn->store;
	u8 cmd = r->info->genlhdr->cmd;
	u32 flags = flags_of(r->info->attrs);
	bool needs_key = cmd == SLUICE_CMD_SET || !(flags & SLUICE_F_PREFIX);
	const struct nlattr *a;
	struct store_error why;
	struct store_tree mark;
	struct object o;
	int left, err;

	if (!r->info->attrs[SLUICE_A_OBJECT])
		return refuse(extack, -EINVAL, "the message lacks the attribute OBJECT", NULL);
	err = store_mark(r->owner, &mark, &why);
	if (err)
		return refuse_why(extack, err, &why, r->info->attrs, NULL);
	nlmsg_for_each_attr(a, r->info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(a) != SLUICE_A_OBJECT)
			continue;
		err = read_object(a, cmd, needs_key, &o, extack);
		if (err)
			goto revert;
		if (cmd == SLUICE_CMD_SET)
			err = store_set(store, r->owner, o.type, o.key, o.key_len, o.value,
					o.value_len, flags, &why);
		else
			err = store_del(store, r->owner, o.type, o.key, o.key_len, flags, &why);
		if (err) {
			refuse_why(extack, err, &why, r->info->attrs, &o);
			goto revert;
		}
		cond_resched();
	}
	store_forget(store, &mark);
	return 0;
revert:
	store_revert(store, r->owner, &mark);
	return err;
}

/* --- reading --------------------------------------------------------------------- */

/* The configuration that a GET names, and the one object it may have. */
static int read_get(struct sluice_net *sn, const struct sk_buff *skb, const struct nlmsghdr *nlh,
		    struct nlattr **attrs, bool dump, struct object *o, struct store_tree *view,
		    u64 *generation, struct netlink_ext_ack *extack)
{
	enum store_which which = STORE_RUNNING;
	u32 flags = flags_of(attrs);
	const struct nlattr *a;
	struct store_error why;
	unsigned int n = 0;
	u64 number = 0;
	int left, err;

	memset(o, 0, sizeof(*o));
	nlmsg_for_each_attr(a, nlh, GENL_HDRLEN, left) {
		if (nla_type(a) != SLUICE_A_OBJECT)
			continue;
		if (n++)
			return refuse(extack, -EINVAL, "GET takes one object", a);
		err = read_object(a, SLUICE_CMD_GET, !dump, o, extack);
		if (err)
			return err;
	}
	if (!dump && !n)
		return refuse(extack, -EINVAL, "the message lacks the attribute OBJECT", NULL);
	if (flags & ~SLUICE_F_TXN)
		return refuse(extack, -EINVAL, "GET takes the flag TXN", attrs[SLUICE_A_FLAGS]);
	if (flags && attrs[SLUICE_A_GENERATION])
		return refuse(extack, -EINVAL, "a transaction has no generation",
			      attrs[SLUICE_A_GENERATION]);
	if (flags) {
		which = STORE_TXN;
	} else if (attrs[SLUICE_A_GENERATION]) {
		which = STORE_NUMBER;
		number = nla_get_u64(attrs[SLUICE_A_GENERATION]);
	}
	err = store_read(sn->store,
			 sluice_net_find(sn, NETLINK_CB(skb).sk, NETLINK_CB(skb).portid),
			 which, number, view, generation, &why);
	return err ? refuse_why(extack, err, &why, attrs, NULL) : 0;
}

static int answer_object(const struct request *r, const struct store_object *found,
			 u64 generation)
{
	size_t room = nla_total_size_64bit(sizeof(u64)) + nla_total_size(0) +
		      nla_total_size(sizeof(u32)) + nla_total_size(found->key_len) +
		      nla_total_size(found->value_len);
	void *header;
	struct sk_buff *skb = answer_new(r, room, &header);

	if (!skb)
		return -ENOMEM;
	if (nla_put_u64_64bit(skb, SLUICE_A_GENERATION, generation, SLUICE_A_PAD) ||
	    sluice_put_object(skb, found, true)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, r->info);
}

static int do_get(const struct request *r)
{
	const struct store_object *found;
	struct store_tree view;
	struct object o;
	u64 generation;
	int err;

	err = read_get(r->sn, r->skb, r->info->nlhdr, r->info->attrs, false, &o,
		       &view, &generation, r->info->extack);
	if (err)
		return err;
	found = store_find(&view, o.type, o.key, o.key_len);
	if (found)
		err = answer_object(r, found, generation);
	else
		err = refuse(r->info->extack, -ENOENT, "there is no object with this key",
			     o.tb[SLUICE_OBJECT_A_KEY]);
	store_tree_put(r->sn->store, &view);
	return err;
}

struct dump {
	struct sluice_net *sn;
	u64 generation;
	struct store_tree view;
	const struct store_object *next;	/* in @view, which keeps it */
	u32 type;				/* 0: all */
	u32 prefix_len;
	u8 prefix[SLUICE_KEY_MAX];
};

static struct dump *dump_of(const struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static const struct store_object *within(const struct dump *d, const struct store_object *o)
{
	if (o && d->type && !store_object_begins(o, d->type, d->prefix, d->prefix_len))
		return NULL;
	return o;
}

/* The largest message of a dump; the kernel's first buffer is a page, unless it is told. */
#define DUMP_ROOM \
	(NLMSG_HDRLEN + GENL_HDRLEN + nla_total_size_64bit(sizeof(u64)) + nla_total_size(0) + \
	 nla_total_size(sizeof(u32)) + nla_total_size(SLUICE_KEY_MAX) + \
	 nla_total_size(SLUICE_VALUE_MAX))

static int dump_start(struct netlink_callback *cb)
{
	struct sluice_net *sn = sluice_net(sock_net(cb->skb->sk));
	struct object o;
	struct dump *d;
	int err;

	err = check_version(cb->nlh, cb->extack);
	if (err)
		return err;
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	sluice_net_enter(sn);
	err = read_get(sn, cb->skb, cb->nlh, sluice_dump_attrs(cb), true, &o,
		       &d->view, &d->generation, cb->extack);
	sluice_net_leave(sn);
	if (err) {
		kfree(d);
		return err;
	}
	d->sn = sn;
	d->type = o.type;
	d->prefix_len = o.key_len;
	if (o.key_len)
		memcpy(d->prefix, o.key, o.key_len);
	d->next = within(d, store_first(&d->view, d->type, d->prefix, d->prefix_len));
	cb->args[0] = (long)d;
	cb->min_dump_alloc = DUMP_ROOM;
	return 0;
}

static int dump_one(struct sk_buff *skb, const struct netlink_callback *cb, const struct dump *d)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &sluice_family, NLM_F_MULTI, SLUICE_CMD_GET);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, SLUICE_A_GENERATION, d->generation, SLUICE_A_PAD) ||
	    sluice_put_object(skb, d->next, true)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* Without the lock: the view does not change. */
static int dump_on(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = dump_of(cb);
	int err;

	while (d->next) {
		err = dump_one(skb, cb, d);
		if (err)
			return skb->len ?: err;
		d->next = within(d, store_next(&d->view, d->next));
	}
	return skb->len;
}

static int dump_done(struct netlink_callback *cb)
{
	struct dump *d = dump_of(cb);

	if (!d)
		return 0;
	sluice_net_enter(d->sn);
	store_tree_put(d->sn->store, &d->view);
	sluice_net_leave(d->sn);
	kfree(d);
	return 0;
}

/* --- commits --------------------------------------------------------------------- */

static int do_commit(const struct request *r)
{
	struct nlattr **attrs = r->info->attrs, *timeout = attrs[SLUICE_A_CONFIRM_TIMEOUT],
		      *comment = attrs[SLUICE_A_COMMENT], *number = attrs[SLUICE_A_GENERATION];
	struct store_commit how = { .seq = r->info->snd_seq };
	u64 now = sluice_net_now_ms(), from, candidate = 0;
	struct store_error why;
	struct promise answer;
	int err;

	if (timeout) {
		how.confirm_ms = nla_get_u32(timeout);
		if (!how.confirm_ms)
			return refuse(r->info->extack, -EINVAL,
				      "the time to confirm is at least a millisecond", timeout);
	}
	if (comment) {
		how.comment = nla_data(comment);
		how.comment_len = strnlen(how.comment, nla_len(comment));
	}
	err = promise_answer(r, &answer);
	if (err)
		return err;
	if (r->info->genlhdr->cmd == SLUICE_CMD_COMMIT) {
		err = store_commit(r->sn->store, r->owner, &how, now, &candidate, &why);
	} else {
		from = number ? nla_get_u64(number) : 0;
		err = store_rollback(r->sn->store, r->owner, number ? &from : NULL, &how, now,
				     &candidate, &why);
	}
	return keep_promise(r, &answer, err, &why, candidate);
}

static int do_verdict(const struct request *r)
{
	struct nlattr **attrs = r->info->attrs, *number = attrs[SLUICE_A_GENERATION],
		      *accepted = attrs[SLUICE_A_ACCEPTED], *message = attrs[SLUICE_A_MESSAGE];
	struct store_error why;
	int err;

	if (!number || !accepted)
		return refuse(r->info->extack, -EINVAL,
			      number ? "the message lacks the attribute ACCEPTED" :
				       "the message lacks the attribute GENERATION", NULL);
	if (nla_get_u32(accepted) > 1)
		return refuse(r->info->extack, -EINVAL, "ACCEPTED is 0 or 1", accepted);
	err = store_verdict(r->sn->store, r->owner, nla_get_u64(number), nla_get_u32(accepted),
			    message ? nla_data(message) : NULL,
			    message ? strnlen(nla_data(message), nla_len(message)) : 0,
			    sluice_net_now_ms(), &why);
	return err ? refuse_why(r->info->extack, err, &why, attrs, NULL) : 0;
}

/* --- the rest of the commands ---------------------------------------------------- */

static int do_begin(const struct request *r, struct store_error *why)
{
	struct promise answer;
	u64 generation = 0;
	int err = promise_answer(r, &answer);

	if (err)
		return err;
	err = store_begin(r->sn->store, r->owner, &generation, why);
	return keep_promise(r, &answer, err, why, generation);
}

static int do_bind(const struct request *r, struct store_error *why)
{
	struct nlattr *number = r->info->attrs[SLUICE_A_GENERATION];
	u64 runs = number ? nla_get_u64(number) : 0, running = 0;
	struct promise answer;
	int err = promise_answer(r, &answer);

	if (err)
		return err;
	err = store_bind(r->sn->store, r->owner, runs, &running, why);
	return keep_promise(r, &answer, err, why, running);
}

static int do_confirm(const struct request *r, struct store_error *why)
{
	struct nlattr *attr = r->info->attrs[SLUICE_A_GENERATION];
	u64 number = attr ? nla_get_u64(attr) : 0;
	int err = store_confirm(r->sn->store, attr ? &number : NULL, why);

	return err ? refuse_why(r->info->extack, err, why, r->info->attrs, NULL) : 0;
}

static int do_event(const struct request *r)
{
	struct nlattr *tb[SLUICE_EVENT_A_MAX + 1], *event = r->info->attrs[SLUICE_A_EVENT];
	struct netlink_ext_ack *extack = r->info->extack;
	int err;

	if (!event)
		return refuse(extack, -EINVAL, "the message lacks the attribute EVENT", NULL);
	err = nla_parse_nested(tb, SLUICE_EVENT_A_MAX, event, event_policy, extack);
	if (err)
		return err;
	if (!tb[SLUICE_EVENT_A_NAME] || !tb[SLUICE_EVENT_A_TIME])
		return refuse(extack, -EINVAL, "an event has a NAME and a TIME", event);
	if (!store_compiles(r->sn->store, r->owner))
		return refuse(extack, -EPERM, "this connection is not the bound compiler", NULL);
	return sluice_notify_event(r->sn, event);
}

#define STATUS_ROOM \
	(24 * nla_total_size_64bit(sizeof(u64)) + (SLUICE_HISTORY_MAX + 1) * \
	 (nla_total_size(0) + 5 * nla_total_size_64bit(sizeof(u64)) + \
	  nla_total_size(SLUICE_COMMENT_MAX + 1)))

static int put_status_generation(struct sk_buff *skb, const struct store_generation *g)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_STATUS_A_GENERATION);

	if (!nest ||
	    nla_put_u64_64bit(skb, SLUICE_GENERATION_A_NUMBER, g->number,
			      SLUICE_GENERATION_A_PAD) ||
	    (g->copied && nla_put_u64_64bit(skb, SLUICE_GENERATION_A_FROM, g->from,
					    SLUICE_GENERATION_A_PAD)) ||
	    nla_put_u64_64bit(skb, SLUICE_GENERATION_A_TIME, g->time_s, SLUICE_GENERATION_A_PAD) ||
	    nla_put_u32(skb, SLUICE_GENERATION_A_OBJECTS, g->tree.objects) ||
	    nla_put_u64_64bit(skb, SLUICE_GENERATION_A_BYTES, g->tree.bytes,
			      SLUICE_GENERATION_A_PAD))
		return -EMSGSIZE;
	/* a comment's string is kept without its NUL */
	if (g->comment_len) {
		struct nlattr *comment = nla_reserve(skb, SLUICE_GENERATION_A_COMMENT,
						     g->comment_len + 1);

		if (!comment)
			return -EMSGSIZE;
		memcpy(nla_data(comment), g->comment, g->comment_len);
		((char *)nla_data(comment))[g->comment_len] = '\0';
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_status(struct sk_buff *skb, const struct store *store)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_STATUS);
	struct store_status s;
	u32 i;

	if (!nest)
		return -EMSGSIZE;
	store_status(store, sluice_net_now_ms(), &s);
	if (nla_put_u32(skb, SLUICE_STATUS_A_HOME, SLUICE_HOME_MODULE) ||
	    nla_put_u32(skb, SLUICE_STATUS_A_COMPILER, s.compiler) ||
	    nla_put_u64_64bit(skb, SLUICE_STATUS_A_RUNNING, s.running, SLUICE_STATUS_A_PAD) ||
	    nla_put_u64_64bit(skb, SLUICE_STATUS_A_APPLIED, s.applied, SLUICE_STATUS_A_PAD) ||
	    (s.candidate_waits && nla_put_u64_64bit(skb, SLUICE_STATUS_A_CANDIDATE, s.candidate,
						    SLUICE_STATUS_A_PAD)) ||
	    (s.confirm_waits &&
	     (nla_put_u32(skb, SLUICE_STATUS_A_CONFIRM_LEFT, s.confirm_left_ms) ||
	      nla_put_u64_64bit(skb, SLUICE_STATUS_A_CONFIRM_BACK, s.confirm_back,
				SLUICE_STATUS_A_PAD))) ||
	    nla_put_u32(skb, SLUICE_STATUS_A_TXNS, s.txns) ||
	    nla_put_u64_64bit(skb, SLUICE_STATUS_A_MEMORY, s.memory, SLUICE_STATUS_A_PAD) ||
	    nla_put_u32(skb, SLUICE_STATUS_A_OBJECTS_MAX, s.limits.objects) ||
	    nla_put_u64_64bit(skb, SLUICE_STATUS_A_BYTES_MAX, s.limits.bytes,
			      SLUICE_STATUS_A_PAD) ||
	    nla_put_u64_64bit(skb, SLUICE_STATUS_A_MEMORY_MAX, s.limits.memory,
			      SLUICE_STATUS_A_PAD))
		return -EMSGSIZE;
	for (i = 0; i < s.generations; i++)
		if (put_status_generation(skb, store_generation(store, i)))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int do_status(const struct request *r)
{
	void *header;
	struct sk_buff *skb = answer_new(r, STATUS_ROOM, &header);

	if (!skb)
		return -ENOMEM;
	if (put_status(skb, r->sn->store)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, r->info);
}

/* --- the family ------------------------------------------------------------------ */

static int do_request(const struct request *r)
{
	struct store_error why;
	int err;

	switch (r->info->genlhdr->cmd) {
	case SLUICE_CMD_TXN_BEGIN:
		return do_begin(r, &why);
	case SLUICE_CMD_TXN_ABORT:
		err = store_abort(r->sn->store, r->owner, &why);
		return err ? refuse_why(r->info->extack, err, &why, r->info->attrs, NULL) : 0;
	case SLUICE_CMD_SET:
	case SLUICE_CMD_DEL:
		return do_change(r);
	case SLUICE_CMD_GET:
		return do_get(r);
	case SLUICE_CMD_COMMIT:
	case SLUICE_CMD_ROLLBACK:
		return do_commit(r);
	case SLUICE_CMD_CONFIRM:
		return do_confirm(r, &why);
	case SLUICE_CMD_STATUS:
		return do_status(r);
	case SLUICE_CMD_BIND:
		return do_bind(r, &why);
	case SLUICE_CMD_VERDICT:
		return do_verdict(r);
	case SLUICE_CMD_EVENT:
		return do_event(r);
	}
	return -EOPNOTSUPP;
}

/* Who only looks leaves nothing behind. */
static bool has_owner(u8 cmd)
{
	return cmd != SLUICE_CMD_GET && cmd != SLUICE_CMD_STATUS && cmd != SLUICE_CMD_CONFIRM;
}

static int doit(struct sk_buff *skb, struct genl_info *info)
{
	struct request r = { .sn = sluice_net(genl_info_net(info)), .skb = skb, .info = info };
	int err = 0;

	err = check_version(info->nlhdr, info->extack);
	if (err)
		return err;
	/* held for the time being, so that leaving may hold it for longer */
	if (!try_module_get(THIS_MODULE))
		return refuse(info->extack, -ESHUTDOWN, "the module is being removed", NULL);
	sluice_net_enter(r.sn);
	if (has_owner(info->genlhdr->cmd)) {
		r.owner = sluice_net_owner(r.sn, NETLINK_CB(skb).sk, info->snd_portid);
		err = r.owner ? 0 : -ENOMEM;
	}
	if (!err)
		err = do_request(&r);
	sluice_net_leave(r.sn);
	module_put(THIS_MODULE);
	return err;
}

/*
 * Reading takes the privilege too: a policy says how a network defends itself, and is nobody
 * else's business.
 */
#define COMMAND(name, attributes) {				\
	.cmd = SLUICE_CMD_##name,				\
	.flags = GENL_UNS_ADMIN_PERM,				\
	.policy = attributes,					\
	.maxattr = SLUICE_A_MAX,				\
	.doit = doit,						\
}

static const struct genl_ops commands[] = {
	COMMAND(TXN_BEGIN, nothing_policy),
	COMMAND(TXN_ABORT, nothing_policy),
	COMMAND(SET, change_policy),
	COMMAND(DEL, change_policy),
	{
		.cmd = SLUICE_CMD_GET,
		.flags = GENL_UNS_ADMIN_PERM,
		.policy = get_policy,
		.maxattr = SLUICE_A_MAX,
		.doit = doit,
		.start = dump_start,
		.dumpit = dump_on,
		.done = dump_done,
	},
	COMMAND(COMMIT, commit_policy),
	COMMAND(CONFIRM, generation_policy),
	COMMAND(ROLLBACK, rollback_policy),
	COMMAND(STATUS, nothing_policy),
	COMMAND(BIND, generation_policy),
	COMMAND(VERDICT, verdict_policy),
	COMMAND(EVENT, tell_policy),
};

static const struct genl_multicast_group groups[] = {
	[SLUICE_GROUP_CONFIG] = {
		.name = SLUICE_GROUP_CONFIG_NAME,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[SLUICE_GROUP_EVENTS] = {
		.name = SLUICE_GROUP_EVENTS_NAME,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family sluice_family __ro_after_init = {
	.name = SLUICE_FAMILY_NAME,
	.version = SLUICE_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = commands,
	.n_ops = ARRAY_SIZE(commands),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int __init sluice_netlink_init(void)
{
	return genl_register_family(&sluice_family);
}

void sluice_netlink_exit(void)
{
	genl_unregister_family(&sluice_family);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * notify.c: what happens in a store, told as messages.
 *
 * One happening may be told three times: to the socket that asked for it (with the number of
 * its request), to the compiler, and to group "config". Each gets a message of its own, so that
 * what the group hears has no number of anybody's request.
 *
 * Where there is no memory for a notification, or the compiler's socket is full, that is said:
 * the group's members see ENOBUFS, as when they read too slowly; a compiler that cannot be told
 * of a candidate has rejected it.
 */
#include "notify.h"

#include <linux/sluice.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "namespace.h"
#include "netlink.h"

#define NOTIFY_ROOM	SZ_16K	/* bytes of objects in one message */

/* How the message of each kind of event is headed. */
static const u8 command_of[] = {
	[STORE_BEGUN] = SLUICE_CMD_TXN_BEGIN,
	[STORE_ABORTED] = SLUICE_CMD_TXN_ABORT,
	[STORE_CANDIDATE] = SLUICE_CMD_COMMIT,
	[STORE_VERDICT] = SLUICE_CMD_VERDICT,
	[STORE_CONFIRMED] = SLUICE_CMD_CONFIRM,
	[STORE_RETURNED] = SLUICE_CMD_ROLLBACK,
	[STORE_BOUND] = SLUICE_CMD_BIND,
	[STORE_UNBOUND] = SLUICE_CMD_BIND,
};

static int put_string(struct sk_buff *skb, int type, const char *s, u32 len)
{
	struct nlattr *a = nla_reserve(skb, type, len + 1);

	if (!a)
		return -EMSGSIZE;
	memcpy(nla_data(a), s, len);
	((char *)nla_data(a))[len] = '\0';
	return 0;
}

static int put_generation(struct sk_buff *skb, int type, u64 number)
{
	return nla_put_u64_64bit(skb, type, number, SLUICE_A_PAD);
}

static int put_candidate(struct sk_buff *skb, const struct store_event *e)
{
	const struct store_generation *g = e->subject;

	if (put_generation(skb, SLUICE_A_GENERATION, e->generation))
		return -EMSGSIZE;
	if (g->copied && put_generation(skb, SLUICE_A_FROM, g->from))
		return -EMSGSIZE;
	if (e->confirm_ms && nla_put_u32(skb, SLUICE_A_CONFIRM_TIMEOUT, e->confirm_ms))
		return -EMSGSIZE;
	if (g->comment_len)
		return put_string(skb, SLUICE_A_COMMENT, g->comment, g->comment_len);
	return 0;
}

static int put_verdict(struct sk_buff *skb, const struct store_event *e)
{
	if (put_generation(skb, SLUICE_A_GENERATION, e->generation) ||
	    nla_put_u32(skb, SLUICE_A_ACCEPTED, e->accepted))
		return -EMSGSIZE;
	if (e->message_len)
		return put_string(skb, SLUICE_A_MESSAGE, e->message, e->message_len);
	return 0;
}

static int put_event(struct sk_buff *skb, const struct store_event *e)
{
	switch (e->kind) {
	case STORE_BEGUN:
	case STORE_ABORTED:
	case STORE_CONFIRMED:
		return put_generation(skb, SLUICE_A_GENERATION, e->generation);
	case STORE_CANDIDATE:
		return put_candidate(skb, e);
	case STORE_VERDICT:
		return put_verdict(skb, e);
	case STORE_RETURNED:
		if (put_generation(skb, SLUICE_A_GENERATION, e->generation))
			return -EMSGSIZE;
		return put_generation(skb, SLUICE_A_FROM, e->subject->from);
	case STORE_BOUND:
		return 0;
	case STORE_UNBOUND:
		return nla_put_u32(skb, SLUICE_A_FLAGS, SLUICE_F_GONE);
	}
	return -EINVAL;
}

/* Return: NULL without memory. */
static struct sk_buff *event_message(const struct store_event *e, u32 portid, u32 seq)
{
	size_t room = 8 * nla_total_size_64bit(sizeof(u64)) +
		      nla_total_size(SLUICE_COMMENT_MAX + 1) + nla_total_size(e->message_len + 1);
	/* that the store has gone back is said once, and nobody could be blamed for missing it */
	gfp_t must = e->kind == STORE_RETURNED ? __GFP_NOFAIL : 0;
	struct sk_buff *skb = genlmsg_new(room, GFP_KERNEL | must);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, portid, seq, &sluice_family, 0, command_of[e->kind]);
	if (!header || put_event(skb, e)) {
		WARN_ON_ONCE(1);	/* the room is reckoned above */
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/* --- one socket ------------------------------------------------------------------ */

static int tell_socket(struct sluice_net *sn, const struct store_event *e,
		       const struct store_owner *whom, u32 seq)
{
	u32 portid = sluice_owner_portid(whom);
	struct sk_buff *skb = event_message(e, portid, seq);

	return skb ? genlmsg_unicast(sn->net, skb, portid) : -ENOMEM;
}

static void tell_compiler(struct sluice_net *sn, const struct store_event *e)
{
	if (!e->compiler || !tell_socket(sn, e, e->compiler, 0))
		return;
	/*
	 * Its socket shows ENOBUFS, and it will ask what has become of us. But a candidate is
	 * not kept waiting for that; not decided here either, the committer has no answer yet.
	 */
	if (e->kind == STORE_CANDIDATE) {
		sn->deaf = e->compiler;
		sn->unheard = e->generation;
	}
}

/* --- groups ------------------------------------------------------------------------ */

static void tell_group(struct sluice_net *sn, enum sluice_group group, struct sk_buff *skb)
{
	if (skb)
		genlmsg_multicast_netns(&sluice_family, sn->net, skb, 0, group, GFP_KERNEL);
	else
		genl_set_err(&sluice_family, sn->net, 0, group, -ENOBUFS);
}

struct objects_told {
	struct sluice_net *sn;
	u64 generation;
	u8 cmd;			/* of @skb */
	struct sk_buff *skb;	/* NULL: no message is begun */
	void *header;
};

static void objects_flush(struct objects_told *t)
{
	if (!t->skb)
		return;
	genlmsg_end(t->skb, t->header);
	tell_group(t->sn, SLUICE_GROUP_CONFIG, t->skb);
	t->skb = NULL;
}

static int objects_start(struct objects_told *t, u8 cmd)
{
	t->cmd = cmd;
	t->skb = genlmsg_new(NOTIFY_ROOM, GFP_KERNEL);
	if (!t->skb)
		return -ENOMEM;
	t->header = genlmsg_put(t->skb, 0, 0, &sluice_family, 0, cmd);
	return put_generation(t->skb, SLUICE_A_GENERATION, t->generation);
}

static int objects_tell(void *ctx, const struct store_object *before,
			const struct store_object *after)
{
	u8 cmd = after ? SLUICE_CMD_SET : SLUICE_CMD_DEL;
	const struct store_object *o = after ?: before;
	struct objects_told *t = ctx;
	int err;

	if (t->skb && t->cmd == cmd && !sluice_put_object(t->skb, o, false))
		return 0;
	objects_flush(t);
	err = objects_start(t, cmd);
	return err ?: sluice_put_object(t->skb, o, false);
}

static void tell_objects(struct sluice_net *sn, const struct store_event *e)
{
	struct objects_told t = { .sn = sn, .generation = e->generation };

	if (!e->before)
		return;
	if (store_diff(e->before, e->after, objects_tell, &t)) {
		nlmsg_free(t.skb);
		tell_group(sn, SLUICE_GROUP_CONFIG, NULL);
		return;
	}
	objects_flush(&t);
}

void sluice_notify(void *ctx, const struct store_event *e)
{
	struct sluice_net *sn = ctx;

	lockdep_assert_held(&sn->lock);
	if (e->kind == STORE_CANDIDATE || e->kind == STORE_RETURNED)
		tell_compiler(sn, e);
	/* a full socket of the committer's own shows ENOBUFS to it */
	if (e->kind == STORE_VERDICT && e->committer)
		tell_socket(sn, e, e->committer, e->seq);
	if (!genl_has_listeners(&sluice_family, sn->net, SLUICE_GROUP_CONFIG))
		return;
	tell_group(sn, SLUICE_GROUP_CONFIG, event_message(e, 0, 0));
	tell_objects(sn, e);
}

int sluice_notify_event(struct sluice_net *sn, const struct nlattr *event)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&sluice_family, sn->net, SLUICE_GROUP_EVENTS))
		return 0;
	skb = genlmsg_new(nla_total_size(nla_len(event)), GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put(skb, 0, 0, &sluice_family, 0, SLUICE_CMD_EVENT);
	if (!header || nla_put(skb, SLUICE_A_EVENT | NLA_F_NESTED, nla_len(event),
			       nla_data(event))) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	tell_group(sn, SLUICE_GROUP_EVENTS, skb);
	return 0;
}

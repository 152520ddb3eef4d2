// SPDX-License-Identifier: GPL-2.0
/*
 * namespace.c: a store for each network namespace, from the namespace's first moment to its last.
 *
 * The life of an owner is that of a socket, and netlink tells when that is closed. A message is
 * worked off inside its sender's sendmsg(), which holds the socket: so no owner is made for one
 * that has gone. A port id is free a moment before its end is told, and another socket may have it
 * by then: that the sender is another socket shows that the one before has gone, and what is
 * told later of its end is passed over.
 *
 * The module can be removed when nothing would be lost but contents: not while a compiler is
 * bound, a transaction is open or a confirmation is waited for. Programs that call the kfunc
 * hold the module themselves.
 */
#include "namespace.h"

#include <linux/limits.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/timekeeping.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include <linux/sluice.h>

#include "compat.h"
#include "notify.h"

static unsigned int objects_max = SLUICE_OBJECTS_MAX;
module_param(objects_max, uint, 0444);
MODULE_PARM_DESC(objects_max, "Objects that a configuration may have");

static unsigned long bytes_max = SLUICE_BYTES_MAX;
module_param(bytes_max, ulong, 0444);
MODULE_PARM_DESC(bytes_max, "Bytes of keys and values that a configuration may have");

static unsigned long memory_max = SLUICE_MEMORY_MAX;
module_param(memory_max, ulong, 0444);
MODULE_PARM_DESC(memory_max, "Bytes that a network namespace's store may have, history included");

static unsigned int verdict_ms = 5 * 60 * 1000;
module_param(verdict_ms, uint, 0444);
MODULE_PARM_DESC(verdict_ms, "Milliseconds that a compiler has for its verdict");

static unsigned int sluice_net_id;

struct sluice_net *sluice_net(const struct net *net)
{
	return net_generic(net, sluice_net_id);
}

u64 sluice_net_now_ms(void)
{
	return ktime_to_ms(ktime_get_boottime());
}

/* --- entering and leaving --------------------------------------------------- */

void sluice_net_enter(struct sluice_net *sn)
{
	mutex_lock(&sn->lock);
}

/* A compiler that does not hear of a candidate would let everyone wait. */
static void reject_unheard(struct sluice_net *sn)
{
	static const char message[] =
		"the compiler could not be told: it does not read what is sent to it";
	struct store_owner *deaf = sn->deaf;
	struct store_error e;

	if (!deaf)
		return;
	sn->deaf = NULL;
	/* fails if the candidate has gone meanwhile, which is as well */
	store_verdict(sn->store, deaf, sn->unheard, false, message, strlen(message),
		      sluice_net_now_ms(), &e);
}

/* The caller holds a reference itself when this takes one: see sluice_doit(). */
static void hold_module(struct sluice_net *sn, u64 now)
{
	struct store_status status;
	bool wanted;

	store_status(sn->store, now, &status);
	wanted = !sn->ending && (status.compiler || status.txns || status.confirm_waits);
	if (wanted == sn->held)
		return;
	sn->held = wanted;
	if (wanted)
		__module_get(THIS_MODULE);
	else
		module_put(THIS_MODULE);
}

void sluice_net_leave(struct sluice_net *sn)
{
	u64 now = sluice_net_now_ms(), next;

	reject_unheard(sn);
	next = store_tick(sn->store, now);
	hold_module(sn, now);
	if (next == STORE_NEVER || sn->ending)
		hrtimer_try_to_cancel(&sn->timer);
	else
		hrtimer_start(&sn->timer, ms_to_ktime(next), HRTIMER_MODE_ABS);
	mutex_unlock(&sn->lock);
}

/* --- the clock --------------------------------------------------------------- */

static void tick(struct work_struct *work)
{
	struct sluice_net *sn = container_of(work, struct sluice_net, tick);

	sluice_net_enter(sn);
	sluice_net_leave(sn);
}

/* In interrupt context: the store takes a mutex, and so needs a task. */
static enum hrtimer_restart ring(struct hrtimer *timer)
{
	struct sluice_net *sn = container_of(timer, struct sluice_net, timer);

	queue_work(system_unbound_wq, &sn->tick);
	return HRTIMER_NORESTART;
}

/* --- sockets ------------------------------------------------------------------- */

struct store_owner *sluice_net_find(struct sluice_net *sn, const struct sock *sk, u32 portid)
{
	const struct sluice_owner *o = xa_load(&sn->owners, portid);

	return o && o->sk == sk ? o->store : NULL;
}

static int open_owner(struct sluice_net *sn, struct sluice_owner *o, const struct sock *sk)
{
	o->store = store_owner_open(sn->store, o);
	if (!o->store)
		return -ENOMEM;
	o->sk = sk;
	return 0;
}

static void close_owner(struct sluice_net *sn, struct sluice_owner *o)
{
	if (!o->store)
		return;
	if (sn->deaf == o->store)
		sn->deaf = NULL;
	store_owner_close(sn->store, o->store);
	o->store = NULL;
	o->sk = NULL;
}

struct store_owner *sluice_net_owner(struct sluice_net *sn, const struct sock *sk, u32 portid)
{
	struct sluice_owner *o = xa_load(&sn->owners, portid);

	if (o && o->sk == sk)
		return o->store;
	if (o) {
		/* the socket before this one: its end is told any moment */
		if (o->sk)
			o->stale++;
		close_owner(sn, o);
		return open_owner(sn, o, sk) ? NULL : o->store;
	}
	o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	if (!o)
		return NULL;
	o->portid = portid;
	if (open_owner(sn, o, sk))
		goto free;
	if (!xa_is_err(xa_store(&sn->owners, portid, o, GFP_KERNEL_ACCOUNT)))
		return o->store;
	close_owner(sn, o);
free:
	kfree(o);
	return NULL;
}

static int socket_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;
	struct sluice_net *sn;
	struct sluice_owner *o;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	sn = sluice_net(n->net);
	/* most sockets are none of ours: a lookup by RCU spares them the lock */
	if (!xa_load(&sn->owners, n->portid))
		return NOTIFY_DONE;
	sluice_net_enter(sn);
	o = xa_load(&sn->owners, n->portid);
	if (o && o->stale) {
		o->stale--;
	} else if (o) {
		xa_erase(&sn->owners, n->portid);
		close_owner(sn, o);
		kfree(o);
	}
	sluice_net_leave(sn);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_event,
};

/* --- life ------------------------------------------------------------------------ */

static int __net_init begin(struct net *net)
{
	const struct store_limits limits = {
		.objects = objects_max,
		.bytes = bytes_max,
		.memory = memory_max,
		.verdict_ms = verdict_ms,
	};
	struct sluice_net *sn = sluice_net(net);

	sn->store = store_new(&limits);
	if (!sn->store)
		return -ENOMEM;
	sn->net = net;
	mutex_init(&sn->lock);
	xa_init(&sn->owners);
	INIT_WORK(&sn->tick, tick);
	sluice_hrtimer_setup(&sn->timer, ring, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	store_watch(sn->store, sluice_notify, sn);
	return 0;
}

/* No socket of the namespace is left, or the module goes: nobody is there to be told. */
static void __net_exit end(struct net *net)
{
	struct sluice_net *sn = sluice_net(net);
	struct sluice_owner *o;
	unsigned long portid;

	sluice_net_enter(sn);
	store_watch(sn->store, NULL, NULL);
	sn->ending = true;
	sluice_net_leave(sn);
	hrtimer_cancel(&sn->timer);
	cancel_work_sync(&sn->tick);

	xa_for_each(&sn->owners, portid, o) {
		close_owner(sn, o);
		kfree(o);
	}
	xa_destroy(&sn->owners);
	store_free(sn->store);
	mutex_destroy(&sn->lock);
}

static struct pernet_operations operations = {
	.init = begin,
	.exit = end,
	.id = &sluice_net_id,
	.size = sizeof(struct sluice_net),
};

int __init sluice_net_init(void)
{
	int err = register_pernet_subsys(&operations);

	if (err)
		return err;
	err = netlink_register_notifier(&socket_notifier);
	if (err)
		unregister_pernet_subsys(&operations);
	return err;
}

void sluice_net_exit(void)
{
	netlink_unregister_notifier(&socket_notifier);
	unregister_pernet_subsys(&operations);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * namespace.h: what the module keeps for each network namespace: a store, the sockets that
 * have something in it, and a clock.
 *
 * Locks
 * -----
 * @lock is the only one. It guards the store and all that is below it here; the store's callback
 * runs under it, so messages leave in the order of what they tell. It is taken by whoever sends
 * a request, by the end of a socket, by the clock, and may sleep.
 *
 * What a store_tree that somebody holds reaches is never changed, nor freed (store.c): so a dump
 * takes the lock to get its view and to put it, and reads without. No reader waits for a writer
 * longer than for one message. RCU is not needed: a view is a reference, not a glance.
 */
#ifndef SLUICE_NAMESPACE_H
#define SLUICE_NAMESPACE_H

#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "store.h"

struct net;
struct sock;

/* A socket that has something in the store; the cookie of its store_owner. */
struct sluice_owner {
	struct store_owner *store;
	const struct sock *sk;		/* which socket, by its address: never looked into */
	u32 portid;
	u32 stale;			/* ends of earlier sockets of this port id yet to be told */
};

struct sluice_net {
	struct net *net;
	struct mutex lock;		/* see above */
	struct store *store;
	struct xarray owners;		/* struct sluice_owner by netlink port id */
	struct store_owner *deaf;	/* the compiler, which could not be told of a candidate */
	u64 unheard;			/* that candidate, if @deaf */
	bool held;			/* the module: something here would be lost with it */
	bool ending;			/* nothing is timed any more */

	struct hrtimer timer;		/* on CLOCK_BOOTTIME: suspend does not stop a promise */
	struct work_struct tick;
};

/** sluice_net() - the instance of @net; good as long as @net is. */
struct sluice_net *sluice_net(const struct net *net);

/** sluice_net_now_ms() - the store's clock: milliseconds since boot, suspend included. */
u64 sluice_net_now_ms(void);

/**
 * sluice_net_enter(), sluice_net_leave() - take and give back @lock. Leaving does what is due,
 * sets the clock for what comes, and holds the module while there is a compiler, an open
 * transaction or a confirmation that is waited for.
 */
void sluice_net_enter(struct sluice_net *sn);
void sluice_net_leave(struct sluice_net *sn);

/**
 * sluice_net_owner() - what socket @sk, whose port id is @portid, is to the store; made when it is
 * not known yet, and closed with the socket. Return: NULL without memory. Under @lock.
 */
struct store_owner *sluice_net_owner(struct sluice_net *sn, const struct sock *sk, u32 portid);

/** sluice_net_find() - the same, or NULL if it is not known. Under @lock. */
struct store_owner *sluice_net_find(struct sluice_net *sn, const struct sock *sk, u32 portid);

/** sluice_owner_portid() - whose it is. */
static inline u32 sluice_owner_portid(const struct store_owner *o)
{
	return ((const struct sluice_owner *)store_owner_cookie(o))->portid;
}

int __init sluice_net_init(void);
void sluice_net_exit(void);

#endif

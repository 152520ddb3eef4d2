/* SPDX-License-Identifier: GPL-2.0 */
/*
 * routes.h: the kernel's routes, kept in the data path: the mirror's word passed to the join.
 *
 *	route_feed_open(&feed, &memory, &also, user);	// in the network namespace to follow
 *	... poll route_feed_fd() for reading, then
 *		do more = route_feed_step(feed); while (more > 0, as long as others can wait);
 *	... route_feed_port(feed, ifindex, number) when a port comes or goes
 *	... every 100 ms or so: route_feed_reclaim(feed)
 *
 * Nothing is published before the first dump is complete (MIRROR_SYNCED).
 */
#ifndef SLUICE_DAEMON_ROUTES_H
#define SLUICE_DAEMON_ROUTES_H

#include <stdint.h>

#include "compile/fib.h"
#include "netlink/mirror.h"

struct route_feed;

/**
 * route_feed_open() - begins to follow the current network namespace.
 * @memory: as in compile/fib.h; without a grace function it is membarrier().
 * @also: what the owner wants to hear too, after the join was told; NULL: nothing.
 * Return: 0 and *@feed, or -errno of the socket.
 */
int route_feed_open(struct route_feed **feed, const struct fib_memory *memory,
		    const struct mirror_callbacks *also, void *user);

/** route_feed_close() - NULL is fine; the tables stay as they are. */
void route_feed_close(struct route_feed *feed);

int route_feed_fd(const struct route_feed *feed);

/** route_feed_step() - as mirror_step(); what it reads is published when it returns. */
int route_feed_step(struct route_feed *feed);

/** route_feed_port() - the port number of an interface, 0 for none; published at once. */
void route_feed_port(struct route_feed *feed, uint32_t ifindex, uint16_t port);

/** route_feed_reclaim() - if anything waits for a grace period: has one (some 10 ms). */
void route_feed_reclaim(struct route_feed *feed);

const struct fib *route_feed_fib(const struct route_feed *feed);
struct mirror *route_feed_mirror(struct route_feed *feed);

#endif

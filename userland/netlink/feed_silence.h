/* SPDX-License-Identifier: GPL-2.0 */
/* feed_silence.h: what goes, or comes back, with things that the kernel tells of, and is not told itself. */
#ifndef SLUICE_NETLINK_FEED_SILENCE_H
#define SLUICE_NETLINK_FEED_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct feed;
struct kernel_nexthop;
struct routes;

/** feed_drop_nexthop() - the object is gone, and is reported so; what hangs on it waits for feed_nexthops_lost(). */
void feed_drop_nexthop(struct feed *f, uint32_t id);

/** feed_nexthops_lost() - some objects are gone: so are they in groups, and the routes by them. */
void feed_nexthops_lost(struct feed *f);

/** feed_sweep_by_nexthops() - drops routes by nexthop objects that are not there. */
void feed_sweep_by_nexthops(struct feed *f);

/** feed_drop_nexthops_by_link() - the link is @gone, or down. */
void feed_drop_nexthops_by_link(struct feed *f, uint32_t ifindex, bool gone);

/**
 * feed_drop_routes_by_link() - the link is down.
 * @wholly: it is not there any more, or its last IPv4 address is not.
 */
void feed_drop_routes_by_link(struct feed *f, struct routes *routes, uint32_t ifindex, bool wholly);

/** feed_drop_routes_by_source() - the last of an IPv4 address is gone. */
void feed_drop_routes_by_source(struct feed *f, const struct addr *addr);

/** feed_revive_paths() - the link came up, or got an address: IPv4 paths by it are used again. */
void feed_revive_paths(struct feed *f, uint32_t ifindex);

/** feed_follow_mtu() - the link's MTU is another: so is that of IPv6 routes by it. */
void feed_follow_mtu(struct feed *f, uint32_t ifindex, uint32_t was, uint32_t now);

/** feed_drop_dead_flags() - of @f->route, where a path is dead because its link is down. */
void feed_drop_dead_flags(struct feed *f);

/** nexthop_free_lists() - the members and buckets of an object that is ours. */
void nexthop_free_lists(struct kernel_nexthop *n);

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * feed_silence.c: what goes without a word.
 *
 * Of some things the kernel does not tell, since they follow from others that it
 * does tell (fib_sync_down_dev(), fib6_ifdown(), nexthop_flush_dev(), fib_sync_down_addr()):
 *  - a link goes down, or away: IPv4 routes none of whose links is up are gone (those of
 *    scope host only with the link), and those with a path by a link that is away. IPv6
 *    routes none of whose links is up likewise, and of a link that is away the paths; that
 *    it does tell, unless net.ipv6.route.skip_notify_on_dev_down is set;
 *  - a link goes down, away, or loses its carrier: nexthop objects by it are gone; groups lose
 *    them, and empty groups are gone;
 *  - a nexthop object is gone: so are the routes by it;
 *  - the last of an IPv4 address is gone: so are the routes of table main with that source
 *    (told from Linux 6.6 on);
 *  - a link has lost its last IPv4 address: IPv4 routes by it are gone, and paths by it are
 *    dead, until it gets one, or comes up.
 *  - a link's MTU changes: so does that of IPv6 routes by it that have one of their own. (Each
 *    path of an IPv6 multipath route has its own, and one is told: the others' is not known.)
 *
 * That a path is dead because its link is down is for the reader of the links to see.
 */
#include "netlink/feed_silence.h"

#include <stdlib.h>

#include "base/vec.h"
#include "netlink/feed_inside.h"

struct lost_link {
	const struct feed *feed;
	uint32_t ifindex;
	uint8_t family;
	bool wholly;		/* it is not there any more, or its last IPv4 address */
};

static enum route_fate fate_by_link(void *user, struct route_attributes *a,
				    struct kernel_path *path)
{
	const struct lost_link *lost = user;
	const struct kernel_link *link;
	unsigned int by = 0, down = 0;

	if (a->nexthop_id || !a->paths)
		return ROUTE_STAYS;
	/* A local address is not lost when its link is down. */
	if (lost->family == ADDR_V4 && a->scope >= RT_SCOPE_HOST && !lost->wholly)
		return ROUTE_STAYS;
	for (unsigned int i = 0; i < a->paths; i++) {
		link = find_link(lost->feed, path[i].ifindex);
		by += path[i].ifindex == lost->ifindex;
		down += path[i].ifindex == lost->ifindex || !link || !link->up ||
			path[i].flags & KERNEL_PATH_DEAD;
	}
	if (!by)
		return ROUTE_STAYS;
	/* IPv4 lets go of a multipath route whole when one of its links is away. */
	if (down == a->paths || (lost->family == ADDR_V4 && !find_link(lost->feed, lost->ifindex)))
		return ROUTE_GOES;
	if (!lost->wholly)
		return ROUTE_STAYS;
	for (unsigned int i = 0; i < a->paths; i++) {
		if (path[i].ifindex != lost->ifindex)
			continue;
		if (lost->family == ADDR_V4)
			path[i].flags |= KERNEL_PATH_DEAD;
		else
			path[i].ifindex = 0;
	}
	return ROUTE_CHANGES;
}

/* The link came up, or got an address: its paths are used again. */
static enum route_fate fate_by_revival(void *user, struct route_attributes *a,
				       struct kernel_path *path)
{
	const struct lost_link *found = user;
	enum route_fate fate = ROUTE_STAYS;

	for (unsigned int i = 0; i < a->paths; i++) {
		if (path[i].ifindex != found->ifindex || !(path[i].flags & KERNEL_PATH_DEAD))
			continue;
		path[i].flags &= ~KERNEL_PATH_DEAD;
		fate = ROUTE_CHANGES;
	}
	return fate;
}

struct new_mtu {
	uint32_t ifindex, was, now;
};

/* As fib6_nh_mtu_change(): a route's own MTU follows its link's down, and up if it was that. */
static enum route_fate fate_by_mtu(void *user, struct route_attributes *a, struct kernel_path *path)
{
	const struct new_mtu *mtu = user;

	for (unsigned int i = 0; i < a->paths && a->mtu; i++) {
		if (path[i].ifindex != mtu->ifindex || (a->mtu < mtu->now && a->mtu != mtu->was))
			continue;
		a->mtu = mtu->now;
		return ROUTE_CHANGES;
	}
	return ROUTE_STAYS;
}

static enum route_fate fate_by_nexthops(void *user, struct route_attributes *a,
					struct kernel_path *path)
{
	const struct feed *f = user;

	(void)path;
	return a->nexthop_id && !table_get(&f->nexthops, &a->nexthop_id) ? ROUTE_GOES : ROUTE_STAYS;
}

static enum route_fate fate_by_address(void *user, struct route_attributes *a,
				       struct kernel_path *path)
{
	(void)path;
	return addr_equal(&a->prefsrc, user) ? ROUTE_GOES_FROM_MAIN : ROUTE_STAYS;
}

void feed_sweep_by_nexthops(struct feed *f)
{
	for (int i = 0; i < 2; i++)
		f->stats.silent += routes_sweep(&f->routes[i], fate_by_nexthops, f);
}

void nexthop_free_lists(struct kernel_nexthop *n)
{
	free((void *)n->member);
	free((void *)n->bucket);
}

void feed_drop_nexthop(struct feed *f, uint32_t id)
{
	struct nexthop_entry *e = table_get(&f->nexthops, &id);

	if (!e)
		return;
	nexthop_free_lists(&e->nexthop);
	table_del(&f->nexthops, &id);
	REPORT(f, nexthop_gone, id);
}

/* Takes members out of groups that are not there any more; groups without any go too. */
static void shrink_groups(struct feed *f)
{
	struct vec empty = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->nexthops, &pos, &key, &value); ) {
		struct kernel_nexthop *n = &((struct nexthop_entry *)value)->nexthop;
		struct kernel_nexthop_member *member = (void *)n->member;
		unsigned int left = 0;

		if (!n->members)
			continue;
		for (unsigned int i = 0; i < n->members; i++)
			if (table_get(&f->nexthops, &member[i].id))
				member[left++] = member[i];
		if (left == n->members)
			continue;
		n->members = left;
		f->want_buckets |= n->buckets != 0;
		if (left)
			REPORT(f, nexthop_set, n);
		else
			vec_append(&empty, key);
	}
	for (size_t i = 0; i < empty.len; i++)
		feed_drop_nexthop(f, *(uint32_t *)vec_at(&empty, i));
	vec_free(&empty);
}

void feed_nexthops_lost(struct feed *f)
{
	shrink_groups(f);
	feed_sweep_by_nexthops(f);
}

void feed_drop_nexthops_by_link(struct feed *f, uint32_t ifindex, bool gone)
{
	struct vec lost = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->nexthops, &pos, &key, &value); ) {
		const struct kernel_nexthop *n = &((struct nexthop_entry *)value)->nexthop;

		if (!n->members && n->path.ifindex == ifindex &&
		    (gone || !(n->flags & KERNEL_NEXTHOP_BLACKHOLE)))
			vec_append(&lost, key);
	}
	for (size_t i = 0; i < lost.len; i++)
		feed_drop_nexthop(f, *(uint32_t *)vec_at(&lost, i));
	if (lost.len)
		feed_nexthops_lost(f);
	vec_free(&lost);
}

void feed_drop_routes_by_link(struct feed *f, struct routes *routes, uint32_t ifindex,
				bool wholly)
{
	struct lost_link lost = { f, ifindex, routes->family, wholly };

	f->stats.silent += routes_sweep(routes, fate_by_link, &lost);
}

void feed_drop_routes_by_source(struct feed *f, const struct addr *addr)
{
	f->stats.silent += routes_sweep(&f->routes[0], fate_by_address, (void *)addr);
}

void feed_revive_paths(struct feed *f, uint32_t ifindex)
{
	struct lost_link found = { .ifindex = ifindex };

	routes_sweep(&f->routes[0], fate_by_revival, &found);
}

void feed_follow_mtu(struct feed *f, uint32_t ifindex, uint32_t was, uint32_t now)
{
	struct new_mtu mtu = { ifindex, was, now };

	routes_sweep(&f->routes[1], fate_by_mtu, &mtu);
}

/*
 * The kernel says of a path that it is dead when its link is down, which anybody can see;
 * what is of interest is whether it is dead though its link is up.
 */
void feed_drop_dead_flags(struct feed *f)
{
	for (unsigned int i = 0; i < f->route.route.paths; i++) {
		const struct kernel_link *link = find_link(f, f->route.path[i].ifindex);

		if (f->route.route.prefix.addr.family == ADDR_V6 || !link || !link->up)
			f->route.path[i].flags &= ~KERNEL_PATH_DEAD;
	}
}

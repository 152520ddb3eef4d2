// SPDX-License-Identifier: GPL-2.0
/*
 * feed.c: subscribed first, then dumped from.
 *
 * Order. Dump replies and notifications come through one socket, in the order in which
 * the kernel wrote them; read in that order, the later word is the right one (routes.h
 * has the one exception). One dump runs at a time; its end begins the next. What a dump does
 * not name is gone.
 *
 * Loss. When the kernel had no room for a notification (ENOBUFS), a round of all dumps must be
 * run that begins after it. One that is under way is not broken off: the kernel loses no piece
 * of a dump, and what it tells is truer than what was known. It goes on to its end, and
 * the next round begins when all is read. So each round makes progress however many
 * notifications are lost, and the first during which none is lost ends with the whole truth. Rounds
 * in vain are held apart by growing waits.
 *
 * Skipped routes. An IPv6 dump goes on, after any change, by how many routes it has told
 * (fib6_dump_table()): when some of those have gone, it skips as many that are there.
 * A dump during which an IPv6 route went is therefore run again, some times, to hear of
 * the others; and nothing is believed gone by it. If it never gets one in peace, what it has
 * told is good; that nothing stale is left is for a later round to see.
 *
 * Silence. Of some things the kernel does not tell, since they follow from others that it
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
 * Buckets. A resilient group is told with how many buckets it has, and each bucket when it moves to
 * another member; but not whose they are when the group is made, or made anew. So after such news they
 * are dumped, by a dump of their own at the end of a round, or as soon as none runs.
 *
 * That a path is dead because its link is down is for the reader of the links to see.
 */
#include "netlink/feed.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/table.h"
#include "base/vec.h"
#include "netlink/decode.h"
#include "netlink/mirror.h"
#include "netlink/routes.h"

#define MESSAGE_MAX	(64u << 10)
/*
 * Of one feed_read(). A receive is a notification, or some hundred messages of a dump; and where a dump
 * runs it waits for the kernel's lock on all network configuration, however long others have it.
 */
#define READ_RECEIVES	1024
#define READ_MESSAGES	8192
#define READ_MS		10
#define DUMP_RETRIES	3
#define VAIN_WAIT_MS	50	/* after a round in vain; doubled each time */
#define VAIN_DOUBLINGS	6

enum dump_kind {
	DUMP_LINKS, DUMP_ADDRESSES, DUMP_NEXTHOPS, DUMP_RULES, DUMP_ROUTES, DUMP_NEIGHBOURS, DUMP_BUCKETS
};

struct dump {
	uint16_t type;
	uint8_t family;
	uint8_t header;		/* bytes */
	enum dump_kind kind;
};

#define DUMPS_MAX	6
#define GROUPS_MAX	8

/* What a kind of feed dumps, in this order: what others refer to comes before them. */
static const struct feed_shape {
	struct dump dump[DUMPS_MAX];
	unsigned int dumps;
	uint8_t group[GROUPS_MAX];	/* that it subscribes to: RTNLGRP_*; 0 ends */
	bool links;		/* links and addresses are reported, not only heard */
} shapes[] = {
	[FEED_LINKS] = {
		.dump = {
			{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), DUMP_LINKS },
			{ RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), DUMP_ADDRESSES },
			{ RTM_GETRULE, AF_INET, sizeof(struct fib_rule_hdr), DUMP_RULES },
			{ RTM_GETRULE, AF_INET6, sizeof(struct fib_rule_hdr), DUMP_RULES },
			{ RTM_GETNEIGH, AF_INET, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
			{ RTM_GETNEIGH, AF_INET6, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
		},
		.dumps = 6,
		.group = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NEIGH,
			   RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE },
		.links = true,
	},
	[FEED_ROUTES] = {
		.dump = {
			{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), DUMP_LINKS },
			{ RTM_GETADDR, AF_INET, sizeof(struct ifaddrmsg), DUMP_ADDRESSES },
			{ RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg), DUMP_NEXTHOPS },
			{ RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), DUMP_ROUTES },
			{ RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), DUMP_ROUTES },
			{ RTM_GETNEXTHOPBUCKET, AF_UNSPEC, sizeof(struct nhmsg), DUMP_BUCKETS },
		},
		.dumps = 6,
		.group = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
			   RTNLGRP_NEXTHOP },
	},
};

/* Small objects are kept as reported. @round: of the last dump that named it, or the news. */
struct link_entry {
	struct kernel_link link;
	uint32_t round;
};

struct address_key {
	uint32_t ifindex;
	struct addr addr;
	uint8_t len;		/* of an address's prefix: one address may have several */
	uint8_t pad[2];
};

struct address_entry {
	uint32_t round;
};

struct neighbour_entry {
	struct kernel_neighbour neighbour;	/* state NUD_NONE: gone, and the dump may not know */
	uint32_t round;
	bool touched;		/* by a notification in this round */
};

struct nexthop_entry {
	struct kernel_nexthop nexthop;		/* its members and buckets are ours */
	uint32_t round;
	bool moved;		/* its buckets are others' than was reported */
};

/* Rules that look alike to us are counted. */
struct rule_entry {
	uint32_t count, dumped;
};

struct feed {
	const struct feed_shape *shape;
	struct feed_owner owner;
	struct mnl_socket *socket;
	const uint32_t *tables;
	size_t table_count;

	uint32_t seq;		/* of the dump that runs */
	size_t dump;		/* which; shape->dumps: none */
	unsigned int retries;
	uint32_t round;		/* counts dumps */
	bool torn;		/* this dump is inconsistent */
	bool skipping;		/* this dump may have skipped some */
	bool failed;		/* this dump was refused */
	bool draining;		/* an old dump runs in the kernel: its end comes first */
	bool again;		/* another round of dumps must be run */
	bool stale;		/* and until then what is known may be wrong */
	bool synced;
	unsigned int vain;	/* rounds in a row that made another necessary */
	uint64_t again_ms;	/* when that may begin */
	bool waiting;		/* for that */
	bool want_buckets;	/* dump them when no dump runs */
	bool moved;		/* some nexthop object has */

	struct table links;	/* ifindex -> struct link_entry */
	struct table addresses;	/* struct address_key -> struct address_entry */
	struct table neighbours;	/* struct address_key -> struct neighbour_entry */
	struct table nexthops;	/* id -> struct nexthop_entry */
	struct table rules;	/* struct kernel_rule, padded with zeros -> struct rule_entry */
	struct routes routes[2];

	struct mirror_stats stats;
	struct decoded_route route;
	struct decoded_nexthop nexthop;
	char buffer[MESSAGE_MAX] __attribute__((aligned(8)));
};

#define REPORT(f, what, ...) do {						\
	*(f)->owner.reported = true;					\
	if ((f)->owner.call->what)					\
		(f)->owner.call->what((f)->owner.user, __VA_ARGS__);	\
} while (0)

static void report_route(void *user, const struct kernel_route *route, bool gone)
{
	struct feed *f = user;

	if (gone)
		REPORT(f, route_gone, route);
	else
		REPORT(f, route_set, route);
}

static bool is_dumping(const struct feed *f, enum dump_kind kind)
{
	return f->dump < f->shape->dumps && f->shape->dump[f->dump].kind == kind;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* ---- silence -------------------------------------------------------------- */

static const struct kernel_link *find_link(const struct feed *f, uint32_t ifindex)
{
	const struct link_entry *e = table_get(&f->links, &ifindex);

	return e ? &e->link : NULL;
}

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

/* Routes by nexthop objects that are not there. */
static void sweep_by_nexthops(struct feed *f)
{
	for (int i = 0; i < 2; i++)
		f->stats.silent += routes_sweep(&f->routes[i], fate_by_nexthops, f);
}

static void free_lists(struct kernel_nexthop *n)
{
	free((void *)n->member);
	free((void *)n->bucket);
}

static void drop_nexthop(struct feed *f, uint32_t id)
{
	struct nexthop_entry *e = table_get(&f->nexthops, &id);

	if (!e)
		return;
	free_lists(&e->nexthop);
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
		drop_nexthop(f, *(uint32_t *)vec_at(&empty, i));
	vec_free(&empty);
}

static void nexthops_lost(struct feed *f)
{
	shrink_groups(f);
	sweep_by_nexthops(f);
}

static void drop_nexthops_by_link(struct feed *f, uint32_t ifindex, bool gone)
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
		drop_nexthop(f, *(uint32_t *)vec_at(&lost, i));
	if (lost.len)
		nexthops_lost(f);
	vec_free(&lost);
}

static void drop_routes_by_link(struct feed *f, struct routes *routes, uint32_t ifindex,
				bool wholly)
{
	struct lost_link lost = { f, ifindex, routes->family, wholly };

	f->stats.silent += routes_sweep(routes, fate_by_link, &lost);
}

static void revive_paths(struct feed *f, uint32_t ifindex)
{
	struct lost_link found = { .ifindex = ifindex };

	routes_sweep(&f->routes[0], fate_by_revival, &found);
}

/*
 * The kernel says of a path that it is dead when its link is down, which anybody can see;
 * what is of interest is whether it is dead though its link is up.
 */
static void drop_dead_flags(struct feed *f)
{
	for (unsigned int i = 0; i < f->route.route.paths; i++) {
		const struct kernel_link *link = find_link(f, f->route.path[i].ifindex);

		if (f->route.route.prefix.addr.family == ADDR_V6 || !link || !link->up)
			f->route.path[i].flags &= ~KERNEL_PATH_DEAD;
	}
}

/* ---- objects, told by dumps (@dumped) or notifications -------------------- */

static bool same_link(const struct kernel_link *a, const struct kernel_link *b)
{
	return a->mtu == b->mtu && a->mtu6 == b->mtu6 && a->lower == b->lower &&
	       a->master == b->master && a->vlan == b->vlan && a->mac_len == b->mac_len &&
	       a->vrf_table == b->vrf_table &&
	       !memcmp(a->mac, b->mac, 6) && a->up == b->up && a->carrier == b->carrier &&
	       a->noarp == b->noarp && a->loopback == b->loopback && !strcmp(a->name, b->name) &&
	       !strcmp(a->kind, b->kind);
}

static void link_set(struct feed *f, struct kernel_link *link)
{
	bool fresh, same, was_up, had_carrier;
	struct link_entry *e;
	struct new_mtu mtu;

	e = table_put(&f->links, &link->ifindex, &fresh);
	/* A new MTU becomes IPv6's too, but perhaps only after this was told. */
	if (link->mtu6 && ((!fresh && e->link.mtu != link->mtu) || link->mtu6 > link->mtu))
		link->mtu6 = link->mtu;
	same = !fresh && same_link(&e->link, link);
	mtu = (struct new_mtu){ link->ifindex, fresh ? 0 : e->link.mtu6, link->mtu };
	if (!fresh && e->link.mtu != link->mtu)
		routes_sweep(&f->routes[1], fate_by_mtu, &mtu);
	was_up = !fresh && e->link.up;
	had_carrier = !fresh && e->link.up && e->link.carrier;
	e->link = *link;
	e->round = f->round;
	if (same)
		return;
	if (f->shape->links)
		REPORT(f, link_set, link);
	if (had_carrier && !(link->up && link->carrier))
		drop_nexthops_by_link(f, link->ifindex, false);
	if (was_up && !link->up) {
		drop_routes_by_link(f, &f->routes[0], link->ifindex, false);
		drop_routes_by_link(f, &f->routes[1], link->ifindex, false);
	}
	if (!was_up && link->up)
		revive_paths(f, link->ifindex);
}

static void link_gone(struct feed *f, uint32_t ifindex)
{
	if (!table_del(&f->links, &ifindex))
		return;
	drop_nexthops_by_link(f, ifindex, true);
	drop_routes_by_link(f, &f->routes[0], ifindex, true);
	drop_routes_by_link(f, &f->routes[1], ifindex, true);
	if (f->shape->links)
		REPORT(f, link_gone, ifindex);
}

static struct address_key address_key(uint32_t ifindex, const struct addr *addr, uint8_t len)
{
	return (struct address_key){ .ifindex = ifindex, .addr = *addr, .len = len };
}

static void address_set(struct feed *f, const struct kernel_address *a)
{
	struct address_key key = address_key(a->ifindex, &a->addr, a->len);
	struct address_entry *e;
	bool fresh;

	e = table_put(&f->addresses, &key, &fresh);
	e->round = f->round;
	if (!fresh)
		return;
	if (f->shape->links)
		REPORT(f, address_set, a);
	if (a->addr.family == ADDR_V4)
		revive_paths(f, a->ifindex);
}

static void address_gone(struct feed *f, const struct kernel_address *a)
{
	struct address_key key = address_key(a->ifindex, &a->addr, a->len);
	bool elsewhere = false, last = true;
	struct addr addr = a->addr;
	const void *pos_key;
	void *value;

	if (!table_del(&f->addresses, &key))
		return;
	if (f->shape->links)
		REPORT(f, address_gone, a);
	if (addr.family != ADDR_V4)
		return;
	for (size_t pos = 0; table_next(&f->addresses, &pos, &pos_key, &value); ) {
		const struct address_key *other = pos_key;

		elsewhere |= addr_equal(&other->addr, &addr);
		last &= other->ifindex != key.ifindex || other->addr.family != ADDR_V4;
	}
	if (!elsewhere)
		f->stats.silent += routes_sweep(&f->routes[0], fate_by_address, &addr);
	if (last)
		drop_routes_by_link(f, &f->routes[0], key.ifindex, true);
}

static bool same_neighbour(const struct kernel_neighbour *a, const struct kernel_neighbour *b)
{
	return a->state == b->state && a->flags == b->flags && a->mac_len == b->mac_len &&
	       a->managed == b->managed && !memcmp(a->mac, b->mac, 6);
}

static void neighbour_told(struct feed *f, const struct kernel_neighbour *n, bool gone, bool dumped)
{
	struct address_key key = address_key(n->ifindex, &n->addr, 0);
	struct neighbour_entry *e = table_get(&f->neighbours, &key), was;
	bool dumping = is_dumping(f, DUMP_NEIGHBOURS), fresh = !e;

	if (dumped && e && e->touched)
		return;		/* the news is newer than what the dump says */
	if (!e && gone && !dumping)
		return;
	if (!e)
		e = table_put(&f->neighbours, &key, NULL);
	was = *e;
	e->neighbour = *n;
	e->round = f->round;
	e->touched = dumping && !dumped;
	if (!gone) {
		if (fresh || !was.neighbour.state || !same_neighbour(&was.neighbour, n))
			REPORT(f, neighbour_set, n);
		return;
	}
	e->neighbour.state = NUD_NONE;
	if (!dumping)
		table_del(&f->neighbours, &key);
	if (!fresh && was.neighbour.state)
		REPORT(f, neighbour_gone, n->ifindex, &n->addr);
}

static bool same_nexthop(const struct kernel_nexthop *a, const struct kernel_nexthop *b)
{
	return a->flags == b->flags && a->protocol == b->protocol && a->members == b->members &&
	       a->buckets == b->buckets && !memcmp(&a->path, &b->path, sizeof(a->path)) &&
	       (!a->members || !memcmp(a->member, b->member, a->members * sizeof(*a->member)));
}

/* The buckets of a group that is told anew: as they were, until they are dumped. */
static uint32_t *take_buckets(struct kernel_nexthop *old, uint32_t buckets)
{
	uint32_t *bucket = (uint32_t *)old->bucket;

	if (old->buckets != buckets)
		return buckets ? xcalloc(buckets, sizeof(*bucket)) : NULL;
	old->bucket = NULL;
	return bucket;
}

static void nexthop_set(struct feed *f, const struct kernel_nexthop *n)
{
	struct kernel_nexthop_member *member = NULL;
	struct nexthop_entry *e;
	uint32_t *bucket;
	bool fresh;

	e = table_put(&f->nexthops, &n->id, &fresh);
	e->round = f->round;
	if (n->buckets && !is_dumping(f, DUMP_NEXTHOPS))
		f->want_buckets = true;
	if (!fresh && same_nexthop(&e->nexthop, n))
		return;
	if (n->members) {
		member = xcalloc(n->members, sizeof(*member));
		memcpy(member, n->member, n->members * sizeof(*member));
	}
	bucket = take_buckets(&e->nexthop, n->buckets);
	free_lists(&e->nexthop);
	e->nexthop = *n;
	e->nexthop.member = member;
	e->nexthop.bucket = bucket;
	REPORT(f, nexthop_set, &e->nexthop);
}

static void bucket_told(struct feed *f, const struct decoded_bucket *b)
{
	struct nexthop_entry *e = table_get(&f->nexthops, &b->group);
	uint32_t *bucket;

	if (!e || b->index >= e->nexthop.buckets)
		return;
	bucket = (uint32_t *)e->nexthop.bucket + b->index;
	if (*bucket == b->member)
		return;
	*bucket = b->member;
	e->moved = f->moved = true;
}

/* All that moved since the last time, at once. */
static void report_buckets(struct feed *f)
{
	const void *key;
	void *value;

	for (size_t pos = 0; f->moved && table_next(&f->nexthops, &pos, &key, &value); ) {
		struct nexthop_entry *e = value;

		if (e->moved)
			REPORT(f, nexthop_set, &e->nexthop);
		e->moved = false;
	}
	f->moved = false;
}

static void nexthop_gone(struct feed *f, uint32_t id)
{
	if (!table_get(&f->nexthops, &id))
		return;
	drop_nexthop(f, id);
	nexthops_lost(f);
}

static void rule_told(struct feed *f, const struct kernel_rule *rule, bool gone, bool dumped)
{
	struct rule_entry *e = table_put(&f->rules, rule, NULL);

	if (dumped) {
		e->dumped++;	/* compared at the end */
		return;
	}
	if (is_dumping(f, DUMP_RULES))
		f->torn = true;
	if (!gone) {
		e->count++;
		REPORT(f, rule_set, rule);
	} else if (e->count) {
		e->count--;
		REPORT(f, rule_gone, rule);
	}
}

static bool wants_table(const struct feed *f, uint32_t table)
{
	for (size_t i = 0; i < f->table_count; i++)
		if (f->tables[i] == table)
			return true;
	return false;
}

/* ---- dumps ---------------------------------------------------------------- */

static struct routes *routes_of_dump(struct feed *f)
{
	return &f->routes[f->shape->dump[f->dump].family == AF_INET6];
}

static int request_dump(struct feed *f)
{
	const struct dump *d = &f->shape->dump[f->dump];
	char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + 32] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	uint8_t *header;

	nlh->nlmsg_type = d->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++f->seq;
	header = mnl_nlmsg_put_extra_header(nlh, d->header);
	header[0] = d->family;		/* the first byte of each of these headers */
	f->torn = f->skipping = f->failed = false;
	f->round++;
	if (d->kind == DUMP_BUCKETS)
		f->want_buckets = false;
	if (d->kind == DUMP_ROUTES)
		routes_dump_begin(routes_of_dump(f));
	return mnl_socket_sendto(f->socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* Only the last one, of buckets. */
static int dump_buckets(struct feed *f)
{
	f->dump = f->shape->dumps - 1;
	f->retries = 0;
	return request_dump(f);
}

static int start_over(struct feed *f)
{
	f->again = f->stale = false;
	f->dump = 0;
	f->retries = 0;
	return request_dump(f);
}

/* What a whole dump did not name is gone. */
static void drop_unnamed_links(struct feed *f)
{
	struct vec gone = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->links, &pos, &key, &value); )
		if (((struct link_entry *)value)->round != f->round)
			vec_append(&gone, key);
	for (size_t i = 0; i < gone.len; i++)
		link_gone(f, *(uint32_t *)vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_addresses(struct feed *f)
{
	struct vec gone = VEC(struct kernel_address);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->addresses, &pos, &key, &value); ) {
		const struct address_key *k = key;
		const struct address_entry *e = value;

		if (e->round != f->round)
			vec_append(&gone, &(struct kernel_address){ k->ifindex, k->addr, k->len });
	}
	for (size_t i = 0; i < gone.len; i++)
		address_gone(f, vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_nexthops(struct feed *f)
{
	struct vec gone = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->nexthops, &pos, &key, &value); )
		if (((struct nexthop_entry *)value)->round != f->round)
			vec_append(&gone, key);
	for (size_t i = 0; i < gone.len; i++)
		nexthop_gone(f, *(uint32_t *)vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_neighbours(struct feed *f, uint8_t family)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->neighbours, &pos, &key, &value); ) {
		struct neighbour_entry *e = value;
		struct kernel_neighbour n = e->neighbour;

		if (n.addr.family != family)
			continue;
		e->touched = false;
		if (e->round == f->round && n.state)
			continue;
		table_del(&f->neighbours, key);
		if (n.state)
			REPORT(f, neighbour_gone, n.ifindex, &n.addr);
	}
}

static void settle_rules(struct feed *f, uint8_t family, bool complete)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&f->rules, &pos, &key, &value); ) {
		struct rule_entry *e = value;

		if (((const struct kernel_rule *)key)->family != family)
			continue;
		for (; complete && e->count < e->dumped; e->count++)
			REPORT(f, rule_set, key);
		for (; complete && e->count > e->dumped; e->count--)
			REPORT(f, rule_gone, key);
		e->dumped = 0;
		if (!e->count)
			table_del(&f->rules, key);
	}
}

static void settle_dump(struct feed *f, bool complete)
{
	const struct dump *d = &f->shape->dump[f->dump];
	uint8_t family = d->family == AF_INET6 ? ADDR_V6 : ADDR_V4;

	switch (d->kind) {
	case DUMP_LINKS:
		if (complete)
			drop_unnamed_links(f);
		break;
	case DUMP_ADDRESSES:
		if (complete)
			drop_unnamed_addresses(f);
		break;
	case DUMP_NEXTHOPS:
		if (complete)
			drop_unnamed_nexthops(f);
		break;
	case DUMP_RULES:
		settle_rules(f, family, complete);
		break;
	case DUMP_ROUTES:
		routes_dump_end(routes_of_dump(f), complete);
		break;
	case DUMP_NEIGHBOURS:
		if (complete)
			drop_unnamed_neighbours(f, family);
		break;
	case DUMP_BUCKETS:
		break;		/* what it told stands; a group's news ask for another */
	}
}

static void set_synced(struct feed *f, bool synced)
{
	if (f->synced == synced)
		return;
	f->synced = synced;
	f->owner.turned(f->owner.owner);
}

static void end_round(struct feed *f)
{
	f->vain = f->again ? f->vain + 1 : 0;
	if (f->vain)
		f->again_ms = now_ms() + (VAIN_WAIT_MS <<
					  (f->vain < VAIN_DOUBLINGS ? f->vain : VAIN_DOUBLINGS));
	if (f->stale)
		return;
	/* Routes may have been told after the end of their nexthop objects. */
	sweep_by_nexthops(f);
	set_synced(f, true);
}

/* The dump that runs has ended: on to the next. */
static int end_dump(struct feed *f)
{
	f->stats.torn += f->torn || f->skipping;
	/* What changed while buckets were dumped was told, too; but for groups that were made anew. */
	if (is_dumping(f, DUMP_BUCKETS) && f->torn) {
		f->want_buckets = true;
		f->torn = false;
	}
	settle_dump(f, !f->torn && !f->skipping && !f->failed);
	if ((f->torn || f->skipping) && f->retries++ < DUMP_RETRIES)
		return request_dump(f);
	/* It changes all the time. */
	f->stale |= f->torn;
	f->again |= f->torn || f->skipping;
	f->retries = 0;
	f->dump++;
	if (f->dump < f->shape->dumps)
		return request_dump(f);
	end_round(f);
	return 0;
}

/* Another round must be run, once the one that runs has ended and all is read. */
void feed_resync(struct feed *f)
{
	f->again = f->stale = true;
	set_synced(f, false);
}

static void lost(struct feed *f)
{
	f->stats.lost++;
	feed_resync(f);
}

/* ---- messages ------------------------------------------------------------- */

static void route_deleted(struct feed *f, struct routes *routes)
{
	routes_deleted(routes, &f->route);
	f->skipping |= routes->family == ADDR_V6 && is_dumping(f, DUMP_ROUTES) &&
		       routes_of_dump(f) == routes;
}

static void take_message(struct feed *f, const struct nlmsghdr *nlh, bool dumped)
{
	struct kernel_neighbour neighbour;
	struct kernel_address address;
	struct decoded_bucket bucket;
	struct kernel_link link;
	struct kernel_rule rule;
	struct routes *routes;
	int err = 0;

	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = decode_route(nlh, &f->route);
		if (err || !wants_table(f, f->route.route.table))
			break;
		drop_dead_flags(f);
		routes = &f->routes[f->route.route.prefix.addr.family == ADDR_V6];
		if (dumped)
			routes_dumped(routes, &f->route);
		else if (nlh->nlmsg_type == RTM_NEWROUTE)
			routes_new(routes, &f->route, nlh->nlmsg_flags);
		else
			route_deleted(f, routes);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		err = decode_neighbour(nlh, &neighbour);
		if (!err)
			neighbour_told(f, &neighbour, nlh->nlmsg_type == RTM_DELNEIGH, dumped);
		break;
	case RTM_NEWLINK:
		err = decode_link(nlh, &link);
		if (!err)
			link_set(f, &link);
		break;
	case RTM_DELLINK:
		err = decode_link(nlh, &link);
		if (!err)
			link_gone(f, link.ifindex);
		break;
	case RTM_NEWADDR:
		err = decode_address(nlh, &address);
		if (!err)
			address_set(f, &address);
		break;
	case RTM_DELADDR:
		err = decode_address(nlh, &address);
		if (!err)
			address_gone(f, &address);
		break;
	case RTM_NEWNEXTHOP:
		err = decode_nexthop(nlh, &f->nexthop);
		if (!err)
			nexthop_set(f, &f->nexthop.nexthop);
		break;
	case RTM_DELNEXTHOP:
		err = decode_nexthop(nlh, &f->nexthop);
		if (!err)
			nexthop_gone(f, f->nexthop.nexthop.id);
		break;
	case RTM_NEWNEXTHOPBUCKET:
		err = decode_bucket(nlh, &bucket);
		if (!err)
			bucket_told(f, &bucket);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		err = decode_rule(nlh, &rule);
		if (!err)
			rule_told(f, &rule, nlh->nlmsg_type == RTM_DELRULE, dumped);
		break;
	}
	f->stats.malformed += err < 0;
}

/* A dump was refused, or has failed on its way. */
static void take_error(struct feed *f, int err)
{
	switch (err) {
	case 0:
		break;
	case -EOPNOTSUPP:	/* a kernel that does not know such objects has none */
	case -EAFNOSUPPORT:
		f->failed = true;
		break;
	default:
		f->torn = true;
	}
}

/*
 * One message of a dump of ours. There is one dump at a time, but one that did not fit into
 * the socket at once is answered with ENOBUFS, and comes all the same; should an old one
 * still run (EBUSY), its end must be waited for.
 */
static int take_reply(struct feed *f, const struct nlmsghdr *nlh)
{
	bool ended = nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
	int err = 0;

	if (ended && mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -ENOBUFS)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -EBUSY) {
		f->draining = true;
		return 0;
	}
	if (f->draining && nlh->nlmsg_type == NLMSG_DONE) {
		f->draining = false;
		return f->dump < f->shape->dumps ? request_dump(f) : 0;
	}
	if (f->dump == f->shape->dumps || nlh->nlmsg_seq != f->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		f->torn = true;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		take_message(f, nlh, true);
	if (!ended)
		return 0;
	take_error(f, err);
	return end_dump(f);
}

/* One datagram. Return: 0, or -errno if the next dump could not be asked for. */
static int take_datagram(struct feed *f, size_t n)
{
	const struct nlmsghdr *nlh = (void *)f->buffer;
	uint32_t own = mnl_socket_get_portid(f->socket);
	int left = n, err;

	for (; decode_fits(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		f->stats.messages++;
		if (nlh->nlmsg_pid == own) {
			err = take_reply(f, nlh);
			if (err)
				return err;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			f->stats.notifications++;
			take_message(f, nlh, false);
		}
	}
	return 0;
}

/*
 * All was read. If another round of dumps must be run, now is the time; and if a dump should be
 * running it has come to nothing, since the kernel writes the next piece when one is read.
 * Return: 0, 1 if there is more to read now, or -errno.
 */
static int all_read(struct feed *f)
{
	int err;

	if (f->dump < f->shape->dumps) {
		err = request_dump(f);
	} else {
		f->waiting = f->again && f->vain && now_ms() < f->again_ms;
		if (f->again && !f->waiting)
			err = start_over(f);
		else if (f->want_buckets)
			err = dump_buckets(f);
		else
			return 0;
	}
	return err ? err : 1;
}

static int read_some(struct feed *f)
{
	struct sockaddr_nl from;
	struct iovec iov = { f->buffer, sizeof(f->buffer) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
	};
	uint64_t end = f->stats.messages + READ_MESSAGES, end_ms = now_ms() + READ_MS;
	int more, err;
	ssize_t n;

	f->waiting = false;
	for (int i = 0; i < READ_RECEIVES && f->stats.messages < end; i++) {
		if (i && now_ms() > end_ms)
			break;
		msg.msg_namelen = sizeof(from);
		n = recvmsg(mnl_socket_get_fd(f->socket), &msg, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			more = all_read(f);
			if (more > 0)
				continue;
			return more;
		}
		if (n < 0 && errno == ENOBUFS) {
			lost(f);
			continue;
		}
		if (n < 0)
			return -errno;
		if (from.nl_pid)
			continue;	/* not from the kernel */
		if (msg.msg_flags & MSG_TRUNC) {
			f->stats.malformed++;
			lost(f);
			continue;
		}
		err = take_datagram(f, n);
		if (err)
			return err;
	}
	return 1;
}

int feed_read(struct feed *f)
{
	int more = read_some(f);

	report_buckets(f);
	return more;
}

uint64_t feed_due_ms(const struct feed *f)
{
	return f->waiting ? f->again_ms : 0;
}

/* ---- ends ----------------------------------------------------------------- */

static int subscribe(struct feed *f)
{
	for (size_t i = 0; i < GROUPS_MAX && f->shape->group[i]; i++) {
		int group = f->shape->group[i];

		if (mnl_socket_setsockopt(f->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) &&
		    group != RTNLGRP_NEXTHOP)	/* before Linux 5.3 there are none */
			return -errno;
	}
	return 0;
}

static void set_receive_buffer(struct feed *f, size_t wanted)
{
	int fd = mnl_socket_get_fd(f->socket), size = wanted;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len))
		f->stats.receive_buffer = size;
}

int feed_open(struct feed **feed, enum feed_kind kind, const struct feed_owner *owner,
	      const struct feed_options *options)
{
	struct feed *f = xcalloc(1, sizeof(*f));
	int err, on = 1;

	f->shape = &shapes[kind];
	f->owner = *owner;
	f->tables = options->tables;
	f->table_count = options->table_count;
	f->dump = f->shape->dumps;
	f->links = TABLE(uint32_t, struct link_entry);
	f->addresses = TABLE(struct address_key, struct address_entry);
	f->neighbours = TABLE(struct address_key, struct neighbour_entry);
	f->nexthops = TABLE(uint32_t, struct nexthop_entry);
	f->rules = TABLE(struct kernel_rule, struct rule_entry);
	routes_init(&f->routes[0], ADDR_V4, report_route, f);
	routes_init(&f->routes[1], ADDR_V6, report_route, f);

	f->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	err = f->socket ? 0 : -errno;
	if (err)
		goto fail;
	set_receive_buffer(f, options->receive_buffer);
	/* Old kernels ignore the headers of dumps, and dump more: that is filtered here anyway. */
	mnl_socket_setsockopt(f->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(f->socket, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		goto fail;
	}
	err = subscribe(f);
	if (err)
		goto fail;
	err = start_over(f);
	if (err)
		goto fail;
	*feed = f;
	return 0;
fail:
	feed_close(f);
	return err;
}

void feed_close(struct feed *f)
{
	const void *key;
	void *value;

	if (!f)
		return;
	for (size_t pos = 0; table_next(&f->nexthops, &pos, &key, &value); )
		free_lists(&((struct nexthop_entry *)value)->nexthop);
	table_free(&f->links);
	table_free(&f->addresses);
	table_free(&f->neighbours);
	table_free(&f->nexthops);
	table_free(&f->rules);
	routes_free(&f->routes[0]);
	routes_free(&f->routes[1]);
	if (f->socket)
		mnl_socket_close(f->socket);
	free(f);
}

int feed_fd(const struct feed *f)
{
	return mnl_socket_get_fd(f->socket);
}

bool feed_synced(const struct feed *f)
{
	return f->synced;
}

void feed_add_stats(const struct feed *f, struct mirror_stats *stats)
{
	stats->messages += f->stats.messages;
	stats->notifications += f->stats.notifications;
	stats->lost += f->stats.lost;
	stats->torn += f->stats.torn;
	stats->malformed += f->stats.malformed;
	stats->silent += f->stats.silent;
	stats->receive_buffer += f->stats.receive_buffer;
	if (f->shape->links) {
		stats->links += f->links.len;
		stats->addresses += f->addresses.len;
	}
	stats->neighbours += f->neighbours.len;
	stats->nexthops += f->nexthops.len;
	stats->rules += f->rules.len;
	stats->routes4 += f->routes[0].len;
	stats->routes6 += f->routes[1].len;
	stats->memory += sizeof(*f) + routes_bytes(&f->routes[0]) + routes_bytes(&f->routes[1]);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * mirror.c: one rtnetlink socket, subscribed first, then dumped from.
 *
 * Order. Dump replies and notifications come through one socket, in the order in which
 * the kernel wrote them; read in that order, the later word is the right one (routes.h
 * has the one exception). One dump runs at a time; its end begins the next. When the
 * kernel had no room for a notification (ENOBUFS) all dumps run again, and what they do
 * not name is gone.
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
 * That a path is dead because its link is down is for the reader of the links to see.
 */
#include "netlink/mirror.h"

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

#include "base/table.h"
#include "base/vec.h"
#include "netlink/decode.h"
#include "netlink/routes.h"

#define RECEIVE_BUFFER	(32u << 20)
#define MESSAGE_MAX	(64u << 10)
#define STEP_RECEIVES	64
#define DUMP_RETRIES	3

/* What is dumped, in this order: what others refer to comes before them. */
enum dump_kind { DUMP_LINKS, DUMP_ADDRESSES, DUMP_NEXTHOPS, DUMP_RULES, DUMP_ROUTES, DUMP_NEIGHBOURS };

static const struct dump {
	uint16_t type;
	uint8_t family;
	uint8_t header;		/* bytes */
	enum dump_kind kind;
} dumps[] = {
	{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), DUMP_LINKS },
	{ RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), DUMP_ADDRESSES },
	{ RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg), DUMP_NEXTHOPS },
	{ RTM_GETRULE, AF_INET, sizeof(struct fib_rule_hdr), DUMP_RULES },
	{ RTM_GETRULE, AF_INET6, sizeof(struct fib_rule_hdr), DUMP_RULES },
	{ RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), DUMP_ROUTES },
	{ RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), DUMP_ROUTES },
	{ RTM_GETNEIGH, AF_INET, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
	{ RTM_GETNEIGH, AF_INET6, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
};

#define DUMPS (sizeof(dumps) / sizeof(*dumps))

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
	struct kernel_nexthop nexthop;		/* its members are ours */
	uint32_t round;
};

/* Rules that look alike to us are counted. */
struct rule_entry {
	uint32_t count, dumped;
};

struct mirror {
	struct mnl_socket *socket;
	struct mirror_callbacks call;
	void *user;
	uint32_t *tables;
	size_t table_count;

	uint32_t seq;		/* of the dump that runs */
	size_t dump;		/* which; DUMPS: none */
	unsigned int retries;
	uint32_t round;		/* counts dumps */
	bool torn;		/* this dump is inconsistent */
	bool failed;		/* this dump was refused */
	bool again;		/* all dumps must run again */
	bool draining;		/* an old dump runs in the kernel: its end comes first */
	bool synced, ever_synced;
	bool reported;		/* since the last batch */

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

#define REPORT(m, what, ...) do {				\
	(m)->reported = true;					\
	if ((m)->call.what)					\
		(m)->call.what((m)->user, __VA_ARGS__);		\
} while (0)

static const uint32_t default_tables[] = {
	KERNEL_TABLE_LOCAL, KERNEL_TABLE_MAIN, KERNEL_TABLE_DEFAULT
};

static void report_route(void *user, const struct kernel_route *route, bool gone)
{
	struct mirror *m = user;

	if (gone)
		REPORT(m, route_gone, route);
	else
		REPORT(m, route_set, route);
}

static bool is_dumping(const struct mirror *m, enum dump_kind kind)
{
	return m->dump < DUMPS && dumps[m->dump].kind == kind;
}

/* ---- silence -------------------------------------------------------------- */

static const struct kernel_link *find_link(const struct mirror *m, uint32_t ifindex)
{
	const struct link_entry *e = table_get(&m->links, &ifindex);

	return e ? &e->link : NULL;
}

struct lost_link {
	const struct mirror *m;
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
		link = find_link(lost->m, path[i].ifindex);
		by += path[i].ifindex == lost->ifindex;
		down += path[i].ifindex == lost->ifindex || !link || !link->up ||
			path[i].flags & KERNEL_PATH_DEAD;
	}
	if (!by)
		return ROUTE_STAYS;
	/* IPv4 lets go of a multipath route whole when one of its links is away. */
	if (down == a->paths || (lost->family == ADDR_V4 && !find_link(lost->m, lost->ifindex)))
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
	const struct mirror *m = user;

	(void)path;
	return a->nexthop_id && !table_get(&m->nexthops, &a->nexthop_id) ? ROUTE_GOES : ROUTE_STAYS;
}

static enum route_fate fate_by_address(void *user, struct route_attributes *a,
				       struct kernel_path *path)
{
	(void)path;
	return addr_equal(&a->prefsrc, user) ? ROUTE_GOES_FROM_MAIN : ROUTE_STAYS;
}

/* Routes by nexthop objects that are not there. */
static void sweep_by_nexthops(struct mirror *m)
{
	for (int i = 0; i < 2; i++)
		m->stats.silent += routes_sweep(&m->routes[i], fate_by_nexthops, m);
}

static void drop_nexthop(struct mirror *m, uint32_t id)
{
	struct nexthop_entry *e = table_get(&m->nexthops, &id);

	if (!e)
		return;
	free((void *)e->nexthop.member);
	table_del(&m->nexthops, &id);
	REPORT(m, nexthop_gone, id);
}

/* Takes members out of groups that are not there any more; groups without any go too. */
static void shrink_groups(struct mirror *m)
{
	struct vec empty = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->nexthops, &pos, &key, &value); ) {
		struct kernel_nexthop *n = &((struct nexthop_entry *)value)->nexthop;
		struct kernel_nexthop_member *member = (void *)n->member;
		unsigned int left = 0;

		if (!n->members)
			continue;
		for (unsigned int i = 0; i < n->members; i++)
			if (table_get(&m->nexthops, &member[i].id))
				member[left++] = member[i];
		if (left == n->members)
			continue;
		n->members = left;
		if (left)
			REPORT(m, nexthop_set, n);
		else
			vec_append(&empty, key);
	}
	for (size_t i = 0; i < empty.len; i++)
		drop_nexthop(m, *(uint32_t *)vec_at(&empty, i));
	vec_free(&empty);
}

static void nexthops_lost(struct mirror *m)
{
	shrink_groups(m);
	sweep_by_nexthops(m);
}

static void drop_nexthops_by_link(struct mirror *m, uint32_t ifindex, bool gone)
{
	struct vec lost = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->nexthops, &pos, &key, &value); ) {
		const struct kernel_nexthop *n = &((struct nexthop_entry *)value)->nexthop;

		if (!n->members && n->path.ifindex == ifindex &&
		    (gone || !(n->flags & KERNEL_NEXTHOP_BLACKHOLE)))
			vec_append(&lost, key);
	}
	for (size_t i = 0; i < lost.len; i++)
		drop_nexthop(m, *(uint32_t *)vec_at(&lost, i));
	if (lost.len)
		nexthops_lost(m);
	vec_free(&lost);
}

static void drop_routes_by_link(struct mirror *m, struct routes *routes, uint32_t ifindex, bool wholly)
{
	struct lost_link lost = { m, ifindex, routes->family, wholly };

	m->stats.silent += routes_sweep(routes, fate_by_link, &lost);
}

static void revive_paths(struct mirror *m, uint32_t ifindex)
{
	struct lost_link found = { .ifindex = ifindex };

	routes_sweep(&m->routes[0], fate_by_revival, &found);
}

/*
 * The kernel says of a path that it is dead when its link is down, which anybody can see;
 * what is of interest is whether it is dead though its link is up.
 */
static void drop_dead_flags(struct mirror *m)
{
	for (unsigned int i = 0; i < m->route.route.paths; i++) {
		const struct kernel_link *link = find_link(m, m->route.path[i].ifindex);

		if (m->route.route.prefix.addr.family == ADDR_V6 || !link || !link->up)
			m->route.path[i].flags &= ~KERNEL_PATH_DEAD;
	}
}

/* ---- objects, told by dumps (@dumped) or notifications -------------------- */

static bool same_link(const struct kernel_link *a, const struct kernel_link *b)
{
	return a->mtu == b->mtu && a->mtu6 == b->mtu6 && a->lower == b->lower &&
	       a->master == b->master && a->vlan == b->vlan && a->mac_len == b->mac_len &&
	       !memcmp(a->mac, b->mac, 6) && a->up == b->up && a->carrier == b->carrier &&
	       a->noarp == b->noarp && a->loopback == b->loopback && !strcmp(a->name, b->name) &&
	       !strcmp(a->kind, b->kind);
}

static void link_set(struct mirror *m, struct kernel_link *link)
{
	bool fresh, same, was_up, had_carrier;
	struct link_entry *e;
	struct new_mtu mtu;

	e = table_put(&m->links, &link->ifindex, &fresh);
	/* A new MTU becomes IPv6's too, but perhaps only after this was told. */
	if (link->mtu6 && ((!fresh && e->link.mtu != link->mtu) || link->mtu6 > link->mtu))
		link->mtu6 = link->mtu;
	same = !fresh && same_link(&e->link, link);
	mtu = (struct new_mtu){ link->ifindex, fresh ? 0 : e->link.mtu6, link->mtu };
	if (!fresh && e->link.mtu != link->mtu)
		routes_sweep(&m->routes[1], fate_by_mtu, &mtu);
	was_up = !fresh && e->link.up;
	had_carrier = !fresh && e->link.up && e->link.carrier;
	e->link = *link;
	e->round = m->round;
	if (same)
		return;
	REPORT(m, link_set, link);
	if (had_carrier && !(link->up && link->carrier))
		drop_nexthops_by_link(m, link->ifindex, false);
	if (was_up && !link->up) {
		drop_routes_by_link(m, &m->routes[0], link->ifindex, false);
		drop_routes_by_link(m, &m->routes[1], link->ifindex, false);
	}
	if (!was_up && link->up)
		revive_paths(m, link->ifindex);
}

static void link_gone(struct mirror *m, uint32_t ifindex)
{
	if (!table_del(&m->links, &ifindex))
		return;
	drop_nexthops_by_link(m, ifindex, true);
	drop_routes_by_link(m, &m->routes[0], ifindex, true);
	drop_routes_by_link(m, &m->routes[1], ifindex, true);
	REPORT(m, link_gone, ifindex);
}

static struct address_key address_key(uint32_t ifindex, const struct addr *addr, uint8_t len)
{
	return (struct address_key){ .ifindex = ifindex, .addr = *addr, .len = len };
}

static void address_set(struct mirror *m, const struct kernel_address *a)
{
	struct address_key key = address_key(a->ifindex, &a->addr, a->len);
	struct address_entry *e;
	bool fresh;

	e = table_put(&m->addresses, &key, &fresh);
	e->round = m->round;
	if (!fresh)
		return;
	REPORT(m, address_set, a);
	if (a->addr.family == ADDR_V4)
		revive_paths(m, a->ifindex);
}

static void address_gone(struct mirror *m, const struct kernel_address *a)
{
	struct address_key key = address_key(a->ifindex, &a->addr, a->len);
	bool elsewhere = false, last = true;
	struct addr addr = a->addr;
	const void *pos_key;
	void *value;

	if (!table_del(&m->addresses, &key))
		return;
	REPORT(m, address_gone, a);
	if (addr.family != ADDR_V4)
		return;
	for (size_t pos = 0; table_next(&m->addresses, &pos, &pos_key, &value); ) {
		const struct address_key *other = pos_key;

		elsewhere |= addr_equal(&other->addr, &addr);
		last &= other->ifindex != key.ifindex || other->addr.family != ADDR_V4;
	}
	if (!elsewhere)
		m->stats.silent += routes_sweep(&m->routes[0], fate_by_address, &addr);
	if (last)
		drop_routes_by_link(m, &m->routes[0], key.ifindex, true);
}

static bool same_neighbour(const struct kernel_neighbour *a, const struct kernel_neighbour *b)
{
	return a->state == b->state && a->flags == b->flags && a->mac_len == b->mac_len &&
	       !memcmp(a->mac, b->mac, 6);
}

static void neighbour_told(struct mirror *m, const struct kernel_neighbour *n, bool gone, bool dumped)
{
	struct address_key key = address_key(n->ifindex, &n->addr, 0);
	struct neighbour_entry *e = table_get(&m->neighbours, &key), was;
	bool dumping = is_dumping(m, DUMP_NEIGHBOURS), fresh = !e;

	if (dumped && e && e->touched)
		return;		/* the news is newer than what the dump says */
	if (!e && gone && !dumping)
		return;
	if (!e)
		e = table_put(&m->neighbours, &key, NULL);
	was = *e;
	e->neighbour = *n;
	e->round = m->round;
	e->touched = dumping && !dumped;
	if (!gone) {
		if (fresh || !was.neighbour.state || !same_neighbour(&was.neighbour, n))
			REPORT(m, neighbour_set, n);
		return;
	}
	e->neighbour.state = NUD_NONE;
	if (!dumping)
		table_del(&m->neighbours, &key);
	if (!fresh && was.neighbour.state)
		REPORT(m, neighbour_gone, n->ifindex, &n->addr);
}

static bool same_nexthop(const struct kernel_nexthop *a, const struct kernel_nexthop *b)
{
	return a->flags == b->flags && a->protocol == b->protocol && a->members == b->members &&
	       !memcmp(&a->path, &b->path, sizeof(a->path)) &&
	       (!a->members || !memcmp(a->member, b->member, a->members * sizeof(*a->member)));
}

static void nexthop_set(struct mirror *m, const struct kernel_nexthop *n)
{
	struct kernel_nexthop_member *member = NULL;
	struct nexthop_entry *e;
	bool fresh;

	e = table_put(&m->nexthops, &n->id, &fresh);
	e->round = m->round;
	if (!fresh && same_nexthop(&e->nexthop, n))
		return;
	if (n->members) {
		member = xcalloc(n->members, sizeof(*member));
		memcpy(member, n->member, n->members * sizeof(*member));
	}
	free((void *)e->nexthop.member);
	e->nexthop = *n;
	e->nexthop.member = member;
	REPORT(m, nexthop_set, n);
}

static void nexthop_gone(struct mirror *m, uint32_t id)
{
	if (!table_get(&m->nexthops, &id))
		return;
	drop_nexthop(m, id);
	nexthops_lost(m);
}

static struct kernel_rule *rule_key(const struct kernel_rule *from, struct kernel_rule *key)
{
	memset(key, 0, sizeof(*key));
	key->family = from->family;
	key->action = from->action;
	key->plain = from->plain;
	key->priority = from->priority;
	key->table = from->table;
	return key;
}

static void rule_told(struct mirror *m, const struct kernel_rule *rule, bool gone, bool dumped)
{
	struct kernel_rule key;
	struct rule_entry *e = table_put(&m->rules, rule_key(rule, &key), NULL);

	if (dumped) {
		e->dumped++;	/* compared at the end */
		return;
	}
	if (is_dumping(m, DUMP_RULES))
		m->torn = true;
	if (!gone) {
		e->count++;
		REPORT(m, rule_set, &key);
	} else if (e->count) {
		e->count--;
		REPORT(m, rule_gone, &key);
	}
}

static bool wants_table(const struct mirror *m, uint32_t table)
{
	for (size_t i = 0; i < m->table_count; i++)
		if (m->tables[i] == table)
			return true;
	return false;
}

/* ---- dumps ---------------------------------------------------------------- */

static struct routes *routes_of_dump(struct mirror *m)
{
	return &m->routes[dumps[m->dump].family == AF_INET6];
}

static int request_dump(struct mirror *m)
{
	const struct dump *d = &dumps[m->dump];
	char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + 32] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	uint8_t *header;

	nlh->nlmsg_type = d->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++m->seq;
	header = mnl_nlmsg_put_extra_header(nlh, d->header);
	header[0] = d->family;		/* the first byte of each of these headers */
	m->torn = m->failed = false;
	m->round++;
	if (d->kind == DUMP_ROUTES)
		routes_dump_begin(routes_of_dump(m));
	return mnl_socket_sendto(m->socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

static int start_over(struct mirror *m)
{
	m->again = false;
	m->dump = 0;
	m->retries = 0;
	return request_dump(m);
}

/* What a whole dump did not name is gone. */
static void drop_unnamed_links(struct mirror *m)
{
	struct vec gone = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->links, &pos, &key, &value); )
		if (((struct link_entry *)value)->round != m->round)
			vec_append(&gone, key);
	for (size_t i = 0; i < gone.len; i++)
		link_gone(m, *(uint32_t *)vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_addresses(struct mirror *m)
{
	struct vec gone = VEC(struct kernel_address);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->addresses, &pos, &key, &value); ) {
		const struct address_key *k = key;
		const struct address_entry *e = value;

		if (e->round != m->round)
			vec_append(&gone, &(struct kernel_address){ k->ifindex, k->addr, k->len });
	}
	for (size_t i = 0; i < gone.len; i++)
		address_gone(m, vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_nexthops(struct mirror *m)
{
	struct vec gone = VEC(uint32_t);
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->nexthops, &pos, &key, &value); )
		if (((struct nexthop_entry *)value)->round != m->round)
			vec_append(&gone, key);
	for (size_t i = 0; i < gone.len; i++)
		nexthop_gone(m, *(uint32_t *)vec_at(&gone, i));
	vec_free(&gone);
}

static void drop_unnamed_neighbours(struct mirror *m, uint8_t family)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->neighbours, &pos, &key, &value); ) {
		struct neighbour_entry *e = value;
		struct kernel_neighbour n = e->neighbour;

		if (n.addr.family != family)
			continue;
		e->touched = false;
		if (e->round == m->round && n.state)
			continue;
		table_del(&m->neighbours, key);
		if (n.state)
			REPORT(m, neighbour_gone, n.ifindex, &n.addr);
	}
}

static void settle_rules(struct mirror *m, uint8_t family, bool complete)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&m->rules, &pos, &key, &value); ) {
		struct rule_entry *e = value;

		if (((const struct kernel_rule *)key)->family != family)
			continue;
		for (; complete && e->count < e->dumped; e->count++)
			REPORT(m, rule_set, key);
		for (; complete && e->count > e->dumped; e->count--)
			REPORT(m, rule_gone, key);
		e->dumped = 0;
		if (!e->count)
			table_del(&m->rules, key);
	}
}

static void settle_dump(struct mirror *m, bool complete)
{
	const struct dump *d = &dumps[m->dump];
	uint8_t family = d->family == AF_INET6 ? ADDR_V6 : ADDR_V4;

	switch (d->kind) {
	case DUMP_LINKS:
		if (complete)
			drop_unnamed_links(m);
		break;
	case DUMP_ADDRESSES:
		if (complete)
			drop_unnamed_addresses(m);
		break;
	case DUMP_NEXTHOPS:
		if (complete)
			drop_unnamed_nexthops(m);
		break;
	case DUMP_RULES:
		settle_rules(m, family, complete);
		break;
	case DUMP_ROUTES:
		routes_dump_end(routes_of_dump(m), complete);
		break;
	case DUMP_NEIGHBOURS:
		if (complete)
			drop_unnamed_neighbours(m, family);
		break;
	}
}

static void flush_batch(struct mirror *m)
{
	if (m->reported && m->call.batch)
		m->call.batch(m->user);
	m->reported = false;
}

static void tell(struct mirror *m, enum mirror_event event)
{
	flush_batch(m);
	if (m->call.event)
		m->call.event(m->user, event);
}

/* The dump that runs has ended: on to the next. */
static int end_dump(struct mirror *m)
{
	bool whole = !m->torn && !m->failed && !m->again;

	m->stats.torn += m->torn;
	settle_dump(m, whole);
	if (m->again) {
		m->dump = DUMPS;	/* it starts over when all is read */
		return 0;
	}
	if (m->torn && m->retries++ < DUMP_RETRIES)
		return request_dump(m);
	if (m->torn)
		m->again = true;	/* it changes all the time: the whole round was in vain */
	m->retries = 0;
	do {
		m->dump++;
	} while (is_dumping(m, DUMP_ROUTES) && !m->table_count);
	if (m->dump < DUMPS)
		return request_dump(m);
	if (m->again)
		return 0;
	/* Notifications of routes may have come before those of their nexthop objects' end. */
	sweep_by_nexthops(m);
	m->synced = true;
	m->stats.resyncs += m->ever_synced;
	tell(m, m->ever_synced ? MIRROR_RESYNCED : MIRROR_SYNCED);
	m->ever_synced = true;
	return 0;
}

void mirror_resync(struct mirror *m)
{
	m->synced = false;
	m->again = true;	/* once the dump that runs has ended, and all is read */
}

static void lost(struct mirror *m)
{
	m->stats.lost++;
	if (m->synced)
		tell(m, MIRROR_LOST);
	mirror_resync(m);
}

/* ---- messages ------------------------------------------------------------- */

static void take_message(struct mirror *m, const struct nlmsghdr *nlh, bool dumped)
{
	struct kernel_neighbour neighbour;
	struct kernel_address address;
	struct kernel_link link;
	struct kernel_rule rule;
	struct routes *routes;
	int err = 0;

	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = decode_route(nlh, &m->route);
		if (err || !wants_table(m, m->route.route.table))
			break;
		drop_dead_flags(m);
		routes = &m->routes[m->route.route.prefix.addr.family == ADDR_V6];
		if (dumped)
			routes_dumped(routes, &m->route);
		else if (nlh->nlmsg_type == RTM_NEWROUTE)
			routes_new(routes, &m->route, nlh->nlmsg_flags);
		else
			routes_deleted(routes, &m->route);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		err = decode_neighbour(nlh, &neighbour);
		if (!err)
			neighbour_told(m, &neighbour, nlh->nlmsg_type == RTM_DELNEIGH, dumped);
		break;
	case RTM_NEWLINK:
		err = decode_link(nlh, &link);
		if (!err)
			link_set(m, &link);
		break;
	case RTM_DELLINK:
		err = decode_link(nlh, &link);
		if (!err)
			link_gone(m, link.ifindex);
		break;
	case RTM_NEWADDR:
		err = decode_address(nlh, &address);
		if (!err)
			address_set(m, &address);
		break;
	case RTM_DELADDR:
		err = decode_address(nlh, &address);
		if (!err)
			address_gone(m, &address);
		break;
	case RTM_NEWNEXTHOP:
		err = decode_nexthop(nlh, &m->nexthop);
		if (!err)
			nexthop_set(m, &m->nexthop.nexthop);
		break;
	case RTM_DELNEXTHOP:
		err = decode_nexthop(nlh, &m->nexthop);
		if (!err)
			nexthop_gone(m, m->nexthop.nexthop.id);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		err = decode_rule(nlh, &rule);
		if (!err)
			rule_told(m, &rule, nlh->nlmsg_type == RTM_DELRULE, dumped);
		break;
	}
	m->stats.malformed += err < 0;
}

/* A dump was refused, or has failed on its way. */
static void take_error(struct mirror *m, int err)
{
	switch (err) {
	case 0:
		break;
	case -EOPNOTSUPP:	/* a kernel that does not know such objects has none */
	case -EAFNOSUPPORT:
		m->failed = true;
		break;
	default:
		m->torn = true;
	}
}

/*
 * One message of a dump of ours. There is one dump at a time, but one that did not fit into
 * the socket at once is answered with ENOBUFS, and comes all the same; should an old one
 * still run (EBUSY), its end must be waited for.
 */
static int take_reply(struct mirror *m, const struct nlmsghdr *nlh)
{
	bool ended = nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
	int err = 0;

	if (ended && mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -ENOBUFS)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -EBUSY) {
		m->draining = true;
		return 0;
	}
	if (m->draining && nlh->nlmsg_type == NLMSG_DONE) {
		m->draining = false;
		return m->dump < DUMPS ? request_dump(m) : 0;
	}
	if (m->dump == DUMPS || nlh->nlmsg_seq != m->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		m->torn = true;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		take_message(m, nlh, true);
	if (!ended)
		return 0;
	take_error(m, err);
	return end_dump(m);
}

/* One datagram. Return: 0, or -errno if the next dump could not be asked for. */
static int take_datagram(struct mirror *m, size_t n)
{
	const struct nlmsghdr *nlh = (void *)m->buffer;
	uint32_t own = mnl_socket_get_portid(m->socket);
	int left = n, err;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		m->stats.messages++;
		if (nlh->nlmsg_pid == own) {
			err = take_reply(m, nlh);
			if (err)
				return err;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			m->stats.notifications++;
			take_message(m, nlh, false);
		}
	}
	return 0;
}

/*
 * All was read. If all dumps must run again, now is the time; and if one should be running
 * it has come to nothing, since the kernel writes the next piece when one is read.
 * Return: 0, 1 if there is more to read now, or -errno.
 */
static int all_read(struct mirror *m)
{
	int err;

	if (m->dump == DUMPS && !m->again)
		return 0;
	err = m->again ? start_over(m) : request_dump(m);
	return err ? err : 1;
}

int mirror_step(struct mirror *m)
{
	struct sockaddr_nl from;
	struct iovec iov = { m->buffer, sizeof(m->buffer) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
	};
	int more = 1, err;
	ssize_t n;

	for (int i = 0; i < STEP_RECEIVES; i++) {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(mnl_socket_get_fd(m->socket), &msg, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			more = all_read(m);
			if (more > 0)
				continue;
			break;
		}
		if (n < 0 && errno == ENOBUFS) {
			lost(m);
			continue;
		}
		if (n < 0) {
			more = -errno;
			break;
		}
		if (from.nl_pid)
			continue;	/* not from the kernel */
		if (msg.msg_flags & MSG_TRUNC) {
			m->stats.malformed++;
			lost(m);
			continue;
		}
		err = take_datagram(m, n);
		if (err) {
			more = err;
			break;
		}
	}
	flush_batch(m);
	return more;
}

/* ---- ends ----------------------------------------------------------------- */

static int subscribe(struct mirror *m)
{
	static const unsigned int groups[] = {
		RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
		RTNLGRP_NEXTHOP,
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		int group = groups[i];

		if (!m->table_count && (group == RTNLGRP_IPV4_ROUTE || group == RTNLGRP_IPV6_ROUTE))
			continue;
		if (mnl_socket_setsockopt(m->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) &&
		    group != RTNLGRP_NEXTHOP)	/* before Linux 5.3 there are none */
			return -errno;
	}
	return 0;
}

static void set_receive_buffer(struct mirror *m, size_t wanted)
{
	int fd = mnl_socket_get_fd(m->socket), size = wanted ? wanted : RECEIVE_BUFFER;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len))
		m->stats.receive_buffer = size;
}

int mirror_open(struct mirror **mirror, const struct mirror_callbacks *callbacks, void *user,
		const struct mirror_options *options)
{
	static const struct mirror_options none;
	struct mirror *m = xcalloc(1, sizeof(*m));
	const uint32_t *tables;
	int err, on = 1;

	if (!options)
		options = &none;
	tables = options->tables ? options->tables : default_tables;
	m->table_count = options->tables ? options->table_count : 3;
	m->tables = xcalloc(m->table_count + 1, sizeof(*m->tables));
	memcpy(m->tables, tables, m->table_count * sizeof(*tables));
	m->call = *callbacks;
	m->user = user;
	m->dump = DUMPS;
	m->links = TABLE(uint32_t, struct link_entry);
	m->addresses = TABLE(struct address_key, struct address_entry);
	m->neighbours = TABLE(struct address_key, struct neighbour_entry);
	m->nexthops = TABLE(uint32_t, struct nexthop_entry);
	m->rules = TABLE(struct kernel_rule, struct rule_entry);
	routes_init(&m->routes[0], ADDR_V4, report_route, m);
	routes_init(&m->routes[1], ADDR_V6, report_route, m);

	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	err = m->socket ? 0 : -errno;
	if (err)
		goto fail;
	set_receive_buffer(m, options->receive_buffer);
	/* Old kernels ignore the headers of dumps, and dump more: that is filtered here anyway. */
	mnl_socket_setsockopt(m->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(m->socket, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		goto fail;
	}
	err = subscribe(m);
	if (err)
		goto fail;
	err = start_over(m);
	if (err)
		goto fail;
	*mirror = m;
	return 0;
fail:
	mirror_close(m);
	return err;
}

void mirror_close(struct mirror *m)
{
	const void *key;
	void *value;

	if (!m)
		return;
	for (size_t pos = 0; table_next(&m->nexthops, &pos, &key, &value); )
		free((void *)((struct nexthop_entry *)value)->nexthop.member);
	table_free(&m->links);
	table_free(&m->addresses);
	table_free(&m->neighbours);
	table_free(&m->nexthops);
	table_free(&m->rules);
	routes_free(&m->routes[0]);
	routes_free(&m->routes[1]);
	if (m->socket)
		mnl_socket_close(m->socket);
	free(m->tables);
	free(m);
}

int mirror_fd(const struct mirror *m)
{
	return mnl_socket_get_fd(m->socket);
}

bool mirror_synced(const struct mirror *m)
{
	return m->synced;
}

void mirror_stats(const struct mirror *m, struct mirror_stats *stats)
{
	*stats = m->stats;
	stats->links = m->links.len;
	stats->addresses = m->addresses.len;
	stats->neighbours = m->neighbours.len;
	stats->nexthops = m->nexthops.len;
	stats->routes4 = m->routes[0].len;
	stats->routes6 = m->routes[1].len;
	stats->rules = m->rules.len;
	stats->memory = sizeof(*m) + routes_bytes(&m->routes[0]) + routes_bytes(&m->routes[1]);
}

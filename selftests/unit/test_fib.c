// SPDX-License-Identifier: GPL-2.0
/*
 * The fib against a slow, plain model: random changes of links, ports, neighbours,
 * nexthop objects and routes in several tables; after each batch the table's answers for
 * random addresses must be what the model, which works everything out from scratch, says.
 * With too small a table an answer may instead be to let the kernel answer: never another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/text.h"
#include "base/vec.h"
#include "fib/fib.h"
#include "image/image.h"
#include "lpm/lpm.h"
#include "lpm/rib.h"

#define LINKS		8
#define OBJECTS		12
#define ROUTES		600
#define NEIGHBOURS	64
#define MEMBERS		3
#define STATICS		40
#define FIXED		0x80	/* in the flags of the model's static routes */

/* ---- the model ------------------------------------------------------------ */

struct model_route {
	bool there;
	struct kernel_route route;
	struct kernel_path path[MEMBERS];
};

struct model_object {
	bool there;
	struct kernel_nexthop object;
	struct kernel_nexthop_member member[MEMBERS];
};

/* A static route as the model has it: a route of main by the link that is its port, if any. */
struct model_static {
	bool there;
	struct image_static fixed;
};

static struct model {
	struct kernel_link link[LINKS];		/* by ifindex; mtu 0: not there */
	uint16_t port[LINKS];
	struct model_object object[OBJECTS];	/* by id */
	struct model_route route[ROUTES];
	struct model_static fixed[STATICS];
	struct kernel_neighbour neighbour[NEIGHBOURS];	/* ifindex 0: not there */
} m;

/* What must become of a packet: at most MEMBERS ways, with weights. */
struct expected {
	unsigned int hops, total;
	unsigned int weight[MEMBERS];
	struct nexthop hop[MEMBERS];
};

static unsigned int below(unsigned int n)
{
	return (unsigned int)random() % n;
}

static bool usable(const struct kernel_neighbour *n)
{
	return n->ifindex && n->mac_len == 6 &&
	       n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP);
}

static const struct kernel_neighbour *model_neighbour(uint32_t ifindex, const struct addr *a)
{
	for (unsigned int i = 0; i < NEIGHBOURS; i++)
		if (m.neighbour[i].ifindex == ifindex && addr_equal(&m.neighbour[i].addr, a))
			return &m.neighbour[i];
	return NULL;
}

static bool alive(uint32_t ifindex)
{
	const struct kernel_link *l = &m.link[ifindex];

	if (!l->mtu || !l->up || !l->carrier)
		return false;
	if (!m.port[ifindex] && l->vlan && m.link[l->lower].mtu && m.port[l->lower])
		return m.link[l->lower].up && m.link[l->lower].carrier;
	return true;
}

static void expect_reason(struct expected *e, uint8_t reason)
{
	*e = (struct expected){ .hops = 1, .total = 1, .weight = { 1 }, .hop = { { .reason = reason } } };
}

static void expect_path(struct expected *e, const struct kernel_path *path, unsigned int weight,
			const struct kernel_route *r, const struct addr *host)
{
	const struct kernel_link *l = &m.link[path->ifindex];
	const struct kernel_neighbour *n;
	struct nexthop *hop = &e->hop[e->hops];

	if (path->flags & KERNEL_PATH_ENCAP) {
		hop->reason = REASON_encap;
	} else if (!alive(path->ifindex)) {
		return;
	} else {
		hop->port = m.port[path->ifindex];
		if (!hop->port && l->vlan && m.link[l->lower].mtu && m.port[l->lower]) {
			hop->port = m.port[l->lower];
			hop->vlan = l->vlan;
		}
		n = path->via.family ? model_neighbour(path->ifindex, &path->via) :
		    host ? model_neighbour(path->ifindex, host) : NULL;
		if (!hop->port) {
			hop->reason = REASON_no_port;
		} else if (!n || !usable(n) || l->mac_len != 6) {
			hop->reason = REASON_no_neighbour;
		} else {
			hop->reason = REASON_forwarded;
			hop->mtu = r->mtu ? r->mtu :
				   r->prefix.addr.family == ADDR_V6 && l->mtu6 ? l->mtu6 : l->mtu;
			memcpy(hop->dst_mac, n->mac, 6);
			memcpy(hop->src_mac, l->mac, 6);
		}
	}
	e->weight[e->hops++] = weight;
	e->total += weight;
}

static void expect_object(struct expected *e, const struct kernel_route *r, const struct addr *a)
{
	const struct model_object *o = &m.object[r->nexthop_id], *member;

	if (!o->there)
		return expect_reason(e, REASON_not_followed);
	if (o->object.members == 1 && m.object[o->member[0].id].there)
		o = &m.object[o->member[0].id];
	if (o->object.flags & KERNEL_NEXTHOP_BLACKHOLE)
		return expect_reason(e, REASON_blackhole);
	if (!o->object.members)
		return expect_path(e, &o->object.path, 1, r, a);
	for (unsigned int i = 0; i < o->object.members; i++) {
		member = &m.object[o->member[i].id];
		if (!member->there)
			continue;
		if (member->object.flags & KERNEL_NEXTHOP_BLACKHOLE)
			return expect_reason(e, REASON_blackhole);
		expect_path(e, &member->object.path, o->member[i].weight, r, NULL);
	}
}

static int order(const struct kernel_route *r)
{
	bool v4 = r->prefix.addr.family == ADDR_V4;

	switch (r->table) {
	case KERNEL_TABLE_LOCAL:	return 0;
	case KERNEL_TABLE_MAIN:		return v4 ? 0 : 1;
	case KERNEL_TABLE_DEFAULT:	return v4 ? 1 : -1;
	default:			return -1;
	}
}

static bool better(const struct kernel_route *a, const struct kernel_route *b)
{
	if (order(a) != order(b))
		return order(a) < order(b);
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len > b->prefix.len;
	if (a->table != b->table)
		return a->table > b->table;
	if ((a->flags ^ b->flags) & FIXED)
		return a->flags & FIXED;
	if (a->tos != b->tos)
		return a->tos > b->tos;
	return a->metric < b->metric;
}

static struct kernel_route as_route(const struct image_static *s, struct kernel_path *path)
{
	struct kernel_route r = { .prefix = s->prefix, .table = KERNEL_TABLE_MAIN, .flags = FIXED,
				  .type = s->hops ? RTN_UNICAST : RTN_BLACKHOLE };

	if (!s->hops)
		return r;
	*path = (struct kernel_path){ .weight = 1, .via = s->hop[0].via };
	for (uint32_t i = 1; i < LINKS; i++)
		if (m.port[i] == s->hop[0].port)
			path->ifindex = i;
	r.path = path;
	r.paths = 1;
	return r;
}

static bool is_picky(const struct kernel_route *r)
{
	return r->tos || r->flags & KERNEL_ROUTE_AMBIGUOUS;
}

static void expect_route(struct expected *e, const struct kernel_route *r, const struct addr *a)
{
	if (r->type == RTN_BLACKHOLE)
		expect_reason(e, REASON_discard);
	else if (is_picky(r))
		expect_reason(e, REASON_not_followed);
	else if (r->type == RTN_LOCAL || r->type == RTN_BROADCAST)
		expect_reason(e, REASON_local);
	else if (r->type == RTN_UNREACHABLE)
		expect_reason(e, REASON_reject);
	else if (r->type == RTN_THROW)
		expect_reason(e, REASON_not_followed);
	else if (r->nexthop_id)
		expect_object(e, r, a);
	else
		for (unsigned int i = 0; i < r->paths; i++)
			expect_path(e, &r->path[i], r->path[i].weight, r, r->paths == 1 ? a : NULL);
}

/* The next worse route for the same prefix in the same table, if it may stand in; NULL: none. */
static const struct kernel_route *worse_route(const struct kernel_route *r)
{
	const struct kernel_route *found = NULL;

	if (r->flags & FIXED)
		return NULL;
	for (unsigned int i = 0; i < ROUTES; i++) {
		const struct kernel_route *o = &m.route[i].route;

		if (m.route[i].there && o->table == r->table && !prefix_cmp(&o->prefix, &r->prefix) &&
		    better(r, o) && (!found || better(o, found)))
			found = o;
	}
	return found && !is_picky(found) ? found : NULL;
}

/* Return: false if there is no route. */
static bool expect(struct expected *e, const struct addr *a)
{
	struct kernel_route fixed[STATICS];
	struct kernel_path path[STATICS];
	const struct kernel_route *best = NULL;

	memset(e, 0, sizeof(*e));
	for (unsigned int i = 0; i < ROUTES; i++) {
		const struct kernel_route *r = &m.route[i].route;

		if (m.route[i].there && order(r) >= 0 && prefix_covers(&r->prefix, a) &&
		    (!best || better(r, best)))
			best = r;
	}
	for (unsigned int i = 0; i < STATICS; i++) {
		fixed[i] = as_route(&m.fixed[i].fixed, &path[i]);
		if (m.fixed[i].there && prefix_covers(&fixed[i].prefix, a) &&
		    (!best || better(&fixed[i], best)))
			best = &fixed[i];
	}
	if (!best)
		return false;
	expect_route(e, best, a);
	/* All of it dead: the worse ones behind it. */
	for (unsigned int depth = 0; !e->hops && depth < NEXTHOP_BACKUPS_MAX; depth++) {
		best = worse_route(best);
		if (!best)
			break;
		expect_route(e, best, a);
	}
	if (!e->hops)
		expect_reason(e, REASON_port_down);
	return true;
}

/* ---- the world under test ------------------------------------------------- */

static struct world {
	struct fib *fib;
	struct fib_mark mark;		/* if @marked, and a grace period is under way */
	bool marked;
	struct nexthops *nexthops;
	struct lpm *lpm[2];
	unsigned int graces;
} w;

static void grace(void *user)
{
	((struct world *)user)->graces++;
}

static void open_world(size_t limit4, size_t limit6)
{
	struct lpm_shape shape;

	memset(&w, 0, sizeof(w));
	memset(&m, 0, sizeof(m));
	w.nexthops = aligned_alloc(64, sizeof(*w.nexthops));
	memset(w.nexthops, 0, sizeof(*w.nexthops));
	assert_int_equal(lpm_sizes(ADDR_V4, 100000, &shape), 0);
	w.lpm[0] = lpm_new(ADDR_V4, &shape, NULL, limit4);
	assert_int_equal(lpm_sizes(ADDR_V6, 100000, &shape), 0);
	w.lpm[1] = lpm_new(ADDR_V6, &shape, NULL, limit6);
	w.fib = fib_new(&(struct fib_memory){ .nexthops = w.nexthops, .lpm4 = w.lpm[0], .lpm6 = w.lpm[1],
		.grace = grace, .user = &w });
}

static void close_world(void)
{
	fib_free(w.fib);
	lpm_free(w.lpm[0]);
	lpm_free(w.lpm[1]);
	free(w.nexthops);
}

static bool same_hop(const struct nexthop *a, const struct nexthop *b)
{
	if (a->reason != b->reason)
		return false;
	return a->reason != REASON_forwarded ||
	       (a->port == b->port && a->vlan == b->vlan && a->mtu == b->mtu &&
		!memcmp(a->dst_mac, b->dst_mac, 6) && !memcmp(a->src_mac, b->src_mac, 6));
}

/* The next hop of a group's @i-th bucket. */
static const struct nexthop *hop_at(uint32_t word, uint32_t i)
{
	uint32_t base = NEXTHOP_GROUP_BASE(word);

	return &w.nexthops->nexthop[NEXTHOP_GROUP_ORDER(word) ? w.nexthops->bucket[base + i].nexthop : base];
}

static bool all_pass(uint32_t word)
{
	for (uint32_t i = 0; i < 1u << NEXTHOP_GROUP_ORDER(word); i++) {
		uint8_t reason = hop_at(word, i)->reason;

		if (reason == REASON_forwarded || reason == REASON_discard || reason == REASON_blackhole)
			return false;
	}
	return true;
}

/* The table against the model. @strict: letting the kernel answer is not enough. */
static void check_addr(const struct addr *a, bool strict)
{
	lpm_result group = lpm_lookup(w.lpm[a->family == ADDR_V6], a);
	uint32_t word = w.nexthops->group[group], n = 1u << NEXTHOP_GROUP_ORDER(word);
	char text[ADDR_STRLEN];
	struct fib_answer answer;
	struct expected e;
	bool found = expect(&e, a);

	fib_lookup(w.fib, a, &answer);
	if (!answer.agrees)
		fail_msg("%s: the fib disagrees with itself", addr_format(a, text));
	assert_int_equal(answer.group, group);
	if (!strict && (!group || all_pass(word)))
		return;
	if (found != answer.found && !answer.route.host)
		fail_msg("%s: %s, expected %s", addr_format(a, text), answer.found ? "found" : "no route",
			 found ? "a route" : "none");
	if (!found) {
		assert_int_equal(group, 0);
		return;
	}
	for (unsigned int k = 0; k < e.hops; k++) {
		unsigned int weight = 0, buckets = 0;

		for (unsigned int i = 0; i < e.hops; i++)
			weight += same_hop(&e.hop[i], &e.hop[k]) ? e.weight[i] : 0;
		for (unsigned int i = 0; i < n; i++)
			buckets += same_hop(hop_at(word, i), &e.hop[k]);
		/* Each of up to MEMBERS ways may be off by one bucket. */
		if (abs((int)(buckets * e.total) - (int)(weight * n)) > (int)(MEMBERS * e.total * (n > 1)))
			fail_msg("%s: %u of %u buckets, expected %u of %u, reason %u, table has reason %u",
				 addr_format(a, text), buckets, n, weight, e.total, e.hop[k].reason,
				 hop_at(word, 0)->reason);
	}
	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = 0;

		while (k < e.hops && !same_hop(hop_at(word, i), &e.hop[k]))
			k++;
		assert_true(k < e.hops);
	}
}

/* ---- random changes ------------------------------------------------------- */

/* Few bits vary, so that prefixes nest, and addresses hit. */
static struct addr random_addr(uint8_t family)
{
	struct addr a = { .family = family };

	if (family == ADDR_V4) {
		a = addr_v4(0x0a000000 | below(4) << 16 | below(4) << 7 | below(4));
	} else {
		a.bytes[0] = 0x20;
		a.bytes[1] = below(2);
		a.bytes[6] = below(4);
		a.bytes[15] = below(4);
	}
	return a;
}

static struct prefix random_prefix(uint8_t family)
{
	static const uint8_t len4[] = { 0, 6, 8, 14, 16, 24, 25, 30, 32, 32 };
	static const uint8_t len6[] = { 0, 8, 16, 48, 54, 56, 64, 127, 128, 128 };
	struct prefix p = { .addr = random_addr(family) };

	p.len = (family == ADDR_V4 ? len4 : len6)[below(10)];
	return prefix_canonical(p);
}

static uint8_t random_family(void)
{
	return below(2) ? ADDR_V4 : ADDR_V6;
}

static struct kernel_path random_path(uint8_t family)
{
	struct kernel_path p = { .ifindex = 1 + below(LINKS - 1), .weight = 1 + below(3) };

	if (below(3))
		p.via = random_addr(family == ADDR_V4 && below(4) == 0 ? ADDR_V6 : family);
	if (!below(30))
		p.flags = KERNEL_PATH_ENCAP;
	return p;
}

static void random_route(void)
{
	static const uint8_t type[] = { RTN_LOCAL, RTN_BROADCAST, RTN_UNREACHABLE, RTN_THROW };
	static const uint32_t table[] = { KERNEL_TABLE_LOCAL, KERNEL_TABLE_DEFAULT, 100 };
	struct kernel_route r = { .prefix = random_prefix(random_family()), .type = RTN_UNICAST,
				  .table = KERNEL_TABLE_MAIN, .metric = below(3) };
	struct model_route *slot = NULL;

	if (!below(6))
		r.table = table[below(3)];
	if (!below(6) || r.table == KERNEL_TABLE_LOCAL)
		r.type = type[below(4)];
	if (!below(40))
		r.tos = 8;
	if (!below(40))
		r.flags = KERNEL_ROUTE_AMBIGUOUS;
	if (!below(6))
		r.mtu = 1280 + below(3);
	for (unsigned int i = 0; i < ROUTES && !slot; i++) {
		const struct kernel_route *s = &m.route[i].route;

		if (m.route[i].there && prefix_equal(&s->prefix, &r.prefix) && s->table == r.table &&
		    s->metric == r.metric && s->tos == r.tos)
			slot = &m.route[i];
	}
	for (unsigned int i = 0; i < ROUTES && !slot; i++)
		if (!m.route[i].there)
			slot = &m.route[i];
	if (!slot)
		return;
	slot->there = true;
	if (!below(4)) {
		r.nexthop_id = 1 + below(OBJECTS - 1);
	} else {
		r.paths = below(3) ? 1 : 1 + below(MEMBERS);
		for (unsigned int i = 0; i < r.paths; i++)
			slot->path[i] = random_path(r.prefix.addr.family);
		r.path = slot->path;
	}
	slot->route = r;
	fib_route_set(w.fib, &slot->route);
}

static void withdraw(struct model_route *slot)
{
	if (!slot->there)
		return;
	slot->there = false;
	fib_route_gone(w.fib, &(struct kernel_route){ .prefix = slot->route.prefix,
			.table = slot->route.table, .metric = slot->route.metric,
			.tos = slot->route.tos });
}

static void withdraw_static(struct model_static *s)
{
	if (s->there)
		fib_static_gone(w.fib, &s->fixed.prefix);
	s->there = false;
}

static void random_static(void)
{
	struct model_static *slot = &m.fixed[below(STATICS)];
	struct image_static s = { .prefix = random_prefix(random_family()), .hops = !!below(4) };

	if (slot->there && below(2))
		return withdraw_static(slot);
	if (s.hops) {
		s.hop[0].port = (1 + below(LINKS - 1)) * 10;
		if (below(3))
			s.hop[0].via = random_addr(s.prefix.addr.family);
	}
	for (unsigned int i = 0; i < STATICS; i++)
		if (m.fixed[i].there && prefix_equal(&m.fixed[i].fixed.prefix, &s.prefix))
			slot = &m.fixed[i];
	if (slot->there && !prefix_equal(&slot->fixed.prefix, &s.prefix))
		withdraw_static(slot);
	*slot = (struct model_static){ true, s };
	fib_static_set(w.fib, &s);
}

static void random_link(void)
{
	uint32_t i = 1 + below(LINKS - 1);
	struct kernel_link l = { .ifindex = i, .mtu = 1500 + below(2), .up = below(8), .carrier = below(8),
				 .mac = { 2, 0, 0, 0, below(3), i }, .mac_len = 6 };

	if (!below(12)) {
		m.link[i] = (struct kernel_link){ 0 };
		return fib_link_gone(w.fib, i);
	}
	if (below(2))
		l.mtu6 = 1400;
	if (i == LINKS - 1) {		/* point to point */
		l.mac_len = 0;
		l.noarp = true;
	}
	if (i == LINKS - 2) {		/* VLAN */
		l.lower = 1;
		l.vlan = 7;
	}
	m.link[i] = l;
	fib_link_set(w.fib, &l);
}

static void random_port(void)
{
	uint32_t i = 1 + below(LINKS - 1);

	m.port[i] = i < LINKS - 2 && below(4) ? i * 10 : 0;
	fib_port_set(w.fib, i, m.port[i]);
}

static void random_neighbour(void)
{
	static const uint16_t state[] = { NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT,
					  NUD_FAILED, NUD_INCOMPLETE };
	struct kernel_neighbour *slot = &m.neighbour[below(NEIGHBOURS)], n = {
		.ifindex = 1 + below(LINKS - 1), .addr = random_addr(random_family()),
		.state = state[below(7)], .mac_len = 6, .mac = { 2, 1, 0, 0, 0, 1 + below(5) },
	};

	if (slot->ifindex && below(2)) {
		fib_neighbour_gone(w.fib, slot->ifindex, &slot->addr);
		slot->ifindex = 0;
		return;
	}
	if (slot->ifindex) {
		n.ifindex = slot->ifindex;
		n.addr = slot->addr;
	} else if (model_neighbour(n.ifindex, &n.addr)) {
		return;
	}
	if (n.state & (NUD_FAILED | NUD_INCOMPLETE))
		n.mac_len = 0;
	*slot = n;
	fib_neighbour_set(w.fib, &n);
}

static void random_object(void)
{
	uint32_t id = 1 + below(OBJECTS - 1);
	struct model_object *o = &m.object[id];

	if (o->there && !below(4)) {
		o->there = false;
		return fib_nexthop_object_gone(w.fib, id);
	}
	*o = (struct model_object){ .there = true, .object.id = id };
	if (id > OBJECTS / 2) {		/* groups have the upper half of the ids */
		o->object.members = 1 + below(MEMBERS);
		for (unsigned int i = 0; i < o->object.members; i++)
			o->member[i] = (struct kernel_nexthop_member){
				.id = 1 + below(OBJECTS / 2), .weight = 1 + below(4) };
		o->object.member = o->member;
	} else {
		o->object.path = random_path(random_family());
		o->object.path.weight = 1;
		if (!below(10))
			o->object.flags = KERNEL_NEXTHOP_BLACKHOLE;
	}
	fib_nexthop_object_set(w.fib, &o->object);
}

static void random_change(void)
{
	switch (below(13)) {
	case 12: return random_static();
	case 0: return random_link();
	case 1: return below(4) ? random_neighbour() : random_port();
	case 2: case 3: return random_neighbour();
	case 4: return random_object();
	case 5: case 6: case 7: return withdraw(&m.route[below(ROUTES)]);
	default: return random_route();
	}
}

/* Reclaims at once, or what was replaced by then some flushes later. */
static void flush(void)
{
	fib_flush(w.fib);
	if (w.marked && below(2)) {
		fib_reclaim_to(w.fib, &w.mark);
		w.marked = false;
	} else if (!w.marked && fib_wants_reclaim(w.fib) && below(2)) {
		w.mark = fib_quiesce_mark(w.fib);
		w.marked = true;
	} else if (below(8) == 0) {
		fib_reclaim(w.fib);	/* as when it has no room: what the mark names goes with it */
	}
}

static void check_many(unsigned int n, bool strict)
{
	for (unsigned int i = 0; i < n; i++) {
		struct addr a = random_addr(random_family());

		check_addr(&a, strict);
	}
}

static void seed_world(void)
{
	for (unsigned int i = 0; i < 60; i++) {
		random_link();
		random_port();
	}
}

/* ---- tests ---------------------------------------------------------------- */

static void test_random(void **state)
{
	(void)state;
	open_world(100000, 100000);
	seed_world();
	for (unsigned int batch = 0; batch < 4000; batch++) {
		for (unsigned int i = 1 + below(12); i; i--)
			random_change();
		flush();
		check_many(25, true);
	}
	close_world();
}

/* Everything said again is nothing new: not one word is written. */
static void test_again(void **state)
{
	struct fib_stats before, after;

	(void)state;
	open_world(100000, 100000);
	seed_world();
	for (unsigned int i = 0; i < 3000; i++)
		random_change();
	fib_flush(w.fib);
	fib_stats(w.fib, &before);
	for (unsigned int i = 0; i < LINKS; i++)
		if (m.link[i].mtu)
			fib_link_set(w.fib, &m.link[i]);
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (m.object[i].there)
			fib_nexthop_object_set(w.fib, &m.object[i].object);
	for (unsigned int i = 0; i < NEIGHBOURS; i++)
		if (m.neighbour[i].ifindex)
			fib_neighbour_set(w.fib, &m.neighbour[i]);
	for (unsigned int i = 0; i < ROUTES; i++)
		if (m.route[i].there)
			fib_route_set(w.fib, &m.route[i].route);
	for (unsigned int i = 0; i < STATICS; i++)
		if (m.fixed[i].there)
			fib_static_set(w.fib, &m.fixed[i].fixed);
	fib_flush(w.fib);
	fib_stats(w.fib, &after);
	assert_int_equal(after.table_writes, before.table_writes);
	assert_int_equal(after.group_writes, before.group_writes);
	assert_int_equal(after.prefixes[0], before.prefixes[0]);
	/* And when all has gone, nothing is left. */
	for (unsigned int i = 0; i < ROUTES; i++)
		withdraw(&m.route[i]);
	for (unsigned int i = 0; i < STATICS; i++)
		withdraw_static(&m.fixed[i]);
	fib_flush(w.fib);
	fib_reclaim(w.fib);
	fib_stats(w.fib, &after);
	for (int i = 0; i < 2; i++) {
		struct lpm_stats s;

		lpm_stats(w.lpm[i], &s);
		assert_int_equal(s.prefixes, 0);
		assert_int_equal(after.routes[i] + after.prefixes[i] + after.published[i], 0);
	}
	assert_int_equal(after.groups, 1);	/* table_full's */
	assert_int_equal(after.retired, 0);
	close_world();
}

/* A table that is far too small: never a wrong answer, and all of it back when it fits again. */
static void test_too_small(void **state)
{
	struct fib_stats s = { 0 };
	unsigned int given_up = 0;

	(void)state;
	open_world(40, 40);
	seed_world();
	for (unsigned int batch = 0; batch < 3000; batch++) {
		for (unsigned int i = 1 + below(12); i; i--)
			random_change();
		flush();
		fib_stats(w.fib, &s);
		given_up += s.blocks[0] + s.blocks[1];
		check_many(25, !s.blocks[0] && !s.blocks[1]);
	}
	assert_true(given_up > 1000);
	for (unsigned int i = 0, left = 0; i < ROUTES; i++)
		if (m.route[i].there && ++left > 10)
			withdraw(&m.route[i]);
	for (unsigned int i = 0; i < STATICS; i++)
		withdraw_static(&m.fixed[i]);
	for (unsigned int i = 0; i < NEIGHBOURS; i++)
		if (m.neighbour[i].ifindex) {
			fib_neighbour_gone(w.fib, m.neighbour[i].ifindex, &m.neighbour[i].addr);
			m.neighbour[i].ifindex = 0;
		}
	fib_flush(w.fib);
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	assert_int_equal(s.blocks[0] + s.blocks[1], 0);
	assert_int_equal(s.published[0], s.prefixes[0]);
	check_many(1000, true);
	close_world();
}

static void add_gateway(void)
{
	struct kernel_link l = { .ifindex = 1, .mtu = 1500, .up = true, .carrier = true, .mac_len = 6,
				 .mac = { 2, 0, 0, 0, 0, 1 } };
	struct kernel_neighbour n = { .ifindex = 1, .addr = addr_v4(0xc0000201), .state = NUD_REACHABLE,
				      .mac_len = 6, .mac = { 2, 0, 0, 0, 0, 9 } };

	m.link[1] = l;
	m.port[1] = 3;
	m.neighbour[0] = n;
	fib_link_set(w.fib, &l);
	fib_port_set(w.fib, 1, 3);
	fib_neighbour_set(w.fib, &n);
}

static void add_route(unsigned int i, struct prefix p)
{
	m.route[i].path[0] = (struct kernel_path){ .ifindex = 1, .weight = 1, .via = addr_v4(0xc0000201) };
	m.route[i].route = (struct kernel_route){ .prefix = p, .type = RTN_UNICAST,
		.table = KERNEL_TABLE_MAIN, .paths = 1, .path = m.route[i].path };
	m.route[i].there = true;
	fib_route_set(w.fib, &m.route[i].route);
}

/* N - 1, N and N + 1 prefixes in a table for N. */
static void test_limit(void **state)
{
	const unsigned int limit = 50;
	struct prefix everything = { .addr.family = ADDR_V4 };
	struct text notes = { 0 };
	struct fib_stats s;

	(void)state;
	open_world(limit, limit);
	add_gateway();
	add_route(0, everything);
	for (unsigned int i = 1; i < limit - 1; i++)
		add_route(i, (struct prefix){ addr_v4(0x0a000000 | i << 8), 24 });
	for (unsigned int n = limit - 1; n <= limit + 1; n++) {
		if (n >= limit)
			add_route(n - 1, (struct prefix){ addr_v4(0x0a000000 | (n - 1) << 8), 24 });
		fib_flush(w.fib);
		fib_stats(w.fib, &s);
		assert_int_equal(s.prefixes[0], n);
		assert_int_equal(s.blocks[0], n > limit);
		assert_int_equal(s.published[0], n > limit ? 1 : n);
		for (unsigned int i = 0; i < 60; i++) {
			struct addr a = addr_v4(0x0a000005 | i << 8);

			check_addr(&a, n <= limit);
			a = addr_v4(0x14000005);
			check_addr(&a, true);
		}
	}
	fib_notes(w.fib, &notes);
	assert_non_null(strstr(text_string(&notes), "full"));
	text_free(&notes);
	withdraw(&m.route[7]);
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	assert_int_equal(s.blocks[0], 0);
	assert_int_equal(s.published[0], limit);
	for (unsigned int i = 0; i < 60; i++) {
		struct addr a = addr_v4(0x0a000005 | i << 8);

		check_addr(&a, true);
	}
	close_world();
}

/* The same, where the first flush finds too much for a table built at once. */
static void test_limit_at_once(void **state)
{
	struct rib_route *routes = xcalloc(20000, sizeof(*routes));
	struct fib_rib_port port = { 5, { 2, 0, 0, 0, 0, 5 }, 1500 };
	struct fib_stats s;
	unsigned int forwarded = 0, full = 0;

	(void)state;
	open_world(15000, 100);
	for (unsigned int i = 0; i < 20000; i++)
		routes[i] = (struct rib_route){ { addr_v4((i % 200 + 1) << 24 | (i / 200) << 8), 24 }, i % 7 };
	fib_load_rib(w.fib, routes, 20000, &port, 1);
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	assert_int_equal(s.prefixes[0], 20000);
	assert_true(s.blocks[0] > 0);
	assert_int_equal(s.published[0] + s.left_out[0], 20000);
	for (unsigned int i = 0; i < 20000; i++) {
		struct fib_answer answer;

		fib_lookup(w.fib, &routes[i].prefix.addr, &answer);
		assert_true(answer.agrees);
		assert_int_equal(fib_rib_nexthop(&answer.route.nexthop[0]), i % 7);
		if (answer.reason == REASON_forwarded) {
			const struct nexthop *h = hop_at(w.nexthops->group[answer.group], 0);

			assert_int_equal(h->port, 5);
			assert_int_equal(h->dst_mac[5], i % 7);
			forwarded++;
		} else {
			assert_int_equal(answer.reason, REASON_table_full);
			full++;
		}
	}
	assert_int_equal(forwarded, s.published[0]);
	assert_int_equal(full, s.left_out[0]);
	free(routes);
	close_world();
}

/* More sets of next hops than there are groups: what finds none passes up, and finds one later. */
static void test_groups_used_up(void **state)
{
	struct rib_route *routes = xcalloc(NEXTHOP_GROUPS_MAX + 10, sizeof(*routes));
	struct fib_rib_port port = { 5, { 2, 0, 0, 0, 0, 5 }, 1500 };
	unsigned int starved = 0, n = NEXTHOP_GROUPS_MAX + 10;
	struct fib_stats s;

	(void)state;
	open_world(100000, 100);
	for (unsigned int i = 0; i < n; i++)
		routes[i] = (struct rib_route){ { addr_v4(0x0b000000 | i << 8), 24 }, i };
	fib_load_rib(w.fib, routes, n, &port, 1);
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	/* Groups 1 to MAX - 1, of which one is table_full's. */
	assert_int_equal(s.groups, NEXTHOP_GROUPS_MAX - 1);
	assert_int_equal(s.starved, 12);
	for (unsigned int i = 0; i < n; i++) {
		struct fib_answer answer;

		fib_lookup(w.fib, &routes[i].prefix.addr, &answer);
		assert_true(answer.agrees);
		starved += answer.reason == REASON_table_full;
	}
	assert_int_equal(starved, 12);
	for (unsigned int i = 0; i < 20; i++)
		fib_route_gone(w.fib, &(struct kernel_route){ .prefix = routes[i].prefix,
							      .table = KERNEL_TABLE_MAIN });
	fib_flush(w.fib);
	fib_reclaim(w.fib);
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	assert_int_equal(s.starved, 0);
	assert_int_equal(s.published[0], n - 20);
	free(routes);
	close_world();
}

/* A neighbour's new address costs one word, however many routes lead there. */
static void test_one_word(void **state)
{
	struct kernel_neighbour n;
	struct fib_stats before, after;
	struct addr a = addr_v4(0x0a000101);
	uint32_t word;

	(void)state;
	open_world(1000, 1000);
	add_gateway();
	for (unsigned int i = 0; i < 200; i++)
		add_route(i, (struct prefix){ addr_v4(0x0a000000 | i << 8), 24 });
	fib_flush(w.fib);
	fib_stats(w.fib, &before);
	word = w.nexthops->group[lpm_lookup(w.lpm[0], &a)];
	n = m.neighbour[0];
	n.mac[5]++;
	m.neighbour[0] = n;
	fib_neighbour_set(w.fib, &n);
	fib_flush(w.fib);
	fib_stats(w.fib, &after);
	assert_int_equal(after.group_writes, before.group_writes + 1);
	assert_int_equal(after.table_writes, before.table_writes);
	/* The old slot stays as it was until it is reclaimed. */
	assert_int_not_equal(w.nexthops->group[lpm_lookup(w.lpm[0], &a)], word);
	assert_int_equal(w.nexthops->nexthop[NEXTHOP_GROUP_BASE(word)].dst_mac[5], 9);
	assert_int_equal(after.retired, before.retired + 1);
	check_addr(&a, true);
	close_world();
}

/* Routes are shown in order, each once, even while they go. */
static void test_show(void **state)
{
	struct fib_cursor c = { 0 };
	struct fib_route r, last = { 0 };
	size_t shown = 0, best = 0;
	struct fib_stats s;

	(void)state;
	open_world(100000, 100000);
	seed_world();
	for (unsigned int i = 0; i < 4000; i++)
		random_change();
	fib_flush(w.fib);
	fib_stats(w.fib, &s);
	for (; fib_route_next(w.fib, ADDR_NONE, &c, &r); last = r, shown++) {
		assert_true(!shown || prefix_cmp(&last.prefix, &r.prefix) <= 0);
		best += r.best;
		if (r.best)
			assert_true(r.published && r.group);
	}
	assert_int_equal(shown, s.routes[0] + s.routes[1] + s.hosts[0] + s.hosts[1]);
	assert_int_equal(best, s.prefixes[0] + s.prefixes[1]);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_at_once),
		cmocka_unit_test(test_groups_used_up),
		cmocka_unit_test(test_one_word),
		cmocka_unit_test(test_show),
	};
	unsigned int seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 0) : (unsigned long)time(NULL);

	printf("# seed %u\n", seed);
	srandom(seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

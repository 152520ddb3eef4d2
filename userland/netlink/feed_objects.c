// SPDX-License-Identifier: GPL-2.0
/*
 * feed_objects.c: links, addresses, neighbours, nexthop objects and rules, as a feed has heard of them.
 *
 * Told by dumps (@dumped) or notifications; the later word is the right one. What a whole dump did not
 * name is gone.
 */
#include "netlink/feed_objects.h"

#include <linux/neighbour.h>
#include <string.h>

#include "base/vec.h"
#include "netlink/feed_inside.h"
#include "netlink/feed_silence.h"

static bool same_link(const struct kernel_link *a, const struct kernel_link *b)
{
	return a->mtu == b->mtu && a->mtu6 == b->mtu6 && a->lower == b->lower &&
	       a->master == b->master && a->vlan == b->vlan && a->mac_len == b->mac_len &&
	       a->vrf_table == b->vrf_table &&
	       !memcmp(a->mac, b->mac, 6) && a->up == b->up && a->carrier == b->carrier &&
	       a->noarp == b->noarp && a->loopback == b->loopback && !strcmp(a->name, b->name) &&
	       !strcmp(a->kind, b->kind);
}

void feed_link_set(struct feed *f, struct kernel_link *link)
{
	bool fresh, same, was_up, had_carrier;
	struct link_entry *e;

	e = table_put(&f->links, &link->ifindex, &fresh);
	/* A new MTU becomes IPv6's too, but perhaps only after this was told. */
	if (link->mtu6 && ((!fresh && e->link.mtu != link->mtu) || link->mtu6 > link->mtu))
		link->mtu6 = link->mtu;
	same = !fresh && same_link(&e->link, link);
	if (!fresh && e->link.mtu != link->mtu)
		feed_follow_mtu(f, link->ifindex, e->link.mtu6, link->mtu);
	was_up = !fresh && e->link.up;
	had_carrier = !fresh && e->link.up && e->link.carrier;
	e->link = *link;
	e->round = f->round;
	if (same)
		return;
	if (f->shape->links)
		REPORT(f, link_set, link);
	if (had_carrier && !(link->up && link->carrier))
		feed_drop_nexthops_by_link(f, link->ifindex, false);
	if (was_up && !link->up) {
		feed_drop_routes_by_link(f, &f->routes[0], link->ifindex, false);
		feed_drop_routes_by_link(f, &f->routes[1], link->ifindex, false);
	}
	if (!was_up && link->up)
		feed_revive_paths(f, link->ifindex);
}

void feed_link_gone(struct feed *f, uint32_t ifindex)
{
	if (!table_del(&f->links, &ifindex))
		return;
	feed_drop_nexthops_by_link(f, ifindex, true);
	feed_drop_routes_by_link(f, &f->routes[0], ifindex, true);
	feed_drop_routes_by_link(f, &f->routes[1], ifindex, true);
	if (f->shape->links)
		REPORT(f, link_gone, ifindex);
}

static struct address_key address_key(uint32_t ifindex, const struct addr *addr, uint8_t len)
{
	return (struct address_key){ .ifindex = ifindex, .addr = *addr, .len = len };
}

void feed_address_set(struct feed *f, const struct kernel_address *a)
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
		feed_revive_paths(f, a->ifindex);
}

void feed_address_gone(struct feed *f, const struct kernel_address *a)
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
		feed_drop_routes_by_source(f, &addr);
	if (last)
		feed_drop_routes_by_link(f, &f->routes[0], key.ifindex, true);
}

static bool same_neighbour(const struct kernel_neighbour *a, const struct kernel_neighbour *b)
{
	return a->state == b->state && a->flags == b->flags && a->mac_len == b->mac_len &&
	       a->managed == b->managed && !memcmp(a->mac, b->mac, 6);
}

void feed_neighbour_told(struct feed *f, const struct kernel_neighbour *n, bool gone, bool dumped)
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

void feed_nexthop_set(struct feed *f, const struct kernel_nexthop *n)
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
	nexthop_free_lists(&e->nexthop);
	e->nexthop = *n;
	e->nexthop.member = member;
	e->nexthop.bucket = bucket;
	REPORT(f, nexthop_set, &e->nexthop);
}

void feed_bucket_told(struct feed *f, const struct decoded_bucket *b)
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

void feed_report_buckets(struct feed *f)
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

void feed_nexthop_gone(struct feed *f, uint32_t id)
{
	if (!table_get(&f->nexthops, &id))
		return;
	feed_drop_nexthop(f, id);
	feed_nexthops_lost(f);
}

void feed_rule_told(struct feed *f, const struct kernel_rule *rule, bool gone, bool dumped)
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

/* ---- the end of a dump ---------------------------------------------------- */

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
		feed_link_gone(f, *(uint32_t *)vec_at(&gone, i));
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
		feed_address_gone(f, vec_at(&gone, i));
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
		feed_nexthop_gone(f, *(uint32_t *)vec_at(&gone, i));
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

void feed_settle_dump(struct feed *f, bool complete)
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

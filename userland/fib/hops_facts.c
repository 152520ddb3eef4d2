// SPDX-License-Identifier: GPL-2.0
/*
 * hops_facts.c: links, ports, neighbours and nexthop objects, as the kernel says; and which sets
 * must be resolved again when one of them changes.
 */
#include <stdlib.h>
#include <string.h>

#include "fib/hops_inside.h"

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static bool same_link(const struct kernel_link *a, const struct kernel_link *b)
{
	return a->mtu == b->mtu && a->mtu6 == b->mtu6 && a->lower == b->lower &&
	       a->vlan == b->vlan && !memcmp(a->mac, b->mac, 6) && a->mac_len == b->mac_len &&
	       a->up == b->up && a->carrier == b->carrier && a->noarp == b->noarp &&
	       a->loopback == b->loopback && !strcmp(a->name, b->name);
}

bool hops_link_set(struct hops *h, const struct kernel_link *link)
{
	struct hop_link *l = table_put(&h->links, &link->ifindex, NULL);
	bool same = l->present && same_link(&l->link, link);

	l->link = *link;
	l->present = true;
	h->all_dirty |= !same;
	return !same;
}

bool hops_link_gone(struct hops *h, uint32_t ifindex)
{
	struct hop_link *l = table_get(&h->links, &ifindex);

	if (!l || !l->present)
		return false;
	l->present = false;
	if (!l->port)
		table_del(&h->links, &ifindex);
	h->all_dirty = true;
	return true;
}

bool hops_port_set(struct hops *h, uint32_t ifindex, uint16_t port)
{
	struct hop_link *l = table_put(&h->links, &ifindex, NULL);
	bool same = l->port == port;

	if (l->port && h->port_link[l->port] == ifindex)
		h->port_link[l->port] = 0;
	if (port)
		h->port_link[port] = ifindex;
	l->port = port;
	if (!port && !l->present)
		table_del(&h->links, &ifindex);
	h->all_dirty |= !same;
	return !same;
}

static bool is_usable(const struct kernel_neighbour *n)
{
	static const uint8_t none[6];

	return (n->state & NUD_USABLE) && n->mac_len == 6 && !(n->flags & NTF_PROXY) &&
	       !(n->mac[0] & 1) && memcmp(n->mac, none, 6) && !addr_is_multicast(&n->addr);
}

/* The next hops in memory by this neighbour say whether it is stale. */
static void tell_staleness(struct hops *h, const struct neighbour_key *key, const struct hop_neighbour *n)
{
	for (size_t i = 0; i < n->users.len; i++)
		hops_set_stale(h, *(uint32_t *)vec_at(&n->users, i), key->ifindex, n->mac,
			       n->stale);
}

int hops_neighbour_set(struct hops *h, const struct kernel_neighbour *neighbour)
{
	struct neighbour_key key = neighbour_key(neighbour->ifindex, &neighbour->addr);
	bool usable = is_usable(neighbour), was, was_stale;
	struct hop_neighbour *n = table_get(&h->neighbours, &key);

	if (!n && !usable)
		return 0;
	if (!n) {
		n = table_put(&h->neighbours, &key, NULL);
		n->users = VEC(uint32_t);
	}
	was = n->usable;
	was_stale = n->stale;
	n->state = neighbour->state;
	n->stale = usable && n->state == NUD_STALE && !neighbour->managed;
	if (was == usable && (!usable || !memcmp(n->mac, neighbour->mac, 6))) {
		if (was_stale != n->stale)
			tell_staleness(h, &key, n);
		if (!usable && n->state == NUD_NONE && !n->users.len)
			table_del(&h->neighbours, &key);
		return 0;
	}
	n->usable = usable;
	memcpy(n->mac, neighbour->mac, 6);
	/* They say so again when they are resolved again. */
	for (size_t i = 0; i < n->users.len; i++)
		mark_dirty(h, *(uint32_t *)vec_at(&n->users, i));
	if (!usable && (!n->users.len || n->state == NUD_NONE)) {
		vec_free(&n->users);
		table_del(&h->neighbours, &key);
	} else {
		n->users.len = 0;
	}
	return usable - was;
}

int hops_neighbour_gone(struct hops *h, uint32_t ifindex, const struct addr *addr)
{
	return hops_neighbour_set(h, &(struct kernel_neighbour){
		.ifindex = ifindex, .addr = *addr, .state = NUD_NONE });
}

static void *copy_of(const void *list, size_t n, size_t size)
{
	return n ? memcpy(xcalloc(n, size), list, n * size) : NULL;
}

static void free_lists(struct hop_object *o)
{
	free((void *)o->nexthop.member);
	free((void *)o->nexthop.bucket);
}

void hops_object_set(struct hops *h, const struct kernel_nexthop *nexthop)
{
	struct hop_object *o = table_put(&h->objects, &nexthop->id, NULL);

	free_lists(o);
	o->nexthop = *nexthop;
	o->nexthop.member = copy_of(nexthop->member, nexthop->members, sizeof(*nexthop->member));
	o->nexthop.bucket = copy_of(nexthop->bucket, nexthop->buckets, sizeof(*nexthop->bucket));
	h->objects_dirty = true;
}

void hops_object_gone(struct hops *h, uint32_t id)
{
	struct hop_object *o = table_get(&h->objects, &id);

	if (!o)
		return;
	free_lists(o);
	table_del(&h->objects, &id);
	h->objects_dirty = true;
}

uint16_t link_port(const struct hops *h, const struct hop_link *l)
{
	const struct hop_link *lower;

	if (l->port || !l->link.vlan || !l->link.lower)
		return l->port;
	lower = table_get(&h->links, &l->link.lower);
	return lower && lower->present ? lower->port : 0;
}

/* ---- ends ----------------------------------------------------------------- */

void facts_init(struct hops *h)
{
	h->links = TABLE(uint32_t, struct hop_link);
	h->neighbours = TABLE(struct neighbour_key, struct hop_neighbour);
	h->objects = TABLE(uint32_t, struct hop_object);
}

void facts_free(struct hops *h)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&h->neighbours, &pos, &key, &value); )
		vec_free(&((struct hop_neighbour *)value)->users);
	for (size_t pos = 0; table_next(&h->objects, &pos, &key, &value); )
		free_lists(value);
	table_free(&h->links);
	table_free(&h->neighbours);
	table_free(&h->objects);
}

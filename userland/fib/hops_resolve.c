// SPDX-License-Identifier: GPL-2.0
/*
 * hops_resolve.c: where a set leads, by what is known of links, neighbours and nexthop objects.
 */
#include <string.h>

#include "fib/hops_inside.h"

uint32_t path_link(const struct hops *h, const struct hop_set *s, const struct kernel_path *path)
{
	return s->key.port ? h->port_link[s->key.port] : path->ifindex;
}

/* Where to one path leads at the moment. Return: false if it is dead. */
static bool resolve_path(const struct hops *h, const struct hop_set *s,
			 const struct kernel_path *path, struct fib_nexthop *out)
{
	uint32_t ifindex = path_link(h, s, path);
	const struct hop_link *l = table_get(&h->links, &ifindex), *lower;
	struct neighbour_key key = neighbour_key(ifindex, &path->via);
	const struct hop_neighbour *n;
	const struct kernel_link *link;

	*out = (struct fib_nexthop){ .ifindex = ifindex, .via = path->via };
	if (path->flags & KERNEL_PATH_DEAD)
		return false;
	if (path->flags & KERNEL_PATH_ENCAP) {
		out->reason = REASON_encap;
		return true;
	}
	if (!l || !l->present || !l->link.up || !l->link.carrier)
		return false;
	link = &l->link;
	out->mtu = s->key.mtu ? s->key.mtu :
		   s->key.family == ADDR_V6 && link->mtu6 ? link->mtu6 : link->mtu;
	out->port = link_port(h, l);
	if (!out->port) {
		out->reason = REASON_no_port;
		return true;
	}
	if (!l->port) {
		lower = table_get(&h->links, &link->lower);
		if (!lower->link.up || !lower->link.carrier)
			return false;
		out->vlan = link->vlan;
	}
	memcpy(out->src_mac, link->mac, 6);
	n = path->via.family ? table_get(&h->neighbours, &key) : NULL;
	out->state = n ? n->state : NUD_NONE;
	out->stale = n && n->stale;
	if (n && n->usable && link->mac_len == 6) {
		memcpy(out->dst_mac, n->mac, 6);
		out->reason = REASON_forwarded;
	} else {
		out->reason = REASON_no_neighbour;
	}
	return true;
}

static void pass_up(struct resolution *r, uint8_t reason)
{
	r->hops = 1;
	r->hop[0] = (struct fib_nexthop){ .reason = reason, .weight = 1 };
	r->path[0] = NULL;
	r->resilient = NULL;
}

/* Adds a path if it lives. @id: the member of a nexthop group that it is; 0: of none. */
static void add_path(const struct hops *h, const struct hop_set *s, const struct kernel_path *path,
		     uint16_t weight, uint32_t id, struct resolution *r)
{
	struct fib_nexthop *hop = &r->hop[r->hops];

	if (!resolve_path(h, s, path, hop))
		return;
	hop->weight = weight;
	r->path[r->hops] = path;
	r->object[r->hops] = id;
	r->hops++;
}

/* By a nexthop object. */
static void resolve_object(const struct hops *h, const struct hop_set *s, struct resolution *r)
{
	const struct hop_object *o = table_get(&h->objects, &s->key.object);
	const struct kernel_nexthop *object;

	if (!o || o->nexthop.members > PATHS_MAX || o->nexthop.flags & KERNEL_NEXTHOP_FDB)
		return pass_up(r, REASON_not_followed);
	object = &o->nexthop;
	if (object->flags & KERNEL_NEXTHOP_BLACKHOLE)
		return pass_up(r, REASON_blackhole);
	if (!object->members)
		return add_path(h, s, &object->path, 1, 0, r);
	if (object->buckets)
		r->resilient = object;
	for (unsigned int i = 0; i < object->members; i++) {
		o = table_get(&h->objects, &object->member[i].id);
		if (!o)
			continue;	/* it is on its way out, or its news is on the way in */
		if (o->nexthop.members || o->nexthop.flags & KERNEL_NEXTHOP_FDB)
			return pass_up(r, REASON_not_followed);
		if (o->nexthop.flags & KERNEL_NEXTHOP_BLACKHOLE)
			return pass_up(r, REASON_blackhole);
		add_path(h, s, &o->nexthop.path, object->member[i].weight, object->member[i].id, r);
	}
}

void resolve(const struct hops *h, uint32_t set, struct resolution *r)
{
	for (;; set = set_at(h, set)->key.backup) {
		const struct hop_set *s = set_at(h, set);

		r->hops = 0;
		r->resilient = NULL;
		r->from = set;
		if (s->key.reason != REASON_forwarded)
			return pass_up(r, s->key.reason);
		if (s->key.object)
			resolve_object(h, s, r);
		for (unsigned int i = 0; i < s->key.paths; i++)
			add_path(h, s, &s->key.path[i], s->key.path[i].weight, 0, r);
		if (r->hops)
			return;
		/* All of it is dead: what else there is. */
		if (!s->key.backup || s->key.onward)
			return pass_up(r, REASON_port_down);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * hops.c: what stands in memory for the sets that a table refers to.
 *
 * A set of several hops has buckets (buckets.h), which remember whose they are: when a member goes, or
 * comes, or the route is replaced by one that has nearly the same members, only as many flows move as
 * must. Each bucket names the group of that member alone who would have it if its owner's port were
 * down, so that the program can take it at once; a set's own backup (a worse route to the
 * same prefix) comes behind. Those are sets like others, in use as long as they are named.
 */
#include "fib/hops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fib/hops_inside.h"

/* ---- publishing ----------------------------------------------------------- */

void mark_dirty(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);

	if (s->refs && s->group && !s->dirty) {
		s->dirty = true;
		vec_append(&h->dirty, &set);
	}
}

static void set_word(struct hops *h, struct hop_set *s)
{
	uint32_t word = s->word;

	if (h->held || !word)
		word = set_at(h, h->full)->word;
	if (h->memory->group[s->group] == word)
		return;
	/* What the word refers to is complete before it. */
	__atomic_store_n(&h->memory->group[s->group], word, __ATOMIC_RELEASE);
	h->group_writes++;
}

/* A neighbour that this set was resolved by: tell it when that changes. */
static void watch(struct hops *h, uint32_t set, const struct fib_nexthop *hop)
{
	struct neighbour_key key = neighbour_key(hop->ifindex, &hop->via);
	struct hop_neighbour *n;
	bool fresh;

	n = table_put(&h->neighbours, &key, &fresh);
	if (fresh)
		n->users = VEC(uint32_t);
	for (size_t i = 0; i < n->users.len; i++)
		if (*(uint32_t *)vec_at(&n->users, i) == set)
			return;
	vec_append(&n->users, &set);
}

static struct nexthop slot_of(const struct fib_nexthop *hop, uint16_t backup, bool onward)
{
	struct nexthop slot = {
		.reason = hop->reason, .port = hop->port, .mtu = hop->mtu, .vlan = hop->vlan,
		.ifindex = hop->ifindex, .stale = hop->stale, .backup = backup,
		.flags = onward ? NEXTHOP_ONWARD : 0,
	};

	memcpy(slot.dst_mac, hop->dst_mac, 6);
	memcpy(slot.src_mac, hop->src_mac, 6);
	return slot;
}

/* What is sent by a next hop is counted by its neighbour and the interface, whichever sets it is in. */
static uint16_t get_counter(struct hops *h, const struct fib_nexthop *hop)
{
	const struct hop_link *l = table_get(&h->links, &hop->ifindex);

	if (!h->counters.get || hop->reason != REASON_forwarded)
		return 0;
	return h->counters.get(h->counters.user, &hop->via, l->link.name);
}

static void put_counter(struct hops *h, uint16_t counter)
{
	if (counter)
		h->counters.put(h->counters.user, counter);
}

static bool is_uncounted(const struct hops *h, const struct nexthop *slot)
{
	return h->counters.get && slot->reason == REASON_forwarded && !slot->counter;
}

/*
 * A next hop in memory that says @slot, and has a counter of @hop's: that at @old, if it does, or a new one.
 * 0: no room.
 */
static uint16_t place_hop(struct hops *h, uint16_t old, struct nexthop slot, const struct fib_nexthop *hop)
{
	struct nexthop there;

	slot.counter = get_counter(h, hop);
	if (old) {
		there = h->memory->nexthop[old];
		there.stale = slot.stale;
		if (!memcmp(&there, &slot, sizeof(slot))) {
			put_counter(h, slot.counter);
			return old;
		}
	}
	old = group_slots_hop(&h->slots);
	if (!old) {
		put_counter(h, slot.counter);
		return 0;
	}
	h->memory->nexthop[old] = slot;
	h->uncounted += is_uncounted(h, &slot);
	return old;
}

static void retire_hop(struct hops *h, uint16_t hop)
{
	const struct nexthop *slot = &h->memory->nexthop[hop];

	h->uncounted -= is_uncounted(h, slot);
	put_counter(h, slot->counter);
	group_slots_retire_hop(&h->slots, hop);
}

/* What has the buckets of a path, whichever set it is in. @nth: of equal paths in one. */
static uint64_t path_name(const struct fib_nexthop *hop, unsigned int nth)
{
	struct {
		uint32_t ifindex;
		struct addr via;
		uint8_t pad[3];
		uint32_t nth;
	} name = { .ifindex = hop->ifindex, .via = hop->via, .nth = nth };

	return hash_bytes(&name, sizeof(name)) | 1;
}

/* What is to stand in memory for a set. */
struct plan {
	struct resolution r;
	struct bucket_member member[PATHS_MAX];
	struct hop_table *table;	/* NULL: one hop */
	uint16_t hop[PATHS_MAX];
	struct nexthop_bucket *bucket;
	struct vec backups;		/* of uint32_t: sets, a ref and a use of each */
};

static void name_members(struct plan *p)
{
	for (unsigned int i = 0; i < p->r.hops; i++) {
		unsigned int nth = 0;

		for (unsigned int k = 0; k < i; k++)
			nth += p->r.hop[k].ifindex == p->r.hop[i].ifindex &&
			       addr_equal(&p->r.hop[k].via, &p->r.hop[i].via);
		p->member[i].name = path_name(&p->r.hop[i], nth);
		p->member[i].weight = p->r.hop[i].weight;
	}
}

static uint16_t find_name(const struct plan *p, uint64_t name)
{
	for (unsigned int i = 0; i < p->r.hops; i++)
		if (p->member[i].name == name)
			return i;
	return BUCKETS_NONE;
}

/* As many as the kernel has, or several for each of them, where that is no power of two. */
static unsigned int resilient_order(uint32_t buckets)
{
	unsigned int order = 0;

	while (order < NEXTHOP_GROUP_ORDER_MAX && 1u << order < buckets)
		order++;
	if (1u << order != buckets)
		order += 2;
	return order < NEXTHOP_GROUP_ORDER_MAX ? order : NEXTHOP_GROUP_ORDER_MAX;
}

/* Who has the buckets of a resilient group, as the kernel says. */
static void take_kernels(struct plan *p)
{
	const struct kernel_nexthop *o = p->r.resilient;
	unsigned int order = p->table->order;

	for (uint32_t b = 0; b < 1u << order; b++) {
		uint32_t id = o->bucket[(uint64_t)b * o->buckets >> order];

		p->table->owner[b] = BUCKETS_NONE;
		for (unsigned int i = 0; id && i < p->r.hops; i++)
			if (p->r.object[i] == id)
				p->table->owner[b] = i;
	}
}

/* Those who had the buckets before. @one: all of them had this, unless @old is there. */
static void inherit(struct plan *p, const struct hop_table *old, uint64_t one)
{
	unsigned int order = p->table->order;

	for (uint32_t b = 0; b < 1u << order; b++)
		p->table->owner[b] = find_name(p, old ? old->member[old->owner[
			old->order > order ? b << (old->order - order) :
					     b >> (order - old->order)]].name : one);
}

/* @old, @one: as for inherit(). */
static void share_out(struct plan *p, const struct hop_table *old, uint64_t one)
{
	unsigned int order = p->r.resilient ? resilient_order(p->r.resilient->buckets) :
					      buckets_order(p->member, p->r.hops);

	if (!p->r.resilient && old && order < old->order)
		order = old->order < BUCKETS_ORDER ? old->order : BUCKETS_ORDER;
	p->table = xcalloc(1, sizeof(*p->table) + (sizeof(uint16_t) << order));
	p->table->order = order;
	p->table->members = p->r.hops;
	for (unsigned int i = 0; i < p->r.hops; i++)
		p->table->member[i].name = p->member[i].name;
	if (p->r.resilient) {
		take_kernels(p);
		buckets_fill(p->table->owner, order, p->member, p->r.hops);
	} else {
		inherit(p, old, one);
		buckets_assign(p->table->owner, order, p->member, p->r.hops);
	}
}

/* The group of a set to fall back on, in use for as long as the plan is. 0: there is no number left. */
static uint16_t use_backup(struct hops *h, struct plan *p, uint32_t set)
{
	uint16_t group = hops_use(h, set, 0);

	if (group)
		vec_append(&p->backups, &set);
	else
		hops_unref(h, set);
	return group;
}

/* The set that is @i-th path of @p alone. */
static uint32_t intern_member(struct hops *h, const struct plan *p, unsigned int i)
{
	struct hop_key key = set_at(h, p->r.from)->key;

	key.object = 0;
	key.paths = 1;
	key.path = p->r.path[i];
	return hops_intern(h, &key);
}

/*
 * For each bucket the group to take when its own port is down: that of the member who would have it
 * then. So when the loss is told, and the buckets are shared out anew, nothing moves again.
 */
static void plan_backups(struct hops *h, struct plan *p)
{
	unsigned int n = p->r.hops, size = 1u << p->table->order;
	uint16_t *owner = xcalloc(size, sizeof(*owner)), group[PATHS_MAX] = { 0 };

	for (unsigned int i = 0; i < n; i++)
		if (p->r.hop[i].reason == REASON_forwarded)
			group[i] = use_backup(h, p, intern_member(h, p, i));
	for (unsigned int lost = 0; lost < n; lost++) {
		uint32_t weight = p->member[lost].weight;

		if (p->r.hop[lost].reason != REASON_forwarded)
			continue;
		for (unsigned int b = 0; b < size; b++)
			owner[b] = p->table->owner[b] == lost ? BUCKETS_NONE : p->table->owner[b];
		p->member[lost].weight = 0;
		buckets_fill(owner, p->table->order, p->member, n);
		p->member[lost].weight = weight;
		for (unsigned int b = 0; b < size; b++)
			if (p->table->owner[b] == lost)
				p->bucket[b].backup = group[owner[b]];
	}
	free(owner);
}

/* What a set has in memory that another plan may leave where it is. */
static uint16_t hop_in_memory(const struct hop_set *s, uint64_t name)
{
	for (unsigned int i = 0; s->table && i < s->table->members; i++)
		if (s->table->member[i].name == name)
			return s->table->member[i].hop;
	return !s->table && s->one.name == name ? s->one.hop : 0;
}

static bool is_planned(const struct plan *p, uint16_t hop)
{
	for (unsigned int i = 0; i < p->r.hops; i++)
		if (p->hop[i] == hop)
			return true;
	return false;
}

/* Takes out of memory what a set has there; @plan: but for what that uses too. NULL: all. */
static void retire(struct hops *h, const struct hop_set *s, const struct plan *p)
{
	if (s->table) {
		for (unsigned int i = 0; i < s->table->members; i++)
			if (s->table->member[i].hop && !(p && is_planned(p, s->table->member[i].hop)))
				retire_hop(h, s->table->member[i].hop);
		if (s->table->base && !(p && p->table && p->table->base == s->table->base))
			group_slots_retire_run(&h->slots, s->table->base, s->table->order);
	} else if (s->one.hop && !(p && is_planned(p, s->one.hop))) {
		retire_hop(h, s->one.hop);
	}
}

static void release_backups(struct hops *h, const uint32_t *backup, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		hops_unuse(h, backup[i]);
		hops_unref(h, backup[i]);
	}
}

/* The buckets of a plan: those that are there if they say the same, or new ones. 0: no room. */
static uint32_t place_buckets(struct hops *h, const struct hop_set *s, const struct plan *p)
{
	unsigned int order = p->table->order;
	size_t bytes = sizeof(*p->bucket) << order;
	uint32_t base;

	for (uint32_t b = 0; b < 1u << order; b++)
		p->bucket[b].nexthop = p->hop[p->table->owner[b]];
	if (s->table && s->table->order == order && s->table->base &&
	    !memcmp(&h->memory->bucket[s->table->base], p->bucket, bytes))
		return s->table->base;
	base = group_slots_run(&h->slots, order);
	if (base)
		memcpy(&h->memory->bucket[base], p->bucket, bytes);
	return base;
}

/* Writes what is planned for @s; its word still says what was before. Return: the new one, 0: no room. */
static uint32_t place(struct hops *h, const struct hop_set *s, struct plan *p, uint16_t backup)
{
	bool room = true;

	for (unsigned int i = 0; i < p->r.hops; i++) {
		p->hop[i] = place_hop(h, hop_in_memory(s, p->member[i].name),
				      slot_of(&p->r.hop[i], backup, s->key.onward), &p->r.hop[i]);
		room &= p->hop[i] != 0;
		if (p->table)
			p->table->member[i].hop = p->hop[i];
	}
	if (!room)
		return 0;
	if (!p->table)
		return NEXTHOP_GROUP(p->hop[0], 0);
	p->table->base = place_buckets(h, s, p);
	return p->table->base ? NEXTHOP_GROUP(p->table->base, p->table->order) : 0;
}

/* Those who had the buckets of a set before it is planned anew, or else of one that it stands in for. */
static void plan_members(struct hops *h, uint32_t set, uint32_t before, struct plan *p)
{
	const struct hop_set *s = set_at(h, set);

	if (!s->table && !s->one.name)
		s = set_at(h, before);
	share_out(p, s->table, s->one.name);
	p->bucket = xcalloc(1u << p->table->order, sizeof(*p->bucket));
	plan_backups(h, p);
}

/* @before: the set whose flows these are that it is published for; 0: none. */
static void publish(struct hops *h, uint32_t set, uint32_t before)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	uint32_t *old_backup, old_backups, chain;
	uint16_t backup = 0;
	struct hop_set *s;

	p->backups = VEC(uint32_t);
	resolve(h, set, &p->r);
	if (h->publishing)
		h->publishing(h->user, set, set_at(h, set)->group);
	name_members(p);
	chain = set_at(h, p->r.from)->key.backup;
	if (p->r.hops > 1) {
		plan_members(h, set, before, p);
	} else if (chain && (p->r.hop[0].reason == REASON_forwarded || set_at(h, set)->key.onward)) {
		hops_ref(h, chain);
		backup = use_backup(h, p, chain);
	}
	s = set_at(h, set);
	h->starved -= s->starved;
	s->word = place(h, s, p, backup);
	s->starved = !s->word;
	h->starved += s->starved;
	set_word(h, s);
	retire(h, s, p);

	old_backup = s->backup;
	old_backups = s->backups;
	free(s->table);
	s->table = p->table;
	s->one = (struct hop_member){ p->table ? 0 : p->member[0].name, p->table ? 0 : p->hop[0] };
	s->backup = p->backups.data;
	s->backups = p->backups.len;
	for (unsigned int i = 0; i < p->r.hops; i++)
		if (p->r.hop[i].via.family && p->r.hop[i].port)
			watch(h, set, &p->r.hop[i]);
	release_backups(h, old_backup, old_backups);
	free(old_backup);
	free(p->bucket);
	free(p);
}

bool hops_fallback(const struct hops *h, uint32_t set)
{
	return set_at(h, set)->key.fallback;
}

uint16_t hops_use(struct hops *h, uint32_t set, uint32_t before)
{
	struct hop_set *s = set_at(h, set);
	uint16_t group;

	assert(s->refs);
	if (!s->uses) {
		group = group_slots_number(&h->slots);
		if (!group)
			return 0;
		s->group = group;
		h->group_set[group] = set;
		publish(h, set, before);
		s = set_at(h, set);
	}
	s->uses++;
	return s->group;
}

void hops_unuse(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);
	uint32_t *backup = s->backup;
	unsigned int backups = s->backups;

	assert(s->uses);
	if (--s->uses)
		return;
	retire(h, s, NULL);
	h->starved -= s->starved;
	group_slots_retire_number(&h->slots, s->group);
	h->group_set[s->group] = 0;
	free(s->table);
	s->table = NULL;
	s->one = (struct hop_member){ 0 };
	s->word = 0;
	s->group = 0;
	s->starved = false;
	s->backup = NULL;
	s->backups = 0;
	release_backups(h, backup, backups);
	free(backup);
}

void hops_flush(struct hops *h)
{
	if (h->all_dirty || h->objects_dirty) {
		for (uint32_t set = 1; set < h->sets.len; set++) {
			const struct hop_set *s = set_at(h, set);

			if (s->key.object || s->key.backup || (h->all_dirty && s->key.paths))
				mark_dirty(h, set);
		}
		h->all_dirty = h->objects_dirty = false;
	}
	for (size_t i = 0; i < h->dirty.len; i++) {
		uint32_t set = *(uint32_t *)vec_at(&h->dirty, i);
		struct hop_set *s = set_at(h, set);

		if (!s->dirty)
			continue;	/* its number was freed meanwhile */
		s->dirty = false;
		if (s->group)
			publish(h, set, 0);
	}
	h->dirty.len = 0;
}

static void set_all_words(struct hops *h)
{
	for (uint32_t set = 1; set < h->sets.len; set++)
		if (set_at(h, set)->group)
			set_word(h, set_at(h, set));
}

void hops_hold(struct hops *h)
{
	h->held = true;
	set_all_words(h);
}

void hops_release(struct hops *h)
{
	h->held = false;
	set_all_words(h);
}

bool hops_reclaim(struct hops *h, uint64_t mark)
{
	bool freed = group_slots_reclaim(&h->slots, mark);

	for (uint32_t set = 1; freed && h->starved && set < h->sets.len; set++)
		if (set_at(h, set)->group && set_at(h, set)->starved)
			mark_dirty(h, set);
	return freed;
}

bool hops_set_stale(struct hops *h, uint32_t set, uint32_t ifindex, const uint8_t *mac, bool stale)
{
	const struct hop_set *s = set_at(h, set);
	unsigned int n = s->table ? s->table->members : 1;
	bool cleared = false;

	for (unsigned int i = 0; s->group && i < n; i++) {
		uint16_t hop = s->table ? s->table->member[i].hop : s->one.hop;
		struct nexthop *slot = &h->memory->nexthop[hop];

		if (!hop || slot->ifindex != ifindex || memcmp(slot->dst_mac, mac, 6))
			continue;
		if (__atomic_load_n(&slot->stale, __ATOMIC_RELAXED) == stale)
			continue;
		__atomic_store_n(&slot->stale, stale, __ATOMIC_RELAXED);
		cleared = true;
	}
	return cleared;
}

void hops_used_stale(struct hops *h, void (*used)(void *user, uint32_t ifindex, const struct addr *addr),
		     void *user)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&h->neighbours, &pos, &key, &value); ) {
		const struct neighbour_key *k = key;
		const struct hop_neighbour *n = value;
		bool cleared = false;

		for (size_t i = 0; n->stale && i < n->users.len; i++)
			cleared |= hops_set_stale(h, *(uint32_t *)vec_at(&n->users, i), k->ifindex,
						  n->mac, true);
		if (cleared)
			used(user, k->ifindex, &k->addr);
	}
}

/* ---- questions ------------------------------------------------------------ */

/* The set itself, or where all of that is down that of its backups which stands in. */
static uint32_t standing_in(const struct hops *h, uint32_t set)
{
	struct resolution *r;

	if (!set_at(h, set)->key.backup)
		return set;
	r = xcalloc(1, sizeof(*r));
	resolve(h, set, r);
	set = r->from;
	free(r);
	return set;
}

/* The one path without a gateway that a set is, or NULL. */
static const struct kernel_path *on_link_path(const struct hops *h, uint32_t set)
{
	const struct hop_set *s = set_at(h, set);
	const struct kernel_path *path = s->key.path;
	const struct hop_object *o;

	if (s->key.reason != REASON_forwarded)
		return NULL;
	if (s->key.object) {
		o = table_get(&h->objects, &s->key.object);
		if (o && o->nexthop.members == 1)
			o = table_get(&h->objects, &o->nexthop.member[0].id);
		if (!o || o->nexthop.members || o->nexthop.flags)
			return NULL;
		path = &o->nexthop.path;
	} else if (s->key.paths != 1) {
		return NULL;
	}
	return path->via.family || path->flags & ~KERNEL_PATH_ONLINK ? NULL : path;
}

/* Whether one of the ways of @set is on the link, and @addr a neighbour there. */
static bool onward_to_neighbour(const struct hops *h, uint32_t set, const struct addr *addr)
{
	for (; set; set = set_at(h, set)->key.backup) {
		const struct hop_set *s = set_at(h, set);
		struct neighbour_key key = neighbour_key(path_link(h, s, s->key.path), addr);
		const struct hop_neighbour *n = table_get(&h->neighbours, &key);

		if (!s->key.path->via.family && n && n->usable)
			return true;
	}
	return false;
}

/* The ways of @set, with @addr itself as the gateway of those on the link. */
static uint32_t onward_to_host(struct hops *h, uint32_t set, const struct addr *addr)
{
	uint32_t backup = set_at(h, set)->key.backup, host;
	struct hop_key key = set_at(h, set)->key;
	struct kernel_path path = *key.path;

	if (!path.via.family)
		path.via = *addr;
	key.path = &path;
	key.backup = backup ? onward_to_host(h, backup, addr) : 0;
	host = hops_intern(h, &key);
	if (key.backup)
		hops_unref(h, key.backup);
	return host;
}

uint32_t hops_host(struct hops *h, uint32_t set, const struct addr *addr)
{
	const struct kernel_path *path;
	const struct hop_neighbour *n;
	const struct hop_link *l;
	struct neighbour_key key;
	uint32_t ifindex;

	if (set_at(h, set)->key.onward)
		return onward_to_neighbour(h, set, addr) ? onward_to_host(h, set, addr) : 0;
	set = standing_in(h, set);
	path = on_link_path(h, set);
	if (!path)
		return 0;
	ifindex = path_link(h, set_at(h, set), path);
	key = neighbour_key(ifindex, addr);
	n = table_get(&h->neighbours, &key);
	l = table_get(&h->links, &ifindex);
	if (!n || !n->usable || !l || !l->present || !link_port(h, l))
		return 0;
	return hops_intern(h, &(struct hop_key){
		.reason = REASON_forwarded,
		.family = addr->family,
		.mtu = set_at(h, set)->key.mtu,
		.backup = set_at(h, set)->key.backup,
		.paths = 1,
		.path = &(struct kernel_path){
			.ifindex = ifindex, .weight = 1, .via = *addr },
	});
}

/* The buckets of each hop, as they are in memory; where the set is not in use, as they would be. */
static void describe_buckets(const struct hops *h, uint32_t set, struct plan *p, struct fib_route *route)
{
	const struct hop_set *s = set_at(h, set);
	uint32_t count[PATHS_MAX];

	name_members(p);
	if (p->r.hops < 2) {
		route->nexthop[0].buckets = 1;
		return;
	}
	share_out(p, s->table, s->one.name);
	buckets_count(p->table->owner, p->table->order, count, p->r.hops);
	for (unsigned int i = 0; i < p->r.hops; i++)
		route->nexthop[i].buckets = count[i];
	free(p->table);
}

void hops_describe(const struct hops *h, uint32_t set, struct fib_route *route)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	uint32_t backup;

	resolve(h, set, &p->r);
	route->nexthops = p->r.hops;
	route->stands_in = p->r.from != set;
	memcpy(route->nexthop, p->r.hop, p->r.hops * sizeof(*p->r.hop));
	describe_buckets(h, set, p, route);
	route->reason = p->r.hop[0].reason;
	for (unsigned int i = 0; i < p->r.hops; i++)
		if (p->r.hop[i].reason == REASON_forwarded)
			route->reason = REASON_forwarded;
	/* What stands by: behind those, as far as there is room. */
	route->backups = 0;
	while ((backup = set_at(h, p->r.from)->key.backup)) {
		resolve(h, backup, &p->r);
		for (unsigned int i = 0; i < p->r.hops; i++)
			if (route->nexthops + route->backups < FIB_PATHS_MAX)
				route->nexthop[route->nexthops + route->backups++] = p->r.hop[i];
	}
	free(p);
}

/* The hop of @p that has the bucket of @hash in @table. */
static uint16_t owner_of(struct plan *p, const struct hop_table *table, uint32_t hash)
{
	uint16_t owner = table->owner[hash >> (32 - table->order)];

	name_members(p);
	return find_name(p, table->member[owner].name);
}

unsigned int hops_of_group(const struct hops *h, uint16_t group, uint32_t hash, struct fib_nexthop *hop)
{
	uint32_t set = group < NEXTHOP_GROUPS_MAX ? h->group_set[group] : 0;
	struct plan *p;
	unsigned int n;
	uint16_t i = 0;

	if (!set)
		return 0;
	p = xcalloc(1, sizeof(*p));
	resolve(h, set, &p->r);
	n = p->r.hops;
	if (n > 1)
		i = hash && set_at(h, set)->table ? owner_of(p, set_at(h, set)->table, hash) : BUCKETS_NONE;
	if (i != BUCKETS_NONE) {
		*hop = p->r.hop[i];
		n = 1;
	}
	free(p);
	return n;
}

size_t hops_encapsulating(const struct hops *h)
{
	struct resolution *r = xcalloc(1, sizeof(*r));
	size_t n = 0;

	for (uint32_t set = 1; set < h->sets.len; set++) {
		bool does = false;

		if (!set_at(h, set)->uses)
			continue;
		resolve(h, set, r);
		for (unsigned int i = 0; i < r->hops; i++)
			does |= r->hop[i].reason == REASON_encap;
		n += does ? set_at(h, set)->uses : 0;
	}
	free(r);
	return n;
}

size_t hops_bytes(const struct hops *h)
{
	return sizeof(*h) + h->sets.cap * h->sets.elem_size + h->path_bytes +
	       NEXTHOP_GROUPS_MAX * sizeof(*h->group_set) +
	       h->by_hash.cap * 17 + h->links.cap * (8 + sizeof(struct hop_link)) +
	       h->neighbours.cap * (sizeof(struct neighbour_key) + sizeof(struct hop_neighbour));
}

/* ---- ends ----------------------------------------------------------------- */

void hops_init(struct hops *h, struct nexthops *memory)
{
	*h = (struct hops){
		.memory = memory,
		.sets = VEC(struct hop_set),
		.free_sets = VEC(uint32_t),
		.by_hash = TABLE(uint64_t, uint32_t),
		.dirty = VEC(uint32_t),
		.group_set = xcalloc(NEXTHOP_GROUPS_MAX, sizeof(uint32_t)),
	};
	facts_init(h);
	group_slots_init(&h->slots);
	vec_push(&h->sets);
	memory->nexthop[0].reason = REASON_no_route;
	h->full = hops_intern(h, &(struct hop_key){ .reason = REASON_table_full });
	h->full_group = hops_use(h, h->full, 0);
}

/* Memory stays as it is. */
static void put_counters(struct hops *h, const struct hop_set *s)
{
	if (!h->counters.get)
		return;
	for (unsigned int i = 0; s->table && i < s->table->members; i++)
		put_counter(h, h->memory->nexthop[s->table->member[i].hop].counter);
	put_counter(h, h->memory->nexthop[s->one.hop].counter);
}

void hops_free(struct hops *h)
{
	for (size_t i = 0; i < h->sets.len; i++) {
		put_counters(h, set_at(h, i));
		free((void *)set_at(h, i)->key.path);
		free(set_at(h, i)->table);
		free(set_at(h, i)->backup);
	}
	facts_free(h);
	free(h->group_set);
	table_free(&h->by_hash);
	vec_free(&h->sets);
	vec_free(&h->free_sets);
	vec_free(&h->dirty);
	group_slots_free(&h->slots);
}

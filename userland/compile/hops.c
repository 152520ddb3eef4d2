// SPDX-License-Identifier: GPL-2.0
#include "compile/hops.h"

#include <assert.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_MAX FIB_PATHS_MAX
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct hop_set {
	struct hop_key key;	/* its paths are ours, sorted */
	uint64_t hash;
	uint32_t next;		/* another set of the same hash */
	uint32_t refs;		/* 0: this number is free */
	uint32_t uses;
	uint32_t base;		/* first slot; 0 though in use: none were free */
	uint16_t group;		/* 0: not in use */
	uint8_t order;
	bool dirty;
};

struct hop_link {
	struct kernel_link link;
	bool present;
	uint16_t port;
};

struct neighbour_key {
	uint32_t ifindex;
	struct addr addr;
	uint8_t pad[3];
};

/* Kept while it is usable, or some set in use asked for it. */
struct hop_neighbour {
	bool usable;
	uint8_t mac[6];
	struct vec users;	/* of uint32_t: sets that were resolved by it, at least */
};

struct hop_object {
	struct kernel_nexthop nexthop;	/* its members are ours */
};

struct resolution {
	unsigned int hops, order;
	struct fib_nexthop hop[PATHS_MAX];	/* weight: buckets of 2^order */
};

static struct hop_set *set_at(const struct hops *h, uint32_t set)
{
	return vec_at(&h->sets, set);
}

/* ---- links, neighbours, objects ------------------------------------------- */

static bool same_link(const struct kernel_link *a, const struct kernel_link *b)
{
	return a->mtu == b->mtu && a->mtu6 == b->mtu6 && a->lower == b->lower &&
	       a->vlan == b->vlan && !memcmp(a->mac, b->mac, 6) && a->mac_len == b->mac_len &&
	       a->up == b->up && a->carrier == b->carrier && a->noarp == b->noarp &&
	       a->loopback == b->loopback;
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

static struct neighbour_key neighbour_key(uint32_t ifindex, const struct addr *addr)
{
	return (struct neighbour_key){ .ifindex = ifindex, .addr = *addr };
}

static void mark_dirty(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);

	if (s->refs && s->group && !s->dirty) {
		s->dirty = true;
		vec_append(&h->dirty, &set);
	}
}

static bool is_usable(const struct kernel_neighbour *n)
{
	static const uint8_t none[6];

	return (n->state & NUD_USABLE) && n->mac_len == 6 && !(n->flags & NTF_PROXY) &&
	       !(n->mac[0] & 1) && memcmp(n->mac, none, 6) && !addr_is_multicast(&n->addr);
}

int hops_neighbour_set(struct hops *h, const struct kernel_neighbour *neighbour)
{
	struct neighbour_key key = neighbour_key(neighbour->ifindex, &neighbour->addr);
	bool usable = is_usable(neighbour), was;
	struct hop_neighbour *n = table_get(&h->neighbours, &key);

	if (!n && !usable)
		return 0;
	if (!n) {
		n = table_put(&h->neighbours, &key, NULL);
		n->users = VEC(uint32_t);
	}
	was = n->usable;
	if (was == usable && (!usable || !memcmp(n->mac, neighbour->mac, 6)))
		return 0;
	n->usable = usable;
	memcpy(n->mac, neighbour->mac, 6);
	/* They say so again when they are resolved again. */
	for (size_t i = 0; i < n->users.len; i++)
		mark_dirty(h, *(uint32_t *)vec_at(&n->users, i));
	n->users.len = 0;
	if (!usable) {
		vec_free(&n->users);
		table_del(&h->neighbours, &key);
	}
	return usable - was;
}

int hops_neighbour_gone(struct hops *h, uint32_t ifindex, const struct addr *addr)
{
	return hops_neighbour_set(h, &(struct kernel_neighbour){
		.ifindex = ifindex, .addr = *addr, .state = NUD_NONE });
}

void hops_object_set(struct hops *h, const struct kernel_nexthop *nexthop)
{
	struct hop_object *o = table_put(&h->objects, &nexthop->id, NULL);
	struct kernel_nexthop_member *member = NULL;

	if (nexthop->members) {
		member = xcalloc(nexthop->members, sizeof(*member));
		memcpy(member, nexthop->member, nexthop->members * sizeof(*member));
	}
	free((void *)o->nexthop.member);
	o->nexthop = *nexthop;
	o->nexthop.member = member;
	h->objects_dirty = true;
}

void hops_object_gone(struct hops *h, uint32_t id)
{
	struct hop_object *o = table_get(&h->objects, &id);

	if (!o)
		return;
	free((void *)o->nexthop.member);
	table_del(&h->objects, &id);
	h->objects_dirty = true;
}

/* The port that a link's packets leave by: its own, or a VLAN interface's lower one's; 0: none. */
static uint16_t link_port(const struct hops *h, const struct hop_link *l)
{
	const struct hop_link *lower;

	if (l->port || !l->link.vlan || !l->link.lower)
		return l->port;
	lower = table_get(&h->links, &l->link.lower);
	return lower && lower->present ? lower->port : 0;
}

/* ---- interning ------------------------------------------------------------ */

static int path_cmp(const void *a, const void *b)
{
	const struct kernel_path *x = a, *y = b;
	int order;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	order = addr_cmp(&x->via, &y->via);
	if (order)
		return order;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	return (int)x->flags - (int)y->flags;
}

/* Copies the paths field by field, so that equal ones are equal as bytes. */
static void copy_paths(struct kernel_path *to, const struct hop_key *key)
{
	memset(to, 0, key->paths * sizeof(*to));
	for (unsigned int i = 0; i < key->paths; i++) {
		to[i].ifindex = key->path[i].ifindex;
		to[i].weight = key->path[i].weight ? key->path[i].weight : 1;
		to[i].flags = key->path[i].flags & (KERNEL_PATH_ENCAP | KERNEL_PATH_DEAD);
		to[i].via = key->path[i].via;
	}
	if (key->paths > 1)
		qsort(to, key->paths, sizeof(*to), path_cmp);
}

static uint64_t key_hash(const struct hop_key *key)
{
	struct {
		uint32_t reason, family, mtu, object, port, fallback;
	} head = { key->reason, key->family, key->mtu, key->object, key->port, key->fallback };
	uint64_t hash = hash_bytes(&head, sizeof(head));

	return key->paths ? hash ^ hash_bytes(key->path, key->paths * sizeof(*key->path)) : hash;
}

static bool same_key(const struct hop_key *a, const struct hop_key *b)
{
	return a->reason == b->reason && a->family == b->family && a->fallback == b->fallback &&
	       a->mtu == b->mtu &&
	       a->object == b->object && a->paths == b->paths &&
	       (!a->paths || !memcmp(a->path, b->path, a->paths * sizeof(*a->path)));
}

uint32_t hops_intern(struct hops *h, const struct hop_key *wanted)
{
	struct kernel_path path[PATHS_MAX];
	struct hop_key key = *wanted;
	uint32_t *first, set;
	struct hop_set *s;
	uint64_t hash;

	if (key.reason == REASON_forwarded && !key.object && key.paths > PATHS_MAX)
		key.reason = REASON_not_followed;
	if (key.reason == REASON_forwarded && !key.object && !key.paths)
		key.reason = REASON_reject;
	if (key.reason != REASON_forwarded)
		key = (struct hop_key){ .reason = key.reason };
	else if (key.object)
		key.paths = 0;
	copy_paths(path, &key);
	key.path = path;
	hash = key_hash(&key);

	first = table_put(&h->by_hash, &hash, NULL);
	for (set = *first; set; set = set_at(h, set)->next) {
		if (same_key(&set_at(h, set)->key, &key)) {
			set_at(h, set)->refs++;
			return set;
		}
	}
	if (h->free_sets.len) {
		set = *(uint32_t *)vec_at(&h->free_sets, h->free_sets.len - 1);
		vec_pop(&h->free_sets);
	} else {
		set = h->sets.len;
		vec_push(&h->sets);
	}
	s = set_at(h, set);
	*s = (struct hop_set){ .key = key, .hash = hash, .next = *first, .refs = 1 };
	s->key.path = NULL;
	if (key.paths) {
		s->key.path = memcpy(xcalloc(key.paths, sizeof(*path)), path,
				     key.paths * sizeof(*path));
		h->path_bytes += key.paths * sizeof(*path);
	}
	*first = set;
	return set;
}

void hops_ref(struct hops *h, uint32_t set)
{
	set_at(h, set)->refs++;
}

void hops_unref(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);
	uint32_t *link;

	assert(s->refs);
	if (--s->refs)
		return;
	assert(!s->uses);
	link = table_get(&h->by_hash, &s->hash);
	if (*link == set && !s->next) {
		table_del(&h->by_hash, &s->hash);
	} else {
		while (*link != set)
			link = &set_at(h, *link)->next;
		*link = s->next;
	}
	h->path_bytes -= s->key.paths * sizeof(*s->key.path);
	free((void *)s->key.path);
	*s = (struct hop_set){ 0 };
	vec_append(&h->free_sets, &set);
}

/* ---- resolving ------------------------------------------------------------ */

/* The link that a path leaves by; 0: none at the moment. */
static uint32_t path_link(const struct hops *h, const struct hop_set *s,
			  const struct kernel_path *path)
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
	if (n && n->usable && link->mac_len == 6) {
		memcpy(out->dst_mac, n->mac, 6);
		out->reason = REASON_forwarded;
	} else {
		out->reason = REASON_no_neighbour;
	}
	return true;
}

/*
 * Shares 2^order buckets out by weight: exactly where a power of two up to 128 can do
 * it, else 128 by largest remainders, the earlier path first where they are equal. Paths
 * are sorted, so the outcome depends on the set alone.
 */
static void share_buckets(struct resolution *r)
{
	uint32_t total = 0, divisor = 0, given = 0, rest[PATHS_MAX];

	for (unsigned int i = 0; i < r->hops; i++) {
		uint32_t a = r->hop[i].weight, b = divisor;

		while (b) {
			uint32_t t = a % b;

			a = b;
			b = t;
		}
		divisor = a;
		total += r->hop[i].weight;
	}
	total /= divisor;
	r->order = NEXTHOP_GROUP_ORDER_MAX;
	if (total <= PATHS_MAX && !(total & (total - 1)))
		r->order = __builtin_ctz(total);
	for (unsigned int i = 0; i < r->hops; i++) {
		uint64_t exact = (uint64_t)(r->hop[i].weight / divisor) << r->order;

		r->hop[i].weight = exact / total;
		rest[i] = exact % total;
		given += r->hop[i].weight;
	}
	for (; given < 1u << r->order; given++) {
		unsigned int most = 0;

		for (unsigned int i = 1; i < r->hops; i++)
			if (rest[i] > rest[most])
				most = i;
		r->hop[most].weight++;
		rest[most] = 0;
	}
}

static void pass_up(struct resolution *r, uint8_t reason)
{
	r->hops = 1;
	r->order = 0;
	r->hop[0] = (struct fib_nexthop){ .reason = reason, .weight = 1 };
}

/* Adds a path if it lives. @weight: on top of the path's own. */
static void add_path(const struct hops *h, const struct hop_set *s, const struct kernel_path *path,
		     uint16_t weight, struct resolution *r)
{
	struct fib_nexthop *hop = &r->hop[r->hops];

	if (!resolve_path(h, s, path, hop))
		return;
	hop->weight = weight;
	r->hops++;
}

static void resolve(const struct hops *h, const struct hop_set *s, struct resolution *r)
{
	const struct kernel_nexthop *object = NULL;
	const struct hop_object *o;

	r->hops = 0;
	if (s->key.reason != REASON_forwarded)
		return pass_up(r, s->key.reason);
	if (s->key.object) {
		o = table_get(&h->objects, &s->key.object);
		if (!o || o->nexthop.members > PATHS_MAX || o->nexthop.flags & KERNEL_NEXTHOP_FDB)
			return pass_up(r, REASON_not_followed);
		object = &o->nexthop;
		if (object->flags & KERNEL_NEXTHOP_BLACKHOLE)
			return pass_up(r, REASON_reject);
		if (!object->members)
			add_path(h, s, &object->path, 1, r);
	}
	for (unsigned int i = 0; object && i < object->members; i++) {
		o = table_get(&h->objects, &object->member[i].id);
		if (!o)
			continue;	/* it is on its way out, or its news is on the way in */
		if (o->nexthop.members || o->nexthop.flags & KERNEL_NEXTHOP_FDB)
			return pass_up(r, REASON_not_followed);
		if (o->nexthop.flags & KERNEL_NEXTHOP_BLACKHOLE)
			return pass_up(r, REASON_reject);
		add_path(h, s, &o->nexthop.path, object->member[i].weight, r);
	}
	for (unsigned int i = 0; i < s->key.paths; i++)
		add_path(h, s, &s->key.path[i], s->key.path[i].weight, r);
	if (!r->hops)
		return pass_up(r, REASON_port_down);
	share_buckets(r);
}

/* ---- publishing ----------------------------------------------------------- */

static void set_word(struct hops *h, struct hop_set *s)
{
	uint32_t word = NEXTHOP_GROUP(s->base, s->order);

	if (h->held || !s->base)
		word = NEXTHOP_GROUP(set_at(h, h->full)->base, 0);
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

static void publish(struct hops *h, uint32_t set)
{
	struct nexthop slot[PATHS_MAX] = { 0 };
	struct hop_set *s = set_at(h, set);
	struct resolution r;
	unsigned int n = 0;
	uint32_t base;

	resolve(h, s, &r);
	if (h->publishing)
		h->publishing(h->user, set, s->group);
	for (unsigned int i = 0; i < r.hops; i++) {
		const struct fib_nexthop *hop = &r.hop[i];

		if (hop->via.family && hop->port)
			watch(h, set, hop);
		for (unsigned int k = 0; k < hop->weight; k++, n++) {
			slot[n].reason = hop->reason;
			slot[n].port = hop->port;
			slot[n].mtu = hop->mtu;
			slot[n].vlan = hop->vlan;
			slot[n].ifindex = hop->ifindex;
			memcpy(slot[n].dst_mac, hop->dst_mac, 6);
			memcpy(slot[n].src_mac, hop->src_mac, 6);
		}
	}
	assert(n == 1u << r.order);
	if (s->base && s->order == r.order &&
	    !memcmp(&h->memory->nexthop[s->base], slot, n * sizeof(*slot)))
		return set_word(h, s);

	base = group_slots_run(&h->slots, r.order);
	h->starved += !base;
	if (s->base)
		group_slots_retire_run(&h->slots, s->base, s->order);
	if (base)
		memcpy(&h->memory->nexthop[base], slot, n * sizeof(*slot));
	s->base = base;
	s->order = r.order;
	set_word(h, s);
}

uint16_t hops_use(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);

	assert(s->refs);
	if (!s->uses) {
		s->group = group_slots_number(&h->slots);
		if (!s->group)
			return 0;
		publish(h, set);
	}
	s->uses++;
	return s->group;
}

void hops_unuse(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);

	assert(s->uses);
	if (--s->uses)
		return;
	if (s->base)
		group_slots_retire_run(&h->slots, s->base, s->order);
	else
		h->starved--;
	group_slots_retire_number(&h->slots, s->group);
	s->base = 0;
	s->group = 0;
}

void hops_flush(struct hops *h)
{
	if (h->all_dirty || h->objects_dirty) {
		for (uint32_t set = 1; set < h->sets.len; set++) {
			const struct hop_set *s = set_at(h, set);

			if (s->key.object || (h->all_dirty && s->key.paths))
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
		if (s->group) {
			h->starved -= !s->base;
			publish(h, set);
		}
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
		if (set_at(h, set)->group && !set_at(h, set)->base)
			mark_dirty(h, set);
	return freed;
}

/* ---- questions ------------------------------------------------------------ */

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

bool hops_on_link(const struct hops *h, uint32_t set)
{
	return on_link_path(h, set) != NULL;
}

uint32_t hops_host(struct hops *h, uint32_t set, const struct addr *addr)
{
	const struct kernel_path *path = on_link_path(h, set);
	const struct hop_neighbour *n;
	const struct hop_link *l;
	struct neighbour_key key;
	uint32_t ifindex;

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
		.paths = 1,
		.path = &(struct kernel_path){
			.ifindex = ifindex, .weight = 1, .via = *addr },
	});
}

void hops_describe(const struct hops *h, uint32_t set, struct fib_route *route)
{
	struct resolution r;

	resolve(h, set_at(h, set), &r);
	route->nexthops = r.hops;
	memcpy(route->nexthop, r.hop, r.hops * sizeof(*r.hop));
	route->reason = r.hop[0].reason;
	for (unsigned int i = 0; i < r.hops; i++)
		if (r.hop[i].reason == REASON_forwarded)
			route->reason = REASON_forwarded;
}

size_t hops_bytes(const struct hops *h)
{
	return sizeof(*h) + h->sets.cap * h->sets.elem_size + h->path_bytes +
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
		.links = TABLE(uint32_t, struct hop_link),
		.neighbours = TABLE(struct neighbour_key, struct hop_neighbour),
		.objects = TABLE(uint32_t, struct hop_object),
		.dirty = VEC(uint32_t),
	};
	group_slots_init(&h->slots);
	vec_push(&h->sets);
	memory->nexthop[0].reason = REASON_no_route;
	h->full = hops_intern(h, &(struct hop_key){ .reason = REASON_table_full });
	h->full_group = hops_use(h, h->full);
}

void hops_free(struct hops *h)
{
	const void *key;
	void *value;

	for (size_t i = 0; i < h->sets.len; i++)
		free((void *)set_at(h, i)->key.path);
	for (size_t pos = 0; table_next(&h->neighbours, &pos, &key, &value); )
		vec_free(&((struct hop_neighbour *)value)->users);
	for (size_t pos = 0; table_next(&h->objects, &pos, &key, &value); )
		free((void *)((struct hop_object *)value)->nexthop.member);
	table_free(&h->by_hash);
	table_free(&h->links);
	table_free(&h->neighbours);
	table_free(&h->objects);
	vec_free(&h->sets);
	vec_free(&h->free_sets);
	vec_free(&h->dirty);
	group_slots_free(&h->slots);
}

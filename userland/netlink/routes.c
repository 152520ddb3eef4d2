// SPDX-License-Identifier: GPL-2.0
#include "netlink/routes.h"

#include <assert.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/decode.h"

struct route_place {
	uint32_t table, metric;
	uint32_t tos;
};

/* A key is 8 bytes for IPv4, 20 for IPv6. @place has the length in its low byte. */
struct route_key4 {
	uint8_t addr[4];
	uint32_t place;
};

struct route_key6 {
	uint8_t addr[16];
	uint32_t place;
};

union route_key {
	struct route_key4 v4;
	struct route_key6 v6;
};

#define PLACES_MAX	(1u << 24)

/* marks, of a list */
#define TOUCHED		1u	/* by a notification since the dump began */

/* The routes of one key; most have one. */
struct route_list {
	uint32_t attributes;	/* of the first; 0: none (touched, and gone) */
	uint32_t more : 24;
	uint32_t seen : 4;	/* the first: 1 if the dump has named it */
	uint32_t marks : 4;
};

struct route_more {
	uint32_t attributes;
	uint32_t next : 24;
	uint32_t seen : 8;
};

#define MORE_MAX	((1u << 24) - 1)

/* One route of the list in hand. */
struct item {
	uint32_t attributes;
	uint32_t seen;
};

/* ---- attributes ----------------------------------------------------------- */

static struct route_attributes *attributes_at(const struct routes *r, uint32_t i)
{
	return vec_at(&r->attributes, i);
}

static int path_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct kernel_path));
}

static uint64_t attributes_hash(const struct route_attributes *a)
{
	struct {
		uint8_t type, protocol, scope, flags;
		uint32_t mtu, nexthop_id, pad;
	} head = { a->type, a->protocol, a->scope, a->flags, a->mtu, a->nexthop_id, 0 };
	uint64_t hash = hash_bytes(&head, sizeof(head));

	if (a->prefsrc.family)
		hash ^= hash_bytes(&a->prefsrc, sizeof(a->prefsrc)) * 3;
	return a->paths ? hash ^ hash_bytes(a->path, a->paths * sizeof(*a->path)) : hash;
}

static bool same_attributes(const struct route_attributes *a, const struct route_attributes *b)
{
	return a->hash == b->hash && a->type == b->type && a->protocol == b->protocol &&
	       a->scope == b->scope && a->flags == b->flags && a->mtu == b->mtu &&
	       a->nexthop_id == b->nexthop_id && addr_equal(&a->prefsrc, &b->prefsrc) &&
	       a->paths == b->paths &&
	       (!a->paths || !memcmp(a->path, b->path, a->paths * sizeof(*a->path)));
}

/* The number of @a, whose paths are the caller's and get sorted, with a ref. */
static uint32_t intern(struct routes *r, struct route_attributes *a)
{
	struct route_attributes *own;
	uint32_t *first, i;

	if (a->paths > 1)
		qsort(a->path, a->paths, sizeof(*a->path), path_cmp);
	else if (a->paths)
		a->path[0].weight = 1;	/* the kernel does not say a single one's */
	a->hash = attributes_hash(a);
	first = table_put(&r->by_hash, &a->hash, NULL);
	for (i = *first; i; i = attributes_at(r, i)->next) {
		if (same_attributes(attributes_at(r, i), a)) {
			attributes_at(r, i)->refs++;
			return i;
		}
	}
	i = r->free_attributes;
	if (i) {
		r->free_attributes = attributes_at(r, i)->next;
	} else {
		i = r->attributes.len;
		vec_push(&r->attributes);
	}
	own = attributes_at(r, i);
	*own = *a;
	own->refs = 1;
	own->next = *first;
	own->path = NULL;
	if (a->paths) {
		own->path = xcalloc(a->paths, sizeof(*a->path));
		memcpy(own->path, a->path, a->paths * sizeof(*a->path));
		r->path_bytes += a->paths * sizeof(*a->path);
	}
	*first = i;
	return i;
}

static uint32_t intern_route(struct routes *r, const struct decoded_route *d)
{
	struct kernel_path path[DECODE_PATHS_MAX];
	const struct kernel_route *k = &d->route;

	memcpy(path, d->path, k->paths * sizeof(*path));
	return intern(r, &(struct route_attributes){
		.type = k->type, .protocol = k->protocol, .scope = k->scope, .mtu = k->mtu,
		.nexthop_id = k->nexthop_id, .prefsrc = d->prefsrc,
		.paths = k->paths, .path = path,
	});
}

static void unref(struct routes *r, uint32_t i)
{
	struct route_attributes *a = attributes_at(r, i);
	uint32_t *link;

	if (--a->refs)
		return;
	link = table_get(&r->by_hash, &a->hash);
	if (*link == i && !a->next) {
		table_del(&r->by_hash, &a->hash);
	} else {
		while (*link != i)
			link = &attributes_at(r, *link)->next;
		*link = a->next;
	}
	r->path_bytes -= a->paths * sizeof(*a->path);
	free(a->path);
	*a = (struct route_attributes){ .next = r->free_attributes };
	r->free_attributes = i;
}

/* ---- keys and lists ------------------------------------------------------- */

static uint32_t place_number(struct routes *r, const struct kernel_route *k)
{
	struct route_place place = { k->table, k->metric, k->tos };
	uint32_t *number;
	bool fresh;

	/* Most routes are where the last one was. */
	if (r->last_place < r->places.len &&
	    !memcmp(vec_at(&r->places, r->last_place), &place, sizeof(place)))
		return r->last_place;
	number = table_put(&r->place_numbers, &place, &fresh);
	if (fresh) {
		*number = r->places.len;
		vec_append(&r->places, &place);
		assert(r->places.len < PLACES_MAX);
	}
	r->last_place = *number;
	return *number;
}

static union route_key make_key(struct routes *r, const struct kernel_route *k)
{
	uint32_t place = place_number(r, k) << 8 | k->prefix.len;
	union route_key key;

	if (r->family == ADDR_V4) {
		memcpy(key.v4.addr, k->prefix.addr.bytes, 4);
		key.v4.place = place;
	} else {
		memcpy(key.v6.addr, k->prefix.addr.bytes, 16);
		key.v6.place = place;
	}
	return key;
}

/* The key's part of a route. */
static struct kernel_route key_route(const struct routes *r, const union route_key *key)
{
	uint32_t number = r->family == ADDR_V4 ? key->v4.place : key->v6.place;
	const struct route_place *place = vec_at(&r->places, number >> 8);

	return (struct kernel_route){
		.prefix = { addr_from_bytes(r->family, key), number & 0xff },
		.table = place->table, .metric = place->metric, .tos = place->tos,
	};
}

/*
 * Several routes of one key in IPv6: which one the kernel takes is not ours to say. Link-local
 * and multicast prefixes have one for each interface, and are not forwarded to anyway.
 */
static bool is_ambiguous(const struct kernel_route *k, unsigned int n)
{
	const uint8_t *b = k->prefix.addr.bytes;

	return n > 1 && k->prefix.addr.family == ADDR_V6 && b[0] != 0xff &&
	       (b[0] != 0xfe || (b[1] & 0xc0) != 0x80);
}

static void report(struct routes *r, struct kernel_route *k, uint32_t attributes, bool ambiguous)
{
	const struct route_attributes *a = attributes_at(r, attributes);

	k->type = a->type;
	k->protocol = a->protocol;
	k->scope = a->scope;
	k->flags = a->flags | (ambiguous ? KERNEL_ROUTE_AMBIGUOUS : 0);
	k->mtu = a->mtu;
	k->nexthop_id = a->nexthop_id;
	k->paths = a->paths;
	k->path = a->path;
	r->report(r->user, k, false);
}

static struct item *items(struct routes *r)
{
	return r->scratch.data;
}

/* Takes the list of a key into hand. */
static void take(struct routes *r, const struct route_list *list)
{
	r->scratch.len = 0;
	if (!list || !list->attributes)
		return;
	vec_append(&r->scratch, &(struct item){ list->attributes, list->seen });
	for (uint32_t i = list->more; i; ) {
		const struct route_more *m = vec_at(&r->more, i);

		vec_append(&r->scratch, &(struct item){ m->attributes, m->seen });
		i = m->next;
	}
}

static void free_more(struct routes *r, uint32_t i)
{
	while (i) {
		struct route_more *m = vec_at(&r->more, i);
		uint32_t next = m->next;

		m->next = r->free_more;
		r->free_more = i;
		i = next;
	}
}

static uint32_t new_more(struct routes *r)
{
	uint32_t i = r->free_more;

	if (i) {
		r->free_more = ((struct route_more *)vec_at(&r->more, i))->next;
		return i;
	}
	if (r->more.len > MORE_MAX)
		return 0;
	vec_push(&r->more);
	return r->more.len - 1;
}

static void insert_item(struct routes *r, unsigned int at, struct item item)
{
	vec_push(&r->scratch);
	memmove(&items(r)[at + 1], &items(r)[at], (r->scratch.len - 1 - at) * sizeof(item));
	items(r)[at] = item;
}

static void remove_item(struct routes *r, unsigned int at)
{
	memmove(&items(r)[at], &items(r)[at + 1], (r->scratch.len - 1 - at) * sizeof(struct item));
	vec_pop(&r->scratch);
}

/* Where @attributes stands in the list in hand, or its length. */
static unsigned int find_item(struct routes *r, uint32_t attributes)
{
	unsigned int i = 0;

	while (i < r->scratch.len && items(r)[i].attributes != attributes)
		i++;
	return i;
}

/* Puts the list in hand back as that of @key, and reports if its first one is another. */
static void put_back(struct routes *r, const union route_key *key, bool touched)
{
	struct route_list *list = table_put(&r->keys, key, NULL);
	uint32_t was = list->attributes, more = 0;
	struct kernel_route k = key_route(r, key);
	bool was_ambiguous = is_ambiguous(&k, 1 + (list->more != 0));
	bool had_more = list->more != 0, changed;
	unsigned int n = r->scratch.len;
	bool ambiguous = is_ambiguous(&k, n);

	changed = n && (items(r)[0].attributes != was || ambiguous != was_ambiguous);
	/* The order of several means nothing in IPv6: no report for that alone, but for the last one. */
	if (r->family == ADDR_V6 && n > 1 && ambiguous == was_ambiguous && find_item(r, was) < n)
		changed = false;
	if (r->family == ADDR_V6 && n == 1 && had_more)
		changed = true;

	free_more(r, list->more);
	for (unsigned int i = n; i-- > 1; ) {
		uint32_t at = new_more(r);

		if (!at)
			break;
		*(struct route_more *)vec_at(&r->more, at) = (struct route_more){
			.attributes = items(r)[i].attributes, .next = more, .seen = items(r)[i].seen };
		more = at;
	}
	list->attributes = n ? items(r)[0].attributes : 0;
	list->seen = n ? items(r)[0].seen : 0;
	list->more = more;
	if (touched && r->dumping)
		list->marks |= TOUCHED;
	r->len += (n != 0) - (was != 0);
	if (!n && !(list->marks & TOUCHED))
		table_del(&r->keys, key);
	if (!n && was)
		r->report(r->user, &k, true);
	else if (changed)
		report(r, &k, items(r)[0].attributes, ambiguous);
}

/* ---- what the kernel tells ------------------------------------------------ */

/* As rt6_qualify_for_ecmp() has it: routes that with an equal key become one multipath route. */
static bool joins_siblings(const struct route_attributes *a)
{
	if (a->nexthop_id || !a->paths || a->protocol == RTPROT_RA || a->type != RTN_UNICAST)
		return false;
	for (unsigned int i = 0; i < a->paths; i++)
		if (!a->path[i].via.family)
			return false;
	return true;
}

/* The first in hand that joins siblings as @like does, or does not; else the list's length. */
static unsigned int find_alike(struct routes *r, uint32_t like)
{
	bool joins = joins_siblings(attributes_at(r, like));
	unsigned int i = 0;

	while (i < r->scratch.len && joins_siblings(attributes_at(r, items(r)[i].attributes)) != joins)
		i++;
	return i;
}

static void replace_item(struct routes *r, unsigned int at, struct item item)
{
	unref(r, items(r)[at].attributes);
	items(r)[at] = item;
}

static void new_v4(struct routes *r, struct item item, unsigned int flags)
{
	if (flags & NLM_F_EXCL)
		while (r->scratch.len) {
			unref(r, items(r)[0].attributes);
			remove_item(r, 0);
		}
	if (flags & NLM_F_REPLACE && r->scratch.len)
		replace_item(r, 0, item);
	else
		insert_item(r, flags & NLM_F_APPEND ? r->scratch.len : 0, item);
}

static void new_v6(struct routes *r, struct item item, unsigned int flags)
{
	unsigned int alike = find_alike(r, item.attributes);
	bool joins = joins_siblings(attributes_at(r, item.attributes));

	if (alike == r->scratch.len && flags & NLM_F_REPLACE)
		alike = 0;	/* the kernel replaces the first where none is alike */
	if (alike < r->scratch.len && (flags & NLM_F_REPLACE || joins))
		replace_item(r, alike, item);
	else
		insert_item(r, r->scratch.len, item);
}

void routes_new(struct routes *r, const struct decoded_route *d, unsigned int flags)
{
	struct item item = { .attributes = intern_route(r, d), .seen = r->dumping };
	union route_key key = make_key(r, &d->route);
	unsigned int same;

	take(r, table_get(&r->keys, &key));
	same = find_item(r, item.attributes);
	if (same < r->scratch.len) {	/* told again: a nexthop object of its changed */
		items(r)[same].seen = r->dumping;
		unref(r, item.attributes);
		if (r->family == ADDR_V4 && flags & NLM_F_EXCL && r->scratch.len > 1) {
			item = items(r)[same];
			remove_item(r, same);
			new_v4(r, item, flags);
		}
	} else if (r->family == ADDR_V4) {
		new_v4(r, item, flags);
	} else {
		new_v6(r, item, flags);
	}
	put_back(r, &key, true);
}

static bool same_hop(const struct kernel_path *a, const struct kernel_path *b)
{
	return a->ifindex == b->ifindex && addr_equal(&a->via, &b->via);
}

/* Takes from the multipath route at @at the paths of @gone. */
static void delete_paths(struct routes *r, unsigned int at, const struct route_attributes *gone)
{
	struct route_attributes left = *attributes_at(r, items(r)[at].attributes);
	struct kernel_path path[DECODE_PATHS_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < left.paths; i++) {
		unsigned int k = 0;

		while (k < gone->paths && !same_hop(&left.path[i], &gone->path[k]))
			k++;
		if (k == gone->paths)
			path[n++] = left.path[i];
	}
	if (!n) {
		unref(r, items(r)[at].attributes);
		remove_item(r, at);
		return;
	}
	left.paths = n;
	left.path = path;
	replace_item(r, at, (struct item){ intern(r, &left), items(r)[at].seen });
}

/*
 * Which route of those in hand a deleted one was, if none is equal to it: one by the same
 * way, else none: it may have gone by routes_sweep() before.
 */
static unsigned int find_deleted(struct routes *r, uint32_t gone)
{
	const struct route_attributes *g = attributes_at(r, gone), *a;

	for (unsigned int i = 0; i < r->scratch.len; i++) {
		a = attributes_at(r, items(r)[i].attributes);
		if (a->type == g->type && a->nexthop_id == g->nexthop_id && a->paths == g->paths &&
		    (!a->paths || same_hop(&a->path[0], &g->path[0])))
			return i;
	}
	return r->scratch.len;
}

void routes_deleted(struct routes *r, const struct decoded_route *d)
{
	union route_key key = make_key(r, &d->route);
	uint32_t gone = intern_route(r, d);
	unsigned int at;

	take(r, table_get(&r->keys, &key));
	at = find_item(r, gone);
	if (at < r->scratch.len) {
		unref(r, gone);
		remove_item(r, at);
	} else if (r->family == ADDR_V6 && joins_siblings(attributes_at(r, gone)) &&
		   (at = find_alike(r, gone)) < r->scratch.len) {
		delete_paths(r, at, attributes_at(r, gone));
	} else {
		at = find_deleted(r, gone);
		if (at < r->scratch.len) {
			unref(r, items(r)[at].attributes);
			remove_item(r, at);
		}
	}
	unref(r, gone);
	put_back(r, &key, true);
}

/* ---- dumps ---------------------------------------------------------------- */

static void clear_marks(struct routes *r)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&r->keys, &pos, &key, &value); ) {
		struct route_list *list = value;

		list->seen = list->marks = 0;
		if (!list->attributes)
			table_del(&r->keys, key);
	}
	for (size_t i = 0; i < r->more.len; i++)
		((struct route_more *)vec_at(&r->more, i))->seen = 0;
}

void routes_dump_begin(struct routes *r)
{
	clear_marks(r);
	r->dumping = true;
}

void routes_dumped(struct routes *r, const struct decoded_route *d)
{
	union route_key key = make_key(r, &d->route);
	struct route_list *list = table_get(&r->keys, &key);
	struct item item = { .seen = 1 };
	unsigned int at, seen = 0;

	if (list && list->marks & TOUCHED)
		return;
	item.attributes = intern_route(r, d);
	if (list && list->attributes == item.attributes && !list->more) {
		list->seen = 1;
		unref(r, item.attributes);
		return;
	}
	/* Those that the dump has named stand first, in its order. */
	take(r, list);
	while (seen < r->scratch.len && items(r)[seen].seen)
		seen++;
	at = find_item(r, item.attributes);
	if (at < seen) {
		unref(r, item.attributes);
		return;
	}
	if (at < r->scratch.len) {
		unref(r, item.attributes);
		remove_item(r, at);
	}
	insert_item(r, seen, item);
	put_back(r, &key, false);
}

void routes_dump_end(struct routes *r, bool complete)
{
	struct vec stale = VEC(union route_key);
	const void *key;
	void *value;

	for (size_t pos = 0; complete && table_next(&r->keys, &pos, &key, &value); ) {
		const struct route_list *list = value;

		if (!(list->marks & TOUCHED) && (!list->seen || list->more))
			memcpy(vec_push(&stale), key, r->keys.key_size);
	}
	for (size_t i = 0; i < stale.len; i++) {
		take(r, table_get(&r->keys, vec_at(&stale, i)));
		for (unsigned int k = r->scratch.len; k-- > 0; ) {
			if (items(r)[k].seen)
				continue;
			unref(r, items(r)[k].attributes);
			remove_item(r, k);
		}
		put_back(r, vec_at(&stale, i), false);
	}
	vec_free(&stale);
	r->dumping = false;
	clear_marks(r);
}

/* ---- what the kernel does not tell ---------------------------------------- */

struct verdict {
	enum route_fate fate;
	uint32_t instead;	/* ROUTE_CHANGES: attributes */
};

/* Asks for the fate of all attributes. Return: whether any route changes. */
static bool judge(struct routes *r, struct vec *verdicts,
		  enum route_fate (*fate)(void *, struct route_attributes *, struct kernel_path *),
		  void *user)
{
	struct kernel_path path[DECODE_PATHS_MAX];
	uint32_t n = r->attributes.len;
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		struct route_attributes a = *attributes_at(r, i);
		struct verdict *v = vec_push(verdicts);
		unsigned int left = 0;

		if (!a.refs)
			continue;
		if (a.paths)
			memcpy(path, a.path, a.paths * sizeof(*path));
		v->fate = fate(user, &a, path);
		any |= v->fate != ROUTE_STAYS;
		if (v->fate != ROUTE_CHANGES)
			continue;
		for (unsigned int k = 0; k < a.paths; k++)
			if (path[k].ifindex)
				path[left++] = path[k];
		a.paths = left;
		a.path = path;
		v->instead = intern(r, &a);
	}
	return any;
}

size_t routes_sweep(struct routes *r,
		    enum route_fate (*fate)(void *user, struct route_attributes *a,
					    struct kernel_path *path), void *user)
{
	struct vec verdicts = VEC(struct verdict), keys = VEC(union route_key);
	const struct verdict *v;
	const void *key;
	void *value;
	size_t gone = 0;

	if (!judge(r, &verdicts, fate, user))
		goto out;
	for (size_t pos = 0; table_next(&r->keys, &pos, &key, &value); ) {
		const struct route_list *list = value;

		v = vec_at(&verdicts, list->attributes);
		if (list->more || (list->attributes && v->fate != ROUTE_STAYS))
			memcpy(vec_push(&keys), key, r->keys.key_size);
	}
	for (size_t i = 0; i < keys.len; i++) {
		struct kernel_route k = key_route(r, vec_at(&keys, i));
		bool changed = false;

		take(r, table_get(&r->keys, vec_at(&keys, i)));
		for (unsigned int at = r->scratch.len; at-- > 0; ) {
			v = vec_at(&verdicts, items(r)[at].attributes);
			if (v->fate == ROUTE_STAYS ||
			    (v->fate == ROUTE_GOES_FROM_MAIN && k.table != KERNEL_TABLE_MAIN))
				continue;
			changed = true;
			if (v->fate == ROUTE_CHANGES) {
				attributes_at(r, v->instead)->refs++;
				replace_item(r, at, (struct item){ v->instead, items(r)[at].seen });
				continue;
			}
			unref(r, items(r)[at].attributes);
			remove_item(r, at);
			gone++;
		}
		if (changed)
			put_back(r, vec_at(&keys, i), true);
	}
	for (size_t i = 0; i < verdicts.len; i++) {
		v = vec_at(&verdicts, i);
		if (v->instead)
			unref(r, v->instead);
	}
out:
	vec_free(&verdicts);
	vec_free(&keys);
	return gone;
}

/* ---- ends ----------------------------------------------------------------- */

void routes_init(struct routes *r, uint8_t family, route_report report, void *user)
{
	*r = (struct routes){
		.family = family,
		.keys = family == ADDR_V4 ? TABLE(struct route_key4, struct route_list) :
					    TABLE(struct route_key6, struct route_list),
		.place_numbers = TABLE(struct route_place, uint32_t),
		.places = VEC(struct route_place),
		.attributes = VEC(struct route_attributes),
		.by_hash = TABLE(uint64_t, uint32_t),
		.more = VEC(struct route_more),
		.scratch = VEC(struct item),
		.report = report,
		.user = user,
	};
	vec_push(&r->attributes);
	vec_push(&r->more);
}

void routes_free(struct routes *r)
{
	for (size_t i = 0; i < r->attributes.len; i++)
		free(attributes_at(r, i)->path);
	table_free(&r->keys);
	table_free(&r->place_numbers);
	table_free(&r->by_hash);
	vec_free(&r->places);
	vec_free(&r->attributes);
	vec_free(&r->more);
	vec_free(&r->scratch);
}

size_t routes_bytes(const struct routes *r)
{
	size_t slot = ((r->keys.key_size + 7) & ~(size_t)7) + sizeof(struct route_list) + 1;

	return r->keys.cap * slot + r->attributes.cap * r->attributes.elem_size + r->path_bytes +
	       r->more.cap * r->more.elem_size + r->places.cap * r->places.elem_size;
}

// SPDX-License-Identifier: GPL-2.0
#include "lpm/lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lpm/inside.h"

#define PAGE	4096u

static uint32_t power_of_two(size_t least)
{
	uint32_t n = 1;

	while (n < least)
		n *= 2;
	return n;
}

int lpm_sizes(uint8_t family, size_t max_prefixes, struct lpm_shape *shape)
{
	struct lpm_shape s = { 0 };
	size_t small = max_prefixes < 8192 ? max_prefixes : 8192, nodes, slots;
	uint32_t at = PAGE;

	if (family != ADDR_V4 && family != ADDR_V6)
		return -EINVAL;
	if (max_prefixes > (family == ADDR_V4 ? 4000000 : 1000000))
		return -E2BIG;
	/* A small table has room for any mix, even for host routes far from each other. */
	nodes = (family == ADDR_V4 ? 16 : 64) * max_prefixes;
	if (nodes < 512 * small)
		nodes = 512 * small;
	if (nodes < 64 * 1024)
		nodes = 64 * 1024;
	nodes = power_of_two(nodes);
	if (family == ADDR_V4) {
		s.dir = at;
		at += sizeof(uint32_t) << LPM_DIR_BITS;
	} else {
		/* Tables have a node for three to five prefixes, scattered ones one for each. */
		slots = max_prefixes + max_prefixes / (max_prefixes < 16384 ? 1 : 2);
		slots = power_of_two(slots < 4096 ? 4096 : slots);
		s.seeds = at;
		s.seeds_mask = slots / 2 - 1;		/* a seed for four slots, all stages */
		at += slots / 2 * sizeof(uint16_t);
		at = (at + PAGE - 1) & ~(PAGE - 1);
		s.index = at;
		s.index_mask = 2 * slots - 1;
		at += 2 * slots * sizeof(uint32_t);
	}
	s.nodes = at;
	s.nodes_mask = nodes - 1;
	/* A page behind: what the verifier takes for possible ends there. */
	s.bytes = at + nodes + PAGE;
	*shape = s;
	return 0;
}

struct lpm *lpm_new(uint8_t family, const struct lpm_shape *shape, void *area, size_t limit)
{
	struct lpm *t = xcalloc(1, sizeof(*t));

	t->family = family;
	t->shape = *shape;
	t->limit = limit;
	t->area = area;
	if (!area) {
		t->own_area = true;
		t->area = aligned_alloc(PAGE, shape->bytes);
		if (!t->area)
			abort();
		memset(t->area, 0, shape->bytes);
	}
	t->change.words = VEC(struct word);
	t->change.fresh = VEC(struct block);
	t->change.stale = VEC(struct block);
	t->retired = VEC(struct block);
	blocks_init(&t->blocks, (size_t)shape->nodes_mask + 1, LPM_LINE);
	if (family == ADDR_V6)
		table6_init(t);
	return t;
}

void lpm_free(struct lpm *t)
{
	if (!t)
		return;
	if (t->own_area)
		free(t->area);
	if (t->family == ADDR_V6)
		table6_free(t);
	vec_free(&t->change.words);
	vec_free(&t->change.fresh);
	vec_free(&t->change.stale);
	vec_free(&t->retired);
	blocks_free_all(&t->blocks);
	radix_free(&t->radix);
	free(t);
}

static struct radix_key key_of(const struct prefix *p)
{
	struct radix_key k = { .len = 128 };

	for (unsigned int i = 0; i < 8; i++) {
		k.hi = k.hi << 8 | p->addr.bytes[i];
		k.lo = k.lo << 8 | p->addr.bytes[i + 8];
	}
	return radix_truncate(k, p->len);
}

static struct prefix prefix_of(uint8_t family, const struct radix_node *n)
{
	struct prefix p = { .addr.family = family, .len = n->len };

	for (unsigned int i = 0; i < 8; i++) {
		p.addr.bytes[i] = n->hi >> (56 - 8 * i);
		p.addr.bytes[i + 8] = n->lo >> (56 - 8 * i);
	}
	return p;
}

static bool valid(const struct lpm *t, const struct prefix *p)
{
	return p->addr.family == t->family && p->len <= addr_bits(t->family);
}

static void set_fallback(struct lpm *t, uint16_t result)
{
	struct lpm_head *head = (struct lpm_head *)t->area;

	__atomic_store_n(&head->version, head->version + 2, __ATOMIC_SEQ_CST);
	__atomic_store_n(&head->fallback, result, __ATOMIC_RELEASE);
	t->words++;
}

/* The shadow has changed at @k: lets the table follow, or gives up what it began. */
static int follow(struct lpm *t, const struct radix_key *k)
{
	uint16_t inherited;
	int err;

	if (!k->len) {
		set_fallback(t, radix_get(&t->radix, k));
		return 0;
	}
	radix_below(&t->radix, k, &inherited);
	err = t->family == ADDR_V4 ? table4_update(t, k, inherited) :
				     table6_update(t, k, inherited);
	if (err)
		change_abort(t);
	return err;
}

int lpm_insert(struct lpm *t, const struct prefix *p, lpm_result result)
{
	struct radix_key k;
	uint16_t old;
	int err;

	if (!valid(t, p) || !result || result > LPM_RESULT_MAX)
		return -EINVAL;
	k = key_of(p);
	if (t->radix.prefixes >= t->limit && !radix_get(&t->radix, &k))
		return -ENOSPC;
	old = radix_set(&t->radix, &k, result);
	if (old == result)
		return 0;
	err = follow(t, &k);
	if (err && old)
		radix_set(&t->radix, &k, old);
	else if (err)
		radix_del(&t->radix, &k);
	return err;
}

int lpm_delete(struct lpm *t, const struct prefix *p)
{
	struct radix_key k;
	uint16_t old;
	int err;

	if (!valid(t, p))
		return -ENOENT;
	k = key_of(p);
	old = radix_del(&t->radix, &k);
	if (!old)
		return -ENOENT;
	err = follow(t, &k);
	if (err)
		radix_set(&t->radix, &k, old);
	return err;
}

lpm_result lpm_get(const struct lpm *t, const struct prefix *p)
{
	struct radix_key k;

	if (!valid(t, p))
		return 0;
	k = key_of(p);
	return radix_get(&t->radix, &k);
}

struct ordered {
	struct radix_entry entry;
	size_t nth;
};

static int by_key(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	int c = radix_key_cmp(&x->entry.key, &y->entry.key);

	return c ? c : x->nth < y->nth ? -1 : 1;
}

int lpm_build(struct lpm *t, const struct lpm_route *routes, size_t n)
{
	struct ordered *sorted;
	struct radix_entry *entries;
	size_t distinct = 0;
	bool in_order = true;
	int err = 0;

	if (t->radix.prefixes)
		return -EEXIST;
	for (size_t i = 0; i < n; i++)
		if (!valid(t, &routes[i].prefix) || !routes[i].result ||
		    routes[i].result > LPM_RESULT_MAX)
			return -EINVAL;
	sorted = xcalloc(n + 1, sizeof(*sorted));
	entries = (struct radix_entry *)xcalloc(n + 1, sizeof(*entries));
	for (size_t i = 0; i < n; i++) {
		sorted[i].entry.key = key_of(&routes[i].prefix);
		sorted[i].entry.result = routes[i].result;
		sorted[i].nth = i;
		in_order = in_order && (!i || by_key(&sorted[i - 1], &sorted[i]) < 0);
	}
	if (!in_order)
		qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 0; i < n; i++) {
		if (i && !radix_key_cmp(&sorted[i - 1].entry.key, &sorted[i].entry.key))
			distinct--;
		entries[distinct++] = sorted[i].entry;
	}
	free(sorted);
	if (distinct > t->limit)
		err = -ENOSPC;
	if (!err) {
		radix_free(&t->radix);
		radix_fill(&t->radix, entries, distinct);
		err = t->family == ADDR_V4 ? table4_build(t) : table6_build(t);
		if (err) {
			change_abort(t);
			radix_free(&t->radix);
		} else {
			set_fallback(t, radix_get(&t->radix, &(struct radix_key){ 0 }));
		}
	}
	free(entries);
	return err;
}

lpm_result lpm_lookup(const struct lpm *t, const struct addr *a)
{
	struct radix_key k;

	if (a->family != t->family)
		return 0;
	k = key_of(&(struct prefix){ *a, 128 });
	return t->family == ADDR_V4 ? lpm4_lookup(t->area, &t->shape, k.hi >> 32) :
				      lpm6_lookup(t->area, &t->shape, k.hi, k.lo);
}

lpm_result lpm_match(const struct lpm *t, const struct addr *a, struct prefix *match)
{
	struct radix_key k;
	uint32_t node;

	if (a->family != t->family)
		return 0;
	k = key_of(&(struct prefix){ *a, addr_bits(t->family) });
	node = radix_match(&t->radix, &k);
	if (!node)
		return 0;
	if (match)
		*match = prefix_of(t->family, radix_node(&t->radix, node));
	return radix_node(&t->radix, node)->result;
}

bool lpm_next(const struct lpm *t, const struct prefix *within, struct lpm_route *r)
{
	struct radix_key in = { 0 }, after;
	uint32_t node;

	if (within && !valid(t, within))
		return false;
	if (within)
		in = key_of(within);
	if (r->prefix.addr.family)
		after = key_of(&r->prefix);
	node = radix_next(&t->radix, &in, r->prefix.addr.family ? &after : NULL);
	if (!node)
		return false;
	r->prefix = prefix_of(t->family, radix_node(&t->radix, node));
	r->result = radix_node(&t->radix, node)->result;
	return true;
}

size_t lpm_retired(const struct lpm *t)
{
	return t->bytes_retired;
}

void lpm_stats(const struct lpm *t, struct lpm_stats *stats)
{
	*stats = (struct lpm_stats){
		.prefixes = t->radix.prefixes,
		.bytes_used = sizeof(struct lpm_head) + t->blocks.bytes_used,
		.bytes_retired = t->bytes_retired,
		.bytes_areas = t->shape.bytes,
		.bytes_shadow = t->radix.cap * sizeof(struct radix_node),
		.words = t->words,
	};
	if (t->family == ADDR_V4) {
		stats->bytes_used += sizeof(uint32_t) << LPM_DIR_BITS;
		table4_stats(t, stats->nodes);
	} else {
		stats->bytes_used += table6_hash_bytes(t);
		table6_stats(t, stats->nodes);
	}
}

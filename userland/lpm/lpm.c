// SPDX-License-Identifier: GPL-2.0
#include "lpm/lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

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
	return lpm_sizes_many(family, max_prefixes, 1, shape);
}

int lpm_sizes_many(uint8_t family, size_t max_prefixes, unsigned int tables,
		   struct lpm_shape *shape)
{
	struct lpm_shape s = { .tables_mask = power_of_two(tables) - 1 };
	size_t small = max_prefixes < 8192 ? max_prefixes : 8192, nodes, slots;
	uint32_t at = PAGE;

	if ((family != ADDR_V4 && family != ADDR_V6) || !tables)
		return -EINVAL;
	if (tables > LPM_TABLES_MAX)
		return -E2BIG;
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
		at += (s.tables_mask + 1) * (sizeof(uint32_t) << LPM_DIR_BITS);
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

/* Zeroed, for a table: aligned to pages. */
static uint8_t *area_new(size_t bytes)
{
	uint8_t *area = aligned_alloc(PAGE, bytes);

	if (!area)
		abort();
	memset(area, 0, bytes);
	return area;
}

static struct space *space_new(const struct lpm_shape *shape, uint8_t *area)
{
	struct space *s = xcalloc(1, sizeof(*s));

	s->shape = *shape;
	s->area = area;
	s->change.words = VEC(struct word);
	s->change.fresh = VEC(struct block);
	s->retired = VEC(struct block);
	return s;
}

static struct lpm *table_new(uint8_t family, struct space *space, uint32_t number, size_t limit)
{
	struct lpm *t = xcalloc(1, sizeof(*t));

	t->space = space;
	t->family = family;
	t->number = number;
	t->limit = limit;
	space->table[number] = t;
	space->tables++;
	return t;
}

struct lpm *lpm_new(uint8_t family, const struct lpm_shape *shape, void *area, size_t limit)
{
	struct space *s = space_new(shape, area ? area : area_new(shape->bytes));
	struct lpm *t = table_new(family, s, 0, limit);

	s->own_area = !area;
	blocks_init(&s->blocks, (size_t)shape->nodes_mask + 1, LPM_LINE);
	share_init(s);
	if (family == ADDR_V6)
		table6_init(t);
	return t;
}

int lpm_new_beside(struct lpm *other, uint32_t number, size_t limit, struct lpm **t)
{
	struct space *s = other->space;

	if (number > s->shape.tables_mask)
		return -ERANGE;
	if (s->table[number])
		return -EEXIST;
	*t = table_new(other->family, s, number, limit);
	return 0;
}

void lpm_free(struct lpm *t)
{
	if (t && t->space->tables > 1)
		lpm_clear(t);
	lpm_leave(t);
}

void lpm_leave(struct lpm *t)
{
	struct space *s;

	if (!t)
		return;
	s = t->space;
	s->table[t->number] = NULL;
	radix_free(&t->radix);
	free(t);
	if (--s->tables)
		return;
	if (s->own_area)
		free(s->area);
	table6_free(s);
	vec_free(&s->change.words);
	vec_free(&s->change.fresh);
	share_free(s);
	vec_free(&s->retired);
	blocks_free_all(&s->blocks);
	free(s);
}

static bool valid(const struct lpm *t, const struct prefix *p)
{
	return p->addr.family == t->family && p->len <= addr_bits(t->family);
}

static lpm_result result_max(const struct lpm *t)
{
	return t->space->shape.wide ? LPM_WIDE_MAX : LPM_RESULT_MAX;
}

static void set_fallback(struct lpm *t, uint32_t result)
{
	struct lpm_head *head = head_of(t);

	__atomic_store_n(&head->version, head->version + 2, __ATOMIC_SEQ_CST);
	__atomic_store_n(&head->fallback + t->number, result, __ATOMIC_RELEASE);
	t->space->words++;
}

/* The shadow has changed at @k: lets the table follow, or gives up what it began. */
static int follow(struct lpm *t, const struct radix_key *k)
{
	uint32_t inherited;
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
	uint32_t old;
	int err;

	if (!valid(t, p) || !result || result > result_max(t))
		return -EINVAL;
	k = radix_key_of(p);
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
	uint32_t old;
	int err;

	if (!valid(t, p))
		return -ENOENT;
	k = radix_key_of(p);
	old = radix_del(&t->radix, &k);
	if (!old)
		return -ENOENT;
	err = follow(t, &k);
	if (err)
		radix_set(&t->radix, &k, old);
	return err;
}

void lpm_clear(struct lpm *t)
{
	set_fallback(t, 0);
	if (t->family == ADDR_V4)
		table4_clear(t);
	else
		table6_clear(t);
	radix_free(&t->radix);
}

lpm_result lpm_get(const struct lpm *t, const struct prefix *p)
{
	struct radix_key k;

	if (!valid(t, p))
		return 0;
	k = radix_key_of(p);
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
	uint32_t fallback, inherited;
	int err = 0;

	if (t->radix.prefixes)
		return -EEXIST;
	for (size_t i = 0; i < n; i++)
		if (!valid(t, &routes[i].prefix) || !routes[i].result ||
		    routes[i].result > result_max(t))
			return -EINVAL;
	sorted = xcalloc(n + 1, sizeof(*sorted));
	entries = (struct radix_entry *)xcalloc(n + 1, sizeof(*entries));
	for (size_t i = 0; i < n; i++) {
		sorted[i].entry.key = radix_key_of(&routes[i].prefix);
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
		fallback = radix_get(&t->radix, &(struct radix_key){ 0 });
		/* The default route is in the head, that it can change alone; here it does not. */
		inherited = t->space->fixed ? fallback : 0;
		err = t->family == ADDR_V4 ? table4_build(t, inherited) :
					     table6_build(t, inherited);
		if (err) {
			change_abort(t);
			radix_free(&t->radix);
		} else {
			set_fallback(t, fallback);
		}
	}
	free(entries);
	return err;
}

/* ---- fixed tables ----------------------------------------------------------- */

#define SCRATCH		((size_t)64 << 20)	/* bytes of nodes: as far as a word of the index reaches */
#define FIXED_MAX	1000000		/* prefixes */
#define SMALL_MAX	1000		/* prefixes, for the small first level */

/* What is most of it: where to build before the size is known. */
static struct lpm_shape scratch_shape(uint8_t family, size_t n)
{
	struct lpm_shape s = { .wide = 1 };
	uint32_t at = LPM_LINE, slots;

	if (family == ADDR_V4) {
		s.dir_bits = n <= SMALL_MAX ? LPM_DIR_BITS_SMALL : LPM_DIR_BITS_FIXED;
		s.dir = at;
		at += sizeof(uint32_t) << s.dir_bits;
	} else {
		slots = power_of_two(2 * n + 16);
		s.seeds = at;
		s.seeds_mask = slots / 2 - 1;
		at += slots / 2 * sizeof(uint16_t);
		s.index = at;
		s.index_mask = 2 * slots - 1;
		at += 2 * slots * sizeof(uint32_t);
	}
	s.nodes = (at + LPM_LINE - 1) & ~(LPM_LINE - 1);
	s.nodes_last = SCRATCH - LPM_LINE;
	s.bytes = s.nodes + SCRATCH;
	return s;
}

/* What of @t is in use, packed. */
static uint8_t *fixed_copy(const struct lpm *t, struct lpm_shape *shape)
{
	struct lpm_shape s = t->space->shape;
	const struct hash *h = &t->space->hash;
	size_t used = (size_t)t->space->fixed_units * BLOCK_UNIT;
	struct lpm_head *head;
	uint8_t *area;

	/* A page behind: what the verifier takes for possible ends there. */
	if (t->family == ADDR_V6) {
		s.seeds_mask = h->buckets - 1;
		s.index = s.seeds + h->buckets * sizeof(uint16_t);
		s.index_mask = h->slots - 1;
		s.nodes = s.index + h->slots * sizeof(uint32_t);
		s.nodes = (s.nodes + LPM_LINE - 1) & ~(LPM_LINE - 1);
	}
	s.nodes_last = used - LPM_LINE;
	s.bytes = (s.nodes + used + 2 * PAGE - 1) & ~(PAGE - 1);
	area = area_new(s.bytes);
	memcpy(area + s.nodes, t->space->area + t->space->shape.nodes, used);
	head = memcpy(area, t->space->area, sizeof(*head));
	if (t->family == ADDR_V4) {
		memcpy(area + s.dir, t->space->area + s.dir, sizeof(uint32_t) << s.dir_bits);
	} else {
		memcpy(area + s.seeds, (uint16_t *)(t->space->area + t->space->shape.seeds) + h->buckets,
		       h->buckets * sizeof(uint16_t));
		memcpy(area + s.index, (uint32_t *)(t->space->area + t->space->shape.index) + h->slots,
		       h->slots * sizeof(uint32_t));
		/* There is one stage only, and it is at the beginning. */
		head->seeds_first = head->index_first = 0;
	}
	*shape = s;
	return area;
}

int lpm_fixed(uint8_t family, const struct lpm_route *routes, size_t n, struct lpm_shape *shape,
	      void **area)
{
	struct lpm_shape scratch;
	struct space *space;
	struct lpm *t;
	uint8_t *memory;
	int err;

	if (family != ADDR_V4 && family != ADDR_V6)
		return -EINVAL;
	if (n > FIXED_MAX)
		return -E2BIG;
	scratch = scratch_shape(family, n);
	memory = mmap(NULL, scratch.bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	space = space_new(&scratch, memory);
	space->fixed = true;
	space->fixed_units = LPM_LINE / BLOCK_UNIT;
	t = table_new(family, space, 0, n);
	if (family == ADDR_V6)
		table6_init(t);
	err = lpm_build(t, routes, n);
	if (!err)
		*area = fixed_copy(t, shape);
	lpm_free(t);
	munmap(memory, scratch.bytes);
	return err == -ENOSPC ? -E2BIG : err;
}

lpm_result lpm_walk(const struct lpm_shape *shape, const void *area, const struct addr *a)
{
	struct radix_key k = radix_key_of(&(struct prefix){ *a, 128 });

	return a->family == ADDR_V4 ? lpm4_lookup(area, shape, k.hi >> 32) :
				      lpm6_lookup(area, shape, k.hi, k.lo);
}

lpm_result lpm_lookup(const struct lpm *t, const struct addr *a)
{
	struct radix_key k = radix_key_of(&(struct prefix){ *a, 128 });

	if (a->family != t->family)
		return 0;
	return a->family == ADDR_V4 ?
		lpm4_lookup_in(t->space->area, &t->space->shape, t->number, k.hi >> 32) :
		lpm6_lookup_in(t->space->area, &t->space->shape, t->number, k.hi, k.lo);
}

lpm_result lpm_match(const struct lpm *t, const struct addr *a, struct prefix *match)
{
	struct radix_key k;
	uint32_t node;

	if (a->family != t->family)
		return 0;
	k = radix_key_of(&(struct prefix){ *a, addr_bits(t->family) });
	node = radix_match(&t->radix, &k);
	if (!node)
		return 0;
	if (match)
		*match = radix_prefix(t->family, radix_node(&t->radix, node));
	return radix_node(&t->radix, node)->result;
}

bool lpm_next(const struct lpm *t, const struct prefix *within, struct lpm_route *r)
{
	struct radix_key in = { 0 }, after;
	uint32_t node;

	if (within && !valid(t, within))
		return false;
	if (within)
		in = radix_key_of(within);
	if (r->prefix.addr.family)
		after = radix_key_of(&r->prefix);
	node = radix_next(&t->radix, &in, r->prefix.addr.family ? &after : NULL);
	if (!node)
		return false;
	r->prefix = radix_prefix(t->family, radix_node(&t->radix, node));
	r->result = radix_node(&t->radix, node)->result;
	return true;
}

size_t lpm_retired(const struct lpm *t)
{
	return t->space->bytes_retired;
}

void lpm_stats(const struct lpm *t, struct lpm_stats *stats)
{
	*stats = (struct lpm_stats){
		.prefixes = t->radix.prefixes,
		.bytes_used = sizeof(struct lpm_head) + t->space->blocks.bytes_used,
		.bytes_nodes = t->space->blocks.bytes_used,
		.bytes_extent = blocks_extent(&t->space->blocks),
		.bytes_retired = t->space->bytes_retired,
		.bytes_areas = t->space->shape.bytes,
		.bytes_shadow = t->radix.cap * sizeof(struct radix_node),
		.words = t->space->words,
	};
	if (t->family == ADDR_V4) {
		stats->bytes_used += t->space->tables *
				     (sizeof(uint32_t) << LPM_DIR_BITS);
		table4_stats(t, stats->nodes);
	} else {
		stats->bytes_used += table6_hash_bytes(t);
		table6_stats(t, stats->nodes);
	}
}

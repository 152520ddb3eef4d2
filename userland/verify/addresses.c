// SPDX-License-Identifier: GPL-2.0
/*
 * addresses.c: candidates first, then one of each kind.
 *
 * A policy's test is a set of addresses, a union of intervals; a random number is drawn for it and
 * mixed (exclusive or) into a sum at each interval's start, and again behind its end. The sum at an address
 * is then the sum of the numbers of the tests that it meets: equal sums mean equal sets, but
 * for a chance of 2^-64 a pair.
 *
 * Of the image's tables every slot's first address is a candidate, and what is on either side of where a
 * leaf's prefix begins and ends: between these a look-up cannot tell addresses apart.
 */
#include "verify/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "bpf/lpm.bpf.h"
#include "image/image.h"
#include "policy/tree.h"
#include "verify/match.h"
#include "verify/tests.h"
#include "verify/walk.h"

/* ---- arithmetic ------------------------------------------------------------------- */

static struct addr first_of(const struct prefix *p)
{
	return p->addr;
}

static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned int i = p->len; i < addr_bits(a.family); i++)
		a.bytes[i >> 3] |= 0x80 >> (i & 7);
	return a;
}

/* The next address; false behind the last of its family. */
static bool step_up(struct addr *a)
{
	for (int i = addr_bits(a->family) / 8 - 1; i >= 0; i--)
		if (++a->bytes[i])
			return true;
	return false;
}

static bool step_down(struct addr *a)
{
	for (int i = addr_bits(a->family) / 8 - 1; i >= 0; i--)
		if (a->bytes[i]--)
			return true;
	return false;
}

static struct addr addr_v6(uint64_t hi, uint64_t lo)
{
	struct addr a = { .family = ADDR_V6 };

	for (unsigned int i = 0; i < 8; i++) {
		a.bytes[i] = hi >> (56 - 8 * i);
		a.bytes[8 + i] = lo >> (56 - 8 * i);
	}
	return a;
}

/* ---- the policy's ------------------------------------------------------------------- */

/* From here on the sum is another. */
struct edge {
	struct addr at;
	uint64_t mix;
};

/* The search under way. */
struct finding {
	const struct image_filter *filter;
	unsigned int side;
	const struct vec *within;	/* of struct prefix: nothing else is looked at; NULL: everything is */
	uint64_t random;
	struct vec edges;		/* of struct edge */
	struct vec candidates;		/* of struct addr */
};

static bool is_within(const struct finding *f, const struct addr *a)
{
	for (size_t i = 0; f->within && i < f->within->len; i++)
		if (prefix_covers(vec_at(f->within, i), a))
			return true;
	return !f->within;
}

static void candidate(struct finding *f, struct addr a)
{
	if (is_within(f, &a))
		vec_append(&f->candidates, &a);
}

static void candidate_around(struct finding *f, struct addr first, struct addr last)
{
	candidate(f, first);
	candidate(f, last);
	if (step_down(&first))
		candidate(f, first);
	if (step_up(&last))
		candidate(f, last);
}

static void add_edge(struct finding *f, struct addr at, uint64_t mix)
{
	*(struct edge *)vec_push(&f->edges) = (struct edge){ at, mix };
}

/* splitmix64 */
static uint64_t draw(struct finding *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static bool meets_any(const struct finding *f, const struct prefix *p)
{
	for (size_t i = 0; f->within && i < f->within->len; i++)
		if (prefix_contains(vec_at(f->within, i), p) || prefix_contains(p, vec_at(f->within, i)))
			return true;
	return !f->within;
}

static void take_test(struct finding *f, const struct policy_predicate *t)
{
	const struct prefix *list = t->prefixes.data, *over = NULL;
	uint64_t mix = draw(f);

	for (size_t i = 0; i < t->prefixes.len; i++) {
		struct addr first = first_of(&list[i]), last = last_of(&list[i]), behind = last;

		/* What lies in the one before adds nothing: a parent sorts before its children. */
		if (over && prefix_contains(over, &list[i]))
			continue;
		over = &list[i];
		if (!meets_any(f, &list[i]))
			continue;
		candidate_around(f, first, last);
		add_edge(f, first, mix);
		if (step_up(&behind))
			add_edge(f, behind, mix);
		else if (list[i].addr.family == ADDR_V4)
			add_edge(f, addr_v6(0, 0), mix);
	}
}

/* ---- the image's: the first address of each slot of its look-ups ------------------------ */

/* The prefixes of the leaves from @word on. */
static void take_leaves4(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
			 uint32_t word)
{
	for (unsigned int i = 0; i < LPM_LEAVES && lpm_is_kid(word, 1); i++) {
		uint32_t number = word & (LPM_WIDE_LEAF - 1);
		const struct lpm_leaf *leaf = (const struct lpm_leaf *)
			lpm_line(table, s, number / LPM_LEAVES, 1) + number % LPM_LEAVES;
		uint32_t first = leaf->prefix & leaf->mask;

		candidate_around(f, addr_v4(first), addr_v4(first | ~leaf->mask));
		word = leaf->otherwise;
	}
}

/* A node for 8 bits of an IPv4 address: its runs begin at @addr + (slot << shift). */
static void take_node4(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
		       uint32_t addr, unsigned int shift, uint32_t kid)
{
	const struct lpm_node *n = lpm_line(table, s, kid, 1);

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t at = addr + (i << shift), result;

		if (i && !(n->runs[i >> 6] >> (i & 63) & 1))
			continue;
		candidate(f, addr_v4(at));
		/* All slots of a run are one result, but for where each begins. */
		result = lpm_node_result(n, i, 1);
		if (lpm_is_kid(result, 1) && result & LPM_WIDE_LEAF)
			take_leaves4(f, s, table, result);
		else if (shift && lpm_is_kid(result, 1))
			take_node4(f, s, table, at, shift - 8, lpm_node_kid(n, result, 1));
	}
}

static void take_table4(struct finding *f, const struct lpm_shape *s, const uint8_t *table)
{
	const uint32_t *dir = (const uint32_t *)(table + s->dir);
	uint32_t before = 0;

	for (uint32_t i = 0; i < 1u << s->dir_bits; i++) {
		uint32_t addr = i << (32 - s->dir_bits);

		if (!i || dir[i] != before)
			candidate(f, addr_v4(addr));
		before = dir[i];
		if (lpm_is_kid(dir[i], 1) && dir[i] & LPM_WIDE_LEAF)
			take_leaves4(f, s, table, dir[i]);
		else if (lpm_is_kid(dir[i], 1))
			take_node4(f, s, table, addr, 24 - s->dir_bits, dir[i] & LPM_WIDE_MAX);
	}
}

#define DEEP_MAX	16	/* more than any table has one below the other */
#define CANDIDATES_MAX	(1u << 23)	/* more than any table has: one that leads back to itself */

static void take_deep6(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
		       uint32_t kid, unsigned int depth)
{
	const struct lpm_node *n = lpm_line(table, s, kid, 1);
	unsigned int level = n->level & 127;
	struct prefix p = { .addr = addr_v6(n->key, n->low), .len = level };

	if (f->candidates.len > CANDIDATES_MAX)
		return;
	p = prefix_canonical(p);
	candidate_around(f, first_of(&p), last_of(&p));
	for (uint32_t i = 0; i < 256; i++) {
		struct addr at = p.addr;
		uint32_t result;

		if (i && !(n->runs[i >> 6] >> (i & 63) & 1))
			continue;
		at.bytes[level / 8 < 16 ? level / 8 : 15] = i;
		candidate(f, at);
		result = lpm_slot_at((const uint8_t *)n + __builtin_offsetof(struct lpm_node, deep_wide),
				     lpm_node_run(n, i), 1);
		if (lpm_is_kid(result, 1) && depth < DEEP_MAX)
			take_deep6(f, s, table, lpm_node_kid(n, result, 1), depth + 1);
	}
}

static void take_node6(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
		       uint32_t word)
{
	const struct lpm_node *n = lpm6_node(table, s, word, 1);
	unsigned int level = n->key & 63;
	uint64_t base = level <= 40 ? n->key & ~(~0ull >> level) : 0;

	if (level > 40 || level % 8)
		return;
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t hi = base | (uint64_t)i << (56 - level);
		uint32_t result;

		if (i && !(n->runs[i >> 6] >> (i & 63) & 1))
			continue;
		candidate(f, addr_v6(hi, 0));
		result = lpm_node_result(n, i, 1);
		if (lpm_is_kid(result, 1))
			take_deep6(f, s, table, lpm_node_kid(n, result, 1), 0);
	}
}

static void take_table6(struct finding *f, const struct lpm_shape *s, const uint8_t *table)
{
	const uint32_t *index = (const uint32_t *)(table + s->index);

	for (uint32_t i = 0; i <= s->index_mask; i++)
		if (index[i])
			take_node6(f, s, table, index[i]);
}

/* ---- one of each kind ------------------------------------------------------------------- */

static int compare_addresses(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static int compare_edges(const void *a, const void *b)
{
	return addr_cmp(&((const struct edge *)a)->at, &((const struct edge *)b)->at);
}

/* What is told apart. */
struct kind {
	uint64_t tests;
	uint32_t class, family;
};

struct met {
	uint64_t tests, family;
};

static void choose(struct finding *f, const struct matcher *m, struct vec *out)
{
	struct table kinds = TABLE(struct kind, uint8_t), first = TABLE(struct met, uint32_t);
	const struct edge *edge = f->edges.data;
	const struct addr *before = NULL;
	uint64_t tests = 0;
	size_t next = 0;

	for (size_t i = 0; i < f->candidates.len; i++) {
		const struct addr *a = vec_at(&f->candidates, i);
		struct kind kind = { .family = a->family };
		struct met met = { .family = a->family };
		struct stand_in *s;
		uint32_t *at;
		bool fresh;

		if (before && addr_equal(before, a))
			continue;
		before = a;
		while (next < f->edges.len && addr_cmp(&edge[next].at, a) <= 0)
			tests ^= edge[next++].mix;
		kind.tests = met.tests = tests;
		kind.class = walk_class(f->filter, f->side, a);
		table_put(&kinds, &kind, &fresh);
		if (!fresh)
			continue;
		s = vec_push(out);
		s->addr = *a;
		s->tests = tests;
		s->class = kind.class;
		for (unsigned int l = 0; l < f->filter->shape.layers; l++)
			s->word[l] = walk_word(f->filter, l, f->side, kind.class);
		s->place = matcher_place(m, f->side, a);
		at = table_put(&first, &met, &fresh);
		if (fresh)
			*at = out->len - 1;
		else
			s->odd = ((struct stand_in *)vec_at(out, *at))->odd = true;
	}
	table_free(&kinds);
	table_free(&first);
}

/* The addresses at both ends. */
static void take_bounds(struct finding *f)
{
	static const struct prefix all[] = {
		{ .addr = { .family = ADDR_V4 } }, { .addr = { .family = ADDR_V6 } },
	};
	const struct prefix *list = f->within ? f->within->data : all;

	for (size_t i = 0; i < (f->within ? f->within->len : 2); i++) {
		candidate(f, first_of(&list[i]));
		candidate(f, last_of(&list[i]));
	}
}

void addresses_find(const struct tests *tests, const struct image_filter *filter,
		    const struct matcher *m, unsigned int side, const struct vec *within,
		    struct vec *out)
{
	struct finding f = {
		.filter = filter,
		.side = side,
		.within = within,
		.random = side,
		.edges = VEC(struct edge),
		.candidates = VEC(struct addr),
	};
	const struct vec *own = &tests->of[side ? FIELD_IP_DST : FIELD_IP_SRC];
	const struct lpm_shape *s = filter->shape.address[side];

	take_bounds(&f);
	for (size_t i = 0; i < own->len; i++)
		take_test(&f, *(const struct policy_predicate **)vec_at(own, i));
	if (s[0].bytes)
		take_table4(&f, &s[0], filter->address[side][0]);
	if (s[1].bytes)
		take_table6(&f, &s[1], filter->address[side][1]);
	qsort(f.candidates.data, f.candidates.len, sizeof(struct addr), compare_addresses);
	qsort(f.edges.data, f.edges.len, sizeof(struct edge), compare_edges);
	choose(&f, m, out);
	vec_free(&f.edges);
	vec_free(&f.candidates);
}

void addresses_beside(const struct prefix *p, struct vec *out)
{
	struct addr first = first_of(p), last = last_of(p);
	uint8_t bits = addr_bits(p->addr.family);

	if (step_down(&first))
		*(struct prefix *)vec_push(out) = (struct prefix){ first, bits };
	if (step_up(&last))
		*(struct prefix *)vec_push(out) = (struct prefix){ last, bits };
}

struct stand_ins addresses_in(const struct vec *stand_ins, const struct prefix *p)
{
	const struct stand_in *s = stand_ins->data;
	struct addr last = last_of(p);
	struct stand_ins in = { 0, 0 };
	size_t low = 0, high = stand_ins->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_cmp(&s[middle].addr, &p->addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	in.first = low;
	high = stand_ins->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_cmp(&s[middle].addr, &last) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	in.end = low;
	return in;
}

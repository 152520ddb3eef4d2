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

/* ---- marks -------------------------------------------------------------------------- */

/* From this address on something may be different. */
struct mark {
	uint64_t hi, lo;	/* the address; IPv4: a number in hi */
	uint64_t mix;		/* what the sum changes by; 0: the image's */
};

/* The search under way. */
struct finding {
	const struct image_filter *filter;
	unsigned int side;
	const struct vec *within;	/* of struct prefix: nothing else is looked at; NULL: everything is */
	uint64_t random;
	struct vec marks[2];		/* of struct mark: IPv4, IPv6 */
	bool holes;			/* some leaf's mask is no prefix's */
};

static uint64_t eight_bytes(const uint8_t *b)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < 8; i++)
		n = n << 8 | b[i];
	return n;
}

static void mark(struct finding *f, const struct addr *a, uint64_t mix)
{
	struct mark *m = vec_push(&f->marks[a->family == ADDR_V6]);

	if (a->family == ADDR_V6)
		*m = (struct mark){ eight_bytes(a->bytes), eight_bytes(a->bytes + 8), mix };
	else
		*m = (struct mark){ addr_v4_number(a), 0, mix };
}

/* The first address of @p, and the first behind it. */
static void mark_prefix(struct finding *f, const struct prefix *p, uint64_t mix)
{
	struct addr behind = last_of(p);

	mark(f, &p->addr, mix);
	if (step_up(&behind))
		mark(f, &behind, mix);
}

static struct addr address_of(const struct mark *m, bool six)
{
	return six ? addr_v6(m->hi, m->lo) : addr_v4(m->hi);
}

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

#define DIGIT 11	/* bits: three of them are an IPv4 address */

/* Marks of IPv4 addresses into their order, digit by digit. */
static void sort_marks4(struct vec *marks)
{
	struct mark *from = marks->data, *to = xcalloc(marks->len + 1, sizeof(*to)), *other = to;

	for (unsigned int shift = 0; shift < 32; shift += DIGIT) {
		size_t start[(1 << DIGIT) + 1] = { 0 };
		struct mark *swap = from;

		for (size_t i = 0; i < marks->len; i++)
			start[(from[i].hi >> shift & ((1 << DIGIT) - 1)) + 1]++;
		for (unsigned int i = 1; i < 1 << DIGIT; i++)
			start[i] += start[i - 1];
		for (size_t i = 0; i < marks->len; i++)
			to[start[from[i].hi >> shift & ((1 << DIGIT) - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	/* Three rounds: what is sorted lies in the other one. */
	memcpy(marks->data, other, marks->len * sizeof(*other));
	free(other);
}

/* ---- the policy's ------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t draw(struct finding *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void take_test(struct finding *f, const struct policy_predicate *t)
{
	const struct prefix *list = t->prefixes.data, *over = NULL;
	uint64_t mix = draw(f);

	for (size_t i = 0; i < t->prefixes.len; i++) {
		/* What lies in the one before adds nothing: a parent sorts before its children. */
		if (over && prefix_contains(over, &list[i]))
			continue;
		over = &list[i];
		mark_prefix(f, over, mix);
	}
}

/* ---- the image's: the first address of each slot of its look-ups ------------------------ */

#define MARKS_MAX	(1u << 23)	/* more than any table has: one that leads back to itself */

static void mark4(struct finding *f, uint32_t at)
{
	((struct mark *)vec_push(&f->marks[0]))->hi = at;
}

static void mark6(struct finding *f, uint64_t hi)
{
	((struct mark *)vec_push(&f->marks[1]))->hi = hi;
}

/* The prefixes of the leaves from @word on. */
static void take_leaves4(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
			 uint32_t word)
{
	for (unsigned int i = 0; i < LPM_LEAVES && lpm_is_kid(word, 1); i++) {
		uint32_t number = word & (LPM_WIDE_LEAF - 1);
		const struct lpm_leaf *leaf = (const struct lpm_leaf *)
			lpm_line(table, s, number / LPM_LEAVES, 1) + number % LPM_LEAVES;
		uint32_t first = leaf->prefix & leaf->mask, last = first | ~leaf->mask;

		f->holes |= (~leaf->mask & (~leaf->mask + 1)) != 0;
		mark4(f, first);
		if (last != ~0u)
			mark4(f, last + 1);
		word = leaf->otherwise;
	}
}

/* A node for 8 bits of an IPv4 address: its runs begin at @addr + (slot << shift). */
static void take_node4(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
		       uint32_t addr, unsigned int shift, uint32_t kid)
{
	const struct lpm_node *n = lpm_line(table, s, kid, 1);
	uint32_t result = 0;

	if (f->marks[0].len > MARKS_MAX)
		return;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t at = addr + (i << shift);
		bool begins = !i || n->runs[i >> 6] >> (i & 63) & 1;

		if (begins) {
			mark4(f, at);
			result = lpm_node_result(n, i, 1);
		}
		/* All slots of a run are one result: what lies below it is there for each of them. */
		if (begins && lpm_is_kid(result, 1) && result & LPM_WIDE_LEAF)
			take_leaves4(f, s, table, result);
		else if (shift && lpm_is_kid(result, 1) && !(result & LPM_WIDE_LEAF))
			take_node4(f, s, table, at, shift - 8, lpm_node_kid(n, result, 1));
	}
}

/* The slots of the directory from @first to @last. */
static void take_slots4(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
			uint32_t first, uint32_t last)
{
	const uint32_t *dir = (const uint32_t *)(table + s->dir);
	uint32_t before = 0;

	for (uint32_t i = first; i <= last; i++) {
		uint32_t addr = i << (32 - s->dir_bits);

		if (i == first || dir[i] != before)
			mark4(f, addr);
		before = dir[i];
		if (lpm_is_kid(dir[i], 1) && dir[i] & LPM_WIDE_LEAF)
			take_leaves4(f, s, table, dir[i]);
		else if (lpm_is_kid(dir[i], 1))
			take_node4(f, s, table, addr, 24 - s->dir_bits, dir[i] & LPM_WIDE_MAX);
	}
}

static void take_table4(struct finding *f, const struct lpm_shape *s, const uint8_t *table)
{
	unsigned int shift = 32 - s->dir_bits;

	if (!f->within)
		take_slots4(f, s, table, 0, (1u << s->dir_bits) - 1);
	for (size_t i = 0; f->within && i < f->within->len; i++) {
		const struct prefix *p = vec_at(f->within, i);
		struct addr last = last_of(p);

		if (p->addr.family == ADDR_V4)
			take_slots4(f, s, table, addr_v4_number(&p->addr) >> shift,
				    addr_v4_number(&last) >> shift);
	}
}

#define DEEP_MAX	16	/* more than any table has one below the other */

static void take_deep6(struct finding *f, const struct lpm_shape *s, const uint8_t *table,
		       uint32_t kid, unsigned int depth)
{
	const struct lpm_node *n = lpm_line(table, s, kid, 1);
	unsigned int level = n->level & 127;
	struct prefix p = { .addr = addr_v6(n->key, n->low), .len = level };

	if (f->marks[1].len > MARKS_MAX)
		return;
	p = prefix_canonical(p);
	mark_prefix(f, &p, 0);
	for (uint32_t i = 0; i < 256; i++) {
		struct addr at = p.addr;
		uint32_t result;

		if (i && !(n->runs[i >> 6] >> (i & 63) & 1))
			continue;
		at.bytes[level / 8 < 16 ? level / 8 : 15] = i;
		mark(f, &at, 0);
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

	struct prefix p = { .addr = addr_v6(base, 0), .len = level };

	if (level > 40 || level % 8)
		return;
	/* What lies behind the last slot is another node's, or nobody's. */
	mark_prefix(f, &p, 0);
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t hi = base | (uint64_t)i << (56 - level);
		uint32_t result;

		if (i && !(n->runs[i >> 6] >> (i & 63) & 1))
			continue;
		mark6(f, hi);
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

/* What is told apart. */
struct kind {
	uint64_t tests;
	uint32_t class, family;
};

struct met {
	uint64_t tests, family;
};

/* The choice under way. */
struct choice {
	const struct finding *f;
	const struct matcher *matcher;
	struct table kinds;		/* struct kind -> uint8_t */
	struct table first;		/* struct met -> uint32_t: the first that meets these tests, in out */
	struct vec *out;
};

static bool is_within(const struct finding *f, const struct addr *a)
{
	for (size_t i = 0; f->within && i < f->within->len; i++)
		if (prefix_covers(vec_at(f->within, i), a))
			return true;
	return !f->within;
}

/* @tests: the sum at @a. */
static void look_at(struct choice *c, const struct addr *a, uint64_t tests)
{
	const struct finding *f = c->f;
	const struct kind kind = { tests, walk_class(f->filter, f->side, a), a->family };
	const struct met met = { tests, a->family };
	struct stand_in *s;
	uint32_t *at;
	bool fresh;

	table_put(&c->kinds, &kind, &fresh);
	if (!fresh)
		return;
	s = vec_push(c->out);
	s->addr = *a;
	s->tests = tests;
	s->class = kind.class;
	for (unsigned int l = 0; l < f->filter->shape.layers; l++)
		s->word[l] = walk_word(f->filter, l, f->side, kind.class);
	s->place = matcher_place(c->matcher, f->side, a);
	at = table_put(&c->first, &met, &fresh);
	if (fresh)
		*at = c->out->len - 1;
	else
		s->odd = ((struct stand_in *)vec_at(c->out, *at))->odd = true;
}

static void choose(struct finding *f, const struct matcher *m, struct vec *out)
{
	struct choice c = {
		.f = f, .matcher = m, .out = out,
		.kinds = TABLE(struct kind, uint8_t), .first = TABLE(struct met, uint32_t),
	};

	for (unsigned int six = 0; six < 2; six++) {
		const struct mark *marks = f->marks[six].data;
		uint64_t tests = 0;

		for (size_t i = 0; i < f->marks[six].len; i++) {
			struct addr a = address_of(&marks[i], six);

			tests ^= marks[i].mix;
			/* The last mark of an address has the sum of all of them. */
			if (i + 1 < f->marks[six].len && !compare_marks(&marks[i], &marks[i + 1]))
				continue;
			if (is_within(f, &a))
				look_at(&c, &a, tests);
		}
	}
	table_free(&c.kinds);
	table_free(&c.first);
}

/* The image's marks, and those of all addresses there are. */
static void take_image(struct finding *f)
{
	static const struct prefix all[] = {
		{ .addr = { .family = ADDR_V4 } }, { .addr = { .family = ADDR_V6 } },
	};
	const struct lpm_shape *s = f->filter->shape.address[f->side];

	mark_prefix(f, &all[0], 0);
	mark_prefix(f, &all[1], 0);
	if (s[0].bytes)
		take_table4(f, &s[0], f->filter->address[f->side][0]);
	if (s[1].bytes)
		take_table6(f, &s[1], f->filter->address[f->side][1]);
}

static void sort_marks(struct finding *f)
{
	sort_marks4(&f->marks[0]);
	qsort(f->marks[1].data, f->marks[1].len, sizeof(struct mark), compare_marks);
}

bool addresses_find(const struct tests *tests, const struct image_filter *filter,
		    const struct matcher *m, unsigned int side, const struct vec *within,
		    struct vec *out)
{
	struct finding f = {
		.filter = filter,
		.side = side,
		.within = within,
		.random = side,
		.marks = { VEC(struct mark), VEC(struct mark) },
	};
	const struct vec *own = &tests->of[side ? FIELD_IP_DST : FIELD_IP_SRC];

	take_image(&f);
	for (size_t i = 0; within && i < within->len; i++)
		mark_prefix(&f, vec_at(within, i), 0);
	for (size_t i = 0; i < own->len; i++)
		take_test(&f, *(const struct policy_predicate **)vec_at(own, i));
	sort_marks(&f);
	choose(&f, m, out);
	vec_free(&f.marks[0]);
	vec_free(&f.marks[1]);
	return !f.holes;
}

void addresses_marks(const struct image_filter *filter, unsigned int side, struct vec *out)
{
	struct finding f = {
		.filter = filter,
		.side = side,
		.marks = { VEC(struct mark), VEC(struct mark) },
	};

	take_image(&f);
	sort_marks(&f);
	for (unsigned int six = 0; six < 2; six++) {
		for (size_t i = 0; i < f.marks[six].len; i++) {
			struct addr a = address_of(vec_at(&f.marks[six], i), six);

			vec_append(out, &a);
		}
		vec_free(&f.marks[six]);
	}
}

void addresses_beside(const struct prefix *p, struct vec *out)
{
	struct addr first = p->addr, last = last_of(p);
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

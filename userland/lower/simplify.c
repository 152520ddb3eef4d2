// SPDX-License-Identifier: GPL-2.0
/*
 * simplify.c: fewer boxes that have the same packets.
 *
 * The least number of boxes is not looked for (that is set cover); what policies write is found:
 * alternatives in one field, families that differ, and cases that another case has as well.
 *
 *	1. Boxes that agree in all fields but the addresses: of each family the pairs (sources,
 *	   destinations), of which those that agree on one side become one; then a pair of IPv4, one of
 *	   IPv6 and what is not IP stand in one box, because no packet has both.
 *	2. Boxes that agree in everything but one field: one box with the values of both.
 *	3. As long as that makes fewer, again.
 *	4. A box that lies in another goes. Each is compared with each, so only if they are few.
 *
 * Boxes that agree in all but one thing are found by sorting a hash of the rest: each thing has a
 * hash of its own, and that of the rest is the sum without it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "base/vec.h"
#include "lower/box.h"

#define COMPARED_MAX	256	/* boxes of which each is compared with each */

/* ---- what agrees with what ---------------------------------------------------------- */

struct item {
	uint64_t key;
	uint32_t index;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Sorts the elements of @v by @order, which has one number for each. */
static void put_in_order(struct vec *v, const struct vec *order)
{
	struct item *items = xcalloc(v->len, sizeof(*items));
	struct vec sorted = { .elem_size = v->elem_size };

	vec_reserve(&sorted, v->len);
	for (size_t i = 0; i < v->len; i++)
		items[i] = (struct item){ *(uint32_t *)vec_at(order, i), i };
	qsort(items, v->len, sizeof(*items), compare_items);
	for (size_t i = 0; i < v->len; i++)
		vec_append(&sorted, vec_at(v, items[i].index));
	free(items);
	vec_free(v);
	*v = sorted;
}

static uint64_t hash(const void *bytes, size_t n, unsigned int salt)
{
	return n ? hash_bytes(bytes, n) * (2 * salt + 1) + salt : salt;
}

static uint64_t field_hash(const struct box *box, unsigned int field)
{
	if (!(box->tested >> field & 1))
		return 0;
	if (field == RULES_SETS)
		return hash(box->bits, box->bits_len * sizeof(*box->bits), field + 1);
	return hash(box->value[field].span, box->value[field].len * sizeof(struct span), field + 1);
}

static uint64_t prefixes_hash(struct prefixes p, unsigned int salt)
{
	return hash(p.prefix, p.len * sizeof(*p.prefix), salt);
}

static uint64_t address_hash(const struct box *box)
{
	return box->families * 0x9e3779b97f4a7c15ull + prefixes_hash(box->address[0], 101) +
	       prefixes_hash(box->address[1], 103);
}

static uint64_t fields_hash(const struct box *box)
{
	uint64_t sum = 0;

	for (uint32_t left = box->tested; left; left &= left - 1)
		sum += field_hash(box, __builtin_ctz(left));
	return sum;
}

static bool same_field(const struct box *a, const struct box *b, unsigned int field)
{
	if (field == RULES_SETS)
		return a->bits_len == b->bits_len &&
		       (!a->bits_len || !memcmp(a->bits, b->bits, a->bits_len * sizeof(*a->bits)));
	return a->value[field].len == b->value[field].len &&
	       (!a->value[field].len ||
		!memcmp(a->value[field].span, b->value[field].span,
			a->value[field].len * sizeof(struct span)));
}

/* All fields but @except; RULES_FIELD_COUNT: all. */
static bool same_fields(const struct box *a, const struct box *b, unsigned int except)
{
	if ((a->tested ^ b->tested) & ~(except < RULES_FIELD_COUNT ? 1u << except : 0))
		return false;
	for (uint32_t left = a->tested; left; left &= left - 1) {
		unsigned int field = __builtin_ctz(left);

		if (field != except && !same_field(a, b, field))
			return false;
	}
	return true;
}

static bool same_addresses(const struct box *a, const struct box *b)
{
	return a->families == b->families && prefixes_equal(a->address[0], b->address[0]) &&
	       prefixes_equal(a->address[1], b->address[1]);
}

/* ---- 1: addresses ---------------------------------------------------------------------- */

struct pair {
	struct prefixes side[2];
};

/* Pairs that agree on side @same get the addresses of both on the other. */
static void join_pairs(struct arena *arena, struct vec *pairs, unsigned int same)
{
	struct vec out = VEC(struct pair), order = VEC(uint32_t);
	struct item *items;

	if (pairs->len < 2)
		return;
	items = xcalloc(pairs->len, sizeof(*items));
	for (size_t i = 0; i < pairs->len; i++) {
		const struct pair *p = vec_at(pairs, i);

		items[i] = (struct item){ prefixes_hash(p->side[same], 1), i };
	}
	qsort(items, pairs->len, sizeof(*items), compare_items);
	for (size_t i = 0; i < pairs->len;) {
		struct pair *p = vec_append(&out, vec_at(pairs, items[i].index));
		struct vec all = VEC(struct prefix);
		size_t j = i;

		for (; j < pairs->len && items[j].key == items[i].key; j++) {
			const struct pair *q = vec_at(pairs, items[j].index);

			if (!prefixes_equal(p->side[same], q->side[same]))
				break;
			for (uint32_t k = 0; k < q->side[!same].len; k++)
				vec_append(&all, &q->side[!same].prefix[k]);
		}
		if (j > i + 1) {
			struct prefix *copy = arena_alloc(arena, all.len * sizeof(*copy));

			memcpy(copy, all.data, all.len * sizeof(*copy));
			p->side[!same] = prefixes_make(arena, copy, all.len);
		}
		vec_free(&all);
		vec_append(&order, &items[i].index);
		i = j;
	}
	free(items);
	put_in_order(&out, &order);
	vec_free(&order);
	vec_free(pairs);
	*pairs = out;
}

static void add_pair(const struct box *box, uint8_t family, struct vec *pairs)
{
	struct pair p;

	for (unsigned int side = 0; side < 2; side++)
		p.side[side] = box->address[side].prefix ?
			       prefixes_of(box->address[side], family) : prefixes_all(family);
	vec_append(pairs, &p);
}

static struct prefixes put_together(struct arena *arena, struct prefixes a, struct prefixes b)
{
	struct prefix *both = arena_alloc(arena, (a.len + b.len) * sizeof(*both));

	memcpy(both, a.prefix, a.len * sizeof(*both));
	memcpy(both + a.len, b.prefix, b.len * sizeof(*both));
	return (struct prefixes){ both, a.len + b.len };
}

/* A pair of each family, either may be NULL, as a box with the fields of @like. */
static struct box box_of(struct arena *arena, const struct box *like, const struct pair *v4,
			 const struct pair *v6)
{
	struct box box = *like;

	box.address[0] = box.address[1] = (struct prefixes){ NULL, 0 };
	box.families = (v4 ? RULE_IP4 : 0) | (v6 ? RULE_IP6 : 0);
	for (unsigned int side = 0; side < 2; side++) {
		struct prefixes set = v4 && v6 ? put_together(arena, v4->side[side], v6->side[side]) :
				      v4 ? v4->side[side] : v6->side[side];

		box_addresses(arena, &box, side, set);
	}
	return box;
}

/*
 * The boxes items[0 .. n), which agree in all but the addresses, become those that are
 * appended to @out.
 */
static void join_addresses(struct arena *arena, const struct vec *boxes, const struct item *items,
			   size_t n, struct vec *out)
{
	struct vec pairs[2] = { VEC(struct pair), VEC(struct pair) };
	const struct box *like = vec_at(boxes, items->index);
	size_t first = out->len;
	bool not_ip = false;

	for (size_t i = 0; i < n; i++) {
		const struct box *box = vec_at(boxes, items[i].index);

		not_ip |= box->families & RULE_NOT_IP;
		if (box->families & RULE_IP4)
			add_pair(box, ADDR_V4, &pairs[0]);
		if (box->families & RULE_IP6)
			add_pair(box, ADDR_V6, &pairs[1]);
	}
	for (unsigned int family = 0; family < 2; family++) {
		join_pairs(arena, &pairs[family], 0);
		join_pairs(arena, &pairs[family], 1);
	}
	for (size_t i = 0; i < pairs[0].len || i < pairs[1].len; i++) {
		struct box box = box_of(arena, like, i < pairs[0].len ? vec_at(&pairs[0], i) : NULL,
					i < pairs[1].len ? vec_at(&pairs[1], i) : NULL);

		if (not_ip && !box.address[0].prefix && !box.address[1].prefix) {
			box.families |= RULE_NOT_IP;
			not_ip = false;
		}
		vec_append(out, &box);
	}
	/* A box without sets can also say what is not IP; with sets it becomes two rules all the same. */
	if (not_ip && out->len > first) {
		((struct box *)vec_at(out, first))->families |= RULE_NOT_IP;
	} else if (not_ip) {
		struct box *box = vec_append(out, like);

		box->families = RULE_NOT_IP;
		box->address[0] = box->address[1] = (struct prefixes){ NULL, 0 };
	}
	vec_free(&pairs[0]);
	vec_free(&pairs[1]);
}

static void simplify_addresses(struct arena *arena, struct vec *boxes)
{
	struct item *items = xcalloc(boxes->len, sizeof(*items));
	struct vec out = VEC(struct box), order = VEC(uint32_t);

	for (size_t i = 0; i < boxes->len; i++)
		items[i] = (struct item){ fields_hash(vec_at(boxes, i)), i };
	qsort(items, boxes->len, sizeof(*items), compare_items);
	for (size_t i = 0; i < boxes->len;) {
		size_t j = i + 1;

		while (j < boxes->len && items[j].key == items[i].key &&
		       same_fields(vec_at(boxes, items[i].index), vec_at(boxes, items[j].index),
				   RULES_FIELD_COUNT))
			j++;
		if (j == i + 1)
			vec_append(&out, vec_at(boxes, items[i].index));
		else
			join_addresses(arena, boxes, &items[i], j - i, &out);
		while (order.len < out.len)
			vec_append(&order, &items[i].index);
		i = j;
	}
	free(items);
	put_in_order(&out, &order);
	vec_free(&order);
	vec_free(boxes);
	*boxes = out;
}

/* ---- 2: one field ------------------------------------------------------------------------ */

static void join_values(struct arena *arena, const struct vec *boxes, const struct item *items,
			size_t n, unsigned int field, struct box *box)
{
	struct vec all = VEC(struct span);

	for (size_t i = 0; i < n; i++) {
		const struct box *b = vec_at(boxes, items[i].index);

		for (uint32_t k = 0; k < b->value[field].len; k++)
			vec_append(&all, &b->value[field].span[k]);
	}
	box->value[field] = values_make(arena, all.data, all.len);
	vec_free(&all);
	if (values_within(box_universe(field), box->value[field]))
		box_untest(box, field);
}

static void join_bits(struct arena *arena, const struct vec *boxes, const struct item *items, size_t n,
		      struct box *box)
{
	struct vec all = VEC(struct bits);

	for (size_t i = 0; i < n; i++) {
		const struct box *b = vec_at(boxes, items[i].index);

		for (uint32_t k = 0; k < b->bits_len; k++)
			vec_append(&all, &b->bits[k]);
	}
	box_set_bits(arena, box, all.data, all.len);
	vec_free(&all);
}

static void simplify_field(struct arena *arena, struct vec *boxes, unsigned int field)
{
	struct item *items = xcalloc(boxes->len, sizeof(*items));
	struct vec out = VEC(struct box), order = VEC(uint32_t);

	for (size_t i = 0; i < boxes->len; i++) {
		const struct box *box = vec_at(boxes, i);

		/* A box that does not test the field is alone. */
		items[i] = (struct item){ box->tested >> field & 1 ? address_hash(box) +
			fields_hash(box) - field_hash(box, field) : i, i };
	}
	qsort(items, boxes->len, sizeof(*items), compare_items);
	for (size_t i = 0; i < boxes->len;) {
		const struct box *box = vec_at(boxes, items[i].index);
		struct box *joined = vec_append(&out, box);
		size_t j = i + 1;

		while (j < boxes->len && items[j].key == items[i].key && box->tested >> field & 1) {
			const struct box *other = vec_at(boxes, items[j].index);

			if (!(other->tested >> field & 1) || !same_fields(box, other, field) ||
			    !same_addresses(box, other))
				break;
			j++;
		}
		if (j > i + 1 && field == RULES_SETS)
			join_bits(arena, boxes, &items[i], j - i, joined);
		else if (j > i + 1)
			join_values(arena, boxes, &items[i], j - i, field, joined);
		vec_append(&order, &items[i].index);
		i = j;
	}
	free(items);
	put_in_order(&out, &order);
	vec_free(&order);
	vec_free(boxes);
	*boxes = out;
}

/* ---- 4: boxes within boxes ------------------------------------------------------------------ */

static void drop_covered(struct vec *boxes)
{
	bool *gone;
	size_t kept = 0;

	if (boxes->len > COMPARED_MAX)
		return;
	gone = xcalloc(boxes->len, sizeof(*gone));
	for (size_t i = 0; i < boxes->len; i++)
		for (size_t j = 0; j < boxes->len && !gone[i]; j++)
			gone[i] = i != j && !gone[j] && box_within(vec_at(boxes, i), vec_at(boxes, j));
	for (size_t i = 0; i < boxes->len; i++)
		if (!gone[i])
			memmove(vec_at(boxes, kept++), vec_at(boxes, i), boxes->elem_size);
	boxes->len = kept;
	free(gone);
}

void boxes_simplify(struct arena *arena, struct vec *boxes)
{
	size_t before = 0;

	if (boxes->len < 2)
		return;
	do {
		uint32_t tested = 0;

		before = boxes->len;
		for (size_t i = 0; i < boxes->len; i++)
			tested |= ((struct box *)vec_at(boxes, i))->tested;
		simplify_addresses(arena, boxes);
		for (uint32_t left = tested; left && boxes->len > 1; left &= left - 1)
			simplify_field(arena, boxes, __builtin_ctz(left));
		drop_covered(boxes);
	} while (boxes->len < before && boxes->len > 1);
}

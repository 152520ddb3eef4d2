// SPDX-License-Identifier: GPL-2.0
/*
 * sequence.c: a; b, after Smolka, Eliopoulos, Foster, Guha, "A Fast Compiler for NetKAT" (ICFP 2015),
 * section 4; and what follows from it: star and restriction.
 *
 * Each action list of a's leaves is pushed through b: where b asks a field that the list assigns, the
 * answer is known; other questions stay, and come out on top of the list. What comes out may
 * ask fields before the one that a asked above the leaf. So a node of a cannot simply be put on top
 * of its edges' results: it chooses between them (choose()), and that is a walk like the others, in the
 * order of the fields.
 */
#include "dd/space.h"

#include <assert.h>
#include <stdlib.h>

/* ---- a choice between diagrams, by one field ------------------------- */

static void add_edges(struct vec *out, const struct dd_space *s, const struct dd *d,
		      unsigned int field)
{
	struct edge whole = { s->field[field].last, d };

	if (d->field != field)
		vec_append(out, &whole);
	for (uint32_t i = 0; d->field == field && i < d->n; i++)
		vec_append(out, &edges_of(d)[i]);
}

/* The edges of @low up to @border, of @high behind it. */
static const struct dd *join_at(struct dd_space *s, unsigned int field, dd_value border,
				const struct dd *low, const struct dd *high)
{
	struct vec all = VEC(struct edge), edges = VEC(struct edge);
	size_t i = 0;

	add_edges(&all, s, low, field);
	for (;; i++) {
		const struct edge *e = vec_at(&all, i);

		node_add(&edges, e->last < border ? e->last : border, e->to);
		if (e->last >= border)
			break;
	}
	all.len = 0;
	add_edges(&all, s, high, field);
	for (i = 0; i < all.len; i++) {
		const struct edge *e = vec_at(&all, i);

		if (e->last > border)
			node_add(&edges, e->last, e->to);
	}
	vec_free(&all);
	return node_make(s, field, &edges);
}

/* "if field <= border then low else high", where both may ask any fields. */
static const struct dd *split(struct dd_space *s, unsigned int field, dd_value border,
			      const struct dd *low, const struct dd *high)
{
	struct question q = { .a = low, .b = high, .value = border,
			      .what = ASK_SPLIT | (uint64_t)field << 8 };
	struct vec left = VEC(struct edge), right = VEC(struct edge), edges = VEC(struct edge);
	unsigned int first;
	const struct edge *x, *y;
	const struct dd *known;

	if (s->why || !low || !high)
		return NULL;
	if (low == high)
		return low;
	known = space_recall(s, &q);
	if (known)
		return known;
	first = low->field < high->field ? low->field : high->field;
	if (first >= field)
		return space_keep(s, &q, join_at(s, field, border, low, high));
	add_edges(&left, s, low, first);
	add_edges(&right, s, high, first);
	x = left.data;
	y = right.data;
	for (;;) {
		dd_value last = x->last < y->last ? x->last : y->last;
		const struct dd *to = split(s, field, border, x->to, y->to);

		if (!to)
			goto out;
		node_add(&edges, last, to);
		if (last == s->field[first].last)
			break;
		x += x->last == last;
		y += y->last == last;
	}
	known = space_keep(s, &q, node_make(s, first, &edges));
out:
	vec_free(&left);
	vec_free(&right);
	vec_free(&edges);
	return known;
}

/* One of @n edges' diagrams by @field, halved until there is one. */
static const struct dd *choose(struct dd_space *s, unsigned int field, const struct edge *edge,
			       size_t n)
{
	size_t half = n / 2;

	if (n == 1)
		return edge[0].to;
	return split(s, field, edge[half - 1].last, choose(s, field, edge, half),
		     choose(s, field, edge + half, n - half));
}

/* ---- sequence -------------------------------------------------------- */

/* The list @l, then the diagram @b. */
static const struct dd *push(struct dd_space *s, const struct list *l, const struct dd *b)
{
	struct question q = { .a = l, .b = b, .what = ASK_LIST };
	struct vec out = VEC(const struct list *), edges = VEC(struct edge);
	const struct dd *known = NULL;
	dd_value value;
	bool good = true;

	if (s->why)
		return NULL;
	if (!is_leaf(b) && list_assigns(&l->says, b->field, &value))
		return push(s, l, node_next(b, value));
	known = space_recall(s, &q);
	if (known)
		return known;
	if (is_leaf(b)) {
		for (uint32_t i = 0; good && i < b->n; i++)
			good = list_join(s, &l->says, &lists_of(b)[i]->says, &out);
		if (good && !b->n)
			good = list_end(s, &l->says, &out);
		known = good ? leaf_make(s, &out) : NULL;
		vec_free(&out);
		return space_keep(s, &q, known);
	}
	for (uint32_t i = 0; i < b->n; i++) {
		const struct dd *to = push(s, l, edges_of(b)[i].to);

		if (!to) {
			vec_free(&edges);
			return NULL;
		}
		node_add(&edges, edges_of(b)[i].last, to);
	}
	return space_keep(s, &q, node_make(s, b->field, &edges));
}

/* What is gone stays gone, and keeps its marks. */
static const struct dd *push_one(struct dd_space *s, const struct list *l, const struct dd *b)
{
	struct vec out = VEC(const struct list *);
	const struct dd *d;

	if (!l->says.gone)
		return push(s, l, b);
	vec_append(&out, &l);
	d = leaf_make(s, &out);
	vec_free(&out);
	return d;
}

static const struct dd *push_leaf(struct dd_space *s, const struct dd *leaf, const struct dd *b)
{
	const struct dd *all = s->none;

	for (uint32_t i = 0; i < leaf->n; i++)
		all = dd_union(s, all, push_one(s, lists_of(leaf)[i], b));
	return all;
}

const struct dd *dd_sequence(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	struct question q = { .a = a, .b = b, .what = ASK_SEQUENCE };
	const struct dd *known;
	bool straight = true;
	struct vec edges = VEC(struct edge);

	if (s->why || !a || !b)
		return NULL;
	if (b == s->all || a == s->none)
		return a;
	if (a->predicate)
		return dd_if(s, a, b, s->none);
	known = space_recall(s, &q);
	if (known)
		return known;
	if (is_leaf(a))
		return space_keep(s, &q, push_leaf(s, a, b));
	for (uint32_t i = 0; i < a->n; i++) {
		const struct dd *to = dd_sequence(s, edges_of(a)[i].to, b);

		if (!to) {
			vec_free(&edges);
			return NULL;
		}
		straight &= to->field > a->field;
		node_add(&edges, edges_of(a)[i].last, to);
	}
	if (straight)
		return space_keep(s, &q, node_make(s, a->field, &edges));
	known = choose(s, a->field, edges.data, edges.len);
	vec_free(&edges);
	return space_keep(s, &q, known);
}

/*
 * Each round is the one before twice: so many steps that no packet takes them without being
 * somewhere twice.
 */
const struct dd *dd_star(struct dd_space *s, const struct dd *a)
{
	const struct dd *all = dd_union(s, dd_all(s), a), *before;

	do {
		before = all;
		all = dd_sequence(s, before, before);
	} while (all && all != before);
	return all;
}

/* ---- restriction ----------------------------------------------------- */

static const struct dd *restrict_to(struct dd_space *s, const struct dd *a, unsigned int field,
				    dd_value value)
{
	struct question q = { .a = a, .value = value, .what = ASK_RESTRICT | field << 8 };
	struct vec edges = VEC(struct edge);
	const struct dd *known;

	if (a->field >= field)
		return node_drop(s, a->field == field ? node_next(a, value) : a, field, value);
	known = space_recall(s, &q);
	if (known)
		return known;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct dd *to = restrict_to(s, edges_of(a)[i].to, field, value);

		if (!to) {
			vec_free(&edges);
			return NULL;
		}
		node_add(&edges, edges_of(a)[i].last, to);
	}
	return space_keep(s, &q, node_make(s, a->field, &edges));
}

const struct dd *dd_restrict(struct dd_space *s, const struct dd *a, unsigned int field,
			     dd_value value)
{
	assert(field < s->fields && value <= s->field[field].last);
	return !a || s->why ? NULL : restrict_to(s, a, field, value);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * merge.c: two or three diagrams put together value by value: union, first match, intersection,
 * difference, if.
 *
 * All of them walk their diagrams side by side, field by field, cut each field's values where an
 * edge of either ends, and ask leaves in the end; what was asked before is remembered (Bryant's apply).
 *
 * Union, first match and "if" may look at leaves as they are written. Those that compare copies
 * may not: "vlan := 12" and "as it is" are two copies in general, and one where vlan is 12.
 * They cut at assigned values, too (node_split); behind that, what is written alike is alike.
 */
#include "dd/space.h"

#include <assert.h>

static const struct dd *merge_leaves(struct dd_space *s, enum question_kind op, const struct dd *a,
				     const struct dd *b)
{
	switch (op) {
	case ASK_UNION:
		return leaf_union(s, a, b);
	case ASK_FIRST:
		return a != s->none ? a : b;
	case ASK_INTERSECTION:
		return leaf_intersection(s, a, b);
	case ASK_DIFFERENCE:
		return leaf_difference(s, a, b);
	case ASK_DIFFER:
		return a != b ? s->all : s->none;
	default:
		assert(0);
		return NULL;
	}
}

static bool compares(enum question_kind op)
{
	return op == ASK_INTERSECTION || op == ASK_DIFFERENCE || op == ASK_DIFFER;
}

/* What needs no walk; NULL: it does. */
static const struct dd *merge_at_once(const struct dd_space *s, enum question_kind op,
				      const struct dd *a, const struct dd *b)
{
	switch (op) {
	case ASK_UNION:
		return a == b || b == s->none ? a : a == s->none ? b : NULL;
	case ASK_FIRST:
		return a == b || b == s->none ? a : a == s->none ? b :
		       a == s->all ? a : NULL;
	case ASK_INTERSECTION:
		return a == b || a == s->none ? a : b == s->none ? b : NULL;
	case ASK_DIFFERENCE:
		return a == b ? s->none : a == s->none || b == s->none ? a : NULL;
	case ASK_DIFFER:
		return a == b ? s->none : NULL;
	default:
		return NULL;
	}
}

/* The next field, from @from on, at which either must be cut; LEAF: none. */
static unsigned int next_field(enum question_kind op, const struct dd *a, const struct dd *b,
			       unsigned int from)
{
	unsigned int field = a->field < b->field ? a->field : b->field;
	uint64_t assigned = from < 64 ? (a->assigned | b->assigned) >> from << from : 0;

	if (compares(op) && assigned && (unsigned int)__builtin_ctzll(assigned) < field)
		field = __builtin_ctzll(assigned);
	return field;
}

/* The edges of @d at @field; a diagram that asks later ones has one. */
static bool cut(struct dd_space *s, const struct dd *d, unsigned int field, bool exactly,
		struct vec *edges)
{
	struct edge whole = { s->field[field].last, d };

	if (exactly)
		return node_split(s, d, field, edges);
	if (d->field != field)
		vec_append(edges, &whole);
	else
		for (uint32_t i = 0; i < d->n; i++)
			vec_append(edges, &edges_of(d)[i]);
	return true;
}

/* @from: fields before it are done. */
static const struct dd *merge(struct dd_space *s, enum question_kind op, const struct dd *a,
			      const struct dd *b, unsigned int from)
{
	struct vec left = VEC(struct edge), right = VEC(struct edge), edges = VEC(struct edge);
	const struct dd *known = merge_at_once(s, op, a, b), *to;
	unsigned int field = next_field(op, a, b, from);
	struct question q = { .a = a, .b = b, .what = op | (uint64_t)field << 8 };
	const struct edge *x, *y;

	if (s->why || known)
		return s->why ? NULL : known;
	if (field == LEAF)
		return merge_leaves(s, op, a, b);
	known = space_recall(s, &q);
	if (known)
		return known;
	if (!cut(s, a, field, compares(op), &left) || !cut(s, b, field, compares(op), &right))
		goto out;
	x = left.data;
	y = right.data;
	for (;;) {
		dd_value last = x->last < y->last ? x->last : y->last;

		to = merge(s, op, x->to, y->to, field + 1);
		if (!to)
			goto out;
		node_add(&edges, last, to);
		if (last == s->field[field].last)
			break;
		x += x->last == last;
		y += y->last == last;
	}
	known = space_keep(s, &q, node_make(s, field, &edges));
out:
	vec_free(&left);
	vec_free(&right);
	vec_free(&edges);
	return known;
}

static const struct dd *merge_all(struct dd_space *s, enum question_kind op, const struct dd *a,
				  const struct dd *b)
{
	return a && b ? merge(s, op, a, b, 0) : NULL;
}

/* Union and intersection are asked one way round only. */
static const struct dd *merge_either(struct dd_space *s, enum question_kind op, const struct dd *a,
				     const struct dd *b)
{
	return a < b ? merge_all(s, op, a, b) : merge_all(s, op, b, a);
}

const struct dd *dd_union(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	return merge_either(s, ASK_UNION, a, b);
}

const struct dd *dd_intersection(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	return merge_either(s, ASK_INTERSECTION, a, b);
}

const struct dd *dd_first(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	return merge_all(s, ASK_FIRST, a, b);
}

const struct dd *dd_difference(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	return merge_all(s, ASK_DIFFERENCE, a, b);
}

const struct dd *dd_differ(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	return merge_either(s, ASK_DIFFER, a, b);
}

/* ---- if -------------------------------------------------------------- */

/* Where @d's edge ends that has @value, at @field. */
static dd_value edge_end(const struct dd_space *s, const struct dd *d, unsigned int field,
			 uint32_t *at, const struct dd **to)
{
	if (d->field != field) {
		*to = d;
		return s->field[field].last;
	}
	*to = edges_of(d)[*at].to;
	return edges_of(d)[*at].last;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

const struct dd *dd_if(struct dd_space *s, const struct dd *p, const struct dd *a,
		       const struct dd *b)
{
	struct question q = { .a = p, .b = a, .c = b, .what = ASK_IF };
	struct vec edges = VEC(struct edge);
	const struct dd *known, *to[3];
	uint32_t at[3] = { 0 };
	unsigned int field;

	if (s->why || !p || !a || !b)
		return NULL;
	assert(p->predicate);
	if (a == b || p == s->all)
		return a;
	if (p == s->none)
		return b;
	if (a == s->all && b == s->none)
		return p;
	known = space_recall(s, &q);
	if (known)
		return known;
	field = least(p->field, least(a->field, b->field));
	for (;;) {
		dd_value last[3] = {
			edge_end(s, p, field, &at[0], &to[0]),
			edge_end(s, a, field, &at[1], &to[1]),
			edge_end(s, b, field, &at[2], &to[2]),
		};
		dd_value next = last[0] < last[1] ? last[0] : last[1];
		const struct dd *one = dd_if(s, to[0], to[1], to[2]);

		if (!one)
			goto out;
		if (last[2] < next)
			next = last[2];
		node_add(&edges, next, one);
		if (next == s->field[field].last)
			break;
		for (unsigned int i = 0; i < 3; i++)
			at[i] += last[i] == next;
	}
	known = space_keep(s, &q, node_make(s, field, &edges));
out:
	vec_free(&edges);
	return known;
}

const struct dd *dd_not(struct dd_space *s, const struct dd *p)
{
	return dd_if(s, p, s->none, s->all);
}

/* ---- one diagram, leaf by leaf --------------------------------------- */

static const struct dd *map(struct dd_space *s, enum question_kind op, const struct dd *a)
{
	struct question q = { .a = a, .what = op };
	struct vec edges = VEC(struct edge);
	const struct dd *known;

	if (!a || s->why)
		return NULL;
	if (op == ASK_MEANING && !a->sourced)
		return a;
	if (is_leaf(a)) {
		if (op == ASK_MEANING)
			return leaf_meaning(s, a);
		return a == s->none ? a : s->all;
	}
	known = space_recall(s, &q);
	if (known)
		return known;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct dd *to = map(s, op, edges_of(a)[i].to);

		if (!to) {
			vec_free(&edges);
			return NULL;
		}
		node_add(&edges, edges_of(a)[i].last, to);
	}
	return space_keep(s, &q, node_make(s, a->field, &edges));
}

const struct dd *dd_meaning(struct dd_space *s, const struct dd *a)
{
	return map(s, ASK_MEANING, a);
}

const struct dd *dd_domain(struct dd_space *s, const struct dd *a)
{
	return map(s, ASK_DOMAIN, a);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * node.c: nodes, and why equal meanings are one pointer.
 *
 * A node asks one field. Its edges are intervals of values, sorted, that cover the field's
 * domain; each leads to a diagram that asks later fields only. Two neighbours never lead to the same
 * place, a node has at least two edges, and no two nodes are alike. For predicates that is all, and is
 * Bryant's argument (1986) with intervals for bits.
 *
 * Assignments make it harder. Where vlan is known to be 12, "vlan := 12" does nothing: the two leaves
 *
 *	vlan				vlan
 *	    0-11	vlan := 12	    0-11	vlan := 12
 *	    12		id		    12		vlan := 12
 *	    13-		vlan := 12	    13-		vlan := 12
 *
 * are one function written twice, and the right-hand one is no node at all, but a leaf. Smolka et al.
 * (ICFP 2015) leave it at that, and compare by other means. Here one of them is chosen, always the
 * same:
 *
 * 1. For a node of field f let g(v), for every value v, be the diagram below it in which f := v is
 *    left out (node_drop): what the packet comes to if f was v, said in one way only. Two nodes of f
 *    mean the same exactly if they have the same g; by induction from the leaves upwards, "the same
 *    g(v)" is "the same pointer". g is constant but for the edges' borders and the values that are assigned.
 * 2. From g alone the edges are made by a fixed procedure: runs of values with the same g are
 *    pieces. Then, from left to right, a piece of one value v is taken into its left neighbour if
 *    that one's diagram, with f := v left out, is g(v); and once more from right to left into the right one.
 *    The procedure looks at nothing but g: equal functions get equal edges.
 *
 * What is left is a diagram that asks later fields only, and stands where f could be asked: it must be
 * what step 2 comes to. If some value u of f is never assigned in it, then g(u) is the diagram itself,
 * the values beside u are taken into it from both sides, and it is. So one value of each field must
 * stay that nothing assigns, and dd_assign() sees to it. Values on the way to u are not taken
 * together by each other: the diagram of one still assigns the other, whose own does not.
 *
 * What this does not do: it knows nothing of fields that depend on one another. If no packet has
 * port 80 without being TCP or UDP, the caller compares "possible; a" with "possible; b".
 */
#include "dd/space.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes are there once -------------------------------------------- */

struct node_key {
	unsigned int field;
	const struct edge *edge;
	uint32_t n;
};

static bool same_node(const void *there, const void *key)
{
	const struct node_key *k = key;
	const struct dd *d = there;

	if (d->field != k->field || d->n != k->n)
		return false;
	for (uint32_t i = 0; i < d->n; i++)
		if (edges_of(d)[i].last != k->edge[i].last || edges_of(d)[i].to != k->edge[i].to)
			return false;
	return true;
}

static uint32_t hash_node(const struct node_key *k)
{
	uint64_t h = k->field;

	/* Edges have holes between their members. */
	for (uint32_t i = 0; i < k->n; i++) {
		uint64_t one[4] = { h, k->edge[i].last, k->edge[i].last >> 64,
				    (uintptr_t)k->edge[i].to };

		h = hash_bytes(one, sizeof(one));
	}
	return h ^ h >> 32;
}

static const struct dd *find_or_add(struct dd_space *s, unsigned int field, const struct vec *edges)
{
	struct node_key key = { field, edges->data, edges->len };
	uint32_t hash = hash_node(&key);
	struct dd *d;

	d = unique_find(&s->nodes, hash, same_node, &key);
	if (d)
		return d;
	d = space_alloc(s, sizeof(*d) + key.n * sizeof(*key.edge));
	if (!d)
		return NULL;
	*d = (struct dd){ .hash = hash, .n = key.n, .field = field, .predicate = true };
	memcpy(d + 1, key.edge, key.n * sizeof(*key.edge));
	for (uint32_t i = 0; i < key.n; i++) {
		d->assigned |= key.edge[i].to->assigned;
		d->predicate &= key.edge[i].to->predicate;
		d->sourced |= key.edge[i].to->sourced;
	}
	unique_add(&s->nodes, d);
	return d;
}

const struct dd *node_next(const struct dd *node, dd_value value)
{
	const struct edge *edge = edges_of(node);
	uint32_t low = 0, high = node->n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (value <= edge[middle].last)
			high = middle;
		else
			low = middle + 1;
	}
	return edge[low].to;
}

void node_add(struct vec *edges, dd_value last, const struct dd *to)
{
	struct edge *before = edges->len ? vec_at(edges, edges->len - 1) : NULL;

	if (before && before->to == to) {
		before->last = last;
		return;
	}
	before = vec_push(edges);
	before->last = last;
	before->to = to;
}

/* ---- assignments that do nothing ------------------------------------- */

static bool assigns(const struct dd *d, unsigned int field)
{
	return d->assigned >> field & 1;
}

struct values {
	size_t n;
	dd_value value[];	/* sorted, none twice */
};

static int compare_values(const void *a, const void *b)
{
	const dd_value *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What is assigned to @field somewhere below @d. NULL: refused. */
static const struct values *values_of(struct dd_space *s, const struct dd *d, unsigned int field)
{
	struct question q = { .a = d, .what = ASK_VALUES | field << 8 };
	const struct values *known = space_recall(s, &q), *below;
	struct vec all = VEC(dd_value);
	struct values *v;
	dd_value value;
	size_t n = 0;

	if (known)
		return known;
	for (uint32_t i = 0; i < d->n; i++) {
		if (is_leaf(d)) {
			if (list_assigns(&lists_of(d)[i]->says, field, &value))
				vec_append(&all, &value);
			continue;
		}
		if (!assigns(edges_of(d)[i].to, field))
			continue;
		below = values_of(s, edges_of(d)[i].to, field);
		for (size_t j = 0; below && j < below->n; j++)
			vec_append(&all, &below->value[j]);
	}
	if (all.len) {
		dd_value *at = all.data;

		qsort(at, all.len, sizeof(*at), compare_values);
		for (size_t i = 0; i < all.len; i++)
			if (!n || at[n - 1] != at[i])
				at[n++] = at[i];
	}
	v = space_alloc(s, sizeof(*v) + n * sizeof(value));
	if (v) {
		v->n = n;
		if (n)
			memcpy(v->value, all.data, n * sizeof(value));
	}
	vec_free(&all);
	return space_keep(s, &q, v);
}

const struct dd *node_drop(struct dd_space *s, const struct dd *d, unsigned int field,
			   dd_value value)
{
	struct question q = { .a = d, .value = value, .what = ASK_DROP | field << 8 };
	struct vec edges = VEC(struct edge);
	const struct dd *known;

	if (!assigns(d, field))
		return d;
	known = space_recall(s, &q);
	if (known)
		return known;
	if (is_leaf(d))
		return space_keep(s, &q, leaf_drop(s, d, field, value));
	for (uint32_t i = 0; i < d->n; i++) {
		const struct dd *to = node_drop(s, edges_of(d)[i].to, field, value);

		if (!to) {
			vec_free(&edges);
			return NULL;
		}
		node_add(&edges, edges_of(d)[i].last, to);
	}
	return space_keep(s, &q, node_make(s, d->field, &edges));
}

/* One edge, from @first on, in pieces: g of the essay. */
static bool split_edge(struct dd_space *s, unsigned int field, dd_value first,
		       const struct edge *edge, struct vec *out)
{
	const struct values *v = values_of(s, edge->to, field);
	const struct dd *known;

	if (!v)
		return false;
	for (size_t i = 0; i < v->n && v->value[i] <= edge->last; i++) {
		if (v->value[i] < first)
			continue;
		known = node_drop(s, edge->to, field, v->value[i]);
		if (!known)
			return false;
		if (v->value[i] > first)
			node_add(out, v->value[i] - 1, edge->to);
		node_add(out, v->value[i], known);
		if (v->value[i] == edge->last)
			return true;
		first = v->value[i] + 1;
	}
	node_add(out, edge->last, edge->to);
	return true;
}

static bool split_edges(struct dd_space *s, unsigned int field, const struct edge *edge, size_t n,
			struct vec *out)
{
	dd_value first = 0;

	for (size_t i = 0; i < n; i++) {
		if (!assigns(edge[i].to, field))
			node_add(out, edge[i].last, edge[i].to);
		else if (!split_edge(s, field, first, &edge[i], out))
			return false;
		first = edge[i].last + 1;
	}
	return true;
}

bool node_split(struct dd_space *s, const struct dd *d, unsigned int field, struct vec *out)
{
	struct edge whole = { s->field[field].last, d };

	if (d->field == field)
		return split_edges(s, field, edges_of(d), d->n, out);
	return split_edges(s, field, &whole, 1, out);
}

/*
 * Whether @d, beside a piece of the one value @v, has all that leads to @g there. False, too, if
 * refused.
 */
static bool takes_in(struct dd_space *s, const struct dd *d, unsigned int field, dd_value v,
		     const struct dd *g)
{
	return assigns(d, field) && node_drop(s, d, field, v) == g;
}

/* Single values go into their left neighbours where they can. */
static void join_left(struct dd_space *s, unsigned int field, struct vec *pieces)
{
	struct edge *e = pieces->data;
	size_t n = 1;

	for (size_t i = 1; i < pieces->len; i++) {
		bool single = e[i].last == e[i - 1].last + 1;

		if (e[n - 1].to == e[i].to ||
		    (single && takes_in(s, e[n - 1].to, field, e[i].last, e[i].to))) {
			e[n - 1].last = e[i].last;
		} else {
			e[n++] = e[i];
		}
	}
	pieces->len = n;
}

/* And into their right ones. An edge lies from behind the last value of the one before. */
static void join_right(struct dd_space *s, unsigned int field, struct vec *pieces)
{
	struct vec kept = VEC(struct edge);
	struct edge *e = pieces->data;
	size_t n = 0;

	for (size_t i = pieces->len; i-- > 0; ) {
		struct edge *right = n ? vec_at(&kept, n - 1) : NULL;
		bool single = i ? e[i].last == e[i - 1].last + 1 : e[i].last == 0;

		if (right && (right->to == e[i].to ||
			      (single && takes_in(s, right->to, field, e[i].last, e[i].to))))
			continue;
		vec_append(&kept, &e[i]);
		n++;
	}
	for (size_t i = 0; i < n; i++)
		e[i] = *(struct edge *)vec_at(&kept, n - 1 - i);
	pieces->len = n;
	vec_free(&kept);
}

/* ---- making them ----------------------------------------------------- */

static bool some_assigns(const struct vec *edges, unsigned int field)
{
	const struct edge *e = edges->data;

	for (size_t i = 0; i < edges->len; i++)
		if (assigns(e[i].to, field))
			return true;
	return false;
}

const struct dd *node_make(struct dd_space *s, unsigned int field, struct vec *edges)
{
	struct vec pieces = VEC(struct edge);
	const struct dd *d = NULL;
	const struct edge *e;

	if (s->why)
		goto out;
	if (some_assigns(edges, field)) {
		if (!split_edges(s, field, edges->data, edges->len, &pieces))
			goto out;
		vec_free(edges);
		*edges = pieces;
		pieces = VEC(struct edge);
		join_left(s, field, edges);
		join_right(s, field, edges);
	}
	e = edges->data;
	assert(e[edges->len - 1].last == s->field[field].last);
	d = edges->len == 1 ? e[0].to : find_or_add(s, field, edges);
out:
	vec_free(edges);
	vec_free(&pieces);
	return s->why ? NULL : d;
}

/* ---- what there is at the beginning ---------------------------------- */

const struct dd *dd_none(struct dd_space *s)
{
	return s->why ? NULL : s->none;
}

const struct dd *dd_all(struct dd_space *s)
{
	return s->why ? NULL : s->all;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct dd_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

const struct dd *dd_test_ranges(struct dd_space *s, unsigned int field,
				const struct dd_range *ranges, size_t n)
{
	dd_value end = s->field[field].last, next = 0;
	struct vec edges = VEC(struct edge);
	struct dd_range *r;

	if (s->why)
		return NULL;
	r = xcalloc(n, sizeof(*r));
	if (n)
		memcpy(r, ranges, n * sizeof(*r));
	qsort(r, n, sizeof(*r), compare_ranges);
	/* @next: the first value that is not yet covered; a last edge ends the walk. */
	for (size_t i = 0; i < n; i++) {
		assert(r[i].first <= r[i].last && r[i].last <= end);
		if (edges.len && r[i].last < next)
			continue;
		if (r[i].first > next)
			node_add(&edges, r[i].first - 1, s->none);
		node_add(&edges, r[i].last, s->all);
		if (r[i].last == end)
			break;
		next = r[i].last + 1;
	}
	if (!edges.len || ((struct edge *)vec_at(&edges, edges.len - 1))->last < end)
		node_add(&edges, end, s->none);
	free(r);
	return node_make(s, field, &edges);
}

const struct dd *dd_test(struct dd_space *s, unsigned int field, dd_value first, dd_value last)
{
	struct dd_range range = { first, last };

	return dd_test_ranges(s, field, &range, 1);
}

static const struct dd *leaf_of(struct dd_space *s, const struct dd_list *says)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d = NULL;

	if (!s->why && leaf_add(s, &lists, says))
		d = leaf_make(s, &lists);
	vec_free(&lists);
	return d;
}

/* Whether a value is left that nothing assigns. Nobody assigns all of a large field. */
static bool stays_free(struct dd_space *s, const struct dd_assignment *a)
{
	struct { uint64_t field, value; } key = { a->field, a->value };
	bool fresh;

	if (s->field[a->field].last >= 65536)
		return true;
	table_put(&s->assigned, &key, &fresh);
	s->values_assigned[a->field] += fresh;
	if (s->values_assigned[a->field] <= s->field[a->field].last)
		return true;
	space_refuse(s, "every value of %s is assigned somewhere: one must stay that is not",
		     s->field[a->field].name);
	return false;
}

const struct dd *dd_assign(struct dd_space *s, unsigned int field, dd_value value)
{
	struct dd_assignment a = { field, value };

	assert(value <= s->field[field].last);
	if (!stays_free(s, &a))
		return NULL;
	return leaf_of(s, &(struct dd_list){ .assignments = 1, .assignment = &a });
}

const struct dd *dd_mark(struct dd_space *s, uint32_t number)
{
	return leaf_of(s, &(struct dd_list){ .marks = 1, .mark = &number });
}

bool dd_is_predicate(const struct dd *a)
{
	return a && a->predicate;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * leaf.c: action lists, and the sets of them that leaves are.
 *
 * A list is one copy of the packet: what is assigned, by field, and the marks in the order they were
 * said. A list that is gone has marks alone: they were made, and then the packet was dropped.
 *
 * The marks of a copy that is gone say nothing new where another copy of the same leaf begins with the
 * same marks: "count" happened either way. Such lists are left out. That is what makes
 * count;(0 + r) the same as count;0 + count;r: leaves stand for sets of words that have all their
 * beginnings in them, and are written down by their longest ones.
 *
 * Lists and leaves are there once: equal ones are one pointer. A leaf's lists are sorted by what they
 * say, so that a dump does not depend on how the leaf came about.
 */
#include "dd/space.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists ----------------------------------------------------------- */

static int compare_values(dd_value a, dd_value b)
{
	return a < b ? -1 : a > b;
}

static int compare_assignments(const struct dd_list *a, const struct dd_list *b)
{
	for (unsigned int i = 0; i < a->assignments && i < b->assignments; i++) {
		const struct dd_assignment *x = &a->assignment[i], *y = &b->assignment[i];

		if (x->field != y->field)
			return x->field < y->field ? -1 : 1;
		if (x->value != y->value)
			return compare_values(x->value, y->value);
	}
	return (int)a->assignments - (int)b->assignments;
}

static int compare_says(const struct dd_list *a, const struct dd_list *b)
{
	int order;

	if (a->gone != b->gone)
		return a->gone ? 1 : -1;
	order = compare_assignments(a, b);
	for (unsigned int i = 0; !order && i < a->marks && i < b->marks; i++)
		order = compare_values(a->mark[i], b->mark[i]);
	return order ? order : (int)a->marks - (int)b->marks;
}

static bool same_list(const void *there, const void *key)
{
	return compare_says(&((const struct list *)there)->says, key) == 0;
}

static uint32_t hash_list(const struct dd_list *l)
{
	uint64_t h = l->gone;

	/* Assignments have holes between their members. */
	for (unsigned int i = 0; i < l->assignments; i++) {
		uint64_t one[4] = { h, l->assignment[i].field, l->assignment[i].value,
				    l->assignment[i].value >> 64 };

		h = hash_bytes(one, sizeof(one));
	}
	h ^= hash_bytes(l->mark, l->marks * sizeof(*l->mark));
	return h ^ h >> 32;
}

static const struct list *make_list(struct dd_space *s, const struct dd_list *says)
{
	size_t assignments = says->assignments * sizeof(*says->assignment);
	size_t marks = says->marks * sizeof(*says->mark);
	uint32_t hash = hash_list(says);
	struct dd_assignment *assignment;
	struct list *l;

	l = unique_find(&s->lists, hash, same_list, says);
	if (l)
		return l;
	if (says->marks > MARKS_MAX) {
		space_refuse(s, "a packet is marked more than %u times: marks in a loop have no end",
			     MARKS_MAX);
		return NULL;
	}
	assignment = space_alloc(s, assignments + sizeof(*l) + marks);
	if (!assignment)
		return NULL;
	l = (struct list *)((char *)assignment + assignments);
	*l = (struct list){ .hash = hash, .says = *says };
	l->says.assignment = assignment;
	l->says.mark = (uint32_t *)(l + 1);
	if (assignments)
		memcpy(assignment, says->assignment, assignments);
	if (marks)
		memcpy(l + 1, says->mark, marks);
	unique_add(&s->lists, l);
	return l;
}

bool leaf_add(struct dd_space *s, struct vec *leaf, const struct dd_list *says)
{
	const struct list *l = make_list(s, says);

	if (l)
		vec_append(leaf, &l);
	return l;
}

bool list_assigns(const struct dd_list *says, unsigned int field, dd_value *value)
{
	for (unsigned int i = 0; i < says->assignments; i++) {
		if (says->assignment[i].field != field)
			continue;
		*value = says->assignment[i].value;
		return true;
	}
	return false;
}

/* Both are sorted by field; of a field that both assign, @then has the last word. */
static unsigned int join_assignments(const struct dd_list *first, const struct dd_list *then,
				     struct dd_assignment *out)
{
	unsigned int i = 0, j = 0, n = 0;

	while (i < first->assignments || j < then->assignments) {
		if (j == then->assignments || (i < first->assignments &&
		    first->assignment[i].field < then->assignment[j].field)) {
			out[n++] = first->assignment[i++];
			continue;
		}
		if (i < first->assignments &&
		    first->assignment[i].field == then->assignment[j].field)
			i++;
		out[n++] = then->assignment[j++];
	}
	return n;
}

bool list_join(struct dd_space *s, const struct dd_list *first, const struct dd_list *then,
	       struct vec *leaf)
{
	struct dd_assignment assignment[DD_FIELDS_MAX];
	uint32_t *mark = xcalloc(first->marks + then->marks, sizeof(*mark));
	struct dd_list both = { .gone = then->gone, .assignment = assignment, .mark = mark };
	bool added;

	if (!then->gone)
		both.assignments = join_assignments(first, then, assignment);
	both.marks = first->marks + then->marks;
	if (first->marks)
		memcpy(mark, first->mark, first->marks * sizeof(*mark));
	if (then->marks)
		memcpy(mark + first->marks, then->mark, then->marks * sizeof(*mark));
	added = leaf_add(s, leaf, &both);
	free(mark);
	return added;
}

bool list_end(struct dd_space *s, const struct dd_list *says, struct vec *leaf)
{
	struct dd_list gone = { .gone = true, .marks = says->marks, .mark = says->mark };

	return !says->marks || leaf_add(s, leaf, &gone);
}

/* ---- leaves ---------------------------------------------------------- */

struct leaf_key {
	const struct list *const *list;
	uint32_t n;
};

static bool same_leaf(const void *there, const void *key)
{
	const struct leaf_key *k = key;
	const struct dd *d = there;

	return d->field == LEAF && d->n == k->n &&
	       (!k->n || !memcmp(lists_of(d), k->list, k->n * sizeof(*k->list)));
}

static int compare_lists(const void *a, const void *b)
{
	const struct list *x = *(const struct list *const *)a, *y = *(const struct list *const *)b;

	return x == y ? 0 : compare_says(&x->says, &y->says);
}

static bool begins_with(const struct dd_list *l, const struct dd_list *beginning)
{
	return l->marks >= beginning->marks &&
	       !memcmp(l->mark, beginning->mark, beginning->marks * sizeof(*l->mark));
}

/* By their words; of equal ones those that are gone first. */
static int compare_words(const void *a, const void *b)
{
	const struct dd_list *x = &(*(const struct list *const *)a)->says;
	const struct dd_list *y = &(*(const struct list *const *)b)->says;
	int order = 0;

	for (unsigned int i = 0; !order && i < x->marks && i < y->marks; i++)
		order = compare_values(x->mark[i], y->mark[i]);
	if (!order)
		order = (int)x->marks - (int)y->marks;
	return order ? order : y->gone - x->gone;
}

/*
 * Leaves out those that are gone whose words others begin with. Words that begin with one stand right
 * behind it in the order of words.
 */
static size_t leave_out_idle(const struct list **list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), compare_words);
	for (size_t i = 0; i < n; i++)
		if (!list[i]->says.gone || i + 1 == n ||
		    !begins_with(&list[i + 1]->says, &list[i]->says))
			list[kept++] = list[i];
	return kept;
}

/* Sorted, none twice, nothing said twice. Those that are gone are sorted behind the others. */
static void tidy(struct vec *lists)
{
	const struct list **list = lists->data;
	size_t n = 0;

	if (lists->len < 2)
		return;
	qsort(list, lists->len, sizeof(*list), compare_lists);
	for (size_t i = 0; i < lists->len; i++)
		if (!n || list[n - 1] != list[i])
			list[n++] = list[i];
	if (list[n - 1]->says.gone) {
		n = leave_out_idle(list, n);
		qsort(list, n, sizeof(*list), compare_lists);
	}
	lists->len = n;
}

static bool is_sourced(const struct dd_list *says)
{
	for (unsigned int i = 0; i < says->marks; i++)
		if (says->mark[i] >= DD_SOURCE)
			return true;
	return false;
}

const struct dd *leaf_make(struct dd_space *s, struct vec *lists)
{
	struct leaf_key key;
	uint64_t h;
	struct dd *d;

	tidy(lists);
	key = (struct leaf_key){ .list = lists->data, .n = lists->len };
	h = key.n ? hash_bytes(key.list, key.n * sizeof(*key.list)) : 1;
	h ^= h >> 32;
	d = unique_find(&s->nodes, h, same_leaf, &key);
	if (d)
		return d;
	d = space_alloc(s, sizeof(*d) + key.n * sizeof(*key.list));
	if (!d)
		return NULL;
	*d = (struct dd){ .hash = h, .n = key.n, .field = LEAF, .predicate = true };
	if (key.n)
		memcpy(d + 1, key.list, key.n * sizeof(*key.list));
	for (uint32_t i = 0; i < key.n; i++) {
		const struct dd_list *l = &key.list[i]->says;

		for (unsigned int j = 0; j < l->assignments; j++)
			d->assigned |= 1ull << l->assignment[j].field;
		d->predicate &= !l->assignments && !l->marks;
		d->sourced |= is_sourced(l);
	}
	unique_add(&s->nodes, d);
	return d;
}

static void add_all(struct vec *lists, const struct dd *leaf)
{
	for (uint32_t i = 0; i < leaf->n; i++)
		vec_append(lists, &lists_of(leaf)[i]);
}

const struct dd *leaf_union(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d;

	add_all(&lists, a);
	add_all(&lists, b);
	d = leaf_make(s, &lists);
	vec_free(&lists);
	return d;
}

/* The marks that both begin with were made in either leaf, whatever became of the packet then. */
static bool add_common_marks(struct dd_space *s, const struct dd_list *a, const struct dd_list *b,
			     struct vec *lists)
{
	struct dd_list common = { .gone = true, .mark = a->mark };

	while (common.marks < a->marks && common.marks < b->marks &&
	       a->mark[common.marks] == b->mark[common.marks])
		common.marks++;
	return !common.marks || leaf_add(s, lists, &common);
}

const struct dd *leaf_intersection(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d = NULL;

	for (uint32_t i = 0; i < a->n; i++) {
		for (uint32_t j = 0; j < b->n; j++) {
			const struct list *x = lists_of(a)[i], *y = lists_of(b)[j];

			if (x == y)
				vec_append(&lists, &x);
			else if (!add_common_marks(s, &x->says, &y->says, &lists))
				goto out;
		}
	}
	d = leaf_make(s, &lists);
out:
	vec_free(&lists);
	return d;
}

static bool has(const struct dd *leaf, const struct list *l)
{
	for (uint32_t i = 0; i < leaf->n; i++)
		if (lists_of(leaf)[i] == l ||
		    (l->says.gone && begins_with(&lists_of(leaf)[i]->says, &l->says)))
			return true;
	return false;
}

const struct dd *leaf_difference(struct dd_space *s, const struct dd *a, const struct dd *b)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d;

	for (uint32_t i = 0; i < a->n; i++)
		if (!has(b, lists_of(a)[i]))
			vec_append(&lists, &lists_of(a)[i]);
	d = leaf_make(s, &lists);
	vec_free(&lists);
	return d;
}

/* ---- leaves with something taken out --------------------------------- */

const struct dd *leaf_drop(struct dd_space *s, const struct dd *leaf, unsigned int field,
			   dd_value value)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d = NULL;

	for (uint32_t i = 0; i < leaf->n; i++) {
		struct dd_list says = lists_of(leaf)[i]->says;
		struct dd_assignment rest[DD_FIELDS_MAX];
		unsigned int n = 0;

		for (unsigned int j = 0; j < says.assignments; j++)
			if (says.assignment[j].field != field || says.assignment[j].value != value)
				rest[n++] = says.assignment[j];
		says.assignment = rest;
		says.assignments = n;
		if (!leaf_add(s, &lists, &says))
			goto out;
	}
	d = leaf_make(s, &lists);
out:
	vec_free(&lists);
	return d;
}

const struct dd *leaf_meaning(struct dd_space *s, const struct dd *leaf)
{
	struct vec lists = VEC(const struct list *);
	const struct dd *d = NULL;

	for (uint32_t i = 0; i < leaf->n; i++) {
		struct dd_list says = lists_of(leaf)[i]->says;
		uint32_t rest[MARKS_MAX];
		unsigned int n = 0;

		for (unsigned int j = 0; j < says.marks; j++)
			if (says.mark[j] < DD_SOURCE)
				rest[n++] = says.mark[j];
		says.mark = rest;
		says.marks = n;
		if (says.gone && !n)
			continue;
		if (!leaf_add(s, &lists, &says))
			goto out;
	}
	d = leaf_make(s, &lists);
out:
	vec_free(&lists);
	return d;
}

size_t dd_copies(const struct dd *leaf)
{
	return leaf->n;
}

const struct dd_list *dd_copy(const struct dd *leaf, size_t i)
{
	return &lists_of(leaf)[i]->says;
}

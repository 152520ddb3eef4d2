// SPDX-License-Identifier: GPL-2.0
#include "rules/forest.h"

#include <string.h>

#define DEPTH_MAX	130	/* of a path: a root, and 128 more prefixes */

static const struct prefix roots[FOREST_ROOTS] = {
	[FOREST_ROOT4] = { .addr.family = ADDR_V4 },
	[FOREST_ROOT6] = { .addr.family = ADDR_V6 },
};

static struct prefix_tree *tree_of(const struct forest *f, uint8_t family)
{
	return (struct prefix_tree *)&f->tree[family == ADDR_V6];
}

static uint32_t new_node(struct forest *f, const struct prefix *p)
{
	struct forest_node *n = vec_push(&f->nodes);

	n->prefix = *p;
	n->size = 1;
	n->count = 1;
	return f->nodes.len - 1;
}

void forest_init(struct forest *f)
{
	*f = (struct forest){
		.tree = { PREFIX_TREE_V4, PREFIX_TREE_V6 },
		.nodes = VEC(struct forest_node),
		.order = VEC(uint32_t),
		.numbered = VEC(uint32_t),
		.added = VEC(struct forest_added),
	};
	vec_push(&f->nodes);
	vec_push(&f->added);
	new_node(f, &roots[FOREST_NOT_IP]);
	forest_put(f, &roots[FOREST_ROOT4]);
	forest_put(f, &roots[FOREST_ROOT6]);
}

void forest_free(struct forest *f)
{
	prefix_tree_free(&f->tree[0]);
	prefix_tree_free(&f->tree[1]);
	vec_free(&f->nodes);
	vec_free(&f->order);
	vec_free(&f->numbered);
	vec_free(&f->added);
}

uint32_t forest_put(struct forest *f, const struct prefix *p)
{
	uint32_t *node = prefix_tree_put(tree_of(f, p->addr.family), p);

	if (!*node)
		*node = new_node(f, p);
	return *node;
}

uint32_t forest_get(const struct forest *f, const struct prefix *p)
{
	const uint32_t *node = prefix_tree_get(tree_of(f, p->addr.family), p);

	return node ? *node : 0;
}

/* ---- order, sizes, numbers ------------------------------------------------ */

/* The way down to the node before, in the order of a tree. */
struct path {
	struct forest *forest;
	uint32_t node[DEPTH_MAX];
	unsigned int depth;
};

static void take_node(void *user, const struct prefix *p, uint32_t node)
{
	struct path *path = user;
	struct forest *f = path->forest;
	struct forest_node *n = forest_node(f, node);

	while (path->depth &&
	       !prefix_contains(&forest_node(f, path->node[path->depth - 1])->prefix, p))
		path->depth--;
	n->parent = path->depth ? path->node[path->depth - 1] : 0;
	n->size = 1;
	path->node[path->depth++] = node;
	vec_append(&f->order, &node);
}

void forest_order(struct forest *f)
{
	uint32_t not_ip = FOREST_NOT_IP;

	f->order.len = 0;
	vec_reserve(&f->order, f->nodes.len);
	vec_append(&f->order, &not_ip);
	for (unsigned int v6 = 0; v6 < 2; v6++)
		prefix_tree_each(&f->tree[v6], take_node, &(struct path){ .forest = f });
	for (size_t i = f->order.len; i-- > 0;) {
		struct forest_node *n = forest_node(f, *(uint32_t *)vec_at(&f->order, i));

		if (n->parent)
			forest_node(f, n->parent)->size += n->size;
	}
}

static unsigned int band_of(const struct forest *f, const struct forest_node *n)
{
	unsigned int band = 0;

	if (n->parent)
		while (band + 1 < f->bands && n->size <= f->limit[band])
			band++;
	return band;
}

void forest_number(struct forest *f, unsigned int bands, const uint32_t *limit)
{
	uint32_t next[RULES_BANDS_MAX] = { 0 };
	uint32_t total = 0;

	f->bands = bands;
	if (bands > 1)
		memcpy(f->limit, limit, (bands - 1) * sizeof(*limit));
	for (size_t i = 0; i < f->order.len; i++) {
		struct forest_node *n = forest_node(f, *(uint32_t *)vec_at(&f->order, i));

		n->band = band_of(f, n);
		n->count = 1;
		n->added = 0;
		next[n->band]++;
	}
	f->added.len = 1;
	for (unsigned int b = 0; b < bands; b++) {
		uint32_t count = next[b];

		f->first[b] = next[b] = total;
		total += count;
	}
	f->first[bands] = total;
	vec_reserve(&f->numbered, total);
	f->numbered.len = total;
	for (size_t i = 0; i < f->order.len; i++) {
		uint32_t node = *(uint32_t *)vec_at(&f->order, i);
		struct forest_node *n = forest_node(f, node);

		n->number = next[n->band]++;
		*(uint32_t *)vec_at(&f->numbered, n->number) = node;
	}
	for (size_t i = f->order.len; i-- > 0;) {
		struct forest_node *n = forest_node(f, *(uint32_t *)vec_at(&f->order, i));

		if (n->parent && forest_node(f, n->parent)->band == n->band)
			forest_node(f, n->parent)->count += n->count;
	}
}

/* ---- questions ------------------------------------------------------------ */

static bool keep_last(void *user, uint8_t len, uint32_t value)
{
	(void)len;
	*(uint32_t *)user = value;
	return true;
}

static uint32_t longest(const struct forest *f, const struct prefix *p)
{
	uint32_t node = 0;

	prefix_tree_cover(tree_of(f, p->addr.family), p, keep_last, &node);
	return node;
}

uint32_t forest_class(const struct forest *f, const struct addr *a)
{
	struct prefix p = { .addr = *a, .len = addr_bits(a->family) };

	return a->family == ADDR_NONE ? FOREST_NOT_IP : longest(f, &p);
}

uint32_t forest_wide(const struct forest *f, uint32_t node)
{
	while (forest_node(f, node)->band)
		node = forest_node(f, node)->parent;
	return forest_node(f, node)->number;
}

void forest_chain(const struct forest *f, uint32_t node, uint32_t *number)
{
	for (unsigned int b = 0; b < f->bands; b++)
		number[b] = RULES_NONE;
	for (; node; node = forest_node(f, node)->parent) {
		const struct forest_node *n = forest_node(f, node);

		if (number[n->band] == RULES_NONE)
			number[n->band] = n->number;
	}
}

/* ---- additions ------------------------------------------------------------ */

static void note_added(struct forest *f, uint32_t node, uint32_t first, uint32_t count)
{
	struct forest_node *n = forest_node(f, node);
	struct forest_added more = { node, first, count, n->added };

	n->added = f->added.len;
	vec_append(&f->added, &more);
}

/* @node comes to stand over @kid. */
static void adopt(struct forest *f, uint32_t node, uint32_t kid)
{
	struct forest_node *k = forest_node(f, kid);

	k->parent = node;
	note_added(f, node, k->number, k->count);
	for (uint32_t i = k->added; i;) {
		struct forest_added *a = vec_at(&f->added, i);

		i = a->next;
		note_added(f, node, a->first, a->count);
	}
}

uint32_t forest_add(struct forest *f, const struct prefix *p)
{
	struct prefix_tree *tree = tree_of(f, p->addr.family);
	uint32_t parent = longest(f, p), node, below, band = f->bands - 1;
	struct prefix at = { 0 };
	struct forest_node *n;

	if (!band || f->numbered.len >= f->cap)
		return 0;
	while (prefix_tree_next(tree, p, &at, &below))
		if (forest_node(f, below)->band < band)
			return 0;
	node = forest_put(f, p);
	n = forest_node(f, node);
	n->parent = parent;
	n->band = band;
	n->number = f->numbered.len;
	vec_append(&f->numbered, &node);
	at.addr.family = ADDR_NONE;
	while (prefix_tree_next(tree, p, &at, &below))
		if (below != node && forest_node(f, below)->parent == parent)
			adopt(f, node, below);
	for (uint32_t a = parent; a && forest_node(f, a)->band == band; a = forest_node(f, a)->parent)
		note_added(f, a, forest_node(f, node)->number, 1);
	return node;
}

void forest_drop(struct forest *f)
{
	uint32_t node = f->nodes.len - 1, below;
	struct forest_node *n = forest_node(f, node);
	struct prefix_tree *tree = tree_of(f, n->prefix.addr.family);
	struct prefix at = { 0 };

	while (prefix_tree_next(tree, &n->prefix, &at, &below))
		if (forest_node(f, below)->parent == node)
			forest_node(f, below)->parent = n->parent;
	/* Its notes are the last: those on itself, then one on each node over it. */
	while (f->added.len > 1) {
		struct forest_added *a = vec_at(&f->added, f->added.len - 1);

		if (a->node != node && a->first != n->number)
			break;
		forest_node(f, a->node)->added = a->next;
		vec_pop(&f->added);
	}
	prefix_tree_del(tree, &n->prefix);
	vec_pop(&f->numbered);
	vec_pop(&f->nodes);
}

void forest_below(const struct forest *f, uint32_t node,
		  void (*visit)(void *user, uint32_t first, uint32_t count), void *user)
{
	const struct forest_node *n = forest_node(f, node);

	visit(user, n->number, n->count);
	for (uint32_t i = n->added; i;) {
		const struct forest_added *a = vec_at(&f->added, i);

		visit(user, a->first, a->count);
		i = a->next;
	}
}

// SPDX-License-Identifier: GPL-2.0
#include "network/kinds.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "policy/tree.h"

/* A route of a node: they are sorted by prefix, so that what contains a prefix stands before it. */
struct placed {
	const struct policy_static *route;
	unsigned int node;
};

/* A prefix around the one that is being looked at, and the routes in it. */
struct level {
	struct prefix prefix;
	const struct policy_static **route;	/* by node */
	struct addr free;			/* the first address that no longer prefix has had so far */
	bool full;				/* there is none */
	bool found;				/* its kind is entered */
};

struct finder {
	const struct network *net;
	struct network_kinds *kinds;
	struct vec levels;		/* of struct level */
	struct table known;		/* ports of all routes of a region -> bool */
	uint16_t *key;
	size_t key_size;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return prefix_cmp(&x->route->prefix, &y->route->prefix);
}

/* The ports of the region's routes in a row; a route that drops, and none, are told apart. */
static void write_key(struct finder *f, const struct policy_static *const *route)
{
	uint16_t *to = f->key;

	memset(to, 0, f->key_size);
	for (size_t i = 0; i < f->net->nodes.len; i++, to += POLICY_HOPS_MAX + 1) {
		if (!route[i])
			continue;
		to[0] = 1 + route[i]->hops;
		for (unsigned int j = 0; j < route[i]->hops; j++)
			to[1 + j] = route[i]->hop[j].to.port->number;
	}
}

/* Enters the kind of @level with its address @dst. */
static void enter(struct finder *f, struct level *level, const struct addr *dst)
{
	size_t bytes = f->net->nodes.len * sizeof(*level->route);
	struct network_kind *kind;
	bool fresh;

	level->found = true;
	write_key(f, level->route);
	table_put(&f->known, f->key, &fresh);
	if (!fresh)
		return;
	kind = vec_push(&f->kinds->list);
	kind->dst = *dst;
	kind->route = arena_alloc(&f->kinds->arena, bytes);
	memcpy(kind->route, level->route, bytes);
}

/* The innermost prefix is done: what is free in it now stays so. */
static void leave(struct finder *f)
{
	struct level *level = vec_at(&f->levels, f->levels.len - 1);

	if (!level->found && !level->full && prefix_covers(&level->prefix, &level->free))
		enter(f, level, &level->free);
	free(level->route);
	vec_pop(&f->levels);
}

/* @p lies in the innermost prefix: what is in front of it is free, if anything is. */
static void pass(struct finder *f, const struct prefix *p)
{
	struct level *level;

	if (!f->levels.len)
		return;
	level = vec_at(&f->levels, f->levels.len - 1);
	if (!level->found && !level->full && addr_cmp(&level->free, &p->addr) < 0)
		enter(f, level, &level->free);
	level->full = level->full || !prefix_behind(p, &level->free);
}

static void go_into(struct finder *f, const struct prefix *p)
{
	size_t n = f->net->nodes.len;
	const struct level *around;
	struct level level = { .prefix = *p, .free = p->addr };

	while (f->levels.len) {
		around = vec_at(&f->levels, f->levels.len - 1);
		if (prefix_contains(&around->prefix, p))
			break;
		leave(f);
	}
	pass(f, p);
	level.route = xcalloc(n ? n : 1, sizeof(*level.route));
	if (f->levels.len) {
		around = vec_at(&f->levels, f->levels.len - 1);
		memcpy(level.route, around->route, n * sizeof(*level.route));
	}
	vec_append(&f->levels, &level);
}

void network_kinds_find(const struct network *net, struct network_kinds *kinds)
{
	struct finder f = { .net = net, .kinds = kinds, .levels = VEC(struct level) };
	struct vec placed = VEC(struct placed);
	const struct prefix *last = NULL;

	f.key_size = net->nodes.len * (POLICY_HOPS_MAX + 1) * sizeof(uint16_t);
	f.key = xcalloc(1, f.key_size ? f.key_size : 1);
	f.known = (struct table){ .key_size = f.key_size, .value_size = sizeof(bool) };
	*kinds = (struct network_kinds){ .list = VEC(struct network_kind) };
	for (size_t i = 0; i < net->nodes.len; i++) {
		const struct network_node *node = vec_at(&net->nodes, i);

		for (size_t j = 0; j < node->policy->statics.len; j++)
			*(struct placed *)vec_push(&placed) =
				(struct placed){ vec_at(&node->policy->statics, j), i };
	}
	if (placed.len)
		qsort(placed.data, placed.len, sizeof(struct placed), compare_placed);
	for (size_t i = 0; i < placed.len; i++) {
		const struct placed *p = vec_at(&placed, i);
		struct level *level;

		if (!last || !prefix_equal(last, &p->route->prefix))
			go_into(&f, &p->route->prefix);
		last = &p->route->prefix;
		level = vec_at(&f.levels, f.levels.len - 1);
		level->route[p->node] = p->route;
	}
	while (f.levels.len)
		leave(&f);
	vec_free(&f.levels);
	vec_free(&placed);
	table_free(&f.known);
	free(f.key);
}

void network_kinds_free(struct network_kinds *kinds)
{
	vec_free(&kinds->list);
	arena_free(&kinds->arena);
}

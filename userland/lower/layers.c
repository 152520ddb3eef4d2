// SPDX-License-Identifier: GPL-2.0
/*
 * layers.c: rules that act and go on, laid into as few layers as it takes.
 *
 * Greedy, in the order of the text: each rule goes into the first layer where it meets no other.
 * The fewest layers would be a colouring of the graph of rules that meet; what policies have
 * is a few rules that meet everything ("count all") and many that meet nothing of their kind
 * (one counter a customer), and for these greedy is the fewest.
 *
 * Whether a rule meets another of a layer must not take a look at all of them. Each dimension (a
 * side's addresses, or one of some fields) has a tree of prefixes, in which each box hangs at
 * every prefix of its values there; and a list of the boxes that say nothing, or too much, in
 * it. What meets a new box lies in that list, or in the tree over or under one of the new box's
 * prefixes, for any one dimension that the new box says something in: the one with the
 * shortest list is asked. What lists and trees name is compared in full.
 */
#include "lower/layers.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/prefix_tree.h"
#include "base/vec.h"
#include "bpf/classify.h"
#include "lower/box.h"

#define PIECES_MAX	64		/* prefixes of a box in a dimension; more: it hangs in the list */
#define WORK_MAX	(1u << 24)	/* comparisons, for all rules */

/* The fields that are dimensions; numbers are prefixes of 16 bits. */
static const uint8_t indexed[] = { RULES_IN, RULES_DPORT, RULES_SPORT, RULES_VLAN, RULES_ETH_SRC,
	RULES_ETH_DST, RULES_ETH_TYPE, RULES_PROTO };
#define DIMENSIONS (2 + sizeof(indexed))

/* Boxes at one prefix are chained. */
struct hung {
	uint32_t box;
	uint32_t next;			/* place + 1 in layer.hung; 0: the last */
};

struct layer {
	struct vec boxes;		/* of struct box */
	struct vec hung;		/* of struct hung */
	struct prefix_tree tree[DIMENSIONS][2];	/* values: place + 1 in hung */
	struct vec list[DIMENSIONS];	/* of uint32_t: boxes */
};

struct layers {
	struct arena arena;		/* of the boxes */
	struct layer *layer[LAYERS_MAX];	/* from 1 */
	unsigned int work;
};

struct layers *layers_new(void)
{
	return xcalloc(1, sizeof(struct layers));
}

static struct layer *layer_new(void)
{
	struct layer *layer = xcalloc(1, sizeof(*layer));

	layer->boxes = VEC(struct box);
	layer->hung = VEC(struct hung);
	for (unsigned int d = 0; d < DIMENSIONS; d++) {
		layer->list[d] = VEC(uint32_t);
		layer->tree[d][0] = PREFIX_TREE_V4;
		layer->tree[d][1] = PREFIX_TREE_V6;
	}
	return layer;
}

void layers_free(struct layers *layers)
{
	for (unsigned int i = 0; i < LAYERS_MAX; i++) {
		struct layer *layer = layers->layer[i];

		if (!layer)
			continue;
		vec_free(&layer->boxes);
		vec_free(&layer->hung);
		for (unsigned int d = 0; d < DIMENSIONS; d++) {
			vec_free(&layer->list[d]);
			prefix_tree_free(&layer->tree[d][0]);
			prefix_tree_free(&layer->tree[d][1]);
		}
		free(layer);
	}
	arena_free(&layers->arena);
	free(layers);
}

/* ---- pieces ------------------------------------------------------------------------- */

struct pieces {
	struct prefix prefix[PIECES_MAX];
	unsigned int len;
};

/* The prefixes that make up a range of 16-bit numbers: false: too many. */
static bool add_span(struct pieces *pieces, struct span s)
{
	uint32_t at = s.first;

	while (at <= s.last) {
		unsigned int bits = at ? __builtin_ctz(at) : 16;

		while (at + (1u << bits) - 1 > s.last)
			bits--;
		if (pieces->len == PIECES_MAX)
			return false;
		pieces->prefix[pieces->len++] = (struct prefix){ addr_v4(at << 16), 16 - bits };
		at += 1u << bits;
	}
	return true;
}

/* What @box says in a dimension; false: nothing, or too much. */
static bool box_pieces(const struct box *box, unsigned int dimension, struct pieces *pieces)
{
	struct values v;

	pieces->len = 0;
	if (dimension < 2) {
		const struct prefixes *set = &box->address[dimension];

		if (!set->prefix || set->len > PIECES_MAX || box->families & RULE_NOT_IP)
			return false;
		for (uint32_t i = 0; i < set->len; i++)
			pieces->prefix[pieces->len++] = set->prefix[i];
		return true;
	}
	if (!(box->tested >> indexed[dimension - 2] & 1))
		return false;
	v = box->value[indexed[dimension - 2]];
	for (uint32_t i = 0; i < v.len; i++)
		if (!add_span(pieces, v.span[i]))
			return false;
	return true;
}

/* ---- looking ------------------------------------------------------------------------- */

struct search {
	struct layers *layers;
	const struct layer *layer;
	const struct box *box;
	bool met;
};

static void compare(struct search *s, uint32_t box)
{
	struct arena scratch = { 0 };
	const struct box *other = vec_at(&s->layer->boxes, box);
	struct box both;

	s->layers->work++;
	if (!box_meets(s->box, other))
		return;
	s->met = box_both(&scratch, s->box, other, &both);
	arena_free(&scratch);
}

static bool goes_on(const struct search *s)
{
	return !s->met && s->layers->work < WORK_MAX;
}

static void compare_hung(struct search *s, uint32_t at)
{
	while (at && goes_on(s)) {
		const struct hung *h = vec_at(&s->layer->hung, at - 1);

		compare(s, h->box);
		at = h->next;
	}
}

static bool compare_cover(void *user, uint8_t len, uint32_t value)
{
	(void)len;
	compare_hung(user, value);
	return goes_on(user);
}

static void search_tree(struct search *s, const struct prefix_tree *tree, const struct prefix *p)
{
	struct prefix at = { .addr.family = ADDR_NONE };
	uint32_t value;

	prefix_tree_cover(tree, p, compare_cover, s);
	while (goes_on(s) && prefix_tree_next(tree, p, &at, &value))
		if (at.len > p->len)
			compare_hung(s, value);
}

static bool meets(struct layers *layers, const struct layer *layer, const struct box *box)
{
	struct search s = { .layers = layers, .layer = layer, .box = box };
	struct pieces pieces, best;
	unsigned int dimension = DIMENSIONS;

	for (unsigned int d = 0; d < DIMENSIONS; d++) {
		if (dimension < DIMENSIONS && layer->list[d].len >= layer->list[dimension].len)
			continue;
		if (!box_pieces(box, d, &pieces))
			continue;
		dimension = d;
		best = pieces;
	}
	if (dimension == DIMENSIONS) {
		for (size_t i = 0; i < layer->boxes.len && goes_on(&s); i++)
			compare(&s, i);
		return s.met;
	}
	for (size_t i = 0; i < layer->list[dimension].len && goes_on(&s); i++)
		compare(&s, *(uint32_t *)vec_at(&layer->list[dimension], i));
	for (unsigned int i = 0; i < best.len && goes_on(&s); i++)
		search_tree(&s, &layer->tree[dimension][best.prefix[i].addr.family == ADDR_V6],
			    &best.prefix[i]);
	return s.met;
}

/* ---- laying in ------------------------------------------------------------------------ */

static void hang(struct layer *layer, unsigned int dimension, uint32_t box, const struct prefix *p)
{
	uint32_t *first = prefix_tree_put(&layer->tree[dimension][p->addr.family == ADDR_V6], p);

	vec_append(&layer->hung, &(struct hung){ box, *first });
	*first = layer->hung.len;
}

static void lay(struct layers *layers, struct layer *layer, const struct box *box)
{
	struct box kept = box_keep(&layers->arena, box);
	uint32_t number = layer->boxes.len;
	struct pieces pieces;

	vec_append(&layer->boxes, &kept);
	for (unsigned int d = 0; d < DIMENSIONS; d++) {
		if (!box_pieces(box, d, &pieces)) {
			vec_append(&layer->list[d], &number);
			continue;
		}
		for (unsigned int i = 0; i < pieces.len; i++)
			hang(layer, d, number, &pieces.prefix[i]);
	}
}

uint32_t layers_place(struct layers *layers, const struct vec *boxes)
{
	for (unsigned int l = 1; l < LAYERS_MAX; l++) {
		bool met = false;

		if (!layers->layer[l])
			layers->layer[l] = layer_new();
		for (size_t i = 0; i < boxes->len && !met; i++)
			met = meets(layers, layers->layer[l], vec_at(boxes, i));
		if (layers->work >= WORK_MAX)
			return LAYERS_WORK;
		if (met)
			continue;
		for (size_t i = 0; i < boxes->len; i++)
			lay(layers, layers->layer[l], vec_at(boxes, i));
		return l;
	}
	return LAYERS_FULL;
}

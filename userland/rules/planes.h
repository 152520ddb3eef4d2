/* SPDX-License-Identifier: GPL-2.0 */
/*
 * planes.h: the tables of one rule list, and what they were made from: inside userland/rules.
 */
#ifndef SLUICE_RULES_PLANES_H
#define SLUICE_RULES_PLANES_H

#include "rules/bands.h"
#include "rules/cells.h"
#include "rules/forest.h"
#include "rules/rules.h"
#include "rules/service.h"

/* A rule by its number. */
struct slot {
	struct rule *rule;		/* NULL: free */
	uint32_t prev, next;		/* in the list's order, or RULES_NONE; free: the next free */
};

/* What a rule's addresses come to: nodes of the forests. */
struct pieces {
	uint32_t first, count;		/* in planes.pieces; given up when the rule changes */
};

/* A piece's neighbours in three rings: of its source's pieces, its destination's, its pair's. */
enum ring { RING_SOURCE, RING_DESTINATION, RING_PAIR, RINGS };
struct link {
	uint32_t rule;
	uint32_t prev[RINGS], next[RINGS];	/* pieces */
};

struct planes {
	size_t budget;
	struct forest forest[2];
	struct services services;
	struct vec pieces;		/* of struct piece */
	struct vec side[2][2];		/* of uint32_t: nodes of a rule under way, by side and family */
	struct pieces *of_rule;		/* by rule */
	struct rules_head *heads;	/* by rule: first our own, then in the area */
	uint32_t heads_cap;		/* rule numbers that there is room for */
	struct bands bands;
	struct cells cells;
	uint32_t *ww, *nw, *wn;		/* likewise: list numbers while building, then cells */
	uint8_t *area;
	struct rules_shape shape;
	bool ordered;			/* numbers ascend: kept in the shape */
	size_t hashed;			/* cells in the hash */
	size_t writes;
	/* what changes need, made by the first: */
	struct vec links;		/* of struct link: by piece */
	struct table pairs;		/* struct piece -> uint32_t: a piece + 1 of that pair */
	struct vec by_node[2];		/* of uint32_t, by node: a piece + 1 that has it there; 0: none */
	size_t given_up;		/* pieces that no rule has any more */
};

struct rules {
	struct rules_options options;
	struct vec slots;		/* of struct slot */
	uint32_t first, last;		/* of the order, or RULES_NONE */
	uint32_t free_slot;		/* or RULES_NONE */
	size_t len;
	size_t builds;
	uint64_t addresses_version;
	struct planes *planes;
};

#define RULE_GAP	1024u		/* between the priorities of neighbours */

static inline struct slot *slot_at(const struct rules *r, uint32_t number)
{
	return vec_at(&r->slots, number);
}

/**
 * planes_build() - the tables of all rules of @r, in their order.
 * Return: 0 and *@planes, or -E2BIG and a sentence.
 */
int planes_build(const struct rules *r, struct planes **planes, struct text *why);

void planes_free(struct planes *t);

/**
 * planes_expand() - appends the pieces of @rule to @t->pieces.
 * @node: called for each prefix; 0: it cannot be had.
 * Return: whether all could be had; if not, no piece is appended.
 */
bool planes_expand(struct planes *t, const struct rule *rule,
		   uint32_t (*node)(struct forest *f, const struct prefix *p),
		   struct pieces *pieces);

/** hash_get() - the cell of two numbers in the buckets; 0: none. */
uint32_t hash_get(const struct planes *t, uint32_t source, uint32_t destination);

/** hash_reserve() - makes room for the cell of two numbers: then hash_set() succeeds. 0 or -ENOSPC. */
int hash_reserve(struct planes *t, uint32_t source, uint32_t destination);

/** hash_set() - sets the cell of two numbers; 0 takes it out. Return: 0 or -ENOSPC. */
int hash_set(struct planes *t, uint32_t source, uint32_t destination, uint32_t cell);

/** planes_chain() - writes the chain of a class's node into the area, if there are chains. */
void planes_chain(struct planes *t, unsigned int side, uint32_t node);

#endif

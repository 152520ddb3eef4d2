/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inside.h: what the files of userland/lpm share, and nobody else sees.
 *
 * A change goes through three steps, so that it happens whole or not at all:
 *
 *  1. the shadow is changed;
 *  2. the nodes that the change calls for are written to free blocks, the words that
 *     shall refer to them noted, and the blocks they make superfluous (struct change).
 *     If a block cannot be had, all that is given back, the shadow turned back, and
 *     no reader has seen a thing;
 *  3. the words are stored. The superfluous blocks wait for lpm_reclaim().
 *
 * Which nodes: a prefix of length L is painted into the one level whose lengths
 * include L, as a run of slots with its result; where a longer prefix of the same
 * level stands in that run, it stays. Longer levels inherit: their nodes have been
 * built with the longest shorter match filled in ("leaf pushing"), so those below
 * the slots that changed are built anew.
 */
#ifndef SLUICE_LPM_INSIDE_H
#define SLUICE_LPM_INSIDE_H

#include "base/vec.h"
#include "bpf/lpm.bpf.h"
#include "lpm/blocks.h"
#include "lpm/lpm.h"
#include "lpm/radix.h"

/* What a slot holds: a result, or VALUE_KID with the line of a node below. */
#define VALUE_KID	LPM_WIDE_KID
#define VALUE_INHERIT	0xffffffffu	/* painted by nothing: not the line of any node */

struct block {
	uint32_t at;		/* units; for a slot of the index: its number */
	uint8_t order;		/* or BLOCK_SLOT: a slot of the index */
};
#define BLOCK_SLOT	0xff
#define BLOCK_NONE	0xfe	/* a slot of a stage that is past */

struct word {
	uint32_t *at, value;
};

struct change {
	struct vec words;	/* of struct word: to be stored */
	struct vec fresh;	/* of struct block: written, not yet referred to */
	struct vec got, put;	/* of lines: references to nodes that it took, and that it gives up */
};

/*
 * The perfect hash of IPv6 nodes, from the writer's side. Buckets and slots are numbered
 * from 0 in the present stage.
 */
struct hash {
	uint32_t buckets, slots;
	uint32_t used;		/* slots held by a node, or waiting for lpm_reclaim() */
	uint8_t *taken;		/* by slot */
	uint32_t *next;		/* by slot: the next of its bucket, + 1 */
	uint32_t *first;	/* by bucket: slot + 1 */
	bool crowded;		/* a node found no slot: the next stage would have one */
};

enum node_kind { NODE_PACKED, NODE_FULL, NODE_PLAIN, NODE_DEEP };

/* Nodes by their content, see share.c. */
struct share {
	uint32_t *head;		/* by hash: a line, 0: none */
	uint32_t mask;
	struct share_node {
		uint32_t references, next, hash;
		uint8_t order, kind;
	} *node;		/* by line */
};

/* The memory that one or several tables lie in, all of one family, and what is free of it. */
struct space {
	uint8_t *area;
	bool own_area;
	struct lpm_shape shape;
	bool fixed;		/* built once by lpm_fixed(): no reader yet, no change to come */
	uint32_t fixed_units;	/* of its nodes area, given out one behind the other */
	uint32_t next_leaf, leaves_left;	/* of the line that leaves are given out of */
	struct lpm *table[LPM_TABLES_MAX];	/* by number */
	unsigned int tables;	/* how many there are */
	struct blocks blocks;	/* of one that is not fixed */
	struct change change;	/* the one under way */
	struct share share;	/* of one that is not fixed */
	struct hash hash;
	struct vec retired;	/* of struct block, oldest first, from retired_from on */
	size_t retired_from;
	uint64_t retired_ever;
	size_t bytes_retired;
	size_t words;		/* stored so far */
};

struct lpm {
	struct space *space;
	uint8_t family;
	uint32_t number;	/* among those of the space */
	size_t limit;
	struct radix radix;
};

/* One node as it is painted: results of its slots, and what is longer than it reaches. */
struct paint {
	unsigned int level, bits;	/* slots are bits level .. level + bits - 1 */
	uint32_t *value;		/* by slot */
	uint32_t *below;		/* by slot: topmost shadow node of longer prefixes, 0: none */
	bool any;			/* a prefix was painted */
};

/** paint() - paints the prefixes of the shadow at and below @node that end in the level. */
void paint(const struct lpm *t, struct paint *p, uint32_t node);

/** paint_below() - paints the prefixes that are longer than @k and within it. */
void paint_below(const struct lpm *t, struct paint *p, const struct radix_key *k);

/* change.c: step 2 and 3 */
uint32_t change_alloc(struct lpm *t, size_t bytes);	/* units, 0: no room */
uint32_t change_alloc_leaves(struct lpm *t, unsigned int n);	/* number of the first of @n in a line, 0: no room */
void change_word(struct lpm *t, uint32_t *at, uint32_t value);
void change_commit(struct lpm *t);
void change_abort(struct lpm *t);

/* share.c */
void share_init(struct space *s);
void share_free(struct space *s);
void share_commit(struct lpm *t);
void share_abort(struct lpm *t);

/**
 * node_share() - the node just written, complete with its key, or one that is equal. It takes
 * over the references that the caller has to its kids. Return: its line, with a reference.
 */
uint32_t node_share(struct lpm *t, uint32_t line, enum node_kind kind);

/** node_get(), node_put() - take a reference; give one up, when the change is committed. */
void node_get(struct lpm *t, uint32_t line);
void node_put(struct lpm *t, uint32_t line);

/** value_get(), value_put() - the same for what a slot holds, which may be a result. */
static inline void value_get(struct lpm *t, uint32_t value)
{
	if (value >= VALUE_KID)
		node_get(t, value & ~VALUE_KID);
}

static inline void value_put(struct lpm *t, uint32_t value)
{
	if (value >= VALUE_KID)
		node_put(t, value & ~VALUE_KID);
}

/** value_set() - replaces a slot's value, whose reference goes, by @new, with its own. */
static inline void value_set(struct lpm *t, uint32_t *value, uint32_t new)
{
	value_put(t, *value);
	*value = new;
}

/* node.c: slots, and 8-bit nodes, both families */

/** head_of() - the first line of the table's memory. */
static inline struct lpm_head *head_of(const struct lpm *t)
{
	return (struct lpm_head *)t->space->area;
}

/** slot_bytes() - how wide the table's results are. */
static inline size_t slot_bytes(const struct lpm *t)
{
	return t->space->shape.wide ? sizeof(lpm_wide_slot) : sizeof(lpm_slot);
}

/**
 * slot_set() - the @i-th of the results at @results: a result, or VALUE_KID with a line.
 * @kid: the node's list of kids, of which there are @kids so far.
 */
static inline void slot_set(const struct lpm *t, void *results, size_t i, uint32_t value,
			    uint32_t *kid, unsigned int *kids)
{
	if (t->space->shape.wide) {
		((lpm_wide_slot *)results)[i] = value;	/* LPM_WIDE_KID is VALUE_KID */
	} else if (value >= VALUE_KID) {
		kid[*kids] = value & ~VALUE_KID;
		((lpm_slot *)results)[i] = LPM_KID | (*kids)++;
	} else {
		((lpm_slot *)results)[i] = value;
	}
}

/** slot_get() - the @i-th of the results at @results, VALUE_KID with its line if it is a kid. */
static inline uint32_t slot_get(const struct lpm *t, const void *results, size_t i,
				const uint32_t *kid)
{
	uint32_t value = lpm_slot_at(results, i, t->space->shape.wide);

	return !t->space->shape.wide && value >= LPM_KID ? VALUE_KID | kid[value & LPM_RESULT_MAX] : value;
}

struct lpm_node *node_at(const struct lpm *t, uint32_t line);

static inline struct lpm_leaf *leaf_at(const struct lpm *t, uint32_t number)
{
	return (struct lpm_leaf *)(t->space->area + t->space->shape.nodes) + number;
}

/**
 * node_write() - writes a node of 256 @value; key and what belongs to deep nodes only is
 * the caller's to fill, before node_share(). Return: its line, 0: no room.
 */
uint32_t node_write(struct lpm *t, const uint32_t *value, bool deep);

/** node_read() - the values of a node. */
void node_read(const struct lpm *t, uint32_t line, bool deep, uint32_t *value);

/** node_is_long() - whether a node that is not deep goes on behind its line. */
bool node_is_long(const struct lpm *t, uint32_t line);

/* table4.c, table6.c */
void block_read(const struct lpm *t, uint32_t line, bool packed, uint32_t value[64]);
int table4_update(struct lpm *t, const struct radix_key *p, uint32_t inherited);
int table4_build(struct lpm *t, uint32_t inherited);
void table4_stats(const struct lpm *t, size_t nodes[3]);
void table4_clear(struct lpm *t);	/* takes all nodes of the table out */
void table6_init(struct lpm *t);
int table6_update(struct lpm *t, const struct radix_key *p, uint32_t inherited);
int table6_build(struct lpm *t, uint32_t inherited);
void table6_stats(const struct lpm *t, size_t nodes[3]);
void table6_clear(struct lpm *t);
void table6_free(struct space *s);
void table6_free_slot(struct lpm *t, uint32_t slot);
size_t table6_hash_bytes(const struct lpm *t);	/* of the present stage */

#endif

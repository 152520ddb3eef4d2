// SPDX-License-Identifier: GPL-2.0
/*
 * table4.c: IPv4 tables: 18 bits, 6 bits, 8 bits; fixed ones 16 (or 8) bits, then 8 by 8 or leaves.
 *
 * A block of /18 is one word's business: whatever changes in it is published by one
 * store, and readers see the block before or after. Blocks that are equal share their nodes.
 *
 * Example: 10.0.0.0/8 -> 1, 10.1.2.0/23 -> 2, 10.1.2.128/25 -> 3. The block 10.1.0.0/18
 * has a packed node: slots 0, 1: 1; slot 2: kid 0; slot 3: 2; the others 1.
 * Kid 0: slots 0 .. 127: 2, the others 3. All other blocks of 10/8: the word 1.
 */
#include <errno.h>
#include <stdlib.h>

#include "lpm/inside.h"

#define FULL_BYTES(kids) (sizeof(struct lpm_full) + 4 * (size_t)(kids))

static uint32_t *dir_at(const struct lpm *t, uint32_t block)
{
	return (uint32_t *)(t->space->area + t->space->shape.dir) +
	       ((size_t)t->number << LPM_DIR_BITS) + block;
}

static void *line_at(const struct lpm *t, uint32_t word)
{
	return t->space->area + t->space->shape.nodes + (word & LPM_DIR_NODE);
}

/* The word for the node just written, or for one that is equal. */
static uint32_t share_block(struct lpm *t, uint32_t word, enum node_kind kind)
{
	uint32_t line = node_share(t, (word & LPM_DIR_NODE) / LPM_LINE, kind);

	return (word & ~LPM_DIR_NODE) | line * LPM_LINE;
}

/* The @n-th kid's line of a packed node. */
static uint32_t *packed_kid(const struct lpm_packed *p, unsigned int n)
{
	return (uint32_t *)(p + 1) - 1 - n;
}

/*
 * Writes the node of a block, or says that a result does. *word: 0 .. or a node. The references
 * to kids go over to it.
 */
static int write_block(struct lpm *t, const uint32_t value[64], uint32_t *word)
{
	unsigned int runs = 1, kids = value[0] >= VALUE_KID, kid_runs = kids, run = 0, kid = 0;
	struct lpm_packed *p;
	struct lpm_full *f;
	uint32_t at;

	for (unsigned int i = 1; i < 64; i++) {
		runs += value[i] != value[i - 1];
		kids += value[i] >= VALUE_KID;
		kid_runs += value[i] != value[i - 1] && value[i] >= VALUE_KID;
	}
	if (runs == 1 && !kids) {
		*word = value[0];
		return 0;
	}
	if (runs + 2 * kid_runs <= LPM_PACKED) {
		at = change_alloc(t, sizeof(*p));
		if (!at)
			return -ENOSPC;
		*word = LPM_DIR_PACKED | at * BLOCK_UNIT;
		p = line_at(t, *word);
		for (unsigned int i = 0; i < 64; i++) {
			if (i && value[i] == value[i - 1]) {
				value_put(t, value[i]);	/* one refers to it for the whole run */
				continue;
			}
			p->runs |= 1ull << i;
			if (value[i] >= VALUE_KID) {
				*packed_kid(p, kid) = value[i] & ~VALUE_KID;
				p->result[run++] = LPM_KID | kid++;
			} else {
				p->result[run++] = value[i];
			}
		}
		*word = share_block(t, *word, NODE_PACKED);
		return 0;
	}
	at = change_alloc(t, FULL_BYTES(kids));
	if (!at)
		return -ENOSPC;
	*word = LPM_DIR_FULL | at * BLOCK_UNIT;
	f = line_at(t, *word);
	for (unsigned int i = 0; i < 64; i++) {
		if (value[i] >= VALUE_KID) {
			f->kid[kid] = value[i] & ~VALUE_KID;
			f->result[i] = LPM_KID | kid++;
		} else {
			f->result[i] = value[i];
		}
	}
	*word = share_block(t, *word, NODE_FULL);
	return 0;
}

static void read_block(const struct lpm *t, uint32_t word, uint32_t value[64])
{
	const struct lpm_packed *p = line_at(t, word);
	const struct lpm_full *f = line_at(t, word);
	unsigned int run = 0;

	for (unsigned int i = 0; i < 64; i++) {
		if (word & LPM_DIR_PACKED) {
			run += p->runs >> i & 1;
			value[i] = p->result[run - 1];
			if (value[i] & LPM_KID)
				value[i] = VALUE_KID | *packed_kid(p, value[i] & LPM_RESULT_MAX);
		} else if (word & LPM_DIR_FULL) {
			value[i] = f->result[i] & LPM_KID ?
				VALUE_KID | f->kid[f->result[i] & LPM_RESULT_MAX] : f->result[i];
		} else {
			value[i] = word;
		}
	}
}

void block_read(const struct lpm *t, uint32_t line, bool packed, uint32_t value[64])
{
	read_block(t, (packed ? LPM_DIR_PACKED : LPM_DIR_FULL) | line * LPM_LINE, value);
}

/* The prefixes at and below @node, the longer ones first, as far as there are few. Return: how many. */
static unsigned int few_below(const struct lpm *t, uint32_t node, unsigned int found,
			      uint32_t prefixes[LPM_LEAVES])
{
	const struct radix_node *n = radix_node(&t->radix, node);

	for (unsigned int side = 0; side < 2; side++)
		if (n->child[side] && found <= LPM_LEAVES)
			found = few_below(t, n->child[side], found, prefixes);
	if (n->result) {
		if (found < LPM_LEAVES)
			prefixes[found] = node;
		found++;
	}
	return found;
}

/* The leaves of a slot that @n prefixes are longer than; what has none of them has @inherited. */
static int build_leaves(struct lpm *t, const uint32_t *prefixes, unsigned int n, uint32_t inherited,
			uint32_t *value)
{
	uint32_t at = change_alloc_leaves(t, n);

	if (!at)
		return -ENOSPC;
	for (unsigned int i = 0; i < n; i++) {
		const struct radix_node *p = radix_node(&t->radix, prefixes[i]);

		*leaf_at(t, at + i) = (struct lpm_leaf){
			.prefix = p->hi >> 32,
			.mask = ~(uint32_t)0 << (32 - p->len),
			.result = p->result,
			.otherwise = i + 1 < n ? LPM_WIDE_KID | LPM_WIDE_LEAF | (at + i + 1) :
				     inherited,
		};
	}
	*value = LPM_WIDE_KID | LPM_WIDE_LEAF | at;
	return 0;
}

/*
 * What the block of @level with longer prefixes, @node the topmost of them, holds. Kids have kids
 * in fixed tables only.
 */
static int build_kid(struct lpm *t, uint32_t node, unsigned int level, uint32_t inherited,
		     uint32_t *value)
{
	uint32_t slots[256], below[256] = { 0 };
	struct paint p = { .level = level, .bits = 8, .value = slots, .below = below };
	uint32_t prefixes[LPM_LEAVES], line;
	unsigned int i, few;

	if (t->space->fixed) {
		few = few_below(t, node, 0, prefixes);
		if (few <= LPM_LEAVES)
			return build_leaves(t, prefixes, few, inherited, value);
	}
	for (i = 0; i < 256; i++)
		slots[i] = inherited;
	paint(t, &p, node);
	for (i = 0; i < 256 && level < 24; i++)
		if (below[i] && build_kid(t, below[i], level + 8, slots[i], &slots[i]))
			return -ENOSPC;
	for (i = 1; i < 256 && slots[i] == slots[0]; i++)
		;
	if (i == 256) {
		*value = slots[0];
		return 0;
	}
	line = node_write(t, slots, false);
	if (!line)
		return -ENOSPC;
	*value = VALUE_KID | node_share(t, line, NODE_PLAIN);
	return 0;
}

/* The whole block from the shadow: @node is the topmost with prefixes longer than /18. */
static int build_block(struct lpm *t, uint32_t node, uint32_t inherited, uint32_t *word)
{
	uint32_t value[64], below[64] = { 0 };
	struct paint p = { .level = 18, .bits = 6, .value = value, .below = below };

	for (unsigned int i = 0; i < 64; i++)
		value[i] = inherited;
	paint(t, &p, node);
	for (unsigned int i = 0; i < 64; i++)
		if (below[i] && build_kid(t, below[i], 24, value[i], &value[i]))
			return -ENOSPC;
	return write_block(t, value, word);
}

/* Replaces a block's word, whose node loses a reference, by @word, with its own. */
static void replace_block(struct lpm *t, uint32_t block, uint32_t word)
{
	uint32_t old = *dir_at(t, block);

	if (old >= LPM_DIR_FULL)
		node_put(t, (old & LPM_DIR_NODE) / LPM_LINE);
	if (old != word)
		change_word(t, dir_at(t, block), word);
}

/* The blocks of @p, at most /18: those that inherit from it, or @all. */
static int update_blocks(struct lpm *t, const struct radix_key *p, uint32_t inherited, bool all)
{
	uint32_t first = p->hi >> (64 - LPM_DIR_BITS), count = 1u << (LPM_DIR_BITS - p->len);
	uint32_t *value = xcalloc(count, sizeof(*value)), *below = xcalloc(count, sizeof(*below));
	struct paint paper = { .level = p->len, .bits = LPM_DIR_BITS - p->len,
			       .value = value, .below = below };
	uint32_t word;
	int err = 0;

	for (uint32_t i = 0; i < count; i++)
		value[i] = VALUE_INHERIT;
	paint_below(t, &paper, p);
	for (uint32_t i = 0; i < count && !err; i++) {
		word = inherited;
		if (value[i] != VALUE_INHERIT) {
			if (!all)
				continue;
			word = value[i];
		}
		if (below[i])
			err = build_block(t, below[i], word, &word);
		if (!err)
			replace_block(t, first + i, word);
	}
	free(value);
	free(below);
	return err;
}

int table4_update(struct lpm *t, const struct radix_key *p, uint32_t inherited)
{
	uint32_t value[64], painted[64], below[64] = { 0 }, word;
	struct paint paper = { .level = 18, .bits = 6, .value = painted, .below = below };
	uint32_t block = p->hi >> (64 - LPM_DIR_BITS), top, first, width;
	struct radix_key k;
	uint32_t best;

	if (p->len <= LPM_DIR_BITS) {
		if (update_blocks(t, p, inherited, false))
			return -ENOSPC;
		change_commit(t);
		return 0;
	}
	read_block(t, *dir_at(t, block), value);
	for (unsigned int i = 0; i < 64; i++)
		value_get(t, value[i]);
	first = p->hi >> 40 & 63;
	if (p->len <= 24) {
		width = 1u << (24 - p->len);
		for (uint32_t i = first; i < first + width; i++)
			painted[i] = VALUE_INHERIT;
		paint_below(t, &paper, p);
		for (uint32_t i = first; i < first + width; i++) {
			if (painted[i] != VALUE_INHERIT)
				continue;
			value_set(t, &value[i], inherited);
			if (below[i] && build_kid(t, below[i], 24, inherited, &value[i]))
				return -ENOSPC;
		}
	} else {
		k = radix_truncate(*p, 24);
		top = radix_below(&t->radix, &k, &best);
		value_set(t, &value[first], best);
		if (top && build_kid(t, top, 24, best, &value[first]))
			return -ENOSPC;
	}
	if (write_block(t, value, &word))
		return -ENOSPC;
	replace_block(t, block, word);
	change_commit(t);
	return 0;
}

/* Words of dir are what slots of a node are. */
static int build_fixed(struct lpm *t, uint32_t inherited)
{
	uint32_t *dir = dir_at(t, 0), blocks = 1u << t->space->shape.dir_bits;
	uint32_t *below = xcalloc(blocks, sizeof(*below));
	struct paint p = { .bits = t->space->shape.dir_bits, .value = dir, .below = below };
	int err = 0;

	for (uint32_t i = 0; i < blocks; i++)
		dir[i] = inherited;
	paint(t, &p, t->radix.root);
	for (uint32_t i = 0; i < blocks && !err; i++)
		if (below[i])
			err = build_kid(t, below[i], t->space->shape.dir_bits, dir[i], &dir[i]);
	free(below);
	return err;
}

int table4_build(struct lpm *t, uint32_t inherited)
{
	if (t->space->fixed)
		return build_fixed(t, inherited);
	if (update_blocks(t, &(struct radix_key){ 0 }, 0, true))
		return -ENOSPC;
	change_commit(t);
	return 0;
}

void table4_clear(struct lpm *t)
{
	for (uint32_t block = 0; block < 1u << LPM_DIR_BITS; block++)
		replace_block(t, block, 0);
	change_commit(t);
}

void table4_stats(const struct lpm *t, size_t nodes[3])
{
	uint32_t value[64];

	for (uint32_t block = 0; block < 1u << LPM_DIR_BITS; block++) {
		uint32_t word = *dir_at(t, block);

		nodes[0] += !!(word & LPM_DIR_PACKED);
		nodes[1] += !!(word & LPM_DIR_FULL);
		if (word < LPM_DIR_FULL)
			continue;
		read_block(t, word, value);
		for (unsigned int i = 0; i < 64; i++)
			nodes[2] += value[i] >= VALUE_KID;
	}
}

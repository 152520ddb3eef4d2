// SPDX-License-Identifier: GPL-2.0
/*
 * node.c: nodes of 256 slots, and the painting of any node.
 *
 * A node's results lie in its own line if they are few and there are no kids;
 * else in a block of their own: first the kids, the last one first, then the
 * results, base pointing between them.
 */
#include <string.h>

#include "lpm/inside.h"

/* Notes that @node, where a slot ends, or beyond, has longer prefixes. */
static void note_below(const struct lpm *t, struct paint *p, uint32_t node)
{
	const struct radix_node *n = radix_node(&t->radix, node);
	uint32_t slot = radix_bits(n->hi, n->lo, p->level, p->bits);

	/* Where the slot ends the ways may part: then that node stands for both. */
	if (n->len == p->level + p->bits && !(n->child[0] && n->child[1]))
		node = n->child[0] ? n->child[0] : n->child[1];
	p->below[slot] = node;
}

void paint(const struct lpm *t, struct paint *p, uint32_t node)
{
	const struct radix_node *n;
	unsigned int end = p->level + p->bits;

	for (; node; node = n->child[1]) {
		n = radix_node(&t->radix, node);
		if (n->result && n->len > p->level && n->len <= end) {
			uint32_t width = 1u << (end - n->len);
			uint32_t from = radix_bits(n->hi, n->lo, p->level, p->bits);

			for (uint32_t i = from; i < from + width; i++)
				p->value[i] = n->result;
			p->any = true;
		}
		if (n->len >= end) {
			note_below(t, p, node);
			return;
		}
		paint(t, p, n->child[0]);
	}
}

void paint_below(const struct lpm *t, struct paint *p, const struct radix_key *k)
{
	uint16_t best;
	uint32_t top = radix_below(&t->radix, k, &best);
	const struct radix_node *n = radix_node(&t->radix, top);

	if (!top || n->len > k->len) {
		paint(t, p, top);
	} else if (k->len == p->level + p->bits) {
		note_below(t, p, top);
	} else {
		paint(t, p, n->child[0]);
		paint(t, p, n->child[1]);
	}
}

struct lpm_node *node_at(const struct lpm *t, uint32_t line)
{
	return (struct lpm_node *)(t->area + t->shape.nodes + (size_t)line * LPM_LINE);
}

static lpm_slot *slot_at(const struct lpm *t, uint32_t base)
{
	return (lpm_slot *)(t->area + t->shape.nodes) + base;
}

uint32_t node_write(struct lpm *t, const uint32_t *value, unsigned int inlined)
{
	unsigned int order = blocks_order(LPM_LINE), runs = 0, kids = 0, run, kid = 0;
	uint32_t at = change_alloc(t, order), aside;
	struct lpm_node *n;
	uint32_t *kid_at;

	if (!at)
		return 0;
	n = node_at(t, at / (LPM_LINE / BLOCK_UNIT));
	for (unsigned int i = 0; i < 256; i++) {
		if (i % 64 == 0)
			n->before[i / 64] = runs;
		if (i && value[i] == value[i - 1])
			continue;
		n->runs[i / 64] |= 1ull << i % 64;
		runs++;
		kids += value[i] >= VALUE_KID;
	}
	if (!kids && runs <= inlined) {
		/* Where in the line depends on how much of it the caller needs. */
		size_t within = inlined == LPM_INLINE ? offsetof(struct lpm_node, result) :
							offsetof(struct lpm_node, deep);

		n->base = (at * BLOCK_UNIT + within) / sizeof(lpm_slot);
	} else {
		aside = change_alloc(t, blocks_order(4 * kids + sizeof(lpm_slot) * runs));
		if (!aside)
			return 0;
		n->base = (aside * BLOCK_UNIT + 4 * kids) / sizeof(lpm_slot);
	}
	kid_at = (uint32_t *)slot_at(t, n->base);
	run = 0;
	for (unsigned int i = 0; i < 256; i++) {
		if (!(n->runs[i / 64] >> i % 64 & 1))
			continue;
		if (value[i] >= VALUE_KID) {
			kid_at[-1 - (int)kid] = value[i] & ~VALUE_KID;
			slot_at(t, n->base)[run++] = LPM_KID | kid++;
		} else {
			slot_at(t, n->base)[run++] = value[i];
		}
	}
	return at / (LPM_LINE / BLOCK_UNIT);
}

void node_read(const struct lpm *t, uint32_t line, uint32_t *value)
{
	const struct lpm_node *n = node_at(t, line);
	const lpm_slot *result = slot_at(t, n->base);
	const uint32_t *kids = (const uint32_t *)result;
	uint32_t now = 0;

	for (unsigned int i = 0; i < 256; i++) {
		if (n->runs[i / 64] >> i % 64 & 1) {
			now = *result++;
			if (now & LPM_KID)
				now = VALUE_KID | kids[-1 - (int)(now & LPM_RESULT_MAX)];
		}
		value[i] = now;
	}
}

/* The block of its own that the node's results have, if any. */
static bool node_aside(const struct lpm *t, uint32_t line, struct block *b)
{
	const struct lpm_node *n = node_at(t, line);
	unsigned int runs = n->before[3] + lpm_popcount(n->runs[3]), kids = 0;
	const lpm_slot *result = slot_at(t, n->base);

	if ((size_t)n->base * sizeof(lpm_slot) / LPM_LINE == line)
		return false;
	for (unsigned int i = 0; i < runs; i++)
		kids += result[i] >= LPM_KID;
	b->at = (n->base * sizeof(lpm_slot) - 4 * kids) / BLOCK_UNIT;
	b->order = blocks_order(4 * kids + sizeof(lpm_slot) * runs);
	return true;
}

void node_retire(struct lpm *t, uint32_t line)
{
	struct block aside;

	if (node_aside(t, line, &aside))
		change_retire(t, aside.at, aside.order);
	change_retire(t, line * (LPM_LINE / BLOCK_UNIT), blocks_order(LPM_LINE));
}

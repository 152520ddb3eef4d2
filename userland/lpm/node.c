// SPDX-License-Identifier: GPL-2.0
/*
 * node.c: nodes of 256 slots, and the painting of any node.
 *
 * A node is one block of memory: its line, at whose end the results begin, the rest of
 * the results, the kids.
 */
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
	uint32_t best;
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
	return (struct lpm_node *)(t->space->area + t->space->shape.nodes + (size_t)line * LPM_LINE);
}

/* Where the results begin, in bytes from the node's start. */
static size_t results_at(const struct lpm *t, bool deep)
{
	if (!deep)
		return offsetof(struct lpm_node, result);
	return t->space->shape.wide ? offsetof(struct lpm_node, deep_wide) : offsetof(struct lpm_node, deep);
}

static void *results(const struct lpm *t, struct lpm_node *n, bool deep)
{
	return (char *)n + results_at(t, deep);
}

/* Of a node: at least a line. */
static size_t size_of(const struct lpm *t, unsigned int runs, unsigned int kids, bool deep,
		      uint32_t *kids_at)
{
	size_t end = results_at(t, deep) + slot_bytes(t) * runs;

	*kids_at = (end + 3) & ~3u;
	if (kids && !t->space->shape.wide)
		end = *kids_at + sizeof(uint32_t) * kids;
	return end > LPM_LINE ? end : LPM_LINE;
}

uint32_t node_write(struct lpm *t, const uint32_t *value, bool deep)
{
	unsigned int runs = 1, kids = value[0] >= VALUE_KID, run = 0, kid = 0;
	struct lpm_node *n;
	uint32_t at, *kid_at, kids_at;
	void *result;

	for (unsigned int i = 1; i < 256; i++) {
		runs += value[i] != value[i - 1];
		kids += value[i] >= VALUE_KID;
	}
	at = change_alloc(t, size_of(t, runs, kids, deep, &kids_at));
	if (!at)
		return 0;
	n = node_at(t, at / (LPM_LINE / BLOCK_UNIT));
	n->kids = kids_at;
	kid_at = (uint32_t *)((char *)n + kids_at);
	result = results(t, n, deep);
	for (unsigned int i = 0; i < 256; i++) {
		if (i % 64 == 0)
			n->before[i / 64] = run;
		if (i && value[i] == value[i - 1])
			continue;
		n->runs[i / 64] |= 1ull << i % 64;
		slot_set(t, result, run++, value[i], kid_at, &kid);
	}
	return at / (LPM_LINE / BLOCK_UNIT);
}

void node_read(const struct lpm *t, uint32_t line, bool deep, uint32_t *value)
{
	struct lpm_node *n = node_at(t, line);
	const uint32_t *kids = (const uint32_t *)((const char *)n + n->kids);
	const void *result = results(t, n, deep);
	uint32_t now = 0, run = 0;

	for (unsigned int i = 0; i < 256; i++) {
		if (n->runs[i / 64] >> i % 64 & 1)
			now = slot_get(t, result, run++, kids);
		value[i] = now;
	}
}

/* What the block of a node was allocated as. */
static unsigned int order_of(const struct lpm *t, uint32_t line, bool deep)
{
	struct lpm_node *n = node_at(t, line);
	unsigned int runs = n->before[3] + lpm_popcount(n->runs[3]), kids = 0;
	uint32_t kids_at;

	for (unsigned int i = 0; i < runs; i++)
		kids += !!lpm_is_kid(lpm_slot_at(results(t, n, deep), i, t->space->shape.wide),
				     t->space->shape.wide);
	return blocks_order(size_of(t, runs, kids, deep, &kids_at));
}

bool node_is_long(const struct lpm *t, uint32_t line)
{
	return order_of(t, line, false) > blocks_order(LPM_LINE);
}

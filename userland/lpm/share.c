// SPDX-License-Identifier: GPL-2.0
/*
 * share.c: equal nodes are stored once ("hash consing", Ershov 1958), within a table and between
 * the tables of one memory.
 *
 * A node is equal to another if its bytes are: its kids are equal if they are the same lines,
 * as they have been shared before it. Each node counts what refers to it: words of dir and of the
 * index, and kids' places in other nodes. A reference that a change takes (node_get(), or a
 * node just written) is good at once; one that it gives up (node_put()) is so when the change is
 * committed. What then has none left is retired, and gives up its kids.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lpm/inside.h"

#define UNITS_A_LINE	(LPM_LINE / BLOCK_UNIT)

static size_t lines_of(const struct space *s)
{
	return ((size_t)s->shape.nodes_mask + 1) / LPM_LINE;
}

void share_init(struct space *s)
{
	s->share.mask = lines_of(s) / 4 - 1;
	s->share.head = xcalloc(s->share.mask + 1, sizeof(*s->share.head));
	s->share.node = xcalloc(lines_of(s), sizeof(*s->share.node));
	s->change.got = VEC(uint32_t);
	s->change.put = VEC(uint32_t);
}

void share_free(struct space *s)
{
	free(s->share.head);
	free(s->share.node);
	vec_free(&s->change.got);
	vec_free(&s->change.put);
}

static uint32_t hash_of_bytes(const void *bytes, size_t n)
{
	const uint64_t *word = bytes;
	uint64_t h = n;

	for (size_t i = 0; i < n / 8; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return h;
}

static void unlink_node(struct space *s, uint32_t line)
{
	uint32_t *at = &s->share.head[s->share.node[line].hash & s->share.mask];

	while (*at != line)
		at = &s->share.node[*at].next;
	*at = s->share.node[line].next;
}

/* Calls @each with the kids of a node. */
static void for_kids(struct lpm *t, uint32_t line, void (*each)(struct lpm *t, uint32_t kid))
{
	enum node_kind kind = t->space->share.node[line].kind;
	unsigned int n = kind == NODE_PACKED || kind == NODE_FULL ? 64 : 256;
	uint32_t value[256];

	if (n == 64)
		block_read(t, line, kind == NODE_PACKED, value);
	else
		node_read(t, line, kind == NODE_DEEP, value);
	/* Full nodes have a kid for each slot, others for each run. */
	for (unsigned int i = 0; i < n; i++)
		if (value[i] >= VALUE_KID && (kind == NODE_FULL || !i || value[i] != value[i - 1]))
			each(t, value[i] & ~VALUE_KID);
}

void node_get(struct lpm *t, uint32_t line)
{
	t->space->share.node[line].references++;
	vec_append(&t->space->change.got, &line);
}

void node_put(struct lpm *t, uint32_t line)
{
	vec_append(&t->space->change.put, &line);
}

uint32_t node_share(struct lpm *t, uint32_t line, enum node_kind kind)
{
	struct space *s = t->space;
	struct share_node *n = &s->share.node[line], *other;
	const struct block *block;
	size_t bytes;
	uint32_t i;

	if (s->fixed)
		return line;
	block = vec_at(&s->change.fresh, s->change.fresh.len - 1);
	assert(block->at == line * UNITS_A_LINE);
	bytes = (size_t)BLOCK_UNIT << block->order;
	n->hash = hash_of_bytes(node_at(t, line), bytes);
	n->order = block->order;
	n->kind = kind;
	for (i = s->share.head[n->hash & s->share.mask]; i; i = other->next) {
		other = &s->share.node[i];
		if (other->hash == n->hash && other->order == n->order && other->kind == kind &&
		    !memcmp(node_at(t, i), node_at(t, line), bytes))
			break;
	}
	if (i) {
		for_kids(t, line, node_put);
		blocks_free(&s->blocks, block->at, block->order);
		vec_pop(&s->change.fresh);
		node_get(t, i);
		return i;
	}
	n->references = 0;
	n->next = s->share.head[n->hash & s->share.mask];
	s->share.head[n->hash & s->share.mask] = line;
	node_get(t, line);
	return line;
}

/* A reference is gone for good. */
static void release(struct lpm *t, uint32_t line)
{
	struct space *s = t->space;
	struct share_node *n = &s->share.node[line];

	assert(n->references);
	if (--n->references)
		return;
	unlink_node(s, line);
	vec_append(&s->retired, &(struct block){ line * UNITS_A_LINE, n->order });
	s->retired_ever++;
	s->bytes_retired += (size_t)BLOCK_UNIT << n->order;
	for_kids(t, line, release);
}

void share_commit(struct lpm *t)
{
	struct change *c = &t->space->change;

	for (size_t i = 0; i < c->put.len; i++)
		release(t, *(uint32_t *)vec_at(&c->put, i));
	c->got.len = c->put.len = 0;
}

void share_abort(struct lpm *t)
{
	struct space *s = t->space;
	struct change *c = &s->change;

	for (size_t i = c->got.len; i--;) {
		uint32_t line = *(uint32_t *)vec_at(&c->got, i);

		/* Its memory is among what the change had allocated. */
		if (!--s->share.node[line].references)
			unlink_node(s, line);
	}
	c->got.len = c->put.len = 0;
}

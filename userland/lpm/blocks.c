// SPDX-License-Identifier: GPL-2.0
#include "lpm/blocks.h"

#include <assert.h>
#include <stdlib.h>

#include "base/vec.h"

static void push(struct blocks *b, uint32_t at, unsigned int order)
{
	b->order[at] = order + 1;
	b->next[at] = b->head[order];
	b->prev[at] = 0;
	if (b->head[order])
		b->prev[b->head[order]] = at;
	b->head[order] = at;
}

static void unlink_block(struct blocks *b, uint32_t at, unsigned int order)
{
	if (b->prev[at])
		b->next[b->prev[at]] = b->next[at];
	else
		b->head[order] = b->next[at];
	if (b->next[at])
		b->prev[b->next[at]] = b->prev[at];
	b->order[at] = 0;
}

void blocks_init(struct blocks *b, size_t bytes, size_t reserved)
{
	uint32_t at = 1u << blocks_order(reserved);

	*b = (struct blocks){ .units = bytes / BLOCK_UNIT };
	b->next = xcalloc(b->units, sizeof(*b->next));
	b->prev = xcalloc(b->units, sizeof(*b->prev));
	b->order = xcalloc(b->units, 1);
	b->bytes_used = (size_t)at * BLOCK_UNIT;
	/* What is left of a power of two less its first part: one block of each order. */
	for (; at < b->units; at *= 2)
		push(b, at, __builtin_ctz(at));
}

void blocks_free_all(struct blocks *b)
{
	free(b->next);
	free(b->prev);
	free(b->order);
	*b = (struct blocks){ 0 };
}

uint32_t blocks_alloc(struct blocks *b, unsigned int order)
{
	unsigned int have = order;
	uint32_t at;

	while (have < BLOCK_ORDERS && !b->head[have])
		have++;
	if (have >= BLOCK_ORDERS)
		return 0;
	at = b->head[have];
	unlink_block(b, at, have);
	while (have > order) {
		have--;
		push(b, at + (1u << have), have);
	}
	b->bytes_used += (size_t)BLOCK_UNIT << order;
	return at;
}

void blocks_free(struct blocks *b, uint32_t at, unsigned int order)
{
	assert(at && at < b->units && !b->order[at] && !(at & ((1u << order) - 1)));
	b->bytes_used -= (size_t)BLOCK_UNIT << order;
	for (;;) {
		uint32_t buddy = at ^ 1u << order;

		if (!buddy || buddy >= b->units || b->order[buddy] != order + 1)
			break;
		unlink_block(b, buddy, order);
		at &= ~(1u << order);
		order++;
	}
	push(b, at, order);
}

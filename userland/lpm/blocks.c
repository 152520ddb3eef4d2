// SPDX-License-Identifier: GPL-2.0
#include "lpm/blocks.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/vec.h"

static bool is_free(const struct blocks *b, uint32_t at, unsigned int order)
{
	uint32_t n = at >> order;

	return b->free[order][0][n / 64] >> n % 64 & 1;
}

static void put(struct blocks *b, uint32_t at, unsigned int order)
{
	uint32_t n = at >> order;

	for (unsigned int level = 0; level < BLOCK_LEVELS; level++, n /= 64)
		b->free[order][level][n / 64] |= 1ull << n % 64;
}

static void take(struct blocks *b, uint32_t at, unsigned int order)
{
	uint32_t n = at >> order;

	for (unsigned int level = 0; level < BLOCK_LEVELS; level++, n /= 64) {
		b->free[order][level][n / 64] &= ~(1ull << n % 64);
		if (b->free[order][level][n / 64])
			break;
	}
}

/* The lowest free block of the order, 0: none. */
static uint32_t lowest(const struct blocks *b, unsigned int order)
{
	uint32_t n = 0;

	for (unsigned int level = BLOCK_LEVELS; level--;) {
		if (!b->free[order][level][n])
			return 0;
		n = n * 64 + __builtin_ctzll(b->free[order][level][n]);
	}
	return n << order;
}

void blocks_init(struct blocks *b, size_t bytes, size_t reserved)
{
	uint32_t at = 1u << blocks_order(reserved);

	*b = (struct blocks){ .units = bytes / BLOCK_UNIT };
	for (unsigned int order = 0; order < BLOCK_ORDERS; order++) {
		size_t words = (b->units >> order) / 64 + 1;

		for (unsigned int level = 0; level < BLOCK_LEVELS; level++) {
			b->free[order][level] = xcalloc(words, sizeof(uint64_t));
			words = (words + 63) / 64;
		}
	}
	b->bytes_used = (size_t)at * BLOCK_UNIT;
	/* What is left of a power of two less its first part: one block of each order. */
	for (; at < b->units; at *= 2)
		put(b, at, __builtin_ctz(at));
}

void blocks_free_all(struct blocks *b)
{
	for (unsigned int order = 0; order < BLOCK_ORDERS; order++)
		for (unsigned int level = 0; level < BLOCK_LEVELS; level++)
			free(b->free[order][level]);
	*b = (struct blocks){ 0 };
}

uint32_t blocks_alloc(struct blocks *b, unsigned int order)
{
	unsigned int have = order;
	uint32_t at = 0;

	for (unsigned int o = order; o < BLOCK_ORDERS; o++) {
		uint32_t candidate = lowest(b, o);

		if (candidate && (!at || candidate < at)) {
			at = candidate;
			have = o;
		}
	}
	if (!at)
		return 0;
	take(b, at, have);
	while (have > order) {
		have--;
		put(b, at + (1u << have), have);
	}
	b->bytes_used += (size_t)BLOCK_UNIT << order;
	return at;
}

void blocks_free(struct blocks *b, uint32_t at, unsigned int order)
{
	assert(at && at < b->units && !is_free(b, at, order) && !(at & ((1u << order) - 1)));
	b->bytes_used -= (size_t)BLOCK_UNIT << order;
	for (;;) {
		uint32_t buddy = at ^ 1u << order;

		/* That of the first block in use is never free: block 0 is not. */
		if (buddy >= b->units || !is_free(b, buddy, order))
			break;
		take(b, buddy, order);
		at &= ~(1u << order);
		order++;
	}
	put(b, at, order);
}

size_t blocks_extent(const struct blocks *b)
{
	uint32_t end = b->units;

	/* Free blocks at the end, the last one first. */
	for (unsigned int order = 0; end && order < BLOCK_ORDERS;) {
		uint32_t at = end - (1u << order);

		if (end & ((1u << order) - 1) || 1u << order > end || !is_free(b, at, order)) {
			order++;
			continue;
		}
		end = at;
		order = 0;
	}
	return (size_t)end * BLOCK_UNIT;
}

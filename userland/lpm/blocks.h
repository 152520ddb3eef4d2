/* SPDX-License-Identifier: GPL-2.0 */
/*
 * blocks.h: which parts of an area are free: a buddy allocator (Knowlton 1965)
 * whose records lie beside the area, not in it, since readers may still look at
 * what was just given back.
 *
 * Blocks are 32 bytes times a power of two, aligned to their size, named by their
 * offset in units of 32 bytes. Block 0 is never given out.
 *
 * For each order a bitmap has the free blocks, and above it bitmaps have which words of the one
 * below are not zero. The lowest free block that holds what is asked for is given out, so that what
 * changes moves down. Nothing more is done against holes: they take no room in the caches, as
 * blocks are whole lines; 40 times 23,446 recorded updates (LINX 2014) to a full table left 0.6 %
 * of holes; a table that lost three quarters of its routes is 38 % holes, IPv6 68 %, and 16 % and
 * 4 % once they are back.
 */
#ifndef SLUICE_LPM_BLOCKS_H
#define SLUICE_LPM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_UNIT	32u	/* bytes */
#define BLOCK_ORDERS	28
#define BLOCK_LEVELS	5	/* 64^5 blocks and more than there are */

struct blocks {
	uint32_t units;
	uint64_t *free[BLOCK_ORDERS][BLOCK_LEVELS];	/* bitmaps; the last level has one word */
	size_t bytes_used;
};

/** blocks_init() - an area of @bytes, a power of two, all free but the first @reserved bytes. */
void blocks_init(struct blocks *b, size_t bytes, size_t reserved);
void blocks_free_all(struct blocks *b);

/** blocks_order() - the order of the least block that holds @bytes. */
static inline unsigned int blocks_order(size_t bytes)
{
	unsigned int order = 0;

	while (((size_t)BLOCK_UNIT << order) < bytes)
		order++;
	return order;
}

/** blocks_alloc() - a block of the order. Return: its offset in units, 0: none is free. */
uint32_t blocks_alloc(struct blocks *b, unsigned int order);

/** blocks_free() - gives a block back. */
void blocks_free(struct blocks *b, uint32_t at, unsigned int order);

/** blocks_extent() - bytes from the area's start to the end of its last block in use. */
size_t blocks_extent(const struct blocks *b);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bits.h: matrices of bits.
 */
#ifndef SLUICE_BASE_BITS_H
#define SLUICE_BASE_BITS_H

#include <stdint.h>

/**
 * bits_transpose() - bit j of row i becomes bit i of row j, of 64 rows of 64 bits.
 * Squares off the diagonal change places, of half the side each time (Warren, Hacker's Delight, 7-3).
 */
static inline void bits_transpose(uint64_t row[64])
{
	uint64_t mask = 0xffffffffull;

	for (unsigned int side = 32; side; side >>= 1, mask ^= mask << side)
		for (unsigned int i = 0; i < 64; i = (i + side + 1) & ~side) {
			uint64_t swap = (row[i] >> side ^ row[i + side]) & mask;

			row[i] ^= swap << side;
			row[i + side] ^= swap;
		}
}

#endif

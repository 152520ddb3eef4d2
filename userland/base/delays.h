/* SPDX-License-Identifier: GPL-2.0 */
/*
 * delays.h: how long something took, many times over: a histogram of fixed size.
 *
 * Eight buckets an octave, so that what is read out of it is at most an eighth too much, never too little.
 */
#ifndef SLUICE_BASE_DELAYS_H
#define SLUICE_BASE_DELAYS_H

#include <stdint.h>

#define DELAYS_BUCKETS	(61 * 8 + 8)

struct delays {
	uint64_t count[DELAYS_BUCKETS];
	uint64_t all, longest_ns;
};

void delays_add(struct delays *d, uint64_t ns);

/** delays_quantile_ns() - what @share (0 .. 1) of them kept within, at most an eighth too much; 0 if there are none. */
uint64_t delays_quantile_ns(const struct delays *d, double share);

#endif

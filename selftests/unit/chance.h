/* SPDX-License-Identifier: GPL-2.0 */
/* chance.h: random numbers of a test's own, from @seed, which the test sets, prints, and lets SEED= set again. */
#ifndef SLUICE_SELFTESTS_CHANCE_H
#define SLUICE_SELFTESTS_CHANCE_H

#include <stdint.h>

static uint64_t seed;		/* never 0 */

static unsigned int below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

#endif

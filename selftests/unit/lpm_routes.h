/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lpm_routes.h: random routes and addresses for the tests of route tables: near
 * each other, so that prefixes nest and addresses just miss.
 */
#ifndef SLUICE_SELFTESTS_LPM_ROUTES_H
#define SLUICE_SELFTESTS_LPM_ROUTES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "lpm/lpm.h"

/* xorshift64* (Marsaglia, Vigna); the seed is printed, and SEED= sets it. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t random_seed(void)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 | clock();

	printf("# SEED=%llu\n", (unsigned long long)seed);
	return seed * 2 + 1;
}

/*
 * An address near one of a few centres: it shares a random number of leading bits
 * with it, the rest is zeros, ones or random.
 */
static inline struct addr random_addr(uint64_t *state, uint8_t family, unsigned int centres)
{
	uint64_t centre = random_next(state) % centres * 0x9e3779b97f4a7c15ull + 0x20;
	unsigned int bits = addr_bits(family), keep = random_next(state) % (bits + 1);
	unsigned int rest = random_next(state) % 4;
	struct addr a = { .family = family };

	for (unsigned int i = 0; i < bits / 8; i++) {
		a.bytes[i] = random_next(&centre);
		if (i == 0)
			a.bytes[i] = family == ADDR_V6 ? 0x20 : a.bytes[i];
	}
	for (unsigned int i = keep; i < bits; i++) {
		unsigned int bit = rest == 0 ? 0 : rest == 1 ? 1 : random_next(state) & 1;

		a.bytes[i / 8] &= ~(0x80 >> i % 8);
		a.bytes[i / 8] |= bit ? 0x80 >> i % 8 : 0;
	}
	return a;
}

/* Lengths of all kinds, those where levels meet more often. */
static inline struct prefix random_prefix(uint64_t *state, uint8_t family, unsigned int centres)
{
	static const uint8_t edge4[] = { 0, 1, 8, 16, 17, 18, 19, 23, 24, 25, 31, 32 };
	static const uint8_t edge6[] = { 0, 1, 8, 16, 24, 25, 31, 32, 33, 39, 40, 41, 47, 48, 49,
					 55, 56, 57, 63, 64, 65, 72, 112, 120, 121, 127, 128 };
	struct prefix p = { .addr = random_addr(state, family, centres) };

	if (random_next(state) % 2)
		p.len = random_next(state) % (addr_bits(family) + 1);
	else if (family == ADDR_V4)
		p.len = edge4[random_next(state) % sizeof(edge4)];
	else
		p.len = edge6[random_next(state) % sizeof(edge6)];
	return prefix_canonical(p);
}

/* An address at the edge of @p: its first or last, one before or behind it, or within. */
static inline struct addr near_prefix(uint64_t *state, const struct prefix *p)
{
	struct addr a = p->addr;
	unsigned int bits = addr_bits(a.family), how = random_next(state) % 5;
	int step = how == 2 ? -1 : how == 3 ? 1 : 0;

	for (unsigned int i = p->len; i < bits; i++)
		if (how == 1 || how == 3 || (how == 4 && random_next(state) & 1))
			a.bytes[i / 8] |= 0x80 >> i % 8;
	for (int i = bits / 8 - 1; i >= 0 && step; i--) {
		a.bytes[i] += step;
		if (a.bytes[i] != (step > 0 ? 0 : 0xff))
			break;
	}
	return a;
}

#endif

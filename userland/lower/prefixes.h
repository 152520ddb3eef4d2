/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prefixes.h: sets of addresses as prefixes: the fewest that say it, of either family.
 *
 * A set has one form: disjoint prefixes, no two of which make up a shorter one, sorted by
 * prefix_cmp(), IPv4 first. Equal sets are equal arrays. Arrays lie in the caller's arena, or
 * are those of another set.
 */
#ifndef SLUICE_LOWER_PREFIXES_H
#define SLUICE_LOWER_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct arena;

struct prefixes {
	const struct prefix *prefix;
	uint32_t len;
};

/** prefixes_make() - the set of @n canonical prefixes in any order, some within others perhaps. */
struct prefixes prefixes_make(struct arena *arena, const struct prefix *prefix, uint32_t n);

/** prefixes_both() - the addresses that are in both sets. */
struct prefixes prefixes_both(struct arena *arena, struct prefixes a, struct prefixes b);

/** prefixes_others() - the addresses of both families that are not in the set. */
struct prefixes prefixes_others(struct arena *arena, struct prefixes a);

/** prefixes_meet() - whether some address is in both sets. */
bool prefixes_meet(struct prefixes a, struct prefixes b);

/** prefixes_within() - whether every address of @a is in @b. */
bool prefixes_within(struct prefixes a, struct prefixes b);

bool prefixes_equal(struct prefixes a, struct prefixes b);

/** prefixes_of() - the part of one family: a piece of @a's array. */
struct prefixes prefixes_of(struct prefixes a, uint8_t family);

/** prefixes_all() - every address of one family. */
struct prefixes prefixes_all(uint8_t family);

/** prefixes_are_all() - whether @a, of one family, has every address of it. */
static inline bool prefixes_are_all(struct prefixes a)
{
	return a.len == 1 && !a.prefix->len;
}

#endif

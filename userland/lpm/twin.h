/* SPDX-License-Identifier: GPL-2.0 */
/*
 * twin.h: the textbook form of a route table: a hash table for each prefix length,
 * and a search over the lengths by markers and ropes (Waldvogel, Varghese, Turner,
 * Plattner, SIGCOMM 1997, sections 4 and 5). It shares no code with lpm.h, says the
 * same, and is what that is compared with.
 *
 * An entry (bits, length) is a prefix or a marker: a sign that there are longer
 * prefixes behind it. It has the longest match up to its own length, so that a search
 * never goes back, and a rope: the lengths to try next, longest first, one after the
 * other until one of them has an entry, whose rope then replaces it. A rope of an
 * entry with k lengths behind it takes the median, then that of the shorter half, and
 * so on: at most 1 + log2 k lengths.
 */
#ifndef SLUICE_LPM_TWIN_H
#define SLUICE_LPM_TWIN_H

#include "base/table.h"
#include "lpm/lpm.h"

#define TWIN_ROPE	8	/* lengths of a rope: 1 + log2 128 */

/* What a hash table has of (bits, length); also the BPF form's value. */
struct twin_entry {
	uint8_t rope[TWIN_ROPE];	/* ends with 0 */
	uint32_t best;			/* result of the longest match up to here */
};

struct twin;

struct twin *twin_new(uint8_t family);
void twin_free(struct twin *t);

/**
 * twin_insert(), twin_delete(), twin_get(), twin_build(), twin_lookup() - as those of
 * lpm.h, but without a limit. The ropes are made anew at the first look-up after a change.
 */
int twin_insert(struct twin *t, const struct prefix *p, lpm_result result);
int twin_delete(struct twin *t, const struct prefix *p);
lpm_result twin_get(const struct twin *t, const struct prefix *p);
int twin_build(struct twin *t, const struct lpm_route *routes, size_t n);
lpm_result twin_lookup(struct twin *t, const struct addr *a);

/**
 * twin_tables() - the search's tables, for the BPF form: tables[len], keys of 16 bytes
 * (network order, bits past the length zero), values of struct twin_entry; at [0] one
 * entry, the rope to begin with and the default route.
 */
const struct table *twin_tables(struct twin *t);

/** twin_bytes() - what the tables take, keys included. */
size_t twin_bytes(struct twin *t);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* choice.h: which route of a prefix counts, and where it leads. */
#ifndef SLUICE_FIB_CHOICE_H
#define SLUICE_FIB_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

struct fib;
struct fib_candidate;
struct fib_entry;
struct fib_family;
struct prefix;

/** fib_choose_route() - the route that counts for @p, whose entry is @e; NULL: none. */
const struct fib_candidate *fib_choose_route(const struct fib *fib, const struct fib_family *f,
					     const struct prefix *p, const struct fib_entry *e);

/** fib_cover() - the entry that answers around @p: the longest shorter than @len; 0: none. */
uint32_t fib_cover(const struct fib *fib, const struct fib_family *f, const struct prefix *p,
		   unsigned int len);

/**
 * fib_choose() - the set that counts for @p, whose entry is @e, with a ref for the caller; 0: none.
 * What counts for the prefixes around it must have been chosen already.
 * @host: set to whether it is a neighbour's, and no route's.
 */
uint32_t fib_choose(struct fib *fib, struct fib_family *f, const struct prefix *p,
		    const struct fib_entry *e, bool *host);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* table.h: what the look-up table has for each prefix, and what is done where it has no room. */
#ifndef SLUICE_FIB_TABLE_H
#define SLUICE_FIB_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct fib;
struct fib_entry;
struct fib_family;
struct prefix;
struct vec;

/** fib_hold() - all packets are passed up until the flush is done: the tables are being rearranged. */
void fib_hold(struct fib *fib);

/**
 * fib_install() - makes the table say @set for @p, whose entry is @e and stays where it is.
 * @set: its ref is taken over; 0: nothing. @host: it is a neighbour's, and no route's.
 */
void fib_install(struct fib *fib, struct fib_family *f, const struct prefix *p,
		 struct fib_entry *e, uint32_t set, bool host);

/**
 * fib_build() - fills the empty table with @routes, of struct lpm_route, that were collected instead of
 * inserted (fib_family.bulk); where it refuses that, one by one.
 */
void fib_build(struct fib *fib, struct fib_family *f, const struct vec *routes);

/** fib_take_back() - puts the blocks in again that have room by now. */
void fib_take_back(struct fib *fib, struct fib_family *f);

#endif

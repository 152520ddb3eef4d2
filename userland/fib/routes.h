/* SPDX-License-Identifier: GPL-2.0 */
/* routes.h: the routes of each prefix, in the order that the kernel would ask them. */
#ifndef SLUICE_FIB_ROUTES_H
#define SLUICE_FIB_ROUTES_H

#include <stdbool.h>

struct fib;
struct fib_family;
struct route_class;

/* When the kernel asks a table: ranks are asked in order, RANK_NEVER not at all. */
enum { RANK_FIRST, RANK_LATER, RANK_LAST, RANK_NEVER };

/** fib_rank() - when routes of class @c are asked for in @f: RANK_*. */
int fib_rank(const struct fib_family *f, const struct route_class *c);

/**
 * fib_reorder() - whether local comes in front of the routes of @f is another now: its prefixes are in
 * other orders, and all are marked.
 */
void fib_reorder(struct fib *fib, struct fib_family *f, bool local_first);

#endif

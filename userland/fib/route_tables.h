/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route_tables.h: the look-up tables that a generation's routing asks for.
 *
 * All of a family lie in one memory: number 0 is main, with local and default, then those that the
 * policy names, in their order, then the bogons, if there are some.
 */
#ifndef SLUICE_FIB_ROUTE_TABLES_H
#define SLUICE_FIB_ROUTE_TABLES_H

#include <stdint.h>

#include "bpf/layout.h"

struct fib_table;
struct image_routing;
struct lpm;
struct lpm_shape;

typedef struct lpm *route_tables[ROUTE_TABLES_MAX][2];	/* by number; IPv4, IPv6 */

/** route_tables_size() - the shape of the memory of one family. Return: 0, or -errno as lpm_sizes_many(). */
int route_tables_size(const struct image_routing *routing, uint8_t family, struct lpm_shape *shape);

/**
 * route_tables_make() - the tables of one family in @area, empty but for the bogons.
 * Return: 0; -ENOSPC if those do not fit. What was made is in @tables in any case.
 */
int route_tables_make(const struct image_routing *routing, uint8_t family,
		      const struct lpm_shape *shape, void *area, route_tables tables);

/**
 * route_tables_describe() - the tables beside main, as fib_memory.other wants them.
 * @other: room for ROUTE_TABLES_MAX; @port: for PORTS_MAX.
 */
void route_tables_describe(const struct image_routing *routing, route_tables tables,
			   struct fib_table *other, uint16_t *port);

#endif

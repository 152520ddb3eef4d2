/* SPDX-License-Identifier: GPL-2.0 */
/*
 * source_ways.h: where packets of a next-hop group may leave by, for the checks of sources.
 *
 * A group's next hops, all of them, come down to a few ports (struct route_ways). Equal ones are
 * one, and do not change while a group has them; so a group's are published by one word. Numbers
 * that no group has any more are found again when all are used up.
 *
 * For the fib alone.
 */
#ifndef SLUICE_FIB_SOURCE_WAYS_H
#define SLUICE_FIB_SOURCE_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "bpf/layout.h"

struct fib_route;

struct source_ways {
	struct nexthops *memory;
	struct table numbers;	/* struct route_ways -> uint16_t */
	uint16_t used;		/* numbers 1 .. used were given out */
	void (*grace)(void *user);	/* as fib_memory.grace */
	void *user;
};

void source_ways_init(struct source_ways *w, struct nexthops *memory, void (*grace)(void *user),
		      void *user);
void source_ways_free(struct source_ways *w);

/**
 * source_ways_set() - what @group, that is about to be published, leads to.
 * @route: its next hops. @fallback: only default routes have the group.
 */
void source_ways_set(struct source_ways *w, uint16_t group, const struct fib_route *route,
		     bool fallback);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * beside.h: what two policies do differently beside their filters: ports, tables of routes and checks of
 * sources, static routes, multicast groups, sets, prefixes that are counted, measurements.
 *
 * What decides of a packet by its address (static routes, groups, bogons) is compared by that: a packet
 * is taken that the statement decides of, and nothing longer or closer, and what both do with it. So a
 * statement that says what a wider one says already changes nothing, whether it is there or not. Ports
 * are the same if their interfaces are.
 */
#ifndef SLUICE_ANALYSE_BESIDE_H
#define SLUICE_ANALYSE_BESIDE_H

#include "base/diag.h"
#include "base/vec.h"

struct policy;

struct beside_change {
	const char *kind;		/* "group", "route", ... */
	char *name;			/* "(*, 239.1.1.1) from wan" */
	char *sentence;			/* "leg lan2 added", "via 10.0.0.1 on wan -> drop" */
	char *packet;			/* "in=wan ip.dst=192.0.2.1": one that it is about; NULL */
	unsigned int of;		/* the policy that has the statement: 0 before, 1 after */
	struct place place;
};

/** beside_compare() - appends all such differences to @out, a vec of struct beside_change. */
void beside_compare(const struct policy *before, const struct policy *after, struct vec *out);

void beside_free(struct vec *changes);

#endif

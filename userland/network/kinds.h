/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kinds.h: private to network: the addresses of a network, by what its routers do with them.
 *
 * The static routes of all routers cut the addresses into regions: a prefix that some router has a
 * route for, without the longer ones in it that some router has a route for. In a region every
 * router has one route, or none. Regions whose routes lead to the same ports everywhere are one
 * kind, and what is proved of one address of it holds for all of them.
 */
#ifndef SLUICE_NETWORK_KINDS_H
#define SLUICE_NETWORK_KINDS_H

#include "network/network.h"

struct network_kind {
	struct addr dst;			/* one of its addresses */
	const struct policy_static **route;	/* by node; NULL: none */
};

struct network_kinds {
	struct arena arena;
	struct vec list;			/* of struct network_kind */
};

void network_kinds_find(const struct network *net, struct network_kinds *kinds);
void network_kinds_free(struct network_kinds *kinds);

#endif

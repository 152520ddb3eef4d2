/* SPDX-License-Identifier: GPL-2.0 */
/*
 * beside_inside.h: what the files of analyse/beside know of one another.
 */
#ifndef SLUICE_ANALYSE_BESIDE_INSIDE_H
#define SLUICE_ANALYSE_BESIDE_INSIDE_H

#include <stdbool.h>

#include "analyse/beside.h"
#include "base/addr.h"
#include "base/text.h"
#include "policy/tree.h"

struct beside {
	const struct policy *policy[2];
	struct vec *out;
};

/** beside_add() - a change of the statement at @place in policy @of. Takes over what @name, @sentence, @packet hold. */
void beside_add(struct beside *b, const char *kind, struct text *name, struct text *sentence,
		struct text *packet, unsigned int of, const struct place *place);

/** beside_packet() - "in=wan ip.src=... ip.dst=...": on @port of @p; what is NULL may be anything. */
void beside_packet(const struct policy *p, const struct policy_port *port, const struct addr *src,
		   const struct addr *dst, struct text *out);

/** beside_port() - the port of @p that has the interface of @port; NULL. */
const struct policy_port *beside_port(const struct policy *p, const struct policy_port *port);

/**
 * beside_free_address() - an address of @prefix that is in no other of @prefixes that lies within it.
 * @prefixes: of struct prefix, sorted by prefix_cmp(). Return: whether there is one.
 */
bool beside_free_address(const struct prefix *prefix, const struct vec *prefixes, struct addr *a);

void beside_sort(struct vec *prefixes);

void beside_statics(struct beside *b);
void beside_bogons(struct beside *b);
void beside_counted(struct beside *b);
void beside_groups(struct beside *b);

#endif

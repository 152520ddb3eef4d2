/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_LOWER_PREDICATE_H
#define SLUICE_LOWER_PREDICATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/vec.h"
#include "lower/box.h"

struct diags;
struct lower_names;
struct policy;
struct policy_predicate;

/* What all predicates of a policy are lowered with. */
struct lowering {
	const struct policy *policy;
	struct lower_names *names;
	struct arena arena;		/* of the boxes; to be emptied between two predicates */
	struct values ports;		/* numbers of all ports, not in the arena: span is freed at the end */
	size_t pairs;			/* of boxes that were tried so far */
	struct vec product, tests;	/* room to work in: of struct box, struct rule_test */
	struct diags *diags;
};

void lowering_init(struct lowering *l, const struct policy *policy, struct lower_names *names,
		   struct diags *diags);
void lowering_free(struct lowering *l);

/**
 * predicate_boxes() - appends the boxes of @predicate to @boxes, of struct box.
 * @predicate: NULL: all packets. @negate: of the packets that do not meet it.
 * @within: only those in this box.
 * Return: 0; -E2BIG with the place in @l->diags.
 */
int predicate_boxes(struct lowering *l, const struct policy_predicate *predicate, bool negate,
		    const struct box *within, struct vec *boxes);

#endif

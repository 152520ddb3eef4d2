/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ways.h: where a packet that the filter lets through may go, as a list: the first way that has it.
 */
#ifndef SLUICE_ANALYSE_WAYS_H
#define SLUICE_ANALYSE_WAYS_H

#include <stdbool.h>

#include "base/vec.h"
#include "rules/rules.h"

struct policy;
struct policy_port;

struct way {
	struct rule *box;
	bool open;			/* it may get there, */
	bool jumbogram;			/* if its payload is said to be of length 0 */
};

/**
 * ways_find() - from port @from to port @to.
 * @to: NULL: to this host.
 * @lenient: for "reachable": see questions.h. Else whatever could leave by @to is open.
 * @out: a vec of struct way that is appended to; the last one has every packet.
 */
void ways_find(const struct policy *policy, const struct policy_port *from,
	       const struct policy_port *to, bool lenient, struct vec *out);

void ways_free(struct vec *ways);

#endif

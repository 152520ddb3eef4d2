// SPDX-License-Identifier: GPL-2.0
/*
 * check_assert.c: that an assertion speaks of ports and predicates that there are. Whether it holds is
 * another question: userland/analyse.
 */
#include "policy/checker.h"

/* That something is asserted of a port does nothing with its packets: it is not used by that. */
static void find_end(struct check *c, struct policy_port_ref *ref)
{
	ref->port = find_name(c, NAMED_PORT, ref->name, ref->place);
}

void check_asserts(struct check *c)
{
	for (size_t i = 0; i < c->policy->asserts.len && !c->diags->truncated; i++) {
		struct policy_assert *a = vec_at(&c->policy->asserts, i);

		if (i == POLICY_ASSERTS_MAX) {
			diag_error(c->diags, a->place, "a policy asserts at most %d things",
				   POLICY_ASSERTS_MAX);
			return;
		}
		if (a->from.name)
			find_end(c, &a->from);
		if (a->to.name)
			find_end(c, &a->to);
		if (a->predicate)
			check_predicate(c, a->predicate);
	}
}

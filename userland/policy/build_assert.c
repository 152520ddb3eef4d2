// SPDX-License-Identifier: GPL-2.0
/*
 * build_assert.c: what shall hold, whatever the rest of the policy says.
 */
#include "policy/build.h"

struct policy_assert claim_path(enum policy_assert_kind kind, const struct policy_port_ref *from,
				const struct policy_assert *target,
				const struct policy_assert *unless)
{
	struct policy_assert a = *target;

	a.kind = kind;
	a.from = *from;
	a.predicate = unless->predicate;
	a.unless = unless->unless;
	return a;
}

void build_assert(struct document *doc, const struct policy_assert *claim, struct place at)
{
	struct policy_assert *a = vec_append(&doc->parser->policy->asserts, claim);

	a->place = at;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * build_assert.c: what shall hold, whatever the rest of the policy says.
 */
#include "policy/build.h"

struct policy_assert *new_claim(struct document *doc, enum policy_assert_kind kind)
{
	struct policy_assert *claim = new_node(doc, sizeof(*claim));

	claim->kind = kind;
	return claim;
}

struct policy_assert *claim_path(enum policy_assert_kind kind, const struct policy_port_ref *from,
				 struct policy_assert *claim, const struct policy_assert *unless)
{
	claim->kind = kind;
	claim->from = *from;
	if (unless) {
		claim->predicate = unless->predicate;
		claim->unless = unless->unless;
	}
	return claim;
}

/* What they say would have to travel with this policy wherever it is checked, and be no part of it. */
struct policy_assert *claim_policies(struct document *doc, struct place at)
{
	diag_error(diags_of(doc), at, "a policy does not compare other policies");
	diag_hint(diags_of(doc),
		  "'sluice equiv A B' does; \"assert equal\" compares the filters of two ports");
	return new_claim(doc, ASSERT_COVERED);
}

void build_assert(struct document *doc, const struct policy_assert *claim, struct place at)
{
	struct policy_assert *a = vec_append(&doc->parser->policy->asserts, claim);

	a->place = at;
}

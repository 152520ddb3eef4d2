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

struct policy_assert *claim_policies(struct document *doc, struct word one, struct place one_at,
				     struct word other, struct place other_at)
{
	struct policy_assert *claim = new_claim(doc, ASSERT_EQUAL_POLICIES);

	claim->document[0] = string_of(doc, one);
	claim->document[1] = string_of(doc, other);
	claim->document_place[0] = one_at;
	claim->document_place[1] = other_at;
	return claim;
}

void build_assert(struct document *doc, const struct policy_assert *claim, struct place at)
{
	struct policy_assert *a = vec_append(&doc->parser->policy->asserts, claim);

	a->place = at;
}

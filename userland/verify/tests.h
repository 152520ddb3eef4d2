/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tests.h: the tests that the rules of a policy make, by field, each once.
 *
 * Rules say the same again and again: a hundred thousand rules have some hundred services between them.
 * What a test is worth for telling packets apart is the set of its values, so of tests with the same
 * values one is enough ("!=" has those of "==": the same packets are told apart).
 */
#ifndef SLUICE_VERIFY_TESTS_H
#define SLUICE_VERIFY_TESTS_H

#include "base/vec.h"
#include "policy/tree.h"

/* By field: vecs of const struct policy_predicate *. Ports of TCP and UDP are with those of FIELD_L4_*. */
struct tests {
	struct vec of[FIELD_COUNT];
};

/** tests_find() - of @rules, a vec of struct policy_rule * of a checked policy, which must stay. */
void tests_find(const struct vec *rules, struct tests *out);
void tests_free(struct tests *t);

/** tests_field() - the field whose tests @field shares: itself, but for ports of TCP and UDP. */
enum policy_field tests_field(enum policy_field field);

#endif

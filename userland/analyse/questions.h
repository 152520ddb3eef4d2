/* SPDX-License-Identifier: GPL-2.0 */
/*
 * questions.h: do a policy's assertions hold, for every packet that there can be?
 *
 * What they mean. Sets may have anything in them, a police rule may drop or not, and the
 * kernel's routes and neighbours may be what they like: they are not in the policy.
 *
 *	isolated A -> B	no packet that comes in on A leaves by B. Let through by the filter, it can
 *			leave by a port if it is multicast and its group has a leg there; or, if the
 *			policy routes, if it is unicast IP that can be routed at all, by any port.
 *			It can get to "host" if anything passes it up: what is not IP, unicast,
 *			multicast unless its group has no leg there, and what is not read to the end
 *			(a jumbogram, nine extension headers), which gets nowhere else.
 *	reachable A -> B every packet that comes in on A is let through by the filter, by no police
 *			rule, and B is open to it: a leg for its group, or the policy routes, or "host" as
 *			above. What a port cannot send by itself (TTL 1, addresses that are not
 *			routed, headers not read to the end) is not the policy's doing, and does not
 *			count.
 *	never P reaches B isolated from every port, of packets that meet P.
 *	covered		every rule can match some packet.
 *	equal A B	the filters of both treat all packets alike, whatever they do beside.
 *	equal policy "A" "B" the filters of both documents treat all packets alike.
 *
 * All are about frames that a filter is asked about: those that are not malformed (bpf/reasons.h).
 */
#ifndef SLUICE_ANALYSE_QUESTIONS_H
#define SLUICE_ANALYSE_QUESTIONS_H

#include <stdbool.h>

#include "base/vec.h"
#include "rules/rules.h"

struct diags;
struct policy;
struct policy_assert;

enum assertion_verdict { ASSERTION_HOLDS, ASSERTION_VIOLATED, ASSERTION_UNDECIDED };

struct assertion {
	const struct policy_assert *assert;
	enum assertion_verdict verdict;
	bool vacuous;			/* it holds because there is no packet that it is about */
	char *sentence;			/* unless it holds: what is wrong */
	char *packet;			/* "in=wan ip.src=192.0.2.1"; NULL: none to show */
	struct vec rules;		/* of const struct policy_rule *: that the packet meets, or that are wrong */
};

#define ANALYSE_SECONDS	10.0	/* for all of a policy's assertions, unless somebody says otherwise */

/**
 * analyse_assertions() - answers all of a policy's assertions.
 * @policy: checked, without errors.
 * @seconds: after so long, what is left is undecided; 0: never.
 * @out: a vec of struct assertion that is appended to, in the order of the text.
 * Return: 0; -E2BIG: filters that cannot be analysed, with the reason in @diags.
 */
int analyse_assertions(const struct policy *policy, double seconds, struct vec *out,
		       struct diags *diags);

void assertions_free(struct vec *assertions);

/**
 * analyse_asserts() - the same as diagnostics: an error for each assertion that does not hold or was
 * not decided in time, a warning for each that is about no packet.
 * @option: how a user gives more time, for the hint: "--prove-time".
 * Return: whether all hold.
 */
bool analyse_asserts(const struct policy *policy, double seconds, const char *option,
		     struct diags *diags);

/**
 * analyse_dead_rules() - a warning for each rule that no packet can reach, with the rules in front that
 * take its packets, and one if that was not found out of all of them. Filters that cannot be analysed are an
 * error. @option: as above.
 */
void analyse_dead_rules(const struct policy *policy, double seconds, const char *option, struct diags *diags);

#endif

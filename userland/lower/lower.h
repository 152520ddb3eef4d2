/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lower.h: from filters to rule lists: predicates become boxes.
 *
 * A rule of a policy tests whatever "and", "or" and "not" make of its fields; a rule of a
 * rule list (rules/rules.h) is a box: source prefixes, destination prefixes, ranges of fields.
 * A predicate becomes a union of boxes; all boxes of a rule carry its number as their
 * action, and stand where the rule stood. The compiler makes tables of the lists, the analysis
 * asks them questions: both see the policy through this one door, and policy/eval, which knows
 * nothing of it, judges both.
 *
 * Rules that act and go on lie in layers of their own, each a list in which no packet matches
 * boxes of two rules; within a layer the order of the text is kept.
 *
 * What the boxes rely on, of packets (bpf/rules.h): a field that a packet lacks is 0; the bit of a
 * set in field RULES_SETS is 0 for a packet that lacks what the set is asked for, l4.src or
 * l4.dst for ports of any protocol. Boxes name no combination that no packet can have by one field
 * alone: where a box excludes 0 from l4.dst it demands protocol 6 or 17 and no later fragment, and
 * where it excludes those it says nothing of l4.dst; likewise all that POLICY_FIELDS ties
 * together, and eth.type with the family.
 */
#ifndef SLUICE_LOWER_LOWER_H
#define SLUICE_LOWER_LOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "bpf/classify.h"
#include "rules/rules.h"

struct diags;
struct frame_fields;
struct policy;
struct policy_predicate;

/* What numbers in fields of rules stand for. */
struct lower_names {
	uint16_t *port;			/* number of each of policy->ports: RULES_IN */
	size_t ports;
	struct vec macs;		/* of struct lower_mac: RULES_ETH_SRC, RULES_ETH_DST: number is place + 1 */
	struct table mac_numbers;	/* the same the other way round: struct lower_mac -> uint16_t */
};

struct lower_mac {
	uint8_t address[6];
};

/** lower_names_init() - names of ports, none of addresses. @port: as lower_policy(). */
void lower_names_init(struct lower_names *names, const struct policy *policy, const uint16_t *port);
void lower_names_free(struct lower_names *names);

/* Of one policy. */
struct lowered {
	struct lower_names names;
	unsigned int layers;		/* 0: there is no filter; else layer 0 has the rules that end a search */
	struct rule_list layer[LAYERS_MAX];	/* struct rule.action: number of the policy's rule */
	uint32_t *layer_of;		/* by number of rule: which layer. A rule that no packet meets is in none: 0 */
};

/**
 * lower_policy() - the rule lists of all filters of a policy.
 * @policy: checked, without errors.
 * @port: number of each of policy->ports, 1 .. 1023; copied.
 * Return: 0; -E2BIG with the reason in @diags: a predicate comes to too many boxes, rules that
 * go on overlap in more than LAYERS_MAX - 1 layers. @out is untouched then.
 */
int lower_policy(const struct policy *policy, const uint16_t *port, struct lowered *out,
		 struct diags *diags);

/** lowered_free() - gives all of it back, lists that were not taken over included. */
void lowered_free(struct lowered *lowered);

/**
 * lower_predicate() - the boxes of one predicate, as rules with action @action, appended to @list.
 * @predicate: NULL: all packets. @negate: those that do not meet it.
 * Addresses of the link layer that are not yet in @names get the next number.
 * The order of the boxes has no meaning; they may overlap.
 * Return: 0; -E2BIG: more than LOWER_BOXES_MAX boxes, with the place in @diags. @list is
 * untouched then.
 */
int lower_predicate(const struct policy *policy, struct lower_names *names,
		    const struct policy_predicate *predicate, bool negate, uint32_t action,
		    struct rule_list *list, struct diags *diags);
#define LOWER_BOXES_MAX	65536

/**
 * lower_packet() - what rule lists see of a packet.
 * @fields: settled or read.
 * @sets: what policy->set_tests come to: bit i for number i.
 */
void lower_packet(const struct lower_names *names, const struct frame_fields *fields, uint16_t sets,
		  struct rule_packet *packet);

#endif

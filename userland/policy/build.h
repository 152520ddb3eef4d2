/* SPDX-License-Identifier: GPL-2.0 */
/*
 * build.h: private to the parser: from the grammar's rules to the tree.
 *
 * Each function takes the places that its complaints point at. A statement
 * with a wrong value in it still enters its name, so that those who use the name are
 * not blamed.
 */
#ifndef SLUICE_POLICY_BUILD_H
#define SLUICE_POLICY_BUILD_H

#include "policy/parser.h"

void build_include(struct document *doc, struct word path, struct place at);

void build_port(struct document *doc, struct word name, struct place at,
		struct word interface, struct place interface_at, enum policy_mode mode);
/** interface_mistake() - what is wrong with the name of an interface; NULL: nothing. */
const char *interface_mistake(const char *name);
void build_broken_port(struct document *doc, struct word name, struct place at);

/* let: the values first, then the statement. */
struct policy_value value_prefix(struct prefix p, struct place at);
struct policy_value value_address_range(struct document *doc, struct place at);
struct policy_value value_numbers(struct document *doc, uint64_t first, uint64_t last,
				  struct place at);
struct policy_value value_let(struct document *doc, struct word name, struct place at);
void build_first_value(struct document *doc, const struct policy_value *v);
void build_value(struct document *doc, const struct policy_value *v);
void build_let(struct document *doc, struct word name, struct place at);
void build_broken_let(struct document *doc, struct word name, struct place at);

/* route: the table first, then its limits, then the statement. */
void build_table(struct document *doc, enum policy_table table, const struct word *vrf,
		 uint64_t number);
void build_limit(struct document *doc, enum addr_family family, uint64_t limit,
		 struct place word_at, struct place at);
void build_route(struct document *doc, struct place at);

/* multicast: where from, the legs, then the statement. */
struct policy_port_ref build_ref(struct document *doc, struct word name, struct place at);
void build_first_from(struct document *doc, const struct policy_port_ref *ref);
void build_from(struct document *doc, const struct policy_port_ref *ref);
void leg_vlan(struct document *doc, struct policy_leg *leg, uint64_t vlan,
	      struct place word_at, struct place at);
void leg_ttl(struct document *doc, struct policy_leg *leg, uint64_t ttl,
	     struct place word_at, struct place at);
void build_first_leg(struct document *doc, const struct policy_leg *leg);
void build_leg(struct document *doc, const struct policy_leg *leg);
void build_group(struct document *doc, const struct policy_group *group);

/* measure: the key first, then settings, then the statement. */
void build_first_field(struct document *doc, struct word field, struct place at);
void build_field(struct document *doc, struct word field, struct place at);
void set_threshold(struct document *doc, const struct quantity *q, struct place word_at,
		   struct place at);
void set_oversampling(struct document *doc, const struct quantity *q, struct place word_at,
		      struct place at);
void set_interval(struct document *doc, const struct quantity *q, struct place word_at,
		  struct place at);
void set_slots(struct document *doc, const struct quantity *q, struct place word_at,
	       struct place at);
void build_measure(struct document *doc, struct word name, struct place at);

#endif

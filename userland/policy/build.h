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

/* ---- what the build files share ---- */

struct diags *diags_of(struct document *doc);
char *name_of(struct document *doc, struct word w);
/** string_of() - what stands between the quotes, without the backslashes. */
char *string_of(struct document *doc, struct word w);
/** new_node() - zeroed, in the policy's arena. */
void *new_node(struct document *doc, size_t size);
/** keep_list() - a list that was collected, as one that lies in the policy's arena; @list starts anew. */
struct vec keep_list(struct document *doc, struct vec *list);

/* ---- build.c ---- */

void build_include(struct document *doc, struct word path, struct place at);

void build_port(struct document *doc, struct word name, struct place at,
		struct word interface, struct place interface_at, enum policy_mode mode);
/** interface_mistake() - what is wrong with the name of an interface; NULL: nothing. */
const char *interface_mistake(const char *name);
void build_broken_port(struct document *doc, struct word name, struct place at);

/* let: the values first, then the statement. */
struct policy_value value_prefix(struct prefix p, struct place at);
struct policy_value value_addresses(struct document *doc, const struct prefix *first,
				    const struct prefix *last, struct place at);
struct policy_value value_numbers(struct document *doc, uint64_t first, uint64_t last,
				  struct place at);
struct policy_value value_mac(uint64_t mac, struct place at);
struct policy_value value_let(struct document *doc, struct word name, struct place at);
void build_first_value(struct document *doc, const struct policy_value *v);
void build_value(struct document *doc, const struct policy_value *v);
void build_let(struct document *doc, struct word name, struct place at);
void build_let_predicate(struct document *doc, struct word name, struct place at,
			 struct policy_predicate *predicate);
void build_broken_let(struct document *doc, struct word name, struct place at);

/* route: the table first, then its limits and checks, then the statement. */
void build_table(struct document *doc, enum policy_table table, const struct word *vrf,
		 struct place vrf_at, uint64_t number, struct place number_at);
void build_table_ports(struct document *doc);
void build_bogons(struct document *doc);
void bogons_and(struct document *doc, struct word name, struct place at);
void bogons_except(struct document *doc, struct word name, struct place at);
void build_source_check(struct document *doc, enum policy_source kind, struct place at);
void build_limit(struct document *doc, enum addr_family family, uint64_t limit,
		 struct place word_at, struct place at);
void build_route(struct document *doc, struct place at);

/* route PREFIX: its next hops, then the statement. */
void build_hops(struct document *doc);
void build_hop(struct document *doc, const struct prefix *via, const struct policy_port_ref *to,
	       struct place at);
void build_static(struct document *doc, const struct prefix *prefix, struct place at);
void build_counted(struct document *doc, const struct prefix *prefix, struct place at);
void build_counted_hops(struct document *doc, struct place at);

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

/* ---- build_predicate.c ---- */

/** find_field() - FIELD_COUNT if there is none of that name: said. */
enum policy_field find_field(struct document *doc, struct word name, struct place at);
/** value_or() - "syn|fin": both are numbers, or names of TCP flags. */
struct policy_value value_or(struct document *doc, const struct policy_value *a,
			     const struct policy_value *b, struct place at);
struct mask mask_of(struct document *doc, enum policy_field field, const struct policy_value *v,
		    struct place at);
struct policy_predicate *predicate_join(struct document *doc, enum policy_predicate_kind kind,
					struct policy_predicate *left,
					struct policy_predicate *right, struct place at);
struct policy_predicate *predicate_name(struct document *doc, struct word name, struct place at);
struct policy_predicate *predicate_broken(struct document *doc, struct place at);
/** predicate_test() - with the values that were collected. */
struct policy_predicate *predicate_test(struct document *doc, enum policy_field field,
					struct mask mask, enum policy_compare compare,
					struct place at);

/* ---- build_set.c: size and timeout first, then the statement ---- */

void build_sizes(struct document *doc);
void set_size(struct document *doc, const struct quantity *q, struct place word_at, struct place at);
void set_timeout(struct document *doc, const struct quantity *q, struct place word_at,
		 struct place at);
void build_set(struct document *doc, struct word name, struct place at, enum policy_field field,
	       struct place field_at);
void build_broken_set(struct document *doc, struct word name, struct place at);

/* ---- build_filter.c: the ports first, then rule by rule, the actions of each first ---- */

void build_filter(struct document *doc, struct place at);
struct policy_action *action_plain(struct document *doc, enum policy_action_kind kind, struct place at);
struct policy_action *action_text(struct document *doc, enum policy_action_kind kind,
				 struct word string, struct place string_at, struct place at);
struct policy_action *action_mark(struct document *doc, uint64_t mark, struct place mark_at,
				 struct place at);
struct policy_action *action_insert(struct document *doc, enum policy_field field,
				   struct place field_at, struct word set, struct place set_at,
				   struct place at);
struct policy_action *action_police(struct document *doc, const struct quantity *rate,
				   struct place rate_at, struct place at);
void police_burst(struct document *doc, struct policy_action *a, const struct quantity *burst,
		  struct place word_at, struct place burst_at, struct place at);
void police_per(struct document *doc, struct policy_action *a, enum policy_field field,
		struct place word_at, struct place field_at, struct place at);
void police_default(struct policy_action *a);
void build_first_action(struct document *doc, const struct policy_action *a);
void build_action(struct document *doc, const struct policy_action *a);
/** build_rule() - NULL: there are too many. */
struct policy_rule *build_rule(struct document *doc, struct policy_predicate *predicate, struct place at);

/* ---- build_assert.c ---- */

struct policy_assert *new_claim(struct document *doc, enum policy_assert_kind kind);
/** claim_path() - the claim that has its end already; @unless: NULL: about all packets. */
struct policy_assert *claim_path(enum policy_assert_kind kind, const struct policy_port_ref *from,
				 struct policy_assert *claim, const struct policy_assert *unless);
struct policy_assert *claim_policies(struct document *doc, struct word one, struct place one_at,
				     struct word other, struct place other_at);
void build_assert(struct document *doc, const struct policy_assert *claim, struct place at);

#endif

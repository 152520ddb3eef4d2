/* SPDX-License-Identifier: GPL-2.0 */
/*
 * diagram.h: rule lists and core expressions as diagrams of userland/dd.
 *
 * A diagram is exact, and canonical: what two lists do not treat alike is dd_differ(), rules that
 * can match are those whose marks are in some leaf. It is affordable for lists of some thousand
 * rules; beyond, and for lists made to explode, it ends at its budget, with a sentence
 * (dd_refusal()). The analysis by regions has no such limit, and is held against this one.
 */
#ifndef SLUICE_ANALYSE_DIAGRAM_H
#define SLUICE_ANALYSE_DIAGRAM_H

#include "dd/dd.h"
#include "policy/core.h"
#include "rules/rules.h"

/* ---- core expressions ------------------------------------------------ */

/*
 * A space for diagrams of some expressions, and the names of what is in them. Ports are the same if
 * their names are, marks and sets likewise: expressions of two policies can be compared in one space.
 *
 * Each field that a packet may lack is asked only where it is there: tcp.dst behind eth.type,
 * ip.proto and ip.frag, as l4.dst. So packets that cannot be do not tell two diagrams apart, but for
 * pkt.len, which may say less than what the packet has in it.
 * A test of a set is a field of its own, with the values 0 and 1. "ip.ttl := ip.ttl - 1" is a mark:
 * it stands beside, and a test of ip.ttl behind it is refused; so is a set that is asked for a field
 * which is assigned.
 */
struct diagram;

/** diagram_new() - @cores outlive it. @budget: bytes, of the diagrams. */
struct diagram *diagram_new(const struct core *const *cores, size_t n, size_t budget);

void diagram_free(struct diagram *d);

/**
 * diagram_of_core() - the diagram of one of the expressions.
 * @sources: whether each rule's actions begin with the mark DD_SOURCE + its number in policy->rules; of
 * expressions that were made of a policy (see dd_meaning()).
 * Return: NULL: refused.
 */
const struct dd *diagram_of_core(struct diagram *d, const struct core *core, bool sources);

/** diagram_refusal() - why diagram_of_core() returned NULL, one sentence. */
const char *diagram_refusal(const struct diagram *d);

struct dd_space *diagram_space(struct diagram *d);

/** diagram_names() - for dd_dump() and dd_dot(). */
const struct dd_names *diagram_names(struct diagram *d);

/**
 * diagram_values() - a packet as dd_eval() takes it: at most DD_FIELDS_MAX values.
 * @core: whose ports the packet's "in" counts. @world: for its sets.
 */
void diagram_values(const struct diagram *d, const struct core *core, const struct core_world *world,
		    const struct frame_fields *packet, dd_value *values);

/**
 * diagram_packet() - and back, of a witness: settled, if it is a packet that can be.
 * Return: false: it cannot (values that no frame has, such as a TCP packet of 20 bytes), or @core
 * has not its port.
 */
bool diagram_packet(struct diagram *d, const struct core *core, const dd_value *values,
		    struct frame_fields *packet);

/** diagram_mark() - the mark of number @number in a leaf; NULL: ip.ttl := ip.ttl - 1, or a source. */
const struct core_expression *diagram_mark(const struct diagram *d, uint32_t number);

/** diagram_out() - where a copy leaves that a leaf makes: @port is a place in @core's ports. */
enum core_fate diagram_out(const struct diagram *d, const struct core *core,
			   const struct dd_list *copy, unsigned int *port);

/* ---- rule lists ------------------------------------------------------ */

/* What a list asks of a packet: which kind of packet, two addresses of either family, the fields. */
enum diagram_list_field {
	LIST_FAMILY,		/* 0 not IP, 1 IPv4, 2 IPv6: it tells which addresses count */
	LIST_SRC4, LIST_DST4, LIST_SRC6, LIST_DST6,
	LIST_FIELD,		/* + RULES_*: the others */
	LIST_FIELD_COUNT = LIST_FIELD + RULES_FIELD_COUNT
};

/** diagram_list_space() - a space for diagrams of rule lists. @budget: bytes. */
struct dd_space *diagram_list_space(size_t budget);

/*
 * diagram_mark_fn - what a packet is marked with whose first match is @rule, the @place-th; below
 * DD_SOURCE.
 */
typedef uint32_t diagram_mark_fn(void *context, const struct rule *rule, uint32_t place);

/**
 * diagram_of_list() - the first match of each packet: one mark; dd_none() where no rule matches.
 * @mark: NULL: the place in the list.
 * Return: NULL: refused.
 */
const struct dd *diagram_of_list(struct dd_space *s, const struct rule_list *list,
				 diagram_mark_fn *mark, void *context);

/** diagram_of_rule() - the predicate that @rule's box is. */
const struct dd *diagram_of_rule(struct dd_space *s, const struct rule *rule);

/** diagram_list_values() - @packet as dd_eval() takes it: LIST_FIELD_COUNT values. */
void diagram_list_values(const struct rule_packet *packet, dd_value *values);

/** diagram_list_packet() - and back, of a witness. */
void diagram_list_packet(const dd_value *values, struct rule_packet *packet);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * diagram.h: rule lists and core expressions as diagrams of userland/dd.
 *
 * A diagram is exact, and canonical: what two lists do not treat alike is dd_differ(), rules that
 * can match are those whose marks are in some leaf. It is affordable for lists of some thousand rules; beyond,
 * and for lists made to explode, it ends at its budget, with a sentence (dd_refusal()). The
 * analysis by regions has no such limit, and is held against this one.
 */
#ifndef SLUICE_ANALYSE_DIAGRAM_H
#define SLUICE_ANALYSE_DIAGRAM_H

#include "dd/dd.h"
#include "rules/rules.h"

/* ---- rule lists -------------------------------------------------------------- */

/* What a list asks of a packet: which kind of packet, two addresses of either family, the fields. */
enum diagram_list_field {
	LIST_FAMILY,		/* 0 not IP, 1 IPv4, 2 IPv6: asked first, so that of two addresses one counts */
	LIST_SRC4, LIST_DST4, LIST_SRC6, LIST_DST6,
	LIST_FIELD,		/* + RULES_*: the others */
	LIST_FIELD_COUNT = LIST_FIELD + RULES_FIELD_COUNT
};

/** diagram_list_space() - a space for diagrams of rule lists. @budget: bytes. */
struct dd_space *diagram_list_space(size_t budget);

/* diagram_mark_fn - what a packet is marked with whose first match is @rule, the @place-th; below DD_SOURCE. */
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

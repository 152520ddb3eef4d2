/* SPDX-License-Identifier: GPL-2.0 */
/*
 * box.h: products of sets: one of addresses a side, one of values for each other field.
 *
 * The algebra that predicates are lowered by. A box has the packets whose family is named,
 * whose addresses are in its two sets (a packet that is not IP has none to ask for), and whose
 * fields are each in theirs. Everything a box refers to lies in an arena or is constant; boxes are
 * copied freely.
 *
 * Fields depend on one another (policy/tree.h, POLICY_FIELDS), and box_settle() brings that out,
 * so that boxes that no packet can meet are known as such, and those that say the same
 * look alike:
 *	a field that is there only in some packets, and must not be 0, demands what those have;
 *	of packets that cannot have it nothing is asked;
 *	the ethertype and the family say the same of IP.
 */
#ifndef SLUICE_LOWER_BOX_H
#define SLUICE_LOWER_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lower/prefixes.h"
#include "rules/rules.h"

struct arena;
struct vec;

struct span {
	uint16_t first, last;
};

/* Values of one field: sorted, apart from each other. */
struct values {
	const struct span *span;
	uint32_t len;
};

/* What the bits of RULES_SETS must be: (bits & care) == want. */
struct bits {
	uint16_t want, care;
};

struct box {
	uint8_t families;			/* RULE_NOT_IP, RULE_IP4, RULE_IP6 */
	uint32_t tested;			/* bit RULES_*: not every value will do */
	struct prefixes address[2];		/* by enum rule_side; prefix NULL: any of its families */
	struct values value[RULES_FIELD_COUNT];	/* of those that are tested, but for RULES_SETS: */
	const struct bits *bits;		/* of which one must hold, if that is tested */
	uint32_t bits_len;
};

/* Which packets have a field. */
enum presence {
	PRESENT_ALWAYS,
	PRESENT_TAG,
	PRESENT_IP,
	PRESENT_L4,		/* TCP or UDP, no later fragment */
	PRESENT_TCP,
	PRESENT_UDP,
	PRESENT_ICMP,		/* of the packet's family, no later fragment */
	PRESENT_SOCKET,		/* TCP or UDP, no fragment at all */
};

/** box_any() - the box of all packets. */
struct box box_any(void);

/** box_presence() - which packets have field @field of rule lists. */
enum presence box_presence(enum rules_field field);

/*
 * Each of these narrows a box, and returns whether anything can be left: if not, the box is
 * undefined.
 */
bool box_families(struct box *box, uint8_t families);
bool box_addresses(struct arena *arena, struct box *box, enum rule_side side, struct prefixes set);
bool box_values(struct arena *arena, struct box *box, enum rules_field field, struct values values);
bool box_bits(struct arena *arena, struct box *box, struct bits bits);
bool box_present(struct arena *arena, struct box *box, enum presence presence);
bool box_settle(struct arena *arena, struct box *box);

/** box_set_bits() - one of @n tests of bits must hold, whatever was asked before. @bits is used up. */
void box_set_bits(struct arena *arena, struct box *box, struct bits *bits, uint32_t n);

/** box_untest() - any value of @field will do. */
void box_untest(struct box *box, enum rules_field field);

/** box_keep() - a copy of @box whose sets all lie in @arena. */
struct box box_keep(struct arena *arena, const struct box *box);

/** box_both() - what is in both of two boxes, settled. Return: false: nothing; @out is undefined then. */
bool box_both(struct arena *arena, const struct box *a, const struct box *b, struct box *out);

/** box_meets() - whether some combination of values is in both; no packet need have it. */
bool box_meets(const struct box *a, const struct box *b);

/** box_within() - whether every combination of values of @a is in @b. */
bool box_within(const struct box *a, const struct box *b);

/**
 * boxes_simplify() - fewer boxes, of struct box, which have the same packets: boxes that differ in one
 * field become one, and those that lie within another vanish.
 */
void boxes_simplify(struct arena *arena, struct vec *boxes);

/**
 * box_rules() - @box as one or two rules, appended to @list.
 * @rule: action and place are taken from it. @tests: room to work in: of struct rule_test.
 */
void box_rules(const struct box *box, const struct rule *rule, struct vec *tests,
	       struct rule_list *list);

/** box_universe() - the values that packets have in @field; of RULES_IN all there can be. */
struct values box_universe(enum rules_field field);

/** values_others() - the values of @universe that are not in @v. */
struct values values_others(struct arena *arena, struct values v, struct values universe);

/** values_both() - those that are in both. */
struct values values_both(struct arena *arena, struct values a, struct values b);

/** values_make() - the set of @n ranges in any order. */
struct values values_make(struct arena *arena, const struct span *span, uint32_t n);

bool values_within(struct values a, struct values b);

/** values_have() - whether @value is one of them. */
bool values_have(struct values v, uint16_t value);

#endif

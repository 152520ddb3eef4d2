/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rules.h: rule lists: first match wins; and the tables they become.
 *
 * A rule matches a packet if its source and its destination do, and every field that
 * it tests. The list is the meaning, and rule_list_match() reads it aloud. rules_build()
 * makes the tables of bpf/rules.h from it, which answer the same in a time that does not
 * depend on the number of rules; rules.c says how, and why it is right.
 *
 *	struct rule_list list = RULE_LIST;
 *	rule_list_add(&list, &rule);			// copied; the number is its place
 *	...
 *	rules_build(&list, &options, &rules, &why);	// takes the list
 *	... the area into a map, the shape into .rodata, the addresses into two look-ups ...
 *	rules_insert(rules, before, &rule, &number, &why);
 *	rules_delete(rules, number, &why);
 */
#ifndef SLUICE_RULES_RULES_H
#define SLUICE_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/text.h"
#include "base/vec.h"
#include "bpf/rules.h"

/* ---- rules and packets --------------------------------------------------- */

enum rule_side { RULE_SOURCE, RULE_DESTINATION };

enum rule_test_kind {
	RULE_RANGE,		/* a <= value <= b */
	RULE_MASK,		/* (value & b) == a */
};

/*
 * One test of one field. Of the tests of the same field one must hold, and that for each
 * field that has any.
 */
struct rule_test {
	uint8_t field;		/* enum rules_field */
	uint8_t kind;		/* enum rule_test_kind */
	uint16_t a, b;
};

#define RULE_NOT_IP	(1u << 0)
#define RULE_IP4	(1u << 1)
#define RULE_IP6	(1u << 2)
#define RULE_ALL	(RULE_NOT_IP | RULE_IP4 | RULE_IP6)

struct rule {
	uint8_t families;	/* RULE_NOT_IP, RULE_IP4, RULE_IP6: what it is about, at least one */
	uint32_t action;	/* the owner's */
	struct place place;	/* where its text stands */
	/* By enum rule_side: canonical, either family, in any order; none: any address. */
	uint32_t prefixes[2];
	const struct prefix *prefix[2];
	uint32_t tests;
	const struct rule_test *test;
};

/* What a rule list sees of a packet. */
struct rule_packet {
	struct addr addr[2];	/* by enum rule_side; both of one family, or both ADDR_NONE: not IP */
	uint16_t field[RULES_FIELD_COUNT];
};

struct rule_list {
	struct vec rules;	/* of struct rule *, the first to be asked first */
};
#define RULE_LIST ((struct rule_list){ .rules = VEC(struct rule *) })

/** rules_field_name() - "ip.proto" for RULES_PROTO, and so on. */
const char *rules_field_name(enum rules_field field);

/** rules_field_values() - how many values @field has: a power of two. */
uint32_t rules_field_values(enum rules_field field);

/**
 * rule_list_add() - appends a copy of @rule, its arrays included.
 * Return: 0; -EINVAL if a prefix is not canonical, a test names no field or a value
 * that the field does not have, a range is empty, or no family is named: the list is as it was.
 */
int rule_list_add(struct rule_list *list, const struct rule *rule);

/** rule_list_free() - gives the rules back; the list is empty and can be used again. */
void rule_list_free(struct rule_list *list);

/** rule_copy() - a copy of @rule and its arrays in one piece; NULL where rule_list_add() says -EINVAL. */
struct rule *rule_copy(const struct rule *rule);

/** rule_free() - frees what rule_copy() gave; NULL is allowed. */
void rule_free(struct rule *rule);

/** rule_matches() - whether @rule matches @packet: the plain meaning. */
bool rule_matches(const struct rule *rule, const struct rule_packet *packet);

/** rule_list_match() - the place of the first rule that matches, RULES_NONE if none does. */
uint32_t rule_list_match(const struct rule_list *list, const struct rule_packet *packet);

/** rule_format() - one line of text that says what @rule matches, for messages and tests. */
void rule_format(const struct rule *rule, struct text *out);

/* ---- the tables ---------------------------------------------------------- */

struct rules;

struct rules_options {
	size_t budget;		/* most bytes of the area; 0: RULES_BUDGET */
};
#define RULES_BUDGET	((size_t)64 << 20)

struct rules_stats {
	size_t rules;		/* in the list */
	size_t bytes;		/* of the area, all of it */
	size_t bytes_services;	/* of those: arrays, combinations, bits */
	size_t bytes_heads;
	size_t bytes_dense;	/* the planes that are arrays, and the chains */
	size_t bytes_hash;
	size_t bytes_lists, bytes_rows;
	size_t bytes_memory;	/* our own beside it, roughly */
	size_t classes[2];	/* address classes by enum rule_side, those of no packet included */
	size_t services, service_classes;	/* classes of group 0 */
	unsigned int groups;		/* of fields: 1 unless services are hostile */
	size_t cells;		/* in the hash */
	size_t writes;		/* (cell, rule) pairs of the last build */
	size_t lists, rows;	/* different ones */
	unsigned int bands[2];
	unsigned int probes;	/* cells that a packet looks at, at most */
	unsigned int list_max;	/* entries of the longest list allowed */
	size_t builds;		/* how often all was built: 1, and once for each change that needed it */
};

/**
 * rules_build() - makes the tables of a list. The same list gives the same bytes.
 * @list: taken over on success (and empty then); as it was on failure.
 * @options: NULL: defaults.
 * @why: on failure, one sentence appended: what does not fit, and what would help.
 * Rule numbers are the places in the list, from 0.
 * Return: 0; -E2BIG if no choice of bands fits into the budget; -EOVERFLOW if no budget would do.
 */
int rules_build(struct rule_list *list, const struct rules_options *options, struct rules **rules,
		struct text *why);

void rules_free(struct rules *rules);

/** rules_area() - the area, rules_shape()->bytes of it; good until the next change or rules_free(). */
const uint8_t *rules_area(const struct rules *rules);

/** rules_shape() - its shape; likewise. */
const struct rules_shape *rules_shape(const struct rules *rules);

/* One entry of an address look-up. */
struct rules_address {
	struct prefix prefix;
	uint32_t word;		/* RULES_ADDRESS: never 0 */
};

/**
 * rules_addresses() - appends to @out, a vec of struct rules_address, what the look-up of @side
 * shall hold: every address's word is that of its longest match. 0.0.0.0/0 and ::/0 are among them. In
 * order (prefix_cmp()), but for prefixes that changes have added.
 */
void rules_addresses(const struct rules *rules, enum rule_side side, struct vec *out);

/** rules_address_word() - the word of @addr, by the trees of userland; 0 for ADDR_NONE. */
uint32_t rules_address_word(const struct rules *rules, enum rule_side side, const struct addr *addr);

/**
 * rules_match() - the number of the first rule that matches @packet, RULES_NONE if none
 * does: the walk of the data path over the area, its address words from userland's trees.
 */
uint32_t rules_match(const struct rules *rules, const struct rule_packet *packet);

/** rules_stats() - sizes and numbers. */
void rules_stats(const struct rules *rules, struct rules_stats *stats);

/* ---- changes ------------------------------------------------------------- */

/*
 * A change recomputes the cells that the rule covers, in place: not for an area that programs
 * read; those get a copy. What it cannot do in place (a service that no rule had, a new
 * prefix over a wide one, no room) builds all of it anew; numbers of rules stay.
 * The address look-ups change if rules_addresses_version() does.
 */

/**
 * rules_insert() - enters a copy of @rule in front of rule @before; RULES_NONE: as the last.
 * @number: set to its number: a free one.
 * Return: 0; -EINVAL as rule_list_add(); -ENOENT if there is no rule @before; -E2BIG as
 * rules_build(), with all as it was.
 */
int rules_insert(struct rules *rules, uint32_t before, const struct rule *rule, uint32_t *number,
		 struct text *why);

/** rules_delete() - takes rule @number out. Return: 0; -ENOENT; -E2BIG as rules_insert(). */
int rules_delete(struct rules *rules, uint32_t number, struct text *why);

/** rules_replace() - rule @number becomes a copy of @rule. Return: as rules_insert(). */
int rules_replace(struct rules *rules, uint32_t number, const struct rule *rule, struct text *why);

/** rules_addresses_version() - another number whenever rules_addresses() would answer otherwise. */
uint64_t rules_addresses_version(const struct rules *rules);

/** rules_get() - rule @number, NULL if there is none. */
const struct rule *rules_get(const struct rules *rules, uint32_t number);

/** rules_first(), rules_next() - walks the rules in their order; RULES_NONE at the end. */
uint32_t rules_first(const struct rules *rules);
uint32_t rules_next(const struct rules *rules, uint32_t number);

#endif

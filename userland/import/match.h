/* SPDX-License-Identifier: GPL-2.0 */
/*
 * match.h: what one rule of a foreign rule set asks of a packet: tests that must all hold.
 *
 * Just enough of sets to put rules of called chains together with what they were called for:
 * tests that another makes superfluous go, rules that no packet can meet are known. What is printed
 * is policy text as a person would write it.
 */
#ifndef SLUICE_IMPORT_MATCH_H
#define SLUICE_IMPORT_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lower/prefixes.h"
#include "policy/tree.h"

struct arena;
struct text;

/* One test: of addresses, of numbers, of flags, or a predicate that stands for itself. */
struct match_test {
	enum policy_field field;
	bool unequal;			/* any value but these; the packet must have the field */
	struct prefixes prefixes;	/* ip.src, ip.dst */
	const struct range *range;	/* other fields: sorted, apart from each other */
	uint32_t ranges;
	uint8_t mask;			/* tcp.flags: (flags & mask) == range[0].first */
	const char *word;		/* not NULL: nothing of the above but unequal counts */
};

/* Never written to: matches share tests. */
struct match {
	const struct match_test *test;
	uint32_t tests;
};

/**
 * match_with() - @match and one more test. Return: false: no packet can meet that.
 */
bool match_with(struct arena *arena, struct match match, const struct match_test *test,
		struct match *out);

/** match_both() - the tests of both. Return: false: no packet can meet that. */
bool match_both(struct arena *arena, struct match a, struct match b, struct match *out);

/** match_without() - what is left to ask of @match where @known holds already. */
struct match match_without(struct arena *arena, struct match match, struct match known);

bool match_equal(struct match a, struct match b);

/**
 * match_print() - "ip.src == 192.0.2.1 and tcp.dst == 22"; nothing if there are no tests.
 * @ports: names of the ports that FIELD_IN numbers.
 */
void match_print(struct match match, const char *const *ports, struct text *out);

/* Tests, with their values in the arena. */
struct match_test match_prefixes(struct arena *arena, enum policy_field field,
				 const struct prefix *prefix, uint32_t n);
struct match_test match_numbers(struct arena *arena, enum policy_field field,
				const struct range *range, uint32_t n);
struct match_test match_number(struct arena *arena, enum policy_field field, uint64_t number);
struct match_test match_flags(struct arena *arena, uint8_t mask, uint8_t value);

/** match_range() - the prefixes from one address to another of the same family, both included. */
struct match_test match_range(struct arena *arena, enum policy_field field, const struct addr *first,
			      const struct addr *last);

#endif

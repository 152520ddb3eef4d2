/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cubes.h: sets of packets in plain sight: a product of ranges, one set of them a field.
 *
 * Answers are shown as cubes, and computed with regions: there are few of the ones and many of the
 * others. A box of a rule is up to three cubes, one for each family.
 */
#ifndef SLUICE_ANALYSE_CUBES_H
#define SLUICE_ANALYSE_CUBES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "rules/rules.h"

typedef unsigned __int128 cube_number;

struct span {
	cube_number first, last;
};

/* Sorted, apart from each other. */
struct spans {
	uint32_t count;			/* 0: every value */
	struct span *span;
};

#define CUBE_SOURCE		0
#define CUBE_DESTINATION	1
#define CUBE_FIELD		2	/* + enum rules_field */
#define CUBE_DIMENSIONS		(CUBE_FIELD + RULES_FIELD_COUNT)

struct cube {
	uint8_t family;			/* enum addr_family; ADDR_NONE: not IP */
	struct spans in[CUBE_DIMENSIONS];
};

/* A vec of struct cube owns what its cubes point to. */
#define CUBES VEC(struct cube)
void cubes_free(struct vec *cubes);

/** cubes_of_rule() - appends the cubes of @rule's box. */
void cubes_of_rule(const struct rule *rule, struct vec *cubes);

/** cubes_copy() - appends copies of the cubes of @from. */
void cubes_copy(struct vec *to, const struct vec *from);

/** cubes_meet() - appends what @a and @b, vecs of cubes, have in common. */
void cubes_meet(const struct vec *a, const struct vec *b, struct vec *out);

/**
 * cubes_minus() - takes @b away from @a, both vecs of cubes.
 * Return: false, and @a as it was, if more than @most cubes would be left.
 */
bool cubes_minus(struct vec *a, const struct vec *b, size_t most);

/** cubes_merge() - makes fewer of them: two that differ in one field become one. */
void cubes_merge(struct vec *cubes);

/** cubes_have() - whether one of them has @packet. */
bool cubes_have(const struct vec *cubes, const struct rule_packet *packet);

/** cube_last() - the largest value of a dimension of a cube of @family. */
cube_number cube_last(uint8_t family, unsigned int dimension);

/** cube_address() - the address of a number. */
struct addr cube_address(uint8_t family, cube_number n);

/** spans_equal() - whether both have the same values. */
bool spans_equal(const struct spans *a, const struct spans *b);

/** spans_prefixes() - appends to @out, a vec of struct prefix, the fewest prefixes that make up @spans. */
void spans_prefixes(uint8_t family, const struct spans *spans, struct vec *out);

/** spans_without() - the values up to @last that @spans has not; spans_free() it. count 0: none. */
struct spans spans_without(const struct spans *spans, cube_number first, cube_number last);

void spans_free(struct spans *spans);

#endif

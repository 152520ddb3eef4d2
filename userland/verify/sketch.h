/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sketch.h: packets that meet a predicate, still without addresses.
 *
 * A predicate holds in one of several ways: each is a list of tests that must hold and tests
 * that must not (struct sketch). Fields are narrowed to what these leave of them; a packet is made by
 * choosing a value of each. Sketches are for aiming only: whoever uses a packet of one asks
 * predicate_holds() whether it hit.
 */
#ifndef SLUICE_VERIFY_SKETCH_H
#define SLUICE_VERIFY_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "policy/frame.h"

struct policy_predicate;

#define SKETCHES_MAX	64	/* ways of one predicate that are looked at */

/* One way in which a predicate holds. */
struct sketch {
	uint64_t fields;		/* bit FIELD_*: narrowed; as tests_field() has them */
	struct vec left[FIELD_COUNT];	/* of struct range: what is left of a narrowed one */
	/* Tests of addresses that must hold, the shortest list of prefixes; NULL: none. By side. */
	const struct policy_predicate *address[2];
	bool ip;			/* some test needs IP */
	uint32_t in_sets, out_of_sets;	/* bits of set tests */
	bool empty;			/* something is left without a value */
};

/** sketches_make() - appends to @out, a vec of struct sketch, the ways in which @p holds (NULL: it always does). */
void sketches_make(const struct policy_predicate *p, struct vec *out);
void sketches_free(struct vec *sketches);

/**
 * sketch_fill() - a packet: each narrowed field with a value that is left, the first that goes
 * with the others.
 * @family: ADDR_V4, ADDR_V6, or ADDR_NONE: not IP.
 * Return: whether there is one.
 */
bool sketch_fill(const struct sketch *s, uint8_t family, struct frame_fields *f, uint32_t *sets);

/**
 * sketch_vary() - the same with @field at @value, or, if nothing like that is a packet, false.
 */
bool sketch_vary(const struct sketch *s, uint8_t family, enum policy_field field, uint64_t value,
		 struct frame_fields *f, uint32_t *sets);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * values.h: the values of each field that stand for all others, as addresses.h has them for addresses.
 */
#ifndef SLUICE_VERIFY_VALUES_H
#define SLUICE_VERIFY_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "policy/tree.h"

struct image_filter;
struct tests;

/* A value that stands for its kind. */
struct value {
	uint64_t value;
	uint64_t tests;		/* which of the rules' tests it meets: a hash of them all */
	bool odd;		/* another one meets the same tests, and the image has another class for it */
};

#define VALUES_SETS	FIELD_COUNT	/* of set tests, as bits */

/*
 * Of each field a vec of struct value; addresses have none. Ports of TCP and UDP alike are those of
 * FIELD_L4_SRC and FIELD_L4_DST; "no tag" is no value.
 */
struct values {
	struct vec of[FIELD_COUNT + 1];
	uint32_t tested;	/* bit FIELD_*: some rule tests it; of ports those of TCP, of UDP, and of either */
	bool all_sets;		/* all combinations of set tests are among them */
};

/** values_find() - @tests: the policy's, by tests_find(). @port: numbers, by walk_ports(). */
void values_find(const struct policy *p, const struct tests *tests,
		 const struct image_filter *filter, const uint16_t *port, struct values *out);
void values_free(struct values *v);

#endif

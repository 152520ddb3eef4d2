/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compile.h: from a checked policy to an image: the one place that joins them.
 */
#ifndef SLUICE_COMPILE_COMPILE_H
#define SLUICE_COMPILE_COMPILE_H

#include "base/diag.h"
#include "image/image.h"
#include "image/numbering.h"
#include "policy/tree.h"

struct compile_options {
	size_t budget;		/* most bytes for the tables of all filters; 0: RULES_BUDGET */
	/* Another policy, and its image: what has not changed need not be printed anew. NULL: there is none. */
	const struct policy *before;
	const struct image *image_before;
};

/**
 * compile_policy() - builds the image of @policy.
 * @policy: checked, without errors.
 * @numbering: gives port and counter numbers, and is added to.
 * @options: NULL: defaults.
 * @image: set on success; the caller frees it by image_free().
 *
 * Counters are named so that they stay the same across generations:
 *	group SOURCE GROUP PORT			what came in
 *	leg SOURCE GROUP PORT LEG		copies sent
 *	leg-ttl SOURCE GROUP PORT LEG		copies not sent, for their TTL
 *	prefix PREFIX				what was forwarded there
 * with "*" for any source, and PORT and LEG as interfaces; and of filters
 *	count NAME				what rules with count "NAME" saw
 *	set-full NAME				packets that found the set full, and were not inserted
 *	events-lost, marks-lost			events and marks that there was no room for
 *
 * Return: 0; -ENOSPC with a diagnostic that names what did not fit; -E2BIG with one if filters do not
 * fit into the budget.
 */
int compile_policy(const struct policy *policy, struct numbering *numbering,
		   const struct compile_options *options, struct image **image, struct diags *diags);

#endif

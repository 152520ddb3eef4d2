/* SPDX-License-Identifier: GPL-2.0 */
/*
 * changed_rules.h: which rules of a policy are those of the one before.
 */
#ifndef SLUICE_DAEMON_CHANGED_RULES_H
#define SLUICE_DAEMON_CHANGED_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct image;
struct policy;

struct changed_rules {
	struct vec rules;	/* of uint32_t: of the policy; new, or changed, or at another place among the others */
	struct vec gone;	/* of const struct policy_rule *: of the policy before; no more, or likewise */
	uint32_t *now;		/* [rules before]: the rule that it is now; RULES_NONE: it is of @gone */
	size_t before;
};

/**
 * changed_rules_find() - compares @policy with @before: what rules say and mean, and their order.
 * Rules that are not named say the same about the same packets, and stand in the same order.
 * Both are checked, and the images are theirs. @changed refers to both policies.
 * Return: false: they cannot be compared, as ports or sets differ.
 */
bool changed_rules_find(const struct policy *before, const struct image *image_before,
			const struct policy *policy, const struct image *image, struct changed_rules *changed);
void changed_rules_free(struct changed_rules *changed);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* rules_walk.h: what rules_walk.bpf.c and test_rules_walk.c agree on. */
#ifndef SLUICE_SELFTESTS_RULES_WALK_H
#define SLUICE_SELFTESTS_RULES_WALK_H

#include "bpf/rules.h"

#define PACKETS 16384

struct question {
	__u32 word[2];		/* address words: source, destination */
	__u16 field[RULES_FIELD_COUNT + 1];
};

#endif

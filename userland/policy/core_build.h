/* SPDX-License-Identifier: GPL-2.0 */
/*
 * core_build.h: private to the core*.c files: nodes of the core language, in a core's arena.
 */
#ifndef SLUICE_POLICY_CORE_BUILD_H
#define SLUICE_POLICY_CORE_BUILD_H

#include "policy/core.h"

struct core *core_new(void);
struct core_expression *core_node(struct core *core, enum core_kind kind);

/**
 * core_join() - the sum or the sequence of @kids, of const struct core_expression *; of one: itself.
 */
struct core_expression *core_join(struct core *core, enum core_kind kind, const struct vec *kids);

/** core_pair() - likewise of two; sums within sums become one, and sequences. */
struct core_expression *core_pair(struct core *core, enum core_kind kind,
				  const struct core_expression *a, const struct core_expression *b);

struct core_expression *core_if(struct core *core, const struct core_expression *p,
				const struct core_expression *a, const struct core_expression *b);
struct core_expression *core_not(struct core *core, const struct core_expression *p);

/** core_test_ranges() - a test of numbers; @ranges stay where they are. None: drop. */
struct core_expression *core_test_ranges(struct core *core, unsigned int field,
					 const struct range *ranges, size_t n);

/** core_keep() - a copy of what is in a vec, in the arena. */
void *core_keep(struct core *core, const struct vec *v);

/** core_is_masked() - whether @e tests tcp.flags for what core_masked() says. */
bool core_is_masked(const struct core_expression *e, uint64_t *mask, uint64_t *value);

/** core_masked_ranges() - appends those values, as struct range. */
void core_masked_ranges(uint64_t mask, uint64_t value, struct vec *ranges);

#endif

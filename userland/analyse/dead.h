/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dead.h: rules that no packet can reach, and the rules in front that have taken all of theirs.
 */
#ifndef SLUICE_ANALYSE_DEAD_H
#define SLUICE_ANALYSE_DEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct regions;

struct dead_rule {
	uint32_t number;
	bool empty;			/* no packet at all meets its tests */
	struct vec covers;		/* of struct region_rule: rules in front that have all of its packets */
};

/**
 * dead_rules() - the rules of a closed partition's @list that can match no packet.
 * @explain: whether to look for what covers them.
 * @dead: a vec of struct dead_rule that is appended to, in the order of numbers.
 * Return: how many rules could not be decided in time (see regions_limit()); 0: all are.
 */
size_t dead_rules(struct regions *r, unsigned int list, bool explain, struct vec *dead);

/** dead_rules_free() - gives back what dead_rules() appended. */
void dead_rules_free(struct vec *dead);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bands.h: which nodes are wide: the choice of bands, by counting.
 *
 * A rule is written into each pair of same-band nodes below its two prefixes. With few wide
 * nodes, rules over narrow ones are written often; with many, the dense planes are large.
 * How much either takes is counted here, before anything is built: the dense planes exactly,
 * the hash at most (two rules can share a cell).
 */
#ifndef SLUICE_RULES_BANDS_H
#define SLUICE_RULES_BANDS_H

#include "base/vec.h"
#include "rules/forest.h"

/* One source prefix and one destination prefix of a rule: nodes. */
struct piece {
	uint32_t node[2];
};

struct bands {
	unsigned int bands[2];
	uint32_t limit[2][RULES_BANDS_MAX - 1];
	/* counted: */
	uint32_t wide[2];
	bool nw, wn, nn;	/* the plane has a rule in it */
	bool nw_hashed, wn_hashed;
	size_t bytes;		/* of planes and chains, at most */
	size_t writes;		/* (cell, rule) pairs */
	size_t most_cells;	/* bytes of lists and rows, beyond which another is better; 0: any */
};

/**
 * bands_choose() - ways to choose bands, to be tried in their order.
 * @forest: in order, not yet numbered. @pieces: of struct piece, of all rules.
 * @budget: bytes; ways that take more, or too long, are left out.
 * @more: more than two bands a side: slower to choose and to walk; the fewest first.
 * @choices: a vec of struct bands that is appended to; none: no way fits.
 */
void bands_choose(const struct forest *forest, const struct vec *pieces, size_t budget, bool more,
		  struct vec *choices);

#endif

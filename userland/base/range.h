/* SPDX-License-Identifier: GPL-2.0 */
/*
 * range.h: closed intervals of numbers, and lists of them: sorted, and apart from each other (no two
 * overlap, or could be one).
 */
#ifndef SLUICE_BASE_RANGE_H
#define SLUICE_BASE_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct vec;

struct range {
	uint64_t first, last;		/* both ends are in it */
};

/** range_cmp() - for qsort(): by the first number. */
int range_cmp(const void *a, const void *b);

/** ranges_join() - makes a list of @n ranges in any order, in place. Return: how many are left. */
size_t ranges_join(struct range *ranges, size_t n);

/** ranges_others() - appends to @out, a vec of struct range, what a list leaves of 0 .. @max. */
void ranges_others(const struct range *ranges, size_t n, uint64_t max, struct vec *out);

#endif

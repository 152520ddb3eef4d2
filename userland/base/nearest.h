/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nearest.h: "did you mean": the known name that a mistyped one is closest to.
 */
#ifndef SLUICE_BASE_NEAREST_H
#define SLUICE_BASE_NEAREST_H

#include <stddef.h>

/* The search as it goes over the known names, one nearest_try() each. */
struct nearest {
	const char *wanted;
	const char *best;	/* NULL: none is close */
	unsigned int distance;
};

/** NEAREST() - a search for @name, which must stay. */
#define NEAREST(name) ((struct nearest){ .wanted = (name) })

/**
 * nearest_try() - @known becomes the best, if it is nearer than what was tried
 * before, and near at all: at most one edit in three bytes of the longer one
 * (insert, delete, change a byte, swap two neighbours). Case does not count.
 */
void nearest_try(struct nearest *n, const char *known);

#endif

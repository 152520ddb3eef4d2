/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_UNIFIED_H
#define SLUICE_TOOLS_UNIFIED_H

struct text;

/**
 * unified() - appends the difference of two texts in the unified form of diff(1), nothing if they are
 * equal. @a, @b: NULL: there is none.
 */
void unified(const char *name_a, const char *a, const char *name_b, const char *b, struct text *out);

#endif

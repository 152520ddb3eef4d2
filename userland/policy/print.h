/* SPDX-License-Identifier: GPL-2.0 */
/*
 * print.h: a tree as text that parses back to the same tree.
 */
#ifndef SLUICE_POLICY_PRINT_H
#define SLUICE_POLICY_PRINT_H

struct policy;
struct text;

/**
 * policy_print() - writes @p in the canonical form: one text, its includes in place,
 * a statement a line, comments gone.
 * @p: without errors.
 */
void policy_print(const struct policy *p, struct text *out);

#endif

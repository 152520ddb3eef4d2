/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_OTHERS_H
#define SLUICE_TOOLS_OTHERS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct policy;

/** others_differ() - whether two policies differ in what neither filters packets nor only asserts. */
bool others_differ(const struct policy *a, const struct policy *b);

/**
 * others_print() - what they do differently, a change a line, or an object each.
 * Return: how many changes there are; 0: the same is said by other words, or in another order.
 */
size_t others_print(const struct cli *cli, const struct policy *before, const struct policy *after);

#endif

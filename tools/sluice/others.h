/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_OTHERS_H
#define SLUICE_TOOLS_OTHERS_H

#include <stdbool.h>

struct policy;

/** others_differ() - whether two policies differ in what neither filters packets nor only asserts. */
bool others_differ(const struct policy *a, const struct policy *b);

#endif

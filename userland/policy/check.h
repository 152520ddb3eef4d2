/* SPDX-License-Identifier: GPL-2.0 */
/*
 * check.h: private to the parser: whether what was written makes sense.
 */
#ifndef SLUICE_POLICY_CHECK_H
#define SLUICE_POLICY_CHECK_H

struct diags;
struct policy;

/**
 * policy_check() - resolves names, fills in what tree.h marks "check", and reports what is wrong.
 */
void policy_check(struct policy *p, struct diags *diags);

#endif

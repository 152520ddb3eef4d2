/* SPDX-License-Identifier: GPL-2.0 */
/*
 * changed_sets.h: what becomes of what rules have inserted into a set that a policy declares otherwise than the
 * one before. @before: the policy that runs, or NULL; @policy: that is to run.
 */
#ifndef SLUICE_DAEMON_CHANGED_SETS_H
#define SLUICE_DAEMON_CHANGED_SETS_H

struct datapath;
struct diags;
struct policy;

/** changed_sets_warn() - says what will be lost. */
void changed_sets_warn(const struct datapath *dp, const struct policy *before, const struct policy *policy,
		       struct diags *diags);

/**
 * changed_sets_empty() - for @policy, which runs by now: the data path tells addresses from numbers, and numbers
 * not from each other.
 */
void changed_sets_empty(struct datapath *dp, const struct policy *before, const struct policy *policy);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * differences.h: what two policies do differently, for people and as JSON.
 */
#ifndef SLUICE_TOOLS_DIFFERENCES_H
#define SLUICE_TOOLS_DIFFERENCES_H

#include <jansson.h>
#include <stdbool.h>

#include "analyse/behaviour.h"

struct cli;
struct policy;
struct policy_rule;

struct differences {
	struct behaviours b;
	struct difference found;
};

/**
 * differences_find() - compares the filters of two policies.
 * @first: one difference is enough.
 * Return: 0; -E2BIG with the reason in @diags. differences_free() it in both cases.
 */
int differences_find(const struct policy *before, const struct policy *after, double seconds, bool first,
		     struct differences *d, struct diags *diags);
void differences_free(struct differences *d);

/** differences_print() - all classes; JSON: one object each. @words: what the two are called. */
void differences_print(const struct cli *cli, const struct differences *d, const char *const words[2]);

/** rule_json() - {"file": ..., "line": ..., "rule": ...}; @where: also in words, may be NULL. */
json_t *rule_json(const struct policy *p, const struct policy_rule *rule);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plain_rules.h: private to the parser: rules that need no grammar.
 */
#ifndef SLUICE_POLICY_PLAIN_RULES_H
#define SLUICE_POLICY_PLAIN_RULES_H

struct document;

/** plain_rules() - where the grammar expects a rule: takes all that can be read without it, maybe none. */
void plain_rules(struct document *doc);

#endif

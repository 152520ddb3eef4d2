/* SPDX-License-Identifier: GPL-2.0 */
/*
 * print.h: a tree as text that parses back to the same tree.
 */
#ifndef SLUICE_POLICY_PRINT_H
#define SLUICE_POLICY_PRINT_H

struct policy;
struct policy_action;
struct policy_predicate;
struct policy_rule;
struct text;

/**
 * policy_print() - writes @p in the canonical form: one text, its includes in place,
 * a statement a line, comments gone.
 * @p: without errors.
 */
void policy_print(const struct policy *p, struct text *out);

/** policy_print_predicate() - "ip.src in mgmt and tcp.dst == 22". */
void policy_print_predicate(const struct policy *p, const struct policy_predicate *predicate,
			    struct text *out);

/** policy_print_rule() - "count "telnet", drop if tcp.dst == 23;", without a new line. */
void policy_print_rule(const struct policy *p, const struct policy_rule *rule, struct text *out);

/** policy_print_action() - "count "telnet"". */
void policy_print_action(const struct policy_action *action, struct text *out);

#endif

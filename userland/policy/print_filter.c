// SPDX-License-Identifier: GPL-2.0
/*
 * print_filter.c: predicates, sets, filters and assertions as text. Numbers that have words are printed
 * as these; parentheses stand where "and" binds an "or", and where "not" binds either.
 */
#include "policy/printer.h"

#include <inttypes.h>

#include "base/quantity.h"
#include "base/text.h"
#include "policy/field.h"
#include "policy/print.h"

/* ---- predicates --------------------------------------------------------- */

static const char *const comparisons[] = {
	[COMPARE_EQUAL] = " ==", [COMPARE_UNEQUAL] = " !=", [COMPARE_LESS] = " <",
	[COMPARE_AT_MOST] = " <=", [COMPARE_GREATER] = " >", [COMPARE_AT_LEAST] = " >=",
	[COMPARE_IN] = " in",
};

static void print_operand(const struct policy *p, const struct policy_predicate *t,
			  const struct policy_value *v, struct text *out)
{
	if (v->type == VALUE_NUMBERS && v->first == v->last)
		field_print(p, t->field, v->first, out);
	else
		print_value(v, out);
}

static void print_mask(const struct policy *p, const struct policy_predicate *t, struct text *out)
{
	bool flags = t->field == FIELD_TCP_FLAGS;
	bool several = flags && (t->mask & (t->mask - 1));

	if (!t->mask_place)
		return;
	text_put(out, several ? " & (" : " & ");
	if (flags || field_kind(t->field) == KIND_MAC)
		field_print(p, t->field, t->mask, out);
	else
		text_printf(out, "0x%" PRIx64, t->mask);
	text_put(out, several ? ")" : "");
}

static void print_test(const struct policy *p, const struct policy_predicate *t, struct text *out)
{
	bool braces = t->compare == COMPARE_IN &&
		      (t->values.len != 1 ||
		       ((const struct policy_value *)vec_at(&t->values, 0))->type != VALUE_LET);

	text_put(out, policy_field_name(t->field));
	print_mask(p, t, out);
	text_put(out, comparisons[t->compare]);
	text_put(out, braces ? " { " : " ");
	for (size_t i = 0; i < t->values.len; i++) {
		text_put(out, i ? ", " : "");
		print_operand(p, t, vec_at(&t->values, i), out);
	}
	text_put(out, braces ? " }" : "");
}

/* How strongly a predicate holds together. */
static int binding(const struct policy_predicate *p)
{
	return p->kind == PREDICATE_OR ? 0 : p->kind == PREDICATE_AND ? 1 :
	       p->kind == PREDICATE_NOT ? 2 : 3;
}

/* As part of something that takes parts of at least @least. */
static void print_part(const struct policy *policy, const struct policy_predicate *p, int least,
		       struct text *out)
{
	bool parentheses = binding(p) < least;

	text_put(out, parentheses ? "(" : "");
	switch (p->kind) {
	case PREDICATE_NONE:
		break;
	case PREDICATE_AND:
	case PREDICATE_OR:
		print_part(policy, p->left, binding(p), out);
		text_put(out, p->kind == PREDICATE_AND ? " and " : " or ");
		print_part(policy, p->right, binding(p) + 1, out);
		break;
	case PREDICATE_NOT:
		text_put(out, "not ");
		print_part(policy, p->left, binding(p), out);
		break;
	case PREDICATE_NAME:
		text_put(out, p->name);
		break;
	case PREDICATE_TEST:
		print_test(policy, p, out);
		break;
	case PREDICATE_SET:
		text_put(out, policy_field_name(p->field));
		text_put(out, " in ");
		text_put(out, p->name);
		break;
	}
	text_put(out, parentheses ? ")" : "");
}

void policy_print_predicate(const struct policy *p, const struct policy_predicate *predicate,
			    struct text *out)
{
	print_part(p, predicate, 0, out);
}

/* ---- sets --------------------------------------------------------------- */

void print_sets(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&p->sets, i);

		text_printf(out, "set %s : %s size %" PRIu64, set->name, policy_field_name(set->field),
			    set->size);
		if (set->timeout_ms) {
			text_put(out, " timeout ");
			quantity_print_duration(set->timeout_ms, out);
		}
		text_put(out, ";\n");
	}
}

/* ---- filters ------------------------------------------------------------ */

static void print_police(const struct policy_action *a, struct text *out)
{
	text_put(out, "police ");
	if (a->bytes) {
		quantity_print_rate(a->rate, out);
		text_put(out, " burst ");
		quantity_print_size(a->burst, out);
	} else {
		quantity_print_packets(a->rate, out);
		text_printf(out, " burst %" PRIu64, a->burst);
	}
	if (a->per)
		text_printf(out, " per %s", policy_field_name(a->field));
}

void policy_print_action(const struct policy_action *a, struct text *out)
{
	switch (a->kind) {
	case DO_ALLOW:
		text_put(out, "allow");
		break;
	case DO_DROP:
		text_put(out, "drop");
		break;
	case DO_COUNT:
	case DO_EMIT:
		text_printf(out, a->kind == DO_COUNT ? "count " : "emit ");
		print_string(a->text, out);
		break;
	case DO_POLICE:
		print_police(a, out);
		break;
	case DO_INSERT:
		text_printf(out, "insert %s into %s", policy_field_name(a->field), a->set_name);
		break;
	case DO_MARK:
		text_printf(out, "mark %" PRIu32, a->mark);
		break;
	}
}

void policy_print_rule(const struct policy *p, const struct policy_rule *rule, struct text *out)
{
	for (size_t i = 0; i < rule->actions.len; i++) {
		text_put(out, i ? ", " : "");
		policy_print_action(vec_at(&rule->actions, i), out);
	}
	if (rule->predicate) {
		text_put(out, " if ");
		policy_print_predicate(p, rule->predicate, out);
	}
	text_put(out, ";");
}

void print_filters(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->filters.len; i++) {
		const struct policy_filter *f = *(struct policy_filter **)vec_at(&p->filters, i);

		text_put(out, "filter ");
		for (size_t j = 0; j < f->ports.len; j++)
			text_printf(out, "%s%s", j ? ", " : "",
				    ((const struct policy_port_ref *)vec_at(&f->ports, j))->name);
		text_put(out, " {\n");
		for (size_t j = 0; j < f->rules.len; j++) {
			text_put(out, "    ");
			policy_print_rule(p, *(struct policy_rule **)vec_at(&f->rules, j), out);
			text_put(out, "\n");
		}
		text_put(out, "}\n");
	}
}

/* ---- assertions --------------------------------------------------------- */

static const char *target(const struct policy_assert *a)
{
	return a->host ? "host" : a->to.name;
}

static void print_assert(const struct policy *p, const struct policy_assert *a, struct text *out)
{
	text_put(out, "assert ");
	switch (a->kind) {
	case ASSERT_ISOLATED:
	case ASSERT_REACHABLE:
		text_printf(out, "%s %s -> %s", a->kind == ASSERT_ISOLATED ? "isolated" : "reachable",
			    a->from.name, target(a));
		if (!a->predicate)
			break;
		text_printf(out, a->unless ? " unless " : " if ");
		policy_print_predicate(p, a->predicate, out);
		break;
	case ASSERT_NEVER:
		text_put(out, "never ");
		policy_print_predicate(p, a->predicate, out);
		text_printf(out, " reaches %s", target(a));
		break;
	case ASSERT_COVERED:
		text_put(out, "covered");
		break;
	case ASSERT_EQUAL:
		text_printf(out, "equal %s %s", a->from.name, a->to.name);
		break;
	case ASSERT_EQUAL_POLICIES:
		text_printf(out, "equal policy \"%s\" \"%s\"", a->document[0], a->document[1]);
		break;
	}
	text_put(out, ";\n");
}

void print_asserts(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->asserts.len; i++)
		print_assert(p, vec_at(&p->asserts, i), out);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * say.c: what verify_image() found, in words.
 */
#include <inttypes.h>

#include "base/text.h"
#include "policy/tree.h"
#include "verify/verify.h"

static double percent(size_t part, size_t whole)
{
	return whole ? 100.0 * part / whole : 100;
}

void verify_say(const struct verify_report *report, struct text *out)
{
	if (report->focused) {
		text_printf(out, "%" PRIu64 " packets %s%s: %zu of %zu rules that changed, in %.2f s",
			    report->packets, report->differ ? "asked" : "agree",
			    report->late ? " (time was up)" : "", report->rules_met, report->rules,
			    report->seconds);
		return;
	}
	text_printf(out, "%" PRIu64 " packets %s%s: %zu of %zu rules met, ", report->packets,
		    report->differ ? "asked" : "agree",
		    report->complete ? ", which stand for all there are" :
		    report->late ? " (time was up)" : "", report->rules_met, report->rules);
	if (report->lists)
		text_printf(out, "%zu of %zu action lists, ", report->lists_met, report->lists);
	text_printf(out, "%.4g%% of the cells in use seen, in %.2f s",
		    percent(report->cells_seen, report->cells), report->seconds);
}

static void say_rule(const struct policy *p, uint32_t number, struct text *out)
{
	const struct policy_rule *rule;
	const struct policy_action *last;

	if (number >= p->rules.len) {
		text_printf(out, "no rule");
		return;
	}
	rule = *(struct policy_rule **)vec_at(&p->rules, number);
	last = vec_at(&rule->actions, rule->actions.len - 1);
	text_printf(out, "%s:%u", rule->place.source->name, rule->place.line);
	if (rule->ends)
		text_printf(out, " (%s)", last->kind == DO_DROP ? "drop" : "allow");
}

static void say_match(const struct policy *p, const struct match *m, struct text *out)
{
	say_rule(p, m->rule, out);
	for (uint32_t i = 0; i < m->sides; i++) {
		text_printf(out, i ? ", " : ", after ");
		say_rule(p, m->side[i], out);
	}
}

void verify_say_difference(const struct policy *p, const struct verify_report *report,
			   struct text *out)
{
	const struct witness *w = &report->witness;

	if (!w->fields.has) {
		text_printf(out, "the image is not what the policy says: %s", report->what);
		if (w->policy.rule != RULES_NONE) {
			text_printf(out, " (rule at ");
			say_rule(p, w->policy.rule, out);
			text_printf(out, ")");
		}
		return;
	}
	text_printf(out, "packet ");
	frame_format(p, &w->fields, out);
	for (size_t i = 0; i < p->set_tests.len; i++) {
		const struct policy_set_test *t = vec_at(&p->set_tests, i);

		if (w->sets >> i & 1)
			text_printf(out, ", %s in %s", policy_field_name(t->field), t->set->name);
	}
	text_printf(out, ": the policy says ");
	say_match(p, &w->policy, out);
	text_printf(out, ", the image ");
	say_match(p, &report->image, out);
	if (report->what[0])
		text_printf(out, " (%s)", report->what);
}

// SPDX-License-Identifier: GPL-2.0
#include "analyse/compared.h"

#include <stdlib.h>

#include "analyse/behaviour.h"
#include "analyse/questions.h"
#include "base/diag.h"
#include "base/text.h"
#include "policy/tree.h"

static const char *outcome_word(uint32_t outcome)
{
	return outcome == BEHAVIOUR_DROP ? "drops" : outcome == BEHAVIOUR_ALLOW ? "lets through" :
						     "has no port for";
}

/* The rules that a packet meets, up to the one that ends its search. */
static void note_met(const struct behaviours *b, unsigned int which, struct assertion *a,
		     const struct rule_packet *p)
{
	const struct vec *entries = &b->of[which].list.entries;
	const struct policy_rule *last = NULL;

	for (size_t i = 0; i < entries->len; i++) {
		const struct difference_entry *e = vec_at(entries, i);
		const struct policy_rule *rule = behaviour_rule(b, which, e->number);

		if (!rule_matches(e->box, p))
			continue;
		if (rule && rule != last)
			vec_append(&a->rules, &rule);
		last = rule;
		if (!e->lane)
			return;
	}
}

static void differ(struct assertion *a, const struct behaviours *b, const struct difference_class *c)
{
	const char *const *name = (const char *const *)a->assert->document;
	struct text sentence = { 0 }, packet = { 0 };
	/* Of a port that only one of them has, that one knows the name. */
	unsigned int which = !c->lane && c->after == BEHAVIOUR_NO_PORT ? 0 : 1;
	char mark[2][16];

	if (c->lane && c->lane == b->of[0].list.last)
		text_printf(&sentence, "\"%s\" leaves %s on a packet that \"%s\" leaves with %s", name[0],
			    behaviour_mark(c->before, mark[0]), name[1], behaviour_mark(c->after, mark[1]));
	else if (c->lane)
		text_printf(&sentence, "in one of \"%s\" and \"%s\" '%s' acts on a packet, in the other not",
			    name[0], name[1], *(char **)vec_at(&b->lanes, c->lane - 1));
	else
		text_printf(&sentence, "\"%s\" %s a packet that \"%s\" %s", name[0], outcome_word(c->before),
			    name[1], outcome_word(c->after));
	behaviours_packet(b, which, &c->witness, &packet);
	a->verdict = ASSERTION_VIOLATED;
	a->sentence = sentence.data;
	a->packet = packet.data;
	note_met(b, 0, a, &c->witness);
	note_met(b, 1, a, &c->witness);
}

int compared_answer(struct assertion *a, double seconds, struct diags *diags)
{
	const struct policy *const *policies = a->assert->compared;
	struct difference_options options = { .seconds = seconds, .first = true };
	struct text why = { 0 };
	struct behaviours b;
	struct difference d;
	int err = behaviours_init(&b, policies, 2, diags);

	if (!err)
		err = behaviours_close(&b, NULL, 0, diags);
	if (err)
		goto out;
	options.possible = &b.possible;
	err = difference_find(&b.of[0].list, &b.of[1].list, &options, &d, &why);
	if (err) {
		diag_error(diags, a->assert->place, "the filters cannot be compared: %s", text_string(&why));
		goto out;
	}
	if (d.classes.len) {
		differ(a, &b, vec_at(&d.classes, 0));
	} else if (d.undecided) {
		a->verdict = ASSERTION_UNDECIDED;
		a->sentence = xstrdup("this was not decided in time");
	}
	difference_free(&d);
out:
	text_free(&why);
	behaviours_free(&b);
	return err;
}

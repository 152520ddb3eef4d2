// SPDX-License-Identifier: GPL-2.0
/*
 * ask.c: one packet, and what both sides say of it.
 *
 * Two judges read the policy. policy/eval asks rule by rule, which is too slow for all packets; so the
 * matcher judges every packet, and policy/eval those that were the first to show something, until
 * it has had its share of the time: where matcher and eval differ, that is a difference like any other.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "image/image.h"
#include "verify/run.h"
#include "verify/walk.h"

#define ASK_CLOCK	256		/* packets between two looks at the clock */
#define EVAL_SHARE	10		/* policy/eval may have this part of the time: one tenth */

double run_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

struct stand_in *stand_in(const struct run *r, unsigned int side, size_t at)
{
	return vec_at(&r->stand_ins[side], at);
}

const struct policy_rule *rule_at(const struct run *r, uint32_t number)
{
	return *(struct policy_rule **)vec_at(&r->p->rules, number);
}

static bool drops(const struct policy_rule *rule)
{
	return ((struct policy_action *)vec_at(&rule->actions, rule->actions.len - 1))->kind == DO_DROP;
}

/* What the tables should say of a rule. */
static uint32_t action_of(const struct policy_rule *rule)
{
	return rule->number | (drops(rule) ? ACTION_DROP : 0) |
	       (!rule->ends || rule->actions.len > 1 ? ACTION_LISTED : 0);
}

/* ---- what is asked ------------------------------------------------------------------- */

uint32_t sets_possible(const struct policy *p, const struct frame_fields *f, uint32_t sets)
{
	for (size_t i = 0; i < p->set_tests.len; i++)
		if (!frame_has(f, ((struct policy_set_test *)vec_at(&p->set_tests, i))->field))
			sets &= ~(1u << i);
	return sets;
}

void packet_prepare(const struct run *r, struct packet *k)
{
	uint16_t field[RULES_FIELD_COUNT];

	k->family = frame_has(&k->fields, FIELD_IP_SRC) ? k->fields.src.family : ADDR_NONE;
	k->sets = sets_possible(r->p, &k->fields, k->sets);
	k->filtered = r->image->config.port[r->port[k->fields.value[FIELD_IN]] % PORTS_MAX] &
		      CONFIG_PORT_FILTER;
	walk_fields(r->filter, r->port, &k->fields, k->sets, field);
	for (unsigned int l = 0; l < r->filter->shape.layers; l++)
		walk_service(r->filter, l, field, &k->classes[l]);
}

/* ---- the image, the policy ------------------------------------------------------------- */

/* The word that layer @l makes of the address of one side. */
static uint32_t word_of(const struct run *r, const struct packet *k, const struct context *c,
			unsigned int l, unsigned int side)
{
	return k->family ? stand_in(r, side, side ? c->destination : c->source)->word[l] :
			   walk_word(r->filter, l, side, 0);
}

static void add_side(struct match *m, uint32_t rule)
{
	uint32_t at = m->sides;

	if (at == MATCH_SIDES_MAX)
		return;
	for (; at && m->side[at - 1] > rule; at--)
		m->side[at] = m->side[at - 1];
	m->side[at] = rule;
	m->sides++;
}

/* What the image says, and by which box of which layer. */
static void ask_image(struct run *r, const struct packet *k, const struct context *c,
		      struct match *out, uint32_t *action, struct rules_found *first)
{
	uint32_t rules[LAYERS_MAX];

	*out = (struct match){ .rule = RULES_NONE };
	*action = 0;
	first->rule = RULES_NONE;
	if (!k->filtered)
		return;
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		struct rules_found found;
		uint32_t word[2];

		for (unsigned int side = 0; side < 2; side++)
			word[side] = word_of(r, k, c, l, side);
		walk_layer(r->filter, l, word, &k->classes[l], &found);
		rules[l] = found.rule == RULES_NONE ? RULES_NONE : ACTION_RULE(found.action);
		if (!l) {
			out->rule = rules[l];
			*action = found.action;
			*first = found;
		} else if (rules[l] < out->rule) {
			add_side(out, rules[l]);
		}
	}
}

static void ask_policy(const struct run *r, const struct packet *k, const struct context *c,
		       struct match *out)
{
	uint32_t place[2] = { 0, 0 };

	if (r->among) {
		matcher_among(r->matcher, &k->fields, k->sets, r->among, out);
		return;
	}
	if (k->family) {
		place[0] = stand_in(r, 0, c->source)->place;
		place[1] = stand_in(r, 1, c->destination)->place;
	}
	matcher_match(r->matcher, &k->fields, k->sets, place, out);
}

static bool same(const struct match *a, const struct match *b)
{
	return a->rule == b->rule && a->sides == b->sides &&
	       !memcmp(a->side, b->side, a->sides * sizeof(a->side[0]));
}

static void differ(struct run *r, const struct packet *k, const struct match *policy,
		   const struct match *image, const char *what)
{
	struct verify_report *report = r->report;

	if (report->differ)
		return;
	report->differ = true;
	report->witness = (struct witness){ k->fields, k->sets, *policy, k->boundary };
	report->image = *image;
	snprintf(report->what, sizeof(report->what), "%s", what);
	r->stop = true;
}

/* ---- the second judge --------------------------------------------------------------------- */

/* What policy/eval says, in the words of the matcher. */
static void ask_eval(struct run *r, const struct packet *k, struct match *out, bool *dropped)
{
	static uint8_t frame[FRAME_MAX];
	size_t length = frame_build(&k->fields, frame);
	struct eval_result result;

	r->facts = (struct facts){ r->p, &k->fields, k->sets, k->fields.value[FIELD_SOCKET] };
	policy_eval(r->p, &r->env, r->port[k->fields.value[FIELD_IN]], frame, length, &result);
	*out = (struct match){ .rule = result.rule ? result.rule->number : RULES_NONE };
	for (size_t i = 0; i < result.matched.len; i++) {
		const struct policy_rule *rule = *(const struct policy_rule **)vec_at(&result.matched, i);

		if (!rule->ends)
			add_side(out, rule->number);
	}
	*dropped = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason == REASON_filtered;
	eval_result_free(&result);
}

static void second_judge(struct run *r, const struct packet *k, const struct match *policy)
{
	double begin = run_clock();
	struct match eval;
	bool dropped, wanted;
	const struct facts facts = { r->p, &k->fields, k->sets, 0 };
	double most = r->options->eval_ms ? r->options->eval_ms * 1e-3 :
		      (r->deadline - r->start) / EVAL_SHARE;

	if (facts_contradict(&facts) || r->eval_time > most)
		return;
	ask_eval(r, k, &eval, &dropped);
	r->report->evaluated++;
	wanted = policy->rule != RULES_NONE && drops(rule_at(r, policy->rule));
	if (!same(&eval, policy) || dropped != wanted)
		differ(r, k, policy, &eval, "the two readings of the policy differ");
	r->eval_time += run_clock() - begin;
}

/* ---- asking --------------------------------------------------------------------------------- */

static void meet_list(struct run *r, uint32_t rule)
{
	uint32_t first = rule < r->filter->rules.len ? r->filter->first[rule] : RULES_NONE;

	if (first >= r->filter->actions.len || r->lists_met[first / 64] >> (first & 63) & 1)
		return;
	r->lists_met[first / 64] |= 1ull << (first & 63);
	r->report->lists_met++;
}

static bool meet(struct run *r, uint32_t rule)
{
	uint64_t bit = 1ull << (rule & 63);

	if (r->met[rule / 64] & bit)
		return false;
	r->met[rule / 64] |= bit;
	r->report->rules_met++;
	meet_list(r, rule);
	return true;
}

/* Whether the packet is the first to show something. */
static bool shows(struct run *r, const struct packet *k, const struct context *c,
		  const struct match *policy)
{
	bool fresh = policy->rule != RULES_NONE && meet(r, policy->rule);

	for (uint32_t i = 0; i < policy->sides; i++)
		fresh |= meet(r, policy->side[i]);
	for (unsigned int l = 0; k->filtered && l < r->filter->shape.layers; l++) {
		uint32_t word[2];

		for (unsigned int side = 0; side < 2; side++)
			word[side] = word_of(r, k, c, l, side);
		fresh |= seen_add(&r->seen, l, word) != 0;
	}
	return fresh || k->boundary;
}

static void hand_over(struct run *r, const struct packet *k, const struct match *policy)
{
	const struct witness w = { k->fields, k->sets, *policy, k->boundary };

	r->report->witnesses++;
	if (r->options->take && !r->options->take(r->options->context, &w))
		r->stop = true;
}

bool time_is_up(struct run *r)
{
	if (!r->stop && !r->step_over && !--r->until_clock) {
		double t = run_clock();

		r->until_clock = ASK_CLOCK;
		r->stop = t > r->deadline;
		r->step_over = t > r->step_deadline;
		r->report->late |= r->stop || r->step_over;
	}
	return r->stop || r->step_over;
}

void begin_step(struct run *r, double part)
{
	double t = run_clock();

	r->step_over = false;
	r->step_deadline = t + (r->deadline - t) * part;
	r->until_clock = 1;
}

void ask(struct run *r, struct packet *k, const struct context *c, struct rules_found *first)
{
	struct rules_found found;
	struct match image, policy;
	uint32_t action;

	if (k->family) {
		k->fields.src = stand_in(r, 0, c->source)->addr;
		k->fields.dst = stand_in(r, 1, c->destination)->addr;
	}
	r->report->packets++;
	ask_image(r, k, c, &image, &action, &found);
	ask_policy(r, k, c, &policy);
	if (!same(&policy, &image))
		differ(r, k, &policy, &image, "");
	else if (image.rule != RULES_NONE && action != action_of(rule_at(r, image.rule)))
		differ(r, k, &policy, &image, "the image's rule has another verdict, or forgets its actions");
	if (shows(r, k, c, &policy)) {
		second_judge(r, k, &policy);
		hand_over(r, k, &policy);
	}
	if (first)
		*first = found;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * filter_actions.c: what rules do: their actions one behind the other, the sets, and names that stay the
 * same from one generation to the next. By their rule's key (filter_words.c) meters go on over a change.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "compile/filter.h"
#include "policy/field.h"

#define BURST_MAX	(1ull << 60)	/* METER_UNITS ns: two weeks; longer is as long */

struct actions {
	const struct policy *policy;
	struct numbering *numbering;
	struct image *image;
	struct diags *diags;
	struct table meters;		/* uint32_t numbers that are taken */
	struct table counted;		/* uint32_t counters that the image has */
};

static enum action_field action_field(enum policy_field field)
{
	switch (field) {
	case FIELD_IP_SRC:
		return ACTION_FIELD_SRC;
	case FIELD_IP_DST:
		return ACTION_FIELD_DST;
	case FIELD_ETH_SRC:
		return ACTION_FIELD_ETH_SRC;
	case FIELD_ETH_DST:
		return ACTION_FIELD_ETH_DST;
	case FIELD_VLAN_ID:
		return ACTION_FIELD_VLAN;
	case FIELD_IP_PROTO:
		return ACTION_FIELD_PROTO;
	case FIELD_L4_SRC:
		return ACTION_FIELD_SPORT;
	case FIELD_L4_DST:
		return ACTION_FIELD_DPORT;
	case FIELD_IN:
		return ACTION_FIELD_IN;
	default:
		return ACTION_FIELD_NONE;
	}
}

/* ---- counters ---------------------------------------------------------------- */

/* The number of the counter "KIND NAME", or "KIND"; -ENOSPC is told. */
static int counter(struct actions *c, struct place place, const char *kind, const char *name,
		   uint32_t *number)
{
	char full[COUNTER_NAME_MAX];
	struct image_counter *to;
	bool fresh;
	int given;

	snprintf(full, sizeof(full), "%s%s%s", kind, name ? " " : "", name ? name : "");
	given = numbering_counter(c->numbering, full);
	if (given < 0) {
		diag_error(c->diags, place, "there is no room for another counter");
		diag_hint(c->diags, "at most %u are kept, those of the running policy included",
			  COUNTERS_MAX - 1);
		return -ENOSPC;
	}
	*number = given;
	table_put(&c->counted, number, &fresh);
	if (!fresh)
		return 0;
	to = vec_push(&c->image->counters);
	snprintf(to->name, sizeof(to->name), "%s", full);
	to->number = given;
	return 0;
}

/* ---- single actions ------------------------------------------------------------ */

/* One that no other action of the policy has, by the same steps in every generation. */
static uint32_t meter_number(struct actions *c, uint64_t rule_key, unsigned int which)
{
	uint64_t hash = (rule_key + which) * RULES_HASH;
	uint32_t number = hash >> 32;
	bool fresh;

	do
		table_put(&c->meters, &(uint32_t){ ++number }, &fresh);
	while (!fresh);
	return number;
}

/* How long @burst takes to come back at @rate. */
static uint64_t burst_time(uint64_t burst, uint64_t rate)
{
	__extension__ unsigned __int128 time = (unsigned __int128)burst * (1000000000ull * METER_UNITS);

	time /= rate ? rate : 1;
	return time < BURST_MAX ? time : BURST_MAX;
}

static int compile_action(struct actions *c, const struct image_rule *rule, unsigned int which,
			  const struct policy_action *from, struct action *to)
{
	to->field = ACTION_FIELD_NONE;
	switch (from->kind) {
	case DO_COUNT:
		to->kind = ACTION_COUNT;
		return counter(c, from->place, "count", from->text, &to->number);
	case DO_POLICE:
		to->kind = ACTION_POLICE;
		to->bytes = from->bytes;
		to->rate = from->rate;
		to->burst = burst_time(from->burst, from->rate);
		to->number = meter_number(c, rule->key, which);
		if (from->per)
			to->field = action_field(from->field);
		return 0;
	case DO_INSERT:
		to->kind = ACTION_INSERT;
		to->field = action_field(from->field);
		to->number = from->set->number;
		to->burst = from->set->timeout_ms * 1000000ull;
		to->rule_key = rule->key;
		return counter(c, from->place, "set-full", from->set->name, &to->full);
	case DO_EMIT:
		to->kind = ACTION_EMIT;
		to->number = c->image->filter.texts.len;
		*(char **)vec_push(&c->image->filter.texts) = xstrdup(from->text);
		return counter(c, from->place, "events-lost", NULL, &c->image->filter.shape.lost_events);
	case DO_MARK:
		to->kind = ACTION_MARK;
		to->number = from->mark;
		c->image->config.marks = 1;
		return counter(c, from->place, "marks-lost", NULL, &c->image->filter.shape.lost_marks);
	default:
		return 0;
	}
}

/* ---- rules ------------------------------------------------------------------------- */

static bool goes_on(const struct policy_action *a)
{
	return a->kind != DO_ALLOW && a->kind != DO_DROP;
}

static int compile_rule(struct actions *c, const struct policy_rule *rule)
{
	struct image_filter *f = &c->image->filter;
	const struct image_rule *to = vec_at(&f->rules, rule->number);
	struct action *last = NULL;
	int err = 0;

	f->first[rule->number] = RULES_NONE;
	for (size_t i = 0; !err && i < rule->actions.len; i++) {
		const struct policy_action *a = vec_at(&rule->actions, i);

		if (!goes_on(a))
			continue;
		if (f->first[rule->number] == RULES_NONE)
			f->first[rule->number] = f->actions.len;
		last = vec_push(&f->actions);
		err = compile_action(c, to, i, a, last);
		f->shape.kinds |= 1u << last->kind;
	}
	if (last)
		last->last = 1;
	return err;
}

/* ---- sets ---------------------------------------------------------------------------- */

static void compile_set(struct image_filter *f, const struct policy_set *set)
{
	struct image_set *to = vec_push(&f->sets);

	snprintf(to->name, sizeof(to->name), "%s", set->name);
	to->size = set->size;
	to->timeout_ns = set->timeout_ms * 1000000ull;
	to->addresses = field_shared(set->field) == FIELD_IP_SRC;
	to->elements = VEC(struct image_element);
}

static void compile_element(struct image_filter *f, const struct policy_element *e)
{
	struct image_set *set = vec_at(&f->sets, e->set->number);
	struct image_element *to = vec_push(&set->elements);

	memcpy(to->key.value, e->element.addr.bytes, sizeof(to->key.value));
	to->key.family = e->element.addr.family;
	to->timeout_ns = e->timeout_ms * 1000000ull;
	to->since_ns = e->since_ms * 1000000ull;
}

static void compile_sets(const struct policy *policy, struct image_filter *f)
{
	for (size_t i = 0; i < policy->sets.len; i++)
		compile_set(f, *(struct policy_set **)vec_at(&policy->sets, i));
	for (size_t i = 0; i < policy->elements.len; i++)
		compile_element(f, vec_at(&policy->elements, i));
	f->shape.set_tests = policy->set_tests.len;
	for (size_t i = 0; i < policy->set_tests.len; i++) {
		const struct policy_set_test *t = vec_at(&policy->set_tests, i);

		f->shape.set_test[i].set = t->set->number;
		f->shape.set_test[i].field = action_field(t->field);
	}
}

int compile_actions(const struct policy *policy, struct numbering *numbering, struct image *image,
		    struct diags *diags)
{
	struct actions c = {
		.policy = policy,
		.numbering = numbering,
		.image = image,
		.diags = diags,
		.meters = { .key_size = sizeof(uint32_t) },
		.counted = { .key_size = sizeof(uint32_t) },
	};
	int err = 0;

	compile_sets(policy, &image->filter);
	image->filter.first = xcalloc(policy->rules.len ? policy->rules.len : 1, sizeof(uint32_t));
	for (size_t i = 0; !err && i < policy->rules.len; i++)
		err = compile_rule(&c, *(struct policy_rule **)vec_at(&policy->rules, i));
	table_free(&c.meters);
	table_free(&c.counted);
	return err;
}

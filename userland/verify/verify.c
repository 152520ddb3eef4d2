// SPDX-License-Identifier: GPL-2.0
/*
 * verify.c: which packets are asked, and why they are enough.
 *
 * The meaning of a policy's filters depends on a packet only by the tests that it meets: of an
 * address, which tests of addresses; of a field, which tests of that field. The answer of an image
 * depends only on the classes that its tables yield: of an address, the class of the look-up; of
 * a field, the class in the field's array. So of each field (addresses too) values that meet the
 * same tests and have the same class cannot be told apart by either side, and one of them stands
 * for all (addresses.h, values.h). They are found by looking at each value there is, or each slot of
 * the look-ups: it is here that a wrong boundary of an array or an address look-up shows, as a kind
 * of value that should not be: its tests are those of others, its class is not ("odd").
 *
 * If all combinations of these are asked, all packets there are have been: the report is
 * "complete", and the filters are proven, as far as the walk is the walk of the programs, and the
 * matcher (match.h) the meaning. Pairs of addresses of which either side says the same are one (ask_all.c):
 * so it takes some milliseconds for some dozen rules, and a second for a thousand. For larger lists there are
 * too many, and these come first, until time is up:
 *
 *  1. Each rule: for each way in which it can hold a packet that meets it. An entry that the image lost,
 *     or that has another rule, service or order is seen here, where the rule is the first.
 *  2. Each odd value, in every packet of 1.
 *  3. Services: packets that take every way through the arrays of combined classes, each between the
 *     addresses of rules of every service: a bit of a service that is wrong is seen here.
 *  4. Each cell that is in use: for each rule that it names a packet of that rule between two addresses
 *     of the cell; of a row, and between two wide nodes, a packet of each service class. What the image
 *     says too much is seen here.
 *  5. The near misses of 1: each tested field right inside and right outside of what the rule takes, and
 *     addresses next to its prefixes.
 *  6. All of them, if there are few kinds of addresses: nothing behind this is needed, then.
 *  7. For each rule the pairs of kinds of addresses below its prefixes, as the bands of the image
 *     have it: there the builder wrote the rule into a cell of its own. What it says too little is
 *     seen here.
 *  8. Combinations that are drawn; and all of them, as far as time goes.
 *
 * The order is that of what a packet shows: each rule and each cell once before any of them twice. What
 * goes before all steps is linear in the policy and its tables, so that of a hundred thousand rules nearly
 * each is met within the two seconds there are.
 *
 * Where little has changed since an image was verified (a focus), the same is asked of the rules
 * that changed, between addresses of theirs: what a change cannot reach is left aside.
 *
 * What rules do when they act (actions.h) is compared entry by entry with the tree: there
 * are few, and no packet sees more of them than they say.
 *
 * A difference is always shown by a packet. An image with a fault that no packet can see is
 * not refused.
 */
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/image.h"
#include "verify/actions.h"
#include "verify/run.h"
#include "verify/walk.h"

#define REGIONS_MAX	64	/* prefixes of a focus, on one side; beyond, all addresses are looked at */

/* ---- what a focus is about ------------------------------------------------------------ */

/* The prefixes of the rules of a focus, by side, and the addresses right beside them. */
struct regions {
	struct vec of[2];		/* of struct prefix */
	const struct vec *within[2];	/* them */
	bool all;			/* there is no focus, or it is not worth it */
	struct vec some;		/* of struct policy_rule *: those that packets between the regions may meet */
	const struct vec *rules;	/* them, or all */
};

static void add_regions(struct regions *g, const struct policy_rule *rule)
{
	for (unsigned int side = 0; side < 2; side++) {
		size_t from = g->of[side].len, to;

		predicate_prefixes(rule->predicate, side, &g->of[side]);
		to = g->of[side].len;
		for (size_t i = from; i < to; i++) {
			const struct prefix p = *(struct prefix *)vec_at(&g->of[side], i);

			addresses_beside(&p, &g->of[side]);
		}
	}
}

static void find_regions(const struct verify_focus *focus, const struct policy *p, struct regions *g)
{
	*g = (struct regions){ .all = !focus, .some = VEC(struct policy_rule *), .rules = &p->rules };
	for (unsigned int side = 0; side < 2; side++) {
		g->of[side] = VEC(struct prefix);
		g->within[side] = &g->of[side];
	}
	for (size_t i = 0; focus && i < focus->rules_len; i++)
		add_regions(g, *(struct policy_rule **)vec_at(&p->rules, focus->rules[i]));
	for (size_t i = 0; focus && i < focus->gone_len; i++)
		add_regions(g, focus->gone[i]);
	g->all |= g->of[0].len > REGIONS_MAX || g->of[1].len > REGIONS_MAX;
	if (g->all)
		return;
	g->rules = &g->some;
	for (size_t i = 0; i < p->rules.len; i++) {
		struct policy_rule **rule = vec_at(&p->rules, i);

		if (predicate_meets((*rule)->predicate, g->within))
			vec_append(&g->some, rule);
	}
}

static void free_regions(struct regions *g)
{
	vec_free(&g->of[0]);
	vec_free(&g->of[1]);
	vec_free(&g->some);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void make_environment(struct run *r)
{
	r->env_ports = xcalloc(r->p->ports.len + 1, sizeof(*r->env_ports));
	for (size_t i = 0; i < r->p->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&r->p->ports, i);

		r->env_ports[i].number = r->port[i];
		r->env_ports[i].up = true;
		r->env_ports[i].mtu = 1500;
		snprintf(r->env_ports[i].interface, sizeof(r->env_ports[i].interface), "%s", port->interface);
	}
	r->env = (struct eval_env){ .ports = r->env_ports, .ports_len = r->p->ports.len };
	facts_env(&r->facts, &r->env);
}

/* The image's classes of addresses in each layer, as far as stand-ins have them. */
static void count_classes(const struct run *r, uint32_t classes[LAYERS_MAX][2])
{
	for (unsigned int side = 0; side < 2; side++)
		for (size_t i = 0; i < r->stand_ins[side].len; i++)
			for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
				uint32_t class = RULES_CLASS(stand_in(r, side, i)->word[l]);

				if (class >= classes[l][side])
					classes[l][side] = class + 1;
			}
}

static size_t count_lists(const struct image_filter *f)
{
	size_t lists = 0;

	for (size_t i = 0; i < f->actions.len; i++)
		lists += ((struct action *)vec_at(&f->actions, i))->last != 0;
	return lists;
}

/* With a focus, rules that are none of it are as if they had been met. */
static void make_met(struct run *r)
{
	const struct verify_focus *focus = r->options->focus;
	size_t words = r->p->rules.len / 64 + 1;

	r->met = xcalloc(words, sizeof(*r->met));
	if (focus)
		memset(r->met, 0xff, words * sizeof(*r->met));
	for (size_t i = 0; focus && i < focus->rules_len; i++)
		r->met[focus->rules[i] / 64] &= ~(1ull << (focus->rules[i] & 63));
}

/* Return: whether the look-ups of addresses are sound. */
static bool begin(struct run *r)
{
	uint32_t classes[LAYERS_MAX][2] = { 0 };
	bool sound = true;
	struct regions g;

	find_regions(r->options->focus, r->p, &g);
	tests_find(g.rules, &r->tests);
	r->matcher = matcher_new(r->p, g.rules);
	for (unsigned int side = 0; side < 2; side++) {
		r->stand_ins[side] = VEC(struct stand_in);
		sound &= addresses_find(&r->tests, r->filter, r->matcher, side,
					g.all ? NULL : g.within[side], &r->stand_ins[side]);
	}
	free_regions(&g);
	values_find(r->p, &r->tests, r->filter, r->port, &r->values);
	count_classes(r, classes);
	seen_init(&r->seen, r->filter, classes);
	make_environment(r);
	make_met(r);
	r->lists_met = xcalloc(r->filter->actions.len / 64 + 1, sizeof(*r->lists_met));
	r->report->lists = count_lists(r->filter);
	r->bases = VEC(struct base);
	r->base_of = xcalloc(2 * r->p->rules.len + 2, sizeof(*r->base_of));
	r->products = VEC(struct product);
	r->ways = VEC(struct packet);
	return sound;
}

static void end(struct run *r)
{
	r->report->cells = r->seen.full - r->unreachable;
	r->report->cells_seen = r->seen.full_seen;
	r->report->seconds = run_clock() - r->start;
	r->report->late &= !r->report->complete;
	tests_free(&r->tests);
	matcher_free(r->matcher);
	vec_free(&r->stand_ins[0]);
	vec_free(&r->stand_ins[1]);
	values_free(&r->values);
	seen_free(&r->seen);
	free(r->env_ports);
	free(r->met);
	free(r->lists_met);
	free(r->base_of);
	vec_free(&r->bases);
	vec_free(&r->products);
	vec_free(&r->ways);
}

/* A step, and which part of the time that is left it may take. */
struct step {
	void (*ask)(struct run *r);
	double part;
	bool focused;		/* with a focus, too */
};

static void ask_everything(struct run *r)
{
	static const struct step steps[] = {
		{ ask_rules, 0.5, true },
		{ ask_odd, 0.5, true },
		{ ask_services, 0.1, false },
		{ ask_used_cells, 0.5, false },
		{ ask_near_misses, 0.6, true },
		{ ask_all_of_few, 0.8, false },
		{ ask_pairs, 0.9, true },
		{ ask_all, 1, false },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !r->stop; i++) {
		if (r->options->focus && !steps[i].focused)
			continue;
		begin_step(r, steps[i].part);
		steps[i].ask(r);
	}
}

unsigned int verify_time(const struct policy *p)
{
	size_t ms = 200 + p->rules.len / 20;

	return ms < VERIFY_TIME_MS ? ms : VERIFY_TIME_MS;
}

int verify_image(const struct policy *p, const struct image *image,
		 const struct verify_options *options, struct verify_report *report,
		 struct text *why)
{
	static const struct verify_options defaults = { 0 };
	struct run r = {
		.p = p, .image = image, .filter = &image->filter,
		.options = options ? options : &defaults,
		.report = report,
	};
	unsigned int time_ms = r.options->time_ms ? r.options->time_ms : verify_time(p);
	bool sound;

	*report = (struct verify_report){
		.rules = r.options->focus ? r.options->focus->rules_len : p->rules.len,
		.focused = r.options->focus,
	};
	if (!walk_sound(image, why))
		return -EINVAL;
	r.start = run_clock();
	r.deadline = r.start + time_ms * 1e-3;
	r.port = walk_ports(image, p);
	if (!p->rules.len && !image->filter.shape.layers) {
		report->complete = true;
		free(r.port);
		return 0;
	}
	sound = begin(&r);
	products_find(&r);
	if (!sound)
		text_printf(why, "the image is not sound: an address look-up has a leaf whose mask is no prefix's");
	else if (!actions_agree(p, image, report->what, sizeof(report->what), &report->witness.policy.rule))
		report->differ = true;
	else
		ask_everything(&r);
	end(&r);
	free(r.port);
	return !sound ? -EINVAL : report->differ ? -EILSEQ : 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ask_pairs.c: for each rule the pairs of kinds of addresses below its prefixes, as the bands of the
 * image have it: there the builder wrote the rule into a cell of its own. First each address with some
 * of the other side, of all rules, then all pairs.
 */
#include <stdlib.h>

#include "image/image.h"
#include "verify/run.h"
#include "verify/sketch.h"

#define PAIRS_MAX	200000		/* packets */
#define STAR		3		/* addresses of the other side for each, in the first round */

/* The step under way. */
struct pairing {
	struct run *r;
	uint32_t *wide[2];		/* by place in stand_ins: those before it that are wide, in layer 0 */
	uint64_t until;			/* packets of the run */
	bool all;			/* pairs, not some for each address */
};

/* Whether a class is a node of its side's wide band. */
static bool is_wide(const struct run *r, unsigned int side, const struct stand_in *s)
{
	return RULES_CLASS(s->word[0]) < r->filter->shape.layer[0].wide[side];
}

static void count_wide(struct pairing *g)
{
	for (unsigned int side = 0; side < 2; side++) {
		size_t n = g->r->stand_ins[side].len;

		g->wide[side] = xcalloc(n + 1, sizeof(*g->wide[side]));
		for (size_t i = 0; i < n; i++)
			g->wide[side][i + 1] = g->wide[side][i] +
					       is_wide(g->r, side, stand_in(g->r, side, i));
	}
}

/*
 * The kinds of addresses below a prefix that have cells of their own for a rule on it: if there is
 * a wide one among them, the prefix is wide, and has them with the wide ones; else with all.
 */
static void below(const struct pairing *g, unsigned int side, const struct prefix *p, struct vec *out)
{
	const struct run *r = g->r;
	struct stand_ins in = addresses_in(&r->stand_ins[side], p);
	bool wide = g->wide[side][in.end] > g->wide[side][in.first];
	bool two_bands = !r->filter->shape.layer[0].chain[0];
	uint32_t before = RULES_NONE;

	out->len = 0;
	for (uint32_t i = in.first; i < in.end; i++) {
		const struct stand_in *s = stand_in(r, side, i);
		uint32_t over = RULES_WIDE(s->word[0]);

		/* Of a wide node that has no address of its own any below it will do. */
		if (wide && two_bands && !is_wide(r, side, s) && over == before)
			continue;
		before = two_bands ? over : RULES_NONE;
		vec_append(out, &i);
	}
}

static bool is_over(struct pairing *g)
{
	return time_is_up(g->r) || g->r->report->packets >= g->until;
}

/* All pairs; or each source with some destinations, and each destination with some sources. */
static void ask_between(struct pairing *g, struct packet *k, const struct vec *sources,
			const struct vec *destinations)
{
	size_t across = sources->len / STAR + 1, along = destinations->len / STAR + 1;
	struct run *r = g->r;

	for (size_t i = 0; i < sources->len; i++) {
		for (size_t j = 0; j < destinations->len && !is_over(g);
		     j += g->all || !(i % across) ? 1 : along) {
			const struct context c = { *(uint32_t *)vec_at(sources, i),
						   *(uint32_t *)vec_at(destinations, j), k->family };

			if (stand_in(r, 0, c.source)->addr.family == k->family &&
			    stand_in(r, 1, c.destination)->addr.family == k->family)
				ask(r, k, &c, NULL);
		}
	}
}

/* The prefixes of a sketch on one side. */
static const struct prefix *prefixes_of(const struct sketch *s, unsigned int side, uint8_t family, size_t *n)
{
	static const struct prefix all4 = { .addr = { .family = ADDR_V4 } };
	static const struct prefix all6 = { .addr = { .family = ADDR_V6 } };

	if (s->address[side]) {
		*n = s->address[side]->prefixes.len;
		return s->address[side]->prefixes.data;
	}
	*n = 1;
	return family == ADDR_V6 ? &all6 : &all4;
}

static void ask_below(struct pairing *g, const struct policy_rule *rule, const struct sketch *s,
		      uint8_t family)
{
	struct vec sources = VEC(uint32_t), destinations = VEC(uint32_t);
	const struct prefix *from, *to;
	struct packet k;
	size_t n, m;

	if (!base_fill(g->r, rule, s, family, &k))
		return;
	from = prefixes_of(s, 0, family, &n);
	to = prefixes_of(s, 1, family, &m);
	for (size_t i = 0; i < n && !is_over(g); i++) {
		if (from[i].addr.family != family)
			continue;
		below(g, 0, &from[i], &sources);
		for (size_t j = 0; j < m && !is_over(g); j++) {
			if (to[j].addr.family != family)
				continue;
			below(g, 1, &to[j], &destinations);
			ask_between(g, &k, &sources, &destinations);
		}
	}
	vec_free(&sources);
	vec_free(&destinations);
}

static void ask_rule(struct pairing *g, const struct policy_rule *rule)
{
	struct vec sketches = VEC(struct sketch);

	sketches_make(rule->predicate, &sketches);
	for (size_t i = 0; i < sketches.len && !is_over(g); i++) {
		ask_below(g, rule, vec_at(&sketches, i), ADDR_V4);
		ask_below(g, rule, vec_at(&sketches, i), ADDR_V6);
	}
	sketches_free(&sketches);
}

void ask_pairs(struct run *r)
{
	const struct verify_focus *focus = r->options->focus;
	struct pairing g = { .r = r, .until = r->report->packets + PAIRS_MAX };
	/* In an order that is spread over all rules: a prime that is larger meets each once. */
	uint64_t n = r->p->rules.len, step = 0x9e3779b1, at = 0;

	if (r->report->complete)
		return;
	count_wide(&g);
	for (unsigned int round = 0; !focus && round < 2; round++) {
		g.all = round;
		g.until = r->report->packets + PAIRS_MAX;
		for (uint64_t i = 0; i < n && !is_over(&g); i++, at += step)
			ask_rule(&g, rule_at(r, at % n));
	}
	g.all = true;
	for (size_t i = 0; focus && i < focus->rules_len && !is_over(&g); i++)
		ask_rule(&g, rule_at(r, focus->rules[i]));
	for (size_t i = 0; focus && i < focus->gone_len && !is_over(&g); i++)
		ask_rule(&g, focus->gone[i]);
	free(g.wide[0]);
	free(g.wide[1]);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ask_rules.c: for each way in which a rule can hold a packet that meets it; and, later, its near misses.
 */
#include "base/text.h"
#include "verify/run.h"
#include "verify/sketch.h"

#define BASES_MAX	(1u << 20)	/* that are kept for the steps behind this one */

/* A stand-in for @side in a packet of @family that meets @s's test of that side; any after @skip others. */
static bool find_address(const struct run *r, const struct sketch *s, unsigned int side, uint8_t family,
			 size_t skip, uint32_t *at)
{
	static const struct prefix all4 = { .addr = { .family = ADDR_V4 } };
	static const struct prefix all6 = { .addr = { .family = ADDR_V6 } };
	const struct prefix *list = family == ADDR_V6 ? &all6 : &all4;
	size_t n = 1;

	if (s->address[side]) {
		list = s->address[side]->prefixes.data;
		n = s->address[side]->prefixes.len;
	}
	for (size_t i = 0; i < n; i++) {
		struct stand_ins in;

		if (list[i].addr.family != family)
			continue;
		in = addresses_in(&r->stand_ins[side], &list[i]);
		if (in.first + skip < in.end) {
			*at = in.first + skip;
			return true;
		}
		skip -= in.end - in.first;
	}
	return false;
}

/* Both addresses of a packet that meets @rule: some are tried, for tests that exclude some. */
#define ADDRESS_TRIES 12

static bool find_context(struct run *r, const struct policy_rule *rule, const struct sketch *s,
			 const struct packet *k, struct context *c)
{
	struct frame_fields f = k->fields;

	*c = (struct context){ .family = k->family };
	if (!k->family)
		return predicate_holds(rule->predicate, &f, k->sets);
	for (size_t i = 0; i < ADDRESS_TRIES; i++) {
		if (!find_address(r, s, 0, k->family, i, &c->source))
			break;
		for (size_t j = 0; j < ADDRESS_TRIES; j++) {
			if (!find_address(r, s, 1, k->family, j, &c->destination))
				break;
			f.src = stand_in(r, 0, c->source)->addr;
			f.dst = stand_in(r, 1, c->destination)->addr;
			if (predicate_holds(rule->predicate, &f, k->sets))
				return true;
		}
	}
	return false;
}

/* Whether a rule is of the policy itself. */
static bool is_of(const struct run *r, const struct policy_rule *rule)
{
	return rule->number < r->p->rules.len && rule_at(r, rule->number) == rule;
}

static void ask_sketch(struct run *r, const struct policy_rule *rule, const struct sketch *s,
		       uint32_t way, uint8_t family)
{
	struct rules_found first;
	struct context c;
	struct packet k;
	uint32_t *of;

	if (!base_fill(r, rule, s, family, &k) || !find_context(r, rule, s, &k, &c))
		return;
	/* What met a rule that is no more shows something, whatever it meets now. */
	k.boundary = !is_of(r, rule);
	ask(r, &k, &c, &first);
	if (r->bases.len == BASES_MAX)
		return;
	*(struct base *)vec_push(&r->bases) = (struct base){ rule, way, c, first.rule };
	if (!family || !is_of(r, rule))
		return;
	of = &r->base_of[2 * rule->number + (family == ADDR_V6)];
	if (!*of)
		*of = r->bases.len;
}

static void ask_rule(struct run *r, const struct policy_rule *rule)
{
	static const uint8_t families[] = { ADDR_V4, ADDR_V6, ADDR_NONE };
	struct vec sketches = VEC(struct sketch);

	sketches_make(rule->predicate, &sketches);
	for (size_t i = 0; i < sketches.len; i++)
		for (unsigned int f = 0; f < 3 && !time_is_up(r); f++)
			ask_sketch(r, rule, vec_at(&sketches, i), i, families[f]);
	sketches_free(&sketches);
}

void ask_rules(struct run *r)
{
	const struct verify_focus *focus = r->options->focus;

	for (size_t i = 0; !focus && i < r->p->rules.len && !time_is_up(r); i++)
		ask_rule(r, rule_at(r, i));
	for (size_t i = 0; focus && i < focus->rules_len && !time_is_up(r); i++)
		ask_rule(r, rule_at(r, focus->rules[i]));
	for (size_t i = 0; focus && i < focus->gone_len && !time_is_up(r); i++)
		ask_rule(r, focus->gone[i]);
}

/* ---- near misses ------------------------------------------------------------------------ */

/* The packet with another value of one field. */
static void ask_value(struct run *r, const struct sketch *s, uint8_t family, unsigned int field, uint64_t value,
		      uint64_t port, const struct context *c)
{
	struct packet k = { .boundary = true };

	if (value >> policy_field_bits(field) || !sketch_vary(s, family, field, value, &k.fields, &k.sets))
		return;
	k.fields.value[FIELD_IN] = port;
	packet_prepare(r, &k);
	if (k.family == c->family)
		ask(r, &k, c, NULL);
}

/*
 * Other rules in front may leave only the middle of what a rule takes. Of a few rules all kinds of
 * values that others tell apart are asked, or so many of them.
 */
#define INSIDE_MAX	128

static void ask_inside(struct run *r, const struct sketch *s, uint8_t family, unsigned int field,
		       const struct range *range, uint64_t port, const struct context *c)
{
	const struct vec *values = &r->values.of[field];
	size_t step = 1 + values->len / INSIDE_MAX;

	for (size_t i = 0; i < values->len && !time_is_up(r); i += step) {
		uint64_t value = ((const struct value *)vec_at(values, i))->value;

		if (range->first < value && value < range->last)
			ask_value(r, s, family, field, value, port, c);
	}
}

/* The packet with one field right inside and right outside of what the rule takes. */
static void ask_edges(struct run *r, const struct sketch *s, uint8_t family, uint64_t port,
		      const struct context *c)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		if (!(s->fields >> field & 1) || field == FIELD_IN)
			continue;
		for (size_t i = 0; i < s->left[field].len && i < SKETCHES_MAX && !time_is_up(r); i++) {
			const struct range *range = vec_at(&s->left[field], i);
			const uint64_t values[] = { range->first, range->last, range->first - 1, range->last + 1 };

			for (unsigned int j = 0; j < 4; j++)
				if (j != 1 || values[1] != values[0])
					ask_value(r, s, family, field, values[j], port, c);
			if (r->options->focus)
				ask_inside(r, s, family, field, range, port, c);
		}
	}
}

/* The same packet from and to the kinds of addresses next to the rule's. */
static void ask_neighbours(struct run *r, struct packet *k, const struct context *c)
{
	for (unsigned int side = 0; k->family && side < 2; side++) {
		uint32_t at = side ? c->destination : c->source;

		for (int step = -1; step <= 1; step += 2) {
			struct context next = *c;

			if (at + step >= r->stand_ins[side].len ||
			    stand_in(r, side, at + step)->addr.family != k->family)
				continue;
			*(side ? &next.destination : &next.source) = at + step;
			ask(r, k, &next, NULL);
		}
	}
}

static void ask_near(struct run *r, const struct base *b)
{
	struct vec sketches = VEC(struct sketch);
	const struct sketch *s;
	struct packet k;

	sketches_make(b->rule->predicate, &sketches);
	s = vec_at(&sketches, b->way);
	if (base_fill(r, b->rule, s, b->context.family, &k)) {
		ask_neighbours(r, &k, &b->context);
		ask_edges(r, s, b->context.family, k.fields.value[FIELD_IN], &b->context);
	}
	sketches_free(&sketches);
}

void ask_near_misses(struct run *r)
{
	for (size_t i = 0; i < r->bases.len && !time_is_up(r); i++)
		ask_near(r, vec_at(&r->bases, i));
}

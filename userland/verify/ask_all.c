// SPDX-License-Identifier: GPL-2.0
/*
 * ask_all.c: all combinations of all kinds of values, if they can be asked; else some that are drawn.
 *
 * Two packets between the same addresses are one, if their fields meet the same tests, they have the same
 * of the fields that are tested, and the image has the same classes for them: one of them is asked.
 *
 * Two pairs of addresses are one, if what their tests of addresses leave of the rules is the same, and the image
 * looks into cells that say the same: whatever else a packet has, both sides treat it alike between
 * either. There are not many more kinds of pairs than rules and places where they overlap, out of all sources
 * times all destinations: that is what makes lists of a thousand rules provable in a second.
 */
#include <string.h>

#include "base/table.h"
#include "verify/run.h"
#include "verify/walk.h"

#define COMBINATIONS_MAX (1ull << 20)	/* of fields but addresses, that are looked at for it */
#define SAMPLE_MAX	20000		/* packets, where all may be too many */
#define FEW_PAIRS	(1ull << 17)	/* of addresses */
#define FEW_COMBINATIONS (1ull << 16)
#define KNOWN_MAX	(1u << 20)	/* kinds of pairs that are remembered; the others are asked again */

/* Places in stand_ins of the addresses of one family. */
static struct stand_ins of_family(const struct run *r, unsigned int side, uint8_t family)
{
	const struct prefix all = { .addr = { .family = family } };

	return addresses_in(&r->stand_ins[side], &all);
}

/* What tells packets apart but for their addresses. */
struct content {
	uint64_t tests;			/* of the rules, that it meets */
	uint32_t has, sets;		/* fields that some rule tests; set tests */
	/* Of the form, what is tested: no value of its fields says so. */
	uint8_t family, filtered, protocol, frag, pad[4];
	struct rules_classes classes[LAYERS_MAX];
};

/* One packet of each content into @out, of struct packet. Return: whether it is all. */
static bool find_contents(struct run *r, struct vec *out, uint64_t most)
{
	struct table known = TABLE(struct content, uint8_t);
	uint64_t left = most;

	for (size_t i = 0; i < r->products.len && left; i++) {
		const struct product *p = vec_at(&r->products, i);

		for (uint64_t n = 0; n < p->combinations && left && !time_is_up(r); n++, left--) {
			struct content content = { 0 };
			struct packet k;
			bool fresh;

			if (!product_packet(r, p, n, &k))
				continue;
			content.tests = k.tests;
			content.has = k.fields.has & r->values.tested;
			content.sets = k.sets;
			content.family = k.family;
			content.filtered = k.filtered;
			if (r->values.tested >> FIELD_IP_PROTO & 1)
				content.protocol = p->form.protocol;
			if (r->values.tested >> FIELD_IP_FRAG & 1)
				content.frag = p->form.frag;
			memcpy(content.classes, k.classes, sizeof(content.classes));
			table_put(&known, &content, &fresh);
			if (fresh)
				vec_append(out, &k);
		}
	}
	table_free(&known);
	return left && !time_is_up(r);
}

/* How many pairs of addresses there are. */
static uint64_t count_pairs(const struct run *r)
{
	uint64_t sum = 0;

	for (unsigned int six = 0; six < 2; six++) {
		struct stand_ins from = of_family(r, 0, six ? ADDR_V6 : ADDR_V4);
		struct stand_ins to = of_family(r, 1, six ? ADDR_V6 : ADDR_V4);

		sum += (uint64_t)(from.end - from.first) * (to.end - to.first);
	}
	return sum;
}

/* What tells pairs of addresses apart. */
struct kind {
	uint64_t rules;			/* by matcher_between() */
	uint64_t cells;			/* by walk_cells(), of all layers */
	uint64_t family;
};

/* Asking everything. */
struct everything {
	struct run *r;
	struct vec contents;		/* of struct packet */
	struct vec among;		/* rules between the two addresses at hand */
	struct table known;		/* struct kind -> uint8_t */
};

/* Whether no pair that was asked is like this one; its rules are found, then. */
static bool is_new_kind(struct everything *e, const struct context *c)
{
	const struct stand_in *from = stand_in(e->r, 0, c->source), *to = stand_in(e->r, 1, c->destination);
	struct frame_fields f = { .has = 1u << FIELD_IP_SRC | 1u << FIELD_IP_DST, .src = from->addr,
				  .dst = to->addr };
	struct kind kind = { .family = c->family };
	bool fresh;

	kind.rules = matcher_between(e->r->matcher, &f, (uint32_t[]){ from->place, to->place }, &e->among);
	for (unsigned int l = 0; l < e->r->filter->shape.layers; l++)
		kind.cells = (kind.cells ^ walk_cells(e->r->filter, l, (uint32_t[]){ from->word[l], to->word[l] })) *
			     0x9e3779b97f4a7c15ull + l;
	if (e->known.len >= KNOWN_MAX)
		return !table_get(&e->known, &kind);
	table_put(&e->known, &kind, &fresh);
	return fresh;
}

static void ask_contents(struct everything *e, const struct context *c)
{
	e->r->among = c->family ? &e->among : NULL;
	for (size_t i = 0; i < e->contents.len && !time_is_up(e->r); i++) {
		struct packet *k = vec_at(&e->contents, i);

		if (k->family == c->family)
			ask(e->r, k, c, NULL);
	}
	e->r->among = NULL;
}

static void ask_between_all(struct everything *e, uint8_t family)
{
	struct stand_ins from = of_family(e->r, 0, family), to = of_family(e->r, 1, family);

	for (uint32_t x = from.first; x < from.end; x++) {
		for (uint32_t y = to.first; y < to.end && !time_is_up(e->r); y++) {
			const struct context c = { x, y, family };

			if (is_new_kind(e, &c))
				ask_contents(e, &c);
		}
	}
}

static void ask_everything(struct run *r, uint64_t combinations)
{
	struct everything e = {
		.r = r, .contents = VEC(struct packet), .among = matcher_among_vec(),
		.known = TABLE(struct kind, uint8_t),
	};

	if (find_contents(r, &e.contents, combinations)) {
		ask_contents(&e, &(struct context){ 0 });
		ask_between_all(&e, ADDR_V4);
		ask_between_all(&e, ADDR_V6);
		r->report->complete = !r->stop && !r->step_over && r->values.all_sets;
	}
	vec_free(&e.contents);
	vec_free(&e.among);
	table_free(&e.known);
}

/* A combination of everything, drawn. */
static void ask_some(struct run *r)
{
	uint64_t state = 1, until = r->report->packets + SAMPLE_MAX;

	while (r->report->packets < until && !time_is_up(r)) {
		const struct product *p;
		struct context c = { 0 };
		struct packet k;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		p = vec_at(&r->products, (state >> 33) % r->products.len);
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		if (!product_packet(r, p, (state >> 20) % p->combinations, &k))
			continue;
		for (unsigned int i = 0; i < 64 && !time_is_up(r); i++) {
			c.family = k.family;
			if (k.family) {
				struct stand_ins from = of_family(r, 0, k.family), to = of_family(r, 1, k.family);

				state = state * 6364136223846793005ull + 1442695040888963407ull;
				c.source = from.first + (state >> 33) % (from.end - from.first);
				state = state * 6364136223846793005ull + 1442695040888963407ull;
				c.destination = to.first + (state >> 33) % (to.end - to.first);
			}
			ask(r, &k, &c, NULL);
			if (!k.family)
				break;
		}
	}
}

void ask_all_of_few(struct run *r)
{
	if (count_pairs(r) <= FEW_PAIRS)
		ask_everything(r, FEW_COMBINATIONS);
}

void ask_all(struct run *r)
{
	if (r->report->complete)
		return;
	if (count_pairs(r) > FEW_PAIRS)
		ask_some(r);
	ask_everything(r, COMBINATIONS_MAX);
	if (!r->report->complete)
		ask_some(r);
}

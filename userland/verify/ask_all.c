// SPDX-License-Identifier: GPL-2.0
/*
 * ask_all.c: all combinations of all kinds of values, if they can be asked; else some that are drawn.
 *
 * Two packets between the same addresses are one, if their fields meet the same tests, they have the same
 * of the fields that are tested, and the image has the same classes for them: one of them is asked.
 */
#include <string.h>

#include "base/table.h"
#include "verify/run.h"

#define COMPLETE_MAX	(1ull << 28)	/* packets that are worth beginning with */
#define COMBINATIONS_MAX (1ull << 20)	/* of fields but addresses, that are looked at for it */
#define SAMPLE_MAX	20000		/* packets, where it cannot be complete */

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
	uint8_t family, filtered, pad[6];
	struct rules_classes classes[LAYERS_MAX];
};

/* One packet of each content into @out, of struct packet. Return: whether it is all. */
static bool find_contents(struct run *r, struct vec *out)
{
	struct table known = TABLE(struct content, uint8_t);
	uint64_t left = COMBINATIONS_MAX;

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
			memcpy(content.classes, k.classes, sizeof(content.classes));
			table_put(&known, &content, &fresh);
			if (fresh)
				vec_append(out, &k);
		}
	}
	table_free(&known);
	return left && !time_is_up(r);
}

/* How many packets there are between all kinds of addresses. */
static uint64_t count_packets(const struct run *r, const struct vec *contents)
{
	uint64_t pairs[2], sum = 0;

	for (unsigned int six = 0; six < 2; six++) {
		struct stand_ins from = of_family(r, 0, six ? ADDR_V6 : ADDR_V4);
		struct stand_ins to = of_family(r, 1, six ? ADDR_V6 : ADDR_V4);

		pairs[six] = (uint64_t)(from.end - from.first) * (to.end - to.first);
	}
	for (size_t i = 0; i < contents->len; i++) {
		const struct packet *k = vec_at(contents, i);

		sum += k->family ? pairs[k->family == ADDR_V6] : 1;
	}
	return sum;
}

static void ask_between_all(struct run *r, struct packet *k)
{
	struct stand_ins from = of_family(r, 0, k->family), to = of_family(r, 1, k->family);

	for (uint32_t x = from.first; x < from.end; x++) {
		for (uint32_t y = to.first; y < to.end && !time_is_up(r); y++) {
			const struct context c = { x, y, k->family };

			ask(r, k, &c, NULL);
		}
	}
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

void ask_all(struct run *r)
{
	struct vec contents = VEC(struct packet);

	if (!find_contents(r, &contents) || count_packets(r, &contents) > COMPLETE_MAX) {
		ask_some(r);
		vec_free(&contents);
		return;
	}
	for (size_t i = 0; i < contents.len && !time_is_up(r); i++) {
		const struct context none = { 0 };
		struct packet *k = vec_at(&contents, i);

		if (k->family)
			ask_between_all(r, k);
		else
			ask(r, k, &none, NULL);
	}
	r->report->complete = !r->stop && !r->step_over && r->values.all_sets;
	vec_free(&contents);
}

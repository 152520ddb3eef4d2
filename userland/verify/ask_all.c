// SPDX-License-Identifier: GPL-2.0
/*
 * ask_all.c: all combinations of all kinds of values, if they can be asked; else some that are drawn.
 */
#include "verify/run.h"

#define COMPLETE_MAX	(1ull << 28)	/* combinations that are worth beginning with */
#define SAMPLE_MAX	20000		/* packets, where it cannot be complete */

/* Places in stand_ins of the addresses of one family. */
static struct stand_ins of_family(const struct run *r, unsigned int side, uint8_t family)
{
	const struct prefix all = { .addr = { .family = family } };

	return addresses_in(&r->stand_ins[side], &all);
}

static uint64_t combinations(const struct run *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->products.len; i++) {
		const struct product *p = vec_at(&r->products, i);
		uint64_t n = p->combinations, pairs = 1;

		if (p->form.family) {
			struct stand_ins from = of_family(r, 0, p->form.family);
			struct stand_ins to = of_family(r, 1, p->form.family);

			pairs = (uint64_t)(from.end - from.first) * (to.end - to.first);
		}
		if (n > COMPLETE_MAX || pairs > COMPLETE_MAX || n * pairs > COMPLETE_MAX)
			return COMPLETE_MAX + 1;
		sum += n * pairs;
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
	if (combinations(r) > COMPLETE_MAX) {
		ask_some(r);
		return;
	}
	for (size_t i = 0; i < r->products.len; i++) {
		const struct product *p = vec_at(&r->products, i);

		for (uint64_t n = 0; n < p->combinations && !time_is_up(r); n++) {
			const struct context none = { 0 };
			struct packet k;

			if (!product_packet(r, p, n, &k))
				continue;
			if (k.family)
				ask_between_all(r, &k);
			else
				ask(r, &k, &none, NULL);
		}
	}
	r->report->complete = !r->stop && !r->step_over && r->values.all_sets;
}

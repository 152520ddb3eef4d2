// SPDX-License-Identifier: GPL-2.0
/*
 * ask_services.c: packets that take every way through the arrays of combined classes, each between
 * the addresses of rules of every service.
 */
#include <stdlib.h>

#include "base/table.h"
#include "image/image.h"
#include "verify/run.h"
#include "verify/walk.h"

#define PACKETS_MAX	65536		/* of one form, which are looked at */
#define CONTEXTS_MAX	2		/* pairs of addresses for a service */
#define SERVICES_MAX	100000		/* packets that are asked */

/* Entries of the arrays of classes that some packet has come through: a bit for each half word of the area. */
static bool new_way(const struct run *r, const struct packet *k, uint64_t *seen)
{
	uint16_t field[RULES_FIELD_COUNT];
	bool fresh = false;

	walk_fields(r->filter, r->port, &k->fields, k->sets, field);
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		const struct rules_shape *s = &r->filter->shape.layer[l];
		uint32_t class[RULES_GROUPS_MAX] = { 0 };

		for (unsigned int i = 0; i < s->steps; i++) {
			uint32_t *c = &class[s->step[i].group % RULES_GROUPS_MAX];
			uint32_t of_field = rules_half(r->filter->area, s, s->step[i].classes,
						       field[s->step[i].field] & s->step[i].mask);
			uint64_t at = s->step[i].combined ?
				      s->step[i].combined / 2 + (uint64_t)*c * s->step[i].width + of_field :
				      s->step[i].classes / 2 + (field[s->step[i].field] & s->step[i].mask);

			if (at / 64 <= r->filter->area_bytes / 128 && !(seen[at / 64] >> (at & 63) & 1)) {
				seen[at / 64] |= 1ull << (at & 63);
				fresh |= s->step[i].combined != 0;
			}
			*c = s->step[i].combined ? rules_half(r->filter->area, s, s->step[i].combined,
							      (uint64_t)*c * s->step[i].width + of_field) : of_field;
		}
	}
	return fresh;
}

/* Packets that come through every combination of classes there is. */
static void find_ways(struct run *r)
{
	uint64_t *seen = xcalloc(r->filter->area_bytes / 128 + 2, sizeof(*seen));
	double until = run_clock() + (r->deadline - run_clock()) / 4;

	for (size_t i = 0; i < r->products.len; i++) {
		const struct product *p = vec_at(&r->products, i);
		/* A step that meets all combinations, and is far from the one before. */
		uint64_t step = p->combinations > PACKETS_MAX ? 0x9e3779b1 : 1, n = 0;
		uint64_t most = p->combinations > PACKETS_MAX ? PACKETS_MAX : p->combinations;

		for (uint64_t j = 0; j < most && !time_is_up(r); j++, n += step) {
			struct packet k;

			if (!(j & 255) && run_clock() > until)
				break;
			if (product_packet(r, p, n % p->combinations, &k) &&
			    (new_way(r, &k, seen) || (!j && r->ways.len < PACKETS_MAX)))
				vec_append(&r->ways, &k);
		}
	}
	free(seen);
}

/* Addresses of packets that were decided by boxes of every service, and of the rules that act. */
static void find_contexts(struct run *r, struct vec *contexts)
{
	struct table known = TABLE(uint64_t, uint8_t);

	for (size_t i = 0; i < r->bases.len; i++) {
		const struct base *b = vec_at(&r->bases, i);
		const struct rules_shape *s = &r->filter->shape.layer[0];
		const struct rules_head *head;
		uint64_t service;
		uint8_t *times;

		if (!b->context.family)
			continue;
		head = rules_at(r->filter->area, s, s->heads + sizeof(*head) * (uint64_t)b->box);
		service = b->box == RULES_NONE ? ~0ull : (uint64_t)b->context.family << 32 | head->service;
		times = table_put(&known, &service, NULL);
		if (*times >= CONTEXTS_MAX && b->box != RULES_NONE)
			continue;
		++*times;
		vec_append(contexts, &b->context);
	}
	table_free(&known);
}

void ask_services(struct run *r)
{
	struct vec contexts = VEC(struct context);
	uint64_t all, step;

	find_ways(r);
	find_contexts(r, &contexts);
	/* Where there are too many, some of all. */
	all = (uint64_t)r->ways.len * contexts.len;
	step = all > SERVICES_MAX ? all / SERVICES_MAX | 1 : 1;
	for (uint64_t i = 0; i < all && !time_is_up(r); i += step) {
		const struct context *c = vec_at(&contexts, i / r->ways.len);
		struct packet *k = vec_at(&r->ways, i % r->ways.len);

		if (k->family == c->family)
			ask(r, k, c, NULL);
	}
	vec_free(&contexts);
}

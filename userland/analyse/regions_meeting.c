// SPDX-License-Identifier: GPL-2.0
/* regions_meeting.c: which boxes have a packet in common. */
#include "analyse/regions_inside.h"

#include <stdlib.h>

/* Whether two services have a class in common in every group. */
static bool services_meet(const struct regions *r, uint32_t a, uint32_t b)
{
	const uint64_t *x = column_of(r, a), *y = column_of(r, b);

	if (a == b || !a || !b)
		return true;
	for (unsigned int g = 0; g < r->groups; g++) {
		bool meets = false;

		for (uint32_t w = r->at[g]; w < r->at[g] + r->words[g] && !meets; w++)
			meets = x[w] & y[w];
		if (!meets)
			return false;
	}
	return true;
}

static void take_run(struct regions *r, const struct region_run *run, uint32_t service, struct vec *out)
{
	for (uint32_t i = run->entry; i < run->entry + run->entries; i++) {
		const struct region_entry *e = &r->entry[i];

		if (r->mark[e->box] == r->mark_turn || !services_meet(r, service, e->service))
			continue;
		r->mark[e->box] = r->mark_turn;
		vec_append(out, &e->box);
	}
}

/* What @source has of @list whose destination is at, over or below @destination. */
static void take_source(struct regions *r, uint32_t source, unsigned int list,
			uint32_t destination, uint32_t service, struct vec *out)
{
	const struct region_node *n = &r->side[0].node[source], *to = r->side[1].node;
	uint32_t end = n->run + n->runs, i;

	if (!n->runs)
		return;
	for (i = region_first_run(r, n, list, destination);
	     i < end && r->run[i].list == list &&
	     r->run[i].destination < destination + to[destination].size; i++)
		take_run(r, &r->run[i], service, out);
	for (uint32_t d = to[destination].parent; d != NONE; d = to[d].parent) {
		i = region_first_run(r, n, list, d);
		if (i < end && r->run[i].list == list && r->run[i].destination == d)
			take_run(r, &r->run[i], service, out);
	}
}

void regions_meeting(struct regions *r, uint32_t box, unsigned int list, struct vec *out)
{
	const struct region_placed *p = &r->placed[box];
	const struct region_node *node = r->side[0].node;

	out->len = 0;
	r->mark_turn++;
	for (uint32_t i = 0; i < p->side[0].count; i++) {
		uint32_t s = p->side[0].node[i];

		for (uint32_t k = 0; k < p->side[1].count; k++) {
			uint32_t d = p->side[1].node[k];

			if (!same_family(r, s, d))
				continue;
			for (uint32_t at = s; at < s + node[s].size; at++)
				take_source(r, at, list, d, p->service, out);
			for (uint32_t at = node[s].up; at != NONE; at = node[at].up)
				take_source(r, at, list, d, p->service, out);
		}
	}
	if (out->len)
		qsort(out->data, out->len, sizeof(uint32_t), number_cmp);
}

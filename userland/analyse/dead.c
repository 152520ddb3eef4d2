// SPDX-License-Identifier: GPL-2.0
/*
 * dead.c: a rule is dead if each of its boxes is; a box is dead if the rules in front that end
 * a search have all of its packets: one question of regions.h each.
 */
#include "analyse/dead.h"

#include "analyse/regions.h"

static int ask(struct regions *r, uint32_t box, bool any_before, struct vec *covers)
{
	const struct region_box *b = vec_at(regions_boxes(r), box);
	struct region_query q = {
		.boxes = 1, .box = { box },
		.befores = any_before, .before = { { b->list, b->number, 0, 0 } },
	};

	return regions_find(r, &q, NULL, covers);
}

/* Boxes @first .. @last - 1 are those of one rule, and dead. */
static void note_dead(struct regions *r, uint32_t first, uint32_t last, bool explain, struct vec *dead)
{
	const struct region_box *b = vec_at(regions_boxes(r), first);
	struct dead_rule *d = vec_push(dead);

	*d = (struct dead_rule){ .number = b->number, .empty = true, .covers = VEC(struct region_rule) };
	for (uint32_t i = first; i < last; i++) {
		if (ask(r, i, false, NULL))	/* or that is not known in time */
			d->empty = false;
		if (explain)
			ask(r, i, true, &d->covers);
	}
}

size_t dead_rules(struct regions *r, unsigned int list, bool explain, struct vec *dead)
{
	const struct vec *boxes = regions_boxes(r);
	size_t undecided = 0;

	for (uint32_t i = 0, last; i < boxes->len; i = last) {
		const struct region_box *b = vec_at(boxes, i);
		int found = 0;

		for (last = i; last < boxes->len; last++) {
			const struct region_box *next = vec_at(boxes, last);

			if (next->list != b->list || next->number != b->number)
				break;
			if (b->list == list && !found)
				found = ask(r, last, true, NULL);
		}
		if (b->list != list || found == 1)
			continue;
		if (found)
			undecided++;
		else
			note_dead(r, i, last, explain, dead);
	}
	return undecided;
}

void dead_rules_free(struct vec *dead)
{
	for (size_t i = 0; i < dead->len; i++)
		vec_free(&((struct dead_rule *)vec_at(dead, i))->covers);
	vec_free(dead);
}

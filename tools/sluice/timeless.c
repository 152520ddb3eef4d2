// SPDX-License-Identifier: GPL-2.0
#include "timeless.h"

#include "base/clock.h"
#include "image/image.h"

static bool is_over(const struct image_element *e, uint64_t now)
{
	return e->since_ns && e->since_ns < now && e->timeout_ns <= now - e->since_ns;
}

void image_stop_time(struct image *image)
{
	struct image_filter *f = &image->filter;
	uint64_t now = clock_ns(CLOCK_REALTIME);

	for (size_t i = 0; i < f->actions.len; i++) {
		struct action *a = vec_at(&f->actions, i);

		if (a->kind == ACTION_POLICE)
			a->rate = 0;
		else if (a->kind == ACTION_INSERT)
			a->burst = 0;
	}
	for (size_t i = 0; i < f->sets.len; i++) {
		struct image_set *set = vec_at(&f->sets, i);

		set->timeout_ns = 0;
		for (size_t j = 0; j < set->elements.len; j++) {
			struct image_element *e = vec_at(&set->elements, j);

			if (!is_over(e, now))
				e->timeout_ns = 0;
		}
	}
}

bool image_polices(const struct image *image, uint32_t number)
{
	const struct image_filter *f = &image->filter;
	const struct action *a;

	if (number >= f->rules.len || f->first[number] == RULES_NONE)
		return false;
	for (size_t i = f->first[number]; i < f->actions.len; i++) {
		a = vec_at(&f->actions, i);
		if (a->kind == ACTION_POLICE)
			return true;
		if (a->last)
			break;
	}
	return false;
}

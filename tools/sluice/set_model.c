// SPDX-License-Identifier: GPL-2.0
#include "set_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "image/image.h"
#include "policy/frame.h"
#include "policy/tree.h"

struct element {
	uint32_t set;			/* number */
	struct set_key key;
};

/* As the data path's keys are: see struct set_key. @a: NULL or of family ADDR_NONE: a number. */
static struct element element_of(uint32_t set, const struct addr *a, uint64_t number)
{
	struct element e = { .set = set };

	if (a && a->family != ADDR_NONE) {
		e.key.family = a->family;
		memcpy(e.key.value, a->bytes, sizeof(e.key.value));
	} else {
		memcpy(e.key.value, &number, sizeof(number));
	}
	return e;
}

/* One that is @over takes room, and that is all. */
static void enter(struct set_model *m, const struct element *e, bool over)
{
	const struct image_set *set = vec_at(&m->image->filter.sets, e->set);
	bool *there = table_get(&m->elements, e);

	if (!there && m->count[e->set] >= set->size)
		return;
	if (!there) {
		there = table_put(&m->elements, e, NULL);
		m->count[e->set]++;
	}
	*there = !over;
}

void set_model_open(struct set_model *m, const struct image *image)
{
	const struct vec *sets = &image->filter.sets;

	m->image = image;
	m->elements = TABLE(struct element, bool);
	m->count = xcalloc(sets->len ? sets->len : 1, sizeof(*m->count));
	for (size_t i = 0; i < sets->len; i++) {
		const struct image_set *set = vec_at(sets, i);

		for (size_t j = 0; j < set->elements.len; j++) {
			const struct image_element *from = vec_at(&set->elements, j);
			const struct element e = { .set = i, .key = from->key };

			enter(m, &e, from->timeout_ns);
		}
	}
}

/* An eval_set_fn. */
static bool has(void *context, const struct policy_set *set, const struct addr *address, uint64_t number)
{
	const struct set_model *m = context;
	const struct element e = element_of(set->number, address, number);
	const bool *there = table_get(&m->elements, &e);

	return there && *there;
}

void set_model_env(struct set_model *m, struct eval_env *env)
{
	env->in_set = has;
	env->set_context = m;
}

static const struct addr *address_of(const struct frame_fields *f, enum policy_field field)
{
	return field == FIELD_IP_SRC ? &f->src : field == FIELD_IP_DST ? &f->dst : NULL;
}

void set_model_follow(struct set_model *m, const void *frame, size_t length,
		      const struct eval_result *result)
{
	struct frame_fields fields;
	bool read = false;

	for (size_t i = 0; i < result->effects.len; i++) {
		const struct policy_action *a = ((struct eval_effect *)vec_at(&result->effects, i))->action;
		struct element e;

		if (a->kind != DO_INSERT)
			continue;
		if (!read)
			frame_read(frame, length, &fields);
		read = true;
		e = element_of(a->set->number, address_of(&fields, a->field), fields.value[a->field]);
		enter(m, &e, false);
	}
}

void set_model_close(struct set_model *m)
{
	table_free(&m->elements);
	free(m->count);
}

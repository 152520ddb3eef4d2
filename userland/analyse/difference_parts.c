// SPDX-License-Identifier: GPL-2.0
/*
 * difference_parts.c: what packets are in a class of differences?
 *
 * If all packets that a changed rule decides of are in the class, it is the rule's box, except what rules
 * before it take. Else it is the intersection of the two boxes, for each pair, except what stands before one
 * or the other. Exceptions are worked in where that leaves few cubes, and cubes that differ in one field are
 * made one. A class that is none of this is said by its rules alone: exact, too.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/cubes.h"
#include "analyse/difference_inside.h"

#define NONE		DIFFERENCE_NONE
#define PARTS_MAX	64u		/* of a class, before they are merged */
#define EXCEPT_MAX	256u		/* rules that a part leaves out */
#define EXCEPT_TRIED	2048u		/* rules that are looked at for that */
#define WORK_IN_MAX	64u		/* of which so many can be worked in */
#define CUBES_MAX	4u		/* cubes that this may leave */
#define CLASSES_MERGED	256u
#define CLASSES_IN_PARTS 10000u	/* of more than these nobody reads each one's exceptions */

/* ---- parts ----------------------------------------------------------------------------- */

/* The entries of @before that meet the @boxes. Return: false if they are too many. */
static bool find_exceptions(struct comparison *c, const struct region_before *before, const uint32_t *box,
			    unsigned int boxes, struct vec *except)
{
	const struct compared *of = &c->of[before->list];
	size_t tried = 0;

	regions_meeting(c->regions, box[0], before->list, &c->meeting);
	for (size_t i = 0; i < c->meeting.len; i++) {
		uint32_t e = *(uint32_t *)vec_at(&c->meeting, i) - of->first_box;
		const struct difference_entry *entry = entry_at(of, e);
		struct region_query q = { .boxes = boxes + 1 };

		if (entry_order(entry) >= before->number)
			break;
		if (entry->lane && (entry->lane != before->lane || entry_order(entry) < before->from))
			continue;
		if (tried++ == EXCEPT_TRIED)
			return false;
		memcpy(q.box, box, boxes * sizeof(*box));
		q.box[boxes] = of->first_box + e;
		if (boxes > 1 && regions_find(c->regions, &q, NULL, NULL) != 1)
			continue;
		if (except->len == EXCEPT_MAX)
			return false;
		vec_append(except, &e);
	}
	return true;
}

static const struct rule *box_at(const struct comparison *c, uint32_t box)
{
	return ((struct region_box *)vec_at(regions_boxes(c->regions), box))->box;
}

static void free_part(struct difference_part *p)
{
	cubes_free(&p->cubes);
	for (unsigned int i = 0; i < 2; i++)
		vec_free(&p->except[i]);
}

/* Exceptions are taken out of the cubes, if few are left. */
static void work_in(struct comparison *c, struct difference_part *p)
{
	struct vec out = CUBES;

	if (p->except[0].len + p->except[1].len > WORK_IN_MAX)
		return;
	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < p->except[i].len; k++)
			cubes_of_rule(entry_at(&c->of[i], *(uint32_t *)vec_at(&p->except[i], k))->box, &out);
	if (cubes_minus(&p->cubes, &out, CUBES_MAX))
		for (unsigned int i = 0; i < 2; i++)
			vec_free(&p->except[i]);
	cubes_free(&out);
}

static struct difference_part new_part(void)
{
	return (struct difference_part){
		.cubes = CUBES, .except = { VEC(uint32_t), VEC(uint32_t) },
	};
}

/* The packets that one changed entry decides of, if all of them are in the class. */
static bool whole_part(struct comparison *c, const struct vec *pairs, unsigned int which, uint32_t entry,
		       uint32_t lane, struct difference_part *part)
{
	const struct compared *of = &c->of[which], *other = &c->of[!which];
	uint32_t box = of->first_box + entry;
	struct vec meeting = VEC(uint32_t);
	struct region_before before;
	bool whole = of->changed[entry];

	if (whole)
		regions_meeting(c->regions, box, !which, &meeting);
	for (size_t i = 0, at = 0; i < meeting.len && whole; i++) {
		uint32_t e = *(uint32_t *)vec_at(&meeting, i) - other->first_box;
		uint32_t both[2] = { which ? e : entry, which ? entry : e };

		if (!entry_in_lane(entry_at(other, e), lane))
			continue;
		while (at < pairs->len) {
			const struct pair *p = vec_at(pairs, at);

			if (p->entry[which] == entry && p->entry[!which] >= e)
				break;
			at++;
		}
		if (at < pairs->len && ((struct pair *)vec_at(pairs, at))->entry[!which] == e)
			continue;
		whole = !difference_ask(c, both, lane, NULL);
	}
	vec_free(&meeting);
	if (!whole)
		return false;
	*part = new_part();
	cubes_of_rule(entry_at(of, entry)->box, &part->cubes);
	before = (struct region_before){ which, entry_order(entry_at(of, entry)), lane, 0 };
	if (find_exceptions(c, &before, &box, 1, &part->except[which])) {
		work_in(c, part);
		return true;
	}
	free_part(part);
	return false;
}

static bool pair_part(struct comparison *c, const struct pair *p, struct difference_part *part)
{
	uint32_t box[2] = { c->of[0].first_box + p->entry[0], c->of[1].first_box + p->entry[1] };
	struct vec cubes[2] = { CUBES, CUBES };
	bool few = true;

	*part = new_part();
	for (unsigned int i = 0; i < 2; i++)
		cubes_of_rule(entry_at(&c->of[i], p->entry[i])->box, &cubes[i]);
	cubes_meet(&cubes[0], &cubes[1], &part->cubes);
	for (unsigned int i = 0; i < 2 && few; i++) {
		struct region_before before = { i, entry_order(entry_at(&c->of[i], p->entry[i])), p->lane, 0 };
		uint32_t boxes[2] = { box[i], box[!i] };

		few = find_exceptions(c, &before, boxes, 2, &part->except[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		cubes_free(&cubes[i]);
	if (few)
		work_in(c, part);
	else
		free_part(part);
	return few;
}

/* The same in the lane whose last entry counts. */
static bool last_part(struct comparison *c, const struct pair *p, struct difference_part *part)
{
	struct region_query q;
	bool few = true;

	difference_last_query(c, p, &q);
	*part = new_part();
	cubes_of_rule(box_at(c, q.box[0]), &part->cubes);
	for (unsigned int i = 1; i < q.boxes; i++) {
		struct vec box = CUBES, both = CUBES;

		cubes_of_rule(box_at(c, q.box[i]), &box);
		cubes_meet(&part->cubes, &box, &both);
		cubes_free(&box);
		cubes_free(&part->cubes);
		part->cubes = both;
	}
	for (unsigned int i = 0; i < q.befores && few; i++)
		few = find_exceptions(c, &q.before[i], q.box, q.boxes, &part->except[q.before[i].list]);
	if (few)
		work_in(c, part);
	else
		free_part(part);
	return few;
}

/* Parts without exceptions become one. */
static void merge_parts(struct vec *parts)
{
	struct difference_part *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < parts->len; i++) {
		struct difference_part *p = vec_at(parts, i);

		if (first && !p->except[0].len && !p->except[1].len) {
			for (size_t k = 0; k < p->cubes.len; k++)
				vec_append(&first->cubes, vec_at(&p->cubes, k));
			p->cubes.len = 0;
			free_part(p);
			continue;
		}
		*(struct difference_part *)vec_at(parts, n) = *p;
		p = vec_at(parts, n++);
		if (!first && !p->except[0].len && !p->except[1].len)
			first = p;
	}
	parts->len = n;
	if (first)
		cubes_merge(&first->cubes);
}

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	for (unsigned int i = 0; i < 2; i++)
		if (x->entry[i] != y->entry[i])
			return x->entry[i] < y->entry[i] ? -1 : 1;
	return 0;
}

static void forget_parts(struct difference_class *class)
{
	for (size_t i = 0; i < class->parts.len; i++)
		free_part(vec_at(&class->parts, i));
	class->parts.len = 0;
}

/* What whole_part() said of the last entry that was asked about. */
struct whole {
	uint32_t entry;
	bool is;
};

/*
 * Parts of a class: changed entries whose packets are all in it; for the other pairs one each, if
 * these are few.
 */
static void find_parts(struct comparison *c, struct difference_class *class, const struct vec *pairs)
{
	struct whole whole[2] = { { NONE, false }, { NONE, false } };
	struct vec others = VEC(struct pair);
	struct difference_part part;
	bool last = class->lane && class->lane == last_lane(c), few = !last || pairs->len <= PARTS_MAX;

	for (size_t i = 0; i < pairs->len && few; i++) {
		const struct pair *p = vec_at(pairs, i);
		bool had = last;

		for (unsigned int which = 0; which < 2 && !had; which++) {
			if (p->entry[which] != whole[which].entry) {
				whole[which].entry = p->entry[which];
				whole[which].is = whole_part(c, pairs, which, p->entry[which],
							     class->lane, &part);
				if (whole[which].is)
					vec_append(&class->parts, &part);
			}
			had = whole[which].is;
		}
		if (last || !had)
			vec_append(&others, p);
		few = class->parts.len + others.len <= PARTS_MAX;
	}
	for (size_t i = 0; i < others.len && few; i++) {
		few = (last ? last_part : pair_part)(c, vec_at(&others, i), &part);
		if (few)
			vec_append(&class->parts, &part);
	}
	vec_free(&others);
	if (few)
		merge_parts(&class->parts);
	else
		forget_parts(class);
}

/* ---- a class ------- */

static int number_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, each once. */
static void settle_numbers(struct vec *numbers)
{
	uint32_t *number = numbers->data;
	size_t n = 0;

	if (numbers->len)
		qsort(number, numbers->len, sizeof(*number), number_cmp);
	for (size_t i = 0; i < numbers->len; i++)
		if (!n || number[n - 1] != number[i])
			number[n++] = number[i];
	numbers->len = n;
}

void difference_describe(struct comparison *c, struct difference_class *class, struct vec *pairs)
{
	uint32_t last[2] = { NONE, NONE };
	bool last_counts = class->lane && class->lane == last_lane(c);

	qsort(pairs->data, pairs->len, sizeof(struct pair), pair_cmp);
	for (size_t i = 0; i < pairs->len; i++) {
		const struct pair *p = vec_at(pairs, i);

		for (unsigned int k = 0; k < 2; k++) {
			const struct difference_entry *e = entry_at(&c->of[k], p->entry[k]);
			uint32_t changed = last_counts ? p->changed[k] :
					   c->of[k].changed[p->entry[k]] ? p->entry[k] : NONE;

			vec_append(&class->rules[k], &e->number);
			if (changed != NONE && changed != last[k])
				cubes_of_rule(entry_at(&c->of[k], changed)->box, &class->within);
			last[k] = changed;
		}
	}
	for (unsigned int k = 0; k < 2; k++)
		settle_numbers(&class->rules[k]);
	cubes_merge(&class->within);
	if (c->difference->classes.len <= CLASSES_IN_PARTS)
		find_parts(c, class, pairs);
}

/* ---- classes that become one -------------------------------------------------------------- */

void difference_class_free(struct difference_class *class)
{
	forget_parts(class);
	vec_free(&class->parts);
	cubes_free(&class->within);
	for (unsigned int i = 0; i < 2; i++) {
		vec_free(&class->rules[i]);
		vec_free(&class->changed[i]);
	}
}

static bool is_plain(const struct difference_class *class)
{
	const struct difference_part *p = vec_at(&class->parts, 0);

	return class->parts.len == 1 && !p->except[0].len && !p->except[1].len;
}

/* Two that do the same, if together they need no more cubes than the larger one. */
static bool unite(struct difference_class *a, struct difference_class *b)
{
	struct difference_part *p, *q;
	struct vec both = CUBES;

	if (a->lane != b->lane || a->before != b->before || a->after != b->after ||
	    !is_plain(a) || !is_plain(b))
		return false;
	p = vec_at(&a->parts, 0);
	q = vec_at(&b->parts, 0);
	cubes_copy(&both, &p->cubes);
	cubes_copy(&both, &q->cubes);
	cubes_merge(&both);
	if (both.len > p->cubes.len && both.len > q->cubes.len) {
		cubes_free(&both);
		return false;
	}
	cubes_free(&p->cubes);
	p->cubes = both;
	cubes_copy(&a->within, &b->within);
	cubes_merge(&a->within);
	for (unsigned int i = 0; i < 2; i++) {
		for (size_t k = 0; k < b->rules[i].len; k++)
			vec_append(&a->rules[i], vec_at(&b->rules[i], k));
		for (size_t k = 0; k < b->changed[i].len; k++)
			vec_append(&a->changed[i], vec_at(&b->changed[i], k));
		settle_numbers(&a->rules[i]);
		settle_numbers(&a->changed[i]);
	}
	return true;
}

void difference_unite(struct vec *classes)
{
	for (size_t i = 0; i < classes->len && classes->len <= CLASSES_MERGED; i++)
		for (size_t k = classes->len; k-- > i + 1;) {
			struct difference_class *b = vec_at(classes, k);

			if (!unite(vec_at(classes, i), b))
				continue;
			difference_class_free(b);
			memmove(b, b + 1, (classes->len - k - 1) * sizeof(*b));
			vec_pop(classes);
			k = classes->len;	/* what did not fit the smaller one may fit this */
		}
}

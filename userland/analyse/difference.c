// SPDX-License-Identifier: GPL-2.0
/*
 * difference.c: which packets do two lists treat differently?
 *
 * Pairs. A packet is treated differently in lane 0 if some a decides of it in the first list and
 * some b in the second, with another outcome. That there is such a packet for a and b is one
 * question of regions.h: one that a and b have, and no rule before a in the first list nor before b in
 * the second. Lane k: "the first of the entries of lanes 0 and k that matches" decides whether
 * k acts, so that it is the same question with more rules in front.
 *
 * Which pairs. Not all: let the entries that both lists have (same box, same lane, same outcome) be
 * matched so that order is kept, as a text diff does; the others have changed. Claim: of a pair that
 * decides differently one at least has changed. If not, a is matched with some a' of the second
 * list, and b with some b' of the first. Not a' = b, for then both do the same. All four match
 * the packet. b decides in the second list, so b stands before a' there, and b' before a in the first,
 * order being kept; but a decides in the first. So a list of 100,000 rules of which few changed
 * is asked about few pairs; and as any matching that keeps the order will do, a fast one is taken.
 *
 * Classes. Pairs are put together by what has changed and by what it does before and after. To say
 * what packets these are: if all packets that a changed rule decides of are in the class, it is
 * the rule's box, except what rules before it take. Else it is the intersection of the two boxes,
 * for each pair, except what stands before one or the other. Exceptions are worked in where
 * that leaves few cubes, and cubes that differ in one field are made one. A class that is none of
 * this is said by its rules alone: exact, too.
 */
#include "analyse/difference.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/cubes.h"
#include "analyse/regions.h"
#include "base/rising.h"
#include "base/table.h"

#define NONE		UINT32_MAX
#define PAIRS_MAX	1000000u	/* kept; beyond, the rest is said to be undecided */
#define PARTS_MAX	64u		/* of a class, before they are merged */
#define EXCEPT_MAX	256u		/* rules that a part leaves out */
#define EXCEPT_TRIED	2048u		/* rules that are looked at for that */
#define WORK_IN_MAX	64u		/* of which so many can be worked in */
#define CUBES_MAX	4u		/* cubes that this may leave */
#define CLASSES_MERGED	256u
#define CLASSES_CHECKED	1000u	/* each against the lists as they stand, which takes as long as they are */
#define CLASSES_IN_PARTS 10000u	/* of more than these nobody reads each one's exceptions */

/* A list with its end, which is an entry of its own, and whether an entry has changed. */
struct compared {
	const struct difference_list *list;
	struct vec entries;		/* of struct difference_entry */
	bool *changed;
	uint32_t first_box;		/* of its entries in the regions */
};

struct pair {
	uint32_t entry[2];
	uint32_t lane;
};

struct comparison {
	struct compared of[2];
	struct regions *regions;
	const struct difference_options *options;
	struct difference *difference;
	struct table classes;		/* struct class_key -> uint32_t */
	struct vec pairs;		/* of struct vec of struct pair: by class */
	struct vec meeting;
};

static const struct rule anything = { .families = RULE_ALL };

static const struct difference_entry *entry_at(const struct compared *c, uint32_t i)
{
	return vec_at(&c->entries, i);
}

/* Of one rule, what acts stands before what ends. */
static uint32_t order(const struct difference_entry *e)
{
	return 2 * e->number + !e->lane;
}

static void take_list(struct comparison *c, unsigned int which, const struct difference_list *list)
{
	struct compared *of = &c->of[which];
	struct difference_entry end = { &anything, DIFFERENCE_END, 0, list->end };

	of->list = list;
	of->entries = VEC(struct difference_entry);
	for (size_t i = 0; i < list->entries.len; i++)
		vec_append(&of->entries, vec_at(&list->entries, i));
	vec_append(&of->entries, &end);
	of->changed = xcalloc(of->entries.len, sizeof(*of->changed));
	for (uint32_t i = 0; i < of->entries.len; i++) {
		const struct difference_entry *e = entry_at(of, i);
		uint32_t box = regions_add(c->regions, which, e->box, order(e), e->lane);

		if (!i)
			of->first_box = box;
	}
}

/* ---- what has changed ---------------------------------------------------------------- */

static bool same_entry(const struct difference_entry *a, const struct difference_entry *b)
{
	const struct rule *x = a->box, *y = b->box;

	if (a->lane != b->lane || (!a->lane && a->outcome != b->outcome) ||
	    x->families != y->families || x->tests != y->tests)
		return false;
	for (unsigned int side = 0; side < 2; side++) {
		if (x->prefixes[side] != y->prefixes[side])
			return false;
		for (uint32_t i = 0; i < x->prefixes[side]; i++)
			if (!prefix_equal(&x->prefix[side][i], &y->prefix[side][i]))
				return false;
	}
	for (uint32_t i = 0; i < x->tests; i++) {
		const struct rule_test *s = &x->test[i], *t = &y->test[i];

		if (s->field != t->field || s->kind != t->kind || s->a != t->a || s->b != t->b)
			return false;
	}
	return true;
}

static uint64_t entry_hash(const struct difference_entry *e)
{
	const struct rule *r = e->box;
	uint64_t hash[6] = { r->families, e->lane, e->lane ? 0 : e->outcome };

	for (unsigned int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < r->prefixes[side]; i++) {
			struct { uint64_t before; uint8_t bytes[16], family, len; uint8_t pad[6]; } p = {
				.before = hash[3 + side], .family = r->prefix[side][i].addr.family,
				.len = r->prefix[side][i].len,
			};

			memcpy(p.bytes, r->prefix[side][i].addr.bytes, 16);
			hash[3 + side] = hash_bytes(&p, sizeof(p));
		}
	hash[5] = hash_bytes(r->test, r->tests * sizeof(*r->test));
	return hash_bytes(hash, sizeof(hash));
}

/* Entries of the second list of one hash, in their order: first, and by entry the next. */
struct chain {
	uint32_t first, last;
};

/*
 * Each entry of the first list, in turn, is given the next equal one of the second that is still free;
 * of these pairs, the longest row that keeps the order stays.
 */
static void match_entries(struct comparison *c)
{
	size_t n = c->of[0].entries.len, m = c->of[1].entries.len;
	struct table chains = TABLE(uint64_t, struct chain);
	uint32_t *next = xcalloc(m, sizeof(*next)), *with = xcalloc(n, sizeof(*with));

	for (uint32_t i = 0; i < m; i++) {
		uint64_t hash = entry_hash(entry_at(&c->of[1], i));
		bool fresh;
		struct chain *ch = table_put(&chains, &hash, &fresh);

		next[i] = NONE;
		if (fresh || ch->first == NONE)
			ch->first = i;
		else
			next[ch->last] = i;
		ch->last = i;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t hash = entry_hash(entry_at(&c->of[0], i));
		struct chain *ch = table_get(&chains, &hash);

		with[i] = NONE;
		if (!ch || ch->first == NONE ||
		    !same_entry(entry_at(&c->of[0], i), entry_at(&c->of[1], ch->first)))
			continue;
		with[i] = ch->first;
		ch->first = next[ch->first];
	}
	rising_keep(with, n);
	memset(c->of[0].changed, true, n);
	memset(c->of[1].changed, true, m);
	for (uint32_t i = 0; i < n; i++)
		if (with[i] != NONE)
			c->of[0].changed[i] = c->of[1].changed[with[i]] = false;
	table_free(&chains);
	free(next);
	free(with);
}

/* ---- pairs ----------------------------------------------------------------------------- */

/* The lane in which a packet that they decide of can be told apart; NONE: both do the same. */
static uint32_t lane_of(const struct difference_entry *a, const struct difference_entry *b)
{
	if (!a->lane && !b->lane)
		return a->outcome == b->outcome ? NONE : 0;
	return a->lane && b->lane ? NONE : a->lane | b->lane;
}

static int ask(struct comparison *c, const uint32_t entry[2], uint32_t lane, struct rule_packet *witness)
{
	struct region_query q = { .boxes = 2, .befores = 2 };

	for (unsigned int i = 0; i < 2; i++) {
		q.box[i] = c->of[i].first_box + entry[i];
		q.before[i] = (struct region_before){ i, order(entry_at(&c->of[i], entry[i])), lane };
	}
	return regions_find(c->regions, &q, witness, NULL);
}

/* Whether an entry decides of anything in its own list. */
static int decides(struct comparison *c, unsigned int which, uint32_t entry)
{
	const struct difference_entry *e = entry_at(&c->of[which], entry);
	struct region_query q = {
		.boxes = 1, .box = { c->of[which].first_box + entry },
		.befores = 1, .before = { { which, order(e), 0 } },
	};

	return regions_find(c->regions, &q, NULL, NULL);
}

struct class_key {
	uint32_t lane, before, after, changed[2];
};

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

/* Our own mistake, if it is not so: never shown to anybody. */
static void check_witness(const struct comparison *c, const struct class_key *key,
			  const struct rule_packet *witness)
{
	assert(difference_treats(c->of[0].list, key->lane, witness, NULL) == key->before);
	assert(difference_treats(c->of[1].list, key->lane, witness, NULL) == key->after);
}

static void note_pair(struct comparison *c, const struct pair *p, const struct rule_packet *witness)
{
	struct class_key key = { .lane = p->lane };
	struct difference_class *class;
	uint32_t *number;
	bool fresh;

	for (unsigned int i = 0; i < 2; i++) {
		const struct difference_entry *e = entry_at(&c->of[i], p->entry[i]);
		uint32_t does = p->lane ? e->lane == p->lane : e->outcome;

		key.changed[i] = c->of[i].changed[p->entry[i]] ? e->number : NONE;
		*(i ? &key.after : &key.before) = does;
	}
	number = table_put(&c->classes, &key, &fresh);
	if (fresh) {
		*number = c->difference->classes.len;
		class = vec_push(&c->difference->classes);
		*class = (struct difference_class){
			.lane = p->lane, .before = key.before, .after = key.after,
			.rules = { VEC(uint32_t), VEC(uint32_t) },
			.changed = { VEC(uint32_t), VEC(uint32_t) },
			.within = CUBES, .parts = VEC(struct difference_part), .witness = *witness,
		};
		for (unsigned int i = 0; i < 2; i++)
			if (key.changed[i] != NONE)
				vec_append(&class->changed[i], &key.changed[i]);
		*(struct vec *)vec_push(&c->pairs) = VEC(struct pair);
		if (*number < CLASSES_CHECKED)
			check_witness(c, &key, witness);
	}
	vec_append(vec_at(&c->pairs, *number), p);
	c->difference->pairs++;
}

/* All pairs of a changed entry. Return: whether to go on. */
static bool find_pairs(struct comparison *c, unsigned int which, uint32_t entry)
{
	struct compared *other = &c->of[!which];
	struct rule_packet witness;
	int found = decides(c, which, entry);

	if (found != 1) {
		c->difference->undecided |= found < 0;
		return found == 0;
	}
	regions_meeting(c->regions, c->of[which].first_box + entry, !which, &c->meeting);
	for (size_t i = 0; i < c->meeting.len; i++) {
		uint32_t e = *(uint32_t *)vec_at(&c->meeting, i) - other->first_box;
		struct pair p = { .entry = { which ? e : entry, which ? entry : e } };

		if (which && other->changed[e])
			continue;
		p.lane = lane_of(entry_at(&c->of[0], p.entry[0]), entry_at(&c->of[1], p.entry[1]));
		if (p.lane == NONE)
			continue;
		found = ask(c, p.entry, p.lane, &witness);
		if (found < 0 || c->difference->pairs == PAIRS_MAX) {
			c->difference->undecided = true;
			return false;
		}
		if (!found)
			continue;
		note_pair(c, &p, &witness);
		if (c->options->first)
			return false;
	}
	return true;
}

static void find_all(struct comparison *c)
{
	for (unsigned int which = 0; which < 2; which++)
		for (uint32_t i = 0; i < c->of[which].entries.len; i++)
			if (c->of[which].changed[i] && !find_pairs(c, which, i))
				return;
}

/* ---- parts ----------------------------------------------------------------------------- */

static bool in_lane(const struct difference_entry *e, uint32_t lane)
{
	return !e->lane || e->lane == lane;
}

/*
 * The entries of a list before @before that meet the boxes of the first @n entries of @boxes.
 * Return: false if they are too many.
 */
static bool find_exceptions(struct comparison *c, unsigned int which, uint32_t before, uint32_t lane,
			    const uint32_t *box, unsigned int boxes, struct vec *except)
{
	const struct compared *of = &c->of[which];

	size_t tried = 0;

	regions_meeting(c->regions, box[0], which, &c->meeting);
	for (size_t i = 0; i < c->meeting.len; i++) {
		uint32_t e = *(uint32_t *)vec_at(&c->meeting, i) - of->first_box;
		struct region_query q = { .boxes = boxes + 1 };

		if (order(entry_at(of, e)) >= order(entry_at(of, before)))
			break;
		if (!in_lane(entry_at(of, e), lane))
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
	bool whole = of->changed[entry];

	if (whole)
		regions_meeting(c->regions, box, !which, &meeting);
	for (size_t i = 0, at = 0; i < meeting.len && whole; i++) {
		uint32_t e = *(uint32_t *)vec_at(&meeting, i) - other->first_box;
		uint32_t both[2] = { which ? e : entry, which ? entry : e };

		if (!in_lane(entry_at(other, e), lane))
			continue;
		while (at < pairs->len) {
			const struct pair *p = vec_at(pairs, at);

			if (p->entry[which] == entry && p->entry[!which] >= e)
				break;
			at++;
		}
		if (at < pairs->len && ((struct pair *)vec_at(pairs, at))->entry[!which] == e)
			continue;
		whole = !ask(c, both, lane, NULL);
	}
	vec_free(&meeting);
	if (!whole)
		return false;
	*part = new_part();
	cubes_of_rule(entry_at(of, entry)->box, &part->cubes);
	if (find_exceptions(c, which, entry, lane, &box, 1, &part->except[which])) {
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
		uint32_t boxes[2] = { box[i], box[!i] };

		few = find_exceptions(c, i, p->entry[i], p->lane, boxes, 2, &part->except[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		cubes_free(&cubes[i]);
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
	bool few = true;

	for (size_t i = 0; i < pairs->len && few; i++) {
		const struct pair *p = vec_at(pairs, i);
		bool had = false;

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
		if (!had)
			vec_append(&others, p);
		few = class->parts.len + others.len <= PARTS_MAX;
	}
	for (size_t i = 0; i < others.len && few; i++) {
		few = pair_part(c, vec_at(&others, i), &part);
		if (few)
			vec_append(&class->parts, &part);
	}
	vec_free(&others);
	if (few)
		merge_parts(&class->parts);
	else
		forget_parts(class);
}

/* What the class says of itself: rules, the boxes that its packets are within, and its parts. */
static void describe(struct comparison *c, struct difference_class *class, struct vec *pairs)
{
	uint32_t last[2] = { NONE, NONE };

	qsort(pairs->data, pairs->len, sizeof(struct pair), pair_cmp);
	for (size_t i = 0; i < pairs->len; i++) {
		const struct pair *p = vec_at(pairs, i);

		for (unsigned int k = 0; k < 2; k++) {
			const struct difference_entry *e = entry_at(&c->of[k], p->entry[k]);

			vec_append(&class->rules[k], &e->number);
			if (c->of[k].changed[p->entry[k]] && p->entry[k] != last[k])
				cubes_of_rule(e->box, &class->within);
			last[k] = p->entry[k];
		}
	}
	for (unsigned int k = 0; k < 2; k++)
		settle_numbers(&class->rules[k]);
	cubes_merge(&class->within);
	if (c->difference->classes.len <= CLASSES_IN_PARTS)
		find_parts(c, class, pairs);
}

/* ---- classes that become one -------------------------------------------------------------- */

static void free_class(struct difference_class *class)
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

static void unite_classes(struct vec *classes)
{
	for (size_t i = 0; i < classes->len && classes->len <= CLASSES_MERGED; i++)
		for (size_t k = classes->len; k-- > i + 1;) {
			struct difference_class *b = vec_at(classes, k);

			if (!unite(vec_at(classes, i), b))
				continue;
			free_class(b);
			memmove(b, b + 1, (classes->len - k - 1) * sizeof(*b));
			vec_pop(classes);
		}
}

/* ---- all of it ------------------------------------------------------------------------------ */

int difference_find(const struct difference_list *a, const struct difference_list *b,
		    const struct difference_options *options, struct difference *difference,
		    struct text *why)
{
	struct comparison c = {
		.regions = regions_new(), .options = options, .difference = difference,
		.classes = TABLE(struct class_key, uint32_t), .pairs = VEC(struct vec),
		.meeting = VEC(uint32_t),
	};
	int err;

	*difference = (struct difference){ .classes = VEC(struct difference_class) };
	take_list(&c, 0, a);
	take_list(&c, 1, b);
	match_entries(&c);
	for (size_t i = 0; options->possible && i < options->possible->len; i++)
		regions_possible(c.regions, *(struct rule **)vec_at(options->possible, i));
	regions_limit(c.regions, options->seconds);
	err = regions_close(c.regions, why);
	if (!err) {
		find_all(&c);
		for (size_t i = 0; i < difference->classes.len; i++)
			describe(&c, vec_at(&difference->classes, i), vec_at(&c.pairs, i));
		unite_classes(&difference->classes);
	}
	for (size_t i = 0; i < c.pairs.len; i++)
		vec_free(vec_at(&c.pairs, i));
	vec_free(&c.pairs);
	vec_free(&c.meeting);
	table_free(&c.classes);
	for (unsigned int i = 0; i < 2; i++) {
		vec_free(&c.of[i].entries);
		free(c.of[i].changed);
	}
	regions_free(c.regions);
	return err;
}

void difference_free(struct difference *difference)
{
	for (size_t i = 0; i < difference->classes.len; i++)
		free_class(vec_at(&difference->classes, i));
	vec_free(&difference->classes);
}

void difference_list_free(struct difference_list *list)
{
	vec_free(&list->entries);
}

/* ---- the plain meaning ------------------------------------------------------------------------ */

uint32_t difference_treats(const struct difference_list *list, uint32_t lane,
			   const struct rule_packet *packet, uint32_t *number)
{
	for (size_t i = 0; i < list->entries.len; i++) {
		const struct difference_entry *e = vec_at(&list->entries, i);

		if (!in_lane(e, lane) || !rule_matches(e->box, packet))
			continue;
		if (number)
			*number = e->number;
		return lane ? e->lane == lane : e->outcome;
	}
	if (number)
		*number = DIFFERENCE_END;
	return lane ? 0 : list->end;
}

static bool has_number(const struct vec *numbers, uint32_t n)
{
	for (size_t i = 0; i < numbers->len; i++)
		if (*(uint32_t *)vec_at(numbers, i) == n)
			return true;
	return false;
}

bool difference_class_has(const struct difference_class *class, const struct difference_list *a,
			  const struct difference_list *b, const struct rule_packet *packet)
{
	uint32_t number[2];

	return cubes_have(&class->within, packet) &&
	       difference_treats(a, class->lane, packet, &number[0]) == class->before &&
	       difference_treats(b, class->lane, packet, &number[1]) == class->after &&
	       has_number(&class->rules[0], number[0]) && has_number(&class->rules[1], number[1]);
}

bool difference_parts_have(const struct difference_class *class, const struct difference_list *a,
			   const struct difference_list *b, const struct rule_packet *packet)
{
	const struct difference_list *const lists[2] = { a, b };

	for (size_t i = 0; i < class->parts.len; i++) {
		const struct difference_part *p = vec_at(&class->parts, i);
		bool has = cubes_have(&p->cubes, packet);

		for (unsigned int k = 0; k < 2; k++)
			for (size_t e = 0; e < p->except[k].len && has; e++) {
				const struct difference_entry *x =
					vec_at(&lists[k]->entries, *(uint32_t *)vec_at(&p->except[k], e));

				has = !rule_matches(x->box, packet);
			}
		if (has)
			return true;
	}
	return false;
}

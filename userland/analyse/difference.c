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
 * Pairs are put together to classes by what has changed and by what it does before and after; what
 * packets these are, difference_parts.c says.
 */
#include "analyse/difference.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/cubes.h"
#include "analyse/difference_inside.h"
#include "base/rising.h"

#define NONE		DIFFERENCE_NONE
#define CLASSES_CHECKED	1000u	/* each against the lists as they stand, which takes as long as they are */

static const struct rule anything = { .families = RULE_ALL };

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
		uint32_t box = regions_add(c->regions, which, e->box, entry_order(e), e->lane);

		if (!i)
			of->first_box = box;
	}
}

/* ---- what has changed ---------------------------------------------------------------- */

static bool same_entry(const struct difference_entry *a, const struct difference_entry *b)
{
	const struct rule *x = a->box, *y = b->box;

	if (a->lane != b->lane || a->outcome != b->outcome || x->families != y->families ||
	    x->tests != y->tests)
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
	uint64_t hash[6] = { r->families, e->lane, e->outcome };

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

/*
 * The lane in which a packet that they decide of can be told apart; NONE: both do the same; the
 * lane whose last entry counts is not asked here.
 */
static uint32_t lane_of(const struct difference_entry *a, const struct difference_entry *b, uint32_t last)
{
	if (last && (a->lane == last || b->lane == last))
		return NONE;
	if (!a->lane && !b->lane)
		return a->outcome == b->outcome ? NONE : 0;
	return a->lane && b->lane ? NONE : a->lane | b->lane;
}

int difference_ask(struct comparison *c, const uint32_t entry[2], uint32_t lane, struct rule_packet *witness)
{
	struct region_query q = { .boxes = 2, .befores = 2 };

	for (unsigned int i = 0; i < 2; i++) {
		q.box[i] = c->of[i].first_box + entry[i];
		q.before[i] = (struct region_before){ i, entry_order(entry_at(&c->of[i], entry[i])), lane, 0 };
	}
	return regions_find(c->regions, &q, witness, NULL);
}

/* Whether an entry decides of anything in its own list. */
static int decides(struct comparison *c, unsigned int which, uint32_t entry)
{
	const struct difference_entry *e = entry_at(&c->of[which], entry);
	struct region_query q = {
		.boxes = 1, .box = { c->of[which].first_box + entry },
		.befores = 1, .before = { { which, entry_order(e), 0, 0 } },
	};

	return regions_find(c->regions, &q, NULL, NULL);
}

struct class_key {
	uint32_t lane, before, after, changed[2];
};

/* Our own mistake, if it is not so: never shown to anybody. */
static void check_witness(const struct comparison *c, const struct class_key *key,
			  const struct rule_packet *witness)
{
	assert(difference_treats(c->of[0].list, key->lane, witness, NULL) == key->before);
	assert(difference_treats(c->of[1].list, key->lane, witness, NULL) == key->after);
}

void difference_note(struct comparison *c, const struct pair *p, uint32_t before, uint32_t after,
		     const struct rule_packet *witness)
{
	bool last = p->lane && p->lane == last_lane(c);
	struct class_key key = { .lane = p->lane, .before = before, .after = after };
	struct difference_class *class;
	uint32_t *number;
	bool fresh;

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t entry = last ? p->changed[i] : c->of[i].changed[p->entry[i]] ? p->entry[i] : NONE;

		key.changed[i] = entry == NONE ? NONE : entry_at(&c->of[i], entry)->number;
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
	uint32_t does[2];
	int found = decides(c, which, entry);

	if (found != 1) {
		c->difference->undecided |= found < 0;
		return found == 0;
	}
	if (!difference_last(c, which, entry))
		return false;
	regions_meeting(c->regions, c->of[which].first_box + entry, !which, &c->meeting);
	for (size_t i = 0; i < c->meeting.len; i++) {
		uint32_t e = *(uint32_t *)vec_at(&c->meeting, i) - other->first_box;
		struct pair p = { .entry = { which ? e : entry, which ? entry : e } };

		if (which && other->changed[e])
			continue;
		p.lane = lane_of(entry_at(&c->of[0], p.entry[0]), entry_at(&c->of[1], p.entry[1]),
				 last_lane(c));
		if (p.lane == NONE)
			continue;
		found = difference_ask(c, p.entry, p.lane, &witness);
		if (found < 0 || c->difference->pairs == DIFFERENCE_PAIRS_MAX) {
			c->difference->undecided = true;
			return false;
		}
		if (!found)
			continue;
		for (unsigned int k = 0; k < 2; k++) {
			const struct difference_entry *d = entry_at(&c->of[k], p.entry[k]);

			does[k] = p.lane ? d->lane == p.lane : d->outcome;
		}
		difference_note(c, &p, does[0], does[1], &witness);
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

	assert(a->last == b->last);
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
			difference_describe(&c, vec_at(&difference->classes, i), vec_at(&c.pairs, i));
		difference_unite(&difference->classes);
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
		difference_class_free(vec_at(&difference->classes, i));
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
	const struct difference_entry *last = NULL;

	for (size_t i = 0; i < list->entries.len; i++) {
		const struct difference_entry *e = vec_at(&list->entries, i);

		if (!entry_in_lane(e, lane) || !rule_matches(e->box, packet))
			continue;
		if (lane && lane == list->last) {
			if (!e->lane)
				break;
			last = e;
			continue;
		}
		if (number)
			*number = e->number;
		return lane ? e->lane == lane : e->outcome;
	}
	if (number)
		*number = last ? last->number : DIFFERENCE_END;
	return last ? last->outcome : lane ? 0 : list->end;
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

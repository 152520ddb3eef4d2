// SPDX-License-Identifier: GPL-2.0
/*
 * difference_last.c: differences in the lane whose last entry counts: which mark does a packet leave with?
 *
 * A packet's last entry of the lane is m if m matches it and stands in front of e, which ends its search, and
 * no entry of the lane between m and e matches it. Which e that is matters only if there are entries of
 * the lane behind m: e may stand between m and one of these, or it stands behind them all, and then need
 * not be known. So the packets whose last entry is m are some (m, e), and one (m, any): each of
 * them a box, or two, and what stands before. What meets no entry is the same with nothing for m.
 *
 * Which are asked. As in difference.c: let the entries that both lists have be matched so that order is kept.
 * Claim: if a packet's last entries leave different things, one at least of m and e in the first list, m'
 * and e' in the second has changed. If not, e and e' are matched with each other, both being the first
 * that end the packet's search; what m is matched with matches the packet and stands before e', so that m'
 * is it or behind it; likewise the other way round; so m and m' are matched, and do the same. So it
 * is enough to ask within the boxes of what has changed. Packets whose m has changed, or else m', are asked about
 * with that, whatever their e; only the others are with e or e', so that none is told of twice.
 */
#include <stdlib.h>

#include "analyse/difference_inside.h"

#define NONE		DIFFERENCE_NONE

/* What a box meets in one list, as places of entries. */
struct met {
	struct vec acts, ends;		/* of uint32_t, sorted */
};

static void find_met(struct comparison *c, uint32_t box, unsigned int which, struct met *met)
{
	const struct compared *of = &c->of[which];

	met->acts = met->ends = VEC(uint32_t);
	regions_meeting(c->regions, box, which, &c->meeting);
	for (size_t i = 0; i < c->meeting.len; i++) {
		uint32_t entry = *(uint32_t *)vec_at(&c->meeting, i) - of->first_box;
		const struct difference_entry *e = entry_at(of, entry);

		if (!e->lane || e->lane == last_lane(c))
			vec_append(e->lane ? &met->acts : &met->ends, &entry);
	}
}

static uint32_t order_at(const struct comparison *c, unsigned int which, uint32_t entry)
{
	return entry_order(entry_at(&c->of[which], entry));
}

/* The place in order from which on entries come behind @entry; the list's end stands for no entry. */
static uint32_t behind(const struct comparison *c, unsigned int which, uint32_t entry)
{
	return entry == end_of(&c->of[which]) ? 0 : order_at(c, which, entry) + 1;
}

static uint32_t leaves(const struct comparison *c, unsigned int which, uint32_t entry)
{
	return entry == end_of(&c->of[which]) ? 0 : entry_at(&c->of[which], entry)->outcome;
}

/* @entry is the last, if nothing of what @met has comes behind it. */
static void add_reasons(const struct comparison *c, unsigned int which, const struct met *met, uint32_t entry,
			struct vec *out)
{
	uint32_t from = behind(c, which, entry), last = 0;
	struct last_reason any = { entry, NONE, entry == end_of(&c->of[which]) ? 0 : from - 1 };

	if (met->acts.len)
		last = order_at(c, which, *(uint32_t *)vec_at(&met->acts, met->acts.len - 1));
	if (met->acts.len && last >= from) {
		for (size_t i = 0; i < met->ends.len; i++) {
			uint32_t end = *(uint32_t *)vec_at(&met->ends, i);
			struct last_reason reason = { entry, end, order_at(c, which, end) };

			if (reason.before >= from && reason.before < last)
				vec_append(out, &reason);
		}
		any.before = last + 1;
	}
	vec_append(out, &any);
}

/* All reasons of one list. @changed: an entry of it that they have to do with; NONE: any. */
static struct vec find_reasons(const struct comparison *c, unsigned int which, const struct met *met,
			       uint32_t changed)
{
	const struct compared *of = &c->of[which];
	struct vec out = VEC(struct last_reason);

	for (size_t i = 0; i <= met->acts.len; i++) {
		uint32_t entry = i < met->acts.len ? *(uint32_t *)vec_at(&met->acts, i) : end_of(of);

		if (changed == NONE || changed == entry) {
			add_reasons(c, which, met, entry, &out);
		} else if (!entry_at(of, changed)->lane) {
			struct last_reason reason = { entry, changed, order_at(c, which, changed) };

			if (behind(c, which, entry) <= reason.before)
				vec_append(&out, &reason);
		}
	}
	return out;
}

static void add_box(struct region_query *q, uint32_t box)
{
	for (unsigned int i = 0; i < q->boxes; i++)
		if (q->box[i] == box)
			return;
	q->box[q->boxes++] = box;
}

static void add_reason(const struct comparison *c, unsigned int which, const struct last_reason *r,
		       struct region_query *q)
{
	const struct compared *of = &c->of[which];

	if (r->entry != end_of(of))
		add_box(q, of->first_box + r->entry);
	if (r->ender != NONE)
		add_box(q, of->first_box + r->ender);
	if (r->before)
		q->before[q->befores++] = (struct region_before){
			which, r->before, last_lane(c), behind(c, which, r->entry)
		};
}

void difference_last_query(const struct comparison *c, const struct pair *p, struct region_query *q)
{
	*q = (struct region_query){ 0 };
	for (unsigned int i = 0; i < 2; i++)
		if (p->changed[i] != NONE)
			add_box(q, c->of[i].first_box + p->changed[i]);
	for (unsigned int i = 0; i < 2; i++)
		add_reason(c, i, &p->last[i], q);
}

/* Only reasons that some packet of @box has stay. Return: 0, -ETIME. */
static int keep_real(struct comparison *c, unsigned int which, uint32_t box, struct vec *reasons)
{
	struct last_reason *r = reasons->data;
	size_t n = 0;

	for (size_t i = 0; i < reasons->len; i++) {
		struct region_query q = { .boxes = 1, .box = { box } };
		int found;

		add_reason(c, which, &r[i], &q);
		found = regions_find(c->regions, &q, NULL, NULL);
		if (found < 0)
			return found;
		if (found)
			r[n++] = r[i];
	}
	reasons->len = n;
	return 0;
}

/* A reason of each list. Return: whether to go on. */
static bool ask_pair(struct comparison *c, struct pair *p)
{
	uint32_t does[2] = { leaves(c, 0, p->entry[0]), leaves(c, 1, p->entry[1]) };
	struct rule_packet witness;
	struct region_query q;
	int found;

	if (does[0] == does[1])
		return true;
	difference_last_query(c, p, &q);
	found = regions_find(c->regions, &q, &witness, NULL);
	if (found < 0 || c->difference->pairs == DIFFERENCE_PAIRS_MAX) {
		c->difference->undecided = true;
		return false;
	}
	if (found)
		difference_note(c, p, does[0], does[1], &witness);
	return !found || !c->options->first;
}

/* Whether a pair that @entry of list @which has to do with is asked about with another entry, its packets' last. */
static bool is_others(const struct comparison *c, unsigned int which, uint32_t entry, const struct pair *p)
{
	for (unsigned int i = 0; i < 2; i++)
		if (p->entry[i] != end_of(&c->of[i]) && c->of[i].changed[p->entry[i]])
			return i != which || p->entry[i] != entry;
	return false;
}

bool difference_last(struct comparison *c, unsigned int which, uint32_t entry)
{
	const struct compared *of = &c->of[which];
	uint32_t lane = last_lane(c), box = of->first_box + entry;
	struct vec reasons[2] = { VEC(struct last_reason), VEC(struct last_reason) };
	struct met met[2];
	bool on = true;

	if (!lane || !entry_in_lane(entry_at(of, entry), lane))
		return true;
	for (unsigned int i = 0; i < 2; i++)
		find_met(c, box, i, &met[i]);
	for (unsigned int i = 0; i < 2 && on && (met[0].acts.len || met[1].acts.len); i++) {
		reasons[i] = find_reasons(c, i, &met[i], i == which ? entry : NONE);
		on = !keep_real(c, i, box, &reasons[i]);
		c->difference->undecided |= !on;
	}
	for (size_t i = 0; i < reasons[0].len && on; i++)
		for (size_t k = 0; k < reasons[1].len && on; k++) {
			struct pair p = {
				.lane = lane, .changed = { NONE, NONE },
				.last = { *(struct last_reason *)vec_at(&reasons[0], i),
					  *(struct last_reason *)vec_at(&reasons[1], k) },
			};

			p.changed[which] = entry;
			for (unsigned int side = 0; side < 2; side++)
				p.entry[side] = p.last[side].entry;
			on = is_others(c, which, entry, &p) || ask_pair(c, &p);
		}
	for (unsigned int i = 0; i < 2; i++) {
		vec_free(&reasons[i]);
		vec_free(&met[i].acts);
		vec_free(&met[i].ends);
	}
	return on;
}

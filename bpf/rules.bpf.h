/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rules.bpf.h: the walk through a rule list's tables (layout: bpf/rules.h).
 *
 * Two address words and a service class name one cell in each plane; each cell gives at
 * most one rule, and of those the one with the least priority is the first of the list
 * that matches. Four cells with two bands a side, and fewer where a side is wide all
 * through, or a plane has no rule in it.
 *
 * The same text is native C and BPF. Each access is checked against the last offset of the
 * shape, a constant to the verifier; what fails the check, and nothing does in a sound
 * area, reads the area's first line, which is zero: no rule.
 */
#ifndef SLUICE_RULES_BPF_H
#define SLUICE_RULES_BPF_H

#include "bpf/rules.h"

/*
 * What is done several times over is most of the verifier's work: the lines of lists, the rows of
 * many bands. A BPF program may have each verified once, by global functions of its own around
 * rules_line() and rules_band(): it declares them, and defines these as their calls, before it
 * includes this. Cells are looked at in place, and of a list the first line where
 * RULES_LOOK_FIRST says so: a call costs more than a cell.
 */
#ifndef RULES_LOOK_LINE
#define RULES_LOOK_LINE(area, shape, at, classes, found) rules_line(area, shape, at, classes, found)
#endif
#ifndef RULES_LOOK_BAND
#define RULES_LOOK_BAND(area, shape, x, destination, classes, found) \
	rules_band(area, shape, x, destination, classes, found)
#endif
#ifndef RULES_LOOK_FIRST
#define RULES_LOOK_FIRST(area, shape, at, classes, found) \
	RULES_LOOK_LINE(area, shape, at, classes, found)
#endif

#define RULES_INLINE_FN	static inline __attribute__((always_inline, unused))
#ifdef __clang__
#define RULES_UNROLL	_Pragma("clang loop unroll(full)")
#else
#define RULES_UNROLL
#endif

/* The service classes of a packet. */
struct rules_classes {
	__u16 of_group[RULES_GROUPS_MAX];
};

/* The rule that is first so far. Where rules are ordered its number says all, until the end. */
struct rules_found {
	__u32 priority;		/* 0: there is none */
	__u32 rule;		/* RULES_NONE, a number greater than all: there is none */
	__u32 action;
};
#define RULES_FOUND_NONE { .rule = RULES_NONE }

/* Up to RULES_LINE bytes at @offset. */
RULES_INLINE_FN const void *rules_at(const __u8 *area, const volatile struct rules_shape *s,
				     __u64 offset)
{
	if (offset > s->last)
		offset = 0;
	return area + offset;
}

RULES_INLINE_FN __u32 rules_word(const __u8 *area, const volatile struct rules_shape *s,
				 __u32 table, __u64 index)
{
	return *(const __u32 *)rules_at(area, s, table + 4 * index);
}

RULES_INLINE_FN __u32 rules_half(const __u8 *area, const volatile struct rules_shape *s,
				 __u32 table, __u64 index)
{
	return *(const __u16 *)rules_at(area, s, table + 2 * index);
}

/**
 * rules_classify() - the service classes of a packet: every step.
 * @field: its values, by enum rules_field. @classes: all 0.
 * Unrolled, as the steps are constants to the verifier: of those that there are not nothing stays.
 */
RULES_INLINE_FN void rules_classify(const __u8 *area, const volatile struct rules_shape *s,
				    const __u16 *field, struct rules_classes *classes)
{
	__u32 class = 0;

	RULES_UNROLL
	for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++) {
		__u32 number, combined, of_field;

		if (i >= s->steps)
			break;
		number = s->step[i].field;
		if (number >= RULES_FIELD_COUNT)	/* not in a sound shape */
			break;
		of_field = rules_half(area, s, s->step[i].classes, field[number] & s->step[i].mask);
		combined = s->step[i].combined;
		class = combined ? rules_half(area, s, combined,
					      (__u64)class * s->step[i].width + of_field) : of_field;
		/* The last of its group. */
		if (i + 1 == RULES_FIELD_COUNT || i + 1 >= s->steps || !s->step[i + 1].combined)
			classes->of_group[s->step[i].group % RULES_GROUPS_MAX] = class;
	}
}

/* Whether service @service has the packet. */
RULES_INLINE_FN int rules_service_has(const __u8 *area, const volatile struct rules_shape *s,
				      __u32 service, const struct rules_classes *classes)
{
	__u32 all = ~0u;

	for (unsigned int g = 0; g < RULES_GROUPS_MAX && g < s->groups; g++)
		all &= rules_word(area, s, s->group[g].bits,
				  (__u64)classes->of_group[g] * s->bits_words + service / 32);
	return all >> (service & 31) & 1;
}

/* Whether rule @rule, and what stands behind it in the list, comes too late to be first. */
RULES_INLINE_FN int rules_too_late(const volatile struct rules_shape *s, __u32 rule,
				   const struct rules_found *found)
{
	return s->ordered && rule > found->rule;
}

/* Rule @rule, which is not too late, matches. */
RULES_INLINE_FN void rules_found_take(const __u8 *area, const volatile struct rules_shape *s,
				      __u32 rule, struct rules_found *found)
{
	const struct rules_head *head;

	if (s->ordered) {
		found->rule = rule;
		return;
	}
	head = rules_at(area, s, s->heads + sizeof(*head) * (__u64)rule);
	/* 0, no rule, comes last. */
	if (head->priority - 1 < found->priority - 1) {
		found->priority = head->priority;
		found->action = head->action;
		found->rule = rule;
	}
}

/* All cells have been looked at. */
RULES_INLINE_FN void rules_found_end(const __u8 *area, const volatile struct rules_shape *s,
				     struct rules_found *found)
{
	const struct rules_head *head;

	if (!s->ordered || found->rule == RULES_NONE)
		return;
	head = rules_at(area, s, s->heads + sizeof(*head) * (__u64)found->rule);
	found->priority = head->priority;
	found->action = head->action;
	if (!found->priority)		/* not in a sound area */
		found->rule = RULES_NONE;
}

/**
 * rules_line() - RULES_LIST_LINE entries of a list, from number @at on: what the first of them whose
 * service has the packet adds to what was found.
 * Return: whether that was all: one had it, or what is left comes too late, or the list ended.
 */
RULES_INLINE_FN int rules_line(const __u8 *area, const volatile struct rules_shape *s, __u32 at,
			       const struct rules_classes *classes, struct rules_found *found)
{
	for (unsigned int i = 0; i < RULES_LIST_LINE; i++) {
		const struct rules_entry *e =
			rules_at(area, s, s->lists + sizeof(*e) * ((__u64)at + i));

		if (rules_too_late(s, e->rule, found))
			return 1;
		if (rules_service_has(area, s, e->service & ~RULES_LAST, classes)) {
			rules_found_take(area, s, e->rule, found);
			return 1;
		}
		if (e->service & RULES_LAST)
			return 1;
	}
	return 0;
}

RULES_INLINE_FN void rules_list(const __u8 *area, const volatile struct rules_shape *s, __u32 at,
				const struct rules_classes *classes, struct rules_found *found,
				int in_place)
{
	(void)area;		/* the calls know theirs */
	if (in_place ? RULES_LOOK_FIRST(area, s, at, classes, found) :
		       RULES_LOOK_LINE(area, s, at, classes, found))
		return;
	for (unsigned int i = RULES_LIST_LINE; i < s->list_max; i += RULES_LIST_LINE)
		if (RULES_LOOK_LINE(area, s, at + i, classes, found))
			return;
}

/**
 * rules_cell() - what one cell adds to what was found.
 * @classes: the packet's service classes. @in_place: RULES_LOOK_FIRST is for it.
 */
RULES_INLINE_FN void rules_cell(const __u8 *area, const volatile struct rules_shape *s, __u32 cell,
				const struct rules_classes *classes, struct rules_found *found,
				int in_place)
{
	__u32 kind = RULES_KIND(cell), at = RULES_AT(cell);

	if (!cell)
		return;
	if (kind == RULES_ROW) {
		cell = rules_word(area, s, s->rows, (__u64)at * s->group[0].classes +
				  classes->of_group[0]);
		kind = RULES_KIND(cell);
		at = RULES_AT(cell);
	}
	if (kind == RULES_LIST) {
		rules_list(area, s, at, classes, found, in_place);
		return;
	}
	if (rules_too_late(s, at, found))
		return;
	if (kind == RULES_ONE) {
		const struct rules_head *head =
			rules_at(area, s, s->heads + sizeof(*head) * (__u64)at);

		if (!rules_service_has(area, s, head->service, classes))
			return;
	} else if (kind != RULES_SURE) {
		return;
	}
	rules_found_take(area, s, at, found);
}

/* Where the two buckets of a key are, in bytes from the area's start. */
RULES_INLINE_FN void rules_buckets(const volatile struct rules_shape *s, __u64 key, __u64 *first,
				   __u64 *second)
{
	__u64 hash = key * RULES_HASH;

	hash ^= hash >> 32;
	*first = s->buckets + RULES_LINE * ((hash & 0xffffffffu) * s->bucket_count >> 32);
	*second = s->buckets + RULES_LINE * ((hash >> 32) * s->bucket_count >> 32);
}

/* The cell of two nodes in the hash. */
RULES_INLINE_FN __u32 rules_hashed_cell(const __u8 *area, const volatile struct rules_shape *s,
					__u32 source, __u32 destination)
{
	__u64 key = RULES_KEY(source, destination), first, second;
	const struct rules_bucket *a, *b;

	rules_buckets(s, key, &first, &second);
	a = rules_at(area, s, first);
	b = rules_at(area, s, second);
	for (unsigned int i = 0; i < RULES_BUCKET; i++) {
		if (a->key[i] == key)
			return a->cell[i];
		if (b->key[i] == key)
			return b->cell[i];
	}
	return 0;
}

/* The cells of two nodes by their plane: wide-wide, narrow-wide, wide-narrow, narrow-narrow. */
RULES_INLINE_FN __u32 rules_ww_cell(const __u8 *area, const volatile struct rules_shape *s,
				    __u32 source, __u32 destination)
{
	return rules_word(area, s, s->ww, (__u64)source * s->wide[1] + destination);
}

RULES_INLINE_FN __u32 rules_nw_cell(const __u8 *area, const volatile struct rules_shape *s,
				    __u32 source, __u32 destination)
{
	if (s->nw)
		return rules_word(area, s, s->nw, (__u64)(source - s->wide[0]) * s->wide[1] + destination);
	return s->hashed & RULES_HASHED_NW ? rules_hashed_cell(area, s, source, destination) : 0;
}

RULES_INLINE_FN __u32 rules_wn_cell(const __u8 *area, const volatile struct rules_shape *s,
				    __u32 source, __u32 destination)
{
	if (s->wn)
		return rules_word(area, s, s->wn, (__u64)(destination - s->wide[1]) * s->wide[0] + source);
	return s->hashed & RULES_HASHED_WN ? rules_hashed_cell(area, s, source, destination) : 0;
}

RULES_INLINE_FN __u32 rules_nn_cell(const __u8 *area, const volatile struct rules_shape *s,
				    __u32 source, __u32 destination)
{
	return s->hashed & RULES_HASHED_NN ? rules_hashed_cell(area, s, source, destination) : 0;
}

/* The cell of two nodes, neither RULES_NONE. A number below wide[] is a wide node's. */
RULES_INLINE_FN __u32 rules_plane_cell(const __u8 *area, const volatile struct rules_shape *s,
				       __u32 source, __u32 destination)
{
	if (source < s->wide[0])
		return destination < s->wide[1] ? rules_ww_cell(area, s, source, destination) :
						  rules_wn_cell(area, s, source, destination);
	return destination < s->wide[1] ? rules_nw_cell(area, s, source, destination) :
					  rules_nn_cell(area, s, source, destination);
}

/** rules_band() - more than two bands: source node @x with each node over the destination's class. */
RULES_INLINE_FN void rules_band(const __u8 *area, const volatile struct rules_shape *s, __u32 x,
				__u32 destination, const struct rules_classes *classes,
				struct rules_found *found)
{
	for (unsigned int j = 0; j < RULES_BANDS_MAX && j < s->bands[1]; j++) {
		__u32 y = rules_word(area, s, s->chain[1],
				     (__u64)RULES_CLASS(destination) * s->bands[1] + j);

		if (y != RULES_NONE)
			rules_cell(area, s, rules_plane_cell(area, s, x, y), classes, found, 0);
	}
}

/* More than two bands: each pair of nodes over the two classes. */
RULES_INLINE_FN void rules_walk_bands(const __u8 *area, const volatile struct rules_shape *s,
				      __u32 source, __u32 destination, const struct rules_classes *classes,
				      struct rules_found *found)
{
	for (unsigned int i = 0; i < RULES_BANDS_MAX && i < s->bands[0]; i++) {
		__u32 x = rules_word(area, s, s->chain[0],
				     (__u64)RULES_CLASS(source) * s->bands[0] + i);

		if (x != RULES_NONE)
			RULES_LOOK_BAND(area, s, x, destination, classes, found);
	}
	rules_found_end(area, s, found);
}

/** rules_walk_planes() - as rules_walk(), of tables with two bands a side at most. */
RULES_INLINE_FN void rules_walk_planes(const __u8 *area, const volatile struct rules_shape *s,
				       __u32 source, __u32 destination,
				       const struct rules_classes *classes, struct rules_found *found)
{
	__u32 ws = RULES_WIDE(source), wd = RULES_WIDE(destination);
	__u32 cs = RULES_CLASS(source), cd = RULES_CLASS(destination);

	/* Narrow first: whoever writes rules puts those before wider ones, which then come too late. */
	if (s->hashed & RULES_HASHED_NN && cs != ws && cd != wd)
		rules_cell(area, s, rules_nn_cell(area, s, cs, cd), classes, found, 1);
	if ((s->nw || s->hashed & RULES_HASHED_NW) && cs != ws)
		rules_cell(area, s, rules_nw_cell(area, s, cs, wd), classes, found, 1);
	if ((s->wn || s->hashed & RULES_HASHED_WN) && cd != wd)
		rules_cell(area, s, rules_wn_cell(area, s, ws, cd), classes, found, 1);
	rules_cell(area, s, rules_ww_cell(area, s, ws, wd), classes, found, 1);
	rules_found_end(area, s, found);
}

/**
 * rules_walk() - the first rule that matches.
 * @source, @destination: address words. @classes: after all steps.
 * @found: RULES_FOUND_NONE; left so if no rule matches.
 */
RULES_INLINE_FN void rules_walk(const __u8 *area, const volatile struct rules_shape *s,
				__u32 source, __u32 destination, const struct rules_classes *classes,
				struct rules_found *found)
{
	if (s->chain[0])
		rules_walk_bands(area, s, source, destination, classes, found);
	else
		rules_walk_planes(area, s, source, destination, classes, found);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * difference_inside.h: what the files of analyse/difference know of one another.
 *
 * difference.c takes two lists and looks for pairs of entries, one of each, that decide of a packet and do
 * different things; difference_last.c does so in the lane whose last entry counts; difference_parts.c says
 * of the classes of pairs what packets these are.
 */
#ifndef SLUICE_ANALYSE_DIFFERENCE_INSIDE_H
#define SLUICE_ANALYSE_DIFFERENCE_INSIDE_H

#include "analyse/difference.h"
#include "analyse/regions.h"
#include "base/table.h"

#define DIFFERENCE_NONE		UINT32_MAX
#define DIFFERENCE_PAIRS_MAX	1000000u	/* kept; beyond, the rest is said to be undecided */

/* A list with its end, which is an entry of its own, and whether an entry has changed. */
struct compared {
	const struct difference_list *list;
	struct vec entries;		/* of struct difference_entry */
	bool *changed;
	uint32_t first_box;		/* of its entries in the regions */
};

/*
 * Why an entry is the last of its lane that a packet meets: no later one matches, up to @before, and nothing
 * in front of @before ends the search; or what ends it is @ender, whose place @before is then.
 */
struct last_reason {
	uint32_t entry;			/* the list's end: the packet meets none */
	uint32_t ender;			/* DIFFERENCE_NONE: any behind @before */
	uint32_t before;
};

struct pair {
	uint32_t entry[2];
	uint32_t lane;
	/* In the lane whose last entry counts: */
	struct last_reason last[2];
	uint32_t changed[2];		/* the entry that was asked about, in its list; DIFFERENCE_NONE */
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

static inline const struct difference_entry *entry_at(const struct compared *c, uint32_t i)
{
	return vec_at(&c->entries, i);
}

static inline uint32_t end_of(const struct compared *c)
{
	return c->entries.len - 1;
}

/* Of one rule, what acts stands before what ends. */
static inline uint32_t entry_order(const struct difference_entry *e)
{
	return 2 * e->number + !e->lane;
}

/* Whether an entry has a say in @lane. */
static inline bool entry_in_lane(const struct difference_entry *e, uint32_t lane)
{
	return !e->lane || e->lane == lane;
}

/* The lane whose last entry counts; 0: there is none. */
static inline uint32_t last_lane(const struct comparison *c)
{
	return c->of[0].list->last;
}

/** difference_ask() - whether some packet is decided of by entry[i] of list i, in @lane. Return: 1, 0, -ETIME. */
int difference_ask(struct comparison *c, const uint32_t entry[2], uint32_t lane, struct rule_packet *witness);

/** difference_note() - a pair that does different things: @before in the first list, @after in the second. */
void difference_note(struct comparison *c, const struct pair *p, uint32_t before, uint32_t after,
		     const struct rule_packet *witness);

/**
 * difference_last() - all pairs in the lane whose last entry counts that have to do with @entry of list @which,
 * which has changed. Return: whether to go on.
 */
bool difference_last(struct comparison *c, unsigned int which, uint32_t entry);

/** difference_last_query() - the packets of such a pair, as a question. */
void difference_last_query(const struct comparison *c, const struct pair *p, struct region_query *q);

/** difference_describe() - what @class says of itself: rules, the boxes that its packets are within, its parts. */
void difference_describe(struct comparison *c, struct difference_class *class, struct vec *pairs);

/** difference_unite() - makes classes that do the same one, where that is shorter. */
void difference_unite(struct vec *classes);

void difference_class_free(struct difference_class *class);

#endif

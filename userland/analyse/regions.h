/* SPDX-License-Identifier: GPL-2.0 */
/*
 * regions.h: one partition of all packets by several rule lists, and the one question that all
 * others come down to: is there a packet that all of these boxes have, and none of those rules?
 *
 *	struct regions *r = regions_new();
 *	a = regions_add(r, list, &box, number, lane);	// all boxes of all lists, and of predicates
 *	regions_possible(r, &box);			// what packets can be; none: everything
 *	err = regions_close(r, &why);
 *	found = regions_find(r, &query, &witness, NULL);
 *
 * regions.c says how, and why the answer is right.
 */
#ifndef SLUICE_ANALYSE_REGIONS_H
#define SLUICE_ANALYSE_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "rules/rules.h"

struct regions;

struct regions *regions_new(void);
void regions_free(struct regions *r);

/**
 * regions_add() - a box of a rule.
 * @list: any number; those in use should be small.
 * @box: with its arrays it stays where it is until regions_free().
 * @number: its place in the list's order; several boxes may be of one rule.
 * @lane: 0: the rule ends a packet's search; else what it does beside, by a number of its own.
 * Within a list boxes are added in the order of their numbers.
 * Return: the box's number, from 0, in all lists together.
 */
uint32_t regions_add(struct regions *r, unsigned int list, const struct rule *box, uint32_t number,
		     uint32_t lane);

/** regions_possible() - packets that @box has can be, no prefixes in it. Not called: all can be. */
void regions_possible(struct regions *r, const struct rule *box);

/** regions_classes() - at most so many service classes a group, for tests of the form with several groups. */
void regions_classes(struct regions *r, uint32_t most);

/**
 * regions_close() - the partition, after the last box.
 * Return: 0; -E2BIG and a sentence, when it would be too large.
 */
int regions_close(struct regions *r, struct text *why);

/* ---- what was added ------------------------------------------------------------ */

struct region_box {
	const struct rule *box;
	uint32_t number, lane;
	unsigned int list;
};

/** regions_boxes() - of struct region_box, in the order they were added. */
const struct vec *regions_boxes(const struct regions *r);

/* ---- questions ----------------------------------------------------------------- */

/* The rules of @list that stand before @number, of lane 0, or of @lane and not before @from. */
struct region_before {
	unsigned int list;
	uint32_t number;
	uint32_t lane;
	uint32_t from;
};

#define REGION_BOXES	5
#define REGION_BEFORE	4

struct region_query {
	unsigned int boxes;
	uint32_t box[REGION_BOXES];	/* the packets that all of these have, */
	unsigned int befores;
	struct region_before before[REGION_BEFORE];	/* and no rule of these */
};

struct region_rule {
	unsigned int list;
	uint32_t number;
};

/**
 * regions_find() - is there such a packet?
 * @witness: if so, it is one; may be NULL.
 * @covers: if not, the rules of @before that between them have all of the boxes' packets are
 * appended, of struct region_rule, hardly one of which could be left out (unless there are very
 * many); may be NULL.
 * Return: 1, 0; -ETIME if that was not decided in time.
 */
int regions_find(struct regions *r, const struct region_query *query, struct rule_packet *witness,
		 struct vec *covers);

/**
 * regions_meeting() - the boxes of @list that have a packet in common with @box, or may have.
 * @out: a vec of uint32_t, written anew, sorted. A box that cannot be met before an equal one, which
 * stands in front of it, is left out.
 */
void regions_meeting(struct regions *r, uint32_t box, unsigned int list, struct vec *out);

/** regions_limit() - from now on questions take so many seconds together; 0: as long as they take. */
void regions_limit(struct regions *r, double seconds);

/** regions_late() - the limit has passed. */
bool regions_late(struct regions *r);

struct regions_stats {
	size_t nodes[2];		/* of the source and the destination trees */
	size_t services, groups;
	size_t classes[RULES_GROUPS_MAX];
	size_t pieces;			/* pairs of prefixes of all boxes */
	size_t questions, steps;	/* asked; pairs of classes looked at */
	size_t bytes;			/* memory, roughly */
};

void regions_stats(const struct regions *r, struct regions_stats *stats);

#endif

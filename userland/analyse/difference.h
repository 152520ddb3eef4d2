/* SPDX-License-Identifier: GPL-2.0 */
/*
 * difference.h: which packets two rule lists treat differently.
 *
 * A list is a row of entries in the order of numbers. In lane 0 an entry ends a packet's search,
 * with an outcome; in any other lane it acts, and the search goes on. A packet is treated alike
 * by both lists if the first entry of lane 0 that matches it has the same outcome in both,
 * and if, for each lane, an entry of the lane that stands before that one matches it in both or in none.
 * In one lane it may be the last such entry that counts, and not whether there is one: each overwrites what
 * those before it left.
 */
#ifndef SLUICE_ANALYSE_DIFFERENCE_H
#define SLUICE_ANALYSE_DIFFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "rules/rules.h"

struct text;

struct difference_entry {
	const struct rule *box;
	uint32_t number;		/* of the rule; below DIFFERENCE_END */
	uint32_t lane;			/* 0: ends the search */
	uint32_t outcome;		/* lane 0, and that whose last entry counts: equal numbers, equal
					 * outcomes; any other: 0 */
};
#define DIFFERENCE_END		0x7fffffffu	/* the rule that stands for the end of the list */

struct difference_list {
	struct vec entries;		/* of struct difference_entry, by number; of one rule lane 0 last */
	uint32_t end;			/* the outcome of what falls off the end */
	uint32_t last;			/* the lane whose last entry counts, in both lists; 0: none. A packet
					 * that meets no entry of it has outcome 0 there */
};

/* Some of the packets: those of @cubes that no entry of @except has. */
struct difference_part {
	struct vec cubes;
	struct vec except[2];		/* of uint32_t: places of entries in the two lists */
};

/*
 * The packets of @within of which one of rules[0] decides in the one list, and one of rules[1] in
 * the other. If that can be said in few words, @parts says it, exactly; else it is empty.
 */
struct difference_class {
	uint32_t lane;			/* not 0: the lane acts on the packets in one list only, or, where the
					 * last entry counts, in another way */
	uint32_t before, after;		/* outcomes; in lanes that act or do not, whether it acts */
	struct vec rules[2];		/* of uint32_t: numbers, sorted; DIFFERENCE_END is one */
	struct vec changed[2];		/* of uint32_t: those of them that the other list has not */
	struct vec within;		/* of struct cube */
	struct vec parts;		/* of struct difference_part */
	struct rule_packet witness;
};

struct difference {
	struct vec classes;		/* of struct difference_class */
	size_t pairs;			/* pairs of rules behind them */
	bool undecided;			/* time was up: there may be more */
};

struct difference_options {
	double seconds;			/* 0: as long as it takes */
	bool first;			/* one class is enough: are they equal? */
	const struct vec *possible;	/* of struct rule *: packets that can be; NULL: all */
};

/**
 * difference_find() - the packets that @a and @b treat differently, as classes that together are
 * exactly those packets.
 * Return: 0; -E2BIG and a sentence: the lists cannot be analysed.
 */
int difference_find(const struct difference_list *a, const struct difference_list *b,
		    const struct difference_options *options, struct difference *difference,
		    struct text *why);

void difference_free(struct difference *difference);

/** difference_class_has() - whether @packet is one of @class: what decides is looked for in the lists. */
bool difference_class_has(const struct difference_class *class, const struct difference_list *a,
			  const struct difference_list *b, const struct rule_packet *packet);

/** difference_parts_have() - the same by its parts, which must be there. */
bool difference_parts_have(const struct difference_class *class, const struct difference_list *a,
			   const struct difference_list *b, const struct rule_packet *packet);

/**
 * difference_treats() - what @list does with @packet: the outcome, or whether @lane acts: the plain
 * meaning. @number: set to the rule that decides; may be NULL.
 */
uint32_t difference_treats(const struct difference_list *list, uint32_t lane,
			   const struct rule_packet *packet, uint32_t *number);

/** difference_list_free() - gives the entries back; the boxes are the caller's. */
void difference_list_free(struct difference_list *list);
#define DIFFERENCE_LIST ((struct difference_list){ .entries = VEC(struct difference_entry) })

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * match.h: which rules of a policy a packet meets, without asking each of them.
 *
 * policy/eval asks rule after rule, which is how it can be believed, and too slow for a
 * hundred thousand packets against ten thousand rules. This leaves out rules that cannot match by
 * the packet's addresses, and asks the others as eval does, predicate by predicate. It looks at the tree
 * alone: no lists, boxes or tables.
 */
#ifndef SLUICE_VERIFY_MATCH_H
#define SLUICE_VERIFY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/frame.h"

struct policy;
struct policy_predicate;
struct policy_rule;
struct vec;

#define MATCH_SIDES_MAX 16	/* rules of one packet that act and go on, which are told */

/* What a packet meets; a packet on a port without filter meets nothing. */
struct match {
	uint32_t rule;			/* number of the one that ends the search; RULES_NONE */
	uint32_t sides;			/* how many act before it, and the first of their numbers, in order */
	uint32_t side[MATCH_SIDES_MAX];
};

struct matcher;

/**
 * matcher_new() - @rules: a vec of struct policy_rule *, by number: p->rules, or those of them that packets
 * may meet that are asked about. The policy must stay.
 */
struct matcher *matcher_new(const struct policy *p, const struct vec *rules);
void matcher_free(struct matcher *m);

/**
 * matcher_place() - where @a lies among the prefixes of the rules; for matcher_match().
 * @side: 0 source, 1 destination.
 */
uint32_t matcher_place(const struct matcher *m, unsigned int side, const struct addr *a);

/**
 * matcher_match() - the rules that a settled packet meets.
 * @sets: bit i: set test i of the policy has the packet.
 * @place: of its addresses, by matcher_place(); 0 for what is not IP.
 */
void matcher_match(const struct matcher *m, const struct frame_fields *f, uint32_t sets,
		   const uint32_t place[2], struct match *out);

/**
 * matcher_between() - what the tests of addresses leave of the rules, for all packets between two addresses.
 * @f: the two addresses. @place: theirs, by matcher_place().
 * @among: set to those that are left, for matcher_among(): a vec that matcher_among_vec() began.
 * Return: a number. Where it is the same between two others of the family, every packet meets the same rules there
 * (but for a chance of 2^-64 a pair).
 */
uint64_t matcher_between(const struct matcher *m, const struct frame_fields *f, const uint32_t place[2],
			 struct vec *among);
struct vec matcher_among_vec(void);

/** matcher_among() - as matcher_match(), of a packet between the addresses that @among is of. */
void matcher_among(const struct matcher *m, const struct frame_fields *f, uint32_t sets,
		   const struct vec *among, struct match *out);

/**
 * predicate_prefixes() - appends to @out, a vec of struct prefix, prefixes that have the addresses of every IP
 * packet that meets @predicate (NULL: every packet), on one side.
 */
void predicate_prefixes(const struct policy_predicate *predicate, unsigned int side, struct vec *out);

/**
 * predicate_meets() - whether some packet may meet @predicate (NULL: every packet does) that comes from one
 * of the prefixes within[0], and goes to one of within[1], or is not IP: vecs of struct prefix.
 */
bool predicate_meets(const struct policy_predicate *predicate, const struct vec *const within[2]);

/** predicate_holds() - whether a packet meets @predicate. */
bool predicate_holds(const struct policy_predicate *predicate, const struct frame_fields *f,
		     uint32_t sets);

#endif

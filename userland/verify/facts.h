/* SPDX-License-Identifier: GPL-2.0 */
/*
 * facts.h: what a witness takes for granted of sets and sockets, as policy/eval asks for it.
 *
 * A witness says which tests of sets have its packet, whatever is in the sets, and which socket it is
 * for, whatever this host has.
 */
#ifndef SLUICE_VERIFY_FACTS_H
#define SLUICE_VERIFY_FACTS_H

#include "policy/eval.h"

struct frame_fields;

struct facts {
	const struct policy *p;
	const struct frame_fields *fields;
	uint32_t sets;			/* bit i: set test i has it */
	unsigned int socket;
};

/** facts_env() - makes @env ask @facts, which stays where it is. */
void facts_env(struct facts *facts, struct eval_env *env);

/** facts_contradict() - whether two tests ask one set for the same value, and are to be answered differently. */
bool facts_contradict(const struct facts *facts);

#endif

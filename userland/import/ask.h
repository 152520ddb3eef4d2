/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ask.h: what rules of others ask, put into their matches.
 */
#ifndef SLUICE_IMPORT_ASK_H
#define SLUICE_IMPORT_ASK_H

#include "import/chains.h"

/** ask_test() - one more test that must hold. */
void ask_test(struct chains *chains, struct chain_rule *rule, struct match_test test);

/** ask_one_of() - one of @n matches must hold, of which no packet meets two. */
void ask_one_of(struct chains *chains, struct chain_rule *rule, const struct match *one,
		unsigned int n);

/** ask_nothing() - no packet can meet the rule. */
void ask_nothing(struct chain_rule *rule);

/** ask_not_said() - something that cannot be said: what the rule is taken as, and why. */
void ask_not_said(struct chains *chains, struct chain_rule *rule, enum chain_match matches,
		  const char *why);

/** ask_aside() - what is not said of what the rule does. */
void ask_aside(struct chains *chains, struct chain_rule *rule, const char *what);

/*
 * Interfaces by name: "eth0"; "eth+" and "eth*" are all that begin so. @not: any but these.
 */

/**
 * ask_port() - @interface is a port of the filter, by a name made of its own, unless it is one already or
 * cannot be one. Texts are in the arena.
 */
void ask_port(struct arena *arena, struct vec *ports, const char *interface);

/** ask_in() - comes in by one of @n interfaces; what comes in on no port does not come into the filter. */
void ask_in(struct chains *chains, struct chain_rule *rule, const struct vec *ports,
	    const char *const *name, unsigned int n, bool not);

/** ask_out() - leaves by one of them, as far as @routes, of struct import_route, tell. */
void ask_out(struct chains *chains, struct chain_rule *rule, const struct vec *routes,
	     const char *const *name, unsigned int n, bool not);

/* States of connections, as bits; those that a packet cannot have here are told by their absence. */
#define STATE_NEW		1u
#define STATE_ESTABLISHED	2u
#define STATE_UNTRACKED		4u
#define STATE_OTHER		8u	/* related, invalid */

/** ask_state() - the connection of the packet is in one of @states. @known: of those, which there are. */
void ask_state(struct chains *chains, struct chain_rule *rule, unsigned int states,
	       unsigned int known);

/** ask_protocol(), ask_icmp_type() - the number that a name or the digits of a number stand for. */
bool ask_protocol(const char *name, uint64_t *number);
bool ask_icmp_type(const char *name, bool v6, uint64_t *number);

/** ask_number() - the digits of a number of at most @max. */
bool ask_number(const char *digits, uint64_t max, uint64_t *number);

extern const char ask_untracked_word[], ask_established_word[];

#endif

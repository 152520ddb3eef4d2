/* SPDX-License-Identifier: GPL-2.0 */
/*
 * behaviour.h: one or two policies as rule lists that can be compared.
 *
 * Numbers in the boxes of two policies mean nothing to each other: ports, link-layer addresses and
 * sets are numbered by each for itself. Here both get the same: a port is known by its interface, a
 * set by its name.
 *
 * In the lists a rule has its number + 1. Number 0 stands in front: a packet that comes in on an
 * interface that is no port of this policy (but of the other).
 */
#ifndef SLUICE_ANALYSE_BEHAVIOUR_H
#define SLUICE_ANALYSE_BEHAVIOUR_H

#include <stdint.h>

#include "analyse/difference.h"
#include "base/vec.h"
#include "lower/lower.h"

struct diags;
struct frame_fields;
struct policy;
struct policy_rule;
struct text;

#define BEHAVIOURS_MAX	2

/* Outcomes of lane 0. */
enum behaviour_outcome { BEHAVIOUR_ALLOW, BEHAVIOUR_DROP, BEHAVIOUR_NO_PORT };

struct behaviour {
	const struct policy *policy;
	struct lowered lowered;
	struct difference_list list;
};

struct behaviour_port {
	const char *interface, *name;	/* the name of the last policy that has one */
};

struct behaviour_set {
	const char *name;
	uint8_t field;			/* enum policy_field: what it is asked for */
};

struct behaviours {
	unsigned int count;
	struct behaviour of[BEHAVIOURS_MAX];
	struct vec ports;		/* of struct behaviour_port: number is place + 1 */
	struct lower_names names;	/* its macs are those of all */
	struct vec sets;		/* of struct behaviour_set: by bit of RULES_SETS */
	struct vec lanes;		/* of char *: what lane place + 1 does: "count "telnet"". "mark" is the
					 * one whose last entry counts; its outcomes are marks */
	struct vec possible;		/* of struct rule *: packets that can be */
	struct rule *no_port[BEHAVIOURS_MAX];
	struct vec own;			/* of struct rule *: boxes that are in no lowered list */
	uint32_t tested;		/* bit RULES_*: some rule tests it */
};

/**
 * behaviours_init() - the lists of @count policies.
 * @policies: checked, without errors; they stay.
 * Return: 0; -E2BIG with the reason in @diags. behaviours_free() it in both cases.
 */
int behaviours_init(struct behaviours *b, const struct policy *const *policies, unsigned int count,
		    struct diags *diags);

void behaviours_free(struct behaviours *b);

/**
 * behaviours_predicate() - the boxes of a predicate of policy 0, appended to @out. Before behaviours_close().
 * Return: as lower_predicate().
 */
int behaviours_predicate(struct behaviours *b, const struct policy_predicate *predicate, bool negate,
			 struct rule_list *out, struct diags *diags);

/** behaviours_close() - after the last predicate, before anything is asked: all that can be a packet. */
int behaviours_close(struct behaviours *b, struct rule_list *const *predicates, size_t count,
		     struct diags *diags);

/** behaviour_rule() - the rule with @number in the lists of policy @which; NULL: 0 or DIFFERENCE_END. */
const struct policy_rule *behaviour_rule(const struct behaviours *b, unsigned int which,
					 uint32_t number);

/**
 * behaviour_mark() - "mark 7", or "no mark" for 0: an outcome in the lane whose last entry counts, as words.
 * Writes at most 16 bytes into @buf and returns it.
 */
char *behaviour_mark(uint32_t mark, char buf[16]);

/** behaviours_port() - the number of an interface; 0: none. */
uint16_t behaviours_port(const struct behaviours *b, const char *interface);

/**
 * behaviours_fields() - a packet of the lists as fields of a frame, settled, with what nobody
 * asked about filled in. @which: whose ports "in" names.
 * Return: 0; -EINVAL: no frame has that (our mistake).
 */
int behaviours_fields(const struct behaviours *b, unsigned int which, const struct rule_packet *packet,
		      struct frame_fields *fields);

/** behaviours_packet() - "in=wan ip.src=192.0.2.1 ...", and which sets it is in. */
void behaviours_packet(const struct behaviours *b, unsigned int which, const struct rule_packet *packet,
		       struct text *out);

/**
 * behaviours_cubes() - cubes as policies would say them: "ip.src in 10.0.0.0/8 and tcp.dst == 22".
 * @most: values of a field at most, then how many more there are; 0: all.
 * @out: a vec of char *, which are the caller's; one for each, those that differ in the family put together.
 */
void behaviours_cubes(const struct behaviours *b, const struct vec *cubes, size_t most, struct vec *out);

#endif

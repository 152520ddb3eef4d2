/* SPDX-License-Identifier: GPL-2.0 */
/*
 * service.h: what rules test beside the addresses, and the classes it falls into.
 *
 * A service is a set of values for each field, as a rule tests them; rules that test the
 * same share one. Service 0 is "any". Two packets are in one service class if the same services
 * have them, so that a class and a service number decide whether a rule's tests hold: a bit.
 *
 * Recursive flow classification (Gupta, McKeown 1999), in a line: each field's values fall
 * into classes, by the services that take them; the classes of the first two fields are
 * combined to classes of both, by an array; those with the third field's; and so on, the
 * field with the fewest classes first. A class at any step stands for the set of services that
 * its packets can still have.
 *
 * What breaks it is independence: many ranges of source ports, each with its own range of
 * destination ports, have as many classes as the plane has pieces, and rules on ten fields that have
 * nothing to do with each other as many as the fields have together. If that many do not fit, the
 * fields fall into groups, each with classes of its own, and a service has a packet if it has its
 * class in every group: a bit of each, and-ed. Rows are by the classes of group 0; there a service
 * that tests fields of other groups too is not decided yet.
 */
#ifndef SLUICE_RULES_SERVICE_H
#define SLUICE_RULES_SERVICE_H

#include "base/table.h"
#include "rules/intern.h"
#include "rules/rules.h"

struct service_range {
	uint16_t first, last;
};

/* By field: number in its sets; 0: any value. */
struct service {
	uint32_t set[RULES_FIELD_COUNT];
};

struct service_step {
	unsigned int field, group;
	uint32_t width;			/* classes of the field */
	uint16_t *classes;		/* by value */
	uint16_t *combined;		/* NULL for the first of its group */
	size_t combined_len;
};

struct service_group {
	uint32_t classes;
	uint32_t *bits;			/* [classes][bits_words] */
};

struct services {
	struct intern sets[RULES_FIELD_COUNT];	/* of sorted, separate struct service_range[] */
	struct table known;		/* struct service -> uint32_t number */
	struct table seen;		/* hash of a rule's tests -> struct seen */
	struct vec list;		/* of struct service */
	/* services_classify(): */
	unsigned int steps;
	struct service_step step[RULES_FIELD_COUNT];	/* by group */
	unsigned int groups;
	struct service_group group[RULES_GROUPS_MAX];
	uint32_t bits_words;		/* of 32 bits, a class */
	uint32_t column_words;		/* of 64 bits, a service */
	uint64_t *column;		/* [services][column_words]: the classes of group 0 it has */
	bool *decided;			/* by service: it tests fields of group 0 only */
	size_t classified;		/* services that the above knows */
};

void services_init(struct services *s);
void services_free(struct services *s);

/** services_add() - the number of the service that @rule tests; @rule stays until services_classify(). */
uint32_t services_add(struct services *s, const struct rule *rule);

/** services_find() - the same if there is one, RULES_NONE if it would be new. */
uint32_t services_find(struct services *s, const struct rule *rule);

/**
 * services_classify() - finds the classes, and what says which one a packet is in.
 * @limit: most bytes for all of it. @most: classes of a group of several fields.
 * Return: 0; -E2BIG and a sentence if it does not fit.
 */
int services_classify(struct services *s, size_t limit, uint32_t most, struct text *why);

/**
 * services_columns() - the other way round: for each service the classes of @group that it has, a bit each, in
 * the words from @out on, the next service's @words further on.
 */
void services_columns(const struct services *s, unsigned int group, uint64_t *out, size_t words);

/** services_bytes() - what arrays, combinations and bits take in the area. */
size_t services_bytes(const struct services *s);

/** services_memory() - our own memory, roughly. */
size_t services_memory(const struct services *s);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* regions_inside.h: what the files of the regions know of one another; regions.c has the idea. */
#ifndef SLUICE_ANALYSE_REGIONS_INSIDE_H
#define SLUICE_ANALYSE_REGIONS_INSIDE_H

#include "analyse/regions.h"
#include "rules/service.h"

#define NONE		RULES_NONE

/* A node by its place in the order of the tree: a parent before its kids, 0 not IP. */
struct region_node {
	struct prefix prefix;
	uint32_t parent, size;
	uint32_t up;			/* the nearest one over it that has runs; NONE */
	uint32_t run, runs;		/* sources: its runs */
	enum { OWN_UNKNOWN, OWN_NO, OWN_YES } own;
	struct addr free;		/* OWN_YES: an address that is in no longer prefix */
};

struct region_side {
	uint32_t nodes;
	struct region_node *node;
};

/* The entries of one list at one pair of prefixes, in the order of numbers. */
struct region_run {
	uint32_t destination;
	unsigned int list;
	uint32_t entry, entries;
};

struct region_entry {
	uint32_t number, lane, service, box;
};

/* The nodes of a box's side: sorted, none over another. */
struct region_nodes {
	uint32_t count;
	uint32_t *node;
};

struct region_placed {
	struct region_nodes side[2];
	uint32_t service;
};

struct regions {
	struct vec boxes;		/* of struct region_box */
	struct vec possible;		/* of struct rule: whole boxes, their arrays our own */
	struct region_placed *placed;		/* by box */
	struct region_side side[2];
	struct services services;
	/* services as sets: of group g's classes, words[g] words from at[g] of each column */
	unsigned int groups;
	uint32_t at[RULES_GROUPS_MAX], words[RULES_GROUPS_MAX], width;
	uint64_t *column;		/* [services][width] */
	struct vec families[3];		/* of uint32_t: services of what is possible: not IP, IPv4, IPv6 */
	uint64_t *family[3];		/* their union, with one group; else NULL */
	struct region_run *run;
	struct region_entry *entry;
	size_t runs, entries;
	/* a question */
	const struct region_query *query;
	const struct vec *only;		/* of struct region_rule: rules that count; NULL: all */
	struct vec *met;		/* of struct region_rule: rules that took something away; or NULL */
	uint32_t *seen, turn;		/* by service */
	struct vec gathered;		/* of struct entry_ref */
	uint64_t *left;
	uint32_t class[RULES_GROUPS_MAX];	/* of what was found */
	uint32_t found[2];
	uint32_t *mark, mark_turn;	/* by box */
	double deadline;		/* 0: none */
	bool late;
	size_t questions, steps;
	uint32_t most;			/* classes of a group */
};

struct gathered {
	uint32_t service;
	struct region_rule rule;
};

/* By family_number(): what a rule's families say. */
static const unsigned int family_bit[3] = { RULE_NOT_IP, RULE_IP4, RULE_IP6 };

static inline const struct region_box *box_at(const struct regions *r, uint32_t box)
{
	return vec_at(&r->boxes, box);
}

static inline const uint64_t *column_of(const struct regions *r, uint32_t service)
{
	return r->column + (size_t)service * r->width;
}

static inline bool is_over(const struct region_side *s, uint32_t over, uint32_t node)
{
	return node - over < s->node[over].size;
}

static inline bool same_family(const struct regions *r, uint32_t source, uint32_t destination)
{
	return r->side[0].node[source].prefix.addr.family ==
	       r->side[1].node[destination].prefix.addr.family;
}

static inline unsigned int family_number(uint8_t family)
{
	return family == ADDR_V4 ? 1 : family == ADDR_V6 ? 2 : 0;
}

static inline int number_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* regions_index.c */

/** region_first_run() - the first of @source's runs of @list whose destination is @destination or behind it. */
uint32_t region_first_run(const struct regions *r, const struct region_node *source, unsigned int list,
			  uint32_t destination);

/* regions_step.c */

/**
 * region_decide() - the question at one pair of prefixes, and where these have no address of their own,
 * at what is below.
 * Return: 1: there is a packet, and @r->found and @r->class say where; 0; -ETIME.
 */
int region_decide(struct regions *r, uint32_t source, uint32_t destination);

/* regions_witness.c */

/** region_witness() - a packet of what was found. */
void region_witness(struct regions *r, struct rule_packet *p);

#endif

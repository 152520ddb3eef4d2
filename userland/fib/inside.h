/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inside.h: what the files of a fib know of one another.
 *
 * entries.c has the prefixes that anything is known of; routes.c keeps each one's routes in the order
 * that the kernel would ask them; choice.c says which of them counts; table.c has the look-up table say
 * so; grace.c waits for those that read it. fib.c leads through a flush, and questions.c answers.
 */
#ifndef SLUICE_FIB_INSIDE_H
#define SLUICE_FIB_INSIDE_H

#include "base/prefix_tree.h"
#include "base/table.h"
#include "base/vec.h"
#include "fib/fib.h"
#include "fib/hops.h"
#include "fib/source_ways.h"
#include "fib/views.h"
#include "lpm/lpm.h"

#define CLASS_STATIC (1u << 7)	/* in flags, beside KERNEL_ROUTE_*: no route of the kernel's */

/* What many routes share: all of a key but the prefix, and what is only shown. */
struct route_class {
	uint32_t table, metric;
	uint8_t family, tos, type, protocol, scope, flags;
	uint16_t pad;
};

/* One route of the kernel's. */
struct fib_candidate {
	uint32_t next;		/* of the same prefix, worse; 0: none */
	uint32_t set;		/* where it leads: a ref */
	uint32_t class;
};

/* entry.flags */
#define ENTRY_DIRTY	(1u << 0)	/* in family.dirty */
#define ENTRY_USES	(1u << 1)	/* @group is that of @set, with a use */
#define ENTRY_HOST	(1u << 2)	/* @set is that of a neighbour, not of a route */
#define ENTRY_LEFT_OUT	(1u << 3)	/* @set is not in the table: its block is given up */
#define ENTRY_BLOCK	(1u << 4)	/* a block of this prefix is given up */
#define ENTRY_STARVED	(1u << 5)	/* @group is that of table_full: @set found no group */

struct fib_entry {
	uint32_t first;		/* candidate; of a free entry: the next free one */
	uint32_t set;		/* what counts here: a ref; 0: nothing */
	uint16_t group;		/* what the table has for this prefix; 0: it is not in it */
	uint8_t flags;
	uint8_t pad;
};

/* A marked prefix: its entry stays where it is until the mark is off. */
struct fib_dirty {
	struct prefix prefix;
	uint32_t entry;
};

struct fib_family {
	uint8_t family;
	uint8_t number;		/* of its table, in fib.family */
	bool local_first;	/* local is asked in front of the table's own routes */
	uint32_t table;		/* the kernel's number: whose routes these are */
	struct lpm *lpm;
	struct prefix_tree entries;	/* -> entry */
	struct prefix_tree wide;	/* RANK_FIRST routes shorter than an address -> how many; if local_first */
	struct prefix_tree later;	/* prefixes with a route of table default -> how many */
	struct prefix_tree blocks;	/* -> number of missing entries + 1 */
	struct vec dirty;	/* of struct fib_dirty */
	struct vec *bulk;	/* of struct lpm_route: collected, not inserted */
	size_t level;		/* prefixes in the table when it refused one last */
	size_t routes, prefixes, published, in_table, host_entries, left_out, starved, not_followed;
};

struct fib {
	struct fib_memory memory;
	struct hops hops;
	struct fib_family family[ROUTE_TABLES_MAX][2];	/* table 0: main, with local and default */
	unsigned int tables;
	struct prefix_tree hosts[2];	/* usable neighbours' addresses -> how many */
	struct views views;
	uint64_t views_turned;	/* how often */
	unsigned int hash_policy[2];	/* by family */
	struct source_ways ways;	/* if memory.sources */
	bool views_retired;	/* programs may still read the half that is not in use */
	struct vec entries;	/* of struct fib_entry; 0 is none */
	struct vec candidates;	/* of struct fib_candidate; 0 is none */
	uint32_t free_entry, free_candidate;
	struct table class_numbers;	/* struct route_class -> number in classes */
	struct vec classes;	/* of struct route_class */
	bool held;		/* all groups say table_full: the tables are being rearranged */
	bool stuck;		/* and something could not be taken out: they stay so until it can */
	bool again;		/* this round writes even what did not change */
	bool lowered;		/* groups were freed: starved prefixes may find one */
	uint32_t not_followed;	/* the set of REASON_not_followed */
	uint64_t flushes, table_writes, graces;
};

/* Of table main. */
static inline struct fib_family *family_of(const struct fib *fib, uint8_t family)
{
	return (struct fib_family *)&fib->family[0][family == ADDR_V6];
}

/* All tables of all families, the one after @f; NULL: the first. */
static inline struct fib_family *next_family(const struct fib *fib, const struct fib_family *f)
{
	const struct fib_family *first = &fib->family[0][0];

	f = f ? f + 1 : first;
	return (size_t)(f - first) < 2 * fib->tables ? (struct fib_family *)f : NULL;
}

/* The same family of the next table. */
static inline struct fib_family *next_table(const struct fib *fib, const struct fib_family *f)
{
	return f->number + 1u < fib->tables ? (struct fib_family *)f + 2 : NULL;
}

static inline const struct prefix_tree *hosts_of(const struct fib *fib, const struct fib_family *f)
{
	return &fib->hosts[f->family == ADDR_V6];
}

static inline struct fib_entry *entry_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->entries, i);
}

static inline struct fib_candidate *candidate_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->candidates, i);
}

static inline const struct route_class *class_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->classes, i);
}

#endif

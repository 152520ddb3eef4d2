/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cells.h: what a cell holds: from the rules that cover it, in their order, to one word.
 *
 * Rules that can win nowhere in the cell are left out: those behind one with the same
 * service, those behind one whose service is "any", and, where it comes to a row, those
 * whose service classes are all taken. What is left is nothing, one rule, a list, or, if
 * that would be too long, a row: a cell for each service class.
 *
 * Equal lists and rows are kept once, and counted by the cells that refer to them; what
 * nothing refers to any more is used again.
 */
#ifndef SLUICE_RULES_CELLS_H
#define SLUICE_RULES_CELLS_H

#include "rules/service.h"

/* Entries of lists, or words of rows: grows while tables are built, then lies in the area. */
struct cells_region {
	void *base;
	uint32_t used, cap;	/* entries; words */
	bool fixed;		/* in the area: it cannot grow */
};

struct cells_shared {
	uint64_t hash;
	uint32_t next;		/* in its hash chain; of a free one: the next free */
	uint32_t refs;
	uint32_t at;		/* first entry, or first word */
	uint16_t len;		/* entries; 0: a row */
};

struct cells {
	const struct services *services;
	const struct rules_head *heads;	/* by rule; the owner's, and may move */
	uint32_t list_max;
	size_t limit;			/* most bytes of lists and rows */
	struct cells_region lists, rows;
	struct vec shared;		/* of struct cells_shared; [0] is none */
	uint32_t *chain;		/* by hash: shared */
	uint32_t chains;		/* a power of two */
	uint32_t free_shared;
	uint32_t free_list[RULES_LIST_MAX + 1];	/* by length: first entry + 1; chained by .rule */
	uint32_t free_row;		/* word + 1; chained by the first word */
	uint32_t *list_at, *row_at;	/* first entry, row number -> shared */
	uint32_t list_at_cap, row_at_cap;
	uint32_t *seen, turn;		/* by service: the turn in which a rule had it */
	size_t count[2];		/* lists, rows in use */
	/* room to work in */
	struct vec kept;		/* of uint32_t: rules */
	uint32_t *row;
	uint64_t *left;
};

void cells_init(struct cells *c, const struct services *services, const struct rules_head *heads,
		uint32_t list_max, size_t limit);
void cells_free(struct cells *c);

/**
 * cells_make() - the word for a cell that @rules cover, in order, @n of them; it counts as one
 * reference to what it names.
 * Return: 0; -ENOSPC: no room for a list or row; -E2BIG: a list would be longer than
 * RULES_LIST_MAX.
 */
int cells_make(struct cells *c, const uint32_t *rules, size_t n, uint32_t *word);

/** cells_get(), cells_put() - one reference to what @word names more, less. */
void cells_get(struct cells *c, uint32_t word, uint32_t refs);
void cells_put(struct cells *c, uint32_t word);

/** cells_fix() - lists and rows go on in memory that has room for so many entries and words. */
void cells_fix(struct cells *c, void *lists, uint32_t entries, void *rows, uint32_t words);

/** cells_bytes() - bytes of lists and rows, those in free lists included. */
size_t cells_bytes(const struct cells *c);

/** cells_memory() - our own memory, roughly. */
size_t cells_memory(const struct cells *c);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arena.h: memory that is given back all at once: trees, one commit's tables.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;	/* newest first */
	char *next, *end;		/* free bytes of the newest block, */
	bool used;			/* which are not all zero */
	size_t bytes;			/* handed out in all */
};

/** arena_alloc() - zeroed memory, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t size);

/** arena_strndup() - a copy of @n bytes with a NUL behind. */
char *arena_strndup(struct arena *a, const char *s, size_t n);

/** arena_free() - gives all of it back; the arena is empty and can be used again. */
void arena_free(struct arena *a);

#endif

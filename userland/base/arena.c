// SPDX-License-Identifier: GPL-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define BLOCK_SIZE 65536

struct arena_block {
	struct arena_block *older;
	alignas(max_align_t) char bytes[];
};

static void add_block(struct arena *a, size_t at_least)
{
	size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->older = a->blocks;
	a->blocks = b;
	a->next = b->bytes;
	a->end = b->bytes + size;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if ((size_t)(a->end - a->next) < size)
		add_block(a, size);
	p = a->next;
	a->next += size;
	a->bytes += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	memcpy(copy, s, n);
	return copy;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->older;
		free(b);
	}
	*a = (struct arena){ 0 };
}

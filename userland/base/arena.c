// SPDX-License-Identifier: GPL-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/vec.h"

#define BLOCK_SIZE	65536
#define LARGE		((size_t)512 << 10)	/* bytes of an arena from which on it takes: */
#define HUGE_PAGE	((size_t)2 << 20)

struct arena_block {
	struct arena_block *older;
	size_t mapped;			/* bytes; 0: by malloc */
	alignas(max_align_t) char bytes[];
};

/*
 * Whole huge pages: a policy of ten thousand rules takes twenty megabytes, and most of what the kernel
 * would do for that is to find them page by page. All of it zero.
 */
static struct arena_block *map_block(size_t size)
{
	size_t whole = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	char *start = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = -(uintptr_t)start & (HUGE_PAGE - 1);
	struct arena_block *b = (struct arena_block *)(start + before);

	if (start == MAP_FAILED)
		return NULL;
	if (before)
		munmap(start, before);
	munmap(start + before + whole, HUGE_PAGE - before);
	madvise(b, whole, MADV_HUGEPAGE);
	b->mapped = whole;
	return b;
}

static void add_block(struct arena *a, size_t at_least)
{
	size_t size = sizeof(struct arena_block) + (at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE);
	struct arena_block *b = a->bytes + at_least >= LARGE ? map_block(size) : NULL;

	if (!b)
		b = xcalloc(1, size);
	b->older = a->blocks;
	a->blocks = b;
	a->next = b->bytes;
	a->end = (char *)b + (b->mapped ? b->mapped : size);
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!a->blocks || (size_t)(a->end - a->next) < size)
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
		if (b->mapped)
			munmap(b, b->mapped);
		else
			free(b);
	}
	*a = (struct arena){ 0 };
}

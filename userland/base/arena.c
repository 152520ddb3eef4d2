// SPDX-License-Identifier: GPL-2.0
/*
 * arena.c: small arenas are blocks of malloc's; what has become large takes whole huge pages, as most of what
 * the kernel would do for it otherwise is to find them page by page.
 *
 * Huge pages that were given back stay with the process, up to STOCK_MAX: to have them again from the kernel,
 * cleared, was a sixth of what it takes to commit a policy of ten thousand rules. They are offered to the
 * kernel (MADV_FREE), which takes them if it runs short. What is handed out of them is cleared then, piece by
 * piece, on its way into the cache.
 */
#include "base/arena.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/vec.h"

#define BLOCK_SIZE	65536
#define LARGE		((size_t)512 << 10)	/* bytes of an arena from which on it takes: */
#define HUGE_PAGE	((size_t)2 << 20)
#define STOCK_MAX	32			/* huge pages: 64 MB */

struct arena_block {
	struct arena_block *older;
	size_t mapped;			/* bytes; 0: by malloc */
	alignas(max_align_t) char bytes[];
};

/* ---- huge pages -------------------------------------------------------------- */

/* Those that nobody uses. What stood in them the kernel may have taken. */
static struct {
	pthread_mutex_t lock;
	void *page[STOCK_MAX];
	unsigned int pages;
} stock = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *take_page(void)
{
	void *page;

	pthread_mutex_lock(&stock.lock);
	page = stock.pages ? stock.page[--stock.pages] : NULL;
	pthread_mutex_unlock(&stock.lock);
	return page;
}

static void give_page(void *page)
{
	bool room;

	madvise(page, HUGE_PAGE, MADV_FREE);
	pthread_mutex_lock(&stock.lock);
	room = stock.pages < STOCK_MAX;
	if (room)
		stock.page[stock.pages++] = page;
	pthread_mutex_unlock(&stock.lock);
	if (!room)
		munmap(page, HUGE_PAGE);
}

/* @whole: bytes in whole huge pages. NULL: the kernel has no memory. */
static void *map_pages(size_t whole)
{
	char *start = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = -(uintptr_t)start & (HUGE_PAGE - 1);

	if (start == MAP_FAILED)
		return NULL;
	if (before)
		munmap(start, before);
	start += before;
	munmap(start + whole, HUGE_PAGE - before);
	madvise(start, whole, MADV_HUGEPAGE);
	return start;
}

/* ---- arenas ------------------------------------------------------------------- */

/* @used: whether other bytes than zeros may stand in it. */
static struct arena_block *map_block(size_t size, bool *used)
{
	size_t whole = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	struct arena_block *b = whole == HUGE_PAGE ? take_page() : NULL;

	*used = b;
	if (!b)
		b = map_pages(whole);
	if (b)
		b->mapped = whole;
	return b;
}

static void add_block(struct arena *a, size_t at_least)
{
	size_t size = sizeof(struct arena_block) + (at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE);
	struct arena_block *b;

	a->used = false;
	b = a->bytes + at_least >= LARGE ? map_block(size, &a->used) : NULL;
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
	if (a->used)
		memset(p, 0, size);
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
		if (b->mapped == HUGE_PAGE)
			give_page(b);
		else if (b->mapped)
			munmap(b, b->mapped);
		else
			free(b);
	}
	*a = (struct arena){ 0 };
}

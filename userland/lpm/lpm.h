/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lpm.h: route tables: prefixes in, tables that the data path walks out.
 *
 * One table holds one family. It has two sides: a shadow, an ordinary tree of all
 * prefixes in our own memory, and the table proper, memory that programs read
 * while it changes (bpf/lpm.h has its layout, bpf/lpm.bpf.h the walk). The owner
 * gives that memory: zeroed, of the size that lpm_sizes() names.
 *
 *	struct lpm_shape shape;
 *	lpm_sizes(ADDR_V4, 1000000, &shape);
 *	... create a map of shape.bytes, put shape into the program's .rodata, mmap it ...
 *	struct lpm *t = lpm_new(ADDR_V4, &shape, area, 1000000);
 *	lpm_build(t, routes, n);			// or none, and insert
 *	lpm_insert(t, &prefix, result);
 *	...
 *	uint64_t mark = lpm_quiesce_mark(t);
 *	... membarrier(MEMBARRIER_CMD_GLOBAL), and any other grace period ...
 *	lpm_reclaim(t, mark);
 *
 * Readers running meanwhile get, for each address, the answer before or after a
 * change. What a change replaced stays as it was until lpm_reclaim(): the owner
 * calls it now and then (a batch of changes can share one grace period); changes
 * fail with -ENOSPC when too much waits.
 *
 * One writer at a time; the functions do not lock.
 *
 * Several tables can lie in one memory, each under a number (lpm_sizes_many(), lpm_new_beside()):
 * what nodes of theirs are equal lie there once.
 *
 * What never changes while programs read it, as the address classes of a filter, is made in one
 * go: lpm_fixed().
 */
#ifndef SLUICE_LPM_LPM_H
#define SLUICE_LPM_LPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "bpf/lpm.h"

/*
 * What a route yields: 1 .. LPM_RESULT_MAX (a next-hop group), in fixed tables 1 .. LPM_WIDE_MAX
 * (an address class); 0 is no route.
 */
typedef uint32_t lpm_result;

struct lpm;

struct lpm_route {
	struct prefix prefix;		/* canonical */
	lpm_result result;
};

struct lpm_stats {
	size_t prefixes;
	size_t nodes[3];	/* IPv4: packed, full, 8-bit; IPv6: 8-bit hashed, deep, 0; as if none were equal */
	/* Of all tables of the memory together: */
	size_t bytes_used;	/* dir, seeds, index, nodes and results in use */
	size_t bytes_nodes;	/* of those: nodes with their results */
	size_t bytes_extent;	/* from the first node to the last, holes between them included */
	size_t bytes_retired;	/* of those in use: wait for lpm_reclaim() */
	size_t bytes_areas;	/* shape.bytes */
	size_t words;		/* words published so far: what changes cost the readers */
	/* Of this one: */
	size_t bytes_shadow;	/* our own memory */
};

/**
 * lpm_sizes() - the shape of a table for up to @max_prefixes of @family.
 * Room is for tables such as routers have: 16 bytes an IPv4 prefix, 64 an IPv6
 * prefix; a stranger mix (nothing but scattered host routes) may fill it earlier,
 * which lpm_insert() says.
 * Return: 0; -EINVAL for another family; -E2BIG if a table cannot be that large.
 */
int lpm_sizes(uint8_t family, size_t max_prefixes, struct lpm_shape *shape);

/**
 * lpm_new() - an empty table over @area, shape->bytes of zeroed memory aligned to
 * 64 bytes. @area NULL: the table gets memory of its own.
 * @limit: most prefixes to take.
 * The memory stays the caller's, and must outlive the table. Never NULL.
 */
struct lpm *lpm_new(uint8_t family, const struct lpm_shape *shape, void *area, size_t limit);

/**
 * lpm_sizes_many() - as lpm_sizes(), with room for tables under the numbers 0 .. @tables - 1
 * (rounded up to a power of two). For IPv4 each number takes a megabyte.
 * @max_prefixes: of all tables together; nodes that are equal in several need room once.
 * Return: -E2BIG also for more than LPM_TABLES_MAX.
 */
int lpm_sizes_many(uint8_t family, size_t max_prefixes, unsigned int tables,
		   struct lpm_shape *shape);

/**
 * lpm_new_beside() - another table in the memory of @other: as one of several VRFs. Programs look
 * up in it by lpm4(number, ..), lpm6(number, ..). lpm_new() makes number 0.
 * All tables of one memory have one writer, what one retires is in the marks of all, and
 * lpm_reclaim() of any of them reclaims for all.
 * @number: a number that no table of the memory has.
 * @limit: most prefixes for this table to take.
 * Return: 0; -ERANGE if the shape has no such number; -EEXIST.
 */
int lpm_new_beside(struct lpm *other, uint32_t number, size_t limit, struct lpm **t);

/**
 * lpm_clear() - takes all routes out at once: readers find some of them, then none. Needs no room,
 * and cannot fail. The limit stays.
 */
void lpm_clear(struct lpm *t);

/**
 * lpm_free() - the last table of its memory: frees the shadow; the area is left as it is, so that
 * readers can go on. Where there are other tables: takes its routes out first (lpm_clear());
 * its number can be used again at once, and the memory after lpm_reclaim() of one of the others.
 */
void lpm_free(struct lpm *t);

/** lpm_leave() - as lpm_free(), but the area stays as it is in any case: all tables of it are to go. */
void lpm_leave(struct lpm *t);

/**
 * lpm_insert() - enters @p, or replaces its result.
 * @p: its family must be the table's; bits past the length are ignored.
 * @result: 1 .. LPM_RESULT_MAX.
 * Return: 0; -EINVAL for another family or result; -ENOSPC when the limit is
 * reached or an area is full: the table answers as before.
 */
int lpm_insert(struct lpm *t, const struct prefix *p, lpm_result result);

/**
 * lpm_delete() - takes @p out.
 * Return: 0; -ENOENT; -ENOSPC when there is no room for the nodes that replace
 * the old ones (reclaim, then try again): the table answers as before.
 */
int lpm_delete(struct lpm *t, const struct prefix *p);

/** lpm_get() - the result of exactly @p, or 0. */
lpm_result lpm_get(const struct lpm *t, const struct prefix *p);

/**
 * lpm_build() - enters many routes at once, in any order, into an empty table; of
 * equal prefixes the last one counts. Much faster than inserting them. Readers of the table find
 * no routes, or some of them, until it is done; those of other tables are not concerned.
 * Return: 0; -EINVAL, -ENOSPC with the table still empty; -EEXIST if it was not.
 */
int lpm_build(struct lpm *t, const struct lpm_route *routes, size_t n);

/**
 * lpm_fixed() - a table that is made once, for results of up to 31 bits: no larger than its
 * routes need, and without a shadow. Nothing (0 routes) and one route are tables, too.
 * @routes: in any order; of equal prefixes the last one counts. Results: 1 .. LPM_WIDE_MAX.
 * @shape, @area: set on success. shape->bytes, whole pages, that the caller frees with free():
 * to be copied into a map of that size, with the shape in the program's .rodata, or looked up in
 * by lpm_walk(). Where a route is 0.0.0.0/0 or ::/0 no look-up yields 0.
 * Small tables take a few pages, large ones 64 to 128 bytes a prefix and, for IPv4, 256 kB.
 * Return: 0; -EINVAL for another family or result; -E2BIG for more than a million routes, or if
 * they need more than 64 MB; -ENOMEM.
 */
int lpm_fixed(uint8_t family, const struct lpm_route *routes, size_t n, struct lpm_shape *shape,
	      void **area);

/** lpm_walk() - the longest match of @a in any table, of its family, by the walk of the data path. */
lpm_result lpm_walk(const struct lpm_shape *shape, const void *area, const struct addr *a);

/** lpm_lookup() - the longest match of @a by the walk of the data path. 0: no route. */
lpm_result lpm_lookup(const struct lpm *t, const struct addr *a);

/**
 * lpm_match() - the longest match of @a with its prefix, from the shadow.
 * @match: may be NULL; untouched if there is none. Return: its result, or 0.
 */
lpm_result lpm_match(const struct lpm *t, const struct addr *a, struct prefix *match);

/**
 * lpm_bulk4(), lpm_bulk6() - lpm_lookup() for @n addresses at once, which then wait for the cache
 * together: several times as fast from some ten addresses on. Not for fixed tables.
 * @addr: numbers in host order; of IPv6 the first 64 bits and the last.
 * @result: @n of them.
 */
void lpm_bulk4(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n);
void lpm_bulk6(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result, size_t n);

/** lpm_bulk_text() - what those are on this CPU: "avx2" or "portable". */
const char *lpm_bulk_text(void);

/**
 * lpm_bulk_match() - lpm_match() for @n addresses at once: the longest prefix that each is in, and
 * its result; result 0 where there is none, or the family is not the table's. For records that
 * say by which prefix and next hop a flow went.
 */
void lpm_bulk_match(const struct lpm *t, const struct addr *a, struct lpm_route *match, size_t n);

/**
 * lpm_next() - walks the prefixes within @within in order (a parent before its
 * children; NULL: all). Start with *@r zeroed; on each call it is the one before,
 * which need not be there any more: routes may be inserted and deleted on the way.
 * Return: false at the end.
 */
bool lpm_next(const struct lpm *t, const struct prefix *within, struct lpm_route *r);

/** lpm_retired() - bytes that wait for lpm_reclaim(), without the cost of all of lpm_stats(). */
size_t lpm_retired(const struct lpm *t);

/** lpm_quiesce_mark() - names all that was retired up to now. */
uint64_t lpm_quiesce_mark(const struct lpm *t);

/**
 * lpm_reclaim() - frees what was retired before @mark was taken. Only after a
 * grace period: every reader that ran at the time of the mark must have ended.
 */
void lpm_reclaim(struct lpm *t, uint64_t mark);

void lpm_stats(const struct lpm *t, struct lpm_stats *stats);

#endif

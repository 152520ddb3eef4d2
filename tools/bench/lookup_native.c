// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_native.c: our table natively: walked by the very text of bpf/lpm.bpf.h, one address after
 * the other; and by lpm_bulk4(), lpm_bulk6(), where look-ups overlap.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bpf/lpm.bpf.h"
#include "tools/bench/lookup.h"
#include "tools/bench/options.h"

double native_turn(struct contender *c, unsigned int round)
{
	struct bench_engine *e = (struct bench_engine *)c;
	uint32_t first = round * TURN;
	double begin = bench_cpu(), seconds;

	for (uint32_t i = TURN; i < STREAM && bench_cpu() - begin < WARM_UP; i += TURN)
		e->look(e, first + i, TURN);
	begin = bench_cpu();
	e->sum = e->look(e, first, TURN);
	seconds = bench_cpu() - begin;
	return seconds * 1e9 / TURN;
}

struct native {
	struct lpm *table;
	struct lpm_shape shape;
	uint8_t *area;
};

/* Keeps the compiler from looking through a value. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

static uint64_t look4(struct bench_engine *e, uint32_t first, uint32_t count)
{
	const struct native *n = e->its;
	const uint32_t *stream = e->stream->v4;
	uint32_t zero = 0, last = 0;
	uint64_t sum = 0;

	OPAQUE(zero);
	if (!e->stream->dependent) {
		for (uint32_t i = 0; i < count; i++)
			sum += lpm4_lookup(n->area, &n->shape, stream[(first + i) & (STREAM - 1)]);
		return sum;
	}
	for (uint32_t i = 0; i < count; i++) {
		last = lpm4_lookup(n->area, &n->shape,
				   stream[(first + i) & (STREAM - 1)] ^ (last & zero));
		sum += last;
	}
	return sum;
}

static uint64_t look6(struct bench_engine *e, uint32_t first, uint32_t count)
{
	const struct native *n = e->its;
	const uint64_t (*stream)[2] = (const uint64_t (*)[2])e->stream->v6;
	uint32_t zero = 0, last = 0;
	uint64_t sum = 0;

	OPAQUE(zero);
	if (!e->stream->dependent) {
		for (uint32_t i = 0; i < count; i++) {
			const uint64_t *a = stream[(first + i) & (STREAM - 1)];

			sum += lpm6_lookup(n->area, &n->shape, a[0], a[1]);
		}
		return sum;
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *a = stream[(first + i) & (STREAM - 1)];

		last = lpm6_lookup(n->area, &n->shape, a[0] ^ (last & zero), a[1]);
		sum += last;
	}
	return sum;
}

#define BULK	32		/* addresses at a time: what a driver's ring gives at most */

static uint64_t bulk4(struct bench_engine *e, uint32_t first, uint32_t count)
{
	const struct native *n = e->its;
	lpm_result result[BULK];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i += BULK) {
		lpm_bulk4(n->table, e->stream->v4 + ((first + i) & (STREAM - 1)), result, BULK);
		for (uint32_t j = 0; j < BULK; j++)
			sum += result[j];
	}
	return sum;
}

static uint64_t bulk6(struct bench_engine *e, uint32_t first, uint32_t count)
{
	const struct native *n = e->its;
	lpm_result result[BULK];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i += BULK) {
		lpm_bulk6(n->table, (const uint64_t (*)[2])e->stream->v6 +
			  ((first + i) & (STREAM - 1)), result, BULK);
		for (uint32_t j = 0; j < BULK; j++)
			sum += result[j];
	}
	return sum;
}

/* Where each address waits for the result before there is nothing to look up at once. */
static double bulk_turn(struct contender *c, unsigned int round)
{
	const struct bench_engine *e = (const struct bench_engine *)c;

	return e->stream->dependent ? -1 : native_turn(c, round);
}

static void done(struct bench_engine *e)
{
	struct native *n = e->its;

	lpm_free(n->table);
	free(n->area);
	free(n);
}

/* Takes routes out and puts them in again: nanoseconds for one of either. */
static double update_time(struct lpm *t, const struct bench_table *routes)
{
	unsigned int changes = 20000;
	double begin = bench_cpu();

	for (unsigned int i = 0; i < changes / 2; i++) {
		const struct lpm_route *r = &routes->routes[bench_random() % routes->n];

		if (lpm_delete(t, &r->prefix) || lpm_insert(t, &r->prefix, r->result))
			return 0;
		if (i % 64 == 0)
			lpm_reclaim(t, lpm_quiesce_mark(t));
	}
	return (bench_cpu() - begin) / changes * 1e9;
}

void native_contenders(struct vec *engines, const struct bench_table *t,
		       const struct bench_stream *stream)
{
	struct native *n = xcalloc(1, sizeof(*n));
	struct bench_facts facts;
	struct lpm_stats stats;
	struct bench_engine *e;
	double begin, build;
	int err;

	lpm_sizes(t->family, t->n, &n->shape);
	n->area = aligned_alloc(4096, n->shape.bytes);
	__builtin_memset(n->area, 0, n->shape.bytes);
	n->table = lpm_new(t->family, &n->shape, n->area, t->n);
	begin = bench_now();
	err = lpm_build(n->table, t->routes, t->n);
	build = bench_now() - begin;
	if (err) {
		fprintf(stderr, "sluice-bench: sluice took %zu routes not: error %d\n", t->n, err);
		exit(1);
	}
	lpm_stats(n->table, &stats);
	facts = (struct bench_facts){ stats.bytes_used, build, update_time(n->table, t) };
	if (bench_wanted("sluice_bulk")) {
		e = vec_push(engines);
		*e = (struct bench_engine){
			.contender = { .engine = "sluice_bulk", .where = "native",
				       .turn = bulk_turn },
			.facts = facts, .table = t, .stream = stream, .its = n,
			.look = t->family == ADDR_V4 ? bulk4 : bulk6,
		};
	}
	/* The last one, as it frees the table; it is there in any case. */
	e = vec_push(engines);
	*e = (struct bench_engine){
		.contender = { .engine = "sluice", .where = "native", .turn = native_turn },
		.facts = facts, .table = t, .stream = stream, .its = n,
		.look = t->family == ADDR_V4 ? look4 : look6, .done = done,
	};
}

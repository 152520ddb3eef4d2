// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_dpdk.c: DPDK's tables, natively: rte_fib (DIR-24-8), rte_lpm, rte_fib6 (a trie
 * of 24 bits and bytes), rte_lpm6. Scalar look-ups; in bulk where they overlap, one at a time
 * where each waits for the one before. rte_fib and rte_fib6 also with AVX-512, where the CPU has it.
 */
#include "tools/bench/lookup.h"
#include "tools/bench/options.h"

#ifndef HAVE_DPDK
void dpdk_contenders(struct vec *engines, const struct bench_table *t,
		     const struct bench_stream *stream)
{
	(void)engines;
	(void)t;
	(void)stream;
}
#else

#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>

#define BULK	32
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* Memory without huge pages, no device, nothing shared. */
static bool eal(void)
{
	static char *args[] = { "sluice-bench", "--no-huge", "--no-pci", "--no-shconf",
				"--no-telemetry", "-m", "3000", "-l", "0",
				"--log-level=error", "--force-max-simd-bitwidth=512", NULL };
	static int state;

	if (!state)
		state = rte_eal_init(sizeof(args) / sizeof(args[0]) - 1, args) < 0 ? -1 : 1;
	return state > 0;
}

static uint32_t address(const struct bench_engine *e, uint32_t i)
{
	return e->stream->v4[i & (STREAM - 1)];
}

/* 16 bytes in network order; @flip: 0, from the result before. */
static void address6(const struct bench_engine *e, uint32_t i, uint64_t flip, uint8_t *bytes)
{
	uint64_t hi = __builtin_bswap64(e->stream->v6[i & (STREAM - 1)][0] ^ flip);
	uint64_t lo = __builtin_bswap64(e->stream->v6[i & (STREAM - 1)][1]);

	memcpy(bytes, &hi, 8);
	memcpy(bytes + 8, &lo, 8);
}

static uint64_t look_fib(struct bench_engine *e, uint32_t first, uint32_t count)
{
	uint64_t out[BULK], sum = 0, last = 0, zero = 0;
	uint32_t in[BULK];

	OPAQUE(zero);
	if (e->stream->dependent) {
		for (uint32_t i = 0; i < count; i++) {
			in[0] = address(e, first + i) ^ (last & zero);
			rte_fib_lookup_bulk(e->its, in, &last, 1);
			sum += last;
		}
		return sum;
	}
	for (uint32_t i = 0; i < count; i += BULK) {
		for (uint32_t j = 0; j < BULK; j++)
			in[j] = address(e, first + i + j);
		rte_fib_lookup_bulk(e->its, in, out, BULK);
		for (uint32_t j = 0; j < BULK; j++)
			sum += out[j];
	}
	return sum;
}

static uint64_t look_lpm(struct bench_engine *e, uint32_t first, uint32_t count)
{
	uint64_t sum = 0;
	uint32_t last = 0, zero = 0;

	OPAQUE(zero);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t a = address(e, first + i) ^ (e->stream->dependent ? last & zero : 0);

		if (rte_lpm_lookup(e->its, a, &last))
			last = 0;
		sum += last;
	}
	return sum;
}

static uint64_t look_fib6(struct bench_engine *e, uint32_t first, uint32_t count)
{
	uint64_t out[BULK], sum = 0, last = 0, zero = 0;
	uint8_t in[BULK][16];

	OPAQUE(zero);
	if (e->stream->dependent) {
		for (uint32_t i = 0; i < count; i++) {
			address6(e, first + i, last & zero, in[0]);
			rte_fib6_lookup_bulk(e->its, in, &last, 1);
			sum += last;
		}
		return sum;
	}
	for (uint32_t i = 0; i < count; i += BULK) {
		for (uint32_t j = 0; j < BULK; j++)
			address6(e, first + i + j, 0, in[j]);
		rte_fib6_lookup_bulk(e->its, in, out, BULK);
		for (uint32_t j = 0; j < BULK; j++)
			sum += out[j];
	}
	return sum;
}

static uint64_t look_lpm6(struct bench_engine *e, uint32_t first, uint32_t count)
{
	uint64_t sum = 0;
	uint32_t last = 0, zero = 0;
	uint8_t a[16];

	OPAQUE(zero);
	for (uint32_t i = 0; i < count; i++) {
		address6(e, first + i, e->stream->dependent ? last & zero : 0, a);
		if (rte_lpm6_lookup(e->its, a, &last))
			last = 0;
		sum += last;
	}
	return sum;
}

/* ---- one kind of table: made, filled, a route changed, freed -------------------- */

struct kind {
	const char *engine;
	uint8_t family;
	void *(*make)(size_t n);
	int (*add)(void *its, const struct lpm_route *r);
	int (*del)(void *its, const struct lpm_route *r);
	void (*drop)(void *its);
	uint64_t (*look)(struct bench_engine *e, uint32_t first, uint32_t count);
};

static void *fib_make(size_t n)
{
	struct rte_fib_conf conf = { .type = RTE_FIB_DIR24_8, .max_routes = n + 1,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_2B, .num_tbl8 = 16384 } };
	struct rte_fib *f = rte_fib_create("fib", -1, &conf);

	if (f)
		rte_fib_select_lookup(f, RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
	return f;
}

static void *fib_vector_make(size_t n)
{
	struct rte_fib_conf conf = { .type = RTE_FIB_DIR24_8, .max_routes = n + 1,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_2B, .num_tbl8 = 16384 } };
	struct rte_fib *f = rte_fib_create("fib_vector", -1, &conf);

	if (f && rte_fib_select_lookup(f, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512)) {
		rte_fib_free(f);
		rte_errno = ENOTSUP;
		return NULL;
	}
	return f;
}

static int fib_add(void *its, const struct lpm_route *r)
{
	return rte_fib_add(its, addr_v4_number(&r->prefix.addr), r->prefix.len, r->result);
}

static int fib_del(void *its, const struct lpm_route *r)
{
	return rte_fib_delete(its, addr_v4_number(&r->prefix.addr), r->prefix.len);
}

static void fib_drop(void *its)
{
	rte_fib_free(its);
}

static void *lpm_make(size_t n)
{
	struct rte_lpm_config conf = { .max_rules = n + 1, .number_tbl8s = 16384 };

	return rte_lpm_create("lpm", -1, &conf);
}

static int lpm_add(void *its, const struct lpm_route *r)
{
	/* It knows no default route. */
	return r->prefix.len ? rte_lpm_add(its, addr_v4_number(&r->prefix.addr), r->prefix.len,
					   r->result) : 0;
}

static int lpm_del(void *its, const struct lpm_route *r)
{
	return rte_lpm_delete(its, addr_v4_number(&r->prefix.addr), r->prefix.len);
}

static void lpm_drop(void *its)
{
	rte_lpm_free(its);
}

static void *fib6_make(size_t n)
{
	struct rte_fib6_conf conf = { .type = RTE_FIB6_TRIE, .max_routes = n + 1,
		.trie = { .nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = n + 65536 } };
	struct rte_fib6 *f = rte_fib6_create("fib6", -1, &conf);

	if (f)
		rte_fib6_select_lookup(f, RTE_FIB6_LOOKUP_TRIE_SCALAR);
	return f;
}

static void *fib6_vector_make(size_t n)
{
	struct rte_fib6_conf conf = { .type = RTE_FIB6_TRIE, .max_routes = n + 1,
		.trie = { .nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = n + 65536 } };
	struct rte_fib6 *f = rte_fib6_create("fib6_vector", -1, &conf);

	if (f && rte_fib6_select_lookup(f, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512)) {
		rte_fib6_free(f);
		rte_errno = ENOTSUP;
		return NULL;
	}
	return f;
}

static int fib6_add(void *its, const struct lpm_route *r)
{
	return rte_fib6_add(its, r->prefix.addr.bytes, r->prefix.len, r->result);
}

static int fib6_del(void *its, const struct lpm_route *r)
{
	return rte_fib6_delete(its, r->prefix.addr.bytes, r->prefix.len);
}

static void fib6_drop(void *its)
{
	rte_fib6_free(its);
}

static void *lpm6_make(size_t n)
{
	struct rte_lpm6_config conf = { .max_rules = n + 1, .number_tbl8s = n + 65536 };

	return rte_lpm6_create("lpm6", -1, &conf);
}

static int lpm6_add(void *its, const struct lpm_route *r)
{
	return r->prefix.len ? rte_lpm6_add(its, r->prefix.addr.bytes, r->prefix.len,
					    r->result) : 0;
}

static int lpm6_del(void *its, const struct lpm_route *r)
{
	return rte_lpm6_delete(its, r->prefix.addr.bytes, r->prefix.len);
}

static void lpm6_drop(void *its)
{
	rte_lpm6_free(its);
}

static const struct kind kinds[] = {
	{ "rte_fib", ADDR_V4, fib_make, fib_add, fib_del, fib_drop, look_fib },
	{ "rte_fib_avx512", ADDR_V4, fib_vector_make, fib_add, fib_del, fib_drop, look_fib },
	{ "rte_lpm", ADDR_V4, lpm_make, lpm_add, lpm_del, lpm_drop, look_lpm },
	{ "rte_fib6", ADDR_V6, fib6_make, fib6_add, fib6_del, fib6_drop, look_fib6 },
	{ "rte_fib6_avx512", ADDR_V6, fib6_vector_make, fib6_add, fib6_del, fib6_drop, look_fib6 },
	{ "rte_lpm6", ADDR_V6, lpm6_make, lpm6_add, lpm6_del, lpm6_drop, look_lpm6 },
};

static void done(struct bench_engine *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].engine, e->contender.engine))
			kinds[i].drop(e->its);
}

static void enter(struct vec *engines, const struct kind *k, const struct bench_table *t,
		  const struct bench_stream *stream)
{
	struct bench_facts facts = { 0 };
	void *its = k->make(t->n);
	unsigned int changes = 200;
	double begin = bench_now();
	struct bench_engine *e;

	if (!its) {
		fprintf(stderr, "sluice-bench: %s: %s\n", k->engine, rte_strerror(rte_errno));
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		int err = k->add(its, &t->routes[i]);

		if (err) {
			fprintf(stderr, "sluice-bench: %s: route %zu of %zu is refused: %s\n",
				k->engine, i + 1, t->n, rte_strerror(-err));
			k->drop(its);
			return;
		}
	}
	facts.build_s = bench_now() - begin;
	begin = bench_now();
	for (unsigned int i = 0; i < changes / 2; i++) {
		const struct lpm_route *r = &t->routes[bench_random() % t->n];

		k->del(its, r);
		k->add(its, r);
	}
	facts.update_ns = (bench_now() - begin) / changes * 1e9;
	e = vec_push(engines);
	*e = (struct bench_engine){
		.contender = { .engine = k->engine, .where = "native", .turn = native_turn },
		.facts = facts, .table = t, .stream = stream, .its = its,
		.look = k->look, .done = done,
	};
}

void dpdk_contenders(struct vec *engines, const struct bench_table *t,
		     const struct bench_stream *stream)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		any = any || (kinds[i].family == t->family && bench_wanted(kinds[i].engine));
	if (!any)
		return;
	if (!eal()) {
		fprintf(stderr, "sluice-bench: DPDK does not start: %s\n", rte_strerror(rte_errno));
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].family == t->family && bench_wanted(kinds[i].engine))
			enter(engines, &kinds[i], t, stream);
}
#endif

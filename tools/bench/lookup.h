/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lookup.h: what the files of the look-up benchmark share: a table, a stream of
 * addresses, and the two kinds of contenders.
 */
#ifndef SLUICE_BENCH_LOOKUP_H
#define SLUICE_BENCH_LOOKUP_H

#include "lpm/lpm.h"
#include "tools/bench/bench.h"
#include "tools/bench/lookup_layout.h"

#define NEXTHOPS	250	/* results are 1 .. NEXTHOPS */

struct bench_table {
	uint8_t family;
	struct lpm_route *routes;	/* no two prefixes equal */
	size_t n;
};

/* The stream: programs and native contenders read the same memory. */
struct bench_stream {
	uint32_t *v4;
	uint64_t (*v6)[2];
	bool dependent;
};

/* What a contender says of itself once, beside its times. */
struct bench_facts {
	double bytes, build_s, update_ns;	/* 0: not known */
};

struct bench_engine {
	struct contender contender;	/* first: turn() gets it */
	struct bench_facts facts;
	const struct bench_table *table;
	const struct bench_stream *stream;
	uint64_t sum;			/* of the results of the last turn */
	unsigned int fd;		/* xdp: the program */
	void *its;			/* native: the table */
	/* native: looks up the stretch; returns the sum of results */
	uint64_t (*look)(struct bench_engine *e, uint32_t first, uint32_t count);
	void (*done)(struct bench_engine *e);
};

/*
 * Addresses that one turn looks up. Before them it looks up the rest of the stream, or
 * as much of it as goes into WARM_UP, so that the caches are its own.
 */
#define TURN	(1u << 16)
#define WARM_UP	0.02		/* seconds */

/* generate.c */
struct bench_table bench_internet(uint8_t family, size_t n);
struct addr bench_address(const struct prefix *p);	/* within it, at random */
enum bench_stream_kind { STREAM_PREFIX, STREAM_ZIPF, STREAM_WORST, STREAM_KINDS };
extern const char *const bench_stream_names[];
void bench_fill(const struct bench_table *t, enum bench_stream_kind kind,
		struct bench_stream *stream);

/* scattered.c */
struct bench_table bench_scattered(uint8_t family, size_t n);

/* lookup_native.c, lookup_dpdk.c: append contenders to @engines, a vec of struct bench_engine */
void native_contenders(struct vec *engines, const struct bench_table *t,
		       const struct bench_stream *stream);
void dpdk_contenders(struct vec *engines, const struct bench_table *t,
		     const struct bench_stream *stream);
double native_turn(struct contender *c, unsigned int round);

/* lookup_lines.c: cache lines touched, by level; @stream is filled. */
void lookup_lines(const struct bench_table *t, const struct bench_stream *stream, bool as_json);

/* lookup_xdp.c: as those; the stream is its maps' memory. Return: 0 or -errno, said. */
struct xdp;
struct xdp *xdp_open(struct bench_stream *stream, const struct bench_table *t);
void xdp_contenders(struct xdp *x, struct vec *engines, const struct bench_table *t,
		    const struct bench_stream *stream);
void xdp_close(struct xdp *x);

/* lookup_kernel.c: the kernel's own table, in a namespace of our own. */
int kernel_table_open(void);
int kernel_table_fill(const struct bench_table *t, double *seconds);

#endif

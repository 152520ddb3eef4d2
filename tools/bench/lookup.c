// SPDX-License-Identifier: GPL-2.0
/*
 * lookup.c: the benchmark of route look-ups: one table a family, all contenders side by
 * side on the same addresses, their answers compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/table.h"
#include "lpm/rib.h"
#include "tools/bench/bench.h"
#include "tools/bench/lookup.h"
#include "tools/bench/options.h"

struct options {
	const char *rib, *shape;
	unsigned int prefixes, rounds;
	uint8_t family;		/* 0: both */
	bool json, growth, xdp, lines;
};

static const char usage[] =
"usage: sluice-bench lookup [--rib FILE] [OPTION...]\n"
"\n"
"  --rib FILE     lines \"prefix nexthop\", or MRT, plain or compressed; else tables are generated\n"
"  --table SHAPE  of generated tables: internet (as recorded ones are), scattered (harder)\n"
"  --prefixes N   size of the generated IPv4 table, a quarter of it IPv6 (1000000)\n"
"  --family 4|6   only this one\n"
"  --growth       generated tables of 1k, 10k, 100k, 1M prefixes, dependent look-ups only\n"
"  --lines        no times: cache lines that a look-up touches, by level of the table, and which\n"
"                 cache they would come from (a model; this machine's sizes, a quarter of L3)\n"
"  --engines A,B  only these\n"
"  --rounds N     turns of each contender (9)\n"
"  --json         one object a line: see sluice-bench --help\n"
"\n"
"Inside XDP (as root): sluice, twin (a hash for each length), lpm_trie, fib_lookup (the kernel's\n"
"table, in a namespace of its own), dir24_bss, dir24_array. Natively: sluice, sluice_bulk (many\n"
"addresses at a time), and DPDK's rte_fib, rte_lpm, rte_fib6, rte_lpm6, rte_fib_avx512 and\n"
"rte_fib6_avx512 where libdpdk was there at build time. Some take long to fill with a\n"
"full table: rte_lpm minutes, fib_lookup half a minute.\n";

/* One family of a file; of equal prefixes the last one. Next hops become 1 .. NEXTHOPS. */
static struct bench_table from_rib(const struct vec *rib, uint8_t family)
{
	struct bench_table t = { .family = family, .routes = xcalloc(rib->len + 1,
								     sizeof(*t.routes)) };
	struct table seen = TABLE(struct prefix, size_t);
	struct prefix key;
	bool fresh;

	for (size_t i = 0; i < rib->len; i++) {
		const struct rib_route *r = vec_at(rib, i);
		size_t *at;

		if (r->prefix.addr.family != family)
			continue;
		memset(&key, 0, sizeof(key));
		key = r->prefix;
		at = table_put(&seen, &key, &fresh);
		if (fresh)
			*at = t.n++;
		t.routes[*at] = (struct lpm_route){ r->prefix, 1 + r->nexthop % NEXTHOPS };
	}
	table_free(&seen);
	return t;
}

static void report(const struct options *o, const struct bench_engine *e, const char *stream,
		   const char *mode, const struct spread *nothing)
{
	struct spread s = contender_spread(&e->contender);
	double n = e->table->n;
	json_t *line;

	if (!e->contender.samples.len)
		return;
	s.median = s.median > nothing->median ? s.median - nothing->median : 0;
	s.min = s.min > nothing->median ? s.min - nothing->median : 0;
	s.max = s.max > nothing->median ? s.max - nothing->median : 0;
	line = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:I}", "bench", "lookup", "engine",
			 e->contender.engine, "where", e->contender.where, "family",
			 e->table->family, "stream", stream, "mode", mode, "prefixes",
			 (json_int_t)n);
	bench_spread(line, &s);
	if (e->facts.bytes)
		json_object_set_new(line, "bytes_per_prefix",
				    json_real((long long)(e->facts.bytes / n * 100) / 100.0));
	if (e->facts.build_s)
		json_object_set_new(line, "build_s",
				    json_real((long long)(e->facts.build_s * 1000) / 1000.0));
	if (e->facts.update_ns)
		json_object_set_new(line, "update_ns", json_integer(e->facts.update_ns));
	bench_line(line, o->json);
}

/* Whether all give the same answers on a turn of the stream. */
static int compare(struct vec *engines, const char *stream)
{
	const struct bench_engine *first = NULL;
	int err = 0;

	for (size_t i = 0; i < engines->len; i++) {
		struct bench_engine *e = vec_at(engines, i);

		if (!strcmp(e->contender.engine, "nothing") || e->contender.turn(&e->contender, 0) < 0)
			continue;
		if (!first)
			first = e;
		if (e->sum == first->sum)
			continue;
		fprintf(stderr, "sluice-bench: IPv%u, stream %s: %s (%s) answers otherwise than %s\n",
			e->table->family, stream, e->contender.engine, e->contender.where,
			first->contender.engine);
		err = 1;
	}
	return err;
}

static struct bench_table generate(const struct options *o, uint8_t family, size_t n)
{
	return o->shape ? bench_scattered(family, n) : bench_internet(family, n);
}

static int measure(const struct options *o, const struct bench_table *t)
{
	struct bench_stream stream = { 0 };
	struct vec engines = VEC(struct bench_engine);
	struct contender **turns;
	struct xdp *xdp = NULL;
	int err = 0;

	if (!t->n)
		return 0;
	if (o->lines) {
		stream.v4 = xcalloc(STREAM, sizeof(*stream.v4));
		stream.v6 = xcalloc(STREAM, sizeof(*stream.v6));
		bench_fill(t, STREAM_PREFIX, &stream);
		lookup_lines(t, &stream, o->json);
		free(stream.v4);
		free(stream.v6);
		return 0;
	}
	if (o->xdp) {
		xdp = xdp_open(&stream, t);
		if (!xdp)
			return 1;
		xdp_contenders(xdp, &engines, t, &stream);
	} else {
		stream.v4 = xcalloc(STREAM, sizeof(*stream.v4));
		stream.v6 = xcalloc(STREAM, sizeof(*stream.v6));
	}
	if (bench_wanted("sluice") || bench_wanted("sluice_bulk"))
		native_contenders(&engines, t, &stream);
	dpdk_contenders(&engines, t, &stream);

	turns = xcalloc(engines.len, sizeof(*turns));
	for (size_t i = 0; i < engines.len; i++)
		turns[i] = vec_at(&engines, i);
	for (int kind = 0; kind < STREAM_KINDS; kind++) {
		if (o->growth && kind != STREAM_PREFIX)
			continue;
		bench_fill(t, kind, &stream);
		err |= compare(&engines, bench_stream_names[kind]);
		for (int dependent = o->growth; dependent < 2; dependent++) {
			struct spread nothing = { 0 }, none = { 0 };

			stream.dependent = dependent;
			contenders_run(turns, engines.len, o->rounds);
			for (size_t i = 0; i < engines.len; i++) {
				const struct bench_engine *e = vec_at(&engines, i);
				bool is_xdp = !strcmp(e->contender.where, "xdp");

				if (!strcmp(e->contender.engine, "nothing")) {
					nothing = contender_spread(&e->contender);
					continue;
				}
				report(o, e, bench_stream_names[kind],
				       dependent ? "dependent" : "independent",
				       is_xdp ? &nothing : &none);
			}
		}
	}
	for (size_t i = 0; i < engines.len; i++) {
		struct bench_engine *e = vec_at(&engines, i);

		if (e->done)
			e->done(e);
		vec_free(&e->contender.samples);
	}
	free(turns);
	vec_free(&engines);
	if (xdp) {
		xdp_close(xdp);
	} else {
		free(stream.v4);
		free(stream.v6);
	}
	return err;
}

static int parse(int argc, char **argv, struct options *o)
{
	const char *family = NULL;
	const struct bench_option table[] = {
		{ "rib", .text = &o->rib },
		{ "table", .text = &o->shape },
		{ "prefixes", .number = &o->prefixes, .most = 4000000 },
		{ "family", .text = &family },
		{ "engines", .text = &bench_engines },
		{ "rounds", .number = &o->rounds, .most = 1000 },
		{ "growth", .flag = &o->growth },
		{ "lines", .flag = &o->lines },
		{ "json", .flag = &o->json },
		{ 0 },
	};
	int err = bench_options(argc, argv, table, usage);

	if (!err && o->shape && !strcmp(o->shape, "internet"))
		o->shape = NULL;
	if (!err && o->shape && strcmp(o->shape, "scattered")) {
		fprintf(stderr, "sluice-bench: --table wants internet or scattered\n");
		return 2;
	}
	if (err || !family)
		return err;
	o->family = !strcmp(family, "4") ? ADDR_V4 : !strcmp(family, "6") ? ADDR_V6 : 0;
	if (o->family)
		return 0;
	fprintf(stderr, "sluice-bench: --family wants 4 or 6\n");
	return 2;
}

/* Tables of growing size, generated. */
static int growth(const struct options *o, uint8_t family)
{
	int err = 0;

	for (size_t n = 1000; n <= 1000000; n *= 10) {
		struct bench_table t;

		if (family == ADDR_V6 && n == 1000000)
			n = 250000;
		t = generate(o, family, n);
		err |= measure(o, &t);
		free(t.routes);
	}
	return err;
}

int bench_lookup(int argc, char **argv)
{
	struct options o = { .prefixes = 1000000, .rounds = 9, .xdp = true };
	struct vec rib = VEC(struct rib_route);
	int err = parse(argc, argv, &o);

	if (err)
		return err < 0 ? 0 : err;
	if (o.rib && bench_rib(o.rib, &rib))
		return 1;
	if (geteuid()) {
		fprintf(stderr, "sluice-bench: not root: without the contenders inside XDP\n");
		o.xdp = false;
	} else if (kernel_table_open()) {
		return 1;
	}
	for (uint8_t family = ADDR_V4; family <= ADDR_V6; family += ADDR_V6 - ADDR_V4) {
		struct bench_table t;

		if (o.family && o.family != family)
			continue;
		if (o.growth) {
			err |= growth(&o, family);
			continue;
		}
		t = o.rib ? from_rib(&rib, family) :
			    generate(&o, family, family == ADDR_V4 ? o.prefixes :
					   o.prefixes / 4 ? o.prefixes / 4 : 1);
		err |= measure(&o, &t);
		free(t.routes);
	}
	vec_free(&rib);
	return err;
}

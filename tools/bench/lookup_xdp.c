// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_xdp.c: the contenders inside XDP: their maps made and filled, their programs
 * run by test run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/table.h"
#include "datapath/map.h"
#include "lpm/twin.h"
#include "tools/bench/lookup.h"
#include "tools/bench/lookup.skel.h"
#include "tools/bench/options.h"

struct xdp {
	struct lookup_bpf *object;
	struct lpm *table;
	struct bench_facts sluice;
	uint16_t *dir;
	unsigned int dir_long;		/* blocks in use */
};

static int refuse(const char *what, int err)
{
	fprintf(stderr, "sluice-bench: %s: %s\n", what, strerror(-err));
	return err;
}

/* A map of one value that userland and the programs share. */
static int shared_map(const char *name, size_t bytes, void **memory)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), bytes, 1, &opts);

	if (fd < 0)
		return -errno;
	*memory = map_memory(fd, bytes);
	return *memory ? fd : -errno;
}

/* Our tables: the one of the family that is measured, and a small one of the other. */
static int open_tables(struct xdp *x, const struct bench_table *t)
{
	struct lookup_bpf *o = x->object;
	struct lpm_shape shape;
	struct lpm_stats stats;
	double begin;
	void *memory;
	int fd, err;

	for (uint8_t family = ADDR_V4; family <= ADDR_V6; family += ADDR_V6 - ADDR_V4) {
		lpm_sizes(family, family == t->family ? t->n : 1, &shape);
		fd = shared_map("table", shape.bytes, &memory);
		if (fd < 0)
			return fd;
		err = map_reuse(o->obj, family == ADDR_V4 ? ".data.lpm4" : ".data.lpm6", fd);
		close(fd);
		if (err)
			return err;
		*(struct lpm_shape *)(family == ADDR_V4 ? &o->rodata->lpm4_shape :
							  &o->rodata->lpm6_shape) = shape;
		if (family != t->family)
			continue;
		x->table = lpm_new(family, &shape, memory, t->n);
		begin = bench_now();
		err = lpm_build(x->table, t->routes, t->n);
		if (err)
			return err;
		x->sluice.build_s = bench_now() - begin;
		lpm_stats(x->table, &stats);
		x->sluice.bytes = stats.bytes_used;
	}
	return 0;
}

/* Bytes that the kernel says a map takes. */
static double map_bytes(int fd)
{
	char path[64], line[128];
	long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %lld", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

static int fill_trie(int fd, const struct bench_table *t)
{
	struct {
		uint32_t len;
		uint8_t addr[16];
	} key;

	for (size_t i = 0; i < t->n; i++) {
		uint32_t result = t->routes[i].result;

		key.len = t->routes[i].prefix.len;
		memcpy(key.addr, t->routes[i].prefix.addr.bytes, 16);
		if (bpf_map_update_elem(fd, &key, &result, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* A route taken out and put in again, one system call each. */
static double trie_update_time(int fd, const struct bench_table *t)
{
	struct bench_table one = { .family = t->family, .n = 1 };
	unsigned int changes = 2000;
	double begin = bench_now();

	for (unsigned int i = 0; i < changes / 2; i++) {
		struct {
			uint32_t len;
			uint8_t addr[16];
		} key;

		one.routes = &t->routes[bench_random() % t->n];
		key.len = one.routes->prefix.len;
		memcpy(key.addr, one.routes->prefix.addr.bytes, 16);
		if (bpf_map_delete_elem(fd, &key) || fill_trie(fd, &one))
			return 0;
	}
	return (bench_now() - begin) / changes * 1e9;
}

static int by_length(const void *a, const void *b)
{
	const struct lpm_route *x = a, *y = b;

	return (int)x->prefix.len - y->prefix.len;
}

/* Shorter prefixes first, so that longer ones overwrite. -ENOSPC: too many longer than /24. */
static int fill_dir(struct xdp *x, const struct bench_table *t)
{
	struct lpm_route *routes = xcalloc(t->n, sizeof(*routes));
	int err = 0;

	memcpy(routes, t->routes, t->n * sizeof(*routes));
	qsort(routes, t->n, sizeof(*routes), by_length);
	for (size_t i = 0; i < t->n && !err; i++) {
		uint32_t a = addr_v4_number(&routes[i].prefix.addr), len = routes[i].prefix.len;
		uint16_t *word = &x->dir[a >> 8], *block;

		if (len <= 24) {
			for (uint32_t j = 0; j < 1u << (24 - len); j++)
				word[j] = routes[i].result;
			continue;
		}
		if (!(*word & DIR_LONG)) {
			if (x->dir_long == DIR_LONG_MAX) {
				err = -ENOSPC;
				break;
			}
			block = x->dir + (1 << 24) + 256 * x->dir_long;
			for (unsigned int j = 0; j < 256; j++)
				block[j] = *word;
			*word = DIR_LONG | x->dir_long++;
		}
		block = x->dir + (1 << 24) + 256 * (*word & (DIR_LONG_MAX - 1));
		for (uint32_t j = 0; j < 1u << (32 - len); j++)
			block[(a & 255) + j] = routes[i].result;
	}
	free(routes);
	return err;
}

/* The textbook form: a hash for each length, from the twin's tables. */
static int fill_twin(int outer, const struct bench_table *t, uint8_t rope[8], uint32_t *fallback,
		     double *bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	uint32_t key_size = t->family == ADDR_V4 ? 4 : 16;
	struct twin *twin = twin_new(t->family);
	const struct table *tables;
	int err;

	err = twin_build(twin, t->routes, t->n);
	tables = twin_tables(twin);
	for (uint32_t len = 0; len < TWIN_LENGTHS && !err; len++) {
		const void *key;
		size_t pos = 0;
		void *value;
		int fd = -1;

		if (len && tables[len].len)
			fd = bpf_map_create(BPF_MAP_TYPE_HASH, "length", key_size,
					    sizeof(struct twin_value), tables[len].len, &opts);
		while (table_next(&tables[len], &pos, &key, &value)) {
			const struct twin_entry *e = value;
			struct twin_value v = { .best = e->best };
			uint32_t number;

			memcpy(v.rope, e->rope, sizeof(v.rope));
			if (!len) {
				memcpy(rope, e->rope, 8);
				*fallback = e->best;
				break;
			}
			memcpy(&number, key, 4);
			number = ntohl(number);
			if (bpf_map_update_elem(fd, key_size == 4 ? &number : key, &v, BPF_ANY)) {
				err = -errno;
				break;
			}
		}
		if (fd >= 0) {
			*bytes += map_bytes(fd);
			if (!err && bpf_map_update_elem(outer, &len, &fd, BPF_ANY))
				err = -errno;
			close(fd);
		}
	}
	twin_free(twin);
	return err;
}

struct xdp *xdp_open(struct bench_stream *stream, const struct bench_table *t)
{
	struct xdp *x = xcalloc(1, sizeof(*x));
	struct lookup_bpf *o = lookup_bpf__open();
	void *memory;
	int err, fd;

	x->object = o;
	if (!o) {
		refuse("the benchmark's programs do not open", -errno);
		goto fail;
	}
	bpf_map__set_max_entries(o->maps.trie4, t->n + 1);
	bpf_map__set_max_entries(o->maps.trie6, t->n + 1);
	bpf_map__set_max_entries(o->maps.dir_array,
				 t->family == ADDR_V4 ? DIR_WORDS / DIR_PER_VALUE : 1);
	fd = shared_map("dir", DIR_WORDS * sizeof(uint16_t), &memory);
	if (fd < 0) {
		refuse("no map of 32 MB", fd);
		goto fail;
	}
	x->dir = memory;
	err = map_reuse(o->obj, ".data.dir", fd);
	close(fd);
	if (!err)
		err = open_tables(x, t);
	if (err) {
		refuse("the tables do not fit", err);
		goto fail;
	}
	err = lookup_bpf__load(o);
	if (err) {
		refuse("the benchmark's programs do not load", err);
		goto fail;
	}
	stream->v4 = o->bss->stream4;
	stream->v6 = (uint64_t (*)[2])o->bss->stream6;
	return x;
fail:
	xdp_close(x);
	return NULL;
}

static double run(struct bench_engine *e, uint32_t first)
{
	struct xdp *x = e->its;
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	double begin;

	x->object->bss->turn.first = first;
	x->object->bss->turn.count = TURN;
	x->object->bss->turn.dependent = e->stream->dependent;
	/* Less than the kernel's own duration, if this thread was preempted in the run. */
	begin = bench_cpu();
	if (bpf_prog_test_run_opts(e->fd, &opts))
		return -1;
	e->sum = x->object->bss->turn.sum;
	return (bench_cpu() - begin) * 1e9 / TURN;
}

static double xdp_turn(struct contender *c, unsigned int round)
{
	struct bench_engine *e = (struct bench_engine *)c;

	double begin = bench_cpu();

	for (uint32_t i = TURN; i < STREAM && bench_cpu() - begin < WARM_UP; i += TURN)
		run(e, round * TURN + i);
	return run(e, round * TURN);
}

static void add(struct xdp *x, struct vec *engines, const struct bench_table *t,
		const struct bench_stream *stream, const char *name, struct bpf_program *program,
		struct bench_facts facts)
{
	struct bench_engine *e = vec_push(engines);

	*e = (struct bench_engine){
		.contender = { .engine = name, .where = "xdp", .turn = xdp_turn },
		.facts = facts, .table = t, .stream = stream,
		.fd = bpf_program__fd(program), .its = x,
	};
}

static void add_twin(struct xdp *x, struct vec *engines, const struct bench_table *t,
		     const struct bench_stream *stream)
{
	struct lookup_bpf *o = x->object;
	bool v4 = t->family == ADDR_V4;
	struct bench_facts f = { 0 };
	double begin = bench_now();
	int err;

	err = fill_twin(bpf_map__fd(v4 ? o->maps.twin4 : o->maps.twin6), t, o->bss->twin_rope,
			&o->bss->twin_default, &f.bytes);
	f.build_s = bench_now() - begin;
	if (err)
		refuse("twin", err);
	else
		add(x, engines, t, stream, "twin", v4 ? o->progs.run_twin4 : o->progs.run_twin6, f);
}

static void add_trie(struct xdp *x, struct vec *engines, const struct bench_table *t,
		     const struct bench_stream *stream)
{
	struct lookup_bpf *o = x->object;
	bool v4 = t->family == ADDR_V4;
	int fd = bpf_map__fd(v4 ? o->maps.trie4 : o->maps.trie6);
	struct bench_facts f = { 0 };
	double begin = bench_now();
	int err = fill_trie(fd, t);

	f.build_s = bench_now() - begin;
	f.bytes = map_bytes(fd);
	f.update_ns = err ? 0 : trie_update_time(fd, t);
	if (err)
		refuse("lpm_trie", err);
	else
		add(x, engines, t, stream, "lpm_trie",
		    v4 ? o->progs.run_lpm_trie4 : o->progs.run_lpm_trie6, f);
}

static void add_dir(struct xdp *x, struct vec *engines, const struct bench_table *t,
		    const struct bench_stream *stream)
{
	struct lookup_bpf *o = x->object;
	int fd = bpf_map__fd(o->maps.dir_array);
	struct bench_facts f = { 0 };
	double begin = bench_now();
	int err = fill_dir(x, t);

	if (err) {
		refuse("dir24: more than 16384 blocks with prefixes longer than /24", err);
		return;
	}
	f.build_s = bench_now() - begin;
	f.bytes = (double)(1 << 25) + x->dir_long * 512.0;
	if (bench_wanted("dir24_bss"))
		add(x, engines, t, stream, "dir24_bss", o->progs.run_dir24_bss4, f);
	if (!bench_wanted("dir24_array"))
		return;
	for (uint32_t i = 0; i < DIR_WORDS / DIR_PER_VALUE; i++)
		bpf_map_update_elem(fd, &i, x->dir + i * DIR_PER_VALUE, BPF_ANY);
	f.build_s = bench_now() - begin;
	add(x, engines, t, stream, "dir24_array", o->progs.run_dir24_array4, f);
}

void xdp_contenders(struct xdp *x, struct vec *engines, const struct bench_table *t,
		    const struct bench_stream *stream)
{
	bool v4 = t->family == ADDR_V4;
	struct lookup_bpf *o = x->object;
	struct bench_facts f = { 0 };

	add(x, engines, t, stream, "nothing", v4 ? o->progs.run_nothing4 : o->progs.run_nothing6, f);
	if (bench_wanted("sluice"))
		add(x, engines, t, stream, "sluice",
		    v4 ? o->progs.run_sluice4 : o->progs.run_sluice6, x->sluice);
	if (bench_wanted("twin"))
		add_twin(x, engines, t, stream);
	if (bench_wanted("lpm_trie"))
		add_trie(x, engines, t, stream);
	if (bench_wanted("fib_lookup") && !kernel_table_fill(t, &f.build_s))
		add(x, engines, t, stream, "fib_lookup",
		    v4 ? o->progs.run_fib_lookup4 : o->progs.run_fib_lookup6, f);
	if (v4 && (bench_wanted("dir24_bss") || bench_wanted("dir24_array")))
		add_dir(x, engines, t, stream);
}

void xdp_close(struct xdp *x)
{
	lookup_bpf__destroy(x->object);
	if (x->dir)
		munmap(x->dir, DIR_WORDS * sizeof(uint16_t));
	lpm_free(x->table);
	free(x);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_lines.c: why a look-up takes as long as it does: the cache lines it touches, by level of
 * the table, how many distinct ones there are, and from which cache they come.
 *
 * A model, not a measurement (guests mostly have no hardware counters): the walks below read the
 * real tables, and pass each address they read to caches of this machine's sizes, set-associative,
 * least recently used, that nobody else uses. What a level's lines are is by the layouts of
 * bpf/lpm.h, DIR-24-8's two tables, and the kernel's LPM_TRIE: one line for each node on the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/table.h"
#include "lpm/inside.h"
#include "tools/bench/lookup.h"

#define WAYS	8
#define CACHES	3

struct cache {
	uint32_t sets;
	uint64_t *line;		/* sets * WAYS, the latest first; 0: none */
};

struct level {
	const char *name;
	uint64_t touched, from[CACHES + 1];	/* by cache; the last: memory */
	size_t distinct;
};

#define LEVELS	4

struct lines {
	struct cache cache[CACHES];
	struct table seen;
	struct level level[LEVELS];
};

static long cache_size(int name, long otherwise)
{
	long size = sysconf(name);

	return size > 0 ? size : otherwise;
}

/* L3 is shared: what other CPUs' work leaves of it is not known. A quarter is a fair guess. */
static void caches_open(struct lines *l)
{
	long size[CACHES] = { cache_size(_SC_LEVEL1_DCACHE_SIZE, 32 << 10),
			      cache_size(_SC_LEVEL2_CACHE_SIZE, 512 << 10),
			      cache_size(_SC_LEVEL3_CACHE_SIZE, 32 << 20) / 4 };

	for (int c = 0; c < CACHES; c++) {
		l->cache[c].sets = size[c] / LPM_LINE / WAYS;
		l->cache[c].line = xcalloc(l->cache[c].sets * WAYS, sizeof(uint64_t));
	}
	l->seen = TABLE(uint64_t, char);
}

/* Whether the line was in the cache; it is the latest now. */
static bool cache_has(struct cache *c, uint64_t line)
{
	/* Pages lie anywhere: the set is by a hash of the page, and the line in it. */
	uint64_t page = (line / 64) * 0x9e3779b97f4a7c15ull >> 20;
	uint64_t *set = &c->line[(page * 64 + line % 64) % c->sets * WAYS];
	unsigned int i = 0;
	bool hit;

	while (i < WAYS - 1 && set[i] != line)
		i++;
	hit = set[i] == line;
	memmove(set + 1, set, i * sizeof(*set));
	set[0] = line;
	return hit;
}

static void touch(struct lines *l, unsigned int level, const void *at)
{
	uint64_t line = (uintptr_t)at / LPM_LINE;
	struct level *v = &l->level[level];
	unsigned int found = CACHES;
	bool fresh;

	for (unsigned int c = CACHES; c--;)
		if (cache_has(&l->cache[c], line))
			found = c;
	v->touched++;
	v->from[found]++;
	table_put(&l->seen, &line, &fresh);
	v->distinct += fresh;
}

/* ---- the walks ----------------------------------------------------------------------- */

static void touch_node(struct lines *l, const struct lpm_node *n, unsigned int i, unsigned int level,
		       bool deep)
{
	const uint8_t *result = (const uint8_t *)n + (deep ? offsetof(struct lpm_node, deep) :
							    offsetof(struct lpm_node, result));

	touch(l, level, n);
	result += 2 * lpm_node_run(n, i);
	if ((uintptr_t)result / LPM_LINE != (uintptr_t)n / LPM_LINE)
		touch(l, level, result);
}

static void walk4(struct lines *l, const struct lpm *t, uint32_t a)
{
	const struct lpm_shape *s = &t->space->shape;
	const uint32_t *word = (const uint32_t *)(t->space->area + s->dir) + (a >> 14);
	const uint8_t *node = t->space->area + s->nodes + (*word & LPM_DIR_NODE);
	uint32_t value[64];

	touch(l, 0, word);
	if (*word < LPM_DIR_FULL)
		return;
	touch(l, 1, *word & LPM_DIR_PACKED ? node : node + 2 * (a >> 8 & 63));
	block_read(t, (*word & LPM_DIR_NODE) / LPM_LINE, *word & LPM_DIR_PACKED, value);
	if (value[a >> 8 & 63] < VALUE_KID)
		return;
	if (*word & LPM_DIR_FULL)
		touch(l, 2, node + sizeof(struct lpm_full));
	touch_node(l, node_at(t, value[a >> 8 & 63] & ~VALUE_KID), a & 255, 2, false);
}

static void walk6(struct lines *l, const struct lpm *t, uint64_t hi, uint64_t lo)
{
	const struct lpm_shape *s = &t->space->shape;
	const struct lpm_head *h = head_of(t);
	const uint16_t *seeds = (const uint16_t *)(t->space->area + s->seeds);
	const uint32_t *index = (const uint32_t *)(t->space->area + s->index);
	bool found = false;

	/* Three levels side by side; those below only where none of them has a node. */
	for (int level = 40; level >= 0; level -= 8) {
		uint64_t key = lpm6_key(hi, level), hash = lpm6_hash(key);
		const uint16_t *seed = &seeds[lpm6_bucket(h, hash) & s->seeds_mask];
		const uint32_t *word = &index[lpm6_place(h, hash, *seed) & s->index_mask];
		const struct lpm_node *n = lpm6_node(t->space->area, s, *word, 0);
		uint32_t result;

		if (found && level < 24)
			return;
		touch(l, 0, seed);
		touch(l, 1, word);
		if (found || ((*word ^ lpm6_tag(hash, 0)) & LPM_INDEX_TAG))
			continue;
		touch_node(l, n, hi >> (56 - level) & 255, 2, false);
		found = n->key == key;
		if (!found)
			continue;
		result = lpm_node_result(n, hi >> (56 - level) & 255, 0);
		while (result & LPM_KID) {
			n = node_at(t, lpm_node_kid(n, result, 0));
			touch_node(l, n, radix_bits(hi, lo, n->level, 8), 3, true);
			result = ((const lpm_slot *)((const uint8_t *)n +
				  offsetof(struct lpm_node, deep)))[
				  lpm_node_run(n, radix_bits(hi, lo, n->level, 8))];
			if (n->key != (n->level < 64 ? hi & ~(~0ull >> n->level) : hi))
				break;
		}
	}
}

/* A line for each node of the trie, which is what the shadow's are, in an order as by malloc. */
static void walk_trie(struct lines *l, const struct lpm *t, const struct radix_key *k)
{
	uint32_t best = 0;

	for (uint32_t at = t->radix.root; at; at = radix_step(&t->radix, k, at, &best))
		touch(l, 0, (const void *)((uintptr_t)LPM_LINE * at));
}

/* Which /24s have longer prefixes, and the number of their block. */
static struct table long_blocks(const struct bench_table *t)
{
	struct table blocks = TABLE(uint32_t, uint32_t);
	bool fresh;

	for (size_t i = 0; i < t->n; i++) {
		uint32_t at = addr_v4_number(&t->routes[i].prefix.addr) >> 8, *n;

		if (t->routes[i].prefix.len <= 24)
			continue;
		n = table_put(&blocks, &at, &fresh);
		if (fresh)
			*n = blocks.len - 1;
	}
	return blocks;
}

/* Words of 16 bits, as if they began at 0. */
static void walk_dir24(struct lines *l, struct table *blocks, uint32_t a)
{
	uint32_t at = a >> 8;
	const uint32_t *block = table_get(blocks, &at);

	touch(l, 0, (const void *)((uintptr_t)2 * at));
	if (block)
		touch(l, 1, (const void *)((uintptr_t)2 * ((1u << 24) + *block * 256 + (a & 255))));
}

/* ---- what is said ----------------------------------------------------------------------- */

static void say(struct lines *l, const struct bench_table *t, const char *engine, double lookups,
		bool as_json)
{
	for (unsigned int i = 0; i < LEVELS; i++) {
		const struct level *v = &l->level[i];
		json_t *line;

		if (!v->touched)
			continue;
		line = json_pack("{s:s, s:s, s:s, s:i, s:I, s:f, s:I, s:f, s:f, s:f, s:f}",
				 "bench", "lines", "engine", engine, "level", v->name, "family",
				 t->family, "prefixes", (json_int_t)t->n,
				 "per_lookup", v->touched / lookups, "distinct",
				 (json_int_t)v->distinct, "from_l1", v->from[0] / lookups, "from_l2",
				 v->from[1] / lookups, "from_l3", v->from[2] / lookups,
				 "from_memory", v->from[3] / lookups);
		bench_line(line, as_json);
	}
	for (int c = 0; c < CACHES; c++)
		free(l->cache[c].line);
	table_free(&l->seen);
}

static void open_levels(struct lines *l, const char *const *names)
{
	*l = (struct lines){ 0 };
	caches_open(l);
	for (unsigned int i = 0; i < LEVELS && names[i]; i++)
		l->level[i].name = names[i];
}

/* Counts begin once the caches are warm. */
static void forget(struct lines *l)
{
	for (unsigned int i = 0; i < LEVELS; i++)
		l->level[i] = (struct level){ .name = l->level[i].name };
	table_free(&l->seen);
	l->seen = TABLE(uint64_t, char);
}

void lookup_lines(const struct bench_table *t, const struct bench_stream *stream, bool as_json)
{
	static const char *const names4[LEVELS] = { "dir", "node", "kid" };
	static const char *const names6[LEVELS] = { "seeds", "index", "node", "deep" };
	static const char *const names_trie[LEVELS] = { "nodes" };
	static const char *const names_dir24[LEVELS] = { "first", "second" };
	struct table blocks = long_blocks(t);
	struct lines sluice, trie, dir24;
	bool v4 = t->family == ADDR_V4;
	struct lpm_shape shape;
	struct lpm *table;

	lpm_sizes(t->family, t->n, &shape);
	table = lpm_new(t->family, &shape, NULL, t->n);
	if (lpm_build(table, t->routes, t->n))
		abort();
	open_levels(&sluice, v4 ? names4 : names6);
	open_levels(&trie, names_trie);
	open_levels(&dir24, names_dir24);
	for (size_t i = 0; i < 2 * (size_t)STREAM; i++) {
		size_t at = i & (STREAM - 1);
		struct radix_key k = { .len = v4 ? 32 : 128 };

		if (i == STREAM) {
			forget(&sluice);
			forget(&trie);
			forget(&dir24);
		}
		k.hi = v4 ? (uint64_t)stream->v4[at] << 32 : stream->v6[at][0];
		k.lo = v4 ? 0 : stream->v6[at][1];
		walk_trie(&trie, table, &k);
		if (v4) {
			walk4(&sluice, table, stream->v4[at]);
			walk_dir24(&dir24, &blocks, stream->v4[at]);
		} else {
			walk6(&sluice, table, k.hi, k.lo);
		}
	}
	say(&sluice, t, "sluice", STREAM, as_json);
	say(&dir24, t, "dir24", STREAM, as_json);
	say(&trie, t, "lpm_trie", STREAM, as_json);
	table_free(&blocks);
	lpm_free(table);
}

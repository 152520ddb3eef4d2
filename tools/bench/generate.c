// SPDX-License-Identifier: GPL-2.0
/*
 * generate.c: tables with the shape of the Internet's, and streams of addresses.
 *
 * What makes a table easy or hard to look up in is where prefixes crowd, how they nest, and how
 * often neighbours have the same next hop. Here these follow recorded tables: for IPv4 RouteViews
 * 2008, 2014 and 2015 (270,849 to 606,138 prefixes), for IPv6 RouteViews 2015 and a peer's table
 * of 2021 (27,411 and 102,739):
 *
 *				RouteViews 2015	generated	scattered.c
 *  within another		54 %		58 %		97 %
 *  next hop as the one before	69 %		70 %		46 %
 *  behind one of its length	51 %		44 %		30 %
 *  /16s, /18s with longer ones	22,057, 55,015	21,225, 53,592	30,979, 73,948
 *
 * (IPv6, of 102,739: 52 % and 53 % within another, 8,149 and 9,442 /32s, 13,389 and 18,165 /40s
 * with longer ones.)
 *
 * A table grows in depth more than in breadth: the /16s in use go with the square root of its size,
 * the /32s of IPv6 with its power of 3/4; how many prefixes one has is log-normal, so that some
 * have a thousand. Within one there are roots (within no other prefix), many of them in runs, a
 * few of which have pieces of themselves announced, how many by a power law.
 *
 * scattered.c has a harder table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "tools/bench/lookup.h"

const char *const bench_stream_names[] = { "prefix", "zipf", "worst" };

/* Of 1000 roots, and of 1000 prefixes within others, by length. */
struct share {
	uint8_t len;
	unsigned int of_1000;
};

static const struct share roots4[] = { { 24, 509 }, { 22, 125 }, { 23, 82 }, { 21, 75 }, { 20, 68 },
	{ 19, 54 }, { 16, 36 }, { 18, 25 }, { 17, 15 }, { 15, 5 }, { 14, 3 }, { 13, 2 }, { 12, 1 } };
static const struct share nested4[] = { { 24, 574 }, { 23, 106 }, { 22, 93 }, { 21, 65 }, { 20, 63 },
	{ 19, 38 }, { 18, 19 }, { 17, 11 }, { 16, 10 }, { 25, 1 }, { 26, 1 }, { 27, 1 }, { 28, 2 },
	{ 29, 3 }, { 30, 4 }, { 32, 9 } };
static const struct share roots6[] = { { 48, 680 }, { 32, 80 }, { 44, 60 }, { 36, 41 },
	{ 40, 40 }, { 46, 21 }, { 38, 12 }, { 33, 9 }, { 34, 9 }, { 35, 6 }, { 42, 12 }, { 43, 7 },
	{ 41, 5 }, { 30, 4 }, { 45, 4 }, { 47, 7 }, { 28, 3 } };
static const struct share nested6[] = { { 48, 559 }, { 44, 87 }, { 40, 73 }, { 36, 41 }, { 42, 40 },
	{ 33, 32 }, { 34, 26 }, { 46, 23 }, { 47, 23 }, { 38, 11 }, { 37, 10 }, { 45, 10 }, { 35, 9 },
	{ 41, 7 }, { 39, 6 }, { 43, 5 }, { 56, 20 }, { 64, 18 } };
/* By how many announcements there are. */
static const uint16_t top6[] = { 0x2a02, 0x2804, 0x2a00, 0x2600, 0x2607, 0x2001, 0x2a01, 0x2400,
	0x2405, 0x2409, 0x240e, 0x2403, 0x2620, 0x2a03, 0x2402, 0x2604, 0x2a0a, 0x2a04, 0x2404,
	0x2803, 0x2605, 0x2401, 0x2406, 0x2a06, 0x2c0f, 0x2602, 0x2a05, 0x2a0b, 0x2606, 0x2407,
	0x240a, 0x2a07, 0x2a09, 0x2408, 0x2801, 0x2800, 0x2a0c, 0x2a0e, 0x2610, 0x2a10 };

static uint8_t draw(const struct share *s, size_t n)
{
	unsigned int x = bench_random() % 1000, i = 0;

	while (i < n - 1 && x >= s[i].of_1000)
		x -= s[i++].of_1000;
	return s[i].len;
}
#define DRAW(shares) draw(shares, sizeof(shares) / sizeof((shares)[0]))

static bool chance(unsigned int percent)
{
	return (bench_random() >> 20) % 100 < percent;
}

/* 0 .. 1, neither of them. */
static double uniform(void)
{
	return ((bench_random() >> 11) + 0.5) * 0x1p-53;
}

/* Log-normal, median 1. */
static double log_normal(double sigma)
{
	return exp(sigma * sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform()));
}

struct addr bench_address(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned int i = p->len; i < addr_bits(a.family); i++)
		if (bench_random() >> 40 & 1)
			a.bytes[i / 8] |= 0x80 >> i % 8;
	return a;
}

struct growing {
	struct bench_table t;
	size_t most;
	struct table seen;		/* prefixes so far */
	struct prefix crowd;		/* the /24, /48 where longer ones are at present */
};

static bool add(struct growing *g, const struct prefix *p, uint32_t nexthop)
{
	struct prefix key;
	bool fresh;

	if (g->t.n == g->most)
		return false;
	memset(&key, 0, sizeof(key));
	key = *p;
	table_put(&g->seen, &key, &fresh);
	if (fresh)
		g->t.routes[g->t.n++] = (struct lpm_route){ *p, nexthop };
	return fresh;
}

/* Few have many routes: a rank by Zipf's law, of NEXTHOPS. */
static uint32_t some_nexthop(void)
{
	return 1 + (uint32_t)pow(NEXTHOPS, 0.4 + 0.6 * uniform()) % NEXTHOPS;
}

/* The one behind @last, within @region; else any of @len. */
static struct prefix behind(const struct prefix *last, const struct prefix *region, uint8_t len)
{
	struct prefix p = { .addr = last->addr, .len = len };
	unsigned int byte = (len - 1) / 8, step = 1u << (7 - (len - 1) % 8);

	if (last->len == len && len > region->len) {
		unsigned int sum = p.addr.bytes[byte] + step;

		p.addr.bytes[byte] = sum;
		if (sum > 255 && byte)
			p.addr.bytes[byte - 1]++;
		if (prefix_covers(region, &p.addr))
			return p;
	}
	p.addr = bench_address(region);
	return prefix_canonical(p);
}

/* Where in @root a prefix of @len goes that does not follow another. @last: where the one before went. */
static struct prefix part_of(struct growing *g, const struct prefix *root, const struct prefix *last,
			     uint8_t len)
{
	bool v6 = root->addr.family == ADDR_V6;
	uint8_t cluster = v6 ? 40 : 20, host = v6 ? 48 : 24;
	struct prefix p = *last;

	/* What is longer than others take is for few sites. */
	if (len > host && prefix_contains(root, &g->crowd) && chance(90))
		return g->crowd;
	/* Whoever announces pieces of a large block does it here and there. */
	if (!chance(85) || !prefix_contains(root, &p) || p.len >= len)
		p = *root;
	if (p.len < cluster && len > cluster)
		p = prefix_canonical((struct prefix){ bench_address(&p), cluster });
	if (len > host)
		p = g->crowd = prefix_canonical((struct prefix){ bench_address(&p), host });
	return p;
}

/* Pieces of @root, at most @most. Return: how many. */
static size_t pieces(struct growing *g, const struct prefix *root, uint32_t nexthop, size_t most)
{
	double wanted = pow(uniform(), -1 / 1.2);
	struct prefix last = { .len = 0 }, within = *root;
	size_t n = 0, many = wanted < most ? wanted : most;
	uint32_t its = nexthop;

	for (size_t tries = 4 * many + 8; n < many && tries; tries--) {
		uint8_t len = root->addr.family == ADDR_V6 ? DRAW(nested6) : DRAW(nested4);
		struct prefix p;

		if (len <= root->len)
			continue;
		within = part_of(g, root, &within, len);
		p = behind(chance(75) ? &last : root, &within, len);
		if (!chance(85))
			its = chance(70) ? nexthop : some_nexthop();
		n += add(g, &p, its);
		last = p;
	}
	return n;
}

/* @many prefixes in @region: roots in their order, many of them in runs, others after a gap. */
static void fill_region(struct growing *g, const struct prefix *region, size_t many)
{
	bool v6 = region->addr.family == ADDR_V6;
	unsigned int bits = (v6 ? 48 : 24) - region->len;	/* in places of a /24, a /48 */
	uint32_t at = bench_random() % (1u << bits) / 2, end = 1u << bits;
	uint32_t home = some_nexthop(), nexthop = home;
	unsigned int turns = 0;
	uint8_t last = 0;
	size_t n = 0;

	if (v6 && chance(50))
		n += add(g, region, home);
	while (n < many) {
		uint8_t len = last && chance(65) ? last : v6 ? DRAW(roots6) : DRAW(roots4);
		uint32_t size = len > region->len ? 1u << (region->len + bits - len) : end;
		struct prefix p = { .addr = region->addr, .len = len };

		if (len != last || !chance(90))
			at += pow(2, pow(uniform(), v6 ? 2 : 1) * (bits - 2)) - 1;
		/* What one holder has mostly goes one way. */
		if (len != last || !chance(85))
			nexthop = chance(70) ? home : some_nexthop();
		at = (at + size - 1) & ~(size - 1);
		if (at >= end) {
			/* Full; what the others announce lies within what there is. */
			if (turns++ == 8)
				return;
			at = bench_random() % end;
			last = 0;
			continue;
		}
		p.addr.bytes[region->len / 8] |= at >> (bits - 8);
		if (bits > 8)
			p.addr.bytes[region->len / 8 + 1] |= at;
		p = prefix_canonical(p);
		at += size;
		n += add(g, &p, nexthop);
		if (n < many && size > 1 && chance(v6 ? 24 : 36))
			n += pieces(g, &p, nexthop, many - n);
		last = len;
	}
}

/* Where the registries have given something out. */
static struct prefix draw_region(uint8_t family)
{
	struct prefix p = { .addr.family = family, .len = family == ADDR_V4 ? 16 : 32 };
	uint64_t x = bench_random() >> 8;

	if (family == ADDR_V4) {
		do
			p.addr.bytes[0] = 1 + bench_random() % 223;
		while (p.addr.bytes[0] == 10 || p.addr.bytes[0] == 127);
		p.addr.bytes[1] = x;
		return p;
	}
	x = top6[(size_t)(pow(uniform(), 2.5) * (sizeof(top6) / sizeof(top6[0])))];
	p.addr.bytes[0] = x >> 8;
	p.addr.bytes[1] = x;
	/* Blocks are given out one behind the other, with room to grow. */
	p.addr.bytes[2] = pow(uniform(), 1.5) * 256;
	p.addr.bytes[3] = bench_random() >> 16 & (chance(60) ? 0xf8 : 0xff);
	return p;
}

struct bench_table bench_internet(uint8_t family, size_t n)
{
	bool v6 = family == ADDR_V6;
	struct growing g = { .most = n, .seen = TABLE(struct prefix, char) };
	size_t regions = 1 + (v6 ? 3.2 * pow(n, 0.72) : 28.5 * sqrt(n));
	double *weight = xcalloc(regions, sizeof(*weight)), sum = 0;

	g.t = (struct bench_table){ .family = family, .routes = xcalloc(n, sizeof(*g.t.routes)) };
	for (size_t i = 0; i < regions; i++) {
		weight[i] = log_normal(v6 ? 1.9 : 1.35);
		sum += weight[i];
	}
	/* Holders that announce their block as a whole, or have it only. */
	for (size_t i = 0; v6 && i < n / 9; i++) {
		struct prefix holder = draw_region(family);

		holder.len = chance(80) ? 32 : 29;
		holder = prefix_canonical(holder);
		add(&g, &holder, some_nexthop());
	}
	/* What the regions of the first turn had no room for, others have. */
	for (size_t i = 0; g.t.n < n; i++) {
		struct prefix region = draw_region(family);

		fill_region(&g, &region, ceil(n * weight[i % regions] / sum));
	}
	free(weight);
	table_free(&g.seen);
	return g.t;
}

static void put(struct bench_stream *stream, size_t i, const struct addr *a)
{
	uint64_t hi = 0, lo = 0;

	for (unsigned int j = 0; j < 8; j++) {
		hi = hi << 8 | a->bytes[j];
		lo = lo << 8 | a->bytes[j + 8];
	}
	if (a->family == ADDR_V4) {
		stream->v4[i] = hi >> 32;
	} else {
		stream->v6[i][0] = hi;
		stream->v6[i][1] = lo;
	}
}

#define FLOWS	500000

/* Ranks by Zipf's law with exponent 1: by the inverse of log(rank) / log(FLOWS). */
static size_t zipf_rank(void)
{
	double u = (bench_random() >> 11) * 0x1p-53;

	return exp(u * log(FLOWS)) - 0.5;
}

void bench_fill(const struct bench_table *t, enum bench_stream_kind kind,
		struct bench_stream *stream)
{
	size_t *longest = xcalloc(t->n, sizeof(*longest)), n = 0;
	struct addr *flows = xcalloc(FLOWS, sizeof(*flows)), a;
	unsigned int long_from = t->family == ADDR_V4 ? 25 : 49;

	for (; !n; long_from--)
		for (size_t i = 0; i < t->n; i++)
			if (t->routes[i].prefix.len >= long_from)
				longest[n++] = i;
	for (size_t i = 0; kind == STREAM_ZIPF && i < FLOWS; i++)
		flows[i] = bench_address(&t->routes[bench_random() % t->n].prefix);
	for (size_t i = 0; i < STREAM; i++) {
		if (kind == STREAM_PREFIX)
			a = bench_address(&t->routes[bench_random() % t->n].prefix);
		else if (kind == STREAM_ZIPF)
			a = flows[zipf_rank() % FLOWS];
		else
			a = bench_address(&t->routes[longest[bench_random() % n]].prefix);
		put(stream, i, &a);
	}
	free(longest);
	free(flows);
}

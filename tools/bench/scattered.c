// SPDX-License-Identifier: GPL-2.0
/*
 * scattered.c: a table that is harder than the Internet's: announcements lie all over the
 * address space, nearly all within larger ones, with next hops that seldom agree with those around
 * them. There is little that a look-up finds in the cache.
 *
 * Holders have an aggregate, of a length that registries give out, and announce it and pieces of
 * it, next to each other and nested, the lengths drawn so that the whole has the distribution that
 * route collectors saw in 2024.
 */
#include <string.h>

#include "base/table.h"
#include "tools/bench/lookup.h"

struct share {
	uint8_t len;
	unsigned int of_1000;
};

static const struct share holders4[] = { { 12, 10 }, { 13, 20 }, { 14, 40 }, { 15, 60 },
	{ 16, 240 }, { 17, 80 }, { 18, 110 }, { 19, 160 }, { 20, 140 }, { 21, 80 }, { 22, 60 } };
static const struct share pieces4[] = { { 17, 4 }, { 18, 8 }, { 19, 20 }, { 20, 40 }, { 21, 46 },
	{ 22, 105 }, { 23, 100 }, { 24, 665 }, { 26, 3 }, { 28, 3 }, { 30, 2 }, { 32, 4 } };
static const struct share holders6[] = { { 29, 200 }, { 30, 20 }, { 31, 20 }, { 32, 760 } };
static const struct share pieces6[] = { { 33, 40 }, { 34, 30 }, { 35, 20 }, { 36, 90 }, { 38, 30 },
	{ 40, 110 }, { 42, 40 }, { 44, 120 }, { 45, 15 }, { 46, 50 }, { 47, 35 }, { 48, 412 },
	{ 56, 3 }, { 64, 4 }, { 128, 1 } };
static const uint16_t top6[] = { 0x2001, 0x2400, 0x2404, 0x2405, 0x2407, 0x240a, 0x2600, 0x2602,
	0x2604, 0x2606, 0x2607, 0x2620, 0x2800, 0x2803, 0x2804, 0x2a00, 0x2a01, 0x2a02, 0x2a03,
	0x2a04, 0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0c, 0x2a0e, 0x2a10, 0x2c0f };

#define DRAW(shares) draw(shares, sizeof(shares) / sizeof((shares)[0]))
static uint8_t draw(const struct share *s, size_t n)
{
	unsigned int x = bench_random() % 1000, i = 0;

	while (i < n - 1 && x >= s[i].of_1000)
		x -= s[i++].of_1000;
	return s[i].len;
}

/* The bits of number @n, scattered: the same number, the same place. */
static uint64_t place(uint64_t n)
{
	n = (n + 1) * 0x9e3779b97f4a7c15ull;
	n = (n ^ n >> 29) * 0xbf58476d1ce4e5b9ull;
	return n ^ n >> 32;
}

/*
 * Announcements crowd: of RouteViews 2015, with 606,138 IPv4 prefixes, only 34,476 of the
 * 262,144 blocks of /18 are divided, and a /40 with longer prefixes has three to four of them.
 * @n: size of the table.
 */
static struct prefix holder(uint8_t family, size_t n)
{
	struct prefix p = { .addr.family = family };

	if (family == ADDR_V4) {
		uint64_t at = place(bench_random() % (n / 16 + 1));

		p.addr.bytes[0] = 1 + at % 223;
		if (p.addr.bytes[0] == 127 || p.addr.bytes[0] == 169)
			p.addr.bytes[0]++;
		p.addr.bytes[1] = at >> 20;
		p.addr.bytes[2] = (at >> 30 & 0xc0) | (bench_random() >> 20 & 0x3f);
		p.len = DRAW(holders4);
	} else {
		uint16_t top = top6[bench_random() % (sizeof(top6) / sizeof(top6[0]))];

		p.addr.bytes[0] = top >> 8;
		p.addr.bytes[1] = top;
		p.addr.bytes[2] = bench_random() >> 20;
		p.addr.bytes[3] = bench_random() >> 20;
		p.len = DRAW(holders6);
	}
	return prefix_canonical(p);
}

/* A piece of the holder's: half of them in a run, one behind the other. */
static struct prefix piece(const struct prefix *of, const struct prefix *last)
{
	struct prefix p = *of;

	p.len = of->addr.family == ADDR_V4 ? DRAW(pieces4) : DRAW(pieces6);
	if (p.len <= of->len)
		p.len = of->len + 1;
	if (last->len == p.len && bench_random() % 4) {
		unsigned int byte = (p.len - 1) / 8, step = 1u << (7 - (p.len - 1) % 8);

		p.addr = last->addr;
		if (p.addr.bytes[byte] + step < 256)
			p.addr.bytes[byte] += step;
	} else {
		p.addr = bench_address(of);
		/* A holder uses few of its /40s. */
		if (p.addr.family == ADDR_V6 && p.len > 40)
			p.addr.bytes[4] = place(of->addr.bytes[3] + bench_random() % 2);
	}
	return prefix_canonical(p);
}

struct bench_table bench_scattered(uint8_t family, size_t n)
{
	struct bench_table t = { .family = family, .routes = xcalloc(n, sizeof(*t.routes)) };
	struct table seen = TABLE(struct prefix, char);
	struct prefix key;
	bool fresh;

	while (t.n < n) {
		struct prefix h = holder(family, n), p = h;
		/* A few have very many. */
		unsigned int pieces = bench_random() % 8 ? bench_random() % 12 : bench_random() % 90;
		uint32_t nexthop = 1 + bench_random() % NEXTHOPS;

		for (unsigned int i = 0; i <= pieces && t.n < n; i++) {
			if (i)
				p = piece(&h, &p);
			memset(&key, 0, sizeof(key));
			key = p;
			table_put(&seen, &key, &fresh);
			if (fresh)
				t.routes[t.n++] = (struct lpm_route){
					p, bench_random() % 5 ? nexthop :
						1 + bench_random() % NEXTHOPS };
		}
	}
	table_free(&seen);
	return t;
}

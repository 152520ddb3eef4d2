// SPDX-License-Identifier: GPL-2.0
/*
 * rib.c: a routing table of the Internet's shape, for where no recorded one is at hand: as many
 * prefixes of each length in a thousand as full tables had in 2026, nested as chance has it, no
 * private or special address space. The same numbers and seed give the same table.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/table.h"
#include "verbs.h"

struct share {
	uint8_t len;
	unsigned int per_thousand;
};

static const struct share shares4[] = {
	{ 24, 612 }, { 22, 110 }, { 23, 105 }, { 21, 52 }, { 20, 43 }, { 19, 25 }, { 18, 14 },
	{ 16, 13 }, { 17, 9 }, { 15, 4 }, { 14, 4 }, { 25, 3 }, { 28, 2 }, { 32, 2 }, { 13, 1 },
	{ 12, 1 },
};

static const struct share shares6[] = {
	{ 48, 470 }, { 32, 115 }, { 40, 100 }, { 44, 90 }, { 47, 50 }, { 46, 45 }, { 36, 40 },
	{ 45, 25 }, { 29, 22 }, { 42, 15 }, { 33, 12 }, { 34, 8 }, { 64, 4 }, { 128, 2 }, { 28, 2 },
};

static uint64_t state;

static uint64_t draw(void)
{
	/* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint8_t draw_len(const struct share *shares, unsigned int n)
{
	unsigned int total = 0, at;

	for (unsigned int i = 0; i < n; i++)
		total += shares[i].per_thousand;
	at = draw() % total;
	for (unsigned int i = 0; i < n; i++) {
		if (at < shares[i].per_thousand)
			return shares[i].len;
		at -= shares[i].per_thousand;
	}
	return shares[0].len;
}

/* Private, shared, loopback, link-local, documentation, benchmarking, multicast. */
static bool is_special4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 24 >= 224 ||
	       a >> 22 == 0x6440 >> 6 || a >> 16 == 0xa9fe || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	       a >> 8 == 0xc00002 || a >> 8 == 0xc00000 || a >> 17 == 0xc612 >> 1 ||
	       a >> 8 == 0xc63364 || a >> 8 == 0xcb0071;
}

static struct prefix draw4(void)
{
	struct prefix p = { 0 };
	uint32_t a;

	do
		a = draw();
	while (is_special4(a));
	p.addr = addr_v4(a);
	p.len = draw_len(shares4, sizeof(shares4) / sizeof(shares4[0]));
	return prefix_canonical(p);
}

/* As registries give it out: a /29 to /32 of few blocks, and more specifics in it. */
static struct prefix draw6(void)
{
	static const uint16_t blocks[] = {
		0x2001, 0x2400, 0x2402, 0x2404, 0x2600, 0x2602, 0x2604, 0x2606, 0x2607, 0x2620,
		0x2800, 0x2804, 0x2a00, 0x2a02, 0x2a03, 0x2a05, 0x2a0a, 0x2a0c, 0x2a0e, 0x2c0f,
	};
	uint16_t block = blocks[draw() % (sizeof(blocks) / sizeof(blocks[0]))];
	uint16_t holder = draw() % 2048 * 29 + 0x400;
	uint64_t rest = draw(), more = draw();
	struct prefix p = { .addr.family = ADDR_V6 };

	p.addr.bytes[0] = block >> 8;
	p.addr.bytes[1] = block;
	p.addr.bytes[2] = holder >> 8;
	p.addr.bytes[3] = holder;
	memcpy(p.addr.bytes + 4, &rest, 4);
	memcpy(p.addr.bytes + 8, &more, 8);
	p.len = draw_len(shares6, sizeof(shares6) / sizeof(shares6[0]));
	return prefix_canonical(p);
}

static void print_routes(unsigned long n, struct prefix (*drawn)(void))
{
	struct table seen = TABLE(struct prefix, char);
	char buf[PREFIX_STRLEN];

	while (n) {
		struct prefix p = drawn();
		bool fresh;

		table_put(&seen, &p, &fresh);
		if (!fresh)
			continue;
		printf("%s\t%u\n", prefix_format(&p, buf), (unsigned int)(draw() % 65535 + 1));
		n--;
	}
	table_free(&seen);
}

int verb_rib(int argc, char **argv)
{
	unsigned long n4, n6;
	char *end4, *end6;

	if (argc < 2 || argc > 3)
		return USAGE;
	n4 = strtoul(argv[0], &end4, 10);
	n6 = strtoul(argv[1], &end6, 10);
	if (*end4 || *end6 || n4 > 2000000 || n6 > 1000000)
		return USAGE;
	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	print_routes(n4, draw4);
	print_routes(n6, draw6);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

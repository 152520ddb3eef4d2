/* SPDX-License-Identifier: GPL-2.0 */
/*
 * made_frames.h: frames that are made: of both families, with tags, options, extension headers and
 * fragments, to groups and to routed addresses, right and nearly right (a byte changed, an end cut
 * off, a length one off). From one seed the same ones.
 */
#ifndef SLUICE_SELFTESTS_MADE_FRAMES_H
#define SLUICE_SELFTESTS_MADE_FRAMES_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_ROOM 2048

/* The seed, and what has become of it. */
static uint64_t state;

/* splitmix64 */
static uint32_t pick(uint32_t n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % n;
}

/* What a test wants many frames to have: addresses and ports on both sides of its policy's bounds. */
#define AIMS_MAX 256
static struct {
	uint8_t v4[AIMS_MAX][4], v6[AIMS_MAX][16];
	uint16_t port[AIMS_MAX];
	uint32_t v4s, v6s, ports;
} aims;

struct frame {
	uint8_t bytes[FRAME_ROOM];
	uint32_t len;
	uint32_t ip;	/* offset */
};

static void put(struct frame *f, const void *bytes, uint32_t n)
{
	memcpy(f->bytes + f->len, bytes, n);
	f->len += n;
}

static void put16(struct frame *f, uint16_t v)
{
	uint16_t be = htons(v);

	put(f, &be, 2);
}

static void put_zeroes(struct frame *f, uint32_t n)
{
	memset(f->bytes + f->len, 0, n);
	f->len += n;
}

static void set16(struct frame *f, uint32_t at, uint16_t v)
{
	f->bytes[at] = v >> 8;
	f->bytes[at + 1] = v;
}

static void make_link(struct frame *f, int family)
{
	static const uint8_t macs[][12] = {
		{ 0x02, 0, 0, 0, 0, 7, 0x02, 0, 0, 0, 0, 9 },
		{ 0x01, 0, 0x5e, 1, 2, 3, 0x02, 0, 0, 0, 0, 9 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 9 },
	};
	uint32_t tags = pick(4) ? 0 : pick(4);

	put(f, macs[pick(4) ? 0 : pick(3)], 12);
	for (uint32_t i = 0; i < tags; i++) {
		put16(f, pick(2) ? 0x8100 : 0x88a8);
		put16(f, pick(2) ? pick(65536) : pick(8) << 13 | pick(4));
	}
	if (pick(12))
		put16(f, family == 4 ? 0x0800 : 0x86dd);
	else
		put16(f, pick(2) ? 0x0806 : pick(65536));
	f->ip = f->len;
}

static void put_address4(struct frame *f)
{
	static const uint8_t addresses[][4] = {
		{ 10, 0, 0, 1 }, { 10, 1, 2, 3 }, { 192, 0, 2, 1 }, { 239, 1, 2, 3 },
		{ 239, 9, 9, 9 }, { 233, 54, 12, 1 }, { 198, 51, 100, 7 }, { 224, 0, 0, 5 },
		{ 127, 0, 0, 1 }, { 0, 0, 0, 0 }, { 169, 254, 1, 1 }, { 255, 255, 255, 255 },
	};
	uint8_t a[4];

	if (aims.v4s && pick(3)) {
		put(f, aims.v4[pick(aims.v4s)], 4);
		return;
	}
	memcpy(a, addresses[pick(sizeof(addresses) / 4)], 4);
	if (!pick(4))
		a[pick(4)] = pick(256);
	put(f, a, 4);
}

static void put_address6(struct frame *f)
{
	static const char *const addresses[] = {
		"2001:db8::1", "2001:db8:1::5", "2001:db8:ffff::9", "ff15::1:3", "ff3e::8000:1",
		"fe80::1", "::", "::1", "::ffff:10.0.0.1", "ff02::1",
	};
	uint8_t a[16];

	if (aims.v6s && pick(3)) {
		put(f, aims.v6[pick(aims.v6s)], 16);
		return;
	}
	inet_pton(AF_INET6, addresses[pick(sizeof(addresses) / sizeof(*addresses))], a);
	if (!pick(4))
		a[pick(16)] = pick(256);
	put(f, a, 16);
}

static void put_port(struct frame *f)
{
	put16(f, aims.ports && pick(4) ? aims.port[pick(aims.ports)] : pick(65536));
}

static void put_transport(struct frame *f, uint8_t protocol)
{
	uint32_t payload = pick(3) ? pick(64) : pick(1200);

	switch (protocol) {
	case 6:
		put_port(f);
		put_port(f);
		put_zeroes(f, 8);
		put16(f, (5 + pick(2) * pick(11)) << 12 | pick(512));
		put_zeroes(f, 6);
		break;
	case 17:
		put_port(f);
		put_port(f);
		put16(f, 8 + payload);
		put16(f, 0);
		break;
	case 1:
	case 58:
		put16(f, pick(16) << 8 | pick(4));
		put_zeroes(f, pick(12));
		break;
	default:
		put_zeroes(f, pick(12));
	}
	put_zeroes(f, payload);
}

static uint8_t protocol_of(int family)
{
	static const uint8_t protocols[] = { 6, 17, 17, 1, 2, 50, 58, 132 };
	uint8_t p = protocols[pick(sizeof(protocols))];

	return family == 6 && p == 1 ? 58 : p;
}

static void fix_checksum(struct frame *f)
{
	uint32_t words = (f->bytes[f->ip] & 15) * 2, sum = 0;

	set16(f, f->ip + 10, 0);
	for (uint32_t i = 0; i < words && f->ip + 2 * i + 1 < f->len; i++)
		sum += f->bytes[f->ip + 2 * i] << 8 | f->bytes[f->ip + 2 * i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	set16(f, f->ip + 10, ~sum);
}

static uint8_t some_ttl(void)
{
	return pick(3) ? 64 : pick(4);
}

static void make_ip4(struct frame *f)
{
	uint32_t options = pick(5) ? 0 : pick(11) * 4;
	uint8_t protocol = protocol_of(4);
	const uint8_t head[2] = { 0x45 + options / 4, pick(256) };
	const uint8_t ttl[2] = { some_ttl(), protocol };

	put(f, head, 2);
	put16(f, 0);
	put16(f, pick(65536));
	put16(f, pick(4) ? 0x4000 : pick(2) << 13 | (pick(2) ? 0 : pick(8192)));
	put(f, ttl, 2);
	put16(f, 0);
	put_address4(f);
	put_address4(f);
	for (uint32_t i = 0; i < options; i++)
		f->bytes[f->len++] = 1;
	put_transport(f, protocol);
	set16(f, f->ip + 2, f->len - f->ip);
}

static uint8_t put_extensions(struct frame *f, uint8_t *first)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60 };
	uint8_t protocol = protocol_of(6), *next = first;
	uint32_t count = pick(3) ? 0 : pick(11);

	for (uint32_t i = 0; i < count; i++) {
		uint8_t kind = kinds[pick(sizeof(kinds))], units = pick(3);
		uint32_t at = f->len, size = kind == 44 ? 8 : kind == 51 ? (units + 2) * 4 : (units + 1) * 8;

		*next = kind;
		put_zeroes(f, size);
		f->bytes[at + 1] = kind == 44 ? 0 : units;
		if (kind == 44 && !pick(2))
			set16(f, at + 2, pick(2) ? pick(2) : pick(65536));
		next = &f->bytes[at];
	}
	*next = protocol;
	return protocol;
}

static void make_ip6(struct frame *f)
{
	const uint8_t head[8] = { 0x60 | pick(16), pick(16) << 4, 0, 0, 0, 0, 0, some_ttl() };
	uint8_t protocol;

	put(f, head, 8);
	put_address6(f);
	put_address6(f);
	protocol = put_extensions(f, &f->bytes[f->ip + 6]);
	put_transport(f, protocol);
	/* Now and then a jumbogram, where a hop-by-hop header makes it one. */
	set16(f, f->ip + 4, pick(8) ? f->len - f->ip - 40 : 0);
}

/* Nearly right: what a parser gets wrong. */
static void spoil(struct frame *f)
{
	switch (pick(5)) {
	case 0:
		f->bytes[pick(f->len)] = pick(256);
		break;
	case 1:
		f->bytes[pick(f->len < 80 ? f->len : 80)] ^= 1 << pick(8);
		break;
	case 2:
		f->len -= pick(f->len / 2);
		break;
	case 3:
		put_zeroes(f, 1 + pick(64));
		break;
	case 4:
		if (f->ip + 6 < f->len)
			f->bytes[f->ip + (pick(2) ? 3 : 5)] += pick(5) - 2;
		break;
	}
}

static inline void make_frame(struct frame *f)
{
	int family = pick(2) ? 4 : 6;

	f->len = 0;
	make_link(f, family);
	if (family == 4)
		make_ip4(f);
	else
		make_ip6(f);
	if (!pick(3))
		spoil(f);
	if (!pick(20))
		spoil(f);
	if (family == 4 && pick(8) && f->len > f->ip + 20)
		fix_checksum(f);
}

/* SEED, or one of its own, printed. */
static inline void choose_seed(void)
{
	const char *seed = getenv("SEED");

	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 16 ^ getpid();
	printf("# SEED=%llu\n", (unsigned long long)state);
	fflush(stdout);
}

#endif

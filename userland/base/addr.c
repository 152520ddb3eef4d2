// SPDX-License-Identifier: GPL-2.0
#include "base/addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct addr addr_v4(uint32_t host_order)
{
	struct addr a = { .family = ADDR_V4 };
	uint32_t be = htonl(host_order);

	memcpy(a.bytes, &be, sizeof(be));
	return a;
}

uint32_t addr_v4_number(const struct addr *a)
{
	uint32_t be;

	memcpy(&be, a->bytes, sizeof(be));
	return ntohl(be);
}

struct addr addr_from_bytes(uint8_t family, const void *bytes)
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, addr_bits(family) / 8);
	return a;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == ADDR_V4 ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

int addr_parse(const char *text, struct addr *a)
{
	struct addr out = { 0 };

	if (inet_pton(AF_INET, text, out.bytes) == 1)
		out.family = ADDR_V4;
	else if (inet_pton(AF_INET6, text, out.bytes) == 1)
		out.family = ADDR_V6;
	else
		return -EINVAL;
	*a = out;
	return 0;
}

/* A number below 256 in decimal. Return: behind it. */
static char *put_byte(char *to, unsigned int n)
{
	if (n >= 100)
		*to++ = '0' + n / 100;
	if (n >= 10)
		*to++ = '0' + n / 10 % 10;
	*to++ = '0' + n % 10;
	return to;
}

/* Policies and tables are full of them: inet_ntop() formats each by printf. */
static void format_v4(const uint8_t *bytes, char *to)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (i)
			*to++ = '.';
		to = put_byte(to, bytes[i]);
	}
	*to = '\0';
}

char *addr_format(const struct addr *a, char *buf)
{
	if (a->family == ADDR_V4)
		format_v4(a->bytes, buf);
	else if (!inet_ntop(AF_INET6, a->bytes, buf, ADDR_STRLEN))
		buf[0] = '\0';
	return buf;
}

int prefix_parse(const char *text, struct prefix *p)
{
	const char *slash = strchr(text, '/');
	char head[ADDR_STRLEN];
	struct prefix out;
	unsigned long len;
	size_t n;
	char *end;

	n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, n);
	head[n] = '\0';
	if (addr_parse(head, &out.addr))
		return -EINVAL;
	len = addr_bits(out.addr.family);
	if (slash) {
		if (!isdigit((unsigned char)slash[1]))
			return -EINVAL;
		len = strtoul(slash + 1, &end, 10);
		if (*end || len > addr_bits(out.addr.family))
			return -EINVAL;
	}
	out.len = len;
	*p = prefix_canonical(out);
	return addr_equal(&p->addr, &out.addr) ? 0 : -EDOM;
}

char *prefix_format(const struct prefix *p, char *buf)
{
	char *end = buf + strlen(addr_format(&p->addr, buf));

	*end++ = '/';
	*put_byte(end, p->len) = '\0';
	return buf;
}

char *prefix_format_short(const struct prefix *p, char *buf)
{
	return p->len == addr_bits(p->addr.family) ? addr_format(&p->addr, buf) :
						     prefix_format(p, buf);
}

struct prefix prefix_canonical(struct prefix p)
{
	unsigned int byte = p.len / 8;

	if (p.len % 8) {
		p.addr.bytes[byte] &= 0xff << (8 - p.len % 8);
		byte++;
	}
	memset(p.addr.bytes + byte, 0, sizeof(p.addr.bytes) - byte);
	return p;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return prefix_cmp(a, b) == 0;
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int order = addr_cmp(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}

bool prefix_covers(const struct prefix *p, const struct addr *a)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	if (p->addr.family != a->family)
		return false;
	if (a->family == ADDR_V4 && p->len <= 32) {	/* asked rule by rule */
		uint64_t differ = addr_v4_number(&p->addr) ^ addr_v4_number(a);

		return !(differ >> (32 - p->len));
	}
	if (memcmp(p->addr.bytes, a->bytes, whole))
		return false;
	return !rest || !((p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest));
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_covers(outer, &inner->addr);
}

bool prefix_behind(const struct prefix *p, struct addr *a)
{
	unsigned int i = p->len;

	/* One is added to the bits of the prefix. */
	*a = p->addr;
	while (i) {
		uint8_t bit = 0x80 >> (--i & 7);

		a->bytes[i >> 3] ^= bit;
		if (a->bytes[i >> 3] & bit)
			return true;
	}
	return false;
}

/* The last address of a prefix. */
static struct addr prefix_last(const struct addr *first, unsigned int len)
{
	struct addr last = *first;

	for (unsigned int i = len; i < addr_bits(first->family); i++)
		last.bytes[i >> 3] |= 0x80 >> (i & 7);
	return last;
}

static void add_one(struct addr *a)
{
	for (unsigned int i = addr_bits(a->family) / 8; i-- && !++a->bytes[i];)
		;
}

/* From the front: each time the widest prefix that begins there, and does not go too far. */
void prefixes_between(const struct addr *first, const struct addr *last, struct vec *out)
{
	struct prefix p = { .addr = *first };
	struct addr end;

	for (;;) {
		p.len = addr_bits(first->family);
		end = p.addr;
		while (p.len && !addr_bit(&p.addr, p.len - 1)) {
			struct addr wider = prefix_last(&p.addr, p.len - 1);

			if (addr_cmp(&wider, last) > 0)
				break;
			end = wider;
			p.len--;
		}
		vec_append(out, &p);
		if (addr_equal(&end, last))
			return;
		p.addr = end;
		add_one(&p.addr);
	}
}

int mac_parse(const char *text, uint8_t mac[6])
{
	unsigned int b[6];
	int used = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &used) != 6 || text[used])
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		mac[i] = b[i];
	return 0;
}

char *mac_format(const uint8_t mac[6], char *buf)
{
	sprintf(buf, "%02x:%02x:%02x:%02x:%02x:%02x",
		mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

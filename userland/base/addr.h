/* SPDX-License-Identifier: GPL-2.0 */
/*
 * addr.h: addresses and prefixes of either family.
 *
 * One type for both families keeps every caller from saying everything twice.
 * Bytes are in network order; an IPv4 address stands in the first four bytes and
 * the rest are zero, so two addresses are equal exactly if their bytes are.
 */
#ifndef SLUICE_BASE_ADDR_H
#define SLUICE_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

struct vec;

#define ADDR_STRLEN	46	/* INET6_ADDRSTRLEN */
#define PREFIX_STRLEN	(ADDR_STRLEN + 4)
#define MAC_STRLEN	18

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t family;		/* enum addr_family */
	uint8_t bytes[16];	/* network order; IPv4 in bytes[0..3] */
};

struct prefix {
	struct addr addr;	/* bits past @len are zero in a canonical prefix */
	uint8_t len;		/* 0..32 or 0..128 */
};

/** addr_bits() - width of an address of @family: 32 or 128. */
static inline unsigned int addr_bits(uint8_t family)
{
	return family == ADDR_V4 ? 32 : 128;
}

/** addr_bit() - bit @i of @a, 0 the most significant. */
static inline unsigned int addr_bit(const struct addr *a, unsigned int i)
{
	return a->bytes[i >> 3] >> (7 - (i & 7)) & 1;
}

/** addr_v4() - an IPv4 address from a number in host order. */
struct addr addr_v4(uint32_t host_order);

/** addr_v4_number() - the first four bytes of @a as a number in host order. */
uint32_t addr_v4_number(const struct addr *a);

/** addr_from_bytes() - copies 4 or 16 bytes in network order. */
struct addr addr_from_bytes(uint8_t family, const void *bytes);

bool addr_equal(const struct addr *a, const struct addr *b);

/** addr_cmp() - order by family, then by number. */
int addr_cmp(const struct addr *a, const struct addr *b);

/** addr_is_multicast() - 224.0.0.0/4 or ff00::/8. */
bool addr_is_multicast(const struct addr *a);

/**
 * addr_parse() - reads "192.0.2.1" or "2001:db8::1".
 * Return: 0, or -EINVAL with *@a untouched. No surrounding space is taken.
 */
int addr_parse(const char *text, struct addr *a);

/** addr_format() - writes at most ADDR_STRLEN bytes into @buf and returns it. */
char *addr_format(const struct addr *a, char *buf);

/**
 * prefix_parse() - reads "192.0.2.0/24"; a bare address is a host prefix.
 * Return: 0; -EINVAL if it is not a prefix; -EDOM if bits are set past the
 * length (the canonical form is still stored, so that a hint can show it).
 */
int prefix_parse(const char *text, struct prefix *p);

/** prefix_format() - writes at most PREFIX_STRLEN bytes into @buf and returns it. */
char *prefix_format(const struct prefix *p, char *buf);

/** prefix_format_short() - the same, as policies write it: a host prefix is an address. */
char *prefix_format_short(const struct prefix *p, char *buf);

/** prefix_canonical() - @p with the bits past its length cleared. */
struct prefix prefix_canonical(struct prefix p);

/** prefix_host() - the prefix of @a alone. */
static inline struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = addr_bits(a->family) };
}

/** prefix_is_host() - whether @p has one address only. */
static inline bool prefix_is_host(const struct prefix *p)
{
	return p->len == addr_bits(p->addr.family);
}

/** prefix_all() - the prefix of all addresses of @family. */
static inline struct prefix prefix_all(uint8_t family)
{
	return (struct prefix){ .addr.family = family };
}

/** prefix_shortened() - the prefix of @len around @p, which is not shorter. */
static inline struct prefix prefix_shortened(const struct prefix *p, unsigned int len)
{
	return prefix_canonical((struct prefix){ .addr = p->addr, .len = len });
}

bool prefix_equal(const struct prefix *a, const struct prefix *b);

/** prefix_cmp() - by family, address, then length: a parent sorts before its children. */
int prefix_cmp(const struct prefix *a, const struct prefix *b);

/** prefix_covers() - whether @a lies in @p. */
bool prefix_covers(const struct prefix *p, const struct addr *a);

/** prefix_contains() - whether every address of @inner lies in @outer. */
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);

/** prefix_behind() - @a becomes the first address behind those of @p. Return: false if there is none. */
bool prefix_behind(const struct prefix *p, struct addr *a);

/**
 * prefixes_between() - the fewest prefixes that have all addresses from @first to @last, and no
 * others: appended to @out, a vec of struct prefix, in their order. At most 254 of them.
 * @first, @last: of one family, and not the other way round.
 */
void prefixes_between(const struct addr *first, const struct addr *last, struct vec *out);

/** mac_parse() - reads "02:00:00:00:00:01". Return: 0 or -EINVAL. */
int mac_parse(const char *text, uint8_t mac[6]);

/** mac_format() - writes MAC_STRLEN bytes into @buf and returns it. */
char *mac_format(const uint8_t mac[6], char *buf);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lpm.bpf.h: the walk through a route table (layout: bpf/lpm.h).
 *
 * Binary search on prefix lengths (Waldvogel et al., SIGCOMM 1997), after
 * controlled prefix expansion (Srinivasan, Varghese 1998) has cut the lengths to
 * so few that the search is a matter of two or three cache lines:
 *
 *   IPv4  18 bits index dir: a result, or a node for the next 6 bits; its result,
 *	   or a kid for the last 8. A packed node is one line: a bit for each run of
 *	   equal results, whose count up to here gives the place of the result.
 *	   Fixed tables have a first level of 16 bits, or of 8 if they are small, and nodes of 8
 *	   bits below it, or a few prefixes to compare with.
 *   IPv6  nodes of 8 bits at /0, /8 .. /40, hashed by (prefix, level). A node
 *	   exists where the table has prefixes that end in it, and holds for each of
 *	   its 256 slots the longest match, shorter prefixes included: so the deepest
 *	   node that exists for an address has the answer. Levels 40, 32 and 24 are
 *	   looked up side by side, rather than one after the other as in a search: the
 *	   three index words come from L2 and tell by 11 bits of hash which exists, so
 *	   that mostly a single node of the large area is fetched. Beyond /48 a kid
 *	   leads on; kids skip the levels at which nothing branches.
 *
 * The same text is native C and BPF. A reader takes no lock. All that a word
 * refers to is complete and stays; what a reader needs from several words (three
 * levels, and the default route beside them) might come from different moments,
 * so it looks whether the table's version is still the same, and else starts over.
 *
 * All accesses are masked with constants of the shape, or compared with them, which the
 * verifier knows. Functions with @wide are inlined for each width; the look-ups choose one by
 * the shape.
 */
#ifndef SLUICE_LPM_BPF_H
#define SLUICE_LPM_BPF_H

#include "bpf/lpm.h"

#define LPM_INLINE_FN	static inline __attribute__((always_inline))
#define LPM_NOINLINE_FN	static __attribute__((noinline, unused))
#define LPM_LOAD(x)	(*(const volatile __typeof__(x) *)&(x))
/* Keeps what is computed without branches from being turned back into branches. */
#define LPM_OPAQUE(x)	asm volatile("" : "+r"(x))

#if defined(__POPCNT__) && !defined(__bpf__)
#define lpm_popcount(x)	((__u32)__builtin_popcountll(x))
#else
LPM_INLINE_FN __u32 lpm_popcount(__u64 x)
{
	x -= x >> 1 & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return x * 0x0101010101010101ull >> 56;
}
#endif

/* What is at @offset of the nodes area. */
LPM_INLINE_FN const __u8 *lpm_offset(const __u8 *table, const volatile struct lpm_shape *s,
				     __u64 offset, int wide)
{
	if (!wide)
		return table + s->nodes + (offset & s->nodes_mask);
	if (offset > s->nodes_last)
		offset = 0;
	return table + s->nodes + offset;
}

/* A node by its offset in bytes; what flags the word has beside it the mask takes away. */
LPM_INLINE_FN const void *lpm_at(const __u8 *table, const volatile struct lpm_shape *s, __u32 word,
				 int wide)
{
	return lpm_offset(table, s, word & ~(LPM_LINE - 1), wide);
}

/* A line of the nodes area. */
LPM_INLINE_FN const void *lpm_line(const __u8 *table, const volatile struct lpm_shape *s,
				   __u32 line, int wide)
{
	return lpm_offset(table, s, (__u64)line * LPM_LINE, wide);
}

/* The @i-th of the results at @results. */
LPM_INLINE_FN __u32 lpm_slot_at(const void *results, __u32 i, int wide)
{
	return wide ? ((const lpm_wide_slot *)results)[i] : ((const lpm_slot *)results)[i];
}

/* Whether a result refers on to a kid. */
LPM_INLINE_FN __u32 lpm_is_kid(__u32 result, int wide)
{
	return result & (wide ? LPM_WIDE_KID : LPM_KID);
}

/* Which run of the node slot @i, 0 .. 255, is in. */
LPM_INLINE_FN __u32 lpm_node_run(const struct lpm_node *n, __u32 i)
{
	__u64 upto = (2ull << (i & 63)) - 1;

	return (n->before[i >> 6] + lpm_popcount(n->runs[i >> 6] & upto) - 1) & 255;
}

/* The result in slot @i of a node that is not a deep one; a kid is possible. */
LPM_INLINE_FN __u32 lpm_node_result(const struct lpm_node *n, __u32 i, int wide)
{
	return lpm_slot_at((const __u8 *)n + __builtin_offsetof(struct lpm_node, result),
			   lpm_node_run(n, i), wide);
}

/* The line of the kid that @result, which is one, names. */
LPM_INLINE_FN __u32 lpm_node_kid(const struct lpm_node *n, __u32 result, int wide)
{
	if (wide)
		return result & LPM_WIDE_MAX;
	return *(const __u32 *)((const __u8 *)n + (n->kids & 0x3fc) + 4 * (result & 255));
}

LPM_INLINE_FN const struct lpm_head *lpm_head(const __u8 *table)
{
	return (const struct lpm_head *)table;
}

/* The default route's result of table @number. */
LPM_INLINE_FN __u32 lpm_fallback(const __u8 *table, const volatile struct lpm_shape *s,
				 __u32 number)
{
	return LPM_LOAD((&lpm_head(table)->fallback)[number & s->tables_mask]);
}

/* ---- IPv4 --------------------------------------------------------------- */

/* Longer than /24. @kid: the line of the node. */
LPM_INLINE_FN __u32 lpm4_kid(const __u8 *table, const volatile struct lpm_shape *s, __u32 kid,
			     __u32 addr)
{
	return lpm_node_result(lpm_line(table, s, kid, 0), addr & 0xff, 0);
}

/* The same. @word: of the full node; @result: with LPM_KID. */
LPM_INLINE_FN __u32 lpm4_full_kid(const __u8 *table, const volatile struct lpm_shape *s, __u32 word,
				  __u32 addr, __u32 result)
{
	__u32 at = (word & LPM_DIR_NODE) + sizeof(struct lpm_full) +
		   4 * (result & LPM_RESULT_MAX);

	return lpm4_kid(table, s, *(const __u32 *)lpm_offset(table, s, at & ~3u, 0), addr);
}

LPM_INLINE_FN __u32 lpm4_walk_narrow(const __u8 *table, const volatile struct lpm_shape *s,
				     __u32 number, __u32 addr)
{
	const __u32 *dir = (const __u32 *)(table + s->dir);
	__u32 block = (number & s->tables_mask) << LPM_DIR_BITS, word;
	__u32 i = addr >> 8 & 63;

	/* Added, not or-ed, as clang would have it: Linux 6.1 does not know what or-ed 32-bit numbers can be. */
	if (!__builtin_constant_p(number))
		LPM_OPAQUE(block);
	block += addr >> (32 - LPM_DIR_BITS);
	word = LPM_LOAD(dir[block]);

	if (word & LPM_DIR_PACKED) {
		const struct lpm_packed *n = lpm_at(table, s, word, 0);
		__u32 rank = lpm_popcount(n->runs << (63 - i));

		/* The first run starts at 0, so rank is 1 .. 28: the slot before result[rank]. */
		__u32 result = *(const lpm_slot *)((const __u8 *)n + 6 + 2 * (rank & 31));

		if (result & LPM_KID)
			return lpm4_kid(table, s, ((const __u32 *)n)[~result & 15], addr);
		return result;
	}
	if (word & LPM_DIR_FULL) {
		const struct lpm_full *n = lpm_at(table, s, word, 0);
		__u32 result = n->result[i];

		return result & LPM_KID ? lpm4_full_kid(table, s, word, addr, result) : result;
	}
	return word;
}

/* What the leaf that @word names says of @addr: a result, or the next leaf. */
LPM_INLINE_FN __u32 lpm4_leaf(const __u8 *table, const volatile struct lpm_shape *s, __u32 word,
			      __u32 addr)
{
	__u32 number = word & (LPM_WIDE_LEAF - 1);
	const struct lpm_leaf *leaf = (const struct lpm_leaf *)
		lpm_line(table, s, number / LPM_LEAVES, 1) + number % LPM_LEAVES;
	/* All ones where the prefix has the address: no branch, nobody could foretell it. */
	__u64 has = ((__u64)((addr ^ leaf->prefix) & leaf->mask) - 1) >> 32;

	LPM_OPAQUE(has);
	return leaf->otherwise ^ ((leaf->otherwise ^ leaf->result) & (__u32)has);
}

/* @bits: of the first level. */
LPM_INLINE_FN __u32 lpm4_walk_wide(const __u8 *table, const volatile struct lpm_shape *s, __u32 addr,
				   __u32 bits)
{
	const __u32 *dir = (const __u32 *)(table + s->dir);
	__u32 word = LPM_LOAD(dir[addr >> (32 - bits)]);

	for (__u32 level = bits; level < 32; level += 8) {
		if (!lpm_is_kid(word, 1) || word & LPM_WIDE_LEAF)
			break;
		word = lpm_node_result(lpm_line(table, s, word & LPM_WIDE_MAX, 1),
				       addr >> (24 - level) & 0xff, 1);
	}
	for (__u32 i = 0; i < LPM_LEAVES; i++) {
		if (!lpm_is_kid(word, 1))
			break;
		word = lpm4_leaf(table, s, word, addr);
	}
	return word;
}

LPM_INLINE_FN __u32 lpm4_walk(const __u8 *table, const volatile struct lpm_shape *s, __u32 number,
			      __u32 addr)
{
	if (!s->wide)
		return lpm4_walk_narrow(table, s, number, addr);
	if (s->dir_bits == LPM_DIR_BITS_SMALL)
		return lpm4_walk_wide(table, s, addr, LPM_DIR_BITS_SMALL);
	return lpm4_walk_wide(table, s, addr, LPM_DIR_BITS_FIXED);
}

/* No longer prefix matches, or none did while the table changed. */
LPM_NOINLINE_FN __u32 lpm4_again(const __u8 *table, const volatile struct lpm_shape *s,
				 __u32 number, __u32 addr)
{
	__u32 result = 0;

	for (int i = 0; i < 8; i++) {
		__u32 version = LPM_LOAD(lpm_head(table)->version);

		result = lpm4_walk(table, s, number, addr);
		if (!result)
			result = lpm_fallback(table, s, number);
		if (LPM_LOAD(lpm_head(table)->version) == version)
			break;
	}
	return result;
}

/**
 * lpm4_lookup_in() - the longest match of @addr, in host order, in table @number of those at
 * @table.
 * Return: its result, 0 if there is none. A number beyond the shape's is taken modulo their count.
 */
LPM_INLINE_FN __u32 lpm4_lookup_in(const __u8 *table, const volatile struct lpm_shape *s,
				   __u32 number, __u32 addr)
{
	__u32 version = LPM_LOAD(lpm_head(table)->version);
	__u32 result = lpm4_walk(table, s, number, addr);

	if (result)
		return result;
	result = lpm_fallback(table, s, number);
	if (LPM_LOAD(lpm_head(table)->version) == version)
		return result;
	return lpm4_again(table, s, number, addr);
}

/** lpm4_lookup() - lpm4_lookup_in() of table 0, which costs nothing for there being others. */
LPM_INLINE_FN __u32 lpm4_lookup(const __u8 *table, const volatile struct lpm_shape *s, __u32 addr)
{
	return lpm4_lookup_in(table, s, 0, addr);
}

/* ---- IPv6 --------------------------------------------------------------- */

#define LPM_HASH_1	0x9e3779b97f4a7c15ull
#define LPM_HASH_2	0xc2b2ae3d27d4eb4full
#define LPM_HASH_3	0xd6e8feb86659fd93ull

LPM_INLINE_FN __u64 lpm6_key(__u64 hi, __u32 level)
{
	return (hi & ~(~0ull >> level)) | level;
}

LPM_INLINE_FN __u64 lpm6_hash(__u64 key)
{
	__u64 h = key * LPM_HASH_1;

	return h ^ h >> 32;
}

/* What is added to the hash of a key, without carry, where the node is of table @number. */
LPM_INLINE_FN __u64 lpm6_salt(__u32 number)
{
	return number * LPM_HASH_3;
}

/* Which seed, of all stages'. The tag has other bits of the hash than that. */
LPM_INLINE_FN __u64 lpm6_bucket(const struct lpm_head *h, __u64 hash)
{
	return (hash >> (LPM_LOAD(h->seeds_shift) & 63)) + LPM_LOAD(h->seeds_first);
}

/* @hash: without salt. */
LPM_INLINE_FN __u32 lpm6_tag(__u64 hash, __u32 number)
{
	return (hash >> 8 ^ (__u64)number << LPM_INDEX_TABLE_SHIFT) & LPM_INDEX_TAG;
}

/* Which word, of all stages'. */
LPM_INLINE_FN __u64 lpm6_place(const struct lpm_head *h, __u64 hash, __u32 seed)
{
	return ((hash ^ seed) * LPM_HASH_2 >> (LPM_LOAD(h->index_shift) & 63)) +
	       LPM_LOAD(h->index_first);
}

/* The index word where the node with this hash is, if there is one. */
LPM_INLINE_FN __u32 lpm6_word(const __u8 *table, const volatile struct lpm_shape *s, __u64 hash)
{
	const __u16 *seeds = (const __u16 *)(table + s->seeds);
	const __u32 *index = (const __u32 *)(table + s->index);
	const struct lpm_head *h = lpm_head(table);
	__u32 seed = LPM_LOAD(seeds[lpm6_bucket(h, hash) & s->seeds_mask]);

	return LPM_LOAD(index[lpm6_place(h, hash, seed) & s->index_mask]);
}

/* The node that an index word names. */
LPM_INLINE_FN const struct lpm_node *lpm6_node(const __u8 *table, const volatile struct lpm_shape *s,
					       __u32 word, int wide)
{
	return lpm_at(table, s, wide ? word & LPM_INDEX_NODE : word, wide);
}

LPM_INLINE_FN __u32 lpm6_deep_as(const __u8 *table, const volatile struct lpm_shape *s, __u64 hi,
				 __u64 lo, __u32 kid, int wide)
{
	__u32 result = 0;

	for (int i = 0; i < 11; i++) {
		const struct lpm_node *n = lpm_line(table, s, kid, wide);
		__u32 level = n->level & 127;
		__u64 hi_mask = level < 64 ? ~(~0ull >> level) : ~0ull;
		__u64 lo_mask = level > 64 ? ~(~0ull >> (level - 64)) : 0;
		__u32 at = level < 64 ? hi >> (56 - level) & 0xff : lo >> (120 - level) & 0xff;

		if ((hi & hi_mask) != n->key || (lo & lo_mask) != n->low)
			return wide ? n->otherwise_wide : n->otherwise;
		result = lpm_slot_at((const __u8 *)n +
				     (wide ? __builtin_offsetof(struct lpm_node, deep_wide) :
					     __builtin_offsetof(struct lpm_node, deep)),
				     lpm_node_run(n, at), wide);
		if (!lpm_is_kid(result, wide))
			break;
		kid = lpm_node_kid(n, result, wide);
	}
	return result;
}

/* Longer than /48: from kid to kid. A function for each width, so that its frame is small. */
LPM_NOINLINE_FN __u32 lpm6_deep_narrow(const __u8 *table, const volatile struct lpm_shape *s, __u64 hi,
				       __u64 lo, __u32 kid)
{
	return lpm6_deep_as(table, s, hi, lo, kid, 0);
}

LPM_NOINLINE_FN __u32 lpm6_deep_wide(const __u8 *table, const volatile struct lpm_shape *s, __u64 hi,
				     __u64 lo, __u32 kid)
{
	return lpm6_deep_as(table, s, hi, lo, kid, 1);
}

LPM_INLINE_FN __u32 lpm6_deep(const __u8 *table, const volatile struct lpm_shape *s, __u64 hi,
			      __u64 lo, __u32 kid, int wide)
{
	return wide ? lpm6_deep_wide(table, s, hi, lo, kid) : lpm6_deep_narrow(table, s, hi, lo, kid);
}

LPM_INLINE_FN __u32 lpm6_again_as(const __u8 *table, const volatile struct lpm_shape *s,
				  __u32 number, __u64 hi, __u64 lo, int wide)
{
	__u64 salt = lpm6_salt(number);
	__u32 result = 0;

	for (int i = 0; i < 8; i++) {
		__u32 version = LPM_LOAD(lpm_head(table)->version);

		result = 0;
		for (int level = 40; level >= 0; level -= 8) {
			__u64 key = lpm6_key(hi, level), hash = lpm6_hash(key);
			__u32 word = lpm6_word(table, s, hash ^ salt);
			const struct lpm_node *n = lpm6_node(table, s, word, wide);

			if (!word || (word ^ lpm6_tag(hash, number)) & LPM_INDEX_TAG ||
			    n->key != key)
				continue;
			result = lpm_node_result(n, hi >> (56 - level) & 0xff, wide);
			if (lpm_is_kid(result, wide))
				result = lpm6_deep(table, s, hi, lo,
						   lpm_node_kid(n, result, wide), wide);
			break;
		}
		if (!result)
			result = lpm_fallback(table, s, number);
		if (version & 1)
			return 0;	/* being built: no route yet */
		if (LPM_LOAD(lpm_head(table)->version) == version)
			break;
	}
	return result;
}

/* One level after the other: where the short way found no node, or the table changed. */
LPM_NOINLINE_FN __u32 lpm6_again_narrow(const __u8 *table, const volatile struct lpm_shape *s,
					__u32 number, __u64 hi, __u64 lo)
{
	return lpm6_again_as(table, s, number, hi, lo, 0);
}

LPM_NOINLINE_FN __u32 lpm6_again_wide(const __u8 *table, const volatile struct lpm_shape *s,
				      __u32 number, __u64 hi, __u64 lo)
{
	return lpm6_again_as(table, s, number, hi, lo, 1);
}

LPM_INLINE_FN __u32 lpm6_again(const __u8 *table, const volatile struct lpm_shape *s, __u32 number,
			       __u64 hi, __u64 lo, int wide)
{
	return wide ? lpm6_again_wide(table, s, number, hi, lo) :
		      lpm6_again_narrow(table, s, number, hi, lo);
}

LPM_INLINE_FN __u32 lpm6_lookup_as(const __u8 *table, const volatile struct lpm_shape *s,
				   __u32 number, __u64 hi, __u64 lo, int wide)
{
	__u32 version = LPM_LOAD(lpm_head(table)->version);
	__u64 key = lpm6_key(hi, 40), key32 = lpm6_key(hi, 32), key24 = lpm6_key(hi, 24);
	__u64 hash40 = lpm6_hash(key), hash32 = lpm6_hash(key32), hash24 = lpm6_hash(key24);
	__u64 salt = lpm6_salt(number);
	__u32 word = lpm6_word(table, s, hash40 ^ salt);
	__u32 word32 = lpm6_word(table, s, hash32 ^ salt);
	__u32 word24 = lpm6_word(table, s, hash24 ^ salt);
	__u64 is40 = (word ^ lpm6_tag(hash40, number)) & LPM_INDEX_TAG;
	__u64 is32 = (word32 ^ lpm6_tag(hash32, number)) & LPM_INDEX_TAG;
	__u64 not24 = (word24 ^ lpm6_tag(hash24, number)) & LPM_INDEX_TAG;
	const struct lpm_node *n;
	__u32 result;

	/* The longest that seems to be there; a branch would be guessed wrong every other time. */
	is40 = (__s64)(is40 - 1) >> 63;
	is32 = (__s64)(is32 - 1) >> 63;
	LPM_OPAQUE(is40);
	LPM_OPAQUE(is32);
	word24 ^= (word24 ^ word32) & is32;
	key24 ^= (key24 ^ key32) & is32;
	word = word24 ^ ((word24 ^ word) & is40);
	key = key24 ^ ((key24 ^ key) & is40);
	not24 &= ~(is40 | is32);

	n = lpm6_node(table, s, word, wide);
	/* A long node's results are mostly in the line behind: both come at the same time. */
	(void)*((const volatile __u64 *)n + ((word & LPM_INDEX_LONG) >> 2));
	if ((n->key ^ key) | not24)
		return lpm6_again(table, s, number, hi, lo, wide);
	result = lpm_node_result(n, hi >> (56 - (key & 63)) & 0xff, wide);
	if (lpm_is_kid(result, wide))
		result = lpm6_deep(table, s, hi, lo, lpm_node_kid(n, result, wide), wide);
	if (!result)
		result = lpm_fallback(table, s, number);
	if (version & 1 || LPM_LOAD(lpm_head(table)->version) != version)
		return lpm6_again(table, s, number, hi, lo, wide);
	return result;
}

/**
 * lpm6_lookup_in() - the longest match of an address, given as two numbers in host
 * order, the first 64 bits and the last, in table @number of those at @table.
 * Return: its result, 0 if there is none. A number beyond the shape's finds nothing.
 */
LPM_INLINE_FN __u32 lpm6_lookup_in(const __u8 *table, const volatile struct lpm_shape *s,
				   __u32 number, __u64 hi, __u64 lo)
{
	return s->wide ? lpm6_lookup_as(table, s, number, hi, lo, 1) :
			 lpm6_lookup_as(table, s, number, hi, lo, 0);
}

/** lpm6_lookup() - lpm6_lookup_in() of table 0. */
LPM_INLINE_FN __u32 lpm6_lookup(const __u8 *table, const volatile struct lpm_shape *s, __u64 hi,
				__u64 lo)
{
	return lpm6_lookup_in(table, s, 0, hi, lo);
}

/* ---- the tables of the data path ------------------------------------------ */

#ifdef __bpf__
/*
 * One map each, a section of its own (".data.lpm4", ".data.lpm6": libbpf 1.1 knows no
 * ".bss.*"). Only an anchor is declared, as in bpf/maps.bpf.h: the loader creates maps of
 * shape.bytes (array, one value, mmapable), puts them in the sections' place before
 * loading (datapath/map.h, map_reuse()), and sets the shapes.
 */
#ifndef LPM_NO_TABLES
char lpm4_anchor[8] __attribute__((section(".data.lpm4")));
char lpm6_anchor[8] __attribute__((section(".data.lpm6")));
const volatile struct lpm_shape lpm4_shape;
const volatile struct lpm_shape lpm6_shape;

/*
 * lpm4(), lpm6() - look an address up, in host order, in a table by its number. Its results are
 * not wide: those of routes never are, and what is not compiled in takes no stack.
 */
LPM_INLINE_FN __u32 lpm4(__u32 number, __u32 addr)
{
	const __u8 *table = (const __u8 *)lpm4_anchor;

	asm("" : "+r"(table));
	return lpm4_lookup_in(table, &lpm4_shape, number, addr);
}

LPM_INLINE_FN __u32 lpm6(__u32 number, __u64 hi, __u64 lo)
{
	const __u8 *table = (const __u8 *)lpm6_anchor;

	asm("" : "+r"(table));
	return lpm6_lookup_as(table, &lpm6_shape, number, hi, lo, 0);
}
#endif
#endif

#endif

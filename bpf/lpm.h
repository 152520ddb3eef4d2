/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lpm.h: the layout of a route table: one piece of memory, written by
 * userland/lpm, walked by bpf/lpm.bpf.h, in BPF and natively.
 *
 * A table is one value of an array map (".data.lpm4", ".data.lpm6"): mmapped by
 * userland, so that a change costs no system call. It has these areas, each at
 * the offset that its shape names:
 *
 *	head	one line: what changes for the table as a whole
 *	dir	IPv4: a word for each of the 2^18 blocks of /18 (in fixed tables of /16, or /8)
 *		of each table
 *	seeds	IPv6: perfect hash, first step: a 16-bit seed for each bucket
 *	index	IPv6: perfect hash, second step: a word for each node
 *	nodes	lines of 64 bytes, and blocks of results
 *
 * Several tables (VRFs) may lie in one piece of memory, under numbers from 0: each has a dir and
 * a default route of its own; nodes are found by (table, prefix, level), and lie in one area, where
 * equal ones are the same.
 *
 * Words refer to nodes by their offset in the nodes area. A node is
 * never changed while a word refers to it: another is written, then the word.
 *
 * Results are 16 bits wide: 0 is no route, 1 .. LPM_RESULT_MAX a route's result;
 * in a node, LPM_KID | k refers on to the node's k-th kid, for longer prefixes. Where
 * shape.wide says so they are 32 bits: 1 .. LPM_WIDE_MAX, or LPM_WIDE_KID | the line of a
 * kid, so that a node lists none; for IPv4 with LPM_WIDE_LEAF the number of a leaf. A program has
 * the shape as a constant, so that the verifier leaves it the code for one width only.
 *
 * A fixed table (lpm_fixed()) is made once, for prefixes that do not change while programs
 * read it: it has no room for more, and lies as close as it can.
 */
#ifndef SLUICE_BPF_LPM_H
#define SLUICE_BPF_LPM_H

#include <linux/types.h>

typedef __u16 lpm_slot;		/* a result as it lies in a node */
typedef __u32 lpm_wide_slot;	/* a wide one */

#define LPM_RESULT_MAX	32767
#define LPM_KID		0x8000u
#define LPM_WIDE_MAX	0x7fffffffu
#define LPM_WIDE_KID	0x80000000u
#define LPM_WIDE_LEAF	0x40000000u	/* beside it, IPv4: no node, but a leaf */

/* The most that one table may take: what the programs declare. */
#define LPM4_BYTES_MAX	(68u << 20)
#define LPM6_BYTES_MAX	(72u << 20)

#define LPM_LINE	64u	/* bytes */
#define LPM_TABLES_MAX	64u	/* in one piece of memory */

/*
 * How large a table's areas are and where: .rodata of the programs (constants to
 * the verifier, so that it sees the masks keep within the map), filled by
 * lpm_sizes(). All in bytes from the table's start unless they say otherwise.
 */
struct lpm_shape {
	__u32 bytes;		/* all of it: the map's value size; whole pages */
	__u32 dir;
	__u32 seeds;
	__u32 seeds_mask;	/* seeds of all stages, a power of two, less one */
	__u32 index;
	__u32 index_mask;	/* words of all stages, likewise */
	__u32 nodes;
	__u32 nodes_mask;	/* bytes of the nodes area, a power of two, less one */
	__u32 wide;		/* results are of 32 bits */
	__u32 dir_bits;		/* IPv4, wide: of the first level, LPM_DIR_BITS_FIXED or .._SMALL */
	__u32 nodes_last;	/* wide results, instead of the mask: the offset of the last line */
	__u32 tables_mask;	/* how many tables there are, a power of two, less one */
};

struct lpm_head {
	__u32 version;		/* odd while a change that takes several words is under way */
	/*
	 * IPv6: the hash grows by stages, so that it is never larger in the caches than
	 * its nodes need: one of n seeds or words is at [n, 2n).
	 */
	__u32 seeds_shift;	/* 64 - log2 of how many */
	__u32 seeds_first;	/* how many, and where they begin */
	__u32 index_shift;
	__u32 index_first;
	__u32 reserved[10];
	__u32 fallback;		/* the default route's result: what 0 stands for; behind it other tables' */
};
_Static_assert(sizeof(struct lpm_head) == LPM_LINE, "lpm_head");

/*
 * IPv4, first level. A word of dir below LPM_DIR_FULL is a result; else it refers
 * to a node for the next 6 bits, packed or full: low bits, in bytes.
 */
#define LPM_DIR_BITS	18
#define LPM_DIR_FULL	0x40000000u
#define LPM_DIR_PACKED	0x80000000u
#define LPM_DIR_NODE	0x07ffffc0u

/* Where results are wide a word of dir is what a slot of a node is; the next level has 8 bits. */
#define LPM_DIR_BITS_FIXED	16
#define LPM_DIR_BITS_SMALL	8

/*
 * At most LPM_PACKED runs of equal results; bit i of runs: one starts at i. A kid's line takes the
 * room of two results, the first one at the end of the node.
 */
#define LPM_PACKED	28
struct lpm_packed {
	__u64 runs;
	lpm_slot result[LPM_PACKED];
};
_Static_assert(sizeof(struct lpm_packed) == LPM_LINE, "lpm_packed");

/* Two lines of results, and behind them the kids, as many as there are. */
struct lpm_full {
	lpm_slot result[64];
	__u32 kid[];		/* lines: a struct lpm_node */
};

/*
 * A node for 8 bits, both families. Its results lie one behind the other at its end, and
 * go on behind it, so that a reader can ask for the next line before it has seen this
 * one. Kids, 32-bit words, lie behind the results, unless those are wide.
 */
#define LPM_INLINE	8	/* results that fit into the line */
#define LPM_INLINE_DEEP	2
struct lpm_node {
	__u64 runs[4];		/* bit i of all: a run starts at i */
	__u64 key;		/* IPv6: first 64 bits of the prefix; level in the low byte if <= 40 */
	__u32 kids;		/* where the kids are, in bytes from the node's start */
	__u8 before[4];		/* runs that start in earlier words of runs */
	union {
		lpm_slot result[LPM_INLINE];
		lpm_wide_slot wide[LPM_INLINE / 2];
		struct {	/* IPv6 from level 48 on, where levels may be skipped */
			__u64 low;		/* last 64 bits of the prefix */
			lpm_slot otherwise;	/* result where the address is not in the prefix */
			__u8 level;		/* bits of the prefix: a multiple of 8 */
			__u8 pad;
			union {
				lpm_slot deep[LPM_INLINE_DEEP];
				lpm_wide_slot otherwise_wide;
			};
			lpm_wide_slot deep_wide[0];	/* in the next line */
		};
	};
};
_Static_assert(sizeof(struct lpm_node) == LPM_LINE, "lpm_node");

/*
 * Where few prefixes are longer than a slot, IPv4 with wide results: each has a leaf, the longest
 * first, and what has none of them has the last one's otherwise. Four leaves are a line;
 * those of one slot lie in the same.
 */
struct lpm_leaf {
	__u32 prefix, mask;	/* in host order */
	lpm_wide_slot result;
	lpm_wide_slot otherwise;	/* or LPM_WIDE_KID | LPM_WIDE_LEAF | the next leaf */
};
_Static_assert(sizeof(struct lpm_leaf) == LPM_LINE / 4, "lpm_leaf");
#define LPM_LEAVES	4u	/* of a line */

/*
 * IPv6: a word of the index: where the node is, in bytes; LPM_INDEX_LONG if it is longer
 * than its line; and, at both ends, bits of its hash, the table's number added to those above
 * without carry: tables that have a node for the same prefix have different tags for it, so tag
 * and key together say that a word is this table's. 0: none.
 */
#define LPM_INDEX_NODE	0x03ffffc0u
#define LPM_INDEX_LONG	0x00000020u
#define LPM_INDEX_TAG	0xfc00001fu
#define LPM_INDEX_TABLE_SHIFT 26
_Static_assert(LPM_TABLES_MAX <= 1u << (32 - LPM_INDEX_TABLE_SHIFT), "lpm_index");

#endif

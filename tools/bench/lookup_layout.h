/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lookup_layout.h: what the look-up benchmark's programs and its userland agree on.
 */
#ifndef SLUICE_BENCH_LOOKUP_LAYOUT_H
#define SLUICE_BENCH_LOOKUP_LAYOUT_H

#include <linux/types.h>

#define STREAM	(1u << 18)	/* addresses of a stream */

/* One turn: addresses first .. first + count - 1 of the stream, wrapped. */
struct turn {
	__u32 first, count;
	__u32 dependent;	/* each address waits for the result before it */
	__u32 zero;		/* 0, which no compiler knows */
	__u64 sum;		/* out: of the results */
};

/*
 * DIR-24-8 (Gupta, Lin, McKeown, INFOCOM 1998), as small as it gets: 16-bit words,
 * DIR_LONG and the number of 256 results for what is longer than /24.
 */
#define DIR_LONG	0x8000u
#define DIR_LONG_MAX	16384u	/* blocks of 256 */
#define DIR_WORDS	((1u << 24) + DIR_LONG_MAX * 256)
#define DIR_PER_VALUE	32u	/* in the ARRAY map: a value is one line */

/* The textbook search: tables[len] are hashes of (bits, len). */
#define TWIN_LENGTHS	129
struct twin_value {
	__u8 rope[8];
	__u32 best;
};

#endif

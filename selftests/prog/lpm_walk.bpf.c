// SPDX-License-Identifier: GPL-2.0
/*
 * lpm_walk.bpf.c: looks up all addresses of a list, inside XDP, and leaves the answers.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lpm.bpf.h"

#define ADDRESSES 65536

__u32 family;
__u32 number;	/* of the table */
__u64 address[ADDRESSES][2];
__u32 answer[ADDRESSES];

/* As lpm4() and lpm6(), whatever the width. */
static __u32 look4(__u32 addr)
{
	const __u8 *table = (const __u8 *)lpm4_anchor;

	asm("" : "+r"(table));
	return lpm4_lookup_in(table, &lpm4_shape, number, addr);
}

static __u32 look6(__u64 hi, __u64 lo)
{
	const __u8 *table = (const __u8 *)lpm6_anchor;

	asm("" : "+r"(table));
	return lpm6_lookup_in(table, &lpm6_shape, number, hi, lo);
}

static long look(__u32 i, void *unused)
{
	__u64 hi = address[i & (ADDRESSES - 1)][0], lo = address[i & (ADDRESSES - 1)][1];

	answer[i & (ADDRESSES - 1)] = family == 4 ? look4(hi >> 32) : look6(hi, lo);
	return 0;
}

SEC("xdp") int walk(struct xdp_md *ctx)
{
	bpf_loop(ADDRESSES, look, NULL, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";

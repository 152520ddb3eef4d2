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

static long look(__u32 i, void *unused)
{
	__u64 hi = address[i & (ADDRESSES - 1)][0], lo = address[i & (ADDRESSES - 1)][1];

	answer[i & (ADDRESSES - 1)] = family == 4 ? lpm4(number, hi >> 32) : lpm6(number, hi, lo);
	return 0;
}

SEC("xdp") int walk(struct xdp_md *ctx)
{
	bpf_loop(ADDRESSES, look, NULL, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";

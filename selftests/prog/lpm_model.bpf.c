// SPDX-License-Identifier: GPL-2.0
/*
 * lpm_model.bpf.c: looks up all addresses of a list, inside XDP, in our tables and in the
 * kernel's, as if packets had come in on "lo", and leaves both answers.
 *
 * The kernel's routes have as gateways 169.254.x.y and fe80::y, where x.y or y is the result.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lpm.bpf.h"

#define ADDRESSES 4096

__u32 family;
__u64 address[ADDRESSES][2];
__u32 answer[ADDRESSES];
__u32 kernel[ADDRESSES];

static __u32 kernel4(struct xdp_md *ctx, __u32 a)
{
	struct bpf_fib_lookup f = { .family = 2, .ifindex = 1, .ipv4_dst = bpf_htonl(a) };
	long err = bpf_fib_lookup(ctx, &f, sizeof(f), BPF_FIB_LOOKUP_DIRECT);

	if (err == BPF_FIB_LKUP_RET_NOT_FWDED)
		return 0;
	a = bpf_ntohl(f.ipv4_dst);
	return err == BPF_FIB_LKUP_RET_SUCCESS && a >> 16 == 0xa9fe ? a & 0xffff : ~0u;
}

static __u32 kernel6(struct xdp_md *ctx, __u64 hi, __u64 lo)
{
	struct bpf_fib_lookup f = { .family = 10, .ifindex = 1 };
	long err;

	*(__u64 *)&f.ipv6_dst[0] = bpf_cpu_to_be64(hi);
	*(__u64 *)&f.ipv6_dst[2] = bpf_cpu_to_be64(lo);
	err = bpf_fib_lookup(ctx, &f, sizeof(f), BPF_FIB_LOOKUP_DIRECT);
	if (err == BPF_FIB_LKUP_RET_NOT_FWDED)
		return 0;
	return err == BPF_FIB_LKUP_RET_SUCCESS && bpf_ntohl(f.ipv6_dst[0]) == 0xfe800000 ?
	       bpf_ntohl(f.ipv6_dst[3]) & 0xffff : ~0u;
}

static long look(__u32 i, struct xdp_md **ctx)
{
	__u64 hi, lo;

	i &= ADDRESSES - 1;
	hi = address[i][0];
	lo = address[i][1];
	if (family == 4) {
		answer[i] = lpm4(0, hi >> 32);
		kernel[i] = kernel4(*ctx, hi >> 32);
	} else {
		answer[i] = lpm6(0, hi, lo);
		kernel[i] = kernel6(*ctx, hi, lo);
	}
	return 0;
}

SEC("xdp") int walk(struct xdp_md *ctx)
{
	bpf_loop(ADDRESSES, look, &ctx, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";

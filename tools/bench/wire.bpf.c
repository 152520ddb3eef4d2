// SPDX-License-Identifier: GPL-2.0
/*
 * wire.bpf.c: the ends of a benchmark's wire, and contenders that are XDP programs.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tools/bench/wire_layout.h"

/* Live frames come round again with what the router wrote into them: each gets its header anew. */
const volatile __u32 pump_ifindex;
__u8 header[WIRE_HEADER];
__u32 targets_mask;
__u32 next_target;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WIRE_TARGETS);
	__type(key, __u32);
	__type(value, struct wire_target);
} targets SEC(".maps");

SEC("xdp")
int pump(struct xdp_md *ctx)
{
	__u64 *to = (void *)(long)ctx->data, *from = (__u64 *)header;
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	__u32 i = next_target++ & targets_mask & (WIRE_TARGETS - 1);
	struct wire_target *target;

	if ((void *)to + WIRE_HEADER > (void *)(long)ctx->data_end)
		return XDP_DROP;
#pragma unroll
	for (__u32 w = 0; w < WIRE_HEADER / 8; w++)
		to[w] = from[w];
	target = bpf_map_lookup_elem(&targets, &i);
	if (target && target->destination) {
		ip->daddr = target->destination;
		ip->check = target->check;
	}
	return bpf_redirect(pump_ifindex, 0);
}

/* Per CPU, so that counting costs the same however many ends there are. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_SINKS);
	__type(key, __u32);
	__type(value, __u64);
} sunk SEC(".maps");

SEC("xdp.frags")
int sink(struct xdp_md *ctx)
{
	__u32 i = ctx->ingress_ifindex & (WIRE_SINKS - 1);
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u64 *count;

	/* What the kernel's own protocols send on their own is not ours. */
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_DROP;
	count = bpf_map_lookup_elem(&sunk, &i);
	if (count)
		++*count;
	return XDP_DROP;
}

/* The least that a broadcast redirect can cost: no look-up, no rewrite, no count. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
} bare_legs SEC(".maps");

SEC("xdp.frags")
int bare_broadcast(struct xdp_md *ctx)
{
	(void)ctx;
	return bpf_redirect_map(&bare_legs, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

/* Forwarding by the kernel's table inside XDP, as the kernel's own example does it. */
SEC("xdp.frags")
int fib_forward(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct bpf_fib_lookup fib = { .family = 2 /* AF_INET */ };
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 check;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ttl <= 1)
		return XDP_PASS;
	fib.tos = ip->tos;
	fib.l4_protocol = ip->protocol;
	fib.tot_len = bpf_ntohs(ip->tot_len);
	fib.ipv4_src = ip->saddr;
	fib.ipv4_dst = ip->daddr;
	fib.ifindex = ctx->ingress_ifindex;
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	check = ip->check + bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
	__builtin_memcpy(eth->h_dest, fib.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib.smac, ETH_ALEN);
	return bpf_redirect(fib.ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";

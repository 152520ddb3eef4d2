// SPDX-License-Identifier: GPL-2.0
/*
 * deliver.bpf.c: the module's kfunc by itself: the host gets copies, and nothing else.
 * For selftests/net/host_leg.sh, which attaches it by ip(8).
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern int bpf_sluice_deliver(struct xdp_md *ctx) __ksym;

SEC("xdp.frags")
int copy_only(struct xdp_md *ctx)
{
	bpf_sluice_deliver(ctx);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";

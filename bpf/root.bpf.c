// SPDX-License-Identifier: GPL-2.0
/*
 * root.bpf.c: what is attached to a port, and stays.
 *
 * It calls the running generation. Slot 0 is the one word whose change turns all
 * ports to another generation at once; while it is empty a packet meets the fail
 * mode: to the stack, or gone.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile bool fail_closed;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} generations SEC(".maps");

SEC("xdp.frags")
int root(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &generations, 0);
	return fail_closed ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0
/*
 * egress.bpf.c: the last word on each frame that is redirected to a port that may
 * be a leg: a copy is rewritten for its leg and counted, anything else goes as it is.
 *
 * A copy is told by its destination, which is multicast; routing never forwards
 * such a packet. Its mark (struct copy_meta) says which generation made it and of
 * which group. See bpf/layout.h on why all generations share this program.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/layout.h"
#include "bpf/maps.bpf.h"
#include "bpf/leg.bpf.h"

/* For a test run, which has no egress device: the leg's port. */
const volatile bool test_run;
struct trace trace SEC(".data.trace");

/*
 * Takes the mark off the frame, so that no one behind meets it.
 * Return: 0 and *@mark, or -1 if there is none.
 */
static __always_inline int take_mark(struct xdp_md *ctx, struct copy_meta *mark)
{
	struct copy_meta *meta;

	if (ctx->data_meta == ctx->data && bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return -1;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > frame_start(ctx) || meta->magic != COPY_MAGIC)
		return -1;
	*mark = *meta;
	meta->magic = 0;
	bpf_xdp_adjust_meta(ctx, sizeof(*meta));
	return 0;
}

SEC("xdp.frags/devmap")
int egress(struct xdp_md *ctx)
{
	struct ethhdr *eth = frame_start(ctx);
	struct copy copy = {};
	struct copy_meta mark;
	struct leg *leg;
	__u32 port;

	if ((void *)(eth + 1) > frame_end(ctx) || !(eth->h_dest[0] & 1) || copy_parse(ctx, &copy))
		return XDP_PASS;
	port = test_run ? trace.egress_port : port_of(ctx->egress_ifindex);
	if (take_mark(ctx, &mark))
		return XDP_DROP;
	leg = find_leg(mark.generation, mark.group, port);
	if (!leg || copy_rewrite(ctx, &copy, leg))
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

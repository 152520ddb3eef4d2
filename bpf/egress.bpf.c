// SPDX-License-Identifier: GPL-2.0
/*
 * egress.bpf.c: the last word on each frame that is redirected to a port that may
 * be a leg: a copy is rewritten for its leg and counted, anything else goes as it is.
 *
 * A copy is told by its mark (struct copy_meta), which says which generation made it
 * and of which group. In generic mode the mark is there, but the kernel has forgotten it:
 * then a copy is told by its destination, which is multicast as no routed packet's is, and
 * the mark is asked for again. See bpf/layout.h on why all generations share this program.
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

static __always_inline bool to_group(struct xdp_md *ctx)
{
	struct ethhdr *eth = frame_start(ctx);
	struct copy copy = {};

	return (void *)(eth + 1) <= frame_end(ctx) && eth->h_dest[0] & 1 && !copy_parse(ctx, &copy);
}

/*
 * Takes the mark off the frame, so that no one behind meets it.
 * Return: 0 and *@mark; -1: this is no copy; -2: it is one, and its mark is lost.
 */
static __always_inline int take_mark(struct xdp_md *ctx, struct copy_meta *mark)
{
	struct copy_meta *meta = (void *)(long)ctx->data_meta;
	bool forgotten = (void *)(meta + 1) > frame_start(ctx);

	if (forgotten) {
		if (!to_group(ctx))
			return -1;
		if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
			return -2;
		meta = (void *)(long)ctx->data_meta;
		if ((void *)(meta + 1) > frame_start(ctx))
			return -2;
	}
	if (meta->magic != COPY_MAGIC)
		return forgotten ? -2 : -1;
	*mark = *meta;
	meta->magic = 0;
	bpf_xdp_adjust_meta(ctx, sizeof(*meta));
	return 0;
}

SEC("xdp.frags/devmap")
int egress(struct xdp_md *ctx)
{
	struct copy copy = {};
	struct copy_meta mark;
	struct leg *leg;
	int err;

	err = take_mark(ctx, &mark);
	if (err)
		return err == -1 ? XDP_PASS : XDP_DROP;
	leg = find_leg(mark.generation, mark.group,
		       test_run ? trace.egress_port : port_of(ctx->egress_ifindex));
	if (!leg || copy_parse(ctx, &copy) || copy_rewrite(ctx, &copy, leg))
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

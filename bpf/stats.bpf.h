/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats.bpf.h: every packet is counted once, by port and by what became of it.
 */
#ifndef SLUICE_STATS_BPF_H
#define SLUICE_STATS_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"

/* The XDP action of a reason; those that redirect decide for themselves. */
static __always_inline int action_of(enum sluice_reason reason)
{
	switch (reason) {
#define X(name, verdict, sentence) \
	case REASON_##name: \
		return VERDICT_##verdict == VERDICT_DROP ? XDP_DROP : XDP_PASS;
	SLUICE_REASONS(X)
#undef X
	default:
		return XDP_PASS;
	}
}

static __always_inline void leave_trace(const struct packet *p, enum sluice_reason reason)
{
	trace.reason = reason;
	trace.in_port = p->port;
	trace.out_port = p->out_port;
	trace.group = p->group;
	trace.mark = p->mark;
}

static __always_inline void account(struct xdp_md *ctx, const struct packet *p,
				    enum sluice_reason reason)
{
	__u32 port = p->port, length = p->length;
	struct port_stats *in, *out;

	if (config.trace || p->testing)
		leave_trace(p, reason);
	if (p->testing)
		return;
	if (!length)
		length = bpf_xdp_get_buff_len(ctx);
	in = bpf_map_lookup_elem(&port_stats, &port);
	if (in) {
		in->rx.packets++;
		in->rx.bytes += length;
		in->reason[reason & 63]++;
	}
	if (reason == REASON_forwarded) {
		port = p->out_port;
		out = bpf_map_lookup_elem(&port_stats, &port);
		if (out) {
			out->tx.packets++;
			out->tx.bytes += length;
		}
		if (config.counted)
			count_prefix(p, length);
		if (config.counted_hops)
			count_hop(p, length);
	}
}

#endif

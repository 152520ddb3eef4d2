// SPDX-License-Identifier: GPL-2.0
/*
 * sluice.bpf.c: the generation program: the story of a packet, one call a stage.
 *
 * Loaded afresh for each committed policy. What the policy configures stands in
 * .rodata, so that the verifier removes what it does not use. The root program
 * (root.bpf.c), attached to every port, tail-calls it.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/layout.h"

const volatile struct config config;
struct trace trace SEC(".data.trace");

/* A word and no constant: a program that is loaded already can become another generation. */
__u32 number SEC(".data.number") = 0;

static __always_inline __u32 generation_number(void)
{
	return *(volatile __u32 *)&number;
}

#include "bpf/parse.bpf.h"
#include "bpf/classify.bpf.h"
#include "bpf/measure.bpf.h"
#include "bpf/act.bpf.h"
#include "bpf/replicate.bpf.h"
#include "bpf/route.bpf.h"
#include "bpf/source.bpf.h"
#include "bpf/stats.bpf.h"
#include "bpf/watch.bpf.h"

/* With a frame of its own: the calls of a filter leave no room for it on the stack of the program. */
STAGE int measure_apart(const struct packet *p)
{
	if (config.measure && filter.layers && p)
		measure(p, p->length);
	return 0;
}

static __always_inline enum sluice_reason decide(struct xdp_md *ctx, struct packet *p)
{
	enum sluice_reason parsed, reason;
	struct matched m;
	__u8 port = config.port[p->port];
	bool filtered;

	if (!(port & CONFIG_PORT))
		return REASON_not_a_port;
	parsed = parse(ctx, p);
	filtered = filter.layers && port & CONFIG_PORT_FILTER;
	if (filtered && parsed == REASON_nonlinear)
		return REASON_filter_blind;
	if (parsed && !(filtered && filter_sees(parsed)))
		return parsed;
	if (filter.layers)
		m = (struct matched)MATCHED_NONE;
	if (filtered)
		classify(ctx, p, &m);
	if (config.measure && !parsed && !p->testing) {
		if (filter.layers)
			measure_apart(p);
		else
			measure(p, p->length);
	}
	if (filtered) {
		reason = act(ctx, p, &m);
		if (reason)
			return reason;
	}
	if (parsed)
		return parsed;
	if (config.sources && port & CONFIG_PORT_SOURCES) {
		reason = check_source(p, port);
		if (reason)
			return reason;
	}
	if (config.groups_source || config.groups_any || config.groups_prefix) {
		reason = replicate(ctx, p);
		if (reason)
			return reason;
	}
	if (!config.route)
		return REASON_not_routed;
	reason = route(ctx, p);
	return reason == ROUTE_BY_VIEW ? send_by_group(ctx, p, ask_view(p, 0)) : reason;
}

/* As "xdp.frags", and userland fills in the call of the module's kfunc (datapath/deliver.h). */
SEC("xdp.sluice")
int sluice(struct xdp_md *ctx)
{
	__u16 testing = *(volatile __u32 *)&trace.testing & (PORTS_MAX - 1);
	struct packet p = {
		.port = testing ? testing : port_of(ctx->ingress_ifindex),
		.testing = testing,
	};
	enum sluice_reason reason = decide(ctx, &p);
	int action = action_of(reason);

	if (reason == REASON_forwarded)
		action = forward_out(&p);
	if (reason == REASON_replicated) {
		if (copy_to_host(ctx, &p))
			reason = REASON_host_lost;
		action = copy_out(ctx, &p);
	} else if (config.marks && p.mark && action == XDP_PASS) {
		mark_for_host(ctx, &p);
	}
	if (reason == REASON_forwarded && action != XDP_REDIRECT)
		reason = REASON_redirect;
	account(ctx, &p, reason);
	if (action == XDP_DROP)
		watch_drop(&p, reason);
	return action;
}

char LICENSE[] SEC("license") = "GPL";

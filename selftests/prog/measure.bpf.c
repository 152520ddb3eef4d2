// SPDX-License-Identifier: GPL-2.0
/*
 * measure.bpf.c: the data path's measure stage alone: one frame, or a run of packets without one.
 */
#include <stdbool.h>

#include "bpf/measure.bpf.h"
#include "selftests/prog/measure_load.h"

struct load load[LOAD_PACKETS];

SEC("xdp.frags")
int frame(struct xdp_md *ctx)
{
	struct packet p = {};

	if (parse(ctx, &p))
		return XDP_DROP;
	measure(&p, p.length);
	return XDP_PASS;
}

static long measure_one(__u32 i, void *unused)
{
	const struct load *from = &load[i & (LOAD_PACKETS - 1)];
	struct packet p = {};

	__builtin_memcpy(p.source, from->key.source, sizeof(p.source));
	__builtin_memcpy(p.destination, from->key.destination, sizeof(p.destination));
	p.sport = from->key.sport;
	p.dport = from->key.dport;
	p.protocol = from->key.protocol;
	p.family = from->key.family;
	measure(&p, from->bytes);
	return 0;
}

SEC("xdp")
int run(struct xdp_md *ctx)
{
	bpf_loop(LOAD_PACKETS, measure_one, NULL, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

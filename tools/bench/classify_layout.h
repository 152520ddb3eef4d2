/* SPDX-License-Identifier: GPL-2.0 */
/* classify_layout.h: what classify.bpf.c, the generated programs and the benchmark agree on. */
#ifndef SLUICE_BENCH_CLASSIFY_LAYOUT_H
#define SLUICE_BENCH_CLASSIFY_LAYOUT_H

#include "bpf/rules.h"

#define PACKETS		16384u		/* power of two */

/* What parsing leaves of a packet. IPv4: what ClassBench's sets are about. */
struct bench_packet {
	__u32 addr[2];			/* source, destination, host order */
	__u32 word[2];			/* their address words: for turns without the look-ups */
	__u16 field[RULES_FIELD_COUNT];
	__u16 pad[5];
};
_Static_assert(sizeof(struct bench_packet) == 64, "bench_packet");

struct bench_packets {
	struct bench_packet packet[PACKETS];
	__u32 answer[PACKETS];		/* the rule's number; RULES_NONE */
};

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wire_layout.h: what the programs of the wire benchmarks and their userland agree on.
 */
#ifndef SLUICE_BENCH_WIRE_LAYOUT_H
#define SLUICE_BENCH_WIRE_LAYOUT_H

#include <linux/types.h>

#define WIRE_HEADER	64u		/* bytes that the pump writes anew into each frame */
#define WIRE_TARGETS	(1u << 16)	/* destinations that it goes through */
#define WIRE_SINKS	256u

struct wire_target {
	__be32 destination;
	__u16 check;			/* IPv4 header checksum with it */
	__u16 pad;
};

#endif

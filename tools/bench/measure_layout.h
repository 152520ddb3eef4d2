/* SPDX-License-Identifier: GPL-2.0 */
/*
 * measure_layout.h: what the measurement benchmark's programs and its userland agree on.
 */
#ifndef SLUICE_BENCH_MEASURE_LAYOUT_H
#define SLUICE_BENCH_MEASURE_LAYOUT_H

#include "bpf/flow.h"

#define STEPS	(1u << 20)	/* packets of a stream */
#define FLOWS	(1u << 16)	/* keys */
#define RUN	4096		/* packets of one run */

struct step {
	__u32 flow;
	__u32 bytes;
};

struct line {			/* one key, in a cache line of its own */
	struct flow_key key;
	__u64 pad[3];
};

struct sums {			/* what the kernel's hashes keep for a flow */
	__u64 bytes, packets;
};

#endif

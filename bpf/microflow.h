/* SPDX-License-Identifier: GPL-2.0 */
/*
 * microflow.h: the section ".data.microflows": what the last packets met (bpf/microflow.bpf.h).
 *
 * struct microflows for each CPU. Userland gives it its size, clears it before the tables of the program
 * become others, and reads nothing there.
 */
#ifndef SLUICE_BPF_MICROFLOW_H
#define SLUICE_BPF_MICROFLOW_H

#include <linux/types.h>

#include "bpf/classify.h"

#define MICROFLOWS		1024u
#define MICROFLOW_PATIENCE	4u	/* so many packets of others in a row, and a slot gives way */

/*
 * Whether looking pays: a hit saves some times of what a miss costs, which is 1. At the least score it does
 * not: then so many packets are walked at once before it is tried again.
 */
#define MICROFLOW_HIT		3
#define MICROFLOW_SCORE_MAX	48
#define MICROFLOW_SCORE_MIN	(-16)
#define MICROFLOW_SKIP		256u

/* A slot; zeroes: free. */
struct microflow {
	__u64 word[4];		/* the tested fields; word 0 is never 0 */
	__u64 address;		/* IPv4: both; IPv6: the source's first half */
	__u32 rule, action;	/* what the walk found: struct matched */
	__u32 others;		/* packets of other microflows in a row */
	__u32 version;		/* odd: being written */
	__u32 reserved[2];

	/* second line */
	__u64 address6[3];	/* IPv6: the rest */
	__u32 side[LAYERS_MAX - 1];
	__u32 reserved2[3];
};
_Static_assert(sizeof(struct microflow) == 128, "two cache lines");

struct microflows {
	__s32 score;
	__u32 skip;		/* packets that are not looked for */
	__u32 writing;
	__u32 reserved[29];
	struct microflow slot[MICROFLOWS];
};
_Static_assert(sizeof(struct microflows) % 128 == 0, "slots begin with a line");

#endif

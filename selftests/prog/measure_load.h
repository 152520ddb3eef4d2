/* SPDX-License-Identifier: GPL-2.0 */
/*
 * measure_load.h: packets that measure.bpf.c counts without a frame, many in one run.
 */
#ifndef SLUICE_PROG_MEASURE_LOAD_H
#define SLUICE_PROG_MEASURE_LOAD_H

#include "bpf/flow.h"

#define LOAD_PACKETS 1024	/* a run */

struct load {
	struct flow_key key;
	__u32 bytes;
	__u32 pad;
};

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flow.h: from the flow memory to reports: intervals, sums over CPUs, estimates and their bounds.
 *
 * The memory (bpf/flow.h) is the caller's: the mapped map "flow_memory". Nothing here
 * waits, has a clock, or starts a thread. An interval ends so:
 *
 *	flow_swap()		on the timer: from here on packets count in the next interval
 *	membarrier(MEMBARRIER_CMD_GLOBAL)	by the caller, where it may take 50 ms: the programs that
 *				still counted in the old one are done
 *	flow_read()		the old interval's report; its memory is free for the next swap
 *
 * The memory says by itself how far that got, so a daemon may die anywhere. The next one calls
 * flow_new(), and if flow_pending() says that an interval has not been read: membarrier, then
 * flow_read(). Nothing is lost; what was read by a daemon that died before it had told anybody is
 * gone with it, and what it had told but not marked as read comes twice.
 */
#ifndef SLUICE_FLOW_FLOW_H
#define SLUICE_FLOW_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/flow.h"

struct flow_config {
	unsigned int fields;		/* enum flow_field; at least one */
	unsigned int slots;		/* per CPU: a multiple of FLOW_WAYS, up to FLOW_SLOTS_MAX */
	unsigned int threshold_ppm;	/* of an interval's bytes; 0: threshold_Bps counts */
	uint64_t threshold_Bps;		/* bytes a second */
	unsigned int oversampling;	/* bytes sampled of a flow at the threshold, if p can be so great */
};

struct flow_record {
	struct flow_key key;		/* fields that tell nothing apart are 0; family too, without addresses */
	uint64_t bytes, packets;	/* estimates */
	uint64_t low, high;		/* bytes: surely not less, surely not more */
	bool exact;			/* low == high */
	unsigned int intervals;		/* intervals without a break that it was held before this one */
};

struct flow_report {
	uint64_t interval;		/* number */
	uint64_t start_ns, end_ns;	/* by the caller's clock */
	uint64_t bytes, packets;	/* all that were measured: exact */
	uint64_t lost_bytes, lost_packets;	/* of them, in no record's low */
	uint64_t sampled, evicted;	/* packets drawn; flows that gave way */
	uint64_t threshold;		/* bytes */
	double sampling;		/* p at its least, per byte; 1: every flow was admitted at once */
	double miss;			/* probability that a flow at the threshold has no record */
	uint64_t unseen_max;		/* no flow without a record has more bytes than this, surely */
	bool complete;			/* unseen_max < threshold: none above the threshold was missed */
	unsigned int slots, used;	/* of all CPUs */
	struct vec flows;		/* of struct flow_record, heaviest first */
};

struct flow;

/** flow_map_size() - bytes of @slots for @cpus possible CPUs: what to map. */
size_t flow_map_size(unsigned int slots, unsigned int cpus);

/**
 * flow_fits() - whether @memory was made for this key and these slots, so that flow_new() would
 * adopt it. If not, the datapath has to make a new map for the generation.
 * @size: bytes mapped.
 */
bool flow_fits(const void *memory, size_t size, unsigned int cpus, const struct flow_config *config);

/**
 * flow_new() - adopts the memory in whatever state, or makes it ready if it is all zero.
 * Call it before a program that counts in new memory runs.
 * @now_ns: CLOCK_BOOTTIME: the first interval of new memory begins now.
 * Return: 0; -EINVAL (config); -EPROTO (memory of another shape); -errno of getrandom.
 */
int flow_new(void *memory, size_t size, unsigned int cpus, const struct flow_config *config,
	     uint64_t now_ns, struct flow **out);

/** flow_configure() - another threshold or oversampling; -EPROTO if the shape would change. */
int flow_configure(struct flow *f, const struct flow_config *config);

/** flow_pending() - whether an interval has ended that flow_read() has not read. */
bool flow_pending(const struct flow *f);

/**
 * flow_swap() - ends the interval: prepares the other epoch of each CPU, and makes it active.
 * Return: 0, or -EBUSY if the last interval has not been read.
 */
int flow_swap(struct flow *f, uint64_t now_ns);

/**
 * flow_read() - what was counted in the interval that the last swap ended; call it after the grace
 * period. The report is the caller's: flow_report_free().
 * Return: 0, or -EAGAIN if there is nothing to read.
 */
int flow_read(struct flow *f, struct flow_report **report);
void flow_report_free(struct flow_report *report);

/** flow_free() - lets go; the memory and what runs are untouched. */
void flow_free(struct flow *f);

/** flow_mask() - what of a struct flow_key @fields (enum flow_field) keep. */
struct flow_key flow_mask(unsigned int fields);

#endif

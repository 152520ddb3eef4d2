/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memory.h: where things stand in the flow memory; within userland/flow only.
 */
#ifndef SLUICE_FLOW_MEMORY_H
#define SLUICE_FLOW_MEMORY_H

#include "flow/flow.h"

struct flow {
	char *memory;
	unsigned int cpus;
	uint32_t buckets;
	struct flow_config config;
};

static inline struct flow_control *flow_control(const struct flow *f, unsigned int cpu)
{
	return (void *)(f->memory + cpu * flow_element_size(f->buckets));
}

static inline struct flow_epoch *flow_epoch(const struct flow *f, unsigned int cpu, unsigned int n)
{
	return (void *)((char *)(flow_control(f, cpu) + 1) + (n & 1) * flow_epoch_size(f->buckets));
}

static inline struct flow_epoch *flow_active(const struct flow *f, unsigned int cpu)
{
	return flow_epoch(f, cpu, flow_control(f, cpu)->epoch);
}

static inline struct flow_epoch *flow_idle(const struct flow *f, unsigned int cpu)
{
	return flow_epoch(f, cpu, flow_control(f, cpu)->epoch + 1);
}

static inline __u64 *flow_tags(struct flow_epoch *e)
{
	return (__u64 *)(e + 1);
}

static inline struct flow_cells *flow_cells(const struct flow *f, struct flow_epoch *e)
{
	return (struct flow_cells *)(flow_tags(e) + f->buckets);
}

static inline struct flow_entry *flow_entries(const struct flow *f, struct flow_epoch *e)
{
	return (struct flow_entry *)(flow_cells(f, e) + f->buckets);
}

/* The idle epoch holds counts that were not read. */
static inline bool flow_unread(const struct flow *f, unsigned int cpu)
{
	const struct flow_epoch *idle = flow_idle(f, cpu);

	return idle->state == FLOW_READY && idle->interval < flow_active(f, cpu)->interval;
}

/* flow_correction() - bytes that the flow of @entry has probably lost before it was admitted. */
double flow_correction(const struct flow_entry *entry);

/* flow_threshold() - bytes of a flow at the threshold, in an interval of @bytes and @ns. */
uint64_t flow_threshold(const struct flow_config *config, uint64_t bytes, uint64_t ns);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * group_slots.h: who has which part of struct nexthops: group numbers, next hops, and runs of
 * 2^order buckets.
 *
 * Runs of one size share a chunk, so that nothing falls apart into pieces too small to use. What is
 * given back was in use by readers: it can be had again only after group_slots_reclaim().
 */
#ifndef SLUICE_FIB_GROUP_SLOTS_H
#define SLUICE_FIB_GROUP_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/layout.h"

#define SLOT_CHUNK	(1u << NEXTHOP_GROUP_ORDER_MAX)
#define BUCKET_CHUNKS	(NEXTHOP_BUCKETS_MAX / SLOT_CHUNK)
#define HOP_CHUNKS	(NEXTHOPS_MAX / SLOT_CHUNK)

struct slot_chunk {
	uint64_t taken[SLOT_CHUNK / 64];	/* by run */
	uint8_t order;				/* of its runs */
	uint16_t runs;				/* taken; 0: the chunk is free */
};

struct group_slots {
	struct slot_chunk bucket[BUCKET_CHUNKS];
	struct slot_chunk hop[HOP_CHUNKS];
	uint32_t next_group;		/* first number never taken */
	struct vec free_groups;		/* of uint16_t */
	struct vec retired;		/* of struct retired, in the order that they were */
	uint64_t reclaimed;		/* how many there were before those */
	size_t groups, hops, buckets;	/* taken, retired ones among them */
};

void group_slots_init(struct group_slots *s);
void group_slots_free(struct group_slots *s);

/** group_slots_number() - a group number from 1, or 0 if there is none left. */
uint16_t group_slots_number(struct group_slots *s);

/** group_slots_hop() - a next hop from 1, or 0 if there is none left. */
uint16_t group_slots_hop(struct group_slots *s);

/** group_slots_run() - the first of 2^@order buckets, never 0; or 0 if there is no room. */
uint32_t group_slots_run(struct group_slots *s, unsigned int order);

void group_slots_retire_number(struct group_slots *s, uint16_t group);
void group_slots_retire_hop(struct group_slots *s, uint16_t hop);
void group_slots_retire_run(struct group_slots *s, uint32_t base, unsigned int order);

/** group_slots_mark() - names all that was retired up to now. */
uint64_t group_slots_mark(const struct group_slots *s);

/** group_slots_reclaim() - frees what was retired before @mark was taken. Return: whether there was any. */
bool group_slots_reclaim(struct group_slots *s, uint64_t mark);

#endif

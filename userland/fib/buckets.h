/* SPDX-License-Identifier: GPL-2.0 */
/*
 * buckets.h: which member of a next-hop group has which of its 2^order buckets.
 *
 * A flow's hash picks a bucket, and the bucket's owner sends it: so what moves a bucket moves
 * flows, and nothing else does. Pure arithmetic, for fib/hops.c.
 */
#ifndef SLUICE_FIB_BUCKETS_H
#define SLUICE_FIB_BUCKETS_H

#include <stdint.h>

#define BUCKETS_NONE	UINT16_MAX	/* a bucket without an owner */
#define BUCKETS_ORDER	10		/* log2 of the most buckets that a group is given for its weights */

struct bucket_member {
	uint64_t name;		/* hash of what it is: the same in every group */
	uint32_t weight;	/* from 1 */
};

/**
 * buckets_order() - log2 of how many buckets these members want: as few as give each its share
 * within 2 %, also when any one of them is lost, and eight a member at least; BUCKETS_ORDER where that
 * does not do.
 */
unsigned int buckets_order(const struct bucket_member *member, unsigned int n);

/**
 * buckets_assign() - gives each of the 2^@order buckets to a member.
 * @owner: on entry who had them before, BUCKETS_NONE for those of members that are gone, and for all
 * of a fresh group; on return all have one. No more buckets move than must.
 */
void buckets_assign(uint16_t *owner, unsigned int order, const struct bucket_member *member,
		    unsigned int n);

/** buckets_fill() - as buckets_assign(), but only for those without an owner: no other moves. */
void buckets_fill(uint16_t *owner, unsigned int order, const struct bucket_member *member,
		  unsigned int n);

/** buckets_count() - how many each of @n members has, into @count. */
void buckets_count(const uint16_t *owner, unsigned int order, uint32_t *count, unsigned int n);

#endif

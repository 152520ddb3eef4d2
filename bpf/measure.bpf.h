/* SPDX-License-Identifier: GPL-2.0 */
/*
 * measure.bpf.h: sample and hold, the data path's half.
 *
 * Estan and Varghese, "New Directions in Traffic Measurement and Accounting" (SIGCOMM 2002): each
 * byte is sampled with probability p; a flow that is sampled is held, and from then on all its
 * bytes are counted. What is built here fills, holds and thins:
 *
 *  1. Held: count. This touches the bucket's tags and one entry.
 *  2. A free place in the bucket: admitted at once, and exact.
 *  3. Else the bytes are lost, and counted as such in the key's cell. Of each block of 1 / p bytes
 *     that a cell loses, one is sampled, at a secret place. A flow that sends x_b bytes into block b
 *     is passed over with probability prod (1 - p x_b) <= e^-pX: never more often than by independent
 *     draws, and much less so if it has the cell nearly to itself, as elephants do.
 *  4. Sampled: the lightest entry of the bucket, of weight m, gives way with probability
 *     min(1, 1 / pm). So a byte of a flow that is not held is admitted at the rate
 *     1 / max(1/p, m): mice evict mice, and an elephant is safe.
 *
 * p is as great as the budget allows: bpf/flow.h, FLOW_SAMPLED_ONE_IN.
 * What is kept from one interval to the next is put there by userland before the interval begins.
 *
 * The file serves native code too (tests, benchmarks): that has flow_count(), and defines
 * flow_random() and measure_config itself.
 */
#ifndef SLUICE_MEASURE_BPF_H
#define SLUICE_MEASURE_BPF_H

#include "bpf/flow.h"
#include "bpf/ln.h"

#ifdef __bpf__
#include <linux/bpf.h>

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/parse.bpf.h"

const volatile struct measure_config measure_config;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* datapath: possible CPUs */
	__uint(key_size, sizeof(__u32));	/* CPU */
	__uint(value_size, 4096);	/* datapath: flow_element_size(buckets) */
} flow_memory SEC(".maps");

FLOW_INLINE __u32 flow_random(void)
{
	return bpf_get_prandom_u32();
}
#endif

/*
 * The compiler is to reckon with this number from here on, and not with how it came about: the
 * verifier knows its bound. What it would make a branch of, the verifier would walk twice.
 */
#define keep_number(number) asm volatile("" : "+r"(number))

#define TAGS_ONE	0x0101010101010101ull
#define TAGS_HIGH	0x8080808080808080ull

/*
 * Which of eight tags are equal to @tag, or free: the high bit of each such byte. tags_equal() may
 * find a false one above a true one, which the key tells apart: what is subtracted from an equal
 * tag borrows from the next.
 */
FLOW_INLINE __u64 tags_equal(__u64 tags, __u8 tag)
{
	__u64 one = TAGS_ONE;

	keep_number(one);
	return ((tags ^ tag * one) - one) & tags & TAGS_HIGH;
}

FLOW_INLINE __u64 tags_free(__u64 tags)
{
	return ~tags & TAGS_HIGH;
}

/*
 * The entry that the lowest bit of @found stands for. BPF cannot count trailing zeros: the
 * bit, as a power of two, shifts a constant, whose bytes are their own numbers.
 */
FLOW_INLINE struct flow_entry *entry_lowest(struct flow_entry *entries, __u64 found)
{
	__u64 number = ((found & -found) >> 7) * 0x0001020304050607ull;

	return (void *)entries + (number >> 50 & (FLOW_WAYS - 1) * sizeof(struct flow_entry));
}

/* All ones if @n, as a signed number, is negative, else 0: a choice that is not a branch. */
FLOW_INLINE __u64 mask_negative(__u64 n)
{
	__u64 mask = (__s64)n >> 63;

	keep_number(mask);
	return mask;
}

FLOW_INLINE __u64 min_u63(__u64 a, __u64 b)
{
	return b + ((a - b) & mask_negative(a - b));
}

/* Saturates. */
FLOW_INLINE void cell_add(__u32 *cell, __u64 bytes)
{
	__u64 sum = *cell + bytes;

	*cell = sum | mask_negative(-(sum >> 32));
}

FLOW_INLINE int same_key(const __u64 a[FLOW_KEY_WORDS], const __u64 b[FLOW_KEY_WORDS])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4];
}

FLOW_INLINE void entry_set(struct flow_entry *entry, const __u64 key[FLOW_KEY_WORDS], __u32 bytes,
			   __u32 scale, __u32 lost)
{
#pragma GCC unroll 5
	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		entry->key[i] = key[i];
	entry->bytes = bytes;
	entry->packets = 1;
	entry->scale = scale;
	entry->lost = lost;
	entry->prior = 0;
	entry->age = 0;
}

/* The most that an entry is thought to have lost: what its cell had, and one block or weight. */
FLOW_INLINE __u64 entry_weight(const struct flow_entry *entry)
{
	return entry->bytes + min_u63(entry->scale, entry->lost) + FLOW_PRIOR(entry->prior);
}

/* Which byte of block @number of cell @cell is sampled. */
FLOW_INLINE __u64 sampled_place(const struct flow_epoch *e, __u32 cell, __u64 number)
{
	__u64 hash = (number << 32 | cell) * e->secret;

	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ull;
	return hash >> (64 - (e->shift & 31));
}

/*
 * Whether one of the next @bytes bytes that @cell loses after @lost is sampled.
 * Return: 0, or how many bytes there are from the first such byte to the end.
 */
FLOW_INLINE __u32 sampled_rest(const struct flow_epoch *e, __u32 cell, __u32 lost, __u32 bytes)
{
	__u32 shift = e->shift & 31;
	__u64 block = 1ull << shift, start = lost & (block - 1), place;

	if (lost == FLOW_LOST_MAX)	/* it no longer counts: draw instead */
		return flow_random() < (__u64)bytes << (32 - shift) ? bytes : 0;
	place = sampled_place(e, cell, lost >> shift);
	if (place >= start && place < start + bytes)
		return start + bytes - place;
	if (start + bytes <= block)
		return 0;
	bytes = start + bytes - block;
	if (bytes >= block)
		return bytes;
	place = sampled_place(e, cell, (lost >> shift) + 1);
	return place < bytes ? bytes - place : 0;
}

/* After each FLOW_WINDOW samples: is p what the budget allows? Return: 1 / p. */
FLOW_INLINE __u64 adapt_block(struct flow_epoch *e)
{
	__u32 shift = e->shift & 31;
	__u64 took;

	if (++e->sampled % FLOW_WINDOW)
		return 1ull << shift;
	took = e->packets - e->window;
	e->window = e->packets;
	if (took < FLOW_WINDOW * FLOW_SAMPLED_ONE_IN && shift < FLOW_SHIFT_MAX)
		shift++;
	else if (took > 4 * FLOW_WINDOW * FLOW_SAMPLED_ONE_IN && shift > FLOW_SHIFT_MIN)
		shift--;
	e->shift = shift;
	if (shift > e->shift_max)
		e->shift_max = shift;
	return 1ull << shift;
}

/* The size is masked and not multiplied: of a product with 0 or 1, Linux 6.1 knows no bound. */
FLOW_INLINE struct flow_epoch *epoch_of(struct flow_control *element, __u32 epoch)
{
	return (void *)(element + 1) + (measure_config.epoch_size & -(__u64)(epoch & 1));
}

FLOW_INLINE __u64 *tags_at(struct flow_epoch *e, __u64 bucket)
{
	return (__u64 *)(e + 1) + bucket;
}

FLOW_INLINE struct flow_cells *cells_at(struct flow_epoch *e, __u64 bucket)
{
	return (struct flow_cells *)((void *)e + measure_config.cells) + bucket;
}

FLOW_INLINE struct flow_entry *entries_at(struct flow_epoch *e, __u64 bucket)
{
	return (struct flow_entry *)((void *)e + measure_config.entries) + bucket * FLOW_WAYS;
}

/*
 * A packet that was sampled: does the lightest entry of the bucket give way? Once with probability
 * block / weight; and again for what would be sampled in the @rest of the packet.
 */
FLOW_INLINE void admit_sampled(struct flow_epoch *e, __u64 bucket,
			       const __u64 key[FLOW_KEY_WORDS], __u8 tag, __u32 bytes, __u32 rest)
{
	struct flow_entry *entries = entries_at(e, bucket), *entry;
	struct flow_cells *cells = cells_at(e, bucket);
	__u32 *cell = &cells->lost[FLOW_CELL(tag)], lost = *cell, number;
	__u64 *tags = tags_at(e, bucket);
	__u64 lightest, weight, scale = adapt_block(e);

	lightest = (__u64)FLOW_LOST_MAX << 3;
#pragma GCC unroll 8
	for (__u32 i = 0; i < FLOW_WAYS; i++)
		lightest = min_u63(entry_weight(&entries[i]) << 3 | i, lightest);
	number = lightest & (FLOW_WAYS - 1);
	weight = lightest >> 3;
	if (weight > scale) {
		if (flow_random() * weight >> 32 >= scale &&
		    weight * ln_exponential(flow_random()) >> LN_SHIFT >= rest) {
			cell_add(cell, bytes);
			return;
		}
		scale = weight;
	}
	entry = &entries[number];
	cell_add(&cells->lost[FLOW_CELL(flow_tag(*tags, number))], entry->bytes);
	e->evicted++;
	*tags = flow_tags_set(*tags, number, tag);
	entry_set(entry, key, bytes, scale, lost);
}

#ifdef __bpf__
/* A function of its own, so that the verifier walks it once: it is called for few packets. */
__noinline int measure_sampled(const struct flow_key *key, __u32 epoch_bucket, __u32 tag, __u32 bytes,
			       __u32 rest)
{
	__u32 cpu = bpf_get_smp_processor_id(), number = epoch_bucket & 0x7fffffff;
	struct flow_control *element = bpf_map_lookup_elem(&flow_memory, &cpu);

	keep_number(number);
	if (!element || !key || number >= measure_config.buckets)
		return 0;
	keep_number(number);
	admit_sampled(epoch_of(element, epoch_bucket >> 31), number, (const __u64 *)key, tag, bytes,
		      rest);
	return 0;
}
#endif

/* Counts @bytes of the flow of @key, which is not masked yet, in the memory of one CPU. */
FLOW_INLINE void flow_count(struct flow_control *element, __u64 key[FLOW_KEY_WORDS], __u32 bytes)
{
	struct flow_entry *entries, *entry;
	__u64 hash, number, tags, found;
	__u32 epoch, rest, *cell;
	struct flow_epoch *e;
	__u8 tag;

	if (measure_config.masked) {
#pragma GCC unroll 5
		for (int i = 0; i < FLOW_KEY_WORDS; i++)
			key[i] &= element->mask[i];
	}
	hash = flow_hash(key, element->hash_key);
	tag = flow_hash_tag(hash);
	number = flow_hash_bucket(hash, measure_config.buckets);
	keep_number(number);

	epoch = *(volatile __u32 *)&element->epoch & 1;
	e = epoch_of(element, epoch);
	entries = entries_at(e, number);
	e->packets++;
	e->bytes += bytes;

	tags = *tags_at(e, number);
	found = tags_equal(tags, tag);
	for (int i = 0; found && i < FLOW_WAYS; i++) {
		entry = entry_lowest(entries, found);
		if (same_key(entry->key, key)) {
			entry->bytes += bytes;
			entry->packets++;
			return;
		}
		found &= found - 1;
	}

	keep_number(number);
	cell = &cells_at(e, number)->lost[FLOW_CELL(tag)];
	tags = *tags_at(e, number);
	found = tags_free(tags);
	if (found) {
		entry = entry_lowest(entries, found);
		*tags_at(e, number) = tags | ((found & -found) >> 7) * tag;
		entry_set(entry, key, bytes, 0, *cell);
		return;
	}
	rest = sampled_rest(e, number * FLOW_CELLS + FLOW_CELL(tag), *cell, bytes);
	if (!rest) {
		cell_add(cell, bytes);
		return;
	}
#ifdef __bpf__
	/* A copy, so that the key itself may stay in registers. */
	__u64 copy[FLOW_KEY_WORDS] = { key[0], key[1], key[2], key[3], key[4] };

	measure_sampled((struct flow_key *)copy, epoch << 31 | number, tag, bytes, rest);
#else
	admit_sampled(e, number, key, tag, bytes, rest);
#endif
}

#ifdef __bpf__
/** measure() - counts @bytes of the flow that @p belongs to; call it once a well-formed packet. */
static __always_inline void measure(const struct packet *p, __u32 bytes)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct flow_control *element = bpf_map_lookup_elem(&flow_memory, &cpu);
	__u64 key[FLOW_KEY_WORDS];

	if (!element)
		return;
	key[0] = ((const __u64 *)p->source)[0];
	key[1] = ((const __u64 *)p->source)[1];
	key[2] = ((const __u64 *)p->destination)[0];
	key[3] = ((const __u64 *)p->destination)[1];
	key[4] = p->sport | (__u64)p->dport << 16 | (__u64)p->protocol << 32 |
		 (__u64)p->family << 40;
	flow_count(element, key, bytes);
}
#endif

#endif

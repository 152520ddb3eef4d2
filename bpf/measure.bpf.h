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
 *  3. Else the bytes are lost, and counted as such in the key's cell, until they have used up the
 *     gap: a geometric number of bytes, whose mean is the scale, 1 / p. An unsampled packet costs
 *     a subtraction and an addition.
 *  4. Sampled: the lightest entry of the bucket, of weight m, gives way with probability
 *     min(1, scale / m). So a byte of a flow that is not held is admitted at the rate
 *     1 / max(scale, m): mice evict mice, and an elephant is safe.
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

#define TAGS_ONE	0x0001000100010001ull
#define TAGS_HIGH	0x8000800080008000ull

/* The high bit of the lowest tag that is zero; above it there may be false ones. */
FLOW_INLINE __u64 tags_zero(__u64 tags)
{
	return (tags - TAGS_ONE) & ~tags & TAGS_HIGH;
}

/*
 * Tags that are zero, of all eight: one bit a tag, in the order 0 4 1 5 2 6 3 7 from below; and
 * which tag the lowest bit stands for. BPF cannot count trailing zeros: the lowest bit, as a
 * power of two, shifts a constant.
 */
FLOW_INLINE __u64 tags_found(__u64 low, __u64 high)
{
	return tags_zero(low) >> 1 | tags_zero(high);
}

FLOW_INLINE __u32 tags_lowest(__u64 found)
{
	__u64 bit = found & -found, low = (bit & TAGS_HIGH >> 1) != 0;

	return ((bit << low >> 15) * (1ull << 46 | 2ull << 30 | 3ull << 14) >> 62 | low << 2) ^ 4;
}

/* Saturates without a branch, as do all stages here that the verifier would walk twice. */
FLOW_INLINE void cell_add(__u32 *cell, __u64 bytes)
{
	__u64 sum = *cell + bytes;

	*cell = sum | -(sum >> 32 != 0);
}

FLOW_INLINE __u64 min_u63(__u64 a, __u64 b)
{
	return b + ((a - b) & (__u64)((__s64)(a - b) >> 63));
}

FLOW_INLINE int same_key(const __u64 a[FLOW_KEY_WORDS], const __u64 b[FLOW_KEY_WORDS])
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]));
}

FLOW_INLINE void entry_set(struct flow_entry *entry, const __u64 key[FLOW_KEY_WORDS], __u32 bytes,
			   __u32 scale, __u32 lost)
{
#pragma unroll
	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		entry->key[i] = key[i];
	entry->bytes = bytes;
	entry->packets = 1;
	entry->scale = scale;
	entry->lost = lost;
	entry->prior = 0;
	entry->age = 0;
}

/* What an entry weighs when places are given away; 32 bits are enough to tell a mouse. */
FLOW_INLINE __u64 entry_weight(const struct flow_entry *entry)
{
	return entry->bytes + entry->scale + FLOW_PRIOR(entry->prior);
}

/* A draw of the exponential distribution of mean 1, in units of 2^-FLOW_LN_SHIFT: -ln of a uniform. */
FLOW_INLINE __u64 draw_exponential(void)
{
	__u32 uniform = flow_random() | 1, exponent = 1, low, high, step;

	/* uniform = (1 + fraction) / 2^exponent, the fraction in 32 bits */
#pragma unroll
	for (int i = 4; i >= 0; i--) {
		if (!(uniform >> (32 - (1 << i)))) {
			uniform <<= 1 << i;
			exponent += 1 << i;
		}
	}
	uniform <<= 1;
	step = uniform >> 24;
	low = measure_config.ln[step];
	high = measure_config.ln[step + 1];
	low += (__u64)(high - low) * (uniform & 0xffffff) >> 24;
	return (__u64)exponent * 11629080 /* ln 2 */ - low;
}

/* After each FLOW_WINDOW samples: is p what the budget allows? */
FLOW_INLINE __u32 adapt_scale(struct flow_epoch *e)
{
	__u32 scale = e->scale;
	__u64 took;

	if (++e->sampled % FLOW_WINDOW)
		return scale;
	took = e->packets - e->window;
	e->window = e->packets;
	if (took < FLOW_WINDOW * FLOW_SAMPLED_ONE_IN && scale < 1u << 30)
		scale *= 2;
	else if (took > 4 * FLOW_WINDOW * FLOW_SAMPLED_ONE_IN && scale > 1)
		scale /= 2;
	e->scale = scale;
	if (scale > e->scale_max)
		e->scale_max = scale;
	return scale;
}

/* A packet that was drawn: does the lightest entry of the bucket give way? */
FLOW_INLINE void admit_sampled(struct flow_epoch *e, struct flow_bucket *bucket,
			       struct flow_entry *entries, const __u64 key[FLOW_KEY_WORDS],
			       __u16 tag, __u32 bytes)
{
	__u32 *cell = &bucket->lost[FLOW_CELL(tag)];
	__u32 scale = adapt_scale(e), lost = *cell, number;
	__u64 lightest, weight;
	struct flow_entry *entry;

	e->gap = scale * draw_exponential() >> FLOW_LN_SHIFT;
	lightest = (__u64)FLOW_LOST_MAX << 3;
#pragma unroll
	for (__u32 i = 0; i < FLOW_WAYS; i++)
		lightest = min_u63(entry_weight(&entries[i]) << 3 | i, lightest);
	number = lightest & (FLOW_WAYS - 1);
	weight = lightest >> 3;
	if (weight > scale) {
		if (flow_random() * weight >> 32 >= scale) {
			cell_add(cell, bytes);
			return;
		}
		scale = weight;
	}
	entry = &entries[number];
	cell_add(&bucket->lost[FLOW_CELL(bucket->tag[number])], entry->bytes);
	e->evicted++;
	bucket->tag[number] = tag;
	entry_set(entry, key, bytes, scale, lost);
}

/* Counts @bytes of the flow of @key, which is not masked yet, in the memory of one CPU. */
FLOW_INLINE void flow_count(struct flow_control *element, __u64 key[FLOW_KEY_WORDS], __u32 bytes)
{
	__u32 buckets = measure_config.buckets, number, slot;
	struct flow_bucket *bucket;
	struct flow_entry *entries, *entry;
	__u64 hash, found, wanted;
	const __u64 *tags;
	struct flow_epoch *e;
	__u16 tag;

#pragma unroll
	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		key[i] &= element->mask[i];
	hash = flow_hash(key, element->hash_key);
	tag = flow_hash_tag(hash);
	number = flow_hash_bucket(hash, buckets);
	asm volatile("" : "+r"(number));	/* one number, whose bound the verifier knows */

	e = (void *)(element + 1);
	e = (void *)e + (*(volatile __u32 *)&element->epoch & 1) * flow_epoch_size(buckets);
	bucket = (struct flow_bucket *)(e + 1) + number;
	entries = (struct flow_entry *)((struct flow_bucket *)(e + 1) + buckets) +
		  number * FLOW_WAYS;
	e->packets++;
	e->bytes += bytes;

	wanted = tag * TAGS_ONE;
	tags = (const __u64 *)bucket->tag;
	found = tags_found(tags[0] ^ wanted, tags[1] ^ wanted);
	for (int i = 0; found && i < FLOW_WAYS; i++) {
		entry = entries + tags_lowest(found);
		if (same_key(entry->key, key)) {
			entry->bytes += bytes;
			entry->packets++;
			return;
		}
		found &= found - 1;
	}

	if (!bucket->tag[FLOW_WAYS - 1]) {
		slot = tags_lowest(tags_found(tags[0], tags[1]));
		bucket->tag[slot] = tag;
		entry_set(entries + slot, key, bytes, 0, bucket->lost[FLOW_CELL(tag)]);
		return;
	}

	e->gap -= bytes;
	if (e->gap >= 0)
		cell_add(&bucket->lost[FLOW_CELL(tag)], bytes);
	else
		admit_sampled(e, bucket, entries, key, tag, bytes);
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

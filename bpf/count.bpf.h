/* SPDX-License-Identifier: GPL-2.0 */
/*
 * count.bpf.h: what is forwarded, counted by the prefix that its destination is in, and by its next hop.
 *
 * A list of its own, and not the prefixes of the route table: what an owner wants to know of is
 * little, stays while routes come and go, and need not be a route at all. The longest one counts.
 * A next hop says itself where it is counted.
 */
#ifndef SLUICE_COUNT_BPF_H
#define SLUICE_COUNT_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, COUNTED_MAX);
	__type(key, struct counted_key);
	__type(value, __u32);
} counted SEC(".maps");

/** count_prefix() - a packet that was forwarded. With a frame of its own. */
STAGE int count_prefix(const struct packet *p, __u32 length)
{
	struct counted_key key = {};
	__u32 *counter;

	if (!p)
		return 0;
	key.prefixlen = COUNTED_FIXED + (p->family == 4 ? 32 : 128);
	key.family = p->family;
	__builtin_memcpy(key.destination, p->destination, 16);
	counter = bpf_map_lookup_elem(&counted, &key);
	if (counter)
		count(*counter, length);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOP_COUNTERS_MAX);
	__type(key, __u32);
	__type(value, struct count);
} hop_counts SEC(".maps");

/** count_hop() - likewise. */
STAGE int count_hop(const struct packet *p, __u32 length)
{
	__u32 number;
	struct count *c;

	if (!p || !config.counted_hops)	/* then the map is not there */
		return 0;
	number = p->hop_counter;
	if (!number)
		return 0;
	c = bpf_map_lookup_elem(&hop_counts, &number);
	if (c) {
		c->packets++;
		c->bytes += length;
	}
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * maps.bpf.h: the maps that outlive a generation, for every program that reads them.
 *
 * Declared here so that each object has them under the same name; userland makes
 * them once, pins them, and gives the same ones to each object that it loads.
 *
 * Tables that userland maps are sections (".data.NAME"), so that a program holds
 * their address and needs no look-up. Only an anchor is declared: the object
 * file would otherwise carry megabytes of zeroes. The map that userland puts in
 * its place has the real size, which is what the verifier checks against.
 */
#ifndef SLUICE_MAPS_BPF_H
#define SLUICE_MAPS_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/layout.h"

char ports_anchor[8] SEC(".data.ports");

static __always_inline const struct ports *ports(void)
{
	void *table = ports_anchor;

	asm("" : "+r"(table));
	return table;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PORTS_MAX);
	__type(key, __u32);
	__type(value, struct port_stats);
} port_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS_MAX);
	__type(key, __u32);
	__type(value, struct count);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * GROUPS_MAX * 16);
	__type(key, struct leg_key);
	__type(value, struct leg);
} leg_table SEC(".maps");

/* The number of the port with @ifindex, 0 if there is none. */
static __always_inline __u32 port_of(__u32 ifindex)
{
	__u32 at = ifindex * PORT_HASH >> PORT_HASH_SHIFT;

#pragma unroll
	for (int i = 0; i < PORT_PROBES; i++) {
		__u32 port = ports()->slot[at + i] & (PORTS_MAX - 1);

		if (port && ports()->port[port].ifindex == ifindex)
			return port;
	}
	return 0;
}

static __always_inline void count(__u32 counter, __u32 bytes)
{
	struct count *c = bpf_map_lookup_elem(&counters, &counter);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

#endif

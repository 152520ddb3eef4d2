// SPDX-License-Identifier: GPL-2.0
/*
 * measure.bpf.c: the contenders of the measurement benchmark, inside XDP.
 *
 * A run counts RUN packets of the stream, so that the time of the run counts packets and
 * little else. The program "run_nothing" does all but the counting: its time is taken off.
 */
#include <stdbool.h>

#include "bpf/measure.bpf.h"
#include "tools/bench/measure_layout.h"

struct step steps[STEPS];
struct line flows[FLOWS];
__u32 first;			/* the next run's first step */
__u64 sum;			/* of nothing, so that it is done */

#define HASH_OF(TYPE)					\
	__uint(type, TYPE);				\
	__uint(max_entries, 8192);			\
	__type(key, struct flow_key);			\
	__type(value, struct sums)

struct {
	HASH_OF(BPF_MAP_TYPE_PERCPU_HASH);
} percpu SEC(".maps");

struct {
	HASH_OF(BPF_MAP_TYPE_LRU_PERCPU_HASH);
} lru SEC(".maps");

FLOW_INLINE __u32 next_packet(__u32 i, struct packet *p)
{
	const struct step *s = &steps[(first + i) & (STEPS - 1)];
	const struct flow_key *key = &flows[s->flow & (FLOWS - 1)].key;

	__builtin_memcpy(p->source, key->source, sizeof(p->source));
	__builtin_memcpy(p->destination, key->destination, sizeof(p->destination));
	p->sport = key->sport;
	p->dport = key->dport;
	p->protocol = key->protocol;
	p->family = key->family;
	return s->bytes;
}

static long count_nothing(__u32 i, void *unused)
{
	struct packet p = {};
	__u32 bytes = next_packet(i, &p);

	sum += bytes + p.sport + p.family + *(__u64 *)p.source + *(__u64 *)p.destination;
	return 0;
}

static long count_sluice(__u32 i, void *unused)
{
	struct packet p = {};
	__u32 bytes = next_packet(i, &p);

	measure(&p, bytes);
	return 0;
}

FLOW_INLINE void count_hash(void *map, __u32 i)
{
	struct packet p = {};
	struct sums fresh = { next_packet(i, &p), 1 }, *held;
	struct flow_key key = { .sport = p.sport, .dport = p.dport, .protocol = p.protocol,
				.family = p.family };

	__builtin_memcpy(key.source, p.source, sizeof(key.source));
	__builtin_memcpy(key.destination, p.destination, sizeof(key.destination));
	held = bpf_map_lookup_elem(map, &key);
	if (held) {
		held->bytes += fresh.bytes;
		held->packets++;
	} else {
		bpf_map_update_elem(map, &key, &fresh, BPF_NOEXIST);
	}
}

static long count_percpu(__u32 i, void *unused)
{
	count_hash(&percpu, i);
	return 0;
}

static long count_lru(__u32 i, void *unused)
{
	count_hash(&lru, i);
	return 0;
}

#define PROGRAM(name)							\
SEC("xdp")								\
int run_##name(struct xdp_md *ctx)					\
{									\
	bpf_loop(RUN, count_##name, NULL, 0);				\
	first += RUN;							\
	return XDP_PASS;						\
}

PROGRAM(nothing)
PROGRAM(sluice)
PROGRAM(percpu)
PROGRAM(lru)

char LICENSE[] SEC("license") = "GPL";

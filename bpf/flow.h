/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flow.h: the layout of the flow memory, which sample-and-hold fills and userland reads.
 *
 * One mmapable BPF_MAP_TYPE_ARRAY, "flow_memory": an element a possible CPU, of
 * flow_element_size(buckets) bytes. An element is written by its own CPU's packets and
 * by the daemon, never by another CPU:
 *
 *	struct flow_control		which epoch is counted in; the memory's shape
 *	epoch 0: struct flow_epoch	totals, and the state of the sampling
 *		 struct flow_bucket[buckets]
 *		 struct flow_entry[8 * buckets]
 *	epoch 1: likewise
 *
 * A packet's key hashes to a bucket: eight tags in one 16-byte piece, four compared
 * at once, so that a packet whose flow is not held touches no entry; the full key is
 * compared always. Tag i of bucket b belongs to entry 8 b + i; tag 7 is taken last.
 * Beside the tags are four cells: each counts every byte of its share of the bucket's
 * keys that was not counted in an entry, or was and went with an evicted entry. So a
 * cell bounds what a flow has lost, surely and not only probably: an entry that was
 * admitted while its cell stood at 0 is exact.
 *
 * Two epochs: one is active, the other is read, cleared and prepared by the daemon.
 * Every state in which a daemon can die is told apart by the memory alone:
 *	interval greater than the active one's	prepared (state READY), or half prepared
 *	interval less, state READY		has counts that nobody has read yet
 *	interval less, state READ		done with
 * (userland/flow/epoch.c).
 */
#ifndef SLUICE_BPF_FLOW_H
#define SLUICE_BPF_FLOW_H

#include <linux/types.h>

#define FLOW_MAGIC	0x776f6c66u	/* "flow" */
#define FLOW_VERSION	1

#define FLOW_WAYS	8	/* entries of a bucket */
#define FLOW_CELLS	4	/* cells of a bucket */
#define FLOW_KEY_WORDS	5
#define FLOW_SLOTS_MAX	65536

#define FLOW_ASSERT(type, size) _Static_assert(sizeof(type) == (size), #type)

/*
 * What tells flows apart: the packet's, under the policy's mask. Both families have one key; an
 * IPv4 address stands in the first four bytes, the rest zero. The addresses come first because
 * they are what differs.
 */
struct flow_key {
	__u8 source[16];	/* network order */
	__u8 destination[16];
	__be16 sport, dport;
	__u8 protocol;
	__u8 family;		/* 4 or 6 */
	__u16 zero;
} __attribute__((aligned(8)));
FLOW_ASSERT(struct flow_key, 8 * FLOW_KEY_WORDS);

struct flow_control {
	__u32 epoch;		/* active: 0 or 1; the daemon flips it */
	__u32 magic;		/* FLOW_MAGIC, written last of all when a memory is made */
	__u32 version;
	__u32 buckets;
	__u64 mask[FLOW_KEY_WORDS];	/* over a struct flow_key */
	__u32 hash_key[2 * FLOW_KEY_WORDS];	/* secret, so that nobody aims at a bucket */
	__u8 reserved[32];
};
FLOW_ASSERT(struct flow_control, 128);

enum flow_state { FLOW_NEW = 0, FLOW_READY = 1, FLOW_READ = 2 };

struct flow_epoch {
	/* The program's; first set by the daemon when it prepares the epoch. */
	__u64 secret;		/* odd; where in its block a cell samples */
	__u64 packets;		/* all that were measured */
	__u64 bytes;
	__u64 sampled;		/* packets that were not held, met a full bucket, and were drawn */
	__u64 evicted;		/* entries that gave way to another flow */
	__u64 window;		/* packets when the last FLOW_WINDOW samples began */
	__u32 shift;		/* log2 of the block: p is 2^-shift a byte; at least 1 */
	__u32 shift_max;	/* the greatest it has been */
	__u64 pad;
	/* The daemon's. */
	__u64 interval;		/* number; grows by one each interval */
	__u64 start_ns;		/* CLOCK_BOOTTIME when it became active */
	__u32 state;		/* enum flow_state */
	__u32 pad2;
	__u64 reserved[5];
};
FLOW_ASSERT(struct flow_epoch, 128);

struct flow_bucket {
	__u16 tag[FLOW_WAYS];	/* of the key's hash, never 0; 0: free */
	__u32 lost[FLOW_CELLS];	/* bytes; FLOW_LOST_MAX: that many or more */
};
FLOW_ASSERT(struct flow_bucket, 32);

#define FLOW_LOST_MAX	0xffffffffu

/* The cell of a key, by its tag: an evicted entry's is known without its hash. */
#define FLOW_CELL(tag)	((tag) & (FLOW_CELLS - 1))

struct flow_entry {
	__u64 key[FLOW_KEY_WORDS];	/* struct flow_key */
	__u64 bytes;		/* counted in this epoch since it was admitted */
	__u32 packets;
	__u32 scale;		/* 1 / rate per byte at which it was admitted; 0: into a free place */
	__u32 lost;		/* its cell when it was admitted: its earlier bytes are no more. 0: exact */
	__u16 prior;		/* FLOW_PRIOR: weight it brings from earlier intervals */
	__u16 age;		/* intervals it has been held through before this one */
};
FLOW_ASSERT(struct flow_entry, 64);

/* A weight in 16 bits: 11 of it, and how far to shift them. */
#define FLOW_PRIOR(prior)	((__u64)((prior) & 0x7ff) << ((prior) >> 11))

/*
 * At most one packet in FLOW_SAMPLED_ONE_IN is sampled: after every FLOW_WINDOW samples the
 * program doubles the block if they came in fewer packets than that, and halves it if they took
 * more than four times as many.
 */
#define FLOW_SAMPLED_ONE_IN	25
#define FLOW_WINDOW		32
#define FLOW_SHIFT_MIN		1
#define FLOW_SHIFT_MAX		30

/* The program's .rodata "measure_config": the verifier needs it as a constant. */
struct measure_config {
	__u32 buckets;		/* of the memory: slots / FLOW_WAYS */
};

#define FLOW_INLINE static inline __attribute__((always_inline))

/*
 * NH (Black et al., UMAC, 1999): a sum of products of halves, each half with its own secret; then
 * a multiplication, which carries what is spread into the upper bits. @key is masked.
 */
FLOW_INLINE __u64 flow_hash(const __u64 key[FLOW_KEY_WORDS],
			    const __u32 secret[2 * FLOW_KEY_WORDS])
{
	__u64 sum = 0;

#pragma GCC unroll 5
	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		sum += (__u64)((__u32)key[i] + secret[2 * i]) *
		       ((__u32)(key[i] >> 32) + secret[2 * i + 1]);
	return (sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull;
}

FLOW_INLINE __u64 flow_hash_bucket(__u64 hash, __u32 buckets)
{
	return (hash >> 32) * buckets >> 32;
}

FLOW_INLINE __u16 flow_hash_tag(__u64 hash)
{
	return hash >> 16 | 0x8000;
}

FLOW_INLINE __u64 flow_epoch_size(__u32 buckets)
{
	return sizeof(struct flow_epoch) + (__u64)buckets *
	       (sizeof(struct flow_bucket) + FLOW_WAYS * sizeof(struct flow_entry));
}

/* Bytes of one element: value_size of the map. */
FLOW_INLINE __u64 flow_element_size(__u32 buckets)
{
	return sizeof(struct flow_control) + 2 * flow_epoch_size(buckets);
}

#endif

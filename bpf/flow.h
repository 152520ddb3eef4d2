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
 *		 __u64 tags[buckets]
 *		 struct flow_cells[buckets]
 *		 struct flow_entry[8 * buckets]
 *	epoch 1: likewise
 *
 * A packet's key hashes to a bucket: eight tags of a byte, all compared at once, so
 * that of the packets whose flow is not held one in sixteen touches an entry; the full
 * key is compared always. The tags of 8,192 entries are 8 kB, which a first-level
 * cache keeps. Tag i of bucket b, byte i from below, belongs to entry 8 b + i; tag 7 is
 * taken last.
 * A bucket has four cells: each counts every byte of its share of the bucket's
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
#define FLOW_VERSION	2

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

/* Fields of a key, or-ed; the bits of the policy's enum policy_key. */
enum flow_field {
	FLOW_IP_SRC	= 1 << 0,
	FLOW_IP_DST	= 1 << 1,
	FLOW_IP_PROTO	= 1 << 2,
	FLOW_L4_SRC	= 1 << 3,
	FLOW_L4_DST	= 1 << 4,
	FLOW_FIELDS	= (1 << 5) - 1,	/* all: what a packet's key has */
};

struct flow_control {
	__u32 epoch;		/* active: 0 or 1; the daemon flips it */
	__u32 magic;		/* FLOW_MAGIC, written last of all when a memory is made */
	__u32 version;
	__u32 buckets;
	__u64 mask[FLOW_KEY_WORDS];	/* over a struct flow_key */
	__u64 hash_key[FLOW_KEY_WORDS];	/* secret, so that nobody aims at a bucket */
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

struct flow_cells {
	__u32 lost[FLOW_CELLS];	/* bytes; FLOW_LOST_MAX: that many or more */
};
FLOW_ASSERT(struct flow_cells, 16);

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
	__u32 masked;		/* not all fields tell flows apart: the memory's mask counts */
	/* Bytes: of an epoch, and from its start to its parts. */
	__u32 epoch_size, cells, entries;
};

#define FLOW_INLINE static inline __attribute__((always_inline))

/*
 * After NH (Black et al., UMAC, 1999): a sum of products of halves, each half with its own secret;
 * then a multiplication, which carries what is spread into the upper bits. Not quite NH, to save
 * a third of its instructions: both halves of a word are added to theirs at once, and the upper
 * one is multiplied with the whole. As in NH's proof, all but one half of the secrets fixed, two
 * keys' sums differ linearly in the last, and each carry that it may cause makes one more line: two
 * keys' sums are equal with a probability of a few 2^-32. @key is masked.
 */
FLOW_INLINE __u64 flow_hash(const __u64 key[FLOW_KEY_WORDS], const __u64 secret[FLOW_KEY_WORDS])
{
	__u64 sum = 0;

#pragma GCC unroll 5
	for (int i = 0; i < FLOW_KEY_WORDS; i++) {
		__u64 word = key[i] + secret[i];

		sum += word * (word >> 32);
	}
	return (sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull;
}

FLOW_INLINE __u64 flow_hash_bucket(__u64 hash, __u32 buckets)
{
	return (hash >> 32) * buckets >> 32;
}

/* Never 0, which is a free entry's. */
FLOW_INLINE __u8 flow_hash_tag(__u64 hash)
{
	return hash >> 24 | 0x80;
}

FLOW_INLINE __u8 flow_tag(__u64 tags, unsigned int way)
{
	return tags >> 8 * way;
}

FLOW_INLINE __u64 flow_tags_set(__u64 tags, unsigned int way, __u8 tag)
{
	return (tags & ~(0xffull << 8 * way)) | (__u64)tag << 8 * way;
}

FLOW_INLINE __u64 flow_epoch_size(__u32 buckets)
{
	return sizeof(struct flow_epoch) + (__u64)buckets *
	       (sizeof(__u64) + sizeof(struct flow_cells) +
		FLOW_WAYS * sizeof(struct flow_entry));
}

/* What a program is loaded with that counts in @slots by @fields. */
FLOW_INLINE struct measure_config flow_measure_config(unsigned int fields, unsigned int slots)
{
	__u32 buckets = slots / FLOW_WAYS, cells = sizeof(struct flow_epoch) + buckets * sizeof(__u64);
	struct measure_config config = {
		.buckets = buckets,
		.masked = (fields & FLOW_FIELDS) != FLOW_FIELDS,
		.epoch_size = flow_epoch_size(buckets),
		.cells = cells,
		.entries = cells + buckets * sizeof(struct flow_cells),
	};

	return config;
}

/* Bytes of one element: value_size of the map. */
FLOW_INLINE __u64 flow_element_size(__u32 buckets)
{
	return sizeof(struct flow_control) + 2 * flow_epoch_size(buckets);
}

#endif

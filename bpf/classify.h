/* SPDX-License-Identifier: GPL-2.0 */
/*
 * classify.h: what filters become: look-ups of addresses, layers of rules, actions.
 *
 * Written by userland/compile, walked by bpf/classify.bpf.h and bpf/act.bpf.h, and natively by
 * userland/verify. All of it belongs to one generation, but for the state that actions
 * write: sets, meters, counters.
 *
 *	source and destination address	-> an address class each (two look-ups, bpf/lpm.h with
 *					   wide results)
 *	address class, layer		-> the layer's address word (only if there are several layers)
 *	fields				-> the layer's service class (bpf/rules.h)
 *	layer 0				-> the rule that ends the search
 *	layers 1 ..			-> at most one rule each that acts and goes on: no packet matches
 *					   two rules of one such layer
 *
 * A rule of the tables is a box of a policy's rule: struct rules_head.action names that
 * (ACTION_RULE), and says what is needed of most rules without another look.
 */
#ifndef SLUICE_BPF_CLASSIFY_H
#define SLUICE_BPF_CLASSIFY_H

#include <linux/types.h>

#include "bpf/lpm.h"
#include "bpf/rules.h"

#define LAYERS_MAX	8u	/* layer 0, and those of rules that go on */

/* struct rules_head.action: the policy's rule by its number, which is its place in the order of all. */
#define ACTION_RULE(action)	((action) & 0x00ffffffu)
#define ACTION_DROP		0x80000000u	/* ends the search: drop; without it and in layer 0: allow */
#define ACTION_LISTED		0x40000000u	/* has other actions: rule_actions.first[number] */

/* Fields of a packet that a set may have, or that a rate is kept for each value of. */
enum action_field {
	ACTION_FIELD_SRC, ACTION_FIELD_DST, ACTION_FIELD_ETH_SRC, ACTION_FIELD_ETH_DST,
	ACTION_FIELD_VLAN, ACTION_FIELD_PROTO, ACTION_FIELD_SPORT, ACTION_FIELD_DPORT,
	ACTION_FIELD_IN,
	ACTION_FIELD_NONE = 0xff,
};

enum action_kind { ACTION_COUNT, ACTION_POLICE, ACTION_INSERT, ACTION_EMIT, ACTION_MARK };

/* One action; a rule's lie one behind the other. */
struct action {
	__u8 kind;		/* enum action_kind */
	__u8 last;		/* of its rule */
	__u8 field;		/* enum action_field: insert, police per */
	__u8 bytes;		/* police: rate in bytes, not packets */
	__u32 number;		/* count: counter; insert: set; police: meter; emit: its text; mark: the mark */
	__u64 rate;		/* police: packets or bytes a second */
	__u64 burst;		/* police: how long an empty bucket takes to be full, METER_UNITS; insert: time-out in
				 * ns, 0: stays */
	__u32 full;		/* insert: counter of the packets that found the set full */
	__u32 rule_key;		/* insert: low half of image_rule.key, for set_value.by */
};
_Static_assert(sizeof(struct action) == 32, "action");

/*
 * A set is a hash of its own; its number is its place in the map of sets. Numbers lie in the key in
 * host order, in the first 8 bytes, with family 0.
 */
#define SETS_MAX	256u
#define SET_TESTS_MAX	16u
struct set_key {
	__u8 value[16];		/* addresses in network order, IPv4 in the first four */
	__u32 family;		/* 4, 6; 0: a number */
};
_Static_assert(sizeof(struct set_key) == 20, "set_key");

/*
 * An element may be in the configuration, or inserted (by a rule or by hand), or both: neither
 * knows of the other. Times are ns of CLOCK_BOOTTIME.
 *
 * The generation of the configuration's elements is a word in a section of the program's own,
 * ".data.sets", at first the number of the program's generation: a commit that changes elements and nothing
 * else enters them for the next number, and then stores that, with no new program. A packet reads it
 * once.
 */
#define SET_STAYS	(~0ull)
struct set_value {
	__u64 inserted;		/* until then; 0: nobody inserted it */
	__u64 expires;		/* of the configuration's; SET_STAYS */
	__u32 since, until;	/* the generations that have it in the configuration, both included; since 0: none */
	__u32 by;		/* inserted: struct action.rule_key of the rule that did first; 0: by hand */
	__u32 reserved;
};
_Static_assert(sizeof(struct set_value) == 32, "set_value");

/* Whether generation @generation has the element at time @now. */
static inline __attribute__((always_inline)) int set_value_holds(const struct set_value *v,
								 __u32 generation, __u64 now)
{
	__u64 inserted = *(const volatile __u64 *)&v->inserted;

	if (now < inserted)
		return 1;
	return v->since && v->since <= generation && generation <= v->until && now < v->expires;
}

/*
 * Token buckets, by the generic cell rate algorithm: a bucket's value is the time when it is full
 * again, in units of 1 / METER_UNITS ns of CLOCK_BOOTTIME, modulo 2^64. A packet takes the time that its tokens
 * need to come back; what would make it longer than the rule's burst is over the rate.
 */
#define METER_UNITS	1024ull
#define METERS_MAX	65536u	/* buckets in all; the one longest unused gives way, and begins full */
struct meter_key {
	struct set_key value;	/* zero: the rule has one rate for all packets */
	__u32 meter;		/* made of what the rule says: the same in the next generation */
};
_Static_assert(sizeof(struct meter_key) == 24, "meter_key");

/* What emit tells, and of dropped packets, in the ring buffer "events". */
struct filter_event {
	__u64 time;		/* ns of CLOCK_BOOTTIME */
	__u32 generation;	/* whose numbers these are: */
	__u32 rule;		/* RULES_NONE: none */
	__u32 text;		/* emit: struct action.number */
	__u32 length;		/* bytes of the frame */
	__u16 port;		/* came in on */
	__u16 ethertype;	/* behind the tags that were read */
	__be16 sport, dport;	/* 0 where there are none */
	__u8 family;		/* 4, 6; 0: not IP, and all below is 0 */
	__u8 protocol;
	__u8 reason;		/* a dropped packet: REASON_*; 0: what emit tells */
	__u8 reserved[5];
	__u8 source[16];	/* as in set_key */
	__u8 destination[16];
};
_Static_assert(sizeof(struct filter_event) == 72, "filter_event");
#define EVENTS_BYTES	(1u << 18)

/* .data.watch: dropped packets are told as events, too, until @until; not before @next the next one. */
struct watch {
	__u64 until, next;	/* ns of CLOCK_BOOTTIME; until 0: nobody looks */
};
#define WATCH_PER_SECOND 250

struct set_test {
	__u16 set;		/* number */
	__u16 field;		/* enum action_field */
};

/* .rodata of the programs. */
struct classify_shape {
	__u32 layers;		/* 0: no filter */
	__u32 fields;		/* bit RULES_*: some layer tests it: it must be read */
	__u32 kinds;		/* bit ACTION_*: some rule has such an action */
	__u32 rules;		/* of the policy: so many counters has a CPU */
	__u32 set_tests;
	struct set_test set_test[SET_TESTS_MAX];	/* bit i of field RULES_SETS */
	__u32 macs;		/* eth.src or eth.dst is tested: the map "macs" numbers addresses */
	__u32 lost_marks;	/* counter: packets whose mark the driver could not keep */
	__u32 lost_events;	/* counter: events that found no room */
	/*
	 * Where layer l has its address words: .data.rules + words[side][l] holds a __u32 for
	 * each address class; class 0 is that of what is not IP. 0, which only a single layer may
	 * have: there are none, the look-ups yield the words.
	 */
	__u32 words[2][LAYERS_MAX];
	struct rules_shape layer[LAYERS_MAX];	/* offsets from the start of .data.rules, all of them */
	struct lpm_shape address[2][2];		/* source, destination; IPv4, IPv6. bytes 0: the word is @constant */
	__u32 constant[2][2];
};

#endif

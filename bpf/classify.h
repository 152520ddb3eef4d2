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
	__u32 number;		/* count: counter; insert: set; police: meter; emit: rule; mark: the mark */
	__u64 rate;		/* police: packets or bytes a second; insert: image_rule.key, for set_value.until */
	__u64 burst;		/* police: packets or bytes; insert: timeout in ns, 0: stays */
};
_Static_assert(sizeof(struct action) == 24, "action");

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
 * An element is there for generation g at time t if (since <= g <= until or inserted by a rule) and
 * (expires == 0 or t < expires).
 *
 * g is a word in a section of the program's own, ".data.sets", at first the number of the generation: a
 * commit that changes elements and nothing else enters them for the next number, and then stores that, with
 * no new program. A packet reads it once.
 */
struct set_value {
	__u64 expires;		/* ns of CLOCK_BOOTTIME; 0: never */
	__u32 since;		/* 0: a rule put it there, else the first generation that has it */
	__u32 until;		/* the last one; a rule's: the low half of the rule's key, to tell who put it there */
};
_Static_assert(sizeof(struct set_value) == 16, "set_value");

/* A token bucket; it is empty at @full_at - burst and full at @full_at. */
struct meter_key {
	struct set_key value;	/* zero: the rule has one rate for all packets */
	__u32 meter;		/* number: the same in the next generation for the same rule */
};
_Static_assert(sizeof(struct meter_key) == 24, "meter_key");

struct set_test {
	__u16 set;		/* number */
	__u16 field;		/* enum action_field */
};

/* .rodata of the programs. */
struct classify_shape {
	__u32 layers;		/* 0: no filter */
	__u32 fields;		/* bit RULES_*: some layer tests it: it must be read */
	__u32 set_tests;
	struct set_test set_test[SET_TESTS_MAX];	/* bit i of field RULES_SETS */
	__u32 macs;		/* eth.src or eth.dst is tested: the map "macs" numbers addresses */
	/*
	 * Where layer l has its address words: .data.rules + words[side][l] holds a __u32 for
	 * each address class. layers == 1: there are none, the look-ups yield the words.
	 */
	__u32 words[2][LAYERS_MAX];
	struct rules_shape layer[LAYERS_MAX];	/* offsets from the start of .data.rules, all of them */
	struct lpm_shape address[2][2];		/* source, destination; IPv4, IPv6. bytes 0: the word is @constant */
	__u32 constant[2][2];
};

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rules.h: the layout of a rule list's tables: one piece of memory, written by
 * userland/rules, walked by bpf/rules.bpf.h, in BPF and natively.
 *
 * What a packet needs (userland/rules/rules.c says why this is right):
 *
 *	source, destination	one look-up each -> an address word
 *	all other fields	one small array each, combined two by two -> a service class (rarely
 *				more than one: struct rules_group)
 *	the words		one cell of each plane -> the least rule
 *
 * Everything lies in one area, and is named by offsets in bytes from its start; the shape
 * says where each table begins. The first RULES_LINE bytes are zero: a reader whose offset is
 * out of bounds reads there, and finds nothing. All numbers are in host order.
 */
#ifndef SLUICE_BPF_RULES_H
#define SLUICE_BPF_RULES_H

#include <linux/types.h>

#define RULES_LINE	64u	/* bytes: what a reader may take at once */
#define RULES_NONE	0xffffffffu

/*
 * What a rule can test beside the two addresses, and how many values there are: a power of
 * two. A packet that does not have a field has 0 there: who makes the rules adds the test that
 * tells (tcp.dst == 0 means protocol 6, no later fragment, and port 0).
 * X(field, values, name)
 */
#define RULES_FIELDS(X)							\
	X(IN,		1024,	"in")		/* port number */	\
	X(ETH_TYPE,	65536,	"eth.type")	/* of what follows the tags */ \
	X(ETH_SRC,	65536,	"eth.src")	/* number of the address among those asked for; 0: none of them */ \
	X(ETH_DST,	65536,	"eth.dst")	/* likewise */		\
	X(VLAN,		8192,	"vlan.id")	/* RULES_TAG | id; 0: no tag */ \
	X(PCP,		8,	"vlan.pcp")				\
	X(PROTO,	256,	"ip.proto")				\
	X(DSCP,		64,	"ip.dscp")				\
	X(ECN,		4,	"ip.ecn")				\
	X(TTL,		256,	"ip.ttl")				\
	X(FRAG,		4,	"ip.frag")	/* 0 none, 1 first, 2 later */ \
	X(SPORT,	65536,	"l4.src")				\
	X(DPORT,	65536,	"l4.dst")				\
	X(TCP_FLAGS,	256,	"tcp.flags")				\
	X(ICMP_TYPE,	256,	"icmp.type")	/* of either ICMP */	\
	X(ICMP_CODE,	256,	"icmp.code")				\
	X(LENGTH,	65536,	"pkt.len")				\
	X(SOCKET,	4,	"socket")	/* 0 none, 1 established, 2 listen */ \
	X(SETS,		65536,	"sets")		/* a bit for each set that has the packet */

#define RULES_TAG	0x1000u	/* tells the tag with id 0 from no tag */

enum rules_field {
#define X(field, values, name) RULES_##field,
	RULES_FIELDS(X)
#undef X
	RULES_FIELD_COUNT
};

/*
 * An address word: what the look-up of an address yields. With at most two bands a side, the
 * class and the wide node over it; with more, the class alone, and the chains say the rest.
 * Word 0 stands for the addresses of a packet that is not IP. 31 bits: what a look-up can yield
 * (LPM_WIDE_MAX of bpf/lpm.h).
 */
#define RULES_CLASS_BITS	19
#define RULES_CLASS(word)	((word) & 0x7ffffu)
#define RULES_WIDE(word)	((word) >> RULES_CLASS_BITS)
#define RULES_ADDRESS(class, wide)	((__u32)(wide) << RULES_CLASS_BITS | (class))
#define RULES_CLASSES_MAX	(1u << RULES_CLASS_BITS)
#define RULES_WIDE_MAX		4096u
#define RULES_BANDS_MAX		8u

/*
 * A cell: what the rules of one plane say for one pair of classes. Kind in the top three
 * bits, below it where it goes on.
 */
#define RULES_NOTHING	0u	/* all zero */
#define RULES_SURE	1u	/* the rule, whatever the service */
#define RULES_ONE	2u	/* the rule, if its service has the packet */
#define RULES_LIST	3u	/* an entry's number: the first whose service has the packet */
#define RULES_ROW	4u	/* a row's number: a cell for each class of group 0, no further row */
#define RULES_KIND(cell)	((cell) >> 29)
#define RULES_AT(cell)		((cell) & 0x1fffffffu)
#define RULES_CELL(kind, at)	((kind) << 29 | (at))

struct rules_entry {
	__u32 rule;
	__u32 service;		/* RULES_LAST: the list ends with this one */
};
#define RULES_LAST	0x80000000u
#define RULES_LIST_MAX	64u	/* entries of a list; RULES_LIST_LINE, if the budget allows */
#define RULES_LIST_LINE	(RULES_LINE / (unsigned int)sizeof(struct rules_entry))

/* A rule, by its number. */
struct rules_head {
	__u32 priority;		/* from 1, the least wins, no two are equal; 0: no such rule */
	__u32 action;		/* the owner's */
	__u32 service;
	__u32 reserved;
};
_Static_assert(sizeof(struct rules_head) == 16, "rules_head");

/*
 * The cells of the planes where neither side is wide: an exact hash of two classes, or nodes;
 * a key is in one of two buckets. key 0: free.
 */
#define RULES_BUCKET	5
struct rules_bucket {
	__u64 key[RULES_BUCKET];	/* RULES_KEY */
	__u32 cell[RULES_BUCKET];
	__u32 pad;
};
_Static_assert(sizeof(struct rules_bucket) == RULES_LINE, "rules_bucket");
#define RULES_KEY(source, destination)	((__u64)(source) << RULES_CLASS_BITS | (destination))
#define RULES_HASH	0x9e3779b97f4a7c15ull

/*
 * One field's part in the service classes: class = combined[class * width + classes[value]],
 * of the class of its group, or, for the first field of a group, class = classes[value].
 */
struct rules_step {
	__u32 field;		/* enum rules_field */
	__u32 mask;		/* values - 1 */
	__u32 classes;		/* __u16[values] */
	__u32 width;		/* classes of the field */
	__u32 combined;		/* __u16[]; 0 for the first of a group */
	__u32 group;
};
#define RULES_GROUPS_MAX	8u

/*
 * The fields are in groups: one, unless all fields' classes together would be too many. A
 * service has the packet if it has its class in each group.
 */
struct rules_group {
	__u32 classes;
	__u32 bits;		/* __u32[classes][bits_words]: whether service s has the class */
};

/*
 * .rodata of the programs, constants to the verifier. Offsets in bytes; 0: there is no such
 * table, and nobody reads it.
 */
struct rules_shape {
	__u32 bytes;		/* of the area: whole pages */
	__u32 last;		/* the greatest offset that may be read: bytes - RULES_LINE */

	__u32 steps;		/* 0: no rule tests anything but addresses */
	struct rules_step step[RULES_FIELD_COUNT];
	__u32 groups;		/* at least 1, with at least one class */
	struct rules_group group[RULES_GROUPS_MAX];
	__u32 bits_words;
	__u32 services;		/* service 0 is "any" */

	__u32 heads;		/* struct rules_head[rules] */
	__u32 rules;
	__u32 ordered;		/* numbers ascend as priorities do: the least number is the first rule */
	__u32 lists;		/* struct rules_entry[] */
	__u32 list_max;		/* entries of the longest that is allowed: 8 or RULES_LIST_MAX */
	__u32 rows;		/* __u32[][group[0].classes] */

	/*
	 * The planes: bands[0] of the sources by bands[1] of the destinations. Band 0 is wide:
	 * its nodes have the numbers below wide[]; a class is the number of its own node.
	 */
	__u32 bands[2];		/* source, destination: 1 .. RULES_BANDS_MAX */
	__u32 wide[2];		/* at most RULES_WIDE_MAX */
	__u32 ww;		/* __u32[wide source][wide[1]] */
	__u32 nw;		/* __u32[source - wide[0]][wide[1]]; 0: none, or hashed */
	__u32 wn;		/* __u32[destination - wide[1]][wide[0]]; likewise */
	__u32 hashed;		/* RULES_HASHED_*: the planes that the hash holds */
	__u32 buckets;		/* struct rules_bucket[bucket_count] */
	__u32 bucket_count;
	/* More than two bands on a side: a class's node in each band; RULES_NONE: in none. */
	__u32 chain[2];		/* __u32[class][bands] */
};
#define RULES_HASHED_NN	1u
#define RULES_HASHED_NW	2u
#define RULES_HASHED_WN	4u

#endif

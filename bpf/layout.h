/* SPDX-License-Identifier: GPL-2.0 */
/*
 * layout.h: what the data path and userland agree on: every map's keys and values.
 *
 * Included by the BPF programs and by userland, so that no layout stands anywhere
 * twice. Kernel types only. Numbers are in host order unless the type says __be.
 *
 * Two kinds of maps:
 *
 *  - those that outlive a generation: kernel facts and state. Pinned; a new
 *    generation's program is loaded with the very same maps.
 *	(.data.*: one value, mapped by userland and reached by the programs without a look-up)
 *	generations	PROG_ARRAY [1]		slot 0: the running generation's program
 *	.data.ports	struct ports		written by the daemon, read by the programs
 *	.data.nexthops	struct nexthops		likewise
 *	.data.lpm4/6	bpf/lpm.bpf.h		likewise
 *	tx		DEVMAP [PORTS_MAX]	port number -> interface, for forwarding
 *	port_stats	PERCPU_ARRAY [PORTS_MAX] of struct port_stats
 *	counters	PERCPU_ARRAY [COUNTERS_MAX] of struct count
 *	vlans		HASH vlan_key -> __u8
 *	names		struct names		what each counter counts, so that a new daemon knows
 *	flow_memory	bpf/flow.h		held flows
 *	leg_table	HASH leg_key -> struct leg	for the egress and tc programs; keyed by generation
 *	leg_ports	HASH leg_ports_key -> struct leg_ports	for the tc program; keyed by generation
 *	set_NAME	HASH set_key -> struct set_value	bpf/classify.h; as long as generations have the set
 *	meters		LRU_HASH meter_key -> __u64
 *	events		RINGBUF of struct filter_event
 *	.data.watch	struct watch
 *	hop_counts	PERCPU_ARRAY [HOP_COUNTERS_MAX] of struct count, and hop_names, a struct hop_names:
 *			from the first generation on that counts by next hop
 *  - those of one generation, gone with it; not pinned, but for the last:
 *	.rodata		struct config
 *	.data.number	__u32: the generation's number; not changed while a packet may read it
 *	groups		HASH group_key -> struct group
 *	group_prefixes	LPM_TRIE group_prefix_key -> struct group
 *	counted		LPM_TRIE counted_key -> __u32: a counter
 *	legs		ARRAY_OF_MAPS [group number] of DEVMAP_HASH port number -> interface, egress program
 *	.data.rules	the area of bpf/classify.h, and the look-ups .data.src4, src6, dst4, dst6
 *	.data.microflows	bpf/microflow.h: what the last packets met
 *	rule_actions	ARRAY [rule] of __u32	its first action; RULES_NONE: none
 *	actions		ARRAY of struct action
 *	macs		HASH address -> its number in the rules
 *	sets		ARRAY_OF_MAPS [set number] of the sets
 *	.data.sets	__u32: generation of the configuration's elements
 *	rule_counts, rule_base	what its rules count: pinned, with the generation's number behind the name,
 *			as long as it may run: so that a new daemon finds them
 *
 * Why the egress program and its tables outlive generations: the kernel queues
 * redirected frames by device, and runs over a whole queue the program that came
 * with its first frame. So all entries of all devmaps that can meet in a queue
 * have one and the same egress program, and what it must know of the generation
 * that made the copy travels with the copy (struct copy_meta).
 *
 * Publication. What the daemon changes under running programs is a word that
 * refers to something complete: a new nexthop is written first, then the group's
 * word; what the word referred to before is used again only after a grace period.
 */
#ifndef SLUICE_LAYOUT_H
#define SLUICE_LAYOUT_H

#include <linux/types.h>

#include "bpf/reasons.h"

#define LAYOUT_VERSION	2

#define PORTS_MAX	1024	/* port numbers 1 .. PORTS_MAX - 1; 0 is none */
#define PORT_SLOTS	8192	/* power of two */
#define PORT_PROBES	4
#define GROUPS_MAX	4096	/* multicast groups of one generation */
#define LEGS_MAX	256	/* legs of one group */
#define COUNTERS_MAX	16384
#define NEXTHOP_GROUPS_MAX 32768	/* 15 bits: what a route's result refers to */
#define NEXTHOPS_MAX	65536

#define LAYOUT_ASSERT(type, size) _Static_assert(sizeof(type) == (size), #type)

/* ---- ports: kernel facts ------------------------------------------------ */

#define PORT_UP		(1u << 0)	/* administratively up, and carrier */

struct port {
	__u32 ifindex;		/* 0: no such interface now */
	__u32 flags;		/* PORT_* */
	__u32 mtu;
	__u8 mac[6];
	__u16 pad;
	char interface[16];	/* the number stays with this name for good */
	__u8 reserved[28];
};
LAYOUT_ASSERT(struct port, 64);

/*
 * An ifindex finds its port by a multiplicative hash and at most PORT_PROBES
 * steps: port_slot[(ifindex * PORT_HASH) >> 19 ...] holds port numbers.
 */
#define PORT_HASH	0x9e3779b1u
#define PORT_HASH_SHIFT	19	/* 32 - log2(PORT_SLOTS) */

struct ports {
	struct port port[PORTS_MAX];
	__u16 slot[PORT_SLOTS + PORT_PROBES];	/* 0: free */
};

/* A VLAN interface of the kernel's on a port: packets with this tag are routed. */
#define VLANS_MAX	4096
struct vlan_key {
	__u16 port;
	__u16 id;
};

/* ---- next hops ---------------------------------------------------------- */

/*
 * A route's result is the number of a next-hop group. A group's word: log2 of how many buckets it has
 * in the high 8 bits. Of one (0) the low 24 bits are the number of its next hop; else they are its
 * first bucket, and the flow hash's high bits pick one (so that halving all buckets moves no
 * flow). Group 0 is "no route", and stays so.
 */
#define NEXTHOP_GROUP_BASE(word)	((word) & 0xffffffu)
#define NEXTHOP_GROUP_ORDER(word)	((word) >> 24)
#define NEXTHOP_GROUP_ORDER_MAX		12
#define NEXTHOP_GROUP(base, order)	((__u32)(order) << 24 | (base))
#define NEXTHOP_BUCKETS_MAX		262144
#define NEXTHOP_BUCKET(word, hash)	(NEXTHOP_GROUP_BASE(word) + ((hash) >> ((32 - NEXTHOP_GROUP_ORDER(word)) & 31)))

/* A port that is down: how many backups are followed, one behind the other. */
#define NEXTHOP_BACKUPS_MAX		3

struct nexthop {
	__u8 reason;		/* REASON_forwarded, or the reason to pass it up */
	__u8 stale;		/* its neighbour is; whoever sends by it clears this, and it is probed */
	__u16 port;		/* out of */
	__u32 mtu;		/* bytes of IP packet */
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__u16 vlan;		/* TCI of the tag to push; 0: none */
	__u16 backup;		/* next-hop group to take when the port is down; 0: none */
	__u32 ifindex;		/* the kernel's interface (a VLAN's own, where there is a tag) */
	__u16 flags;		/* NEXTHOP_* */
	__u16 counter;		/* in hop_counts; 0: it is not counted */
};
LAYOUT_ASSERT(struct nexthop, 32);

/*
 * One of the ways of a static route (struct image_static), each the backup of the one before: not only
 * a port that is down is passed by, but whatever cannot be taken, and a way back to the port that the
 * packet came in on, unless there is no other.
 */
#define NEXTHOP_ONWARD	(1u << 0)

struct nexthop_bucket {
	__u16 nexthop;
	__u16 backup;		/* next-hop group to take when its port is down; 0: the next hop's own */
};

/* ---- which tables answer -------------------------------------------------- */

/*
 * Where the policy routes by one table, and no ip rule says otherwise, that is table 0 for all,
 * and nothing here is looked at. Else the interface that a packet came in on, a port or a VLAN
 * of it, has a view: the tables to ask, one after the other, until one has a route.
 *
 * Views are made anew as a whole, in the half that is not in use, and one word turns to them;
 * the other half is written again after a grace period.
 */
#define ROUTE_TABLES_MAX 16	/* of one generation: their numbers in the look-up; 0: local, main and default */
#define VIEWS_MAX	256	/* 0: of what is no port, and where nothing else is said */
#define VIEW_TABLES	4	/* in a row */
#define VIEW_STACK	0xff	/* instead of a table: one that sluice does not have */
#define VIEW_GUARDS	32	/* by family: rules that are not followed */
#define VIEW_SLOTS	8192	/* power of two */
#define VIEW_PROBES	8
#define VIEW_HASH_SHIFT	19	/* 32 - log2(VIEW_SLOTS) */
#define VIEW_KEY(port, vlan)	((__u32)(port) << 12 | (vlan))	/* never 0: ports begin with 1 */
#define VIEW_SLOT(key, view)	((__u32)(key) << 8 | (view))

struct route_view {
	__u8 table[2][VIEW_TABLES];	/* by family (1: IPv6): number + 1, or VIEW_STACK; 0 ends */
	__u8 back[2][VIEW_TABLES];	/* likewise: for the way back to a source */
	__u32 guards[2];		/* bit i: guard[family][i] may touch its packets */
	__u32 back_guards[2];		/* or those on the way back */
};
LAYOUT_ASSERT(struct route_view, 32);

/* Addresses of the packets that a rule may match. In network order; a mask of zeroes: any. The last one is any. */
struct route_guard {
	__u64 source[2], source_mask[2];
	__u64 destination[2], destination_mask[2];
};
LAYOUT_ASSERT(struct route_guard, 64);

struct route_views {
	__u8 untagged[PORTS_MAX];	/* view of what comes in without a tag */
	__u8 tagged[PORTS_MAX];		/* with one that has no slot */
	__u32 slot[VIEW_SLOTS + VIEW_PROBES];	/* from hash (key * PORT_HASH): VIEW_SLOT(), 0 is free */
	struct route_view view[VIEWS_MAX];
	struct route_guard guard[2][VIEW_GUARDS];
};

/* ---- the way back to a source --------------------------------------------- */

/*
 * Where a group's packets may leave by, all its next hops taken together; written only if the policy
 * checks sources. Groups with equal ones share them. They do not change while a group has them.
 */
#define WAYS_MAX	4096	/* 0: not known, ask the stack */
#define WAY_PORTS	15

#define WAYS_DEFAULT	(1u << 0)	/* only default routes lead here */

struct route_ways {
	__u8 reason;		/* REASON_forwarded, or why all packets for it are not sent on */
	__u8 flags;		/* WAYS_* */
	__u16 pad;
	__u32 port[WAY_PORTS];	/* VIEW_KEY(port, vlan); 0 ends */
};
LAYOUT_ASSERT(struct route_ways, 64);

#define NEXTHOPS_HASH_ADDRESSES4 (1u << 0)	/* of IPv4 the addresses alone, else protocol and ports too */
#define NEXTHOPS_HASH_ADDRESSES6 (1u << 1)

struct nexthops {
	__u32 group[NEXTHOP_GROUPS_MAX];
	struct nexthop nexthop[NEXTHOPS_MAX];
	__u32 views_in_use;		/* which of @views, + 1; 0: table 0 for all */
	__u32 held;			/* the tables are being rearranged: no answer counts */
	__u32 hash;			/* NEXTHOPS_HASH_*: what tells flows apart (bpf/path_hash.h) */
	__u32 reserved[13];
	struct route_views views[2];
	__u16 way[NEXTHOP_GROUPS_MAX];	/* by group: in @ways */
	struct route_ways ways[WAYS_MAX];
	struct nexthop_bucket bucket[NEXTHOP_BUCKETS_MAX];
};

/* ---- multicast ---------------------------------------------------------- */

/* source and group in network order, IPv4 in the first four bytes; any source: zero. */
struct group_key {
	__u8 source[16];
	__u8 group[16];
	__u16 port;		/* PORT_ANY: some port has it (reverse path) */
	__u8 family;		/* 4 or 6 */
	__u8 pad;
};
LAYOUT_ASSERT(struct group_key, 36);

#define PORT_ANY	0xffff

/* Port and family stand before the address, so that they always match exactly. */
struct group_prefix_key {
	__u32 prefixlen;	/* GROUP_PREFIX_FIXED + the prefix's own length */
	__be16 port;
	__u8 family;
	__u8 pad;
	__u8 group[16];
};
LAYOUT_ASSERT(struct group_prefix_key, 24);

#define GROUP_PREFIX_FIXED 32

#define GROUP_HOST	(1u << 0)	/* has the leg "host" */
#define GROUP_LEGS	(1u << 1)	/* has other legs */
#define GROUP_KEEPS_TTL	(1u << 2)	/* a leg sets the TTL: TTL 1 is copied too */

struct group {
	__u32 number;		/* in legs */
	__u32 flags;		/* GROUP_* */
	__u32 counter;		/* packets and bytes that came in */
	__u32 pad;
};
LAYOUT_ASSERT(struct group, 16);

/* One port takes one leg of a group; legs[group] has the port's number as key, too. */
struct leg_key {
	__u32 generation;
	__u32 group;
	__u32 port;
};

#define LEG_TTL		(1u << 0)	/* set it to ttl; else one less */
#define LEG_VLAN	(1u << 1)	/* push vlan */

struct leg {
	__u32 counter;		/* packets and bytes that were sent */
	__u32 counter_ttl;	/* those that were not, for their TTL */
	__u16 port;
	__u16 vlan;		/* TCI */
	__u8 ttl;
	__u8 flags;		/* LEG_* */
	__u16 pad;
};
LAYOUT_ASSERT(struct leg, 16);

/*
 * The tc program makes the copies where XDP cannot: beside the leg "host", unless the module
 * is there (XDP by itself has no way to clone to the stack), and of frames of several buffers
 * (the kernel does not clone them). The frame is passed up with its copy_meta, and this lists
 * the legs.
 */
struct leg_ports_key {
	__u32 generation;
	__u32 group;
};

struct leg_ports {
	__u32 count;
	__u16 port[LEGS_MAX];
};

/*
 * What the generation program says to the egress or tc program about a copy, in
 * the 16 bytes in front of the frame: XDP metadata. Generic mode forgets how long
 * the metadata is on a redirect, but not the bytes: the egress program asks for
 * them again. A driver that keeps no metadata cannot copy (reason no_copy).
 * For the tc program there are 16 bytes more in front of it: in generic mode newer kernels may
 * forget the length of the link header, and then the tc program sees both 14 bytes further on.
 */
#define COPY_MAGIC	0x5c1ce001u
#define COPY_NOT_HOST	(1u << 0)	/* tc: the host is no leg: drop the frame after copying */
#define COPY_ONLY_MARK	(1u << 1)	/* tc: no copies: the frame goes to the host, marked */

struct copy_meta {
	__u32 magic;		/* COPY_MAGIC */
	__u32 generation;
	__u16 group;		/* number */
	__u16 flags;		/* COPY_* */
	__u32 mark;		/* tc: skb->mark of what goes to the host */
};
LAYOUT_ASSERT(struct copy_meta, 16);

#define COPY_ROOM	(2 * sizeof(struct copy_meta))	/* in front of a frame for the tc program */

/* ---- counters ----------------------------------------------------------- */

struct count {
	__u64 packets;
	__u64 bytes;
};

/* What is forwarded to a prefix is counted, by the longest one. The family matches exactly. */
#define COUNTED_MAX	4096

struct counted_key {
	__u32 prefixlen;	/* COUNTED_FIXED + the prefix's own length */
	__u32 family;		/* 4 or 6 */
	__u8 destination[16];
};
LAYOUT_ASSERT(struct counted_key, 24);

#define COUNTED_FIXED	32

/*
 * What is forwarded is counted by next hop, too: neighbour and interface, whichever routes lead there. The
 * numbers are given as next hops are heard of, not by a commit, so they are not those of counters.
 */
#define HOP_COUNTERS_MAX 8192	/* 1 .. HOP_COUNTERS_MAX - 1 */

struct hop_name {
	__u8 via[16];		/* network order, IPv4 in the first four bytes */
	char interface[16];	/* the kernel's, a VLAN's own; "": the number is free */
	__u8 family;		/* of via: 4 or 6 */
	__u8 pad[3];
};
LAYOUT_ASSERT(struct hop_name, 36);

struct hop_names {
	struct hop_name name[HOP_COUNTERS_MAX];
};

struct port_stats {
	struct count rx;	/* what came in */
	struct count tx;	/* what was forwarded out of it; copies are counted by leg */
	__u64 reason[64];	/* packets that came in, by what became of them: REASON_* */
	__u64 tx_failed;	/* forwarded or copied to it, and the driver would not take it */
};
_Static_assert(REASON_MAX <= 64, "port_stats.reason");

#define COUNTER_NAME_MAX 128

/*
 * What the rules of a generation have counted: rule_counts, a mmapable ARRAY [possible CPUs] of
 * struct count [as many rules, or more], for the programs; and rule_base, one value of a mmapable array: a struct
 * rule_base_head, and behind it for each rule what rules that say the same had counted in generations
 * before; and behind those what rules have counted that this generation has not, for the case that
 * they come back.
 */
struct rule_base_head {
	__u32 generation;
	__u32 program;		/* id */
	__u32 rules;
	__u32 gone;		/* rules that this generation has not */
	__u32 complete;		/* the counts of the generation before are in it */
	__u32 reserved;
};

struct rule_base {
	__u64 key;		/* image_rule.key */
	struct count count;
};

struct names {
	__u32 layout_version;	/* LAYOUT_VERSION: of all pinned maps */
	__u32 running;		/* the generation that slot 0 runs; 0: none */
	__u64 hash_seed;	/* config.hash_seed of all generations */
	char build[48];		/* which build made the maps: for people */
	char name[COUNTERS_MAX][COUNTER_NAME_MAX];	/* "" is free */
};

/* ---- configuration of one generation ------------------------------------ */

/* How a program sees the state of a device: bpf/port_state.bpf.h. */
enum { SIGHT_NONE, SIGHT_CAST, SIGHT_PROBE };

struct sight {
	__u32 how;		/* SIGHT_* */
	__s32 device;		/* from an entry of tx (SIGHT_PROBE: its value) to the address of its device */
	__u32 state;		/* from there to struct net_device's state */
	__u32 word_type;	/* SIGHT_CAST: number of struct rb_node in the kernel's BTF */
	__u32 table;		/* SIGHT_CAST: from tx itself to the address of its entries */
};

struct config {
	__u32 reserved;
	__u32 ports;		/* how many */
	__u8 route;		/* forward by the table */
	__u8 groups_source;	/* there are (source, group) groups */
	__u8 groups_any;	/* there are (*, group) groups */
	__u8 groups_prefix;	/* there are group prefixes */
	__u8 measure;		/* bpf/flow.h */
	__u8 trace;		/* leave a struct trace behind: replay and witnesses */
	__u8 vlans;		/* some port has VLAN interfaces */
	__u8 redirects_buffers;	/* the kernel redirects frames of several buffers: Linux 6.3 and later */
	__u8 delivers;		/* the module's kfunc copies for the host, beside other legs */
	__u8 marks;		/* a rule sets a mark: bpf/classify.h has the rest of what filters are */
	__u8 sources;		/* some port has CONFIG_PORT_SOURCES */
	__u8 bogons;		/* number + 1 of the table that lists them: result BOGON_LISTED; 0: none */
	__u8 counted;		/* prefixes are counted (count.bpf.h) */
	__u8 counted_hops;	/* and next hops */
	__u8 pad2[2];
	__u64 hash_seed;	/* of the flow hash: differs by router, so that hops in a row do not agree */
	__u8 port[PORTS_MAX];	/* CONFIG_PORT_*: is this port in the policy */
	struct sight sight;
};

#define CONFIG_PORT	(1u << 0)
#define CONFIG_PORT_FILTER (1u << 1)	/* has a filter (bpf/classify.h) */
#define CONFIG_PORT_RPF	(1u << 2)	/* the best way back to a source must be by this port */
#define CONFIG_PORT_RPF_LOOSE (1u << 3)	/* there must be a way back */
#define CONFIG_PORT_ANTI_SPOOF (1u << 4)	/* as RPF, and default routes do not count */
#define CONFIG_PORT_BOGONS (1u << 5)	/* neither address is a bogon */
#define CONFIG_PORT_SOURCES (CONFIG_PORT_RPF | CONFIG_PORT_RPF_LOOSE | CONFIG_PORT_ANTI_SPOOF | CONFIG_PORT_BOGONS)

/* Results of the table of bogons. */
#define BOGON_LISTED	1
#define BOGON_EXCEPT	2

/*
 * Where the generation program calls the module's kfunc, its object file has the call of a helper of
 * this number, which no kernel has; userland/datapath/deliver.c puts the kfunc's number there. A weak
 * "__ksym" would leave that to libbpf: which then looks through the BTF of every module at every
 * load, and fails without CAP_SYS_ADMIN, even if there is nothing to be found.
 */
#define CALL_DELIVER	0x5c1ce

/*
 * Likewise for the kernel's own bpf_rdonly_cast(): datapath/port_state.c. Both are filled in by
 * datapath/deliver.c.
 */
#define CALL_CAST	0x5c1cf

/* What a test run leaves behind, in .data.trace. */
struct trace {
	__u32 reason;
	__u32 in_port;
	__u32 out_port;		/* forwarded */
	__u32 nexthop_group;	/* what the route look-up said */
	__u32 nexthop;		/* which of the group's */
	__u32 group;		/* replicated: number */
	__u32 egress_port;	/* in: the port whose copy the egress program shall make */
	__u32 mark;
	__u32 rule;		/* number + 1 of the one that ended the search; 0: none */
	__u32 side;		/* how many of side[] */
	__u32 side_rule[7];	/* numbers of those that acted and went on, in their order */
	/*
	 * In: the port that a test run's frame came in on. Then counters, meters, sets, flow memory
	 * and events stay as they are, and no packet is over a rate. 0: it is no test run, or one of
	 * a datapath without folder, where there is nothing to spare.
	 */
	__u32 testing;
};

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kernel.h: what the kernel knows about its network, as plain values.
 *
 * The mirror (netlink/mirror.h) fills these in from rtnetlink, the join
 * (fib/fib.h) reads them; neither knows the other. Numbers are in host order,
 * in the kernel's own meaning (RT_TABLE_*, RTN_*, RTPROT_*, NUD_*).
 */
#ifndef SLUICE_BASE_KERNEL_H
#define SLUICE_BASE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* The tables of the default ip rules (RT_TABLE_*). */
#define KERNEL_TABLE_DEFAULT	253
#define KERNEL_TABLE_MAIN	254
#define KERNEL_TABLE_LOCAL	255

struct kernel_link {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t mtu6;		/* what IPv6 takes for it; 0: not said, @mtu holds */
	uint32_t lower;		/* ifindex below it (IFLA_LINK); 0: none, or in another namespace */
	uint32_t master;	/* bridge, bond or VRF that it is in; 0: none */
	uint16_t vlan;		/* id of an 802.1Q interface; 0: it is none */
	uint32_t vrf_table;	/* of a VRF device; 0: it is none */
	uint8_t mac[6];		/* zero where @mac_len is not 6 */
	uint8_t mac_len;
	bool up;		/* administratively */
	bool carrier;		/* and its lower layers are up */
	bool noarp;		/* no neighbours are resolved on it: IFF_NOARP */
	bool loopback;
	char name[16];
	char kind[16];		/* "veth", "vlan", ...; "" for hardware */
};

struct kernel_address {
	uint32_t ifindex;
	struct addr addr;	/* the local one */
	uint8_t len;		/* of its prefix */
};

struct kernel_neighbour {
	uint32_t ifindex;
	struct addr addr;
	uint16_t state;		/* NUD_* */
	uint8_t flags;		/* NTF_* */
	uint8_t mac_len;	/* 6, or @mac is zero */
	uint8_t mac[6];
	bool managed;		/* the kernel keeps it fresh by itself: NTF_EXT_MANAGED */
};

#define KERNEL_PATH_ONLINK	(1u << 0)
#define KERNEL_PATH_ENCAP	(1u << 1)	/* the path encapsulates (RTA_ENCAP, RTA_NEWDST) */

#define KERNEL_PATH_DEAD	(1u << 2)	/* not used, though its link is up: it lost its last address */

/* One way on. */
struct kernel_path {
	uint32_t ifindex;	/* 0: none (a blackhole) */
	uint16_t weight;	/* from 1 */
	uint8_t flags;		/* KERNEL_PATH_* */
	uint8_t pad;
	struct addr via;	/* either family; ADDR_NONE: the destination itself is on the link */
	uint8_t pad2[3];
};

#define KERNEL_ROUTE_AMBIGUOUS	(1u << 0)	/* the kernel has several of this key, and picks as it likes */

/*
 * A route has the key (prefix, table, tos, metric): the mirror reports one route a
 * key, the one that the kernel would take. Either it names a nexthop object, or it
 * has paths; a route of a type that sends nothing on (blackhole, ...) may have none.
 */
struct kernel_route {
	struct prefix prefix;
	uint8_t tos;
	uint8_t type;		/* RTN_* */
	uint8_t protocol;	/* RTPROT_* */
	uint8_t scope;		/* RT_SCOPE_* */
	uint8_t flags;		/* KERNEL_ROUTE_* */
	uint32_t table;
	uint32_t metric;
	uint32_t mtu;		/* RTAX_MTU; 0: the link's */
	uint32_t nexthop_id;	/* a nexthop object; 0: @path says */
	unsigned int paths;
	const struct kernel_path *path;
};

#define KERNEL_NEXTHOP_BLACKHOLE (1u << 0)
#define KERNEL_NEXTHOP_FDB	(1u << 1)	/* for bridges, never for routes */

struct kernel_nexthop_member {
	uint32_t id;
	uint16_t weight;	/* from 1 */
	uint16_t pad;
};

/* A nexthop object: one path, or a group of other objects. */
struct kernel_nexthop {
	uint32_t id;
	uint8_t flags;		/* KERNEL_NEXTHOP_* */
	uint8_t protocol;
	struct kernel_path path;	/* where @members is 0 */
	unsigned int members;
	const struct kernel_nexthop_member *member;
	/*
	 * A resilient group: which member's flows each of the kernel's buckets has; 0: not told yet.
	 * Without any the group is none, or what its buckets are was not told.
	 */
	unsigned int buckets;
	const uint32_t *bucket;		/* ids */
};

#define KERNEL_RULE_L3MDEV	(1u << 0)	/* to the table of the packet's VRF */
#define KERNEL_RULE_INVERT	(1u << 1)	/* matches what its selector does not */
/* Selectors and limits beside the prefixes and interfaces: */
#define KERNEL_RULE_TOS		(1u << 2)
#define KERNEL_RULE_MARK	(1u << 3)
#define KERNEL_RULE_PORTS	(1u << 4)	/* ipproto, sport, dport */
#define KERNEL_RULE_SUPPRESS	(1u << 5)	/* routes of the table that do not count */
#define KERNEL_RULE_OTHER	(1u << 6)	/* uidrange, tunnel id, flow label, goto, or what is unknown */
#define KERNEL_RULE_SELECTS	(KERNEL_RULE_TOS | KERNEL_RULE_MARK | KERNEL_RULE_PORTS | \
				 KERNEL_RULE_SUPPRESS | KERNEL_RULE_OTHER)

/* A policy rule (ip rule). Two that are equal as bytes are the same. */
struct kernel_rule {
	uint8_t family;		/* enum addr_family */
	uint8_t action;		/* FR_ACT_* */
	uint8_t flags;		/* KERNEL_RULE_* */
	uint8_t pad;
	uint32_t priority;
	uint32_t table;		/* where @action is to look one up; 0 with KERNEL_RULE_L3MDEV */
	uint32_t mark, mark_mask;
	char iif[16], oif[16];	/* "": any */
	struct prefix from, to;	/* length 0: any */
};

/* Whether it matches every packet. */
static inline bool kernel_rule_is_plain(const struct kernel_rule *r)
{
	return !r->flags && !*r->iif && !*r->oif && !r->from.len && !r->to.len;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fib.h: the kernel's routes, next hops, neighbours, links and our ports, joined into
 * what the data path walks: the route tables of both families and struct nexthops.
 *
 * The owner tells what the kernel says, in any order and as often as it likes, and
 * then applies it all at once:
 *
 *	struct fib *f = fib_new(&memory);
 *	fib_link_set(...), fib_route_set(...), ...	// nothing is published yet
 *	fib_flush(f);					// now it is
 *	if (fib_wants_reclaim(f)) {
 *		mark = fib_quiesce_mark(f);
 *		membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0);	// may wait in another thread
 *		fib_reclaim_to(f, &mark);
 *	}
 *
 * Static routes of the configuration stand beside the kernel's. The answer for an address
 * is what both say together, or to let the kernel answer; never another. What does not fit
 * into the tables is such a case (fib.c says how), and is counted and said in fib_notes().
 * Programs may run all the time: each change is published by one word.
 */
#ifndef SLUICE_FIB_FIB_H
#define SLUICE_FIB_FIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/kernel.h"
#include "bpf/layout.h"

struct fib;
struct image_static;
struct lpm;
struct rib_route;
struct route_view;
struct text;

/* Another table of the kernel's that the policy routes by. */
struct fib_table {
	uint32_t number;		/* the kernel's */
	char vrf[16];			/* whose table the policy says it is; "": no VRF's */
	struct lpm *lpm[2];		/* IPv4, IPv6; as fib_memory.lpm4 */
	const uint16_t *port;		/* numbers of ports whose packets are looked up in it; read by fib_new() only */
	unsigned int ports;
};

/* Counters of what is sent by next hops: whoever keeps them names them by neighbour and interface. */
struct fib_counters {
	/* Return: a number for struct nexthop.counter, the same for the same names; 0: there is none left. */
	uint16_t (*get)(void *user, const struct addr *via, const char *interface);
	/* Once for each get(): no next hop in memory says @counter any more, though packets under way may. */
	void (*put)(void *user, uint16_t counter);
	void *user;
};

/* All of it is the owner's, and outlives the fib. */
struct fib_memory {
	struct nexthops *nexthops;	/* zeroed; the programs read it */
	struct lpm *lpm4, *lpm6;	/* empty; NULL: routes of that family are kept, not published */
	/*
	 * Returns when every program that runs now has ended (membarrier). Called from
	 * fib_flush(), and only where a table has no room but for what waits for that.
	 * NULL: nobody reads.
	 */
	void (*grace)(void *user);
	void *user;
	/* Beside main. Their numbers in the look-up are 1, 2, ..; lpm4 and lpm6 have number 0. */
	const struct fib_table *other;
	unsigned int others;		/* at most ROUTE_TABLES_MAX - 1 */
	bool without_main;		/* packets that come to table main are passed up */
	bool sources;			/* programs ask for the way back to sources: struct route_ways */
	const struct fib_counters *counters;	/* copied; NULL: next hops are not counted */
};

/** fib_new() - never NULL; nothing is published yet. */
struct fib *fib_new(const struct fib_memory *memory);

/** fib_free() - leaves the tables as they are, so that readers can go on. NULL is fine. */
void fib_free(struct fib *fib);

/* ---- what the kernel says ------------------------------------------------- */

void fib_link_set(struct fib *fib, const struct kernel_link *link);
void fib_link_gone(struct fib *fib, uint32_t ifindex);

/** fib_port_set() - the port number of an interface; 0: it is none of ours any more. */
void fib_port_set(struct fib *fib, uint32_t ifindex, uint16_t port);

void fib_neighbour_set(struct fib *fib, const struct kernel_neighbour *neighbour);
void fib_neighbour_gone(struct fib *fib, uint32_t ifindex, const struct addr *addr);
void fib_nexthop_object_set(struct fib *fib, const struct kernel_nexthop *nexthop);
void fib_nexthop_object_gone(struct fib *fib, uint32_t id);

/** fib_route_set() - enters the route of this key (prefix, table, tos, metric), or replaces it. */
void fib_route_set(struct fib *fib, const struct kernel_route *route);

/** fib_route_gone() - of @route only the key is looked at. One that is not there is no mistake. */
void fib_route_gone(struct fib *fib, const struct kernel_route *route);

void fib_rule_set(struct fib *fib, const struct kernel_rule *rule);
void fib_rule_gone(struct fib *fib, const struct kernel_rule *rule);

/* The kernel's sysctl net.ipv4.fib_multipath_hash_policy, or net.ipv6's: what its multipath routes tell flows by. */
enum fib_hash_policy {
	FIB_HASH_L3,		/* addresses */
	FIB_HASH_L4,		/* protocol and ports, too */
	FIB_HASH_L3_INNER,	/* addresses; of a packet within a tunnel's, if there is one. Taken as L3, and said */
	FIB_HASH_CUSTOM,	/* fields of fib_multipath_hash_fields. Taken as L4, and said */
};

/** fib_hash_policy_set() - from the next packet on. L4 until then. @policy: as the kernel says. */
void fib_hash_policy_set(struct fib *fib, uint8_t family, unsigned int policy);

/* ---- static routes ----------------------------------------------------------- */

/**
 * fib_static_set() - enters the static route of this prefix, or replaces it. It stands in front of
 * all routes of table main for the same prefix; this host's own addresses (table local)
 * stay its own. Where its port is down, or its next hop not known, the kernel answers.
 */
void fib_static_set(struct fib *fib, const struct image_static *route);
void fib_static_gone(struct fib *fib, const struct prefix *prefix);

/* ---- publishing ----------------------------------------------------------- */

/**
 * fib_flush() - publishes all that was said since the last flush; each prefix and each
 * next-hop group is written at most once. Better not called while the first dump comes
 * in: a first flush that finds everything builds the tables in bulk.
 */
void fib_flush(struct fib *fib);

/** fib_wants_reclaim() - whether anything waits for a grace period. */
bool fib_wants_reclaim(const struct fib *fib);

/* All that was replaced up to a moment. */
struct fib_mark {
	uint64_t slots, views, lpm[2];
};

struct fib_mark fib_quiesce_mark(const struct fib *fib);

/**
 * fib_reclaim_to() - makes usable again what was replaced before @mark was taken. Only after a grace
 * period that began since; meanwhile one may go on with changes and flushes.
 */
void fib_reclaim_to(struct fib *fib, const struct fib_mark *mark);

/** fib_reclaim() - all that was replaced: no call to the fib since the grace period began. */
void fib_reclaim(struct fib *fib);

/**
 * fib_used_stale() - calls @used for each neighbour that is stale, and that a packet was sent by since
 * it became so, or since the last call.
 */
void fib_used_stale(struct fib *fib, void (*used)(void *user, uint32_t ifindex, const struct addr *addr),
		    void *user);

/* ---- questions ------------------------------------------------------------ */

#define FIB_PATHS_MAX 128

/* One next hop, as the table has it. */
struct fib_nexthop {
	uint8_t reason;		/* REASON_forwarded, or why the packet is passed up */
	uint16_t weight;	/* of a group's members: as the kernel says */
	uint16_t buckets;	/* of the group that it has; flows are spread evenly over buckets */
	uint16_t state;		/* of the neighbour at @via: NUD_*; 0: none, or there is no @via */
	bool stale;		/* whether it is to be refreshed when packets are sent by it */
	uint16_t port;
	uint16_t vlan;
	uint32_t ifindex;	/* of the kernel's path */
	uint32_t mtu;
	struct addr via;	/* ADDR_NONE: on the link */
	uint8_t dst_mac[6], src_mac[6];
};

/* A route, as `route show` shows it. */
struct fib_route {
	struct prefix prefix;
	uint32_t table;
	uint32_t metric;
	uint8_t tos;
	uint8_t type, protocol, scope;	/* as in struct kernel_route */
	bool best;		/* of its prefix: the one that counts */
	bool host;		/* a neighbour on a connected network, no route of the kernel's */
	bool fixed;		/* a static route of the configuration, no route of the kernel's */
	bool published;		/* @best, and the table has it; else the kernel answers */
	uint16_t group;		/* that the table has for this very prefix; 0: none */
	uint8_t reason;		/* REASON_forwarded if some next hop forwards, else the first one's */
	bool stands_in;		/* its own paths are all down: @nexthop is a worse route's */
	unsigned int nexthops;
	unsigned int backups;	/* in @nexthop behind those: taken when the ports of all of those are down */
	struct fib_nexthop nexthop[FIB_PATHS_MAX];
};

struct fib_cursor {
	unsigned int table;	/* which to walk: its number in the look-up */
	struct prefix prefix;	/* of the last one shown */
	unsigned int shown;	/* routes of it that were shown; 0: not begun */
};

/**
 * fib_route_next() - walks all routes in order: IPv4, then IPv6, by prefix, the best of
 * a prefix first. Start with *@cursor zeroed; routes may come and go between calls.
 * @family: ADDR_V4, ADDR_V6, or ADDR_NONE for both.
 * Return: false at the end.
 */
bool fib_route_next(const struct fib *fib, uint8_t family, struct fib_cursor *cursor,
		    struct fib_route *route);

struct fib_answer {
	bool found;		/* there is a route */
	struct fib_route route;	/* the one that counts for the address, by the kernel's rules */
	uint16_t group;		/* what the table answers for the address; 0: no route */
	uint8_t reason;		/* and what becomes of a packet: REASON_* of its first next hop */
	bool agrees;		/* the table gives @route, or lets the kernel answer */
};

/**
 * fib_lookup(), fib_lookup_in() - what counts for @addr in table main, or in the one of that number
 * in the look-up, by the routes and by the table. Slow; flush first.
 */
void fib_lookup(const struct fib *fib, const struct addr *addr, struct fib_answer *answer);
void fib_lookup_in(const struct fib *fib, unsigned int table, const struct addr *addr,
		   struct fib_answer *answer);

/* What the table of main answers for an address. */
struct fib_match {
	struct prefix prefix;	/* of the route, a neighbour's being that of its network */
	uint16_t group;		/* 0: there is none */
};

/** fib_match() - for @n addresses of either family at once (lpm_bulk_match()). Flush first. */
void fib_match(const struct fib *fib, const struct addr *addr, struct fib_match *match, size_t n);

/**
 * fib_hash() - path_hash() of a flow as programs have it.
 * @seed: config.hash_seed. @rest: PATH_REST().
 */
uint32_t fib_hash(const struct fib *fib, uint64_t seed, const struct addr *source,
		  const struct addr *destination, uint64_t rest);

/**
 * fib_group_hop() - which next hop of @group a flow takes at the moment, if no port has just been lost.
 * @hash: fib_hash(); 0: not known.
 * Return: 1 and *@hop; how many there are, if it is not known which; 0: there is no such group.
 */
unsigned int fib_group_hop(const struct fib *fib, uint16_t group, uint32_t hash, struct fib_nexthop *hop);

/** fib_tables() - how many tables there are. */
unsigned int fib_tables(const struct fib *fib);

/** fib_table_find() - the number in the look-up of the kernel's table, or of that of @vrf (not NULL); -ENOENT. */
int fib_table_find(const struct fib *fib, uint32_t kernel, const char *vrf);

/** fib_view() - which tables answer for what comes in there (@vlan 0: untagged); NULL: table 0. */
const struct route_view *fib_view(const struct fib *fib, uint16_t port, uint16_t vlan);

/* Where there are two, [0] is IPv4, [1] IPv6. */
struct fib_stats {
	size_t routes[2];	/* all that the kernel told, and static ones */
	size_t prefixes[2];	/* that the table should have: routes that count, and host entries */
	size_t published[2];	/* that it has */
	size_t hosts[2];	/* host entries among @prefixes */
	size_t blocks[2];	/* given up for want of room */
	size_t left_out[2];	/* prefixes in those */
	size_t groups;		/* next-hop groups in use */
	size_t slots;		/* of struct nexthops in use: next hops and buckets */
	size_t starved;		/* prefixes and groups that found no group or no slots */
	size_t retired;		/* groups and slots that wait for a grace period */
	size_t uncounted;	/* next hops that found no counter */
	size_t not_followed;	/* routes whose choice is left to the kernel */
	size_t rules;		/* ip rules that packets of ports are passed up for */
	uint64_t flushes;
	uint64_t table_writes;	/* prefixes inserted, replaced and deleted */
	uint64_t group_writes;	/* group words */
	uint64_t graces;	/* times a flush had to wait */
	size_t memory;		/* bytes of our own, the tables not counted */
};

void fib_stats(const struct fib *fib, struct fib_stats *stats);

/** fib_notes() - appends a line for each thing that sluice leaves to the kernel, and why. */
void fib_notes(const struct fib *fib, struct text *out);

/* ---- offline -------------------------------------------------------------- */

/* A port to send synthetic next hops out of. */
struct fib_rib_port {
	uint16_t port;
	uint8_t mac[6];
	uint32_t mtu;
};

/**
 * fib_load_rib() - enters routes of a file (lpm/rib.h); of equal prefixes the last one counts.
 * Next hop N is a neighbour on port N % @port_count with MAC 02:00 and N in big endian,
 * reached via fe80::N (fib_rib_nexthop() gives N back). The interface of a port gets
 * the port's number for its ifindex. Flush afterwards.
 */
void fib_load_rib(struct fib *fib, const struct rib_route *routes, size_t n,
		  const struct fib_rib_port *ports, size_t port_count);

/** fib_rib_nexthop() - the number that the file gave to this next hop. */
uint32_t fib_rib_nexthop(const struct fib_nexthop *nexthop);

#endif

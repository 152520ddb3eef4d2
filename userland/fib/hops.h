/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hops.h: sets of next hops: what a route leads to, interned, resolved and published.
 *
 * Many routes lead to the same few places. A set is what a route says of where its
 * packets go: a fixed reason to pass them up, a list of paths, or a nexthop object of
 * the kernel's. Equal sets are one set. Set and group: a set that a table refers to has
 * a group number of struct nexthops; what the set resolves to at the moment (ports, MAC
 * addresses, or why not) stands in slots that the group's word refers to. A neighbour's
 * new address is fresh slots and one word, however many routes lead there.
 *
 * For the fib alone. A set is counted by those who keep its number (refs), and apart
 * from that by the table entries that hold its group (uses).
 */
#ifndef SLUICE_FIB_HOPS_H
#define SLUICE_FIB_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/kernel.h"
#include "base/table.h"
#include "base/vec.h"
#include "bpf/layout.h"
#include "fib/fib.h"
#include "fib/group_slots.h"

/* What a set says. A reason other than REASON_forwarded stands alone. */
struct hop_key {
	uint8_t reason;
	uint8_t family;		/* of the routes: what MTU to take */
	bool fallback;		/* of default routes: a set of their own, so that its next hops can say so */
	uint32_t mtu;		/* the route's own; 0: the link's */
	uint32_t object;	/* a nexthop object; 0: @path says */
	uint16_t port;		/* not 0: @path leaves by the link that is this port at the time */
	uint32_t backup;	/* a set to take where all of this one is down; 0: none */
	bool onward;		/* and where its neighbour is not known, or it leads back: NEXTHOP_ONWARD */
	unsigned int paths;
	const struct kernel_path *path;
};

struct hops {
	struct nexthops *memory;
	struct group_slots slots;
	struct vec sets;	/* of struct hop_set; number 0 is none */
	struct vec free_sets;	/* of uint32_t */
	struct table by_hash;	/* of a key -> first set of that hash */
	struct table links;	/* ifindex -> struct hop_link */
	uint32_t port_link[PORTS_MAX];	/* ifindex of each port's link; 0: none */
	struct table neighbours;	/* struct neighbour_key -> struct hop_neighbour */
	struct table objects;	/* id -> struct hop_object */
	struct vec dirty;	/* of uint32_t: sets to resolve again */
	bool all_dirty;		/* a link changed: all sets with paths */
	bool objects_dirty;	/* a nexthop object changed: all sets of objects */
	bool held;		/* every group passes up as table_full */
	uint32_t *group_set;	/* [NEXTHOP_GROUPS_MAX]: the set whose group it is; 0: nobody's */
	uint32_t full;		/* the set of REASON_table_full: always in use */
	uint16_t full_group;
	size_t starved;		/* groups that found no slots */
	struct fib_counters counters;	/* get NULL: nobody counts */
	size_t uncounted;	/* next hops in memory that found no counter */
	uint64_t group_writes;
	size_t path_bytes;
	/* Not NULL: called before what @set resolves to is published under @group. */
	void (*publishing)(void *user, uint32_t set, uint16_t group);
	void *user;
};

void hops_init(struct hops *h, struct nexthops *memory);
void hops_free(struct hops *h);

/* What the kernel says: as in fib.h. Each returns whether anything changed that matters here. */
bool hops_link_set(struct hops *h, const struct kernel_link *link);
bool hops_link_gone(struct hops *h, uint32_t ifindex);
bool hops_port_set(struct hops *h, uint32_t ifindex, uint16_t port);
/* These say whether the neighbour became usable (1), ceased to be (-1), or neither (0). */
int hops_neighbour_set(struct hops *h, const struct kernel_neighbour *neighbour);
int hops_neighbour_gone(struct hops *h, uint32_t ifindex, const struct addr *addr);
void hops_object_set(struct hops *h, const struct kernel_nexthop *nexthop);
void hops_object_gone(struct hops *h, uint32_t id);

/** hops_intern() - the number of this set, entered if it is new, with a ref for the caller. */
uint32_t hops_intern(struct hops *h, const struct hop_key *key);

void hops_ref(struct hops *h, uint32_t set);
void hops_unref(struct hops *h, uint32_t set);

/**
 * hops_host() - the set for the neighbour @addr on the link that @set leaves by, if @set
 * is but one path without a gateway, and the neighbour is usable. Where @set goes onward: likewise, by any
 * of its ways.
 * Return: the number with a ref for the caller, or 0.
 */
uint32_t hops_host(struct hops *h, uint32_t set, const struct addr *addr);

/**
 * hops_backed() - the set that is @set, and @backup where all of that is down; with a ref. A set that
 * sends nothing on has no use for one, and stays as it is.
 */
uint32_t hops_backed(struct hops *h, uint32_t set, uint32_t backup);

/** hops_fallback() - whether only default routes lead to @set. */
bool hops_fallback(const struct hops *h, uint32_t set);

/**
 * hops_use() - a table is about to refer to the group of @set.
 * @before: the set that it referred to until now, whose flows go on as far as they can; 0: none.
 * Return: its number, complete in struct nexthops; 0 if there is none left (no use counted).
 */
uint16_t hops_use(struct hops *h, uint32_t set, uint32_t before);

/** hops_unuse() - a table does not refer to it any more; the last one retires the group. */
void hops_unuse(struct hops *h, uint32_t set);

/** hops_flush() - resolves again what has changed, and publishes what came out differently. */
void hops_flush(struct hops *h);

/** hops_hold() - from now on all groups pass up, until hops_release(). */
void hops_hold(struct hops *h);
void hops_release(struct hops *h);

/**
 * hops_reclaim() - frees what was retired before group_slots_mark(&h->slots) was @mark, after a grace
 * period. Return: whether groups or slots were freed.
 */
bool hops_reclaim(struct hops *h, uint64_t mark);

/** hops_used_stale() - as fib_used_stale(). */
void hops_used_stale(struct hops *h, void (*used)(void *user, uint32_t ifindex, const struct addr *addr),
		     void *user);

/** hops_encapsulating() - how many entries of tables lead to a path that encapsulates. */
size_t hops_encapsulating(const struct hops *h);

/** hops_describe() - what @set resolves to, into the nexthop fields of @route. */
void hops_describe(const struct hops *h, uint32_t set, struct fib_route *route);

/** hops_of_group() - as fib_group_hop(). */
unsigned int hops_of_group(const struct hops *h, uint16_t group, uint32_t hash, struct fib_nexthop *hop);

size_t hops_bytes(const struct hops *h);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hops_inside.h: what the files of fib/hops know of one another.
 *
 * hops_sets.c has the sets; hops_facts.c keeps what the kernel says; hops_resolve.c works out from it
 * where a set leads at the moment; hops.c publishes that.
 */
#ifndef SLUICE_FIB_HOPS_INSIDE_H
#define SLUICE_FIB_HOPS_INSIDE_H

#include <linux/neighbour.h>

#include "fib/buckets.h"
#include "fib/hops.h"

#define PATHS_MAX FIB_PATHS_MAX

/* One who has buckets: a next hop in memory. */
struct hop_member {
	uint64_t name;		/* hash of the path: the same in every set */
	uint16_t hop;		/* in struct nexthops */
};

/* What a set of several hops has in memory. */
struct hop_table {
	uint32_t base;		/* first bucket */
	unsigned int order, members;
	struct hop_member member[PATHS_MAX];
	uint16_t owner[];	/* [1 << order] of member[] */
};

struct hop_set {
	struct hop_key key;	/* its paths are ours, sorted; a ref on its backup */
	uint64_t hash;
	uint32_t next;		/* another set of the same hash */
	uint32_t refs;		/* 0: this number is free */
	uint32_t uses;
	uint32_t word;		/* of struct nexthops; 0 though in use: no room */
	uint16_t group;		/* 0: not in use */
	bool dirty;
	bool starved;		/* in use, and there was no room */
	struct hop_member one;	/* where @word has no buckets; name 0: never published */
	struct hop_table *table;	/* where it has */
	uint32_t *backup;	/* sets whose groups its memory names: a ref and a use of each */
	unsigned int backups;
};

struct hop_link {
	struct kernel_link link;
	bool present;
	uint16_t port;
};

struct neighbour_key {
	uint32_t ifindex;
	struct addr addr;
	uint8_t pad[3];
};

/* Kept while it is usable, or some set in use asked for it. */
struct hop_neighbour {
	uint16_t state;		/* NUD_* */
	bool usable;
	bool stale;		/* and is not refreshed by the kernel alone */
	uint8_t mac[6];
	struct vec users;	/* of uint32_t: sets that were resolved by it, at least */
};

struct hop_object {
	struct kernel_nexthop nexthop;	/* its members and buckets are ours */
};

/* Where a set leads at the moment. */
struct resolution {
	uint32_t from;		/* whose paths: the set itself, or a backup of it */
	unsigned int hops;
	struct fib_nexthop hop[PATHS_MAX];
	const struct kernel_path *path[PATHS_MAX];	/* each one's, or NULL */
	uint32_t object[PATHS_MAX];	/* the member of a nexthop group that it is */
	const struct kernel_nexthop *resilient;	/* the kernel's own buckets say who has which */
};

static inline struct hop_set *set_at(const struct hops *h, uint32_t set)
{
	return vec_at(&h->sets, set);
}

static inline struct neighbour_key neighbour_key(uint32_t ifindex, const struct addr *addr)
{
	return (struct neighbour_key){ .ifindex = ifindex, .addr = *addr };
}

/* hops_facts.c */

void facts_init(struct hops *h);
void facts_free(struct hops *h);

/** link_port() - the port that packets of a link leave by: its own, or a VLAN's lower one's; 0: none. */
uint16_t link_port(const struct hops *h, const struct hop_link *l);

/* hops_resolve.c */

/** path_link() - the link that a path leaves by; 0: none at the moment. */
uint32_t path_link(const struct hops *h, const struct hop_set *s, const struct kernel_path *path);

/** resolve() - at least one hop, if only one that says why packets are passed up. */
void resolve(const struct hops *h, uint32_t set, struct resolution *r);

/* hops.c */

/** mark_dirty() - resolve the set again with the next flush. */
void mark_dirty(struct hops *h, uint32_t set);

/**
 * hops_set_stale() - the next hops of @set by the neighbour with @mac on @ifindex are @stale.
 * Return: whether one was not.
 */
bool hops_set_stale(struct hops *h, uint32_t set, uint32_t ifindex, const uint8_t *mac, bool stale);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * routes.h: the kernel's routes of one family, as last heard.
 *
 * The kernel may have several routes of one key (prefix, table, tos, metric), in order;
 * its notifications say what becomes of that order in ways that differ by family (below).
 * Told each message, the store knows the list of each key, and reports the first: the
 * one that the kernel takes.
 *
 * IPv4. A new route says by its flags what it did: EXCL, it is alone; REPLACE, it took the
 * place of the first; APPEND, it is the last; none of these, it is the first. A deleted
 * route is named by all that it was.
 *
 * IPv6. Routes with a gateway and the same key are one multipath route: each message of a
 * new one names all paths there are then, of a deleted one the paths that went. Others
 * stand beside each other, and the kernel picks by what it knows of their neighbours:
 * such a key is reported as ambiguous.
 *
 * A dump tells all there is, while notifications go on. It is read in order with them, but
 * a piece of it may have been written just before a change that was told first: within a
 * dump, what a notification has touched is not changed by the dump any more.
 *
 * What many routes have in common (paths, protocol, ...) is kept once, as attributes.
 */
#ifndef SLUICE_NETLINK_ROUTES_H
#define SLUICE_NETLINK_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/kernel.h"
#include "base/table.h"
#include "base/vec.h"

struct decoded_route;

/* What a route has that others have too. */
struct route_attributes {
	uint32_t refs;		/* 0: free */
	uint32_t next;		/* of the same hash */
	uint64_t hash;
	uint8_t type, protocol, scope, flags;
	uint32_t mtu, nexthop_id;
	struct addr prefsrc;
	unsigned int paths;
	struct kernel_path *path;	/* sorted */
};

/* Calls with a reported route: @gone, or new or changed. */
typedef void (*route_report)(void *user, const struct kernel_route *route, bool gone);

struct routes {
	uint8_t family;
	struct table keys;	/* struct route_key4 or 6 -> struct route_list */
	struct table place_numbers;	/* struct route_place -> number in places */
	struct vec places;	/* of struct route_place: table, metric, TOS */
	uint32_t last_place;	/* number of the last one that was asked for */
	struct vec attributes;	/* of struct route_attributes; 0 is none */
	struct table by_hash;	/* -> attributes */
	uint32_t free_attributes;
	struct vec more;	/* of struct route_more: second and later routes of a key; 0 is none */
	uint32_t free_more;
	struct vec scratch;	/* the list in hand */
	bool dumping;
	size_t len;		/* keys that have a route */
	size_t path_bytes;
	route_report report;
	void *user;
};

void routes_init(struct routes *r, uint8_t family, route_report report, void *user);
void routes_free(struct routes *r);

/** routes_new() - RTM_NEWROUTE with these nlmsg_flags, no part of a dump. */
void routes_new(struct routes *r, const struct decoded_route *d, unsigned int nlmsg_flags);

/** routes_deleted() - RTM_DELROUTE. */
void routes_deleted(struct routes *r, const struct decoded_route *d);

/**
 * routes_dump_begin(), _dumped(), _end() - a dump is told from begin to end.
 * @complete: it was whole: what it did not name is not there, and is reported gone.
 */
void routes_dump_begin(struct routes *r);
void routes_dumped(struct routes *r, const struct decoded_route *d);
void routes_dump_end(struct routes *r, bool complete);

enum route_fate { ROUTE_STAYS, ROUTE_GOES, ROUTE_GOES_FROM_MAIN, ROUTE_CHANGES };

/**
 * routes_sweep() - the kernel took routes away without a word.
 * @fate: says of attributes what became of the routes that have them; for
 * ROUTE_CHANGES it has changed @a's mtu, or @path, their paths: lost ones have ifindex 0.
 * Return: how many routes went.
 */
size_t routes_sweep(struct routes *r,
		    enum route_fate (*fate)(void *user, struct route_attributes *a,
					    struct kernel_path *path), void *user);

size_t routes_bytes(const struct routes *r);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * feed_inside.h: what the files of a feed know of one another.
 *
 * feed_dumps.c asks the kernel for all that there is, as often as it takes; feed.c reads what it says,
 * asked or not; feed_objects.c keeps it, and reports what is new; feed_silence.c works out what
 * goes with it that the kernel does not say. Routes have a file of their own (routes.h).
 */
#ifndef SLUICE_NETLINK_FEED_INSIDE_H
#define SLUICE_NETLINK_FEED_INSIDE_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/table.h"
#include "netlink/decode.h"
#include "netlink/feed.h"
#include "netlink/mirror.h"
#include "netlink/routes.h"

#define MESSAGE_MAX	(64u << 10)

enum dump_kind {
	DUMP_LINKS, DUMP_ADDRESSES, DUMP_NEXTHOPS, DUMP_RULES, DUMP_ROUTES, DUMP_NEIGHBOURS, DUMP_BUCKETS
};

struct dump {
	uint16_t type;
	uint8_t family;
	uint8_t header;		/* bytes */
	enum dump_kind kind;
};

#define DUMPS_MAX	6
#define GROUPS_MAX	8

/* What a kind of feed dumps, in this order: what others refer to comes before them. */
struct feed_shape {
	struct dump dump[DUMPS_MAX];
	unsigned int dumps;
	uint8_t group[GROUPS_MAX];	/* that it subscribes to: RTNLGRP_*; 0 ends */
	bool links;		/* links and addresses are reported, not only heard */
};

/* Small objects are kept as reported. @round: of the last dump that named it, or the news. */
struct link_entry {
	struct kernel_link link;
	uint32_t round;
};

struct address_key {
	uint32_t ifindex;
	struct addr addr;
	uint8_t len;		/* of an address's prefix: one address may have several */
	uint8_t pad[2];
};

struct address_entry {
	uint32_t round;
};

struct neighbour_entry {
	struct kernel_neighbour neighbour;	/* state NUD_NONE: gone, and the dump may not know */
	uint32_t round;
	bool touched;		/* by a notification in this round */
};

struct nexthop_entry {
	struct kernel_nexthop nexthop;		/* its members and buckets are ours */
	uint32_t round;
	bool moved;		/* its buckets are others' than was reported */
};

/* Rules that look alike to us are counted. */
struct rule_entry {
	uint32_t count, dumped;
};

struct feed {
	const struct feed_shape *shape;
	struct feed_owner owner;
	struct mnl_socket *socket;
	const uint32_t *tables;
	size_t table_count;

	uint32_t seq;		/* of the dump that runs */
	size_t dump;		/* which; shape->dumps: none */
	unsigned int retries;
	uint32_t round;		/* counts dumps */
	bool torn;		/* this dump is inconsistent */
	bool skipping;		/* this dump may have skipped some */
	bool failed;		/* this dump was refused */
	bool draining;		/* an old dump runs in the kernel: its end comes first */
	bool again;		/* another round of dumps must be run */
	bool stale;		/* and until then what is known may be wrong */
	bool synced;
	unsigned int vain;	/* rounds in a row that made another necessary */
	uint64_t again_ms;	/* when that may begin */
	bool waiting;		/* for that */
	bool want_buckets;	/* dump them when no dump runs */
	bool moved;		/* some nexthop object has */

	struct table links;	/* ifindex -> struct link_entry */
	struct table addresses;	/* struct address_key -> struct address_entry */
	struct table neighbours;	/* struct address_key -> struct neighbour_entry */
	struct table nexthops;	/* id -> struct nexthop_entry */
	struct table rules;	/* struct kernel_rule, padded with zeros -> struct rule_entry */
	struct routes routes[2];

	struct mirror_stats stats;
	struct decoded_route route;
	struct decoded_nexthop nexthop;
	char buffer[MESSAGE_MAX] __attribute__((aligned(8)));
};

#define REPORT(f, what, ...) do {						\
	*(f)->owner.reported = true;					\
	if ((f)->owner.call->what)					\
		(f)->owner.call->what((f)->owner.user, __VA_ARGS__);	\
} while (0)

static inline bool is_dumping(const struct feed *f, enum dump_kind kind)
{
	return f->dump < f->shape->dumps && f->shape->dump[f->dump].kind == kind;
}

static inline const struct kernel_link *find_link(const struct feed *f, uint32_t ifindex)
{
	const struct link_entry *e = table_get(&f->links, &ifindex);

	return e ? &e->link : NULL;
}

static inline struct routes *routes_of_dump(struct feed *f)
{
	return &f->routes[f->shape->dump[f->dump].family == AF_INET6];
}

#endif

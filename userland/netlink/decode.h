/* SPDX-License-Identifier: GPL-2.0 */
/*
 * decode.h: rtnetlink messages into the values of base/kernel.h.
 *
 * Every length is checked, nothing is believed: a message that is too short for what it
 * says is -EINVAL. One that is well-formed and of no concern (another family, a cloned
 * route) is 1. On either, what was to be filled in is undefined.
 */
#ifndef SLUICE_NETLINK_DECODE_H
#define SLUICE_NETLINK_DECODE_H

#include <stdbool.h>

#include "base/kernel.h"

struct nlmsghdr;

#define DECODE_PATHS_MAX 256	/* paths of a route, members of a group: more are cut off */

/* A route as one message has it. */
struct decoded_route {
	struct kernel_route route;	/* its path is the array below */
	struct addr prefsrc;		/* the local address it was bound to; ADDR_NONE: none */
	struct kernel_path path[DECODE_PATHS_MAX];
};

struct decoded_nexthop {
	struct kernel_nexthop nexthop;	/* its member is the array below */
	struct kernel_nexthop_member member[DECODE_PATHS_MAX];
};

/* One bucket of a resilient group. */
struct decoded_bucket {
	uint32_t group, index, member;
};

/**
 * decode_fits() - whether the message at @nlh is whole within the @left bytes there are.
 * As mnl_nlmsg_ok(), which takes a length past INT_MAX for a good one, and never gets on from there.
 */
bool decode_fits(const struct nlmsghdr *nlh, int left);

int decode_link(const struct nlmsghdr *nlh, struct kernel_link *link);
int decode_address(const struct nlmsghdr *nlh, struct kernel_address *address);
int decode_neighbour(const struct nlmsghdr *nlh, struct kernel_neighbour *neighbour);
/* Of a resilient group @nexthop.buckets is how many there are; whose they are is told by buckets. */
int decode_nexthop(const struct nlmsghdr *nlh, struct decoded_nexthop *nexthop);
int decode_bucket(const struct nlmsghdr *nlh, struct decoded_bucket *bucket);
int decode_route(const struct nlmsghdr *nlh, struct decoded_route *route);
int decode_rule(const struct nlmsghdr *nlh, struct kernel_rule *rule);

#endif

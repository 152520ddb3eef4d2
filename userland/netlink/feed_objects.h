/* SPDX-License-Identifier: GPL-2.0 */
/* feed_objects.h: links, addresses, neighbours, nexthop objects and rules, as a feed has heard of them. */
#ifndef SLUICE_NETLINK_FEED_OBJECTS_H
#define SLUICE_NETLINK_FEED_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

struct decoded_bucket;
struct feed;
struct kernel_address;
struct kernel_link;
struct kernel_neighbour;
struct kernel_nexthop;
struct kernel_rule;

/*
 * What was told, by a dump (@dumped) or a notification: it is kept, and reported where it is news, with
 * all that goes with it.
 */
void feed_link_set(struct feed *f, struct kernel_link *link);
void feed_link_gone(struct feed *f, uint32_t ifindex);
void feed_address_set(struct feed *f, const struct kernel_address *a);
void feed_address_gone(struct feed *f, const struct kernel_address *a);
void feed_neighbour_told(struct feed *f, const struct kernel_neighbour *n, bool gone, bool dumped);
void feed_nexthop_set(struct feed *f, const struct kernel_nexthop *n);
void feed_nexthop_gone(struct feed *f, uint32_t id);
void feed_rule_told(struct feed *f, const struct kernel_rule *rule, bool gone, bool dumped);

/** feed_bucket_told() - is not reported before feed_report_buckets(). */
void feed_bucket_told(struct feed *f, const struct decoded_bucket *b);

/** feed_report_buckets() - all that moved since the last time, at once. */
void feed_report_buckets(struct feed *f);

/** feed_settle_dump() - the dump that runs is over: if it was @complete, what it did not name is gone. */
void feed_settle_dump(struct feed *f, bool complete);

#endif

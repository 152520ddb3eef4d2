// SPDX-License-Identifier: GPL-2.0
#include "daemon/routes.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/vec.h"

struct route_feed {
	struct fib *fib;
	struct mirror *mirror;
	struct mirror_callbacks also;
	void *user;
	bool publishing;	/* the first dump is complete */
};

#define ALSO(feed, what, ...) do {				\
	if ((feed)->also.what)					\
		(feed)->also.what((feed)->user, __VA_ARGS__);	\
} while (0)

static void wait_for_programs(void *user)
{
	(void)user;
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static void link_set(void *user, const struct kernel_link *link)
{
	struct route_feed *feed = user;

	fib_link_set(feed->fib, link);
	ALSO(feed, link_set, link);
}

static void link_gone(void *user, uint32_t ifindex)
{
	struct route_feed *feed = user;

	fib_link_gone(feed->fib, ifindex);
	ALSO(feed, link_gone, ifindex);
}

static void address_set(void *user, const struct kernel_address *address)
{
	ALSO((struct route_feed *)user, address_set, address);
}

static void address_gone(void *user, const struct kernel_address *address)
{
	ALSO((struct route_feed *)user, address_gone, address);
}

static void neighbour_set(void *user, const struct kernel_neighbour *neighbour)
{
	struct route_feed *feed = user;

	fib_neighbour_set(feed->fib, neighbour);
	ALSO(feed, neighbour_set, neighbour);
}

static void neighbour_gone(void *user, uint32_t ifindex, const struct addr *addr)
{
	struct route_feed *feed = user;

	fib_neighbour_gone(feed->fib, ifindex, addr);
	ALSO(feed, neighbour_gone, ifindex, addr);
}

static void nexthop_set(void *user, const struct kernel_nexthop *nexthop)
{
	struct route_feed *feed = user;

	fib_nexthop_object_set(feed->fib, nexthop);
	ALSO(feed, nexthop_set, nexthop);
}

static void nexthop_gone(void *user, uint32_t id)
{
	struct route_feed *feed = user;

	fib_nexthop_object_gone(feed->fib, id);
	ALSO(feed, nexthop_gone, id);
}

static void route_set(void *user, const struct kernel_route *route)
{
	struct route_feed *feed = user;

	fib_route_set(feed->fib, route);
	ALSO(feed, route_set, route);
}

static void route_gone(void *user, const struct kernel_route *route)
{
	struct route_feed *feed = user;

	fib_route_gone(feed->fib, route);
	ALSO(feed, route_gone, route);
}

static void rule_set(void *user, const struct kernel_rule *rule)
{
	struct route_feed *feed = user;

	fib_rule_set(feed->fib, rule);
	ALSO(feed, rule_set, rule);
}

static void rule_gone(void *user, const struct kernel_rule *rule)
{
	struct route_feed *feed = user;

	fib_rule_gone(feed->fib, rule);
	ALSO(feed, rule_gone, rule);
}

static void batch(void *user)
{
	struct route_feed *feed = user;

	if (feed->publishing)
		fib_flush(feed->fib);
	if (feed->also.batch)
		feed->also.batch(feed->user);
}

static void event(void *user, enum mirror_event event)
{
	struct route_feed *feed = user;

	if (event == MIRROR_SYNCED) {
		feed->publishing = true;
		fib_flush(feed->fib);
	}
	ALSO(feed, event, event);
}

int route_feed_open(struct route_feed **out, const struct fib_memory *memory,
		    const struct mirror_callbacks *also, void *user)
{
	static const struct mirror_callbacks callbacks = {
		.link_set = link_set, .link_gone = link_gone,
		.address_set = address_set, .address_gone = address_gone,
		.neighbour_set = neighbour_set, .neighbour_gone = neighbour_gone,
		.nexthop_set = nexthop_set, .nexthop_gone = nexthop_gone,
		.route_set = route_set, .route_gone = route_gone,
		.rule_set = rule_set, .rule_gone = rule_gone,
		.batch = batch, .event = event,
	};
	struct route_feed *feed = xcalloc(1, sizeof(*feed));
	struct fib_memory own = *memory;
	int err;

	if (!own.grace)
		own.grace = wait_for_programs;
	if (also)
		feed->also = *also;
	feed->user = user;
	feed->fib = fib_new(&own);
	err = mirror_open(&feed->mirror, &callbacks, feed, NULL);
	if (err) {
		route_feed_close(feed);
		return err;
	}
	*out = feed;
	return 0;
}

void route_feed_close(struct route_feed *feed)
{
	if (!feed)
		return;
	mirror_close(feed->mirror);
	fib_free(feed->fib);
	free(feed);
}

int route_feed_fd(const struct route_feed *feed)
{
	return mirror_fd(feed->mirror);
}

int route_feed_step(struct route_feed *feed)
{
	return mirror_step(feed->mirror);
}

void route_feed_port(struct route_feed *feed, uint32_t ifindex, uint16_t port)
{
	fib_port_set(feed->fib, ifindex, port);
	if (feed->publishing)
		fib_flush(feed->fib);
}

void route_feed_reclaim(struct route_feed *feed)
{
	if (!fib_wants_reclaim(feed->fib))
		return;
	wait_for_programs(NULL);
	fib_reclaim(feed->fib);
}

const struct fib *route_feed_fib(const struct route_feed *feed)
{
	return feed->fib;
}

struct mirror *route_feed_mirror(struct route_feed *feed)
{
	return feed->mirror;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * feed_dumps.c: dumps, one after the other, until one round of them was in peace.
 *
 * Loss. When the kernel had no room for a notification (ENOBUFS), a round of all dumps must be
 * run that begins after it. One that is under way is not broken off: the kernel loses no piece
 * of a dump, and what it tells is truer than what was known. It goes on to its end, and
 * the next round begins when all is read. So each round makes progress however many
 * notifications are lost, and the first during which none is lost ends with the whole truth. Rounds
 * in vain are held apart by growing waits.
 *
 * Skipped routes. An IPv6 dump goes on, after any change, by how many routes it has told
 * (fib6_dump_table()): when some of those have gone, it skips as many that are there.
 * A dump during which an IPv6 route went is therefore run again, some times, to hear of
 * the others; and nothing is believed gone by it. If it never gets one in peace, what it has
 * told is good; that nothing stale is left is for a later round to see.
 *
 * Buckets. A resilient group is told with how many buckets it has, and each bucket when it moves to
 * another member; but not whose they are when the group is made, or made anew. So after such news they
 * are dumped, by a dump of their own at the end of a round, or as soon as none runs.
 */
#include "netlink/feed_dumps.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>

#include "base/clock.h"
#include "netlink/feed_inside.h"
#include "netlink/feed_objects.h"
#include "netlink/feed_silence.h"

#define DUMP_RETRIES	3
#define VAIN_WAIT_MS	50	/* after a round in vain; doubled each time */
#define VAIN_DOUBLINGS	6

/* What a kind of feed dumps, in this order: what others refer to comes before them. */
static const struct feed_shape shapes[] = {
	[FEED_LINKS] = {
		.dump = {
			{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), DUMP_LINKS },
			{ RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), DUMP_ADDRESSES },
			{ RTM_GETRULE, AF_INET, sizeof(struct fib_rule_hdr), DUMP_RULES },
			{ RTM_GETRULE, AF_INET6, sizeof(struct fib_rule_hdr), DUMP_RULES },
			{ RTM_GETNEIGH, AF_INET, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
			{ RTM_GETNEIGH, AF_INET6, sizeof(struct ndmsg), DUMP_NEIGHBOURS },
		},
		.dumps = 6,
		.group = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NEIGH,
			   RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE },
		.links = true,
	},
	[FEED_ROUTES] = {
		.dump = {
			{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), DUMP_LINKS },
			{ RTM_GETADDR, AF_INET, sizeof(struct ifaddrmsg), DUMP_ADDRESSES },
			{ RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg), DUMP_NEXTHOPS },
			{ RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), DUMP_ROUTES },
			{ RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), DUMP_ROUTES },
			{ RTM_GETNEXTHOPBUCKET, AF_UNSPEC, sizeof(struct nhmsg), DUMP_BUCKETS },
		},
		.dumps = 6,
		.group = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
			   RTNLGRP_NEXTHOP },
	},
};

const struct feed_shape *feed_shape(enum feed_kind kind)
{
	return &shapes[kind];
}

int feed_request_dump(struct feed *f)
{
	const struct dump *d = &f->shape->dump[f->dump];
	char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + 32] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	uint8_t *header;

	nlh->nlmsg_type = d->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++f->seq;
	header = mnl_nlmsg_put_extra_header(nlh, d->header);
	header[0] = d->family;		/* the first byte of each of these headers */
	f->torn = f->skipping = f->failed = false;
	f->round++;
	if (d->kind == DUMP_BUCKETS)
		f->want_buckets = false;
	if (d->kind == DUMP_ROUTES)
		routes_dump_begin(routes_of_dump(f));
	return mnl_socket_sendto(f->socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* Only the last one, of buckets. */
static int dump_buckets(struct feed *f)
{
	f->dump = f->shape->dumps - 1;
	f->retries = 0;
	return feed_request_dump(f);
}

int feed_start_over(struct feed *f)
{
	f->again = f->stale = false;
	f->dump = 0;
	f->retries = 0;
	return feed_request_dump(f);
}

static void set_synced(struct feed *f, bool synced)
{
	if (f->synced == synced)
		return;
	f->synced = synced;
	f->owner.turned(f->owner.owner);
}

static void end_round(struct feed *f)
{
	f->vain = f->again ? f->vain + 1 : 0;
	if (f->vain)
		f->again_ms = clock_ms(CLOCK_MONOTONIC) + (VAIN_WAIT_MS <<
					  (f->vain < VAIN_DOUBLINGS ? f->vain : VAIN_DOUBLINGS));
	if (f->stale)
		return;
	/* Routes may have been told after the end of their nexthop objects. */
	feed_sweep_by_nexthops(f);
	set_synced(f, true);
}

int feed_end_dump(struct feed *f)
{
	f->stats.torn += f->torn || f->skipping;
	/* What changed while buckets were dumped was told, too; but for groups that were made anew. */
	if (is_dumping(f, DUMP_BUCKETS) && f->torn) {
		f->want_buckets = true;
		f->torn = false;
	}
	feed_settle_dump(f, !f->torn && !f->skipping && !f->failed);
	if ((f->torn || f->skipping) && f->retries++ < DUMP_RETRIES)
		return feed_request_dump(f);
	/* It changes all the time. */
	f->stale |= f->torn;
	f->again |= f->torn || f->skipping;
	f->retries = 0;
	f->dump++;
	if (f->dump < f->shape->dumps)
		return feed_request_dump(f);
	end_round(f);
	return 0;
}

/* Another round must be run, once the one that runs has ended and all is read. */
void feed_resync(struct feed *f)
{
	f->again = f->stale = true;
	set_synced(f, false);
}

void feed_lost(struct feed *f)
{
	f->stats.lost++;
	feed_resync(f);
}

int feed_all_read(struct feed *f)
{
	int err;

	if (f->dump < f->shape->dumps) {
		err = feed_request_dump(f);
	} else {
		f->waiting = f->again && f->vain && clock_ms(CLOCK_MONOTONIC) < f->again_ms;
		if (f->again && !f->waiting)
			err = feed_start_over(f);
		else if (f->want_buckets)
			err = dump_buckets(f);
		else
			return 0;
	}
	return err ? err : 1;
}

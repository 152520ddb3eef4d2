// SPDX-License-Identifier: GPL-2.0
/*
 * feed.c: subscribed first, then dumped from.
 *
 * Order. Dump replies and notifications come through one socket, in the order in which
 * the kernel wrote them; read in that order, the later word is the right one (routes.h
 * has the one exception). One dump runs at a time; its end begins the next. What a dump does
 * not name is gone.
 */
#include "netlink/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"
#include "netlink/feed_dumps.h"
#include "netlink/feed_inside.h"
#include "netlink/feed_objects.h"
#include "netlink/feed_silence.h"

/*
 * Of one feed_read(). A receive is a notification, or some hundred messages of a dump; and where a dump
 * runs it waits for the kernel's lock on all network configuration, however long others have it.
 */
#define READ_RECEIVES	1024
#define READ_MESSAGES	8192
#define READ_MS		10

static void report_route(void *user, const struct kernel_route *route, bool gone)
{
	struct feed *f = user;

	if (gone)
		REPORT(f, route_gone, route);
	else
		REPORT(f, route_set, route);
}

static bool wants_table(const struct feed *f, uint32_t table)
{
	for (size_t i = 0; i < f->table_count; i++)
		if (f->tables[i] == table)
			return true;
	return false;
}

static void route_deleted(struct feed *f, struct routes *routes)
{
	routes_deleted(routes, &f->route);
	f->skipping |= routes->family == ADDR_V6 && is_dumping(f, DUMP_ROUTES) &&
		       routes_of_dump(f) == routes;
}

static void take_message(struct feed *f, const struct nlmsghdr *nlh, bool dumped)
{
	struct kernel_neighbour neighbour;
	struct kernel_address address;
	struct decoded_bucket bucket;
	struct kernel_link link;
	struct kernel_rule rule;
	struct routes *routes;
	int err = 0;

	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = decode_route(nlh, &f->route);
		if (err || !wants_table(f, f->route.route.table))
			break;
		feed_drop_dead_flags(f);
		routes = &f->routes[f->route.route.prefix.addr.family == ADDR_V6];
		if (dumped)
			routes_dumped(routes, &f->route);
		else if (nlh->nlmsg_type == RTM_NEWROUTE)
			routes_new(routes, &f->route, nlh->nlmsg_flags);
		else
			route_deleted(f, routes);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		err = decode_neighbour(nlh, &neighbour);
		if (!err)
			feed_neighbour_told(f, &neighbour, nlh->nlmsg_type == RTM_DELNEIGH, dumped);
		break;
	case RTM_NEWLINK:
		err = decode_link(nlh, &link);
		if (!err)
			feed_link_set(f, &link);
		break;
	case RTM_DELLINK:
		err = decode_link(nlh, &link);
		if (!err)
			feed_link_gone(f, link.ifindex);
		break;
	case RTM_NEWADDR:
		err = decode_address(nlh, &address);
		if (!err)
			feed_address_set(f, &address);
		break;
	case RTM_DELADDR:
		err = decode_address(nlh, &address);
		if (!err)
			feed_address_gone(f, &address);
		break;
	case RTM_NEWNEXTHOP:
		err = decode_nexthop(nlh, &f->nexthop);
		if (!err)
			feed_nexthop_set(f, &f->nexthop.nexthop);
		break;
	case RTM_DELNEXTHOP:
		err = decode_nexthop(nlh, &f->nexthop);
		if (!err)
			feed_nexthop_gone(f, f->nexthop.nexthop.id);
		break;
	case RTM_NEWNEXTHOPBUCKET:
		err = decode_bucket(nlh, &bucket);
		if (!err)
			feed_bucket_told(f, &bucket);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		err = decode_rule(nlh, &rule);
		if (!err)
			feed_rule_told(f, &rule, nlh->nlmsg_type == RTM_DELRULE, dumped);
		break;
	}
	f->stats.malformed += err < 0;
}

/* A dump was refused, or has failed on its way. */
static void take_error(struct feed *f, int err)
{
	switch (err) {
	case 0:
		break;
	case -EOPNOTSUPP:	/* a kernel that does not know such objects has none */
	case -EAFNOSUPPORT:
		f->failed = true;
		break;
	default:
		f->torn = true;
	}
}

/*
 * One message of a dump of ours. There is one dump at a time, but one that did not fit into
 * the socket at once is answered with ENOBUFS, and comes all the same; should an old one
 * still run (EBUSY), its end must be waited for.
 */
static int take_reply(struct feed *f, const struct nlmsghdr *nlh)
{
	bool ended = nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
	int err = 0;

	if (ended && mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -ENOBUFS)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR && err == -EBUSY) {
		f->draining = true;
		return 0;
	}
	if (f->draining && nlh->nlmsg_type == NLMSG_DONE) {
		f->draining = false;
		return f->dump < f->shape->dumps ? feed_request_dump(f) : 0;
	}
	if (f->dump == f->shape->dumps || nlh->nlmsg_seq != f->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		f->torn = true;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		take_message(f, nlh, true);
	if (!ended)
		return 0;
	take_error(f, err);
	return feed_end_dump(f);
}

/* One datagram. Return: 0, or -errno if the next dump could not be asked for. */
static int take_datagram(struct feed *f, size_t n)
{
	const struct nlmsghdr *nlh = (void *)f->buffer;
	uint32_t own = mnl_socket_get_portid(f->socket);
	int left = n, err;

	for (; decode_fits(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		f->stats.messages++;
		if (nlh->nlmsg_pid == own) {
			err = take_reply(f, nlh);
			if (err)
				return err;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			f->stats.notifications++;
			take_message(f, nlh, false);
		}
	}
	return 0;
}

static int read_some(struct feed *f)
{
	struct sockaddr_nl from;
	struct iovec iov = { f->buffer, sizeof(f->buffer) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
	};
	uint64_t end = f->stats.messages + READ_MESSAGES, end_ms = clock_ms(CLOCK_MONOTONIC) + READ_MS;
	int more, err;
	ssize_t n;

	f->waiting = false;
	for (int i = 0; i < READ_RECEIVES && f->stats.messages < end; i++) {
		if (i && clock_ms(CLOCK_MONOTONIC) > end_ms)
			break;
		msg.msg_namelen = sizeof(from);
		n = recvmsg(mnl_socket_get_fd(f->socket), &msg, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			more = feed_all_read(f);
			if (more > 0)
				continue;
			return more;
		}
		if (n < 0 && errno == ENOBUFS) {
			feed_lost(f);
			continue;
		}
		if (n < 0)
			return -errno;
		if (from.nl_pid)
			continue;	/* not from the kernel */
		if (msg.msg_flags & MSG_TRUNC) {
			f->stats.malformed++;
			feed_lost(f);
			continue;
		}
		err = take_datagram(f, n);
		if (err)
			return err;
	}
	return 1;
}

int feed_read(struct feed *f)
{
	int more = read_some(f);

	feed_report_buckets(f);
	return more;
}

uint64_t feed_due_ms(const struct feed *f)
{
	return f->waiting ? f->again_ms : 0;
}

/* ---- ends ----------------------------------------------------------------- */

static int subscribe(struct feed *f)
{
	for (size_t i = 0; i < GROUPS_MAX && f->shape->group[i]; i++) {
		int group = f->shape->group[i];

		if (mnl_socket_setsockopt(f->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) &&
		    group != RTNLGRP_NEXTHOP)	/* before Linux 5.3 there are none */
			return -errno;
	}
	return 0;
}

static void set_receive_buffer(struct feed *f, size_t wanted)
{
	int fd = mnl_socket_get_fd(f->socket), size = wanted;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len))
		f->stats.receive_buffer = size;
}

int feed_open(struct feed **feed, enum feed_kind kind, const struct feed_owner *owner,
	      const struct feed_options *options)
{
	struct feed *f = xcalloc(1, sizeof(*f));
	int err, on = 1;

	f->shape = feed_shape(kind);
	f->owner = *owner;
	f->tables = options->tables;
	f->table_count = options->table_count;
	f->dump = f->shape->dumps;
	f->links = TABLE(uint32_t, struct link_entry);
	f->addresses = TABLE(struct address_key, struct address_entry);
	f->neighbours = TABLE(struct address_key, struct neighbour_entry);
	f->nexthops = TABLE(uint32_t, struct nexthop_entry);
	f->rules = TABLE(struct kernel_rule, struct rule_entry);
	routes_init(&f->routes[0], ADDR_V4, report_route, f);
	routes_init(&f->routes[1], ADDR_V6, report_route, f);

	f->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	err = f->socket ? 0 : -errno;
	if (err)
		goto fail;
	set_receive_buffer(f, options->receive_buffer);
	/* Old kernels ignore the headers of dumps, and dump more: that is filtered here anyway. */
	mnl_socket_setsockopt(f->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(f->socket, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		goto fail;
	}
	err = subscribe(f);
	if (err)
		goto fail;
	err = feed_start_over(f);
	if (err)
		goto fail;
	*feed = f;
	return 0;
fail:
	feed_close(f);
	return err;
}

void feed_close(struct feed *f)
{
	const void *key;
	void *value;

	if (!f)
		return;
	for (size_t pos = 0; table_next(&f->nexthops, &pos, &key, &value); )
		nexthop_free_lists(&((struct nexthop_entry *)value)->nexthop);
	table_free(&f->links);
	table_free(&f->addresses);
	table_free(&f->neighbours);
	table_free(&f->nexthops);
	table_free(&f->rules);
	routes_free(&f->routes[0]);
	routes_free(&f->routes[1]);
	if (f->socket)
		mnl_socket_close(f->socket);
	free(f);
}

int feed_fd(const struct feed *f)
{
	return mnl_socket_get_fd(f->socket);
}

bool feed_synced(const struct feed *f)
{
	return f->synced;
}

void feed_add_stats(const struct feed *f, struct mirror_stats *stats)
{
	stats->messages += f->stats.messages;
	stats->notifications += f->stats.notifications;
	stats->lost += f->stats.lost;
	stats->torn += f->stats.torn;
	stats->malformed += f->stats.malformed;
	stats->silent += f->stats.silent;
	stats->receive_buffer += f->stats.receive_buffer;
	if (f->shape->links) {
		stats->links += f->links.len;
		stats->addresses += f->addresses.len;
	}
	stats->neighbours += f->neighbours.len;
	stats->nexthops += f->nexthops.len;
	stats->rules += f->rules.len;
	stats->routes4 += f->routes[0].len;
	stats->routes6 += f->routes[1].len;
	stats->memory += sizeof(*f) + routes_bytes(&f->routes[0]) + routes_bytes(&f->routes[1]);
}

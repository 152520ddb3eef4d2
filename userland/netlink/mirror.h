/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mirror.h: what the kernel knows about its network, heard over rtnetlink and kept true.
 *
 * A mirror subscribes to links, addresses, neighbours, routes, nexthop objects and
 * rules of one network namespace, dumps each of them, and from then on reports what
 * changes. It keeps what it has reported, so that it can tell what differs:
 *
 *  - after a lost notification (ENOBUFS) or a torn dump everything of its kind is dumped
 *    again, and only differences are reported;
 *  - what the kernel takes away without a word it takes away likewise (see mirror.c).
 *
 * Links, addresses, neighbours and rules come by a socket of their own, and are read first:
 * they never wait behind routes, nor are they dumped again when notifications of routes were lost.
 * So there is no order between the two: a route may be reported before the link it goes by.
 *
 * It owns no loop and no thread. The owner polls mirror_fd() for reading and calls
 * mirror_step(), which calls back:
 *
 *	set/gone ... set/gone  batch  set/gone ... batch  event(MIRROR_SYNCED) ...
 *
 * Callbacks get values that are good only until they return, and must not call the mirror.
 */
#ifndef SLUICE_NETLINK_MIRROR_H
#define SLUICE_NETLINK_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/kernel.h"

struct mirror;
struct text;

enum mirror_event {
	MIRROR_SYNCED,		/* the first dump is complete: what was reported is the whole truth */
	MIRROR_LOST,		/* notifications were lost: what is known is stale, a resync runs */
	MIRROR_RESYNCED,	/* it is over: what was reported is the whole truth again */
};

/* Each may be NULL. @user is what mirror_open() was given. */
struct mirror_callbacks {
	void (*link_set)(void *user, const struct kernel_link *link);
	void (*link_gone)(void *user, uint32_t ifindex);
	void (*address_set)(void *user, const struct kernel_address *address);
	void (*address_gone)(void *user, const struct kernel_address *address);
	void (*neighbour_set)(void *user, const struct kernel_neighbour *neighbour);
	void (*neighbour_gone)(void *user, uint32_t ifindex, const struct addr *addr);
	void (*nexthop_set)(void *user, const struct kernel_nexthop *nexthop);
	void (*nexthop_gone)(void *user, uint32_t id);
	void (*route_set)(void *user, const struct kernel_route *route);
	/* Only the key of @route is filled in: prefix, table, tos, metric. */
	void (*route_gone)(void *user, const struct kernel_route *route);
	void (*rule_set)(void *user, const struct kernel_rule *rule);
	void (*rule_gone)(void *user, const struct kernel_rule *rule);
	/* What was reported since the last batch belongs together: apply it now. */
	void (*batch)(void *user);
	void (*event)(void *user, enum mirror_event event);
};

struct mirror_options {
	size_t receive_buffer;	/* bytes, of each socket; 0: 64 MB, or as much as one gets */
	/*
	 * Routes of which tables to report, of both families; NULL: local, main, default. None:
	 * a million of them costs nothing, and nexthop objects are not told either.
	 */
	const uint32_t *tables;
	size_t table_count;
};

struct mirror_stats {
	uint64_t messages;	/* that were read, dumps included */
	uint64_t notifications;
	uint64_t lost;		/* times the kernel ran out of our buffer */
	uint64_t torn;		/* dumps that the kernel called inconsistent */
	uint64_t resyncs;	/* that were completed */
	uint64_t malformed;	/* messages that made no sense, and were skipped */
	uint64_t silent;	/* routes taken away that the kernel had not named */
	size_t links, addresses, neighbours, nexthops, routes4, routes6, rules;
	size_t receive_buffer;	/* bytes that the kernel granted, of both sockets */
	size_t memory;		/* bytes that the mirror keeps its tables in */
};

/**
 * mirror_open() - subscribes in the network namespace of the calling thread.
 * @options: NULL for all defaults. The socket stays in that namespace for good.
 * The dump is begun, not waited for: call mirror_step().
 * Return: 0 and *@mirror, to be closed by mirror_close(); -errno of the socket calls otherwise.
 */
int mirror_open(struct mirror **mirror, const struct mirror_callbacks *callbacks, void *user,
		const struct mirror_options *options);

/** mirror_close() - frees it; calls nothing back. NULL is fine. */
void mirror_close(struct mirror *mirror);

/** mirror_fd() - poll this for reading: an epoll fd of both sockets and a timer. */
int mirror_fd(const struct mirror *mirror);

/**
 * mirror_step() - reads what there is and reports it, the urgent first: at most 8192 routes or
 * some ten ms, then a batch callback if anything was reported. Never waits for news.
 * Return: 1 if more may be waiting (call again soon), 0 if all was read, -errno if the
 * socket is broken for good: close the mirror, and open another.
 */
int mirror_step(struct mirror *mirror);

/** mirror_resync() - dumps everything again, as after a loss: for an owner that mistrusts. */
void mirror_resync(struct mirror *mirror);

/** mirror_synced() - whether what was reported is the whole truth, as far as was heard. */
bool mirror_synced(const struct mirror *mirror);

void mirror_stats(const struct mirror *mirror, struct mirror_stats *stats);

#endif

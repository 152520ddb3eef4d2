/* SPDX-License-Identifier: GPL-2.0 */
/*
 * feed.h: one rtnetlink socket, subscribed to some kinds of object, dumped from, and kept true.
 *
 * A mirror (mirror.h) has two, so that what is small and urgent never waits behind routes, nor
 * starts over when they do. Each tells a whole story: what its objects hang on it hears itself,
 * in the order in which the kernel changed it, even where the other one reports that
 * (feed.c). Neither knows the other.
 */
#ifndef SLUICE_NETLINK_FEED_H
#define SLUICE_NETLINK_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed;
struct mirror_callbacks;
struct mirror_stats;

enum feed_kind {
	FEED_LINKS,		/* reports links, addresses, neighbours, rules */
	FEED_ROUTES,		/* reports routes and nexthop objects; hears links and addresses too */
};

struct feed_owner {
	const struct mirror_callbacks *call;	/* all but batch and event */
	void *user;		/* of @call */
	/* feed_synced() is another now. */
	void (*turned)(void *owner);
	void *owner;
	bool *reported;		/* set with each report */
};

struct feed_options {
	size_t receive_buffer;	/* bytes */
	const uint32_t *tables;	/* routes of which to report; both outlive the feed */
	size_t table_count;
};

/** feed_open() - subscribes, and begins to dump. Return: 0 and *@feed, or -errno. */
int feed_open(struct feed **feed, enum feed_kind kind, const struct feed_owner *owner,
	      const struct feed_options *options);

/** feed_close() - NULL is fine. */
void feed_close(struct feed *feed);

int feed_fd(const struct feed *feed);

/**
 * feed_read() - reads and reports for a bounded time; never blocks.
 * Return: 1 if more may be waiting, 0 if all was read, -errno if the socket is broken.
 */
int feed_read(struct feed *feed);

/** feed_due_ms() - when (CLOCK_MONOTONIC) to read even if nothing came; 0: never. */
uint64_t feed_due_ms(const struct feed *feed);

/** feed_resync() - dumps everything again; not synced until that is done. */
void feed_resync(struct feed *feed);

bool feed_synced(const struct feed *feed);

/** feed_add_stats() - adds its own. */
void feed_add_stats(const struct feed *feed, struct mirror_stats *stats);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* feed_dumps.h: dumps, one after the other, until one round of them was in peace. */
#ifndef SLUICE_NETLINK_FEED_DUMPS_H
#define SLUICE_NETLINK_FEED_DUMPS_H

#include "netlink/feed.h"

struct feed_shape;

/** feed_shape() - what a kind of feed dumps and subscribes to. */
const struct feed_shape *feed_shape(enum feed_kind kind);

/** feed_start_over() - asks for the first dump of a round. Return: 0 or -errno. */
int feed_start_over(struct feed *f);

/** feed_request_dump() - asks for the one that should be running. Return: 0 or -errno. */
int feed_request_dump(struct feed *f);

/** feed_end_dump() - the one that runs has ended: on to the next. Return: 0 or -errno. */
int feed_end_dump(struct feed *f);

/** feed_lost() - a notification was lost: another round must be run. */
void feed_lost(struct feed *f);

/**
 * feed_all_read() - all was read. If another round of dumps must be run, now is the time; and if a dump
 * should be running it has come to nothing, since the kernel writes the next piece when one is read.
 * Return: 0, 1 if there is more to read now, or -errno.
 */
int feed_all_read(struct feed *f);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * neighbours.h: the next hops of static routes. The kernel has no route by them, and would not
 * resolve them by itself: it is asked to, for as long as a static route leads there.
 */
#ifndef SLUICE_DAEMON_NEIGHBOURS_H
#define SLUICE_DAEMON_NEIGHBOURS_H

#include <stdint.h>
#include <uv.h>

struct addr;
struct datapath;
struct image;
struct neighbours;
struct notes;

struct neighbours *neighbours_open(uv_loop_t *loop, struct datapath *dp, struct notes *notes);

/** neighbours_want() - those of @image from now on, and no others. */
void neighbours_want(struct neighbours *n, const struct image *image);

/** neighbours_link() - a link came, went, or changed: the kernel may have forgotten those behind it. */
void neighbours_link(struct neighbours *n, uint32_t ifindex);

/** neighbours_close() - they stay as they are. The loop has yet to run the close callback. */
void neighbours_close(struct neighbours *n);

/**
 * neighbours_used() - packets are sent to a neighbour that the kernel has called stale, past the kernel: it
 * is asked to look. That is what a packet passed up as a sample would do, but loses and reorders none.
 */
void neighbours_used(struct neighbours *n, uint32_t ifindex, const struct addr *addr);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * interfaces.h: the kernel's interfaces, and which of them are ports.
 *
 * A policy names interfaces; they come, go, change their names and come back, and a port
 * follows its name. What the kernel says of each is kept here, told to the data path where
 * it is a port, and noted where it is not as the policy asks.
 */
#ifndef SLUICE_DAEMON_INTERFACES_H
#define SLUICE_DAEMON_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

struct datapath;
struct image;
struct interfaces;
struct kernel_link;
struct notes;
struct routes;
struct text;

/* What somebody may want to hear of: @event is "port-gone", "port-back", "port-down" or "port-up". */
typedef void interfaces_heard_fn(void *ctx, const char *event, const char *port,
				 const char *interface);

struct interfaces *interfaces_open(struct datapath *dp, struct notes *notes,
				   interfaces_heard_fn *heard, void *ctx);
void interfaces_close(struct interfaces *in);

/** interfaces_set(), interfaces_gone() - what the kernel says of one. */
void interfaces_set(struct interfaces *in, const struct kernel_link *link);
void interfaces_gone(struct interfaces *in, uint32_t ifindex);

/** interfaces_exist() - whether there is one of that name. */
bool interfaces_exist(const struct interfaces *in, const char *name);

/** interfaces_list() - appends the names of all but the loopback, for a hint. */
void interfaces_list(const struct interfaces *in, struct text *out);

/**
 * interfaces_publish() - tells the data path the facts of all ports of @image, which shall
 * run next: before it is committed.
 */
void interfaces_publish(struct interfaces *in, const struct image *image);

/**
 * interfaces_run() - @image runs, and is followed from now on; it stays the caller's, and must be
 * there until the next call. NULL: nothing runs that we know.
 */
void interfaces_run(struct interfaces *in, const struct image *image);

/**
 * interfaces_route() - tells @routes which interfaces are ports: those of @image that are ports of
 * @also, too, unless that is NULL.
 */
void interfaces_route(const struct interfaces *in, struct routes *routes,
		      const struct image *image, const struct image *also);

/** interfaces_route_one() - likewise of a single one that was just set. */
void interfaces_route_one(const struct interfaces *in, struct routes *routes, uint32_t ifindex,
			  const struct image *image);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * routes.h: the kernel's network on its way into route tables: a mirror of what the
 * kernel says, the join, and the tables that it fills.
 *
 * One of these serves all generations that want tables of its size. For others, a new one
 * is opened beside it: it reads the kernel's routes anew into empty tables, and takes over
 * when it has them all; until then the old one is kept true. So neither a policy that
 * raises a limit nor a restart is ever seen with half a table.
 */
#ifndef SLUICE_DAEMON_ROUTES_H
#define SLUICE_DAEMON_ROUTES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct addr;
struct datapath;
struct delays;
struct fib;
struct grace;
struct image_routing;
struct kernel_link;
struct lpm;
struct mirror_stats;
struct routes;
struct tables;
struct text;
struct vec;

/* Called from the loop. None may close the routes, but for ready and broken. */
struct routes_owner {
	void *ctx;
	void (*link_set)(void *ctx, struct routes *r, const struct kernel_link *link);
	void (*link_gone)(void *ctx, struct routes *r, uint32_t ifindex);
	/* All that the kernel has is known, once: say which are ports, then flush. */
	void (*ready)(void *ctx, struct routes *r);
	/* Packets are sent by a neighbour that the kernel calls stale: at most once a second each. */
	void (*stale_used)(void *ctx, uint32_t ifindex, const struct addr *addr);
	/* What the kernel said was lost in part (@lost), or has been made good. */
	void (*lost)(void *ctx, struct routes *r, bool lost);
	/* The kernel cannot be heard any more: open another one, and close this. */
	void (*broken)(void *ctx, struct routes *r, int err);
};

/**
 * routes_open() - begins to read the kernel's network; the owner hears when it is read.
 * @routing: which tables, and how large; all of it 0: links are reported, routes are not read.
 * Return: 0 and *@r, or -errno and a sentence.
 */
int routes_open(uv_loop_t *loop, struct datapath *dp, struct grace *grace,
		const struct image_routing *routing, const struct routes_owner *owner,
		struct routes **r, struct text *why);

/** routes_close() - programs that use its tables go on with them. NULL is fine. */
void routes_close(struct routes *r);

/** routes_fit() - whether it has just these tables. */
bool routes_fit(const struct routes *r, const struct image_routing *routing);

/** routes_ready() - all that the kernel has is known; the owner was told, or is about to be. */
bool routes_ready(const struct routes *r);

/** routes_port_set() - the port that an interface is; 0: none. Published by routes_flush(). */
void routes_port_set(struct routes *r, uint32_t ifindex, uint16_t port);

/**
 * routes_set_statics() - the static routes from now on. Published by routes_flush().
 * @statics: of struct image_static, sorted.
 */
void routes_set_statics(struct routes *r, const struct vec *statics);

/** routes_flush() - publishes now, unless the kernel's routes are still being read for the first time. */
void routes_flush(struct routes *r);

struct tables *routes_tables(const struct routes *r);
const struct fib *routes_fib(const struct routes *r);

/**
 * routes_delays() - of each batch of the kernel's notifications since the first dump: from when the first
 * of it was about to be read until all of it was published.
 */
const struct delays *routes_delays(const struct routes *r);

const struct lpm *routes_lpm(const struct routes *r, uint8_t family);

#endif

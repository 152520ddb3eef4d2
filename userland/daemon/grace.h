/* SPDX-License-Identifier: GPL-2.0 */
/*
 * grace.h: grace periods, waited for off the loop.
 *
 * What programs may still be reading is used again only after all of those that ran have
 * ended (datapath_wait()). That takes up to 50 ms, which the sockets must not wait for: it is
 * done in a thread of libuv's pool, one at a time. Those that ask while one is under way share
 * the next.
 */
#ifndef SLUICE_DAEMON_GRACE_H
#define SLUICE_DAEMON_GRACE_H

#include <stdbool.h>
#include <uv.h>

#include "base/vec.h"

struct grace {
	uv_loop_t *loop;
	uv_work_t work;
	bool under_way;
	struct vec waiting, next;	/* of those who asked: for this one, for the one after */
	struct vec over;		/* of those who are being told */
};

void grace_open(struct grace *grace, uv_loop_t *loop);

/** grace_wait() - calls @over(@ctx) from the loop, after a grace period that begins no earlier than now. */
void grace_wait(struct grace *grace, void (*over)(void *ctx), void *ctx);

/** grace_forget() - @ctx's calls are not made any more. */
void grace_forget(struct grace *grace, void *ctx);

/** grace_close() - once the loop has ended. */
void grace_close(struct grace *grace);

#endif

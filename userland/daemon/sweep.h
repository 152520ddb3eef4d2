/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sweep.h: looks after the sets that run: takes out what has expired, so that it gives its room
 * back, and notes a set that is full.
 *
 * An element that has expired is not there for any packet, whether it is taken out or not. So there is
 * time: sets are swept one after the other, some thousand elements at once, and the loop goes round in
 * between.
 */
#ifndef SLUICE_DAEMON_SWEEP_H
#define SLUICE_DAEMON_SWEEP_H

#include <uv.h>

struct notes;
struct sweep;
struct view;

#define SWEEP_MS	500	/* from one set to the next */
#define SWEEP_ON_MS	20	/* within one */

/** sweep_open() - @view: what runs, and its data path. */
struct sweep *sweep_open(uv_loop_t *loop, struct view *view, struct notes *notes);

/** sweep_run() - other sets run now. */
void sweep_run(struct sweep *s);

/** sweep_close() - the loop has yet to run the close callbacks. */
void sweep_close(struct sweep *s);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * spares.h: has the next generation's program loaded in a thread of the pool, before somebody needs it
 * (datapath/spare.c says what for).
 */
#ifndef SLUICE_DAEMON_SPARES_H
#define SLUICE_DAEMON_SPARES_H

#include <stdbool.h>
#include <uv.h>

struct datapath;
struct spares;

struct spares *spares_open(uv_loop_t *loop, struct datapath *datapath);

/** spares_prepare() - what runs is another one: begins to load, if there is no spare that is like it. */
void spares_prepare(struct spares *s);

/** spares_busy() - whether one is being loaded: nothing may be staged or committed until that is over. */
bool spares_busy(const struct spares *s);

/** spares_close() - waits for the thread. Before datapath_close(). */
void spares_close(struct spares *s);

#endif

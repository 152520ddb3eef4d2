/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flows.h: the measure that runs: its memory, its intervals, its last report.
 *
 * The memory outlives generations, and daemons, as long as key and slots stay the same; a measure
 * of another shape gets memory of its own, and begins with its generation.
 */
#ifndef SLUICE_DAEMON_FLOWS_H
#define SLUICE_DAEMON_FLOWS_H

#include <uv.h>

struct datapath;
struct flows;
struct grace;
struct image_measure;
struct text;
struct view;

/** flows_open() - @view: its report is kept up to date here. */
struct flows *flows_open(uv_loop_t *loop, struct datapath *dp, struct grace *grace,
			 struct view *view);

/**
 * flows_prepare() - memory for the generation that is about to be staged.
 * @measure: its name is "" where nothing is measured.
 * Then one of flows_commit() and flows_abandon() follows.
 */
int flows_prepare(struct flows *f, const struct image_measure *measure, struct text *why);

/** flows_commit() - the generation runs; flows_abandon() - it does not. */
void flows_commit(struct flows *f);
void flows_abandon(struct flows *f);

/** flows_close() - programs go on counting. The loop has yet to run the close callbacks. */
void flows_close(struct flows *f);

#endif

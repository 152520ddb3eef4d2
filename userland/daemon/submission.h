/* SPDX-License-Identifier: GPL-2.0 */
/*
 * submission.h: policy files of our own command line, made the running policy.
 *
 * The way is the one that everybody takes: a client of the store opens a transaction, replaces
 * all documents, commits, and waits for the verdict. It runs in a thread of libuv's pool, while
 * the loop serves it.
 */
#ifndef SLUICE_DAEMON_SUBMISSION_H
#define SLUICE_DAEMON_SUBMISSION_H

#include <stdbool.h>
#include <uv.h>

/**
 * submission_begin() - reads, checks and commits @files (@count of them, good for the daemon's life).
 * @socket: the store's, or NULL: it is in the module.
 * @done: called from the loop with what there is to say (diagnostics, a sentence, "").
 */
void submission_begin(uv_loop_t *loop, const char *socket, const char *const *files, size_t count,
		      void (*done)(void *ctx, bool accepted, const char *message), void *ctx);

#endif

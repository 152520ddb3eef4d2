/* SPDX-License-Identifier: GPL-2.0 */
/*
 * generations.h: from a configuration in the store to the generation that runs.
 *
 * One at a time, and all or nothing:
 *
 *	documents, objects -> policy -> image	mistakes: a verdict with all of them
 *	-> its interfaces are there		(or are waited for: daemon/missing_ports.h)
 *	-> route tables of its size, filled	those that run are used again, if they fit
 *	-> staged: loaded, and nothing runs it yet
 *	-> committed: one store, and it runs
 *
 * Whatever fails on the way is said in the verdict, and what ran goes on untouched.
 * Numbers: the store numbers what users commit. The data path numbers what is loaded, which also
 * happens when a daemon starts, with the same contents; that number is nobody's business.
 */
#ifndef SLUICE_DAEMON_GENERATIONS_H
#define SLUICE_DAEMON_GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/configuration.h"

struct datapath;
struct generations;
struct grace;
struct notes;
struct text;
struct view;

/* What it works with; all of it outlives it. */
struct generations_parts {
	uv_loop_t *loop;
	struct datapath *datapath;
	struct grace *grace;
	struct notes *notes;
	struct view *view;		/* kept up to date here: what runs, and its tables */
	size_t table_budget;		/* bytes for the tables of filters; 0: the default */
	unsigned int witness_ms;	/* for the witnesses of a commit; 0: the default */
	unsigned int prove_ms;		/* for the assertions of a commit; 0: the default */
	const char *refused;		/* file for a packet that a commit was refused for */
	const char *kept;		/* file for the number of what runs (earlier.h) */
	const bool *ready;		/* the start is over: what is applied from now on, somebody asks for */
};

struct generations *generations_open(const struct generations_parts *parts);

/**
 * generations_start() - makes run what the store has as running, in tables that are read anew;
 * what is pinned forwards until then.
 * @started: called from the loop when that is done, or has failed (which is logged, and noted).
 * Return: 0, or -errno and a sentence if the kernel's network cannot be read.
 */
int generations_start(struct generations *g, struct configuration *configuration,
		      void (*started)(void *ctx), void *ctx, struct text *why);

/** generations_compile() - configuration_owner.compile, @ctx a struct generations. */
void generations_compile(void *ctx, uint64_t generation, enum wish wish);

/**
 * generations_reload() - makes run anew what the store has as running.
 * @done: with diagnostics, or "".
 */
void generations_reload(struct generations *g,
			void (*done)(void *ctx, bool accepted, const char *message), void *ctx);

/** generations_close() - what runs goes on. The loop has yet to run the close callbacks. */
void generations_close(struct generations *g);

#endif

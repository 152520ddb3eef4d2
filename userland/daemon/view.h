/* SPDX-License-Identifier: GPL-2.0 */
/*
 * view.h: what the daemon has, as the JSON objects of query.h.
 *
 * The daemon fills a struct view with pointers to its parts and keeps it up to date; a part that
 * is not there (yet) is NULL, and shows nothing. An answer is made an object at a time, so
 * that query.c can stop between any two; what the pointers refer to may change in between: an
 * answer keeps numbers and prefixes of where it stands, never pointers into a part.
 */
#ifndef SLUICE_DAEMON_VIEW_H
#define SLUICE_DAEMON_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/vec.h"
#include "daemon/earlier.h"

struct datapath;
struct delays;
struct drops;
struct fib;
struct flow_report;
struct image;
struct lpm;
struct policy;
struct steps;
struct text;
struct view_answer;
struct witnesses;

struct view {
	const char *netns;		/* name of the network namespace; NULL: not named */
	time_t started;			/* of the daemon */
	const char *store;		/* "socket" or "module" */
	const char *store_why;		/* why there; NULL: nothing to say */

	/* What runs; all of one generation. */
	uint64_t generation;		/* 0: none */
	uint32_t loaded;		/* the data path's number of it */
	struct earlier earlier;		/* what runs while there is none */
	time_t since;
	const struct policy *policy;	/* its documents are shown */
	const struct witnesses *witnesses;	/* what it was asked before it ran */
	const struct steps *steps;	/* how long its commit took */
	const struct image *image;

	struct datapath *datapath;
	const struct fib *fib;
	const struct delays *updates;	/* how long the kernel's changes took to be published */
	bool fib_ready;			/* the kernel's routes have all been read */
	const struct lpm *lpm4, *lpm6;

	const struct flow_report *report;	/* of the measure's last whole interval; NULL: none yet */
	time_t report_at;		/* when that ended */

	struct drops *drops;		/* samples of dropped packets */

	/* of char *: sentences, each on something that is not as asked, and that no part tells of itself */
	struct vec notes;
};

/** view_open() - begins the answer to a request. Never NULL: what is wrong comes out of view_next(). */
struct view_answer *view_open(struct view *view, const json_t *request);

/**
 * view_next() - appends the next object as a line; sometimes none, when there was much to pass over.
 * Return: 1; 0 at the end; -1 if the request cannot be answered (then view_error() says why).
 */
int view_next(struct view_answer *a, struct text *out);

/** view_error(), view_hint() - a sentence, and what to do about it or NULL; after -1. */
const char *view_error(const struct view_answer *a);
const char *view_hint(const struct view_answer *a);

void view_close(struct view_answer *a);

#endif

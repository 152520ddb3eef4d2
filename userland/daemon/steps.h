/* SPDX-License-Identifier: GPL-2.0 */
/*
 * steps.h: how long each step of a commit takes, from the store's call until it runs: for `sluice -s status`.
 */
#ifndef SLUICE_DAEMON_STEPS_H
#define SLUICE_DAEMON_STEPS_H

/* In their order. X(name) */
#define COMMIT_STEPS(X)						\
	X(read)		/* documents and objects, from the store */	\
	X(parse)	/* and check */					\
	X(prove)	/* assertions */				\
	X(compile)						\
	X(load)		/* programs, maps, and what is in them */	\
	X(witnesses)						\
	X(swap)		/* until nothing meets the one before */

enum step {
#define X(name) STEP_##name,
	COMMIT_STEPS(X)
#undef X
	STEP_MAX
};

struct steps {
	double begun, mark;		/* seconds of CLOCK_MONOTONIC */
	double took[STEP_MAX];		/* seconds */
	double all;			/* what waits in between included */
};

/** steps_begin() - all are still to come. */
void steps_begin(struct steps *s);

/** steps_from() - what was since the last step is nobody's: something was waited for. */
void steps_from(struct steps *s);

/** steps_end() - what was since the last step, or steps_from(), was @step. */
void steps_end(struct steps *s, enum step step);

/** steps_name() */
const char *steps_name(enum step step);

#endif

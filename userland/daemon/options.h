/* SPDX-License-Identifier: GPL-2.0 */
/*
 * options.h: sluiced's command line.
 */
#ifndef SLUICE_DAEMON_OPTIONS_H
#define SLUICE_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_BUDGET_MIN 1000000u
#define TABLE_BUDGET_MAX 1000000000u	/* offsets in tables have 32 bits, and half of them are enough */

struct options {
	const char *netns;		/* -n; NULL: the one we are in */
	const char *run_dir;		/* --run-dir; NULL: the default */
	const char *state_dir;		/* --state-dir, or of the service manager; NULL: in the run directory */
	const char **policies;		/* --policy, in order; they point into argv */
	size_t policy_count;
	unsigned int witness_ms;	/* --witness-time; 0: the default */
	unsigned int prove_ms;		/* --prove-time; 0: the default */
	unsigned int verdict_ms;	/* --verdict-time, for tests: of a store of ours; 0: the default */
	size_t table_budget;		/* --table-budget: bytes; 0: the default */
	bool detach;			/* --detach: SIGTERM takes the data path down */
	bool remove;			/* --remove: take down what is pinned, and end */
	bool verbose;			/* -v */
};

/**
 * options_read() - Return: -1: go on; else the exit code, 0 after -h and -V, 2 when the
 * command line was wrong (and that was said).
 */
int options_read(struct options *options, int argc, char **argv);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * child.h: programs that the lab runs, each in a node's network namespace.
 */
#ifndef SLUICE_LAB_CHILD_H
#define SLUICE_LAB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

struct child {
	int netns;		/* file descriptor of the namespace to run in, or -1: this one */
	const char *input;	/* given on standard input, or NULL */
	const char *log;	/* standard output and error are appended to this file, or NULL */
	const char *dir;	/* working directory, or NULL */
};

/**
 * child_run() - runs @argv to its end.
 * @said: what it wrote is appended here, unless it goes to a log; may be NULL.
 * Return: its exit code, 128 + the signal that ended it, or -errno if it could not be started.
 */
int child_run(const struct child *c, const char *const argv[], struct text *said);

/**
 * child_start() - starts @argv and leaves it running; it dies with this process.
 * Return: its process id or -errno.
 */
pid_t child_start(const struct child *c, const char *const argv[]);

/** netns_call() - in the namespace @netns calls @f(@argument). Return: what @f does, or -errno. */
int netns_call(int netns, int (*f)(void *argument), void *argument);

#endif

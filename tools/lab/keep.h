/* SPDX-License-Identifier: GPL-2.0 */
/*
 * keep.h: labs are recorded, found again and swept away.
 */
#ifndef SLUICE_LAB_KEEP_H
#define SLUICE_LAB_KEEP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"
#include "lab.h"

/* A lab that is recorded below /run/sluice-lab. */
struct kept {
	char id[64];
	pid_t keeper;		/* 0: gone */
	pid_t sweeper;		/* 0: gone; with the keeper gone too, nobody will sweep */
};

/**
 * keep_register() - chooses an id for a lab called @name, makes its directory, and records this
 * process as its keeper. Fills in @lab->id and @lab->dir.
 * Return: 0 or -errno.
 */
int keep_register(struct lab *lab, const char *name);

/**
 * keep_sweeper() - starts the process that sweeps @lab away when this process ends, however.
 * @quiet: it leaves this process's standard error alone.
 * @sweeper: its process id. Return: a file descriptor to close when the lab shall go, or -errno.
 */
int keep_sweeper(const struct lab *lab, bool quiet, pid_t *sweeper);

/** keep_sweep() - takes away all that belongs to the lab @id. Return: 0 or -errno of the last failure. */
int keep_sweep(const char *id);

/** keep_sweep_leftovers() - sweeps labs whose keeper and sweeper are gone. Return: how many. */
unsigned int keep_sweep_leftovers(void);

/** keep_list() - appends all recorded labs to @labs, a vec of struct kept. Return: 0 or -errno. */
int keep_list(struct vec *labs);

/** keep_there() - whether the lab @id is recorded. */
bool keep_there(const char *id);

#endif

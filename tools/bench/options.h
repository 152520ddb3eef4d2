/* SPDX-License-Identifier: GPL-2.0 */
/*
 * options.h: the command line of a benchmark, read by a table.
 */
#ifndef SLUICE_BENCH_OPTIONS_H
#define SLUICE_BENCH_OPTIONS_H

#include <stdbool.h>

/* Exactly one of flag, text and number is set. A table ends in an empty row. */
struct bench_option {
	const char *name;		/* without "--" */
	bool *flag;			/* set to true */
	const char **text;		/* set to the word that follows */
	unsigned int *number;		/* set to the number that follows, from 1 to @most */
	unsigned int most;
};

/**
 * bench_options() - reads all of @argv behind its first word; "--help" and "-h" print @usage.
 * Return: 0; -1 when help was asked for: return 0 then; 2 when something is wrong, and was said.
 */
int bench_options(int argc, char **argv, const struct bench_option *table, const char *usage);

/* What a row "engines" of a table sets, "A,B": NULL: all. */
extern const char *bench_engines;

/** bench_wanted() - whether bench_engines has @engine. */
bool bench_wanted(const char *engine);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * columns.h: a table for people: cells are collected, then printed aligned.
 *
 *	static const char *const heads[] = { "PORT", "INTERFACE", ">PACKETS", NULL };
 *	struct columns c;
 *
 *	columns_init(&c, heads);
 *	columns_cell(&c, "%s", name);
 *	...
 *	columns_print(&c, cli);
 *
 * A head that begins with '>' stands over a column that is aligned to the right. Cells come from
 * a network and from files: what would move a terminal's cursor is printed as '?'.
 */
#ifndef SLUICE_TOOLS_COLUMNS_H
#define SLUICE_TOOLS_COLUMNS_H

#include "base/vec.h"
#include "cli.h"

struct columns {
	const char *const *heads;
	size_t count;		/* of columns */
	struct vec cells;	/* of char *, row by row */
};

void columns_init(struct columns *c, const char *const *heads);

/** columns_cell() - adds the next cell; after the last of a row begins the next row. Empty: "-". */
void columns_cell(struct columns *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * columns_lines() - appends the table to @lines, a vec of char * that the caller frees, and
 * empties it. The first line has the heads; no rows, no lines.
 */
void columns_lines(struct columns *c, struct vec *lines);

/** columns_print() - prints the table, or nothing if it has no rows, and empties it. */
void columns_print(struct columns *c, const struct cli *cli);

/** plain() - @s in place, with each control character made '?'. */
char *plain(char *s);

/** quantity_format() - 12345678 as "12.3M": at most 6 characters and a NUL into @buf. */
char *quantity_format(double value, char buf[8]);

/** duration_format() - seconds as "3d 4h", "2h 5m", "7m 3s", "12s". */
char *duration_format(long long seconds, char buf[32]);

#endif

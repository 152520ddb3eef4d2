// SPDX-License-Identifier: GPL-2.0
#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void columns_init(struct columns *c, const char *const *heads)
{
	*c = (struct columns){ .heads = heads, .cells = VEC(char *) };
	while (heads[c->count])
		c->count++;
}

char *plain(char *s)
{
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return s;
}

void columns_cell(struct columns *c, const char *format, ...)
{
	struct text cell = { 0 };
	va_list args;

	va_start(args, format);
	text_vprintf(&cell, format, args);
	va_end(args);
	if (!cell.len)
		text_append(&cell, "-", 1);
	plain(cell.data);
	*(char **)vec_push(&c->cells) = cell.data;
}

static const char *head(const struct columns *c, size_t i, bool *right)
{
	*right = c->heads[i][0] == '>';
	return c->heads[i] + *right;
}

static void append_cell(struct text *line, const char *cell, size_t width, bool right, bool last)
{
	if (right)
		text_printf(line, "%*s", (int)width, cell);
	else if (last)
		text_printf(line, "%s", cell);
	else
		text_printf(line, "%-*s", (int)width, cell);
	if (!last)
		text_append(line, "  ", 2);
}

/* Hands the line over, without blanks at its end. */
static void push_line(struct vec *lines, struct text *line)
{
	while (line->len && line->data[line->len - 1] == ' ')
		line->data[--line->len] = '\0';
	*(char **)vec_push(lines) = line->data;
	*line = (struct text){ 0 };
}

void columns_lines(struct columns *c, struct vec *lines)
{
	size_t *widths = xcalloc(c->count, sizeof(*widths));
	char **cells = c->cells.data;
	struct text line = { 0 };
	bool right;

	for (size_t i = 0; i < c->count; i++)
		widths[i] = strlen(head(c, i, &right));
	for (size_t i = 0; i < c->cells.len; i++) {
		size_t len = strlen(cells[i]);

		if (len > widths[i % c->count])
			widths[i % c->count] = len;
	}
	for (size_t i = 0; c->cells.len && i < c->count; i++) {
		const char *word = head(c, i, &right);

		append_cell(&line, word, widths[i], right, i + 1 == c->count);
	}
	for (size_t i = 0; i < c->cells.len; i++) {
		size_t column = i % c->count;

		if (column == 0)
			push_line(lines, &line);
		head(c, column, &right);
		append_cell(&line, cells[i], widths[column], right, column + 1 == c->count);
		free(cells[i]);
	}
	if (line.data)
		push_line(lines, &line);
	free(widths);
	vec_free(&c->cells);
}

void columns_print(struct columns *c, const struct cli *cli)
{
	struct vec lines = VEC(char *);

	columns_lines(c, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		char *line = *(char **)vec_at(&lines, i);

		if (i == 0 && cli->colour)
			printf("\033[1m%s\033[0m\n", line);
		else
			puts(line);
		free(line);
	}
	vec_free(&lines);
}

char *quantity_format(double value, char buf[8])
{
	static const char units[] = " kMGTPE";
	size_t u = 0;

	while (value >= (u ? 999.95 : 999.5) && units[u + 1]) {
		value /= 1000;
		u++;
	}
	if (u == 0)
		snprintf(buf, 8, "%.0f", value);
	else
		snprintf(buf, 8, "%.1f%c", value > 99999 ? 99999 : value, units[u]);
	return buf;
}

char *duration_format(long long s, char buf[32])
{
	if (s < 0)
		s = 0;
	if (s >= 86400)
		snprintf(buf, 32, "%lldd %lldh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(buf, 32, "%lldh %lldm", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(buf, 32, "%lldm %llds", s / 60, s % 60);
	else
		snprintf(buf, 32, "%llds", s);
	return buf;
}

// SPDX-License-Identifier: GPL-2.0
#include "base/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diags_init(struct diags *d)
{
	*d = (struct diags){ .list = VEC(struct diag) };
}

void diags_free(struct diags *d)
{
	for (size_t i = 0; i < d->list.len; i++) {
		struct diag *one = vec_at(&d->list, i);

		free(one->sentence);
		free(one->hint);
	}
	vec_free(&d->list);
	diags_init(d);
}

static char *formatted(const char *format, va_list args)
{
	struct text t = { 0 };

	text_vprintf(&t, format, args);
	return t.data ? t.data : xstrdup("");
}

static void add(struct diags *d, enum diag_level level, struct place place,
		const char *format, va_list args)
{
	struct diag *one;

	if (level == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
	if (d->list.len >= DIAGS_MAX) {
		d->truncated = true;
		return;
	}
	one = vec_push(&d->list);
	one->level = level;
	one->place = place;
	one->sentence = formatted(format, args);
}

void diag_error(struct diags *d, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, DIAG_ERROR, place, format, args);
	va_end(args);
}

void diag_warning(struct diags *d, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, DIAG_WARNING, place, format, args);
	va_end(args);
}

void diag_hint(struct diags *d, const char *format, ...)
{
	struct diag *last;
	va_list args;

	if (!d->list.len || d->truncated)
		return;
	last = vec_at(&d->list, d->list.len - 1);
	free(last->hint);
	va_start(args, format);
	last->hint = formatted(format, args);
	va_end(args);
}

static const char *line_start(const struct source *s, unsigned int line)
{
	const char *p = s->text;

	while (--line) {
		p = strchr(p, '\n');
		if (!p)
			return NULL;
		p++;
	}
	return p;
}

/* The source line, and below it a caret; tabs are kept above and below, so that they line up. */
static void print_line(struct text *out, const struct place *at)
{
	const char *line = line_start(at->source, at->line);
	unsigned int len, width = at->width ? at->width : 1;

	if (!line)
		return;
	len = strcspn(line, "\r\n");
	text_printf(out, "    %.*s\n    ", len, line);
	for (unsigned int i = 0; i + 1 < at->column && i < len; i++)
		text_append(out, line[i] == '\t' ? "\t" : " ", 1);
	text_append(out, "^", 1);
	for (unsigned int i = 1; i < width && at->column + i <= len; i++)
		text_append(out, "~", 1);
	text_append(out, "\n", 1);
}

static void print_one(struct text *out, const struct diag *one, bool colour)
{
	const char *level = one->level == DIAG_ERROR ? "error" : "warning";
	const char *on = !colour ? "" : one->level == DIAG_ERROR ? "\033[1;31m" : "\033[1;35m";
	const char *off = colour ? "\033[0m" : "";
	const struct place *at = &one->place;

	if (at->source)
		text_printf(out, "%s:%u:%u: ", at->source->name, at->line, at->column);
	text_printf(out, "%s%s:%s %s\n", on, level, off, one->sentence);
	if (at->source && at->line)
		print_line(out, at);
	if (one->hint)
		text_printf(out, "    hint: %s\n", one->hint);
}

void diags_print(const struct diags *d, struct text *out, bool colour)
{
	for (size_t i = 0; i < d->list.len; i++)
		print_one(out, vec_at(&d->list, i), colour);
	if (d->truncated)
		text_printf(out, "too many mistakes: only the first %u are shown, of %u errors\n",
			    DIAGS_MAX, d->errors);
}

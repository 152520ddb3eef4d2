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

#define LINE_SHOWN	160	/* bytes of a line that is shown whole */
#define LINE_BEFORE	80	/* of a longer one: bytes before the mistake */

/*
 * The bytes from @from to @to, one column a character: what a terminal would obey, and what
 * is no character, as "?". @caret: blanks in place of the text, tabs kept, for the line below.
 */
static void print_columns(struct text *out, const char *line, unsigned int from, unsigned int to,
			  char caret)
{
	unsigned int n;

	for (; from < to; from += n) {
		const char *c = line + from;

		n = utf8_len(c);
		if (!n || from + n > to || *c == '\0')
			n = 1;
		if (*c == '\t' && (!caret || caret == ' '))
			text_append(out, c, 1);
		else if (caret)
			text_append(out, &caret, 1);
		else if ((n == 1 && *c & 0x80) || (unsigned char)*c < 0x20 || *c == 0x7f)
			text_append(out, "?", 1);
		else
			text_append(out, c, n);
	}
}

/* The source line, and below it a caret; of a long line the part around it. */
static void print_line(struct text *out, const struct place *at)
{
	const char *line = line_start(at->source, at->line);
	unsigned int len, first = 0, end, mark, mark_end;

	if (!line)
		return;
	len = end = strcspn(line, "\r\n");
	mark = at->column - 1 < len ? at->column - 1 : len;
	mark_end = mark + (at->width ? at->width : 1);
	if (len > LINE_SHOWN) {
		first = mark > LINE_BEFORE ? mark - LINE_BEFORE : 0;
		end = len - first > LINE_SHOWN ? first + LINE_SHOWN : len;
		while (first && (line[first] & 0xc0) == 0x80)
			first--;
	}
	if (mark_end > end)
		mark_end = end;
	text_printf(out, "    %s", first ? "..." : "");
	print_columns(out, line, first, end, 0);
	text_printf(out, "%s\n    %s", end < len ? "..." : "", first ? "   " : "");
	print_columns(out, line, first, mark, ' ');
	text_append(out, "^", 1);
	if (mark < mark_end)
		print_columns(out, line, mark + (utf8_len(line + mark) ?: 1), mark_end, '~');
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

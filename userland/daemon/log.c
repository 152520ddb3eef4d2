// SPDX-License-Identifier: GPL-2.0
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { ERROR = 3, WARNING = 4, INFO = 6, DEBUG = 7 };	/* syslog(3) */

static bool verbose, journal;

void log_open(bool say_all)
{
	verbose = say_all;
	journal = getenv("JOURNAL_STREAM") != NULL;
}

static void print_line(int priority, const char *line, int len)
{
	if (journal)
		fprintf(stderr, "<%d>%.*s\n", priority, len, line);
	else
		fprintf(stderr, "sluiced: %.*s\n", len, line);
}

static void print(int priority, const char *format, va_list args)
{
	struct text message = { 0 };
	const char *line;

	text_vprintf(&message, format, args);
	line = text_string(&message);
	for (;;) {
		size_t len = strcspn(line, "\n");

		print_line(priority, line, len);
		line += len;
		if (!*line || !*++line)
			break;
	}
	text_free(&message);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(ERROR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(WARNING, format, args);
	va_end(args);
}

void log_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(INFO, format, args);
	va_end(args);
}

void log_detail(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	print(DEBUG, format, args);
	va_end(args);
}

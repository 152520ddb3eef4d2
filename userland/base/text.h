/* SPDX-License-Identifier: GPL-2.0 */
/*
 * text.h: a growing string, and files read whole.
 */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Always ends in a NUL that @len does not count; {0} is the empty text with @data NULL. */
struct text {
	char *data;
	size_t len, cap;
};

void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list args);
void text_append(struct text *t, const void *bytes, size_t n);

/* What is printed ten thousand times a policy goes without a format: a string, a decimal number. */
void text_put_number(struct text *t, uint64_t n);
static inline void text_put(struct text *t, const char *string)
{
	size_t n = strlen(string);

	if (t->len + n >= t->cap) {
		text_append(t, string, n);
		return;
	}
	memcpy(t->data + t->len, string, n + 1);
	t->len += n;
}

/** text_string() - the text as a C string, "" if nothing was written; owned by @t. */
const char *text_string(const struct text *t);

void text_free(struct text *t);

/**
 * utf8_len() - bytes of the UTF-8 sequence at @s, 0 if there is none (RFC 3629).
 * @s: ends in a NUL, which is a sequence of one byte.
 */
unsigned int utf8_len(const char *s);

/**
 * text_read_file() - reads the file @path whole, "-" being standard input.
 * @limit: the most bytes to take; more is -EFBIG.
 * Return: 0 and the bytes appended to @t, or -errno with @t untouched.
 */
int text_read_file(struct text *t, const char *path, size_t limit);

/**
 * text_write_file() - replaces the file @path in one step: a new file beside it,
 * synced, then renamed over it. A reader sees the old bytes or the new.
 * @mode: permission bits.
 * Return: 0 or -errno, the old file untouched.
 */
int text_write_file(const char *path, const void *bytes, size_t n, unsigned int mode);

#endif

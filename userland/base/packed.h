/* SPDX-License-Identifier: GPL-2.0 */
/*
 * packed.h: a file that may be compressed, read as what it unpacks to.
 *
 * What it is its first bytes say: gzip is unpacked in this process; bzip2 and xz by the programs of
 * these names, as children, so that what few ever read is no library of everybody's; all else
 * is read as it is.
 */
#ifndef SLUICE_BASE_PACKED_H
#define SLUICE_BASE_PACKED_H

#include <stddef.h>
#include <sys/types.h>

struct packed;
struct text;

/**
 * packed_open() - opens @path, "-" being standard input.
 * Return: 0 and *@p, for packed_close(); or -errno and a sentence that begins with the file.
 */
int packed_open(struct packed **p, const char *path, struct text *error);

/**
 * packed_read() - reads @n bytes, fewer only at the end.
 * Return: how many, or -errno and a sentence: -EINVAL where the compressed data are damaged or end early.
 */
ssize_t packed_read(struct packed *p, void *bytes, size_t n, struct text *error);

/**
 * packed_line() - reads a line of at most @size - 1 bytes, without its new line, a NUL behind it.
 * Return: 1; 0 at the end; -E2BIG if it is longer (nothing said); or as packed_read().
 */
int packed_line(struct packed *p, char *line, size_t size, struct text *error);

/** packed_peek() - the next bytes, @n at most (16), which stay to be read. Return: as packed_read(). */
ssize_t packed_peek(struct packed *p, void *bytes, size_t n, struct text *error);

/** packed_name() - as the file is called in sentences. */
const char *packed_name(const struct packed *p);

/** packed_close() - NULL is fine. What was not read is left. */
void packed_close(struct packed *p);

#endif

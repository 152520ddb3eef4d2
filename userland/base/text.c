// SPDX-License-Identifier: GPL-2.0
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"

static void grow(struct text *t, size_t more)
{
	t->cap = (t->len + more + 1) * 2;
	t->data = xrealloc(t->data, t->cap);
}

void text_vprintf(struct text *t, const char *format, va_list args)
{
	size_t room = t->cap - t->len;	/* mostly enough: then it is formatted once */
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(room ? t->data + t->len : NULL, room, format, args);
	if (n > 0 && (size_t)n >= room) {
		grow(t, n);
		n = vsnprintf(t->data + t->len, n + 1, format, again);
	}
	if (n > 0)
		t->len += n;
	if (t->data)
		t->data[t->len] = '\0';
	va_end(again);
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(t, format, args);
	va_end(args);
}

void text_append(struct text *t, const void *bytes, size_t n)
{
	if (t->len + n + 1 > t->cap)
		grow(t, n);
	memcpy(t->data + t->len, bytes, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_put_number(struct text *t, uint64_t n)
{
	char digits[20], *first = digits + sizeof(digits);

	do
		*--first = '0' + n % 10;
	while (n /= 10);
	text_append(t, first, digits + sizeof(digits) - first);
}

const char *text_string(const struct text *t)
{
	return t->data ? t->data : "";
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

unsigned int utf8_len(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;
	unsigned int n = *b < 0x80 ? 1 : *b >= 0xc2 && *b < 0xe0 ? 2 :
			 *b >= 0xe0 && *b < 0xf0 ? 3 : *b >= 0xf0 && *b < 0xf5 ? 4 : 0;

	for (unsigned int i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than they need be, surrogates, beyond U+10FFFF. */
	if ((*b == 0xe0 && b[1] < 0xa0) || (*b == 0xed && b[1] > 0x9f) ||
	    (*b == 0xf0 && b[1] < 0x90) || (*b == 0xf4 && b[1] > 0x8f))
		return 0;
	return n;
}

#define READ_ROOM 4096	/* bytes at least that are asked for at once */

/* All that @fd has, into the empty @in, in one piece of memory if it says how much that is. */
static int read_all(int fd, size_t limit, struct text *in)
{
	struct stat st;
	ssize_t n;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size <= limit)
		grow(in, st.st_size);
	for (;;) {
		if (in->cap - in->len < READ_ROOM)
			grow(in, READ_ROOM);
		n = read(fd, in->data + in->len, in->cap - in->len - 1);
		if (!n)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		in->len += n > 0 ? n : 0;
		in->data[in->len] = '\0';
		if (in->len > limit)
			return -EFBIG;
	}
}

int text_read_file(struct text *t, const char *path, size_t limit)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	struct text in = { 0 };
	int err;

	if (fd < 0)
		return -errno;
	err = read_all(fd, limit, &in);
	if (!err && in.len && !t->data) {
		*t = in;
		in = (struct text){ 0 };
	} else if (!err && in.len) {
		text_append(t, in.data, in.len);
	}
	text_free(&in);
	if (fd != STDIN_FILENO)
		close(fd);
	return err;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	ssize_t done;

	for (; n; bytes += done, n -= done) {
		done = write(fd, bytes, n);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done < 0)
			done = 0;
	}
	return fsync(fd) ? -errno : 0;
}

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	int fd, err = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

int text_write_file(const char *path, const void *bytes, size_t n, unsigned int mode)
{
	char fresh[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh))
		return -ENAMETOOLONG;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	err = write_all(fd, bytes, n);
	if (!err && fchmod(fd, mode))
		err = -errno;
	close(fd);
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		unlink(fresh);
	return err ? err : sync_folder_of(path);
}

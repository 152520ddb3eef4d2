// SPDX-License-Identifier: GPL-2.0
#include "base/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/text.h"
#include "base/vec.h"

#define ROOM	(128u << 10)
#define PEEK	16

extern char **environ;

struct packed {
	char *name;
	int fd;			/* what is read: the file, or the child's output */
	pid_t child;		/* that unpacks; 0: none */
	const char *program;	/* its name */
	bool inflate, within;	/* gzip; and a member of it has begun that has not ended */
	bool ended;		/* @fd is read to its end */
	z_stream z;
	uint8_t *raw;		/* gzip: as it was read; z.next_in is in it */
	uint8_t *out;		/* unpacked, [at, end) of it not taken yet */
	size_t at, end;
};

static int say(const struct packed *p, int err, const char *what, struct text *error)
{
	text_printf(error, "%s: %s", p->name, what);
	return err;
}

/* ---- what is in @fd ---------------------------------------------------------- */

static ssize_t read_fd(struct packed *p, void *bytes, size_t n, struct text *error)
{
	ssize_t got;

	do
		got = read(p->fd, bytes, n);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		got = -errno;
		return say(p, got, strerror(-got), error);
	}
	p->ended = got == 0;
	return got;
}

/* The child has nothing more to say: whether it was content. */
static int end_child(struct packed *p, struct text *error)
{
	int status;

	if (!p->child)
		return 0;
	while (waitpid(p->child, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	p->child = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	text_printf(error, "%s: %s cannot unpack it: it is damaged, or ends early", p->name, p->program);
	return -EINVAL;
}

/* ---- gzip -------------------------------------------------------------------- */

static ssize_t fill_inflated(struct packed *p, struct text *error)
{
	p->z.next_out = p->out;
	p->z.avail_out = ROOM;
	while (p->z.avail_out == ROOM) {
		ssize_t got;
		int z;

		if (!p->z.avail_in && !p->ended) {
			got = read_fd(p, p->raw, ROOM, error);
			if (got < 0)
				return got;
			p->z.next_in = p->raw;
			p->z.avail_in = got;
		}
		if (!p->z.avail_in)
			return p->within ? say(p, -EINVAL, "ends in the middle of compressed data", error) : 0;
		if (!p->within && inflateReset(&p->z) != Z_OK)
			return say(p, -EINVAL, "damaged", error);
		p->within = true;
		z = inflate(&p->z, Z_NO_FLUSH);
		if (z == Z_STREAM_END)
			p->within = false;	/* another member may follow */
		else if (z != Z_OK && z != Z_BUF_ERROR)
			return say(p, -EINVAL, "damaged: its compressed data make no sense", error);
	}
	return ROOM - p->z.avail_out;
}

/* ---- what was unpacked --------------------------------------------------------- */

/* Return: whether there is a byte to take; -errno. */
static int fill(struct packed *p, struct text *error)
{
	ssize_t got;

	if (p->at < p->end)
		return 1;
	got = p->inflate ? fill_inflated(p, error) : p->ended ? 0 : read_fd(p, p->out, ROOM, error);
	if (got < 0)
		return got;
	p->at = 0;
	p->end = got;
	return got ? 1 : end_child(p, error);
}

ssize_t packed_read(struct packed *p, void *bytes, size_t n, struct text *error)
{
	size_t have = 0;

	while (have < n) {
		int err = fill(p, error);
		size_t k;

		if (err < 0)
			return err;
		if (!err)
			break;
		k = p->end - p->at < n - have ? p->end - p->at : n - have;
		memcpy((char *)bytes + have, p->out + p->at, k);
		p->at += k;
		have += k;
	}
	return have;
}

int packed_line(struct packed *p, char *line, size_t size, struct text *error)
{
	size_t have = 0;
	bool any = false;

	for (;;) {
		int err = fill(p, error);
		const uint8_t *from, *end;
		size_t k;

		if (err < 0)
			return err;
		if (!err)
			break;
		any = true;
		from = p->out + p->at;
		end = memchr(from, '\n', p->end - p->at);
		k = end ? (size_t)(end - from) : p->end - p->at;
		if (have + k >= size)
			return -E2BIG;
		memcpy(line + have, from, k);
		have += k;
		p->at += k + !!end;
		if (end)
			break;
	}
	line[have] = '\0';
	return any;
}

ssize_t packed_peek(struct packed *p, void *bytes, size_t n, struct text *error)
{
	size_t have;

	/* What is left of one piece may be shorter than is asked for. */
	if (p->end - p->at < n) {
		uint8_t kept[PEEK];
		ssize_t got = packed_read(p, kept, n < PEEK ? n : PEEK, error);

		if (got < 0)
			return got;
		have = p->end - p->at;
		memmove(p->out + got, p->out + p->at, have);
		memcpy(p->out, kept, got);
		p->at = 0;
		p->end = have + got;
	}
	have = p->end - p->at < n ? p->end - p->at : n;
	memcpy(bytes, p->out + p->at, have);
	return have;
}

/* ---- ends ---------------------------------------------------------------------- */

static int start_child(struct packed *p, const char *program, struct text *error)
{
	char *const argv[] = { (char *)program, "-dc", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], err;

	if (lseek(p->fd, 0, SEEK_SET) < 0) {
		text_printf(error, "%s: compressed by %s, which is unpacked from files only: "
			    "%s -dc FILE | ...", p->name, program, program);
		return -EINVAL;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
		return say(p, err, strerror(-err), error);
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p->fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = -posix_spawnp(&p->child, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (err) {
		close(ends[0]);
		p->child = 0;
		text_printf(error, "%s: compressed by %s, which cannot be run to unpack it: %s", p->name,
			    program, strerror(-err));
		return err;
	}
	p->program = program;
	close(p->fd);
	p->fd = ends[0];
	p->at = p->end = 0;
	p->ended = false;
	return 0;
}

static int start_inflating(struct packed *p, struct text *error)
{
	if (inflateInit2(&p->z, 16 + MAX_WBITS) != Z_OK)
		return say(p, -ENOMEM, "out of memory", error);
	p->raw = xcalloc(1, ROOM);
	memcpy(p->raw, p->out, p->end);
	p->z.next_in = p->raw;
	p->z.avail_in = p->end;
	p->at = p->end = 0;
	p->inflate = true;
	return 0;
}

/* By the first bytes, however few a pipe gives at a time. */
static int find_kind(struct packed *p, struct text *error)
{
	while (p->end < 6 && !p->ended) {
		ssize_t got = read_fd(p, p->out + p->end, ROOM - p->end, error);

		if (got < 0)
			return got;
		p->end += got;
	}
	if (p->end >= 2 && !memcmp(p->out, "\x1f\x8b", 2))
		return start_inflating(p, error);
	if (p->end >= 4 && !memcmp(p->out, "BZh", 3) && p->out[3] >= '1' && p->out[3] <= '9')
		return start_child(p, "bzip2", error);
	if (p->end >= 6 && !memcmp(p->out, "\xfd" "7zXZ", 6))
		return start_child(p, "xz", error);
	return 0;
}

int packed_open(struct packed **out, const char *path, struct text *error)
{
	bool input = !strcmp(path, "-");
	struct packed *p = xcalloc(1, sizeof(*p));
	int err;

	p->name = xstrdup(input ? "standard input" : path);
	p->out = xcalloc(1, ROOM + PEEK);
	p->fd = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0) {
		err = -errno;
		say(p, err, strerror(-err), error);
	} else {
		err = find_kind(p, error);
	}
	if (err) {
		packed_close(p);
		return err;
	}
	*out = p;
	return 0;
}

const char *packed_name(const struct packed *p)
{
	return p->name;
}

void packed_close(struct packed *p)
{
	struct text ignored = { 0 };

	if (!p)
		return;
	if (p->inflate)
		inflateEnd(&p->z);
	if (p->fd >= 0)
		close(p->fd);	/* a child that still writes ends by that */
	end_child(p, &ignored);
	text_free(&ignored);
	free(p->raw);
	free(p->out);
	free(p->name);
	free(p);
}

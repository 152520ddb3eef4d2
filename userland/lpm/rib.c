// SPDX-License-Identifier: GPL-2.0
#include "lpm/rib.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define LINE_MAX_BYTES	512

/* One line without its new line. Return: NULL, or what is wrong with it. */
static const char *read_line(char *line, struct vec *routes)
{
	struct rib_route route;
	char *p = line, *prefix, *end;
	unsigned long long number;
	int err;

	p[strcspn(p, ";#\r")] = 0;
	p += strspn(p, " \t");
	if (!*p)
		return NULL;
	prefix = p;
	p += strcspn(p, " \t");
	if (*p)
		*p++ = 0;
	err = prefix_parse(prefix, &route.prefix);
	if (err == -EDOM)
		return "bits are set past the prefix length";
	if (err)
		return "not a prefix";
	p += strspn(p, " \t");
	if (!*p)
		return "no number behind the prefix";
	if (!isdigit((unsigned char)*p))
		return "not a number";
	errno = 0;
	number = strtoull(p, &end, 10);
	end += strspn(end, " \t");
	if (*end)
		return "more than a prefix and a number";
	if (errno || number > UINT32_MAX)
		return "the number does not fit into 32 bits";
	route.nexthop = number;
	vec_append(routes, &route);
	return NULL;
}

int rib_read(const char *path, struct vec *routes, struct text *error)
{
	size_t before = routes->len, line_number = 0;
	char line[LINE_MAX_BYTES], shown[LINE_MAX_BYTES];
	const char *name = strcmp(path, "-") ? path : "standard input", *wrong;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	gzFile file;
	int err = 0, zerr;

	if (fd < 0) {
		err = -errno;
		text_printf(error, "%s: %s", name, strerror(errno));
		return err;
	}
	file = gzdopen(fd, "rb");
	if (!file) {
		close(fd);
		text_printf(error, "%s: out of memory", name);
		return -ENOMEM;
	}
	gzbuffer(file, 1 << 17);
	while (gzgets(file, line, sizeof(line))) {
		size_t len = strlen(line);

		line_number++;
		if (len == sizeof(line) - 1 && line[len - 1] != '\n') {
			text_printf(error, "%s:%zu: longer than %d bytes", name, line_number,
				    LINE_MAX_BYTES - 2);
			err = -EINVAL;
			break;
		}
		if (len && line[len - 1] == '\n')
			line[len - 1] = 0;
		memcpy(shown, line, sizeof(shown));
		wrong = read_line(line, routes);
		if (wrong) {
			text_printf(error, "%s:%zu: %s: \"%s\"", name, line_number, wrong, shown);
			err = -EINVAL;
			break;
		}
	}
	if (!err) {
		wrong = gzerror(file, &zerr);
		if (zerr == Z_ERRNO) {
			err = errno ? -errno : -EIO;
			text_printf(error, "%s: %s", name, strerror(-err));
		} else if (zerr != Z_OK && zerr != Z_STREAM_END) {
			text_printf(error, "%s: damaged behind line %zu: %s", name, line_number,
				    wrong);
			err = -EINVAL;
		}
	}
	if (gzclose_r(file) == Z_BUF_ERROR && !err) {
		text_printf(error, "%s: ends in the middle of compressed data", name);
		err = -EINVAL;
	}
	if (err)
		routes->len = before;
	return err;
}

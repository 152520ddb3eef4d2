// SPDX-License-Identifier: GPL-2.0
#include "lpm/rib.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "base/table.h"
#include "lpm/mrt.h"

#define LINE_MAX_BYTES	512

/* A file that is being read. */
struct reader {
	struct packed *in;
	struct rib_file *file;
	struct text *error;
	bool strict;		/* a record that makes no sense ends it */
	bool numbers;		/* a next hop was given as a number */
	struct table hop_numbers;	/* struct addr -> uint32_t, index of file->hops */
	struct vec *routes;	/* of struct rib_route, or NULL */
	struct vec *changes;	/* of struct rib_change, or NULL */
	struct table known;	/* MRT: struct prefix -> struct standing */
	size_t gone;		/* of those, withdrawn */
};

/* What stands for a prefix so far. */
struct standing {
	size_t route;		/* index in routes */
	uint32_t path_length;
	uint8_t origin;
	bool withdrawn;
};

/* ---- next hops -------------------------------------------------------------------- */

static uint32_t number_of(struct reader *r, const struct addr *hop)
{
	bool fresh;
	uint32_t *n = table_put(&r->hop_numbers, hop, &fresh);

	if (fresh) {
		*n = r->file->hops.len;
		vec_append(&r->file->hops, hop);
	}
	return *n;
}

/* The last word of a line. Return: NULL, or what is wrong with it. */
static const char *read_nexthop(struct reader *r, char *word, uint32_t *nexthop)
{
	unsigned long long number;
	struct addr hop;
	char *end;

	*nexthop = 0;
	if (!*word)
		return NULL;
	end = word + strcspn(word, " \t");
	if (end[strspn(end, " \t")])
		return "more than a prefix and a next hop";
	*end = '\0';
	if (strpbrk(word, ".:")) {
		if (addr_parse(word, &hop))
			return "the next hop is neither a number nor an address";
		if (r->numbers)
			return "a next hop's address, after lines that had numbers";
		*nexthop = number_of(r, &hop);
		return NULL;
	}
	if (!isdigit((unsigned char)*word))
		return "the next hop is neither a number nor an address";
	errno = 0;
	number = strtoull(word, &end, 10);
	if (*end)
		return "the next hop is neither a number nor an address";
	if (errno || number > UINT32_MAX)
		return "the number does not fit into 32 bits";
	if (r->file->hops.len)
		return "a next hop's number, after lines that had addresses";
	r->numbers = true;
	*nexthop = number;
	return NULL;
}

/* ---- text ----------------------------------------------------------------------- */

/* Cuts the first word off. Return: what is behind it. */
static char *next_word(char *p)
{
	p += strcspn(p, " \t");
	if (*p)
		*p++ = '\0';
	return p + strspn(p, " \t");
}

static const char *read_route(struct reader *r, char *p, struct prefix *prefix, uint32_t *nexthop)
{
	char *rest = next_word(p);
	int err = prefix_parse(p, prefix);

	if (err == -EDOM)
		return "bits are set past the prefix length";
	return err ? "not a prefix" : read_nexthop(r, rest, nexthop);
}

/* "1418774413.25": seconds, with any digits behind a point. */
static const char *read_time(const char *word, uint64_t *time_us)
{
	unsigned long long seconds;
	uint64_t us = 0, unit = 100000;
	char *end;

	if (!isdigit((unsigned char)*word))
		return "the time is no number of seconds";
	errno = 0;
	seconds = strtoull(word, &end, 10);
	if (errno || seconds > UINT32_MAX)
		return "the time is later than anything was";
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++, unit /= 10)
			us += unit * (*end - '0');
	if (*end)
		return "the time is no number of seconds";
	*time_us = seconds * 1000000 + us;
	return NULL;
}

static const char *read_change(struct reader *r, char *p, struct rib_change *change)
{
	char *what = next_word(p), *route = next_word(what);
	const char *wrong = read_time(p, &change->time_us);

	if (wrong)
		return wrong;
	change->withdrawn = !strcmp(what, "w");
	if (!change->withdrawn && strcmp(what, "a"))
		return "neither \"a\" nor \"w\" behind the time";
	if (change->withdrawn)	/* what next hop it had is of no concern */
		route[strcspn(route, " \t")] = '\0';
	return read_route(r, route, &change->prefix, &change->nexthop);
}

/* Return: NULL, or what is wrong with the line. */
static const char *read_line(struct reader *r, char *line)
{
	const char *wrong;

	line[strcspn(line, ";#\r")] = '\0';
	line += strspn(line, " \t");
	if (!*line)
		return NULL;
	if (r->changes) {
		struct rib_change change = { 0 };

		wrong = read_change(r, line, &change);
		if (!wrong)
			vec_append(r->changes, &change);
	} else {
		struct rib_route route = { 0 };

		wrong = read_route(r, line, &route.prefix, &route.nexthop);
		if (!wrong)
			vec_append(r->routes, &route);
	}
	return wrong;
}

static int read_text(struct reader *r)
{
	char line[LINE_MAX_BYTES], shown[LINE_MAX_BYTES];
	size_t line_number = 0;
	const char *wrong;
	int got;

	while ((got = packed_line(r->in, line, sizeof(line), r->error)) > 0) {
		line_number++;
		memcpy(shown, line, sizeof(shown));
		wrong = read_line(r, line);
		if (wrong) {
			text_printf(r->error, "%s:%zu: %s: \"%s\"", packed_name(r->in), line_number,
				    wrong, shown);
			return -EINVAL;
		}
	}
	if (got == -E2BIG) {
		text_printf(r->error, "%s:%zu: longer than %d bytes", packed_name(r->in),
			    line_number + 1, LINE_MAX_BYTES - 1);
		return -EINVAL;
	}
	return got;
}

/* ---- MRT ------------------------------------------------------------------------ */

static void take_change(struct reader *r, const struct mrt *m, const struct mrt_route *said)
{
	struct rib_change *c;

	if (said->kind == MRT_DUMPED)
		return;
	c = vec_push(r->changes);
	c->time_us = m->time_us;
	c->prefix = said->prefix;
	c->withdrawn = said->kind == MRT_WITHDRAWN;
	if (!c->withdrawn)
		c->nexthop = number_of(r, &said->via);
}

static bool is_better(const struct mrt_route *said, const struct standing *than)
{
	return said->path_length != than->path_length ? said->path_length < than->path_length :
	       said->origin < than->origin;
}

static void take_route(struct reader *r, const struct mrt_route *said)
{
	struct standing *s;
	bool fresh;

	if (said->kind == MRT_WITHDRAWN) {
		s = table_get(&r->known, &said->prefix);
		r->gone += s && !s->withdrawn;
		if (s)
			s->withdrawn = true;
		return;
	}
	s = table_put(&r->known, &said->prefix, &fresh);
	if (fresh) {
		s->route = r->routes->len;
		((struct rib_route *)vec_push(r->routes))->prefix = said->prefix;
	} else if (said->kind == MRT_DUMPED && !s->withdrawn && !is_better(said, s)) {
		return;
	}
	r->gone -= s->withdrawn;
	s->withdrawn = false;
	s->path_length = said->path_length;
	s->origin = said->origin;
	((struct rib_route *)vec_at(r->routes, s->route))->nexthop = number_of(r, &said->via);
}

/* Takes the routes out that were withdrawn; the others keep their order. */
static void drop_gone(struct reader *r, size_t from)
{
	size_t kept = from;

	for (size_t i = from; r->gone && i < r->routes->len; i++) {
		const struct rib_route *route = vec_at(r->routes, i);
		const struct standing *s = table_get(&r->known, &route->prefix);

		if (!s->withdrawn)
			memmove(vec_at(r->routes, kept++), route, sizeof(*route));
	}
	if (r->gone)
		r->routes->len = kept;
}

/* Return: 0: go on; -EINVAL, and said. */
static int malformed(struct reader *r, uint64_t offset, const char *wrong)
{
	struct text *to = r->strict ? r->error : &r->file->notes;

	if (r->file->malformed++ < RIB_NOTES_MAX)
		text_printf(to, "%s: record at offset %" PRIu64 ": %s%s", packed_name(r->in), offset, wrong,
			    r->strict ? "" : "; passed over\n");
	return r->strict ? -EINVAL : 0;
}

/* Return: 1: a record was read, whatever it was; 0: none is left; -errno. */
static int read_record(struct reader *r, struct mrt *m, struct vec *bytes, uint64_t *offset)
{
	const char *wrong;
	uint32_t length;
	ssize_t got;

	vec_reserve(bytes, MRT_HEADER);
	got = packed_read(r->in, bytes->data, MRT_HEADER, r->error);
	if (got <= 0)
		return got;
	r->file->records++;
	if (got < (ssize_t)MRT_HEADER)
		return malformed(r, *offset, "the file ends within its header");
	length = mrt_length(bytes->data);
	if (length > MRT_LENGTH_MAX) {
		text_printf(r->error, "%s: record at offset %" PRIu64 ": says that it has %u bytes, more than "
			    "any has: the file is no MRT from there on", packed_name(r->in), *offset, length);
		return -EINVAL;
	}
	vec_reserve(bytes, MRT_HEADER + (size_t)length);
	got = packed_read(r->in, (char *)bytes->data + MRT_HEADER, length, r->error);
	if (got < 0)
		return got;
	if (got < (ssize_t)length)
		return malformed(r, *offset, "the file ends within it");
	wrong = mrt_record(m, bytes->data, MRT_HEADER + (size_t)length);
	if (wrong && malformed(r, *offset, wrong))
		return -EINVAL;
	r->file->other += !wrong && !m->of_concern;
	for (size_t i = 0; i < m->routes.len; i++) {
		const struct mrt_route *said = vec_at(&m->routes, i);

		if (r->changes)
			take_change(r, m, said);
		else
			take_route(r, said);
	}
	*offset += MRT_HEADER + (uint64_t)length;
	return 1;
}

static int read_mrt(struct reader *r)
{
	struct vec bytes = VEC(uint8_t);
	size_t from = r->routes ? r->routes->len : 0;
	uint64_t offset = 0;
	struct mrt m;
	int got;

	mrt_init(&m);
	while ((got = read_record(r, &m, &bytes, &offset)) > 0)
		;
	if (!got && r->routes)
		drop_gone(r, from);
	mrt_free(&m);
	vec_free(&bytes);
	return got;
}

/* ---- files ------------------------------------------------------------------------ */

void rib_file_init(struct rib_file *file)
{
	*file = (struct rib_file){ .hops = VEC(struct addr) };
}

void rib_file_free(struct rib_file *file)
{
	vec_free(&file->hops);
	text_free(&file->notes);
}

static int read_any(const char *path, struct reader *r)
{
	struct vec *to = r->routes ? r->routes : r->changes;
	size_t before = to->len;
	uint8_t begin[MRT_HEADER];
	ssize_t got;
	int err;

	r->hop_numbers = TABLE(struct addr, uint32_t);
	r->known = TABLE(struct prefix, struct standing);
	err = packed_open(&r->in, path, r->error);
	if (err)
		return err;
	got = packed_peek(r->in, begin, sizeof(begin), r->error);
	if (got < 0)
		err = got;
	else if (got == sizeof(begin) && mrt_begins(begin))
		err = read_mrt(r);
	else
		err = read_text(r);
	if (err)
		to->len = before;
	packed_close(r->in);
	table_free(&r->hop_numbers);
	table_free(&r->known);
	return err;
}

int rib_read_file(const char *path, struct vec *routes, struct rib_file *file, struct text *error)
{
	struct reader r = { .routes = routes, .file = file, .error = error };

	return read_any(path, &r);
}

int rib_read_changes(const char *path, struct vec *changes, struct rib_file *file,
		     struct text *error)
{
	struct reader r = { .changes = changes, .file = file, .error = error };

	return read_any(path, &r);
}

int rib_read(const char *path, struct vec *routes, struct text *error)
{
	struct reader r = { .routes = routes, .error = error, .strict = true };
	struct rib_file file;
	int err;

	rib_file_init(&file);
	r.file = &file;
	err = read_any(path, &r);
	rib_file_free(&file);
	return err;
}

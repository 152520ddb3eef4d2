// SPDX-License-Identifier: GPL-2.0
/*
 * like.c: what moves when an area is laid out in another way.
 *
 * The tables of a layer (bpf/rules.h) refer to each other by numbers, of classes, rules, rows, list
 * entries; only the shape knows where they begin, and how long their lines are. So a table can be moved, and
 * its lines made longer, and no entry of it changes:
 *
 *	classes, heads, lists		are copied as they are
 *	combined, bits, rows		line by line: there may be more classes than before
 *	ww, nw, wn			line by line: where a side has one band, all its nodes are wide, and
 *					there may be more of them; else their number must be the same, as
 *					narrow nodes are numbered behind them
 *	chain, words			as they are
 *	buckets				as they are, or, if there are more of them, entered anew
 *
 * A shape does not say how long its tables are: a table ends where the next one begins. What lies
 * between its last entry and its end is zero, and moves along.
 *
 * What must be equal for one shape to be laid out as another: which tables there are, the fields in their
 * order, the numbers of bands and of wide nodes; and, of address look-ups, all but how many nodes there
 * are. That is so for most changes of some rules; for the others a program is loaded.
 *
 * Nothing here is taken on trust: what is laid out is what verify walks and compares with the policy.
 */
#include "compile/like.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/rules.bpf.h"
#include "image/image.h"
#include "rules/rules.h"

#define PAGE		4096u
#define KICKS_MAX	500	/* of keys by others, for one that is entered in the hash */
#define PARTS_MAX	(LAYERS_MAX * (2 * RULES_FIELD_COUNT + RULES_GROUPS_MAX + 8 + 2))

/* Who adds a table to the shape adds it here. */
_Static_assert(sizeof(struct rules_shape) == 4 * (24 + 6 * RULES_FIELD_COUNT + 2 * RULES_GROUPS_MAX),
	       "rules_shape");

enum table {
	CLASSES, COMBINED, BITS, HEADS, LISTS, ROWS, WW, NW, WN, BUCKETS, CHAIN_SOURCE, CHAIN_DESTINATION,
	WORDS_SOURCE, WORDS_DESTINATION,
};

/* A table of a shape. */
struct part {
	enum table table;
	unsigned int layer;
	unsigned int at;	/* step or group */
	uint32_t *offset;	/* in the shape */
	size_t room;		/* bytes until the next one begins */
};

struct parts {
	struct part part[PARTS_MAX];
	size_t n;
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- the tables of a shape ------------------------------------------------------ */

static void add(struct parts *p, enum table table, unsigned int layer, unsigned int at, uint32_t *offset)
{
	if (*offset)
		p->part[p->n++] = (struct part){ table, layer, at, offset, 0 };
}

/* In the order in which they lie: of two that begin at one place the first has no bytes. */
static void find_parts(struct classify_shape *shape, struct parts *p)
{
	p->n = 0;
	for (unsigned int l = 0; l < shape->layers; l++) {
		struct rules_shape *s = &shape->layer[l];

		for (unsigned int i = 0; i < s->steps; i++) {
			add(p, CLASSES, l, i, &s->step[i].classes);
			add(p, COMBINED, l, i, &s->step[i].combined);
		}
		for (unsigned int g = 0; g < s->groups; g++)
			add(p, BITS, l, g, &s->group[g].bits);
		add(p, HEADS, l, 0, &s->heads);
		add(p, LISTS, l, 0, &s->lists);
		add(p, ROWS, l, 0, &s->rows);
		add(p, WW, l, 0, &s->ww);
		add(p, NW, l, 0, &s->nw);
		add(p, WN, l, 0, &s->wn);
		add(p, BUCKETS, l, 0, &s->buckets);
		add(p, CHAIN_SOURCE, l, 0, &s->chain[0]);
		add(p, CHAIN_DESTINATION, l, 0, &s->chain[1]);
	}
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int l = 0; l < shape->layers; l++)
			add(p, WORDS_SOURCE + side, l, 0, &shape->words[side][l]);
}

/* Where each ends. @end: of the last one. Return: whether they lie in their order. */
static bool find_rooms(struct parts *p, size_t end)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t next = i + 1 < p->n ? *p->part[i + 1].offset : end;

		if (*p->part[i].offset > next)
			return false;
		p->part[i].room = next - *p->part[i].offset;
	}
	return true;
}

/* ---- how long lines are, and how many --------------------------------------------- */

/* Classes of the group of step @at before that step: as many lines has its combined table. */
static uint32_t classes_before(const struct image_filter *f, const struct rules_shape *s, unsigned int at)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < at; i++) {
		if (s->step[i].group != s->step[at].group)
			continue;
		if (!s->step[i].combined) {
			n = s->step[i].width;
		} else {
			const uint16_t *combined = (const uint16_t *)(f->area + s->step[i].combined);
			size_t entries = (size_t)n * s->step[i].width;

			n = 0;
			for (size_t e = 0; e < entries; e++)
				n = combined[e] >= n ? combined[e] + 1u : n;
		}
	}
	return n;
}

/* Bytes of a line of a table that has lines of classes; 0: it has not. */
static size_t line_of(const struct rules_shape *s, const struct part *p)
{
	switch (p->table) {
	case COMBINED:
		return sizeof(uint16_t) * s->step[p->at].width;
	case BITS:
		return sizeof(uint32_t) * s->bits_words;
	case ROWS:
		return sizeof(uint32_t) * s->group[0].classes;
	case WW:
	case NW:
		return sizeof(uint32_t) * s->wide[1];
	case WN:
		return sizeof(uint32_t) * s->wide[0];
	default:
		return 0;
	}
}

static size_t lines_of(const struct image_filter *f, const struct rules_shape *s, const struct part *p)
{
	switch (p->table) {
	case COMBINED:
		return classes_before(f, s, p->at);
	case BITS:
		return s->group[p->at].classes;
	case WW:
		return s->wide[0];
	default:
		return line_of(s, p) ? p->room / line_of(s, p) : 0;
	}
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	return !n || (!bytes[0] && !memcmp(bytes, bytes + 1, n - 1));
}

/* Without the zeroes at the end of what is found by numbers that stand elsewhere: there is nothing. */
static size_t used(const uint8_t *bytes, size_t n, size_t unit)
{
	n -= n % unit;
	while (n && is_zero(bytes + n - unit, unit))
		n -= unit;
	return n;
}

/* ---- moving ------------------------------------------------------------------------- */

static int copy_lines(uint8_t *to, size_t room, size_t to_line, const uint8_t *from, size_t from_line,
		      size_t lines)
{
	if (to_line < from_line || lines * to_line > room)
		return -ENOSPC;
	for (size_t i = 0; i < lines; i++)
		memcpy(to + i * to_line, from + i * from_line, from_line);
	return 0;
}

static int copy_all(uint8_t *to, size_t room, const uint8_t *from, size_t n)
{
	if (n > room)
		return -ENOSPC;
	memcpy(to, from, n);
	return 0;
}

static struct rules_bucket *bucket(uint8_t *area, uint64_t offset)
{
	return (struct rules_bucket *)(area + offset);
}

/* As userland/rules enters them: whoever finds both buckets full takes another's place, which moves. */
static int enter(uint8_t *area, const struct rules_shape *s, uint64_t key, uint32_t cell)
{
	for (unsigned int kick = 0; kick < KICKS_MAX; kick++) {
		__u64 at[2];
		struct rules_bucket *b;
		unsigned int i;
		uint64_t old_key;
		uint32_t old_cell;

		rules_buckets(s, key, &at[0], &at[1]);
		for (unsigned int way = 0; way < 2; way++) {
			b = bucket(area, at[way]);
			for (i = 0; i < RULES_BUCKET; i++) {
				if (b->key[i])
					continue;
				b->key[i] = key;
				b->cell[i] = cell;
				return 0;
			}
		}
		/* Not always the same one, and not back to where it came from. */
		b = bucket(area, at[kick & 1]);
		i = (key ^ kick) % RULES_BUCKET;
		old_key = b->key[i];
		old_cell = b->cell[i];
		b->key[i] = key;
		b->cell[i] = cell;
		key = old_key;
		cell = old_cell;
	}
	return -ENOSPC;
}

static int move_buckets(uint8_t *area, const struct rules_shape *to, uint8_t *old,
			const struct rules_shape *from)
{
	int err = 0;

	if (to->bucket_count == from->bucket_count) {
		memcpy(area + to->buckets, old + from->buckets, RULES_LINE * (size_t)from->bucket_count);
		return 0;
	}
	for (uint32_t i = 0; !err && i < from->bucket_count; i++) {
		const struct rules_bucket *b = bucket(old, from->buckets + RULES_LINE * (uint64_t)i);

		for (unsigned int j = 0; !err && j < RULES_BUCKET; j++)
			if (b->key[j])
				err = enter(area, to, b->key[j], b->cell[j]);
	}
	return err;
}

/* One table, from where @from has it to where @to has it. */
static int move_part(const struct image_filter *f, uint8_t *area, const struct part *to,
		     const struct part *from, const struct rules_shape *to_shape,
		     const struct rules_shape *from_shape)
{
	uint8_t *here = area + *to->offset;
	const uint8_t *there = f->area + *from->offset;
	size_t line = line_of(from_shape, from), lines;

	switch (from->table) {
	case BUCKETS:
		return move_buckets(area, to_shape, f->area, from_shape);
	case CLASSES:
		return copy_all(here, to->room, there,
				sizeof(uint16_t) * (from_shape->step[from->at].mask + 1));
	case HEADS:
		return copy_all(here, to->room, there,
				used(there, from->room, sizeof(struct rules_head)));
	case LISTS:
		return copy_all(here, to->room, there,
				used(there, from->room, sizeof(struct rules_entry)));
	case COMBINED:
	case BITS:
	case ROWS:
	case WW:
	case NW:
	case WN:
		lines = lines_of(f, from_shape, from);
		if (from->table == ROWS)
			lines = used(there, lines * line, line) / line;
		return copy_lines(here, to->room, line_of(to_shape, to), there, line, lines);
	default:
		return copy_all(here, to->room, there, from->room);
	}
}

/* ---- shapes ------------------------------------------------------------------------- */

/* Whether two shapes are of the same tables, whose lines are no shorter in @to. */
static bool same_tables(const struct rules_shape *to, const struct rules_shape *from)
{
	if (to->steps != from->steps || to->groups != from->groups || to->bits_words < from->bits_words ||
	    to->services < from->services || to->list_max < from->list_max ||
	    to->hashed != from->hashed || to->ordered > from->ordered)
		return false;
	for (unsigned int side = 0; side < 2; side++)
		if (to->bands[side] != from->bands[side] || to->wide[side] < from->wide[side] ||
		    (to->bands[side] > 1 && to->wide[side] != from->wide[side]))
			return false;
	for (unsigned int i = 0; i < from->steps; i++)
		if (to->step[i].field != from->step[i].field || to->step[i].mask != from->step[i].mask ||
		    to->step[i].group != from->step[i].group || to->step[i].width < from->step[i].width)
			return false;
	for (unsigned int g = 0; g < from->groups; g++)
		if (to->group[g].classes < from->group[g].classes)
			return false;
	return true;
}

/* A look-up of addresses finds nodes by where they lie from their start on. */
static bool same_lookup(const struct lpm_shape *to, const struct lpm_shape *from)
{
	struct lpm_shape as_is = *from;

	as_is.bytes = to->bytes;
	as_is.nodes_last = to->nodes_last;
	return !memcmp(&as_is, to, sizeof(as_is)) && !to->bytes == !from->bytes &&
	       to->bytes >= from->bytes && to->nodes_last >= from->nodes_last;
}

static bool same_shape(const struct classify_shape *to, const struct classify_shape *from)
{
	if (to->layers != from->layers || to->fields != from->fields || to->kinds != from->kinds ||
	    to->rules < from->rules || to->set_tests != from->set_tests || to->macs != from->macs ||
	    to->lost_marks != from->lost_marks || to->lost_events != from->lost_events ||
	    memcmp(to->set_test, from->set_test, sizeof(to->set_test)) ||
	    memcmp(to->constant, from->constant, sizeof(to->constant)))
		return false;
	for (unsigned int l = 0; l < from->layers; l++)
		if (!same_tables(&to->layer[l], &from->layer[l]))
			return false;
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; v6 < 2; v6++)
			if (!same_lookup(&to->address[side][v6], &from->address[side][v6]))
				return false;
	return true;
}

/* ---- all ----------------------------------------------------------------------------- */

static uint8_t *new_pages(size_t bytes)
{
	uint8_t *pages = aligned_alloc(PAGE, round_up(bytes, PAGE));

	if (!pages)
		abort();
	memset(pages, 0, round_up(bytes, PAGE));
	return pages;
}

static void move_lookups(struct image_filter *f, const struct classify_shape *shape)
{
	for (unsigned int side = 0; side < 2; side++) {
		for (unsigned int v6 = 0; v6 < 2; v6++) {
			size_t bytes = shape->address[side][v6].bytes;
			size_t had = f->shape.address[side][v6].bytes;
			uint8_t *table;

			if (bytes == had)
				continue;
			table = new_pages(bytes);
			memcpy(table, f->address[side][v6], had);
			free(f->address[side][v6]);
			f->address[side][v6] = table;
		}
	}
}

int filter_lay_like(struct image_filter *f, const struct classify_shape *like)
{
	struct classify_shape shape = *like;
	struct parts *to, *from;
	size_t bytes = shape.layer[0].bytes;
	uint8_t *area;
	int err = 0;

	if (!shape.layers || !same_shape(&shape, &f->shape))
		return -ENOSPC;
	if (!memcmp(&shape, &f->shape, sizeof(shape)))
		return 0;
	area = new_pages(bytes);
	to = xcalloc(2, sizeof(*to));
	from = to + 1;
	find_parts(&shape, to);
	find_parts(&f->shape, from);
	/* Readers take a line at once. */
	if (to->n != from->n || !find_rooms(to, bytes - RULES_LINE) || !find_rooms(from, f->area_bytes))
		err = -ENOSPC;
	for (size_t i = 0; !err && i < from->n; i++) {
		const struct part *p = &from->part[i], *q = &to->part[i];

		if (p->table != q->table || p->layer != q->layer || p->at != q->at)
			err = -ENOSPC;
		else
			err = move_part(f, area, q, p, &shape.layer[p->layer], &f->shape.layer[p->layer]);
	}
	free(to);
	if (err) {
		free(area);
		return err;
	}
	move_lookups(f, &shape);
	free(f->area);
	f->area = area;
	f->area_bytes = bytes;
	f->shape = shape;
	return 0;
}

/* ---- room ------------------------------------------------------------------------------ */

static size_t more(size_t n)
{
	return n + n / 32;
}

static void lengthen_lines(struct classify_shape *shape)
{
	shape->rules = more(shape->rules) + 16;
	for (unsigned int l = 0; l < shape->layers; l++) {
		struct rules_shape *s = &shape->layer[l];

		for (unsigned int i = 0; i < s->steps; i++)
			s->step[i].width = more(s->step[i].width) + 2;
		for (unsigned int g = 0; g < s->groups; g++)
			s->group[g].classes = more(s->group[g].classes) + 4;
		for (unsigned int side = 0; side < 2; side++)
			if (s->bands[side] == 1 && more(s->wide[side]) + 4 <= RULES_WIDE_MAX)
				s->wide[side] += s->wide[side] / 32 + (s->wide[side] > 16 ? 4 : 1);
		s->services = more(s->services) + 16;
		s->bits_words = (s->services + 31) / 32;
		s->rules = more(s->rules) + 16;
		s->bucket_count = more(s->bucket_count);
	}
}

/* How long the table is to be. @p: as it is, in @from. */
static size_t length(const struct image_filter *f, const struct rules_shape *to,
		     const struct rules_shape *from, const struct part *p)
{
	switch (p->table) {
	case CLASSES:
		return p->room;
	case WW:
		return to->wide[0] * line_of(to, p);
	case HEADS:
		return sizeof(struct rules_head) * to->rules;
	case BUCKETS:
		return RULES_LINE * (size_t)to->bucket_count;
	case COMBINED:
		return (more(lines_of(f, from, p)) + 4) * line_of(to, p);
	case BITS:
		return to->group[p->at].classes * line_of(to, p);
	case ROWS:
		return (more(lines_of(f, from, p)) + 4) * line_of(to, p);
	case NW:
	case WN:	/* that there is up to a page behind the last table of a layer says nothing */
		return (more(lines_of(f, from, p)) + PAGE / line_of(from, p) + 1) * line_of(to, p);
	default:
		return more(p->room) + PAGE;
	}
}

static void lengthen_lookups(struct classify_shape *shape)
{
	for (unsigned int side = 0; side < 2; side++) {
		for (unsigned int v6 = 0; v6 < 2; v6++) {
			struct lpm_shape *s = &shape->address[side][v6];
			uint32_t by = round_up(s->nodes_last / 32, PAGE) + PAGE;

			if (!s->bytes)
				continue;
			s->nodes_last += by;
			s->bytes += by;
		}
	}
}

static size_t size_of(const struct classify_shape *shape)
{
	size_t bytes = shape->layer[0].bytes;

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; v6 < 2; v6++)
			bytes += shape->address[side][v6].bytes;
	return bytes;
}

void filter_make_room(struct image_filter *f, size_t budget)
{
	struct classify_shape shape = f->shape;
	struct parts *to, *from;
	size_t at = RULES_LINE;

	if (!shape.layers)
		return;
	to = xcalloc(2, sizeof(*to));
	from = to + 1;
	lengthen_lines(&shape);
	lengthen_lookups(&shape);
	find_parts(&shape, to);
	find_parts(&f->shape, from);
	if (!find_rooms(from, f->area_bytes))
		goto free_parts;
	for (size_t i = 0; i < to->n; i++) {
		const struct part *p = &from->part[i];

		*to->part[i].offset = at;
		at += round_up(length(f, &shape.layer[p->layer], &f->shape.layer[p->layer], p), RULES_LINE);
	}
	at = round_up(at + RULES_LINE, PAGE);
	for (unsigned int l = 0; l < shape.layers; l++) {
		shape.layer[l].bytes = at;
		shape.layer[l].last = at - RULES_LINE;
	}
	if (size_of(&shape) <= (budget ? budget : RULES_BUDGET))
		filter_lay_like(f, &shape);
free_parts:
	free(to);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * unified.c: a text diff whose time does not depend on how much differs: equal lines are matched in
 * their turn, and the longest row of matches that keeps the order stays (as in
 * userland/analyse/difference.c). Where many lines are alike it may be longer than diff(1)'s.
 */
#include "unified.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rising.h"
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"

#define CONTEXT	3
#define NONE	UINT32_MAX

struct line {
	const char *text;
	size_t len;
	uint32_t with;		/* the same line of the other text; NONE */
};

static struct vec lines_of(const char *text)
{
	struct vec lines = VEC(struct line);

	while (text && *text) {
		size_t len = strcspn(text, "\n");
		struct line l = { text, len, NONE };

		vec_append(&lines, &l);
		text += len + (text[len] == '\n');
	}
	return lines;
}

static struct line *line_at(const struct vec *lines, uint32_t i)
{
	return vec_at(lines, i);
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static void match(struct line *a, struct line *b, uint32_t i, uint32_t k)
{
	a->with = k;
	b->with = i;
}

struct chain {
	uint32_t first, last;
};

/* Lines @from .. @to[0] - 1 of the one, .. @to[1] - 1 of the other. */
static void match_middle(struct vec *a, struct vec *b, uint32_t from, const uint32_t to[2])
{
	struct table chains = TABLE(uint64_t, struct chain);
	uint32_t *next = xcalloc(to[1] + 1, sizeof(*next)), *with = xcalloc(to[0] + 1, sizeof(*with));

	memset(with, 0xff, (to[0] + 1) * sizeof(*with));
	for (uint32_t k = from; k < to[1]; k++) {
		uint64_t hash = hash_bytes(line_at(b, k)->text, line_at(b, k)->len);
		bool fresh;
		struct chain *c = table_put(&chains, &hash, &fresh);

		next[k] = NONE;
		if (fresh)
			c->first = k;
		else
			next[c->last] = k;
		c->last = k;
	}
	for (uint32_t i = from; i < to[0]; i++) {
		uint64_t hash = hash_bytes(line_at(a, i)->text, line_at(a, i)->len);
		struct chain *c = table_get(&chains, &hash);

		if (!c || c->first == NONE || !same(line_at(a, i), line_at(b, c->first)))
			continue;
		with[i] = c->first;
		c->first = next[c->first];
	}
	rising_keep(with, to[0]);
	for (uint32_t i = from; i < to[0]; i++)
		if (with[i] != NONE)
			match(line_at(a, i), line_at(b, with[i]), i, with[i]);
	table_free(&chains);
	free(next);
	free(with);
}

static void match_lines(struct vec *a, struct vec *b)
{
	uint32_t to[2] = { a->len, b->len }, from = 0;

	while (from < to[0] && from < to[1] && same(line_at(a, from), line_at(b, from))) {
		match(line_at(a, from), line_at(b, from), from, from);
		from++;
	}
	while (to[0] > from && to[1] > from && same(line_at(a, to[0] - 1), line_at(b, to[1] - 1))) {
		to[0]--;
		to[1]--;
		match(line_at(a, to[0]), line_at(b, to[1]), to[0], to[1]);
	}
	match_middle(a, b, from, to);
}

/* The next line that differs from (@i, @k) on; false: none. */
static bool next_change(const struct vec *a, const struct vec *b, uint32_t *i, uint32_t *k)
{
	while (*i < a->len && *k < b->len && line_at(a, *i)->with == *k) {
		++*i;
		++*k;
	}
	return *i < a->len || *k < b->len;
}

static void put(struct text *out, char sign, const struct line *l)
{
	text_printf(out, "%c", sign);
	text_append(out, l->text, l->len);
	text_printf(out, "\n");
}

/* Behind a change, the first lines that are equal again. */
static void pass_change(const struct vec *a, const struct vec *b, uint32_t *i, uint32_t *k,
			struct text *out)
{
	while (*i < a->len && line_at(a, *i)->with == NONE)
		put(out, '-', line_at(a, (*i)++));
	while (*k < b->len && line_at(b, *k)->with == NONE)
		put(out, '+', line_at(b, (*k)++));
}

/* One hunk from a change at (@i, @k) on: changes with few equal lines in between. */
static void hunk(const struct vec *a, const struct vec *b, uint32_t *i, uint32_t *k, struct text *out)
{
	uint32_t lead = *i < CONTEXT ? *i : CONTEXT, first_a, first_b, end;
	struct text body = { 0 };

	if (lead > *k)
		lead = *k;
	first_a = *i - lead;
	first_b = *k - lead;
	for (uint32_t n = lead; n > 0; n--)
		put(&body, ' ', line_at(a, *i - n));
	for (;;) {
		uint32_t at[2];

		pass_change(a, b, i, k, &body);
		at[0] = *i;
		at[1] = *k;
		end = !next_change(a, b, &at[0], &at[1]) || at[0] - *i > 2 * CONTEXT ? CONTEXT : at[0] - *i;
		for (uint32_t n = 0; n < end && *i < a->len && line_at(a, *i)->with == *k; n++) {
			put(&body, ' ', line_at(a, *i));
			++*i;
			++*k;
		}
		if (*i != at[0] || *k != at[1] || (*i == a->len && *k == b->len))
			break;
	}
	text_printf(out, "@@ -%u,%u +%u,%u @@\n", *i > first_a ? first_a + 1 : first_a, *i - first_a,
		    *k > first_b ? first_b + 1 : first_b, *k - first_b);
	text_append(out, body.data, body.len);
	text_free(&body);
}

void unified(const char *name_a, const char *a, const char *name_b, const char *b, struct text *out)
{
	struct vec x = lines_of(a), y = lines_of(b);
	uint32_t i = 0, k = 0;
	bool begun = false;

	match_lines(&x, &y);
	while (next_change(&x, &y, &i, &k)) {
		if (!begun)
			text_printf(out, "--- %s\n+++ %s\n", a ? name_a : "/dev/null", b ? name_b : "/dev/null");
		begun = true;
		hunk(&x, &y, &i, &k, out);
	}
	vec_free(&x);
	vec_free(&y);
}

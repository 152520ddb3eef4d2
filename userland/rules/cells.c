// SPDX-License-Identifier: GPL-2.0
#include "rules/cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cells_init(struct cells *c, const struct services *services, const struct rules_head *heads,
		uint32_t list_max, size_t limit)
{
	*c = (struct cells){
		.services = services,
		.heads = heads,
		.list_max = list_max,
		.limit = limit,
		.shared = VEC(struct cells_shared),
		.kept = VEC(uint32_t),
		.seen = xcalloc(services->list.len, sizeof(uint32_t)),
		.row = xcalloc(services->group[0].classes, sizeof(uint32_t)),
		.left = xcalloc(services->column_words, sizeof(uint64_t)),
	};
	vec_push(&c->shared);
}

void cells_free(struct cells *c)
{
	if (!c->lists.fixed) {
		free(c->lists.base);
		free(c->rows.base);
	}
	vec_free(&c->shared);
	vec_free(&c->kept);
	free(c->chain);
	free(c->list_at);
	free(c->row_at);
	free(c->seen);
	free(c->row);
	free(c->left);
}

/* ---- regions ----------------------------------------------------------------- */

static struct rules_entry *entry_at(const struct cells *c, uint32_t at)
{
	return (struct rules_entry *)c->lists.base + at;
}

static uint32_t *word_at(const struct cells *c, uint32_t at)
{
	return (uint32_t *)c->rows.base + at;
}

size_t cells_bytes(const struct cells *c)
{
	return c->lists.used * sizeof(struct rules_entry) + c->rows.used * sizeof(uint32_t);
}

/* @n more of what takes @size bytes each. Return: 0 or -ENOSPC. */
static int region_room(const struct cells *c, struct cells_region *r, uint32_t n, size_t size)
{
	if (r->used + (size_t)n > RULES_AT(~0u))
		return -ENOSPC;
	if (r->used + n <= r->cap)
		return 0;
	if (r->fixed || cells_bytes(c) + n * size > c->limit)
		return -ENOSPC;
	r->cap = r->used + n + r->used / 2 + 1024;
	r->base = xrealloc(r->base, r->cap * size);
	return 0;
}

static void note_shared(uint32_t **map, uint32_t *cap, uint32_t at, uint32_t shared)
{
	if (at >= *cap) {
		uint32_t more = at + at / 2 + 1024;

		*map = xrealloc(*map, more * sizeof(**map));
		*cap = more;
	}
	(*map)[at] = shared;
}

/* ---- what is shared ----------------------------------------------------------- */

static struct cells_shared *shared_at(const struct cells *c, uint32_t i)
{
	return vec_at(&c->shared, i);
}

static void grow_chains(struct cells *c)
{
	uint32_t chains = c->chains ? 2 * c->chains : 256;
	uint32_t *chain = xcalloc(chains, sizeof(*chain));

	for (uint32_t i = 0; i < c->chains; i++) {
		for (uint32_t s = c->chain[i], next; s; s = next) {
			next = shared_at(c, s)->next;
			shared_at(c, s)->next = chain[shared_at(c, s)->hash & (chains - 1)];
			chain[shared_at(c, s)->hash & (chains - 1)] = s;
		}
	}
	free(c->chain);
	c->chain = chain;
	c->chains = chains;
}

static uint32_t new_shared(struct cells *c, uint64_t hash, uint32_t at, uint32_t len)
{
	uint32_t s = c->free_shared;

	if (c->count[0] + c->count[1] >= c->chains)
		grow_chains(c);
	if (s) {
		c->free_shared = shared_at(c, s)->next;
	} else {
		s = c->shared.len;
		vec_push(&c->shared);
	}
	*shared_at(c, s) = (struct cells_shared){
		.hash = hash, .next = c->chain[hash & (c->chains - 1)], .at = at, .len = len,
	};
	c->chain[hash & (c->chains - 1)] = s;
	c->count[!len]++;
	return s;
}

/* An equal list (@len entries), or row (0), if there is one. */
static uint32_t find_shared(const struct cells *c, uint64_t hash, const void *bytes, uint32_t len)
{
	if (!c->chains)
		return 0;
	for (uint32_t s = c->chain[hash & (c->chains - 1)]; s; s = shared_at(c, s)->next) {
		const struct cells_shared *sh = shared_at(c, s);
		const void *there = sh->len ? (void *)entry_at(c, sh->at) : word_at(c, sh->at);
		size_t size = len ? len * sizeof(struct rules_entry) :
			      c->services->group[0].classes * sizeof(uint32_t);

		if (sh->hash == hash && sh->len == len && !memcmp(there, bytes, size))
			return s;
	}
	return 0;
}

static uint32_t shared_of(const struct cells *c, uint32_t word)
{
	switch (RULES_KIND(word)) {
	case RULES_LIST:
		return c->list_at[RULES_AT(word)];
	case RULES_ROW:
		return c->row_at[RULES_AT(word)];
	default:
		return 0;
	}
}

void cells_get(struct cells *c, uint32_t word, uint32_t refs)
{
	uint32_t s = shared_of(c, word);

	if (s)
		shared_at(c, s)->refs += refs;
}

static void free_row(struct cells *c, uint32_t at)
{
	for (uint32_t i = 0; c->services->groups > 1 && i < c->services->group[0].classes; i++)
		cells_put(c, word_at(c, at)[i]);
	*word_at(c, at) = c->free_row;
	c->free_row = at + 1;
}

void cells_put(struct cells *c, uint32_t word)
{
	uint32_t s = shared_of(c, word), *link;
	struct cells_shared *sh;

	if (!s || --shared_at(c, s)->refs)
		return;
	sh = shared_at(c, s);
	for (link = &c->chain[sh->hash & (c->chains - 1)]; *link != s;)
		link = &shared_at(c, *link)->next;
	*link = sh->next;
	c->count[!sh->len]--;
	if (sh->len) {
		entry_at(c, sh->at)->rule = c->free_list[sh->len];
		c->free_list[sh->len] = sh->at + 1;
	} else {
		free_row(c, sh->at);
	}
	shared_at(c, s)->next = c->free_shared;
	c->free_shared = s;
}

/* ---- words -------------------------------------------------------------------- */

static int make_list(struct cells *c, const uint32_t *rules, uint32_t n, uint32_t *word)
{
	struct rules_entry entry[RULES_LIST_MAX];
	uint32_t s, at;
	uint64_t hash;

	for (uint32_t i = 0; i < n; i++)
		entry[i] = (struct rules_entry){ rules[i], c->heads[rules[i]].service };
	entry[n - 1].service |= RULES_LAST;
	hash = hash_bytes(entry, n * sizeof(*entry));
	s = find_shared(c, hash, entry, n);
	if (!s) {
		at = c->free_list[n];
		if (at) {
			c->free_list[n] = entry_at(c, --at)->rule;
		} else {
			if (region_room(c, &c->lists, n, sizeof(*entry)))
				return -ENOSPC;
			at = c->lists.used;
			c->lists.used += n;
		}
		memcpy(entry_at(c, at), entry, n * sizeof(*entry));
		s = new_shared(c, hash, at, n);
		note_shared(&c->list_at, &c->list_at_cap, at, s);
	}
	shared_at(c, s)->refs++;
	*word = RULES_CELL(RULES_LIST, shared_at(c, s)->at);
	return 0;
}

/* One rule, subject to its service or not. */
static uint32_t one_word(const struct cells *c, uint32_t rule)
{
	return RULES_CELL(c->heads[rule].service ? RULES_ONE : RULES_SURE, rule);
}

static int make_few(struct cells *c, const uint32_t *rules, uint32_t n, uint32_t *word)
{
	if (n > 1)
		return make_list(c, rules, n, word);
	*word = n ? one_word(c, rules[0]) : 0;
	return 0;
}

/* The row in c->row, whose inner cells count as its references. */
static int make_row(struct cells *c, uint32_t *word)
{
	uint32_t classes = c->services->group[0].classes, s, at;
	uint64_t hash = hash_bytes(c->row, classes * sizeof(*c->row));

	s = find_shared(c, hash, c->row, 0);
	if (!s) {
		at = c->free_row;
		if (at) {
			c->free_row = *word_at(c, --at);
		} else {
			if (region_room(c, &c->rows, classes, sizeof(*c->row)))
				return -ENOSPC;
			at = c->rows.used;
			c->rows.used += classes;
		}
		memcpy(word_at(c, at), c->row, classes * sizeof(*c->row));
		s = new_shared(c, hash, at, 0);
		note_shared(&c->row_at, &c->row_at_cap, at / classes, s);
	} else {
		for (uint32_t i = 0; c->services->groups > 1 && i < classes; i++)
			cells_put(c, c->row[i]);
	}
	shared_at(c, s)->refs++;
	*word = RULES_CELL(RULES_ROW, shared_at(c, s)->at / classes);
	return 0;
}

/*
 * One group, which decides: each rule takes those of its service classes that are left. Rules that
 * get none are taken out of c->kept.
 */
static void fill_row(struct cells *c)
{
	const struct services *s = c->services;
	uint32_t *kept = c->kept.data;
	size_t n = 0;

	memset(c->row, 0, s->group[0].classes * sizeof(*c->row));
	memset(c->left, 0xff, s->column_words * sizeof(*c->left));
	for (size_t i = 0; i < c->kept.len; i++) {
		const uint64_t *column = s->column + (size_t)c->heads[kept[i]].service *
					 s->column_words;
		bool any = false;

		for (uint32_t w = 0; w < s->column_words; w++) {
			for (uint64_t take = column[w] & c->left[w]; take; take &= take - 1) {
				c->row[64 * w + __builtin_ctzll(take)] =
					RULES_CELL(RULES_SURE, kept[i]);
				any = true;
			}
			c->left[w] &= ~column[w];
		}
		if (any)
			kept[n++] = kept[i];
	}
	c->kept.len = n;
}

/* There are more groups: a class of the first can have several rules, and gets a cell of its own. */
static int fill_row_of_lists(struct cells *c)
{
	const struct services *s = c->services;
	const uint32_t *kept = c->kept.data;

	for (uint32_t class = 0; class < s->group[0].classes; class++) {
		uint32_t rules[RULES_LIST_MAX], n = 0;
		int err = 0;

		for (size_t i = 0; i < c->kept.len; i++) {
			uint32_t service = c->heads[kept[i]].service;

			if (!(s->column[(size_t)service * s->column_words + class / 64] >>
			      class % 64 & 1))
				continue;
			if (n == RULES_LIST_MAX) {
				err = -E2BIG;
				break;
			}
			rules[n++] = kept[i];
			if (s->decided[service])
				break;
		}
		if (!err)
			err = make_few(c, rules, n, &c->row[class]);
		if (err) {
			while (class-- > 0)
				cells_put(c, c->row[class]);
			return err;
		}
	}
	return 0;
}

int cells_make(struct cells *c, const uint32_t *rules, size_t n, uint32_t *word)
{
	uint32_t fresh = 0;
	int err;

	c->kept.len = 0;
	c->turn++;
	for (size_t i = 0; i < n; i++) {
		uint32_t service = c->heads[rules[i]].service;

		if (c->seen[service] == c->turn)
			continue;
		c->seen[service] = c->turn;
		vec_append(&c->kept, &rules[i]);
		if (!service)
			break;
	}
	if (c->kept.len <= c->list_max) {
		err = make_few(c, c->kept.data, c->kept.len, &fresh);
	} else if (c->services->groups > 1) {
		err = fill_row_of_lists(c);
		if (!err)
			err = make_row(c, &fresh);
	} else {
		fill_row(c);
		err = c->kept.len <= c->list_max ?
		      make_few(c, c->kept.data, c->kept.len, &fresh) : make_row(c, &fresh);
	}
	if (!err)
		*word = fresh;
	return err;
}

void cells_fix(struct cells *c, void *lists, uint32_t entries, void *rows, uint32_t words)
{
	if (c->lists.used)
		memcpy(lists, c->lists.base, c->lists.used * sizeof(struct rules_entry));
	if (c->rows.used)
		memcpy(rows, c->rows.base, c->rows.used * sizeof(uint32_t));
	free(c->lists.base);
	free(c->rows.base);
	c->lists = (struct cells_region){ lists, c->lists.used, entries, true };
	c->rows = (struct cells_region){ rows, c->rows.used, words, true };
}

size_t cells_memory(const struct cells *c)
{
	return c->shared.cap * sizeof(struct cells_shared) +
	       (c->chains + c->list_at_cap + (size_t)c->row_at_cap) * sizeof(uint32_t);
}

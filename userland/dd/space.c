// SPDX-License-Identifier: GPL-2.0
/*
 * space.c: the context: memory and its budget, things that are there once, and what was asked before.
 */
#include "dd/space.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dd_space *dd_space_new(const struct dd_field *fields, unsigned int count, size_t budget)
{
	struct dd_space *s = xcalloc(1, sizeof(*s));
	struct dd_list as_it_is = { 0 };
	struct vec lists = VEC(const struct list *);

	assert(count >= 1 && count <= DD_FIELDS_MAX);
	s->budget = budget;
	s->fields = count;
	memcpy(s->field, fields, count * sizeof(*fields));
	s->memo = TABLE(struct question, const void *);
	s->assigned = (struct table){ .key_size = 2 * sizeof(uint64_t), .value_size = 1 };
	s->none = leaf_make(s, &lists);
	if (leaf_add(s, &lists, &as_it_is))
		s->all = leaf_make(s, &lists);
	vec_free(&lists);
	return s;
}

void dd_space_free(struct dd_space *s)
{
	if (!s)
		return;
	arena_free(&s->arena);
	free(s->nodes.slot);
	free(s->lists.slot);
	table_free(&s->memo);
	table_free(&s->assigned);
	free(s->why);
	free(s);
}

const char *dd_refusal(const struct dd_space *s)
{
	return s->why;
}

const struct dd_field *dd_field(const struct dd_space *s, unsigned int i)
{
	return &s->field[i];
}

unsigned int dd_fields(const struct dd_space *s)
{
	return s->fields;
}

/* ---- memory ---------------------------------------------------------- */

size_t space_bytes(const struct dd_space *s)
{
	return s->arena.bytes + (s->nodes.cap + s->lists.cap) * sizeof(void *) +
	       s->memo.cap * (1 + s->memo.key_size + s->memo.value_size);
}

void space_refuse(struct dd_space *s, const char *format, ...)
{
	va_list args;

	if (s->why)
		return;
	va_start(args, format);
	if (vasprintf(&s->why, format, args) < 0)
		s->why = xstrdup("the diagram is refused");
	va_end(args);
}

void *space_alloc(struct dd_space *s, size_t size)
{
	if (s->why)
		return NULL;
	if (size > s->budget || space_bytes(s) > s->budget - size) {
		space_refuse(s, "the diagram takes more than %zu MB: canonical diagrams of rules that cross "
			     "each other grow with their product", s->budget >> 20);
		return NULL;
	}
	return arena_alloc(&s->arena, size);
}

const void *space_recall(const struct dd_space *s, const struct question *q)
{
	const void **answer = table_get(&s->memo, q);

	return answer ? *answer : NULL;
}

const void *space_keep(struct dd_space *s, const struct question *q, const void *answer)
{
	if (answer)
		*(const void **)table_put(&s->memo, q, NULL) = answer;
	return answer;
}

/* ---- things that are there once -------------------------------------- */

void *unique_find(const struct unique *u, uint32_t hash, same_fn *same, const void *key)
{
	if (!u->cap)
		return NULL;
	for (size_t i = hash & (u->cap - 1); u->slot[i]; i = (i + 1) & (u->cap - 1))
		if (*(uint32_t *)u->slot[i] == hash && same(u->slot[i], key))
			return u->slot[i];
	return NULL;
}

static void enter(struct unique *u, void *thing)
{
	size_t i = *(uint32_t *)thing & (u->cap - 1);

	while (u->slot[i])
		i = (i + 1) & (u->cap - 1);
	u->slot[i] = thing;
}

void unique_add(struct unique *u, void *thing)
{
	if ((u->len + 1) * 2 > u->cap) {
		struct unique old = *u;

		u->cap = old.cap ? old.cap * 2 : 256;
		u->slot = xcalloc(u->cap, sizeof(*u->slot));
		for (size_t i = 0; i < old.cap; i++)
			if (old.slot[i])
				enter(u, old.slot[i]);
		free(old.slot);
	}
	enter(u, thing);
	u->len++;
}

// SPDX-License-Identifier: GPL-2.0
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *not_null(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return not_null(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return not_null(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return not_null(strdup(s));
}

void vec_reserve(struct vec *v, size_t cap)
{
	if (cap <= v->cap)
		return;
	v->data = not_null(reallocarray(v->data, cap, v->elem_size));
	v->cap = cap;
}

void *vec_push(struct vec *v)
{
	if (v->len == v->cap)
		vec_reserve(v, v->cap ? v->cap * 2 : 8);
	return memset(vec_at(v, v->len++), 0, v->elem_size);
}

void *vec_append(struct vec *v, const void *elem)
{
	if (v->len == v->cap)
		vec_reserve(v, v->cap ? v->cap * 2 : 8);
	return memcpy(vec_at(v, v->len++), elem, v->elem_size);
}

void vec_pop(struct vec *v)
{
	v->len--;
}

void vec_free(struct vec *v)
{
	free(v->data);
	v->data = NULL;
	v->len = 0;
	v->cap = 0;
}

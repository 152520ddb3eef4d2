/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vec.h: a growing array of elements of one size.
 *
 *	struct vec routes = VEC(struct route);
 *	struct route *r = vec_push(&routes);
 *	for (size_t i = 0; i < routes.len; i++)
 *		use(vec_at(&routes, i));
 *
 * Pointers into it are good until the next push. Running out of memory ends the
 * program: a daemon that cannot get a few bytes has nothing better to do, and
 * the data path goes on without it.
 */
#ifndef SLUICE_BASE_VEC_H
#define SLUICE_BASE_VEC_H

#include <stddef.h>

struct vec {
	void *data;
	size_t len;		/* elements in use */
	size_t cap;		/* elements there is room for */
	size_t elem_size;	/* bytes */
};

#define VEC(type) ((struct vec){ .elem_size = sizeof(type) })

/** vec_push() - appends a zeroed element and returns it. */
void *vec_push(struct vec *v);

/** vec_append() - appends a copy of *@elem and returns it. */
void *vec_append(struct vec *v, const void *elem);

/** vec_reserve() - makes room for @cap elements in all. */
void vec_reserve(struct vec *v, size_t cap);

/** vec_pop() - drops the last element. */
void vec_pop(struct vec *v);

/** vec_free() - gives the memory back; the vec is empty and can be used again. */
void vec_free(struct vec *v);

static inline void *vec_at(const struct vec *v, size_t i)
{
	return (char *)v->data + i * v->elem_size;
}

/** xcalloc(), xrealloc(), xstrdup() - as their names say, and never NULL. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

#endif

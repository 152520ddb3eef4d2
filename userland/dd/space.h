/* SPDX-License-Identifier: GPL-2.0 */
/*
 * space.h: private to userland/dd: what a space holds, and how its parts are made.
 */
#ifndef SLUICE_DD_SPACE_H
#define SLUICE_DD_SPACE_H

#include <stdalign.h>

#include "base/arena.h"
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "dd/dd.h"

#define LEAF		0xffffu
#define MARKS_MAX	256u	/* of one list */

/* Values up to and with @last, from behind the edge before it. */
struct edge {
	dd_value last;
	const struct dd *to;
};

/* A node has its edges behind it, a leaf pointers to its lists. */
struct dd {
	alignas(16) uint32_t hash;	/* the first in whatever is unique */
	uint32_t n;			/* edges, or lists */
	uint64_t assigned;		/* bit f: some list below assigns field f */
	uint16_t field;			/* LEAF: a leaf */
	bool predicate;			/* leaves are "none" and "all" */
	bool sourced;			/* some mark below is a source */
};

struct list {
	uint32_t hash;
	struct dd_list says;
};

/* Things that are there once: pointers to them, by their hash. */
struct unique {
	void **slot;
	size_t len, cap;
};

/* What was asked before; zero where the question has none. No holes: it is hashed as bytes. */
struct question {
	dd_value value;
	uint64_t what;		/* enum question_kind, field above it */
	const void *a, *b, *c;
};
_Static_assert(sizeof(struct question) == 48, "question");

enum question_kind {
	ASK_UNION = 1, ASK_FIRST, ASK_INTERSECTION, ASK_DIFFERENCE, ASK_DIFFER,
	ASK_IF, ASK_SEQUENCE, ASK_LIST, ASK_SPLIT, ASK_DROP, ASK_VALUES, ASK_RESTRICT, ASK_MEANING,
	ASK_DOMAIN,
};

struct dd_space {
	struct arena arena;
	size_t budget;
	unsigned int fields;
	struct dd_field field[DD_FIELDS_MAX];
	struct unique nodes, lists;	/* leaves are among the nodes */
	struct table memo;		/* struct question -> const void * */
	struct table assigned;		/* field and value, of small fields -> char */
	uint32_t values_assigned[DD_FIELDS_MAX];
	const struct dd *none, *all;
	char *why;			/* NULL, or why nothing goes any more */
};

static inline bool is_leaf(const struct dd *d)
{
	return d->field == LEAF;
}

static inline const struct edge *edges_of(const struct dd *d)
{
	return (const struct edge *)(d + 1);
}

static inline const struct list *const *lists_of(const struct dd *d)
{
	return (const struct list *const *)(d + 1);
}

/* ---- space.c --------------------------------------------------------- */

/**
 * space_alloc() - memory of the space; NULL, and the space has refused, if its budget does not allow
 * it.
 */
void *space_alloc(struct dd_space *s, size_t size);

/** space_bytes() - what the space takes. */
size_t space_bytes(const struct dd_space *s);

/** space_refuse() - from now on every function says no, for this reason; the first one stays. */
void space_refuse(struct dd_space *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** space_recall() - the answer to @q, NULL if it is not known. */
const void *space_recall(const struct dd_space *s, const struct question *q);

/** space_keep() - remembers the answer to @q. Return: @answer. */
const void *space_keep(struct dd_space *s, const struct question *q, const void *answer);

/* same_fn - whether the thing @there is what @key describes. */
typedef bool same_fn(const void *there, const void *key);

/** unique_find() - the thing that @key describes; NULL: there is none yet. */
void *unique_find(const struct unique *u, uint32_t hash, same_fn *same, const void *key);

/** unique_add() - enters @thing, which begins with its hash, and was not there. */
void unique_add(struct unique *u, void *thing);

/* ---- leaf.c ---------------------------------------------------------- */

/* Appends to @leaf, a vec of const struct list *: a list with these parts. False: refused. */
bool leaf_add(struct dd_space *s, struct vec *leaf, const struct dd_list *says);

/* The leaf of these lists, in any order, some perhaps twice. */
const struct dd *leaf_make(struct dd_space *s, struct vec *lists);

/**
 * list_join() - @then behind @first: marks one behind the other, later assignments over earlier ones.
 */
bool list_join(struct dd_space *s, const struct dd_list *first, const struct dd_list *then,
	       struct vec *leaf);

/** list_end() - @says, and the packet dropped: nothing if it has no marks. */
bool list_end(struct dd_space *s, const struct dd_list *says, struct vec *leaf);

/** list_assigns() - whether @says assigns @field, and what. */
bool list_assigns(const struct dd_list *says, unsigned int field, dd_value *value);

/** leaf_union(), leaf_intersection(), leaf_difference() - of two leaves. */
const struct dd *leaf_union(struct dd_space *s, const struct dd *a, const struct dd *b);
const struct dd *leaf_intersection(struct dd_space *s, const struct dd *a, const struct dd *b);
const struct dd *leaf_difference(struct dd_space *s, const struct dd *a, const struct dd *b);

/** leaf_drop() - without the assignments @field := @value. */
const struct dd *leaf_drop(struct dd_space *s, const struct dd *leaf, unsigned int field,
			   dd_value value);

/** leaf_meaning() - without sources. */
const struct dd *leaf_meaning(struct dd_space *s, const struct dd *leaf);

/* ---- node.c ---------------------------------------------------------- */

/**
 * node_make() - the diagram that asks @field first.
 * @edges: a vec of struct edge that covers the field's values, neighbours perhaps alike; their
 * diagrams ask later fields only. Taken over, and freed.
 */
const struct dd *node_make(struct dd_space *s, unsigned int field, struct vec *edges);

/**
 * node_add() - appends an edge to such a vec; one that leads where the last one does becomes one
 * with it.
 */
void node_add(struct vec *edges, dd_value last, const struct dd *to);

/** node_next() - where @value leads. */
const struct dd *node_next(const struct dd *node, dd_value value);

/**
 * node_split() - appends to @out the edges of @d at @field (one for all, if it asks later ones), with
 * each value that a list below assigns to the field apart, where the assignment is left out.
 * Return: false: refused.
 */
bool node_split(struct dd_space *s, const struct dd *d, unsigned int field, struct vec *out);

/** node_drop() - @d where @field is known to be @value: nothing assigns it that value. */
const struct dd *node_drop(struct dd_space *s, const struct dd *d, unsigned int field,
			   dd_value value);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prefix_tree.h: prefixes of one family in order, each with a number: exact and longest
 * match, and walks of what lies within a prefix.
 *
 * A path-compressed binary tree (Morrison's PATRICIA, 1968, with both kinds of node in
 * one): a node is a prefix that was put in, or the fork of two; its kids are longer
 * prefixes, told apart by the first bit behind its own. Nodes lie in one array and
 * refer to each other by index, 20 bytes each for IPv4 and 32 for IPv6: a million
 * routes and their forks take some 35 MB. For the control plane: what the data path
 * walks is built by userland/lpm.
 *
 * See base/vec.h on running out of memory.
 */
#ifndef SLUICE_BASE_PREFIX_TREE_H
#define SLUICE_BASE_PREFIX_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct prefix_tree {
	uint8_t family;		/* of all prefixes in it */
	uint32_t root;		/* index of a node; 0: empty */
	uint32_t free;		/* first free node; they are chained */
	uint32_t nodes, cap;	/* nodes ever used, node 0 among them; room */
	size_t len;		/* prefixes */
	size_t stride;		/* bytes a node */
	char *node;
};

#define PREFIX_TREE_V4 ((struct prefix_tree){ .family = ADDR_V4 })
#define PREFIX_TREE_V6 ((struct prefix_tree){ .family = ADDR_V6 })

/*
 * Prefixes are canonical and of the tree's family. Values are the caller's; pointers
 * to them are good until the next put.
 */

/** prefix_tree_get() - the value of exactly @p, or NULL. */
uint32_t *prefix_tree_get(const struct prefix_tree *t, const struct prefix *p);

/** prefix_tree_put() - the value of @p, entered as 0 if it was not there. */
uint32_t *prefix_tree_put(struct prefix_tree *t, const struct prefix *p);

/** prefix_tree_del() - takes @p out. Return: whether it was there. */
bool prefix_tree_del(struct prefix_tree *t, const struct prefix *p);

/**
 * prefix_tree_count() - adds @by to the value of @p, where values count something: at 0 it is not in
 * the tree. Return: whether it came or went.
 */
bool prefix_tree_count(struct prefix_tree *t, const struct prefix *p, int by);

/**
 * prefix_tree_cover() - the prefixes that contain @p, from the shortest to @p itself.
 * @visit: called for each with its length; returning false ends the walk.
 */
void prefix_tree_cover(const struct prefix_tree *t, const struct prefix *p,
		       bool (*visit)(void *user, uint8_t len, uint32_t value), void *user);

/**
 * prefix_tree_next() - walks the prefixes within @within in order, a parent before its
 * kids. Start with @p->addr.family 0; on each call *@p is the one before, which need
 * not be there any more: prefixes may be put and deleted on the way.
 * @value: may be NULL. Return: false at the end, *@p untouched.
 */
bool prefix_tree_next(const struct prefix_tree *t, const struct prefix *within, struct prefix *p,
		      uint32_t *value);

/** prefix_tree_each() - visits all prefixes in that order; faster, but the tree must stay as it is. */
void prefix_tree_each(const struct prefix_tree *t,
		      void (*visit)(void *user, const struct prefix *p, uint32_t value), void *user);

/** prefix_tree_free() - gives the memory back; the tree is empty and can be used again. */
void prefix_tree_free(struct prefix_tree *t);

/** prefix_tree_bytes() - the memory that it takes. */
size_t prefix_tree_bytes(const struct prefix_tree *t);

#endif

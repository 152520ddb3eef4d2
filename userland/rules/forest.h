/* SPDX-License-Identifier: GPL-2.0 */
/*
 * forest.h: all prefixes of one side of a rule list, as trees, and their numbers.
 *
 * Three trees: a single node for packets that are not IP, IPv4 below 0.0.0.0/0, IPv6 below
 * ::/0. A node is a prefix that some rule names, or a root. An address's class is its
 * longest match.
 *
 * Nodes are in bands by the size of their subtrees: band 0, the wide ones, is those with
 * more than limit[0] nodes at and below them, and all roots; band 1 those with more than
 * limit[1], and so on. As subtrees only get smaller on the way down, the bands along a path
 * only grow, so that the nodes of one band over a class are a chain without gaps.
 *
 * Numbers go by band, and within a band in the order of the tree, a parent before its kids.
 * So the nodes at and below one, of its own band, have consecutive numbers: count[] of them,
 * from number[] on. Nodes that are added later have numbers at the end, and are found by
 * the added lists.
 */
#ifndef SLUICE_RULES_FOREST_H
#define SLUICE_RULES_FOREST_H

#include "base/addr.h"
#include "base/prefix_tree.h"
#include "base/vec.h"
#include "bpf/rules.h"

/* Nodes are known by their index; 0 is none. */
#define FOREST_NOT_IP	1u
#define FOREST_ROOT4	2u
#define FOREST_ROOT6	3u
#define FOREST_ROOTS	4u	/* the first node that is none */

struct forest_node {
	struct prefix prefix;	/* FOREST_NOT_IP: family ADDR_NONE */
	uint8_t band;
	uint32_t parent;	/* 0: a root */
	uint32_t size;		/* nodes at and below it when it was numbered */
	uint32_t number;
	uint32_t count;		/* of its band, at and below it, numbered with it */
	uint32_t added;		/* more of them, since: index into added[]; 0: none */
};

/* Numbers first .. first + count - 1, at or below @node. */
struct forest_added {
	uint32_t node, first, count, next;
};

struct forest {
	struct prefix_tree tree[2];	/* IPv4, IPv6 -> node */
	struct vec nodes;		/* of struct forest_node; [0] is none */
	struct vec order;		/* of uint32_t: nodes, a parent before its kids, by tree; not those
					 * that were added */
	struct vec numbered;		/* of uint32_t: number -> node */
	struct vec added;		/* of struct forest_added; [0] is none */
	uint32_t cap;			/* numbers that tables have room for */
	unsigned int bands;
	uint32_t limit[RULES_BANDS_MAX - 1];
	uint32_t first[RULES_BANDS_MAX + 1];	/* numbers of band b: first[b] .. first[b + 1] - 1 */
};

void forest_init(struct forest *f);
void forest_free(struct forest *f);

static inline struct forest_node *forest_node(const struct forest *f, uint32_t node)
{
	return vec_at(&f->nodes, node);
}

/** forest_size() - nodes, the roots among them: numbers are below it. */
static inline uint32_t forest_size(const struct forest *f)
{
	return f->nodes.len - 1;
}

/** forest_put() - the node of @p, made if there is none. Before forest_order(). */
uint32_t forest_put(struct forest *f, const struct prefix *p);

/** forest_get() - the node of exactly @p; 0: none. */
uint32_t forest_get(const struct forest *f, const struct prefix *p);

/** forest_order() - finds order, parents and sizes, after the last forest_put(). */
void forest_order(struct forest *f);

/** forest_number() - sets bands and numbers; limits fall. Again for other limits. */
void forest_number(struct forest *f, unsigned int bands, const uint32_t *limit);

/** forest_class() - the node of @a's longest match; FOREST_NOT_IP for ADDR_NONE. */
uint32_t forest_class(const struct forest *f, const struct addr *a);

/** forest_wide() - the number of the deepest node of band 0 at or over @node. */
uint32_t forest_wide(const struct forest *f, uint32_t node);

/** forest_chain() - the number of the deepest node of each band at or over @node, or RULES_NONE. */
void forest_chain(const struct forest *f, uint32_t node, uint32_t *number);

/**
 * forest_add() - adds a node, which is not there, to a numbered forest, in the last band.
 * Return: the node; 0 if it would stand over a node of an earlier band, if there is but
 * one band, or no room for its number.
 */
uint32_t forest_add(struct forest *f, const struct prefix *p);

/** forest_drop() - takes the node back that forest_add() added last. */
void forest_drop(struct forest *f);

/**
 * forest_below() - calls @visit with the number of each node at and below @node that is
 * of its band; those of one run of numbers at once.
 */
void forest_below(const struct forest *f, uint32_t node,
		  void (*visit)(void *user, uint32_t first, uint32_t count), void *user);

#endif

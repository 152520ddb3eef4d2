/* SPDX-License-Identifier: GPL-2.0 */
/*
 * radix.h: the shadow of a route table: all its prefixes, in a path-compressed
 * binary tree (Morrison 1968; Sklower 1991 for routing).
 *
 * A node is a prefix with a result, or the place where two longer ones part; each
 * has its key, so that nothing is stored for the bits between. Nodes lie in one
 * array and name each other by index, 0 being none. An address of either family is
 * 128 bits, an IPv4 address the first 32 of them.
 */
#ifndef SLUICE_LPM_RADIX_H
#define SLUICE_LPM_RADIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct radix_key {
	uint64_t hi, lo;	/* bits past len are zero */
	uint8_t len;
};

struct radix_node {
	uint64_t hi, lo;
	uint32_t child[2];
	uint32_t result;	/* 0: only a parting of the ways */
	uint8_t len;
	uint8_t pad[3];
};

struct radix {
	struct radix_node *nodes;
	uint32_t len, cap;	/* of nodes, the zeroth included */
	uint32_t free;		/* list by child[0] */
	uint32_t root;
	size_t prefixes;
};

struct radix_entry {
	struct radix_key key;
	uint32_t result;
};

static inline struct radix_node *radix_node(const struct radix *r, uint32_t n)
{
	return &r->nodes[n];
}

/** radix_truncate() - @k cut to @len bits. */
struct radix_key radix_truncate(struct radix_key k, unsigned int len);

/** radix_bits() - @n bits of a key from bit @from on, as a number; n <= 32. */
static inline uint32_t radix_bits(uint64_t hi, uint64_t lo, unsigned int from, unsigned int n)
{
	uint64_t top = from >= 64 ? lo << (from - 64) : from ? hi << from | lo >> (64 - from) : hi;

	return n ? top >> (64 - n) : 0;
}

/** radix_key_of() - the bits of @p. */
struct radix_key radix_key_of(const struct prefix *p);

/** radix_prefix() - the prefix that a node stands for. */
struct prefix radix_prefix(uint8_t family, const struct radix_node *n);

/** radix_set() - enters @k or replaces its result (not 0). Return: what it was, 0: it is new. */
uint32_t radix_set(struct radix *r, const struct radix_key *k, uint32_t result);

/** radix_del() - takes @k out. Return: its result, 0: it was not there. */
uint32_t radix_del(struct radix *r, const struct radix_key *k);

/** radix_get() - the result of exactly @k, or 0. */
uint32_t radix_get(const struct radix *r, const struct radix_key *k);

/**
 * radix_below() - the topmost node whose key lies within @k (possibly @k itself), or 0.
 * @best: the result of the longest prefix with 1 .. k->len bits that covers @k, or 0;
 * the default route, /0, does not count.
 */
uint32_t radix_below(const struct radix *r, const struct radix_key *k, uint32_t *best);

/** radix_match() - the node of the longest prefix that covers @k, /0 included, or 0. */
uint32_t radix_match(const struct radix *r, const struct radix_key *k);

/**
 * radix_step() - one step of radix_match(): from the node @at, the root at first, to the next.
 * @best: the longest match so far. Return: 0 at the end.
 */
uint32_t radix_step(const struct radix *r, const struct radix_key *k, uint32_t at, uint32_t *best);

/**
 * radix_next() - the first prefix in order that is within @within and comes after
 * @after (NULL: the very first). Return: its node, or 0.
 */
uint32_t radix_next(const struct radix *r, const struct radix_key *within,
		    const struct radix_key *after);

/**
 * radix_fill() - makes the tree of @n entries, sorted by key (address, then length),
 * no two equal. The tree must be empty.
 */
void radix_fill(struct radix *r, const struct radix_entry *entries, size_t n);

int radix_key_cmp(const struct radix_key *a, const struct radix_key *b);

void radix_free(struct radix *r);

#endif

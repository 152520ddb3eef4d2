// SPDX-License-Identifier: GPL-2.0
#include "lpm/radix.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct radix_key radix_truncate(struct radix_key k, unsigned int len)
{
	if (len < 64) {
		k.hi = len ? k.hi & ~(~0ull >> len) : 0;
		k.lo = 0;
	} else if (len < 128) {
		k.lo = len > 64 ? k.lo & ~(~0ull >> (len - 64)) : 0;
	}
	k.len = len;
	return k;
}

int radix_key_cmp(const struct radix_key *a, const struct radix_key *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return (int)a->len - b->len;
}

static unsigned int bit_at(uint64_t hi, uint64_t lo, unsigned int i)
{
	return i < 64 ? hi >> (63 - i) & 1 : lo >> (127 - i) & 1;
}

/* How many leading bits two keys share, at most @max. */
static unsigned int common_bits(uint64_t hi, uint64_t lo, uint64_t hi2, uint64_t lo2,
				unsigned int max)
{
	unsigned int n = hi != hi2 ? __builtin_clzll(hi ^ hi2) :
			 lo != lo2 ? 64 + __builtin_clzll(lo ^ lo2) : 128;

	return n < max ? n : max;
}

/* Whether the first n->len bits of @k are the node's. */
static bool covers(const struct radix_node *n, const struct radix_key *k)
{
	return n->len <= k->len && common_bits(n->hi, n->lo, k->hi, k->lo, n->len) == n->len;
}

static uint32_t node_new(struct radix *r, const struct radix_key *k, uint32_t result)
{
	uint32_t i = r->free;

	if (i) {
		r->free = r->nodes[i].child[0];
	} else {
		if (r->len == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 64;
			r->nodes = xrealloc(r->nodes, r->cap * sizeof(*r->nodes));
			if (!r->len)
				r->len = 1;
		}
		i = r->len++;
	}
	r->nodes[i] = (struct radix_node){ .hi = k->hi, .lo = k->lo, .len = k->len,
					   .result = result };
	return i;
}

static void node_free(struct radix *r, uint32_t i)
{
	r->nodes[i].child[0] = r->free;
	r->free = i;
}

/* Puts @new where @old is, below @parent (0: the root). */
static void relink(struct radix *r, uint32_t parent, uint32_t old, uint32_t new)
{
	if (!parent)
		r->root = new;
	else
		r->nodes[parent].child[r->nodes[parent].child[1] == old] = new;
}

struct radix_key radix_key_of(const struct prefix *p)
{
	struct radix_key k = { .len = 128 };

	for (unsigned int i = 0; i < 8; i++) {
		k.hi = k.hi << 8 | p->addr.bytes[i];
		k.lo = k.lo << 8 | p->addr.bytes[i + 8];
	}
	return radix_truncate(k, p->len);
}

struct prefix radix_prefix(uint8_t family, const struct radix_node *n)
{
	struct prefix p = { .addr.family = family, .len = n->len };

	for (unsigned int i = 0; i < 8; i++) {
		p.addr.bytes[i] = n->hi >> (56 - 8 * i);
		p.addr.bytes[i + 8] = n->lo >> (56 - 8 * i);
	}
	return p;
}

uint32_t radix_set(struct radix *r, const struct radix_key *k, uint32_t result)
{
	uint32_t parent = 0, at = r->root, new, fork;
	unsigned int shared;
	struct radix_key f;
	uint32_t old;

	while (at && covers(&r->nodes[at], k)) {
		if (r->nodes[at].len == k->len) {
			old = r->nodes[at].result;
			r->nodes[at].result = result;
			r->prefixes += !old;
			return old;
		}
		parent = at;
		at = r->nodes[at].child[bit_at(k->hi, k->lo, r->nodes[at].len)];
	}
	r->prefixes++;
	new = node_new(r, k, result);
	if (!at) {
		if (parent)
			r->nodes[parent].child[bit_at(k->hi, k->lo, r->nodes[parent].len)] = new;
		else
			r->root = new;
		return 0;
	}
	shared = common_bits(r->nodes[at].hi, r->nodes[at].lo, k->hi, k->lo,
			     k->len < r->nodes[at].len ? k->len : r->nodes[at].len);
	if (shared == k->len) {		/* above the node at hand */
		relink(r, parent, at, new);
		r->nodes[new].child[bit_at(r->nodes[at].hi, r->nodes[at].lo, shared)] = at;
		return 0;
	}
	f = radix_truncate(*k, shared);
	fork = node_new(r, &f, 0);
	relink(r, parent, at, fork);
	r->nodes[fork].child[bit_at(k->hi, k->lo, shared)] = new;
	r->nodes[fork].child[!bit_at(k->hi, k->lo, shared)] = at;
	return 0;
}

uint32_t radix_del(struct radix *r, const struct radix_key *k)
{
	uint32_t grand = 0, parent = 0, at = r->root, only;
	struct radix_node *n;
	uint32_t old;

	while (at && covers(&r->nodes[at], k) && r->nodes[at].len < k->len) {
		grand = parent;
		parent = at;
		at = r->nodes[at].child[bit_at(k->hi, k->lo, r->nodes[at].len)];
	}
	if (!at || !covers(&r->nodes[at], k) || !r->nodes[at].result)
		return 0;
	n = &r->nodes[at];
	old = n->result;
	n->result = 0;
	r->prefixes--;
	if (n->child[0] && n->child[1])
		return old;
	only = n->child[0] ? n->child[0] : n->child[1];
	relink(r, parent, at, only);
	node_free(r, at);
	/* A fork with one way left is none. */
	if (!only && parent && !r->nodes[parent].result) {
		only = r->nodes[parent].child[0] ? r->nodes[parent].child[0] :
						   r->nodes[parent].child[1];
		relink(r, grand, parent, only);
		node_free(r, parent);
	}
	return old;
}

uint32_t radix_get(const struct radix *r, const struct radix_key *k)
{
	uint32_t at = r->root;

	while (at && covers(&r->nodes[at], k)) {
		if (r->nodes[at].len == k->len)
			return r->nodes[at].result;
		at = r->nodes[at].child[bit_at(k->hi, k->lo, r->nodes[at].len)];
	}
	return 0;
}

uint32_t radix_below(const struct radix *r, const struct radix_key *k, uint32_t *best)
{
	uint32_t at = r->root;

	*best = 0;
	while (at && r->nodes[at].len < k->len) {
		const struct radix_node *n = &r->nodes[at];

		if (!covers(n, k))
			return 0;
		if (n->result && n->len)
			*best = n->result;
		at = n->child[bit_at(k->hi, k->lo, n->len)];
	}
	if (!at)
		return 0;
	if (common_bits(r->nodes[at].hi, r->nodes[at].lo, k->hi, k->lo, k->len) < k->len)
		return 0;
	if (r->nodes[at].len == k->len && r->nodes[at].result && k->len)
		*best = r->nodes[at].result;
	return at;
}

uint32_t radix_step(const struct radix *r, const struct radix_key *k, uint32_t at, uint32_t *best)
{
	if (!at || !covers(&r->nodes[at], k))
		return 0;
	if (r->nodes[at].result)
		*best = at;
	if (r->nodes[at].len == k->len)
		return 0;
	return r->nodes[at].child[bit_at(k->hi, k->lo, r->nodes[at].len)];
}

uint32_t radix_match(const struct radix *r, const struct radix_key *k)
{
	uint32_t at = r->root, best = 0;

	while (at)
		at = radix_step(r, k, at, &best);
	return best;
}

/* The first prefix in the tree @at that comes after @after (NULL: any). */
static uint32_t first_after(const struct radix *r, uint32_t at, const struct radix_key *after)
{
	while (at) {
		const struct radix_node *n = &r->nodes[at];
		struct radix_key k = { n->hi, n->lo, n->len };
		uint32_t found;

		if (after && radix_key_cmp(&k, after) <= 0) {
			/* Not this one; below it only what lies on @after's side or beyond. */
			if (n->len > after->len ? k.hi != after->hi || k.lo != after->lo :
						  !covers(n, after))
				return 0;
			if (n->len == after->len)
				after = NULL;
		} else {
			if (n->result)
				return at;
			after = NULL;
		}
		found = first_after(r, n->child[0], after);
		if (found)
			return found;
		at = n->child[1];
	}
	return 0;
}

uint32_t radix_next(const struct radix *r, const struct radix_key *within,
		    const struct radix_key *after)
{
	uint32_t best;

	return first_after(r, radix_below(r, within, &best), after);
}

void radix_fill(struct radix *r, const struct radix_entry *entries, size_t n)
{
	uint32_t spine[130];	/* the rightmost way down */
	unsigned int depth = 0;

	/* Every prefix but the first brings at most one fork. */
	r->cap = 2 * n + 2;
	r->nodes = xrealloc(r->nodes, r->cap * sizeof(*r->nodes));
	r->len = 1;
	for (size_t i = 0; i < n; i++) {
		const struct radix_key *k = &entries[i].key;
		uint32_t new = node_new(r, k, entries[i].result), last = 0, fork, parent;
		unsigned int shared;
		struct radix_key f;

		while (depth && !covers(&r->nodes[spine[depth - 1]], k))
			last = spine[--depth];
		parent = depth ? spine[depth - 1] : 0;
		shared = last ? common_bits(r->nodes[last].hi, r->nodes[last].lo, k->hi, k->lo,
					    k->len) : 0;
		if (last && (!parent || shared > r->nodes[parent].len)) {
			f = radix_truncate(*k, shared);
			fork = node_new(r, &f, 0);
			relink(r, parent, last, fork);
			r->nodes[fork].child[0] = last;
			r->nodes[fork].child[1] = new;
			spine[depth++] = fork;
		} else if (parent) {
			r->nodes[parent].child[bit_at(k->hi, k->lo, r->nodes[parent].len)] = new;
		} else {
			r->root = new;
		}
		spine[depth++] = new;
	}
	r->prefixes = n;
}

void radix_free(struct radix *r)
{
	free(r->nodes);
	*r = (struct radix){ 0 };
}

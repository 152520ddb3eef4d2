// SPDX-License-Identifier: GPL-2.0
#include "base/prefix_tree.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct node {
	uint32_t kid[2];	/* 0: none; by the bit behind the prefix */
	uint32_t value;		/* of a free node: the next free one */
	uint8_t len;
	bool live;		/* was put in; else a fork, which has both kids */
	uint16_t pad;
	uint8_t key[];		/* 4 or 16 bytes, zero past @len */
};

static struct node *node_at(const struct prefix_tree *t, uint32_t i)
{
	return (struct node *)(t->node + i * t->stride);
}

static unsigned int key_bit(const uint8_t *key, unsigned int i)
{
	return key[i >> 3] >> (7 - (i & 7)) & 1;
}

/* How many bits two keys have in common, at most @max. */
static unsigned int common_bits(const struct prefix_tree *t, const uint8_t *a, const uint8_t *b,
				unsigned int max)
{
	unsigned int common = 0;

	if (t->family == ADDR_V4) {
		uint32_t x, y;

		memcpy(&x, a, 4);
		memcpy(&y, b, 4);
		common = x == y ? 32 : __builtin_clz(be32toh(x ^ y));
	} else {
		uint64_t x[2], y[2];

		memcpy(x, a, 16);
		memcpy(y, b, 16);
		if (x[0] != y[0])
			common = __builtin_clzll(be64toh(x[0] ^ y[0]));
		else
			common = x[1] == y[1] ? 128 : 64 + __builtin_clzll(be64toh(x[1] ^ y[1]));
	}
	return common < max ? common : max;
}

static struct prefix node_prefix(const struct prefix_tree *t, const struct node *n)
{
	return (struct prefix){ .addr = addr_from_bytes(t->family, n->key), .len = n->len };
}

/* Room for two more nodes, so that a put can hold on to pointers. */
static void make_room(struct prefix_tree *t)
{
	if (!t->stride) {
		t->stride = sizeof(struct node) + addr_bits(t->family) / 8;
		t->nodes = 1;
	}
	if (t->nodes + 2 > t->cap) {
		t->cap = t->cap ? t->cap + t->cap / 2 : 64;
		t->node = xrealloc(t->node, t->cap * t->stride);
	}
}

static uint32_t new_node(struct prefix_tree *t, const struct prefix *p, unsigned int len)
{
	struct prefix key = { .addr = p->addr, .len = len };
	uint32_t i = t->free;

	if (i)
		t->free = node_at(t, i)->value;
	else
		i = t->nodes++;
	memset(node_at(t, i), 0, sizeof(struct node));
	key = prefix_canonical(key);
	memcpy(node_at(t, i)->key, key.addr.bytes, addr_bits(t->family) / 8);
	node_at(t, i)->len = len;
	return i;
}

static void free_node(struct prefix_tree *t, uint32_t i)
{
	node_at(t, i)->value = t->free;
	t->free = i;
}

uint32_t *prefix_tree_get(const struct prefix_tree *t, const struct prefix *p)
{
	uint32_t i = t->root;

	while (i) {
		struct node *n = node_at(t, i);

		if (n->len > p->len ||
		    common_bits(t, n->key, p->addr.bytes, n->len) < n->len)
			return NULL;
		if (n->len == p->len)
			return n->live ? &n->value : NULL;
		i = n->kid[key_bit(p->addr.bytes, n->len)];
	}
	return NULL;
}

uint32_t *prefix_tree_put(struct prefix_tree *t, const struct prefix *p)
{
	unsigned int common = 0;
	uint32_t *link, i, fork;
	struct node *n = NULL;

	make_room(t);
	for (link = &t->root; *link; link = &n->kid[key_bit(p->addr.bytes, n->len)]) {
		n = node_at(t, *link);
		common = common_bits(t, n->key, p->addr.bytes, n->len < p->len ? n->len : p->len);
		if (common < n->len)
			break;
		if (n->len == p->len) {
			t->len += !n->live;
			n->live = true;
			return &n->value;
		}
	}
	i = new_node(t, p, p->len);
	if (*link && common < p->len) {
		fork = new_node(t, p, common);
		node_at(t, fork)->kid[key_bit(p->addr.bytes, common)] = i;
		node_at(t, fork)->kid[key_bit(n->key, common)] = *link;
		*link = fork;
	} else {
		if (*link)
			node_at(t, i)->kid[key_bit(n->key, p->len)] = *link;
		*link = i;
	}
	node_at(t, i)->live = true;
	t->len++;
	return &node_at(t, i)->value;
}

bool prefix_tree_del(struct prefix_tree *t, const struct prefix *p)
{
	uint32_t *link = &t->root, *above = NULL, gone;
	struct node *n;

	for (;; above = link, link = &n->kid[key_bit(p->addr.bytes, n->len)]) {
		if (!*link)
			return false;
		n = node_at(t, *link);
		if (n->len > p->len || common_bits(t, n->key, p->addr.bytes, n->len) < n->len)
			return false;
		if (n->len == p->len)
			break;
	}
	if (!n->live)
		return false;
	t->len--;
	n->live = false;
	n->value = 0;
	if (n->kid[0] && n->kid[1])
		return true;
	gone = *link;
	*link = n->kid[0] ? n->kid[0] : n->kid[1];
	free_node(t, gone);
	if (*link || !above)
		return true;
	/* The one above lost a kid: if it was but a fork, the other kid takes its place. */
	n = node_at(t, *above);
	if (n->live)
		return true;
	gone = *above;
	*above = n->kid[0] ? n->kid[0] : n->kid[1];
	free_node(t, gone);
	return true;
}

bool prefix_tree_count(struct prefix_tree *t, const struct prefix *p, int by)
{
	uint32_t *count = prefix_tree_put(t, p);

	*count += by;
	if (*count)
		return by > 0 && *count == 1;
	prefix_tree_del(t, p);
	return true;
}

void prefix_tree_cover(const struct prefix_tree *t, const struct prefix *p,
		       bool (*visit)(void *user, uint8_t len, uint32_t value), void *user)
{
	uint32_t i = t->root;

	while (i) {
		const struct node *n = node_at(t, i);

		if (n->len > p->len || common_bits(t, n->key, p->addr.bytes, n->len) < n->len)
			return;
		if (n->live && !visit(user, n->len, n->value))
			return;
		if (n->len == p->len)
			return;
		i = n->kid[key_bit(p->addr.bytes, n->len)];
	}
}

/* The first node in order behind @p, or, if @itself, @p or behind it. 0: none. */
static uint32_t find_next(const struct prefix_tree *t, const struct prefix *p, bool itself)
{
	uint32_t i = t->root, later = 0;

	while (i) {
		const struct node *n = node_at(t, i);
		unsigned int shorter = n->len < p->len ? n->len : p->len;
		unsigned int common = common_bits(t, n->key, p->addr.bytes, shorter);

		if (common < shorter)	/* apart: all below n is before p, or all is behind it */
			return key_bit(n->key, common) ? i : later;
		if (n->len > p->len)
			return i;
		if (n->len == p->len) {
			if (itself)
				return i;
			return n->kid[0] ? n->kid[0] : n->kid[1] ? n->kid[1] : later;
		}
		if (!key_bit(p->addr.bytes, n->len) && n->kid[1])
			later = n->kid[1];
		i = n->kid[key_bit(p->addr.bytes, n->len)];
	}
	return later;
}

bool prefix_tree_next(const struct prefix_tree *t, const struct prefix *within, struct prefix *p,
		      uint32_t *value)
{
	bool begun = p->addr.family != ADDR_NONE;
	uint32_t i = find_next(t, begun ? p : within, !begun);
	struct prefix found;

	if (!i)
		return false;
	while (!node_at(t, i)->live)
		i = node_at(t, i)->kid[0];
	found = node_prefix(t, node_at(t, i));
	if (!prefix_contains(within, &found))
		return false;
	*p = found;
	if (value)
		*value = node_at(t, i)->value;
	return true;
}

static void each_below(const struct prefix_tree *t, uint32_t i,
		       void (*visit)(void *user, const struct prefix *p, uint32_t value), void *user)
{
	while (i) {
		const struct node *n = node_at(t, i);
		struct prefix p = node_prefix(t, n);

		if (n->live)
			visit(user, &p, n->value);
		each_below(t, n->kid[0], visit, user);
		i = n->kid[1];
	}
}

void prefix_tree_each(const struct prefix_tree *t,
		      void (*visit)(void *user, const struct prefix *p, uint32_t value), void *user)
{
	each_below(t, t->root, visit, user);
}

void prefix_tree_free(struct prefix_tree *t)
{
	free(t->node);
	*t = (struct prefix_tree){ .family = t->family };
}

size_t prefix_tree_bytes(const struct prefix_tree *t)
{
	return t->cap * t->stride;
}

// SPDX-License-Identifier: GPL-2.0
#include "lpm/twin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define LENGTHS	129

struct key {
	uint8_t bytes[16];
};

struct twin {
	uint8_t family;
	bool stale;			/* the search's tables are of an earlier state */
	struct table exact[LENGTHS];	/* struct key -> lpm_result: the prefixes */
	struct table search[LENGTHS];	/* struct key -> struct twin_entry */
};

static struct key cut(const uint8_t *bytes, unsigned int len)
{
	struct key k = { 0 };

	memcpy(k.bytes, bytes, len / 8);
	if (len % 8)
		k.bytes[len / 8] = bytes[len / 8] & 0xff << (8 - len % 8);
	return k;
}

struct twin *twin_new(uint8_t family)
{
	struct twin *t = xcalloc(1, sizeof(*t));

	t->family = family;
	t->stale = true;
	for (unsigned int i = 0; i < LENGTHS; i++) {
		t->exact[i] = TABLE(struct key, lpm_result);
		t->search[i] = TABLE(struct key, struct twin_entry);
	}
	return t;
}

void twin_free(struct twin *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < LENGTHS; i++) {
		table_free(&t->exact[i]);
		table_free(&t->search[i]);
	}
	free(t);
}

static bool valid(const struct twin *t, const struct prefix *p)
{
	return p->addr.family == t->family && p->len <= addr_bits(t->family);
}

int twin_insert(struct twin *t, const struct prefix *p, lpm_result result)
{
	struct key k;

	if (!valid(t, p) || !result)
		return -EINVAL;
	k = cut(p->addr.bytes, p->len);
	*(lpm_result *)table_put(&t->exact[p->len], &k, NULL) = result;
	t->stale = true;
	return 0;
}

int twin_delete(struct twin *t, const struct prefix *p)
{
	struct key k;

	if (!valid(t, p))
		return -ENOENT;
	k = cut(p->addr.bytes, p->len);
	if (!table_del(&t->exact[p->len], &k))
		return -ENOENT;
	t->stale = true;
	return 0;
}

lpm_result twin_get(const struct twin *t, const struct prefix *p)
{
	const lpm_result *r;
	struct key k;

	if (!valid(t, p))
		return 0;
	k = cut(p->addr.bytes, p->len);
	r = table_get(&t->exact[p->len], &k);
	return r ? *r : 0;
}

int twin_build(struct twin *t, const struct lpm_route *routes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (twin_insert(t, &routes[i].prefix, routes[i].result))
			return -EINVAL;
	return 0;
}

/* The longest match of up to @len bits, length by length. */
static lpm_result plain_match(const struct twin *t, const uint8_t *bytes, unsigned int len)
{
	for (int l = len; l >= 0; l--) {
		struct key k = cut(bytes, l);
		const lpm_result *r = t->exact[l].len ? table_get(&t->exact[l], &k) : NULL;

		if (r)
			return *r;
	}
	return 0;
}

struct item {
	struct key key;
	uint8_t len;
};

static int by_bits(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = memcmp(&x->key, &y->key, sizeof(x->key));

	return c ? c : (int)x->len - y->len;
}

/* The rope for lengths set in @present. */
static void make_rope(const bool *present, uint8_t rope[TWIN_ROPE])
{
	uint8_t length[LENGTHS];
	unsigned int n = 0, i = 0;

	memset(rope, 0, TWIN_ROPE);
	for (unsigned int l = 1; l < LENGTHS; l++)
		if (present[l])
			length[n++] = l;
	while (n) {
		n /= 2;
		rope[i++] = length[n];
	}
}

/*
 * The entry (bits of the first item, @len), and those of the search behind it:
 * @items lie within it; of lengths from @limit on the search knows that there are none.
 */
static void make_entry(struct twin *t, const struct item *items, size_t n, unsigned int len,
		       unsigned int limit)
{
	struct key k = cut(items[0].key.bytes, len);
	bool present[LENGTHS] = { false };
	struct twin_entry e = { 0 };

	for (size_t i = 0; i < n; i++)
		if (items[i].len > len && items[i].len < limit)
			present[items[i].len] = true;
	make_rope(present, e.rope);
	e.best = plain_match(t, items[0].key.bytes, len);
	*(struct twin_entry *)table_put(&t->search[len], &k, NULL) = e;

	for (unsigned int r = 0; r < TWIN_ROPE && e.rope[r]; limit = e.rope[r++]) {
		for (size_t i = 0, end; i < n; i = end) {
			struct key bits = cut(items[i].key.bytes, e.rope[r]), other;
			bool wanted = false;

			for (end = i; end < n; end++) {
				other = cut(items[end].key.bytes, e.rope[r]);
				if (memcmp(&other, &bits, sizeof(bits)))
					break;
				wanted |= items[end].len >= e.rope[r] && items[end].len < limit;
			}
			if (wanted) {
				/* Shorter ones with the same bits come first: not within. */
				while (items[i].len < e.rope[r])
					i++;
				make_entry(t, items + i, end - i, e.rope[r], limit);
			}
		}
	}
}

static void make_search(struct twin *t)
{
	struct vec items = VEC(struct item);
	const void *key;
	void *value;

	for (unsigned int l = 0; l < LENGTHS; l++) {
		size_t pos = 0;

		table_free(&t->search[l]);
		t->search[l] = TABLE(struct key, struct twin_entry);
		while (table_next(&t->exact[l], &pos, &key, &value)) {
			struct item *it = vec_push(&items);

			it->key = *(const struct key *)key;
			it->len = l;
		}
	}
	if (!items.len)
		vec_push(&items);
	qsort(items.data, items.len, sizeof(struct item), by_bits);
	make_entry(t, items.data, items.len, 0, LENGTHS);
	vec_free(&items);
	t->stale = false;
}

lpm_result twin_lookup(struct twin *t, const struct addr *a)
{
	const struct twin_entry *e, *hit;
	unsigned int i = 0;
	struct key k;

	if (t->stale)
		make_search(t);
	k = cut(a->bytes, 0);
	e = table_get(&t->search[0], &k);
	while (i < TWIN_ROPE && e->rope[i]) {
		k = cut(a->bytes, e->rope[i]);
		hit = table_get(&t->search[e->rope[i]], &k);
		if (hit) {
			e = hit;
			i = 0;
		} else {
			i++;
		}
	}
	return e->best;
}

const struct table *twin_tables(struct twin *t)
{
	if (t->stale)
		make_search(t);
	return t->search;
}

size_t twin_bytes(struct twin *t)
{
	size_t bytes = 0;

	twin_tables(t);
	for (unsigned int l = 0; l < LENGTHS; l++)
		bytes += t->search[l].cap * (1 + sizeof(struct key) + sizeof(struct twin_entry));
	return bytes;
}

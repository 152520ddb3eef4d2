// SPDX-License-Identifier: GPL-2.0
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { FREE, GRAVE, LIVE };

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t hash_bytes(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = 0x9e3779b97f4a7c15ull ^ n, word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = fold(h ^ word, 0xa0761d6478bd642full);
	}
	if (n) {
		word = 0;
		memcpy(&word, p, n);
		h = fold(h ^ word, 0xe7037ed1a0b428dbull);
	}
	return fold(h, 0x8ebc6af09c88c6e3ull);
}

/* A slot is the key, then the value; both start on eight bytes, so that any type may be either. */
static size_t value_offset(const struct table *t)
{
	return (t->key_size + 7) & ~(size_t)7;
}

static size_t slot_size(const struct table *t)
{
	return value_offset(t) + ((t->value_size + 7) & ~(size_t)7);
}

static char *slot_at(const struct table *t, size_t i)
{
	return t->slots + i * slot_size(t);
}

/* Short keys are the most frequent, and not worth a call. */
static inline bool same_key(const void *a, const void *b, size_t n)
{
	uint64_t x, y;

	if (n != sizeof(x))
		return !memcmp(a, b, n);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

/* The slot of @key, or where it would go: the first grave on the way, else the free end. */
static size_t find(const struct table *t, const void *key, bool *found)
{
	size_t i = hash_bytes(key, t->key_size) & (t->cap - 1);
	size_t grave = t->cap;

	for (; t->state[i] != FREE; i = (i + 1) & (t->cap - 1)) {
		if (t->state[i] == GRAVE) {
			if (grave == t->cap)
				grave = i;
		} else if (same_key(slot_at(t, i), key, t->key_size)) {
			*found = true;
			return i;
		}
	}
	*found = false;
	return grave < t->cap ? grave : i;
}

void *table_get(const struct table *t, const void *key)
{
	bool found;
	size_t i;

	if (!t->len)
		return NULL;
	i = find(t, key, &found);
	return found ? slot_at(t, i) + value_offset(t) : NULL;
}

static void grow(struct table *t)
{
	struct table old = *t;
	bool found;

	t->cap = 16;
	while (t->cap < old.len * 2)
		t->cap *= 2;
	t->state = xcalloc(t->cap, 1);
	t->slots = xcalloc(t->cap, slot_size(t));
	t->used = t->len;
	for (size_t i = 0; i < old.cap; i++) {
		if (old.state[i] != LIVE)
			continue;
		size_t j = find(t, slot_at(&old, i), &found);

		t->state[j] = LIVE;
		memcpy(slot_at(t, j), slot_at(&old, i), slot_size(t));
	}
	free(old.state);
	free(old.slots);
}

void *table_put(struct table *t, const void *key, bool *fresh)
{
	bool found;
	size_t i;

	if ((t->used + 1) * 4 > t->cap * 3)
		grow(t);
	i = find(t, key, &found);
	if (!found) {
		t->used += t->state[i] == FREE;
		t->len++;
		t->state[i] = LIVE;
		memcpy(slot_at(t, i), key, t->key_size);
		memset(slot_at(t, i) + value_offset(t), 0, t->value_size);
	}
	if (fresh)
		*fresh = !found;
	return slot_at(t, i) + value_offset(t);
}

bool table_del(struct table *t, const void *key)
{
	bool found;
	size_t i;

	if (!t->len)
		return false;
	i = find(t, key, &found);
	if (!found)
		return false;
	t->state[i] = GRAVE;
	t->len--;
	return true;
}

bool table_next(const struct table *t, size_t *pos, const void **key, void **value)
{
	for (; *pos < t->cap; ++*pos) {
		if (t->state[*pos] != LIVE)
			continue;
		*key = slot_at(t, *pos);
		*value = slot_at(t, *pos) + value_offset(t);
		++*pos;
		return true;
	}
	return false;
}

void table_free(struct table *t)
{
	free(t->state);
	free(t->slots);
	*t = (struct table){ .key_size = t->key_size, .value_size = t->value_size };
}

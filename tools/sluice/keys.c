// SPDX-License-Identifier: GPL-2.0
#include "keys.h"

#include <string.h>

void keys_init(struct keys *k)
{
	*k = (struct keys){
		.entries = VEC(struct keys_entry),
		.chains = TABLE(uint64_t, uint32_t),
	};
}

void keys_free(struct keys *k)
{
	text_free(&k->bytes);
	vec_free(&k->entries);
	table_free(&k->chains);
}

const void *keys_bytes(const struct keys *k, const struct keys_entry *e)
{
	return k->bytes.data + e->at;
}

static uint64_t hash(uint32_t type, const void *key, size_t len)
{
	return hash_bytes(key, len) + type;
}

static struct keys_entry *find(const struct keys *k, uint32_t type, const void *key, size_t len)
{
	uint64_t h = hash(type, key, len);
	const uint32_t *first = table_get(&k->chains, &h);
	struct keys_entry *e;

	for (uint32_t i = first ? *first : 0; i; i = e->next) {
		e = vec_at(&k->entries, i - 1);
		if (e->type == type && e->len == len && !memcmp(keys_bytes(k, e), key, len))
			return e;
	}
	return NULL;
}

bool keys_has(const struct keys *k, uint32_t type, const void *key, size_t len)
{
	const struct keys_entry *e = find(k, type, key, len);

	return e && e->there;
}

void keys_put(struct keys *k, uint32_t type, const void *key, size_t len)
{
	struct keys_entry *e = find(k, type, key, len);
	uint64_t h = hash(type, key, len);
	uint32_t *first;

	if (!e) {
		first = table_put(&k->chains, &h, NULL);
		e = vec_push(&k->entries);
		*e = (struct keys_entry){ .type = type, .at = k->bytes.len, .len = len, .next = *first };
		*first = k->entries.len;
		text_append(&k->bytes, key, len);
	}
	e->there = true;
}

bool keys_del(struct keys *k, uint32_t type, const void *key, size_t len)
{
	struct keys_entry *e = find(k, type, key, len);
	bool was = e && e->there;

	if (e)
		e->there = false;
	return was;
}

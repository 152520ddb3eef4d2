// SPDX-License-Identifier: GPL-2.0
#include "rules/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

void intern_init(struct intern *in)
{
	*in = (struct intern){ .bytes = VEC(char), .items = VEC(struct intern_item) };
}

void intern_free(struct intern *in)
{
	vec_free(&in->bytes);
	vec_free(&in->items);
	free(in->slot);
	in->slot = NULL;
	in->slots = 0;
}

static void grow(struct intern *in)
{
	size_t slots = in->slots ? 2 * in->slots : 64;
	uint32_t *slot = xcalloc(slots, sizeof(*slot));

	for (size_t i = 0; i < in->items.len; i++) {
		const struct intern_item *item = vec_at(&in->items, i);
		size_t at = item->hash & (slots - 1);

		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = i + 1;
	}
	free(in->slot);
	in->slot = slot;
	in->slots = slots;
}

/* hash_bytes() by whole words where that can be done: bitmaps are long. */
static uint64_t hash_of(const void *bytes, size_t len)
{
	const char *p = bytes;
	uint64_t h = len, word;

	if (len % 8)
		return hash_bytes(bytes, len);
	for (size_t i = 0; i < len; i += 8) {
		memcpy(&word, p + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h ^ h >> 32;
}

uint32_t intern_put(struct intern *in, const void *bytes, size_t len, bool *fresh)
{
	uint64_t hash = hash_of(bytes, len);
	struct intern_item *item;
	size_t at;

	if (4 * (in->items.len + 1) > 3 * in->slots)
		grow(in);
	for (at = hash & (in->slots - 1); in->slot[at]; at = (at + 1) & (in->slots - 1)) {
		item = vec_at(&in->items, in->slot[at] - 1);
		if (item->hash == hash && item->len == len &&
		    !memcmp((char *)in->bytes.data + item->at, bytes, len)) {
			if (fresh)
				*fresh = false;
			return in->slot[at] - 1;
		}
	}
	if (fresh)
		*fresh = true;
	in->slot[at] = in->items.len + 1;
	item = vec_push(&in->items);
	*item = (struct intern_item){ hash, in->bytes.len, len };
	if (in->bytes.len + len + 8 > in->bytes.cap)
		vec_reserve(&in->bytes, 2 * in->bytes.cap + len + 4096);
	if (len)
		memcpy((char *)in->bytes.data + in->bytes.len, bytes, len);
	in->bytes.len += (len + 7) & ~(size_t)7;
	return in->items.len - 1;
}

const void *intern_get(const struct intern *in, uint32_t item, size_t *len)
{
	const struct intern_item *i = vec_at(&in->items, item);

	if (len)
		*len = i->len;
	return (char *)in->bytes.data + i->at;
}

size_t intern_bytes(const struct intern *in)
{
	return in->bytes.cap + in->items.cap * sizeof(struct intern_item) +
	       in->slots * sizeof(*in->slot);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * buckets.c: the hash of the cells that lie in no array: written here, read by bpf/rules.bpf.h.
 *
 * Buckets of five, one line each; a key is in one of two buckets, so that a reader looks
 * at two lines and no more, and the buckets fill to nine tenths and more.
 */
#include <errno.h>
#include <string.h>

#include "bpf/rules.bpf.h"
#include "rules/planes.h"

#define KICKS_MAX	500

static struct rules_bucket *bucket_at(const struct planes *t, uint64_t offset)
{
	return (struct rules_bucket *)(t->area + offset);
}

static bool bucket_put(struct rules_bucket *b, uint64_t key, uint32_t cell)
{
	for (unsigned int i = 0; i < RULES_BUCKET; i++) {
		if (!b->key[i]) {
			b->key[i] = key;
			b->cell[i] = cell;
			return true;
		}
	}
	return false;
}

static void bucket_swap(struct rules_bucket *b, unsigned int i, uint64_t *key, uint32_t *cell)
{
	uint64_t old_key = b->key[i];
	uint32_t old_cell = b->cell[i];

	b->key[i] = *key;
	b->cell[i] = *cell;
	*key = old_key;
	*cell = old_cell;
}

static uint32_t *hash_find(const struct planes *t, uint64_t key, uint64_t **slot)
{
	uint64_t at[2];

	rules_buckets(&t->shape, key, (__u64 *)&at[0], (__u64 *)&at[1]);
	for (unsigned int way = 0; way < 2; way++) {
		struct rules_bucket *b = bucket_at(t, at[way]);

		for (unsigned int i = 0; i < RULES_BUCKET; i++) {
			if (b->key[i] == key) {
				*slot = (uint64_t *)&b->key[i];
				return &b->cell[i];
			}
		}
	}
	return NULL;
}

/*
 * One that is in the way goes to its other bucket, and so on (Pagh, Rodler 2001). If that
 * comes to no end, all go back the way they came.
 */
static int hash_put(const struct planes *t, uint64_t key, uint32_t cell)
{
	uint64_t at[2], random = key * RULES_HASH;
	struct {
		struct rules_bucket *bucket;
		unsigned int i;
	} kick[KICKS_MAX];

	rules_buckets(&t->shape, key, (__u64 *)&at[0], (__u64 *)&at[1]);
	if (bucket_put(bucket_at(t, at[0]), key, cell) || bucket_put(bucket_at(t, at[1]), key, cell))
		return 0;
	for (unsigned int kicks = 0; kicks < KICKS_MAX; kicks++) {
		struct rules_bucket *b = bucket_at(t, at[random >> 63]);
		unsigned int i = (random >> 32) % RULES_BUCKET;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		kick[kicks].bucket = b;
		kick[kicks].i = i;
		bucket_swap(b, i, &key, &cell);
		rules_buckets(&t->shape, key, (__u64 *)&at[0], (__u64 *)&at[1]);
		if (bucket_put(bucket_at(t, at[0]), key, cell) ||
		    bucket_put(bucket_at(t, at[1]), key, cell))
			return 0;
	}
	for (unsigned int kicks = KICKS_MAX; kicks-- > 0;)
		bucket_swap(kick[kicks].bucket, kick[kicks].i, &key, &cell);
	return -ENOSPC;
}

uint32_t hash_get(const struct planes *t, uint32_t source, uint32_t destination)
{
	uint64_t *slot;
	uint32_t *cell = hash_find(t, RULES_KEY(source, destination), &slot);

	return cell ? *cell : 0;
}

int hash_reserve(struct planes *t, uint32_t source, uint32_t destination)
{
	uint64_t key = RULES_KEY(source, destination), *slot;

	if (!t->shape.hashed)
		return -ENOSPC;
	if (hash_find(t, key, &slot))
		return 0;
	if (hash_put(t, key, 0))
		return -ENOSPC;
	t->hashed++;
	return 0;
}

int hash_set(struct planes *t, uint32_t source, uint32_t destination, uint32_t cell)
{
	uint64_t key = RULES_KEY(source, destination), *slot;
	uint32_t *there = hash_find(t, key, &slot);
	int err;

	if (there && cell) {
		*there = cell;
	} else if (there) {
		*there = 0;
		*slot = 0;
		t->hashed--;
	} else if (cell) {
		err = hash_put(t, key, cell);
		if (err)
			return err;
		t->hashed++;
	}
	return 0;
}

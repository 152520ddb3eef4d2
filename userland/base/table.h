/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h: a hash table from keys of one size to values of one size.
 *
 * Linear probing in one array, a byte of state a slot, doubled at three quarters
 * full. Keys are compared as bytes: pad them explicitly. Pointers to
 * values are good until the next put. See base/vec.h on running out of memory.
 */
#ifndef SLUICE_BASE_TABLE_H
#define SLUICE_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
	size_t key_size, value_size;	/* bytes */
	size_t len;			/* entries */
	size_t used;			/* entries and graves */
	size_t cap;			/* slots: 0 or a power of two */
	uint8_t *state;
	char *slots;
};

#define TABLE(key_type, value_type) \
	((struct table){ .key_size = sizeof(key_type), .value_size = sizeof(value_type) })

/** table_get() - the value of @key, or NULL. */
void *table_get(const struct table *t, const void *key);

/**
 * table_put() - the value of @key, entered zeroed if it was not there.
 * @fresh: set to whether it was entered; may be NULL.
 */
void *table_put(struct table *t, const void *key, bool *fresh);

/** table_del() - takes @key out. Return: whether it was there. */
bool table_del(struct table *t, const void *key);

/**
 * table_next() - walks all entries, in no order: start with *@pos = 0.
 * The entry just returned may be deleted; nothing may be put on the way.
 * Return: false at the end.
 */
bool table_next(const struct table *t, size_t *pos, const void **key, void **value);

/** table_free() - gives the memory back; the table is empty and can be used again. */
void table_free(struct table *t);

/** hash_bytes() - a 64-bit hash for tables; not for anything an attacker gains from. */
uint64_t hash_bytes(const void *bytes, size_t n);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * keys.h: which objects there are, by type and key: what a batch knows of its transaction, so that
 * each line can be judged without asking the store.
 */
#ifndef SLUICE_TOOLS_KEYS_H
#define SLUICE_TOOLS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"

struct keys {
	struct text bytes;	/* of all keys, one behind the other */
	struct vec entries;	/* of struct keys_entry; those that went stay, marked */
	struct table chains;	/* hash -> number of the first entry of that hash, plus 1 */
};

struct keys_entry {
	uint32_t type, at, len;	/* in @bytes */
	uint32_t next;		/* of the same hash, plus 1; 0: none */
	bool there;
};

void keys_init(struct keys *k);
void keys_free(struct keys *k);

bool keys_has(const struct keys *k, uint32_t type, const void *key, size_t len);
void keys_put(struct keys *k, uint32_t type, const void *key, size_t len);

/** keys_del() - Return: whether it was there. */
bool keys_del(struct keys *k, uint32_t type, const void *key, size_t len);

/** keys_bytes() - the key of an entry. */
const void *keys_bytes(const struct keys *k, const struct keys_entry *e);

#endif

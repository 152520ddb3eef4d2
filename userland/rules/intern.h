/* SPDX-License-Identifier: GPL-2.0 */
/*
 * intern.h: equal pieces of bytes become one number: 0, 1, ... in the order of first sight.
 */
#ifndef SLUICE_RULES_INTERN_H
#define SLUICE_RULES_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct intern_item {
	uint64_t hash;
	size_t at, len;		/* in bytes */
};

struct intern {
	struct vec bytes;	/* of char: all pieces, each aligned to 8 */
	struct vec items;	/* of struct intern_item */
	uint32_t *slot;		/* item + 1, by hash; 0: free */
	size_t slots;		/* a power of two */
};

void intern_init(struct intern *in);
void intern_free(struct intern *in);

/** intern_put() - the number of @len bytes, which are copied if they are new. @fresh: may be NULL. */
uint32_t intern_put(struct intern *in, const void *bytes, size_t len, bool *fresh);

/** intern_get() - the bytes of @item; good until the next put. @len: may be NULL. */
const void *intern_get(const struct intern *in, uint32_t item, size_t *len);

/** intern_bytes() - the memory that it takes. */
size_t intern_bytes(const struct intern *in);

#endif

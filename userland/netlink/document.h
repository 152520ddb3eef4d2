/* SPDX-License-Identifier: GPL-2.0 */
/*
 * document.h: policy documents as the store keeps them: a name, and text in chunks, each an
 * object whose key is the name, a NUL, and the chunk's number as __be32. In the order of the
 * keys the chunks of one document stand together, from 0 on.
 */
#ifndef SLUICE_NETLINK_DOCUMENT_H
#define SLUICE_NETLINK_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/sluice.h>

#include "base/text.h"

#define DOCUMENT_NAME_MAX	(SLUICE_KEY_MAX - 5)
#define DOCUMENT_CHUNK		SLUICE_VALUE_MAX

/**
 * document_key() - the key of chunk @chunk of @name.
 * Return: its length, or 0 if the name is empty or longer than DOCUMENT_NAME_MAX.
 */
size_t document_key(const char *name, uint32_t chunk, uint8_t key[SLUICE_KEY_MAX]);

/**
 * document_cut() - how many of @len bytes, which are more than none, the next chunk shall have.
 * It ends behind a line that its content says, if there is one in reach: so a line that is changed, longer
 * or shorter, leaves all chunks but its own as they were, and what is kept of many generations is little
 * more than of one.
 */
size_t document_cut(const char *bytes, size_t len);

typedef int (*document_fn)(void *ctx, const char *name, const char *bytes, size_t len);

/* Puts chunks together: document_take() each in order, then document_end(). */
struct document_reader {
	document_fn each;	/* called for every whole document; @bytes ends in a NUL */
	void *ctx;
	struct text name, bytes;
	uint32_t chunks;	/* of the document that is being read; 0: none */
};

/** document_take() - Return: 0; -EBADMSG: a chunk is missing; or what @each returned. */
int document_take(struct document_reader *r, const void *key, size_t key_len,
		  const void *value, size_t value_len);

/** document_end() - tells the last one. */
int document_end(struct document_reader *r);

/** document_free() - after the end or an error. */
void document_free(struct document_reader *r);

#endif

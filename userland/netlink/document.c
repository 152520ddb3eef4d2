// SPDX-License-Identifier: GPL-2.0
#include "netlink/document.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/table.h"

#define TAIL 5	/* a NUL and a __be32 */

size_t document_key(const char *name, uint32_t chunk, uint8_t key[SLUICE_KEY_MAX])
{
	size_t len = strlen(name);
	uint32_t number = htonl(chunk);

	if (!len || len > DOCUMENT_NAME_MAX)
		return 0;
	memcpy(key, name, len + 1);
	memcpy(key + len + 1, &number, sizeof(number));
	return len + TAIL;
}

/* Of so many lines one ends a chunk, that has so many bytes already. */
#define CUT_LINES	32u
#define CUT_MIN		(DOCUMENT_CHUNK / 4)

size_t document_cut(const char *bytes, size_t len)
{
	size_t most = len < DOCUMENT_CHUNK ? len : DOCUMENT_CHUNK;
	const char *line, *newline, *end = bytes + most;

	if (len <= CUT_MIN)
		return len;
	newline = memrchr(bytes, '\n', CUT_MIN);
	for (line = newline ? newline + 1 : bytes; line < end; line = newline + 1) {
		newline = memchr(line, '\n', end - line);
		if (!newline)
			break;
		if (!((hash_bytes(line, newline - line) >> 32) % CUT_LINES))
			return newline + 1 - bytes;
	}
	return most;
}

int document_end(struct document_reader *r)
{
	if (!r->chunks)
		return 0;
	r->chunks = 0;
	return r->each(r->ctx, text_string(&r->name), text_string(&r->bytes), r->bytes.len);
}

int document_take(struct document_reader *r, const void *key, size_t key_len,
		  const void *value, size_t value_len)
{
	const uint8_t *bytes = key;
	uint32_t chunk;
	int err;

	if (key_len <= TAIL || bytes[key_len - TAIL])
		return -EBADMSG;
	memcpy(&chunk, bytes + key_len - sizeof(chunk), sizeof(chunk));
	chunk = ntohl(chunk);
	if (!r->chunks || r->name.len != key_len - TAIL ||
	    memcmp(r->name.data, key, r->name.len)) {
		err = document_end(r);
		if (err)
			return err;
		r->name.len = 0;
		r->bytes.len = 0;
		text_append(&r->name, key, key_len - TAIL);
		text_append(&r->bytes, "", 0);
	}
	if (chunk != r->chunks)
		return -EBADMSG;
	r->chunks++;
	if (value_len)
		text_append(&r->bytes, value, value_len);
	return 0;
}

void document_free(struct document_reader *r)
{
	text_free(&r->name);
	text_free(&r->bytes);
	r->chunks = 0;
}

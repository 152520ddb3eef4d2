// SPDX-License-Identifier: GPL-2.0
/* client_documents.c: policy documents, cut into objects and put together again (document.h). */
#include "netlink/client_inside.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "netlink/document.h"

static int bad_name(struct client *c, const char *name)
{
	return client_fail(c, -EINVAL, "a document's name has 1 to %d bytes: \"%.60s%s\"",
		    DOCUMENT_NAME_MAX, name, strlen(name) > 60 ? "..." : "");
}

int client_del_document(struct client *c, const char *name)
{
	uint8_t key[SLUICE_KEY_MAX];
	size_t len = document_key(name, 0, key);

	if (!len)
		return bad_name(c, name);
	/* the name and its NUL */
	return client_del(c, SLUICE_OBJECT_DOCUMENT, key, strlen(name) + 1, SLUICE_F_PREFIX);
}

int client_del_documents(struct client *c)
{
	return client_del(c, SLUICE_OBJECT_DOCUMENT, NULL, 0, SLUICE_F_PREFIX);
}

int client_put_document(struct client *c, const char *name, const void *bytes, size_t len)
{
	uint8_t key[SLUICE_KEY_MAX];
	size_t at = 0;
	int err = client_del_document(c, name);

	/* an empty document is one empty chunk */
	for (uint32_t chunk = 0; !err && (at < len || !chunk); chunk++) {
		size_t n = at < len ? document_cut((const char *)bytes + at, len - at) : 0;

		err = client_set(c, SLUICE_OBJECT_DOCUMENT, key, document_key(name, chunk, key),
				 (const char *)bytes + at, n, 0);
		at += n;
	}
	return err;
}

static int take_chunk(void *ctx, uint32_t type, const void *key, size_t key_len,
		      const void *value, size_t value_len)
{
	(void)type;
	return document_take(ctx, key, key_len, value, value_len);
}

int client_documents(struct client *c, uint64_t generation,
		     int (*each)(void *ctx, const char *name, const char *bytes, size_t len),
		     void *ctx)
{
	struct document_reader reader = { .each = each, .ctx = ctx };
	int err = client_dump(c, generation, SLUICE_OBJECT_DOCUMENT, NULL, 0, take_chunk, &reader);

	if (!err)
		err = document_end(&reader);
	if (err == -EBADMSG && !c->error[0])
		client_fail(c, err, "a chunk of the document \"%s\" is missing",
		     text_string(&reader.name));
	document_free(&reader);
	return err;
}

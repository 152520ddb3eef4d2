/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_client.h: what tests of the store do by a client again and again.
 */
#ifndef SLUICE_SELFTESTS_STORE_CLIENT_H
#define SLUICE_SELFTESTS_STORE_CLIENT_H

#include <string.h>
#include <unistd.h>

#include "netlink/client.h"

#define good(c, call) do { \
		int err_ = (call); \
		if (err_) \
			fail_msg("%s: %d: %s", #call, err_, client_error(c)); \
	} while (0)

static inline void apply(struct client *c, const char *name, const char *text)
{
	struct client_verdict v;

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, name, text, strlen(text)));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	client_verdict_free(&v);
}

struct read_back {
	const char *name;
	const char *bytes;
	size_t len;
	bool found;
	unsigned int documents;
};

static inline int read_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct read_back *r = ctx;

	r->documents++;
	if (strcmp(name, r->name))
		return 0;
	r->found = true;
	assert_int_equal(len, r->len);
	assert_memory_equal(bytes, r->bytes, len);
	assert_int_equal(bytes[len], '\0');
	return 0;
}

/* How many documents there are, one of which is @name with @bytes. */
static inline unsigned int expect_document(struct client *c, uint64_t generation,
					   const char *name, const char *bytes, size_t len)
{
	struct read_back r = { .name = name, .bytes = bytes, .len = len };

	good(c, client_documents(c, generation, read_document, &r));
	assert_true(r.found);
	return r.documents;
}

static inline bool soon(bool (*holds)(void *ctx), void *ctx)
{
	for (int i = 0; i < 500; i++) {
		if (holds(ctx))
			return true;
		usleep(10000);
	}
	return false;
}

#endif

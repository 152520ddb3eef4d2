/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_compiler.h: what a compiler for tests makes of a configuration: its documents tell it what
 * to answer.
 */
#ifndef SLUICE_SELFTESTS_STORE_COMPILER_H
#define SLUICE_SELFTESTS_STORE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct compiled {
	unsigned int documents;
	size_t bytes;
	bool reject, later, never;
};

static int compile_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct compiled *c = ctx;

	(void)name;
	c->documents++;
	c->bytes += len;
	c->reject |= !strcmp(bytes, "reject");
	c->later |= !strcmp(bytes, "later");
	c->never |= !strcmp(bytes, "never");
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * home.h: where the store may live, behind configuration.h: what each place does, as
 * declared there.
 */
#ifndef SLUICE_DAEMON_HOME_H
#define SLUICE_DAEMON_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct configuration_owner;
struct home;
struct text;

typedef int (*home_document_fn)(void *ctx, const char *name, const char *bytes, size_t len);
typedef int (*home_object_fn)(void *ctx, uint32_t type, const void *key, size_t key_len,
			      const void *value, size_t value_len);

struct home_ops {
	uint64_t (*running)(struct home *h);
	int (*listen)(struct home *h, const char *path, gid_t group, struct text *why);
	bool (*wants)(struct home *h, uint64_t generation);
	int (*verdict)(struct home *h, uint64_t generation, bool accepted, const char *message);
	int (*documents)(struct home *h, uint64_t generation, home_document_fn each, void *ctx,
			 struct text *why);
	int (*objects)(struct home *h, uint64_t generation, uint32_t type, home_object_fn each,
		       void *ctx, struct text *why);
	void (*event)(struct home *h, const char *name, const char *json);
	void (*close)(struct home *h);	/* it is freed when the loop has run its close callbacks */
};

/* The head of each home's own struct. */
struct home {
	const struct home_ops *ops;
	char *aside;		/* which file was set aside at the start, and why: a sentence; NULL: none */
};

/** home_now_ms() - the time of stores: milliseconds that go on in suspend. */
uint64_t home_now_ms(void);

/** home_module() - -ENOENT: there is no module, and nothing was done. */
int home_module(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		struct home **h, struct text *why);

int home_daemon(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		struct home **h, struct text *why);

#endif

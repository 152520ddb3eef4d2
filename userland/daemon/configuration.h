/* SPDX-License-Identifier: GPL-2.0 */
/*
 * configuration.h: the store in the daemon: its contents, its file, its socket on the loop,
 * and we as its compiler.
 */
#ifndef SLUICE_DAEMON_CONFIGURATION_H
#define SLUICE_DAEMON_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/vec.h"

struct configuration;
struct text;

struct configuration_owner {
	void *ctx;

	/*
	 * Make @generation run, and answer by configuration_verdict(), later and not from
	 * within this call. @returned: the store has gone back to it by itself.
	 */
	void (*compile)(void *ctx, uint64_t generation, bool returned);

	/* Our copy on disk is behind what runs (@why), or is not any more (NULL). */
	void (*saved)(void *ctx, const char *why);
};

/**
 * configuration_open() - the store as the file @path has it; empty if there is none.
 * A file that cannot be read as one is set aside, and that is logged.
 * Return: 0 and *@c, or -errno and a sentence.
 */
int configuration_open(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		       struct configuration **c, struct text *why);

/** configuration_running() - the generation that the store has as running; 0: the empty one. */
uint64_t configuration_running(const struct configuration *c);

/**
 * configuration_listen() - serves the store on the socket @path.
 * @group: who may, besides root; (gid_t)-1 for nobody.
 */
int configuration_listen(struct configuration *c, const char *path, gid_t group,
			 struct text *why);

/** configuration_verdict() - @message: diagnostics or a sentence. */
void configuration_verdict(struct configuration *c, uint64_t generation, bool accepted,
			   const char *message);

/* A text that is part of a policy. */
struct document {
	char *name, *text;	/* text ends in a NUL */
	size_t len;
};

/**
 * configuration_documents() - those of @generation, by name.
 * @documents: of struct document; freed by documents_free(), also after an error.
 */
int configuration_documents(struct configuration *c, uint64_t generation, struct vec *documents,
			    struct text *why);
void documents_free(struct vec *documents);

/** configuration_event() - tells who listens. @name: a stable word; @json: an object, or NULL. */
void configuration_event(struct configuration *c, const char *name, const char *json);

/** configuration_close() - ends the socket and all connections. The loop has yet to run the close callbacks. */
void configuration_close(struct configuration *c);

#endif

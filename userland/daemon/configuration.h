/* SPDX-License-Identifier: GPL-2.0 */
/*
 * configuration.h: the store, wherever its home is, and we as its compiler.
 *
 * With the module loaded the kernel is the home: we are bound to its store, and keep a copy of
 * what runs on disk, which comes back after a boot. Without it the store is in this process, in
 * its file, and served on our socket. Which of them it is is found out once, at the start.
 */
#ifndef SLUICE_DAEMON_CONFIGURATION_H
#define SLUICE_DAEMON_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/vec.h"

struct configuration;
struct notes;
struct text;

/* Why a generation is to be made run. */
enum wish {
	WISH_COMMIT,		/* somebody commits it: what is missing is a mistake */
	WISH_ROLLBACK,		/* somebody goes back to what ran before: what is missing is noted */
	WISH_RETURNED,		/* the store has gone back: it runs already, as far as the store goes */
	WISH_RUNNING,		/* start, reload: what the store has as running */
};

struct configuration_owner {
	void *ctx;

	/*
	 * Make @generation run, and answer by configuration_verdict(), later and not from
	 * within this call.
	 */
	void (*compile)(void *ctx, uint64_t generation, enum wish wish);

	/*
	 * What is not as asked is said here: under "disk" for as long as it is so, under "store" what was
	 * the matter at the start, for the daemon to clear.
	 */
	struct notes *notes;

	/* The generation that the data path has from an earlier life; 0: none. An empty store counts on from it. */
	uint64_t left;

	unsigned int verdict_ms; /* what a store of ours waits for a verdict; 0: the default */
};

/**
 * configuration_open() - the store in the module, or as the file @path has it; empty if there
 * is neither. A file that cannot be read as one is set aside, and that is said.
 * Return: 0 and *@c, or -errno and a sentence. -EBUSY: another compiler is bound.
 */
int configuration_open(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		       struct configuration **c, struct text *why);

/** configuration_in_module() - whether the module is the home. */
bool configuration_in_module(const struct configuration *c);

/** configuration_why() - half a sentence: why it is there. */
const char *configuration_why(const struct configuration *c);

/** configuration_running() - the generation that shall run at the start; 0: the empty one. */
uint64_t configuration_running(const struct configuration *c);

/** configuration_aside() - which file was set aside at the start, and why: a sentence; NULL: none. */
const char *configuration_aside(const struct configuration *c);

/**
 * configuration_listen() - serves the store, on the socket @path where it is ours.
 * @group: who may, besides root; (gid_t)-1 for nobody.
 */
int configuration_listen(struct configuration *c, const char *path, gid_t group,
			 struct text *why);

/**
 * configuration_wants() - whether the store still waits for a verdict on @generation, or runs it; what is due
 * by now has happened before. Asked right before it is made to run: a daemon that was stopped for a while
 * must not run what the store has rejected meanwhile. True where the store cannot be asked.
 */
bool configuration_wants(struct configuration *c, uint64_t generation);

/**
 * configuration_verdict() - @message: diagnostics or a sentence.
 * Return: 0; -ESTALE: it came too late, the store neither waits for @generation nor runs it. A verdict that
 * was lost is looked after here, and is no error: where that leads elsewhere, compile() is called.
 */
int configuration_verdict(struct configuration *c, uint64_t generation, bool accepted,
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

/**
 * configuration_objects() - calls @each for every object of @generation of @type (enum
 * sluice_object; 0: all), in the order of their keys. Return: 0; what @each returned, or -errno
 * and a sentence.
 */
int configuration_objects(struct configuration *c, uint64_t generation, uint32_t type,
			  int (*each)(void *ctx, uint32_t type, const void *key, size_t key_len,
				      const void *value, size_t value_len),
			  void *ctx, struct text *why);

/** configuration_event() - tells who listens. @name: a stable word; @json: an object, or NULL. */
void configuration_event(struct configuration *c, const char *name, const char *json);

/** configuration_close() - ends the socket and all connections. The loop has yet to run the close callbacks. */
void configuration_close(struct configuration *c);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * attempt.h: one request for a generation, and what is computed for it: on nothing but what is its own, so that a
 * thread can do it while the loop goes round.
 */
#ifndef SLUICE_DAEMON_ATTEMPT_H
#define SLUICE_DAEMON_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/text.h"
#include "daemon/configuration.h"
#include "daemon/inputs.h"
#include "daemon/steps.h"
#include "daemon/witnesses.h"
#include "image/numbering.h"

struct generation;
struct image;
struct policy;
struct routes;

/* One request, and what comes of it. */
struct attempt {
	enum wish wish;
	uint64_t generation;	/* the store's */
	bool reread;		/* into new tables, whether the old ones fit or not */
	void (*done)(void *ctx, bool accepted, const char *message);	/* or NULL */
	void *ctx;
	/* once begun: */
	struct inputs inputs;
	struct diags diags;
	struct policy *policy;
	struct image *image;
	bool some_missing;	/* ports without an interface, which is no mistake: they wait for it */
	struct routes *routes;	/* the running ones, or its own */
	struct generation *staged;	/* loaded, its flow memory prepared */
	struct witnesses witnesses;
	struct numbering numbering;	/* for the thread: nothing of it is anybody else's */
	struct steps steps;
	struct text why;	/* what the thread has to say besides diagnostics */
	int err;		/* what came of the thread's work */
};

struct attempt *attempt_new(enum wish wish, uint64_t generation);

/** attempt_is_candidate() - whether the store waits for the verdict, to run it or not. */
bool attempt_is_candidate(const struct attempt *a);

/** attempt_free() - but for its routes. */
void attempt_free(struct attempt *a);

/**
 * attempt_make_image() - parses, proves, compiles: from @a->inputs to @a->image, or @a->err and diagnostics.
 * @policy, @running: what runs, or NULL: the tables are laid out as its, if they fit. Then no program need be
 *	loaded for them. If not, with room for those that come after.
 * @prove_ms: for assertions, @budget: bytes for the tables of filters; 0: the defaults.
 */
void attempt_make_image(struct attempt *a, const struct policy *policy, const struct image *running,
			unsigned int prove_ms, size_t budget);

/**
 * attempt_ask_witnesses() - whether @a->staged does what the policy says (daemon/witnesses.h); else @a->err, @a->why.
 * @before: what runs; its policy is NULL if nothing does.
 * @refused: file for a packet that it was refused for.
 */
void attempt_ask_witnesses(struct attempt *a, const struct witnesses_before *before, unsigned int witness_ms,
			   const char *refused);

#endif

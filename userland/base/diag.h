/* SPDX-License-Identifier: GPL-2.0 */
/*
 * diag.h: what is wrong with what a user wrote, and where.
 *
 * A mistake is kept with its place, one sentence, and a hint where there is one,
 * and shown as
 *
 *	edge.sluice:7:12: error: no port is called "wlan"
 *	    route wlan;
 *	          ^~~~
 *	    hint: ports of this policy: wan, fa, fb
 *
 * Several are kept, in the order they were found.
 */
#ifndef SLUICE_BASE_DIAG_H
#define SLUICE_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "base/vec.h"

/* One text that was read: diagnostics and trees point into it. */
struct source {
	char *name;		/* as the user named it: shown */
	char *text;		/* NUL-terminated */
	size_t len;		/* bytes */
};

/* A place in a source; columns count bytes, as compilers do. */
struct place {
	const struct source *source;	/* NULL: no place, the whole policy */
	unsigned int line, column;	/* from 1 */
	unsigned int width;		/* bytes to underline, at least 1 */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	struct place place;
	char *sentence;			/* no full stop, no new line */
	char *hint;			/* or NULL */
};

struct diags {
	struct vec list;		/* of struct diag */
	unsigned int errors, warnings;
	bool truncated;			/* more than DIAGS_MAX errors: the rest was not kept */
};

#define DIAGS_MAX 100

void diags_init(struct diags *d);
void diags_free(struct diags *d);

/** diag_error(), diag_warning() - add one; the sentence is formatted as by printf. */
void diag_error(struct diags *d, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diags *d, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** diag_hint() - adds a hint to the last one that was added. */
void diag_hint(struct diags *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** diags_print() - writes all of them in the form above. @colour: with terminal colours. */
void diags_print(const struct diags *d, struct text *out, bool colour);

#endif

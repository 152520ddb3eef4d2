/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tokens.h: private to the parser: the tokens as the grammar sees them, and places.
 */
#ifndef SLUICE_POLICY_TOKENS_H
#define SLUICE_POLICY_TOKENS_H

#include <stddef.h>

#include "base/diag.h"

struct document;
union POLICY_YYSTYPE;

/** policy_yylex() - the next token for the grammar. */
int policy_yylex(union POLICY_YYSTYPE *value, struct place *place, struct document *doc);

/** tokens_recovered() - after a mistake: its end was found within the block. */
void tokens_recovered(struct document *doc);

/** tokens_resync() - likewise; if it was inside a block that is lost, goes on with the next statement. */
void tokens_resync(struct document *doc);

#define EXPECTED_MAX 128

/* A token that the grammar has no use for, in the grammar's own names. */
struct unexpected {
	struct place place;
	const char *got;
	const char *expected[EXPECTED_MAX];
	size_t count;
};

/** tokens_report() - says so. */
void tokens_report(struct document *doc, const struct unexpected *u);

/** place_behind() - the place right behind @p. */
static inline struct place place_behind(struct place p)
{
	p.column += p.width;
	p.width = 1;
	return p;
}

/** place_between() - from @first to @last; only @first, if that is on another line. */
static inline struct place place_between(struct place first, struct place last)
{
	if (first.line == last.line && last.column + last.width > first.column)
		first.width = last.column + last.width - first.column;
	return first;
}

#endif

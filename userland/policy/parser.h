/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parser.h: private to the parser: the state its files share.
 *
 *	parse.c		documents: loads them, includes, guards against what is no text
 *	lexer.l		bytes to tokens
 *	tokens.c	the stream of tokens that the grammar sees: makes good what is missing, skips
 *	plain_rules.c	rules that need no grammar, straight from bytes
 *	grammar.y	tokens to statements
 *	build*.c	statements to the tree
 *	check*.c	names to what they stand for, and whether it makes sense
 *
 * Nothing is global: a parse is a struct parser, and each document that is open
 * in it a struct document with a scanner of its own.
 */
#ifndef SLUICE_POLICY_PARSER_H
#define SLUICE_POLICY_PARSER_H

#include "policy/parse.h"
#include "base/quantity.h"
#include "policy/tree.h"

/* A token's text, in its document. */
struct word {
	const char *text;
	size_t len;
};

/* "& 0xf0" */
struct mask {
	uint64_t bits;			/* all ones: none is written */
	struct place place;
};

struct parser {
	struct policy *policy;
	struct diags *diags;
	policy_load_fn *load;
	void *load_context;
	size_t bytes;			/* of all documents so far */
	size_t rules;			/* of all filters so far */
	bool too_many_rules;		/* said once */
	bool by_grammar;		/* all of it: plain_rules.c takes nothing */
	size_t predicates;		/* nodes of them so far */
	struct policy_predicate *no_predicate;	/* stands for all there is no room for; that is said */
};

/* A document that is being read. */
struct document {
	struct parser *parser;
	const struct source *source;
	const struct document *includer;	/* NULL: named to the parser */
	unsigned int depth;			/* documents open, this one included */

	/* lexer.l: where the scanner stands */
	void *scanner;
	unsigned int line;
	const char *line_start;
	bool quiet;			/* tokens are skipped: wrong ones do not matter */

	/* tokens.c */
	int last_kind;			/* of the last token handed out; 0: none yet */
	struct word last_text;
	struct place last;		/* its place */
	struct place before;		/* the place of the one before it */
	unsigned int braces;		/* open ones */
	struct place brace;		/* the outermost of them */
	struct word now_text, before_text;	/* of the two */
	bool before_is_name;
	bool skip_braces;		/* the last token was a "{" within a block, and out of place */
	bool before_ended;		/* ended a statement, or opened a block */
	bool recovering;		/* from a mistake that is reported, up to the end of its statement */
	bool resync;			/* skip to the next statement */
	bool made_up;			/* the last token does not stand in the text */
	bool refused;			/* the grammar had no use for it */
	bool at_rule;			/* the grammar expects a rule, or the end of the filter */
	bool held;			/* a token waits behind what was made up */
	int held_kind;
	struct word held_text;
	struct place held_place;

	/* build.c: the statement that is being put together */
	struct vec values;		/* of struct policy_value */
	struct vec from;		/* of struct policy_port_ref */
	struct vec legs;		/* of struct policy_leg */
	struct vec actions;		/* of struct policy_action */
	struct policy_action action;	/* the one that is under way */
	struct policy_filter *filter;
	struct policy_set set;
	struct policy_measure measure;
	struct policy_route route;
	struct policy_source_check source_check;
	struct policy_static fixed;	/* a static route */
	unsigned int seen;		/* settings of measure or set, limits of route: each once */
};

/* parse.c */

/**
 * policy_document_name() - appends @path as seen from the folder of @from (NULL: no folder), in the plain form: no "."
 * and no empty parts, ".." only in front.
 */
void policy_document_name(const char *from, const char *path, struct text *out);

/** parse_include() - reads what an include statement names. */
void parse_include(struct document *doc, const char *name, struct place at);

/* lexer.l */

union POLICY_YYSTYPE;

int scan_open(struct document *doc);
void scan_close(struct document *doc);

/** scan_reserved() - whether @word is one of the language that cannot be a name, too. */
bool scan_reserved(const char *word);

/** scan_word() - the token that a word is, TOKEN_NAME if it is none of the language. */
int scan_word(struct word word);

/** scan_position() - the first byte behind the last token. */
const char *scan_position(const struct document *doc);

/** scan_continue() - goes on at @position, which is on another line perhaps. */
void scan_continue(struct document *doc, const char *position, unsigned int line, const char *line_start);

/** scan_token() - the next token of the text, 0 at its end. */
int scan_token(union POLICY_YYSTYPE *value, struct place *place, struct document *doc);

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * tokens.c: what stands between the scanner and the grammar.
 *
 * Three things that a grammar does badly are done here, on the stream of tokens:
 *
 *  - What later versions know (feed) is refused once, and skipped
 *    to its end, braces within braces and all.
 *  - A forgotten ";" or "}". A line that begins with the first word of a statement begins
 *    a statement: none of these words can stand there otherwise. If the one before
 *    was not at its end, the missing token is made up, as is the "}" of a list that a rule's ";"
 *    stands in, so that only it is
 *    reported, and nothing that follows is lost. It is reported when the grammar has
 *    taken it; if the grammar has no use for it, its own complaint says more.
 *  - Going on after a mistake inside braces: what is left of the block is skipped.
 */
#include "policy/tokens.h"

#include <ctype.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/grammar.tab.h"
#include "policy/parser.h"
#include "policy/plain_rules.h"

static bool begins_statement(int kind)
{
	return kind >= TOKEN_PORT && kind <= TOKEN_FEED;
}

static bool is_unsupported(int kind)
{
	return kind == TOKEN_FEED;
}

static bool at_statement_end(const struct document *doc)
{
	return !doc->last_kind || doc->last_kind == ';' || doc->last_kind == '}';
}

void tokens_recovered(struct document *doc)
{
	doc->recovering = false;
}

void tokens_resync(struct document *doc)
{
	tokens_recovered(doc);
	doc->resync = doc->braces > 0;
	doc->braces = 0;
}

/* Behind the statement's ";", or behind the "}" of its block. */
static void skip_statement(struct document *doc)
{
	unsigned int braces = 0;
	POLICY_YYSTYPE value;
	struct place at;
	int kind;

	doc->quiet = true;
	while ((kind = scan_token(&value, &at, doc))) {
		if (kind == '{')
			braces++;
		if (kind == '}' && (!braces || !--braces))
			break;
		if (kind == ';' && !braces)
			break;
	}
	doc->quiet = false;
}

static void count_brace(struct document *doc, int kind, const struct place *at)
{
	if (kind == '{' && !doc->braces++)
		doc->brace = *at;
	if (kind == '}' && doc->braces)
		doc->braces--;
}

/* Up to the "}" of a "{" within a block, that nobody wanted. */
static void skip_braces(struct document *doc)
{
	unsigned int outside = doc->braces - 1;
	POLICY_YYSTYPE value;
	struct place at;
	int kind = '{';

	doc->skip_braces = false;
	doc->quiet = true;
	while (doc->braces > outside && (kind = scan_token(&value, &at, doc)))
		count_brace(doc, kind, &at);
	doc->quiet = false;
}

static void refuse_unsupported(struct document *doc, struct place at)
{
	diag_error(doc->parser->diags, at, "\"%.*s\" is not supported by this version",
		   (int)doc->last_text.len, doc->last_text.text);
	skip_statement(doc);
}

/* The next token of the text, or the one that was kept back. */
static int take_token(POLICY_YYSTYPE *value, struct place *at, struct document *doc)
{
	int kind;

	if (doc->held) {
		doc->held = false;
		*at = doc->held_place;
		value->word = doc->held_text;
		doc->last_text = doc->held_text;
		return doc->held_kind;
	}
	kind = scan_token(value, at, doc);
	doc->last_text = (struct word){ doc->line_start + at->column - 1, at->width };
	return kind;
}

static int next_token(POLICY_YYSTYPE *value, struct place *at, struct document *doc)
{
	int kind = take_token(value, at, doc);

	if (doc->resync) {
		doc->resync = false;
		doc->last_kind = 0;
		doc->quiet = true;
		while (kind && !begins_statement(kind))
			kind = take_token(value, at, doc);
		doc->quiet = false;
	}
	while (is_unsupported(kind) && !doc->braces && at_statement_end(doc)) {
		refuse_unsupported(doc, *at);
		kind = take_token(value, at, doc);
	}
	return kind;
}

static void report_made_up(struct document *doc)
{
	struct diags *diags = doc->parser->diags;

	diag_error(diags, doc->last, "\"%c\" is missing here", doc->last_kind);
	if (doc->last_kind == '}' && !doc->braces)
		diag_hint(diags, "the block began on line %u", doc->brace.line);
}

/* Puts ";" or "}" in front of a token, which is kept back. */
static int make_up(int missing, int kind, struct place *at, struct document *doc)
{
	doc->held = true;
	doc->held_kind = kind;
	doc->held_text = doc->last_text;
	doc->held_place = *at;
	doc->made_up = true;
	doc->refused = doc->recovering;
	*at = place_behind(doc->last);
	return missing;
}

static void take_plain_rules(struct document *doc)
{
	doc->at_rule = false;
	if (doc->braces == 1 && (doc->last_kind == ';' || doc->last_kind == '{') && !doc->held && !doc->resync &&
	    !doc->recovering && !doc->parser->by_grammar)
		plain_rules(doc);
}

int policy_yylex(POLICY_YYSTYPE *value, struct place *at, struct document *doc)
{
	int kind;

	if (doc->made_up && !doc->refused)
		report_made_up(doc);
	doc->made_up = false;
	if (doc->at_rule && !doc->parser->diags->truncated)
		take_plain_rules(doc);
	if (doc->parser->diags->truncated)
		return 0;
	if (doc->skip_braces)
		skip_braces(doc);
	kind = next_token(value, at, doc);
	if (begins_statement(kind) && at->line != doc->last.line) {
		if (!at_statement_end(doc) && doc->last_kind != '{')
			kind = make_up(';', kind, at, doc);
		else if (doc->braces)
			kind = make_up('}', kind, at, doc);
	}
	/* No list within a block has a ";" in it. */
	if (kind == ';' && doc->braces > 1)
		kind = make_up('}', kind, at, doc);
	doc->before = doc->last;
	doc->before_text = doc->now_text;
	doc->before_is_name = doc->last_kind == TOKEN_NAME;
	doc->now_text = doc->last_text;
	doc->before_ended = at_statement_end(doc) || doc->last_kind == '{';
	count_brace(doc, kind, at);
	doc->last = *at;
	doc->last_kind = kind;
	return kind;
}

/* ---- what the grammar has no use for ------------------------------------ */

/* The grammar writes "port", ';' and a name: the first two stand in the text as they are. */
static bool is_literal(const char *symbol)
{
	return strncmp(symbol, "a ", 2) && strncmp(symbol, "an ", 3) && strncmp(symbol, "the ", 4);
}

static void add_symbol(struct text *t, const char *symbol)
{
	if (*symbol == '\'')
		text_printf(t, "\"%c\"", symbol[1]);
	else
		text_printf(t, is_literal(symbol) ? "\"%s\"" : "%s", symbol);
}

static bool has(const struct unexpected *u, const char *symbol)
{
	for (size_t i = 0; i < u->count; i++)
		if (!strcmp(u->expected[i], symbol))
			return true;
	return false;
}

#define ACTION "an action"

/* What stands for several symbols at once, if the first two of them are expected. */
static const struct group {
	const char *name;
	const char *symbols[16];
} groups[] = {
	{ "a predicate", { "a field", "not", "a name", "in", "socket", "'('", "ip4", "ip6", "tcp", "udp",
			   "icmp", "igmp", "arp" } },
	{ "a field", { "a field", "socket", "in" } },
	{ ACTION, { "allow", "drop", "count", "police", "insert", "emit", "mark" } },
	{ "a comparison", { "==", "!=", "<=", ">=", "'<'", "'>'", "in", "'&'" } },
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* Where a name is asked for, words of actions are names. */
static bool is_whole(const struct unexpected *u, const struct group *g)
{
	if (!strcmp(g->name, ACTION) && has(u, "a name"))
		return false;
	return has(u, g->symbols[0]) && has(u, g->symbols[1]);
}

/* The group that @symbol is told by; NULL: it is told by itself. */
static const struct group *group_of(const struct unexpected *u, const char *symbol)
{
	for (size_t i = 0; i < GROUPS; i++) {
		if (!is_whole(u, &groups[i]))
			continue;
		for (size_t j = 0; groups[i].symbols[j]; j++)
			if (!strcmp(groups[i].symbols[j], symbol))
				return &groups[i];
	}
	return NULL;
}

/*
 * Not told: what was made for mistakes, the dash of ranges (behind every value), and words of
 * the language where any name would do.
 */
static bool is_told(const struct unexpected *u, const char *symbol)
{
	if (!strncmp(symbol, "BAD_", 4) || !strcmp(symbol, "'-'"))
		return false;
	if (group_of(u, symbol))
		return false;
	if (!strcmp(symbol, "a quantity") && has(u, "a number"))
		return false;
	if (!strcmp(symbol, "a link-layer address") && has(u, "an address"))
		return false;
	return !has(u, "a name") || !is_literal(symbol) || *symbol == '\'' || !strcmp(symbol, "host");
}

#define TOLD_MAX 5

static void list_expected(struct text *out, const struct unexpected *u)
{
	const char *told[EXPECTED_MAX + GROUPS];
	size_t n = 0;

	for (size_t i = 0; i < GROUPS; i++)
		if (is_whole(u, &groups[i]) &&
		    group_of(u, groups[i].symbols[0]) == &groups[i])
			told[n++] = groups[i].name;
	for (size_t i = 0; i < u->count; i++)
		if (is_told(u, u->expected[i]))
			told[n++] = u->expected[i];
	if (n > TOLD_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		text_printf(out, "%s", !i ? "" : i + 1 < n ? ", " : " or ");
		add_symbol(out, told[i]);
	}
}

static bool hint_at_word(struct document *doc, const struct unexpected *u)
{
	char got[POLICY_NAME_MAX + 1] = "";
	struct nearest n = NEAREST(got);

	if (doc->last_text.len > POLICY_NAME_MAX)
		return false;
	memcpy(got, doc->last_text.text, doc->last_text.len);
	for (size_t i = 0; i < u->count; i++)
		if (is_literal(u->expected[i]) && *u->expected[i] != '\'')
			nearest_try(&n, u->expected[i]);
	if (n.best)
		diag_hint(doc->parser->diags, "did you mean \"%s\"?", n.best);
	return n.best;
}

static void report_word(struct document *doc, const struct unexpected *u, struct place at)
{
	const struct word *got = &doc->last_text;
	int shown = got->len < 60 ? got->len : 60;
	struct diags *diags = doc->parser->diags;
	struct text expected = { 0 };

	list_expected(&expected, u);
	if (expected.len)
		diag_error(diags, at, *got->text == '"' ? "expected %s, not %.*s" :
			   "expected %s, not \"%.*s\"", expected.data, shown, got->text);
	else
		diag_error(diags, at, *got->text == '"' ? "%.*s does not belong here" :
			   "\"%.*s\" does not belong here", shown, got->text);
	text_free(&expected);
	if (has(u, "a name") && is_literal(u->got) && isalpha((unsigned char)*got->text))
		diag_hint(diags, "\"%.*s\" is a word of the language, and cannot be a name",
			  shown, got->text);
	else if (has(u, "a string") && !strcmp(u->got, "a name"))
		diag_hint(diags, "write it in quotes: \"%.*s\"", shown, got->text);
	else if (!strcmp(u->got, "'='") && has(u, "=="))
		diag_hint(diags, "write \"==\"");
	else if (!hint_at_word(doc, u) && has(u, "allow") && !has(u, "a name"))
		diag_hint(diags, "actions: allow, drop, count, police, insert, emit, mark");
}

/* A name in front of a comparison was meant as a field. Return: whether that is it. */
static bool report_field(struct document *doc, const struct unexpected *u)
{
	const struct place *at = &doc->before;
	const char *word = doc->before_text.text;

	if (has(u, "==") || !doc->before_is_name || (strcmp(u->got, "==") && strcmp(u->got, "!=") &&
	     strcmp(u->got, "<=") && strcmp(u->got, ">=") && strcmp(u->got, "'<'") &&
	     strcmp(u->got, "'>'") && strcmp(u->got, "in")))
		return false;
	diag_error(doc->parser->diags, *at, "packets have no field \"%.*s\"", (int)at->width, word);
	diag_hint(doc->parser->diags, "fields are called ip.src, tcp.dst and so on");
	return true;
}

static void report_end(struct document *doc, const struct unexpected *u)
{
	struct diags *diags = doc->parser->diags;
	struct text expected = { 0 };

	list_expected(&expected, u);
	if (expected.len)
		diag_error(diags, place_behind(doc->before), "expected %s, but the file ends here",
			   expected.data);
	else
		diag_error(diags, place_behind(doc->before), "the file ends in the middle of a statement");
	text_free(&expected);
	if (doc->braces)
		diag_hint(diags, "the block that began on line %u is still open", doc->brace.line);
}

void tokens_report(struct document *doc, const struct unexpected *u)
{
	bool fresh_line = !doc->before_ended && u->place.line != doc->before.line;

	doc->recovering = true;
	if (!strncmp(u->got, "BAD_", 4))
		return;		/* the scanner has said it */
	if (doc->made_up) {
		doc->refused = true;
		doc->last_text = doc->held_text;
		report_word(doc, u, doc->held_place);
	} else if (!doc->last_kind) {
		report_end(doc, u);
	} else if (fresh_line && has(u, "';'")) {
		diag_error(doc->parser->diags, place_behind(doc->before), "\";\" is missing here");
	} else if (!report_field(doc, u)) {
		report_word(doc, u, u->place);
	}
	doc->skip_braces = doc->last_kind == '{' && doc->braces > 1;
}

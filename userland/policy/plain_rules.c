// SPDX-License-Identifier: GPL-2.0
/*
 * plain_rules.c: rules as nearly all are written, read without scanner and grammar.
 *
 *	allow|drop [if TEST [and TEST] ...];
 *	TEST: FIELD [& BITS] ==|!=|<|<=|>|>= VALUE, FIELD in VALUE, FIELD in { VALUE, ... }, or a word
 *
 * A policy of ten thousand rules is three hundred thousand tokens, and each is handed from scanner to tokens.c
 * to grammar, looked up, pushed and popped: that was half of what it takes to commit one changed rule. Where
 * the grammar expects a rule, whole rules of this form are taken from the text first. It sees the next
 * token behind them, and is none the wiser.
 *
 * grammar.y says what a policy means, and this says nothing else: what is understood here is built by the
 * functions that the grammar calls, in its order, with its places, and mistakes that these find are
 * theirs to report. Whatever is not understood, down to a value that is out of its range, is left to
 * the grammar from its rule's first byte on: nothing is built before a rule is read to its ";".
 * selftests/unit/test_plain_rules.c compares the two ways.
 */
#include "policy/plain_rules.h"

#include <ctype.h>
#include <string.h>

#include "policy/build.h"
#include "policy/field.h"
#include "policy/grammar.tab.h"
#include "policy/tokens.h"

#define TESTS_MAX	32	/* of one rule */
#define OPERANDS_MAX	128	/* of all its tests */
#define DIGITS_MAX	18	/* such a number fits into 64 bits */

/* Where the reader stands. */
struct cursor {
	const char *p, *line_start;
	unsigned int line;
};

/* A value as it is written. */
struct operand {
	struct place place;
	enum { OPERAND_PREFIX, OPERAND_NUMBERS, OPERAND_WORD } kind;
	bool joined;			/* "|" stands before it */
	union {
		struct prefix prefix;
		struct { uint64_t first, last; };
		struct word word;
	};
};

struct test {
	struct place place, mask_place;	/* all of it; behind "&" */
	struct word word;		/* a word alone: text NULL: a test of: */
	enum policy_field field;
	enum policy_compare compare;
	uint16_t mask, values, end;	/* operands of each: values end where those of the next test begin */
};

struct rule {
	const struct document *doc;
	const char *begin;
	enum policy_action_kind action;
	struct place action_place, if_place;
	uint16_t tests, operands;
	struct test test[TESTS_MAX];
	struct operand operand[OPERANDS_MAX];
};

/* ---- bytes ---------------------------------------------------------------------- */

enum { IN_WORD = 1, IS_DOT = 2, IN_OTHERS = 4 };

/* What tokens other than operators are made of; between two of these stands something else. */
static const uint8_t classes[256] = {
	['0' ... '9'] = IN_WORD, ['A' ... 'Z'] = IN_WORD, ['a' ... 'z'] = IN_WORD, ['_'] = IN_WORD,
	['.'] = IS_DOT, [':'] = IN_OTHERS, ['/'] = IN_OTHERS, ['%'] = IN_OTHERS, ['-'] = IN_OTHERS,
};

/* Bytes that stand together, and what kinds are among them. */
struct run {
	struct word word;
	struct place place;
	uint8_t kinds;
};

static void skip_space(struct cursor *c)
{
	for (;; c->p++) {
		if (*c->p == '\n') {
			c->line++;
			c->line_start = c->p + 1;
		} else if (*c->p == '#') {
			c->p = strchrnul(c->p, '\n') - 1;
		} else if (*c->p != ' ' && *c->p != '\t' && *c->p != '\r') {
			return;
		}
	}
}

static struct place place_of(const struct rule *r, const struct cursor *c, const char *from)
{
	return (struct place){ .source = r->doc->source, .line = c->line,
			       .column = from - c->line_start + 1, .width = c->p - from };
}

static void next_run(const struct rule *r, struct cursor *c, struct run *run)
{
	const char *begin;

	skip_space(c);
	begin = c->p;
	run->kinds = 0;
	for (uint8_t kind; (kind = classes[(uint8_t)*c->p]); c->p++)
		run->kinds |= kind;
	run->word = (struct word){ begin, c->p - begin };
	run->place = place_of(r, c, begin);
}

/* Whether @operator comes next: the reader is behind it then. */
static bool next_is(struct cursor *c, char operator)
{
	skip_space(c);
	if (*c->p != operator)
		return false;
	c->p++;
	return true;
}

static bool is_word(const struct run *run, const char *word, size_t len)
{
	return run->word.len == len && !memcmp(run->word.text, word, len);
}

#define IS_WORD(run, word) is_word(run, word, sizeof(word) - 1)

/* ---- values ---------------------------------------------------------------------- */

/* Digits at *@p, which moves behind them. */
static bool read_number(const char **p, const char *end, uint64_t *number)
{
	const char *begin = *p;
	uint64_t n = 0;

	for (; *p < end && isdigit((unsigned char)**p); ++*p)
		n = n * 10 + (**p - '0');
	*number = n;
	return *p > begin && *p - begin <= DIGITS_MAX;
}

/* "80", "80-90" */
static bool read_numbers(const struct run *run, struct operand *o)
{
	const char *p = run->word.text, *end = p + run->word.len;

	if (!read_number(&p, end, &o->first))
		return false;
	o->last = o->first;
	o->kind = OPERAND_NUMBERS;
	return p == end || (*p++ == '-' && read_number(&p, end, &o->last) && p == end);
}

/* "10.0.0.0/8", without bits behind its length. */
static bool read_v4(const struct run *run, struct operand *o)
{
	const char *p = run->word.text, *end = p + run->word.len;
	uint64_t address = 0, n, length = 32;

	for (unsigned int i = 0; i < 4; i++) {
		const char *begin = p;

		if (!read_number(&p, end, &n) || p - begin > 3 || n > 255 || (*begin == '0' && p - begin > 1) ||
		    (i < 3 && (p == end || *p++ != '.')))
			return false;
		address = address << 8 | n;
	}
	if (p < end && (*p++ != '/' || !read_number(&p, end, &length) || p != end || length > 32))
		return false;
	if (length < 32 && address << length & UINT32_MAX)
		return false;
	o->kind = OPERAND_PREFIX;
	o->prefix = (struct prefix){ .addr = addr_v4(address), .len = length };
	return true;
}

static bool read_v6(const struct run *run, struct operand *o)
{
	char text[PREFIX_STRLEN];

	if (run->word.len >= sizeof(text) || memchr(run->word.text, '%', run->word.len))
		return false;
	memcpy(text, run->word.text, run->word.len);
	text[run->word.len] = '\0';
	o->kind = OPERAND_PREFIX;
	return !prefix_parse(text, &o->prefix) && o->prefix.addr.family == ADDR_V6;
}

/* What may stand for a value or a predicate: no other word of the language can. */
static bool is_name(const struct run *run)
{
	if (run->kinds != IN_WORD || isdigit((unsigned char)*run->word.text) || run->word.len > POLICY_NAME_MAX)
		return false;
	switch (scan_word(run->word)) {
	case TOKEN_NAME:
	case TOKEN_IP4:
	case TOKEN_IP6:
	case TOKEN_TCP:
	case TOKEN_UDP:
	case TOKEN_ICMP:
	case TOKEN_IGMP:
	case TOKEN_ARP:
		return true;
	default:
		return false;
	}
}

static bool read_operand(struct rule *r, struct cursor *c, bool joined)
{
	struct operand *o = &r->operand[r->operands];
	struct run run;

	if (r->operands == OPERANDS_MAX)
		return false;
	r->operands++;
	next_run(r, c, &run);
	o->place = run.place;
	o->joined = joined;
	if (run.kinds & IS_DOT && isdigit((unsigned char)*run.word.text) && read_v4(&run, o))
		return true;
	if (memchr(run.word.text, ':', run.word.len))
		return read_v6(&run, o);
	if (isdigit((unsigned char)*run.word.text))
		return read_numbers(&run, o);
	o->kind = OPERAND_WORD;
	o->word = run.word;
	return is_name(&run);
}

/* The place of the operand that was read last. */
static struct place operand_place(const struct rule *r)
{
	return r->operand[r->operands - 1].place;
}

/* "syn|ack". @at: all of it. */
static bool read_sum(struct rule *r, struct cursor *c, struct place *at)
{
	if (!read_operand(r, c, false))
		return false;
	*at = operand_place(r);
	while (next_is(c, '|')) {
		if (!read_operand(r, c, true))
			return false;
		*at = place_between(*at, operand_place(r));
	}
	return true;
}

/* ---- tests ------------------------------------------------------------------------ */

static bool read_comparison(struct rule *r, struct cursor *c, enum policy_compare *compare)
{
	struct run in;
	char first;

	skip_space(c);
	first = *c->p;
	if (first == 'i') {
		next_run(r, c, &in);
		*compare = COMPARE_IN;
		return IS_WORD(&in, "in");
	}
	if (first != '=' && first != '!' && first != '<' && first != '>')
		return false;
	c->p++;
	if (*c->p == '=') {
		c->p++;
		*compare = first == '=' ? COMPARE_EQUAL : first == '!' ? COMPARE_UNEQUAL :
			   first == '<' ? COMPARE_AT_MOST : COMPARE_AT_LEAST;
		return true;
	}
	*compare = first == '<' ? COMPARE_LESS : COMPARE_GREATER;
	return first == '<' || first == '>';
}

/* Behind "&". */
static bool read_mask(struct rule *r, struct cursor *c, struct test *t)
{
	if (next_is(c, '('))
		return read_sum(r, c, &t->mask_place) && next_is(c, ')');
	if (!read_operand(r, c, false))
		return false;
	t->mask_place = operand_place(r);
	return true;
}

static bool read_values(struct rule *r, struct cursor *c, struct test *t)
{
	struct place last;

	if (t->compare == COMPARE_IN && next_is(c, '{')) {
		do
			if (!read_sum(r, c, &last))
				return false;
		while (next_is(c, ','));
		if (!next_is(c, '}'))
			return false;
		last = place_of(r, c, c->p - 1);
	} else if (!read_sum(r, c, &last)) {
		return false;
	}
	t->place = place_between(t->place, last);
	return true;
}

static bool read_test(struct rule *r, struct cursor *c)
{
	struct test *t = &r->test[r->tests];
	struct run run;

	if (r->tests == TESTS_MAX)
		return false;
	r->tests++;
	next_run(r, c, &run);
	t->word.text = NULL;
	t->place = run.place;
	t->mask = t->values = t->end = r->operands;
	if (!(run.kinds & IS_DOT)) {
		t->word = run.word;
		return is_name(&run);
	}
	t->field = field_find(run.word.text, run.word.len);
	if (t->field == FIELD_COUNT || (next_is(c, '&') && !read_mask(r, c, t)))
		return false;
	t->values = r->operands;
	if (!read_comparison(r, c, &t->compare) || !read_values(r, c, t))
		return false;
	t->end = r->operands;
	return true;
}

/* ---- rules ------------------------------------------------------------------------- */

static bool read_rule(struct rule *r, struct cursor *c)
{
	struct run run;

	r->tests = r->operands = 0;
	next_run(r, c, &run);
	r->begin = run.word.text;
	if (IS_WORD(&run, "allow"))
		r->action = DO_ALLOW;
	else if (IS_WORD(&run, "drop"))
		r->action = DO_DROP;
	else
		return false;
	r->action_place = run.place;
	if (next_is(c, ';'))
		return true;
	next_run(r, c, &run);
	r->if_place = run.place;
	if (!IS_WORD(&run, "if"))
		return false;
	while (read_test(r, c)) {
		if (next_is(c, ';'))
			return true;
		next_run(r, c, &run);
		if (!IS_WORD(&run, "and"))
			return false;
	}
	return false;
}

/* ---- to the tree, as the grammar does ------------------------------------------------- */

static struct policy_value build_operand(struct document *doc, const struct operand *o)
{
	switch (o->kind) {
	case OPERAND_PREFIX:
		return value_prefix(o->prefix, o->place);
	case OPERAND_NUMBERS:
		return value_numbers(doc, o->first, o->last, o->place);
	default:
		return value_let(doc, o->word, o->place);
	}
}

/* The sum that begins at *@o, which moves behind it. */
static struct policy_value build_sum(struct document *doc, const struct operand **o, const struct operand *end)
{
	struct policy_value sum = build_operand(doc, *o);

	while (++*o < end && (*o)->joined) {
		struct policy_value more = build_operand(doc, *o);

		sum = value_or(doc, &sum, &more, place_between(sum.place, more.place));
	}
	return sum;
}

static struct policy_predicate *build_test(struct document *doc, const struct rule *r, const struct test *t)
{
	const struct operand *o = r->operand + t->mask, *values = r->operand + t->values;
	struct mask mask = { .bits = UINT64_MAX };
	struct policy_value value;

	if (t->word.text)
		return predicate_name(doc, t->word, t->place);
	if (o < values) {
		value = build_sum(doc, &o, values);
		mask = mask_of(doc, t->field, &value, t->mask_place);
	}
	value = build_sum(doc, &o, r->operand + t->end);
	build_first_value(doc, &value);
	while (o < r->operand + t->end) {
		value = build_sum(doc, &o, r->operand + t->end);
		build_value(doc, &value);
	}
	return predicate_test(doc, t->field, mask, t->compare, t->place);
}

/* @end: behind its ";". */
static void build_plain(struct document *doc, const struct rule *r, const char *end)
{
	struct place at = r->action_place, tests = r->test[0].place;
	struct policy_predicate *all = NULL;
	struct policy_rule *rule;

	build_first_action(doc, action_plain(doc, r->action, at));
	for (unsigned int i = 0; i < r->tests; i++) {
		struct policy_predicate *one = build_test(doc, r, &r->test[i]);

		tests = place_between(tests, r->test[i].place);
		all = all ? predicate_join(doc, PREDICATE_AND, all, one, tests) : one;
	}
	if (r->tests)
		at = place_between(at, place_between(r->if_place, tests));
	rule = build_rule(doc, all, at);
	if (rule) {
		rule->written = r->begin;
		rule->written_len = end - r->begin;
	}
}

void plain_rules(struct document *doc)
{
	struct cursor c = { .line = doc->line, .line_start = doc->line_start }, behind;
	struct rule r;

	r.doc = doc;
	c.p = scan_position(doc);
	for (behind = c; !doc->parser->diags->truncated && read_rule(&r, &c); behind = c)
		build_plain(doc, &r, c.p);
	if (behind.p == scan_position(doc))
		return;
	doc->last = (struct place){ .source = doc->source, .line = behind.line, .width = 1,
				    .column = behind.p - behind.line_start };
	doc->last_kind = ';';
	doc->now_text = (struct word){ behind.p - 1, 1 };
	scan_continue(doc, behind.p, behind.line, behind.line_start);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * core_parse.c: reads the core language (policy/core.h), by recursive descent.
 *
 *	core		[ "ports" "{" name { "," name } "}" ] sum
 *	sum		sequence { "+" sequence }
 *	sequence	{ step ";" } ( step | "if" sum "then" sequence [ "else" sequence ] )
 *	step		"drop" | "id" | "route" | "~" step | "(" sum ")" | MARK "(" string ")"
 *			| FIELD ( "=" | "!=" ) values | FIELD "in" name | FIELD ":=" value
 *	values		value | "{" value { "," value } "}"
 *
 * What a value is depends on its field, so the reader of a field reads its values, too. A list
 * of rules is one "else" behind the other: those are kept aside, not recursed into, and only
 * parentheses, "~" and what stands before "else" may be nested, CORE_DEPTH_MAX deep. It ends at the
 * first mistake.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/nearest.h"
#include "policy/core_build.h"
#include "policy/field.h"

#define WORD_MAX 128

struct reader {
	struct core *core;
	struct diags *diags;
	const struct source *source;
	const char *at, *end;
	const char *line_start;		/* of the line that @at is in */
	unsigned int line;
	unsigned int depth;
	bool failed;
};

/* ---- places and mistakes --------------------------------------------- */

static struct place place_of(const struct reader *r, const char *at, size_t width)
{
	return (struct place){ .source = r->source, .line = r->line,
			       .column = at - r->line_start + 1, .width = width ? width : 1 };
}

#define fail(r, place, ...) do {					\
		if (!(r)->failed)					\
			diag_error((r)->diags, place, __VA_ARGS__);	\
		(r)->failed = true;					\
	} while (0)

/* ---- words ----------------------------------------------------------- */

static void skip_blanks(struct reader *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '#') {
			while (r->at < r->end && *r->at != '\n')
				r->at++;
			if (r->at == r->end)
				return;
		}
		if (*r->at == '\n') {
			r->line++;
			r->line_start = r->at + 1;
		} else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
			return;
		}
	}
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

/* Of values: addresses, prefixes, flags. */
static bool is_value_byte(char c)
{
	return is_word_byte(c) || c == ':' || c == '/' || c == '|';
}

struct word {
	char text[WORD_MAX];
	struct place place;
};

static void take_run(struct reader *r, bool (*in_run)(char), struct word *w)
{
	const char *start;
	size_t n;

	skip_blanks(r);
	start = r->at;
	while (r->at < r->end && in_run(*r->at))
		r->at++;
	n = r->at - start;
	w->place = place_of(r, start, n);
	w->text[0] = '\0';
	if (n >= WORD_MAX) {
		fail(r, w->place, "a word of %zu bytes is none of the language", n);
		return;
	}
	memcpy(w->text, start, n);
	w->text[n] = '\0';
}

/* What the next thing looks like, for messages. */
static struct place next_place(struct reader *r)
{
	size_t n = 0;

	skip_blanks(r);
	while (r->at + n < r->end && is_word_byte(r->at[n]))
		n++;
	return place_of(r, r->at, n);
}

static bool next_is(struct reader *r, const char *token)
{
	size_t n = strlen(token);

	skip_blanks(r);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, token, n))
		return false;
	/* A word is a whole word. */
	return !isalpha((unsigned char)token[0]) || r->at + n == r->end || !is_word_byte(r->at[n]);
}

static bool take(struct reader *r, const char *token)
{
	if (r->failed || !next_is(r, token))
		return false;
	r->at += strlen(token);
	return true;
}

static void expect(struct reader *r, const char *token, const char *behind)
{
	if (!take(r, token) && !r->failed)
		fail(r, next_place(r), r->at == r->end ? "the text ends where \"%s\" stands behind %s" :
		     "\"%s\" stands behind %s", token, behind);
}

/* A string in quotes: its text in the arena. */
static const char *take_string(struct reader *r)
{
	const char *start;
	char *copy;
	size_t n = 0;

	skip_blanks(r);
	start = r->at;
	if (r->at == r->end || *r->at != '"') {
		fail(r, next_place(r), "a string stands here, in double quotes");
		return "";
	}
	copy = arena_alloc(&r->core->arena, r->end - r->at < POLICY_STRING_MAX ?
			   r->end - r->at + 1 : POLICY_STRING_MAX + 1);
	for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && r->at + 1 < r->end && (r->at[1] == '"' || r->at[1] == '\\'))
			r->at++;
		else if ((unsigned char)*r->at < ' ' || *r->at == 0x7f || *r->at == '\\')
			break;
		if (n == POLICY_STRING_MAX) {
			fail(r, place_of(r, start, 1), "a string has at most %d bytes", POLICY_STRING_MAX);
			return "";
		}
		copy[n++] = *r->at;
	}
	if (r->at == r->end || *r->at != '"') {
		fail(r, place_of(r, start, r->at - start), "this string does not end");
		return "";
	}
	r->at++;
	return copy;
}

/* ---- values ---------------------------------------------------------- */

static size_t find_port(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->core->ports.len; i++)
		if (!strcmp(*(const char **)vec_at(&r->core->ports, i), name))
			return i;
	return SIZE_MAX;
}

static void no_such_port(struct reader *r, const struct word *w)
{
	struct nearest near = NEAREST(w->text);

	fail(r, w->place, "no port is called \"%s\"", w->text);
	for (size_t i = 0; i < r->core->ports.len; i++)
		nearest_try(&near, *(const char **)vec_at(&r->core->ports, i));
	if (near.best)
		diag_hint(r->diags, "did you mean \"%s\"?", near.best);
	else if (!r->core->ports.len)
		diag_hint(r->diags, "name them first: ports { wan, lan }");
}

/* Digits, or 0x and hexadecimal ones. */
static bool read_digits(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
	return !errno && !*end;
}

/* A number, a word, or flags "syn|ack". */
static bool read_number(unsigned int field, char *text, uint64_t *number)
{
	char *rest = text, *one;
	uint8_t mac[6];
	uint64_t bit;

	if (field_kind(field) == KIND_MAC) {
		if (mac_parse(text, mac))
			return false;
		*number = 0;
		for (unsigned int i = 0; i < 6; i++)
			*number = *number << 8 | mac[i];
		return true;
	}
	if (read_digits(text, number))
		return true;
	if (field != FIELD_TCP_FLAGS)
		return field_word(field, text, number);
	for (*number = 0; (one = strsep(&rest, "|")); *number |= bit)
		if (!field_word(field, one, &bit))
			return false;
	return true;
}

static bool check_number(struct reader *r, unsigned int field, const struct word *w, uint64_t number)
{
	if (number <= field_max(field))
		return true;
	fail(r, w->place, "%s is at most %" PRIu64, core_field_name(field), field_max(field));
	return false;
}

/* "80", "80-90"; a port's name has hyphens itself, and no range. */
static void take_range(struct reader *r, unsigned int field, struct range *range)
{
	struct word w;
	char whole[WORD_MAX], *hyphen;

	take_run(r, is_value_byte, &w);
	memcpy(whole, w.text, sizeof(whole));
	if (field == CORE_OUT || field == FIELD_IN) {
		size_t port = find_port(r, w.text);

		if (field == CORE_OUT && !strcmp(w.text, "host"))
			range->first = CORE_HOST;
		else if (port != SIZE_MAX)
			range->first = port;
		else
			no_such_port(r, &w);
		range->last = range->first;
		return;
	}
	hyphen = strchr(w.text, '-');
	if (hyphen)
		*hyphen++ = '\0';
	if (!read_number(field, w.text, &range->first) ||
	    (hyphen && !read_number(field, hyphen, &range->last))) {
		if (*whole)
			fail(r, w.place, "\"%s\" is no value of %s", whole, core_field_name(field));
		else
			fail(r, w.place, "a value of %s stands here", core_field_name(field));
		return;
	}
	if (!hyphen)
		range->last = range->first;
	if (range->last < range->first)
		fail(r, w.place, "this range runs backwards");
	else
		check_number(r, field, &w, range->last);
}

static void take_prefix(struct reader *r, struct prefix *prefix)
{
	struct word w;
	char buf[PREFIX_STRLEN];
	int err;

	take_run(r, is_value_byte, &w);
	err = prefix_parse(w.text, prefix);
	if (err == -EDOM) {
		fail(r, w.place, "bits are set behind the prefix's length");
		diag_hint(r->diags, "the prefix is %s", prefix_format(prefix, buf));
	} else if (err) {
		fail(r, w.place, "an address or a prefix stands here");
	}
}

static void take_one(struct reader *r, unsigned int field, struct vec *prefixes, struct vec *ranges)
{
	if (field < FIELD_COUNT && field_kind(field) == KIND_ADDRESS)
		take_prefix(r, vec_push(prefixes));
	else
		take_range(r, field, vec_push(ranges));
}

static struct core_expression *read_test(struct reader *r, unsigned int field, bool unequal)
{
	struct vec prefixes = VEC(struct prefix), ranges = VEC(struct range);
	struct core_expression *e = core_node(r->core, CORE_TEST);

	if (take(r, "{")) {
		do
			take_one(r, field, &prefixes, &ranges);
		while (take(r, ","));
		expect(r, "}", "the last value");
	} else {
		take_one(r, field, &prefixes, &ranges);
	}
	e->field = field;
	e->unequal = unequal;
	e->values = prefixes.len + ranges.len;
	if (prefixes.len)
		e->prefixes = core_keep(r->core, &prefixes);
	else
		e->ranges = core_keep(r->core, &ranges);
	vec_free(&prefixes);
	vec_free(&ranges);
	return e;
}

/* ---- assignments ----------------------------------------------------- */

static bool can_be_assigned(unsigned int field)
{
	switch (field) {
	case CORE_OUT:
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
	case FIELD_VLAN_ID:
	case FIELD_VLAN_PCP:
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
	case FIELD_IP_TTL:
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
	case FIELD_TCP_FLAGS:
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return true;
	default:
		return false;
	}
}

static void refuse_assignment(struct reader *r, unsigned int field, struct place at)
{
	bool port = field == FIELD_TCP_SRC || field == FIELD_UDP_SRC || field == FIELD_TCP_DST ||
		    field == FIELD_UDP_DST;
	bool src = field == FIELD_TCP_SRC || field == FIELD_UDP_SRC;

	fail(r, at, "%s cannot be assigned", core_field_name(field));
	if (port)
		diag_hint(r->diags, "assign l4.%s", src ? "src" : "dst");
	else if (field == FIELD_IN)
		diag_hint(r->diags, "where a packet leaves is out");
}

static struct core_expression *read_assignment(struct reader *r, unsigned int field, struct place at)
{
	struct core_expression *e = core_node(r->core, CORE_ASSIGN);
	struct range range = { 0 };
	struct prefix prefix = { 0 };

	e->field = field;
	if (!can_be_assigned(field)) {
		refuse_assignment(r, field, at);
		return e;
	}
	if (field == FIELD_VLAN_ID && take(r, "none")) {
		e->value = CORE_NO_TAG;
		return e;
	}
	if (field == FIELD_IP_TTL && take(r, "ip.ttl")) {
		expect(r, "-", "ip.ttl");
		expect(r, "1", "the minus");
		e->kind = CORE_LESS;
		return e;
	}
	at = next_place(r);
	if (field == FIELD_IP_SRC || field == FIELD_IP_DST) {
		take_prefix(r, &prefix);
		if (!r->failed && prefix.len != addr_bits(prefix.addr.family))
			fail(r, at, "an address is assigned, not a prefix");
		e->address = prefix.addr;
		return e;
	}
	take_range(r, field, &range);
	if (!r->failed && range.first != range.last)
		fail(r, at, "one value is assigned, not a range");
	e->value = range.first;
	return e;
}

/* ---- expressions ----------------------------------------------------- */

static const struct core_expression *read_sum(struct reader *r);
static const struct core_expression *read_sequence(struct reader *r);

static struct core_expression *read_mark(struct reader *r, enum core_mark mark)
{
	struct core_expression *e = core_node(r->core, CORE_MARK);

	e->mark = mark;
	expect(r, "(", "the name of a mark");
	if (!r->failed)
		e->text = take_string(r);
	expect(r, ")", "what the mark says");
	return e;
}

static struct core_expression *read_set(struct reader *r, unsigned int field, struct place at)
{
	struct core_expression *e = core_node(r->core, CORE_SET);
	struct word w;

	e->field = field;
	if (field == CORE_OUT || field_shared(field) == FIELD_COUNT)
		fail(r, at, "no set has values of %s", core_field_name(field));
	take_run(r, is_word_byte, &w);
	if (!isalpha((unsigned char)w.text[0]) && w.text[0] != '_') {
		fail(r, w.place, "the name of a set stands behind \"in\"");
		if (next_is(r, "{"))
			diag_hint(r->diags, "values are tested with =: %s = {...}", core_field_name(field));
	}
	e->text = arena_strndup(&r->core->arena, w.text, strlen(w.text));
	return e;
}

/* tcp.flags & (syn|fin) = syn */
static struct core_expression *read_masked(struct reader *r)
{
	struct core_expression *e = core_node(r->core, CORE_TEST);
	struct range mask = { 0 }, value = { 0 };
	struct vec ranges = VEC(struct range);
	struct place at;

	expect(r, "(", "\"&\"");
	take_range(r, FIELD_TCP_FLAGS, &mask);
	expect(r, ")", "the flags that are looked at");
	e->unequal = take(r, "!=");
	if (!e->unequal)
		expect(r, "=", "the flags that are looked at");
	at = next_place(r);
	take_range(r, FIELD_TCP_FLAGS, &value);
	if (!r->failed && (mask.first != mask.last || value.first != value.last))
		fail(r, at, "flags stand here, not a range");
	if (!r->failed && value.first & ~mask.first)
		fail(r, at, "not all of these flags are looked at: no packet can meet this");
	core_masked_ranges(mask.first, value.first, &ranges);
	e->field = FIELD_TCP_FLAGS;
	e->values = ranges.len;
	e->ranges = core_keep(r->core, &ranges);
	vec_free(&ranges);
	return e;
}

static struct core_expression *read_field(struct reader *r, unsigned int field, struct place at)
{
	if (field == FIELD_TCP_FLAGS && take(r, "&"))
		return read_masked(r);
	if (take(r, ":="))
		return read_assignment(r, field, at);
	if (take(r, "!="))
		return read_test(r, field, true);
	if (take(r, "="))
		return read_test(r, field, false);
	if (take(r, "in"))
		return read_set(r, field, at);
	fail(r, next_place(r), "=, !=, := or \"in\" stands behind %s", core_field_name(field));
	return core_node(r->core, CORE_DROP);
}

static void unknown_word(struct reader *r, const struct word *w)
{
	static const char *const words[] = { "drop", "id", "route", "if", "out" };
	struct nearest near = NEAREST(w->text);

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_try(&near, words[i]);
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		nearest_try(&near, policy_field_name(i));
	for (unsigned int i = 0; i <= CORE_MEASURE; i++)
		nearest_try(&near, core_mark_name(i));
	if (!*w->text) {
		fail(r, w->place, r->at == r->end ? "the text ends where a test or a step stands" :
		     "a test or a step stands here");
		return;
	}
	fail(r, w->place, "\"%s\" is neither a field nor a step", w->text);
	if (near.best)
		diag_hint(r->diags, "did you mean \"%s\"?", near.best);
}

static struct core_expression *read_word(struct reader *r)
{
	unsigned int field;
	struct word w;

	take_run(r, is_word_byte, &w);
	if (!strcmp(w.text, "drop"))
		return core_node(r->core, CORE_DROP);
	if (!strcmp(w.text, "id"))
		return core_node(r->core, CORE_ID);
	if (!strcmp(w.text, "route"))
		return core_node(r->core, CORE_ROUTE);
	for (unsigned int i = 0; i <= CORE_MEASURE; i++)
		if (!strcmp(w.text, core_mark_name(i)))
			return read_mark(r, i);
	field = strcmp(w.text, "out") ? field_find(w.text, strlen(w.text)) : CORE_OUT;
	if (field < FIELD_COUNT || !strcmp(w.text, "out"))
		return read_field(r, field, w.place);
	unknown_word(r, &w);
	return core_node(r->core, CORE_DROP);
}

static bool enter(struct reader *r)
{
	if (r->depth == CORE_DEPTH_MAX)
		fail(r, next_place(r), "more than %d parentheses, ~ or if within each other", CORE_DEPTH_MAX);
	else
		r->depth++;
	return !r->failed;
}

static void must_be_predicate(struct reader *r, const struct core_expression *e, struct place at,
			      const char *what)
{
	if (!r->failed && !core_is_predicate(e))
		fail(r, at, "%s takes tests only: nothing that changes, marks or sends the packet", what);
}

static const struct core_expression *read_step(struct reader *r)
{
	const struct core_expression *e;
	struct place at;

	if (r->failed || !enter(r))
		return core_node(r->core, CORE_DROP);
	if (take(r, "~")) {
		at = next_place(r);
		e = read_step(r);
		must_be_predicate(r, e, at, "\"~\"");
		e = core_not(r->core, e);
	} else if (take(r, "(")) {
		e = read_sum(r);
		expect(r, ")", "what stands in parentheses");
	} else {
		e = read_word(r);
	}
	r->depth--;
	return e;
}

/* A sequence whose last step is an "if" with an "else": what stands before it, and its parts. */
struct open {
	struct vec steps;
	const struct core_expression *p, *a;
};

/* "if p then a"; what is behind "else" is the caller's. */
static struct open read_if(struct reader *r, const struct vec *steps)
{
	struct open o = { .steps = *steps };
	struct place at = next_place(r);

	o.p = o.a = core_node(r->core, CORE_DROP);
	if (!enter(r))
		return o;
	o.p = read_sum(r);
	must_be_predicate(r, o.p, at, "\"if\"");
	expect(r, "then", "the tests of \"if\"");
	if (!r->failed)
		o.a = read_sequence(r);
	r->depth--;
	return o;
}

static const struct core_expression *read_sequence(struct reader *r)
{
	struct vec open = VEC(struct open), steps = VEC(const struct core_expression *);
	const struct core_expression *e;

	while (!r->failed) {
		if (take(r, "if")) {
			struct open o = read_if(r, &steps);

			vec_append(&open, &o);
			steps = VEC(const struct core_expression *);
			if (take(r, "else"))
				continue;
			break;
		}
		e = read_step(r);
		vec_append(&steps, &e);
		if (!take(r, ";"))
			break;
	}
	e = core_join(r->core, CORE_SEQUENCE, &steps);
	vec_free(&steps);
	while (open.len) {
		struct open *o = vec_at(&open, open.len - 1);

		e = core_if(r->core, o->p, o->a, e);
		vec_append(&o->steps, &e);
		e = core_join(r->core, CORE_SEQUENCE, &o->steps);
		vec_free(&o->steps);
		vec_pop(&open);
	}
	vec_free(&open);
	return e;
}

static const struct core_expression *read_sum(struct reader *r)
{
	struct vec parts = VEC(const struct core_expression *);
	const struct core_expression *e;

	do {
		e = read_sequence(r);
		vec_append(&parts, &e);
	} while (take(r, "+"));
	e = core_join(r->core, CORE_SUM, &parts);
	vec_free(&parts);
	return e;
}

/* ---- the whole ------------------------------------------------------- */

static void read_ports(struct reader *r)
{
	struct word w;

	expect(r, "{", "\"ports\"");
	do {
		const char *name;

		take_run(r, is_word_byte, &w);
		if (!*w.text)
			fail(r, w.place, "the name of a port stands here");
		else if (!strcmp(w.text, "host") || strlen(w.text) > POLICY_NAME_MAX ||
			 isdigit((unsigned char)*w.text))
			fail(r, w.place, "\"%s\" is no name of a port", w.text);
		else if (find_port(r, w.text) != SIZE_MAX)
			fail(r, w.place, "two ports are called \"%s\"", w.text);
		else if (r->core->ports.len == POLICY_PORTS_MAX)
			fail(r, w.place, "there are at most %d ports", POLICY_PORTS_MAX);
		name = arena_strndup(&r->core->arena, w.text, strlen(w.text));
		vec_append(&r->core->ports, &name);
	} while (take(r, ","));
	expect(r, "}", "the last port");
}

struct core *core_parse(const struct source *source, struct diags *diags)
{
	struct reader r = { .core = core_new(), .diags = diags, .source = source, .line = 1,
			    .at = source->text, .end = source->text + source->len,
			    .line_start = source->text };

	if (take(&r, "ports"))
		read_ports(&r);
	if (!r.failed)
		r.core->root = read_sum(&r);
	skip_blanks(&r);
	if (!r.failed && r.at != r.end)
		fail(&r, next_place(&r), "the expression ends before this: \";\" or \"+\" joins two steps");
	if (r.failed) {
		core_free(r.core);
		return NULL;
	}
	return r.core;
}

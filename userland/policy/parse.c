// SPDX-License-Identifier: GPL-2.0
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/check.h"
#include "policy/objects.h"
#include "policy/parser.h"

int policy_yyparse(struct document *doc);

/* ---- names of documents ------------------------------------------------- */

void policy_document_name(const char *from, const char *path, struct text *out)
{
	const char *slash = from && *path != '/' ? strrchr(from, '/') : NULL;
	struct text whole = { 0 };
	char *part, *rest;
	size_t root;

	text_printf(&whole, "%.*s%s", slash ? (int)(slash - from + 1) : 0, from ? from : "", path);
	root = *text_string(&whole) == '/';
	if (root)
		text_append(out, "/", 1);
	part = whole.data ? strtok_r(whole.data, "/", &rest) : NULL;	/* NULL: the empty name */
	for (; part; part = strtok_r(NULL, "/", &rest)) {
		char *last = out->len > root ? strrchr(out->data + root, '/') : NULL;

		last = last ? last + 1 : out->len > root ? out->data + root : NULL;
		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..") && root && !last)
			continue;
		if (!strcmp(part, "..") && last && strcmp(last, "..")) {
			out->len = last - out->data;
			if (out->len > root)
				out->len--;
			out->data[out->len] = '\0';
			continue;
		}
		text_printf(out, "%s%s", out->len > root ? "/" : "", part);
	}
	text_free(&whole);
}

static const struct source *find_source(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&policy->sources, i);

		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

/* ---- is it text --------------------------------------------------------- */

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* What nearly all of a text is; the NUL at its end is not. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* Behind what is plain from @p on: eight bytes at once. */
static const char *skip_plain(const char *p, const char *end)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t eight;

	for (; end - p >= 8; p += 8) {
		memcpy(&eight, p, 8);
		/* Below 0x20, 0x7f, or above. */
		if (((eight - 0x20 * ones) | (eight + ones) | eight) & 0x80 * ones)
			break;
	}
	while (is_plain(*p))
		p++;
	return p;
}

/* Reports the first byte that no text has in it. A terminal would obey some of them. */
static bool check_text(const struct source *s, struct diags *diags)
{
	const char *p = s->text, *line = p, *end = p + s->len;
	struct place at = { .source = s, .line = 1, .column = 1, .width = 1 };
	unsigned int n;

	for (; p < end; p += n) {
		p = skip_plain(p, end);
		if (p == end)
			break;
		n = utf8_len(p);
		at.column = p - line + 1;
		if (!*p)
			diag_error(diags, at, "a NUL byte: this is not a text");
		else if (!n)
			diag_error(diags, at, "the byte 0x%02x is not UTF-8 text",
				   (unsigned char)*p);
		else if (is_control(*p))
			diag_error(diags, at, "the control character 0x%02x has no place in a policy",
				   *p);
		else if (*p == '\n')
			at.line++, line = p + 1;
		if (!n || is_control(*p))
			return false;
	}
	return true;
}

/* ---- documents ---------------------------------------------------------- */

static struct source *add_source(struct policy *policy, const char *name, const struct text *text)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct source *s = arena_alloc(&policy->arena, sizeof(*s));
	size_t skip = text->len >= 3 && !memcmp(text->data, bom, 3) ? 3 : 0;

	s->name = arena_strndup(&policy->arena, name, strlen(name));
	s->len = text->len - skip;
	s->text = arena_alloc(&policy->arena, s->len + 2);	/* the scanner wants two NULs */
	if (s->len)
		memcpy(s->text, text->data + skip, s->len);
	*(struct source **)vec_push(&policy->sources) = s;
	return s;
}

static void scan_document(struct parser *parser, const struct source *source,
			  const struct document *includer)
{
	struct document doc = {
		.parser = parser,
		.source = source,
		.includer = includer,
		.depth = includer ? includer->depth + 1 : 1,
		.values = VEC(struct policy_value),
		.from = VEC(struct policy_port_ref),
		.legs = VEC(struct policy_leg),
		.actions = VEC(struct policy_action),
	};

	if (scan_open(&doc)) {
		diag_error(parser->diags, (struct place){ 0 }, "no memory to read %s", source->name);
		return;
	}
	policy_yyparse(&doc);
	scan_close(&doc);
	vec_free(&doc.values);
	vec_free(&doc.from);
	vec_free(&doc.legs);
	vec_free(&doc.actions);
}

static void report_unread(struct parser *parser, const char *name, struct place at, int err)
{
	parser->policy->incomplete = true;
	if (err == -EFBIG)
		diag_error(parser->diags, at, "with \"%s\" the policy has more than %u MB", name,
			   POLICY_FILE_MAX >> 20);
	else
		diag_error(parser->diags, at, "cannot read \"%s\": %s", name, strerror(-err));
}

/* @asked: what the loader is asked for; @name: the same in the plain form. */
static void read_document(struct parser *parser, const char *asked, const char *name,
			  struct place at, const struct document *includer)
{
	struct policy *policy = parser->policy;
	struct text text = { 0 };
	struct source *source;
	int err;

	if (policy->sources.len == POLICY_DOCUMENTS_MAX) {
		policy->incomplete = true;
		diag_error(parser->diags, at, "a policy has at most %d documents", POLICY_DOCUMENTS_MAX);
		return;
	}
	err = parser->load(parser->load_context, asked, POLICY_FILE_MAX - parser->bytes, &text);
	if (!err && text.len > POLICY_FILE_MAX - parser->bytes)
		err = -EFBIG;
	if (err) {
		report_unread(parser, asked, at, err);
	} else {
		parser->bytes += text.len;
		source = add_source(policy, name, &text);
		text_free(&text);
		if (check_text(source, parser->diags))
			scan_document(parser, source, includer);
		else
			policy->incomplete = true;
	}
	text_free(&text);
}

static void add_chain(struct text *out, const struct document *doc, const struct source *first)
{
	if (doc->source != first)
		add_chain(out, doc->includer, first);
	text_printf(out, "\"%s\" includes ", doc->source->name);
}

static bool is_open(const struct document *doc, const struct source *source)
{
	for (; doc; doc = doc->includer)
		if (doc->source == source)
			return true;
	return false;
}

static void report_cycle(struct document *doc, const struct source *source, struct place at)
{
	struct text chain = { 0 };

	add_chain(&chain, doc, source);
	diag_error(doc->parser->diags, at, "documents include each other in a circle");
	diag_hint(doc->parser->diags, "%s\"%s\"", chain.data, source->name);
	text_free(&chain);
}

void parse_include(struct document *doc, const char *path, struct place at)
{
	const struct source *known;
	struct text name = { 0 };

	if (!*path) {
		diag_error(doc->parser->diags, at, "a document's name cannot be empty");
		return;
	}
	policy_document_name(doc->source->name, path, &name);
	known = find_source(doc->parser->policy, text_string(&name));
	if (known && is_open(doc, known))
		report_cycle(doc, known, at);
	else if (!known && doc->depth == POLICY_INCLUDE_DEPTH)
		diag_error(doc->parser->diags, at, "more than %d documents include one another",
			   POLICY_INCLUDE_DEPTH);
	else if (!known)
		read_document(doc->parser, text_string(&name), text_string(&name), at, doc);
	text_free(&name);
}

int policy_load_file(void *context, const char *name, size_t limit, struct text *out)
{
	size_t skip = strncmp(name, POLICY_COMPARED, strlen(POLICY_COMPARED)) ? 0 : strlen(POLICY_COMPARED);

	(void)context;
	return text_read_file(out, name + skip, limit);
}

/* ---- the whole ---------------------------------------------------------- */

static struct policy *new_policy(void)
{
	struct policy *p = xcalloc(1, sizeof(*p));

	p->sources = VEC(struct source *);
	p->ports = VEC(struct policy_port *);
	p->lets = VEC(struct policy_let *);
	p->routes = VEC(struct policy_route);
	p->source_checks = VEC(struct policy_source_check);
	p->bogons = VEC(struct policy_bogon);
	p->statics = VEC(struct policy_static);
	p->counted = VEC(struct policy_counted);
	p->counted_hops = VEC(struct place);
	p->groups = VEC(struct policy_group);
	p->measures = VEC(struct policy_measure);
	p->filters = VEC(struct policy_filter *);
	p->sets = VEC(struct policy_set *);
	p->elements = VEC(struct policy_element);
	p->asserts = VEC(struct policy_assert);
	p->rules = VEC(struct policy_rule *);
	p->set_tests = VEC(struct policy_set_test);
	p->compared = VEC(struct policy_compared);
	return p;
}

static size_t source_rank(const struct policy *policy, const struct source *source)
{
	size_t i = 0;

	while (i < policy->sources.len && *(struct source **)vec_at(&policy->sources, i) != source)
		i++;
	return source ? i + 1 : 0;
}

static bool stands_before(const struct policy *policy, const struct diag *a, const struct diag *b)
{
	size_t rank_a = source_rank(policy, a->place.source);
	size_t rank_b = source_rank(policy, b->place.source);

	if (rank_a != rank_b)
		return rank_a < rank_b;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line;
	return a->place.column < b->place.column;
}

/* Syntax is found before sense; a reader goes from top to bottom. There are few, so by insertion. */
static void sort_diags(const struct policy *policy, struct diags *diags, size_t first)
{
	for (size_t i = first + 1; i < diags->list.len; i++) {
		struct diag one = *(struct diag *)vec_at(&diags->list, i);
		size_t at = i;

		for (; at > first && stands_before(policy, &one, vec_at(&diags->list, at - 1)); at--)
			*(struct diag *)vec_at(&diags->list, at) =
				*(struct diag *)vec_at(&diags->list, at - 1);
		*(struct diag *)vec_at(&diags->list, at) = one;
	}
}

static bool is_compared(const char *name)
{
	return !strncmp(name, POLICY_COMPARED, strlen(POLICY_COMPARED));
}

static struct policy *parse(struct parser *outer, bool by_grammar, const char *const *names, size_t count,
			    policy_load_fn *load, void *context, const struct vec *objects,
			    struct diags *diags);

/* A policy_load_fn of documents that are compared: the outer parser keeps them, to travel with the others. */
static int load_compared(void *context, const char *name, size_t limit, struct text *out)
{
	struct parser *outer = context;
	const struct source *known;
	struct text asked = { 0 }, text = { 0 };
	size_t left = POLICY_FILE_MAX - outer->bytes;
	int err = 0;

	text_printf(&asked, POLICY_COMPARED "%s", name);
	known = find_source(outer->policy, text_string(&asked));
	if (known)
		text_append(&text, known->text, known->len);
	else
		err = outer->load(outer->load_context, text_string(&asked), limit < left ? limit : left, &text);
	/* Read again is parsed again: that counts, too. */
	if (!err && text.len > left)
		err = -EFBIG;
	if (!err && !known && outer->policy->sources.len == POLICY_DOCUMENTS_MAX)
		err = -EMFILE;
	if (!err) {
		outer->bytes += text.len;
		text_append(out, text.data, text.len);
		if (!known)
			add_source(outer->policy, text_string(&asked), &text);
	}
	text_free(&asked);
	text_free(&text);
	return err;
}

/* What is wrong with a document is said at the assertion that names it: it is no part of the policy. */
static void report_compared(struct parser *parser, const char *name, struct place at, const struct diags *diags)
{
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = vec_at(&diags->list, i);

		if (d->level != DIAG_ERROR)
			continue;
		diag_error(parser->diags, at, "\"%s\" is no policy to compare with", name);
		if (d->place.source)
			diag_hint(parser->diags, "%s:%u:%u: %s", d->place.source->name, d->place.line,
				  d->place.column, d->sentence);
		else
			diag_hint(parser->diags, "%s", d->sentence);
		return;
	}
}

static const struct policy *compared_policy(struct parser *parser, const char *name, struct place at)
{
	struct vec *compared = &parser->policy->compared;
	struct policy_compared *one;
	struct diags diags;

	for (size_t i = 0; i < compared->len; i++) {
		one = vec_at(compared, i);
		if (!strcmp(one->name, name))
			return one->policy;
	}
	diags_init(&diags);
	one = vec_push(compared);
	one->name = arena_strndup(&parser->policy->arena, name, strlen(name));
	one->policy = parse(parser, parser->by_grammar, &name, 1, load_compared, parser, NULL, &diags);
	if (diags.errors) {
		report_compared(parser, name, at, &diags);
		policy_free(one->policy);
		one->policy = NULL;
	}
	diags_free(&diags);
	return one->policy;
}

/* The documents that assertions compare. */
static void read_compared(struct parser *parser)
{
	for (size_t i = 0; i < parser->policy->asserts.len; i++) {
		struct policy_assert *a = vec_at(&parser->policy->asserts, i);

		for (unsigned int k = 0; k < 2 && a->kind == ASSERT_EQUAL_POLICIES; k++) {
			struct place at = a->document_place[k];
			struct text name = { 0 };

			if (!*a->document[k]) {
				diag_error(parser->diags, at, "a document's name cannot be empty");
				continue;
			}
			policy_document_name(at.source->name, a->document[k], &name);
			a->compared[k] = compared_policy(parser, text_string(&name), at);
			text_free(&name);
		}
	}
}

/* @outer: the parser of the policy that compares this one with another; NULL: it is none of these. */
static struct policy *parse(struct parser *outer, bool by_grammar, const char *const *names, size_t count,
			    policy_load_fn *load, void *context, const struct vec *objects,
			    struct diags *diags)
{
	struct parser parser = {
		.policy = new_policy(),
		.diags = diags,
		.by_grammar = by_grammar,
		.load = load,
		.load_context = context,
	};
	size_t earlier = diags->list.len;

	for (size_t i = 0; i < count; i++) {
		struct text name = { 0 };

		if (!outer && count > 1 && is_compared(names[i]))
			continue;
		policy_document_name(NULL, names[i], &name);
		if (!find_source(parser.policy, text_string(&name)))
			read_document(&parser, names[i], text_string(&name), (struct place){ 0 }, NULL);
		text_free(&name);
	}
	if (objects)
		objects_build(parser.policy, objects, diags);
	policy_check(parser.policy, diags);
	if (!outer)
		read_compared(&parser);
	sort_diags(parser.policy, diags, earlier);
	return parser.policy;
}

struct policy *policy_parse_configuration(const char *const *names, size_t count,
					  policy_load_fn *load, void *context,
					  const struct vec *objects, struct diags *diags)
{
	return parse(NULL, false, names, count, load, context, objects, diags);
}

struct policy *policy_parse_documents(const char *const *names, size_t count,
				      policy_load_fn *load, void *context, struct diags *diags)
{
	return policy_parse_configuration(names, count, load, context, NULL, diags);
}

struct policy *policy_parse(const char *path, struct diags *diags)
{
	return policy_parse_documents(&path, 1, policy_load_file, NULL, diags);
}

struct given_text {
	const char *name, *text;
	size_t len;
	bool taken;
};

static int load_given_text(void *context, const char *name, size_t limit, struct text *out)
{
	struct given_text *given = context;

	if (given->taken)
		return policy_load_file(NULL, name, limit, out);
	given->taken = true;
	if (given->len > limit)
		return -EFBIG;
	if (given->len)
		text_append(out, given->text, given->len);
	return 0;
}

struct policy *policy_parse_text(const char *name, const char *text, size_t len,
				 struct diags *diags)
{
	struct given_text given = { .name = name, .text = text, .len = len };

	return policy_parse_documents(&name, 1, load_given_text, &given, diags);
}

struct policy *policy_parse_by_grammar(const char *name, const char *text, size_t len, struct diags *diags)
{
	struct given_text given = { .name = name, .text = text, .len = len };

	return parse(NULL, true, &name, 1, load_given_text, &given, NULL, diags);
}

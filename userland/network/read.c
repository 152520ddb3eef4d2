// SPDX-License-Identifier: GPL-2.0
/*
 * read.c: a network document. Four statements, each ends in ";": what is wrong is said with its
 * place, and reading goes on behind the next ";".
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "network/network.h"
#include "policy/tree.h"

enum kind { WORD, STRING, DASHES, COMMA, DOT, SEMICOLON, OTHER, END };

struct token {
	enum kind kind;
	struct place place;
	const char *text;
	size_t len;
};

struct reader {
	struct network *net;
	struct diags *diags;
	policy_load_fn *load;
	void *context;
	const char *at, *line_start;
	unsigned int line;
	struct token now;
	bool failed;			/* this statement is complained about */
};

/* ---- tokens --------------------------------------------------------------- */

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static void skip_space(struct reader *r)
{
	for (;; r->at++) {
		if (*r->at == '#')
			r->at += strcspn(r->at, "\n");
		if (*r->at == '\n') {
			r->line++;
			r->line_start = r->at + 1;
		} else if (!*r->at || !strchr(" \t\r", *r->at)) {
			return;
		}
	}
}

static void next(struct reader *r)
{
	struct token *t = &r->now;
	const char *p;

	skip_space(r);
	p = t->text = r->at;
	t->place = (struct place){ &r->net->source, r->line, p - r->line_start + 1, 1 };
	if (!*p) {
		t->kind = END;
		return;
	}
	if (*p == '"') {
		p += 1 + strcspn(p + 1, "\"\n");
		t->kind = *p == '"' ? STRING : OTHER;
		p += *p == '"';
	} else if (p[0] == '-' && p[1] == '-') {
		t->kind = DASHES;
		p += 2;
	} else if (in_word(*p)) {
		t->kind = WORD;
		while (in_word(*p) && !(p[0] == '-' && p[1] == '-'))
			p++;
	} else {
		t->kind = *p == ',' ? COMMA : *p == '.' ? DOT : *p == ';' ? SEMICOLON : OTHER;
		p++;
	}
	t->len = p - t->text;
	t->place.width = t->len;
	r->at = p;
}

static bool is(const struct reader *r, const char *word)
{
	return r->now.kind == WORD && r->now.len == strlen(word) && !memcmp(r->now.text, word, r->now.len);
}

static void expect_failed(struct reader *r, const char *what)
{
	if (r->now.kind == END)
		diag_error(r->diags, r->now.place, "expected %s, not the end of the file", what);
	else
		diag_error(r->diags, r->now.place, "expected %s, not \"%.*s\"", what,
			   (int)(r->now.len < 60 ? r->now.len : 60), r->now.text);
	r->failed = true;
}

/* Return: whether it was there; then it is passed. */
static bool take(struct reader *r, enum kind kind, const char *what)
{
	if (r->failed)
		return false;
	if (r->now.kind != kind) {
		expect_failed(r, what);
		return false;
	}
	next(r);
	return true;
}

static char *text_of(struct reader *r, const struct token *t)
{
	return arena_strndup(&r->net->arena, t->text, t->len);
}

/* ---- nodes ---------------------------------------------------------------- */

static struct network_node *find_node(const struct network *net, const char *name)
{
	for (size_t i = 0; i < net->nodes.len; i++) {
		struct network_node *n = vec_at(&net->nodes, i);

		if (!strcmp(n->name, name))
			return n;
	}
	return NULL;
}

/* @path as seen from the folder of the document. */
static char *beside(struct reader *r, const char *path)
{
	const char *name = r->net->source.name, *slash = *path == '/' ? NULL : strrchr(name, '/');
	struct text whole = { 0 };
	char *kept;

	text_printf(&whole, "%.*s%s", slash ? (int)(slash - name + 1) : 0, name, path);
	kept = arena_strndup(&r->net->arena, text_string(&whole), whole.len);
	text_free(&whole);
	return kept;
}

static void read_node(struct reader *r)
{
	struct token name, path;
	struct network_node *node;
	unsigned int errors = r->diags->errors;
	const char *file;

	name = r->now;
	if (!take(r, WORD, "a router's name"))
		return;
	path = r->now;
	if (!take(r, STRING, "the file of its policy, in quotes"))
		return;
	if (find_node(r->net, text_of(r, &name))) {
		diag_error(r->diags, name.place, "there is a node \"%.*s\" already", (int)name.len, name.text);
		return;
	}
	if (r->net->nodes.len == NETWORK_NODES_MAX) {
		diag_error(r->diags, name.place, "with this one there are more than %d nodes",
			   NETWORK_NODES_MAX);
		return;
	}
	node = vec_push(&r->net->nodes);
	node->name = text_of(r, &name);
	node->place = name.place;
	file = beside(r, arena_strndup(&r->net->arena, path.text + 1, path.len - 2));
	node->policy = policy_parse_documents(&file, 1, r->load, r->context, r->diags);
	if (r->diags->errors > errors)
		diag_error(r->diags, path.place, "the policy of \"%s\" has mistakes", node->name);
	node->link = arena_alloc(&r->net->arena,
				 (node->policy->ports.len + 1) * sizeof(struct network_link *));
}

/* ---- links ---------------------------------------------------------------- */

static const struct policy_port *find_port(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		if (!strcmp(port->name, name))
			return port;
	}
	return NULL;
}

static bool read_end(struct reader *r, struct network_end *end, struct place *place)
{
	struct token node = r->now, port;
	const struct network_node *n;

	if (!take(r, WORD, "NODE.PORT") || !take(r, DOT, "\".\" and a port"))
		return false;
	port = r->now;
	if (!take(r, WORD, "a port's name"))
		return false;
	*place = port.place;
	n = find_node(r->net, text_of(r, &node));
	if (!n) {
		diag_error(r->diags, node.place, "no node is called \"%.*s\"", (int)node.len, node.text);
		diag_hint(r->diags, "nodes stand in front of their links");
		return false;
	}
	end->node = n - (struct network_node *)r->net->nodes.data;
	end->port = find_port(n->policy, text_of(r, &port));
	if (!end->port)
		diag_error(r->diags, port.place, "the policy of \"%s\" has no port \"%.*s\"", n->name,
			   (int)port.len, port.text);
	return end->port;
}

static bool read_ends(struct reader *r, struct network_end end[2], struct place place[2])
{
	return read_end(r, &end[0], &place[0]) && take(r, DASHES, "\"--\"") &&
	       read_end(r, &end[1], &place[1]);
}

static struct network_link **link_of(const struct network *net, const struct network_end *end)
{
	const struct network_node *n = vec_at(&net->nodes, end->node);

	return &n->link[end->port->number];
}

static void read_link(struct reader *r)
{
	struct network_end end[2];
	struct network_link *link;
	struct place place[2];

	if (!read_ends(r, end, place))
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (*link_of(r->net, &end[i])) {
			diag_error(r->diags, place[i], "this port has a link already");
			diag_hint(r->diags, "see line %u; a port has one link",
				  (*link_of(r->net, &end[i]))->place.line);
			return;
		}
	if (end[0].node == end[1].node) {
		diag_error(r->diags, place[1], "a link has two routers");
		return;
	}
	if (r->net->links.len == NETWORK_LINKS_MAX) {
		diag_error(r->diags, place[0], "with this one there are more than %d links", NETWORK_LINKS_MAX);
		return;
	}
	link = arena_alloc(&r->net->arena, sizeof(*link));
	*link = (struct network_link){ { end[0], end[1] }, r->net->links.len, place[0] };
	*(struct network_link **)vec_push(&r->net->links) = link;
	*link_of(r->net, &end[0]) = *link_of(r->net, &end[1]) = link;
}

/* ---- failures ------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void read_any(struct reader *r)
{
	struct token number = r->now;
	unsigned long any = strtoul(number.text, NULL, 10);

	if (!take(r, WORD, "how many links may fail at once"))
		return;
	if (strspn(number.text, "0123456789") != number.len || any < 1 || any > NETWORK_LINKS_MAX) {
		diag_error(r->diags, number.place, "a number of links is 1 to %d", NETWORK_LINKS_MAX);
		return;
	}
	if (any > r->net->any)
		r->net->any = any;
}

static void read_fail(struct reader *r)
{
	struct network_failure failure = { .links = VEC(unsigned int) };
	struct network_end end[2];
	struct place place[2];
	bool more;

	if (is(r, "any")) {
		next(r);
		read_any(r);
		return;
	}
	do {
		const struct network_link *link;

		if (!read_ends(r, end, place))
			goto out;
		link = *link_of(r->net, &end[0]);
		if (!link || link != *link_of(r->net, &end[1])) {
			diag_error(r->diags, place[0], "there is no such link");
			diag_hint(r->diags, "links stand in front of what fails");
			goto out;
		}
		*(unsigned int *)vec_push(&failure.links) = link->number;
		more = r->now.kind == COMMA;
		if (more)
			next(r);
	} while (more);
	qsort(failure.links.data, failure.links.len, sizeof(unsigned int), ascending);
	vec_append(&r->net->failures, &failure);
	return;
out:
	vec_free(&failure.links);
}

/* ---- the document --------------------------------------------------------- */

static void read_statement(struct reader *r)
{
	static const struct {
		const char *word;
		void (*read)(struct reader *r);
	} statements[] = { { "node", read_node }, { "link", read_link }, { "fail", read_fail } };
	unsigned int errors = r->diags->errors;

	r->failed = false;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (!is(r, statements[i].word))
			continue;
		next(r);
		statements[i].read(r);
		if (r->diags->errors == errors)
			take(r, SEMICOLON, "\";\"");
		goto recover;
	}
	expect_failed(r, "\"node\", \"link\" or \"fail\"");
recover:
	if (r->diags->errors == errors)
		return;
	while (r->now.kind != SEMICOLON && r->now.kind != END)
		next(r);
	if (r->now.kind == SEMICOLON)
		next(r);
}

/* Sets of at most @k of @n things; at most NETWORK_FAILURES_MAX + 1. */
static uint64_t subsets(uint64_t n, unsigned int k)
{
	uint64_t sum = 1, term = 1;

	for (unsigned int i = 1; i <= k && i <= n && sum <= NETWORK_FAILURES_MAX; i++) {
		term = term * (n - i + 1) / i;
		sum += term;
	}
	return sum < NETWORK_FAILURES_MAX ? sum : NETWORK_FAILURES_MAX + 1;
}

uint64_t network_cases(const struct network *net)
{
	return subsets(net->links.len, net->any) + net->failures.len;
}

struct network *network_read(const char *path, policy_load_fn *load, void *context,
			     struct diags *diags)
{
	struct network *net = xcalloc(1, sizeof(*net));
	struct reader r = { .net = net, .diags = diags, .load = load, .context = context, .line = 1 };
	struct text text = { 0 };
	int err = load(context, path, NETWORK_FILE_MAX, &text);

	net->nodes = VEC(struct network_node);
	net->links = VEC(struct network_link *);
	net->failures = VEC(struct network_failure);
	net->source.name = arena_strndup(&net->arena, path, strlen(path));
	net->source.text = arena_strndup(&net->arena, text_string(&text), text.len);
	net->source.len = text.len;
	text_free(&text);
	if (err) {
		diag_error(diags, (struct place){ 0 }, "%s cannot be read: %s", path, strerror(-err));
		return net;
	}
	if (strlen(net->source.text) < net->source.len) {
		diag_error(diags, (struct place){ 0 }, "%s is no text: it has a NUL byte", path);
		return net;
	}
	r.at = r.line_start = net->source.text;
	next(&r);
	while (r.now.kind != END && !diags->truncated)
		read_statement(&r);
	if (!diags->errors && !net->nodes.len)
		diag_error(diags, r.now.place, "there is no node in it");
	if (!diags->errors && network_cases(net) > NETWORK_FAILURES_MAX)
		diag_error(diags, (struct place){ 0 }, "%u of %zu links can fail in more than %d ways",
			   net->any, net->links.len, NETWORK_FAILURES_MAX);
	return net;
}

void network_free(struct network *net)
{
	if (!net)
		return;
	for (size_t i = 0; i < net->nodes.len; i++)
		policy_free(((struct network_node *)vec_at(&net->nodes, i))->policy);
	for (size_t i = 0; i < net->failures.len; i++)
		vec_free(&((struct network_failure *)vec_at(&net->failures, i))->links);
	vec_free(&net->nodes);
	vec_free(&net->links);
	vec_free(&net->failures);
	arena_free(&net->arena);
	free(net);
}

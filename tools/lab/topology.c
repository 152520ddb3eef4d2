// SPDX-License-Identifier: GPL-2.0
/*
 * topology.c: reads a topology file.
 *
 *	file	  = { "lab" NAME ";" | node | link }
 *	node	  = ("host" | "router") NAME ( ";" | "{" { item } "}" )
 *	item	  = "default" "via" ADDRESS ";"
 *		  | "route" PREFIX "via" ADDRESS ";"
 *		  | "loopback" ADDRESS/LEN { ADDRESS/LEN } ";"
 *		  | "sysctl" NAME VALUE ";"
 *		  | "frr" DAEMON { "," DAEMON } [ text ] ";"
 *		  | "bird" text ";"
 *		  | "announce" NAME STRING [ "count" N ] [ "preference" N ] "via" ADDRESS { "," ADDRESS } ";"
 *		  | "sluiced" [ text ] ";"
 *		  | "exec" text ";" | "run" text ";" | "wait" text [ "within" SECONDS ] ";"
 *	link	  = "link" end "--" end [ "mtu" N ] ";"
 *	end	  = NODE "." INTERFACE { ADDRESS/LEN | MAC }
 *	text	  = STRING | "<<" WORD, new line, lines, a line of WORD alone
 *
 * A word is anything between blanks and the marks { } ; , so that addresses, prefixes and
 * r1.eth0 need no quotes. For a command a STRING is the command itself, for configuration the
 * name of a file beside the topology file. The lines of a text lose the blanks they all begin with.
 *
 * Nodes are collected before links are checked, so the order of statements is free. After a
 * mistake the reader goes on behind the next ";" or "}".
 */
#include "topology.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT	(1 << 20)
#define NAME_LIMIT	24	/* a namespace is called LAB.XXXX.NODE: room for both in a path */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_TEXT, TOKEN_MARK };

struct token {
	enum token_kind kind;
	const char *s;		/* in the arena, NUL-terminated */
	struct place place;
};

struct reader {
	struct topology *t;
	struct diags *diags;
	const char *p;		/* next byte */
	const char *line;	/* start of its line */
	unsigned int line_no;
	struct token token;	/* the one looked at */
	struct vec ends;	/* of struct end_name: checked when all nodes are known */
};

/* r1.eth0, until the nodes are known. */
struct end_name {
	const char *node;
	struct place place;
	unsigned int link, end;
};

/* ---- tokens ------------------------------------------------------------- */

static void new_line(struct reader *r)
{
	r->line = r->p;
	r->line_no++;
}

static bool is_mark(char c)
{
	return c == '{' || c == '}' || c == ';' || c == ',';
}

static struct place place_at(const struct reader *r, const char *from, size_t width)
{
	return (struct place){ &r->t->source, r->line_no, from - r->line + 1, width ? width : 1 };
}

static void skip_blanks(struct reader *r)
{
	for (;;) {
		if (*r->p == '\n') {
			r->p++;
			new_line(r);
		} else if (isspace((unsigned char)*r->p)) {
			r->p++;
		} else if (*r->p == '#') {
			r->p += strcspn(r->p, "\n");
		} else {
			return;
		}
	}
}

static void read_string(struct reader *r)
{
	const char *from = ++r->p;
	size_t n = strcspn(from, "\"\n");

	r->token.kind = TOKEN_STRING;
	r->token.place = place_at(r, from - 1, n + 2);
	r->token.s = arena_strndup(&r->t->arena, from, n);
	r->p += n;
	if (*r->p == '"')
		r->p++;
	else
		diag_error(r->diags, r->token.place, "the string has no closing quote on its line");
}

/* The blanks that all lines of a text begin with. */
static size_t common_indent(const char *text, const char *end)
{
	size_t common = SIZE_MAX;

	for (const char *p = text; p < end;) {
		size_t n = strspn(p, " \t"), len = strcspn(p, "\n");

		if (n < len && n < common)
			common = n;
		p += len + 1;
	}
	return common == SIZE_MAX ? 0 : common;
}

static const char *unindented(struct reader *r, const char *text, const char *end)
{
	size_t indent = common_indent(text, end);
	struct text out = { 0 };
	const char *copy;

	while (text < end) {
		size_t len = strcspn(text, "\n"), cut = len < indent ? len : indent;

		text_append(&out, text + cut, len - cut);
		text_append(&out, "\n", 1);
		text += len + 1;
	}
	copy = arena_strndup(&r->t->arena, text_string(&out), out.len);
	text_free(&out);
	return copy;
}

static void read_text(struct reader *r)
{
	const char *word = r->p + 2;
	size_t n = 0;
	const char *body;

	while (isalnum((unsigned char)word[n]) || word[n] == '_')
		n++;
	r->token.kind = TOKEN_TEXT;
	r->token.s = "";
	r->token.place = place_at(r, r->p, n + 2);
	r->p = word + n;
	r->p += strspn(r->p, " \t\r");
	if (!n || *r->p != '\n') {
		diag_error(r->diags, r->token.place, n ? "a text begins on the line behind <<WORD"
						      : "<< needs a word that ends the text");
		return;
	}
	r->p++;
	new_line(r);
	for (body = r->p; *r->p;) {
		const char *s = r->p + strspn(r->p, " \t");

		if (!strncmp(s, word, n) && strspn(s + n, " \t\r;") == strcspn(s + n, "\n")) {
			r->token.s = unindented(r, body, r->p);
			r->p = s + n;
			return;
		}
		r->p += strcspn(r->p, "\n");
		if (*r->p) {
			r->p++;
			new_line(r);
		}
	}
	diag_error(r->diags, r->token.place, "no line \"%.*s\" ends this text", (int)n, word);
}

static void next_token(struct reader *r)
{
	const char *from;
	size_t n = 0;

	skip_blanks(r);
	from = r->p;
	if (!*from) {
		r->token = (struct token){ TOKEN_END, "", place_at(r, from, 1) };
		return;
	}
	if (*from == '"') {
		read_string(r);
		return;
	}
	if (from[0] == '<' && from[1] == '<') {
		read_text(r);
		return;
	}
	if (is_mark(*from))
		n = 1;
	else
		while (from[n] && !isspace((unsigned char)from[n]) && !is_mark(from[n]) && from[n] != '"')
			n++;
	r->token.kind = is_mark(*from) ? TOKEN_MARK : TOKEN_WORD;
	r->token.place = place_at(r, from, n);
	r->token.s = arena_strndup(&r->t->arena, from, n);
	r->p += n;
}

static bool at_mark(const struct reader *r, char mark)
{
	return r->token.kind == TOKEN_MARK && r->token.s[0] == mark;
}

static bool at_word(const struct reader *r, const char *word)
{
	return r->token.kind == TOKEN_WORD && !strcmp(r->token.s, word);
}

static void unexpected(struct reader *r, const char *wanted)
{
	if (r->token.kind == TOKEN_END)
		diag_error(r->diags, r->token.place, "the file ends where %s is expected", wanted);
	else if (r->token.kind == TOKEN_TEXT)
		diag_error(r->diags, r->token.place, "a text stands where %s is expected", wanted);
	else
		diag_error(r->diags, r->token.place, "\"%s\" stands where %s is expected",
			   r->token.s, wanted);
}

static bool take_mark(struct reader *r, char mark)
{
	char wanted[] = { '"', mark, '"', 0 };

	if (!at_mark(r, mark)) {
		unexpected(r, wanted);
		return false;
	}
	next_token(r);
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	if (!at_word(r, word)) {
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "\"%s\"", word);
		unexpected(r, wanted);
		return false;
	}
	next_token(r);
	return true;
}

static bool at_statement(const struct reader *r)
{
	return at_word(r, "host") || at_word(r, "router") || at_word(r, "link");
}

/* Goes on behind the next ";", or before what ends or begins something larger. */
static void recover(struct reader *r)
{
	while (r->token.kind != TOKEN_END && !at_mark(r, '}') && !at_statement(r)) {
		if (at_mark(r, ';')) {
			next_token(r);
			return;
		}
		next_token(r);
	}
}

/* ---- values ------------------------------------------------------------- */

static bool take_name(struct reader *r, const char *what, const char **name)
{
	size_t n = strlen(r->token.s);

	if (r->token.kind != TOKEN_WORD) {
		unexpected(r, what);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		char c = r->token.s[i];

		if (isalnum((unsigned char)c) || c == '_')
			continue;
		diag_error(r->diags, r->token.place, "%s is made of letters, digits and _", what);
		return false;
	}
	if (n > NAME_LIMIT) {
		diag_error(r->diags, r->token.place, "%s has at most %d characters", what, NAME_LIMIT);
		return false;
	}
	*name = r->token.s;
	next_token(r);
	return true;
}

static bool take_number(struct reader *r, unsigned long min, unsigned long max, unsigned long *value)
{
	char *end;
	unsigned long n;

	if (r->token.kind != TOKEN_WORD) {
		unexpected(r, "a number");
		return false;
	}
	errno = 0;
	n = strtoul(r->token.s, &end, 10);
	if (*end || errno || !isdigit((unsigned char)r->token.s[0]) || n < min || n > max) {
		diag_error(r->diags, r->token.place, "\"%s\" is not a number from %lu to %lu",
			   r->token.s, min, max);
		return false;
	}
	*value = n;
	next_token(r);
	return true;
}

static bool take_addr(struct reader *r, struct addr *a)
{
	if (r->token.kind != TOKEN_WORD || addr_parse(r->token.s, a)) {
		unexpected(r, "an address");
		return false;
	}
	next_token(r);
	return true;
}

static int parse_address(const char *s, struct lab_address *a)
{
	const char *slash = strchr(s, '/');
	char buf[ADDR_STRLEN];
	unsigned long len;
	char *end;

	if (!slash || !isdigit((unsigned char)slash[1]) || (size_t)(slash - s) >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, slash - s);
	buf[slash - s] = '\0';
	if (addr_parse(buf, &a->addr))
		return -EINVAL;
	len = strtoul(slash + 1, &end, 10);
	if (*end || len > addr_bits(a->addr.family))
		return -EINVAL;
	a->len = len;
	return 0;
}

static bool take_text(struct reader *r, bool command, const char *wanted, struct lab_text *text)
{
	const char *base;

	text->place = r->token.place;
	if (r->token.kind == TOKEN_TEXT || (command && r->token.kind == TOKEN_STRING)) {
		text->text = r->token.s;
	} else if (r->token.kind == TOKEN_STRING) {
		base = strrchr(r->t->source.name, '/');
		if (r->token.s[0] == '/' || !base) {
			text->path = r->token.s;
		} else {
			struct text path = { 0 };

			text_printf(&path, "%.*s/%s", (int)(base - r->t->source.name),
				    r->t->source.name, r->token.s);
			text->path = arena_strndup(&r->t->arena, path.data, path.len);
			text_free(&path);
		}
	} else {
		unexpected(r, wanted);
		return false;
	}
	next_token(r);
	return true;
}

/* ---- nodes -------------------------------------------------------------- */

static struct lab_service *add_service(struct reader *r, struct lab_node *node,
				       enum lab_service_kind kind)
{
	struct lab_service *s = vec_push(&node->services);

	s->kind = kind;
	s->place = r->token.place;
	s->daemons = VEC(const char *);
	s->via = VEC(struct addr);
	s->seconds = 30;
	return s;
}

static bool read_default(struct reader *r, struct lab_node *node)
{
	struct lab_route route = { 0 };

	next_token(r);
	if (!take_word(r, "via") || !take_addr(r, &route.via))
		return false;
	route.to.addr.family = route.via.family;
	vec_append(&node->routes, &route);
	return take_mark(r, ';');
}

static bool read_route(struct reader *r, struct lab_node *node)
{
	struct lab_route route = { 0 };
	char buf[PREFIX_STRLEN];
	int err;

	next_token(r);
	err = r->token.kind == TOKEN_WORD ? prefix_parse(r->token.s, &route.to) : -EINVAL;
	if (err == -EDOM) {
		diag_error(r->diags, r->token.place, "the prefix has bits past its length");
		diag_hint(r->diags, "%s", prefix_format(&route.to, buf));
		return false;
	}
	if (err) {
		unexpected(r, "a prefix");
		return false;
	}
	next_token(r);
	if (!take_word(r, "via"))
		return false;
	if (at_mark(r, ';') || addr_parse(r->token.s, &route.via) ||
	    route.via.family != route.to.addr.family) {
		unexpected(r, route.to.addr.family == ADDR_V4 ? "an IPv4 address" : "an IPv6 address");
		return false;
	}
	next_token(r);
	vec_append(&node->routes, &route);
	return take_mark(r, ';');
}

static bool read_loopback(struct reader *r, struct lab_node *node)
{
	next_token(r);
	do {
		struct lab_address a;

		if (r->token.kind != TOKEN_WORD || parse_address(r->token.s, &a)) {
			unexpected(r, "an address with its length, as 192.0.2.1/32");
			return false;
		}
		vec_append(&node->loopback, &a);
		next_token(r);
	} while (!at_mark(r, ';'));
	return take_mark(r, ';');
}

static bool read_sysctl(struct reader *r, struct lab_node *node)
{
	struct lab_sysctl s;

	next_token(r);
	if (r->token.kind != TOKEN_WORD || strncmp(r->token.s, "net.", 4) ||
	    strstr(r->token.s, "..") || strchr(r->token.s, '/')) {
		unexpected(r, "a name that begins with \"net.\"");
		return false;
	}
	s.name = r->token.s + 4;
	next_token(r);
	if (r->token.kind != TOKEN_WORD && r->token.kind != TOKEN_STRING) {
		unexpected(r, "a value");
		return false;
	}
	s.value = r->token.s;
	vec_append(&node->sysctls, &s);
	next_token(r);
	return take_mark(r, ';');
}

static bool read_frr(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_FRR);

	do {
		const char *name;

		next_token(r);
		if (!take_name(r, "the name of one of FRR's daemons", &name))
			return false;
		vec_append(&s->daemons, &name);
	} while (at_mark(r, ','));
	if (!at_mark(r, ';') && !take_text(r, false, "configuration, or \";\"", &s->text))
		return false;
	return take_mark(r, ';');
}

static bool read_bird(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_BIRD);

	next_token(r);
	return take_text(r, false, "configuration", &s->text) && take_mark(r, ';');
}

static bool read_announce(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_ANNOUNCE);

	next_token(r);
	if (!take_name(r, "the name of a set of routes", &s->name) ||
	    !take_text(r, false, "the name of a file", &s->text))
		return false;
	if (!s->text.path) {
		diag_error(r->diags, s->text.place, "a table to announce is a file");
		return false;
	}
	if (at_word(r, "count")) {
		next_token(r);
		if (!take_number(r, 1, 100000000, &s->count))
			return false;
	}
	if (at_word(r, "preference")) {
		unsigned long preference;

		next_token(r);
		if (!take_number(r, 1, 65535, &preference))
			return false;
		s->preference = preference;
	}
	if (!at_word(r, "via")) {
		unexpected(r, "\"via\"");
		return false;
	}
	do {
		struct addr a;

		next_token(r);
		if (!take_addr(r, &a))
			return false;
		vec_append(&s->via, &a);
	} while (at_mark(r, ','));
	return take_mark(r, ';');
}

static bool read_sluiced(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_SLUICED);

	next_token(r);
	if (!at_mark(r, ';') && !take_text(r, false, "a policy, or \";\"", &s->text))
		return false;
	return take_mark(r, ';');
}

static bool read_exec(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_EXEC);

	next_token(r);
	return take_text(r, true, "a command", &s->text) && take_mark(r, ';');
}

static bool read_run(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_RUN);

	next_token(r);
	return take_text(r, true, "a command", &s->text) && take_mark(r, ';');
}

static bool read_wait(struct reader *r, struct lab_node *node)
{
	struct lab_service *s = add_service(r, node, LAB_WAIT);
	unsigned long seconds = s->seconds;

	next_token(r);
	if (!take_text(r, true, "a command", &s->text))
		return false;
	if (at_word(r, "within")) {
		next_token(r);
		if (!take_number(r, 1, 3600, &seconds))
			return false;
		s->seconds = seconds;
	}
	return take_mark(r, ';');
}

static const struct {
	const char *word;
	bool (*read)(struct reader *r, struct lab_node *node);
} items[] = {
	{ "default",	read_default },
	{ "route",	read_route },
	{ "loopback",	read_loopback },
	{ "sysctl",	read_sysctl },
	{ "frr",	read_frr },
	{ "bird",	read_bird },
	{ "announce",	read_announce },
	{ "sluiced",	read_sluiced },
	{ "exec",	read_exec },
	{ "run",	read_run },
	{ "wait",	read_wait },
};

#define ITEMS (sizeof(items) / sizeof(items[0]))

static void read_item(struct reader *r, struct lab_node *node)
{
	for (size_t i = 0; i < ITEMS; i++) {
		if (!at_word(r, items[i].word))
			continue;
		if (!items[i].read(r, node))
			recover(r);
		return;
	}
	diag_error(r->diags, r->token.place, "\"%s\" is nothing that a node can have", r->token.s);
	diag_hint(r->diags, "default, route, loopback, sysctl, frr, bird, announce, sluiced, exec, "
		  "run, wait");
	recover(r);
}

static struct lab_node *find_node(const struct topology *t, const char *name)
{
	for (size_t i = 0; i < t->nodes.len; i++) {
		struct lab_node *n = vec_at(&t->nodes, i);

		if (!strcmp(n->name, name))
			return n;
	}
	return NULL;
}

static void read_node(struct reader *r, bool router)
{
	struct lab_node node = {
		.router = router,
		.loopback = VEC(struct lab_address),
		.routes = VEC(struct lab_route),
		.sysctls = VEC(struct lab_sysctl),
		.services = VEC(struct lab_service),
	};

	next_token(r);
	node.place = r->token.place;
	if (!take_name(r, "the name of a node", &node.name)) {
		recover(r);
		return;
	}
	if (find_node(r->t, node.name))
		diag_error(r->diags, node.place, "there are two nodes called \"%s\"", node.name);
	if (at_mark(r, ';')) {
		next_token(r);
	} else if (take_mark(r, '{')) {
		while (!at_mark(r, '}') && r->token.kind != TOKEN_END && !at_statement(r))
			read_item(r, &node);
		take_mark(r, '}');
	} else {
		recover(r);
	}
	vec_append(&r->t->nodes, &node);
}

/* ---- links -------------------------------------------------------------- */

static bool read_end(struct reader *r, struct lab_interface *end, unsigned int which)
{
	const char *dot = strchr(r->token.s, '.');
	struct end_name *name;

	if (r->token.kind != TOKEN_WORD || !dot || dot == r->token.s || !dot[1]) {
		unexpected(r, "NODE.INTERFACE");
		return false;
	}
	if (strlen(dot + 1) >= IFNAMSIZ || strpbrk(dot + 1, "/:") || !strcmp(dot + 1, "lo")) {
		diag_error(r->diags, r->token.place, "\"%s\" cannot be the name of an interface", dot + 1);
		diag_hint(r->diags, "at most %d characters, no / and no :", IFNAMSIZ - 1);
		return false;
	}
	strcpy(end->name, dot + 1);
	name = vec_push(&r->ends);
	*name = (struct end_name){
		.node = arena_strndup(&r->t->arena, r->token.s, dot - r->token.s),
		.place = r->token.place,
		.link = r->t->links.len,
		.end = which,
	};
	next_token(r);
	while (r->token.kind == TOKEN_WORD && !at_word(r, "--") && !at_word(r, "mtu")) {
		struct lab_address a;

		if (!mac_parse(r->token.s, end->mac)) {
			if (end->mac[0] & 1) {
				diag_error(r->diags, r->token.place, "this is a multicast address");
				return false;
			}
			end->has_mac = true;
		} else if (!parse_address(r->token.s, &a)) {
			vec_append(&end->addresses, &a);
		} else {
			unexpected(r, "an address with its length, as 192.0.2.1/24");
			return false;
		}
		next_token(r);
	}
	return true;
}

static void read_link(struct reader *r)
{
	struct lab_link link = {
		.end[0].addresses = VEC(struct lab_address),
		.end[1].addresses = VEC(struct lab_address),
	};
	unsigned long mtu = 0;
	bool ok;

	next_token(r);
	ok = read_end(r, &link.end[0], 0) && take_word(r, "--") && read_end(r, &link.end[1], 1);
	if (ok && at_word(r, "mtu")) {
		next_token(r);
		ok = take_number(r, 68, 65535, &mtu);
	}
	link.mtu = mtu;
	if (!ok || !take_mark(r, ';'))
		recover(r);
	vec_append(&r->t->links, &link);
}

static bool interface_taken(const struct topology *t, const struct lab_interface *of)
{
	for (size_t i = 0; i < t->links.len; i++) {
		struct lab_link *l = vec_at(&t->links, i);

		for (unsigned int e = 0; e < 2; e++) {
			if (&l->end[e] == of)
				return false;
			if (l->end[e].node == of->node && !strcmp(l->end[e].name, of->name))
				return true;
		}
	}
	return false;
}

static void check_ends(struct reader *r)
{
	for (size_t i = 0; i < r->ends.len; i++) {
		struct end_name *name = vec_at(&r->ends, i);
		struct lab_node *node = find_node(r->t, name->node);
		struct lab_link *link = vec_at(&r->t->links, name->link);
		struct lab_interface *end = &link->end[name->end];

		if (!node) {
			diag_error(r->diags, name->place, "no node is called \"%s\"", name->node);
			continue;
		}
		end->node = node - (struct lab_node *)r->t->nodes.data;
		if (interface_taken(r->t, end))
			diag_error(r->diags, name->place, "%s has two interfaces called \"%s\"",
				   node->name, end->name);
	}
}

/* ---- the file ----------------------------------------------------------- */

static void read_statement(struct reader *r)
{
	if (at_word(r, "lab")) {
		next_token(r);
		if (!take_name(r, "the name of the lab", &r->t->name) || !take_mark(r, ';'))
			recover(r);
	} else if (at_word(r, "host")) {
		read_node(r, false);
	} else if (at_word(r, "router")) {
		read_node(r, true);
	} else if (at_word(r, "link")) {
		read_link(r);
	} else {
		unexpected(r, "\"lab\", \"host\", \"router\" or \"link\"");
		recover(r);
		if (at_mark(r, '}'))
			next_token(r);
	}
}

int topology_read(struct topology *t, const char *path, struct diags *diags)
{
	struct reader r = { .t = t, .diags = diags, .ends = VEC(struct end_name) };
	struct text text = { 0 };
	int err;

	*t = (struct topology){
		.name = "lab",
		.nodes = VEC(struct lab_node),
		.links = VEC(struct lab_link),
	};
	err = text_read_file(&text, path, FILE_LIMIT);
	if (!err && text.data && strlen(text.data) != text.len)
		err = -EILSEQ;
	if (err) {
		diag_error(diags, (struct place){ 0 }, "%s: %s", path,
			   err == -EILSEQ ? "not a text" : strerror(-err));
		text_free(&text);
		return err;
	}
	t->source.name = xstrdup(!strcmp(path, "-") ? "(standard input)" : path);
	t->source.text = text.data ? text.data : xstrdup("");
	t->source.len = text.len;

	r.p = t->source.text;
	new_line(&r);
	for (next_token(&r); r.token.kind != TOKEN_END;)
		read_statement(&r);
	check_ends(&r);
	if (!t->nodes.len && !diags->errors)
		diag_error(diags, r.token.place, "the lab has no nodes");
	vec_free(&r.ends);
	return diags->errors ? -EINVAL : 0;
}

void topology_free(struct topology *t)
{
	for (size_t i = 0; i < t->nodes.len; i++) {
		struct lab_node *n = vec_at(&t->nodes, i);

		for (size_t s = 0; s < n->services.len; s++) {
			struct lab_service *service = vec_at(&n->services, s);

			vec_free(&service->daemons);
			vec_free(&service->via);
		}
		vec_free(&n->loopback);
		vec_free(&n->routes);
		vec_free(&n->sysctls);
		vec_free(&n->services);
	}
	for (size_t i = 0; i < t->links.len; i++) {
		struct lab_link *l = vec_at(&t->links, i);

		vec_free(&l->end[0].addresses);
		vec_free(&l->end[1].addresses);
	}
	vec_free(&t->nodes);
	vec_free(&t->links);
	arena_free(&t->arena);
	free(t->source.name);
	free(t->source.text);
}

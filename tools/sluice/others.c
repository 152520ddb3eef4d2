// SPDX-License-Identifier: GPL-2.0
#include "others.h"

#include <stdio.h>
#include <string.h>

#include "analyse/beside.h"
#include "ask.h"
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "policy/print.h"
#include "policy/tree.h"

#define SHOWN	100	/* changes, to people */

/* Lets stand for what is printed anyway where they are used, but by name: they stay. */
static void print(const struct policy *p, struct text *out)
{
	struct policy some = *p;

	some.filters.len = 0;
	some.rules.len = 0;
	some.asserts.len = 0;
	if (!p->groups.len)
		some.lets.len = 0;
	policy_print(&some, out);
}

bool others_differ(const struct policy *a, const struct policy *b)
{
	struct text x = { 0 }, y = { 0 };
	bool differ;

	print(a, &x);
	print(b, &y);
	differ = strcmp(text_string(&x), text_string(&y)) != 0;
	text_free(&x);
	text_free(&y);
	return differ;
}

static bool alike(const struct beside_change *a, const struct beside_change *b)
{
	return !strcmp(a->kind, b->kind) && !strcmp(a->sentence, b->sentence) && a->of == b->of &&
	       a->place.source == b->place.source && a->place.line == b->place.line;
}

/* How many of the changes from @at on differ in name only. */
static size_t count_alike(const struct vec *changes, size_t at)
{
	size_t n = 1;

	while (at + n < changes->len && alike(vec_at(changes, at), vec_at(changes, at + n)))
		n++;
	return n;
}

static void print_change(const struct beside_change *c, size_t more)
{
	printf("  %s %s", c->kind, c->name);
	if (more)
		printf(" and %zu more", more);
	printf(": %s", c->sentence);
	if (c->place.source)
		printf(" (%s:%u)", c->place.source->name, c->place.line);
	printf("\n");
	if (c->packet)
		printf("     %-8s %s\n", "packet", c->packet);
}

static void print_json(const struct cli *cli, const struct beside_change *c)
{
	json_t *o = json_pack("{ss ss so so ss}", "object", "change", "kind", c->kind, "name", json_text(c->name),
			      "sentence", json_text(c->sentence), "of", c->of ? "after" : "before");

	if (c->packet)
		json_object_set_new(o, "witness", json_text(c->packet));
	if (c->place.source) {
		json_object_set_new(o, "file", json_text(c->place.source->name));
		json_object_set_new(o, "line", json_integer(c->place.line));
	}
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

size_t others_print(const struct cli *cli, const struct policy *before, const struct policy *after)
{
	struct vec changes = VEC(struct beside_change);
	size_t n, shown = 0, i;

	beside_compare(before, after, &changes);
	n = changes.len;
	for (i = 0; i < n && cli->json; i++)
		print_json(cli, vec_at(&changes, i));
	for (i = 0; i < n && !cli->json && shown < SHOWN; shown++) {
		size_t same = count_alike(&changes, i);

		print_change(vec_at(&changes, i), same - 1);
		i += same;
	}
	if (i < n)
		printf("  and %zu more\n", n - i);
	beside_free(&changes);
	return n;
}

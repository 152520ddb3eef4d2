// SPDX-License-Identifier: GPL-2.0
/*
 * sluice core: the NetKAT expression that a policy stands for, in the core language (policy/core.h).
 * --plain leaves out the sugar; --read takes an expression in place of a policy, and prints it again.
 * --dd prints the canonical diagram of it: equal meanings, equal text; --dot the same for Graphviz.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/diagram.h"
#include "ask.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/quantity.h"
#include "check.h"
#include "cli.h"
#include "objects.h"
#include "policy/core.h"
#include "policy/parse.h"

/* What is asked for. */
struct wish {
	bool plain, read, dd, dot, sources;
	size_t budget;
	struct vec objects;
};

static void print_text(const struct cli *cli, const char *object, const char *path,
		       const struct text *text, const struct dd_stats *stats)
{
	json_t *o;

	if (!cli->json) {
		fputs(text_string(text), stdout);
		if (stats && cli->statistics)
			printf("# %zu nodes, %zu edges, %zu leaves; %zu bytes to make it\n", stats->nodes,
			       stats->edges, stats->leaves, stats->bytes);
		return;
	}
	o = json_pack("{ss so so}", "object", object, "name", json_text(path), "text",
		      json_text(text_string(text)));
	if (stats) {
		json_object_set_new(o, "nodes", json_integer(stats->nodes));
		json_object_set_new(o, "edges", json_integer(stats->edges));
		json_object_set_new(o, "leaves", json_integer(stats->leaves));
		json_object_set_new(o, "bytes", json_integer(stats->bytes));
	}
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

static bool print_diagram(const struct cli *cli, const char *path, const struct core *core,
			  const struct wish *wish)
{
	struct diagram *d = diagram_new(&core, 1, wish->budget);
	const struct dd *e = diagram_of_core(d, core, wish->sources);
	struct text out = { 0 };
	struct dd_stats stats;

	if (!e) {
		cli_error("%s: %s", path, diagram_refusal(d));
	} else {
		dd_stats(diagram_space(d), e, &stats);
		if (wish->dot)
			dd_dot(diagram_space(d), e, diagram_names(d), &out);
		else
			dd_dump(diagram_space(d), e, diagram_names(d), &out);
		print_text(cli, "diagram", path, &out, wish->dot && !cli->json ? NULL : &stats);
	}
	text_free(&out);
	diagram_free(d);
	return e;
}

static bool print_core(const struct cli *cli, const char *path, const struct core *core,
		       const struct wish *wish)
{
	struct core *plain = wish->plain ? core_plain(core) : NULL;
	struct text out = { 0 };
	bool good = true;

	if (plain)
		core = plain;
	if (wish->dd) {
		good = print_diagram(cli, path, core, wish);
	} else {
		core_print(core, &out);
		print_text(cli, "core", path, &out, NULL);
		text_free(&out);
	}
	core_free(plain);
	return good;
}

static bool show_policy(const struct cli *cli, const char *path, const struct wish *wish)
{
	struct core *core = NULL;
	struct diags diags;
	struct policy *p;
	bool good;

	diags_init(&diags);
	p = policy_parse_configuration(&path, 1, policy_load_file, NULL, &wish->objects, &diags);
	good = !diags.errors;
	check_complain(cli, &diags);
	if (good) {
		core = core_of_policy(p);
		good = print_core(cli, path, core, wish);
	}
	core_free(core);
	policy_free(p);
	diags_free(&diags);
	return good;
}

static bool show_expression(const struct cli *cli, const char *path, const struct wish *wish)
{
	struct text text = { 0 };
	struct source source = { .name = (char *)path };
	struct core *core;
	struct diags diags;
	bool good;
	int err = text_read_file(&text, path, POLICY_FILE_MAX);

	if (err == -EFBIG)
		cli_error("%s is larger than %u MB", path, POLICY_FILE_MAX >> 20);
	else if (err)
		cli_error("cannot read %s: %s", path, strerror(-err));
	if (err)
		return false;
	source.text = (char *)text_string(&text);
	source.len = text.len;
	diags_init(&diags);
	core = core_parse(&source, &diags);
	check_complain(cli, &diags);
	good = core && print_core(cli, path, core, wish);
	core_free(core);
	diags_free(&diags);
	text_free(&text);
	return good;
}

static int read_budget(const struct cli *cli, const char *text, size_t *budget)
{
	struct quantity q;
	uint64_t bytes;

	if (!text || (!quantity_parse(text, &q) && !quantity_size(&q, &bytes) && bytes >= 1 << 20)) {
		*budget = text ? bytes : DD_BUDGET;
		return 0;
	}
	return cli_usage(cli, "\"%s\" is no size of memory from 1MB on: write 512MB", text);
}

int core(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { .objects = VEC(struct object) };
	const char *objects = NULL, *budget = NULL;
	bool good = true;
	const struct cli_option own[] = {
		{ 0, "plain", &wish.plain, NULL },
		{ 0, "read", &wish.read, NULL },
		{ 0, "dd", &wish.dd, NULL },
		{ 0, "dot", &wish.dot, NULL },
		{ 0, "sources", &wish.sources, NULL },
		{ 0, "objects", NULL, &objects },
		{ 0, "budget", NULL, &budget },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);

	if (n < 0 || read_budget(cli, budget, &wish.budget))
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file?");
	if (wish.read && (objects || wish.sources))
		return cli_usage(cli, "an expression that is read has neither objects nor rules");
	if (wish.plain && wish.sources)
		return cli_usage(cli, "a plain expression has no rules");
	wish.dd |= wish.dot | wish.sources;
	if (objects && objects_read(cli, objects, &wish.objects))
		n = good = 0;
	for (int i = 0; i < n; i++)
		good &= wish.read ? show_expression(cli, argv[i], &wish) : show_policy(cli, argv[i], &wish);
	vec_free(&wish.objects);
	return good ? CLI_OK : CLI_FAILED;
}

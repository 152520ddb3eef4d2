// SPDX-License-Identifier: GPL-2.0
/*
 * sluice check: finds mistakes in policies. Each FILE is a policy of its own, with what it
 * includes. --print shows the canonical text of those that are right. --objects FILE checks them
 * together with the typed objects of FILE, as 'sluice object show' prints them. What a policy
 * asserts is proved, and rules that no packet can reach are shown, unless --no-proof says not to.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyse/questions.h"
#include "ask.h"
#include "base/json.h"
#include "check.h"
#include "cli.h"
#include "objects.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "prove.h"

static json_t *diag_json(const struct diag *d)
{
	const struct source *source = d->place.source;
	json_t *o = json_pack("{ss ss}", "object", "diagnostic", "level",
			      d->level == DIAG_ERROR ? "error" : "warning");

	if (source) {
		json_object_set_new(o, "file", json_text(source->name));
		json_object_set_new(o, "line", json_integer(d->place.line));
		json_object_set_new(o, "column", json_integer(d->place.column));
		json_object_set_new(o, "width", json_integer(d->place.width));
	}
	json_object_set_new(o, "sentence", json_text(d->sentence));
	if (d->hint)
		json_object_set_new(o, "hint", json_text(d->hint));
	return o;
}

void check_complain(const struct cli *cli, const struct diags *diags)
{
	const char *no_colour = getenv("NO_COLOR");
	struct text out = { 0 };

	for (size_t i = 0; cli->json && i < diags->list.len; i++) {
		json_t *o = diag_json(vec_at(&diags->list, i));

		ask_print_json(cli, o, NULL);
		json_decref(o);
	}
	if (cli->json)
		return;
	fflush(stdout);
	diags_print(diags, &out, isatty(STDERR_FILENO) && !(no_colour && *no_colour));
	fputs(text_string(&out), stderr);
	text_free(&out);
}

static void print_policy(const struct cli *cli, const char *path, const struct policy *p)
{
	struct text out = { 0 };

	policy_print(p, &out);
	if (cli->json) {
		json_t *o = json_pack("{ss so so}", "object", "document", "name",
				      json_text(path), "text", json_text(text_string(&out)));

		ask_print_json(cli, o, NULL);
		json_decref(o);
	} else {
		fputs(text_string(&out), stdout);
	}
	text_free(&out);
}

static bool check_file(const struct cli *cli, const char *path, const struct vec *objects, bool print,
		       bool prove, double seconds)
{
	struct diags diags;
	struct policy *p;
	bool good;

	diags_init(&diags);
	p = policy_parse_configuration(&path, 1, policy_load_file, NULL, objects, &diags);
	if (!diags.errors && prove)
		analyse_dead_rules(p, seconds, PROVE_OPTION, &diags);
	if (!diags.errors && prove)
		analyse_asserts(p, seconds, PROVE_OPTION, &diags);
	good = !diags.errors;
	check_complain(cli, &diags);
	if (good && print)
		print_policy(cli, path, p);
	policy_free(p);
	diags_free(&diags);
	return good;
}

int check(struct cli *cli, int argc, char **argv)
{
	struct vec objects = VEC(struct object);
	bool print = false, unproved = false, good = true;
	const char *path = NULL, *time = NULL;
	double seconds;
	const struct cli_option own[] = {
		{ 0, "print", &print, NULL },
		{ 0, "objects", NULL, &path },
		{ 0, "prove-time", NULL, &time },
		{ 0, "no-proof", &unproved, NULL },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);

	if (n < 0 || prove_seconds(cli, time, &seconds))
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file shall be checked?");
	if (path && objects_read(cli, path, &objects))
		n = good = 0;
	for (int i = 0; i < n; i++)
		good &= check_file(cli, argv[i], &objects, print, !unproved, seconds);
	vec_free(&objects);
	return good ? CLI_OK : CLI_FAILED;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice equiv A B: do the filters of two policies treat all packets alike? If not, a packet that
 * shows it. Other statements are not compared: that is said, if they differ.
 */
#include <stdio.h>

#include "analyse/questions.h"
#include "ask.h"
#include "base/json.h"
#include "check.h"
#include "cli.h"
#include "differences.h"
#include "objects.h"
#include "others.h"
#include "policy/parse.h"
#include "prove.h"

static int compare(struct cli *cli, const struct policy *p[2], char **names, double seconds)
{
	static const char *const words[2] = { "first", "second" };
	struct differences d;
	struct diags diags;
	int code = CLI_OK;
	bool others;

	diags_init(&diags);
	if (differences_find(p[0], p[1], seconds, true, &d, &diags)) {
		check_complain(cli, &diags);
		code = CLI_FAILED;
	} else if (d.found.classes.len) {
		code = CLI_DIFFERENT;
		if (!cli->json)
			printf("%s and %s differ:\n", names[0], names[1]);
		differences_print(cli, &d, words);
	} else if (d.found.undecided) {
		cli_error("this was not decided in time");
		cli_hint("%s gives it more", PROVE_OPTION);
		code = CLI_FAILED;
	}
	others = code == CLI_OK && others_differ(p[0], p[1]);
	if (cli->json && code != CLI_FAILED) {
		json_t *o = json_pack("{ss sb sb}", "object", "equivalence", "equal", code == CLI_OK,
				      "other_statements_differ", others);

		ask_print_json(cli, o, NULL);
		json_decref(o);
	} else if (code == CLI_OK) {
		printf("the filters treat all packets alike%s\n", others ? "; other statements differ" : "");
	}
	differences_free(&d);
	diags_free(&diags);
	return code;
}

int equiv(struct cli *cli, int argc, char **argv)
{
	const char *time = NULL, *path = NULL;
	const struct cli_option own[] = {
		{ 0, "prove-time", NULL, &time },
		{ 0, "objects", NULL, &path },
		{ 0 },
	};
	struct vec objects = VEC(struct object);
	int n = cli_options(cli, argc, argv, own), code = CLI_OK;
	const struct policy *p[2] = { NULL, NULL };
	struct diags diags;
	double seconds;

	if (n < 0 || prove_seconds(cli, time, &seconds))
		return CLI_USAGE;
	if (n != 2)
		return cli_usage(cli, "two files are compared");
	if (path && objects_read(cli, path, &objects))
		return CLI_FAILED;
	diags_init(&diags);
	for (unsigned int i = 0; i < 2; i++)
		p[i] = policy_parse_configuration((const char *const *)&argv[i], 1, policy_load_file, NULL,
						  &objects, &diags);
	if (diags.errors) {
		check_complain(cli, &diags);
		code = CLI_FAILED;
	} else {
		code = compare(cli, p, argv, seconds);
	}
	for (unsigned int i = 0; i < 2; i++)
		policy_free((struct policy *)p[i]);
	diags_free(&diags);
	vec_free(&objects);
	return code;
}

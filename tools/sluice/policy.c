// SPDX-License-Identifier: GPL-2.0
/* sluice policy show: the documents of the running generation, as they were applied. */
#include <stdio.h>
#include <string.h>

#include "ask.h"

static void print_document(void *arg, const json_t *o, const char *line)
{
	const char *text = field_text(o, "text");
	int *count = arg;
	size_t len = strlen(text);

	(void)line;
	printf("%s# %s\n%s%s", (*count)++ ? "\n" : "", field_text(o, "name"), text,
	       len && text[len - 1] == '\n' ? "" : "\n");
}

int policy_show(struct cli *cli, int argc, char **argv)
{
	int n = cli_options(cli, argc, argv, NULL);
	int count = 0, code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one document", argv[1]);
	code = ask_show(cli, ask_request("policy", "name", argv[0]),
			print_document, &count);
	if (code == CLI_OK && !cli->json && !count)
		fputs("# no policy runs\n", stdout);
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/* sluice policy show: the documents of the running generation, as they were applied. */
#include <stdio.h>
#include <string.h>

#include "ask.h"

struct documents {
	const struct cli *cli;
	int count;
};

/* A file gets the document as it is; a terminal nothing that it would obey. */
static void print_text(const struct cli *cli, const char *text)
{
	for (; *text; text++) {
		bool obeyed = (unsigned char)*text < ' ' && *text != '\n' && *text != '\t';

		putchar(cli->terminal && (obeyed || *text == 0x7f) ? '?' : *text);
	}
}

static void print_document(void *arg, const json_t *o, const char *line)
{
	const char *text = field_text(o, "text");
	struct documents *d = arg;
	size_t len = strlen(text);

	(void)line;
	fputs(d->count++ ? "\n# " : "# ", stdout);
	print_text(d->cli, field_text(o, "name"));
	putchar('\n');
	print_text(d->cli, text);
	if (!len || text[len - 1] != '\n')
		putchar('\n');
}

int policy_show(struct cli *cli, int argc, char **argv)
{
	int n = cli_options(cli, argc, argv, NULL);
	struct documents d = { .cli = cli };
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one document", argv[1]);
	code = ask_show(cli, ask_request("policy", "name", argv[0]),
			print_document, &d);
	if (code == CLI_OK && !cli->json && !d.count)
		fputs("# no policy runs\n", stdout);
	return code;
}

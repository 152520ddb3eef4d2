// SPDX-License-Identifier: GPL-2.0
/*
 * sluice counter show: what became of packets, by reason and port, and the counters
 * that groups and legs have. With -s also those that are zero.
 */
#include <stdio.h>

#include "ask.h"
#include "columns.h"

static void take_counter(void *arg, const json_t *o, const char *line)
{
	struct columns *t = arg;

	(void)line;
	columns_cell(t, "%s", field_text(o, "kind"));
	columns_cell(t, "%s", field_text(o, "name"));
	columns_cell(t, "%s", field_text(o, "port"));
	field_cell(o, "packets", t);
	field_cell(o, "bytes", t);
	columns_cell(t, "%s", field_text(o, "what"));
}

int counter_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "KIND", "NAME", "PORT", ">PACKETS", ">BYTES", "WHAT",
					     NULL };
	int n = cli_options(cli, argc, argv, NULL);
	struct columns t;
	json_t *request;
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one name", argv[1]);
	columns_init(&t, heads);
	request = ask_request("counter", "name", argv[0]);
	json_object_set_new(request, "zero", json_boolean(cli->statistics));
	code = ask_show(cli, request, take_counter, &t);
	columns_print(&t, cli);
	return code;
}

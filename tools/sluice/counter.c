// SPDX-License-Identifier: GPL-2.0
/*
 * sluice counter show: what became of packets, by reason and port, and the counters
 * that groups and legs have. With -s also those that are zero.
 */
#include <stdio.h>

#include "ask.h"
#include "columns.h"

struct counters {
	struct cli *cli;
	struct columns table;
};

static void take_counter(void *arg, const json_t *o, const char *line)
{
	struct counters *c = arg;
	struct columns *t = &c->table;

	(void)line;
	if (!field_number(o, "packets") && !c->cli->statistics)
		return;
	columns_cell(t, "%s", field_text(o, "kind"));
	columns_cell(t, "%s", field_text(o, "name"));
	columns_cell(t, "%s", field_text(o, "port"));
	columns_cell(t, "%lld", field_number(o, "packets"));
	if (json_object_get(o, "bytes"))
		columns_cell(t, "%lld", field_number(o, "bytes"));
	else
		columns_cell(t, "%s", "");
	columns_cell(t, "%s", field_text(o, "what"));
}

int counter_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "KIND", "NAME", "PORT", ">PACKETS", ">BYTES", "WHAT",
					     NULL };
	int n = cli_options(cli, argc, argv, NULL);
	struct counters c = { .cli = cli };
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one name", argv[1]);
	columns_init(&c.table, heads);
	code = ask_show(cli, json_pack("{ss ss*}", "show", "counter", "name", argv[0]), take_counter,
			&c);
	columns_print(&c.table, cli);
	return code;
}

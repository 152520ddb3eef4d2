// SPDX-License-Identifier: GPL-2.0
/* sluice group show: multicast groups, and for each of its legs what was sent. */
#include <stdio.h>

#include "ask.h"
#include "columns.h"

static void print_group(struct columns *t, const json_t *o)
{
	columns_cell(t, "(%s, %s)", field_text(o, "source"), field_text(o, "group"));
	columns_cell(t, "from %s", field_text(o, "from"));
	columns_cell(t, " ");
	field_cell(o, "packets", t);
	field_cell(o, "bytes", t);
	columns_cell(t, " ");
	columns_cell(t, " ");
}

static void print_leg(struct columns *t, const json_t *leg)
{
	struct text how = { 0 };

	if (json_object_get(leg, "vlan"))
		text_printf(&how, " vlan %lld", field_number(leg, "vlan"));
	if (json_object_get(leg, "ttl"))
		text_printf(&how, " ttl %lld", field_number(leg, "ttl"));
	columns_cell(t, " ");
	columns_cell(t, "to %s%s", field_text(leg, "to"), text_string(&how));
	columns_cell(t, "%s", json_is_false(json_object_get(leg, "up")) ? "down" : "up");
	field_cell(leg, "packets", t);
	field_cell(leg, "bytes", t);
	field_cell(leg, "ttl_expired", t);
	columns_cell(t, "%s", field_text(leg, "origin"));
	text_free(&how);
}

static void take_group(void *arg, const json_t *o, const char *line)
{
	struct columns *t = arg;
	json_t *leg;
	size_t i;

	(void)line;
	print_group(t, o);
	json_array_foreach(json_object_get(o, "legs"), i, leg)
		print_leg(t, leg);
}

int group_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "GROUP", "PORT", "STATE", ">PACKETS", ">BYTES",
					     ">TTL-EXPIRED", "ORIGIN", NULL };
	int n = cli_options(cli, argc, argv, NULL);
	struct columns t;
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one group", argv[1]);
	columns_init(&t, heads);
	code = ask_show(cli, ask_request("group", "group", argv[0]), take_group, &t);
	columns_print(&t, cli);
	return code;
}

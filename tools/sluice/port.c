// SPDX-License-Identifier: GPL-2.0
/* sluice port show: ports, their interfaces, and with -s what became of their packets. */
#include <stdio.h>

#include "ask.h"
#include "columns.h"

struct ports {
	struct cli *cli;
	struct columns table;
	struct vec reasons;	/* of json_t *: for -s */
};

static void take_port(void *arg, const json_t *o, const char *line)
{
	struct ports *p = arg;
	struct columns *t = &p->table;

	(void)line;
	columns_cell(t, "%s", field_text(o, "name"));
	columns_cell(t, "%s", field_text(o, "interface"));
	columns_cell(t, "%s", field_text(o, "mode"));
	columns_cell(t, "%s", field_true(o, "up") ? "up" : "down");
	field_cell(o, "mtu", t);
	columns_cell(t, "%s", field_text(o, "mac"));
	field_cell(json_object_get(o, "rx"), "packets", t);
	field_cell(json_object_get(o, "rx"), "bytes", t);
	field_cell(json_object_get(o, "tx"), "packets", t);
	field_cell(json_object_get(o, "tx"), "bytes", t);
	field_cell(o, "tx_failed", t);
	columns_cell(t, "%s", field_text(o, "origin"));
	*(json_t **)vec_push(&p->reasons) = json_incref((json_t *)o);
}

static void print_reasons(const struct cli *cli, const struct vec *ports)
{
	static const char *const heads[] = { "PORT", "REASON", ">PACKETS", NULL };
	json_t **port = ports->data;
	struct columns t;

	columns_init(&t, heads);
	for (size_t i = 0; i < ports->len; i++) {
		json_t *reasons = json_object_get(port[i], "reasons"), *count;
		const char *name;

		json_object_foreach(reasons, name, count) {
			columns_cell(&t, "%s", field_text(port[i], "name"));
			columns_cell(&t, "%s", name);
			columns_cell(&t, "%lld", field_number(reasons, name));
		}
	}
	if (t.cells.len)
		putchar('\n');
	columns_print(&t, cli);
}

int port_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "PORT", "INTERFACE", "MODE", "STATE", ">MTU", "MAC",
					     ">RX-PACKETS", ">RX-BYTES", ">TX-PACKETS", ">TX-BYTES",
					     ">TX-FAILED", "ORIGIN", NULL };
	int n = cli_options(cli, argc, argv, NULL);
	struct ports p = { .cli = cli, .reasons = VEC(json_t *) };
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one port", argv[1]);
	columns_init(&p.table, heads);
	code = ask_show(cli, ask_request("port", "name", argv[0]), take_port, &p);
	columns_print(&p.table, cli);
	if (cli->statistics)
		print_reasons(cli, &p.reasons);
	for (size_t i = 0; i < p.reasons.len; i++)
		json_decref(*(json_t **)vec_at(&p.reasons, i));
	vec_free(&p.reasons);
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice flow show: the heavy flows of the last whole interval. Every estimate stands with the
 * bound that it keeps; what is missing from the measurement is said above the table. Behind a flow stand the
 * routes that its ends are in, and its next hop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "columns.h"
#include "flow.h"

struct flows {
	struct cli *cli;
	struct columns table;
	int measures;
};

static const char *const heads[] = { ">BYTES/S", ">BYTES", ">PACKETS", ">LOW", ">HIGH", "HOW",
				     "FLOW", "FROM", "TO", "NEXT-HOP", NULL };

void flow_heading(const json_t *o, struct text *out)
{
	char total[8], unseen[8];

	if (!json_object_get(o, "interval_s")) {
		text_printf(out, "%s: the first interval is not over yet", field_text(o, "measure"));
		return;
	}
	text_printf(out, "%s: %.3g s, %sB in %lld packets", field_text(o, "measure"),
		    field_real(o, "interval_s"), quantity_format(field_real(o, "bytes"), total),
		    field_number(o, "packets"));
	if (field_real(o, "sampling") >= 1)
		return;
	text_printf(out, ", 1 byte in %.0f sampled, miss probability %.1e, no other flow has more than %sB",
		    1 / field_real(o, "sampling"), field_real(o, "miss"),
		    quantity_format(field_real(o, "unseen_max"), unseen));
}

/* "192.0.2.1", and ":443" or, for IPv6, "2001:db8::1" and "[...]:443". */
static void append_end(struct text *out, const char *address, long long port)
{
	if (!port)
		text_printf(out, "%s", address);
	else if (strchr(address, ':'))
		text_printf(out, "[%s]:%lld", address, port);
	else
		text_printf(out, "%s:%lld", address, port);
}

static void append_proto(struct text *out, long long proto)
{
	static const struct {
		long long number;
		const char *name;
	} names[] = { { 1, "icmp" }, { 2, "igmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmp6" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].number == proto) {
			text_printf(out, "%s ", names[i].name);
			return;
		}
	}
	text_printf(out, "proto %lld ", proto);
}

/* A key without both addresses, or of fields that are not known here, is written as it came. */
static void append_fields(struct text *out, json_t *key)
{
	const char *name;
	json_t *value;

	json_object_foreach(key, name, value) {
		text_printf(out, "%s%s ", out->len ? " " : "", name);
		if (json_is_string(value))
			text_printf(out, "%s", json_string_value(value));
		else
			text_printf(out, "%lld", (long long)json_integer_value(value));
	}
}

void flow_cell(const json_t *o, struct columns *table)
{
	json_t *key = json_object_get(o, "key");
	const char *src = field_text(key, "ip.src"), *dst = field_text(key, "ip.dst");
	struct text cell = { 0 };

	if (*src && *dst) {
		if (json_object_get(key, "ip.proto"))
			append_proto(&cell, field_number(key, "ip.proto"));
		append_end(&cell, src, field_number(key, "l4.src"));
		text_printf(&cell, " > ");
		append_end(&cell, dst, field_number(key, "l4.dst"));
	} else {
		append_fields(&cell, key);
	}
	columns_cell(table, "%s", text_string(&cell));
	text_free(&cell);
}

static void nexthop_cell(const json_t *o, struct columns *table)
{
	const json_t *hop = json_object_get(o, "nexthop");
	const char *reason = field_text(hop, "reason"), *via = field_text(hop, "via");

	if (json_object_get(o, "nexthops"))
		columns_cell(table, "one of %lld", field_number(o, "nexthops"));
	else if (*reason && strcmp(reason, "forwarded"))
		columns_cell(table, "%s", reason);
	else
		columns_cell(table, "%s%s%s", via, *via ? " " : "", field_text(hop, "port"));
}

static void take_flow(void *arg, const json_t *o, const char *line)
{
	struct text heading = { 0 };
	struct flows *f = arg;
	struct columns *t = &f->table;

	(void)line;
	if (!strcmp(field_text(o, "object"), "measure")) {
		columns_print(t, f->cli);
		columns_init(t, heads);
		flow_heading(o, &heading);
		printf("%s%s\n", f->measures++ ? "\n" : "", text_string(&heading));
		text_free(&heading);
		return;
	}
	columns_cell(t, "%.0f", field_real(o, "rate_Bps"));
	field_cell(o, "bytes", t);
	field_cell(o, "packets", t);
	field_cell(o, "low", t);
	field_cell(o, "high", t);
	columns_cell(t, "%s", field_true(o, "exact") ? "exact" : "estimate");
	flow_cell(o, t);
	columns_cell(t, "%s", field_text(o, "source_prefix"));
	columns_cell(t, "%s", field_text(o, "destination_prefix"));
	nexthop_cell(o, t);
}

int flow_show(struct cli *cli, int argc, char **argv)
{
	const char *limit = NULL;
	const struct cli_option own[] = {
		{ 'l', "limit", NULL, &limit },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);
	struct flows f = { .cli = cli };
	char *end;
	long most = 20;
	json_t *request;
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one measure", argv[1]);
	if (limit) {
		most = strtol(limit, &end, 10);
		if (*end || end == limit || most < 0 || most > 10000000)
			return cli_usage(cli, "--limit takes a number of flows, 0 for all, not \"%s\"",
					 limit);
	}
	columns_init(&f.table, heads);
	request = ask_request("flow", "measure", argv[0]);
	json_object_set_new(request, "limit", json_integer(most));
	code = ask_show(cli, request, take_flow, &f);
	columns_print(&f.table, cli);
	if (code == CLI_OK && !cli->json && !f.measures)
		puts("nothing is measured: the policy has no measure");
	return code;
}

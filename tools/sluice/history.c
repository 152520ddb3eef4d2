// SPDX-License-Identifier: GPL-2.0
/* sluice history: the generations that are kept, the running one first. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ask.h"
#include "base/json.h"
#include "columns.h"
#include "netlink/client.h"
#include "store.h"

/* Whether @g comes back by itself, if nobody confirms. */
static bool comes_back(const struct client_status *s, const struct client_generation *g)
{
	return s->confirm_waits && g->number == s->confirm_back;
}

static void print_json(const struct cli *cli, json_t *o)
{
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

static void generation_json(const struct cli *cli, const struct client_status *s,
			    const struct client_generation *g)
{
	bool runs = g == s->generation;
	json_t *o = json_pack("{ss sI ss}", "object", "generation", "number",
			      (json_int_t)g->number, "state", runs ? "running" : "history");

	if (g->time_s) {	/* generation 0 was never committed */
		json_object_set_new(o, "time", json_integer(g->time_s));
		json_object_set_new(o, "age_s", json_integer(time(NULL) - (time_t)g->time_s));
	}
	json_object_set_new(o, "objects", json_integer(g->objects));
	json_object_set_new(o, "bytes", json_integer(g->bytes));
	if (g->copied)
		json_object_set_new(o, "from", json_integer(g->from));
	if (*g->comment)
		json_object_set_new(o, "comment", json_text(g->comment));
	if (runs)
		json_object_set_new(o, "applied", json_boolean(g->number == s->applied));
	if (runs && s->confirm_waits)
		json_object_set_new(o, "confirm_left_ms", json_integer(s->confirm_left_ms));
	if (comes_back(s, g))
		json_object_set_new(o, "back_in_ms", json_integer(s->confirm_left_ms));
	print_json(cli, o);
}

static void history_json(const struct cli *cli, const struct client_status *s)
{
	if (s->candidate_waits)
		print_json(cli, json_pack("{ss sI ss}", "object", "generation", "number",
					  (json_int_t)s->candidate, "state", "candidate"));
	for (unsigned int i = 0; i < s->generations; i++)
		generation_json(cli, s, &s->generation[i]);
}

static void state_cell(const struct client_status *s, const struct client_generation *g,
		       struct columns *t)
{
	char left[32];

	duration_format(s->confirm_left_ms / 1000, left);
	if (g == s->generation)
		columns_cell(t, s->confirm_waits ? "runs, to be confirmed in %s" : "runs", left);
	else if (comes_back(s, g))
		columns_cell(t, "comes back in %s", left);
	else
		columns_cell(t, "-");
}

static void generation_row(const struct client_status *s, const struct client_generation *g,
			   struct columns *t)
{
	time_t when = g->time_s, now = time(NULL);
	char clock[32], age[32];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &tm);
	columns_cell(t, "%" PRIu64, g->number);
	state_cell(s, g, t);
	columns_cell(t, "%s", when ? clock : "-");
	columns_cell(t, "%s", when ? duration_format(now > when ? now - when : 0, age) : "-");
	columns_cell(t, "%u", g->objects);
	columns_cell(t, "%" PRIu64, g->bytes);
	if (g->copied)
		columns_cell(t, "%" PRIu64, g->from);
	else
		columns_cell(t, "-");
	columns_cell(t, "%s", g->comment);
}

static void history_text(const struct cli *cli, const struct client_status *s)
{
	static const char *const heads[] = { ">GENERATION", "STATE", "COMMITTED", ">AGE", ">OBJECTS",
					     ">BYTES", ">CONTENTS-OF", "COMMENT", NULL };
	struct columns t;

	columns_init(&t, heads);
	for (unsigned int i = 0; i < s->generations; i++)
		generation_row(s, &s->generation[i], &t);
	columns_print(&t, cli);
	if (s->candidate_waits)
		printf("generation %" PRIu64 " waits for sluiced's verdict\n", s->candidate);
	if (s->running != s->applied)
		printf("generation %" PRIu64 " is not what the data path runs%s\n", s->running,
		       s->compiler ? ": see 'sluice status'" : ", until sluiced is started");
}

int history(struct cli *cli, int argc, char **argv)
{
	struct client_status status;
	struct client *c;
	int code, err;

	if (cli_no_arguments(cli, argc, argv, NULL) < 0)
		return CLI_USAGE;
	c = client_new();
	code = store_open(cli, c);
	err = code == CLI_OK ? client_status(c, &status) : 0;
	if (err)
		code = store_failed(cli, c, err);
	else if (code == CLI_OK && cli->json)
		history_json(cli, &status);
	else if (code == CLI_OK)
		history_text(cli, &status);
	client_free(c);
	return code;
}

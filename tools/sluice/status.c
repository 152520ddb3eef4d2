// SPDX-License-Identifier: GPL-2.0
/*
 * sluice status: what runs, and everything that is not as asked. The daemon is asked, and the
 * store, which alone knows whether what runs waits to be confirmed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "columns.h"
#include "netlink/client.h"
#include "store.h"

struct shown {
	const struct cli *cli;
	struct client_status store;	/* zeroed: it could not be asked */
};

static void print_ports(const json_t *ports)
{
	size_t i;
	json_t *p;

	if (!json_array_size(ports))
		printf("%-12snone\n", "ports");
	json_array_foreach(ports, i, p)
		printf("%-12s%s = %s, %s, %s\n", i ? "" : "ports", field_text(p, "name"),
		       field_text(p, "interface"), field_text(p, "mode"),
		       field_true(p, "up") ? "up" : "down");
}

static void print_routes(const json_t *routes)
{
	long long not_taken = field_number(routes, "not_taken");
	const json_t *updates = json_object_get(routes, "updates");

	if (!field_true(routes, "wanted")) {
		printf("%-12snot routed by sluice\n", "routes");
		return;
	}
	printf("%-12s%lld ip4, %lld ip6, ", "routes", field_number(routes, "ip4"),
	       field_number(routes, "ip6"));
	if (field_number(routes, "static"))
		printf("%lld static, ", field_number(routes, "static"));
	printf("%.1f MB of tables%s\n",
	       field_real(routes, "table_bytes") / 1e6,
	       field_true(routes, "ready") ? "" : ", still being read");
	if (updates)
		printf("%-12supdates published within %.0f us (median), %.0f us (99 %%), %.0f us (all)\n", "",
		       field_real(updates, "median_us"), field_real(updates, "p99_us"),
		       field_real(updates, "max_us"));
	if (not_taken)
		printf("%-12s%lld not taken for want of room: the kernel routes them\n", "",
		       not_taken);
}

static void print_groups(const json_t *o)
{
	const json_t *groups = json_object_get(o, "groups");
	const char *why = field_text(o, "host_copies_why");

	if (!field_number(groups, "count"))
		return;
	printf("%-12s%lld with %lld legs\n", "groups", field_number(groups, "count"),
	       field_number(groups, "legs"));
	printf("%-12s%s%s%s%s\n", "host copies",
	       strcmp(field_text(o, "host_copies"), "module") ? "by tc" : "by the module, in XDP",
	       *why ? " (" : "", why, *why ? ")" : "");
}

static void print_sets(const json_t *sets)
{
	size_t i;
	json_t *s;

	json_array_foreach(sets, i, s) {
		printf("%-12s%s, ", i ? "" : "sets", field_text(s, "name"));
		if (json_object_get(s, "elements"))
			printf("%lld of %lld\n", field_number(s, "elements"), field_number(s, "size"));
		else
			printf("room for %lld\n", field_number(s, "size"));
	}
}

static void print_filters(const struct cli *cli, const json_t *filters)
{
	long long ports = field_number(filters, "ports"), rules = field_number(filters, "rules");

	if (!filters)
		return;
	printf("%-12s%lld rule%s on %lld port%s, %.1f MB of tables\n", "filters", rules,
	       rules == 1 ? "" : "s", ports, ports == 1 ? "" : "s",
	       field_real(filters, "table_bytes") / 1e6);
	if (cli->statistics)
		printf("%-12s%lld layers, %lld meters\n", "", field_number(filters, "layers"),
		       field_number(filters, "meters"));
	print_sets(json_object_get(filters, "sets"));
}

/* What was tried before it ran. */
static void print_witnesses(const json_t *w)
{
	long long cells = field_number(w, "cells");

	if (!w)
		return;
	printf("%-12s%lld packets agree%s, %lld of them in the program", "witnesses",
	       field_number(w, "packets") + field_number(w, "again"), json_is_true(json_object_get(w, "complete")) ?
	       ", which stand for all there are" : "", field_number(w, "ran"));
	if (json_object_get(w, "changed"))
		printf("; %lld changed rules, %lld as before, of which %lld were met",
		       field_number(w, "changed"), field_number(w, "same"), field_number(w, "same_met"));
	else if (!json_is_true(json_object_get(w, "complete")))
		printf("; %lld rules met, %.0f%% of the cells seen", field_number(w, "rules_met"),
		       cells ? 100.0 * field_number(w, "cells_seen") / cells : 100.0);
	putchar('\n');
}

static void print_names(const char *head, const json_t *names)
{
	size_t i;
	json_t *name;

	if (!json_array_size(names))
		return;
	printf("%-12s", head);
	json_array_foreach(names, i, name)
		printf("%s%s", i ? ", " : "", json_string_value(name));
	putchar('\n');
}

static void print_notes(const struct cli *cli, const json_t *notes)
{
	size_t i;
	json_t *note;

	if (!json_array_size(notes))
		return;
	printf("%snot as asked:%s\n", cli->colour ? "\033[1;33m" : "", cli->colour ? "\033[0m" : "");
	json_array_foreach(notes, i, note)
		printf("  - %s\n", json_string_value(note));
}

/* The steps of the commit, as they come, but for "seconds", which is all of it. */
static void print_commit(const json_t *commit)
{
	const char *name;
	json_t *step;

	if (!commit)
		return;
	printf("%-12s%.0f ms:", "commit", field_real(commit, "seconds") * 1e3);
	json_object_foreach((json_t *)commit, name, step)
		if (strcmp(name, "seconds"))
			printf(" %s %.1f", name, json_real_value(step) * 1e3);
	putchar('\n');
}

static void print_statistics(const json_t *o)
{
	const json_t *routes = json_object_get(o, "routes");

	printf("%-12s%s\n", "build", field_text(o, "build"));
	print_commit(json_object_get(o, "commit"));
	printf("%-12s%lld\n", "documents", field_number(o, "documents"));
	if (field_true(routes, "wanted"))
		printf("%-12s%lld ip4, %lld ip6\n", "room", field_number(routes, "ip4_max"),
		       field_number(routes, "ip6_max"));
}

static void print_confirmation(const struct client_status *store)
{
	char left[32];

	printf("%-12swaited for: generation %" PRIu64 " comes back in %s\n", "confirm",
	       store->confirm_back, duration_format(store->confirm_left_ms / 1000, left));
}

/* What runs while nothing of this sluiced's does. */
static void print_earlier(const json_t *earlier)
{
	long long generation = field_number(earlier, "generation");

	if (!earlier)
		printf("%-12snone yet: every packet goes to the stack\n", "generation");
	else if (generation)
		printf("%-12snone of this sluiced's: the data path runs generation %lld of an earlier one\n",
		       "generation", generation);
	else
		printf("%-12snone of this sluiced's: the data path runs what an earlier one left\n",
		       "generation");
}

static void print_status(const struct cli *cli, const json_t *o, const struct client_status *store)
{
	const json_t *earlier = json_object_get(o, "earlier");
	const char *why = field_text(o, "store_why");
	long long now = time(NULL);
	char buf[32];

	printf("sluiced %s, process %lld%s%s, for %s\n", field_text(o, "version"),
	       field_number(o, "pid"), *field_text(o, "netns") ? ", namespace " : "",
	       field_text(o, "netns"), duration_format(now - field_number(o, "started"), buf));
	if (field_number(o, "generation"))
		printf("%-12s%lld, for %s\n", "generation", field_number(o, "generation"),
		       duration_format(now - field_number(o, "since"), buf));
	else
		print_earlier(earlier);
	if (store->confirm_waits)
		print_confirmation(store);
	printf("%-12s%s%s%s%s\n", "store",
	       strcmp(field_text(o, "store"), "module") ? "in sluiced" : "in the module",
	       *why ? " (" : "", why, *why ? ")" : "");
	if (earlier) {
		printf("%-12sas the earlier sluiced left them\n", "ports");
		printf("%-12sas they were when it ended\n", "routes");
	} else {
		print_ports(json_object_get(o, "ports"));
		print_routes(json_object_get(o, "routes"));
	}
	print_groups(o);
	print_filters(cli, json_object_get(o, "filters"));
	print_witnesses(json_object_get(o, "witnesses"));
	print_names("measures", json_object_get(o, "measures"));
	if (cli->statistics)
		print_statistics(o);
	print_notes(cli, json_object_get(o, "notes"));
}

static void take_status(void *arg, const json_t *o, const char *line)
{
	const struct shown *shown = arg;
	const struct client_status *store = &shown->store;

	(void)line;
	if (!shown->cli->json) {
		print_status(shown->cli, o, store);
		return;
	}
	if (store->confirm_waits)
		json_object_set_new((json_t *)o, "confirm",
				    json_pack("{sI sI}", "left_ms", (json_int_t)store->confirm_left_ms,
					      "back", (json_int_t)store->confirm_back));
	ask_print_json(shown->cli, o, NULL);
}

/* A store that cannot be asked is the daemon's to tell of. */
static void ask_store(const struct cli *cli, struct client_status *status)
{
	struct client *c = client_new();

	if (store_try(cli, c) || client_status(c, status))
		memset(status, 0, sizeof(*status));
	client_free(c);
}

int status(struct cli *cli, int argc, char **argv)
{
	struct shown shown = { .cli = cli };
	struct ask a;
	int code;

	if (cli_no_arguments(cli, argc, argv, NULL) < 0)
		return CLI_USAGE;
	ask_store(cli, &shown.store);
	code = ask_open(&a, cli);
	if (code == CLI_OK)
		code = ask_send(&a, ask_request("status", NULL, NULL));
	if (code == CLI_OK)
		code = ask_receive(&a, take_status, &shown);
	ask_complain(&a, code);
	ask_close(&a);
	if (code == CLI_UNREACHABLE && shown.store.home == SLUICE_HOME_MODULE)
		cli_hint("the module has the configuration, generation %" PRIu64 ", and goes on: see "
			 "'sluice history'", shown.store.running);
	return code;
}

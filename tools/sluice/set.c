// SPDX-License-Identifier: GPL-2.0
/*
 * sluice set show: the elements of sets, with the time that each has left and who put it there.
 *
 * Those of the configuration come from the store, which also has what a policy does not use yet;
 * those that rules inserted come from the daemon.
 */
#include "set.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/text.h"
#include "change.h"
#include "columns.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "store.h"

struct shown {
	const struct cli *cli;
	struct columns table;
	size_t count;
};

/* ---- one element -------------------------------------------------------------- */

static void show_left(struct shown *shown, const json_t *o)
{
	char buf[32];

	if (!json_object_get(o, "left_ms"))
		columns_cell(&shown->table, "-");
	else if (field_number(o, "left_ms") > 0)
		columns_cell(&shown->table, "%s", duration_format((field_number(o, "left_ms") + 999) / 1000, buf));
	else
		columns_cell(&shown->table, "over");
}

static void show_element(struct shown *shown, const json_t *o)
{
	const char *rule = field_text(o, "rule");

	shown->count++;
	if (shown->cli->json) {
		ask_print_json(shown->cli, o, NULL);
		return;
	}
	columns_cell(&shown->table, "%s", field_text(o, "set"));
	columns_cell(&shown->table, "%s", field_text(o, "element"));
	show_left(shown, o);
	columns_cell(&shown->table, "%s%s%s", field_text(o, "origin"), *rule ? " " : "", rule);
}

/* ---- of the store ---------------------------------------------------------------- */

static bool is_timed(const struct object_element *e)
{
	return e->timeout_ms && e->since_ms;
}

static long long left_ms(const struct object_element *e)
{
	struct timespec now;
	long long left;

	clock_gettime(CLOCK_REALTIME, &now);
	left = (long long)(e->since_ms + e->timeout_ms) - now.tv_sec * 1000ll - now.tv_nsec / 1000000;
	return left > 0 ? left : 0;
}

static int show_object(void *ctx, uint32_t type, const void *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct text why = { 0 };
	char buf[PREFIX_STRLEN];
	struct object o;
	json_t *e;

	if (object_decode(type, key, key_len, value, value_len, &o, &why)) {
		cli_error("%s", text_string(&why));
		text_free(&why);
		return 0;
	}
	e = json_pack("{ss ss ss ss}", "object", "element", "set", o.element.set, "element",
		      prefix_format_short(&o.element.element, buf), "origin", "store");
	if (o.element.timeout_ms)
		json_object_set_new(e, "timeout_ms", json_integer(o.element.timeout_ms));
	if (is_timed(&o.element))
		json_object_set_new(e, "left_ms", json_integer(left_ms(&o.element)));
	show_element(ctx, e);
	json_decref(e);
	return 0;
}

static int show_store(struct shown *shown, const char *set)
{
	struct client *c = client_new();
	int code = store_open(shown->cli, c);

	if (code == CLI_OK && client_dump(c, CLIENT_RUNNING, SLUICE_OBJECT_ELEMENT, set,
					  set ? strlen(set) + 1 : 0, show_object, shown)) {
		cli_error("%s", client_error(c));
		code = CLI_FAILED;
	}
	client_free(c);
	return code;
}

struct sought {
	size_t key_len;
	bool over;
};

static int look_at(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		   size_t value_len)
{
	struct text why = { 0 };
	struct sought *sought = ctx;
	struct object o;

	/* The store finds all whose keys begin like it. */
	if (key_len == sought->key_len &&
	    !object_decode(type, key, key_len, value, value_len, &o, &why))
		sought->over = is_timed(&o.element) && !left_ms(&o.element);
	text_free(&why);
	return 0;
}

bool set_element_over(struct client *c, const struct object *element)
{
	uint8_t key[SLUICE_KEY_MAX];
	struct sought sought = { .key_len = object_key(element, key) };

	return !client_dump(c, CLIENT_RUNNING, SLUICE_OBJECT_ELEMENT, key, sought.key_len, look_at,
			    &sought) && sought.over;
}

/* ---- of the daemon ----------------------------------------------------------------- */

static void take_element(void *arg, const json_t *o, const char *line)
{
	(void)line;
	show_element(arg, o);
}

/* Asks, and gives @request up. Return: as ask_receive(); the complaint is the caller's. */
static int ask_daemon(struct ask *a, const struct cli *cli, json_t *request, ask_take *take, void *arg)
{
	int code = ask_open(a, cli);

	if (code == CLI_OK)
		code = ask_send(a, request);
	else
		json_decref(request);
	return code == CLI_OK ? ask_receive(a, take, arg) : code;
}

/* The store may have elements of a set that no policy has: only of one that nobody has is complained. */
static int show_inserted(struct shown *shown, const char *set)
{
	json_t *request = ask_request("element", "set", set);
	struct ask a;
	int code;

	json_object_set_new(request, "origin", json_string("inserted"));
	code = ask_daemon(&a, shown->cli, request, take_element, shown);
	if (code == CLI_FAILED && shown->count)
		code = CLI_OK;
	ask_complain(&a, code);
	ask_close(&a);
	return code;
}

int set_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "SET", "ELEMENT", "LEFT", "ORIGIN", NULL };
	int n = cli_options(cli, argc, argv, NULL), code;
	struct shown shown = { .cli = cli };

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one set", argv[1]);
	if (n == 1 && !object_name_good(argv[0]))
		return cli_usage(cli, "\"%s\" is not the name of a set", argv[0]);
	columns_init(&shown.table, heads);
	code = show_store(&shown, argv[0]);
	if (code == CLI_OK)
		code = show_inserted(&shown, argv[0]);
	columns_print(&shown.table, cli);
	return code;
}

/* ---- to be taken out ------------------------------------------------------------------ */

static void take_deleted(void *arg, const json_t *o, const char *line)
{
	long long *deleted = arg;

	(void)line;
	*deleted += field_number(o, "deleted");
}

long long set_forget(const struct cli *cli, const struct change *change)
{
	const struct object_element *e = &change->object.element;
	bool one = change->how == CHANGE_DEL;
	json_t *request = json_pack("{ss}", "do", one ? "set delete" : "set flush");
	char buf[PREFIX_STRLEN];
	long long deleted = 0;
	struct ask a;

	if (change->first)
		json_object_set_new(request, "set", json_string(e->set));
	if (one)
		json_object_set_new(request, "element", json_string(prefix_format_short(&e->element, buf)));
	ask_daemon(&a, cli, request, take_deleted, &deleted);
	ask_close(&a);
	return deleted;
}

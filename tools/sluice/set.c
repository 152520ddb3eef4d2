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
#include "base/vec.h"
#include "change.h"
#include "columns.h"
#include "keys.h"
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

bool set_element_left(const struct object_element *e, uint32_t *left_ms)
{
	struct timespec now;
	long long left;

	if (!e->timeout_ms || !e->since_ms)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	left = (long long)(e->since_ms + e->timeout_ms) - now.tv_sec * 1000ll - now.tv_nsec / 1000000;
	if (left > e->timeout_ms)
		left = e->timeout_ms;	/* the clock was set back */
	*left_ms = left > 0 ? left : 0;
	return true;
}

static int show_object(void *ctx, uint32_t type, const void *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct text why = { 0 };
	char buf[PREFIX_STRLEN];
	struct object o;
	uint32_t left;
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
	if (set_element_left(&o.element, &left))
		json_object_set_new(e, "left_ms", json_integer(left));
	show_element(ctx, e);
	json_decref(e);
	return 0;
}

static int show_store(struct shown *shown, const char *set)
{
	struct client *c = client_new();
	int code = store_open(shown->cli, c), err = 0;

	if (code == CLI_OK)
		err = client_dump(c, CLIENT_RUNNING, SLUICE_OBJECT_ELEMENT, set, set ? strlen(set) + 1 : 0,
				  show_object, shown);
	if (err)
		code = store_failed(shown->cli, c, err);
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
	uint32_t left;

	/* The store finds all whose keys begin like it. */
	if (key_len == sought->key_len &&
	    !object_decode(type, key, key_len, value, value_len, &o, &why))
		sought->over = set_element_left(&o.element, &left) && !left;
	text_free(&why);
	return 0;
}

bool set_element_over(struct client *c, uint64_t generation, const struct object *element)
{
	uint8_t key[SLUICE_KEY_MAX];
	struct sought sought = { .key_len = object_key(element, key) };

	return !client_dump(c, generation, SLUICE_OBJECT_ELEMENT, key, sought.key_len, look_at, &sought) &&
	       sought.over;
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

bool set_takes(const struct change *change)
{
	return change->object.kind == OBJECT_ELEMENT &&
	       (change->how == CHANGE_DEL || change->how == CHANGE_FLUSH);
}

static void take_key(void *arg, const json_t *o, const char *line)
{
	const char *set = field_text(o, "set");
	struct object found = { .kind = OBJECT_ELEMENT };
	uint8_t key[SLUICE_KEY_MAX];

	(void)line;
	/* "del" names addresses only: other elements stay for "flush". */
	if (!object_name_good(set) || prefix_parse(field_text(o, "element"), &found.element.element))
		return;
	strcpy(found.element.set, set);
	keys_put(arg, SLUICE_OBJECT_ELEMENT, key, object_key(&found, key));
}

static int complain_inserted(const struct ask *a, const char *what, int code)
{
	cli_error("%s: %s", what, text_string(&a->error));
	if (a->hint.len)
		cli_hint("%s", text_string(&a->hint));
	return code;
}

int set_inserted(const struct cli *cli, struct keys *keys)
{
	json_t *request = ask_request("element", "origin", "inserted");
	struct ask a;
	int code = ask_daemon(&a, cli, request, take_key, keys);

	if (code != CLI_OK)
		complain_inserted(&a, "the store has no such element, and whether a rule inserted it is not known",
				  code);
	ask_close(&a);
	return code;
}

static void take_deleted(void *arg, const json_t *o, const char *line)
{
	long long *deleted = arg;

	(void)line;
	*deleted += field_number(o, "deleted");
}

static int ask_again(struct ask *a, json_t *request, ask_take *take, void *arg)
{
	int code;

	text_free(&a->hint);
	code = ask_send(a, request);
	return code == CLI_OK ? ask_receive(a, take, arg) : code;
}

static int forget(struct ask *a, const struct change *change, long long *deleted)
{
	const struct object_element *e = &change->object.element;
	bool one = change->how == CHANGE_DEL;
	json_t *request = json_pack("{ss}", "do", one ? "set delete" : "set flush");
	char buf[PREFIX_STRLEN];
	struct text error = { 0 };
	int code;

	if (change->first)
		json_object_set_new(request, "set", json_string(e->set));
	if (one)
		json_object_set_new(request, "element", json_string(prefix_format_short(&e->element, buf)));
	code = ask_again(a, request, take_deleted, deleted);
	if (code != CLI_FAILED || !change->first)
		return code;
	text_printf(&error, "%s", text_string(&a->error));
	if (ask_again(a, ask_request("set", "name", e->set), NULL, NULL) == CLI_FAILED) {
		text_free(&error);
		return CLI_OK;	/* the set does not run */
	}
	text_free(&a->error);
	a->error = error;
	return code;
}

/* One by one, but of many only those that there are. */
static int forget_all(struct ask *a, const struct vec *changes, long long *deleted)
{
	struct keys keys;
	int code = CLI_OK;

	keys_init(&keys);
	if (changes->len > 1)
		code = ask_again(a, ask_request("element", "origin", "inserted"), take_key, &keys);
	for (size_t i = 0; code == CLI_OK && i < changes->len; i++) {
		const struct change *change = vec_at(changes, i);
		uint8_t key[SLUICE_KEY_MAX];
		size_t len = object_key(&change->object, key);

		if (changes->len == 1 || change->how == CHANGE_FLUSH ||
		    keys_del(&keys, SLUICE_OBJECT_ELEMENT, key, len))
			code = forget(a, change, deleted);
	}
	keys_free(&keys);
	return code;
}

int set_forget(const struct cli *cli, const struct vec *changes, long long *deleted)
{
	long long n = 0;
	struct ask a;
	int code = ask_open(&a, cli);

	if (code == CLI_OK)
		code = forget_all(&a, changes, &n);
	*deleted = n;
	if (n && !cli->json) {
		printf("%lld inserted by rules %s taken out\n", n, n == 1 ? "was" : "were");
	} else if (n) {
		json_t *o = json_pack("{ss sI}", "object", "inserted", "deleted", (json_int_t)n);

		ask_print_json(cli, o, NULL);
		json_decref(o);
	}
	if (code != CLI_OK)
		complain_inserted(&a, "what rules inserted may be in the set still", code);
	ask_close(&a);
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice port|route|group|set add|del|replace|flush: the typed objects of the store, each command
 * a transaction of its own, or a line of a batch.
 * sluice object show, sluice set show: what the store has of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "base/quantity.h"
#include "base/text.h"
#include "batch.h"
#include "change.h"
#include "columns.h"
#include "commit.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "objects.h"
#include "store.h"

/* ---- changes ------------------------------------------------------------------ */

static enum change_how how_of(const char *command)
{
	static const char *const commands[] = {
		[CHANGE_ADD] = "add", [CHANGE_REPLACE] = "replace", [CHANGE_DEL] = "del",
		[CHANGE_FLUSH] = "flush",
	};
	size_t i = 0;

	while (strcmp(commands[i], command))
		i++;
	return i;
}

/* One change, one transaction. */
static int commit_change(const struct cli *cli, struct client *c, const struct change *change,
			 const struct client_commit *how)
{
	int err = client_begin(c, NULL);

	if (err) {
		cli_error("%s", client_error(c));
		return CLI_FAILED;
	}
	err = change_send(change, c);
	if (!err)
		err = client_flush(c);
	if (err) {
		change_complain(change, c, err);
		client_abort(c);
		return CLI_FAILED;
	}
	err = commit_transaction(cli, c, how);
	if (err != CLI_OK)
		client_abort(c);	/* it is still open if the commit was refused: the next line's is not */
	return err;
}

int object_change(struct cli *cli, int argc, char **argv)
{
	struct commit_words words = { 0 };
	const struct cli_option own[] = { COMMIT_OPTIONS(words), { 0 } };
	int n = cli_options(cli, argc, argv, own), code;
	struct client_commit how;
	struct change change;
	struct client *c;

	if (n < 0 || commit_how(cli, &words, &how))
		return CLI_USAGE;
	if (batch_atomic(cli) && (words.confirm || words.comment))
		return cli_usage(cli, "--confirm and --comment stand with -atomic, not on its lines");
	if (change_parse(cli, objects_kind(cli->verb->object), how_of(cli->verb->command), argv,
			 &change))
		return CLI_USAGE;
	if (batch_atomic(cli))
		return batch_change(cli, &change);
	if (batch_client(cli))
		return commit_change(cli, batch_client(cli), &change, &how);
	c = client_new();
	code = store_open(cli, c);
	if (code == CLI_OK)
		code = commit_change(cli, c, &change, &how);
	client_free(c);
	return code;
}

/* ---- what there is --------------------------------------------------------------- */

struct shown {
	const struct cli *cli;
	const char *set;	/* only this one; NULL: all */
	struct columns table;
	size_t count;
};

static void print_json(const struct cli *cli, json_t *o)
{
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

/* "route add 192.0.2.0/24 ...": as a batch takes it. */
static void object_command(const struct object *o, struct text *out)
{
	struct text words = { 0 };
	size_t noun;

	object_print(o, &words);
	noun = strcspn(text_string(&words), " ");
	text_printf(out, "%.*s add%s", (int)noun, text_string(&words), text_string(&words) + noun);
	text_free(&words);
}

static int show_object(void *ctx, uint32_t type, const void *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct text line = { 0 }, why = { 0 };
	struct shown *shown = ctx;
	struct object o;

	if (object_decode(type, key, key_len, value, value_len, &o, &why)) {
		cli_error("%s", text_string(&why));
	} else {
		object_command(&o, &line);
		if (shown->cli->json)
			print_json(shown->cli, json_pack("{ss ss so}", "object", "object", "type",
							 object_type_name(type), "command",
							 json_text(text_string(&line))));
		else
			puts(text_string(&line));
		shown->count++;
	}
	text_free(&line);
	text_free(&why);
	return 0;
}

static int show_element(void *ctx, uint32_t type, const void *key, size_t key_len,
			const void *value, size_t value_len)
{
	struct text timeout = { 0 }, why = { 0 };
	char buf[PREFIX_STRLEN];
	struct shown *shown = ctx;
	struct object o;

	if (object_decode(type, key, key_len, value, value_len, &o, &why)) {
		cli_error("%s", text_string(&why));
		text_free(&why);
		return 0;
	}
	prefix_format_short(&o.element.element, buf);
	shown->count++;
	if (shown->cli->json) {
		json_t *e = json_pack("{ss ss ss ss}", "object", "element", "set", o.element.set,
				      "element", buf, "origin", "store");

		if (o.element.timeout_ms)
			json_object_set_new(e, "timeout_ms", json_integer(o.element.timeout_ms));
		print_json(shown->cli, e);
		return 0;
	}
	if (o.element.timeout_ms)
		quantity_print_duration(o.element.timeout_ms, &timeout);
	columns_cell(&shown->table, "%s", o.element.set);
	columns_cell(&shown->table, "%s", buf);
	columns_cell(&shown->table, "%s", text_string(&timeout));
	columns_cell(&shown->table, "store");
	text_free(&timeout);
	return 0;
}

/* Reads the store, all types from @first to @last. */
static int show(struct shown *shown, uint64_t generation, uint32_t first, uint32_t last,
		const void *prefix, size_t prefix_len, client_object_fn each)
{
	struct client *c = client_new();
	int code = store_open(shown->cli, c);

	for (uint32_t type = first; code == CLI_OK && type <= last; type++) {
		if (!client_dump(c, generation, type, prefix, prefix_len, each, shown))
			continue;
		cli_error("%s", client_error(c));
		code = CLI_FAILED;
	}
	client_free(c);
	return code;
}

int object_show(struct cli *cli, int argc, char **argv)
{
	const char *word = NULL;
	const struct cli_option own[] = { { 'g', "generation", NULL, &word }, { 0 } };
	uint64_t generation = CLIENT_RUNNING;
	struct shown shown = { .cli = cli };

	if (cli_no_arguments(cli, argc, argv, own) < 0)
		return CLI_USAGE;
	if (word && generation_parse(word, &generation))
		return cli_usage(cli, "\"%s\" is not the number of a generation", word);
	return show(&shown, generation, SLUICE_OBJECT_PORT, SLUICE_OBJECT_ELEMENT, NULL, 0,
		    show_object);
}

int set_show(struct cli *cli, int argc, char **argv)
{
	static const char *const heads[] = { "SET", "ELEMENT", "TIMEOUT", "ORIGIN", NULL };
	int n = cli_options(cli, argc, argv, NULL), code;
	struct shown shown = { .cli = cli };

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one set", argv[1]);
	if (n == 1 && !object_name_good(argv[0]))
		return cli_usage(cli, "\"%s\" is not the name of a set", argv[0]);
	columns_init(&shown.table, heads);
	code = show(&shown, CLIENT_RUNNING, SLUICE_OBJECT_ELEMENT, SLUICE_OBJECT_ELEMENT,
		    n ? argv[0] : NULL, n ? strlen(argv[0]) + 1 : 0, show_element);
	columns_print(&shown.table, cli);
	if (code == CLI_OK && n && !shown.count) {
		cli_error("there is no set \"%s\" in the store", argv[0]);
		code = CLI_FAILED;
	}
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice port|route|group|set add|del|replace|flush: the typed objects of the store, each command
 * a transaction of its own, or a line of a batch.
 * sluice object show: what the store has of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "base/text.h"
#include "base/vec.h"
#include "batch.h"
#include "change.h"
#include "commit.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "objects.h"
#include "set.h"
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

/* What rules inserted goes, too: the user means what is in the set. */
static int forget(const struct cli *cli, const struct change *change, long long *deleted)
{
	struct vec changes = VEC(struct change);
	int code;

	vec_append(&changes, change);
	code = set_forget(cli, &changes, deleted);
	vec_free(&changes);
	return code;
}

/* The store has refused @change. Return: CLI_OK if it was about what rules inserted, alone. */
static int refused(const struct cli *cli, struct client *c, const struct change *change, int err)
{
	long long deleted = 0;
	int code = CLI_OK;

	if (err == -ENOENT && set_takes(change))
		code = forget(cli, change, &deleted);
	if (code == CLI_OK && !deleted)
		return change_complain(cli, change, c, err);
	return code;
}

/* An element whose time is over may be added anew: nobody would know it from one that is gone. */
static bool adds_over(struct client *c, struct change *change, int err)
{
	if (err != -EEXIST || change->how != CHANGE_ADD || change->object.kind != OBJECT_ELEMENT ||
	    !set_element_over(c, CLIENT_RUNNING, &change->object))
		return false;
	change->how = CHANGE_REPLACE;
	return true;
}

/* Opens a transaction. A batch gets over the end of its connection here, where nothing is under way. */
static int begin(const struct cli *cli, struct client **c)
{
	int err = client_begin(*c, NULL), code;

	if (batch_client(cli) && (store_lost(err) || err == -ENOTCONN)) {
		code = batch_reconnect(cli);
		if (code != CLI_OK)
			return code;
		*c = batch_client(cli);
		err = client_begin(*c, NULL);
	}
	return err ? store_failed(cli, *c, err) : CLI_OK;
}

/* One change, one transaction. @waited_ms: for others that came first. */
static int commit_change(const struct cli *cli, struct client *c, struct change *change,
			 const struct client_commit *how, unsigned int waited_ms)
{
	struct client_verdict verdict = { 0 };
	int code = begin(cli, &c), err;
	long long deleted;

	if (code != CLI_OK)
		return code;
	err = change_send(change, c);
	if (!err)
		err = client_flush(c);
	if (adds_over(c, change, err)) {
		client_abort(c);
		return commit_change(cli, c, change, how, waited_ms);
	}
	if (err) {
		code = refused(cli, c, change, err);
		if (!store_lost(err))
			client_abort(c);
		return code;
	}
	err = client_commit(c, how, &verdict);
	if (commit_again(cli, err, &waited_ms)) {
		client_abort(c);
		return commit_change(cli, c, change, how, waited_ms);
	}
	if (err) {
		code = commit_refused(cli, c, err);
		if (!store_lost(err))
			client_abort(c);	/* it is open still: the next line's is not */
		return code;
	}
	code = commit_tell(cli, &verdict, how);
	client_verdict_free(&verdict);
	return code == CLI_OK && set_takes(change) ? forget(cli, change, &deleted) : code;
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
		return commit_change(cli, batch_client(cli), &change, &how, 0);
	c = client_new();
	code = store_open(cli, c);
	if (code == CLI_OK)
		code = commit_change(cli, c, &change, &how, 0);
	client_free(c);
	return code;
}

/* ---- what there is --------------------------------------------------------------- */

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

static void print_command(const struct cli *cli, const struct object *o, struct text *line)
{
	json_t *json;

	object_command(o, line);
	if (!cli->json) {
		puts(text_string(line));
		return;
	}
	json = json_pack("{ss ss so}", "object", "object", "type", object_type_name(object_type(o->kind)),
			 "command", json_text(text_string(line)));
	ask_print_json(cli, json, NULL);
	json_decref(json);
}

/* One that is over is not: a batch would call it back. Of one that is not, what is left is to be added. */
static bool still_there(struct object_element *e)
{
	uint32_t left_ms;

	if (!set_element_left(e, &left_ms))
		return true;
	e->timeout_ms = left_ms;
	return left_ms;
}

static int show_object(void *ctx, uint32_t type, const void *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct text line = { 0 }, why = { 0 };
	const struct cli *cli = ctx;
	struct object o;

	if (object_decode(type, key, key_len, value, value_len, &o, &why))
		cli_error("%s", text_string(&why));
	else if (o.kind != OBJECT_ELEMENT || still_there(&o.element))
		print_command(cli, &o, &line);
	text_free(&line);
	text_free(&why);
	return 0;
}

int object_show(struct cli *cli, int argc, char **argv)
{
	const char *word = NULL;
	const struct cli_option own[] = { { 'g', "generation", NULL, &word }, { 0 } };
	uint64_t generation = CLIENT_RUNNING;
	struct client *c;
	int code, err;

	if (cli_no_arguments(cli, argc, argv, own) < 0)
		return CLI_USAGE;
	if (word && generation_parse(word, &generation))
		return cli_usage(cli, "\"%s\" is not the number of a generation", word);
	c = client_new();
	code = store_open(cli, c);
	for (uint32_t type = SLUICE_OBJECT_PORT; code == CLI_OK && type <= SLUICE_OBJECT_ELEMENT; type++) {
		err = client_dump(c, generation, type, NULL, 0, show_object, cli);
		if (err)
			code = store_failed(cli, c, err);
	}
	client_free(c);
	return code;
}

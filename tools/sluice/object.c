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

static void print_json(const struct cli *cli, json_t *o)
{
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

static bool takes_elements(const struct change *change)
{
	return change->object.kind == OBJECT_ELEMENT &&
	       (change->how == CHANGE_DEL || change->how == CHANGE_FLUSH);
}

/* What rules inserted goes, too: the user means what is in the set. Return: whether some did. */
static bool forget(const struct cli *cli, const struct change *change)
{
	long long n = takes_elements(change) ? set_forget(cli, change) : 0;

	if (n && !cli->json)
		printf("%lld inserted by rules %s taken out\n", n, n == 1 ? "was" : "were");
	else if (n)
		print_json(cli, json_pack("{ss sI}", "object", "inserted", "deleted", (json_int_t)n));
	return n;
}

/* An element whose time is over may be added anew: nobody would know it from one that is gone. */
static bool adds_over(struct client *c, struct change *change, int err)
{
	if (err != -EEXIST || change->how != CHANGE_ADD || change->object.kind != OBJECT_ELEMENT ||
	    !set_element_over(c, &change->object))
		return false;
	change->how = CHANGE_REPLACE;
	return true;
}

/* One change, one transaction. */
static int commit_change(const struct cli *cli, struct client *c, struct change *change,
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
	if (adds_over(c, change, err)) {
		client_abort(c);
		return commit_change(cli, c, change, how);
	}
	if (err) {
		bool forgotten = err == -ENOENT && forget(cli, change);

		if (!forgotten)
			change_complain(change, c, err);
		client_abort(c);
		return forgotten ? CLI_OK : CLI_FAILED;
	}
	err = commit_transaction(cli, c, how);
	if (err != CLI_OK)
		client_abort(c);	/* it is still open if the commit was refused: the next line's is not */
	else
		forget(cli, change);
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
	const struct cli *cli = ctx;
	struct object o;

	if (object_decode(type, key, key_len, value, value_len, &o, &why)) {
		cli_error("%s", text_string(&why));
	} else {
		object_command(&o, &line);
		if (cli->json)
			print_json(cli, json_pack("{ss ss so}", "object", "object", "type",
						  object_type_name(type), "command",
						  json_text(text_string(&line))));
		else
			puts(text_string(&line));
	}
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
	int code;

	if (cli_no_arguments(cli, argc, argv, own) < 0)
		return CLI_USAGE;
	if (word && generation_parse(word, &generation))
		return cli_usage(cli, "\"%s\" is not the number of a generation", word);
	c = client_new();
	code = store_open(cli, c);
	for (uint32_t type = SLUICE_OBJECT_PORT; code == CLI_OK && type <= SLUICE_OBJECT_ELEMENT; type++) {
		if (!client_dump(c, generation, type, NULL, 0, show_object, cli))
			continue;
		cli_error("%s", client_error(c));
		code = CLI_FAILED;
	}
	client_free(c);
	return code;
}

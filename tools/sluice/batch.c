// SPDX-License-Identifier: GPL-2.0
/*
 * sluice -batch: many commands, one a line, over one connection.
 *
 * Each line is a command as it would stand on a command line, with changes of its own. With
 * -atomic all lines are one transaction. No line of that asks the store: what is there when the
 * transaction begins is read once, each line is judged by that and by the lines before it, and
 * the changes are gathered into few messages. It is right all the same, as the store commits
 * only what began from the configuration that still runs.
 */
#include "batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "cli.h"
#include "commit.h"
#include "input.h"
#include "keys.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "set.h"
#include "store.h"
#include "words.h"

struct batch {
	const char *file;
	bool force, atomic;
	struct client *client;
	/* with @atomic: */
	struct keys keys;	/* what the transaction has */
	struct vec taken;	/* of struct change: elements to be taken out of what rules inserted, too */
	struct keys inserted;	/* what those have left of it, if it was read */
	bool inserted_read;
};

struct client *batch_client(const struct cli *cli)
{
	return cli->batch ? cli->batch->client : NULL;
}

bool batch_atomic(const struct cli *cli)
{
	return cli->batch && cli->batch->atomic;
}

/* Until batch_reconnect() the client is one that is not connected. */
static void lose(struct batch *b)
{
	client_free(b->client);
	b->client = client_new();
}

int batch_reconnect(const struct cli *cli)
{
	lose(cli->batch);
	return store_open(cli, cli->batch->client);
}

/* ---- what rules inserted ----------------------------------------------------------- */

/* Return: whether there was any. */
static bool take_inserted(struct batch *b, const struct change *c)
{
	uint32_t type = object_type(c->object.kind);
	uint8_t key[SLUICE_KEY_MAX];
	size_t len = object_key(&c->object, key);
	bool taken = false;

	if (c->how == CHANGE_DEL)
		return keys_del(&b->inserted, type, key, len);
	for (size_t i = 0; i < b->inserted.entries.len; i++) {
		struct keys_entry *e = vec_at(&b->inserted.entries, i);

		if (e->there && change_matches(c, e->type, keys_bytes(&b->inserted, e), e->len)) {
			e->there = false;
			taken = true;
		}
	}
	return taken;
}

/* Return: CLI_OK, or an exit code with a complaint. */
static int read_inserted(const struct cli *cli, struct batch *b)
{
	int code;

	if (b->inserted_read)
		return CLI_OK;
	code = set_inserted(cli, &b->inserted);
	if (code != CLI_OK)
		return code;
	b->inserted_read = true;
	for (size_t i = 0; i < b->taken.len; i++)
		take_inserted(b, vec_at(&b->taken, i));
	return CLI_OK;
}

/*
 * No transaction has what rules inserted: it goes when that has been accepted. Most lines are judged
 * without asking what there is of it.
 * @there: whether the configuration had what the line names.
 */
static int take(const struct cli *cli, const struct change *c, bool there)
{
	struct batch *b = cli->batch;
	int code = CLI_OK;
	bool taken;

	if (!there)
		code = read_inserted(cli, b);
	if (code != CLI_OK)
		return code;
	taken = b->inserted_read && take_inserted(b, c);
	if (!there && !taken)
		return change_complain(cli, c, b->client, -ENOENT);
	vec_append(&b->taken, c);
	return CLI_OK;
}

/* ---- one transaction -------------------------------------------------------------- */

static int take_key(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		    size_t value_len)
{
	(void)value, (void)value_len;
	keys_put(ctx, type, key, key_len);
	return 0;
}

static int read_keys(struct batch *b)
{
	int err = 0;

	for (uint32_t type = SLUICE_OBJECT_PORT; !err && type <= SLUICE_OBJECT_ELEMENT; type++)
		err = client_dump(b->client, CLIENT_TXN, type, NULL, 0, take_key, &b->keys);
	return err;
}

static int flush(struct batch *b, const struct change *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < b->keys.entries.len; i++) {
		struct keys_entry *e = vec_at(&b->keys.entries, i);
		const void *key = keys_bytes(&b->keys, e);

		if (!e->there || !change_matches(c, e->type, key, e->len))
			continue;
		err = client_del(b->client, e->type, key, e->len, 0);
		e->there = false;
	}
	return err;
}

int batch_change(const struct cli *cli, const struct change *c)
{
	uint32_t type = object_type(c->object.kind);
	struct batch *b = cli->batch;
	struct change plain = *c;
	uint8_t key[SLUICE_KEY_MAX];
	size_t len = object_key(&c->object, key);
	bool there = c->how == CHANGE_FLUSH || keys_has(&b->keys, type, key, len);
	int err = 0;

	if (c->how == CHANGE_ADD && there && !(c->object.kind == OBJECT_ELEMENT &&
					       set_element_over(b->client, CLIENT_TXN, &c->object)))
		err = -EEXIST;
	if (c->how == CHANGE_DEL && !there && c->object.kind != OBJECT_ELEMENT)
		err = -ENOENT;
	if (err)
		return change_complain(cli, c, b->client, err);
	if (set_takes(c)) {
		int code = take(cli, c, there);

		if (code != CLI_OK || !there)
			return code;
	}
	if (c->how == CHANGE_DEL)
		keys_del(&b->keys, type, key, len);
	if (c->how == CHANGE_ADD || c->how == CHANGE_REPLACE)
		keys_put(&b->keys, type, key, len);
	if (c->how == CHANGE_ADD)
		plain.how = CHANGE_REPLACE;	/* judged already; few messages have one flag */
	err = c->how == CHANGE_FLUSH ? flush(b, c) : change_send(&plain, b->client);
	return err ? store_failed(cli, b->client, err) : CLI_OK;
}

/* ---- lines ---------------------------------------------------------------------------- */

/* Return: an exit code; a line that is empty, or a remark, is fine. */
static int run_line(const struct cli *cli, char *line, size_t len)
{
	bool fed = input_is_standard(cli->batch->file);
	char *words[WORDS_MAX + 1];
	struct cli own = *cli;
	int n = words_split(line, len, words);

	if (n < 0)
		return CLI_USAGE;
	if (n && words[0][0] == '-') {
		cli_error("a line begins with its command, and not with %s", words[0]);
		cli_hint("options stand behind the command; -n, -V and -h before -batch");
		return CLI_USAGE;
	}
	for (int i = 1; fed && i < n; i++) {
		if (input_is_standard(words[i])) {
			cli_error("%s: standard input has the lines of this batch already", words[i]);
			cli_hint("put what is to be read into a file and name it, or the lines: -batch FILE");
			return CLI_USAGE;
		}
	}
	return n ? cli_run(&own, n, words) : CLI_OK;
}

/* Return: the first line's exit code that was not CLI_OK. */
static int run_lines(const struct cli *cli, struct batch *b, FILE *in)
{
	int result = CLI_OK, code;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	for (unsigned long n = 1; (len = getline(&line, &size, in)) >= 0; n++) {
		cli_place(strcmp(b->file, "-") ? b->file : "standard input", n);
		code = run_line(cli, line, len);
		if (code != CLI_OK && result == CLI_OK)
			result = code;
		if (code != CLI_OK && !b->force)
			break;
		if (code == CLI_UNREACHABLE)
			lose(b);
	}
	cli_place(NULL, 0);
	if (ferror(in)) {
		cli_error("cannot read %s: %s", b->file, strerror(errno));
		result = CLI_FAILED;
	}
	free(line);
	return result;
}

static int run_atomic(const struct cli *cli, struct batch *b, FILE *in,
		      const struct client_commit *how)
{
	int err = client_begin(b->client, NULL), code;
	long long deleted;

	if (!err)
		err = read_keys(b);
	if (err)
		return store_failed(cli, b->client, err);
	code = run_lines(cli, b, in);
	if (code != CLI_OK) {
		cli_error("nothing was done: with -atomic it is all or nothing");
		return code;
	}
	code = commit_transaction(cli, b->client, how);
	return code == CLI_OK && b->taken.len ? set_forget(cli, &b->taken, &deleted) : code;
}

static int run_batch(struct cli *cli, struct batch *b, const struct client_commit *how)
{
	FILE *in = strcmp(b->file, "-") ? fopen(b->file, "re") : stdin;
	int code;

	if (!in) {
		cli_error("cannot read %s: %s", b->file, strerror(errno));
		return CLI_FAILED;
	}
	b->client = client_new();
	keys_init(&b->keys);
	keys_init(&b->inserted);
	b->taken = VEC(struct change);
	code = store_open(cli, b->client);
	cli->batch = b;
	if (code == CLI_OK)
		code = b->atomic ? run_atomic(cli, b, in, how) : run_lines(cli, b, in);
	cli->batch = NULL;
	keys_free(&b->keys);
	keys_free(&b->inserted);
	vec_free(&b->taken);
	client_free(b->client);
	if (in != stdin)
		fclose(in);
	return code;
}

int batch(struct cli *cli, int argc, char **argv)
{
	struct commit_words words = { 0 };
	const char *file = NULL;
	struct batch b = { 0 };
	const struct cli_option own[] = {
		{ 0, "batch", NULL, &file },	/* in the manner of ip(8) */
		{ 0, "force", &b.force, NULL },
		{ 0, "atomic", &b.atomic, NULL },
		COMMIT_OPTIONS(words),
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);
	struct client_commit how;

	if (n < 0 || commit_how(cli, &words, &how))
		return CLI_USAGE;
	if (cli->batch)
		return cli_usage(cli, "a batch cannot have another one in it");
	if (!file && n)
		file = *argv++, n--;
	if (!file)
		return cli_usage(cli, "which file has the commands?");
	if (n)
		return cli_usage(cli, "\"%s\" is too much: one file", argv[0]);
	if (b.force && b.atomic)
		return cli_usage(cli, "-force goes on after a mistake, and -atomic does all or nothing");
	if (!b.atomic && (words.confirm || words.comment))
		return cli_usage(cli, "--confirm and --comment are for one transaction: -atomic");
	b.file = file;
	return run_batch(cli, &b, &how);
}

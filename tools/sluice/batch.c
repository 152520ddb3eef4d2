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
#include "keys.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "store.h"
#include "words.h"

struct batch {
	const char *file;
	bool force, atomic;
	struct client *client;
	struct keys keys;	/* with @atomic: what the transaction has */
};

struct client *batch_client(const struct cli *cli)
{
	return cli->batch ? cli->batch->client : NULL;
}

bool batch_atomic(const struct cli *cli)
{
	return cli->batch && cli->batch->atomic;
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
	int err = 0;

	if (c->how == CHANGE_ADD && keys_has(&b->keys, type, key, len))
		err = -EEXIST;
	if (c->how == CHANGE_DEL && !keys_del(&b->keys, type, key, len))
		err = -ENOENT;
	if (err) {
		change_complain(c, b->client, err);
		return CLI_FAILED;
	}
	if (c->how == CHANGE_ADD || c->how == CHANGE_REPLACE)
		keys_put(&b->keys, type, key, len);
	if (c->how == CHANGE_ADD)
		plain.how = CHANGE_REPLACE;	/* judged already; few messages have one flag */
	err = c->how == CHANGE_FLUSH ? flush(b, c) : change_send(&plain, b->client);
	if (err)
		cli_error("%s", client_error(b->client));
	return err ? CLI_FAILED : CLI_OK;
}

/* ---- lines ---------------------------------------------------------------------------- */

/* What ends the program on a command line, or goes elsewhere, would not do so for a line alone. */
static bool is_for_all(const char *word)
{
	static const char *const options[] = { "-h", "-V", "-n", "--h", "--v", "--n" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strncmp(word, options[i], strlen(options[i])))
			return true;
	return false;
}

/* Return: an exit code; a line that is empty, or a remark, is fine. */
static int run_line(const struct cli *cli, char *line)
{
	char *words[WORDS_MAX + 1];
	struct cli own = *cli;
	int n = words_split(line, words);

	if (n < 0) {
		cli_error("more than %d words", WORDS_MAX);
		return CLI_USAGE;
	}
	for (int i = 0; i < n; i++) {
		if (is_for_all(words[i])) {
			cli_error("%s stands before -batch, not on a line of it", words[i]);
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

	for (unsigned long n = 1; getline(&line, &size, in) >= 0; n++) {
		cli_place(strcmp(b->file, "-") ? b->file : "standard input", n);
		code = run_line(cli, line);
		if (code != CLI_OK && result == CLI_OK)
			result = code;
		if (code != CLI_OK && !b->force)
			break;
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
	int code;

	if (client_begin(b->client, NULL) || read_keys(b)) {
		cli_error("%s", client_error(b->client));
		return CLI_FAILED;
	}
	code = run_lines(cli, b, in);
	if (code != CLI_OK) {
		cli_error("nothing was done: with -atomic it is all or nothing");
		return code;
	}
	return commit_transaction(cli, b->client, how);
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
	code = store_open(cli, b->client);
	cli->batch = b;
	if (code == CLI_OK)
		code = b->atomic ? run_atomic(cli, b, in, how) : run_lines(cli, b, in);
	cli->batch = NULL;
	keys_free(&b->keys);
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

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice confirm: what was committed with --confirm stays.
 * sluice rollback: an older generation's contents, as a new generation.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ask.h"
#include "base/json.h"
#include "commit.h"
#include "netlink/client.h"
#include "store.h"

/* The one generation that may be named. Return: CLI_OK or CLI_USAGE. */
static int take_generation(const struct cli *cli, int n, char **argv, uint64_t *generation)
{
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one generation", argv[1]);
	if (n == 1 && generation_parse(argv[0], generation))
		return cli_usage(cli, "\"%s\" is not the number of a generation", argv[0]);
	return CLI_OK;
}

static int confirm_it(const struct cli *cli, struct client *c, uint64_t generation)
{
	struct client_status status;
	const char *warning;
	int err = client_status(c, &status);

	if (err)
		return store_failed(cli, c, err);
	err = client_confirm(c, generation);
	if (err)
		return commit_refused(cli, c, err);
	warning = client_warning(c);
	if (generation == CLIENT_RUNNING)
		generation = status.running;
	if (cli->json) {
		json_t *o = json_pack("{ss sI so}", "object", "confirm", "generation",
				      (json_int_t)generation, "message", json_text(warning));

		ask_print_json(cli, o, NULL);
		json_decref(o);
	} else {
		printf("generation %" PRIu64 " is confirmed\n", generation);
		if (*warning)
			fprintf(stderr, "%s\n", warning);
	}
	return CLI_OK;
}

int confirm(struct cli *cli, int argc, char **argv)
{
	int n = cli_options(cli, argc, argv, NULL), code;
	uint64_t generation = CLIENT_RUNNING;
	struct client *c;

	if (n < 0 || take_generation(cli, n, argv, &generation))
		return CLI_USAGE;
	c = client_new();
	code = store_open(cli, c);
	if (code == CLI_OK)
		code = confirm_it(cli, c, generation);
	client_free(c);
	return code;
}

static int go_back(const struct cli *cli, struct client *c, uint64_t generation,
		   const struct client_commit *how)
{
	struct client_verdict verdict = { 0 };
	unsigned int waited_ms = 0;
	int err, code;

	/* "The one before" is another one when somebody else has come first. */
	do
		err = client_rollback(c, generation, how, &verdict);
	while (generation != CLIENT_PREVIOUS && commit_again(cli, err, &waited_ms));
	if (err) {
		code = commit_refused(cli, c, err);
		if (err == -ENOENT)
			cli_hint("'sluice history' shows those that are kept");
		return code;
	}
	code = commit_tell(cli, &verdict, how);
	client_verdict_free(&verdict);
	return code;
}

int rollback(struct cli *cli, int argc, char **argv)
{
	struct commit_words words = { 0 };
	const struct cli_option own[] = { COMMIT_OPTIONS(words), { 0 } };
	int n = cli_options(cli, argc, argv, own), code;
	uint64_t generation = CLIENT_PREVIOUS;
	struct client_commit how;
	struct client *c;

	if (n < 0 || take_generation(cli, n, argv, &generation) || commit_how(cli, &words, &how))
		return CLI_USAGE;
	c = client_new();
	code = store_open(cli, c);
	if (code == CLI_OK)
		code = go_back(cli, c, generation, &how);
	client_free(c);
	return code;
}

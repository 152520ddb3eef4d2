// SPDX-License-Identifier: GPL-2.0
/*
 * sluice apply: makes the given policies, with all that they include, the running ones.
 *
 * They are parsed and checked here first: mistakes show at once, with the user's own paths,
 * and need no daemon. What was read is what is sent: each document under the name it was read
 * by, in one transaction, in place of all documents that were there before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "check.h"
#include "cli.h"
#include "netlink/client.h"
#include "policy/parse.h"
#include "store.h"

static struct policy *parse(const struct cli *cli, const char *const *names, size_t count)
{
	struct policy *p;
	struct diags diags;

	diags_init(&diags);
	p = policy_parse_documents(names, count, policy_load_file, NULL, &diags);
	if (diags.errors) {	/* warnings alone come back with the verdict */
		check_complain(cli, &diags);
		policy_free(p);
		p = NULL;
	}
	diags_free(&diags);
	return p;
}

static int send_documents(struct client *c, const struct policy *p)
{
	int err = client_begin(c, NULL);

	if (!err)
		err = client_del_documents(c);
	for (size_t i = 0; !err && i < p->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->sources, i);

		err = client_put_document(c, s->name, s->text, s->len);
	}
	return err;
}

/* What the daemon says: warnings and errors, and in the end what runs now. */
static void print_message(const struct client_verdict *v, const char *message)
{
	char *text = xstrdup(message), *rest, *line;
	bool told = false;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bool runs = v->accepted && !strncmp(line, "generation ", 11);

		fprintf(runs ? stdout : stderr, "%s\n", line);
		told |= runs;
	}
	free(text);
	if (v->accepted && !told)
		printf("generation %llu\n", (unsigned long long)v->generation);
}

static void print_verdict(const struct cli *cli, const struct client_verdict *v)
{
	const char *message = v->message ? v->message : "";

	if (cli->json) {
		json_t *o = json_pack("{ss sI sb so}", "object", "verdict", "generation",
				      (json_int_t)v->generation, "accepted", v->accepted,
				      "message", json_text(message));

		ask_print_json(cli, o, NULL);
		json_decref(o);
		return;
	}
	print_message(v, message);
	if (!v->accepted)
		cli_error("sluiced refused generation %llu; what ran goes on",
			  (unsigned long long)v->generation);
}

static int commit(const struct cli *cli, const struct policy *p)
{
	const struct client_commit how = { 0 };
	struct client_verdict verdict = { 0 };
	struct client *c = client_new();
	int code = store_open(cli, c);

	if (code != CLI_OK)
		goto free_client;
	if (send_documents(c, p) || client_commit(c, &how, &verdict)) {
		cli_error("%s", client_error(c));
		code = CLI_FAILED;
		goto free_client;
	}
	print_verdict(cli, &verdict);
	code = verdict.accepted ? CLI_OK : CLI_FAILED;
	client_verdict_free(&verdict);
free_client:
	client_free(c);
	return code;
}

int apply(struct cli *cli, int argc, char **argv)
{
	int n = cli_options(cli, argc, argv, NULL), code;
	struct policy *p;

	if (n < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file shall be applied?");
	p = parse(cli, (const char *const *)argv, n);
	if (!p)
		return CLI_FAILED;
	code = commit(cli, p);
	policy_free(p);
	return code;
}

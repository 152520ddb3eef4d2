// SPDX-License-Identifier: GPL-2.0
/*
 * sluice apply: makes the given policies, with all that they include, the running ones.
 *
 * They are parsed and checked here first: mistakes show at once, with the user's own paths,
 * and need no daemon. What was read is what is sent: each document under the name it was read
 * by, in one transaction, in place of all documents that were there before.
 */
#include "check.h"
#include "cli.h"
#include "commit.h"
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

static int commit(const struct cli *cli, const struct policy *p, const struct client_commit *how)
{
	struct client *c = client_new();
	int code = store_open(cli, c);

	if (code == CLI_OK && send_documents(c, p)) {
		cli_error("%s", client_error(c));
		code = CLI_FAILED;
	} else if (code == CLI_OK) {
		code = commit_transaction(cli, c, how);
	}
	client_free(c);
	return code;
}

int apply(struct cli *cli, int argc, char **argv)
{
	struct commit_words words = { 0 };
	const struct cli_option own[] = { COMMIT_OPTIONS(words), { 0 } };
	int n = cli_options(cli, argc, argv, own), code;
	struct client_commit how;
	struct policy *p;

	if (n < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file shall be applied?");
	if (commit_how(cli, &words, &how))
		return CLI_USAGE;
	p = parse(cli, (const char *const *)argv, n);
	if (!p)
		return CLI_FAILED;
	code = commit(cli, p, &how);
	policy_free(p);
	return code;
}

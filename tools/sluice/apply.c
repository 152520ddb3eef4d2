// SPDX-License-Identifier: GPL-2.0
/*
 * sluice apply: makes the given policies, with all that they include, the running ones.
 *
 * They are parsed and checked here first, together with the typed objects of the store, which
 * stay: mistakes show at once, with the user's own paths, and where no store answers all the same.
 * What was read is what is sent: each document under the name it was read by, in one transaction,
 * in place of all documents that were there before.
 */
#include "base/vec.h"
#include "check.h"
#include "cli.h"
#include "commit.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "policy/parse.h"
#include "store.h"

static struct policy *parse(const struct cli *cli, const char *const *names, size_t count,
			    const struct vec *objects)
{
	struct policy *p;
	struct diags diags;

	diags_init(&diags);
	p = policy_parse_configuration(names, count, policy_load_file, NULL, objects, &diags);
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
	int err = client_del_documents(c);

	for (size_t i = 0; !err && i < p->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->sources, i);

		err = client_put_document(c, s->name, s->text, s->len);
	}
	return err;
}

/* The objects that the documents will stand beside. Return: 0 or -errno. */
static int begin(struct client *c, struct vec *objects)
{
	struct text why = { 0 };
	int err = client_begin(c, NULL);

	if (!err)
		err = object_fetch(c, CLIENT_TXN, objects, &why);
	if (why.len) {	/* one that is not understood: the verdict will say so better */
		objects->len = 0;
		err = 0;
	}
	text_free(&why);
	return err;
}

static int apply_documents(const struct cli *cli, const char *const *names, size_t count,
			   const struct client_commit *how)
{
	struct vec objects = VEC(struct object);
	struct client *c = client_new();
	int closed = store_try(cli, c), err = closed, code = CLI_FAILED;
	struct policy *p;

	if (!err)
		err = begin(c, &objects);
	p = parse(cli, names, count, &objects);
	if (!p)
		goto free_all;
	if (!err)
		err = send_documents(c, p);
	if (closed)
		code = store_complain(cli, c, closed);
	else if (err)
		cli_error("%s", client_error(c));
	else
		code = commit_transaction(cli, c, how);
	policy_free(p);
free_all:
	vec_free(&objects);
	client_free(c);
	return code;
}

int apply(struct cli *cli, int argc, char **argv)
{
	struct commit_words words = { 0 };
	const struct cli_option own[] = { COMMIT_OPTIONS(words), { 0 } };
	int n = cli_options(cli, argc, argv, own);
	struct client_commit how;

	if (n < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file shall be applied?");
	if (commit_how(cli, &words, &how))
		return CLI_USAGE;
	return apply_documents(cli, (const char *const *)argv, n, &how);
}

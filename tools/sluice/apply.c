// SPDX-License-Identifier: GPL-2.0
/*
 * sluice apply: makes the given policies, with all that they include, the running ones.
 *
 * What was read is what is sent: each document under the name it was read by, in one transaction,
 * in place of all documents that there were before. sluiced parses and checks them together with
 * the typed objects of the store, which stay. Here they are parsed where sluiced has refused them, to show
 * mistakes as the user asked for; and where nobody answers, to show them all the same: a large policy that
 * is right is not read twice.
 */
#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "check.h"
#include "cli.h"
#include "commit.h"
#include "input.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "policy/documents.h"
#include "policy/parse.h"
#include "store.h"

struct application {
	const struct cli *cli;
	const char *const *names;
	size_t count;
	struct vec objects;	/* of struct object: that the documents will stand beside */
	struct vec documents;	/* of struct policy_document */
};

/* What was read is not read again: standard input could not be. */
static int load(void *context, const char *name, size_t limit, struct text *out)
{
	int err = policy_load_given(context, name, limit, out);

	return err == -ENOENT ? policy_load_file(NULL, name, limit, out) : err;
}

/* Return: whether there are mistakes, which are shown then; warnings alone come with the verdict. */
static bool complain(struct application *a)
{
	struct diags diags;
	struct policy *p;
	bool wrong;

	diags_init(&diags);
	p = policy_parse_configuration(a->names, a->count, load, &a->documents, &a->objects, &diags);
	wrong = diags.errors;
	if (wrong)
		check_complain(a->cli, &diags);
	policy_free(p);
	diags_free(&diags);
	return wrong;
}

static int send_documents(struct client *c, const struct vec *documents)
{
	static const char bom[] = "\xef\xbb\xbf";
	int err = client_del_documents(c);

	for (size_t i = 0; !err && i < documents->len; i++) {
		const struct policy_document *d = vec_at(documents, i);
		size_t skip = d->text.len >= 3 && !memcmp(d->text.data, bom, 3) ? 3 : 0;

		err = client_put_document(c, d->name, text_string(&d->text) + skip, d->text.len - skip);
	}
	return err;
}

static bool refuse_blank(const struct vec *documents)
{
	bool blank = false;

	for (size_t i = 0; !blank && i < documents->len; i++) {
		const struct policy_document *d = vec_at(documents, i);

		blank = input_refuse_blank(d->name, text_string(&d->text), d->text.len);
	}
	return blank;
}

/* Return: 0 or -errno. */
static int begin(struct client *c, struct vec *objects)
{
	struct text why = { 0 };
	int err = client_begin(c, NULL);

	objects->len = 0;
	if (!err)
		err = object_fetch(c, CLIENT_TXN, objects, &why);
	if (why.len) {	/* one that is not understood: the verdict will say so better */
		objects->len = 0;
		err = 0;
	}
	text_free(&why);
	return err;
}

/*
 * Where the data path runs what the store does not know, what the store has before the first generation is the
 * empty one: to go back there would take down all there was. (Single objects are refused there in any case.)
 */
static bool has_way_back(struct client *c)
{
	struct client_status status;

	if (client_status(c, &status) || status.running || !status.applied)
		return true;
	cli_error("there is nothing to go back to: the data path runs what an earlier sluiced left, which "
		  "the store does not know");
	cli_hint("apply without --confirm, or bring the store back first: see 'sluice status'");
	return false;
}

static int commit(struct application *a, struct client *c, const struct client_commit *how)
{
	struct client_verdict verdict = { 0 };
	unsigned int waited_ms = 0;
	int err, code;

	if (how->confirm_timeout_ms && !has_way_back(c))
		return CLI_FAILED;
	for (;;) {
		err = client_commit(c, how, &verdict);
		if (!commit_again(a->cli, err, &waited_ms))
			break;
		err = client_abort(c);
		if (!err)
			err = begin(c, &a->objects);
		if (!err)
			err = send_documents(c, &a->documents);
		if (err)
			return store_failed(a->cli, c, err);
	}
	if (err)
		return commit_refused(a->cli, c, err);
	if (!verdict.accepted && complain(a))
		code = CLI_FAILED;
	else
		code = commit_tell(a->cli, &verdict, how);
	client_verdict_free(&verdict);
	return code;
}

static int apply_documents(struct application *a, const struct client_commit *how)
{
	struct client *c = client_new();
	int closed = store_try(a->cli, c), err = closed, unread, code = CLI_FAILED;

	if (!err)
		err = begin(c, &a->objects);
	unread = policy_documents(a->names, a->count, policy_load_file, NULL, &a->documents);
	if (unread) {
		if (!complain(a))
			cli_error("the documents cannot be read: %s", strerror(-unread));
		goto free_client;
	}
	if (refuse_blank(&a->documents))
		goto free_client;
	if (!err)
		err = send_documents(c, &a->documents);
	if (!err)
		code = commit(a, c, how);
	else if (complain(a))
		code = CLI_FAILED;
	else if (closed)
		code = store_complain(a->cli, c, closed);
	else
		code = store_failed(a->cli, c, err);
free_client:
	client_free(c);
	return code;
}

int apply(struct cli *cli, int argc, char **argv)
{
	struct application a = { .cli = cli, .objects = VEC(struct object),
				 .documents = VEC(struct policy_document) };
	struct commit_words words = { 0 };
	const struct cli_option own[] = { COMMIT_OPTIONS(words), { 0 } };
	int n = cli_options(cli, argc, argv, own), code;
	struct client_commit how;

	if (n < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which file shall be applied?");
	if (commit_how(cli, &words, &how))
		return CLI_USAGE;
	a.names = (const char *const *)argv;
	a.count = n;
	code = apply_documents(&a, &how);
	vec_free(&a.objects);
	policy_documents_free(&a.documents);
	return code;
}

// SPDX-License-Identifier: GPL-2.0
#include "running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/text.h"
#include "base/vec.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "policy/parse.h"
#include "store.h"

int running_objects(const struct cli *cli, struct vec *objects)
{
	struct client *c = client_new();
	struct text why = { 0 };
	int code = store_open(cli, c), err = 0;

	if (code == CLI_OK)
		err = object_fetch(c, CLIENT_RUNNING, objects, &why);
	if (why.len) {
		cli_error("%s", text_string(&why));
		code = CLI_FAILED;
	} else if (err) {
		code = store_failed(cli, c, err);
	}
	text_free(&why);
	client_free(c);
	return code;
}

struct document {
	char *name, *text;
};

static void take_document(void *arg, const json_t *o, const char *line)
{
	struct document d = { xstrdup(field_text(o, "name")), xstrdup(field_text(o, "text")) };

	(void)line;
	vec_append(arg, &d);
}

static int load(void *ctx, const char *name, size_t limit, struct text *out)
{
	const struct vec *documents = ctx;

	for (size_t i = 0; i < documents->len; i++) {
		const struct document *d = vec_at(documents, i);
		size_t len = strlen(d->text);

		if (strcmp(d->name, name))
			continue;
		if (len > limit)
			return -EFBIG;
		text_append(out, d->text, len);
		return 0;
	}
	return -ENOENT;
}

static int ask_documents(const struct cli *cli, struct vec *documents)
{
	struct ask a;
	int code = ask_open(&a, cli);

	if (code == CLI_OK)
		code = ask_send(&a, ask_request("policy", "name", NULL));
	if (code == CLI_OK)
		code = ask_receive(&a, take_document, documents);
	if (code != CLI_OK)
		ask_complain(&a, code);
	ask_close(&a);
	return code;
}

int running_policy(const struct cli *cli, const struct vec *objects, struct policy **policy,
		   struct diags *diags)
{
	struct vec documents = VEC(struct document);
	int code = ask_documents(cli, &documents);

	if (code == CLI_OK) {
		const char **names = xcalloc(documents.len + 1, sizeof(*names));

		for (size_t i = 0; i < documents.len; i++)
			names[i] = ((struct document *)vec_at(&documents, i))->name;
		*policy = policy_parse_configuration(names, documents.len, load, &documents, objects, diags);
		free(names);
	}
	for (size_t i = 0; i < documents.len; i++) {
		free(((struct document *)vec_at(&documents, i))->name);
		free(((struct document *)vec_at(&documents, i))->text);
	}
	vec_free(&documents);
	return code;
}

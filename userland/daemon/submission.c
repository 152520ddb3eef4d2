// SPDX-License-Identifier: GPL-2.0
#include "daemon/submission.h"

#include <stdlib.h>

#include "base/text.h"
#include "base/vec.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "policy/parse.h"

struct submission {
	uv_work_t work;
	const char *socket;
	const char *const *files;
	size_t count;
	void (*done)(void *ctx, bool accepted, const char *message);
	void *ctx;
	bool accepted;
	struct text message;
};

static int send_documents(struct client *client, const struct policy *policy)
{
	int err = client_del_documents(client);

	for (size_t i = 0; !err && i < policy->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&policy->sources, i);

		err = client_put_document(client, s->name, s->text, s->len);
	}
	return err;
}

static int commit(struct submission *s, struct client *client, const struct policy *policy)
{
	const struct client_commit how = { .comment = "the policy of sluiced's command line" };
	struct client_verdict verdict = { 0 };
	int err = send_documents(client, policy);

	if (!err)
		err = client_commit(client, &how, &verdict);
	if (err)
		return err;
	s->accepted = verdict.accepted;
	text_printf(&s->message, "%s", verdict.message ? verdict.message : "");
	client_verdict_free(&verdict);
	return 0;
}

/* The typed objects of the store stay, beside the documents. */
static int begin(struct submission *s, struct client *client, struct vec *objects)
{
	struct text why = { 0 };
	int err = s->socket ? client_open(client, s->socket, NULL) : client_open_module(client, NULL);

	if (!err)
		err = client_begin(client, NULL);
	if (!err)
		err = object_fetch(client, CLIENT_TXN, objects, &why);
	if (why.len)	/* not understood: the verdict will say so */
		objects->len = err = 0;
	text_free(&why);
	return err;
}

/* In a thread of the pool: nothing of the daemon's is touched here. */
static void submit(uv_work_t *work)
{
	struct submission *s = work->data;
	struct vec objects = VEC(struct object);
	struct client *client = client_new();
	struct policy *policy;
	struct diags diags;
	int err = begin(s, client, &objects);

	diags_init(&diags);
	policy = policy_parse_configuration(s->files, s->count, policy_load_file, NULL, &objects,
					    &diags);
	if (diags.errors)
		diags_print(&diags, &s->message, false);
	else if (err || commit(s, client, policy))
		text_printf(&s->message, "%s", client_error(client));
	policy_free(policy);
	diags_free(&diags);
	vec_free(&objects);
	client_free(client);
}

static void is_done(uv_work_t *work, int status)
{
	struct submission *s = work->data;

	(void)status;
	s->done(s->ctx, s->accepted, text_string(&s->message));
	text_free(&s->message);
	free(s);
}

void submission_begin(uv_loop_t *loop, const char *socket, const char *const *files, size_t count,
		      void (*done)(void *ctx, bool accepted, const char *message), void *ctx)
{
	struct submission *s = xcalloc(1, sizeof(*s));

	s->work.data = s;
	s->socket = socket;
	s->files = files;
	s->count = count;
	s->done = done;
	s->ctx = ctx;
	uv_queue_work(loop, &s->work, submit, is_done);
}

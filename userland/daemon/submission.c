// SPDX-License-Identifier: GPL-2.0
#include "daemon/submission.h"

#include <stdlib.h>

#include "base/text.h"
#include "netlink/client.h"
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
	int err = client_begin(client, NULL);

	if (!err)
		err = client_del_documents(client);
	for (size_t i = 0; !err && i < policy->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&policy->sources, i);

		err = client_put_document(client, s->name, s->text, s->len);
	}
	return err;
}

static void commit(struct submission *s, const struct policy *policy)
{
	const struct client_commit how = { .comment = "the policy of sluiced's command line" };
	struct client_verdict verdict = { 0 };
	struct client *client = client_new();

	if ((s->socket ? client_open(client, s->socket, NULL) : client_open_module(client, NULL)) ||
	    send_documents(client, policy) ||
	    client_commit(client, &how, &verdict)) {
		text_printf(&s->message, "%s", client_error(client));
	} else {
		s->accepted = verdict.accepted;
		text_printf(&s->message, "%s", verdict.message ? verdict.message : "");
		client_verdict_free(&verdict);
	}
	client_free(client);
}

/* In a thread of the pool: nothing of the daemon's is touched here. */
static void submit(uv_work_t *work)
{
	struct submission *s = work->data;
	struct policy *policy;
	struct diags diags;

	diags_init(&diags);
	policy = policy_parse_documents(s->files, s->count, policy_load_file, NULL, &diags);
	if (diags.errors)
		diags_print(&diags, &s->message, false);
	else
		commit(s, policy);
	policy_free(policy);
	diags_free(&diags);
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

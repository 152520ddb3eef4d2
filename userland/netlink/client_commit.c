// SPDX-License-Identifier: GPL-2.0
/* client_commit.c: commit, the verdict on it, and the way back. */
#include "netlink/client_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define VERDICT_MS	(5 * 60 * 1000)

void client_verdict_free(struct client_verdict *v)
{
	free(v->message);
	v->message = NULL;
}

struct committed {
	struct client_verdict *verdict;
	bool decided;
};

/* The candidate's number, or the verdict, which may come before the acknowledgement. */
static int take_commit(struct client *c, const struct message *m, void *ctx)
{
	struct committed *k = ctx;

	(void)c;
	if (m->cmd != SLUICE_CMD_VERDICT || k->decided)
		return 0;
	k->decided = true;
	k->verdict->generation = m->generation;
	k->verdict->accepted = m->accepted;
	k->verdict->message = xstrdup(m->text ? m->text : "");
	return 0;
}

static void put_commit(struct client *c, const struct client_commit *how)
{
	if (how->confirm_timeout_ms)
		message_put_u32(&c->out_message, SLUICE_A_CONFIRM_TIMEOUT,
				how->confirm_timeout_ms);
	if (how->comment)
		message_put_string(&c->out_message, SLUICE_A_COMMENT, how->comment,
				   strlen(how->comment));
}

/* Sends what proposes a candidate, and waits for the verdict on it. */
static int decide(struct client *c, const struct client_commit *how, struct client_verdict *v)
{
	unsigned int wait_ms = how->wait_ms ? how->wait_ms : VERDICT_MS;
	struct committed k = { .verdict = v };
	struct request r = { .take = take_commit, .ctx = &k };
	const struct nlmsghdr *nlh;
	int64_t deadline;
	int err;

	put_commit(c, how);
	deadline = transport_now() + wait_ms;
	err = client_finish(c, &r);
	while (!err && !k.decided) {
		err = client_next_message(c, &nlh, deadline);
		if (err == -ETIMEDOUT)
			client_fail(c, err, "no verdict in %u s: it may still come", wait_ms / 1000);
		if (!err) {
			err = client_take(c, nlh, &r);
			err = err < 0 ? err : 0;
		}
	}
	if (err && k.decided)
		client_verdict_free(v);
	return err;
}

int client_commit(struct client *c, const struct client_commit *how, struct client_verdict *v)
{
	int err = client_begin_request(c, SLUICE_CMD_COMMIT, NLM_F_ACK);

	return err ? err : decide(c, how, v);
}

int client_propose(struct client *c, const struct client_commit *how, uint64_t *generation)
{
	struct request r = { .take = client_take_generation, .ctx = generation };
	int err = client_begin_request(c, SLUICE_CMD_COMMIT, NLM_F_ACK);

	if (err)
		return err;
	put_commit(c, how);
	return client_finish(c, &r);
}

int client_rollback(struct client *c, uint64_t generation, const struct client_commit *how,
		    struct client_verdict *v)
{
	int err = client_begin_request(c, SLUICE_CMD_ROLLBACK, NLM_F_ACK);

	if (err)
		return err;
	if (generation != CLIENT_PREVIOUS)
		message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	return decide(c, how, v);
}

int client_confirm(struct client *c, uint64_t generation)
{
	struct request r = {};
	int err = client_begin_request(c, SLUICE_CMD_CONFIRM, NLM_F_ACK);

	if (err)
		return err;
	if (generation != CLIENT_RUNNING)
		message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	return client_finish(c, &r);
}

static int take_status(struct client *c, const struct message *m, void *ctx)
{
	struct message_error e;
	int err = message_status(m, ctx, &e);

	return err ? client_fail(c, err, "the store sent a broken status: %s", e.sentence) : 0;
}

int client_status(struct client *c, struct client_status *s)
{
	struct request r = { .take = take_status, .ctx = s };
	int err = client_begin_request(c, SLUICE_CMD_STATUS, NLM_F_ACK);

	return err ? err : client_finish(c, &r);
}

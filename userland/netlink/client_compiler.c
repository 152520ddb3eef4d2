// SPDX-License-Identifier: GPL-2.0
/* client_compiler.c: a client that judges candidates: the store's one compiler. */
#include "netlink/client_inside.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

int client_bind(struct client *c, uint64_t runs, uint64_t *running)
{
	struct request r = { .take = client_take_generation, .ctx = running };
	int err = client_begin_request(c, SLUICE_CMD_BIND, NLM_F_ACK);

	if (err)
		return err;
	message_put_u64(&c->out_message, SLUICE_A_GENERATION, runs);
	return client_finish(c, &r);
}

int client_verdict(struct client *c, uint64_t generation, bool accepted, const char *message)
{
	char cut[SLUICE_MESSAGE_MAX + 1];
	struct request r = {};
	int err = client_begin_request(c, SLUICE_CMD_VERDICT, NLM_F_ACK);

	if (err)
		return err;
	message_put_u64(&c->out_message, SLUICE_A_GENERATION, generation);
	message_put_u32(&c->out_message, SLUICE_A_ACCEPTED, accepted);
	if (message && *message) {
		message = message_cut(message, cut);
		message_put_string(&c->out_message, SLUICE_A_MESSAGE, message, strlen(message));
	}
	return client_finish(c, &r);
}

int client_send_event(struct client *c, const char *name, const char *json)
{
	struct request r = {};
	int err;

	if (strlen(name) > SLUICE_EVENT_NAME_MAX || (json && strlen(json) > SLUICE_EVENT_TEXT_MAX))
		return client_fail(c, -EINVAL, "the event \"%.63s\" is too long to be told", name);
	err = client_begin_request(c, SLUICE_CMD_EVENT, NLM_F_ACK);
	if (err)
		return err;
	message_put_event(&c->out_message, name, clock_ns(CLOCK_REALTIME), json);
	return client_finish(c, &r);
}

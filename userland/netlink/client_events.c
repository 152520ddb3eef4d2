// SPDX-License-Identifier: GPL-2.0
/* client_events.c: what the store has told without being asked. */
#include "netlink/client_inside.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

int client_subscribe(struct client *c, uint32_t groups)
{
	struct request r = {};
	struct text why = { 0 };
	int err;

	if (c->transport && c->transport->ops->subscribe) {
		c->error[0] = '\0';
		err = c->transport->ops->subscribe(c->transport, groups, &why);
		return err ? client_fail_transport(c, err, &why) : 0;
	}
	err = client_begin_request(c, SLUICE_CMD_SUBSCRIBE, NLM_F_ACK);
	if (err)
		return err;
	message_put_u32(&c->out_message, SLUICE_A_GROUPS, groups);
	return client_finish(c, &r);
}

static void describe_event(struct client_event *e, const struct message *m)
{
	struct message_event event;

	*e = (struct client_event){
		.cmd = m->cmd,
		.generation = m->generation,
		.copied = message_has(m, SLUICE_A_FROM),
		.from = m->from,
		.flags = m->flags,
		.confirm_timeout_ms = m->confirm_timeout_ms,
		.accepted = m->accepted,
		.comment = m->comment,
		.message = m->text,
	};
	if (message_event(m, &event)) {
		e->name = event.name;
		e->text = event.text;
		e->time_ns = event.time_ns;
	}
}

/* The next object of the event that is being told, or false. */
static bool next_told(struct client *c, struct client_event *e)
{
	struct message_object o;

	if (!c->told || !c->told_object ||
	    !message_object(&c->told_message, &c->told_object, &o))
		return false;
	describe_event(e, &c->told_message);
	e->type = o.type;
	e->key = o.key;
	e->key_len = o.key_len;
	return true;
}

/* Takes the oldest event that is kept. Return: whether there is something to tell in it. */
static bool tell(struct client *c, struct client_event *e)
{
	const struct nlmsghdr *nlh = (const void *)c->events->bytes;
	struct message_error error;
	struct message_object o;

	free(c->told);
	c->told = c->events;
	c->told_object = NULL;
	c->events = c->events->next;
	if (!c->events)
		c->last_event = &c->events;
	c->n_events--;
	if (!nlh->nlmsg_len) {
		*e = (struct client_event){ .lost = true };
		return true;
	}
	if (message_answer(nlh, &c->told_message, &error))
		return false;
	describe_event(e, &c->told_message);
	if (message_object(&c->told_message, &c->told_object, &o)) {
		e->type = o.type;
		e->key = o.key;
		e->key_len = o.key_len;
	}
	return true;
}

int client_next_event(struct client *c, struct client_event *e, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : transport_now() + timeout_ms;
	struct request none = {};
	const struct nlmsghdr *nlh;
	int err;

	if (next_told(c, e))
		return 0;
	err = client_flush(c);
	if (err)
		return err;
	c->error[0] = '\0';
	for (;;) {
		while (c->events)
			if (tell(c, e))
				return 0;
		err = client_next_message(c, &nlh, deadline);
		if (err == -ETIMEDOUT)
			return client_fail(c, err, "nothing has happened");
		if (err)
			return err;
		if (nlh && nlh->nlmsg_type == NLMSG_ERROR)
			continue;	/* to a request that was given up */
		err = client_take(c, nlh, &none);
		if (err < 0)
			return err;
	}
}

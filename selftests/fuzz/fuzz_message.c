// SPDX-License-Identifier: GPL-2.0
// sources: userland/netlink/message.c userland/netlink/document.c
// sources: userland/base/text.c userland/base/vec.c
// libs: -lmnl
/*
 * A datagram from outside: split, and every message of it read as a request, as an answer and
 * as an error, with all that can be read in it. What was taken as a request is also put
 * together again from its fields, and must be read back as the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/client.h"
#include "netlink/document.h"
#include "netlink/message.h"

static size_t sum;	/* so that no read is optimised away */

static void touch(const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += ((const unsigned char *)bytes)[i];
}

static int read_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	(void)ctx;
	touch(name, strlen(name));
	touch(bytes, len + 1);
	return 0;
}

static void read_fields(const struct message *m)
{
	struct document_reader reader = { .each = read_document };
	const struct nlattr *pos = NULL;
	static struct client_status status;
	struct message_object o;
	struct message_event event;
	struct message_error e;
	int err = 0;

	while (message_object(m, &pos, &o)) {
		touch(o.key, o.key ? o.key_len : 0);
		touch(o.value, o.value ? o.value_len : 0);
		if (!err && o.key)
			err = document_take(&reader, o.key, o.key_len, o.value, o.value_len);
	}
	if (!err)
		document_end(&reader);
	document_free(&reader);
	if (m->comment)
		touch(m->comment, strlen(m->comment));
	if (m->text)
		touch(m->text, strlen(m->text));
	if (message_event(m, &event)) {
		touch(event.name, event.name ? strlen(event.name) : 0);
		touch(event.text, event.text ? strlen(event.text) : 0);
	}
	if (m->status && !message_status(m, &status, &e))
		for (unsigned int i = 0; i < status.generations; i++)
			touch(status.generation[i].comment, strlen(status.generation[i].comment));
}

static bool same_string(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static void put_again(const struct message *m)
{
	static char buf[2 * SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	const struct nlattr *pos = NULL, *pos_again = NULL;
	struct message_object o, p;
	struct message_event event;
	struct message_error e;
	struct message_out out;
	struct message again;

	message_start(&out, buf, sizeof(buf), m->cmd, m->nlh->nlmsg_flags, m->nlh->nlmsg_seq);
	if (message_has(m, SLUICE_A_FLAGS))
		message_put_u32(&out, SLUICE_A_FLAGS, m->flags);
	if (message_has(m, SLUICE_A_GENERATION))
		message_put_u64(&out, SLUICE_A_GENERATION, m->generation);
	if (message_has(m, SLUICE_A_CONFIRM_TIMEOUT))
		message_put_u32(&out, SLUICE_A_CONFIRM_TIMEOUT, m->confirm_timeout_ms);
	if (message_has(m, SLUICE_A_ACCEPTED))
		message_put_u32(&out, SLUICE_A_ACCEPTED, m->accepted);
	if (message_has(m, SLUICE_A_GROUPS))
		message_put_u32(&out, SLUICE_A_GROUPS, m->groups);
	if (m->comment)
		message_put_string(&out, SLUICE_A_COMMENT, m->comment, strlen(m->comment));
	if (m->text)
		message_put_string(&out, SLUICE_A_MESSAGE, m->text, strlen(m->text));
	if (message_event(m, &event))
		message_put_event(&out, event.name, event.time_ns, event.text);
	while (message_object(m, &pos, &o))
		if (!message_put_object(&out, o.type, o.key, o.key_len, o.value, o.value_len))
			abort();
	if (!message_len(&out) || message_request((void *)buf, &again, &e))
		abort();
	if (again.cmd != m->cmd || again.dump != m->dump || again.has != m->has ||
	    again.flags != m->flags || again.generation != m->generation ||
	    again.confirm_timeout_ms != m->confirm_timeout_ms ||
	    again.accepted != m->accepted || again.groups != m->groups ||
	    !same_string(again.comment, m->comment) || !same_string(again.text, m->text))
		abort();
	pos = NULL;
	while (message_object(m, &pos, &o)) {
		if (!message_object(&again, &pos_again, &p) || o.type != p.type ||
		    o.key_len != p.key_len || o.value_len != p.value_len ||
		    (o.key_len && memcmp(o.key, p.key, o.key_len)) ||
		    (o.value_len && memcmp(o.value, p.value, o.value_len)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct nlmsghdr *nlh;
	struct message_error e;
	struct message m;
	char *exact, sentence[64];
	uint32_t offset;
	size_t pos = 0;
	int err;

	if (len > SLUICE_DATAGRAM_MAX)
		return 0;
	exact = malloc(len ? len : 1);	/* aligned, and no byte more */
	memcpy(exact, bytes, len);
	while ((nlh = message_split(exact, len, &pos, &e))) {
		if (!message_answer(nlh, &m, &e))
			read_fields(&m);
		else if (!e.err || !e.sentence[0])
			abort();
		if (!message_request(nlh, &m, &e)) {
			read_fields(&m);
			put_again(&m);
		} else if (e.where && ((char *)e.where < exact || (char *)e.where >= exact + len)) {
			abort();
		}
		if (!message_error(nlh, &err, sentence, sizeof(sentence), &offset) && err > 0)
			abort();
		if (message_done(nlh, sentence, sizeof(sentence)) > 0)
			abort();
	}
	free(exact);
	return 0;
}

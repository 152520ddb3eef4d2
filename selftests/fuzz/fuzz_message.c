// SPDX-License-Identifier: GPL-2.0
// options: -max_len=20000
/*
 * A datagram from outside: split, and every message of it read as a request, as an answer and
 * as an error, with all that can be read in it. What was taken as a request is also put
 * together again from its fields, and must be read back as the same; so are a status and a
 * refusal that are made of the input's bytes, into buffers of any size.
 *
 * Bytes changed at random seldom leave lengths that fit. So half of the mutations know the
 * format: they add whole messages, and attributes of any number, place and size, above all
 * of those at the limits, and mend the lengths of what the other half has left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

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
		if (o.type_attr && !o.type)
			return;		/* the store refuses it; to write it means to leave it out */
		else if (!message_put_object(&out, o.type, o.key, o.key_len, o.value, o.value_len))
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

/* --- what the store sends, made of any bytes ----------------------------------------- */

struct source {
	const uint8_t *next, *end;
};

static uint32_t take(struct source *from, int bytes)
{
	uint32_t n = 0;

	while (bytes--)
		n = n << 8 | (from->next < from->end ? *from->next++ : 0);
	return n;
}

static uint64_t take_u64(struct source *from)
{
	uint64_t high = take(from, 4);

	return high << 32 | take(from, 4);
}

static void make_status(struct source *from, struct client_status *s)
{
	uint32_t what = take(from, 2);

	*s = (struct client_status){ .home = what & 3, .compiler = what & 4 };
	s->running = take_u64(from);
	s->applied = take_u64(from);
	s->candidate_waits = what & 8;
	s->candidate = what & 8 ? take_u64(from) : 0;
	s->confirm_waits = what & 16;
	s->confirm_left_ms = what & 16 ? take(from, 4) : 0;
	s->confirm_back = what & 16 ? take_u64(from) : 0;
	s->txns = take(from, 4);
	s->memory = take_u64(from);
	s->objects_max = take(from, 4);
	s->bytes_max = take_u64(from);
	s->memory_max = take_u64(from);
	s->generations = (what >> 8) % (SLUICE_HISTORY_MAX + 2);
	for (unsigned int i = 0; i < s->generations; i++) {
		struct client_generation *g = &s->generation[i];

		what = take(from, 1);
		*g = (struct client_generation){ .number = take(from, 1), .copied = what & 1 };
		g->from = what & 1 ? take(from, 2) : 0;
		g->time_s = take(from, 2);
		g->objects = take(from, 2);
		g->bytes = take(from, 2);
		memset(g->comment, 'c', what);
	}
}

static void status_again(const struct client_status *s, size_t size)
{
	static char buf[16384] __attribute__((aligned(4)));
	static struct client_status again;
	struct message_error e;
	struct message_out o;
	struct message m;

	message_start(&o, buf, size, SLUICE_CMD_STATUS, 0, 1);
	message_put_status(&o, s);
	if (!message_len(&o))
		return;
	if (message_len(&o) > size || message_answer((void *)buf, &m, &e) ||
	    message_status(&m, &again, &e) || again.home != s->home ||
	    again.compiler != s->compiler || again.running != s->running ||
	    again.applied != s->applied || again.candidate_waits != s->candidate_waits ||
	    again.candidate != s->candidate || again.confirm_waits != s->confirm_waits ||
	    again.confirm_left_ms != s->confirm_left_ms || again.confirm_back != s->confirm_back ||
	    again.txns != s->txns || again.memory != s->memory ||
	    again.objects_max != s->objects_max || again.bytes_max != s->bytes_max ||
	    again.memory_max != s->memory_max || again.generations != s->generations)
		abort();
	for (unsigned int i = 0; i < s->generations; i++) {
		const struct client_generation *a = &s->generation[i], *b = &again.generation[i];

		if (a->number != b->number || a->copied != b->copied || a->from != b->from ||
		    a->time_s != b->time_s || a->objects != b->objects || a->bytes != b->bytes ||
		    strcmp(a->comment, b->comment))
			abort();
	}
}

static void refusal_again(struct source *from)
{
	char buf[MESSAGE_ERROR_MAX] __attribute__((aligned(4))), sentence[300];
	static char text[2 * SLUICE_MESSAGE_MAX], cut[SLUICE_MESSAGE_MAX + 1];
	struct nlmsghdr request = { .nlmsg_len = 64, .nlmsg_seq = take(from, 4) };
	struct message_error e;
	uint32_t what = take(from, 2), offset;
	int err = -1;

	message_fail(&e, -(int)(what & 127), what & 128 ? (void *)(&request + 1) : NULL, "%*d",
		     (int)(what >> 8), 1);
	if (message_put_error(buf, &request, &e) > sizeof(buf) ||
	    message_error((void *)buf, &err, sentence, sizeof(sentence), &offset) ||
	    err != e.err || (err && strcmp(sentence, e.sentence)) ||
	    offset != (e.err && e.where ? sizeof(request) : 0) ||
	    ((struct nlmsghdr *)buf)->nlmsg_seq != request.nlmsg_seq)
		abort();
	if (message_put_done(buf, 7) > sizeof(buf) ||
	    message_done((void *)buf, sentence, sizeof(sentence)))
		abort();
	if (message_put_overrun(buf) != sizeof(struct nlmsghdr))
		abort();
	memset(text, 't', SLUICE_MESSAGE_MAX + 8);
	text[SLUICE_MESSAGE_MAX - 4 + what % 9] = '\0';
	if (strlen(message_cut(text, cut)) > SLUICE_MESSAGE_MAX)
		abort();
}

static void document_again(struct source *from)
{
	char name[DOCUMENT_NAME_MAX + 3];
	struct document_reader reader = { .each = read_document };
	uint8_t key[SLUICE_KEY_MAX];
	uint32_t len = take(from, 1);
	size_t key_len;

	memset(name, 'n', sizeof(name));
	name[len < DOCUMENT_NAME_MAX - 1 ? len : DOCUMENT_NAME_MAX - 1 + len % 3] = '\0';
	key_len = document_key(name, 0, key);
	if (!key_len != (!name[0] || strlen(name) > DOCUMENT_NAME_MAX))
		abort();
	if (key_len && (document_take(&reader, key, key_len, name, len % 8) ||
			document_end(&reader)))
		abort();
	document_free(&reader);
}

/* --- mutations that know the format --------------------------------------------------- */

/* Not what is tested: no path through it is worth an input. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);

static uint32_t random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

struct growing {
	uint8_t *bytes;
	size_t len, max;
	uint32_t *random;
};

/* Appends an attribute of @len bytes; what they are is left to chance. Return: whether it fits. */
static bool add_attribute(struct growing *g, uint16_t type, size_t len)
{
	struct nlattr a = { .nla_len = sizeof(a) + len, .nla_type = type };
	static const char fill[] = { 0, 1, 'k', -1 };
	uint8_t *payload = g->bytes + g->len + sizeof(a);

	if (g->len + sizeof(a) + MNL_ALIGN(len) > g->max || len > 60000)
		return false;
	memcpy(g->bytes + g->len, &a, sizeof(a));
	memset(payload, fill[random_below(g->random, 4)], MNL_ALIGN(len));
	if (len)
		payload[0] = random_below(g->random, 8);
	if (len && random_below(g->random, 4))
		payload[len - 1] = 0;
	g->len += sizeof(a) + MNL_ALIGN(len);
	return true;
}

/* Lengths that some rule is about, and those beside them. */
static size_t some_length(struct growing *g)
{
	static const size_t limits[] = {
		4, 8, SLUICE_KEY_MAX, SLUICE_COMMENT_MAX + 1, SLUICE_EVENT_NAME_MAX + 1,
		SLUICE_VALUE_MAX, SLUICE_MESSAGE_MAX + 1, 6,
	};
	uint32_t what = random_below(g->random, 16);

	/* the long ones cost, and are rare */
	if (what >= 5 && what < 7 && random_below(g->random, 16))
		what = 0;
	return what < 8 ? limits[what] - 1 + random_below(g->random, 3) :
			  random_below(g->random, 20);
}

static bool add_nest(struct growing *g, int attr, int max)
{
	size_t start = g->len;
	uint16_t flag = random_below(g->random, 8) ? NLA_F_NESTED : 0, len;

	if (!add_attribute(g, attr | flag, 0))
		return false;
	for (int n = random_below(g->random, 5); n; n--) {
		int type = 1 + random_below(g->random, max + 1);

		if (attr == SLUICE_A_STATUS && type == SLUICE_STATUS_A_GENERATION &&
		    max == SLUICE_STATUS_A_MAX) {
			add_nest(g, type, SLUICE_GENERATION_A_MAX);
			continue;
		}
		if (attr == SLUICE_A_OBJECT && n < 4)
			type = n;	/* most have all they need */
		add_attribute(g, type, type == 1 && attr == SLUICE_A_OBJECT ? 4 :
			      random_below(g->random, 2) ? 8 : some_length(g));
	}
	if (g->len - start > UINT16_MAX)
		return false;
	len = g->len - start;
	memcpy(g->bytes + start, &len, sizeof(len));
	return true;
}

static bool add_any_attribute(struct growing *g)
{
	static const uint8_t sizes[SLUICE_A_MAX + 1] = {
		[SLUICE_A_FLAGS] = 4, [SLUICE_A_GENERATION] = 8, [SLUICE_A_FROM] = 8,
		[SLUICE_A_CONFIRM_TIMEOUT] = 4, [SLUICE_A_ACCEPTED] = 4, [SLUICE_A_GROUPS] = 4,
	};
	int type = random_below(g->random, SLUICE_A_MAX + 2);

	if (type == SLUICE_A_OBJECT)
		return add_nest(g, type, SLUICE_OBJECT_A_MAX);
	if (type == SLUICE_A_EVENT)
		return add_nest(g, type, SLUICE_EVENT_A_MAX);
	if (type == SLUICE_A_STATUS)
		return add_nest(g, type, SLUICE_STATUS_A_MAX);
	return add_attribute(g, type, type <= SLUICE_A_MAX && sizes[type] &&
			     random_below(g->random, 4) ? sizes[type] : some_length(g));
}

static bool add_message(struct growing *g)
{
	/* what most requests have, so that they are taken */
	static const uint8_t needs[SLUICE_CMD_MAX + 1] = {
		[SLUICE_CMD_SET] = SLUICE_A_OBJECT, [SLUICE_CMD_DEL] = SLUICE_A_OBJECT,
		[SLUICE_CMD_GET] = SLUICE_A_OBJECT, [SLUICE_CMD_EVENT] = SLUICE_A_EVENT,
		[SLUICE_CMD_SUBSCRIBE] = SLUICE_A_GROUPS, [SLUICE_CMD_VERDICT] = SLUICE_A_ACCEPTED,
		[SLUICE_CMD_STATUS] = SLUICE_A_STATUS,
	};
	size_t start = g->len;
	struct nlmsghdr nlh = {
		.nlmsg_type = random_below(g->random, 8) ? SLUICE_UNIX_TYPE :
			      2 + random_below(g->random, 3),
		.nlmsg_flags = NLM_F_REQUEST | random_below(g->random, 2) * NLM_F_ACK |
			       (random_below(g->random, 4) ? 0 : NLM_F_DUMP),
	};
	struct {
		uint8_t cmd, version;
		uint16_t reserved;
	} genl = { random_below(g->random, SLUICE_CMD_MAX + 2), 1, 0 };

	if (g->len + sizeof(nlh) + sizeof(genl) > g->max)
		return false;
	g->len += sizeof(nlh);
	memcpy(g->bytes + g->len, &genl, sizeof(genl));
	g->len += sizeof(genl);
	if (nlh.nlmsg_type != SLUICE_UNIX_TYPE) {
		nlh.nlmsg_flags = NLM_F_ACK_TLVS | random_below(g->random, 2) * NLM_F_CAPPED;
		add_attribute(g, NLMSGERR_ATTR_MSG, some_length(g));
		add_attribute(g, NLMSGERR_ATTR_OFFS, 4);
	} else if (genl.cmd <= SLUICE_CMD_MAX) {
		switch (needs[genl.cmd]) {
		case SLUICE_A_OBJECT:
			add_nest(g, SLUICE_A_OBJECT, SLUICE_OBJECT_A_MAX);
			break;
		case SLUICE_A_EVENT:
			add_nest(g, SLUICE_A_EVENT, SLUICE_EVENT_A_MAX);
			break;
		case SLUICE_A_STATUS:
			add_nest(g, SLUICE_A_STATUS, SLUICE_STATUS_A_MAX);
			break;
		case SLUICE_A_ACCEPTED:
			add_attribute(g, SLUICE_A_GENERATION, 8);
			/* fall through */
		case SLUICE_A_GROUPS:
			add_attribute(g, needs[genl.cmd], 4);
			break;
		}
		if (!random_below(g->random, 2))
			add_any_attribute(g);
	}
	nlh.nlmsg_len = g->len - start;
	memcpy(g->bytes + start, &nlh, sizeof(nlh));
	return true;
}

/* The last message's start, if lengths lead there; else SIZE_MAX. */
static size_t last_message(const uint8_t *bytes, size_t len)
{
	size_t at = 0, last = SIZE_MAX;
	struct nlmsghdr nlh;

	while (at + sizeof(nlh) <= len) {
		memcpy(&nlh, bytes + at, sizeof(nlh));
		if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > len - at)
			break;
		last = at;
		at += MNL_ALIGN(nlh.nlmsg_len);
	}
	return last;
}

/* Makes lengths of attributes fit into @len bytes. */
static void mend_attributes(uint8_t *bytes, size_t len, int depth)
{
	struct nlattr a;

	while (len >= sizeof(a)) {
		memcpy(&a, bytes, sizeof(a));
		if (a.nla_len < sizeof(a))
			a.nla_len = sizeof(a);
		if (a.nla_len > len)
			a.nla_len = len;
		memcpy(bytes, &a, sizeof(a));
		if (a.nla_type & NLA_F_NESTED && depth < 3)
			mend_attributes(bytes + sizeof(a), a.nla_len - sizeof(a), depth + 1);
		if (MNL_ALIGN(a.nla_len) >= len)
			break;
		bytes += MNL_ALIGN(a.nla_len);
		len -= MNL_ALIGN(a.nla_len);
	}
}

static void mend(uint8_t *bytes, size_t len)
{
	const size_t head = sizeof(struct nlmsghdr) + 4;
	struct nlmsghdr nlh;

	while (len >= head) {
		memcpy(&nlh, bytes, sizeof(nlh));
		if (nlh.nlmsg_len < head || nlh.nlmsg_len > len)
			nlh.nlmsg_len = len;
		nlh.nlmsg_flags |= NLM_F_REQUEST;
		if (nlh.nlmsg_type > NLMSG_OVERRUN)
			nlh.nlmsg_type = SLUICE_UNIX_TYPE;
		memcpy(bytes, &nlh, sizeof(nlh));
		mend_attributes(bytes + head, nlh.nlmsg_len - head, 0);
		if (MNL_ALIGN(nlh.nlmsg_len) >= len)
			break;
		bytes += MNL_ALIGN(nlh.nlmsg_len);
		len -= MNL_ALIGN(nlh.nlmsg_len);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned int seed)
{
	struct growing g = { bytes, len, max, &seed };
	struct nlmsghdr nlh;
	size_t last;

	switch (random_below(&seed, 6)) {
	case 0:
		return LLVMFuzzerMutate(bytes, len, max);
	case 1: case 2:
		g.len = LLVMFuzzerMutate(bytes, len, max);
		mend(bytes, g.len);
		return g.len;
	case 3:
		g.len = random_below(&seed, 2) && last_message(bytes, len) != SIZE_MAX ? len : 0;
		g.len = MNL_ALIGN(g.len) <= max ? MNL_ALIGN(g.len) : 0;
		return add_message(&g) ? g.len : LLVMFuzzerMutate(bytes, len, max);
	default:
		last = last_message(bytes, len);
		if (last == SIZE_MAX || len % 4 || !add_any_attribute(&g))
			return LLVMFuzzerMutate(bytes, len, max);
		memcpy(&nlh, bytes + last, sizeof(nlh));
		nlh.nlmsg_len = g.len - last;
		memcpy(bytes + last, &nlh, sizeof(nlh));
		return g.len;
	}
}

#pragma clang attribute pop

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct client_status status;
	const struct nlmsghdr *nlh;
	struct message_error e;
	struct source source;
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
	source = (struct source){ bytes, bytes + len };
	make_status(&source, &status);
	status_again(&status, 64 + take(&source, 2) % 16000);
	refusal_again(&source);
	document_again(&source);
	return 0;
}

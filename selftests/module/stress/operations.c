// SPDX-License-Identifier: GPL-2.0
/*
 * operations.c: what a process does with one of its sockets: whatever state that is in, there is an
 * answer which the store owes it.
 */
#include "selftests/module/stress/stress.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <linux/genetlink.h>

#include "netlink/client.h"
#include "selftests/module/socket.h"

#define NOISE		150		/* keys of other objects, a type */

static void over(struct conn *c)
{
	c->txn = c->whole = c->partial = false;
	c->written = 0;
}

static void do_begin(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_TXN_BEGIN);
	uint64_t floor = seen_running();
	struct answer a = { 0 };

	if (c->txn) {
		EXPECT(BEGIN, request(c, &o, &a), -EALREADY);
		return;
	}
	if (EXPECT(BEGIN, request(c, &o, &a), 0))
		return;
	if (!a.has_generation)
		broken("TXN_BEGIN was answered without a generation");
	saw_running(a.generation, floor, "begin");
	over(c);
	c->txn = true;
	c->began_from = a.generation;
	do
		c->stamp = random64();
	while (!c->stamp);
}

static size_t key_of(char *key, const char *word, unsigned int n)
{
	return sprintf(key, "%s%c%03u", word, 0, n);
}

static void put_value(struct message_out *o, uint32_t type, const char *key, size_t key_len,
		      uint64_t stamp, size_t filling)
{
	static char bytes[SLUICE_VALUE_MAX];
	struct value *v = (struct value *)bytes;

	v->stamp = stamp;
	memset(v->filling, (int)filling, filling);
	message_put_object(o, type, key, key_len, v, sizeof(*v) + filling);
}

/* Some more of the stamped objects. */
static void do_stamp(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_SET);
	unsigned int n = 1 + below(STAMPED), i;
	char key[32];

	for (i = c->written; i < STAMPED && i < c->written + n; i++)
		put_value(&o, SLUICE_OBJECT_ELEMENT, key, key_of(key, STAMP_SET, i), c->stamp,
			  below(500));
	if (!c->txn) {
		EXPECT(STAMP, request(c, &o, NULL), -ENOENT, -EINVAL);
		return;
	}
	if (c->whole)
		return;
	c->partial = true;
	if (EXPECT(STAMP, request(c, &o, NULL), 0))
		return;
	c->written = i;
	c->whole = i == STAMPED;
	c->partial = !c->whole;
}

static size_t noise_key(char *key, uint32_t *type)
{
	unsigned int n = below(NOISE);

	switch (below(4)) {
	case 0:
		*type = SLUICE_OBJECT_PORT;
		return sprintf(key, "port%u", n);
	case 1:
		*type = SLUICE_OBJECT_ROUTE;
		return key_of(key, "main", n);
	case 2:
		*type = SLUICE_OBJECT_DOCUMENT;
		return sprintf(key, "doc%u%c%c%c%cx", n, 0, 0, 0, 0);
	default:
		*type = SLUICE_OBJECT_ELEMENT;
		return key_of(key, "offenders", n);
	}
}

static void do_noise_set(struct conn *c)
{
	static const uint32_t flags[] = { 0, 0, 0, SLUICE_F_CREATE, SLUICE_F_REPLACE };
	struct message_out o = start(c, SLUICE_CMD_SET);
	uint32_t flag = flags[below(5)], type;
	unsigned int n = 1 + below(4);
	char key[32];
	size_t len;

	if (flag)
		message_put_u32(&o, SLUICE_A_FLAGS, flag);
	while (n--) {
		len = noise_key(key, &type);
		put_value(&o, type, key, len, random64(), in_a_hundred(3) ? 16000 : below(700));
	}
	if (!c->txn)
		EXPECT(NOISE_SET, request(c, &o, NULL), -ENOENT);
	else if (flag == SLUICE_F_CREATE)
		EXPECT(NOISE_SET, request(c, &o, NULL), 0, -EEXIST);
	else if (flag == SLUICE_F_REPLACE)
		EXPECT(NOISE_SET, request(c, &o, NULL), 0, -ENOENT);
	else
		EXPECT(NOISE_SET, request(c, &o, NULL), 0);
}

static void do_noise_del(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_DEL);
	uint32_t type;
	char key[32];
	size_t len = noise_key(key, &type);

	if (in_a_hundred(20)) {
		message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_PREFIX);
		if (type == SLUICE_OBJECT_ELEMENT)
			len = sizeof("offenders") + below(2);
		else if (type == SLUICE_OBJECT_PORT)
			len = below(6);
	}
	message_put_object(&o, type, key, len, NULL, 0);
	if (c->txn)
		EXPECT(NOISE_DEL, request(c, &o, NULL), 0, -ENOENT);
	else
		EXPECT(NOISE_DEL, request(c, &o, NULL), -ENOENT);
}

static void do_abort(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_TXN_ABORT);

	EXPECT(ABORT, request(c, &o, NULL), c->txn ? 0 : -ENOENT);
	over(c);
}

static int request_commit(struct conn *c, struct message_out *o, struct answer *a)
{
	int i = !!c->owed[0].seq, err;

	if (in_a_hundred(30))
		message_put_u32(o, SLUICE_A_CONFIRM_TIMEOUT, 1 + below(80));
	if (in_a_hundred(30))
		message_put_string(o, SLUICE_A_COMMENT, "a comment", strlen("a comment"));
	c->owed[i].seq = c->seq;
	c->owed[i].generation = 0;
	err = request(c, o, a);
	if (err)
		c->owed[i].seq = 0;
	else if (c->owed[i].seq)
		c->owed[i].generation = a->generation;
	return err;
}

static bool verdicts_unread(const struct conn *c)
{
	return c->owed[0].seq && c->owed[1].seq;
}

static void do_commit(struct conn *c)
{
	uint64_t before = seen_candidate(), stamp = c->whole ? c->stamp : stamp_of(c->began_from);
	struct message_out o;
	struct answer a = { 0 };

	if (c->partial || verdicts_unread(c))
		return;
	o = start(c, SLUICE_CMD_COMMIT);
	if (!c->txn) {
		EXPECT(COMMIT, request_commit(c, &o, &a), -ENOENT);
		return;
	}
	if (EXPECT(COMMIT, request_commit(c, &o, &a), 0, -ESTALE, -EBUSY, -ENOTCONN))
		return;
	saw_candidate(a.generation, before, stamp);
	over(c);
}

static void do_rollback(struct conn *c)
{
	uint64_t before = seen_candidate(), running = seen_running(), to = 0;
	struct answer a = { 0 };
	struct message_out o;

	if (verdicts_unread(c))
		return;
	o = start(c, SLUICE_CMD_ROLLBACK);
	if (in_a_hundred(50)) {
		to = running > 20 ? running - below(20) : below(20);
		message_put_u64(&o, SLUICE_A_GENERATION, to);
	}
	if (EXPECT(ROLLBACK, request_commit(c, &o, &a), 0, -ENOENT, -EBUSY, -ENOTCONN))
		return;
	saw_candidate(a.generation, before, to ? stamp_of(to) : 0);
}

static void do_confirm(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_CONFIRM);

	if (in_a_hundred(30))
		message_put_u64(&o, SLUICE_A_GENERATION, seen_running());
	EXPECT(CONFIRM, request(c, &o, NULL), 0, -ENOENT, -ESTALE);
}

static void do_get(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_GET);
	uint64_t floor = seen_running();
	struct answer a = { 0 };
	char key[32];

	message_put_object(&o, SLUICE_OBJECT_ELEMENT, key, key_of(key, STAMP_SET, below(STAMPED)),
			   NULL, 0);
	if (EXPECT(GET, request(c, &o, &a), 0, -ENOENT))
		return;
	if (!a.has_object || !a.has_generation) {
		broken("GET was answered without an object");
		return;
	}
	saw_running(a.generation, floor, "get");
	saw_stamp(a.generation, a.stamp, "get");
}

static void do_get_own(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_GET);
	unsigned int n = below(c->written ? c->written : STAMPED);
	struct answer a = { 0 };
	char key[32];

	message_put_object(&o, SLUICE_OBJECT_ELEMENT, key, key_of(key, STAMP_SET, n), NULL, 0);
	message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_TXN);
	if (!c->txn)
		EXPECT(GET_OWN, request(c, &o, &a), -ENOENT);
	else if (!c->written)
		EXPECT(GET_OWN, request(c, &o, &a), 0, -ENOENT);
	else if (!EXPECT(GET_OWN, request(c, &o, &a), 0) && a.stamp != c->stamp)
		broken("a transaction reads another's stamp");
}

/* What comes of it is read by and by: here up to the first datagram. */
static void do_dump(struct conn *c)
{
	struct message_out o;
	int err, result = 0;

	if (c->dump.seq)
		return;
	o = start(c, SLUICE_CMD_GET);
	o.nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	memset(&c->dump, 0, sizeof(c->dump));
	c->dump.floor = seen_running();
	if (c->txn && in_a_hundred(30)) {
		c->dump.what = OF_TXN;
		c->dump.partial = c->partial;
		message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_TXN);
	} else if (in_a_hundred(30)) {
		uint64_t n = c->dump.floor;

		c->dump.what = OF_NUMBER;
		message_put_u64(&o, SLUICE_A_GENERATION, n > 10 ? n - below(10) : n);
	}
	if (in_a_hundred(30))
		message_put_object(&o, SLUICE_OBJECT_ELEMENT, STAMP_SET, sizeof(STAMP_SET), NULL, 0);
	o.nlh->nlmsg_type = family;
	c->dump.seq = c->seq;
	err = socket_send(c->fd, o.nlh, message_len(&o));
	if (err) {
		broken("a dump is not taken: %s", strerror(-err));
		return;
	}
	err = take_datagram(c, NULL, &result, ANSWER_MS);
	if (err == -ENOBUFS) {
		shared->overruns++;
		conn_close(c);
	} else if (err < 0) {
		broken("no answer to a dump: %s", strerror(-err));
	} else {
		EXPECT(DUMP, result, 0, -ENOENT);
	}
}

/* What has come meanwhile: of a dump, for the compiler, for a listener, verdicts. */
static void do_dump_on(struct conn *c)
{
	int n = 1 + below(3), err = 0, result = 0;

	while (n-- && !err)
		err = take_datagram(c, NULL, &result, 0);
	if (err == -ENOBUFS) {
		shared->overruns++;
		conn_close(c);
	} else if (err > 0) {
		/* A dump was refused, and something else had come ahead of that. */
		EXPECT(DUMP, result, -ENOENT);
	} else if (err && err != -EAGAIN) {
		broken("nothing can be read: %s", strerror(-err));
	}
	shared->done[DUMP_ON]++;
}

static void do_status(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_STATUS);
	uint64_t floor = seen_running();
	struct answer a = { 0 };
	const struct client_status *s = &a.status;

	if (EXPECT(STATUS, request(c, &o, &a), 0))
		return;
	if (!a.has_status || s->home != SLUICE_HOME_MODULE || !s->generations) {
		broken("STATUS lacks something");
		return;
	}
	saw_running(s->running, floor, "status");
	if (s->generation[0].number != s->running)
		broken("STATUS: the first generation is not what runs");
	for (unsigned int i = 1; i < s->generations; i++)
		if (s->generation[i].number >= s->generation[i - 1].number)
			broken("STATUS: the history is out of order");
	if (s->memory > s->memory_max)
		broken("STATUS: more memory than there may be");
	if ((c->txn && !s->txns) || (c->compiles && !s->compiler))
		broken("STATUS does not know of this socket");
	if (s->candidate_waits && s->candidate <= s->running)
		broken("STATUS: the candidate is older than what runs");
}

static void do_bind(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_BIND);
	uint64_t floor = seen_running();
	struct answer a = { 0 };

	/* This is the socket's from now on, whatever it is told first. */
	if (c->compiles) {
		EXPECT(BIND, request(c, &o, &a), -EBUSY, -EALREADY);
		return;
	}
	c->binds = true;
	if (EXPECT(BIND, request(c, &o, &a), 0, -EBUSY)) {
		c->binds = false;
		return;
	}
	c->compiles = true;
	pthread_mutex_lock(&space->lock);
	if (space->bound)
		broken("there are two compilers");
	space->bound = true;
	pthread_mutex_unlock(&space->lock);
	saw_running(a.generation, floor, "bind");
}

static void do_compile(struct conn *c)
{
	bool accepted = in_a_hundred(85);
	struct message_out o;
	uint64_t n;

	if (!c->candidate && !c->returned)
		do_dump_on(c);
	if (c->fd < 0 || (!c->candidate && !c->returned))
		return;
	n = c->candidate ?: c->returned;
	if (c->candidate)
		c->candidate = 0;
	else
		c->returned = 0;
	o = start(c, SLUICE_CMD_VERDICT);
	message_put_u64(&o, SLUICE_A_GENERATION, n);
	message_put_u32(&o, SLUICE_A_ACCEPTED, accepted);
	if (in_a_hundred(50))
		message_put_string(&o, SLUICE_A_MESSAGE, "words\nmore", strlen("words\nmore"));
	EXPECT(COMPILE, request(c, &o, NULL), 0, -ESTALE);
}

static void do_event(struct conn *c)
{
	struct message_out o = start(c, SLUICE_CMD_EVENT);

	message_put_event(&o, "test", 1, "{\"n\":1}");
	EXPECT(EVENT, request(c, &o, NULL), c->compiles ? 0 : -EPERM);
}

static void do_nonsense(struct conn *c)
{
	struct message_out o;

	switch (below(4)) {
	case 0:
		o = start(c, SLUICE_CMD_SUBSCRIBE);
		message_put_u32(&o, SLUICE_A_GROUPS, 1);
		EXPECT(NONSENSE, request(c, &o, NULL), -EOPNOTSUPP);
		break;
	case 1:
		o = start(c, SLUICE_CMD_STATUS);
		message_put_u64(&o, SLUICE_A_FROM, 1);
		EXPECT(NONSENSE, request(c, &o, NULL), -EINVAL);
		break;
	case 2:
		o = start(c, SLUICE_CMD_STATUS);
		((struct genlmsghdr *)NLMSG_DATA(o.nlh))->version = SLUICE_FAMILY_VERSION + 1;
		EXPECT(NONSENSE, request(c, &o, NULL), -EPROTONOSUPPORT);
		break;
	default:
		o = start(c, SLUICE_CMD_VERDICT);
		message_put_u64(&o, SLUICE_A_GENERATION, 0);
		message_put_u32(&o, SLUICE_A_ACCEPTED, 2);
		EXPECT(NONSENSE, request(c, &o, NULL), -EINVAL);
	}
}

/* A socket that hears everything, and asks nothing any more. */
static void do_listen(struct conn *c)
{
	if (c->compiles || c->txn || c->dump.seq || c->owed[0].seq || c->owed[1].seq)
		return;
	c->listens = true;
	if (socket_join(c->fd, groups[SLUICE_GROUP_CONFIG]) ||
	    socket_join(c->fd, groups[SLUICE_GROUP_EVENTS]))
		broken("a group cannot be joined");
	shared->done[LISTEN]++;
}

const struct operation ops[OPS] = {
	[BEGIN] = { 80, do_begin },
	[STAMP] = { 110, do_stamp },
	[NOISE_SET] = { 120, do_noise_set },
	[NOISE_DEL] = { 40, do_noise_del },
	[ABORT] = { 12, do_abort },
	[COMMIT] = { 80, do_commit },
	[ROLLBACK] = { 15, do_rollback },
	[CONFIRM] = { 40, do_confirm },
	[GET] = { 90, do_get },
	[GET_OWN] = { 40, do_get_own },
	[DUMP] = { 60, do_dump },
	[DUMP_ON] = { 120, do_dump_on },
	[STATUS] = { 30, do_status },
	[BIND] = { 50, do_bind },
	[COMPILE] = { 150, do_compile },
	[EVENT] = { 10, do_event },
	[NONSENSE] = { 25, do_nonsense },
	[LISTEN] = { 4, do_listen },
	[CLOSE] = { 20, conn_close },
	[LEAVE] = { 3, NULL },	/* the process's own affair */
};

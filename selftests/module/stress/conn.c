// SPDX-License-Identifier: GPL-2.0
/*
 * conn.c: one socket, and what comes in on it: answers to the request that is under way, the parts of a
 * dump, verdicts on earlier commits, candidates where it is the compiler. Each is held against what
 * the socket may be told, and against what all have seen.
 */
#include "selftests/module/stress/stress.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "selftests/module/socket.h"

uint16_t family;
uint32_t groups[2];

static char buffer[SOCKET_BUFFER] __attribute__((aligned(8)));

const char *const op_names[OPS] = {
	"begin", "stamp", "set", "del", "abort", "commit", "rollback", "confirm", "get", "get own", "dump",
	"dump on", "status", "bind", "compile", "event", "nonsense", "listen", "close", "leave",
};

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	if (c->compiles) {
		pthread_mutex_lock(&space->lock);
		space->bound = false;
		pthread_mutex_unlock(&space->lock);
	}
	close(c->fd);
	*c = (struct conn){ .fd = -1 };
}

static int order(uint32_t type_a, const void *a, size_t a_len, uint32_t type_b, const void *b,
		 size_t b_len)
{
	int n;

	if (type_a != type_b)
		return type_a < type_b ? -1 : 1;
	n = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return n ?: a_len < b_len ? -1 : a_len > b_len;
}

static bool is_stamped(const struct message_object *o)
{
	return o->type == SLUICE_OBJECT_ELEMENT && o->key_len > sizeof(STAMP_SET) &&
	       !memcmp(o->key, STAMP_SET, sizeof(STAMP_SET));
}

static void take_dumped(struct conn *c, const struct message *m)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	uint64_t stamp;

	if (c->dump.objects && m->generation != c->dump.generation)
		broken("a dump goes from generation %llu to %llu",
		       (unsigned long long)c->dump.generation, (unsigned long long)m->generation);
	c->dump.generation = m->generation;
	while (message_object(m, &pos, &o)) {
		if (c->dump.objects && order(c->dump.type, c->dump.key, c->dump.key_len, o.type,
					     o.key, o.key_len) >= 0)
			broken("a dump is out of order");
		c->dump.objects++;
		c->dump.type = o.type;
		c->dump.key_len = o.key_len;
		memcpy(c->dump.key, o.key, o.key_len);
		if (!is_stamped(&o))
			continue;
		memcpy(&stamp, o.value, sizeof(stamp));
		c->dump.mixed |= c->dump.stamps && stamp != c->dump.stamp;
		c->dump.stamp = stamp;
		c->dump.stamps++;
	}
}

static void take_end_of_dump(struct conn *c, int err, bool interrupted)
{
	typeof(c->dump) *d = &c->dump;

	if (err)
		broken("a dump ended with %s", strerror(-err));
	if (interrupted)
		broken("a dump was interrupted, which a view never is");
	if (d->what == OF_RUNNING && d->objects)
		saw_running(d->generation, d->floor, "dump");
	if (d->what != OF_TXN || !d->partial) {
		if (d->mixed)
			broken("a dump of generation %llu mixes stamps",
			       (unsigned long long)d->generation);
		if (d->stamps && d->stamps != STAMPED)
			broken("a dump of generation %llu has %u of %u stamped objects",
			       (unsigned long long)d->generation, d->stamps, STAMPED);
	}
	if (d->what != OF_TXN)
		saw_stamp(d->generation, d->stamp, "dump");
	shared->dumps++;
	shared->split_dumps += d->datagrams > 1;
	memset(d, 0, sizeof(*d));
}

static void take_told(struct conn *c, const struct message *m)
{
	if (c->listens)
		return;
	/* What was sent while BIND was on its way back is told ahead of its answer. */
	if (!c->compiles && !c->binds)
		broken("command %u was told to a socket that asked for nothing", m->cmd);
	if (m->cmd == SLUICE_CMD_COMMIT) {
		c->candidate = m->generation;
	} else if (m->cmd == SLUICE_CMD_ROLLBACK) {
		c->returned = m->generation;
		c->returned_from = m->from;
		saw_stamp(m->generation, stamp_of(m->from), "a return");
		shared->returns++;
	} else {
		broken("the compiler was told command %u", m->cmd);
	}
}

/* Return: whether it is one that was owed. */
static bool take_verdict(struct conn *c, const struct nlmsghdr *nlh, const struct message *m)
{
	for (int i = 0; i < 2; i++) {
		if (!c->owed[i].seq || c->owed[i].seq != nlh->nlmsg_seq)
			continue;
		if (c->owed[i].generation && c->owed[i].generation != m->generation)
			broken("a verdict on %llu came for a commit of %llu",
			       (unsigned long long)m->generation,
			       (unsigned long long)c->owed[i].generation);
		if (m->accepted)
			saw_running(m->generation, 0, "verdict");
		c->owed[i].seq = 0;
		shared->verdicts++;
		return true;
	}
	return false;
}

static void take_answer(const struct message *m, struct answer *a)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	struct message_error e;

	if (message_has(m, SLUICE_A_GENERATION)) {
		a->has_generation = true;
		a->generation = m->generation;
	}
	if (message_object(m, &pos, &o) && o.value_len >= sizeof(a->stamp)) {
		a->has_object = true;
		memcpy(&a->stamp, o.value, sizeof(a->stamp));
	}
	if (m->status) {
		a->has_status = true;
		if (message_status(m, &a->status, &e))
			broken("status: %s", e.sentence);
	}
}

/* Return: whether it ends the request that is under way (c->seq), with *@result. */
static bool take_message(struct conn *c, struct nlmsghdr *nlh, struct answer *a, int *result)
{
	char sentence[300];
	struct message_error e;
	struct message m;
	uint32_t offset;

	if (nlh->nlmsg_type == NLMSG_DONE && c->dump.seq && nlh->nlmsg_seq == c->dump.seq) {
		take_end_of_dump(c, message_done(nlh, sentence, sizeof(sentence)),
				 nlh->nlmsg_flags & NLM_F_DUMP_INTR);
		return false;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		bool dump = c->dump.seq && nlh->nlmsg_seq == c->dump.seq;

		if (message_error(nlh, result, sentence, sizeof(sentence), &offset))
			broken("an error that is none");
		if (nlh->nlmsg_seq != c->seq && !dump)
			broken("an error for request %u while %u is under way", nlh->nlmsg_seq, c->seq);
		/* Linux 6.1 has no room for a sentence where a dump is refused at its start. */
		if (*result && !*sentence && *result != -EOPNOTSUPP && !dump)
			broken("request %u: refused with %s, and no sentence", nlh->nlmsg_seq,
			       strerror(-*result));
		if (dump)
			c->dump.seq = 0;
		return nlh->nlmsg_seq == c->seq;
	}
	if (nlh->nlmsg_type != family) {
		broken("a message of type %u", nlh->nlmsg_type);
		return false;
	}
	nlh->nlmsg_type = SLUICE_UNIX_TYPE;
	if (message_answer(nlh, &m, &e)) {
		broken("an answer that is none: %s", e.sentence);
		return false;
	}
	if (!nlh->nlmsg_seq)
		take_told(c, &m);
	else if (c->dump.seq && nlh->nlmsg_seq == c->dump.seq)
		take_dumped(c, &m);
	else if (m.cmd == SLUICE_CMD_VERDICT && take_verdict(c, nlh, &m))
		return false;
	else if (nlh->nlmsg_seq == c->seq && a)
		take_answer(&m, a);
	else
		broken("command %u came for request %u, which is over", m.cmd, nlh->nlmsg_seq);
	return false;
}

int take_datagram(struct conn *c, struct answer *a, int *result, int wait_ms)
{
	int n = socket_receive(c->fd, buffer, sizeof(buffer), wait_ms), done = 0;
	bool dumping = c->dump.seq;
	struct message_error e;
	const struct nlmsghdr *nlh;
	size_t pos = 0;

	if (n < 0)
		return n;
	while ((nlh = message_split(buffer, n, &pos, &e)))
		done |= take_message(c, (struct nlmsghdr *)nlh, a, result);
	if (e.err)
		broken("a datagram of %d bytes: %s", n, e.sentence);
	c->dump.datagrams += dumping && c->dump.seq;
	return done;
}

int request(struct conn *c, struct message_out *o, struct answer *a)
{
	int result = 0, err;

	if (!message_len(o))
		broken("a request did not fit");
	o->nlh->nlmsg_type = family;
	err = socket_send(c->fd, o->nlh, message_len(o));
	if (err) {
		broken("a request is not taken: %s", strerror(-err));
		return -ENOLINK;
	}
	do {
		err = take_datagram(c, a, &result, ANSWER_MS);
	} while (!err);
	if (err == -ENOBUFS) {
		shared->overruns++;
		conn_close(c);
		return -ENOLINK;
	}
	if (err < 0) {
		broken("no answer to command %u: %s",
		       ((struct genlmsghdr *)NLMSG_DATA(o->nlh))->cmd, strerror(-err));
		return -ENOLINK;
	}
	return result;
}

static char outgoing[SOCKET_BUFFER] __attribute__((aligned(8)));

struct message_out start(struct conn *c, enum sluice_cmd cmd)
{
	struct message_out o;

	if (!++c->seq)
		c->seq = 1;
	message_start(&o, outgoing, sizeof(outgoing), cmd, NLM_F_REQUEST | NLM_F_ACK, c->seq);
	return o;
}

int expect(enum op op, int err, const int *allowed)
{
	if (err == -ENOLINK)
		return err;
	if (err)
		shared->refused[op]++;
	else
		shared->done[op]++;
	for (; *allowed <= 0; allowed++)
		if (err == *allowed)
			return err;
	broken("%s: %s", op_names[op], err ? strerror(-err) : "it was accepted");
	return err;
}

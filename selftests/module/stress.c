// SPDX-License-Identifier: GPL-2.0
/*
 * stress: many processes at one module, at random, and what no reader may ever see.
 *
 *	build/test/stress [-n OPERATIONS] [-s SEED]
 *
 * Eight processes work in four network namespaces, each with a few sockets on which it begins, sets,
 * deletes, reads, commits, confirms, rolls back, binds itself as the compiler and judges what others
 * have committed. Sockets are closed in the middle of anything, processes end and are followed by
 * others, and namespaces are taken away: the last that leaves one ends it, with whatever was under
 * way in it.
 *
 * What is looked at:
 *	- A transaction writes all of STAMPED objects with a stamp of its own, in several messages, or
 *	  none of them. So whatever is read of one generation has one stamp and all of them, however
 *	  long the dump takes and whatever is committed meanwhile.
 *	- A generation has the stamp that it had: dumped again, or rolled back to.
 *	- Numbers only grow: of what runs, and of candidates.
 *	- There is one compiler; a committer gets the verdict of its own candidate.
 *	- Every answer is one that the state of its socket allows.
 *
 * The seed makes each process's choices; how the processes mingle, it does not. What is seen of them
 * is shared between them in memory, one struct space for each namespace that there ever was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "netlink/client.h"
#include "netlink/message.h"
#include "selftests/module/kernel_memory.h"
#include "selftests/module/socket.h"

#define NAMESPACES	4
#define PROCESSES	8
#define SOCKETS		3		/* a process */
#define SPACES		64		/* namespaces that somebody may still be in */
#define STAMPED		24		/* objects that always have one stamp */
#define NOISE		150		/* keys of other objects, a type */
#define KNOWN		1024		/* generations whose stamp is remembered */
#define ANSWER_MS	60000
#define STAMP_SET	"stamp"

/* One network namespace, as those who are in it know it. */
struct space {
	pthread_mutex_t lock;
	unsigned int users;
	uint64_t running, candidate;		/* the greatest that were seen */
	bool bound;
	struct {
		uint64_t generation, stamp;
	} known[KNOWN];				/* by the generation's number */
};

enum op {
	BEGIN, STAMP, NOISE_SET, NOISE_DEL, ABORT, COMMIT, ROLLBACK, CONFIRM, GET, GET_OWN, DUMP, DUMP_ON,
	STATUS, BIND, COMPILE, EVENT, NONSENSE, LISTEN, CLOSE, LEAVE, OPS
};

static const char *const op_names[OPS] = {
	"begin", "stamp", "set", "del", "abort", "commit", "rollback", "confirm", "get", "get own", "dump",
	"dump on", "status", "bind", "compile", "event", "nonsense", "listen", "close", "leave",
};

static struct shared {
	atomic_long left;			/* operations */
	atomic_bool broken;
	atomic_ulong done[OPS], refused[OPS];
	atomic_ulong dumps, split_dumps, verdicts, returns, overruns, ended;
	pthread_mutex_t lock;
	struct {
		int fd;				/* the parent's, of the namespace */
		unsigned int space, version;
	} slots[NAMESPACES];
	struct space spaces[SPACES];
} *shared;

static uint16_t family;
static uint32_t groups[2];

static void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void broken(const char *format, ...)
{
	char line[400];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!atomic_exchange(&shared->broken, true))
		printf("# %s\n", line);
	fflush(stdout);
	atomic_store(&shared->left, 0);
}

static uint64_t state;

static uint64_t random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static unsigned int below(unsigned int n)
{
	return (random64() >> 32) % n;
}

static bool in_a_hundred(unsigned int n)
{
	return below(100) < n;
}

/* --- what is known of a namespace ---------------------------------------------------- */

static unsigned int slot, version;
static struct space *space;

static uint64_t seen_running(void)
{
	pthread_mutex_lock(&space->lock);
	uint64_t n = space->running;
	pthread_mutex_unlock(&space->lock);
	return n;
}

/* @floor: what was seen before the question was asked. */
static void saw_running(uint64_t n, uint64_t floor, const char *where)
{
	if (n < floor)
		broken("%s: generation %llu runs after %llu did", where, (unsigned long long)n,
		       (unsigned long long)floor);
	pthread_mutex_lock(&space->lock);
	if (n > space->running)
		space->running = n;
	pthread_mutex_unlock(&space->lock);
}

static uint64_t stamp_of(uint64_t generation)
{
	uint64_t stamp = 0;

	pthread_mutex_lock(&space->lock);
	if (space->known[generation % KNOWN].generation == generation)
		stamp = space->known[generation % KNOWN].stamp;
	pthread_mutex_unlock(&space->lock);
	return stamp;
}

/* @stamp 0: none was found, which is so until the first commit of stamps. */
static void saw_stamp(uint64_t generation, uint64_t stamp, const char *where)
{
	uint64_t before = 0;

	if (!stamp)
		return;
	pthread_mutex_lock(&space->lock);
	if (space->known[generation % KNOWN].generation == generation)
		before = space->known[generation % KNOWN].stamp;
	else if (space->known[generation % KNOWN].generation < generation)
		space->known[generation % KNOWN].generation = generation;
	else
		before = stamp;
	if (!before)
		space->known[generation % KNOWN].stamp = stamp;
	pthread_mutex_unlock(&space->lock);
	if (before && before != stamp)
		broken("%s: generation %llu has stamp %llx and had %llx", where,
		       (unsigned long long)generation, (unsigned long long)stamp,
		       (unsigned long long)before);
}

/* --- sockets ----------------------------------------------------------------------------- */

struct conn {
	int fd;				/* -1: closed */
	uint32_t seq;
	bool listens, binds, compiles;

	bool txn, whole, partial;	/* all of the stamps are written, or some */
	unsigned int written;
	uint64_t stamp, began_from;

	/*
	 * Commits whose verdict was not read yet. There are two when that of the first came, unread,
	 * before the second was asked for; and a verdict may come ahead of the answer to its commit.
	 */
	struct {
		uint32_t seq;		/* 0: none */
		uint64_t generation;	/* 0: not known yet */
	} owed[2];

	struct {
		uint32_t seq;		/* 0: none is under way */
		enum { OF_RUNNING, OF_NUMBER, OF_TXN } what;
		uint64_t floor, generation, stamp;
		unsigned int objects, stamps, datagrams;
		bool mixed;
		uint32_t type;		/* the object before */
		uint8_t key[SLUICE_KEY_MAX];
		size_t key_len;
	} dump;

	uint64_t candidate, returned, returned_from;	/* for the compiler to judge; 0: none */
};

static struct conn conns[SOCKETS];
static char buffer[SOCKET_BUFFER] __attribute__((aligned(8)));

/* What a request was answered with, besides yes or no. */
struct answer {
	bool has_generation, has_object, has_status;
	uint64_t generation;
	uint64_t stamp;			/* of the object */
	struct client_status status;
};

struct value {
	uint64_t stamp;
	char filling[];
};

static void conn_close(struct conn *c)
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
	if (d->what != OF_TXN || !c->partial) {
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

/* One datagram. Return: 1: the request is answered, 0: not yet, or -errno of the socket. */
static int take_datagram(struct conn *c, struct answer *a, int *result, int wait_ms)
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

/* Sends @o and waits for its acknowledgement. Return: what the store said; -ENOLINK: the socket is closed now. */
static int request(struct conn *c, struct message_out *o, struct answer *a)
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

static struct message_out start(struct conn *c, enum sluice_cmd cmd)
{
	struct message_out o;

	if (!++c->seq)
		c->seq = 1;
	message_start(&o, outgoing, sizeof(outgoing), cmd, NLM_F_REQUEST | NLM_F_ACK, c->seq);
	return o;
}

/* @allowed ends in 1, which is no errno. */
static int expect(enum op op, int err, const int *allowed)
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
#define EXPECT(op, err, ...) expect(op, err, (const int[]){ __VA_ARGS__, 1 })

/* --- operations --------------------------------------------------------------------------------- */

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

/* A candidate of ours: with @stamp, if that is known. */
static void committed(const struct answer *a, uint64_t before, uint64_t stamp)
{
	if (a->generation <= before)
		broken("candidate %llu came after %llu", (unsigned long long)a->generation,
		       (unsigned long long)before);
	pthread_mutex_lock(&space->lock);
	if (a->generation > space->candidate)
		space->candidate = a->generation;
	pthread_mutex_unlock(&space->lock);
	saw_stamp(a->generation, stamp, "a candidate");
}

static uint64_t seen_candidate(void)
{
	pthread_mutex_lock(&space->lock);
	uint64_t n = space->candidate;
	pthread_mutex_unlock(&space->lock);
	return n;
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
	committed(&a, before, stamp);
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
	committed(&a, before, to ? stamp_of(to) : 0);
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

static void leave(void)
{
	for (int i = 0; i < SOCKETS; i++)
		conn_close(&conns[i]);
	if (!space)
		return;
	pthread_mutex_lock(&shared->lock);
	space->users--;
	pthread_mutex_unlock(&shared->lock);
	space = NULL;
}

static void enter(void)
{
	char path[64];
	int fd;

	leave();
	slot = below(NAMESPACES);
	pthread_mutex_lock(&shared->lock);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), shared->slots[slot].fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	version = shared->slots[slot].version;
	space = &shared->spaces[shared->slots[slot].space];
	space->users++;
	pthread_mutex_unlock(&shared->lock);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		broken("%s: %s", path, strerror(errno));
	close(fd);
}

static const struct {
	unsigned int weight;
	void (*run)(struct conn *c);
} ops[OPS] = {
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
	[LEAVE] = { 3, NULL },
};

static enum op choose(void)
{
	static unsigned int total;
	unsigned int n;
	int op = 0;

	if (!total)
		for (int i = 0; i < OPS; i++)
			total += ops[i].weight;
	for (n = below(total); n >= ops[op].weight; op++)
		n -= ops[op].weight;
	return op;
}

static void operate(void)
{
	struct conn *c = &conns[below(SOCKETS)];
	enum op op = choose();

	if (c->fd < 0) {
		c->fd = socket_new();
		if (c->fd < 0) {
			broken("no socket: %s", strerror(-c->fd));
			return;
		}
	}
	/* A compiler that lets others wait would make this a test of patience. */
	if (c->compiles && in_a_hundred(60))
		op = COMPILE;
	if (c->listens && op != CLOSE && op != LEAVE)
		op = DUMP_ON;
	/* The namespace may have been taken away: those who are in it go, sooner or later. */
	if (version != shared->slots[slot].version && in_a_hundred(5))
		op = LEAVE;
	if (op == LEAVE || op == CLOSE)
		shared->done[op]++;
	if (op == LEAVE)
		enter();
	else
		ops[op].run(c);
}

static void work(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	random64();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < SOCKETS; i++)
		conns[i].fd = -1;
	enter();
	while (atomic_fetch_sub(&shared->left, 1) > 0) {
		operate();
		if (!below(3000)) {
			shared->ended++;
			break;		/* the next one takes its place */
		}
	}
	leave();
}

/* --- those who look after it ------------------------------------------------------------------ */

static int home;

/* A new network namespace in the place of the old, which lives on as long as somebody is in it. */
static void replace_namespace(unsigned int n)
{
	unsigned int s;
	int fd;

	if (unshare(CLONE_NEWNET) || (fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0) {
		broken("no namespace: %s", strerror(errno));
		return;
	}
	if (setns(home, CLONE_NEWNET))
		abort();
	pthread_mutex_lock(&shared->lock);
	for (s = 0; s < SPACES; s++) {
		bool current = false;

		for (int i = 0; i < NAMESPACES; i++)
			current |= shared->slots[i].fd >= 0 && shared->slots[i].space == s;
		if (!current && !shared->spaces[s].users)
			break;
	}
	if (s < SPACES) {
		struct space *new = &shared->spaces[s];

		new->running = new->candidate = 0;
		new->bound = false;
		memset(new->known, 0, sizeof(new->known));
		if (shared->slots[n].fd >= 0)
			close(shared->slots[n].fd);
		shared->slots[n].fd = fd;
		shared->slots[n].space = s;
		shared->slots[n].version++;
	} else {
		close(fd);
	}
	pthread_mutex_unlock(&shared->lock);
}

static pid_t start_worker(uint64_t seed)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		work(seed);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* Return: how many namespaces there were. */
static unsigned int run(long operations, uint64_t seed)
{
	struct timespec wait = { 0, 100 * 1000 * 1000 };
	unsigned int namespaces = NAMESPACES, alive = 0, incarnation = 0;

	shared->left = operations;
	for (unsigned int i = 0; i < NAMESPACES; i++)
		replace_namespace(i);
	while (alive < PROCESSES && start_worker(seed + ++incarnation) > 0)
		alive++;
	for (unsigned int tick = 1; alive; tick++) {
		int status;

		nanosleep(&wait, NULL);
		while (alive && waitpid(-1, &status, WNOHANG) > 0) {
			alive--;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				broken("a process died: %x", status);
			if (shared->left > 0 && start_worker(seed + ++incarnation) > 0)
				alive++;
		}
		if (tick % 20 == 0 && shared->left > 0) {
			replace_namespace(tick / 20 % NAMESPACES);
			namespaces++;
		}
	}
	for (unsigned int i = 0; i < NAMESPACES; i++) {
		close(shared->slots[i].fd);
		shared->slots[i].fd = -1;
	}
	return namespaces;
}

static void prepare(void)
{
	pthread_mutexattr_t between;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("stress: mmap");
		exit(1);
	}
	pthread_mutexattr_init(&between);
	pthread_mutexattr_setpshared(&between, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &between);
	for (int i = 0; i < SPACES; i++)
		pthread_mutex_init(&shared->spaces[i].lock, &between);
	for (int i = 0; i < NAMESPACES; i++)
		shared->slots[i].fd = -1;
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int tests, failures;

static void ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void ok(bool good, const char *format, ...)
{
	va_list args;

	failures += !good;
	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long operations = 10000, namespaces_before, namespaces_after, memory_before, memory_after;
	uint64_t seed = time(NULL);
	unsigned int namespaces;
	const char *why;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			operations = atol(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (family_find(&family, groups)) {
		printf("1..0 # SKIP the module is not loaded\n");
		return 4;
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	prepare();

	/* What every cache and table of the kernel takes the first time is not growth. */
	run(operations / 10, seed ^ 0xabcdef);
	namespaces_before = kernel_namespaces_settled(LONG_MAX);
	memory_before = kernel_memory_kB();
	namespaces = run(operations, seed);
	ok(!shared->broken, "%ld operations, %u namespaces: no promise was broken", operations, namespaces);
	for (int i = 0; i < OPS; i++)
		printf("%s%s %lu done %lu refused", i % 4 ? ", " : i ? "\n# " : "# ", op_names[i],
		       shared->done[i], shared->refused[i]);
	putchar('\n');
	printf("# %lu dumps (%lu of several datagrams), %lu verdicts, %lu returns heard, %lu overruns, %lu processes ended early\n",
	       shared->dumps, shared->split_dumps, shared->verdicts, shared->returns, shared->overruns,
	       shared->ended);
	why = NULL;
	for (int i = 0; i < OPS; i++)
		if (!shared->done[i] && i != NONSENSE)
			why = "an operation never succeeded";
	if (!shared->split_dumps || !shared->verdicts || !shared->returns)
		why = "something never happened";
	ok(!why, "all of it was done%s%s", why ? ": " : "", why ? why : "");

	namespaces_after = kernel_namespaces_settled(namespaces_before);
	ok(namespaces_after <= namespaces_before, "namespaces end: %ld before, %ld after",
	   namespaces_before, namespaces_after);
	ok(kernel_module_uses() == 0, "nobody holds the module: %ld", kernel_module_uses());
	memory_after = kernel_memory_kB();
	if (kernel_watches_memory())
		printf("# memory: %ld kB before, %ld after: this kernel's leak detector tells\n",
		       memory_before, memory_after);
	else
		ok(memory_after - memory_before < 3000, "memory: %ld kB before, %ld kB after",
		   memory_before, memory_after);
	printf("1..%d\n", tests);
	return failures > 0;
}

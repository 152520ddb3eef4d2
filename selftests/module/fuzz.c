// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: messages that no client would send, to the module.
 *
 *	build/test/fuzz [-t SECONDS] [-s SEED]
 *
 * A few sockets in a network namespace of its own send what each line of ways[] makes: valid
 * messages, so that there are transactions, candidates and confirmations to go wrong in; the same
 * with bits, lengths, attributes changed; messages of a grammar that knows the attributes but not
 * what they are for; nests in nests; messages too large, cut off, run together; headers that lie.
 *
 * What is looked at: the kernel's answers are messages, and to a message that can be told apart there
 * is one; what userland's decoder of requests refuses (message_request(), which the daemon serves by
 * and libFuzzer has been at), the module refuses too; now and then, and in the end, a valid
 * transaction goes through. The rest is the kernel's to say: see selftests/vm/boot.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "netlink/client.h"
#include "netlink/message.h"
#include "selftests/module/kernel_memory.h"
#include "selftests/module/socket.h"

#define SOCKETS 4
#define MOST 200000		/* bytes; more is not taken from a socket with a usual buffer */

static uint16_t family;
static uint32_t groups[2];
static int sockets[SOCKETS];
static uint32_t seq;

static char message[MOST + 4096] __attribute__((aligned(8)));
static size_t length;
static unsigned long sent, accepted, refused, unanswered, untaken, strict;
static int failures;

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

static bool one_in(unsigned int n)
{
	return !below(n);
}

static void failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The first few are shown with the message that was sent. */
static void failed(const char *format, ...)
{
	va_list args;

	if (++failures > 5)
		return;
	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	va_end(args);
	printf("\n#  ");
	for (size_t i = 0; i < length && i < 160; i++)
		printf("%s%02x", i % 4 ? "" : " ", (unsigned char)message[i]);
	printf("%s (%zu bytes)\n", length > 160 ? " ..." : "", length);
}

/* --- what is sent ---------------------------------------------------------------- */

static uint64_t number(void)
{
	static const uint64_t edges[] = { 0, 1, 2, 15, 16, 17, 255, 256, 16384, 65535, 86400000,
					  0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63, ~0ull };

	return one_in(3) ? edges[below(sizeof(edges) / sizeof(*edges))] : below(one_in(2) ? 8 : 100);
}

static size_t key(char *k, uint32_t *type)
{
	*type = 1 + below(SLUICE_OBJECT_MAX);
	switch (*type) {
	case SLUICE_OBJECT_DOCUMENT:
		return sprintf(k, "doc%c%c%c%c%c", 0, 0, 0, 0, below(20));
	case SLUICE_OBJECT_PORT:
		return sprintf(k, "port%u", below(20));
	case SLUICE_OBJECT_MEMBER:
		return sprintf(k, "*%c239.1.0.%u%cwan%cfa", 0, below(20), 0, 0);
	default:
		return sprintf(k, "main%c192.0.2.%u", 0, below(100));
	}
}

static void put_objects(struct message_out *o, bool value, unsigned int n)
{
	static char bytes[SLUICE_VALUE_MAX];
	uint32_t type;
	char k[64];
	size_t len;

	while (n--) {
		len = key(k, &type);
		message_put_object(o, type, k, len, value ? bytes : NULL,
				   value ? (one_in(30) ? below(SLUICE_VALUE_MAX) : below(200)) : 0);
	}
}

/* A message that is well made, and more often than not makes sense now. */
static void make_valid(void)
{
	static const uint8_t commands[] = {
		SLUICE_CMD_TXN_BEGIN, SLUICE_CMD_TXN_BEGIN, SLUICE_CMD_SET, SLUICE_CMD_SET,
		SLUICE_CMD_SET, SLUICE_CMD_SET, SLUICE_CMD_DEL, SLUICE_CMD_GET, SLUICE_CMD_GET,
		SLUICE_CMD_COMMIT, SLUICE_CMD_COMMIT, SLUICE_CMD_CONFIRM, SLUICE_CMD_ROLLBACK,
		SLUICE_CMD_STATUS, SLUICE_CMD_BIND, SLUICE_CMD_VERDICT, SLUICE_CMD_VERDICT,
		SLUICE_CMD_EVENT, SLUICE_CMD_TXN_ABORT,
	};
	uint8_t cmd = commands[below(sizeof(commands))];
	static uint64_t generation = 1;
	struct message_out o;

	message_start(&o, message, SOCKET_BUFFER, cmd, NLM_F_REQUEST | NLM_F_ACK, ++seq);
	switch (cmd) {
	case SLUICE_CMD_SET:
		put_objects(&o, true, 1 + below(20));
		break;
	case SLUICE_CMD_DEL:
		put_objects(&o, false, 1);
		if (one_in(5))
			message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_PREFIX);
		break;
	case SLUICE_CMD_GET:
		if (one_in(2))
			o.nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		else
			put_objects(&o, false, 1);
		if (one_in(4))
			message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_TXN);
		break;
	case SLUICE_CMD_ROLLBACK:
	case SLUICE_CMD_COMMIT:
		if (one_in(2))
			message_put_u32(&o, SLUICE_A_CONFIRM_TIMEOUT, 1 + below(20));
		if (one_in(2))
			message_put_string(&o, SLUICE_A_COMMENT, "why", 3);
		break;
	case SLUICE_CMD_VERDICT:
		/* Nobody counts here: somewhere near is good enough. */
		generation += below(3);
		if (one_in(20))
			generation = 1;
		message_put_u64(&o, SLUICE_A_GENERATION, generation);
		message_put_u32(&o, SLUICE_A_ACCEPTED, below(2));
		message_put_string(&o, SLUICE_A_MESSAGE, "so", 2);
		break;
	case SLUICE_CMD_EVENT:
		message_put_event(&o, "name", 1, "{}");
		break;
	}
	length = message_len(&o);
}

static size_t put_attribute(size_t at, uint16_t type, const void *bytes, size_t len)
{
	struct nlattr *a = (struct nlattr *)(message + at);

	a->nla_len = NLA_HDRLEN + len;
	a->nla_type = type;
	if (bytes)
		memcpy(message + at + NLA_HDRLEN, bytes, len);
	memset(message + at + NLA_HDRLEN + len, 0, NLA_ALIGN(len) - len);
	return at + NLA_HDRLEN + NLA_ALIGN(len);
}

/* Any attribute, of some kind that one has. */
static size_t put_any(size_t at, unsigned int depth)
{
	uint16_t type = below(SLUICE_A_MAX + 3);
	char bytes[600];
	size_t start = at, len;
	uint64_t n;

	if (depth && one_in(3)) {
		at += NLA_HDRLEN;
		for (unsigned int i = below(5); i; i--)
			at = put_any(at, depth - 1);
		((struct nlattr *)(message + start))->nla_len = at - start;
		((struct nlattr *)(message + start))->nla_type = type | (one_in(10) ? 0 : NLA_F_NESTED);
		return at;
	}
	n = number();
	switch (below(4)) {
	case 0:
		return put_attribute(at, type, &n, 4);
	case 1:
		return put_attribute(at, type, &n, 8);
	case 2:
		len = snprintf(bytes, sizeof(bytes), "%0*llu", below(300), (unsigned long long)n);
		return put_attribute(at, type, bytes, len + !one_in(10));
	default:
		for (len = 0; len < below(sizeof(bytes)); len++)
			bytes[len] = random64();
		return put_attribute(at, type, bytes, len);
	}
}

static void put_header(size_t len, uint8_t cmd)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)message;
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	*nlh = (struct nlmsghdr){
		.nlmsg_len = len,
		.nlmsg_type = family,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = ++seq,
	};
	*genl = (struct genlmsghdr){ .cmd = cmd, .version = SLUICE_FAMILY_VERSION };
	length = len;
}

static void make_by_grammar(void)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	for (unsigned int i = below(8); i; i--)
		at = put_any(at, 3);
	put_header(at, below(SLUICE_CMD_MAX + 2));
	if (one_in(10))
		((struct genlmsghdr *)NLMSG_DATA(message))->version = below(5);
	if (one_in(10))
		((struct nlmsghdr *)message)->nlmsg_flags |= NLM_F_DUMP;
}

static void make_random(void)
{
	size_t len = NLMSG_HDRLEN + GENL_HDRLEN + below(300);

	for (size_t i = 0; i < len; i++)
		message[i] = random64();
	put_header(len, below(SLUICE_CMD_MAX + 2));
	if (one_in(4))
		((struct nlmsghdr *)message)->nlmsg_flags = random64();
}

static void make_deep(void)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN, end;
	unsigned int depth = 1 + below(one_in(4) ? 8000 : 40);
	uint16_t type = one_in(2) ? SLUICE_A_OBJECT : 1 + below(SLUICE_A_MAX);

	end = at + depth * NLA_HDRLEN;
	for (unsigned int i = 0; i < depth; i++, at += NLA_HDRLEN) {
		struct nlattr *a = (struct nlattr *)(message + at);

		a->nla_len = end - at;
		a->nla_type = type | NLA_F_NESTED;
	}
	put_header(end, one_in(2) ? SLUICE_CMD_SET : 1 + below(SLUICE_CMD_MAX));
}

static void make_large(void)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN, most = one_in(2) ? 65000 : MOST - 40000;
	uint8_t cmd = one_in(2) ? SLUICE_CMD_SET : 1 + below(SLUICE_CMD_MAX);
	uint32_t type;
	size_t start;
	char k[64];

	while (at < most) {
		start = at;
		if (one_in(300))
			at = put_any(at, 2);
		at += NLA_HDRLEN;
		type = 0;
		start = at - NLA_HDRLEN;
		size_t len = key(k, &type);

		at = put_attribute(at, SLUICE_OBJECT_A_TYPE, &type, 4);
		at = put_attribute(at, SLUICE_OBJECT_A_KEY, k, len);
		at = put_attribute(at, SLUICE_OBJECT_A_VALUE, NULL, one_in(500) ? 20000 : below(300));
		((struct nlattr *)(message + start))->nla_len = at - start;
		((struct nlattr *)(message + start))->nla_type = SLUICE_A_OBJECT | NLA_F_NESTED;
	}
	put_header(at, cmd);
}

/* Bits, lengths, types, command, version, flags: a few of them. */
static void mutate(void)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)message;
	size_t payload = NLMSG_HDRLEN + GENL_HDRLEN, at;

	for (unsigned int i = 1 + below(4); i; i--) {
		switch (below(8)) {
		case 0:		/* a bit */
		case 1:
			if (length > payload) {
				at = payload + below(length - payload);
				message[at] ^= 1 << below(8);
			}
			break;
		case 2:		/* a length or a type */
			if (length > payload + 4) {
				at = (payload + below(length - payload)) & ~3u;
				*(uint16_t *)(message + at + 2 * below(2)) = number();
			}
			break;
		case 3:		/* the end is missing */
			if (length > payload)
				length = payload + below(length - payload);
			nlh->nlmsg_len = length;
			break;
		case 4:		/* an attribute more */
			length = put_any(NLA_ALIGN(length), 2);
			nlh->nlmsg_len = length;
			break;
		case 5:
			((struct genlmsghdr *)NLMSG_DATA(nlh))->cmd = below(SLUICE_CMD_MAX + 2);
			break;
		case 6:
			if (one_in(4))
				((struct genlmsghdr *)NLMSG_DATA(nlh))->version = number();
			else if (one_in(4))
				((struct genlmsghdr *)NLMSG_DATA(nlh))->reserved = number();
			break;
		default:
			if (one_in(3))
				nlh->nlmsg_flags = NLM_F_REQUEST | random64();
		}
	}
}

static void make_mutated(void)
{
	make_valid();
	mutate();
}

/* Several in one datagram, with lengths that may lie. */
static void make_several(void)
{
	static char all[MOST] __attribute__((aligned(8)));
	size_t at = 0;

	for (unsigned int i = 2 + below(6); i; i--) {
		if (one_in(2))
			make_valid();
		else
			make_mutated();
		if (one_in(6))
			((struct nlmsghdr *)message)->nlmsg_len = number();
		if (at + NLMSG_ALIGN(length) > sizeof(all))
			break;
		((struct nlmsghdr *)message)->nlmsg_type = family;
		memcpy(all + at, message, length);
		at += NLMSG_ALIGN(length);
	}
	memcpy(message, all, at);
	length = at;
}

/* --- and what comes back ----------------------------------------------------------- */

/* Reads all that is there. *@answer: 1, or the errno of the NLMSG_ERROR to @asked. */
static void drain(int fd, uint32_t asked, int *answer)
{
	static char in[SOCKET_BUFFER] __attribute__((aligned(8)));
	struct message_error e;
	const struct nlmsghdr *nlh;
	char sentence[300];
	uint32_t offset;
	size_t pos;
	int n, err;

	while ((n = socket_receive(fd, in, sizeof(in), 0)) > 0 || n == -ENOBUFS) {
		if (n == -ENOBUFS)
			continue;
		for (pos = 0; (nlh = message_split(in, n, &pos, &e));) {
			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != asked)
				continue;
			if (message_error(nlh, &err, sentence, sizeof(sentence), &offset))
				failed("an error that is none");
			*answer = err;
		}
		if (e.err)
			failed("the kernel's answer is no message: %s", e.sentence);
	}
}

/* Whether the message is one that the kernel answers to: not so where headers lie. */
static bool is_one(const struct nlmsghdr *nlh)
{
	return length >= NLMSG_HDRLEN + GENL_HDRLEN && nlh->nlmsg_len == length &&
	       nlh->nlmsg_type == family &&
	       (nlh->nlmsg_flags & (NLM_F_REQUEST | NLM_F_ACK)) == (NLM_F_REQUEST | NLM_F_ACK) &&
	       (nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP;
}

static void give(bool one_message)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)message;
	int *fd = &sockets[below(SOCKETS)], answer = 1, err;
	struct message_error e = { 0 };
	struct message m;
	bool judged;

	/* As message.h makes them, all messages are of the socket's type. */
	if (length >= sizeof(*nlh) && nlh->nlmsg_type == SLUICE_UNIX_TYPE)
		nlh->nlmsg_type = family;
	judged = one_message && is_one(nlh);
	if (one_in(200) && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	if (*fd < 0) {
		*fd = socket_new();
		if (one_in(3))
			socket_join(*fd, groups[below(2)]);
	}
	sent++;
	if (judged) {
		nlh->nlmsg_type = SLUICE_UNIX_TYPE;
		message_request(nlh, &m, &e);
		nlh->nlmsg_type = family;
	}
	err = socket_send(*fd, message, length);
	if (err) {
		untaken++;
		if (err != -EMSGSIZE && err != -ENOBUFS)
			failed("a message is not taken: %s", strerror(-err));
		return;
	}
	drain(*fd, nlh->nlmsg_seq, &answer);
	if (!judged)
		return;
	if (answer == 1)
		unanswered++;
	else if (answer)
		refused++;
	else
		accepted++;
	if (!e.err)
		return;
	strict++;
	if (!answer)
		failed("the module took what is refused elsewhere: %s", e.sentence);
}

static const struct way {
	unsigned int weight;
	void (*make)(void);
	bool several;
} ways[] = {
	{ 40, make_valid, false },
	{ 35, make_mutated, false },
	{ 25, make_by_grammar, false },
	{ 10, make_random, false },
	{ 6, make_deep, false },
	{ 2, make_large, false },
	{ 10, make_several, true },
};

#define WAYS (sizeof(ways) / sizeof(*ways))

static void one_round(void)
{
	unsigned int total = 0, way = 0, n;

	for (size_t i = 0; i < WAYS; i++)
		total += ways[i].weight;
	for (n = below(total); n >= ways[way].weight; way++)
		n -= ways[way].weight;
	ways[way].make();
	give(!ways[way].several);
}

/* --- that it still works ---------------------------------------------------------------- */

static void *compile(void *arg)
{
	struct client *c = arg;
	struct client_event e;

	while (!client_next_event(c, &e, 10000))
		if (e.cmd == SLUICE_CMD_COMMIT) {
			client_verdict(c, e.generation, true, "good");
			break;
		}
	return NULL;
}

static bool works(void)
{
	struct client *compiler = client_new(), *c = client_new();
	struct client_verdict v = { 0 };
	char value[SLUICE_VALUE_MAX];
	pthread_t thread;
	size_t len = 0;
	bool good;

	for (int i = 0; i < SOCKETS; i++) {
		if (sockets[i] >= 0)
			close(sockets[i]);
		sockets[i] = -1;
	}
	if (client_open_module(c, NULL)) {
		printf("# %s\n", client_error(c));
		return false;
	}
	client_confirm(c, CLIENT_RUNNING);	/* whatever still waits for it */
	if (client_open_module(compiler, NULL) || client_bind(compiler, 0, NULL)) {
		printf("# compiler: %s\n", client_error(compiler));
		return false;
	}
	pthread_create(&thread, NULL, compile, compiler);
	good = !client_begin(c, NULL) &&
	       !client_set(c, SLUICE_OBJECT_PORT, "wan", 3, "value", 5, 0) &&
	       !client_commit(c, &(struct client_commit){ .wait_ms = 10000 }, &v) && v.accepted &&
	       !client_get(c, CLIENT_RUNNING, SLUICE_OBJECT_PORT, "wan", 3, value, &len) &&
	       len == 5 && !memcmp(value, "value", 5);
	if (!good)
		printf("# committer: %s\n", client_error(c));
	client_verdict_free(&v);
	pthread_join(thread, NULL);
	client_free(c);
	client_free(compiler);
	return good;
}

static int tests, bad;

static void ok(bool good, const char *name)
{
	bad += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int seconds = 5, option;
	uint64_t seed = time(NULL);
	bool worked = true;
	time_t end;

	while ((option = getopt(argc, argv, "t:s:")) != (unsigned int)-1) {
		if (option == 't')
			seconds = atoi(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (family_find(&family, groups)) {
		printf("1..0 # SKIP the module is not loaded\n");
		return 4;
	}
	if (unshare(CLONE_NEWNET)) {
		perror("fuzz: unshare");
		return 1;
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 0; i < SOCKETS; i++)
		sockets[i] = -1;
	for (end = time(NULL) + seconds; time(NULL) < end && worked && failures < 5;) {
		one_round();
		if (sent % 10000 == 0)
			worked = works();
	}
	printf("# %lu messages: %lu accepted, %lu refused, %lu without an answer, %lu not sent; "
	       "%lu refused by userland's decoder\n", sent, accepted, refused, unanswered, untaken, strict);
	ok(!failures, "answers are messages, and as strict as userland's");
	ok(accepted && refused && strict, "some were accepted, some refused");
	ok(!unanswered, "every message that can be told apart was answered");
	ok(worked && works(), "a valid transaction goes through");
	ok(kernel_module_uses() == 0, "nobody holds the module");
	printf("1..%d\n", tests);
	return bad > 0;
}

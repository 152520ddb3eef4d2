// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: what is encoded is decoded again; cut off or altered anywhere, they are refused
 * or read within their bounds (each is decoded from a buffer of exactly its own size, so
 * that a sanitizer or valgrind sees a step beyond).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>

#include "base/vec.h"
#include "netlink/client.h"
#include "netlink/document.h"
#include "netlink/message.h"

static char buf[SLUICE_DATAGRAM_MAX] __attribute__((aligned(8)));

static void begin(struct message_out *o, enum sluice_cmd cmd)
{
	message_start(o, buf, sizeof(buf), cmd, NLM_F_REQUEST, 9);
}

static int request(struct message *m, struct message_error *e)
{
	return message_request((void *)buf, m, e);
}

/* Appends one attribute, as any client might. */
static void append(const void *payload, uint16_t len, uint16_t type)
{
	struct nlmsghdr *nlh = (void *)buf;
	struct nlattr a = { .nla_len = 4 + len, .nla_type = type };

	memcpy(buf + nlh->nlmsg_len, &a, sizeof(a));
	if (len)
		memcpy(buf + nlh->nlmsg_len + 4, payload, len);
	memset(buf + nlh->nlmsg_len + 4 + len, 0, -len & 3);
	nlh->nlmsg_len += 4 + ((len + 3) & ~3);
}

static void fields_come_back(void **state)
{
	const struct nlattr *pos = NULL;
	struct message_object object;
	struct message_error e;
	struct message_out o;
	struct message m;

	(void)state;
	begin(&o, SLUICE_CMD_SET);
	message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_CREATE);
	assert_true(message_put_object(&o, SLUICE_OBJECT_PORT, "wan", 3, "\1\2", 2));
	assert_true(message_put_object(&o, SLUICE_OBJECT_PORT, "lan", 3, "", 0));
	assert_int_equal(request(&m, &e), 0);
	assert_int_equal(m.cmd, SLUICE_CMD_SET);
	assert_false(m.dump);
	assert_int_equal(m.flags, SLUICE_F_CREATE);
	assert_true(message_object(&m, &pos, &object));
	assert_int_equal(object.type, SLUICE_OBJECT_PORT);
	assert_int_equal(object.key_len, 3);
	assert_memory_equal(object.key, "wan", 3);
	assert_int_equal(object.value_len, 2);
	assert_memory_equal(object.value, "\1\2", 2);
	assert_true(message_object(&m, &pos, &object));
	assert_memory_equal(object.key, "lan", 3);
	assert_non_null(object.value);
	assert_int_equal(object.value_len, 0);
	assert_false(message_object(&m, &pos, &object));

	begin(&o, SLUICE_CMD_VERDICT);
	message_put_u64(&o, SLUICE_A_GENERATION, UINT64_MAX - 5);
	message_put_u32(&o, SLUICE_A_ACCEPTED, 1);
	message_put_string(&o, SLUICE_A_MESSAGE, "all is well", 11);
	assert_int_equal(request(&m, &e), 0);
	assert_true(m.generation == UINT64_MAX - 5);
	assert_int_equal(m.accepted, 1);
	assert_string_equal(m.text, "all is well");
	assert_null(m.comment);
	assert_true(message_has(&m, SLUICE_A_MESSAGE));
	assert_false(message_has(&m, SLUICE_A_COMMENT));
}

static void event_and_status_come_back(void **state)
{
	struct client_status in = {
		.home = SLUICE_HOME_DAEMON, .compiler = true, .running = 1ull << 40, .applied = 3,
		.candidate_waits = true, .candidate = 77, .confirm_waits = true,
		.confirm_left_ms = 5, .confirm_back = 6, .txns = 7, .memory = 1ull << 33,
		.objects_max = 9, .bytes_max = 10, .memory_max = 11,
		.generations = SLUICE_HISTORY_MAX + 1,
	}, out;
	struct message_event event;
	struct message_error e;
	struct message_out o;
	struct message m;

	(void)state;
	for (unsigned int i = 0; i < in.generations; i++) {
		in.generation[i] = (struct client_generation){
			.number = 100 + i, .copied = i & 1, .from = i & 1 ? i : 0,
			.time_s = 1ull << 35, .objects = i, .bytes = 1ull << i,
		};
		memset(in.generation[i].comment, 'c', i * 15);
	}
	begin(&o, SLUICE_CMD_STATUS);
	message_put_status(&o, &in);
	assert_true(message_len(&o) > 0);
	assert_int_equal(message_answer((void *)buf, &m, &e), 0);
	memset(&out, 0, sizeof(out));
	assert_int_equal(message_status(&m, &out, &e), 0);
	assert_int_equal(out.home, in.home);
	assert_int_equal(out.compiler, in.compiler);
	assert_true(out.running == in.running && out.applied == in.applied);
	assert_true(out.candidate_waits && out.candidate == 77);
	assert_true(out.confirm_waits && out.confirm_left_ms == 5 && out.confirm_back == 6);
	assert_true(out.txns == 7 && out.memory == in.memory && out.objects_max == 9);
	assert_true(out.bytes_max == 10 && out.memory_max == 11);
	assert_int_equal(out.generations, in.generations);
	for (unsigned int i = 0; i < in.generations; i++) {
		const struct client_generation *a = &in.generation[i], *b = &out.generation[i];

		assert_true(a->number == b->number && a->copied == b->copied &&
			    a->from == b->from && a->time_s == b->time_s &&
			    a->objects == b->objects && a->bytes == b->bytes);
		assert_string_equal(a->comment, b->comment);
	}

	begin(&o, SLUICE_CMD_EVENT);
	message_put_event(&o, "feed-gap", 1ull << 60, "{}");
	assert_int_equal(request(&m, &e), 0);
	assert_true(message_event(&m, &event));
	assert_string_equal(event.name, "feed-gap");
	assert_string_equal(event.text, "{}");
	assert_true(event.time_ns == 1ull << 60);
}

static void errors_come_back(void **state)
{
	struct message_error e = { 0 }, unused;
	struct message_out o;
	char answer[MESSAGE_ERROR_MAX] __attribute__((aligned(8))), sentence[256];
	uint32_t offset;
	struct message m;
	size_t len;
	int err;

	(void)state;
	begin(&o, SLUICE_CMD_CONFIRM);
	message_put_u64(&o, SLUICE_A_GENERATION, 5);
	assert_int_equal(request(&m, &unused), 0);
	len = message_put_error(answer, m.nlh, &e);
	assert_true(len <= sizeof(answer));
	assert_int_equal(message_error((void *)answer, &err, sentence, sizeof(sentence), &offset), 0);
	assert_int_equal(err, 0);
	assert_string_equal(sentence, "");

	message_fail(&e, -ESTALE, m.attr[SLUICE_A_GENERATION], "%0300d", 5);
	len = message_put_error(answer, m.nlh, &e);
	assert_true(len <= sizeof(answer));
	assert_int_equal(((struct nlmsghdr *)answer)->nlmsg_seq, 9);
	assert_int_equal(message_error((void *)answer, &err, sentence, sizeof(sentence), &offset), 0);
	assert_int_equal(err, -ESTALE);
	assert_int_equal(strlen(sentence), sizeof(e.sentence) - 1);
	assert_int_equal(offset, 20);
	for (size_t cut = 16; cut < len; cut++) {
		char *exact = malloc(cut);

		memcpy(exact, answer, cut);
		((struct nlmsghdr *)exact)->nlmsg_len = cut;
		err = message_error((void *)exact, &err, sentence, sizeof(sentence), &offset);
		assert_int_equal(err, cut < 36 ? -EBADMSG : 0);
		free(exact);
	}

	/* the kernel's own form: the request stands whole in the answer */
	memset(answer, 0, sizeof(answer));
	*(struct nlmsghdr *)answer = (struct nlmsghdr){
		.nlmsg_len = 20 + 32 + 12, .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_ACK_TLVS };
	*(int *)(answer + 16) = -EINVAL;
	memcpy(answer + 20, buf, 32);
	memcpy(answer + 52, &(struct nlattr){ 8, NLMSGERR_ATTR_MSG }, 4);
	memcpy(answer + 56, "why", 4);
	((struct nlmsghdr *)answer)->nlmsg_len = 60;
	assert_int_equal(message_error((void *)answer, &err, sentence, sizeof(sentence), &offset), 0);
	assert_int_equal(err, -EINVAL);
	assert_string_equal(sentence, "why");
	((struct nlmsghdr *)(answer + 20))->nlmsg_len = 45;
	assert_int_equal(message_error((void *)answer, &err, sentence, sizeof(sentence), &offset),
			 -EBADMSG);
}

/* Every message of a small collection, cut off at every byte and with every byte altered. */
static size_t sample(unsigned int i)
{
	struct client_status status = { .generations = 2, .generation[0].comment = "hello" };
	struct message_out o;

	switch (i) {
	case 0:
		begin(&o, SLUICE_CMD_SET);
		message_put_u32(&o, SLUICE_A_FLAGS, SLUICE_F_REPLACE);
		message_put_object(&o, SLUICE_OBJECT_ROUTE, "main\0::/0", 9, "value", 5);
		message_put_object(&o, SLUICE_OBJECT_PORT, "wan", 3, "", 0);
		break;
	case 1:
		begin(&o, SLUICE_CMD_COMMIT);
		message_put_u32(&o, SLUICE_A_CONFIRM_TIMEOUT, 60000);
		message_put_string(&o, SLUICE_A_COMMENT, "because", 7);
		break;
	case 2:
		begin(&o, SLUICE_CMD_VERDICT);
		message_put_u64(&o, SLUICE_A_GENERATION, 5);
		message_put_u32(&o, SLUICE_A_ACCEPTED, 0);
		message_put_string(&o, SLUICE_A_MESSAGE, "no", 2);
		break;
	case 3:
		begin(&o, SLUICE_CMD_EVENT);
		message_put_event(&o, "name", 5, "text");
		break;
	case 4:
		begin(&o, SLUICE_CMD_STATUS);
		message_put_status(&o, &status);
		break;
	default:
		return 0;
	}
	return message_len(&o);
}

/* Reads all there is to read. Return: whether it was taken as a request. */
static bool touch(const char *bytes, size_t len)
{
	const struct nlmsghdr *nlh;
	struct client_status status;
	struct message_event event;
	struct message_object o;
	struct message_error e;
	struct message m;
	size_t pos = 0, sum = 0;
	bool taken = false;

	while ((nlh = message_split(bytes, len, &pos, &e))) {
		for (int strict = 0; strict < 2; strict++) {
			const struct nlattr *at = NULL;
			int err = strict ? message_request(nlh, &m, &e) : message_answer(nlh, &m, &e);

			assert_int_equal(err, e.err);
			if (err) {
				assert_true(err < 0 && e.sentence[0]);
				if (e.where)
					assert_in_range((char *)e.where - bytes, 20, len - 4);
				continue;
			}
			taken |= strict;
			while (message_object(&m, &at, &o))
				for (size_t i = 0; i < o.key_len + o.value_len; i++)
					sum += i < o.key_len ? ((char *)o.key)[i] :
							       ((char *)o.value)[i - o.key_len];
			sum += m.comment ? strlen(m.comment) : 0;
			sum += m.text ? strlen(m.text) : 0;
			if (message_event(&m, &event))
				sum += (event.name ? strlen(event.name) : 0) +
				       (event.text ? strlen(event.text) : 0);
			if (m.status && !message_status(&m, &status, &e))
				sum += strlen(status.generation[0].comment);
		}
	}
	return taken && sum != SIZE_MAX;
}

static void cut_off_or_altered(void **state)
{
	size_t len;

	(void)state;
	for (unsigned int i = 0; (len = sample(i)); i++) {
		char *exact;

		assert_int_equal(touch(buf, len), i != 4);
		for (size_t cut = 0; cut < len; cut++) {
			/* as it is, and with a header that says so */
			for (int honest = 0; honest < 2; honest++) {
				exact = malloc(cut ? cut : 1);
				memcpy(exact, buf, cut);
				if (honest && cut >= 4)
					((struct nlmsghdr *)exact)->nlmsg_len = cut;
				if (touch(exact, cut))
					assert_true(honest && cut >= 20);
				free(exact);
			}
		}
		exact = malloc(len);
		for (size_t at = 0; at < len; at++) {
			for (unsigned int v = 0; v < 256; v += at < 16 ? 1 : 5) {
				memcpy(exact, buf, len);
				exact[at] = v;
				touch(exact, len);
			}
		}
		free(exact);
	}
}

static void unknown_ones(void **state)
{
	struct message_error e;
	struct message_out o;
	struct message m;

	(void)state;
	/* a later store says more than we know: we step over it */
	begin(&o, SLUICE_CMD_VERDICT);
	message_put_u64(&o, SLUICE_A_GENERATION, 5);
	append("what", 4, SLUICE_A_MAX + 1);
	append("what", 4, SLUICE_A_MAX + 1 + 4000);
	message_put_u32(&o, SLUICE_A_ACCEPTED, 1);
	assert_int_equal(message_answer((void *)buf, &m, &e), 0);
	assert_int_equal(m.generation, 5);
	assert_int_equal(m.accepted, 1);
	/* the store does not */
	assert_int_equal(request(&m, &e), -EINVAL);
	assert_int_equal((char *)e.where - buf, 20 + 12);
	assert_string_equal(e.sentence, "no attribute here has number 13");

	begin(&o, SLUICE_CMD_MAX + 1);
	assert_int_equal(message_answer((void *)buf, &m, &e), -EOPNOTSUPP);
	assert_int_equal(request(&m, &e), -EOPNOTSUPP);

	begin(&o, SLUICE_CMD_DEL);
	append("\10\0\1\0\2\0\0\0\10\0\3\0k\0\0\0", 13, SLUICE_A_OBJECT);	/* no NLA_F_NESTED */
	assert_int_equal(request(&m, &e), -EINVAL);
	assert_string_equal(e.sentence, "OBJECT lacks NLA_F_NESTED");
}

static void what_a_command_needs(void **state)
{
	static const struct {
		enum sluice_cmd cmd;
		uint16_t flags;
		int type, key, value;	/* -1: no object */
		uint32_t f;
		int err;
	} t[] = {
		{ SLUICE_CMD_SET, 0, 2, 1, 1, 0, 0 },
		{ SLUICE_CMD_SET, 0, 2, 1, 0, 0, -EINVAL },
		{ SLUICE_CMD_SET, 0, 2, 0, 1, 0, -EINVAL },
		{ SLUICE_CMD_SET, 0, 0, 1, 1, 0, -EINVAL },
		{ SLUICE_CMD_SET, 0, -1, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_SET, NLM_F_DUMP, 2, 1, 1, 0, -EOPNOTSUPP },
		{ SLUICE_CMD_DEL, 0, 2, 1, 0, 0, 0 },
		{ SLUICE_CMD_DEL, 0, 2, 1, 1, 0, -EINVAL },
		{ SLUICE_CMD_DEL, 0, 2, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_DEL, 0, 2, 0, 0, SLUICE_F_PREFIX, 0 },
		{ SLUICE_CMD_GET, 0, 2, 1, 0, 0, 0 },
		{ SLUICE_CMD_GET, 0, 2, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_GET, 0, -1, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_GET, NLM_F_DUMP, -1, 0, 0, 0, 0 },
		{ SLUICE_CMD_GET, NLM_F_DUMP, 2, 0, 0, SLUICE_F_TXN, 0 },
		{ SLUICE_CMD_TXN_BEGIN, 0, -1, 0, 0, 0, 0 },
		{ SLUICE_CMD_TXN_BEGIN, 0, 2, 1, 0, 0, -EINVAL },
		{ SLUICE_CMD_VERDICT, 0, -1, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_EVENT, 0, -1, 0, 0, 0, -EINVAL },
		{ SLUICE_CMD_SUBSCRIBE, 0, -1, 0, 0, 0, -EINVAL },
	};
	struct message_error e;
	struct message_out o;
	struct message m;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		message_start(&o, buf, sizeof(buf), t[i].cmd, NLM_F_REQUEST | t[i].flags, 1);
		if (t[i].f)
			message_put_u32(&o, SLUICE_A_FLAGS, t[i].f);
		if (t[i].type >= 0)
			message_put_object(&o, t[i].type, t[i].key ? "k" : NULL, t[i].key,
					   t[i].value ? "v" : NULL, t[i].value);
		if (request(&m, &e) != t[i].err)
			fail_msg("case %zu: %d (%s)", i, e.err, e.sentence);
	}
	begin(&o, SLUICE_CMD_STATUS);
	o.nlh->nlmsg_flags = 0;
	assert_int_equal(request(&m, &e), -EINVAL);
	begin(&o, SLUICE_CMD_STATUS);
	((struct genlmsghdr *)(buf + 16))->reserved = 1;
	assert_int_equal(request(&m, &e), -EINVAL);
}

/* Lengths of strings and bytes at N-1, N, N+1. */
static void lengths_at_their_limits(void **state)
{
	static char long_text[SLUICE_MESSAGE_MAX + 2];
	struct message_error e;
	struct message_out o;
	struct message m;

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	for (int over = -1; over <= 1; over++) {
		int want = over > 0 ? -EINVAL : 0;

		begin(&o, SLUICE_CMD_COMMIT);
		message_put_string(&o, SLUICE_A_COMMENT, long_text, SLUICE_COMMENT_MAX + over);
		assert_int_equal(request(&m, &e), want);
		begin(&o, SLUICE_CMD_VERDICT);
		message_put_u64(&o, SLUICE_A_GENERATION, 5);
		message_put_u32(&o, SLUICE_A_ACCEPTED, 1);
		message_put_string(&o, SLUICE_A_MESSAGE, long_text, SLUICE_MESSAGE_MAX + over);
		assert_int_equal(request(&m, &e), want);
		begin(&o, SLUICE_CMD_DEL);
		assert_true(message_put_object(&o, 2, long_text, SLUICE_KEY_MAX + over, NULL, 0));
		assert_int_equal(request(&m, &e), want);
		begin(&o, SLUICE_CMD_SET);
		assert_true(message_put_object(&o, 2, "k", 1, long_text, SLUICE_VALUE_MAX + over));
		assert_int_equal(request(&m, &e), want);
		begin(&o, SLUICE_CMD_CONFIRM);
		append("12345678", 8 + over, SLUICE_A_GENERATION);
		assert_int_equal(request(&m, &e), over ? -EINVAL : 0);
		begin(&o, SLUICE_CMD_SUBSCRIBE);
		append("\1\0\0\0\0", 4 + over, SLUICE_A_GROUPS);
		assert_int_equal(request(&m, &e), over ? -EINVAL : 0);
	}
	begin(&o, SLUICE_CMD_COMMIT);
	append("no end", 6, SLUICE_A_COMMENT);
	assert_int_equal(request(&m, &e), -EINVAL);
	assert_string_equal(e.sentence, "COMMENT does not end in a NUL");
}

/* A buffer that is too small is never written beyond, and says so. */
static void small_buffers(void **state)
{
	char *small;
	struct message_out o;

	(void)state;
	for (size_t size = 20; size < 200; size++) {
		bool fits;

		small = malloc(size);
		message_start(&o, small, size, SLUICE_CMD_SET, 0, 1);
		fits = message_put_object(&o, 2, "key", 3, "some value", 10);
		assert_int_equal(fits, size >= 20 + 4 + 8 + 8 + 16);
		assert_true(message_len(&o) >= 20);
		message_put_string(&o, SLUICE_A_COMMENT, "comment", 7);
		message_put_u64(&o, SLUICE_A_GENERATION, 1);
		message_put_event(&o, "name", 1, "text");
		assert_int_equal(message_len(&o) > 0, size >= 56 + 12 + 12 + 4 + 12 + 12 + 12);
		free(small);
	}
}

/* --- documents --------------------------------------------------------------------------- */

static int append_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	text_printf(ctx, "%s=%zu:%s;", name, len, bytes);
	return 0;
}

static int take(struct document_reader *r, const char *name, uint32_t chunk, const char *value)
{
	uint8_t key[SLUICE_KEY_MAX];
	size_t len = document_key(name, chunk, key);

	return document_take(r, key, len, value, strlen(value));
}

/* Cuts @text. Return: how many chunks, their ends in @end. */
static size_t cut(const char *text, size_t len, size_t *end)
{
	size_t n = 0;

	for (size_t at = 0; at < len; n++) {
		size_t one = document_cut(text + at, len - at);

		assert_in_range(one, 1, DOCUMENT_CHUNK);
		at += one;
		end[n] = at;
	}
	return n;
}

/* A line that is changed changes its own chunk, and at most the next. */
static void chunks_end_where_they_did(void **state)
{
	size_t end[2][256], n[2], same = 0, rounds = 50;
	struct text text = { 0 }, other = { 0 };
	static const char zero[3 * DOCUMENT_CHUNK];

	(void)state;
	assert_int_equal(cut(zero, 1, end[0]), 1);
	assert_int_equal(cut(zero, DOCUMENT_CHUNK, end[0]), 1);
	assert_int_equal(cut(zero, DOCUMENT_CHUNK + 1, end[0]), 2);
	assert_int_equal(cut(zero, sizeof(zero), end[0]), 3);
	for (unsigned int i = 0; i < 10000; i++)
		text_printf(&text, "\tallow if ip.src == 10.%u.%u.%u and tcp.dst == %u;\n", i & 7, i >> 3 & 255,
			    i * 7 & 255, i);
	n[0] = cut(text.data, text.len, end[0]);
	for (unsigned int i = 0; i < rounds; i++) {
		char *line = memchr(text.data + text.len / rounds * i, '\n', text.len);
		size_t at = line + 1 - text.data, left = 0, right = 0;

		other.len = 0;
		text_append(&other, text.data, at);
		text_printf(&other, "\tdrop if ip.ttl == %u;\n", i);
		text_append(&other, text.data + at, text.len - at);
		n[1] = cut(other.data, other.len, end[1]);
		while (left < n[0] && left < n[1] && end[0][left] == end[1][left])
			left++;
		while (right < n[0] && right < n[1] &&
		       text.len - end[0][n[0] - 1 - right] == other.len - end[1][n[1] - 1 - right])
			right++;
		assert_true(left + right + 3 >= n[0]);
		same += n[0] == n[1];
	}
	printf("# %zu chunks; %zu of %zu changes leave their number\n", n[0], same, rounds);
	assert_true(n[0] > 20 && same * 4 > rounds * 3);
	text_free(&text);
	text_free(&other);
}

static void chunks_become_documents(void **state)
{
	struct text told = { 0 };
	struct document_reader r = { .each = append_document, .ctx = &told };
	uint8_t key[SLUICE_KEY_MAX];

	(void)state;
	assert_int_equal(take(&r, "a", 0, ""), 0);
	assert_int_equal(take(&r, "b", 0, "one "), 0);
	assert_int_equal(take(&r, "b", 1, "two"), 0);
	assert_int_equal(take(&r, "bb", 0, "three"), 0);
	assert_int_equal(document_end(&r), 0);
	assert_int_equal(document_end(&r), 0);
	assert_string_equal(text_string(&told), "a=0:;b=7:one two;bb=5:three;");

	assert_int_equal(take(&r, "c", 1, "x"), -EBADMSG);
	document_free(&r);
	assert_int_equal(take(&r, "c", 0, "x"), 0);
	assert_int_equal(take(&r, "c", 2, "x"), -EBADMSG);
	document_free(&r);
	assert_int_equal(document_take(&r, "abc", 3, "x", 1), -EBADMSG);
	text_free(&told);
	assert_int_equal(document_key("", 0, key), 0);
	assert_int_equal(document_key("ab", 0x01020304, key), 7);
	assert_memory_equal(key, "ab\0\1\2\3\4", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(event_and_status_come_back),
		cmocka_unit_test(errors_come_back),
		cmocka_unit_test(cut_off_or_altered),
		cmocka_unit_test(unknown_ones),
		cmocka_unit_test(what_a_command_needs),
		cmocka_unit_test(lengths_at_their_limits),
		cmocka_unit_test(small_buffers),
		cmocka_unit_test(chunks_become_documents),
		cmocka_unit_test(chunks_end_where_they_did),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

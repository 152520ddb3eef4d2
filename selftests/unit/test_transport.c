// SPDX-License-Identifier: GPL-2.0
/*
 * The store as a client meets it, whoever has it: over a unix socket, and over generic netlink.
 *
 * SLUICE_STORE=module takes the module's store (each test that of a new network namespace);
 * otherwise the store is served on a socket by a thread of the test's. All the rest is the same,
 * the compiler too: a client, bound by the transport that is tested, told what to answer by the
 * documents themselves: "reject" is rejected, "later" is answered after a while, "never" not at all.
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

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "base/text.h"
#include "base/vec.h"
#include "kmod/store.h"
#include "netlink/client.h"
#include "netlink/message.h"
#include "store_client.h"
#include "store_compiler.h"
#include "store_server.h"

/* --- the store, and its compiler ------------------------------------------------- */

struct home {
	enum sluice_home kind;
	struct store_server served;	/* if it is not the module's */
	pthread_t compiler;
	int orders[2];			/* letters, to the compiler */
	int bound[2];			/* and a byte back once it is bound */
	atomic_uint returned;
};

static int reach(struct home *h, struct client *c)
{
	return h->kind == SLUICE_HOME_MODULE ? client_open_module(c, NULL) :
					       client_open(c, h->served.path, NULL);
}

static struct client *connected(struct home *h)
{
	struct client *c = client_new();

	good(c, reach(h, c));
	return c;
}

/* Errors are the store's affair: it may have decided meanwhile. */
static void compile(struct client *c, uint64_t generation)
{
	struct compiled found = {};
	char message[100];
	int err = client_documents(c, generation, compile_document, &found);

	if (err) {
		client_verdict(c, generation, false, client_error(c));
		return;
	}
	if (found.never)
		return;
	if (found.later)
		usleep(50000);
	snprintf(message, sizeof(message), "%u documents, %zu bytes", found.documents, found.bytes);
	client_verdict(c, generation, !found.reject, found.reject ? "line 1\nline 2" : message);
}

static void *compiler(void *arg)
{
	struct home *h = arg;
	struct client *c = client_new();
	struct client_event e;
	int err = reach(h, c) || client_bind(c, 0, NULL);
	char order = err ? 'x' : 'b';

	if (err)
		fprintf(stderr, "# the compiler: %s\n", client_error(c));
	if (write(h->bound[1], &order, 1) != 1)
		order = 'x';
	while (!err) {
		struct pollfd fds[2] = { { client_fd(c), POLLIN, 0 }, { h->orders[0], POLLIN, 0 } };

		while (!client_next_event(c, &e, 0)) {
			h->returned += e.cmd == SLUICE_CMD_ROLLBACK;
			if (e.cmd == SLUICE_CMD_COMMIT || e.cmd == SLUICE_CMD_ROLLBACK)
				compile(c, e.generation);
		}
		if (poll(fds, 2, -1) < 0)
			break;
		if (!fds[1].revents)
			continue;
		if (read(h->orders[0], &order, 1) != 1 || order == 'q')
			break;
		client_send_event(c, "feed-gap", "{\"lost\":3}");
	}
	client_free(c);
	return NULL;
}

static void command(struct home *h, char letter)
{
	assert_int_equal(write(h->orders[1], &letter, 1), 1);
}

static void bind_compiler(struct home *h)
{
	char answer;

	assert_int_equal(pthread_create(&h->compiler, NULL, compiler, h), 0);
	assert_int_equal(read(h->bound[0], &answer, 1), 1);
	assert_int_equal(answer, 'b');
}

static void end_compiler(struct home *h)
{
	command(h, 'q');
	pthread_join(h->compiler, NULL);
}

static int setup_alone(void **state)
{
	const char *store = getenv("SLUICE_STORE");
	struct store_limits limits = store_limits_default();
	struct home *h = xcalloc(1, sizeof(*h));

	*state = h;
	h->kind = store && !strcmp(store, "module") ? SLUICE_HOME_MODULE : SLUICE_HOME_DAEMON;
	if (h->kind == SLUICE_HOME_DAEMON)
		start(&h->served, &limits, NULL, NULL);
	else
		assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(pipe(h->orders), 0);
	assert_int_equal(pipe(h->bound), 0);
	return 0;
}

static int setup(void **state)
{
	setup_alone(state);
	bind_compiler(*state);
	return 0;
}

static int teardown_alone(void **state)
{
	struct home *h = *state;

	if (h->kind == SLUICE_HOME_DAEMON)
		stop(&h->served);
	for (int i = 0; i < 2; i++) {
		close(h->orders[i]);
		close(h->bound[i]);
	}
	free(h);
	return 0;
}

static int teardown(void **state)
{
	end_compiler(*state);
	return teardown_alone(state);
}

static bool no_txns(void *ctx)
{
	struct client_status st;

	good(ctx, client_status(ctx, &st));
	return !st.txns;
}

static bool no_compiler(void *ctx)
{
	struct client_status st;

	good(ctx, client_status(ctx, &st));
	return !st.compiler;
}

/* --- documents and verdicts ----------------------------------------------------------- */

static void documents_of_any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 32768, 100000, 3000000 };
	struct home *h = *state;
	struct client *c = connected(h);
	struct client_verdict v;
	char name[300], *big = xcalloc(1, 3000000);
	struct client_status st;

	for (size_t i = 0; i < 3000000; i++)
		big[i] = 'a' + i % 26 + (i / 16384) % 5;
	good(c, client_begin(c, NULL));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "%zu.sluice", sizes[i]);
		good(c, client_put_document(c, name, big, sizes[i]));
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "%zu.sluice", sizes[i]);
		assert_int_equal(expect_document(c, CLIENT_TXN, name, big, sizes[i]), 8);
	}
	good(c, client_commit(c, &(struct client_commit){ .comment = "eight" }, &v));
	assert_true(v.accepted);
	assert_int_equal(v.generation, 1);
	assert_string_equal(v.message, "8 documents, 3181921 bytes");
	client_verdict_free(&v);
	assert_int_equal(expect_document(c, CLIENT_RUNNING, "3000000.sluice", big, 3000000), 8);

	/* shorter now: no chunk of the longer one may stay */
	apply(c, "3000000.sluice", "short");
	assert_int_equal(expect_document(c, CLIENT_RUNNING, "3000000.sluice", "short", 5), 8);
	assert_int_equal(expect_document(c, 1, "3000000.sluice", big, 3000000), 8);
	apply(c, "3000000", "a name that another begins with");
	good(c, client_begin(c, NULL));
	good(c, client_del_document(c, "3000000"));
	assert_int_equal(expect_document(c, CLIENT_TXN, "3000000.sluice", "short", 5), 8);
	good(c, client_del_documents(c));
	good(c, client_put_document(c, "only", "x", 1));
	assert_int_equal(expect_document(c, CLIENT_TXN, "only", "x", 1), 1);
	good(c, client_abort(c));

	memset(name, 'n', sizeof(name));
	for (int over = -1; over <= 1; over++) {
		name[250 + over] = '\0';
		good(c, client_begin(c, NULL));
		assert_int_equal(client_put_document(c, name, "x", 1), over > 0 ? -EINVAL : 0);
		good(c, client_abort(c));
		name[250 + over] = 'n';
	}
	good(c, client_status(c, &st));
	assert_int_equal(st.home, h->kind);
	assert_int_equal(st.running, 3);
	assert_int_equal(st.applied, 3);
	assert_int_equal(st.generations, 4);
	assert_string_equal(st.generation[2].comment, "eight");
	assert_int_equal(st.txns, 0);
	assert_true(st.compiler);
	free(big);
	client_free(c);
}

static void verdicts_reach_the_committer(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h);
	struct client_verdict v;
	struct client_status st;

	apply(c, "a", "first");
	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "reject", 6));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_false(v.accepted);
	assert_string_equal(v.message, "line 1\nline 2");
	client_verdict_free(&v);
	expect_document(c, CLIENT_RUNNING, "a", "first", 5);

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "later", 5));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	assert_string_equal(v.message, "1 documents, 5 bytes");
	client_verdict_free(&v);

	good(c, client_rollback(c, 1, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	assert_int_equal(v.generation, 4);
	client_verdict_free(&v);
	expect_document(c, CLIENT_RUNNING, "a", "first", 5);
	good(c, client_status(c, &st));
	assert_true(st.generation[0].copied);
	assert_int_equal(st.generation[0].from, 1);
	good(c, client_rollback(c, CLIENT_PREVIOUS, &(struct client_commit){}, &v));
	client_verdict_free(&v);
	expect_document(c, CLIENT_RUNNING, "a", "later", 5);
	assert_int_equal(client_rollback(c, 999, &(struct client_commit){}, &v), -ENOENT);
	assert_string_equal(client_error(c), "this generation is not kept");
	client_free(c);
}

/* One that never answers, is waited for in vain, and goes. */
static void a_candidate_without_a_verdict(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *monitor = connected(h);
	struct client_verdict v;
	struct client_event e;

	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_CONFIG));
	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "never", 5));
	assert_int_equal(client_commit(c, &(struct client_commit){ .wait_ms = 30 }, &v), -ETIMEDOUT);
	client_free(c);

	c = connected(h);
	good(c, client_begin(c, NULL));
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -EBUSY);
	assert_string_equal(client_error(c), "another candidate waits for its verdict");
	end_compiler(h);
	do {
		good(monitor, client_next_event(monitor, &e, 10000));
	} while (e.cmd != SLUICE_CMD_VERDICT);
	assert_int_equal(e.generation, 1);
	assert_false(e.accepted);
	assert_string_equal(e.message, "the compiler went away before its verdict");
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_BIND);
	assert_int_equal(e.flags, SLUICE_F_GONE);
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -ENOTCONN);
	assert_non_null(strstr(client_error(c), "no compiler is bound"));

	/* the transaction is still there, and a number that was used is not used again */
	bind_compiler(h);
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	assert_int_equal(v.generation, 2);
	client_verdict_free(&v);
	client_free(monitor);
	client_free(c);
}

static void refusals_say_what_and_where(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *other = connected(h);
	struct client_verdict v;
	char value[SLUICE_VALUE_MAX];
	size_t len;

	good(c, client_set(c, SLUICE_OBJECT_PORT, "wan", 3, "x", 1, 0));
	assert_int_equal(client_flush(c), -ENOENT);
	assert_string_equal(client_error(c), "no transaction is open on this connection");
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -ENOENT);
	good(c, client_begin(c, NULL));
	assert_int_equal(client_begin(c, NULL), -EALREADY);

	good(c, client_set(c, SLUICE_OBJECT_PORT, "lan", 3, "x", 1, 0));
	good(c, client_set(c, SLUICE_OBJECT_ROUTE, "main", 4, "x", 1, 0));
	good(c, client_set(c, SLUICE_OBJECT_PORT, "wan", 3, "x", 1, 0));
	assert_int_equal(client_flush(c), -EINVAL);
	assert_string_equal(client_error(c), "route \"main\": the key has another number of words "
			    "than its type asks for");
	/* the message was refused whole */
	assert_int_equal(client_get(c, CLIENT_TXN, SLUICE_OBJECT_PORT, "lan", 3, value, &len),
			 -ENOENT);
	good(c, client_set(c, SLUICE_OBJECT_PORT, "lan", 3, "xyz", 3, SLUICE_F_CREATE));
	good(c, client_set(c, SLUICE_OBJECT_PORT, "lan", 3, "x", 1, SLUICE_F_CREATE));
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -EEXIST);
	assert_string_equal(client_error(c),
			    "port \"lan\": an object with this key is there already");
	good(c, client_set(c, SLUICE_OBJECT_PORT, "lan", 3, "xyz", 3, 0));
	good(c, client_get(c, CLIENT_TXN, SLUICE_OBJECT_PORT, "lan", 3, value, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(value, "xyz", 3);
	good(c, client_set(c, SLUICE_OBJECT_PORT, "lan", 3, "", 0, SLUICE_F_TXN));
	assert_int_equal(client_flush(c), -EINVAL);
	assert_string_equal(client_error(c), "SET takes the flags CREATE and REPLACE");
	assert_int_equal(client_set(c, SLUICE_OBJECT_PORT, "l", 1, value, SLUICE_VALUE_MAX + 1, 0),
			 -EINVAL);

	good(other, client_begin(other, NULL));
	good(other, client_commit(other, &(struct client_commit){}, &v));
	client_verdict_free(&v);
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -ESTALE);
	assert_non_null(strstr(client_error(c), "has changed since this transaction began"));
	assert_int_equal(client_confirm(c, CLIENT_RUNNING), -ENOENT);
	assert_string_equal(client_error(c), "nothing waits to be confirmed");
	client_free(c);
	client_free(other);
}

/* Two at once see nothing of each other, nor does a reader; the second finds itself late. */
static void writers_do_not_mingle(void **state)
{
	struct home *h = *state;
	struct client *a = connected(h), *b = connected(h), *reader = connected(h);
	char value[SLUICE_VALUE_MAX];
	struct client_verdict v;
	struct client_status st;
	size_t len;

	good(a, client_begin(a, NULL));
	good(b, client_begin(b, NULL));
	good(a, client_set(a, SLUICE_OBJECT_PORT, "wan", 3, "a", 1, 0));
	good(b, client_set(b, SLUICE_OBJECT_PORT, "wan", 3, "bb", 2, 0));
	good(a, client_get(a, CLIENT_TXN, SLUICE_OBJECT_PORT, "wan", 3, value, &len));
	assert_int_equal(len, 1);
	good(b, client_get(b, CLIENT_TXN, SLUICE_OBJECT_PORT, "wan", 3, value, &len));
	assert_int_equal(len, 2);
	assert_int_equal(client_get(reader, CLIENT_RUNNING, SLUICE_OBJECT_PORT, "wan", 3, value,
				    &len), -ENOENT);
	assert_int_equal(client_get(reader, CLIENT_TXN, SLUICE_OBJECT_PORT, "wan", 3, value, &len),
			 -ENOENT);
	good(a, client_commit(a, &(struct client_commit){}, &v));
	client_verdict_free(&v);
	good(reader, client_get(reader, CLIENT_RUNNING, SLUICE_OBJECT_PORT, "wan", 3, value, &len));
	assert_int_equal(len, 1);
	assert_int_equal(client_commit(b, &(struct client_commit){}, &v), -ESTALE);

	/* who goes away takes the transaction along */
	good(reader, client_status(reader, &st));
	assert_int_equal(st.txns, 1);
	client_free(b);
	assert_true(soon(no_txns, reader));
	client_free(a);
	client_free(reader);
}

/* --- the way back ------------------------------------------------------------------------ */

static void waits_for_confirmation(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *monitor = connected(h);
	struct client_commit how = { .confirm_timeout_ms = 700 };
	struct client_verdict v;
	struct client_status st;
	struct client_event e;

	apply(c, "a", "good");
	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_CONFIG));
	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "bad", 3));
	good(c, client_commit(c, &how, &v));
	client_verdict_free(&v);
	good(c, client_status(c, &st));
	assert_true(st.confirm_waits);
	assert_in_range(st.confirm_left_ms, 1, 700);
	assert_int_equal(st.confirm_back, 1);
	expect_document(c, CLIENT_RUNNING, "a", "bad", 3);
	good(c, client_begin(c, NULL));
	assert_int_equal(client_commit(c, &how, &v), -EBUSY);
	good(c, client_abort(c));
	do {
		good(monitor, client_next_event(monitor, &e, 10000));
	} while (e.cmd != SLUICE_CMD_ROLLBACK);
	assert_int_equal(e.generation, 3);
	assert_true(e.copied);
	assert_int_equal(e.from, 1);
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_SET);
	assert_int_equal(e.type, SLUICE_OBJECT_DOCUMENT);
	expect_document(c, CLIENT_RUNNING, "a", "good", 4);
	/* the compiler was told, and reported */
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_VERDICT);
	assert_int_equal(h->returned, 1);
	good(c, client_status(c, &st));
	assert_false(st.confirm_waits);
	assert_int_equal(st.applied, 3);

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "better", 6));
	good(c, client_commit(c, &how, &v));
	good(c, client_confirm(c, v.generation));
	client_verdict_free(&v);
	usleep(800000);
	expect_document(c, CLIENT_RUNNING, "a", "better", 6);
	client_free(monitor);
	client_free(c);
}

/* The store goes back when nobody is there to compile; who comes later finds it done. */
static void goes_back_without_a_compiler(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h);
	struct client_commit how = { .confirm_timeout_ms = 500 };
	struct client_verdict v;
	struct client_status st;
	uint64_t running;

	apply(c, "a", "good");
	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "bad", 3));
	good(c, client_commit(c, &how, &v));
	client_verdict_free(&v);
	end_compiler(h);
	assert_true(soon(no_compiler, c));
	usleep(600000);
	expect_document(c, CLIENT_RUNNING, "a", "good", 4);
	good(c, client_status(c, &st));
	assert_int_equal(st.running, 3);
	assert_int_equal(st.applied, 2);
	good(c, client_bind(c, 2, &running));
	assert_int_equal(running, 3);
	good(c, client_verdict(c, 3, true, NULL));
	good(c, client_status(c, &st));
	assert_int_equal(st.applied, 3);
	assert_int_equal(client_verdict(c, 2, true, NULL), -ESTALE);
	assert_int_equal(client_bind(c, 2, &running), -EBUSY);
	client_free(c);
	c = connected(h);
	assert_true(soon(no_compiler, c));
	client_free(c);
	bind_compiler(h);
}

/* Sixteen generations can be gone back to, and no more. */
static void sixteen_generations(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h);
	struct client_verdict v;
	struct client_status st;
	char text[16];

	for (int i = 1; i <= 20; i++) {
		snprintf(text, sizeof(text), "%d", i);
		apply(c, "a", text);
	}
	good(c, client_status(c, &st));
	assert_int_equal(st.generations, SLUICE_HISTORY_MAX + 1);
	assert_int_equal(st.generation[0].number, 20);
	assert_int_equal(st.generation[SLUICE_HISTORY_MAX].number, 4);
	assert_int_equal(client_rollback(c, 3, &(struct client_commit){}, &v), -ENOENT);
	good(c, client_rollback(c, 4, &(struct client_commit){}, &v));
	client_verdict_free(&v);
	expect_document(c, CLIENT_RUNNING, "a", "4", 1);
	client_free(c);
}

/* --- the compiler ---------------------------------------------------------------------- */

static void *commit_in_thread(void *arg)
{
	struct home *h = arg;
	struct client *c = connected(h);
	struct client_verdict *v = xcalloc(1, sizeof(*v));

	if (client_begin(c, NULL) || client_put_document(c, "a", "x", 1) ||
	    client_commit(c, &(struct client_commit){}, v))
		v->message = xstrdup(client_error(c));
	client_free(c);
	return v;
}

/* The same by hand: what it is told, what it reads, and what it says. */
static void a_client_compiles(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *second = connected(h), *monitor = connected(h);
	struct client_verdict *v;
	char long_text[SLUICE_MESSAGE_MAX + 10];
	struct client_event e;
	uint64_t running = 99;
	pthread_t committer;

	assert_int_equal(client_home(c), h->kind);
	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_EVENTS));
	assert_int_equal(client_verdict(c, 0, true, NULL), -EPERM);
	assert_int_equal(client_send_event(c, "early", NULL), -EPERM);
	good(c, client_bind(c, 0, &running));
	assert_int_equal(running, 0);
	assert_int_equal(client_bind(second, 0, NULL), -EBUSY);
	assert_non_null(strstr(client_error(second), "a compiler is bound already"));

	assert_int_equal(pthread_create(&committer, NULL, commit_in_thread, h), 0);
	good(c, client_next_event(c, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_COMMIT);
	assert_int_equal(e.generation, 1);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(client_verdict(c, 7, true, NULL), -ESTALE);
	good(c, client_verdict(c, 1, true, long_text));
	pthread_join(committer, (void **)&v);
	assert_true(v->accepted);
	assert_int_equal(strlen(v->message), SLUICE_MESSAGE_MAX);
	assert_non_null(strstr(v->message, "... (cut here)"));
	client_verdict_free(v);
	free(v);

	assert_int_equal(client_send_event(c, "long", long_text), -EINVAL);
	good(c, client_send_event(c, "port-up", "{\"port\":\"wan\"}"));
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_EVENT);
	assert_string_equal(e.name, "port-up");
	assert_string_equal(e.text, "{\"port\":\"wan\"}");
	assert_true(e.time_ns > 1700000000000000000ull);
	client_free(c);
	client_free(second);
	client_free(monitor);
}

/* --- events ---------------------------------------------------------------------------- */

static void expect_event(struct client *c, enum sluice_cmd cmd, uint64_t generation)
{
	struct client_event e;

	good(c, client_next_event(c, &e, 10000));
	assert_false(e.lost);
	assert_int_equal(e.cmd, cmd);
	assert_int_equal(e.generation, generation);
}

static void events_tell_the_story(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *monitor = connected(h);
	struct client_event e;
	struct client_verdict v;

	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_CONFIG | 1 << SLUICE_GROUP_EVENTS));
	assert_int_equal(client_next_event(monitor, &e, 0), -ETIMEDOUT);
	good(c, client_begin(c, NULL));
	good(c, client_set(c, SLUICE_OBJECT_PORT, "fa", 2, "1", 1, 0));
	good(c, client_set(c, SLUICE_OBJECT_PORT, "fb", 2, "1", 1, 0));
	good(c, client_commit(c, &(struct client_commit){ .comment = "why", .confirm_timeout_ms = 500000 }, &v));
	client_verdict_free(&v);
	expect_event(monitor, SLUICE_CMD_TXN_BEGIN, 0);
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_COMMIT);
	assert_int_equal(e.generation, 1);
	assert_int_equal(e.confirm_timeout_ms, 500000);
	assert_string_equal(e.comment, "why");
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_VERDICT);
	assert_true(e.accepted);
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_SET);
	assert_memory_equal(e.key, "fa", 2);
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_SET);
	assert_memory_equal(e.key, "fb", 2);
	good(c, client_confirm(c, CLIENT_RUNNING));
	expect_event(monitor, SLUICE_CMD_CONFIRM, 1);

	good(c, client_begin(c, NULL));
	good(c, client_del(c, SLUICE_OBJECT_PORT, "fa", 2, 0));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	client_verdict_free(&v);
	expect_event(monitor, SLUICE_CMD_TXN_BEGIN, 1);
	expect_event(monitor, SLUICE_CMD_COMMIT, 2);
	expect_event(monitor, SLUICE_CMD_VERDICT, 2);
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_DEL);
	assert_int_equal(e.key_len, 2);
	assert_memory_equal(e.key, "fa", 2);

	/* a client that dies in its transaction */
	good(c, client_begin(c, NULL));
	expect_event(monitor, SLUICE_CMD_TXN_BEGIN, 2);
	client_free(c);
	expect_event(monitor, SLUICE_CMD_TXN_ABORT, 2);

	command(h, 'e');
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_EVENT);
	assert_string_equal(e.name, "feed-gap");
	assert_string_equal(e.text, "{\"lost\":3}");
	assert_true(e.time_ns > 1500000000ull * 1000000000);
	client_free(monitor);
}

/* Who does not read loses notifications, is told so, and is answered all the same. */
static void a_flood_of_notifications(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *monitor = connected(h);
	struct client_verdict v;
	struct client_status st;
	struct client_event e = {};
	char key[SLUICE_KEY_MAX + 1];

	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_CONFIG));
	/*
	 * Some 20 MB: more than a socket holds, even where much was asked for; and each round is
	 * more than a queue.
	 */
	for (int round = 0; round < 8; round++) {
		good(c, client_begin(c, NULL));
		for (int i = 0; i < 10000; i++) {
			snprintf(key, sizeof(key), "%0250d", i);
			good(c, client_set(c, SLUICE_OBJECT_PORT, key, 250, &round, sizeof(round), 0));
		}
		good(c, client_commit(c, &(struct client_commit){}, &v));
		client_verdict_free(&v);
		good(monitor, client_status(monitor, &st));
		assert_int_equal(st.running, round + 1);
	}
	while (!e.lost)
		good(monitor, client_next_event(monitor, &e, 1000));
	while (!client_next_event(monitor, &e, 0))
		;
	good(c, client_begin(c, NULL));
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_TXN_BEGIN);
	client_free(c);
	client_free(monitor);
}

/* --- many and much ----------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct counted {
	unsigned int n;
	struct client *committer;	/* commits in the middle of the dump */
	char last[SLUICE_KEY_MAX + 1];
};

static int count(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		 size_t value_len)
{
	struct counted *c = ctx;
	char this[SLUICE_KEY_MAX + 1] = {};

	assert_int_equal(type, SLUICE_OBJECT_PORT);
	assert_int_equal(value_len, 4);
	assert_memory_equal(value, "old!", 4);
	memcpy(this, key, key_len);
	assert_true(strcmp(this, c->last) > 0);
	strcpy(c->last, this);
	if (++c->n == 1000 && c->committer) {
		struct client_verdict v;

		good(c->committer, client_begin(c->committer, NULL));
		good(c->committer, client_del(c->committer, SLUICE_OBJECT_PORT, NULL, 0,
					      SLUICE_F_PREFIX));
		good(c->committer, client_commit(c->committer, &(struct client_commit){}, &v));
		assert_true(v.accepted);
		client_verdict_free(&v);
	}
	return 0;
}

static void a_hundred_thousand_objects(void **state)
{
	struct home *h = *state;
	struct client *c = connected(h), *other = connected(h);
	struct counted counted = { .committer = other };
	struct client_verdict v;
	struct client_status st;
	char key[32];
	double start = seconds();

	good(c, client_begin(c, NULL));
	for (int i = 0; i < 100000; i++) {
		int n = snprintf(key, sizeof(key), "port-%06u", i * 7919u % 999983u);

		good(c, client_set(c, SLUICE_OBJECT_PORT, key, n, "old!", 4, SLUICE_F_CREATE));
	}
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	client_verdict_free(&v);
	print_message("# 100000 objects set and committed in one transaction: %.0f ms\n",
		      (seconds() - start) * 1e3);
	good(c, client_status(c, &st));
	assert_int_equal(st.generation[0].objects, 100000);

	/* a dump is of one moment, though everything is deleted in its middle */
	start = seconds();
	good(c, client_dump(c, CLIENT_RUNNING, SLUICE_OBJECT_PORT, NULL, 0, count, &counted));
	assert_int_equal(counted.n, 100000);
	print_message("# dumped: %.0f ms\n", (seconds() - start) * 1e3);
	good(c, client_status(c, &st));
	assert_int_equal(st.generation[0].objects, 0);
	counted = (struct counted){};
	good(c, client_dump(c, 1, SLUICE_OBJECT_PORT, "port-00", 7, count, &counted));
	assert_in_range(counted.n, 900, 1100);
	counted = (struct counted){};
	good(c, client_dump(c, CLIENT_RUNNING, 0, NULL, 0, count, &counted));
	assert_int_equal(counted.n, 0);
	client_free(other);
	client_free(c);
}

/* Random use, and random ends. Return: 0, or the first error that ought not to be. */
static int use_at_random(struct home *h, uint64_t rng, int steps)
{
	struct client *c = NULL;
	struct client_verdict v;
	struct client_status st;
	char key[16], value[1000] = "";
	size_t len;
	int err = 0;

	for (; steps && !err; steps--) {
		rng = rng * 6364136223846793005ull + 1442695040888963407ull;
		if (!c) {
			c = client_new();
			err = reach(h, c);
			continue;
		}
		snprintf(key, sizeof(key), "p%u", (unsigned int)(rng >> 33) % 50);
		switch (rng >> 60) {
		case 0:
			err = client_begin(c, NULL);
			err = err == -EALREADY ? 0 : err;
			break;
		case 1: case 2: case 3: case 4: case 5:
			err = client_set(c, SLUICE_OBJECT_PORT, key, strlen(key), value,
					 (rng >> 40) % sizeof(value), 0);
			break;
		case 6: case 7:
			err = client_del(c, SLUICE_OBJECT_PORT, key, strlen(key), 0);
			break;
		case 8: case 9:
			err = client_commit(c, &(struct client_commit){}, &v);
			if (!err)
				client_verdict_free(&v);
			if (err == -ESTALE)
				err = client_abort(c);
			break;
		case 10:
			err = client_rollback(c, CLIENT_PREVIOUS, &(struct client_commit){}, &v);
			if (!err)
				client_verdict_free(&v);
			break;
		case 11:
			err = client_status(c, &st);
			break;
		case 12:
			err = client_get(c, CLIENT_RUNNING, SLUICE_OBJECT_PORT, key, strlen(key), value, &len);
			break;
		case 13:
			err = client_subscribe(c, rng >> 33 & 3);
			break;
		default:
			if (rng >> 33 & 1) {
				client_free(c);
				c = NULL;
			}
			break;
		}
		/* no transaction, no such object, nothing to go back to; others were first */
		if (err == -ENOENT || err == -EBUSY || err == -ESTALE)
			err = 0;
	}
	if (err)
		fprintf(stderr, "# %s\n", client_error(c));
	client_free(c);
	return err;
}

static void eight_at_once(void **state)
{
	struct home *h = *state;
	struct client_status st;
	struct client *c;
	int status;

	for (int i = 0; i < 8; i++)
		if (!fork())
			_exit(use_at_random(h, 1000 + i, 1500) ? 1 : 0);
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	c = connected(h);
	assert_true(soon(no_txns, c));
	good(c, client_status(c, &st));
	assert_int_equal(st.txns, 0);
	assert_false(st.candidate_waits);
	assert_true(st.running > 20 && st.applied == st.running);
	client_free(c);
}

/* --- messages that no client of ours would send -------------------------------------------- */

/* A socket of the transport without our client. */
static int raw_connect(struct home *h)
{
	bool module = h->kind == SLUICE_HOME_MODULE;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 10 };
	int one = 1, fd;

	fd = module ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC) :
		      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (module) {
		assert_int_equal(bind(fd, (struct sockaddr *)&kernel, sizeof(kernel)), 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)), 0);
		setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	} else {
		strcpy(addr.sun_path, h->served.path);
		assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The message type on @h's transport: over netlink, the family's, asked of the kernel. */
static uint16_t raw_type(struct home *h, int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr name;
		char family[8];
	} ask = {
		.nlh = { sizeof(ask), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.name = { NLA_HDRLEN + sizeof(SLUICE_FAMILY_NAME), CTRL_ATTR_FAMILY_NAME },
		.family = SLUICE_FAMILY_NAME,
	};
	char buf[8192] __attribute__((aligned(4)));
	ssize_t n;

	if (h->kind != SLUICE_HOME_MODULE)
		return SLUICE_UNIX_TYPE;
	assert_int_equal(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
	n = recv(fd, buf, sizeof(buf), 0);
	assert_true(n > 0);
	for (size_t at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= (size_t)n;) {
		const struct nlattr *a = (void *)(buf + at);

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(a + 1);
		at += NLA_ALIGN(a->nla_len);
	}
	fail_msg("the family has no number");
	return 0;
}

/* The answer must be an NLMSG_ERROR. Return: its error. */
static int raw_error(int fd, char *sentence, size_t size, uint32_t *offset)
{
	static char buf[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	int err = 1;

	assert_true(n >= (ssize_t)sizeof(struct nlmsgerr));
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(message_error((void *)buf, &err, sentence, size, offset), 0);
	return err;
}

struct wrong {
	const char *what;
	enum sluice_cmd cmd;
	uint16_t flags;
	int err;
	int at;			/* the attribute that is named: its index, or -1 */
	uint8_t attrs[40];
	size_t len;
};

#define U16(n) (n) & 0xff, (n) >> 8
#define ATTR(len, type) U16(len), U16(type)
#define NEST(len, type) U16(len), U16((type) | NLA_F_NESTED)
#define BYTES(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

/* The errors are the same on both; the sentences need not be, but there is one. */
static void the_same_refusals(void **state)
{
	static const struct wrong wrongs[] = {
		{ "an unknown command", 200, 0, -EOPNOTSUPP, -1, { 0 }, 0 },
		{ "an unknown attribute", SLUICE_CMD_STATUS, 0, -EINVAL, 0,
		  BYTES(ATTR(8, SLUICE_A_MAX + 1), 0, 0, 0, 0) },
		{ "an attribute of another command", SLUICE_CMD_STATUS, 0, -EINVAL, 0,
		  BYTES(ATTR(8, SLUICE_A_FLAGS), 1, 0, 0, 0) },
		{ "a u32 of two bytes", SLUICE_CMD_COMMIT, 0, -EINVAL, 0,
		  BYTES(ATTR(6, SLUICE_A_CONFIRM_TIMEOUT), 1, 0, 0, 0) },
		{ "a u64 of four bytes", SLUICE_CMD_CONFIRM, 0, -EINVAL, 0,
		  BYTES(ATTR(8, SLUICE_A_GENERATION), 1, 0, 0, 0) },
		{ "a string without an end", SLUICE_CMD_COMMIT, 0, -EINVAL, 0,
		  BYTES(ATTR(8, SLUICE_A_COMMENT), 'a', 'b', 'c', 'd') },
		{ "no time to confirm", SLUICE_CMD_COMMIT, 0, -EINVAL, 0,
		  BYTES(ATTR(8, SLUICE_A_CONFIRM_TIMEOUT), 0, 0, 0, 0) },
		{ "no object", SLUICE_CMD_SET, 0, -EINVAL, -1, { 0 }, 0 },
		{ "a nest that is not marked so", SLUICE_CMD_SET, 0, -EINVAL, 0,
		  BYTES(ATTR(4, SLUICE_A_OBJECT)) },
		{ "an object without a type", SLUICE_CMD_SET, 0, -EINVAL, 0,
		  BYTES(NEST(12, SLUICE_A_OBJECT), ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0) },
		{ "an object without a key", SLUICE_CMD_SET, 0, -EINVAL, 0,
		  BYTES(NEST(12, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 2, 0, 0, 0) },
		{ "an object without a value", SLUICE_CMD_SET, 0, -EINVAL, 0,
		  BYTES(NEST(20, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 2, 0, 0, 0,
			ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0) },
		{ "an unknown attribute of an object", SLUICE_CMD_DEL, 0, -EINVAL, 4,
		  BYTES(NEST(12, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_MAX + 1), 2, 0, 0, 0) },
		{ "a value where none is taken", SLUICE_CMD_DEL, 0, -EINVAL, 20,
		  BYTES(NEST(28, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 2, 0, 0, 0,
			ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0,
			ATTR(8, SLUICE_OBJECT_A_VALUE), 1, 0, 0, 0) },
		{ "a type that is none", SLUICE_CMD_DEL, 0, -EINVAL, 4,
		  BYTES(NEST(20, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 99, 0, 0, 0,
			ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0) },
		{ "a key that is not there", SLUICE_CMD_DEL, 0, -ENOENT, 12,
		  BYTES(NEST(20, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 2, 0, 0, 0,
			ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0) },
		{ "a flag of another command", SLUICE_CMD_GET, 0, -EINVAL, 20,
		  BYTES(NEST(20, SLUICE_A_OBJECT), ATTR(8, SLUICE_OBJECT_A_TYPE), 2, 0, 0, 0,
			ATTR(7, SLUICE_OBJECT_A_KEY), 'w', 'a', 'n', 0,
			ATTR(8, SLUICE_A_FLAGS), 1, 0, 0, 0) },
		{ "a dump of what has none", SLUICE_CMD_STATUS, NLM_F_DUMP, -EOPNOTSUPP, -1,
		  { 0 }, 0 },
		{ "an unknown generation", SLUICE_CMD_GET, NLM_F_DUMP, -ENOENT, 0,
		  BYTES(ATTR(12, SLUICE_A_GENERATION), 99, 0, 0, 0, 0, 0, 0, 0) },
		{ "a verdict of somebody else", SLUICE_CMD_VERDICT, 0, -EPERM, -1,
		  BYTES(ATTR(12, SLUICE_A_GENERATION), 1, 0, 0, 0, 0, 0, 0, 0,
			ATTR(8, SLUICE_A_ACCEPTED), 1, 0, 0, 0) },
		{ "a verdict that is neither", SLUICE_CMD_VERDICT, 0, -EINVAL, 12,
		  BYTES(ATTR(12, SLUICE_A_GENERATION), 1, 0, 0, 0, 0, 0, 0, 0,
			ATTR(8, SLUICE_A_ACCEPTED), 2, 0, 0, 0) },
		{ "an event without a name", SLUICE_CMD_EVENT, 0, -EINVAL, 0,
		  BYTES(NEST(4, SLUICE_A_EVENT)) },
	};
	struct home *h = *state;
	char buf[256] __attribute__((aligned(4))), sentence[256];
	int fd = raw_connect(h), err;
	uint16_t type = raw_type(h, fd);
	struct message_out o;
	uint32_t offset;

	message_start(&o, buf, sizeof(buf), SLUICE_CMD_TXN_BEGIN, NLM_F_REQUEST, 1);
	((struct nlmsghdr *)buf)->nlmsg_type = type;
	send(fd, buf, message_len(&o), 0);
	assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		struct nlmsghdr *nlh = (void *)buf;

		message_start(&o, buf, sizeof(buf), w->cmd, NLM_F_REQUEST | w->flags, i + 2);
		nlh->nlmsg_type = type;
		memcpy(buf + 20, w->attrs, w->len);
		nlh->nlmsg_len = 20 + w->len;
		assert_int_equal(send(fd, buf, nlh->nlmsg_len, 0), (int)nlh->nlmsg_len);
		err = raw_error(fd, sentence, sizeof(sentence), &offset);
		if (err != w->err)
			fail_msg("%s: error %d, not %d: %s", w->what, err, w->err, sentence);
		/* the kernel's own refusals come without a sentence, and before 6.2 a dump's do */
		if (h->kind == SLUICE_HOME_MODULE && (err == -EOPNOTSUPP || w->flags & NLM_F_DUMP))
			continue;
		if (!sentence[0])
			fail_msg("%s: no sentence", w->what);
		if (offset != (w->at < 0 ? 0u : 20u + w->at))
			fail_msg("%s: offset %u, not %d: %s", w->what, offset, 20 + w->at, sentence);
	}
	message_start(&o, buf, sizeof(buf), SLUICE_CMD_STATUS, NLM_F_REQUEST, 99);
	((struct nlmsghdr *)buf)->nlmsg_type = type;
	buf[17] = SLUICE_FAMILY_VERSION + 1;
	send(fd, buf, message_len(&o), 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EPROTONOSUPPORT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(documents_of_any_size),
		T(verdicts_reach_the_committer),
		T(a_candidate_without_a_verdict),
		T(refusals_say_what_and_where),
		T(writers_do_not_mingle),
		T(waits_for_confirmation),
		T(goes_back_without_a_compiler),
		T(sixteen_generations),
		T(events_tell_the_story),
		T(a_flood_of_notifications),
		T(a_hundred_thousand_objects),
		T(eight_at_once),
		cmocka_unit_test_setup_teardown(a_client_compiles, setup_alone, teardown_alone),
		cmocka_unit_test_setup_teardown(the_same_refusals, setup_alone, teardown_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

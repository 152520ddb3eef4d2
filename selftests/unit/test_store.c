// SPDX-License-Identifier: GPL-2.0
/*
 * The store (kmod/store.c): rules one by one, limits at N-1, N, N+1, and a random walk
 * beside a plain twin that copies whole configurations where the store shares nodes.
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
#include <linux/sluice.h>

#include "base/vec.h"
#include "kmod/store.h"

/* --- a store, its compiler, a client, and what they were told ------------- */

#define HEARD_MAX 64

struct heard {
	enum store_event_kind kind;
	uint64_t generation;
	bool accepted, copied, changed;
	char message[80];
	struct store_owner *committer;
	uint32_t seq;
};

struct bench {
	struct store *store;
	struct store_owner *compiler, *client;
	struct heard heard[HEARD_MAX];
	unsigned int n;
	uint64_t now;
};

static void hear(void *ctx, const struct store_event *e)
{
	struct bench *b = ctx;
	struct heard *h = &b->heard[b->n++ % HEARD_MAX];

	*h = (struct heard){
		.kind = e->kind, .generation = e->generation, .accepted = e->accepted,
		.copied = e->subject && e->subject->copied, .changed = e->before,
		.committer = e->committer, .seq = e->seq,
	};
	assert_int_equal(!e->before, !e->after);
	if (e->message)
		snprintf(h->message, sizeof(h->message), "%.*s", (int)e->message_len, e->message);
}

static const struct heard *last_heard(const struct bench *b)
{
	assert_true(b->n);
	return &b->heard[(b->n - 1) % HEARD_MAX];
}

static void open_bench(struct bench *b, const struct store_limits *limits)
{
	struct store_error e;
	uint64_t running;

	*b = (struct bench){ .now = 1000 };
	b->store = store_new(limits);
	assert_non_null(b->store);
	store_watch(b->store, hear, b);
	b->compiler = store_owner_open(b->store, b);
	b->client = store_owner_open(b->store, NULL);
	assert_ptr_equal(store_owner_cookie(b->compiler), b);
	assert_int_equal(store_bind(b->store, b->compiler, 0, &running, &e), 0);
}

static void close_bench(struct bench *b)
{
	store_owner_close(b->store, b->client);
	if (b->compiler)
		store_owner_close(b->store, b->compiler);
	store_free(b->store);
}

static int setup(void **state)
{
	struct store_limits limits = store_limits_default();
	struct bench *b = xcalloc(1, sizeof(*b));

	open_bench(b, &limits);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	close_bench(*state);
	free(*state);
	return 0;
}

static void begin(struct bench *b)
{
	struct store_error e;
	uint64_t from;

	assert_int_equal(store_begin(b->store, b->client, &from, &e), 0);
}

static int set_port(struct bench *b, const char *name, const char *value, struct store_error *e)
{
	return store_set(b->store, b->client, SLUICE_OBJECT_PORT, name, strlen(name), value,
			 strlen(value), 0, e);
}

static int commit(struct bench *b, uint32_t confirm_ms, uint64_t *number, struct store_error *e)
{
	struct store_commit how = { .seq = 77, .confirm_ms = confirm_ms };

	return store_commit(b->store, b->client, &how, b->now, number, e);
}

static int rollback(struct bench *b, const uint64_t *to, uint32_t confirm_ms, uint64_t *number,
		    struct store_error *e)
{
	struct store_commit how = { .confirm_ms = confirm_ms };

	return store_rollback(b->store, b->client, to, &how, b->now, number, e);
}

static void verdict(struct bench *b, uint64_t number, bool accepted)
{
	struct store_error e;
	const char *say = accepted ? "fine" : "not so";

	assert_int_equal(store_verdict(b->store, b->compiler, number, accepted, say, strlen(say),
				       b->now, &e), 0);
}

/* One port set, committed and accepted. Return: the generation. */
static uint64_t put(struct bench *b, const char *name, const char *value)
{
	struct store_error e;
	uint64_t number;

	begin(b);
	assert_int_equal(set_port(b, name, value, &e), 0);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	verdict(b, number, true);
	return number;
}

static uint64_t running(struct bench *b)
{
	return store_generation(b->store, 0)->number;
}

/* The value of a port, as a string in a static buffer; NULL if there is none. */
static const char *port_in(const struct store_tree *t, const char *name)
{
	const struct store_object *o = store_find(t, SLUICE_OBJECT_PORT, name, strlen(name));
	static char value[100];

	if (!o)
		return NULL;
	assert_true(o->value_len < sizeof(value));
	memcpy(value, store_object_value(o), o->value_len);
	value[o->value_len] = '\0';
	return value;
}

static const char *port_running(struct bench *b, const char *name)
{
	return port_in(&store_generation(b->store, 0)->tree, name);
}

/* --- rules ----------------------------------------------------------------- */

static void starts_empty(void **state)
{
	struct bench *b = *state;
	struct store_status st;

	store_status(b->store, b->now, &st);
	assert_int_equal(st.running, 0);
	assert_int_equal(st.generations, 1);
	assert_true(st.compiler);
	assert_false(st.candidate_waits);
	assert_false(st.confirm_waits);
	assert_int_equal(store_generation(b->store, 0)->tree.objects, 0);
	assert_null(store_generation(b->store, 1));
	assert_true(store_tick(b->store, b->now) == STORE_NEVER);
}

static void commit_waits_for_the_verdict(void **state)
{
	struct bench *b = *state;
	struct store_error e;
	struct store_tree view;
	uint64_t number, found;

	begin(b);
	assert_int_equal(set_port(b, "wan", "eth0", &e), 0);
	assert_null(port_running(b, "wan"));
	assert_int_equal(store_read(b->store, b->client, STORE_TXN, 0, &view, &found, &e), 0);
	assert_string_equal(port_in(&view, "wan"), "eth0");
	assert_int_equal(found, 0);
	store_tree_put(b->store, &view);

	assert_int_equal(commit(b, 0, &number, &e), 0);
	assert_int_equal(number, 1);
	assert_int_equal(last_heard(b)->kind, STORE_CANDIDATE);
	assert_null(port_running(b, "wan"));
	assert_int_equal(store_read(b->store, NULL, STORE_NUMBER, 1, &view, &found, &e), 0);
	assert_string_equal(port_in(&view, "wan"), "eth0");
	store_tree_put(b->store, &view);
	assert_int_equal(store_read(b->store, b->client, STORE_TXN, 0, &view, NULL, &e), -ENOENT);

	verdict(b, 1, true);
	assert_int_equal(last_heard(b)->kind, STORE_VERDICT);
	assert_true(last_heard(b)->accepted);
	assert_true(last_heard(b)->changed);
	assert_ptr_equal(last_heard(b)->committer, b->client);
	assert_int_equal(last_heard(b)->seq, 77);
	assert_string_equal(last_heard(b)->message, "fine");
	assert_string_equal(port_running(b, "wan"), "eth0");
	assert_int_equal(running(b), 1);
}

static void rejected_changes_nothing_and_burns_its_number(void **state)
{
	struct bench *b = *state;
	struct store_error e;
	uint64_t number;

	put(b, "wan", "eth0");
	begin(b);
	assert_int_equal(set_port(b, "wan", "eth9", &e), 0);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	verdict(b, number, false);
	assert_false(last_heard(b)->accepted);
	assert_false(last_heard(b)->changed);
	assert_string_equal(port_running(b, "wan"), "eth0");
	assert_int_equal(running(b), 1);
	assert_int_equal(put(b, "lan", "eth1"), 3);
	assert_int_equal(store_verdict(b->store, b->compiler, 2, true, NULL, 0, b->now, &e),
			 -ESTALE);
	assert_int_equal(e.part, STORE_GENERATION);
}

static void two_writers_do_not_mingle(void **state)
{
	struct bench *b = *state;
	struct store_owner *other = store_owner_open(b->store, NULL);
	struct store_commit how = {};
	struct store_error e;
	struct store_tree view;
	uint64_t number;

	assert_int_equal(store_begin(b->store, other, &number, &e), 0);
	assert_int_equal(store_begin(b->store, other, &number, &e), -EALREADY);
	assert_int_equal(store_set(b->store, other, SLUICE_OBJECT_PORT, "b", 1, "x", 1, 0, &e), 0);
	begin(b);
	assert_int_equal(set_port(b, "a", "y", &e), 0);
	assert_int_equal(store_read(b->store, other, STORE_TXN, 0, &view, NULL, &e), 0);
	assert_null(port_in(&view, "a"));
	store_tree_put(b->store, &view);
	assert_int_equal(commit(b, 0, &number, &e), 0);

	/* while it waits for its verdict, and when it runs */
	assert_int_equal(store_commit(b->store, other, &how, b->now, &number, &e), -EBUSY);
	verdict(b, 1, true);
	assert_int_equal(store_commit(b->store, other, &how, b->now, &number, &e), -ESTALE);
	assert_int_equal(store_abort(b->store, other, &e), 0);
	assert_int_equal(store_abort(b->store, other, &e), -ENOENT);
	assert_null(port_running(b, "b"));

	/* a rejected one in between does no harm */
	assert_int_equal(store_begin(b->store, other, &number, &e), 0);
	begin(b);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	verdict(b, number, false);
	assert_int_equal(store_commit(b->store, other, &how, b->now, &number, &e), 0);
	verdict(b, number, true);
	store_owner_close(b->store, other);
}

static void closing_drops_the_transaction(void **state)
{
	struct bench *b = *state;
	struct store_owner *other = store_owner_open(b->store, NULL);
	struct store_commit how = { .seq = 5 };
	struct store_status before, after;
	struct store_error e;
	uint64_t number;
	char key[20];

	put(b, "wan", "eth0");
	store_status(b->store, b->now, &before);
	assert_int_equal(store_begin(b->store, other, &number, &e), 0);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(key, sizeof(key), "p%d", i);

		assert_int_equal(store_set(b->store, other, SLUICE_OBJECT_PORT, key, n, "v", 1, 0,
					   &e), 0);
	}
	store_status(b->store, b->now, &after);
	assert_int_equal(after.txns, 1);
	assert_true(after.memory > before.memory + 1000 * 40);
	store_owner_close(b->store, other);
	assert_int_equal(last_heard(b)->kind, STORE_ABORTED);
	store_status(b->store, b->now, &after);
	assert_int_equal(after.txns, 0);
	/* but for some nodes of the reserve, all of it is back */
	assert_true(after.memory < before.memory + 64 * 40);

	/* a committer that goes leaves its candidate, which has nobody to tell */
	other = store_owner_open(b->store, NULL);
	assert_int_equal(store_begin(b->store, other, &number, &e), 0);
	assert_int_equal(store_set(b->store, other, SLUICE_OBJECT_PORT, "lan", 3, "e", 1, 0, &e), 0);
	assert_int_equal(store_commit(b->store, other, &how, b->now, &number, &e), 0);
	store_owner_close(b->store, other);
	verdict(b, number, true);
	assert_null(last_heard(b)->committer);
	assert_string_equal(port_running(b, "lan"), "e");
}

static void no_compiler_is_refused(void **state)
{
	struct bench *b = *state;
	struct store_error e;
	uint64_t number;

	assert_int_equal(store_bind(b->store, b->client, 0, &number, &e), -EBUSY);
	assert_int_equal(store_verdict(b->store, b->client, 0, true, NULL, 0, 0, &e), -EPERM);
	begin(b);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	store_owner_close(b->store, b->compiler);
	b->compiler = NULL;
	assert_int_equal(last_heard(b)->kind, STORE_UNBOUND);
	assert_int_equal(b->heard[b->n - 2].kind, STORE_VERDICT);
	assert_false(b->heard[b->n - 2].accepted);
	assert_string_equal(b->heard[b->n - 2].message,
			    "the compiler went away before its verdict");
	begin(b);
	assert_int_equal(commit(b, 0, &number, &e), -ENOTCONN);
	assert_non_null(strstr(e.message, "no compiler is bound"));
	assert_int_equal(rollback(b, NULL, 0, &number, &e), -ENOTCONN);

	b->compiler = store_owner_open(b->store, NULL);
	assert_int_equal(store_bind(b->store, b->compiler, 0, &number, &e), 0);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	verdict(b, number, true);
}

static void a_silent_compiler_is_not_waited_for(void **state)
{
	struct bench *b = *state;
	struct store_limits limits = store_limits_default();
	struct store_error e;
	uint64_t number, due;

	begin(b);
	assert_int_equal(commit(b, 0, &number, &e), 0);
	due = store_tick(b->store, b->now);
	assert_int_equal(due, b->now + limits.verdict_ms);
	assert_int_equal(store_tick(b->store, due - 1), due);
	assert_true(store_tick(b->store, due) == STORE_NEVER);
	assert_false(last_heard(b)->accepted);
	assert_int_equal(store_verdict(b->store, b->compiler, number, true, NULL, 0, due, &e),
			 -ESTALE);
}

static void history_and_rollback(void **state)
{
	struct bench *b = *state;
	struct store_status st;
	struct store_error e;
	uint64_t number, to;
	char value[16];

	assert_int_equal(rollback(b, NULL, 0, &number, &e), -ENOENT);
	for (int i = 1; i <= 20; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		assert_int_equal(put(b, "wan", value), i);
	}
	for (uint32_t i = 0; i <= SLUICE_HISTORY_MAX; i++)
		assert_int_equal(store_generation(b->store, i)->number, 20 - i);
	assert_null(store_generation(b->store, SLUICE_HISTORY_MAX + 1));

	to = 3;		/* one too old */
	assert_int_equal(rollback(b, &to, 0, &number, &e), -ENOENT);
	assert_int_equal(e.part, STORE_GENERATION);
	to = 4;		/* the oldest, which falls out of the history as it comes back */
	assert_int_equal(rollback(b, &to, 0, &number, &e), 0);
	assert_int_equal(number, 21);
	store_status(b->store, b->now, &st);
	assert_true(st.candidate_copied);
	verdict(b, 21, true);
	store_status(b->store, b->now, &st);
	assert_false(st.candidate_copied);
	assert_string_equal(port_running(b, "wan"), "v4");
	assert_true(store_generation(b->store, 0)->copied);
	assert_int_equal(store_generation(b->store, 0)->from, 4);
	assert_int_equal(store_generation(b->store, SLUICE_HISTORY_MAX)->number, 5);

	assert_int_equal(rollback(b, NULL, 0, &number, &e), 0);
	verdict(b, 22, false);
	assert_string_equal(port_running(b, "wan"), "v4");
	assert_int_equal(rollback(b, NULL, 0, &number, &e), 0);
	verdict(b, 23, true);
	assert_string_equal(port_running(b, "wan"), "v20");
}

static void goes_back_unless_confirmed(void **state)
{
	struct bench *b = *state;
	struct store_status st;
	struct store_error e;
	uint64_t number, wrong = 7;

	put(b, "wan", "good");
	assert_int_equal(store_confirm(b->store, NULL, &e), -ENOENT);
	begin(b);
	set_port(b, "wan", "bad", &e);
	assert_int_equal(commit(b, 60000, &number, &e), 0);
	b->now += 500;
	verdict(b, number, true);	/* the time runs from here */
	assert_string_equal(port_running(b, "wan"), "bad");
	store_status(b->store, b->now + 1, &st);
	assert_true(st.confirm_waits);
	assert_int_equal(st.confirm_left_ms, 59999);
	assert_int_equal(st.confirm_back, 1);
	assert_int_equal(store_tick(b->store, b->now), b->now + 60000);
	assert_int_equal(store_tick(b->store, b->now + 59999), b->now + 60000);

	begin(b);
	assert_int_equal(commit(b, 0, &number, &e), -EBUSY);
	assert_int_equal(store_abort(b->store, b->client, &e), 0);
	assert_int_equal(store_confirm(b->store, &wrong, &e), -ESTALE);

	assert_true(store_tick(b->store, b->now + 60000) == STORE_NEVER);
	assert_int_equal(last_heard(b)->kind, STORE_RETURNED);
	assert_int_equal(last_heard(b)->generation, 3);
	assert_true(last_heard(b)->copied);
	assert_true(last_heard(b)->changed);
	assert_string_equal(port_running(b, "wan"), "good");
	assert_int_equal(store_generation(b->store, 0)->from, 1);
	assert_int_equal(store_generation(b->store, 1)->number, 2);

	/* the compiler reports that it followed */
	store_status(b->store, b->now, &st);
	assert_int_equal(st.applied, 2);
	verdict(b, 3, false);
	store_status(b->store, b->now, &st);
	assert_int_equal(st.applied, 2);
	verdict(b, 3, true);
	assert_false(last_heard(b)->changed);
	store_status(b->store, b->now, &st);
	assert_int_equal(st.applied, 3);
	assert_int_equal(st.running, 3);

	/* and confirmed, it stays */
	begin(b);
	set_port(b, "wan", "better", &e);
	assert_int_equal(commit(b, SLUICE_CONFIRM_TIMEOUT_MAX + 1, &number, &e), -EINVAL);
	assert_int_equal(e.part, STORE_TIMEOUT);
	assert_int_equal(commit(b, SLUICE_CONFIRM_TIMEOUT_MAX, &number, &e), 0);
	verdict(b, number, true);
	assert_int_equal(store_confirm(b->store, &number, &e), 0);
	assert_int_equal(last_heard(b)->kind, STORE_CONFIRMED);
	assert_true(store_tick(b->store, b->now + 2ull * SLUICE_CONFIRM_TIMEOUT_MAX) == STORE_NEVER);
	assert_string_equal(port_running(b, "wan"), "better");
}

static void rolling_back_ends_the_wait(void **state)
{
	struct bench *b = *state;
	struct store_error e;
	uint64_t number;

	put(b, "wan", "good");
	begin(b);
	set_port(b, "wan", "bad", &e);
	assert_int_equal(commit(b, 1000, &number, &e), 0);
	verdict(b, number, true);
	assert_int_equal(rollback(b, NULL, 1000, &number, &e), -EBUSY);
	assert_int_equal(rollback(b, NULL, 0, &number, &e), 0);
	verdict(b, number, true);
	assert_true(store_tick(b->store, b->now + 5000) == STORE_NEVER);
	assert_int_equal(running(b), 3);

	/* the time-out comes first: it wins over a roll-back that has no verdict yet */
	begin(b);
	set_port(b, "wan", "bad", &e);
	assert_int_equal(commit(b, 1000, &number, &e), 0);
	verdict(b, number, true);
	assert_int_equal(rollback(b, NULL, 0, &number, &e), 0);
	assert_true(store_tick(b->store, b->now + 1000) == STORE_NEVER);
	assert_int_equal(b->heard[b->n - 2].kind, STORE_VERDICT);
	assert_false(b->heard[b->n - 2].accepted);
	assert_int_equal(last_heard(b)->kind, STORE_RETURNED);
	assert_string_equal(port_running(b, "wan"), "good");
	assert_int_equal(running(b), 6);
}

static void keys_have_a_shape(void **state)
{
	static const struct {
		uint32_t type;
		const char *key;
		uint32_t len;
		bool good;
	} t[] = {
		{ SLUICE_OBJECT_PORT, "wan", 3, true },
		{ SLUICE_OBJECT_PORT, "", 0, false },
		{ SLUICE_OBJECT_PORT, "wan\0", 4, false },
		{ SLUICE_OBJECT_PORT, "wan\0x", 5, false },
		{ SLUICE_OBJECT_PORT, "\0wan", 4, false },
		{ SLUICE_OBJECT_ROUTE, "main\0" "10.0.0.0/8", 15, true },
		{ SLUICE_OBJECT_ROUTE, "main", 4, false },
		{ SLUICE_OBJECT_ROUTE, "main\0\0" "10.0.0.0/8", 16, false },
		{ SLUICE_OBJECT_MEMBER, "*\0" "239.1.1.1\0wan\0fa", 18, true },
		{ SLUICE_OBJECT_MEMBER, "*\0" "239.1.1.1\0wan", 15, false },
		{ SLUICE_OBJECT_ELEMENT, "offenders\0" "192.0.2.1", 19, true },
		{ SLUICE_OBJECT_DOCUMENT, "a\0\0\0\0\0", 6, true },
		{ SLUICE_OBJECT_DOCUMENT, "a\0\0\0\1\2", 6, true },
		{ SLUICE_OBJECT_DOCUMENT, "\0\0\0\0\0", 5, false },
		{ SLUICE_OBJECT_DOCUMENT, "ab\0\0\0", 5, false },
		{ SLUICE_OBJECT_DOCUMENT, "abcdef", 6, false },
		{ SLUICE_OBJECT_DOCUMENT, "a\0b\0\0\0\0\0", 8, false },
		{ SLUICE_OBJECT_UNSPEC, "wan", 3, false },
		{ SLUICE_OBJECT_MAX + 1, "wan", 3, false },
		{ UINT32_MAX, "wan", 3, false },
	};
	struct bench *b = *state;
	struct store_error e;

	begin(b);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		int err = store_set(b->store, b->client, t[i].type, t[i].key, t[i].len, "v", 1, 0,
				    &e);

		if (err != (t[i].good ? 0 : -EINVAL))
			fail_msg("key %zu: %d", i, err);
		if (err)
			assert_true(e.part == STORE_KEY || e.part == STORE_TYPE);
	}
}

static void flags_are_kept_to(void **state)
{
	struct bench *b = *state;
	struct store *s = b->store;
	struct store_error e;

	assert_int_equal(set_port(b, "a", "1", &e), -ENOENT);
	begin(b);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "1", 1,
				   SLUICE_F_REPLACE, &e), -ENOENT);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "1", 1,
				   SLUICE_F_CREATE, &e), 0);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "2", 1,
				   SLUICE_F_CREATE, &e), -EEXIST);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "2", 1,
				   SLUICE_F_REPLACE, &e), 0);
	for (int bit = 2; bit < 32; bit++)
		assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "3", 1,
					   1u << bit, &e), -EINVAL);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "a", 1, "3", 1,
				   SLUICE_F_CREATE | SLUICE_F_REPLACE, &e), -EINVAL);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, "a", 1, SLUICE_F_CREATE, &e),
			 -EINVAL);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, "b", 1, 0, &e), -ENOENT);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, "b", 1, SLUICE_F_PREFIX, &e),
			 0);
	assert_int_equal(set_port(b, "ab", "1", &e), 0);
	assert_int_equal(set_port(b, "b", "1", &e), 0);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, "a", 1, SLUICE_F_PREFIX, &e),
			 0);
	assert_int_equal(store_set(s, b->client, SLUICE_OBJECT_PORT, "ab", 2, "1", 1,
				   SLUICE_F_REPLACE, &e), -ENOENT);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, NULL, 0, SLUICE_F_PREFIX, &e),
			 0);
	assert_int_equal(store_del(s, b->client, SLUICE_OBJECT_PORT, "b", 1, 0, &e), -ENOENT);
}

static void a_message_is_undone_whole(void **state)
{
	struct bench *b = *state;
	struct store_tree mark, view;
	struct store_error e;

	put(b, "kept", "1");
	assert_int_equal(store_mark(b->client, &mark, &e), -ENOENT);
	begin(b);
	assert_int_equal(store_mark(b->client, &mark, &e), 0);
	assert_int_equal(set_port(b, "a", "1", &e), 0);
	assert_int_equal(store_del(b->store, b->client, SLUICE_OBJECT_PORT, "kept", 4, 0, &e), 0);
	store_revert(b->store, b->client, &mark);
	assert_int_equal(store_mark(b->client, &mark, &e), 0);
	assert_int_equal(set_port(b, "b", "1", &e), 0);
	store_forget(b->store, &mark);
	assert_int_equal(store_read(b->store, b->client, STORE_TXN, 0, &view, NULL, &e), 0);
	assert_null(port_in(&view, "a"));
	assert_non_null(port_in(&view, "b"));
	assert_non_null(port_in(&view, "kept"));
	assert_int_equal(view.objects, 2);
	assert_int_equal(view.bytes, 4 + 1 + 1 + 1);
	store_tree_put(b->store, &view);
}

/* --- limits ---------------------------------------------------------------- */

static void sizes_at_their_limits(void **state)
{
	struct bench *b = *state;
	static char key[SLUICE_KEY_MAX + 1], value[SLUICE_VALUE_MAX + 1];
	struct store_error e;

	memset(key, 'k', sizeof(key));
	begin(b);
	for (int over = -1; over <= 1; over++) {
		assert_int_equal(store_set(b->store, b->client, SLUICE_OBJECT_PORT, key,
					   SLUICE_KEY_MAX + over, "v", 1, 0, &e),
				 over > 0 ? -EINVAL : 0);
		assert_int_equal(store_set(b->store, b->client, SLUICE_OBJECT_PORT, "v", 1, value,
					   SLUICE_VALUE_MAX + over, 0, &e), over > 0 ? -EINVAL : 0);
		assert_int_equal(store_del(b->store, b->client, SLUICE_OBJECT_ROUTE, key,
					   SLUICE_KEY_MAX + over, SLUICE_F_PREFIX, &e),
				 over > 0 ? -EINVAL : 0);
	}
	assert_int_equal(store_set(b->store, b->client, SLUICE_OBJECT_PORT, "v", 1, NULL, 0, 0, &e),
			 0);
}

static void counts_at_their_limits(void **state)
{
	struct store_limits limits = store_limits_default();
	struct bench b;
	struct store_error e;

	(void)state;
	limits.objects = 3;
	open_bench(&b, &limits);
	begin(&b);
	assert_int_equal(set_port(&b, "a", "1", &e), 0);
	assert_int_equal(set_port(&b, "b", "1", &e), 0);
	assert_int_equal(set_port(&b, "c", "1", &e), 0);
	assert_int_equal(set_port(&b, "d", "1", &e), -ENOSPC);
	assert_int_equal(set_port(&b, "c", "2", &e), 0);
	assert_int_equal(store_del(b.store, b.client, SLUICE_OBJECT_PORT, "a", 1, 0, &e), 0);
	assert_int_equal(set_port(&b, "d", "1", &e), 0);
	close_bench(&b);

	limits = store_limits_default();
	limits.bytes = 10;
	open_bench(&b, &limits);
	begin(&b);
	assert_int_equal(set_port(&b, "a", "12345678", &e), 0);		/* 9 */
	assert_int_equal(set_port(&b, "a", "123456789", &e), 0);	/* 10 */
	assert_int_equal(set_port(&b, "a", "1234567890", &e), -ENOSPC);	/* 11 */
	assert_int_equal(set_port(&b, "b", "", &e), -ENOSPC);
	assert_int_equal(set_port(&b, "a", "12345678", &e), 0);
	assert_int_equal(set_port(&b, "b", "", &e), 0);
	close_bench(&b);
}

static void memory_evicts_history_first(void **state)
{
	struct store_limits limits = store_limits_default();
	static char value[SLUICE_VALUE_MAX];
	struct store_status st;
	struct store_error e;
	uint64_t number;
	struct bench b;
	int err = 0;

	(void)state;
	limits.memory = 10 * SLUICE_VALUE_MAX;
	open_bench(&b, &limits);
	for (int i = 1; i <= 30; i++) {
		value[0] = i;
		begin(&b);
		assert_int_equal(store_set(b.store, b.client, SLUICE_OBJECT_PORT, "a", 1, value,
					   sizeof(value), 0, &e), 0);
		assert_int_equal(commit(&b, 0, &number, &e), 0);
		verdict(&b, number, true);
		store_status(b.store, 0, &st);
		assert_true(st.memory <= limits.memory);
	}
	assert_int_equal(st.generations, 9);
	/* what a confirmation would go back to is not evicted */
	begin(&b);
	assert_int_equal(store_set(b.store, b.client, SLUICE_OBJECT_PORT, "b", 1, value,
				   sizeof(value), 0, &e), 0);
	assert_int_equal(commit(&b, 1000, &number, &e), 0);
	verdict(&b, number, true);
	begin(&b);
	for (int i = 0; i < 20 && !err; i++) {
		char key[] = { 'c' + i };

		value[0] = 100 + i;
		err = store_set(b.store, b.client, SLUICE_OBJECT_PORT, key, 1, value,
				sizeof(value), 0, &e);
	}
	assert_int_equal(err, -ENOSPC);
	store_status(b.store, b.now, &st);
	assert_int_equal(st.generations, 2);
	assert_int_equal(st.confirm_back, 30);
	assert_int_equal(store_abort(b.store, b.client, &e), 0);
	assert_true(store_tick(b.store, b.now + 1000) == STORE_NEVER);
	assert_int_equal(running(&b), 32);
	close_bench(&b);
}

/* Even with no memory for a new generation, the way back is there. */
static void goes_back_without_memory(void **state)
{
	struct store_limits limits = store_limits_default();
	struct store_status st;
	struct store_error e;
	uint64_t number;
	struct bench b;
	char key[20];
	int err = 0;

	(void)state;
	limits.memory = 64 * 1024;
	open_bench(&b, &limits);
	put(&b, "wan", "good");
	begin(&b);
	set_port(&b, "wan", "bad", &e);
	assert_int_equal(commit(&b, 1000, &number, &e), 0);
	verdict(&b, number, true);
	begin(&b);
	for (int i = 0; !err; i++) {
		snprintf(key, sizeof(key), "p%d", i);
		err = set_port(&b, key, "", &e);
	}
	assert_int_equal(err, -ENOSPC);
	/* fill the very last bytes */
	for (int n = 60; n > 0; n--) {
		char fill[64];

		memset(fill, 'x', n);
		store_set(b.store, b.client, SLUICE_OBJECT_PORT, "p0", 2, fill, n, 0, &e);
	}
	store_tick(b.store, b.now + 1000);
	assert_int_equal(running(&b), 3);
	assert_string_equal(port_running(&b, "wan"), "good");
	assert_int_equal(last_heard(&b)->kind, STORE_RETURNED);
	store_status(b.store, 0, &st);
	assert_false(st.confirm_waits);
	close_bench(&b);
}

/* --- trees ------------------------------------------------------------------- */

struct counted {
	unsigned int before, after, both;
};

static int count_diff(void *ctx, const struct store_object *before,
		      const struct store_object *after)
{
	struct counted *c = ctx;

	assert_true(before || after);
	if (before && after)
		c->both++;
	else if (before)
		c->before++;
	else
		c->after++;
	return 0;
}

static int stop_at_once(void *ctx, const struct store_object *before,
			const struct store_object *after)
{
	(void)before;
	(void)after;
	++*(unsigned int *)ctx;
	return 42;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void a_hundred_thousand_objects(void **state)
{
	struct bench *b = *state;
	struct store_status st;
	struct counted c = {};
	struct store_error e;
	uint64_t number;
	unsigned int stops = 0;
	double start = seconds(), set;
	char key[40];

	begin(b);
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int r = i * 2654435761u;
		int n = snprintf(key, sizeof(key), "s%c10.%u.%u.%u", 0, r >> 24, r >> 12 & 255,
				 i & 4095);

		assert_int_equal(store_set(b->store, b->client, SLUICE_OBJECT_ELEMENT, key, n,
					   &i, sizeof(i), 0, &e), 0);
	}
	set = seconds() - start;
	assert_int_equal(commit(b, 0, &number, &e), 0);
	verdict(b, number, true);
	store_status(b->store, b->now, &st);
	print_message("# 100000 objects: %.0f ms, %.1f MB\n", set * 1e3, st.memory / 1e6);

	/* a hundred generations that each change one object: the history shares the rest */
	for (int i = 0; i < 100; i++)
		put(b, "wan", i & 1 ? "a" : "b");
	start = seconds();
	assert_int_equal(store_diff(&store_generation(b->store, 2)->tree,
				    &store_generation(b->store, 1)->tree, count_diff, &c), 0);
	assert_int_equal(c.both, 1);
	assert_int_equal(c.before + c.after, 0);
	print_message("# diff of two generations: %.1f us\n", (seconds() - start) * 1e6);
	assert_int_equal(store_diff(&store_generation(b->store, 2)->tree,
				    &store_generation(b->store, 1)->tree, stop_at_once, &stops),
			 42);
	assert_int_equal(stops, 1);
	begin(b);
	start = seconds();
	assert_int_equal(store_del(b->store, b->client, SLUICE_OBJECT_ELEMENT, "s", 2,
				   SLUICE_F_PREFIX, &e), 0);
	print_message("# deleted by prefix: %.0f ms\n", (seconds() - start) * 1e3);
}

/*
 * In order, from both ends, and deleted from one: a tree that did not balance would be a list.
 * It shows in the memory: the reserve for one change is three times the tree's height.
 */
static void stays_balanced(void **state)
{
	struct bench *b = *state;
	struct store_status st;
	struct store_error e;
	char key[8];

	for (int down = 0; down < 2; down++) {
		begin(b);
		for (int i = 0; i < 5000; i++) {
			snprintf(key, sizeof(key), "%04d", down ? 4999 - i : i);
			assert_int_equal(set_port(b, key, "", &e), 0);
		}
		store_status(b->store, b->now, &st);
		assert_true(st.memory < 5000 * 64 + 8192);
		for (int i = 0; i < 4900; i++) {
			snprintf(key, sizeof(key), "%04d", down ? 4999 - i : i);
			assert_int_equal(store_del(b->store, b->client, SLUICE_OBJECT_PORT, key, 4,
						   0, &e), 0);
		}
		assert_int_equal(store_abort(b->store, b->client, &e), 0);
	}
}

static void ten_thousand_commits_do_not_grow(void **state)
{
	struct bench *b = *state;
	struct store_status early, late;
	struct store_error e;
	uint64_t number;

	for (int i = 0; i < 10000; i++) {
		char value[16];

		snprintf(value, sizeof(value), "%05d", i);
		put(b, i % 7 ? "wan" : "lan", value);
		begin(b);
		assert_int_equal(set_port(b, "no", value, &e), 0);
		assert_int_equal(commit(b, 0, &number, &e), 0);
		verdict(b, number, false);
		if (i == 100)
			store_status(b->store, b->now, &early);
	}
	store_status(b->store, b->now, &late);
	assert_int_equal(late.running, 19999);
	assert_in_range(late.memory, 1, early.memory + 512);
}

/* --- the plain twin ------------------------------------------------------------ */

/*
 * A configuration as a sorted array, copied whole. Keys are one of KEYS ports, so that
 * collisions, replacements and deletions are frequent.
 */
#define KEYS 48
#define GENERATIONS (SLUICE_HISTORY_MAX + 1)

struct twin_config {
	uint64_t number;
	unsigned int value[KEYS];	/* 0: not there */
};

struct twin {
	struct twin_config generations[GENERATIONS];	/* [0] runs */
	unsigned int n;
	struct twin_config txn[3], candidate;
	bool open[3], candidate_waits;
	uint64_t last;
};

static uint64_t rng;

static uint32_t draw(uint32_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (rng >> 33) % n;
}

static uint32_t key_of(unsigned int i, char key[8])
{
	return snprintf(key, 8, i % 3 ? "k%u" : "k%u-x", i);
}

static void expect_equal(const struct store_tree *t, const struct twin_config *c)
{
	const struct store_object *o = store_first(t, 0, NULL, 0), *previous = NULL;
	unsigned int there = 0, walked = 0;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < KEYS; i++) {
		char key[8];
		uint32_t n = key_of(i, key);
		const struct store_object *f = store_find(t, SLUICE_OBJECT_PORT, key, n);

		assert_int_equal(!f, !c->value[i]);
		if (!f)
			continue;
		there++;
		bytes += n + f->value_len;
		assert_int_equal(f->value_len, c->value[i] % 40);
		for (uint32_t k = 0; k < f->value_len; k++)
			assert_int_equal(store_object_value(f)[k], c->value[i] & 255);
	}
	for (; o; previous = o, o = store_next(t, o), walked++)
		if (previous)
			assert_true(strncmp((char *)previous->bytes, (char *)o->bytes,
					    previous->key_len < o->key_len ? previous->key_len :
					    o->key_len) <= 0);
	assert_int_equal(walked, there);
	assert_int_equal(t->objects, there);
	assert_true(t->bytes == bytes);
}

static void twin_run(struct twin *w, const struct twin_config *c)
{
	if (w->n == GENERATIONS)
		w->n--;
	memmove(&w->generations[1], &w->generations[0], w->n * sizeof(*c));
	w->generations[0] = *c;
	w->n++;
}

static void random_step(struct bench *b, struct twin *w, struct store_owner *owners[3],
			bool scarce)
{
	unsigned int who = draw(3), i = draw(KEYS);
	struct store_owner *o = owners[who];
	struct store_commit how = {};
	struct store_error e;
	struct store_tree view;
	uint64_t number;
	char key[8], value[40];
	uint32_t n = key_of(i, key), v;
	int err;

	switch (draw(16)) {
	case 0:
		err = store_begin(b->store, o, &number, &e);
		if (scarce && err == -ENOSPC)
			break;
		assert_int_equal(err, w->open[who] ? -EALREADY : 0);
		if (!err) {
			w->open[who] = true;
			w->txn[who] = w->generations[0];
		}
		break;
	case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		v = 1 + draw(1000);
		memset(value, v & 255, sizeof(value));
		err = store_set(b->store, o, SLUICE_OBJECT_PORT, key, n, value, v % 40, 0, &e);
		if (scarce && err == -ENOSPC)
			break;
		assert_int_equal(err, w->open[who] ? 0 : -ENOENT);
		if (!err)
			w->txn[who].value[i] = v;
		break;
	case 8: case 9: case 10:
		err = store_del(b->store, o, SLUICE_OBJECT_PORT, key, n, 0, &e);
		if (scarce && err == -ENOSPC)
			break;
		assert_int_equal(err, w->open[who] && w->txn[who].value[i] ? 0 : -ENOENT);
		if (!err)
			w->txn[who].value[i] = 0;
		break;
	case 11:
		if (!w->open[who])
			break;
		/* a message that fails in its middle */
		assert_int_equal(store_mark(o, &view, &e), 0);
		for (unsigned int k = draw(10); k; k--) {
			n = key_of(draw(KEYS), key);
			store_set(b->store, o, SLUICE_OBJECT_PORT, key, n, "m", 1, 0, &e);
		}
		store_del(b->store, o, SLUICE_OBJECT_PORT, "k1", 2, SLUICE_F_PREFIX, &e);
		store_revert(b->store, o, &view);
		break;
	case 12:
		err = store_commit(b->store, o, &how, b->now, &number, &e);
		if (scarce && err == -ENOSPC)
			break;
		if (!w->open[who]) {
			assert_int_equal(err, -ENOENT);
		} else if (w->candidate_waits) {
			assert_int_equal(err, -EBUSY);
		} else if (w->txn[who].number != w->generations[0].number) {
			assert_int_equal(err, -ESTALE);
			assert_int_equal(store_abort(b->store, o, &e), 0);
			w->open[who] = false;
		} else {
			assert_int_equal(err, 0);
			assert_int_equal(number, ++w->last);
			w->candidate = w->txn[who];
			w->candidate.number = number;
			w->candidate_waits = true;
			w->open[who] = false;
		}
		break;
	case 13:
		if (!w->candidate_waits)
			break;
		verdict(b, w->candidate.number, draw(4));
		w->candidate_waits = false;
		if (last_heard(b)->accepted)
			twin_run(w, &w->candidate);
		break;
	case 14:
		i = draw(GENERATIONS);
		if (w->candidate_waits || i >= w->n || draw(3))
			break;
		number = w->generations[i].number;
		err = store_rollback(b->store, o, &number, &how, b->now, &number, &e);
		if (scarce && (err == -ENOENT || err == -ENOSPC))
			break;
		assert_int_equal(err, 0);
		assert_int_equal(number, ++w->last);
		w->candidate = w->generations[i];
		w->candidate.number = number;
		w->candidate_waits = true;
		break;
	case 15:
		if (draw(8))
			break;
		store_owner_close(b->store, o);
		owners[who] = store_owner_open(b->store, NULL);
		w->open[who] = false;
		break;
	}
}

static void compare_all(struct bench *b, struct twin *w, struct store_owner *owners[3], bool scarce)
{
	struct store_tree view;
	struct store_error e;

	for (unsigned int i = 0; i < w->n; i++) {
		const struct store_generation *g = store_generation(b->store, i);

		if (scarce && i && !g)
			break;	/* evicted */
		assert_int_equal(g->number, w->generations[i].number);
		expect_equal(&g->tree, &w->generations[i]);
	}
	if (!scarce)
		assert_null(store_generation(b->store, w->n));
	for (int i = 0; i < 3; i++) {
		if (!w->open[i])
			continue;
		assert_int_equal(store_read(b->store, owners[i], STORE_TXN, 0, &view, NULL, &e), 0);
		expect_equal(&view, &w->txn[i]);
		store_tree_put(b->store, &view);
	}
	if (w->candidate_waits) {
		assert_int_equal(store_read(b->store, NULL, STORE_NUMBER, w->candidate.number,
					    &view, NULL, &e), 0);
		expect_equal(&view, &w->candidate);
		store_tree_put(b->store, &view);
	}
}

/* Applies a diff to a twin of its left side. */
static int apply_diff(void *ctx, const struct store_object *before,
		      const struct store_object *after)
{
	struct twin_config *c = ctx;
	const struct store_object *o = after ? after : before;
	unsigned int i = 0;

	for (uint32_t k = 1; k < o->key_len && o->bytes[k] != '-'; k++)
		i = i * 10 + o->bytes[k] - '0';
	assert_true(i < KEYS);

	assert_int_equal(!before, !c->value[i]);
	c->value[i] = 0;
	if (after)
		c->value[i] = 40 * 1000 + after->value_len; /* only the length is compared */
	return 0;
}

static void random_walk(uint64_t seed, unsigned int steps, uint64_t memory)
{
	struct store_limits limits = store_limits_default();
	struct store_owner *owners[3];
	struct twin *w = xcalloc(1, sizeof(*w));
	bool scarce = memory;
	struct bench b;

	rng = seed;
	if (memory)
		limits.memory = memory;
	open_bench(&b, &limits);
	w->n = 1;
	for (int i = 0; i < 3; i++)
		owners[i] = store_owner_open(b.store, NULL);
	for (unsigned int step = 0; step < steps; step++) {
		random_step(&b, w, owners, scarce);
		if (step % 16 == 0)
			compare_all(&b, w, owners, scarce);
		if (step % 16 == 8 && !scarce && w->n > 1) {
			unsigned int i = draw(w->n), j = draw(w->n);
			struct twin_config c = w->generations[i];

			assert_int_equal(store_diff(&store_generation(b.store, i)->tree,
						    &store_generation(b.store, j)->tree,
						    apply_diff, &c), 0);
			for (int k = 0; k < KEYS; k++) {
				assert_int_equal(!c.value[k], !w->generations[j].value[k]);
				assert_int_equal(c.value[k] % 40, w->generations[j].value[k] % 40);
			}
		}
	}
	for (int i = 0; i < 3; i++)
		store_owner_close(b.store, owners[i]);
	close_bench(&b);
	free(w);
}

static void as_the_twin_says(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	(void)state;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	random_walk(seed, 30000, 0);
	random_walk(seed + 1, 20000, 16 * 1024);
	random_walk(seed + 2, 20000, 30 * 1024);
}

/* --- an earlier life -------------------------------------------------------------- */

static void restores_what_was(void **state)
{
	struct bench *b = *state;
	struct store_restored r = { .number = 41, .time_s = 5, .first = true,
				    .comment = "hello", .comment_len = 5 };
	struct store_status st;
	struct store_error e;
	uint64_t number;

	assert_int_equal(store_restore(b->store, b->client, &r, &e), -ENOENT);
	begin(b);
	set_port(b, "wan", "old", &e);
	assert_int_equal(store_restore(b->store, b->client, &r, &e), 0);
	assert_int_equal(store_restore_end(b->store, 41, 1000, b->now, &e), -EINVAL);
	r = (struct store_restored){ .number = 41 };
	begin(b);
	set_port(b, "wan", "new", &e);
	assert_int_equal(store_restore(b->store, b->client, &r, &e), -EINVAL);
	r.number = 43;
	assert_int_equal(store_restore(b->store, b->client, &r, &e), 0);
	assert_int_equal(store_restore_end(b->store, 42, 0, b->now, &e), -EINVAL);
	assert_int_equal(store_restore_end(b->store, 50, 1000, b->now, &e), 0);
	store_status(b->store, b->now, &st);
	assert_int_equal(st.generations, 2);
	assert_int_equal(st.confirm_back, 41);
	assert_int_equal(store_generation(b->store, 1)->time_s, 5);
	assert_memory_equal(store_generation(b->store, 1)->comment, "hello", 5);
	store_tick(b->store, b->now + 1000);
	assert_string_equal(port_running(b, "wan"), "old");
	assert_int_equal(running(b), 51);
	assert_int_equal(store_begin(b->store, b->client, &number, &e), 0);
	assert_int_equal(number, 51);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(starts_empty),
		T(commit_waits_for_the_verdict),
		T(rejected_changes_nothing_and_burns_its_number),
		T(two_writers_do_not_mingle),
		T(closing_drops_the_transaction),
		T(no_compiler_is_refused),
		T(a_silent_compiler_is_not_waited_for),
		T(history_and_rollback),
		T(goes_back_unless_confirmed),
		T(rolling_back_ends_the_wait),
		T(keys_have_a_shape),
		T(flags_are_kept_to),
		T(a_message_is_undone_whole),
		T(sizes_at_their_limits),
		cmocka_unit_test(counts_at_their_limits),
		cmocka_unit_test(memory_evicts_history_first),
		cmocka_unit_test(goes_back_without_memory),
		T(stays_balanced),
		T(ten_thousand_commits_do_not_grow),
		T(a_hundred_thousand_objects),
		cmocka_unit_test(as_the_twin_says),
		T(restores_what_was),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

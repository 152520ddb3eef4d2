// SPDX-License-Identifier: GPL-2.0
/*
 * Ten thousand commits, and what they leave behind: nothing that grows, neither in the store, by
 * its own account, nor in the memory of whoever has it.
 *
 * SLUICE_STORE=module takes the module's store; otherwise the store is served on a socket by a
 * thread of the test's. COMMITS says how many; an emulated guest has time for less. The compiler
 * is a thread that takes all but each eleventh. Among the commits are roll-backs, confirmations,
 * transactions that are given up, and clients that go away in the middle of one: all the ways by
 * which something may be forgotten.
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
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"
#include "kmod/store.h"
#include "netlink/client.h"
#include "store_client.h"
#include "store_server.h"

#define WARM	200		/* commits until the history is full and the allocators have what they want */
#define SLACK	(1ul << 20)	/* bytes: hardly 100 of each of the 10,000 */

static bool in_module;
static struct store_server served;

static struct client *connected(void)
{
	struct client *c = client_new();

	good(c, in_module ? client_open_module(c, NULL) : client_open(c, served.path, NULL));
	return c;
}

/* ---- the compiler ------------------------------------------------------------- */

static int quit[2], ready[2];

static void *compiler(void *arg)
{
	struct client *c = client_new();
	struct client_event e;
	int err = in_module ? client_open_module(c, NULL) : client_open(c, served.path, NULL);

	(void)arg;
	if (!err)
		err = client_bind(c, 0, NULL);
	if (err)
		fprintf(stderr, "# the compiler: %s\n", client_error(c));
	if (write(ready[1], err ? "x" : "b", 1) != 1)
		err = -EIO;
	while (!err) {
		struct pollfd fds[2] = { { client_fd(c), POLLIN, 0 }, { quit[0], POLLIN, 0 } };

		while (!client_next_event(c, &e, 0))
			if (e.cmd == SLUICE_CMD_COMMIT)
				client_verdict(c, e.generation, e.generation % 11, "seen");
		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			break;
	}
	client_free(c);
	return NULL;
}

/* ---- memory --------------------------------------------------------------------- */

/* The number behind "@name:" in a file of such lines, in bytes. */
static uint64_t read_kb(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	unsigned long long kb = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			kb = strtoull(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	assert_true(kb);
	return kb << 10;
}

/* Of whoever has the store: the kernel, for all that it does; or this process. */
static uint64_t memory_used(void)
{
	uint64_t least = UINT64_MAX;

	/* what others do in the kernel comes and goes */
	for (int i = 0; i < 10; i++) {
		uint64_t now = in_module ? read_kb("/proc/meminfo", "SUnreclaim") +
					   read_kb("/proc/meminfo", "VmallocUsed") :
					   read_kb("/proc/self/status", "VmRSS");

		if (now < least)
			least = now;
		usleep(in_module ? 50000 : 0);
	}
	return least;
}

static uint64_t store_memory(struct client *c)
{
	struct client_status st;

	good(c, client_status(c, &st));
	assert_int_equal(st.generations, SLUICE_HISTORY_MAX + 1);
	assert_int_equal(st.txns, 0);
	return st.memory;
}

/* ---- commits ----------------------------------------------------------------------- */

static void change(struct client *c, unsigned int i)
{
	char text[4096], key[64];

	memset(text, 'a' + i % 26, sizeof(text));
	good(c, client_put_document(c, "policy", text, 1000 + i % 3000));
	for (unsigned int j = 0; j < 8; j++) {
		int len = snprintf(key, sizeof(key), "main%c192.0.%u.%u/32", 0, j, (i * 7 + j) % 32);

		good(c, client_set(c, SLUICE_OBJECT_ROUTE, key, len, "", 0, 0));
		len = snprintf(key, sizeof(key), "main%c192.0.%u.%u", 0, j, (i * 7 + j + 5) % 32);
		good(c, client_del(c, SLUICE_OBJECT_ROUTE, key, len, SLUICE_F_PREFIX));
	}
}

static void commit(struct client *c, unsigned int i)
{
	const struct client_commit how = {
		.confirm_timeout_ms = i % 5 ? 0 : 60000,
		.comment = i % 3 ? NULL : "one of many",
	};
	struct client_verdict v;

	good(c, client_begin(c, NULL));
	change(c, i);
	if (i % 13 == 12) {
		good(c, client_abort(c));
		return;
	}
	good(c, client_commit(c, &how, &v));
	assert_int_equal(v.accepted, v.generation % 11 != 0);
	if (v.accepted && how.confirm_timeout_ms)
		good(c, client_confirm(c, v.generation));
	client_verdict_free(&v);
}

static void roll_back(struct client *c)
{
	struct client_verdict v;

	good(c, client_rollback(c, CLIENT_PREVIOUS, &(struct client_commit){}, &v));
	client_verdict_free(&v);
}

static void go_away(unsigned int i)
{
	struct client *c = connected();

	good(c, client_begin(c, NULL));
	change(c, i);
	good(c, client_flush(c));
	client_free(c);
}

static int ignore_object(void *ctx, uint32_t type, const void *key, size_t key_len,
			 const void *value, size_t value_len)
{
	(void)ctx, (void)type, (void)key, (void)key_len, (void)value, (void)value_len;
	return 0;
}

static void commit_many(struct client *c, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		commit(c, i);
		if (i % 17 == 0)
			roll_back(c);
		if (i % 23 == 0)
			go_away(i);
		if (i % 29 == 0)
			good(c, client_dump(c, CLIENT_RUNNING, 0, NULL, 0, ignore_object, NULL));
	}
}

/* A client that has gone is noticed when the server looks at its socket. */
static bool nobody_is_in_a_transaction(void *c)
{
	struct client_status st;

	good(c, client_status(c, &st));
	return !st.txns;
}

static void many_commits(void **state)
{
	const char *commits = getenv("COMMITS");
	unsigned int n = commits ? strtoul(commits, NULL, 10) : in_module ? 1000 : 10000;
	uint64_t store_before, store_after, before, after;
	struct client *c = connected();
	struct timespec began, ended;

	(void)state;
	assert_true(n >= 100);
	commit_many(c, 0, WARM);
	/* what each generation of the history has in it depends on the numbers: the same ones again */
	assert_true(soon(nobody_is_in_a_transaction, c));
	store_before = store_memory(c);
	before = memory_used();
	clock_gettime(CLOCK_MONOTONIC, &began);
	commit_many(c, WARM, WARM + n);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_true(soon(nobody_is_in_a_transaction, c));
	after = memory_used();
	store_after = store_memory(c);
	printf("# %u commits, %.0f us each; the store: %llu bytes before, %llu after; %s: %lld kB more\n", n,
	       ((ended.tv_sec - began.tv_sec) * 1e9 + ended.tv_nsec - began.tv_nsec) / 1e3 / n,
	       (unsigned long long)store_before, (unsigned long long)store_after,
	       in_module ? "the kernel" : "the process",
	       (long long)(after - before) / 1024);
	/* 17 generations of at most so much */
	assert_in_range(store_after, 1, 17 * (4096 + 256 * 200));
	assert_true(store_after < store_before + 65536);
	assert_true(after < before + SLACK);
	client_free(c);
}

static int setup(void **state)
{
	const char *store = getenv("SLUICE_STORE");
	struct store_limits limits = store_limits_default();
	static pthread_t thread;
	char answer;

	in_module = store && !strcmp(store, "module");
	if (in_module)
		assert_int_equal(unshare(CLONE_NEWNET), 0);
	else
		start(&served, &limits, NULL, NULL);
	assert_int_equal(pipe(quit), 0);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pthread_create(&thread, NULL, compiler, NULL), 0);
	assert_int_equal(read(ready[0], &answer, 1), 1);
	assert_int_equal(answer, 'b');
	*state = &thread;
	return 0;
}

static int teardown(void **state)
{
	pthread_t *thread = *state;

	assert_int_equal(write(quit[1], "q", 1), 1);
	pthread_join(*thread, NULL);
	if (!in_module)
		stop(&served);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_commits, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

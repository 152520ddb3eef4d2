// SPDX-License-Identifier: GPL-2.0
/*
 * commits: one after the other, with a compiler that accepts everything: nothing may grow.
 *
 *	build/test/commits [-n COMMITS]
 *
 * Each writes all of the OBJECTS with values of a new length, so that what an older generation has is
 * of no use to the next; every third goes back by itself, every seventh is a roll-back. When the
 * history is full, a generation goes for each that comes.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/client.h"
#include "selftests/module/kernel_memory.h"

#define OBJECTS 16
#define FIRST	200	/* commits that fill the history and the kernel's caches */

static void die(const char *what, const struct client *c)
{
	printf("Bail out! %s: %s\n", what, client_error(c));
	exit(1);
}

static void *compile(void *arg)
{
	struct client *c = arg;
	struct client_event e;

	/* Until the committer closes it all by ending. */
	while (!client_next_event(c, &e, -1))
		if (!e.lost)
			client_verdict(c, e.generation, true, "accepted");
	return NULL;
}

static void commit(struct client *c, unsigned int n)
{
	static char value[1200];
	struct client_commit how = { .comment = "one of many" };
	struct client_verdict v = { 0 };
	char key[32];

	if (n % 3 == 0)
		how.confirm_timeout_ms = 60000;
	if (n % 7 == 6) {
		if (client_rollback(c, CLIENT_PREVIOUS, &how, &v))
			die("rollback", c);
	} else {
		if (client_begin(c, NULL))
			die("begin", c);
		memset(value, n, sizeof(value));
		for (unsigned int i = 0; i < OBJECTS; i++)
			if (client_set(c, SLUICE_OBJECT_ELEMENT, key,
				       sprintf(key, "offenders%c%u", 0, i), value,
				       1 + (n * 37 + i * 101) % sizeof(value), 0))
				die("set", c);
		if (client_commit(c, &how, &v))
			die("commit", c);
	}
	if (!v.accepted)
		die("verdict", c);
	if (how.confirm_timeout_ms && client_confirm(c, v.generation))
		die("confirm", c);
	client_verdict_free(&v);
}

int main(int argc, char **argv)
{
	struct client *compiler = client_new(), *c = client_new();
	long before, after, commits = 10000;
	struct client_status first, last;
	unsigned int n = 0;
	pthread_t thread;
	bool good;

	if (argc == 3 && !strcmp(argv[1], "-n"))
		commits = atol(argv[2]);
	if (unshare(CLONE_NEWNET)) {
		perror("commits: unshare");
		return 1;
	}
	if (client_open_module(c, NULL)) {
		printf("1..0 # SKIP %s\n", client_error(c));
		return 4;
	}
	if (client_open_module(compiler, NULL) || client_bind(compiler, 0, NULL))
		die("bind", compiler);
	pthread_create(&thread, NULL, compile, compiler);
	printf("1..2\n");
	while (n < FIRST)
		commit(c, n++);
	if (client_status(c, &first))
		die("status", c);
	before = kernel_memory_kB();
	while (n < FIRST + commits)
		commit(c, n++);
	after = kernel_memory_kB();
	if (client_status(c, &last))
		die("status", c);

	/* What values there are varies with the number: by less than a history of them. */
	good = last.running - first.running >= (uint64_t)commits &&
	       last.generations == SLUICE_HISTORY_MAX + 1 &&
	       last.memory < 2 * first.memory && last.memory < 1 << 20;
	printf("%sok 1 - %ld commits: the store counts %llu bytes before, %llu after\n",
	       good ? "" : "not ", commits, (unsigned long long)first.memory,
	       (unsigned long long)last.memory);
	if (kernel_watches_memory()) {
		printf("ok 2 # SKIP kernel memory: this kernel's leak detector tells\n");
		return !good;
	}
	/* Had each left one object behind, it were 16 kB a commit. */
	printf("%sok 2 - the kernel's memory: %ld kB before, %ld kB after\n",
	       after - before < 1000 ? "" : "not ", before, after);
	return !good || after - before >= 1000;
}

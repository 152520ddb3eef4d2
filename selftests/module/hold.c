// SPDX-License-Identifier: GPL-2.0
/*
 * hold: has something in the module's store, for as long as it may.
 *
 *	build/test/hold compiler	is the bound compiler, which accepts everything
 *	build/test/hold transaction	has an open transaction
 *	build/test/hold confirmation	has committed what waits to be confirmed; needs a compiler
 *	build/test/hold requests	asks on and on, with a new socket each time, whether or not there
 *					is a module; prints how often there was when it ends
 *
 * It says "ready", and ends when its standard input does. SLUICE_CONFIRM_MS: the time to confirm.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/client.h"

static bool may_go_on(int wait_ms)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };

	return poll(&p, 1, wait_ms) == 0;
}

static int fail(const struct client *c)
{
	fprintf(stderr, "hold: %s\n", client_error(c));
	return 1;
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int compiler(struct client *c)
{
	struct client_event e;
	int err;

	if (client_bind(c, 0, NULL))
		return fail(c);
	ready();
	while (may_go_on(0)) {
		err = client_next_event(c, &e, 50);
		if (err && err != -ETIMEDOUT)
			return fail(c);
		if (!err && (e.cmd == SLUICE_CMD_COMMIT || e.cmd == SLUICE_CMD_ROLLBACK))
			client_verdict(c, e.generation, true, NULL);
	}
	return 0;
}

static int transaction(struct client *c)
{
	if (client_begin(c, NULL))
		return fail(c);
	ready();
	while (may_go_on(-1))
		;
	return 0;
}

static int confirmation(struct client *c)
{
	const char *ms = getenv("SLUICE_CONFIRM_MS");
	struct client_commit how = { .confirm_timeout_ms = ms ? atoi(ms) : 600000 };
	struct client_verdict v;

	if (client_begin(c, NULL) || client_commit(c, &how, &v))
		return fail(c);
	client_verdict_free(&v);
	/* The socket may go: the promise stays. */
	ready();
	while (may_go_on(-1))
		;
	return 0;
}

static int requests(struct client *c)
{
	struct client_status status;
	unsigned long answered = 0, refused = 0;

	client_free(c);
	ready();
	while (may_go_on(0)) {
		c = client_new();
		if (!client_open_module(c, NULL) && !client_begin(c, NULL) &&
		    !client_status(c, &status))
			answered++;
		else
			refused++;
		client_free(c);
	}
	printf("answered %lu refused %lu\n", answered, refused);
	return 0;
}

int main(int argc, char **argv)
{
	struct client *c = client_new();
	int code;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "requests"))
		return requests(c);
	if (client_open_module(c, NULL))
		return fail(c);
	if (!strcmp(argv[1], "compiler"))
		code = compiler(c);
	else if (!strcmp(argv[1], "transaction"))
		code = transaction(c);
	else if (!strcmp(argv[1], "confirmation"))
		code = confirmation(c);
	else
		code = 2;
	client_free(c);
	return code;
}

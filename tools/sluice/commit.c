// SPDX-License-Identifier: GPL-2.0
#include "commit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "base/json.h"
#include "columns.h"
#include "netlink/client.h"
#include "base/quantity.h"
#include "store.h"

#define AGAIN_MS 2000

int generation_parse(const char *word, uint64_t *generation)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || n > INT64_MAX)
		return -EINVAL;
	*generation = n;
	return 0;
}

int commit_how(const struct cli *cli, const struct commit_words *words, struct client_commit *how)
{
	struct quantity q;
	uint64_t ms = 0;

	*how = (struct client_commit){ .comment = words->comment };
	if (words->comment && strlen(words->comment) > SLUICE_COMMENT_MAX)
		return cli_usage(cli, "a comment has at most %d bytes", SLUICE_COMMENT_MAX);
	if (!words->confirm)
		return CLI_OK;
	if (quantity_parse(words->confirm, &q) || quantity_duration(&q, &ms) || !ms ||
	    ms > SLUICE_CONFIRM_TIMEOUT_MAX)
		return cli_usage(cli, "\"%s\" is not a time to confirm within: 1ms to 24h, such as 60s or 5m",
				 words->confirm);
	how->confirm_timeout_ms = ms;
	return CLI_OK;
}

/* What sluiced says: warnings and errors, and in the end what runs now. */
static void print_message(const struct client_verdict *v, const char *message)
{
	char *text = xstrdup(message), *rest, *line;
	bool told = false;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bool runs = v->accepted && !strncmp(line, "generation ", 11);

		fprintf(runs ? stdout : stderr, "%s\n", line);
		told |= runs;
	}
	free(text);
	if (v->accepted && !told)
		printf("generation %" PRIu64 "\n", v->generation);
}

static void print_confirmation(const struct cli *cli, uint32_t timeout_ms)
{
	time_t until = time(NULL) + timeout_ms / 1000;
	char clock[16], left[32];
	struct tm tm;

	localtime_r(&until, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("what ran before comes back at %s, in %s, unless it is confirmed: sluice %s%s%sconfirm\n",
	       clock, duration_format(timeout_ms / 1000, left), cli->netns ? "-n " : "",
	       cli->netns ? cli->netns : "", cli->netns ? " " : "");
}

int commit_tell(const struct cli *cli, const struct client_verdict *v,
		const struct client_commit *how)
{
	const char *message = v->message ? v->message : "";
	int code = v->accepted ? CLI_OK : CLI_FAILED;

	if (cli->json) {
		json_t *o = json_pack("{ss sI sb so}", "object", "verdict", "generation",
				      (json_int_t)v->generation, "accepted", v->accepted,
				      "message", json_text(message));

		if (v->accepted && how->confirm_timeout_ms)
			json_object_set_new(o, "confirm_timeout_ms",
					    json_integer(how->confirm_timeout_ms));
		ask_print_json(cli, o, NULL);
		json_decref(o);
		return code;
	}
	print_message(v, message);
	if (!v->accepted)
		cli_error("sluiced refused generation %" PRIu64 "; what ran goes on", v->generation);
	else if (how->confirm_timeout_ms)
		print_confirmation(cli, how->confirm_timeout_ms);
	return code;
}

int commit_refused(const struct cli *cli, const struct client *c, int err)
{
	const char *n = cli->netns ? " -n " : "", *netns = cli->netns ? cli->netns : "";

	switch (err) {
	case -ECONNRESET:
	case -EPIPE:
		cli_error("%s: it is not known whether this was done", client_error(c));
		cli_hint("'sluice%s%s history' shows what runs, when sluiced answers again", n, netns);
		return CLI_UNREACHABLE;
	case -ETIMEDOUT:
		cli_error("%s: it is not known whether this is done", client_error(c));
		cli_hint("the verdict may still come: 'sluice%s%s history' shows what runs", n, netns);
		return CLI_UNREACHABLE;
	case -EUSERS:
		return store_failed(cli, c, err);
	}
	cli_error("%s", client_error(c));
	switch (err) {
	case -ENOTCONN:
		cli_hint(cli->netns ? "start the compiler with 'sluiced -n %s' as root" :
			 "start the compiler with 'sluiced' as root, or 'systemctl start sluiced'",
			 netns);
		return CLI_UNREACHABLE;
	case -ESTALE:
		cli_hint("somebody else has committed meanwhile: look at 'sluice%s%s history', and try again",
			 n, netns);
		break;
	}
	return CLI_FAILED;
}

/* By a connection of its own: why the other one's commit was refused is still to be said. */
static bool waits_to_be_confirmed(const struct cli *cli)
{
	struct client *c = client_new();
	struct client_status status;
	bool waits = store_try(cli, c) || client_status(c, &status) || status.confirm_waits;

	client_free(c);
	return waits;
}

bool commit_again(const struct cli *cli, int err, unsigned int *waited_ms)
{
	struct timespec pause = { 0 };
	unsigned int ms;

	if (cli->batch || (err != -ESTALE && err != -EBUSY) || *waited_ms >= AGAIN_MS)
		return false;
	/* That takes longer than the verdict on a candidate, and is for its owner to decide. */
	if (err == -EBUSY && waits_to_be_confirmed(cli))
		return false;
	ms = 10 + *waited_ms / 2 + getpid() % 10;	/* of two that lost, one comes first */
	if (ms > AGAIN_MS - *waited_ms)
		ms = AGAIN_MS - *waited_ms;
	*waited_ms += ms;
	pause.tv_nsec = ms % 1000 * 1000000;
	pause.tv_sec = ms / 1000;
	nanosleep(&pause, NULL);
	return true;
}

int commit_transaction(const struct cli *cli, struct client *c, const struct client_commit *how)
{
	struct client_verdict verdict = { 0 };
	int err = client_commit(c, how, &verdict), code;

	if (err)
		return commit_refused(cli, c, err);
	code = commit_tell(cli, &verdict, how);
	client_verdict_free(&verdict);
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * sluice trace --live: a sample of the packets that are dropped, as it happens, each with its reason and
 * the line of the rule that dropped it:
 *
 *	14:03:59.120 filtered wan 192.0.2.1:40000 > 198.51.100.2:23 tcp 60 bytes, edge.sluice:12: drop;
 *
 * The data path tells of them for as long as it is asked again (userland/daemon/drops.h).
 */
#include "live.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "columns.h"

#define AGAIN_MS 250

struct live {
	const struct cli *cli;
	long long last;		/* number of the last one that was seen; -1: none was asked for yet */
};

static void print_time(void)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	printf("%02d:%02d:%02d.%03ld ", tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

static void print_end(const json_t *o, const char *address, const char *port)
{
	const char *text = field_text(o, address);
	bool wide = strchr(text, ':');

	if (!json_object_get(o, port))
		printf("%s", text);
	else
		printf("%s%s%s:%lld", wide ? "[" : "", text, wide ? "]" : "", field_number(o, port));
}

static void print_drop(const json_t *o)
{
	print_time();
	printf("%s %s ", field_text(o, "reason"), field_text(o, "port"));
	if (json_object_get(o, "src")) {
		print_end(o, "src", "sport");
		printf(" > ");
		print_end(o, "dst", "dport");
		printf(" %s", field_text(o, "proto"));
	} else {
		printf("ethertype %s", field_text(o, "ethertype"));
	}
	printf(" %lld bytes", field_number(o, "length"));
	if (json_object_get(o, "file"))
		printf(", %s:%lld: %s", field_text(o, "file"), field_number(o, "line"),
		       field_text(o, "text"));
	putchar('\n');
}

static void take_drop(void *arg, const json_t *o, const char *line)
{
	long long number = field_number(o, "number");
	struct live *live = arg;

	if (strcmp(field_text(o, "object"), "drop")) {
		if (live->last < 0 || field_number(o, "last") < live->last)	/* or another daemon's */
			live->last = field_number(o, "last");
		return;
	}
	if (number > live->last + 1 && !live->cli->json)
		printf("... %lld that came too fast\n", number - live->last - 1);
	live->last = number;
	if (live->cli->json)
		ask_print_json(live->cli, o, line);
	else
		print_drop(o);
}

int live_trace(const struct cli *cli)
{
	const struct timespec again = { .tv_nsec = AGAIN_MS * 1000000 };
	struct live live = { .cli = cli, .last = -1 };
	struct ask a;
	int code = ask_open(&a, cli);

	while (code == CLI_OK) {
		json_t *request = ask_request("drop", NULL, NULL);

		if (live.last >= 0)
			json_object_set_new(request, "after", json_integer(live.last));
		code = ask_send(&a, request);
		if (code == CLI_OK)
			code = ask_receive(&a, take_drop, &live);
		if (fflush(stdout))
			break;
		nanosleep(&again, NULL);
	}
	ask_complain(&a, code);
	ask_close(&a);
	return code;
}

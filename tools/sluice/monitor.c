// SPDX-License-Identifier: GPL-2.0
/*
 * sluice monitor: what changes in the configuration, and what happens, one line each, until it is
 * interrupted. Both come from the store: its groups "config" and "events".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/json.h"
#include "columns.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "store.h"

/* A key's words with a blank between them; a document's chunk number is not one of them. */
static void key_format(const struct client_event *e, struct text *out)
{
	size_t len = e->key_len;

	if (e->type == SLUICE_OBJECT_DOCUMENT && len > 5)
		len -= 5;
	text_append(out, e->key, len);
	for (size_t i = 0; i < len; i++)
		if (!out->data[i])
			out->data[i] = ' ';
	plain(out->data);
}

/* Of a document that came in chunks, the first speaks for all. */
static bool is_later_chunk(const struct client_event *e)
{
	const unsigned char *end = (const unsigned char *)e->key + e->key_len;

	return e->type == SLUICE_OBJECT_DOCUMENT && e->key_len > 5 &&
	       (end[-4] | end[-3] | end[-2] | end[-1]);
}

static json_t *change_json(const struct client_event *e, const char *event)
{
	struct text key = { 0 };
	json_t *o;

	key_format(e, &key);
	o = json_pack("{ss ss sI ss so}", "object", "event", "event", event, "generation",
		      (json_int_t)e->generation, "type", object_type_name(e->type), "key",
		      json_text(text_string(&key)));
	text_free(&key);
	return o;
}

static json_t *generation_json(const struct client_event *e, const char *event)
{
	json_t *o = json_pack("{ss ss sI}", "object", "event", "event", event, "generation",
			      (json_int_t)e->generation);

	if (e->copied)
		json_object_set_new(o, "from", json_integer(e->from));
	if (e->confirm_timeout_ms)
		json_object_set_new(o, "confirm_timeout_ms", json_integer(e->confirm_timeout_ms));
	if (e->comment && *e->comment)
		json_object_set_new(o, "comment", json_text(e->comment));
	return o;
}

static json_t *verdict_json(const struct client_event *e)
{
	json_t *o = generation_json(e, "verdict");

	json_object_set_new(o, "accepted", json_boolean(e->accepted));
	if (e->message && *e->message)
		json_object_set_new(o, "message", json_text(e->message));
	return o;
}

/* An event of the daemon's: its own fields stand beside ours. */
static json_t *event_json(const struct client_event *e)
{
	json_t *o = json_pack("{ss so}", "object", "event", "event", json_text(e->name ? e->name : ""));
	json_t *own = e->text ? json_loads(e->text, 0, NULL) : NULL;

	if (json_is_object(own))
		json_object_update_missing(o, own);
	json_decref(own);
	return o;
}

/* Return: NULL for what is not to be shown. */
static json_t *notification_json(const struct client_event *e)
{
	if (e->lost)
		return json_pack("{ss ss}", "object", "event", "event", "lost");
	switch (e->cmd) {
	case SLUICE_CMD_SET:
		return is_later_chunk(e) ? NULL : change_json(e, "set");
	case SLUICE_CMD_DEL:
		return is_later_chunk(e) ? NULL : change_json(e, "delete");
	case SLUICE_CMD_TXN_BEGIN:
		return generation_json(e, "begin");
	case SLUICE_CMD_TXN_ABORT:
		return generation_json(e, "abort");
	case SLUICE_CMD_COMMIT:
		return generation_json(e, "candidate");
	case SLUICE_CMD_ROLLBACK:
		return generation_json(e, "rollback");
	case SLUICE_CMD_CONFIRM:
		return generation_json(e, "confirm");
	case SLUICE_CMD_VERDICT:
		return verdict_json(e);
	case SLUICE_CMD_BIND:
		return json_pack("{ss ss}", "object", "event", "event",
				 e->flags & SLUICE_F_GONE ? "compiler-gone" : "compiler");
	case SLUICE_CMD_EVENT:
		return event_json(e);
	default:
		return NULL;
	}
}

/* Of a message of several lines, in place, the one that says most: the first error, or the last line. */
static char *gist(char *message)
{
	char *rest, *line = strtok_r(message, "\n", &rest), *last = message;

	for (; line; line = strtok_r(NULL, "\n", &rest)) {
		if (strstr(line, "error:"))
			return line;
		last = line;
	}
	return last;
}

/* 14:03:59.120 verdict generation 7 accepted true */
static void print_line(const json_t *o, uint64_t time_ns)
{
	time_t seconds = time_ns / 1000000000;
	struct tm tm;
	const char *name;
	json_t *value;

	localtime_r(&seconds, &tm);
	printf("%02d:%02d:%02d.%03u %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
	       (unsigned int)(time_ns / 1000000 % 1000), field_text(o, "event"));
	json_object_foreach((json_t *)o, name, value) {
		char *text = json_is_string(value) ? xstrdup(json_string_value(value)) :
			     json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		if (strcmp(name, "object") && strcmp(name, "event") && strcmp(name, "time"))
			printf(" %s %s", name, plain(gist(text)));
		free(text);
	}
	putchar('\n');
}

static void print_notification(const struct cli *cli, const struct client_event *e)
{
	json_t *o = notification_json(e);
	uint64_t time_ns = e->time_ns;

	if (!o)
		return;
	if (!time_ns) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		time_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	}
	if (cli->json) {
		json_object_set_new(o, "time", json_real(time_ns / 1e9));
		ask_print_json(cli, o, NULL);
	} else {
		print_line(o, time_ns);
	}
	json_decref(o);
}

static int follow(const struct cli *cli, struct client *c)
{
	struct client_event e;
	int err;

	err = client_subscribe(c, 1 << SLUICE_GROUP_CONFIG | 1 << SLUICE_GROUP_EVENTS);
	if (err)
		return store_failed(cli, c, err);
	for (;;) {
		memset(&e, 0, sizeof(e));
		err = client_next_event(c, &e, -1);
		if (err == -ETIMEDOUT || err == -EINTR)
			continue;
		if (err) {
			cli_error("%s", client_error(c));
			return CLI_UNREACHABLE;
		}
		print_notification(cli, &e);
		if (fflush(stdout))
			return CLI_FAILED;
	}
}

int monitor(struct cli *cli, int argc, char **argv)
{
	struct client *c;
	int code;

	if (cli_no_arguments(cli, argc, argv, NULL) < 0)
		return CLI_USAGE;
	c = client_new();
	code = store_open(cli, c);
	if (code == CLI_OK)
		code = follow(cli, c);
	client_free(c);
	return code;
}

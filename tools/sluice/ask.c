// SPDX-License-Identifier: GPL-2.0
#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "columns.h"

#define ANSWER_TIMEOUT_S	10
#define LINE_MAX_BYTES		(16u << 20)	/* of one object: far above what any daemon sends */

static int fail(struct ask *a, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct ask *a, int code, const char *format, ...)
{
	va_list args;

	text_free(&a->error);
	va_start(args, format);
	text_vprintf(&a->error, format, args);
	va_end(args);
	return code;
}

static int fail_connect(struct ask *a, const char *path, int err)
{
	const char *netns = a->cli->netns;

	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		text_printf(&a->hint, netns ? "start it with 'sluiced -n %s' as root" :
			    "start it with 'sluiced' as root, or 'systemctl start sluiced'", netns);
		if (netns)
			return fail(a, CLI_UNREACHABLE,
				    "no sluiced is running for network namespace \"%s\" (%s: %s)",
				    netns, path, strerror(err));
		return fail(a, CLI_UNREACHABLE, "no sluiced is running (%s: %s)", path,
			    strerror(err));
	case EACCES:
	case EPERM:
		text_printf(&a->hint, "only root may ask sluiced: run it with sudo");
		return fail(a, CLI_UNREACHABLE, "no permission to ask sluiced (%s)", path);
	default:
		return fail(a, CLI_UNREACHABLE, "cannot reach sluiced (%s: %s)", path,
			    strerror(err));
	}
}

int ask_open(struct ask *a, const struct cli *cli)
{
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n;

	*a = (struct ask){ .cli = cli, .fd = -1 };
	n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/query.sock", cli->run_dir);
	if (n >= (int)sizeof(addr.sun_path))
		return fail(a, CLI_UNREACHABLE, "the path of the socket is too long: %s/query.sock",
			    cli->run_dir);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return fail(a, CLI_UNREACHABLE, "cannot make a socket: %s", strerror(errno));
	if (connect(a->fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fail_connect(a, addr.sun_path, errno);
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return CLI_OK;
}

static int fail_gone(struct ask *a)
{
	text_printf(&a->hint, "what it loaded goes on without it; see its log, and start it again");
	return fail(a, CLI_UNREACHABLE, "sluiced closed the connection before the end of its answer");
}

static int fail_broken(struct ask *a, int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK)
		return fail(a, CLI_UNREACHABLE, "sluiced did not answer within %d s",
			    ANSWER_TIMEOUT_S);
	if (err == EPIPE || err == ECONNRESET)
		return fail_gone(a);
	return fail(a, CLI_UNREACHABLE, "cannot talk to sluiced: %s", strerror(err));
}

int ask_send(struct ask *a, json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = strlen(line), sent = 0;
	int code = CLI_OK;

	json_decref(request);
	line[len++] = '\n';	/* in place of the NUL: the line is sent by its length */
	while (sent < len) {
		ssize_t n = send(a->fd, line + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			code = fail_broken(a, errno);
			break;
		}
		sent += n;
	}
	free(line);
	return code;
}

static int fail_strange(struct ask *a, const char *line)
{
	text_printf(&a->hint, "this is sluice %s: use the sluice that came with the daemon, or restart sluiced",
		    cli_version);
	return fail(a, CLI_UNREACHABLE, "sluiced's answer is not understood: %.60s%s", line,
		    strlen(line) > 60 ? "..." : "");
}

/* Takes one line: an object, the end, or an error. Return: as ask_receive(); *@end at the last. */
static int take_line(struct ask *a, const char *line, size_t len, ask_take *take, void *arg,
		     bool *end)
{
	int code = CLI_OK;
	json_t *object;

	if (!len)
		return CLI_OK;
	if (a->unread && !strncmp(line, "{\"object\":\"", 11) && line[len - 1] == '}') {
		take(arg, NULL, line);
		return CLI_OK;
	}
	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		code = fail_strange(a, line);
	} else if (json_object_get(object, "error")) {
		*end = true;
		text_printf(&a->hint, "%s", field_text(object, "hint"));
		code = fail(a, CLI_FAILED, "%s", field_text(object, "error"));
	} else if (field_true(object, "end")) {
		*end = true;
	} else if (take) {
		take(arg, object, line);
	}
	json_decref(object);
	return code;
}

/* Takes all whole lines that are there, up to an end. */
static int take_lines(struct ask *a, ask_take *take, void *arg, bool *end)
{
	int code = CLI_OK;

	while (code == CLI_OK && !*end && a->taken < a->in.len) {
		char *line = a->in.data + a->taken;
		char *stop = memchr(line, '\n', a->in.len - a->taken);

		if (!stop)
			break;
		*stop = '\0';
		a->taken = stop + 1 - a->in.data;
		code = take_line(a, line, stop - line, take, arg, end);
	}
	if (a->taken) {
		a->in.len -= a->taken;
		memmove(a->in.data, a->in.data + a->taken, a->in.len);
		a->taken = 0;
	}
	return code;
}

static int read_more(struct ask *a)
{
	char block[65536];
	ssize_t n;

	do
		n = recv(a->fd, block, sizeof(block), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_broken(a, errno);
	if (n == 0)
		return fail_gone(a);
	if (a->in.len + n > LINE_MAX_BYTES)
		return fail_strange(a, "a line without end");
	text_append(&a->in, block, n);
	return CLI_OK;
}

int ask_receive(struct ask *a, ask_take *take, void *arg)
{
	bool end = false;
	int code;

	for (;;) {
		code = take_lines(a, take, arg, &end);
		if (code != CLI_OK || end)
			return code;
		code = read_more(a);
		if (code != CLI_OK)
			return code;
	}
}

int ask_complain(const struct ask *a, int code)
{
	if (code == CLI_OK)
		return code;
	cli_error("%s", text_string(&a->error));
	if (a->hint.len)
		cli_hint("%s", text_string(&a->hint));
	return code;
}

void ask_close(struct ask *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	text_free(&a->in);
	text_free(&a->error);
	text_free(&a->hint);
}

json_t *ask_request(const char *show, const char *name, const char *value)
{
	json_t *o = json_pack("{ss}", "show", show);

	if (value)
		json_object_set_new(o, name, json_text(value));
	return o;
}

void ask_print_json(const struct cli *cli, const json_t *object, const char *line)
{
	if (line && !cli->pretty) {
		puts(line);
		return;
	}
	json_dumpf(object, stdout, cli->pretty ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
}

static void print_json(void *arg, const json_t *object, const char *line)
{
	ask_print_json(arg, object, line);
}

int ask_show(const struct cli *cli, json_t *request, ask_take *take, void *arg)
{
	struct ask a;
	int code = ask_open(&a, cli);

	if (code == CLI_OK)
		code = ask_send(&a, request);
	else
		json_decref(request);
	a.unread = cli->json && !cli->pretty;	/* a million routes need not be parsed */
	if (code == CLI_OK && cli->json)
		code = ask_receive(&a, print_json, (void *)cli);
	else if (code == CLI_OK)
		code = ask_receive(&a, take, arg);
	ask_complain(&a, code);
	ask_close(&a);
	return code;
}

const char *field_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

long long field_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_real(value) ? (long long)json_real_value(value) : json_integer_value(value);
}

double field_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

void field_cell(const json_t *object, const char *name, struct columns *table)
{
	if (json_object_get(object, name))
		columns_cell(table, "%lld", field_number(object, name));
	else
		columns_cell(table, "-");
}

bool field_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The query socket (userland/daemon/query.c): a server in a child process, its view in place of the
 * daemon's: {"show":"numbers","count":N}, {"show":"sparse"}, anything else refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "daemon/query.c"

#define SPARSE 5000	/* steps that show nothing, before the one object */

/* Defined here in place of daemon/view.c: what the server shows. */
struct view_answer {
	long long left, at;
	bool sparse, refused;
};

struct view_answer *view_open(struct view *view, const json_t *request)
{
	const char *show = json_string_value(json_object_get(request, "show"));
	struct view_answer *a = xcalloc(1, sizeof(*a));

	(void)view;
	a->left = json_integer_value(json_object_get(request, "count"));
	a->sparse = show && !strcmp(show, "sparse");
	a->refused = !a->sparse && (!show || strcmp(show, "numbers"));
	if (a->sparse)
		a->left = SPARSE;
	return a;
}

int view_next(struct view_answer *a, struct text *out)
{
	if (a->refused)
		return -1;
	if (!a->left)
		return 0;
	a->left--;
	if (!a->sparse || !a->left)
		text_printf(out, "{\"n\":%lld,\"what\":\"%080d\"}\n", a->at++, 0);
	return 1;
}

const char *view_error(const struct view_answer *a)
{
	(void)a;
	return "no";
}

const char *view_hint(const struct view_answer *a)
{
	(void)a;
	return NULL;
}

void view_close(struct view_answer *a)
{
	free(a);
}

/* ---- the server --------------------------------------------------------------- */

static char dir[] = "/tmp/test_query.XXXXXX", path[sizeof(dir) + 16];
static pid_t server;

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	query_close(signal->data);
	uv_close((uv_handle_t *)signal, NULL);
}

static void serve_forever(int ready)
{
	struct query *q;
	uv_signal_t term;
	uv_loop_t loop;
	int err;

	uv_loop_init(&loop);
	uv_signal_init(&loop, &term);
	err = query_listen(&loop, path, NULL, &q);
	term.data = q;
	if (!err)
		uv_signal_start(&term, on_signal, SIGTERM);
	if (write(ready, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(uv_loop_close(&loop) ? 2 : 0);	/* EBUSY: a handle was left open */
}

/* Return: what query_listen() said in the child. */
static int start_server(pid_t *pid)
{
	int ready[2], err;

	assert_int_equal(pipe(ready), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		close(ready[0]);
		serve_forever(ready[1]);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &err, sizeof(err)), sizeof(err));
	close(ready[0]);
	return err;
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/query.sock", dir);
	return start_server(&server);
}

static int teardown(void **state)
{
	int status;

	(void)state;
	kill(server, SIGTERM);
	waitpid(server, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || access(path, F_OK) == 0)
		return -1;	/* handles were left, or the socket */
	return rmdir(dir);
}

/* ---- a client ------------------------------------------------------------------ */

static int ask(const char *request)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 20 };

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (*request)
		assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* Reads until @ends answers have ended, or the connection has. */
static void receive(int fd, int ends, struct text *all)
{
	size_t at = 0;

	while (ends) {
		char block[65536];
		ssize_t n = recv(fd, block, sizeof(block), 0);

		assert_true(n >= 0);
		if (n == 0)
			return;
		text_append(all, block, n);
		for (char *end; ends && (end = memchr(all->data + at, '\n', all->len - at));) {
			if (!strncmp(all->data + at, "{\"end\":true}", 12) ||
			    !strncmp(all->data + at, "{\"error\":", 9))
				ends--;
			at = end + 1 - all->data;
		}
	}
}

static void expect(int fd, int ends, const char *what)
{
	struct text all = { 0 };

	receive(fd, ends, &all);
	assert_string_equal(text_string(&all), what);
	text_free(&all);
}

static size_t count_lines(const struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++)
		n += t->data[i] == '\n';
	return n;
}

static long resident_pages(pid_t pid)
{
	struct text statm = { 0 };
	char name[64];
	long total, resident;

	snprintf(name, sizeof(name), "/proc/%d/statm", pid);
	assert_int_equal(text_read_file(&statm, name, 4096), 0);
	assert_int_equal(sscanf(text_string(&statm), "%ld %ld", &total, &resident), 2);
	text_free(&statm);
	return resident;
}

/* ---- tests ------------------------------------------------------------------------ */

static void test_only_root_may_ask(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_one_serves_a_path(void **state)
{
	pid_t second;
	int fd;

	(void)state;
	assert_int_equal(start_server(&second), -EADDRINUSE);
	waitpid(second, NULL, 0);
	fd = ask("{\"show\":\"numbers\"}\n");
	expect(fd, 1, "{\"end\":true}\n");
	close(fd);
}

static void test_socket_of_the_dead_is_replaced(void **state)
{
	int fd;

	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(start_server(&server), 0);
	fd = ask("{\"show\":\"numbers\"}\n");
	expect(fd, 1, "{\"end\":true}\n");
	close(fd);
}

static void test_answers_come_in_order(void **state)
{
	struct text all = { 0 };
	int fd;

	(void)state;
	fd = ask("{\"show\":\"numbers\",\"count\":3}\n{\"show\":\"what\"}\n{\"show\":\"num");
	receive(fd, 2, &all);
	assert_int_equal(count_lines(&all), 5);
	assert_non_null(strstr(all.data, "{\"end\":true}\n{\"error\":\"no\"}\n"));
	assert_int_equal(send(fd, "bers\"}\n", 7, 0), 7);
	expect(fd, 1, "{\"end\":true}\n");
	text_free(&all);
	close(fd);
}

static void test_what_is_no_request(void **state)
{
	struct text all = { 0 };
	int fd = ask("rubbish\n[1]\n\"x\"\n{\"a\":1,\"a\":2}\n\n{\"show\":\"numbers\"}\n");

	(void)state;
	receive(fd, 6, &all);
	assert_int_equal(count_lines(&all), 6);
	assert_int_equal(strncmp(all.data, "{\"error\":\"the request is not JSON\"", 34), 0);
	assert_non_null(strstr(all.data, "not a JSON object"));
	assert_non_null(strstr(all.data, "{\"end\":true}\n"));
	text_free(&all);
	close(fd);
}

static void test_longest_request(void **state)
{
	size_t over = QUERY_LINE_MAX + 70000;
	char *line = xcalloc(1, over + 1);
	struct text all = { 0 };
	int fd;

	(void)state;
	memset(line, ' ', over);
	memcpy(line, "{\"show\":\"numbers\"}", 18);
	line[QUERY_LINE_MAX - 1] = '\n';	/* the longest that is a request */
	line[QUERY_LINE_MAX] = '\0';
	fd = ask(line);
	expect(fd, 1, "{\"end\":true}\n");
	close(fd);
	line[QUERY_LINE_MAX - 1] = line[QUERY_LINE_MAX] = ' ';	/* has no end */
	fd = ask("");
	send(fd, line, over, MSG_NOSIGNAL);
	receive(fd, 1, &all);
	assert_non_null(strstr(text_string(&all), "too long"));
	text_free(&all);
	close(fd);
	free(line);
}

/* A client that does not read costs little, and holds up nobody. */
static void test_a_million(void **state)
{
	int slow = ask("{\"show\":\"numbers\",\"count\":1000000}\n"), fd;
	struct pollfd p = { .fd = slow, .events = POLLIN };
	struct text all = { 0 };
	long before;

	(void)state;
	assert_int_equal(poll(&p, 1, 5000), 1);
	before = resident_pages(server);
	for (int i = 0; i < 20; i++) {
		fd = ask("{\"show\":\"numbers\"}\n");
		expect(fd, 1, "{\"end\":true}\n");
		close(fd);
		poll(NULL, 0, 5);
	}
	assert_true(resident_pages(server) - before < 1024);	/* 4 MB; the answer has 100 */
	receive(slow, 1, &all);
	assert_int_equal(count_lines(&all), 1000001);
	assert_non_null(strstr(all.data, "{\"n\":999999,"));
	text_free(&all);
	close(slow);
}

static void test_passing_over_much(void **state)
{
	int fd = ask("{\"show\":\"sparse\"}\n");
	struct text all = { 0 };
	size_t empty = 0;

	(void)state;
	receive(fd, 1, &all);
	while (all.data[empty] == '\n')
		empty++;
	assert_int_equal(empty, SPARSE / QUERY_STEPS);
	assert_int_equal(count_lines(&all), empty + 2);
	text_free(&all);
	close(fd);
}

static void test_clients_that_go_away(void **state)
{
	struct text all = { 0 };
	int fd;

	(void)state;
	for (int i = 0; i < QUERY_CLIENTS_MAX / 2; i++) {
		fd = ask("{\"show\":\"numbers\",\"count\":1000000}\n");
		close(fd);
	}
	fd = ask("{\"show\":\"numbers\",\"count\":2}\n");	/* has said all, and listens still */
	shutdown(fd, SHUT_WR);
	receive(fd, 1, &all);
	assert_int_equal(count_lines(&all), 3);
	text_free(&all);
	close(fd);
}

/* A connection that is served: earlier ones may not have been noticed to be gone. */
static int ask_until_served(void)
{
	for (int tries = 0; tries < 500; tries++) {
		int fd = ask("{\"show\":\"numbers\"}\n");
		struct text all = { 0 };
		bool served;

		receive(fd, 1, &all);
		served = !strcmp(text_string(&all), "{\"end\":true}\n");
		text_free(&all);
		if (served)
			return fd;
		close(fd);
		poll(NULL, 0, 10);
	}
	fail_msg("is not served again");
	return -1;
}

static void test_too_many_clients(void **state)
{
	int fds[QUERY_CLIENTS_MAX], fd;
	struct text all = { 0 };

	(void)state;
	for (int i = 0; i < QUERY_CLIENTS_MAX; i++)
		fds[i] = ask_until_served();
	fd = ask("");
	receive(fd, 1, &all);
	assert_non_null(strstr(text_string(&all), "too many"));
	text_free(&all);
	close(fd);
	for (int i = 0; i < QUERY_CLIENTS_MAX; i++)
		close(fds[i]);
	close(ask_until_served());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_root_may_ask),
		cmocka_unit_test(test_one_serves_a_path),
		cmocka_unit_test(test_socket_of_the_dead_is_replaced),
		cmocka_unit_test(test_answers_come_in_order),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_longest_request),
		cmocka_unit_test(test_a_million),
		cmocka_unit_test(test_passing_over_much),
		cmocka_unit_test(test_clients_that_go_away),
		cmocka_unit_test(test_too_many_clients),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("query", tests, setup, teardown);
}

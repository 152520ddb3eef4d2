// SPDX-License-Identifier: GPL-2.0
/*
 * Server and client of the store's messages over a real socket: the server runs in a thread
 * with a poll loop as the daemon has one; its compiler is a few lines here, told what to
 * answer by the documents themselves: "reject" is rejected, "later" is answered after a
 * while, "never" not at all.
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
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include "netlink/server.h"

/* --- the daemon of this test ------------------------------------------------------- */

struct daemon {
	char dir[64], path[80];
	struct store *store;
	struct server *server;
	pthread_t thread;
	int orders[2];		/* letters, see obey() */
	int listener;
	struct vec conns;	/* of struct polled */
	bool gone_back;
	uint64_t compiling, later_at, wake_at;
	atomic_uint saves, returned, open_conns;
	_Atomic uint64_t ahead_ms;	/* of the clock */
	bool bind;
};

struct polled {
	struct conn *conn;
	unsigned int events;
};

static uint64_t clock_ms(void *ctx)
{
	struct daemon *d = ctx;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000 + d->ahead_ms;
}

struct compiled {
	unsigned int documents;
	size_t bytes;
	bool reject, later, never;
};

static int compile_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct compiled *c = ctx;

	(void)name;
	c->documents++;
	c->bytes += len;
	c->reject |= !strcmp(bytes, "reject");
	c->later |= !strcmp(bytes, "later");
	c->never |= !strcmp(bytes, "never");
	return 0;
}

static void compile(void *ctx, uint64_t generation, bool returned)
{
	struct compiled c = {};
	struct daemon *d = ctx;
	char message[100];
	const char *why;

	d->returned += returned;
	if (server_documents(d->server, generation, compile_document, &c, &why)) {
		server_verdict(d->server, generation, false, why);
		return;
	}
	snprintf(message, sizeof(message), "%u documents, %zu bytes", c.documents, c.bytes);
	d->compiling = generation;
	d->later_at = c.later ? clock_ms(d) + 50 : 0;
	if (c.reject)
		server_verdict(d->server, generation, false, "line 1\nline 2");
	else if (!c.later && !c.never)
		server_verdict(d->server, generation, true, message);
}

static const char *save(void *ctx)
{
	struct daemon *d = ctx;

	return ++d->saves == 1 ? "the first save of a test always fails" : NULL;
}

static struct polled *polled_of(struct daemon *d, struct conn *conn)
{
	for (size_t i = 0; i < d->conns.len; i++) {
		struct polled *p = vec_at(&d->conns, i);

		if (p->conn == conn)
			return p;
	}
	return NULL;
}

static void watch(void *ctx, struct conn *conn, unsigned int events)
{
	struct polled *p = polled_of(ctx, conn);

	if (p)
		p->events = events;
}

static void closed(void *ctx, struct conn *conn)
{
	struct daemon *d = ctx;
	struct polled *p = polled_of(d, conn);

	if (p) {
		*p = *(struct polled *)vec_at(&d->conns, d->conns.len - 1);
		vec_pop(&d->conns);
		d->open_conns--;
	}
}

static void wake(void *ctx, uint64_t in_ms)
{
	struct daemon *d = ctx;

	d->wake_at = in_ms == UINT64_MAX ? UINT64_MAX : clock_ms(d) + in_ms;
}

/* Return: false to end. */
static bool obey(struct daemon *d)
{
	char order;

	if (read(d->orders[0], &order, 1) != 1)
		return false;
	if (order == 'e')
		server_event(d->server, "feed-gap", "{\"lost\":3}");
	if (order == 'E')
		for (int i = 0; i < 20000; i++)
			server_event(d->server, "flood", "{\"text\":\"...............................\"}");
	return order != 'q';
}

static void *run(void *arg)
{
	struct daemon *d = arg;
	struct pollfd fds[2 + SERVER_CONNS_MAX];
	struct conn *conns[SERVER_CONNS_MAX], *conn;

	for (;;) {
		uint64_t now = clock_ms(d);
		size_t n = d->conns.len;
		int timeout = 20;	/* the clock may be put ahead meanwhile */

		if (d->later_at && now >= d->later_at) {
			d->later_at = 0;
			server_verdict(d->server, d->compiling, true, "late, but good");
			continue;
		}
		if (now >= d->wake_at) {
			server_tick(d->server);
			continue;
		}
		fds[0] = (struct pollfd){ d->orders[0], POLLIN, 0 };
		fds[1] = (struct pollfd){ d->listener, POLLIN, 0 };
		for (size_t i = 0; i < n; i++) {
			const struct polled *p = vec_at(&d->conns, i);

			conns[i] = p->conn;
			fds[2 + i] = (struct pollfd){
				conn_fd(p->conn),
				(p->events & SERVER_READ ? POLLIN : 0) |
				(p->events & SERVER_WRITE ? POLLOUT : 0), 0 };
		}
		if (poll(fds, 2 + n, timeout) < 0)
			break;
		for (size_t i = 0; i < n; i++) {
			const struct polled *p = polled_of(d, conns[i]);

			if (p && fds[2 + i].revents & POLLOUT)
				server_writable(conns[i]);
			p = polled_of(d, conns[i]);
			if (p && p->events & SERVER_READ &&
			    fds[2 + i].revents & (POLLIN | POLLHUP | POLLERR))
				server_readable(conns[i]);
		}
		while (fds[1].revents && (conn = server_accept(d->server))) {
			*(struct polled *)vec_push(&d->conns) =
				(struct polled){ conn, SERVER_READ };
			d->open_conns++;
			*conn_user(conn) = d;
		}
		if (fds[0].revents && !obey(d))
			break;
	}
	server_free(d->server);
	return NULL;
}

static void start(struct daemon *d, const struct store_limits *limits, bool bind)
{
	const struct server_callbacks callbacks = {
		.ctx = d, .compile = compile, .save = save, .watch = watch, .closed = closed,
		.wake = wake, .now_ms = clock_ms,
	};
	uint64_t running;

	memset(d, 0, sizeof(*d));
	strcpy(d->dir, "/tmp/sluice-server-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/sluice.sock", d->dir);
	d->conns = VEC(struct polled);
	d->wake_at = UINT64_MAX;
	d->store = store_new(limits);
	d->server = server_new(d->store, &callbacks);
	if (bind) {
		assert_int_equal(server_bind(d->server, 0, &running), 0);
		assert_int_equal(running, 0);
		assert_int_equal(server_bind(d->server, 0, &running), -EBUSY);
	}
	d->listener = server_listen(d->server, d->path, -1);
	assert_true(d->listener >= 0);
	assert_int_equal(pipe(d->orders), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, run, d), 0);
}

static void order(struct daemon *d, char letter)
{
	assert_int_equal(write(d->orders[1], &letter, 1), 1);
}

static void stop(struct daemon *d)
{
	order(d, 'q');
	pthread_join(d->thread, NULL);
	assert_int_equal(access(d->path, F_OK), -1);
	store_free(d->store);
	vec_free(&d->conns);
	close(d->orders[0]);
	close(d->orders[1]);
	assert_int_equal(rmdir(d->dir), 0);
}

static int setup(void **state)
{
	struct store_limits limits = store_limits_default();

	*state = xcalloc(1, sizeof(struct daemon));
	start(*state, &limits, true);
	return 0;
}

static int setup_without_compiler(void **state)
{
	struct store_limits limits = store_limits_default();

	*state = xcalloc(1, sizeof(struct daemon));
	start(*state, &limits, false);
	return 0;
}

static int teardown(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

/* --- clients ----------------------------------------------------------------------- */

#define good(c, call) do { \
		int err_ = (call); \
		if (err_) \
			fail_msg("%s: %d: %s", #call, err_, client_error(c)); \
	} while (0)

static struct client *connected(struct daemon *d)
{
	struct client *c = client_new();

	good(c, client_open(c, d->path, NULL));
	return c;
}

static void apply(struct client *c, const char *name, const char *text)
{
	struct client_verdict v;

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, name, text, strlen(text)));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	client_verdict_free(&v);
}

struct read_back {
	const char *name;
	const char *bytes;
	size_t len;
	bool found;
	unsigned int documents;
};

static int read_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct read_back *r = ctx;

	r->documents++;
	if (strcmp(name, r->name))
		return 0;
	r->found = true;
	assert_int_equal(len, r->len);
	assert_memory_equal(bytes, r->bytes, len);
	assert_int_equal(bytes[len], '\0');
	return 0;
}

/* How many documents there are, one of which is @name with @bytes. */
static unsigned int expect_document(struct client *c, uint64_t generation, const char *name,
				    const char *bytes, size_t len)
{
	struct read_back r = { .name = name, .bytes = bytes, .len = len };

	good(c, client_documents(c, generation, read_document, &r));
	assert_true(r.found);
	return r.documents;
}

static bool soon(bool (*holds)(void *ctx), void *ctx)
{
	for (int i = 0; i < 500; i++) {
		if (holds(ctx))
			return true;
		usleep(10000);
	}
	return false;
}

/* A socket without our client, to say what a client would not. */
static int raw_connect(struct daemon *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 10 };

	strcpy(addr.sun_path, d->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The next datagram must begin with an NLMSG_ERROR. Return: its error. */
static int raw_error(int fd, char *sentence, size_t size, uint32_t *offset)
{
	static char buf[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	const struct nlmsghdr *nlh;
	struct message_error e;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	size_t pos = 0;
	int err = 1;

	assert_true(n > 0);
	nlh = message_split(buf, n, &pos, &e);
	assert_non_null(nlh);
	assert_int_equal(message_error(nlh, &err, sentence, size, offset), 0);
	return err;
}

/* --- documents and verdicts ----------------------------------------------------------- */

static void documents_of_any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 32768, 100000, 3000000 };
	struct daemon *d = *state;
	struct client *c = connected(d);
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
	assert_string_equal(v.message, "the first save of a test always fails\n"
			    "8 documents, 3181921 bytes");
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
	assert_int_equal(st.home, SLUICE_HOME_DAEMON);
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
	struct daemon *d = *state;
	struct client *c = connected(d);
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
	assert_string_equal(v.message, "late, but good");
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

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "never", 5));
	assert_int_equal(client_commit(c, &(struct client_commit){ .wait_ms = 30 }, &v), -ETIMEDOUT);
	client_free(c);

	/* others are told why they must wait, until the store waits no longer */
	c = connected(d);
	good(c, client_begin(c, NULL));
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -EBUSY);
	assert_string_equal(client_error(c), "another candidate waits for its verdict");
	d->ahead_ms += 10 * 60 * 1000;
	for (int i = 0; client_commit(c, &(struct client_commit){}, &v) == -EBUSY && i < 200; i++)
		usleep(10000);
	assert_string_equal(client_error(c), "");
	client_verdict_free(&v);
	client_free(c);
}

static void refusals_say_what_and_where(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d), *other = connected(d);
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

	c = client_new();
	assert_int_equal(client_begin(c, NULL), -ENOTCONN);
	assert_int_equal(client_open(c, "/nowhere/sluice.sock", NULL), -ENOENT);
	assert_string_equal(client_error(c),
			    "/nowhere/sluice.sock: nobody serves it: is sluiced running?");
	assert_int_equal(client_open(c, NULL, "../up"), -EINVAL);
	client_free(c);
}

static void waits_for_confirmation(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d), *monitor = connected(d);
	struct client_commit how = { .confirm_timeout_ms = 60000 };
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
	assert_in_range(st.confirm_left_ms, 1, 60000);
	assert_int_equal(st.confirm_back, 1);
	expect_document(c, CLIENT_RUNNING, "a", "bad", 3);
	d->ahead_ms += 60001;
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
	/* the compiler was called, and reported */
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_VERDICT);
	assert_int_equal(d->returned, 1);
	good(c, client_status(c, &st));
	assert_int_equal(st.applied, 3);

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "better", 6));
	good(c, client_commit(c, &how, &v));
	good(c, client_confirm(c, v.generation));
	client_verdict_free(&v);
	d->ahead_ms += 60001;
	usleep(50000);
	expect_document(c, CLIENT_RUNNING, "a", "better", 6);
	assert_true(d->saves >= 5);
	client_free(monitor);
	client_free(c);
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
	struct daemon *d = *state;
	struct client *c = connected(d), *monitor = connected(d);
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

	order(d, 'e');
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_int_equal(e.cmd, SLUICE_CMD_EVENT);
	assert_string_equal(e.name, "feed-gap");
	assert_string_equal(e.text, "{\"lost\":3}");
	assert_true(e.time_ns > 1500000000ull * 1000000000);

	/* more than a queue holds: some come, one says that others were lost, then they go on */
	order(d, 'E');
	usleep(100000);
	for (int i = 0; i <= 20000; i++) {
		good(monitor, client_next_event(monitor, &e, 10000));
		if (e.lost)
			break;
		assert_string_equal(e.name, "flood");
		assert_true(i < 20000);
	}
	assert_true(e.lost);
	order(d, 'e');
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_string_equal(e.name, "feed-gap");
	/* and requests are answered on the same connection */
	assert_int_equal(client_confirm(monitor, CLIENT_RUNNING), -ENOENT);
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
	struct daemon *d = *state;
	struct client *c = connected(d), *other = connected(d);
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
	print_message("# 100000 objects set and committed over the socket: %.0f ms\n",
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

static bool no_conns(void *ctx)
{
	return !((struct daemon *)ctx)->open_conns;
}

static void so_many_clients_and_no_more(void **state)
{
	struct daemon *d = *state;
	struct client *c[SERVER_CONNS_MAX + 1];
	struct client_status st;

	for (int i = 0; i <= SERVER_CONNS_MAX; i++) {
		c[i] = connected(d);
		if (i < SERVER_CONNS_MAX)
			good(c[i], client_status(c[i], &st));
	}
	assert_int_equal(client_status(c[SERVER_CONNS_MAX], &st), -EUSERS);
	assert_string_equal(client_error(c[SERVER_CONNS_MAX]),
			    "as many clients are connected as may be");
	client_free(c[0]);
	client_free(c[SERVER_CONNS_MAX]);
	c[0] = connected(d);
	while (client_status(c[0], &st)) {	/* until the server has seen that one went */
		client_free(c[0]);
		usleep(1000);
		c[0] = connected(d);
	}
	for (int i = 0; i < SERVER_CONNS_MAX; i++)
		client_free(c[i]);
	assert_true(soon(no_conns, d));
}

/* Random use, and random ends. Return: 0, or the first error that ought not to be. */
static int use_at_random(struct daemon *d, uint64_t rng, int steps)
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
			err = client_open(c, d->path, NULL);
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
	struct daemon *d = *state;
	struct client_status st;
	struct client *c;
	int status;

	for (int i = 0; i < 8; i++)
		if (!fork())
			_exit(use_at_random(d, 1000 + i, 1500) ? 1 : 0);
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_true(soon(no_conns, d));
	c = connected(d);
	good(c, client_status(c, &st));
	assert_int_equal(st.txns, 0);
	assert_false(st.candidate_waits);
	assert_true(st.running > 20 && st.applied == st.running);
	client_free(c);
}

/* --- those who do not behave ----------------------------------------------------------------- */

static size_t request(void *buf, enum sluice_cmd cmd, uint16_t flags, uint32_t seq)
{
	struct message_out o;

	message_start(&o, buf, 4096, cmd, NLM_F_REQUEST | flags, seq);
	return message_len(&o);
}

static bool one_conn(void *ctx)
{
	return ((struct daemon *)ctx)->open_conns == 1;
}

/* It asks and never reads: the others are served, and in the end it is dropped. */
static void one_that_does_not_read(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d);
	char buf[4096] __attribute__((aligned(4)));
	int fd = raw_connect(d), sent = 0, quiet = 0;
	struct client_status st;

	apply(c, "a", "text");
	while (quiet < 20) {
		size_t len = request(buf, SLUICE_CMD_STATUS, NLM_F_ACK, ++sent);

		if (send(fd, buf, len, MSG_DONTWAIT) >= 0) {
			quiet = 0;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		quiet++;
		usleep(5000);
	}
	/* what it sent is bounded: by the queue, and the buffers of its socket */
	assert_in_range(sent, 100, 50000);
	good(c, client_status(c, &st));
	d->ahead_ms += SERVER_STALL_MS + 1;
	assert_true(soon(one_conn, d));
	good(c, client_status(c, &st));
	close(fd);
	client_free(c);
}

static void garbage_and_floods(void **state)
{
	struct daemon *d = *state;
	char buf[4096] __attribute__((aligned(4))), sentence[256];
	static char big[SLUICE_DATAGRAM_MAX + 4];
	struct client *c = connected(d);
	int fd = raw_connect(d);
	struct client_status st;
	uint32_t offset;
	uint64_t rng = 1;
	size_t len;

	apply(c, "a", "text");

	/* shorter than a header, than its own length, than a command */
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EBADMSG);
	len = request(buf, SLUICE_CMD_STATUS, 0, 7);
	for (size_t n = 1; n < len; n++) {
		assert_int_equal(send(fd, buf, n, 0), (int)n);
		assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EBADMSG);
		assert_true(sentence[0]);
	}
	((struct nlmsghdr *)buf)->nlmsg_len = 18;
	send(fd, buf, 18, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EINVAL);
	assert_string_equal(sentence, "the message ends before its command");

	/* another family, an unknown command, a later version */
	len = request(buf, SLUICE_CMD_STATUS, 0, 7);
	((struct nlmsghdr *)buf)->nlmsg_type = 16;
	send(fd, buf, len, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -ENOENT);
	len = request(buf, 200, 0, 7);
	send(fd, buf, len, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EOPNOTSUPP);
	len = request(buf, SLUICE_CMD_STATUS, 0, 7);
	buf[17] = SLUICE_FAMILY_VERSION + 1;
	send(fd, buf, len, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EPROTONOSUPPORT);

	/* an attribute that nobody knows, and one that this command does not take */
	len = request(buf, SLUICE_CMD_STATUS, 0, 7);
	memcpy(buf + len, (uint16_t[]){ 8, SLUICE_A_MAX + 1, 0, 0 }, 8);
	((struct nlmsghdr *)buf)->nlmsg_len += 8;
	send(fd, buf, len + 8, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EINVAL);
	assert_int_equal(offset, len);
	memcpy(buf + len, (uint16_t[]){ 8, SLUICE_A_FLAGS, 1, 0 }, 8);
	send(fd, buf, len + 8, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EINVAL);
	assert_string_equal(sentence, "FLAGS is not taken by this command");

	/* more than a datagram may have */
	assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EMSGSIZE);

	/* several in one datagram are each answered, up to the one that is broken */
	len = request(buf, SLUICE_CMD_CONFIRM, 0, 21);
	len += request(buf + len, SLUICE_CMD_CONFIRM, 0, 22);
	send(fd, buf, len + 3, 0);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -ENOENT);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -ENOENT);
	assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), -EBADMSG);

	/* a flood of noise, answers read or not */
	for (int i = 0; i < 20000; i++) {
		ssize_t n;

		for (size_t k = 0; k < 64; k += 8) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			memcpy(buf + k, &rng, 8);
		}
		if (i & 1) {	/* near a real one */
			request(buf, 1 + (rng >> 40) % SLUICE_CMD_MAX, rng >> 50 & 0xfff0, i);
			((struct nlmsghdr *)buf)->nlmsg_len = 20 + (rng >> 20) % 44;
		}
		n = send(fd, buf, 64, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			while (recv(fd, big, sizeof(big), MSG_DONTWAIT) > 0)
				;
		}
	}
	close(fd);
	assert_true(soon(one_conn, d));
	good(c, client_status(c, &st));
	assert_int_equal(st.txns, 0);
	/* some of it was a commit or a roll-back, and asked for properly */
	assert_true(st.running == st.applied);
	apply(c, "a", "text");
	expect_document(c, CLIENT_RUNNING, "a", "text", 4);
	client_free(c);
}

/* Under its socket's mode others cannot connect at all; if they could, they would be refused. */
static void others_may_not(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d);
	struct client_status st;
	struct stat mode;
	int status;
	pid_t pid;

	assert_int_equal(stat(d->path, &mode), 0);
	assert_int_equal(mode.st_mode & 07777, 0660);
	good(c, client_status(c, &st));
	client_free(c);
	if (geteuid()) {
		skip();
		return;
	}
	assert_int_equal(chmod(d->dir, 0755), 0);
	for (int opened = 0; opened < 2; opened++) {
		if (opened)
			assert_int_equal(chmod(d->path, 0666), 0);
		pid = fork();
		if (!pid) {
			int err;

			if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
				_exit(9);
			c = client_new();
			err = client_open(c, d->path, NULL);
			if (opened && !err)
				err = client_status(c, &st);
			_exit(err == (opened ? -EPERM : -EACCES) &&
			      strstr(client_error(c), "members of") ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void the_path_is_looked_after(void **state)
{
	struct daemon *d = *state;
	const struct server_callbacks none = { .watch = watch, .closed = closed, .wake = wake,
					       .ctx = d };
	struct store_limits limits = store_limits_default();
	struct store *store = store_new(&limits);
	struct server *s = server_new(store, &none);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[200];
	int fd;

	/* somebody serves it */
	assert_int_equal(server_listen(s, d->path, -1), -EADDRINUSE);
	assert_int_equal(access(d->path, F_OK), 0);
	/* something else is there */
	snprintf(path, sizeof(path), "%s/file", d->dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(server_listen(s, path, -1), -EEXIST);
	assert_int_equal(unlink(path), 0);
	/* left over from one that was killed */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/old", d->dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_true(server_listen(s, addr.sun_path, getegid()) >= 0);
	memset(path, 'x', sizeof(path));
	path[199] = '\0';
	assert_int_equal(server_listen(s, path, -1), -ENAMETOOLONG);
	server_free(s);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
	store_free(store);
}

/* --- a compiler on another connection ---------------------------------------------------------- */

static const struct nlmsghdr *raw_next(int fd, char *buf, size_t size, struct message *m)
{
	struct message_error e;
	size_t pos = 0;
	ssize_t n;

	do {
		n = recv(fd, buf, size, 0);
		assert_true(n > 0);
		pos = 0;
		assert_non_null(message_split(buf, n, &pos, &e));
	} while (((struct nlmsghdr *)buf)->nlmsg_type != SLUICE_UNIX_TYPE);
	assert_int_equal(message_answer((void *)buf, m, &e), 0);
	return (void *)buf;
}

static void *commit_in_thread(void *arg)
{
	struct daemon *d = arg;
	struct client *c = connected(d);
	struct client_verdict *v = xcalloc(1, sizeof(*v));

	if (client_begin(c, NULL) || client_put_document(c, "a", "x", 1) ||
	    client_commit(c, &(struct client_commit){}, v))
		v->message = xstrdup(client_error(c));
	client_free(c);
	return v;
}

static void a_compiler_elsewhere(void **state)
{
	struct daemon *d = *state;
	char buf[8192] __attribute__((aligned(4))), sentence[256];
	struct client *c = connected(d);
	struct client_verdict *v, refused;
	struct message_out o;
	struct message m;
	pthread_t committer;
	uint32_t offset;
	int fd = raw_connect(d);

	/* nobody is bound: refused, in words, and the transaction is still there */
	good(c, client_begin(c, NULL));
	assert_int_equal(client_commit(c, &(struct client_commit){}, &refused), -ENOTCONN);
	assert_non_null(strstr(client_error(c), "no compiler is bound"));
	good(c, client_abort(c));

	for (int dies = 0; dies < 2; dies++) {
		send(fd, buf, request(buf, SLUICE_CMD_BIND, 0, 1), 0);
		raw_next(fd, buf, sizeof(buf), &m);
		assert_int_equal(m.cmd, SLUICE_CMD_BIND);
		assert_int_equal(m.generation, dies);
		assert_int_equal(pthread_create(&committer, NULL, commit_in_thread, d), 0);
		raw_next(fd, buf, sizeof(buf), &m);
		assert_int_equal(m.cmd, SLUICE_CMD_COMMIT);
		assert_int_equal(m.generation, dies + 1);
		if (dies) {
			close(fd);
		} else {
			/* one that is not the compiler has no say */
			int other = raw_connect(d);

			message_start(&o, buf, sizeof(buf), SLUICE_CMD_VERDICT,
				      NLM_F_REQUEST | NLM_F_ACK, 5);
			message_put_u64(&o, SLUICE_A_GENERATION, 1);
			message_put_u32(&o, SLUICE_A_ACCEPTED, 1);
			message_put_string(&o, SLUICE_A_MESSAGE, "from afar", 9);
			send(other, buf, message_len(&o), 0);
			assert_int_equal(raw_error(other, sentence, sizeof(sentence), &offset),
					 -EPERM);
			close(other);
			send(fd, buf, message_len(&o), 0);
			assert_int_equal(raw_error(fd, sentence, sizeof(sentence), &offset), 0);
		}
		pthread_join(committer, (void **)&v);
		assert_int_equal(v->accepted, !dies);
		if (dies)
			assert_string_equal(v->message, "the compiler went away before its verdict");
		else
			assert_non_null(strstr(v->message, "from afar"));
		client_verdict_free(v);
		free(v);
		if (!dies) {
			close(fd);
			fd = raw_connect(d);
			/* until the first is seen to be gone, there is a compiler */
			for (struct client_status st = { .compiler = true }; st.compiler;)
				good(c, client_status(c, &st));
		}
	}
	client_free(c);
}

/* The same by our own client: what it is told, what it reads, and what it says. */
static void a_client_compiles(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d), *second = connected(d), *monitor = connected(d);
	struct client_verdict *v;
	char long_text[SLUICE_MESSAGE_MAX + 10];
	struct client_event e;
	uint64_t running = 99;
	pthread_t committer;

	assert_int_equal(client_home(c), SLUICE_HOME_DAEMON);
	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_EVENTS));
	assert_int_equal(client_verdict(c, 0, true, NULL), -EPERM);
	assert_int_equal(client_send_event(c, "early", NULL), -EPERM);
	good(c, client_bind(c, 0, &running));
	assert_int_equal(running, 0);
	assert_int_equal(client_bind(second, 0, NULL), -EBUSY);
	assert_non_null(strstr(client_error(second), "a compiler is bound already"));

	assert_int_equal(pthread_create(&committer, NULL, commit_in_thread, d), 0);
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

/* Without the module the choice falls on the socket, and who insists is told why. */
static void the_home_is_found(void **state)
{
	struct daemon *d = *state;
	struct client *c = client_new();
	int err = client_open_module(c, NULL);

	if (!err) {
		client_free(c);
		skip();		/* this kernel has the module */
	}
	assert_int_equal(err, -ENOENT);
	assert_non_null(strstr(client_error(c), "the kernel module is not loaded"));
	assert_int_equal(client_home(c), SLUICE_HOME_UNSPEC);
	assert_int_equal(client_open_module(c, "../up"), -EINVAL);
	assert_int_equal(client_open_module(c, "no-such-namespace"), -ENOENT);
	good(c, client_open_either(c, d->path, NULL));
	assert_int_equal(client_home(c), SLUICE_HOME_DAEMON);
	good(c, client_begin(c, NULL));
	client_free(c);
}

/* The time to confirm ran out while nobody was there: who binds finds it done. */
static void a_return_before_binding(void **state)
{
	struct daemon d = { .wake_at = 5 };
	const struct server_callbacks callbacks = {
		.ctx = &d, .compile = compile, .watch = watch, .closed = closed, .wake = wake,
		.now_ms = clock_ms,
	};
	struct store_limits limits = store_limits_default();
	struct store_restored first = { .number = 4, .first = true }, second = { .number = 5 };
	struct store_owner *o;
	struct store_error e;
	uint64_t running;

	(void)state;
	d.store = store_new(&limits);
	o = store_owner_open(d.store, NULL);
	assert_int_equal(store_begin(d.store, o, &running, &e), 0);
	assert_int_equal(store_restore(d.store, o, &first, &e), 0);
	assert_int_equal(store_begin(d.store, o, &running, &e), 0);
	assert_int_equal(store_restore(d.store, o, &second, &e), 0);
	assert_int_equal(store_restore_end(d.store, 5, 1, clock_ms(&d) - 10, &e), 0);
	store_owner_close(d.store, o);
	d.server = server_new(d.store, &callbacks);
	assert_int_equal(server_bind(d.server, 5, &running), 0);
	assert_int_equal(running, 6);
	assert_int_equal(d.returned, 0);
	assert_int_equal(server_verdict(d.server, 6, true, NULL), 0);
	server_free(d.server);
	store_free(d.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(documents_of_any_size),
		T(verdicts_reach_the_committer),
		T(refusals_say_what_and_where),
		T(waits_for_confirmation),
		T(events_tell_the_story),
		T(a_hundred_thousand_objects),
		T(so_many_clients_and_no_more),
		T(eight_at_once),
		T(one_that_does_not_read),
		T(garbage_and_floods),
		T(others_may_not),
		T(the_path_is_looked_after),
		cmocka_unit_test(a_return_before_binding),
		cmocka_unit_test_setup_teardown(a_compiler_elsewhere, setup_without_compiler,
						teardown),
		cmocka_unit_test_setup_teardown(a_client_compiles, setup_without_compiler,
						teardown),
		T(the_home_is_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

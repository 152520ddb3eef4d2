// SPDX-License-Identifier: GPL-2.0
/*
 * The server of the store's messages where it differs from the module: its queues, its socket and
 * who may use it, and the compiler in its own process, which is told what to answer by the documents
 * themselves: "reject" is rejected, "later" is answered after a while, "never" not at all.
 * test_transport.c has what is the same with the module.
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
#include "store_client.h"
#include "store_compiler.h"
#include "store_server.h"

/* --- the daemon of this test ------------------------------------------------------- */

struct daemon {
	struct store_server s;	/* first: the callbacks' context */
	uint64_t compiling;
	atomic_uint saves, returned;
};

static void compile(void *ctx, uint64_t generation, bool returned)
{
	struct compiled c = {};
	struct daemon *d = ctx;
	char message[100];
	const char *why;

	d->returned += returned;
	if (server_documents(d->s.server, generation, compile_document, &c, &why)) {
		server_verdict(d->s.server, generation, false, why);
		return;
	}
	snprintf(message, sizeof(message), "%u documents, %zu bytes", c.documents, c.bytes);
	d->compiling = generation;
	d->s.later_at = c.later ? clock_ms(d) + 50 : 0;
	if (c.reject)
		server_verdict(d->s.server, generation, false, "line 1\nline 2");
	else if (!c.later && !c.never)
		server_verdict(d->s.server, generation, true, message);
}

static const char *save(void *ctx)
{
	struct daemon *d = ctx;

	return ++d->saves == 1 ? "the first save of a test always fails" : NULL;
}

static void obey(struct store_server *s, char order)
{
	if (order == 'e')
		server_event(s->server, "feed-gap", "{\"lost\":3}");
	if (order == 'E')
		for (int i = 0; i < 20000; i++)
			server_event(s->server, "flood", "{\"text\":\"...............................\"}");
}

static void later(struct store_server *s)
{
	struct daemon *d = (struct daemon *)s;

	server_verdict(s->server, d->compiling, true, "late, but good");
}

static int setup(void **state)
{
	struct store_limits limits = store_limits_default();
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->s.obey = obey;
	d->s.later = later;
	start(&d->s, &limits, compile, save);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	stop(&d->s);
	free(d);
	return 0;
}

/* --- clients ----------------------------------------------------------------------- */

static struct client *connected(struct daemon *d)
{
	struct client *c = client_new();

	good(c, client_open(c, d->s.path, NULL));
	return c;
}

/* A socket without our client, to say what a client would not. */
static int raw_connect(struct daemon *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 10 };

	strcpy(addr.sun_path, d->s.path);
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

static void the_compiler_in_the_same_process(void **state)
{
	struct daemon *d = *state;
	struct client *c = connected(d);
	struct client_verdict v;
	struct client_status st;

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "first", 5));
	good(c, client_commit(c, &(struct client_commit){}, &v));
	assert_true(v.accepted);
	assert_string_equal(v.message, "the first save of a test always fails\n1 documents, 5 bytes");
	client_verdict_free(&v);
	good(c, client_status(c, &st));
	assert_int_equal(st.home, SLUICE_HOME_DAEMON);
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

	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "never", 5));
	assert_int_equal(client_commit(c, &(struct client_commit){ .wait_ms = 30 }, &v), -ETIMEDOUT);
	client_free(c);

	/* others are told why they must wait, until the store waits no longer */
	c = connected(d);
	good(c, client_begin(c, NULL));
	assert_int_equal(client_commit(c, &(struct client_commit){}, &v), -EBUSY);
	assert_string_equal(client_error(c), "another candidate waits for its verdict");
	d->s.ahead_ms += 10 * 60 * 1000;
	for (int i = 0; client_commit(c, &(struct client_commit){}, &v) == -EBUSY && i < 200; i++)
		usleep(10000);
	assert_string_equal(client_error(c), "");
	client_verdict_free(&v);
	client_free(c);
}

static bool is_back(void *ctx)
{
	struct client_status st;

	good(ctx, client_status(ctx, &st));
	return st.running == 3 && st.applied == 3;
}

/* Its callbacks, when nobody confirms: to keep what runs now, and to compile it. */
static void goes_back_by_its_clock(void **state)
{
	struct client_commit how = { .confirm_timeout_ms = SLUICE_CONFIRM_TIMEOUT_MAX };
	struct daemon *d = *state;
	struct client *c = connected(d);
	struct client_verdict v;

	apply(c, "a", "good");
	good(c, client_begin(c, NULL));
	good(c, client_put_document(c, "a", "bad", 3));
	good(c, client_commit(c, &how, &v));
	client_verdict_free(&v);
	assert_int_equal(d->saves, 2);
	d->s.ahead_ms += SLUICE_CONFIRM_TIMEOUT_MAX + 1;
	assert_true(soon(is_back, c));
	assert_int_equal(d->returned, 1);
	assert_true(d->saves >= 3);
	expect_document(c, CLIENT_RUNNING, "a", "good", 4);
	client_free(c);
}

/* --- events ---------------------------------------------------------------------------- */

/* More than a queue holds: some come, one says that others were lost, then they go on. */
static void a_flood_of_events(void **state)
{
	struct daemon *d = *state;
	struct client *monitor = connected(d);
	struct client_event e;

	good(monitor, client_subscribe(monitor, 1 << SLUICE_GROUP_EVENTS));
	order(&d->s, 'e');
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_string_equal(e.name, "feed-gap");
	assert_string_equal(e.text, "{\"lost\":3}");
	order(&d->s, 'E');
	usleep(100000);
	for (int i = 0; i <= 20000; i++) {
		good(monitor, client_next_event(monitor, &e, 10000));
		if (e.lost)
			break;
		assert_string_equal(e.name, "flood");
		assert_true(i < 20000);
	}
	assert_true(e.lost);
	order(&d->s, 'e');
	good(monitor, client_next_event(monitor, &e, 10000));
	assert_string_equal(e.name, "feed-gap");
	/* and requests are answered on the same connection */
	assert_int_equal(client_confirm(monitor, CLIENT_RUNNING), -ENOENT);
	client_free(monitor);
}

/* --- many and much ----------------------------------------------------------------------- */

static bool no_conns(void *ctx)
{
	return !((struct daemon *)ctx)->s.open_conns;
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

/* --- those who do not behave ----------------------------------------------------------------- */

static size_t request(void *buf, enum sluice_cmd cmd, uint16_t flags, uint32_t seq)
{
	struct message_out o;

	message_start(&o, buf, 4096, cmd, NLM_F_REQUEST | flags, seq);
	return message_len(&o);
}

static bool one_conn(void *ctx)
{
	return ((struct daemon *)ctx)->s.open_conns == 1;
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
	d->s.ahead_ms += SERVER_STALL_MS + 1;
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

	assert_int_equal(stat(d->s.path, &mode), 0);
	assert_int_equal(mode.st_mode & 07777, 0660);
	good(c, client_status(c, &st));
	client_free(c);
	if (geteuid()) {
		skip();
		return;
	}
	assert_int_equal(chmod(d->s.dir, 0755), 0);
	for (int opened = 0; opened < 2; opened++) {
		if (opened)
			assert_int_equal(chmod(d->s.path, 0666), 0);
		pid = fork();
		if (!pid) {
			int err;

			if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
				_exit(9);
			c = client_new();
			err = client_open(c, d->s.path, NULL);
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
	assert_int_equal(server_listen(s, d->s.path, -1), -EADDRINUSE);
	assert_int_equal(access(d->s.path, F_OK), 0);
	/* something else is there */
	snprintf(path, sizeof(path), "%s/file", d->s.dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(server_listen(s, path, -1), -EEXIST);
	assert_int_equal(unlink(path), 0);
	/* left over from one that was killed */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/old", d->s.dir);
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
	good(c, client_open_either(c, d->s.path, NULL));
	assert_int_equal(client_home(c), SLUICE_HOME_DAEMON);
	good(c, client_begin(c, NULL));
	client_free(c);
}

/* The time to confirm ran out while nobody was there: who binds finds it done. */
static void a_return_before_binding(void **state)
{
	struct daemon d = { .s.wake_at = 5 };
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
	d.s.store = store_new(&limits);
	o = store_owner_open(d.s.store, NULL);
	assert_int_equal(store_begin(d.s.store, o, &running, &e), 0);
	assert_int_equal(store_restore(d.s.store, o, &first, &e), 0);
	assert_int_equal(store_begin(d.s.store, o, &running, &e), 0);
	assert_int_equal(store_restore(d.s.store, o, &second, &e), 0);
	assert_int_equal(store_restore_end(d.s.store, 5, 1, clock_ms(&d) - 10, &e), 0);
	store_owner_close(d.s.store, o);
	d.s.server = server_new(d.s.store, &callbacks);
	assert_int_equal(server_bind(d.s.server, 5, &running), 0);
	assert_int_equal(running, 6);
	assert_int_equal(d.returned, 0);
	assert_int_equal(server_verdict(d.s.server, 6, true, NULL), 0);
	server_free(d.s.server);
	store_free(d.s.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(the_compiler_in_the_same_process),
		T(the_path_is_looked_after),
		T(the_home_is_found),
		T(goes_back_by_its_clock),
		T(a_flood_of_events),
		T(so_many_clients_and_no_more),
		T(one_that_does_not_read),
		T(garbage_and_floods),
		T(others_may_not),
		cmocka_unit_test(a_return_before_binding),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

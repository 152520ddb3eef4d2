// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of sluice: what it makes of its arguments, of a daemon's answers, and of a
 * daemon that is not there or of another version.
 *
 * The daemon is a process of this test that answers from the file cli/answers, by the
 * whole request: a verb that asks anything else fails. What verbs print is compared with
 * the files cli/NAME.out; GOLDEN=write writes them anew, to be reviewed as a diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "netlink/message.h"

#define FOLDER	"selftests/unit/cli/"
#define WORDS	16

static char sluice[4096], dir[] = "/tmp/test_cli.XXXXXX";

/* ---- the daemon's place ------------------------------------------------------- */

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= n;
	}
}

/* The answers with times put in. */
static void read_answers(struct text *out)
{
	struct text raw = { 0 };
	const char *at, *now;

	assert_int_equal(text_read_file(&raw, FOLDER "answers", 1 << 20), 0);
	for (at = raw.data; (now = strstr(at, ":NOW-")); ) {
		char *end;
		long ago = strtol(now + 5, &end, 10);

		text_append(out, at, now - at);
		text_printf(out, ":%ld", (long)time(NULL) - ago);
		at = end;
	}
	text_printf(out, "%s", at);
	text_free(&raw);
}

/* An answer that does not end in end or error ends with the connection. Return: whether it goes on. */
static bool answer(int fd, const char *answers, const char *request)
{
	char head[8192], *end;
	const char *at;

	snprintf(head, sizeof(head), "\n> %s\n", request);
	at = strstr(answers, head);
	if (!at) {
		snprintf(head, sizeof(head), "{\"error\":\"the test did not expect this request\"}\n");
		write_all(fd, head, strlen(head));
		fprintf(stderr, "unexpected request: %s\n", request);
		return true;
	}
	at += strlen(head);
	end = strstr(at, "\n> ");
	write_all(fd, at, end ? end + 1 - at : (ptrdiff_t)strlen(at));
	return strncmp(end ? end - 12 : "", "{\"end\":true}", 12) == 0 || strncmp(at, "{\"error\"", 8) == 0;
}

static void serve(int fd, const char *answers)
{
	struct text in = { 0 };
	char block[4096];
	bool goes_on = true;
	ssize_t n;

	while (goes_on && (n = read(fd, block, sizeof(block))) > 0) {
		char *end;

		text_append(&in, block, n);
		while (goes_on && (end = memchr(in.data, '\n', in.len))) {
			*end = '\0';
			goes_on = answer(fd, answers, in.data);
			in.len -= end + 1 - in.data;
			memmove(in.data, end + 1, in.len);
		}
	}
	text_free(&in);
	close(fd);
}

static pid_t start_daemon(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct text answers = { 0 };
	pid_t pid;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/query.sock", dir);
	unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	read_answers(&answers);
	pid = fork();
	if (pid == 0) {
		for (;;)
			serve(accept(fd, NULL, NULL), text_string(&answers));
	}
	close(fd);
	text_free(&answers);
	return pid;
}

static void stop_daemon(pid_t pid)
{
	char path[128];

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/query.sock", dir);
	unlink(path);
}

/* ---- running sluice ------------------------------------------------------------- */

struct run {
	int code;		/* exit code, -1: ended by a signal */
	struct text out, err;
};

static void run_free(struct run *r)
{
	text_free(&r->out);
	text_free(&r->err);
}

static int open_file(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", dir, name);
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* @line: the arguments, a blank between them. @input: standard input. */
static struct run run(const char *line, const char *input)
{
	char words[1024], *argv[WORDS + 2] = { "sluice" }, *rest;
	char in_path[128], out_path[128], err_path[128];
	int in = open_file("in", in_path, sizeof(in_path));
	int out = open_file("out", out_path, sizeof(out_path));
	int err = open_file("err", err_path, sizeof(err_path));
	struct run r = { 0 };
	int n = 1, status;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &rest); w && n <= WORDS; w = strtok_r(NULL, " ", &rest))
		argv[n++] = w;
	assert_int_equal(write(in, input, strlen(input)), strlen(input));
	lseek(in, 0, SEEK_SET);
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		dup2(err, 2);
		setenv("SLUICE_RUN_DIR", dir, 1);
		execv(sluice, argv);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(in);
	close(out);
	close(err);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	assert_int_equal(text_read_file(&r.out, out_path, 1 << 20), 0);
	assert_int_equal(text_read_file(&r.err, err_path, 1 << 20), 0);
	return r;
}

/* ---- tests: arguments -------------------------------------------------------------- */

/* Each with its exit code, and what standard error must say (or, where it is empty, output). */
static const struct {
	const char *arguments;
	int code;
	const char *says;
} argument_cases[] = {
	{ "", 2, "usage: sluice [OPTIONS] OBJECT" },
	{ "-h", 0, "usage: sluice [OPTIONS] OBJECT" },
	{ "--help", 0, "counter  show" },
	{ "help", 0, "usage:" },
	{ "-V", 0, "sluice " },
	{ "--vers", 0, "sluice " },
	{ "route get -h", 0, "usage: sluice [OPTIONS] route get [--rib FILE]" },
	{ "check --help", 0, "usage: sluice [OPTIONS] check" },
	{ "core", 2, "which file?" },
	{ "core --read --sources x", 2, "neither objects nor rules" },
	{ "core --plain --sources x", 2, "a plain expression has no rules" },
	{ "core --budget 1 x", 2, "\"1\" is no size of memory" },
	{ "core --read /nonexistent", 1, "cannot read /nonexistent" },
	{ "-h route get", 0, "usage: sluice [OPTIONS] route get" },
	{ "frob", 2, "there is no \"frob\"" },
	{ "statuses", 2, "there is no \"statuses\"" },
	{ "po", 2, "\"po\" may mean policy, port" },
	{ "rou frob", 2, "there is no \"route frob\": there is show, get, add, replace, del, flush" },
	{ "port get", 2, "there is no \"port get\": there is show, add, replace, del, flush" },
	{ "-x status", 2, "unknown option -x" },
	{ "--frob status", 2, "unknown option --frob" },
	{ "status --frob", 2, "unknown option --frob" },
	{ "-- status", 2, "unknown option --" },
	{ "--json=yes status", 2, "option --json takes no value" },
	{ "-n", 2, "option -n needs a value" },
	{ "status --netns", 2, "option --netns needs a value" },
	{ "-n ../x status", 2, "\"../x\" is not a name of a network namespace" },
	{ "-n . status", 2, "is not a name" },
	{ "--netns= status", 2, "is not a name" },
	{ "status now", 2, "\"now\" is too much" },
	{ "monitor all", 2, "\"all\" is too much" },
	{ "port show a b", 2, "\"b\" is too much" },
	{ "flow show --limit x", 2, "--limit takes a number" },
	{ "flow show --limit=-1", 2, "--limit takes a number" },
	{ "top --interval 0", 2, "--interval takes seconds" },
	{ "top -i nan", 2, "--interval takes seconds" },
	{ "route show 10.0.0.0/33", 2, "\"10.0.0.0/33\" is not a prefix" },
	{ "route get", 2, "which address?" },
	{ "route get 10.0.0.1 10.0.0.256", 2, "\"10.0.0.256\" is not an address" },
	{ "route get --rib", 2, "option --rib needs a value" },
	{ "route get --rib /nonexistent 10.0.0.1", 1, "/nonexistent" },
	{ "route get - -", 2, "standard input can be read once only" },
	{ "route get --rib - 10.0.0.1 -", 2, "standard input can be read once only" },
	{ "check", 2, "which file shall be checked?" },
	{ "ro", 2, "\"ro\" may mean rollback, route" },
	{ "apply", 2, "which file shall be applied?" },
	{ "apply --confirm 60 x", 2, "\"60\" is not a time to confirm within" },
	{ "apply --confirm 25h x", 2, "1ms to 24h" },
	{ "apply --confirm 0s x", 2, "1ms to 24h" },
	{ "confirm x", 2, "\"x\" is not the number of a generation" },
	{ "confirm 1 2", 2, "\"2\" is too much" },
	{ "rollback -- -1", 2, "\"-1\" is not the number of a generation" },
	{ "rollback 18446744073709551616", 2, "is not the number" },
	{ "rollback --confirm soon", 2, "\"soon\" is not a time" },
	{ "history 1", 2, "\"1\" is too much" },
	/* typed objects: each mistake by itself, and which word it is */
	{ "port add", 2, "which port?" },
	{ "port add wan", 2, "which interface?" },
	{ "port add 1st eth0", 2, "\"1st\" is not the name of a port" },
	{ "port add a--b eth0", 2, "\"a--b\" is not the name of a port" },
	{ "port add host eth0", 2, "\"host\" is this host itself" },
	{ "port add wan a/b", 2, "\"a/b\" is not the name of an interface" },
	{ "port add wan abcdefghijklmnop", 2, "is not the name of an interface" },
	{ "port add wan eth0 generic", 2, "\"generic\" is not understood here" },
	{ "port add wan eth0 mode", 2, "\"mode\" needs a value" },
	{ "port add wan eth0 mode fast", 2, "\"fast\" is not a mode" },
	{ "port add wan eth0 mode native mode native", 2, "\"mode\" is given twice" },
	{ "port del wan eth0", 2, "\"eth0\" is too much" },
	{ "port flush wan", 2, "\"wan\" is too much" },
	{ "route add", 2, "which prefix?" },
	{ "route add 10.0.0.0/8", 2, "where to: via ADDRESS port NAME" },
	{ "route add 10.0.0.1/8 discard", 2, "hint: the prefix is 10.0.0.0/8" },
	{ "route add 10.0.0.0/33 discard", 2, "\"10.0.0.0/33\" is not an address or a prefix" },
	{ "route add 10.0.0.0/8 via 10.1.1.1", 2, "out of which port?" },
	{ "route add 10.0.0.0/8 via 10.1.1 port wan", 2, "\"10.1.1\" is not the address of a next hop" },
	{ "route add 10.0.0.0/8 via 2001:db8::1 port wan", 2, "is not of the family of 10.0.0.0/8" },
	{ "route add 10.0.0.0/8 discard port wan", 2, "a route that discards has no next hop" },
	{ "route add default discard discard", 2, "\"discard\" is given twice" },
	{ "route del 10.0.0.0/8 via 10.1.1.1", 2, "\"via\" is not understood here" },
	{ "route flush 10.0.0.0/8", 2, "\"10.0.0.0/8\" is not understood here" },
	{ "group add 239.1.1.1 to fa", 2, "from which port?" },
	{ "group add 239.1.1.1 from wan", 2, "to which port?" },
	{ "group add 10.1.1.1 from wan to fa", 2, "\"10.1.1.1\" is not a multicast group" },
	{ "group add 239.1.0.1/16 from wan to fa", 2, "hint: the prefix is 239.1.0.0/16" },
	{ "group add 239.1.1.1 from wan to fa vlan 4095", 2, "\"4095\" is not a VLAN: 1 to 4094" },
	{ "group add 239.1.1.1 from wan to fa ttl 0", 2, "\"0\" is not a TTL: 1 to 255" },
	{ "group add 239.1.1.1 source ::1 from wan to fa", 2, "is not of the group's family" },
	{ "group del 239.1.1.1 from wan to fa ttl 3", 2, "\"ttl\" is not understood here" },
	{ "group flush 239.1.1.1 to fa", 2, "\"to\" is not understood here" },
	{ "set add", 2, "which set?" },
	{ "set add bad", 2, "which element?" },
	{ "set add bad 10.0.0.1 timeout 10", 2, "\"10\" is not a time" },
	{ "set add bad 10.0.0.1 timeout 50d", 2, "\"50d\" is not a time" },
	{ "set add bad 10.0.0.1 timeout 1200h", 2, "\"1200h\" is not a time" },
	{ "set flush bad 10.0.0.1", 2, "\"10.0.0.1\" is too much" },
	{ "set show a b", 2, "\"b\" is too much" },
	{ "object show --generation x", 2, "\"x\" is not the number of a generation" },
	{ "-batch", 2, "option -batch needs a value" },
	{ "batch", 2, "which file has the commands?" },
	{ "-batch a b", 2, "\"b\" is too much" },
	{ "-batch a -force -atomic", 2, "-force goes on after a mistake" },
	{ "batch --confirm 60s a", 2, "are for one transaction: -atomic" },
	{ "-batch /nonexistent", 1, "cannot read /nonexistent" },
	{ "replay", 2, "--policy is missing" },
	{ "replay --policy x", 2, "--pcap is missing" },
	{ "replay --policy x --pcap y --engine z", 2, "there is no engine \"z\": bpf, eval or both" },
	{ "replay --policy /nonexistent.sluice --pcap y", 1, "/nonexistent.sluice" },
	{ "check /nonexistent.sluice", 1, "/nonexistent.sluice" },
	{ "apply /nonexistent.sluice", 1, "/nonexistent.sluice" },
	{ "apply -", 1, "nothing came from standard input" },
	{ "apply /dev/stdin", 1, "hint: what was to write it may have failed" },
	{ "plan --against /dev/null -", 1, "nothing came from standard input" },
	/* nobody is there */
	{ "status", 3, "no sluiced is running" },
	{ "stat -jps", 3, "start it with 'sluiced' as root" },
	{ "-n red port", 3, "no sluiced is running for network namespace \"red\"" },
	{ "-nred port show", 3, "start it with 'sluiced -n red' as root" },
	{ "route get 10.0.0.1", 3, "no sluiced is running" },
	{ "top", 3, "no sluiced is running" },
	{ "monitor", 3, "hint: start it with 'sluiced' as root" },
	{ "confirm", 3, "hint: start it with 'sluiced' as root" },
	{ "rollback 3", 3, "hint: start it with 'sluiced' as root" },
	{ "port add wan eth0", 3, "hint: start it with 'sluiced' as root" },
	{ "set show", 3, "hint: start it with 'sluiced' as root" },
	{ "-batch /dev/null", 3, "hint: start it with 'sluiced' as root" },
	{ "history", 3, "hint: start it with 'sluiced' as root" },
};

static void test_arguments(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(argument_cases) / sizeof(argument_cases[0]); i++) {
		struct run r = run(argument_cases[i].arguments, "");
		const char *said = text_string(r.code ? &r.err : &r.out);

		if (r.code != argument_cases[i].code || !strstr(said, argument_cases[i].says) ||
		    (r.code && r.out.len)) {
			print_error("sluice %s: exit code %d for %d; output:\n%serrors:\n%s",
				    argument_cases[i].arguments, r.code, argument_cases[i].code,
				    text_string(&r.out), text_string(&r.err));
			wrong++;
		}
		run_free(&r);
	}
	assert_int_equal(wrong, 0);
}

/* ---- tests: what is shown ------------------------------------------------------------ */

static const struct {
	const char *name;	/* of FOLDER NAME.out */
	const char *arguments;
	int code;
	const char *input;
} golden_cases[] = {
	{ "status", "status", 0, "" },
	{ "status-statistics", "status -s", 0, "" },
	{ "port", "port", 0, "" },
	{ "port-one", "por sh app", 0, "" },
	{ "port-none", "port show lan", 1, "" },
	{ "port-statistics", "-s port show", 0, "" },
	{ "port-json", "port show --json", 0, "" },
	{ "port-pretty", "-p port show app", 0, "" },
	{ "route", "route show", 0, "" },
	{ "route-statistics", "rou s -s", 0, "" },
	{ "route-prefix", "route show 10.1.0.0/8", 0, "" },
	{ "route-get", "route get 10.1.2.3 203.0.113.9 2001:db8::1", 0, "" },
	{ "route-get-input", "route get -", 1,
	  "# addresses\n10.1.2.3\n\n  203.0.113.9   # there\nnonsense\n2001:db8::1" },
	{ "route-get-disagrees", "route get 10.1.2.4", 1, "" },
	{ "group", "group", 0, "" },
	{ "flow", "flow", 0, "" },
	{ "flow-first", "flow show mice", 0, "" },
	{ "flow-none", "flow show --limit 3", 0, "" },
	{ "counter", "counter show", 0, "" },
	{ "policy", "policy show", 0, "" },
	{ "policy-counters", "policy show --counters fw.sluice", 0, "" },
	{ "policy-counters-exact", "policy show --counters -s fw.sluice", 0, "" },
	{ "policy-counters-json", "-j policy show --counters", 0, "" },
	{ "top", "top --interval 0.1", 0, "" },
	{ "answer-rubbish", "policy show rubbish", 3, "" },
	{ "answer-list", "policy show list", 3, "" },
	{ "answer-half", "policy show half", 3, "" },
};

/* Output and errors in one text, with the version that sluice says it is taken out. */
static void both(const struct run *r, const char *version, struct text *out)
{
	const char *at, *found;

	text_printf(out, "%s", text_string(&r->out));
	for (at = text_string(&r->err); (found = strstr(at, version)); at = found + strlen(version)) {
		text_append(out, at, found - at);
		text_printf(out, "VERSION");
	}
	text_printf(out, "%s", at);
}

static bool compare_golden(const char *name, const struct text *got)
{
	bool write = getenv("GOLDEN") && !strcmp(getenv("GOLDEN"), "write"), same;
	struct text wanted = { 0 };
	char path[256];

	snprintf(path, sizeof(path), FOLDER "%s.out", name);
	if (write)
		text_write_file(path, text_string(got), got->len, 0644);
	text_read_file(&wanted, path, 1 << 20);
	same = !strcmp(text_string(&wanted), text_string(got));
	if (!same)
		print_error("%s: wanted\n%sgot\n%s", path, text_string(&wanted), text_string(got));
	text_free(&wanted);
	return same;
}

static void test_golden(void **state)
{
	struct run version = run("-V", "");
	pid_t daemon = start_daemon();
	int wrong = 0;

	(void)state;
	version.out.data[version.out.len - 1] = '\0';	/* "sluice 0.1": the line's end goes */
	for (size_t i = 0; i < sizeof(golden_cases) / sizeof(golden_cases[0]); i++) {
		struct run r = run(golden_cases[i].arguments, golden_cases[i].input);
		struct text got = { 0 };

		both(&r, version.out.data, &got);
		if (r.code != golden_cases[i].code) {
			print_error("sluice %s: exit code %d\n%s", golden_cases[i].arguments, r.code,
				    text_string(&r.err));
			wrong++;
		}
		wrong += !compare_golden(golden_cases[i].name, &got);
		text_free(&got);
		run_free(&r);
	}
	stop_daemon(daemon);
	run_free(&version);
	assert_int_equal(wrong, 0);
}

/* ---- tests: a store that goes away -------------------------------------------------------- */

/* Acknowledges what is asked, and ends the connection in place of what it is to fail at. */
static void serve_store(int fd, enum sluice_cmd fails_at)
{
	static _Alignas(4) uint8_t in[1 << 17];
	uint8_t out[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));
	struct message_error e, none = { 0 };
	const struct nlmsghdr *nlh;
	struct message m;
	ssize_t n;

	while ((n = recv(fd, in, sizeof(in), 0)) > 0) {
		size_t pos = 0;

		while ((nlh = message_split(in, n, &pos, &e))) {
			size_t len;

			if (message_request(nlh, &m, &e) || m.cmd == fails_at) {
				close(fd);
				return;
			}
			len = m.dump ? message_put_done(out, nlh->nlmsg_seq) :
				       message_put_error(out, nlh, &none);
			send(fd, out, len, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

/* As the server does when it has as many as it takes. */
static void turn_away(int fd)
{
	static const struct nlmsghdr nobody;
	uint8_t out[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));
	struct message_error e;

	message_fail(&e, -EUSERS, NULL, "as many clients are connected as may be");
	send(fd, out, message_put_error(out, &nobody, &e), MSG_NOSIGNAL);
	close(fd);
}

/* @fails_at: SLUICE_CMD_UNSPEC: nobody is let in. */
static pid_t start_store(enum sluice_cmd fails_at)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sluice.sock", dir);
	unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	while (pid == 0) {
		if (fails_at)
			serve_store(accept(fd, NULL, NULL), fails_at);
		else
			turn_away(accept(fd, NULL, NULL));
	}
	close(fd);
	return pid;
}

static void test_store_goes_away(void **state)
{
	static const struct {
		const char *arguments;
		enum sluice_cmd fails_at;
		const char *says;
	} cases[] = {
		{ "history", SLUICE_CMD_STATUS, "sluiced has ended or was started anew" },
		{ "history", SLUICE_CMD_UNSPEC, "hint: every 'sluice monitor' and every batch is one" },
		{ "confirm", SLUICE_CMD_STATUS, "closed the connection" },
		{ "object show", SLUICE_CMD_GET, "closed the connection" },
		{ "set show", SLUICE_CMD_GET, "closed the connection" },
		{ "monitor", SLUICE_CMD_SUBSCRIBE, "closed the connection" },
		{ "route add 10.0.0.0/8 discard", SLUICE_CMD_UNSPEC, "as many clients" },
		{ "route add 10.0.0.0/8 discard", SLUICE_CMD_SET, "closed the connection" },
		{ "route add 10.0.0.0/8 discard", SLUICE_CMD_COMMIT, "it is not known whether this was done" },
		{ "rollback", SLUICE_CMD_ROLLBACK, "hint: 'sluice history' shows what runs" },
		{ "apply -", SLUICE_CMD_TXN_BEGIN, "closed the connection" },
		{ "apply -", SLUICE_CMD_COMMIT, "it is not known whether this was done" },
		{ "apply -", SLUICE_CMD_COMMIT, "hint: 'sluice history' shows what runs" },
		{ "-batch - -atomic", SLUICE_CMD_COMMIT, "it is not known whether this was done" },
	};
	char path[128];
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t store = start_store(cases[i].fails_at);
		struct run r = run(cases[i].arguments, *cases[i].arguments == '-' ?
				   "route add 10.0.0.0/8 discard\n" : "route main;\n");

		if (r.code != 3 || !strstr(text_string(&r.err), cases[i].says)) {
			print_error("sluice %s: exit code %d; errors:\n%s", cases[i].arguments, r.code,
				    text_string(&r.err));
			wrong++;
		}
		kill(store, SIGKILL);
		waitpid(store, NULL, 0);
		run_free(&r);
	}
	snprintf(path, sizeof(path), "%s/sluice.sock", dir);
	unlink(path);
	assert_int_equal(wrong, 0);
}

/* ---- tests: check ---------------------------------------------------------------------- */

static void test_check(void **state)
{
	struct run r = run("check -", "port wan = \"eth0\";\nroute main;\n");

	(void)state;
	assert_int_equal(r.code, 0);
	run_free(&r);
	r = run("check --print -", "route   main ; port wan=\"eth0\";");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(text_string(&r.out), "port wan = \"eth0\";\n"));
	run_free(&r);
	r = run("check -", "port wan = ;\n");
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(text_string(&r.err), ":1:12: error: "));
	assert_int_equal(r.out.len, 0);
	run_free(&r);
	r = run("check -j -", "port wan = ;\n");
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(text_string(&r.out), "{\"object\":\"diagnostic\",\"level\":\"error\","));
	assert_non_null(strstr(text_string(&r.out), "\"line\":1,\"column\":12,"));
	assert_int_equal(r.err.len, 0);
	run_free(&r);
}

/* ---- tests: documentation ---------------------------------------------------------------- */

/* Else it is the first word of what a verb does that has no commands. */
static bool is_command(const char *word)
{
	static const char *const commands[] = { "show", "get", "add", "replace", "del", "flush" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(word, commands[i]))
			return true;
	return false;
}

/* Every verb has a section in the manual, and its words are completed. */
static void test_every_verb_is_documented(void **state)
{
	struct text man = { 0 }, completion = { 0 };
	struct run r = run("--help", "");
	char *line, *rest;
	int verbs = 0;

	(void)state;
	assert_int_equal(text_read_file(&man, "man/sluice.8", 1 << 20), 0);
	assert_int_equal(text_read_file(&completion, "tools/sluice/completion.bash", 1 << 20), 0);
	/* The list of verbs is what stands between the first two empty lines. */
	line = strstr(r.out.data, "\n\n") + 2;
	*strstr(line, "\n\n") = '\0';
	for (line = strtok_r(line, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char object[32], command[32], heading[96];

		assert_int_equal(sscanf(line, " %31s %31s", object, command), 2);
		if (!is_command(command))
			*command = '\0';
		snprintf(heading, sizeof(heading), "\n.Ss sluice %s%s%s%s", object,
			 *command ? " " : "", strcmp(command, "replace") ? "" : "add | ", command);
		if (!strstr(man.data, heading))
			fail_msg("man/sluice.8 has no%s", heading);
		if (!strstr(completion.data, object) || !strstr(completion.data, command))
			fail_msg("completion.bash knows no %s %s", object, command);
		verbs++;
	}
	assert_true(verbs >= 34);
	text_free(&man);
	text_free(&completion);
	run_free(&r);
}

/* ---- ------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	char self[4000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	if (n < 0 || !mkdtemp(dir))
		return -1;
	self[n] = '\0';
	snprintf(sluice, sizeof(sluice), "%s/../sluice", dirname(self));
	if (access(sluice, X_OK)) {
		fprintf(stderr, "%s is not built\n", sluice);
		return -1;
	}
	unsetenv("NO_COLOR");
	setenv("LC_ALL", "C", 1);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "in", "out", "err" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_store_goes_away),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_every_verb_is_documented),
	};

	return cmocka_run_group_tests_name("cli", tests, setup, teardown);
}

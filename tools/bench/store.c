// SPDX-License-Identifier: GPL-2.0
/*
 * store.c: how fast a configuration goes into the store, and comes back: many objects in one
 * transaction, one object a message, a dump; beside what a bare round trip costs.
 *
 * The store is the module's, where that is loaded, else that of a sluiced that is started for it;
 * either in a network namespace of its own. Another process answers then, so the time is the clock's,
 * and not the CPU's. Nothing is committed: what a compiler makes of it is its own affair.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "netlink/client.h"
#include "tools/bench/bench.h"
#include "tools/bench/options.h"

static const char usage[] =
"usage: sluice-bench store [--json] [--objects N] [--rounds N]\n"
"\n"
"  --objects N   set in one transaction (100000)\n"
"  --rounds N    turns of each contender (5)\n"
"\n"
"The store is the kernel module's, where it is loaded, else that of a sluiced which is started for it.\n"
"Needs root.\n";

struct operation {
	struct contender contender;
	const char *name;		/* stable */
	unsigned int objects;		/* in one turn */
	struct client *client;
};

/* --- operations -------------------------------------------------------------------- */

static int put(struct client *c, unsigned int n)
{
	char key[64], value[8] = "value";

	return client_set(c, SLUICE_OBJECT_ELEMENT, key,
			  sprintf(key, "bench%c10.%u.%u.%u", 0, n >> 16 & 255, n >> 8 & 255, n & 255),
			  value, sizeof(value), 0);
}

static double failed(const struct client *c)
{
	fprintf(stderr, "sluice-bench: store: %s\n", client_error(c));
	return -1;
}

/* As many objects a message as fit, which is what the command line does with a batch. */
static double turn_set(struct contender *contender, unsigned int round)
{
	struct operation *o = contender->its;
	double began;

	(void)round;
	if (client_begin(o->client, NULL))
		return failed(o->client);
	began = bench_now();
	for (unsigned int i = 0; i < o->objects; i++)
		if (put(o->client, i))
			return failed(o->client);
	if (client_flush(o->client))
		return failed(o->client);
	began = bench_now() - began;
	if (client_abort(o->client))
		return failed(o->client);
	return began * 1e9 / o->objects;
}

/* Each in a message of its own, which is acknowledged before the next. */
static double turn_set_one(struct contender *contender, unsigned int round)
{
	struct operation *o = contender->its;
	double began;

	(void)round;
	if (client_begin(o->client, NULL))
		return failed(o->client);
	began = bench_now();
	for (unsigned int i = 0; i < o->objects; i++)
		if (put(o->client, i) || client_flush(o->client))
			return failed(o->client);
	began = bench_now() - began;
	if (client_abort(o->client))
		return failed(o->client);
	return began * 1e9 / o->objects;
}

static int count(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		 size_t value_len)
{
	(void)type, (void)key, (void)key_len, (void)value, (void)value_len;
	++*(unsigned int *)ctx;
	return 0;
}

static double turn_dump(struct contender *contender, unsigned int round)
{
	struct operation *o = contender->its;
	unsigned int found = 0;
	double began;

	(void)round;
	if (client_begin(o->client, NULL))
		return failed(o->client);
	for (unsigned int i = 0; i < o->objects; i++)
		if (put(o->client, i))
			return failed(o->client);
	if (client_flush(o->client))
		return failed(o->client);
	began = bench_now();
	if (client_dump(o->client, CLIENT_TXN, 0, NULL, 0, count, &found))
		return failed(o->client);
	began = bench_now() - began;
	if (client_abort(o->client))
		return failed(o->client);
	if (found != o->objects) {
		fprintf(stderr, "sluice-bench: store: %u of %u objects came back\n", found, o->objects);
		return -1;
	}
	return began * 1e9 / o->objects;
}

static double turn_status(struct contender *contender, unsigned int round)
{
	struct operation *o = contender->its;
	struct client_status status;
	double began = bench_now();

	(void)round;
	for (unsigned int i = 0; i < o->objects; i++)
		if (client_status(o->client, &status))
			return failed(o->client);
	return (bench_now() - began) * 1e9 / o->objects;
}

/* What a request and its answer cost at the least: the kernel's own family, by libmnl alone. */
static double turn_getfamily(struct contender *contender, unsigned int round)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);
	struct operation *o = contender->its;
	char buf[8192] __attribute__((aligned(4)));
	double began;

	(void)round;
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
		fprintf(stderr, "sluice-bench: store: no generic netlink: %s\n", strerror(errno));
		return -1;
	}
	began = bench_now();
	for (unsigned int i = 0; i < o->objects; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

		nlh->nlmsg_type = GENL_ID_CTRL;
		nlh->nlmsg_flags = NLM_F_REQUEST;
		genl->cmd = CTRL_CMD_GETFAMILY;
		genl->version = 1;
		mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "nlctrl");
		if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ||
		    mnl_socket_recvfrom(nl, buf, sizeof(buf)) < 0) {
			fprintf(stderr, "sluice-bench: store: GETFAMILY: %s\n", strerror(errno));
			mnl_socket_close(nl);
			return -1;
		}
	}
	began = bench_now() - began;
	mnl_socket_close(nl);
	return began * 1e9 / o->objects;
}

/* --- the store ----------------------------------------------------------------------- */

static pid_t daemon_pid;

static void end_daemon(void)
{
	if (daemon_pid <= 0)
		return;
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	daemon_pid = 0;
}

/* sluiced from the folder that this program is in, or from PATH. */
static void become_daemon(void)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (n > 0) {
		snprintf(path, sizeof(path), "%s/sluiced", dirname(self));
		execl(path, "sluiced", "--run-dir", "/mnt", (char *)NULL);
	}
	execlp("sluiced", "sluiced", "--run-dir", "/mnt", (char *)NULL);
	_exit(127);
}

static int open_daemon(struct client *c)
{
	struct timespec wait = { 0, 20 * 1000 * 1000 };
	int err = -ENOENT;

	/* All that it keeps goes with our mount namespace. */
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sluice-bench", "/mnt", "tmpfs", 0, "mode=0755")) {
		err = -errno;
		fprintf(stderr, "sluice-bench: store: no place for a sluiced: %s\n", strerror(-err));
		return err;
	}
	daemon_pid = fork();
	if (!daemon_pid)
		become_daemon();
	atexit(end_daemon);
	for (int i = 0; i < 500 && err; i++) {
		nanosleep(&wait, NULL);
		err = client_open(c, "/mnt/sluice.sock", NULL);
		if (waitpid(daemon_pid, NULL, WNOHANG) == daemon_pid) {
			fprintf(stderr, "sluice-bench: store: sluiced does not start\n");
			daemon_pid = 0;
			return -ENOENT;
		}
	}
	if (err)
		fprintf(stderr, "sluice-bench: store: %s\n", client_error(c));
	return err;
}

static int open_store(struct client *c)
{
	int err;

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "sluice-bench: store: needs root: %s\n", strerror(errno));
		return -EPERM;
	}
	err = client_open_module(c, NULL);
	if (err == -ENOENT)
		err = open_daemon(c);
	else if (err)
		fprintf(stderr, "sluice-bench: store: %s\n", client_error(c));
	return err;
}

int bench_store(int argc, char **argv)
{
	unsigned int objects = 100000, rounds = 5;
	bool json = false;
	const struct bench_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "objects", .number = &objects, .most = 1000000 },
		{ .name = "rounds", .number = &rounds, .most = 1000 },
		{ 0 }
	};
	struct operation operations[] = {
		{ { .engine = "sluice", .turn = turn_set }, "set", 0, NULL },
		{ { .engine = "sluice", .turn = turn_set_one }, "set_one", 0, NULL },
		{ { .engine = "sluice", .turn = turn_dump }, "dump", 0, NULL },
		{ { .engine = "sluice", .turn = turn_status }, "status", 0, NULL },
		{ { .engine = "libmnl", .turn = turn_getfamily }, "getfamily", 0, NULL },
	};
	enum { N = sizeof(operations) / sizeof(operations[0]) };
	struct contender *contenders[N];
	struct client *c = client_new();
	const char *where;
	int err = bench_options(argc, argv, options, usage);

	if (!err && open_store(c))
		err = 1;
	if (err) {
		client_free(c);
		return err < 0 ? 0 : err;
	}
	client_patience(c, 60000);
	where = client_home(c) == SLUICE_HOME_MODULE ? "module" : "socket";
	for (int i = 0; i < N; i++) {
		struct operation *o = &operations[i];
		bool many = o->contender.turn == turn_set || o->contender.turn == turn_dump;

		o->client = c;
		/* A round trip each: a tenth of them tells as much. */
		o->objects = many || objects < 10 ? objects : objects / 10;
		o->contender.where = o->contender.turn == turn_getfamily ? "kernel" : where;
		o->contender.its = o;
		contenders[i] = &o->contender;
	}
	contenders_run(contenders, N, rounds);
	for (int i = 0; i < N; i++) {
		struct operation *o = &operations[i];
		struct spread ns = contender_spread(&o->contender);

		if (o->contender.samples.len < rounds) {
			err = 1;
			continue;
		}
		bench_line(bench_spread(json_pack("{ss ss ss ss si}", "bench", "store", "engine",
						  o->contender.engine, "where", o->contender.where,
						  "operation", o->name, "objects", (int)o->objects), &ns),
			   json);
		vec_free(&o->contender.samples);
	}
	client_free(c);
	end_daemon();
	return err;
}

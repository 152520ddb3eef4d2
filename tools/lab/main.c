// SPDX-License-Identifier: GPL-2.0
/*
 * sluice-lab: networks of namespaces, from a topology file. This file holds the table of
 * verbs, and the life of a lab: read, register, lay, start, keep (keep.c says how it ends).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "keep.h"
#include "lab.h"
#include "verbs.h"

#define DOWN_MS 20000	/* for a lab to go away */

void lab_error(const char *format, ...)
{
	struct text t = { 0 };
	va_list args;

	va_start(args, format);
	text_vprintf(&t, format, args);
	va_end(args);
	while (t.len && t.data[t.len - 1] == '\n')
		t.data[--t.len] = '\0';
	fprintf(stderr, "sluice-lab: %s\n", text_string(&t));
	text_free(&t);
}

const struct lab_node *lab_node(const struct lab *lab, unsigned int i)
{
	return vec_at(&lab->topology->nodes, i);
}

const char *lab_netns_name(const struct lab *lab, unsigned int i, char buf[NAME_MAX])
{
	snprintf(buf, NAME_MAX, "%s.%s", lab->id, lab_node(lab, i)->name);
	return buf;
}

static bool is_root(void)
{
	if (!geteuid())
		return true;
	lab_error("network namespaces need root: use sudo");
	return false;
}

/* ---- a lab comes up ----------------------------------------------------- */

static int read_topology(const char *path, struct topology *t)
{
	struct diags diags;
	struct text out = { 0 };
	int err;

	diags_init(&diags);
	err = topology_read(t, path, &diags);
	diags_print(&diags, &out, isatty(2));
	fputs(text_string(&out), stderr);
	text_free(&out);
	diags_free(&diags);
	return err;
}

/* Where this program is: the others that were built with it are beside it. */
static void find_tools(struct lab *lab)
{
	ssize_t n = readlink("/proc/self/exe", lab->tools, sizeof(lab->tools) - 1);
	char *slash;

	lab->tools[n > 0 ? n : 0] = '\0';
	slash = strrchr(lab->tools, '/');
	if (slash)
		*slash = '\0';
}

/* What a command in the lab finds in its environment. */
static void set_environment(const struct lab *lab)
{
	const char *path = getenv("PATH");
	struct text t = { 0 };

	setenv("LAB", lab->id, 1);
	setenv("LAB_DIR", lab->dir, 1);
	text_printf(&t, "%s:%s", lab->tools, path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	setenv("PATH", text_string(&t), 1);
	text_free(&t);
	for (unsigned int i = 0; i < lab->topology->nodes.len; i++) {
		char name[NAME_MAX];

		text_printf(&t, "LAB_NETNS_%s", lab_node(lab, i)->name);
		setenv(text_string(&t), lab_netns_name(lab, i, name), 1);
		text_free(&t);
	}
}

static int bring_up(struct lab *lab)
{
	unsigned int nodes = lab->topology->nodes.len;

	lab->netns = xcalloc(nodes, sizeof(int));
	for (unsigned int i = 0; i < nodes; i++)
		lab->netns[i] = -1;
	set_environment(lab);
	return lab_lay(lab) || lab_start(lab) ? -1 : 0;
}

/* Reaps children that have ended, but for the sweeper; a daemon that dies early is worth a line. */
static void reap(pid_t except)
{
	siginfo_t info = { 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid) {
		int status = 0;

		if (info.si_pid == except)
			return;
		waitpid(info.si_pid, &status, 0);
		if (WIFSIGNALED(status))
			lab_error("process %d of the lab ended by signal %d", info.si_pid,
				  WTERMSIG(status));
		info.si_pid = 0;
	}
}

/* ---- run ---------------------------------------------------------------- */

static pid_t command;

static void pass_on(int signal)
{
	if (command > 0)
		kill(command, signal);
}

static int run_command(char **argv)
{
	pid_t parent = getpid(), pid;
	int status;

	command = fork();
	if (!command) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(126);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		execvp(argv[0], argv);
		lab_error("%s: %s", argv[0], strerror(errno));
		_exit(127);
	}
	if (command < 0) {
		lab_error("fork: %s", strerror(errno));
		return 1;
	}
	while ((pid = waitpid(command, &status, 0)) != command)
		if (pid < 0 && errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
	/* What is being laid is given up: the keeper ends, and the sweeper does the rest. */
	if (command <= 0)
		_exit(128 + signal);
	pass_on(signal);
}

static int verb_run(int argc, char **argv)
{
	struct topology topology;
	struct lab lab = { .topology = &topology };
	pid_t sweeper;
	int err, sweep, code = 1;

	if (argc < 2 || (!strcmp(argv[1], "--") && argc < 3))
		return USAGE;
	if (!is_root())
		return 1;
	if (read_topology(argv[0], &topology))
		goto free_topology;
	keep_sweep_leftovers();
	find_tools(&lab);
	err = keep_register(&lab, topology.name);
	if (err) {
		lab_error("%s: %s", LABS_DIR, strerror(-err));
		goto free_topology;
	}
	sweep = keep_sweeper(&lab, false, &sweeper);
	if (sweep < 0) {
		lab_error("%s", strerror(-sweep));
		keep_sweep(lab.id);
		goto free_topology;
	}
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	signal(SIGHUP, interrupt);
	if (!bring_up(&lab))
		code = run_command(argv + (strcmp(argv[1], "--") ? 1 : 2));
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	close(sweep);
	waitpid(sweeper, NULL, 0);
free_topology:
	topology_free(&topology);
	return code;
}

/* ---- up ----------------------------------------------------------------- */

static volatile sig_atomic_t told_to_end;

static void end(int signal)
{
	(void)signal;
	told_to_end = 1;
}

/* The keeper of a lab that stays up: never returns. */
static void keep_up(struct lab *lab, int ready)
{
	pid_t sweeper;
	int sweep, null;
	char log[PATH_MAX];
	sigset_t signals;

	setsid();
	prctl(PR_SET_NAME, "lab-keeper");
	if (keep_register(lab, lab->topology->name) || (sweep = keep_sweeper(lab, true, &sweeper)) < 0) {
		lab_error("%s: %s", LABS_DIR, strerror(errno));
		_exit(1);
	}
	signal(SIGHUP, SIG_IGN);
	if (bring_up(lab)) {
		/* The one who waits for us shall find nothing left. */
		close(sweep);
		waitpid(sweeper, NULL, 0);
		_exit(1);
	}
	if (write(ready, lab->id, strlen(lab->id)) < 0)
		_exit(1);
	close(ready);
	snprintf(log, sizeof(log), "%s/log", lab->dir);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	null = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	dup2(null, 2);

	/* Blocked but for the wait itself, so that none is missed. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGTERM, end);
	signal(SIGINT, end);
	while (!told_to_end) {
		int which = sigwaitinfo(&signals, NULL);

		if (which == SIGCHLD)
			reap(sweeper);
		else if (which > 0)
			break;
	}
	_exit(0);
}

static void print_environment(struct lab *lab)
{
	printf("LAB=%s\nLAB_DIR=%s\n", lab->id, lab->dir);
	for (unsigned int i = 0; i < lab->topology->nodes.len; i++) {
		char name[NAME_MAX];

		printf("LAB_NETNS_%s=%s\n", lab_node(lab, i)->name, lab_netns_name(lab, i, name));
	}
}

static int verb_up(int argc, char **argv)
{
	struct topology topology;
	struct lab lab = { .topology = &topology };
	int ready[2], code = 1;
	ssize_t n;
	pid_t pid;

	if (argc != 1)
		return USAGE;
	if (!is_root())
		return 1;
	if (read_topology(argv[0], &topology))
		goto free_topology;
	keep_sweep_leftovers();
	find_tools(&lab);
	if (pipe2(ready, O_CLOEXEC) || (pid = fork()) < 0) {
		lab_error("%s", strerror(errno));
		goto free_topology;
	}
	if (!pid) {
		close(ready[0]);
		keep_up(&lab, ready[1]);
	}
	close(ready[1]);
	n = read(ready[0], lab.id, sizeof(lab.id) - 1);
	if (n > 0) {
		lab.id[n] = '\0';
		snprintf(lab.dir, sizeof(lab.dir), "%s/%s", LABS_DIR, lab.id);
		print_environment(&lab);
		code = 0;
	} else {
		waitpid(pid, NULL, 0);
	}
free_topology:
	topology_free(&topology);
	return code;
}

/* ---- down, list, in ----------------------------------------------------- */

static bool names_lab(const char *name, const char *id)
{
	size_t n = strlen(name);

	return n && !strncmp(id, name, n) && (id[n] == '\0' || id[n] == '.');
}

/* The lab that @name names, or the only one. Return: its place in @labs, or -1 and it said why. */
static int choose_lab(const struct vec *labs, const char *name)
{
	int found = -1;

	for (size_t i = 0; i < labs->len; i++) {
		const struct kept *k = vec_at(labs, i);

		if (name && !names_lab(name, k->id))
			continue;
		if (found >= 0) {
			lab_error("there are several: name one (sluice-lab list)");
			return -1;
		}
		found = i;
	}
	if (found < 0)
		lab_error(name ? "there is no lab \"%s\"" : "there is no lab", name);
	return found;
}

static int end_lab(const struct kept *k)
{
	if (k->keeper)
		kill(k->keeper, SIGTERM);
	for (unsigned int ms = 0; (k->keeper || k->sweeper) && ms < DOWN_MS; ms += 10) {
		if (!keep_there(k->id))
			return 0;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	/* A leftover, or one that does not end by itself. */
	return keep_sweep(k->id);
}

static int verb_down(int argc, char **argv)
{
	struct vec labs = VEC(struct kept);
	unsigned int leftovers;
	int which, err;

	if (argc > 1)
		return USAGE;
	if (!is_root())
		return 1;
	leftovers = keep_sweep_leftovers();
	if (leftovers)
		fprintf(stderr, "sluice-lab: %u left over: taken away\n", leftovers);
	keep_list(&labs);
	if (!argc && !labs.len && leftovers)
		return 0;
	which = choose_lab(&labs, argc ? argv[0] : NULL);
	if (which < 0)
		return 1;
	err = end_lab(vec_at(&labs, which));
	if (err)
		lab_error("%s", strerror(-err));
	vec_free(&labs);
	return err ? 1 : 0;
}

static int verb_list(int argc, char **argv)
{
	struct vec labs = VEC(struct kept);

	(void)argv;
	if (argc)
		return USAGE;
	keep_list(&labs);
	for (size_t i = 0; i < labs.len; i++) {
		const struct kept *k = vec_at(&labs, i);

		if (k->keeper)
			printf("%-32s up, kept by process %d\n", k->id, k->keeper);
		else
			printf("%-32s %s\n", k->id, k->sweeper ? "going down" : "left over");
	}
	vec_free(&labs);
	return 0;
}

static int verb_in(int argc, char **argv)
{
	struct vec labs = VEC(struct kept);
	const char *lab = getenv("LAB"), *node = argc ? argv[0] : "";
	const char *slash = strchr(node, '/');
	char path[PATH_MAX], named[64];
	int which, fd;

	if (argc < 2)
		return USAGE;
	if (!is_root())
		return 1;
	if (slash) {
		snprintf(named, sizeof(named), "%.*s", (int)(slash - node), node);
		lab = named;
		node = slash + 1;
	}
	keep_list(&labs);
	which = choose_lab(&labs, lab);
	if (which < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/%s.%s", NETNS_DIR,
		 ((struct kept *)vec_at(&labs, which))->id, node);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		lab_error("%s: %s", path, strerror(errno));
		return 1;
	}
	argv += strcmp(argv[1], "--") || argc < 3 ? 1 : 2;
	execvp(argv[0], argv);
	lab_error("%s: %s", argv[0], strerror(errno));
	return 127;
}

/* ---- verbs -------------------------------------------------------------- */

static int verb_check(int argc, char **argv)
{
	struct topology topology;
	int err;

	if (argc != 1)
		return USAGE;
	err = read_topology(argv[0], &topology);
	topology_free(&topology);
	return err ? 1 : 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *purpose;
} verbs[] = {
	{ "up", verb_up, "FILE", "lay the lab, and print its names as shell variables" },
	{ "down", verb_down, "[LAB]", "take a lab away, and whatever was left over of others" },
	{ "run", verb_run, "FILE -- COMMAND...", "lay it, run the command, take it away" },
	{ "in", verb_in, "[LAB/]NODE COMMAND...", "run a command in a node" },
	{ "list", verb_list, "", "the labs of this machine" },
	{ "check", verb_check, "FILE", "find mistakes in a topology file" },
	{ "rib", verb_rib, "IPV4 IPV6 [SEED]", "print a table of so many routes, shaped like the Internet's" },
	{ "send", verb_send, "-i INTERFACE -d ADDRESS ...", "send numbered frames" },
	{ "receive", verb_receive, "-i INTERFACE[,...] ...", "receive and account for them" },
	{ "play", verb_play, "-v ADDRESS[,...] ... [FILE]", "play route updates into the kernel's table" },
	{ "compare", verb_compare, "-i INTERFACE ...", "compare the data path's answers with the kernel's" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(FILE *to)
{
	fprintf(to, "usage: sluice-lab VERB ...\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s %-28s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].purpose);
	fprintf(to, "see sluice-lab(1)\n");
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		return usage(stdout);
	if (argc > 1 && (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))) {
		printf("sluice-lab %s\n", SLUICE_VERSION);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < VERBS; i++) {
		int code;

		if (strcmp(argv[1], verbs[i].name))
			continue;
		code = verbs[i].run(argc - 2, argv + 2);
		if (code == USAGE) {
			fprintf(stderr, "usage: sluice-lab %s %s\n", verbs[i].name,
				verbs[i].arguments);
			return 2;
		}
		return code;
	}
	if (argc > 1)
		lab_error("there is no verb \"%s\"", argv[1]);
	return usage(stderr);
}

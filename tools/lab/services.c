// SPDX-License-Identifier: GPL-2.0
/*
 * services.c: what the nodes of a lab run. Each node has a directory ID/NODE for its
 * configuration, sockets and logs, where its programs start; they stay in the foreground
 * as our children, and so die with us.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "lab.h"

#define READY_MS	15000	/* for a daemon to open its socket */

struct place_of_work {
	struct lab *lab;
	unsigned int node;
	const char *name;		/* of the node */
	char dir[PATH_MAX];
};

static void pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- helpers of all services -------------------------------------------- */

/* The configuration as a file: the user's own, or its text, written to @file in the node's directory. */
static int text_file(const struct place_of_work *w, const struct lab_text *text, const char *file,
		     char path[PATH_MAX])
{
	int err;

	if (text->path) {
		if (!realpath(text->path, path)) {
			lab_error("%s: %s: %s", w->name, text->path, strerror(errno));
			return -1;
		}
		return 0;
	}
	if (snprintf(path, PATH_MAX, "%s/%s", w->dir, file) >= PATH_MAX)
		return -1;
	err = text_write_file(path, text->text, strlen(text->text), 0644);
	if (err)
		lab_error("%s: %s", path, strerror(-err));
	return err ? -1 : 0;
}

static void show_log(const char *log)
{
	struct text t = { 0 };
	const char *from;
	int lines = 0;

	if (text_read_file(&t, log, 1 << 22) || !t.len)
		return;
	for (from = t.data + t.len; from > t.data && (from[-1] != '\n' || lines++ <= 20); from--)
		;
	fprintf(stderr, "%s:\n%s", log, from);
	text_free(&t);
}

static int run_in(const struct place_of_work *w, const char *const argv[], const char *what,
		  struct text *said)
{
	const struct child c = { .netns = w->lab->netns[w->node], .dir = w->dir };
	struct text here = { 0 };
	int code = child_run(&c, argv, said ? said : &here);

	if (code < 0)
		lab_error("%s: %s: %s", w->name, what, strerror(-code));
	else if (code && !said)
		lab_error("%s: %s ended with %d: %s", w->name, what, code, text_string(&here));
	text_free(&here);
	return code ? -1 : 0;
}

/* Starts a daemon whose output goes to NAME.log. */
static pid_t start_in(const struct place_of_work *w, int netns, const char *const argv[],
		      const char *name)
{
	char log[PATH_MAX + 64];
	const struct child c = { .netns = netns, .dir = w->dir, .log = log };
	pid_t pid;

	snprintf(log, sizeof(log), "%s/%s.log", w->dir, name);
	pid = child_start(&c, argv);
	if (pid < 0)
		lab_error("%s: %s: %s", w->name, name, strerror(-pid));
	return pid;
}

static bool answers(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return false;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (struct sockaddr *)&a, sizeof(a));
	if (err && errno == EPROTOTYPE)
		err = 0;
	close(fd);
	return !err;
}

/* Waits until the daemon @pid answers at its socket. */
static int wait_for_socket(const struct place_of_work *w, pid_t pid, const char *name,
			   const char *path)
{
	char log[PATH_MAX + 64];

	for (unsigned int ms = 0; ms < READY_MS; ms += 10) {
		if (answers(path))
			return 0;
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			lab_error("%s: %s ended at once", w->name, name);
			goto failed;
		}
		pause_ms(10);
	}
	lab_error("%s: %s does not answer at %s", w->name, name, path);
failed:
	snprintf(log, sizeof(log), "%s/%s.log", w->dir, name);
	show_log(log);
	return -1;
}

/* ---- FRR ---------------------------------------------------------------- */

static bool find_frr(const char *daemon, char path[PATH_MAX])
{
	const char *const where[] = { "/usr/lib/frr", "/usr/libexec/frr", "/usr/sbin" };

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(path, PATH_MAX, "%s/%s", where[i], daemon);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static int start_frr_daemon(const struct place_of_work *w, const char *daemon)
{
	char program[PATH_MAX], pidfile[PATH_MAX + 64], zebra[PATH_MAX + 64], vty[PATH_MAX + 64];
	char control[PATH_MAX + 64];
	bool bfd = !strcmp(daemon, "bfdd");	/* has another socket, the same for all by default */
	const char *const argv[] = {
		program, "-f", "/dev/null", "-i", pidfile, "-z", zebra,
		"--vty_socket", w->dir, "-P", "0", "--log", "stdout",
		bfd ? "--bfdctl" : NULL, control, NULL };
	pid_t pid;

	if (!find_frr(daemon, program)) {
		lab_error("%s: FRR's %s is not installed: run tools/deps.sh demo", w->name, daemon);
		return -1;
	}
	snprintf(pidfile, sizeof(pidfile), "%s/%s.pid", w->dir, daemon);
	snprintf(zebra, sizeof(zebra), "%s/zserv.api", w->dir);
	snprintf(vty, sizeof(vty), "%s/%s.vty", w->dir, daemon);
	snprintf(control, sizeof(control), "%s/bfdd.sock", w->dir);
	pid = start_in(w, w->lab->netns[w->node], argv, daemon);
	return pid < 0 ? -1 : wait_for_socket(w, pid, daemon, vty);
}

/* FRR's daemons give up root for the user that they were built with, and write here as that. */
static void give_to_frr(const char *dir)
{
	const struct passwd *frr = getpwnam("frr");

	if (frr && chown(dir, frr->pw_uid, frr->pw_gid))
		lab_error("%s: %s", dir, strerror(errno));
}

static int start_frr(const struct place_of_work *w, const struct lab_service *s)
{
	char config[PATH_MAX], empty[PATH_MAX + 64];
	const char *const argv[] = {
		"vtysh", "--vty_socket", w->dir, "--config_dir", w->dir, "-f", config, NULL };

	give_to_frr(w->dir);
	for (size_t i = 0; i < s->daemons.len; i++)
		if (start_frr_daemon(w, *(const char **)vec_at(&s->daemons, i)))
			return -1;
	if (!s->text.path && !s->text.text)
		return 0;
	/* vtysh complains when this one is not there. */
	snprintf(empty, sizeof(empty), "%s/vtysh.conf", w->dir);
	if (text_write_file(empty, "", 0, 0644) || text_file(w, &s->text, "frr.conf", config))
		return -1;
	return run_in(w, argv, "FRR's configuration", NULL);
}

/* ---- BIRD, sluiced, commands -------------------------------------------- */

static int start_bird(const struct place_of_work *w, const struct lab_service *s)
{
	char config[PATH_MAX], control[PATH_MAX + 64];
	const char *const argv[] = { "bird", "-f", "-c", config, "-s", control, NULL };
	pid_t pid;

	snprintf(control, sizeof(control), "%s/bird.ctl", w->dir);
	if (text_file(w, &s->text, "bird.conf", config))
		return -1;
	pid = start_in(w, w->lab->netns[w->node], argv, "bird");
	return pid < 0 ? -1 : wait_for_socket(w, pid, "bird", control);
}

/* Our own programs: those that were built with this one, else those that are installed. */
static const char *own_program(const struct lab *lab, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", lab->tools, name);
	return !access(path, X_OK) ? path : name;
}

static int start_sluiced(const struct place_of_work *w, const struct lab_service *s)
{
	char daemon[PATH_MAX], tool[PATH_MAX], netns[NAME_MAX], path[PATH_MAX], policy[PATH_MAX];
	struct text said = { 0 };
	pid_t pid;
	int err;

	lab_netns_name(w->lab, w->node, netns);
	snprintf(path, sizeof(path), "/run/sluice/netns/%s/query.sock", netns);
	pid = start_in(w, -1, (const char *const[]){
		own_program(w->lab, "sluiced", daemon), "-n", netns, NULL }, "sluiced");
	if (pid < 0 || wait_for_socket(w, pid, "sluiced", path))
		return -1;
	if (!s->text.path && !s->text.text)
		return 0;
	if (text_file(w, &s->text, "policy.sluice", policy))
		return -1;
	err = child_run(&(struct child){ .netns = -1 }, (const char *const[]){
		own_program(w->lab, "sluice", tool), "-n", netns, "apply", policy, NULL }, &said);
	if (err)
		lab_error("%s: the policy was not taken: %s", w->name,
			  err < 0 ? strerror(-err) : text_string(&said));
	text_free(&said);
	return err ? -1 : 0;
}

static int start_command(const struct place_of_work *w, const struct lab_service *s)
{
	const char *const argv[] = { "/bin/sh", "-c", s->text.text, NULL };

	return start_in(w, w->lab->netns[w->node], argv, "exec") < 0 ? -1 : 0;
}

static int run_command(const struct place_of_work *w, const struct lab_service *s)
{
	const char *const argv[] = { "/bin/sh", "-c", s->text.text, NULL };

	return run_in(w, argv, "run", NULL);
}

static int wait_command(const struct place_of_work *w, const struct lab_service *s)
{
	const char *const argv[] = { "/bin/sh", "-c", s->text.text, NULL };
	time_t end = time(NULL) + s->seconds;
	struct text said = { 0 };

	while (run_in(w, argv, "wait", &said)) {
		if (time(NULL) >= end) {
			lab_error("%s: after %u s this still fails: %s\n%s", w->name, s->seconds,
				  s->text.text, text_string(&said));
			text_free(&said);
			return -1;
		}
		text_free(&said);
		pause_ms(100);
	}
	text_free(&said);
	return 0;
}

static int start_service(const struct place_of_work *w, const struct lab_service *s)
{
	switch (s->kind) {
	case LAB_FRR:
		return start_frr(w, s);
	case LAB_BIRD:
		return start_bird(w, s);
	case LAB_ANNOUNCE:
		return lab_announce(s, w->dir);
	case LAB_SLUICED:
		return start_sluiced(w, s);
	case LAB_EXEC:
		return start_command(w, s);
	case LAB_RUN:
		return run_command(w, s);
	case LAB_WAIT:
		return wait_command(w, s);
	}
	return -1;
}

int lab_start(struct lab *lab)
{
	for (unsigned int i = 0; i < lab->topology->nodes.len; i++) {
		const struct lab_node *node = lab_node(lab, i);
		struct place_of_work w = { .lab = lab, .node = i, .name = node->name };

		snprintf(w.dir, sizeof(w.dir), "%s/%s", lab->dir, node->name);
		if (mkdir(w.dir, 0755)) {
			lab_error("%s: %s", w.dir, strerror(errno));
			return -1;
		}
		setenv("LAB_NODE", node->name, 1);
		setenv("LAB_NODE_DIR", w.dir, 1);
		for (size_t s = 0; s < node->services.len; s++)
			if (start_service(&w, vec_at(&node->services, s)))
				return -1;
	}
	unsetenv("LAB_NODE");
	unsetenv("LAB_NODE_DIR");
	return 0;
}

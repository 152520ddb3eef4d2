// SPDX-License-Identifier: GPL-2.0
/*
 * keep.c: what makes a lab go away, whatever happens.
 *
 * A lab is whatever carries its id: the directory /run/sluice-lab/ID, the namespaces
 * /run/netns/ID.NODE, the processes in them, and what a sluiced left below
 * /run/sluice/netns/ID.NODE. Nothing else needs to be remembered, so a lab that was
 * interrupted anywhere can be swept away by its id.
 *
 * Two processes belong to a lab: the keeper, which made it, and whose children its daemons are;
 * and the sweeper, in a session of its own, which does nothing but wait at a pipe for the
 * keeper's end, and then sweeps. There is no other way a lab ends: a keeper that ends
 * in good order does so by closing the pipe. If both are killed the lab is a leftover:
 * its directory names two dead processes, and the next up, run or down sweeps it.
 */
#include "keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define RECORD		"processes"	/* in a lab's directory: "keeper PID START", "sweeper PID START" */
#define SLUICE_NETNS	"/run/sluice/netns"

static void pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- processes ---------------------------------------------------------- */

/* When a process began, in clock ticks since boot: with its id it names a process for good. */
static unsigned long long start_time(pid_t pid)
{
	struct text t = { 0 };
	unsigned long long start = 0;
	char path[64], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!text_read_file(&t, path, 4096)) {
		/* The name, in brackets, may hold anything; the state follows it, field 3. */
		p = strrchr(text_string(&t), ')');
		if (p && p[1] && p[2] != 'Z')
			for (int field = 2; p && field < 22; field++) {
				p = strchr(p + 1, ' ');
				if (p && field == 21)
					start = strtoull(p, NULL, 10);
			}
	}
	text_free(&t);
	return start;
}

static int record(const char *dir, const char *who)
{
	char path[PATH_MAX];
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", dir, RECORD);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	n = dprintf(fd, "%s %d %llu\n", who, getpid(), start_time(getpid()));
	close(fd);
	return n < 0 ? -EIO : 0;
}

static void read_record(struct kept *k)
{
	struct text t = { 0 };
	char path[PATH_MAX], who[16];
	unsigned long long start;
	const char *p;
	int pid, n;

	snprintf(path, sizeof(path), "%s/%s/%s", LABS_DIR, k->id, RECORD);
	if (text_read_file(&t, path, 4096))
		return;
	for (p = text_string(&t); sscanf(p, "%15s %d %llu\n%n", who, &pid, &start, &n) == 3; p += n) {
		if (pid <= 0 || start_time(pid) != start)
			continue;
		if (!strcmp(who, "keeper"))
			k->keeper = pid;
		if (!strcmp(who, "sweeper"))
			k->sweeper = pid;
	}
	text_free(&t);
}

/* Kills what runs in the network namespace @ns. Return: how many there were. */
static unsigned int kill_inhabitants(const struct stat *ns)
{
	DIR *proc = opendir("/proc");
	unsigned int killed = 0;
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		char path[PATH_MAX];
		struct stat st;
		pid_t pid = atoi(d->d_name);

		if (pid <= 1 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		if (stat(path, &st) || st.st_ino != ns->st_ino || st.st_dev != ns->st_dev)
			continue;
		killed += !kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
	return killed;
}

/* ---- sweeping ----------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_tree(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT ? -errno : 0;
}

/* Takes off whatever is mounted below @dir: sluiced's bpffs. */
static void unmount_below(const char *dir)
{
	struct text t = { 0 };
	size_t n = strlen(dir);
	char *line, *rest;

	if (text_read_file(&t, "/proc/self/mounts", 1 << 24))
		return;
	for (line = strtok_r(t.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *mount = strchr(line, ' '), *end = mount ? strchr(mount + 1, ' ') : NULL;

		if (!end)
			continue;
		*end = '\0';
		if (!strncmp(mount + 1, dir, n) && mount[1 + n] == '/')
			umount2(mount + 1, MNT_DETACH);
	}
	text_free(&t);
}

static int sweep_namespace(const char *name)
{
	char path[PATH_MAX], run[PATH_MAX];
	struct stat st;
	int err = 0;

	snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
	snprintf(run, sizeof(run), "%s/%s", SLUICE_NETNS, name);
	if (!stat(path, &st))
		for (int tries = 0; kill_inhabitants(&st) && tries < 200; tries++)
			pause_ms(tries < 10 ? 2 : 20);
	unmount_below(run);
	err = remove_tree(run);
	umount2(path, MNT_DETACH);
	if (unlink(path) && errno != ENOENT)
		err = -errno;
	return err;
}

int keep_sweep(const char *id)
{
	struct vec names = VEC(char *);
	const char *const where[] = { NETNS_DIR, SLUICE_NETNS };
	size_t n = strlen(id);
	char dir[PATH_MAX];
	int err = 0;

	for (unsigned int i = 0; i < 2; i++) {
		DIR *all = opendir(where[i]);
		struct dirent *d;

		while (all && (d = readdir(all)))
			if (!strncmp(d->d_name, id, n) && d->d_name[n] == '.')
				*(char **)vec_push(&names) = xstrdup(d->d_name);
		if (all)
			closedir(all);
	}
	for (size_t i = 0; i < names.len; i++) {
		char *name = *(char **)vec_at(&names, i);
		int one = sweep_namespace(name);

		err = one ? one : err;
		free(name);
	}
	vec_free(&names);
	snprintf(dir, sizeof(dir), "%s/%s", LABS_DIR, id);
	unmount_below(dir);
	n = remove_tree(dir);
	return err ? err : (int)n;
}

int keep_list(struct vec *labs)
{
	DIR *all = opendir(LABS_DIR);
	struct dirent *d;

	if (!all)
		return errno == ENOENT ? 0 : -errno;
	while ((d = readdir(all))) {
		struct kept *k;

		if (d->d_name[0] == '.' || strlen(d->d_name) >= sizeof(k->id))
			continue;
		k = vec_push(labs);
		strcpy(k->id, d->d_name);
		read_record(k);
	}
	closedir(all);
	return 0;
}

bool keep_there(const char *id)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s", LABS_DIR, id);
	return !access(dir, F_OK);
}

/* A directory without a record may be a lab that begins this very moment. */
static bool is_young(const char *id)
{
	char dir[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/%s", LABS_DIR, id);
	return !stat(dir, &st) && time(NULL) - st.st_mtime < 5;
}

unsigned int keep_sweep_leftovers(void)
{
	struct vec labs = VEC(struct kept);
	unsigned int swept = 0;

	keep_list(&labs);
	for (size_t i = 0; i < labs.len; i++) {
		struct kept *k = vec_at(&labs, i);

		if (k->keeper || k->sweeper || is_young(k->id))
			continue;
		swept += !keep_sweep(k->id);
	}
	vec_free(&labs);
	return swept;
}

/* ---- a lab's life ------------------------------------------------------- */

int keep_register(struct lab *lab, const char *name)
{
	if (mkdir(LABS_DIR, 0755) && errno != EEXIST)
		return -errno;
	for (int tries = 0; tries < 100; tries++) {
		unsigned short number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -errno;
		snprintf(lab->id, sizeof(lab->id), "%s.%04x", name, number);
		snprintf(lab->dir, sizeof(lab->dir), "%s/%s", LABS_DIR, lab->id);
		if (!mkdir(lab->dir, 0755))
			return record(lab->dir, "keeper");
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static void sweep_at_end(const struct lab *lab, int wait_at, bool quiet)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char c;
	int err;

	setsid();
	prctl(PR_SET_NAME, "lab-sweeper");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	dup2(null, 0);
	dup2(null, 1);
	if (quiet)
		dup2(null, 2);
	record(lab->dir, "sweeper");
	while (read(wait_at, &c, 1) < 0 && errno == EINTR)
		;
	err = keep_sweep(lab->id);
	if (err)
		lab_error("%s could not be taken away whole: %s", lab->id, strerror(-err));
	_exit(err ? 1 : 0);
}

int keep_sweeper(const struct lab *lab, bool quiet, pid_t *sweeper)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	*sweeper = fork();
	if (!*sweeper) {
		close(ends[1]);
		sweep_at_end(lab, ends[0], quiet);
	}
	err = -errno;
	close(ends[0]);
	if (*sweeper < 0) {
		close(ends[1]);
		return err;
	}
	return ends[1];
}

// SPDX-License-Identifier: GPL-2.0
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define LOCK_NAME "sluiced"
#define ENDING_STEP_US 20000
#define ENDING_TRIES 500

/* The process that listens on the lock; 0 if it cannot be told. */
static pid_t holder(const struct sockaddr_un *name, socklen_t name_len)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (!connect(fd, (const struct sockaddr *)name, name_len))
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	close(fd);
	return peer.pid;
}

/* Whether @pid is killed and on its way out: its memory is gone, and its descriptors will be. */
static bool is_ending(pid_t pid)
{
	char path[32], target[2];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return pid > 0 && readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

/*
 * bind(), and patience with one that was killed a moment ago: the kernel frees the memory of its
 * tables first, which takes it a second or two, and closes its sockets after.
 */
static int bind_lock(int fd, const struct sockaddr_un *name, socklen_t len)
{
	for (int i = 0; bind(fd, (const struct sockaddr *)name, len); i++) {
		if (errno != EADDRINUSE)
			return -errno;
		if (i == ENDING_TRIES || !is_ending(holder(name, len)))
			return -EADDRINUSE;
		usleep(ENDING_STEP_US);
	}
	return 0;
}

int lock_namespace(struct text *why)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(LOCK_NAME);
	int fd, err;

	memcpy(name.sun_path + 1, LOCK_NAME, strlen(LOCK_NAME));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		text_printf(why, "cannot make a socket: %s", strerror(-err));
		return err;
	}
	err = bind_lock(fd, &name, len);
	/* The descriptor stays open for good. The queue takes those who ask who holds it. */
	if (!err && listen(fd, 128))
		err = -errno;
	if (!err)
		return 0;
	close(fd);
	if (err == -EADDRINUSE)
		text_printf(why, "sluiced already runs in this network namespace: process %d",
			    (int)holder(&name, len));
	else
		text_printf(why, "cannot lock this network namespace: %s", strerror(-err));
	return err;
}

int lock_directory(const char *dir, struct text *why)
{
	char path[PATH_MAX], pid[16];
	int fd, err;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		text_printf(why, "%s: %s", path, strerror(-err));
		return err;
	}
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		ssize_t n;

		err = -errno;
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		if (i < ENDING_TRIES && is_ending(atoi(pid))) {
			usleep(ENDING_STEP_US);
			continue;
		}
		text_printf(why, "%s is in use by the sluiced of another network namespace: process %d; "
			    "give each a directory of its own with -n or --run-dir", dir, atoi(pid));
		close(fd);
		return err;
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || write(fd, pid, strlen(pid)) < 0) {
		err = -errno;
		text_printf(why, "%s: %s", path, strerror(-err));
		close(fd);
		return err;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "base/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71	/* Linux 5.14; Debian 12's C library has it, older ones not */
#endif

int netns_enter(const char *name, struct text *why)
{
	char path[PATH_MAX];
	int fd, err;

	if (!*name || name[0] == '.' || strchr(name, '/')) {
		text_printf(why, "\"%s\" is not a name of a network namespace", name);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		text_printf(why, err == -ENOENT ? "there is no network namespace \"%s\" (%s: %s); "
			    "`ip netns` lists those that there are" :
			    "cannot enter the network namespace \"%s\" (%s: %s)",
			    name, path, strerror(-err));
		return err;
	}
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	if (err)
		text_printf(why, "cannot enter the network namespace \"%s\" (%s: %s)", name, path,
			    strerror(-err));
	return err;
}

int netns_visit(const char *name, int *home, struct text *why)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		err = -errno;
		text_printf(why, "there is no way back from the network namespace \"%s\" "
			    "(/proc/thread-self/ns/net: %s)", name, strerror(-err));
		return err;
	}
	err = netns_enter(name, why);
	if (err)
		close(fd);
	else
		*home = fd;
	return err;
}

void netns_return(int home)
{
	if (setns(home, CLONE_NEWNET))
		abort();
	close(home);
}

uint64_t netns_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
	close(fd);
	return cookie;
}

// SPDX-License-Identifier: GPL-2.0
/* server_socket.c: the socket, and who may have a connection to it. */
#include "netlink/server_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/vec.h"

/* Root, whoever we are, and the socket's group, first or further. */
static bool may_use(const struct server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gid_t groups[1024];
	socklen_t groups_len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (!peer.uid || peer.uid == geteuid() || peer.gid == s->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len))
		return false;
	for (size_t i = 0; i < groups_len / sizeof(*groups); i++)
		if (groups[i] == s->group)
			return true;
	return false;
}

static void turn_away(int fd, int err, const char *why)
{
	static const struct nlmsghdr none;
	char buf[MESSAGE_ERROR_MAX] __attribute__((aligned(4)));
	struct message_error e;
	size_t len;

	message_fail(&e, err, NULL, "%s", why);
	len = message_put_error(buf, &none, &e);
	/* should this fail, it still sees the end of the connection */
	len = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

struct conn *server_adopt(struct server *s, int fd)
{
	struct store_owner *owner;
	struct conn *c;

	if (s->n_conns >= SERVER_CONNS_MAX) {
		turn_away(fd, -EUSERS, "as many clients are connected as may be");
		return NULL;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c = xcalloc(1, sizeof(*c));
	owner = store_owner_open(s->store, c);
	if (!owner) {
		free(c);
		turn_away(fd, -ENOMEM, "the system is out of memory");
		return NULL;
	}
	server_enter(s);
	c->server = s;
	c->owner = owner;
	c->fd = fd;
	c->last = &c->first;
	c->watched = SERVER_READ;
	c->allowed = may_use(s, fd);
	c->next = s->conns;
	s->conns = c;
	s->n_conns++;
	server_leave(s);
	return c;
}

struct conn *server_accept(struct server *s)
{
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct conn *c;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && s->spare >= 0) {
			/* else the listener stays readable, and the loop spins */
			close(s->spare);
			fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				turn_away(fd, -EMFILE, "sluiced has no descriptor left");
			s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				return NULL;
			continue;
		}
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return NULL;
		c = server_adopt(s, fd);
		if (c)
			return c;
	}
}

int conn_fd(const struct conn *c)
{
	return c->fd;
}

void **conn_user(struct conn *c)
{
	return &c->user;
}

/* --- the path ------------------------------------------------------------------------ */

/* A socket that nobody listens on is left over from a daemon that was killed. */
static int clear_path(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : EADDRINUSE;
	close(fd);
	if (err != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(addr->sun_path) ? -errno : 0;
}

int server_listen(struct server *s, const char *path, gid_t group)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	err = clear_path(&addr);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (err)
		goto close;
	if ((group != (gid_t)-1 && chown(path, -1, group)) || lstat(path, &s->bound) ||
	    listen(fd, 32)) {
		err = -errno;
		goto unlink;
	}
	s->group = s->bound.st_gid;
	s->listener = fd;
	strcpy(s->path, path);
	return fd;
unlink:
	unlink(path);
close:
	close(fd);
	return err;
}

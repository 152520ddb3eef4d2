// SPDX-License-Identifier: GPL-2.0
/*
 * transport_unix.c: messages to sluiced, on a unix socket of datagrams (SOCK_SEQPACKET). Answers
 * and notifications come by the one socket; the server says itself when some were lost.
 */
#include "netlink/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"

static int unix_send(struct transport *t, struct nlmsghdr *nlh, size_t len, int64_t deadline_ms,
		     struct text *why)
{
	int err;

	while (send(t->fd, nlh, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		err = -errno;
		if (err == -EINTR)
			continue;
		if (err == -EPIPE || err == -ECONNRESET)
			return 0;	/* what it said before it closed is there to be read */
		if (err == -EAGAIN)
			err = transport_wait(t->fd, POLLOUT, deadline_ms);
		if (err == -ETIMEDOUT)
			text_printf(why, "the store takes no request");
		else if (err)
			text_printf(why, "the store cannot be reached: %s", strerror(-err));
		if (err)
			return err;
	}
	return 0;
}

static int unix_receive(struct transport *t, void *in, size_t size, size_t *len,
			struct text *why)
{
	bool reset = false;
	ssize_t n;
	int err;

	for (;;) {
		n = recv(t->fd, in, size, MSG_DONTWAIT | MSG_TRUNC);
		if (n > (ssize_t)size) {
			text_printf(why, "the store sent a datagram of %zd bytes", n);
			return -EBADMSG;
		}
		if (n > 0)
			break;
		err = n ? -errno : -ECONNRESET;
		/* a reset is told once, before what was sent ahead of it */
		if (n && err == -ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		if (err == -EINTR)
			continue;
		if (err == -ECONNRESET)
			text_printf(why, "the store has closed the connection");
		else if (err != -EAGAIN)
			text_printf(why, "the store cannot be heard: %s", strerror(-err));
		return err;
	}
	*len = n;
	return 0;
}

static void unix_close(struct transport *t)
{
	close(t->fd);
	free(t);
}

static const struct transport_ops unix_ops = {
	.home = SLUICE_HOME_DAEMON,
	.send = unix_send,
	.receive = unix_receive,
	.close = unix_close,
};

int transport_unix(const char *path, struct transport **made, struct text *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct transport *t;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		text_printf(why, "%s: a socket's path has at most %zu bytes", path,
			    sizeof(addr.sun_path) - 1);
		return -EINVAL;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err = -errno;
		text_printf(why, "no socket: %s", strerror(-err));
		return err;
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		if (err == -ENOENT || err == -ECONNREFUSED)
			text_printf(why, "%s: nobody serves it: is sluiced running?", path);
		else if (err == -EACCES)
			text_printf(why, "%s: only root and members of its group may use it", path);
		else
			text_printf(why, "%s: %s", path, strerror(-err));
		return err;
	}
	t = xcalloc(1, sizeof(*t));
	t->ops = &unix_ops;
	t->fd = fd;
	*made = t;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * transport.h: the two ways on which a client's messages reach a store, below client.c.
 *
 * A transport carries messages as message.h writes and reads them, their type being
 * SLUICE_UNIX_TYPE. What else there is on a wire ends in its file: the family's number, a second
 * socket for notifications, how a group is joined.
 */
#ifndef SLUICE_NETLINK_TRANSPORT_H
#define SLUICE_NETLINK_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/sluice.h>

struct text;
struct transport;

/* All that can fail return 0 or -errno, with a sentence in @why unless it is said otherwise. */
struct transport_ops {
	enum sluice_home home;

	/* Sends one message, @len bytes with its padding; may change its header. */
	int (*send)(struct transport *t, struct nlmsghdr *nlh, size_t len, int64_t deadline_ms,
		    struct text *why);

	/*
	 * Takes a datagram, if one is there. -EAGAIN: none; -ENOBUFS: notifications were lost,
	 * the connection is good: both without a sentence. -ECONNRESET: the store has gone.
	 */
	int (*receive)(struct transport *t, void *in, size_t size, size_t *len, struct text *why);

	/* Joins the groups of @groups, leaves the others. NULL: by SLUICE_CMD_SUBSCRIBE. */
	int (*subscribe)(struct transport *t, uint32_t groups, struct text *why);

	void (*close)(struct transport *t);
};

/* The head of each transport's own struct. */
struct transport {
	const struct transport_ops *ops;
	int fd;		/* readable when receive() has something */
};

/** transport_unix() - connects to the socket @path. */
int transport_unix(const char *path, struct transport **t, struct text *why);

/** transport_genl() - connects to the module's family in @netns; see client_open_module(). */
int transport_genl(const char *netns, struct transport **t, struct text *why);

/** transport_now() - the time of deadlines. */
int64_t transport_now(void);

/** transport_wait() - until @events (of poll) are there. @deadline_ms: -1 for ever. -ETIMEDOUT. */
int transport_wait(int fd, short events, int64_t deadline_ms);

#endif

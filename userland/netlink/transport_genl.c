// SPDX-License-Identifier: GPL-2.0
/*
 * transport_genl.c: messages to the module, by its generic netlink family.
 *
 * Two sockets: requests and what answers them (to the bound compiler also candidates) go by the
 * one, what the groups tell comes by the other. So a flood of notifications that nobody read
 * in time costs notifications (-ENOBUFS), never an answer. An epoll makes one descriptor of
 * both. A socket stays in the network namespace that it was made in, wherever its maker goes.
 *
 * Only what the kernel sent is taken: anybody with CAP_NET_ADMIN can send to a netlink socket.
 */
#include "netlink/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "base/netns.h"
#include "base/text.h"
#include "base/vec.h"

#define EVENTS_RCVBUF	(8 << 20)	/* bytes; what the kernel gives may be less */
#define RESOLVE_MS	10000		/* the module may have to be loaded first */
#define GROUPS		2		/* of enum sluice_group */

struct genl {
	struct transport t;		/* its fd is the epoll's */
	int requests, events;
	uint16_t family;		/* message type */
	uint32_t group[GROUPS];		/* their ids; 0: the family has no such group */
	uint32_t joined;		/* 1 << enum sluice_group */
};

static const char *const group_names[GROUPS] = {
	[SLUICE_GROUP_CONFIG] = SLUICE_GROUP_CONFIG_NAME,
	[SLUICE_GROUP_EVENTS] = SLUICE_GROUP_EVENTS_NAME,
};

static struct genl *genl_of(struct transport *t)
{
	return (struct genl *)t;
}

/* ---- sending and receiving -------------------------------------------------- */

/* The kernel takes a request, and does it, before this returns: there is nothing to wait for. */
static int send_request(const struct genl *g, const struct nlmsghdr *nlh, size_t len,
			struct text *why)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int err = 0;

	while (!err && sendto(g->requests, nlh, len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel)) < 0)
		if (errno != EINTR)
			err = -errno;
	if (err)
		text_printf(why, "the kernel does not take the request: %s", strerror(-err));
	return err;
}

static int genl_send(struct transport *t, struct nlmsghdr *nlh, size_t len, int64_t deadline_ms,
		     struct text *why)
{
	(void)deadline_ms;
	nlh->nlmsg_type = genl_of(t)->family;
	return send_request(genl_of(t), nlh, len, why);
}

/* One datagram of the kernel's, from one of the sockets. */
static int receive_from(int fd, void *in, size_t size, size_t *len, struct text *why)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { in, size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;
	int err;

	for (;;) {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		err = n < 0 ? -errno : 0;
		if (err == -EINTR || (!err && from.nl_pid))
			continue;
		if (err == -EAGAIN || err == -ENOBUFS)
			return err;
		if (err) {
			text_printf(why, "the kernel cannot be heard: %s", strerror(-err));
			return err;
		}
		if (msg.msg_flags & MSG_TRUNC) {
			text_printf(why, "the kernel sent a datagram of more than %zu bytes", size);
			return -EBADMSG;
		}
		*len = n;
		return 0;
	}
}

/* The family's number is not known beyond this file. */
static void name_messages(const struct genl *g, char *in, size_t len)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= len;) {
		struct nlmsghdr *nlh = (void *)(in + at);

		if (nlh->nlmsg_type == g->family)
			nlh->nlmsg_type = SLUICE_UNIX_TYPE;
		if (nlh->nlmsg_len < sizeof(*nlh))
			return;		/* whoever splits it will say so */
		at += MNL_ALIGN(nlh->nlmsg_len);
	}
}

static int genl_receive(struct transport *t, void *in, size_t size, size_t *len,
			struct text *why)
{
	struct genl *g = genl_of(t);
	int err = receive_from(g->requests, in, size, len, why);

	if (err == -EAGAIN)
		err = receive_from(g->events, in, size, len, why);
	if (!err)
		name_messages(g, in, *len);
	return err;
}

/* ---- groups -------------------------------------------------------------------- */

static int change_membership(const struct genl *g, int group, bool join, struct text *why)
{
	uint32_t id = g->group[group];
	int err = id ? 0 : -ENOENT;

	if (id && setsockopt(g->events, SOL_NETLINK, join ? NETLINK_ADD_MEMBERSHIP :
			     NETLINK_DROP_MEMBERSHIP, &id, sizeof(id)))
		err = -errno;
	if (err == -EPERM)
		text_printf(why, "to hear of \"%s\" takes CAP_NET_ADMIN in the "
			    "network namespace", group_names[group]);
	else if (err)
		text_printf(why, "the module's group \"%s\" cannot be %s: %s", group_names[group],
			    join ? "joined" : "left", strerror(-err));
	return err;
}

static int genl_subscribe(struct transport *t, uint32_t groups, struct text *why)
{
	struct genl *g = genl_of(t);
	int err = 0;

	if (groups >> GROUPS) {
		text_printf(why, "there are the groups config and events, no others");
		return -EINVAL;
	}
	for (int i = 0; i < GROUPS && !err; i++) {
		uint32_t bit = 1u << i;

		if ((groups & bit) == (g->joined & bit))
			continue;
		err = change_membership(g, i, groups & bit, why);
		if (!err)
			g->joined ^= bit;
	}
	return err;
}

/* ---- the family ------------------------------------------------------------------ */

static void take_group(struct genl *g, const struct nlattr *nest)
{
	const struct nlattr *a;
	const char *name = "";
	uint32_t id = 0;

	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME &&
		    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			name = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID &&
			 !mnl_attr_validate(a, MNL_TYPE_U32))
			id = mnl_attr_get_u32(a);
	}
	for (int i = 0; i < GROUPS; i++)
		if (!strcmp(name, group_names[i]))
			g->group[i] = id;
}

static void take_family(struct genl *g, const struct nlmsghdr *nlh)
{
	const struct nlattr *a, *group;

	mnl_attr_for_each(a, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID &&
		    !mnl_attr_validate(a, MNL_TYPE_U16))
			g->family = mnl_attr_get_u16(a);
		else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, a)
				take_group(g, group);
	}
}

/* Asks the kernel for the family's numbers. */
static int resolve(struct genl *g, struct text *why)
{
	char buf[8192] __attribute__((aligned(4))) = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	int64_t deadline = transport_now() + RESOLVE_MS;
	size_t len;
	int err;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, SLUICE_FAMILY_NAME);
	err = send_request(g, nlh, nlh->nlmsg_len, why);
	if (err)
		return err;
	while ((err = receive_from(g->requests, buf, sizeof(buf), &len, why)) == -EAGAIN) {
		err = transport_wait(g->requests, POLLIN, deadline);
		if (err)
			break;
	}
	if (!err && mnl_nlmsg_ok(nlh, len) && nlh->nlmsg_type == NLMSG_ERROR &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nlmsgerr))
		err = ((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
	else if (!err && mnl_nlmsg_ok(nlh, len) && nlh->nlmsg_type == GENL_ID_CTRL &&
		 mnl_nlmsg_get_payload_len(nlh) >= GENL_HDRLEN)
		take_family(g, nlh);
	if (err == -ENOENT)
		text_printf(why, "the kernel module is not loaded: there is no generic netlink "
			    "family \"%s\"", SLUICE_FAMILY_NAME);
	else if (err && !why->len)
		text_printf(why, "the kernel does not say whether its module is there: %s",
			    strerror(-err));
	else if (!err && !g->family)
		text_printf(why, "the kernel's answer on its families is not understood");
	return err || g->family ? err : -EBADMSG;
}

/* ---- life ------------------------------------------------------------------------- */

static int open_socket(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int open_sockets(struct genl *g, struct text *why)
{
	int size = EVENTS_RCVBUF;

	g->requests = open_socket();
	g->events = g->requests < 0 ? g->requests : open_socket();
	if (g->events == -EPROTONOSUPPORT || g->events == -EAFNOSUPPORT) {
		text_printf(why, "this kernel has no generic netlink");
		return -ENOENT;
	}
	if (g->events < 0) {
		text_printf(why, "no generic netlink socket: %s", strerror(-g->events));
		return g->events;
	}
	if (setsockopt(g->events, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(g->events, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

static int join_sockets(struct genl *g, struct text *why)
{
	struct epoll_event in = { .events = EPOLLIN };
	int err;

	g->t.fd = epoll_create1(EPOLL_CLOEXEC);
	if (g->t.fd >= 0 && !epoll_ctl(g->t.fd, EPOLL_CTL_ADD, g->requests, &in) &&
	    !epoll_ctl(g->t.fd, EPOLL_CTL_ADD, g->events, &in))
		return 0;
	err = -errno;
	text_printf(why, "no epoll: %s", strerror(-err));
	return err;
}

static void genl_close(struct transport *t)
{
	struct genl *g = genl_of(t);

	if (t->fd >= 0)
		close(t->fd);
	if (g->requests >= 0)
		close(g->requests);
	if (g->events >= 0)
		close(g->events);
	free(g);
}

static const struct transport_ops genl_ops = {
	.home = SLUICE_HOME_MODULE,
	.send = genl_send,
	.receive = genl_receive,
	.subscribe = genl_subscribe,
	.close = genl_close,
};

/* Makes the sockets in @netns. -EPERM: they were made here, as we may not go there. */
static int open_sockets_in(struct genl *g, const char *netns, struct text *why)
{
	int home = -1, barred = 0, err;

	if (netns)
		barred = netns_visit(netns, &home, why);
	if (barred && barred != -EPERM)
		return barred;
	err = open_sockets(g, why);
	if (home >= 0)
		netns_return(home);
	return err ? err : barred;
}

int transport_genl(const char *netns, struct transport **made, struct text *why)
{
	struct genl *g = xcalloc(1, sizeof(*g));
	struct text missing = { 0 };
	int err;

	g->t.ops = &genl_ops;
	g->t.fd = g->requests = g->events = -1;
	err = open_sockets_in(g, netns, why);
	/* the family is everywhere or nowhere: that it is not there can be seen from here, too */
	if (err == -EPERM && g->events >= 0 && resolve(g, &missing) == -ENOENT)
		err = -ENOENT;
	else if (!err)
		err = resolve(g, why);
	if (!err)
		err = join_sockets(g, why);
	if (err)
		genl_close(&g->t);
	else
		*made = &g->t;
	text_free(&missing);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
#include "netlink/family.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/sluice.h>

/* The number of the controller's group "notify" is, as its own, the same in every kernel. */
#define NOTIFY_GROUP GENL_ID_CTRL

int family_watch(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	int group = NOTIFY_GROUP, err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&any, sizeof(any)) &&
	    !setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static bool is_ours(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN ||
	    genl->cmd != CTRL_CMD_NEWFAMILY)
		return false;
	mnl_attr_for_each(a, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_NAME &&
		    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING) &&
		    !strcmp(mnl_attr_get_str(a), SLUICE_FAMILY_NAME))
			return true;
	return false;
}

bool family_came(int fd)
{
	char buf[8192] __attribute__((aligned(4)));
	struct sockaddr_nl from;
	socklen_t from_len = sizeof(from);
	bool came = false;
	ssize_t n;

	while ((n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len)) >= 0 || errno == EINTR || errno == ENOBUFS) {
		const struct nlmsghdr *nlh = (void *)buf;
		int left = n;

		from_len = sizeof(from);
		if (n < 0 || from.nl_pid)
			continue;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			came |= is_ours(nlh);
	}
	return came;
}

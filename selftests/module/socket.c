// SPDX-License-Identifier: GPL-2.0
#include "selftests/module/socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

int socket_new(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int socket_join(int fd, uint32_t group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0;
}

int socket_send(int fd, const void *bytes, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	while (sendto(fd, bytes, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int socket_receive(int fd, void *buf, size_t size, int wait_ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	for (;;) {
		n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || !wait_ms)
			return -errno;
		n = poll(&p, 1, wait_ms);
		if (!n)
			return -EAGAIN;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static void take_group(const struct nlattr *nest, uint32_t group[2])
{
	const struct nlattr *a;
	const char *name = "";
	uint32_t id = 0;

	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME)
			name = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(a);
	}
	if (!strcmp(name, SLUICE_GROUP_CONFIG_NAME))
		group[SLUICE_GROUP_CONFIG] = id;
	if (!strcmp(name, SLUICE_GROUP_EVENTS_NAME))
		group[SLUICE_GROUP_EVENTS] = id;
}

int family_find(uint16_t *type, uint32_t group[2])
{
	char buf[8192] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	const struct nlattr *a, *nest;
	int fd = socket_new(), n;

	if (fd < 0)
		return fd;
	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, SLUICE_FAMILY_NAME);
	n = socket_send(fd, nlh, nlh->nlmsg_len);
	if (!n)
		n = socket_receive(fd, buf, sizeof(buf), 10000);
	close(fd);
	if (n < 0)
		return n;
	if (!mnl_nlmsg_ok(nlh, n) || nlh->nlmsg_type != GENL_ID_CTRL)
		return -ENOENT;
	*type = group[0] = group[1] = 0;
	mnl_attr_for_each(a, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			*type = mnl_attr_get_u16(a);
		else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(nest, a)
				take_group(nest, group);
	}
	return *type && group[0] && group[1] ? 0 : -ENOENT;
}

// SPDX-License-Identifier: GPL-2.0
#include "kernel.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/table.h"

#define BUFFER	65536
#define MANY	24	/* packets, to see all ways of a group */
#define OURS	196	/* rtm_protocol of what we enter: nobody else's */

struct neighbour_key {
	uint32_t ifindex;
	struct addr addr;
	uint8_t pad[3];
};

struct mac {
	uint8_t byte[6];
};

struct kernel {
	struct mnl_socket *socket;
	unsigned int sequence;
	struct table neighbours;	/* struct neighbour_key -> struct mac */
	struct table links;		/* ifindex -> struct mac */
	char buffer[BUFFER];
};

static int family_of(const struct addr *a)
{
	return a->family == ADDR_V4 ? AF_INET : AF_INET6;
}

static unsigned int address_bytes(const struct addr *a)
{
	return addr_bits(a->family) / 8;
}

/* ---- asking --------------------------------------------------------------------------- */

/* Sends what is in the buffer, and has @take called with each answer. Return: 0 or -errno. */
static int talk(struct kernel *k, struct nlmsghdr *nlh, mnl_cb_t take, void *arg)
{
	unsigned int portid = mnl_socket_get_portid(k->socket);
	int n, more = 1;

	nlh->nlmsg_seq = ++k->sequence;
	if (mnl_socket_sendto(k->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		n = mnl_socket_recvfrom(k->socket, k->buffer, sizeof(k->buffer));
		if (n < 0)
			return -errno;
		more = mnl_cb_run(k->buffer, n, k->sequence, portid, take, arg);
	}
	return more < 0 ? -errno : 0;
}

static struct addr address_of(const struct nlattr *attr)
{
	unsigned int n = mnl_attr_get_payload_len(attr);

	if (n != 4 && n != 16)
		return (struct addr){ 0 };
	return addr_from_bytes(n == 4 ? ADDR_V4 : ADDR_V6, mnl_attr_get_payload(attr));
}

/* RTA_GATEWAY; or RTA_VIA: a family and an address of it. */
static struct addr via_of(const struct nlattr *attr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);

	if (mnl_attr_get_type(attr) == RTA_GATEWAY)
		return address_of(attr);
	if (mnl_attr_get_payload_len(attr) < sizeof(*via) + (via->rtvia_family == AF_INET ? 4 : 16))
		return (struct addr){ 0 };
	return addr_from_bytes(via->rtvia_family == AF_INET ? ADDR_V4 : ADDR_V6, via->rtvia_addr);
}

static void add_hop(struct kernel_says *says, const struct kernel_hop *hop)
{
	if (says->hops < KERNEL_HOPS_MAX && hop->ifindex)
		says->hop[says->hops++] = *hop;
}

static void add_hops(struct kernel_says *says, const struct nlattr *multipath)
{
	const struct rtnexthop *one = mnl_attr_get_payload(multipath);
	int left = mnl_attr_get_payload_len(multipath);

	while (left >= (int)sizeof(*one) && one->rtnh_len >= sizeof(*one) && one->rtnh_len <= left) {
		struct kernel_hop hop = { .ifindex = one->rtnh_ifindex };
		const struct nlattr *attr = (const void *)(one + 1);
		int rest = one->rtnh_len - sizeof(*one);

		for (; mnl_attr_ok(attr, rest); rest -= MNL_ALIGN(attr->nla_len), attr = mnl_attr_next(attr))
			if (mnl_attr_get_type(attr) == RTA_GATEWAY || mnl_attr_get_type(attr) == RTA_VIA)
				hop.via = via_of(attr);
		if (!(one->rtnh_flags & RTNH_F_DEAD))
			add_hop(says, &hop);
		left -= RTNH_ALIGN(one->rtnh_len);
		one = RTNH_NEXT(one);
	}
}

static int take_answer(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	struct kernel_says *says = arg;
	struct kernel_hop hop = { 0 };
	struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	says->forwards = route->rtm_type == RTN_UNICAST;
	mnl_attr_for_each(attr, nlh, sizeof(*route)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			hop.ifindex = mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
		case RTA_VIA:
			hop.via = via_of(attr);
			break;
		case RTA_NH_ID:
			says->object = true;
			break;
		case RTA_MULTIPATH:
			add_hops(says, attr);
			break;
		}
	}
	if (!says->hops)
		add_hop(says, &hop);
	return MNL_CB_STOP;
}

/* What the kernel answers where there is no way on. */
static bool means_no_way(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL;
}

static int ask(struct kernel *k, const struct addr *to, const struct addr *source, uint32_t in,
	       unsigned int flags, struct kernel_says *says)
{
	char request[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct rtmsg *route;
	int err;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(nlh, sizeof(*route));
	route->rtm_family = family_of(to);
	route->rtm_dst_len = route->rtm_src_len = addr_bits(to->family);
	route->rtm_flags = flags;
	mnl_attr_put(nlh, RTA_DST, address_bytes(to), to->bytes);
	mnl_attr_put(nlh, RTA_SRC, address_bytes(to), source->bytes);
	mnl_attr_put_u32(nlh, RTA_IIF, in);
	*says = (struct kernel_says){ 0 };
	err = talk(k, nlh, take_answer, says);
	return means_no_way(err) ? 0 : err;
}

static bool has_hop(const struct kernel_says *says, const struct kernel_hop *hop)
{
	for (unsigned int i = 0; i < says->hops; i++)
		if (says->hop[i].ifindex == hop->ifindex && addr_equal(&says->hop[i].via, &hop->via))
			return true;
	return false;
}

/*
 * An IPv6 route by a nexthop object: what the kernel names for the route may be another one that has
 * the same object in its group, since what it caches belongs to the object. What it chooses is right; so
 * it is asked for packets from other sources, until it has hardly another way left to show.
 */
static int ask_for_many(struct kernel *k, const struct addr *to, const struct addr *source, uint32_t in,
			struct kernel_says *says)
{
	struct addr from = *source;

	*says = (struct kernel_says){ 0 };
	for (unsigned int i = 0; i < MANY; i++) {
		struct kernel_says one;
		int err;

		from.bytes[14] = i;
		err = ask(k, to, &from, in, 0, &one);
		if (err)
			return err;
		says->forwards = one.forwards;
		if (one.hops && !has_hop(says, &one.hop[0]))
			add_hop(says, &one.hop[0]);
	}
	return 0;
}

int kernel_ask(struct kernel *k, const struct addr *to, const struct addr *source, uint32_t in,
	       struct kernel_says *says)
{
	/* The route with all its paths, not the one that was drawn. */
	int err = ask(k, to, source, in, RTM_F_FIB_MATCH, says);

	return err || to->family == ADDR_V4 || !says->object ? err : ask_for_many(k, to, source, in, says);
}

/* ---- changing ---------------------------------------------------------------------------- */

int kernel_change(struct kernel *k, const struct prefix *prefix, const struct addr *via)
{
	char request[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct rtmsg *route;

	nlh->nlmsg_type = via ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (via ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	route = mnl_nlmsg_put_extra_header(nlh, sizeof(*route));
	route->rtm_family = family_of(&prefix->addr);
	route->rtm_dst_len = prefix->len;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = OURS;
	route->rtm_type = RTN_UNICAST;
	route->rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	mnl_attr_put(nlh, RTA_DST, address_bytes(&prefix->addr), prefix->addr.bytes);
	if (via)
		mnl_attr_put(nlh, RTA_GATEWAY, address_bytes(via), via->bytes);
	return talk(k, nlh, NULL, NULL);
}

/* ---- what there is ------------------------------------------------------------------------ */

static int dump(struct kernel *k, uint16_t type, size_t header, mnl_cb_t take, void *arg)
{
	char request[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, header);
	return talk(k, nlh, take, arg);
}

struct prefixes {
	uint32_t table;
	struct vec *list;
};

static int take_prefix(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	struct prefix p = { .len = route->rtm_dst_len };
	uint32_t table = route->rtm_table;
	struct prefixes *of = arg;
	struct nlattr *attr;

	if (route->rtm_family != AF_INET && route->rtm_family != AF_INET6)
		return MNL_CB_OK;
	if (route->rtm_type != RTN_UNICAST || route->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	p.addr.family = route->rtm_family == AF_INET ? ADDR_V4 : ADDR_V6;
	mnl_attr_for_each(attr, nlh, sizeof(*route)) {
		if (mnl_attr_get_type(attr) == RTA_DST)
			p.addr = address_of(attr);
		if (mnl_attr_get_type(attr) == RTA_TABLE && !mnl_attr_validate(attr, MNL_TYPE_U32))
			table = mnl_attr_get_u32(attr);
	}
	if (table == of->table)
		vec_append(of->list, &p);
	return MNL_CB_OK;
}

int kernel_prefixes(struct kernel *k, uint32_t table, struct vec *prefixes)
{
	struct prefixes of = { table, prefixes };

	return dump(k, RTM_GETROUTE, sizeof(struct rtmsg), take_prefix, &of);
}

static int take_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *n = mnl_nlmsg_get_payload(nlh);
	struct neighbour_key key = { .ifindex = n->ndm_ifindex };
	const void *mac = NULL;
	struct kernel *k = arg;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*n)) {
		if (mnl_attr_get_type(attr) == NDA_DST)
			key.addr = address_of(attr);
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == 6)
			mac = mnl_attr_get_payload(attr);
	}
	if (mac && key.addr.family && !(n->ndm_state & (NUD_FAILED | NUD_INCOMPLETE)))
		memcpy(table_put(&k->neighbours, &key, NULL), mac, 6);
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	uint32_t ifindex = link->ifi_index;
	struct kernel *k = arg;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*link))
		if (mnl_attr_get_type(attr) == IFLA_ADDRESS && mnl_attr_get_payload_len(attr) == 6)
			memcpy(table_put(&k->links, &ifindex, NULL), mnl_attr_get_payload(attr), 6);
	return MNL_CB_OK;
}

int kernel_learn(struct kernel *k)
{
	int err;

	table_free(&k->neighbours);
	table_free(&k->links);
	err = dump(k, RTM_GETNEIGH, sizeof(struct ndmsg), take_neighbour, k);
	return err ? err : dump(k, RTM_GETLINK, sizeof(struct ifinfomsg), take_link, k);
}

const uint8_t *kernel_neighbour(const struct kernel *k, uint32_t ifindex, const struct addr *via)
{
	struct neighbour_key key = { .ifindex = ifindex, .addr = *via };

	return table_get(&k->neighbours, &key);
}

const uint8_t *kernel_link(const struct kernel *k, uint32_t ifindex)
{
	return table_get(&k->links, &ifindex);
}

/* ---- listening ---------------------------------------------------------------------------- */

int kernel_listen(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), size = 32 << 20, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int kernel_heard(int fd)
{
	static char buffer[BUFFER];
	bool lost = false;
	int heard = 0;

	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == ENOBUFS)
			lost = true;
		else if (n < 0 && errno != EINTR)
			return lost ? -ENOBUFS : heard;
		else
			heard += n > 0;
	}
}

/* ---- ends ---------------------------------------------------------------------------------- */

int kernel_open(struct kernel **out)
{
	struct kernel *k = xcalloc(1, sizeof(*k));

	k->neighbours = TABLE(struct neighbour_key, struct mac);
	k->links = TABLE(uint32_t, struct mac);
	k->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!k->socket || mnl_socket_bind(k->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = -errno;

		kernel_close(k);
		return err;
	}
	*out = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	if (k->socket)
		mnl_socket_close(k->socket);
	table_free(&k->neighbours);
	table_free(&k->links);
	free(k);
}

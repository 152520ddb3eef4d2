// SPDX-License-Identifier: GPL-2.0
/*
 * A request with NTF_EXT_MANAGED changes the flag and keeps the state, with one exception: a
 * permanent entry would lose its permanence. So the entry is looked at first. NTF_USE without that
 * flag takes it away in the same manner.
 */
#include "netlink/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "base/vec.h"

struct neighbour_asker {
	struct mnl_socket *socket;
	uint32_t seq;
};

int neighbour_asker_open(struct neighbour_asker **asker)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		mnl_socket_close(socket);
		return err;
	}
	*asker = xcalloc(1, sizeof(**asker));
	(*asker)->socket = socket;
	return 0;
}

void neighbour_asker_close(struct neighbour_asker *asker)
{
	if (!asker)
		return;
	mnl_socket_close(asker->socket);
	free(asker);
}

static struct nlmsghdr *put_request(struct neighbour_asker *asker, void *buffer, uint16_t type,
				    uint16_t flags, uint8_t ndm_flags, uint32_t ifindex,
				    const struct addr *a)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ndmsg *ndm;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++asker->seq;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_flags = ndm_flags;
	mnl_attr_put(nlh, NDA_DST, addr_bits(a->family) / 8, a->bytes);
	return nlh;
}

/* Sends a request and takes the answer to it. */
static int ask(struct neighbour_asker *asker, struct nlmsghdr *nlh, mnl_cb_t take, void *ctx)
{
	uint32_t portid = mnl_socket_get_portid(asker->socket);
	char buffer[8192] __attribute__((aligned(8)));
	ssize_t n;

	if (mnl_socket_sendto(asker->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(asker->socket, buffer, sizeof(buffer));
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n < 0 || mnl_nlmsg_get_payload_len((void *)buffer) < sizeof(uint32_t) ||
		 ((struct nlmsghdr *)buffer)->nlmsg_seq != asker->seq);
	return mnl_cb_run(buffer, n, asker->seq, portid, take, ctx) < 0 ? -errno : 0;
}

static int take_state(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWNEIGH && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ndm))
		*(uint16_t *)ctx = ndm->ndm_state;
	return MNL_CB_OK;
}

/* The state of the entry; 0: there is none. */
static uint16_t state_of(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a)
{
	char buffer[256] __attribute__((aligned(8)));
	uint16_t state = NUD_NONE;

	ask(asker, put_request(asker, buffer, RTM_GETNEIGH, 0, 0, ifindex, a), take_state, &state);
	return state;
}

static bool is_fixed(uint16_t state)
{
	return state & (NUD_PERMANENT | NUD_NOARP);
}

int neighbour_keep(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;

	if (is_fixed(state_of(asker, ifindex, a)))
		return 0;
	nlh = put_request(asker, buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, 0,
			  ifindex, a);
	mnl_attr_put_u32(nlh, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	return ask(asker, nlh, NULL, NULL);
}

int neighbour_use(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a)
{
	char buffer[256] __attribute__((aligned(8)));
	int err;

	err = ask(asker, put_request(asker, buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE, NTF_USE,
				     ifindex, a), NULL, NULL);
	return err == -ENOENT ? 0 : err;
}

int neighbour_release(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a)
{
	uint16_t state = state_of(asker, ifindex, a);

	return state == NUD_NONE || is_fixed(state) ? 0 : neighbour_use(asker, ifindex, a);
}

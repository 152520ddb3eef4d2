// SPDX-License-Identifier: GPL-2.0
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/vec.h"

#define FRAME 96	/* bytes */

struct probe {
	int program;
	uint32_t ifindex;
	uint8_t mac[6];
	struct addr source[2];		/* IPv4, IPv6 */
};

static uint16_t checksum(const uint8_t *bytes, unsigned int n)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < n; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void make_frame(const struct probe *p, const struct addr *to, uint8_t *frame)
{
	const struct addr *source = probe_source(p, to->family);
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *ip4 = (struct iphdr *)(eth + 1);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(eth + 1);
	uint16_t *udp;

	memset(frame, 0, FRAME);
	memcpy(eth->h_dest, p->mac, 6);
	memcpy(eth->h_source, "\x02\0\0\0\0\x01", 6);
	if (to->family == ADDR_V4) {
		eth->h_proto = htons(ETH_P_IP);
		ip4->version = 4;
		ip4->ihl = 5;
		ip4->tot_len = htons(FRAME - sizeof(*eth));
		ip4->ttl = 64;
		ip4->protocol = IPPROTO_UDP;
		memcpy(&ip4->saddr, source->bytes, 4);
		memcpy(&ip4->daddr, to->bytes, 4);
		ip4->check = checksum((uint8_t *)ip4, sizeof(*ip4));
		udp = (uint16_t *)(ip4 + 1);
	} else {
		eth->h_proto = htons(ETH_P_IPV6);
		ip6->version = 6;
		ip6->payload_len = htons(FRAME - sizeof(*eth) - sizeof(*ip6));
		ip6->nexthdr = IPPROTO_UDP;
		ip6->hop_limit = 64;
		memcpy(&ip6->saddr, source->bytes, 16);
		memcpy(&ip6->daddr, to->bytes, 16);
		udp = (uint16_t *)(ip6 + 1);
	}
	udp[0] = htons(40000);
	udp[1] = htons(9);
	udp[2] = htons(frame + FRAME - (uint8_t *)udp);
}

int probe_ask(const struct probe *p, const struct addr *to, struct probe_says *says)
{
	uint8_t frame[FRAME], out[2 * FRAME];
	struct xdp_md in = { .data_end = FRAME, .ingress_ifindex = p->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &in, .ctx_size_in = sizeof(in), .repeat = 1);
	int err;

	make_frame(p, to, frame);
	do
		err = bpf_prog_test_run_opts(p->program, &run);
	while (err == -EINTR || err == -EAGAIN);
	if (err)
		return err;
	*says = (struct probe_says){
		.forwards = run.retval == XDP_REDIRECT || run.retval == XDP_TX,
		.drops = run.retval == XDP_DROP || run.retval == XDP_ABORTED,
	};
	if (says->forwards) {
		memcpy(says->to, out, 6);
		memcpy(says->from, out + 6, 6);
	}
	return 0;
}

/* ---- the interface ------------------------------------------------------------------ */

/* A neighbour that could be: two bits changed, or one where there are no more. */
static struct addr beside(struct addr own, unsigned int len)
{
	unsigned int last = addr_bits(own.family) / 8 - 1;

	own.bytes[last] ^= len + 1 >= addr_bits(own.family) ? 1 : 3;
	return own;
}

static unsigned int mask_len(const struct sockaddr *mask)
{
	const uint8_t *bytes = mask->sa_family == AF_INET ?
		(uint8_t *)&((struct sockaddr_in *)mask)->sin_addr :
		(uint8_t *)&((struct sockaddr_in6 *)mask)->sin6_addr;
	unsigned int len = 0;

	for (unsigned int i = 0; i < (mask->sa_family == AF_INET ? 4 : 16); i++)
		len += __builtin_popcount(bytes[i]);
	return len;
}

static int find_sources(struct probe *p, const char *interface)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return -errno;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr *a = i->ifa_addr;

		if (!a || strcmp(i->ifa_name, interface) || !i->ifa_netmask)
			continue;
		if (a->sa_family == AF_INET && !p->source[0].family)
			p->source[0] = beside(addr_from_bytes(ADDR_V4, &((struct sockaddr_in *)a)->sin_addr),
					      mask_len(i->ifa_netmask));
		if (a->sa_family == AF_INET6 && !p->source[1].family &&
		    !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)a)->sin6_addr))
			p->source[1] = beside(addr_from_bytes(ADDR_V6, &((struct sockaddr_in6 *)a)->sin6_addr),
					      mask_len(i->ifa_netmask));
	}
	freeifaddrs(all);
	return 0;
}

static int find_mac(struct probe *p, const char *interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
	err = fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : 0;
	memcpy(p->mac, request.ifr_hwaddr.sa_data, 6);
	if (fd >= 0)
		close(fd);
	return err;
}

int probe_open(struct probe **out, const char *interface, struct text *why)
{
	struct probe *p = xcalloc(1, sizeof(*p));
	uint32_t id = 0;
	int err;

	p->program = -1;
	p->ifindex = if_nametoindex(interface);
	err = p->ifindex ? find_mac(p, interface) : -errno;
	if (!err)
		err = find_sources(p, interface);
	if (!err)
		err = bpf_xdp_query_id(p->ifindex, 0, &id);
	if (!err && !id) {
		text_printf(why, "%s: no XDP program is attached", interface);
		err = -ENOENT;
	}
	if (!err) {
		p->program = bpf_prog_get_fd_by_id(id);
		err = p->program < 0 ? p->program : 0;
	}
	if (err) {
		if (!why->len)
			text_printf(why, "%s: %s", interface, strerror(-err));
		probe_close(p);
		return err;
	}
	*out = p;
	return 0;
}

void probe_close(struct probe *p)
{
	if (p && p->program >= 0)
		close(p->program);
	free(p);
}

uint32_t probe_in(const struct probe *p)
{
	return p->ifindex;
}

const struct addr *probe_source(const struct probe *p, uint8_t family)
{
	return &p->source[family == ADDR_V6];
}

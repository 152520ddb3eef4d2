/* SPDX-License-Identifier: GPL-2.0 */
/*
 * leg.bpf.h: what a leg does to its copy.
 */
#ifndef SLUICE_LEG_BPF_H
#define SLUICE_LEG_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/rewrite.bpf.h"

struct copy {
	struct link_header link;
	__u32 ip_offset;
	__u8 ttl;		/* as it came in */
};

static __always_inline struct leg *find_leg(__u32 generation, __u32 group, __u32 port)
{
	struct leg_key key = { .generation = generation, .group = group, .port = port };

	return bpf_map_lookup_elem(&leg_table, &key);
}

/* RFC 1112, 6.4: 01:00:5e and the low 23 bits of the group. */
static __always_inline void ip4_group_mac(__u8 *mac, const __u8 *group)
{
	mac[0] = 0x01;
	mac[1] = 0x00;
	mac[2] = 0x5e;
	mac[3] = group[1] & 0x7f;
	mac[4] = group[2];
	mac[5] = group[3];
}

/* RFC 2464, 7: 33:33 and the low 32 bits of the group. */
static __always_inline void ip6_group_mac(__u8 *mac, const __u8 *group)
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	__builtin_memcpy(mac + 2, group + 12, 4);
}

/* What of the frame a copy needs. Return: 0, or -1 if it is no multicast IP packet. */
static __always_inline int copy_parse(struct xdp_md *ctx, struct copy *copy)
{
	struct packet p = {};
	void *ip;

	if (parse_link(ctx, &p))
		return -1;
	copy->ip_offset = p.ip_offset;
	ip = frame_start(ctx) + p.ip_offset;
	if (p.ethertype == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip4 = ip;
		const __u8 *to = (const __u8 *)&ip4->daddr;

		if ((void *)(ip4 + 1) > frame_end(ctx) || (to[0] & 0xf0) != 0xe0)
			return -1;
		copy->link.family = 4;
		copy->ttl = ip4->ttl;
		ip4_group_mac(copy->link.destination, to);
		return 0;
	}
	if (p.ethertype == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = ip;
		const __u8 *to = (const __u8 *)&ip6->daddr;

		if ((void *)(ip6 + 1) > frame_end(ctx) || to[0] != 0xff)
			return -1;
		copy->link.family = 6;
		copy->ttl = ip6->hop_limit;
		ip6_group_mac(copy->link.destination, to);
		return 0;
	}
	return -1;
}

/* The TTL that @leg sends, 0 if it may not send. */
static __always_inline __u8 leg_ttl(const struct leg *leg, __u8 ttl)
{
	if (leg->flags & LEG_TTL)
		return leg->ttl;
	return ttl ? ttl - 1 : 0;
}

/* Rewrites the frame for @leg and counts it. Return: 0, or -1 if the copy may not go out. */
static __always_inline int copy_rewrite(struct xdp_md *ctx, struct copy *copy,
					const struct leg *leg)
{
	__u8 ttl = leg_ttl(leg, copy->ttl);

	if (!ttl) {
		count(leg->counter_ttl, bpf_xdp_get_buff_len(ctx));
		return -1;
	}
	__builtin_memcpy(copy->link.source, ports()->port[leg->port & (PORTS_MAX - 1)].mac, ETH_ALEN);
	copy->link.vlan = leg->flags & LEG_VLAN ? leg->vlan : 0;
	if (rewrite(ctx, copy->ip_offset, &copy->link, ttl))
		return -1;
	count(leg->counter, bpf_xdp_get_buff_len(ctx));
	return 0;
}

#endif

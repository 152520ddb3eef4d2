/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rewrite.bpf.h: new link-layer header and TTL for a frame that leaves.
 *
 * Shared by routing and by the egress program of copies: both replace whatever
 * Ethernet header and tags came in, and both lower or set the TTL.
 */
#ifndef SLUICE_REWRITE_BPF_H
#define SLUICE_REWRITE_BPF_H

#include "bpf/parse.bpf.h"

struct link_header {
	__u8 destination[ETH_ALEN];
	__u8 source[ETH_ALEN];
	__u16 vlan;		/* TCI of the tag to push; 0: none */
	__u8 family;		/* of the IP packet inside: 4 or 6 */
};

/*
 * RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), where m is the 16-bit word of TTL
 * and protocol. Only the TTL changes, so the two words' difference is enough.
 */
static __always_inline void set_ip4_ttl(struct iphdr *ip, __u8 ttl)
{
	__u16 *word = (__u16 *)&ip->ttl;
	__u32 sum = (__u16)~ip->check + (__u32)(__u16)~*word;

	ip->ttl = ttl;
	sum += *word;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
}

/*
 * Makes the frame, whose IP header stands @ip_offset bytes in, start with @link,
 * and sets its TTL or hop limit. The IP header must be in the first buffer.
 * Return: 0, or -1 if the frame has no room (it is then as it was).
 */
static __always_inline int rewrite(struct xdp_md *ctx, __u32 ip_offset,
				   const struct link_header *link, __u8 ttl)
{
	__u32 header = sizeof(struct ethhdr) + (link->vlan ? sizeof(struct vlan_tag) : 0);
	__be16 type = link->family == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	struct ethhdr *eth;
	void *ip, *end;

	if (header != ip_offset && bpf_xdp_adjust_head(ctx, (int)ip_offset - (int)header))
		return -1;
	eth = frame_start(ctx);
	end = frame_end(ctx);
	ip = eth + 1;
	if (ip + sizeof(struct vlan_tag) + sizeof(struct ipv6hdr) > end &&
	    ip + sizeof(struct iphdr) > end)
		return -1;
	__builtin_memcpy(eth->h_dest, link->destination, ETH_ALEN);
	__builtin_memcpy(eth->h_source, link->source, ETH_ALEN);
	if (link->vlan) {
		struct vlan_tag *tag = ip;

		eth->h_proto = bpf_htons(ETH_P_8021Q);
		tag->tci = bpf_htons(link->vlan);
		tag->next = type;
		ip += sizeof(*tag);
	} else {
		eth->h_proto = type;
	}
	if (link->family == 4) {
		if (ip + sizeof(struct iphdr) > end)
			return -1;
		set_ip4_ttl(ip, ttl);
	} else {
		if (ip + sizeof(struct ipv6hdr) > end)
			return -1;
		((struct ipv6hdr *)ip)->hop_limit = ttl;
	}
	return 0;
}

#endif

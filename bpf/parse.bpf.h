/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parse.bpf.h: from bytes to a struct packet.
 *
 * One pass over Ethernet, up to two VLAN tags, IPv4 with options or IPv6 with
 * extension headers, and the ports of TCP and UDP. What is malformed has a reason
 * of its own; bpf/reasons.h says exactly what each test means, in this order. What only
 * filters test is read only if there are some.
 *
 * Ethernet and IP headers are read, and later rewritten, where they lie; what
 * follows may lie anywhere in a frame of several buffers and is copied out if
 * it does not lie in the first one.
 *
 * A stage is a global function: the verifier looks at it once, for any packet,
 * instead of once for each way through the stages before it.
 */
#ifndef SLUICE_PARSE_BPF_H
#define SLUICE_PARSE_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/classify.h"
#include "bpf/layout.h"

const volatile struct classify_shape filter;	/* layers 0: there is none */

#define VLAN_TAGS_MAX		2
#define VLAN_UNKNOWN		0xffff	/* an id that no tag has */
#define IP6_EXTENSIONS_MAX	8
#define IP_FRAGMENT_OFFSET	0x1fff
#define IP_MORE_FRAGMENTS	0x2000

#define STAGE __attribute__((noinline))

struct vlan_tag {
	__be16 tci;
	__be16 next;		/* ethertype of what follows */
};

enum fragment { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

#define PACKET_OPTIONS	(1u << 0)	/* IPv4 options, or a hop-by-hop header */

struct packet {
	__u8 source[16] __attribute__((aligned(8)));	/* network order; IPv4 in the first four, rest 0 */
	__u8 destination[16];
	__be16 sport, dport;	/* 0 where there are none */
	__u8 protocol;
	__u8 family;		/* 4 or 6 */
	__u8 ttl;		/* or hop limit */
	__u8 fragment;		/* enum fragment */
	__u8 flags;		/* PACKET_* */
	__u8 tags;		/* VLAN tags in front of the IP header */
	__u16 vlan;		/* VLAN id of the outer tag; VLAN_UNKNOWN if it is not 802.1Q's */
	__u16 ip_offset;	/* bytes from the frame's start to the IP header */
	__u16 port;		/* came in on */
	__u32 transport;	/* bytes from the IP header to the transport header */
	__u32 ip_length;	/* bytes of the IP packet, by its header */
	__u32 length;		/* bytes of the frame, all buffers */
	__be16 ethertype;	/* behind the tags that were read */
	__u16 testing;		/* port of a test run that leaves all state as it is; 0: none */

	/* for filters; 0 where there are none */
	__u16 tci;		/* of the outer tag */
	__u8 tos;		/* or traffic class */
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;

	/* what the later stages decide */
	__u16 out_port;		/* forwarded: out of */
	__u32 mark;		/* for the host's stack */
	__u32 dropped_by;	/* number + 1 of the rule that drops it; 0: none does */
	__u32 group;		/* replicated: number */
	union {
		__u32 group_flags;	/* replicated */
		__u32 hop_counter;	/* forwarded: struct nexthop.counter */
	};
};

/*
 * An address of @words pieces, the rest 0, in stores of 64 bits: measure() reads it so, soon after,
 * and would wait for narrower ones to reach the cache.
 */
static __always_inline void address_set(__u8 *to, const __be32 *from, int words)
{
	union {
		__be32 piece[4];
		__u64 store[2];
	} address = { 0 };

	for (int i = 0; i < words; i++)
		address.piece[i] = from[i];
	((__u64 *)to)[0] = address.store[0];
	((__u64 *)to)[1] = address.store[1];
}

/* As the verifier can believe it: it knows nothing of what another stage wrote. */
static __always_inline __u32 ip_offset(const struct packet *p)
{
	return p->ip_offset & 31;
}

static __always_inline void *frame_start(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* A frame of several buffers: what ctx shows is the first. */
static __always_inline bool several_buffers(struct xdp_md *ctx, const struct packet *p)
{
	return frame_end(ctx) - frame_start(ctx) != p->length;
}

/* @size bytes at @offset, in place or copied to @buf; NULL if the frame ends before. */
static __always_inline const void *bytes_at(struct xdp_md *ctx, __u32 offset, __u32 size, void *buf)
{
	void *at = frame_start(ctx);

	if (offset < 0x4000) {
		at += offset;
		if (at + size <= frame_end(ctx))
			return at;
	}
	return bpf_xdp_load_bytes(ctx, offset, buf, size) ? NULL : buf;
}

/* Ethernet and tags: sets tags, vlan, ip_offset, ethertype. */
static __always_inline enum sluice_reason parse_link(struct xdp_md *ctx, struct packet *p)
{
	void *data = frame_start(ctx), *end = frame_end(ctx);
	struct ethhdr *eth = data;
	__u32 offset = sizeof(*eth);
	__be16 type;

	if (data + sizeof(*eth) > end)
		return REASON_eth_short;
	type = eth->h_proto;
#pragma unroll
	for (int i = 0; i <= VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag = data + offset;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (data + offset + sizeof(*tag) > end)
			return REASON_vlan_short;
		if (i == VLAN_TAGS_MAX) {
			p->ethertype = type;
			return REASON_vlan_deep;
		}
		if (i == 0)
			p->vlan = type == bpf_htons(ETH_P_8021Q) ?
				  bpf_ntohs(tag->tci) & 0xfff : VLAN_UNKNOWN;
		if (i == 0 && filter.layers)
			p->tci = bpf_ntohs(tag->tci);
		p->tags = i + 1;
		type = tag->next;
		offset += sizeof(*tag);
	}
	p->ip_offset = offset;
	p->ethertype = type;
	return REASON_none;
}

/* The Internet checksum's sum, folded: 0xffff over a header whose checksum is right. */
static __always_inline __u16 fold_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline enum sluice_reason parse_ip4(struct xdp_md *ctx, struct packet *p)
{
	void *data = frame_start(ctx), *end = frame_end(ctx);
	__u32 left = p->length - ip_offset(p), header, words;
	struct iphdr *ip = data + ip_offset(p);
	__u16 fragment;
	__u64 sum = 0;

	if ((void *)(ip + 1) > end)
		return left < sizeof(*ip) ? REASON_ip4_short : REASON_nonlinear;
	if (ip->version != 4)
		return REASON_ip4_version;
	words = ip->ihl;
	header = words * 4;
	if (header < sizeof(*ip) || header > left)
		return REASON_ip4_header;
	p->ip_length = bpf_ntohs(ip->tot_len);
	if (p->ip_length < header || p->ip_length > left)
		return REASON_ip4_length;

#pragma unroll
	for (int i = 0; i < 5; i++)
		sum += ((__u32 *)ip)[i];
	if (words > 5) {
		for (__u32 i = 5; i < 15; i++) {
			__u32 *word = (__u32 *)ip + i;

			if (i >= words)
				break;
			if ((void *)(word + 1) > end)
				return REASON_nonlinear;
			sum += *word;
		}
		p->flags |= PACKET_OPTIONS;
	}
	if (fold_sum(sum) != 0xffff)
		return REASON_ip4_checksum;

	address_set(p->source, &ip->saddr, 1);
	address_set(p->destination, &ip->daddr, 1);
	p->family = 4;
	p->protocol = ip->protocol;
	p->ttl = ip->ttl;
	if (filter.layers)
		p->tos = ip->tos;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & IP_FRAGMENT_OFFSET)
		p->fragment = FRAGMENT_LATER;
	else if (fragment & IP_MORE_FRAGMENTS)
		p->fragment = FRAGMENT_FIRST;
	p->transport = header;
	return REASON_none;
}

/* Walks the extension headers, and puts p->transport behind them. */
STAGE int parse_ip6_extensions(struct xdp_md *ctx, struct packet *p)
{
	__u32 offset = sizeof(struct ipv6hdr), size;
	__u8 next;

	if (!p)
		return REASON_none;
	next = p->protocol;

	for (int i = 0; i <= IP6_EXTENSIONS_MAX; i++) {
		__u8 buf[8];
		const __u8 *ext;
		bool walked = next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
			      next == IPPROTO_AH || next == IPPROTO_FRAGMENT ||
			      (next == IPPROTO_HOPOPTS && i == 0);

		if (!walked || p->fragment == FRAGMENT_LATER)
			break;
		if (i == IP6_EXTENSIONS_MAX) {
			p->protocol = next;
			return REASON_ip6_ext_many;
		}
		if (offset + 8 > p->ip_length)
			return REASON_ip6_ext_short;
		ext = bytes_at(ctx, ip_offset(p) + offset, 8, buf);
		if (!ext)
			return REASON_ip6_ext_short;
		size = (ext[1] + 1) * 8;
		if (next == IPPROTO_AH) {
			size = (ext[1] + 2) * 4;
		} else if (next == IPPROTO_FRAGMENT) {
			size = 8;
			if (ext[2] || ext[3] & 0xf8)
				p->fragment = FRAGMENT_LATER;
			else if (ext[3] & 1)
				p->fragment = FRAGMENT_FIRST;
		} else if (next == IPPROTO_HOPOPTS) {
			p->flags |= PACKET_OPTIONS;
		}
		if (offset + size > p->ip_length)
			return REASON_ip6_ext_short;
		offset += size;
		next = ext[0];
	}
	p->protocol = next;
	p->transport = offset;
	return REASON_none;
}

static __always_inline enum sluice_reason parse_ip6(struct xdp_md *ctx, struct packet *p)
{
	__u32 left = p->length - ip_offset(p), payload;
	void *data = frame_start(ctx);
	struct ipv6hdr *ip = data + ip_offset(p);

	if ((void *)(ip + 1) > frame_end(ctx))
		return left < sizeof(*ip) ? REASON_ip6_short : REASON_nonlinear;
	if (ip->version != 6)
		return REASON_ip6_version;
	address_set(p->source, ip->saddr.in6_u.u6_addr32, 4);
	address_set(p->destination, ip->daddr.in6_u.u6_addr32, 4);
	p->family = 6;
	p->protocol = ip->nexthdr;
	p->ttl = ip->hop_limit;
	if (filter.layers)
		p->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	payload = bpf_ntohs(ip->payload_len);
	if (!payload && ip->nexthdr == IPPROTO_HOPOPTS)
		return REASON_ip6_jumbo;
	p->ip_length = sizeof(*ip) + payload;
	if (p->ip_length > left)
		return REASON_ip6_length;
	return parse_ip6_extensions(ctx, p);
}

static __always_inline enum sluice_reason parse_tcp(struct xdp_md *ctx, struct packet *p,
						    __u32 offset, __u32 payload)
{
	struct tcphdr buf;
	const struct tcphdr *tcp;
	__u32 header;

	if (payload < sizeof(*tcp))
		return REASON_tcp_short;
	tcp = bytes_at(ctx, offset, sizeof(*tcp), &buf);
	if (!tcp)
		return REASON_nonlinear;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > payload)
		return REASON_tcp_header;
	p->sport = tcp->source;
	p->dport = tcp->dest;
	if (filter.fields & 1u << RULES_TCP_FLAGS)
		p->tcp_flags = ((const __u8 *)tcp)[13];
	return REASON_none;
}

static __always_inline enum sluice_reason parse_udp(struct xdp_md *ctx, struct packet *p,
						    __u32 offset, __u32 payload)
{
	struct udphdr buf;
	const struct udphdr *udp;
	__u32 length;

	if (payload < sizeof(*udp))
		return REASON_udp_short;
	udp = bytes_at(ctx, offset, sizeof(*udp), &buf);
	if (!udp)
		return REASON_nonlinear;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) || (p->fragment == FRAGMENT_NONE && length > payload))
		return REASON_udp_length;
	p->sport = udp->source;
	p->dport = udp->dest;
	return REASON_none;
}

/* Either ICMP, of at least @least bytes. */
static __always_inline enum sluice_reason parse_icmp(struct xdp_md *ctx, struct packet *p,
						     __u32 offset, __u32 payload, __u32 least)
{
	__u8 buf[2];
	const __u8 *icmp;

	if (payload < least)
		return REASON_icmp_short;
	if (!(filter.fields & (1u << RULES_ICMP_TYPE | 1u << RULES_ICMP_CODE)))
		return REASON_none;
	icmp = bytes_at(ctx, offset, sizeof(buf), buf);
	if (!icmp)
		return REASON_nonlinear;
	p->icmp_type = icmp[0];
	p->icmp_code = icmp[1];
	return REASON_none;
}

static __always_inline enum sluice_reason parse_transport(struct xdp_md *ctx, struct packet *p)
{
	__u32 payload = p->ip_length - p->transport, offset = ip_offset(p) + p->transport;

	if (p->fragment == FRAGMENT_LATER)
		return REASON_none;
	if (p->protocol == IPPROTO_TCP)
		return parse_tcp(ctx, p, offset, payload);
	if (p->protocol == IPPROTO_UDP)
		return parse_udp(ctx, p, offset, payload);
	if (p->family == 4 && p->protocol == IPPROTO_ICMP)
		return parse_icmp(ctx, p, offset, payload, 8);
	if (p->family == 6 && p->protocol == IPPROTO_ICMPV6)
		return parse_icmp(ctx, p, offset, payload, 4);
	if (p->family == 4 && p->protocol == IPPROTO_IGMP && payload < 8)
		return REASON_igmp_short;
	return REASON_none;
}

/**
 * parse() - fills @p from the frame; @p is zeroed but for port and testing.
 * Return: REASON_none if it is a well-formed IP packet, else what is to become of it.
 */
STAGE int parse(struct xdp_md *ctx, struct packet *p)
{
	enum sluice_reason reason;

	if (!p)
		return REASON_none;
	p->length = bpf_xdp_get_buff_len(ctx);
	reason = parse_link(ctx, p);
	if (reason)
		return reason;
	if (p->ethertype == bpf_htons(ETH_P_IP))
		reason = parse_ip4(ctx, p);
	else if (p->ethertype == bpf_htons(ETH_P_IPV6))
		reason = parse_ip6(ctx, p);
	else
		return REASON_not_ip;
	return reason ? reason : parse_transport(ctx, p);
}

#endif

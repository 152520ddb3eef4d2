// SPDX-License-Identifier: GPL-2.0
/*
 * eval_packet.c: the first half of bpf/reasons.h: link, IPv4, IPv6, transport. Every test of that text is
 * one "if" here, with the same names (L, n, p) and in the same order.
 */
#include "policy/eval_packet.h"

/* ---- link --------------------------------------------------------------- */

static bool is_tag(unsigned int ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
}

static enum sluice_reason read_link(struct packet *k)
{
	size_t L = k->length;
	size_t at = 14;

	if (L < 14)
		return REASON_eth_short;
	k->ethertype = word_at(k, 12);
	while (is_tag(k->ethertype)) {
		if (L < at + 4)
			return REASON_vlan_short;
		if (k->tags == 2)
			return REASON_vlan_deep;
		if (k->tags == 0) {
			k->customer = k->ethertype == ETHERTYPE_VLAN;
			k->vlan = word_at(k, at) & 0xfff;
			k->pcp = word_at(k, at) >> 13;
		}
		k->tags++;
		k->ethertype = word_at(k, at + 2);
		at += 4;
	}
	if (k->ethertype != ETHERTYPE_IP4 && k->ethertype != ETHERTYPE_IP6)
		return REASON_not_ip;
	k->ip = at;
	return REASON_none;
}

/* ---- IPv4 --------------------------------------------------------------- */

/* RFC 1071: the complement of the one's complement sum of the header's 16-bit words. */
unsigned int header_checksum(const uint8_t *header, size_t len)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (unsigned long)header[i] << 8 | header[i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static enum sluice_reason read_ip4(struct packet *k)
{
	size_t n = k->length - k->ip;
	size_t header;
	unsigned int fragment;

	if (n < 20)
		return REASON_ip4_short;
	if (byte_at(k, k->ip) >> 4 != 4)
		return REASON_ip4_version;
	header = 4 * (byte_at(k, k->ip) & 0xf);
	if (header < 20 || header > n)
		return REASON_ip4_header;
	k->ip_len = word_at(k, k->ip + 2);
	if (k->ip_len < header || k->ip_len > n)
		return REASON_ip4_length;
	/* Over a header with its checksum in it, the sum is all ones: its complement is 0. */
	if (header_checksum(k->frame + k->ip, header) != 0)
		return REASON_ip4_checksum;

	k->options = header > 20;
	fragment = word_at(k, k->ip + 6);
	k->later_fragment = (fragment & 0x1fff) != 0;
	k->first_fragment = !k->later_fragment && (fragment & 0x2000);
	k->dscp = byte_at(k, k->ip + 1) >> 2;
	k->ecn = byte_at(k, k->ip + 1) & 3;
	k->ttl = byte_at(k, k->ip + 8);
	k->proto = byte_at(k, k->ip + 9);
	k->src = addr_from_bytes(ADDR_V4, k->frame + k->ip + 12);
	k->dst = addr_from_bytes(ADDR_V4, k->frame + k->ip + 16);
	k->transport = k->ip + header;
	return REASON_none;
}

/* ---- IPv6 --------------------------------------------------------------- */

/* Whether the header number @walked (from 0), of the type @next, is an extension. */
static bool is_extension(unsigned int next, unsigned int walked)
{
	switch (next) {
	case PROTO_HOPBYHOP:
		return walked == 0;
	case PROTO_ROUTING:
	case PROTO_DESTOPTS:
	case PROTO_AUTH:
	case PROTO_FRAGMENT:
		return true;
	default:
		return false;
	}
}

static enum sluice_reason walk_extensions(struct packet *k)
{
	size_t end = k->ip + k->ip_len;		/* of the payload; not past the frame */
	size_t at = k->ip + 40, size;
	unsigned int walked = 0;

	while (is_extension(k->proto, walked) && !k->later_fragment) {
		if (walked == 8)
			return REASON_ip6_ext_many;
		if (at + 8 > end)		/* none is shorter */
			return REASON_ip6_ext_short;
		if (k->proto == PROTO_FRAGMENT)
			size = 8;
		else if (k->proto == PROTO_AUTH)
			size = 4 * (byte_at(k, at + 1) + 2);
		else
			size = 8 * (byte_at(k, at + 1) + 1);
		if (at + size > end)
			return REASON_ip6_ext_short;

		if (k->proto == PROTO_HOPBYHOP)
			k->options = true;
		if (k->proto == PROTO_FRAGMENT && word_at(k, at + 2) >> 3 != 0)
			k->later_fragment = true;
		else if (k->proto == PROTO_FRAGMENT && (word_at(k, at + 2) & 1))
			k->first_fragment = true;
		k->proto = byte_at(k, at);
		at += size;
		walked++;
	}
	k->transport = at;
	return REASON_none;
}

static enum sluice_reason read_ip6(struct packet *k)
{
	size_t n = k->length - k->ip;
	unsigned int payload;

	if (n < 40)
		return REASON_ip6_short;
	if (byte_at(k, k->ip) >> 4 != 6)
		return REASON_ip6_version;
	payload = word_at(k, k->ip + 4);
	k->dscp = word_at(k, k->ip) >> 6 & 0x3f;	/* the traffic class: 8 bits behind the version */
	k->ecn = word_at(k, k->ip) >> 4 & 3;
	k->proto = byte_at(k, k->ip + 6);
	k->ttl = byte_at(k, k->ip + 7);
	k->src = addr_from_bytes(ADDR_V6, k->frame + k->ip + 8);
	k->dst = addr_from_bytes(ADDR_V6, k->frame + k->ip + 24);
	if (payload == 0 && k->proto == PROTO_HOPBYHOP)
		return REASON_ip6_jumbo;
	if (40 + payload > n)
		return REASON_ip6_length;
	k->ip_len = 40 + payload;
	return walk_extensions(k);
}

/* ---- transport ---------------------------------------------------------- */

static enum sluice_reason read_tcp(struct packet *k, size_t p)
{
	size_t header;

	if (p < 20)
		return REASON_tcp_short;
	header = 4 * (byte_at(k, k->transport + 12) >> 4);
	if (header < 20 || header > p)
		return REASON_tcp_header;
	k->l4_src = word_at(k, k->transport);
	k->l4_dst = word_at(k, k->transport + 2);
	return REASON_none;
}

static enum sluice_reason read_udp(struct packet *k, size_t p)
{
	unsigned int length;

	if (p < 8)
		return REASON_udp_short;
	length = word_at(k, k->transport + 4);
	if (length < 8 || (!k->first_fragment && length > p))
		return REASON_udp_length;
	k->l4_src = word_at(k, k->transport);
	k->l4_dst = word_at(k, k->transport + 2);
	return REASON_none;
}

static enum sluice_reason read_transport(struct packet *k)
{
	size_t p = k->ip + k->ip_len - k->transport;
	bool v4 = k->src.family == ADDR_V4;

	if (k->later_fragment)
		return REASON_none;
	if (k->proto == PROTO_TCP)
		return read_tcp(k, p);
	if (k->proto == PROTO_UDP)
		return read_udp(k, p);
	if (v4 && k->proto == PROTO_ICMP && p < 8)
		return REASON_icmp_short;
	if (!v4 && k->proto == PROTO_ICMP6 && p < 4)
		return REASON_icmp_short;
	if (v4 && k->proto == PROTO_IGMP && p < 8)
		return REASON_igmp_short;
	return REASON_none;
}

enum sluice_reason read_packet(struct packet *k)
{
	enum sluice_reason reason;

	reason = read_link(k);
	if (reason)
		return reason;
	reason = k->ethertype == ETHERTYPE_IP4 ? read_ip4(k) : read_ip6(k);
	if (reason)
		return reason;
	reason = read_transport(k);
	if (reason)
		return reason;
	k->read = true;
	return REASON_none;
}

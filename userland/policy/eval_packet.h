/* SPDX-License-Identifier: GPL-2.0 */
/*
 * eval_packet.h: private to eval*.c and frame.c: a packet as its headers say, and what the parts of the
 * meaning have in common.
 */
#ifndef SLUICE_POLICY_EVAL_PACKET_H
#define SLUICE_POLICY_EVAL_PACKET_H

#include "policy/eval.h"

#define ETHERTYPE_IP4	0x0800
#define ETHERTYPE_IP6	0x86dd
#define ETHERTYPE_VLAN	0x8100
#define ETHERTYPE_QINQ	0x88a8

#define PROTO_HOPBYHOP	0
#define PROTO_ICMP	1
#define PROTO_IGMP	2
#define PROTO_TCP	6
#define PROTO_UDP	17
#define PROTO_ROUTING	43
#define PROTO_FRAGMENT	44
#define PROTO_AUTH	51
#define PROTO_ICMP6	58
#define PROTO_DESTOPTS	60

/* What the headers of one packet say. */
struct packet {
	const uint8_t *frame;
	size_t length;			/* L */
	unsigned int tags;		/* VLAN tags */
	bool customer;			/* the outer one is of 802.1Q, as the kernel's interfaces are */
	unsigned int vlan, pcp;		/* id and priority in the outer one */
	unsigned int ethertype;		/* behind the tags; of a third tag, which is not read, its own */
	size_t ip;			/* where the IP header begins */
	size_t ip_len;			/* bytes of the IP packet, as its header says */
	size_t transport;		/* where the IP payload begins */
	struct addr src, dst;		/* family ADDR_NONE: no IP */
	unsigned int dscp, ecn;
	unsigned int ttl;
	unsigned int proto;
	bool options;			/* IPv4 options, or a hop-by-hop header */
	bool first_fragment, later_fragment;
	bool read;			/* to its end: what there is of a transport header is known */
	unsigned int l4_src, l4_dst;
};

static inline unsigned int byte_at(const struct packet *k, size_t at)
{
	return k->frame[at];
}

static inline unsigned int word_at(const struct packet *k, size_t at)
{
	return byte_at(k, at) << 8 | byte_at(k, at + 1);
}

/* eval_packet.c */

/** read_packet() - fills in what the headers say; @k has the frame and its length. */
enum sluice_reason read_packet(struct packet *k);

/** header_checksum() - RFC 1071, over @len bytes. */
unsigned int header_checksum(const uint8_t *header, size_t len);

/* eval_filter.c */

struct policy_port;

/**
 * filter_packet() - what the filter of @port makes of @k: rules, effects and mark of @result.
 * Return: REASON_filtered, REASON_policed, or REASON_none: the packet goes on.
 */
enum sluice_reason filter_packet(const struct policy *p, const struct eval_env *env,
				 const struct policy_port *port, const struct packet *k,
				 struct eval_result *result);

/** packet_meets() - whether @k, that came in on @port, meets @predicate. */
bool packet_meets(const struct policy *p, const struct eval_env *env,
		  const struct policy_port *port, const struct packet *k,
		  const struct policy_predicate *predicate);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * frame.h: a packet as the fields that policies test, as text, and as bytes.
 *
 *	text	in=wan ip.src=192.0.2.1 tcp.dst=22	what a user writes and a message shows
 *	fields	struct frame_fields			what predicates test
 *	bytes	an Ethernet frame			what programs and policy/eval are run on
 *
 * The three say the same of a packet: each can be made of each other, but that bytes do not tell
 * the port they came in on, nor the socket that they are for.
 *
 * Fields depend on one another: tcp.dst means ip.proto 6, which means IP. A caller sets the
 * fields it cares for; frame_settle() gives all others that such a packet has a value, or says what
 * contradicts what. Where nothing is said the packet is the dullest there is: IPv4, TCP with SYN,
 * from 192.0.2.1 to 192.0.2.2, no tag.
 *
 *	struct frame_fields f = { 0 };
 *	frame_set(&f, FIELD_TCP_DST, 22);
 *	frame_set_address(&f, FIELD_IP_SRC, &addr);
 *	if (!frame_settle(&f, &why))
 *		length = frame_build(&f, bytes);
 */
#ifndef SLUICE_POLICY_FRAME_H
#define SLUICE_POLICY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "bpf/reasons.h"
#include "policy/tree.h"

struct diags;
struct source;
struct text;

#define FRAME_MAX	65535	/* bytes: the largest value of pkt.len */
#define FRAME_ETH_DST	0x020000000001ull	/* where a packet goes to that nothing is said of */

struct frame_fields {
	uint32_t has;			/* bit FIELD_*: the packet has that field */
	uint64_t value[FIELD_COUNT];	/* numbers, in host order; IN: index in policy->ports; 0 without the bit */
	struct addr src, dst;		/* ADDR_NONE without the bit */
	bool inner;			/* there is a second tag behind the one of vlan.id, */
	uint16_t inner_id;		/* with this VLAN id */
};

static inline bool frame_has(const struct frame_fields *f, enum policy_field field)
{
	return f->has >> field & 1;
}

/** frame_set() - the packet shall have @value in @field, which is none of the two addresses. */
void frame_set(struct frame_fields *f, enum policy_field field, uint64_t value);

/** frame_set_address() - likewise for FIELD_IP_SRC and FIELD_IP_DST. */
void frame_set_address(struct frame_fields *f, enum policy_field field, const struct addr *a);

/**
 * frame_settle() - gives every field that a packet with the fields set so far has, a value.
 * @why: on failure, one sentence appended: which fields contradict each other, or cannot be.
 * @at: on failure, the field that the sentence is about; may be NULL.
 * Return: 0; -EINVAL, with @f undefined. What is settled stays as it is if settled again.
 */
int frame_settle(struct frame_fields *f, struct text *why, enum policy_field *at);

/**
 * frame_build() - the bytes of a settled packet: right lengths, right checksums, as long as pkt.len.
 * Return: how many.
 */
size_t frame_build(const struct frame_fields *f, uint8_t frame[FRAME_MAX]);

/**
 * frame_read() - the fields of a frame, as bpf/reasons.h says that the filter sees them.
 * in and socket, which bytes do not tell, are 0: the caller knows better.
 * Return: REASON_none, or what parse makes of it: of what is dropped for being malformed
 * nothing is known, and f->has is 0.
 */
enum sluice_reason frame_read(const void *frame, size_t len, struct frame_fields *f);

/**
 * frame_parse() - reads "in=wan ip.src=192.0.2.1 tcp.dst=22" and settles it.
 * Words: FIELD=VALUE with the names of POLICY_FIELDS, vlan.inner=ID, and ip4, ip6, tcp, udp, icmp,
 * igmp, arp. Values: addresses; numbers, also as 0x..; names of ports, protocols, TCP flags (syn|ack),
 * none first later, none established listen.
 * @p: whose ports "in" names; NULL: "in" cannot be said.
 * @text: places of mistakes point into it; it outlives @diags.
 * Return: 0; -EINVAL with the mistakes in @diags.
 */
int frame_parse(const struct policy *p, const struct source *text, struct frame_fields *f,
		struct diags *diags);

/**
 * frame_format() - the shortest text that frame_parse() makes a settled @f of.
 * @p: whose ports "in" names; NULL: "in" is left out.
 */
void frame_format(const struct policy *p, const struct frame_fields *f, struct text *out);

#endif

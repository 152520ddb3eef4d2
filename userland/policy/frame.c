// SPDX-License-Identifier: GPL-2.0
/*
 * frame.c: from fields to bytes, and back.
 *
 * Which fields a packet has follows from four of them: the ethertype (or the family of an
 * address, which comes to the same), the protocol, whether it is a fragment, and whether there
 * is a tag. frame_settle() decides these first, each by what asks for it, then fills in the rest.
 *
 * Some packets are odd, and yet no headers are wrong in them, so a filter sees them:
 *
 *	eth.type 0x8100, 0x88a8		a third tag, which is not read (reason vlan_deep)
 *	IPv6 with ip.proto 43 44 51 60	a ninth extension header, which is not read
 *	and no later fragment		(reason ip6_ext_many)
 *	IPv6 with ip.proto 0		hop-by-hop behind another header, where it is none
 *
 * Reading follows bpf/reasons.h line by line; test_frame.c holds it against policy/eval.
 */
#include "policy/frame.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

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

#define FRAME_LEAST	60	/* bytes that an Ethernet frame has at least, unless pkt.len says fewer */
#define EXTENSIONS_MAX	8	/* that are walked */

enum { FRAG_NONE, FRAG_FIRST, FRAG_LATER };

/* ---- which fields there are ------------------------------------------------ */

#define BIT(field)	(1u << FIELD_##field)
#define IP_FIELDS	(BIT(IP_SRC) | BIT(IP_DST) | BIT(IP_PROTO) | BIT(IP_DSCP) | BIT(IP_ECN) | \
			 BIT(IP_TTL) | BIT(IP_FRAG))
#define L4_FIELDS	(BIT(L4_SRC) | BIT(L4_DST))
#define TCP_FIELDS	(BIT(TCP_SRC) | BIT(TCP_DST) | BIT(TCP_FLAGS))
#define UDP_FIELDS	(BIT(UDP_SRC) | BIT(UDP_DST))
#define ICMP_FIELDS	(BIT(ICMP_TYPE) | BIT(ICMP_CODE))
/* What a later fragment has not. */
#define TRANSPORT_FIELDS (L4_FIELDS | TCP_FIELDS | UDP_FIELDS | ICMP_FIELDS | BIT(SOCKET))

static bool is_tag(uint64_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
}

static bool is_ip(const struct frame_fields *f)
{
	return frame_has(f, FIELD_IP_SRC);
}

static bool is_ip6(const struct frame_fields *f)
{
	return f->value[FIELD_ETH_TYPE] == ETHERTYPE_IP6;
}

static unsigned int tags(const struct frame_fields *f)
{
	return frame_has(f, FIELD_VLAN_ID) + f->inner;
}

void frame_set(struct frame_fields *f, enum policy_field field, uint64_t value)
{
	f->has |= 1u << field;
	f->value[field] = value;
}

void frame_set_address(struct frame_fields *f, enum policy_field field, const struct addr *a)
{
	f->has |= 1u << field;
	if (field == FIELD_IP_SRC)
		f->src = *a;
	else
		f->dst = *a;
}

static void set_default(struct frame_fields *f, enum policy_field field, uint64_t value)
{
	if (!frame_has(f, field))
		frame_set(f, field, value);
}

/* ---- settle ------------------------------------------------------------------ */

/* A settling under way, and what went wrong. */
struct settling {
	struct frame_fields *f;
	struct text *why;
	enum policy_field at;
	bool failed;
};

/* The first of the fields in @mask that were asked for, FIELD_COUNT if none was. */
static enum policy_field asked(const struct frame_fields *f, uint32_t mask)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		if (f->has & mask & 1u << i)
			return i;
	return FIELD_COUNT;
}

static void fail(struct settling *s, enum policy_field at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct settling *s, enum policy_field at, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	s->at = at;
	va_start(args, format);
	text_vprintf(s->why, format, args);
	va_end(args);
}

/* None of the fields in @mask can be: @because. */
static void refuse(struct settling *s, uint32_t mask, const char *because)
{
	enum policy_field field = asked(s->f, mask);

	if (field < FIELD_COUNT)
		fail(s, field, "%s has no %s", because, policy_field_name(field));
}

static void check_values(struct settling *s)
{
	struct frame_fields *f = s->f;

	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		unsigned int bits = policy_field_bits(i);

		if (i == FIELD_IP_SRC || i == FIELD_IP_DST || !frame_has(f, i))
			continue;
		if (bits < 64 && f->value[i] >> bits)
			fail(s, i, "%s has %u bits: %llu is too large", policy_field_name(i), bits,
			     (unsigned long long)f->value[i]);
	}
	if (frame_has(f, FIELD_IP_FRAG) && f->value[FIELD_IP_FRAG] > FRAG_LATER)
		fail(s, FIELD_IP_FRAG, "ip.frag is 0 (none), 1 (first) or 2 (later)");
	if (frame_has(f, FIELD_SOCKET) && f->value[FIELD_SOCKET] > 2)
		fail(s, FIELD_SOCKET, "socket is 0 (none), 1 (established) or 2 (listen)");
}

/* eth.type, by what asks for a family. */
static void settle_family(struct settling *s)
{
	struct frame_fields *f = s->f;
	uint8_t family = f->src.family ? f->src.family : f->dst.family;
	uint64_t type = f->value[FIELD_ETH_TYPE];

	if (f->src.family && f->dst.family && f->src.family != f->dst.family)
		fail(s, FIELD_IP_DST, "ip.src and ip.dst are of two families");
	set_default(f, FIELD_ETH_TYPE, family == ADDR_V6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4);
	type = f->value[FIELD_ETH_TYPE];
	if (type != ETHERTYPE_IP4 && type != ETHERTYPE_IP6) {
		refuse(s, IP_FIELDS | TRANSPORT_FIELDS, "a frame that is not IP");
		return;
	}
	if (family && (family == ADDR_V6) != (type == ETHERTYPE_IP6))
		fail(s, FIELD_ETH_TYPE, "eth.type 0x%04x is not the family of the addresses",
		     (unsigned int)type);
}

static void settle_link(struct settling *s)
{
	struct frame_fields *f = s->f;
	bool deep = is_tag(f->value[FIELD_ETH_TYPE]);

	set_default(f, FIELD_ETH_SRC, 0x020000000002ull);
	if (f->inner && f->inner_id > 0xfff)
		fail(s, FIELD_VLAN_ID, "vlan.inner has 12 bits: %u is too large", f->inner_id);
	/* A tag that is not read is the third. */
	f->inner |= deep;
	if (f->inner || frame_has(f, FIELD_VLAN_PCP))
		set_default(f, FIELD_VLAN_ID, 1);
	if (frame_has(f, FIELD_VLAN_ID))
		set_default(f, FIELD_VLAN_PCP, 0);
}

static void settle_protocol(struct settling *s)
{
	struct frame_fields *f = s->f;
	unsigned int icmp = is_ip6(f) ? PROTO_ICMP6 : PROTO_ICMP;
	uint64_t proto;

	set_default(f, FIELD_IP_PROTO, asked(f, UDP_FIELDS) < FIELD_COUNT ? PROTO_UDP :
		    asked(f, ICMP_FIELDS) < FIELD_COUNT ? icmp : PROTO_TCP);
	set_default(f, FIELD_IP_FRAG, FRAG_NONE);
	proto = f->value[FIELD_IP_PROTO];
	if (f->value[FIELD_IP_FRAG] == FRAG_LATER)
		refuse(s, TRANSPORT_FIELDS, "a later fragment");
	if (f->value[FIELD_IP_FRAG] != FRAG_NONE)
		refuse(s, BIT(SOCKET), "a fragment");
	if (proto != PROTO_TCP)
		refuse(s, TCP_FIELDS, "what is not TCP");
	if (proto != PROTO_UDP)
		refuse(s, UDP_FIELDS, "what is not UDP");
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		refuse(s, L4_FIELDS | BIT(SOCKET), "what is neither TCP nor UDP");
	if (proto != icmp)
		refuse(s, ICMP_FIELDS, is_ip6(f) ? "what is not ICMPv6" : "what is not ICMP");
}

/* The same number under two names. */
static void settle_same(struct settling *s, enum policy_field one, enum policy_field other,
			uint64_t otherwise)
{
	struct frame_fields *f = s->f;

	if (frame_has(f, one) && frame_has(f, other) && f->value[one] != f->value[other])
		fail(s, other, "%s and %s are one number, and two were given",
		     policy_field_name(one), policy_field_name(other));
	set_default(f, one, frame_has(f, other) ? f->value[other] : otherwise);
	set_default(f, other, f->value[one]);
}

static void settle_transport(struct settling *s)
{
	struct frame_fields *f = s->f;
	uint64_t proto = f->value[FIELD_IP_PROTO];
	bool tcp = proto == PROTO_TCP;

	if (f->value[FIELD_IP_FRAG] == FRAG_LATER)
		return;
	if (tcp || proto == PROTO_UDP) {
		settle_same(s, FIELD_L4_SRC, tcp ? FIELD_TCP_SRC : FIELD_UDP_SRC, 49152);
		settle_same(s, FIELD_L4_DST, tcp ? FIELD_TCP_DST : FIELD_UDP_DST, 9);
		if (tcp)
			set_default(f, FIELD_TCP_FLAGS, 0x02);
		if (f->value[FIELD_IP_FRAG] == FRAG_NONE)
			set_default(f, FIELD_SOCKET, 0);
	} else if (proto == (is_ip6(f) ? PROTO_ICMP6 : PROTO_ICMP)) {
		set_default(f, FIELD_ICMP_TYPE, is_ip6(f) ? 128 : 8);
		set_default(f, FIELD_ICMP_CODE, 0);
	}
}

static void settle_ip(struct settling *s)
{
	static const struct addr source4 = { ADDR_V4, { 192, 0, 2, 1 } };
	static const struct addr destination4 = { ADDR_V4, { 192, 0, 2, 2 } };
	static const struct addr source6 =
		{ ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	static const struct addr destination6 =
		{ ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } };
	struct frame_fields *f = s->f;

	settle_protocol(s);
	if (!frame_has(f, FIELD_IP_SRC))
		frame_set_address(f, FIELD_IP_SRC, is_ip6(f) ? &source6 : &source4);
	if (!frame_has(f, FIELD_IP_DST))
		frame_set_address(f, FIELD_IP_DST, is_ip6(f) ? &destination6 : &destination4);
	set_default(f, FIELD_IP_TTL, 64);
	set_default(f, FIELD_IP_DSCP, 0);
	set_default(f, FIELD_IP_ECN, 0);
	settle_transport(s);
}

/* Where the frame goes to: RFC 1112, 6.4; RFC 2464, 7. */
static uint64_t default_destination(const struct frame_fields *f)
{
	const uint8_t *b = f->dst.bytes;

	if (!addr_is_multicast(&f->dst))
		return FRAME_ETH_DST;
	if (f->dst.family == ADDR_V4)
		return 0x01005e000000ull | (uint64_t)(b[1] & 0x7f) << 16 | b[2] << 8 | b[3];
	return 0x333300000000ull | (uint64_t)b[12] << 24 | b[13] << 16 | b[14] << 8 | b[15];
}

/* ---- how long it is ------------------------------------------------------------ */

/*
 * The extension headers that a settled packet has in front of what it calls its protocol.
 * Return: how many; their types in @type.
 */
static unsigned int extensions(const struct frame_fields *f, uint8_t type[EXTENSIONS_MAX])
{
	uint64_t proto = f->value[FIELD_IP_PROTO], frag = f->value[FIELD_IP_FRAG];
	unsigned int count = 0, least = 0;

	if (!is_ip6(f))
		return 0;
	if (frag != FRAG_NONE)
		type[count++] = PROTO_FRAGMENT;
	if (frag == FRAG_LATER)
		return count;
	if (proto == PROTO_HOPBYHOP)
		least = 1;
	else if (proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_AUTH ||
		 proto == PROTO_DESTOPTS)
		least = EXTENSIONS_MAX;
	while (count < least)
		type[count++] = PROTO_DESTOPTS;
	return count;
}

static unsigned int transport_least(const struct frame_fields *f)
{
	bool ip6 = is_ip6(f);

	if (f->value[FIELD_IP_FRAG] == FRAG_LATER)
		return 0;
	switch (f->value[FIELD_IP_PROTO]) {
	case PROTO_TCP:
		return 20;
	case PROTO_UDP:
		return 8;
	case PROTO_ICMP:
	case PROTO_IGMP:
		return ip6 ? 0 : 8;
	case PROTO_ICMP6:
		return ip6 ? 4 : 0;
	}
	return 0;
}

/* Bytes of all headers. */
static unsigned int least_length(const struct frame_fields *f)
{
	unsigned int length = 14 + 4 * tags(f);
	uint8_t type[EXTENSIONS_MAX];

	if (is_tag(f->value[FIELD_ETH_TYPE]))
		return length + 4;
	if (!is_ip(f))
		return length;
	return length + (is_ip6(f) ? 40 : 20) + 8 * extensions(f, type) + transport_least(f);
}

int frame_settle(struct frame_fields *f, struct text *why, enum policy_field *at)
{
	struct settling s = { .f = f, .why = why };
	unsigned int least;

	check_values(&s);
	settle_family(&s);
	settle_link(&s);
	if (f->value[FIELD_ETH_TYPE] == ETHERTYPE_IP4 || f->value[FIELD_ETH_TYPE] == ETHERTYPE_IP6)
		settle_ip(&s);
	set_default(f, FIELD_ETH_DST, default_destination(f));
	set_default(f, FIELD_IN, 0);
	least = least_length(f);
	set_default(f, FIELD_PKT_LEN, least > FRAME_LEAST ? least : FRAME_LEAST);
	if (f->value[FIELD_PKT_LEN] < least)
		fail(&s, FIELD_PKT_LEN, "its headers alone are %u bytes: pkt.len cannot be %u", least,
		     (unsigned int)f->value[FIELD_PKT_LEN]);
	if (s.failed && at)
		*at = s.at;
	return s.failed ? -EINVAL : 0;
}

/* ---- build ------------------------------------------------------------------------ */

/* A frame as it grows. */
struct bytes {
	uint8_t *at;		/* the next one */
	uint8_t *end;
};

static void put8(struct bytes *b, uint64_t v)
{
	*b->at++ = v;
}

static void put16(struct bytes *b, uint64_t v)
{
	put8(b, v >> 8);
	put8(b, v);
}

static void put_mac(struct bytes *b, uint64_t mac)
{
	put16(b, mac >> 32);
	put16(b, mac >> 16);
	put16(b, mac);
}

static void put_bytes(struct bytes *b, const void *bytes, size_t n)
{
	memcpy(b->at, bytes, n);
	b->at += n;
}

static void set16(uint8_t *at, uint64_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

/* RFC 1071. @sum: of what came before, an even number of bytes. */
static uint64_t add_sum(uint64_t sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint64_t)bytes[i] << 8 | bytes[i + 1];
	return n & 1 ? sum + ((uint64_t)bytes[n - 1] << 8) : sum;
}

static uint16_t fold_sum(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put_link(struct bytes *b, const struct frame_fields *f)
{
	put_mac(b, f->value[FIELD_ETH_DST]);
	put_mac(b, f->value[FIELD_ETH_SRC]);
	if (frame_has(f, FIELD_VLAN_ID)) {
		put16(b, f->inner ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
		put16(b, f->value[FIELD_VLAN_PCP] << 13 | f->value[FIELD_VLAN_ID]);
	}
	if (f->inner) {
		put16(b, ETHERTYPE_VLAN);
		put16(b, f->inner_id);
	}
	put16(b, f->value[FIELD_ETH_TYPE]);
}

static uint64_t traffic_class(const struct frame_fields *f)
{
	return f->value[FIELD_IP_DSCP] << 2 | f->value[FIELD_IP_ECN];
}

/* What is longer than IP can say lies behind the packet. */
static uint64_t at_most_word(size_t n)
{
	return n < 65535 ? n : 65535;
}

#define FRAGMENT_OFFSET	185	/* of a later fragment, in units of 8 bytes: the second of 1500 bytes */

static void put_ip4(struct bytes *b, const struct frame_fields *f, size_t payload)
{
	static const uint16_t fragment[] = { 0x4000, 0x2000, FRAGMENT_OFFSET };
	uint8_t *ip = b->at;

	put8(b, 0x45);
	put8(b, traffic_class(f));
	put16(b, at_most_word(20 + payload));
	put16(b, 1);	/* identification */
	put16(b, fragment[f->value[FIELD_IP_FRAG]]);
	put8(b, f->value[FIELD_IP_TTL]);
	put8(b, f->value[FIELD_IP_PROTO]);
	put16(b, 0);
	put_bytes(b, f->src.bytes, 4);
	put_bytes(b, f->dst.bytes, 4);
	set16(ip + 10, fold_sum(add_sum(0, ip, 20)));
}

/* 8 bytes; of a destination options header these are its length and an option PadN of four. */
static void put_extension(struct bytes *b, const struct frame_fields *f, uint8_t type, uint8_t next)
{
	bool later = f->value[FIELD_IP_FRAG] == FRAG_LATER;

	put8(b, next);
	put8(b, 0);
	if (type == PROTO_FRAGMENT) {
		put16(b, later ? FRAGMENT_OFFSET << 3 : 1);
		put16(b, 0);
		put16(b, 1);	/* identification */
	} else {
		put16(b, 0x0104);
		put16(b, 0);
		put16(b, 0);
	}
}

static void put_ip6(struct bytes *b, const struct frame_fields *f, size_t payload)
{
	uint8_t type[EXTENSIONS_MAX + 1], proto = f->value[FIELD_IP_PROTO];
	unsigned int count = extensions(f, type);

	type[count] = proto;
	put8(b, 0x60 | traffic_class(f) >> 4);
	put8(b, traffic_class(f) << 4);
	put16(b, 0);
	put16(b, at_most_word(8 * count + payload));
	put8(b, type[0]);
	put8(b, f->value[FIELD_IP_TTL]);
	put_bytes(b, f->src.bytes, 16);
	put_bytes(b, f->dst.bytes, 16);
	for (unsigned int i = 0; i < count; i++)
		put_extension(b, f, type[i], type[i + 1]);
}

/* The sum over the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) and the transport itself. */
static uint64_t transport_sum(const struct frame_fields *f, const uint8_t *at, size_t n)
{
	uint64_t proto = f->value[FIELD_IP_PROTO], sum = 0;
	unsigned int size = is_ip6(f) ? 16 : 4;

	if (is_ip6(f) || proto == PROTO_TCP || proto == PROTO_UDP) {
		sum = add_sum(sum, f->src.bytes, size);
		sum = add_sum(sum, f->dst.bytes, size);
		sum += proto + n;
	}
	return add_sum(sum, at, n);
}

/* @n: bytes of IP payload from here on, zeroed. A checksum over a first fragment is no packet's, but harmless. */
static void put_transport(struct bytes *b, const struct frame_fields *f, size_t n)
{
	uint64_t proto = f->value[FIELD_IP_PROTO];
	uint8_t *at = b->at, *checksum = NULL;

	if (!transport_least(f))
		return;
	switch (proto) {
	case PROTO_TCP:
		put16(b, f->value[FIELD_L4_SRC]);
		put16(b, f->value[FIELD_L4_DST]);
		at[12] = 5 << 4;
		at[13] = f->value[FIELD_TCP_FLAGS];
		set16(at + 14, 65535);	/* window */
		checksum = at + 16;
		break;
	case PROTO_UDP:
		put16(b, f->value[FIELD_L4_SRC]);
		put16(b, f->value[FIELD_L4_DST]);
		put16(b, n);
		checksum = at + 6;
		break;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		put8(b, f->value[FIELD_ICMP_TYPE]);
		put8(b, f->value[FIELD_ICMP_CODE]);
		checksum = at + 2;
		break;
	case PROTO_IGMP:
		put8(b, 0x11);	/* membership query */
		checksum = at + 2;
		break;
	}
	set16(checksum, fold_sum(transport_sum(f, at, n)));
	if (proto == PROTO_UDP && !checksum[0] && !checksum[1])
		set16(checksum, 0xffff);	/* 0 means none */
}

size_t frame_build(const struct frame_fields *f, uint8_t frame[FRAME_MAX])
{
	size_t length = f->value[FIELD_PKT_LEN], least = least_length(f), payload;
	struct bytes b = { .at = frame };

	memset(frame, 0, length);
	put_link(&b, f);
	if (!is_ip(f))
		return length;
	/* A frame of the least length is filled up behind the packet, as network cards do. */
	payload = transport_least(f) + (length > FRAME_LEAST ? length - least : 0);
	if (is_ip6(f))
		put_ip6(&b, f, payload);
	else
		put_ip4(&b, f, payload);
	put_transport(&b, f, payload);
	return length;
}

/* ---- read --------------------------------------------------------------------------- */

/* A frame as it is read. */
struct reading {
	const uint8_t *frame;
	size_t length;
	size_t ip, ip_length;		/* where the IP header is, and bytes of the IP packet */
	size_t transport;		/* where its payload begins */
	struct frame_fields *f;
};

static unsigned int get16(const struct reading *r, size_t at)
{
	return r->frame[at] << 8 | r->frame[at + 1];
}

static uint64_t get_mac(const struct reading *r, size_t at)
{
	return (uint64_t)get16(r, at) << 32 | (uint64_t)get16(r, at + 2) << 16 | get16(r, at + 4);
}

static enum sluice_reason read_link(struct reading *r)
{
	struct frame_fields *f = r->f;
	unsigned int type;
	size_t at = 14;

	if (r->length < 14)
		return REASON_eth_short;
	frame_set(f, FIELD_ETH_DST, get_mac(r, 0));
	frame_set(f, FIELD_ETH_SRC, get_mac(r, 6));
	frame_set(f, FIELD_PKT_LEN, at_most_word(r->length));
	for (type = get16(r, 12); is_tag(type); type = get16(r, at - 2)) {
		unsigned int tci;

		if (r->length < at + 4)
			return REASON_vlan_short;
		if (tags(f) == 2) {
			frame_set(f, FIELD_ETH_TYPE, type);
			return REASON_vlan_deep;
		}
		tci = get16(r, at);
		if (frame_has(f, FIELD_VLAN_ID)) {
			f->inner = true;
			f->inner_id = tci & 0xfff;
		} else {
			frame_set(f, FIELD_VLAN_ID, tci & 0xfff);
			frame_set(f, FIELD_VLAN_PCP, tci >> 13);
		}
		at += 4;
	}
	r->ip = at;
	frame_set(f, FIELD_ETH_TYPE, type);
	return type == ETHERTYPE_IP4 || type == ETHERTYPE_IP6 ? REASON_none : REASON_not_ip;
}

static void set_ip(struct reading *r, uint8_t family, unsigned int src, unsigned int dst,
		   unsigned int ttl, unsigned int class)
{
	const uint8_t *ip = r->frame + r->ip;
	struct addr a = addr_from_bytes(family, ip + src), b = addr_from_bytes(family, ip + dst);

	frame_set_address(r->f, FIELD_IP_SRC, &a);
	frame_set_address(r->f, FIELD_IP_DST, &b);
	frame_set(r->f, FIELD_IP_TTL, ttl);
	frame_set(r->f, FIELD_IP_DSCP, class >> 2);
	frame_set(r->f, FIELD_IP_ECN, class & 3);
	frame_set(r->f, FIELD_IP_FRAG, FRAG_NONE);
}

static enum sluice_reason read_ip4(struct reading *r)
{
	size_t left = r->length - r->ip, header;
	const uint8_t *ip = r->frame + r->ip;
	unsigned int fragment;

	if (left < 20)
		return REASON_ip4_short;
	if (ip[0] >> 4 != 4)
		return REASON_ip4_version;
	header = 4 * (ip[0] & 0xf);
	if (header < 20 || header > left)
		return REASON_ip4_header;
	r->ip_length = get16(r, r->ip + 2);
	if (r->ip_length < header || r->ip_length > left)
		return REASON_ip4_length;
	if (fold_sum(add_sum(0, ip, header)))
		return REASON_ip4_checksum;
	r->transport = r->ip + header;
	set_ip(r, ADDR_V4, 12, 16, ip[8], ip[1]);
	frame_set(r->f, FIELD_IP_PROTO, ip[9]);
	fragment = get16(r, r->ip + 6);
	if (fragment & 0x1fff)
		frame_set(r->f, FIELD_IP_FRAG, FRAG_LATER);
	else if (fragment & 0x2000)
		frame_set(r->f, FIELD_IP_FRAG, FRAG_FIRST);
	return REASON_none;
}

static bool is_extension(unsigned int next, unsigned int walked)
{
	return next == PROTO_ROUTING || next == PROTO_DESTOPTS || next == PROTO_AUTH ||
	       next == PROTO_FRAGMENT || (next == PROTO_HOPBYHOP && !walked);
}

static enum sluice_reason read_extensions(struct reading *r, unsigned int next)
{
	size_t at = r->ip + 40, end = r->ip + r->ip_length;
	struct frame_fields *f = r->f;

	frame_set(f, FIELD_IP_PROTO, next);
	for (unsigned int walked = 0; is_extension(next, walked); walked++) {
		size_t size;

		if (f->value[FIELD_IP_FRAG] == FRAG_LATER)
			break;
		if (walked == EXTENSIONS_MAX)
			return REASON_ip6_ext_many;
		if (at + 8 > end)
			return REASON_ip6_ext_short;
		size = next == PROTO_FRAGMENT ? 8 : next == PROTO_AUTH ? 4 * (r->frame[at + 1] + 2) :
		       8 * (r->frame[at + 1] + 1);
		if (at + size > end)
			return REASON_ip6_ext_short;
		if (next == PROTO_FRAGMENT && get16(r, at + 2) >> 3)
			frame_set(f, FIELD_IP_FRAG, FRAG_LATER);
		else if (next == PROTO_FRAGMENT && get16(r, at + 2) & 1)
			frame_set(f, FIELD_IP_FRAG, FRAG_FIRST);
		next = r->frame[at];
		at += size;
		frame_set(f, FIELD_IP_PROTO, next);
	}
	r->transport = at;
	return REASON_none;
}

static enum sluice_reason read_ip6(struct reading *r)
{
	size_t left = r->length - r->ip;
	const uint8_t *ip = r->frame + r->ip;
	unsigned int payload;

	if (left < 40)
		return REASON_ip6_short;
	if (ip[0] >> 4 != 6)
		return REASON_ip6_version;
	payload = get16(r, r->ip + 4);
	set_ip(r, ADDR_V6, 8, 24, ip[7], get16(r, r->ip) >> 4 & 0xff);
	if (!payload && ip[6] == PROTO_HOPBYHOP) {
		frame_set(r->f, FIELD_IP_PROTO, PROTO_HOPBYHOP);
		return REASON_ip6_jumbo;
	}
	if (40 + payload > left)
		return REASON_ip6_length;
	r->ip_length = 40 + payload;
	return read_extensions(r, ip[6]);
}

static void set_ports(struct reading *r, enum policy_field src, enum policy_field dst)
{
	unsigned int from = get16(r, r->transport), to = get16(r, r->transport + 2);

	frame_set(r->f, FIELD_L4_SRC, from);
	frame_set(r->f, FIELD_L4_DST, to);
	frame_set(r->f, src, from);
	frame_set(r->f, dst, to);
}

static enum sluice_reason read_tcp(struct reading *r, size_t left)
{
	size_t header;

	if (left < 20)
		return REASON_tcp_short;
	header = 4 * (r->frame[r->transport + 12] >> 4);
	if (header < 20 || header > left)
		return REASON_tcp_header;
	set_ports(r, FIELD_TCP_SRC, FIELD_TCP_DST);
	frame_set(r->f, FIELD_TCP_FLAGS, r->frame[r->transport + 13]);
	return REASON_none;
}

static enum sluice_reason read_udp(struct reading *r, size_t left)
{
	unsigned int length;

	if (left < 8)
		return REASON_udp_short;
	length = get16(r, r->transport + 4);
	if (length < 8 || (r->f->value[FIELD_IP_FRAG] == FRAG_NONE && length > left))
		return REASON_udp_length;
	set_ports(r, FIELD_UDP_SRC, FIELD_UDP_DST);
	return REASON_none;
}

static enum sluice_reason read_transport(struct reading *r)
{
	size_t left = r->ip + r->ip_length - r->transport;
	uint64_t proto = r->f->value[FIELD_IP_PROTO];

	if (r->f->value[FIELD_IP_FRAG] == FRAG_LATER)
		return REASON_none;
	if (proto == PROTO_TCP)
		return read_tcp(r, left);
	if (proto == PROTO_UDP)
		return read_udp(r, left);
	if (left < transport_least(r->f))
		return proto == PROTO_IGMP ? REASON_igmp_short : REASON_icmp_short;
	if (proto == (is_ip6(r->f) ? PROTO_ICMP6 : PROTO_ICMP)) {
		frame_set(r->f, FIELD_ICMP_TYPE, r->frame[r->transport]);
		frame_set(r->f, FIELD_ICMP_CODE, r->frame[r->transport + 1]);
	}
	return REASON_none;
}

/* Whether the filter is not asked about what ends so. */
static bool is_malformed(enum sluice_reason reason)
{
	return reason && reason != REASON_not_ip && reason != REASON_vlan_deep &&
	       reason != REASON_ip6_jumbo && reason != REASON_ip6_ext_many;
}

enum sluice_reason frame_read(const void *frame, size_t len, struct frame_fields *f)
{
	struct reading r = { .frame = frame, .length = len, .f = f };
	enum sluice_reason reason;

	*f = (struct frame_fields){ 0 };
	reason = read_link(&r);
	if (!reason)
		reason = is_ip6(f) ? read_ip6(&r) : read_ip4(&r);
	if (!reason)
		reason = read_transport(&r);
	if (is_malformed(reason)) {
		*f = (struct frame_fields){ 0 };
		return reason;
	}
	frame_set(f, FIELD_IN, 0);
	if (frame_has(f, FIELD_L4_SRC) && f->value[FIELD_IP_FRAG] == FRAG_NONE)
		frame_set(f, FIELD_SOCKET, 0);
	return reason;
}

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
 *	IPv6 with ip.proto 0		hop-by-hop behind another header, where it is none; with a pkt.len
 *	and no fragment			that has no room for another, a jumbogram (reason ip6_jumbo)
 *
 * A frame is read as policy/eval reads it.
 */
#include "policy/frame.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "policy/eval_packet.h"

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

/* Its payload is of length 0: no byte of it is read, and any length will do. */
static bool is_jumbogram(const struct frame_fields *f)
{
	return is_ip6(f) && f->value[FIELD_IP_PROTO] == PROTO_HOPBYHOP && f->value[FIELD_IP_FRAG] == FRAG_NONE &&
	       frame_has(f, FIELD_PKT_LEN) && f->value[FIELD_PKT_LEN] < 14 + 4 * tags(f) + 40 + 8;
}

/*
 * The extension headers that a settled packet has in front of what it calls its protocol.
 * Return: how many; their types in @type.
 */
static unsigned int extensions(const struct frame_fields *f, uint8_t type[EXTENSIONS_MAX])
{
	uint64_t proto = f->value[FIELD_IP_PROTO], frag = f->value[FIELD_IP_FRAG];
	unsigned int count = 0, least = 0;

	if (!is_ip6(f) || is_jumbogram(f))
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
	payload = transport_least(f) + (length > FRAME_LEAST && !is_jumbogram(f) ? length - least : 0);
	if (is_ip6(f))
		put_ip6(&b, f, payload);
	else
		put_ip4(&b, f, payload);
	put_transport(&b, f, payload);
	return length;
}

/* ---- read --------------------------------------------------------------------------- */

/* Whether the filter is not asked about what ends so. */
static bool is_malformed(enum sluice_reason reason)
{
	return eval_reason_verdict(reason) == VERDICT_DROP;
}

static uint64_t get_mac(const uint8_t *at)
{
	uint64_t mac = 0;

	for (unsigned int i = 0; i < 6; i++)
		mac = mac << 8 | at[i];
	return mac;
}

static void read_link(const struct packet *k, struct frame_fields *f)
{
	frame_set(f, FIELD_ETH_DST, get_mac(k->frame));
	frame_set(f, FIELD_ETH_SRC, get_mac(k->frame + 6));
	frame_set(f, FIELD_ETH_TYPE, k->ethertype);
	frame_set(f, FIELD_PKT_LEN, at_most_word(k->length));
	if (k->tags) {
		frame_set(f, FIELD_VLAN_ID, k->vlan);
		frame_set(f, FIELD_VLAN_PCP, k->pcp);
	}
	if (k->tags > 1) {
		f->inner = true;
		f->inner_id = word_at(k, 18) & 0xfff;
	}
}

static void read_ip(const struct packet *k, struct frame_fields *f)
{
	frame_set_address(f, FIELD_IP_SRC, &k->src);
	frame_set_address(f, FIELD_IP_DST, &k->dst);
	frame_set(f, FIELD_IP_PROTO, k->proto);
	frame_set(f, FIELD_IP_TTL, k->ttl);
	frame_set(f, FIELD_IP_DSCP, k->dscp);
	frame_set(f, FIELD_IP_ECN, k->ecn);
	frame_set(f, FIELD_IP_FRAG, k->later_fragment ? FRAG_LATER :
		  k->first_fragment ? FRAG_FIRST : FRAG_NONE);
}

static void read_transport(const struct packet *k, struct frame_fields *f)
{
	bool tcp = k->proto == PROTO_TCP;

	if (!k->read || k->later_fragment)
		return;
	if (tcp || k->proto == PROTO_UDP) {
		frame_set(f, FIELD_L4_SRC, k->l4_src);
		frame_set(f, FIELD_L4_DST, k->l4_dst);
		frame_set(f, tcp ? FIELD_TCP_SRC : FIELD_UDP_SRC, k->l4_src);
		frame_set(f, tcp ? FIELD_TCP_DST : FIELD_UDP_DST, k->l4_dst);
		if (tcp)
			frame_set(f, FIELD_TCP_FLAGS, byte_at(k, k->transport + 13));
		if (!k->first_fragment)
			frame_set(f, FIELD_SOCKET, 0);
	} else if (k->proto == (is_ip6(f) ? PROTO_ICMP6 : PROTO_ICMP)) {
		frame_set(f, FIELD_ICMP_TYPE, byte_at(k, k->transport));
		frame_set(f, FIELD_ICMP_CODE, byte_at(k, k->transport + 1));
	}
}

enum sluice_reason frame_read(const void *frame, size_t len, struct frame_fields *f)
{
	struct packet k = { .frame = frame, .length = len };
	enum sluice_reason reason = read_packet(&k);

	*f = (struct frame_fields){ 0 };
	if (is_malformed(reason))
		return reason;
	frame_set(f, FIELD_IN, 0);
	read_link(&k, f);
	if (k.src.family != ADDR_NONE) {
		read_ip(&k, f);
		read_transport(&k, f);
	}
	return reason;
}

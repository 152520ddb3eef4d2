// SPDX-License-Identifier: GPL-2.0
/*
 * The plain meaning against hand-made packets: every reason of bpf/reasons.h that it can give,
 * each limit at one less, at it, and one more, and every byte of what goes out.
 *
 * A packet is a line of a table (struct recipe); what is not said there is an ordinary UDP
 * packet. The expected frames come from the same recipe with other link-layer fields and TTL,
 * and two whole exchanges stand here byte by byte, so that maker and judge cannot err alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/object.h"
#include "policy/eval.h"
#include "policy/parse.h"

#define FRAME_MAX 4096

/* ---- the world ---------------------------------------------------------- */

enum { WAN = 1, FA = 2, FB = 3, DOWN = 4, STRANGER = 5 };

static const struct eval_port ports[] = {
	{ WAN, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 1500 },
	{ FA, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 1500 },
	{ FB, "eth2", { 2, 0, 0, 0, 0, 3 }, true, 1500 },
	{ DOWN, "eth3", { 2, 0, 0, 0, 0, 4 }, false, 1500 },
	{ STRANGER, "eth9", { 2, 0, 0, 0, 0, 9 }, true, 1500 },
};

static const struct eval_vlan vlans[] = { { WAN, 100 }, { FA, 200 } };

#define MAC_A { 2, 0, 0, 0, 1, 1 }
#define MAC_B { 2, 0, 0, 0, 1, 2 }

static const struct eval_nexthop to_fa = { REASON_forwarded, FA, 1500, MAC_A, { 2, 0, 0, 0, 0, 2 }, 0 };
static const struct eval_nexthop to_fb_tagged =
	{ REASON_forwarded, FB, 1500, MAC_B, { 2, 0, 0, 0, 0, 3 }, 0x2007 };
static const struct eval_nexthop to_down = { REASON_forwarded, DOWN, 1500, MAC_A, MAC_B, 0 };
static const struct eval_nexthop to_narrow = { REASON_forwarded, FA, 100, MAC_A, MAC_B, 0 };
static const struct eval_nexthop to_narrow_down = { REASON_forwarded, DOWN, 100, MAC_A, MAC_B, 0 };
static const struct eval_nexthop to_stack[] = {
	{ .reason = REASON_local }, { .reason = REASON_reject }, { .reason = REASON_encap },
	{ .reason = REASON_no_port }, { .reason = REASON_table_full },
	{ .reason = REASON_not_followed }, { .reason = REASON_no_neighbour },
	{ .reason = REASON_blackhole },
};
static const struct eval_nexthop several[] = {
	{ REASON_forwarded, FA, 1500, MAC_A, { 2, 0, 0, 0, 0, 2 }, 0 },
	{ REASON_forwarded, FB, 1500, MAC_B, { 2, 0, 0, 0, 0, 3 }, 0x2007 },
	{ .reason = REASON_no_neighbour },
};

static struct eval_routes routes;

static void add_route(const char *prefix, const struct eval_nexthop *list, size_t count)
{
	struct eval_route *r = vec_push(&routes.list);

	assert_int_equal(prefix_parse(prefix, &r->prefix), 0);
	r->nexthops = (struct eval_nexthops){ .list = list, .count = count };
}

static void add_routes(void)
{
	char prefix[32];

	routes.list = VEC(struct eval_route);
	add_route("198.51.100.0/24", &to_fa, 1);
	add_route("198.51.100.128/25", &to_stack[1], 1);	/* replaced below */
	add_route("198.51.100.128/25", &to_fb_tagged, 1);
	add_route("198.51.101.0/24", several, 3);
	add_route("198.51.102.0/24", &to_down, 1);
	add_route("198.51.103.0/24", &to_narrow, 1);
	add_route("198.51.104.0/24", &to_narrow_down, 1);
	for (size_t i = 0; i < sizeof(to_stack) / sizeof(to_stack[0]); i++) {
		sprintf(prefix, "203.0.113.%zu", i);
		add_route(prefix, &to_stack[i], 1);
	}
	add_route("2001:db8:1::/48", &to_fa, 1);
	add_route("2001:db8:1:8000::/49", &to_fb_tagged, 1);
	add_route("2001:db8:2::/48", &to_narrow, 1);
	add_route("2001:db8:3::/48", &to_stack[0], 1);
	add_route("10.0.0.0/8", &to_fa, 1);	/* 0/8, 127/8, 224/3 are kept away from routes */
	add_route("0.0.0.0/1", &to_fa, 1);
	eval_routes_sort(&routes);
}

/* Of fa and down, 10.0.0.1 and 2001:db8::1 are known; of fb, each address that ends in 7. */
static bool find_neighbour(void *context, unsigned int number, const struct addr *a, uint8_t mac[6])
{
	static const uint8_t known[6] = MAC_B;
	char text[ADDR_STRLEN];

	(void)context;
	addr_format(a, text);
	memcpy(mac, known, 6);
	return number == FB ? text[strlen(text) - 1] == '7' :
	       !strcmp(text, "10.0.0.1") || !strcmp(text, "2001:db8::1");
}

static const struct eval_env env = {
	.ports = ports,
	.ports_len = sizeof(ports) / sizeof(ports[0]),
	.vlans = vlans,
	.vlans_len = sizeof(vlans) / sizeof(vlans[0]),
	.route = eval_routes_find,
	.route_context = &routes,
	.neighbour = find_neighbour,
};

#define PORTS "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\"; port down = \"eth3\";" \
	      "port absent = \"eth8\";\n"
#define GROUPS \
	"multicast {\n" \
	"    (192.0.2.1, 239.1.1.1) from wan to fa;\n" \
	"    (*, 239.1.1.1) from wan to fb vlan 12;\n" \
	"    (*, 239.1.0.0/16) from wan to fa ttl 9, fb;\n" \
	"    (*, 239.1.2.0/24) from wan to host;\n" \
	"    (*, 239.2.0.0/16) from wan to host, fa, fb ttl 3 vlan 7;\n" \
	"    (*, 239.3.3.3) from wan to host, fa;\n" \
	"    (*, 239.4.4.4) from fa to fb;\n" \
	"    (192.0.2.1, 239.5.5.5) from fa to fb;\n" \
	"    (*, 239.6.0.0/16) from fa to fb;\n" \
	"    (*, 239.7.7.7) from wan to absent, fa;\n" \
	"    (*, 239.129.5.5) from wan to fa;\n" \
	"    (*, 224.0.0.0/16) from wan to fa;\n" \
	"    (*, ff10::/12) from wan to fa;\n" \
	"    (*, ff05::1:3) from wan to fa, fb vlan 12 ttl 200;\n" \
	"    (2001:db8::1, ff05::1:3) from wan to host, fb;\n" \
	"}\n"
#define MEASURE "measure m by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { }\n"

struct loaded {
	const char *text;
};

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	const struct loaded *l = context;

	(void)name, (void)limit;
	text_append(out, l->text, strlen(l->text));
	return 0;
}

/* @objects: of struct object; NULL: none. */
static struct policy *parse_with(const char *text, const struct vec *objects)
{
	const char *name = "test";
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_configuration(&name, 1, load, &(struct loaded){ text }, objects, &diags);
	diags_print(&diags, &said, false);
	if (diags.errors) {
		fprintf(stderr, "%s", text_string(&said));
		fail_msg("%s", "a right policy is refused");
	}
	text_free(&said);
	diags_free(&diags);
	return p;
}

static struct policy *parse(const char *text)
{
	return parse_with(text, NULL);
}

/* ---- packets ------------------------------------------------------------ */

/* What is not said is an ordinary packet; 0 is "not said", so there are words for zero. */
struct recipe {
	unsigned int tags;		/* how many */
	uint16_t tci[4];
	uint16_t tag_type[4];		/* 0: 0x8100 */
	uint16_t ethertype;		/* 0: by the family */
	const char *to;			/* MAC; NULL: the port's */
	const char *src, *dst;		/* NULL: 192.0.2.1, 198.51.100.9 */
	uint8_t version;		/* 0: by the family */
	int ttl;			/* 0: 64; -1: 0 */
	int proto;			/* 0: UDP; -1: 0 */
	uint16_t fragment;		/* IPv4: the word */
	const char *options;		/* IPv4, hex */
	int ihl;			/* IPv4; 0: right, -1: 0 */
	uint16_t checksum_xor;
	int length_off;			/* added to the right length in the IP header */
	const char *payload;		/* hex; NULL: 8 bytes of UDP */
	unsigned int zeros;		/* behind the payload, inside of the IP packet */
	unsigned int trailer;		/* behind the IP packet */
	unsigned int cut;		/* bytes taken off the end, whatever the headers say */
	bool exact;			/* nothing behind the link header but .raw */
	const char *raw;		/* hex, behind the link header */
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
};

static void put8(struct frame *f, unsigned int b)
{
	assert_true(f->len < FRAME_MAX);
	f->bytes[f->len++] = b;
}

static void put16(struct frame *f, unsigned int w)
{
	put8(f, w >> 8);
	put8(f, w & 0xff);
}

static void put_bytes(struct frame *f, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put8(f, ((const uint8_t *)bytes)[i]);
}

static void put_hex(struct frame *f, const char *hex)
{
	unsigned int b;
	int used;

	for (; hex && sscanf(hex, " %2x%n", &b, &used) == 1; hex += used)
		put8(f, b);
}

static void put_mac(struct frame *f, const char *text)
{
	uint8_t mac[6];

	assert_int_equal(mac_parse(text, mac), 0);
	put_bytes(f, mac, 6);
}

/* Adds up the other way than eval does: byte by byte, with the carry at once. */
static unsigned int checksum_of(const uint8_t *b, size_t n)
{
	unsigned int high = 0, low = 0;

	for (size_t i = 0; i < n; i += 2) {
		low += b[i + 1];
		high += b[i];
		if (low > 0xff) {
			low -= 0x100;
			high++;
		}
		if (high > 0xff) {
			high -= 0x100;
			low++;
		}
		if (low > 0xff) {
			low -= 0x100;
			high++;
		}
	}
	return ~(high << 8 | low) & 0xffff;
}

static void make_link(struct frame *f, const struct recipe *r, const char *to, const char *from,
		      bool v6)
{
	put_mac(f, to);
	put_mac(f, from);
	for (unsigned int i = 0; i < r->tags; i++) {
		put16(f, r->tag_type[i] ? r->tag_type[i] : 0x8100);
		put16(f, r->tci[i]);
	}
	put16(f, r->ethertype ? r->ethertype : v6 ? 0x86dd : 0x0800);
}

static void make_ip4(struct frame *f, const struct recipe *r, const struct addr *src,
		     const struct addr *dst, size_t payload)
{
	struct frame options = { .len = 0 };
	size_t ip = f->len, header;
	unsigned int sum;

	put_hex(&options, r->options);
	header = 20 + options.len;
	put8(f, (r->version ? r->version : 4) << 4 |
	     (r->ihl < 0 ? 0 : r->ihl ? (unsigned int)r->ihl : header / 4));
	put8(f, 0);
	put16(f, header + payload + r->length_off);
	put16(f, 0x1234);
	put16(f, r->fragment);
	put8(f, r->ttl < 0 ? 0 : r->ttl ? r->ttl : 64);
	put8(f, r->proto < 0 ? 0 : r->proto ? r->proto : 17);
	put16(f, 0);
	put_bytes(f, src->bytes, 4);
	put_bytes(f, dst->bytes, 4);
	put_bytes(f, options.bytes, options.len);
	sum = checksum_of(f->bytes + ip, header) ^ r->checksum_xor;
	f->bytes[ip + 10] = sum >> 8;
	f->bytes[ip + 11] = sum & 0xff;
}

static void make_ip6(struct frame *f, const struct recipe *r, const struct addr *src,
		     const struct addr *dst, size_t payload)
{
	put16(f, (r->version ? r->version : 6) << 12);
	put16(f, 0x5678);
	put16(f, payload + r->length_off);
	put8(f, r->proto < 0 ? 0 : r->proto ? r->proto : 17);
	put8(f, r->ttl < 0 ? 0 : r->ttl ? r->ttl : 64);
	put_bytes(f, src->bytes, 16);
	put_bytes(f, dst->bytes, 16);
}

static void make_frame(struct frame *f, const struct recipe *r, const char *to, const char *from)
{
	struct frame payload = { .len = 0 };
	struct addr src, dst;

	f->len = 0;
	assert_int_equal(addr_parse(r->src ? r->src : "192.0.2.1", &src), 0);
	assert_int_equal(addr_parse(r->dst ? r->dst : "198.51.100.9", &dst), 0);
	make_link(f, r, to, from, src.family == ADDR_V6);
	if (r->exact) {
		put_hex(f, r->raw);
		return;
	}
	put_hex(&payload, r->payload ? r->payload : "03e8 07d0 0008 0000");
	for (unsigned int i = 0; i < r->zeros; i++)
		put8(&payload, 0);
	if (src.family == ADDR_V4)
		make_ip4(f, r, &src, &dst, payload.len);
	else
		make_ip6(f, r, &src, &dst, payload.len);
	put_bytes(f, payload.bytes, payload.len);
	for (unsigned int i = 0; i < r->trailer; i++)
		put8(f, 0xee);
	assert_true(r->cut <= f->len);
	f->len -= r->cut;
}

#define SENDER "02:00:00:00:09:09"

static void make(struct frame *f, const struct recipe *r)
{
	make_frame(f, r, r->to ? r->to : "02:00:00:00:00:01", SENDER);
}

/* ---- one packet, one reason --------------------------------------------- */

#define TCP20 "0050 c000 00000000 00000000 5002 ffff 0000 0000"
#define FRAG(word) "11 00 " word " 00000000"		/* UDP behind it */
#define V6 .src = "2001:db8::5", .dst = "2001:db8:1::9"

static const struct {
	const char *name;
	enum sluice_reason reason;
	struct recipe r;
} cases[] = {
	{ "udp", REASON_forwarded, { 0 } },
	{ "udp, padded", REASON_forwarded, { .trailer = 18 } },
	{ "udp over ip6", REASON_forwarded, { V6 } },

	/* link */
	{ "no byte", REASON_eth_short, { .cut = 42 } },
	{ "13 bytes", REASON_eth_short, { .cut = 42 - 13 } },
	{ "14 bytes", REASON_ip4_short, { .cut = 42 - 14 } },
	{ "tag cut at 3", REASON_vlan_short, { .tags = 1, .tci = { 100 }, .cut = 46 - 17 } },
	{ "tag whole", REASON_ip4_short, { .tags = 1, .tci = { 100 }, .cut = 46 - 18 } },
	{ "second tag cut", REASON_vlan_short, { .tags = 2, .cut = 50 - 21 } },
	{ "third tag", REASON_vlan_deep, { .tags = 3 } },
	{ "third tag cut", REASON_vlan_short, { .tags = 3, .cut = 54 - 25 } },
	{ "third tag and no more", REASON_vlan_deep, { .tags = 3, .cut = 54 - 26 } },
	{ "arp", REASON_not_ip, { .ethertype = 0x0806 } },
	{ "802.3 length", REASON_not_ip, { .ethertype = 46 } },
	{ "arp in a tag", REASON_not_ip, { .tags = 1, .tci = { 100 }, .ethertype = 0x0806 } },
	{ "old QinQ type is no tag", REASON_not_ip, { .tags = 1, .tag_type = { 0x9100 } } },

	/* IPv4 */
	{ "19 bytes", REASON_ip4_short, { .exact = true, .raw = "45000013 00000000 40110000 c0000201 c63364" } },
	{ "version 6 for ip4", REASON_ip4_version, { .version = 6 } },
	{ "version 0", REASON_ip4_version, { .exact = true,
		.raw = "05000014 00000000 40110000 c0000201 c6336409" } },
	{ "ihl 4", REASON_ip4_header, { .ihl = 4 } },
	{ "ihl 0", REASON_ip4_header, { .ihl = -1 } },
	{ "ihl beyond the frame", REASON_ip4_header, { .ihl = 8 } },
	{ "ihl at the frame's end", REASON_ip4_checksum, { .ihl = 7 } },
	{ "total length below the header", REASON_ip4_length, { .length_off = -9 } },
	{ "total length at the header", REASON_udp_short, { .length_off = -8 } },
	{ "total length beyond the frame", REASON_ip4_length, { .length_off = 1 } },
	{ "total length short of the frame", REASON_udp_length, { .length_off = -1,
		.payload = "03e8 07d0 0009 0000 00" } },
	{ "checksum", REASON_ip4_checksum, { .checksum_xor = 1 } },
	{ "checksum with options", REASON_ip4_checksum, { .options = "01010101", .checksum_xor = 0x8000 } },
	{ "length before checksum", REASON_ip4_length, { .length_off = 1, .checksum_xor = 1 } },

	/* IPv6 */
	{ "39 bytes", REASON_ip6_short, { V6, .cut = 9 } },
	{ "40 bytes of 48", REASON_ip6_length, { V6, .cut = 8 } },
	{ "version 4 for ip6", REASON_ip6_version, { V6, .version = 4 } },
	{ "jumbogram", REASON_ip6_jumbo, { V6, .proto = -1, .payload = "" } },
	{ "hop-by-hop with payload is none", REASON_ip_options, { V6, .proto = -1,
		.payload = "11 00 0104 00000000 03e8 07d0 0008 0000" } },
	{ "no payload, no next header", REASON_forwarded, { V6, .proto = 59, .payload = "" } },
	{ "payload length beyond", REASON_ip6_length, { V6, .length_off = 1 } },
	{ "payload length short of it", REASON_udp_short, { V6, .length_off = -1 } },
	{ "extension cut at 7", REASON_ip6_ext_short, { V6, .proto = 60, .payload = "11 00 0104 000000" } },
	{ "extension whole, nothing behind", REASON_udp_short, { V6, .proto = 60,
		.payload = "11 00 0104 00000000" } },
	{ "extension longer than the payload", REASON_ip6_ext_short, { V6, .proto = 43,
		.payload = "11 01 0104 00000000 0000000000000000", .length_off = -1 } },
	{ "extension as long as the payload", REASON_udp_short, { V6, .proto = 43,
		.payload = "11 01 0104 00000000 0000000000000000" } },
	{ "extension past the packet, not the frame", REASON_ip6_ext_short, { V6, .proto = 43,
		.payload = "11 01 0104 00000000", .trailer = 8 } },
	{ "authentication: 4 bytes a unit", REASON_forwarded, { V6, .proto = 51,
		.payload = "11 01 0000 00000000 00000000 03e8 07d0 0008 0000" } },
	{ "authentication cut", REASON_ip6_ext_short, { V6, .proto = 51,
		.payload = "11 01 0000 00000000 000000" } },
	{ "hop-by-hop second is the protocol", REASON_forwarded, { V6, .proto = 60,
		.payload = "00 00 0104 00000000 ff" } },
	{ "eight extensions", REASON_forwarded, { V6, .proto = 60, .payload =
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
		"3c00010400000000 3c00010400000000 3c00010400000000 1100010400000000 03e807d000080000" } },
	{ "nine extensions", REASON_ip6_ext_many, { V6, .proto = 60, .payload =
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 1100010400000000" } },
	{ "a ninth that is cut", REASON_ip6_ext_many, { V6, .proto = 60, .payload =
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000" } },
	{ "later fragment, whatever follows", REASON_forwarded, { V6, .proto = 44,
		.payload = "3c 00 0008 00000000 ff" } },
	{ "fragment header of a whole packet", REASON_udp_length, { V6, .proto = 44,
		.payload = FRAG("0000") "03e8 07d0 0009 0000" } },
	{ "first fragment", REASON_forwarded, { V6, .proto = 44,
		.payload = FRAG("0001") "03e8 07d0 0009 0000" } },
	{ "first fragment, reserved bits", REASON_udp_length, { V6, .proto = 44,
		.payload = FRAG("0006") "03e8 07d0 0009 0000" } },
	{ "fragment header's second byte is no length", REASON_forwarded, { V6, .proto = 44,
		.payload = "11 ff 0000 00000000 03e8 07d0 0008 0000" } },

	/* transport */
	{ "tcp 19 bytes", REASON_tcp_short, { .proto = 6, .payload = "0050 c000 00000000 00000000 5002 ffff 000000" } },
	{ "tcp 20 bytes", REASON_forwarded, { .proto = 6, .payload = TCP20 } },
	{ "tcp offset 4", REASON_tcp_header, { .proto = 6,
		.payload = "0050 c000 00000000 00000000 4002 ffff 0000 0000" } },
	{ "tcp offset beyond", REASON_tcp_header, { .proto = 6, .zeros = 3,
		.payload = "0050 c000 00000000 00000000 6002 ffff 0000 0000" } },
	{ "tcp offset at the end", REASON_forwarded, { .proto = 6, .zeros = 4,
		.payload = "0050 c000 00000000 00000000 6002 ffff 0000 0000" } },
	{ "tcp over ip6", REASON_tcp_short, { V6, .proto = 6, .zeros = 11 } },
	{ "udp 7 bytes", REASON_udp_short, { .payload = "03e8 07d0 0008 00" } },
	{ "udp length 7", REASON_udp_length, { .payload = "03e8 07d0 0007 0000" } },
	{ "udp length 9 of 8", REASON_udp_length, { .payload = "03e8 07d0 0009 0000" } },
	{ "udp length 8 of 9", REASON_forwarded, { .payload = "03e8 07d0 0008 0000 00" } },
	{ "udp length 9 of 8, first fragment", REASON_forwarded, { .fragment = 0x2000,
		.payload = "03e8 07d0 0009 0000" } },
	{ "udp length 7, first fragment", REASON_udp_length, { .fragment = 0x2000,
		.payload = "03e8 07d0 0007 0000" } },
	{ "udp 7 bytes, first fragment", REASON_udp_short, { .fragment = 0x2000, .payload = "03e8 07d0 0008 00" } },
	{ "udp 1 byte, later fragment", REASON_forwarded, { .fragment = 1, .payload = "03" } },
	{ "do not fragment is no fragment", REASON_udp_length, { .fragment = 0x4000,
		.payload = "03e8 07d0 0009 0000" } },
	{ "icmp 7 bytes", REASON_icmp_short, { .proto = 1, .payload = "0800 0000 0001 00" } },
	{ "icmp 8 bytes", REASON_forwarded, { .proto = 1, .payload = "0800 0000 0001 0001" } },
	{ "icmp6 3 bytes", REASON_icmp_short, { V6, .proto = 58, .payload = "8000 00" } },
	{ "icmp6 4 bytes", REASON_forwarded, { V6, .proto = 58, .payload = "8000 0000" } },
	{ "icmp6 in ip4", REASON_forwarded, { .proto = 58, .payload = "80" } },
	{ "icmp in ip6", REASON_forwarded, { V6, .proto = 1, .payload = "08" } },
	{ "igmp 7 bytes", REASON_igmp_short, { .proto = 2, .payload = "1600 0000 0000 00" } },
	{ "igmp 8 bytes", REASON_forwarded, { .proto = 2, .payload = "1600 0000 0000 0000" } },
	{ "igmp in ip6", REASON_forwarded, { V6, .proto = 2, .payload = "16" } },
	{ "esp", REASON_forwarded, { .proto = 50, .payload = "" } },
	{ "authentication in ip4 is the protocol", REASON_forwarded, { .proto = 51, .payload = "" } },

	/* replicate */
	{ "source and group", REASON_replicated, { .dst = "239.1.1.1" } },
	{ "group of any source", REASON_replicated, { .src = "192.0.2.2", .dst = "239.1.1.1" } },
	{ "group prefix", REASON_replicated, { .dst = "239.1.77.1" } },
	{ "longer group prefix", REASON_host_only, { .dst = "239.1.2.1" } },
	{ "host only, TTL 0", REASON_host_only, { .dst = "239.1.2.1", .ttl = -1 } },
	{ "group on another port", REASON_group_rpf, { .dst = "239.4.4.4" } },
	{ "source on another port", REASON_group_rpf, { .dst = "239.5.5.5" } },
	{ "that group, another source", REASON_multicast, { .src = "192.0.2.2", .dst = "239.5.5.5" } },
	{ "prefix on another port", REASON_multicast, { .dst = "239.6.6.6" } },
	{ "TTL 1", REASON_group_ttl, { .dst = "239.1.1.1", .ttl = 1 } },
	{ "TTL 0", REASON_group_ttl, { .dst = "239.1.1.1", .ttl = -1 } },
	{ "TTL 2", REASON_replicated, { .dst = "239.1.1.1", .ttl = 2 } },
	{ "TTL 1, a leg sets it", REASON_replicated, { .dst = "239.1.77.1", .ttl = 1 } },
	{ "TTL 1, a leg is the host", REASON_replicated, { .dst = "239.3.3.3", .ttl = 1 } },
	{ "no group", REASON_multicast, { .dst = "239.8.8.8" } },
	{ "no group, other MAC", REASON_multicast, { .dst = "239.8.8.8", .to = "01:00:5e:08:08:08" } },
	{ "on the link, a prefix covers it", REASON_multicast, { .dst = "224.0.0.5" } },
	{ "the last on the link", REASON_multicast, { .dst = "224.0.0.255" } },
	{ "the first beyond", REASON_replicated, { .dst = "224.0.1.0" } },
	{ "ip6 scope 1", REASON_multicast, { .src = "2001:db8::5", .dst = "ff11::5" } },
	{ "ip6 scope 2", REASON_multicast, { .src = "2001:db8::5", .dst = "ff12::5" } },
	{ "ip6 scope 3", REASON_replicated, { .src = "2001:db8::5", .dst = "ff13::5" } },
	{ "ip6 scope 0", REASON_replicated, { .src = "2001:db8::5", .dst = "ff10::5" } },
	{ "the first multicast address", REASON_multicast, { .dst = "224.0.0.0" } },
	{ "the last", REASON_multicast, { .dst = "239.255.255.255" } },
	{ "the one before", REASON_not_routed, { .dst = "223.255.255.255" } },
	{ "the one behind", REASON_martian, { .dst = "240.0.0.0" } },
	{ "ip6 group", REASON_replicated, { .src = "2001:db8::5", .dst = "ff05::1:3" } },
	{ "ip6 source and group", REASON_replicated, { .src = "2001:db8::1", .dst = "ff05::1:3" } },
	{ "ip6 no group", REASON_multicast, { .src = "2001:db8::5", .dst = "ff02::1" } },
	{ "options do not keep from copying", REASON_replicated, { .dst = "239.1.1.1", .options = "01010101" } },
	{ "nor tags of no VLAN of ours", REASON_replicated, { .dst = "239.1.1.1", .tags = 2 } },
	{ "malformed before all", REASON_udp_length, { .dst = "239.1.1.1", .payload = "03e8 07d0 0007 0000" } },

	/* route */
	{ "other MAC", REASON_other_mac, { .to = "02:00:00:00:00:02" } },
	{ "broadcast MAC", REASON_other_mac, { .to = "ff:ff:ff:ff:ff:ff" } },
	{ "known VLAN", REASON_forwarded, { .tags = 1, .tci = { 0xe064 } } },
	{ "unknown VLAN", REASON_vlan_unknown, { .tags = 1, .tci = { 101 } } },
	{ "known VLAN, tag of 0x88a8", REASON_vlan_unknown, { .tags = 1, .tci = { 100 }, .tag_type = { 0x88a8 } } },
	{ "VLAN of another port", REASON_vlan_unknown, { .tags = 1, .tci = { 200 } } },
	{ "two tags", REASON_vlan_unknown, { .tags = 2, .tci = { 100, 100 } } },
	{ "other MAC before unknown VLAN", REASON_other_mac, { .tags = 2, .to = "02:00:00:00:00:02" } },
	{ "options", REASON_ip_options, { .options = "01010101" } },
	{ "all the options there is room for", REASON_ip_options, { .options =
		"01010101 01010101 01010101 01010101 01010101 01010101 01010101 01010101 01010101 01010101" } },
	{ "options before martian", REASON_ip_options, { .options = "01010101", .src = "127.0.0.1" } },
	{ "source 0/8", REASON_martian, { .src = "0.255.0.1" } },
	{ "source 1/8", REASON_forwarded, { .src = "1.0.0.0" } },
	{ "source 127/8", REASON_martian, { .src = "127.9.9.9" } },
	{ "source 126/8", REASON_forwarded, { .src = "126.255.255.255" } },
	{ "source 128/8", REASON_forwarded, { .src = "128.0.0.0" } },
	{ "source multicast", REASON_martian, { .src = "224.0.0.1" } },
	{ "source broadcast", REASON_martian, { .src = "255.255.255.255" } },
	{ "source 223/8", REASON_forwarded, { .src = "223.255.255.255" } },
	{ "destination 0/8", REASON_martian, { .dst = "0.0.0.1" } },
	{ "destination 127/8", REASON_martian, { .dst = "127.0.0.1" } },
	{ "destination 126/8", REASON_forwarded, { .dst = "126.0.0.1" } },
	{ "destination broadcast", REASON_martian, { .dst = "255.255.255.255" } },
	{ "source ::", REASON_martian, { .src = "::", .dst = "2001:db8:1::9" } },
	{ "source ::1", REASON_martian, { .src = "::1", .dst = "2001:db8:1::9" } },
	{ "source ::2", REASON_forwarded, { .src = "::2", .dst = "2001:db8:1::9" } },
	{ "source ff00::/8", REASON_martian, { .src = "ff05::1", .dst = "2001:db8:1::9" } },
	{ "source mapped", REASON_martian, { .src = "::ffff:192.0.2.1", .dst = "2001:db8:1::9" } },
	{ "source ::fffe:0:0", REASON_forwarded, { .src = "::fffe:192.0.2.1", .dst = "2001:db8:1::9" } },
	{ "destination ::", REASON_martian, { .src = "2001:db8::5", .dst = "::" } },
	{ "destination ::1", REASON_martian, { .src = "2001:db8::5", .dst = "::1" } },
	{ "destination mapped", REASON_martian, { .src = "2001:db8::5", .dst = "::ffff:198.51.100.9" } },
	{ "source 169.254/16", REASON_link_scope, { .src = "169.254.0.1" } },
	{ "source 169.253/16", REASON_forwarded, { .src = "169.253.255.255" } },
	{ "destination 169.254/16", REASON_link_scope, { .dst = "169.254.255.255" } },
	{ "source fe80::/10", REASON_link_scope, { .src = "febf::1", .dst = "2001:db8:1::9" } },
	{ "source fec0::", REASON_forwarded, { .src = "fec0::1", .dst = "2001:db8:1::9" } },
	{ "destination fe80::/10", REASON_link_scope, { .src = "2001:db8::5", .dst = "fe80::1" } },
	{ "martian before link scope", REASON_martian, { .src = "169.254.0.1", .dst = "127.0.0.1" } },
	{ "no route", REASON_no_route, { .dst = "192.0.2.1" } },
	{ "ip6 no route", REASON_no_route, { .src = "2001:db8::5", .dst = "2001:db8:4::1" } },
	{ "local", REASON_local, { .dst = "203.0.113.0" } },
	{ "reject", REASON_reject, { .dst = "203.0.113.1" } },
	{ "encap", REASON_encap, { .dst = "203.0.113.2" } },
	{ "no port", REASON_no_port, { .dst = "203.0.113.3" } },
	{ "table full", REASON_table_full, { .dst = "203.0.113.4" } },
	{ "not followed", REASON_not_followed, { .dst = "203.0.113.5" } },
	{ "no neighbour", REASON_no_neighbour, { .dst = "203.0.113.6" } },
	{ "blackhole", REASON_blackhole, { .dst = "203.0.113.7" } },
	{ "blackhole before TTL", REASON_blackhole, { .dst = "203.0.113.7", .ttl = 1 } },
	{ "no neighbour before TTL", REASON_no_neighbour, { .dst = "203.0.113.6", .ttl = 1 } },
	{ "ip6 local", REASON_local, { .src = "2001:db8::5", .dst = "2001:db8:3::1" } },
	{ "ttl 0", REASON_ttl, { .ttl = -1 } },
	{ "ttl 1", REASON_ttl, { .ttl = 1 } },
	{ "ttl 2", REASON_forwarded, { .ttl = 2 } },
	{ "ip6 ttl 1", REASON_ttl, { V6, .ttl = 1 } },
	{ "100 bytes", REASON_forwarded, { .dst = "198.51.103.1", .zeros = 72 } },
	{ "100 bytes, padded", REASON_forwarded, { .dst = "198.51.103.1", .zeros = 72, .trailer = 9 } },
	{ "101 bytes", REASON_too_big, { .dst = "198.51.103.1", .zeros = 73 } },
	{ "ip6 100 bytes", REASON_forwarded, { .src = "2001:db8::5", .dst = "2001:db8:2::1", .zeros = 52 } },
	{ "ip6 101 bytes", REASON_too_big, { .src = "2001:db8::5", .dst = "2001:db8:2::1", .zeros = 53 } },
	{ "ttl before too big", REASON_ttl, { .dst = "198.51.103.1", .zeros = 73, .ttl = 1 } },
	{ "too big before port down", REASON_too_big, { .dst = "198.51.104.1", .zeros = 73 } },
	{ "port down", REASON_port_down, { .dst = "198.51.102.1" } },
};

/* Of the whole policy, "223.255.255.255" has no route; the table says what a policy without routes gives. */
static enum sluice_reason wanted(size_t i)
{
	return cases[i].reason == REASON_not_routed ? REASON_no_route : cases[i].reason;
}

static void check_common(const struct eval_result *result, const struct frame *f, const char *name)
{
	assert_true(result->outcomes.len >= 1);
	for (size_t i = 0; i < result->outcomes.len; i++) {
		const struct eval_outcome *o = vec_at(&result->outcomes, i);
		const struct eval_output *out = o->outputs.data;

		if (o->verdict != eval_reason_verdict(o->reason))
			fail_msg("%s: verdict %d", name, o->verdict);
		if (o->verdict == VERDICT_DROP && o->outputs.len)
			fail_msg("%s: dropped, and goes out", name);
		if (o->verdict == VERDICT_FORWARD && (o->outputs.len != 1 || out->host))
			fail_msg("%s: forwarded %zu times", name, o->outputs.len);
		if (o->verdict != VERDICT_PASS)
			continue;
		if (o->outputs.len != 1 || !out->host || out->len != f->len ||
		    (f->len && memcmp(out->frame, f->bytes, f->len)))
			fail_msg("%s: not passed as it came", name);
	}
}

static void test_reasons(void **state)
{
	struct policy *p = parse(PORTS GROUPS "route main;\n" MEASURE);
	bool seen[REASON_MAX] = { false };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eval_result result;
		const struct eval_outcome *o;
		bool measured;
		struct frame f;

		make(&f, &cases[i].r);
		policy_eval(p, &env, WAN, f.bytes, f.len, &result);
		check_common(&result, &f, cases[i].name);
		o = vec_at(&result.outcomes, 0);
		if (o->reason != wanted(i))
			fail_msg("%s: %s, not %s", cases[i].name, eval_reason_name(o->reason),
				 eval_reason_name(wanted(i)));
		measured = o->reason >= REASON_replicated;
		if (result.measured != measured || (measured && result.bytes != f.len))
			fail_msg("%s: measured %d", cases[i].name, result.measured);
		seen[o->reason] = true;
		eval_result_free(&result);
	}
	seen[REASON_none] = seen[REASON_nonlinear] = seen[REASON_no_copy] = true;
	seen[REASON_buffers] = seen[REASON_host_lost] = seen[REASON_filter_blind] = true;
	seen[REASON_filtered] = seen[REASON_policed] = true;	/* test_eval_filter.c */
	seen[REASON_discard] = true;	/* test_statics() */
	seen[REASON_bogon] = seen[REASON_rpf] = seen[REASON_spoofed] = true;	/* test_sources() */
	seen[REASON_other_table] = true;
	seen[REASON_ip_rule] = true;	/* rules are the kernel's */
	seen[REASON_redirect] = seen[REASON_not_a_port] = seen[REASON_not_routed] = true;
	for (int r = 0; r < REASON_MAX; r++)
		if (!seen[r])
			fail_msg("no packet for %s", eval_reason_name(r));
	policy_free(p);
}

static enum sluice_reason reason_of(const struct policy *p, unsigned int port, const struct recipe *r)
{
	struct eval_result result;
	enum sluice_reason reason;
	struct frame f;

	make(&f, r);
	policy_eval(p, &env, port, f.bytes, f.len, &result);
	check_common(&result, &f, "a packet");
	reason = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason;
	eval_result_free(&result);
	return reason;
}

static void test_what_is_configured(void **state)
{
	struct policy *all = parse(PORTS GROUPS "route main;\n");
	struct policy *groups = parse(PORTS GROUPS);
	struct policy *route = parse(PORTS "route main;\n");
	struct policy *nothing = parse(PORTS);
	const struct recipe unicast = { 0 }, group = { .dst = "239.1.1.1" };
	const struct recipe group_mac = { .dst = "239.1.1.1", .to = "01:00:5e:01:01:01" };
	const struct recipe bad = { .checksum_xor = 1 };

	(void)state;
	assert_int_equal(reason_of(all, STRANGER, &unicast), REASON_not_a_port);
	assert_int_equal(reason_of(all, STRANGER, &bad), REASON_not_a_port);
	assert_int_equal(reason_of(all, 77, &unicast), REASON_not_a_port);
	assert_int_equal(reason_of(all, 0, &unicast), REASON_not_a_port);
	assert_int_equal(reason_of(groups, WAN, &unicast), REASON_not_routed);
	assert_int_equal(reason_of(groups, WAN, &group), REASON_replicated);
	assert_int_equal(reason_of(route, WAN, &unicast), REASON_forwarded);
	assert_int_equal(reason_of(route, WAN, &group), REASON_martian);
	assert_int_equal(reason_of(route, WAN, &group_mac), REASON_other_mac);
	assert_int_equal(reason_of(nothing, WAN, &unicast), REASON_not_routed);
	assert_int_equal(reason_of(nothing, WAN, &group), REASON_not_routed);
	assert_int_equal(reason_of(nothing, WAN, &bad), REASON_ip4_checksum);
	policy_free(all);
	policy_free(groups);
	policy_free(route);
	policy_free(nothing);
}

/* ---- what goes out ------------------------------------------------------ */

/* One output: @port 0 is the host; @r makes the frame that is expected. */
struct expected {
	unsigned int port;
	const char *to, *from;
	struct recipe r;
};

static void check_outputs(const char *name, const struct frame *in, const struct eval_outcome *o,
			  const struct expected *expected, size_t count)
{
	if (o->outputs.len != count)
		fail_msg("%s: %zu outputs, not %zu", name, o->outputs.len, count);
	for (size_t i = 0; i < count; i++) {
		const struct eval_output *out = vec_at(&o->outputs, i);
		struct frame f = *in;

		assert_int_equal(out->host, !expected[i].port);
		if (expected[i].port) {
			assert_int_equal(out->port, expected[i].port);
			make_frame(&f, &expected[i].r, expected[i].to, expected[i].from);
		}
		assert_int_equal(out->len, f.len);
		assert_memory_equal(out->frame, f.bytes, f.len);
	}
}

static void check_packet(const struct policy *p, const char *name, const struct recipe *r,
			 const struct expected *expected, size_t count)
{
	struct eval_result result;
	struct frame f;

	make(&f, r);
	policy_eval(p, &env, WAN, f.bytes, f.len, &result);
	assert_int_equal(result.outcomes.len, 1);
	check_outputs(name, &f, vec_at(&result.outcomes, 0), expected, count);
	eval_result_free(&result);
}

/* A packet, and all that becomes of it. */
struct exchange {
	struct recipe in;
	size_t count;
	struct expected out[3];
};

static void check_exchanges(const struct policy *p, const struct exchange *list, size_t count)
{
	char name[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "exchange %zu", i);
		check_packet(p, name, &list[i].in, list[i].out, list[i].count);
	}
}

#define A_FROM_FA "02:00:00:00:01:01", "02:00:00:00:00:02"
#define B_FROM_FB "02:00:00:00:01:02", "02:00:00:00:00:03"

static const struct exchange forwarded[] = {
	{ { .ttl = 64 }, 1, { { FA, A_FROM_FA, { .ttl = 63 } } } },
	{ { .ttl = 2, .trailer = 18 }, 1, { { FA, A_FROM_FA, { .ttl = 1, .trailer = 18 } } } },
	{ { .ttl = 255 }, 1, { { FA, A_FROM_FA, { .ttl = 254 } } } },
	/* a tag that came in goes away; the next hop's own, priority and all, goes on */
	{ { .tags = 1, .tci = { 100 } }, 1, { { FA, A_FROM_FA, { .ttl = 63 } } } },
	{ { .dst = "198.51.100.200" }, 1, { { FB, B_FROM_FB,
		{ .dst = "198.51.100.200", .ttl = 63, .tags = 1, .tci = { 0x2007 } } } } },
	{ { .dst = "198.51.100.200", .tags = 1, .tci = { 100 } }, 1,
		{ { FB, B_FROM_FB,
		{ .dst = "198.51.100.200", .ttl = 63, .tags = 1, .tci = { 0x2007 } } } } },
	{ { V6, .ttl = 9 }, 1, { { FA, A_FROM_FA, { V6, .ttl = 8 } } } },
	{ { .src = "2001:db8::5", .dst = "2001:db8:1:8000::1" }, 1, { { FB, B_FROM_FB,
		{ .src = "2001:db8::5", .dst = "2001:db8:1:8000::1", .ttl = 63, .tags = 1,
		  .tci = { 0x2007 } } } } },
};

static void test_forwarded(void **state)
{
	struct policy *p = parse(PORTS "route main;\n");

	(void)state;
	check_exchanges(p, forwarded, sizeof(forwarded) / sizeof(forwarded[0]));
	policy_free(p);
}

/* The checksum of every TTL, through a header whose sum runs through all its edges. */
static void test_checksums(void **state)
{
	struct policy *p = parse(PORTS "route main;\n");
	char src[32];

	(void)state;
	for (int ttl = 2; ttl <= 255; ttl++) {
		for (int i = 0; i < 256; i += 5) {
			struct recipe in, out;

			snprintf(src, sizeof(src), "192.0.%d.%d", ttl, i);
			in = (struct recipe){ .src = src, .ttl = ttl };
			out = (struct recipe){ .src = src, .ttl = ttl - 1 };
			check_packet(p, src, &in, &(struct expected){ FA, A_FROM_FA, out }, 1);
		}
	}
	policy_free(p);
}

static void test_several_next_hops(void **state)
{
	const struct recipe r = { .dst = "198.51.101.1" }, dying = { .dst = "198.51.101.1", .ttl = 1 };
	const struct expected a = { FA, A_FROM_FA, { .dst = "198.51.101.1", .ttl = 63 } };
	const struct expected b = { FB, B_FROM_FB, { .dst = "198.51.101.1", .ttl = 63, .tags = 1,
						     .tci = { 0x2007 } } };
	const struct expected host = { 0 };
	struct policy *p = parse(PORTS "route main;\n");
	struct eval_result result;
	struct frame f;

	(void)state;
	make(&f, &r);
	policy_eval(p, &env, WAN, f.bytes, f.len, &result);
	assert_int_equal(result.outcomes.len, 3);
	check_outputs("a", &f, vec_at(&result.outcomes, 0), &a, 1);
	check_outputs("b", &f, vec_at(&result.outcomes, 1), &b, 1);
	check_outputs("host", &f, vec_at(&result.outcomes, 2), &host, 1);
	assert_int_equal(((struct eval_outcome *)vec_at(&result.outcomes, 2))->reason,
			 REASON_no_neighbour);
	eval_result_free(&result);

	make(&f, &dying);
	policy_eval(p, &env, WAN, f.bytes, f.len, &result);
	assert_int_equal(result.outcomes.len, 3);
	assert_int_equal(((struct eval_outcome *)vec_at(&result.outcomes, 1))->reason, REASON_ttl);
	eval_result_free(&result);
	policy_free(p);
}

#define MAC_FA "02:00:00:00:00:02"
#define MAC_FB "02:00:00:00:00:03"

static const struct exchange copies[] = {
	/* a source's own group; any source, and the leg's tag in place of those that came */
	{ { .dst = "239.1.1.1" }, 1,
		{ { FA, "01:00:5e:01:01:01", MAC_FA, { .dst = "239.1.1.1", .ttl = 63 } } } },
	{ { .src = "192.0.2.2", .dst = "239.1.1.1", .tags = 2, .tci = { 5, 6 } }, 1,
		{ { FB, "01:00:5e:01:01:01", MAC_FB,
		    { .src = "192.0.2.2", .dst = "239.1.1.1", .ttl = 63, .tags = 1, .tci = { 12 } } } } },
	/* a leg that would send TTL 0 gets none */
	{ { .dst = "239.1.200.1", .ttl = 1 }, 1,
		{ { FA, "01:00:5e:01:c8:01", MAC_FA, { .dst = "239.1.200.1", .ttl = 9 } } } },
	{ { .dst = "239.1.200.1", .ttl = 7, .trailer = 5 }, 2,
		{ { FA, "01:00:5e:01:c8:01", MAC_FA, { .dst = "239.1.200.1", .ttl = 9, .trailer = 5 } },
		  { FB, "01:00:5e:01:c8:01", MAC_FB, { .dst = "239.1.200.1", .ttl = 6, .trailer = 5 } } } },
	/* the host gets it as it came; 23 bits of the group are in the MAC */
	{ { .dst = "239.2.129.9", .tags = 1, .tci = { 5 } }, 3,
		{ { .port = 0 },
		  { FA, "01:00:5e:02:81:09", MAC_FA, { .dst = "239.2.129.9", .ttl = 63 } },
		  { FB, "01:00:5e:02:81:09", MAC_FB,
		    { .dst = "239.2.129.9", .ttl = 3, .tags = 1, .tci = { 7 } } } } },
	{ { .dst = "239.2.129.9", .ttl = -1 }, 2,
		{ { .port = 0 },
		  { FB, "01:00:5e:02:81:09", MAC_FB,
		    { .dst = "239.2.129.9", .ttl = 3, .tags = 1, .tci = { 7 } } } } },
	{ { .dst = "239.3.3.3", .ttl = 1 }, 1, { { .port = 0 } } },
	{ { .dst = "239.129.5.5" }, 1,
		{ { FA, "01:00:5e:01:05:05", MAC_FA, { .dst = "239.129.5.5", .ttl = 63 } } } },
	/* a port that is not there */
	{ { .dst = "239.7.7.7" }, 1,
		{ { FA, "01:00:5e:07:07:07", MAC_FA, { .dst = "239.7.7.7", .ttl = 63 } } } },
	/* options stay, and are summed */
	{ { .dst = "239.1.1.1", .options = "01020304 05060708" }, 1,
		{ { FA, "01:00:5e:01:01:01", MAC_FA,
		    { .dst = "239.1.1.1", .options = "01020304 05060708", .ttl = 63 } } } },
	{ { .src = "2001:db8::5", .dst = "ff05::1:3" }, 2,
		{ { FA, "33:33:00:01:00:03", MAC_FA, { .src = "2001:db8::5", .dst = "ff05::1:3", .ttl = 63 } },
		  { FB, "33:33:00:01:00:03", MAC_FB,
		    { .src = "2001:db8::5", .dst = "ff05::1:3", .ttl = 200, .tags = 1, .tci = { 12 } } } } },
	{ { .src = "2001:db8::1", .dst = "ff05::1:3" }, 2,
		{ { .port = 0 },
		  { FB, "33:33:00:01:00:03", MAC_FB,
		    { .src = "2001:db8::1", .dst = "ff05::1:3", .ttl = 63 } } } },
};

static void test_copies(void **state)
{
	struct policy *p = parse(PORTS GROUPS);

	(void)state;
	check_exchanges(p, copies, sizeof(copies) / sizeof(copies[0]));
	policy_free(p);
}

/* Byte by byte: nothing but these lines and policy_eval() says what is right here. */
static void test_by_hand(void **state)
{
	static const char in4[] =
		"02 00 00 00 00 01 02 00 00 00 09 09 08 00"
		"45 00 00 1c 12 34 00 00 40 11 7c 5f c0 00 02 01 c6 33 64 09"
		"03 e8 07 d0 00 08 00 00";
	static const char out4[] =
		"02 00 00 00 01 01 02 00 00 00 00 02 08 00"
		"45 00 00 1c 12 34 00 00 3f 11 7d 5f c0 00 02 01 c6 33 64 09"
		"03 e8 07 d0 00 08 00 00";
	static const char in6[] =
		"33 33 00 01 00 03 02 00 00 00 09 09 81 00 00 05 86 dd"
		"60 00 56 78 00 08 11 40 20010db8 00000000 00000000 00000005 ff050000 00000000 00000000 00010003"
		"03 e8 07 d0 00 08 00 00";
	static const char copy6[] =
		"33 33 00 01 00 03 02 00 00 00 00 03 81 00 00 0c 86 dd"
		"60 00 56 78 00 08 11 c8 20010db8 00000000 00000000 00000005 ff050000 00000000 00000000 00010003"
		"03 e8 07 d0 00 08 00 00";
	struct policy *p = parse(PORTS GROUPS "route main;\n");
	struct frame in = { .len = 0 }, out = { .len = 0 };
	const struct eval_outcome *o;
	const struct eval_output *sent;
	struct eval_result result;

	(void)state;
	put_hex(&in, in4);
	put_hex(&out, out4);
	policy_eval(p, &env, WAN, in.bytes, in.len, &result);
	o = vec_at(&result.outcomes, 0);
	sent = vec_at(&o->outputs, 0);
	assert_int_equal(o->reason, REASON_forwarded);
	assert_int_equal(sent->len, out.len);
	assert_memory_equal(sent->frame, out.bytes, out.len);
	eval_result_free(&result);

	in.len = out.len = 0;
	put_hex(&in, in6);
	put_hex(&out, copy6);
	policy_eval(p, &env, WAN, in.bytes, in.len, &result);
	o = vec_at(&result.outcomes, 0);
	sent = vec_at(&o->outputs, 1);
	assert_int_equal(o->reason, REASON_replicated);
	assert_int_equal(sent->len, out.len);
	assert_memory_equal(sent->frame, out.bytes, out.len);
	eval_result_free(&result);
	policy_free(p);
}

/* ---- measure ------------------------------------------------------------ */

static struct eval_key key_of(const char *fields, const struct recipe *r)
{
	struct eval_result result;
	struct policy *p;
	struct frame f;
	char text[256];

	snprintf(text, sizeof(text), PORTS "measure m by (%s) { }", fields);
	p = parse(text);
	make(&f, r);
	policy_eval(p, &env, WAN, f.bytes, f.len, &result);
	assert_true(result.measured);
	assert_int_equal(result.bytes, f.len);
	eval_result_free(&result);
	policy_free(p);
	return result.key;
}

static void check_key(struct eval_key k, const char *src, const char *dst, unsigned int proto,
		      unsigned int l4_src, unsigned int l4_dst)
{
	char text[ADDR_STRLEN];

	assert_int_equal(k.src.family != ADDR_NONE, src != NULL);
	assert_int_equal(k.dst.family != ADDR_NONE, dst != NULL);
	if (src)
		assert_string_equal(addr_format(&k.src, text), src);
	if (dst)
		assert_string_equal(addr_format(&k.dst, text), dst);
	assert_int_equal(k.proto, proto);
	assert_int_equal(k.l4_src, l4_src);
	assert_int_equal(k.l4_dst, l4_dst);
}

static void test_keys(void **state)
{
	static const char all[] = "ip.src, ip.dst, ip.proto, l4.src, l4.dst";
	const struct recipe udp = { .trailer = 20 }, tcp = { V6, .proto = 6, .payload = TCP20 };
	const struct recipe later = { .fragment = 5 }, first = { .fragment = 0x2000 };
	const struct recipe icmp = { .proto = 1, .payload = "0800 1234 5678 9abc" };
	const struct recipe later6 = { V6, .proto = 44, .payload = FRAG("0009") "03e8 07d0 0008 0000" };
	const struct recipe behind = { V6, .proto = 60, .payload = "11 00 0104 00000000 03e8 07d0 0008 0000" };

	(void)state;
	check_key(key_of(all, &udp), "192.0.2.1", "198.51.100.9", 17, 1000, 2000);
	check_key(key_of("ip.src", &udp), "192.0.2.1", NULL, 0, 0, 0);
	check_key(key_of("ip.dst", &udp), NULL, "198.51.100.9", 0, 0, 0);
	check_key(key_of("ip.proto", &udp), NULL, NULL, 17, 0, 0);
	check_key(key_of("l4.src", &udp), NULL, NULL, 0, 1000, 0);
	check_key(key_of("l4.dst", &udp), NULL, NULL, 0, 0, 2000);
	check_key(key_of(all, &tcp), "2001:db8::5", "2001:db8:1::9", 6, 80, 0xc000);
	check_key(key_of(all, &first), "192.0.2.1", "198.51.100.9", 17, 1000, 2000);
	check_key(key_of(all, &later), "192.0.2.1", "198.51.100.9", 17, 0, 0);
	check_key(key_of(all, &icmp), "192.0.2.1", "198.51.100.9", 1, 0, 0);
	check_key(key_of(all, &later6), "2001:db8::5", "2001:db8:1::9", 17, 0, 0);
	check_key(key_of(all, &behind), "2001:db8::5", "2001:db8:1::9", 17, 1000, 2000);
}

/* ---- routes ------------------------------------------------------------- */

static void test_routes(void **state)
{
	struct eval_routes empty = { VEC(struct eval_route) };
	struct addr a;

	(void)state;
	eval_routes_sort(&empty);
	assert_int_equal(addr_parse("192.0.2.1", &a), 0);
	assert_null(eval_routes_find(&empty, &a));

	assert_int_equal(addr_parse("198.51.100.127", &a), 0);
	assert_ptr_equal(eval_routes_find(&routes, &a)->list, &to_fa);
	assert_int_equal(addr_parse("198.51.100.128", &a), 0);
	assert_ptr_equal(eval_routes_find(&routes, &a)->list, &to_fb_tagged);
	assert_int_equal(addr_parse("198.51.105.0", &a), 0);
	assert_null(eval_routes_find(&routes, &a));
	assert_int_equal(addr_parse("2001:db8:1:7fff::", &a), 0);
	assert_ptr_equal(eval_routes_find(&routes, &a)->list, &to_fa);
	assert_int_equal(addr_parse("::", &a), 0);
	assert_null(eval_routes_find(&routes, &a));	/* 0.0.0.0/1 is of the other family */
}

/* ---- static routes ------------------------------------------------------- */

static void add_static(struct vec *objects, const char *prefix, const char *via, const char *port)
{
	struct object *o = vec_push(objects);

	o->kind = OBJECT_ROUTE;
	strcpy(o->route.table, "main");
	assert_int_equal(prefix_parse(prefix, &o->route.prefix), 0);
	if (via)
		assert_int_equal(addr_parse(via, &o->route.via), 0);
	if (port)
		strcpy(o->route.port, port);
}

/* Among the kernel's routes of add_routes(): to which port, or why not. */
static const struct {
	const char *dst;
	enum sluice_reason reason;
	unsigned int port;
	int ttl;
	unsigned int zeros;
} statics[] = {
	{ "198.51.100.1", REASON_forwarded, FB, 0, 0 },	/* equal to the kernel's: the static one */
	{ "198.51.100.129", REASON_forwarded, FB, 0, 0 },	/* the kernel's is longer: to fb, too, tagged */
	{ "198.51.101.1", REASON_discard, 0, 0, 0 },
	{ "198.51.101.1", REASON_discard, 0, 1, 0 },
	{ "198.51.102.1", REASON_port_down, 0, 1, 0 },
	{ "198.51.102.129", REASON_no_neighbour, 0, 1, 0 },
	{ "192.0.2.1", REASON_forwarded, FA, 2, 0 },	/* where the kernel has none */
	{ "192.0.2.1", REASON_ttl, 0, 1, 0 },
	{ "192.0.2.1", REASON_forwarded, FA, 0, 1472 },	/* the port's MTU */
	{ "192.0.2.1", REASON_too_big, 0, 0, 1473 },
	{ "203.0.113.0", REASON_local, 0, 0, 0 },	/* this host's own, of the same prefix */
	{ "203.0.113.1", REASON_discard, 0, 0, 0 },	/* the kernel rejects the same prefix */
	{ "203.0.113.2", REASON_encap, 0, 0, 0 },	/* the kernel's is longer */
	{ "203.0.113.107", REASON_forwarded, FB, 0, 0 },	/* on link */
	{ "203.0.113.108", REASON_no_neighbour, 0, 0, 0 },
	{ "127.0.0.1", REASON_martian, 0, 0, 0 },
	{ "2001:db8:1::1", REASON_forwarded, FA, 0, 0 },
	{ "2001:db8:1:1::1", REASON_discard, 0, 0, 0 },
};

static void test_statics(void **state)
{
	struct vec objects = VEC(struct object);
	struct policy *p;

	(void)state;
	add_static(&objects, "0.0.0.0/0", NULL, NULL);
	add_static(&objects, "198.51.100.0/24", "10.0.0.7", "fb");
	add_static(&objects, "198.51.101.0/24", NULL, NULL);
	add_static(&objects, "198.51.102.0/25", "10.0.0.1", "down");
	add_static(&objects, "198.51.102.128/25", "10.0.0.2", "fa");
	add_static(&objects, "192.0.2.0/24", "10.0.0.1", "fa");
	add_static(&objects, "203.0.113.0", NULL, NULL);
	add_static(&objects, "203.0.113.1", NULL, NULL);
	add_static(&objects, "203.0.113.0/24", NULL, "fb");
	add_static(&objects, "2001:db8:1:1::/64", NULL, NULL);
	add_static(&objects, "2001:db8::/47", "2001:db8::1", "fb");
	p = parse_with(PORTS, &objects);	/* which do not say "route main;" */
	assert_int_equal(p->routes.len, 1);
	for (size_t i = 0; i < sizeof(statics) / sizeof(statics[0]); i++) {
		const struct recipe r = {
			.src = strchr(statics[i].dst, ':') ? "2001:db8::5" : "192.0.2.200",
			.dst = statics[i].dst, .ttl = statics[i].ttl, .zeros = statics[i].zeros,
		};
		struct eval_result result;
		const struct eval_outcome *o;
		struct frame f;

		make(&f, &r);
		policy_eval(p, &env, WAN, f.bytes, f.len, &result);
		check_common(&result, &f, statics[i].dst);
		o = vec_at(&result.outcomes, 0);
		if (o->reason != statics[i].reason)
			fail_msg("%s: %s, not %s", statics[i].dst, eval_reason_name(o->reason),
				 eval_reason_name(statics[i].reason));
		if (o->reason == REASON_forwarded)
			assert_int_equal(((struct eval_output *)o->outputs.data)->port,
					 statics[i].port);
		eval_result_free(&result);
	}
	policy_free(p);
	vec_free(&objects);
}

/* By where a packet came in, and which hops can be taken: fa knows 10.0.0.1, fb what ends in 7. */
static const struct {
	const char *dst;
	unsigned int in;
	enum sluice_reason reason;
	unsigned int port;
} alternatives[] = {
	{ "192.0.2.1", WAN, REASON_forwarded, FA },
	{ "192.0.2.1", FB, REASON_forwarded, FA },
	{ "192.0.2.1", FA, REASON_forwarded, FB },	/* not back */
	{ "192.0.3.1", WAN, REASON_forwarded, FB },	/* the first one is down */
	{ "192.0.3.1", FB, REASON_forwarded, FB },	/* only the way back is left */
	{ "192.0.4.1", WAN, REASON_forwarded, FB },	/* nobody answers for the first one */
	{ "192.0.5.1", WAN, REASON_no_neighbour, 0 },	/* none can be taken: the first says why */
	{ "192.0.6.1", WAN, REASON_port_down, 0 },
	{ "192.0.7.1", FA, REASON_forwarded, FA },	/* no other is written */
	{ "192.0.8.1", FA, REASON_discard, 0 },
	{ "192.0.9.7", FA, REASON_forwarded, FB },
	{ "192.0.9.8", FA, REASON_no_neighbour, 0 },	/* on link, and not known */
};

static void test_alternatives(void **state)
{
	struct policy *p = parse(PORTS
		"route 192.0.2.0/24 via 10.0.0.1 on fa else 10.0.0.7 on fb;\n"
		"route 192.0.3.0/24 via 10.0.0.1 on down else 10.0.0.7 on fb else 10.0.0.9 on fa;\n"
		"route 192.0.4.0/24 via 10.0.0.2 on fa else 10.0.0.7 on fb;\n"
		"route 192.0.5.0/24 via 10.0.0.2 on fa else 10.0.0.8 on fb else 10.0.0.1 on down;\n"
		"route 192.0.6.0/24 via 10.0.0.1 on down else 10.0.0.2 on fa;\n"
		"route 192.0.7.0/24 via 10.0.0.1 on fa;\n"
		"route 192.0.8.0/24 drop;\n"
		"route 192.0.9.0/24 via fa else fb;\n");

	(void)state;
	assert_int_equal(p->routes.len, 1);
	for (size_t i = 0; i < sizeof(alternatives) / sizeof(alternatives[0]); i++) {
		struct recipe r = { .dst = alternatives[i].dst };
		const struct eval_outcome *o;
		struct eval_result result;
		struct frame f;

		r.to = alternatives[i].in == FA ? "02:00:00:00:00:02" :
		       alternatives[i].in == FB ? "02:00:00:00:00:03" : NULL;
		make(&f, &r);
		policy_eval(p, &env, alternatives[i].in, f.bytes, f.len, &result);
		o = vec_at(&result.outcomes, 0);
		if (o->reason != alternatives[i].reason)
			fail_msg("%s: %s", alternatives[i].dst, eval_reason_name(o->reason));
		if (o->reason == REASON_forwarded)
			assert_int_equal(((struct eval_output *)o->outputs.data)->port,
					 alternatives[i].port);
		eval_result_free(&result);
	}
	policy_free(p);
}

static void test_sources(void **state)
{
	static const struct { unsigned int port; const char *src, *dst; enum sluice_reason reason; } sources[] = {
		{ FA, "198.51.100.1", "198.51.101.9", REASON_none },	/* strict: by itself */
		{ FA, "198.51.100.129", "198.51.101.9", REASON_rpf },	/* by fb, tagged */
		{ FA, "198.51.101.1", "198.51.101.9", REASON_none },	/* by one of several */
		{ FA, "223.1.1.1", "198.51.101.9", REASON_rpf },	/* no way back */
		{ FA, "203.0.113.0", "198.51.101.9", REASON_rpf },	/* this host's own */
		{ FA, "203.0.113.1", "198.51.101.9", REASON_rpf },	/* reject */
		{ FA, "fe80::1", "2001:db8:1::9", REASON_none },	/* of every link */
		{ FB, "198.51.100.1", "198.51.101.9", REASON_none },	/* loose */
		{ FB, "223.1.1.1", "198.51.101.9", REASON_rpf },
		{ DOWN, "198.51.100.1", "198.51.101.9", REASON_spoofed },
		{ DOWN, "198.51.102.1", "198.51.101.9", REASON_none },
		{ WAN, "223.1.1.1", "198.51.101.9", REASON_none },	/* bogons alone */
		{ WAN, "10.0.0.1", "198.51.101.9", REASON_bogon },
		{ WAN, "223.1.1.1", "10.1.1.1", REASON_bogon },
		{ WAN, "223.1.1.1", "10.2.1.1", REASON_none },		/* excepted */
		{ WAN, "223.1.1.1", "199.0.0.1", REASON_bogon },		/* added */
		{ WAN, "0.0.0.0", "198.51.101.9", REASON_martian },
	};
	struct policy *p = parse(PORTS
		"let ours = { 10.2.0.0/16, 198.51.100.0/23 }; let theirs = { 199.0.0.0/24 };\n"
		"route main { rpf strict on fa; rpf loose on fb; anti-spoof on down;\n"
		"    bogons and theirs except ours on wan; }\n");
	struct policy *other = parse(PORTS "route table 10; route vrf red table 20;\n");

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct recipe r = { .src = sources[i].src, .dst = sources[i].dst };
		enum sluice_reason reason = reason_of(p, sources[i].port, &r);
		bool checked = reason == REASON_rpf || reason == REASON_spoofed || reason == REASON_bogon;

		if (sources[i].reason ? reason != sources[i].reason : checked)
			fail_msg("%s to %s: %s", sources[i].src, sources[i].dst, eval_reason_name(reason));
	}
	assert_int_equal(reason_of(other, WAN, &(struct recipe){ .src = "192.0.2.1", .dst = "198.51.100.1" }),
			 REASON_other_table);
	policy_free(p);
	policy_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_what_is_configured),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_several_next_hops),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_statics),
		cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_sources),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	add_routes();
	failed = cmocka_run_group_tests_name("eval", tests, NULL, NULL);
	vec_free(&routes.list);
	return failed;
}

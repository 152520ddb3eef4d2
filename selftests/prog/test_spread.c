// SPDX-License-Identifier: GPL-2.0
/*
 * How the program spreads flows over several next hops: by real flows (the capture of ../shared/data,
 * about ten thousand) and by regular ones, as the weights say and no worse than chance would; each flow one
 * way, its fragments likewise; and what moves when a next hop is lost, and comes back. The hash has
 * a seed of its own each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "bpf/path_hash.h"
#include "compile/compile.h"
#include "fib/fib.h"
#include "datapath/datapath.h"
#include "image/numbering.h"
#include "lpm/lpm.h"
#include "policy/parse.h"

#define HOPS 8

struct flow {
	uint8_t family, proto;
	uint16_t sport, dport;
	uint8_t src[16], dst[16];
};

static struct world {
	struct policy *policy;
	struct image *image;
	struct datapath *dp;
	struct tables *tables;
	struct generation *gen;
	struct lpm *lpm[2];
	struct fib *fib;
	uint16_t in, out[HOPS];		/* port numbers */
} w;

static struct vec flows;	/* of struct flow */

/* ---- the world ------------------------------------------------------------------ */

static const uint8_t in_mac[6] = { 2, 0, 0, 0, 0, 0xee };

static void publish_port(uint16_t number, const char *name, const uint8_t *mac)
{
	struct port facts = { .ifindex = 100 + number, .flags = PORT_UP, .mtu = 1500 };
	struct text why = { 0 };

	memcpy(facts.mac, mac, 6);
	snprintf(facts.interface, sizeof(facts.interface), "%s", name);
	assert_int_equal(datapath_port_set(w.dp, number, &facts, &why), 0);
}

static struct addr gateway(uint8_t family, unsigned int i)
{
	struct addr a = addr_v4(0x0a000001 + (i << 8));

	if (family == ADDR_V6) {
		a = (struct addr){ .family = ADDR_V6, .bytes = { 0xfe, 0x80 } };
		a.bytes[15] = i + 1;
	}
	return a;
}

static void set_link(unsigned int i, bool up)
{
	struct kernel_link l = { .ifindex = 100 + w.out[i], .mtu = 1500, .mac = { 2, 0, 0, 0, 1, i },
				 .mac_len = 6, .up = true, .carrier = up };

	fib_link_set(w.fib, &l);
}

/* The default routes, by next hops with these weights; 0: not by that one. */
static void set_routes(const uint16_t weight[HOPS])
{
	for (uint8_t v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? ADDR_V6 : ADDR_V4;
		struct kernel_path path[HOPS];
		struct kernel_route r = { .prefix.addr.family = family, .table = KERNEL_TABLE_MAIN,
					  .type = RTN_UNICAST, .path = path };

		for (unsigned int i = 0; i < HOPS; i++)
			if (weight[i])
				path[r.paths++] = (struct kernel_path){
					.ifindex = 100 + w.out[i], .weight = weight[i],
					.via = gateway(family, i) };
		fib_route_set(w.fib, &r);
	}
	fib_flush(w.fib);
}

static void open_tables(void)
{
	struct lpm_shape shape[2];
	struct text why = { 0 };

	assert_int_equal(lpm_sizes(ADDR_V4, 1000, &shape[0]), 0);
	assert_int_equal(lpm_sizes(ADDR_V6, 1000, &shape[1]), 0);
	assert_int_equal(tables_new(w.dp, &shape[0], &shape[1], &w.tables, &why), 0);
	for (int i = 0; i < 2; i++) {
		uint8_t family = i ? ADDR_V6 : ADDR_V4;

		w.lpm[i] = lpm_new(family, &shape[i], tables_lpm(w.tables, family), 1000);
	}
	w.fib = fib_new(&(struct fib_memory){ .nexthops = tables_nexthops(w.tables),
					      .lpm4 = w.lpm[0], .lpm6 = w.lpm[1] });
}

static void open_world(void)
{
	static const char text[] =
		"port lan = \"lan\"; port p0 = \"p0\"; port p1 = \"p1\"; port p2 = \"p2\"; port p3 = \"p3\";\n"
		"port p4 = \"p4\"; port p5 = \"p5\"; port p6 = \"p6\"; port p7 = \"p7\"; route main;\n";
	struct diags diags;
	struct numbering numbering;
	struct text why = { 0 };
	char name[8] = "p0";

	diags_init(&diags);
	w.policy = policy_parse_text("spread", text, strlen(text), &diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(w.policy, &numbering, NULL, &w.image, &diags), 0);
	numbering_free(&numbering);
	assert_int_equal(diags.errors, 0);
	diags_free(&diags);
	assert_int_equal(datapath_open(NULL, &w.dp, &why), 0);
	open_tables();
	w.in = image_port_named(w.image, "lan")->number;
	publish_port(w.in, "lan", in_mac);
	for (unsigned int i = 0; i < HOPS; i++) {
		name[1] = '0' + i;
		w.out[i] = image_port_named(w.image, name)->number;
		publish_port(w.out[i], name, (uint8_t[6]){ 2, 0, 0, 0, 1, i });
		set_link(i, true);
		fib_port_set(w.fib, 100 + w.out[i], w.out[i]);
		for (int v6 = 0; v6 < 2; v6++) {
			struct kernel_neighbour n = {
				.ifindex = 100 + w.out[i], .addr = gateway(v6 ? ADDR_V6 : ADDR_V4, i),
				.state = NUD_REACHABLE, .mac_len = 6, .mac = { 2, 0, 0, 0, 2, i } };

			fib_neighbour_set(w.fib, &n);
		}
	}
	if (datapath_stage(w.dp, w.image, w.tables, 0, &w.gen, &why))
		fail_msg("%s", text_string(&why));
}

static void close_world(void)
{
	generation_free(w.gen);
	fib_free(w.fib);
	lpm_free(w.lpm[0]);
	lpm_free(w.lpm[1]);
	tables_free(w.tables);
	datapath_close(w.dp);
	image_free(w.image);
	policy_free(w.policy);
}

/* ---- frames --------------------------------------------------------------------- */

/* What may differ between packets of one flow. */
struct looks {
	uint8_t ttl, dscp;
	uint16_t id;		/* of IPv4 */
	uint16_t payload;
	uint16_t fragment;	/* IPv4's flags and offset */
	bool extension;		/* IPv6: a fragment header with that */
};

static void put_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = sum >> 8;
	ip[11] = sum;
}

static uint32_t make(uint8_t *f, const struct flow *flow, const struct looks *l)
{
	uint16_t transport = (flow->proto == 6 ? 20 : 8) + l->payload;
	uint16_t body = transport + (l->extension ? 8 : 0);
	uint8_t *ip = f + 14, *t;

	memset(f, 0, 14 + 40 + body);
	memcpy(f, in_mac, 6);
	f[6] = 2;
	if (flow->family == ADDR_V4) {
		uint16_t length = 20 + body;
		uint8_t header[20] = { 0x45, l->dscp << 2, length >> 8, length, l->id >> 8, l->id,
				       l->fragment >> 8, l->fragment, l->ttl, flow->proto };

		f[12] = 0x08;
		memcpy(ip, header, 20);
		memcpy(ip + 12, flow->src, 4);
		memcpy(ip + 16, flow->dst, 4);
		put_checksum(ip);
		t = ip + 20;
	} else {
		uint8_t header[8] = { 0x60 | l->dscp >> 2, l->dscp << 6, 0, 0, body >> 8, body,
				      l->extension ? 44 : flow->proto, l->ttl };

		f[12] = 0x86;
		f[13] = 0xdd;
		memcpy(ip, header, 8);
		memcpy(ip + 8, flow->src, 16);
		memcpy(ip + 24, flow->dst, 16);
		t = ip + 40;
		if (l->extension) {
			uint8_t fragment[8] = { flow->proto, 0, l->fragment >> 8, l->fragment, 0, 0,
						l->id >> 8, l->id };

			memcpy(t, fragment, 8);
			t += 8;
		}
	}
	t[0] = flow->sport >> 8;
	t[1] = flow->sport;
	t[2] = flow->dport >> 8;
	t[3] = flow->dport;
	if (flow->proto == 6) {
		t[12] = 0x50;
	} else {
		t[4] = transport >> 8;
		t[5] = transport;
	}
	return t + transport - f;
}

/* Which next hop it takes; -1: it is not forwarded. */
static int way(const struct flow *flow, const struct looks *l)
{
	static struct test_result result;
	uint8_t frame[2048];

	assert_int_equal(generation_test(w.gen, w.in, frame, make(frame, flow, l), &result), 0);
	if (result.trace.reason != REASON_forwarded)
		return -1;
	return result.frame[5];
}

static const struct looks plain = { .ttl = 64, .payload = 20 };

/* ---- flows ---------------------------------------------------------------------- */

static bool read_flow(const uint8_t *p, uint32_t n, struct flow *f)
{
	const uint8_t *t;

	memset(f, 0, sizeof(*f));
	if (n < 58)
		return false;
	if (p[12] == 8 && p[13] == 0) {
		f->family = ADDR_V4;
		f->proto = p[23];
		memcpy(f->src, p + 26, 4);
		memcpy(f->dst, p + 30, 4);
		t = p + 14 + (p[14] & 15) * 4;
		if (p[20] & 0x1f || p[21] || t + 4 > p + n)
			return false;
	} else if (p[12] == 0x86 && p[13] == 0xdd) {
		f->family = ADDR_V6;
		f->proto = p[20];
		memcpy(f->src, p + 22, 16);
		memcpy(f->dst, p + 38, 16);
		t = p + 54;
	} else {
		return false;
	}
	f->sport = t[0] << 8 | t[1];
	f->dport = t[2] << 8 | t[3];
	return f->proto == 6 || f->proto == 17;
}

static bool read_flows(void)
{
	const char *data = getenv("SLUICE_DATA");
	struct table seen = TABLE(struct flow, uint8_t);
	char command[4096], error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	struct flow f;
	pcap_t *pcap;
	bool fresh;
	FILE *from;

	snprintf(command, sizeof(command), "%s/pcap/derived-ndpi42-mix-60s-snap96.pcap.gz",
		 data ? data : "../shared/data");
	if (access(command, R_OK))
		return false;
	snprintf(command, sizeof(command), "zcat %s/pcap/derived-ndpi42-mix-60s-snap96.pcap.gz",
		 data ? data : "../shared/data");
	from = popen(command, "r");
	pcap = from ? pcap_fopen_offline(from, error) : NULL;
	if (!pcap)
		return false;
	flows = VEC(struct flow);
	while (pcap_next_ex(pcap, &h, &bytes) == 1) {
		if (!read_flow(bytes, h->caplen, &f))
			continue;
		table_put(&seen, &f, &fresh);
		if (fresh)
			vec_append(&flows, &f);
	}
	table_free(&seen);
	pcap_close(pcap);	/* and the pipe */
	return flows.len > 1000;
}

/* ---- the tests ------------------------------------------------------------------ */

/*
 * Asserts that the shares are as the weights say: each within 3 hundredths of the whole, and all
 * together no further off than chance is once in ten million times (chi-square, 7 degrees: 45).
 */
static void judge(const char *what, const uint32_t count[HOPS], const uint16_t weight[HOPS])
{
	double total = 0, n = 0, chi = 0, worst = 0, most = 0;

	for (int i = 0; i < HOPS; i++) {
		total += weight[i];
		n += count[i];
	}
	for (int i = 0; i < HOPS; i++) {
		double wanted = n * weight[i] / total, off = fabs(count[i] - wanted);

		if (!weight[i]) {
			assert_int_equal(count[i], 0);
			continue;
		}
		chi += off * off / wanted;
		worst = fmax(worst, off / n);
		most = fmax(most, off / wanted);
	}
	printf("# %s: %.0f flows, off by %.2f %% of all, %.1f %% of one's own share; chi-square %.1f\n",
	       what, n, worst * 100, most * 100, chi);
	assert_true(n > 1000);
	assert_true(worst < 0.03);
	assert_true(chi < 45);
}

static const uint16_t lists[][HOPS] = {
	{ 1, 1, 1, 1, 1, 1, 1, 1 }, { 1, 2, 5 }, { 10, 1 }, { 1, 1, 1 },
};

static void test_real_flows(void **state)
{
	(void)state;
	if (!read_flows()) {
		print_message("# SKIP the capture of ../shared/data is not there\n");
		skip();
	}
	for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++) {
		uint32_t count[HOPS] = { 0 };
		char what[64];

		open_world();
		set_routes(lists[k]);
		for (size_t i = 0; i < flows.len; i++) {
			int to = way(vec_at(&flows, i), &plain);

			if (to >= 0)
				count[to]++;
		}
		snprintf(what, sizeof(what), "weights %u:%u:%u...", lists[k][0], lists[k][1], lists[k][2]);
		judge(what, count, lists[k]);
		close_world();
	}
}

/* The @i-th of a regular lot. */
static struct flow regular(unsigned int kind, unsigned int i)
{
	struct flow f = { .family = kind < 5 ? ADDR_V4 : ADDR_V6, .proto = 6, .sport = 40000, .dport = 443,
			  .src = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 1 } };

	if (f.family == ADDR_V6) {
		memcpy(f.src, (uint8_t[16]){ 0x20, 1, 0xd, 0xb8, 1 }, 16);
		memcpy(f.dst, (uint8_t[16]){ 0x20, 1, 0xd, 0xb8, 2 }, 16);
	}
	switch (kind) {
	case 0:	f.sport = 1024 + i; break;		/* one after the other */
	case 1: f.sport = 1024 + 8 * i; break;
	case 2: f.src[2] = i >> 8; f.src[3] = i; break;
	case 3: f.dst[1] = i >> 8; f.dst[2] = i; break;
	case 4: f.src[3] = f.dst[3] = i; f.src[2] = f.dst[2] = i >> 8; break;
	case 5: f.src[6] = i >> 8; f.src[7] = i; break;
	case 6: f.dst[14] = i >> 8; f.dst[15] = i; break;
	default: f.src[15] = f.dst[15] = i; f.sport = i >> 8 << 8; break;
	}
	return f;
}

static void test_regular_flows(void **state)
{
	static const char *const name[] = { "source ports", "every eighth source port", "IPv4 sources",
		"IPv4 networks", "IPv4 pairs", "IPv6 networks", "IPv6 hosts", "IPv6 pairs" };

	(void)state;
	open_world();
	set_routes(lists[0]);
	for (unsigned int kind = 0; kind < 8; kind++) {
		uint32_t count[HOPS] = { 0 };

		for (unsigned int i = 0; i < 4096; i++) {
			struct flow f = regular(kind, i);
			int to = way(&f, &plain);

			assert_true(to >= 0);
			count[to]++;
		}
		judge(name[kind], count, lists[0]);
	}
	close_world();
}

/* Whatever else differs between packets of a flow; and all its fragments go one way. */
static void test_one_way(void **state)
{
	static const struct looks whole[] = {
		{ .ttl = 2 }, { .ttl = 255, .dscp = 46, .payload = 1000 }, { .ttl = 64, .id = 7, .payload = 1 },
		{ .ttl = 64, .fragment = 0x4000, .payload = 20 },
	};

	(void)state;
	open_world();
	set_routes(lists[0]);
	for (unsigned int i = 0; i < 400; i++) {
		struct flow f = regular(i % 8, i * 7);
		int to = way(&f, &plain), parts;

		for (unsigned int k = 0; k < sizeof(whole) / sizeof(*whole); k++) {
			if (f.family == ADDR_V6 && whole[k].fragment)
				continue;
			assert_int_equal(way(&f, &whole[k]), to);
		}
		f.proto = 17;
		parts = way(&f, &(struct looks){ .ttl = 64, .payload = 16, .id = 1, .extension = f.family == ADDR_V6,
						 .fragment = f.family == ADDR_V6 ? 1 : 0x2000 });
		assert_true(parts >= 0);
		for (unsigned int k = 1; k < 5; k++)
			assert_int_equal(parts, way(&f, &(struct looks){
				.ttl = 60 + k, .payload = 16 * k, .id = k, .extension = f.family == ADDR_V6,
				.fragment = f.family == ADDR_V6 ? k << 6 | (k & 1) : k << 3 | (k & 1) << 13 }));
	}
	close_world();
}

/* Userland's answer for a flow: the next hop, by its neighbour's last byte. */
static int told(const struct flow *flow)
{
	struct addr end[2] = { addr_from_bytes(flow->family, flow->src),
			       addr_from_bytes(flow->family, flow->dst) };
	struct fib_nexthop hop;
	struct fib_match match[2];
	uint32_t hash;

	fib_match(w.fib, end, match, 2);
	assert_int_equal(match[1].prefix.addr.family, flow->family);
	assert_int_equal(match[1].prefix.len, 0);
	hash = fib_hash(w.fib, datapath_names(w.dp)->hash_seed, &end[0], &end[1],
			PATH_REST(htons(flow->sport), htons(flow->dport), flow->proto));
	assert_int_equal(fib_group_hop(w.fib, match[1].group, 0, &hop), HOPS);
	assert_int_equal(fib_group_hop(w.fib, match[1].group, hash, &hop), 1);
	return hop.dst_mac[5];
}

/* The program and userland agree on each flow's way, whatever tells flows apart: with ports, or without. */
static void test_hash_policy(void **state)
{
	(void)state;
	open_world();
	set_routes(lists[0]);
	for (unsigned int policy = FIB_HASH_L3; policy <= FIB_HASH_CUSTOM; policy++) {
		bool addresses = policy == FIB_HASH_L3 || policy == FIB_HASH_L3_INNER;
		unsigned int apart[2] = { 0 };

		/* The other family goes by something else. */
		fib_hash_policy_set(w.fib, ADDR_V4, policy);
		fib_hash_policy_set(w.fib, ADDR_V6, FIB_HASH_CUSTOM - policy);
		for (unsigned int i = 0; i < 400; i++) {
			struct flow f = regular(i % 8, i * 7), other = f;
			int to = way(&f, &plain);

			assert_int_equal(to, told(&f));
			other.sport += 1000;
			other.proto = 17;
			assert_int_equal(way(&other, &plain), told(&other));
			apart[f.family == ADDR_V6] += way(&other, &plain) != to;
		}
		assert_true(addresses == !apart[0]);
		assert_true(addresses == !!apart[1]);
	}
	close_world();
}

/* One of eight is lost: its flows move, and no other; it comes back: as many move to it. */
static void test_one_lost(void **state)
{
	enum { FLOWS = 3000 };
	static int8_t before[FLOWS], after[FLOWS];
	unsigned int had = 0, moved = 0, back = 0;

	(void)state;
	open_world();
	set_routes(lists[0]);
	for (int round = 0; round < 3; round++) {
		if (round) {
			set_link(3, round == 2);
			fib_flush(w.fib);
		}
		for (unsigned int i = 0; i < FLOWS; i++) {
			struct flow f = regular(i % 8, i);

			after[i] = way(&f, &plain);
			if (!round) {
				had += after[i] == 3;
				continue;
			}
			if (after[i] == before[i])
				continue;
			assert_int_equal(round == 1 ? before[i] : after[i], 3);
			moved += round == 1;
			back += round == 2;
		}
		memcpy(before, after, sizeof(before));
	}
	printf("# one of eight had %u of %u flows: %u moved; when it came back %u moved to it\n", had,
	       (unsigned int)FLOWS, moved, back);
	assert_int_equal(moved, had);
	assert_in_range(back, FLOWS / 8 * 7 / 10, FLOWS / 8 * 13 / 10);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_flows),
		cmocka_unit_test(test_regular_flows),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_hash_policy),
		cmocka_unit_test(test_one_lost),
	};

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Packets as fields, text and bytes: each becomes each other and comes back, the bytes
 * are what policy/eval takes for a sound packet, what cannot be is refused with its place, and
 * what is read of a frame, sound or broken, ends for the reason that policy/eval gives.
 * SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/diag.h"
#include "base/text.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"

static uint64_t state;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint32_t pick(uint32_t n)
{
	return random64() % n;
}

static struct policy *policy;
static struct diags policy_diags;

static const struct eval_port eval_ports[] = {
	{ 1, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 1500 },
	{ 2, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 1500 },
	{ 3, "eth2", { 2, 0, 0, 0, 0, 3 }, true, 1500 },
};
static const struct eval_env env = { .ports = eval_ports, .ports_len = 3 };

static int setup(void **ctx)
{
	static const char text[] = "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n";
	const char *seed = getenv("SEED");

	(void)ctx;
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)state);
	diags_init(&policy_diags);
	policy = policy_parse_text("t.sluice", text, strlen(text), &policy_diags);
	return policy_diags.errors;
}

static int teardown(void **ctx)
{
	(void)ctx;
	policy_free(policy);
	diags_free(&policy_diags);
	return 0;
}

static struct source source_of(const char *text)
{
	return (struct source){ .name = "packet", .text = (char *)text, .len = strlen(text) };
}

static void assert_same(const struct frame_fields *a, const struct frame_fields *b)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if (frame_has(a, i) != frame_has(b, i) || a->value[i] != b->value[i])
			print_error("%s: %d %llu, %d %llu\n", policy_field_name(i), frame_has(a, i),
				    (unsigned long long)a->value[i], frame_has(b, i),
				    (unsigned long long)b->value[i]);
		assert_int_equal(frame_has(a, i), frame_has(b, i));
		assert_int_equal(a->value[i], b->value[i]);
	}
	assert_true(addr_equal(&a->src, &b->src));
	assert_true(addr_equal(&a->dst, &b->dst));
	assert_int_equal(a->inner, b->inner);
	assert_int_equal(a->inner_id, b->inner_id);
}

static enum sluice_reason reason_of(const uint8_t *frame, size_t len)
{
	struct eval_result result;
	enum sluice_reason reason;

	policy_eval(policy, &env, 1, frame, len, &result);
	reason = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason;
	eval_result_free(&result);
	return reason;
}

/* ---- text ------------------------------------------------------------------- */

/* What is said, and what is printed of it. */
static const struct {
	const char *in, *out;
} texts[] = {
	{ "", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9" },
	{ "in=fb ip.src=1.2.3.4 tcp.dst=22",
	  "in=fb ip.src=1.2.3.4 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=22" },
	{ "in==fa, ip.dst=2001:db8::9 udp", "in=fa ip.src=2001:db8::1 ip.dst=2001:db8::9 "
	  "udp.src=49152 udp.dst=9" },
	{ "icmp", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 icmp.type=8" },
	{ "icmp ip6", "in=wan ip.src=2001:db8::1 ip.dst=2001:db8::2 icmp.type=128" },
	{ "icmp.type=3 icmp.code=1", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 icmp.type=3 icmp.code=1" },
	{ "ip.proto=icmp ip6", "in=wan ip.src=2001:db8::1 ip.dst=2001:db8::2 ip.proto=icmp" },
	{ "tcp.flags=syn|ack tcp.src=80", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=80 "
	  "tcp.dst=9 tcp.flags=syn|ack" },
	{ "tcp.flags=0x3", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9 "
	  "tcp.flags=fin|syn" },
	{ "ip.frag=later udp", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 ip.proto=udp ip.frag=later" },
	{ "ip.frag=1", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 ip.frag=first tcp.src=49152 tcp.dst=9" },
	{ "vlan.id=7", "in=wan vlan.id=7 ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9" },
	{ "vlan.id=7 vlan.inner=9 vlan.pcp=3", "in=wan vlan.id=7 vlan.pcp=3 vlan.inner=9 "
	  "ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9" },
	{ "arp", "in=wan eth.type=arp" },
	{ "eth.type=0x88cc eth.src=02:00:00:00:00:77",
	  "in=wan eth.src=02:00:00:00:00:77 eth.type=lldp" },
	{ "eth.type=0x8100", "in=wan eth.type=0x8100 vlan.id=1 vlan.inner=0" },
	{ "ip.dst=239.1.2.3", "in=wan ip.src=192.0.2.1 ip.dst=239.1.2.3 tcp.src=49152 tcp.dst=9" },
	{ "l4.dst=53 ip.proto=17", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 udp.src=49152 udp.dst=53" },
	{ "socket=established", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9 "
	  "socket=established" },
	{ "pkt.len=9000", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 tcp.src=49152 tcp.dst=9 pkt.len=9000" },
	{ "ip6 ip.proto=0 pkt.len=54", "in=wan ip.src=2001:db8::1 ip.dst=2001:db8::2 ip.proto=0 pkt.len=54" },
	{ "ip.dscp=46 ip.ecn=1 ip.ttl=1", "in=wan ip.src=192.0.2.1 ip.dst=192.0.2.2 ip.dscp=ef "
	  "ip.ecn=1 ip.ttl=1 tcp.src=49152 tcp.dst=9" },
};

static void test_texts(void **ctx)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct source in = source_of(texts[i].in);
		struct frame_fields f;
		struct text out = { 0 };
		struct diags diags;

		diags_init(&diags);
		if (frame_parse(policy, &in, &f, &diags))
			diags_print(&diags, &out, false);
		else
			frame_format(policy, &f, &out);
		assert_string_equal(text_string(&out), texts[i].out);
		text_free(&out);
		diags_free(&diags);
	}
}

/* Mistakes, and what is said of them: the place is the line under the text. */
static const char *const mistakes[][2] = {
	{ "tcp.dst=22 ip.proto=17", "packet:1:9: error: what is not TCP has no tcp.dst" },
	{ "ip.src=1.2.3.4 ip.dst=2001:db8::1", "packet:1:23: error: ip.src and ip.dst are of two families" },
	{ "ip6 ip.src=1.2.3.4", "packet:1:1: error: eth.type 0x86dd is not the family of the addresses" },
	{ "in=wlan", "packet:1:4: error: no port is called \"wlan\"" },
	{ "tcp.dst=99999", "packet:1:9: error: tcp.dst goes up to 65535" },
	{ "tcp.dts=9", "packet:1:1: error: there is no field \"tcp.dts\"" },
	{ "tpc", "packet:1:1: error: \"tpc\" is neither a field with a value nor one of ip4, ip6, arp, "
	  "tcp, udp, icmp, igmp" },
	{ "tcp.dst", "packet:1:1: error: tcp.dst needs a value: tcp.dst=..." },
	{ "tcp.dst=", "packet:1:9: error: \"\" is no value of tcp.dst" },
	{ "tcp.flags=syn|akc", "packet:1:11: error: \"syn|akc\" is no value of tcp.flags" },
	{ "ip.src=1.2.3", "packet:1:8: error: \"1.2.3\" is not an address" },
	{ "eth.dst=02", "packet:1:9: error: \"02\" is not a link-layer address" },
	{ "ip.frag=later udp.dst=3", "packet:1:23: error: a later fragment has no udp.dst" },
	{ "ip.frag=3", "packet:1:9: error: ip.frag is 0 (none), 1 (first) or 2 (later)" },
	{ "arp ip.ttl=3", "packet:1:12: error: a frame that is not IP has no ip.ttl" },
	{ "tcp.dst=3 l4.dst=4", "packet:1:9: error: l4.dst and tcp.dst are one number, and two were given" },
	{ "tcp tcp.dst=3 tcp.dst=4", "packet:1:15: error: tcp.dst is given twice" },
	{ "pkt.len=20", "packet:1:9: error: its headers alone are 54 bytes: pkt.len cannot be 20" },
	{ "vlan.inner=4096", "packet:1:12: error: vlan.inner is a number from 0 to 4095" },
	{ "icmp udp.dst=3", "packet:1:14: error: what is not UDP has no udp.dst" },
	{ "socket=listen ip.frag=first", "packet:1:8: error: a fragment has no socket" },
};

static void test_mistakes(void **ctx)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct source in = source_of(mistakes[i][0]);
		struct frame_fields f;
		struct text out = { 0 };
		struct diags diags;

		diags_init(&diags);
		assert_int_not_equal(frame_parse(policy, &in, &f, &diags), 0);
		diags_print(&diags, &out, false);
		*strchr(out.data, '\n') = '\0';
		assert_string_equal(out.data, mistakes[i][1]);
		text_free(&out);
		diags_free(&diags);
	}
}

/* ---- round about ------------------------------------------------------------- */

static struct addr random_address(uint8_t family)
{
	struct addr a = { .family = family };

	for (unsigned int i = 0; i < addr_bits(family) / 8; i++)
		a.bytes[i] = random64();
	if (!pick(4))
		a.bytes[0] = family == ADDR_V4 ? 239 : 0xff;
	return a;
}

/* Values that matter to somebody are likely. */
static uint64_t random_value(enum policy_field field)
{
	static const unsigned int types[] = { 0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88cc };
	static const unsigned int protos[] = { 0, 1, 2, 6, 17, 43, 44, 50, 51, 58, 59, 60 };

	switch (field) {
	case FIELD_IN:
		return pick(3);
	case FIELD_ETH_TYPE:
		return types[pick(6)];
	case FIELD_IP_PROTO:
		return pick(4) ? protos[pick(12)] : pick(256);
	case FIELD_IP_FRAG:
	case FIELD_SOCKET:
		return pick(3);
	case FIELD_PKT_LEN:
		return pick(16) ? 14 + pick(pick(2) ? 60 : 1600) : pick(65536);
	default:
		return random64() >> (64 - policy_field_bits(field));
	}
}

static struct frame_fields random_fields(void)
{
	struct frame_fields f = { 0 };
	uint8_t family = pick(2) ? ADDR_V4 : ADDR_V6;
	unsigned int rare = 2 + pick(12);

	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if (pick(rare))
			continue;
		if (i == FIELD_IP_SRC || i == FIELD_IP_DST) {
			struct addr a = random_address(family);

			frame_set_address(&f, i, &a);
		} else {
			frame_set(&f, i, random_value(i));
		}
	}
	if (!pick(8)) {
		f.inner = true;
		f.inner_id = pick(4096);
	}
	return f;
}

/* A packet by random fields that do not contradict each other. */
static struct frame_fields random_packet(void)
{
	for (;;) {
		struct frame_fields f = random_fields();
		struct text why = { 0 };
		int err = frame_settle(&f, &why, NULL);

		assert_int_equal(!err, !why.len);
		text_free(&why);
		if (!err)
			return f;
	}
}

#define ROUNDS 20000

static void test_bytes(void **ctx)
{
	static uint8_t frame[FRAME_MAX];
	unsigned int seen[REASON_MAX] = { 0 };

	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		struct frame_fields f = random_packet(), back;
		size_t length = frame_build(&f, frame);
		enum sluice_reason reason;

		assert_int_equal(length, f.value[FIELD_PKT_LEN]);
		reason = frame_read(frame, length, &back);
		back.value[FIELD_IN] = f.value[FIELD_IN];
		back.value[FIELD_SOCKET] = f.value[FIELD_SOCKET];
		assert_same(&f, &back);
		assert_int_equal(eval_reason_verdict(reason), VERDICT_PASS);
		assert_int_equal(reason_of(frame, length), reason ? reason : REASON_not_routed);
		seen[reason]++;
	}
	assert_true(seen[REASON_none] > ROUNDS / 4);
	assert_true(seen[REASON_not_ip] && seen[REASON_vlan_deep] && seen[REASON_ip6_ext_many]);
}

/* Hop-by-hop, and no room for it. */
static void test_jumbogram(void **ctx)
{
	static uint8_t frame[FRAME_MAX];

	(void)ctx;
	for (unsigned int length = 53; length < 64; length++) {
		struct frame_fields f = { 0 }, back;
		struct text why = { 0 };
		int err;

		frame_set(&f, FIELD_ETH_TYPE, 0x86dd);
		frame_set(&f, FIELD_IP_PROTO, 0);
		frame_set(&f, FIELD_PKT_LEN, length);
		err = frame_settle(&f, &why, NULL);
		text_free(&why);
		assert_int_equal(!err, length >= 54);
		if (err)
			continue;
		assert_int_equal(frame_build(&f, frame), length);
		assert_int_equal(frame_read(frame, length, &back), length < 62 ? REASON_ip6_jumbo : REASON_none);
		assert_same(&f, &back);
	}
}

static void test_words(void **ctx)
{
	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		struct frame_fields f = random_packet(), back;
		struct text text = { 0 };
		struct source source;
		struct diags diags;

		frame_format(policy, &f, &text);
		source = source_of(text_string(&text));
		diags_init(&diags);
		assert_int_equal(frame_parse(policy, &source, &back, &diags), 0);
		assert_same(&f, &back);
		diags_free(&diags);
		text_free(&text);
	}
}

/* Bytes changed, ends cut off: what is found to be wrong is what policy/eval finds. */
static void test_broken(void **ctx)
{
	static uint8_t frame[FRAME_MAX];
	unsigned int seen[REASON_MAX] = { 0 }, kinds = 0;

	(void)ctx;
	for (int i = 0; i < 5 * ROUNDS; i++) {
		struct frame_fields f = random_packet(), back;
		size_t length = frame_build(&f, frame), head = length < 80 ? length : 80;
		enum sluice_reason reason;

		for (unsigned int n = 1 + pick(3); n; n--)
			frame[pick(head)] = pick(2) ? random64() : pick(70);
		if (!pick(3))
			length = pick(head + 1);
		reason = frame_read(frame, length, &back);
		assert_int_equal(reason_of(frame, length), reason ? reason : REASON_not_routed);
		assert_int_equal(!back.has, eval_reason_verdict(reason) == VERDICT_DROP);
		seen[reason]++;
	}
	for (unsigned int i = REASON_eth_short; i <= REASON_igmp_short; i++)
		kinds += !!seen[i];
	print_message("# %u kinds of broken packets\n", kinds);
	assert_true(kinds >= 14);
}

/* A settled packet is settled. */
static void test_again(void **ctx)
{
	(void)ctx;
	for (int i = 0; i < ROUNDS; i++) {
		struct frame_fields f = random_packet(), again = f;
		struct text why = { 0 };

		assert_int_equal(frame_settle(&again, &why, NULL), 0);
		assert_same(&f, &again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_jumbogram),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}

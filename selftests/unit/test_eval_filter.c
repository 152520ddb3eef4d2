// SPDX-License-Identifier: GPL-2.0
/*
 * Filters in the plain meaning: every field, comparison, action and order of rules against packets
 * whose answer stands beside them; then predicates at random, where two who read them
 * differently must agree: eval takes them as they are written, fields_meet.h takes what
 * policy_check() made of them. The seed is printed; SEED=n repeats it, CASES=n sets how many packets
 * are asked about (30,000, twenty a predicate).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/object.h"
#include "base/text.h"
#include "policy/eval.h"
#include "policy/field.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/fields_meet.h"
#include "selftests/unit/predicates.h"

/* ---- the world ---------------------------------------------------------- */

enum { WAN = 7, LAN = 3, BARE = 5 };

static const struct eval_port ports[] = {
	{ WAN, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 1500 },
	{ LAN, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 1500 },
	{ BARE, "eth2", { 2, 0, 0, 0, 0, 3 }, true, 1500 },
};

#define PORTS "port wan = \"eth0\"; port lan = \"eth1\"; port bare = \"eth2\";\n"

static struct eval_env plain(void)
{
	return (struct eval_env){ .ports = ports, .ports_len = 3 };
}

struct given {
	const char *text;
};

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	const struct given *g = context;

	(void)name, (void)limit;
	text_append(out, g->text, strlen(g->text));
	return 0;
}

static struct policy *parse_objects(const char *text, const struct vec *objects)
{
	struct given given = { text };
	const char *name = "test";
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_configuration(&name, 1, load, &given, objects, &diags);
	diags_print(&diags, &said, false);
	if (diags.errors)
		fail_msg("a right policy is refused:\n%s\n%s", text, text_string(&said));
	text_free(&said);
	diags_free(&diags);
	return p;
}

static struct policy *parse(const char *text)
{
	return parse_objects(text, NULL);
}

static uint8_t frame[FRAME_MAX];

/* @text, as policy/frame.h reads it, in @frame. */
static size_t make(const char *text)
{
	struct source source = { .name = "packet", .text = (char *)text, .len = strlen(text) };
	struct frame_fields fields;
	struct text said = { 0 };
	struct diags diags;

	diags_init(&diags);
	if (frame_parse(NULL, &source, &fields, &diags)) {
		diags_print(&diags, &said, false);
		fail_msg("no packet: %s\n%s", text, text_string(&said));
	}
	diags_free(&diags);
	return frame_build(&fields, frame);
}

/* ---- fields, comparisons ------------------------------------------------ */

#define TCP	"ip.proto=tcp ip.src=192.0.2.1 ip.dst=198.51.100.9 tcp.src=1234 tcp.dst=80 tcp.flags=syn"
#define UDP	"ip.proto=udp ip.src=192.0.2.1 ip.dst=198.51.100.9 udp.src=1234 udp.dst=53"
#define UDP6	"ip.proto=udp ip.src=2001:db8::1 ip.dst=2001:db8::2 udp.src=1234 udp.dst=53"

static const struct {
	const char *predicate, *packet;
	bool meets;
} tests[] = {
	{ "in == wan", TCP, true },
	{ "in == lan", TCP, false },
	{ "in != lan", TCP, true },
	{ "in in { lan, wan }", TCP, true },
	{ "in in { lan, bare }", TCP, false },

	{ "eth.src == 02:00:00:00:00:55", "eth.src=02:00:00:00:00:55", true },
	{ "eth.src == 02:00:00:00:00:55", "eth.src=02:00:00:00:00:56", false },
	{ "eth.src == 02:00:00:00:00:55", "eth.dst=02:00:00:00:00:55", false },
	{ "eth.dst in { 02:00:00:00:00:54, 02:00:00:00:00:55 }", "eth.dst=02:00:00:00:00:55", true },
	{ "eth.dst != 02:00:00:00:00:55", "eth.dst=02:00:00:00:00:55", false },
	{ "eth.dst & 01:00:00:00:00:00 == 01:00:00:00:00:00", "eth.dst=03:00:00:00:00:55", true },
	{ "eth.dst & 01:00:00:00:00:00 == 01:00:00:00:00:00", "eth.dst=02:ff:ff:ff:ff:ff", false },

	{ "eth.type == ip4", TCP, true },
	{ "eth.type == 0x0800", TCP, true },
	{ "eth.type == ip6", TCP, false },
	{ "eth.type == ip6", UDP6, true },
	{ "eth.type == arp", "arp", true },
	{ "eth.type > 0x86dd", "eth.type=0x88cc", true },
	{ "eth.type == ip4", TCP " vlan.id=5", true },
	{ "eth.type == 0x8100", TCP " vlan.id=5", false },

	{ "vlan.id == 5", TCP " vlan.id=5", true },
	{ "vlan.id == 0", TCP, false },
	{ "vlan.id != 5", TCP, false },
	{ "not vlan.id == 5", TCP, true },
	{ "vlan.id == 0", TCP " vlan.id=0", true },
	{ "vlan.id == 4095", TCP " vlan.id=4095", true },
	{ "vlan.id == 7", TCP " vlan.id=5 vlan.inner=7", false },
	{ "vlan.pcp == 6", TCP " vlan.id=5 vlan.pcp=6", true },
	{ "vlan.pcp < 6", TCP " vlan.id=5 vlan.pcp=6", false },
	{ "vlan.pcp == 0", TCP, false },

	{ "ip.src == 192.0.2.1", TCP, true },
	{ "ip.src == 192.0.2.0/24", TCP, true },
	{ "ip.src == 192.0.2.2/31", TCP, false },
	{ "ip.dst == 192.0.2.0/24", TCP, false },
	{ "ip.src != 192.0.2.0/24", TCP, false },
	{ "ip.src != 192.0.3.0/24", TCP, true },
	{ "ip.src != 192.0.3.0/24", "arp", false },
	{ "not ip.src == 192.0.3.0/24", "arp", true },
	{ "ip.src == 0.0.0.0/0", TCP, true },
	{ "ip.src == 0.0.0.0/0", UDP6, false },
	{ "ip.src != 0.0.0.0/0", UDP6, true },
	{ "ip.src == ::/0", UDP6, true },
	{ "ip.src == ::/0", TCP, false },
	{ "ip.src in { 10.0.0.1, 2001:db8::/32 }", UDP6, true },
	{ "ip.dst in { 10.0.0.1, 2001:db8::1 }", UDP6, false },

	{ "ip.proto == tcp", TCP, true },
	{ "ip.proto in { udp, 6 }", TCP, true },
	{ "ip.proto != tcp", TCP, false },
	{ "ip.proto != tcp", "arp", false },
	{ "ip.proto == esp", "ip.proto=50", true },
	{ "ip.dscp == ef", TCP " ip.dscp=46", true },
	{ "ip.dscp == 46", UDP6 " ip.dscp=46 ip.ecn=2", true },
	{ "ip.ecn == 2", UDP6 " ip.dscp=46 ip.ecn=2", true },
	{ "ip.ecn == 1", UDP6 " ip.dscp=46 ip.ecn=2", false },
	{ "ip.ttl < 5", TCP " ip.ttl=4", true },
	{ "ip.ttl < 5", TCP " ip.ttl=5", false },
	{ "ip.ttl <= 5", UDP6 " ip.ttl=5", true },
	{ "ip.ttl >= 5", TCP " ip.ttl=5", true },
	{ "ip.ttl > 5", TCP " ip.ttl=5", false },
	{ "ip.ttl > 5", TCP " ip.ttl=255", true },
	{ "ip.ttl & 0xf0 == 0x40", TCP " ip.ttl=0x4f", true },
	{ "ip.ttl & 0xf0 > 0x40", TCP " ip.ttl=0x4f", false },
	{ "ip.ttl & 0xf0 > 0x40", TCP " ip.ttl=0x50", true },

	{ "ip.frag == none", TCP, true },
	{ "ip.frag == first", TCP " ip.frag=first", true },
	{ "ip.frag == later", "ip.proto=tcp ip.frag=later", true },
	{ "ip.frag == none", "arp", false },
	{ "ip.frag in { first, later }", UDP6 " ip.frag=first", true },
	{ "ip.frag != none", TCP, false },

	{ "tcp.dst == 80", TCP, true },
	{ "tcp.dst == 81", TCP, false },
	{ "tcp.dst == 80", TCP " ip.frag=first", true },
	{ "tcp.dst != 81", "ip.proto=tcp ip.frag=later", false },
	{ "not tcp.dst == 81", "ip.proto=tcp ip.frag=later", true },
	{ "tcp.src == 1234 and tcp.dst in { 23, 80-90 }", TCP, true },
	{ "tcp.dst != 80", UDP, false },
	{ "udp.dst == 53", UDP, true },
	{ "udp.src == 1234", UDP6, true },
	{ "udp.dst == 80", TCP, false },
	{ "l4.dst == 53", UDP6, true },
	{ "l4.dst == 80", TCP, true },
	{ "l4.src <= 1233", TCP, false },
	{ "l4.src <= 1234", TCP, true },
	{ "l4.dst == 0", "ip.proto=1 icmp.type=0", false },
	{ "l4.src >= 0", "ip.proto=udp ip.frag=later", false },

	{ "tcp.flags == syn", TCP, true },
	{ "tcp.flags == syn", "tcp.flags=syn|ack", false },
	{ "tcp.flags & syn == syn", "tcp.flags=syn|ack", true },
	{ "tcp.flags & (syn|fin) == syn|fin", "tcp.flags=syn|fin|psh", true },
	{ "tcp.flags & (syn|fin) == syn|fin", "tcp.flags=syn|psh", false },
	{ "tcp.flags & (syn|fin) != syn|fin", "tcp.flags=syn|psh", true },
	{ "tcp.flags & (syn|fin) != syn|fin", UDP, false },
	{ "tcp.flags & (syn|ack) in { syn, ack }", "tcp.flags=ack|psh", true },
	{ "tcp.flags & (syn|ack) in { syn, ack }", "tcp.flags=ack|syn", false },
	{ "tcp.flags == 0", "tcp.flags=0", true },
	{ "tcp.flags == cwr|ece", "tcp.flags=0xc0", true },

	{ "icmp.type == 8", "icmp ip.src=192.0.2.1 icmp.type=8 icmp.code=0", true },
	{ "icmp.type == 8 and icmp.code == 1", "icmp ip.src=192.0.2.1 icmp.type=8 icmp.code=0", false },
	{ "icmp.type == 128", "icmp ip.src=2001:db8::1 icmp.type=128", true },
	{ "icmp.type == 8", "ip.proto=58 ip.src=192.0.2.1", false },
	{ "icmp.type >= 0", "ip.proto=1 ip.src=2001:db8::1", false },
	{ "icmp.type >= 0", TCP, false },
	{ "pkt.len == 60", TCP " pkt.len=60", true },
	{ "pkt.len > 1500", TCP " pkt.len=1514", true },
	{ "pkt.len in { 1-1513, 1515-65535 }", TCP " pkt.len=1514", false },

	{ "ip4", TCP, true }, { "ip4", UDP6, false }, { "ip4", "arp", false },
	{ "ip6", UDP6, true }, { "ip6", TCP, false },
	{ "arp", "arp", true }, { "arp", TCP, false },
	{ "tcp", TCP, true }, { "tcp", UDP, false }, { "tcp", "ip.proto=tcp ip.frag=later", true },
	{ "udp", UDP6, true }, { "udp", TCP, false },
	{ "icmp", "ip.proto=1 ip.src=192.0.2.1", true }, { "icmp", "ip.proto=58 ip.src=2001:db8::1", true },
	{ "icmp", "ip.proto=58 ip.src=192.0.2.1", false }, { "icmp", "ip.proto=1 ip.src=2001:db8::1", false },
	{ "igmp", "ip.proto=2 ip.src=192.0.2.1", true }, { "igmp", "ip.proto=2 ip.src=2001:db8::1", false },

	{ "tcp or udp and ip6", TCP, true },
	{ "(tcp or udp) and ip6", TCP, false },
	{ "not tcp or ip4", TCP, true },
	{ "not (tcp or ip4)", TCP, false },
	{ "not not tcp", TCP, true },
	{ "web and us", TCP, true },
	{ "web and not us", TCP, false },
	{ "tcp.dst in webports and ip.src in nets", TCP, true },
	{ "ip.src == nets and ip.dst != nets", TCP, true },
	{ "ip.dst in { 10.0.0.0/8, nets }", TCP, false },
	{ "tcp.dst == one", TCP, true }, { "tcp.dst > one", TCP, false }, { "tcp.dst <= again", TCP, true },
	{ "tcp.dst in { 1, more }", TCP, true },
};

#define LETS \
	"let web = tcp.dst in webports; let webports = { 80, 443 }; let more = { 5-6, webports };\n" \
	"let nets = { 192.0.2.0/24, 2001:db8::/64 }; let us = ip.src in nets;\n" \
	"let one = 80; let again = one;\n"

static struct policy *parse_predicate(const char *predicate)
{
	struct text t = { 0 };
	struct policy *p;

	text_printf(&t, PORTS LETS "filter wan, lan { drop if %s; }\n", predicate);
	p = parse(text_string(&t));
	text_free(&t);
	return p;
}

static const struct policy_predicate *predicate_of(const struct policy *p)
{
	return (*(struct policy_rule **)vec_at(&p->rules, 0))->predicate;
}

static void test_predicates(void **state)
{
	struct eval_env env = plain();

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct policy *p = parse_predicate(tests[i].predicate);
		size_t len = make(tests[i].packet);

		if (policy_matches(p, &env, WAN, frame, len, predicate_of(p)) != tests[i].meets)
			fail_msg("%s: %s, of %s", tests[i].predicate,
				 tests[i].meets ? "not met" : "met", tests[i].packet);
		policy_free(p);
	}
}

/* ---- frames that are not read to their end ------------------------------- */

static size_t put_hex(const char *hex)
{
	unsigned int b;
	size_t len = 0;
	int used;

	for (; sscanf(hex, " %2x%n", &b, &used) == 1; hex += used)
		frame[len++] = b;
	return len;
}

#define MACS	"020000000001 020000000009 "
#define ADDRS6	"20010db8000000000000000000000001 20010db8000000000000000000000002 "

static const struct {
	const char *what, *bytes, *meets, *fails;
	enum sluice_reason reason;	/* if it is allowed */
} odd[] = {
	{ "LLDP", MACS "88cc 0207", "eth.type == lldp and eth.src == 02:00:00:00:00:09",
	  "ip.src == 0.0.0.0/0 or ip.ttl >= 0 or vlan.id >= 0", REASON_not_ip },
	{ "a frame of nothing but its header", MACS "0842", "pkt.len == 14 and eth.type == 0x842", "ip4",
	  REASON_not_ip },
	{ "three tags", MACS "88a8 e005 8100 0006 8100 0007 0800 45", "vlan.id == 5 and vlan.pcp == 7 and "
	  "eth.type == 0x8100 and pkt.len == 27", "ip4 or vlan.id == 7", REASON_vlan_deep },
	{ "an IPv6 jumbogram", MACS "86dd 6b800000 0000 00 40 " ADDRS6 "0600c20400010000",
	  "ip6 and ip.proto == 0 and ip.ttl == 64 and ip.src == 2001:db8::1 and ip.dscp == 46 and "
	  "ip.ecn == 0 and ip.frag == none",
	  "tcp or l4.src >= 0 or socket in { none, established, listen } or icmp.type >= 0", REASON_ip6_jumbo },
	{ "nine extension headers, a fragment header among them", MACS "86dd 60000000 0048 00 01 " ADDRS6
	  "3c00000000000000 3c00000000000000 3c00000000000000 2c00000000000000 3c00000100000001"
	  "3c00000000000000 3c00000000000000 3c00000000000000 1100000000000000",
	  "ip6 and ip.proto == 60 and ip.frag == first and ip.ttl == 1",
	  "udp or l4.dst >= 0 or socket == none or ip.frag == none", REASON_ip6_ext_many },
};

static enum sluice_reason reason_of(const struct policy *p, const struct eval_env *env,
				    unsigned int port, size_t len)
{
	struct eval_result result;
	enum sluice_reason reason;

	policy_eval(p, env, port, frame, len, &result);
	assert_int_equal(result.outcomes.len, 1);
	reason = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason;
	eval_result_free(&result);
	return reason;
}

static void test_odd_frames(void **state)
{
	struct eval_env env = plain();

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct policy *meets = parse_predicate(odd[i].meets);
		struct policy *fails = parse_predicate(odd[i].fails);
		size_t len = put_hex(odd[i].bytes);

		if (reason_of(meets, &env, WAN, len) != REASON_filtered)
			fail_msg("%s: not %s", odd[i].what, odd[i].meets);
		if (reason_of(fails, &env, WAN, len) != odd[i].reason)
			fail_msg("%s: %s, or another reason", odd[i].what, odd[i].fails);
		/* no filter there: neither dropped nor asked */
		assert_int_equal(reason_of(meets, &env, BARE, len), odd[i].reason);
		policy_free(meets);
		policy_free(fails);
	}
}

/* What is malformed was dropped before; what is no port of the policy's has no filter. */
static void test_before_the_filter(void **state)
{
	struct policy *p = parse(PORTS "filter wan { count \"x\"; allow if eth.type == 0x1234; drop; }");
	struct eval_env env = plain();
	struct eval_result result;
	size_t len;

	(void)state;
	len = put_hex(MACS "0800 45");
	policy_eval(p, &env, WAN, frame, len, &result);
	assert_int_equal(((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason, REASON_ip4_short);
	assert_null(result.rule);
	assert_int_equal(result.matched.len, 0);
	assert_int_equal(result.effects.len, 0);
	eval_result_free(&result);
	assert_false(policy_matches(p, &env, WAN, frame, len,
				    (*(struct policy_rule **)vec_at(&p->rules, 1))->predicate));
	len = put_hex(MACS "1234 00");
	assert_int_equal(reason_of(p, &env, WAN, len), REASON_not_ip);
	len = make(TCP);
	assert_int_equal(reason_of(p, &env, WAN, len), REASON_filtered);
	assert_int_equal(reason_of(p, &env, 99, len), REASON_not_a_port);
	policy_free(p);
}

/* ---- rules -------------------------------------------------------------- */

static bool over_rate(void *context, const struct policy_rule *rule, const struct policy_action *a)
{
	const uint64_t *rate = context;

	(void)rule;
	return a->rate == *rate;
}

/* "matched 0 1 3, ended by 3, effects 0.0 3.1, mark 5, filtered" */
static void tell(const struct eval_result *r, struct text *out)
{
	text_printf(out, "matched");
	for (size_t i = 0; i < r->matched.len; i++)
		text_printf(out, " %u", (*(const struct policy_rule **)vec_at(&r->matched, i))->number);
	if (r->rule)
		text_printf(out, ", ended by %u", r->rule->number);
	for (size_t i = 0; i < r->effects.len; i++) {
		const struct eval_effect *e = vec_at(&r->effects, i);

		text_printf(out, "%s %u.%zu", i ? "" : ", effects", e->rule->number,
			    (size_t)(e->action - (const struct policy_action *)e->rule->actions.data));
	}
	if (r->mark)
		text_printf(out, ", mark %u", r->mark);
	text_printf(out, ", %s", eval_reason_name(((struct eval_outcome *)r->outcomes.data)->reason));
}

static const struct {
	const char *rules, *packet, *told;
	uint64_t over;		/* a rate that the packet is over */
} lists[] = {
	{ "", TCP, "matched, not_routed", 0 },
	{ "drop;", TCP, "matched 0, ended by 0, filtered", 0 },
	{ "allow;", TCP, "matched 0, ended by 0, not_routed", 0 },
	{ "drop if udp;", TCP, "matched, not_routed", 0 },
	{ "allow if tcp; drop;", TCP, "matched 0, ended by 0, not_routed", 0 },
	{ "allow if tcp; drop;", UDP, "matched 1, ended by 1, filtered", 0 },
	{ "drop if udp; drop if tcp; allow;", TCP, "matched 1, ended by 1, filtered", 0 },
	{ "count \"a\"; count \"b\" if udp; count \"c\"; drop if tcp; count \"d\";", TCP,
	  "matched 0 2 3, ended by 3, effects 0.0 2.0, filtered", 0 },
	{ "count \"a\", mark 3; mark 4, emit \"x\", allow; mark 5;", TCP,
	  "matched 0 1, ended by 1, effects 0.0 0.1 1.0 1.1, mark 4, not_routed", 0 },
	{ "mark 4; mark 0;", TCP, "matched 0 1, effects 0.0 1.0, not_routed", 0 },
	{ "police 5pps; allow;", TCP, "matched 0 1, ended by 1, effects 0.0, not_routed", 0 },
	{ "mark 1; count \"a\", police 5pps, mark 2; mark 3; allow;", TCP,
	  "matched 0 1 2 3, ended by 3, effects 0.0 1.0 1.1, mark 1, policed", 5 },
	{ "police 6pps; police 5pps, count \"x\", drop; ", TCP,
	  "matched 0 1, ended by 1, effects 0.0 1.0, policed", 5 },
	{ "police 6pps; police 5pps, count \"x\", drop; ", TCP,
	  "matched 0 1, ended by 1, effects 0.0 1.0 1.1, filtered", 7 },
	{ "allow if tcp; police 5pps; drop;", TCP, "matched 0, ended by 0, not_routed", 5 },
	{ "police 5pps per ip.src if arp; allow;", "arp", "matched 0 1, ended by 1, effects 0.0, policed", 5 },
	{ "insert ip.src into s, insert ip.dst into s; drop if ip.src in s;", TCP,
	  "matched 0, effects 0.0 0.1, not_routed", 0 },
	{ "insert ip.src into s, count \"x\";", "arp", "matched 0, effects 0.1, not_ip", 0 },
};

static void test_rules(void **state)
{
	struct eval_env env = plain();

	(void)state;
	env.police = over_rate;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct text t = { 0 }, told = { 0 };
		struct eval_result result;
		struct policy *p;
		uint64_t over = lists[i].over;

		text_printf(&t, PORTS "set s : ip.src size 9; filter wan { %s }", lists[i].rules);
		p = parse(text_string(&t));
		env.police_context = &over;
		policy_eval(p, &env, WAN, frame, make(lists[i].packet), &result);
		tell(&result, &told);
		if (strcmp(text_string(&told), lists[i].told))
			fail_msg("%s: %s, not %s", lists[i].rules, text_string(&told), lists[i].told);
		eval_result_free(&result);
		policy_free(p);
		text_free(&t);
		text_free(&told);
	}
}

/* Rules have the numbers of the text, over all filters; each port has its own. */
static void test_several_filters(void **state)
{
	struct policy *p = parse("filter lan { drop if udp; allow; }" PORTS
				 "filter wan { drop if tcp; } measure m by (ip.src) { }");
	struct eval_env env = plain();
	struct eval_result result;

	(void)state;
	assert_int_equal(p->rules.len, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal((*(struct policy_rule **)vec_at(&p->rules, i))->number, i);
	assert_int_equal(reason_of(p, &env, WAN, make(TCP)), REASON_filtered);
	assert_int_equal(reason_of(p, &env, WAN, make(UDP)), REASON_not_routed);
	assert_int_equal(reason_of(p, &env, LAN, make(TCP)), REASON_not_routed);
	assert_int_equal(reason_of(p, &env, LAN, make(UDP)), REASON_filtered);
	assert_int_equal(reason_of(p, &env, BARE, make(UDP)), REASON_not_routed);

	/* what is dropped is measured, too */
	policy_eval(p, &env, WAN, frame, make(TCP), &result);
	assert_true(result.measured);
	assert_int_equal(result.rule->number, 2);
	eval_result_free(&result);
	policy_free(p);
}

/* ---- sets, sockets ------------------------------------------------------ */

static bool in_set(void *context, const struct policy_set *set, const struct addr *address,
		   uint64_t number)
{
	char text[ADDR_STRLEN];

	(void)context;
	if (!strcmp(set->name, "hosts"))
		return address->family && !number && !strcmp(addr_format(address, text), "192.0.2.1");
	assert_int_equal(address->family, ADDR_NONE);
	return !strcmp(set->name, "ports") ? number == 53 : number == 0x020000000055;
}

static void test_sets(void **state)
{
	static const struct {
		const char *predicate, *packet;
		bool meets, store;
	} cases[] = {
		{ "ip.src in hosts", TCP, true, true }, { "ip.dst in hosts", TCP, false, false },
		{ "not ip.dst in hosts", TCP, true, true }, { "ip.src in hosts", UDP6, false, true },
		{ "ip.src in hosts", "arp", false, false }, { "not ip.src in hosts", "arp", true, true },
		{ "l4.dst in ports", UDP, true, false }, { "l4.src in ports", UDP, false, false },
		{ "l4.dst in ports", "ip.proto=1", false, false },
		{ "eth.src in macs", "eth.src=02:00:00:00:00:55", true, false },
	};
	static const char *const elements[] = { "192.0.2.1", "2001:db8::1" };
	struct vec objects = VEC(struct object);
	struct eval_env all = plain(), store = plain();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct object *o = vec_push(&objects);

		o->kind = OBJECT_ELEMENT;
		strcpy(o->element.set, "hosts");
		assert_int_equal(prefix_parse(elements[i], &o->element.element), 0);
	}
	all.in_set = in_set;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text t = { 0 };
		struct policy *p;
		size_t len;

		text_printf(&t, PORTS "set hosts : ip.dst size 5; set ports : l4.src size 5;"
			    "set macs : eth.dst size 5; filter wan { drop if %s; }", cases[i].predicate);
		p = parse_objects(text_string(&t), &objects);
		assert_int_equal(p->elements.len, 2);
		len = make(cases[i].packet);
		if (policy_matches(p, &all, WAN, frame, len, predicate_of(p)) != cases[i].meets ||
		    policy_matches(p, &store, WAN, frame, len, predicate_of(p)) != cases[i].store)
			fail_msg("%s, of %s", cases[i].predicate, cases[i].packet);
		policy_free(p);
		text_free(&t);
	}
	vec_free(&objects);
}

static unsigned int socket_of(void *context, const struct eval_flow *flow)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];

	(void)context;
	addr_format(&flow->src, src);
	addr_format(&flow->dst, dst);
	if (strcmp(src, "192.0.2.1") || strcmp(dst, "198.51.100.9") || flow->sport != 1234)
		return 0;
	return flow->proto == 6 && flow->dport == 80 ? 1 : flow->proto == 17 && flow->dport == 53 ? 2 : 0;
}

static void test_sockets(void **state)
{
	static const struct {
		const char *predicate, *packet;
		bool meets;
	} cases[] = {
		{ "socket == established", TCP, true }, { "socket == listen", TCP, false },
		{ "socket == listen", UDP, true }, { "socket == none", UDP6, true },
		{ "socket == none", "ip.proto=1", false }, { "socket != established", "arp", false },
		{ "socket == none", "ip.proto=tcp ip.frag=first", false },
		{ "socket in { established, listen }", UDP, true },
	};
	struct eval_env env = plain(), none = plain();

	(void)state;
	env.socket = socket_of;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy *p = parse_predicate(cases[i].predicate);

		if (policy_matches(p, &env, WAN, frame, make(cases[i].packet), predicate_of(p)) !=
		    cases[i].meets)
			fail_msg("%s, of %s", cases[i].predicate, cases[i].packet);
		if (i < 2)	/* nobody says that there is one */
			assert_false(policy_matches(p, &none, WAN, frame, make(TCP), predicate_of(p)));
		policy_free(p);
	}
}

/* ---- predicates at random ------------------------------------------------ */

static void put_packet(struct text *t)
{
	static const char *const protos[] = {
		"ip.proto=tcp", "ip.proto=udp", "icmp", "igmp", "ip.proto=47", "ip.proto=132",
	};
	unsigned int proto = below(6);

	if (below(16) == 0) {
		text_printf(t, below(2) ? "arp" : "eth.type=0x88cc");
	} else {
		text_printf(t, "%s", protos[proto]);
		if (proto == 3 || below(3))
			text_printf(t, " ip.src=192.0.2.%u ip.dst=192.0.2.%u", below(256), below(256));
		else
			text_printf(t, " ip.src=2001:db8::%x ip.dst=2001:db8::%x", below(40), below(40));
		text_printf(t, " ip.ttl=%u ip.dscp=%u ip.ecn=%u", below(256), below(64), below(4));
		if (proto < 2 && below(4)) {
			static const unsigned int some[] = { 80, 443, 53, 0, 65535 };

			text_printf(t, " l4.dst=%u l4.src=%u", below(2) ? some[below(5)] : below(65536),
				    below(65536));
			if (!proto)
				text_printf(t, " tcp.flags=%u", below(256));
		} else if (below(2)) {
			text_printf(t, " ip.frag=later");
		}
	}
	if (below(3) == 0)
		text_printf(t, " vlan.id=%u vlan.pcp=%u", below(4096), below(8));
	text_printf(t, " eth.src=02:00:00:00:00:%02x pkt.len=%u", below(4), 120 + below(1400));
}

static void compare_readers(struct policy *p, const char *predicate, bool *met)
{
	struct frame_fields f;
	struct eval_env env = plain();
	struct text packet = { 0 };
	size_t len;
	bool one, two;

	env.socket = socket_of;
	put_packet(&packet);
	len = make(text_string(&packet));
	memset(&f, 0, sizeof(f));
	assert_int_not_equal(frame_read(frame, len, &f), REASON_eth_short);
	frame_set(&f, FIELD_IN, 0);
	if (frame_has(&f, FIELD_L4_SRC) && f.value[FIELD_IP_FRAG] == 0)
		frame_set(&f, FIELD_SOCKET, 0);
	one = policy_matches(p, &env, WAN, frame, len, predicate_of(p));
	two = fields_meet(&f, predicate_of(p));
	if (one != two)
		fail_msg("%s\nof %s: %d as it is written, %d as it was resolved", predicate,
			 text_string(&packet), one, two);
	met[one] = true;
	text_free(&packet);
}

static void test_random(void **state)
{
	unsigned long both = 0, rounds = cases_wanted(30000) / 20;

	(void)state;
	for (unsigned long i = 0; i < rounds; i++) {
		struct text t = { 0 };
		bool met[2] = { false };
		struct policy *p;

		put_predicate(&t, below(4));
		p = parse_predicate(text_string(&t));
		for (unsigned int j = 0; j < 20; j++)
			compare_readers(p, text_string(&t), met);
		both += met[0] && met[1];
		policy_free(p);
		text_free(&t);
	}
	assert_true(both > rounds / 10);	/* or nothing was tested */
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_predicates),
		cmocka_unit_test(test_odd_frames),
		cmocka_unit_test(test_before_the_filter),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_several_filters),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_random),
	};
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003 + getpid();
	seed |= !seed;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("eval_filter", all, NULL, NULL);
}

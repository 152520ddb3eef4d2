// SPDX-License-Identifier: GPL-2.0
/*
 * Frames from outside, judged by the plain meaning: the first byte says on which port, and
 * whether the IPv4 checksum is made right, since hardly a frame would get past it. Nothing is
 * read outside of the frame, what comes out fits the reason that is given for it, and the filter's
 * rules match as another reader has it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/eval.h"
#include "policy/parse.h"
#include "selftests/unit/fields_meet.h"

static const char text[] =
	"port a = \"eth0\"; port b = \"eth1\"; port c = \"eth2\"; route main;"
	"multicast {"
	"    (*, 224.0.0.0/4) from a to b vlan 5, c ttl 9, host;"
	"    (*, 239.1.1.1) from a to b;"
	"    (192.0.2.1, 239.1.1.1) from b to c;"
	"    (*, ff00::/8) from a to b ttl 1, c vlan 7;"
	"}"
	"measure m by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { }"
	"let net = { 10.0.0.0/8, 192.0.2.1, 2001:db8::/32 }; let web = tcp.dst in { 80, 440-450 };"
	"filter a, b {"
	"    count \"0\" if in == a and (eth.src & 01:00:00:00:00:00 == 00:00:00:00:00:00 or eth.type > 0x800);"
	"    count \"1\", mark 1 if vlan.id in { 1, 100-4000 } or vlan.pcp != 0;"
	"    count \"2\" if ip.src in net or ip.dst != net or ip.src == ::/1;"
	"    count \"3\" if ip.proto in { tcp, 0-2, 44 } and ip.dscp < 9 or ip.ecn != 0 or ip.ttl & 0x55 >= 0x11;"
	"    count \"4\" if ip.frag == first or ip.frag == later or not ip.frag != none;"
	"    count \"5\" if l4.src > 1023 or l4.dst & 0xff in { 3, 5-9 } or udp.src == 53 or tcp.src != 9;"
	"    count \"6\" if tcp.flags & (syn|ack) == syn or icmp.type == 8 or icmp.code != 0 or socket == none;"
	"    count \"7\" if pkt.len in { 14-40, 60 } or socket == established or icmp or igmp or arp;"
	"    police 5pps if ip.ttl == 99;"
	"    mark 2, drop if web and ip4 or udp.dst == 53 and ip6;"
	"    allow if not (tcp or udp);"
	"    count \"8\";"
	"}";

static const struct eval_port ports[] = {
	{ 1, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 1500 },
	{ 2, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 1500 },
	{ 3, "eth2", { 2, 0, 0, 0, 0, 3 }, false, 1500 },
	{ 4, "eth3", { 2, 0, 0, 0, 0, 4 }, true, 1500 },
};

static const struct eval_vlan vlans[] = { { 1, 100 } };

static const struct eval_nexthop hops[] = {
	{ REASON_forwarded, 2, 1500, { 2, 0, 0, 0, 1, 1 }, { 2, 0, 0, 0, 0, 2 }, 0 },
	{ REASON_forwarded, 3, 1500, { 2, 0, 0, 0, 1, 2 }, { 2, 0, 0, 0, 0, 3 }, 7 },
	{ .reason = REASON_local },
};

static const struct eval_nexthops *route(void *context, const struct addr *dst)
{
	static const struct eval_nexthops all = { hops, 3, 24 }, one = { hops, 1, 32 };

	(void)context;
	return dst->bytes[3] & 1 ? &all : dst->bytes[3] & 2 ? &one : NULL;
}

static bool over_rate(void *context, const struct policy_rule *rule, const struct policy_action *a)
{
	(void)context, (void)rule;
	return a->rate == 5;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static const struct policy *policy(void)
{
	static struct policy *p;
	struct diags diags;

	if (!p) {
		diags_init(&diags);
		p = policy_parse_text("text", text, strlen(text), &diags);
		expect(!diags.errors);
		diags_free(&diags);
	}
	return p;
}

static void make_checksum_right(uint8_t *frame, size_t len)
{
	size_t header = len > 14 ? 4u * (frame[14] & 0xf) : 0;
	unsigned long sum = 0;

	if (header < 20 || 14 + header > len)
		return;
	frame[24] = frame[25] = 0;
	for (size_t i = 0; i < header; i += 2)
		sum += frame[14 + i] << 8 | frame[15 + i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = sum >> 8;
	frame[25] = sum;
}

static void check_outcome(const struct eval_outcome *o, size_t len)
{
	expect(o->reason > REASON_none && o->reason < REASON_MAX);
	expect(o->verdict == eval_reason_verdict(o->reason));
	if (o->verdict == VERDICT_DROP)
		expect(!o->outputs.len);
	if (o->verdict == VERDICT_FORWARD || o->verdict == VERDICT_PASS)
		expect(o->outputs.len == 1);
	for (size_t i = 0; i < o->outputs.len; i++) {
		const struct eval_output *out = vec_at(&o->outputs, i);

		expect(out->host ? out->len == len : out->len <= len + 4 && out->len >= 34);
		expect(!out->host || o->verdict != VERDICT_FORWARD);
		expect(out->host || o->verdict != VERDICT_PASS);
		expect(!out->len || out->frame[out->len - 1] <= 255);	/* read it all */
	}
}

static bool is_last(const struct policy_rule *rule, enum policy_action_kind kind)
{
	return ((const struct policy_action *)vec_at(&rule->actions, rule->actions.len - 1))->kind == kind;
}

/* The rules that matched, once more: by another reader of frames, and of predicates. */
static void check_filter(unsigned int port, const uint8_t *frame, size_t len,
			 const struct eval_result *result)
{
	const struct eval_outcome *o = result->outcomes.data;
	const struct vec *rules = &policy()->rules;
	struct frame_fields f = { 0 };
	enum sluice_reason read = frame_read(frame, len, &f);
	size_t matched = 0;
	bool policed = false;

	if (port > 2 || (read && eval_reason_verdict(read) == VERDICT_DROP)) {
		expect(!result->rule && !result->matched.len && !result->effects.len);
		expect(port > 2 || o->reason == read);
		return;
	}
	frame_set(&f, FIELD_IN, port - 1);
	if (!read && frame_has(&f, FIELD_L4_SRC) && f.value[FIELD_IP_FRAG] == 0)
		frame_set(&f, FIELD_SOCKET, 0);
	for (size_t i = 0; i < rules->len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(rules, i);

		if (rule->predicate && !fields_meet(&f, rule->predicate))
			continue;
		expect(matched < result->matched.len);
		expect(*(const struct policy_rule **)vec_at(&result->matched, matched++) == rule);
		policed |= is_last(rule, DO_POLICE);
		if (rule->ends) {
			expect(result->rule == rule);
			break;
		}
	}
	expect(matched == result->matched.len);
	expect((o->reason == REASON_policed) == policed);
	expect((o->reason == REASON_filtered) ==
	       (!policed && result->rule && is_last(result->rule, DO_DROP)));
	expect(!read || policed || o->reason == read || o->reason == REASON_filtered);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct eval_env env = {
		.ports = ports, .ports_len = 4, .vlans = vlans, .vlans_len = 1, .route = route,
		.police = over_rate,
	};
	struct eval_result result;
	uint8_t *frame;

	if (!len)
		return 0;
	frame = malloc(len - 1 ? len - 1 : 1);	/* of its own, so that a byte too far is seen */
	memcpy(frame, bytes + 1, len - 1);
	if (bytes[0] & 4)
		make_checksum_right(frame, len - 1);
	policy_eval(policy(), &env, 1 + (bytes[0] & 3), frame, len - 1, &result);
	expect(result.outcomes.len >= 1 && result.outcomes.len <= 3);
	for (size_t i = 0; i < result.outcomes.len; i++)
		check_outcome(vec_at(&result.outcomes, i), len - 1);
	check_filter(1 + (bytes[0] & 3), frame, len - 1, &result);
	expect(!result.measured || result.bytes == len - 1);
	eval_result_free(&result);
	free(frame);
	return 0;
}

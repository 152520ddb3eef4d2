// SPDX-License-Identifier: GPL-2.0
// sources: userland/base/*.c userland/policy/build*.c userland/policy/check*.c
// sources: userland/policy/parse.c userland/policy/tokens.c userland/policy/objects.c
// sources: userland/policy/print*.c userland/policy/eval*.c userland/policy/field.c
// sources: userland/policy/tree.c build/gen/policy/grammar.tab.c build/gen/policy/lexer.c
// libs: -ljansson
/*
 * Frames from outside, judged by the plain meaning: the first byte says on which port, and
 * whether the IPv4 checksum is made right, since hardly a frame would get past it. Nothing is
 * read outside of the frame, and what comes out fits the reason that is given for it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/eval.h"
#include "policy/parse.h"

static const char text[] =
	"port a = \"eth0\"; port b = \"eth1\"; port c = \"eth2\"; route main;"
	"multicast {"
	"    (*, 224.0.0.0/4) from a to b vlan 5, c ttl 9, host;"
	"    (*, 239.1.1.1) from a to b;"
	"    (192.0.2.1, 239.1.1.1) from b to c;"
	"    (*, ff00::/8) from a to b ttl 1, c vlan 7;"
	"}"
	"measure m by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { }";

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct eval_env env = {
		.ports = ports, .ports_len = 4, .vlans = vlans, .vlans_len = 1, .route = route,
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
	expect(!result.measured || result.bytes == len - 1);
	eval_result_free(&result);
	free(frame);
	return 0;
}

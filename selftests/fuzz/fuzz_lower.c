// SPDX-License-Identifier: GPL-2.0
// options: -max_len=300
/*
 * Predicates and packets that the input chooses: the boxes that a predicate becomes, and those of its
 * negation, match what the plain meaning, asked with the packet's own bytes, says of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The input: each choice takes a byte or two; behind the end all choices are 0. */
static const uint8_t *input;
static size_t left;

static unsigned int below(unsigned int n)
{
	unsigned int value = 0;

	for (unsigned int bytes = n > 256 ? 2 : 1; bytes--;) {
		value = value << 8 | (left ? *input : 0);
		input += left > 0;
		left -= left > 0;
	}
	return value % n;
}

#define PREDICATES_BELOW
#include "selftests/unit/predicates.h"

#include "lower/lower.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"

#define PACKETS 8

static const char head[] =
	"port wan = \"eth0\"; port lan = \"eth1\";"
	"let web = tcp.dst in { 80, 443 } or udp.dst == 443; let us = ip.src == 192.0.2.0/25;"
	"filter wan, lan { drop if ";

static const struct eval_port ports[] = {
	{ 1, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 1500 },
	{ 2, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 1500 },
};
static const uint16_t numbers[] = { 7, 3 };	/* of the ports, in rule lists */

static unsigned int socket_of(void *context, const struct eval_flow *flow)
{
	(void)flow;
	return ((const struct frame_fields *)context)->value[FIELD_SOCKET];
}

static void set_some(struct frame_fields *f, enum policy_field field)
{
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x88cc };
	static const uint8_t protocols[] = { 6, 17, 1, 58, 2, 47 };
	struct addr a;

	switch (field) {
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
		if (below(3))
			a = addr_v4(0xc0000200 | below(256));
		else
			addr_parse(below(2) ? "2001:db8::1" : "2001:db9::", &a);
		frame_set_address(f, field, &a);
		return;
	case FIELD_IN:
		return;
	case FIELD_ETH_TYPE:
		frame_set(f, field, types[below(4)]);
		return;
	case FIELD_IP_PROTO:
		frame_set(f, field, protocols[below(6)]);
		return;
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
		frame_set(f, field, 0x020000000000ull | below(4));
		return;
	case FIELD_PKT_LEN:
		frame_set(f, field, 60 + below(1440));
		return;
	default:
		frame_set(f, field, below(field_max(field) + 1));
	}
}

/* Return: whether there can be such a packet. */
static bool choose_packet(struct frame_fields *f)
{
	struct text why = { 0 };
	int err;

	*f = (struct frame_fields){ 0 };
	frame_set(f, FIELD_IN, below(2));
	for (unsigned int n = below(6); n--;)
		set_some(f, below(FIELD_COUNT));
	err = frame_settle(f, &why, NULL);
	text_free(&why);
	return !err;
}

static bool means(const struct policy *p, struct frame_fields *f)
{
	static uint8_t frame[FRAME_MAX];
	const struct eval_env env = {
		.ports = ports, .ports_len = 2, .socket = socket_of, .socket_context = f,
	};
	struct eval_result result;
	bool meets;

	policy_eval(p, &env, 1 + f->value[FIELD_IN], frame, frame_build(f, frame), &result);
	meets = result.rule;
	eval_result_free(&result);
	return meets;
}

static void compare(const struct policy *p, const struct policy_predicate *predicate)
{
	struct rule_list list[2] = { RULE_LIST, RULE_LIST };
	struct lower_names names;
	struct rule_packet packet;
	struct frame_fields f;
	struct diags diags;
	int err = 0;

	diags_init(&diags);
	lower_names_init(&names, p, numbers);
	for (unsigned int negate = 0; negate < 2 && !err; negate++)
		err = lower_predicate(p, &names, predicate, negate, 0, &list[negate], &diags);
	/* What comes to too many boxes is refused in words. */
	if (!diags.errors != !err)
		abort();
	for (unsigned int i = 0; i < PACKETS && !err; i++) {
		bool meets;

		if (!choose_packet(&f))
			continue;
		meets = means(p, &f);
		lower_packet(&names, &f, 0, &packet);
		if ((rule_list_match(&list[0], &packet) != RULES_NONE) != meets ||
		    (rule_list_match(&list[1], &packet) != RULES_NONE) == meets)
			abort();
	}
	rule_list_free(&list[0]);
	rule_list_free(&list[1]);
	lower_names_free(&names);
	diags_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct text text = { 0 };
	struct diags diags;
	struct policy *p;

	input = bytes;
	left = len;
	diags_init(&diags);
	text_put(&text, head);
	put_predicate(&text, 1 + below(5));
	text_put(&text, "; }");
	p = policy_parse_text("text", text.data, text.len, &diags);
	if (!diags.errors)
		compare(p, (*(struct policy_rule **)vec_at(&p->rules, 0))->predicate);
	policy_free(p);
	diags_free(&diags);
	text_free(&text);
	return 0;
}

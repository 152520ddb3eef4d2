// SPDX-License-Identifier: GPL-2.0
/*
 * classbench.c: filter sets of ClassBench's, which have neither actions nor interfaces: what a
 * rule matches is allowed, what none does is dropped, on one port.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "import/chains.h"
#include "rules/classbench.h"

static enum policy_field field_of(const struct rule_test *t, uint8_t protocol)
{
	switch (t->field) {
	case RULES_PROTO:
		return FIELD_IP_PROTO;
	case RULES_SPORT:
		return protocol == 6 ? FIELD_TCP_SRC : protocol == 17 ? FIELD_UDP_SRC : FIELD_L4_SRC;
	case RULES_DPORT:
		return protocol == 6 ? FIELD_TCP_DST : protocol == 17 ? FIELD_UDP_DST : FIELD_L4_DST;
	case RULES_ICMP_TYPE:
		return FIELD_ICMP_TYPE;
	case RULES_ICMP_CODE:
		return FIELD_ICMP_CODE;
	default:
		return FIELD_COUNT;
	}
}

/* Ports of a protocol that has none match nothing here, and every packet there: they are not said. */
static bool has_ports(uint8_t protocol)
{
	return !protocol || protocol == 6 || protocol == 17;
}

static void read_test(struct chains *chains, struct chain_rule *rule, const struct rule_test *t,
		      uint8_t protocol, struct match *match)
{
	enum policy_field field = field_of(t, protocol);
	struct match_test test;

	if (t->field == RULES_TCP_FLAGS) {
		test = match_flags(&chains->arena, t->b, t->a);
	} else if ((t->field == RULES_SPORT || t->field == RULES_DPORT) && !has_ports(protocol)) {
		rule->not_said = "ports of a protocol that has none";
		return;
	} else if (t->kind == RULE_MASK && t->b != 0xff) {
		rule->not_said = "some bits of an ICMP type or code";
		rule->matches = MAY_MATCH;
		return;
	} else if (t->kind == RULE_MASK) {
		test = match_number(&chains->arena, field, t->a);
	} else {
		test = match_numbers(&chains->arena, field, &(struct range){ t->a, t->b }, 1);
	}
	match_with(&chains->arena, *match, &test, match);
}

static void read_rule(struct chains *chains, struct chain *chain, const struct rule *from)
{
	struct text text = { 0 };
	struct chain_rule *rule;
	struct match match = { NULL, 0 };
	uint8_t protocol = 0;

	rule_format(from, &text);
	rule = chains_rule(chains, chain, from->place.line, text_string(&text));
	text_free(&text);
	rule->does = DOES_ACCEPT;
	for (unsigned int side = 0; side < 2; side++) {
		struct match_test test;
		struct prefix *copy;

		if (!from->prefixes[side] || !from->prefix[side]->len)
			continue;
		copy = arena_alloc(&chains->arena, sizeof(*copy));
		*copy = *from->prefix[side];
		test = match_prefixes(&chains->arena, side ? FIELD_IP_DST : FIELD_IP_SRC, copy, 1);
		match_with(&chains->arena, match, &test, &match);
	}
	for (uint32_t i = 0; i < from->tests; i++)
		if (from->test[i].field == RULES_PROTO)
			protocol = from->test[i].a;
	for (uint32_t i = 0; i < from->tests; i++)
		read_test(chains, rule, &from->test[i], protocol, &match);
	*(struct match *)vec_at(&rule->match, 0) = match;
}

int import_classbench(const char *path, const struct import_options *options, struct text *out,
		      struct import_report *report, struct text *error)
{
	static const char head[] = "# %s: a filter set of ClassBench's. It names neither actions nor interfaces:\n"
				   "# what a rule matches is allowed, the rest dropped, on one port.\n";
	struct rule_list list = RULE_LIST;
	struct source source = { 0 };
	struct vec ports = options->ports;
	struct import_port stand_in = { (char *)"lan", (char *)"eth0" };
	struct chains chains;
	struct chain *chain;
	struct text text = { 0 };
	int err = classbench_read(path, &source, &list, error);

	if (err)
		goto out;
	if (!ports.len)
		ports = (struct vec){ &stand_in, 1, 1, sizeof(stand_in) };
	chains_init(&chains);
	chains.family = CHAIN_V4;
	chain = chains_get(&chains, "the set");
	chain->base = chain->drops = true;
	for (size_t i = 0; i < list.rules.len; i++)
		read_rule(&chains, chain, *(struct rule **)vec_at(&list.rules, i));
	text_printf(&text, head, path);
	err = chains_write(&(struct chain_part){ &chains, chain }, 1, options, &ports,
			   text_string(&text), out, report, error);
	text_free(&text);
	chains_free(&chains);
out:
	rule_list_free(&list);
	free(source.name);
	free(source.text);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * predicates.h: predicates at random, as text, for tests.
 *
 * They name the ports wan and lan, and the lets web and us, which are predicates. Values are chosen so
 * that tests are met now and then: of 192.0.2.0/24, 2001:db8::/32 and 02:00:00:00:00:00 to 3.
 * Chance is @seed's, unless who includes this has below() already, and says so by PREDICATES_BELOW.
 */
#ifndef SLUICE_SELFTESTS_PREDICATES_H
#define SLUICE_SELFTESTS_PREDICATES_H

#include <stdint.h>

#include "base/text.h"
#include "policy/field.h"

#ifndef PREDICATES_BELOW
#include "selftests/unit/chance.h"
#endif

static void put_number(struct text *t, enum policy_field f, unsigned int max)
{
	unsigned int pos = 0, skip = below(6);
	const char *word = NULL;

	if (f != FIELD_IP_FRAG && f != FIELD_SOCKET && below(3)) {
		text_printf(t, "%u", below(max + 1));
		return;
	}
	while (skip-- || !word) {
		const char *next = field_word_next(f, &pos);

		if (!next)
			break;
		word = next;
	}
	if (word)
		text_printf(t, "%s", word);
	else
		text_printf(t, "%u", below(max + 1));
}

static void put_value(struct text *t, enum policy_field f)
{
	unsigned int max = field_max(f), a;

	switch (field_kind(f)) {
	case KIND_PORT:
		text_printf(t, "%s", below(2) ? "wan" : "lan");
		return;
	case KIND_MAC:
		text_printf(t, "02:00:00:00:00:%02x", below(4));
		return;
	case KIND_ADDRESS:
		a = below(200);
		if (below(4) == 0) {
			text_printf(t, "192.0.2.%u-192.0.2.%u", a, a + below(56));
			return;
		}
		a = below(33);
		if (below(4))
			text_printf(t, "192.0.2.%u/%u", (below(256) & (a < 24 ? 0 : 0xff00 >> (a - 24))) & 0xff,
				    a < 24 ? 24 : a);
		else
			text_printf(t, below(2) ? "2001:db8::%u" : "2001:db8::/%u", 32 + below(8));
		return;
	case KIND_NUMBER:
		break;
	}
	if (below(4) == 0) {
		a = below(max + 1);
		text_printf(t, "%u-%u", a, a + below(max - a + 1));
	} else {
		put_number(t, f, max);
	}
}

static void put_test(struct text *t)
{
	static const char *const orders[] = { "<", "<=", ">", ">=" };
	enum policy_field f = below(FIELD_COUNT);
	bool number = field_kind(f) == KIND_NUMBER;

	text_printf(t, "%s", policy_field_name(f));
	if (f == FIELD_TCP_FLAGS && below(2))
		text_printf(t, " & (%u|%u)", 1 << below(8), 1 << below(8));
	else if (number && below(4) == 0)
		text_printf(t, " & %u", below(field_max(f) + 1));
	if (number && below(3) == 0) {
		text_printf(t, " %s ", orders[below(4)]);
		put_number(t, f, field_max(f));
	} else if (below(2)) {
		text_printf(t, " %s ", below(2) ? "==" : "!=");
		put_value(t, f);
	} else {
		text_printf(t, " in { ");
		for (unsigned int i = below(4); i; i--) {
			put_value(t, f);
			text_printf(t, ", ");
		}
		put_value(t, f);
		text_printf(t, " }");
	}
}

static void put_predicate(struct text *t, unsigned int depth)
{
	static const char *const words[] = { "ip4", "ip6", "tcp", "udp", "icmp", "igmp", "arp", "web", "us" };

	switch (depth ? below(6) : 5) {
	case 0:
	case 1:
		text_printf(t, "(");
		put_predicate(t, depth - 1);
		text_printf(t, below(2) ? " and " : " or ");
		put_predicate(t, depth - 1);
		text_printf(t, ")");
		break;
	case 2:
		text_printf(t, "not ");
		put_predicate(t, depth - 1);
		break;
	case 3:
		text_printf(t, "%s", words[below(9)]);
		break;
	default:
		put_test(t);
	}
}

#endif

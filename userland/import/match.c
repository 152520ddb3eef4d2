// SPDX-License-Identifier: GPL-2.0
#include "import/match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/vec.h"
#include "policy/field.h"

/* ---- tests --------------------------------------------------------------------------- */

static bool is_address(enum policy_field field)
{
	return field == FIELD_IP_SRC || field == FIELD_IP_DST;
}

struct match_test match_prefixes(struct arena *arena, enum policy_field field,
				 const struct prefix *prefix, uint32_t n)
{
	return (struct match_test){ .field = field, .prefixes = prefixes_make(arena, prefix, n) };
}

struct match_test match_numbers(struct arena *arena, enum policy_field field,
				const struct range *range, uint32_t n)
{
	struct range *out = arena_alloc(arena, n * sizeof(*out));

	if (n)
		memcpy(out, range, n * sizeof(*out));
	return (struct match_test){ .field = field, .range = out, .ranges = ranges_join(out, n) };
}

struct match_test match_number(struct arena *arena, enum policy_field field, uint64_t number)
{
	return match_numbers(arena, field, &(struct range){ number, number }, 1);
}

struct match_test match_flags(struct arena *arena, uint8_t mask, uint8_t value)
{
	struct match_test test = match_number(arena, FIELD_TCP_FLAGS, value);

	test.mask = mask;
	return test;
}

/* From the front, the largest prefix that begins there and does not reach behind the end. */
struct match_test match_range(struct arena *arena, enum policy_field field, const struct addr *first,
			      const struct addr *last)
{
	struct vec prefixes = VEC(struct prefix);
	unsigned int bits = addr_bits(first->family);
	struct addr at = *first;
	struct match_test test;

	while (addr_cmp(&at, last) <= 0) {
		struct prefix p = { at, bits };
		struct addr end = at;
		int i;

		while (p.len && !addr_bit(&at, p.len - 1)) {
			end.bytes[(p.len - 1) >> 3] |= 0x80 >> ((p.len - 1) & 7);
			if (addr_cmp(&end, last) > 0) {
				end.bytes[(p.len - 1) >> 3] &= ~(0x80 >> ((p.len - 1) & 7));
				break;
			}
			p.len--;
		}
		vec_append(&prefixes, &p);
		at = end;
		for (i = bits / 8 - 1; i >= 0 && !++at.bytes[i]; i--)
			;
		if (i < 0)
			break;
	}
	test = match_prefixes(arena, field, prefixes.data, prefixes.len);
	/* The set may be the very array it was made of. */
	test.prefixes.prefix = memcpy(arena_alloc(arena, test.prefixes.len * sizeof(struct prefix)),
				      test.prefixes.prefix, test.prefixes.len * sizeof(struct prefix));
	vec_free(&prefixes);
	return test;
}

/* ---- what tests say of each other ------------------------------------------------------- */

static bool ranges_meet(const struct match_test *a, const struct match_test *b)
{
	for (uint32_t i = 0, j = 0; i < a->ranges && j < b->ranges;) {
		if (a->range[i].last < b->range[j].first)
			i++;
		else if (b->range[j].last < a->range[i].first)
			j++;
		else
			return true;
	}
	return false;
}

static bool ranges_within(const struct match_test *a, const struct match_test *b)
{
	for (uint32_t i = 0; i < a->ranges; i++) {
		bool in = false;

		for (uint32_t j = 0; j < b->ranges && !in; j++)
			in = b->range[j].first <= a->range[i].first && a->range[i].last <= b->range[j].last;
		if (!in)
			return false;
	}
	return true;
}

static bool values_meet(const struct match_test *a, const struct match_test *b)
{
	return is_address(a->field) ? prefixes_meet(a->prefixes, b->prefixes) : ranges_meet(a, b);
}

static bool values_within(const struct match_test *a, const struct match_test *b)
{
	return is_address(a->field) ? prefixes_within(a->prefixes, b->prefixes) : ranges_within(a, b);
}

enum relation { APART, WITHIN, OTHER };	/* WITHIN: what meets a meets b */

static enum relation relation_flags(const struct match_test *a, const struct match_test *b)
{
	uint8_t x = a->range->first, y = b->range->first, both = a->mask & b->mask;
	bool same = a->mask == b->mask && x == y;

	if (a->unequal || b->unequal)
		return !same ? OTHER : a->unequal == b->unequal ? WITHIN : APART;
	if ((x ^ y) & both)
		return APART;
	return b->mask & ~a->mask ? OTHER : WITHIN;
}

static enum relation relation(const struct match_test *a, const struct match_test *b)
{
	if (a->word || b->word) {
		if (!a->word || !b->word || strcmp(a->word, b->word))
			return OTHER;
		return a->unequal == b->unequal ? WITHIN : APART;
	}
	if (a->field != b->field)
		return OTHER;
	if (a->field == FIELD_TCP_FLAGS)
		return relation_flags(a, b);
	if (a->unequal && b->unequal)
		return values_within(b, a) ? WITHIN : OTHER;
	if (a->unequal)
		return values_within(b, a) ? APART : OTHER;
	if (b->unequal)
		return values_within(a, b) ? APART : values_meet(a, b) ? OTHER : WITHIN;
	return !values_meet(a, b) ? APART : values_within(a, b) ? WITHIN : OTHER;
}

bool match_with(struct arena *arena, struct match match, const struct match_test *test,
		struct match *out)
{
	struct match_test *copy;
	uint32_t len = 0;

	for (uint32_t i = 0; i < match.tests; i++) {
		enum relation r = relation(&match.test[i], test);

		if (r == APART)
			return false;
		if (r == WITHIN) {
			*out = match;
			return true;
		}
	}
	copy = arena_alloc(arena, (match.tests + 1) * sizeof(*copy));
	for (uint32_t i = 0; i < match.tests; i++)
		if (relation(test, &match.test[i]) != WITHIN)
			copy[len++] = match.test[i];
	copy[len++] = *test;
	*out = (struct match){ copy, len };
	return true;
}

bool match_both(struct arena *arena, struct match a, struct match b, struct match *out)
{
	for (uint32_t i = 0; i < b.tests; i++)
		if (!match_with(arena, a, &b.test[i], &a))
			return false;
	*out = a;
	return true;
}

struct match match_without(struct arena *arena, struct match match, struct match known)
{
	struct match_test *copy = arena_alloc(arena, match.tests * sizeof(*copy));
	uint32_t len = 0;

	for (uint32_t i = 0; i < match.tests; i++) {
		bool holds = false;

		for (uint32_t j = 0; j < known.tests && !holds; j++)
			holds = relation(&known.test[j], &match.test[i]) == WITHIN;
		if (!holds)
			copy[len++] = match.test[i];
	}
	return (struct match){ copy, len };
}

bool match_equal(struct match a, struct match b)
{
	if (a.tests != b.tests)
		return false;
	for (uint32_t i = 0; i < a.tests; i++)
		if (relation(&a.test[i], &b.test[i]) != WITHIN || relation(&b.test[i], &a.test[i]) != WITHIN)
			return false;
	return true;
}

/* ---- as text ------------------------------------------------------------------------------ */

static void print_number(enum policy_field field, uint64_t number, const char *const *ports,
			 struct text *out)
{
	if (field == FIELD_IN)
		text_printf(out, "%s", ports[number]);
	else
		field_print(NULL, field, number, out);
}

static void print_range(enum policy_field field, struct range r, const char *const *ports,
			struct text *out)
{
	if (r.first == r.last || field == FIELD_IN) {
		print_number(field, r.first, ports, out);
		/* Names have no ranges. */
		while (r.first++ < r.last) {
			text_printf(out, ", ");
			print_number(field, r.first, ports, out);
		}
	} else if (field_kind(field) == KIND_MAC) {
		print_number(field, r.first, ports, out);
		text_printf(out, "-");
		print_number(field, r.last, ports, out);
	} else {
		text_printf(out, "%" PRIu64 "-%" PRIu64, r.first, r.last);
	}
}

static void print_prefixes(const struct match_test *t, struct text *out)
{
	const char *name = policy_field_name(t->field);
	char buf[PREFIX_STRLEN];

	if (!t->unequal && t->prefixes.len > 1) {
		text_printf(out, "%s in { ", name);
		for (uint32_t i = 0; i < t->prefixes.len; i++)
			text_printf(out, "%s%s", i ? ", " : "",
				    prefix_format_short(&t->prefixes.prefix[i], buf));
		text_printf(out, " }");
		return;
	}
	for (uint32_t i = 0; i < t->prefixes.len; i++)
		text_printf(out, "%s%s %s %s", i ? " and " : "", name, t->unequal ? "!=" : "==",
			    prefix_format_short(&t->prefixes.prefix[i], buf));
}

/* Of ranges that are not one number, "unequal" is the ranges between them. */
static void print_numbers(const struct match_test *t, const char *const *ports, struct text *out)
{
	const char *name = policy_field_name(t->field);
	bool single = t->ranges == 1 && t->range->first == t->range->last;
	struct vec said = VEC(struct range);

	if (single) {
		text_printf(out, "%s %s ", name, t->unequal ? "!=" : "==");
		print_number(t->field, t->range->first, ports, out);
		return;
	}
	if (t->unequal && t->field != FIELD_IN)
		ranges_others(t->range, t->ranges, field_max(t->field), &said);
	for (uint32_t i = 0; i < t->ranges && (!t->unequal || t->field == FIELD_IN); i++)
		vec_append(&said, &t->range[i]);
	if (t->field == FIELD_IN && t->unequal)
		text_printf(out, "not (");
	text_printf(out, "%s in { ", name);
	for (size_t i = 0; i < said.len; i++) {
		text_printf(out, "%s", i ? ", " : "");
		print_range(t->field, *(struct range *)vec_at(&said, i), ports, out);
	}
	text_printf(out, " }%s", t->field == FIELD_IN && t->unequal ? ")" : "");
	vec_free(&said);
}

static void print_flags(const struct match_test *t, struct text *out)
{
	text_printf(out, "tcp.flags & (");
	field_print(NULL, FIELD_TCP_FLAGS, t->mask, out);
	text_printf(out, ") %s ", t->unequal ? "!=" : "==");
	field_print(NULL, FIELD_TCP_FLAGS, t->range->first, out);
}

static bool is(const struct match_test *t, enum policy_field field, uint64_t number)
{
	return !t->word && t->field == field && !t->unequal && t->ranges == 1 &&
	       t->range->first == number && t->range->last == number;
}

/* Whether another test demands the same protocol. */
static bool protocol_is_told(struct match match, const struct match_test *protocol)
{
	for (uint32_t i = 0; i < match.tests; i++) {
		const struct match_test *t = &match.test[i];

		if (t->word)
			continue;
		if (is(protocol, FIELD_IP_PROTO, 6) && (t->field == FIELD_TCP_SRC ||
		    t->field == FIELD_TCP_DST || t->field == FIELD_TCP_FLAGS))
			return true;
		if (is(protocol, FIELD_IP_PROTO, 17) &&
		    (t->field == FIELD_UDP_SRC || t->field == FIELD_UDP_DST))
			return true;
		if ((is(protocol, FIELD_IP_PROTO, 1) || is(protocol, FIELD_IP_PROTO, 58)) &&
		    (t->field == FIELD_ICMP_TYPE || t->field == FIELD_ICMP_CODE))
			return true;
	}
	return false;
}

static void print_test(const struct match_test *t, const char *const *ports, struct text *out)
{
	if (t->word)
		text_printf(out, "%s%s", t->unequal ? "not " : "", t->word);
	else if (is_address(t->field))
		print_prefixes(t, out);
	else if (t->field == FIELD_TCP_FLAGS)
		print_flags(t, out);
	else if (is(t, FIELD_IP_PROTO, 6) || is(t, FIELD_IP_PROTO, 17))
		text_printf(out, is(t, FIELD_IP_PROTO, 6) ? "tcp" : "udp");
	else if (is(t, FIELD_ETH_TYPE, 0x0800) || is(t, FIELD_ETH_TYPE, 0x86dd))
		text_printf(out, is(t, FIELD_ETH_TYPE, 0x0800) ? "ip4" : "ip6");
	else
		print_numbers(t, ports, out);
}

void match_print(struct match match, const char *const *ports, struct text *out)
{
	const char *and = "";

	for (uint32_t i = 0; i < match.tests; i++) {
		const struct match_test *t = &match.test[i];

		if (!t->word && t->field == FIELD_IP_PROTO && protocol_is_told(match, t))
			continue;
		text_printf(out, "%s", and);
		print_test(t, ports, out);
		and = " and ";
	}
}

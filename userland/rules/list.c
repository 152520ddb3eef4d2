// SPDX-License-Identifier: GPL-2.0
/*
 * list.c: rules, packets, and what a list of rules means: the first that matches wins.
 *
 * rule_list_match() is what the tables are compared with. It is written to be believed
 * by reading, and knows nothing of classes, planes or cells.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

static const struct {
	const char *name;
	uint32_t values;
} fields[] = {
#define X(field, values, name) [RULES_##field] = { name, values },
	RULES_FIELDS(X)
#undef X
};

const char *rules_field_name(enum rules_field field)
{
	return fields[field].name;
}

uint32_t rules_field_values(enum rules_field field)
{
	return fields[field].values;
}

/* ---- meaning ------------------------------------------------------------- */

static bool family_matches(const struct rule *rule, const struct rule_packet *packet)
{
	switch (packet->addr[RULE_SOURCE].family) {
	case ADDR_V4:
		return rule->families & RULE_IP4;
	case ADDR_V6:
		return rule->families & RULE_IP6;
	default:
		return rule->families & RULE_NOT_IP;
	}
}

static bool address_matches(const struct rule *rule, enum rule_side side,
			    const struct rule_packet *packet)
{
	if (!rule->prefixes[side])
		return true;
	for (uint32_t i = 0; i < rule->prefixes[side]; i++)
		if (prefix_covers(&rule->prefix[side][i], &packet->addr[side]))
			return true;
	return false;
}

static bool test_holds(const struct rule_test *test, uint16_t value)
{
	if (test->kind == RULE_MASK)
		return (value & test->b) == test->a;
	return test->a <= value && value <= test->b;
}

static bool field_matches(const struct rule *rule, unsigned int field, uint16_t value)
{
	bool tested = false;

	for (uint32_t i = 0; i < rule->tests; i++) {
		if (rule->test[i].field != field)
			continue;
		if (test_holds(&rule->test[i], value))
			return true;
		tested = true;
	}
	return !tested;
}

bool rule_matches(const struct rule *rule, const struct rule_packet *packet)
{
	if (!family_matches(rule, packet) || !address_matches(rule, RULE_SOURCE, packet) ||
	    !address_matches(rule, RULE_DESTINATION, packet))
		return false;
	for (unsigned int field = 0; field < RULES_FIELD_COUNT; field++)
		if (!field_matches(rule, field, packet->field[field]))
			return false;
	return true;
}

uint32_t rule_list_match(const struct rule_list *list, const struct rule_packet *packet)
{
	for (size_t i = 0; i < list->rules.len; i++)
		if (rule_matches(*(struct rule **)vec_at(&list->rules, i), packet))
			return i;
	return RULES_NONE;
}

/* ---- lists --------------------------------------------------------------- */

static bool test_is_sound(const struct rule_test *t)
{
	if (t->field >= RULES_FIELD_COUNT || t->a >= fields[t->field].values ||
	    t->b >= fields[t->field].values)
		return false;
	switch (t->kind) {
	case RULE_RANGE:
		return t->a <= t->b;
	case RULE_MASK:
		return !(t->a & ~t->b);
	default:
		return false;
	}
}

static bool is_sound(const struct rule *rule)
{
	if (!rule->families || rule->families & ~RULE_ALL)
		return false;
	for (unsigned int side = 0; side < 2; side++) {
		for (uint32_t i = 0; i < rule->prefixes[side]; i++) {
			const struct prefix *p = &rule->prefix[side][i];
			struct prefix canonical;

			if ((p->addr.family != ADDR_V4 && p->addr.family != ADDR_V6) ||
			    p->len > addr_bits(p->addr.family))
				return false;
			canonical = prefix_canonical(*p);
			if (!prefix_equal(p, &canonical))
				return false;
		}
	}
	for (uint32_t i = 0; i < rule->tests; i++)
		if (!test_is_sound(&rule->test[i]))
			return false;
	return true;
}

struct rule *rule_copy(const struct rule *rule)
{
	size_t tests = rule->tests * sizeof(*rule->test);
	size_t prefixes[2];
	struct rule *copy;
	char *p;

	if (!is_sound(rule))
		return NULL;
	for (unsigned int side = 0; side < 2; side++)
		prefixes[side] = rule->prefixes[side] * sizeof(struct prefix);
	copy = xcalloc(1, sizeof(*copy) + tests + prefixes[0] + prefixes[1]);
	*copy = *rule;
	p = (char *)(copy + 1);
	if (tests)
		memcpy(p, rule->test, tests);
	copy->test = (struct rule_test *)p;
	p += tests;
	for (unsigned int side = 0; side < 2; side++) {
		if (prefixes[side])
			memcpy(p, rule->prefix[side], prefixes[side]);
		copy->prefix[side] = (struct prefix *)p;
		p += prefixes[side];
	}
	return copy;
}

void rule_free(struct rule *rule)
{
	free(rule);
}

int rule_list_add(struct rule_list *list, const struct rule *rule)
{
	struct rule *copy = rule_copy(rule);

	if (!copy)
		return -EINVAL;
	vec_append(&list->rules, &copy);
	return 0;
}

void rule_list_free(struct rule_list *list)
{
	for (size_t i = 0; i < list->rules.len; i++)
		rule_free(*(struct rule **)vec_at(&list->rules, i));
	vec_free(&list->rules);
}

/* ---- text ---------------------------------------------------------------- */

static void format_side(const struct rule *rule, enum rule_side side, struct text *out)
{
	char buf[PREFIX_STRLEN];

	if (!rule->prefixes[side])
		return;
	text_printf(out, "%sip.%s", out->len ? " " : "", side == RULE_SOURCE ? "src" : "dst");
	for (uint32_t i = 0; i < rule->prefixes[side]; i++)
		text_printf(out, "%c%s", i ? ',' : '=', prefix_format(&rule->prefix[side][i], buf));
}

void rule_format(const struct rule *rule, struct text *out)
{
	static const char *const families[] = { "not-ip", "ip4", "ip6" };

	if (rule->families != RULE_ALL)
		for (unsigned int i = 0; i < 3; i++)
			if (rule->families & 1u << i)
				text_printf(out, "%s%s", out->len ? " " : "", families[i]);
	format_side(rule, RULE_SOURCE, out);
	format_side(rule, RULE_DESTINATION, out);
	for (uint32_t i = 0; i < rule->tests; i++) {
		const struct rule_test *t = &rule->test[i];

		text_printf(out, "%s%s", out->len ? " " : "", fields[t->field].name);
		if (t->kind == RULE_MASK)
			text_printf(out, "&0x%x=0x%x", t->b, t->a);
		else if (t->a == t->b)
			text_printf(out, "=%u", t->a);
		else
			text_printf(out, "=%u-%u", t->a, t->b);
	}
	if (!out->len)
		text_printf(out, "any");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * diagram_list.c: the first match of a rule list as a diagram.
 *
 * Each rule is a box: a chain of tests, a mark at its end. "The first of these, else the first of
 * those" is associative, so the list is folded by halves: what is made on the way is then n log n,
 * where one rule after the other would copy the top nodes, with all their edges, n times.
 */
#include "analyse/diagram.h"

#include <string.h>

struct dd_space *diagram_list_space(size_t budget)
{
	struct dd_field fields[LIST_FIELD_COUNT] = {
		[LIST_FAMILY] = { "family", 2 },
		[LIST_SRC4] = { "ip4.src", UINT32_MAX }, [LIST_DST4] = { "ip4.dst", UINT32_MAX },
		[LIST_SRC6] = { "ip6.src", ~(dd_value)0 }, [LIST_DST6] = { "ip6.dst", ~(dd_value)0 },
	};

	for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++) {
		fields[LIST_FIELD + i].name = rules_field_name(i);
		fields[LIST_FIELD + i].last = rules_field_values(i) - 1;
	}
	return dd_space_new(fields, LIST_FIELD_COUNT, budget);
}

/* ---- packets --------------------------------------------------------- */

static dd_value number_of(const struct addr *a)
{
	dd_value v = 0;

	for (unsigned int i = 0; i < addr_bits(a->family) / 8; i++)
		v = v << 8 | a->bytes[i];
	return v;
}

static struct addr address_of(enum addr_family family, dd_value v)
{
	struct addr a = { .family = family };

	for (unsigned int i = addr_bits(family) / 8; i-- > 0; v >>= 8)
		a.bytes[i] = v;
	return a;
}

static const struct {
	enum addr_family family;
	uint8_t rule;			/* RULE_IP4 ... */
	unsigned int side[2];
} families[] = {
	{ ADDR_NONE, RULE_NOT_IP, { 0, 0 } },
	{ ADDR_V4, RULE_IP4, { LIST_SRC4, LIST_DST4 } },
	{ ADDR_V6, RULE_IP6, { LIST_SRC6, LIST_DST6 } },
};

void diagram_list_values(const struct rule_packet *packet, dd_value *values)
{
	memset(values, 0, LIST_FIELD_COUNT * sizeof(*values));
	for (unsigned int i = 1; i < 3; i++) {
		if (packet->addr[RULE_SOURCE].family != families[i].family)
			continue;
		values[LIST_FAMILY] = i;
		for (unsigned int side = 0; side < 2; side++)
			values[families[i].side[side]] = number_of(&packet->addr[side]);
	}
	for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++)
		values[LIST_FIELD + i] = packet->field[i];
}

void diagram_list_packet(const dd_value *values, struct rule_packet *packet)
{
	unsigned int family = values[LIST_FAMILY];

	*packet = (struct rule_packet){ 0 };
	for (unsigned int side = 0; family && side < 2; side++)
		packet->addr[side] = address_of(families[family].family,
						values[families[family].side[side]]);
	for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++)
		packet->field[i] = values[LIST_FIELD + i];
}

/* ---- rules ----------------------------------------------------------- */

/*
 * The values of a test by mask: a run for the bits below the mask's lowest, again for each free bit
 * above.
 */
static void add_masked(struct vec *ranges, const struct rule_test *t, uint32_t values)
{
	uint32_t run = t->b ? t->b & -(uint32_t)t->b : values;
	uint32_t free_bits = (values - 1) & ~t->b & ~(run - 1), more = 0;

	do {
		struct dd_range *r = vec_push(ranges);

		r->first = t->a | more;
		r->last = r->first + run - 1;
		more = (more - free_bits) & free_bits;
	} while (more);
}

/* The tests of one field, in front of @rest. */
static const struct dd *test_field(struct dd_space *s, const struct rule *rule, unsigned int field,
				   const struct dd *rest)
{
	struct vec ranges = VEC(struct dd_range);
	const struct dd *p;

	for (uint32_t i = 0; i < rule->tests; i++) {
		const struct rule_test *t = &rule->test[i];
		struct dd_range r = { t->a, t->b };

		if (t->field != field)
			continue;
		if (t->kind == RULE_RANGE)
			vec_append(&ranges, &r);
		else
			add_masked(&ranges, t, rules_field_values(field));
	}
	if (!ranges.len)
		return rest;
	p = dd_test_ranges(s, LIST_FIELD + field, ranges.data, ranges.len);
	vec_free(&ranges);
	return dd_if(s, p, rest, dd_none(s));
}

/* The prefixes of one side, in front of @rest, for packets of @family. */
static const struct dd *test_side(struct dd_space *s, const struct rule *rule, unsigned int side,
				  unsigned int family, const struct dd *rest)
{
	struct vec ranges = VEC(struct dd_range);
	const struct dd *p;

	if (!rule->prefixes[side])
		return rest;
	for (uint32_t i = 0; i < rule->prefixes[side]; i++) {
		const struct prefix *x = &rule->prefix[side][i];
		unsigned int free_bits = addr_bits(x->addr.family) - x->len;
		struct dd_range r;

		if (x->addr.family != families[family].family)
			continue;
		r.first = number_of(&x->addr);
		r.last = free_bits == 128 ? ~(dd_value)0 :
			 r.first | (((dd_value)1 << free_bits) - 1);
		vec_append(&ranges, &r);
	}
	p = ranges.len ? dd_test_ranges(s, families[family].side[side], ranges.data, ranges.len) :
			 dd_none(s);
	vec_free(&ranges);
	return dd_if(s, p, rest, dd_none(s));
}

/* The rule's box, with @end behind it. */
static const struct dd *box(struct dd_space *s, const struct rule *rule, const struct dd *end)
{
	const struct dd *fields = end, *all = dd_none(s);

	for (unsigned int i = RULES_FIELD_COUNT; i-- > 0; )
		fields = test_field(s, rule, i, fields);
	for (unsigned int i = 0; i < 3; i++) {
		const struct dd *d = fields;

		if (!(rule->families & families[i].rule))
			continue;
		d = test_side(s, rule, RULE_DESTINATION, i, d);
		d = test_side(s, rule, RULE_SOURCE, i, d);
		all = dd_if(s, dd_test(s, LIST_FAMILY, i, i), d, all);
	}
	return all;
}

const struct dd *diagram_of_rule(struct dd_space *s, const struct rule *rule)
{
	return box(s, rule, dd_all(s));
}

static const struct dd *first_of(struct dd_space *s, const struct rule_list *list, size_t from,
				 size_t to, diagram_mark_fn *mark, void *context)
{
	const struct rule *rule;
	const struct dd *front;
	size_t half = from + (to - from) / 2;

	if (from == to)
		return dd_none(s);
	if (to - from == 1) {
		rule = *(struct rule **)vec_at(&list->rules, from);
		return box(s, rule, dd_mark(s, mark ? mark(context, rule, from) : from));
	}
	front = first_of(s, list, from, half, mark, context);
	return front ? dd_first(s, front, first_of(s, list, half, to, mark, context)) : NULL;
}

const struct dd *diagram_of_list(struct dd_space *s, const struct rule_list *list,
				 diagram_mark_fn *mark, void *context)
{
	return first_of(s, list, 0, list->rules.len, mark, context);
}

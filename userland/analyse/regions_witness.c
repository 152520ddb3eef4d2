// SPDX-License-Identifier: GPL-2.0
/* regions_witness.c: a packet of the region that was found. */
#include "analyse/regions_inside.h"

/* The least value of @field that has class @class. */
static uint16_t value_of(const struct service_step *s, uint32_t class)
{
	uint32_t values = rules_field_values(s->field);

	for (uint32_t v = 0; v < values; v++)
		if (s->classes[v] == class)
			return v;
	return 0;
}

/* Values of the tested fields: the combinations of a group undone, the last one first. */
static uint32_t undo_classes(const struct regions *r, struct rule_packet *p)
{
	const struct services *s = &r->services;
	uint32_t tested = 0;

	for (unsigned int g = 0; g < r->groups; g++) {
		uint32_t class = r->class[g];

		for (unsigned int i = s->steps; i-- > 0;) {
			const struct service_step *st = &s->step[i];
			uint32_t own = class;

			if (st->group != g)
				continue;
			if (st->combined) {
				for (size_t at = 0; at < st->combined_len; at++) {
					if (st->combined[at] != class)
						continue;
					class = at / st->width;
					own = at % st->width;
					break;
				}
			}
			p->field[st->field] = value_of(st, own);
			tested |= 1u << st->field;
		}
	}
	return tested;
}

static uint16_t least_of(const struct rule *rule, unsigned int field)
{
	uint32_t least = rules_field_values(field);
	bool any = true;

	for (uint32_t i = 0; i < rule->tests; i++) {
		if (rule->test[i].field != field)
			continue;
		any = false;
		if (rule->test[i].a < least)
			least = rule->test[i].a;
	}
	return any ? 0 : least;
}

/* Fields that no rule tests, as a packet that can be has them. */
static void fill_untested(const struct regions *r, uint32_t tested, struct rule_packet *p)
{
	for (size_t i = 0; i < r->possible.len; i++) {
		const struct rule *rule = *(struct rule **)vec_at(&r->possible, i);
		struct rule_packet filled = *p;

		for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
			if (!(tested >> f & 1))
				filled.field[f] = least_of(rule, f);
		if (rule_matches(rule, &filled)) {
			*p = filled;
			return;
		}
	}
}

/* The next address of a node behind its free one that is in no longer prefix. Return: whether there is one. */
static bool next_own(const struct region_side *s, uint32_t n, struct addr *address)
{
	const struct region_node *node = &s->node[n];
	struct prefix one = { node->free, addr_bits(node->free.family) };
	struct addr a;
	bool more = prefix_behind(&one, &a);

	for (uint32_t kid = n + 1; more && kid < n + node->size; kid += s->node[kid].size) {
		const struct prefix *p = &s->node[kid].prefix;

		if (prefix_covers(p, &a))
			more = prefix_behind(p, &a);
		else if (addr_cmp(&p->addr, &a) > 0)
			break;
	}
	if (!more || !prefix_covers(&node->prefix, &a))
		return false;
	*address = a;
	return true;
}

/* A set may have the one address and not the other: they are not the same, if that can be. */
static void part_addresses(const struct regions *r, struct rule_packet *p)
{
	for (unsigned int side = 2; side-- > 0 && addr_equal(&p->addr[0], &p->addr[1]);)
		next_own(&r->side[side], r->found[side], &p->addr[side]);
}

void region_witness(struct regions *r, struct rule_packet *p)
{
	*p = (struct rule_packet){ 0 };
	for (unsigned int side = 0; side < 2; side++)
		p->addr[side] = r->side[side].node[r->found[side]].free;
	fill_untested(r, undo_classes(r, p), p);
	if (p->field[RULES_SETS] && p->addr[0].family != ADDR_NONE)
		part_addresses(r, p);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * core_plain.c: an expression without sugar: what is left is drop, id, tests of one value (a range, a
 * prefix), ~, :=, route, marks, ";" and "+".
 *
 *	if p then a else b	p; a + ~p; b		where a or b is id or drop, less
 *	f = {x, y}		f = x + f = y
 *	f != x			f = 0-max; ~(f = x)
 *
 * Of a list of rules the last "else" is rewritten first: what stands in front of it is kept aside.
 */
#include <string.h>

#include "policy/core_build.h"
#include "policy/field.h"

static const struct core_expression *plain(struct core *core, const struct core_expression *e);

static struct core_expression *test_one(struct core *core, const struct core_expression *e, size_t i)
{
	struct core_expression *one = core_node(core, CORE_TEST);

	one->field = e->field;
	one->values = 1;
	if (e->prefixes)
		one->prefixes = &e->prefixes[i];
	else
		one->ranges = &e->ranges[i];
	return one;
}

/* Ports have names, and no ranges: one test each. */
static void add_tests(struct core *core, const struct core_expression *e, size_t i, struct vec *sum)
{
	const struct core_expression *one = test_one(core, e, i);
	struct core_expression *port;
	struct range *r;

	if ((e->field != FIELD_IN && e->field != CORE_OUT) || e->ranges[i].first == e->ranges[i].last) {
		vec_append(sum, &one);
		return;
	}
	for (uint64_t v = e->ranges[i].first; v <= e->ranges[i].last; v++) {
		r = arena_alloc(&core->arena, sizeof(*r));
		*r = (struct range){ v, v };
		port = core_test_ranges(core, e->field, r, 1);
		vec_append(sum, &port);
	}
}

static const struct core_expression *plain_test(struct core *core, const struct core_expression *e)
{
	struct vec sum = VEC(const struct core_expression *);
	const struct core_expression *out;
	uint64_t mask, value;

	/* A test of single bits is as plain as can be. */
	if (core_is_masked(e, &mask, &value))
		return core_test_ranges(core, e->field, e->ranges, e->values);
	for (size_t i = 0; i < e->values; i++)
		add_tests(core, e, i, &sum);
	out = core_join(core, CORE_SUM, &sum);
	vec_free(&sum);
	return out;
}

/* The packet has the field: any value will do. */
static const struct core_expression *has_field(struct core *core, unsigned int field)
{
	static const struct prefix any[] = { { .addr = { .family = ADDR_V4 } },
					     { .addr = { .family = ADDR_V6 } } };
	struct core_expression all = { .field = field, .values = 1 };
	struct range *r = arena_alloc(&core->arena, 2 * sizeof(*r));

	all.ranges = r;
	r[1] = (struct range){ CORE_HOST, CORE_HOST };
	if (field < FIELD_COUNT && field_kind(field) == KIND_ADDRESS) {
		all.ranges = NULL;
		all.prefixes = any;
		all.values = 2;
	} else if (field == FIELD_IN || field == CORE_OUT) {
		if (!core->ports.len)
			all.ranges++;
		else
			r[0].last = core->ports.len - 1;
		all.values = field == CORE_OUT && core->ports.len ? 2 : 1;
	} else {
		r[0].last = field_max(field);
	}
	return plain_test(core, &all);
}

static const struct core_expression *plain_if(struct core *core, const struct core_expression *p,
					      const struct core_expression *a,
					      const struct core_expression *b)
{
	struct vec sum = VEC(const struct core_expression *);
	const struct core_expression *e;

	if (a->kind != CORE_DROP) {
		e = a->kind == CORE_ID ? p : core_pair(core, CORE_SEQUENCE, p, a);
		vec_append(&sum, &e);
	}
	if (b->kind != CORE_DROP) {
		e = core_not(core, p);
		if (b->kind != CORE_ID)
			e = core_pair(core, CORE_SEQUENCE, e, b);
		vec_append(&sum, &e);
	}
	e = core_join(core, CORE_SUM, &sum);
	vec_free(&sum);
	return e;
}

static const struct core_expression *plain_kids(struct core *core, const struct core_expression *e)
{
	struct vec kids = VEC(const struct core_expression *);
	const struct core_expression *out;

	for (size_t i = 0; i < e->kids; i++) {
		const struct core_expression *kid = plain(core, e->kid[i]);

		vec_append(&kids, &kid);
	}
	out = core_join(core, e->kind, &kids);
	vec_free(&kids);
	return out;
}

/* The steps of the sequence @e, or the "if" @e, with another end. */
static const struct core_expression *put_in_front(struct core *core, const struct core_expression *e,
						  const struct core_expression *end)
{
	struct vec kids = VEC(const struct core_expression *);
	const struct core_expression *out;

	if (e->kind == CORE_IF)
		return plain_if(core, plain(core, e->kid[0]), plain(core, e->kid[1]), end);
	for (size_t i = 0; i + 1 < e->kids; i++) {
		const struct core_expression *kid = plain(core, e->kid[i]);

		vec_append(&kids, &kid);
	}
	vec_append(&kids, &end);
	out = core_join(core, CORE_SEQUENCE, &kids);
	vec_free(&kids);
	return out;
}

static const struct core_expression *plain(struct core *core, const struct core_expression *e)
{
	struct vec fronts = VEC(const struct core_expression *);

	while (e->kind == CORE_IF || e->kind == CORE_SEQUENCE) {
		vec_append(&fronts, &e);
		e = e->kid[e->kids - 1];
	}
	if (e->kind == CORE_SUM) {
		e = plain_kids(core, e);
	} else if (e->kind == CORE_NOT) {
		e = core_not(core, plain(core, e->kid[0]));
	} else if (e->kind == CORE_TEST) {
		const struct core_expression *test = plain_test(core, e);

		e = e->unequal ? core_pair(core, CORE_SEQUENCE, has_field(core, e->field),
					   core_not(core, test)) : test;
	}
	for (; fronts.len; vec_pop(&fronts))
		e = put_in_front(core, *(const struct core_expression **)
				 vec_at(&fronts, fronts.len - 1), e);
	vec_free(&fronts);
	return e;
}

struct core *core_plain(const struct core *from)
{
	struct core *core = core_new();

	for (size_t i = 0; i < from->ports.len; i++)
		vec_append(&core->ports, vec_at(&from->ports, i));
	core->root = plain(core, from->root);
	return core;
}

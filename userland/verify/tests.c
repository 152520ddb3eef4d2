// SPDX-License-Identifier: GPL-2.0
#include "verify/tests.h"

#include <string.h>

#include "base/table.h"

/* The search under way. */
struct finding {
	struct tests *out;
	struct table names;	/* const struct policy_predicate *, what a name stands for -> uint8_t */
	struct table known;	/* struct content -> const struct policy_predicate *: the first that has it */
};

/* What a test's values come to; others may, too, and are compared. */
struct content {
	uint64_t hash;
	uint64_t field;
};

enum policy_field tests_field(enum policy_field field)
{
	switch (field) {
	case FIELD_TCP_SRC:
	case FIELD_UDP_SRC:
		return FIELD_L4_SRC;
	case FIELD_TCP_DST:
	case FIELD_UDP_DST:
		return FIELD_L4_DST;
	default:
		return field;
	}
}

static const struct vec *values_of(const struct policy_predicate *t)
{
	return t->field == FIELD_IP_SRC || t->field == FIELD_IP_DST ? &t->prefixes : &t->ranges;
}

static bool same_values(const struct policy_predicate *a, const struct policy_predicate *b)
{
	const struct vec *x = values_of(a), *y = values_of(b);

	return x->len == y->len && (!x->len || !memcmp(x->data, y->data, x->len * x->elem_size));
}

static void take_test(struct finding *f, const struct policy_predicate *t)
{
	const struct vec *values = values_of(t);
	enum policy_field field = tests_field(t->field);
	const struct content content = { hash_bytes(values->data, values->len * values->elem_size), field };
	const struct policy_predicate **first;
	bool fresh;

	first = table_put(&f->known, &content, &fresh);
	if (!fresh && same_values(*first, t))
		return;
	*first = t;
	vec_append(&f->out->of[field], &t);
}

static void take(struct finding *f, const struct policy_predicate *p)
{
	bool fresh = true;

	if (!p)
		return;
	switch (p->kind) {
	case PREDICATE_NAME:
		table_put(&f->names, &p->left, &fresh);
		if (fresh)
			take(f, p->left);
		break;
	case PREDICATE_TEST:
		take_test(f, p);
		break;
	default:
		take(f, p->left);
		take(f, p->right);
	}
}

void tests_find(const struct vec *rules, struct tests *out)
{
	struct finding f = {
		.out = out,
		.names = TABLE(const struct policy_predicate *, uint8_t),
		.known = TABLE(struct content, const struct policy_predicate *),
	};

	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		out->of[i] = VEC(const struct policy_predicate *);
	for (size_t i = 0; i < rules->len; i++)
		take(&f, (*(struct policy_rule **)vec_at(rules, i))->predicate);
	table_free(&f.names);
	table_free(&f.known);
}

void tests_free(struct tests *t)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		vec_free(&t->of[i]);
}

// SPDX-License-Identifier: GPL-2.0
#include "verify/facts.h"

#include "policy/frame.h"
#include "policy/tree.h"

static bool is_address(enum policy_field field)
{
	return field == FIELD_IP_SRC || field == FIELD_IP_DST;
}

static const struct addr *address(const struct facts *f, enum policy_field field)
{
	return field == FIELD_IP_SRC ? &f->fields->src : &f->fields->dst;
}

static const struct policy_set_test *test_at(const struct facts *f, size_t i)
{
	return vec_at(&f->p->set_tests, i);
}

/* An eval_set_fn. */
static bool in_set(void *context, const struct policy_set *set, const struct addr *a, uint64_t number)
{
	const struct facts *f = context;

	for (size_t i = 0; i < f->p->set_tests.len; i++) {
		const struct policy_set_test *t = test_at(f, i);

		if (t->set == set && (is_address(t->field) ? addr_equal(address(f, t->field), a) :
				      a->family == ADDR_NONE && f->fields->value[t->field] == number))
			return f->sets >> i & 1;
	}
	return false;
}

/* An eval_socket_fn. */
static unsigned int socket_of(void *context, const struct eval_flow *flow)
{
	(void)flow;
	return ((const struct facts *)context)->socket;
}

void facts_env(struct facts *facts, struct eval_env *env)
{
	env->in_set = in_set;
	env->set_context = facts;
	env->socket = socket_of;
	env->socket_context = facts;
}

static bool same_value(const struct facts *f, enum policy_field a, enum policy_field b)
{
	if (!frame_has(f->fields, a) || !frame_has(f->fields, b))
		return false;
	return is_address(a) ? addr_equal(address(f, a), address(f, b)) :
			       f->fields->value[a] == f->fields->value[b];
}

bool facts_contradict(const struct facts *f)
{
	for (size_t i = 0; i < f->p->set_tests.len; i++)
		for (size_t j = 0; j < i; j++)
			if (test_at(f, i)->set == test_at(f, j)->set &&
			    (f->sets >> i & 1) != (f->sets >> j & 1) &&
			    same_value(f, test_at(f, i)->field, test_at(f, j)->field))
				return true;
	return false;
}

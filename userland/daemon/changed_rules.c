// SPDX-License-Identifier: GPL-2.0
/*
 * changed_rules.c: rules are paired by what they say (image_rule.key: text and ports, and the how manieth
 * that says so). What most policies have in common, at the beginning and at the end, is paired one by
 * one; of the rest the longest part that stands in both in the same order (patience sorting: the longest
 * increasing subsequence of the old numbers), so that a rule that was moved is one changed rule, and not all
 * those that it was moved over. Words may stand for something else than before (a let): so of each pair
 * what the predicates come to is compared as well.
 */
#include "daemon/changed_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/rising.h"
#include "base/table.h"
#include "image/image.h"
#include "policy/tree.h"

/* ---- do they mean the same ------------------------------------------------------- */

static const struct policy_predicate *named(const struct policy_predicate *p)
{
	while (p && p->kind == PREDICATE_NAME)
		p = p->left;
	return p;
}

static bool same_values(const struct vec *a, const struct vec *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len * a->elem_size));
}

static bool same_prefixes(const struct vec *a, const struct vec *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!prefix_equal(vec_at(a, i), vec_at(b, i)))
			return false;
	return true;
}

static bool same_predicate(const struct policy_predicate *a, const struct policy_predicate *b)
{
	a = named(a);
	b = named(b);
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PREDICATE_AND:
	case PREDICATE_OR:
		return same_predicate(a->left, b->left) && same_predicate(a->right, b->right);
	case PREDICATE_NOT:
		return same_predicate(a->left, b->left);
	case PREDICATE_TEST:
		return a->field == b->field && a->unequal == b->unequal &&
		       same_prefixes(&a->prefixes, &b->prefixes) && same_values(&a->ranges, &b->ranges);
	case PREDICATE_SET:
		return a->field == b->field && a->set_test == b->set_test;
	default:
		return false;
	}
}

static const struct policy_rule *rule_at(const struct policy *p, uint32_t number)
{
	return *(struct policy_rule **)vec_at(&p->rules, number);
}

static const struct image_rule *words_at(const struct image *image, uint32_t number)
{
	return vec_at(&image->filter.rules, number);
}

/* ---- can they be compared ------------------------------------------------------------ */

static bool same_sets(const struct policy *a, const struct policy *b)
{
	if (a->sets.len != b->sets.len || a->set_tests.len != b->set_tests.len)
		return false;
	for (size_t i = 0; i < a->sets.len; i++) {
		const struct policy_set *x = *(struct policy_set **)vec_at(&a->sets, i);
		const struct policy_set *y = *(struct policy_set **)vec_at(&b->sets, i);

		if (strcmp(x->name, y->name) || x->field != y->field)
			return false;
	}
	for (size_t i = 0; i < a->set_tests.len; i++) {
		const struct policy_set_test *x = vec_at(&a->set_tests, i), *y = vec_at(&b->set_tests, i);

		if (x->set->number != y->set->number || x->field != y->field)
			return false;
	}
	return true;
}

/* ---- pairs --------------------------------------------------------------------------- */

/* What of both lists is not in common at their ends. */
struct middle {
	uint32_t first, end_before, end;
};

static void find_middle(const struct image *before, const struct image *now, struct middle *m)
{
	m->first = 0;
	m->end_before = before->filter.rules.len;
	m->end = now->filter.rules.len;
	while (m->first < m->end_before && m->first < m->end &&
	       words_at(before, m->first)->key == words_at(now, m->first)->key)
		m->first++;
	while (m->end_before > m->first && m->end > m->first &&
	       words_at(before, m->end_before - 1)->key == words_at(now, m->end - 1)->key) {
		m->end_before--;
		m->end--;
	}
}

/*
 * The middle's new rules, by old numbers; RULES_NONE: there was no such rule. What is not in the longest
 * increasing part becomes RULES_NONE as well.
 */
static void pair_middle(const struct image *before, const struct image *now, const struct middle *m,
			uint32_t *was)
{
	uint32_t n = m->end - m->first;
	struct table numbers = TABLE(uint64_t, uint32_t);

	for (uint32_t i = m->first; i < m->end_before; i++)
		*(uint32_t *)table_put(&numbers, &words_at(before, i)->key, NULL) = i;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *number = table_get(&numbers, &words_at(now, m->first + i)->key);

		was[i] = number ? *number : RULES_NONE;
	}
	rising_keep(was, n);
	table_free(&numbers);
}

bool changed_rules_find(const struct policy *before, const struct image *image_before,
			const struct policy *policy, const struct image *image, struct changed_rules *c)
{
	/* But for a let, words mean what they say. */
	bool lets = before->lets.len || policy->lets.len;
	struct middle m;
	uint32_t *was;

	if (!policy_same_ports(before, policy) || !same_sets(before, policy) ||
	    before->rules.len != image_before->filter.rules.len ||
	    policy->rules.len != image->filter.rules.len)
		return false;
	*c = (struct changed_rules){ .rules = VEC(uint32_t), .gone = VEC(const struct policy_rule *),
				     .before = before->rules.len };
	c->now = xcalloc(c->before + 1, sizeof(*c->now));
	memset(c->now, 0xff, (c->before + 1) * sizeof(*c->now));
	find_middle(image_before, image, &m);
	was = xcalloc(m.end - m.first + 1, sizeof(*was));
	pair_middle(image_before, image, &m, was);
	for (uint32_t i = 0; i < policy->rules.len; i++) {
		uint32_t old = i < m.first ? i : i < m.end ? was[i - m.first] : i - m.end + m.end_before;

		if (old != RULES_NONE && !strcmp(words_at(image_before, old)->text, words_at(image, i)->text) &&
		    (!lets || same_predicate(rule_at(before, old)->predicate, rule_at(policy, i)->predicate)))
			c->now[old] = i;
		else
			vec_append(&c->rules, &i);
	}
	free(was);
	for (uint32_t i = 0; i < c->before; i++) {
		const struct policy_rule *rule = rule_at(before, i);

		if (c->now[i] == RULES_NONE)
			vec_append(&c->gone, &rule);
	}
	return true;
}

void changed_rules_free(struct changed_rules *c)
{
	vec_free(&c->rules);
	vec_free(&c->gone);
	free(c->now);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * check_filter.c: sets and what is in them, filters, and what their rules do.
 */
#include "policy/checker.h"

#include <inttypes.h>
#include <string.h>

#include "policy/field.h"

/* ---- sets --------------------------------------------------------------- */

#define SETS_NAMED 4

/* Takes out what is in sets that there are not: they may come with the next policy. */
static void take_out_strangers(struct check *c)
{
	struct policy_element *e = c->policy->elements.data;
	size_t kept = 0, sets = 0, count = 0;
	struct text named = { 0 };

	for (size_t i = 0; i < c->policy->elements.len; i++) {
		const struct named *n = look_up(c, e[i].name);
		bool last = i + 1 == c->policy->elements.len || strcmp(e[i].name, e[i + 1].name);

		if (n && n->kind == NAMED_SET) {
			e[i].set = n->object;
			e[kept++] = e[i];
			continue;
		}
		count++;
		if (!last)
			continue;
		if (sets++ < SETS_NAMED)
			text_printf(&named, "%s\"%s\" (%zu)", named.len ? ", " : "", e[i].name, count);
		count = 0;
	}
	if (sets > SETS_NAMED)
		text_printf(&named, " and %zu others", sets - SETS_NAMED);
	if (sets && !c->policy->incomplete)
		diag_warning(c->diags, (struct place){ 0 },
			     "the policy has no such sets: the elements of %s are kept, and do nothing",
			     named.data);
	text_free(&named);
	c->policy->elements.len = kept;
}

static void check_elements(struct check *c)
{
	const struct policy_element *e = c->policy->elements.data;
	uint64_t count = 0;

	for (size_t i = 0; i < c->policy->elements.len && !c->diags->truncated; i++) {
		const struct policy_set *set = e[i].set;

		count = i && e[i - 1].set == set ? count + 1 : 1;
		if (set->field == FIELD_COUNT)
			continue;
		if (field_kind(set->field) != KIND_ADDRESS)
			diag_error(c->diags, e[i].element_place, "\"%s\" has values of %s, not addresses",
				   e[i].name, policy_field_name(set->field));
		else if (!is_host_prefix(&e[i].element))
			diag_error(c->diags, e[i].element_place, "an element is one address, not a prefix");
		else if (count == set->size + 1)
			diag_error(c->diags, e[i].element_place,
				   "with this one, \"%s\" has more than its %" PRIu64 " elements",
				   e[i].name, set->size);
	}
}

void check_sets(struct check *c)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->sets.len; i++) {
		struct policy_set *set = *(struct policy_set **)vec_at(&p->sets, i);

		set->number = i;
		if (i == POLICY_SETS_MAX)
			diag_error(c->diags, set->place, "a policy has at most %d sets", POLICY_SETS_MAX);
	}
	take_out_strangers(c);
	check_elements(c);
}

/* ---- actions ------------------------------------------------------------ */

static bool ends_search(const struct policy_action *a)
{
	return a->kind == DO_ALLOW || a->kind == DO_DROP;
}

static void check_insert(struct check *c, struct policy_action *a)
{
	a->set = find_name(c, NAMED_SET, a->set_name, a->set_place);
	if (!a->set)
		return;
	a->set->used = true;
	if (a->field == FIELD_COUNT || a->set->field == FIELD_COUNT)
		return;
	if (field_shared(a->field) != field_shared(a->set->field))
		diag_error(c->diags, a->field_place, "\"%s\" has values of %s, not of %s", a->set_name,
			   policy_field_name(a->set->field), policy_field_name(a->field));
}

static void check_actions(struct check *c, struct policy_rule *rule)
{
	struct policy_action *a = rule->actions.data;

	for (size_t i = 0; i < rule->actions.len; i++) {
		if (a[i].kind == DO_INSERT)
			check_insert(c, &a[i]);
		if (rule->ends) {
			diag_error(c->diags, a[i].place, "\"%s\" is the last that a rule does",
				   a[i - 1].kind == DO_DROP ? "drop" : "allow");
			if (!ends_search(&a[i]))
				diag_hint(c->diags, "write this in front of it");
			return;
		}
		rule->ends = ends_search(&a[i]);
	}
}

/* ---- rules -------------------------------------------------------------- */

static void check_rule(struct check *c, struct policy_rule *rule)
{
	rule->number = c->policy->rules.len;
	*(struct policy_rule **)vec_push(&c->policy->rules) = rule;
	check_actions(c, rule);
	if (!rule->predicate)
		return;
	check_predicate(c, rule->predicate);
	c->tests += rule->predicate->tests;
	if (c->tests > POLICY_TESTS_ALL && !c->too_many_tests) {
		diag_error(c->diags, rule->place,
			   "with all names written out, the rules up to here have more than %d tests",
			   POLICY_TESTS_ALL);
		c->too_many_tests = true;
	}
}

/* A rule that ends the search of every packet leaves none to those behind it. */
static void warn_unreachable(struct check *c, const struct policy_filter *filter)
{
	char where[PLACE_ROOM];

	for (size_t i = 0; i + 1 < filter->rules.len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&filter->rules, i);
		const struct policy_rule *next = *(struct policy_rule **)vec_at(&filter->rules, i + 1);

		if (!rule->ends || rule->predicate)
			continue;
		diag_warning(c->diags, next->place, "no packet comes this far");
		diag_hint(c->diags, "%s takes them all", place_name(c, &rule->place, where));
		return;
	}
}

static void check_ports(struct check *c, struct policy_filter *filter)
{
	struct policy_port_ref *ports = filter->ports.data;
	char where[PLACE_ROOM];

	for (size_t i = 0; i < filter->ports.len && !c->diags->truncated; i++) {
		const struct policy_filter *other;

		if (!find_port(c, &ports[i]))
			continue;
		other = ports[i].port->filter;
		if (!other) {
			ports[i].port->filter = filter;
		} else if (other == filter) {
			diag_error(c->diags, ports[i].place, "\"%s\" is named twice", ports[i].name);
		} else {
			diag_error(c->diags, ports[i].place, "\"%s\" has a filter already", ports[i].name);
			diag_hint(c->diags, "see %s; a port has one filter",
				  place_name(c, &other->place, where));
		}
	}
}

void check_filters(struct check *c)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->filters.len && !c->diags->truncated; i++) {
		struct policy_filter *filter = *(struct policy_filter **)vec_at(&p->filters, i);

		check_ports(c, filter);
		for (size_t j = 0; j < filter->rules.len && !c->diags->truncated; j++)
			check_rule(c, *(struct policy_rule **)vec_at(&filter->rules, j));
		warn_unreachable(c, filter);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * check_let.c: what lets stand for, through one another: values, or a predicate.
 */
#include "policy/checker.h"

#include <stdlib.h>
#include <string.h>

/* ---- lets --------------------------------------------------------------- */

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

void sort_prefixes(struct vec *v)
{
	struct prefix *p = v->data;
	size_t kept = 0;

	if (!v->len)
		return;
	qsort(p, v->len, sizeof(*p), compare_prefixes);
	for (size_t i = 1; i < v->len; i++)
		if (!prefix_equal(&p[kept], &p[i]))
			p[++kept] = p[i];
	v->len = kept + 1;
}

void sort_ranges(struct vec *v)
{
	v->len = ranges_join(v->data, v->len);
}

bool take_values(struct check *c, size_t n, struct place place)
{
	if (n <= POLICY_VALUES_MAX - c->values) {
		c->values += n;
		return true;
	}
	if (!c->too_many_values)
		diag_error(c->diags, place, "all names together stand for more than %d values",
			   POLICY_VALUES_MAX);
	c->too_many_values = true;
	return false;
}

void add_all(struct vec *to, const struct vec *from)
{
	for (size_t i = 0; i < from->len; i++)
		vec_append(to, vec_at(from, i));
}

struct policy_let *open_let(struct check *c, const char *name, struct place place)
{
	struct policy_let *let = find_name(c, NAMED_LET, name, place);

	if (!let)
		return NULL;
	let->used = true;
	if (let->state == LET_OPEN) {
		diag_error(c->diags, place, "\"%s\" stands for itself here", name);
		return NULL;
	}
	if (let->state == LET_NEW && c->let_depth == POLICY_LET_DEPTH) {
		diag_error(c->diags, place, "lets stand for one another more than %d deep",
			   POLICY_LET_DEPTH);
		return NULL;
	}
	resolve_let(c, let);
	return let;
}

struct policy_let *find_values(struct check *c, const char *name, struct place place)
{
	struct policy_let *let = open_let(c, name, place);

	if (!let || let->broken)
		return NULL;
	if (!let->predicate)
		return let;
	diag_error(c->diags, place, "\"%s\" stands for a predicate, not for values", name);
	return NULL;
}

bool add_addresses(struct check *c, const struct policy_value *v, struct vec *prefixes)
{
	size_t before = prefixes->len;

	if (c->too_many_values)
		return false;
	prefixes_between(&v->prefix.addr, v->last_address, prefixes);
	return take_values(c, prefixes->len - before, v->place);
}

static void add_let(struct check *c, struct policy_let *let, struct policy_value *v)
{
	v->let = find_values(c, v->name, v->place);
	if (!v->let || !take_values(c, v->let->prefixes.len + v->let->ranges.len, v->place)) {
		let->broken = true;
		return;
	}
	if (let->ranges.len && v->let->ranges.len && let->macs != v->let->macs) {
		diag_error(c->diags, v->place, "numbers and link-layer addresses do not mix in one let");
		let->broken = true;
	}
	let->macs |= v->let->macs;
	add_all(&let->prefixes, &v->let->prefixes);
	add_all(&let->ranges, &v->let->ranges);
}

static void add_value(struct check *c, struct policy_let *let, struct policy_value *v)
{
	struct range r = { v->first, v->last };
	bool mixed = let->prefixes.len && let->ranges.len;

	switch (v->type) {
	case VALUE_NONE:
		break;
	case VALUE_LET:
		add_let(c, let, v);
		break;
	case VALUE_PREFIX:
		if (take_values(c, 1, v->place))
			vec_append(&let->prefixes, &v->prefix);
		break;
	case VALUE_ADDRESSES:
		add_addresses(c, v, &let->prefixes);
		break;
	case VALUE_NUMBERS:
	case VALUE_MAC:
		if (let->ranges.len && let->macs != (v->type == VALUE_MAC)) {
			diag_error(c->diags, v->place,
				   "numbers and link-layer addresses do not mix in one let");
			let->broken = true;
		}
		let->macs = v->type == VALUE_MAC;
		if (take_values(c, 1, v->place))
			vec_append(&let->ranges, &r);
		break;
	}
	if (!mixed && let->prefixes.len && let->ranges.len) {
		diag_error(c->diags, v->place, "addresses and numbers do not mix in one let");
		let->broken = true;
	}
}

/*
 * "let a = b;": b may be a predicate, or values. Return: whether @let has a predicate still.
 */
static bool resolve_alias(struct check *c, struct policy_let *let)
{
	struct policy_predicate *p = let->predicate;
	struct policy_let *other;
	struct policy_value v;

	other = open_let(c, p->name, p->place);
	if (!other || other->broken) {
		let->broken = true;
		return true;
	}
	if (other->predicate)
		return true;
	v = (struct policy_value){ .type = VALUE_LET, .place = p->place, .name = p->name };
	vec_append(&let->values, &v);
	let->predicate = NULL;
	return false;
}

static bool is_alias(const struct policy_predicate *p)
{
	return p->kind == PREDICATE_NAME && !is_bare_word(p->name);
}

static void resolve_predicate(struct check *c, struct policy_let *let)
{
	if (is_alias(let->predicate) && !resolve_alias(c, let))
		return;
	if (!let->broken)
		check_predicate(c, let->predicate);
	let->broken |= let->predicate->kind == PREDICATE_NONE;
}

void resolve_let(struct check *c, struct policy_let *let)
{
	if (let->state != LET_NEW)
		return;
	let->state = LET_OPEN;
	c->let_depth++;
	if (let->predicate)
		resolve_predicate(c, let);
	for (size_t i = 0; i < let->values.len; i++)
		add_value(c, let, vec_at(&let->values, i));
	sort_prefixes(&let->prefixes);
	sort_ranges(&let->ranges);
	c->let_depth--;
	let->state = LET_DONE;
}

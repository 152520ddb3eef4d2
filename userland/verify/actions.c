// SPDX-License-Identifier: GPL-2.0
#include "verify/actions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bpf/classify.h"
#include "image/image.h"
#include "policy/field.h"
#include "policy/tree.h"

struct comparing {
	const struct policy *p;
	const struct image *image;
	char *what;
	size_t size;
};

static bool wrong(const struct comparing *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(const struct comparing *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->what, c->size, format, args);
	va_end(args);
	return false;
}

static uint8_t field_of(enum policy_field field)
{
	static const uint8_t of[FIELD_COUNT] = {
		[FIELD_IP_SRC] = ACTION_FIELD_SRC, [FIELD_IP_DST] = ACTION_FIELD_DST,
		[FIELD_ETH_SRC] = ACTION_FIELD_ETH_SRC, [FIELD_ETH_DST] = ACTION_FIELD_ETH_DST,
		[FIELD_VLAN_ID] = ACTION_FIELD_VLAN, [FIELD_IP_PROTO] = ACTION_FIELD_PROTO,
		[FIELD_L4_SRC] = ACTION_FIELD_SPORT, [FIELD_L4_DST] = ACTION_FIELD_DPORT,
		[FIELD_IN] = ACTION_FIELD_IN,
	};

	return of[field];
}

/* How long a burst takes to come back, in units of a meter; two weeks and longer are alike. */
static uint64_t burst_units(const struct policy_action *a)
{
	long double units = (long double)a->burst * 1e9L * METER_UNITS / (a->rate ? a->rate : 1);

	return units < 0x1p60L ? (uint64_t)units : 1ull << 60;
}

static bool counts(const struct comparing *c, uint32_t number, const char *kind, const char *name)
{
	const char *has = image_counter_name(c->image, number);
	char wanted[COUNTER_NAME_MAX];

	snprintf(wanted, sizeof(wanted), "%s %s", kind, name);
	return has && !strcmp(has, wanted);
}

static bool same_police(const struct comparing *c, const struct policy_action *a, const struct action *b)
{
	uint64_t units = burst_units(a);

	if (b->rate != a->rate || b->bytes != a->bytes)
		return wrong(c, "its rate is another one");
	/* What floating point rounds. */
	if (b->burst > units + units / (1 << 20) + 1 || units > b->burst + b->burst / (1 << 20) + 1)
		return wrong(c, "its burst is another one");
	if (b->field != (a->per ? field_of(a->field) : ACTION_FIELD_NONE))
		return wrong(c, "its rate is kept for another field");
	return true;
}

static bool same_insert(const struct comparing *c, const struct policy_action *a, const struct action *b,
			uint32_t rule)
{
	const struct image_rule *r = vec_at(&c->image->filter.rules, rule);

	if (b->number != a->set->number || b->field != field_of(a->field))
		return wrong(c, "it inserts into another set, or another field");
	if (b->burst != a->set->timeout_ms * 1000000ull)
		return wrong(c, "what it inserts stays for another time");
	if (b->rule_key != (uint32_t)r->key || !counts(c, b->full, "set-full", a->set->name))
		return wrong(c, "what it inserts is counted for another rule or set");
	return true;
}

static bool same_action(const struct comparing *c, const struct policy_action *a, const struct action *b,
			uint32_t rule)
{
	static const uint8_t kinds[] = {
		[DO_COUNT] = ACTION_COUNT, [DO_POLICE] = ACTION_POLICE, [DO_INSERT] = ACTION_INSERT,
		[DO_EMIT] = ACTION_EMIT, [DO_MARK] = ACTION_MARK,
	};
	const struct vec *texts = &c->image->filter.texts;

	if (b->kind != kinds[a->kind])
		return wrong(c, "it is an action of another kind");
	if (!(c->image->filter.shape.kinds >> b->kind & 1))
		return wrong(c, "the programs are not told that there are such actions");
	switch (a->kind) {
	case DO_COUNT:
		return counts(c, b->number, "count", a->text) || wrong(c, "it counts under another name");
	case DO_POLICE:
		return same_police(c, a, b);
	case DO_INSERT:
		return same_insert(c, a, b, rule);
	case DO_EMIT:
		return (b->number < texts->len && !strcmp(*(char **)vec_at(texts, b->number), a->text)) ||
		       wrong(c, "it says another text");
	case DO_MARK:
		return b->number == a->mark || wrong(c, "it sets another mark");
	default:
		return true;
	}
}

static bool same_rule(const struct comparing *c, const struct policy_rule *rule)
{
	const struct image_filter *f = &c->image->filter;
	uint32_t at = f->first[rule->number];
	size_t left = 0;

	for (size_t i = 0; i < rule->actions.len; i++) {
		const struct policy_action *a = vec_at(&rule->actions, i);

		left += a->kind != DO_ALLOW && a->kind != DO_DROP;
	}
	if (!left)
		return at == RULES_NONE || wrong(c, "it has actions, and the policy's rule has none");
	if (at > f->actions.len || left > f->actions.len - at)
		return wrong(c, "its actions are not there");
	for (size_t i = 0; i < rule->actions.len; i++) {
		const struct policy_action *a = vec_at(&rule->actions, i);
		const struct action *b;

		if (a->kind == DO_ALLOW || a->kind == DO_DROP)
			continue;
		b = vec_at(&f->actions, at++);
		if (!same_action(c, a, b, rule->number))
			return false;
		if (!b->last != (--left > 0))
			return wrong(c, "its list of actions ends elsewhere");
	}
	return true;
}

static bool same_element(const struct policy_element *a, const struct image_element *b)
{
	return a->element.addr.family == b->key.family &&
	       !memcmp(a->element.addr.bytes, b->key.value, sizeof(b->key.value)) &&
	       b->timeout_ns == a->timeout_ms * 1000000ull;
}

static bool same_sets(const struct comparing *c)
{
	const struct image_filter *f = &c->image->filter;
	size_t elements = 0;

	if (f->sets.len != c->p->sets.len || f->shape.set_tests != c->p->set_tests.len)
		return wrong(c, "it has another number of sets, or of tests of sets");
	for (size_t i = 0; i < f->sets.len; i++) {
		const struct policy_set *a = *(struct policy_set **)vec_at(&c->p->sets, i);
		const struct image_set *b = vec_at(&f->sets, i);

		if (strcmp(a->name, b->name) || a->size != b->size ||
		    b->timeout_ns != a->timeout_ms * 1000000ull)
			return wrong(c, "set %s is another one", a->name);
		elements += b->elements.len;
	}
	for (size_t i = 0; i < f->shape.set_tests; i++) {
		const struct policy_set_test *a = vec_at(&c->p->set_tests, i);
		const struct set_test *b = &f->shape.set_test[i];

		if (b->set != a->set->number || b->field != field_of(a->field))
			return wrong(c, "set %s is asked for another field", a->set->name);
	}
	if (elements != c->p->elements.len)
		return wrong(c, "its sets have another number of elements");
	return true;
}

/* The elements of each set stand in the policy's order. */
static bool same_elements(const struct comparing *c)
{
	size_t next[POLICY_SETS_MAX] = { 0 };

	for (size_t i = 0; i < c->p->elements.len; i++) {
		const struct policy_element *a = vec_at(&c->p->elements, i);
		const struct image_set *set = vec_at(&c->image->filter.sets, a->set->number);
		size_t at = next[a->set->number]++;

		if (at >= set->elements.len || !same_element(a, vec_at(&set->elements, at)))
			return wrong(c, "an element of set %s is another one", set->name);
	}
	return true;
}

bool actions_agree(const struct policy *p, const struct image *image, char *what, size_t size,
		   uint32_t *rule)
{
	const struct comparing c = { p, image, what, size };

	*rule = RULES_NONE;
	if (image->filter.rules.len != p->rules.len)
		return wrong(&c, "it has another number of rules");
	for (size_t i = 0; i < p->rules.len; i++) {
		if (!same_rule(&c, *(struct policy_rule **)vec_at(&p->rules, i))) {
			*rule = i;
			return false;
		}
	}
	return same_sets(&c) && same_elements(&c);
}

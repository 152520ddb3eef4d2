// SPDX-License-Identifier: GPL-2.0
/*
 * core.c: from a policy to its expression.
 *
 *	measure; filters; where it goes
 *
 * A filter is a list, and stays one: "if P1 then A1 else if P2 then A2 else ...". A rule that goes on
 * is a step in front of what follows: "(if P then count("x")); ...". A multicast group is a test of
 * port and addresses, then the sum of its legs.
 *
 * Which group a packet meets is first match by another order than the text's: (source, group) before
 * (any, group) before prefixes, longer ones first. Entries are sorted so, and become one list.
 */
#include "policy/core.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "policy/core_build.h"
#include "policy/print.h"

#define ETHERTYPE_IP4	0x0800
#define ETHERTYPE_IP6	0x86dd

const char *core_field_name(unsigned int field)
{
	return field == CORE_OUT ? "out" : policy_field_name(field);
}

const char *core_mark_name(enum core_mark mark)
{
	static const char *const names[] = {
		[CORE_COUNT] = "count", [CORE_POLICE] = "police", [CORE_INSERT] = "insert",
		[CORE_EMIT] = "emit", [CORE_SET_MARK] = "mark", [CORE_MEASURE] = "measure",
	};

	return names[mark];
}

void core_free(struct core *core)
{
	if (!core)
		return;
	arena_free(&core->arena);
	vec_free(&core->ports);
	free(core);
}

/* ---- nodes ----------------------------------------------------------- */

struct core *core_new(void)
{
	struct core *core = xcalloc(1, sizeof(*core));

	core->ports = VEC(const char *);
	return core;
}

struct core_expression *core_node(struct core *core, enum core_kind kind)
{
	struct core_expression *e = arena_alloc(&core->arena, sizeof(*e));

	e->kind = kind;
	return e;
}

struct core_expression *core_join(struct core *core, enum core_kind kind, const struct vec *kids)
{
	struct core_expression *e;

	if (!kids->len)
		return core_node(core, kind == CORE_SUM ? CORE_DROP : CORE_ID);
	if (kids->len == 1)
		return *(struct core_expression **)vec_at(kids, 0);
	e = core_node(core, kind);
	e->kids = kids->len;
	e->kid = arena_alloc(&core->arena, kids->len * sizeof(*e->kid));
	memcpy(e->kid, kids->data, kids->len * sizeof(*e->kid));
	return e;
}

struct core_expression *core_if(struct core *core, const struct core_expression *p,
				const struct core_expression *a, const struct core_expression *b)
{
	struct core_expression *e = core_node(core, CORE_IF);

	e->kids = 3;
	e->kid = arena_alloc(&core->arena, 3 * sizeof(*e->kid));
	e->kid[0] = p;
	e->kid[1] = a;
	e->kid[2] = b;
	return e;
}

struct core_expression *core_not(struct core *core, const struct core_expression *p)
{
	struct core_expression *e = core_node(core, CORE_NOT);

	e->kids = 1;
	e->kid = arena_alloc(&core->arena, sizeof(*e->kid));
	e->kid[0] = p;
	return e;
}

struct core_expression *core_test_ranges(struct core *core, unsigned int field,
					 const struct range *ranges, size_t n)
{
	struct core_expression *e;

	if (!n)
		return core_node(core, CORE_DROP);
	e = core_node(core, CORE_TEST);
	e->field = field;
	e->values = n;
	e->ranges = ranges;
	return e;
}

void *core_keep(struct core *core, const struct vec *v)
{
	void *copy = arena_alloc(&core->arena, v->len * v->elem_size);

	if (v->len)
		memcpy(copy, v->data, v->len * v->elem_size);
	return copy;
}

/* All bits that the values share are the mask's, and each combination of the others is there. */
bool core_masked(const struct range *ranges, size_t n, uint64_t *mask, uint64_t *value)
{
	uint64_t set = 0xff, clear = 0xff, values = 0;

	for (size_t i = 0; i < n; i++) {
		for (uint64_t v = ranges[i].first; v <= ranges[i].last; v++) {
			set &= v;
			clear &= ~v;
			values++;
		}
	}
	*mask = set | clear;
	*value = set;
	return values > 1 && *mask && values == 1ull << (8 - __builtin_popcountll(*mask));
}

bool core_is_masked(const struct core_expression *e, uint64_t *mask, uint64_t *value)
{
	return e->field == FIELD_TCP_FLAGS && core_masked(e->ranges, e->values, mask, value);
}

void core_masked_ranges(uint64_t mask, uint64_t value, struct vec *ranges)
{
	for (uint64_t v = 0; v < 256; v++) {
		struct range *last = ranges->len ? vec_at(ranges, ranges->len - 1) : NULL;

		if ((v & mask) != value)
			continue;
		if (!last || last->last + 1 != v) {
			last = vec_push(ranges);
			last->first = v;
		}
		last->last = v;
	}
}

/* The kids of a node of @kind, or the node itself. */
static void add_flat(struct vec *kids, enum core_kind kind, const struct core_expression *e)
{
	if (e->kind != kind)
		vec_append(kids, &e);
	for (size_t i = 0; e->kind == kind && i < e->kids; i++)
		vec_append(kids, &e->kid[i]);
}

struct core_expression *core_pair(struct core *core, enum core_kind kind,
				  const struct core_expression *a, const struct core_expression *b)
{
	struct vec kids = VEC(const struct core_expression *);
	struct core_expression *e;

	add_flat(&kids, kind, a);
	add_flat(&kids, kind, b);
	e = core_join(core, kind, &kids);
	vec_free(&kids);
	return e;
}

bool core_is_predicate(const struct core_expression *e)
{
	switch (e->kind) {
	case CORE_DROP:
	case CORE_ID:
	case CORE_TEST:
	case CORE_SET:
	case CORE_NOT:
		return true;
	case CORE_SUM:
	case CORE_SEQUENCE:
		for (size_t i = 0; i < e->kids; i++)
			if (!core_is_predicate(e->kid[i]))
				return false;
		return true;
	default:
		return false;
	}
}

/* ---- predicates ------------------------------------------------------ */

static struct core_expression *test_one(struct core *core, unsigned int field, uint64_t first,
					uint64_t last)
{
	struct range *r = arena_alloc(&core->arena, sizeof(*r));

	*r = (struct range){ first, last };
	return core_test_ranges(core, field, r, 1);
}

static struct core_expression *test_prefixes(struct core *core, unsigned int field,
					     const struct prefix *prefixes, size_t n)
{
	struct core_expression *e = core_node(core, CORE_TEST);

	e->field = field;
	e->values = n;
	e->prefixes = prefixes;
	return e;
}

static struct core_expression *test_prefix(struct core *core, unsigned int field,
					   const struct prefix *prefix)
{
	struct prefix *copy = arena_alloc(&core->arena, sizeof(*copy));

	*copy = *prefix;
	return test_prefixes(core, field, copy, 1);
}

/* "tcp.flags & syn != syn" was worked into ranges; this says it as it is printed. */
static struct core_expression *test_flags(struct core *core, const struct policy_predicate *p)
{
	struct core_expression *e = core_test_ranges(core, p->field, p->ranges.data, p->ranges.len);
	struct vec others = VEC(struct range);
	struct core_expression *not_those;
	uint64_t mask, value;

	if (e->kind != CORE_TEST || core_is_masked(e, &mask, &value))
		return e;
	ranges_others(e->ranges, e->values, 255, &others);
	not_those = core_test_ranges(core, p->field, core_keep(core, &others), others.len);
	vec_free(&others);
	if (not_those->kind != CORE_TEST || !core_is_masked(not_those, &mask, &value))
		return e;
	not_those->unequal = true;
	return not_those;
}

/* "in != wan" was worked into all other numbers: those that are ports stay. */
static struct core_expression *test_ports(struct core *core, const struct policy_predicate *p)
{
	struct vec ranges = VEC(struct range);
	struct core_expression *e;

	for (size_t i = 0; i < p->ranges.len; i++) {
		struct range r = *(const struct range *)vec_at(&p->ranges, i);

		if (r.first >= core->ports.len)
			continue;
		if (r.last >= core->ports.len)
			r.last = core->ports.len - 1;
		vec_append(&ranges, &r);
	}
	e = core_test_ranges(core, FIELD_IN, core_keep(core, &ranges), ranges.len);
	vec_free(&ranges);
	return e;
}

static struct core_expression *of_predicate(struct core *core, const struct policy_predicate *p)
{
	struct core_expression *e;

	switch (p->kind) {
	case PREDICATE_AND:
		return core_pair(core, CORE_SEQUENCE, of_predicate(core, p->left),
				 of_predicate(core, p->right));
	case PREDICATE_OR:
		return core_pair(core, CORE_SUM, of_predicate(core, p->left),
				 of_predicate(core, p->right));
	case PREDICATE_NOT:
		return core_not(core, of_predicate(core, p->left));
	case PREDICATE_NAME:
		return of_predicate(core, p->left);
	case PREDICATE_TEST:
		if (p->field == FIELD_TCP_FLAGS)
			return test_flags(core, p);
		if (p->field == FIELD_IN)
			return test_ports(core, p);
		if (!p->prefixes.len)
			return core_test_ranges(core, p->field, p->ranges.data, p->ranges.len);
		e = test_prefixes(core, p->field, p->prefixes.data, p->prefixes.len);
		e->unequal = p->unequal;
		return e;
	case PREDICATE_SET:
		e = core_node(core, CORE_SET);
		e->field = p->field;
		e->text = p->name;
		return e;
	case PREDICATE_NONE:
		break;
	}
	return core_node(core, CORE_DROP);
}

/* ---- filters --------------------------------------------------------- */

static struct core_expression *mark_of(struct core *core, const struct policy_action *a)
{
	static const enum core_mark marks[] = {
		[DO_COUNT] = CORE_COUNT, [DO_POLICE] = CORE_POLICE, [DO_INSERT] = CORE_INSERT,
		[DO_EMIT] = CORE_EMIT, [DO_MARK] = CORE_SET_MARK,
	};
	struct core_expression *e = core_node(core, CORE_MARK);
	struct text text = { 0 };

	e->mark = marks[a->kind];
	if (a->kind == DO_COUNT || a->kind == DO_EMIT) {
		e->text = a->text;
		return e;
	}
	/* As the policy has it, without its first word. */
	policy_print_action(a, &text);
	e->text = arena_strndup(&core->arena, strchr(text_string(&text), ' ') + 1,
				strlen(strchr(text_string(&text), ' ') + 1));
	text_free(&text);
	return e;
}

static struct core_expression *actions_of(struct core *core, const struct policy_rule *rule)
{
	struct vec steps = VEC(const struct core_expression *);
	struct core_expression *e;

	for (size_t i = 0; i < rule->actions.len; i++) {
		const struct policy_action *a = vec_at(&rule->actions, i);

		if (a->kind == DO_ALLOW)
			continue;
		e = a->kind == DO_DROP ? core_node(core, CORE_DROP) : mark_of(core, a);
		vec_append(&steps, &e);
	}
	e = core_join(core, CORE_SEQUENCE, &steps);
	vec_free(&steps);
	return e;
}

/* The steps of @reversed, the last one first, as one. */
static const struct core_expression *turn(struct core *core, struct vec *reversed)
{
	struct vec steps = VEC(const struct core_expression *);
	const struct core_expression *e;

	while (reversed->len) {
		add_flat(&steps, CORE_SEQUENCE,
			 *(struct core_expression **)vec_at(reversed, reversed->len - 1));
		vec_pop(reversed);
	}
	e = core_join(core, CORE_SEQUENCE, &steps);
	vec_free(&steps);
	return e;
}

/* From the last rule to the first: what is behind a rule is its "else". */
static const struct core_expression *filter_of(struct core *core,
					       const struct policy_filter *f)
{
	struct vec behind = VEC(const struct core_expression *);	/* the last step first */
	const struct core_expression *e;

	for (size_t i = f->rules.len; i-- > 0; ) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&f->rules, i);
		const struct core_expression *actions = actions_of(core, rule), *rest;
		struct core_expression *step;

		if (rule->ends) {
			rest = turn(core, &behind);
		} else {
			rest = core_node(core, CORE_ID);
		}
		if (!rule->predicate) {
			/* Nothing gets past it if it ends; otherwise it is the step itself. */
			vec_append(&behind, &actions);
			continue;
		}
		step = core_if(core, of_predicate(core, rule->predicate), actions, rest);
		step->rule = rule;
		vec_append(&behind, &step);
	}
	e = turn(core, &behind);
	vec_free(&behind);
	return e;
}

/* in = {wan, fa} */
static struct core_expression *in_ports(struct core *core, const struct vec *refs)
{
	struct range *r = arena_alloc(&core->arena, refs->len * sizeof(*r));

	for (size_t i = 0; i < refs->len; i++)
		r[i].first = r[i].last = ((const struct policy_port_ref *)vec_at(refs, i))->port->number;
	qsort(r, refs->len, sizeof(*r), range_cmp);
	return core_test_ranges(core, FIELD_IN, r, refs->len);
}

static const struct core_expression *filters_of(struct core *core, const struct policy *p)
{
	const struct core_expression *e = core_node(core, CORE_ID);

	for (size_t i = p->filters.len; i-- > 0; ) {
		const struct policy_filter *f = *(struct policy_filter **)vec_at(&p->filters, i);

		e = core_if(core, in_ports(core, &f->ports), filter_of(core, f), e);
	}
	return e;
}

/* ---- multicast ------------------------------------------------------- */

static struct core_expression *assign(struct core *core, unsigned int field, uint64_t value)
{
	struct core_expression *e = core_node(core, CORE_ASSIGN);

	e->field = field;
	e->value = value;
	return e;
}

static bool same_rewrite(const struct policy_leg *a, const struct policy_leg *b)
{
	return a->host == b->host && a->vlan == b->vlan && a->ttl == b->ttl;
}

/* The legs from @first on that are rewritten as it is: what they share, then the sum of their ports. */
static const struct core_expression *legs_like(struct core *core, const struct vec *legs, size_t first)
{
	struct vec outs = VEC(const struct core_expression *), steps = VEC(const struct core_expression *);
	const struct policy_leg *leg = vec_at(legs, first);
	const struct core_expression *e;

	if (leg->host)
		return assign(core, CORE_OUT, CORE_HOST);
	for (size_t i = first; i < legs->len; i++) {
		const struct policy_leg *one = vec_at(legs, i);

		if (!same_rewrite(leg, one))
			continue;
		e = assign(core, CORE_OUT, one->to.port->number);
		vec_append(&outs, &e);
	}
	if (!leg->ttl) {
		e = test_one(core, FIELD_IP_TTL, 2, 255);
		vec_append(&steps, &e);
		e = core_node(core, CORE_LESS);
	} else {
		e = assign(core, FIELD_IP_TTL, leg->ttl);
	}
	vec_append(&steps, &e);
	e = assign(core, FIELD_VLAN_ID, leg->vlan ? leg->vlan : CORE_NO_TAG);
	vec_append(&steps, &e);
	e = core_join(core, CORE_SUM, &outs);
	vec_append(&steps, &e);
	e = core_join(core, CORE_SEQUENCE, &steps);
	vec_free(&outs);
	vec_free(&steps);
	return e;
}

static const struct core_expression *legs_of(struct core *core, const struct policy_group *g)
{
	struct vec sum = VEC(const struct core_expression *);
	const struct core_expression *e;

	for (size_t i = 0; i < g->legs.len; i++) {
		bool done = false;

		for (size_t j = 0; j < i; j++)
			done |= same_rewrite(vec_at(&g->legs, i), vec_at(&g->legs, j));
		if (done)
			continue;
		e = legs_like(core, &g->legs, i);
		vec_append(&sum, &e);
	}
	e = core_join(core, CORE_SUM, &sum);
	vec_free(&sum);
	return e;
}

struct met {
	const struct policy_group *group;
	const struct policy_entry *entry;
	int rank;		/* (source, group) 0, (any, group) 1, then prefixes, longer ones first */
	size_t order;
};

static int rank_of(const struct policy_entry *e)
{
	int bits = addr_bits(e->group.addr.family);

	if (e->source.family != ADDR_NONE)
		return 0;
	return e->group.len == bits ? 1 : 2 + bits - e->group.len;
}

static int compare_met(const void *a, const void *b)
{
	const struct met *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->order < y->order ? -1 : 1;
}

static const struct core_expression *entry_test(struct core *core, const struct policy_entry *e,
						bool with_port)
{
	struct vec steps = VEC(const struct core_expression *);
	const struct prefix source = { e->source, addr_bits(e->source.family) };
	const struct core_expression *t;

	if (with_port) {
		t = test_one(core, FIELD_IN, e->port->number, e->port->number);
		vec_append(&steps, &t);
	}
	if (e->source.family != ADDR_NONE) {
		t = test_prefix(core, FIELD_IP_SRC, &source);
		vec_append(&steps, &t);
	}
	t = test_prefix(core, FIELD_IP_DST, &e->group);
	vec_append(&steps, &t);
	t = core_join(core, CORE_SEQUENCE, &steps);
	vec_free(&steps);
	return t;
}

static const struct core_expression *prefixes_of_text(struct core *core, unsigned int field,
						      const char *const *text, size_t n)
{
	struct prefix *p = arena_alloc(&core->arena, n * sizeof(*p));

	for (size_t i = 0; i < n; i++)
		prefix_parse(text[i], &p[i]);
	return test_prefixes(core, field, p, n);
}

/*
 * RFC 5771, 4; RFC 4291, 2.7: scopes 1 and 2, whatever the flags. Only what some entry has anything of;
 * NULL: nothing.
 */
static const struct core_expression *stays_on_link(struct core *core, const struct vec *all)
{
	struct prefix *p = arena_alloc(&core->arena, 33 * sizeof(*p));
	size_t n = 0;

	for (unsigned int i = 0; i < 33; i++) {
		struct prefix one = { .addr = { .family = ADDR_V6, .bytes = { 0xff } }, .len = 16 };
		bool met = false;

		if (i == 32)
			prefix_parse("224.0.0.0/24", &one);
		else
			one.addr.bytes[1] = (i / 2) << 4 | (1 + i % 2);
		for (size_t j = 0; j < all->len; j++) {
			const struct prefix *group = &((const struct met *)vec_at(all, j))->entry->group;

			met |= prefix_contains(group, &one) || prefix_contains(&one, group);
		}
		if (met)
			p[n++] = one;
	}
	return n ? test_prefixes(core, FIELD_IP_DST, p, n) : NULL;
}

/* Whether another port has the packet's group is asked of single groups, not of prefixes. */
static const struct core_expression *comes_in_elsewhere(struct core *core, const struct met *met, size_t n)
{
	struct vec sum = VEC(const struct core_expression *);
	const struct core_expression *e;

	for (size_t i = 0; i < n && met[i].rank < 2; i++) {
		e = entry_test(core, met[i].entry, false);
		vec_append(&sum, &e);
	}
	e = core_join(core, CORE_SUM, &sum);
	vec_free(&sum);
	return e;
}

static const struct core_expression *groups_of(struct core *core, const struct policy *p,
					       const struct core_expression *rest)
{
	static const char *const multicast[] = { "224.0.0.0/4", "ff00::/8" };
	struct vec all = VEC(struct met);
	const struct core_expression *host = assign(core, CORE_OUT, CORE_HOST), *e, *elsewhere, *link;

	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t j = 0; j < g->entries.len; j++) {
			const struct policy_entry *entry = vec_at(&g->entries, j);
			struct met one = { g, entry, rank_of(entry), all.len };

			vec_append(&all, &one);
		}
	}
	if (!all.len)
		return rest;
	qsort(all.data, all.len, sizeof(struct met), compare_met);
	elsewhere = comes_in_elsewhere(core, all.data, all.len);
	e = host;
	if (elsewhere->kind != CORE_DROP)
		e = core_if(core, elsewhere, core_node(core, CORE_DROP), host);
	for (size_t i = all.len; i-- > 0; ) {
		const struct met *met = vec_at(&all, i);

		e = core_if(core, entry_test(core, met->entry, true), legs_of(core, met->group), e);
	}
	link = stays_on_link(core, &all);
	if (link)
		e = core_if(core, link, host, e);
	vec_free(&all);
	return core_if(core, prefixes_of_text(core, FIELD_IP_DST, multicast, 2), e, rest);
}

/* ---- the whole ------------------------------------------------------- */

static struct core_expression *is_ip(struct core *core)
{
	static const struct range types[] = {
		{ ETHERTYPE_IP4, ETHERTYPE_IP4 }, { ETHERTYPE_IP6, ETHERTYPE_IP6 },
	};

	return core_test_ranges(core, FIELD_ETH_TYPE, types, 2);
}

static const struct core_expression *measure_of(struct core *core, const struct policy_measure *m)
{
	struct core_expression *e = core_node(core, CORE_MARK);

	e->mark = CORE_MEASURE;
	e->text = m->name;
	return core_if(core, is_ip(core), e, core_node(core, CORE_ID));
}

/* What is left goes to the stack, which a policy that does not route leaves it to. */
static const struct core_expression *way_on(struct core *core, const struct policy *p)
{
	const struct core_expression *host = assign(core, CORE_OUT, CORE_HOST);
	const struct core_expression *rest = p->routes.len ? core_node(core, CORE_ROUTE) : host;

	if (!p->routes.len && !p->groups.len)
		return host;
	return core_if(core, is_ip(core), groups_of(core, p, rest), host);
}

struct core *core_of_policy(const struct policy *p)
{
	struct vec steps = VEC(const struct core_expression *);
	struct core *core = core_new();
	const struct core_expression *e;

	for (size_t i = 0; i < p->ports.len; i++) {
		const char *name = (*(struct policy_port **)vec_at(&p->ports, i))->name;

		vec_append(&core->ports, &name);
	}
	for (size_t i = 0; i < p->measures.len; i++) {
		e = measure_of(core, vec_at(&p->measures, i));
		vec_append(&steps, &e);
	}
	if (p->filters.len) {
		e = filters_of(core, p);
		vec_append(&steps, &e);
	}
	e = way_on(core, p);
	vec_append(&steps, &e);
	core->root = core_join(core, CORE_SEQUENCE, &steps);
	vec_free(&steps);
	return core;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * userland/lower: boxes against predicates read aloud, on random predicates and packets that hit
 * or just miss them; layers in which no packet finds two rules.
 *
 * SEED= repeats a run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lower/lower.h"
#include "lower/prefixes.h"
#include "policy/field.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "policy/tree.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;

/* ---- a policy by hand -------------------------------------------------------------- */

#define PORTS 3
#define SETS 3

struct world {
	struct policy policy;
	struct policy_port port[PORTS];
	struct policy_set set[SETS];
	uint16_t number[PORTS];
};

static struct world *world_new(void)
{
	static const enum policy_field asked[SETS] = { FIELD_IP_SRC, FIELD_L4_DST, FIELD_TCP_DST };
	static const uint16_t numbers[PORTS] = { 3, 1, 9 };
	struct world *w = xcalloc(1, sizeof(*w));

	w->policy.ports = VEC(struct policy_port *);
	w->policy.filters = VEC(struct policy_filter *);
	w->policy.rules = VEC(struct policy_rule *);
	w->policy.set_tests = VEC(struct policy_set_test);
	for (unsigned int i = 0; i < PORTS; i++) {
		struct policy_port *port = &w->port[i];

		w->number[i] = numbers[i];
		vec_append(&w->policy.ports, &port);
	}
	for (unsigned int i = 0; i < SETS; i++)
		vec_append(&w->policy.set_tests, &(struct policy_set_test){ &w->set[i], asked[i] });
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->policy.filters.len; i++) {
		struct policy_filter *filter = *(struct policy_filter **)vec_at(&w->policy.filters, i);

		vec_free(&filter->ports);
		vec_free(&filter->rules);
	}
	vec_free(&w->policy.ports);
	vec_free(&w->policy.filters);
	vec_free(&w->policy.rules);
	vec_free(&w->policy.set_tests);
	arena_free(&w->policy.arena);
	free(w);
}

static struct policy_predicate *node(struct world *w, enum policy_predicate_kind kind,
				     struct policy_predicate *left, struct policy_predicate *right)
{
	struct policy_predicate *p = arena_alloc(&w->policy.arena, sizeof(*p));

	p->kind = kind;
	p->left = left;
	p->right = right;
	return p;
}

/* ---- random predicates -------------------------------------------------------------- */

/* Few values of each field, edges among them, so that tests meet. */
static uint64_t some_value(enum policy_field field)
{
	static const uint64_t types[] = { 0x0800, 0x86dd, 0x0806, 0x0801, 0x88cc };
	static const uint64_t protocols[] = { 6, 17, 1, 58, 2, 0, 89 };
	static const uint64_t lengths[] = { 60, 64, 100, 1500 };
	static const uint64_t small[] = { 0, 1, 2, 3, 22, 80 };
	uint64_t max = field_max(field);

	switch (field) {
	case FIELD_IN:
		return below(&seed, PORTS);
	case FIELD_ETH_TYPE:
		return types[below(&seed, 5)];
	case FIELD_IP_PROTO:
		return protocols[below(&seed, 7)];
	case FIELD_PKT_LEN:
		return lengths[below(&seed, 4)];
	case FIELD_IP_FRAG:
	case FIELD_SOCKET:
		return below(&seed, 3);
	default:
		if (!below(&seed, 4))
			return max;
		max = small[below(&seed, 6)] & max;
		return max;
	}
}

static struct addr some_address(void)
{
	return random_addr(&seed, below(&seed, 3) ? ADDR_V4 : ADDR_V6, 2);
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static void some_prefixes(struct world *w, struct policy_predicate *p)
{
	unsigned int n = 1 + below(&seed, 3);
	struct prefix *prefix = arena_alloc(&w->policy.arena, n * sizeof(*prefix));

	for (unsigned int i = 0; i < n; i++) {
		prefix[i].addr = some_address();
		prefix[i].len = below(&seed, addr_bits(prefix[i].addr.family) + 1);
		prefix[i] = prefix_canonical(prefix[i]);
	}
	qsort(prefix, n, sizeof(*prefix), compare_prefixes);
	p->prefixes = (struct vec){ prefix, n, n, sizeof(*prefix) };
	p->unequal = below(&seed, 2);
}

static void some_ranges(struct world *w, struct policy_predicate *p)
{
	unsigned int n = below(&seed, 4), len = 0;
	struct range *range = arena_alloc(&w->policy.arena, (n + 1) * sizeof(*range));
	bool mac = p->field == FIELD_ETH_SRC || p->field == FIELD_ETH_DST;
	uint64_t max = p->field == FIELD_IN ? PORTS - 1 : p->field == FIELD_IP_FRAG ||
		       p->field == FIELD_SOCKET ? 2 : field_max(p->field);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t a = some_value(p->field), b = below(&seed, 2) ? a : some_value(p->field);

		range[i] = a < b ? (struct range){ a, b } : (struct range){ b, a };
		if (mac && range[i].last - range[i].first > 100)
			range[i].first = range[i].last;
	}
	len = ranges_join(range, n);
	/* As "!=" leaves them. */
	if (mac && len && below(&seed, 2) && range[0].first && range[0].last < max) {
		range[1] = (struct range){ range[0].last + 1, max };
		range[0] = (struct range){ 0, range[0].first - 1 };
		len = 2;
	}
	p->ranges = (struct vec){ range, len, len, sizeof(*range) };
}

static struct policy_predicate *some_predicate(struct world *w, unsigned int depth)
{
	unsigned int kind = depth ? below(&seed, 8) : 7;
	struct policy_predicate *p;

	if (kind < 3)
		return node(w, PREDICATE_AND, some_predicate(w, depth - 1),
			    some_predicate(w, depth - 1));
	if (kind < 5)
		return node(w, PREDICATE_OR, some_predicate(w, depth - 1),
			    some_predicate(w, depth - 1));
	if (kind == 5)
		return node(w, PREDICATE_NOT, some_predicate(w, depth - 1), NULL);
	if (kind == 6)
		return node(w, PREDICATE_NAME, some_predicate(w, depth - 1), NULL);
	if (!below(&seed, 8)) {
		const struct policy_set_test *test;

		p = node(w, PREDICATE_SET, NULL, NULL);
		p->set_test = below(&seed, SETS);
		test = vec_at(&w->policy.set_tests, p->set_test);
		p->set = test->set;
		p->field = test->field;
		return p;
	}
	p = node(w, PREDICATE_TEST, NULL, NULL);
	p->field = below(&seed, FIELD_COUNT);
	if (p->field == FIELD_IP_SRC || p->field == FIELD_IP_DST)
		some_prefixes(w, p);
	else
		some_ranges(w, p);
	return p;
}

/* ---- what they mean --------------------------------------------------------------------- */

/* A packet, and which sets have what of it. */
struct seen {
	struct frame_fields fields;
	bool in_set[SETS];
};

static bool means(const struct policy_predicate *p, const struct seen *k)
{
	const struct frame_fields *f = &k->fields;

	switch (p->kind) {
	case PREDICATE_AND:
		return means(p->left, k) && means(p->right, k);
	case PREDICATE_OR:
		return means(p->left, k) || means(p->right, k);
	case PREDICATE_NOT:
		return !means(p->left, k);
	case PREDICATE_NAME:
		return means(p->left, k);
	case PREDICATE_SET:
		return frame_has(f, p->field) && k->in_set[p->set_test];
	default:
		break;
	}
	if (!frame_has(f, p->field))
		return false;
	if (p->field == FIELD_IP_SRC || p->field == FIELD_IP_DST) {
		const struct addr *a = p->field == FIELD_IP_SRC ? &f->src : &f->dst;

		for (size_t i = 0; i < p->prefixes.len; i++)
			if (prefix_covers(vec_at(&p->prefixes, i), a))
				return !p->unequal;
		return p->unequal;
	}
	for (size_t i = 0; i < p->ranges.len; i++) {
		const struct range *r = vec_at(&p->ranges, i);

		if (r->first <= f->value[p->field] && f->value[p->field] <= r->last)
			return true;
	}
	return false;
}

/* Addresses that lie in the predicate's prefixes, or just beside them. */
static const struct prefix *prefix_in(const struct policy_predicate *p)
{
	if (p->kind == PREDICATE_TEST)
		return p->prefixes.len ? vec_at(&p->prefixes, below(&seed, p->prefixes.len)) : NULL;
	if (p->kind == PREDICATE_SET)
		return NULL;
	return prefix_in(p->right && below(&seed, 2) ? p->right : p->left);
}

static void some_side(const struct policy_predicate *p, struct frame_fields *f,
		      enum policy_field field)
{
	const struct prefix *prefix = prefix_in(p);
	struct addr a = some_address();

	if (prefix) {
		unsigned int bits = addr_bits(prefix->addr.family);

		a = prefix->addr;
		for (unsigned int i = prefix->len; i < bits; i++)
			if (below(&seed, 2))
				a.bytes[i >> 3] ^= 0x80 >> (i & 7);
		if (prefix->len && below(&seed, 2))
			a.bytes[(prefix->len - 1) >> 3] ^= 0x80 >> ((prefix->len - 1) & 7);
	}
	frame_set_address(f, field, &a);
}

static struct seen some_packet(const struct policy_predicate *p)
{
	struct text why = { 0 };
	struct seen k;

	do {
		struct frame_fields f = { 0 };

		frame_set(&f, FIELD_IN, below(&seed, PORTS));
		for (unsigned int n = below(&seed, 6); n--;) {
			enum policy_field field = below(&seed, FIELD_COUNT);

			if (field == FIELD_IP_SRC || field == FIELD_IP_DST)
				some_side(p, &f, field);
			else
				frame_set(&f, field, some_value(field));
		}
		k.fields = f;
		text_free(&why);
	} while (frame_settle(&k.fields, &why, NULL));
	text_free(&why);
	k.in_set[0] = frame_has(&k.fields, FIELD_IP_SRC) && below(&seed, 2);
	k.in_set[1] = frame_has(&k.fields, FIELD_L4_DST) && below(&seed, 2);
	k.in_set[2] = frame_has(&k.fields, FIELD_L4_DST) && below(&seed, 2);
	return k;
}

static struct rule_packet packet_of(const struct lower_names *names, const struct seen *k)
{
	struct rule_packet p;

	lower_packet(names, &k->fields, k->in_set[0] | k->in_set[1] << 1 | k->in_set[2] << 2, &p);
	return p;
}

static void tell(const struct seen *k, const struct rule_list *list)
{
	struct text text = { 0 };

	frame_format(NULL, &k->fields, &text);
	fprintf(stderr, "%s\n", text_string(&text));
	text_free(&text);
	for (size_t i = 0; i < list->rules.len && i < 20; i++) {
		rule_format(rule_at(list, i), &text);
		fprintf(stderr, "\t%s\n", text_string(&text));
		text_free(&text);
	}
}

static void test_random(void **state)
{
	unsigned long met = 0, not_met = 0;

	(void)state;
	for (unsigned int round = 0; round < 6000; round++) {
		struct world *w = world_new();
		struct policy_predicate *p = some_predicate(w, below(&seed, 6));
		struct rule_list list[2] = { RULE_LIST, RULE_LIST };
		struct lower_names names;
		struct diags diags;

		diags_init(&diags);
		lower_names_init(&names, &w->policy, w->number);
		for (unsigned int negate = 0; negate < 2; negate++)
			assert_int_equal(lower_predicate(&w->policy, &names, p, negate, 7,
							 &list[negate], &diags), 0);
		for (unsigned int i = 0; i < 60; i++) {
			struct seen k = some_packet(p);
			struct rule_packet packet = packet_of(&names, &k);
			bool meets = means(p, &k);

			*(meets ? &met : &not_met) += 1;
			for (unsigned int negate = 0; negate < 2; negate++) {
				bool found = rule_list_match(&list[negate], &packet) != RULES_NONE;

				if (found != (meets != negate))
					tell(&k, &list[negate]);
				assert_int_equal(found, meets != negate);
			}
		}
		rule_list_free(&list[0]);
		rule_list_free(&list[1]);
		lower_names_free(&names);
		diags_free(&diags);
		world_free(w);
	}
	/* Neither answer is rare. */
	assert_true(met > not_met / 10 && not_met > met / 10);
}

/* ---- sets of addresses -------------------------------------------------------------------- */

static bool covered(struct prefixes s, const struct addr *a)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (prefix_covers(&s.prefix[i], a))
			return true;
	return false;
}

static void test_prefixes(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 5000; round++) {
		struct arena arena = { 0 };
		struct prefix raw[2][6];
		struct prefixes set[2], both, others, again;

		for (unsigned int s = 0; s < 2; s++) {
			unsigned int n = 1 + below(&seed, 6);

			for (unsigned int i = 0; i < n; i++) {
				raw[s][i].addr = some_address();
				raw[s][i].len = below(&seed, 8) ? below(&seed, 12) : below(&seed, 33);
				raw[s][i] = prefix_canonical(raw[s][i]);
			}
			set[s] = prefixes_make(&arena, raw[s], n);
			for (unsigned int i = 0; i < n; i++)
				assert_true(covered(set[s], &raw[s][i].addr));
		}
		both = prefixes_both(&arena, set[0], set[1]);
		others = prefixes_others(&arena, set[0]);
		/* One form: made again it is the same, and the others of the others are it. */
		again = prefixes_make(&arena, both.prefix, both.len);
		assert_true(prefixes_equal(both, again));
		again = prefixes_others(&arena, others);
		assert_true(prefixes_equal(set[0], again));
		assert_int_equal(prefixes_meet(set[0], set[1]), both.len != 0);
		assert_int_equal(prefixes_within(set[0], set[1]), prefixes_equal(both, set[0]));
		for (unsigned int i = 0; i < 50; i++) {
			struct addr a = some_address();
			bool in0 = covered(set[0], &a);

			assert_int_equal(covered(both, &a), in0 && covered(set[1], &a));
			assert_int_equal(covered(others, &a), !in0);
		}
		arena_free(&arena);
	}
}

/* ---- whole policies ------------------------------------------------------------------------- */

static void add_filter(struct world *w, const unsigned int *port, unsigned int ports)
{
	struct policy_filter *filter = arena_alloc(&w->policy.arena, sizeof(*filter));

	filter->ports = VEC(struct policy_port_ref);
	filter->rules = VEC(struct policy_rule *);
	for (unsigned int i = 0; i < ports; i++)
		((struct policy_port_ref *)vec_push(&filter->ports))->port = &w->port[port[i]];
	vec_append(&w->policy.filters, &filter);
}

static void add_rule(struct world *w, struct policy_predicate *p, bool ends)
{
	struct policy_filter *filter = *(struct policy_filter **)vec_at(&w->policy.filters,
								       w->policy.filters.len - 1);
	struct policy_rule *rule = arena_alloc(&w->policy.arena, sizeof(*rule));

	rule->number = w->policy.rules.len;
	rule->filter = filter;
	rule->predicate = p;
	rule->ends = ends;
	vec_append(&filter->rules, &rule);
	vec_append(&w->policy.rules, &rule);
}

static bool filter_has(const struct policy_filter *filter, const struct world *w, unsigned int port)
{
	for (size_t i = 0; i < filter->ports.len; i++)
		if (((struct policy_port_ref *)vec_at(&filter->ports, i))->port == &w->port[port])
			return true;
	return false;
}

static bool rule_means(const struct world *w, const struct policy_rule *rule, const struct seen *k)
{
	return filter_has(rule->filter, w, k->fields.value[FIELD_IN]) &&
	       (!rule->predicate || means(rule->predicate, k));
}

/*
 * Layer 0 ends the search where the text does; of each other layer a packet meets at most one
 * rule, and of all of them together exactly those that the text says.
 */
static void check_packet(const struct world *w, const struct lowered *l, const struct seen *k)
{
	struct rule_packet packet = packet_of(&l->names, k);
	uint32_t first = RULES_NONE, at = rule_list_match(&l->layer[0], &packet);
	size_t expected = 0, found = 0;

	for (size_t i = 0; i < w->policy.rules.len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&w->policy.rules, i);

		if (!rule_means(w, rule, k))
			continue;
		if (!rule->ends)
			expected++;
		else if (first == RULES_NONE)
			first = i;
	}
	assert_int_equal(at == RULES_NONE ? RULES_NONE : rule_at(&l->layer[0], at)->action, first);
	for (unsigned int n = 1; n < l->layers; n++) {
		uint32_t action = RULES_NONE;

		for (size_t i = 0; i < l->layer[n].rules.len; i++) {
			const struct rule *box = rule_at(&l->layer[n], i);
			const struct policy_rule *rule;

			if (!rule_matches(box, &packet) || box->action == action)
				continue;
			assert_int_equal(action, RULES_NONE);
			action = box->action;
			rule = *(struct policy_rule **)vec_at(&w->policy.rules, action);
			assert_true(rule_means(w, rule, k));
			assert_int_equal(l->layer_of[action], n);
			found++;
		}
	}
	assert_int_equal(found, expected);
}

static void check_order(const struct lowered *l)
{
	for (unsigned int n = 0; n < l->layers; n++)
		for (size_t i = 1; i < l->layer[n].rules.len; i++)
			assert_true(rule_at(&l->layer[n], i - 1)->action <=
				    rule_at(&l->layer[n], i)->action);
}

static void test_policies(void **state)
{
	static const unsigned int first[] = { 0 }, rest[] = { 1, 2 };
	unsigned int refused = 0, layers = 0;

	(void)state;
	for (unsigned int round = 0; round < 1500; round++) {
		struct world *w = world_new();
		struct lowered l;
		struct diags diags;
		int err;

		for (unsigned int f = 0; f < 2; f++) {
			add_filter(w, f ? rest : first, f ? 2 : 1);
			for (unsigned int n = 1 + below(&seed, 8); n--;)
				add_rule(w, below(&seed, 8) ? some_predicate(w, 1 + below(&seed, 3)) :
					 NULL, below(&seed, 2));
		}
		diags_init(&diags);
		err = lower_policy(&w->policy, w->number, &l, &diags);
		if (err) {
			assert_int_equal(err, -E2BIG);
			assert_int_equal(diags.errors, 1);
			refused++;
		} else {
			if (l.layers > layers)
				layers = l.layers;
			check_order(&l);
			for (unsigned int i = 0; i < 100; i++) {
				const struct policy_rule *rule = *(struct policy_rule **)
					vec_at(&w->policy.rules, below(&seed, w->policy.rules.len));
				struct policy_predicate any = { .kind = PREDICATE_SET };
				struct seen k = some_packet(rule->predicate ?: &any);

				check_packet(w, &l, &k);
			}
			lowered_free(&l);
		}
		diags_free(&diags);
		world_free(w);
	}
	assert_true(layers > 3);
	assert_true(refused < 100);
}

/* Without a filter there is nothing. */
static void test_no_filter(void **state)
{
	struct world *w = world_new();
	struct lowered l;
	struct diags diags;

	(void)state;
	diags_init(&diags);
	assert_int_equal(lower_policy(&w->policy, w->number, &l, &diags), 0);
	assert_int_equal(l.layers, 0);
	lowered_free(&l);
	diags_free(&diags);
	world_free(w);
}

/* More rules that go on than there are layers, all met by one packet: at the limit, and behind it. */
static void test_layers_full(void **state)
{
	static const unsigned int all[] = { 0, 1, 2 };

	(void)state;
	for (unsigned int n = LAYERS_MAX - 2; n <= LAYERS_MAX; n++) {
		struct world *w = world_new();
		struct lowered l;
		struct diags diags;

		diags_init(&diags);
		add_filter(w, all, 3);
		for (unsigned int i = 0; i < n; i++)
			add_rule(w, NULL, false);
		if (n < LAYERS_MAX) {
			assert_int_equal(lower_policy(&w->policy, w->number, &l, &diags), 0);
			assert_int_equal(l.layers, n + 1);
			/* Frames of every port: nothing is tested. */
			assert_int_equal(rule_at(&l.layer[1], 0)->tests, 0);
			lowered_free(&l);
		} else {
			assert_int_equal(lower_policy(&w->policy, w->number, &l, &diags), -E2BIG);
			assert_non_null(strstr(((struct diag *)vec_at(&diags.list, 0))->sentence,
					       "more than 7 rules"));
		}
		diags_free(&diags);
		world_free(w);
	}
}

static struct policy_predicate *test_of(struct world *w, enum policy_field field, uint64_t first,
					uint64_t last)
{
	struct policy_predicate *p = node(w, PREDICATE_TEST, NULL, NULL);
	struct range *range = arena_alloc(&w->policy.arena, sizeof(*range));

	*range = (struct range){ first, last };
	p->field = field;
	p->ranges = (struct vec){ range, 1, 1, sizeof(*range) };
	return p;
}

static struct policy_predicate *test_prefix(struct world *w, enum policy_field field,
					    struct prefix prefix)
{
	struct policy_predicate *p = node(w, PREDICATE_TEST, NULL, NULL);
	struct prefix *copy = arena_alloc(&w->policy.arena, sizeof(*copy));

	*copy = prefix;
	p->field = field;
	p->prefixes = (struct vec){ copy, 1, 1, sizeof(*copy) };
	return p;
}

/* What multiplies out is refused, soon: (a1 or b1) and (a2 or b2) and ... over different fields. */
static void test_explosion(void **state)
{
	struct world *w = world_new();
	struct policy_predicate *p = NULL;
	struct rule_list list = RULE_LIST;
	struct lower_names names;
	struct diags diags;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		struct policy_predicate *or = node(w, PREDICATE_OR,
			test_prefix(w, i & 1 ? FIELD_IP_SRC : FIELD_IP_DST, (struct prefix){
				addr_v4(below(&seed, 256) << 24), 8 }),
			test_of(w, i % 3 ? FIELD_L4_DST : FIELD_L4_SRC, 1 + below(&seed, 30000),
				30000 + below(&seed, 30000)));

		or = node(w, PREDICATE_OR, or, test_of(w, FIELD_PKT_LEN, below(&seed, 1000),
						       1000 + below(&seed, 1000)));
		or = node(w, PREDICATE_OR, or, test_of(w, FIELD_IP_TTL, below(&seed, 100),
						       100 + below(&seed, 100)));
		p = p ? node(w, PREDICATE_AND, p, node(w, PREDICATE_NOT, or, NULL)) :
		    node(w, PREDICATE_NOT, or, NULL);
	}
	diags_init(&diags);
	lower_names_init(&names, &w->policy, w->number);
	/* All nots: one product. Turned round: products in a union. Neither may hang. */
	assert_int_equal(lower_predicate(&w->policy, &names, p, false, 0, &list, &diags), 0);
	lower_predicate(&w->policy, &names, p, true, 0, &list, &diags);
	rule_list_free(&list);
	p = NULL;
	for (unsigned int i = 0; i < 60; i++) {
		struct policy_predicate *or = node(w, PREDICATE_OR,
			test_of(w, FIELD_PKT_LEN, i * 100, i * 100 + 7000),
			test_of(w, FIELD_L4_DST, i * 200, i * 200 + 9000));

		or = node(w, PREDICATE_OR, or, test_of(w, FIELD_L4_SRC, i * 300, i * 300 + 11000));
		or = node(w, PREDICATE_OR, or, test_of(w, FIELD_IP_TTL, i * 2, i * 2 + 40));
		p = p ? node(w, PREDICATE_AND, p, or) : or;
	}
	if (lower_predicate(&w->policy, &names, p, false, 0, &list, &diags)) {
		assert_int_equal(list.rules.len, 0);
		assert_non_null(strstr(((struct diag *)vec_at(&diags.list, 0))->sentence,
				       "too many cases"));
	}
	rule_list_free(&list);
	lower_names_free(&names);
	diags_free(&diags);
	world_free(w);
}

/* ---- what boxes look like --------------------------------------------------------------------- */

/* The rules of a predicate in filters of three ports with the numbers 3, 1 and 9. */
static const struct {
	const char *predicate;
	const char *boxes;		/* a line each */
} forms[] = {
	{ "ip4", "ip4\n" },
	{ "ip4 or ip6", "ip4 ip6\n" },
	{ "eth.type == 0x0800", "ip4\n" },
	{ "not ip4", "not-ip ip6\n" },
	{ "arp", "not-ip eth.type=2054\n" },
	{ "arp and ip4", "" },
	{ "not (arp or ip4 or ip6)", "not-ip eth.type=0-2047 eth.type=2049-2053 "
	  "eth.type=2055-34524 eth.type=34526-65535\n" },
	{ "in == a", "in=3\n" },
	{ "in == a or in == b or in == c", "any\n" },
	{ "not (in == b)", "in=3 in=9\n" },
	{ "tcp", "ip4 ip6 ip.proto=6\n" },
	{ "not tcp", "ip.proto=0-5 ip.proto=7-255\n" },
	{ "tcp and udp", "" },
	{ "icmp", "ip4 ip.proto=1\nip6 ip.proto=58\n" },
	{ "icmp.type == 8", "ip4 ip6 ip.proto=1 ip.proto=58 ip.frag=0-1 icmp.type=8\n" },
	{ "ip4 and icmp.type == 8", "ip4 ip.proto=1 ip.frag=0-1 icmp.type=8\n" },
	{ "tcp and icmp.type == 8", "" },
	{ "not (icmp.type == 8)", "icmp.type=0-7 icmp.type=9-255\n" },
	{ "tcp.dst == 22", "ip4 ip6 ip.proto=6 ip.frag=0-1 l4.dst=22\n" },
	{ "tcp.dst == 22 or tcp.dst == 23 or tcp.dst in { 80, 443 }",
	  "ip4 ip6 ip.proto=6 ip.frag=0-1 l4.dst=22-23 l4.dst=80 l4.dst=443\n" },
	{ "tcp.dst == 53 or udp.dst == 53",
	  "ip4 ip6 ip.proto=6 ip.proto=17 ip.frag=0-1 l4.dst=53\n" },
	{ "l4.dst == 53", "ip4 ip6 ip.proto=6 ip.proto=17 ip.frag=0-1 l4.dst=53\n" },
	{ "tcp.dst != 22", "ip4 ip6 ip.proto=6 ip.frag=0-1 l4.dst=0-21 l4.dst=23-65535\n" },
	{ "not (tcp.dst == 22)", "ip.proto=0-5 ip.proto=7-255\nl4.dst=0-21 l4.dst=23-65535\n" },
	{ "tcp.dst == 22 and ip.frag == later", "" },
	{ "tcp.flags & (syn|ack) == syn", "ip4 ip6 ip.proto=6 ip.frag=0-1 tcp.flags&0x12=0x2\n" },
	{ "ip.src in { 10.0.0.0/25, 10.0.0.128/25, 10.0.0.7 }", "ip4 ip.src=10.0.0.0/24\n" },
	{ "ip.src == 10.0.0.0/8 or ip.src == 2001:db8::/32",
	  "ip4 ip6 ip.src=10.0.0.0/8,2001:db8::/32\n" },
	{ "ip.src == 10.0.0.0/8 and ip.src == 10.1.0.0/16", "ip4 ip.src=10.1.0.0/16\n" },
	{ "ip.src == 10.0.0.0/8 and ip.dst == 2001:db8::/32", "" },
	{ "ip.src != 128.0.0.0/1", "ip4 ip6 ip.src=0.0.0.0/1,::/0\n" },
	{ "not (ip.src == 128.0.0.0/1)", "not-ip\nip4 ip6 ip.src=0.0.0.0/1,::/0\n" },
	{ "ip.src == 10.0.0.0/8 or ip.src != 10.0.0.0/8", "ip4 ip6\n" },
	{ "ip.src == 10.0.0.0/8 or tcp or ip4", "ip4\nip4 ip6 ip.proto=6\n" },
	{ "socket == established", "ip4 ip6 ip.proto=6 ip.proto=17 ip.frag=0 socket=1\n" },
	{ "not (socket == established)", "socket=0 socket=2\n" },
	{ "vlan.id == 0", "vlan.id=4096\n" },
	{ "not (vlan.id == 5)", "vlan.id=0 vlan.id=4096-4100 vlan.id=4102-8191\n" },
	{ "vlan.pcp == 0", "vlan.id=4096-8191 vlan.pcp=0\n" },
	{ "ip.src in bad", "ip4 ip6 sets&0x1=0x1\n" },
	{ "not (ip.src in bad)", "sets&0x1=0x0\n" },
	{ "ip.src in bad or not (ip.src in bad)", "ip4 ip6 sets&0x1=0x1\nsets&0x1=0x0\n" },
	{ "eth.src == 02:00:00:00:00:01", "eth.src=1\n" },
	{ "eth.src != 02:00:00:00:00:01", "eth.src=0 eth.src=2-65535\n" },
	{ "pkt.len < 64 or pkt.len >= 64", "any\n" },
	{ "ip.ttl < 2 and not ip6", "ip4 ip.ttl=0-1\n" },
};

static void test_forms(void **state)
{
	static const uint16_t number[] = { 3, 1, 9 };

	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct text text = { 0 }, boxes = { 0 };
		struct policy *p;
		struct lowered l;
		struct diags diags;

		text_printf(&text, "port a = \"eth0\"; port b = \"eth1\"; port c = \"eth2\";\n"
			    "set bad : ip.src size 16;\n"
			    "filter a, b, c { drop if ip.src in bad; allow if %s; }\n",
			    forms[i].predicate);
		diags_init(&diags);
		p = policy_parse_text("form", text.data, text.len, &diags);
		if (diags.errors) {
			diags_print(&diags, &boxes, false);
			fprintf(stderr, "%s\n", text_string(&boxes));
		}
		assert_int_equal(diags.errors, 0);
		assert_int_equal(lower_policy(p, number, &l, &diags), 0);
		for (size_t k = 0; k < l.layer[0].rules.len; k++) {
			struct text line = { 0 };

			if (rule_at(&l.layer[0], k)->action != 1)
				continue;
			rule_format(rule_at(&l.layer[0], k), &line);
			text_printf(&boxes, "%s\n", text_string(&line));
			text_free(&line);
		}
		if (strcmp(text_string(&boxes), forms[i].boxes)) {
			fprintf(stderr, "%s:\n%s", forms[i].predicate, text_string(&boxes));
			wrong++;
		}
		lowered_free(&l);
		diags_free(&diags);
		policy_free(p);
		text_free(&text);
		text_free(&boxes);
	}
	assert_int_equal(wrong, 0);
}

/* "not (a1 and b1 or a2 and b2 or ...)": as many boxes as there are alternatives, not 2 to their number. */
static void test_many_exceptions(void **state)
{
	const unsigned int n = 300;
	struct world *w = world_new();
	struct policy_predicate *p = NULL;
	struct rule_list list = RULE_LIST;
	struct lower_names names;
	struct diags diags;

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		struct policy_predicate *one = node(w, PREDICATE_AND,
			test_prefix(w, FIELD_IP_SRC, (struct prefix){ addr_v4(0x0a000000 + i * 7), 32 }),
			test_of(w, FIELD_TCP_DST, 1000 + i, 1000 + i));

		p = p ? node(w, PREDICATE_OR, p, one) : one;
	}
	diags_init(&diags);
	lower_names_init(&names, &w->policy, w->number);
	assert_int_equal(lower_predicate(&w->policy, &names, p, true, 0, &list, &diags), 0);
	assert_true(list.rules.len < 3 * n);
	for (unsigned int i = 0; i < 3000; i++) {
		struct seen k = some_packet(p);
		struct rule_packet packet;

		if (below(&seed, 2)) {
			struct frame_fields f = { 0 };
			struct text why = { 0 };
			unsigned int which = below(&seed, n);
			struct addr a = addr_v4(0x0a000000 + which * 7);

			frame_set(&f, FIELD_IN, 0);
			frame_set_address(&f, FIELD_IP_SRC, &a);
			frame_set(&f, below(&seed, 4) ? FIELD_TCP_DST : FIELD_UDP_DST,
				  1000 + which + !below(&seed, 4));
			assert_int_equal(frame_settle(&f, &why, NULL), 0);
			k.fields = f;
		}
		packet = packet_of(&names, &k);
		assert_int_equal(rule_list_match(&list, &packet) != RULES_NONE, !means(p, &k));
	}
	rule_list_free(&list);
	lower_names_free(&names);
	diags_free(&diags);
	world_free(w);
}

/* Of this process: others may be about. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* A list as long as they come: lowered in a moment, one box a rule; likewise rules that go on. */
static void test_large(void **state)
{
	static const unsigned int one[] = { 1 };
	const unsigned int n = 100000;

	(void)state;
	for (unsigned int ends = 0; ends < 2; ends++) {
		struct world *w = world_new();
		struct lowered l;
		struct diags diags;
		double t;

		add_filter(w, one, 1);
		for (unsigned int i = 0; i < n; i++) {
			struct policy_predicate *p = test_prefix(w, FIELD_IP_SRC, (struct prefix){
				addr_v4(0x0a000000 + (i << 8)), 24 });

			p = node(w, PREDICATE_AND, p, test_prefix(w, FIELD_IP_DST, (struct prefix){
				addr_v4(i * 2654435761u), 32 }));
			p = node(w, PREDICATE_AND, p, test_of(w, FIELD_TCP_DST, i & 1023, i & 1023));
			add_rule(w, p, ends);
		}
		diags_init(&diags);
		t = now();
		assert_int_equal(lower_policy(&w->policy, w->number, &l, &diags), 0);
		t = now() - t;
		printf("# %u rules that %s: %.0f ms\n", n, ends ? "end" : "go on", t * 1e3);
		assert_int_equal(l.layers, ends ? 1 : 2);
		assert_int_equal(l.layer[!ends].rules.len, n);
		assert_true(t < 3);
		lowered_free(&l);
		diags_free(&diags);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no_filter),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_layers_full),
		cmocka_unit_test(test_explosion),
		cmocka_unit_test(test_many_exceptions),
		cmocka_unit_test(test_large),
	};

	seed = random_seed();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * userland/rules: tables against the plain list, on random lists that overlap on purpose,
 * changed and unchanged, and on lists made to explode.
 *
 * SEED= repeats a run; SLOW=1 adds hostile lists of 100,000 rules.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/rules.bpf.h"
#include "rules/forest.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;

static struct rules *build(const struct rule_list *list, const struct rules_options *options)
{
	struct rule_list copy = list_copy(list);
	struct text why = { 0 };
	struct rules *r = NULL;

	if (rules_build(&copy, options, &r, &why)) {
		fprintf(stderr, "%s\n", text_string(&why));
		rule_list_free(&copy);
	}
	text_free(&why);
	return r;
}

static void compare(const struct rules *r, const struct rule_list *list, unsigned int packets)
{
	for (unsigned int i = 0; i < packets; i++) {
		struct rule_packet p = list_packet(&seed, list);

		assert_true(agrees(r, list, &p));
	}
}

static const struct mix mixes[] = {
	{ .v6 = 0, .centres = 2, .prefixes = 1, .fields = 2, .kinds = 3, .values = 4 },
	{ .v6 = 50, .centres = 3, .prefixes = 3, .fields = 3, .kinds = 4, .values = 6 },
	{ .v6 = 100, .centres = 1, .prefixes = 1, .fields = 0 },
	{ .v6 = 20, .centres = 8, .prefixes = 2, .fields = 4 },
	{ .v6 = 0, .centres = 1, .lengths = 4, .prefixes = 1, .fields = 1, .values = 3 },
	{ .v6 = 30, .centres = 1, .lengths = 12, .prefixes = 4, .fields = 2, .kinds = 5, .values = 16 },
};
#define MIXES (sizeof(mixes) / sizeof(*mixes))

/* ---- lists that nothing is said about --------------------------------------------- */

static void test_empty(void **state)
{
	struct rule_list list = RULE_LIST;
	struct rules *r = build(&list, NULL);
	struct rule_packet p = { 0 };

	(void)state;
	assert_non_null(r);
	assert_int_equal(rules_match(r, &p), RULES_NONE);
	addr_parse("192.0.2.1", &p.addr[0]);
	addr_parse("192.0.2.2", &p.addr[1]);
	assert_int_equal(rules_match(r, &p), RULES_NONE);
	rules_free(r);
}

/* What cannot be is refused, and nothing is kept of it. */
static void test_unsound(void **state)
{
	struct prefix crooked = { .addr = { ADDR_V4, { 10, 1 } }, .len = 8 };
	struct prefix long4 = { .addr = { ADDR_V4, { 10 } }, .len = 33 };
	const struct rule_test bad[] = {
		{ RULES_PROTO, RULE_RANGE, 6, 256 },
		{ RULES_PROTO, RULE_RANGE, 7, 6 },
		{ RULES_FIELD_COUNT, RULE_RANGE, 0, 0 },
		{ RULES_TCP_FLAGS, RULE_MASK, 3, 2 },
		{ RULES_TCP_FLAGS, 2, 0, 0 },
	};
	struct rule rule = { .families = RULE_ALL };
	struct rule_list list = RULE_LIST;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		rule.tests = 1;
		rule.test = &bad[i];
		assert_int_equal(rule_list_add(&list, &rule), -EINVAL);
	}
	rule.tests = 0;
	rule.prefixes[1] = 1;
	rule.prefix[1] = &crooked;
	assert_int_equal(rule_list_add(&list, &rule), -EINVAL);
	rule.prefix[1] = &long4;
	assert_int_equal(rule_list_add(&list, &rule), -EINVAL);
	rule.prefixes[1] = 0;
	rule.families = 0;
	assert_int_equal(rule_list_add(&list, &rule), -EINVAL);
	assert_int_equal(list.rules.len, 0);
	rule.families = RULE_IP6;
	assert_int_equal(rule_list_add(&list, &rule), 0);
	rule_list_free(&list);
}

/* ---- random lists ------------------------------------------------------------------ */

static void test_random(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		const struct mix *m = &mixes[round % MIXES];
		struct rule_list list = mix_list(&seed, m, below(&seed, round < 150 ? 12 : 200));
		struct rules *r = build(&list, NULL);

		assert_non_null(r);
		compare(r, &list, 300);
		rules_free(r);
		rule_list_free(&list);
	}
}

/*
 * Every packet that a small domain has: addresses of four bits a side, four protocols, four
 * ports, for lists over nothing else.
 */
static void test_exhaustive(void **state)
{
	static const uint8_t fields[] = { RULES_PROTO, RULES_SPORT };
	struct rule_packet p = { .addr = { { .family = ADDR_V4 }, { .family = ADDR_V4 } } };

	(void)state;
	for (unsigned int round = 0; round < 150; round++) {
		struct rule_list list = RULE_LIST;
		struct rules *r;

		for (unsigned int i = below(&seed, 14); i-- > 0;) {
			struct prefix prefix[2];
			struct rule_test test[2];
			struct rule rule = { .families = RULE_IP4, .prefixes = { 1, 1 },
				.prefix = { &prefix[0], &prefix[1] }, .test = test,
				.tests = below(&seed, 3) };

			for (unsigned int side = 0; side < 2; side++)
				prefix[side] = prefix_canonical((struct prefix){
					.addr = addr_v4(below(&seed, 16) << 28),
					.len = below(&seed, 5) });
			for (unsigned int k = 0; k < 2; k++) {
				uint16_t a = below(&seed, 4), b = below(&seed, 4);

				test[k] = below(&seed, 3) ?
					  (struct rule_test){ fields[k], RULE_RANGE, a & b, a | b } :
					  (struct rule_test){ fields[k], RULE_MASK, a & b, b };
			}
			assert_int_equal(rule_list_add(&list, &rule), 0);
		}
		r = build(&list, NULL);
		assert_non_null(r);
		for (unsigned int i = 0; i < 4096; i++) {
			p.addr[0].bytes[0] = i << 4;
			p.addr[1].bytes[0] = i >> 4 << 4;
			p.field[RULES_PROTO] = i >> 8 & 3;
			p.field[RULES_SPORT] = i >> 10;
			assert_true(agrees(r, &list, &p));
		}
		rules_free(r);
		rule_list_free(&list);
	}
}

/* The same list, the same bytes. */
static void test_determinate(void **state)
{
	struct rule_list list = mix_list(&seed, &mixes[1], 500);
	struct rules *a = build(&list, NULL), *b = build(&list, NULL);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_memory_equal(rules_shape(a), rules_shape(b), sizeof(struct rules_shape));
	assert_memory_equal(rules_area(a), rules_area(b), rules_shape(a)->bytes);
	rules_free(a);
	rules_free(b);
	rule_list_free(&list);
}

/* What the address look-ups are to hold says the same as userland's own trees. */
static void test_addresses(void **state)
{
	struct rule_list list = mix_list(&seed, &mixes[1], 300);
	struct rules *r = build(&list, NULL);

	(void)state;
	assert_non_null(r);
	for (unsigned int side = 0; side < 2; side++) {
		struct vec addresses = VEC(struct rules_address);

		rules_addresses(r, side, &addresses);
		for (unsigned int i = 0; i < 2000; i++) {
			struct rule_packet p = list_packet(&seed, &list);
			const struct addr *a = &p.addr[side];
			const struct rules_address *best = NULL;

			for (size_t k = 0; k < addresses.len; k++) {
				const struct rules_address *at = vec_at(&addresses, k);

				if (prefix_covers(&at->prefix, a) &&
				    (!best || at->prefix.len > best->prefix.len))
					best = at;
			}
			assert_int_equal(rules_address_word(r, side, a), best ? best->word : 0);
			assert_true(!best == (a->family == ADDR_NONE));
			assert_true(!best || best->word);
		}
		vec_free(&addresses);
	}
	rules_free(r);
	rule_list_free(&list);
}

/* ---- forests ------------------------------------------------------------------------- */

struct numbers {
	uint8_t seen[4096];
	unsigned int count;
};

static void note_numbers(void *user, uint32_t first, uint32_t count)
{
	struct numbers *n = user;

	for (uint32_t i = first; i < first + count; i++) {
		assert_false(n->seen[i]);
		n->seen[i] = 1;
		n->count++;
	}
}

/* What is said to be below each node is what is, one by one. */
static void check_forest(const struct forest *f)
{
	for (uint32_t node = 1; node < f->nodes.len; node++) {
		const struct forest_node *n = forest_node(f, node);
		struct numbers below = { 0 };
		unsigned int count = 0;

		assert_int_equal(*(uint32_t *)vec_at(&f->numbered, n->number), node);
		forest_below(f, node, note_numbers, &below);
		for (uint32_t other = 1; other < f->nodes.len; other++) {
			const struct forest_node *o = forest_node(f, other);
			bool is_below = n->prefix.addr.family == o->prefix.addr.family &&
					prefix_contains(&n->prefix, &o->prefix);

			assert_true(!is_below || o->band >= n->band);
			if (!is_below || o->band != n->band)
				continue;
			assert_true(below.seen[o->number]);
			count++;
		}
		assert_int_equal(below.count, count);
	}
}

/* Nodes that are added and taken back again. */
static void test_forest(void **state)
{
	static const struct mix mix = { .v6 = 30, .centres = 4 };
	static const uint32_t limit[] = { 15, 3 };

	(void)state;
	for (unsigned int round = 0; round < 6; round++) {
		unsigned int added = 0;
		struct forest f;

		forest_init(&f);
		for (unsigned int i = 0; i < 150; i++) {
			struct prefix p = mix_prefix(&seed, &mix, below(&seed, 3) ? ADDR_V4 : ADDR_V6);

			forest_put(&f, &p);
		}
		forest_order(&f);
		forest_number(&f, 2 + round % 2, limit);
		f.cap = 4096;
		check_forest(&f);
		for (unsigned int i = 0; i < 60; i++) {
			struct prefix p = mix_prefix(&seed, &mix, below(&seed, 3) ? ADDR_V4 : ADDR_V6);

			if (added && !below(&seed, 3)) {
				forest_drop(&f);
				added--;
			} else if (!forest_get(&f, &p) && forest_add(&f, &p)) {
				added++;
			}
			if (i % 4 == 0)
				check_forest(&f);
		}
		while (added--)
			forest_drop(&f);
		check_forest(&f);
		forest_free(&f);
	}
}

/* ---- hostile lists -------------------------------------------------------------------- */

static void add_pair(struct rule_list *list, uint32_t source, unsigned int source_len,
		     uint32_t destination, unsigned int destination_len, const struct rule_test *test,
		     uint32_t tests)
{
	struct prefix p[2] = {
		prefix_canonical((struct prefix){ addr_v4(source), source_len }),
		prefix_canonical((struct prefix){ addr_v4(destination), destination_len }),
	};
	struct rule rule = { .families = RULE_IP4, .prefixes = { 1, 1 }, .prefix = { &p[0], &p[1] },
			     .tests = tests, .test = test };

	assert_int_equal(rule_list_add(list, &rule), 0);
}

static struct rule_test some_service(void)
{
	uint16_t port = below(&seed, 40) * 100;

	return (struct rule_test){ RULES_DPORT, RULE_RANGE, port, port + below(&seed, 3) * 150 };
}

/* Groups of hosts and nets, each by each. */
static void object_groups(struct rule_list *list, size_t n)
{
	while (list->rules.len < n) {
		uint32_t sources[20], destinations[20], lens[20], dlens[20];
		struct rule_test t = some_service();
		uint32_t m = 2 + below(&seed, 19), k = 2 + below(&seed, 19);

		for (uint32_t i = 0; i < 20; i++) {
			sources[i] = 0x0a000000 | below(&seed, 1 << 16);
			destinations[i] = 0xc0a80000 | below(&seed, 1 << 16);
			lens[i] = below(&seed, 3) ? 32 : 18 + below(&seed, 14);
			dlens[i] = below(&seed, 3) ? 32 : 18 + below(&seed, 14);
		}
		for (uint32_t i = 0; i < m; i++)
			for (uint32_t j = 0; j < k; j++)
				add_pair(list, sources[i], lens[i], destinations[j], dlens[j], &t, 1);
	}
}

/* Prefixes anywhere, of any length. */
static void uniform_prefixes(struct rule_list *list, size_t n)
{
	while (list->rules.len < n) {
		struct rule_test t = some_service();

		add_pair(list, random_next(&seed), below(&seed, 33), random_next(&seed),
			 below(&seed, 33), &t, 1);
	}
}

/* Prefixes around a few addresses, 33 deep on either side. */
static void deep_nesting(struct rule_list *list, size_t n)
{
	uint32_t centre[2] = { 0xc6336401, 0xcb007155 };

	while (list->rules.len < n) {
		struct rule_test t = some_service();
		uint32_t p[2];
		unsigned int len[2];

		for (unsigned int side = 0; side < 2; side++) {
			len[side] = below(&seed, 33);
			p[side] = centre[side];
			/* Every other one leaves the path somewhere. */
			if (below(&seed, 2) && len[side])
				p[side] ^= 1u << (31 - below(&seed, len[side]));
		}
		add_pair(list, p[0], len[0], p[1], len[1], &t, 1);
	}
}

/* Rectangles of ports: the classes of both are too many for bits. */
static void port_rectangles(struct rule_list *list, size_t n)
{
	while (list->rules.len < n) {
		uint16_t a[4];
		struct rule_test t[2];

		for (unsigned int i = 0; i < 4; i++)
			a[i] = random_next(&seed);
		t[0] = (struct rule_test){ RULES_SPORT, RULE_RANGE, a[0] < a[1] ? a[0] : a[1],
					   a[0] < a[1] ? a[1] : a[0] };
		t[1] = (struct rule_test){ RULES_DPORT, RULE_RANGE, a[2] < a[3] ? a[2] : a[3],
					   a[2] < a[3] ? a[3] : a[2] };
		add_pair(list, 0x0a000000 | below(&seed, 1 << 12) << 8, 24 + below(&seed, 9),
			 0xc0a80000 | below(&seed, 256) << 8, 24, t, 2);
	}
}

/* Each rule has a port of its own. */
static void exact_ports(struct rule_list *list, size_t n)
{
	while (list->rules.len < n) {
		uint16_t port = list->rules.len * 6;
		struct rule_test t[2] = { { RULES_PROTO, RULE_RANGE, 6, 6 },
					  { RULES_DPORT, RULE_RANGE, port, port } };

		add_pair(list, 0x0a000000, 8, 0xc0a80000 | below(&seed, 1 << 12), 28 + below(&seed, 5), t,
			 2);
	}
}

/* Built within the budget and right, or refused in words. */
static void hostile(void (*make)(struct rule_list *list, size_t n), size_t n, size_t budget,
		    bool must_fit)
{
	struct rules_options options = { .budget = budget };
	struct rule_list list = RULE_LIST, copy;
	struct rules_stats stats;
	struct text why = { 0 };
	struct rules *r;
	clock_t began;
	int err;

	make(&list, n);
	copy = list_copy(&list);
	began = clock();
	err = rules_build(&copy, &options, &r, &why);
	began = clock() - began;
	if (!err) {
		rules_stats(r, &stats);
		printf("# %zu rules: %zu kB of %zu, %.0f ms, %u by %u bands, %u probes, %zu services in %u groups\n",
		       list.rules.len, stats.bytes >> 10, budget >> 10,
		       began * 1e3 / CLOCKS_PER_SEC, stats.bands[0], stats.bands[1],
		       stats.probes, stats.services, stats.groups);
		assert_true(stats.bytes <= budget);
		compare(r, &list, 1500);
		rules_free(r);
	} else {
		printf("# %zu rules, %.0f ms: %s\n", list.rules.len, began * 1e3 / CLOCKS_PER_SEC,
		       text_string(&why));
		assert_int_equal(err, -E2BIG);
		assert_true(why.len > 40);
		assert_false(must_fit);
		/* As it was. */
		assert_int_equal(copy.rules.len, list.rules.len);
	}
	text_free(&why);
	rule_list_free(&copy);
	rule_list_free(&list);
}

static void test_hostile(void **state)
{
	(void)state;
	hostile(object_groups, 10000, RULES_BUDGET, true);
	hostile(uniform_prefixes, 10000, RULES_BUDGET, true);
	hostile(deep_nesting, 10000, RULES_BUDGET, true);
	hostile(port_rectangles, 1000, RULES_BUDGET, true);
}

/* SLOW=1: as many rules as the budget is meant for. */
static void test_hostile_100k(void **state)
{
	(void)state;
	if (!getenv("SLOW"))
		skip();
	hostile(object_groups, 100000, RULES_BUDGET, true);
	hostile(uniform_prefixes, 100000, RULES_BUDGET, true);
	hostile(deep_nesting, 100000, RULES_BUDGET, true);
	hostile(port_rectangles, 3000, RULES_BUDGET, true);
	hostile(exact_ports, 10000, RULES_BUDGET, true);
}

/* Budgets that force more bands, longer lists, and at last a refusal. */
/* A plane of which little is used is an array all the same, as long as that is affordable. */
static void test_arrays(void **state)
{
	struct rules_options options = { .budget = RULES_BUDGET };
	bool was_array = false, was_hashed = false;
	struct rule_list list = RULE_LIST;
	struct text why = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		add_pair(&list, 0x0a000000 | i << 8, 24, 0, 0, NULL, 0);
	for (uint32_t i = 0; i < 4000; i++)
		add_pair(&list, 0x0a000000 | i << 8, 24, 0xc0a80000 | below(&seed, 256) << 8, 24, NULL, 0);
	while (options.budget) {
		struct rule_list copy = list_copy(&list);
		const struct rules_shape *s;
		struct rules *r;

		if (rules_build(&copy, &options, &r, &why)) {
			rule_list_free(&copy);
			break;
		}
		s = rules_shape(r);
		was_array |= s->nw && s->hashed == RULES_HASHED_NN;
		was_hashed |= !s->nw && s->hashed & RULES_HASHED_NW;
		assert_in_range(s->bytes, 1, options.budget);
		compare(r, &list, 500);
		options.budget = (options.budget > 4 * s->bytes ? s->bytes : options.budget) * 15 / 16;
		rules_free(r);
	}
	assert_true(was_array && was_hashed);
	text_free(&why);
	rule_list_free(&list);
}

static void test_budgets(void **state)
{
	(void)state;
	for (size_t budget = (size_t)8 << 20; budget >= (size_t)128 << 10; budget /= 4) {
		hostile(object_groups, 4000, budget, false);
		hostile(uniform_prefixes, 4000, budget, false);
		hostile(deep_nesting, 4000, budget, false);
		hostile(port_rectangles, 400, budget, false);
	}
}

/* ---- changes ------------------------------------------------------------------------------ */

/* The list as it stands, and the place of each rule's number in it. */
static struct rule_list present_list(const struct rules *r, struct vec *numbers)
{
	struct rule_list list = RULE_LIST;

	numbers->len = 0;
	for (uint32_t i = rules_first(r); i != RULES_NONE; i = rules_next(r, i)) {
		rule_list_add(&list, rules_get(r, i));
		vec_append(numbers, &i);
	}
	return list;
}

static uint32_t priority_of(const struct rules *r, uint32_t number)
{
	const struct rules_head *heads = (const void *)(rules_area(r) + rules_shape(r)->heads);

	return heads[number].priority;
}

/* Changed tables, the list, and tables of that list built anew: all the same in meaning. */
static void compare_changed(const struct rules *r, unsigned int packets)
{
	struct vec numbers = VEC(uint32_t);
	struct rule_list list = present_list(r, &numbers);
	struct rules *fresh = build(&list, NULL);
	uint32_t above = 0;

	assert_non_null(fresh);
	for (size_t i = 0; i < numbers.len; i++) {
		uint32_t priority = priority_of(r, *(uint32_t *)vec_at(&numbers, i));

		assert_true(priority > above);
		above = priority;
	}
	for (unsigned int i = 0; i < packets; i++) {
		struct rule_packet p = list_packet(&seed, &list);
		uint32_t got = rules_match(r, &p), want = rules_match(fresh, &p);

		assert_true(agrees(fresh, &list, &p));
		if (want != RULES_NONE)
			want = *(uint32_t *)vec_at(&numbers, want);
		if (got != want) {
			packet_print(&p);
			fprintf(stderr, "changed: %d, anew: %d\n", (int)got, (int)want);
		}
		assert_int_equal(got, want);
	}
	rules_free(fresh);
	rule_list_free(&list);
	vec_free(&numbers);
}

/* A number that some rule has. */
static uint32_t some_number(const struct rules *r, uint32_t slots)
{
	uint32_t i = below(&seed, slots);

	while (!rules_get(r, i))
		i = (i + 1) % slots;
	return i;
}

/*
 * @changes of a list of @n rules, each to be done in place where it can be: seven of eight
 * with a service that some rule has. Return: how many were.
 */
static unsigned int change_list(const struct mix *m, size_t n, unsigned int changes,
				unsigned int compared)
{
	struct rule_list list = mix_list(&seed, m, n);
	struct rules *r = build(&list, NULL);
	size_t slots = list.rules.len;
	struct text why = { 0 };
	struct rules_stats stats;
	struct rule_room room;

	assert_non_null(r);
	for (unsigned int i = 0; i < changes; i++) {
		unsigned int what = below(&seed, 3);
		uint32_t number, before;

		rules_stats(r, &stats);
		if (!stats.rules)
			what = 0;
		mix_rule(&seed, m, 100000 + i, &room);
		if (stats.rules && below(&seed, 8)) {
			const struct rule *like = rules_get(r, some_number(r, slots));

			room.rule.tests = like->tests < 16 ? like->tests : 16;
			memcpy(room.test, like->test, room.rule.tests * sizeof(*like->test));
		}
		if (what == 0) {
			before = stats.rules && below(&seed, 4) ? some_number(r, slots) : RULES_NONE;
			assert_int_equal(rules_insert(r, before, &room.rule, &number, &why), 0);
			assert_true(number <= slots);
			slots += number == slots;
			assert_int_equal(rules_next(r, number), before);
		} else if (what == 1) {
			number = some_number(r, slots);
			assert_int_equal(rules_delete(r, number, &why), 0);
			assert_int_equal(rules_delete(r, number, &why), -ENOENT);
		} else {
			number = some_number(r, slots);
			assert_int_equal(rules_replace(r, number, &room.rule, &why), 0);
		}
		if (i % (changes / 6) == changes / 6 - 1)
			compare_changed(r, compared);
	}
	rules_stats(r, &stats);
	rules_free(r);
	rule_list_free(&list);
	return changes + 1 - stats.builds;
}

static void test_changes(void **state)
{
	/* Large enough for narrow nodes, which new prefixes come to stand over and under. */
	static const struct mix large[] = {
		{ .centres = 40, .prefixes = 1, .fields = 1, .kinds = 2, .values = 3 },
		{ .centres = 6, .lengths = 20, .prefixes = 1, .fields = 1, .kinds = 2, .values = 3 },
		{ .v6 = 40, .centres = 20, .lengths = 40, .prefixes = 2, .fields = 2, .kinds = 3,
		  .values = 3 },
	};
	unsigned int in_place = 0;

	(void)state;
	for (unsigned int round = 0; round < 2 * MIXES; round++)
		in_place += change_list(&mixes[round % MIXES], 1 + below(&seed, 100), 60, 100);
	printf("# small lists: %u of %zu changes in place\n", in_place, 2 * MIXES * 60);
	for (unsigned int round = 0; round < 3; round++) {
		in_place = change_list(&large[round], 1000, 1500, 4000);
		printf("# large lists: %u of 1500 changes in place\n", in_place);
		assert_true(in_place > 500);
	}
}

/*
 * Always in front of the same rule, or of the last that came: the gaps between priorities
 * are used up again and again. The same rule each time, so that it is done in place.
 */
static void test_gaps(void **state)
{
	struct rule_list list = mix_list(&seed, &mixes[0], 200);
	struct rules *r = build(&list, NULL);
	struct rules_stats stats;
	struct text why = { 0 };
	uint32_t number = 7;

	(void)state;
	assert_non_null(r);
	for (unsigned int i = 0; i < 70; i++) {
		assert_int_equal(rules_insert(r, i < 35 ? 7 : number, rule_at(&list, 7), &number,
					      &why), 0);
		compare_changed(r, 50);
	}
	rules_stats(r, &stats);
	assert_true(stats.builds < 4);
	rules_free(r);
	rule_list_free(&list);
}

/* The greatest number in front of all others: from then on numbers do not tell which rule is first. */
static void test_new_first(void **state)
{
	struct rule_list list = mix_list(&seed, &mixes[0], 200);
	struct rule every = { .families = RULE_ALL };
	struct rules *r = build(&list, NULL);
	struct rules_stats stats;
	struct text why = { 0 };
	uint32_t number;

	(void)state;
	assert_non_null(r);
	assert_true(rules_shape(r)->ordered);
	assert_int_equal(rules_insert(r, rules_first(r), &every, &number, &why), 0);
	assert_int_equal(number, 200);
	assert_false(rules_shape(r)->ordered);
	for (unsigned int i = 0; i < 200; i++) {
		struct rule_packet p = list_packet(&seed, &list);

		assert_int_equal(rules_match(r, &p), number);
	}
	assert_int_equal(rules_delete(r, number, &why), 0);
	compare_changed(r, 200);
	rules_stats(r, &stats);
	assert_int_equal(stats.builds, 1);
	rules_free(r);
	rule_list_free(&list);
}

/* A change that does not fit leaves all as it was. */
static void test_change_refused(void **state)
{
	struct rules_options options = { .budget = 320 << 10 };
	struct rule_list list = RULE_LIST;
	unsigned int refused = 0;
	struct text why = { 0 };
	struct rules_stats stats;
	struct rule_room room;
	struct rules *r;
	uint32_t number;

	(void)state;
	uniform_prefixes(&list, 100);
	r = build(&list, &options);
	assert_non_null(r);
	for (unsigned int i = 0; i < 200 && refused < 3; i++) {
		int err;

		mix_rule(&seed, &mixes[3], i, &room);
		err = rules_insert(r, RULES_NONE, &room.rule, &number, &why);
		if (err) {
			assert_int_equal(err, -E2BIG);
			assert_true(why.len > 40);
			refused++;
			compare_changed(r, 200);
		}
		rules_stats(r, &stats);
		assert_true(stats.bytes <= options.budget);
	}
	assert_int_equal(refused, 3);
	text_free(&why);
	rules_free(r);
	rule_list_free(&list);
}

/* ---- the first line ------------------------------------------------------------------------ */

/* An area that lies about its offsets is read at its first line: no rule, and no crash. */
static void test_out_of_bounds(void **state)
{
	struct rule_list list = mix_list(&seed, &mixes[1], 200);
	struct rules *r = build(&list, NULL);
	struct rules_shape s = *rules_shape(r);
	uint8_t *area = malloc(s.bytes);

	(void)state;
	memcpy(area, rules_area(r), s.bytes);
	for (uint32_t i = s.heads / 4; i < s.bytes / 4; i++)
		((uint32_t *)area)[i] = below(&seed, 2) ? random_next(&seed) : ~0u;
	for (unsigned int i = 0; i < 20000; i++) {
		struct rules_found found = RULES_FOUND_NONE;
		struct rules_classes classes;

		for (unsigned int g = 0; g < RULES_GROUPS_MAX; g++)
			classes.of_group[g] = random_next(&seed) & 0xffff;
		rules_walk(area, &s, random_next(&seed), random_next(&seed), &classes, &found);
		assert_true(found.priority || found.rule == RULES_NONE);
	}
	free(area);
	rules_free(r);
	rule_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_exhaustive),
		cmocka_unit_test(test_determinate),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_forest),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_hostile_100k),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_new_first),
		cmocka_unit_test(test_change_refused),
		cmocka_unit_test(test_out_of_bounds),
	};

	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

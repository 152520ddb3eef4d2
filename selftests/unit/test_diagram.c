// SPDX-License-Identifier: GPL-2.0
/*
 * Diagrams of rule lists: the first match of each packet; which rules are dead; what two lists do not
 * treat alike. Random lists, and ClassBench's of some thousand rules. The seed is printed; SEED=n
 * repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyse/diagram.h"
#include "base/table.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;

static uint32_t mark_of(const struct dd_space *s, const struct dd *d, const dd_value *values)
{
	const struct dd *leaf = dd_eval(s, d, values);

	if (!dd_copies(leaf))
		return RULES_NONE;
	assert_int_equal(dd_copies(leaf), 1);
	assert_int_equal(dd_copy(leaf, 0)->marks, 1);
	return dd_copy(leaf, 0)->mark[0];
}

static void compare(struct dd_space *s, const struct rule_list *list, const struct dd *d, size_t packets)
{
	for (size_t i = 0; i < packets; i++) {
		struct rule_packet p = list_packet(&seed, list), back;
		dd_value values[LIST_FIELD_COUNT];

		diagram_list_values(&p, values);
		assert_int_equal(mark_of(s, d, values), rule_list_match(list, &p));
		diagram_list_packet(values, &back);
		assert_true(addr_equal(&p.addr[0], &back.addr[0]) && addr_equal(&p.addr[1], &back.addr[1]));
		assert_memory_equal(p.field, back.field, sizeof(p.field));
	}
}

static const struct mix mixes[] = {
	{ .v6 = 20, .centres = 3, .prefixes = 2, .fields = 3, .values = 20 },
	{ .v6 = 0, .centres = 4, .lengths = 6, .prefixes = 3, .fields = 2, .kinds = 3 },
	{ .v6 = 50, .centres = 2, .prefixes = 8, .fields = 4 },
};

static void test_first_match(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		struct dd_space *s = diagram_list_space(DD_BUDGET);
		struct rule_list list = mix_list(&seed, &mixes[i % 3], below(&seed, 12));
		const struct dd *d = diagram_of_list(s, &list, NULL, NULL);

		assert_non_null(d);
		compare(s, &list, d, 500);
		rule_list_free(&list);
		dd_space_free(s);
	}
}

static uint32_t parity(void *context, const struct rule *rule, uint32_t place)
{
	(void)context;
	(void)place;
	return rule->action & 1;
}

/* Two lists of two actions: where they differ, and a packet for it. */
static void test_differ(void **state)
{
	unsigned int differ = 0;

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		struct dd_space *s = diagram_list_space(DD_BUDGET);
		struct rule_list list = mix_list(&seed, &mixes[i % 3], 8), other = list_copy(&list);
		struct rule *changed = rule_at(&other, below(&seed, 8));
		const struct dd *a = diagram_of_list(s, &list, parity, NULL), *b, *where;
		dd_value values[LIST_FIELD_COUNT] = { 0 };
		struct rule_packet p;

		changed->action ^= 1;
		b = diagram_of_list(s, &other, parity, NULL);
		where = dd_differ(s, a, b);
		assert_non_null(where);
		assert_int_equal(a == b, where == dd_none(s));
		if (dd_witness(s, where, values)) {
			uint32_t x, y;

			differ++;
			diagram_list_packet(values, &p);
			x = rule_list_match(&list, &p);
			y = rule_list_match(&other, &p);
			assert_true(x != RULES_NONE && x == y);
			assert_int_not_equal(rule_at(&list, x)->action & 1, rule_at(&other, y)->action & 1);
		} else {
			/* No packet comes to it, however it aims. */
			for (unsigned int j = 0; j < 500; j++) {
				p = list_packet(&seed, &list);
				assert_ptr_not_equal(changed, rule_list_match(&other, &p) == RULES_NONE ? NULL :
						     rule_at(&other, rule_list_match(&other, &p)));
			}
		}
		rule_list_free(&list);
		rule_list_free(&other);
		dd_space_free(s);
	}
	assert_true(differ > 5);
}

/* Rules that no packet tells apart may change places: the diagram is the same. */
static void test_places(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		struct dd_space *s = diagram_list_space(DD_BUDGET);
		struct rule_list list = mix_list(&seed, &mixes[i % 3], 8);
		struct rule **rules = list.rules.data, *first;
		size_t at = below(&seed, 7);
		const struct dd *a = diagram_of_list(s, &list, parity, NULL);
		bool apart = dd_intersection(s, diagram_of_rule(s, rules[at]),
					     diagram_of_rule(s, rules[at + 1])) == dd_none(s);

		first = rules[at];
		rules[at] = rules[at + 1];
		rules[at + 1] = first;
		if (apart || (rules[at]->action & 1) == (first->action & 1))
			assert_ptr_equal(diagram_of_list(s, &list, parity, NULL), a);
		rule_list_free(&list);
		dd_space_free(s);
	}
}

/* Of a list that crosses itself: a sentence, not all memory. */
static void test_refusal(void **state)
{
	struct dd_space *s = diagram_list_space(8 << 20);
	struct rule_list list = RULE_LIST;

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		struct prefix p = { .addr = addr_v4(random_next(&seed)), .len = 32 };
		struct rule r = { .families = RULE_IP4, .prefixes = { i & 1, !(i & 1) },
				  .prefix = { &p, &p } };

		assert_int_equal(rule_list_add(&list, &r), 0);
	}
	assert_null(diagram_of_list(s, &list, NULL, NULL));
	assert_non_null(strstr(dd_refusal(s), "more than 8 MB"));
	rule_list_free(&list);
	dd_space_free(s);
}

static void test_classbench(void **state)
{
	const char *folder = classbench_folder();
	static const char *const sets[] = { "1k_1/acl1_seed_1.rules", "8k_1/acl1_seed_1.rules",
					     "1k_1/fw1_seed_1.rules", "1k_1/ipc1_seed_1.rules" };

	(void)state;
	if (!folder) {
		print_message("no recorded rule sets in %s/acl\n", data_folder());
		skip();
	}
	for (unsigned int i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct dd_space *s = diagram_list_space((size_t)2 << 30);
		struct rule_list list = RULE_LIST;
		struct source source;
		struct text error = { 0 };
		struct dd_stats stats;
		const struct dd *d;
		char path[512];
		clock_t began;

		snprintf(path, sizeof(path), "%s/Ruleset/%s", folder, sets[i]);
		if (classbench_read(path, &source, &list, &error))
			fail_msg("%s", text_string(&error));
		began = clock();
		d = diagram_of_list(s, &list, NULL, NULL);
		dd_stats(s, d, &stats);
		printf("# %s: %zu rules, %zu nodes, %zu edges, %zu leaves, %zu MB in all, %.2f s%s%s\n", sets[i],
		       list.rules.len, stats.nodes, stats.edges, stats.leaves, stats.bytes >> 20,
		       (double)(clock() - began) / CLOCKS_PER_SEC, d ? "" : ": ", d ? "" : dd_refusal(s));
		assert_non_null(d);
		compare(s, &list, d, 2000);
		rule_list_free(&list);
		free(source.name);
		dd_space_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match),
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_classbench),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Lists of ranges against the set of their numbers, and at both ends of what a number can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/range.h"
#include "base/vec.h"

#define NUMBERS 24
#define RANGES_MAX 6

static void fill(bool set[NUMBERS], const struct range *r, size_t n)
{
	memset(set, 0, NUMBERS * sizeof(*set));
	for (size_t i = 0; i < n; i++)
		for (uint64_t v = r[i].first; v <= r[i].last; v++)
			set[v] = true;
}

static void assert_list(const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_true(r[i].first <= r[i].last);
		assert_true(!i || r[i - 1].last + 1 < r[i].first);
	}
}

static void test_small(void **state)
{
	bool before[NUMBERS], after[NUMBERS], others[NUMBERS];
	struct vec out = VEC(struct range);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct range r[RANGES_MAX];
		size_t n = random() % (RANGES_MAX + 1), left;

		for (size_t i = 0; i < n; i++) {
			r[i].first = random() % NUMBERS;
			r[i].last = r[i].first + random() % (NUMBERS - r[i].first);
			if (random() % 2 && r[i].last > r[i].first + 2)
				r[i].last = r[i].first + 2;
		}
		fill(before, r, n);
		left = ranges_join(r, n);
		assert_list(r, left);
		fill(after, r, left);
		assert_memory_equal(before, after, sizeof(before));
		out.len = 0;
		ranges_others(r, left, NUMBERS - 1, &out);
		assert_list(out.data, out.len);
		fill(others, out.data, out.len);
		for (unsigned int v = 0; v < NUMBERS; v++)
			assert_int_equal(others[v], !before[v]);
	}
	vec_free(&out);
}

static void test_ends(void **state)
{
	struct range r[] = { { 7, UINT64_MAX }, { 0, 3 }, { UINT64_MAX, UINT64_MAX }, { 4, 4 } };
	struct vec out = VEC(struct range);

	(void)state;
	assert_int_equal(ranges_join(r, 4), 2);
	assert_true(r[0].first == 0 && r[0].last == 4);
	assert_true(r[1].first == 7 && r[1].last == UINT64_MAX);
	ranges_others(r, 2, UINT64_MAX, &out);
	assert_int_equal(out.len, 1);
	assert_true(((struct range *)out.data)->first == 5 && ((struct range *)out.data)->last == 6);
	/* What lies behind the greatest number is not asked for. */
	out.len = 0;
	ranges_others(r, 2, 5, &out);
	assert_int_equal(out.len, 1);
	assert_true(((struct range *)out.data)->first == 5 && ((struct range *)out.data)->last == 5);
	out.len = 0;
	ranges_others(NULL, 0, UINT64_MAX, &out);
	assert_int_equal(out.len, 1);
	assert_true(((struct range *)out.data)->last == UINT64_MAX);
	vec_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_ends),
	};
	unsigned int seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 0) : (unsigned long)time(NULL);

	printf("# seed %u\n", seed);
	srandom(seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Quantiles out of the histogram beside those of the sorted numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/delays.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void near_the_truth(void **state)
{
	static const double shares[] = { 0, 0.1, 0.5, 0.9, 0.99, 0.999, 1 };
	enum { N = 5000 };
	static uint64_t ns[N];

	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 60; round++) {
		struct delays d = { 0 };

		for (unsigned int i = 0; i < N; i++) {
			ns[i] = ((uint64_t)random() << 33 ^ (uint64_t)random() << 2) >> (random() % (round + 1));
			delays_add(&d, ns[i]);
		}
		qsort(ns, N, sizeof(ns[0]), by_value);
		for (unsigned int i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
			unsigned int at = shares[i] * N;
			uint64_t truth = ns[at < N ? at : N - 1];
			uint64_t said = delays_quantile_ns(&d, shares[i]);

			assert_true(said >= truth && said - truth <= truth / 8);
		}
		assert_true(d.longest_ns == ns[N - 1] && d.all == N);
	}
}

static void edges(void **state)
{
	struct delays none = { 0 }, d = { 0 };

	(void)state;
	assert_true(delays_quantile_ns(&none, 0.5) == 0);
	delays_add(&d, 0);
	delays_add(&d, UINT64_MAX);
	assert_true(delays_quantile_ns(&d, 0) == 0);
	assert_true(delays_quantile_ns(&d, 1) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_the_truth),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests_name("delays", tests, NULL, NULL);
}

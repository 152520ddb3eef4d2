// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/bench/bench.h"

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

double bench_now(void)
{
	return seconds(CLOCK_MONOTONIC);
}

double bench_cpu(void)
{
	return seconds(CLOCK_THREAD_CPUTIME_ID);
}

void contenders_run(struct contender **c, size_t n, unsigned int rounds)
{
	for (size_t i = 0; i < n; i++) {
		if (!c[i]->samples.elem_size)
			c[i]->samples = VEC(double);
		c[i]->samples.len = 0;
	}
	for (unsigned int round = 0; round < rounds; round++) {
		/* Another order each round: none always finds the caches that another left. */
		for (size_t i = n; i > 1; i--) {
			size_t j = bench_random() % i;
			struct contender *swap = c[i - 1];

			c[i - 1] = c[j];
			c[j] = swap;
		}
		for (size_t i = 0; i < n; i++) {
			double ns = c[i]->turn(c[i], round);

			if (ns >= 0)
				vec_append(&c[i]->samples, &ns);
		}
	}
}

uint64_t bench_random(void)
{
	static uint64_t state = 0x5eed51d1ce;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts them. */
static struct spread spread_of(double *sorted, size_t n)
{
	struct spread s = { 0 };

	if (!n)
		return s;
	qsort(sorted, n, sizeof(*sorted), ascending);
	s.min = sorted[0];
	s.max = sorted[n - 1];
	s.median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
	return s;
}

struct spread contender_spread(const struct contender *c)
{
	size_t n = c->samples.len;
	double *sorted = xcalloc(n + 1, sizeof(*sorted));
	struct spread s;

	if (n)
		memcpy(sorted, c->samples.data, n * sizeof(*sorted));
	s = spread_of(sorted, n);
	free(sorted);
	return s;
}

struct spread contender_ratio(const struct contender *c, const struct contender *to)
{
	size_t n = c->samples.len == to->samples.len ? c->samples.len : 0;
	double *ratios = xcalloc(n + 1, sizeof(*ratios));
	struct spread s;

	for (size_t i = 0; i < n; i++)
		ratios[i] = *(double *)vec_at(&c->samples, i) / *(double *)vec_at(&to->samples, i);
	s = spread_of(ratios, n);
	free(ratios);
	return s;
}

/* Two decimals are more than a clock is good for. */
static json_t *rounded(double x)
{
	return json_real((double)(long long)(x * 100 + (x < 0 ? -0.5 : 0.5)) / 100);
}

json_t *bench_spread(json_t *line, const struct spread *ns)
{
	json_object_set_new(line, "ns_median", rounded(ns->median));
	json_object_set_new(line, "ns_min", rounded(ns->min));
	json_object_set_new(line, "ns_max", rounded(ns->max));
	return line;
}

void bench_line(json_t *line, bool as_json)
{
	const char *key;
	json_t *value;

	if (as_json) {
		json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(8));
		putchar('\n');
	} else {
		json_object_foreach(line, key, value) {
			if (json_is_string(value))
				printf("%-12s ", json_string_value(value));
			else if (json_is_integer(value))
				printf("%s %lld  ", key, (long long)json_integer_value(value));
			else if (json_is_real(value))
				printf("%s %-8.2f ", key, json_real_value(value));
		}
		putchar('\n');
	}
	fflush(stdout);
	json_decref(line);
}

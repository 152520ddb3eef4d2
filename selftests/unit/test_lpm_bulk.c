// SPDX-License-Identifier: GPL-2.0
/*
 * Look-ups of many addresses against look-ups of one, by each text that this CPU can run, in tables
 * of all kinds of nodes, and in one of several tables in a memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lpm/bulk.h"
#include "lpm_routes.h"

#define LIMIT	12000
#define MANY	3000

static const uint8_t families[] = { ADDR_V4, ADDR_V6 };

struct scene {
	uint64_t random;
	uint8_t family;
	struct lpm *first, *table;
	struct prefix used[LIMIT];
	size_t n;
};

/* @dense: prefixes next to each other, so that many a block has more runs than one line takes. */
static struct scene *scene_new(uint8_t family, bool dense)
{
	struct lpm_route *routes[2] = { calloc(LIMIT, sizeof(**routes)),
					calloc(LIMIT, sizeof(**routes)) };
	struct scene *s = calloc(1, sizeof(*s));
	struct lpm_shape shape;
	size_t n[2] = { 0 };

	s->random = random_seed();
	s->family = family;
	assert_int_equal(lpm_sizes_many(family, 4 * LIMIT, 4, &shape), 0);
	s->first = lpm_new(family, &shape, NULL, LIMIT);
	assert_int_equal(lpm_new_beside(s->first, 3, LIMIT, &s->table), 0);
	for (size_t i = 0; i < LIMIT; i++) {
		struct prefix p = random_prefix(&s->random, family, dense ? 3 : 500);

		if (!p.len && i % 2)
			continue;
		if (dense && family == ADDR_V4 && i % 2)
			p = prefix_canonical((struct prefix){
				addr_v4(0x0a000000 | i << 8), 24 });
		routes[i % 16 != 0][n[i % 16 != 0]++] = (struct lpm_route){
			p, 1 + random_next(&s->random) % 30000 };
		s->used[s->n++] = p;
	}
	assert_int_equal(lpm_build(s->first, routes[0], n[0]), 0);
	assert_int_equal(lpm_build(s->table, routes[1], n[1]), 0);
	free(routes[0]);
	free(routes[1]);
	return s;
}

static void scene_free(struct scene *s)
{
	lpm_free(s->first);
	lpm_free(s->table);
	free(s);
}

/* @n addresses; behind the results nothing is written. */
static void agree(struct scene *s, size_t n, bulk4_fn *four, bulk6_fn *six)
{
	struct addr *a = calloc(n + 1, sizeof(*a));
	uint32_t *addr4 = calloc(n + 1, sizeof(*addr4));
	uint64_t (*addr6)[2] = calloc(n + 1, sizeof(*addr6));
	lpm_result *result = calloc(n + 1, sizeof(*result));
	struct lpm_route *match = calloc(n + 1, sizeof(*match));

	for (size_t i = 0; i < n; i++) {
		struct radix_key k;

		a[i] = i % 4 ? near_prefix(&s->random, &s->used[random_next(&s->random) % s->n]) :
			       random_addr(&s->random, s->family, 500);
		k = radix_key_of(&(struct prefix){ a[i], 128 });
		addr4[i] = k.hi >> 32;
		addr6[i][0] = k.hi;
		addr6[i][1] = k.lo;
	}
	result[n] = 0xdead;
	if (s->family == ADDR_V4)
		four(s->table, addr4, result, n);
	else
		six(s->table, (const uint64_t (*)[2])addr6, result, n);
	lpm_bulk_match(s->table, a, match, n);
	assert_int_equal(result[n], 0xdead);
	for (size_t i = 0; i < n; i++) {
		struct prefix p = { 0 };
		lpm_result want = lpm_match(s->table, &a[i], &p);
		char text[ADDR_STRLEN];

		if (result[i] != want || lpm_lookup(s->table, &a[i]) != want)
			fail_msg("%s: %u, one alone %u", addr_format(&a[i], text), result[i], want);
		assert_int_equal(match[i].result, want);
		assert_true(!want || prefix_equal(&match[i].prefix, &p));
	}
	free(a);
	free(addr4);
	free(addr6);
	free(result);
	free(match);
}

static void agree_all(bulk4_fn *four, bulk6_fn *six)
{
	static const size_t counts[] = { 0, 1, 7, 8, 31, 32, 33, 63, 64, 65, MANY };

	for (unsigned int i = 0; i < 4; i++) {
		struct scene *s = scene_new(families[i / 2], i % 2);
		struct prefix all = { .addr.family = s->family };

		for (unsigned int c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			agree(s, counts[c], four, six);
		/* Nothing but the default route matches many: it is not in the nodes. */
		lpm_insert(s->table, &all, 4711);
		agree(s, MANY, four, six);
		lpm_clear(s->table);
		agree(s, MANY, four, six);
		scene_free(s);
	}
}

static void portable(void **state)
{
	(void)state;
	agree_all(bulk4_portable, bulk6_portable);
}

static void chosen(void **state)
{
	(void)state;
	printf("# %s\n", lpm_bulk_text());
	agree_all(lpm_bulk4, lpm_bulk6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable),
		cmocka_unit_test(chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

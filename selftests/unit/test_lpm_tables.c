// SPDX-License-Identifier: GPL-2.0
/*
 * Several route tables in one memory, each against a twin: none sees what is another's, though
 * all have much the same prefixes; tables come, are emptied and go beside the others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lpm/lpm.h"
#include "lpm/twin.h"
#include "lpm_routes.h"

#define TABLES	5
#define LIMIT	20000
#define POOL	400

static const uint8_t families[] = { ADDR_V4, ADDR_V6 };
static const uint32_t numbers[TABLES] = { 0, 1, 2, 37, 63 };

struct world {
	uint64_t random;
	uint8_t family;
	struct lpm *table[TABLES];
	struct twin *twin[TABLES];
	struct prefix pool[POOL];
};

static struct world *world_new(uint8_t family)
{
	struct world *w = calloc(1, sizeof(*w));
	struct lpm_shape shape;

	w->random = random_seed();
	w->family = family;
	assert_int_equal(lpm_sizes_many(family, 8 * TABLES * LIMIT, 64, &shape), 0);
	for (unsigned int i = 0; i < TABLES; i++) {
		if (i)
			assert_int_equal(lpm_new_beside(w->table[0], numbers[i], LIMIT,
							&w->table[i]), 0);
		else
			w->table[0] = lpm_new(family, &shape, NULL, LIMIT);
		w->twin[i] = twin_new(family);
	}
	for (unsigned int i = 0; i < POOL; i++)
		w->pool[i] = random_prefix(&w->random, family, 20);
	return w;
}

static void world_free(struct world *w)
{
	for (unsigned int i = 0; i < TABLES; i++) {
		lpm_free(w->table[i]);
		twin_free(w->twin[i]);
	}
	free(w);
}

static void reclaim(struct world *w)
{
	struct lpm *any = w->table[random_next(&w->random) % TABLES];

	lpm_reclaim(any, lpm_quiesce_mark(any));
}

static void agree(struct world *w, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		struct addr a = i % 8 ? near_prefix(&w->random, &w->pool[i % POOL]) :
					random_addr(&w->random, w->family, 20);

		for (unsigned int n = 0; n < TABLES; n++) {
			lpm_result got = lpm_lookup(w->table[n], &a);
			lpm_result want = twin_lookup(w->twin[n], &a);
			char text[ADDR_STRLEN];

			if (got != want || lpm_match(w->table[n], &a, NULL) != want)
				fail_msg("table %u, %s: %u, twin %u", numbers[n],
					 addr_format(&a, text), got, want);
		}
	}
}

/* A random change to a random table; every other result is what other tables may have, too. */
static void change(struct world *w)
{
	unsigned int n = random_next(&w->random) % TABLES;
	unsigned int i = random_next(&w->random) % POOL;
	lpm_result r = random_next(&w->random) % 2 ? 1 + i % 7 : 1 + random_next(&w->random) % 30000;

	if (random_next(&w->random) % 3) {
		assert_int_equal(lpm_insert(w->table[n], &w->pool[i], r), 0);
		twin_insert(w->twin[n], &w->pool[i], r);
	} else {
		assert_int_equal(lpm_delete(w->table[n], &w->pool[i]),
				 twin_delete(w->twin[n], &w->pool[i]));
	}
}

static void random_changes(void **state)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct world *w = world_new(families[f]);
		struct lpm_stats before, after;

		lpm_stats(w->table[0], &before);
		for (unsigned int i = 0; i < 8000; i++) {
			change(w);
			if (i % 16 == 0)
				reclaim(w);
			if (i % 64 == 0)
				agree(w, 16);
		}
		agree(w, 4000);
		/* What is emptied gives its memory back, and takes nothing from the others. */
		for (unsigned int i = 0; i < TABLES; i++) {
			unsigned int n = TABLES - 1 - i;

			lpm_clear(w->table[n]);
			twin_free(w->twin[n]);
			w->twin[n] = twin_new(families[f]);
			agree(w, 1000);
			reclaim(w);
		}
		lpm_stats(w->table[3], &after);
		assert_int_equal(after.bytes_used, before.bytes_used);
		assert_int_equal(after.bytes_retired, 0);
		world_free(w);
	}
	(void)state;
}

/* Built beside others, gone beside others, and another under the same number. */
static void come_and_go(void **state)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct world *w = world_new(families[f]);
		struct lpm_route *routes = calloc(LIMIT, sizeof(*routes));

		for (unsigned int round = 0; round < 7; round++) {
			unsigned int n = 1 + round % (TABLES - 1);
			size_t count = round < 5 ? 2000 : LIMIT;

			lpm_free(w->table[n]);
			assert_int_equal(lpm_new_beside(w->table[0], numbers[n], LIMIT,
							&w->table[n]), 0);
			twin_free(w->twin[n]);
			w->twin[n] = twin_new(families[f]);
			for (size_t i = 0; i < count; i++)
				routes[i] = (struct lpm_route){
					i < POOL ? w->pool[i] : random_prefix(&w->random, families[f],
									      3000),
					1 + i % 30000 };
			assert_int_equal(lpm_build(w->table[n], routes, count), 0);
			assert_int_equal(twin_build(w->twin[n], routes, count), 0);
			agree(w, 500);
			for (unsigned int i = 0; i < 500; i++)
				change(w);
			agree(w, 500);
			reclaim(w);
		}
		free(routes);
		world_free(w);
	}
	(void)state;
}

/* What is the same in all tables lies there once, until one of them changes it. */
static void equal_is_shared(void **state)
{
	struct lpm_route *routes = calloc(LIMIT, sizeof(*routes));

	for (unsigned int f = 0; f < 2; f++) {
		struct world *w = world_new(families[f]);
		struct lpm_stats one, all, changed;

		for (size_t i = 0; i < LIMIT; i++)
			routes[i] = (struct lpm_route){
				i < POOL ? w->pool[i] :
					   random_prefix(&w->random, families[f], 3000),
				1 + i % 30000 };
		for (unsigned int n = 0; n < TABLES; n++) {
			assert_int_equal(lpm_build(w->table[n], routes, LIMIT), 0);
			twin_build(w->twin[n], routes, LIMIT);
			lpm_stats(w->table[0], n ? &all : &one);
		}
		assert_true(one.bytes_nodes > 100000);
		assert_int_equal(all.bytes_nodes, one.bytes_nodes);
		agree(w, 1000);
		for (unsigned int i = 0; i < 200; i++)
			change(w);
		agree(w, 1000);
		reclaim(w);
		lpm_stats(w->table[0], &changed);
		assert_true(changed.bytes_nodes > one.bytes_nodes);
		for (unsigned int n = 0; n < TABLES; n++)
			lpm_clear(w->table[n]);
		reclaim(w);
		for (unsigned int n = 0; n < TABLES; n++)
			assert_int_equal(lpm_build(w->table[n], routes, LIMIT), 0);
		lpm_stats(w->table[0], &all);
		assert_int_equal(all.bytes_nodes, one.bytes_nodes);
		world_free(w);
	}
	free(routes);
	(void)state;
}

/* Within a table, too: customers' /18s that are divided in the same way. */
static void equal_blocks(void **state)
{
	struct prefix p = { .addr = { .family = ADDR_V4 } };
	struct lpm_stats one, all;
	struct lpm_shape shape;
	struct lpm *t;

	(void)state;
	lpm_sizes(ADDR_V4, 10000, &shape);
	t = lpm_new(ADDR_V4, &shape, NULL, 10000);
	for (unsigned int i = 0; i < 100; i++) {
		p.addr.bytes[0] = 10 + i;
		for (unsigned int j = 0; j < 4; j++) {
			p.addr.bytes[2] = 3 * j;
			p.addr.bytes[3] = 0;
			p.len = 24;
			assert_int_equal(lpm_insert(t, &p, 1 + j), 0);
			p.addr.bytes[3] = 64;
			p.len = 26;
			assert_int_equal(lpm_insert(t, &p, 9), 0);
		}
		lpm_reclaim(t, lpm_quiesce_mark(t));
		lpm_stats(t, i ? &all : &one);
	}
	assert_int_equal(all.bytes_nodes, one.bytes_nodes);
	lpm_free(t);
}

/*
 * IPv6: all tables' nodes share a hash, so that one table's may lie where another's would be
 * looked for: of 4,000 nodes in 16,384 places, that happens 16 times at each level below.
 */
static void none_of_others(void **state)
{
	static const uint8_t lengths[] = { 32, 40, 48 };
	uint64_t random = random_seed();
	struct lpm_shape shape;
	struct lpm *table[64];
	struct prefix p = { .addr.family = ADDR_V6 };

	(void)state;
	assert_int_equal(lpm_sizes_many(ADDR_V6, LIMIT, 64, &shape), 0);
	table[0] = lpm_new(ADDR_V6, &shape, NULL, LIMIT);
	for (unsigned int i = 1; i < 64; i++)
		assert_int_equal(lpm_new_beside(table[0], i, LIMIT, &table[i]), 0);
	for (unsigned int i = 0; i < 4000; i++) {
		p.addr.bytes[0] = 0x20 + i % 3;
		for (unsigned int j = 1; j < 6; j++)
			p.addr.bytes[j] = random_next(&random) >> 24;
		p.len = lengths[i % 3];
		assert_int_equal(lpm_insert(table[0], &p, 1 + i), 0);
		for (unsigned int n = 1; n < 64; n++)
			assert_int_equal(lpm_lookup(table[n], &p.addr), 0);
	}
	for (unsigned int i = 0; i < 64; i++)
		lpm_free(table[i]);
}

static void refuses(void **state)
{
	struct lpm_shape shape;
	struct lpm *first, *second = NULL;

	(void)state;
	assert_int_equal(lpm_sizes_many(ADDR_V4, 100, 0, &shape), -EINVAL);
	assert_int_equal(lpm_sizes_many(ADDR_V4, 100, 65, &shape), -E2BIG);
	assert_int_equal(lpm_sizes_many(ADDR_V4, 100, 3, &shape), 0);
	first = lpm_new(ADDR_V4, &shape, NULL, 100);
	assert_int_equal(lpm_new_beside(first, 4, 100, &second), -ERANGE);
	assert_int_equal(lpm_new_beside(first, 0, 100, &second), -EEXIST);
	assert_null(second);
	assert_int_equal(lpm_new_beside(first, 3, 100, &second), 0);
	lpm_free(first);
	assert_int_equal(lpm_new_beside(second, 0, 100, &first), 0);
	lpm_free(second);
	lpm_free(first);
}

/* No room beside others for all of it: none of it comes in, and the others stay as they are. */
static void no_room(void **state)
{
	struct lpm_route *routes = calloc(LIMIT, sizeof(*routes));

	for (unsigned int f = 0; f < 2; f++) {
		uint64_t random = random_seed();
		struct prefix here = { .addr = random_addr(&random, families[f], 20), .len = 16 };
		struct lpm *first, *second;
		struct lpm_stats before, after;
		struct lpm_shape shape;

		here = prefix_canonical(here);
		assert_int_equal(lpm_sizes_many(families[f], 100, 2, &shape), 0);
		first = lpm_new(families[f], &shape, NULL, LIMIT);
		assert_int_equal(lpm_new_beside(first, 1, LIMIT, &second), 0);
		assert_int_equal(lpm_insert(first, &here, 5), 0);
		for (size_t i = 0; i < LIMIT; i++)
			routes[i] = (struct lpm_route){ random_prefix(&random, families[f], 3000),
							1 + i % 30000 };
		lpm_stats(first, &before);
		assert_int_equal(lpm_build(second, routes, LIMIT), -ENOSPC);
		lpm_reclaim(first, lpm_quiesce_mark(first));
		lpm_stats(first, &after);
		if (families[f] == ADDR_V4)
			assert_int_equal(after.bytes_used, before.bytes_used);
		for (unsigned int i = 0; i < 1000; i++) {
			struct addr a = near_prefix(&random, &routes[i].prefix);

			assert_int_equal(lpm_lookup(second, &a), 0);
		}
		assert_int_equal(lpm_lookup(first, &here.addr), 5);
		assert_int_equal(lpm_build(second, routes, 20), 0);
		lpm_free(first);
		lpm_free(second);
	}
	free(routes);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes),
		cmocka_unit_test(come_and_go),
		cmocka_unit_test(equal_is_shared),
		cmocka_unit_test(equal_blocks),
		cmocka_unit_test(none_of_others),
		cmocka_unit_test(refuses),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Route tables against their twin and against a plain list: built, changed at random,
 * at the edges, and at their limits.
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

static const uint8_t families[] = { ADDR_V4, ADDR_V6 };

static struct lpm *table(uint8_t family, size_t limit)
{
	struct lpm_shape shape;

	assert_int_equal(lpm_sizes(family, limit, &shape), 0);
	return lpm_new(family, &shape, NULL, limit);
}

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static lpm_result look(const struct lpm *t, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	assert_int_equal(lpm_lookup(t, &a), lpm_match(t, &a, NULL));
	return lpm_lookup(t, &a);
}

static void reclaim(struct lpm *t)
{
	lpm_reclaim(t, lpm_quiesce_mark(t));
}

/* A plain list: what both must agree with. */
struct list {
	struct lpm_route route[4096];
	size_t n;
};

static void list_set(struct list *l, const struct prefix *p, lpm_result result)
{
	size_t i;

	for (i = 0; i < l->n && !prefix_equal(&l->route[i].prefix, p); i++)
		;
	if (!result) {
		if (i < l->n)
			l->route[i] = l->route[--l->n];
		return;
	}
	l->route[i] = (struct lpm_route){ *p, result };
	l->n += i == l->n;
}

static lpm_result list_match(const struct list *l, const struct addr *a)
{
	lpm_result best = 0;
	int len = -1;

	for (size_t i = 0; i < l->n; i++) {
		if (l->route[i].prefix.len > len && prefix_covers(&l->route[i].prefix, a)) {
			best = l->route[i].result;
			len = l->route[i].prefix.len;
		}
	}
	return best;
}

static void agree(const struct lpm *t, lpm_result want, const struct addr *a, const char *with)
{
	lpm_result got = lpm_lookup(t, a), shadow = lpm_match(t, a, NULL);
	char text[ADDR_STRLEN];

	if (got != want || shadow != want)
		fail_msg("%s: walk %u, shadow %u, %s %u", addr_format(a, text), got, shadow, with,
			 want);
}

static void edges_v4(void **state)
{
	struct lpm *t = table(ADDR_V4, 100);
	struct prefix p;

	(void)state;
	assert_int_equal(look(t, "192.0.2.1"), 0);
	p = pfx("0.0.0.0/0");
	lpm_insert(t, &p, 1);
	assert_int_equal(look(t, "0.0.0.0"), 1);
	assert_int_equal(look(t, "255.255.255.255"), 1);
	p = pfx("128.0.0.0/1");
	lpm_insert(t, &p, 2);
	assert_int_equal(look(t, "127.255.255.255"), 1);
	assert_int_equal(look(t, "128.0.0.0"), 2);
	p = pfx("192.0.2.4/31");
	lpm_insert(t, &p, 3);
	p = pfx("192.0.2.5/32");
	lpm_insert(t, &p, 4);
	assert_int_equal(look(t, "192.0.2.3"), 2);
	assert_int_equal(look(t, "192.0.2.4"), 3);
	assert_int_equal(look(t, "192.0.2.5"), 4);
	assert_int_equal(look(t, "192.0.2.6"), 2);
	p = pfx("255.255.255.255/32");
	lpm_insert(t, &p, LPM_RESULT_MAX);
	assert_int_equal(look(t, "255.255.255.255"), LPM_RESULT_MAX);
	assert_int_equal(look(t, "255.255.255.254"), 2);
	p = pfx("192.0.0.0/18");
	lpm_insert(t, &p, 5);
	assert_int_equal(look(t, "192.0.63.255"), 5);
	assert_int_equal(look(t, "192.0.64.0"), 2);
	assert_int_equal(look(t, "192.0.2.5"), 4);
	p = pfx("0.0.0.0/0");
	assert_int_equal(lpm_delete(t, &p), 0);
	assert_int_equal(lpm_delete(t, &p), -ENOENT);
	assert_int_equal(look(t, "1.1.1.1"), 0);
	lpm_free(t);
}

static void edges_v6(void **state)
{
	struct lpm *t = table(ADDR_V6, 100);
	struct prefix p, match;
	struct addr a;

	(void)state;
	assert_int_equal(look(t, "2001:db8::1"), 0);
	p = pfx("::/0");
	lpm_insert(t, &p, 1);
	p = pfx("8000::/1");
	lpm_insert(t, &p, 2);
	p = pfx("2001:db8::/32");
	lpm_insert(t, &p, 3);
	p = pfx("2001:db8:1:2::/64");
	lpm_insert(t, &p, 4);
	p = pfx("2001:db8:1:2::4/127");
	lpm_insert(t, &p, 5);
	p = pfx("2001:db8:1:2::5/128");
	lpm_insert(t, &p, 6);
	assert_int_equal(look(t, "::"), 1);
	assert_int_equal(look(t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 2);
	assert_int_equal(look(t, "2001:db8:ffff::"), 3);
	assert_int_equal(look(t, "2001:db8:1:2::3"), 4);
	assert_int_equal(look(t, "2001:db8:1:2::4"), 5);
	assert_int_equal(look(t, "2001:db8:1:2::5"), 6);
	assert_int_equal(look(t, "2001:db8:1:2::6"), 4);
	assert_int_equal(look(t, "2001:db8:1:3::"), 3);
	addr_parse("2001:db8:1:2::5", &a);
	assert_int_equal(lpm_match(t, &a, &match), 6);
	assert_int_equal(match.len, 128);
	p = pfx("2001:db8:1:2::5/128");
	lpm_delete(t, &p);
	assert_int_equal(look(t, "2001:db8:1:2::5"), 5);
	p = pfx("2001:db8:1:2::/64");
	lpm_delete(t, &p);
	assert_int_equal(look(t, "2001:db8:1:2::5"), 5);
	assert_int_equal(look(t, "2001:db8:1:2::6"), 3);
	lpm_free(t);
}

static void refuses(void **state)
{
	struct lpm *t = table(ADDR_V4, 10);
	struct prefix p4 = pfx("10.0.0.0/8"), p6 = pfx("2001:db8::/32"), bad = p4;
	struct lpm_route r[2] = { { p4, 1 }, { p6, 1 } };
	struct lpm_shape shape;

	(void)state;
	assert_int_equal(lpm_insert(t, &p6, 1), -EINVAL);
	assert_int_equal(lpm_insert(t, &p4, 0), -EINVAL);
	assert_int_equal(lpm_insert(t, &p4, LPM_RESULT_MAX + 1), -EINVAL);
	bad.len = 33;
	assert_int_equal(lpm_insert(t, &bad, 1), -EINVAL);
	assert_int_equal(lpm_delete(t, &p6), -ENOENT);
	assert_int_equal(lpm_build(t, r, 2), -EINVAL);
	assert_int_equal(lpm_build(t, r, 1), 0);
	assert_int_equal(lpm_build(t, r, 1), -EEXIST);
	assert_int_equal(lpm_sizes(7, 10, &shape), -EINVAL);
	assert_int_equal(lpm_sizes(ADDR_V4, 4000001, &shape), -E2BIG);
	lpm_free(t);
}

/* One short of the limit, at it, one more; replacing and deleting still work there. */
static void limit(void **state)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct lpm *t = table(families[f], 1000);
		struct prefix p = { .addr.family = families[f], .len = addr_bits(families[f]) };
		struct lpm_stats s;

		for (unsigned int i = 0; i < 1000; i++) {
			/* Host routes far from each other: the worst for memory. */
			p.addr.bytes[0] = 0x20 | i >> 6;
			p.addr.bytes[1] = i << 2;
			assert_int_equal(lpm_insert(t, &p, 1 + i), 0);
		}
		p.addr.bytes[0] = 0xff;
		assert_int_equal(lpm_insert(t, &p, 7), -ENOSPC);
		assert_int_equal(lpm_lookup(t, &p.addr), 0);
		lpm_stats(t, &s);
		assert_int_equal(s.prefixes, 1000);
		p.addr.bytes[0] = 0x20;
		p.addr.bytes[1] = 0;
		assert_int_equal(lpm_insert(t, &p, 9), 0);
		assert_int_equal(lpm_lookup(t, &p.addr), 9);
		assert_int_equal(lpm_delete(t, &p), 0);
		p.addr.bytes[0] = 0xff;
		assert_int_equal(lpm_insert(t, &p, 7), 0);
		assert_int_equal(lpm_lookup(t, &p.addr), 7);
		lpm_free(t);
	}
	(void)state;
}

/* Prefixes far from each other, so that each has a node of its own: the promised number fits. */
static void scattered(void **state)
{
	uint64_t random = random_seed();
	struct lpm *t = table(ADDR_V6, 100000);
	struct prefix p = { .addr.family = ADDR_V6, .len = 48 };
	uint64_t first = random;
	struct lpm_stats s;

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		for (unsigned int j = 1; j < 6; j++)
			p.addr.bytes[j] = random_next(&random) >> 24;
		assert_int_equal(lpm_insert(t, &p, 1 + i % LPM_RESULT_MAX), 0);
		if (i % 64 == 0)
			reclaim(t);
	}
	lpm_stats(t, &s);
	assert_true(s.nodes[0] > 90000);
	for (unsigned int i = 0; i < 100000; i++) {
		for (unsigned int j = 1; j < 6; j++)
			p.addr.bytes[j] = random_next(&first) >> 24;
		assert_int_equal(lpm_lookup(t, &p.addr), 1 + i % LPM_RESULT_MAX);
	}
	lpm_free(t);
}

/* An area that fills before the limit does: each refusal leaves every answer as it was. */
static void area_full(void **state)
{
	uint64_t random = random_seed();

	for (unsigned int f = 0; f < 2; f++) {
		struct twin *twin = twin_new(families[f]);
		struct lpm_shape shape;
		struct lpm *t;
		unsigned int refused = 0, taken = 0;

		lpm_sizes(families[f], 100, &shape);
		t = lpm_new(families[f], &shape, NULL, 1000000);
		while (refused < 200 && taken < 100000) {
			struct prefix p = random_prefix(&random, families[f], 1000);
			lpm_result r = 1 + random_next(&random) % 1000;
			int err = lpm_insert(t, &p, r);

			if (!err) {
				twin_insert(twin, &p, r);
				taken++;
			} else {
				assert_int_equal(err, -ENOSPC);
				assert_int_equal(lpm_get(t, &p), twin_get(twin, &p));
				refused++;
			}
			if (taken % 8 == 0)
				reclaim(t);
		}
		assert_true(refused == 200);
		for (unsigned int i = 0; i < 20000; i++) {
			struct addr a = random_addr(&random, families[f], 1000);

			agree(t, twin_lookup(twin, &a), &a, "twin");
		}
		lpm_free(t);
		twin_free(twin);
	}
	(void)state;
}

/* Random changes against a list and the twin, by the walk and by the shadow. */
static void random_changes(void **state)
{
	uint64_t random = random_seed();

	for (unsigned int round = 0; round < 24; round++) {
		uint8_t family = families[round % 2];
		unsigned int centres = 1u << round / 3;
		struct lpm *t = table(family, 4096);
		struct twin *twin = twin_new(family);
		struct list *list = calloc(1, sizeof(*list));
		struct prefix used[512];
		struct lpm_stats before, after;

		lpm_stats(t, &before);
		for (unsigned int i = 0; i < 512; i++)
			used[i] = random_prefix(&random, family, centres);
		for (unsigned int i = 0; i < 1500; i++) {
			const struct prefix *p = &used[random_next(&random) % 512];
			lpm_result r = 1 + random_next(&random) % (round % 3 ? 3 : 30000);
			bool there = lpm_get(t, p) != 0;

			if (random_next(&random) % 3) {
				assert_int_equal(lpm_insert(t, p, r), 0);
				twin_insert(twin, p, r);
				list_set(list, p, r);
				assert_int_equal(lpm_get(t, p), r);
			} else {
				assert_int_equal(lpm_delete(t, p), there ? 0 : -ENOENT);
				assert_int_equal(twin_delete(twin, p), there ? 0 : -ENOENT);
				list_set(list, p, 0);
			}
			if (i % 5 == 0)
				reclaim(t);
			for (unsigned int j = 0; j < 8; j++) {
				struct addr a = j < 6 ? near_prefix(&random, j < 3 ? p :
						&used[random_next(&random) % 512]) :
						random_addr(&random, family, centres);

				agree(t, list_match(list, &a), &a, "list");
				if (i % 50 == 0)
					assert_int_equal(twin_lookup(twin, &a),
							 list_match(list, &a));
			}
		}
		/* What a table is built from and what it was changed to are the same. */
		struct lpm *built = table(family, 4096);

		assert_int_equal(lpm_build(built, list->route, list->n), 0);
		for (unsigned int j = 0; j < 4000; j++) {
			struct addr a = near_prefix(&random, &used[j % 512]);

			agree(built, list_match(list, &a), &a, "list");
			assert_int_equal(twin_lookup(twin, &a), list_match(list, &a));
		}
		lpm_free(built);

		/* All of it out again: memory comes back. */
		while (list->n) {
			assert_int_equal(lpm_delete(t, &list->route[0].prefix), 0);
			list_set(list, &list->route[0].prefix, 0);
		}
		reclaim(t);
		lpm_stats(t, &after);
		assert_int_equal(after.bytes_used, before.bytes_used);
		assert_int_equal(after.bytes_retired, 0);
		assert_int_equal(after.nodes[0] + after.nodes[1] + after.nodes[2], 0);
		free(list);
		twin_free(twin);
		lpm_free(t);
	}
	(void)state;
}

/* Larger tables, built at once, then changed. */
static void large(void **state)
{
	uint64_t random = random_seed();

	for (unsigned int f = 0; f < 2; f++) {
		size_t n = 20000;
		struct lpm_route *routes = calloc(n, sizeof(*routes));
		struct lpm *t = table(families[f], 200000);
		struct twin *twin = twin_new(families[f]);

		for (size_t i = 0; i < n; i++)
			routes[i] = (struct lpm_route){
				random_prefix(&random, families[f], 3000),
				1 + random_next(&random) % LPM_RESULT_MAX };
		/* The same prefix again: the last one counts. */
		routes[n - 1].prefix = routes[0].prefix;
		assert_int_equal(lpm_build(t, routes, n), 0);
		twin_build(twin, routes, n);
		assert_int_equal(lpm_get(t, &routes[0].prefix), routes[n - 1].result);
		for (unsigned int phase = 0; phase < 2; phase++) {
			for (size_t i = 0; i < 60000; i++) {
				struct addr a = i % 2 ?
					near_prefix(&random, &routes[random_next(&random) % n].prefix) :
					random_addr(&random, families[f], 3000);

				agree(t, twin_lookup(twin, &a), &a, "twin");
			}
			for (size_t i = 0; !phase && i < 20000; i++) {
				struct lpm_route *r = &routes[random_next(&random) % n];

				if (i % 2) {
					assert_int_equal(lpm_delete(t, &r->prefix),
							 twin_delete(twin, &r->prefix));
				} else {
					assert_int_equal(lpm_insert(t, &r->prefix, 77), 0);
					twin_insert(twin, &r->prefix, 77);
				}
				if (i % 100 == 0)
					reclaim(t);
			}
		}
		free(routes);
		lpm_free(t);
		twin_free(twin);
	}
	(void)state;
}

static int by_prefix(const void *a, const void *b)
{
	const struct lpm_route *x = a, *y = b;

	return prefix_cmp(&x->prefix, &y->prefix);
}

/* In order, within a prefix, with deletions on the way. */
static void walk(void **state)
{
	uint64_t random = random_seed();

	for (unsigned int f = 0; f < 2; f++) {
		struct lpm *t = table(families[f], 4096);
		struct list *list = calloc(1, sizeof(*list));
		struct lpm_route r = { 0 };
		size_t i = 0;

		for (unsigned int n = 0; n < 1500; n++) {
			struct prefix p = random_prefix(&random, families[f], 8);

			assert_int_equal(lpm_insert(t, &p, 1 + n), 0);
			list_set(list, &p, 1 + n);
		}
		qsort(list->route, list->n, sizeof(list->route[0]), by_prefix);
		while (lpm_next(t, NULL, &r)) {
			assert_true(i < list->n);
			assert_true(prefix_equal(&r.prefix, &list->route[i].prefix));
			assert_int_equal(r.result, list->route[i++].result);
		}
		assert_int_equal(i, list->n);
		for (unsigned int n = 0; n < 300; n++) {
			struct prefix within = n % 2 ? list->route[n].prefix :
					       random_prefix(&random, families[f], 8);
			size_t want = 0, got = 0;

			for (i = 0; i < list->n; i++)
				want += prefix_contains(&within, &list->route[i].prefix);
			r = (struct lpm_route){ 0 };
			while (lpm_next(t, &within, &r)) {
				assert_true(prefix_contains(&within, &r.prefix));
				got++;
			}
			assert_int_equal(got, want);
		}
		r = (struct lpm_route){ 0 };
		for (i = 0; lpm_next(t, NULL, &r); i++)
			assert_int_equal(lpm_delete(t, &r.prefix), 0);
		assert_int_equal(i, list->n);
		lpm_free(t);
		free(list);
	}
	(void)state;
}

/* What readers of the moment may still look at is not used again before it is reclaimed. */
static void retired_waits(void **state)
{
	struct prefix p = pfx("10.0.2.0/24"), q = pfx("10.0.3.0/24");
	struct lpm *t = table(ADDR_V4, 100);
	struct lpm_stats s;
	uint64_t mark;

	(void)state;
	lpm_insert(t, &p, 1);
	mark = lpm_quiesce_mark(t);
	lpm_stats(t, &s);
	assert_int_equal(s.bytes_retired, 0);
	lpm_insert(t, &q, 2);
	lpm_stats(t, &s);
	assert_int_equal(s.bytes_retired, LPM_LINE);
	lpm_reclaim(t, mark);
	lpm_stats(t, &s);
	assert_int_equal(s.bytes_retired, LPM_LINE);
	reclaim(t);
	lpm_stats(t, &s);
	assert_int_equal(s.bytes_retired, 0);
	lpm_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_v4),
		cmocka_unit_test(edges_v6),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limit),
		cmocka_unit_test(scattered),
		cmocka_unit_test(area_full),
		cmocka_unit_test(random_changes),
		cmocka_unit_test(large),
		cmocka_unit_test(walk),
		cmocka_unit_test(retired_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Fixed tables, with results of 31 bits, against their twin: of every size from none to so
 * many that there are more different results than 16 bits have, on both sides of where the
 * first level becomes larger.
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

struct fixed {
	struct lpm_shape shape;
	void *area;
};

static struct fixed fixed(uint8_t family, const struct lpm_route *routes, size_t n)
{
	struct fixed t = { 0 };

	assert_int_equal(lpm_fixed(family, routes, n, &t.shape, &t.area), 0);
	assert_int_equal(t.shape.bytes % 4096, 0);
	return t;
}

static lpm_result look(const struct fixed *t, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return lpm_walk(&t->shape, t->area, &a);
}

static struct lpm_route route(const char *prefix, lpm_result result)
{
	struct lpm_route r = { .result = result };

	assert_int_equal(prefix_parse(prefix, &r.prefix), 0);
	return r;
}

static void agree(const struct fixed *t, struct twin *twin, const struct addr *a)
{
	lpm_result got = lpm_walk(&t->shape, t->area, a), want = twin_lookup(twin, a);
	char text[ADDR_STRLEN];

	if (got != want)
		fail_msg("%s: walk %u, twin %u", addr_format(a, text), got, want);
}

static void empty_and_single(void **state)
{
	struct lpm_route r = route("0.0.0.0/0", LPM_WIDE_MAX);
	struct fixed t = fixed(ADDR_V4, NULL, 0);

	(void)state;
	assert_int_equal(look(&t, "0.0.0.0"), 0);
	assert_int_equal(look(&t, "255.255.255.255"), 0);
	free(t.area);
	t = fixed(ADDR_V4, &r, 1);
	assert_int_equal(look(&t, "0.0.0.0"), LPM_WIDE_MAX);
	assert_int_equal(look(&t, "255.255.255.255"), LPM_WIDE_MAX);
	assert_in_range(t.shape.bytes, 1, 16384);
	free(t.area);
	r = route("192.0.2.1/32", 1);
	t = fixed(ADDR_V4, &r, 1);
	assert_int_equal(look(&t, "192.0.2.0"), 0);
	assert_int_equal(look(&t, "192.0.2.1"), 1);
	assert_int_equal(look(&t, "192.0.2.2"), 0);
	free(t.area);
	t = fixed(ADDR_V6, NULL, 0);
	assert_int_equal(look(&t, "2001:db8::"), 0);
	free(t.area);
	r = route("::/0", LPM_WIDE_MAX);
	t = fixed(ADDR_V6, &r, 1);
	assert_int_equal(look(&t, "2001:db8::"), LPM_WIDE_MAX);
	assert_in_range(t.shape.bytes, 1, 16384);
	free(t.area);
	r = route("2001:db8::1/128", 1);
	t = fixed(ADDR_V6, &r, 1);
	assert_int_equal(look(&t, "2001:db8::"), 0);
	assert_int_equal(look(&t, "2001:db8::1"), 1);
	assert_int_equal(look(&t, "2001:db8::2"), 0);
	free(t.area);
}

/* Results with all bits that there are, where nodes meet, and at both ends of the addresses. */
static void edges(void **state)
{
	struct lpm_route v4[] = {
		route("0.0.0.0/0", 0x7ffffff1), route("128.0.0.0/1", 0x7ffffff2),
		route("192.0.0.0/10", 0x7ffffff3), route("192.0.0.0/11", 0x7ffffff4),
		route("192.0.0.0/16", 0x7ffffff5), route("192.0.0.0/17", 0x7ffffff6),
		route("192.0.0.0/24", 0x7ffffff7), route("192.0.0.0/25", 0x7ffffff8),
		route("192.0.0.0/31", 0x7ffffff9), route("192.0.0.1/32", 0x7ffffffa),
		route("255.255.255.255/32", 0x7ffffffb), route("0.0.0.0/32", 0x7ffffffc),
	};
	struct lpm_route v6[] = {
		route("::/0", 0x7ffffff1), route("8000::/1", 0x7ffffff2),
		route("2001:db8::/32", 0x7ffffff3), route("2001:db8::/48", 0x7ffffff4),
		route("2001:db8::/49", 0x7ffffff5), route("2001:db8::/127", 0x7ffffff6),
		route("2001:db8::1/128", 0x7ffffff7), route("::/128", 0x7ffffff8),
		route("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 0x7ffffff9),
	};
	struct fixed t = fixed(ADDR_V4, v4, sizeof(v4) / sizeof(v4[0]));

	(void)state;
	assert_int_equal(look(&t, "127.255.255.255"), 0x7ffffff1);
	assert_int_equal(look(&t, "128.0.0.0"), 0x7ffffff2);
	assert_int_equal(look(&t, "192.63.255.255"), 0x7ffffff3);
	assert_int_equal(look(&t, "192.64.0.0"), 0x7ffffff2);
	assert_int_equal(look(&t, "192.31.255.255"), 0x7ffffff4);
	assert_int_equal(look(&t, "192.0.255.255"), 0x7ffffff5);
	assert_int_equal(look(&t, "192.0.127.255"), 0x7ffffff6);
	assert_int_equal(look(&t, "192.0.0.255"), 0x7ffffff7);
	assert_int_equal(look(&t, "192.0.0.127"), 0x7ffffff8);
	assert_int_equal(look(&t, "192.0.0.0"), 0x7ffffff9);
	assert_int_equal(look(&t, "192.0.0.1"), 0x7ffffffa);
	assert_int_equal(look(&t, "255.255.255.255"), 0x7ffffffb);
	assert_int_equal(look(&t, "255.255.255.254"), 0x7ffffff2);
	assert_int_equal(look(&t, "0.0.0.0"), 0x7ffffffc);
	assert_int_equal(look(&t, "0.0.0.1"), 0x7ffffff1);
	free(t.area);
	t = fixed(ADDR_V6, v6, sizeof(v6) / sizeof(v6[0]));
	assert_int_equal(look(&t, "7fff::"), 0x7ffffff1);
	assert_int_equal(look(&t, "8000::"), 0x7ffffff2);
	assert_int_equal(look(&t, "2001:db8:1::"), 0x7ffffff3);
	assert_int_equal(look(&t, "2001:db8:0:8000::"), 0x7ffffff4);
	assert_int_equal(look(&t, "2001:db8:0:7fff::"), 0x7ffffff5);
	assert_int_equal(look(&t, "2001:db8::"), 0x7ffffff6);
	assert_int_equal(look(&t, "2001:db8::1"), 0x7ffffff7);
	assert_int_equal(look(&t, "2001:db8::2"), 0x7ffffff5);
	assert_int_equal(look(&t, "::"), 0x7ffffff8);
	assert_int_equal(look(&t, "::1"), 0x7ffffff1);
	assert_int_equal(look(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0x7ffffff9);
	free(t.area);
}

static void refuses(void **state)
{
	struct lpm_route r = route("10.0.0.0/8", 0);
	struct fixed t;

	(void)state;
	assert_int_equal(lpm_fixed(ADDR_V4, &r, 1, &t.shape, &t.area), -EINVAL);
	r.result = LPM_WIDE_MAX + 1;
	assert_int_equal(lpm_fixed(ADDR_V4, &r, 1, &t.shape, &t.area), -EINVAL);
	r.result = 1;
	assert_int_equal(lpm_fixed(ADDR_V6, &r, 1, &t.shape, &t.area), -EINVAL);
	assert_int_equal(lpm_fixed(ADDR_NONE, &r, 1, &t.shape, &t.area), -EINVAL);
	assert_int_equal(lpm_fixed(ADDR_V4, &r, 1000001, &t.shape, &t.area), -E2BIG);
	r.prefix.len = 33;
	assert_int_equal(lpm_fixed(ADDR_V4, &r, 1, &t.shape, &t.area), -EINVAL);
}

/* Random tables; in some each prefix has a result of its own, in others few have. */
static void random_tables(void **state)
{
	static const size_t sizes[] = { 1, 2, 5, 10, 30, 100, 300, 999, 1000, 1001, 3000, 60000 };
	uint64_t random = random_seed();

	(void)state;
	for (size_t round = 0; round < 4 * sizeof(sizes) / sizeof(sizes[0]); round++) {
		uint8_t family = families[round % 2];
		size_t n = sizes[round / 4], looks = n < 10000 ? 4000 : 150000;
		unsigned int centres = 1 + n / 8;
		struct lpm_route *routes = calloc(n, sizeof(*routes));
		struct twin *twin = twin_new(family);
		struct fixed t;

		for (size_t i = 0; i < n; i++)
			routes[i] = (struct lpm_route){
				random_prefix(&random, family, centres),
				round & 2 ? LPM_WIDE_MAX - i : 1 + random_next(&random) % 3 };
		assert_int_equal(twin_build(twin, routes, n), 0);
		t = fixed(family, routes, n);
		for (size_t i = 0; i < looks; i++) {
			struct addr a = i % 4 ?
				near_prefix(&random, &routes[random_next(&random) % n].prefix) :
				random_addr(&random, family, centres);

			agree(&t, twin, &a);
		}
		free(t.area);
		free(routes);
		twin_free(twin);
	}
}

/* Every result is found again, and there are more than 2^15 and 2^16 of them. */
static void many_results(void **state)
{
	size_t n = 100000;
	struct lpm_route *routes = calloc(n, sizeof(*routes));

	(void)state;
	for (unsigned int f = 0; f < 2; f++) {
		struct fixed t;

		for (size_t i = 0; i < n; i++) {
			uint32_t place = i * 2654435761u;
			struct lpm_route *r = &routes[i];

			*r = (struct lpm_route){ .result = 1 + i };
			r->prefix.addr.family = families[f];
			r->prefix.len = f ? 24 + i % 41 : 32;
			r->prefix.addr.bytes[0] = f ? 0x20 : place >> 24;
			for (unsigned int b = 1; b < 4; b++)
				r->prefix.addr.bytes[b] = place >> (24 - 8 * b);
			if (f) {	/* all different in the first 24 bits */
				r->prefix.addr.bytes[1] = i >> 12;
				r->prefix.addr.bytes[2] = i >> 4;
				r->prefix.addr.bytes[3] = i << 4;
				r->prefix.len = 28 + i % 101;
			}
		}
		t = fixed(families[f], routes, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(lpm_walk(&t.shape, t.area, &routes[i].prefix.addr), 1 + i);
		printf("# IPv%u: %zu scattered prefixes in %u bytes\n", families[f], n, t.shape.bytes);
		free(t.area);
	}
	free(routes);
}

/* A filter of a few rules costs a few pages. */
static void small_is_small(void **state)
{
	uint64_t random = random_seed();
	struct lpm_route routes[10];

	(void)state;
	for (unsigned int f = 0; f < 2; f++) {
		for (unsigned int i = 0; i < 10; i++)
			routes[i] = (struct lpm_route){ random_prefix(&random, families[f], 10), 1 + i };
		struct fixed t = fixed(families[f], routes, 10);

		assert_in_range(t.shape.bytes, 1, 40960);
		free(t.area);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_single),
		cmocka_unit_test(edges),
		cmocka_unit_test(refuses),
		cmocka_unit_test(random_tables),
		cmocka_unit_test(many_results),
		cmocka_unit_test(small_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

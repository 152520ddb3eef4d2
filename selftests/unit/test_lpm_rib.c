// SPDX-License-Identifier: GPL-2.0
/*
 * Route tables in files: what is read, what is refused and where; then the real tables, if
 * they are there, against the twin, changed and changed back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "lpm/lpm.h"
#include "lpm/rib.h"
#include "lpm/twin.h"
#include "lpm_routes.h"

static char path[] = "/tmp/sluice-rib-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void put_text(const char *text, const char *mode)
{
	gzFile f = gzopen(path, mode);

	gzputs(f, text);
	gzclose(f);
}

static int read_text(const char *text, const char *mode, struct vec *routes, struct text *error)
{
	put_text(text, mode);
	return rib_read(path, routes, error);
}

static void reads(void **state)
{
	static const char good[] = "; a comment\n\n10.0.0.0/8\t65536\r\n# another\n"
		"  2001:db8::/32   7 ; behind\n192.0.2.1 4294967295";
	const char *const modes[] = { "wbT", "wb" };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct vec routes = VEC(struct rib_route);
		struct text error = { 0 };
		const struct rib_route *r;
		char text[PREFIX_STRLEN];

		assert_int_equal(read_text(good, modes[i], &routes, &error), 0);
		assert_int_equal(routes.len, 3);
		r = routes.data;
		assert_string_equal(prefix_format(&r[0].prefix, text), "10.0.0.0/8");
		assert_int_equal(r[0].nexthop, 65536);
		assert_string_equal(prefix_format(&r[1].prefix, text), "2001:db8::/32");
		assert_int_equal(r[1].nexthop, 7);
		assert_string_equal(prefix_format(&r[2].prefix, text), "192.0.2.1/32");
		assert_int_equal(r[2].nexthop, 4294967295u);
		vec_free(&routes);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "10.0.0.0/8 1\n10.0.0.0/33 1\n", ":2: not a prefix: \"10.0.0.0/33 1\"" },
		{ "10.0.0.1/8 1\n", ":1: bits are set past the prefix length" },
		{ "10.0.0.0/8 -1\n", ":1: the next hop is neither a number nor an address" },
		{ "10.0.0.0/8 AS1\n", ":1: the next hop is neither a number nor an address" },
		{ "10.0.0.0/8 10.0.0\n", ":1: the next hop is neither a number nor an address" },
		{ "10.0.0.0/8 1\n10.0.0.0/9 ::1\n", ":2: a next hop's address, after lines that had numbers" },
		{ "10.0.0.0/8 ::1\n10.0.0.0/9 1\n", ":2: a next hop's number, after lines that had addresses" },
		{ "10.0.0.0/8 4294967296\n", ":1: the number does not fit into 32 bits" },
		{ "10.0.0.0/8 99999999999999999999999\n", ":1: the number does not fit" },
		{ "10.0.0.0/8 1 2\n", ":1: more than a prefix and a next hop" },
		{ "hello\n", ":1: not a prefix" },
	};
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	char line[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(bad[i].text, "wbT", &routes, &error), -EINVAL);
		if (!strstr(text_string(&error), bad[i].says) ||
		    strncmp(text_string(&error), path, strlen(path)))
			fail_msg("\"%s\" does not say \"%s\"", text_string(&error), bad[i].says);
		assert_int_equal(routes.len, 0);
		text_free(&error);
	}
	memset(line, '1', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	assert_int_equal(read_text(line, "wbT", &routes, &error), -EINVAL);
	assert_non_null(strstr(text_string(&error), ":1: longer than"));
	text_free(&error);
	assert_int_equal(rib_read("/nowhere/at/all", &routes, &error), -ENOENT);
	assert_string_equal(text_string(&error), "/nowhere/at/all: No such file or directory");
	text_free(&error);
	assert_int_equal(rib_read("/tmp", &routes, &error), -EISDIR);
	text_free(&error);
	vec_free(&routes);
}

/* Next hops by their addresses, and none. */
static void names_nexthops(void **state)
{
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	struct rib_file file;
	const struct rib_route *r;
	char text[ADDR_STRLEN];

	(void)state;
	rib_file_init(&file);
	put_text("10.0.0.0/8 192.0.2.1\n11.0.0.0/8 fe80::1\n12.0.0.0/8\t192.0.2.1\n", "wb");
	assert_int_equal(rib_read_file(path, &routes, &file, &error), 0);
	assert_int_equal(routes.len, 3);
	assert_int_equal(file.hops.len, 2);
	r = routes.data;
	assert_int_equal(r[0].nexthop, r[2].nexthop);
	assert_string_equal(addr_format(vec_at(&file.hops, r[2].nexthop), text), "192.0.2.1");
	assert_string_equal(addr_format(vec_at(&file.hops, r[1].nexthop), text), "fe80::1");
	routes.len = 0;
	rib_file_free(&file);
	assert_int_equal(read_text("10.0.0.0/8\n", "wbT", &routes, &error), 0);
	assert_int_equal(((struct rib_route *)vec_at(&routes, 0))->nexthop, 0);
	vec_free(&routes);
}

static void reads_changes(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "10.0.0.0/8 1\n", ":1: the time is no number of seconds" },
		{ "12x a 10.0.0.0/8 1\n", ":1: the time is no number of seconds" },
		{ "99999999999 a 10.0.0.0/8 1\n", ":1: the time is later" },
		{ "1 b 10.0.0.0/8 1\n", ":1: neither \"a\" nor \"w\"" },
		{ "1 a\n", ":1: not a prefix" },
		{ "1 a 10.0.0.0/8 1 2\n", ":1: more than a prefix and a next hop" },
	};
	struct vec changes = VEC(struct rib_change);
	struct text error = { 0 };
	struct rib_file file;
	const struct rib_change *c;

	(void)state;
	rib_file_init(&file);
	put_text("1418774413 w 202.70.88.0/21 0.0.0.0\n1418774413.25 a 202.70.88.0/21 195.66.226.74\n", "wb");
	assert_int_equal(rib_read_changes(path, &changes, &file, &error), 0);
	assert_int_equal(changes.len, 2);
	c = changes.data;
	assert_true(c[0].withdrawn && !c[1].withdrawn);
	assert_true(c[0].time_us == 1418774413000000 && c[1].time_us == 1418774413250000);
	assert_int_equal(file.hops.len, 1);
	changes.len = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_text(bad[i].text, "wbT");
		assert_int_equal(rib_read_changes(path, &changes, &file, &error), -EINVAL);
		if (!strstr(text_string(&error), bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", text_string(&error), bad[i].says);
		assert_int_equal(changes.len, 0);
		text_free(&error);
	}
	rib_file_free(&file);
	vec_free(&changes);
}

/* What bzip2 and xz pack is read alike; where it is damaged, they say so. */
static void unpacks(void **state)
{
	static const char *const programs[] = { "gzip", "bzip2", "xz" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct vec routes = VEC(struct rib_route);
		struct text error = { 0 };
		char command[300];

		snprintf(command, sizeof(command), "command -v %s >/dev/null", programs[i]);
		if (system(command))
			continue;
		/* Two of them, one behind the other, are one. */
		snprintf(command, sizeof(command), "for i in 1 2; do seq -f '10.%%g.0.0/16 7' 0 99 | %s; done > %s",
			 programs[i], path);
		assert_int_equal(system(command), 0);
		if (rib_read(path, &routes, &error))
			fail_msg("%s", text_string(&error));
		assert_int_equal(routes.len, 200);
		routes.len = 0;
		assert_int_equal(truncate(path, 100), 0);
		assert_int_equal(rib_read(path, &routes, &error), -EINVAL);
		assert_int_equal(routes.len, 0);
		assert_non_null(strstr(text_string(&error), path));
		text_free(&error);
		vec_free(&routes);
	}
}

/* Compressed data that ends early, or is damaged. */
static void damaged(void **state)
{
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	char *many = calloc(1, 40 * 3000 + 1), *p = many;
	long size;
	FILE *f;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++)
		p += sprintf(p, "10.%u.%u.0/24 %u\n", i >> 8, i & 255, i * 2654435761u);
	assert_int_equal(read_text(many, "wb", &routes, &error), 0);
	assert_int_equal(routes.len, 3000);
	routes.len = 0;
	f = fopen(path, "r+");
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fseek(f, size / 2, SEEK_SET);
	for (unsigned int i = 0; i < 64; i++)
		putc(0x5a, f);
	fclose(f);
	assert_int_equal(rib_read(path, &routes, &error), -EINVAL);
	assert_int_equal(routes.len, 0);
	text_free(&error);
	assert_int_equal(read_text(many, "wb", &routes, &error), 0);
	routes.len = 0;
	assert_int_equal(truncate(path, size / 2), 0);
	assert_int_equal(rib_read(path, &routes, &error), -EINVAL);
	assert_int_equal(routes.len, 0);
	text_free(&error);
	vec_free(&routes);
	free(many);
}

/* ---- the real tables ------------------------------------------------------------- */

static void real_table(const char *name, uint8_t family, double most_bytes)
{
	const char *data = getenv("SLUICE_DATA");
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	uint64_t random = random_seed();
	struct twin *twin = twin_new(family);
	struct lpm_shape shape;
	struct lpm_stats stats;
	struct lpm_route *r;
	struct lpm *t;
	char file[512];
	size_t n = 0;

	snprintf(file, sizeof(file), "%s/bgp/%s", data ? data : "../shared/data", name);
	if (access(file, R_OK)) {
		printf("# SKIP no %s\n", file);
		twin_free(twin);
		skip();
	}
	if (rib_read(file, &routes, &error))
		fail_msg("%s", text_string(&error));
	r = calloc(routes.len, sizeof(*r));
	for (size_t i = 0; i < routes.len; i++) {
		const struct rib_route *from = vec_at(&routes, i);

		if (from->prefix.addr.family == family)
			r[n++] = (struct lpm_route){ from->prefix, 1 + from->nexthop % 250 };
	}
	assert_true(n > 1000);
	assert_int_equal(lpm_sizes(family, n, &shape), 0);
	t = lpm_new(family, &shape, NULL, n);
	assert_int_equal(lpm_build(t, r, n), 0);
	twin_build(twin, r, n);
	lpm_stats(t, &stats);
	printf("# %s: %zu prefixes, %.1f bytes each, nodes %zu %zu %zu\n", name, stats.prefixes,
	       (double)stats.bytes_used / stats.prefixes, stats.nodes[0], stats.nodes[1],
	       stats.nodes[2]);
	assert_true((double)stats.bytes_used / stats.prefixes <= most_bytes);
	/* Out and in again, so that the second look is at a table that was changed. */
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 150000; i++) {
			struct addr a = i % 3 ? near_prefix(&random,
						&r[random_next(&random) % n].prefix) :
						random_addr(&random, family, 1000000);
			lpm_result got = lpm_lookup(t, &a);
			char text[ADDR_STRLEN];

			if (got != twin_lookup(twin, &a) || got != lpm_match(t, &a, NULL))
				fail_msg("%s: walk %u, twin %u", addr_format(&a, text), got,
					 twin_lookup(twin, &a));
		}
		for (unsigned int i = 0; !round && i < 20000; i++) {
			const struct lpm_route *one = &r[random_next(&random) % n];
			lpm_result is = lpm_get(t, &one->prefix);

			assert_int_equal(lpm_delete(t, &one->prefix), 0);
			assert_int_equal(lpm_insert(t, &one->prefix, is), 0);
			if (i % 64 == 0)
				lpm_reclaim(t, lpm_quiesce_mark(t));
		}
	}
	lpm_free(t);
	twin_free(twin);
	vec_free(&routes);
	free(r);
}

static void routeviews_v4(void **state)
{
	(void)state;
	/* 4 of them are the first level, 1 MB whatever it holds. */
	real_table("pyasn-ipasn_20080501_v12.dat.gz", ADDR_V4, 11);
}

static void routeviews_v6(void **state)
{
	(void)state;
	real_table("pyasn-ipasn6_20151101.dat.gz", ADDR_V6, 35);
}

static void peer_v6(void **state)
{
	(void)state;
	real_table("cptrie-ip6-routes-293.txt.gz", ADDR_V6, 35);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(names_nexthops),
		cmocka_unit_test(reads_changes),
		cmocka_unit_test(unpacks),
		cmocka_unit_test(damaged),
		cmocka_unit_test(routeviews_v4),
		cmocka_unit_test(routeviews_v6),
		cmocka_unit_test(peer_v6),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Several route tables in one memory, and which of them answers: ip rules and VRFs as the kernel has
 * them, walked by hand; and four VRFs with the tables of four real peers at once (SLUICE_DATA),
 * each right against a list, together smaller than apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "fib/fib.h"
#include "lpm/lpm.h"
#include "lpm/rib.h"
#include "lpm/twin.h"

#define TABLES 5

static struct {
	struct nexthops *nexthops;
	struct lpm *lpm[TABLES][2];
	struct fib *fib;
	unsigned int waits;
} w;

static void grace(void *user)
{
	(void)user;
	w.waits++;
}

static void open_world(size_t prefixes, const struct fib_table *names)
{
	struct fib_table other[TABLES - 1];
	struct lpm_shape shape;

	memset(&w, 0, sizeof(w));
	w.nexthops = calloc(1, sizeof(*w.nexthops));
	for (int i = 0; i < 2; i++) {
		uint8_t family = i ? ADDR_V6 : ADDR_V4;

		assert_int_equal(lpm_sizes_many(family, TABLES * prefixes, TABLES, &shape), 0);
		w.lpm[0][i] = lpm_new(family, &shape, NULL, prefixes);
		for (int t = 1; t < TABLES; t++)
			assert_int_equal(lpm_new_beside(w.lpm[0][i], t, prefixes, &w.lpm[t][i]), 0);
	}
	for (int t = 1; t < TABLES; t++) {
		other[t - 1] = names[t - 1];
		memcpy(other[t - 1].lpm, w.lpm[t], sizeof(w.lpm[t]));
	}
	w.fib = fib_new(&(struct fib_memory){
		.nexthops = w.nexthops, .lpm4 = w.lpm[0][0], .lpm6 = w.lpm[0][1], .grace = grace,
		.other = other, .others = TABLES - 1, .sources = true,
	});
}

static void close_world(void)
{
	fib_free(w.fib);
	for (int t = 0; t < TABLES; t++)
		for (int i = 0; i < 2; i++)
			lpm_leave(w.lpm[t][i]);
	free(w.nexthops);
}

static void set_link(uint32_t ifindex, const char *name, uint32_t master, uint32_t vrf_table)
{
	struct kernel_link link = {
		.ifindex = ifindex, .mtu = 1500, .master = master, .vrf_table = vrf_table,
		.mac_len = 6, .up = true, .carrier = true,
	};

	snprintf(link.name, sizeof(link.name), "%s", name);
	fib_link_set(w.fib, &link);
}

static void set_rule(uint8_t family, uint32_t priority, const char *iif, uint32_t table, uint8_t flags,
		     const char *from, bool gone)
{
	struct kernel_rule rule = { .family = family, .action = FR_ACT_TO_TBL, .priority = priority,
				    .table = table, .flags = flags };

	if (iif)
		snprintf(rule.iif, sizeof(rule.iif), "%s", iif);
	if (from)
		assert_int_equal(prefix_parse(from, &rule.from), 0);
	(gone ? fib_rule_gone : fib_rule_set)(w.fib, &rule);
}

static void default_rules(void)
{
	set_rule(ADDR_V4, 0, NULL, 255, 0, NULL, false);
	set_rule(ADDR_V4, 32766, NULL, 254, 0, NULL, false);
	set_rule(ADDR_V4, 32767, NULL, 253, 0, NULL, false);
	set_rule(ADDR_V6, 0, NULL, 255, 0, NULL, false);
	set_rule(ADDR_V6, 32766, NULL, 254, 0, NULL, false);
}

/* @row: as digits: numbers + 1, and "s" for the stack. */
static void check_row(uint16_t port, uint16_t vlan, bool v6, const char *row)
{
	const struct route_view *view = fib_view(w.fib, port, vlan);
	char got[VIEW_TABLES + 1] = "";

	for (int i = 0; view && i < VIEW_TABLES && view->table[v6][i]; i++)
		got[i] = view->table[v6][i] == VIEW_STACK ? 's' : '0' + view->table[v6][i];
	assert_string_equal(view ? got : "1", row);
}

static const struct fib_table names[TABLES - 1] = {
	{ .number = 10 }, { .number = 20, .vrf = "red" }, { .number = 30 }, { .number = 40 },
};

static void test_views(void **state)
{
	struct kernel_link vlan = { .ifindex = 9, .mtu = 1500, .lower = 1, .vlan = 7, .mac_len = 6,
				    .up = true, .carrier = true, .name = "lan.7" };
	struct text notes = { 0 };

	(void)state;
	open_world(100, names);
	default_rules();
	set_link(1, "lan", 0, 0);
	set_link(2, "wan", 0, 0);
	set_link(5, "red", 0, 20);
	fib_link_set(w.fib, &vlan);
	fib_port_set(w.fib, 1, 1);
	fib_port_set(w.fib, 2, 2);
	fib_flush(w.fib);
	assert_null(fib_view(w.fib, 1, 0));	/* nothing but the default: not looked at */

	set_rule(ADDR_V4, 100, "lan", 10, 0, NULL, false);
	fib_flush(w.fib);
	check_row(1, 0, false, "21");
	check_row(1, 0, true, "1");
	check_row(1, 7, false, "1");		/* the VLAN is another interface */
	check_row(2, 0, false, "1");
	assert_int_equal(fib_view(w.fib, 1, 0)->back[0][0], 1);	/* iif lo: by main */

	/* A VRF, by the rule that comes with the first one; its VLAN, too. */
	set_rule(ADDR_V4, 1000, NULL, 0, KERNEL_RULE_L3MDEV, NULL, false);
	set_link(2, "wan", 5, 0);
	vlan.master = 5;
	fib_link_set(w.fib, &vlan);
	fib_flush(w.fib);
	check_row(2, 0, false, "31");
	check_row(1, 7, false, "31");
	check_row(1, 0, false, "21");
	assert_int_equal(fib_view(w.fib, 2, 0)->back[0][0], 3);

	/* Local behind it, as routers with VRFs have it. */
	set_rule(ADDR_V4, 32765, NULL, 255, 0, NULL, false);
	set_rule(ADDR_V4, 0, NULL, 255, 0, NULL, true);
	fib_flush(w.fib);
	check_row(2, 0, false, "31");
	check_row(1, 0, false, "21");

	/* A table that is not routed by ends it; what is behind a rule that is not followed goes on. */
	set_rule(ADDR_V4, 90, "lan", 77, 0, NULL, false);
	set_rule(ADDR_V4, 80, NULL, 10, 0, "192.0.2.0/24", false);
	fib_flush(w.fib);
	check_row(1, 0, false, "s");
	assert_int_equal(fib_view(w.fib, 2, 0)->guards[0], 1);
	assert_int_equal(fib_view(w.fib, 2, 0)->guards[1], 0);
	fib_notes(w.fib, &notes);
	assert_non_null(strstr(text_string(&notes), "rule 90 (from all iif lan lookup 77) leads to"));
	assert_non_null(strstr(text_string(&notes), "rule 80 (from 192.0.2.0/24 lookup 10) is not followed"));
	set_rule(ADDR_V4, 85, NULL, 77, KERNEL_RULE_MARK, NULL, false);
	fib_flush(w.fib);
	assert_int_equal(fib_view(w.fib, 2, 0)->guards[0], 1u << (VIEW_GUARDS - 1) | 1);
	text_free(&notes);
	close_world();
}

/* Local in front of a table, or behind: the same prefixes in other orders. */
static void test_local(void **state)
{
	struct kernel_path path = { .ifindex = 2, .weight = 1, .via = addr_v4(0x0a000002) };
	struct kernel_route route = { .type = RTN_UNICAST, .table = 10, .paths = 1, .path = &path };
	struct kernel_route local = { .type = RTN_LOCAL, .table = 255 };
	struct fib_answer answer;
	struct addr a;

	(void)state;
	open_world(100, names);
	default_rules();
	set_link(1, "lan", 0, 0);
	set_link(2, "wan", 0, 0);
	fib_port_set(w.fib, 1, 1);
	fib_port_set(w.fib, 2, 2);
	set_rule(ADDR_V4, 100, "lan", 10, 0, NULL, false);
	assert_int_equal(prefix_parse("198.51.100.0/24", &local.prefix), 0);
	fib_route_set(w.fib, &local);
	assert_int_equal(prefix_parse("198.51.100.128/25", &route.prefix), 0);
	fib_route_set(w.fib, &route);
	assert_int_equal(prefix_parse("203.0.113.0/24", &route.prefix), 0);
	fib_route_set(w.fib, &route);
	fib_flush(w.fib);
	assert_int_equal(addr_parse("198.51.100.129", &a), 0);
	fib_lookup_in(w.fib, 1, &a, &answer);
	assert_int_equal(answer.reason, REASON_local);	/* wide, and asked first */

	set_rule(ADDR_V4, 0, NULL, 255, 0, NULL, true);
	set_rule(ADDR_V4, 200, NULL, 255, 0, NULL, false);
	fib_flush(w.fib);
	assert_true(w.waits > 0);	/* all was held meanwhile */
	fib_lookup_in(w.fib, 1, &a, &answer);
	assert_true(answer.found && answer.agrees);
	assert_int_equal(answer.reason, REASON_no_neighbour);
	assert_int_equal(answer.route.prefix.len, 25);
	assert_int_equal(addr_parse("198.51.100.1", &a), 0);
	fib_lookup_in(w.fib, 1, &a, &answer);
	assert_false(answer.found);
	fib_lookup_in(w.fib, 0, &a, &answer);
	assert_int_equal(answer.reason, REASON_local);
	close_world();
}

/* ---- four VRFs --------------------------------------------------------------------- */

static const char *const files[] = { "293", "852", "19653", "23367" };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 24;
}

static void load_vrf(unsigned int table, const struct vec *routes)
{
	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);
		struct kernel_path path = { .ifindex = 1 + r->nexthop % 4, .weight = 1,
			.via = { .family = ADDR_V6, .bytes = { 0xfe, 0x80, [15] = r->nexthop } } };
		struct kernel_route route = { .prefix = r->prefix, .type = RTN_UNICAST,
			.table = names[table - 1].number, .paths = 1, .path = &path };

		fib_route_set(w.fib, &route);
	}
}

static size_t bytes_alone(const struct vec *routes)
{
	struct lpm_route *r = calloc(routes->len, sizeof(*r));
	struct lpm_shape shape;
	struct lpm_stats stats;
	struct lpm *t;

	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *from = vec_at(routes, i);

		r[i] = (struct lpm_route){ from->prefix, 1 + from->nexthop };
	}
	assert_int_equal(lpm_sizes(ADDR_V6, routes->len, &shape), 0);
	t = lpm_new(ADDR_V6, &shape, NULL, routes->len);
	assert_int_equal(lpm_build(t, r, routes->len), 0);
	lpm_stats(t, &stats);
	lpm_free(t);
	free(r);
	return stats.bytes_used;
}

static void test_four_vrfs(void **state)
{
	const char *data = getenv("SLUICE_DATA");
	struct twin *twin[TABLES] = { NULL };
	struct vec routes[TABLES];
	struct text error = { 0 };
	struct lpm_stats stats;
	size_t alone = 0;
	uint64_t random = 1;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/bgp", data ? data : "../shared/data");
	if (access(path, R_OK)) {
		printf("# SKIP no %s\n", path);
		skip();
	}
	open_world(110000, names);
	for (unsigned int t = 1; t < TABLES; t++) {
		routes[t] = VEC(struct rib_route);
		snprintf(path, sizeof(path), "%s/bgp/cptrie-ip6-routes-%s.txt.gz",
			 data ? data : "../shared/data", files[t - 1]);
		if (rib_read(path, &routes[t], &error))
			fail_msg("%s", text_string(&error));
		twin[t] = twin_new(ADDR_V6);
		for (size_t i = 0; i < routes[t].len; i++) {
			const struct rib_route *r = vec_at(&routes[t], i);

			twin_insert(twin[t], &r->prefix, 1 + r->nexthop);
		}
		set_link(t, "port", 10 + t, 0);
		set_link(10 + t, "vrf", 0, names[t - 1].number);
		fib_port_set(w.fib, t, t);
		load_vrf(t, &routes[t]);
		alone += bytes_alone(&routes[t]);
	}
	default_rules();
	set_rule(ADDR_V6, 1000, NULL, 0, KERNEL_RULE_L3MDEV, NULL, false);
	fib_flush(w.fib);
	for (unsigned int t = 1; t < TABLES; t++) {
		const struct route_view *view = fib_view(w.fib, t, 0);

		assert_non_null(view);
		assert_int_equal(view->table[1][0], t + 1);
		for (int i = 0; i < 4000; i++) {
			const struct rib_route *near = vec_at(&routes[t], next_random(&random) % routes[t].len);
			struct addr a = near->prefix.addr;
			struct fib_answer answer;
			lpm_result wanted;

			for (unsigned int b = near->prefix.len / 8; b < 16; b++)
				a.bytes[b] ^= b == near->prefix.len / 8u ? next_random(&random) & 3 :
									 next_random(&random);
			wanted = twin_lookup(twin[t], &a);
			fib_lookup_in(w.fib, t, &a, &answer);
			if (answer.found != (wanted != 0) || !answer.agrees || (!answer.group != !wanted) ||
			    (wanted && fib_rib_nexthop(&answer.route.nexthop[0]) != wanted - 1))
				fail_msg("table %s: a wrong answer", files[t - 1]);
		}
	}
	lpm_stats(w.lpm[0][1], &stats);
	printf("# four tables, %zu routes: %zu kB together, %zu kB apart\n",
	       routes[1].len + routes[2].len + routes[3].len + routes[4].len,
	       stats.bytes_used / 1024, alone / 1024);
	assert_true(stats.bytes_used < alone);
	for (unsigned int t = 1; t < TABLES; t++) {
		twin_free(twin[t]);
		vec_free(&routes[t]);
	}
	text_free(&error);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_four_vrfs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}

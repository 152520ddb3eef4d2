// SPDX-License-Identifier: GPL-2.0
/*
 * Groups of next hops: shares by weight, and who moves when a member goes, comes, or the route is replaced;
 * that each bucket's backup is who has it when the loss is told; that a worse route stands in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/vec.h"
#include "fib/buckets.h"
#include "fib/fib.h"
#include "image/image.h"
#include "lpm/lpm.h"

#define PORTS 9		/* links 1 .. 8 are ports 1 .. 8, each with one gateway */

static struct world {
	struct fib *fib;
	struct nexthops *nexthops;
	struct lpm *lpm;
	int users[PORTS];	/* of counters: that of a gateway is 100 and its link's number */
	unsigned int counters;	/* how many of the gateways have one to be had */
} w;

static struct addr gateway(uint32_t i);

static uint16_t get_counter(void *user, const struct addr *via, const char *interface)
{
	unsigned int i = via->bytes[2];

	struct addr a = gateway(i);
	char name[16];

	assert_ptr_equal(user, &w);
	assert_true(addr_equal(&a, via));
	snprintf(name, sizeof(name), "eth%u", i);
	assert_string_equal(name, interface);
	if (i > w.counters)
		return 0;
	w.users[i]++;
	return 100 + i;
}

static void put_counter(void *user, uint16_t counter)
{
	assert_ptr_equal(user, &w);
	assert_true(counter > 100 && counter < 100 + PORTS);
	assert_true(w.users[counter - 100]-- > 0);
}

static struct kernel_link link_of(uint32_t i)
{
	struct kernel_link l = { .ifindex = i, .mtu = 1500, .mac = { 2, 0, 0, 0, 1, i },
				 .mac_len = 6, .up = true, .carrier = true };

	snprintf(l.name, sizeof(l.name), "eth%u", i);
	return l;
}

static struct addr gateway(uint32_t i)
{
	return addr_v4(0x0a000001 | i << 8);
}

static struct kernel_neighbour neighbour_of(uint32_t i)
{
	return (struct kernel_neighbour){ .ifindex = i, .addr = gateway(i), .state = NUD_REACHABLE,
					  .mac_len = 6, .mac = { 2, 0, 0, 0, 2, i } };
}

static void open_world(void)
{
	struct lpm_shape shape;

	w.nexthops = aligned_alloc(64, sizeof(*w.nexthops));
	memset(w.nexthops, 0, sizeof(*w.nexthops));
	assert_int_equal(lpm_sizes(ADDR_V4, 1000, &shape), 0);
	w.lpm = lpm_new(ADDR_V4, &shape, NULL, 1000);
	memset(w.users, 0, sizeof(w.users));
	w.fib = fib_new(&(struct fib_memory){ .nexthops = w.nexthops, .lpm4 = w.lpm, .counters =
		w.counters ? &(struct fib_counters){ get_counter, put_counter, &w } : NULL });
	for (uint32_t i = 1; i < PORTS; i++) {
		struct kernel_neighbour n = neighbour_of(i);
		struct kernel_link l = link_of(i);

		fib_link_set(w.fib, &l);
		fib_port_set(w.fib, i, i);
		fib_neighbour_set(w.fib, &n);
	}
}

static void close_world(void)
{
	fib_free(w.fib);
	for (uint32_t i = 0; i < PORTS; i++)
		assert_int_equal(w.users[i], 0);
	lpm_free(w.lpm);
	free(w.nexthops);
}

/* Settles what was said, and waits. */
static void settle(void)
{
	fib_flush(w.fib);
	while (fib_wants_reclaim(w.fib)) {
		fib_reclaim(w.fib);
		fib_flush(w.fib);
	}
}

/* The route 10.100.0.0/16 by the links whose bits are set, each with its weight. */
static void route(uint32_t links, const uint16_t *weight, uint32_t metric)
{
	struct kernel_path path[PORTS];
	struct kernel_route r = { .prefix = { addr_v4(0x0a640000), 16 }, .table = KERNEL_TABLE_MAIN,
				  .type = RTN_UNICAST, .metric = metric, .path = path };

	for (uint32_t i = 1; i < PORTS; i++)
		if (links >> i & 1)
			path[r.paths++] = (struct kernel_path){
				.ifindex = i, .via = gateway(i), .weight = weight ? weight[i] : 1 };
	fib_route_set(w.fib, &r);
}

static uint32_t word(void)
{
	struct addr a = addr_v4(0x0a640001);

	return w.nexthops->group[lpm_lookup(w.lpm, &a)];
}

#define FINE 4096	/* flows: as many as a group may have buckets */

/* The port that each of FINE flows takes; @down: ports whose driver has just lost its carrier. */
static void ports_of(uint8_t *port, uint32_t down)
{
	for (uint32_t i = 0; i < FINE; i++) {
		uint32_t hash = i << 20 | 0xfffff, at = word();
		const struct nexthop *hop = NULL;

		for (int k = 0; k <= NEXTHOP_BACKUPS_MAX; k++) {
			const struct nexthop_bucket *b = NULL;
			uint16_t backup;

			if (NEXTHOP_GROUP_ORDER(at))
				b = &w.nexthops->bucket[NEXTHOP_BUCKET(at, hash)];
			hop = &w.nexthops->nexthop[b ? b->nexthop : NEXTHOP_GROUP_BASE(at)];
			backup = b && b->backup ? b->backup : hop->backup;
			if (!backup || hop->reason != REASON_forwarded || !(down >> hop->port & 1))
				break;
			at = w.nexthops->group[backup];
		}
		port[i] = hop->reason == REASON_forwarded ? hop->port : 0;
		if (port[i])
			assert_int_equal(hop->dst_mac[5], port[i]);
	}
}

static unsigned int share(const uint8_t *port, unsigned int of)
{
	unsigned int n = 0;

	for (int i = 0; i < FINE; i++)
		n += port[i] == of;
	return n;
}

/* How many flows take another port; asserts that each of them did (@from), or does now (@to), take that. */
static unsigned int moved(const uint8_t *before, const uint8_t *after, unsigned int from, unsigned int to)
{
	unsigned int n = 0;

	for (int i = 0; i < FINE; i++) {
		if (before[i] == after[i])
			continue;
		assert_true(!from || before[i] == from);
		assert_true(!to || after[i] == to);
		n++;
	}
	return n;
}

static void link_down(uint32_t i, bool down)
{
	struct kernel_link l = link_of(i);

	l.carrier = !down;
	fib_link_set(w.fib, &l);
	settle();
}

/* By a link that goes and comes back, and the same by the route being replaced. */
static void test_one_of_eight(void **state)
{
	uint8_t all[FINE], seven[FINE], again[FINE], backed[FINE];

	(void)state;
	for (int replaced = 0; replaced < 2; replaced++) {
		open_world();
		route(0x1fe, NULL, 0);
		settle();
		ports_of(all, 0);
		for (uint32_t i = 1; i < PORTS; i++)
			assert_int_equal(share(all, i), FINE / 8);
		for (uint32_t lost = 1; lost < PORTS; lost++) {
			ports_of(backed, 1u << lost);
			assert_int_equal(moved(all, backed, lost, 0), FINE / 8);
			if (replaced)
				route(0x1fe & ~(1u << lost), NULL, 0);
			else
				link_down(lost, true);
			settle();
			ports_of(seven, 0);
			assert_int_equal(moved(all, seven, lost, 0), FINE / 8);
			/* The backup was who has it now. */
			assert_memory_equal(backed, seven, sizeof(seven));
			for (uint32_t i = 1; i < PORTS; i++)
				if (i != lost)
					assert_in_range(share(seven, i) * 7 * 100 / FINE, 97, 103);
			if (replaced)
				route(0x1fe, NULL, 0);
			else
				link_down(lost, false);
			settle();
			ports_of(again, 0);
			assert_int_equal(moved(seven, again, 0, lost), FINE / 8);
			memcpy(all, again, sizeof(all));
		}
		close_world();
	}
}

/* One after the other: each takes nobody's flows but its own with it, the last one none. */
static void test_down_to_one(void **state)
{
	uint8_t before[FINE], after[FINE];

	(void)state;
	open_world();
	route(0x1fe, NULL, 0);
	settle();
	ports_of(before, 0);
	for (uint32_t lost = 1; lost < PORTS - 1; lost++) {
		link_down(lost, true);
		ports_of(after, 0);
		assert_int_equal(moved(before, after, lost, 0), share(before, lost));
		memcpy(before, after, sizeof(before));
	}
	assert_int_equal(share(after, 8), FINE);
	for (uint32_t back = 1; back < PORTS - 1; back++) {
		link_down(back, false);
		ports_of(after, 0);
		assert_int_equal(moved(before, after, 0, back), share(after, back));
		memcpy(before, after, sizeof(before));
	}
	close_world();
}

/* Shares within 3 % of the weights, whatever they are up to 1:10, and of what is left when one goes. */
static void test_weights(void **state)
{
	static const uint16_t lists[][PORTS] = {
		{ 0, 1, 2, 5 }, { 0, 10, 1 }, { 0, 1, 1, 1 }, { 0, 3, 7, 11, 2 }, { 0, 256, 256, 128 },
		{ 0, 1, 2, 3, 4, 5, 6, 7, 8 }, { 0, 9, 1, 1 }, { 0, 1, 1, 1, 1, 1, 1, 1 },
	};
	uint8_t port[FINE];

	(void)state;
	for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++) {
		unsigned int total = 0, links = 0;

		for (uint32_t i = 1; i < PORTS; i++) {
			total += lists[k][i];
			links |= (lists[k][i] != 0) << i;
		}
		open_world();
		route(links, lists[k], 0);
		settle();
		for (uint32_t lost = 0; lost < PORTS; lost++) {
			unsigned int left = total - lists[k][lost];

			if (lost && (!lists[k][lost] || !(links & ~(1u << lost))))
				continue;
			if (lost)
				link_down(lost, true);
			ports_of(port, 0);
			for (uint32_t i = 1; i < PORTS; i++)
				if (i != lost && lists[k][i])
					assert_in_range((uint64_t)share(port, i) * left * 1000 /
							(FINE * lists[k][i]), 970, 1030);
			if (lost)
				link_down(lost, false);
		}
		close_world();
	}
}

/* A worse route to the same prefix: at once when the port is down, and when that was told. */
static void test_worse_route(void **state)
{
	uint8_t port[FINE];

	(void)state;
	open_world();
	route(1 << 1, NULL, 10);
	route(1 << 2 | 1 << 3, NULL, 20);
	route(1 << 4, NULL, 30);
	settle();
	ports_of(port, 0);
	assert_int_equal(share(port, 1), FINE);
	ports_of(port, 1 << 1);
	assert_int_equal(share(port, 2), FINE / 2);
	assert_int_equal(share(port, 3), FINE / 2);
	ports_of(port, 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(share(port, 4), FINE);
	link_down(1, true);
	ports_of(port, 0);
	assert_int_equal(share(port, 2), FINE / 2);
	assert_int_equal(share(port, 3), FINE / 2);
	link_down(2, true);
	ports_of(port, 1 << 3);
	assert_int_equal(share(port, 4), FINE);
	link_down(3, true);
	ports_of(port, 0);
	assert_int_equal(share(port, 4), FINE);
	link_down(1, false);
	ports_of(port, 0);
	assert_int_equal(share(port, 1), FINE);
	close_world();
}

/* A static route's ways: the first that can be taken and does not lead back, as the program takes it. */
static const struct nexthop *way(uint32_t in, uint32_t down)
{
	const struct nexthop *first = NULL, *back = NULL, *hop;

	for (uint32_t at = word(); ; at = w.nexthops->group[hop->backup]) {
		bool can;

		hop = &w.nexthops->nexthop[NEXTHOP_GROUP_BASE(at)];
		assert_int_equal(NEXTHOP_GROUP_ORDER(at), 0);
		assert_true(hop->flags & NEXTHOP_ONWARD);
		can = hop->reason == REASON_forwarded && !(down >> hop->port & 1);
		if (can && hop->port != in)
			return hop;
		back = can && !back ? hop : back;
		first = first ? first : hop;
		if (!hop->backup)
			return back ? back : first;
	}
}

static void test_else(void **state)
{
	struct image_static s = { .prefix = { addr_v4(0x0a640000), 16 }, .hops = 3, .hop = {
		{ gateway(1), 1 }, { gateway(2), 2 }, { { 0 }, 3 } } };
	struct addr host = addr_v4(0x0a640001), away = gateway(1);
	struct kernel_neighbour n = neighbour_of(3);

	(void)state;
	open_world();
	fib_static_set(w.fib, &s);
	settle();
	assert_int_equal(way(9, 0)->port, 1);
	assert_int_equal(way(1, 0)->port, 2);
	assert_int_equal(way(9, 1 << 1)->port, 2);
	assert_int_equal(way(2, 1 << 1)->port, 2);	/* back, since there is no other */
	assert_int_equal(way(9, 1 << 1 | 1 << 2)->reason, REASON_forwarded);	/* and was down: told by its port */
	link_down(1, true);
	link_down(2, true);
	assert_int_equal(way(9, 0)->reason, REASON_port_down);
	/* The last one's own neighbours. */
	n.addr = host;
	fib_neighbour_set(w.fib, &n);
	settle();
	assert_int_equal(way(9, 0)->port, 3);
	link_down(2, false);
	assert_int_equal(way(9, 0)->port, 2);
	assert_int_equal(way(2, 0)->port, 3);
	link_down(1, false);
	fib_neighbour_gone(w.fib, 1, &away);
	settle();
	assert_int_equal(way(9, 0)->port, 2);
	fib_static_gone(w.fib, &s.prefix);
	settle();
	assert_int_equal(word(), 0);
	close_world();
}

/* What was in use is given back: after any number of changes as much is used as before. */
static void test_nothing_leaks(void **state)
{
	struct fib_stats before, after;

	(void)state;
	open_world();
	route(0x1fe, NULL, 0);
	route(0x6, NULL, 5);
	settle();
	fib_stats(w.fib, &before);
	srandom(4);
	for (int i = 0; i < 500; i++) {
		route((random() & 0x1fe) | 2, NULL, random() & 1 ? 0 : 5);
		if (i % 3 == 0)
			link_down(1 + random() % 8, random() & 1);
		settle();
	}
	for (uint32_t i = 1; i < PORTS; i++)
		link_down(i, false);
	route(0x1fe, NULL, 0);
	route(0x6, NULL, 5);
	settle();
	fib_stats(w.fib, &after);
	assert_int_equal(after.groups, before.groups);
	/* A group keeps the buckets that it once needed for fewer members: at most 2^BUCKETS_ORDER each. */
	assert_true(after.slots <= before.slots + 2 * (1 << BUCKETS_ORDER));
	fib_route_gone(w.fib, &(struct kernel_route){ .prefix = { addr_v4(0x0a640000), 16 },
						      .table = KERNEL_TABLE_MAIN });
	fib_route_gone(w.fib, &(struct kernel_route){ .prefix = { addr_v4(0x0a640000), 16 },
						      .table = KERNEL_TABLE_MAIN, .metric = 5 });
	for (uint32_t i = 1; i < PORTS; i++) {
		struct addr a = gateway(i);

		fib_neighbour_gone(w.fib, i, &a);
	}
	settle();
	fib_stats(w.fib, &after);
	assert_int_equal(after.groups, 1);	/* table_full's */
	assert_int_equal(after.slots, 1);
	close_world();
}

/* Each next hop in use says its gateway's counter, if there was one to be had. */
static void check_counters(void)
{
	uint32_t at = word(), order = NEXTHOP_GROUP_ORDER(at);
	size_t uncounted = 0;
	struct fib_stats s;

	for (uint32_t i = 0; i < 1u << order; i++) {
		uint16_t n = order ? w.nexthops->bucket[NEXTHOP_GROUP_BASE(at) + i].nexthop :
				     NEXTHOP_GROUP_BASE(at);
		const struct nexthop *hop = &w.nexthops->nexthop[n];

		if (hop->reason != REASON_forwarded) {
			assert_int_equal(hop->counter, 0);
			continue;
		}
		assert_int_equal(hop->counter, hop->port <= w.counters ? 100 + hop->port : 0);
		assert_true(!hop->counter || w.users[hop->port] > 0);
		uncounted += !hop->counter;
	}
	fib_stats(w.fib, &s);
	assert_true(uncounted ? s.uncounted : w.counters < PORTS - 1 || !s.uncounted);
}

static void test_counters(void **state)
{
	struct fib_stats s;

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		w.counters = round ? 5 : PORTS - 1;
		open_world();
		srandom(5);
		for (int i = 0; i < 300; i++) {
			struct kernel_neighbour n = neighbour_of(1 + random() % 8);

			route((random() & 0x1fe) | 2, NULL, random() & 1 ? 0 : 5);
			if (i % 3 == 0)
				link_down(1 + random() % 8, random() & 1);
			n.mac[4] = random() & 3;
			n.state = random() & 3 ? NUD_REACHABLE : NUD_FAILED;
			fib_neighbour_set(w.fib, &n);
			settle();
			check_counters();
		}
		fib_route_gone(w.fib, &(struct kernel_route){ .prefix = { addr_v4(0x0a640000), 16 },
							      .table = KERNEL_TABLE_MAIN });
		fib_route_gone(w.fib, &(struct kernel_route){ .prefix = { addr_v4(0x0a640000), 16 },
							      .table = KERNEL_TABLE_MAIN, .metric = 5 });
		settle();
		fib_stats(w.fib, &s);
		assert_int_equal(s.uncounted, 0);
		for (uint32_t i = 0; i < PORTS; i++)
			assert_int_equal(w.users[i], 0);
		route(0x1fe, NULL, 0);
		settle();
		close_world();
	}
	w.counters = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_eight),
		cmocka_unit_test(test_down_to_one),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_worse_route),
		cmocka_unit_test(test_else),
		cmocka_unit_test(test_nothing_leaks),
		cmocka_unit_test(test_counters),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

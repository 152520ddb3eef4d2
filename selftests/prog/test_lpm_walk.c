// SPDX-License-Identifier: GPL-2.0
/*
 * The walk inside BPF against the same walk natively, and against the twin: the same
 * table, the same memory, before and after changes; and fixed tables, whose results are wide,
 * with either first level.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/map.h"
#include "lpm/lpm.h"
#include "lpm/twin.h"
#include "selftests/prog/lpm_walk.skel.h"
#include "selftests/unit/lpm_routes.h"

#define ADDRESSES	(sizeof(((struct lpm_walk_bpf *)0)->bss->answer) / sizeof(uint32_t))
#define LIMIT		20000

static struct lpm_walk_bpf *object;
#define NUMBER	5	/* of the second table */

static struct lpm *table[2], *beside[2];
/* What the object has, by family. */
static struct lpm_shape shape[2];
static void *area[2];

/* A map of the family's shape in the place of its section. */
static void make_area(bool v6)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", 4, shape[v6].bytes, 1, &opts);

	assert_true(fd >= 0);
	area[v6] = map_memory(fd, shape[v6].bytes);
	assert_non_null(area[v6]);
	assert_int_equal(map_reuse(object->obj, v6 ? ".data.lpm6" : ".data.lpm4", fd), 0);
	close(fd);
	*(struct lpm_shape *)(v6 ? &object->rodata->lpm6_shape : &object->rodata->lpm4_shape) =
		shape[v6];
}

static int load(void **state)
{
	(void)state;
	object = lpm_walk_bpf__open();
	assert_non_null(object);
	for (int i = 0; i < 2; i++) {
		uint8_t family = i ? ADDR_V6 : ADDR_V4;

		assert_int_equal(lpm_sizes_many(family, 2 * LIMIT, NUMBER + 1, &shape[i]), 0);
		make_area(i);
		table[i] = lpm_new(family, &shape[i], area[i], LIMIT);
		assert_int_equal(lpm_new_beside(table[i], NUMBER, LIMIT, &beside[i]), 0);
	}
	assert_int_equal(lpm_walk_bpf__load(object), 0);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	lpm_walk_bpf__destroy(object);
	object = NULL;
	for (int i = 0; i < 2; i++) {
		lpm_free(table[i]);
		lpm_free(beside[i]);
		table[i] = beside[i] = NULL;
	}
	return 0;
}

static void run(uint8_t family)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	object->bss->family = family;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(object->progs.walk), &opts), 0);
}

/* @number: the table's; @t: itself, NULL: one that is fixed. */
static void agree(uint64_t *random, uint8_t family, struct lpm *t, uint32_t number,
		  struct twin *twin, const struct lpm_route *routes, size_t n)
{
	bool v6 = family == ADDR_V6;
	static struct addr a[ADDRESSES];

	for (size_t i = 0; i < ADDRESSES; i++) {
		uint64_t hi = 0, lo = 0;

		a[i] = i % 4 ? near_prefix(random, &routes[random_next(random) % n].prefix) :
			       random_addr(random, family, 500);
		for (unsigned int j = 0; j < 8; j++) {
			hi = hi << 8 | a[i].bytes[j];
			lo = lo << 8 | a[i].bytes[j + 8];
		}
		object->bss->address[i][0] = hi;
		object->bss->address[i][1] = lo;
		object->bss->answer[i] = ~0u;
	}
	object->bss->number = number;
	run(family);
	for (size_t i = 0; i < ADDRESSES; i++) {
		lpm_result native = t ? lpm_lookup(t, &a[i]) :
					lpm_walk(&shape[v6], area[v6], &a[i]);
		char text[ADDR_STRLEN];

		if (object->bss->answer[i] != native || twin_lookup(twin, &a[i]) != native)
			fail_msg("%s: BPF %u, native %u, twin %u", addr_format(&a[i], text),
				 object->bss->answer[i], native, twin_lookup(twin, &a[i]));
	}
}

static void same_answers(uint8_t family, struct lpm *t, uint32_t number)
{
	struct lpm_route *routes = calloc(LIMIT, sizeof(*routes));
	struct twin *twin = twin_new(family);
	uint64_t random = random_seed();

	for (size_t i = 0; i < LIMIT; i++)
		routes[i] = (struct lpm_route){ random_prefix(&random, family, 500),
						1 + random_next(&random) % LPM_RESULT_MAX };
	assert_int_equal(lpm_build(t, routes, LIMIT / 2), 0);
	assert_int_equal(twin_build(twin, routes, LIMIT / 2), 0);
	agree(&random, family, t, number, twin, routes, LIMIT);
	for (size_t i = 0; i < LIMIT; i++) {
		if (i % 3) {
			assert_int_equal(lpm_insert(t, &routes[i].prefix, 1 + i), 0);
			twin_insert(twin, &routes[i].prefix, 1 + i);
		} else {
			assert_int_equal(lpm_delete(t, &routes[i].prefix),
					 twin_delete(twin, &routes[i].prefix));
		}
		/* A test run has ended when the call returns: nobody reads now. */
		if (i % 64 == 0)
			lpm_reclaim(t, lpm_quiesce_mark(t));
	}
	agree(&random, family, t, number, twin, routes, LIMIT);
	twin_free(twin);
	free(routes);
}

static void same_answers_v4(void **state)
{
	(void)state;
	same_answers(ADDR_V4, table[0], 0);
}

static void same_answers_v6(void **state)
{
	(void)state;
	same_answers(ADDR_V6, table[1], 0);
}

/* Beside the first, whose routes are still there. */
static void same_answers_beside(void **state)
{
	(void)state;
	same_answers(ADDR_V4, beside[0], NUMBER);
	same_answers(ADDR_V6, beside[1], NUMBER);
}

/* Twice: with the small first level, and with the large one. */
static void same_answers_wide(void **state)
{
	static const size_t sizes[] = { 300, LIMIT };
	struct lpm_route *routes[2] = { calloc(LIMIT, sizeof(**routes)),
					calloc(LIMIT, sizeof(**routes)) };
	uint64_t random = random_seed();

	unload(state);
	for (size_t s = 0; s < 2; s++) {
		struct twin *twin[2];
		void *made;

		object = lpm_walk_bpf__open();
		assert_non_null(object);
		for (int i = 0; i < 2; i++) {
			uint8_t family = i ? ADDR_V6 : ADDR_V4;

			twin[i] = twin_new(family);
			for (size_t r = 0; r < sizes[s]; r++)
				routes[i][r] = (struct lpm_route){
					random_prefix(&random, family, 500), LPM_WIDE_MAX - r };
			twin_build(twin[i], routes[i], sizes[s]);
			assert_int_equal(lpm_fixed(family, routes[i], sizes[s], &shape[i], &made),
					 0);
			make_area(i);
			memcpy(area[i], made, shape[i].bytes);
			free(made);
		}
		assert_int_equal(shape[0].dir_bits, s ? LPM_DIR_BITS_FIXED : LPM_DIR_BITS_SMALL);
		assert_int_equal(lpm_walk_bpf__load(object), 0);
		for (int i = 0; i < 2; i++) {
			agree(&random, i ? ADDR_V6 : ADDR_V4, NULL, 0, twin[i], routes[i],
			      sizes[s]);
			twin_free(twin[i]);
		}
		lpm_walk_bpf__destroy(object);
		object = NULL;
	}
	free(routes[0]);
	free(routes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_answers_v4),
		cmocka_unit_test(same_answers_v6),
		cmocka_unit_test(same_answers_beside),
		cmocka_unit_test(same_answers_wide),
	};

	if (geteuid()) {
		printf("1..0 # SKIP not root: BPF programs cannot be loaded\n");
		return 4;
	}
	return cmocka_run_group_tests(tests, load, unload);
}

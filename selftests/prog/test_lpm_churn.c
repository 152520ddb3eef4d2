// SPDX-License-Identifier: GPL-2.0
/*
 * A program inside XDP that looks up while its table changes: inserts, deletes, replacements, the
 * default route among them, and a table beside it that is filled, emptied and filled again. Each
 * answer is that of a state before or after; and the memory comes back.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>

#include "datapath/map.h"
#include "lpm/lpm.h"
#include "selftests/prog/lpm_churn.h"
#include "selftests/prog/lpm_churn.skel.h"
#include "selftests/unit/lpm_routes.h"

#define PREFIXES 160
#define LIMIT	4096
#define SECONDS	1.0

struct world {
	struct lpm_churn_bpf *object;
	struct churn_scene *scene;
	uint64_t random;
	struct lpm *other, *table;	/* numbers 0 and CHURN_NUMBER */
	struct prefix prefix[PREFIXES];
	lpm_result now[PREFIXES];
	struct addr watched[CHURN_WATCHED];
	volatile bool stop;
};

static struct lpm *make_table(struct lpm_churn_bpf *object, uint8_t family)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	bool v6 = family == ADDR_V6;
	struct lpm_shape shape;
	void *area;
	int fd;

	assert_int_equal(lpm_sizes_many(family, 4 * LIMIT, CHURN_NUMBER + 1, &shape), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", 4, shape.bytes, 1, &opts);
	assert_true(fd >= 0);
	area = map_memory(fd, shape.bytes);
	assert_non_null(area);
	assert_int_equal(map_reuse(object->obj, v6 ? ".data.lpm6" : ".data.lpm4", fd), 0);
	close(fd);
	*(struct lpm_shape *)(v6 ? &object->rodata->lpm6_shape : &object->rodata->lpm4_shape) = shape;
	return lpm_new(family, &shape, area, LIMIT);
}

static void *read_on(void *arg)
{
	struct world *w = arg;
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	while (!w->stop)
		if (bpf_prog_test_run_opts(bpf_program__fd(w->object->progs.read_on), &opts))
			return "the program does not run";
	return NULL;
}

/* What each watched address should yield from here on; what @changed does not cover, as before. */
static void want(struct world *w, uint64_t state, const struct prefix *changed)
{
	for (unsigned int i = 0; i < CHURN_WATCHED; i++) {
		uint32_t *wanted = &w->scene->wanted[state % CHURN_STATES][i];
		int len = -1;

		*wanted = w->scene->wanted[(state - 1) % CHURN_STATES][i];
		if (!prefix_covers(changed, &w->watched[i]))
			continue;
		*wanted = 0;
		for (unsigned int j = 0; j < PREFIXES; j++) {
			if (w->now[j] && w->prefix[j].len > len &&
			    prefix_covers(&w->prefix[j], &w->watched[i])) {
				*wanted = w->now[j];
				len = w->prefix[j].len;
			}
		}
	}
}

/* One change, between two states. */
static void change(struct world *w)
{
	unsigned int i = random_next(&w->random) % PREFIXES;
	lpm_result r = random_next(&w->random) % 2 ? 1 + random_next(&w->random) % 30000 : 0;
	uint64_t next = w->scene->begun + 1;
	int err;

	/* Equal prefixes are one. */
	for (unsigned int j = 0; j < PREFIXES; j++)
		if (prefix_equal(&w->prefix[j], &w->prefix[i]))
			w->now[j] = r;
	want(w, next, &w->prefix[i]);
	__atomic_store_n(&w->scene->begun, next, __ATOMIC_SEQ_CST);
	err = r ? lpm_insert(w->table, &w->prefix[i], r) : lpm_delete(w->table, &w->prefix[i]);
	__atomic_store_n(&w->scene->done, next, __ATOMIC_SEQ_CST);
	assert_true(!err || (!r && err == -ENOENT));
}

/* The programs that run end, and with them what they hold of the table. */
static void reclaim(struct world *w)
{
	uint64_t mark = lpm_quiesce_mark(w->table);

	assert_int_equal(syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
	lpm_reclaim(w->table, mark);
}

/* The table beside is filled, or emptied. */
static void change_other(struct world *w)
{
	struct lpm_route routes[200];
	struct lpm_stats stats;

	lpm_stats(w->other, &stats);
	if (stats.prefixes) {
		lpm_clear(w->other);
		return;
	}
	for (unsigned int i = 0; i < 200; i++)
		routes[i] = (struct lpm_route){
			i < PREFIXES ? w->prefix[i] : random_prefix(&w->random, w->prefix[0].addr.family, 50),
			1 + random_next(&w->random) % 30000 };
	assert_int_equal(lpm_build(w->other, routes, 200), 0);
}

static void churn(uint8_t family)
{
	struct world *w = calloc(1, sizeof(*w));
	struct lpm_stats before, after;
	pthread_t reader;
	void *why;
	unsigned long changes = 0;
	struct timespec t;
	double end;

	w->random = random_seed();
	w->object = lpm_churn_bpf__open();
	assert_non_null(w->object);
	w->other = make_table(w->object, family);
	lpm_free(make_table(w->object, family == ADDR_V4 ? ADDR_V6 : ADDR_V4));
	assert_int_equal(lpm_new_beside(w->other, CHURN_NUMBER, LIMIT, &w->table), 0);
	assert_int_equal(lpm_churn_bpf__load(w->object), 0);
	w->scene = &w->object->bss->scene;
	w->scene->family = family;
	/* Mostly long ones: a change of a short one takes a thousand times as long. */
	for (unsigned int i = 0; i < PREFIXES; i++)
		do
			w->prefix[i] = random_prefix(&w->random, family, 2);
		while (i % 16 && w->prefix[i].len < 16);
	for (unsigned int i = 0; i < CHURN_WATCHED; i++) {
		w->watched[i] = near_prefix(&w->random, &w->prefix[i]);
		for (unsigned int j = 0; j < 16; j++)
			w->scene->address[i][j / 8] = w->scene->address[i][j / 8] << 8 |
						      w->watched[i].bytes[j];
	}
	lpm_stats(w->table, &before);
	assert_int_equal(pthread_create(&reader, NULL, read_on, w), 0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec + t.tv_nsec / 1e9 + SECONDS;
	do {
		change(w);
		if (++changes % 1024 == 0)
			change_other(w);
		if (changes % 512 == 0)
			reclaim(w);
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while (t.tv_sec + t.tv_nsec / 1e9 < end && !w->scene->wrong);
	w->stop = true;
	pthread_join(reader, &why);
	assert_null(why);
	if (w->scene->wrong) {
		char text[ADDR_STRLEN];
		unsigned int at = w->scene->wrong_at % CHURN_WATCHED;

		fail_msg("%s: got %u in states %llu to %llu, wanted %u .. %u",
			 addr_format(&w->watched[at], text), w->scene->wrong_got,
			 w->scene->wrong_from, w->scene->wrong_to,
			 w->scene->wanted[w->scene->wrong_from % CHURN_STATES][at],
			 w->scene->wanted[w->scene->wrong_to % CHURN_STATES][at]);
	}
	printf("# %lu changes; look-ups %llu, of them beside a change %llu; held up too long %llu\n",
	       changes, w->scene->seen, w->scene->changed, w->scene->held_up);
	assert_true(changes > 100 && w->scene->seen > 10000);
	lpm_clear(w->table);
	lpm_clear(w->other);
	reclaim(w);
	lpm_stats(w->table, &after);
	assert_int_equal(after.bytes_nodes, before.bytes_nodes);
	assert_int_equal(after.bytes_retired, 0);
	lpm_free(w->table);
	lpm_free(w->other);
	lpm_churn_bpf__destroy(w->object);
	free(w);
}

static void churn_v4(void **state)
{
	(void)state;
	churn(ADDR_V4);
}

static void churn_v6(void **state)
{
	(void)state;
	churn(ADDR_V6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churn_v4),
		cmocka_unit_test(churn_v6),
	};

	if (geteuid()) {
		printf("1..0 # SKIP not root: BPF programs cannot be loaded\n");
		return 4;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Readers beside a writer: each look-up gives the answer of some state that the table was
 * in while the look-up ran. The writer notes what each of a few addresses should yield in
 * each state before it goes there; a reader may find any of those between the last state
 * that was complete before it began and the last one that was begun before it ended.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lpm_routes.h"
#include "lpm/lpm.h"

#define WATCHED	64
#define PREFIXES 160
#define STATES	1024		/* that are remembered */
#define READERS	2
#define SECONDS	1.5

struct scene {
	struct lpm *table;
	struct addr watched[WATCHED];
	lpm_result wanted[STATES][WATCHED];
	_Atomic uint64_t begun, done;	/* states */
	_Atomic bool stop;
	_Atomic uint64_t looked[READERS];	/* look-ups so far: a grace period sees them grow */
	uint64_t seen[READERS], changed[READERS];
	_Atomic uint64_t wrong;
	char text[256];
};

struct reader {
	struct scene *s;
	unsigned int number;
	pthread_t thread;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct scene *s = r->s;
	uint64_t random = 77 + r->number;

	while (!s->stop) {
		unsigned int w = random_next(&random) % WATCHED;
		uint64_t from = s->done, to, i;
		lpm_result got = lpm_lookup(s->table, &s->watched[w]);

		to = s->begun;
		/* Held up for long: what it should have found is forgotten. */
		if (to - from < STATES / 2) {
			for (i = from; i <= to && s->wanted[i % STATES][w] != got; i++)
				;
			if (i > to && s->begun - from < STATES / 2 && !s->wrong++) {
				char text[ADDR_STRLEN];

				snprintf(s->text, sizeof(s->text),
					 "%s: got %u in states %llu to %llu, wanted %u .. %u",
					 addr_format(&s->watched[w], text), got,
					 (unsigned long long)from, (unsigned long long)to,
					 s->wanted[from % STATES][w], s->wanted[to % STATES][w]);
			}
			s->seen[r->number]++;
			s->changed[r->number] += from != to;
		}
		s->looked[r->number]++;
	}
	return NULL;
}

/* Waits until each reader has ended the look-up that it was in. */
static void grace_period(struct scene *s)
{
	uint64_t before[READERS];

	for (unsigned int i = 0; i < READERS; i++)
		before[i] = s->looked[i];
	for (unsigned int i = 0; i < READERS; i++)
		while (s->looked[i] == before[i])
			sched_yield();
}

static void churn(uint8_t family)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct prefix p[PREFIXES];
	lpm_result now[PREFIXES] = { 0 };
	struct reader readers[READERS];
	uint64_t random = random_seed(), changes = 0;
	struct lpm_shape shape;
	struct timespec t;
	double end;

	lpm_sizes(family, 4096, &shape);
	s->table = lpm_new(family, &shape, NULL, 4096);
	for (unsigned int i = 0; i < PREFIXES; i++)
		p[i] = random_prefix(&random, family, 2);
	for (unsigned int i = 0; i < WATCHED; i++)
		s->watched[i] = near_prefix(&random, &p[i]);
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .s = s, .number = i };
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec + t.tv_nsec / 1e9 + SECONDS;
	do {
		unsigned int i = random_next(&random) % PREFIXES;
		lpm_result r = random_next(&random) % 2 ? 1 + random_next(&random) % 30000 : 0;
		uint64_t next = s->begun + 1;
		int err;

		/* Equal prefixes are one. */
		for (unsigned int j = 0; j < PREFIXES; j++)
			if (prefix_equal(&p[j], &p[i]))
				now[j] = r;
		for (unsigned int w = 0; w < WATCHED; w++) {
			int len = -1;

			s->wanted[next % STATES][w] = 0;
			for (unsigned int j = 0; j < PREFIXES; j++) {
				if (now[j] && p[j].len > len && prefix_covers(&p[j], &s->watched[w])) {
					s->wanted[next % STATES][w] = now[j];
					len = p[j].len;
				}
			}
		}
		s->begun = next;
		err = r ? lpm_insert(s->table, &p[i], r) : lpm_delete(s->table, &p[i]);
		s->done = next;
		assert_true(!err || (!r && err == -ENOENT));
		if (++changes % 32 == 0) {
			uint64_t mark = lpm_quiesce_mark(s->table);

			grace_period(s);
			lpm_reclaim(s->table, mark);
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while (t.tv_sec + t.tv_nsec / 1e9 < end && !s->wrong);
	s->stop = true;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	if (s->wrong)
		fail_msg("%s", s->text);
	printf("# %llu changes; look-ups %llu, of them beside a change %llu\n",
	       (unsigned long long)changes, (unsigned long long)(s->seen[0] + s->seen[1]),
	       (unsigned long long)(s->changed[0] + s->changed[1]));
	assert_true(changes > 100 && s->seen[0] + s->seen[1] > 1000);
	lpm_free(s->table);
	free(s);
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

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The walk of a rule list's tables inside BPF, against the list itself: random lists, and one of
 * ClassBench's if it is there. Says what a packet costs, address look-ups not counted.
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
#include "selftests/prog/rules_walk.h"
#include "selftests/prog/rules_walk.skel.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;

/* The program over the tables of @r: the shape in .rodata, a map with the area in it. */
static struct rules_walk_bpf *load(const struct rules *r)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct rules_walk_bpf *object = rules_walk_bpf__open();
	const struct rules_shape *shape = rules_shape(r);
	void *memory;
	int fd;

	assert_non_null(object);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rules", 4, shape->bytes, 1, &opts);
	assert_true(fd >= 0);
	memory = map_memory(fd, shape->bytes);
	assert_non_null(memory);
	memcpy(memory, rules_area(r), shape->bytes);
	assert_int_equal(map_reuse(object->obj, ".data.rules", fd), 0);
	close(fd);
	*(struct rules_shape *)&object->rodata->shape = *shape;
	assert_int_equal(rules_walk_bpf__load(object), 0);
	return object;
}

/* Runs over all packets. Return: ns in all. */
static uint32_t run(struct rules_walk_bpf *object, uint32_t rounds)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char frame[64] = { 0 };

	opts.data_in = frame;
	opts.data_size_in = sizeof(frame);
	opts.repeat = 1;
	object->bss->rounds = rounds;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(object->progs.walk), &opts), 0);
	return opts.duration;
}

static void check(const char *name, struct rule_list *list, const struct rules_options *options)
{
	struct rule_list copy = list_copy(list);
	struct rule_packet *packets = calloc(PACKETS, sizeof(*packets));
	uint32_t best = ~0u, nothing = ~0u, ns;
	struct rules_walk_bpf *object;
	struct rules_stats stats;
	struct text why = { 0 };
	struct rules *r;

	if (rules_build(&copy, options, &r, &why))
		fail_msg("%s", text_string(&why));
	rules_stats(r, &stats);
	object = load(r);
	for (size_t i = 0; i < PACKETS; i++) {
		packets[i] = list_packet(&seed, list);
		for (unsigned int side = 0; side < 2; side++)
			object->bss->question[i].word[side] =
				rules_address_word(r, side, &packets[i].addr[side]);
		memcpy(object->bss->question[i].field, packets[i].field, sizeof(packets[i].field));
	}
	for (unsigned int turn = 0; turn < 9; turn++) {
		ns = run(object, PACKETS);
		best = ns < best ? ns : best;
	}
	for (size_t i = 0; i < PACKETS; i += 1 + list->rules.len / 500) {
		uint32_t want = rule_list_match(list, &packets[i]);

		if (object->bss->rule[i] != want)
			packet_print(&packets[i]);
		assert_int_equal(object->bss->rule[i], want);
		if (want != RULES_NONE)
			assert_int_equal(object->bss->action[i], rule_at(list, want)->action);
	}
	ns = run(object, 0);
	nothing = ns < nothing ? ns : nothing;
	printf("# %s: %zu rules, %zu kB, %u probes, %u groups: %.1f ns a packet, cold mix\n", name,
	       stats.rules, stats.bytes >> 10, stats.probes, stats.groups,
	       (best - nothing) / (double)PACKETS);
	rules_walk_bpf__destroy(object);
	free(packets);
	rules_free(r);
	rule_list_free(list);
}

static void test_random(void **state)
{
	static const struct mix mixes[] = {
		{ .v6 = 30, .centres = 3, .prefixes = 3, .fields = 3, .kinds = 3, .values = 6 },
		{ .v6 = 0, .centres = 8, .prefixes = 1, .fields = 2, .kinds = 2 },
	};
	struct rule_list list = RULE_LIST;

	(void)state;
	check("no rules", &list, NULL);
	for (unsigned int i = 0; i < 4; i++) {
		list = mix_list(&seed, &mixes[i % 2], i < 2 ? 10 : 400);
		check("random", &list, NULL);
	}
}

/* A budget that calls for more than two bands. */
static void test_bands(void **state)
{
	static const struct mix mix = { .centres = 4000, .prefixes = 1, .fields = 1, .kinds = 1, .values = 3 };
	struct rules_options options = { .budget = 300 << 10 };
	struct rule_list list = mix_list(&seed, &mix, 3000);

	(void)state;
	check("many bands", &list, &options);
}

/* How many entries the longest list has. */
static uint32_t longest_list(const struct rules *r)
{
	const struct rules_shape *s = rules_shape(r);
	const struct rules_entry *e = (const void *)(rules_area(r) + s->lists);
	uint32_t longest = 0, n = 0;

	while ((const uint8_t *)(e + 1) <= rules_area(r) + s->rows && longest < RULES_LIST_MAX) {
		n++;
		if (e->service & RULES_LAST) {
			longest = n > longest ? n : longest;
			n = 0;
		}
		e++;
	}
	return longest;
}

/* Services that do not become one class each, so that cells have lists of many entries. */
static void test_long_lists(void **state)
{
	static const uint8_t fields[] = { RULES_SPORT, RULES_DPORT };
	struct rule_list list = RULE_LIST, copy;
	struct rule_test test[2];
	struct rule rule = { .families = RULE_ALL, .tests = 2, .test = test };
	struct text why = { 0 };
	struct rules *r;

	(void)state;
	for (unsigned int i = 0; i < 800; i++) {
		for (unsigned int f = 0; f < 2; f++) {
			uint16_t a = random_next(&seed) % 62000;

			test[f] = (struct rule_test){ fields[f], RULE_RANGE, a,
						      a + random_next(&seed) % 3500 };
		}
		rule.action = i;
		assert_int_equal(rule_list_add(&list, &rule), 0);
	}
	copy = list_copy(&list);
	assert_int_equal(rules_build(&copy, NULL, &r, &why), 0);
	printf("# longest list: %u of %u entries\n", longest_list(r), rules_shape(r)->list_max);
	assert_int_equal(rules_shape(r)->list_max, RULES_LIST_MAX);
	assert_in_range(longest_list(r), RULES_LIST_LINE + 1, RULES_LIST_MAX);
	rules_free(r);
	check("long lists", &list, NULL);
}

static void test_classbench(void **state)
{
	static const char *const sets[] = { "acl1_10000", "fw1_10000", "ipc1_10000" };
	const char *folder = classbench_folder();

	(void)state;
	if (!folder) {
		print_message("no recorded rule sets in %s/acl\n", data_folder());
		skip();
	}
	for (unsigned int i = 0; i < 3; i++) {
		struct rule_list list = RULE_LIST;
		struct text error = { 0 };
		struct source source;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", folder, sets[i]);
		if (classbench_read(path, &source, &list, &error))
			fail_msg("%s", text_string(&error));
		check(sets[i], &list, NULL);
		free(source.name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bands),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_classbench),
	};

	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

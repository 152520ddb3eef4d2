// SPDX-License-Identifier: GPL-2.0
/*
 * userland/rules on ClassBench's sets: right on their header traces and on packets that
 * aim at their rules, within the sizes that are promised, and right after changes.
 *
 * A few sets and packets by default. SLOW=1: all sets, 100,000 packets on those of 10,000
 * rules and more, 10,000 changes, hostile lists of 100,000 rules; some minutes.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "selftests/unit/rule_lists.h"

static uint64_t seed;
static const char *folder;
static bool slow;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

#define NEED_SETS if (!folder) { print_message("no recorded rule sets in %s/acl\n", data_folder()); skip(); }

static struct rule_list read_set(const char *name, struct source *source)
{
	struct rule_list list = RULE_LIST;
	struct text error = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (classbench_read(path, source, &list, &error))
		fail_msg("%s", text_string(&error));
	return list;
}

static void source_free(struct source *source)
{
	free(source->name);
}

/* Built from a copy; says how long that took and how large it is. */
static struct rules *build(const struct rule_list *list, const char *name,
			   struct rules_stats *stats)
{
	struct rule_list copy = list_copy(list);
	struct text why = { 0 };
	struct rules *r;
	double began = seconds();

	if (rules_build(&copy, NULL, &r, &why))
		fail_msg("%s: %s", name, text_string(&why));
	began = seconds() - began;
	rules_stats(r, stats);
	printf("# %s: %zu rules, %zu kB, %.1f ms; services %zu in %zu classes, %zu kB; heads %zu, dense "
	       "%zu, hash %zu, lists %zu, rows %zu kB; %zu and %zu address classes, %u by %u bands; "
	       "memory beside %zu kB\n", name, stats->rules, stats->bytes >> 10, began * 1e3,
	       stats->services, stats->service_classes, stats->bytes_services >> 10,
	       stats->bytes_heads >> 10, stats->bytes_dense >> 10, stats->bytes_hash >> 10,
	       stats->bytes_lists >> 10, stats->bytes_rows >> 10, stats->classes[0],
	       stats->classes[1], stats->bands[0], stats->bands[1], stats->bytes_memory >> 10);
	return r;
}

static void compare(const struct rules *r, const struct rule_list *list, size_t packets)
{
	for (size_t i = 0; i < packets; i++) {
		struct rule_packet p = list_packet(&seed, list);

		assert_true(agrees(r, list, &p));
	}
}

/* ---- the reader --------------------------------------------------------------------- */

static int read_text(const char *text, struct rule_list *list, struct text *error)
{
	char path[] = "/tmp/classbench.XXXXXX";
	int fd = mkstemp(path), err;
	struct source source;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = classbench_read(path, &source, list, error);
	unlink(path);
	if (!err)
		source_free(&source);
	return err;
}

static void test_reader(void **state)
{
	static const char *const bad[] = {
		"@1.2.3.4/32\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x06/0xFF\n",
		"@1.2.3.4/33\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x06/0xFF\t0x0000/0x0000\n",
		"@1.2.3.400/32\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x06/0xFF\t0x0000/0x0000\n",
		"@1.2.3.4/32\t5.6.7.8/32\t9 : 8\t20 : 20\t0x06/0xFF\t0x0000/0x0000\n",
		"@1.2.3.4/32\t5.6.7.8/32\t0 : 65536\t20 : 20\t0x06/0xFF\t0x0000/0x0000\n",
		"@1.2.3.4/32\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x06/0x0F\t0x0000/0x0000\n",
		"@1.2.3.4/32\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x11/0xFF\t0x0200/0x0200\n",
		"@1.2.3.4/32\t5.6.7.8/32\t0 : 65535\t20 : 20\t0x06/0xFF\t0x0300/0x0200\n",
		"hello\n",
	};
	struct rule_list list = RULE_LIST;
	struct text error = { 0 }, line = { 0 };

	(void)state;
	assert_int_equal(read_text("@1.2.3.4/24\t5.6.7.8/32\t0 : 65535\t20 : 21\t0x06/0xFF\t0x0200/0x1200\t\n"
				   "\n@0.0.0.0/0\t5.0.0.0/8\t53 : 53\t0 : 65535\t0x01/0xFF\t0x0303/0xffff\n",
				   &list, &error), 0);
	assert_int_equal(list.rules.len, 2);
	assert_int_equal(rule_at(&list, 1)->place.line, 3);
	rule_format(rule_at(&list, 0), &line);
	assert_string_equal(text_string(&line), "ip4 ip.src=1.2.3.0/24 ip.dst=5.6.7.8/32 ip.proto=6 "
			    "l4.dst=20-21 tcp.flags&0x12=0x2");
	text_free(&line);
	line = (struct text){ 0 };
	rule_format(rule_at(&list, 1), &line);
	assert_string_equal(text_string(&line), "ip4 ip.src=0.0.0.0/0 ip.dst=5.0.0.0/8 ip.proto=1 "
			    "l4.src=53 icmp.type&0xff=0x3 icmp.code&0xff=0x3");
	text_free(&line);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_text(bad[i], &list, &error), -EINVAL);
		assert_non_null(strstr(text_string(&error), ":1: "));
		assert_int_equal(list.rules.len, 2);
		error.len = 0;
	}
	text_free(&error);
	rule_list_free(&list);
}

/* ---- sets ------------------------------------------------------------------------------ */

/* Header traces that came with a set; 0 to @most of them. */
static void compare_trace(const struct rules *r, const struct rule_list *list, const char *set,
			  size_t most)
{
	struct vec packets = VEC(struct rule_packet);
	struct text error = { 0 }, path = { 0 };
	size_t matched = 0;

	text_printf(&path, "%s/Ruleset/trace_shot/8k_1/%s_trace", folder, set);
	if (classbench_read_trace(text_string(&path), &packets, &error))
		fail_msg("%s", text_string(&error));
	text_free(&path);
	assert_true(packets.len > 1000);
	for (size_t i = 0; i < packets.len && i < most; i++) {
		assert_true(agrees(r, list, vec_at(&packets, i)));
		matched += rules_match(r, vec_at(&packets, i)) != RULES_NONE;
	}
	assert_true(matched > (packets.len < most ? packets.len : most) * 9 / 10);
	vec_free(&packets);
}

static void check_set(const char *name, size_t packets, size_t bytes)
{
	struct rules_stats stats;
	struct source source;
	struct rule_list list = read_set(name, &source);
	struct rules *r = build(&list, name, &stats);

	assert_true(stats.bytes <= bytes);
	compare(r, &list, packets);
	if (strstr(name, "8k_1"))
		compare_trace(r, &list, strrchr(name, '/') + 1, slow ? SIZE_MAX : 1000);
	rules_free(r);
	rule_list_free(&list);
	source_free(&source);
}

#define MB ((size_t)1 << 20)

static void test_small_sets(void **state)
{
	static const char *const sizes[] = { "1k_1", "2k_1", "4k_1", "8k_1" };
	static const char *const kinds[] = { "acl1", "fw1", "ipc1" };
	char path[512];

	(void)state;
	NEED_SETS
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int k = 0; k < 3; k++) {
			snprintf(path, sizeof(path), "Ruleset/%s/%s_seed_%u.rules", sizes[i], kinds[k],
				 1 + below(&seed, 5));
			check_set(path, slow ? 100000 : 1000, 4 * MB);
		}
	}
}

static void test_all_small_sets(void **state)
{
	static const char *const sizes[] = { "1k_1", "2k_1", "4k_1", "8k_1" };

	(void)state;
	NEED_SETS
	if (!slow)
		skip();
	for (unsigned int i = 0; i < 4; i++) {
		char path[512];
		struct dirent *e;
		unsigned int sets = 0;
		DIR *d;

		snprintf(path, sizeof(path), "%s/Ruleset/%s", folder, sizes[i]);
		d = opendir(path);
		assert_non_null(d);
		while ((e = readdir(d))) {
			if (!strstr(e->d_name, ".rules"))
				continue;
			snprintf(path, sizeof(path), "Ruleset/%s/%s", sizes[i], e->d_name);
			check_set(path, 2000, 4 * MB);
			sets++;
		}
		closedir(d);
		assert_int_equal(sets, 60);
	}
}

static void test_10k(void **state)
{
	(void)state;
	NEED_SETS
	check_set("acl1_10000", slow ? 100000 : 2000, 4 * MB);
	check_set("fw1_10000", slow ? 100000 : 2000, 4 * MB);
	check_set("ipc1_10000", slow ? 100000 : 2000, 4 * MB);
}

static void test_100k(void **state)
{
	(void)state;
	NEED_SETS
	check_set("acl1_100000", slow ? 100000 : 100, 20 * MB);
	check_set("fw1_100000", slow ? 100000 : 100, 20 * MB);
	check_set("ipc1_100000", slow ? 100000 : 100, 20 * MB);
}

/* The first rules of a set: what lists of a few rules take. */
static void test_few_rules(void **state)
{
	static const size_t sizes[] = { 10, 100, 1000 };
	struct rules_stats stats;
	struct source source;
	struct rule_list list;

	(void)state;
	NEED_SETS
	list = read_set("fw1_10000", &source);
	for (unsigned int i = 0; i < 3; i++) {
		struct rule_list few = RULE_LIST;
		struct rules *r;
		char name[32];

		for (size_t k = 0; k < sizes[i]; k++)
			rule_list_add(&few, rule_at(&list, k * (list.rules.len / sizes[i])));
		snprintf(name, sizeof(name), "%zu of fw1_10000", sizes[i]);
		r = build(&few, name, &stats);
		assert_true(stats.bytes <= MB);
		compare(r, &few, 1000);
		rules_free(r);
		rule_list_free(&few);
	}
	rule_list_free(&list);
	source_free(&source);
}

/* ---- changes ------------------------------------------------------------------------------- */

static int double_cmp(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;

	return x < y ? -1 : x > y;
}

/* Tables that were changed, against the list and tables built anew. */
static void compare_changed(const struct rules *r, size_t packets)
{
	struct vec numbers = VEC(uint32_t);
	struct rule_list list = RULE_LIST, copy;
	struct text why = { 0 };
	struct rules *fresh;

	for (uint32_t i = rules_first(r); i != RULES_NONE; i = rules_next(r, i)) {
		rule_list_add(&list, rules_get(r, i));
		vec_append(&numbers, &i);
	}
	copy = list_copy(&list);
	assert_int_equal(rules_build(&copy, NULL, &fresh, &why), 0);
	for (size_t i = 0; i < packets; i++) {
		struct rule_packet p = list_packet(&seed, &list);
		uint32_t want = rules_match(fresh, &p);

		assert_int_equal(rules_match(r, &p),
				 want == RULES_NONE ? want : *(uint32_t *)vec_at(&numbers, want));
		if (i % 64 == 0)
			assert_true(agrees(fresh, &list, &p));
	}
	rules_free(fresh);
	rule_list_free(&list);
	vec_free(&numbers);
}

/* A rule of the list, moved to another network, or with the service of another rule. */
static void vary(struct rule *rule, struct prefix *prefix, const struct rules *r, uint32_t slots)
{
	const struct rule *other = rules_get(r, below(&seed, slots));

	for (unsigned int side = 0; side < 2; side++) {
		prefix[side] = rule->prefix[side][0];
		rule->prefix[side] = &prefix[side];
		if (prefix[side].len > 8 && !below(&seed, 3))
			prefix[side].addr.bytes[prefix[side].len / 8 - 1] ^= 1 << below(&seed, 8);
		prefix[side] = prefix_canonical(prefix[side]);
	}
	if (other && below(&seed, 2)) {
		rule->tests = other->tests;
		rule->test = other->test;
	}
}

static void change_set(const char *name, unsigned int changes)
{
	struct rules_stats stats;
	struct source source;
	struct rule_list list = read_set(name, &source);
	struct rules *r = build(&list, name, &stats);
	double *took = calloc(changes, sizeof(*took));
	uint32_t slots = list.rules.len, number;
	struct text why = { 0 };

	for (unsigned int i = 0; i < changes; i++) {
		const struct rule *like = NULL;
		struct prefix prefix[2];
		struct rule rule;

		for (number = 0; !like; like = rules_get(r, number))
			number = below(&seed, slots);
		rule = *like;
		vary(&rule, prefix, r, slots);
		rule.action = i;
		took[i] = seconds();
		switch (below(&seed, 3)) {
		case 0:
			assert_int_equal(rules_insert(r, number, &rule, &number, &why), 0);
			slots += number == slots;
			break;
		case 1:
			assert_int_equal(rules_delete(r, number, &why), 0);
			break;
		case 2:
			assert_int_equal(rules_replace(r, number, &rule, &why), 0);
			break;
		}
		took[i] = seconds() - took[i];
		if (i % (changes / 4) == changes / 4 - 1)
			compare_changed(r, slow ? 20000 : 500);
	}
	rules_stats(r, &stats);
	qsort(took, changes, sizeof(*took), double_cmp);
	printf("# %s: %u changes, %zu builds; us a change: median %.1f, 90 %% %.1f, 99 %% %.1f, worst "
	       "%.1f; %zu kB\n", name, changes, stats.builds - 1, took[changes / 2] * 1e6,
	       took[changes * 9 / 10] * 1e6, took[changes * 99 / 100] * 1e6,
	       took[changes - 1] * 1e6, stats.bytes >> 10);
	free(took);
	rules_free(r);
	rule_list_free(&list);
	source_free(&source);
}

static void test_changes(void **state)
{
	(void)state;
	NEED_SETS
	change_set("acl1_10000", slow ? 10000 : 100);
	change_set("fw1_10000", slow ? 10000 : 100);
	change_set("ipc1_10000", slow ? 10000 : 100);
	if (slow)
		change_set("fw1_100000", 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_few_rules),
		cmocka_unit_test(test_small_sets),
		cmocka_unit_test(test_all_small_sets),
		cmocka_unit_test(test_10k),
		cmocka_unit_test(test_100k),
		cmocka_unit_test(test_changes),
	};

	seed = random_seed();
	slow = getenv("SLOW") && *getenv("SLOW");
	folder = classbench_folder();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

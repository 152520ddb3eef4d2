// SPDX-License-Identifier: GPL-2.0
/*
 * Whose the counters by next hop are: a name keeps its number and its counts, over processes too, until all
 * numbers are given; then those that nobody has are given anew, from zero.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/addr.h"
#include "base/diag.h"
#include "compile/compile.h"
#include "datapath/datapath.h"
#include "image/numbering.h"
#include "lpm/lpm.h"
#include "policy/parse.h"

#define LAST (HOP_COUNTERS_MAX - 1)

static char folder[64];		/* a bpffs */

static struct datapath *open_datapath(void)
{
	struct text why = { 0 };
	struct datapath *dp;

	if (datapath_open(folder, &dp, &why) || datapath_count_hops(dp, &why))
		fail_msg("%s", text_string(&why));
	return dp;
}

/* A generation that counts, of a port that is not there. */
static void commit(struct datapath *dp)
{
	static const char policy_text[] = "port p = \"absent\"; route main; count next-hops;";
	struct lpm_shape shape4, shape6;
	struct numbering numbering;
	struct generation *gen;
	struct tables *tables;
	struct policy *policy;
	struct text why = { 0 };
	struct image *image;
	struct diags diags;

	diags_init(&diags);
	policy = policy_parse_text("counts", policy_text, strlen(policy_text), &diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(policy, &numbering, NULL, &image, &diags), 0);
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	assert_int_equal(tables_new(dp, &shape4, &shape6, &tables, &why), 0);
	if (datapath_stage(dp, image, tables, 1, &gen, &why) || datapath_commit(dp, gen, true, &why))
		fail_msg("%s", text_string(&why));
	tables_free(tables);
	image_free(image);
	numbering_free(&numbering);
	policy_free(policy);
	diags_free(&diags);
}

static uint16_t get(struct datapath *dp, uint32_t via, const char *interface)
{
	struct addr a = addr_v4(via);

	return datapath_hop_counter_get(dp, &a, interface);
}

/* As a program would. */
static void count_one(uint32_t number, uint64_t packets)
{
	int cpus = libbpf_num_possible_cpus(), fd;
	struct count *all = calloc(cpus, sizeof(*all));
	char path[96];

	snprintf(path, sizeof(path), "%s/hop_counts", folder);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	all[0] = all[cpus - 1] = (struct count){ packets, 100 * packets };
	assert_int_equal(bpf_map_update_elem(fd, &number, all, 0), 0);
	close(fd);
	free(all);
}

/* Packets that the counter of @number has; those of one on each of two CPUs, or of the only one. */
static uint64_t packets_of(const struct datapath *dp, uint32_t number)
{
	struct hop_name name;
	struct count count;

	assert_int_equal(datapath_hop_counter(dp, number, &name, &count), 0);
	assert_int_equal(count.bytes, 100 * count.packets);
	return count.packets / (libbpf_num_possible_cpus() > 1 ? 2 : 1);
}

static void test_names(void **state)
{
	struct datapath *dp = open_datapath();
	uint16_t number = get(dp, 1, "eth0");
	struct addr six = { .family = ADDR_V6, .bytes = { 0, 0, 0, 1 } };
	struct hop_name name;
	struct count count;

	(void)state;
	assert_int_equal(number, 1);
	assert_int_equal(get(dp, 2, "eth0"), 2);
	assert_int_equal(get(dp, 1, "eth1"), 3);
	assert_int_equal(datapath_hop_counter_get(dp, &six, "eth0"), 4);
	assert_int_equal(get(dp, 1, ""), 0);
	assert_int_equal(get(dp, 1, "eth0"), 1);
	datapath_hop_counter_put(dp, 1);
	datapath_hop_counter_put(dp, 1);
	count_one(1, 7);
	assert_int_equal(get(dp, 1, "eth0"), 1);
	assert_int_equal(packets_of(dp, 1), 7);
	datapath_close(dp);

	dp = open_datapath();
	assert_int_equal(packets_of(dp, 1), 7);
	assert_int_equal(get(dp, 3, "eth0"), 5);
	assert_int_equal(get(dp, 1, "eth1"), 3);
	assert_int_equal(get(dp, 1, "eth0"), 1);
	assert_int_equal(packets_of(dp, 1), 7);
	assert_int_equal(datapath_hop_counter(dp, 4, &name, &count), 0);
	assert_int_equal(name.family, 6);
	assert_memory_equal(name.via, six.bytes, 16);
	assert_string_equal(name.interface, "eth0");
	assert_int_equal(datapath_hop_counter(dp, 6, &name, &count), -ENOENT);
	assert_int_equal(datapath_hop_counter(dp, HOP_COUNTERS_MAX, &name, &count), -ENOENT);
	datapath_close(dp);
}

static void test_full(void **state)
{
	struct datapath *dp = open_datapath();
	struct hop_name name;
	struct count count;
	uint32_t i;

	(void)state;
	for (i = 1; get(dp, i, "full"); i++)
		;
	assert_int_equal(i + 5, LAST + 1);	/* five are those of before */
	/* Nobody has these five; but who knows what runs, as long as that is another's. */
	assert_int_equal(get(dp, i, "full"), 0);
	commit(dp);
	count_one(3, 9);
	for (uint32_t k = 0; k < 5; k++)
		assert_int_equal(get(dp, i + k, "full"), 1 + k);
	assert_int_equal(packets_of(dp, 3), 0);
	assert_int_equal(get(dp, i + 5, "full"), 0);
	/* Who is given back stays, as long as nobody else needs the number. */
	count_one(100, 3);
	count_one(200, 4);
	datapath_hop_counter_put(dp, 100);
	datapath_hop_counter_put(dp, 200);
	assert_int_equal(get(dp, 100 - 5, "full"), 100);
	assert_int_equal(packets_of(dp, 100), 3);
	assert_int_equal(get(dp, i + 5, "full"), 200);
	assert_int_equal(packets_of(dp, 200), 0);
	assert_int_equal(packets_of(dp, 100), 3);
	assert_int_equal(get(dp, 200 - 5, "full"), 0);
	assert_int_equal(datapath_hop_counter(dp, LAST, &name, &count), 0);
	datapath_close(dp);
}

static int enter_namespaces(void **unused)
{
	(void)unused;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	strcpy(folder, "/tmp/sluice-hops.XXXXXX");
	return !mkdtemp(folder) || mount("bpf", folder, "bpf", 0, NULL) ? -1 : 0;
}

static int leave_namespaces(void **unused)
{
	(void)unused;
	return umount(folder) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_full),
	};

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	return cmocka_run_group_tests(tests, enter_namespaces, leave_namespaces);
}

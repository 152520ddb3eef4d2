// SPDX-License-Identifier: GPL-2.0
/*
 * What the data path remembers of the last packets: that a packet of a microflow is found again, that
 * one that differs in a single tested field is not taken for it, that what sets say today counts, that a flood
 * is not looked for, and that what comes after it is.
 *
 * Each policy drops what a predicate holds for. Packets are in the words of policy/frame.h.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/diag.h"
#include "bpf/microflow.h"
#include "compile/compile.h"
#include "datapath/datapath.h"
#include "datapath/map.h"
#include "datapath/state.h"
#include "image/numbering.h"
#include "lpm/lpm.h"
#include "policy/frame.h"
#include "policy/parse.h"

#define PORTS "port wan = \"eth0\"; port lan = \"eth1\"; set hosts : ip.src size 10;\n"

static unsigned int cpu;	/* ours: tests stay on one */

struct world {
	struct policy *policy;
	struct image *image;
	struct datapath *dp;
	struct tables *tables;
	struct generation *gen;
	struct microflows *memory;	/* of all CPUs */
	size_t bytes;
};

/* ---- a policy in the kernel -------------------------------------------------------- */

static void fail_with(const char *text, struct diags *diags)
{
	struct text out = { 0 };

	diags_print(diags, &out, false);
	fail_msg("%s\n%s", text, text_string(&out));
}

static void open_world(struct world *w, const char *filter)
{
	struct lpm_shape shape4, shape6;
	struct numbering numbering;
	struct text why = { 0 };
	struct diags diags;
	char text[1000];

	*w = (struct world){ 0 };
	snprintf(text, sizeof(text), "%s%s\n", PORTS, filter);
	diags_init(&diags);
	w->policy = policy_parse_text("microflow", text, strlen(text), &diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	if (diags.errors || compile_policy(w->policy, &numbering, NULL, &w->image, &diags))
		fail_with(text, &diags);
	diags_free(&diags);
	numbering_free(&numbering);
	assert_int_equal(datapath_open(NULL, &w->dp, &why), 0);
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	assert_int_equal(tables_new(w->dp, &shape4, &shape6, &w->tables, &why), 0);
	if (datapath_stage(w->dp, w->image, w->tables, 0, &w->gen, &why))
		fail_msg("%s\n%s", text, text_string(&why));
	w->bytes = w->dp->cpus * sizeof(struct microflows);
	w->memory = map_memory(bpf_object__find_map_fd_by_name(w->gen->object, ".data.microflows"), w->bytes);
	assert_non_null(w->memory);
}

static void close_world(struct world *w)
{
	munmap(w->memory, w->bytes);
	generation_free(w->gen);
	tables_free(w->tables);
	datapath_close(w->dp);
	image_free(w->image);
	policy_free(w->policy);
}

/* The packet that @words say. Return: whether it was dropped by the filter. */
static bool dropped(struct world *w, const char *words)
{
	struct source source = { .name = "packet", .text = (char *)words, .len = strlen(words) };
	static uint8_t bytes[FRAME_MAX];
	static struct test_result got;
	struct frame_fields fields;
	struct diags diags;
	size_t length;

	diags_init(&diags);
	if (frame_parse(w->policy, &source, &fields, &diags))
		fail_with(words, &diags);
	diags_free(&diags);
	length = frame_build(&fields, bytes);
	assert_int_equal(generation_test(w->gen, fields.value[FIELD_IN] + 1, bytes, length, &got), 0);
	return got.trace.reason == REASON_filtered;
}

static const struct microflows *here(const struct world *w)
{
	return &w->memory[cpu];
}

/* ---- tests ---------------------------------------------------------------------------- */

struct pair {
	const char *predicate;
	const char *is, *is_not;	/* two packets that nothing but the predicate tells apart */
};

static const struct pair pairs[] = {
	{ "ip.src == 10.0.0.1", "in=wan ip.src=10.0.0.1", "in=wan ip.src=10.0.0.2" },
	{ "ip.dst == 10.0.0.1", "in=wan ip.dst=10.0.0.1", "in=wan ip.dst=11.0.0.1" },
	{ "ip.src == 2001:db8::1", "in=wan ip.src=2001:db8::1", "in=wan ip.src=2001:db8::2" },
	{ "ip.src == 2001:db8::1", "in=wan ip.src=2001:db8::1", "in=wan ip.src=2001:db9::1" },
	{ "ip.dst == 2001:db8::1", "in=wan ip.dst=2001:db8::1", "in=wan ip.dst=2001:db8::2" },
	{ "ip.dst == 2001:db8::1", "in=wan ip.dst=2001:db8::1", "in=wan ip.dst=2001:db9::1" },
	{ "ip4", "in=wan ip.src=32.1.13.184 ip.dst=0.0.0.0", "in=wan ip.src=2001:db8:: ip.dst=::" },
	{ "arp", "in=wan arp", "in=wan eth.type=0x88cc" },
	{ "ip4", "in=wan ip.src=0.0.0.0 ip.dst=0.0.0.0", "in=wan arp" },
	{ "in == wan", "in=wan tcp.dst=1", "in=lan tcp.dst=1" },
	{ "eth.src == 02:00:00:00:00:07", "in=wan eth.src=02:00:00:00:00:07", "in=wan eth.src=02:00:00:00:00:08" },
	{ "eth.dst == 02:00:00:00:00:07", "in=wan eth.dst=02:00:00:00:00:07", "in=wan eth.dst=02:00:00:00:00:08" },
	{ "vlan.id == 5", "in=wan vlan.id=5", "in=wan vlan.id=6" },
	{ "vlan.id == 0", "in=wan vlan.id=0", "in=wan tcp" },
	{ "vlan.pcp == 1", "in=wan vlan.id=5 vlan.pcp=1", "in=wan vlan.id=5 vlan.pcp=2" },
	{ "ip.proto == 47", "in=wan ip.proto=47", "in=wan ip.proto=50" },
	{ "ip.dscp == 10", "in=wan ip.dscp=10", "in=wan ip.dscp=11" },
	{ "ip.ecn == 1", "in=wan ip.ecn=1", "in=wan ip.ecn=2" },
	{ "ip.ttl == 9", "in=wan ip.ttl=9", "in=wan ip.ttl=10" },
	{ "ip.frag == 1", "in=wan ip.frag=1", "in=wan ip.frag=0" },
	{ "l4.src == 256", "in=wan tcp.src=256", "in=wan tcp.src=1" },
	{ "l4.dst == 256", "in=wan tcp.dst=256", "in=wan tcp.dst=1" },
	{ "tcp.flags & (syn|ack) == syn", "in=wan tcp.flags=syn", "in=wan tcp.flags=syn|ack" },
	{ "icmp.type == 8", "in=wan icmp.type=8", "in=wan icmp.type=0" },
	{ "icmp.code == 1", "in=wan icmp.type=3 icmp.code=1", "in=wan icmp.type=3 icmp.code=2" },
	{ "pkt.len == 300", "in=wan tcp pkt.len=300", "in=wan tcp pkt.len=301" },
};

/* What a rule of a further layer met is remembered, too. */
static const char *const forms[] = {
	"filter wan, lan { drop if %s; }",
	"filter wan, lan { count \"all\" if tcp; drop if %s; count \"more\" if ip4; allow if not arp; }",
};

static void test_fields(void **unused)
{
	(void)unused;
	for (size_t form = 0; form < 2; form++) {
		/* To load a program takes its time: a few of the second form are enough. */
		for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i += form ? 6 : 1) {
			const struct pair *p = &pairs[i];
			char filter[300];
			struct world w;

			snprintf(filter, sizeof(filter), forms[form], p->predicate);
			open_world(&w, filter);
			for (unsigned int turn = 0; turn < 4; turn++) {
				if (!dropped(&w, p->is))
					fail_msg("%s: turn %u: %s is not dropped", filter, turn, p->is);
				if (dropped(&w, p->is_not))
					fail_msg("%s: turn %u: %s is dropped", filter, turn, p->is_not);
			}
			/* One of the two is found again from the second turn on, wherever the other is. */
			if (here(&w)->score < 3 * MICROFLOW_HIT - 5)
				fail_msg("%s: %d: nothing was remembered", filter, here(&w)->score);
			close_world(&w);
		}
	}
}

/* What a set has is asked for each packet. */
static void test_set(void **unused)
{
	struct set_value stays = { .inserted = SET_STAYS };
	struct set_key key = { .value = { 10, 0, 0, 1 }, .family = 4 };
	struct world w;
	int fd;

	(void)unused;
	open_world(&w, "filter wan { drop if ip.src in hosts; }");
	fd = ((struct set_map *)vec_at(&w.gen->sets, 0))->fd;
	for (unsigned int turn = 0; turn < 3; turn++) {
		for (unsigned int again = 0; again < 3; again++)
			assert_false(dropped(&w, "in=wan ip.src=10.0.0.1"));
		assert_int_equal(bpf_map_update_elem(fd, &key, &stays, 0), 0);
		for (unsigned int again = 0; again < 3; again++)
			assert_true(dropped(&w, "in=wan ip.src=10.0.0.1"));
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	}
	assert_true(here(&w)->score > 0);
	close_world(&w);
}

static bool is_dropped(struct world *w, unsigned int source, unsigned int port)
{
	char words[80];

	snprintf(words, sizeof(words), "in=wan ip.src=10.%u.%u.%u tcp.dst=%u", source >> 16 & 255,
		 source >> 8 & 255, source & 255, port);
	return dropped(w, words);
}

/* Packets that are all different are not looked for; others are, soon after. */
static void test_flood(void **unused)
{
	unsigned int skipped = 0;
	struct world w;

	(void)unused;
	open_world(&w, "filter wan { drop if ip.src in 10.0.0.0/9 and tcp.dst in 1000-1999; }");
	for (unsigned int i = 0; i < 10000; i++) {
		unsigned int source = i * 2654435761u >> 8, port = i * 40503u & 2047;

		assert_int_equal(is_dropped(&w, source, port),
				 !(source >> 16 & 128) && port >= 1000 && port < 2000);
		skipped += here(&w)->skip > 0;
	}
	assert_true(skipped > 9000);
	for (unsigned int i = 0; i < 4000; i++) {
		assert_true(is_dropped(&w, 1 + i % 7, 1000));
		assert_false(is_dropped(&w, 1 + i % 7, 2000));
	}
	assert_int_equal(here(&w)->skip, 0);
	assert_true(here(&w)->score >= MICROFLOW_SCORE_MAX);
	close_world(&w);
}

/* More flows than slots, some often: whoever has a slot, each gets what is its own. */
static void test_crowd(void **unused)
{
	uint64_t random = 1;
	struct world w;

	(void)unused;
	open_world(&w, "filter wan { drop if ip.src in 10.0.0.0/9 and tcp.dst in 1000-1999; }");
	for (unsigned int i = 0; i < 30000; i++) {
		unsigned int source, port;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		source = (random >> 60 ? random >> 40 & 15 : random >> 40 & 4095) * 0x10001;
		port = 999 + (random >> 33 & 1);
		assert_int_equal(is_dropped(&w, source, port), !(source >> 16 & 128) && port == 1000);
	}
	assert_true(here(&w)->score > 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_crowd),
	};
	cpu_set_t one;

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	cpu = sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

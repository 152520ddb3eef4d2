// SPDX-License-Identifier: GPL-2.0
/*
 * The measure stage in the kernel, by test run, with userland/flow on the mapped memory: frames of
 * both families, a memory that is full, and swaps while two CPUs count.
 *
 * SLOW=1 counts 10^8 packets across the swaps, else 10^7.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include "bpf/classify.h"
#include "flow/flow.h"
#include "selftests/prog/measure_load.h"
#include "selftests/prog/measure.skel.h"

#define ALL_FIELDS (FLOW_IP_SRC | FLOW_IP_DST | FLOW_IP_PROTO | FLOW_L4_SRC | FLOW_L4_DST)

struct stage {
	struct measure_bpf *object;
	void *memory;
	size_t size;
	unsigned int cpus;
	struct flow *flow;
	int frame, run;
};

static void stage_open(struct stage *s, unsigned int fields, unsigned int slots)
{
	struct flow_config config = { fields, slots, 1000, 0, 20 };
	struct bpf_map *map;

	s->cpus = libbpf_num_possible_cpus();
	s->object = measure_bpf__open();
	assert_non_null(s->object);
	map = s->object->maps.flow_memory;
	assert_int_equal(bpf_map__set_max_entries(map, s->cpus), 0);
	assert_int_equal(bpf_map__set_value_size(map, flow_element_size(slots / FLOW_WAYS)), 0);
	*(struct measure_config *)&s->object->rodata->measure_config = flow_measure_config(fields, slots);
	assert_int_equal(measure_bpf__load(s->object), 0);
	s->size = flow_map_size(slots, s->cpus);
	s->memory = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	assert_true(s->memory != MAP_FAILED);
	assert_int_equal(flow_new(s->memory, s->size, s->cpus, &config, 0, &s->flow), 0);
	s->frame = bpf_program__fd(s->object->progs.frame);
	s->run = bpf_program__fd(s->object->progs.run);
}

static void stage_close(struct stage *s)
{
	flow_free(s->flow);
	munmap(s->memory, s->size);
	measure_bpf__destroy(s->object);
}

static void wait_for_programs(void)
{
	assert_int_equal(syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
}

static struct flow_report *interval_end(struct stage *s, uint64_t now_ns)
{
	struct flow_report *r;

	assert_int_equal(flow_swap(s->flow, now_ns), 0);
	wait_for_programs();
	assert_int_equal(flow_read(s->flow, &r), 0);
	return r;
}

static int send_frame(const struct stage *s, const void *frame, uint32_t length)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = length, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(s->frame, &opts), 0);
	return opts.retval;
}

static uint16_t checksum(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* A UDP frame of @length bytes; the flow's number is in its addresses and port. */
static void make_frame(uint8_t *frame, uint32_t length, uint8_t family, uint32_t number)
{
	uint8_t *ip = frame + 14, *udp = ip + (family == 4 ? 20 : 40);
	uint16_t words[4] = { htons(1000 + number), htons(53), htons(length - (udp - frame)), 0 };

	memset(frame, 0, length);
	memcpy(udp, words, sizeof(words));
	number = htonl(number);
	if (family == 4) {
		uint16_t total = htons(length - 14), sum;

		frame[12] = 0x08;
		ip[0] = 0x45;
		memcpy(ip + 2, &total, 2);
		ip[8] = 64;
		ip[9] = 17;
		memcpy(ip + 12, &number, 4);
		ip[16] = 198, ip[17] = 51, ip[18] = 100, ip[19] = 1;
		sum = htons(checksum(ip, 20));
		memcpy(ip + 10, &sum, 2);
	} else {
		uint16_t payload = htons(length - 54);

		frame[12] = 0x86, frame[13] = 0xdd;
		ip[0] = 0x60;
		memcpy(ip + 4, &payload, 2);
		ip[6] = 17;
		ip[7] = 64;
		ip[8] = 0x20, ip[9] = 0x01;
		memcpy(ip + 20, &number, 4);
		ip[24] = 0x20, ip[39] = 1;
	}
}

/* Frames of both families: keys, bytes of the whole frame, and sums, exactly. */
static void test_frames(void **state)
{
	struct stage s;
	struct flow_report *r;
	uint64_t bytes = 0, packets = 0;
	uint8_t frame[1600];

	(void)state;
	stage_open(&s, ALL_FIELDS, 1024);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t number = 0; number < 30; number++) {
			uint32_t length = 100 + 40 * number;

			make_frame(frame, length, number & 1 ? 6 : 4, number);
			assert_int_equal(send_frame(&s, frame, length), 2 /* XDP_PASS */);
			bytes += length;
			packets++;
		}
	}
	r = interval_end(&s, 1);
	assert_int_equal(r->bytes, bytes);
	assert_int_equal(r->packets, packets);
	assert_int_equal(r->lost_bytes, 0);
	assert_int_equal(r->flows.len, 30);
	for (uint32_t i = 0; i < 30; i++) {
		const struct flow_record *record = vec_at(&r->flows, i);
		uint32_t number = 29 - i, address = htonl(number);

		assert_int_equal(record->key.family, number & 1 ? 6 : 4);
		assert_int_equal(record->key.protocol, 17);
		assert_int_equal(ntohs(record->key.sport), 1000 + number);
		assert_int_equal(ntohs(record->key.dport), 53);
		assert_memory_equal(record->key.source + (number & 1 ? 12 : 0), &address, 4);
		assert_int_equal(record->key.destination[number & 1 ? 15 : 3], 1);
		assert_int_equal(record->bytes, 3 * (100 + 40 * number));
		assert_int_equal(record->packets, 3);
		assert_true(record->exact);
	}
	flow_report_free(r);

	/* a frame that is no good is nobody's */
	make_frame(frame, 100, 4, 1);
	frame[14] = 0x44;
	assert_int_equal(send_frame(&s, frame, 100), 1 /* XDP_DROP */);
	r = interval_end(&s, 2);
	assert_int_equal(r->packets, 0);
	assert_int_equal(r->flows.len, 0);
	flow_report_free(r);
	stage_close(&s);
}

static void test_masks(void **state)
{
	static const struct { unsigned int fields; size_t flows; } cases[] = {
		{ FLOW_IP_SRC, 20 }, { FLOW_IP_DST, 2 }, { FLOW_IP_PROTO, 1 }, { FLOW_L4_SRC, 20 },
		{ FLOW_L4_DST, 1 }, { FLOW_IP_DST | FLOW_L4_SRC, 20 },
	};
	uint8_t frame[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow_report *r;
		struct stage s;

		stage_open(&s, cases[i].fields, 1024);
		for (uint32_t number = 0; number < 20; number++) {
			make_frame(frame, 100, number & 1 ? 6 : 4, number);
			send_frame(&s, frame, 100);
		}
		r = interval_end(&s, 1);
		assert_int_equal(r->flows.len, cases[i].flows);
		assert_int_equal(r->bytes, 2000);
		assert_int_equal(r->lost_bytes, 0);
		flow_report_free(r);
		stage_close(&s);
	}
}

/* Run on this CPU @times times all that is in load. */
static void run_load(const struct stage *s, unsigned int times)
{
	static const uint8_t frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = times);

	assert_int_equal(bpf_prog_test_run_opts(s->run, &opts), 0);
}

static void set_load(struct load *l, uint32_t number, uint32_t bytes)
{
	*l = (struct load){ .bytes = bytes };
	memcpy(l->key.source, &number, sizeof(number));
	l->key.family = number & 1 ? 6 : 4;
	l->key.protocol = 6;
}

/* More flows than places: filled, held, evicted; the bounds hold for every flow. */
static void test_full(void **state)
{
	struct flow_report *r;
	struct stage s;
	uint64_t sum;

	(void)state;
	stage_open(&s, ALL_FIELDS, 64);
	/* 24 elephants that come between 1,000 mice; the elephants first come in the middle */
	for (uint32_t i = 0; i < LOAD_PACKETS; i++) {
		bool elephant = i > 300 && i % 3 == 0;

		set_load(&s.object->bss->load[i], elephant ? i % 24 : 1000 + i, elephant ? 1500 : 60);
	}
	run_load(&s, 3);
	r = interval_end(&s, 1);
	assert_true(r->evicted && r->sampled && r->lost_bytes);
	assert_int_equal(r->packets, 3 * LOAD_PACKETS);
	assert_true(r->sampled < r->packets / 3);
	assert_in_range(r->used, 56, 64);
	sum = r->lost_bytes;
	for (size_t i = 0; i < r->flows.len; i++) {
		const struct flow_record *record = vec_at(&r->flows, i);
		uint64_t truth = 0;

		for (uint32_t k = 0; k < LOAD_PACKETS; k++)
			if (!memcmp(&s.object->bss->load[k].key, &record->key, sizeof(record->key)))
				truth += 3 * s.object->bss->load[k].bytes;
		assert_in_range(truth, record->low, record->high);
		assert_in_range(record->bytes, record->low, record->high);
		sum += record->low;
	}
	assert_int_equal(sum, r->bytes);
	assert_true(((struct flow_record *)r->flows.data)->bytes > 15000);
	flow_report_free(r);
	stage_close(&s);
}

struct runner {
	const struct stage *stage;
	unsigned int cpu, times, done;
	pthread_t thread;
};

#define SWAPS_MIN 8	/* while both run: a fast machine does more than @times until then */

static _Atomic unsigned int running, swapped;

static void *run_on_cpu(void *argument)
{
	struct runner *me = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(me->cpu, &set);
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
	while (me->done < me->times || swapped < SWAPS_MIN) {
		run_load(me->stage, 64);
		me->done += 64;
	}
	running--;
	return NULL;
}

/* Swaps while two CPUs count: not a byte of any flow is lost or counted twice. */
static void test_swaps_under_load(void **state)
{
	unsigned int times = (getenv("SLOW") ? 100000000 : 10000000) / LOAD_PACKETS / 2, swaps = 0;
	uint64_t done;
	uint64_t bytes = 0, packets = 0, load = 0, *sums = calloc(512, sizeof(*sums));
	struct runner runners[2];
	struct stage s;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("# one CPU only\n");
		skip();
	}
	stage_open(&s, ALL_FIELDS, 8192);
	for (uint32_t i = 0; i < LOAD_PACKETS; i++) {
		set_load(&s.object->bss->load[i], i % 509, 60 + i);
		load += 60 + i;
	}
	running = 2;
	swapped = 0;
	for (unsigned int i = 0; i < 2; i++) {
		runners[i] = (struct runner){ .stage = &s, .cpu = i, .times = times };
		assert_int_equal(pthread_create(&runners[i].thread, NULL, run_on_cpu, &runners[i]), 0);
	}
	for (bool last = false; !last; swaps++) {
		struct flow_report *r;

		last = !running;
		r = interval_end(&s, swaps);
		bytes += r->bytes;
		packets += r->packets;
		assert_int_equal(r->lost_bytes, 0);
		for (size_t i = 0; i < r->flows.len; i++) {
			const struct flow_record *record = vec_at(&r->flows, i);
			uint32_t number;

			assert_true(record->exact);
			memcpy(&number, record->key.source, sizeof(number));
			assert_true(number < 509);
			sums[number] += record->bytes;
		}
		flow_report_free(r);
		swapped++;
		usleep(1000);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(runners[i].thread, NULL);
	done = (uint64_t)runners[0].done + runners[1].done;
	print_message("# %llu packets on two CPUs, %u swaps\n", (unsigned long long)packets, swaps);
	assert_int_equal(packets, done * LOAD_PACKETS);
	assert_int_equal(bytes, done * load);
	for (uint32_t number = 0; number < 509; number++) {
		uint64_t right = 0;

		for (uint32_t i = number; i < LOAD_PACKETS; i += 509)
			right += 60 + i;
		assert_int_equal(sums[number], done * right);
	}
	free(sums);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_swaps_under_load),
	};

	if (geteuid()) {
		puts("1..0 # SKIP test runs of BPF programs need root");
		return 4;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * measure.c: the benchmark of flow measurement: what a packet costs inside XDP, and
 * with --accuracy how far the estimates are from the truth.
 *
 * Streams: "miss", every packet of a flow that is not held, in a full memory; "held", every one of
 * 1,024 flows that are; "agh", five seconds of the AGH flow models; "mix", the nDPI captures. The
 * kernel's hashes count every packet while they have room: a full PERCPU_HASH loses what is new,
 * an LRU_PERCPU_HASH what is old.
 *
 * Accuracy: the mean relative error of the true top 100 flows, over windows of five seconds, in as
 * much memory as packet-sampled NetFlow has; and its N is the best that it could have had in each.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/classify.h"
#include "flow/accuracy.h"
#include "tools/bench/bench.h"
#include "tools/bench/options.h"
#include "tools/bench/measure_layout.h"
#include "tools/bench/measure.skel.h"

static struct measure_config measure_config;
static uint64_t random_state = 88172645463325252ull;

static inline __u32 flow_random(void)
{
	return random_u64(&random_state) >> 32;
}

#include "bpf/measure.bpf.h"

#define SLOTS		8192
#define TURN_PACKETS	(1u << 18)

struct options {
	unsigned int rounds;
	bool json, accuracy;
	const char *data;
};

/* A contender, and what it takes to run it. */
struct counter {
	struct contender contender;	/* first: turn() gets it */
	struct xdp *xdp;
	int fd;
};

struct xdp {
	struct measure_bpf *object;
	struct flow *flow;
	void *memory;
	size_t size;
	uint32_t packets;		/* of the stream; it is run again and again */
	bool afresh;			/* nothing is held when a turn begins */
	uint64_t now_ns;
};

static int refuse(const char *what, int err)
{
	fprintf(stderr, "sluice-bench: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static int xdp_open(struct xdp *x)
{
	struct flow_config config = {
		.fields = FLOW_FIELDS, .slots = SLOTS, .threshold_ppm = 1000, .oversampling = 20,
	};
	int cpus = libbpf_num_possible_cpus(), err;
	struct bpf_map *map;

	x->object = measure_bpf__open();
	if (!x->object)
		return refuse("the benchmark's programs do not open", -errno);
	map = x->object->maps.flow_memory;
	bpf_map__set_max_entries(map, cpus);
	bpf_map__set_value_size(map, flow_element_size(SLOTS / FLOW_WAYS));
	*(struct measure_config *)&x->object->rodata->measure_config =
		flow_measure_config(config.fields, config.slots);
	err = measure_bpf__load(x->object);
	if (err)
		return refuse("the benchmark's programs do not load", err);
	x->size = flow_map_size(SLOTS, cpus);
	x->memory = mmap(NULL, x->size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (x->memory == MAP_FAILED)
		return refuse("the flow memory cannot be mapped", -errno);
	err = flow_new(x->memory, x->size, cpus, &config, 0, &x->flow);
	return err ? refuse("the flow memory is not taken", err) : 0;
}

static void xdp_close(struct xdp *x)
{
	flow_free(x->flow);
	if (x->memory && x->memory != MAP_FAILED)
		munmap(x->memory, x->size);
	measure_bpf__destroy(x->object);
}

/* Nanoseconds a packet of @packets, from step @first on. */
static double run(const struct counter *c, uint32_t first, uint32_t packets)
{
	static const uint8_t frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = packets / RUN);
	double begin;

	c->xdp->object->bss->first = first;
	begin = bench_cpu();
	if (bpf_prog_test_run_opts(c->fd, &opts))
		return -1;
	return (bench_cpu() - begin) * 1e9 / (packets / RUN * RUN);
}

static void empty_hash(struct bpf_map *map)
{
	struct flow_key key, next;
	int fd = bpf_map__fd(map);
	void *at = NULL;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		if (at)
			bpf_map_delete_elem(fd, &key);
		key = next;
		at = &key;
	}
	if (at)
		bpf_map_delete_elem(fd, &key);
}

/* An interval ends: nothing is held any more. */
static void forget(struct xdp *x)
{
	struct flow_report *r;

	for (int i = 0; i < 2; i++) {
		x->now_ns += 1000000000;
		if (!flow_swap(x->flow, x->now_ns) && !flow_read(x->flow, &r))
			flow_report_free(r);
	}
	empty_hash(x->object->maps.percpu);
	empty_hash(x->object->maps.lru);
}

static double turn(struct contender *contender, unsigned int round)
{
	struct counter *c = (struct counter *)contender;
	struct xdp *x = c->xdp;
	uint32_t first;

	if (x->afresh) {
		forget(x);
		return run(c, 0, x->packets);
	}
	first = round * TURN_PACKETS;
	run(c, first + STEPS / 2, RUN * 4);	/* warm */
	return run(c, first, TURN_PACKETS);
}

static void measure_stream(const struct options *o, struct xdp *x, const char *stream)
{
	struct measure_bpf *object = x->object;
	struct { const char *engine; struct bpf_program *program; } engines[] = {
		{ "nothing", object->progs.run_nothing }, { "sluice", object->progs.run_sluice },
		{ "percpu_hash", object->progs.run_percpu }, { "lru_percpu_hash", object->progs.run_lru },
	};
	enum { N = sizeof(engines) / sizeof(*engines) };
	struct counter counters[N];
	struct contender *turns[N];
	struct spread nothing = { 0 };

	for (int i = 0; i < N; i++) {
		counters[i] = (struct counter){
			.contender = { .engine = engines[i].engine, .where = "xdp", .turn = turn },
			.xdp = x, .fd = bpf_program__fd(engines[i].program),
		};
		turns[i] = &counters[i].contender;
	}
	contenders_run(turns, N, o->rounds);
	for (int i = 0; i < N; i++) {
		const struct contender *c = &counters[i].contender;
		struct spread s = contender_spread(c);
		json_t *line;

		if (!i)
			nothing = s;
		s.median = fmax(s.median - nothing.median, 0);
		s.min = fmax(s.min - nothing.median, 0);
		s.max = fmax(s.max - nothing.median, 0);
		line = json_pack("{s:s, s:s, s:s, s:s, s:i}", "bench", "measure", "engine",
				 i ? c->engine : "off", "where", "xdp", "stream", stream, "slots",
				 SLOTS);
		bench_spread(line, &s);
		bench_line(line, o->json);
		vec_free(&counters[i].contender.samples);
	}
}

static struct flow_key key_of(uint32_t number)
{
	struct flow_key key = { .family = number & 7 ? 4 : 6, .protocol = 6, .dport = 443 };

	memcpy(key.source, &number, sizeof(number));
	number *= 2654435761u;
	memcpy(key.destination, &number, sizeof(number));
	return key;
}

/* Uniform over @flows flows from number @from on. */
static void uniform_stream(struct xdp *x, uint32_t from, uint32_t flows, uint32_t bytes)
{
	for (uint32_t i = 0; i < flows; i++)
		x->object->bss->flows[i].key = key_of(from + i);
	for (uint32_t i = 0; i < STEPS; i++)
		x->object->bss->steps[i] = (struct step){ flow_random() % flows, bytes };
	x->afresh = false;
}

static void fill(struct xdp *x)
{
	struct bpf_program *programs[] = { x->object->progs.run_sluice, x->object->progs.run_percpu,
					   x->object->progs.run_lru };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct counter c = { .xdp = x, .fd = bpf_program__fd(programs[i]) };

		run(&c, 0, STEPS / 2);
	}
}

/* Every place of the memory is taken by an elephant, and blocks are too long to sample mice. */
static void measure_miss(const struct options *o, struct xdp *x)
{
	forget(x);
	uniform_stream(x, 1 << 20, 4 * SLOTS, 60000);
	fill(x);
	for (size_t at = 0; at < x->size; at += flow_element_size(SLOTS / FLOW_WAYS)) {
		struct flow_control *control = (void *)((char *)x->memory + at);

		epoch_of(control, control->epoch)->shift = FLOW_SHIFT_MAX;
	}
	uniform_stream(x, 0, SLOTS, 64);
	measure_stream(o, x, "miss");
}

static void measure_held(const struct options *o, struct xdp *x)
{
	forget(x);
	uniform_stream(x, 0, 1024, 800);
	fill(x);
	measure_stream(o, x, "held");
}

static void measure_traffic(const struct options *o, struct xdp *x, const char *name,
			    const struct traffic *t)
{
	const struct traffic_packet *p = t->packets.data;

	x->packets = t->packets.len < STEPS ? t->packets.len : STEPS;
	if (t->keys.len > FLOWS || x->packets < RUN) {
		fprintf(stderr, "sluice-bench: %s has %zu flows and %zu packets: too many, or too few\n", name,
			t->keys.len, t->packets.len);
		return;
	}
	for (uint32_t i = 0; i < t->keys.len; i++)
		x->object->bss->flows[i].key = *(struct flow_key *)vec_at(&t->keys, i);
	for (uint32_t i = 0; i < x->packets; i++)
		x->object->bss->steps[i] = (struct step){ p[i].flow, p[i].bytes };
	x->afresh = true;
	measure_stream(o, x, name);
}

static void count_packet(struct flow_control *element, uint64_t *key, uint32_t bytes)
{
	flow_count(element, (__u64 *)key, bytes);
}

static json_t *percent(double share)
{
	return json_real(round(share * 1e6) / 1e4);
}

static void accuracy_line(const struct options *o, const char *engine, const char *stream,
			  size_t bytes, double error, double recall, unsigned int n)
{
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:i}", "bench", "accuracy", "engine", engine,
				 "where", "native", "stream", stream, "memory_kB", (int)(bytes >> 10));

	json_object_set_new(line, "error_percent", percent(error));
	json_object_set_new(line, "recall_percent", percent(recall));
	if (n)
		json_object_set_new(line, "sampled_1_in", json_integer(n));
	bench_line(line, o->json);
}

static void measure_accuracy(const struct options *o, const char *name, const struct traffic *t)
{
	for (size_t bytes = 16384; bytes <= 262144; bytes *= 4) {
		struct accuracy a;

		measure_config = flow_measure_config(FLOW_FIELDS, accuracy_slots(bytes));
		accuracy_measure(&a, t, 5, bytes, count_packet, 1);
		accuracy_line(o, "sluice", name, bytes, a.error, a.recall, 0);
		accuracy_line(o, "netflow", name, bytes, a.netflow_error, a.netflow_recall, a.netflow_n);
	}
}

/* Calls @take or the accuracy on each traffic that there is data for. */
static void each_traffic(const struct options *o, struct xdp *x)
{
	struct traffic_model model = { TRAFFIC_MODEL_AGH };
	struct text histogram = { 0 }, path = { 0 };
	struct traffic t;

	model.seed = 1;
	model.seconds = o->accuracy ? 30 : 5;
	if (traffic_read_agh(o->data, &histogram) ||
	    traffic_generate(&t, text_string(&histogram), &model)) {
		fprintf(stderr, "sluice-bench: no %s/pcap/agh-flow-models.tar.xz: stream agh is left out\n",
			o->data);
	} else {
		if (o->accuracy)
			measure_accuracy(o, "agh", &t);
		else
			measure_traffic(o, x, "agh", &t);
		traffic_free(&t);
	}
	text_free(&histogram);

	text_printf(&path, "%s/pcap/derived-ndpi42-mix-60s-snap96.pcap.gz", o->data);
	if (traffic_read_pcap(&t, text_string(&path))) {
		fprintf(stderr, "sluice-bench: no %s: stream mix is left out\n", text_string(&path));
	} else if (o->accuracy) {
		measure_accuracy(o, "mix", &t);
	} else {
		measure_traffic(o, x, "mix", &t);
	}
	traffic_free(&t);
	text_free(&path);
}

static const char usage[] =
"usage: sluice-bench measure [--accuracy] [OPTION...]\n"
"\n"
"What it costs a packet inside XDP to measure its flow (as root): sluice, percpu_hash,\n"
"lru_percpu_hash, 8,192 flows each; \"off\" is 0, the loop's own cost being taken off.\n"
"\n"
"  --accuracy     instead: the mean relative error of the true top 100 flows in windows of 5 s,\n"
"                 beside packet-sampled NetFlow in as much memory\n"
"  --rounds N     turns of each contender (9)\n"
"  --data DIR     recorded data (SLUICE_DATA, else ../shared/data)\n"
"  --json         one object a line: see sluice-bench --help\n";

static int parse(int argc, char **argv, struct options *o)
{
	const struct bench_option table[] = {
		{ "accuracy", .flag = &o->accuracy },
		{ "rounds", .number = &o->rounds, .most = 1000 },
		{ "data", .text = &o->data },
		{ "json", .flag = &o->json },
		{ 0 },
	};

	return bench_options(argc, argv, table, usage);
}

/* One CPU, or the memory of another one would be counted in. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int bench_measure(int argc, char **argv)
{
	struct options o = { .rounds = 9, .data = getenv("SLUICE_DATA") };
	struct xdp x = { 0 };
	int err;

	if (!o.data)
		o.data = "../shared/data";
	err = parse(argc, argv, &o);
	if (err)
		return err < 0 ? 0 : err;
	if (o.accuracy) {
		each_traffic(&o, NULL);
		return 0;
	}
	if (geteuid()) {
		fprintf(stderr, "sluice-bench: test runs of BPF programs need root\n");
		return 1;
	}
	stay_here();
	err = xdp_open(&x);
	if (!err) {
		measure_miss(&o, &x);
		measure_held(&o, &x);
		each_traffic(&o, &x);
	}
	xdp_close(&x);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Sample and hold, natively: the very code of the data path, and what userland makes of its counts.
 *
 * Bounds are sure and must never fail; probabilities are tested with the binomial distribution at
 * one in a million, from printed seeds. SEEDS=n makes the statistics longer.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"
#include "flow/accuracy.h"
#include "flow/flow.h"
#include "flow/traffic.h"

static struct measure_config measure_config;
static uint64_t random_state = 1;

static inline __u32 flow_random(void)
{
	return random_u64(&random_state) >> 32;
}

#include "bpf/measure.bpf.h"

#define SECOND	1000000000ull
#define LEVEL	1e-6

#define ALL_FIELDS (FLOW_IP_SRC | FLOW_IP_DST | FLOW_IP_PROTO | FLOW_L4_SRC | FLOW_L4_DST)

static struct flow_config small = {
	.fields = ALL_FIELDS, .slots = 64, .threshold_ppm = 1000, .oversampling = 20,
};

/* A memory with what it takes to count in it. */
struct bench {
	char *memory;
	size_t size;
	unsigned int cpus;
	struct flow *flow;
};

static struct bench bench_new(const struct flow_config *config, unsigned int cpus)
{
	struct bench b = { .cpus = cpus, .size = flow_map_size(config->slots, cpus) };

	b.memory = xcalloc(1, b.size);
	measure_config = flow_measure_config(config->fields, config->slots);
	assert_int_equal(flow_new(b.memory, b.size, cpus, config, 0, &b.flow), 0);
	return b;
}

static struct flow_control *element(const struct bench *b, unsigned int cpu)
{
	return (void *)(b->memory + cpu * (b->size / b->cpus));
}

/* The memory's secrets of the first interval, from a seed: what is measured can be repeated. */
static void bench_seed(const struct bench *b, uint64_t seed)
{
	for (unsigned int cpu = 0; cpu < b->cpus; cpu++) {
		uint64_t random = seed * 0x9e3779b97f4a7c15ull | 1;

		for (int i = 0; i < FLOW_KEY_WORDS; i++)
			element(b, cpu)->hash_key[i] = random_u64(&random);
		((struct flow_epoch *)(element(b, cpu) + 1))->secret = (random_u64(&random) + 2 * cpu) | 1;
	}
	random_state = seed * 7919 + 1;
}

static void bench_free(struct bench *b)
{
	flow_free(b->flow);
	free(b->memory);
}

static struct flow_key key_of(uint32_t number)
{
	struct flow_key key = { .family = 4, .protocol = 17, .sport = 1, .dport = 2 };

	memcpy(key.source, &number, sizeof(number));
	return key;
}

static void packet(const struct bench *b, unsigned int cpu, const struct flow_key *key, uint32_t bytes)
{
	uint64_t words[FLOW_KEY_WORDS];

	memcpy(words, key, sizeof(words));
	flow_count(element(b, cpu), (__u64 *)words, bytes);
}

static struct flow_report *interval_end(const struct bench *b, uint64_t now_ns)
{
	struct flow_report *r = NULL;

	assert_int_equal(flow_swap(b->flow, now_ns), 0);
	assert_true(flow_pending(b->flow));
	assert_int_equal(flow_read(b->flow, &r), 0);
	assert_false(flow_pending(b->flow));
	return r;
}

static const struct flow_record *record_of(const struct flow_report *r, const struct flow_key *key)
{
	for (size_t i = 0; i < r->flows.len; i++) {
		const struct flow_record *record = vec_at(&r->flows, i);

		if (!memcmp(&record->key, key, sizeof(*key)))
			return record;
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct flow_key near_key(int shape, uint32_t i)
{
	struct flow_key key = { .family = shape < 2 ? 4 : 6, .protocol = 6, .dport = 443 };
	uint8_t low = i, high = i >> 8;

	switch (shape) {
	case 0:			/* two /24s */
		key.source[3] = low;
		key.destination[3] = high;
		break;
	case 1:			/* one pair, all ports */
		key.sport = i;
		break;
	case 2:			/* two /120s */
		key.source[15] = low;
		key.destination[15] = high;
		break;
	default:		/* many networks */
		key.source[0] = low;
		key.destination[7] = high;
	}
	return key;
}

/*
 * Keys that differ as traffic's do, in a few bits here or there, spread over the buckets no less
 * evenly than random numbers, whatever the secret: chi-square with 1,023 degrees of freedom, at
 * most six standard deviations above its mean; and no two hashes are alike.
 */
static void test_hash(void **state)
{
	enum { KEYS = 65536, SECRETS = 25 };
	uint64_t *hashes = xcalloc(KEYS, sizeof(*hashes)), random = 4711;

	(void)state;
	for (int shape = 0; shape < 4; shape++) {
		unsigned int uneven = 0, alike = 0;

		for (int round = 0; round < SECRETS; round++) {
			unsigned int buckets[1024] = { 0 };
			double chi = 0, mean = KEYS / 1024.;
			uint64_t secret[FLOW_KEY_WORDS];

			for (int i = 0; i < FLOW_KEY_WORDS; i++)
				secret[i] = random_u64(&random);
			for (uint32_t i = 0; i < KEYS; i++) {
				struct flow_key key = near_key(shape, i);

				hashes[i] = flow_hash((const void *)&key, (const void *)secret);
				buckets[flow_hash_bucket(hashes[i], 1024)]++;
			}
			for (int i = 0; i < 1024; i++)
				chi += (buckets[i] - mean) * (buckets[i] - mean) / mean;
			uneven += chi > 1023 + 6 * sqrt(2 * 1023);
			qsort(hashes, KEYS, sizeof(*hashes), ascending);
			for (uint32_t i = 1; i < KEYS; i++)
				alike += hashes[i] == hashes[i - 1];
		}
		assert_int_equal(uneven, 0);
		assert_int_equal(alike, 0);
	}
	free(hashes);
}

/* P(X >= k), X binomial of n draws with probability p. */
static double binomial_tail(unsigned int n, unsigned int k, double p)
{
	double sum = 0;

	for (unsigned int i = k; i <= n; i++)
		sum += exp(lgamma(n + 1.) - lgamma(i + 1.) - lgamma(n - i + 1.) + i * log(p) +
			   (n - i) * log1p(-p));
	return sum;
}

static unsigned int seeds(void)
{
	const char *n = getenv("SEEDS");

	return n ? strtoul(n, NULL, 10) : 1000;
}

static void test_logarithm(void **state)
{
	double sum = 0;

	(void)state;
	for (unsigned int i = 0; i <= LN_STEPS; i++)
		assert_true(fabs(ldexp(ln_table[i], -LN_SHIFT) - log1p((double)i / LN_STEPS)) < 1e-7);
	for (uint64_t i = 1; i < 1ull << 32; i += 77777) {
		double right = -log((i | 1) * 0x1p-32), got = ldexp(ln_exponential(i), -LN_SHIFT);

		assert_true(fabs(got - right) < 4e-6);
		sum += got;
	}
	assert_true(fabs(sum / ((1ull << 32) / 77777.) - 1) < 1e-3);
}

static void test_exact_while_there_is_room(void **state)
{
	struct bench b = bench_new(&(struct flow_config){ ALL_FIELDS, 4096, 1000, 0, 20 }, 2);
	struct flow_report *r;

	(void)state;
	for (uint32_t round = 1; round <= 3; round++) {
		uint64_t bytes = 0, packets = 0;

		for (uint32_t i = 0; i < 200; i++) {
			struct flow_key key = key_of(i);

			for (uint32_t k = 0; k <= i; k++, packets++) {
				packet(&b, k & 1, &key, 60 + i * round);
				bytes += 60 + i * round;
			}
		}
		r = interval_end(&b, round * SECOND);
		assert_int_equal(r->interval, round);
		assert_int_equal(r->start_ns, (round - 1) * SECOND);
		assert_int_equal(r->end_ns, round * SECOND);
		assert_int_equal(r->bytes, bytes);
		assert_int_equal(r->packets, packets);
		assert_int_equal(r->lost_bytes, 0);
		assert_int_equal(r->lost_packets, 0);
		assert_int_equal(r->flows.len, 200);
		assert_true(r->complete && r->sampling == 1 && r->miss == 0 && r->unseen_max == 0);
		for (uint32_t i = 0; i < 200; i++) {
			const struct flow_record *record = vec_at(&r->flows, 199 - i);
			struct flow_key key = key_of(i);

			assert_memory_equal(&record->key, &key, sizeof(key));
			assert_true(record->exact);
			assert_int_equal(record->bytes, (i + 1) * (60 + i * round));
			assert_int_equal(record->low, record->bytes);
			assert_int_equal(record->high, record->bytes);
			assert_int_equal(record->packets, i + 1);
			if (i == 199)
				assert_int_equal(record->intervals, round - 1);
		}
		flow_report_free(r);
	}
	bench_free(&b);
}

static void test_masks(void **state)
{
	struct flow_key a = key_of(1), b6 = { .family = 6, .protocol = 6, .sport = 9, .dport = 80 };
	struct { unsigned int fields; size_t flows; } cases[] = {
		{ FLOW_IP_SRC, 2 }, { FLOW_IP_PROTO, 2 }, { FLOW_L4_DST, 2 }, { FLOW_L4_SRC, 3 },
		{ FLOW_IP_DST, 2 }, { ALL_FIELDS, 4 },
	};

	(void)state;
	b6.source[15] = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow_config config = { cases[i].fields, 64, 1000, 0, 20 };
		struct bench b = bench_new(&config, 1);
		struct flow_report *r;
		struct flow_key key;

		packet(&b, 0, &a, 100);
		key = a, key.sport = 7;
		packet(&b, 0, &key, 100);
		packet(&b, 0, &b6, 100);
		key = b6, key.dport = a.dport;
		packet(&b, 0, &key, 100);
		r = interval_end(&b, SECOND);
		assert_int_equal(r->flows.len, cases[i].flows);
		flow_report_free(r);
		bench_free(&b);
	}
}

/* Churn: mice that come and go, and elephants; what each flow really sent is in @truth. */
static void churn(const struct bench *b, uint64_t *random, uint32_t mice, uint32_t elephants,
		  uint32_t elephant_bytes, uint64_t *truth)
{
	uint32_t left = elephants * (elephant_bytes / 500), mouse = elephants;

	while (mouse < elephants + mice || left) {
		uint32_t bytes = 60 + random_u64(random) % 400, number = mouse;

		if (left && random_u64(random) % (4 * mice) < left * 5) {
			number = left-- % elephants;
			bytes = 500;
		} else if (mouse >= elephants + mice) {
			continue;
		} else if (random_u64(random) % 3 == 0) {
			mouse++;
		}
		struct flow_key key = key_of(number);

		packet(b, number % b->cpus && random_u64(random) & 1, &key, bytes);
		truth[number] += bytes;
	}
}

static void test_bounds_are_sure(void **state)
{
	enum { MICE = 3000, ELEPHANTS = 40 };
	static uint64_t truth[MICE + ELEPHANTS + 1];

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct bench b = bench_new(&small, 2);
		uint64_t random = seed * 77777, sum, total;

		random_state = seed * 1234567;
		for (int interval = 1; interval <= 3; interval++) {
			static bool seen[MICE + ELEPHANTS + 1];
			struct flow_report *r;

			memset(truth, 0, sizeof(truth));
			memset(seen, 0, sizeof(seen));
			churn(&b, &random, MICE, ELEPHANTS, 20000, truth);
			r = interval_end(&b, interval * SECOND);
			sum = r->lost_bytes;
			total = 0;
			for (size_t i = 0; i < r->flows.len; i++) {
				const struct flow_record *record = vec_at(&r->flows, i);
				uint32_t number;

				memcpy(&number, record->key.source, sizeof(number));
				assert_in_range(truth[number], record->low, record->high);
				assert_in_range(record->bytes, record->low, record->high);
				assert_int_equal(record->exact, record->low == record->high);
				seen[number] = true;
				sum += record->low;
			}
			for (uint32_t i = 0; i <= MICE + ELEPHANTS; i++) {
				total += truth[i];
				if (!seen[i])
					assert_in_range(truth[i], 0, r->unseen_max);
			}
			assert_int_equal(r->bytes, total);
			assert_int_equal(sum, total);
			assert_true(r->evicted && r->lost_packets && r->sampling < 1);
			flow_report_free(r);
		}
		bench_free(&b);
	}
}

/*
 * A flow of just the threshold among mice, in a memory that is much too small: it may be missed no
 * more often than the report says beforehand. And what is said must not be empty: a
 * flow three times as large must be found more often.
 */
static void test_miss_probability(void **state)
{
	enum { MICE = 1500, ELEPHANTS = 4, SMALL = 24000, LARGE = 60000 };
	static uint64_t truth[MICE + ELEPHANTS + 1];
	unsigned int missed[2] = { 0 }, n = 0, most = seeds();
	double stated[2] = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= most; seed++) {
		for (int large = 0; large < 2; large++) {
			struct flow_config config = small;
			uint64_t random = seed * 1000003 + large;
			struct flow_report *r;
			struct bench b;

			config.threshold_ppm = 0;
			config.threshold_Bps = large ? LARGE : SMALL;
			b = bench_new(&config, 1);
			bench_seed(&b, seed * 2 + large);
			memset(truth, 0, sizeof(truth));
			churn(&b, &random, MICE, ELEPHANTS, config.threshold_Bps, truth);
			r = interval_end(&b, SECOND);
			assert_int_equal(r->threshold, config.threshold_Bps);
			for (uint32_t i = 0; i < ELEPHANTS; i++) {
				struct flow_key key = key_of(i);
				bool found = record_of(r, &key);

				assert_int_equal(truth[i], config.threshold_Bps);
				assert_true(found || !r->complete);
				missed[large] += !found;
				n += !large;
			}
			stated[large] += r->miss * ELEPHANTS;
			flow_report_free(r);
			bench_free(&b);
		}
	}
	for (int large = 0; large < 2; large++) {
		print_message("# seeds 1..%u: of %u flows of %u bytes missed %u, stated at most %.1f\n", most, n,
			      large ? LARGE : SMALL, missed[large], stated[large]);
		if (missed[large] > stated[large])
			assert_true(binomial_tail(n, missed[large], stated[large] / n) > LEVEL);
	}
	assert_true(stated[1] < stated[0] && stated[0] < n);
	assert_true(missed[0] > 0);
}

/* One byte of each block, wherever the block's bytes come from: p is what it says. */
static void test_sampling_rate(void **state)
{
	struct flow_epoch e = { .secret = 0x9d2c5680deadbeef | 1 };

	(void)state;
	for (e.shift = 4; e.shift < 16; e.shift++) {
		for (uint32_t bytes = 1; bytes <= 3000; bytes = bytes * 3 + 1) {
			unsigned int hits = 0, n = 0;
			uint32_t lost = 0;
			double p = fmin(1, ldexp(bytes, -(int)e.shift)), low = p, high = p;

			for (; n < 40000; n++, lost += bytes)
				hits += !!sampled_rest(&e, e.shift, lost, bytes);
			/* what is sampled twice in one packet counts once */
			if (bytes < 2u << e.shift)
				low = p < 1 ? p * (1 - p / 2) : .8;
			assert_true(hits <= n * high + 6 * sqrt(n * high) && hits >= n * low - 6 * sqrt(n));
		}
	}
	/* a cell at its end draws */
	e.shift = 10;
	random_state = 5;
	unsigned int hits = 0;
	for (int i = 0; i < 100000; i++)
		hits += !!sampled_rest(&e, 3, FLOW_LOST_MAX, 102);
	assert_in_range(hits, 9500, 10500);
}

static void test_budget(void **state)
{
	struct bench b = bench_new(&small, 1);
	uint64_t n = 0;

	(void)state;
	random_state = 99;
	/* nothing but flows of one packet: the worst there is */
	for (uint32_t i = 0; i < 2000000; i++, n++) {
		struct flow_key key = key_of(i);

		packet(&b, 0, &key, 1500);
	}
	for (int interval = 1; interval <= 2; interval++) {
		struct flow_report *r = interval_end(&b, interval * SECOND);

		assert_true(r->sampled <= n / FLOW_SAMPLED_ONE_IN + 40 * FLOW_WINDOW);
		assert_true(r->sampled >= n / FLOW_SAMPLED_ONE_IN / 8);
		flow_report_free(r);
		for (n = 0; n < 500000; n++) {
			struct flow_key key = key_of(n);

			packet(&b, 0, &key, 1500);
		}
	}
	bench_free(&b);
}

/* A cell that came to its end bounds nothing by itself; the sums still do. */
static void test_full_cell(void **state)
{
	struct bench b = bench_new(&(struct flow_config){ ALL_FIELDS, 8, 1000, 0, 20 }, 1);
	struct flow_epoch *e = (void *)(element(&b, 0) + 1);
	struct flow_cells *cells = cells_at(e, 0);
	struct flow_report *r;

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		struct flow_key key = key_of(i);

		packet(&b, 0, &key, 1000000000);
		packet(&b, 0, &key, 1000000000);
	}
	e->shift = FLOW_SHIFT_MAX;
	for (int cell = 0; cell < FLOW_CELLS; cell++)
		cells->lost[cell] = FLOW_LOST_MAX - 100;
	e->bytes += 4ull * (FLOW_LOST_MAX - 100);	/* what the cells say */
	for (uint32_t i = 100; i < 150; i++) {
		struct flow_key key = key_of(i);

		packet(&b, 0, &key, 9000);
	}
	r = interval_end(&b, SECOND);
	assert_true(r->unseen_max >= FLOW_LOST_MAX);
	for (size_t i = 0; i < r->flows.len; i++) {
		const struct flow_record *record = vec_at(&r->flows, i);

		assert_true(record->low <= record->bytes && record->bytes <= record->high);
	}
	flow_report_free(r);
	bench_free(&b);
}

static void test_kept(void **state)
{
	struct bench b = bench_new(&small, 1);
	struct flow_key elephant = key_of(1);
	struct flow_report *r;

	(void)state;
	for (int interval = 1; interval <= 4; interval++) {
		const struct flow_record *record;

		/* mice first, so that only what was kept finds a place */
		for (uint32_t i = 0; i < (interval > 1 ? 500 : 0); i++) {
			struct flow_key key = key_of(1000 * interval + i);

			packet(&b, 0, &key, 60);
		}
		for (int i = 0; i < 100; i++)
			packet(&b, 0, &elephant, 1500);
		r = interval_end(&b, interval * SECOND);
		record = vec_at(&r->flows, 0);
		assert_memory_equal(&record->key, &elephant, sizeof(elephant));
		assert_true(record->exact);
		assert_int_equal(record->bytes, 150000);
		assert_int_equal(record->intervals, interval - 1);
		flow_report_free(r);
	}
	/* gone for an interval: not reported, and no longer kept */
	r = interval_end(&b, 5 * SECOND);
	assert_int_equal(r->flows.len, 0);
	flow_report_free(r);
	packet(&b, 0, &elephant, 1500);
	r = interval_end(&b, 6 * SECOND);
	assert_int_equal(((struct flow_record *)r->flows.data)->intervals, 0);
	flow_report_free(r);
	bench_free(&b);
}

static void test_refused(void **state)
{
	struct bench b = bench_new(&small, 2);
	struct flow_config other = small;
	struct flow_report *r;
	struct flow *f;

	(void)state;
	assert_true(flow_fits(b.memory, b.size, 2, &small));
	assert_false(flow_fits(b.memory, b.size - 1, 2, &small));
	other.fields = FLOW_IP_SRC;
	assert_false(flow_fits(b.memory, b.size, 2, &other));
	assert_int_equal(flow_new(b.memory, b.size, 2, &other, 0, &f), -EPROTO);
	assert_int_equal(flow_configure(b.flow, &other), -EPROTO);
	other = small;
	other.slots = 32;
	assert_false(flow_fits(b.memory, b.size, 2, &other));
	other.slots = 63;
	assert_int_equal(flow_new(b.memory, b.size, 2, &other, 0, &f), -EINVAL);
	other = small;
	other.threshold_ppm = 0;
	assert_int_equal(flow_configure(b.flow, &other), -EINVAL);
	other.threshold_Bps = 5;
	assert_int_equal(flow_configure(b.flow, &other), 0);
	assert_int_equal(flow_read(b.flow, &r), -EAGAIN);
	assert_int_equal(flow_swap(b.flow, 1), 0);
	assert_int_equal(flow_swap(b.flow, 2), -EBUSY);
	bench_free(&b);
}

/*
 * A daemon dies at each point of a swap: what the memory looks like then is put together from
 * the memory before and after. The next daemon goes on, and not a byte is missing.
 */
static void test_daemon_dies(void **state)
{
	enum { NOTHING, HALF_PREPARED, PREPARED, HALF_FLIPPED, FLIPPED, STATES };
	struct flow_key key = key_of(7);

	(void)state;
	for (int when = NOTHING; when < STATES; when++) {
		struct bench b = bench_new(&small, 2), next;
		uint64_t reported = 0, sent = 0;
		struct flow_report *r;
		char *before;

		for (int i = 0; i < 10; i++, sent += 2000) {
			packet(&b, 0, &key, 1500);
			packet(&b, 1, &key, 500);
		}
		r = interval_end(&b, SECOND);
		reported += r->bytes;
		flow_report_free(r);
		for (int i = 0; i < 10; i++, sent += 1100) {
			packet(&b, 0, &key, 1000);
			packet(&b, 1, &key, 100);
		}
		before = xcalloc(1, b.size);
		memcpy(before, b.memory, b.size);
		assert_int_equal(flow_swap(b.flow, 2 * SECOND), 0);
		if (when <= HALF_PREPARED)
			memcpy(b.memory + b.size / 2, before + b.size / 2, b.size / 2);
		if (when == NOTHING)
			memcpy(b.memory, before, b.size);
		else if (when <= PREPARED)
			element(&b, 0)->epoch ^= 1;
		if (when == PREPARED || when == HALF_FLIPPED)
			element(&b, 1)->epoch ^= 1;
		free(before);

		/* packets go on before the next daemon comes */
		for (int i = 0; i < 10; i++, sent += 70) {
			packet(&b, 0, &key, 10);
			packet(&b, 1, &key, 60);
		}
		next = b;
		assert_int_equal(flow_new(b.memory, b.size, 2, &small, 9 * SECOND, &next.flow), 0);
		assert_int_equal(flow_pending(next.flow), when >= HALF_FLIPPED);
		if (flow_pending(next.flow)) {
			assert_int_equal(flow_read(next.flow, &r), 0);
			assert_int_equal(r->interval, 2);
			assert_int_equal(r->end_ns, 2 * SECOND);
			reported += r->bytes;
			flow_report_free(r);
		}
		for (int i = 0; i < 10; i++, sent += 5)
			packet(&b, 1, &key, 5);
		r = interval_end(&next, 10 * SECOND);
		reported += r->bytes;
		assert_int_equal(r->lost_bytes, 0);
		flow_report_free(r);
		r = interval_end(&next, 11 * SECOND);
		assert_int_equal(r->bytes, 0);
		flow_report_free(r);
		assert_int_equal(reported, sent);
		flow_free(next.flow);
		bench_free(&b);
	}
}

static void count_packet(struct flow_control *control, uint64_t *key, uint32_t bytes)
{
	flow_count(control, (__u64 *)key, bytes);
}

static void contest(const char *name, const struct traffic *t, size_t bytes)
{
	struct accuracy a;

	random_state = 4711;
	measure_config = flow_measure_config(FLOW_FIELDS, accuracy_slots(bytes));
	accuracy_measure(&a, t, 5, bytes, count_packet, 1);
	print_message("# %s, %zu kB, %u windows of 5 s: error of the top %u %.4f %% (worst window %.3f %%), "
		      "recall %.4f; NetFlow 1:%u %.2f %%, %.3f: %.0f times\n",
		      name, bytes >> 10, a.windows, ACCURACY_TOP, 100 * a.error, 100 * a.error_max,
		      a.recall, a.netflow_n, 100 * a.netflow_error, a.netflow_recall,
		      a.netflow_error / a.error);
	assert_int_equal(a.outside, 0);
	if (bytes < 65536)
		return;
	assert_true(a.recall > .995);	/* the memory's secrets differ from run to run */
	assert_true(a.error * 10 < a.netflow_error);
	assert_true(a.sampled_max < .06);
}

static const char *data_folder(void)
{
	const char *data = getenv("SLUICE_DATA");

	return data ? data : "../shared/data";
}

static void test_agh(void **state)
{
	struct traffic_model model = { TRAFFIC_MODEL_AGH };
	struct text histogram = { 0 };
	struct traffic t;

	(void)state;
	if (traffic_read_agh(data_folder(), &histogram)) {
		print_message("# no pcap/agh-flow-models.tar.xz in SLUICE_DATA\n");
		skip();
	}
	model.seconds = 15;
	model.seed = 3;
	assert_int_equal(traffic_generate(&t, text_string(&histogram), &model), 0);
	text_free(&histogram);
	contest("AGH flow models", &t, 16384);
	contest("AGH flow models", &t, 65536);
	traffic_free(&t);
}

static void test_mix(void **state)
{
	struct text path = { 0 };
	struct traffic t;
	int err;

	(void)state;
	text_printf(&path, "%s/pcap/derived-ndpi42-mix-60s-snap96.pcap.gz", data_folder());
	err = traffic_read_pcap(&t, text_string(&path));
	text_free(&path);
	if (err) {
		print_message("# no pcap/derived-ndpi42-mix-60s-snap96.pcap.gz in SLUICE_DATA\n");
		skip();
	}
	contest("nDPI mix", &t, 16384);
	contest("nDPI mix", &t, 65536);
	traffic_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_logarithm),
		cmocka_unit_test(test_exact_while_there_is_room),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_bounds_are_sure),
		cmocka_unit_test(test_miss_probability),
		cmocka_unit_test(test_sampling_rate),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_full_cell),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_daemon_dies),
		cmocka_unit_test(test_agh),
		cmocka_unit_test(test_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * report.c: an interval's counts become estimates with bounds.
 *
 * An entry that was admitted into a free place counted every byte. One that was admitted by
 * sampling, when a byte that is not held was admitted at the rate 1 / s, has lost
 * an exponential number of bytes of mean s, in whole packets: with packets of L bytes,
 * L / (e^(L/s) - 1) on average. And surely it lost no more than its cell had lost by then, so the
 * lesser of the two is added. The bounds are sure, not probable: each byte of a flow
 * was either counted in its entry, or in its cell, on the CPU where it came in; so low is what the
 * entries counted, and high adds what the cells had when the entries were admitted, and all
 * that they have on CPUs where the flow is not held.
 *
 * A flow without a record lies wholly in its cells: unseen_max. Where that is less than the
 * threshold, no flow above the threshold was missed, for certain. Beforehand the probability is the
 * mean over the buckets, since the hash is secret: a full bucket passes over t bytes of a flow with
 * probability e^-(t/s) at most, s the greater of the block and the lightest entry's weight;
 * and an entry that weighs w may have been evicted, having counted at most w.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "flow/memory.h"

double flow_correction(const struct flow_entry *entry)
{
	double packet, mean;

	if (!entry->lost || !entry->scale || !entry->packets)
		return 0;
	packet = (double)entry->bytes / entry->packets;
	mean = packet / expm1(packet / entry->scale);
	return fmin(mean, entry->lost);
}

/* Sums of one flow over the CPUs. */
struct sums {
	double bytes, packets;
	uint64_t low;
	uint64_t lost;		/* at most, where it is held */
	uint64_t held_cells;	/* its cells there, which do not count again */
	unsigned int age;
};

/* One CPU's interval. */
struct part {
	const struct flow_control *control;
	struct flow_epoch *epoch;
	const __u64 *tags;
	const struct flow_cells *cells;
	const struct flow_entry *entries;
	uint64_t held;		/* bytes in entries */
};

/* A cell that came to its end says only that it lost no more than the CPU did. */
static uint64_t lost_bytes(const struct part *p, uint32_t cell)
{
	return cell < FLOW_LOST_MAX ? cell : p->epoch->bytes - p->held;
}

static uint64_t cell_of(const struct part *p, const uint64_t key[FLOW_KEY_WORDS])
{
	uint64_t hash = flow_hash((const void *)key, p->control->hash_key);
	const struct flow_cells *cells = &p->cells[flow_hash_bucket(hash, p->control->buckets)];

	return lost_bytes(p, cells->lost[FLOW_CELL(flow_hash_tag(hash))]);
}

static bool held(const struct part *p, uint32_t slot)
{
	return flow_tag(p->tags[slot / FLOW_WAYS], slot % FLOW_WAYS);
}

static void add_entries(struct part *p, struct flow_report *r, struct table *flows)
{
	uint32_t slots = p->control->buckets * FLOW_WAYS;
	uint64_t packets = 0;

	for (uint32_t i = 0; i < slots; i++) {
		if (held(p, i)) {
			p->held += p->entries[i].bytes;
			packets += p->entries[i].packets;
			r->used++;
		}
	}
	for (uint32_t i = 0; i < slots; i++) {
		const struct flow_entry *entry = &p->entries[i];
		double correction;
		struct sums *s;

		if (!held(p, i) || !entry->packets)
			continue;
		correction = flow_correction(entry);
		s = table_put(flows, entry->key, NULL);
		s->low += entry->bytes;
		s->bytes += entry->bytes + correction;
		s->packets += entry->packets + correction * entry->packets / entry->bytes;
		s->lost += lost_bytes(p, entry->lost);
		s->held_cells += cell_of(p, (const void *)entry->key);
		if (entry->age > s->age)
			s->age = entry->age;
	}
	r->bytes += p->epoch->bytes;
	r->packets += p->epoch->packets;
	r->lost_bytes += p->epoch->bytes - p->held;
	r->lost_packets += p->epoch->packets - packets;
	r->sampled += p->epoch->sampled;
	r->evicted += p->epoch->evicted;
	r->slots += slots;
}

static int by_bytes(const void *a, const void *b)
{
	const struct flow_record *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void add_records(struct flow_report *r, const struct table *flows, const struct part *parts,
			unsigned int n)
{
	const void *key;
	size_t pos = 0;
	void *value;

	vec_reserve(&r->flows, flows->len);
	while (table_next(flows, &pos, &key, &value)) {
		struct flow_record *record = vec_push(&r->flows);
		const struct sums *s = value;
		uint64_t cells = 0;

		for (unsigned int i = 0; i < n; i++)
			cells += cell_of(&parts[i], key);
		memcpy(&record->key, key, sizeof(record->key));
		record->low = s->low;
		record->high = s->low + s->lost + cells - s->held_cells;
		record->exact = record->low == record->high;
		record->bytes = s->bytes + .5;
		record->packets = s->packets + .5;
		record->intervals = s->age;
	}
	qsort(r->flows.data, r->flows.len, sizeof(struct flow_record), by_bytes);
}

static uint64_t greatest_cell(const struct part *p)
{
	uint64_t greatest = 0;

	for (uint32_t i = 0; i < p->control->buckets * FLOW_CELLS; i++) {
		uint64_t lost = lost_bytes(p, p->cells[i / FLOW_CELLS].lost[i % FLOW_CELLS]);

		if (lost > greatest)
			greatest = lost;
	}
	return greatest;
}

/* The probability that this CPU has no entry for @bytes of a flow that came in here. */
static double miss_probability(const struct part *p, uint64_t bytes)
{
	double block = 1ull << p->epoch->shift_max, sum = 0;

	for (uint32_t i = 0; i < p->control->buckets; i++) {
		double lightest = INFINITY, rate = block;

		if (!held(p, i * FLOW_WAYS + FLOW_WAYS - 1))
			continue;
		for (int way = 0; way < FLOW_WAYS; way++) {
			const struct flow_entry *e = &p->entries[i * FLOW_WAYS + way];

			lightest = fmin(lightest, e->bytes + fmin(e->scale, e->lost) + FLOW_PRIOR(e->prior));
			rate = fmax(rate, e->scale);
		}
		rate = fmax(rate, lightest);
		sum += bytes > lightest ? exp(-(bytes - lightest) / rate) : 1;
	}
	return sum / p->control->buckets;
}

int flow_read(struct flow *f, struct flow_report **out)
{
	struct table flows = TABLE(struct flow_key, struct sums);
	struct part *parts = xcalloc(f->cpus, sizeof(*parts));
	struct flow_report *r = xcalloc(1, sizeof(*r));
	unsigned int n = 0, shift = 0;

	r->flows = VEC(struct flow_record);
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++) {
		struct flow_epoch *e = flow_idle(f, cpu);

		if (!flow_unread(f, cpu))
			continue;
		r->interval = e->interval;
		r->start_ns = e->start_ns;
		r->end_ns = flow_active(f, cpu)->start_ns;
		parts[n] = (struct part){ flow_control(f, cpu), e, flow_tags(e), flow_cells(f, e),
					  flow_entries(f, e), 0 };
		add_entries(&parts[n++], r, &flows);
	}
	add_records(r, &flows, parts, n);
	r->threshold = flow_threshold(&f->config, r->bytes, r->end_ns - r->start_ns);
	for (unsigned int i = 0; i < n; i++) {
		r->unseen_max += greatest_cell(&parts[i]);
		r->miss = fmax(r->miss, miss_probability(&parts[i], r->threshold));
		if (parts[i].epoch->shift_max > shift && r->lost_bytes)
			shift = parts[i].epoch->shift_max;
	}
	r->complete = r->unseen_max < r->threshold;
	r->sampling = ldexp(1, -(int)shift);
	for (unsigned int i = 0; i < n; i++)
		__atomic_store_n(&parts[i].epoch->state, FLOW_READ, __ATOMIC_RELEASE);
	table_free(&flows);
	free(parts);
	if (!n) {
		flow_report_free(r);
		return -EAGAIN;
	}
	*out = r;
	return 0;
}

void flow_report_free(struct flow_report *r)
{
	if (r)
		vec_free(&r->flows);
	free(r);
}

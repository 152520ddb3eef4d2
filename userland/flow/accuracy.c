// SPDX-License-Identifier: GPL-2.0
/*
 * accuracy.c: how far estimates are from the truth, and NetFlow's beside them.
 */
#include "flow/accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

struct window {
	const struct traffic_packet *packets;
	size_t n;
	uint64_t *truth;		/* bytes, by flow number */
	uint32_t top[ACCURACY_TOP];
	unsigned int tops;
};

struct contest {
	const struct traffic *traffic;
	struct table numbers;		/* struct flow_key -> uint32_t */
	struct window *windows;
	unsigned int n;
	double *estimate;		/* by flow number; 0: no record */
};

unsigned int accuracy_slots(size_t bytes)
{
	size_t bucket = flow_epoch_size(1) - flow_epoch_size(0);

	return (bytes - flow_epoch_size(0)) / bucket * FLOW_WAYS;
}

static void find_top(struct window *w, size_t flows)
{
	for (uint32_t i = 0; i < flows; i++) {
		unsigned int at = w->tops;

		if (!w->truth[i] ||
		    (at == ACCURACY_TOP && w->truth[i] <= w->truth[w->top[at - 1]]))
			continue;
		if (at == ACCURACY_TOP)
			at--;
		else
			w->tops++;
		for (; at && w->truth[w->top[at - 1]] < w->truth[i]; at--)
			w->top[at] = w->top[at - 1];
		w->top[at] = i;
	}
}

static void cut_windows(struct contest *c, double window_s)
{
	const struct traffic_packet *p = c->traffic->packets.data, *end = p + c->traffic->packets.len;
	struct vec windows = VEC(struct window);

	while (p < end) {
		struct window *w = vec_push(&windows);

		w->packets = p;
		w->truth = xcalloc(c->traffic->keys.len, sizeof(*w->truth));
		for (; p < end && p->time_us < windows.len * window_s * 1e6; p++, w->n++)
			w->truth[p->flow] += p->bytes;
		find_top(w, c->traffic->keys.len);
	}
	c->windows = windows.data;
	c->n = windows.len;
}

/* Mean relative error over the top of @w, and the share of it that has an estimate. */
static double judge(const struct contest *c, const struct window *w, double *recall)
{
	double error = 0;
	unsigned int found = 0;

	for (unsigned int i = 0; i < w->tops; i++) {
		double truth = w->truth[w->top[i]], estimate = c->estimate[w->top[i]];

		error += fabs(estimate - truth) / truth;
		found += estimate > 0;
	}
	*recall = w->tops ? (double)found / w->tops : 1;
	return w->tops ? error / w->tops : 0;
}

/* One window of packets sampled 1:n. Return: flows that take an entry. */
static size_t netflow_window(struct contest *c, const struct window *w, unsigned int n,
			     uint64_t *random)
{
	size_t entries = 0;

	memset(c->estimate, 0, c->traffic->keys.len * sizeof(*c->estimate));
	for (size_t i = 0; i < w->n; i++) {
		const struct traffic_packet *p = &w->packets[i];

		if (n > 1 && random_unit(random) * n >= 1)
			continue;
		entries += !c->estimate[p->flow];
		c->estimate[p->flow] += (double)p->bytes * n;
	}
	return entries;
}

/* The best that NetFlow could have done: for each window, the least N that fits. */
static void run_netflow(struct accuracy *a, struct contest *c, size_t entries, uint64_t *random)
{
	for (unsigned int i = 0; i < c->n; i++) {
		const struct window *w = &c->windows[i];
		unsigned int high = 1, low = 0;
		double recall;

		while (netflow_window(c, w, high, random) > entries) {
			low = high;
			high *= 2;
		}
		while (high - low > 1) {
			unsigned int middle = (low + high) / 2;

			if (netflow_window(c, w, middle, random) > entries)
				low = middle;
			else
				high = middle;
		}
		netflow_window(c, w, high, random);
		a->netflow_error += judge(c, w, &recall) / c->n;
		a->netflow_recall += recall / c->n;
		if (high > a->netflow_n)
			a->netflow_n = high;
	}
}

static void take_report(struct accuracy *a, struct contest *c, const struct window *w,
			const struct flow_report *r)
{
	memset(c->estimate, 0, c->traffic->keys.len * sizeof(*c->estimate));
	for (size_t i = 0; i < r->flows.len; i++) {
		const struct flow_record *record = vec_at(&r->flows, i);
		const uint32_t *number = table_get(&c->numbers, &record->key);

		c->estimate[*number] = record->bytes;
		a->outside += w->truth[*number] < record->low || w->truth[*number] > record->high;
	}
	if (r->packets && (double)r->sampled / r->packets > a->sampled_max)
		a->sampled_max = (double)r->sampled / r->packets;
}

void accuracy_measure(struct accuracy *a, const struct traffic *t, double window_s, size_t bytes,
		      void (*count)(struct flow_control *element, uint64_t *key, uint32_t bytes),
		      uint64_t seed)
{
	struct flow_config config = { .fields = FLOW_IP_SRC | FLOW_IP_DST | FLOW_IP_PROTO |
				      FLOW_L4_SRC | FLOW_L4_DST, .slots = accuracy_slots(bytes),
				      .threshold_ppm = 1000, .oversampling = 20 };
	struct contest c = { .traffic = t, .numbers = TABLE(struct flow_key, uint32_t) };
	size_t size = flow_map_size(config.slots, 1);
	uint64_t random = seed * 0x9e3779b97f4a7c15ull | 1;
	void *memory = xcalloc(1, size);
	struct flow *f = NULL;

	*a = (struct accuracy){ 0 };
	c.estimate = xcalloc(t->keys.len, sizeof(*c.estimate));
	for (uint32_t i = 0; i < t->keys.len; i++)
		*(uint32_t *)table_put(&c.numbers, vec_at(&t->keys, i), NULL) = i;
	cut_windows(&c, window_s);
	if (flow_new(memory, size, 1, &config, 0, &f))
		abort();
	for (unsigned int i = 0; i < c.n; i++) {
		const struct window *w = &c.windows[i];
		struct flow_report *r;
		double error, recall;

		for (size_t k = 0; k < w->n; k++) {
			uint64_t key[FLOW_KEY_WORDS];

			memcpy(key, vec_at(&t->keys, w->packets[k].flow), sizeof(key));
			count(memory, key, w->packets[k].bytes);
		}
		if (flow_swap(f, (i + 1) * window_s * 1e9) || flow_read(f, &r))
			abort();
		take_report(a, &c, w, r);
		flow_report_free(r);
		error = judge(&c, w, &recall);
		a->error += error / c.n;
		a->error_max = fmax(a->error_max, error);
		a->recall += recall / c.n;
	}
	a->windows = c.n;
	run_netflow(a, &c, bytes / ACCURACY_NETFLOW_ENTRY, &random);
	for (unsigned int i = 0; i < c.n; i++)
		free(c.windows[i].truth);
	free(c.windows);
	free(c.estimate);
	table_free(&c.numbers);
	flow_free(f);
	free(memory);
}

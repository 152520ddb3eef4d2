// SPDX-License-Identifier: GPL-2.0
/*
 * epoch.c: the flow memory's life: made, adopted, swapped.
 *
 * Each CPU has two epochs, and a word that says which is active. All CPUs' active epochs have one
 * interval number, save while a swap is under way, which goes
 *
 *	each CPU:	idle.state = NEW, cleared and filled, interval = active's + 1, state = READY
 *	each CPU:	the word flips
 *
 * and after the grace period flow_read() (report.c) sets the idle state = READ. A daemon that
 * dies leaves one of these behind, and the next one does what is written beside it:
 *
 *	idle's interval is greater, any state	it was being prepared: prepare it again at the next swap
 *	some CPUs' words flipped		flip the others (flow_new)
 *	idle's interval is less, READY		not read: flow_pending()
 *	idle's interval is less, READ		nothing to do
 *
 * Keep. The flows above the threshold are put into the next epoch before it begins, so
 * that they are held, and exact, from its first byte: at most half of a bucket, with a
 * sixteenth of their weight, since many elephants of one interval are gone in the next, and their
 * places are then worth more to others. Mean errors in 16 kB, with AGH traffic and the nDPI mix:
 * 1.2 and 6.4 % so; 2.4 and 7.9 % if all are kept with half their weight. They are
 * picked from the active epoch while packets go on counting in it; what is read of an entry that is
 * just being replaced is a wrong hint at worst, never a wrong count.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "flow/memory.h"

#define KEPT_WAYS	(FLOW_WAYS / 2)
#define KEPT_WEIGHT	(1.0 / 16)

struct flow_key flow_mask(unsigned int fields)
{
	struct flow_key mask = { 0 };

	if (fields & FLOW_IP_SRC)
		memset(mask.source, 0xff, sizeof(mask.source));
	if (fields & FLOW_IP_DST)
		memset(mask.destination, 0xff, sizeof(mask.destination));
	if (fields & (FLOW_IP_SRC | FLOW_IP_DST))
		mask.family = 0xff;
	if (fields & FLOW_IP_PROTO)
		mask.protocol = 0xff;
	if (fields & FLOW_L4_SRC)
		mask.sport = 0xffff;
	if (fields & FLOW_L4_DST)
		mask.dport = 0xffff;
	return mask;
}

size_t flow_map_size(unsigned int slots, unsigned int cpus)
{
	return flow_element_size(slots / FLOW_WAYS) * cpus;
}

static bool config_valid(const struct flow_config *c)
{
	return c->fields && c->slots && c->slots % FLOW_WAYS == 0 && c->slots <= FLOW_SLOTS_MAX &&
	       (c->threshold_ppm || c->threshold_Bps) && c->threshold_ppm <= 1000000 &&
	       c->oversampling;
}

bool flow_fits(const void *memory, size_t size, unsigned int cpus, const struct flow_config *config)
{
	const struct flow_control *control = memory;
	struct flow_key mask = flow_mask(config->fields);

	if (!cpus || size < flow_map_size(config->slots, cpus))
		return false;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		if (control->magic != FLOW_MAGIC || control->version != FLOW_VERSION ||
		    control->buckets != config->slots / FLOW_WAYS ||
		    memcmp(control->mask, &mask, sizeof(mask)))
			return false;
		control = (void *)((char *)control + flow_element_size(control->buckets));
	}
	return true;
}

/* A weight rounded down to what FLOW_PRIOR() makes of 16 bits. */
static uint16_t encode_prior(double weight)
{
	unsigned int shift = 0;

	for (; weight >= 0x800; weight /= 2)
		shift++;
	return shift < 32 ? shift << 11 | (unsigned int)weight : 0xffff;
}

struct kept {
	struct flow_entry entry;
	double weight;
};

static int by_weight(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

/* Whether an entry that was read while it may have been written is one of bucket @number. */
static bool belongs(const struct flow_control *control, const struct flow_entry *entry,
		    uint32_t number)
{
	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		if (entry->key[i] & ~control->mask[i])
			return false;
	return flow_hash_bucket(flow_hash(entry->key, control->hash_key), control->buckets) == number;
}

static void keep_bucket(const struct flow *f, unsigned int cpu, uint32_t number, uint64_t threshold)
{
	const struct flow_control *control = flow_control(f, cpu);
	struct flow_epoch *from = flow_active(f, cpu), *to = flow_idle(f, cpu);
	struct flow_entry *entries = flow_entries(f, to) + number * FLOW_WAYS;
	__u64 *tags = flow_tags(to) + number;
	struct kept kept[FLOW_WAYS];
	unsigned int n = 0;

	for (int i = 0; i < FLOW_WAYS; i++) {
		struct flow_entry entry = flow_entries(f, from)[number * FLOW_WAYS + i];
		double bytes;

		if (!flow_tag(flow_tags(from)[number], i) || !entry.packets)
			continue;
		bytes = entry.bytes + flow_correction(&entry);
		if (bytes >= threshold && belongs(control, &entry, number))
			kept[n++] = (struct kept){ entry, bytes + FLOW_PRIOR(entry.prior) };
	}
	qsort(kept, n, sizeof(*kept), by_weight);
	for (unsigned int i = 0; i < n && i < KEPT_WAYS; i++) {
		entries[i] = kept[i].entry;
		entries[i].bytes = entries[i].packets = entries[i].scale = entries[i].lost = 0;
		entries[i].prior = encode_prior(kept[i].weight * KEPT_WEIGHT);
		entries[i].age += entries[i].age < UINT16_MAX;
		*tags = flow_tags_set(*tags, i,
				      flow_hash_tag(flow_hash(entries[i].key, control->hash_key)));
	}
}

static uint64_t random_number(void)
{
	uint64_t n = 0;

	/* Cannot fail once the pool is ready, which flow_new() has seen. */
	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		abort();
	return n;
}

uint64_t flow_threshold(const struct flow_config *config, uint64_t bytes, uint64_t ns)
{
	if (config->threshold_ppm)
		return bytes * (config->threshold_ppm / 1e6);
	return config->threshold_Bps * (ns / 1e9);
}

/*
 * The idle epoch of @cpu, empty but for what is kept. Blocks begin at half of what the budget came
 * to last, and no greater than the policy's oversampling wants.
 */
static void prepare(const struct flow *f, unsigned int cpu, uint64_t interval, uint64_t now_ns,
		    uint64_t threshold)
{
	struct flow_epoch *idle = flow_idle(f, cpu), *active = flow_active(f, cpu);
	uint32_t shift = FLOW_SHIFT_MIN;

	__atomic_store_n(&idle->state, FLOW_NEW, __ATOMIC_SEQ_CST);
	idle->interval = interval;
	if (interval > 1 && active->shift > FLOW_SHIFT_MIN) {
		shift = active->shift - 1;
		while (shift > FLOW_SHIFT_MIN && (1ull << shift) * f->config.oversampling > threshold)
			shift--;
	}
	memset(flow_tags(idle), 0, (char *)flow_entries(f, idle) - (char *)flow_tags(idle));
	idle->secret = random_number() | 1;
	idle->packets = idle->bytes = idle->sampled = idle->evicted = idle->window = 0;
	idle->shift = idle->shift_max = shift;
	idle->start_ns = now_ns;
	if (threshold)
		for (uint32_t i = 0; i < f->buckets; i++)
			keep_bucket(f, cpu, i, threshold);
	__atomic_store_n(&idle->state, FLOW_READY, __ATOMIC_RELEASE);
}

static void flip(const struct flow *f, unsigned int cpu)
{
	struct flow_control *control = flow_control(f, cpu);

	__atomic_store_n(&control->epoch, control->epoch ^ 1, __ATOMIC_RELEASE);
}

/* New memory: all zero. The magic is written last: what lacks it is made again. */
static void make(const struct flow *f, uint64_t now_ns)
{
	struct flow_key mask = flow_mask(f->config.fields);
	uint64_t hash_key[FLOW_KEY_WORDS];

	for (int i = 0; i < FLOW_KEY_WORDS; i++)
		hash_key[i] = random_number();
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++) {
		struct flow_control *control = flow_control(f, cpu);

		control->epoch = 1;
		control->version = FLOW_VERSION;
		control->buckets = f->buckets;
		memcpy(control->mask, &mask, sizeof(mask));
		memcpy(control->hash_key, hash_key, sizeof(hash_key));
		flow_active(f, cpu)->interval = 0;
		prepare(f, cpu, 1, now_ns, 0);
		flow_active(f, cpu)->state = FLOW_READ;
		flip(f, cpu);
	}
	for (unsigned int cpu = f->cpus; cpu-- > 0;)
		__atomic_store_n(&flow_control(f, cpu)->magic, FLOW_MAGIC, __ATOMIC_RELEASE);
}

/* A swap that was under way is finished. */
static void adopt(const struct flow *f)
{
	uint64_t newest = 0, start_ns = 0;

	for (unsigned int cpu = 0; cpu < f->cpus; cpu++) {
		const struct flow_epoch *active = flow_active(f, cpu);

		if (active->interval > newest) {
			newest = active->interval;
			start_ns = active->start_ns;
		}
	}
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++) {
		const struct flow_epoch *idle = flow_idle(f, cpu);

		if (flow_active(f, cpu)->interval == newest)
			continue;
		if (idle->interval != newest || idle->state != FLOW_READY)
			prepare(f, cpu, newest, start_ns, 0);
		flip(f, cpu);
	}
}

int flow_new(void *memory, size_t size, unsigned int cpus, const struct flow_config *config,
	     uint64_t now_ns, struct flow **out)
{
	const struct flow_control *control = memory;
	struct flow *f;
	uint64_t probe;

	if (!config_valid(config) || !cpus || size < flow_map_size(config->slots, cpus))
		return -EINVAL;
	if (getrandom(&probe, sizeof(probe), 0) != sizeof(probe))
		return -errno;
	if (control->magic && !flow_fits(memory, size, cpus, config))
		return -EPROTO;
	f = xcalloc(1, sizeof(*f));
	*f = (struct flow){ memory, cpus, config->slots / FLOW_WAYS, *config };
	if (control->magic)
		adopt(f);
	else
		make(f, now_ns);
	*out = f;
	return 0;
}

int flow_configure(struct flow *f, const struct flow_config *config)
{
	if (!config_valid(config))
		return -EINVAL;
	if (config->fields != f->config.fields || config->slots != f->config.slots)
		return -EPROTO;
	f->config = *config;
	return 0;
}

bool flow_pending(const struct flow *f)
{
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++)
		if (flow_unread(f, cpu))
			return true;
	return false;
}

int flow_swap(struct flow *f, uint64_t now_ns)
{
	uint64_t threshold, bytes = 0, start_ns = flow_active(f, 0)->start_ns;

	if (flow_pending(f))
		return -EBUSY;
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++)
		bytes += flow_active(f, cpu)->bytes;
	threshold = flow_threshold(&f->config, bytes, now_ns - start_ns);
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++)
		prepare(f, cpu, flow_active(f, cpu)->interval + 1, now_ns, threshold ? threshold : 1);
	for (unsigned int cpu = 0; cpu < f->cpus; cpu++)
		flip(f, cpu);
	return 0;
}

void flow_free(struct flow *f)
{
	free(f);
}

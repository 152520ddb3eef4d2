// SPDX-License-Identifier: GPL-2.0
#include "base/delays.h"

/* Below 8 each number has a bucket; from there on three bits behind the first one choose it. */
static unsigned int bucket_of(uint64_t ns)
{
	unsigned int octave;

	if (ns < 8)
		return ns;
	octave = 63 - __builtin_clzll(ns) - 3;
	return (octave + 1) * 8 + (ns >> octave & 7);
}

static uint64_t last_of(unsigned int bucket)
{
	unsigned int octave = bucket / 8 - 1;

	if (bucket < 8)
		return bucket;
	return ((8ull + bucket % 8) << octave) + ((1ull << octave) - 1);
}

void delays_add(struct delays *d, uint64_t ns)
{
	d->count[bucket_of(ns)]++;
	d->all++;
	if (ns > d->longest_ns)
		d->longest_ns = ns;
}

uint64_t delays_quantile_ns(const struct delays *d, double share)
{
	uint64_t rank = share * d->all, seen = 0;

	for (unsigned int i = 0; i < DELAYS_BUCKETS; i++) {
		seen += d->count[i];
		if (seen && (seen > rank || seen == d->all))
			return last_of(i) < d->longest_ns ? last_of(i) : d->longest_ns;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath/state.h"

/* Sums the per-CPU values of one entry: all kinds are nothing but 64-bit counts. */
static int sum_entry(const struct datapath *dp, int map, uint32_t key, void *sum, size_t size)
{
	uint64_t *values = xcalloc(dp->cpus, size), *out = sum;
	size_t words = size / sizeof(*values);
	int err = bpf_map_lookup_elem(map, &key, values) ? -errno : 0;

	if (!err) {
		memset(sum, 0, size);
		for (size_t i = 0; i < dp->cpus * words; i++)
			out[i % words] += values[i];
	}
	free(values);
	return err;
}

int count_sum(const struct datapath *dp, int map, uint32_t number, struct count *count)
{
	return sum_entry(dp, map, number, count, sizeof(*count));
}

int datapath_port_stats(const struct datapath *dp, uint16_t number, struct port_stats *stats)
{
	return sum_entry(dp, dp->map[SHARED_PORT_STATS], number, stats, sizeof(*stats));
}

int datapath_counter(const struct datapath *dp, uint32_t number, struct count *count)
{
	return count_sum(dp, dp->map[SHARED_COUNTERS], number, count);
}

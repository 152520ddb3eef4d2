// SPDX-License-Identifier: GPL-2.0
/*
 * hop_counts.c: packets and bytes by next hop: which counter is whose.
 *
 * The fib asks for a counter whenever it writes a next hop, and gives it back when none in memory says it any
 * more. The name stays with the number all the same: a next hop that comes back counts on, and so does a new
 * daemon, which finds the names pinned beside the counts. Only when there is no number left are all those
 * that nobody has made free, after a grace period, for packets under way may count yet. Until this process
 * has committed a generation it does not know what the running one counts, and makes none free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/addr.h"
#include "base/table.h"
#include "datapath/map.h"
#include "datapath/state.h"

struct hop_counts {
	int counts, names;
	struct hop_names *memory;	/* mapped */
	struct table by_name;		/* struct hop_name -> uint32_t number */
	uint32_t users[HOP_COUNTERS_MAX];
	uint32_t first_free;		/* no number below it is */
};

static void name_numbers(struct hop_counts *c)
{
	c->first_free = 1;
	for (uint32_t i = 1; i < HOP_COUNTERS_MAX; i++)
		if (*c->memory->name[i].interface)
			*(uint32_t *)table_put(&c->by_name, &c->memory->name[i], NULL) = i;
}

int hop_counts_open(struct datapath *dp, struct text *why)
{
	static const struct map_shape counts = { "hop_counts", BPF_MAP_TYPE_PERCPU_ARRAY, 4,
						 sizeof(struct count), HOP_COUNTERS_MAX, 0 };
	static const struct map_shape names = { "hop_names", BPF_MAP_TYPE_ARRAY, 4,
						sizeof(struct hop_names), 1, BPF_F_MMAPABLE };
	struct hop_counts *c;
	int err = 0;

	if (dp->hop_counts)
		return 0;
	c = xcalloc(1, sizeof(*c));
	c->by_name = TABLE(struct hop_name, uint32_t);
	c->counts = map_open(dp->dir, &counts, why);
	c->names = c->counts < 0 ? -1 : map_open(dp->dir, &names, why);
	if (c->names < 0) {
		err = c->counts < 0 ? c->counts : c->names;
	} else {
		c->memory = map_memory(c->names, sizeof(*c->memory));
		if (!c->memory) {
			err = -errno;
			text_printf(why, "cannot map the names of next hops into memory: %s", strerror(-err));
		}
	}
	if (err) {
		hop_counts_free(c);
		return err;
	}
	name_numbers(c);
	dp->hop_counts = c;
	return 0;
}

void hop_counts_free(struct hop_counts *c)
{
	if (!c)
		return;
	if (c->memory)
		munmap(c->memory, sizeof(*c->memory));
	if (c->names >= 0)
		close(c->names);
	if (c->counts >= 0)
		close(c->counts);
	table_free(&c->by_name);
	free(c);
}

int datapath_count_hops(struct datapath *dp, struct text *why)
{
	return hop_counts_open(dp, why);
}

int hop_counts_use(const struct hop_counts *c, struct bpf_object *object)
{
	return map_reuse(object, "hop_counts", c->counts);
}

/* ---- numbers -------------------------------------------------------------------- */

static uint32_t find_free(struct hop_counts *c)
{
	while (c->first_free < HOP_COUNTERS_MAX && *c->memory->name[c->first_free].interface)
		c->first_free++;
	return c->first_free < HOP_COUNTERS_MAX ? c->first_free : 0;
}

/* Forgets all that no next hop has. Return: whether there was one. */
static bool make_free(const struct datapath *dp, struct hop_counts *c)
{
	uint32_t last = 0;

	if (!dp->running)
		return false;
	for (uint32_t i = HOP_COUNTERS_MAX - 1; i; i--) {
		if (c->users[i])
			continue;
		if (!last && datapath_wait())
			return false;
		last = i;
		table_del(&c->by_name, &c->memory->name[i]);
		memset(&c->memory->name[i], 0, sizeof(c->memory->name[i]));
	}
	c->first_free = last ? last : c->first_free;
	return last;
}

static int set_zero(const struct datapath *dp, const struct hop_counts *c, uint32_t number)
{
	struct count *zero = xcalloc(dp->cpus, sizeof(*zero));
	int err = bpf_map_update_elem(c->counts, &number, zero, 0) ? -errno : 0;

	free(zero);
	return err;
}

uint16_t datapath_hop_counter_get(struct datapath *dp, const struct addr *via, const char *interface)
{
	struct hop_counts *c = dp->hop_counts;
	struct hop_name name = { .family = via->family };
	uint32_t number, *known;

	memcpy(name.via, via->bytes, sizeof(name.via));
	memcpy(name.interface, interface, strnlen(interface, sizeof(name.interface) - 1));
	if (!c || !*name.interface)
		return 0;
	known = table_get(&c->by_name, &name);
	number = known ? *known : find_free(c);
	if (!number && make_free(dp, c))
		number = find_free(c);
	if (!number || (!known && set_zero(dp, c, number)))
		return 0;
	if (!known) {
		c->memory->name[number] = name;
		*(uint32_t *)table_put(&c->by_name, &name, NULL) = number;
	}
	c->users[number]++;
	return number;
}

void datapath_hop_counter_put(struct datapath *dp, uint16_t number)
{
	dp->hop_counts->users[number]--;
}

int datapath_hop_counter(const struct datapath *dp, uint32_t number, struct hop_name *name,
			 struct count *count)
{
	const struct hop_counts *c = dp->hop_counts;

	if (!c || number >= HOP_COUNTERS_MAX || !*c->memory->name[number].interface)
		return -ENOENT;
	*name = c->memory->name[number];
	return count_sum(dp, c->counts, number, count);
}

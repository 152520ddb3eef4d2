// SPDX-License-Identifier: GPL-2.0
/*
 * filter.c: the tables of an image's filters as maps of one generation.
 *
 * What a policy does not use is not made: the program's constants say so, and the verifier removes
 * all that refers to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/microflow.h"
#include "datapath/map.h"
#include "datapath/state.h"

/* ---- before the load ------------------------------------------------------------ */

static const char *const address_tables[2][2] = { { ".data.src4", ".data.src6" },
						  { ".data.dst4", ".data.dst6" } };

/* All layers are in one area. */
static size_t area_bytes(const struct classify_shape *s)
{
	return s->layers ? s->layer[0].bytes : 0;
}

/* A section of @bytes; not there at all if that is 0. */
static int fit_table(struct bpf_object *o, const char *name, size_t bytes, struct text *why)
{
	struct map_shape shape = { name, BPF_MAP_TYPE_ARRAY, 4, bytes, 1, BPF_F_MMAPABLE };
	int fd, err;

	if (!bytes)
		return 0;
	fd = map_open(NULL, &shape, why);
	if (fd < 0)
		return fd;
	err = map_reuse(o, name, fd);
	close(fd);
	if (err)
		text_printf(why, "cannot make the table %s: %s", name, strerror(-err));
	return err;
}

static size_t microflow_bytes(unsigned int cpus)
{
	return cpus * sizeof(struct microflows);
}

static int fit_tables(struct bpf_object *o, const struct classify_shape *s, unsigned int cpus,
		      struct text *why)
{
	int err = fit_table(o, ".data.rules", area_bytes(s), why);

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; !err && v6 < 2; v6++)
			err = fit_table(o, address_tables[side][v6], s->address[side][v6].bytes, why);
	if (!err && s->layers)
		err = fit_table(o, ".data.microflows", microflow_bytes(cpus), why);
	return err;
}

static struct bpf_map *map_named(struct bpf_object *o, const char *name)
{
	return bpf_object__find_map_by_name(o, name);
}

/* A map with @entries, or none at all. */
static int size_or_skip(struct bpf_object *o, const char *name, size_t entries)
{
	struct bpf_map *m = map_named(o, name);

	return entries ? bpf_map__set_max_entries(m, entries) : bpf_map__set_autocreate(m, false);
}

static int fit_meters(struct generation *gen, bool used, struct text *why)
{
	static const struct map_shape shape = { "meters", BPF_MAP_TYPE_LRU_HASH,
						sizeof(struct meter_key), sizeof(uint64_t), METERS_MAX, 0 };
	struct datapath *dp = gen->dp;

	if (!used)
		return size_or_skip(gen->object, "meters", 0);
	if (dp->meters < 0)
		dp->meters = map_open(dp->dir, &shape, why);
	return dp->meters < 0 ? dp->meters : map_reuse(gen->object, "meters", dp->meters);
}

static int fit_events(struct generation *gen, struct text *why)
{
	int err = events_open(gen->dp, why);

	return err ? err : map_reuse(gen->object, "events", gen->dp->events);
}

static int fit_counts(struct generation *gen, const struct classify_shape *s, struct text *why)
{
	int err;

	if (!s->layers)
		return size_or_skip(gen->object, "rule_counts", 0);
	if (!gen->rule_counts) {
		err = rule_counts_new(gen->dp, gen->room.rules, &gen->rule_counts, why);
		if (err)
			return err;
	}
	return rule_counts_use(gen->rule_counts, gen->object);
}

static bool has(const struct classify_shape *s, enum action_kind kind)
{
	return s->layers && s->kinds >> kind & 1;
}

int filter_fit(struct generation *gen, struct text *why)
{
	const struct classify_shape *s = constants_filter(gen);
	const struct room *room = &gen->room;
	struct bpf_object *o = gen->object;
	size_t said = why->len;
	int err;

	err = fit_counts(gen, s, why);
	if (!err)
		err = fit_tables(o, s, gen->dp->cpus, why);
	if (!err)
		err = size_or_skip(o, "rule_actions", s->kinds ? room->rules : 0);
	if (!err)
		err = size_or_skip(o, "actions", s->kinds ? room->actions : 0);
	if (!err)
		err = size_or_skip(o, "macs", s->macs ? room->macs : 0);
	if (!err)
		err = size_or_skip(o, "sets", s->set_tests || has(s, ACTION_INSERT) ? room->sets : 0);
	if (!err)
		err = fit_meters(gen, has(s, ACTION_POLICE), why);
	if (!err)
		err = fit_events(gen, why);
	if (err && why->len == said)
		text_printf(why, "cannot size the maps of the filters: %s", strerror(-err));
	return err;
}

/* ---- after the load --------------------------------------------------------------- */

/* @bytes of @table, or of zeroes, into a section of the same size. */
static int fill_table(struct bpf_object *o, const char *name, const void *table, size_t bytes,
		      struct text *why)
{
	void *memory;
	int err;

	if (!bytes)
		return 0;
	memory = map_memory(bpf_map__fd(map_named(o, name)), bytes);
	if (!memory) {
		err = -errno;
		text_printf(why, "cannot fill the table %s: %s", name, strerror(-err));
		return err;
	}
	if (table)
		memcpy(memory, table, bytes);
	else
		memset(memory, 0, bytes);
	munmap(memory, bytes);
	return 0;
}

static int fill_tables(struct generation *gen, const struct image_filter *f, struct text *why)
{
	struct bpf_object *o = gen->object;
	int err = fill_table(o, ".data.rules", f->area, area_bytes(&f->shape), why);

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; !err && v6 < 2; v6++)
			err = fill_table(o, address_tables[side][v6], f->address[side][v6],
					 f->shape.address[side][v6].bytes, why);
	if (!err && gen->taken && f->shape.layers)
		err = fill_table(o, ".data.microflows", NULL, microflow_bytes(gen->dp->cpus), why);
	return err;
}

/* @n entries at once, keys and values one behind the other; no more if the map is not there. */
static int fill(struct bpf_object *o, const char *name, const void *keys, const void *values, size_t n)
{
	int fd = bpf_map__fd(map_named(o, name));
	uint32_t done = n;

	if (fd < 0 || !n)
		return 0;
	return bpf_map_update_batch(fd, keys, values, &done, NULL) ? -errno : 0;
}

/* The same of an array: its keys are 0 .. n - 1. */
static int fill_array(struct bpf_object *o, const char *name, const void *values, size_t n)
{
	uint32_t *keys = xcalloc(n, sizeof(*keys));
	int err;

	for (size_t i = 0; i < n; i++)
		keys[i] = i;
	err = fill(o, name, keys, values, n);
	free(keys);
	return err;
}

static int fill_macs(struct bpf_object *o, const struct vec *macs)
{
	uint8_t (*keys)[8] = xcalloc(macs->len, sizeof(*keys));
	uint32_t *numbers = xcalloc(macs->len, sizeof(*numbers));
	int err;

	map_clear(bpf_map__fd(map_named(o, "macs")), sizeof(*keys));
	for (size_t i = 0; i < macs->len; i++) {
		const struct image_mac *m = vec_at(macs, i);

		memcpy(keys[i], m->address, sizeof(m->address));
		numbers[i] = m->number;
	}
	err = fill(o, "macs", keys, numbers, macs->len);
	free(keys);
	free(numbers);
	return err;
}

/* Whether the maps of the sets stand in their places: each entry waits for a grace period. */
static bool sets_stand(struct bpf_object *o, const int *maps, size_t n)
{
	int fd = bpf_map__fd(map_named(o, "sets"));

	for (uint32_t i = 0; fd >= 0 && i < n; i++) {
		struct bpf_map_info info = { 0 };
		__u32 len = sizeof(info), id;

		if (bpf_map_lookup_elem(fd, &i, &id) || bpf_obj_get_info_by_fd(maps[i], &info, &len) ||
		    id != info.id)
			return false;
	}
	return true;
}

static int fill_sets(struct generation *gen, const struct image_filter *f, struct text *why)
{
	uint32_t generation = gen->number ? gen->number : 1;
	int *maps, err = 0;

	gen->sets_entered = true;
	err = sets_enter(&gen->dp->sets, &f->sets, generation, &gen->sets, why);
	if (err)
		return err;
	maps = xcalloc(gen->sets.len, sizeof(*maps));
	for (size_t i = 0; i < gen->sets.len; i++)
		maps[i] = ((struct set_map *)vec_at(&gen->sets, i))->fd;
	if (!sets_stand(gen->object, maps, gen->sets.len))
		err = fill_array(gen->object, "sets", maps, gen->sets.len);
	free(maps);
	*gen->sets_generation = generation;
	return err;
}

int filter_fill(struct generation *gen, const struct image *image, struct text *why)
{
	const struct image_filter *f = &image->filter;
	size_t said = why->len;
	int err;

	err = fill_tables(gen, f, why);
	if (!err && gen->rule_counts)
		err = rule_counts_begin(gen->dp, gen->rule_counts, f, why);
	if (!err)
		err = fill_sets(gen, f, why);
	if (!err && f->first)
		err = fill_array(gen->object, "rule_actions", f->first, f->rules.len);
	if (!err)
		err = fill_array(gen->object, "actions", f->actions.data, f->actions.len);
	if (!err)
		err = fill_macs(gen->object, &f->macs);
	if (err && why->len == said)
		text_printf(why, "cannot enter the actions of the filters: %s", strerror(-err));
	return err;
}

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

#include "datapath/map.h"
#include "datapath/state.h"

/* ---- before the load ------------------------------------------------------------ */

/* A section with @bytes of @table in it; not there at all if there is none. */
static int fit_table(struct bpf_object *o, const char *name, const void *table, size_t bytes,
		     struct text *why)
{
	struct map_shape shape = { name, BPF_MAP_TYPE_ARRAY, 4, bytes, 1, BPF_F_MMAPABLE };
	void *memory;
	int fd, err;

	if (!table)
		return 0;
	fd = map_open(NULL, &shape, why);
	if (fd < 0)
		return fd;
	memory = map_memory(fd, bytes);
	err = memory ? 0 : -errno;
	if (memory) {
		memcpy(memory, table, bytes);
		munmap(memory, bytes);
		err = map_reuse(o, name, fd);
	}
	close(fd);
	if (err)
		text_printf(why, "cannot fill the table %s: %s", name, strerror(-err));
	return err;
}

static int fit_tables(struct bpf_object *o, const struct image_filter *f, struct text *why)
{
	static const char *const names[2][2] = { { ".data.src4", ".data.src6" },
						 { ".data.dst4", ".data.dst6" } };
	int err = fit_table(o, ".data.rules", f->area, f->area_bytes, why);

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; !err && v6 < 2; v6++)
			err = fit_table(o, names[side][v6], f->address[side][v6],
					f->shape.address[side][v6].bytes, why);
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

static int fit_counts(struct generation *gen, const struct image_filter *f, struct text *why)
{
	int err;

	if (!f->shape.layers)
		return size_or_skip(gen->object, "rule_counts", 0);
	if (!gen->rule_counts) {
		err = rule_counts_new(gen->dp, f, &gen->rule_counts, why);
		if (err)
			return err;
	}
	return rule_counts_use(gen->rule_counts, gen->object);
}

static bool has(const struct image_filter *f, enum action_kind kind)
{
	return f->shape.layers && f->shape.kinds >> kind & 1;
}

int filter_fit(struct generation *gen, const struct image *image, struct text *why)
{
	const struct image_filter *f = &image->filter;
	struct bpf_object *o = gen->object;
	size_t said = why->len;
	int err;

	err = fit_counts(gen, f, why);
	if (!err)
		err = fit_tables(o, f, why);
	if (!err)
		err = size_or_skip(o, "rule_actions", f->shape.kinds ? f->rules.len : 0);
	if (!err)
		err = size_or_skip(o, "actions", f->shape.kinds ? f->actions.len : 0);
	if (!err)
		err = size_or_skip(o, "macs", f->shape.macs ? f->macs.len : 0);
	if (!err)
		err = size_or_skip(o, "sets", f->shape.set_tests || has(f, ACTION_INSERT) ? f->sets.len : 0);
	if (!err)
		err = fit_meters(gen, has(f, ACTION_POLICE), why);
	if (!err)
		err = fit_events(gen, why);
	if (err && why->len == said)
		text_printf(why, "cannot size the maps of the filters: %s", strerror(-err));
	return err;
}

/* ---- after the load --------------------------------------------------------------- */

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

static int fill_sets(struct generation *gen, const struct image_filter *f, struct text *why)
{
	uint32_t generation = gen->number ? gen->number : 1;
	int *maps, err;

	gen->sets_entered = true;
	err = sets_enter(&gen->dp->sets, &f->sets, generation, &gen->sets, why);
	if (err)
		return err;
	maps = xcalloc(gen->sets.len, sizeof(*maps));
	for (size_t i = 0; i < gen->sets.len; i++)
		maps[i] = ((struct set_map *)vec_at(&gen->sets, i))->fd;
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

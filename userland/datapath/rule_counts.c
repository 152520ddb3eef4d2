// SPDX-License-Identifier: GPL-2.0
/*
 * rule_counts.c: what the rules of a generation have counted, kept over swaps and over the daemon's death.
 *
 * The programs count in rule_counts, each CPU in an element of its own. Beside it lies rule_base:
 * which rule each number is, and what had been counted for it before. Both are pinned before the
 * generation runs, under its number, and unpinned after it has ended; so whoever comes finds the
 * counts of what runs, and until they are carried over those of what ran before.
 *
 * What the rules of older generations had counted that this one has not is kept in rule_base, too,
 * behind its own rules: they may come back. The latest RULES_GONE_MAX are, those of the generation before
 * first.
 *
 * The counts may have room for more rules than there are, and serve a later generation again, from zero
 * on, when they are unpinned and no packet counts in them (spare.c); a base serves one generation.
 *
 * Carried over is by setting, not by adding, from counts that no packet changes any more: a daemon that
 * dies on the way leaves nothing wrong behind, and the next one does it again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/table.h"
#include "datapath/map.h"
#include "datapath/state.h"

#define COUNTS_NAME	"rule_counts"
#define BASE_NAME	"rule_base"
#define RULES_GONE_MAX	131072u

struct rule_counts {
	int counts, base;		/* maps; -1 */
	struct count *count;		/* mapped: the first CPU's */
	size_t stride;			/* bytes from one CPU's to the next's */
	unsigned int cpus;
	struct rule_base_head *head;	/* mapped; behind it the rules, and those that are gone */
	size_t size;			/* bytes mapped */
	bool pinned;
};

static struct rule_base *bases(const struct rule_counts *c)
{
	return (struct rule_base *)(c->head + 1);
}

uint32_t rule_counts_len(const struct rule_counts *c)
{
	return c && c->head ? c->head->rules : 0;
}

uint32_t rule_counts_generation(const struct rule_counts *c)
{
	return c ? c->head->generation : 0;
}

static size_t base_size(size_t rules)
{
	return sizeof(struct rule_base_head) + rules * sizeof(struct rule_base);
}

void rule_counts_free(struct rule_counts *c)
{
	if (!c)
		return;
	rule_counts_end(c);
	if (c->count)
		munmap(c->count, c->stride * c->cpus);
	if (c->counts >= 0)
		close(c->counts);
	free(c);
}

/* ---- make ---------------------------------------------------------------------- */

/* A base has so many entries. */
static uint32_t base_len(const struct rule_counts *c)
{
	return c ? c->head->rules + c->head->gone : 0;
}

/* ---- keys ------------------------------------------------------------------------- */

#define SCANS_MAX	16	/* keys that are looked for by looking at all; beyond, by a table */

/* The keys of a list; no two are equal. */
struct keys {
	const void *first;		/* the next one is @stride bytes further on */
	size_t stride;
	uint32_t len;
	unsigned int scans;
	struct table numbers;		/* key -> uint32_t, once there were too many scans */
};

static uint64_t key_at(const struct keys *k, uint32_t i)
{
	return *(const uint64_t *)((const char *)k->first + i * k->stride);
}

static void number_keys(struct keys *k)
{
	k->numbers = TABLE(uint64_t, uint32_t);
	for (uint32_t i = 0; i < k->len; i++) {
		uint64_t key = key_at(k, i);

		*(uint32_t *)table_put(&k->numbers, &key, NULL) = i;
	}
}

static uint32_t scan_keys(const struct keys *k, uint64_t key)
{
	uint32_t i = 0;

	while (i < k->len && key_at(k, i) != key)
		i++;
	return i < k->len ? i : RULES_NONE;
}

/*
 * The number of @key, which has number @i of @n in another list. Lists that follow each other differ in little: it
 * stands at the same place, from the beginning or from the end, or is one of a few. RULES_NONE: it is not there.
 */
static uint32_t find_key(struct keys *k, uint64_t key, uint32_t i, uint32_t n)
{
	const uint32_t *number;

	if (i < k->len && key_at(k, i) == key)
		return i;
	i += k->len - n;
	if (i < k->len && key_at(k, i) == key)
		return i;
	if (k->scans++ < SCANS_MAX)
		return scan_keys(k, key);
	if (!k->numbers.key_size)
		number_keys(k);
	number = table_get(&k->numbers, &key);
	return number ? *number : RULES_NONE;
}

/* The keys of rules that @running knows of and @filter has not. */
static void find_gone(const struct image_filter *filter, const struct rule_counts *running,
		      struct vec *gone)
{
	struct keys keys = { .len = filter->rules.len, .stride = sizeof(struct image_rule) };
	uint32_t n = rule_counts_len(running);

	if (keys.len)
		keys.first = &((struct image_rule *)filter->rules.data)->key;
	for (uint32_t i = 0; i < base_len(running) && gone->len < RULES_GONE_MAX; i++)
		if (find_key(&keys, bases(running)[i].key, i, n) == RULES_NONE)
			vec_append(gone, &bases(running)[i].key);
	table_free(&keys.numbers);
}

/* What is behind the descriptors, as memory. */
static int map_counts(struct rule_counts *c)
{
	c->count = map_memory(c->counts, c->stride * c->cpus);
	return c->count ? 0 : -errno;
}

static int map_base(struct rule_counts *c)
{
	c->head = map_memory(c->base, c->size);
	return c->head ? 0 : -errno;
}

/* A CPU's counts begin a line of the caches. */
static size_t counts_size(uint32_t rules)
{
	return ((rules ? rules : 1) * sizeof(struct count) + 63) & ~(size_t)63;
}

static int fail_to_map(int err, struct text *why)
{
	text_printf(why, "cannot map what rules have counted into memory: %s", strerror(-err));
	return err;
}

int rule_counts_new(const struct datapath *dp, uint32_t room, struct rule_counts **out, struct text *why)
{
	struct map_shape counts = { COUNTS_NAME, BPF_MAP_TYPE_ARRAY, 4, counts_size(room), dp->cpus,
				    BPF_F_MMAPABLE };
	struct rule_counts *c = xcalloc(1, sizeof(*c));
	int err;

	c->base = -1;
	c->stride = counts.value_size;
	c->cpus = dp->cpus;
	c->counts = map_open(NULL, &counts, why);
	err = c->counts < 0 ? c->counts : map_counts(c);
	if (err) {
		if (c->counts >= 0)
			fail_to_map(err, why);
		rule_counts_free(c);
		return err;
	}
	*out = c;
	return 0;
}

static int make_base(struct rule_counts *c, uint32_t entries, struct text *why)
{
	struct map_shape base = { BASE_NAME, BPF_MAP_TYPE_ARRAY, 4, base_size(entries), 1,
				  BPF_F_MMAPABLE };
	int err;

	c->size = base.value_size;
	c->base = map_open(NULL, &base, why);
	if (c->base < 0)
		return c->base;
	err = map_base(c);
	return err ? fail_to_map(err, why) : 0;
}

int rule_counts_begin(const struct datapath *dp, struct rule_counts *c, const struct image_filter *filter,
		      struct text *why)
{
	uint32_t rules = filter->rules.len;
	struct vec gone = VEC(uint64_t);
	int err;

	find_gone(filter, dp->rule_counts, &gone);
	err = make_base(c, rules + gone.len, why);
	if (err)
		goto free_gone;
	memset(c->count, 0, c->stride * c->cpus);
	c->head->rules = rules;
	c->head->gone = gone.len;
	for (uint32_t i = 0; i < rules; i++)
		bases(c)[i].key = ((struct image_rule *)vec_at(&filter->rules, i))->key;
	for (uint32_t i = 0; i < gone.len; i++)
		bases(c)[rules + i].key = *(uint64_t *)vec_at(&gone, i);
free_gone:
	vec_free(&gone);
	return err;
}

void rule_counts_end(struct rule_counts *c)
{
	if (!c)
		return;
	if (c->head)
		munmap(c->head, c->size);
	if (c->base >= 0)
		close(c->base);
	c->head = NULL;
	c->base = -1;
	c->pinned = false;
}

int rule_counts_use(const struct rule_counts *c, struct bpf_object *object)
{
	return map_reuse(object, COUNTS_NAME, c->counts);
}

/* ---- pins ------------------------------------------------------------------------ */

static char *pin_path(const struct datapath *dp, const char *name, uint32_t generation, char *path)
{
	snprintf(path, PATH_MAX, "%s/%s_%u", dp->dir, name, generation);
	return path;
}

static int pin_one(const struct datapath *dp, int fd, const char *name, uint32_t generation,
		   struct text *why)
{
	char path[PATH_MAX];
	int err;

	unlink(pin_path(dp, name, generation, path));
	if (!bpf_obj_pin(fd, path))
		return 0;
	err = -errno;
	text_printf(why, "cannot pin %s: %s", path, strerror(-err));
	return err;
}

static void unpin(const struct datapath *dp, uint32_t generation)
{
	char path[PATH_MAX];

	unlink(pin_path(dp, BASE_NAME, generation, path));
	unlink(pin_path(dp, COUNTS_NAME, generation, path));
}

/* The base is pinned last: where it is, all is. */
int rule_counts_pin(const struct datapath *dp, struct rule_counts *c, uint32_t generation, int program,
		    struct text *why)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int err;

	if (!dp->dir)
		return 0;
	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return -errno;
	c->head->generation = generation;
	c->head->program = info.id;
	err = pin_one(dp, c->counts, COUNTS_NAME, generation, why);
	if (!err)
		err = pin_one(dp, c->base, BASE_NAME, generation, why);
	c->pinned = !err;
	return err;
}

void rule_counts_unpin(const struct datapath *dp, struct rule_counts *c)
{
	if (!c || !c->pinned)
		return;
	unpin(dp, c->head->generation);
	c->pinned = false;
}

/* What is pinned for @generation; NULL if it is not all there. */
static struct rule_counts *open_pinned(const struct datapath *dp, uint32_t generation)
{
	struct rule_counts *c = xcalloc(1, sizeof(*c));
	struct bpf_map_info base = { 0 }, counts = { 0 };
	__u32 base_len = sizeof(base), counts_len = sizeof(counts);
	char path[PATH_MAX];

	c->pinned = true;
	c->base = bpf_obj_get(pin_path(dp, BASE_NAME, generation, path));
	c->counts = bpf_obj_get(pin_path(dp, COUNTS_NAME, generation, path));
	if (c->base < 0 || c->counts < 0 || bpf_obj_get_info_by_fd(c->base, &base, &base_len) ||
	    bpf_obj_get_info_by_fd(c->counts, &counts, &counts_len) ||
	    counts.type != BPF_MAP_TYPE_ARRAY || !(counts.map_flags & BPF_F_MMAPABLE) ||
	    counts.max_entries != dp->cpus || counts.value_size % 64 ||
	    base.type != BPF_MAP_TYPE_ARRAY || !(base.map_flags & BPF_F_MMAPABLE) ||
	    base.value_size < sizeof(struct rule_base_head))
		goto other;
	c->size = base.value_size;
	c->stride = counts.value_size;
	c->cpus = dp->cpus;
	if (map_counts(c) || map_base(c) ||
	    base_size((size_t)c->head->rules + c->head->gone) != c->size ||
	    counts_size(c->head->rules) > c->stride ||
	    c->head->generation != generation)
		goto other;
	return c;
other:
	rule_counts_free(c);
	return NULL;
}

/* ---- read -------------------------------------------------------------------------- */

/* What rule @number has counted, carried over or since, on all CPUs. */
static struct count sum(const struct rule_counts *c, uint32_t number)
{
	struct count sum = bases(c)[number].count;

	for (unsigned int cpu = 0; cpu < c->cpus; cpu++) {
		const struct count *counts = (void *)((char *)c->count + cpu * c->stride);

		sum.packets += counts[number].packets;
		sum.bytes += counts[number].bytes;
	}
	return sum;
}

void rule_counts_read(const struct rule_counts *c, uint32_t first, uint32_t n, struct count *counts)
{
	for (uint32_t i = 0; i < n; i++)
		counts[i] = sum(c, first + i);
}

/* ---- over a swap --------------------------------------------------------------------- */

/* By their keys; rules that are gone count on from their own base. */
void rule_counts_carry(const struct rule_counts *from, struct rule_counts *to)
{
	struct keys keys = { .stride = sizeof(struct rule_base) };

	if (!to || to->head->complete)
		return;
	keys.first = &bases(to)->key;
	keys.len = base_len(to);
	for (uint32_t i = 0; i < base_len(from); i++) {
		uint32_t number = find_key(&keys, bases(from)[i].key, i, base_len(from));

		if (number != RULES_NONE)
			bases(to)[number].count = i < rule_counts_len(from) ? sum(from, i) : bases(from)[i].count;
	}
	table_free(&keys.numbers);
	__atomic_store_n(&to->head->complete, 1, __ATOMIC_RELEASE);
}

/* ---- what another daemon left ------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of all generations that have something pinned, in order. */
static void find_pinned(const struct datapath *dp, struct vec *generations)
{
	DIR *folder = opendir(dp->dir);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		uint32_t number;
		char end;

		if (sscanf(entry->d_name, BASE_NAME "_%u%c", &number, &end) == 1 ||
		    sscanf(entry->d_name, COUNTS_NAME "_%u%c", &number, &end) == 1)
			vec_append(generations, &number);
	}
	if (folder)
		closedir(folder);
	if (generations->len)
		qsort(generations->data, generations->len, sizeof(uint32_t), compare_numbers);
}

/*
 * One generation runs. One before it may be there whose counts were not carried over, and one
 * behind it that never ran: they go.
 */
struct rule_counts *rule_counts_adopt(const struct datapath *dp)
{
	struct vec generations = VEC(uint32_t);
	struct rule_counts *before = NULL, *running = NULL;
	uint32_t zero = 0, program;

	if (!dp->dir || bpf_map_lookup_elem(dp->map[SHARED_GENERATIONS], &zero, &program))
		return NULL;
	find_pinned(dp, &generations);
	for (size_t i = 0; i < generations.len; i++) {
		uint32_t number = *(uint32_t *)vec_at(&generations, i);
		struct rule_counts *c = running ? NULL : open_pinned(dp, number);

		if (c && c->head->program == program) {
			running = c;
		} else if (c) {
			rule_counts_free(before);
			before = c;
		}
	}
	if (running)
		rule_counts_carry(before, running);
	for (size_t i = 0; i < generations.len; i++) {
		uint32_t number = *(uint32_t *)vec_at(&generations, i);

		if (!running || number != running->head->generation)
			unpin(dp, number);
	}
	rule_counts_free(before);
	vec_free(&generations);
	return running;
}

/* ---- what runs ------------------------------------------------------------------------------ */

uint32_t datapath_rules(const struct datapath *dp)
{
	return rule_counts_len(dp->rule_counts);
}

uint64_t datapath_rule_key(const struct datapath *dp, uint32_t number)
{
	return number < datapath_rules(dp) ? bases(dp->rule_counts)[number].key : 0;
}

int datapath_rule_counts(const struct datapath *dp, uint32_t first, uint32_t n, struct count *counts)
{
	if (first > datapath_rules(dp) || n > datapath_rules(dp) - first)
		return -ENOENT;
	rule_counts_read(dp->rule_counts, first, n, counts);
	return 0;
}

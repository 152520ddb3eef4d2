// SPDX-License-Identifier: GPL-2.0
/*
 * generation.c: an image becomes a program in the kernel, and then the one that runs.
 *
 * Staging makes everything new: program, group maps, legs; or takes a program that is loaded already, with its
 * maps, and fills those (spare.c). It writes nothing that the running generation reads, but for
 * keys of its own number in leg_table. So a failure has only its own things to throw away.
 *
 * Committing, in this order:
 *	1. The egress program goes onto the entries of tx, if this generation is the
 *	   first with legs, and all queues that were filled without it run dry.
 *	2. Ports that were not attached are; the running generation passes what comes
 *	   in there. From here on a failure detaches them again.
 *	3. Names and numbers are published.
 *	4. Slot 0: one store, and all ports run the new generation.
 *	5. After a grace period what was only the old one's is gone, and what filters keep is
 *	   carried over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/flow.h"
#include "datapath/constants.h"
#include "datapath/map.h"
#include "datapath/state.h"

#include "datapath/sluice.skel.h"

/* ---- stage ------------------------------------------------------------------ */

static void *initial(struct bpf_object *object, const char *map)
{
	struct bpf_map *m = bpf_object__find_map_by_name(object, map);
	size_t n;

	return m ? (void *)bpf_map__initial_value(m, &n) : NULL;
}

static uint32_t at_least_one(uint32_t n)
{
	return n ? n : 1;
}

size_t constants_size(void)
{
	return sizeof(struct sluice_bpf__rodata);
}

const struct classify_shape *constants_filter(const struct generation *gen)
{
	return (const struct classify_shape *)&((struct sluice_bpf__rodata *)gen->constants)->filter;
}

/* Shared with what reads it, if there is somebody; the slots are the image's in any case. */
static int fit_flow_memory(struct generation *gen)
{
	const struct sluice_bpf__rodata *constants = gen->constants;
	struct bpf_map *m = bpf_object__find_map_by_name(gen->object, "flow_memory");
	uint32_t size = flow_element_size(constants->measure_config.buckets);
	int err;

	if (gen->flow)
		return gen->flow->size == (size_t)size * gen->dp->cpus ?
			map_reuse(gen->object, "flow_memory", gen->flow->fd) : -EINVAL;
	err = bpf_map__set_value_size(m, size);
	return err ? err : bpf_map__set_max_entries(m, gen->dp->cpus);
}

/* No map where nothing is counted. */
static int fit_hop_counts(struct generation *gen, struct text *why)
{
	const struct sluice_bpf__rodata *constants = gen->constants;
	int err;

	if (!constants->config.counted_hops)
		return bpf_map__set_autocreate(bpf_object__find_map_by_name(gen->object, "hop_counts"),
					       false);
	err = hop_counts_open(gen->dp, why);
	return err ? err : hop_counts_use(gen->dp->hop_counts, gen->object);
}

/* The sizes that depend on the image, and the tables that it shares with others. */
static int fit_maps(struct generation *gen, struct text *why)
{
	const struct sluice_bpf__rodata *constants = gen->constants;
	struct bpf_object *o = gen->object;
	int err;

	err = bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "groups"),
				       at_least_one(gen->room.groups));
	if (!err)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "group_prefixes"),
					       at_least_one(gen->room.group_prefixes));
	if (!err)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "legs"),
					       at_least_one(gen->room.group_count));
	if (!err)
		err = map_reuse(o, ".data.nexthops", gen->tables->nexthops_fd);
	if (!err)
		err = map_reuse(o, ".data.lpm4", gen->tables->lpm_fd[0]);
	if (!err)
		err = map_reuse(o, ".data.lpm6", gen->tables->lpm_fd[1]);
	if (!err && constants->config.measure)
		err = fit_flow_memory(gen);
	if (!err)
		err = fit_hop_counts(gen, why);
	if (err)
		text_printf(why, "cannot size the maps of the generation: %s", strerror(-err));
	return err;
}

/* The words of the program's own sections that userland reads or writes. */
static int map_words(struct generation *gen, struct text *why)
{
	int err = 0;

	gen->trace = map_memory(bpf_object__find_map_fd_by_name(gen->object, ".data.trace"),
				sizeof(*gen->trace));
	gen->sets_generation = map_memory(bpf_object__find_map_fd_by_name(gen->object, ".data.sets"),
					  sizeof(*gen->sets_generation));
	gen->number_word = map_memory(bpf_object__find_map_fd_by_name(gen->object, ".data.number"),
				      sizeof(*gen->number_word));
	if (!gen->trace || !gen->sets_generation || !gen->number_word) {
		err = -errno;
		text_printf(why, "cannot map the generation's words into memory: %s", strerror(-err));
	}
	return err;
}

/* What an image's program has as .rodata. @delivers: it calls the module's kfunc. */
static void choose_constants(struct generation *gen, bool delivers)
{
	struct sluice_bpf__rodata *rodata = gen->constants;
	struct config *config = (struct config *)&rodata->config;

	*config = gen->image->config;
	config->hash_seed = gen->dp->names->hash_seed;
	config->vlans = config->route;
	config->trace = !gen->dp->dir;
	config->redirects_buffers = gen->dp->redirects_buffers;
	config->sight = gen->dp->sight;
	config->delivers = delivers;
	*(struct measure_config *)&rodata->measure_config =
		flow_measure_config(gen->image->measure.key, gen->image->measure.slots);
	*(struct classify_shape *)&rodata->filter = gen->image->filter.shape;
	*(uint32_t *)&rodata->microflow_cpus = gen->image->filter.shape.layers ? gen->dp->cpus : 0;
	*(struct lpm_shape *)&rodata->lpm4_shape = gen->tables->shape[0];
	*(struct lpm_shape *)&rodata->lpm6_shape = gen->tables->shape[1];
}

/* Some more than is needed, for generations to come; none where there is nothing. */
static uint32_t with_room(size_t n)
{
	return n ? n + n / 16 + 16 : 0;
}

static struct room room_for(const struct image *image)
{
	const struct image_filter *f = &image->filter;

	return (struct room){
		.groups = with_room(image->groups.len),
		.group_prefixes = with_room(image->group_prefixes.len),
		.group_count = with_room(image->group_count),
		.rules = f->shape.rules > f->rules.len ? f->shape.rules : f->rules.len,
		.actions = with_room(f->actions.len),
		.macs = with_room(f->macs.len),
		.sets = f->sets.len,
	};
}

static int fill_groups(struct generation *gen, struct text *why)
{
	int groups = bpf_object__find_map_fd_by_name(gen->object, "groups");
	int prefixes = bpf_object__find_map_fd_by_name(gen->object, "group_prefixes");
	const struct image *image = gen->image;
	int err = 0;

	map_clear(groups, sizeof(struct group_key));
	map_clear(prefixes, sizeof(struct group_prefix_key));
	for (size_t i = 0; !err && i < image->groups.len; i++) {
		const struct image_group *g = vec_at(&image->groups, i);

		err = bpf_map_update_elem(groups, &g->key, &g->value, 0) ? -errno : 0;
	}
	for (size_t i = 0; !err && i < image->group_prefixes.len; i++) {
		const struct image_group_prefix *p = vec_at(&image->group_prefixes, i);

		err = bpf_map_update_elem(prefixes, &p->key, &p->value, 0) ? -errno : 0;
	}
	if (err)
		text_printf(why, "cannot enter the multicast groups: %s", strerror(-err));
	return err;
}

static int fill_counted(struct generation *gen, struct text *why)
{
	int counted = bpf_object__find_map_fd_by_name(gen->object, "counted");
	int err = 0;

	map_clear(counted, sizeof(struct counted_key));
	for (size_t i = 0; !err && i < gen->image->counted.len; i++) {
		const struct image_counted *c = vec_at(&gen->image->counted, i);

		err = bpf_map_update_elem(counted, &c->key, &c->counter, 0) ? -errno : 0;
	}
	if (err)
		text_printf(why, "cannot enter the prefixes that are counted: %s", strerror(-err));
	return err;
}

/* The inner maps, all entered by one call: each call waits for a grace period. */
static int make_legs(struct generation *gen, struct text *why)
{
	LIBBPF_OPTS(bpf_map_batch_opts, batch);
	int outer = bpf_object__find_map_fd_by_name(gen->object, "legs");
	uint32_t n = gen->image->group_count, *keys, done = n;
	uint32_t *legs_of = xcalloc(n, sizeof(*legs_of));
	int err = 0;

	keys = xcalloc(n, sizeof(*keys));
	gen->legs = xcalloc(n, sizeof(*gen->legs));
	for (uint32_t i = 0; i < n; i++)
		gen->legs[i] = -1;
	for (size_t i = 0; i < gen->image->legs.len; i++)
		legs_of[((struct image_leg *)vec_at(&gen->image->legs, i))->group]++;
	for (uint32_t i = 0; !err && i < n; i++) {
		struct map_shape shape = { "legs", BPF_MAP_TYPE_DEVMAP_HASH, 4,
					   sizeof(struct bpf_devmap_val), at_least_one(legs_of[i]), 0 };

		keys[i] = i;
		gen->legs[i] = map_open(NULL, &shape, why);
		if (gen->legs[i] < 0)
			err = gen->legs[i];
	}
	if (!err && n && bpf_map_update_batch(outer, keys, gen->legs, &done, &batch)) {
		err = -errno;
		text_printf(why, "cannot enter the legs of group %u: %s", done, strerror(-err));
	}
	free(legs_of);
	free(keys);
	return err;
}

static int fill_legs(struct generation *gen, struct text *why)
{
	int table = gen->dp->map[SHARED_LEG_TABLE], lists = gen->dp->map[SHARED_LEG_PORTS];
	struct leg_ports list = { 0 };
	const struct vec *legs = &gen->image->legs;
	int err = 0;

	gen->entered = true;
	for (size_t i = 0; !err && i < legs->len; i++) {
		const struct image_leg *l = vec_at(legs, i);
		const struct image_leg *next = i + 1 < legs->len ? vec_at(legs, i + 1) : NULL;
		struct leg_key key = { gen->number, l->group, l->leg.port };
		struct leg_ports_key list_key = { gen->number, l->group };

		err = leg_set(gen, l->group, l->leg.port);
		if (!err && bpf_map_update_elem(table, &key, &l->leg, 0))
			err = -errno;
		list.port[list.count++] = l->leg.port;
		if (!err && (!next || next->group != l->group)) {
			if (bpf_map_update_elem(lists, &list_key, &list, 0))
				err = -errno;
			list.count = 0;
		}
	}
	if (err)
		text_printf(why, "cannot enter the legs of the multicast groups: %s", strerror(-err));
	return err;
}

/* Whether a group has this host as a leg beside ports. */
static bool copies_beside_host(const struct image *image)
{
	const uint32_t both = GROUP_HOST | GROUP_LEGS;

	for (size_t i = 0; i < image->groups.len; i++)
		if ((((struct image_group *)vec_at(&image->groups, i))->value.flags & both) == both)
			return true;
	for (size_t i = 0; i < image->group_prefixes.len; i++)
		if ((((struct image_group_prefix *)vec_at(&image->group_prefixes, i))->value.flags &
		     both) == both)
			return true;
	return false;
}

int generation_load(struct generation *gen, struct text *why)
{
	const struct sluice_bpf__rodata *constants = gen->constants;
	size_t n;
	const void *bytes = sluice_bpf__elf_bytes(&n);
	int err = open_object(gen->dp, "sluice", bytes, n, &gen->object, why);

	if (!err)
		err = fit_maps(gen, why);
	if (!err)
		err = filter_fit(gen, why);
	if (err)
		return err;
	memcpy(initial(gen->object, ".rodata"), constants, sizeof(*constants));
	if (constants->config.delivers)
		deliver_begin(&gen->dp->deliver);
	constants_begin(gen->object);
	err = load_object(gen->object, "sluice", why);
	constants_end();
	deliver_end();
	if (err)
		return err;
	gen->program = bpf_program__fd(bpf_object__find_program_by_name(gen->object, "sluice"));
	return map_words(gen, why);
}

/* With the kfunc if there is use for it; without, if the kernel will not have that. */
static int load_either_way(struct generation *gen, struct text *why)
{
	struct deliver *deliver = &gen->dp->deliver;
	struct text refusal = { 0 };
	int err;

	choose_constants(gen, deliver_can(deliver) && copies_beside_host(gen->image));
	if (spare_take(gen))
		return 0;
	if (!((struct sluice_bpf__rodata *)gen->constants)->config.delivers)
		return generation_load(gen, why);
	err = generation_load(gen, &refusal);
	if (err) {
		bpf_object__close(gen->object);
		gen->object = NULL;
		choose_constants(gen, false);
		err = generation_load(gen, why);
		/* Else it was not for the kfunc. */
		if (!err)
			deliver_refused(deliver, text_string(&refusal));
	}
	text_free(&refusal);
	return err;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

int datapath_stage(struct datapath *dp, const struct image *image, struct tables *tables,
		   uint32_t number, struct generation **out, struct text *why)
{
	struct generation *gen = xcalloc(1, sizeof(*gen));
	int err;

	gen->dp = dp;
	gen->number = number;
	gen->image = image_copy(image);
	gen->tables = tables_get(tables);
	gen->sets = VEC(struct set_map);
	gen->program = -1;
	gen->constants = xcalloc(1, constants_size());
	gen->room = room_for(image);
	if (image->config.measure && dp->flow) {
		gen->flow = dp->flow;
		gen->flow_id = map_id(dp->flow->fd);
	}
	err = load_either_way(gen, why);
	if (!err) {
		*gen->number_word = number;
		err = filter_fill(gen, image, why);
	}
	if (!err)
		err = fill_groups(gen, why);
	if (!err)
		err = fill_counted(gen, why);
	if (!err)
		err = make_legs(gen, why);
	if (!err)
		err = fill_legs(gen, why);
	if (err) {
		generation_free(gen);
		return err;
	}
	dp->staged = gen;
	*out = gen;
	return 0;
}

/* What a generation of an earlier process left in the tables that are keyed by generation. */
static void remove_stale(int map, void *key, uint32_t running)
{
	const uint32_t *generation = key;	/* both kinds of keys begin with it */
	uint32_t after[3];
	bool more = !bpf_map_get_next_key(map, NULL, key);

	while (more) {
		more = !bpf_map_get_next_key(map, key, after);
		if (*generation != running)
			bpf_map_delete_elem(map, key);
		memcpy(key, after, sizeof(after));
	}
}

static void remove_legs(struct generation *gen)
{
	for (size_t i = 0; i < gen->image->legs.len; i++) {
		const struct image_leg *l = vec_at(&gen->image->legs, i);
		struct leg_key key = { gen->number, l->group, l->leg.port };
		struct leg_ports_key list_key = { gen->number, l->group };

		bpf_map_delete_elem(gen->dp->map[SHARED_LEG_TABLE], &key);
		bpf_map_delete_elem(gen->dp->map[SHARED_LEG_PORTS], &list_key);
	}
}

void close_legs(struct generation *gen)
{
	for (uint32_t i = 0; gen->legs && i < gen->image->group_count; i++)
		if (gen->legs[i] >= 0)
			close(gen->legs[i]);
	free(gen->legs);
	gen->legs = NULL;
}

/* Its keys in leg_table stay if it runs on without us. */
void generation_release(struct generation *gen)
{
	if (gen->number_word)
		munmap(gen->number_word, sizeof(*gen->number_word));
	if (gen->trace)
		munmap(gen->trace, sizeof(*gen->trace));
	if (gen->sets_generation)
		munmap(gen->sets_generation, sizeof(*gen->sets_generation));
	rule_counts_free(gen->rule_counts);
	sets_close(&gen->sets);
	bpf_object__close(gen->object);
	close_legs(gen);
	tables_free(gen->tables);
	image_free(gen->image);
	free(gen->constants);
	free(gen);
}

void generation_free(struct generation *gen)
{
	if (!gen)
		return;
	if (gen->entered && gen != gen->dp->running)
		remove_legs(gen);
	if (gen->sets_entered && gen->dp->dir)
		sets_take_back(&gen->sets, gen->number);
	rule_counts_unpin(gen->dp, gen->rule_counts);
	if (gen == gen->dp->staged)
		gen->dp->staged = NULL;
	generation_release(gen);
}

/* ---- commit ----------------------------------------------------------------- */

static int tx_egress(struct datapath *dp, int on, struct text *why)
{
	if (dp->tx_egress == on)
		return 0;
	dp->tx_egress = on;
	for (uint16_t i = 1; i < PORTS_MAX; i++) {
		int err = dp->ports->port[i].ifindex ? tx_set(dp, i) : 0;

		if (err) {
			text_printf(why, "cannot set the egress program of %.16s: %s",
				    dp->ports->port[i].interface, strerror(-err));
			return err;
		}
	}
	return datapath_wait();
}

/* The tc program copies, and marks. */
bool needs_tc(const struct image *image)
{
	return image->legs.len > 0 || image->config.marks;
}

static bool has_port(const struct generation *gen, uint16_t number)
{
	return gen && image_port(gen->image, number);
}

/* Attaches what @gen needs; *@failed: the port at which it ended. */
static int attach_ports(struct generation *gen, bool allow_missing, struct text *why)
{
	struct datapath *dp = gen->dp;

	for (size_t i = 0; i < gen->image->ports.len; i++) {
		const struct image_port *p = vec_at(&gen->image->ports, i);
		uint32_t ifindex = dp->ports->port[p->number].ifindex;
		int err;

		if (!ifindex && allow_missing)
			continue;
		if (!ifindex) {
			text_printf(why, "port %s: there is no interface %s here; create it, or correct the policy",
				    p->name, p->interface);
			return -ENODEV;
		}
		err = attach_port(dp, p->number, ifindex, p->interface, p->generic, why);
		if (!err && needs_tc(gen->image))
			err = attach_tc(dp, p->number, true, why);
		if (err)
			return err;
	}
	return 0;
}

/* Detaches every port that @gen does not have. */
static void detach_others(struct datapath *dp, const struct generation *gen)
{
	for (uint16_t i = 1; i < PORTS_MAX; i++)
		if (dp->attached[i].link >= 0 && !has_port(gen, i))
			detach_port(dp, i);
}

/*
 * After a commit that failed: ports that were not attached before are not now, and
 * the others are as the running generation had them.
 * @was: by number: attached before.
 */
static void reattach(struct datapath *dp, const bool *was)
{
	struct text ignored = { 0 };

	for (uint16_t i = 1; i < PORTS_MAX; i++)
		if (dp->attached[i].link >= 0 && !was[i])
			detach_port(dp, i);
	if (dp->running)
		attach_ports(dp->running, true, &ignored);
	text_free(&ignored);
}

static void publish_names(struct generation *gen)
{
	struct datapath *dp = gen->dp;
	struct count *zero = xcalloc(dp->cpus, sizeof(*zero));

	for (size_t i = 0; i < gen->image->ports.len; i++) {
		const struct image_port *p = vec_at(&gen->image->ports, i);

		memcpy(dp->ports->port[p->number].interface, p->interface, sizeof(p->interface));
	}
	for (size_t i = 0; i < gen->image->counters.len; i++) {
		const struct image_counter *c = vec_at(&gen->image->counters, i);
		char *name = dp->names->name[c->number];

		if (!strncmp(name, c->name, COUNTER_NAME_MAX))
			continue;
		bpf_map_update_elem(dp->map[SHARED_COUNTERS], &c->number, zero, 0);
		memcpy(name, c->name, COUNTER_NAME_MAX);
	}
	free(zero);
}

/*
 * What filters keep goes over to the generation that runs now; no packet is with the one before any more.
 * Where that has counted goes with its program.
 */
static void keep_on(struct datapath *dp, struct generation *old)
{
	struct generation *gen = dp->running;
	struct rule_counts *counts = dp->rule_counts;
	struct vec sets = dp->sets;

	dp->rule_counts = gen->rule_counts;
	dp->sets = gen->sets;
	dp->sets_generation = gen->number;
	gen->rule_counts = NULL;
	gen->sets = VEC(struct set_map);
	gen->sets_entered = false;
	rule_counts_carry(counts, dp->rule_counts);
	rule_counts_unpin(dp, counts);
	rule_counts_end(counts);
	if (old)
		old->rule_counts = counts;
	else
		rule_counts_free(counts);
	sets_settle(dp, &sets, &dp->sets, &gen->image->filter.sets, gen->number);
	sets_close(&sets);
}

/* The one before is done with: nothing of it is in any packet's way any more. */
static void retire(struct datapath *dp, struct generation *old, bool copies)
{
	struct text ignored = { 0 };

	detach_others(dp, dp->running);
	for (size_t i = 0; !needs_tc(dp->running->image) && i < dp->running->image->ports.len; i++)
		attach_tc(dp, ((struct image_port *)vec_at(&dp->running->image->ports, i))->number,
			  false, &ignored);
	datapath_wait();
	keep_on(dp, old);
	if (!copies)
		tx_egress(dp, 0, &ignored);
	if (!old) {
		uint32_t key[3];

		remove_stale(dp->map[SHARED_LEG_TABLE], key, dp->running->number);
		remove_stale(dp->map[SHARED_LEG_PORTS], key, dp->running->number);
	}
	if (old)
		remove_legs(old);
	spare_keep(old);
	text_free(&ignored);
}

int datapath_commit(struct datapath *dp, struct generation *gen, bool allow_missing,
		    struct text *why)
{
	bool copies = gen->image->legs.len > 0;
	struct generation *old = dp->running;
	bool was[PORTS_MAX];
	uint32_t zero = 0;
	int err;

	for (uint16_t i = 0; i < PORTS_MAX; i++)
		was[i] = dp->attached[i].link >= 0;
	err = copies ? tx_egress(dp, 1, why) : 0;
	if (!err)
		err = attach_ports(gen, allow_missing, why);
	if (err)
		goto undo;
	err = flow_map_pin(dp, gen->flow, why);
	if (!err && gen->rule_counts)
		err = rule_counts_pin(dp, gen->rule_counts, gen->number, gen->program, why);
	if (!err)
		err = sets_pin(dp, &gen->sets, why);
	if (err)
		goto undo;
	publish_names(gen);
	if (bpf_map_update_elem(dp->map[SHARED_GENERATIONS], &zero, &gen->program, 0)) {
		err = -errno;
		text_printf(why, "cannot swap the generation: %s", strerror(-err));
		goto undo;
	}
	dp->names->running = gen->number;
	dp->running = gen;
	dp->staged = NULL;
	if (!gen->flow)
		flow_map_unpin(dp);
	gen->flow = NULL;
	retire(dp, old, copies);
	return 0;
undo:
	reattach(dp, was);
	return err;
}

int datapath_commit_sets(struct datapath *dp, const struct image *image, uint32_t number,
			 struct text *why)
{
	struct generation *gen = dp->running;
	struct vec sets = VEC(struct set_map), none = VEC(struct set_map);
	struct image *copy;
	int err;

	if (!gen)
		return -ENOENT;
	err = sets_enter(&dp->sets, &image->filter.sets, number, &sets, why);
	for (size_t i = 0; !err && i < sets.len; i++)
		if (!((struct set_map *)vec_at(&sets, i))->pinned && dp->dir)
			err = -EINVAL;	/* another map, which the program does not know */
	if (err) {
		sets_take_back(&sets, number);
		sets_close(&sets);
		return err;
	}
	copy = image_copy(image);
	dp->names->running = number;
	__atomic_store_n(gen->sets_generation, number, __ATOMIC_RELEASE);
	dp->sets_generation = number;
	image_free(gen->image);
	gen->image = copy;
	datapath_wait();
	sets_settle(dp, &none, &dp->sets, &image->filter.sets, number);
	sets_close(&sets);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * spare.c: a program that is loaded already, with maps of the right sizes, for the next generation.
 *
 * To load a program is most of what a small change costs: the verifier takes a tenth of a second and
 * longer for one with filters, whether a rule has changed or all of them. But what it has verified
 * depends on the constants of .rodata and on the sizes of maps alone, and those stay as they are when the
 * tables of the next policy are laid out as those of the one before (compile/like.h). So two programs
 * that are loaded alike take turns:
 *
 *	one runs		the other is the spare, and no packet is with it
 *	datapath_stage()	its maps are filled, it gets the new number: it is staged, and asked
 *	datapath_commit()	slot 0 is swapped as ever; after the grace period the one that ran
 *				is the spare
 *
 * The programs know nothing of this, and promises stay what they are: what is filled is read by nobody; a
 * packet is with one program from its first instruction to its last, and so meets the tables of one
 * generation, its counters and its number; one store swaps; a daemon that dies leaves a program that
 * runs, and the next one has no spare. What else was weighed: both halves in one map, and a word that says
 * which, costs each packet an addition at every access, and bounds that the verifier cannot see as
 * constants; tables whose offsets are variables cost every packet the loads of them. The spare costs
 * memory: the maps of one generation once more.
 *
 * After a policy of another shape there is none. Then datapath_spare_open() and what follows load one
 * beside what runs, before somebody needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "datapath/state.h"

/* Whether a generation of @image's needs, as @gen says them, can have the program and the maps of @spare. */
static bool fits(const struct generation *spare, const struct generation *gen, const struct room *needs)
{
	const struct room *room = &spare->room;

	return !memcmp(spare->constants, gen->constants, constants_size()) &&
	       spare->tables == gen->tables && spare->flow_id == gen->flow_id &&
	       needs->groups <= room->groups && needs->group_prefixes <= room->group_prefixes &&
	       needs->group_count <= room->group_count && needs->rules <= room->rules &&
	       needs->actions <= room->actions && needs->macs <= room->macs &&
	       needs->sets == room->sets;
}

static struct room needs_of(const struct image *image)
{
	const struct image_filter *f = &image->filter;

	return (struct room){
		.groups = image->groups.len,
		.group_prefixes = image->group_prefixes.len,
		.group_count = image->group_count,
		.rules = f->rules.len,
		.actions = f->actions.len,
		.macs = f->macs.len,
		.sets = f->sets.len,
	};
}

#define MOVE(to, from, field) ((to)->field = (from)->field, (from)->field = NULL)

bool spare_take(struct generation *gen)
{
	struct generation *spare = gen->dp->spare;
	struct room needs = needs_of(gen->image);

	if (!spare || !fits(spare, gen, &needs))
		return false;
	MOVE(gen, spare, object);
	MOVE(gen, spare, trace);
	MOVE(gen, spare, sets_generation);
	MOVE(gen, spare, number_word);
	MOVE(gen, spare, rule_counts);
	gen->program = spare->program;
	gen->room = spare->room;
	gen->taken = true;
	memset(gen->trace, 0, sizeof(*gen->trace));
	spare_free(spare);
	gen->dp->spare = NULL;
	return true;
}

bool generation_was_loaded(const struct generation *gen)
{
	return !gen->taken;
}

void spare_free(struct generation *spare)
{
	if (spare)
		generation_release(spare);
}

/* Another one is there already, or the next generation will have another shape. */
static bool is_spare(const struct generation *old)
{
	const struct datapath *dp = old->dp;
	struct room needs;

	if (!dp->dir || dp->spare || !constants_filter(old)->layers)
		return false;
	needs = needs_of(dp->running->image);
	return fits(old, dp->running, &needs);
}

void spare_keep(struct generation *old)
{
	struct datapath *dp;

	if (!old)
		return;
	dp = old->dp;
	if (dp->spare && !datapath_has_spare(dp)) {
		spare_free(dp->spare);
		dp->spare = NULL;
	}
	if (!is_spare(old)) {
		generation_release(old);
		return;
	}
	close_legs(old);
	image_free(old->image);
	sets_close(&old->sets);
	old->image = NULL;
	old->number = 0;
	old->entered = old->sets_entered = false;
	dp->spare = old;
}

/* ---- one that is loaded for it ------------------------------------------------------ */

bool datapath_has_spare(const struct datapath *dp)
{
	struct room needs;

	if (!dp->spare || !dp->running)
		return false;
	needs = needs_of(dp->running->image);
	return fits(dp->spare, dp->running, &needs);
}

struct generation *datapath_spare_open(struct datapath *dp)
{
	const struct generation *running = dp->running;
	struct generation *spare;

	if (!dp->dir || !running || !constants_filter(running)->layers || datapath_has_spare(dp))
		return NULL;
	spare = xcalloc(1, sizeof(*spare));
	spare->dp = dp;
	spare->program = -1;
	spare->tables = tables_get(running->tables);
	spare->sets = VEC(struct set_map);
	spare->room = running->room;
	spare->constants = xcalloc(1, constants_size());
	memcpy(spare->constants, running->constants, constants_size());
	spare->flow_id = running->flow_id;
	spare->flow = running->flow_id ? dp->flow : NULL;
	return spare;
}

int datapath_spare_load(struct generation *spare, struct text *why)
{
	return generation_load(spare, why);
}

void datapath_spare_close(struct generation *spare, int err)
{
	struct datapath *dp = spare->dp;

	spare->flow = NULL;
	if (err) {
		spare_free(spare);
		return;
	}
	spare_free(dp->spare);	/* of another shape */
	dp->spare = spare;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * filter_tables.c: the lists of all layers become one area, and look-ups of addresses.
 *
 *	line 0		zero: where readers are sent that have gone astray, and layer 0's own
 *	layer 0		its area as rules_build() made it
 *	layer 1 ..	likewise, from a page's start; its shape's offsets count from the start of all
 *	words		for each layer and side a word a class; not if look-ups yield the words
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile/filter.h"

#define PAGE	4096u
#define NO_PLACE ((struct place){ 0 })

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- lists ------------------------------------------------------------------- */

static int over_budget(struct diags *diags, size_t bytes, size_t budget)
{
	diag_error(diags, NO_PLACE, "the tables of the filters take %zu kB, over the budget of %zu kB",
		   bytes >> 10, budget >> 10);
	diag_hint(diags, "sluiced --table-budget SIZE allows more");
	return -E2BIG;
}

/*
 * A program has no room on its stack for another loop within the walk of a layer that is not the
 * first: that takes tables of at most two bands.
 */
static int too_entangled(const struct rules *layer, struct diags *diags)
{
	diag_error(diags, rules_get(layer, rules_first(layer))->place,
		   "the rules that go on (without allow or drop), of which this is one, nest their "
		   "addresses too deeply for the budget");
	diag_hint(diags, "fewer of them, or sluiced --table-budget SIZE, would help");
	return -E2BIG;
}

/* Each layer has what those before it have left of the budget. */
static int build_lists(struct lowered *lowered, size_t budget, struct rules **rules, struct diags *diags)
{
	struct text why = { 0 };
	size_t used = 0;
	int err = 0;

	for (unsigned int l = 0; l < lowered->layers; l++) {
		struct rules_options options = { .budget = budget > used ? budget - used : 1 };

		err = rules_build(&lowered->layer[l], &options, &rules[l], &why);
		if (err)
			break;
		used += rules_shape(rules[l])->bytes;
		if (l > 0 && rules_shape(rules[l])->chain[0]) {
			text_free(&why);
			return too_entangled(rules[l], diags);
		}
	}
	if (err) {
		diag_error(diags, NO_PLACE, "the filters do not become tables: %s", text_string(&why));
		if (err == -EOVERFLOW)
			err = -E2BIG;
		else
			diag_hint(diags, "the budget for all of them is %zu kB; sluiced --table-budget SIZE "
				  "allows more", budget >> 10);
	}
	text_free(&why);
	return err;
}

/* ---- the area ------------------------------------------------------------------ */

static void move(uint32_t *offset, uint32_t by)
{
	if (*offset)
		*offset += by;
}

/* @s, whose tables lie @by bytes further on than it says. */
static void move_shape(struct rules_shape *s, uint32_t by)
{
	for (uint32_t i = 0; i < s->steps; i++) {
		move(&s->step[i].classes, by);
		move(&s->step[i].combined, by);
	}
	for (uint32_t i = 0; i < s->groups; i++)
		move(&s->group[i].bits, by);
	move(&s->heads, by);
	move(&s->lists, by);
	move(&s->rows, by);
	move(&s->ww, by);
	move(&s->nw, by);
	move(&s->wn, by);
	move(&s->buckets, by);
	move(&s->chain[0], by);
	move(&s->chain[1], by);
}

static void lay_layers(struct rules *const *rules, struct image_filter *f)
{
	size_t at = 0;

	for (unsigned int l = 0; l < f->shape.layers; l++) {
		struct rules_shape *s = &f->shape.layer[l];

		*s = *rules_shape(rules[l]);
		memcpy(f->area + at, rules_area(rules[l]), s->bytes);
		move_shape(s, at);
		for (uint32_t i = 0; i < s->steps; i++)
			f->shape.fields |= 1u << s->step[i].field;
		at += s->bytes;
		s->bytes = f->area_bytes;
		s->last = f->area_bytes - RULES_LINE;
	}
}

static void lay_words(const struct classes classes[2], struct image_filter *f, size_t at)
{
	for (unsigned int side = 0; side < 2; side++) {
		const struct classes *c = &classes[side];

		for (unsigned int l = 0; !c->direct && l < c->layers; l++) {
			f->shape.words[side][l] = at;
			memcpy(f->area + at, c->words[l], c->count * sizeof(uint32_t));
			at += round_up(c->count * sizeof(uint32_t), RULES_LINE);
		}
	}
}

/* Bytes of the layers, and of all. */
static size_t area_size(struct rules *const *rules, unsigned int layers, const struct classes classes[2],
			size_t *of_layers)
{
	size_t bytes = 0;

	for (unsigned int l = 0; l < layers; l++)
		bytes += rules_shape(rules[l])->bytes;
	*of_layers = bytes;
	for (unsigned int side = 0; side < 2; side++)
		bytes += layers * round_up(classes[side].count * sizeof(uint32_t), RULES_LINE);
	/* A reader takes a line at once: the last word has one behind it. */
	return round_up(bytes + (bytes > *of_layers ? RULES_LINE : 0), PAGE);
}

static void take_lookups(struct classes classes[2], struct image_filter *f)
{
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; v6 < 2; v6++) {
			f->shape.address[side][v6] = classes[side].shape[v6];
			f->shape.constant[side][v6] = classes[side].constant[v6];
			f->address[side][v6] = classes[side].table[v6];
			classes[side].table[v6] = NULL;
		}
}

static size_t lookup_size(const struct classes classes[2])
{
	size_t bytes = 0;

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int v6 = 0; v6 < 2; v6++)
			bytes += classes[side].table[v6] ? classes[side].shape[v6].bytes : 0;
	return bytes;
}

/* ---- all ---------------------------------------------------------------------------- */

static int join(struct rules *const *rules, struct classes classes[2], size_t budget,
		struct image_filter *f, struct diags *diags)
{
	unsigned int layers = f->shape.layers;
	size_t of_layers, all;
	int err = 0;

	for (unsigned int side = 0; !err && side < 2; side++)
		err = classes_build(rules, layers, side, &classes[side]);
	if (err) {
		diag_error(diags, NO_PLACE, "the addresses of the filters do not fit into a look-up: %s",
			   strerror(-err));
		return err;
	}
	f->area_bytes = area_size(rules, layers, classes, &of_layers);
	all = f->area_bytes + lookup_size(classes);
	if (all > budget)
		return over_budget(diags, all, budget);
	f->area = xcalloc(1, f->area_bytes);
	lay_layers(rules, f);
	lay_words(classes, f, of_layers);
	take_lookups(classes, f);
	return 0;
}

int compile_tables(struct lowered *lowered, size_t budget, struct image_filter *f, struct diags *diags)
{
	struct rules *rules[LAYERS_MAX] = { NULL };
	struct classes classes[2] = { 0 };
	int err;

	f->shape.layers = lowered->layers;
	err = build_lists(lowered, budget, rules, diags);
	if (!err)
		err = join(rules, classes, budget, f, diags);
	classes_free(&classes[0]);
	classes_free(&classes[1]);
	for (unsigned int l = 0; l < LAYERS_MAX; l++)
		rules_free(rules[l]);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * regions_index.c: the partition: trees of prefixes, services as sets of classes, and what is at each
 * pair of prefixes.
 */
#include "analyse/regions_inside.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/forest.h"

#define PIECES_MAX	((size_t)1 << 26)
#define SERVICES_BYTES	((size_t)512 << 20)	/* for the classes of services */

/* ---- the trees --------------------------------------------------------------------- */

/* Trees of one side. @place: set to the place of each of @f's nodes in their order. */
static void order_side(struct regions *r, enum rule_side side, struct forest *f, uint32_t **place)
{
	struct region_side *s = &r->side[side];

	forest_init(f);
	for (size_t i = 0; i < r->boxes.len; i++) {
		const struct rule *box = box_at(r, i)->box;

		for (uint32_t k = 0; k < box->prefixes[side]; k++)
			forest_put(f, &box->prefix[side][k]);
	}
	forest_order(f);
	s->nodes = f->order.len;
	s->node = xcalloc(s->nodes, sizeof(*s->node));
	*place = xcalloc(f->nodes.len, sizeof(**place));
	for (uint32_t i = 0; i < s->nodes; i++) {
		uint32_t node = *(uint32_t *)vec_at(&f->order, i);
		const struct forest_node *n = forest_node(f, node);

		(*place)[node] = i;
		s->node[i] = (struct region_node){
			.prefix = n->prefix, .size = n->size, .up = NONE,
			.parent = n->parent ? (*place)[n->parent] : NONE,
		};
	}
}

/* The nodes of one side of @box. */
static struct region_nodes place_side(const struct regions *r, enum rule_side side, const struct forest *f,
			       const uint32_t *place, const struct rule *box)
{
	static const uint32_t roots[3] = { FOREST_NOT_IP, FOREST_ROOT4, FOREST_ROOT6 };
	uint32_t count = box->prefixes[side], n = 0;
	struct region_nodes nodes = { .node = xcalloc(count ? count : 3, sizeof(uint32_t)) };

	for (uint32_t i = 0; i < count; i++) {
		const struct prefix *p = &box->prefix[side][i];

		if (box->families & family_bit[family_number(p->addr.family)])
			nodes.node[n++] = place[forest_get(f, p)];
	}
	for (unsigned int i = 0; !count && i < 3; i++)
		if (box->families & family_bit[i])
			nodes.node[n++] = place[roots[i]];
	qsort(nodes.node, n, sizeof(*nodes.node), number_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (!nodes.count ||
		    !is_over(&r->side[side], nodes.node[nodes.count - 1], nodes.node[i]))
			nodes.node[nodes.count++] = nodes.node[i];
	return nodes;
}

/* ---- services as sets -------------------------------------------------------------- */

/* @rule with only the tests of fields in @tested. */
static struct rule *reduced(const struct rule *rule, uint32_t tested)
{
	struct rule_test *test = xcalloc(rule->tests + 1, sizeof(*test));
	struct rule some = *rule, *copy;

	some.tests = 0;
	some.test = test;
	for (uint32_t i = 0; i < rule->tests; i++)
		if (tested >> rule->test[i].field & 1)
			test[some.tests++] = rule->test[i];
	copy = rule_copy(&some);
	free(test);
	return copy;
}

static void make_columns(struct regions *r)
{
	const struct services *s = &r->services;

	r->groups = s->groups;
	for (unsigned int g = 0; g < r->groups; g++) {
		r->at[g] = r->width;
		r->words[g] = (s->group[g].classes + 63) / 64;
		r->width += r->words[g];
	}
	r->column = xcalloc(s->list.len * (size_t)r->width, sizeof(*r->column));
	for (unsigned int g = 0; g < r->groups; g++)
		services_columns(s, g, r->column + r->at[g], r->width);
}

static int classify(struct regions *r, struct text *why)
{
	struct rule **some = xcalloc(r->possible.len + 1, sizeof(*some));
	uint32_t tested = 0;
	int err;

	for (size_t i = 0; i < r->boxes.len; i++)
		for (uint32_t k = 0; k < box_at(r, i)->box->tests; k++)
			tested |= 1u << box_at(r, i)->box->test[k].field;
	for (size_t i = 0; i < r->possible.len; i++) {
		const struct rule *p = *(struct rule **)vec_at(&r->possible, i);
		uint32_t service;

		some[i] = reduced(p, tested);
		service = services_add(&r->services, some[i]);
		for (unsigned int f = 0; f < 3; f++)
			if (p->families & family_bit[f])
				vec_append(&r->families[f], &service);
	}
	for (unsigned int f = 0; f < 3 && !r->possible.len; f++)
		*(uint32_t *)vec_push(&r->families[f]) = 0;
	err = services_classify(&r->services, SERVICES_BYTES, r->most, why);
	for (size_t i = 0; i < r->possible.len; i++)
		rule_free(some[i]);
	free(some);
	if (err)
		return err;
	make_columns(r);
	for (unsigned int f = 0; f < 3 && r->groups == 1; f++) {
		r->family[f] = xcalloc(r->width, sizeof(uint64_t));
		for (size_t i = 0; i < r->families[f].len; i++) {
			const uint64_t *c = column_of(r, *(uint32_t *)vec_at(&r->families[f], i));

			for (uint32_t w = 0; w < r->width; w++)
				r->family[f][w] |= c[w];
		}
	}
	return 0;
}

/* ---- the index: what is at a pair of prefixes --------------------------------------- */

struct piece_entry {
	uint32_t source, destination;
	unsigned int list;
	struct region_entry entry;
};

static int piece_cmp(const void *a, const void *b)
{
	const struct piece_entry *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	if (x->destination != y->destination)
		return x->destination < y->destination ? -1 : 1;
	return x->entry.box < y->entry.box ? -1 : x->entry.box > y->entry.box;
}

static int expand(struct regions *r, struct vec *pieces, struct text *why)
{
	for (uint32_t i = 0; i < r->boxes.len; i++) {
		const struct region_placed *p = &r->placed[i];
		const struct region_box *b = box_at(r, i);

		if (pieces->len + (size_t)p->side[0].count * p->side[1].count > PIECES_MAX) {
			text_printf(why, "the rules have more than %zu pairs of a source and a "
				    "destination prefix: they cannot be analysed", PIECES_MAX);
			return -E2BIG;
		}
		for (uint32_t s = 0; s < p->side[0].count; s++)
			for (uint32_t d = 0; d < p->side[1].count; d++) {
				struct piece_entry e = {
					p->side[0].node[s], p->side[1].node[d], b->list,
					{ b->number, b->lane, p->service, i },
				};

				if (same_family(r, e.source, e.destination))
					vec_append(pieces, &e);
			}
	}
	return 0;
}

/*
 * Runs and entries of the sorted pieces. Behind an entry, one of the same list and lane, at the same
 * pair and with the same service, takes nothing away any more and is met by no packet.
 */
static void make_runs(struct regions *r, const struct vec *pieces)
{
	struct region_run *run = NULL;

	r->run = xcalloc(pieces->len + 1, sizeof(*r->run));
	r->entry = xcalloc(pieces->len + 1, sizeof(*r->entry));
	for (size_t i = 0; i < pieces->len; i++) {
		const struct piece_entry *p = vec_at(pieces, i), *before = p - 1;
		struct region_node *source = &r->side[0].node[p->source];

		if (!i || before->source != p->source || before->list != p->list ||
		    before->destination != p->destination) {
			run = &r->run[r->runs];
			*run = (struct region_run){ p->destination, p->list, r->entries, 0 };
			if (!source->runs++)
				source->run = r->runs;
			r->runs++;
			r->turn++;
		}
		if (!p->entry.lane && r->seen[p->entry.service] == r->turn)
			continue;
		if (!p->entry.lane)
			r->seen[p->entry.service] = r->turn;
		r->entry[r->entries++] = p->entry;
		run->entries++;
	}
	for (uint32_t i = 0; i < r->side[0].nodes; i++) {
		struct region_node *n = &r->side[0].node[i];

		if (n->parent != NONE)
			n->up = r->side[0].node[n->parent].runs ? n->parent :
				r->side[0].node[n->parent].up;
	}
}

int regions_close(struct regions *r, struct text *why)
{
	struct vec pieces = VEC(struct piece_entry);
	struct forest forest[2];
	uint32_t *place[2];
	int err;

	r->placed = xcalloc(r->boxes.len + 1, sizeof(*r->placed));
	for (unsigned int side = 0; side < 2; side++)
		order_side(r, side, &forest[side], &place[side]);
	for (size_t i = 0; i < r->boxes.len; i++) {
		const struct rule *box = box_at(r, i)->box;

		for (unsigned int side = 0; side < 2; side++)
			r->placed[i].side[side] = place_side(r, side, &forest[side], place[side], box);
		r->placed[i].service = services_add(&r->services, box);
	}
	for (unsigned int side = 0; side < 2; side++) {
		forest_free(&forest[side]);
		free(place[side]);
	}
	err = classify(r, why);
	if (!err)
		err = expand(r, &pieces, why);
	if (!err) {
		if (pieces.len)
			qsort(pieces.data, pieces.len, sizeof(struct piece_entry), piece_cmp);
		r->seen = xcalloc(r->services.list.len, sizeof(*r->seen));
		r->left = xcalloc(r->width, sizeof(*r->left));
		r->mark = xcalloc(r->boxes.len + 1, sizeof(*r->mark));
		make_runs(r, &pieces);
	}
	vec_free(&pieces);
	return err;
}

uint32_t region_first_run(const struct regions *r, const struct region_node *source, unsigned int list,
			  uint32_t destination)
{
	uint32_t low = source->run, high = source->run + source->runs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct region_run *run = &r->run[middle];

		if (run->list < list || (run->list == list && run->destination < destination))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ask_cells.c: each cell that is in use: for each rule that it names a packet of that rule between two
 * addresses of the cell; of a row, and between two wide nodes, a packet of each service class.
 */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "verify/run.h"

#define WIDE_MAX	200000		/* packets for cells that may be empty */

/* Stand-ins by their class in a layer, and by the nodes over it; by family. RULES_NONE: none. */
struct by_class {
	uint32_t classes[2];		/* of source and destination */
	uint32_t *own[2], *below[2];	/* [class][family is IPv6] */
};

/* The nodes over the class of @word: of two bands the wide one, of more one in each. */
static unsigned int nodes_over(const struct run *r, unsigned int layer, unsigned int side, uint32_t word,
			       uint32_t node[RULES_BANDS_MAX])
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];
	unsigned int n = 0;

	node[0] = RULES_WIDE(word);
	if (!s->chain[side])
		return 1;
	for (; n < RULES_BANDS_MAX && n < s->bands[side]; n++)
		node[n] = rules_word(r->filter->area, s, s->chain[side],
				     (uint64_t)RULES_CLASS(word) * s->bands[side] + n);
	return n;
}

static void by_class_init(const struct run *r, unsigned int layer, struct by_class *b)
{
	for (unsigned int side = 0; side < 2; side++) {
		size_t n = r->stand_ins[side].len;

		b->classes[side] = r->filter->shape.layer[layer].wide[side];
		for (size_t i = 0; i < n; i++) {
			uint32_t class = RULES_CLASS(stand_in(r, side, i)->word[layer]);

			if (class >= b->classes[side])
				b->classes[side] = class + 1;
		}
		b->own[side] = xcalloc(2 * b->classes[side] + 2, sizeof(uint32_t));
		b->below[side] = xcalloc(2 * b->classes[side] + 2, sizeof(uint32_t));
		memset(b->own[side], 0xff, 2 * b->classes[side] * sizeof(uint32_t));
		memset(b->below[side], 0xff, 2 * b->classes[side] * sizeof(uint32_t));
		for (size_t i = 0; i < n; i++) {
			const struct stand_in *s = stand_in(r, side, i);
			uint32_t class = RULES_CLASS(s->word[layer]), node[RULES_BANDS_MAX];
			unsigned int six = s->addr.family == ADDR_V6;

			b->own[side][2 * class + six] = i;
			for (unsigned int j = nodes_over(r, layer, side, s->word[layer], node); j--;)
				if (node[j] < b->classes[side])
					b->below[side][2 * node[j] + six] = i;
		}
	}
}

static void by_class_free(struct by_class *b)
{
	for (unsigned int side = 0; side < 2; side++) {
		free(b->own[side]);
		free(b->below[side]);
	}
}

static uint32_t of_node(const struct by_class *b, unsigned int side, uint32_t node, unsigned int six)
{
	if (node >= b->classes[side])
		return RULES_NONE;
	return b->own[side][2 * node + six] != RULES_NONE ? b->own[side][2 * node + six] :
							    b->below[side][2 * node + six];
}

/* A cell: two nodes, and what it says. */
struct cell {
	unsigned int layer;
	uint32_t node[2];
	uint32_t content;
};

/* The packet that met the rule of @box between the addresses of @cell. */
static void ask_box(struct run *r, const struct by_class *b, const struct cell *cell, uint32_t box)
{
	const struct rules_shape *s = &r->filter->shape.layer[cell->layer];
	const struct rules_head *head = rules_at(r->filter->area, s, s->heads + sizeof(*head) * (uint64_t)box);
	uint32_t rule = ACTION_RULE(head->action);

	for (unsigned int six = 0; rule < r->p->rules.len && six < 2; six++) {
		uint32_t at = r->base_of[2 * rule + six];
		struct context c = { of_node(b, 0, cell->node[0], six), of_node(b, 1, cell->node[1], six),
				     six ? ADDR_V6 : ADDR_V4 };
		struct packet k;

		if (at && c.source != RULES_NONE && c.destination != RULES_NONE &&
		    base_packet(r, vec_at(&r->bases, at - 1), &k))
			ask(r, &k, &c, NULL);
	}
}

/* Nodes that no address has, because others below cover them, have cells that no packet looks at. */
static bool is_reachable(const struct by_class *b, const struct cell *cell)
{
	for (unsigned int six = 0; six < 2; six++)
		if (of_node(b, 0, cell->node[0], six) != RULES_NONE &&
		    of_node(b, 1, cell->node[1], six) != RULES_NONE)
			return true;
	return !cell->node[0] && !cell->node[1];	/* what is not IP */
}

/* A packet of each service class between the addresses of @cell. */
static void ask_classes(struct run *r, const struct by_class *b, const struct cell *cell)
{
	for (size_t i = 0; i < r->ways.len && !time_is_up(r); i++) {
		struct packet *k = vec_at(&r->ways, i);
		unsigned int six = k->family == ADDR_V6;
		struct context c = { of_node(b, 0, cell->node[0], six), of_node(b, 1, cell->node[1], six),
				     k->family };

		if (k->family && c.source != RULES_NONE && c.destination != RULES_NONE)
			ask(r, k, &c, NULL);
	}
}

static void ask_content(struct run *r, const struct by_class *b, const struct cell *cell)
{
	const struct rules_shape *s = &r->filter->shape.layer[cell->layer];
	uint32_t kind = RULES_KIND(cell->content), at = RULES_AT(cell->content);

	switch (kind) {
	case RULES_SURE:
	case RULES_ONE:
		ask_box(r, b, cell, at);
		break;
	case RULES_LIST:
		for (uint32_t i = 0; i < s->list_max; i++) {
			const struct rules_entry *e =
				rules_at(r->filter->area, s, s->lists + sizeof(*e) * ((uint64_t)at + i));

			ask_box(r, b, cell, e->rule);
			if (e->service & RULES_LAST)
				break;
		}
		break;
	case RULES_ROW:
		ask_classes(r, b, cell);
		break;
	}
}

static void ask_cell(struct run *r, const struct by_class *b, const struct cell *cell)
{
	if (is_reachable(b, cell))
		ask_content(r, b, cell);
	else
		r->unreachable++;
}

static void ask_array(struct run *r, const struct by_class *b, unsigned int layer, uint32_t table,
		      const uint32_t first[2], const uint32_t end[2], bool swapped)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];
	uint64_t at = 0;

	for (uint32_t x = first[swapped]; table && x < end[swapped]; x++) {
		for (uint32_t y = first[!swapped]; y < end[!swapped] && !time_is_up(r); y++, at++) {
			struct cell cell = { .layer = layer };

			cell.node[swapped] = x;
			cell.node[!swapped] = y;
			cell.content = rules_word(r->filter->area, s, table, at);
			if (cell.content)
				ask_cell(r, b, &cell);
		}
	}
}

static void ask_hash(struct run *r, const struct by_class *b, unsigned int layer)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];

	for (uint64_t i = 0; s->hashed && i < s->bucket_count && !time_is_up(r); i++) {
		const struct rules_bucket *bucket = rules_at(r->filter->area, s, s->buckets + RULES_LINE * i);

		for (unsigned int j = 0; j < RULES_BUCKET; j++) {
			const struct cell cell = {
				.layer = layer,
				.node = { bucket->key[j] >> RULES_CLASS_BITS, RULES_CLASS(bucket->key[j]) },
				.content = bucket->cell[j],
			};

			if (bucket->key[j] && cell.content)
				ask_cell(r, b, &cell);
		}
	}
}

/* Every cell of the plane where both sides are wide, with a packet of each class. */
static void ask_wide(struct run *r, const struct by_class *b, unsigned int layer)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];

	for (uint32_t x = 0; x < s->wide[0]; x++) {
		for (uint32_t y = 0; y < s->wide[1] && !time_is_up(r); y++) {
			const struct cell cell = { .layer = layer, .node = { x, y } };

			ask_classes(r, b, &cell);
		}
	}
}

void ask_used_cells(struct run *r)
{
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		const struct rules_shape *s = &r->filter->shape.layer[l];
		struct by_class b;
		const uint32_t none[2] = { 0, 0 };

		by_class_init(r, l, &b);
		/* Where both are wide all that rules say of any address lies: every pair is asked, full or not. */
		if ((uint64_t)s->wide[0] * s->wide[1] * r->ways.len <= WIDE_MAX)
			ask_wide(r, &b, l);
		ask_array(r, &b, l, s->ww, none, s->wide, false);
		ask_array(r, &b, l, s->nw, (uint32_t[]){ s->wide[0], 0 },
			  (uint32_t[]){ b.classes[0], s->wide[1] }, false);
		ask_array(r, &b, l, s->wn, (uint32_t[]){ 0, s->wide[1] },
			  (uint32_t[]){ s->wide[0], b.classes[1] }, true);
		ask_hash(r, &b, l);
		by_class_free(&b);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * filter_classes.c: one look-up a side, whatever the number of layers.
 *
 * Each layer cuts the addresses of a side into pieces, by its rules' prefixes, and has a word for each
 * (bpf/rules.h). All layers' prefixes together cut them finer, and a piece of those has a word in each
 * layer: that of the longest prefix of the layer over it. Pieces with the same words in all layers
 * are one class, of either family; the look-up yields its number, and an array a layer its words.
 *
 *	layer 0: 10.0.0.0/8 -> A, else B	10.1.0.0/16	class 1: A C
 *	layer 1: 10.1.0.0/16 -> C, else D	10.0.0.0/8	class 2: A D
 *						0.0.0.0/0	class 3: B D
 *
 * The prefixes are walked in their order, an outer one before those in it, with the words of all that
 * are open on a stack. With a single layer there is nothing to be joined: the look-up yields the word,
 * unless that has more bits than a look-up can yield.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "compile/filter.h"
#include "lpm/lpm.h"

struct piece {
	struct prefix prefix;
	unsigned int layer;
	uint32_t word;
};

/* A prefix that is open: the walk is within it. */
struct open {
	struct prefix prefix;
	uint32_t result;
	uint32_t words[LAYERS_MAX];
};

struct walk {
	struct classes *classes;
	struct table numbers;		/* words of all layers -> uint32_t class */
	struct vec open;		/* of struct open, outermost first */
	struct vec routes[2];		/* of struct lpm_route: IPv4, IPv6 */
};

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int order = prefix_cmp(&x->prefix, &y->prefix);

	return order ? order : (int)x->layer - (int)y->layer;
}

static void collect(struct rules *const *rules, unsigned int layers, enum rule_side side,
		    struct vec *pieces, uint32_t *greatest)
{
	bool in_order = true;

	*greatest = 0;
	for (unsigned int l = 0; l < layers; l++) {
		struct vec addresses = VEC(struct rules_address);

		rules_addresses(rules[l], side, &addresses);
		for (size_t i = 0; i < addresses.len; i++) {
			const struct rules_address *a = vec_at(&addresses, i);
			struct piece *p = vec_push(pieces);

			p->prefix = a->prefix;
			p->layer = l;
			p->word = a->word;
			in_order = in_order && (pieces->len == 1 || compare_pieces(p - 1, p) < 0);
			*greatest = a->word > *greatest ? a->word : *greatest;
		}
		vec_free(&addresses);
	}
	if (!in_order)
		qsort(pieces->data, pieces->len, pieces->elem_size, compare_pieces);
}

static uint32_t class_of(struct walk *w, const uint32_t *words)
{
	struct classes *c = w->classes;
	uint32_t *number;
	bool fresh;

	if (c->direct)
		return words[0];
	number = table_put(&w->numbers, words, &fresh);
	if (!fresh)
		return *number;
	*number = c->count++;
	for (unsigned int l = 0; l < c->layers; l++) {
		if (!(*number & (*number - 1)))
			c->words[l] = xrealloc(c->words[l], 2 * *number * sizeof(uint32_t));
		c->words[l][*number] = words[l];
	}
	return *number;
}

/* All pieces of one prefix: @n from @piece on. */
static void take(struct walk *w, const struct piece *piece, size_t n)
{
	const struct open *outer = NULL;
	struct open here = { .prefix = piece->prefix };

	while (w->open.len) {
		outer = vec_at(&w->open, w->open.len - 1);
		if (prefix_contains(&outer->prefix, &piece->prefix))
			break;
		vec_pop(&w->open);
		outer = NULL;
	}
	if (outer)
		memcpy(here.words, outer->words, sizeof(here.words));
	for (size_t i = 0; i < n; i++)
		here.words[piece[i].layer] = piece[i].word;
	here.result = class_of(w, here.words);
	if (!outer || outer->result != here.result) {
		struct lpm_route *route = vec_push(&w->routes[piece->prefix.addr.family == ADDR_V6]);

		route->prefix = piece->prefix;
		route->result = here.result;
	}
	vec_append(&w->open, &here);
}

static int make_tables(struct classes *c, struct vec routes[2])
{
	static const uint8_t families[2] = { ADDR_V4, ADDR_V6 };
	int err = 0;

	for (unsigned int v6 = 0; !err && v6 < 2; v6++) {
		const struct lpm_route *first = routes[v6].data;
		void *table = NULL;

		/* Every family has its shortest prefix, of no bits, in every layer. */
		if (routes[v6].len == 1 && !first->prefix.len) {
			c->constant[v6] = first->result;
			continue;
		}
		err = lpm_fixed(families[v6], routes[v6].data, routes[v6].len, &c->shape[v6], &table);
		c->table[v6] = table;
	}
	return err;
}

int classes_build(struct rules *const *rules, unsigned int layers, enum rule_side side,
		  struct classes *c)
{
	struct vec pieces = VEC(struct piece);
	struct walk w = {
		.classes = c,
		.numbers = { .key_size = layers * sizeof(uint32_t), .value_size = sizeof(uint32_t) },
		.open = VEC(struct open),
		.routes = { VEC(struct lpm_route), VEC(struct lpm_route) },
	};
	uint32_t greatest;
	int err;

	*c = (struct classes){ .layers = layers };
	collect(rules, layers, side, &pieces, &greatest);
	c->direct = layers == 1 && greatest <= LPM_WIDE_MAX;
	for (unsigned int l = 0; !c->direct && l < layers; l++)
		c->words[l] = xcalloc(1, sizeof(uint32_t));
	c->count = c->direct ? 0 : 1;
	for (size_t i = 0, n; i < pieces.len; i += n) {
		const struct piece *p = vec_at(&pieces, i);

		for (n = 1; i + n < pieces.len && prefix_equal(&p->prefix, &p[n].prefix); n++)
			;
		take(&w, p, n);
	}
	err = make_tables(c, w.routes);
	table_free(&w.numbers);
	vec_free(&w.open);
	vec_free(&w.routes[0]);
	vec_free(&w.routes[1]);
	vec_free(&pieces);
	return err;
}

void classes_free(struct classes *c)
{
	for (unsigned int l = 0; l < LAYERS_MAX; l++)
		free(c->words[l]);
	free(c->table[0]);
	free(c->table[1]);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * bands.c: choosing bands by counting cells.
 *
 * Limits are 2^i - 1 nodes. For two bands a side a histogram over the pieces, by the
 * logarithms of their two subtrees, gives the writes into the hash for all pairs of limits at
 * once, and one over the nodes the sizes of the dense planes; the most promising
 * pairs are then counted in full. If none of them fits, more bands: each limit in turn is set
 * to the best value between its neighbours, until nothing gets better.
 */
#include "rules/bands.h"

#include <stdlib.h>
#include <string.h>

#define LOGS		22	/* logarithms of sizes, and one for roots, which are always wide */
#define ROOT_LOG	(LOGS - 1)
#define SMALL		((size_t)64 << 10)	/* bytes: then a single plane is best */
#define CELL_HASHED	15	/* bytes a hashed cell takes, with the free ones beside it */
/*
 * A cell of an array is one look, a hashed one two lines and up to ten comparisons whose outcome no
 * processor foresees: an array may be larger than the hash, while it is small all the same.
 */
#define DENSE_TIMES	8
#define DENSE_LARGE	16	/* a part of the budget: never a larger one */
#define DENSE_SMALL	256	/* likewise: one that small is never hashed */
#define WRITES_MAX	((size_t)100000000)	/* some seconds */
#define TRIED		6	/* pairs of limits that are counted in full */

static unsigned int log_of(const struct forest_node *n)
{
	return n->parent ? 32 - __builtin_clz(n->size) : ROOT_LOG;
}

/* ---- counting one choice --------------------------------------------------- */

/* By node: how many of its band are at and below it, its band in the low bits. */
#define BAND_BITS 3
static uint32_t *count_side(const struct forest *f, unsigned int bands, const uint32_t *limit,
			    uint32_t *wide)
{
	uint32_t *count = xcalloc(f->nodes.len, sizeof(*count));

	*wide = 0;
	for (size_t i = f->order.len; i-- > 0;) {
		uint32_t node = *(uint32_t *)vec_at(&f->order, i);
		const struct forest_node *n = forest_node(f, node);
		unsigned int band = 0, above = 0;

		if (n->parent)
			while (band + 1 < bands && n->size <= limit[band])
				band++;
		*wide += !band;
		count[node] += (1 << BAND_BITS) + band;
		if (!n->parent)
			continue;
		if (forest_node(f, n->parent)->parent)
			while (above + 1 < bands &&
			       forest_node(f, n->parent)->size <= limit[above])
				above++;
		if (above == band)
			count[n->parent] += count[node] & ~7u;
	}
	return count;
}

/* What a choice comes to: (cell, rule) pairs by the plane, and narrow nodes by the side. */
struct count {
	size_t writes[2][2], narrow[2];
};

static void count_choice(const struct forest *forest, const struct vec *pieces, struct bands *c,
			 struct count *n)
{
	uint32_t *count[2];

	*n = (struct count){ 0 };
	for (unsigned int side = 0; side < 2; side++) {
		count[side] = count_side(&forest[side], c->bands[side], c->limit[side],
					 &c->wide[side]);
		n->narrow[side] = forest_size(&forest[side]) - c->wide[side];
	}
	for (size_t i = 0; i < pieces->len; i++) {
		const struct piece *p = vec_at(pieces, i);
		uint32_t s = count[0][p->node[0]], d = count[1][p->node[1]];

		n->writes[!!(s & 7)][!!(d & 7)] += (size_t)(s >> BAND_BITS) * (d >> BAND_BITS);
	}
	free(count[0]);
	free(count[1]);
	c->nw = n->writes[1][0];
	c->wn = n->writes[0][1];
	c->nn = n->writes[1][1];
	c->writes = n->writes[0][0] + n->writes[0][1] + n->writes[1][0] + n->writes[1][1];
}

/* Whether a plane with a wide side is hashed; its bytes are added. @fast: it may take more than the least. */
static bool is_hashed(size_t writes, size_t dense, size_t budget, bool fast, size_t *bytes)
{
	size_t hashed = CELL_HASHED * writes;
	bool small = dense <= hashed || (fast && dense <= budget / DENSE_LARGE &&
					 (dense <= DENSE_TIMES * hashed || dense <= budget / DENSE_SMALL));

	if (writes)
		*bytes += small ? dense : hashed;
	return writes && !small;
}

/* The forms of the planes, and their bytes. */
static void choose_forms(const struct forest *forest, const struct count *n, size_t budget, bool fast,
			 struct bands *c)
{
	c->bytes = sizeof(uint32_t) * c->wide[0] * c->wide[1] + CELL_HASHED * n->writes[1][1];
	c->nw_hashed = is_hashed(n->writes[1][0], sizeof(uint32_t) * n->narrow[0] * c->wide[1], budget,
				 fast, &c->bytes);
	c->wn_hashed = is_hashed(n->writes[0][1], sizeof(uint32_t) * n->narrow[1] * c->wide[0], budget,
				 fast, &c->bytes);
	if (c->bands[0] > 2 || c->bands[1] > 2)
		for (unsigned int side = 0; side < 2; side++)
			c->bytes += sizeof(uint32_t) * forest_size(&forest[side]) * c->bands[side];
}

static bool is_possible(const struct bands *c, size_t budget)
{
	return c->bytes <= budget && c->writes <= WRITES_MAX && c->wide[0] <= RULES_WIDE_MAX &&
	       c->wide[1] <= RULES_WIDE_MAX;
}

/* Writes take time, and long lists room: a byte each. */
static size_t cost(const struct bands *c)
{
	return c->bytes + c->writes;
}

static int choice_cmp(const void *a, const void *b)
{
	size_t x = cost(a), y = cost(b);

	return x < y ? -1 : x > y;
}

/* ---- two bands --------------------------------------------------------------- */

/* A pair of limits, and what it takes by the histograms. */
struct pair {
	unsigned int log[2];
	double bytes;
};

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return x->log[0] != y->log[0] ? (int)x->log[0] - (int)y->log[0] :
	       (int)x->log[1] - (int)y->log[1];
}

static void sort_from(struct vec *choices, size_t first)
{
	if (choices->len - first > 1)
		qsort(vec_at(choices, first), choices->len - first, choices->elem_size, choice_cmp);
}

/* Where larger tables are faster they come first, and then, should those not fit, the least. */
static void choose_two(const struct forest *forest, const struct vec *pieces, size_t budget,
		       struct vec *choices)
{
	size_t before = choices->len;
	double weight[LOGS + 1][LOGS + 1] = { { 0 } };
	size_t nodes[2][LOGS] = { { 0 } };
	struct pair pair[ROOT_LOG * ROOT_LOG];
	struct vec least = VEC(struct bands);
	unsigned int pairs = 0;

	for (unsigned int side = 0; side < 2; side++)
		for (size_t i = 1; i < forest[side].nodes.len; i++)
			nodes[side][log_of(forest_node(&forest[side], i))]++;
	for (size_t i = 0; i < pieces->len; i++) {
		const struct piece *p = vec_at(pieces, i);
		const struct forest_node *s = forest_node(&forest[0], p->node[0]);
		const struct forest_node *d = forest_node(&forest[1], p->node[1]);

		weight[log_of(s)][log_of(d)] += (double)s->size * d->size;
	}
	/* weight[i][j] becomes the sum of all up to i and j. */
	for (unsigned int i = 0; i < ROOT_LOG; i++)
		for (unsigned int j = 0; j < ROOT_LOG; j++)
			weight[i][j] += (i ? weight[i - 1][j] : 0) + (j ? weight[i][j - 1] : 0) -
					(i && j ? weight[i - 1][j - 1] : 0);
	for (unsigned int i = 0; i < ROOT_LOG; i++) {
		for (unsigned int j = 0; j < ROOT_LOG; j++) {
			double narrow[2] = { 0 }, wide[2] = { 0 };

			for (unsigned int k = 0; k < LOGS; k++) {
				*(k <= i ? &narrow[0] : &wide[0]) += nodes[0][k];
				*(k <= j ? &narrow[1] : &wide[1]) += nodes[1][k];
			}
			if (wide[0] > RULES_WIDE_MAX || wide[1] > RULES_WIDE_MAX)
				continue;
			pair[pairs++] = (struct pair){ { i, j },
				4 * (wide[0] * wide[1] + narrow[0] * wide[1] + narrow[1] * wide[0]) +
				CELL_HASHED * weight[i][j] };
		}
	}
	qsort(pair, pairs, sizeof(*pair), pair_cmp);
	for (unsigned int i = 0; i < pairs && i < TRIED; i++) {
		struct bands c = { 0 }, fast;
		struct count n;

		for (unsigned int side = 0; side < 2; side++) {
			c.bands[side] = pair[i].log[side] ? 2 : 1;
			c.limit[side][0] = (1u << pair[i].log[side]) - 1;
		}
		count_choice(forest, pieces, &c, &n);
		fast = c;
		choose_forms(forest, &n, budget, true, &fast);
		choose_forms(forest, &n, budget, false, &c);
		if (is_possible(&fast, budget))
			vec_append(choices, &fast);
		if (is_possible(&c, budget) && c.bytes < fast.bytes)
			vec_append(&least, &c);
	}
	sort_from(choices, before);
	before = choices->len;
	for (size_t i = 0; i < least.len; i++)
		vec_append(choices, vec_at(&least, i));
	sort_from(choices, before);
	vec_free(&least);
}

/* ---- more bands -------------------------------------------------------------- */

static unsigned int greatest_log(const struct forest *f)
{
	unsigned int greatest = 1;

	for (size_t i = FOREST_ROOTS; i < f->nodes.len; i++)
		if (log_of(forest_node(f, i)) > greatest)
			greatest = log_of(forest_node(f, i));
	return greatest;
}

static void count_least(const struct forest *forest, const struct vec *pieces, struct bands *c)
{
	struct count n;

	count_choice(forest, pieces, c, &n);
	choose_forms(forest, &n, 0, false, c);
}

/* Tries all values for one limit that keep the limits falling. Return: whether one was better. */
static bool improve(const struct forest *forest, const struct vec *pieces, struct bands *c,
		    unsigned int side, unsigned int which, unsigned int greatest)
{
	unsigned int low = which + 2 < c->bands[side] ?
			   32u - __builtin_clz(c->limit[side][which + 1]) : 0;
	unsigned int high = which ? 32u - __builtin_clz(c->limit[side][which - 1]) : greatest;
	struct bands best = *c;

	for (unsigned int log = low; log <= high; log++) {
		struct bands other = *c;

		other.limit[side][which] = (1u << log) - 1;
		if (!other.limit[side][which] || other.limit[side][which] == c->limit[side][which])
			continue;
		count_least(forest, pieces, &other);
		/* Too wide is worse than any size. */
		if (other.wide[0] > RULES_WIDE_MAX || other.wide[1] > RULES_WIDE_MAX)
			continue;
		if (cost(&other) < cost(&best) || best.wide[0] > RULES_WIDE_MAX ||
		    best.wide[1] > RULES_WIDE_MAX)
			best = other;
	}
	if (!memcmp(best.limit, c->limit, sizeof(best.limit)))
		return false;
	*c = best;
	return true;
}

static void choose_more(const struct forest *forest, const struct vec *pieces, unsigned int bands,
			size_t budget, struct vec *choices)
{
	unsigned int greatest[2];
	struct bands c = { .bands = { bands, bands } };
	bool better = true;

	for (unsigned int side = 0; side < 2; side++) {
		greatest[side] = greatest_log(&forest[side]);
		for (unsigned int i = 0; i + 1 < bands; i++)
			c.limit[side][i] = (1u << (1 + greatest[side] * (bands - 1 - i) / bands)) - 1;
	}
	count_least(forest, pieces, &c);
	for (unsigned int round = 0; better && round < 4; round++) {
		better = false;
		for (unsigned int side = 0; side < 2; side++)
			for (unsigned int i = 0; i + 1 < bands; i++)
				better |= improve(forest, pieces, &c, side, i, greatest[side]);
	}
	if (is_possible(&c, budget))
		vec_append(choices, &c);
}

void bands_choose(const struct forest *forest, const struct vec *pieces, size_t budget, bool more,
		  struct vec *choices)
{
	/* One cell a packet: but where wide rules cross in each of them, rows are many. */
	struct bands all_wide = { .bands = { 1, 1 }, .most_cells = 2 * SMALL };
	size_t nodes = (size_t)forest_size(&forest[0]) * forest_size(&forest[1]);

	if (more) {
		for (unsigned int bands = 3; bands <= RULES_BANDS_MAX; bands++)
			choose_more(forest, pieces, bands, budget, choices);
		return;
	}
	if (nodes <= SMALL / sizeof(uint32_t)) {
		count_least(forest, pieces, &all_wide);
		if (is_possible(&all_wide, budget))
			vec_append(choices, &all_wide);
	}
	choose_two(forest, pieces, budget, choices);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * planes.c: from a rule list to its tables. The idea is in rules.c; here is how they are built.
 *
 *  1. Each rule becomes pieces, (source node, destination node), and a service.
 *  2. The services become classes, the prefixes trees; bands are chosen.
 *  3. The rules are written into the cells they cover, the last rule first. While that goes
 *     on a cell is a number: of a list of rules, which is one rule in front of another
 *     list. Within one rule the same list always becomes the same new list, so that
 *     cells with equal contents have equal numbers, a write is a comparison and a store,
 *     and what has to be kept is only the different lists.
 *  4. Each number becomes a word, once (cells.h), each cell the word of its number.
 *  5. What is then known to fit is laid out in one area, with some room for changes.
 *
 * The bytes are metered on the way: a choice of bands that turns out too large is given up
 * and the next one tried, then lists are allowed to be longer, which spares rows.
 */
#include "rules/planes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE		4096u
#define LIST_SHORT	8u
#define CLASSES_MANY	16384u	/* of services, for fields in a group */
#define CLASSES_SOME	2048u
#define CLASSES_FEW	256u
#define PIECES_MAX	((size_t)1 << 23)
#define CHAINS_MAX	((size_t)1 << 25)	/* lists on the way: 800 MB */
#define FILL_PERCENT	88	/* of the buckets' places */

/* ---- pieces ------------------------------------------------------------------- */

static int prefix_order(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

/*
 * The nodes of one side, by family (IPv4, IPv6); a prefix within another of the rule's is
 * left out. Return: false: one cannot be had.
 */
static bool side_nodes(struct forest *f, const struct rule *rule, unsigned int side,
		       uint32_t (*node_of)(struct forest *f, const struct prefix *p),
		       struct vec nodes[2])
{
	uint32_t n = rule->prefixes[side], node;
	const struct prefix *p = rule->prefix[side], *outer = NULL;
	struct prefix *sorted = NULL;
	bool all = true;

	if (!n) {
		node = FOREST_ROOT4;
		vec_append(&nodes[0], &node);
		node = FOREST_ROOT6;
		vec_append(&nodes[1], &node);
		return true;
	}
	if (n > 1) {
		sorted = xcalloc(n, sizeof(*sorted));
		memcpy(sorted, p, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), prefix_order);
		p = sorted;
	}
	for (uint32_t i = 0; i < n && all; i++) {
		bool is4 = p[i].addr.family == ADDR_V4;

		if (!(rule->families & (is4 ? RULE_IP4 : RULE_IP6)))
			continue;
		if (outer && prefix_contains(outer, &p[i]))
			continue;
		outer = &p[i];
		node = node_of(f, &p[i]);
		if (!node)
			all = false;
		else
			vec_append(&nodes[!is4], &node);
	}
	free(sorted);
	return all;
}

static void multiply(struct vec *pieces, const struct vec *sources, const struct vec *destinations)
{
	for (size_t i = 0; i < sources->len; i++) {
		for (size_t j = 0; j < destinations->len; j++) {
			struct piece p = { { *(uint32_t *)vec_at(sources, i),
					     *(uint32_t *)vec_at(destinations, j) } };

			vec_append(pieces, &p);
		}
	}
}

bool planes_expand(struct planes *t, const struct rule *rule,
		   uint32_t (*node)(struct forest *f, const struct prefix *p),
		   struct pieces *pieces)
{
	static const uint8_t family[2] = { RULE_IP4, RULE_IP6 };
	size_t before = t->pieces.len;
	bool all = true;

	if (rule->families & RULE_NOT_IP && !rule->prefixes[0] && !rule->prefixes[1]) {
		struct piece not_ip = { { FOREST_NOT_IP, FOREST_NOT_IP } };

		vec_append(&t->pieces, &not_ip);
	}
	for (unsigned int side = 0; side < 2 && all; side++) {
		t->side[side][0].len = t->side[side][1].len = 0;
		all = side_nodes(&t->forest[side], rule, side, node, t->side[side]);
	}
	for (unsigned int v6 = 0; v6 < 2 && all; v6++) {
		const struct vec *source = &t->side[0][v6], *destination = &t->side[1][v6];

		all = source->len * destination->len <= PIECES_MAX;
		if (all && rule->families & family[v6])
			multiply(&t->pieces, source, destination);
	}
	if (!all)
		t->pieces.len = before;
	*pieces = (struct pieces){ before, t->pieces.len - before };
	return all;
}

static void say_where(const struct rule *rule, struct text *why)
{
	if (rule->place.source)
		text_printf(why, "%s:%u: ", rule->place.source->name, rule->place.line);
}

static int expand_all(struct planes *t, const struct rules *r, struct text *why)
{
	uint32_t priority = RULE_GAP, last = 0;

	t->ordered = true;
	for (uint32_t i = r->first; i != RULES_NONE; i = slot_at(r, i)->next) {
		const struct rule *rule = slot_at(r, i)->rule;
		bool all = planes_expand(t, rule, forest_put, &t->of_rule[i]);

		t->ordered &= i >= last;
		last = i;
		if (!all || t->pieces.len > PIECES_MAX) {
			say_where(rule, why);
			text_printf(why, "%u sources by %u destinations of one rule, %zu such pairs in the "
				    "rules before it: more than %zu pairs are not taken; name larger "
				    "prefixes, or split the sets", rule->prefixes[0] ? rule->prefixes[0] : 1,
				    rule->prefixes[1] ? rule->prefixes[1] : 1,
				    all ? (size_t)t->of_rule[i].first : t->pieces.len, PIECES_MAX);
			return -EOVERFLOW;
		}
		t->heads[i] = (struct rules_head){
			.priority = priority,
			.action = rule->action,
			.service = services_add(&t->services, rule),
		};
		priority += RULE_GAP;
	}
	for (unsigned int side = 0; side < 2; side++) {
		if (forest_size(&t->forest[side]) > RULES_CLASSES_MAX / 2) {
			text_printf(why, "%u different %s prefixes: more than %u are not taken; where so many "
				    "have one rule, a set (\"set NAME : ip.%s size N\") takes them",
				    forest_size(&t->forest[side]), side ? "destination" : "source",
				    RULES_CLASSES_MAX / 2, side ? "dst" : "src");
			return -EOVERFLOW;
		}
	}
	return 0;
}

/* ---- writing rules into cells --------------------------------------------------- */

/* A list of rules while tables are built: @rule in front of list @next; 0 is the empty one. */
struct chain {
	uint32_t rule, next;
	uint32_t turn, becomes;		/* what it became when the rule of this turn was written */
	uint32_t word;			/* once made */
	bool made;
};

struct hashed {
	uint64_t key;			/* 0: free; RULES_KEY, which no pair of narrow nodes has 0 */
	uint32_t cell;
};

struct fill {
	struct planes *t;
	struct vec chains;		/* of struct chain */
	struct hashed *hashed;
	size_t hashed_len, hashed_cap;
	uint32_t rule, service;		/* that is being written */
	uint32_t turn;
	size_t most_hashed;		/* what the budget allows */
	bool overflow;
};

static struct chain *chain_at(const struct fill *f, uint32_t i)
{
	return vec_at(&f->chains, i);
}

/* The list that has the rule in front of @list. */
static uint32_t in_front(struct fill *f, uint32_t list)
{
	struct chain *c = chain_at(f, list);
	uint32_t next = list, fresh;

	if (c->turn == f->turn)
		return c->becomes;
	if (list && c->rule == f->rule)		/* by another of its pieces */
		return list;
	if (!f->service)			/* nothing behind it can win */
		next = 0;
	else if (list && f->t->heads[c->rule].service == f->service)
		next = c->next;
	c->turn = f->turn;
	c->becomes = fresh = f->chains.len;
	if (next != list && chain_at(f, next)->turn == f->turn) {
		c->becomes = chain_at(f, next)->becomes;
		return c->becomes;
	}
	if (next != list) {
		chain_at(f, next)->turn = f->turn;
		chain_at(f, next)->becomes = fresh;
	}
	vec_append(&f->chains, &(struct chain){ .rule = f->rule, .next = next });
	f->overflow |= f->chains.len == CHAINS_MAX;
	return fresh;
}

static void write_dense(struct fill *f, uint32_t *plane, size_t stride, uint32_t row, uint32_t rows,
			uint32_t column, uint32_t columns)
{
	uint32_t last = 0, became = in_front(f, 0);

	for (uint32_t i = row; i < row + rows; i++) {
		uint32_t *cell = plane + i * stride + column;

		for (uint32_t j = 0; j < columns; j++) {
			if (cell[j] != last) {
				last = cell[j];
				became = in_front(f, last);
			}
			cell[j] = became;
		}
	}
}

static size_t hashed_place(const struct fill *f, uint64_t key)
{
	uint64_t hash = key * RULES_HASH;
	size_t at = (hash ^ hash >> 32) & (f->hashed_cap - 1);

	while (f->hashed[at].key && f->hashed[at].key != key)
		at = (at + 1) & (f->hashed_cap - 1);
	return at;
}

static void hashed_grow(struct fill *f)
{
	struct hashed *old = f->hashed;
	size_t cap = f->hashed_cap;

	f->hashed_cap = cap ? 2 * cap : 1024;
	f->hashed = xcalloc(f->hashed_cap, sizeof(*f->hashed));
	for (size_t i = 0; i < cap; i++)
		if (old[i].key)
			f->hashed[hashed_place(f, old[i].key)] = old[i];
	free(old);
}

static void write_hashed(struct fill *f, uint32_t source, uint32_t sources, uint32_t destination,
			 uint32_t destinations)
{
	for (uint32_t i = source; i < source + sources; i++) {
		for (uint32_t j = destination; j < destination + destinations; j++) {
			struct hashed *h;

			if (3 * f->hashed_cap <= 4 * f->hashed_len)
				hashed_grow(f);
			h = &f->hashed[hashed_place(f, RULES_KEY(i, j))];
			if (!h->key) {
				if (f->hashed_len == f->most_hashed) {
					f->overflow = true;
					return;
				}
				h->key = RULES_KEY(i, j);
				f->hashed_len++;
			}
			h->cell = in_front(f, h->cell);
		}
	}
}

static void write_piece(struct fill *f, const struct piece *p)
{
	const struct forest_node *s = forest_node(&f->t->forest[0], p->node[0]);
	const struct forest_node *d = forest_node(&f->t->forest[1], p->node[1]);
	const struct bands *b = &f->t->bands;
	struct planes *t = f->t;

	if (!s->band && !d->band)
		write_dense(f, t->ww, b->wide[1], s->number, s->count, d->number, d->count);
	else if (!d->band && !b->nw_hashed)
		write_dense(f, t->nw, b->wide[1], s->number - b->wide[0], s->count, d->number,
			    d->count);
	else if (!s->band && !b->wn_hashed)
		write_dense(f, t->wn, b->wide[0], d->number - b->wide[1], d->count, s->number,
			    s->count);
	else
		write_hashed(f, s->number, s->count, d->number, d->count);
}

static void write_rules(struct fill *f, const struct rules *r)
{
	struct planes *t = f->t;

	vec_push(&f->chains);
	for (uint32_t i = r->last; i != RULES_NONE && !f->overflow; i = slot_at(r, i)->prev) {
		const struct pieces *p = &t->of_rule[i];

		f->rule = i;
		f->service = t->heads[i].service;
		f->turn++;
		for (uint32_t k = 0; k < p->count && !f->overflow; k++)
			write_piece(f, vec_at(&t->pieces, p->first + k));
	}
}

/* ---- cells become words ----------------------------------------------------------- */

static int make_word(struct fill *f, uint32_t list, struct vec *rules)
{
	struct chain *c = chain_at(f, list);
	int err;

	rules->len = 0;
	for (uint32_t i = list; i; i = chain_at(f, i)->next)
		vec_append(rules, &chain_at(f, i)->rule);
	err = cells_make(&f->t->cells, rules->data, rules->len, &c->word);
	c->made = !err;
	return err;
}

/* Each cell's list becomes its word, which counts it. */
static int make_words(struct fill *f, uint32_t *cell, size_t n, size_t step, struct vec *rules)
{
	for (size_t i = 0; i < n; i++, cell = (uint32_t *)((char *)cell + step)) {
		struct chain *c = chain_at(f, *cell);
		int err;

		if (!*cell)
			continue;
		if (c->made) {
			cells_get(&f->t->cells, c->word, 1);
		} else {
			err = make_word(f, *cell, rules);
			if (err)
				return err;
		}
		*cell = c->word;
	}
	return 0;
}

/* ---- the area ---------------------------------------------------------------------- */

/* Some more than is needed now, for changes. */
static uint32_t with_room(uint32_t n, bool generous)
{
	return generous ? n + n / 16 + 64 : n;
}

/* The next table of the area begins at a line. */
static uint32_t table_at(size_t *end, size_t bytes)
{
	size_t at = (*end + RULES_LINE - 1) & ~(size_t)(RULES_LINE - 1);

	*end = at + bytes;
	return at;
}

static void lay_out_services(const struct services *v, struct rules_shape *s, size_t *end)
{
	s->steps = v->steps;
	s->groups = v->groups;
	s->services = v->list.len;
	s->bits_words = v->bits_words;
	for (unsigned int i = 0; i < v->steps; i++) {
		const struct service_step *step = &v->step[i];

		s->step[i].field = step->field;
		s->step[i].group = step->group;
		s->step[i].mask = rules_field_values(step->field) - 1;
		s->step[i].width = step->width;
		s->step[i].classes = table_at(end, sizeof(uint16_t) *
					      rules_field_values(step->field));
		if (step->combined)
			s->step[i].combined = table_at(end, sizeof(uint16_t) * step->combined_len);
	}
	for (unsigned int g = 0; g < v->groups; g++) {
		s->group[g].classes = v->group[g].classes;
		s->group[g].bits = table_at(end, sizeof(uint32_t) * v->group[g].classes *
					    v->bits_words);
	}
}

/* All sizes and offsets. @cells: in the hash. Return: the bytes of the area. */
static size_t lay_out(struct planes *t, uint32_t rules, size_t cells, bool generous)
{
	const struct bands *b = &t->bands;
	struct rules_shape *s = &t->shape;
	size_t end = RULES_LINE, narrow[2];
	uint32_t places;

	memset(s, 0, sizeof(*s));
	for (unsigned int side = 0; side < 2; side++) {
		uint32_t nodes = forest_size(&t->forest[side]);

		s->bands[side] = b->bands[side];
		s->wide[side] = b->wide[side];
		t->forest[side].cap = b->bands[side] > 1 ? with_room(nodes, generous) : nodes;
		narrow[side] = t->forest[side].cap - b->wide[side];
	}
	lay_out_services(&t->services, s, &end);
	s->rules = with_room(rules, generous);
	s->ordered = t->ordered;
	s->heads = table_at(&end, sizeof(struct rules_head) * s->rules);
	s->list_max = t->services.groups > 1 ? RULES_LIST_MAX : t->cells.list_max;
	s->lists = table_at(&end, sizeof(struct rules_entry) *
			    with_room(t->cells.lists.used, generous));
	s->rows = table_at(&end, sizeof(uint32_t) * (t->cells.rows.used + (generous ?
			   (t->cells.rows.used / s->group[0].classes / 16 + 4) *
			   (size_t)s->group[0].classes : 0)));
	s->ww = table_at(&end, sizeof(uint32_t) * b->wide[0] * b->wide[1]);
	if (b->nw && !b->nw_hashed)
		s->nw = table_at(&end, sizeof(uint32_t) * narrow[0] * b->wide[1]);
	if (b->wn && !b->wn_hashed)
		s->wn = table_at(&end, sizeof(uint32_t) * narrow[1] * b->wide[0]);
	s->hashed = (b->nn ? RULES_HASHED_NN : 0) | (b->nw_hashed ? RULES_HASHED_NW : 0) |
		    (b->wn_hashed ? RULES_HASHED_WN : 0);
	if (s->hashed) {
		places = with_room(cells, generous);
		s->bucket_count = (places * (size_t)100 / FILL_PERCENT) / RULES_BUCKET + 2;
		s->buckets = table_at(&end, sizeof(struct rules_bucket) * (size_t)s->bucket_count);
	}
	if (s->bands[0] > 2 || s->bands[1] > 2)
		for (unsigned int side = 0; side < 2; side++)
			s->chain[side] = table_at(&end, sizeof(uint32_t) * t->forest[side].cap *
						  s->bands[side]);
	end = (end + RULES_LINE + PAGE - 1) & ~(size_t)(PAGE - 1);
	s->bytes = end;
	s->last = end - RULES_LINE;
	return end;
}

static void write_services(struct planes *t)
{
	const struct services *v = &t->services;
	const struct rules_shape *s = &t->shape;

	for (unsigned int i = 0; i < s->steps; i++) {
		const struct service_step *step = &v->step[i];

		memcpy(t->area + s->step[i].classes, step->classes,
		       sizeof(uint16_t) * rules_field_values(step->field));
		if (step->combined)
			memcpy(t->area + s->step[i].combined, step->combined,
			       sizeof(uint16_t) * step->combined_len);
	}
	for (unsigned int g = 0; g < s->groups; g++)
		memcpy(t->area + s->group[g].bits, v->group[g].bits,
		       sizeof(uint32_t) * v->group[g].classes * v->bits_words);
}

/* A table of our own goes on in the area. */
static void move_in(struct planes *t, uint32_t **table, uint32_t at, size_t words)
{
	if (at)
		memcpy(t->area + at, *table, words * sizeof(**table));
	free(*table);
	*table = at ? (uint32_t *)(t->area + at) : NULL;
}

void planes_chain(struct planes *t, unsigned int side, uint32_t node)
{
	const struct forest *f = &t->forest[side];

	if (t->shape.chain[side])
		forest_chain(f, node, (uint32_t *)(t->area + t->shape.chain[side]) +
			     (size_t)forest_node(f, node)->number * f->bands);
}

/* All that is known moves into the area. Return: 0; -E2BIG: over the budget. */
static int write_area(struct planes *t, const struct rules *r, const struct fill *f)
{
	const struct bands *b = &t->bands;
	struct rules_shape *s = &t->shape;
	size_t room_lists, room_rows;
	struct rules_head *heads;
	int err = 0;

	if (lay_out(t, r->slots.len, f->hashed_len, true) > t->budget &&
	    lay_out(t, r->slots.len, f->hashed_len, false) > t->budget)
		return -E2BIG;
	t->area = aligned_alloc(PAGE, s->bytes);
	if (!t->area)
		abort();
	memset(t->area, 0, s->bytes);
	write_services(t);
	heads = (struct rules_head *)(t->area + s->heads);
	memcpy(heads, t->heads, r->slots.len * sizeof(*heads));
	free(t->heads);
	t->heads = heads;
	t->heads_cap = s->rules;
	t->of_rule = xrealloc(t->of_rule, t->heads_cap * sizeof(*t->of_rule));
	room_lists = (s->rows - s->lists) / sizeof(struct rules_entry);
	room_rows = (s->ww - s->rows) / sizeof(uint32_t);
	cells_fix(&t->cells, t->area + s->lists, room_lists, t->area + s->rows, room_rows);
	t->cells.heads = heads;
	move_in(t, &t->ww, s->ww, (size_t)b->wide[0] * b->wide[1]);
	move_in(t, &t->nw, s->nw,
		(size_t)(forest_size(&t->forest[0]) - b->wide[0]) * b->wide[1]);
	move_in(t, &t->wn, s->wn,
		(size_t)(forest_size(&t->forest[1]) - b->wide[1]) * b->wide[0]);
	for (size_t i = 0; i < f->hashed_cap && !err; i++)
		if (f->hashed[i].key)
			err = hash_set(t, f->hashed[i].key >> RULES_CLASS_BITS,
				       f->hashed[i].key & (RULES_CLASSES_MAX - 1),
				       f->hashed[i].cell);
	for (unsigned int side = 0; side < 2; side++)
		for (uint32_t n = 1; n < t->forest[side].nodes.len; n++)
			planes_chain(t, side, n);
	return err ? -E2BIG : 0;
}

/* ---- all of it ------------------------------------------------------------------------- */

/* Gives up what a choice of bands brought about. */
static void undo_choice(struct planes *t)
{
	cells_free(&t->cells);
	free(t->ww);
	free(t->nw);
	free(t->wn);
	t->ww = t->nw = t->wn = NULL;
	memset(&t->cells, 0, sizeof(t->cells));
}

/*
 * Builds by one choice of bands. Return: 0; -E2BIG, -ENOSPC: too large; once there is an area,
 * which is so if only its hash was too full, no other choice can be tried.
 */
static int build_by(struct planes *t, const struct rules *r, const struct bands *b,
		    uint32_t list_max)
{
	struct fill f = { .t = t, .chains = VEC(struct chain) };
	struct vec rules = VEC(uint32_t);
	size_t n[3], fixed;
	int err;

	t->bands = *b;
	for (unsigned int side = 0; side < 2; side++)
		forest_number(&t->forest[side], b->bands[side], b->limit[side]);
	n[0] = (size_t)b->wide[0] * b->wide[1];
	n[1] = b->nw && !b->nw_hashed ?
	       (size_t)(forest_size(&t->forest[0]) - b->wide[0]) * b->wide[1] : 0;
	n[2] = b->wn && !b->wn_hashed ?
	       (size_t)(forest_size(&t->forest[1]) - b->wide[1]) * b->wide[0] : 0;
	fixed = services_bytes(&t->services) + r->slots.len * sizeof(struct rules_head) +
		sizeof(uint32_t) * (n[0] + n[1] + n[2]);
	if (fixed > t->budget)
		return -E2BIG;
	f.most_hashed = (t->budget - fixed) / sizeof(struct rules_bucket) * RULES_BUCKET;
	cells_init(&t->cells, &t->services, t->heads, list_max,
		   b->most_cells && b->most_cells < t->budget - fixed ? b->most_cells :
		   t->budget - fixed);
	t->ww = xcalloc(n[0], sizeof(uint32_t));
	t->nw = xcalloc(n[1], sizeof(uint32_t));
	t->wn = xcalloc(n[2], sizeof(uint32_t));
	write_rules(&f, r);
	err = f.overflow ? -E2BIG : 0;
	if (!err)
		err = make_words(&f, t->ww, n[0], sizeof(uint32_t), &rules);
	if (!err)
		err = make_words(&f, t->nw, n[1], sizeof(uint32_t), &rules);
	if (!err)
		err = make_words(&f, t->wn, n[2], sizeof(uint32_t), &rules);
	if (!err && f.hashed_cap)
		err = make_words(&f, &f.hashed->cell, f.hashed_cap, sizeof(*f.hashed), &rules);
	t->writes = b->writes;
	if (!err)
		err = write_area(t, r, &f);
	else
		undo_choice(t);
	if (err && t->cells.services && !t->area)
		undo_choice(t);
	vec_free(&f.chains);
	vec_free(&rules);
	free(f.hashed);
	return err;
}

/*
 * Tries the choices, the best first: two bands, and if it must be longer lists; then the same
 * with more bands.
 */
static int build_planes(struct planes *t, const struct rules *r)
{
	static const uint32_t list_max[] = { LIST_SHORT, RULES_LIST_MAX };
	struct vec choices = VEC(struct bands);
	size_t services = services_bytes(&t->services);
	int err = -E2BIG;

	for (unsigned int more = 0; more < 2 && err && !t->area; more++) {
		choices.len = 0;
		bands_choose(t->forest, &t->pieces, t->budget - services, more, &choices);
		for (unsigned int i = 0; i < 2 && err; i++)
			for (size_t k = 0; k < choices.len && err && !t->area; k++)
				err = build_by(t, r, vec_at(&choices, k), list_max[i]);
	}
	vec_free(&choices);
	return err ? -E2BIG : 0;
}

/*
 * Services and planes: with all fields in one group if that can be, else in several, which
 * spares room where rows would be long.
 */
static int build_all(struct planes *t, const struct rules *r, struct text *why)
{
	int err = services_classify(&t->services, t->budget / 2, CLASSES_MANY, why);

	/* If it must be several groups, then handy ones: rows are lists for each class. */
	if (!err && t->services.groups > 1)
		err = services_classify(&t->services, t->budget / 2, CLASSES_SOME, why);
	if (err)
		return err;
	err = build_planes(t, r);
	if (err && !t->area && t->services.group[0].classes > CLASSES_FEW &&
	    !services_classify(&t->services, t->budget / 2, CLASSES_FEW, why))
		err = build_planes(t, r);
	if (err)
		text_printf(why, "%zu rules over %u source and %u destination prefixes, and %zu different "
			    "services: their overlaps do not fit into %zu kB of tables, however they "
			    "are cut; a larger budget, or fewer prefixes within each other, would help",
			    r->len, forest_size(&t->forest[0]), forest_size(&t->forest[1]),
			    t->services.list.len - 1, t->budget >> 10);
	return err;
}

int planes_build(const struct rules *r, struct planes **planes, struct text *why)
{
	struct planes *t = xcalloc(1, sizeof(*t));
	int err;

	t->budget = r->options.budget ? r->options.budget : RULES_BUDGET;
	t->pieces = VEC(struct piece);
	t->pairs = TABLE(struct piece, uint32_t);
	t->links = VEC(struct link);
	t->by_node[0] = t->by_node[1] = VEC(uint32_t);
	t->of_rule = xcalloc(r->slots.len, sizeof(*t->of_rule));
	t->heads = xcalloc(r->slots.len, sizeof(*t->heads));
	services_init(&t->services);
	for (unsigned int side = 0; side < 2; side++) {
		forest_init(&t->forest[side]);
		t->side[side][0] = t->side[side][1] = VEC(uint32_t);
	}
	err = expand_all(t, r, why);
	if (err)
		goto fail;
	for (unsigned int side = 0; side < 2; side++)
		forest_order(&t->forest[side]);
	err = build_all(t, r, why);
	if (err)
		goto fail;
	*planes = t;
	return 0;
fail:
	planes_free(t);
	return err;
}

void planes_free(struct planes *t)
{
	if (!t)
		return;
	if (t->cells.services)
		cells_free(&t->cells);
	for (unsigned int side = 0; side < 2; side++) {
		forest_free(&t->forest[side]);
		vec_free(&t->side[side][0]);
		vec_free(&t->side[side][1]);
	}
	services_free(&t->services);
	vec_free(&t->pieces);
	table_free(&t->pairs);
	vec_free(&t->links);
	vec_free(&t->by_node[0]);
	vec_free(&t->by_node[1]);
	free(t->of_rule);
	if (!t->area)
		free(t->heads);
	free(t->area);
	free(t);
}

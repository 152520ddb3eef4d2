// SPDX-License-Identifier: GPL-2.0
/*
 * change.c: one rule more, less, or another, in tables that are there already.
 *
 * A rule shows in the cells that its pieces cover and nowhere else, so those are computed
 * anew, each from the rules that are over it: the pieces (P, Q) with P at or over x and of
 * its band, Q at or over y and of its. A new prefix is a new class, which begins with what
 * the rules over it say, so its cells are among those too.
 *
 * First all words are made, and room for them found; then they are stored. What fails in
 * the first half is undone, and then all is built anew: it fails when the service is a new one
 * (all service classes may shift), a new prefix comes to stand over a node of another band, or
 * something is full. If that fails too, the rules are as they were.
 *
 * Priorities leave gaps between neighbours. Where a gap is used up all rules get new
 * priorities, in the same order, so that no cell says anything else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/planes.h"

#define CELLS_MAX	300000u		/* recomputed at most: a build takes less time */
#define NO_ROOM		1		/* not in place */

struct change {
	struct rules *r;
	struct planes *t;
	struct vec keys;		/* of uint64_t: cells, RULES_KEY of two numbers */
	struct vec words;		/* of uint32_t: what they become; once stored, what they were */
	struct vec over;		/* of uint64_t: priority << 32 | rule: those over one cell */
	struct vec rules;		/* of uint32_t: the same in order */
	size_t nodes[2];		/* nodes there were before */
};

static struct piece *piece_at(const struct planes *t, uint32_t i)
{
	return vec_at(&t->pieces, i);
}

static struct link *link_at(const struct planes *t, uint32_t i)
{
	return vec_at(&t->links, i);
}

/* ---- which rules are over a cell --------------------------------------------------- */

/* Where a ring begins: a piece + 1. */
static uint32_t *ring_head(struct planes *t, enum ring ring, const struct piece *p)
{
	uint32_t none = 0;

	if (ring == RING_PAIR)
		return table_put(&t->pairs, p, NULL);
	while (t->by_node[ring].len <= p->node[ring])
		vec_append(&t->by_node[ring], &none);
	return vec_at(&t->by_node[ring], p->node[ring]);
}

static void link_piece(struct planes *t, uint32_t i, uint32_t rule)
{
	while (t->links.len <= i)
		vec_push(&t->links);
	link_at(t, i)->rule = rule;
	for (enum ring ring = 0; ring < RINGS; ring++) {
		uint32_t *head = ring_head(t, ring, piece_at(t, i));
		struct link *l = link_at(t, i), *first;

		if (*head) {
			first = link_at(t, *head - 1);
			l->next[ring] = *head - 1;
			l->prev[ring] = first->prev[ring];
			link_at(t, first->prev[ring])->next[ring] = i;
			first->prev[ring] = i;
		} else {
			l->next[ring] = l->prev[ring] = i;
			*head = i + 1;
		}
	}
}

static void unlink_piece(struct planes *t, uint32_t i)
{
	for (enum ring ring = 0; ring < RINGS; ring++) {
		uint32_t *head = ring_head(t, ring, piece_at(t, i));
		struct link *l = link_at(t, i);

		if (l->next[ring] == i) {
			*head = 0;
			if (ring == RING_PAIR)
				table_del(&t->pairs, piece_at(t, i));
			continue;
		}
		if (*head == i + 1)
			*head = l->next[ring] + 1;
		link_at(t, l->prev[ring])->next[ring] = l->next[ring];
		link_at(t, l->next[ring])->prev[ring] = l->prev[ring];
	}
}

static void link_pieces(struct planes *t, const struct pieces *p, uint32_t rule)
{
	for (uint32_t i = p->first; i < p->first + p->count; i++)
		link_piece(t, i, rule);
}

static void unlink_pieces(struct planes *t, const struct pieces *p)
{
	for (uint32_t i = p->first; i < p->first + p->count; i++)
		unlink_piece(t, i);
}

/* All pieces of the rules that the planes have, whatever the list has by now; once. */
static void link_all(struct planes *t)
{
	if (t->links.len)
		return;
	vec_reserve(&t->links, t->pieces.len + t->pieces.len / 8);
	for (uint32_t i = 0; i < t->heads_cap; i++)
		if (t->heads[i].priority)
			link_pieces(t, &t->of_rule[i], i);
}

static uint32_t same_band_parent(const struct forest *f, uint32_t node)
{
	const struct forest_node *n = forest_node(f, node);

	return n->parent && forest_node(f, n->parent)->band == n->band ? n->parent : 0;
}

static int u64_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* c->rules: the rules over the cell of two numbers, in order. */
static void rules_over(struct change *c, uint32_t x, uint32_t y)
{
	const struct forest *source = &c->t->forest[0], *destination = &c->t->forest[1];
	uint32_t s = *(uint32_t *)vec_at(&source->numbered, x);
	uint32_t below = *(uint32_t *)vec_at(&destination->numbered, y);

	c->over.len = c->rules.len = 0;
	for (; s; s = same_band_parent(source, s)) {
		for (uint32_t d = below; d; d = same_band_parent(destination, d)) {
			struct piece pair = { { s, d } };
			const uint32_t *head = table_get(&c->t->pairs, &pair);
			uint32_t i = head ? *head - 1 : 0;

			if (!head)
				continue;
			do {
				uint32_t rule = link_at(c->t, i)->rule;
				uint64_t at = (uint64_t)c->t->heads[rule].priority << 32 | rule;

				vec_append(&c->over, &at);
				i = link_at(c->t, i)->next[RING_PAIR];
			} while (i != *head - 1);
		}
	}
	if (c->over.len > 1)
		qsort(c->over.data, c->over.len, sizeof(uint64_t), u64_cmp);
	for (size_t i = 0; i < c->over.len; i++) {
		uint32_t rule = *(uint64_t *)vec_at(&c->over, i);

		vec_append(&c->rules, &rule);
	}
}

/* ---- which cells change --------------------------------------------------------------- */

struct rectangle {
	struct change *c;
	uint32_t other, first, count;	/* node of the destination; numbers of the source */
	bool full;
};

static void add_columns(void *user, uint32_t first, uint32_t count)
{
	struct rectangle *rect = user;
	struct change *c = rect->c;

	if (rect->full || c->keys.len + (size_t)rect->count * count > CELLS_MAX) {
		rect->full = true;
		return;
	}
	for (uint32_t x = rect->first; x < rect->first + rect->count; x++) {
		for (uint32_t y = first; y < first + count; y++) {
			uint64_t key = RULES_KEY(x, y);

			vec_append(&c->keys, &key);
		}
	}
}

static void add_rows(void *user, uint32_t first, uint32_t count)
{
	struct rectangle *rect = user;

	rect->first = first;
	rect->count = count;
	forest_below(&rect->c->t->forest[1], rect->other, add_columns, rect);
}

/* The cells that a piece covers. */
static int add_piece(struct change *c, const struct piece *p)
{
	struct rectangle rect = { .c = c, .other = p->node[1] };

	forest_below(&c->t->forest[0], p->node[0], add_rows, &rect);
	return rect.full ? NO_ROOM : 0;
}

static int add_pieces(struct change *c, const struct pieces *p)
{
	int err = 0;

	for (uint32_t i = p->first; i < p->first + p->count && !err; i++)
		err = add_piece(c, piece_at(c->t, i));
	return err;
}

/* The cells that a new node has from the pieces over it. */
static int add_node(struct change *c, unsigned int side, uint32_t node)
{
	const struct forest *f = &c->t->forest[side];
	int err = 0;

	for (uint32_t a = same_band_parent(f, node); a && !err; a = same_band_parent(f, a)) {
		uint32_t head = a < c->t->by_node[side].len ?
				*(uint32_t *)vec_at(&c->t->by_node[side], a) : 0, i = head - 1;

		if (!head)
			continue;
		do {
			struct piece p = *piece_at(c->t, i);

			p.node[side] = node;
			err = add_piece(c, &p);
			i = link_at(c->t, i)->next[side];
		} while (i != head - 1 && !err);
	}
	return err;
}

static int collect_cells(struct change *c, const struct pieces *old, const struct pieces *fresh)
{
	uint64_t *key;
	size_t n = 0;
	int err;

	err = add_pieces(c, old);
	if (!err)
		err = add_pieces(c, fresh);
	for (unsigned int side = 0; side < 2; side++)
		for (size_t node = c->nodes[side]; node < c->t->forest[side].nodes.len && !err; node++)
			err = add_node(c, side, node);
	if (err)
		return err;
	if (c->keys.len > 1)
		qsort(c->keys.data, c->keys.len, sizeof(*key), u64_cmp);
	key = c->keys.data;
	for (size_t i = 0; i < c->keys.len; i++)
		if (!n || key[i] != key[n - 1])
			key[n++] = key[i];
	c->keys.len = n;
	return 0;
}

/* ---- cells ------------------------------------------------------------------------------ */

/* The cell in its array; NULL: it belongs to the hash, or to no table (*@none). */
static uint32_t *dense_cell(const struct planes *t, uint32_t x, uint32_t y, bool *none)
{
	const struct rules_shape *s = &t->shape;
	uint32_t ws = s->wide[0], wd = s->wide[1];
	uint32_t hashed;

	*none = false;
	if (x < ws && y < wd)
		return t->ww + (size_t)x * wd + y;
	if (y < wd && t->nw)
		return t->nw + (size_t)(x - ws) * wd + y;
	if (x < ws && t->wn)
		return t->wn + (size_t)(y - wd) * ws + x;
	hashed = y < wd ? RULES_HASHED_NW : x < ws ? RULES_HASHED_WN : RULES_HASHED_NN;
	*none = !(s->hashed & hashed);
	return NULL;
}

static void key_numbers(const struct change *c, size_t i, uint32_t *x, uint32_t *y)
{
	uint64_t key = *(uint64_t *)vec_at(&c->keys, i);

	*x = key >> RULES_CLASS_BITS;
	*y = key & (RULES_CLASSES_MAX - 1);
}

/* What the cells will be. */
static int make_words(struct change *c)
{
	for (size_t i = 0; i < c->keys.len; i++) {
		uint32_t x, y, word;
		bool none;

		key_numbers(c, i, &x, &y);
		rules_over(c, x, y);
		if (cells_make(&c->t->cells, c->rules.data, c->rules.len, &word))
			return NO_ROOM;
		vec_append(&c->words, &word);
		/* A plane that had no rule in it has no table. */
		if (word && !dense_cell(c->t, x, y, &none) && none)
			return NO_ROOM;
	}
	return 0;
}

/* Room in the hash for all cells that will hold something. */
static int reserve_hashed(struct change *c)
{
	for (size_t i = 0; i < c->keys.len; i++) {
		uint32_t x, y;
		bool none;

		key_numbers(c, i, &x, &y);
		if (!*(uint32_t *)vec_at(&c->words, i) || dense_cell(c->t, x, y, &none))
			continue;
		if (!hash_reserve(c->t, x, y))
			continue;
		while (i-- > 0) {
			key_numbers(c, i, &x, &y);
			if (!dense_cell(c->t, x, y, &none) && !none && !hash_get(c->t, x, y))
				hash_set(c->t, x, y, 0);
		}
		return NO_ROOM;
	}
	return 0;
}

/* Words go into cells, and what was there becomes the words. Nothing can fail here. */
static void store_words(struct change *c)
{
	for (size_t i = 0; i < c->keys.len; i++) {
		uint32_t *word = vec_at(&c->words, i), *cell, x, y, old;
		bool none;

		key_numbers(c, i, &x, &y);
		cell = dense_cell(c->t, x, y, &none);
		if (none)
			continue;
		old = cell ? *cell : hash_get(c->t, x, y);
		if (cell)
			*cell = *word;
		else
			hash_set(c->t, x, y, *word);
		*word = old;
	}
}

static void put_words(struct change *c)
{
	for (size_t i = 0; i < c->words.len; i++)
		cells_put(&c->t->cells, *(uint32_t *)vec_at(&c->words, i));
}

/* ---- priorities ----------------------------------------------------------------------------- */

static void spread_priorities(struct rules *r)
{
	uint32_t priority = RULE_GAP;

	for (uint32_t i = r->first; i != RULES_NONE; i = slot_at(r, i)->next) {
		r->planes->heads[i].priority = priority;
		priority += RULE_GAP;
	}
}

/* A priority for rule @number, by its place in the order. */
static uint32_t priority_between(struct rules *r, uint32_t number)
{
	const struct rules_head *heads = r->planes->heads;
	const struct slot *s = slot_at(r, number);
	uint32_t low = s->prev == RULES_NONE ? 0 : heads[s->prev].priority;
	uint32_t high = s->next == RULES_NONE ? low + 2 * RULE_GAP : heads[s->next].priority;

	if (high < low || high - low < 2) {
		spread_priorities(r);
		return heads[number].priority;
	}
	return low + (high - low) / 2;
}

/* Whether numbers ascend about rule @number. */
static bool in_order(const struct rules *r, uint32_t number)
{
	const struct slot *s = slot_at(r, number);

	return (s->prev == RULES_NONE || s->prev < number) &&
	       (s->next == RULES_NONE || s->next > number);
}

/* ---- in place ------------------------------------------------------------------------------- */

static uint32_t get_or_add(struct forest *f, const struct prefix *p)
{
	uint32_t node = forest_get(f, p);

	return node ? node : forest_add(f, p);
}

/* The new rule's head and pieces; they are linked in place of the old. */
static int enter_rule(struct change *c, uint32_t number, const struct rule *rule,
		      struct pieces *fresh)
{
	struct planes *t = c->t;
	struct rules_head *head = &t->heads[number];
	uint32_t service = services_find(&t->services, rule);
	bool is_new = !head->priority;

	if (service == RULES_NONE || service >= t->services.classified)
		return NO_ROOM;
	if (!planes_expand(t, rule, get_or_add, fresh))
		return NO_ROOM;
	if (is_new) {
		head->priority = priority_between(c->r, number);
		t->ordered &= in_order(c->r, number);
		t->shape.ordered = t->ordered;
	}
	head->action = rule->action;
	head->service = service;
	link_pieces(t, fresh, number);
	for (unsigned int side = 0; side < 2; side++)
		for (size_t n = c->nodes[side]; n < t->forest[side].nodes.len; n++)
			planes_chain(t, side, n);
	return 0;
}

static void change_free(struct change *c)
{
	vec_free(&c->keys);
	vec_free(&c->words);
	vec_free(&c->over);
	vec_free(&c->rules);
}

/*
 * Rule @number, which may not have been, becomes @rule, which may be NULL. Its place in the
 * order is known. Return: 0; NO_ROOM with all as it was.
 */
static int change_in_place(struct rules *r, uint32_t number, const struct rule *rule)
{
	struct planes *t = r->planes;
	struct change c = {
		.r = r, .t = t, .keys = VEC(uint64_t), .words = VEC(uint32_t),
		.over = VEC(uint64_t), .rules = VEC(uint32_t),
		.nodes = { t->forest[0].nodes.len, t->forest[1].nodes.len },
	};
	struct pieces old, fresh = { t->pieces.len, 0 };
	struct rules_head head;
	int err;

	if (number >= t->heads_cap || t->given_up > t->pieces.len / 2 + 4096)
		return NO_ROOM;
	link_all(t);
	head = t->heads[number];
	old = head.priority ? t->of_rule[number] : (struct pieces){ 0 };
	unlink_pieces(t, &old);
	if (rule) {
		err = enter_rule(&c, number, rule, &fresh);
		if (err)
			goto restore;
	} else {
		t->heads[number] = (struct rules_head){ 0 };
	}
	err = collect_cells(&c, &old, &fresh);
	if (!err)
		err = make_words(&c);
	if (!err)
		err = reserve_hashed(&c);
	if (err)
		goto drop;
	store_words(&c);
	put_words(&c);
	t->of_rule[number] = fresh;
	t->given_up += old.count;
	if (t->forest[0].nodes.len != c.nodes[0] || t->forest[1].nodes.len != c.nodes[1])
		r->addresses_version++;
	change_free(&c);
	return 0;
drop:
	put_words(&c);
	unlink_pieces(t, &fresh);
restore:
	t->pieces.len = fresh.first;
	t->heads[number] = head;
	link_pieces(t, &old, number);
	for (unsigned int side = 0; side < 2; side++)
		while (t->forest[side].nodes.len > c.nodes[side])
			forest_drop(&t->forest[side]);
	change_free(&c);
	return err;
}

/* All of it anew. Return: 0, or -E2BIG with the planes as they were. */
static int build_anew(struct rules *r, struct text *why)
{
	struct planes *fresh;
	int err = planes_build(r, &fresh, why);

	if (err)
		return err;
	planes_free(r->planes);
	r->planes = fresh;
	r->builds++;
	r->addresses_version++;
	return 0;
}

/* ---- the list --------------------------------------------------------------------------------- */

static uint32_t take_slot(struct rules *r)
{
	uint32_t number = r->free_slot;

	if (number == RULES_NONE) {
		number = r->slots.len;
		vec_push(&r->slots);
	} else {
		r->free_slot = slot_at(r, number)->next;
	}
	return number;
}

static void give_slot(struct rules *r, uint32_t number)
{
	*slot_at(r, number) = (struct slot){ .prev = RULES_NONE, .next = r->free_slot };
	r->free_slot = number;
}

static void enter_order(struct rules *r, uint32_t number, uint32_t before)
{
	struct slot *s = slot_at(r, number);

	s->next = before;
	s->prev = before == RULES_NONE ? r->last : slot_at(r, before)->prev;
	*(s->prev == RULES_NONE ? &r->first : &slot_at(r, s->prev)->next) = number;
	*(before == RULES_NONE ? &r->last : &slot_at(r, before)->prev) = number;
	r->len++;
}

static void leave_order(struct rules *r, uint32_t number)
{
	struct slot *s = slot_at(r, number);

	*(s->prev == RULES_NONE ? &r->first : &slot_at(r, s->prev)->next) = s->next;
	*(s->next == RULES_NONE ? &r->last : &slot_at(r, s->next)->prev) = s->prev;
	r->len--;
}

int rules_insert(struct rules *r, uint32_t before, const struct rule *rule, uint32_t *number,
		 struct text *why)
{
	struct rule *copy;
	uint32_t slot;
	int err;

	if (before != RULES_NONE && !rules_get(r, before))
		return -ENOENT;
	copy = rule_copy(rule);
	if (!copy)
		return -EINVAL;
	slot = take_slot(r);
	slot_at(r, slot)->rule = copy;
	enter_order(r, slot, before);
	if (change_in_place(r, slot, copy)) {
		err = build_anew(r, why);
		if (err) {
			leave_order(r, slot);
			give_slot(r, slot);
			rule_free(copy);
			return err;
		}
	}
	*number = slot;
	return 0;
}

int rules_delete(struct rules *r, uint32_t number, struct text *why)
{
	struct rule *rule;
	uint32_t before;
	int err;

	if (!rules_get(r, number))
		return -ENOENT;
	rule = slot_at(r, number)->rule;
	before = slot_at(r, number)->next;
	leave_order(r, number);
	if (change_in_place(r, number, NULL)) {
		err = build_anew(r, why);
		if (err) {
			enter_order(r, number, before);
			return err;
		}
	}
	give_slot(r, number);
	rule_free(rule);
	return 0;
}

int rules_replace(struct rules *r, uint32_t number, const struct rule *rule, struct text *why)
{
	struct rule *copy, *old;
	int err;

	if (!rules_get(r, number))
		return -ENOENT;
	copy = rule_copy(rule);
	if (!copy)
		return -EINVAL;
	old = slot_at(r, number)->rule;
	slot_at(r, number)->rule = copy;
	if (change_in_place(r, number, copy)) {
		err = build_anew(r, why);
		if (err) {
			slot_at(r, number)->rule = old;
			rule_free(copy);
			return err;
		}
	}
	rule_free(old);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#include "lpm/inside.h"

static void *area(const struct lpm *t, uint32_t at)
{
	return t->space->area + t->space->shape.nodes + (size_t)at * BLOCK_UNIT;
}

/* Line by line, as far as the area goes: all zero still. */
static uint32_t alloc_fixed(struct lpm *t, size_t bytes)
{
	uint32_t at = t->space->fixed_units, units = (bytes + LPM_LINE - 1) / LPM_LINE *
					      (LPM_LINE / BLOCK_UNIT);

	if ((size_t)(at + units) * BLOCK_UNIT > t->space->shape.nodes_last + LPM_LINE)
		return 0;
	t->space->fixed_units += units;
	return at;
}

uint32_t change_alloc_leaves(struct lpm *t, unsigned int n)
{
	uint32_t at;

	if (n > t->space->leaves_left) {
		at = alloc_fixed(t, LPM_LINE);
		if (!at)
			return 0;
		t->space->next_leaf = at / (LPM_LINE / BLOCK_UNIT) * LPM_LEAVES;
		t->space->leaves_left = LPM_LEAVES;
	}
	at = t->space->next_leaf;
	t->space->next_leaf += n;
	t->space->leaves_left -= n;
	return at;
}

uint32_t change_alloc(struct lpm *t, size_t bytes)
{
	unsigned int order = blocks_order(bytes);
	uint32_t at;

	if (t->space->fixed)
		return alloc_fixed(t, bytes);
	at = blocks_alloc(&t->space->blocks, order);
	if (at) {
		vec_append(&t->space->change.fresh, &(struct block){ at, order });
		__builtin_memset(area(t, at), 0, (size_t)BLOCK_UNIT << order);
	}
	return at;
}

void change_word(struct lpm *t, uint32_t *at, uint32_t value)
{
	vec_append(&t->space->change.words, &(struct word){ at, value });
}

void change_commit(struct lpm *t)
{
	struct lpm_head *head = head_of(t);
	struct change *c = &t->space->change;

	/* Seen by readers before any word: what they gathered across two changes is void. */
	__atomic_store_n(&head->version, head->version + 2, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < c->words.len; i++) {
		const struct word *w = vec_at(&c->words, i);

		__atomic_store_n(w->at, w->value, __ATOMIC_RELEASE);
	}
	t->space->words += c->words.len;
	c->words.len = c->fresh.len = 0;
	share_commit(t);
}

void change_abort(struct lpm *t)
{
	struct change *c = &t->space->change;

	share_abort(t);
	for (size_t i = 0; i < c->fresh.len; i++) {
		const struct block *b = vec_at(&c->fresh, i);

		blocks_free(&t->space->blocks, b->at, b->order);
	}
	c->words.len = c->fresh.len = 0;
}

uint64_t lpm_quiesce_mark(const struct lpm *t)
{
	return t->space->retired_ever;
}

void lpm_reclaim(struct lpm *t, uint64_t mark)
{
	struct space *s = t->space;
	uint64_t done = s->retired_ever - (s->retired.len - s->retired_from);

	for (; done < mark && s->retired_from < s->retired.len; done++, s->retired_from++) {
		const struct block *b = vec_at(&s->retired, s->retired_from);

		if (b->order == BLOCK_NONE)
			continue;
		if (b->order == BLOCK_SLOT) {
			table6_free_slot(t, b->at);
			continue;
		}
		blocks_free(&s->blocks, b->at, b->order);
		s->bytes_retired -= (size_t)BLOCK_UNIT << b->order;
	}
	/* Moves what is left to the front, once it is the smaller part. */
	if (s->retired_from && s->retired_from * 2 >= s->retired.len) {
		size_t left = s->retired.len - s->retired_from;

		__builtin_memmove(s->retired.data, vec_at(&s->retired, s->retired_from),
				  left * sizeof(struct block));
		s->retired.len = left;
		s->retired_from = 0;
	}
}

// SPDX-License-Identifier: GPL-2.0
#include "compile/group_slots.h"

#include <assert.h>
#include <string.h>

#define RETIRED_NUMBER 0xff

struct retired {
	uint32_t what;		/* a group number, or the first slot of a run */
	uint32_t order;		/* of the run, or RETIRED_NUMBER */
};

void group_slots_init(struct group_slots *s)
{
	*s = (struct group_slots){
		.next_group = 1,
		.free_groups = VEC(uint16_t),
		.retired = VEC(struct retired),
	};
	/* Run 0 of chunk 0 is nobody's: slot 0 is what group 0 refers to. */
	s->chunk[0].taken[0] = 1;
	s->chunk[0].runs = 1;
}

void group_slots_free(struct group_slots *s)
{
	vec_free(&s->free_groups);
	vec_free(&s->retired);
}

uint16_t group_slots_number(struct group_slots *s)
{
	uint16_t group;

	if (s->free_groups.len) {
		group = *(uint16_t *)vec_at(&s->free_groups, s->free_groups.len - 1);
		vec_pop(&s->free_groups);
	} else if (s->next_group < NEXTHOP_GROUPS_MAX) {
		group = s->next_group++;
	} else {
		return 0;
	}
	s->groups++;
	return group;
}

static uint32_t take_run(struct group_slots *s, unsigned int chunk)
{
	struct slot_chunk *c = &s->chunk[chunk];

	for (unsigned int run = 0; run < SLOT_CHUNK >> c->order; run++) {
		uint64_t bit = 1ull << (run & 63);

		if (c->taken[run / 64] & bit)
			continue;
		c->taken[run / 64] |= bit;
		c->runs++;
		s->slots += 1u << c->order;
		return chunk * SLOT_CHUNK + (run << c->order);
	}
	assert(!"a chunk with room has a free run");
	return 0;
}

uint32_t group_slots_run(struct group_slots *s, unsigned int order)
{
	unsigned int empty = SLOT_CHUNKS;

	for (unsigned int i = 0; i < SLOT_CHUNKS; i++) {
		const struct slot_chunk *c = &s->chunk[i];

		if (c->runs && c->order == order && c->runs < SLOT_CHUNK >> order)
			return take_run(s, i);
		if (!c->runs && empty == SLOT_CHUNKS)
			empty = i;
	}
	if (empty == SLOT_CHUNKS)
		return 0;
	s->chunk[empty].order = order;
	return take_run(s, empty);
}

void group_slots_retire_number(struct group_slots *s, uint16_t group)
{
	vec_append(&s->retired, &(struct retired){ group, RETIRED_NUMBER });
}

void group_slots_retire_run(struct group_slots *s, uint32_t base, unsigned int order)
{
	vec_append(&s->retired, &(struct retired){ base, order });
}

uint64_t group_slots_mark(const struct group_slots *s)
{
	return s->reclaimed + s->retired.len;
}

bool group_slots_reclaim(struct group_slots *s, uint64_t mark)
{
	/* A mark that was taken before the last reclaiming names what is gone. */
	size_t n = mark > s->reclaimed ? mark - s->reclaimed : 0;

	for (size_t i = 0; i < n; i++) {
		const struct retired *r = vec_at(&s->retired, i);
		struct slot_chunk *c;
		unsigned int run;

		if (r->order == RETIRED_NUMBER) {
			vec_append(&s->free_groups, &(uint16_t){ r->what });
			s->groups--;
			continue;
		}
		c = &s->chunk[r->what / SLOT_CHUNK];
		run = r->what % SLOT_CHUNK >> r->order;
		assert(c->order == r->order && c->taken[run / 64] >> (run & 63) & 1);
		c->taken[run / 64] &= ~(1ull << (run & 63));
		c->runs--;
		s->slots -= 1u << r->order;
	}
	s->reclaimed += n;
	s->retired.len -= n;
	if (n && s->retired.len)
		memmove(s->retired.data, vec_at(&s->retired, n), s->retired.len * sizeof(struct retired));
	return n > 0;
}

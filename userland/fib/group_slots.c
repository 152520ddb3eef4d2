// SPDX-License-Identifier: GPL-2.0
#include "fib/group_slots.h"

#include <assert.h>
#include <string.h>

enum { RETIRED_NUMBER = 0xfe, RETIRED_HOP = 0xff };

struct retired {
	uint32_t what;		/* a group number, a next hop, or the first bucket of a run */
	uint32_t order;		/* of the run, or RETIRED_* */
};

/* The first run of chunk 0 is nobody's: number 0 is "none". */
static void keep_first(struct slot_chunk *chunk)
{
	chunk->taken[0] = 1;
	chunk->runs = 1;
}

void group_slots_init(struct group_slots *s)
{
	*s = (struct group_slots){
		.next_group = 1,
		.free_groups = VEC(uint16_t),
		.retired = VEC(struct retired),
	};
	keep_first(&s->bucket[0]);
	keep_first(&s->hop[0]);
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

static uint32_t take_run(struct slot_chunk *c)
{
	for (unsigned int run = 0; run < SLOT_CHUNK >> c->order; run++) {
		uint64_t bit = 1ull << (run & 63);

		if (!(run & 63) && c->taken[run / 64] == UINT64_MAX) {
			run += 63;
			continue;
		}
		if (c->taken[run / 64] & bit)
			continue;
		c->taken[run / 64] |= bit;
		c->runs++;
		return run << c->order;
	}
	assert(!"a chunk with room has a free run");
	return 0;
}

static uint32_t find_run(struct slot_chunk *chunk, unsigned int chunks, unsigned int order)
{
	unsigned int empty = chunks;

	for (unsigned int i = 0; i < chunks; i++) {
		const struct slot_chunk *c = &chunk[i];

		if (c->runs && c->order == order && c->runs < SLOT_CHUNK >> order)
			return i * SLOT_CHUNK + take_run(&chunk[i]);
		if (!c->runs && empty == chunks)
			empty = i;
	}
	if (empty == chunks)
		return 0;
	chunk[empty].order = order;
	return empty * SLOT_CHUNK + take_run(&chunk[empty]);
}

static void free_run(struct slot_chunk *chunk, uint32_t base, unsigned int order)
{
	struct slot_chunk *c = &chunk[base / SLOT_CHUNK];
	unsigned int run = base % SLOT_CHUNK >> order;

	assert(c->order == order && c->taken[run / 64] >> (run & 63) & 1);
	c->taken[run / 64] &= ~(1ull << (run & 63));
	c->runs--;
}

uint16_t group_slots_hop(struct group_slots *s)
{
	uint32_t hop = find_run(s->hop, HOP_CHUNKS, 0);

	s->hops += hop != 0;
	return hop;
}

uint32_t group_slots_run(struct group_slots *s, unsigned int order)
{
	uint32_t base = find_run(s->bucket, BUCKET_CHUNKS, order);

	s->buckets += base ? 1u << order : 0;
	return base;
}

void group_slots_retire_number(struct group_slots *s, uint16_t group)
{
	vec_append(&s->retired, &(struct retired){ group, RETIRED_NUMBER });
}

void group_slots_retire_hop(struct group_slots *s, uint16_t hop)
{
	vec_append(&s->retired, &(struct retired){ hop, RETIRED_HOP });
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

		switch (r->order) {
		case RETIRED_NUMBER:
			vec_append(&s->free_groups, &(uint16_t){ r->what });
			s->groups--;
			break;
		case RETIRED_HOP:
			free_run(s->hop, r->what, 0);
			s->hops--;
			break;
		default:
			free_run(s->bucket, r->what, r->order);
			s->buckets -= 1u << r->order;
		}
	}
	s->reclaimed += n;
	s->retired.len -= n;
	if (n && s->retired.len)
		memmove(s->retired.data, vec_at(&s->retired, n), s->retired.len * sizeof(struct retired));
	return n > 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * buckets.c: shares that change as little as they can.
 *
 * A member deserves weight / total of the buckets, which is no whole number in general. It is
 * content with that rounded down or up. So a change is three steps:
 *
 *  1. who has more than its share rounded up lets go of the rest;
 *  2. free buckets go one by one to who lacks most;
 *  3. who has less than its share rounded down takes from who has most above its own.
 *
 * When a member is lost the others' shares grow, nobody lets go of anything, and only the lost one's
 * buckets move. When one comes, it takes its share and nothing else moves. Which buckets move follows
 * from a score of bucket and member alone (highest random weight, Thaler and Ravishankar 1998): two groups
 * with nearly the same members, made apart, are nearly alike.
 *
 * More buckets are made by halving each: the flow's hash picks by its high bits, so the halves are where
 * the whole one was. They are never made fewer while the group lives.
 */
#include "fib/buckets.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bpf/layout.h"

#define MEMBERS_MAX	256
#define TOLERANCE	50	/* a share may be off by 1/50 */
#define PER_MEMBER	8

struct shares {
	unsigned int n, order;
	uint64_t total;
	uint32_t count[MEMBERS_MAX];
};

static uint64_t score(unsigned int bucket, unsigned int order, uint64_t name)
{
	/* As a fraction of all, so that the first half of a halved bucket scores like the whole. */
	uint64_t h = name ^ ((uint64_t)bucket << (32 - order));

	h = (h ^ h >> 31) * 0x7fb5d329728ea185ull;
	h = (h ^ h >> 27) * 0x81dadef4bc2dd44dull;
	return h ^ h >> 33;
}

/* How far a member with @count is from what it deserves, in 1/total of a bucket. */
static int64_t surplus(const struct shares *s, const struct bucket_member *m, uint32_t count)
{
	return (int64_t)(count * s->total) - (int64_t)((uint64_t)m->weight << s->order);
}

static bool over(const struct shares *s, const struct bucket_member *m, uint32_t count)
{
	return surplus(s, m, count) >= (int64_t)s->total;
}

static bool under(const struct shares *s, const struct bucket_member *m, uint32_t count)
{
	return surplus(s, m, count) <= -(int64_t)s->total;
}

static uint64_t total_weight(const struct bucket_member *m, unsigned int n)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < n; i++)
		total += m[i].weight;
	return total;
}

/* Whether rounding leaves a member of @weight within the tolerance. */
static bool fine(uint64_t weight, uint64_t total, unsigned int order)
{
	uint64_t exact = weight << order, rest = exact % total;

	return rest * TOLERANCE <= exact && (!rest || (total - rest) * TOLERANCE <= exact);
}

unsigned int buckets_order(const struct bucket_member *m, unsigned int n)
{
	uint64_t total = total_weight(m, n);
	unsigned int order = 0;

	while (order < BUCKETS_ORDER && 1u << order < PER_MEMBER * n)
		order++;
	for (; order < BUCKETS_ORDER; order++) {
		bool good = true;

		for (unsigned int i = 0; good && i < n; i++)
			good = fine(m[i].weight, total, order);
		for (unsigned int lost = 0; good && n > 2 && lost < n; lost++) {
			if (lost && m[lost].weight == m[lost - 1].weight)
				continue;	/* as the one before */
			for (unsigned int i = 0; good && i < n; i++)
				good = i == lost || fine(m[i].weight, total - m[lost].weight, order);
		}
		if (good)
			break;
	}
	return order;
}

void buckets_count(const uint16_t *owner, unsigned int order, uint32_t *count, unsigned int n)
{
	memset(count, 0, n * sizeof(*count));
	for (unsigned int b = 0; b < 1u << order; b++)
		if (owner[b] < n)
			count[owner[b]]++;
}

/* The bucket of @member that it holds on to least. */
static unsigned int weakest(const uint16_t *owner, unsigned int order,
			    const struct bucket_member *m, unsigned int member)
{
	uint64_t least = UINT64_MAX, s;
	unsigned int found = 0;

	for (unsigned int b = 0; b < 1u << order; b++) {
		if (owner[b] != member)
			continue;
		s = score(b, order, m[member].name);
		if (s < least) {
			least = s;
			found = b;
		}
	}
	return found;
}

/* Who is to have a free bucket: of those that lack a whole one the one that it scores highest with. */
static unsigned int neediest(const struct shares *s, const struct bucket_member *m, unsigned int bucket)
{
	unsigned int found = 0, most = 0;
	int64_t lack = INT64_MAX, d;
	uint64_t best = 0, rank;
	bool whole = false;

	for (unsigned int i = 0; i < s->n; i++) {
		d = surplus(s, &m[i], s->count[i]);
		if (d < lack) {
			lack = d;
			most = i;
		}
		if (!under(s, &m[i], s->count[i]))
			continue;
		rank = score(bucket, s->order, m[i].name);
		if (!whole || rank > best) {
			best = rank;
			found = i;
		}
		whole = true;
	}
	return whole ? found : most;
}

/* The one that has most above its share, and the one that is most below it. */
static void extremes(const struct shares *s, const struct bucket_member *m, unsigned int *rich,
		     unsigned int *poor)
{
	int64_t most = INT64_MIN, least = INT64_MAX, d;

	for (unsigned int i = 0; i < s->n; i++) {
		d = surplus(s, &m[i], s->count[i]);
		if (d > most) {
			most = d;
			*rich = i;
		}
		if (d < least) {
			least = d;
			*poor = i;
		}
	}
}

static void fill(struct shares *s, uint16_t *owner, const struct bucket_member *m)
{
	for (unsigned int b = 0; b < 1u << s->order; b++) {
		if (owner[b] < s->n)
			continue;
		owner[b] = neediest(s, m, b);
		s->count[owner[b]]++;
	}
}

void buckets_fill(uint16_t *owner, unsigned int order, const struct bucket_member *m, unsigned int n)
{
	struct shares s = { .n = n, .order = order, .total = total_weight(m, n) };

	buckets_count(owner, order, s.count, n);
	fill(&s, owner, m);
}

void buckets_assign(uint16_t *owner, unsigned int order, const struct bucket_member *m, unsigned int n)
{
	struct shares s = { .n = n, .order = order, .total = total_weight(m, n) };
	unsigned int rich = 0, poor = 0, b;

	buckets_count(owner, order, s.count, n);
	for (unsigned int i = 0; i < n; i++) {
		while (over(&s, &m[i], s.count[i])) {
			owner[weakest(owner, order, m, i)] = BUCKETS_NONE;
			s.count[i]--;
		}
	}
	fill(&s, owner, m);
	for (;;) {
		extremes(&s, m, &rich, &poor);
		if (!under(&s, &m[poor], s.count[poor]))
			break;
		b = weakest(owner, order, m, rich);
		owner[b] = poor;
		s.count[rich]--;
		s.count[poor]++;
	}
}

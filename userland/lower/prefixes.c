// SPDX-License-Identifier: GPL-2.0
#include "lower/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

static const struct prefix roots[] = {
	{ .addr.family = ADDR_V4 },
	{ .addr.family = ADDR_V6 },
};

struct prefixes prefixes_all(uint8_t family)
{
	return (struct prefixes){ &roots[family == ADDR_V6], 1 };
}

static int compare(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

/* The other half of the prefix that is one bit shorter. */
static bool are_halves(const struct prefix *a, const struct prefix *b)
{
	struct prefix whole = *a, other = *b;

	if (a->len != b->len || !a->len || a->addr.family != b->addr.family)
		return false;
	whole.len = other.len = a->len - 1;
	whole = prefix_canonical(whole);
	other = prefix_canonical(other);
	return prefix_equal(&whole, &other) && !prefix_equal(a, b);
}

static bool is_made(const struct prefix *p, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (prefix_cmp(&p[i - 1], &p[i]) >= 0 || prefix_contains(&p[i - 1], &p[i]) ||
		    are_halves(&p[i - 1], &p[i]))
			return false;
	return true;
}

/*
 * In order, a prefix comes before those within it, and right behind it what is not within it
 * is disjoint from all so far: a stack of what is kept, whose top two are put together as long
 * as they are halves, has the set's form at every step.
 */
struct prefixes prefixes_make(struct arena *arena, const struct prefix *prefix, uint32_t n)
{
	struct prefix *out;
	uint32_t len = 0;

	if (is_made(prefix, n))
		return (struct prefixes){ prefix, n };
	out = arena_alloc(arena, n * sizeof(*out));
	memcpy(out, prefix, n * sizeof(*out));
	qsort(out, n, sizeof(*out), compare);
	for (uint32_t i = 0; i < n; i++) {
		if (len && prefix_contains(&out[len - 1], &out[i]))
			continue;
		out[len++] = out[i];
		while (len > 1 && are_halves(&out[len - 2], &out[len - 1])) {
			len--;
			out[len - 1].len--;
			out[len - 1] = prefix_canonical(out[len - 1]);
		}
	}
	return (struct prefixes){ out, len };
}

/*
 * What is in both is, of each pair that meets, the longer one; the two lists are walked side
 * by side. No two results are halves of one: their whole would be in both sets.
 */
struct prefixes prefixes_both(struct arena *arena, struct prefixes a, struct prefixes b)
{
	struct vec out = VEC(struct prefix);
	struct prefixes both = { NULL, 0 };
	struct prefix *copy;
	uint32_t i = 0, j = 0;

	while (i < a.len && j < b.len) {
		if (prefix_contains(&a.prefix[i], &b.prefix[j]))
			vec_append(&out, &b.prefix[j++]);
		else if (prefix_contains(&b.prefix[j], &a.prefix[i]))
			vec_append(&out, &a.prefix[i++]);
		else if (prefix_cmp(&a.prefix[i], &b.prefix[j]) < 0)
			i++;
		else
			j++;
	}
	if (out.len) {
		copy = arena_alloc(arena, out.len * sizeof(*copy));
		memcpy(copy, out.data, out.len * sizeof(*copy));
		both = (struct prefixes){ copy, out.len };
	}
	vec_free(&out);
	return both;
}

bool prefixes_meet(struct prefixes a, struct prefixes b)
{
	uint32_t i = 0, j = 0;

	while (i < a.len && j < b.len) {
		if (prefix_contains(&a.prefix[i], &b.prefix[j]) ||
		    prefix_contains(&b.prefix[j], &a.prefix[i]))
			return true;
		if (prefix_cmp(&a.prefix[i], &b.prefix[j]) < 0)
			i++;
		else
			j++;
	}
	return false;
}

/* A prefix of @a is in @b exactly if one of @b's contains it: @b has no two halves to cover it. */
bool prefixes_within(struct prefixes a, struct prefixes b)
{
	uint32_t j = 0;

	for (uint32_t i = 0; i < a.len; i++) {
		while (j < b.len && !prefix_contains(&b.prefix[j], &a.prefix[i]) &&
		       prefix_cmp(&b.prefix[j], &a.prefix[i]) < 0)
			j++;
		if (j == b.len || !prefix_contains(&b.prefix[j], &a.prefix[i]))
			return false;
	}
	return true;
}

bool prefixes_equal(struct prefixes a, struct prefixes b)
{
	if (a.len != b.len)
		return false;
	for (uint32_t i = 0; i < a.len; i++)
		if (!prefix_equal(&a.prefix[i], &b.prefix[i]))
			return false;
	return true;
}

struct prefixes prefixes_of(struct prefixes a, uint8_t family)
{
	uint32_t low = 0, high = a.len;

	if (!a.len)
		return a;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (a.prefix[middle].addr.family == ADDR_V4)
			low = middle + 1;
		else
			high = middle;
	}
	return family == ADDR_V4 ? (struct prefixes){ a.prefix, low } :
	       (struct prefixes){ a.prefix + low, a.len - low };
}

/* What of @whole is not in @part, whose prefixes all lie in it. */
static void others(const struct prefix *whole, struct prefixes part, struct vec *out)
{
	struct prefix half[2];
	uint32_t split = 0;

	if (!part.len) {
		vec_append(out, whole);
		return;
	}
	if (part.prefix->len == whole->len)
		return;
	half[0] = half[1] = *whole;
	half[0].len = half[1].len = whole->len + 1;
	half[1].addr.bytes[whole->len >> 3] |= 0x80 >> (whole->len & 7);
	while (split < part.len && prefix_contains(&half[0], &part.prefix[split]))
		split++;
	others(&half[0], (struct prefixes){ part.prefix, split }, out);
	others(&half[1], (struct prefixes){ part.prefix + split, part.len - split }, out);
}

struct prefixes prefixes_others(struct arena *arena, struct prefixes a)
{
	struct vec out = VEC(struct prefix);
	struct prefix *copy;
	uint32_t len;

	others(&roots[0], prefixes_of(a, ADDR_V4), &out);
	others(&roots[1], prefixes_of(a, ADDR_V6), &out);
	len = out.len;
	copy = arena_alloc(arena, len * sizeof(*copy));
	if (len)
		memcpy(copy, out.data, len * sizeof(*copy));
	vec_free(&out);
	return (struct prefixes){ copy, len };
}

// SPDX-License-Identifier: GPL-2.0
#include "verify/seen.h"

#include <stdlib.h>

#include "base/vec.h"
#include "bpf/classify.h"
#include "bpf/rules.bpf.h"
#include "image/image.h"

static uint32_t word_at(const struct image_filter *filter, uint64_t offset)
{
	return *(const uint32_t *)(filter->area + offset);
}

/* An array of @n cells at @table; 0: there is none. */
static size_t count_array(const struct image_filter *filter, const struct rules_shape *s,
			  uint32_t table, uint64_t n)
{
	size_t full = 0;

	for (uint64_t i = 0; table && i < n && table + 4 * i <= s->last; i++)
		full += word_at(filter, table + 4 * i) != 0;
	return full;
}

static size_t count_hash(const struct image_filter *filter, const struct rules_shape *s)
{
	size_t full = 0;

	for (uint64_t i = 0; i < s->bucket_count && s->buckets + RULES_LINE * i <= s->last; i++) {
		const struct rules_bucket *b = rules_at(filter->area, s, s->buckets + RULES_LINE * i);

		for (unsigned int j = 0; j < RULES_BUCKET; j++)
			full += b->key[j] && b->cell[j];
	}
	return full;
}

/* @classes: how many classes there are on each side. */
static size_t count_layer(const struct image_filter *filter, const struct rules_shape *s,
			  const uint32_t classes[2])
{
	uint64_t narrow[2];

	for (unsigned int side = 0; side < 2; side++)
		narrow[side] = classes[side] > s->wide[side] ? classes[side] - s->wide[side] : 0;
	return count_array(filter, s, s->ww, (uint64_t)s->wide[0] * s->wide[1]) +
	       count_array(filter, s, s->nw, narrow[0] * s->wide[1]) +
	       count_array(filter, s, s->wn, narrow[1] * s->wide[0]) +
	       (s->hashed ? count_hash(filter, s) : 0);
}

void seen_init(struct seen *c, const struct image_filter *filter,
		const uint32_t classes[LAYERS_MAX][2])
{
	*c = (struct seen){ .filter = filter };
	c->seen = xcalloc(filter->area_bytes / 256 + 1, sizeof(*c->seen));
	for (unsigned int l = 0; l < filter->shape.layers; l++)
		c->full += count_layer(filter, &filter->shape.layer[l], classes[l]);
}

void seen_free(struct seen *c)
{
	free(c->seen);
}

static unsigned int see(struct seen *c, const struct rules_shape *s, uint64_t offset)
{
	uint64_t bit = 1ull << (offset / 4 & 63);

	if (offset > s->last || !word_at(c->filter, offset) || c->seen[offset / 256] & bit)
		return 0;
	c->seen[offset / 256] |= bit;
	c->full_seen++;
	return 1;
}

static unsigned int see_hashed(struct seen *c, const struct rules_shape *s, uint32_t x, uint32_t y)
{
	__u64 key = RULES_KEY(x, y), at[2];

	rules_buckets(s, key, &at[0], &at[1]);
	for (unsigned int i = 0; i < 2; i++) {
		const struct rules_bucket *b = rules_at(c->filter->area, s, at[i]);

		for (unsigned int j = 0; j < RULES_BUCKET; j++)
			if (b->key[j] == key)
				return see(c, s, (const uint8_t *)&b->cell[j] - c->filter->area);
	}
	return 0;
}

/* As rules_plane_cell(), but where the cell is. */
static unsigned int see_plane(struct seen *c, const struct rules_shape *s, uint32_t x, uint32_t y)
{
	uint64_t sources = s->wide[0], destinations = s->wide[1];

	if (x < sources && y < destinations)
		return see(c, s, s->ww + 4 * (x * destinations + y));
	if (y < destinations && s->nw)
		return see(c, s, s->nw + 4 * ((x - sources) * destinations + y));
	if (x < sources && s->wn)
		return see(c, s, s->wn + 4 * ((y - destinations) * sources + x));
	return s->hashed ? see_hashed(c, s, x, y) : 0;
}

static unsigned int see_bands(struct seen *c, const struct rules_shape *s, const uint32_t word[2])
{
	unsigned int fresh = 0;

	for (unsigned int i = 0; i < RULES_BANDS_MAX && i < s->bands[0]; i++) {
		uint32_t x = rules_word(c->filter->area, s, s->chain[0],
					(uint64_t)RULES_CLASS(word[0]) * s->bands[0] + i);

		for (unsigned int j = 0; x != RULES_NONE && j < RULES_BANDS_MAX && j < s->bands[1]; j++) {
			uint32_t y = rules_word(c->filter->area, s, s->chain[1],
						(uint64_t)RULES_CLASS(word[1]) * s->bands[1] + j);

			if (y != RULES_NONE)
				fresh += see_plane(c, s, x, y);
		}
	}
	return fresh;
}

unsigned int seen_add(struct seen *c, unsigned int layer, const uint32_t word[2])
{
	const struct rules_shape *s = &c->filter->shape.layer[layer];
	uint32_t ws = RULES_WIDE(word[0]), wd = RULES_WIDE(word[1]);
	uint32_t cs = RULES_CLASS(word[0]), cd = RULES_CLASS(word[1]);
	unsigned int fresh;

	if (s->chain[0])
		return see_bands(c, s, word);
	fresh = see_plane(c, s, ws, wd);
	if (cs != ws)
		fresh += see_plane(c, s, cs, wd);
	if (cd != wd)
		fresh += see_plane(c, s, ws, cd);
	if (cs != ws && cd != wd)
		fresh += see_plane(c, s, cs, cd);
	return fresh;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bulk.h: look-ups of many addresses, as userland/lpm makes them; nobody else sees it.
 *
 * A look-up waits for two or three cache lines, one after the other. Of many, those of all can
 * be asked for before the first is needed: each stage below goes over a few dozen addresses, and
 * ends by prefetching what the next one reads.
 *
 * The text is compiled twice: in bulk.c for any CPU, and in bulk_avx2.c for those that count bits
 * in an instruction and gather from eight places in another (AVX2). bulk.c chooses at run time.
 */
#ifndef SLUICE_LPM_BULK_H
#define SLUICE_LPM_BULK_H

#include "lpm/inside.h"

#define BULK	32		/* addresses under way at a time */

typedef void bulk4_fn(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n);
typedef void bulk6_fn(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result, size_t n);

bulk4_fn bulk4_portable;
bulk6_fn bulk6_portable;
#ifdef __x86_64__
bulk4_fn bulk4_avx2;
bulk6_fn bulk6_avx2;
#endif

/* The node that a word of dir refers to; the head of the table if none. */
static inline const uint8_t *bulk_node4(const uint8_t *area, const struct lpm_shape *s, uint32_t word)
{
	return word < LPM_DIR_FULL ? area : area + s->nodes + (word & LPM_DIR_NODE);
}

/* At most BULK. */
static inline void bulk4_some(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n)
{
	const struct lpm_shape *s = &t->space->shape;
	const uint8_t *area = t->space->area;
	const uint32_t *dir = (const uint32_t *)(area + s->dir) +
			      ((size_t)t->number << LPM_DIR_BITS);

	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&dir[addr[i] >> (32 - LPM_DIR_BITS)]);
	for (size_t i = 0; i < n; i++) {
		uint32_t word = LPM_LOAD(dir[addr[i] >> (32 - LPM_DIR_BITS)]);
		uint32_t at = word & LPM_DIR_PACKED ? 0 : (addr[i] >> 8 & 32) * 2;

		__builtin_prefetch(bulk_node4(area, s, word) + at);
	}
	for (size_t i = 0; i < n; i++)
		result[i] = lpm4_lookup_in(area, s, t->number, addr[i]);
}

/* An address under way through an IPv6 table: places in the index, and what their words should say. */
struct way6 {
	uint32_t place[3], tag[3];
	uint32_t word;
	uint64_t key;		/* of the node that the word should name; ~0: none seems to be there */
};

/* As lpm6_lookup(), in three stages for all. */
static inline void bulk6_some(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result,
			      size_t n)
{
	static const uint8_t levels[3] = { 40, 32, 24 };
	const struct lpm_shape *s = &t->space->shape;
	const uint8_t *area = t->space->area;
	const struct lpm_head *h = head_of(t);
	const uint16_t *seeds = (const uint16_t *)(area + s->seeds);
	const uint32_t *index = (const uint32_t *)(area + s->index);
	uint32_t version = LPM_LOAD(h->version);
	uint64_t salt = lpm6_salt(t->number);
	struct way6 way[BULK];

	for (size_t i = 0; i < n; i++) {
		for (int l = 0; l < 3; l++) {
			uint64_t hash = lpm6_hash(lpm6_key(addr[i][0], levels[l]));
			uint64_t bucket = lpm6_bucket(h, hash ^ salt) & s->seeds_mask;

			way[i].tag[l] = lpm6_tag(hash, t->number);
			way[i].place[l] = lpm6_place(h, hash ^ salt, LPM_LOAD(seeds[bucket])) &
					  s->index_mask;
			__builtin_prefetch(&index[way[i].place[l]]);
		}
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *node;

		way[i].key = ~0ull;
		way[i].word = 0;
		for (int l = 2; l >= 0; l--) {
			uint32_t word = LPM_LOAD(index[way[i].place[l]]);
			bool is = !((word ^ way[i].tag[l]) & LPM_INDEX_TAG);

			way[i].word = is ? word : way[i].word;
			way[i].key = is ? lpm6_key(addr[i][0], levels[l]) : way[i].key;
		}
		node = area + s->nodes + (way[i].word & LPM_INDEX_NODE);
		__builtin_prefetch(node);
		__builtin_prefetch(node + (way[i].word & LPM_INDEX_LONG) * 2);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t hi = addr[i][0], lo = addr[i][1], key = way[i].key;
		const struct lpm_node *node = lpm6_node(area, s, way[i].word, 0);

		if (node->key != key || key == ~0ull) {
			result[i] = lpm6_again(area, s, t->number, hi, lo, 0);
			continue;
		}
		result[i] = lpm_node_result(node, hi >> (56 - (key & 63)) & 0xff, 0);
		if (lpm_is_kid(result[i], 0))
			result[i] = lpm6_deep(area, s, hi, lo, lpm_node_kid(node, result[i], 0), 0);
		if (!result[i])
			result[i] = lpm_fallback(area, s, t->number);
	}
	if (!(version & 1) && LPM_LOAD(h->version) == version)
		return;
	/* Changed meanwhile: what was read is of different moments. */
	for (size_t i = 0; i < n; i++)
		result[i] = lpm6_again(area, s, t->number, addr[i][0], addr[i][1], 0);
}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * bulk_avx2.c: look-ups of many addresses where the CPU has AVX2: compiled with -mavx2 -mpopcnt,
 * and entered by bulk.c only where they are.
 *
 * IPv4: eight words of dir are gathered at once; of packed nodes, which most are, the runs are
 * gathered, counted by table look-ups of nibbles (Mula 2008), and the results gathered. What is
 * otherwise (full nodes, kids, no result but the default route's) goes the plain way.
 */
#ifdef __x86_64__
#include <immintrin.h>

#include "lpm/bulk.h"

/* Bits that are set, in each of four 64-bit numbers. */
static inline __m256i count_bits(__m256i x)
{
	const __m256i nibble = _mm256_set1_epi8(0x0f);
	const __m256i bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
					      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	__m256i low = _mm256_shuffle_epi8(bits, _mm256_and_si256(x, nibble));
	__m256i high = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));

	return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

/* Of four packed nodes at @node, in bytes of the area: where the result for slot @i is, less 4. */
static inline __m128i results4(const uint8_t *nodes, __m128i node, __m128i i)
{
	__m256i runs = _mm256_i32gather_epi64((const long long *)nodes, node, 1);
	__m256i shift = _mm256_sub_epi64(_mm256_set1_epi64x(63), _mm256_cvtepu32_epi64(i));
	__m256i rank = count_bits(_mm256_sllv_epi64(runs, shift));
	/* The low halves of four 64-bit numbers. */
	__m256i narrow = _mm256_permutevar8x32_epi32(rank,
						     _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));

	return _mm_add_epi32(node, _mm_slli_epi32(_mm256_castsi256_si128(narrow), 1));
}

/* Eight addresses, whose words of dir are @word. */
static inline void finish8(const struct lpm *t, const uint32_t *addr, __m256i word,
			   lpm_result *result)
{
	const struct lpm_shape *s = &t->space->shape;
	const uint8_t *nodes = t->space->area + s->nodes;
	__m256i a = _mm256_loadu_si256((const __m256i *)addr);
	__m256i i = _mm256_and_si256(_mm256_srli_epi32(a, 8), _mm256_set1_epi32(63));
	/* The highest bit, of each: packed. Others read the area's first line, for nothing. */
	__m256i packed = _mm256_srai_epi32(word, 31);
	__m256i node = _mm256_and_si256(_mm256_and_si256(word, packed),
					_mm256_set1_epi32(LPM_DIR_NODE));
	__m128i at_low = results4(nodes, _mm256_castsi256_si128(node), _mm256_castsi256_si128(i));
	__m128i at_high = results4(nodes, _mm256_extracti128_si256(node, 1),
				   _mm256_extracti128_si256(i, 1));
	__m256i at = _mm256_set_m128i(at_high, at_low);
	/* 32 bits that end with the result, so that nothing behind the node is read. */
	__m256i got = _mm256_srli_epi32(_mm256_i32gather_epi32((const int *)(nodes + 4), at, 1), 16);
	__m256i kid, plain, none;
	uint32_t others;

	got = _mm256_blendv_epi8(word, got, packed);
	kid = _mm256_cmpgt_epi32(got, _mm256_set1_epi32(LPM_RESULT_MAX));
	plain = _mm256_andnot_si256(packed, _mm256_cmpgt_epi32(word,
							      _mm256_set1_epi32(LPM_DIR_FULL - 1)));
	none = _mm256_cmpeq_epi32(got, _mm256_setzero_si256());
	_mm256_storeu_si256((__m256i *)result, got);
	others = _mm256_movemask_ps(_mm256_castsi256_ps(
			_mm256_or_si256(_mm256_or_si256(kid, plain), none)));
	for (; others; others &= others - 1) {
		unsigned int lane = __builtin_ctz(others);

		result[lane] = lpm4_lookup_in(t->space->area, s, t->number, addr[lane]);
	}
}

void bulk4_avx2(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n)
{
	const struct lpm_shape *s = &t->space->shape;
	const uint8_t *area = t->space->area;
	const int *dir = (const int *)(area + s->dir) + ((size_t)t->number << LPM_DIR_BITS);
	__m256i word[BULK / 8];

	while (n >= BULK) {
		for (unsigned int v = 0; v < BULK / 8; v++) {
			__m256i a = _mm256_loadu_si256((const __m256i *)(addr + 8 * v));
			__m256i at = _mm256_srli_epi32(a, 32 - LPM_DIR_BITS);
			uint32_t node[8];

			word[v] = _mm256_i32gather_epi32(dir, at, 4);
			_mm256_storeu_si256((__m256i *)node, word[v]);
			for (unsigned int i = 0; i < 8; i++)
				__builtin_prefetch(bulk_node4(area, s, node[i]));
		}
		for (unsigned int v = 0; v < BULK / 8; v++)
			finish8(t, addr + 8 * v, word[v], result + 8 * v);
		addr += BULK;
		result += BULK;
		n -= BULK;
	}
	bulk4_some(t, addr, result, n);
}

void bulk6_avx2(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result, size_t n)
{
	for (size_t i = 0; i < n; i += BULK)
		bulk6_some(t, addr + i, result + i, n - i < BULK ? n - i : BULK);
}
#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * bulk.c: look-ups of many addresses, on any CPU; and which text to use on this one.
 */
#include "lpm/bulk.h"

#include <stdlib.h>
#include <string.h>

void bulk4_portable(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n)
{
	for (size_t i = 0; i < n; i += BULK)
		bulk4_some(t, addr + i, result + i, n - i < BULK ? n - i : BULK);
}

void bulk6_portable(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result, size_t n)
{
	for (size_t i = 0; i < n; i += BULK)
		bulk6_some(t, addr + i, result + i, n - i < BULK ? n - i : BULK);
}

static bool has_avx2(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
#else
	return false;
#endif
}

const char *lpm_bulk_text(void)
{
	return has_avx2() ? "avx2" : "portable";
}

void lpm_bulk4(const struct lpm *t, const uint32_t *addr, lpm_result *result, size_t n)
{
#ifdef __x86_64__
	if (has_avx2()) {
		bulk4_avx2(t, addr, result, n);
		return;
	}
#endif
	bulk4_portable(t, addr, result, n);
}

void lpm_bulk6(const struct lpm *t, const uint64_t (*addr)[2], lpm_result *result, size_t n)
{
#ifdef __x86_64__
	if (has_avx2()) {
		bulk6_avx2(t, addr, result, n);
		return;
	}
#endif
	bulk6_portable(t, addr, result, n);
}

/* Many ways down the shadow side by side: each asks for its next node, and lets the others go on. */
static void match_some(const struct lpm *t, const struct addr *a, struct lpm_route *match, size_t n)
{
	const struct radix *r = &t->radix;
	struct radix_key key[BULK];
	uint32_t at[BULK], best[BULK];
	size_t going = n;

	for (size_t i = 0; i < n; i++) {
		key[i] = radix_key_of(&(struct prefix){ a[i], addr_bits(t->family) });
		at[i] = a[i].family == t->family ? r->root : 0;
		best[i] = 0;
	}
	while (going) {
		going = 0;
		for (size_t i = 0; i < n; i++) {
			at[i] = radix_step(r, &key[i], at[i], &best[i]);
			__builtin_prefetch(&r->nodes[at[i]]);
			going += at[i] != 0;
		}
	}
	for (size_t i = 0; i < n; i++) {
		match[i] = (struct lpm_route){ 0 };
		if (!best[i])
			continue;
		match[i].prefix = radix_prefix(t->family, radix_node(r, best[i]));
		match[i].result = radix_node(r, best[i])->result;
	}
}

void lpm_bulk_match(const struct lpm *t, const struct addr *a, struct lpm_route *match, size_t n)
{
	for (size_t i = 0; i < n; i += BULK)
		match_some(t, a + i, match + i, n - i < BULK ? n - i : BULK);
}

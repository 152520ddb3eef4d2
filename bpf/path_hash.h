/* SPDX-License-Identifier: GPL-2.0 */
/*
 * path_hash.h: which of several next hops a flow takes: one number a flow, for programs and natively.
 *
 * What is a flow is the kernel's sysctl fib_multipath_hash_policy (struct nexthops, hash): a pair of
 * addresses, so that fragments go with the rest; or that with protocol and ports, fragments apart. Each
 * word is mixed in on its own: hosts 1, 2, 3 that talk to hosts 1, 2, 3 are three flows.
 */
#ifndef SLUICE_BPF_PATH_HASH_H
#define SLUICE_BPF_PATH_HASH_H

#include <linux/types.h>

static inline __attribute__((always_inline)) __u64 path_mix(__u64 h, __u64 word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

/* What of a flow is beside its addresses. 0: the addresses are all that counts. */
#define PATH_REST(sport, dport, protocol) ((__u64)(sport) << 32 | (__u64)(dport) << 16 | (protocol))

/**
 * path_hash() - its high bits choose a bucket.
 * @source, @destination: aligned to 8 bytes; IPv4 in the first four.
 * @rest: PATH_REST() of what stands in the packet, network order as it is, or 0.
 */
static inline __attribute__((always_inline)) __u32 path_hash(__u64 seed, __u8 family, const __u8 *source,
							     const __u8 *destination, __u64 rest)
{
	const __u64 *s = (const __u64 *)source, *d = (const __u64 *)destination;
	__u64 h = seed;

	if (family == 4)
		h = path_mix(h, (__u64)*(const __u32 *)source << 32 | *(const __u32 *)destination);
	else
		h = path_mix(path_mix(path_mix(path_mix(h, s[0]), s[1]), d[0]), d[1]);
	h = path_mix(h, rest);
	/* The lowest bit picks nothing: a hash is never 0. */
	return h * 0xbf58476d1ce4e5b9ull >> 32 | 1;
}

#endif

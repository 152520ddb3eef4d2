// SPDX-License-Identifier: GPL-2.0
/*
 * lookup.bpf.c: the contenders of the look-up benchmark, inside XDP.
 *
 * A program looks up a whole stretch of the stream in one test run, so that the
 * time of the run counts look-ups and little else. The
 * program "nothing" does all but the look-up: its time is taken off.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lpm.bpf.h"
#include "tools/bench/lookup_layout.h"

struct turn turn;
__u32 stream4[STREAM];
__u64 stream6[STREAM][2];

struct key4 {
	__u32 prefixlen;
	__u32 addr;
};

struct key6 {
	__u32 prefixlen;
	__u64 addr[2];
} __attribute__((packed));

#define MAP_OF(TYPE, KEY, VALUE, FLAGS)			\
	__uint(type, TYPE);				\
	__uint(max_entries, 1);				\
	__uint(map_flags, FLAGS);			\
	__type(key, KEY);				\
	__type(value, VALUE)

struct {
	MAP_OF(BPF_MAP_TYPE_LPM_TRIE, struct key4, __u32, BPF_F_NO_PREALLOC);
} trie4 SEC(".maps");

struct {
	MAP_OF(BPF_MAP_TYPE_LPM_TRIE, struct key6, __u32, BPF_F_NO_PREALLOC);
} trie6 SEC(".maps");

struct dir_line {
	__u16 word[DIR_PER_VALUE];
};

struct {
	MAP_OF(BPF_MAP_TYPE_ARRAY, __u32, struct dir_line, 0);
} dir_array SEC(".maps");

/* A hash for each length, made by userland. */
struct twin_lengths4 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct twin_value));
};

struct twin_lengths6 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 16);
	__uint(value_size, sizeof(struct twin_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TWIN_LENGTHS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct twin_lengths4);
} twin4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TWIN_LENGTHS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct twin_lengths6);
} twin6 SEC(".maps");

/* The map that takes its place has DIR_WORDS words. */
char dir_anchor[8] SEC(".data.dir");
__u8 twin_rope[8];
__u32 twin_default;

/* ---- the look-ups ----------------------------------------------------------- */

struct state {
	struct xdp_md *ctx;
	__u32 first, last;
	__u64 sum;
};

static __always_inline __u32 nothing4(struct state *s, __u32 a)
{
	return a & 0x7fff;
}

static __always_inline __u32 nothing6(struct state *s, __u64 hi, __u64 lo)
{
	return (hi ^ lo) & 0x7fff;
}

static __always_inline __u32 sluice4(struct state *s, __u32 a)
{
	return lpm4(0, a);
}

static __always_inline __u32 sluice6(struct state *s, __u64 hi, __u64 lo)
{
	return lpm6(0, hi, lo);
}

static __always_inline __u32 lpm_trie4(struct state *s, __u32 a)
{
	struct key4 key = { 32, bpf_htonl(a) };
	__u32 *result = bpf_map_lookup_elem(&trie4, &key);

	return result ? *result : 0;
}

static __always_inline __u32 lpm_trie6(struct state *s, __u64 hi, __u64 lo)
{
	struct key6 key = { 128, { bpf_cpu_to_be64(hi), bpf_cpu_to_be64(lo) } };
	__u32 *result = bpf_map_lookup_elem(&trie6, &key);

	return result ? *result : 0;
}

static __always_inline __u32 dir24_array4(struct state *s, __u32 a)
{
	__u32 at = a >> 8, key = at / DIR_PER_VALUE;
	struct dir_line *line = bpf_map_lookup_elem(&dir_array, &key);
	__u32 word;

	if (!line)
		return 0;
	word = line->word[at % DIR_PER_VALUE];
	if (!(word & DIR_LONG))
		return word;
	at = (1 << 24) + (word & (DIR_LONG_MAX - 1)) * 256 + (a & 255);
	key = at / DIR_PER_VALUE;
	line = bpf_map_lookup_elem(&dir_array, &key);
	return line ? line->word[at % DIR_PER_VALUE] : 0;
}

static __always_inline __u32 dir24_bss4(struct state *s, __u32 a)
{
	const __u16 *dir = (const __u16 *)dir_anchor;
	__u32 word;

	asm("" : "+r"(dir));
	word = dir[a >> 8];
	if (!(word & DIR_LONG))
		return word;
	return dir[(1 << 24) + (word & (DIR_LONG_MAX - 1)) * 256 + (a & 255)];
}

static __always_inline __u32 rope4(struct state *s, __u32 a)
{
	__u64 rope = *(__u64 *)twin_rope;
	__u32 best = twin_default;

	for (int i = 0; i < 40; i++) {
		__u32 len = rope & 0xff, key;
		struct twin_value *v;
		void *table;

		if (!len || len > 32)
			break;
		rope >>= 8;
		table = bpf_map_lookup_elem(&twin4, &len);
		if (!table)
			break;
		key = a & ~(__u32)(0xffffffffull >> len);
		v = bpf_map_lookup_elem(table, &key);
		if (v) {
			best = v->best;
			rope = *(__u64 *)v->rope;
		}
	}
	return best;
}

static __always_inline __u32 rope6(struct state *s, __u64 hi, __u64 lo)
{
	__u64 rope = *(__u64 *)twin_rope;
	__u32 best = twin_default;

	for (int i = 0; i < 64; i++) {
		__u32 len = rope & 0xff;
		struct twin_value *v;
		__u64 key[2];
		void *table;

		if (!len || len > 128)
			break;
		rope >>= 8;
		table = bpf_map_lookup_elem(&twin6, &len);
		if (!table)
			break;
		key[0] = bpf_cpu_to_be64(len < 64 ? hi & ~(~0ull >> len) : hi);
		key[1] = bpf_cpu_to_be64(len <= 64 ? 0 :
					 len < 128 ? lo & ~(~0ull >> (len - 64)) : lo);
		v = bpf_map_lookup_elem(table, &key);
		if (v) {
			best = v->best;
			rope = *(__u64 *)v->rope;
		}
	}
	return best;
}

/* The kernel's table has as gateways 169.254.x.y and fe80::y, where y is the result. */
static __always_inline __u32 fib_lookup4(struct state *s, __u32 a)
{
	struct bpf_fib_lookup f = { .family = 2, .ifindex = 1, .ipv4_dst = bpf_htonl(a) };

	bpf_fib_lookup(s->ctx, &f, sizeof(f), 0);
	a = bpf_ntohl(f.ipv4_dst);
	return a >> 16 == 0xa9fe ? a & 0xffff : 0;
}

static __always_inline __u32 fib_lookup6(struct state *s, __u64 hi, __u64 lo)
{
	struct bpf_fib_lookup f = { .family = 10, .ifindex = 1 };

	*(__u64 *)&f.ipv6_dst[0] = bpf_cpu_to_be64(hi);
	*(__u64 *)&f.ipv6_dst[2] = bpf_cpu_to_be64(lo);
	bpf_fib_lookup(s->ctx, &f, sizeof(f), 0);
	return bpf_ntohl(f.ipv6_dst[0]) == 0xfe800000 ? bpf_ntohl(f.ipv6_dst[3]) & 0xffff : 0;
}

/* ---- the loops --------------------------------------------------------------- */

#define LOOP4(program, look)							\
static long program##_alone(__u32 i, struct state *s)				\
{										\
	s->sum += look(s, stream4[(s->first + i) & (STREAM - 1)]);		\
	return 0;								\
}										\
static long program##_chained(__u32 i, struct state *s)				\
{										\
	s->last = look(s, stream4[(s->first + i) & (STREAM - 1)] ^		\
			  (s->last & turn.zero));				\
	s->sum += s->last;							\
	return 0;								\
}										\
PROGRAM(program)

#define LOOP6(program, look)							\
static long program##_alone(__u32 i, struct state *s)				\
{										\
	const __u64 *a = stream6[(s->first + i) & (STREAM - 1)];		\
										\
	s->sum += look(s, a[0], a[1]);						\
	return 0;								\
}										\
static long program##_chained(__u32 i, struct state *s)				\
{										\
	const __u64 *a = stream6[(s->first + i) & (STREAM - 1)];		\
										\
	s->last = look(s, a[0] ^ (s->last & turn.zero), a[1]);			\
	s->sum += s->last;							\
	return 0;								\
}										\
PROGRAM(program)

#define PROGRAM(program)							\
SEC("xdp") int program(struct xdp_md *ctx)					\
{										\
	struct state s = { .ctx = ctx, .first = turn.first };			\
										\
	if (turn.dependent)							\
		bpf_loop(turn.count, program##_chained, &s, 0);			\
	else									\
		bpf_loop(turn.count, program##_alone, &s, 0);			\
	turn.sum = s.sum;							\
	return XDP_DROP;							\
}

LOOP4(run_nothing4, nothing4)
LOOP4(run_sluice4, sluice4)
LOOP4(run_lpm_trie4, lpm_trie4)
LOOP4(run_fib_lookup4, fib_lookup4)
LOOP4(run_dir24_array4, dir24_array4)
LOOP4(run_dir24_bss4, dir24_bss4)
LOOP4(run_twin4, rope4)
LOOP6(run_nothing6, nothing6)
LOOP6(run_sluice6, sluice6)
LOOP6(run_lpm_trie6, lpm_trie6)
LOOP6(run_fib_lookup6, fib_lookup6)
LOOP6(run_twin6, rope6)

char _license[] SEC("license") = "GPL";

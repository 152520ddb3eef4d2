// SPDX-License-Identifier: GPL-2.0
/*
 * classify.bpf.c: the stage of the data path that classifies, inside XDP, on a stream of packets
 * that have been parsed.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/parse.bpf.h"

#include "bpf/classify.bpf.h"
#include "tools/bench/classify_layout.h"

/* The loader puts a map in its place. */
char packets_anchor[8] SEC(".data.packets");

struct {
	__u32 count;
} turn;

struct state {
	struct xdp_md *ctx;
};

static __always_inline struct bench_packets *packets(void)
{
	struct bench_packets *all = (struct bench_packets *)packets_anchor;

	asm("" : "+r"(all));
	return all;
}

static __always_inline struct packet packet_of(const struct bench_packet *b)
{
	struct packet p = { .family = 4, .ethertype = bpf_htons(ETH_P_IP), .port = 1 };

	*(__be32 *)p.source = bpf_htonl(b->addr[0]);
	*(__be32 *)p.destination = bpf_htonl(b->addr[1]);
	p.sport = bpf_htons(b->field[RULES_SPORT]);
	p.dport = bpf_htons(b->field[RULES_DPORT]);
	p.protocol = b->field[RULES_PROTO];
	p.tcp_flags = b->field[RULES_TCP_FLAGS];
	p.icmp_type = b->field[RULES_ICMP_TYPE];
	p.icmp_code = b->field[RULES_ICMP_CODE];
	return p;
}

/* The stage without its address look-ups: the words are there. */
STAGE int classify_words(struct xdp_md *ctx, const struct packet *p, struct matched *m)
{
	struct question q = {};

	/* Else the caller saves itself the argument, which the verifier wants to see. */
	asm volatile("" : : "r"(ctx));
	if (!filter.layers || !p || !m)
		return 0;
	read_fields(p, 0, q.field);
	q.class[0] = m->side[0];
	q.class[1] = m->side[1];
	walk_layer(0, &q);
	m->rule = q.rule;
	return 0;
}

/* Without what is remembered. */
static __always_inline void classify_walk(struct xdp_md *ctx, const struct packet *p, struct matched *m)
{
	m->asked = ask(ctx, p);
	classify_anew(p, m);
}

/* What a stage costs that does nothing. */
STAGE int classify_nothing(struct xdp_md *ctx, const struct packet *p, struct matched *m)
{
	asm volatile("" : : "r"(ctx));
	if (!p || !m)
		return 0;
	m->rule = p->sport;
	return 0;
}

/* The section of the data path's program: constants are written into these, too (datapath/constants.h). */
#define LOOP(name, stage)								\
static long name##_each(__u32 i, struct state *s)					\
{											\
	struct bench_packets *all = packets();						\
	const struct bench_packet *b = &all->packet[i & (PACKETS - 1)];			\
	struct matched m = { .rule = RULES_NONE, .side = { b->word[0], b->word[1] } };	\
	struct packet p = packet_of(b);							\
											\
	stage(s->ctx, &p, &m);								\
	all->answer[i & (PACKETS - 1)] = m.rule;					\
	return 0;									\
}											\
											\
SEC("xdp.sluice") int name(struct xdp_md *ctx)						\
{											\
	struct state s = { ctx };							\
											\
	bpf_loop(turn.count, name##_each, &s, 0);					\
	return XDP_DROP;								\
}

LOOP(run_whole, classify)
LOOP(run_walk, classify_walk)
LOOP(run_tables, classify_words)
LOOP(run_nothing, classify_nothing)

char _license[] SEC("license") = "GPL";

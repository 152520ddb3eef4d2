/* SPDX-License-Identifier: GPL-2.0 */
/*
 * microflow.bpf.h: what the last packets met: a memory in front of the walk.
 *
 * What a packet meets depends on its addresses, on the fields that some rule tests, and on nothing
 * else; packets that are alike in all of these are a microflow. Its key is those values themselves, not a hash
 * of them: so what is remembered is what the walk would find, whoever sends what. Sockets and sets, which change
 * while packets come, are asked for each packet, and what they answer is in the key.
 *
 * Each CPU has slots of its own, which nobody else writes; a microflow has one place. It is remembered
 * there when that is free, or has seen MICROFLOW_PATIENCE packets of others in a row. Where packets are all
 * different, as in a flood, it cannot help, and is soon left alone: then one packet in seventeen pays for
 * finding out whether that is still so. The memory begins empty with each generation: userland clears it
 * before a program gets other tables.
 *
 * IPv4 needs one cache line of a slot, as long as one layer is all there is.
 */
#ifndef SLUICE_MICROFLOW_BPF_H
#define SLUICE_MICROFLOW_BPF_H

#include "bpf/microflow.h"
#include "bpf/parse.bpf.h"
#include "bpf/path_hash.h"

char microflows_anchor[8] SEC(".data.microflows");
const volatile __u32 microflow_cpus;	/* 0: nothing is remembered */

/* What a packet meets: numbers of rules. */
struct matched {
	__u64 asked;			/* in: what the packet does not say itself: ASKED_* */
	__u32 rule;			/* ends the search; RULES_NONE: none does */
	__u32 action;			/* its rules_head.action */
	union {
		__u32 side[LAYERS_MAX - 1];	/* of layers 1 ..: RULES_NONE: none */
		__u32 class6[2];	/* in: of an IPv6 packet's source and destination */
	};
};

#define MATCHED_NONE { .rule = RULES_NONE }

/* struct matched.asked: numbers of the two Ethernet addresses, sets, socket. */
#define ASKED_ETH_SRC	0
#define ASKED_ETH_DST	16
#define ASKED_SETS	32
#define ASKED_SOCKET	48

/*
 * The words of a key, by the fields that they have. The verifier knows which are tested: what reads
 * the others is gone.
 */
#define IN_WORD_1	(1u << RULES_IN | 1u << RULES_LENGTH | 1u << RULES_ICMP_TYPE |	\
			 1u << RULES_ICMP_CODE | 1u << RULES_TTL | 1u << RULES_DSCP | 1u << RULES_ECN)
#define IN_WORD_2	(1u << RULES_ETH_TYPE | 1u << RULES_VLAN | 1u << RULES_PCP)
#define IN_WORD_3	(1u << RULES_ETH_SRC | 1u << RULES_ETH_DST | 1u << RULES_SETS | 1u << RULES_SOCKET)

#define PUT(word, name, value, at)					\
	if (filter.fields & 1u << RULES_##name)				\
		(word) |= (__u64)(value) << (at)

static __always_inline __u64 microflow_word_0(const struct packet *p)
{
	__u64 word = 1ull << 63 | (__u64)p->family << 56;

	PUT(word, SPORT, p->sport, 0);
	PUT(word, DPORT, p->dport, 16);
	PUT(word, PROTO, p->protocol, 32);
	PUT(word, TCP_FLAGS, p->tcp_flags, 40);
	PUT(word, FRAG, p->fragment, 48);
	return word;
}

static __always_inline __u64 microflow_word_1(const struct packet *p)
{
	__u64 word = 0;

	PUT(word, IN, p->port, 0);
	PUT(word, LENGTH, p->length < 0xffff ? p->length : 0xffff, 16);
	PUT(word, ICMP_TYPE, p->icmp_type, 32);
	PUT(word, ICMP_CODE, p->icmp_code, 40);
	PUT(word, TTL, p->ttl, 48);
	if (filter.fields & (1u << RULES_DSCP | 1u << RULES_ECN))
		word |= (__u64)p->tos << 56;
	return word;
}

static __always_inline __u64 microflow_word_2(const struct packet *p)
{
	__u64 word = 0;

	PUT(word, ETH_TYPE, p->ethertype, 0);
	if (filter.fields & (1u << RULES_VLAN | 1u << RULES_PCP))
		word |= (__u64)(p->tags ? 0x10000u | p->tci : 0) << 16;
	return word;
}
#undef PUT

static __always_inline __u64 microflow_address(const struct packet *p, unsigned int i)
{
	const __u64 *source = (const __u64 *)p->source, *destination = (const __u64 *)p->destination;

	if (p->family != 6)
		return (__u64)*(const __u32 *)p->source << 32 | *(const __u32 *)p->destination;
	return i < 2 ? source[i] : destination[i - 2];
}

static __always_inline __u64 microflow_hash(const struct packet *p, const struct matched *m)
{
	__u64 hash = path_mix(microflow_word_0(p), microflow_address(p, 0));

	if (p->family == 6) {
		hash = path_mix(hash, microflow_address(p, 1));
		hash = path_mix(hash, microflow_address(p, 2));
		hash = path_mix(hash, microflow_address(p, 3));
	}
	if (filter.fields & IN_WORD_1)
		hash = path_mix(hash, microflow_word_1(p));
	if (filter.fields & IN_WORD_2)
		hash = path_mix(hash, microflow_word_2(p));
	if (filter.fields & IN_WORD_3)
		hash = path_mix(hash, m->asked);
	return hash;
}

/* This CPU's memory. */
static __always_inline struct microflows *microflows_here(void)
{
	__u8 *start = (__u8 *)microflows_anchor;
	__u64 cpu = bpf_get_smp_processor_id();

	if (cpu >= microflow_cpus)
		return NULL;
	asm("" : "+r"(start));
	return (struct microflows *)(start + cpu * sizeof(struct microflows));
}

/** microflows_pay() - whether to ask microflow_recall(). */
static __always_inline bool microflows_pay(void)
{
	struct microflows *here;
	__u32 skip;

	if (!microflow_cpus)
		return false;
	here = microflows_here();
	skip = here ? here->skip : 0;
	if (skip)
		here->skip = skip - 1;
	return here && !skip;
}

/* Whether @f is the packet's. */
static __always_inline bool microflow_is(const struct microflow *f, const struct packet *p,
					 const struct matched *m)
{
	return f->word[0] == microflow_word_0(p) && f->address == microflow_address(p, 0) &&
	       (!(filter.fields & IN_WORD_1) || f->word[1] == microflow_word_1(p)) &&
	       (!(filter.fields & IN_WORD_2) || f->word[2] == microflow_word_2(p)) &&
	       (!(filter.fields & IN_WORD_3) || f->word[3] == m->asked) &&
	       (p->family != 6 || (f->address6[0] == microflow_address(p, 1) &&
				   f->address6[1] == microflow_address(p, 2) &&
				   f->address6[2] == microflow_address(p, 3)));
}

/*
 * A kernel for real time may put a packet aside for another's on the same CPU. Who writes says so, and the
 * other does not; who reads sees by the version that what was read is of one piece.
 */
#define version_of(f)	(*(volatile __u32 *)&(f)->version)

/* What microflow_recall() says, if not where the packet may be remembered: a slot, from 1 on. */
#define RECALL_IS_HERE	0	/* it is remembered: @m says what it meets */
#define RECALL_NOWHERE	(-1)

STAGE int microflow_recall(const struct packet *p, struct matched *m)
{
	struct microflows *here;
	struct microflow *f;
	__u32 slot, version;

	if (!microflow_cpus || !p || !m)
		return RECALL_NOWHERE;
	here = microflows_here();
	if (!here)
		return RECALL_NOWHERE;
	slot = microflow_hash(p, m) % MICROFLOWS;
	f = &here->slot[slot];
	version = version_of(f);
	barrier();
	if (!microflow_is(f, p, m))
		return slot + 1;
	m->rule = f->rule;
	m->action = f->action;
	for (unsigned int l = 1; l < LAYERS_MAX && l < filter.layers; l++)
		m->side[l - 1] = f->side[l - 1];
	barrier();
	if (version & 1 || version_of(f) != version)
		return RECALL_NOWHERE;
	if (f->others)
		f->others = 0;
	if (here->score < MICROFLOW_SCORE_MAX)
		here->score += MICROFLOW_HIT;
	return RECALL_IS_HERE;
}

static __always_inline void microflow_write(struct microflow *f, const struct packet *p,
					    const struct matched *m)
{
	version_of(f)++;
	barrier();
	f->word[0] = microflow_word_0(p);
	f->word[1] = microflow_word_1(p);
	f->word[2] = microflow_word_2(p);
	f->word[3] = m->asked;
	f->address = microflow_address(p, 0);
	if (p->family == 6)
		for (unsigned int i = 0; i < 3; i++)
			f->address6[i] = microflow_address(p, i + 1);
	f->rule = m->rule;
	f->action = m->action;
	f->others = 0;
	for (unsigned int l = 1; l < LAYERS_MAX && l < filter.layers; l++)
		f->side[l - 1] = m->side[l - 1];
	barrier();
	version_of(f)++;
}

/* What the walk has found is remembered in @slot, which microflow_recall() said, if that gives way. */
STAGE int microflow_remember(const struct packet *p, const struct matched *m, __u32 slot)
{
	struct microflows *here;
	struct microflow *f;

	if (!microflow_cpus || !p || !m)
		return 0;
	here = microflows_here();
	if (!here || here->writing)
		return 0;
	if (--here->score <= MICROFLOW_SCORE_MIN) {
		here->score = 0;
		here->skip = MICROFLOW_SKIP;
	}
	f = &here->slot[(slot - 1) % MICROFLOWS];
	if (f->word[0] && ++f->others < MICROFLOW_PATIENCE)
		return 0;
	*(volatile __u32 *)&here->writing = 1;
	microflow_write(f, p, m);
	*(volatile __u32 *)&here->writing = 0;
	return 0;
}

#endif

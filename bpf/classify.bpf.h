/* SPDX-License-Identifier: GPL-2.0 */
/*
 * classify.bpf.h: which rules of the filters a packet meets (layout: bpf/classify.h).
 *
 * Two look-ups turn the addresses into classes, small arrays turn all other fields into a
 * service class, and each layer is one walk (bpf/rules.bpf.h) over the three. Layer 0 has the rules
 * that end the search; of each other layer a packet meets at most one rule. In front of all that stands
 * what packets before have met (bpf/microflow.bpf.h). Nothing acts here: bpf/act.bpf.h does.
 *
 * What no rule tests is not read: classify_shape.fields. Sockets and sets are asked only where
 * some rule does.
 *
 * What the verifier would look at many times is a global function, which it looks at once: for each
 * layer its lists, of layer 0 its rows of many bands, and from layer 1 on the walk. Layer 0, which
 * every packet meets, is walked in place, the first line of its lists and the look-ups of IPv4
 * included: on some processors a call costs as much as the cell that it looks at. Functions of
 * layers that there are not are empty.
 */
#ifndef SLUICE_CLASSIFY_BPF_H
#define SLUICE_CLASSIFY_BPF_H

struct rules_classes;
struct rules_found;
struct rules_shape;
static inline int line_in(const volatile struct rules_shape *shape, __u32 at,
			  const struct rules_classes *classes, struct rules_found *found);
static inline int first_line_in(const volatile struct rules_shape *shape, __u32 at,
				const struct rules_classes *classes, struct rules_found *found);
int band(__u32 x, __u32 destination, const struct rules_classes *classes,
	 struct rules_found *found);
#define RULES_LOOK_LINE(area, shape, at, classes, found) line_in(shape, at, classes, found)
#define RULES_LOOK_FIRST(area, shape, at, classes, found) first_line_in(shape, at, classes, found)
#define RULES_LOOK_BAND(area, shape, x, destination, classes, found) \
	band(x, destination, classes, found)

#include "bpf/classify.h"
#include "bpf/lpm.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/microflow.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/rules.bpf.h"

/* What a layer is asked, and answers. */
struct question {
	__u32 class[2];			/* of source and destination */
	__u16 field[RULES_FIELD_COUNT + 1];	/* by enum rules_field; those that some layer tests */
	__u32 rule, action;		/* the answer, as in struct matched */
};

/* ---- the tables -------------------------------------------------------------- */

char rules_anchor[8] SEC(".data.rules");
char src4_anchor[8] SEC(".data.src4");
char src6_anchor[8] SEC(".data.src6");
char dst4_anchor[8] SEC(".data.dst4");
char dst6_anchor[8] SEC(".data.dst6");

/* The address of a section, in a register: else it would be a relocation at every use. */
#define SECTION(anchor)					\
({							\
	const __u8 *start = (const __u8 *)(anchor);	\
							\
	asm("" : "+r"(start));				\
	start;						\
})

/* The generation of the sets' configured elements. */
__u32 sets_generation SEC(".data.sets") = 0;

struct set {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct set_key));
	__uint(value_size, sizeof(struct set_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SETS_MAX);		/* datapath: as many as there are */
	__uint(key_size, sizeof(__u32));
	__array(values, struct set);
} sets SEC(".maps");

struct mac_key {
	__u8 address[6];
	__u8 zero[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);		/* likewise */
	__type(key, struct mac_key);
	__type(value, __u32);
} macs SEC(".maps");

/* ---- fields -------------------------------------------------------------------- */

static __always_inline bool reads(enum rules_field field)
{
	return filter.fields >> field & 1;
}

static __always_inline bool has_ports(const struct packet *p)
{
	return (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP) &&
	       p->fragment != FRAGMENT_LATER && p->family;
}

/* One of the frame's two addresses; all zero if the frame is not there. */
static __always_inline struct mac_key mac_of(struct xdp_md *ctx, bool source)
{
	struct ethhdr *eth = frame_start(ctx);
	struct mac_key key = {};

	if ((void *)(eth + 1) <= frame_end(ctx))
		__builtin_memcpy(key.address, source ? eth->h_source : eth->h_dest, ETH_ALEN);
	return key;
}

static __always_inline __u16 mac_number(struct xdp_md *ctx, bool source)
{
	struct mac_key key = mac_of(ctx, source);
	__u32 *number = bpf_map_lookup_elem(&macs, &key);

	return number ? *number : 0;
}

/**
 * field_key() - the value of @field of a packet, an enum action_field, as sets and meters have it.
 * Return: whether the packet has that field; @key is zero if not.
 */
STAGE int field_key(struct xdp_md *ctx, const struct packet *p, __u32 field, struct set_key *key)
{
	__u64 number = 0;
	struct mac_key mac;

	if (!filter.layers || !p || !key)
		return 0;
	__builtin_memset(key, 0, sizeof(*key));
	switch (field) {
	case ACTION_FIELD_SRC:
		__builtin_memcpy(key->value, p->source, 16);
		key->family = p->family;
		return p->family != 0;
	case ACTION_FIELD_DST:
		__builtin_memcpy(key->value, p->destination, 16);
		key->family = p->family;
		return p->family != 0;
	case ACTION_FIELD_ETH_SRC:
	case ACTION_FIELD_ETH_DST:
		mac = mac_of(ctx, field == ACTION_FIELD_ETH_SRC);
#pragma unroll
		for (int i = 0; i < ETH_ALEN; i++)
			number = number << 8 | mac.address[i];
		break;
	case ACTION_FIELD_VLAN:
		if (!p->tags)
			return 0;
		number = p->tci & 0xfff;
		break;
	case ACTION_FIELD_PROTO:
		if (!p->family)
			return 0;
		number = p->protocol;
		break;
	case ACTION_FIELD_SPORT:
		if (!has_ports(p))
			return 0;
		number = bpf_ntohs(p->sport);
		break;
	case ACTION_FIELD_DPORT:
		if (!has_ports(p))
			return 0;
		number = bpf_ntohs(p->dport);
		break;
	case ACTION_FIELD_IN:
		number = p->port;
		break;
	default:
		return 0;
	}
	__builtin_memcpy(key->value, &number, sizeof(number));
	return 1;
}

/* This host's socket for the packet: 0 none, 1 established, 2 listen. */
STAGE int socket_of(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 size, state;

	if (!reads(RULES_SOCKET) || !p || !p->family || p->fragment != FRAGMENT_NONE)
		return 0;
	if (p->family == 4) {
		tuple.ipv4.saddr = *(const __be32 *)p->source;
		tuple.ipv4.daddr = *(const __be32 *)p->destination;
		tuple.ipv4.sport = p->sport;
		tuple.ipv4.dport = p->dport;
		size = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, p->source, 16);
		__builtin_memcpy(tuple.ipv6.daddr, p->destination, 16);
		tuple.ipv6.sport = p->sport;
		tuple.ipv6.dport = p->dport;
		size = sizeof(tuple.ipv6);
	}
	if (p->protocol == IPPROTO_TCP) {
		sk = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
		if (!sk)
			return 0;
		state = sk->state;
		bpf_sk_release(sk);
		/* One that is being opened or closed is a connection of this host's, too. */
		return state == BPF_TCP_LISTEN ? 2 : 1;
	}
	if (p->protocol == IPPROTO_UDP) {
		sk = bpf_sk_lookup_udp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
		if (!sk)
			return 0;
		state = sk->state;
		bpf_sk_release(sk);
		return state == BPF_TCP_ESTABLISHED ? 1 : 2;
	}
	return 0;
}

/* A bit for each set test that the packet passes. */
STAGE int sets_of(struct xdp_md *ctx, const struct packet *p)
{
	__u32 generation = *(volatile __u32 *)&sets_generation, bits = 0;
	__u64 now;

	if (!filter.set_tests || !p)
		return 0;
	now = bpf_ktime_get_boot_ns();
	for (unsigned int i = 0; i < SET_TESTS_MAX && i < filter.set_tests; i++) {
		__u32 number = filter.set_test[i].set;
		const struct set_value *value;
		struct set_key key = {};
		void *set;

		if (!field_key(ctx, p, filter.set_test[i].field, &key))
			continue;
		set = bpf_map_lookup_elem(&sets, &number);
		if (!set)
			continue;
		value = bpf_map_lookup_elem(set, &key);
		if (value && set_value_holds(value, generation, now))
			bits |= 1u << i;
	}
	return bits;
}

/* What rules test and the packet does not say itself, each in 16 bits. */
static __always_inline __u64 ask(struct xdp_md *ctx, const struct packet *p)
{
	__u64 asked = 0;

	if (reads(RULES_ETH_SRC))
		asked |= (__u64)mac_number(ctx, true) << ASKED_ETH_SRC;
	if (reads(RULES_ETH_DST))
		asked |= (__u64)mac_number(ctx, false) << ASKED_ETH_DST;
	if (reads(RULES_SOCKET))
		asked |= (__u64)socket_of(ctx, p) << ASKED_SOCKET;
	if (reads(RULES_SETS))
		asked |= (__u64)sets_of(ctx, p) << ASKED_SETS;
	return asked;
}

/* Fills in what some rule tests; the rest stays 0, as a field does that the packet has not. */
static __always_inline void read_fields(const struct packet *p, __u64 asked, __u16 *field)
{
	__u32 fields = filter.fields;

#define READ(name, value)				\
	if (fields & 1u << RULES_##name)		\
		field[RULES_##name] = (value)

	READ(IN, p->port);
	READ(ETH_TYPE, bpf_ntohs(p->ethertype));
	READ(ETH_SRC, asked >> ASKED_ETH_SRC);
	READ(ETH_DST, asked >> ASKED_ETH_DST);
	READ(VLAN, p->tags ? RULES_TAG | (p->tci & 0xfff) : 0);
	READ(PCP, p->tags ? p->tci >> 13 : 0);
	READ(PROTO, p->protocol);
	READ(DSCP, p->tos >> 2);
	READ(ECN, p->tos & 3);
	READ(TTL, p->ttl);
	READ(FRAG, p->fragment);
	READ(SPORT, bpf_ntohs(p->sport));
	READ(DPORT, bpf_ntohs(p->dport));
	READ(TCP_FLAGS, p->tcp_flags);
	READ(ICMP_TYPE, p->icmp_type);
	READ(ICMP_CODE, p->icmp_code);
	READ(LENGTH, p->length < 0xffff ? p->length : 0xffff);
	READ(SOCKET, asked >> ASKED_SOCKET);
	READ(SETS, asked >> ASKED_SETS);
#undef READ
}

/* ---- address classes --------------------------------------------------------------- */

static __always_inline __u32 class4(const __u8 *table, unsigned int side, const __u8 *address)
{
	if (!filter.address[side][0].bytes)
		return filter.constant[side][0];
	return lpm4_lookup(table, &filter.address[side][0], bpf_ntohl(*(const __be32 *)address));
}

static __always_inline __u32 class6(const __u8 *table, unsigned int side, const __u8 *address)
{
	if (!filter.address[side][1].bytes)
		return filter.constant[side][1];
	return lpm6_lookup(table, &filter.address[side][1],
			   bpf_be64_to_cpu(*(const __be64 *)address),
			   bpf_be64_to_cpu(*(const __be64 *)(address + 8)));
}

/*
 * Called beside classify() and not by it: Linux 6.1 counts 512 bytes of stack over all calls, and
 * those of a look-up by levels that are not the usual ones do not fit in below.
 */
STAGE int look_up_addresses6(const struct packet *p, struct matched *m)
{
	if (!filter.layers || !p || !m)
		return 0;
	m->class6[0] = class6(SECTION(src6_anchor), 0, p->source);
	m->class6[1] = class6(SECTION(dst6_anchor), 1, p->destination);
	return 0;
}

/* The classes of both addresses, 0 if the packet is not IP. */
static __always_inline void find_classes(const struct packet *p, const struct matched *m,
					 struct question *q)
{
	if (p->family == 4) {
		q->class[0] = class4(SECTION(src4_anchor), 0, p->source);
		q->class[1] = class4(SECTION(dst4_anchor), 1, p->destination);
	} else if (p->family == 6) {
		if (filter.address[0][1].bytes || filter.address[1][1].bytes) {
			q->class[0] = m->class6[0];
			q->class[1] = m->class6[1];
		} else {
			q->class[0] = filter.constant[0][1];
			q->class[1] = filter.constant[1][1];
		}
	}
}

/* ---- layers ---------------------------------------------------------------------------- */

static __always_inline __u32 address_word(unsigned int layer, unsigned int side, __u32 class)
{
	if (!filter.words[side][layer])
		return class;
	return rules_word(SECTION(rules_anchor), &filter.layer[layer], filter.words[side][layer],
			  class);
}

static __always_inline void walk_layer(unsigned int layer, struct question *q)
{
	const volatile struct rules_shape *shape = &filter.layer[layer];
	struct rules_found found = RULES_FOUND_NONE;
	struct rules_classes classes = {};

	rules_classify(SECTION(rules_anchor), shape, q->field, &classes);
	/* Two bands a side at most: a call more would be too deep for the stack (compile/filter.h). */
	if (layer)
		rules_walk_planes(SECTION(rules_anchor), shape, address_word(layer, 0, q->class[0]),
				  address_word(layer, 1, q->class[1]), &classes, &found);
	else
		rules_walk(SECTION(rules_anchor), shape, address_word(layer, 0, q->class[0]),
			   address_word(layer, 1, q->class[1]), &classes, &found);
	q->rule = found.rule == RULES_NONE ? RULES_NONE : ACTION_RULE(found.action);
	q->action = found.action;
}

#define LAYER(n)									\
STAGE int line_##n(__u32 at, const struct rules_classes *classes, struct rules_found *found)	\
{											\
	if (n >= filter.layers || !classes || !found)					\
		return 1;								\
	return rules_line(SECTION(rules_anchor), &filter.layer[n], at, classes, found);	\
}

#define EACH_LAYER(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
_Static_assert(LAYERS_MAX == 8, "functions for each layer");

EACH_LAYER(LAYER)
#undef LAYER

STAGE int band(__u32 x, __u32 destination, const struct rules_classes *classes,
	       struct rules_found *found)
{
	if (filter.layers && filter.layer[0].chain[0] && classes && found)
		rules_band(SECTION(rules_anchor), &filter.layer[0], x, destination, classes, found);
	return 0;
}

/* Which layer's shape it is the compiler knows. */
static __always_inline int line_in(const volatile struct rules_shape *shape, __u32 at,
				   const struct rules_classes *classes, struct rules_found *found)
{
	switch (shape - filter.layer) {
#define LAYER(n) case n: return line_##n(at, classes, found);
	EACH_LAYER(LAYER)
#undef LAYER
	}
	return 1;
}

/* Of layer 0 in place. */
static __always_inline int first_line_in(const volatile struct rules_shape *shape, __u32 at,
					 const struct rules_classes *classes, struct rules_found *found)
{
	if (shape == filter.layer)
		return rules_line(SECTION(rules_anchor), &filter.layer[0], at, classes, found);
	return line_in(shape, at, classes, found);
}

#define LAYER(n)				\
STAGE int layer_##n(struct question *q)		\
{						\
	if (n < filter.layers && q)		\
		walk_layer(n, q);		\
	return 0;				\
}
LAYER(1) LAYER(2) LAYER(3) LAYER(4) LAYER(5) LAYER(6) LAYER(7)
#undef LAYER

/* ---- the stage ----------------------------------------------------------------------------- */

/** filter_sees() - whether the filter is asked about a packet that parse() ended so with. */
static __always_inline bool filter_sees(enum sluice_reason parsed)
{
	return parsed == REASON_none || parsed == REASON_not_ip || parsed == REASON_vlan_deep ||
	       parsed == REASON_ip6_jumbo || parsed == REASON_ip6_ext_many;
}

/* Once ask() and look_up_addresses6() were there. */
STAGE int walk(const struct packet *p, struct matched *m)
{
	struct question q = {};

	if (!filter.layers || !p || !m)
		return 0;
	read_fields(p, m->asked, q.field);
	find_classes(p, m, &q);
#define LAYER(n)				\
	if (n < filter.layers) {		\
		layer_##n(&q);			\
		m->side[n - 1] = q.rule;	\
	}
	LAYER(1) LAYER(2) LAYER(3) LAYER(4) LAYER(5) LAYER(6) LAYER(7)
#undef LAYER
	walk_layer(0, &q);
	m->rule = q.rule;
	m->action = q.action;
	return 0;
}

/** classify_anew() - as classify(), whatever is remembered; m->asked is there. */
static __always_inline void classify_anew(const struct packet *p, struct matched *m)
{
	if (p->family == 6 && (filter.address[0][1].bytes || filter.address[1][1].bytes))
		look_up_addresses6(p, m);
	walk(p, m);
}

/** classify() - which rules the packet meets, into @m, which is MATCHED_NONE. */
static __always_inline void classify(struct xdp_md *ctx, const struct packet *p, struct matched *m)
{
	int slot;

	m->asked = ask(ctx, p);
	slot = microflows_pay() ? microflow_recall(p, m) : RECALL_NOWHERE;
	if (slot == RECALL_IS_HERE)
		return;
	classify_anew(p, m);
	if (slot != RECALL_NOWHERE)
		microflow_remember(p, m, slot);
}

#endif

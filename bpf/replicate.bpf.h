/* SPDX-License-Identifier: GPL-2.0 */
/*
 * replicate.bpf.h: multicast: which group, and hand the frame to its legs.
 *
 * A group is found by (source, group, port), then (any, group, port), then by the
 * longest group prefix. Its legs are the entries of an inner DEVMAP_HASH: one
 * broadcast redirect copies the frame to all of them, and the program of each
 * entry (egress.bpf.c) rewrites its copy. For the leg "host" the module's kfunc makes
 * one more. What XDP cannot copy goes up, marked, and the tc program (tcopy.bpf.c) makes
 * the copies.
 */
#ifndef SLUICE_REPLICATE_BPF_H
#define SLUICE_REPLICATE_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * GROUPS_MAX);
	__type(key, struct group_key);
	__type(value, struct group);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GROUPS_MAX);
	__type(key, struct group_prefix_key);
	__type(value, struct group);
} group_prefixes SEC(".maps");

struct legs {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, LEGS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GROUPS_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, struct legs);
} legs SEC(".maps");

/*
 * The module's kfunc (kmod/deliver.h), by a number that no helper has: userland puts the kfunc's in its
 * place. Where there is none, config.delivers is 0, and the verifier removes the call.
 */
static int (*const bpf_sluice_deliver)(struct xdp_md *ctx) = (void *)CALL_DELIVER;

static __always_inline bool is_multicast(const struct packet *p)
{
	return p->family == 4 ? (p->destination[0] & 0xf0) == 0xe0 : p->destination[0] == 0xff;
}

/* Groups that never leave their link: routing protocols and neighbour discovery are the stack's. */
static __always_inline bool stays_on_link(const struct packet *p)
{
	const __u8 *to = p->destination;

	if (p->family == 4)
		return to[0] == 224 && !to[1] && !to[2];
	return (to[1] & 0xf) == 1 || (to[1] & 0xf) == 2;
}

static __always_inline struct group *find_group_prefix(const struct packet *p)
{
	struct group_prefix_key key = {
		.prefixlen = GROUP_PREFIX_FIXED + (p->family == 4 ? 32 : 128),
		.port = bpf_htons(p->port),
		.family = p->family,
	};

	__builtin_memcpy(key.group, p->destination, 16);
	return bpf_map_lookup_elem(&group_prefixes, &key);
}

/* The group of @p; NULL, and then *@elsewhere says whether another port has it. */
static __always_inline struct group *find_group(const struct packet *p, bool *elsewhere)
{
	struct group_key key = { .port = p->port, .family = p->family };
	struct group *g;

	__builtin_memcpy(key.group, p->destination, 16);
	if (config.groups_source) {
		__builtin_memcpy(key.source, p->source, 16);
		g = bpf_map_lookup_elem(&groups, &key);
		if (g)
			return g;
		__builtin_memset(key.source, 0, 16);
	}
	if (config.groups_any) {
		g = bpf_map_lookup_elem(&groups, &key);
		if (g)
			return g;
	}
	if (config.groups_prefix) {
		g = find_group_prefix(p);
		if (g)
			return g;
	}
	key.port = PORT_ANY;
	if (config.groups_any && bpf_map_lookup_elem(&groups, &key)) {
		*elsewhere = true;
	} else if (config.groups_source) {
		__builtin_memcpy(key.source, p->source, 16);
		*elsewhere = bpf_map_lookup_elem(&groups, &key) != NULL;
	}
	return NULL;
}

/*
 * Whether XDP itself can copy the frame: not beside the host by itself, nor if the host shall have a
 * mark with it, not several buffers to several legs.
 */
static __always_inline bool copies_in_xdp(struct xdp_md *ctx, const struct packet *p)
{
	if (p->group_flags & GROUP_HOST && (!config.delivers || (config.marks && p->mark)))
		return false;
	return !several_buffers(ctx, p);
}

/*
 * Puts a copy_meta in front of the frame, as the last of @room bytes, and no other metadata.
 * Return: 0, or -1 if the driver keeps none.
 */
static __always_inline int put_meta(struct xdp_md *ctx, const struct packet *p, int room, __u16 flags)
{
	int there = (int)(ctx->data - ctx->data_meta);
	struct copy_meta *meta;

	if (there != room && bpf_xdp_adjust_meta(ctx, there - room))
		return -1;
	meta = (void *)(long)ctx->data_meta;
	if (room == COPY_ROOM)
		meta++;
	if ((void *)(meta + 1) > frame_start(ctx))
		return -1;
	meta->magic = COPY_MAGIC;
	meta->generation = generation_number();
	meta->group = p->group;
	meta->flags = flags;
	meta->mark = p->mark;
	return 0;
}

/* Alone for the egress program, in COPY_ROOM for the tc program. */
static __always_inline int mark_copy(struct xdp_md *ctx, const struct packet *p)
{
	return put_meta(ctx, p, copies_in_xdp(ctx, p) ? sizeof(struct copy_meta) : COPY_ROOM,
			p->group_flags & GROUP_HOST ? 0 : COPY_NOT_HOST);
}

/** mark_for_host() - has the tc program mark a frame that is passed up. */
static __always_inline void mark_for_host(struct xdp_md *ctx, const struct packet *p)
{
	if (put_meta(ctx, p, COPY_ROOM, COPY_ONLY_MARK) && !p->testing)
		count(filter.lost_marks, p->length);
}

/** replicate() - REASON_none if @p is not multicast, else what becomes of it. */
STAGE int replicate(struct xdp_md *ctx, struct packet *p)
{
	bool elsewhere = false;
	struct group *g;

	if (!p || !is_multicast(p))
		return REASON_none;
	/* A policy names none of these; only a prefix could cover them. */
	if (config.groups_prefix && stays_on_link(p))
		return REASON_multicast;
	g = find_group(p, &elsewhere);
	if (!g)
		return elsewhere ? REASON_group_rpf : REASON_multicast;
	p->group = g->number;
	p->group_flags = g->flags;
	if (!p->testing)
		count(g->counter, p->length);
	if (!(g->flags & GROUP_LEGS))
		return REASON_host_only;
	if (p->ttl <= 1 && !(g->flags & (GROUP_KEEPS_TTL | GROUP_HOST)))
		return REASON_group_ttl;
	if (mark_copy(ctx, p))
		return REASON_no_copy;
	return REASON_replicated;
}

/**
 * copy_to_host() - the leg host of a replicated packet, which gets it as it came in: before
 * copy_out() changes it. Return: 0, also where others see to that; or -errno.
 */
static __always_inline int copy_to_host(struct xdp_md *ctx, const struct packet *p)
{
	if (!config.delivers || !(p->group_flags & GROUP_HOST) || !copies_in_xdp(ctx, p) || p->testing)
		return 0;
	return bpf_sluice_deliver(ctx);
}

/** copy_out() - the XDP action that makes the copies of a replicated packet. */
static __always_inline int copy_out(struct xdp_md *ctx, const struct packet *p)
{
	struct ethhdr *eth = frame_start(ctx);
	__u32 group = p->group;
	void *inner;

	if (!copies_in_xdp(ctx, p))
		return XDP_PASS;
	/* The sender may have put a unicast address there; the egress program looks at this bit. */
	if ((void *)(eth + 1) <= frame_end(ctx))
		eth->h_dest[0] |= 1;
	inner = bpf_map_lookup_elem(&legs, &group);
	if (!inner)
		return XDP_DROP;
	return bpf_redirect_map(inner, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

#endif

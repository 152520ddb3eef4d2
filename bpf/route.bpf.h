/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route.bpf.h: unicast forwarding by the mirror of the kernel's table.
 *
 * What a router must answer itself (RFC 1812: TTL exceeded, too big, unreachable,
 * options) is passed up untouched, and the stack answers; so a packet is
 * rewritten only when nothing can hold it back any more.
 */
#ifndef SLUICE_ROUTE_BPF_H
#define SLUICE_ROUTE_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/path_hash.h"
#include "bpf/port_state.bpf.h"
#include "bpf/rewrite.bpf.h"
#include "bpf/tables.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VLANS_MAX);
	__type(key, struct vlan_key);
	__type(value, __u8);
} vlans SEC(".maps");

static __always_inline bool to_own_mac(struct xdp_md *ctx, const struct packet *p)
{
	struct ethhdr *eth = frame_start(ctx);
	const struct port *port = &ports()->port[p->port & (PORTS_MAX - 1)];

	if ((void *)(eth + 1) > frame_end(ctx))
		return false;
	return *(__u32 *)eth->h_dest == *(__u32 *)port->mac &&
	       *(__u16 *)(eth->h_dest + 4) == *(__u16 *)(port->mac + 4);
}

static __always_inline bool to_known_vlan(const struct packet *p)
{
	struct vlan_key key = { .port = p->port, .id = p->vlan };

	if (p->tags == 0)
		return true;
	if (p->tags > 1 || !config.vlans)
		return false;
	return bpf_map_lookup_elem(&vlans, &key) != NULL;
}

static __always_inline bool ip4_martian(const __u8 *a)
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224;
}

static __always_inline bool ip4_link_local(const __u8 *a)
{
	return a[0] == 169 && a[1] == 254;
}

/* ::, ::1, ff00::/8, ::ffff:0:0/96 */
static __always_inline bool ip6_martian(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	if (a[0] == 0xff)
		return true;
	if (w[0] || w[1])
		return false;
	if (w[2] == bpf_htonl(0xffff))
		return true;
	return !w[2] && (!w[3] || w[3] == bpf_htonl(1));
}

static __always_inline bool ip6_link_local(const __u8 *a)
{
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

static __always_inline enum sluice_reason check_addresses(const struct packet *p)
{
	if (p->family == 4) {
		if (ip4_martian(p->source) || ip4_martian(p->destination))
			return REASON_martian;
		if (ip4_link_local(p->source) || ip4_link_local(p->destination))
			return REASON_link_scope;
	} else {
		if (ip6_martian(p->source) || ip6_martian(p->destination))
			return REASON_martian;
		if (ip6_link_local(p->source) || ip6_link_local(p->destination))
			return REASON_link_scope;
	}
	return REASON_none;
}

/* All packets of a flow, its fragments apart, take the same next hop. With a frame of its own. */
STAGE __u32 flow_path(const struct packet *p)
{
	__u32 by_addresses;
	__u64 rest = 0;

	if (!p)
		return 1;
	by_addresses = p->family == 4 ? NEXTHOPS_HASH_ADDRESSES4 : NEXTHOPS_HASH_ADDRESSES6;
	if (p->fragment == FRAGMENT_NONE && !(LPM_LOAD(nexthops()->hash) & by_addresses))
		rest = PATH_REST(p->sport, p->dport, p->protocol);
	return path_hash(config.hash_seed, p->family, p->source, p->destination, rest);
}

struct choice {
	__u32 hash;		/* of the flow; 0: not needed yet */
	__u32 nexthop;		/* number */
	__u32 backup;		/* group */
};

/* A group's next hop for a packet. */
static __always_inline void choose_nexthop(const struct packet *p, __u32 group, struct choice *c)
{
	__u32 word = nexthops()->group[group & (NEXTHOP_GROUPS_MAX - 1)];
	const struct nexthop_bucket *bucket;

	c->nexthop = NEXTHOP_GROUP_BASE(word) & (NEXTHOPS_MAX - 1);
	c->backup = 0;
	if (NEXTHOP_GROUP_ORDER(word)) {
		if (!c->hash)
			c->hash = flow_path(p);
		bucket = &nexthops()->bucket[NEXTHOP_BUCKET(word, c->hash) & (NEXTHOP_BUCKETS_MAX - 1)];
		c->nexthop = bucket->nexthop;
		c->backup = bucket->backup;
	}
	if (!c->backup)
		c->backup = nexthops()->nexthop[c->nexthop].backup;
}

/*
 * Whether a port can send at this moment. The flag is what userland was told last; what the kernel's own
 * word says (port_state.bpf.h) is asked only where it makes a difference: if there is a backup.
 */
static __always_inline bool port_is_up(const struct packet *p, __u32 port)
{
	port &= PORTS_MAX - 1;
	return ports()->port[port].flags & PORT_UP &&
	       (config.trace || p->testing || device_is_up(port));
}

/* The next hop for a group's packet, or where that cannot be taken its backup. */
static __always_inline const struct nexthop *find_nexthop(const struct packet *p, __u32 group,
							  __u32 *number)
{
	__u32 first = 0, back = 0;
	const struct nexthop *nh;
	struct choice c = { 0 };
	bool can;

	for (int i = 0; i <= NEXTHOP_BACKUPS_MAX; i++) {
		choose_nexthop(p, group, &c);
		nh = &nexthops()->nexthop[c.nexthop & (NEXTHOPS_MAX - 1)];
		if (!(nh->flags & NEXTHOP_ONWARD)) {
			if (!c.backup || nh->reason != REASON_forwarded || port_is_up(p, nh->port))
				break;
		} else {
			can = nh->reason == REASON_forwarded && port_is_up(p, nh->port);
			if (can && nh->port != p->port)
				break;
			if (can && !back)
				back = c.nexthop;
			if (!first)
				first = c.nexthop;
			if (!c.backup) {
				c.nexthop = back ? back : first;
				break;
			}
		}
		group = c.backup;
	}
	*number = c.nexthop;
	return &nexthops()->nexthop[c.nexthop & (NEXTHOPS_MAX - 1)];
}

/* What a packet is not even looked up for. */
static __always_inline enum sluice_reason keep_from_routing(struct xdp_md *ctx, struct packet *p)
{
	if (!p || !to_own_mac(ctx, p))
		return REASON_other_mac;
	if (!to_known_vlan(p))
		return REASON_vlan_unknown;
	if (p->flags & PACKET_OPTIONS)
		return REASON_ip_options;
	return check_addresses(p);
}

/* Sends it the way of a group, or says why not; 0: no route. */
static __always_inline int send_on(struct xdp_md *ctx, struct packet *p, __u32 group)
{
	struct link_header link = {};
	const struct nexthop *nh;
	enum sluice_reason reason;
	__u32 number = 0;

	nh = find_nexthop(p, group, &number);
	if (config.trace || p->testing) {
		trace.nexthop_group = group;
		trace.nexthop = number;
	}
	if (!group)
		return REASON_no_route;
	reason = nh->reason;
	if (reason != REASON_forwarded)
		return reason;
	if (p->ttl <= 1)
		return REASON_ttl;
	if (p->ip_length > nh->mtu)
		return REASON_too_big;
	p->out_port = nh->port & (PORTS_MAX - 1);
	if (!(ports()->port[p->out_port].flags & PORT_UP))
		return REASON_port_down;
	if (!config.redirects_buffers && several_buffers(ctx, p))
		return REASON_buffers;
	__builtin_memcpy(link.destination, nh->dst_mac, ETH_ALEN);
	__builtin_memcpy(link.source, nh->src_mac, ETH_ALEN);
	link.vlan = nh->vlan;
	link.family = p->family;
	if (config.counted_hops)
		p->hop_counter = nh->counter;
	if (nh->stale && !p->testing)
		((struct nexthop *)nh)->stale = 0;	/* it is used, and the daemon has it probed */
	return rewrite(ctx, ip_offset(p), &link, p->ttl - 1) ? REASON_nonlinear : REASON_forwarded;
}

/** send_by_group() - route(), once the tables of the packet's view have been asked: @group as ask_view() has it. */
STAGE int send_by_group(struct xdp_md *ctx, struct packet *p, __u32 group)
{
	if (!p)
		return REASON_no_route;
	return group < NEXTHOP_GROUPS_MAX ? send_on(ctx, p, group) : group - NEXTHOP_GROUPS_MAX;
}

#define ROUTE_BY_VIEW	REASON_MAX	/* no reason: ask_view(), then send_by_group() */

/**
 * route() - REASON_forwarded, the frame rewritten and p->out_port set; else why not. Or ROUTE_BY_VIEW: the
 * caller does the rest, whose frames would not fit on the stack below this one.
 */
STAGE int route(struct xdp_md *ctx, struct packet *p)
{
	enum sluice_reason reason = keep_from_routing(ctx, p);

	if (reason)
		return reason;
	if (LPM_LOAD(nexthops()->views_in_use))
		return ROUTE_BY_VIEW;
	return send_on(ctx, p, ask_table(p, 0, p->destination));
}

/** forward_out() - the XDP action that sends a forwarded packet out of its port. */
static __always_inline int forward_out(const struct packet *p)
{
	return bpf_redirect_map(&tx, p->out_port, XDP_DROP);
}

#endif

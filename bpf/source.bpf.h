/* SPDX-License-Identifier: GPL-2.0 */
/*
 * source.bpf.h: whether a packet may come from where it says, on the port it came in on.
 *
 * Reverse path filters (RFC 3704): the tables are asked for the way back to the source. Strict: the
 * packet must have come in by one of the ports that its answer would leave by; loose: there must be
 * a way back. Anti-spoof is strict, and leaves the default route out: the source must be of a network
 * that a table names behind the port. Bogons are a table of their own beside those of the routes.
 *
 * What to make of an answer stands by group in struct route_ways, so that it is one look-up however
 * many next hops there are.
 */
#ifndef SLUICE_SOURCE_BPF_H
#define SLUICE_SOURCE_BPF_H

#include "bpf/route.bpf.h"

/* Not of this host's own link (DHCP, neighbour discovery), and of an interface that is known. */
STAGE int source_counts(const struct packet *p)
{
	const __u32 *w;

	if (!p || !to_known_vlan(p))
		return 0;
	w = (const __u32 *)p->source;
	if (p->family == 4)
		return w[0] != 0;
	return (w[0] | w[1] | w[2] | w[3]) && !ip6_link_local(p->source);
}

/* @group: the tables' answer for the source, as ask_view() gives it. */
STAGE int judge_source(const struct packet *p, __u32 port, __u32 group)
{
	const __u32 strict = CONFIG_PORT_RPF | CONFIG_PORT_ANTI_SPOOF;
	__u32 no = port & CONFIG_PORT_ANTI_SPOOF ? REASON_spoofed : REASON_rpf, key;
	const struct route_ways *ways;

	if (!p || LPM_LOAD(nexthops()->held))
		return REASON_table_full;
	if (group >= NEXTHOP_GROUPS_MAX)
		return group - NEXTHOP_GROUPS_MAX;
	if (!group)
		return no;
	ways = &nexthops()->ways[nexthops()->way[group] & (WAYS_MAX - 1)];
	switch (ways->reason) {
	case REASON_forwarded:
		break;
	case REASON_local:
	case REASON_reject:
	case REASON_blackhole:
	case REASON_discard:
		return no;
	case REASON_none:
		return REASON_not_followed;
	default:
		return ways->reason;
	}
	if (!(port & strict))
		return REASON_none;
	if (port & CONFIG_PORT_ANTI_SPOOF && ways->flags & WAYS_DEFAULT)
		return no;
	key = VIEW_KEY(p->port & (PORTS_MAX - 1), p->tags ? p->vlan & 0xfff : 0);
#pragma unroll
	for (int i = 0; i < WAY_PORTS; i++)
		if (ways->port[i] == key)
			return REASON_none;
	return no;
}

/* @port: its CONFIG_PORT_*. Return: REASON_none, or what becomes of the packet. */
static __always_inline enum sluice_reason check_source(const struct packet *p, __u32 port)
{
	__u32 group;

	if (!source_counts(p))
		return REASON_none;
	if (config.bogons && port & CONFIG_PORT_BOGONS &&
	    (ask_table_apart(p, config.bogons - 1, 1) == BOGON_LISTED ||
	     ask_table_apart(p, config.bogons - 1, 0) == BOGON_LISTED))
		return REASON_bogon;
	if (!(port & CONFIG_PORT_SOURCES & ~CONFIG_PORT_BOGONS))
		return REASON_none;
	group = LPM_LOAD(nexthops()->views_in_use) ? ask_view(p, 1) : ask_table_apart(p, 0, 1);
	return judge_source(p, port, group);
}

#endif

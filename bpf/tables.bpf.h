/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tables.bpf.h: which route tables are asked for a packet, and what they say.
 *
 * Mostly it is one table for all. Where VRFs or ip rules make it several, what came in on an
 * interface has a view (bpf/layout.h): a row of tables, asked one after the other.
 */
#ifndef SLUICE_TABLES_BPF_H
#define SLUICE_TABLES_BPF_H

#include "bpf/lpm.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"

char nexthops_anchor[8] SEC(".data.nexthops");

static __always_inline const struct nexthops *nexthops(void)
{
	void *table = nexthops_anchor;

	asm("" : "+r"(table));
	return table;
}

/* Instead of a group: the packet is passed up, with that reason. */
#define GROUP_NOT(reason)	(NEXTHOP_GROUPS_MAX + (reason))

static __always_inline __u32 ask_table(const struct packet *p, __u32 number, const __u8 *address)
{
	if (p->family == 4)
		return lpm4(number, bpf_ntohl(*(__be32 *)address));
	return lpm6(number, bpf_be64_to_cpu(*(__be64 *)address),
		    bpf_be64_to_cpu(*(__be64 *)(address + 8)));
}

/* With a frame of its own, once for all: for what asks several tables, or for the way back. */
STAGE int ask_table_apart(const struct packet *p, __u32 number, __u32 back)
{
	return p ? ask_table(p, number & (ROUTE_TABLES_MAX - 1), back ? p->source : p->destination) : 0;
}

static __always_inline __u32 view_number(const struct route_views *views, const struct packet *p)
{
	__u32 port = p->port & (PORTS_MAX - 1), key, at;

	if (!p->tags)
		return views->untagged[port];
	key = VIEW_KEY(port, p->vlan & 0xfff);
	at = key * PORT_HASH >> VIEW_HASH_SHIFT;
#pragma unroll
	for (int i = 0; i < VIEW_PROBES; i++) {
		__u32 slot = views->slot[at + i];

		if (slot >> 8 == key)
			return slot & 0xff;
	}
	return views->tagged[port];
}

/* Whether a rule that is not followed may match. */
static __always_inline bool is_guarded(const struct route_guard *guard, __u32 guards,
				       const struct packet *p)
{
	const __u64 *source = (const __u64 *)p->source, *destination = (const __u64 *)p->destination;

	for (int i = 0; i < VIEW_GUARDS; i++) {
		const struct route_guard *g = &guard[i];

		if (guards >> i & 1 &&
		    !((source[0] ^ g->source[0]) & g->source_mask[0]) &&
		    !((source[1] ^ g->source[1]) & g->source_mask[1]) &&
		    !((destination[0] ^ g->destination[0]) & g->destination_mask[0]) &&
		    !((destination[1] ^ g->destination[1]) & g->destination_mask[1]))
			return true;
	}
	return false;
}

/**
 * ask_view() - the group of the first table in the packet's view that has one for its destination,
 * or (@back) for its source; 0: none; or GROUP_NOT().
 */
STAGE int ask_view(const struct packet *p, __u32 back)
{
	const struct route_views *views;
	const struct route_view *view;
	__u32 in_use, v6, guards;

	if (!p)
		return 0;
	in_use = LPM_LOAD(nexthops()->views_in_use);
	views = &nexthops()->views[in_use == 2];
	view = &views->view[view_number(views, p) & (VIEWS_MAX - 1)];
	v6 = p->family != 4;
	guards = back ? view->back_guards[v6] : view->guards[v6];
	if (guards && is_guarded(views->guard[v6], guards, p))
		return GROUP_NOT(REASON_ip_rule);
	for (int i = 0; i < VIEW_TABLES; i++) {
		__u32 table = back ? view->back[v6][i] : view->table[v6][i];
		__u32 group;

		if (!table)
			break;
		if (table == VIEW_STACK)
			return GROUP_NOT(REASON_other_table);
		group = ask_table_apart(p, table - 1, back);
		if (group)
			return group;
	}
	return 0;
}

#endif

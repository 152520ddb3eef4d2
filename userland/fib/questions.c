// SPDX-License-Identifier: GPL-2.0
/*
 * questions.c: what a fib knows, and what its tables say, for those who ask (fib.h).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bpf/path_hash.h"
#include "fib/choice.h"
#include "fib/entries.h"
#include "fib/inside.h"

/* The @i-th route of a prefix, a host entry first. Return: false if there are fewer. */
static bool show_route(const struct fib *fib, const struct fib_family *f, const struct prefix *p,
		       const struct fib_entry *e, unsigned int i, struct fib_route *route)
{
	const struct fib_candidate *best = fib_choose_route(fib, f, p, e), *c = NULL;
	bool host = e->flags & ENTRY_HOST;
	uint32_t number = e->first;

	*route = (struct fib_route){ .prefix = *p };
	if (host && !i) {
		route->table = f->table;
		route->type = RTN_UNICAST;
		route->scope = RT_SCOPE_LINK;
		route->host = route->best = true;
	} else {
		for (i -= host; number && i; i--)
			number = candidate_at(fib, number)->next;
		if (!number)
			return false;
		c = candidate_at(fib, number);
		route->table = class_at(fib, c->class)->table;
		route->metric = class_at(fib, c->class)->metric;
		route->tos = class_at(fib, c->class)->tos;
		route->type = class_at(fib, c->class)->type;
		route->protocol = class_at(fib, c->class)->protocol;
		route->scope = class_at(fib, c->class)->scope;
		route->best = c == best;
		route->fixed = class_at(fib, c->class)->flags & CLASS_STATIC;
	}
	if (route->best) {
		route->published = e->flags & ENTRY_USES;
		route->group = e->group;
	}
	hops_describe(&fib->hops, route->best && e->set ? e->set : c->set, route);
	return true;
}

bool fib_route_next(const struct fib *fib, uint8_t family, struct fib_cursor *cursor,
		    struct fib_route *route)
{
	struct prefix *p = &cursor->prefix;

	if (cursor->table >= fib->tables)
		return false;
	if (!p->addr.family) {
		cursor->shown = 0;
		*p = prefix_all(family ? family : ADDR_V4);
	}
	for (;;) {
		const struct fib_family *f = &fib->family[cursor->table][p->addr.family == ADDR_V6];
		struct prefix everything = prefix_all(f->family);
		const struct fib_entry *e = fib_entry_find(fib, f, p);

		if (e && show_route(fib, f, p, e, cursor->shown, route)) {
			cursor->shown++;
			return true;
		}
		cursor->shown = 0;
		if (prefix_tree_next(&f->entries, &everything, p, NULL))
			continue;
		if (family || f->family == ADDR_V6)
			return false;
		*p = prefix_all(ADDR_V6);
	}
}

/* The @i-th bucket's next hop of a group; NULL if it has not so many. */
static const struct nexthop *group_hop(const struct nexthops *n, uint16_t group, uint32_t i)
{
	uint32_t word = n->group[group], order = NEXTHOP_GROUP_ORDER(word);

	if (i >> order)
		return NULL;
	return &n->nexthop[order ? n->bucket[NEXTHOP_GROUP_BASE(word) + i].nexthop :
				   NEXTHOP_GROUP_BASE(word)];
}

static bool group_passes_up(const struct nexthops *n, uint16_t group)
{
	const struct nexthop *hop;

	for (uint32_t i = 0; (hop = group_hop(n, group, i)); i++)
		if (hop->reason == REASON_forwarded || hop->reason == REASON_discard ||
		    hop->reason == REASON_blackhole)
			return false;
	return true;
}

/* The longest prefix around @p whose entry is @number. */
static struct prefix prefix_of(const struct fib_family *f, const struct prefix *p, uint32_t number)
{
	for (unsigned int len = p->len; ; len--) {
		struct prefix q = prefix_shortened(p, len);
		const uint32_t *at = prefix_tree_get(&f->entries, &q);

		if (at && *at == number)
			return q;
	}
}

void fib_lookup(const struct fib *fib, const struct addr *addr, struct fib_answer *answer)
{
	fib_lookup_in(fib, 0, addr, answer);
}

void fib_lookup_in(const struct fib *fib, unsigned int table, const struct addr *addr,
		   struct fib_answer *answer)
{
	const struct fib_family *f = &fib->family[table][addr->family == ADDR_V6];
	const struct nexthops *n = fib->memory.nexthops;
	struct prefix p = prefix_host(addr);
	const struct fib_entry *e = NULL;
	uint32_t number = fib_cover(fib, f, &p, UINT8_MAX);

	*answer = (struct fib_answer){ .found = number != 0 };
	if (number) {
		struct prefix q = prefix_of(f, &p, number);

		e = entry_at(fib, number);
		show_route(fib, f, &q, e, 0, &answer->route);
	}
	answer->group = f->lpm ? lpm_lookup(f->lpm, addr) : 0;
	answer->reason = group_hop(n, answer->group, 0)->reason;
	answer->agrees = !answer->group || group_passes_up(n, answer->group) ||
			 (e && e->flags & ENTRY_USES && e->group == answer->group);
}

/* A neighbour on a connected network has an entry of its own, whose route is the one around it. */
static void name_route(const struct fib *fib, const struct fib_family *f, struct fib_match *m)
{
	const struct fib_entry *e = fib_entry_find(fib, f, &m->prefix);
	uint32_t around;

	if (!e || !(e->flags & ENTRY_HOST) || e->first)
		return;
	around = fib_cover(fib, f, &m->prefix, m->prefix.len);
	if (around)
		m->prefix = prefix_of(f, &m->prefix, around);
}

void fib_match(const struct fib *fib, const struct addr *addr, struct fib_match *match, size_t n)
{
	struct lpm_route *found = xcalloc(n ? n : 1, sizeof(*found));

	memset(match, 0, n * sizeof(*match));
	for (int i = 0; i < 2; i++) {
		const struct fib_family *f = &fib->family[0][i];

		if (!f->lpm)
			continue;
		lpm_bulk_match(f->lpm, addr, found, n);
		for (size_t k = 0; k < n; k++) {
			if (addr[k].family != f->family || !found[k].result)
				continue;
			match[k] = (struct fib_match){ found[k].prefix, found[k].result };
			name_route(fib, f, &match[k]);
		}
	}
	free(found);
}

unsigned int fib_group_hop(const struct fib *fib, uint16_t group, uint32_t hash, struct fib_nexthop *hop)
{
	return hops_of_group(&fib->hops, group, hash, hop);
}

uint32_t fib_hash(const struct fib *fib, uint64_t seed, const struct addr *source,
		  const struct addr *destination, uint64_t rest)
{
	uint32_t by_addresses = source->family == ADDR_V4 ? NEXTHOPS_HASH_ADDRESSES4 :
							    NEXTHOPS_HASH_ADDRESSES6;
	uint64_t from[2], to[2];

	memcpy(from, source->bytes, sizeof(from));
	memcpy(to, destination->bytes, sizeof(to));
	return path_hash(seed, source->family, (uint8_t *)from, (uint8_t *)to,
			 fib->memory.nexthops->hash & by_addresses ? 0 : rest);
}

void fib_stats(const struct fib *fib, struct fib_stats *stats)
{
	const struct hops *h = &fib->hops;

	*stats = (struct fib_stats){
		.groups = h->slots.groups,
		.slots = h->slots.hops + h->slots.buckets,
		.starved = h->starved,
		.retired = h->slots.retired.len,
		.uncounted = h->uncounted,
		.rules = views_unfollowed(&fib->views),
		.flushes = fib->flushes,
		.table_writes = fib->table_writes,
		.group_writes = h->group_writes,
		.graces = fib->graces,
		.memory = sizeof(*fib) + hops_bytes(h) +
			  fib->entries.cap * fib->entries.elem_size +
			  fib->candidates.cap * fib->candidates.elem_size,
	};
	for (const struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		int i = f->family == ADDR_V6;

		stats->routes[i] += f->routes;
		stats->prefixes[i] += f->prefixes;
		stats->published[i] += f->published;
		stats->hosts[i] += f->host_entries;
		stats->blocks[i] += f->blocks.len;
		stats->left_out[i] += f->left_out;
		stats->starved += f->starved;
		stats->not_followed += f->not_followed;
		stats->memory += prefix_tree_bytes(&f->entries) + f->dirty.cap * f->dirty.elem_size;
		if (!f->number)
			stats->memory += prefix_tree_bytes(&fib->hosts[i]);
	}
}

static void note_full(const struct fib_family *f, struct text *out)
{
	if (!f->blocks.len)
		return;
	text_printf(out, "the IPv%d table", f->family);
	if (f->number)
		text_printf(out, " %u", f->table);
	text_printf(out, " is full: %zu blocks with %zu prefixes are left to the kernel, %zu prefixes are "
		    "in it\n", f->blocks.len, f->left_out, f->published);
}

static void note_hash(const struct fib *fib, int family, struct text *out)
{
	unsigned int policy = fib->hash_policy[family == 6];
	const char *taken = policy == FIB_HASH_L3_INNER ? "0 (addresses, but not those inside of tunnels)" :
							  "1 (addresses, protocol and ports)";

	if (policy > FIB_HASH_L4)
		text_printf(out, "net.ipv%d.fib_multipath_hash_policy is %u: flows are spread over several "
			    "next hops as by %s\n", family, policy, taken);
}

void fib_notes(const struct fib *fib, struct text *out)
{
	struct fib_stats s;
	size_t encap;

	fib_stats(fib, &s);
	for (const struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		note_full(f, out);
	if (fib->held)
		text_printf(out, "the tables could not be rearranged: all routes are left to the kernel\n");
	if (s.starved)
		text_printf(out, "next-hop groups or slots are used up: %zu prefixes and groups are left to the "
			    "kernel\n", s.starved);
	if (s.not_followed)
		text_printf(out, "%zu routes are left to the kernel: by TOS, or several with one key\n",
			    s.not_followed);
	if (s.uncounted)
		text_printf(out, "%zu next hops are not counted: there are counters for %u\n", s.uncounted,
			    HOP_COUNTERS_MAX - 1);
	encap = hops_encapsulating(&fib->hops);
	if (encap)
		text_printf(out, "%zu routes encapsulate: the kernel forwards by them\n", encap);
	note_hash(fib, 4, out);
	note_hash(fib, 6, out);
	views_notes(&fib->views, out);
}

unsigned int fib_tables(const struct fib *fib)
{
	return fib->tables;
}

int fib_table_find(const struct fib *fib, uint32_t kernel, const char *vrf)
{
	for (unsigned int t = 0; t < fib->tables; t++) {
		const struct fib_table *table = &fib->views.table[t];

		if (vrf ? *table->vrf && !strcmp(table->vrf, vrf) : table->number == kernel)
			return t;
	}
	return -ENOENT;
}

const struct route_view *fib_view(const struct fib *fib, uint16_t port, uint16_t vlan)
{
	const struct nexthops *n = fib->memory.nexthops;

	return n->views_in_use ? views_of(&n->views[n->views_in_use - 1], port, vlan) : NULL;
}

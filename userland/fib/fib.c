// SPDX-License-Identifier: GPL-2.0
/*
 * fib.c: routes in, the answer for each prefix out.
 *
 * The kernel's facts and the configuration's static routes come in one by one, and mark the prefixes
 * that they may matter to. fib_flush() chooses anew for each marked prefix (choice.h), networks before
 * hosts, and has the table say what came out (table.h). Beside it stand the next hops (hops.h) and
 * which table answers for whom (views.h): next hops are published first, views last.
 */
#include "fib/fib.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fib/choice.h"
#include "fib/entries.h"
#include "fib/grace.h"
#include "fib/inside.h"
#include "fib/routes.h"
#include "fib/table.h"

#define BULK_MIN	4096	/* a first flush of so many prefixes builds the table at once */

static void process(struct fib *fib, struct fib_family *f, const struct fib_dirty *d)
{
	struct fib_entry *e = entry_at(fib, d->entry);
	const struct prefix *p = &d->prefix;
	uint32_t set;
	bool host;

	e->flags &= ~ENTRY_DIRTY;
	set = fib_choose(fib, f, p, e, &host);
	if (set == e->set && host == !!(e->flags & ENTRY_HOST) &&
	    !(e->flags & ENTRY_STARVED) && !fib->again) {
		if (set)
			hops_unref(&fib->hops, set);
	} else {
		/* The neighbours below may have lost, or gained, the network they are on. */
		if (!prefix_is_host(p) && hosts_of(fib, f)->len)
			fib_mark_within(fib, f, hosts_of(fib, f), p);
		fib_install(fib, f, p, entry_at(fib, d->entry), set, host);
	}
	if (!set)
		fib_entry_drop_if_empty(fib, f, p);
}

/* Networks first: what counts for a neighbour's address depends on them. */
static void process_all(struct fib *fib, struct fib_family *f)
{
	struct vec hosts = VEC(struct fib_dirty), all;

	if (f->later.len) {
		struct prefix everything = prefix_all(f->family);

		fib_mark_within(fib, f, &f->later, &everything);
	}
	while (f->dirty.len) {
		all = f->dirty;
		f->dirty = VEC(struct fib_dirty);
		for (size_t i = 0; i < all.len; i++) {
			const struct fib_dirty *d = vec_at(&all, i);

			if (prefix_is_host(&d->prefix))
				vec_append(&hosts, d);
			else
				process(fib, f, d);
		}
		vec_free(&all);
	}
	for (size_t i = 0; i < hosts.len; i++)
		process(fib, f, vec_at(&hosts, i));
	vec_free(&hosts);
}

static void build_at_once(struct fib *fib, struct fib_family *f)
{
	struct vec routes = VEC(struct lpm_route);

	f->bulk = &routes;
	process_all(fib, f);
	f->bulk = NULL;
	fib_build(fib, f, &routes);
	vec_free(&routes);
}

static void mark_starved(struct fib *fib, struct fib_family *f)
{
	struct prefix everything = prefix_all(f->family), p = { 0 };
	uint32_t number;

	while (f->starved && prefix_tree_next(&f->entries, &everything, &p, &number))
		if (entry_at(fib, number)->flags & ENTRY_STARVED)
			fib_mark_prefix(fib, f, &p);
}

/* All that was said since the last round; a first round of many prefixes builds the table at once. */
static void flush_family(struct fib *fib, struct fib_family *f)
{
	struct prefix everything = prefix_all(f->family);

	if (fib->lowered)
		mark_starved(fib, f);
	if (fib->again)
		fib_mark_within(fib, f, &f->entries, &everything);
	if (f->lpm && !f->in_table && f->dirty.len >= BULK_MIN && !f->blocks.len)
		build_at_once(fib, f);
	else
		process_all(fib, f);
	if (f->blocks.len)
		fib_take_back(fib, f);
}

/* The half of the views that no program reads: after a grace period, if one may still do so. */
static struct route_views *free_views(struct fib *fib)
{
	if (fib->views_retired)
		fib_wait_for_readers(fib);
	return &fib->memory.nexthops->views[fib->memory.nexthops->views_in_use == 1];
}

/*
 * Rules, VRFs or ports are others: makes the views anew, without turning to them yet. Where the
 * tables change with them, all packets are passed up until they have.
 * Return: what to turn to (views_in_use).
 */
static uint32_t make_views(struct fib *fib)
{
	struct nexthops *n = fib->memory.nexthops;
	uint32_t in_use = n->views_in_use;
	struct route_views *views;
	bool something;

	if (!fib->views.dirty)
		return in_use;
	views = free_views(fib);
	something = views_make(&fib->views, views);
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		bool v6 = f->family == ADDR_V6;
		bool first = f->number ? fib->views.local_first[f->number][v6] :
				     v6 || fib->views.unmerged;

		if (f->local_first == first)
			continue;
		if (f->in_table)
			fib_hold(fib);
		fib_reorder(fib, f, first);
	}
	if (!something)
		return 0;
	if (in_use && !memcmp(views, &n->views[in_use - 1], sizeof(*views)))
		return in_use;
	return views - n->views + 1;
}

static void turn_to_views(struct fib *fib, uint32_t which)
{
	if (fib->memory.nexthops->views_in_use == which)
		return;
	__atomic_store_n(&fib->memory.nexthops->views_in_use, which, __ATOMIC_RELEASE);
	fib->views_turned++;
	fib->views_retired = true;
}

void fib_flush(struct fib *fib)
{
	uint32_t views;

	fib->flushes++;
	views = make_views(fib);
	hops_flush(&fib->hops);
	for (int round = 0; round < 3; round++) {
		fib->again = fib->stuck;
		fib->stuck = false;
		for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f))
			flush_family(fib, f);
		turn_to_views(fib, views);
		if (!fib->held)
			break;
		fib_wait_for_readers(fib);
		if (!fib->stuck) {
			hops_release(&fib->hops);
			fib->held = false;
			__atomic_store_n(&fib->memory.nexthops->held, 0, __ATOMIC_RELEASE);
			break;
		}
	}
	fib->again = false;
	fib->lowered = false;
}

/* ---- links, neighbours, nexthop objects, rules ---------------------------- */

static void mark_hosts(struct fib *fib)
{
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		struct prefix everything = prefix_all(f->family);

		fib_mark_within(fib, f, hosts_of(fib, f), &everything);
	}
}

void fib_link_set(struct fib *fib, const struct kernel_link *link)
{
	views_link_set(&fib->views, link);
	if (hops_link_set(&fib->hops, link))
		mark_hosts(fib);
}

void fib_link_gone(struct fib *fib, uint32_t ifindex)
{
	views_link_gone(&fib->views, ifindex);
	if (hops_link_gone(&fib->hops, ifindex))
		mark_hosts(fib);
}

void fib_port_set(struct fib *fib, uint32_t ifindex, uint16_t port)
{
	views_port_set(&fib->views, ifindex, port);
	if (hops_port_set(&fib->hops, ifindex, port))
		mark_hosts(fib);
}

void fib_used_stale(struct fib *fib, void (*used)(void *user, uint32_t ifindex, const struct addr *addr),
		    void *user)
{
	hops_used_stale(&fib->hops, used, user);
}

static void count_host(struct fib *fib, const struct addr *addr, int by)
{
	struct fib_family *f = family_of(fib, addr->family);
	struct prefix p = prefix_host(addr);

	if (!by)
		return;
	prefix_tree_count((struct prefix_tree *)hosts_of(fib, f), &p, by);
	for (; f; f = next_table(fib, f))
		fib_mark_prefix(fib, f, &p);
}

void fib_neighbour_set(struct fib *fib, const struct kernel_neighbour *neighbour)
{
	count_host(fib, &neighbour->addr, hops_neighbour_set(&fib->hops, neighbour));
}

void fib_neighbour_gone(struct fib *fib, uint32_t ifindex, const struct addr *addr)
{
	count_host(fib, addr, hops_neighbour_gone(&fib->hops, ifindex, addr));
}

void fib_nexthop_object_set(struct fib *fib, const struct kernel_nexthop *nexthop)
{
	hops_object_set(&fib->hops, nexthop);
	mark_hosts(fib);
}

void fib_nexthop_object_gone(struct fib *fib, uint32_t id)
{
	hops_object_gone(&fib->hops, id);
	mark_hosts(fib);
}

void fib_rule_set(struct fib *fib, const struct kernel_rule *rule)
{
	views_rule_set(&fib->views, rule);
}

void fib_rule_gone(struct fib *fib, const struct kernel_rule *rule)
{
	views_rule_gone(&fib->views, rule);
}

void fib_hash_policy_set(struct fib *fib, uint8_t family, unsigned int policy)
{
	uint32_t hash = 0;

	fib->hash_policy[family == ADDR_V6] = policy;
	for (int i = 0; i < 2; i++)
		if (fib->hash_policy[i] == FIB_HASH_L3 || fib->hash_policy[i] == FIB_HASH_L3_INNER)
			hash |= i ? NEXTHOPS_HASH_ADDRESSES6 : NEXTHOPS_HASH_ADDRESSES4;
	__atomic_store_n(&fib->memory.nexthops->hash, hash, __ATOMIC_RELAXED);
}

/* ---- ends ----------------------------------------------------------------- */

/* What @set resolves to is about to be published under @group. */
static void publishing(void *user, uint32_t set, uint16_t group)
{
	struct fib_route route = { 0 };
	struct fib *fib = user;

	hops_describe(&fib->hops, set, &route);
	source_ways_set(&fib->ways, group, &route, hops_fallback(&fib->hops, set));
}

static void family_init(struct fib_family *f, uint8_t family, unsigned int number,
			const struct fib_table *table)
{
	f->family = family;
	f->number = number;
	f->table = table->number;
	f->lpm = table->lpm[family == ADDR_V6];
	f->local_first = !number && family == ADDR_V6;
	f->entries.family = f->wide.family = f->later.family = f->blocks.family = family;
	f->dirty = VEC(struct fib_dirty);
}

struct fib *fib_new(const struct fib_memory *memory)
{
	struct fib *fib = xcalloc(1, sizeof(*fib));
	struct fib_table table[ROUTE_TABLES_MAX] = { {
		.number = memory->without_main ? 0 : KERNEL_TABLE_MAIN,
		.lpm = { memory->lpm4, memory->lpm6 },
	} };

	assert(memory->others < ROUTE_TABLES_MAX);
	if (memory->others)
		memcpy(&table[1], memory->other, memory->others * sizeof(*table));
	fib->memory = *memory;
	fib->tables = 1 + memory->others;
	views_init(&fib->views, table, fib->tables);
	fib->entries = VEC(struct fib_entry);
	fib->candidates = VEC(struct fib_candidate);
	fib->classes = VEC(struct route_class);
	fib->class_numbers = TABLE(struct route_class, uint32_t);
	vec_push(&fib->entries);
	vec_push(&fib->candidates);
	fib->hosts[0].family = ADDR_V4;
	fib->hosts[1].family = ADDR_V6;
	for (unsigned int t = 0; t < fib->tables; t++)
		for (int i = 0; i < 2; i++)
			family_init(&fib->family[t][i], i ? ADDR_V6 : ADDR_V4, t, &table[t]);
	fib->hash_policy[0] = fib->hash_policy[1] = FIB_HASH_L4;
	hops_init(&fib->hops, memory->nexthops);
	if (memory->counters)
		fib->hops.counters = *memory->counters;
	if (memory->sources) {
		source_ways_init(&fib->ways, memory->nexthops, memory->grace, memory->user);
		fib->hops.publishing = publishing;
		fib->hops.user = fib;
	}
	fib->not_followed = hops_intern(&fib->hops, &(struct hop_key){ .reason = REASON_not_followed });
	return fib;
}

void fib_free(struct fib *fib)
{
	if (!fib)
		return;
	hops_free(&fib->hops);
	if (fib->memory.sources)
		source_ways_free(&fib->ways);
	views_free(&fib->views);
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		prefix_tree_free(&f->entries);
		prefix_tree_free(&f->wide);
		prefix_tree_free(&f->later);
		prefix_tree_free(&f->blocks);
		vec_free(&f->dirty);
	}
	for (int i = 0; i < 2; i++)
		prefix_tree_free(&fib->hosts[i]);
	vec_free(&fib->entries);
	vec_free(&fib->candidates);
	vec_free(&fib->classes);
	table_free(&fib->class_numbers);
	free(fib);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * routes.c: the routes of each prefix, in the order that the kernel would ask them.
 *
 * Each prefix that anything is known of has an entry, and that a list: the kernel's routes for it and
 * the configuration's, best first. Many routes are alike in all but prefix and next hops: that part is
 * kept once, as a class. A route that comes or goes marks its prefix; with one that shadows others
 * (a wide route of table local, where that is asked first) all prefixes below it.
 *
 * Static routes of the configuration are candidates like the kernel's, of table main, in front of
 * all others of their prefix.
 */
#include "fib/routes.h"

#include <linux/rtnetlink.h>

#include "fib/entries.h"
#include "fib/inside.h"
#include "image/image.h"

int fib_rank(const struct fib_family *f, const struct route_class *c)
{
	if (c->table == KERNEL_TABLE_LOCAL)
		return !f->number || f->local_first ? RANK_FIRST : RANK_NEVER;
	if (c->table == f->table)
		return f->local_first ? RANK_LATER : RANK_FIRST;
	if (f->number || f->family == ADDR_V6 || c->table != KERNEL_TABLE_DEFAULT)
		return RANK_NEVER;
	return f->local_first ? RANK_LAST : RANK_LATER;
}

/* Which of two routes of one prefix the kernel meets first. */
static bool precedes(const struct fib_family *f, const struct route_class *a, const struct route_class *b)
{
	int ra = fib_rank(f, a), rb = fib_rank(f, b);

	if (ra != rb)
		return ra < rb;
	if (a->table != b->table)
		return a->table > b->table;
	if ((a->flags ^ b->flags) & CLASS_STATIC)
		return a->flags & CLASS_STATIC;
	if (a->tos != b->tos)
		return a->tos > b->tos;
	return a->metric < b->metric;
}

static bool same_key(const struct route_class *a, const struct route_class *b)
{
	return a->table == b->table && a->tos == b->tos && a->metric == b->metric &&
	       !((a->flags ^ b->flags) & CLASS_STATIC);
}

static struct route_class class_of(const struct kernel_route *r)
{
	return (struct route_class){
		.table = r->table, .metric = r->metric, .family = r->prefix.addr.family,
		.tos = r->tos, .type = r->type, .protocol = r->protocol, .scope = r->scope,
		.flags = r->flags,
	};
}

static uint32_t class_number(struct fib *fib, const struct route_class *c)
{
	uint32_t *number;
	bool fresh;

	number = table_put(&fib->class_numbers, c, &fresh);
	if (fresh) {
		*number = fib->classes.len;
		vec_append(&fib->classes, c);
	}
	return *number;
}

static uint32_t intern_route(struct fib *fib, const struct kernel_route *r)
{
	struct hop_key key = { .family = r->prefix.addr.family, .fallback = !r->prefix.len };

	switch (r->type) {
	case RTN_UNICAST:
		key.reason = REASON_forwarded;
		key.mtu = r->mtu;
		key.object = r->nexthop_id;
		key.paths = r->paths;
		key.path = r->path;
		break;
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		key.reason = REASON_local;
		break;
	case RTN_BLACKHOLE:
		key.reason = REASON_blackhole;
		break;
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		key.reason = REASON_reject;
		break;
	default:		/* throw: another table, NAT: not ours */
		key.reason = REASON_not_followed;
	}
	return hops_intern(&fib->hops, &key);
}

/* A route came (@by 1) or went (-1): what else hangs on it. */
static void account_route(struct fib *fib, struct fib_family *f, const struct prefix *p,
			  const struct route_class *c, int by)
{
	int r = fib_rank(f, c);

	f->routes += f->number && c->table == KERNEL_TABLE_LOCAL ? 0 : by;	/* counted with main */
	if (r != RANK_NEVER && (c->tos || c->flags & KERNEL_ROUTE_AMBIGUOUS))
		f->not_followed += by;
	if (f->local_first && r == RANK_FIRST && !prefix_is_host(p) && prefix_tree_count(&f->wide, p, by))
		fib_mark_within(fib, f, &f->entries, p);
	if (r != RANK_NEVER && !f->number && c->table == KERNEL_TABLE_DEFAULT)
		prefix_tree_count(&f->later, p, by);
}

/* Enters a route that leads to @set, a ref that is ours from now on; or replaces it. */
static void enter_route(struct fib *fib, struct fib_family *f, const struct prefix *p,
			const struct route_class *key, uint32_t set)
{
	struct fib_entry *e = fib_entry_get(fib, f, p);
	uint32_t class = class_number(fib, key);
	struct fib_candidate *c = NULL;
	uint32_t *link, number;

	fib_mark_entry(fib, f, p, e);
	for (link = &e->first; *link; link = &c->next) {
		c = candidate_at(fib, *link);
		if (same_key(class_at(fib, c->class), key))
			break;
		if (precedes(f, class_at(fib, class), class_at(fib, c->class))) {
			c = NULL;
			break;
		}
		if (!c->next) {
			link = &c->next;
			c = NULL;
			break;
		}
	}
	if (*link && c) {
		if (c->set == set && c->class == class) {
			hops_unref(&fib->hops, set);
			return;
		}
		account_route(fib, f, p, class_at(fib, c->class), -1);
		hops_unref(&fib->hops, c->set);
		c->set = set;
		c->class = class;
	} else {
		struct fib_candidate fresh = { .next = *link, .set = set, .class = class };

		number = fib->free_candidate;
		if (number) {
			fib->free_candidate = candidate_at(fib, number)->next;
			*link = number;
			*candidate_at(fib, number) = fresh;
		} else {
			/* Pushing may move what @link points into: write it first. */
			*link = fib->candidates.len;
			vec_append(&fib->candidates, &fresh);
		}
	}
	account_route(fib, f, p, class_at(fib, class), 1);
}

static void drop_route(struct fib *fib, struct fib_family *f, const struct prefix *p,
		       const struct route_class *key)
{
	struct fib_entry *e = fib_entry_find(fib, f, p);
	struct fib_candidate *c;
	uint32_t *link, number;

	if (!e)
		return;
	for (link = &e->first; *link; link = &c->next) {
		c = candidate_at(fib, *link);
		if (!same_key(class_at(fib, c->class), key))
			continue;
		number = *link;
		*link = c->next;
		hops_unref(&fib->hops, c->set);
		account_route(fib, f, p, class_at(fib, c->class), -1);
		c = candidate_at(fib, number);
		c->next = fib->free_candidate;
		fib->free_candidate = number;
		fib_mark_prefix(fib, f, p);
		return;
	}
}

/* Whether routes of the kernel's table @table have a place in @f, now or as rules may come. */
static bool takes(const struct fib_family *f, uint32_t table)
{
	return table == KERNEL_TABLE_LOCAL || table == f->table ||
	       (!f->number && table == KERNEL_TABLE_DEFAULT);
}

void fib_route_set(struct fib *fib, const struct kernel_route *r)
{
	struct route_class class = class_of(r);

	for (struct fib_family *f = family_of(fib, class.family); f; f = next_table(fib, f))
		if (takes(f, r->table))
			enter_route(fib, f, &r->prefix, &class, intern_route(fib, r));
}

void fib_route_gone(struct fib *fib, const struct kernel_route *r)
{
	struct route_class class = class_of(r);

	for (struct fib_family *f = family_of(fib, class.family); f; f = next_table(fib, f))
		if (takes(f, r->table))
			drop_route(fib, f, &r->prefix, &class);
}

/*
 * Whether local comes in front of the routes of @f is another now: its prefixes are in other
 * orders, and all must be chosen anew.
 */
void fib_reorder(struct fib *fib, struct fib_family *f, bool local_first)
{
	struct prefix everything = prefix_all(f->family);
	uint32_t number;

	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); )
		for (uint32_t i = entry_at(fib, number)->first; i; i = candidate_at(fib, i)->next)
			account_route(fib, f, &p, class_at(fib, candidate_at(fib, i)->class), -1);
	f->local_first = local_first;
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		uint32_t i = entry_at(fib, number)->first, next;

		fib_mark_entry(fib, f, &p, entry_at(fib, number));
		entry_at(fib, number)->first = 0;
		for (; i; i = next) {
			struct fib_candidate *c = candidate_at(fib, i);
			uint32_t *link = &entry_at(fib, number)->first;

			next = c->next;
			while (*link && precedes(f, class_at(fib, candidate_at(fib, *link)->class),
						 class_at(fib, c->class)))
				link = &candidate_at(fib, *link)->next;
			c->next = *link;
			*link = i;
			account_route(fib, f, &p, class_at(fib, c->class), 1);
		}
	}
}

/* ---- static routes ----------------------------------------------------------- */

static struct route_class static_class(uint8_t family, uint8_t type)
{
	return (struct route_class){
		.table = KERNEL_TABLE_MAIN, .family = family, .type = type,
		.protocol = RTPROT_STATIC, .flags = CLASS_STATIC,
	};
}

/* The @i-th way of a static route, with those behind it; with a ref. */
static uint32_t intern_way(struct fib *fib, const struct image_static *s, unsigned int i)
{
	struct kernel_path path = { .weight = 1, .via = s->hop[i].via };
	struct hop_key key = {
		.reason = REASON_forwarded, .family = s->prefix.addr.family,
		.fallback = !s->prefix.len, .onward = s->hops > 1,
		.port = s->hop[i].port, .paths = 1, .path = &path,
	};
	uint32_t set;

	key.backup = i + 1u < s->hops ? intern_way(fib, s, i + 1) : 0;
	set = hops_intern(&fib->hops, &key);
	if (key.backup)
		hops_unref(&fib->hops, key.backup);
	return set;
}

void fib_static_set(struct fib *fib, const struct image_static *s)
{
	uint8_t family = s->prefix.addr.family;
	struct route_class class = static_class(family, s->hops ? RTN_UNICAST : RTN_BLACKHOLE);
	uint32_t set = s->hops ? intern_way(fib, s, 0) :
				 hops_intern(&fib->hops, &(struct hop_key){ .reason = REASON_discard });

	enter_route(fib, family_of(fib, family), &s->prefix, &class, set);
}

void fib_static_gone(struct fib *fib, const struct prefix *prefix)
{
	struct route_class class = static_class(prefix->addr.family, 0);

	drop_route(fib, family_of(fib, class.family), prefix, &class);
}

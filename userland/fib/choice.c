// SPDX-License-Identifier: GPL-2.0
/*
 * choice.c: which route of a prefix counts, and where it leads.
 *
 * The kernel asks its tables one after the other (ip rules): the first in which anything
 * matches decides, by its longest prefix. One table of ours must say the same:
 *  - IPv4 keeps local and main in one trie: there the longest prefix of both decides, local
 *    before main where they are equal. A route of table default counts only where
 *    nothing else covers its prefix.
 *  - IPv6 asks local first: a route of main does not count below a wide route of local
 *    (those of hosts have nothing below them). It has no rule for table default.
 *    So is it in IPv4, too, once there has been a rule other than the default ones: the kernel
 *    then keeps local and main apart.
 *  - A table of a VRF, or one that ip rules lead to, has local in front of it, if the rules ask that first.
 * Which tables answer for a packet beyond that is said by views (views.h).
 * Within a prefix the lowest metric. A prefix with a route by TOS, or with several routes
 * of one key that the kernel picks from as it likes, is passed up as not_followed.
 *
 * Connected networks. A route without a gateway says that its addresses are neighbours:
 * the prefix itself is passed up (no_neighbour), so that the kernel resolves; each
 * neighbour for which that route is the longest match becomes a prefix of its own, of
 * full length: a host entry.
 */
#include "fib/choice.h"

#include "fib/inside.h"
#include "fib/routes.h"

struct covers {
	const struct fib *fib;
	const struct fib_family *family;
	int rank;		/* only routes of an earlier one */
	uint8_t below;		/* only prefixes shorter than this */
	uint32_t deepest;	/* entry: the longest that was looked for */
	bool found;
};

static bool visit_earlier(void *user, uint8_t len, uint32_t value)
{
	struct covers *c = user;
	const struct fib_entry *e = entry_at(c->fib, value);

	if (len >= c->below)
		return false;
	if (e->first && fib_rank(c->family, class_at(c->fib, candidate_at(c->fib, e->first)->class)) < c->rank)
		c->found = true;
	return !c->found;
}

static bool visit_wide(void *user, uint8_t len, uint32_t value)
{
	struct covers *c = user;

	(void)value;
	c->found = len < c->below;
	return false;
}

static bool visit_chosen(void *user, uint8_t len, uint32_t value)
{
	struct covers *c = user;

	if (len >= c->below)
		return false;
	if (entry_at(c->fib, value)->set)
		c->deepest = value;
	return true;
}

/* Whether a table that is asked before one of rank @r answers for all of @p. */
static bool is_shadowed(const struct fib *fib, const struct fib_family *f, const struct prefix *p, int r)
{
	struct covers c = { .fib = fib, .family = f, .rank = r, .below = p->len };

	if (f->local_first && r == RANK_LATER)
		prefix_tree_cover(&f->wide, p, visit_wide, &c);
	else
		prefix_tree_cover(&f->entries, p, visit_earlier, &c);
	return c.found;
}

/* The route of the kernel's that counts for a prefix, or NULL. */
const struct fib_candidate *fib_choose_route(const struct fib *fib, const struct fib_family *f,
					    const struct prefix *p, const struct fib_entry *e)
{
	const struct fib_candidate *c;
	int r;

	if (!e->first)
		return NULL;
	c = candidate_at(fib, e->first);
	r = fib_rank(f, class_at(fib, c->class));
	if (r == RANK_NEVER || (r != RANK_FIRST && is_shadowed(fib, f, p, r)))
		return NULL;
	return c;
}

/* The entry that answers for what lies directly below: the longest that is shorter than @len. */
uint32_t fib_cover(const struct fib *fib, const struct fib_family *f, const struct prefix *p,
			   unsigned int len)
{
	struct covers c = { .fib = fib, .below = len };

	prefix_tree_cover(&f->entries, p, visit_chosen, &c);
	return c.deepest;
}

/* A route that the kernel picks by more than the destination. */
static bool is_picky(const struct route_class *class)
{
	return class->tos || class->flags & KERNEL_ROUTE_AMBIGUOUS;
}

/*
 * Where a route leads, with the worse ones behind it that the kernel would fall back on; with a ref.
 * Static routes stand for themselves: where their port is down the kernel answers.
 */
static uint32_t set_with_backup(struct fib *fib, const struct fib_candidate *c, unsigned int depth)
{
	const struct route_class *class = class_at(fib, c->class), *worse;
	const struct fib_candidate *next = candidate_at(fib, c->next);
	uint32_t backup, set;

	worse = c->next ? class_at(fib, next->class) : NULL;
	if (!worse || !depth || worse->table != class->table || is_picky(worse) ||
	    (class->flags | worse->flags) & CLASS_STATIC) {
		hops_ref(&fib->hops, c->set);
		return c->set;
	}
	backup = set_with_backup(fib, next, depth - 1);
	set = hops_backed(&fib->hops, c->set, backup);
	hops_unref(&fib->hops, backup);
	return set;
}

/* The set that counts for @p, with a ref for the caller, or 0. */
uint32_t fib_choose(struct fib *fib, struct fib_family *f, const struct prefix *p,
		       const struct fib_entry *e, bool *host)
{
	const struct fib_candidate *c = fib_choose_route(fib, f, p, e);
	uint32_t set, cover;

	*host = false;
	if (c && is_picky(class_at(fib, c->class))) {
		hops_ref(&fib->hops, fib->not_followed);
		return fib->not_followed;
	}
	if (c) {
		set = set_with_backup(fib, c, NEXTHOP_BACKUPS_MAX);
		cover = prefix_is_host(p) ? hops_host(&fib->hops, set, &p->addr) : 0;
		if (cover)
			hops_unref(&fib->hops, set);
		return cover ? cover : set;
	}
	if (!prefix_is_host(p) || !prefix_tree_get(hosts_of(fib, f), p))
		return 0;
	cover = fib_cover(fib, f, p, p->len);
	if (!cover)
		return 0;
	set = hops_host(&fib->hops, entry_at(fib, cover)->set, &p->addr);
	*host = set != 0;
	return set;
}

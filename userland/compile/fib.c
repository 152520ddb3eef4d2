// SPDX-License-Identifier: GPL-2.0
/*
 * fib.c: routes in, the answer for each prefix out.
 *
 * Each prefix that anything is known of has an entry: the kernel's routes for it, best
 * first, and what the table has for it. A change marks the prefix; fib_flush() chooses
 * anew for each marked prefix and writes the table where the choice differs.
 *
 * Choice. The kernel asks its tables one after the other (ip rules): the first in which
 * anything matches decides, by its longest prefix. One table of ours must say the same:
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
 * Static routes of the configuration are candidates like the kernel's, of table main, in front of
 * all others of their prefix.
 *
 * Connected networks. A route without a gateway says that its addresses are neighbours:
 * the prefix itself is passed up (no_neighbour), so that the kernel resolves; each
 * neighbour for which that route is the longest match becomes a prefix of its own, of
 * full length: a host entry.
 *
 * No room. The table takes so many prefixes. A prefix that it refuses must not be
 * answered by a shorter one, so its block (the /8 around it, for IPv6 the /20) is given
 * up: all prefixes in it are taken out, and one for the block says table_full: the
 * kernel answers. Where that frees nothing, the block is widened. Taking out and putting
 * in is several steps; meanwhile every group says table_full, so that no reader sees a
 * shorter prefix answer (hops_hold). A block is taken back once as many prefixes as it
 * misses have gone.
 */
#include "compile/fib.h"

#include <assert.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix_tree.h"
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "compile/hops.h"
#include "compile/source_ways.h"
#include "compile/views.h"
#include "image/image.h"
#include "lpm/lpm.h"

#define BLOCK_LEN_V4	8
#define BLOCK_LEN_V6	20
#define BULK_MIN	4096	/* a first flush of so many prefixes builds the table at once */

#define CLASS_STATIC (1u << 7)	/* in flags, beside KERNEL_ROUTE_*: no route of the kernel's */

/* What many routes share: all of a key but the prefix, and what is only shown. */
struct route_class {
	uint32_t table, metric;
	uint8_t family, tos, type, protocol, scope, flags;
	uint16_t pad;
};

/* When the kernel asks a table: ranks are asked in order, RANK_NEVER not at all. */
enum { RANK_FIRST, RANK_LATER, RANK_LAST, RANK_NEVER };

/* One route of the kernel's. */
struct candidate {
	uint32_t next;		/* of the same prefix, worse; 0: none */
	uint32_t set;		/* where it leads: a ref */
	uint32_t class;
};

/* entry.flags */
#define ENTRY_DIRTY	(1u << 0)	/* in family.dirty */
#define ENTRY_USES	(1u << 1)	/* @group is that of @set, with a use */
#define ENTRY_HOST	(1u << 2)	/* @set is that of a neighbour, not of a route */
#define ENTRY_LEFT_OUT	(1u << 3)	/* @set is not in the table: its block is given up */
#define ENTRY_BLOCK	(1u << 4)	/* a block of this prefix is given up */
#define ENTRY_STARVED	(1u << 5)	/* @group is that of table_full: @set found no group */

struct entry {
	uint32_t first;		/* candidate; of a free entry: the next free one */
	uint32_t set;		/* what counts here: a ref; 0: nothing */
	uint16_t group;		/* what the table has for this prefix; 0: it is not in it */
	uint8_t flags;
	uint8_t pad;
};

/* A marked prefix: its entry stays where it is until the mark is off. */
struct dirty {
	struct prefix prefix;
	uint32_t entry;
};

struct family {
	uint8_t family;
	uint8_t number;		/* of its table, in fib.family */
	bool local_first;	/* local is asked in front of the table's own routes */
	uint32_t table;		/* the kernel's number: whose routes these are */
	struct lpm *lpm;
	struct prefix_tree entries;	/* -> entry */
	struct prefix_tree wide;	/* RANK_FIRST routes shorter than an address -> how many; if local_first */
	struct prefix_tree later;	/* prefixes with a route of table default -> how many */
	struct prefix_tree blocks;	/* -> number of missing entries + 1 */
	struct vec dirty;	/* of struct dirty */
	struct vec *bulk;	/* of struct lpm_route: collected, not inserted */
	size_t level;		/* prefixes in the table when it refused one last */
	size_t routes, prefixes, published, in_table, host_entries, left_out, starved, not_followed;
};

struct fib {
	struct fib_memory memory;
	struct hops hops;
	struct family family[ROUTE_TABLES_MAX][2];	/* table 0: main, with local and default */
	unsigned int tables;
	struct prefix_tree hosts[2];	/* usable neighbours' addresses -> how many */
	struct views views;
	uint64_t views_turned;	/* how often */
	struct source_ways ways;	/* if memory.sources */
	bool views_retired;	/* programs may still read the half that is not in use */
	struct vec entries;	/* of struct entry; 0 is none */
	struct vec candidates;	/* of struct candidate; 0 is none */
	uint32_t free_entry, free_candidate;
	struct table class_numbers;	/* struct route_class -> number in classes */
	struct vec classes;	/* of struct route_class */
	bool held;		/* all groups say table_full: the tables are being rearranged */
	bool stuck;		/* and something could not be taken out: they stay so until it can */
	bool again;		/* this round writes even what did not change */
	bool lowered;		/* groups were freed: starved prefixes may find one */
	uint32_t not_followed;	/* the set of REASON_not_followed */
	uint64_t flushes, table_writes, graces;
};

/* Of table main. */
static struct family *family_of(const struct fib *fib, uint8_t family)
{
	return (struct family *)&fib->family[0][family == ADDR_V6];
}

/* All tables of all families, the one after @f; NULL: the first. */
static struct family *next_family(const struct fib *fib, const struct family *f)
{
	const struct family *first = &fib->family[0][0];

	f = f ? f + 1 : first;
	return (size_t)(f - first) < 2 * fib->tables ? (struct family *)f : NULL;
}

/* The same family of the next table. */
static struct family *next_table(const struct fib *fib, const struct family *f)
{
	return f->number + 1u < fib->tables ? (struct family *)f + 2 : NULL;
}

static const struct prefix_tree *hosts_of(const struct fib *fib, const struct family *f)
{
	return &fib->hosts[f->family == ADDR_V6];
}

static struct entry *entry_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->entries, i);
}

static struct candidate *candidate_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->candidates, i);
}

static const struct route_class *class_at(const struct fib *fib, uint32_t i)
{
	return vec_at(&fib->classes, i);
}

static struct entry *find_entry(const struct fib *fib, const struct family *f,
				const struct prefix *p)
{
	const uint32_t *i = prefix_tree_get(&f->entries, p);

	return i ? entry_at(fib, *i) : NULL;
}

static bool is_host(const struct prefix *p)
{
	return p->len == addr_bits(p->addr.family);
}

static struct prefix host_prefix(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = addr_bits(a->family) };
}

static struct prefix all_of(uint8_t family)
{
	return (struct prefix){ .addr.family = family };
}

/* The entry of @p, entered if need be. Pointers to entries are good until the next call. */
static struct entry *get_entry(struct fib *fib, struct family *f, const struct prefix *p)
{
	uint32_t *number = prefix_tree_put(&f->entries, p);

	if (!*number) {
		if (fib->free_entry) {
			*number = fib->free_entry;
			fib->free_entry = entry_at(fib, *number)->first;
		} else {
			*number = fib->entries.len;
			vec_push(&fib->entries);
		}
		*entry_at(fib, *number) = (struct entry){ 0 };
	}
	return entry_at(fib, *number);
}

static void drop_if_empty(struct fib *fib, struct family *f, const struct prefix *p)
{
	const uint32_t *number = prefix_tree_get(&f->entries, p);
	struct entry *e = number ? entry_at(fib, *number) : NULL;

	if (!e || e->first || e->set || e->group || e->flags)
		return;
	e->first = fib->free_entry;
	fib->free_entry = *number;
	prefix_tree_del(&f->entries, p);
}

/* @e is the entry of @p. */
static void mark_entry(struct fib *fib, struct family *f, const struct prefix *p, struct entry *e)
{
	if (e->flags & ENTRY_DIRTY)
		return;
	e->flags |= ENTRY_DIRTY;
	vec_append(&f->dirty, &(struct dirty){ *p, e - entry_at(fib, 0) });
}

static void mark(struct fib *fib, struct family *f, const struct prefix *p)
{
	mark_entry(fib, f, p, get_entry(fib, f, p));
}

static void mark_within(struct fib *fib, struct family *f, const struct prefix_tree *tree,
			const struct prefix *within)
{
	for (struct prefix p = { 0 }; prefix_tree_next(tree, within, &p, NULL); )
		mark(fib, f, &p);
}

/* ---- routes as the kernel has them ---------------------------------------- */

static int rank(const struct family *f, const struct route_class *c)
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
static bool precedes(const struct family *f, const struct route_class *a, const struct route_class *b)
{
	int ra = rank(f, a), rb = rank(f, b);

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

/* Trees of rare prefixes count how many routes put them there. Return: whether it came or went. */
static bool count_prefix(struct prefix_tree *t, const struct prefix *p, int by)
{
	uint32_t *count = prefix_tree_put(t, p);

	*count += by;
	if (*count)
		return by > 0 && *count == 1;
	prefix_tree_del(t, p);
	return true;
}

/* A route came (@by 1) or went (-1): what else hangs on it. */
static void account_route(struct fib *fib, struct family *f, const struct prefix *p,
			  const struct route_class *c, int by)
{
	int r = rank(f, c);

	f->routes += f->number && c->table == KERNEL_TABLE_LOCAL ? 0 : by;	/* counted with main */
	if (r != RANK_NEVER && (c->tos || c->flags & KERNEL_ROUTE_AMBIGUOUS))
		f->not_followed += by;
	if (f->local_first && r == RANK_FIRST && !is_host(p) && count_prefix(&f->wide, p, by))
		mark_within(fib, f, &f->entries, p);
	if (r != RANK_NEVER && !f->number && c->table == KERNEL_TABLE_DEFAULT)
		count_prefix(&f->later, p, by);
}

/* Enters a route that leads to @set, a ref that is ours from now on; or replaces it. */
static void enter_route(struct fib *fib, struct family *f, const struct prefix *p,
			const struct route_class *key, uint32_t set)
{
	struct entry *e = get_entry(fib, f, p);
	uint32_t class = class_number(fib, key);
	struct candidate *c = NULL;
	uint32_t *link, number;

	mark_entry(fib, f, p, e);
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
		struct candidate fresh = { .next = *link, .set = set, .class = class };

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

static void drop_route(struct fib *fib, struct family *f, const struct prefix *p,
		       const struct route_class *key)
{
	struct entry *e = find_entry(fib, f, p);
	struct candidate *c;
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
		mark(fib, f, p);
		return;
	}
}

/* Whether routes of the kernel's table @table have a place in @f, now or as rules may come. */
static bool takes(const struct family *f, uint32_t table)
{
	return table == KERNEL_TABLE_LOCAL || table == f->table ||
	       (!f->number && table == KERNEL_TABLE_DEFAULT);
}

void fib_route_set(struct fib *fib, const struct kernel_route *r)
{
	struct route_class class = class_of(r);

	for (struct family *f = family_of(fib, class.family); f; f = next_table(fib, f))
		if (takes(f, r->table))
			enter_route(fib, f, &r->prefix, &class, intern_route(fib, r));
}

void fib_route_gone(struct fib *fib, const struct kernel_route *r)
{
	struct route_class class = class_of(r);

	for (struct family *f = family_of(fib, class.family); f; f = next_table(fib, f))
		if (takes(f, r->table))
			drop_route(fib, f, &r->prefix, &class);
}

/*
 * Whether local comes in front of the routes of @f is another now: its prefixes are in other
 * orders, and all must be chosen anew.
 */
static void reorder(struct fib *fib, struct family *f, bool local_first)
{
	struct prefix everything = all_of(f->family);
	uint32_t number;

	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); )
		for (uint32_t i = entry_at(fib, number)->first; i; i = candidate_at(fib, i)->next)
			account_route(fib, f, &p, class_at(fib, candidate_at(fib, i)->class), -1);
	f->local_first = local_first;
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		uint32_t i = entry_at(fib, number)->first, next;

		mark_entry(fib, f, &p, entry_at(fib, number));
		entry_at(fib, number)->first = 0;
		for (; i; i = next) {
			struct candidate *c = candidate_at(fib, i);
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

/* ---- choice --------------------------------------------------------------- */

struct covers {
	const struct fib *fib;
	const struct family *family;
	int rank;		/* only routes of an earlier one */
	uint8_t below;		/* only prefixes shorter than this */
	uint32_t deepest;	/* entry: the longest that was looked for */
	bool found;
};

static bool visit_earlier(void *user, uint8_t len, uint32_t value)
{
	struct covers *c = user;
	const struct entry *e = entry_at(c->fib, value);

	if (len >= c->below)
		return false;
	if (e->first && rank(c->family, class_at(c->fib, candidate_at(c->fib, e->first)->class)) < c->rank)
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
static bool is_shadowed(const struct fib *fib, const struct family *f, const struct prefix *p, int r)
{
	struct covers c = { .fib = fib, .family = f, .rank = r, .below = p->len };

	if (f->local_first && r == RANK_LATER)
		prefix_tree_cover(&f->wide, p, visit_wide, &c);
	else
		prefix_tree_cover(&f->entries, p, visit_earlier, &c);
	return c.found;
}

/* The route of the kernel's that counts for a prefix, or NULL. */
static const struct candidate *choose_route(const struct fib *fib, const struct family *f,
					    const struct prefix *p, const struct entry *e)
{
	const struct candidate *c;
	int r;

	if (!e->first)
		return NULL;
	c = candidate_at(fib, e->first);
	r = rank(f, class_at(fib, c->class));
	if (r == RANK_NEVER || (r != RANK_FIRST && is_shadowed(fib, f, p, r)))
		return NULL;
	return c;
}

/* The entry that answers for what lies directly below: the longest that is shorter than @len. */
static uint32_t find_cover(const struct fib *fib, const struct family *f, const struct prefix *p,
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
static uint32_t set_with_backup(struct fib *fib, const struct candidate *c, unsigned int depth)
{
	const struct route_class *class = class_at(fib, c->class), *worse;
	const struct candidate *next = candidate_at(fib, c->next);
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
static uint32_t choose(struct fib *fib, struct family *f, const struct prefix *p,
		       const struct entry *e, bool *host)
{
	const struct candidate *c = choose_route(fib, f, p, e);
	uint32_t set, cover;

	*host = false;
	if (c && is_picky(class_at(fib, c->class))) {
		hops_ref(&fib->hops, fib->not_followed);
		return fib->not_followed;
	}
	if (c) {
		set = set_with_backup(fib, c, NEXTHOP_BACKUPS_MAX);
		cover = is_host(p) ? hops_host(&fib->hops, set, &p->addr) : 0;
		if (cover)
			hops_unref(&fib->hops, set);
		return cover ? cover : set;
	}
	if (!is_host(p) || !prefix_tree_get(hosts_of(fib, f), p))
		return 0;
	cover = find_cover(fib, f, p, p->len);
	if (!cover)
		return 0;
	set = hops_host(&fib->hops, entry_at(fib, cover)->set, &p->addr);
	*host = set != 0;
	return set;
}

/* ---- the table ------------------------------------------------------------ */

static void wait_for_readers(struct fib *fib)
{
	if (fib->memory.grace)
		fib->memory.grace(fib->memory.user);
	fib->graces++;
	fib_reclaim(fib);
}

/* One write of the table; where only retired memory is in the way, waits for it. */
static int write_table(struct fib *fib, struct family *f, const struct prefix *p, uint16_t group)
{
	int err = 0;

	if (f->bulk) {
		assert(group);
		vec_append(f->bulk, &(struct lpm_route){ *p, group });
		return 0;
	}
	for (int try = 0; f->lpm && try < 2; try++) {
		err = group ? lpm_insert(f->lpm, p, group) : lpm_delete(f->lpm, p);
		if (err != -ENOSPC)
			break;
		if (!lpm_retired(f->lpm))
			break;
		wait_for_readers(fib);
	}
	fib->table_writes += !err;
	return err == -ENOENT ? 0 : err;
}

/* Adds to the counts (@by 1), or takes from them (-1), what an entry is at the moment. */
static void account(struct family *f, const struct entry *e, int by)
{
	f->prefixes += by * (e->set != 0);
	f->host_entries += by * (e->set && e->flags & ENTRY_HOST);
	f->published += by * (e->flags & ENTRY_USES ? 1 : 0);
	f->in_table += by * (e->group != 0);
	f->left_out += by * (e->flags & ENTRY_LEFT_OUT ? 1 : 0);
	f->starved += by * (e->flags & ENTRY_STARVED ? 1 : 0);
}

static bool visit_block(void *user, uint8_t len, uint32_t value)
{
	(void)value;
	*(int *)user = len;
	return false;
}

/* The length of the block that is given up around @p, or -1. */
static int block_around(const struct family *f, const struct prefix *p)
{
	int len = -1;

	prefix_tree_cover(&f->blocks, p, visit_block, &len);
	return len;
}

static struct prefix shortened(const struct prefix *p, unsigned int len)
{
	return prefix_canonical((struct prefix){ .addr = p->addr, .len = len });
}

/* Counts an entry that its block leaves out. */
static void count_missing(struct family *f, const struct prefix *p, int block, int by)
{
	struct prefix b = shortened(p, block);

	*prefix_tree_get(&f->blocks, &b) += by;
}

static void hold(struct fib *fib)
{
	if (!fib->held)
		hops_hold(&fib->hops);
	fib->held = true;
	__atomic_store_n(&fib->memory.nexthops->held, 1, __ATOMIC_RELEASE);
}

/*
 * Gives up the block around @refused, which the table has no room for; its entry's set is
 * chosen. All prefixes of the block go, and table_full stands for them.
 */
static void give_up(struct fib *fib, struct family *f, const struct prefix *refused)
{
	unsigned int len = f->family == ADDR_V4 ? BLOCK_LEN_V4 : BLOCK_LEN_V6;
	size_t missing, evicted = 0;
	struct prefix block, p;
	struct entry *e;
	uint32_t number;

	hold(fib);
	f->level = f->in_table;
	for (len = len < refused->len ? len : refused->len; ; len--) {
		block = shortened(refused, len);
		missing = 0;
		for (p = (struct prefix){ 0 }; prefix_tree_next(&f->entries, &block, &p, &number); ) {
			e = entry_at(fib, number);
			if (prefix_tree_get(&f->blocks, &p))
				prefix_tree_del(&f->blocks, &p);
			account(f, e, -1);
			e->flags &= ~ENTRY_BLOCK;
			if (e->group && write_table(fib, f, &p, 0)) {
				fib->stuck = true;	/* held until it can be done */
			} else if (e->group) {
				if (e->flags & ENTRY_USES)
					hops_unuse(&fib->hops, e->set);
				e->group = 0;
				e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
				evicted++;
			}
			if (e->set && !e->group) {
				e->flags |= ENTRY_LEFT_OUT;
				missing++;
			}
			account(f, e, 1);
			drop_if_empty(fib, f, &p);
		}
		if (evicted && !write_table(fib, f, &block, fib->hops.full_group))
			break;
		if (!len)
			break;	/* nothing is in the table: no route, and the kernel answers */
	}
	e = get_entry(fib, f, &block);
	account(f, e, -1);
	e->flags |= ENTRY_BLOCK;
	if (f->lpm && lpm_get(f->lpm, &block))
		e->group = fib->hops.full_group;
	account(f, e, 1);
	*prefix_tree_put(&f->blocks, &block) = missing + 1;
}

/* Makes the table say @set for @p, whose ref is taken over; 0: nothing. */
static void install(struct fib *fib, struct family *f, const struct prefix *p, struct entry *e,
		    uint32_t set, bool host)
{
	uint32_t old = e->set;
	bool used = e->flags & ENTRY_USES;
	int block = block_around(f, p);
	uint16_t group = 0;
	bool uses = false;
	int err = 0;

	account(f, e, -1);
	if (e->flags & ENTRY_LEFT_OUT && block >= 0)
		count_missing(f, p, block, -1);
	e->flags &= ~(ENTRY_LEFT_OUT | ENTRY_HOST | ENTRY_STARVED);
	if (set && block < 0) {
		group = hops_use(&fib->hops, set, used ? old : 0);
		uses = group != 0;
		if (!uses) {
			group = fib->hops.full_group;
			e->flags |= ENTRY_STARVED;
		}
	} else if (block == p->len) {
		group = e->group;	/* the block's own */
	}
	if (set && block >= 0) {
		e->flags |= ENTRY_LEFT_OUT;
		count_missing(f, p, block, 1);
	}
	if (host)
		e->flags |= ENTRY_HOST;
	e->set = set;
	if (group != e->group)
		err = write_table(fib, f, p, group);
	if (!err) {
		e->group = group;
		e->flags = (e->flags & ~ENTRY_USES) | (uses ? ENTRY_USES : 0);
		if (used)
			hops_unuse(&fib->hops, old);
		if (old)
			hops_unref(&fib->hops, old);
		account(f, e, 1);
		return;
	}
	/*
	 * No room. What the table has for @p stays for the moment, but its group may go:
	 * hold first, then give up the block, which takes it out.
	 */
	hold(fib);
	e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
	if (uses)
		hops_unuse(&fib->hops, set);
	if (used)
		hops_unuse(&fib->hops, old);
	if (old)
		hops_unref(&fib->hops, old);
	account(f, e, 1);
	give_up(fib, f, p);
}

/* ---- flush ---------------------------------------------------------------- */

static void process(struct fib *fib, struct family *f, const struct dirty *d)
{
	struct entry *e = entry_at(fib, d->entry);
	const struct prefix *p = &d->prefix;
	uint32_t set;
	bool host;

	e->flags &= ~ENTRY_DIRTY;
	set = choose(fib, f, p, e, &host);
	if (set == e->set && host == !!(e->flags & ENTRY_HOST) &&
	    !(e->flags & ENTRY_STARVED) && !fib->again) {
		if (set)
			hops_unref(&fib->hops, set);
	} else {
		/* The neighbours below may have lost, or gained, the network they are on. */
		if (!is_host(p) && hosts_of(fib, f)->len)
			mark_within(fib, f, hosts_of(fib, f), p);
		install(fib, f, p, entry_at(fib, d->entry), set, host);
	}
	if (!set)
		drop_if_empty(fib, f, p);
}

/* Networks first: what counts for a neighbour's address depends on them. */
static void process_all(struct fib *fib, struct family *f)
{
	struct vec hosts = VEC(struct dirty), all;

	if (f->later.len) {
		struct prefix everything = all_of(f->family);

		mark_within(fib, f, &f->later, &everything);
	}
	while (f->dirty.len) {
		all = f->dirty;
		f->dirty = VEC(struct dirty);
		for (size_t i = 0; i < all.len; i++) {
			const struct dirty *d = vec_at(&all, i);

			if (is_host(&d->prefix))
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

/* The table refused to be built at once: puts in one by one what has a group. */
static void insert_one_by_one(struct fib *fib, struct family *f)
{
	struct prefix everything = all_of(f->family);
	struct entry *e;
	uint32_t number;

	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		e = entry_at(fib, number);
		account(f, e, -1);
		if (e->flags & ENTRY_USES)
			hops_unuse(&fib->hops, e->set);
		e->group = 0;
		e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
		account(f, e, 1);
	}
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		e = entry_at(fib, number);
		if (!e->set || e->flags & ENTRY_LEFT_OUT)
			continue;
		hops_ref(&fib->hops, e->set);
		install(fib, f, &p, e, e->set, e->flags & ENTRY_HOST);
	}
}

static void build(struct fib *fib, struct family *f)
{
	struct vec routes = VEC(struct lpm_route);
	int err;

	f->bulk = &routes;
	process_all(fib, f);
	f->bulk = NULL;
	err = lpm_build(f->lpm, routes.data, routes.len);
	fib->table_writes += routes.len;
	vec_free(&routes);
	if (err)
		insert_one_by_one(fib, f);
}

/* Puts the prefixes of a block back in; it is out of f->blocks already. */
static void take_back(struct fib *fib, struct family *f, const struct prefix *block)
{
	struct entry *e = find_entry(fib, f, block);
	uint32_t number;

	hold(fib);
	e->flags &= ~ENTRY_BLOCK;
	if (!e->set)
		install(fib, f, block, e, 0, false);
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, block, &p, &number); ) {
		e = entry_at(fib, number);
		if (!e->set || block_around(f, &p) >= 0)
			continue;
		hops_ref(&fib->hops, e->set);
		install(fib, f, &p, e, e->set, e->flags & ENTRY_HOST);
	}
	drop_if_empty(fib, f, block);
}

static void take_back_what_fits(struct fib *fib, struct family *f)
{
	struct prefix everything = all_of(f->family);
	uint32_t missing;

	if (f->level < f->in_table)
		f->level = f->in_table;
	for (struct prefix p = { 0 }; prefix_tree_next(&f->blocks, &everything, &p, &missing); ) {
		missing--;
		/* The block's own prefix goes, or is among the missing. */
		if (f->in_table + missing > f->level + 1)
			continue;
		prefix_tree_del(&f->blocks, &p);
		take_back(fib, f, &p);
	}
}

static void mark_starved(struct fib *fib, struct family *f)
{
	struct prefix everything = all_of(f->family), p = { 0 };
	uint32_t number;

	while (f->starved && prefix_tree_next(&f->entries, &everything, &p, &number))
		if (entry_at(fib, number)->flags & ENTRY_STARVED)
			mark(fib, f, &p);
}

/* All that was said since the last round; a first round of many prefixes builds the table at once. */
static void flush_family(struct fib *fib, struct family *f)
{
	struct prefix everything = all_of(f->family);

	if (fib->lowered)
		mark_starved(fib, f);
	if (fib->again)
		mark_within(fib, f, &f->entries, &everything);
	if (f->lpm && !f->in_table && f->dirty.len >= BULK_MIN && !f->blocks.len)
		build(fib, f);
	else
		process_all(fib, f);
	if (f->blocks.len)
		take_back_what_fits(fib, f);
}

/* The half of the views that no program reads: after a grace period, if one may still do so. */
static struct route_views *free_views(struct fib *fib)
{
	if (fib->views_retired)
		wait_for_readers(fib);
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
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		bool v6 = f->family == ADDR_V6;
		bool first = f->number ? fib->views.local_first[f->number][v6] :
				     v6 || fib->views.unmerged;

		if (f->local_first == first)
			continue;
		if (f->in_table)
			hold(fib);
		reorder(fib, f, first);
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
		for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f))
			flush_family(fib, f);
		turn_to_views(fib, views);
		if (!fib->held)
			break;
		wait_for_readers(fib);
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

bool fib_wants_reclaim(const struct fib *fib)
{
	if (fib->hops.slots.retired.len || fib->views_retired)
		return true;
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm && lpm_retired(f->lpm))
			return true;
	return false;
}

struct fib_mark fib_quiesce_mark(const struct fib *fib)
{
	struct fib_mark mark = { .slots = group_slots_mark(&fib->hops.slots), .views = fib->views_turned };

	/* The tables of a family share their memory: one is as good as all. */
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm)
			mark.lpm[f->family == ADDR_V6] = lpm_quiesce_mark(f->lpm);
	return mark;
}

void fib_reclaim_to(struct fib *fib, const struct fib_mark *mark)
{
	if (mark->views == fib->views_turned)
		fib->views_retired = false;
	fib->lowered |= hops_reclaim(&fib->hops, mark->slots);
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm && lpm_retired(f->lpm))
			lpm_reclaim(f->lpm, mark->lpm[f->family == ADDR_V6]);
}

void fib_reclaim(struct fib *fib)
{
	struct fib_mark mark = fib_quiesce_mark(fib);

	fib_reclaim_to(fib, &mark);
}

/* ---- links, neighbours, nexthop objects, rules ---------------------------- */

static void mark_hosts(struct fib *fib)
{
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
		struct prefix everything = all_of(f->family);

		mark_within(fib, f, hosts_of(fib, f), &everything);
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
	struct family *f = family_of(fib, addr->family);
	struct prefix p = host_prefix(addr);

	if (!by)
		return;
	count_prefix((struct prefix_tree *)hosts_of(fib, f), &p, by);
	for (; f; f = next_table(fib, f))
		mark(fib, f, &p);
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

/* ---- questions ------------------------------------------------------------ */

/* The @i-th route of a prefix, a host entry first. Return: false if there are fewer. */
static bool show_route(const struct fib *fib, const struct family *f, const struct prefix *p,
		       const struct entry *e, unsigned int i, struct fib_route *route)
{
	const struct candidate *best = choose_route(fib, f, p, e), *c = NULL;
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
		*p = all_of(family ? family : ADDR_V4);
	}
	for (;;) {
		const struct family *f = &fib->family[cursor->table][p->addr.family == ADDR_V6];
		struct prefix everything = all_of(f->family);
		const struct entry *e = find_entry(fib, f, p);

		if (e && show_route(fib, f, p, e, cursor->shown, route)) {
			cursor->shown++;
			return true;
		}
		cursor->shown = 0;
		if (prefix_tree_next(&f->entries, &everything, p, NULL))
			continue;
		if (family || f->family == ADDR_V6)
			return false;
		*p = all_of(ADDR_V6);
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

void fib_lookup(const struct fib *fib, const struct addr *addr, struct fib_answer *answer)
{
	fib_lookup_in(fib, 0, addr, answer);
}

void fib_lookup_in(const struct fib *fib, unsigned int table, const struct addr *addr,
		   struct fib_answer *answer)
{
	const struct family *f = &fib->family[table][addr->family == ADDR_V6];
	const struct nexthops *n = fib->memory.nexthops;
	struct prefix p = host_prefix(addr);
	const struct entry *e = NULL;
	uint32_t number = find_cover(fib, f, &p, UINT8_MAX);

	*answer = (struct fib_answer){ .found = number != 0 };
	if (number) {
		/* Which of the prefixes around the address it is: the longest that has this entry. */
		e = entry_at(fib, number);
		for (unsigned int len = p.len; ; len--) {
			struct prefix q = shortened(&p, len);
			const uint32_t *at = prefix_tree_get(&f->entries, &q);

			if (at && *at == number) {
				show_route(fib, f, &q, e, 0, &answer->route);
				break;
			}
		}
	}
	answer->group = f->lpm ? lpm_lookup(f->lpm, addr) : 0;
	answer->reason = group_hop(n, answer->group, 0)->reason;
	answer->agrees = !answer->group || group_passes_up(n, answer->group) ||
			 (e && e->flags & ENTRY_USES && e->group == answer->group);
}

void fib_stats(const struct fib *fib, struct fib_stats *stats)
{
	const struct hops *h = &fib->hops;

	*stats = (struct fib_stats){
		.groups = h->slots.groups,
		.slots = h->slots.hops + h->slots.buckets,
		.starved = h->starved,
		.retired = h->slots.retired.len,
		.rules = views_unfollowed(&fib->views),
		.flushes = fib->flushes,
		.table_writes = fib->table_writes,
		.group_writes = h->group_writes,
		.graces = fib->graces,
		.memory = sizeof(*fib) + hops_bytes(h) +
			  fib->entries.cap * fib->entries.elem_size +
			  fib->candidates.cap * fib->candidates.elem_size,
	};
	for (const struct family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
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

static void note_full(const struct family *f, struct text *out)
{
	if (!f->blocks.len)
		return;
	text_printf(out, "the IPv%d table", f->family);
	if (f->number)
		text_printf(out, " %u", f->table);
	text_printf(out, " is full: %zu blocks with %zu prefixes are left to the kernel, %zu prefixes are "
		    "in it\n", f->blocks.len, f->left_out, f->published);
}

void fib_notes(const struct fib *fib, struct text *out)
{
	struct fib_stats s;
	size_t encap;

	fib_stats(fib, &s);
	for (const struct family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		note_full(f, out);
	if (fib->held)
		text_printf(out, "the tables could not be rearranged: all routes are left to the kernel\n");
	if (s.starved)
		text_printf(out, "next-hop groups or slots are used up: %zu prefixes and groups are left to the "
			    "kernel\n", s.starved);
	if (s.not_followed)
		text_printf(out, "%zu routes are left to the kernel: by TOS, or several with one key\n",
			    s.not_followed);
	encap = hops_encapsulating(&fib->hops);
	if (encap)
		text_printf(out, "%zu routes encapsulate: the kernel forwards by them\n", encap);
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

/* ---- ends ----------------------------------------------------------------- */

/* What @set resolves to is about to be published under @group. */
static void publishing(void *user, uint32_t set, uint16_t group)
{
	struct fib_route route = { 0 };
	struct fib *fib = user;

	hops_describe(&fib->hops, set, &route);
	source_ways_set(&fib->ways, group, &route, hops_fallback(&fib->hops, set));
}

static void family_init(struct family *f, uint8_t family, unsigned int number,
			const struct fib_table *table)
{
	f->family = family;
	f->number = number;
	f->table = table->number;
	f->lpm = table->lpm[family == ADDR_V6];
	f->local_first = !number && family == ADDR_V6;
	f->entries.family = f->wide.family = f->later.family = f->blocks.family = family;
	f->dirty = VEC(struct dirty);
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
	fib->entries = VEC(struct entry);
	fib->candidates = VEC(struct candidate);
	fib->classes = VEC(struct route_class);
	fib->class_numbers = TABLE(struct route_class, uint32_t);
	vec_push(&fib->entries);
	vec_push(&fib->candidates);
	fib->hosts[0].family = ADDR_V4;
	fib->hosts[1].family = ADDR_V6;
	for (unsigned int t = 0; t < fib->tables; t++)
		for (int i = 0; i < 2; i++)
			family_init(&fib->family[t][i], i ? ADDR_V6 : ADDR_V4, t, &table[t]);
	hops_init(&fib->hops, memory->nexthops);
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
	for (struct family *f = next_family(fib, NULL); f; f = next_family(fib, f)) {
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

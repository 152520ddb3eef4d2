// SPDX-License-Identifier: GPL-2.0
/*
 * regions.c: which packets does none of these rules have? Asked region by region.
 *
 * The partition. All source prefixes of all boxes form a tree (rules/forest.h), and an
 * address's class is its longest match; the destinations likewise; the service class
 * (rules/service.h) says which services have all other fields. A region is a triple of
 * classes: two packets of one region are met by exactly the same boxes. So a question about
 * packets is a question about regions, of which there are finitely many: far too many to visit.
 *
 * The question. Given a box B (an intersection of boxes is one, too) and rules R1, R2, ... : is there
 * a packet in B and in no Ri? A box is the union of its pieces (source prefix P, destination
 * prefix Q, service S); a piece of B is asked for at a time.
 *
 * The one step. Take the region's addresses to be in P's own class (in P, in no longer
 * prefix of the tree) and Q's own. The rules that have such addresses are those with a
 * piece (P', Q') where P' is P or over it and Q' is Q or over it. Take away from S the services of
 * all these. What is left
 *	is empty: then nothing below (P, Q) is left either, as each (P', Q') that was met has all
 *		of (P, Q), longer prefixes included. No packet: decided.
 *	is not, and both own classes have an address: there is a packet. Decided.
 *	is not, but P's longer prefixes cover all of P (as 10.0.0.0/9 and 10.128.0.0/9 do with
 *		10.0.0.0/8): P is the union of these, and each is asked for. Likewise Q.
 * So most questions take one step, whose cost is the number of pairs (P', Q') that there are:
 * depth by depth of two trees. The third case goes down only where trees are full, and the
 * first ends it early.
 *
 * Services. The classes of all fields together are bits, and a service is the set of its classes: "take
 * away" is and-not. Where fields are so independent that all classes together are too many,
 * service.h makes groups of fields with classes of their own, a service is a product of such
 * sets, and what is left of a product when another is taken away is several products: then
 * it is a search, depth first, which can be slow, but never wrong; the limit of time ends it.
 *
 * Packets that cannot be. A list sees numbers in fields, and some combinations no packet has: a TCP
 * port of an ICMP packet. What can be is given as boxes, too (analyse/packets.c), one of which the
 * answer must lie in. Of their tests only those of fields that some rule tests take part; that is exact, since
 * a value of the others can always be found.
 *
 * Why to believe it. It uses the trees and the services of userland/rules, but neither bands, planes,
 * cells nor hashes: what the compiler adds to make tables of them. A "yes" is a packet, and
 * the callers show it to rule_matches(), the plain meaning, before they show it to anybody else. A "no"
 * rests on the paragraph above, on forest.c being a tree of prefixes, and on service.c telling
 * apart what a service tells apart; the tests compare with all packets of small domains, and aim
 * hundreds of thousands of packets at what was said to be none.
 *
 * Source: regions by longest match from cross-producting (Srinivasan et al. 1998); service classes
 * from recursive flow classification (Gupta, McKeown 1999); the questions from header space
 * analysis (Kazemian, Varghese, McKeown 2012) and VeriFlow (Khurshid et al. 2013).
 */
#include "analyse/regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/table.h"
#include "rules/forest.h"
#include "rules/service.h"

#define NONE		RULES_NONE
#define PIECES_MAX	((size_t)1 << 26)
#define SERVICES_BYTES	((size_t)512 << 20)	/* for the classes of services */
#define DEPTH_MAX	130
#define COVERS_TRIED	64		/* more than that are not made fewer */

/* A node by its place in the order of the tree: a parent before its kids, 0 not IP. */
struct node {
	struct prefix prefix;
	uint32_t parent, size;
	uint32_t up;			/* the nearest one over it that has runs; NONE */
	uint32_t run, runs;		/* sources: its runs */
	enum { OWN_UNKNOWN, OWN_NO, OWN_YES } own;
	struct addr free;		/* OWN_YES: an address that is in no longer prefix */
};

struct side {
	uint32_t nodes;
	struct node *node;
};

/* The entries of one list at one pair of prefixes, in the order of numbers. */
struct run {
	uint32_t destination;
	unsigned int list;
	uint32_t entry, entries;
};

struct entry {
	uint32_t number, lane, service, box;
};

/* The nodes of a box's side: sorted, none over another. */
struct nodes {
	uint32_t count;
	uint32_t *node;
};

struct placed {
	struct nodes side[2];
	uint32_t service;
};

struct regions {
	struct vec boxes;		/* of struct region_box */
	struct vec possible;		/* of struct rule: whole boxes, their arrays our own */
	struct placed *placed;		/* by box */
	struct side side[2];
	struct services services;
	/* services as sets: of group g's classes, words[g] words from at[g] of each column */
	unsigned int groups;
	uint32_t at[RULES_GROUPS_MAX], words[RULES_GROUPS_MAX], width;
	uint64_t *column;		/* [services][width] */
	struct vec families[3];		/* of uint32_t: services of what is possible: not IP, IPv4, IPv6 */
	uint64_t *family[3];		/* their union, with one group; else NULL */
	struct run *run;
	struct entry *entry;
	size_t runs, entries;
	/* a question */
	const struct region_query *query;
	const struct vec *only;		/* of struct region_rule: rules that count; NULL: all */
	struct vec *met;		/* of struct region_rule: rules that took something away; or NULL */
	uint32_t *seen, turn;		/* by service */
	struct vec gathered;		/* of struct entry_ref */
	uint64_t *left;
	uint32_t class[RULES_GROUPS_MAX];	/* of what was found */
	uint32_t found[2];
	uint32_t *mark, mark_turn;	/* by box */
	double deadline;		/* 0: none */
	bool late;
	size_t questions, steps;
	uint32_t most;			/* classes of a group */
};

struct gathered {
	uint32_t service;
	struct region_rule rule;
};

/* ---- time -------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

void regions_limit(struct regions *r, double seconds)
{
	r->deadline = seconds > 0 ? now() + seconds : 0;
	r->late = false;
}

bool regions_late(struct regions *r)
{
	if (r->deadline && !r->late)
		r->late = now() > r->deadline;
	return r->late;
}

/* One step of a question. Return: whether there is time for it. */
static bool step(struct regions *r)
{
	return ++r->steps % 1024 ? !r->late : !regions_late(r);
}

/* ---- boxes ------------------------------------------------------------------------- */

struct regions *regions_new(void)
{
	struct regions *r = xcalloc(1, sizeof(*r));

	r->most = UINT16_MAX;
	r->boxes = VEC(struct region_box);
	r->possible = VEC(struct rule *);
	r->gathered = VEC(struct gathered);
	for (unsigned int f = 0; f < 3; f++)
		r->families[f] = VEC(uint32_t);
	services_init(&r->services);
	return r;
}

void regions_free(struct regions *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->placed && i < r->boxes.len; i++)
		for (unsigned int side = 0; side < 2; side++)
			free(r->placed[i].side[side].node);
	for (size_t i = 0; i < r->possible.len; i++)
		rule_free(*(struct rule **)vec_at(&r->possible, i));
	for (unsigned int side = 0; side < 2; side++)
		free(r->side[side].node);
	for (unsigned int f = 0; f < 3; f++) {
		vec_free(&r->families[f]);
		free(r->family[f]);
	}
	services_free(&r->services);
	vec_free(&r->boxes);
	vec_free(&r->possible);
	vec_free(&r->gathered);
	free(r->placed);
	free(r->column);
	free(r->run);
	free(r->entry);
	free(r->seen);
	free(r->left);
	free(r->mark);
	free(r);
}

uint32_t regions_add(struct regions *r, unsigned int list, const struct rule *box, uint32_t number,
		     uint32_t lane)
{
	struct region_box b = { .box = box, .number = number, .lane = lane, .list = list };

	vec_append(&r->boxes, &b);
	return r->boxes.len - 1;
}

void regions_possible(struct regions *r, const struct rule *box)
{
	struct rule *copy = rule_copy(box);

	if (copy)
		vec_append(&r->possible, &copy);
}

void regions_classes(struct regions *r, uint32_t most)
{
	r->most = most;
}

const struct vec *regions_boxes(const struct regions *r)
{
	return &r->boxes;
}

static const struct region_box *box_at(const struct regions *r, uint32_t box)
{
	return vec_at(&r->boxes, box);
}

/* ---- the trees --------------------------------------------------------------------- */

/* Trees of one side. @place: set to the place of each of @f's nodes in their order. */
static void order_side(struct regions *r, enum rule_side side, struct forest *f, uint32_t **place)
{
	struct side *s = &r->side[side];

	forest_init(f);
	for (size_t i = 0; i < r->boxes.len; i++) {
		const struct rule *box = box_at(r, i)->box;

		for (uint32_t k = 0; k < box->prefixes[side]; k++)
			forest_put(f, &box->prefix[side][k]);
	}
	forest_order(f);
	s->nodes = f->order.len;
	s->node = xcalloc(s->nodes, sizeof(*s->node));
	*place = xcalloc(f->nodes.len, sizeof(**place));
	for (uint32_t i = 0; i < s->nodes; i++) {
		uint32_t node = *(uint32_t *)vec_at(&f->order, i);
		const struct forest_node *n = forest_node(f, node);

		(*place)[node] = i;
		s->node[i] = (struct node){
			.prefix = n->prefix, .size = n->size, .up = NONE,
			.parent = n->parent ? (*place)[n->parent] : NONE,
		};
	}
}

static bool is_over(const struct side *s, uint32_t over, uint32_t node)
{
	return node - over < s->node[over].size;
}

static int number_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static const unsigned int family_bit[3] = { RULE_NOT_IP, RULE_IP4, RULE_IP6 };

static unsigned int family_number(uint8_t family)
{
	return family == ADDR_V4 ? 1 : family == ADDR_V6 ? 2 : 0;
}

/* The nodes of one side of @box. */
static struct nodes place_side(const struct regions *r, enum rule_side side, const struct forest *f,
			       const uint32_t *place, const struct rule *box)
{
	static const uint32_t roots[3] = { FOREST_NOT_IP, FOREST_ROOT4, FOREST_ROOT6 };
	uint32_t count = box->prefixes[side], n = 0;
	struct nodes nodes = { .node = xcalloc(count ? count : 3, sizeof(uint32_t)) };

	for (uint32_t i = 0; i < count; i++) {
		const struct prefix *p = &box->prefix[side][i];

		if (box->families & family_bit[family_number(p->addr.family)])
			nodes.node[n++] = place[forest_get(f, p)];
	}
	for (unsigned int i = 0; !count && i < 3; i++)
		if (box->families & family_bit[i])
			nodes.node[n++] = place[roots[i]];
	qsort(nodes.node, n, sizeof(*nodes.node), number_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (!nodes.count ||
		    !is_over(&r->side[side], nodes.node[nodes.count - 1], nodes.node[i]))
			nodes.node[nodes.count++] = nodes.node[i];
	return nodes;
}

/* What both have: of two nodes of which one is over the other, the deeper. */
static struct nodes nodes_meet(const struct side *s, const struct nodes *a, const struct nodes *b)
{
	struct nodes both = { .node = xcalloc(a->count + b->count + 1, sizeof(uint32_t)) };

	for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
		uint32_t x = a->node[i], y = b->node[k];

		if (x <= y && is_over(s, x, y)) {
			both.node[both.count++] = y;
			k++;
		} else if (y < x && is_over(s, y, x)) {
			both.node[both.count++] = x;
			i++;
		} else if (x < y) {
			i++;
		} else {
			k++;
		}
	}
	return both;
}

/* ---- addresses --------------------------------------------------------------------- */

/* The first address behind @p. Return: false if there is none. */
static bool behind(const struct prefix *p, struct addr *a)
{
	unsigned int bits = addr_bits(p->addr.family), bytes = bits / 8;

	*a = p->addr;
	for (unsigned int i = p->len; i < bits; i++)
		a->bytes[i / 8] |= 0x80 >> i % 8;
	while (bytes--)
		if (++a->bytes[bytes])
			return true;
	return false;
}

/* An address of @n that is in no longer prefix, if there is one: in a gap between them. */
static bool has_own(struct side *s, uint32_t n)
{
	struct node *node = &s->node[n];
	struct addr a = node->prefix.addr;
	bool more = true;

	if (node->own != OWN_UNKNOWN)
		return node->own == OWN_YES;
	for (uint32_t kid = n + 1; more && kid < n + node->size; kid += s->node[kid].size) {
		if (!addr_equal(&s->node[kid].prefix.addr, &a))
			break;
		more = behind(&s->node[kid].prefix, &a);
	}
	more = more && (a.family == ADDR_NONE || prefix_covers(&node->prefix, &a));
	node->own = more ? OWN_YES : OWN_NO;
	node->free = a;
	return more;
}

/* ---- services as sets -------------------------------------------------------------- */

/* @rule with only the tests of fields in @tested. */
static struct rule *reduced(const struct rule *rule, uint32_t tested)
{
	struct rule_test *test = xcalloc(rule->tests + 1, sizeof(*test));
	struct rule some = *rule, *copy;

	some.tests = 0;
	some.test = test;
	for (uint32_t i = 0; i < rule->tests; i++)
		if (tested >> rule->test[i].field & 1)
			test[some.tests++] = rule->test[i];
	copy = rule_copy(&some);
	free(test);
	return copy;
}

static void make_columns(struct regions *r)
{
	const struct services *s = &r->services;

	r->groups = s->groups;
	for (unsigned int g = 0; g < r->groups; g++) {
		r->at[g] = r->width;
		r->words[g] = (s->group[g].classes + 63) / 64;
		r->width += r->words[g];
	}
	r->column = xcalloc(s->list.len * (size_t)r->width, sizeof(*r->column));
	for (unsigned int g = 0; g < r->groups; g++)
		services_columns(s, g, r->column + r->at[g], r->width);
}

static const uint64_t *column_of(const struct regions *r, uint32_t service)
{
	return r->column + (size_t)service * r->width;
}

static int classify(struct regions *r, struct text *why)
{
	struct rule **some = xcalloc(r->possible.len + 1, sizeof(*some));
	uint32_t tested = 0;
	int err;

	for (size_t i = 0; i < r->boxes.len; i++)
		for (uint32_t k = 0; k < box_at(r, i)->box->tests; k++)
			tested |= 1u << box_at(r, i)->box->test[k].field;
	for (size_t i = 0; i < r->possible.len; i++) {
		const struct rule *p = *(struct rule **)vec_at(&r->possible, i);
		uint32_t service;

		some[i] = reduced(p, tested);
		service = services_add(&r->services, some[i]);
		for (unsigned int f = 0; f < 3; f++)
			if (p->families & family_bit[f])
				vec_append(&r->families[f], &service);
	}
	for (unsigned int f = 0; f < 3 && !r->possible.len; f++)
		*(uint32_t *)vec_push(&r->families[f]) = 0;
	err = services_classify(&r->services, SERVICES_BYTES, r->most, why);
	for (size_t i = 0; i < r->possible.len; i++)
		rule_free(some[i]);
	free(some);
	if (err)
		return err;
	make_columns(r);
	for (unsigned int f = 0; f < 3 && r->groups == 1; f++) {
		r->family[f] = xcalloc(r->width, sizeof(uint64_t));
		for (size_t i = 0; i < r->families[f].len; i++) {
			const uint64_t *c = column_of(r, *(uint32_t *)vec_at(&r->families[f], i));

			for (uint32_t w = 0; w < r->width; w++)
				r->family[f][w] |= c[w];
		}
	}
	return 0;
}

/* ---- the index: what is at a pair of prefixes --------------------------------------- */

struct piece_entry {
	uint32_t source, destination;
	unsigned int list;
	struct entry entry;
};

static int piece_cmp(const void *a, const void *b)
{
	const struct piece_entry *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	if (x->destination != y->destination)
		return x->destination < y->destination ? -1 : 1;
	return x->entry.box < y->entry.box ? -1 : x->entry.box > y->entry.box;
}

static bool same_family(const struct regions *r, uint32_t source, uint32_t destination)
{
	return r->side[0].node[source].prefix.addr.family ==
	       r->side[1].node[destination].prefix.addr.family;
}

static int expand(struct regions *r, struct vec *pieces, struct text *why)
{
	for (uint32_t i = 0; i < r->boxes.len; i++) {
		const struct placed *p = &r->placed[i];
		const struct region_box *b = box_at(r, i);

		if (pieces->len + (size_t)p->side[0].count * p->side[1].count > PIECES_MAX) {
			text_printf(why, "the rules have more than %zu pairs of a source and a "
				    "destination prefix: they cannot be analysed", PIECES_MAX);
			return -E2BIG;
		}
		for (uint32_t s = 0; s < p->side[0].count; s++)
			for (uint32_t d = 0; d < p->side[1].count; d++) {
				struct piece_entry e = {
					p->side[0].node[s], p->side[1].node[d], b->list,
					{ b->number, b->lane, p->service, i },
				};

				if (same_family(r, e.source, e.destination))
					vec_append(pieces, &e);
			}
	}
	return 0;
}

/*
 * Runs and entries of the sorted pieces. Behind an entry, one of the same list and lane, at the same
 * pair and with the same service, takes nothing away any more and is met by no packet.
 */
static void make_runs(struct regions *r, const struct vec *pieces)
{
	struct run *run = NULL;

	r->run = xcalloc(pieces->len + 1, sizeof(*r->run));
	r->entry = xcalloc(pieces->len + 1, sizeof(*r->entry));
	for (size_t i = 0; i < pieces->len; i++) {
		const struct piece_entry *p = vec_at(pieces, i), *before = p - 1;
		struct node *source = &r->side[0].node[p->source];

		if (!i || before->source != p->source || before->list != p->list ||
		    before->destination != p->destination) {
			run = &r->run[r->runs];
			*run = (struct run){ p->destination, p->list, r->entries, 0 };
			if (!source->runs++)
				source->run = r->runs;
			r->runs++;
			r->turn++;
		}
		if (!p->entry.lane && r->seen[p->entry.service] == r->turn)
			continue;
		if (!p->entry.lane)
			r->seen[p->entry.service] = r->turn;
		r->entry[r->entries++] = p->entry;
		run->entries++;
	}
	for (uint32_t i = 0; i < r->side[0].nodes; i++) {
		struct node *n = &r->side[0].node[i];

		if (n->parent != NONE)
			n->up = r->side[0].node[n->parent].runs ? n->parent :
				r->side[0].node[n->parent].up;
	}
}

int regions_close(struct regions *r, struct text *why)
{
	struct vec pieces = VEC(struct piece_entry);
	struct forest forest[2];
	uint32_t *place[2];
	int err;

	r->placed = xcalloc(r->boxes.len + 1, sizeof(*r->placed));
	for (unsigned int side = 0; side < 2; side++)
		order_side(r, side, &forest[side], &place[side]);
	for (size_t i = 0; i < r->boxes.len; i++) {
		const struct rule *box = box_at(r, i)->box;

		for (unsigned int side = 0; side < 2; side++)
			r->placed[i].side[side] = place_side(r, side, &forest[side], place[side], box);
		r->placed[i].service = services_add(&r->services, box);
	}
	for (unsigned int side = 0; side < 2; side++) {
		forest_free(&forest[side]);
		free(place[side]);
	}
	err = classify(r, why);
	if (!err)
		err = expand(r, &pieces, why);
	if (!err) {
		if (pieces.len)
			qsort(pieces.data, pieces.len, sizeof(struct piece_entry), piece_cmp);
		r->seen = xcalloc(r->services.list.len, sizeof(*r->seen));
		r->left = xcalloc(r->width, sizeof(*r->left));
		r->mark = xcalloc(r->boxes.len + 1, sizeof(*r->mark));
		make_runs(r, &pieces);
	}
	vec_free(&pieces);
	return err;
}

/* The first of @source's runs of @list whose destination is @destination or behind it. */
static uint32_t first_run(const struct regions *r, const struct node *source, unsigned int list,
			  uint32_t destination)
{
	uint32_t low = source->run, high = source->run + source->runs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct run *run = &r->run[middle];

		if (run->list < list || (run->list == list && run->destination < destination))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- one step ---------------------------------------------------------------------- */

static bool counts(const struct regions *r, unsigned int list, uint32_t number)
{
	for (size_t i = 0; i < r->only->len; i++) {
		const struct region_rule *rule = vec_at(r->only, i);

		if (rule->list == list && rule->number == number)
			return true;
	}
	return false;
}

/* A rule that has the addresses; each service is noted once. */
static void gather_run(struct regions *r, const struct run *run, const struct region_before *b)
{
	for (uint32_t i = run->entry; i < run->entry + run->entries; i++) {
		const struct entry *e = &r->entry[i];
		struct gathered g = { e->service, { run->list, e->number } };

		if (e->number >= b->number)
			return;
		if (r->seen[e->service] == r->turn ||
		    (e->lane && (e->lane != b->lane || e->number < b->from)))
			continue;
		if (r->only && !counts(r, run->list, e->number))
			continue;
		r->seen[e->service] = r->turn;
		vec_append(&r->gathered, &g);
	}
}

/* The rules of @b that have all addresses of (@source, @destination). */
static void gather_before(struct regions *r, const struct region_before *b, uint32_t source,
			  const uint32_t *chain, unsigned int depth)
{
	const struct side *d = &r->side[1];

	for (uint32_t s = source; s != NONE; s = r->side[0].node[s].up) {
		const struct node *n = &r->side[0].node[s];
		uint32_t end = n->run + n->runs, i;

		if (!n->runs)
			continue;
		if (n->runs <= depth) {
			for (i = n->run; i < end; i++)
				if (r->run[i].list == b->list &&
				    is_over(d, r->run[i].destination, chain[0]))
					gather_run(r, &r->run[i], b);
			continue;
		}
		for (unsigned int k = 0; k < depth; k++) {
			i = first_run(r, n, b->list, chain[k]);
			if (i < end && r->run[i].list == b->list && r->run[i].destination == chain[k])
				gather_run(r, &r->run[i], b);
		}
	}
}

static void gather(struct regions *r, uint32_t source, uint32_t destination)
{
	uint32_t chain[DEPTH_MAX];
	unsigned int depth = 0;

	for (uint32_t d = destination; d != NONE; d = r->side[1].node[d].parent)
		chain[depth++] = d;
	r->gathered.len = 0;
	r->turn++;
	for (unsigned int i = 0; i < r->query->befores; i++)
		gather_before(r, &r->query->before[i], source, chain, depth);
}

static void note_met(struct regions *r, const struct gathered *g)
{
	if (r->met)
		vec_append(r->met, &g->rule);
}

static bool is_empty(const uint64_t *set, uint32_t words)
{
	for (uint32_t w = 0; w < words; w++)
		if (set[w])
			return false;
	return true;
}

static void note_class(struct regions *r, const uint64_t *left)
{
	for (unsigned int g = 0; g < r->groups; g++)
		for (uint32_t w = 0; w < r->words[g]; w++)
			if (left[r->at[g] + w]) {
				r->class[g] = 64 * w + __builtin_ctzll(left[r->at[g] + w]);
				break;
			}
}

/* One group: and-not, until nothing is left. Return: whether something is. */
static bool take_away(struct regions *r, uint64_t *left)
{
	uint32_t first = 0, last = r->width;

	while (first < last && !left[first])
		first++;
	while (last > first && !left[last - 1])
		last--;
	for (size_t i = 0; i < r->gathered.len && first < last; i++) {
		const struct gathered *g = vec_at(&r->gathered, i);
		const uint64_t *c = column_of(r, g->service);
		uint64_t taken = 0;

		for (uint32_t w = first; w < last; w++) {
			taken |= left[w] & c[w];
			left[w] &= ~c[w];
		}
		if (!taken)
			continue;
		note_met(r, g);
		while (first < last && !left[first])
			first++;
		while (last > first && !left[last - 1])
			last--;
	}
	return first < last;
}

/*
 * Several groups: @left is a product, and what a service leaves of it is one product for each
 * group: those before it within the service, it itself without.
 * Return: 1, 0, -ETIME.
 */
static int take_products(struct regions *r, const uint64_t *left, size_t from)
{
	uint64_t *rest;
	int found = 0;

	for (size_t i = from; i < r->gathered.len; i++) {
		const struct gathered *g = vec_at(&r->gathered, i);
		const uint64_t *c = column_of(r, g->service);
		bool meets = true;

		if (!step(r))
			return -ETIME;
		for (unsigned int k = 0; k < r->groups && meets; k++) {
			meets = false;
			for (uint32_t w = r->at[k]; w < r->at[k] + r->words[k] && !meets; w++)
				meets = left[w] & c[w];
		}
		if (!meets)
			continue;
		note_met(r, g);
		rest = xcalloc(r->width, sizeof(*rest));
		memcpy(rest, left, r->width * sizeof(*rest));
		for (unsigned int k = 0; k < r->groups && !found; k++) {
			uint64_t *of = rest + r->at[k];

			for (uint32_t w = 0; w < r->words[k]; w++)
				of[w] = left[r->at[k] + w] & ~c[r->at[k] + w];
			if (!is_empty(of, r->words[k]))
				found = take_products(r, rest, i + 1);
			for (uint32_t w = 0; w < r->words[k]; w++)
				of[w] = left[r->at[k] + w] & c[r->at[k] + w];
		}
		free(rest);
		return found;
	}
	note_class(r, left);
	return 1;
}

/* The services of the boxes, and @possible, as one product. Return: whether there is any. */
static bool begin(struct regions *r, const uint64_t *possible)
{
	memcpy(r->left, possible, r->width * sizeof(*r->left));
	for (unsigned int i = 0; i < r->query->boxes; i++) {
		const uint64_t *c = column_of(r, r->placed[r->query->box[i]].service);

		for (uint32_t w = 0; w < r->width; w++)
			r->left[w] &= c[w];
	}
	for (unsigned int g = 0; g < r->groups; g++)
		if (is_empty(r->left + r->at[g], r->words[g]))
			return false;
	return true;
}

/* Whether the rules that have all addresses of a pair leave a service. Return: 1, 0, -ETIME. */
static int leaves(struct regions *r, uint32_t source, uint32_t destination)
{
	unsigned int family = family_number(r->side[0].node[source].prefix.addr.family);
	const struct vec *possible = &r->families[family];
	int found = 0;

	if (!step(r))
		return -ETIME;
	if (r->groups == 1) {
		if (!begin(r, r->family[family]))
			return 0;
		gather(r, source, destination);
		if (!take_away(r, r->left))
			return 0;
		note_class(r, r->left);
		return 1;
	}
	gather(r, source, destination);
	for (size_t i = 0; i < possible->len && !found; i++)
		if (begin(r, column_of(r, *(uint32_t *)vec_at(possible, i))))
			found = take_products(r, r->left, 0);
	return found;
}

/* One pair of prefixes, and where these have no address of their own, what is below. */
static int decide(struct regions *r, uint32_t source, uint32_t destination)
{
	const uint32_t at[2] = { source, destination };
	int found = leaves(r, source, destination);

	if (found != 1)
		return found;
	for (unsigned int side = 0; side < 2; side++) {
		struct side *s = &r->side[side];
		uint32_t n = at[side];

		if (has_own(s, n))
			continue;
		found = 0;
		for (uint32_t kid = n + 1; kid < n + s->node[n].size && !found;
		     kid += s->node[kid].size)
			found = side ? decide(r, source, kid) : decide(r, kid, destination);
		return found;
	}
	r->found[0] = source;
	r->found[1] = destination;
	return 1;
}

/* ---- witnesses --------------------------------------------------------------------- */

/* The least value of @field that has class @class. */
static uint16_t value_of(const struct service_step *s, uint32_t class)
{
	uint32_t values = rules_field_values(s->field);

	for (uint32_t v = 0; v < values; v++)
		if (s->classes[v] == class)
			return v;
	return 0;
}

/* Values of the tested fields: the combinations of a group undone, the last one first. */
static uint32_t undo_classes(const struct regions *r, struct rule_packet *p)
{
	const struct services *s = &r->services;
	uint32_t tested = 0;

	for (unsigned int g = 0; g < r->groups; g++) {
		uint32_t class = r->class[g];

		for (unsigned int i = s->steps; i-- > 0;) {
			const struct service_step *st = &s->step[i];
			uint32_t own = class;

			if (st->group != g)
				continue;
			if (st->combined) {
				for (size_t at = 0; at < st->combined_len; at++) {
					if (st->combined[at] != class)
						continue;
					class = at / st->width;
					own = at % st->width;
					break;
				}
			}
			p->field[st->field] = value_of(st, own);
			tested |= 1u << st->field;
		}
	}
	return tested;
}

static uint16_t least_of(const struct rule *rule, unsigned int field)
{
	uint32_t least = rules_field_values(field);
	bool any = true;

	for (uint32_t i = 0; i < rule->tests; i++) {
		if (rule->test[i].field != field)
			continue;
		any = false;
		if (rule->test[i].a < least)
			least = rule->test[i].a;
	}
	return any ? 0 : least;
}

/* Fields that no rule tests, as a packet that can be has them. */
static void fill_untested(const struct regions *r, uint32_t tested, struct rule_packet *p)
{
	for (size_t i = 0; i < r->possible.len; i++) {
		const struct rule *rule = *(struct rule **)vec_at(&r->possible, i);
		struct rule_packet filled = *p;

		for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
			if (!(tested >> f & 1))
				filled.field[f] = least_of(rule, f);
		if (rule_matches(rule, &filled)) {
			*p = filled;
			return;
		}
	}
}

static void make_witness(struct regions *r, struct rule_packet *p)
{
	*p = (struct rule_packet){ 0 };
	for (unsigned int side = 0; side < 2; side++)
		p->addr[side] = r->side[side].node[r->found[side]].free;
	fill_untested(r, undo_classes(r, p), p);
}

/* ---- questions --------------------------------------------------------------------- */

static struct nodes copy_nodes(const struct nodes *nodes)
{
	struct nodes copy = { nodes->count, xcalloc(nodes->count + 1, sizeof(uint32_t)) };

	if (nodes->count)
		memcpy(copy.node, nodes->node, nodes->count * sizeof(uint32_t));
	return copy;
}

/* The nodes of one side that all boxes of the question have. */
static struct nodes query_nodes(const struct regions *r, enum rule_side side)
{
	const struct region_query *q = r->query;
	struct nodes nodes = copy_nodes(&r->placed[q->box[0]].side[side]);

	for (unsigned int i = 1; i < q->boxes; i++) {
		struct nodes both = nodes_meet(&r->side[side], &nodes,
					       &r->placed[q->box[i]].side[side]);

		free(nodes.node);
		nodes = both;
	}
	return nodes;
}

static int decide_all(struct regions *r, const struct nodes nodes[2])
{
	int found = 0;

	for (uint32_t s = 0; s < nodes[0].count && !found; s++)
		for (uint32_t d = 0; d < nodes[1].count && !found; d++)
			if (same_family(r, nodes[0].node[s], nodes[1].node[d]))
				found = decide(r, nodes[0].node[s], nodes[1].node[d]);
	return found;
}

static int rule_cmp(const void *a, const void *b)
{
	const struct region_rule *x = a, *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Each rule once, and none that the others make up for. */
static void reduce_covers(struct regions *r, const struct nodes nodes[2], struct vec *covers)
{
	struct region_rule *rule = covers->data;
	size_t n = 0;

	if (covers->len)
		qsort(rule, covers->len, sizeof(*rule), rule_cmp);
	for (size_t i = 0; i < covers->len; i++)
		if (!n || rule_cmp(&rule[n - 1], &rule[i]))
			rule[n++] = rule[i];
	covers->len = n;
	if (n > COVERS_TRIED)
		return;
	r->only = covers;
	/* The later rules go first: the first ones are what a reader meets first. */
	for (size_t i = n; i-- > 0;) {
		struct region_rule without = rule[i];

		memmove(&rule[i], &rule[i + 1], (covers->len - i - 1) * sizeof(*rule));
		covers->len--;
		if (!decide_all(r, nodes))
			continue;
		memmove(&rule[i + 1], &rule[i], (covers->len - i) * sizeof(*rule));
		rule[i] = without;
		covers->len++;
	}
	r->only = NULL;
}

int regions_find(struct regions *r, const struct region_query *query, struct rule_packet *witness,
		 struct vec *covers)
{
	struct vec met = VEC(struct region_rule);
	struct nodes nodes[2];
	int found;

	r->questions++;
	r->query = query;
	r->met = covers ? &met : NULL;
	nodes[0] = query_nodes(r, RULE_SOURCE);
	nodes[1] = query_nodes(r, RULE_DESTINATION);
	found = decide_all(r, nodes);
	r->met = NULL;
	if (found == 1 && witness)
		make_witness(r, witness);
	if (!found && covers) {
		reduce_covers(r, nodes, &met);
		for (size_t i = 0; i < met.len; i++)
			vec_append(covers, vec_at(&met, i));
	}
	vec_free(&met);
	free(nodes[0].node);
	free(nodes[1].node);
	return found;
}

/* ---- boxes that meet --------------------------------------------------------------- */

/* Whether two services have a class in common in every group. */
static bool services_meet(const struct regions *r, uint32_t a, uint32_t b)
{
	const uint64_t *x = column_of(r, a), *y = column_of(r, b);

	if (a == b || !a || !b)
		return true;
	for (unsigned int g = 0; g < r->groups; g++) {
		bool meets = false;

		for (uint32_t w = r->at[g]; w < r->at[g] + r->words[g] && !meets; w++)
			meets = x[w] & y[w];
		if (!meets)
			return false;
	}
	return true;
}

static void take_run(struct regions *r, const struct run *run, uint32_t service, struct vec *out)
{
	for (uint32_t i = run->entry; i < run->entry + run->entries; i++) {
		const struct entry *e = &r->entry[i];

		if (r->mark[e->box] == r->mark_turn || !services_meet(r, service, e->service))
			continue;
		r->mark[e->box] = r->mark_turn;
		vec_append(out, &e->box);
	}
}

/* What @source has of @list whose destination is at, over or below @destination. */
static void take_source(struct regions *r, uint32_t source, unsigned int list,
			uint32_t destination, uint32_t service, struct vec *out)
{
	const struct node *n = &r->side[0].node[source], *to = r->side[1].node;
	uint32_t end = n->run + n->runs, i;

	if (!n->runs)
		return;
	for (i = first_run(r, n, list, destination);
	     i < end && r->run[i].list == list &&
	     r->run[i].destination < destination + to[destination].size; i++)
		take_run(r, &r->run[i], service, out);
	for (uint32_t d = to[destination].parent; d != NONE; d = to[d].parent) {
		i = first_run(r, n, list, d);
		if (i < end && r->run[i].list == list && r->run[i].destination == d)
			take_run(r, &r->run[i], service, out);
	}
}

void regions_meeting(struct regions *r, uint32_t box, unsigned int list, struct vec *out)
{
	const struct placed *p = &r->placed[box];
	const struct node *node = r->side[0].node;

	out->len = 0;
	r->mark_turn++;
	for (uint32_t i = 0; i < p->side[0].count; i++) {
		uint32_t s = p->side[0].node[i];

		for (uint32_t k = 0; k < p->side[1].count; k++) {
			uint32_t d = p->side[1].node[k];

			if (!same_family(r, s, d))
				continue;
			for (uint32_t at = s; at < s + node[s].size; at++)
				take_source(r, at, list, d, p->service, out);
			for (uint32_t at = node[s].up; at != NONE; at = node[at].up)
				take_source(r, at, list, d, p->service, out);
		}
	}
	if (out->len)
		qsort(out->data, out->len, sizeof(uint32_t), number_cmp);
}

void regions_stats(const struct regions *r, struct regions_stats *stats)
{
	*stats = (struct regions_stats){
		.nodes = { r->side[0].nodes, r->side[1].nodes },
		.services = r->services.list.len,
		.groups = r->groups,
		.pieces = r->entries,
		.questions = r->questions,
		.steps = r->steps,
		.bytes = (r->side[0].nodes + r->side[1].nodes) * sizeof(struct node) +
			 r->services.list.len * r->width * sizeof(uint64_t) +
			 services_memory(&r->services) + r->runs * sizeof(*r->run) +
			 r->entries * sizeof(*r->entry) + r->boxes.len * sizeof(struct placed),
	};
	for (unsigned int g = 0; g < r->groups; g++)
		stats->classes[g] = r->services.group[g].classes;
}

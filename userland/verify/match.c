// SPDX-License-Identifier: GPL-2.0
/*
 * match.c: rules are found by the pair of prefixes that they need.
 *
 * A predicate says of many rules: it cannot hold unless the source lies in one of these prefixes,
 * and the destination in one of those (needs()). The rule is entered under each pair of the
 * two; where there are too many pairs, or nothing is known of a side, under "any address". A packet meets
 * a rule only if some prefix over its source and some prefix over its destination are such a
 * pair. These prefixes are few, and form a chain: the longest match and its parents. All rules
 * under all pairs of the two chains are asked, those with the least numbers first, until one
 * holds that ends the search.
 *
 * Before a rule is asked, three numbers are looked at: protocol and ports, of which its predicate
 * needs ranges as well (limits).
 *
 * This is right whatever needs() leaves out, so long as what it says is necessary: for "and"
 * either side's need is, for "or" both together are, for "not" and everything else nothing is
 * known. That a rule is entered too often costs a question and changes no answer.
 *
 * Whether a rule holds, predicate_holds() says, from the tree and the packet's fields.
 */
#include "verify/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "bpf/rules.h"

#define PAIRS_MAX	1024	/* of one rule; beyond, the shorter of its two lists is taken alone */
#define LIST_MAX	65536	/* prefixes of one rule on one side; beyond, any address */
#define ENTRIES_MAX	(1u << 22)	/* of all rules; beyond, one list each; beyond twice that, any address */
#define NODE_ANY	0u

/* A prefix that rules are entered under; number 0 stands for any address. */
struct node {
	struct prefix prefix;
	uint32_t parent;
};

/* What a rule needs of protocol, source port and destination port; all alike have 0 if they lack it. */
#define LIMITS	3
struct limits {
	uint16_t first[LIMITS], last[LIMITS];
};

/* A rule under a pair of prefixes. */
struct entry {
	uint32_t rule;
	struct limits limits;
};

struct pair {
	uint32_t filter, acts;		/* acts: goes on; such rules are asked for by themselves */
	uint32_t node[2];
};

/* Where the entries of a pair are. */
struct span {
	uint32_t first, count;
};

struct matcher {
	const struct policy *p;
	struct vec nodes[2];		/* of struct node, sorted by prefix_cmp() behind the first */
	struct entry *entries;		/* those of a pair one behind the other, by rule */
	struct table pairs;		/* struct pair -> uint32_t: which span */
	struct vec spans;		/* of struct span */
	uint64_t *filled;		/* bit by pair_hash(): there may be such a pair; of most there is none */
	unsigned int filled_bits;	/* log2 of how many */
	uint32_t *filter_of;		/* by index of port: number of its filter + 1; 0: none */
	bool acts;			/* there are rules that act and go on */
};

/* ---- predicates -------------------------------------------------------------- */

static bool in_ranges(const struct vec *ranges, uint64_t value)
{
	const struct range *r = ranges->data;
	size_t low = 0, high = ranges->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r[middle].last < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->len && r[low].first <= value;
}

/* Every length that the address may have a prefix of, by search in the sorted list. */
static bool in_prefixes(const struct vec *prefixes, const struct addr *a)
{
	const struct prefix *list = prefixes->data;

	if (prefixes->len <= 16) {
		for (size_t i = 0; i < prefixes->len; i++)
			if (prefix_covers(&list[i], a))
				return true;
		return false;
	}
	for (unsigned int len = 0; len <= addr_bits(a->family); len++) {
		struct prefix p = prefix_canonical((struct prefix){ .addr = *a, .len = len });

		if (bsearch(&p, list, prefixes->len, sizeof(*list),
			    (int (*)(const void *, const void *))prefix_cmp))
			return true;
	}
	return false;
}

static bool test_holds(const struct policy_predicate *t, const struct frame_fields *f)
{
	if (!frame_has(f, t->field))
		return false;
	if (t->field == FIELD_IP_SRC)
		return in_prefixes(&t->prefixes, &f->src) != t->unequal;
	if (t->field == FIELD_IP_DST)
		return in_prefixes(&t->prefixes, &f->dst) != t->unequal;
	return in_ranges(&t->ranges, f->value[t->field]);
}

bool predicate_holds(const struct policy_predicate *p, const struct frame_fields *f, uint32_t sets)
{
	if (!p)
		return true;
	switch (p->kind) {
	case PREDICATE_AND:
		return predicate_holds(p->left, f, sets) && predicate_holds(p->right, f, sets);
	case PREDICATE_OR:
		return predicate_holds(p->left, f, sets) || predicate_holds(p->right, f, sets);
	case PREDICATE_NOT:
		return !predicate_holds(p->left, f, sets);
	case PREDICATE_NAME:
		return predicate_holds(p->left, f, sets);
	case PREDICATE_TEST:
		return test_holds(p, f);
	case PREDICATE_SET:
		return frame_has(f, p->field) && sets >> p->set_test & 1;
	case PREDICATE_NONE:
		break;
	}
	return false;
}

/* ---- what a predicate needs ----------------------------------------------------- */

/* Prefixes one of which must have the address. */
struct need {
	const struct vec *list;		/* of struct prefix; NULL: nothing is known */
	bool own;			/* the list is ours */
};

static void need_free(struct need *n)
{
	if (n->own) {
		vec_free((struct vec *)n->list);
		free((struct vec *)n->list);
	}
	*n = (struct need){ NULL, false };
}

static struct need needs(const struct policy_predicate *p, enum policy_field field);

static struct need need_both(const struct policy_predicate *p, enum policy_field field)
{
	struct need left = needs(p->left, field), right = needs(p->right, field);

	if (!left.list || (right.list && right.list->len < left.list->len)) {
		need_free(&left);
		return right;
	}
	need_free(&right);
	return left;
}

static struct need need_either(const struct policy_predicate *p, enum policy_field field)
{
	struct need left = needs(p->left, field), right = needs(p->right, field), both = { NULL, false };

	if (left.list && right.list && left.list->len + right.list->len <= LIST_MAX) {
		struct vec *list = xcalloc(1, sizeof(*list));

		*list = VEC(struct prefix);
		for (size_t i = 0; i < left.list->len; i++)
			vec_append(list, vec_at(left.list, i));
		for (size_t i = 0; i < right.list->len; i++)
			vec_append(list, vec_at(right.list, i));
		both = (struct need){ list, true };
	}
	need_free(&left);
	need_free(&right);
	return both;
}

static struct need needs(const struct policy_predicate *p, enum policy_field field)
{
	struct need nothing = { NULL, false };

	if (!p)
		return nothing;
	switch (p->kind) {
	case PREDICATE_AND:
		return need_both(p, field);
	case PREDICATE_OR:
		return need_either(p, field);
	case PREDICATE_NAME:
		return needs(p->left, field);
	case PREDICATE_TEST:
		if (p->field != field || p->unequal || p->prefixes.len > LIST_MAX)
			return nothing;
		return (struct need){ &p->prefixes, false };
	default:
		return nothing;
	}
}

void predicate_prefixes(const struct policy_predicate *predicate, unsigned int side, struct vec *out)
{
	struct need need = needs(predicate, side ? FIELD_IP_DST : FIELD_IP_SRC);

	for (size_t i = 0; need.list && i < need.list->len; i++)
		vec_append(out, vec_at(need.list, i));
	for (unsigned int six = 0; !need.list && six < 2; six++)
		((struct prefix *)vec_push(out))->addr.family = six ? ADDR_V6 : ADDR_V4;
	need_free(&need);
}

static bool overlap(const struct vec *list, const struct vec *within)
{
	for (size_t i = 0; i < list->len; i++)
		for (size_t j = 0; j < within->len; j++)
			if (prefix_contains(vec_at(list, i), vec_at(within, j)) ||
			    prefix_contains(vec_at(within, j), vec_at(list, i)))
				return true;
	return false;
}

bool predicate_meets(const struct policy_predicate *p, const struct vec *const within[2])
{
	if (!p)
		return true;
	switch (p->kind) {
	case PREDICATE_AND:
		return predicate_meets(p->left, within) && predicate_meets(p->right, within);
	case PREDICATE_OR:
		return predicate_meets(p->left, within) || predicate_meets(p->right, within);
	case PREDICATE_NAME:
		return predicate_meets(p->left, within);
	case PREDICATE_TEST:
		if (p->unequal || (p->field != FIELD_IP_SRC && p->field != FIELD_IP_DST))
			return true;
		return overlap(&p->prefixes, within[p->field == FIELD_IP_DST]);
	default:
		return true;
	}
}

static unsigned int limited_field(enum policy_field field)
{
	switch (field) {
	case FIELD_IP_PROTO:
		return 0;
	case FIELD_L4_SRC:
	case FIELD_TCP_SRC:
	case FIELD_UDP_SRC:
		return 1;
	case FIELD_L4_DST:
	case FIELD_TCP_DST:
	case FIELD_UDP_DST:
		return 2;
	default:
		return LIMITS;
	}
}

/* @l becomes what both need, or, with @either, what one of them does. */
static void join_limits(struct limits *l, const struct limits *other, bool either)
{
	for (unsigned int i = 0; i < LIMITS; i++) {
		if ((other->first[i] > l->first[i]) != either)
			l->first[i] = other->first[i];
		if ((other->last[i] < l->last[i]) != either)
			l->last[i] = other->last[i];
	}
}

static struct limits limits_of(const struct policy_predicate *p)
{
	struct limits l = { .last = { 0xffff, 0xffff, 0xffff } }, right;
	const struct range *r;
	unsigned int at;

	if (!p)
		return l;
	switch (p->kind) {
	case PREDICATE_AND:
	case PREDICATE_OR:
		l = limits_of(p->left);
		right = limits_of(p->right);
		join_limits(&l, &right, p->kind == PREDICATE_OR);
		return l;
	case PREDICATE_NAME:
		return limits_of(p->left);
	case PREDICATE_TEST:
		at = limited_field(p->field);
		if (at == LIMITS || !p->ranges.len)
			return l;
		r = p->ranges.data;
		l.first[at] = r[0].first;
		l.last[at] = r[p->ranges.len - 1].last;
		return l;
	default:
		return l;
	}
}

static bool within(const struct limits *l, const struct frame_fields *f)
{
	const uint64_t protocol = f->value[FIELD_IP_PROTO], source = f->value[FIELD_L4_SRC];
	const uint64_t destination = f->value[FIELD_L4_DST];

	return protocol - l->first[0] <= (uint64_t)l->last[0] - l->first[0] &&
	       source - l->first[1] <= (uint64_t)l->last[1] - l->first[1] &&
	       destination - l->first[2] <= (uint64_t)l->last[2] - l->first[2];
}

/* ---- the index -------------------------------------------------------------------- */

/* What a rule is entered under. */
struct wanted {
	struct need need[2];
};

/* The index in the making. */
struct making {
	struct matcher *m;
	const struct vec *rules;	/* of struct policy_rule *, by number */
	struct wanted *wanted;		/* of each */
	struct table numbers[2];	/* struct prefix -> uint32_t: number, in the order they came in */
	uint32_t *place[2];		/* by number: place in nodes */
	uint64_t entries;		/* so far */
};

static size_t ways(const struct need *n)
{
	return n->list ? n->list->len : 1;
}

/* How many entries it takes; what is too much is left out. */
static void choose(struct making *k, struct wanted *w)
{
	size_t sources = ways(&w->need[0]), destinations = ways(&w->need[1]);
	uint64_t left = k->entries < ENTRIES_MAX ? PAIRS_MAX : 0;

	if (w->need[0].list && w->need[1].list && sources * destinations > left)
		need_free(&w->need[destinations > sources]);
	for (unsigned int side = 0; side < 2; side++)
		if (w->need[side].list && k->entries + ways(&w->need[side]) > 2 * ENTRIES_MAX)
			need_free(&w->need[side]);
	k->entries += ways(&w->need[0]) * ways(&w->need[1]);
}

static void find_wanted(struct making *k, const struct policy_rule *rule, struct wanted *w)
{
	for (unsigned int side = 0; side < 2; side++)
		w->need[side] = needs(rule->predicate, side ? FIELD_IP_DST : FIELD_IP_SRC);
	choose(k, w);
	for (unsigned int side = 0; side < 2; side++) {
		for (size_t i = 0; w->need[side].list && i < w->need[side].list->len; i++) {
			const struct prefix *p = vec_at(w->need[side].list, i);
			bool fresh;
			uint32_t *number = table_put(&k->numbers[side], p, &fresh);

			if (!fresh)
				continue;
			*number = k->m->nodes[side].len;
			/* Its parent is found when all are there; until then, its number stands there. */
			*(struct node *)vec_push(&k->m->nodes[side]) = (struct node){ *p, *number };
		}
	}
}

static int compare_nodes(const void *a, const void *b)
{
	return prefix_cmp(&((const struct node *)a)->prefix, &((const struct node *)b)->prefix);
}

/* Sorts the prefixes, and gives each the one right over it. */
static void make_tree(struct making *k, unsigned int side)
{
	struct vec *nodes = &k->m->nodes[side];
	struct node *node = nodes->data;

	k->place[side] = xcalloc(nodes->len, sizeof(*k->place[side]));
	qsort(node + 1, nodes->len - 1, sizeof(*node), compare_nodes);
	for (size_t i = 1; i < nodes->len; i++) {
		uint32_t over = i - 1;

		k->place[side][node[i].parent] = i;
		while (over != NODE_ANY && !prefix_contains(&node[over].prefix, &node[i].prefix))
			over = node[over].parent;
		node[i].parent = over;
	}
}

static uint32_t node_of(const struct making *k, const struct wanted *w, unsigned int side, size_t i)
{
	if (!w->need[side].list)
		return NODE_ANY;
	return k->place[side][*(uint32_t *)table_get(&k->numbers[side], vec_at(w->need[side].list, i))];
}

/* Counts the entries of the pairs of a rule: which they are is appended to @pairs, of uint32_t. */
static void count_rule(struct making *k, const struct policy_rule *rule, const struct wanted *w,
		       uint32_t filter, struct vec *pairs)
{
	struct matcher *m = k->m;
	size_t sources = ways(&w->need[0]), destinations = ways(&w->need[1]);

	m->acts |= !rule->ends;
	for (size_t i = 0; i < sources; i++) {
		for (size_t j = 0; j < destinations; j++) {
			const struct pair pair = { filter, !rule->ends,
						   { node_of(k, w, 0, i), node_of(k, w, 1, j) } };
			bool fresh;
			uint32_t *at = table_put(&m->pairs, &pair, &fresh);

			if (fresh) {
				*at = m->spans.len;
				vec_push(&m->spans);
			}
			((struct span *)vec_at(&m->spans, *at))->count++;
			vec_append(pairs, at);
		}
	}
}

/* Each entry to its pair: rules come by number, and so they stand there. */
static void enter_rules(struct making *k, const struct vec *pairs)
{
	struct matcher *m = k->m;
	uint32_t first = 0;
	size_t at = 0;

	for (size_t i = 0; i < m->spans.len; i++) {
		struct span *span = vec_at(&m->spans, i);

		span->first = first;
		first += span->count;
		span->count = 0;
	}
	m->entries = xcalloc(first + 1, sizeof(*m->entries));
	for (size_t i = 0; i < k->rules->len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(k->rules, i);
		const struct wanted *w = &k->wanted[i];
		const struct entry entry = { rule->number, limits_of(rule->predicate) };

		for (size_t n = ways(&w->need[0]) * ways(&w->need[1]); n; n--) {
			struct span *span = vec_at(&m->spans, *(uint32_t *)vec_at(pairs, at++));

			m->entries[span->first + span->count++] = entry;
		}
	}
}

/* The number that each port's filter has. */
static void number_filters(struct matcher *m)
{
	m->filter_of = xcalloc(m->p->ports.len + 1, sizeof(*m->filter_of));
	for (size_t i = 0; i < m->p->filters.len; i++) {
		const struct policy_filter *filter = *(struct policy_filter **)vec_at(&m->p->filters, i);

		for (size_t j = 0; j < filter->ports.len; j++) {
			const struct policy_port_ref *ref = vec_at(&filter->ports, j);

			for (size_t k = 0; k < m->p->ports.len; k++)
				if (*(struct policy_port **)vec_at(&m->p->ports, k) == ref->port)
					m->filter_of[k] = i + 1;
		}
	}
}

static uint32_t filter_number(const struct policy *p, const struct policy_filter *filter)
{
	for (size_t i = 0; i < p->filters.len; i++)
		if (*(struct policy_filter **)vec_at(&p->filters, i) == filter)
			return i + 1;
	return 0;
}

static uint64_t pair_hash(const struct matcher *m, const struct pair *pair)
{
	uint64_t x = (uint64_t)pair->node[0] << 32 | pair->node[1];

	x = (x ^ x >> 29) * RULES_HASH + 2 * pair->filter + pair->acts;
	return x * RULES_HASH >> (64 - m->filled_bits);
}

static const struct span *find_span(const struct matcher *m, const struct pair *pair)
{
	uint64_t bit = pair_hash(m, pair);
	const uint32_t *at;

	if (!(m->filled[bit / 64] >> (bit & 63) & 1))
		return NULL;
	at = table_get(&m->pairs, pair);
	return at ? vec_at(&m->spans, *at) : NULL;
}

static void fill_bits(struct matcher *m)
{
	const struct pair *pair;
	size_t at = 0;
	void *value;

	m->filled_bits = 6;
	while (1ull << m->filled_bits < 16 * m->pairs.len)
		m->filled_bits++;
	m->filled = xcalloc(1ull << m->filled_bits >> 6, sizeof(*m->filled));
	while (table_next(&m->pairs, &at, (const void **)&pair, &value)) {
		uint64_t bit = pair_hash(m, pair);

		m->filled[bit / 64] |= 1ull << (bit & 63);
	}
}

static void index_rules(struct making *k)
{
	const struct policy *p = k->m->p;
	const struct policy_filter *filter = NULL;
	struct vec pairs = VEC(uint32_t);
	uint32_t number = 0;

	for (size_t i = 0; i < k->rules->len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(k->rules, i);

		if (rule->filter != filter)
			number = filter_number(p, rule->filter);
		filter = rule->filter;
		count_rule(k, rule, &k->wanted[i], number, &pairs);
	}
	enter_rules(k, &pairs);
	fill_bits(k->m);
	vec_free(&pairs);
}

struct matcher *matcher_new(const struct policy *p, const struct vec *rules)
{
	struct making k = {
		.m = xcalloc(1, sizeof(*k.m)),
		.rules = rules,
		.wanted = xcalloc(rules->len + 1, sizeof(*k.wanted)),
		.numbers = { TABLE(struct prefix, uint32_t), TABLE(struct prefix, uint32_t) },
	};
	struct matcher *m = k.m;

	m->p = p;
	m->pairs = TABLE(struct pair, uint32_t);
	m->spans = VEC(struct span);
	number_filters(m);
	for (unsigned int side = 0; side < 2; side++) {
		m->nodes[side] = VEC(struct node);
		vec_push(&m->nodes[side]);
	}
	for (size_t i = 0; i < rules->len; i++)
		find_wanted(&k, *(struct policy_rule **)vec_at(rules, i), &k.wanted[i]);
	make_tree(&k, 0);
	make_tree(&k, 1);
	index_rules(&k);
	for (unsigned int side = 0; side < 2; side++) {
		for (size_t i = 0; i < rules->len; i++)
			need_free(&k.wanted[i].need[side]);
		table_free(&k.numbers[side]);
		free(k.place[side]);
	}
	free(k.wanted);
	return m;
}

void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	vec_free(&m->nodes[0]);
	vec_free(&m->nodes[1]);
	vec_free(&m->spans);
	table_free(&m->pairs);
	free(m->entries);
	free(m->filled);
	free(m->filter_of);
	free(m);
}

/* ---- asking -------------------------------------------------------------------------- */

uint32_t matcher_place(const struct matcher *m, unsigned int side, const struct addr *a)
{
	const struct node *node = m->nodes[side].data;
	struct prefix host = { .addr = *a, .len = addr_bits(a->family) };
	size_t low = 1, high = m->nodes[side].len;
	uint32_t at;

	if (a->family == ADDR_NONE)
		return NODE_ANY;
	/* The last that does not lie behind the address: it, or one over it, is the longest match. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (prefix_cmp(&node[middle].prefix, &host) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (at = low - 1; at != NODE_ANY; at = node[at].parent)
		if (prefix_covers(&node[at].prefix, a))
			break;
	return at;
}

/* A question under way. */
struct asking {
	const struct matcher *m;
	const struct frame_fields *f;
	uint32_t sets;
	struct match *out;
};

static const struct policy_rule *rule_at(const struct asking *a, uint32_t number)
{
	return *(struct policy_rule **)vec_at(&a->m->p->rules, number);
}

static void ask_ends(struct asking *a, const struct span *span)
{
	const struct entry *e = &a->m->entries[span->first];

	for (uint32_t i = 0; i < span->count && e[i].rule < a->out->rule; i++)
		if (within(&e[i].limits, a->f) &&
		    predicate_holds(rule_at(a, e[i].rule)->predicate, a->f, a->sets))
			a->out->rule = e[i].rule;
}

/* Enters a rule in its place; one that is there already stays once. */
static void add_side(struct match *out, uint32_t rule)
{
	uint32_t at = out->sides;

	while (at && out->side[at - 1] > rule)
		at--;
	if (at && out->side[at - 1] == rule)
		return;
	if (out->sides == MATCH_SIDES_MAX)
		return;
	memmove(&out->side[at + 1], &out->side[at], (out->sides - at) * sizeof(out->side[0]));
	out->side[at] = rule;
	out->sides++;
}

static void ask_sides(struct asking *a, const struct span *span)
{
	const struct entry *e = &a->m->entries[span->first];

	for (uint32_t i = 0; i < span->count && e[i].rule < a->out->rule; i++)
		if (within(&e[i].limits, a->f) &&
		    predicate_holds(rule_at(a, e[i].rule)->predicate, a->f, a->sets))
			add_side(a->out, e[i].rule);
}

static void ask_pairs(struct asking *a, uint32_t filter, uint32_t acts, const uint32_t place[2],
		      void (*ask)(struct asking *a, const struct span *span))
{
	const struct node *sources = a->m->nodes[0].data, *destinations = a->m->nodes[1].data;

	for (uint32_t x = place[0];; x = sources[x].parent) {
		for (uint32_t y = place[1];; y = destinations[y].parent) {
			const struct pair pair = { filter, acts, { x, y } };
			const struct span *span = find_span(a->m, &pair);

			if (span)
				ask(a, span);
			if (y == NODE_ANY)
				break;
		}
		if (x == NODE_ANY)
			break;
	}
}

void matcher_match(const struct matcher *m, const struct frame_fields *f, uint32_t sets,
		   const uint32_t place[2], struct match *out)
{
	struct asking a = { m, f, sets, out };
	uint32_t filter = m->filter_of[f->value[FIELD_IN]];

	out->rule = RULES_NONE;
	out->sides = 0;
	if (!filter)
		return;
	ask_pairs(&a, filter, 0, place, ask_ends);
	if (m->acts)
		ask_pairs(&a, filter, 1, place, ask_sides);
}

/* ---- all packets between two addresses ------------------------------------------------- */

/* A rule that some packet between two addresses may meet. */
struct candidate {
	uint32_t filter, rule;
	struct limits limits;
};

/* What the addresses alone say of a predicate. */
enum known { KNOWN_NO, KNOWN_YES, KNOWN_OPEN };

static enum known known_of(const struct policy_predicate *p, const struct frame_fields *f, uint64_t *met);

/* "and", if @settles is KNOWN_NO: one side that is so settles it; "or", if KNOWN_YES. */
static enum known known_of_two(const struct policy_predicate *p, const struct frame_fields *f, uint64_t *met,
			       enum known settles)
{
	enum known left = known_of(p->left, f, met), right;

	if (left == settles)
		return settles;
	right = known_of(p->right, f, met);
	if (right == settles)
		return settles;
	return left == KNOWN_OPEN || right == KNOWN_OPEN ? KNOWN_OPEN : left;
}

/* @met: what each test of addresses on the way says is mixed into it: it tells what is left open. */
static enum known known_of(const struct policy_predicate *p, const struct frame_fields *f, uint64_t *met)
{
	enum known known;

	if (!p)
		return KNOWN_YES;
	switch (p->kind) {
	case PREDICATE_AND:
		return known_of_two(p, f, met, KNOWN_NO);
	case PREDICATE_OR:
		return known_of_two(p, f, met, KNOWN_YES);
	case PREDICATE_NOT:
		known = known_of(p->left, f, met);
		return known == KNOWN_OPEN ? KNOWN_OPEN : known == KNOWN_NO ? KNOWN_YES : KNOWN_NO;
	case PREDICATE_NAME:
		return known_of(p->left, f, met);
	case PREDICATE_TEST:
		if (p->field != FIELD_IP_SRC && p->field != FIELD_IP_DST)
			return KNOWN_OPEN;
		known = test_holds(p, f) ? KNOWN_YES : KNOWN_NO;
		*met = (*met + known + 1) * RULES_HASH;
		return known;
	default:
		return KNOWN_OPEN;
	}
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* The rules of a span that addresses do not exclude. Return: the sum of what is left of each. */
static uint64_t add_span(const struct matcher *m, const struct frame_fields *f, uint32_t filter,
			 const struct span *span, struct vec *among)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < span->count; i++) {
		const struct entry *e = &m->entries[span->first + i];
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&m->p->rules, e->rule);
		uint64_t met = 0;
		enum known known = known_of(rule->predicate, f, &met);

		if (known == KNOWN_NO)
			continue;
		*(struct candidate *)vec_push(among) = (struct candidate){ filter, e->rule, e->limits };
		sum += mix(mix(e->rule + 1) + (known == KNOWN_OPEN ? met : 1));
	}
	return sum;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

struct vec matcher_among_vec(void)
{
	return VEC(struct candidate);
}

uint64_t matcher_between(const struct matcher *m, const struct frame_fields *f, const uint32_t place[2],
			 struct vec *among)
{
	const struct node *sources = m->nodes[0].data, *destinations = m->nodes[1].data;
	uint64_t sum = 0;

	among->len = 0;
	for (uint32_t x = place[0];; x = sources[x].parent) {
		for (uint32_t y = place[1];; y = destinations[y].parent) {
			for (uint32_t i = 0; i < m->p->filters.len << m->acts; i++) {
				const struct pair pair = { (i >> m->acts) + 1, i & m->acts, { x, y } };
				const struct span *span = find_span(m, &pair);

				if (span)
					sum += add_span(m, f, pair.filter, span, among);
			}
			if (y == NODE_ANY)
				break;
		}
		if (x == NODE_ANY)
			break;
	}
	qsort(among->data, among->len, sizeof(struct candidate), compare_candidates);
	return sum;
}

void matcher_among(const struct matcher *m, const struct frame_fields *f, uint32_t sets,
		   const struct vec *among, struct match *out)
{
	uint32_t filter = m->filter_of[f->value[FIELD_IN]];

	out->rule = RULES_NONE;
	out->sides = 0;
	for (size_t i = 0; filter && i < among->len; i++) {
		const struct candidate *c = vec_at(among, i);
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&m->p->rules, c->rule);

		if (c->filter != filter || !within(&c->limits, f) || !predicate_holds(rule->predicate, f, sets))
			continue;
		if (rule->ends) {
			out->rule = c->rule;
			return;
		}
		add_side(out, c->rule);
	}
}

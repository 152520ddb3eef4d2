// SPDX-License-Identifier: GPL-2.0
/*
 * regions_step.c: one step of a question: what the rules that have all addresses of a pair of prefixes
 * leave of its services.
 */
#include "analyse/regions_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX	130

/* One step of a question. Return: whether there is time for it. */
static bool step(struct regions *r)
{
	return ++r->steps % 1024 ? !r->late : !regions_late(r);
}

/* ---- addresses --------------------------------------------------------------------- */

/* An address of @n that is in no longer prefix, if there is one: in a gap between them. */
static bool has_own(struct region_side *s, uint32_t n)
{
	struct region_node *node = &s->node[n];
	struct addr a = node->prefix.addr;
	bool more = true;

	if (node->own != OWN_UNKNOWN)
		return node->own == OWN_YES;
	for (uint32_t kid = n + 1; more && kid < n + node->size; kid += s->node[kid].size) {
		if (!addr_equal(&s->node[kid].prefix.addr, &a))
			break;
		more = prefix_behind(&s->node[kid].prefix, &a);
	}
	more = more && (a.family == ADDR_NONE || prefix_covers(&node->prefix, &a));
	node->own = more ? OWN_YES : OWN_NO;
	node->free = a;
	return more;
}

/* ---- services ---------------------------------------------------------------------- */

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
static void gather_run(struct regions *r, const struct region_run *run, const struct region_before *b)
{
	for (uint32_t i = run->entry; i < run->entry + run->entries; i++) {
		const struct region_entry *e = &r->entry[i];
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
	const struct region_side *d = &r->side[1];

	for (uint32_t s = source; s != NONE; s = r->side[0].node[s].up) {
		const struct region_node *n = &r->side[0].node[s];
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
			i = region_first_run(r, n, b->list, chain[k]);
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

int region_decide(struct regions *r, uint32_t source, uint32_t destination)
{
	const uint32_t at[2] = { source, destination };
	int found = leaves(r, source, destination);

	if (found != 1)
		return found;
	for (unsigned int side = 0; side < 2; side++) {
		struct region_side *s = &r->side[side];
		uint32_t n = at[side];

		if (has_own(s, n))
			continue;
		found = 0;
		for (uint32_t kid = n + 1; kid < n + s->node[n].size && !found;
		     kid += s->node[kid].size)
			found = side ? region_decide(r, source, kid) : region_decide(r, kid, destination);
		return found;
	}
	r->found[0] = source;
	r->found[1] = destination;
	return 1;
}

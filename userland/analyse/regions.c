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
 * regions_index.c makes the partition, regions_step.c takes the one step, regions_witness.c has
 * the packet, regions_meeting.c which boxes have packets in common; here is what is asked.
 *
 * Source: regions by longest match from cross-producting (Srinivasan et al. 1998); service classes
 * from recursive flow classification (Gupta, McKeown 1999); the questions from header space
 * analysis (Kazemian, Varghese, McKeown 2012) and VeriFlow (Khurshid et al. 2013).
 */
#include "analyse/regions.h"

#include <stdlib.h>
#include <string.h>

#include "analyse/regions_inside.h"
#include "base/clock.h"

#define COVERS_TRIED	64		/* more than that are not made fewer */

/* ---- time -------------------------------------------------------------------------- */

void regions_limit(struct regions *r, double seconds)
{
	r->deadline = seconds > 0 ? clock_seconds(CLOCK_MONOTONIC) + seconds : 0;
	r->late = false;
}

bool regions_late(struct regions *r)
{
	if (r->deadline && !r->late)
		r->late = clock_seconds(CLOCK_MONOTONIC) > r->deadline;
	return r->late;
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

/* ---- questions --------------------------------------------------------------------- */

static struct region_nodes copy_nodes(const struct region_nodes *nodes)
{
	struct region_nodes copy = { nodes->count, xcalloc(nodes->count + 1, sizeof(uint32_t)) };

	if (nodes->count)
		memcpy(copy.node, nodes->node, nodes->count * sizeof(uint32_t));
	return copy;
}

/* What both have: of two nodes of which one is over the other, the deeper. */
static struct region_nodes nodes_meet(const struct region_side *s, const struct region_nodes *a,
				      const struct region_nodes *b)
{
	struct region_nodes both = { .node = xcalloc(a->count + b->count + 1, sizeof(uint32_t)) };

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

/* The nodes of one side that all boxes of the question have. */
static struct region_nodes query_nodes(const struct regions *r, enum rule_side side)
{
	const struct region_query *q = r->query;
	struct region_nodes nodes = copy_nodes(&r->placed[q->box[0]].side[side]);

	for (unsigned int i = 1; i < q->boxes; i++) {
		struct region_nodes both = nodes_meet(&r->side[side], &nodes,
					       &r->placed[q->box[i]].side[side]);

		free(nodes.node);
		nodes = both;
	}
	return nodes;
}

static int decide_all(struct regions *r, const struct region_nodes nodes[2])
{
	int found = 0;

	for (uint32_t s = 0; s < nodes[0].count && !found; s++)
		for (uint32_t d = 0; d < nodes[1].count && !found; d++)
			if (same_family(r, nodes[0].node[s], nodes[1].node[d]))
				found = region_decide(r, nodes[0].node[s], nodes[1].node[d]);
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
static void reduce_covers(struct regions *r, const struct region_nodes nodes[2], struct vec *covers)
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
	struct region_nodes nodes[2];
	int found;

	r->questions++;
	r->query = query;
	r->met = covers ? &met : NULL;
	nodes[0] = query_nodes(r, RULE_SOURCE);
	nodes[1] = query_nodes(r, RULE_DESTINATION);
	found = decide_all(r, nodes);
	r->met = NULL;
	if (found == 1 && witness)
		region_witness(r, witness);
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

void regions_stats(const struct regions *r, struct regions_stats *stats)
{
	*stats = (struct regions_stats){
		.nodes = { r->side[0].nodes, r->side[1].nodes },
		.services = r->services.list.len,
		.groups = r->groups,
		.pieces = r->entries,
		.questions = r->questions,
		.steps = r->steps,
		.bytes = (r->side[0].nodes + r->side[1].nodes) * sizeof(struct region_node) +
			 r->services.list.len * r->width * sizeof(uint64_t) +
			 services_memory(&r->services) + r->runs * sizeof(*r->run) +
			 r->entries * sizeof(*r->entry) + r->boxes.len * sizeof(struct region_placed),
	};
	for (unsigned int g = 0; g < r->groups; g++)
		stats->classes[g] = r->services.group[g].classes;
}

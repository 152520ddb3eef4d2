// SPDX-License-Identifier: GPL-2.0
/*
 * rules.c: rule lists as tables: what they are, and why they are right.
 *
 * A list of rules, the first match wins. A rule is a set of source prefixes, a set of
 * destination prefixes, and a service: values of all other fields. The tables answer "which
 * rule" by two address look-ups, a few small arrays and at most four cells, however many
 * rules there are.
 *
 * Classes. All source prefixes of all rules form a tree (forest.h), and an address's
 * class is its longest match: the node. A prefix of a rule has the address exactly if it is the
 * class or stands over it. So the class says all that the list can ask about the source. The
 * destinations likewise; and the service class says which services have the packet
 * (service.h). A packet is then three numbers.
 *
 * Pieces. A rule is the union of its pieces (a source node P, a destination node Q, the
 * service): it matches if one of them does. What follows is about pieces.
 *
 * Planes. A table of all pairs of classes would be right, and too large: a rule over
 * wide prefixes would be written into millions of cells, and two rules "any -> Q" and "P -> any"
 * cross in each pair. So the nodes of each side are in bands, wide (band 0) and narrow, by
 * the size of their subtrees, and a piece lies in the plane (band of P, band of Q), only
 * there. In that plane it is written into the cell of each pair (x, y) where x is of P's
 * band and at or below P, and y is of Q's band and at or below Q.
 *
 * Reading. A packet of classes (c, d) asks, in the plane (i, j), the cell of (x, y): x the
 * deepest node of band i at or over c, y the deepest of band j at or over d. With two bands
 * that is: the wide node over the class, which the address look-up gives along with
 * the class, and the class itself if it is narrow. Then the least of what the cells say.
 *
 * Why that is right. Claim: piece (P, Q) of plane (i, j) is in the cell that the packet reads
 * there, exactly if P has the source and Q the destination.
 *	If P stands at or over c: P is of band i, x the deepest such, both are over c, so
 *	one of them is over the other; it is P that is at or over x. Likewise Q and y. So the
 *	piece was written into (x, y).
 *	If the piece was written into (x, y): P is at or over x, x is at or over c, so P is over
 *	c, and has the source. Likewise Q.
 * Each piece lies in one plane, so the cells of all planes together name exactly the
 * rules whose addresses match, and each cell answers with the first of its own whose service has
 * the packet: the least of those is the first of all. If there is no x or no y, no
 * piece of that plane can match. Nothing in this depends on which nodes are wide: bands
 * decide what it costs, never what it says. All it takes is that x is unique: that nodes over
 * c form a chain.
 *
 * Cost. The planes with a wide side are dense arrays (unless that would be much larger than
 * hashing), the rest one exact hash. bands.h counts what each choice takes, and the build meters
 * itself, so that the budget is kept or the list refused. Lists that defy two bands
 * get more: k bands a side are k * k cells a packet, and at k = depth of nesting every
 * piece is written once.
 *
 * Example. 1: 10.0.0.0/8 -> any, tcp; 2: any -> 192.0.2.1; 3: 10.1.0.0/16 -> any. Sources are
 * any, 10/8, 10.1/16, destinations any and 192.0.2.1. Let the roots be wide and the others narrow.
 * Rule 1 lies in narrow-wide, cells (10/8, any) and (10.1/16, any); rule 2 in wide-narrow, cell
 * (any, 192.0.2.1); rule 3 in narrow-wide, cell (10.1/16, any). UDP from 10.1.2.3 to
 * 192.0.2.1 has the classes 10.1/16 and 192.0.2.1, reads (any, any), which is empty, (10.1/16, any),
 * which holds "1 if tcp, 3", so 3, (any, 192.0.2.1), so 2, and (10.1/16, 192.0.2.1), which is
 * not there. The answer is 2.
 *
 * Source of the idea: cross-producting (Srinivasan, Varghese, Suri, Waldvogel 1998), cut
 * by width; the experience behind the choices is in the project's notes on classification.
 * planes.c builds, change.c changes, bpf/rules.bpf.h walks.
 */
#include "rules/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/rules.bpf.h"
#include "rules/planes.h"

int rules_build(struct rule_list *list, const struct rules_options *options, struct rules **rules,
		struct text *why)
{
	struct rules *r = xcalloc(1, sizeof(*r));
	size_t n = list->rules.len;
	int err;

	r->slots = VEC(struct slot);
	r->first = r->last = r->free_slot = RULES_NONE;
	r->builds = 1;
	r->addresses_version = 1;
	if (options)
		r->options = *options;
	if (n > RULES_AT(~0u)) {
		text_printf(why, "%zu rules: more than %u are not taken", n, RULES_AT(~0u));
		free(r);
		return -EOVERFLOW;
	}
	vec_reserve(&r->slots, n);
	for (uint32_t i = 0; i < n; i++) {
		struct slot *s = vec_push(&r->slots);

		s->rule = *(struct rule **)vec_at(&list->rules, i);
		s->prev = i ? i - 1 : RULES_NONE;
		s->next = i + 1 < n ? i + 1 : RULES_NONE;
	}
	if (n) {
		r->first = 0;
		r->last = n - 1;
	}
	r->len = n;
	err = planes_build(r, &r->planes, why);
	if (err) {
		vec_free(&r->slots);
		free(r);
		return err;
	}
	vec_free(&list->rules);
	*rules = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	planes_free(r->planes);
	for (size_t i = 0; i < r->slots.len; i++)
		rule_free(slot_at(r, i)->rule);
	vec_free(&r->slots);
	free(r);
}

const uint8_t *rules_area(const struct rules *r)
{
	return r->planes->area;
}

const struct rules_shape *rules_shape(const struct rules *r)
{
	return &r->planes->shape;
}

const struct rule *rules_get(const struct rules *r, uint32_t number)
{
	return number < r->slots.len ? slot_at(r, number)->rule : NULL;
}

uint32_t rules_first(const struct rules *r)
{
	return r->first;
}

uint32_t rules_next(const struct rules *r, uint32_t number)
{
	return slot_at(r, number)->next;
}

uint64_t rules_addresses_version(const struct rules *r)
{
	return r->addresses_version;
}

/* ---- addresses ------------------------------------------------------------------ */

/* The address word of a class's node. */
static uint32_t node_word(const struct planes *t, enum rule_side side, uint32_t node)
{
	const struct forest *f = &t->forest[side];
	uint32_t number = forest_node(f, node)->number;

	return t->shape.chain[0] ? number : RULES_ADDRESS(number, forest_wide(f, node));
}

void rules_addresses(const struct rules *r, enum rule_side side, struct vec *out)
{
	const struct forest *f = &r->planes->forest[side];

	/* FOREST_NOT_IP is the first of all. */
	for (size_t i = 1; i < f->nodes.len - 1; i++) {
		uint32_t node = i < f->order.len ? *(uint32_t *)vec_at(&f->order, i) : i + 1;
		struct rules_address a = {
			.prefix = forest_node(f, node)->prefix,
			.word = node_word(r->planes, side, node),
		};

		vec_append(out, &a);
	}
}

uint32_t rules_address_word(const struct rules *r, enum rule_side side, const struct addr *addr)
{
	return node_word(r->planes, side, forest_class(&r->planes->forest[side], addr));
}

/* ---- packets ---------------------------------------------------------------------- */

uint32_t rules_match(const struct rules *r, const struct rule_packet *packet)
{
	const struct rules_shape *s = rules_shape(r);
	struct rules_found found = RULES_FOUND_NONE;
	struct rules_classes classes = { 0 };
	uint32_t word[2];

	rules_classify(r->planes->area, s, packet->field, &classes);
	for (unsigned int side = 0; side < 2; side++)
		word[side] = rules_address_word(r, side, &packet->addr[side]);
	rules_walk(r->planes->area, s, word[0], word[1], &classes, &found);
	return found.rule;
}

/* ---- numbers ------------------------------------------------------------------------ */

static unsigned int probes(const struct planes *t)
{
	const struct rules_shape *s = &t->shape;
	unsigned int narrow[2] = { s->bands[0] - 1, s->bands[1] - 1 };
	bool chains = s->chain[0];

	return 1 + (s->nw || s->hashed & RULES_HASHED_NW || chains ? narrow[0] : 0) +
	       (s->wn || s->hashed & RULES_HASHED_WN || chains ? narrow[1] : 0) +
	       (s->hashed & RULES_HASHED_NN || chains ? narrow[0] * narrow[1] : 0);
}

void rules_stats(const struct rules *r, struct rules_stats *stats)
{
	const struct planes *t = r->planes;
	const struct rules_shape *s = &t->shape;

	*stats = (struct rules_stats){
		.rules = r->len,
		.bytes = s->bytes,
		.bytes_services = s->heads - RULES_LINE,
		.bytes_heads = s->lists - s->heads,
		.bytes_lists = s->rows - s->lists,
		.bytes_rows = s->ww - s->rows,
		.bytes_hash = sizeof(struct rules_bucket) * (size_t)s->bucket_count,
		.services = t->services.list.len,
		.service_classes = s->group[0].classes,
		.groups = s->groups,
		.cells = t->hashed,
		.writes = t->writes,
		.lists = t->cells.count[0],
		.rows = t->cells.count[1],
		.probes = probes(t),
		.list_max = s->list_max,
		.builds = r->builds,
	};
	stats->bytes_dense = s->bytes - s->ww - stats->bytes_hash;
	stats->bytes_memory = services_memory(&t->services) + cells_memory(&t->cells) +
			      r->slots.cap * sizeof(struct slot) +
			      t->pieces.cap * sizeof(struct piece) +
			      t->heads_cap * sizeof(*t->of_rule);
	for (unsigned int side = 0; side < 2; side++) {
		const struct forest *f = &t->forest[side];

		stats->bands[side] = s->bands[side];
		stats->classes[side] = forest_size(f);
		stats->bytes_memory += f->nodes.cap * sizeof(struct forest_node) +
				       (f->order.cap + f->numbered.cap) * sizeof(uint32_t) +
				       prefix_tree_bytes(&f->tree[0]) +
				       prefix_tree_bytes(&f->tree[1]);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * check_static.c: static routes: where they lead, and that each prefix has one.
 */
#include <string.h>

#include "base/object.h"
#include "base/table.h"
#include "policy/checker.h"

static void check_hop(struct check *c, const struct policy_static *s, struct policy_hop *hop)
{
	if (hop->via.family && hop->via.family != s->prefix.addr.family)
		diag_error(c->diags, hop->via_place, "the next hop is not of the prefix's family");
	else if (hop->via.family && (addr_is_multicast(&hop->via) || is_unspecified(&hop->via)))
		diag_error(c->diags, hop->via_place, "a next hop is one neighbour's address");
	find_port(c, &hop->to);
}

/* That the port of one is down takes all others on it along. */
static void check_ports(struct check *c, const struct policy_static *s)
{
	for (unsigned int i = 1; i < s->hops; i++)
		for (unsigned int j = 0; j < i; j++)
			if (s->hop[i].to.port && s->hop[i].to.port == s->hop[j].to.port) {
				diag_error(c->diags, s->hop[i].to.place,
					   "the port \"%s\" is that of a hop before this one", s->hop[i].to.name);
				diag_hint(c->diags, "what stands behind \"else\" is for when a port is down: "
					  "name another port");
			}
}

static void check_static(struct check *c, struct policy_static *s)
{
	if (strcmp(s->table, OBJECT_TABLE_MAIN)) {
		diag_error(c->diags, s->table_place, "tables other than main are not supported by this version");
		return;
	}
	if (addr_is_multicast(&s->prefix.addr)) {
		diag_error(c->diags, s->place, "multicast is not routed: a group has legs");
		diag_hint(c->diags, s->store ? "see 'sluice group add'" : "write it in a block \"multicast\"");
		return;
	}
	for (unsigned int i = 0; i < s->hops; i++)
		check_hop(c, s, &s->hop[i]);
	check_ports(c, s);
}

/* Those of the store stand last: one takes the place of a document's. */
static void keep_one_each(struct check *c)
{
	struct vec *statics = &c->policy->statics;
	struct table known = TABLE(struct prefix, size_t);	/* place in @statics */
	struct policy_static *all = statics->data;
	char name[PREFIX_STRLEN], where[PLACE_ROOM];
	size_t len = statics->len, kept = 0;

	for (size_t i = 0; i < len; i++) {
		bool fresh;
		size_t *at = table_put(&known, &all[i].prefix, &fresh);

		if (!fresh && !all[i].store) {
			diag_error(c->diags, all[i].place, "%s has a route already",
				   prefix_format_short(&all[i].prefix, name));
			diag_hint(c->diags, "see %s; other ways stand behind \"else\"",
				  place_name(c, &all[*at].place, where));
		} else if (fresh) {
			*at = kept;
			all[kept++] = all[i];
		} else {
			all[*at] = all[i];
		}
	}
	while (statics->len > kept)
		vec_pop(statics);
	table_free(&known);
}

/* They are besides the kernel's: a policy that has some routes by both. */
static void route_by_main(struct policy *p)
{
	const struct policy_static *first;
	struct policy_route *r;

	if (!p->statics.len)
		return;
	for (size_t i = 0; i < p->routes.len; i++)
		if (((struct policy_route *)vec_at(&p->routes, i))->table == TABLE_MAIN)
			return;
	first = vec_at(&p->statics, 0);
	r = vec_push(&p->routes);
	r->table = TABLE_MAIN;
	r->limit4 = POLICY_LIMIT4_DEFAULT;
	r->limit6 = POLICY_LIMIT6_DEFAULT;
	r->place = first->place;
}

void check_statics(struct check *c)
{
	for (size_t i = 0; i < c->policy->statics.len && !c->diags->truncated; i++)
		check_static(c, vec_at(&c->policy->statics, i));
	keep_one_each(c);
	route_by_main(c->policy);
}

/* ---- count prefixes, next-hops ------------------------------------------------ */

static void check_forwards(struct check *c, struct place at)
{
	if (c->policy->routes.len)
		return;
	diag_error(c->diags, at, "nothing is forwarded that could be counted");
	diag_hint(c->diags, "\"route main;\" follows the kernel's main table");
}

static void check_counted_hops(struct check *c)
{
	const struct place *at = c->policy->counted_hops.data;
	char where[PLACE_ROOM];

	for (size_t i = 0; i < c->policy->counted_hops.len && !c->diags->truncated; i++) {
		if (i == 0) {
			check_forwards(c, at[i]);
			continue;
		}
		diag_error(c->diags, at[i], "next hops are counted already");
		diag_hint(c->diags, "see %s", place_name(c, &at[0], where));
	}
}

void check_counted(struct check *c)
{
	struct table known = TABLE(struct prefix, struct place);
	char name[PREFIX_STRLEN], where[PLACE_ROOM];

	for (size_t i = 0; i < c->policy->counted.len && !c->diags->truncated; i++) {
		const struct policy_counted *p = vec_at(&c->policy->counted, i);
		bool fresh;
		struct place *at = table_put(&known, &p->prefix, &fresh);

		if (i == 0)
			check_forwards(c, p->place);
		if (fresh) {
			*at = p->place;
			continue;
		}
		diag_error(c->diags, p->place, "%s is counted already", prefix_format_short(&p->prefix, name));
		diag_hint(c->diags, "see %s", place_name(c, at, where));
	}
	table_free(&known);
	check_counted_hops(c);
}

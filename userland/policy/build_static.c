// SPDX-License-Identifier: GPL-2.0
/*
 * build_static.c: static routes, with their next hops in the order of the text; what to count by.
 */
#include "base/object.h"
#include "policy/build.h"

void build_hops(struct document *doc)
{
	doc->fixed = (struct policy_static){ 0 };
}

void build_hop(struct document *doc, const struct prefix *via, const struct policy_port_ref *to,
	       struct place at)
{
	struct policy_static *s = &doc->fixed;
	struct policy_hop *hop;

	if (s->hops == POLICY_HOPS_MAX) {
		diag_error(diags_of(doc), at, "a route has at most %d next hops", POLICY_HOPS_MAX);
		return;
	}
	hop = &s->hop[s->hops++];
	hop->to = *to;
	hop->via_place = at;
	if (!via)
		return;
	hop->via = via->addr;
	if (via->len < addr_bits(via->addr.family))
		diag_error(diags_of(doc), at, "a next hop is an address, and no prefix");
}

void build_static(struct document *doc, const struct prefix *prefix, struct place at)
{
	struct vec *statics = &doc->parser->policy->statics;
	struct policy_static *s = &doc->fixed;

	if (statics->len == POLICY_STATICS_MAX) {
		diag_error(diags_of(doc), at, "with this one there are more than %d static routes",
			   POLICY_STATICS_MAX);
	} else if (statics->len < POLICY_STATICS_MAX) {
		s->prefix = *prefix;
		s->place = at;
		s->table = OBJECT_TABLE_MAIN;
		vec_append(statics, s);
	}
	build_hops(doc);
}

void build_counted(struct document *doc, const struct prefix *prefix, struct place at)
{
	struct vec *counted = &doc->parser->policy->counted;

	if (counted->len == POLICY_COUNTED_MAX)
		diag_error(diags_of(doc), at, "with this one more than %d prefixes are counted",
			   POLICY_COUNTED_MAX);
	if (counted->len <= POLICY_COUNTED_MAX)
		vec_append(counted, &(struct policy_counted){ .prefix = *prefix, .place = at });
}

void build_counted_hops(struct document *doc, struct place at)
{
	vec_append(&doc->parser->policy->counted_hops, &at);
}

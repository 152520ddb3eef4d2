// SPDX-License-Identifier: GPL-2.0
/*
 * check.c: whether what was written makes sense: names, predicates, filters, groups.
 *
 * Everything is looked at, so that one run shows all mistakes; but a name whose own
 * statement was wrong, or may stand in a document that could not be read, is not
 * complained about again. Policies come from outside: no loop here may cost more
 * than its limits (tree.h) allow, whatever the text says.
 */
#include "policy/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/checker.h"

/* ---- ports -------------------------------------------------------------- */

static void check_ports(struct check *c)
{
	const struct policy *p = c->policy;
	char where[PLACE_ROOM];

	for (size_t i = 0; i < p->ports.len; i++) {
		struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);
		struct place *first;
		struct name_key key;
		bool fresh;

		port->number = i;
		if (i == POLICY_PORTS_MAX)
			diag_error(c->diags, port->place, "a policy has at most %d ports",
				   POLICY_PORTS_MAX);
		if (!port->interface)
			continue;
		key = key_of(port->interface);
		first = table_put(&c->interfaces, &key, &fresh);
		if (fresh) {
			*first = port->interface_place;
			continue;
		}
		diag_error(c->diags, port->interface_place, "the interface \"%s\" is a port already",
			   port->interface);
		diag_hint(c->diags, "see %s", place_name(c, first, where));
	}
}

/* ---- measure, and what is not used -------------------------------------- */

static void check_measures(struct check *c)
{
	const struct policy_measure *first;
	char where[PLACE_ROOM];

	for (size_t i = 1; i < c->policy->measures.len; i++) {
		const struct policy_measure *m = vec_at(&c->policy->measures, i);

		first = vec_at(&c->policy->measures, 0);
		diag_error(c->diags, m->place, "this version takes one measure block");
		diag_hint(c->diags, "the first is at %s", place_name(c, &first->place, where));
	}
}

/* Routing and measuring use every port. */
static void warn_unused(struct check *c)
{
	const struct policy *p = c->policy;
	bool all = p->routes.len || p->measures.len;

	for (size_t i = 0; i < p->ports.len && !all; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		if (!port->used)
			diag_warning(c->diags, port->place, "nothing is done with the packets of \"%s\"",
				     port->name);
	}
	for (size_t i = 0; i < p->lets.len; i++) {
		const struct policy_let *let = *(struct policy_let **)vec_at(&p->lets, i);

		if (!let->used)
			diag_warning(c->diags, let->place, "\"%s\" is not used", let->name);
	}
	for (size_t i = 0; i < p->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&p->sets, i);

		if (!set->used)
			diag_warning(c->diags, set->place, "\"%s\" is not used", set->name);
	}
}

void policy_check(struct policy *p, struct diags *diags)
{
	struct check c = {
		.policy = p,
		.diags = diags,
		.names = TABLE(struct name_key, struct named),
		.interfaces = TABLE(struct name_key, struct place),
		.prefixes = VEC(struct prefix),
		.ranges = VEC(struct range),
		.masked = VEC(struct range),
	};

	enter_names(&c);
	check_ports(&c);
	check_sets(&c);
	for (size_t i = 0; i < p->lets.len && !diags->truncated; i++)
		resolve_let(&c, *(struct policy_let **)vec_at(&p->lets, i));
	check_statics(&c);
	check_counted(&c);
	check_routes(&c);
	check_filters(&c);
	check_asserts(&c);
	check_multicast(&c);
	check_measures(&c);
	if (!diags->errors)
		warn_unused(&c);
	table_free(&c.names);
	table_free(&c.interfaces);
	table_free(&c.entries);
	table_free(&c.masked_tests);
	vec_free(&c.prefixes);
	vec_free(&c.ranges);
	vec_free(&c.masked);
}

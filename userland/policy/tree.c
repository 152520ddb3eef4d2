// SPDX-License-Identifier: GPL-2.0
#include "policy/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_let(struct policy_let *let)
{
	vec_free(&let->values);
	vec_free(&let->prefixes);
	vec_free(&let->ranges);
}

static void free_group(struct policy_group *group)
{
	vec_free(&group->from);
	vec_free(&group->legs);
	vec_free(&group->sources);
	vec_free(&group->groups);
	vec_free(&group->entries);
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->lets.len; i++)
		free_let(*(struct policy_let **)vec_at(&p->lets, i));
	for (size_t i = 0; i < p->groups.len; i++)
		free_group(vec_at(&p->groups, i));
	vec_free(&p->sources);
	vec_free(&p->ports);
	vec_free(&p->lets);
	vec_free(&p->routes);
	vec_free(&p->source_checks);
	vec_free(&p->bogons);
	vec_free(&p->statics);
	vec_free(&p->counted);
	vec_free(&p->counted_hops);
	vec_free(&p->groups);
	vec_free(&p->measures);
	for (size_t i = 0; i < p->filters.len; i++)
		vec_free(&(*(struct policy_filter **)vec_at(&p->filters, i))->rules);
	vec_free(&p->filters);
	vec_free(&p->sets);
	vec_free(&p->elements);
	vec_free(&p->asserts);
	vec_free(&p->rules);
	vec_free(&p->set_tests);
	for (size_t i = 0; i < p->compared.len; i++)
		policy_free(((struct policy_compared *)vec_at(&p->compared, i))->policy);
	vec_free(&p->compared);
	arena_free(&p->arena);
	free(p);
}

struct policy_port *policy_port_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->ports.len; i++) {
		struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		if (!strcmp(port->name, name))
			return port;
	}
	return NULL;
}

bool policy_same_ports(const struct policy *a, const struct policy *b)
{
	if (a->ports.len != b->ports.len)
		return false;
	for (size_t i = 0; i < a->ports.len; i++) {
		const struct policy_port *x = *(struct policy_port **)vec_at(&a->ports, i);
		const struct policy_port *y = *(struct policy_port **)vec_at(&b->ports, i);

		if (strcmp(x->name, y->name) || strcmp(x->interface, y->interface))
			return false;
	}
	return true;
}

struct policy_let *policy_let_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->lets.len; i++) {
		struct policy_let *let = *(struct policy_let **)vec_at(&p->lets, i);

		if (!strcmp(let->name, name))
			return let;
	}
	return NULL;
}

const char *policy_key_name(enum policy_key key)
{
	switch (key) {
	case KEY_IP_SRC:
		return "ip.src";
	case KEY_IP_DST:
		return "ip.dst";
	case KEY_IP_PROTO:
		return "ip.proto";
	case KEY_L4_SRC:
		return "l4.src";
	case KEY_L4_DST:
		return "l4.dst";
	}
	return "?";
}

char *policy_entry_name(const struct policy_entry *e, char *buf)
{
	char source[ADDR_STRLEN] = "*", group[PREFIX_STRLEN];

	if (e->source.family)
		addr_format(&e->source, source);
	snprintf(buf, POLICY_ENTRY_STRLEN, "%s %s %s", source,
		 prefix_format_short(&e->group, group), e->port->interface);
	return buf;
}

// SPDX-License-Identifier: GPL-2.0
#include "policy/printer.h"

#include <inttypes.h>

#include "base/quantity.h"
#include "base/text.h"
#include "policy/field.h"
#include "policy/print.h"
#include "policy/tree.h"

void print_string(const char *s, struct text *out)
{
	text_append(out, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_append(out, "\\", 1);
		text_append(out, s, 1);
	}
	text_append(out, "\"", 1);
}

static void print_ports(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		text_printf(out, "port %s = ", port->name);
		print_string(port->interface, out);
		text_printf(out, "%s;\n", port->mode == PORT_GENERIC ? " mode generic" : "");
	}
}

void print_value(const struct policy_value *v, struct text *out)
{
	char text[PREFIX_STRLEN];

	switch (v->type) {
	case VALUE_NONE:
		break;
	case VALUE_PREFIX:
		text_put(out, prefix_format_short(&v->prefix, text));
		break;
	case VALUE_ADDRESSES:
		text_put(out, addr_format(&v->prefix.addr, text));
		text_put(out, "-");
		text_put(out, addr_format(v->last_address, text));
		break;
	case VALUE_NUMBERS:
		text_put_number(out, v->first);
		if (v->last == v->first)
			break;
		text_put(out, "-");
		text_put_number(out, v->last);
		break;
	case VALUE_MAC:
		field_print(NULL, FIELD_ETH_SRC, v->first, out);
		break;
	case VALUE_LET:
		text_put(out, v->name);
		break;
	}
}

static void print_lets(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->lets.len; i++) {
		const struct policy_let *let = *(struct policy_let **)vec_at(&p->lets, i);

		if (let->predicate) {
			text_printf(out, "let %s = ", let->name);
			policy_print_predicate(p, let->predicate, out);
			text_printf(out, ";\n");
			continue;
		}
		text_printf(out, "let %s = { ", let->name);
		for (size_t j = 0; j < let->values.len; j++) {
			text_printf(out, "%s", j ? ", " : "");
			print_value(vec_at(&let->values, j), out);
		}
		text_printf(out, " };\n");
	}
}

static void print_port_list(const char *word, const struct vec *ports, struct text *out)
{
	for (size_t i = 0; i < ports->len; i++)
		text_printf(out, "%s%s", i ? ", " : word,
			    ((const struct policy_port_ref *)vec_at(ports, i))->name);
}

static void print_source_checks(const struct policy *p, struct text *out)
{
	static const char *const words[] = {
		[SOURCE_RPF] = "rpf strict", [SOURCE_RPF_LOOSE] = "rpf loose",
		[SOURCE_ANTI_SPOOF] = "anti-spoof", [SOURCE_BOGONS] = "bogons",
	};

	text_printf(out, " {\n");
	for (size_t i = 0; i < p->source_checks.len; i++) {
		const struct policy_source_check *s = vec_at(&p->source_checks, i);

		text_printf(out, "\t%s", words[s->kind]);
		if (s->also)
			text_printf(out, " and %s", s->also);
		if (s->except)
			text_printf(out, " except %s", s->except);
		print_port_list(" on ", &s->ports, out);
		text_printf(out, ";\n");
	}
	text_printf(out, "}\n");
}

static void print_routes(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->routes.len; i++) {
		const struct policy_route *r = vec_at(&p->routes, i);

		bool main = r->table == TABLE_MAIN;

		if (main)
			text_printf(out, "route main");
		else if (r->table == TABLE_VRF)
			text_printf(out, "route vrf %s table %" PRIu64, r->vrf, r->number);
		else
			text_printf(out, "route table %" PRIu64, r->number);
		if (r->ports.len)
			print_port_list(" for ", &r->ports, out);
		if (r->limit4 != (main ? POLICY_LIMIT4_DEFAULT : POLICY_TABLE_LIMIT4_DEFAULT) ||
		    r->limit6 != (main ? POLICY_LIMIT6_DEFAULT : POLICY_TABLE_LIMIT6_DEFAULT))
			text_printf(out, " limit ip4 %" PRIu64 " ip6 %" PRIu64, r->limit4, r->limit6);
		/* The checks are the ports', wherever they stand. */
		if (!i && p->source_checks.len)
			print_source_checks(p, out);
		else
			text_printf(out, ";\n");
	}
}

static void print_hop(const struct policy_hop *hop, struct text *out)
{
	char buf[PREFIX_STRLEN];

	if (hop->via.family)
		text_printf(out, "%s on ", addr_format(&hop->via, buf));
	text_printf(out, "%s", hop->to.name);
}

/* As a remark, in the words of the command line. */
static void print_object(const struct policy_static *s, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "# route %s", prefix_format_short(&s->prefix, buf));
	if (s->hops && s->hop[0].via.family)
		text_printf(out, " via %s", addr_format(&s->hop[0].via, buf));
	text_printf(out, s->hops ? " port %s\n" : " discard\n", s->hop[0].to.name);
}

static void print_static(const struct policy_static *s, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "route %s", prefix_format(&s->prefix, buf));
	for (unsigned int i = 0; i < s->hops; i++) {
		text_printf(out, i ? " else " : " via ");
		print_hop(&s->hop[i], out);
	}
	text_printf(out, s->hops ? ";\n" : " drop;\n");
}

static void print_statics(const struct policy *p, struct text *out)
{
	for (size_t i = 0; i < p->statics.len; i++) {
		const struct policy_static *s = vec_at(&p->statics, i);

		if (s->store)
			print_object(s, out);
		else
			print_static(s, out);
	}
}

static void print_counted(const struct policy *p, struct text *out)
{
	char buf[PREFIX_STRLEN];

	for (size_t i = 0; i < p->counted.len; i++) {
		const struct policy_counted *counted = vec_at(&p->counted, i);

		text_printf(out, "%s%s", i ? ", " : "count prefixes { ", prefix_format(&counted->prefix, buf));
	}
	if (p->counted.len)
		text_printf(out, " };\n");
	if (p->counted_hops.len)
		text_printf(out, "count next-hops;\n");
}

static void print_leg(const struct policy_leg *leg, struct text *out)
{
	text_printf(out, "%s", leg->host ? "host" : leg->to.name);
	if (leg->vlan)
		text_printf(out, " vlan %" PRIu64, leg->vlan);
	if (leg->ttl)
		text_printf(out, " ttl %" PRIu64, leg->ttl);
}

static void print_legs(const struct policy_group *g, struct text *out)
{
	text_printf(out, " to ");
	for (size_t i = 0; i < g->legs.len; i++) {
		text_printf(out, "%s", i ? ", " : "");
		print_leg(vec_at(&g->legs, i), out);
	}
	text_printf(out, ";\n");
}

static void print_group(const struct policy_group *g, struct text *out)
{
	text_printf(out, "    (");
	if (g->any_source)
		text_printf(out, "*");
	else
		print_value(&g->source, out);
	text_printf(out, ", ");
	print_value(&g->group, out);
	text_printf(out, ") from ");
	for (size_t i = 0; i < g->from.len; i++)
		text_printf(out, "%s%s", i ? ", " : "",
			    ((const struct policy_port_ref *)vec_at(&g->from, i))->name);
	print_legs(g, out);
}

/* What is left of a statement, some of whose entries have more legs by now. */
static void print_entries(const struct policy_group *g, struct text *out)
{
	char buf[PREFIX_STRLEN];

	for (size_t i = 0; i < g->entries.len; i++) {
		const struct policy_entry *e = vec_at(&g->entries, i);

		text_printf(out, "    (%s", e->source.family ? addr_format(&e->source, buf) : "*");
		text_printf(out, ", %s) from %s", prefix_format_short(&e->group, buf),
			    e->port->name);
		print_legs(g, out);
	}
}

static void print_groups(const struct policy *p, struct text *out)
{
	if (!p->groups.len)
		return;
	text_printf(out, "multicast {\n");
	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		if (g->split)
			print_entries(g, out);
		else
			print_group(g, out);
	}
	text_printf(out, "}\n");
}

static void print_measure(const struct policy_measure *m, struct text *out)
{
	const char *comma = "";

	text_printf(out, "measure %s by (", m->name);
	for (unsigned int key = KEY_IP_SRC; key <= KEY_L4_DST; key <<= 1) {
		if (!(m->key & key))
			continue;
		text_printf(out, "%s%s", comma, policy_key_name(key));
		comma = ", ";
	}
	text_printf(out, ") {\n    threshold ");
	if (m->threshold_ppm)
		quantity_print_fraction(m->threshold_ppm, out);
	else
		quantity_print_rate(m->threshold_Bps, out);
	text_printf(out, ";\n    oversampling %u;\n    interval ", m->oversampling);
	quantity_print_duration(m->interval_ms, out);
	text_printf(out, ";\n    slots %u;\n}\n", m->slots);
}

void policy_print(const struct policy *p, struct text *out)
{
	print_ports(p, out);
	print_lets(p, out);
	print_sets(p, out);
	print_filters(p, out);
	print_routes(p, out);
	print_statics(p, out);
	print_counted(p, out);
	print_groups(p, out);
	for (size_t i = 0; i < p->measures.len; i++)
		print_measure(vec_at(&p->measures, i), out);
	print_asserts(p, out);
}

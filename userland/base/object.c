// SPDX-License-Identifier: GPL-2.0
#include "base/object.h"

#include <ctype.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"

/* The lexer's "word": hyphens stand between two other characters. */
bool object_name_good(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > OBJECT_NAME_MAX || isdigit((unsigned char)*name))
		return false;
	for (const char *c = name; *c; c++) {
		bool hyphen = *c == '-';

		if (!hyphen && !isalnum((unsigned char)*c) && *c != '_')
			return false;
		if (hyphen && (c == name || c[-1] == '-' || !c[1]))
			return false;
	}
	return true;
}

static void print_route(const struct object_route *r, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "route %s", prefix_format_short(&r->prefix, buf));
	if (!*r->port)
		text_printf(out, " discard");
	if (r->via.family)
		text_printf(out, " via %s", addr_format(&r->via, buf));
	if (*r->port)
		text_printf(out, " port %s", r->port);
	if (strcmp(r->table, OBJECT_TABLE_MAIN))
		text_printf(out, " table %s", r->table);
}

static void print_member(const struct object_member *m, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "group %s", prefix_format_short(&m->group, buf));
	if (m->source.family)
		text_printf(out, " source %s", addr_format(&m->source, buf));
	text_printf(out, " from %s to %s", m->from, m->to);
	if (m->vlan)
		text_printf(out, " vlan %u", m->vlan);
	if (m->ttl)
		text_printf(out, " ttl %u", m->ttl);
}

static void print_element(const struct object_element *e, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "set %s %s", e->set, prefix_format_short(&e->element, buf));
	if (e->timeout_ms) {
		text_printf(out, " timeout ");
		quantity_print_duration(e->timeout_ms, out);
	}
}

void object_print(const struct object *o, struct text *out)
{
	switch (o->kind) {
	case OBJECT_NONE:
		break;
	case OBJECT_PORT:
		text_printf(out, "port %s %s%s", o->port.name, o->port.device,
			    o->port.generic ? " mode generic" : "");
		break;
	case OBJECT_ROUTE:
		print_route(&o->route, out);
		break;
	case OBJECT_MEMBER:
		print_member(&o->member, out);
		break;
	case OBJECT_ELEMENT:
		print_element(&o->element, out);
		break;
	}
}

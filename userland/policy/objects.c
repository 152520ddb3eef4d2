// SPDX-License-Identifier: GPL-2.0
#include "policy/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/object.h"
#include "policy/build.h"
#include "policy/parser.h"
#include "policy/tree.h"

struct builder {
	struct policy *policy;
	struct diags *diags;
	struct source *source;
	const char *line;		/* of the object that is being built */
	unsigned int number;
	const struct object_member *last;	/* the member before this one, of the same group or not */
	bool full;			/* there are more groups than a policy may have: said */
};

/* ---- the text, and places in it ------------------------------------------------- */

static struct source *print_source(struct policy *p, const struct vec *objects)
{
	struct source *s = arena_alloc(&p->arena, sizeof(*s));
	struct text text = { 0 };

	for (size_t i = 0; i < objects->len; i++) {
		if (((const struct object *)vec_at(objects, i))->kind == OBJECT_NONE)
			continue;
		object_print(vec_at(objects, i), &text);
		text_append(&text, "\n", 1);
	}
	s->name = OBJECTS_SOURCE;
	s->len = text.len;
	s->text = arena_strndup(&p->arena, text_string(&text), text.len);
	text_free(&text);
	return s;
}

static struct place place_at(const struct builder *b, const char *word)
{
	return (struct place){
		.source = b->source, .line = b->number, .column = word - b->line + 1,
		.width = strcspn(word, " \n"),
	};
}

/* The word behind the @n-th blank of the line. */
static struct place nth_place(const struct builder *b, unsigned int n)
{
	const char *word = b->line;

	while (n--)
		word += strcspn(word, " \n") + 1;
	return place_at(b, word);
}

/* The word behind the word @key, which stands with its blanks: " via ". It is there. */
static struct place place_behind(const struct builder *b, const char *key)
{
	return place_at(b, strstr(b->line, key) + strlen(key));
}

static char *keep(const struct builder *b, const char *name)
{
	return arena_strndup(&b->policy->arena, name, strlen(name));
}

static struct policy_port_ref ref_to(const struct builder *b, const char *name, const char *key)
{
	return (struct policy_port_ref){ .name = keep(b, name), .place = place_behind(b, key) };
}

/* ---- one kind each ------------------------------------------------------------------ */

static void build_object_port(struct builder *b, const struct object_port *o)
{
	struct policy_port *port = arena_alloc(&b->policy->arena, sizeof(*port));
	const char *mistake = interface_mistake(o->device);

	port->name = keep(b, o->name);
	port->place = nth_place(b, 1);
	port->interface_place = nth_place(b, 2);
	port->mode = o->generic ? PORT_GENERIC : PORT_NATIVE;
	port->store = true;
	if (scan_reserved(o->name))
		diag_error(b->diags, port->place, "\"%s\" is a word of the language, and no name",
			   o->name);
	if (mistake)
		diag_error(b->diags, port->interface_place, "%s", mistake);
	else
		port->interface = keep(b, o->device);
	*(struct policy_port **)vec_push(&b->policy->ports) = port;
}

static void build_object_route(struct builder *b, const struct object_route *o)
{
	struct policy_static *s = vec_push(&b->policy->statics);

	s->prefix = o->prefix;
	s->store = true;
	s->place = nth_place(b, 1);
	s->table = keep(b, o->table);
	if (strcmp(o->table, OBJECT_TABLE_MAIN))
		s->table_place = place_behind(b, " table ");
	if (!*o->port)
		return;
	s->hops = 1;
	s->hop[0].via = o->via;
	if (o->via.family)
		s->hop[0].via_place = place_behind(b, " via ");
	s->hop[0].to = ref_to(b, o->port, " port ");
}

static bool same_group(const struct object_member *a, const struct object_member *b)
{
	return addr_equal(&a->source, &b->source) && prefix_equal(&a->group, &b->group) &&
	       !strcmp(a->from, b->from);
}

static struct policy_value host_value(const struct addr *a, struct place place)
{
	struct prefix p = { .addr = *a, .len = addr_bits(a->family) };

	return (struct policy_value){ .type = VALUE_PREFIX, .prefix = p, .place = place };
}

/* The group of this member: a new one, or that of the member before it. NULL: there are too many. */
static struct policy_group *group_of(struct builder *b, const struct object_member *o)
{
	struct vec *groups = &b->policy->groups;
	struct policy_port_ref from;
	struct policy_group *g;

	if (b->last && same_group(b->last, o))
		return b->full ? NULL : vec_at(groups, groups->len - 1);
	if (groups->len >= 2 * POLICY_ENTRIES_MAX) {
		if (!b->full)
			diag_error(b->diags, nth_place(b, 1),
				   "with this one there are more than %d groups (source, group and port)",
				   POLICY_ENTRIES_MAX);
		b->full = true;
		return NULL;
	}
	g = vec_push(groups);
	g->store = true;
	g->place = nth_place(b, 1);
	g->any_source = !o->source.family;
	if (!g->any_source)
		g->source = host_value(&o->source, place_behind(b, " source "));
	g->group = (struct policy_value){ .type = VALUE_PREFIX, .prefix = o->group,
					  .place = g->place };
	g->from = VEC(struct policy_port_ref);
	g->legs = VEC(struct policy_leg);
	g->sources = VEC(struct addr);
	g->groups = VEC(struct prefix);
	g->entries = VEC(struct policy_entry);
	from = ref_to(b, o->from, " from ");
	vec_append(&g->from, &from);
	return g;
}

static void build_object_member(struct builder *b, const struct object_member *o)
{
	struct policy_group *g = group_of(b, o);
	struct policy_leg *leg;

	b->last = o;
	if (!g)
		return;
	leg = vec_push(&g->legs);
	leg->store = true;
	leg->place = place_behind(b, " to ");
	leg->vlan = o->vlan;
	leg->ttl = o->ttl;
	if (o->vlan)
		leg->vlan_place = place_behind(b, " vlan ");
	if (o->ttl)
		leg->ttl_place = place_behind(b, " ttl ");
	leg->host = !strcmp(o->to, OBJECT_HOST);
	if (!leg->host)
		leg->to = ref_to(b, o->to, " to ");
}

/* In the order of the store, those of one set stand together. */
static void build_object_element(struct builder *b, const struct object_element *o)
{
	struct policy_element *e = vec_push(&b->policy->elements);
	const struct policy_element *last = b->policy->elements.len > 1 ? e - 1 : NULL;

	e->name = last && !strcmp(last->name, o->set) ? last->name : keep(b, o->set);
	e->element = o->element;
	e->timeout_ms = o->timeout_ms;
	e->since_ms = o->since_ms;
	e->place = nth_place(b, 1);
	e->element_place = nth_place(b, 2);
}

void objects_build(struct policy *p, const struct vec *objects, struct diags *diags)
{
	struct builder b = { .policy = p, .diags = diags };

	if (!objects->len)
		return;
	b.source = print_source(p, objects);
	b.line = b.source->text;
	p->store = b.source;
	for (size_t i = 0; i < objects->len; i++) {
		const struct object *o = vec_at(objects, i);

		if (o->kind == OBJECT_NONE)
			continue;
		b.number++;
		switch (o->kind) {
		case OBJECT_PORT:
			build_object_port(&b, &o->port);
			break;
		case OBJECT_ROUTE:
			build_object_route(&b, &o->route);
			break;
		case OBJECT_MEMBER:
			build_object_member(&b, &o->member);
			break;
		default:
			build_object_element(&b, &o->element);
		}
		b.line += strcspn(b.line, "\n") + 1;
	}
}

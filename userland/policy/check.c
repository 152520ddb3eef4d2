// SPDX-License-Identifier: GPL-2.0
/*
 * check.c: whether what was written makes sense: names, sets, groups.
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

#include "base/nearest.h"
#include "base/table.h"
#include "base/text.h"
#include "policy/tree.h"

enum named_kind { NAMED_PORT, NAMED_LET, NAMED_MEASURE };

static const char *const kind_names[] = { "port", "let", "measure" };

/* What a name stands for. */
struct named {
	enum named_kind kind;
	void *object;
	struct place place;
};

struct name_key {
	char name[POLICY_NAME_MAX];	/* filled up with NULs */
};

struct entry_key {
	uint8_t source_family, family, len, pad[5];
	uint8_t source[16], group[16];
	const struct policy_port *port;
};

/* Whose an entry is. */
struct entry_owner {
	struct place place;
	size_t group;			/* in policy->groups */
};

struct check {
	struct policy *policy;
	struct diags *diags;
	struct table names;		/* struct name_key -> struct named */
	struct table interfaces;	/* likewise -> struct place */
	struct table entries;		/* struct entry_key -> struct entry_owner */
	size_t values;			/* that all lets stand for so far */
	bool too_many_values, too_many_entries;	/* said once */
};

static struct name_key key_of(const char *name)
{
	struct name_key key = { 0 };

	memcpy(key.name, name, strnlen(name, sizeof(key.name)));
	return key;
}

/* ---- places ------------------------------------------------------------- */

#define PLACE_ROOM 256

/* "edge.sluice:3", or an object of the store in its own words. */
static const char *place_name(const struct check *c, const struct place *at, char buf[PLACE_ROOM])
{
	const char *line = c->policy->store ? c->policy->store->text : NULL;

	if (!line || at->source != c->policy->store) {
		snprintf(buf, PLACE_ROOM, "%s:%u", at->source->name, at->line);
		return buf;
	}
	for (unsigned int i = 1; i < at->line; i++)
		line += strcspn(line, "\n") + 1;
	snprintf(buf, PLACE_ROOM, "\"%.*s\" in the store", (int)strcspn(line, "\n"), line);
	return buf;
}

/* ---- names -------------------------------------------------------------- */

static void enter_name(struct check *c, enum named_kind kind, const char *name,
		       void *object, struct place place)
{
	struct name_key key = key_of(name);
	char where[PLACE_ROOM];
	struct named *n;
	bool fresh;

	n = table_put(&c->names, &key, &fresh);
	if (fresh) {
		*n = (struct named){ kind, object, place };
		return;
	}
	diag_error(c->diags, place, "there is another \"%s\"", name);
	diag_hint(c->diags, "%s has a %s of that name", place_name(c, &n->place, where),
		  kind_names[n->kind]);
}

static void enter_names(struct check *c)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->ports.len; i++) {
		struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		enter_name(c, NAMED_PORT, port->name, port, port->place);
	}
	for (size_t i = 0; i < p->lets.len; i++) {
		struct policy_let *let = *(struct policy_let **)vec_at(&p->lets, i);

		enter_name(c, NAMED_LET, let->name, let, let->place);
	}
	for (size_t i = 0; i < p->measures.len; i++) {
		struct policy_measure *m = vec_at(&p->measures, i);

		enter_name(c, NAMED_MEASURE, m->name, NULL, m->place);
	}
}

#define NAMES_GUESSED 4096	/* no "did you mean" among more */

/* An interface in place of the port's name. */
static bool hint_at_interface(struct check *c, const char *name)
{
	for (size_t i = 0; i < c->policy->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&c->policy->ports, i);

		if (port->interface && !strcmp(port->interface, name)) {
			diag_hint(c->diags, "the port on \"%s\" is called \"%s\"", name, port->name);
			return true;
		}
	}
	return false;
}

/* Helps with a name that is none, or one of another kind. */
static void hint_at_name(struct check *c, enum named_kind kind, const char *name)
{
	struct name_key key = key_of(name);
	const struct named *other = table_get(&c->names, &key), *n;
	struct nearest nearest = NEAREST(name);
	char known[POLICY_NAME_MAX + 1] = "", best[POLICY_NAME_MAX + 1] = "", where[PLACE_ROOM];
	const struct name_key *k;
	size_t pos = 0;

	if (other) {
		diag_hint(c->diags, "\"%s\" is the %s at %s", name, kind_names[other->kind],
			  place_name(c, &other->place, where));
		return;
	}
	if (c->names.len > NAMES_GUESSED)
		return;
	if (kind == NAMED_PORT && hint_at_interface(c, name))
		return;
	while (table_next(&c->names, &pos, (const void **)&k, (void **)&n)) {
		const char *before = nearest.best;

		if (n->kind != kind)
			continue;
		memcpy(known, k->name, sizeof(k->name));
		nearest_try(&nearest, known);
		if (nearest.best != before)
			strcpy(best, known);
		if (nearest.best)
			nearest.best = best;
	}
	if (nearest.best)
		diag_hint(c->diags, "did you mean \"%s\"?", best);
	else if (kind == NAMED_PORT && !c->policy->ports.len)
		diag_hint(c->diags, "ports are named first: port %s = \"eth0\";", name);
}

static void *find_name(struct check *c, enum named_kind kind, const char *name, struct place place)
{
	struct name_key key = key_of(name);
	const struct named *n = table_get(&c->names, &key);

	if (n && n->kind == kind)
		return n->object;
	if (c->policy->incomplete)
		return NULL;
	diag_error(c->diags, place, "no %s is called \"%s\"", kind_names[kind], name);
	hint_at_name(c, kind, name);
	return NULL;
}

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

/* ---- lets --------------------------------------------------------------- */

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct policy_range *x = a, *y = b;

	return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

static void sort_prefixes(struct vec *v)
{
	struct prefix *p = v->data;
	size_t kept = 0;

	if (!v->len)
		return;
	qsort(p, v->len, sizeof(*p), compare_prefixes);
	for (size_t i = 1; i < v->len; i++)
		if (!prefix_equal(&p[kept], &p[i]))
			p[++kept] = p[i];
	v->len = kept + 1;
}

static void sort_ranges(struct vec *v)
{
	struct policy_range *r = v->data;
	size_t kept = 0;

	if (!v->len)
		return;
	qsort(r, v->len, sizeof(*r), compare_ranges);
	for (size_t i = 1; i < v->len; i++) {
		if (r[kept].last != UINT64_MAX && r[i].first > r[kept].last + 1)
			r[++kept] = r[i];
		else if (r[i].last > r[kept].last)
			r[kept].last = r[i].last;
	}
	v->len = kept + 1;
}

static bool take_values(struct check *c, size_t n, struct place place)
{
	if (n <= POLICY_VALUES_MAX - c->values) {
		c->values += n;
		return true;
	}
	if (!c->too_many_values)
		diag_error(c->diags, place, "all lets together stand for more than %d values",
			   POLICY_VALUES_MAX);
	c->too_many_values = true;
	return false;
}

static void resolve_let(struct check *c, struct policy_let *let, unsigned int depth);

static void add_all(struct vec *to, const struct vec *from)
{
	for (size_t i = 0; i < from->len; i++)
		vec_append(to, vec_at(from, i));
}

static void add_let(struct check *c, struct policy_let *let, struct policy_value *v,
		    unsigned int depth)
{
	v->let = find_name(c, NAMED_LET, v->name, v->place);
	if (!v->let) {
		let->broken = true;
		return;
	}
	v->let->used = true;
	if (v->let->state == LET_OPEN) {
		diag_error(c->diags, v->place, "\"%s\" stands for itself here", v->name);
		let->broken = true;
		return;
	}
	if (v->let->state == LET_NEW && depth == POLICY_LET_DEPTH) {
		diag_error(c->diags, v->place, "lets stand for one another more than %d deep",
			   POLICY_LET_DEPTH);
		let->broken = true;
		return;
	}
	resolve_let(c, v->let, depth + 1);
	let->broken |= v->let->broken;
	if (!take_values(c, v->let->prefixes.len + v->let->ranges.len, v->place)) {
		let->broken = true;
		return;
	}
	add_all(&let->prefixes, &v->let->prefixes);
	add_all(&let->ranges, &v->let->ranges);
}

static void add_value(struct check *c, struct policy_let *let, struct policy_value *v,
		      unsigned int depth)
{
	struct policy_range r = { v->first, v->last };
	bool mixed = let->prefixes.len && let->ranges.len;

	switch (v->type) {
	case VALUE_NONE:
		break;
	case VALUE_LET:
		add_let(c, let, v, depth);
		break;
	case VALUE_PREFIX:
		if (take_values(c, 1, v->place))
			vec_append(&let->prefixes, &v->prefix);
		break;
	case VALUE_NUMBERS:
	case VALUE_MAC:
		if (take_values(c, 1, v->place))
			vec_append(&let->ranges, &r);
		break;
	}
	if (!mixed && let->prefixes.len && let->ranges.len) {
		diag_error(c->diags, v->place, "addresses and numbers do not mix in one let");
		let->broken = true;
	}
}

static void resolve_let(struct check *c, struct policy_let *let, unsigned int depth)
{
	if (let->state != LET_NEW)
		return;
	let->state = LET_OPEN;
	for (size_t i = 0; i < let->values.len; i++)
		add_value(c, let, vec_at(&let->values, i), depth);
	sort_prefixes(&let->prefixes);
	sort_ranges(&let->ranges);
	let->state = LET_DONE;
}

/* ---- routes ------------------------------------------------------------- */

static void check_routes(struct check *c)
{
	const struct policy_route *first = NULL;
	char where[PLACE_ROOM];

	for (size_t i = 0; i < c->policy->routes.len; i++) {
		const struct policy_route *r = vec_at(&c->policy->routes, i);

		if (r->table != TABLE_MAIN) {
			diag_error(c->diags, r->place, "%s not supported by this version",
				   r->table == TABLE_VRF ? "VRFs are" : "tables other than main are");
			diag_hint(c->diags, "\"route main;\" follows the kernel's main table");
		} else if (first) {
			diag_error(c->diags, r->place, "the policy routes by table main already");
			diag_hint(c->diags, "see %s", place_name(c, &first->place, where));
		} else {
			first = r;
		}
	}
}

/* ---- addresses ---------------------------------------------------------- */

static bool is_host_prefix(const struct prefix *p)
{
	return p->len == addr_bits(p->addr.family);
}

static bool is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

/* ---- static routes ------------------------------------------------------ */

static bool find_port(struct check *c, struct policy_port_ref *ref)
{
	ref->port = find_name(c, NAMED_PORT, ref->name, ref->place);
	if (ref->port)
		ref->port->used = true;
	return ref->port;
}

static void check_static(struct check *c, struct policy_static *s)
{
	if (strcmp(s->table, "main")) {
		diag_error(c->diags, s->table_place, "tables other than main are not supported by this version");
		return;
	}
	if (addr_is_multicast(&s->prefix.addr)) {
		diag_error(c->diags, s->place, "multicast is not routed: a group has legs");
		diag_hint(c->diags, "see 'sluice group add'");
		return;
	}
	if (s->via.family && s->via.family != s->prefix.addr.family)
		diag_error(c->diags, s->via_place, "the next hop is not of the prefix's family");
	else if (s->via.family && (addr_is_multicast(&s->via) || is_unspecified(&s->via)))
		diag_error(c->diags, s->via_place, "a next hop is one neighbour's address");
	if (s->to.name)
		find_port(c, &s->to);
}

static void check_statics(struct check *c)
{
	for (size_t i = 0; i < c->policy->statics.len && !c->diags->truncated; i++)
		check_static(c, vec_at(&c->policy->statics, i));
}

/* ---- multicast ---------------------------------------------------------- */

static const char *source_mistake(const struct prefix *p)
{
	if (!is_host_prefix(p))
		return "a source is one address, not a prefix";
	if (addr_is_multicast(&p->addr))
		return "a source is no multicast address";
	if (is_unspecified(&p->addr))
		return "a source has an address; any source is written *";
	return NULL;
}

/* Scopes 1 and 2 of IPv6 (RFC 4291, 2.7) and 224.0.0.0/24 never leave their link. */
static bool stays_on_link(const struct prefix *p)
{
	const uint8_t *b = p->addr.bytes;

	if (p->addr.family == ADDR_V4)
		return p->len >= 24 && b[0] == 224 && !b[1] && !b[2];
	return p->len >= 16 && b[0] == 0xff && ((b[1] & 0xf) == 1 || (b[1] & 0xf) == 2);
}

static const char *group_mistake(const struct prefix *p)
{
	if (!addr_is_multicast(&p->addr))
		return "a group is a multicast address: 224.0.0.0/4 or ff00::/8";
	if (p->len < (p->addr.family == ADDR_V4 ? 4 : 8))
		return "not all of this prefix is multicast: that is 224.0.0.0/4 and ff00::/8";
	if (stays_on_link(p))
		return "packets to a link-local group are not forwarded";
	return NULL;
}

/*
 * What @v stands for, as prefixes that @mistake finds nothing wrong with, appended to
 * @out. Return: false if there was a mistake, said by now or before.
 */
static bool check_addresses(struct check *c, struct policy_value *v, const char *what,
			    const char *(*mistake)(const struct prefix *), struct vec *out)
{
	const struct vec one = { .data = &v->prefix, .len = 1, .elem_size = sizeof(v->prefix) };
	const struct vec *prefixes = &one;
	char text[PREFIX_STRLEN];

	if (v->type == VALUE_NONE)
		return false;
	if (v->type == VALUE_NUMBERS) {
		diag_error(c->diags, v->place, "a %s is an address, not a number", what);
		return false;
	}
	if (v->type == VALUE_LET) {
		v->let = find_name(c, NAMED_LET, v->name, v->place);
		if (!v->let)
			return false;
		v->let->used = true;
		prefixes = &v->let->prefixes;
		if (v->let->broken)
			return false;
		if (v->let->ranges.len) {
			diag_error(c->diags, v->place, "a %s is an address, and \"%s\" stands for numbers",
				   what, v->name);
			return false;
		}
		if (prefixes->len > POLICY_ENTRIES_MAX) {
			diag_error(c->diags, v->place, "\"%s\" has more than %d addresses", v->name,
				   POLICY_ENTRIES_MAX);
			return false;
		}
	}
	for (size_t i = 0; i < prefixes->len; i++) {
		const struct prefix *p = vec_at(prefixes, i);
		const char *wrong = mistake(p);

		if (wrong) {
			diag_error(c->diags, v->place, "%s", wrong);
			if (v->type == VALUE_LET)
				diag_hint(c->diags, "\"%s\" has %s in it", v->name,
					  prefix_format_short(p, text));
			return false;
		}
		vec_append(out, p);
	}
	return true;
}

static bool check_sources(struct check *c, struct policy_group *g)
{
	struct vec prefixes = VEC(struct prefix);
	bool good;

	if (g->any_source) {
		vec_push(&g->sources);	/* zeroed: family ADDR_NONE */
		return true;
	}
	good = check_addresses(c, &g->source, "source", source_mistake, &prefixes);
	for (size_t i = 0; i < prefixes.len; i++)
		vec_append(&g->sources, &((const struct prefix *)vec_at(&prefixes, i))->addr);
	vec_free(&prefixes);
	return good;
}

static bool check_groups(struct check *c, struct policy_group *g)
{
	if (!check_addresses(c, &g->group, "group", group_mistake, &g->groups))
		return false;
	if (g->any_source)
		return true;
	for (size_t i = 0; i < g->groups.len; i++) {
		if (is_host_prefix(vec_at(&g->groups, i)))
			continue;
		diag_error(c->diags, g->group.place, "a group prefix has no single source");
		diag_hint(c->diags, "write * for the source, or each group by itself");
		return false;
	}
	return true;
}

static size_t count_family(const struct vec *v, uint8_t family)
{
	size_t n = 0;

	/* struct addr is the first member of struct prefix. */
	for (size_t i = 0; i < v->len; i++)
		n += ((const struct addr *)vec_at(v, i))->family == family;
	return n;
}

_Static_assert(offsetof(struct prefix, addr) == 0, "count_family() reads prefixes as addresses");

/* Each source needs a group of its family, and each group a source. */
static bool check_families(struct check *c, const struct policy_group *g)
{
	static const uint8_t families[] = { ADDR_V4, ADDR_V6 };

	if (g->any_source)
		return true;
	for (size_t i = 0; i < 2; i++) {
		bool sources = count_family(&g->sources, families[i]);
		bool groups = count_family(&g->groups, families[i]);

		if (sources == groups)
			continue;
		diag_error(c->diags, sources ? g->source.place : g->group.place,
			   "an IPv%d %s needs an IPv%d %s", families[i], sources ? "source" : "group",
			   families[i], sources ? "group" : "source");
		return false;
	}
	return true;
}

static bool check_from(struct check *c, struct policy_group *g)
{
	struct policy_port_ref *from = g->from.data;
	bool good = true;

	for (size_t i = 0; i < g->from.len; i++) {
		if (i == POLICY_PORTS_MAX) {
			diag_error(c->diags, from[i].place, "there are no more than %d ports",
				   POLICY_PORTS_MAX);
			return false;
		}
		if (!find_port(c, &from[i])) {
			good = false;
			continue;
		}
		for (size_t j = 0; j < i; j++) {
			if (from[j].port != from[i].port)
				continue;
			diag_error(c->diags, from[i].place, "\"%s\" is named twice", from[i].name);
			good = false;
			break;
		}
	}
	return good;
}

/* A leg by itself, and against those before it. */
static bool check_leg(struct check *c, struct policy_group *g, size_t at)
{
	const struct policy_port_ref *from = g->from.data;
	struct policy_leg *legs = g->legs.data, *leg = &legs[at];

	if (leg->host && (leg->vlan_place.source || leg->ttl_place.source)) {
		diag_error(c->diags, leg->vlan_place.source ? leg->vlan_place : leg->ttl_place,
			   "the leg \"host\" gets the packet as it came in: no VLAN, no TTL");
		return false;
	}
	if (!leg->host && !find_port(c, &leg->to))
		return false;
	for (size_t i = 0; i < at; i++) {
		if (legs[i].host != leg->host || legs[i].to.port != leg->to.port)
			continue;
		diag_error(c->diags, leg->place, "\"%s\" is a leg of this group already",
			   leg->host ? "host" : leg->to.name);
		if (leg->vlan != legs[i].vlan)
			diag_hint(c->diags, "a port sends one copy of a group, and it has one VLAN");
		return false;
	}
	for (size_t i = 0; !leg->host && i < g->from.len; i++) {
		if (from[i].port != leg->to.port)
			continue;
		diag_error(c->diags, leg->place, "the group comes in on \"%s\", it cannot go out there",
			   leg->to.name);
		return false;
	}
	return true;
}

static bool check_legs(struct check *c, struct policy_group *g)
{
	const struct policy_leg *legs = g->legs.data;
	bool good = true, host = false;
	size_t i;

	for (i = 0; i < g->legs.len && i < POLICY_LEGS_MAX; i++) {
		good &= check_leg(c, g, i);
		host |= legs[i].host;
	}
	if (i < g->legs.len) {
		diag_error(c->diags, legs[i].place, "a group has at most %d legs", POLICY_LEGS_MAX);
		good = false;
	} else if (host && g->legs.len > POLICY_HOST_LEGS_MAX + 1) {
		diag_error(c->diags, legs[POLICY_HOST_LEGS_MAX + 1].place,
			   "a group with the leg \"host\" has at most %d others", POLICY_HOST_LEGS_MAX);
		good = false;
	}
	return good;
}

static struct entry_key entry_key(const struct addr *source, const struct prefix *group,
				  const struct policy_port *port)
{
	struct entry_key key;

	memset(&key, 0, sizeof(key));
	key.source_family = source->family;
	memcpy(key.source, source->bytes, sizeof(key.source));
	key.family = group->addr.family;
	memcpy(key.group, group->addr.bytes, sizeof(key.group));
	key.len = group->len;
	key.port = port;
	return key;
}

/* Enters one (source, group, port). Return: false if it is there already. */
static bool add_entry(struct check *c, struct policy_group *g, const struct addr *source,
		      const struct prefix *group, const struct policy_port_ref *from)
{
	struct entry_key key = entry_key(source, group, from->port);
	char name[PREFIX_STRLEN], where[PLACE_ROOM];
	struct policy_entry *entry;
	struct entry_owner *owner;
	bool fresh;

	owner = table_put(&c->entries, &key, &fresh);
	if (!fresh) {
		diag_error(c->diags, g->place, "%s from \"%s\" has another statement",
			   prefix_format_short(group, name), from->name);
		diag_hint(c->diags, "see %s; write all its legs in one",
			  place_name(c, &owner->place, where));
		return false;
	}
	owner->place = g->place;
	owner->group = g - (struct policy_group *)c->policy->groups.data;
	entry = vec_push(&g->entries);
	entry->source = *source;
	entry->group = *group;
	entry->port = from->port;
	return true;
}

static uint64_t count_entries(const struct policy_group *g)
{
	uint64_t pairs = (uint64_t)count_family(&g->sources, ADDR_V4) * count_family(&g->groups, ADDR_V4) +
			 (uint64_t)count_family(&g->sources, ADDR_V6) * count_family(&g->groups, ADDR_V6);

	return (g->any_source ? g->groups.len : pairs) * g->from.len;
}

static void add_entries(struct check *c, struct policy_group *g)
{
	if (c->too_many_entries)
		return;
	if (count_entries(g) > POLICY_ENTRIES_MAX - c->entries.len) {
		c->too_many_entries = true;
		diag_error(c->diags, g->place,
			   "with this one there are more than %d groups (source, group and port)",
			   POLICY_ENTRIES_MAX);
		return;
	}
	for (size_t i = 0; i < g->sources.len; i++) {
		const struct addr *source = vec_at(&g->sources, i);

		for (size_t j = 0; j < g->groups.len; j++) {
			const struct prefix *group = vec_at(&g->groups, j);

			if (source->family != ADDR_NONE && source->family != group->addr.family)
				continue;
			for (size_t k = 0; k < g->from.len; k++)
				if (!add_entry(c, g, source, group, vec_at(&g->from, k)))
					return;
		}
	}
}

/* ---- legs of the store, for a group that a document has ------------------ */

static void drop_entry(struct policy_group *g, const struct policy_entry *e)
{
	struct policy_entry *entries = g->entries.data;
	size_t i = 0;

	while (!addr_equal(&entries[i].source, &e->source) ||
	       !prefix_equal(&entries[i].group, &e->group) || entries[i].port != e->port)
		i++;
	memmove(&entries[i], &entries[i + 1], (g->entries.len - i - 1) * sizeof(*entries));
	vec_pop(&g->entries);
}

/*
 * If a document has the (source, group, port) of @g, takes it over with its legs, which stand in
 * front then: a statement that named others besides keeps those.
 */
static void take_over_entry(struct check *c, struct policy_group *g)
{
	const struct policy_port_ref *from = g->from.data;
	const struct policy_entry entry = {
		*(struct addr *)vec_at(&g->sources, 0), *(struct prefix *)vec_at(&g->groups, 0),
		from->port,
	};
	struct entry_key key = entry_key(&entry.source, &entry.group, entry.port);
	const struct entry_owner *owner = table_get(&c->entries, &key);
	struct vec legs = VEC(struct policy_leg);
	struct policy_group *document;

	if (!owner)
		return;
	document = vec_at(&c->policy->groups, owner->group);
	drop_entry(document, &entry);
	document->split = true;
	add_all(&legs, &document->legs);
	add_all(&legs, &g->legs);
	vec_free(&g->legs);
	g->legs = legs;
	table_del(&c->entries, &key);
}

static void check_multicast(struct check *c)
{
	for (size_t i = 0; i < c->policy->groups.len && !c->diags->truncated; i++) {
		struct policy_group *g = vec_at(&c->policy->groups, i);
		bool good = check_sources(c, g);

		good &= check_groups(c, g);
		good = good && check_families(c, g);
		good &= check_from(c, g);
		if (good && g->store)
			take_over_entry(c, g);
		good &= check_legs(c, g);
		if (good)
			add_entries(c, g);
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
}

void policy_check(struct policy *p, struct diags *diags)
{
	struct check c = {
		.policy = p,
		.diags = diags,
		.names = TABLE(struct name_key, struct named),
		.interfaces = TABLE(struct name_key, struct place),
		.entries = TABLE(struct entry_key, struct entry_owner),
	};

	enter_names(&c);
	check_ports(&c);
	for (size_t i = 0; i < p->lets.len && !diags->truncated; i++)
		resolve_let(&c, *(struct policy_let **)vec_at(&p->lets, i), 1);
	check_routes(&c);
	check_statics(&c);
	check_multicast(&c);
	check_measures(&c);
	if (!diags->errors)
		warn_unused(&c);
	table_free(&c.names);
	table_free(&c.interfaces);
	table_free(&c.entries);
}

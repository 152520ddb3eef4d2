// SPDX-License-Identifier: GPL-2.0
/*
 * check_group.c: multicast groups: sources, groups, ports and legs that go together.
 */
#include "policy/checker.h"

#include <stdlib.h>
#include <string.h>

/* ---- addresses ---------------------------------------------------------- */

bool is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

/* ---- entries, and whose they are ---------------------------------------- */

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
	if (v->type == VALUE_ADDRESSES) {
		diag_error(c->diags, v->place, "a %s is an address, not a range of them", what);
		diag_hint(c->diags, "a let may have a range: let some = { 239.1.1.0-239.1.1.9 };");
		return false;
	}
	if (v->type == VALUE_NUMBERS || v->type == VALUE_MAC) {
		diag_error(c->diags, v->place, "a %s is an address, not %s", what,
			   v->type == VALUE_MAC ? "one of the link layer" : "a number");
		return false;
	}
	if (v->type == VALUE_LET) {
		v->let = find_values(c, v->name, v->place);
		if (!v->let)
			return false;
		prefixes = &v->let->prefixes;
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

void check_multicast(struct check *c)
{
	c->entries = TABLE(struct entry_key, struct entry_owner);
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


// SPDX-License-Identifier: GPL-2.0
/*
 * beside_groups.c: which legs do multicast packets take, by two policies?
 *
 * Each entry (source, group, port) of either policy is asked about with a packet of its own: that it decides of,
 * and no closer entry of either. As the data path does it (policy/eval.c), (source, group) goes before
 * (*, group), that before (*, longest prefix). Where there is no such packet the entry means nothing there.
 * A group that is no mere prefix also means something on all other ports: what comes in there took a wrong way.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/beside_inside.h"
#include "base/table.h"

#define SOURCES_TRIED	5000	/* for a packet of any source: more than entries may have */

struct found {
	const struct policy_group *group;	/* NULL: none */
	const struct policy_entry *entry;
};

/* The same in both policies: the port by its interface. */
struct entry_key {
	struct addr source;
	struct prefix group;
	char interface[POLICY_INTERFACE_MAX + 1];
};

static struct entry_key key_of(const struct policy_entry *e)
{
	struct entry_key key = { .source = e->source, .group = e->group };

	strncpy(key.interface, e->port->interface, POLICY_INTERFACE_MAX);
	return key;
}

/* What an entry takes before others: 3 its source and group, 2 its group, 1 its prefix. */
static unsigned int closeness(const struct policy_entry *e)
{
	return e->source.family ? 3 : prefix_is_host(&e->group) ? 2 : 1;
}

static bool is_closer(const struct policy_entry *a, const struct policy_entry *b)
{
	return closeness(a) != closeness(b) ? closeness(a) > closeness(b) : a->group.len > b->group.len;
}

static struct found find_entry(const struct policy *p, const char *interface, const struct addr *src,
			       const struct addr *dst)
{
	struct found best = { NULL, NULL };

	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++) {
			const struct policy_entry *e = vec_at(&g->entries, k);

			if (prefix_covers(&e->group, dst) && (!e->source.family || addr_equal(&e->source, src)) &&
			    !strcmp(e->port->interface, interface) && (!best.entry || is_closer(e, best.entry)))
				best = (struct found){ g, e };
		}
	}
	return best;
}

/* ---- a packet of an entry ------------------------------------------------------------------------ */

/* Whether no entry but one of the same key, or one less close, takes it. */
static bool is_own(const struct beside *b, const struct policy_entry *e, const struct addr *src,
		   const struct addr *dst, struct found found[2])
{
	struct entry_key key = key_of(e);

	for (unsigned int i = 0; i < 2; i++) {
		struct entry_key other;

		found[i] = find_entry(b->policy[i], e->port->interface, src, dst);
		if (!found[i].entry)
			continue;
		other = key_of(found[i].entry);
		if (memcmp(&key, &other, sizeof(key)) && !is_closer(e, found[i].entry))
			return false;
	}
	return true;
}

/* Group prefixes that may take packets of @e away: of closer entries on its port. */
static struct vec closer_groups(const struct beside *b, const struct policy_entry *e, bool sources)
{
	struct vec all = VEC(struct prefix);

	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->policy[i]->groups.len; k++) {
			const struct policy_group *g = vec_at(&b->policy[i]->groups, k);

			for (size_t m = 0; m < g->entries.len; m++) {
				const struct policy_entry *o = vec_at(&g->entries, m);

				if (!is_closer(o, e) || strcmp(o->port->interface, e->port->interface))
					continue;
				if (e->source.family ? addr_equal(&o->source, &e->source) :
						       sources || !o->source.family)
					vec_append(&all, &o->group);
			}
		}
	beside_sort(&all);
	return all;
}

static struct addr some_source(uint8_t family, unsigned int n)
{
	struct addr a = addr_v4(0xc0000201 + n);	/* 192.0.2.1 */

	if (family == ADDR_V6) {
		addr_parse("2001:db8::", &a);
		a.bytes[14] = n >> 8;
		a.bytes[15] = n + 1;
	}
	return a;
}

/* A group that no closer entry has; if there is none, one of which no closer entry has the source. */
static bool find_packet(const struct beside *b, const struct policy_entry *e, struct addr *src, struct addr *dst,
			struct found found[2])
{
	bool any = !e->source.family;

	*src = any ? some_source(e->group.addr.family, 0) : e->source;
	for (unsigned int sources = 2; sources-- > 0;) {
		struct vec closer = closer_groups(b, e, sources);
		bool is = beside_free_address(&e->group, &closer, dst);

		vec_free(&closer);
		for (unsigned int n = 0; is && n < (any ? SOURCES_TRIED : 1); n++) {
			if (any)
				*src = some_source(e->group.addr.family, n);
			if (is_own(b, e, src, dst, found))
				return true;
		}
	}
	return false;
}

/* ---- legs ---------------------------------------------------------------------------------------- */

static void say_entry(const struct policy_entry *e, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "(%s", e->source.family ? addr_format(&e->source, buf) : "*");
	text_printf(out, ", %s)", prefix_format_short(&e->group, buf));
}

static void say_rewrite(const struct policy_leg *leg, struct text *out)
{
	if (leg->vlan)
		text_printf(out, " vlan %" PRIu64, leg->vlan);
	if (leg->ttl)
		text_printf(out, " ttl %" PRIu64, leg->ttl);
}

static const char *leg_name(const struct policy_leg *leg)
{
	return leg->host ? "host" : leg->to.name;
}

static void say_legs(const struct found *f, const struct policy_entry *e, struct text *out)
{
	if (!f->group) {
		text_put(out, "no group");
		return;
	}
	for (size_t i = 0; i < f->group->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&f->group->legs, i);

		text_printf(out, "%s%s", i ? ", " : "to ", leg_name(leg));
		say_rewrite(leg, out);
	}
	if (prefix_equal(&f->entry->group, &e->group) && addr_equal(&f->entry->source, &e->source))
		return;
	text_put(out, " ");
	say_entry(f->entry, out);
}

static const struct policy_leg *find_leg(const struct policy_group *g, const struct policy_leg *like)
{
	for (size_t i = 0; i < g->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&g->legs, i);

		if (leg->host == like->host &&
		    (leg->host || !strcmp(leg->to.port->interface, like->to.port->interface)))
			return leg;
	}
	return NULL;
}

/* "leg lan2 added; leg fb: vlan 12 -> vlan 13 ttl 3"; nothing: they are the same. */
static void say_leg_changes(const struct policy_group *before, const struct policy_group *after, struct text *out)
{
	for (size_t i = 0; i < before->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&before->legs, i);

		if (!find_leg(after, leg))
			text_printf(out, "%sleg %s removed", out->len ? "; " : "", leg_name(leg));
	}
	for (size_t i = 0; i < after->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&after->legs, i), *old = find_leg(before, leg);
		struct text x = { 0 }, y = { 0 };

		say_rewrite(leg, &y);
		if (!old) {
			text_printf(out, "%sleg %s%s added", out->len ? "; " : "", leg_name(leg), text_string(&y));
		} else if (old->vlan != leg->vlan || old->ttl != leg->ttl) {
			say_rewrite(old, &x);
			text_printf(out, "%sleg %s:%s ->%s", out->len ? "; " : "", leg_name(leg),
				    x.len ? text_string(&x) : " as it came", y.len ? text_string(&y) : " as it came");
		}
		text_free(&x);
		text_free(&y);
	}
}

/* ---- the other ports ---------------------------------------------------------------------------------- */

/* Whether a group that is no mere prefix has the packet on some port: on others that have none it is dropped. */
static bool is_claimed(const struct policy *p, const struct addr *src, const struct addr *dst)
{
	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++) {
			const struct policy_entry *e = vec_at(&g->entries, k);

			if (closeness(e) > 1 && prefix_covers(&e->group, dst) &&
			    (!e->source.family || addr_equal(&e->source, src)))
				return true;
		}
	}
	return false;
}

static bool is_a_source(const struct policy *p, const struct addr *src)
{
	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++)
			if (addr_equal(&((struct policy_entry *)vec_at(&g->entries, k))->source, src))
				return true;
	}
	return false;
}

/* A port that both have, and where neither has a group for the packet. */
static const struct policy_port *port_without(const struct beside *b, const struct addr *src, const struct addr *dst)
{
	for (size_t i = 0; i < b->policy[1]->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&b->policy[1]->ports, i);

		if (beside_port(b->policy[0], port) &&
		    !find_entry(b->policy[0], port->interface, src, dst).group &&
		    !find_entry(b->policy[1], port->interface, src, dst).group)
			return port;
	}
	return NULL;
}

/* What an entry that one policy only has does elsewhere: a packet of it there, on a port of the second. */
static const struct policy_port *claimed_elsewhere(const struct beside *b, const struct policy_entry *e,
						   struct addr *src, struct addr *dst, bool claimed[2])
{
	const struct policy_port *port = NULL;
	bool known = true;

	if (closeness(e) < 2)
		return NULL;
	*dst = e->group.addr;
	*src = e->source;
	for (unsigned int n = 0; known && !port && n < SOURCES_TRIED; n++) {
		if (!e->source.family)
			*src = some_source(e->group.addr.family, n);
		known = !e->source.family && (is_a_source(b->policy[0], src) || is_a_source(b->policy[1], src));
		for (unsigned int i = 0; i < 2; i++)
			claimed[i] = is_claimed(b->policy[i], src, dst);
		if (claimed[0] != claimed[1])
			port = port_without(b, src, dst);
	}
	return port;
}

/* ---- an entry -------------------------------------------------------------------------------------- */

static void compare_elsewhere(struct beside *b, unsigned int of, const struct policy_group *g,
			      const struct policy_entry *e)
{
	struct text name = { 0 }, sentence = { 0 }, packet = { 0 };
	const struct policy_port *port;
	struct addr src, dst;
	bool claimed[2];

	port = claimed_elsewhere(b, e, &src, &dst, claimed);
	if (!port)
		return;
	say_entry(e, &name);
	text_printf(&name, " from other ports, as %s", port->name);
	text_put(&sentence, claimed[1] ? "to the host -> dropped" : "dropped -> to the host");
	beside_packet(b->policy[1], port, &src, &dst, &packet);
	beside_add(b, "group", &name, &sentence, &packet, of, &g->place);
}

static void compare_here(struct beside *b, unsigned int of, const struct policy_group *g,
			 const struct policy_entry *e)
{
	struct text name = { 0 }, sentence = { 0 }, packet = { 0 };
	struct entry_key key = key_of(e), other;
	struct addr src, dst;
	struct found f[2];
	bool both;

	if (!find_packet(b, e, &src, &dst, f))
		return;
	if (f[0].group && f[1].group) {
		say_leg_changes(f[0].group, f[1].group, &sentence);
		if (!sentence.len)
			return;
	}
	other = f[!of].entry ? key_of(f[!of].entry) : (struct entry_key){ 0 };
	both = f[!of].entry && !memcmp(&key, &other, sizeof(key));
	if (!both) {
		sentence.len = 0;
		say_legs(&f[0], e, &sentence);
		text_put(&sentence, " -> ");
		say_legs(&f[1], e, &sentence);
	}
	say_entry(e, &name);
	text_printf(&name, " from %s", e->port->name);
	beside_packet(b->policy[of], e->port, &src, &dst, &packet);
	beside_add(b, "group", &name, &sentence, &packet, of, &g->place);
}

static void compare_entry(struct beside *b, unsigned int of, const struct policy_group *g,
			  const struct policy_entry *e)
{
	compare_here(b, of, g, e);
	compare_elsewhere(b, of, g, e);
}

/* Entry by entry, the group that it is of. */
static struct table groups_of(const struct policy *p)
{
	struct table t = TABLE(struct entry_key, const struct policy_group *);

	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++) {
			struct entry_key key = key_of(vec_at(&g->entries, k));

			*(const struct policy_group **)table_put(&t, &key, NULL) = g;
		}
	}
	return t;
}

static bool same_legs(const struct policy_group *a, const struct policy_group *b)
{
	struct text changes = { 0 };
	bool same;

	say_leg_changes(a, b, &changes);
	same = !changes.len;
	text_free(&changes);
	return same;
}

void beside_groups(struct beside *b)
{
	struct table of_key[2] = { groups_of(b->policy[0]), groups_of(b->policy[1]) };

	/* Those that both have are told of where they stand now. */
	for (unsigned int of = 2; of-- > 0;)
		for (size_t i = 0; i < b->policy[of]->groups.len; i++) {
			const struct policy_group *g = vec_at(&b->policy[of]->groups, i);

			for (size_t k = 0; k < g->entries.len; k++) {
				const struct policy_entry *e = vec_at(&g->entries, k);
				struct entry_key key = key_of(e);
				const struct policy_group **other = table_get(&of_key[!of], &key);

				if (!other || (of && !same_legs(*other, g)))
					compare_entry(b, of, g, e);
			}
		}
	table_free(&of_key[0]);
	table_free(&of_key[1]);
}

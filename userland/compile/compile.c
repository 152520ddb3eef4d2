// SPDX-License-Identifier: GPL-2.0
#include "compile/compile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/filter.h"

struct compiler {
	const struct policy *policy;
	struct numbering *numbering;
	struct compile_options options;
	struct image *image;
	struct diags *diags;
	struct table port_numbers;	/* struct policy_port * -> uint16_t */
	struct table anywhere;		/* struct group_key, port PORT_ANY -> nothing: entered already */
};

static int too_many(struct compiler *c, struct place place, const char *what, unsigned int max)
{
	diag_error(c->diags, place, "there is no room for %s", what);
	diag_hint(c->diags, "at most %u are kept, those of the running policy included", max);
	return -ENOSPC;
}

static int compile_port(struct compiler *c, const struct policy_port *port)
{
	int number = numbering_port(c->numbering, port->interface);
	struct image_port *p;

	if (number < 0)
		return too_many(c, port->place, "another port", PORTS_MAX - 1);
	p = vec_push(&c->image->ports);
	snprintf(p->name, sizeof(p->name), "%s", port->name);
	snprintf(p->interface, sizeof(p->interface), "%s", port->interface);
	p->number = number;
	p->generic = port->mode == PORT_GENERIC;
	p->store = port->store;
	*(uint16_t *)table_put(&c->port_numbers, &port, NULL) = number;
	c->image->config.port[number] = CONFIG_PORT;
	c->image->config.ports++;
	return 0;
}

static uint16_t port_number(const struct compiler *c, const struct policy_port *port)
{
	return *(uint16_t *)table_get(&c->port_numbers, &port);
}

/* ---- multicast ----------------------------------------------------------- */

static int counter(struct compiler *c, struct place place, uint32_t *number, const char *kind,
		   const char *entry, const char *leg)
{
	struct image_counter *n;
	char name[192];
	int given;

	snprintf(name, sizeof(name), "%s %s%s%s", kind, entry, leg ? " " : "", leg ? leg : "");
	given = numbering_counter(c->numbering, name);
	if (given < 0)
		return too_many(c, place, "another counter", COUNTERS_MAX - 1);
	n = vec_push(&c->image->counters);
	snprintf(n->name, sizeof(n->name), "%.*s", COUNTER_NAME_MAX - 1, name);
	n->number = given;
	*number = given;
	return 0;
}

static int compile_leg(struct compiler *c, const struct policy_leg *leg, const char *entry,
		       uint32_t group)
{
	struct image_leg l = { .group = group, .store = leg->store };
	const char *interface = leg->to.port->interface;
	int err;

	l.leg.port = port_number(c, leg->to.port);
	if (leg->ttl) {
		l.leg.flags |= LEG_TTL;
		l.leg.ttl = leg->ttl;
	}
	if (leg->vlan) {
		l.leg.flags |= LEG_VLAN;
		l.leg.vlan = leg->vlan;
	}
	err = counter(c, leg->place, &l.leg.counter, "leg", entry, interface);
	if (!err)
		err = counter(c, leg->place, &l.leg.counter_ttl, "leg-ttl", entry, interface);
	if (!err)
		vec_append(&c->image->legs, &l);
	return err;
}

/* The same (source, group) under PORT_ANY, once: it tells a wrong port from an unknown group. */
static void add_anywhere(struct compiler *c, const struct group_key *key)
{
	struct image_group any = { .key = *key };
	bool fresh;

	any.key.port = PORT_ANY;
	table_put(&c->anywhere, &any.key, &fresh);
	if (fresh)
		vec_append(&c->image->groups, &any);
}

static void add_group(struct compiler *c, const struct policy_entry *e, const struct group *value,
		      bool store_host)
{
	uint8_t family = e->group.addr.family;
	uint16_t port = port_number(c, e->port);
	struct config *config = &c->image->config;

	if (e->group.len < addr_bits(family)) {
		struct image_group_prefix *p = vec_push(&c->image->group_prefixes);

		p->key.prefixlen = GROUP_PREFIX_FIXED + e->group.len;
		p->key.port = htons(port);
		p->key.family = family;
		memcpy(p->key.group, e->group.addr.bytes, 16);
		p->value = *value;
		p->store_host = store_host;
		config->groups_prefix = 1;
	} else {
		struct image_group *g = vec_push(&c->image->groups);

		g->key.port = port;
		g->key.family = family;
		memcpy(g->key.source, e->source.bytes, 16);
		memcpy(g->key.group, e->group.addr.bytes, 16);
		g->value = *value;
		g->store_host = store_host;
		if (e->source.family)
			config->groups_source = 1;
		else
			config->groups_any = 1;
		add_anywhere(c, &((struct image_group *)vec_at(&c->image->groups,
				  c->image->groups.len - 1))->key);
	}
}

static int compile_entry(struct compiler *c, const struct policy_group *group,
			 const struct policy_entry *e)
{
	struct group value = { .number = c->image->group_count };
	char entry[POLICY_ENTRY_STRLEN];
	bool store_host = false;
	int err;

	if (c->image->group_count == GROUPS_MAX)
		return too_many(c, group->place, "another multicast group", GROUPS_MAX);
	policy_entry_name(e, entry);
	err = counter(c, group->place, &value.counter, "group", entry, NULL);
	for (size_t i = 0; !err && i < group->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&group->legs, i);

		if (leg->host) {
			value.flags |= GROUP_HOST;
			store_host = leg->store;
			continue;
		}
		value.flags |= GROUP_LEGS;
		if (leg->ttl)
			value.flags |= GROUP_KEEPS_TTL;
		err = compile_leg(c, leg, entry, value.number);
	}
	if (err)
		return err;
	c->image->group_count++;
	add_group(c, e, &value, store_host);
	return 0;
}

_Static_assert(IMAGE_HOPS_MAX == POLICY_HOPS_MAX, "a static route has as many in both");

/* ---- routes ---------------------------------------------------------------- */

static int compare_statics(const void *a, const void *b)
{
	const struct image_static *x = a, *y = b;

	return prefix_cmp(&x->prefix, &y->prefix);
}

static void compile_table(struct compiler *c, const struct policy_route *route)
{
	struct image_routing *routing = &c->image->routing;
	struct image_table *table;

	if (route->table == TABLE_MAIN) {
		routing->limit4 = route->limit4;
		routing->limit6 = route->limit6;
		return;
	}
	table = vec_push(&routing->tables);
	table->number = route->number;
	table->limit4 = route->limit4;
	table->limit6 = route->limit6;
	if (route->vrf)
		snprintf(table->vrf, sizeof(table->vrf), "%s", route->vrf);
	for (size_t i = 0; i < route->ports.len; i++) {
		const struct policy_port_ref *ref = vec_at(&route->ports, i);

		vec_append(&routing->table_ports, &(struct image_table_port){
			routing->tables.len - 1, port_number(c, ref->port) });
	}
}

static void compile_sources(struct compiler *c)
{
	static const struct { unsigned int check; uint8_t flag; } flags[] = {
		{ 1u << SOURCE_RPF, CONFIG_PORT_RPF },
		{ 1u << SOURCE_RPF_LOOSE, CONFIG_PORT_RPF_LOOSE },
		{ 1u << SOURCE_ANTI_SPOOF, CONFIG_PORT_ANTI_SPOOF },
		{ 1u << SOURCE_BOGONS, CONFIG_PORT_BOGONS },
	};
	struct image_routing *routing = &c->image->routing;
	struct config *config = &c->image->config;

	for (size_t i = 0; i < c->policy->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&c->policy->ports, i);

		for (size_t k = 0; k < sizeof(flags) / sizeof(*flags); k++)
			if (port->source_checks & flags[k].check)
				config->port[port_number(c, port)] |= flags[k].flag;
		config->sources |= port->source_checks != 0;
		routing->sources |= (port->source_checks & ~(1u << SOURCE_BOGONS)) != 0;
	}
	for (size_t i = 0; i < c->policy->bogons.len; i++) {
		const struct policy_bogon *b = vec_at(&c->policy->bogons, i);

		vec_append(&routing->bogons, &(struct image_bogon){
			b->prefix, b->listed ? BOGON_LISTED : BOGON_EXCEPT });
	}
	if (routing->bogons.len)	/* behind the tables of routes */
		config->bogons = 1 + routing->tables.len + 1;
}

static void compile_routes(struct compiler *c)
{
	const struct policy *policy = c->policy;
	struct vec *statics = &c->image->statics;

	if (!policy->routes.len)
		return;
	c->image->config.route = 1;
	for (size_t i = 0; i < policy->routes.len; i++)
		compile_table(c, vec_at(&policy->routes, i));
	compile_sources(c);
	for (size_t i = 0; i < policy->statics.len; i++) {
		const struct policy_static *s = vec_at(&policy->statics, i);
		struct image_static *to = vec_push(statics);

		to->prefix = s->prefix;
		to->hops = s->hops;
		for (unsigned int j = 0; j < s->hops; j++) {
			to->hop[j].via = s->hop[j].via;
			to->hop[j].port = port_number(c, s->hop[j].to.port);
		}
	}
	if (statics->len)
		qsort(statics->data, statics->len, statics->elem_size, compare_statics);
}

static int compile_counted(struct compiler *c)
{
	for (size_t i = 0; i < c->policy->counted.len; i++) {
		const struct policy_counted *p = vec_at(&c->policy->counted, i);
		uint8_t family = p->prefix.addr.family;
		struct image_counted counted = {
			.key.prefixlen = COUNTED_FIXED + p->prefix.len, .key.family = family,
		};
		char name[PREFIX_STRLEN];
		int err = counter(c, p->place, &counted.counter, "prefix", prefix_format(&p->prefix, name), NULL);

		if (err)
			return err;
		memcpy(counted.key.destination, p->prefix.addr.bytes, 16);
		vec_append(&c->image->counted, &counted);
	}
	c->image->config.counted = c->image->counted.len > 0;
	c->image->config.counted_hops = c->policy->counted_hops.len > 0;
	c->image->routing.counted_hops = c->image->config.counted_hops;
	return 0;
}

/* ---- all ------------------------------------------------------------------ */

static void compile_measure(struct image *image, const struct policy_measure *m)
{
	image->config.measure = 1;
	snprintf(image->measure.name, sizeof(image->measure.name), "%s", m->name);
	image->measure.key = m->key;
	image->measure.threshold_ppm = m->threshold_ppm;
	image->measure.threshold_Bps = m->threshold_Bps;
	image->measure.oversampling = m->oversampling;
	image->measure.interval_ms = m->interval_ms;
	image->measure.slots = m->slots;
}

static int compile_filters(struct compiler *c)
{
	const struct vec *ports = &c->policy->ports;
	uint16_t *port = xcalloc(ports->len ? ports->len : 1, sizeof(*port));
	int err;

	for (size_t i = 0; i < ports->len; i++)
		port[i] = port_number(c, *(struct policy_port **)vec_at(ports, i));
	err = compile_filter(c->policy, port, c->numbering, &c->options, c->image, c->diags);
	free(port);
	return err;
}

static int compile_all(struct compiler *c)
{
	const struct policy *policy = c->policy;
	int err = 0;

	for (size_t i = 0; !err && i < policy->ports.len; i++)
		err = compile_port(c, *(struct policy_port **)vec_at(&policy->ports, i));
	for (size_t i = 0; !err && i < policy->groups.len; i++) {
		const struct policy_group *group = vec_at(&policy->groups, i);

		for (size_t j = 0; !err && j < group->entries.len; j++)
			err = compile_entry(c, group, vec_at(&group->entries, j));
	}
	compile_routes(c);
	err = err ? err : compile_counted(c);
	if (policy->measures.len)
		compile_measure(c->image, vec_at(&policy->measures, 0));
	return err ? err : compile_filters(c);
}

int compile_policy(const struct policy *policy, struct numbering *numbering,
		   const struct compile_options *options, struct image **image, struct diags *diags)
{
	struct compiler c = {
		.policy = policy,
		.numbering = numbering,
		.options = options ? *options : (struct compile_options){ 0 },
		.image = image_new(),
		.diags = diags,
		.port_numbers = TABLE(struct policy_port *, uint16_t),
		.anywhere = { .key_size = sizeof(struct group_key) },
	};
	int err = compile_all(&c);

	table_free(&c.port_numbers);
	table_free(&c.anywhere);
	if (err)
		image_free(c.image);
	else
		*image = c.image;
	return err;
}

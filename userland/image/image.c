// SPDX-License-Identifier: GPL-2.0
#include "image/image.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static void routing_init(struct image_routing *r)
{
	r->tables = VEC(struct image_table);
	r->table_ports = VEC(struct image_table_port);
	r->bogons = VEC(struct image_bogon);
}

struct image *image_new(void)
{
	struct image *image = xcalloc(1, sizeof(*image));

	image->ports = VEC(struct image_port);
	image->statics = VEC(struct image_static);
	image->counted = VEC(struct image_counted);
	routing_init(&image->routing);
	image->groups = VEC(struct image_group);
	image->group_prefixes = VEC(struct image_group_prefix);
	image->legs = VEC(struct image_leg);
	image->counters = VEC(struct image_counter);
	image->filter.rules = VEC(struct image_rule);
	image->filter.actions = VEC(struct action);
	image->filter.sets = VEC(struct image_set);
	image->filter.macs = VEC(struct image_mac);
	image->filter.texts = VEC(char *);
	return image;
}

static void free_filter(struct image_filter *f)
{
	free(f->area);
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int family = 0; family < 2; family++)
			free(f->address[side][family]);
	arena_free(&f->words);
	for (size_t i = 0; i < f->sets.len; i++)
		vec_free(&((struct image_set *)vec_at(&f->sets, i))->elements);
	for (size_t i = 0; i < f->texts.len; i++)
		free(*(char **)vec_at(&f->texts, i));
	free(f->first);
	vec_free(&f->rules);
	vec_free(&f->actions);
	vec_free(&f->sets);
	vec_free(&f->macs);
	vec_free(&f->texts);
}

void image_free(struct image *image)
{
	if (!image)
		return;
	vec_free(&image->ports);
	vec_free(&image->statics);
	vec_free(&image->counted);
	image_routing_free(&image->routing);
	vec_free(&image->groups);
	vec_free(&image->group_prefixes);
	vec_free(&image->legs);
	vec_free(&image->counters);
	free_filter(&image->filter);
	free(image);
}

/* ---- copy ---------------------------------------------------------------- */

static void copy_vec(struct vec *to, const struct vec *from)
{
	vec_reserve(to, from->len);
	for (size_t i = 0; i < from->len; i++)
		vec_append(to, vec_at(from, i));
}

static void copy_filter(struct image_filter *to, const struct image_filter *from)
{
	to->shape = from->shape;
	copy_vec(&to->rules, &from->rules);
	for (size_t i = 0; i < to->rules.len; i++) {
		struct image_rule *r = vec_at(&to->rules, i);

		r->text = arena_strndup(&to->words, r->text, strlen(r->text));
		r->where = arena_strndup(&to->words, r->where, strlen(r->where));
	}
	if (from->first) {
		to->first = xcalloc(from->rules.len, sizeof(*to->first));
		memcpy(to->first, from->first, from->rules.len * sizeof(*to->first));
	}
	copy_vec(&to->actions, &from->actions);
	copy_vec(&to->sets, &from->sets);
	for (size_t i = 0; i < to->sets.len; i++) {
		struct image_set *set = vec_at(&to->sets, i);

		set->elements = VEC(struct image_element);
		copy_vec(&set->elements, &((struct image_set *)vec_at(&from->sets, i))->elements);
	}
	copy_vec(&to->macs, &from->macs);
	copy_vec(&to->texts, &from->texts);
	for (size_t i = 0; i < to->texts.len; i++) {
		char **text = vec_at(&to->texts, i);

		*text = xstrdup(*text);
	}
}

static bool same_vec(const struct vec *a, const struct vec *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len * a->elem_size));
}

void image_routing_copy(struct image_routing *to, const struct image_routing *from)
{
	*to = *from;
	routing_init(to);
	copy_vec(&to->tables, &from->tables);
	copy_vec(&to->table_ports, &from->table_ports);
	copy_vec(&to->bogons, &from->bogons);
}

bool image_routing_equal(const struct image_routing *a, const struct image_routing *b)
{
	return a->limit4 == b->limit4 && a->limit6 == b->limit6 && a->sources == b->sources &&
	       a->counted_hops == b->counted_hops && same_vec(&a->tables, &b->tables) &&
	       same_vec(&a->table_ports, &b->table_ports) && same_vec(&a->bogons, &b->bogons);
}

void image_routing_free(struct image_routing *r)
{
	vec_free(&r->tables);
	vec_free(&r->table_ports);
	vec_free(&r->bogons);
}

struct image *image_copy(const struct image *image)
{
	struct image *copy = image_new();

	copy->config = image->config;
	image_routing_copy(&copy->routing, &image->routing);
	copy->group_count = image->group_count;
	copy->measure = image->measure;
	copy_vec(&copy->ports, &image->ports);
	copy_vec(&copy->statics, &image->statics);
	copy_vec(&copy->counted, &image->counted);
	copy_vec(&copy->groups, &image->groups);
	copy_vec(&copy->group_prefixes, &image->group_prefixes);
	copy_vec(&copy->legs, &image->legs);
	copy_vec(&copy->counters, &image->counters);
	copy_filter(&copy->filter, &image->filter);
	return copy;
}

/* ---- questions ------------------------------------------------------------- */

const struct image_port *image_port(const struct image *image, uint16_t number)
{
	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		if (p->number == number)
			return p;
	}
	return NULL;
}

const struct image_port *image_port_named(const struct image *image, const char *name)
{
	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

const char *image_counter_name(const struct image *image, uint32_t number)
{
	for (size_t i = 0; i < image->counters.len; i++) {
		const struct image_counter *c = vec_at(&image->counters, i);

		if (c->number == number)
			return c->name;
	}
	return NULL;
}

/* ---- text ---------------------------------------------------------------- */

static const char *port_name(const struct image *image, uint16_t number)
{
	const struct image_port *p = image_port(image, number);

	return p ? p->name : "?";
}

static void dump_group_value(const struct group *g, struct text *out)
{
	text_printf(out, "group %u%s%s%s counter %u\n", g->number,
		    g->flags & GROUP_LEGS ? " legs" : "", g->flags & GROUP_HOST ? " host" : "",
		    g->flags & GROUP_KEEPS_TTL ? " keeps-ttl" : "", g->counter);
}

static void dump_group(const struct image *image, const struct image_group *g, struct text *out)
{
	struct addr source = addr_from_bytes(g->key.family, g->key.source);
	struct addr group = addr_from_bytes(g->key.family, g->key.group);
	static const uint8_t any[16];
	char s[ADDR_STRLEN], d[ADDR_STRLEN];

	text_printf(out, "groups (%s, %s) ",
		    memcmp(g->key.source, any, 16) ? addr_format(&source, s) : "*",
		    addr_format(&group, d));
	if (g->key.port == PORT_ANY) {
		text_printf(out, "any port: reverse path\n");
		return;
	}
	text_printf(out, "from %s: ", port_name(image, g->key.port));
	dump_group_value(&g->value, out);
}

static void dump_group_prefix(const struct image *image, const struct image_group_prefix *g,
			      struct text *out)
{
	struct prefix p = {
		.addr = addr_from_bytes(g->key.family, g->key.group),
		.len = g->key.prefixlen - GROUP_PREFIX_FIXED,
	};
	char s[PREFIX_STRLEN];

	text_printf(out, "group_prefixes %s from %s: ", prefix_format(&p, s),
		    port_name(image, ntohs(g->key.port)));
	dump_group_value(&g->value, out);
}

static void dump_counted(const struct image_counted *counted, struct text *out)
{
	struct prefix p = {
		.addr = addr_from_bytes(counted->key.family, counted->key.destination),
		.len = counted->key.prefixlen - COUNTED_FIXED,
	};
	char s[PREFIX_STRLEN];

	text_printf(out, "counted %s: counter %u\n", prefix_format(&p, s), counted->counter);
}

static void dump_leg(const struct image *image, const struct image_leg *l, struct text *out)
{
	text_printf(out, "legs group %u to %s", l->group, port_name(image, l->leg.port));
	if (l->leg.flags & LEG_VLAN)
		text_printf(out, " vlan %u", l->leg.vlan);
	if (l->leg.flags & LEG_TTL)
		text_printf(out, " ttl %u", l->leg.ttl);
	text_printf(out, " counters %u %u\n", l->leg.counter, l->leg.counter_ttl);
}

static void dump_measure(const struct image_measure *m, struct text *out)
{
	text_printf(out, "measure %s key %#x threshold %u ppm %llu Bps ", m->name, m->key,
		    m->threshold_ppm, (unsigned long long)m->threshold_Bps);
	text_printf(out, "oversampling %u interval %u ms slots %u\n", m->oversampling,
		    m->interval_ms, m->slots);
}

static void dump_static(const struct image *image, const struct image_static *s, struct text *out)
{
	char buf[PREFIX_STRLEN];

	text_printf(out, "static %s", prefix_format(&s->prefix, buf));
	for (unsigned int i = 0; i < s->hops; i++) {
		if (i)
			text_printf(out, " else");
		if (s->hop[i].via.family)
			text_printf(out, " via %s", addr_format(&s->hop[i].via, buf));
		text_printf(out, " port %s", port_name(image, s->hop[i].port));
	}
	text_printf(out, s->hops ? "\n" : " discard\n");
}

static const char *const field_names[] = {
	[ACTION_FIELD_SRC] = "ip.src", [ACTION_FIELD_DST] = "ip.dst",
	[ACTION_FIELD_ETH_SRC] = "eth.src", [ACTION_FIELD_ETH_DST] = "eth.dst",
	[ACTION_FIELD_VLAN] = "vlan.id", [ACTION_FIELD_PROTO] = "ip.proto",
	[ACTION_FIELD_SPORT] = "l4.src", [ACTION_FIELD_DPORT] = "l4.dst", [ACTION_FIELD_IN] = "in",
};

static const char *field_name(unsigned int field)
{
	return field < sizeof(field_names) / sizeof(*field_names) ? field_names[field] : "-";
}

static void dump_action(const struct action *a, struct text *out)
{
	switch (a->kind) {
	case ACTION_COUNT:
		text_printf(out, " count %u", a->number);
		break;
	case ACTION_POLICE:
		text_printf(out, " police %llu%s for %llu per %s meter %#x", (unsigned long long)a->rate,
			    a->bytes ? "Bps" : "pps", (unsigned long long)a->burst,
			    field_name(a->field), a->number);
		break;
	case ACTION_INSERT:
		text_printf(out, " insert %s set %u for %llu ns full %u", field_name(a->field),
			    a->number, (unsigned long long)a->burst, a->full);
		break;
	case ACTION_EMIT:
		text_printf(out, " emit %u", a->number);
		break;
	case ACTION_MARK:
		text_printf(out, " mark %u", a->number);
		break;
	}
}

static void dump_rule(const struct image_filter *f, uint32_t number, struct text *out)
{
	const struct image_rule *r = vec_at(&f->rules, number);

	text_printf(out, "rule %u key %016llx at %s: %s\n", number, (unsigned long long)r->key,
		    r->where, r->text);
	if (f->first[number] == RULES_NONE)
		return;
	text_printf(out, "rule %u does", number);
	for (size_t i = f->first[number]; i < f->actions.len; i++) {
		const struct action *a = vec_at(&f->actions, i);

		dump_action(a, out);
		if (a->last)
			break;
	}
	text_printf(out, "\n");
}

static void dump_element(const struct image_element *e, struct text *out)
{
	struct addr addr = addr_from_bytes(e->key.family ? e->key.family : 4, e->key.value);
	char buf[ADDR_STRLEN];
	uint64_t number;

	memcpy(&number, e->key.value, sizeof(number));
	if (e->key.family)
		text_printf(out, " %s", addr_format(&addr, buf));
	else
		text_printf(out, " %llu", (unsigned long long)number);
	if (e->timeout_ns)
		text_printf(out, " for %llu ns", (unsigned long long)e->timeout_ns);
}

static void dump_set(const struct image_filter *f, uint32_t number, struct text *out)
{
	const struct image_set *s = vec_at(&f->sets, number);

	text_printf(out, "set %u %s size %u timeout %llu ns", number, s->name, s->size,
		    (unsigned long long)s->timeout_ns);
	for (size_t i = 0; i < s->elements.len; i++)
		dump_element(vec_at(&s->elements, i), out);
	text_printf(out, "\n");
}

/* Sizes of the tables, not their bytes: those are for the data path, and differ with what is measured best. */
static void dump_filter(const struct image_filter *f, struct text *out)
{
	const struct classify_shape *shape = &f->shape;
	char buf[MAC_STRLEN];

	for (uint32_t i = 0; i < f->sets.len; i++)
		dump_set(f, i, out);
	if (!shape->layers)
		return;
	text_printf(out, "filter layers %u fields %#x kinds %#x\n", shape->layers, shape->fields,
		    shape->kinds);
	for (uint32_t i = 0; i < shape->set_tests; i++)
		text_printf(out, "set-test %u %s in set %u\n", i, field_name(shape->set_test[i].field),
			    shape->set_test[i].set);
	for (size_t i = 0; i < f->macs.len; i++) {
		const struct image_mac *m = vec_at(&f->macs, i);

		text_printf(out, "mac %u = %s\n", m->number, mac_format(m->address, buf));
	}
	for (uint32_t i = 0; i < f->rules.len; i++)
		dump_rule(f, i, out);
}

static void dump_routing(const struct image *image, struct text *out)
{
	const struct image_routing *r = &image->routing;
	char buf[PREFIX_STRLEN];

	text_printf(out, "limits ip4 %u ip6 %u\n", r->limit4, r->limit6);
	for (size_t i = 0; i < r->tables.len; i++) {
		const struct image_table *t = vec_at(&r->tables, i);

		text_printf(out, "table %u%s%s ip4 %u ip6 %u\n", t->number, *t->vrf ? " vrf " : "", t->vrf,
			    t->limit4, t->limit6);
	}
	for (size_t i = 0; i < r->table_ports.len; i++) {
		const struct image_table_port *t = vec_at(&r->table_ports, i);

		text_printf(out, "port %u table %u\n", t->port,
			    ((struct image_table *)vec_at(&r->tables, t->table))->number);
	}
	for (unsigned int i = 1; i < PORTS_MAX; i++) {
		unsigned int c = image->config.port[i];

		if (c & CONFIG_PORT_SOURCES)
			text_printf(out, "port %u sources%s%s%s%s\n", i, c & CONFIG_PORT_RPF ? " rpf" : "",
				    c & CONFIG_PORT_RPF_LOOSE ? " rpf-loose" : "",
				    c & CONFIG_PORT_ANTI_SPOOF ? " anti-spoof" : "",
				    c & CONFIG_PORT_BOGONS ? " bogons" : "");
	}
	for (size_t i = 0; i < r->bogons.len; i++) {
		const struct image_bogon *b = vec_at(&r->bogons, i);

		text_printf(out, "bogon %s%s\n", prefix_format(&b->prefix, buf),
			    b->result == BOGON_LISTED ? "" : " not");
	}
}

void image_dump(const struct image *image, struct text *out)
{
	const struct config *c = &image->config;

	text_printf(out, "config ports %u%s%s%s%s%s\n", c->ports, c->route ? " route" : "",
		    c->groups_source ? " groups-source" : "", c->groups_any ? " groups-any" : "",
		    c->groups_prefix ? " groups-prefix" : "", c->measure ? " measure" : "");
	if (c->route)
		dump_routing(image, out);
	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		text_printf(out, "port %u %s = %s%s\n", p->number, p->name, p->interface,
			    p->generic ? " generic" : "");
	}
	for (size_t i = 0; i < image->statics.len; i++)
		dump_static(image, vec_at(&image->statics, i), out);
	for (size_t i = 0; i < image->counted.len; i++)
		dump_counted(vec_at(&image->counted, i), out);
	if (c->counted_hops)
		text_printf(out, "counted next-hops\n");
	for (size_t i = 0; i < image->groups.len; i++)
		dump_group(image, vec_at(&image->groups, i), out);
	for (size_t i = 0; i < image->group_prefixes.len; i++)
		dump_group_prefix(image, vec_at(&image->group_prefixes, i), out);
	for (size_t i = 0; i < image->legs.len; i++)
		dump_leg(image, vec_at(&image->legs, i), out);
	if (c->measure)
		dump_measure(&image->measure, out);
	dump_filter(&image->filter, out);
	for (size_t i = 0; i < image->counters.len; i++) {
		const struct image_counter *n = vec_at(&image->counters, i);

		text_printf(out, "counter %u = %s\n", n->number, n->name);
	}
}

// SPDX-License-Identifier: GPL-2.0
#include "image/image.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

struct image *image_new(void)
{
	struct image *image = xcalloc(1, sizeof(*image));

	image->ports = VEC(struct image_port);
	image->statics = VEC(struct image_static);
	image->groups = VEC(struct image_group);
	image->group_prefixes = VEC(struct image_group_prefix);
	image->legs = VEC(struct image_leg);
	image->counters = VEC(struct image_counter);
	return image;
}

void image_free(struct image *image)
{
	if (!image)
		return;
	vec_free(&image->ports);
	vec_free(&image->statics);
	vec_free(&image->groups);
	vec_free(&image->group_prefixes);
	vec_free(&image->legs);
	vec_free(&image->counters);
	free(image);
}

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
	if (s->via.family)
		text_printf(out, " via %s", addr_format(&s->via, buf));
	text_printf(out, s->port ? " port %s\n" : " discard\n", port_name(image, s->port));
}

void image_dump(const struct image *image, struct text *out)
{
	const struct config *c = &image->config;

	text_printf(out, "config ports %u%s%s%s%s%s\n", c->ports, c->route ? " route" : "",
		    c->groups_source ? " groups-source" : "", c->groups_any ? " groups-any" : "",
		    c->groups_prefix ? " groups-prefix" : "", c->measure ? " measure" : "");
	if (c->route)
		text_printf(out, "limits ip4 %u ip6 %u\n", image->limit4, image->limit6);
	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		text_printf(out, "port %u %s = %s%s\n", p->number, p->name, p->interface,
			    p->generic ? " generic" : "");
	}
	for (size_t i = 0; i < image->statics.len; i++)
		dump_static(image, vec_at(&image->statics, i), out);
	for (size_t i = 0; i < image->groups.len; i++)
		dump_group(image, vec_at(&image->groups, i), out);
	for (size_t i = 0; i < image->group_prefixes.len; i++)
		dump_group_prefix(image, vec_at(&image->group_prefixes, i), out);
	for (size_t i = 0; i < image->legs.len; i++)
		dump_leg(image, vec_at(&image->legs, i), out);
	if (c->measure)
		dump_measure(&image->measure, out);
	for (size_t i = 0; i < image->counters.len; i++) {
		const struct image_counter *n = vec_at(&image->counters, i);

		text_printf(out, "counter %u = %s\n", n->number, n->name);
	}
}

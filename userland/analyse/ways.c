// SPDX-License-Identifier: GPL-2.0
/*
 * ways.c: bpf/reasons.h from "replicate" on, as far as a policy decides it.
 *
 *	headers not read to the end	the host
 *	not IP			the host
 *	group that stays on its link	the host
 *	group of this port	its legs: (source, group), (any, group), the longest prefix
 *	group of another port	nowhere
 *	other multicast		the host
 *	unicast			the host; if the policy routes, any port, save what is never routed
 */
#include "analyse/ways.h"

#include <stdlib.h>
#include <string.h>

#include "analyse/possible.h"
#include "bpf/rules.h"
#include "policy/tree.h"

struct finding {
	const struct policy_port *from, *to;
	bool lenient;
	struct vec *out;
};

static struct prefix prefix_of(const char *text)
{
	struct prefix p = { 0 };

	prefix_parse(text, &p);
	return p;
}

/* @source, @destination: NULL: any. @ttl: 0, or the greatest or (negative) least that it has. */
static void add(struct finding *f, uint8_t families, const struct prefix *source,
		const struct prefix *destination, int ttl, bool open)
{
	struct rule_test test = { RULES_TTL, RULE_RANGE, ttl < 0 ? -ttl : 0, ttl > 0 ? ttl : 255 };
	struct rule rule = {
		.families = families,
		.prefixes = { source != NULL, destination != NULL },
		.prefix = { source, destination },
		.tests = ttl != 0, .test = &test,
	};
	struct way way = { .box = rule_copy(&rule), .open = open };

	vec_append(f->out, &way);
}

/* Nothing else is asked of such a packet. What may be a jumbogram, or may go by another way, may get to either. */
static void add_unread(struct finding *f)
{
	struct way way = { .open = !f->to };

	for (unsigned int i = 0; i < POSSIBLE_UNREAD; i++) {
		way.box = rule_copy(&possible_unread[i]);
		vec_append(f->out, &way);
	}
	if (f->to)
		return;
	way.box = rule_copy(&possible_jumbogram);
	way.jumbogram = true;
	vec_append(f->out, &way);
}

/* ---- multicast --------------------------------------------------------------------- */

static const struct policy_leg *leg_to(const struct finding *f, const struct policy_group *g)
{
	for (size_t i = 0; i < g->legs.len; i++) {
		const struct policy_leg *leg = vec_at(&g->legs, i);

		if (f->to ? !leg->host && leg->to.port == f->to : leg->host)
			return leg;
	}
	return NULL;
}

static uint8_t families_of(const struct prefix *p)
{
	return p->addr.family == ADDR_V4 ? RULE_IP4 : RULE_IP6;
}

static void add_group(struct finding *f, const struct policy_group *g, const struct policy_entry *e)
{
	const struct policy_leg *leg = leg_to(f, g);
	struct prefix source = { .addr = e->source, .len = addr_bits(e->source.family) };
	const struct prefix *from = e->source.family == ADDR_NONE ? NULL : &source;
	uint8_t families = families_of(&e->group);

	if (leg && f->to != f->from) {
		/* A copy takes one from the TTL, unless the leg sets it. */
		if (f->to && !leg->ttl && !f->lenient)
			add(f, families, from, &e->group, 1, false);
		add(f, families, from, &e->group, 0, true);
	} else {
		add(f, families, from, &e->group, 0, false);
	}
}

static bool is_exact(const struct policy_entry *e)
{
	return e->group.len == addr_bits(e->group.addr.family);
}

/* How early an entry of this port is tried. */
static unsigned int rank(const struct policy_entry *e)
{
	if (is_exact(e))
		return e->source.family == ADDR_NONE;
	return 2 + 128 - e->group.len;
}

struct ranked {
	const struct policy_group *group;
	const struct policy_entry *entry;
	size_t order;
};

static int rank_cmp(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	unsigned int r = rank(x->entry), s = rank(y->entry);

	return r != s ? (r < s ? -1 : 1) : x->order < y->order ? -1 : 1;
}

static void add_groups(struct finding *f, const struct policy *p)
{
	struct vec own = VEC(struct ranked);
	bool host = !f->to;

	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++) {
			struct ranked r = { g, vec_at(&g->entries, k), own.len };

			if (r.entry->port == f->from)
				vec_append(&own, &r);
		}
	}
	if (own.len)
		qsort(own.data, own.len, sizeof(struct ranked), rank_cmp);
	for (size_t i = 0; i < own.len; i++) {
		const struct ranked *r = vec_at(&own, i);

		add_group(f, r->group, r->entry);
	}
	vec_free(&own);
	/* What is a group of another port is dropped: no news to a port, but to the host. */
	for (size_t i = 0; host && i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t k = 0; k < g->entries.len; k++) {
			const struct policy_entry *e = vec_at(&g->entries, k);
			struct prefix source = { .addr = e->source, .len = addr_bits(e->source.family) };

			if (e->port != f->from && is_exact(e))
				add(f, families_of(&e->group),
				    e->source.family == ADDR_NONE ? NULL : &source, &e->group, 0, false);
		}
	}
}

static void add_multicast(struct finding *f, const struct policy *p)
{
	struct prefix link4 = prefix_of("224.0.0.0/24"), all4 = prefix_of("224.0.0.0/4");
	struct prefix link6 = prefix_of("ff00::/16"), all6 = prefix_of("ff00::/8");
	bool host = !f->to;

	add(f, RULE_IP4, NULL, &link4, 0, host);
	for (unsigned int flags = 0; flags < 16; flags++)
		for (unsigned int scope = 1; scope <= 2; scope++) {
			link6.addr.bytes[1] = flags << 4 | scope;
			add(f, RULE_IP6, NULL, &link6, 0, host);
		}
	add_groups(f, p);
	add(f, RULE_IP4, NULL, &all4, 0, host);
	add(f, RULE_IP6, NULL, &all6, 0, host);
}

/* ---- unicast ----------------------------------------------------------------------- */

/* Passed up, whatever the routes are. */
static void add_unrouted(struct finding *f)
{
	static const char *const never[] = {
		"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "169.254.0.0/16", "::/128", "::1/128",
		"ff00::/8", "::ffff:0:0/96", "fe80::/10",
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
		struct prefix p = prefix_of(never[i]);

		add(f, families_of(&p), &p, NULL, 0, false);
		add(f, families_of(&p), NULL, &p, 0, false);
	}
	add(f, RULE_IP4 | RULE_IP6, NULL, NULL, 1, false);
}

static int longest_first(const void *a, const void *b)
{
	const struct policy_static *x = *(const struct policy_static *const *)a;
	const struct policy_static *y = *(const struct policy_static *const *)b;

	return (int)y->prefix.len - (int)x->prefix.len;
}

/* Static routes say where their prefixes go, as far as the policy decides it. */
static void add_statics(struct finding *f, const struct policy *p)
{
	struct vec statics = VEC(const struct policy_static *);

	for (size_t i = 0; i < p->statics.len; i++)
		*(const struct policy_static **)vec_push(&statics) = vec_at(&p->statics, i);
	if (statics.len)
		qsort(statics.data, statics.len, sizeof(void *), longest_first);
	for (size_t i = 0; i < statics.len; i++) {
		const struct policy_static *s = *(const struct policy_static **)vec_at(&statics, i);

		bool there = false;

		for (unsigned int j = 0; j < s->hops; j++)
			there |= s->hop[j].to.port == f->to;
		add(f, families_of(&s->prefix), NULL, &s->prefix, 0, there);
	}
	vec_free(&statics);
}

void ways_find(const struct policy *policy, const struct policy_port *from,
	       const struct policy_port *to, bool lenient, struct vec *out)
{
	struct finding f = { from, to, lenient, out };

	if (!lenient)
		add_unread(&f);
	add_multicast(&f, policy);
	if (to && policy->routes.len) {
		if (lenient)
			add_statics(&f, policy);
		else
			add_unrouted(&f);
		add(&f, RULE_IP4 | RULE_IP6, NULL, NULL, 0, true);
	}
	add(&f, RULE_ALL, NULL, NULL, 0, !to);
}

void ways_free(struct vec *ways)
{
	for (size_t i = 0; i < ways->len; i++)
		rule_free(((struct way *)vec_at(ways, i))->box);
	vec_free(ways);
}

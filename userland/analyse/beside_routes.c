// SPDX-License-Identifier: GPL-2.0
/*
 * beside_routes.c: static routes, bogons and prefixes that are counted, of two policies: what becomes of an
 * address that a prefix decides of.
 */
#include <stdlib.h>
#include <string.h>

#include "analyse/beside_inside.h"
#include "base/prefix_tree.h"

/* Prefixes of both families with a value each, not 0: the longest decides. */
struct longest {
	struct prefix_tree tree[2];
};
#define LONGEST ((struct longest){ { PREFIX_TREE_V4, PREFIX_TREE_V6 } })

static void longest_put(struct longest *l, const struct prefix *p, uint32_t value)
{
	*prefix_tree_put(&l->tree[p->addr.family == ADDR_V6], p) = value;
}

static bool note_value(void *user, uint8_t len, uint32_t value)
{
	(void)len;
	*(uint32_t *)user = value;
	return true;
}

/* 0: none covers it. */
static uint32_t longest_find(const struct longest *l, const struct addr *a)
{
	struct prefix p = prefix_host(a);
	uint32_t value = 0;

	prefix_tree_cover(&l->tree[a->family == ADDR_V6], &p, note_value, &value);
	return value;
}

static void longest_free(struct longest *l)
{
	prefix_tree_free(&l->tree[0]);
	prefix_tree_free(&l->tree[1]);
}

/* All prefixes of both, sorted, those that both have once. */
static struct vec all_prefixes(const struct longest of[2])
{
	struct vec all = VEC(struct prefix);

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int family = 0; family < 2; family++) {
			struct prefix p = { 0 }, everything = prefix_all(family ? ADDR_V6 : ADDR_V4);

			while (prefix_tree_next(&of[i].tree[family], &everything, &p, NULL))
				if (!i || !prefix_tree_get(&of[0].tree[family], &p))
					vec_append(&all, &p);
		}
	beside_sort(&all);
	return all;
}

/* ---- static routes ------------------------------------------------------------------------- */

static const struct policy_static *static_at(const struct policy *p, uint32_t value)
{
	return value ? vec_at(&p->statics, value - 1) : NULL;
}

static bool same_ways(const struct policy_static *a, const struct policy_static *b)
{
	if (!a || !b || a->hops != b->hops)
		return !a && !b;
	for (unsigned int i = 0; i < a->hops; i++)
		if (strcmp(a->hop[i].to.port->interface, b->hop[i].to.port->interface) ||
		    !addr_equal(&a->hop[i].via, &b->hop[i].via))
			return false;
	return true;
}

/* "via 10.0.0.1 on wan else lan"; by which prefix, if it is not @prefix. */
static void say_ways(const struct policy_static *s, const struct prefix *prefix, struct text *out)
{
	char buf[PREFIX_STRLEN];

	if (!s) {
		text_put(out, "no static route");
		return;
	}
	for (unsigned int i = 0; i < s->hops; i++) {
		text_put(out, i ? " else " : "via ");
		if (s->hop[i].via.family)
			text_printf(out, "%s on ", addr_format(&s->hop[i].via, buf));
		text_put(out, s->hop[i].to.name);
	}
	if (!s->hops)
		text_put(out, "drop");
	if (!prefix_equal(&s->prefix, prefix))
		text_printf(out, " (%s)", prefix_format(&s->prefix, buf));
}

static void compare_static(struct beside *b, const struct longest of[2], const struct prefix *prefix,
			   const struct vec *prefixes)
{
	struct text name = { 0 }, sentence = { 0 }, packet = { 0 };
	const struct policy_static *by[2], *own;
	char buf[PREFIX_STRLEN];
	unsigned int which;
	struct addr a;

	if (!beside_free_address(prefix, prefixes, &a))
		return;
	for (unsigned int i = 0; i < 2; i++)
		by[i] = static_at(b->policy[i], longest_find(&of[i], &a));
	if (same_ways(by[0], by[1]))
		return;
	/* One that both have is told of where it stands now. */
	which = by[1] && prefix_equal(&by[1]->prefix, prefix);
	own = by[which];
	text_put(&name, prefix_format(prefix, buf));
	say_ways(by[0], prefix, &sentence);
	text_put(&sentence, " -> ");
	say_ways(by[1], prefix, &sentence);
	beside_packet(b->policy[which], NULL, NULL, &a, &packet);
	beside_add(b, "route", &name, &sentence, &packet, which, &own->place);
}

void beside_statics(struct beside *b)
{
	struct longest of[2] = { LONGEST, LONGEST };
	struct vec prefixes;

	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->policy[i]->statics.len; k++)
			longest_put(&of[i], &static_at(b->policy[i], k + 1)->prefix, k + 1);
	prefixes = all_prefixes(of);
	for (size_t i = 0; i < prefixes.len; i++)
		compare_static(b, of, vec_at(&prefixes, i), &prefixes);
	vec_free(&prefixes);
	longest_free(&of[0]);
	longest_free(&of[1]);
}

/* ---- bogons ---------------------------------------------------------------------------------- */

#define EXCEPTED	1u
#define LISTED		2u

static const struct policy_source_check *bogon_check(const struct policy *p)
{
	for (size_t i = 0; i < p->source_checks.len; i++) {
		const struct policy_source_check *s = vec_at(&p->source_checks, i);

		if (s->kind == SOURCE_BOGONS)
			return s;
	}
	return NULL;
}

/* Where both look for some: which. That a port begins or ends to do so is said of the port. */
void beside_bogons(struct beside *b)
{
	const struct policy_source_check *check[2] = { bogon_check(b->policy[0]), bogon_check(b->policy[1]) };
	struct longest of[2] = { LONGEST, LONGEST };
	struct vec prefixes;

	if (!check[0] || !check[1])
		return;
	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->policy[i]->bogons.len; k++) {
			const struct policy_bogon *bogon = vec_at(&b->policy[i]->bogons, k);

			longest_put(&of[i], &bogon->prefix, bogon->listed ? LISTED : EXCEPTED);
		}
	prefixes = all_prefixes(of);
	for (size_t i = 0; i < prefixes.len; i++) {
		const struct prefix *prefix = vec_at(&prefixes, i);
		struct text name = { 0 }, sentence = { 0 }, packet = { 0 };
		char buf[PREFIX_STRLEN];
		bool listed[2];
		struct addr a;

		if (!beside_free_address(prefix, &prefixes, &a))
			continue;
		for (unsigned int k = 0; k < 2; k++)
			listed[k] = longest_find(&of[k], &a) == LISTED;
		if (listed[0] == listed[1])
			continue;
		text_put(&name, prefix_format(prefix, buf));
		text_put(&sentence, listed[1] ? "is one now" : "is none any more");
		beside_packet(b->policy[1], ((struct policy_port_ref *)vec_at(&check[1]->ports, 0))->port, &a, NULL,
			      &packet);
		beside_add(b, "bogon", &name, &sentence, &packet, 1, &check[1]->place);
	}
	vec_free(&prefixes);
	longest_free(&of[0]);
	longest_free(&of[1]);
}

/* ---- what is counted --------------------------------------------------------------------------- */

static void compare_counted_hops(struct beside *b)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct vec *hops = &b->policy[i]->counted_hops;
		struct text name = { 0 }, sentence = { 0 };

		if (!hops->len || b->policy[!i]->counted_hops.len)
			continue;
		text_put(&name, "next-hops");
		text_put(&sentence, i ? "added" : "removed");
		beside_add(b, "count", &name, &sentence, NULL, i, vec_at(hops, 0));
	}
}

void beside_counted(struct beside *b)
{
	struct longest of[2] = { LONGEST, LONGEST };

	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->policy[i]->counted.len; k++)
			longest_put(&of[i], &((struct policy_counted *)vec_at(&b->policy[i]->counted, k))->prefix, 1);
	for (unsigned int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->policy[i]->counted.len; k++) {
			const struct policy_counted *c = vec_at(&b->policy[i]->counted, k);
			struct text name = { 0 }, sentence = { 0 };
			char buf[PREFIX_STRLEN];

			if (prefix_tree_get(&of[!i].tree[c->prefix.addr.family == ADDR_V6], &c->prefix))
				continue;
			text_put(&name, prefix_format(&c->prefix, buf));
			text_put(&sentence, i ? "added" : "removed");
			beside_add(b, "counted prefix", &name, &sentence, NULL, i, &c->place);
		}
	compare_counted_hops(b);
	longest_free(&of[0]);
	longest_free(&of[1]);
}

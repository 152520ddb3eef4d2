// SPDX-License-Identifier: GPL-2.0
/*
 * check_route.c: the tables that are routed by, and the checks of sources that hang on them.
 *
 * A kernel's number stands for one table, and a port's packets are sent to one by the policy at
 * most. Checks are the ports': in which route's block they stand means nothing.
 *
 * Bogons: what RFC 6890 and its registries call not globally reachable, and what was never given
 * out; without link-local IPv6, which every link needs, and without the addresses of a host that has
 * none yet (0.0.0.0, ::) and of all on a link (255.255.255.255). What multicast is other stages say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/kernel.h"
#include "policy/checker.h"

#define VRF_NAME_MAX 15		/* of a device */

static const struct { const char *prefix; bool listed; } bogons[] = {
	{ "0.0.0.0/8", true },		/* this network */
	{ "0.0.0.0/32", false },
	{ "10.0.0.0/8", true },		/* private */
	{ "100.64.0.0/10", true },	/* shared: carrier-grade NAT */
	{ "127.0.0.0/8", true },
	{ "169.254.0.0/16", true },	/* link-local */
	{ "172.16.0.0/12", true },
	{ "192.0.0.0/24", true },	/* protocol assignments */
	{ "192.0.0.9/32", false },	/* port control, anycast */
	{ "192.0.0.10/32", false },	/* TURN, anycast */
	{ "192.0.2.0/24", true },	/* documentation */
	{ "192.168.0.0/16", true },
	{ "198.18.0.0/15", true },	/* benchmarks */
	{ "198.51.100.0/24", true },
	{ "203.0.113.0/24", true },
	{ "240.0.0.0/4", true },	/* reserved */
	{ "255.255.255.255/32", false },
	{ "::1/128", true },
	{ "::ffff:0:0/96", true },	/* mapped IPv4 */
	{ "64:ff9b:1::/48", true },	/* local translation */
	{ "100::/64", true },		/* discard */
	{ "2001::/23", true },		/* protocol assignments */
	{ "2001:1::1/128", false },	/* port control, anycast */
	{ "2001:1::2/128", false },	/* TURN, anycast */
	{ "2001:1::3/128", false },	/* DNS-SD */
	{ "2001:3::/32", false },	/* AMT */
	{ "2001:4:112::/48", false },	/* AS112 */
	{ "2001:20::/28", false },	/* ORCHIDv2 */
	{ "2001:30::/28", false },	/* drone remote ID */
	{ "2001:db8::/32", true },	/* documentation */
	{ "3fff::/20", true },		/* documentation */
	{ "5f00::/16", true },		/* segment routing */
	{ "fc00::/7", true },		/* unique local */
	{ "fec0::/10", true },		/* site-local, given up */
};

/* ---- tables ----------------------------------------------------------------------- */

static const char *table_words(const struct policy_route *r, char buf[32])
{
	if (r->table == TABLE_MAIN)
		return "table main";
	snprintf(buf, 32, "table %" PRIu64, r->number);
	return buf;
}

static bool check_number(struct check *c, const struct policy_route *r)
{
	static const char *const own[] = { "default", "main", "local" };

	if (r->table == TABLE_MAIN)
		return true;
	if (r->number < 1 || r->number > UINT32_MAX) {
		diag_error(c->diags, r->number_place, "the number of a table is 1 to %u", UINT32_MAX);
	} else if (r->number >= KERNEL_TABLE_DEFAULT && r->number <= KERNEL_TABLE_LOCAL) {
		diag_error(c->diags, r->number_place, "%" PRIu64 " is the kernel's table %s", r->number,
			   own[r->number - KERNEL_TABLE_DEFAULT]);
		diag_hint(c->diags, "\"route main;\" follows the tables local, main and default");
	} else {
		return true;
	}
	return false;
}

static void check_table(struct check *c, struct policy_route *r, size_t i)
{
	char where[PLACE_ROOM], words[32];

	if (r->table == TABLE_MAIN)
		r->number = KERNEL_TABLE_MAIN;
	if (!check_number(c, r))
		return;
	if (r->table == TABLE_VRF && strlen(r->vrf) > VRF_NAME_MAX)
		diag_error(c->diags, r->vrf_place, "the name of a VRF device has at most %u characters",
			   VRF_NAME_MAX);
	for (size_t k = 0; k < i; k++) {
		const struct policy_route *other = vec_at(&c->policy->routes, k);

		if (other->number == r->number) {
			diag_error(c->diags, r->place, "the policy routes by %s already",
				   table_words(r, words));
			diag_hint(c->diags, "see %s", place_name(c, &other->place, where));
			return;
		}
		if (r->vrf && other->vrf && !strcmp(r->vrf, other->vrf)) {
			diag_error(c->diags, r->vrf_place, "the VRF \"%s\" has a table already", r->vrf);
			diag_hint(c->diags, "see %s", place_name(c, &other->place, where));
			return;
		}
	}
}

/* Whether an earlier "for" names the port, of this route or another. */
static bool is_taken(struct check *c, const struct policy_port_ref *ref, size_t upto)
{
	for (size_t i = 0; i <= upto; i++) {
		const struct policy_route *r = vec_at(&c->policy->routes, i);

		for (size_t k = 0; k < r->ports.len; k++) {
			const struct policy_port_ref *other = vec_at(&r->ports, k);

			if (other == ref)
				return false;
			if (other->port == ref->port)
				return true;
		}
	}
	return false;
}

static void check_table_ports(struct check *c, struct policy_route *r, size_t i)
{
	for (size_t k = 0; k < r->ports.len; k++) {
		struct policy_port_ref *ref = vec_at(&r->ports, k);

		if (find_port(c, ref) && is_taken(c, ref, i))
			diag_error(c->diags, ref->place, "packets of \"%s\" have a table already", ref->name);
	}
}

/* All tables lie in one memory. */
static void check_room(struct check *c)
{
	const struct policy *p = c->policy;
	uint64_t all4 = 0, all6 = 0;

	for (size_t i = 0; i < p->routes.len; i++) {
		const struct policy_route *r = vec_at(&p->routes, i);

		if (i == POLICY_TABLES_MAX) {
			diag_error(c->diags, r->place, "there is no room for another table");
			diag_hint(c->diags, "a policy routes by %u tables at most", POLICY_TABLES_MAX);
			return;
		}
		all4 += r->limit4;
		all6 += r->limit6;
		if (p->routes.len == 1 || (all4 <= POLICY_TABLES_LIMIT4 && all6 <= POLICY_TABLES_LIMIT6))
			continue;
		diag_error(c->diags, r->place, "the limits of all tables are more than %u IPv4 and %u IPv6 "
			   "routes", POLICY_TABLES_LIMIT4, POLICY_TABLES_LIMIT6);
		diag_hint(c->diags, "give each its own, as in \"route main limit ip4 1000000 ip6 250000;\"");
		return;
	}
}

static void put_main_first(struct vec *routes)
{
	for (size_t i = 0; i < routes->len; i++) {
		struct policy_route *r = vec_at(routes, i), *first = vec_at(routes, 0), was = *r;

		if (r->table != TABLE_MAIN)
			continue;
		memmove(first + 1, first, i * sizeof(*first));
		*first = was;
		return;
	}
}

/* ---- checks of sources -------------------------------------------------------------- */

static void add_let(struct check *c, const char *name, struct place place, bool listed)
{
	const struct policy_let *let = name ? find_values(c, name, place) : NULL;

	if (!let)
		return;
	if (let->ranges.len) {
		diag_error(c->diags, place, "\"%s\" stands for more than addresses", name);
		return;
	}
	for (size_t i = 0; i < let->prefixes.len; i++)
		vec_append(&c->policy->bogons, &(struct policy_bogon){
			*(struct prefix *)vec_at(&let->prefixes, i), listed });
}

static void list_bogons(struct check *c, const struct policy_source_check *s)
{
	bool first = !c->policy->bogons.len;

	for (size_t i = 0; first && i < sizeof(bogons) / sizeof(*bogons); i++) {
		struct prefix prefix;

		prefix_parse(bogons[i].prefix, &prefix);
		vec_append(&c->policy->bogons, &(struct policy_bogon){ prefix, bogons[i].listed });
	}
	add_let(c, s->also, s->also_place, true);
	add_let(c, s->except, s->except_place, false);
}

static void check_source(struct check *c, struct policy_source_check *s)
{
	const unsigned int back = 1u << SOURCE_RPF | 1u << SOURCE_RPF_LOOSE | 1u << SOURCE_ANTI_SPOOF;
	unsigned int bit = 1u << s->kind;

	if (s->kind == SOURCE_BOGONS)
		list_bogons(c, s);
	for (size_t i = 0; i < s->ports.len; i++) {
		struct policy_port_ref *ref = vec_at(&s->ports, i);

		if (!find_port(c, ref))
			continue;
		if (ref->port->source_checks & (bit & back ? back : bit)) {
			diag_error(c->diags, ref->place, "sources on \"%s\" are checked already", ref->name);
			if (bit & back)
				diag_hint(c->diags, "one of rpf strict, rpf loose and anti-spoof: each says more "
					  "than the one before");
			continue;
		}
		ref->port->source_checks |= bit;
	}
}

void check_routes(struct check *c)
{
	struct policy *p = c->policy;

	put_main_first(&p->routes);
	for (size_t i = 0; i < p->routes.len && !c->diags->truncated; i++) {
		check_table(c, vec_at(&p->routes, i), i);
		check_table_ports(c, vec_at(&p->routes, i), i);
	}
	check_room(c);
	for (size_t i = 0; i < p->source_checks.len && !c->diags->truncated; i++)
		check_source(c, vec_at(&p->source_checks, i));
}

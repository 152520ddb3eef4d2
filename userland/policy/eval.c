// SPDX-License-Identifier: GPL-2.0
/*
 * eval.c: bpf/reasons.h in C, in its order, as plainly as it can be said.
 *
 *	eval_packet.c	link, IPv4, IPv6, transport
 *	eval_filter.c	filter
 *	eval.c		measure, replicate, route, and the whole
 *
 * Bytes are read one at a time through byte_at(), which the compiler cannot
 * be wrong about; nothing is overlaid on the frame, nothing is clever, and no code or
 * layout is shared with bpf/. Checksums are computed anew over the whole header.
 */
#include "policy/eval_packet.h"

#include <stdlib.h>
#include <string.h>

#include "policy/tree.h"

/* ---- the world ---------------------------------------------------------- */

static const struct eval_port *port_by_number(const struct eval_env *env, unsigned int number)
{
	for (size_t i = 0; i < env->ports_len; i++)
		if (env->ports[i].number == number)
			return &env->ports[i];
	return NULL;
}

static const struct eval_port *port_by_interface(const struct eval_env *env, const char *interface)
{
	for (size_t i = 0; i < env->ports_len; i++)
		if (!strcmp(env->ports[i].interface, interface))
			return &env->ports[i];
	return NULL;
}

static const struct policy_port *policy_port_of(const struct policy *p, const struct eval_port *port)
{
	for (size_t i = 0; i < p->ports.len; i++) {
		const struct policy_port *one = *(struct policy_port **)vec_at(&p->ports, i);

		if (!strcmp(one->interface, port->interface))
			return one;
	}
	return NULL;
}

static bool has_vlan(const struct eval_env *env, unsigned int port, unsigned int id)
{
	for (size_t i = 0; i < env->vlans_len; i++)
		if (env->vlans[i].port == port && env->vlans[i].id == id)
			return true;
	return false;
}

/* ---- outcomes ----------------------------------------------------------- */

static struct eval_outcome *add_outcome(struct eval_result *result, enum sluice_reason reason)
{
	struct eval_outcome *o = vec_push(&result->outcomes);

	o->reason = reason;
	o->verdict = eval_reason_verdict(reason);
	o->outputs = VEC(struct eval_output);
	return o;
}

static void output_to_host(struct eval_outcome *o, const struct packet *k)
{
	struct eval_output *out = vec_push(&o->outputs);

	out->host = true;
	out->len = k->length;
	out->frame = xcalloc(1, k->length ? k->length : 1);
	if (k->length)
		memcpy(out->frame, k->frame, k->length);
}

static void put_word(uint8_t *at, unsigned int word)
{
	at[0] = word >> 8;
	at[1] = word & 0xff;
}

/*
 * The IP packet, and whatever stood behind it in the frame, behind a new Ethernet header:
 * with a tag if @tci is not 0, and with a new TTL.
 */
static void output_to_port(struct eval_outcome *o, const struct packet *k, unsigned int port,
			   const uint8_t dst[6], const uint8_t src[6], unsigned int tci,
			   unsigned int ttl)
{
	struct eval_output *out = vec_push(&o->outputs);
	size_t link = tci ? 18 : 14;
	size_t rest = k->length - k->ip;
	bool v4 = k->dst.family == ADDR_V4;
	uint8_t *frame = xcalloc(1, link + rest), *ip = frame + link;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	if (tci) {
		put_word(frame + 12, ETHERTYPE_VLAN);
		put_word(frame + 14, tci);
	}
	put_word(frame + link - 2, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	memcpy(ip, k->frame + k->ip, rest);
	if (v4) {
		ip[8] = ttl;
		put_word(ip + 10, 0);
		put_word(ip + 10, header_checksum(ip, 4 * (ip[0] & 0xf)));
	} else {
		ip[7] = ttl;
	}
	out->port = port;
	out->frame = frame;
	out->len = link + rest;
}

/* The packet ends here, for a reason that makes no new frame: passed up as it came, or dropped. */
static struct eval_outcome *end_here(struct eval_result *result, const struct packet *k,
				     enum sluice_reason reason)
{
	struct eval_outcome *o = add_outcome(result, reason);

	if (o->verdict == VERDICT_PASS)
		output_to_host(o, k);
	return o;
}

/* ---- measure ------------------------------------------------------------ */

static void measure(const struct policy *p, const struct packet *k, struct eval_result *result)
{
	const struct policy_measure *m;

	if (p->measures.len == 0)
		return;
	m = vec_at(&p->measures, 0);
	result->measured = true;
	result->bytes = k->length;
	result->key.family = k->src.family;
	if (m->key & KEY_IP_SRC)
		result->key.src = k->src;
	if (m->key & KEY_IP_DST)
		result->key.dst = k->dst;
	if (m->key & KEY_IP_PROTO)
		result->key.proto = k->proto;
	if (m->key & KEY_L4_SRC)
		result->key.l4_src = k->l4_src;
	if (m->key & KEY_L4_DST)
		result->key.l4_dst = k->l4_dst;
}

/* ---- replicate ---------------------------------------------------------- */

static bool is_single(const struct policy_entry *e)
{
	return e->group.len == addr_bits(e->group.addr.family);
}

/* How an entry may match: by both addresses, by the group's alone, by a group prefix. */
enum match { BY_SOURCE, BY_GROUP, BY_PREFIX };

static bool entry_matches(const struct policy_entry *e, const struct packet *k, enum match how)
{
	if (!prefix_covers(&e->group, &k->dst))
		return false;
	switch (how) {
	case BY_SOURCE:
		return e->source.family != ADDR_NONE && addr_equal(&e->source, &k->src);
	case BY_GROUP:
		return e->source.family == ADDR_NONE && is_single(e);
	case BY_PREFIX:
		return e->source.family == ADDR_NONE && !is_single(e);
	}
	return false;
}

/* An entry, and the group that it is of. */
struct found {
	const struct policy_group *group;	/* NULL: none */
	const struct policy_entry *entry;
};

/* That with the longest matching prefix on @port; on any port, if that is NULL. */
static struct found find_entry(const struct policy *p, const struct packet *k,
			       const struct policy_port *port, enum match how)
{
	struct found best = { NULL, NULL };

	for (size_t i = 0; i < p->groups.len; i++) {
		const struct policy_group *g = vec_at(&p->groups, i);

		for (size_t j = 0; j < g->entries.len; j++) {
			const struct policy_entry *e = vec_at(&g->entries, j);

			if (port && e->port != port)
				continue;
			if (!entry_matches(e, k, how))
				continue;
			if (!best.entry || e->group.len > best.entry->group.len)
				best = (struct found){ g, e };
		}
	}
	return best;
}

static struct found find_group(const struct policy *p, const struct packet *k,
			       const struct policy_port *port)
{
	struct found f = find_entry(p, k, port, BY_SOURCE);

	if (!f.group)
		f = find_entry(p, k, port, BY_GROUP);
	if (!f.group)
		f = find_entry(p, k, port, BY_PREFIX);
	return f;
}

/* RFC 5771, 4; RFC 4291, 2.7: the scope is the low half of the second byte. */
static bool stays_on_link(const struct addr *group)
{
	unsigned int scope = group->bytes[1] & 0xf;
	struct prefix local;

	if (group->family == ADDR_V6)
		return scope == 1 || scope == 2;
	return !prefix_parse("224.0.0.0/24", &local) && prefix_covers(&local, group);
}

static bool has_host(const struct policy_group *g)
{
	for (size_t i = 0; i < g->legs.len; i++)
		if (((const struct policy_leg *)vec_at(&g->legs, i))->host)
			return true;
	return false;
}

static bool some_leg_sets_ttl(const struct policy_group *g)
{
	for (size_t i = 0; i < g->legs.len; i++)
		if (((const struct policy_leg *)vec_at(&g->legs, i))->ttl)
			return true;
	return false;
}

/* RFC 1112, 6.4: 01:00:5e, and the low 23 bits; RFC 2464, 7: 33:33, and the low 32 bits. */
static void group_mac(const struct addr *group, uint8_t mac[6])
{
	const uint8_t *b = group->bytes;
	const uint8_t v4[6] = { 0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3] };
	const uint8_t v6[6] = { 0x33, 0x33, b[12], b[13], b[14], b[15] };

	memcpy(mac, group->family == ADDR_V4 ? v4 : v6, 6);
}

static void copy_to_leg(struct eval_outcome *o, const struct eval_env *env,
			const struct packet *k, const struct policy_leg *leg)
{
	const struct eval_port *port;
	uint8_t mac[6];

	if (leg->host) {
		output_to_host(o, k);
		return;
	}
	port = port_by_interface(env, leg->to.port->interface);
	if (!port)
		return;
	if (!leg->ttl && k->ttl <= 1)
		return;
	group_mac(&k->dst, mac);
	output_to_port(o, k, port->number, mac, port->mac, leg->vlan,
		       leg->ttl ? leg->ttl : k->ttl - 1);
}

static void replicate(const struct policy *p, const struct eval_env *env, const struct packet *k,
		      const struct policy_port *port, struct eval_result *result)
{
	struct found f = find_group(p, k, port);
	const struct policy_group *g = f.group;
	struct eval_outcome *o;

	if (stays_on_link(&k->dst)) {
		end_here(result, k, REASON_multicast);
		return;
	}
	if (!g) {
		bool elsewhere = find_entry(p, k, NULL, BY_SOURCE).group ||
				 find_entry(p, k, NULL, BY_GROUP).group;

		end_here(result, k, elsewhere ? REASON_group_rpf : REASON_multicast);
		return;
	}
	if (has_host(g) && g->legs.len == 1)
		o = end_here(result, k, REASON_host_only);
	else if (k->ttl <= 1 && !some_leg_sets_ttl(g) && !has_host(g))
		o = end_here(result, k, REASON_group_ttl);
	else
		o = add_outcome(result, REASON_replicated);
	o->group = g;
	o->entry = f.entry;
	if (o->reason != REASON_replicated)
		return;
	for (size_t i = 0; i < g->legs.len; i++)
		copy_to_leg(o, env, k, vec_at(&g->legs, i));
}

/* ---- route -------------------------------------------------------------- */

static bool is_in(const struct addr *a, const char *prefix)
{
	struct prefix p;

	return !prefix_parse(prefix, &p) && prefix_covers(&p, a);
}

static bool is_martian(const struct addr *a)
{
	return is_in(a, "0.0.0.0/8") || is_in(a, "127.0.0.0/8") || is_in(a, "224.0.0.0/3") ||
	       is_in(a, "::/128") || is_in(a, "::1/128") || is_in(a, "ff00::/8") ||
	       is_in(a, "::ffff:0:0/96");
}

static bool is_link_scope(const struct addr *a)
{
	return is_in(a, "169.254.0.0/16") || is_in(a, "fe80::/10");
}

/* Without a tag, or with one that this port has an interface of the kernel's for. */
static bool is_known_interface(const struct eval_env *env, const struct eval_port *port,
			       const struct packet *k)
{
	return k->tags == 0 || (k->tags == 1 && k->customer && has_vlan(env, port->number, k->vlan));
}

/* Why the packet is not even looked up; REASON_none if it is. */
static enum sluice_reason keep_from_routing(const struct policy *p, const struct eval_env *env,
					    const struct eval_port *port, const struct packet *k)
{
	if (p->routes.len == 0)
		return REASON_not_routed;
	if (memcmp(k->frame, port->mac, 6))
		return REASON_other_mac;
	if (!is_known_interface(env, port, k))
		return REASON_vlan_unknown;
	if (k->options)
		return REASON_ip_options;
	if (is_martian(&k->src) || is_martian(&k->dst))
		return REASON_martian;
	if (is_link_scope(&k->src) || is_link_scope(&k->dst))
		return REASON_link_scope;
	return REASON_none;
}

static enum sluice_reason judge_nexthop(const struct eval_env *env, const struct packet *k,
					const struct eval_nexthop *nh)
{
	const struct eval_port *out;

	if (nh->reason != REASON_forwarded)
		return nh->reason;
	if (k->ttl <= 1)
		return REASON_ttl;
	if (k->ip_len > nh->mtu)
		return REASON_too_big;
	out = port_by_number(env, nh->port);
	if (!out || !out->up)
		return REASON_port_down;
	return REASON_forwarded;
}

/* The static route with the longest prefix around @dst, or NULL. */
static const struct policy_static *find_static(const struct policy *p, const struct addr *dst)
{
	const struct policy_static *best = NULL;

	for (size_t i = 0; i < p->statics.len; i++) {
		const struct policy_static *s = vec_at(&p->statics, i);

		if (prefix_covers(&s->prefix, dst) && (!best || s->prefix.len > best->prefix.len))
			best = s;
	}
	return best;
}

/* The longer prefix decides; of equal ones the static route, but for this host's own addresses. */
static bool static_counts(const struct policy_static *s, const struct eval_nexthops *kernel)
{
	if (!kernel || s->prefix.len > kernel->len)
		return true;
	return s->prefix.len == kernel->len && kernel->list[0].reason != REASON_local;
}

/* Where one way of a static route leads at the moment. */
static struct eval_nexthop resolve_hop(const struct eval_env *env, const struct policy_hop *hop,
				       const struct addr *dst)
{
	struct eval_nexthop nh = { .reason = REASON_port_down };
	const struct eval_port *out = NULL;

	for (size_t i = 0; i < env->ports_len; i++)
		if (!strcmp(env->ports[i].interface, hop->to.port->interface))
			out = &env->ports[i];
	if (!out || !out->up)
		return nh;
	nh.reason = REASON_no_neighbour;
	nh.port = out->number;
	if (!env->neighbour || !env->neighbour(env->neighbour_context, out->number,
					       hop->via.family ? &hop->via : dst, nh.dst_mac))
		return nh;
	nh.reason = REASON_forwarded;
	nh.mtu = out->mtu;
	memcpy(nh.src_mac, out->mac, 6);
	return nh;
}

/*
 * Which way a packet takes that came in on port number @in: the first that can be taken and does
 * not lead back; else the first that can be taken; else the first, which says why it cannot.
 */
static struct eval_nexthop resolve_static(const struct eval_env *env, const struct policy_static *s,
					  unsigned int in, const struct addr *dst)
{
	struct eval_nexthop way[POLICY_HOPS_MAX] = { { .reason = REASON_discard } };

	for (unsigned int i = 0; i < s->hops; i++)
		way[i] = resolve_hop(env, &s->hop[i], dst);
	for (unsigned int i = 0; i < s->hops; i++)
		if (way[i].reason == REASON_forwarded && way[i].port != in)
			return way[i];
	for (unsigned int i = 0; i < s->hops; i++)
		if (way[i].reason == REASON_forwarded)
			return way[i];
	return way[0];
}

/* What the routes say of an address, for a packet that came in on port number @in. */
struct eval_way {
	const struct eval_nexthops *nexthops;	/* NULL: none */
	struct eval_nexthops one;
	struct eval_nexthop nexthop;
};

static void find_way(const struct policy *p, const struct eval_env *env, unsigned int in,
		     const struct addr *a, struct eval_way *way)
{
	const struct policy_static *fixed = find_static(p, a);

	way->nexthops = env->route ? env->route(env->route_context, a) : NULL;
	if (!fixed || !static_counts(fixed, way->nexthops))
		return;
	way->nexthop = resolve_static(env, fixed, in, a);
	way->one = (struct eval_nexthops){ .list = &way->nexthop, .count = 1, .len = fixed->prefix.len };
	way->nexthops = &way->one;
}

/* The tables that were handed over are main's. */
static bool routes_by_main(const struct policy *p)
{
	return ((const struct policy_route *)vec_at(&p->routes, 0))->table == TABLE_MAIN;
}

static void route(const struct policy *p, const struct eval_env *env,
		  const struct eval_port *port, const struct packet *k, struct eval_result *result)
{
	enum sluice_reason reason = keep_from_routing(p, env, port, k);
	const struct eval_nexthops *nexthops;
	struct eval_way way;

	if (!reason && !routes_by_main(p))
		reason = REASON_other_table;

	if (reason) {
		end_here(result, k, reason);
		return;
	}
	find_way(p, env, port->number, &k->dst, &way);
	nexthops = way.nexthops;
	if (!nexthops) {
		end_here(result, k, REASON_no_route);
		return;
	}
	for (size_t i = 0; i < nexthops->count; i++) {
		const struct eval_nexthop *nh = &nexthops->list[i];

		reason = judge_nexthop(env, k, nh);
		if (reason != REASON_forwarded)
			end_here(result, k, reason);
		else
			output_to_port(add_outcome(result, REASON_forwarded), k, nh->port,
				       nh->dst_mac, nh->src_mac, nh->vlan, k->ttl - 1);
	}
}

/* ---- where a packet says it comes from ------------------------------------ */

static bool is_bogon(const struct policy *p, const struct addr *a)
{
	const struct policy_bogon *best = NULL;

	for (size_t i = 0; i < p->bogons.len; i++) {
		const struct policy_bogon *b = vec_at(&p->bogons, i);

		if (prefix_covers(&b->prefix, a) && (!best || b->prefix.len >= best->prefix.len))
			best = b;
	}
	return best && best->listed;
}

/* Whether a packet for the source could leave by the port and VLAN that this one came in on. */
static bool leads_back(const struct eval_nexthops *nexthops, const struct eval_port *port,
		       const struct packet *k)
{
	for (size_t i = 0; i < nexthops->count; i++) {
		const struct eval_nexthop *nh = &nexthops->list[i];

		if ((nh->reason == REASON_forwarded || nh->reason == REASON_no_neighbour) &&
		    nh->port == port->number && (nh->vlan & 0xfff) == (k->tags ? k->vlan : 0))
			return true;
	}
	return false;
}

/* What the way back says by itself: the stack must be asked, or there is none; else REASON_forwarded. */
static enum sluice_reason judge_way_back(const struct eval_nexthops *nexthops)
{
	for (size_t i = 0; nexthops && i < nexthops->count; i++) {
		switch (nexthops->list[i].reason) {
		case REASON_forwarded:
		case REASON_no_neighbour:
		case REASON_no_port:
			break;
		default:
			return nexthops->list[i].reason;
		}
	}
	return nexthops ? REASON_forwarded : REASON_no_route;
}

static enum sluice_reason check_source(const struct policy *p, const struct eval_env *env,
				       const struct policy_port *policy_port,
				       const struct eval_port *port, const struct packet *k)
{
	unsigned int checks = p->routes.len ? policy_port->source_checks : 0;
	bool anti_spoof = checks & 1u << SOURCE_ANTI_SPOOF;
	enum sluice_reason no = anti_spoof ? REASON_spoofed : REASON_rpf, back;
	struct eval_way way;

	if (!checks || is_in(&k->src, "0.0.0.0/32") || is_in(&k->src, "::/128") ||
	    is_in(&k->src, "fe80::/10") || !is_known_interface(env, port, k))
		return REASON_none;
	if (checks & 1u << SOURCE_BOGONS && (is_bogon(p, &k->src) || is_bogon(p, &k->dst)))
		return REASON_bogon;
	if (checks == 1u << SOURCE_BOGONS)
		return REASON_none;
	if (!routes_by_main(p))
		return REASON_other_table;
	find_way(p, env, 0, &k->src, &way);
	back = judge_way_back(way.nexthops);
	switch (back) {
	case REASON_forwarded:
		break;
	case REASON_no_route:
	case REASON_local:
	case REASON_reject:
	case REASON_blackhole:
	case REASON_discard:
		return no;
	default:
		return back;
	}
	if (checks & 1u << SOURCE_RPF_LOOSE)
		return REASON_none;
	if (anti_spoof && !way.nexthops->len)
		return no;
	return leads_back(way.nexthops, port, k) ? REASON_none : no;
}

/* ---- the whole ---------------------------------------------------------- */

/* What is no IP that can be read to its end is seen by the filter all the same. */
static bool is_malformed(enum sluice_reason reason)
{
	return reason && eval_reason_verdict(reason) == VERDICT_DROP;
}

void policy_eval(const struct policy *p, const struct eval_env *env, unsigned int number,
		 const void *frame, size_t len, struct eval_result *result)
{
	struct packet k = { .frame = frame, .length = len };
	const struct eval_port *port = port_by_number(env, number);
	const struct policy_port *policy_port = port ? policy_port_of(p, port) : NULL;
	enum sluice_reason reason, dropped;

	*result = (struct eval_result){
		.outcomes = VEC(struct eval_outcome),
		.matched = VEC(const struct policy_rule *),
		.effects = VEC(struct eval_effect),
	};
	if (!policy_port) {
		end_here(result, &k, REASON_not_a_port);
		return;
	}
	reason = read_packet(&k);
	if (is_malformed(reason)) {
		end_here(result, &k, reason);
		return;
	}
	dropped = filter_packet(p, env, policy_port, &k, result);
	if (!reason)
		measure(p, &k, result);
	if (dropped)
		end_here(result, &k, dropped);
	else if (reason)
		end_here(result, &k, reason);
	else if ((reason = check_source(p, env, policy_port, port, &k)))
		end_here(result, &k, reason);
	else if (p->groups.len && addr_is_multicast(&k.dst))
		replicate(p, env, &k, policy_port, result);
	else
		route(p, env, port, &k, result);
}

bool policy_matches(const struct policy *p, const struct eval_env *env, unsigned int number,
		    const void *frame, size_t len, const struct policy_predicate *predicate)
{
	struct packet k = { .frame = frame, .length = len };
	const struct eval_port *port = port_by_number(env, number);
	const struct policy_port *policy_port = port ? policy_port_of(p, port) : NULL;

	return policy_port && !is_malformed(read_packet(&k)) &&
	       packet_meets(p, env, policy_port, &k, predicate);
}

void eval_result_free(struct eval_result *result)
{
	for (size_t i = 0; i < result->outcomes.len; i++) {
		struct eval_outcome *o = vec_at(&result->outcomes, i);

		for (size_t j = 0; j < o->outputs.len; j++)
			free(((struct eval_output *)vec_at(&o->outputs, j))->frame);
		vec_free(&o->outputs);
	}
	vec_free(&result->outcomes);
	vec_free(&result->matched);
	vec_free(&result->effects);
}

static const struct {
	const char *name;
	enum sluice_verdict verdict;
} reasons[] = {
#define X(name, verdict, sentence) { #name, VERDICT_##verdict },
	SLUICE_REASONS(X)
#undef X
};

const char *eval_reason_name(enum sluice_reason reason)
{
	return reasons[reason].name;
}

enum sluice_verdict eval_reason_verdict(enum sluice_reason reason)
{
	return reasons[reason].verdict;
}

/* ---- a routing table in plain words ------------------------------------- */

/* Equal prefixes in the order in which they were pushed, so that the last is known. */
static int compare_routes(const void *a, const void *b)
{
	const struct eval_route *x = a, *y = b;
	int order = prefix_cmp(&x->prefix, &y->prefix);

	return order ? order : x->order < y->order ? -1 : 1;
}

void eval_routes_sort(struct eval_routes *routes)
{
	struct eval_route *r = routes->list.data;
	size_t kept = 0;

	if (!routes->list.len)
		return;
	for (size_t i = 0; i < routes->list.len; i++)
		r[i].order = i;
	qsort(r, routes->list.len, sizeof(*r), compare_routes);
	for (size_t i = 1; i < routes->list.len; i++) {
		if (!prefix_equal(&r[kept].prefix, &r[i].prefix))
			kept++;
		r[kept] = r[i];
	}
	routes->list.len = kept + 1;
	for (size_t i = 0; i < routes->list.len; i++)
		r[i].nexthops.len = r[i].prefix.len;
}

static int compare_prefix_to_route(const void *prefix, const void *route)
{
	return prefix_cmp(prefix, &((const struct eval_route *)route)->prefix);
}

/* Every length, the longest first: is there a route for just these bits? */
const struct eval_nexthops *eval_routes_find(void *context, const struct addr *dst)
{
	const struct eval_routes *routes = context;

	if (!routes->list.len)
		return NULL;
	for (int len = addr_bits(dst->family); len >= 0; len--) {
		struct prefix p = prefix_canonical((struct prefix){ .addr = *dst, .len = len });
		const struct eval_route *found;

		found = bsearch(&p, routes->list.data, routes->list.len, sizeof(*found),
				compare_prefix_to_route);
		if (found)
			return &found->nexthops;
	}
	return NULL;
}

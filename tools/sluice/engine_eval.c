// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "engine.h"
#include "lpm/rib.h"
#include "policy/eval.h"

struct state {
	const struct scene *scene;
	struct eval_env env;
	struct eval_port *ports;
	struct eval_routes routes;
	struct eval_nexthop *nexthops;	/* one a route of the scene */
	struct table flows;		/* flow_count.key, padded -> struct flow_count */
};

/* As compile/fib.h has it: next hop N is behind port N % ports, its address 02:00 and N. */
static void load_routes(struct state *s)
{
	const struct vec *ports = &s->scene->image->ports, *routes = &s->scene->routes;

	s->nexthops = xcalloc(routes->len, sizeof(*s->nexthops));
	s->routes.list = VEC(struct eval_route);
	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);
		const struct image_port *port = vec_at(ports, r->nexthop % ports->len);
		struct eval_route *route = vec_push(&s->routes.list);
		struct eval_nexthop *nh = &s->nexthops[i];

		nh->reason = REASON_forwarded;
		nh->port = port->number;
		nh->mtu = SCENE_MTU;
		scene_mac(port->number, nh->src_mac);
		nh->dst_mac[0] = 0x02;
		for (int b = 0; b < 4; b++)
			nh->dst_mac[2 + b] = r->nexthop >> (24 - 8 * b);
		route->prefix = r->prefix;
		route->nexthops = (struct eval_nexthops){ .list = nh, .count = 1 };
	}
	eval_routes_sort(&s->routes);
}

static void load_ports(struct state *s)
{
	const struct vec *ports = &s->scene->image->ports;

	s->ports = xcalloc(ports->len, sizeof(*s->ports));
	for (size_t i = 0; i < ports->len; i++) {
		const struct image_port *p = vec_at(ports, i);

		s->ports[i].number = p->number;
		s->ports[i].up = true;
		s->ports[i].mtu = SCENE_MTU;
		memcpy(s->ports[i].interface, p->interface, sizeof(p->interface));
		scene_mac(p->number, s->ports[i].mac);
	}
	s->env.ports = s->ports;
	s->env.ports_len = ports->len;
}

static bool find_neighbour(void *context, unsigned int number, const struct addr *a, uint8_t mac[6])
{
	const struct vec *statics = &((const struct scene *)context)->image->statics;

	for (size_t i = 0; i < statics->len; i++) {
		const struct image_static *fixed = vec_at(statics, i);

		if (fixed->port == number && addr_equal(&fixed->via, a)) {
			scene_neighbour_mac(a, mac);
			return true;
		}
	}
	return false;
}

static void account(struct state *s, const struct eval_result *result)
{
	const struct eval_key *k = &result->key;
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];
	char name[sizeof(((struct flow_count *)0)->key)] = { 0 };
	struct flow_count *f;

	snprintf(name, sizeof(name), "%s %s %u %u %u",
		 k->src.family ? addr_format(&k->src, src) : "-",
		 k->dst.family ? addr_format(&k->dst, dst) : "-", k->proto, k->l4_src, k->l4_dst);
	f = table_put(&s->flows, name, NULL);
	memcpy(f->key, name, sizeof(name));
	f->exact = true;
	f->packets++;
	f->bytes += result->bytes;
}

static int run(void *state, uint16_t port, const uint8_t mac[6], const uint8_t *frame,
	       uint32_t length, struct vec *out, struct text *why)
{
	struct state *s = state;
	struct eval_result result;

	(void)why;
	for (size_t i = 0; i < s->env.ports_len; i++)
		if (s->ports[i].number == port)
			memcpy(s->ports[i].mac, mac, 6);
	policy_eval(s->scene->policy, &s->env, port, frame, length, &result);
	for (size_t i = 0; i < result.outcomes.len; i++) {
		const struct eval_outcome *o = vec_at(&result.outcomes, i);
		struct treatment *t = treatment_push(out, o->reason);

		if (o->entry)
			policy_entry_name(o->entry, t->group);
		for (size_t j = 0; j < o->outputs.len; j++) {
			const struct eval_output *e = vec_at(&o->outputs, j);

			treatment_output(t, e->host ? 0 : e->port, e->frame, e->len);
		}
	}
	if (result.measured)
		account(s, &result);
	eval_result_free(&result);
	return 0;
}

static int heavier(const void *a, const void *b)
{
	const struct flow_count *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->key, y->key);
}

static void flows(void *state, struct vec *out)
{
	struct state *s = state;
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&s->flows, &pos, &key, &value);)
		vec_append(out, value);
	qsort(out->data, out->len, out->elem_size, heavier);
}

static void close_state(void *state)
{
	struct state *s = state;

	free(s->ports);
	free(s->nexthops);
	vec_free(&s->routes.list);
	table_free(&s->flows);
	free(s);
}

int engine_eval_open(const struct scene *scene, struct engine *engine, struct text *why)
{
	struct state *s = xcalloc(1, sizeof(*s));

	(void)why;
	s->scene = scene;
	s->flows = (struct table){ .key_size = sizeof(((struct flow_count *)0)->key),
				   .value_size = sizeof(struct flow_count) };
	load_ports(s);
	load_routes(s);
	s->env.route = eval_routes_find;
	s->env.route_context = &s->routes;
	s->env.neighbour = find_neighbour;
	s->env.neighbour_context = (void *)scene;
	*engine = (struct engine){
		.name = "eval", .state = s, .run = run, .flows = flows, .close = close_state,
	};
	return 0;
}

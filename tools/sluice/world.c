// SPDX-License-Identifier: GPL-2.0
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "lpm/rib.h"

/* As fib/fib.h has it: next hop N is behind port N % ports, its address 02:00 and N. */
static void load_routes(const struct scene *scene, struct world *w)
{
	const struct vec *ports = &scene->image->ports, *routes = &scene->routes;

	w->nexthops = xcalloc(routes->len, sizeof(*w->nexthops));
	w->routes.list = VEC(struct eval_route);
	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);
		const struct image_port *port = vec_at(ports, r->nexthop % ports->len);
		struct eval_route *route = vec_push(&w->routes.list);
		struct eval_nexthop *nh = &w->nexthops[i];

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
	eval_routes_sort(&w->routes);
}

static void load_ports(const struct scene *scene, struct world *w)
{
	const struct vec *ports = &scene->image->ports;

	w->ports = xcalloc(ports->len, sizeof(*w->ports));
	for (size_t i = 0; i < ports->len; i++) {
		const struct image_port *p = vec_at(ports, i);

		w->ports[i].number = p->number;
		w->ports[i].up = true;
		w->ports[i].mtu = SCENE_MTU;
		memcpy(w->ports[i].interface, p->interface, sizeof(p->interface));
		scene_mac(p->number, w->ports[i].mac);
	}
	w->env.ports = w->ports;
	w->env.ports_len = ports->len;
}

static bool find_neighbour(void *context, unsigned int number, const struct addr *a, uint8_t mac[6])
{
	const struct vec *statics = &((const struct scene *)context)->image->statics;

	for (size_t i = 0; i < statics->len; i++) {
		const struct image_static *fixed = vec_at(statics, i);

		for (unsigned int j = 0; j < fixed->hops; j++)
			if (fixed->hop[j].port == number && addr_equal(&fixed->hop[j].via, a)) {
				scene_neighbour_mac(a, mac);
				return true;
			}
	}
	return false;
}

void world_open(const struct scene *scene, struct world *w)
{
	*w = (struct world){ 0 };
	load_ports(scene, w);
	load_routes(scene, w);
	w->env.route = eval_routes_find;
	w->env.route_context = &w->routes;
	w->env.neighbour = find_neighbour;
	w->env.neighbour_context = (void *)scene;
}

void world_close(struct world *w)
{
	free(w->ports);
	free(w->nexthops);
	vec_free(&w->routes.list);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * world.h: what policy/eval is told of a world that is made up: the ports and routes of a scene.
 */
#ifndef SLUICE_TOOLS_WORLD_H
#define SLUICE_TOOLS_WORLD_H

#include "policy/eval.h"

struct scene;

struct world {
	struct eval_env env;		/* what else is known the caller adds */
	struct eval_port *ports;	/* env.ports */
	struct eval_routes routes;
	struct eval_nexthop *nexthops;	/* one a route of the scene */
};

/** world_open() - @scene, @world: stay where they are. */
void world_open(const struct scene *scene, struct world *world);
void world_close(struct world *world);

#endif

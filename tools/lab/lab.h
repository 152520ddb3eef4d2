/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lab.h: a lab that is up, or is being laid, and what its makers share.
 */
#ifndef SLUICE_LAB_LAB_H
#define SLUICE_LAB_LAB_H

#include <limits.h>
#include <sys/types.h>

#include "topology.h"

#define LABS_DIR	"/run/sluice-lab"
#define NETNS_DIR	"/run/netns"

struct lab {
	const struct topology *topology;
	char id[64];			/* NAME.XXXX: unique on this machine */
	char dir[PATH_MAX / 2];		/* /run/sluice-lab/ID: configuration, logs, sockets */
	char tools[PATH_MAX / 2];	/* where sluice and sluiced are: beside sluice-lab, or "" */
	int *netns;			/* a file descriptor a node, or NULL */
};

/** lab_error() - one line on standard error: "sluice-lab: ...". */
void lab_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** lab_node(), lab_netns_name() - the node number @i; the name of its namespace, in @buf. */
const struct lab_node *lab_node(const struct lab *lab, unsigned int i);
const char *lab_netns_name(const struct lab *lab, unsigned int i, char buf[NAME_MAX]);

/** lay.c: lab_lay() - namespaces, links, addresses, routes. Return: 0, or -1 and it said why. */
int lab_lay(struct lab *lab);

/** services.c: lab_start() - what the nodes run, in order. Return: 0, or -1 and it said why. */
int lab_start(struct lab *lab);

/** announce.c: writes the routes of a LAB_ANNOUNCE as BIRD's static protocols into @dir. */
int lab_announce(const struct lab_service *s, const char *dir);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * topology.h: what a lab consists of, as its file says it. The language is in
 * sluice-lab(1); an example:
 *
 *	lab edge;
 *	host h1 { default via 10.0.1.1; }
 *	router r1 {
 *		frr zebra, bgpd "r1.conf";
 *		sluiced <<END
 *			port lan = "eth0";
 *			route main;
 *		END;
 *	}
 *	link h1.eth0 10.0.1.2/24 -- r1.eth0 10.0.1.1/24 mtu 9000;
 */
#ifndef SLUICE_LAB_TOPOLOGY_H
#define SLUICE_LAB_TOPOLOGY_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"

/* An address of an interface: unlike a prefix it has bits past its length. */
struct lab_address {
	struct addr addr;
	uint8_t len;
};

/* One end of a link. */
struct lab_interface {
	unsigned int node;		/* index in topology.nodes */
	char name[IFNAMSIZ];
	struct vec addresses;		/* of struct lab_address */
	uint8_t mac[6];
	bool has_mac;			/* else the kernel chooses one */
};

struct lab_link {
	struct lab_interface end[2];
	unsigned int mtu;		/* bytes; 0: the kernel's default */
};

struct lab_route {
	struct prefix to;
	struct addr via;
};

struct lab_sysctl {
	const char *name;		/* below net., with dots */
	const char *value;
};

/* A file named in the topology, or a text that stands in it. */
struct lab_text {
	const char *path;		/* as named, made relative to the topology file; or NULL */
	const char *text;		/* or NULL: no text at all */
	struct place place;
};

/* What a node runs, in the order of the file. */
enum lab_service_kind {
	LAB_FRR,		/* FRR's daemons, then their configuration by vtysh */
	LAB_BIRD,
	LAB_ANNOUNCE,		/* writes a routing table as BIRD's static routes, for LAB_BIRD to include */
	LAB_SLUICED,		/* the daemon, then the policy, if there is one */
	LAB_EXEC,		/* a command that stays in the background */
	LAB_RUN,		/* a command that must succeed */
	LAB_WAIT,		/* a command that is repeated until it succeeds */
};

struct lab_service {
	enum lab_service_kind kind;
	struct place place;
	struct lab_text text;		/* configuration, policy, command, or table to announce */
	struct vec daemons;		/* LAB_FRR: of const char * */
	const char *name;		/* LAB_ANNOUNCE: NAME.conf and static protocols NAME4_0... */
	struct vec via;			/* LAB_ANNOUNCE: of struct addr */
	unsigned long count;		/* LAB_ANNOUNCE: at most so many routes a family; 0: all */
	unsigned int preference;	/* LAB_ANNOUNCE: BIRD's; 0: its default */
	unsigned int seconds;		/* LAB_WAIT: limit */
};

struct lab_node {
	const char *name;
	struct place place;
	bool router;			/* forwards */
	struct vec loopback;		/* of struct lab_address */
	struct vec routes;		/* of struct lab_route */
	struct vec sysctls;		/* of struct lab_sysctl */
	struct vec services;		/* of struct lab_service */
};

struct topology {
	struct source source;
	struct arena arena;		/* all strings */
	const char *name;		/* "lab" unless the file says another */
	struct vec nodes;		/* of struct lab_node */
	struct vec links;		/* of struct lab_link */
};

/**
 * topology_read() - reads and checks the file @path ("-": standard input).
 * @diags: every mistake with its place; points into @t, so print it before topology_free().
 * Return: 0; -EINVAL if there are mistakes; another -errno if the file cannot be read (one
 * diagnostic without a place). @t is to be freed in any case.
 */
int topology_read(struct topology *t, const char *path, struct diags *diags);

void topology_free(struct topology *t);

#endif

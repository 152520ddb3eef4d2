/* SPDX-License-Identifier: GPL-2.0 */
/*
 * network.h: several routers with static routes, the links between them, and proof of what their
 * routes do together while links fail.
 *
 * A network document names the routers and their policies, the links, and which of them may fail
 * at once:
 *
 *	node a "a.sluice";
 *	node b "b.sluice";
 *	link a.east -- b.west;			# ports, by their names in the policies
 *	fail any 1;				# each link by itself
 *	fail a.east -- b.west, b.east -- c.west;	# these two together
 *
 * No link down is always one of the cases. A port that no link names is an edge of the network: a
 * packet that leaves there has arrived. Only what policies say is known: static routes with the
 * ways that stand behind "else"; a router that has no static route for an address leaves it to
 * its kernel, whose routes nobody knows here. Neighbours answer on every link that is up.
 */
#ifndef SLUICE_NETWORK_NETWORK_H
#define SLUICE_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"
#include "policy/parse.h"

#define NETWORK_NODES_MAX	1024
#define NETWORK_LINKS_MAX	4096
#define NETWORK_FAILURES_MAX	1000000	/* cases, those of "any" counted */
#define NETWORK_FILE_MAX	(1u << 20)	/* bytes of the document */

struct network_node {
	const char *name;
	struct policy *policy;
	struct network_link **link;	/* by port number: NULL: an edge */
	struct place place;
};

struct network_end {
	unsigned int node;
	const struct policy_port *port;
};

struct network_link {
	struct network_end end[2];
	unsigned int number;
	struct place place;
};

/* Links that are down at once. */
struct network_failure {
	struct vec links;		/* of unsigned int, ascending */
};

struct network {
	struct arena arena;
	struct source source;
	struct vec nodes;		/* of struct network_node */
	struct vec links;		/* of struct network_link * */
	struct vec failures;		/* of struct network_failure: what "fail" lists */
	unsigned int any;		/* and each set of so many links, or fewer */
};

/**
 * network_read() - the document @path and the policies that it names, relative to its folder.
 * @load: reads all of them.
 * Return: never NULL, for diagnostics point into it; with errors good for nothing else.
 */
struct network *network_read(const char *path, policy_load_fn *load, void *context,
			     struct diags *diags);

void network_free(struct network *net);

/** network_cases() - how many sets of failed links there are, the empty one included. */
uint64_t network_cases(const struct network *net);

/* ---- proof ---------------------------------------------------------------- */

enum network_verdict {
	NETWORK_ARRIVES,
	NETWORK_CIRCLES,		/* comes back to where it was */
	NETWORK_DROPPED,		/* by a route that drops */
	NETWORK_STUCK,			/* no port of its route is up */
	NETWORK_LEFT,			/* a router has no static route for it */
};

/* A router on the way, and its route for the packet; NULL: it has none. */
struct network_step {
	unsigned int node;
	const struct policy_static *route;
	const struct policy_port *out;	/* NULL: it ends here */
};

/* A packet for which not all is well. */
struct network_finding {
	enum network_verdict verdict;
	bool connected;			/* there is a way over links that are up */
	struct addr dst;
	unsigned int from;		/* node that it enters at an edge of */
	struct vec down;		/* of unsigned int: links */
	struct vec steps;		/* of struct network_step; of a circle: up to the step that closes it */
	uint64_t alike;			/* other entries and destinations of that case that end the same way */
};

struct network_proof {
	uint64_t cases, packets;	/* looked at: sets of links, and (case, entry, kind of address) */
	unsigned int kinds;		/* of addresses that some router treats differently */
	uint64_t broken;		/* packets that do not arrive, though there is a way */
	uint64_t circling;		/* packets that circle where there is no way */
	struct vec findings;		/* of struct network_finding: one a case and verdict, @most at most */
	bool complete;			/* false: time was up */
};

/**
 * network_prove() - follows each kind of packet from each router in each case.
 * @seconds: of processor time; 0: no limit. @most: findings that are kept.
 */
void network_prove(const struct network *net, double seconds, unsigned int most,
		   struct network_proof *proof);

void network_proof_free(struct network_proof *proof);

#endif

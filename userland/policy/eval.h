/* SPDX-License-Identifier: GPL-2.0 */
/*
 * eval.h: the plain meaning of a policy: what becomes of one packet.
 *
 * This is bpf/reasons.h, sentence by sentence, in code that was written to be
 * believed by reading and shares nothing with the data path. It is the oracle for
 * everything else: where an engine and this differ, one of them is wrong.
 *
 * What a policy does depends on facts that are not in it: which ports there are,
 * and what the kernel's routing table says. The caller hands those over.
 *
 * Where a route has several next hops (ECMP), the meaning does not say which one a
 * packet takes. So a packet has one or more *outcomes*, and an engine is right if
 * it did any one of them. All of a packet's outcomes agree in what was measured.
 *
 * Not here: "nonlinear", "no_copy", "redirect", "buffers" and "host_lost", which are facts of the BPF
 * machine, and what happens to a copy behind its leg: whether the leg's port is up
 * or takes so long a frame is the kernel's business. A leg whose port is not among
 * the environment's gets no copy.
 */
#ifndef SLUICE_POLICY_EVAL_H
#define SLUICE_POLICY_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"
#include "bpf/reasons.h"

struct policy;
struct policy_action;
struct policy_predicate;
struct policy_rule;
struct policy_set;

/* ---- what is known of the world ----------------------------------------- */

struct eval_port {
	unsigned int number;		/* not 0 */
	char interface[16];		/* which policy port it is, by the name of its interface */
	uint8_t mac[6];
	bool up;
	uint32_t mtu;			/* bytes of IP packet; used for static routes only */
};

/* The kernel has an interface for VLAN @id on port @port. */
struct eval_vlan {
	unsigned int port;		/* number */
	uint16_t id;
};

struct eval_nexthop {
	enum sluice_reason reason;	/* REASON_forwarded, or why packets for it are passed up:
					 * local, reject, encap, no_port, table_full, not_followed,
					 * no_neighbour */
	unsigned int port;		/* number; with vlan also if no_neighbour, the rest only if forwarded */
	uint32_t mtu;			/* bytes of IP packet */
	uint8_t dst_mac[6], src_mac[6];
	uint16_t vlan;			/* TCI of the tag to push, 0: none */
};

/* The next hops of a route: a packet takes any one of them. */
struct eval_nexthops {
	const struct eval_nexthop *list;
	size_t count;			/* at least 1 */
	uint8_t len;			/* of the prefix that they are for; eval_routes_sort() sets it */
};

/** eval_route_fn - the next hops of the longest match for @dst; NULL if nothing matches. */
typedef const struct eval_nexthops *eval_route_fn(void *context, const struct addr *dst);

/* eval_neighbour_fn - the link-layer address of a neighbour on port @number, if it is known. */
typedef bool eval_neighbour_fn(void *context, unsigned int number, const struct addr *a,
			       uint8_t mac[6]);

/* eval_set_fn - whether @set has @value: an address; or a number, of family ADDR_NONE, in @number. */
typedef bool eval_set_fn(void *context, const struct policy_set *set, const struct addr *address,
			 uint64_t number);

/* eval_police_fn - whether action @action of @rule is over its rate with this packet. */
typedef bool eval_police_fn(void *context, const struct policy_rule *rule,
			    const struct policy_action *action);

/* What eval_socket_fn is asked for: ports in host order. */
struct eval_flow {
	struct addr src, dst;
	uint8_t proto;			/* 6 or 17 */
	uint16_t sport, dport;
};

/* eval_socket_fn - this host's socket for a packet: 0 none, 1 established, 2 listen. */
typedef unsigned int eval_socket_fn(void *context, const struct eval_flow *flow);

struct eval_env {
	const struct eval_port *ports;
	size_t ports_len;
	const struct eval_vlan *vlans;
	size_t vlans_len;
	eval_route_fn *route;		/* NULL: no routes */
	void *route_context;
	eval_neighbour_fn *neighbour;	/* for static routes; NULL: none is known */
	void *neighbour_context;
	eval_set_fn *in_set;		/* NULL: sets have the elements of the store, and no others */
	void *set_context;
	eval_police_fn *police;		/* NULL: no packet is over a rate */
	void *police_context;
	eval_socket_fn *socket;		/* NULL: no packet has a socket */
	void *socket_context;
};

/* ---- what becomes of a packet ------------------------------------------- */

struct eval_output {
	bool host;			/* to this host, the frame as it came in */
	unsigned int port;		/* number, unless host */
	uint8_t *frame;
	size_t len;
};

struct eval_outcome {
	enum sluice_reason reason;
	enum sluice_verdict verdict;
	const struct policy_group *group;	/* replicate: that matched, or NULL */
	const struct policy_entry *entry;	/* which of its entries */
	struct vec outputs;		/* of struct eval_output; legs in the policy's order */
};

/* The measured packet's key: fields that the policy does not name are zero. Families are never mixed. */
struct eval_key {
	uint8_t family;			/* 4 or 6 */
	struct addr src, dst;		/* family ADDR_NONE: not in the key */
	uint8_t proto;
	uint16_t l4_src, l4_dst;	/* host order */
};

/*
 * An action that a rule did, other than allow and drop. Nothing is inserted of a packet without the
 * field; one rate of a police rule is for all packets that do not have the field of its "per".
 */
struct eval_effect {
	const struct policy_rule *rule;
	const struct policy_action *action;
};

struct eval_result {
	struct vec outcomes;		/* of struct eval_outcome; at least one */
	const struct policy_rule *rule;	/* that ended the search; NULL: none did, or there is no filter. It is
					 * found even if a police rule in front of it drops the packet */
	struct vec matched;		/* of const struct policy_rule *: all that matched up to that, it included */
	struct vec effects;		/* of struct eval_effect, in the order of the rules; ends with a police
					 * action that dropped the packet */
	uint32_t mark;			/* the last one that was set; 0: none */
	bool measured;
	struct eval_key key;
	uint64_t bytes;
};

/**
 * policy_eval() - what @p makes of a frame that comes in on port number @port.
 * @p: checked, without errors.
 * @result: written anew; to be freed with eval_result_free().
 */
void policy_eval(const struct policy *p, const struct eval_env *env, unsigned int port,
		 const void *frame, size_t len, struct eval_result *result);

void eval_result_free(struct eval_result *result);

/**
 * policy_matches() - whether a frame that comes in on port @number meets @predicate; false if it is
 * malformed, and on what is no port of the policy.
 */
bool policy_matches(const struct policy *p, const struct eval_env *env, unsigned int number,
		    const void *frame, size_t len, const struct policy_predicate *predicate);

/** eval_reason_name() - "ip4_short" for REASON_ip4_short. */
const char *eval_reason_name(enum sluice_reason reason);

/** eval_reason_verdict() - what a packet that ends so becomes. */
enum sluice_verdict eval_reason_verdict(enum sluice_reason reason);

/* ---- a routing table in plain words ------------------------------------- */

struct eval_route {
	struct prefix prefix;		/* canonical */
	struct eval_nexthops nexthops;
	size_t order;			/* eval_routes_sort()'s own */
};

/* A list of routes, sorted by prefix_cmp(); none twice. */
struct eval_routes {
	struct vec list;		/* of struct eval_route */
};

/** eval_routes_sort() - to be called after the last route was pushed; of equal prefixes the last stays. */
void eval_routes_sort(struct eval_routes *routes);

/** eval_routes_find() - an eval_route_fn; @context is a sorted struct eval_routes. */
const struct eval_nexthops *eval_routes_find(void *context, const struct addr *dst);

#endif

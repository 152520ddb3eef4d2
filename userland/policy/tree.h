/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tree.h: what a policy says, as a tree.
 *
 * The parser writes down what stands in the text, each thing with its place;
 * policy_check() then resolves names and fills in what is marked "check". One
 * tree feeds the compiler, the plain meaning and the printer; nobody but the
 * parser and the checker writes to it.
 *
 * Besides its documents a policy may have objects of the store (policy/objects.h): ports, static
 * routes and legs that were set one by one. They are nodes like the others, marked @store, and
 * their places lie in a text of their own, which reads as a user would have written them.
 *
 * Everything hangs on the policy and goes with it: names and nodes are in its
 * arena, lists are vecs. Nodes that others point to (ports, lets) do not move.
 *
 * Names of ports, lets and measures are one name space. A port belongs to a node
 * (a router); there is one node so far, and its name is NULL.
 */
#ifndef SLUICE_POLICY_TREE_H
#define SLUICE_POLICY_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"

/* Limits of the language; at the limit is allowed. */
#define POLICY_NAME_MAX		32	/* bytes of a name */
#define POLICY_STRING_MAX	4095	/* bytes of a string */
#define POLICY_INTERFACE_MAX	15	/* bytes: IFNAMSIZ - 1 */
#define POLICY_FILE_MAX		(64u << 20)	/* bytes of all documents together */
#define POLICY_INCLUDE_DEPTH	16	/* documents open at once, the first included */
#define POLICY_DOCUMENTS_MAX	1024
#define POLICY_VALUES_MAX	8388608	/* values that all lets stand for together */
#define POLICY_LET_DEPTH	64	/* lets within lets */
#define POLICY_PORTS_MAX	1023
#define POLICY_ENTRIES_MAX	4096	/* (source, group, port) */
#define POLICY_LEGS_MAX		256	/* legs of a group, "host" included */
#define POLICY_HOST_LEGS_MAX	64	/* legs beside "host" */
#define POLICY_LIMIT4_MAX	4194304
#define POLICY_LIMIT6_MAX	1048576

struct policy {
	struct arena arena;
	struct vec sources;		/* of struct source *: the documents, in the order they were read */
	const struct source *store;	/* the text of the store's objects, a line each; NULL: none */
	struct vec ports;		/* of struct policy_port * */
	struct vec lets;		/* of struct policy_let * */
	struct vec routes;		/* of struct policy_route; check: none, or one for table main */
	struct vec statics;		/* of struct policy_static, of the store */
	struct vec groups;		/* of struct policy_group, those of the store last */
	struct vec measures;		/* of struct policy_measure; check: at most one */
	bool incomplete;		/* a document could not be read: names may be missing */
};

/* ---- port NAME = "IFNAME" [mode native|generic]; ------------------------ */

enum policy_mode { PORT_NATIVE, PORT_GENERIC };

struct policy_port {
	const char *node;		/* NULL: this one */
	char *name;
	char *interface;		/* NULL after a syntax error */
	enum policy_mode mode;
	struct place place;		/* of the name */
	struct place interface_place;
	bool store;			/* an object of the store, no document's */
	bool used;			/* check: something refers to it */
};

/* A port by its name. */
struct policy_port_ref {
	const char *node;		/* NULL: this one */
	char *name;
	struct place place;
	struct policy_port *port;	/* check */
};

/* ---- let NAME = { VALUE, ... }; ----------------------------------------- */

enum policy_value_type {
	VALUE_NONE,		/* there was a mistake in it */
	VALUE_PREFIX,
	VALUE_NUMBERS,
	VALUE_LET,
};

struct policy_value {
	enum policy_value_type type;
	struct place place;
	struct prefix prefix;		/* VALUE_PREFIX; an address is a host prefix */
	uint64_t first, last;		/* VALUE_NUMBERS, both included; a number is a range of one */
	char *name;			/* VALUE_LET */
	struct policy_let *let;		/* VALUE_LET; check */
};

struct policy_let {
	char *name;
	struct place place;		/* of the name */
	struct vec values;		/* of struct policy_value, as written */
	bool broken;			/* its statement has a syntax error: values are missing */
	/* check: what it stands for, through other lets; one of the two is empty */
	struct vec prefixes;		/* of struct prefix: sorted by prefix_cmp(), none twice */
	struct vec ranges;		/* of struct policy_range: sorted, apart from each other */
	enum { LET_NEW, LET_OPEN, LET_DONE } state;
	bool used;
};

struct policy_range {
	uint64_t first, last;
};

/* ---- route main [limit ip4 N ip6 N]; ------------------------------------ */

enum policy_table { TABLE_MAIN, TABLE_NUMBER, TABLE_VRF };

struct policy_route {
	enum policy_table table;	/* check: TABLE_MAIN */
	char *vrf;			/* TABLE_VRF */
	uint64_t number;		/* TABLE_VRF, TABLE_NUMBER */
	uint64_t limit4, limit6;	/* routes taken at most, per family */
	struct place place;
};

/* An object of the store: a static route of table main. */
struct policy_static {
	struct prefix prefix;		/* canonical */
	struct addr via;		/* ADDR_NONE: the addresses are neighbours on the port */
	struct policy_port_ref to;	/* to.name NULL: discard; check: .port */
	const char *table;		/* check: "main" */
	struct place place;		/* of the prefix */
	struct place via_place, table_place;
};

#define POLICY_LIMIT4_DEFAULT	1048576
#define POLICY_LIMIT6_DEFAULT	262144

/* ---- multicast { (SOURCE, GROUP) from PORT, ... to LEG, ...; } ----------- */

struct policy_leg {
	bool host;			/* to this host's own sockets; else to.port */
	struct policy_port_ref to;
	uint64_t vlan;			/* 1..4094, 0: no tag */
	uint64_t ttl;			/* 1..255, 0: one less than it came with */
	bool store;			/* an object of the store */
	struct place place;
	struct place vlan_place, ttl_place;	/* of the number; source NULL: not written */
};

/* One (source, group) on one port. */
struct policy_entry {
	struct addr source;		/* family ADDR_NONE: any */
	struct prefix group;
	struct policy_port *port;
};

struct policy_group {
	struct place place;
	bool any_source;		/* written "*" */
	struct policy_value source;	/* unless any_source: an address or a let */
	struct policy_value group;	/* an address, a prefix or a let */
	struct vec from;		/* of struct policy_port_ref; check: .port is set */
	struct vec legs;		/* of struct policy_leg; check: .to.port is set */
	bool store;			/* of objects of the store; check: and of the legs that a document
					 * has for the same (source, group, port) */
	/* check: */
	bool split;			/* some of its entries are the store's now: only @entries counts */
	struct vec sources;		/* of struct addr; one of family ADDR_NONE: any */
	struct vec groups;		/* of struct prefix */
	struct vec entries;		/* of struct policy_entry: sources x groups of one family x from */
};

/* ---- measure NAME by (FIELD, ...) { ... } -------------------------------- */

enum policy_key {
	KEY_IP_SRC	= 1 << 0,
	KEY_IP_DST	= 1 << 1,
	KEY_IP_PROTO	= 1 << 2,
	KEY_L4_SRC	= 1 << 3,
	KEY_L4_DST	= 1 << 4,
};

struct policy_measure {
	char *name;
	struct place place;		/* of the name */
	unsigned int key;		/* enum policy_key, or-ed */
	unsigned int threshold_ppm;	/* of an interval's bytes, 1..1000000; 0: threshold_Bps counts */
	uint64_t threshold_Bps;		/* bytes a second; 0: threshold_ppm counts */
	unsigned int oversampling;	/* 1..1000 */
	unsigned int interval_ms;	/* 100..3600000 */
	unsigned int slots;		/* per CPU: a power of two, 64..65536 */
};

#define POLICY_MEASURE_DEFAULTS .threshold_ppm = 1000, .oversampling = 20, \
	.interval_ms = 5000, .slots = 8192

/** policy_free() - gives back the tree and its sources. Print diagnostics first: they point into it. */
void policy_free(struct policy *p);

/** policy_port_find() - the port of that name, or NULL. */
struct policy_port *policy_port_find(const struct policy *p, const char *name);

/** policy_let_find() - the let of that name, or NULL. */
struct policy_let *policy_let_find(const struct policy *p, const char *name);

#define POLICY_ENTRY_STRLEN (ADDR_STRLEN + PREFIX_STRLEN + POLICY_INTERFACE_MAX + 3)

/**
 * policy_entry_name() - "SOURCE GROUP INTERFACE", "*" for any source: as counters and
 * reports name it. Writes at most POLICY_ENTRY_STRLEN bytes into @buf and returns it.
 */
char *policy_entry_name(const struct policy_entry *e, char *buf);

/** policy_key_name() - "ip.src" for KEY_IP_SRC, and so on. */
const char *policy_key_name(enum policy_key key);

#endif

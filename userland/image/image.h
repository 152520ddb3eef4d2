/* SPDX-License-Identifier: GPL-2.0 */
/*
 * image.h: one generation as plain memory: everything a policy compiles to.
 *
 * What datapath/ writes into maps and .rodata, verify/ walks, and golden tests
 * print. It names ports by number; which interface stands behind a number is a
 * kernel fact and not part of it, so an image can be built anywhere.
 */
#ifndef SLUICE_IMAGE_IMAGE_H
#define SLUICE_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/text.h"
#include "base/vec.h"
#include "bpf/classify.h"
#include "bpf/layout.h"

#define IMAGE_NAME_MAX	36	/* a policy's name with its NUL, rounded up */

struct image_port {
	char name[IMAGE_NAME_MAX];	/* in the policy */
	char interface[16];
	uint16_t number;
	bool generic;			/* XDP in generic mode, as the policy asks */
	bool store;			/* an object of the store, no document's */
};

/* One way of a static route. */
struct image_hop {
	struct addr via;		/* ADDR_NONE: the addresses are neighbours on the port */
	uint16_t port;			/* number */
};

/*
 * A static route; the route tables have it beside the kernel's. A packet takes the first hop that
 * can be taken (the port is up, the neighbour known) and does not lead back out of the port that
 * it came in on; if there is none, the first that can be taken.
 */
#define IMAGE_HOPS_MAX 4
struct image_static {
	struct prefix prefix;
	uint8_t hops;			/* 0: discard */
	struct image_hop hop[IMAGE_HOPS_MAX];
};

/* One key of the map "groups". */
struct image_group {
	struct group_key key;
	struct group value;		/* for PORT_ANY: zero, the key alone tells */
	bool store_host;		/* its leg "host" is an object of the store */
};

/* One key of the map "group_prefixes". */
struct image_group_prefix {
	struct group_prefix_key key;
	struct group value;
	bool store_host;
};

struct image_leg {
	uint32_t group;			/* number */
	struct leg leg;			/* leg.port is the key in legs[group] */
	bool store;			/* an object of the store */
};

/* One key of the map "counted". */
struct image_counted {
	struct counted_key key;
	uint32_t counter;
};

struct image_counter {
	char name[COUNTER_NAME_MAX];
	uint32_t number;
};

struct image_measure {
	char name[IMAGE_NAME_MAX];	/* "": nothing is measured */
	unsigned int key;		/* enum policy_key, or-ed */
	unsigned int threshold_ppm;	/* of an interval's bytes, or 0 */
	uint64_t threshold_Bps;		/* bytes a second, or 0 */
	unsigned int oversampling;
	unsigned int interval_ms;
	unsigned int slots;		/* per CPU */
};

/* ---- filters -------------------------------------------------------------- */

/* A rule of the policy; its number is its place. */
struct image_rule {
	const char *text;		/* as the policy has it, on one line; as the next one in image_filter.words */
	const char *where;		/* "edge.sluice:12" */
	uint64_t key;			/* of what it says, and the how manieth that says it: counters go on by it */
};

struct image_element {
	struct set_key key;
	uint64_t timeout_ns;		/* 0: stays */
	uint64_t since_ns;		/* CLOCK_REALTIME from when it runs; 0: from when it is first in the map */
};

struct image_set {
	char name[IMAGE_NAME_MAX];
	uint32_t size;
	uint64_t timeout_ns;		/* of what rules insert; 0: stays */
	bool addresses;
	struct vec elements;		/* of struct image_element: of the configuration */
};

struct image_mac {
	uint8_t address[6];
	uint16_t number;		/* of fields RULES_ETH_SRC, RULES_ETH_DST */
};

/* All of it but the sets is empty, and shape.layers 0, without a filter. */
struct image_filter {
	struct classify_shape shape;
	uint8_t *area;			/* .data.rules: area_bytes, whole pages */
	size_t area_bytes;
	uint8_t *address[2][2];		/* .data.*: shape.address[side][family] each; NULL: constant */
	struct vec rules;		/* of struct image_rule */
	struct arena words;		/* theirs */
	uint32_t *first;		/* by rule: its first action in actions; RULES_NONE: none */
	struct vec actions;		/* of struct action */
	struct vec sets;		/* of struct image_set, by number */
	struct vec macs;		/* of struct image_mac */
	struct vec texts;		/* of char *, owned: of emit, by struct action.number */
};

/* A table of the kernel's beside main. */
struct image_table {
	uint32_t number;
	uint32_t limit4, limit6;
	char vrf[16];			/* "": no VRF's */
};

/* Packets of a port are looked up in a table, whatever ip rules say. */
struct image_table_port {
	uint16_t table;			/* number in tables */
	uint16_t port;
};

struct image_bogon {
	struct prefix prefix;
	uint8_t result;			/* BOGON_* */
};

/* What the route tables of a generation must be: those of another that has the same can be taken. */
struct image_routing {
	uint32_t limit4, limit6;	/* routes of table main taken at most; 0: it is not routed by */
	bool sources;			/* some port's sources are checked */
	bool counted_hops;		/* what is forwarded is counted by next hop */
	struct vec tables;		/* of struct image_table */
	struct vec table_ports;		/* of struct image_table_port */
	struct vec bogons;		/* of struct image_bogon; of equal prefixes the last one counts */
};

struct image {
	struct config config;		/* .rodata; what a load adds (generation, seed, trace) is 0 */
	struct image_routing routing;
	uint32_t group_count;		/* group numbers are 0 .. group_count - 1 */
	struct vec ports;		/* of struct image_port, in the policy's order */
	struct vec statics;		/* of struct image_static, sorted by prefix_cmp() */
	struct vec counted;		/* of struct image_counted */
	struct vec groups;		/* of struct image_group, PORT_ANY keys included */
	struct vec group_prefixes;	/* of struct image_group_prefix */
	struct vec legs;		/* of struct image_leg, sorted by group */
	struct vec counters;		/* of struct image_counter: all that the image counts with */
	struct image_measure measure;
	struct image_filter filter;
};

struct image *image_new(void);
void image_free(struct image *image);

/** image_copy() - a copy that can outlive @image, of all but the tables of filters (area, address). */
struct image *image_copy(const struct image *image);

/** image_routing_copy(), _equal(), _free() - of what route tables must be. */
void image_routing_copy(struct image_routing *to, const struct image_routing *from);
bool image_routing_equal(const struct image_routing *a, const struct image_routing *b);
void image_routing_free(struct image_routing *r);

/** image_port() - the port of @number; NULL if there is none. */
const struct image_port *image_port(const struct image *image, uint16_t number);

/** image_port_named() - the port that the policy calls @name; NULL if there is none. */
const struct image_port *image_port_named(const struct image *image, const char *name);

/** image_counter_name() - what @number counts, or NULL. */
const char *image_counter_name(const struct image *image, uint32_t number);

/** image_dump() - the whole image as text, in a stable order, for golden files and reviews. */
void image_dump(const struct image *image, struct text *out);

#endif

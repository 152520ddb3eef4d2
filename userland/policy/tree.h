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
 * Everything hangs on the policy and goes with it: names and nodes are in its arena, lists are vecs; those of
 * rules and predicates lie in the arena too, and some are the very list of a let, or the one value that a test
 * has. Nodes that others point to (ports, lets, sets, filters, rules) do not move.
 *
 * Names of ports, lets, sets and measures are one name space. A port belongs to a node
 * (a router); there is one node so far, and its name is NULL.
 */
#ifndef SLUICE_POLICY_TREE_H
#define SLUICE_POLICY_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/range.h"
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
#define POLICY_HOPS_MAX		4	/* next hops of a static route */
#define POLICY_STATICS_MAX	65536	/* static routes */
#define POLICY_ENTRIES_MAX	4096	/* (source, group, port) */
#define POLICY_LEGS_MAX		256	/* legs of a group, "host" included */
#define POLICY_HOST_LEGS_MAX	64	/* legs beside "host" */
#define POLICY_SETS_MAX		256
#define POLICY_SET_TESTS_MAX	16	/* different (set, field) that filters test */
#define POLICY_SET_SIZE_MAX	16777216
#define POLICY_RULES_MAX	1048576	/* of all filters together */
#define POLICY_ACTIONS_MAX	8	/* of one rule */
#define POLICY_PREDICATE_DEPTH	200	/* predicates within predicates, lets included */
#define POLICY_TESTS_MAX	65536	/* tests of one predicate, those of lets each time they are named */
#define POLICY_TESTS_ALL	16777216	/* of all rules together */
#define POLICY_PREDICATES_MAX	8388608	/* tests, names, and what joins them, as written, in all */
#define POLICY_MASK_STEPS	131072	/* that it may take to make ranges of a mask: any of 16 bits can be */
#define POLICY_COUNTER_MAX	64	/* bytes of the name of a counter */
#define POLICY_EVENT_MAX	200	/* bytes of what an event says */
#define POLICY_RATE_MAX		1000000000000ull	/* bytes or packets a second */
#define POLICY_BURST_MAX	0xffffffffull	/* bytes or packets */
#define POLICY_BURST_LEAST	1514	/* bytes: a burst of less would let no full frame through */
#define POLICY_ASSERTS_MAX	1024
#define POLICY_COUNTED_MAX	4096	/* prefixes: COUNTED_MAX of bpf/layout.h */
#define POLICY_LIMIT4_MAX	4194304
#define POLICY_LIMIT6_MAX	1048576
#define POLICY_TABLES_MAX	14	/* of routes */
#define POLICY_TABLES_LIMIT4	4000000	/* routes of all tables together */
#define POLICY_TABLES_LIMIT6	1000000
#define POLICY_TABLE_LIMIT4_DEFAULT 262144	/* of each but main */
#define POLICY_TABLE_LIMIT6_DEFAULT 65536

struct policy {
	struct arena arena;
	struct vec sources;		/* of struct source *: the documents, in the order they were read */
	const struct source *store;	/* the text of the store's objects, a line each; NULL: none */
	struct vec ports;		/* of struct policy_port * */
	struct vec lets;		/* of struct policy_let * */
	struct vec routes;		/* of struct policy_route; check: main first, if it is among them; none twice */
	struct vec source_checks;	/* of struct policy_source_check */
	struct vec bogons;		/* check: of struct policy_bogon; of equal prefixes the last one counts */
	struct vec statics;		/* of struct policy_static; check: no prefix twice */
	struct vec counted;		/* of struct policy_counted; check: no prefix twice */
	struct vec counted_hops;	/* of struct place: "count next-hops;"; check: at most one */
	struct vec groups;		/* of struct policy_group, those of the store last */
	struct vec measures;		/* of struct policy_measure; check: at most one */
	struct vec filters;		/* of struct policy_filter *, in the order of the text */
	struct vec sets;		/* of struct policy_set * */
	struct vec elements;		/* of struct policy_element, of the store */
	struct vec asserts;		/* of struct policy_assert */
	struct vec rules;		/* check: of struct policy_rule *, all filters': by number */
	struct vec set_tests;		/* check: of struct policy_set_test, by number */
	struct vec compared;		/* of struct policy_compared, in the order they are first named */
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
	unsigned int number;		/* check: in policy->ports */
	struct policy_filter *filter;	/* check: of the packets that come in on it; NULL: none */
	unsigned int source_checks;	/* check: 1 << SOURCE_*, or-ed */
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
	VALUE_ADDRESSES,
	VALUE_NUMBERS,
	VALUE_MAC,
	VALUE_LET,
};

struct policy_value {
	enum policy_value_type type;
	struct place place;
	union {
		struct {
			struct prefix prefix;	/* VALUE_PREFIX; an address is a host prefix. VALUE_ADDRESSES:
						 * the first */
			const struct addr *last_address;	/* VALUE_ADDRESSES: included, of the same family */
		};
		struct {
			char *name;		/* VALUE_LET: of the let; check: words of a field (tcp, syn, a
						 * port's name) have become VALUE_NUMBERS. VALUE_NUMBERS: NULL,
						 * or a flag that stands in it */
			struct policy_let *let;	/* VALUE_LET; check */
			union {			/* VALUE_NUMBERS, both included; a number is a range of one.
						 * VALUE_MAC: the 48 bits, twice */
				struct { uint64_t first, last; };
				struct range range;
			};
		};
	};
};

struct policy_let {
	char *name;
	struct place place;		/* of the name */
	struct policy_predicate *predicate;	/* let NAME = PREDICATE; else NULL, and: */
	struct vec values;		/* of struct policy_value, as written */
	bool broken;			/* its statement has a syntax error: values are missing */
	/* check: what it stands for, through other lets; one of the two is empty */
	struct vec prefixes;		/* of struct prefix: sorted by prefix_cmp(), none twice */
	struct vec ranges;		/* of struct range: sorted, apart from each other */
	bool macs;			/* the ranges are addresses of the link layer */
	enum { LET_NEW, LET_OPEN, LET_DONE } state;
	bool used;
};

/* ---- route main | table N [for PORTS] | vrf NAME table N [limit ip4 N ip6 N]; or { ... } ---- */

enum policy_table { TABLE_MAIN, TABLE_NUMBER, TABLE_VRF };

struct policy_route {
	enum policy_table table;
	char *vrf;			/* TABLE_VRF */
	struct place vrf_place;
	uint64_t number;		/* TABLE_VRF, TABLE_NUMBER; check: main's, too */
	struct place number_place;
	struct vec ports;		/* TABLE_NUMBER: of struct policy_port_ref, whose packets are looked up there */
	uint64_t limit4, limit6;	/* routes taken at most, per family */
	struct place place;
};

/* In a route's block: rpf strict|loose on PORTS; anti-spoof on PORTS; bogons [and LET] [except LET] on PORTS; */
enum policy_source { SOURCE_RPF, SOURCE_RPF_LOOSE, SOURCE_ANTI_SPOOF, SOURCE_BOGONS };

struct policy_source_check {
	enum policy_source kind;
	struct vec ports;		/* of struct policy_port_ref */
	char *also, *except;		/* SOURCE_BOGONS: lets, or NULL */
	struct place also_place, except_place;
	struct place place;
};

struct policy_bogon {
	struct prefix prefix;
	bool listed;			/* else an exception */
};

/* ---- route PREFIX via ADDRESS on PORT [else ...]; route PREFIX drop; ----- */

/* One way that a static route can take. */
struct policy_hop {
	struct addr via;		/* ADDR_NONE: the addresses are neighbours on the port */
	struct policy_port_ref to;	/* check: .port */
	struct place via_place;
};

/*
 * A static route of table main, besides the kernel's; of equal prefixes an object of the store
 * counts. A hop can be taken if its port is up and the neighbour known. A packet takes the first
 * that can be taken and does not lead out of the port that it came in on; if there is none, the
 * first that can be taken. So a router that can go no further gives a packet back, and the one
 * before it goes on to its own next hop: no state, and no message (resilient static tables:
 * Feigenbaum et al., PODC 2012).
 */
struct policy_static {
	struct prefix prefix;		/* canonical */
	struct policy_hop hop[POLICY_HOPS_MAX];
	unsigned int hops;		/* 0: discard */
	bool store;			/* an object of the store */
	const char *table;		/* check: "main" */
	struct place place;		/* of the prefix */
	struct place table_place;
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

/* ---- predicates --------------------------------------------------------- */

/*
 * X(field, name, bits, what has it). A packet that does not have a field meets no test of it,
 * neither == nor !=; "not" turns the whole test round.
 */
#define POLICY_FIELDS(X)							\
	X(IN,		"in",		16)	/* the port it came in on: always */	\
	X(ETH_SRC,	"eth.src",	48)	/* always */			\
	X(ETH_DST,	"eth.dst",	48)	/* always */			\
	X(ETH_TYPE,	"eth.type",	16)	/* always: of what follows the tags that were read */	\
	X(VLAN_ID,	"vlan.id",	12)	/* a tag: the outer one's */	\
	X(VLAN_PCP,	"vlan.pcp",	3)	/* likewise */			\
	X(IP_SRC,	"ip.src",	128)	/* IP */			\
	X(IP_DST,	"ip.dst",	128)	/* IP */			\
	X(IP_PROTO,	"ip.proto",	8)	/* IP: behind the extension headers that were walked */	\
	X(IP_DSCP,	"ip.dscp",	6)	/* IP */			\
	X(IP_ECN,	"ip.ecn",	2)	/* IP */			\
	X(IP_TTL,	"ip.ttl",	8)	/* IP: or hop limit */		\
	X(IP_FRAG,	"ip.frag",	2)	/* IP: 0 none, 1 first, 2 later */	\
	X(L4_SRC,	"l4.src",	16)	/* TCP or UDP, and no later fragment */	\
	X(L4_DST,	"l4.dst",	16)	/* likewise */			\
	X(TCP_SRC,	"tcp.src",	16)	/* TCP, and no later fragment */	\
	X(TCP_DST,	"tcp.dst",	16)	/* likewise */			\
	X(UDP_SRC,	"udp.src",	16)	/* UDP, and no later fragment */	\
	X(UDP_DST,	"udp.dst",	16)	/* likewise */			\
	X(TCP_FLAGS,	"tcp.flags",	8)	/* TCP, and no later fragment: byte 13 */	\
	X(ICMP_TYPE,	"icmp.type",	8)	/* ICMP in IPv4 or ICMPv6 in IPv6, no later fragment */	\
	X(ICMP_CODE,	"icmp.code",	8)	/* likewise */			\
	X(PKT_LEN,	"pkt.len",	16)	/* always: bytes of the frame, 65535 if more */	\
	X(SOCKET,	"socket",	2)	/* TCP or UDP, not in fragments: 0 none, 1 established, 2 listen */

enum policy_field {
#define X(field, name, bits) FIELD_##field,
	POLICY_FIELDS(X)
#undef X
	FIELD_COUNT
};

enum policy_predicate_kind {
	PREDICATE_NONE,			/* there was a mistake in it */
	PREDICATE_AND, PREDICATE_OR,	/* left, right */
	PREDICATE_NOT,			/* left */
	PREDICATE_NAME,			/* a let, or a bare word (ip4, tcp, ...): left is what it stands for */
	PREDICATE_TEST,			/* the packet has the field, and its value is one of those */
	PREDICATE_SET,			/* the packet has the field, and the set has its value */
};

enum policy_compare { COMPARE_EQUAL, COMPARE_UNEQUAL, COMPARE_LESS, COMPARE_AT_MOST,
		      COMPARE_GREATER, COMPARE_AT_LEAST, COMPARE_IN };

struct policy_predicate {
	enum policy_predicate_kind kind;
	struct place place;
	struct policy_predicate *left, *right;	/* may be shared with a let's: never written to */
	char *name;			/* NAME: of the let, or the bare word; SET: of the set */
	struct policy_let *let;		/* NAME; check; NULL: a bare word */
	/* What names stand for included: */
	unsigned int depth;		/* levels, this one included */
	unsigned int tests;		/* tests, those of a let each time that it is named */
	/*
	 * TEST and SET. Nodes of the other kinds have no memory from here on: there may be
	 * millions, and nobody copies a node.
	 */
	enum policy_field field;
	/* TEST as written: [field & mask] compare values */
	enum policy_compare compare;
	uint64_t mask;			/* all ones: none written */
	const struct place *mask_place;	/* NULL: no mask is written */
	struct vec values;		/* of struct policy_value */
	/*
	 * TEST, check: what it comes to. Addresses: prefixes, sorted by prefix_cmp(); any other
	 * field: ranges within its bits, sorted, apart from each other, with comparison and mask
	 * worked into them (FIELD_IN: of indices in policy->ports). The packet meets the test if it
	 * has the field and its value is among them, or, with unequal, is not.
	 */
	struct vec prefixes;		/* of struct prefix */
	struct vec ranges;		/* of struct range */
	bool unequal;			/* prefixes: any address but these */
	struct policy_set *set;		/* SET; check */
	unsigned int set_test;		/* SET; check: number in policy->set_tests */
};

/* ---- count prefixes { PREFIX, ... }; ---------------------------------------- */

/* What is forwarded to it is counted, unless to a longer one that is counted. */
struct policy_counted {
	struct prefix prefix;
	struct place place;
};

/* ---- set NAME : FIELD size N [timeout TIME]; ------------------------------ */

struct policy_set {
	char *name;
	struct place place;		/* of the name */
	enum policy_field field;	/* of what kind its values are: ip.src and ip.dst are one kind */
	uint64_t size;			/* elements at most */
	uint64_t timeout_ms;		/* of what rules insert; 0: it stays */
	unsigned int number;		/* check: in policy->sets */
	bool used;
};

/* A set that is asked for a field of the packet. */
struct policy_set_test {
	struct policy_set *set;
	enum policy_field field;
};

/* An object of the store: an element that stays until it is taken out. */
struct policy_element {
	char *name;			/* of the set */
	struct prefix element;		/* a host prefix */
	uint64_t timeout_ms;		/* 0: stays */
	uint64_t since_ms;		/* CLOCK_REALTIME from when it runs; 0: from when it is first there */
	struct place place, element_place;
	struct policy_set *set;		/* check; what is in no set of the policy is left out */
};

/* ---- filter PORT, ... { ACTION, ... [if PREDICATE]; ... } ------------------ */

enum policy_action_kind { DO_ALLOW, DO_DROP, DO_COUNT, DO_POLICE, DO_INSERT, DO_EMIT, DO_MARK };

struct policy_action {
	enum policy_action_kind kind;
	struct place place;
	char *text;			/* count: name of the counter; emit: what the event says */
	uint32_t mark;
	/* police RATE [burst N] [per FIELD] */
	bool bytes;			/* the rate is bytes a second and the burst bytes; else packets */
	uint64_t rate, burst;		/* check: burst at least 1 packet, or 1514 bytes */
	bool per;			/* a rate of its own for each value of @field */
	enum policy_field field;	/* police per; insert FIELD into SET */
	struct place field_place;
	char *set_name;			/* insert */
	struct place set_place;
	struct policy_set *set;		/* check */
};

/*
 * allow and drop end a packet's search, and are the last of a rule's actions; a rule without
 * one acts and goes on. What a packet does to a set it does not see itself: tests are answered
 * by the sets as they were when it came.
 */
struct policy_rule {
	uint32_t number;		/* check: in policy->rules */
	struct policy_filter *filter;
	struct place place;		/* of its first word up to its last */
	/*
	 * All its bytes in the text, ";" included, if those alone say what it is (plain_rules.c); else NULL: of rules
	 * without mistakes those that have the same bytes are printed alike, in whatever policy they stand.
	 */
	const char *written;
	size_t written_len;
	struct vec actions;		/* of struct policy_action, at least one */
	struct policy_predicate *predicate;	/* NULL: every packet */
	bool ends;			/* check: its last action is allow or drop */
};

struct policy_filter {
	struct vec ports;		/* of struct policy_port_ref; check: .port is set; a port has one filter */
	struct vec rules;		/* of struct policy_rule * */
	struct place place;		/* "filter" and the ports */
};

/* ---- assert ---------------------------------------------------------------- */

enum policy_assert_kind {
	ASSERT_ISOLATED,	/* assert isolated A -> B [if P | unless P]; */
	ASSERT_REACHABLE,	/* assert reachable A -> B [if P | unless P]; */
	ASSERT_NEVER,		/* assert never P reaches B; */
	ASSERT_COVERED,		/* assert covered; every rule of every filter can match */
	ASSERT_EQUAL,		/* assert equal A B; the filters of two ports treat all packets alike */
	ASSERT_EQUAL_POLICIES,	/* assert equal policy "A" "B"; those of two documents */
};

struct policy_assert {
	enum policy_assert_kind kind;
	struct place place;		/* the whole statement */
	struct policy_port_ref from;	/* isolated, reachable, equal; check */
	bool host;			/* to this host, not to to.port */
	struct policy_port_ref to;	/* check */
	struct policy_predicate *predicate;	/* NULL: any packet */
	bool unless;			/* the packets that do not meet it */
	/* equal policy: */
	char *document[2];		/* as written */
	struct place document_place[2];
	const struct policy *compared[2];	/* in policy->compared; NULL: it could not be read, which was said */
};

/* A document that others are compared with, and no part of the policy: a tree of its own. */
struct policy_compared {
	const char *name;		/* in the plain form */
	struct policy *policy;
};

/** policy_field_name() - "ip.src" for FIELD_IP_SRC, and so on. */
const char *policy_field_name(enum policy_field field);

/** policy_field_bits() - how many bits its values have; 128 for addresses. */
unsigned int policy_field_bits(enum policy_field field);

/** policy_free() - gives back the tree and its sources. Print diagnostics first: they point into it. */
void policy_free(struct policy *p);

/** policy_port_find() - the port of that name, or NULL. */
struct policy_port *policy_port_find(const struct policy *p, const char *name);

/** policy_same_ports() - whether both have ports of the same names on the same interfaces, in the same order. */
bool policy_same_ports(const struct policy *a, const struct policy *b);

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

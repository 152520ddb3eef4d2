/* SPDX-License-Identifier: GPL-2.0 */
/*
 * core.h: the core language: the one NetKAT expression that a policy stands for.
 *
 * Filters, groups and routes are sugar. What they say is a function from a packet to a set of packets,
 * and this is how it is written (Anderson et al., "NetKAT: Semantic Foundations for Networks", POPL
 * 2014):
 *
 *	drop  id			no packet; the packet as it is (NetKAT's 0 and 1)
 *	ip.proto = tcp			a test: the packet goes on if it has the field, with this value
 *	ip.src = {10.0.0.0/8, ::1}	one of these: numbers, ranges a-b, words, prefixes
 *	ip.src != 10.0.0.0/8		it has the field, and another value
 *	ip.src in offenders		a set, whose elements are known at run time only
 *	~p				the packets that the predicate p does not let through
 *	vlan.id := 12			an assignment; vlan.id := none takes the tags off
 *	ip.ttl := ip.ttl - 1
 *	out := fa, out := host		where the packet leaves
 *	route				wherever the routing table says, rewritten as it says
 *	count("x")			a mark: something is done beside; also police insert emit mark measure
 *	a; b				b on each packet that a makes
 *	a + b				the packets of both: two copies, or, of predicates, "or"
 *	if p then a else b		p; a + ~p; b: sugar, for lists; "else id" is left out
 *
 * "~" binds strongest, then ";", then "+". After "then" and "else" stands what ";" can join; it
 * reaches as far as it can. "#" begins a remark. Before the expression stand the ports, in their order:
 *
 *	ports { wan, fa, fb }
 *	if in = wan then (
 *	    if ip.src in offenders then drop else
 *	    (if tcp.dst = 23 then count("telnet"));
 *	    if tcp.dst = 22 then drop
 *	);
 *	route
 *
 * Three things are not quite NetKAT's. A packet does not have every field: what tests one it does
 * not have does not hold, and an assignment to it does nothing (but for vlan.id, which can be had).
 * Some fields say the same: tcp.dst is l4.dst of a TCP packet, and cannot be assigned by itself. And
 * a mark stays, though the packet goes: "count("x"); drop" is not "drop". police may drop the packet
 * itself; insert does nothing for a packet without the field.
 *
 * Where it says less than policy/eval: nothing of link-layer addresses that a copy gets, of why the
 * stack gets a packet, of packets that are malformed (those never get here) or whose headers are not
 * read to the end (jumbograms, nine extension headers: they are passed where "route" stands).
 */
#ifndef SLUICE_POLICY_CORE_H
#define SLUICE_POLICY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "policy/frame.h"
#include "policy/tree.h"

struct diags;
struct source;
struct text;

#define CORE_OUT	FIELD_COUNT	/* the field "out" */
#define CORE_HOST	UINT64_MAX	/* out := host */
#define CORE_NO_TAG	UINT64_MAX	/* vlan.id := none */
#define CORE_DEPTH_MAX	6000		/* parentheses and ~ within each other, in a text that is read */

enum core_kind {
	CORE_DROP, CORE_ID,
	CORE_TEST,		/* @field, @prefixes or @ranges, @unequal */
	CORE_SET,		/* @field in the set @text */
	CORE_NOT,		/* kid[0], a predicate */
	CORE_ASSIGN,		/* @field := @value or @address */
	CORE_LESS,		/* ip.ttl := ip.ttl - 1 */
	CORE_ROUTE,
	CORE_MARK,		/* @mark, @text */
	CORE_SUM,		/* kid[0] + kid[1] + ..., at least two */
	CORE_SEQUENCE,		/* kid[0]; kid[1]; ..., at least two */
	CORE_IF,		/* if kid[0] then kid[1] else kid[2] */
};

enum core_mark { CORE_COUNT, CORE_POLICE, CORE_INSERT, CORE_EMIT, CORE_SET_MARK, CORE_MEASURE };

/*
 * A node. Lists are long in two places, the last kid of a sequence and the else of an if: walk
 * these, do not recurse.
 */
struct core_expression {
	enum core_kind kind;
	unsigned int field;		/* enum policy_field, or CORE_OUT */
	bool unequal;
	enum core_mark mark;
	const char *text;
	uint64_t value;			/* ports by their place in core->ports */
	struct addr address;		/* ip.src, ip.dst */
	size_t values;
	const struct prefix *prefixes;	/* ip.src, ip.dst; else NULL */
	const struct range *ranges;	/* ports likewise */
	size_t kids;
	const struct core_expression **kid;
	const struct policy_rule *rule;	/* IF: that it stands for; else NULL */
};

struct core {
	struct arena arena;
	struct vec ports;		/* of const char * */
	const struct core_expression *root;
};

/**
 * core_of_policy() - the expression that a policy stands for.
 * @p: checked, without errors; outlives what is returned. Free with core_free().
 */
struct core *core_of_policy(const struct policy *p);

void core_free(struct core *core);

/**
 * core_plain() - the same without if, !=, and several values: drop, id, tests, ~, :=, marks, ; and
 * +. @core outlives it.
 */
struct core *core_plain(const struct core *core);

/** core_print() - writes @core so that core_parse() reads the same expression. */
void core_print(const struct core *core, struct text *out);

/**
 * core_parse() - reads an expression.
 * @source: places of mistakes point into it; it outlives @diags.
 * Return: NULL with the mistake in @diags.
 */
struct core *core_parse(const struct source *source, struct diags *diags);

/** core_is_predicate() - whether it neither changes, marks nor sends anything. */
bool core_is_predicate(const struct core_expression *e);

/** core_field_name() - as policy_field_name(), with "out". */
const char *core_field_name(unsigned int field);

/** core_mark_name() - "count" for CORE_COUNT, and so on. */
const char *core_mark_name(enum core_mark mark);

/** core_value_print() - a value of @field. */
void core_value_print(const struct core *core, unsigned int field, uint64_t value, struct text *out);

/**
 * core_masked() - whether sorted ranges of eight bits are the values with (v & mask) == value, and
 * several: "tcp.flags & (syn|ack) = syn" was worked into such.
 */
bool core_masked(const struct range *ranges, size_t n, uint64_t *mask, uint64_t *value);

/* ---- what becomes of a packet ---------------------------------------- */

enum core_fate {
	CORE_KEPT,		/* nothing has said where it leaves */
	CORE_TO_PORT,		/* out of @port */
	CORE_TO_HOST,
	CORE_ROUTED,		/* wherever the routing table says */
	CORE_GONE,		/* dropped, after its marks */
};

/* One copy of the packet. */
struct core_copy {
	enum core_fate fate;
	unsigned int port;			/* its place in core->ports */
	struct frame_fields fields;		/* as they are by then */
	struct vec marks;			/* of const struct core_expression *, in order */
};

/* What is known of the world; a function that is NULL says no. */
struct core_world {
	/* Whether @set has the value of @field, which the packet has. */
	bool (*in_set)(void *context, const char *set, enum policy_field field,
		       const struct frame_fields *fields);
	/* Whether the packet is over the rate of this police mark. */
	bool (*over)(void *context, const struct core_expression *police);
	void *context;
};

/**
 * core_eval() - what the expression makes of a packet, in the plainest way.
 * @packet: settled (policy/frame.h); FIELD_IN is a place in core->ports.
 * @copies: a vec of struct core_copy, written anew; free with core_copies_free(). Copies that are
 * alike are there once. None: the packet is dropped, and nothing was marked.
 */
void core_eval(const struct core *core, const struct core_world *world,
	       const struct frame_fields *packet, struct vec *copies);

void core_copies_free(struct vec *copies);

#endif

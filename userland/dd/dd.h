/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dd.h: the algebra of packets: NetKAT as canonical decision diagrams.
 *
 * A diagram says what becomes of a packet: it asks the packet's fields, in one fixed order, for
 * their values, and ends in a leaf: a set of action lists. Each list is one copy of the packet:
 * fields that are assigned, and marks: numbers that mean something to the caller (count,
 * police, ...), in the order they were said. No list at all: the packet is gone. A diagram
 * whose leaves are "nothing" and "the packet as it is" is a predicate.
 *
 * The promise: within a space, two diagrams that treat every packet alike are one pointer. So
 * a question of equality is "==", and what differs is dd_differ(), with a packet to show for it.
 * node.c says how that is kept, and why it is right.
 *
 *	struct dd_field fields[] = { { "port", 8 }, { "vlan", 4097 } };
 *	struct dd_space *s = dd_space_new(fields, 2, DD_BUDGET);
 *	const struct dd *p = dd_test(s, 0, 1, 1);		// port = 1
 *	const struct dd *a = dd_assign(s, 1, 12);		// vlan := 12
 *	const struct dd *e = dd_sequence(s, p, dd_union(s, a, dd_all(s)));
 *	if (!e)
 *		... dd_refusal(s) says why ...
 *	dd_dump(s, e, &names, &text);
 *	dd_space_free(s);
 *
 * The laws of Kleene algebra with tests hold, and NetKAT's for packets (Anderson et al., POPL
 * 2014), with one exception that is meant: a mark stays, though the packet goes. "count; drop"
 * is a packet that is gone, and was counted: not "drop". So p;0 = 0 only if p has no marks.
 *
 * Memory. Everything belongs to the space and goes with it. What would take more than its budget
 * is refused: the function returns NULL, dd_refusal() has the sentence, and so it stays. Every
 * function here takes NULL for a diagram and then returns NULL: the last result needs to be looked
 * at, no other.
 *
 * Blind to policies and rules: userland/analyse/diagram.h makes diagrams of those.
 */
#ifndef SLUICE_DD_DD_H
#define SLUICE_DD_DD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dd;		/* a diagram: a node and all below it, or a leaf; never changed */
struct dd_space;	/* the context of diagrams that can be put together */
struct text;

typedef unsigned __int128 dd_value;

#define DD_FIELDS_MAX	64u
#define DD_BUDGET	((size_t)512 << 20)	/* bytes */

/* A field has the values 0 .. last: give it one more if packets may be without the field. */
struct dd_field {
	const char *name;	/* outlives the space */
	dd_value last;		/* at least 1 */
};

/**
 * dd_space_new() - a space of @count fields, asked in this order; @fields is copied.
 * @budget: bytes that diagrams and what is remembered of them may take.
 */
struct dd_space *dd_space_new(const struct dd_field *fields, unsigned int count, size_t budget);

void dd_space_free(struct dd_space *s);

/** dd_refusal() - why a function returned NULL, one sentence; NULL: none has. */
const char *dd_refusal(const struct dd_space *s);

/** dd_field() - field @i. */
const struct dd_field *dd_field(const struct dd_space *s, unsigned int i);
unsigned int dd_fields(const struct dd_space *s);

/* ---- what there is at the beginning ---------------------------------- */

/** dd_none() - 0: no packet. */
const struct dd *dd_none(struct dd_space *s);

/** dd_all() - 1: every packet, as it is. */
const struct dd *dd_all(struct dd_space *s);

/** dd_test() - the predicate first <= field <= last. */
const struct dd *dd_test(struct dd_space *s, unsigned int field, dd_value first, dd_value last);

struct dd_range {
	dd_value first, last;
};

/**
 * dd_test_ranges() - the predicate "the value is in one of @n ranges", which may overlap, in any order.
 */
const struct dd *dd_test_ranges(struct dd_space *s, unsigned int field,
				const struct dd_range *ranges, size_t n);

/**
 * dd_assign() - field := value.
 * One value of each field must stay that nothing in the space assigns (node.c says why): who assigns
 * the last one is refused.
 */
const struct dd *dd_assign(struct dd_space *s, unsigned int field, dd_value value);

/**
 * dd_mark() - the packet as it is, marked with @number.
 * Marks from DD_SOURCE on are sources: dd_meaning() takes them away.
 */
const struct dd *dd_mark(struct dd_space *s, uint32_t number);
#define DD_SOURCE	0x80000000u

/* ---- the algebra ----------------------------------------------------- */

/** dd_union() - a + b: the copies that either makes. */
const struct dd *dd_union(struct dd_space *s, const struct dd *a, const struct dd *b);

/** dd_sequence() - a; b: b on every packet that a makes. Smolka et al., ICFP 2015. */
const struct dd *dd_sequence(struct dd_space *s, const struct dd *a, const struct dd *b);

/**
 * dd_star() - a*: a any number of times, none included.
 * Ends for whatever has no marks; marks within a loop are refused.
 */
const struct dd *dd_star(struct dd_space *s, const struct dd *a);

/** dd_if() - a where the predicate @p holds, b elsewhere: p; a + ~p; b. */
const struct dd *dd_if(struct dd_space *s, const struct dd *p, const struct dd *a,
		       const struct dd *b);

/** dd_not() - ~p, the packets that the predicate @p does not hold for. */
const struct dd *dd_not(struct dd_space *s, const struct dd *p);

/**
 * dd_first() - a where it makes of a packet anything at all, b elsewhere. Associative: lists fold in
 * any shape.
 */
const struct dd *dd_first(struct dd_space *s, const struct dd *a, const struct dd *b);

/** dd_intersection() - the copies that both make; of predicates: and. */
const struct dd *dd_intersection(struct dd_space *s, const struct dd *a, const struct dd *b);

/** dd_difference() - the copies that a makes and b does not; dd_none() exactly if a <= b. */
const struct dd *dd_difference(struct dd_space *s, const struct dd *a, const struct dd *b);

/** dd_differ() - the predicate: packets that a and b do not treat alike. */
const struct dd *dd_differ(struct dd_space *s, const struct dd *a, const struct dd *b);

/** dd_domain() - the predicate: packets of which a makes anything, a mark on a dropped one included. */
const struct dd *dd_domain(struct dd_space *s, const struct dd *a);

/**
 * dd_restrict() - what a is where field = value: a diagram that does not ask @field.
 * What assigns that very value to the field does not assign it any more.
 */
const struct dd *dd_restrict(struct dd_space *s, const struct dd *a, unsigned int field,
			     dd_value value);

/**
 * dd_meaning() - a without its sources: the canonical one.
 * Sources are marks that are not meant: put dd_mark(DD_SOURCE + line) before what stems from a line,
 * and its leaves remember it. Such a diagram tells apart what is equal; ask its meaning about equality.
 */
const struct dd *dd_meaning(struct dd_space *s, const struct dd *a);

/** dd_is_predicate() - whether a assigns and marks nothing. */
bool dd_is_predicate(const struct dd *a);

/* ---- one packet ------------------------------------------------------ */

/* Packets are arrays of one value a field. */

/** dd_eval() - the leaf that @packet comes to. */
const struct dd *dd_eval(const struct dd_space *s, const struct dd *a, const dd_value *packet);

struct dd_assignment {
	unsigned int field;
	dd_value value;
};

/* One copy of a packet. */
struct dd_list {
	bool gone;			/* it was marked, then dropped; nothing is assigned */
	unsigned int assignments;
	const struct dd_assignment *assignment;	/* by field, none twice */
	unsigned int marks;
	const uint32_t *mark;		/* in the order they were said */
};

/**
 * dd_copies() - how many copies a leaf makes; dd_copy() - one of them, in an order that depends on what
 * they say alone. Of a packet whose field has a value already, "as it is" and one that assigns it
 * are the same copy.
 */
size_t dd_copies(const struct dd *leaf);
const struct dd_list *dd_copy(const struct dd *leaf, size_t i);

/**
 * dd_witness() - a packet that @a makes something of.
 * @packet: on entry the values that are liked best; on success they are kept where that can be.
 * Return: false if there is none: @a is dd_none(), or NULL.
 */
bool dd_witness(const struct dd_space *s, const struct dd *a, dd_value *packet);

/**
 * dd_count() - how many packets @a makes something of, of dd_packets(); rounded as a long double is.
 */
long double dd_count(struct dd_space *s, const struct dd *a);
long double dd_packets(const struct dd_space *s);

/* ---- as text --------------------------------------------------------- */

/* How to write values and marks; NULL, or a function that is NULL: as numbers. */
struct dd_names {
	/* Ranges of values that lead to one place, sorted, apart from each other. */
	void (*values)(void *context, unsigned int field, const struct dd_range *ranges, size_t n,
		       struct text *out);
	void (*mark)(void *context, uint32_t number, struct text *out);
	void *context;
};

/**
 * dd_dump() - the diagram as text: one paragraph a node, numbered as they are met from the top.
 * Equal diagrams give equal texts, in any space with these fields.
 */
void dd_dump(struct dd_space *s, const struct dd *a, const struct dd_names *names, struct text *out);

/** dd_dot() - the diagram for Graphviz. */
void dd_dot(struct dd_space *s, const struct dd *a, const struct dd_names *names, struct text *out);

struct dd_stats {
	size_t nodes, edges, leaves;	/* of one diagram */
	size_t bytes;			/* that the space takes, all of it */
};

/** dd_stats() - how large @a is. */
void dd_stats(struct dd_space *s, const struct dd *a, struct dd_stats *stats);

#endif

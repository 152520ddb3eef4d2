/* SPDX-License-Identifier: GPL-2.0 */
/*
 * checker.h: private to the check*.c files: the state they share.
 *
 *	check.c			the order of it all; ports, routes, measures; what is not used
 *	check_names.c		names
 *	check_let.c		lets
 *	check_predicate.c	tests, and predicates of them
 *	check_filter.c		sets and their elements, filters, rules
 *	check_assert.c		assertions
 *	check_group.c		multicast groups
 *	check_route.c		tables of routes, and checks of sources
 */
#ifndef SLUICE_POLICY_CHECKER_H
#define SLUICE_POLICY_CHECKER_H

#include "base/table.h"
#include "policy/field.h"
#include "policy/tree.h"

enum named_kind { NAMED_PORT, NAMED_LET, NAMED_MEASURE, NAMED_SET };

#define NAMED(kind) (1u << NAMED_##kind)

/* What a name stands for. */
struct named {
	enum named_kind kind;
	void *object;
	struct place place;
};

struct name_key {
	char name[POLICY_NAME_MAX];	/* filled up with NULs */
};

struct check {
	struct policy *policy;
	struct diags *diags;
	struct table names;		/* struct name_key -> struct named */
	struct table interfaces;	/* likewise -> struct place */
	struct table entries;		/* check_group.c */
	struct table masked_tests;	/* struct masked_test -> struct vec: the ranges, check_predicate.c */
	size_t values;			/* that lets, and tests by lets and masks, stand for so far */
	bool too_many_values, too_many_entries;	/* said once */
	unsigned int let_depth;		/* lets that are open */
	uint64_t tests;			/* of all rules so far */
	bool too_many_tests;		/* said once */
	struct policy_predicate *bare[BARE_WORDS];	/* made when they are first used */
	struct vec prefixes, ranges, masked;	/* of the test that is being checked */
};

/* ---- check_names.c ---- */

struct name_key key_of(const char *name);
void enter_names(struct check *c);

#define PLACE_ROOM 256

/** place_name() - "edge.sluice:3", or an object of the store in its own words. */
const char *place_name(const struct check *c, const struct place *at, char buf[PLACE_ROOM]);

/** look_up() - what @name stands for; NULL: nothing. */
const struct named *look_up(const struct check *c, const char *name);

/**
 * refuse_name() - says that @name is none of @kinds (NAMED(), or-ed), and what may be meant; nothing, if
 * it may stand in a document that could not be read.
 * @field: whose words are meant too; FIELD_COUNT: no field's.
 */
void refuse_name(struct check *c, unsigned int kinds, enum policy_field field, const char *name,
		 struct place place);

/** find_name() - the object of that kind and name; NULL: none, said. */
void *find_name(struct check *c, enum named_kind kind, const char *name, struct place place);

/** find_port() - the port of @ref, which is used by that. Return: whether there is one. */
bool find_port(struct check *c, struct policy_port_ref *ref);

/* ---- check_let.c ---- */

/** resolve_let() - what @let stands for. */
void resolve_let(struct check *c, struct policy_let *let);

/**
 * open_let() - what the let @name stands for, that is named at @place: resolved, and used by that.
 * Return: NULL if there is none, or it was wrong, or stands for itself: said.
 */
struct policy_let *open_let(struct check *c, const char *name, struct place place);

/** find_values() - the same, of a let of values. */
struct policy_let *find_values(struct check *c, const char *name, struct place place);

/** take_values() - @n values more. Return: false if they are too many: said. */
bool take_values(struct check *c, size_t n, struct place place);

/** add_addresses() - a range of them, as prefixes. Return: as take_values(). */
bool add_addresses(struct check *c, const struct policy_value *v, struct vec *prefixes);

void add_all(struct vec *to, const struct vec *from);
void sort_prefixes(struct vec *v);
void sort_ranges(struct vec *v);

/* ---- the others ---- */

/** is_bare_word() - whether @word is a predicate of the language: ip4, tcp. */
bool is_bare_word(const char *word);

/** check_predicate() - resolves it; what is wrong becomes PREDICATE_NONE. */
void check_predicate(struct check *c, struct policy_predicate *p);

/** check_statics() - also: which of two counts, and that there is a table if there is a route. */
void check_statics(struct check *c);

/** check_counted() - after check_statics(): each prefix once, next hops once, and that there is something to count. */
void check_counted(struct check *c);
/* ---- check_route.c ---- */

/** check_routes() - behind check_statics(), which may add table main. */
void check_routes(struct check *c);
void check_multicast(struct check *c);
void check_sets(struct check *c);
void check_filters(struct check *c);
void check_asserts(struct check *c);

static inline bool is_host_prefix(const struct prefix *p)
{
	return p->len == addr_bits(p->addr.family);
}

bool is_unspecified(const struct addr *a);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * chains.h: chains of rules that call each other, as one list.
 *
 * What iptables and nftables have in common: a base chain with a policy, rules that end a packet's
 * way, go on, call another chain, leave for one, or return.
 */
#ifndef SLUICE_IMPORT_CHAINS_H
#define SLUICE_IMPORT_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "import/import.h"
#include "import/match.h"

enum chain_does {
	DOES_NOTHING,			/* counts */
	DOES_ACCEPT,
	DOES_DROP,
	DOES_RETURN,
	DOES_CALL,			/* chain */
	DOES_LEAVE,			/* chain: goto */
	DOES_LOG,			/* text */
	DOES_MARK,			/* mark */
	DOES_OTHER,			/* goes on, and is not said */
	DOES_UNKNOWN,			/* ends here or not */
};

enum chain_match { MATCHES, NEVER_MATCHES, MAY_MATCH };

struct chain_rule {
	unsigned int line;
	const char *text;
	struct vec match;		/* of struct match: one must hold; no two at once */
	enum chain_match matches;	/* where a match holds */
	const char *not_said;		/* why, or what is taken for granted; NULL: all is said */
	const char *aside;		/* of what it does; NULL: nothing */
	bool asks_new;			/* whether a packet is the first of its connection: taken for granted */
	enum chain_does does;
	const char *chain;
	const char *log;		/* what a log says */
	uint32_t mark;
	bool continues;			/* what the rule before it does, too: not one of its own */
	const char *told;		/* of not_said, what is that of the rule before it, which it continues */
	bool noted;
};

struct chain {
	const char *name;
	unsigned int line;		/* of a base chain: where it is made, and the text there */
	const char *text;
	bool base;			/* has a policy */
	bool drops;			/* the policy */
	bool reached;
	bool listed;			/* what it drops is */
	bool open;			/* is being written */
	struct vec rules;		/* of struct chain_rule * */
};

enum chain_family { CHAIN_V4, CHAIN_V6, CHAIN_BOTH };

struct chains {
	struct arena arena;
	struct vec chains;		/* of struct chain * */
	struct vec words;		/* of struct chain_word */
	enum chain_family family;	/* of the packets that the chains are asked about */
	const char *untracked;		/* what the predicate of packets that are not tracked is called */
};

/* A predicate that is written down once, and named. */
struct chain_word {
	const char *name;		/* in struct match_test.word */
	struct vec match;		/* of struct match: one must hold; none: it is no let, but the name says it */
	bool gone;			/* nothing that meets it is left */
};

void chains_init(struct chains *chains);
void chains_free(struct chains *chains);

/** chains_get() - the chain @name, entered if it was not there. */
struct chain *chains_get(struct chains *chains, const char *name);
struct chain *chains_find(const struct chains *chains, const char *name);

/** chains_rule() - a new rule at the end of @chain, which matches everything and does nothing. */
struct chain_rule *chains_rule(struct chains *chains, struct chain *chain, unsigned int line,
			       const char *text);

/* A base chain, and the chains that it may call. */
struct chain_part {
	struct chains *chains;
	struct chain *base;
};

/**
 * chains_list_drops() - notes what @base can drop, which is not written and which the same packets pass:
 * its rules, those of chains that they call and that are not listed yet, and its policy.
 * @where: "the table mangle".
 */
void chains_list_drops(struct chains *chains, struct chain *base, const char *where,
		       struct import_report *report);

/**
 * chains_write() - the policy: a filter that does what the bases of @part do.
 * @part: one, or two: of IPv4 and of IPv6, in either order.
 * @ports: names of the ports, which FIELD_IN numbers.
 * @head: comment lines at the top, each with its "#".
 */
int chains_write(const struct chain_part *part, unsigned int parts,
		 const struct import_options *options, const struct vec *ports, const char *head,
		 struct text *out, struct import_report *report, struct text *error);

/** report_note() - appends a note; texts are copied. */
void report_note(struct import_report *report, unsigned int line, const char *rule, bool said,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif

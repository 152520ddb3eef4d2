/* SPDX-License-Identifier: GPL-2.0 */
/*
 * import.h: rule sets of others as policy text.
 *
 * What one base chain of a rule set decides of packets that come in becomes one filter; or two, one
 * of IPv4 and one of IPv6. Each rule's origin stands over it as a comment; what cannot be said is
 * noted, and never dropped silently. What drops in other base chains that the same packets pass is
 * such a thing.
 *
 * Two kinds of things are not said, and treated differently:
 *
 *  - What depends on packets before this one: states of connections, lists of recent sources,
 *    limits, quotas, counts of connections. The filter decides as for the first packet of a
 *    connection, with empty lists and no limit reached: such a test always holds, or, where it is
 *    for packets above the limit, never. In a chain INPUT, "established" is
 *    the host's own socket.
 *  - Anything else that the data path does not see (the interface a packet will leave by,
 *    owners, marks, strings). Whether such a rule matches is open. By default the filter is
 *    strict: where a rule may match, it drops what the rule would drop, and does not allow what
 *    it would allow. So no packet is allowed that the rule set drops. Lenient is the opposite: no
 *    packet is dropped that the rule set allows. Rules that go on, and may match, are left out.
 */
#ifndef SLUICE_IMPORT_IMPORT_H
#define SLUICE_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/text.h"
#include "base/vec.h"

struct import_port {
	char *name, *interface;
};

/* Where the host sends packets: tells by which interface one leaves. */
struct import_route {
	struct prefix prefix;
	char *interface;
};

struct import_options {
	const char *file;		/* as it is called in comments */
	const char *chain;		/* NULL: FORWARD */
	const char *table;		/* nft: NULL: whichever has the chain */
	struct vec ports;		/* of struct import_port; none: every interface that a rule names */
	struct vec routes;		/* of struct import_route; none: not known */
	bool lenient;
	int family;			/* iptables: of what no comment tells: 4, 6; 0: as the rules tell */
};

struct import_note {
	unsigned int line;		/* 0: none; nft: the rule's handle */
	char *rule;			/* its text, or NULL: it is about all of it */
	char *sentence;
	bool said;			/* its decision is there; something beside it is not */
	bool elsewhere;			/* of a chain that is not written, and can drop */
};

struct import_report {
	struct vec notes;		/* of struct import_note, in the order of the text */
	size_t rules;			/* read, of the chain and those that it calls */
	size_t not_said;		/* of those */
	size_t asks_new;		/* of those: ask whether a packet begins a connection, which is not known */
	size_t elsewhere;		/* rules of other chains and tables */
	size_t drops_elsewhere;		/* rules and policies there that can drop the same packets */
	const char *assumed;		/* the family that nothing told: "IPv4"; NULL: it was told */
	size_t written;			/* rules of the policy */
};

#define IMPORT_RULES_MAX	1000000		/* rules of the policy: chains that call chains multiply */

void import_report_init(struct import_report *report);
void import_report_free(struct import_report *report);

/**
 * import_iptables() - what iptables-save or ip6tables-save printed.
 * @input: its text, @len bytes.
 * @out: the policy, appended.
 * @report: initialised; what there is to say about it.
 * @error: on failure a sentence, "12: ..." if it is about a line.
 * Return: 0; -EINVAL if it cannot be read; -ENOENT if there is no such chain; -E2BIG.
 */
int import_iptables(const char *input, size_t len, const struct import_options *options,
		    struct text *out, struct import_report *report, struct text *error);

/** import_nft() - what "nft -j list ruleset" printed; likewise. */
int import_nft(const char *input, size_t len, const struct import_options *options,
	       struct text *out, struct import_report *report, struct text *error);

/** import_classbench() - a filter set of ClassBench's; @path is read, plain or gzip; likewise. */
int import_classbench(const char *path, const struct import_options *options, struct text *out,
		      struct import_report *report, struct text *error);

/**
 * import_routes() - reads what "ip route" printed: "PREFIX ... dev INTERFACE ...", a line each.
 * @options: gets the routes. Return: 0; -EINVAL with the line in @error.
 */
int import_routes(const char *input, size_t len, struct import_options *options, struct text *error);

void import_options_free(struct import_options *options);

#endif

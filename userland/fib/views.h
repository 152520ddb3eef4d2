/* SPDX-License-Identifier: GPL-2.0 */
/*
 * views.h: which tables answer for the packets that come in on an interface.
 *
 * The kernel asks its tables one after the other, as its ip rules say: the first in which anything
 * matches decides. Told the rules, links and ports, and which tables the policy routes by, this
 * walks the rules for each interface that a packet can come in on (a port, or a VLAN interface
 * on one), and writes what comes out as struct route_views.
 *
 * Followed are rules that say by the incoming interface alone, or for all packets, in which table to
 * look (iif, l3mdev), and those that end the search. A rule that selects by anything else is a guard:
 * packets that it may match, as far as its prefixes tell, are passed up. So are those that come to a
 * table that the policy does not route by.
 *
 * For the fib alone.
 */
#ifndef SLUICE_FIB_VIEWS_H
#define SLUICE_FIB_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/kernel.h"
#include "base/table.h"
#include "base/vec.h"
#include "bpf/layout.h"
#include "fib/fib.h"

struct text;

struct view_rule {
	struct kernel_rule rule;
	bool guarded;		/* some packets are passed up because of it */
	bool unknown;		/* some come to its table, which the policy does not have */
};

struct views {
	struct fib_table table[ROUTE_TABLES_MAX];	/* by number in the look-up; 0: main */
	unsigned int tables;
	bool local_first[ROUTE_TABLES_MAX][2];	/* local is asked in front of the table: it is part of it */
	bool unmerged;		/* IPv4 keeps local and main apart: some rule was there that is not a default one */
	struct vec rules;	/* of struct view_rule, in the kernel's order */
	struct table links;	/* ifindex -> struct kernel_link */
	struct table ports;	/* ifindex -> uint16_t */
	bool reached[ROUTE_TABLES_MAX];	/* packets of some port are looked up there */
	char unruled[ROUTE_TABLES_MAX][16];	/* a port's interface whose packets are, by the policy's word alone */
	bool dirty;
};

void views_init(struct views *v, const struct fib_table *tables, unsigned int count);
void views_free(struct views *v);

/* What the kernel says: as in fib.h. */
void views_link_set(struct views *v, const struct kernel_link *link);
void views_link_gone(struct views *v, uint32_t ifindex);
void views_port_set(struct views *v, uint32_t ifindex, uint16_t port);
void views_rule_set(struct views *v, const struct kernel_rule *rule);
void views_rule_gone(struct views *v, const struct kernel_rule *rule);

/**
 * views_make() - writes all views into @out, and which tables have local in front of them into
 * @v->local_first.
 * Return: whether they say anything: else table 0 is asked for all packets.
 */
bool views_make(struct views *v, struct route_views *out);

/** views_of() - the view of the untagged (@vlan 0) or tagged packets of a port, as the program finds it. */
const struct route_view *views_of(const struct route_views *views, uint16_t port, uint16_t vlan);

/** views_unfollowed() - how many rules packets of ports are passed up for. */
size_t views_unfollowed(const struct views *v);

/** views_notes() - appends a line for what is left to the kernel, and where kernel and policy differ. */
void views_notes(const struct views *v, struct text *out);

#endif

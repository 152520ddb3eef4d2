/* SPDX-License-Identifier: GPL-2.0 */
/*
 * possible.h: which numbers in fields a packet can have together.
 */
#ifndef SLUICE_ANALYSE_POSSIBLE_H
#define SLUICE_ANALYSE_POSSIBLE_H

#include <stdint.h>

#include "base/vec.h"
#include "rules/rules.h"

struct possible_facts {
	const struct vec *ports;	/* of uint16_t: numbers of ports */
	uint32_t macs;			/* numbers of link-layer addresses are 0 .. macs */
	const struct vec *set_fields;	/* of uint8_t: enum policy_field that bit i of RULES_SETS is asked for */
};

/**
 * possible_packets() - appends boxes to @out, of struct rule *, that together have what a filter can be
 * asked about, and little else.
 */
void possible_packets(const struct possible_facts *facts, struct vec *out);

void possible_free(struct vec *possible);

/*
 * Packets whose headers are not read to the end (bpf/reasons.h: ip6_jumbo, ip6_ext_many). A filter is asked
 * about them; what it lets through is passed to this host, whatever its destination.
 */
#define POSSIBLE_UNREAD	3
extern const struct rule possible_unread[POSSIBLE_UNREAD];

/* What can be a jumbogram, and can be none: its payload's length, which no field says, decides. */
extern const struct rule possible_jumbogram;

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iptables.h: one rule of what iptables-save and ip6tables-save print.
 */
#ifndef SLUICE_IMPORT_IPTABLES_H
#define SLUICE_IMPORT_IPTABLES_H

#include <stdbool.h>

#include "import/chains.h"

/* What a rule is read against. */
struct iptables_scope {
	const struct import_options *options;
	struct chains *chains;		/* of its table */
	const struct vec *ports;	/* of struct import_port */
	bool v6;
	bool input;			/* the chain that is asked for is INPUT: packets for this host */
	bool untracked;			/* some packets are exempt from the tracking of connections */
};

/**
 * iptables_rule_read() - reads a rule, from behind "-A CHAIN".
 * @rule: fresh from chains_rule().
 * Return: NULL; a sentence: it cannot be a rule.
 */
const char *iptables_rule_read(const struct iptables_scope *scope, struct chain_rule *rule, char **word,
			       unsigned int words);

/** iptables_goes_on() - whether packets go on behind @target, as far as filters are concerned. */
bool iptables_goes_on(const char *target);

#endif

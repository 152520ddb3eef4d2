/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nft.h: one rule of what "nft -j list ruleset" prints (libnftables-json(5)).
 */
#ifndef SLUICE_IMPORT_NFT_H
#define SLUICE_IMPORT_NFT_H

#include <jansson.h>
#include <stdbool.h>

#include "import/chains.h"

/* A table that packets pass which come in by a port. */
struct nft_table {
	const char *family, *name;
	struct chains chains;
};

/* What a rule is read against. */
struct nft_scope {
	const struct import_options *options;
	struct nft_table *table;	/* whose it is */
	json_t *objects;		/* all that was printed: sets and limits have names */
	const struct vec *ports;	/* of struct import_port */
	bool input;			/* the hook that is asked for is input: packets for this host */
	bool several;			/* there are other tables: a rule says whose it is */
};

/** nft_rule_read() - reads the rule @object to the end of its chain in scope->table. */
void nft_rule_read(const struct nft_scope *scope, json_t *object);

/** nft_string() - a string of an object, "" if it is not there. */
const char *nft_string(const json_t *o, const char *key);

/** nft_value() - the value of an element of a set, which may carry more. */
json_t *nft_value(json_t *member);

#endif

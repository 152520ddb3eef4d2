/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mrt.h: records of routing tables and updates (RFC 6396), as RouteViews, RIPE RIS, BIRD and
 * FRR write them.
 *
 * What is read: TABLE_DUMP; TABLE_DUMP_V2, unicast, also with several paths a peer (RFC 8050);
 * BGP4MP and BGP4MP_ET updates, with AS numbers of 2 and 4 bytes, unicast of both families, MP_REACH
 * and MP_UNREACH (RFC 4760), IPv4 by an IPv6 next hop (RFC 8950). Of attributes only what says where
 * packets go and which of several paths is better: next hop, length of the AS path, origin.
 * All other records, and multicast and VPN routes, are passed over.
 *
 *	struct mrt m;
 *	mrt_init(&m);
 *	while (... the next MRT_HEADER bytes, and as many more as mrt_length() says ...)
 *		if (!(wrong = mrt_record(&m, bytes, n)))
 *			... m.routes ...
 *	mrt_free(&m);
 *
 * Nothing in a record is believed: each length is checked against what holds it. A record with
 * anything wrong is worth nothing: no route of it is kept, as RFC 7606 has it for sessions, and the next one
 * is read as if it had not been.
 */
#ifndef SLUICE_LPM_MRT_H
#define SLUICE_LPM_MRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"

#define MRT_HEADER	12u		/* bytes */
#define MRT_LENGTH_MAX	(16u << 20)	/* of a record behind its header: longer ones are refused */

enum mrt_kind {
	MRT_DUMPED,		/* stands in a table: one of the paths that there are for the prefix */
	MRT_ANNOUNCED,
	MRT_WITHDRAWN,
};

struct mrt_route {
	uint8_t kind;		/* enum mrt_kind */
	uint8_t origin;		/* 0 IGP, 1 EGP, 2 incomplete */
	uint16_t peer;		/* in a dump, by its peer table; else 0 */
	uint32_t path_length;	/* ASes, a set counting as one (RFC 4271, 9.1.2.2) */
	struct prefix prefix;	/* canonical */
	struct addr via;	/* ADDR_NONE: not said (withdrawn) */
};

struct mrt {
	uint64_t time_us;	/* of the record, since 1970 */
	struct vec routes;	/* of struct mrt_route: what the record says, in its order */
	bool of_concern;	/* it was of a kind that is read */
	uint32_t peers;		/* how many the peer table of a dump has */
	bool has_peers;
};

void mrt_init(struct mrt *m);
void mrt_free(struct mrt *m);

/** mrt_begins() - whether these bytes, which are the first of a file, can be an MRT record's header. */
bool mrt_begins(const uint8_t header[MRT_HEADER]);

/** mrt_length() - bytes of the record behind its header. */
uint32_t mrt_length(const uint8_t header[MRT_HEADER]);

/**
 * mrt_record() - reads one record: @n bytes, header included.
 * Return: NULL; or what is wrong with it, and @m->routes is empty.
 */
const char *mrt_record(struct mrt *m, const uint8_t *bytes, size_t n);

#endif

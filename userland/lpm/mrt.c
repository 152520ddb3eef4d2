// SPDX-License-Identifier: GPL-2.0
/*
 * mrt.c: a cursor over the record, which every read goes by: it yields a piece or nothing, and what
 * was found wrong first is what is said. A piece is a cursor again, so that what is inside it cannot reach
 * beyond.
 */
#include "lpm/mrt.h"

#include <string.h>

enum {
	TABLE_DUMP = 12, TABLE_DUMP_V2 = 13, BGP4MP = 16, BGP4MP_ET = 17,

	PEER_INDEX_TABLE = 1, RIB_IPV4_UNICAST = 2, RIB_IPV6_UNICAST = 4,
	RIB_IPV4_UNICAST_ADDPATH = 8, RIB_IPV6_UNICAST_ADDPATH = 10,

	MESSAGE = 1, MESSAGE_AS4 = 4, MESSAGE_LOCAL = 6, MESSAGE_AS4_LOCAL = 7,
	MESSAGE_ADDPATH = 8, MESSAGE_AS4_ADDPATH = 9,
	MESSAGE_LOCAL_ADDPATH = 10, MESSAGE_AS4_LOCAL_ADDPATH = 11,

	AFI_IP4 = 1, AFI_IP6 = 2, SAFI_UNICAST = 1,
	UPDATE = 2,

	ORIGIN = 1, AS_PATH = 2, NEXT_HOP = 3, MP_REACH = 14, MP_UNREACH = 15,
	EXTENDED_LENGTH = 0x10,
	AS_SET = 1, AS_SEQUENCE = 2,
};

#define MARKER 16u

struct cursor {
	const uint8_t *at, *end;
	const char **wrong;
};

/* What the attributes of a path say. */
struct path {
	uint8_t origin;
	uint32_t length;
	struct addr next_hop;		/* of NEXT_HOP */
	struct addr reach_hop;		/* of MP_REACH */
	uint8_t reach_family, unreach_family;
	struct cursor reach, unreach;	/* their prefixes; in a dump there are none */
	bool has_next_hop;
};

/* ---- the cursor -------------------------------------------------------------- */

static bool refuse(struct cursor *c, const char *what)
{
	if (!*c->wrong)
		*c->wrong = what;
	c->at = c->end;
	return false;
}

static bool more(const struct cursor *c)
{
	return !*c->wrong && c->at < c->end;
}

static const uint8_t *take(struct cursor *c, size_t n, const char *what)
{
	const uint8_t *at = c->at;

	if (*c->wrong || (size_t)(c->end - c->at) < n) {
		refuse(c, what);
		return NULL;
	}
	c->at += n;
	return at;
}

static uint32_t number(struct cursor *c, unsigned int bytes, const char *what)
{
	const uint8_t *at = take(c, bytes, what);
	uint32_t n = 0;

	for (unsigned int i = 0; at && i < bytes; i++)
		n = n << 8 | at[i];
	return n;
}

/* The next @n bytes as a cursor of their own. */
static struct cursor piece(struct cursor *c, size_t n, const char *what)
{
	const uint8_t *at = take(c, n, what);

	return (struct cursor){ at ? at : c->end, at ? at + n : c->end, c->wrong };
}

static struct addr address(struct cursor *c, uint8_t family, const char *what)
{
	const uint8_t *at = take(c, family == ADDR_V4 ? 4 : 16, what);

	return at ? addr_from_bytes(family, at) : (struct addr){ 0 };
}

static uint8_t family_of(uint32_t afi)
{
	return afi == AFI_IP4 ? ADDR_V4 : afi == AFI_IP6 ? ADDR_V6 : ADDR_NONE;
}

/* A length in bits, and as many bytes as that takes; what is set past the length means nothing. */
static bool read_prefix(struct cursor *c, uint8_t family, struct prefix *p)
{
	const uint8_t *at;

	*p = (struct prefix){ .addr.family = family };
	p->len = number(c, 1, "the length of a prefix is missing");
	if (*c->wrong)
		return false;
	if (p->len > addr_bits(family))
		return refuse(c, "a prefix is longer than an address");
	at = take(c, (p->len + 7) / 8, "a prefix goes past the end of what holds it");
	if (!at)
		return false;
	memcpy(p->addr.bytes, at, (p->len + 7) / 8);
	*p = prefix_canonical(*p);
	return true;
}

/* ---- attributes ---------------------------------------------------------------- */

static void read_as_path(struct cursor c, unsigned int as_bytes, struct path *path)
{
	path->length = 0;
	while (more(&c)) {
		uint32_t type = number(&c, 1, "an AS path is cut off");
		uint32_t count = number(&c, 1, "an AS path is cut off");

		take(&c, (size_t)count * as_bytes, "an AS path goes past its attribute");
		if (type == AS_SEQUENCE)
			path->length += count;
		else if (type == AS_SET)
			path->length++;
	}
}

/* @n bytes: an address, for IPv6 maybe with the link-local one behind it. */
static struct addr read_next_hop(struct cursor *c, uint32_t n)
{
	struct cursor hop = piece(c, n, "a next hop goes past its attribute");

	if (n == 4)
		return address(&hop, ADDR_V4, "a next hop is cut off");
	if (n == 16 || n == 32)
		return address(&hop, ADDR_V6, "a next hop is cut off");
	refuse(c, "a next hop is of a length that none has");
	return (struct addr){ 0 };
}

/* In a dump only the next hop stands there, unless the collector did not know (a zero byte tells). */
static void read_reach(struct cursor c, bool dump, struct path *path)
{
	uint32_t afi, safi;

	if (dump && more(&c) && *c.at) {
		path->reach_hop = read_next_hop(&c, number(&c, 1, "MP_REACH is cut off"));
		return;
	}
	afi = number(&c, 2, "MP_REACH is cut off");
	safi = number(&c, 1, "MP_REACH is cut off");
	if (!family_of(afi) || safi != SAFI_UNICAST)
		return;
	path->reach_hop = read_next_hop(&c, number(&c, 1, "MP_REACH is cut off"));
	number(&c, 1, "MP_REACH is cut off");
	path->reach_family = family_of(afi);
	path->reach = c;
}

static void read_unreach(struct cursor c, struct path *path)
{
	uint32_t afi = number(&c, 2, "MP_UNREACH is cut off");
	uint32_t safi = number(&c, 1, "MP_UNREACH is cut off");

	if (!family_of(afi) || safi != SAFI_UNICAST)
		return;
	path->unreach_family = family_of(afi);
	path->unreach = c;
}

static void read_attributes(struct cursor c, unsigned int as_bytes, bool dump, struct path *path)
{
	*path = (struct path){ .reach = c, .unreach = c };
	while (more(&c)) {
		uint32_t flags = number(&c, 1, "an attribute is cut off");
		uint32_t type = number(&c, 1, "an attribute is cut off");
		uint32_t n = number(&c, flags & EXTENDED_LENGTH ? 2 : 1, "an attribute is cut off");
		struct cursor value = piece(&c, n, "an attribute goes past the end of what holds it");

		if (*c.wrong)
			return;
		switch (type) {
		case ORIGIN:
			path->origin = number(&value, 1, "ORIGIN is empty");
			break;
		case AS_PATH:
			read_as_path(value, as_bytes, path);
			break;
		case NEXT_HOP:
			if (n != 4)
				refuse(&value, "NEXT_HOP is not 4 bytes long");
			path->next_hop = address(&value, ADDR_V4, "NEXT_HOP is cut off");
			path->has_next_hop = true;
			break;
		case MP_REACH:
			read_reach(value, dump, path);
			break;
		case MP_UNREACH:
			read_unreach(value, path);
			break;
		}
	}
}

/* ---- routes ------------------------------------------------------------------- */

static void add(struct mrt *m, enum mrt_kind kind, const struct prefix *prefix, const struct path *path,
		const struct addr *via, uint16_t peer)
{
	struct mrt_route *r = vec_push(&m->routes);

	r->kind = kind;
	r->prefix = *prefix;
	r->peer = peer;
	if (kind == MRT_WITHDRAWN)
		return;
	r->origin = path->origin;
	r->path_length = path->length;
	r->via = *via;
}

static void add_all(struct mrt *m, enum mrt_kind kind, struct cursor c, uint8_t family, bool ids,
		    const struct path *path, const struct addr *via)
{
	struct prefix prefix;

	while (more(&c)) {
		if (ids)
			number(&c, 4, "the identifier of a path is cut off");
		if (read_prefix(&c, family, &prefix))
			add(m, kind, &prefix, path, via, 0);
	}
}

static void read_update(struct mrt *m, struct cursor c, unsigned int as_bytes, bool ids)
{
	struct cursor withdrawn, attributes;
	struct path path;

	withdrawn = piece(&c, number(&c, 2, "an update is cut off"),
			  "withdrawn routes go past the end of the update");
	attributes = piece(&c, number(&c, 2, "an update is cut off"),
			   "path attributes go past the end of the update");
	if (*c.wrong)
		return;
	read_attributes(attributes, as_bytes, false, &path);
	if (more(&c) && !path.has_next_hop)
		refuse(&c, "an update announces IPv4 routes without NEXT_HOP");
	add_all(m, MRT_WITHDRAWN, withdrawn, ADDR_V4, ids, &path, NULL);
	if (path.unreach_family)
		add_all(m, MRT_WITHDRAWN, path.unreach, path.unreach_family, ids, &path, NULL);
	add_all(m, MRT_ANNOUNCED, c, ADDR_V4, ids, &path, &path.next_hop);
	if (path.reach_family)
		add_all(m, MRT_ANNOUNCED, path.reach, path.reach_family, ids, &path, &path.reach_hop);
}

/* ---- records -------------------------------------------------------------------- */

static void read_bgp4mp(struct mrt *m, struct cursor c, uint32_t subtype)
{
	bool ids = subtype >= MESSAGE_ADDPATH && subtype <= MESSAGE_AS4_LOCAL_ADDPATH;
	unsigned int as_bytes;
	struct cursor message;
	uint32_t afi, n, type;
	uint8_t family;

	switch (subtype) {
	case MESSAGE: case MESSAGE_LOCAL: case MESSAGE_ADDPATH: case MESSAGE_LOCAL_ADDPATH:
		as_bytes = 2;
		break;
	case MESSAGE_AS4: case MESSAGE_AS4_LOCAL:
	case MESSAGE_AS4_ADDPATH: case MESSAGE_AS4_LOCAL_ADDPATH:
		as_bytes = 4;
		break;
	default:
		m->of_concern = false;	/* a session's state */
		return;
	}
	take(&c, 2 * as_bytes + 2, "the peers' numbers are cut off");
	afi = number(&c, 2, "the peers' address family is cut off");
	family = family_of(afi);
	if (!*c.wrong && !family)
		refuse(&c, "the peers' address family is none");
	address(&c, family, "the peers' addresses are cut off");
	address(&c, family, "the peers' addresses are cut off");
	take(&c, MARKER, "a BGP message is cut off");
	n = number(&c, 2, "a BGP message is cut off");
	type = number(&c, 1, "a BGP message is cut off");
	if (*c.wrong)
		return;
	if (n < MARKER + 3) {
		refuse(&c, "a BGP message is shorter than its own header");
		return;
	}
	message = piece(&c, n - MARKER - 3, "a BGP message goes past the end of the record");
	if (type == UPDATE)
		read_update(m, message, as_bytes, ids);
	else
		m->of_concern = false;
}

static void read_table_dump(struct mrt *m, struct cursor c, uint8_t family)
{
	struct prefix prefix = { 0 };
	struct path path;
	uint32_t len;

	take(&c, 4, "a table's entry is cut off");	/* view, sequence */
	prefix.addr = address(&c, family, "a table's entry is cut off");
	len = number(&c, 1, "a table's entry is cut off");
	if (!*c.wrong && len > addr_bits(family))
		refuse(&c, "a prefix is longer than an address");
	take(&c, 1 + 4, "a table's entry is cut off");	/* status, since when */
	address(&c, family, "a table's entry is cut off");
	take(&c, 2, "a table's entry is cut off");	/* AS */
	c = piece(&c, number(&c, 2, "a table's entry is cut off"), "path attributes go past the end of the entry");
	read_attributes(c, 2, true, &path);
	if (*c.wrong)
		return;
	prefix.len = len;
	prefix = prefix_canonical(prefix);
	add(m, MRT_DUMPED, &prefix, &path,
	    path.reach_hop.family ? &path.reach_hop : &path.next_hop, 0);
}

static void read_peers(struct mrt *m, struct cursor c)
{
	uint32_t count;

	take(&c, 4, "the peer table is cut off");	/* collector */
	piece(&c, number(&c, 2, "the peer table is cut off"), "the view's name goes past the end of the record");
	count = number(&c, 2, "the peer table is cut off");
	for (uint32_t i = 0; !*c.wrong && i < count; i++) {
		uint32_t type = number(&c, 1, "the peer table is cut off");

		take(&c, 4, "the peer table is cut off");
		address(&c, type & 1 ? ADDR_V6 : ADDR_V4, "the peer table is cut off");
		take(&c, type & 2 ? 4 : 2, "the peer table is cut off");
	}
	if (*c.wrong)
		return;
	m->peers = count;
	m->has_peers = true;
}

static void read_rib(struct mrt *m, struct cursor c, uint8_t family, bool ids)
{
	struct prefix prefix;
	uint32_t count;

	take(&c, 4, "a table's entry is cut off");	/* sequence */
	read_prefix(&c, family, &prefix);
	count = number(&c, 2, "a table's entry is cut off");
	for (uint32_t i = 0; !*c.wrong && i < count; i++) {
		uint32_t peer = number(&c, 2, "a path is cut off");
		struct cursor attributes;
		struct path path;

		take(&c, ids ? 8 : 4, "a path is cut off");	/* since when; identifier */
		attributes = piece(&c, number(&c, 2, "a path is cut off"),
				   "path attributes go past the end of the entry");
		read_attributes(attributes, 4, true, &path);
		if (*c.wrong)
			return;
		if (m->has_peers && peer >= m->peers) {
			refuse(&c, "a path is of a peer that the peer table does not have");
			return;
		}
		add(m, MRT_DUMPED, &prefix, &path,
		    path.reach_hop.family ? &path.reach_hop : &path.next_hop, peer);
	}
}

static void read_table_dump_v2(struct mrt *m, struct cursor c, uint32_t subtype)
{
	switch (subtype) {
	case PEER_INDEX_TABLE:
		read_peers(m, c);
		break;
	case RIB_IPV4_UNICAST: case RIB_IPV4_UNICAST_ADDPATH:
		read_rib(m, c, ADDR_V4, subtype == RIB_IPV4_UNICAST_ADDPATH);
		break;
	case RIB_IPV6_UNICAST: case RIB_IPV6_UNICAST_ADDPATH:
		read_rib(m, c, ADDR_V6, subtype == RIB_IPV6_UNICAST_ADDPATH);
		break;
	default:
		m->of_concern = false;
	}
}

const char *mrt_record(struct mrt *m, const uint8_t *bytes, size_t n)
{
	const char *wrong = NULL;
	struct cursor c = { bytes, bytes + n, &wrong };
	uint32_t type, subtype;

	m->routes.len = 0;
	m->of_concern = true;
	m->time_us = number(&c, 4, "a record is shorter than its header") * 1000000ull;
	type = number(&c, 2, "a record is shorter than its header");
	subtype = number(&c, 2, "a record is shorter than its header");
	c = piece(&c, number(&c, 4, "a record is shorter than its header"), "a record is cut off");
	if (wrong)
		return wrong;
	switch (type) {
	case BGP4MP_ET:
		m->time_us += number(&c, 4, "a record's microseconds are cut off") % 1000000;
		/* fall through */
	case BGP4MP:
		read_bgp4mp(m, c, subtype);
		break;
	case TABLE_DUMP:
		if (family_of(subtype))
			read_table_dump(m, c, family_of(subtype));
		else
			m->of_concern = false;
		break;
	case TABLE_DUMP_V2:
		read_table_dump_v2(m, c, subtype);
		break;
	default:
		m->of_concern = false;
	}
	if (wrong)
		m->routes.len = 0;
	return wrong;
}

uint32_t mrt_length(const uint8_t header[MRT_HEADER])
{
	return (uint32_t)header[8] << 24 | header[9] << 16 | header[10] << 8 | header[11];
}

/* Types in use are 11 to 49; text has letters, digits and points in those places. */
bool mrt_begins(const uint8_t header[MRT_HEADER])
{
	return header[4] == 0 && header[5] >= 11 && header[5] <= 49 && header[6] == 0 &&
	       mrt_length(header) <= MRT_LENGTH_MAX;
}

void mrt_init(struct mrt *m)
{
	*m = (struct mrt){ .routes = VEC(struct mrt_route) };
}

void mrt_free(struct mrt *m)
{
	vec_free(&m->routes);
}

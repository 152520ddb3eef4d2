/* SPDX-License-Identifier: GPL-2.0 */
/*
 * object.h: the typed objects of a configuration, in plain terms.
 *
 * What a user sets one by one beside the documents: a port, a static route, one leg of a
 * multicast group, an element of a set. netlink/object.h has them as keys and values of the store,
 * policy/objects.h makes parts of a policy of them, the command line reads and prints them:
 *
 *	port wan eth0 mode generic
 *	route 192.0.2.0/24 via 10.0.0.1 port wan
 *	route 198.51.100.0/24 discard
 *	group 239.1.0.0/16 source 203.0.113.7 from wan to fa vlan 12 ttl 3
 *	set offenders 192.0.2.1 timeout 10m
 */
#ifndef SLUICE_BASE_OBJECT_H
#define SLUICE_BASE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct text;

#define OBJECT_NAME_MAX		32	/* bytes: as POLICY_NAME_MAX */
#define OBJECT_DEVICE_MAX	15	/* bytes: IFNAMSIZ - 1 */
#define OBJECT_TABLE_MAIN	"main"
#define OBJECT_HOST		"host"	/* the leg to this host's own sockets */

enum object_kind { OBJECT_NONE, OBJECT_PORT, OBJECT_ROUTE, OBJECT_MEMBER, OBJECT_ELEMENT };

struct object_port {
	char name[OBJECT_NAME_MAX + 1];
	char device[OBJECT_DEVICE_MAX + 1];
	bool generic;
};

struct object_route {
	char table[OBJECT_NAME_MAX + 1];
	struct prefix prefix;
	char port[OBJECT_NAME_MAX + 1];	/* "": discard */
	struct addr via;		/* ADDR_NONE: the prefix's addresses are neighbours */
};

struct object_member {
	struct addr source;		/* ADDR_NONE: any */
	struct prefix group;
	char from[OBJECT_NAME_MAX + 1];
	char to[OBJECT_NAME_MAX + 1];	/* a port, or OBJECT_HOST */
	uint32_t vlan, ttl;		/* 0: none */
};

struct object_element {
	char set[OBJECT_NAME_MAX + 1];
	struct prefix element;
	uint32_t timeout_ms;		/* 0: it stays */
	uint64_t since_ms;		/* CLOCK_REALTIME when it was added; 0: not known */
};

/* Zeroed before it is filled, so that equal ones are equal as bytes. */
struct object {
	enum object_kind kind;
	union {
		struct object_port port;
		struct object_route route;
		struct object_member member;
		struct object_element element;
	};
};

/** object_name_good() - whether @name is a name as policies have them; it may be a word of theirs. */
bool object_name_good(const char *name);

/** object_print() - appends @o in the form above, without a new line. */
void object_print(const struct object *o, struct text *out);

#endif

/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * sluice.h: the configuration of sluice over netlink. A client can be written from
 * this file alone.
 *
 * Transports
 * ----------
 * The same messages (struct nlmsghdr, struct genlmsghdr, attributes) travel two ways:
 *
 *  - generic netlink, family SLUICE_FAMILY_NAME, where the module is loaded. Resolve
 *    the family for the message type and the ids of the two multicast groups; set
 *    NETLINK_EXT_ACK to be told why, and NETLINK_CAP_ACK to be spared the request.
 *  - a unix socket, SOCK_SEQPACKET, served by sluiced where it is not. The message
 *    type is SLUICE_UNIX_TYPE; a datagram holds one or more whole messages, at most
 *    SLUICE_DATAGRAM_MAX bytes; multicast membership is asked for with
 *    SLUICE_CMD_SUBSCRIBE, and NLMSG_OVERRUN says what netlink says with ENOBUFS. All
 *    errors come as with those two options. An error with sequence number 0 is about the
 *    connection, or about bytes that are no message.
 *    The path is /run/sluice/sluice.sock, or /run/sluice/netns/NAME/sluice.sock.
 *
 * The commands need CAP_NET_ADMIN in the network namespace, those that read included, and so
 * does joining a group; on the unix socket, the right to use it.
 *
 * NLM_F_ACK asks for an NLMSG_ERROR with error 0 after success; failure always sends
 * one. It carries NLMSGERR_ATTR_MSG, a sentence (after success a warning, mostly none), and
 * NLMSGERR_ATTR_OFFS, the offending attribute, where there is one. A dump is NLM_F_MULTI
 * messages up to NLMSG_DONE.
 *
 * The store refuses attributes, flags and commands that it does not know, nests without
 * NLA_F_NESTED, and a genlmsghdr version above its own. A client shall step over
 * attributes and notifications that it does not know: both lists grow at their end.
 * Numbers are in host order, 64-bit ones without alignment; strings end in NUL.
 *
 * Objects
 * -------
 * A configuration is a set of objects, ordered by (type, key), keys as bytes. The store
 * checks the shape of keys, sizes and counts; what objects mean is the compiler's affair.
 * Keys are words with one NUL between them and none behind:
 *
 *	type		key					value
 *	DOCUMENT	name, chunk number as __be32		text of a policy, in chunks from 0
 *	PORT		name					SLUICE_PORT_A_*
 *	ROUTE		table, prefix				SLUICE_ROUTE_A_*
 *	MEMBER		source ("*": any), group, port in, port out	SLUICE_MEMBER_A_*
 *	ELEMENT		set, element				SLUICE_ELEMENT_A_*
 *
 *	"edge.sluice" 00 00000001, "wan", "main" 00 "192.0.2.0/24",
 *	"*" 00 "239.1.0.0/16" 00 "wan" 00 "fa", "offenders" 00 "192.0.2.1"
 *
 * One thing has one key: an address is written as by inet_ntop(3), a prefix has no bits
 * behind its length, and one of full length is written as an address. The compiler rejects
 * what is not, and attributes of a value that it does not know.
 *
 * Transactions
 * ------------
 * A connection has at most one transaction: TXN_BEGIN takes the running configuration
 * as it is, SET and DEL change the transaction's own copy, one message wholly or not at
 * all, COMMIT makes it a candidate with a number of its own. The bound compiler answers
 * with VERDICT; accepted, the candidate is the running generation; rejected, nothing has
 * changed. Numbers only grow: a rejected one is not used again. A closed connection takes
 * its transaction with it. COMMIT is refused, and the transaction stays as it is, when
 *
 *	-ENOTCONN	no compiler is bound
 *	-ESTALE		another commit has changed the running configuration since TXN_BEGIN
 *	-EBUSY		another candidate waits for its verdict, or the running generation
 *			waits to be confirmed
 *
 * The last SLUICE_HISTORY_MAX generations before the running one are kept for ROLLBACK,
 * fewer where the store's memory limit asks for it (the oldest go first). Rolling back
 * makes a new generation with the old contents, by way of the compiler like any other.
 * A dump that nobody reads on keeps what it shows, and that counts, until its socket closes.
 *
 * A generation committed with CONFIRM_TIMEOUT goes back by itself when nobody sends
 * CONFIRM in time: then the old contents are the running configuration at once, under a
 * new number, whether or not a compiler is there; the compiler follows.
 *
 * Messages: what is sent, and what comes back besides the NLM_F_ACK
 * --------
 *	TXN_BEGIN					-> GENERATION: what it begins from
 *	TXN_ABORT
 *	SET	OBJECT { TYPE, KEY, VALUE }..., [FLAGS: CREATE | REPLACE]
 *	DEL	OBJECT { TYPE, [KEY] }..., [FLAGS: PREFIX]
 *	GET	OBJECT { TYPE, KEY }, [GENERATION | FLAGS: TXN]
 *						-> GENERATION, OBJECT { TYPE, KEY, VALUE }
 *	GET	NLM_F_DUMP, [OBJECT { TYPE, [KEY: prefix] }], [GENERATION | FLAGS: TXN]
 *						-> GENERATION, OBJECT { TYPE, KEY, VALUE } each;
 *						   all of one moment, however long the dump takes
 *	COMMIT	[CONFIRM_TIMEOUT], [COMMENT]	-> GENERATION of the candidate, and later, with
 *						   the same sequence number, VERDICT as below
 *						   (over netlink it may overtake the NLM_F_ACK)
 *	ROLLBACK [GENERATION: default the last], [CONFIRM_TIMEOUT], [COMMENT]
 *						-> as COMMIT
 *	CONFIRM	[GENERATION]
 *	STATUS					-> STATUS { ... }
 *	BIND	[GENERATION: what already runs]	-> GENERATION: running
 *	VERDICT	GENERATION, ACCEPTED, [MESSAGE]
 *	EVENT	EVENT { NAME, TIME, [TEXT] }	   from the bound compiler, for group "events"
 *	SUBSCRIBE GROUPS			   unix socket only
 *
 * To the bound compiler, and to group "config":
 *	COMMIT	GENERATION, [FROM], [CONFIRM_TIMEOUT], [COMMENT]
 *		A candidate, read by GET with its GENERATION; the compiler owes a VERDICT.
 *		FROM: the older generation whose contents it has, when it is a roll-back.
 *	ROLLBACK GENERATION, FROM
 *		The store has gone back by itself: GENERATION runs, with the contents of FROM.
 *		The compiler makes it so, and reports by VERDICT, which changes nothing here.
 *
 * To the committer, and to group "config":
 *	VERDICT	GENERATION, ACCEPTED, [MESSAGE]
 *
 * To group "config" only:
 *	TXN_BEGIN, TXN_ABORT	GENERATION: what the transaction began from
 *	CONFIRM	GENERATION
 *	SET, DEL	GENERATION, OBJECT { TYPE, KEY }...	by which what runs now differs
 *	BIND	[FLAGS: GONE]	the compiler came, or went
 *
 * To group "events":
 *	EVENT	EVENT { NAME, TIME, [TEXT] }
 *
 * Errors
 * ------
 * Of any command: -EPERM without the privilege; -EINVAL for what is malformed, missing,
 * unknown or out of bounds (-ERANGE from netlink itself for bytes that are too many);
 * -EOPNOTSUPP for a command that is not there, -EPROTONOSUPPORT for a newer version,
 * -ENOMEM. And of
 *
 *	TXN_BEGIN	-EALREADY	a transaction is open
 *	TXN_ABORT	-ENOENT		none is open, as for SET, DEL, COMMIT and GET with TXN
 *	SET		-ENOENT, -EEXIST  by its flags; -ENOSPC: a limit, which STATUS shows
 *	DEL		-ENOENT		no such object
 *	GET		-ENOENT		no such object, or the generation is not kept
 *			-EBUSY		a dump is under way on this connection
 *	COMMIT		-ENOTCONN, -ESTALE, -EBUSY  as above; -ENOSPC
 *	ROLLBACK	-ENOENT		the generation is not kept; -ENOTCONN, -ENOSPC
 *			-EBUSY		a candidate waits; or a confirmation, if a time is given
 *	CONFIRM		-ENOENT		nothing waits; -ESTALE: another generation does
 *	BIND		-EBUSY		there is a compiler
 *	VERDICT		-EPERM		not the compiler; -ESTALE: neither candidate nor running
 *	EVENT		-EPERM		not the compiler
 *
 * An example
 * ----------
 * SET of port "wan" to the interface "eth0", 56 bytes; lengths as they stand in the headers,
 * each attribute at a multiple of four bytes:
 *
 *	nlmsghdr	length 56, type: the family's, NLM_F_REQUEST | NLM_F_ACK, a number
 *	genlmsghdr	SLUICE_CMD_SET, version 1
 *	nlattr 36	SLUICE_A_OBJECT | NLA_F_NESTED
 *	    nlattr 8	SLUICE_OBJECT_A_TYPE: SLUICE_OBJECT_PORT
 *	    nlattr 7	SLUICE_OBJECT_A_KEY: "wan" without a NUL, and a byte of padding
 *	    nlattr 16	SLUICE_OBJECT_A_VALUE
 *		nlattr 9	SLUICE_PORT_A_DEVICE: "eth0" with its NUL, and three of padding
 *
 * A whole change: TXN_BEGIN, SET, COMMIT, each with NLM_F_ACK; after the GENERATION that
 * COMMIT answers, read on until a VERDICT with that number comes.
 *
 * The attribute tree
 * ------------------
 *	SLUICE_A_FLAGS			u32	SLUICE_F_*
 *	SLUICE_A_GENERATION		u64
 *	SLUICE_A_FROM			u64	generation
 *	SLUICE_A_OBJECT			nest, repeated
 *	    SLUICE_OBJECT_A_TYPE	u32	enum sluice_object
 *	    SLUICE_OBJECT_A_KEY		bytes	1 .. SLUICE_KEY_MAX
 *	    SLUICE_OBJECT_A_VALUE	bytes	0 .. SLUICE_VALUE_MAX
 *	SLUICE_A_CONFIRM_TIMEOUT	u32	ms, 1 .. SLUICE_CONFIRM_TIMEOUT_MAX
 *	SLUICE_A_COMMENT		string	shown in the history; up to SLUICE_COMMENT_MAX
 *	SLUICE_A_ACCEPTED		u32	1 accepted, 0 rejected
 *	SLUICE_A_MESSAGE		string	lines of text, up to SLUICE_MESSAGE_MAX
 *	SLUICE_A_GROUPS			u32	1 << enum sluice_group; replaces what was before
 *	SLUICE_A_EVENT			nest
 *	    SLUICE_EVENT_A_NAME		string	what happened: a stable word
 *	    SLUICE_EVENT_A_TIME		u64	ns since 1970
 *	    SLUICE_EVENT_A_TEXT		string	a JSON object
 *	SLUICE_A_STATUS			nest
 *	    SLUICE_STATUS_A_HOME	u32	enum sluice_home
 *	    SLUICE_STATUS_A_COMPILER	u32	1 if one is bound
 *	    SLUICE_STATUS_A_RUNNING	u64	generation
 *	    SLUICE_STATUS_A_APPLIED	u64	generation that the compiler last reported to run
 *	    SLUICE_STATUS_A_CANDIDATE	u64	generation; absent when none waits
 *	    SLUICE_STATUS_A_CONFIRM_LEFT u32	ms; absent when none waits, as is BACK
 *	    SLUICE_STATUS_A_CONFIRM_BACK u64	generation it would go back to
 *	    SLUICE_STATUS_A_TXNS	u32	open transactions
 *	    SLUICE_STATUS_A_MEMORY	u64	bytes, all generations and transactions
 *	    SLUICE_STATUS_A_OBJECTS_MAX	u32	limits: of one configuration
 *	    SLUICE_STATUS_A_BYTES_MAX	u64
 *	    SLUICE_STATUS_A_MEMORY_MAX	u64	of the store
 *	    SLUICE_STATUS_A_GENERATION	nest, repeated: running first, then newest to oldest
 *		SLUICE_GENERATION_A_NUMBER	u64
 *		SLUICE_GENERATION_A_FROM	u64	whose contents it has; absent in others
 *		SLUICE_GENERATION_A_TIME	u64	s since 1970
 *		SLUICE_GENERATION_A_OBJECTS	u32
 *		SLUICE_GENERATION_A_BYTES	u64	keys and values
 *		SLUICE_GENERATION_A_COMMENT	string
 */
#ifndef _UAPI_LINUX_SLUICE_H
#define _UAPI_LINUX_SLUICE_H

#include <linux/types.h>

#define SLUICE_FAMILY_NAME	"sluice"
#define SLUICE_FAMILY_VERSION	1

#define SLUICE_UNIX_TYPE	0x5100	/* nlmsg_type on the unix socket */
#define SLUICE_DATAGRAM_MAX	65536	/* bytes */

#define SLUICE_KEY_MAX		255	/* bytes */
#define SLUICE_VALUE_MAX	16384	/* bytes: a dump message must hold one */
#define SLUICE_COMMENT_MAX	255	/* bytes, without the NUL, as all strings here */
#define SLUICE_MESSAGE_MAX	16384
#define SLUICE_EVENT_NAME_MAX	63
#define SLUICE_EVENT_TEXT_MAX	16384
#define SLUICE_HISTORY_MAX	16	/* generations before the running one */
#define SLUICE_CONFIRM_TIMEOUT_MAX 86400000	/* ms: a day */

/* Limits that a store has unless told otherwise; STATUS says what they are. */
#define SLUICE_OBJECTS_MAX	1048576			/* in a configuration */
#define SLUICE_BYTES_MAX	(64 * 1024 * 1024)	/* keys and values of a configuration */
#define SLUICE_MEMORY_MAX	(256 * 1024 * 1024)	/* all that a store holds */

enum sluice_cmd {
	SLUICE_CMD_UNSPEC,
	SLUICE_CMD_TXN_BEGIN,
	SLUICE_CMD_TXN_ABORT,
	SLUICE_CMD_SET,
	SLUICE_CMD_DEL,
	SLUICE_CMD_GET,
	SLUICE_CMD_COMMIT,
	SLUICE_CMD_CONFIRM,
	SLUICE_CMD_ROLLBACK,
	SLUICE_CMD_STATUS,
	SLUICE_CMD_BIND,
	SLUICE_CMD_VERDICT,
	SLUICE_CMD_EVENT,
	SLUICE_CMD_SUBSCRIBE,

	__SLUICE_CMD_MAX,
	SLUICE_CMD_MAX = __SLUICE_CMD_MAX - 1
};

/* Multicast groups: the names in the family, and the numbers of SLUICE_A_GROUPS. */
#define SLUICE_GROUP_CONFIG_NAME	"config"
#define SLUICE_GROUP_EVENTS_NAME	"events"

enum sluice_group {
	SLUICE_GROUP_CONFIG,
	SLUICE_GROUP_EVENTS,
};

enum sluice_flag {
	SLUICE_F_CREATE		= 1 << 0,	/* SET: refuse (-EEXIST) what is there already */
	SLUICE_F_REPLACE	= 1 << 1,	/* SET: refuse (-ENOENT) what is not there yet */
	SLUICE_F_PREFIX		= 1 << 2,	/* DEL: all keys that begin so; none is no error */
	SLUICE_F_TXN		= 1 << 3,	/* GET: from this connection's transaction */
	SLUICE_F_GONE		= 1 << 4,	/* BIND notification: the compiler has gone */
};

enum sluice_attr {
	SLUICE_A_UNSPEC,
	SLUICE_A_PAD,
	SLUICE_A_FLAGS,
	SLUICE_A_GENERATION,
	SLUICE_A_FROM,
	SLUICE_A_OBJECT,
	SLUICE_A_CONFIRM_TIMEOUT,
	SLUICE_A_COMMENT,
	SLUICE_A_ACCEPTED,
	SLUICE_A_MESSAGE,
	SLUICE_A_GROUPS,
	SLUICE_A_EVENT,
	SLUICE_A_STATUS,

	__SLUICE_A_MAX,
	SLUICE_A_MAX = __SLUICE_A_MAX - 1
};

enum sluice_object_attr {
	SLUICE_OBJECT_A_UNSPEC,
	SLUICE_OBJECT_A_TYPE,
	SLUICE_OBJECT_A_KEY,
	SLUICE_OBJECT_A_VALUE,

	__SLUICE_OBJECT_A_MAX,
	SLUICE_OBJECT_A_MAX = __SLUICE_OBJECT_A_MAX - 1
};

enum sluice_event_attr {
	SLUICE_EVENT_A_UNSPEC,
	SLUICE_EVENT_A_PAD,
	SLUICE_EVENT_A_NAME,
	SLUICE_EVENT_A_TIME,
	SLUICE_EVENT_A_TEXT,

	__SLUICE_EVENT_A_MAX,
	SLUICE_EVENT_A_MAX = __SLUICE_EVENT_A_MAX - 1
};

enum sluice_status_attr {
	SLUICE_STATUS_A_UNSPEC,
	SLUICE_STATUS_A_PAD,
	SLUICE_STATUS_A_HOME,
	SLUICE_STATUS_A_COMPILER,
	SLUICE_STATUS_A_RUNNING,
	SLUICE_STATUS_A_APPLIED,
	SLUICE_STATUS_A_CANDIDATE,
	SLUICE_STATUS_A_CONFIRM_LEFT,
	SLUICE_STATUS_A_CONFIRM_BACK,
	SLUICE_STATUS_A_TXNS,
	SLUICE_STATUS_A_MEMORY,
	SLUICE_STATUS_A_OBJECTS_MAX,
	SLUICE_STATUS_A_BYTES_MAX,
	SLUICE_STATUS_A_MEMORY_MAX,
	SLUICE_STATUS_A_GENERATION,

	__SLUICE_STATUS_A_MAX,
	SLUICE_STATUS_A_MAX = __SLUICE_STATUS_A_MAX - 1
};

enum sluice_generation_attr {
	SLUICE_GENERATION_A_UNSPEC,
	SLUICE_GENERATION_A_PAD,
	SLUICE_GENERATION_A_NUMBER,
	SLUICE_GENERATION_A_FROM,
	SLUICE_GENERATION_A_TIME,
	SLUICE_GENERATION_A_OBJECTS,
	SLUICE_GENERATION_A_BYTES,
	SLUICE_GENERATION_A_COMMENT,

	__SLUICE_GENERATION_A_MAX,
	SLUICE_GENERATION_A_MAX = __SLUICE_GENERATION_A_MAX - 1
};

/* Where the store lives. */
enum sluice_home {
	SLUICE_HOME_UNSPEC,
	SLUICE_HOME_MODULE,
	SLUICE_HOME_DAEMON,
};

enum sluice_object {
	SLUICE_OBJECT_UNSPEC,
	SLUICE_OBJECT_DOCUMENT,
	SLUICE_OBJECT_PORT,
	SLUICE_OBJECT_ROUTE,
	SLUICE_OBJECT_MEMBER,
	SLUICE_OBJECT_ELEMENT,

	__SLUICE_OBJECT_MAX,
	SLUICE_OBJECT_MAX = __SLUICE_OBJECT_MAX - 1
};

/* Values of objects: attributes one after the other; the store does not look inside. */
enum sluice_port_attr {
	SLUICE_PORT_A_UNSPEC,
	SLUICE_PORT_A_DEVICE,		/* string: the interface */
	SLUICE_PORT_A_GENERIC,		/* u32: 1 for generic XDP */

	__SLUICE_PORT_A_MAX,
	SLUICE_PORT_A_MAX = __SLUICE_PORT_A_MAX - 1
};

enum sluice_route_attr {
	SLUICE_ROUTE_A_UNSPEC,
	SLUICE_ROUTE_A_VIA,		/* string: the next hop's address; absent: on link */
	SLUICE_ROUTE_A_PORT,		/* string: name of the port; absent: discard */

	__SLUICE_ROUTE_A_MAX,
	SLUICE_ROUTE_A_MAX = __SLUICE_ROUTE_A_MAX - 1
};

enum sluice_member_attr {
	SLUICE_MEMBER_A_UNSPEC,
	SLUICE_MEMBER_A_VLAN,		/* u32: tag of the copies, 1 .. 4094 */
	SLUICE_MEMBER_A_TTL,		/* u32: of the copies, 1 .. 255 */

	__SLUICE_MEMBER_A_MAX,
	SLUICE_MEMBER_A_MAX = __SLUICE_MEMBER_A_MAX - 1
};

enum sluice_element_attr {
	SLUICE_ELEMENT_A_UNSPEC,
	SLUICE_ELEMENT_A_TIMEOUT,	/* u32: ms; absent: it stays */
	SLUICE_ELEMENT_A_SINCE,		/* u64: ms of CLOCK_REALTIME: TIMEOUT runs from then */

	__SLUICE_ELEMENT_A_MAX,
	SLUICE_ELEMENT_A_MAX = __SLUICE_ELEMENT_A_MAX - 1
};

#endif

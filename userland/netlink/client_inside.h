/* SPDX-License-Identifier: GPL-2.0 */
/*
 * client_inside.h: what the files of a client know of one another.
 *
 * client.c has the way to a store; client_request.c the talk with it, one request at a time; the
 * others what there is to ask: client_objects.c for changes and reading, client_commit.c for commits,
 * client_events.c for what happens, client_compiler.c for the one that judges, client_documents.c for
 * policies.
 */
#ifndef SLUICE_NETLINK_CLIENT_INSIDE_H
#define SLUICE_NETLINK_CLIENT_INSIDE_H

#include "netlink/client.h"
#include "netlink/message.h"
#include "netlink/transport.h"

struct text;

#define CHANGE_BYTES	49152	/* a message of many objects */

struct kept {
	struct kept *next;
	char bytes[] __attribute__((aligned(4)));	/* a message; or nothing: some were lost */
};

struct client {
	struct transport *transport;	/* NULL: not connected */
	unsigned int patience_ms;
	uint32_t seq;
	char error[512], warning[256];

	enum sluice_cmd change;		/* UNSPEC, or what @out gathers */
	uint32_t change_flags;
	struct message_out out_message;
	char out[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));

	size_t in_len, in_pos;
	char in[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));

	struct kept *events, **last_event;
	unsigned int n_events;
	struct kept *told;		/* the event that the caller looks at */
	struct message told_message;
	const struct nlattr *told_object;	/* the next one of it, after this; NULL: done */
};

/* Calls @take for each answer to request @seq, until it is acknowledged or dumped. */
struct request {
	uint32_t seq;
	int (*take)(struct client *c, const struct message *m, void *ctx);
	void *ctx;
	const char *about;	/* put in front of the store's sentence; may be NULL */
	uint32_t error_offset;	/* of the offending attribute, 0 if none was named */
	bool refused;		/* by the store: the connection is good */
	bool interrupted;	/* a dump is not of one moment */
};

/** client_fail() - leaves a sentence for client_error(). Return: @err. */
int client_fail(struct client *c, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** client_fail_transport() - with the sentence that the transport left in @why, which it takes. */
int client_fail_transport(struct client *c, int err, struct text *why);

/** client_start() - a new message in @c->out_message, whatever was in it. */
void client_start(struct client *c, enum sluice_cmd cmd, uint16_t flags);

/** client_begin_request() - gathered changes first; then a new request. Return: 0 or -errno. */
int client_begin_request(struct client *c, enum sluice_cmd cmd, uint16_t flags);

/** client_finish() - sends what @c->out_message holds, and waits for the end of its answers. */
int client_finish(struct client *c, struct request *r);

/**
 * client_next_message() - the next that came in, until @deadline (-1: for ever).
 * @nlh: NULL if what came is that some were lost.
 */
int client_next_message(struct client *c, const struct nlmsghdr **nlh, int64_t deadline);

/** client_take() - one message (NULL: some were lost). Return: 1 if the request is done, 0 if not yet, or -errno. */
int client_take(struct client *c, const struct nlmsghdr *nlh, struct request *r);

/** client_take_generation() - a request's take: its number goes to @ctx, a uint64_t, if not NULL. */
int client_take_generation(struct client *c, const struct message *m, void *ctx);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * server_inside.h: what the files of a server know of one another.
 *
 * The way of a request: server_readable() takes datagrams, conn_take_datagram() splits them,
 * do_request() decodes and calls one do_*() a command, which calls the store and answers.
 * The way of a happening: the store calls server_happen(), which tells subscribers, the
 * committer, and the compiler.
 *
 * server.c is called from outside, and sees to it that what waits is done (server_leave());
 * server_socket.c lets connections in, server_send.c has what is sent by them, server_request.c
 * what is asked, server_told.c what the store tells, server_compiler.c the caller as compiler.
 */
#ifndef SLUICE_NETLINK_SERVER_INSIDE_H
#define SLUICE_NETLINK_SERVER_INSIDE_H

#include <sys/stat.h>
#include <sys/un.h>

#include "kmod/store.h"
#include "netlink/message.h"
#include "netlink/server.h"

#define DUMP_DATAGRAM	32768	/* bytes: as much as the kernel gives a dump */

struct datagram {
	struct datagram *next;
	size_t len;
	char bytes[] __attribute__((aligned(4)));
};

struct dump {
	bool active;
	uint32_t seq;
	uint64_t generation;
	struct store_tree view;
	const struct store_object *next;	/* in @view, which keeps it */
	uint32_t type;				/* 0: all */
	size_t prefix_len;
	uint8_t prefix[SLUICE_KEY_MAX];
};

struct conn {
	struct server *server;
	struct conn *next;
	struct store_owner *owner;
	void *user;
	int fd;
	bool allowed;
	bool dead;			/* freed by leave() */
	bool lost;			/* notifications were left out: to be said */
	uint32_t groups;
	unsigned int watched;		/* events, as the caller was told */
	struct datagram *first, **last;	/* not sent yet */
	size_t queued;			/* bytes of them */
	uint64_t moved_ms;		/* when the queue last got shorter, or began */
	struct dump dump;
};

struct server {
	struct store *store;
	struct server_callbacks callbacks;
	struct store_owner *self;	/* the caller as compiler; NULL: not bound */
	struct conn *conns;
	unsigned int n_conns;
	unsigned int depth;		/* of calls into this file */
	bool compile;			/* owed to the caller */
	bool compile_returned;
	uint64_t compile_generation;
	const char *unsaved;		/* what the last save() complained of, or NULL */
	uint64_t wake_at;		/* as the caller was told */

	int listener;
	int spare;			/* a descriptor to give up when there are no others */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat bound;		/* the socket that we made */
	gid_t group;

	char in[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	char out[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
};

/* server.c */

/** server_now() - milliseconds, by the owner's clock. */
uint64_t server_now(const struct server *s);

/**
 * server_enter(), server_leave() - around each call from outside. Two things wait until a call is
 * through with its request, and are done by the last server_leave(): the in-process compiler is called,
 * so that its verdict cannot overtake the answer to COMMIT; and connections that have ended are freed,
 * so that nobody up the stack still holds one.
 */
void server_enter(struct server *s);
void server_leave(struct server *s);

/* server_send.c */

/** conn_send() - sends a datagram, or has it wait; one of no bytes is none. */
void conn_send(struct conn *c, const void *bytes, size_t len);

/** conn_flush() - sends what waits. Return: whether all of it is sent. */
bool conn_flush(struct conn *c);

/** conn_answer_error() - says of @request what became of it. */
void conn_answer_error(struct conn *c, const struct nlmsghdr *request,
		       const struct message_error *e);

/** conn_answer_generation() - answers @m by the number of a generation. */
void conn_answer_generation(struct conn *c, const struct message *m, uint64_t generation);

/** server_start() - begins a message in @s->out. */
void server_start(struct server *s, struct message_out *o, enum sluice_cmd cmd, uint32_t seq);

/** server_notify() - to all who have subscribed; who reads too slowly is told that some were left out. */
void server_notify(struct server *s, enum sluice_group group, const void *bytes, size_t len);

/** server_anyone_in() - whether anybody has. */
bool server_anyone_in(const struct server *s, enum sluice_group group);

/* server_told.c */

/** server_happen() - the store's watch: tells all whom it concerns. */
void server_happen(void *server, const struct store_event *e);

/* server_request.c */

/** conn_take_datagram() - serves the requests in it. */
void conn_take_datagram(struct conn *c, const void *bytes, size_t len);

/** conn_continue_dump() - sends on, until the queue is half full or all is said. */
void conn_continue_dump(struct conn *c);

/** conn_end_dump() - there may be none. */
void conn_end_dump(struct conn *c);

#endif

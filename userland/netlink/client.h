/* SPDX-License-Identifier: GPL-2.0 */
/*
 * client.h: a program that reads or changes the configuration: the other end of
 * kmod/uapi/linux/sluice.h, in plain calls.
 *
 *	struct client *c = client_new();
 *	struct client_verdict verdict = {};
 *
 *	if (client_open(c, NULL, NULL) || client_begin(c, NULL) ||
 *	    client_put_document(c, "edge.sluice", text, len) ||
 *	    client_commit(c, &(struct client_commit){}, &verdict))
 *		fprintf(stderr, "%s\n", client_error(c));
 *	else if (!verdict.accepted)
 *		fputs(verdict.message, stderr);
 *	client_verdict_free(&verdict);
 *	client_free(c);
 *
 * Calls block until the answer is there or the time is over. All return 0 or -errno, and
 * client_error() then is a sentence: the store's own where it sent one. After -ETIMEDOUT
 * or a broken connection (-ECONNRESET, -EPIPE) the client can only be freed.
 *
 * Two transports carry the same messages: generic netlink where the module has the store, a unix
 * socket where sluiced has it. Callers see no messages, and need not know which it is. What
 * differs is who may: generic netlink asks for CAP_NET_ADMIN in the network namespace
 * (-EPERM), the socket for root or its group (-EACCES, -EPERM).
 *
 * A client is one thread's at a time, whichever that is.
 */
#ifndef SLUICE_NETLINK_CLIENT_H
#define SLUICE_NETLINK_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/sluice.h>

struct client;

/* Which configuration to read: a generation's number, or one of these. */
#define CLIENT_RUNNING	UINT64_MAX
#define CLIENT_TXN	(UINT64_MAX - 1)	/* this client's own transaction */
#define CLIENT_PREVIOUS	(UINT64_MAX - 2)	/* client_rollback(): the one before the running */

#define CLIENT_PATH_MAX	108

/** client_path() - the default socket of network namespace @netns (NULL: none named). */
void client_path(const char *netns, char path[CLIENT_PATH_MAX]);

/** client_new() - never NULL; not connected. */
struct client *client_new(void);
void client_free(struct client *c);

/**
 * client_open() - connects to the store.
 * @path: a unix socket, which is used then; or NULL: as client_open_either() with the default
 * socket of @netns.
 * -ENOENT, -ECONNREFUSED: nobody serves it; -EACCES: not allowed. -EINVAL: a bad name.
 */
int client_open(struct client *c, const char *path, const char *netns);

/**
 * client_open_module() - connects to the module's store, and to no other.
 * @netns: the network namespace whose store it is, as `ip netns` names it; NULL: ours. It is
 * entered by the calling thread while the sockets are made, which takes CAP_SYS_ADMIN.
 * The kernel may load an installed module by this.
 * -ENOENT: there is no module, or no such namespace; -EPERM; -EINVAL: a bad name.
 * Whether we may do anything there is seen by the first request.
 */
int client_open_module(struct client *c, const char *netns);

/**
 * client_open_either() - connects to the module's store, if there is one, else to @socket.
 * A module that has no compiler bound, beside a socket that is served, is not in use: a sluiced
 * that was there before the module keeps its own store until it ends. Then it is the socket, too.
 * -EPERM: there is a module, and it is not for us.
 */
int client_open_either(struct client *c, const char *socket, const char *netns);

/** client_home() - who has the store that we are connected to; SLUICE_HOME_UNSPEC: not connected. */
enum sluice_home client_home(const struct client *c);

/** client_error() - why the last call failed: a sentence without a full stop; "" if it did not. */
const char *client_error(const struct client *c);

/** client_warning() - what the store added when it acknowledged the last request: a sentence, or "". */
const char *client_warning(const struct client *c);

/** client_patience() - how long to wait for any answer but a verdict; 10 s unless said. */
void client_patience(struct client *c, unsigned int ms);

/**
 * client_fd() - to poll for input; -1 when not connected. Events that came during another call
 * do not show there: after each call, take them by client_next_event(c, &e, 0).
 */
int client_fd(const struct client *c);

/** client_begin() - opens the transaction. @generation: what it begins from; may be NULL. */
int client_begin(struct client *c, uint64_t *generation);
int client_abort(struct client *c);

/**
 * client_set(), client_del() - change the transaction. @flags: SLUICE_F_*.
 * Objects are gathered into few messages; what is wrong with one may be reported by a
 * later call, at the latest by client_flush() or client_commit(). A message is refused
 * as a whole: after an error, abort.
 */
int client_set(struct client *c, uint32_t type, const void *key, size_t key_len,
	       const void *value, size_t value_len, uint32_t flags);
int client_del(struct client *c, uint32_t type, const void *key, size_t key_len, uint32_t flags);
int client_flush(struct client *c);

/**
 * client_get() - reads one object into @value, which has room for SLUICE_VALUE_MAX bytes.
 * -ENOENT.
 */
int client_get(struct client *c, uint64_t generation, uint32_t type, const void *key,
	       size_t key_len, void *value, size_t *value_len);

/**
 * client_dump() - calls @each for all objects, or those of @type (not 0) whose keys begin
 * with @prefix, in order, as of one moment. A value other than 0 from @each is returned
 * after the rest of the dump was passed over. @each must not use the client.
 */
typedef int (*client_object_fn)(void *ctx, uint32_t type, const void *key, size_t key_len,
				const void *value, size_t value_len);
int client_dump(struct client *c, uint64_t generation, uint32_t type, const void *prefix,
		size_t prefix_len, client_object_fn each, void *ctx);

struct client_commit {
	uint32_t confirm_timeout_ms;	/* 0: none */
	const char *comment;		/* or NULL */
	unsigned int wait_ms;		/* for the verdict; 0: 5 minutes */
};

struct client_verdict {
	uint64_t generation;
	bool accepted;
	char *message;		/* the compiler's text; "" if it had nothing to say */
};

void client_verdict_free(struct client_verdict *v);

/**
 * client_commit() - hands the transaction to the compiler and waits for its verdict.
 * Return: 0 when there is one, accepted or not; -errno when the commit was refused (the
 * transaction is still open, client_error() says why) or no verdict came in time
 * (-ETIMEDOUT: it may still come, as an event). @v: freed by the caller on success.
 */
int client_commit(struct client *c, const struct client_commit *how, struct client_verdict *v);

/**
 * client_propose() - as client_commit(), without waiting for the verdict, which nobody is told
 * then but the group. @generation: of the candidate; may be NULL.
 */
int client_propose(struct client *c, const struct client_commit *how, uint64_t *generation);

/** client_rollback() - as client_commit(), to an older generation or CLIENT_PREVIOUS. */
int client_rollback(struct client *c, uint64_t generation, const struct client_commit *how,
		    struct client_verdict *v);

/** client_confirm() - @generation: a number, or CLIENT_RUNNING. -ENOENT: nothing waits. */
int client_confirm(struct client *c, uint64_t generation);

struct client_generation {
	uint64_t number;
	bool copied;
	uint64_t from;		/* if @copied: whose contents it has */
	uint64_t time_s;	/* since 1970 */
	uint32_t objects;
	uint64_t bytes;
	char comment[SLUICE_COMMENT_MAX + 1];
};

struct client_status {
	enum sluice_home home;
	bool compiler;
	uint64_t running, applied;
	bool candidate_waits;
	uint64_t candidate;
	bool confirm_waits;
	uint32_t confirm_left_ms;
	uint64_t confirm_back;
	uint32_t txns;
	uint64_t memory;
	uint32_t objects_max;
	uint64_t bytes_max, memory_max;
	unsigned int generations;
	struct client_generation generation[SLUICE_HISTORY_MAX + 1]; /* running first */
};

int client_status(struct client *c, struct client_status *s);

/** client_subscribe() - @groups: 1 << SLUICE_GROUP_CONFIG | 1 << SLUICE_GROUP_EVENTS. */
int client_subscribe(struct client *c, uint32_t groups);

/* A notification; strings and bytes are good until the next call on the client. */
struct client_event {
	bool lost;		/* some were lost before this one; nothing else is set */
	enum sluice_cmd cmd;	/* which fields are set: see the UAPI header */
	uint64_t generation;
	bool copied;
	uint64_t from;
	uint32_t flags;
	uint32_t confirm_timeout_ms;
	bool accepted;
	const char *comment, *message;			/* or NULL */
	uint32_t type;					/* SET, DEL: one object an event */
	const void *key;
	size_t key_len;
	const char *name, *text;			/* EVENT */
	uint64_t time_ns;
};

/**
 * client_next_event() - waits for a notification. The bound compiler needs no subscription for
 * COMMIT and ROLLBACK; with one it is told twice.
 * @timeout_ms: 0: only what is here already; -1: for ever.
 * -ETIMEDOUT: none came (the client stays good); -ECONNRESET: the store has gone.
 * Those that arrive during other calls are kept for this one, up to 4096.
 */
int client_next_event(struct client *c, struct client_event *e, int timeout_ms);

/*
 * The compiler: bound once a store, it is told of candidates (COMMIT) and of returns (ROLLBACK),
 * reads them by their generation, and owes verdicts. It must not commit by the same client.
 */

/**
 * client_bind() - becomes the compiler, until the client is freed.
 * @runs: the generation that the data path has now, 0 for none. @running: what it shall have;
 * may be NULL. -EBUSY: there is one.
 */
int client_bind(struct client *c, uint64_t runs, uint64_t *running);

/**
 * client_verdict() - @message: diagnostics, or NULL; what is longer than SLUICE_MESSAGE_MAX is
 * cut, and says so. -ESTALE: @generation is neither candidate nor running (any more).
 */
int client_verdict(struct client *c, uint64_t generation, bool accepted, const char *message);

/**
 * client_send_event() - tells group "events", as of now. @name: a stable word; @json: an object,
 * or NULL. -EINVAL: too long.
 */
int client_send_event(struct client *c, const char *name, const char *json);

/*
 * Policy documents: text of any size, under a name, in chunks.
 */

/** client_put_document() - replaces the document @name in the transaction. */
int client_put_document(struct client *c, const char *name, const void *bytes, size_t len);

/** client_del_document() - no error if there is none. */
int client_del_document(struct client *c, const char *name);

/** client_del_documents() - all of them. */
int client_del_documents(struct client *c);

/** client_documents() - calls @each for every document, by name; @bytes ends in a NUL. */
int client_documents(struct client *c, uint64_t generation,
		     int (*each)(void *ctx, const char *name, const char *bytes, size_t len),
		     void *ctx);

#endif

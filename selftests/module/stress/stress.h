/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stress.h: what the parts of the stress test share; main.c says what it is.
 *
 *	main.c		processes and namespaces, that come and go
 *	operations.c	what a process does with a socket
 *	conn.c		a socket, and what comes in on it
 *	seen.c		what all processes have seen of a namespace, and what must not be seen then
 */
#ifndef SLUICE_SELFTESTS_STRESS_H
#define SLUICE_SELFTESTS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink/client.h"
#include "netlink/message.h"

#define NAMESPACES	4
#define SPACES		64		/* namespaces that somebody may still be in */
#define STAMPED		24		/* objects that always have one stamp */
#define KNOWN		1024		/* generations whose stamp is remembered */
#define STAMP_SET	"stamp"
#define ANSWER_MS	120000		/* a guest may be slow */

/* One network namespace, as those who are in it know it. */
struct space {
	pthread_mutex_t lock;
	unsigned int users;
	uint64_t running, candidate;		/* the greatest that were seen */
	bool bound;
	struct {
		uint64_t generation, stamp;
	} known[KNOWN];				/* by the generation's number */
};

enum op {
	BEGIN, STAMP, NOISE_SET, NOISE_DEL, ABORT, COMMIT, ROLLBACK, CONFIRM, GET, GET_OWN, DUMP, DUMP_ON,
	STATUS, BIND, COMPILE, EVENT, NONSENSE, LISTEN, CLOSE, LEAVE, OPS
};
extern const char *const op_names[OPS];

extern struct shared {
	atomic_long left;			/* operations */
	atomic_bool broken;
	atomic_ulong done[OPS], refused[OPS];
	atomic_ulong dumps, split_dumps, verdicts, returns, overruns, ended;
	pthread_mutex_t lock;
	struct {
		int fd;				/* the parent's, of the namespace */
		unsigned int space, version;
	} slots[NAMESPACES];
	struct space spaces[SPACES];
} *shared;

/* --- seen.c ------------------------------------------------------------------------------- */

/* The namespace that this process is in. */
extern struct space *space;

/** broken() - a promise is: says so, once, and ends the run. */
void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

void random_seed(uint64_t seed);
uint64_t random64(void);
unsigned int below(unsigned int n);
bool in_a_hundred(unsigned int n);

/** seen_running(), seen_candidate() - the greatest number that anybody has seen. */
uint64_t seen_running(void);
uint64_t seen_candidate(void);

/** saw_running() - @floor: what had been seen before the question was asked. */
void saw_running(uint64_t generation, uint64_t floor, const char *where);

/** saw_candidate() - one of ours: with @stamp, if that is known; @before as @floor above. */
void saw_candidate(uint64_t generation, uint64_t before, uint64_t stamp);

/** stamp_of() - 0: not known. */
uint64_t stamp_of(uint64_t generation);

/** saw_stamp() - @stamp 0: none was found, which is so until the first commit of stamps. */
void saw_stamp(uint64_t generation, uint64_t stamp, const char *where);

/* --- conn.c ------------------------------------------------------------------------------- */

extern uint16_t family;
extern uint32_t groups[2];

struct conn {
	int fd;				/* -1: closed */
	uint32_t seq;
	bool listens, binds, compiles;

	bool txn, whole, partial;	/* all of the stamps are written, or some */
	unsigned int written;
	uint64_t stamp, began_from;

	/*
	 * Commits whose verdict was not read yet. There are two when that of the first came, unread,
	 * before the second was asked for; and a verdict may come ahead of the answer to its commit.
	 */
	struct {
		uint32_t seq;		/* 0: none */
		uint64_t generation;	/* 0: not known yet */
	} owed[2];

	struct {
		uint32_t seq;		/* 0: none is under way */
		enum { OF_RUNNING, OF_NUMBER, OF_TXN } what;
		uint64_t floor, generation, stamp;
		unsigned int objects, stamps, datagrams;
		bool mixed;
		bool partial;			/* a transaction that had some of the stamps */
		uint32_t type;		/* the object before */
		uint8_t key[SLUICE_KEY_MAX];
		size_t key_len;
	} dump;

	uint64_t candidate, returned, returned_from;	/* for the compiler to judge; 0: none */
};

/* What a request was answered with, besides yes or no. */
struct answer {
	bool has_generation, has_object, has_status;
	uint64_t generation;
	uint64_t stamp;			/* of the object */
	struct client_status status;
};

struct value {
	uint64_t stamp;
	char filling[];
};

/** conn_close() - with all that is under way on it. */
void conn_close(struct conn *c);

/** start() - a request of @c, to be filled. There is one at a time. */
struct message_out start(struct conn *c, enum sluice_cmd cmd);

/**
 * request() - sends @o, and takes what comes until it is acknowledged.
 * Return: what the store said: 0 or a negative errno; -ENOLINK: the socket is closed now.
 */
int request(struct conn *c, struct message_out *o, struct answer *a);

/**
 * take_datagram() - one of what comes. @wait_ms: for how long.
 * Return: 1: the request is answered, with *@result; 0: not yet; -errno of the socket.
 */
int take_datagram(struct conn *c, struct answer *a, int *result, int wait_ms);

/** expect() - counts the answer, and holds it against @allowed, which ends in 1: no errno. */
int expect(enum op op, int err, const int *allowed);
#define EXPECT(op, err, ...) expect(op, err, (const int[]){ __VA_ARGS__, 1 })

/* --- operations.c ------------------------------------------------------------------------------ */

extern const struct operation {
	unsigned int weight;
	void (*run)(struct conn *c);
} ops[OPS];

#endif

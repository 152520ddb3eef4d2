/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store.h: configurations with transactions, history and a way back.
 *
 * The store takes no lock and starts no timer: the caller lets one thread in at a time
 * (the daemon has but one; the module holds a mutex per network namespace), passes the
 * time in, and calls store_tick() when it is due. What happens is told by one callback.
 *
 * All functions that can fail return 0 or a negative errno, set *@e, and leave outputs
 * and store as they were, unless they say otherwise.
 */
#ifndef SLUICE_STORE_H
#define SLUICE_STORE_H

#include "store_shim.h"

struct store;
struct store_node;

/* A connection: owns at most one transaction, and may be the compiler. */
struct store_owner;

struct store_limits {
	u32 objects;		/* in one configuration */
	u64 bytes;		/* keys and values of one configuration */
	u64 memory;		/* bytes, all that the store holds */
	u32 verdict_ms;		/* a candidate without a verdict is rejected after this */
};

/* Which part of a request was wrong: the caller knows the attribute. */
enum store_part {
	STORE_WHOLE,
	STORE_TYPE,
	STORE_KEY,
	STORE_VALUE,
	STORE_FLAGS,
	STORE_GENERATION,
	STORE_TIMEOUT,
	STORE_COMMENT,
};

struct store_error {
	const char *message;	/* a sentence; static: an extack can point at it */
	enum store_part part;
};

/* Immutable; good as long as a tree that holds it. */
struct store_object {
	u32 refs;
	u32 type;
	u32 key_len, value_len;
	u8 bytes[];		/* the key, then the value */
};

static inline const u8 *store_object_value(const struct store_object *o)
{
	return o->bytes + o->key_len;
}

/* One configuration's contents. Copied only by store_tree_get(). */
struct store_tree {
	struct store_node *root;
	u32 objects;
	u64 bytes;		/* of keys and values */
};

struct store_generation {
	u64 number;
	u64 from;		/* whose contents it took over, if @copied */
	bool copied;
	u64 time_s;		/* since 1970 */
	struct store_tree tree;
	u32 comment_len;
	char comment[];
};

enum store_event_kind {
	STORE_BEGUN,		/* generation: what the transaction began from */
	STORE_ABORTED,		/* likewise */
	STORE_CANDIDATE,	/* generation, subject, confirm_ms, compiler */
	STORE_VERDICT,		/* generation, accepted, message, committer; before, after */
	STORE_CONFIRMED,	/* generation */
	STORE_RETURNED,		/* generation, subject, compiler; before, after */
	STORE_BOUND,
	STORE_UNBOUND,
};

/*
 * Good during the callback only. The callback may read the store, and may call
 * store_verdict() on STORE_CANDIDATE; nothing else that changes it.
 */
struct store_event {
	enum store_event_kind kind;
	u64 generation;
	const struct store_generation *subject;
	u32 confirm_ms;			/* 0: none */
	bool accepted;
	const char *message;		/* not ended by a NUL; NULL if there is none */
	u32 message_len;
	struct store_owner *committer;	/* NULL: closed meanwhile, or nobody */
	u32 seq;			/* as the committer gave it */
	struct store_owner *compiler;
	const struct store_tree *before, *after; /* NULL unless what runs has changed */
};

/* Either what a commit or a roll-back is asked to do. */
struct store_commit {
	u32 seq;		/* given back in the verdict's event */
	u32 confirm_ms;		/* 0: no way back by itself */
	const char *comment;	/* may be NULL if @comment_len is 0 */
	u32 comment_len;
};

struct store_status {
	u64 running, applied;
	bool compiler;		/* bound */
	bool candidate_waits;
	u64 candidate;
	bool candidate_copied;	/* it is a roll-back */
	bool confirm_waits;
	u32 confirm_left_ms;
	u64 confirm_back;	/* generation */
	u32 txns;		/* open transactions */
	u32 generations;	/* running and history: store_generation() takes 0 .. this - 1 */
	u64 last;		/* the greatest number given to a candidate so far */
	u64 memory;
	struct store_limits limits;
};

enum store_which { STORE_RUNNING, STORE_NUMBER, STORE_TXN };

#define STORE_NEVER U64_MAX

/** store_limits_default() - the limits of the UAPI header. */
struct store_limits store_limits_default(void);

/** store_new() - a store that runs generation 0, which is empty. Return: NULL without memory. */
struct store *store_new(const struct store_limits *limits);

/** store_watch() - names the callback; before anything else is called. */
void store_watch(struct store *s, void (*event)(void *ctx, const struct store_event *e),
		 void *ctx);

/** store_free() - frees it; all owners must be closed and all trees put. */
void store_free(struct store *s);

/** store_owner_open() - a new connection. @cookie: given back by store_owner_cookie(). */
struct store_owner *store_owner_open(struct store *s, void *cookie);
void *store_owner_cookie(const struct store_owner *o);

/**
 * store_owner_close() - ends a connection: its transaction is dropped; if it was the compiler,
 * a candidate that waits is rejected; a candidate that it committed goes on.
 */
void store_owner_close(struct store *s, struct store_owner *o);

/** store_begin() - opens @o's transaction on the running configuration. -EALREADY. */
int store_begin(struct store *s, struct store_owner *o, u64 *generation, struct store_error *e);

/** store_abort() - drops @o's transaction. -ENOENT. */
int store_abort(struct store *s, struct store_owner *o, struct store_error *e);

/**
 * store_mark() - remembers @o's transaction as it is; store_revert() goes back to that,
 * store_forget() does not. One of the two follows every mark, before anything else but
 * store_set() and store_del(): so a message of many objects is done wholly or not at all.
 * -ENOENT: no transaction is open.
 */
int store_mark(struct store_owner *o, struct store_tree *mark, struct store_error *e);
void store_revert(struct store *s, struct store_owner *o, struct store_tree *mark);
void store_forget(struct store *s, struct store_tree *mark);

/**
 * store_set() - creates or replaces an object in @o's transaction.
 * @flags: SLUICE_F_CREATE or SLUICE_F_REPLACE.
 * -ENOENT, -EEXIST by those; -EINVAL: type, key, value or flags; -ENOSPC: a limit.
 */
int store_set(struct store *s, struct store_owner *o, u32 type, const void *key, u32 key_len,
	      const void *value, u32 value_len, u32 flags, struct store_error *e);

/**
 * store_del() - deletes one object, or with SLUICE_F_PREFIX all of @type whose keys begin
 * with @key (of any length from 0); on failure some of those may be gone: see store_mark().
 */
int store_del(struct store *s, struct store_owner *o, u32 type, const void *key, u32 key_len,
	      u32 flags, struct store_error *e);

/**
 * store_commit() - makes @o's transaction the candidate, and ends it. The verdict comes as
 * STORE_VERDICT. Refused, the transaction stays open: -ENOENT: there is none; -ESTALE: no
 * longer from what runs; -EBUSY: another candidate, or a confirmation, waits; -ENOTCONN:
 * no compiler; -ENOSPC.
 */
int store_commit(struct store *s, struct store_owner *o, const struct store_commit *how,
		 u64 now_ms, u64 *candidate, struct store_error *e);

/**
 * store_rollback() - makes the contents of an older generation the candidate.
 * @number: which; NULL: the one before the running one. Allowed while a confirmation waits,
 * which it ends when accepted. -ENOENT: not kept; otherwise as store_commit().
 */
int store_rollback(struct store *s, struct store_owner *o, const u64 *number,
		   const struct store_commit *how, u64 now_ms, u64 *candidate,
		   struct store_error *e);

/**
 * store_confirm() - the running generation stays. @number: must be it; NULL: whichever.
 * -ENOENT: nothing waits to be confirmed; -ESTALE: another generation does.
 */
int store_confirm(struct store *s, const u64 *number, struct store_error *e);

/**
 * store_bind() - @o becomes the compiler until it is closed.
 * @runs: the generation that the data path has now, 0 for none: shown as applied.
 * -EBUSY: there is one.
 */
int store_bind(struct store *s, struct store_owner *o, u64 runs, u64 *running,
	       struct store_error *e);

/** store_compiles() - whether @o is the bound compiler. */
bool store_compiles(const struct store *s, const struct store_owner *o);

/**
 * store_verdict() - the compiler's answer: on the candidate it decides; on the running
 * generation it is a report (applied, or not).
 * -EPERM: @o is not the compiler; -ESTALE: neither candidate nor running.
 */
int store_verdict(struct store *s, struct store_owner *o, u64 number, bool accepted,
		  const char *message, u32 message_len, u64 now_ms, struct store_error *e);

/**
 * store_tick() - does what is due at @now_ms: goes back where no confirmation came,
 * rejects a candidate whose compiler never answered.
 * Return: when to call again, in the time of @now_ms, or STORE_NEVER. May come earlier
 * after any other call: ask again.
 */
u64 store_tick(struct store *s, u64 now_ms);

void store_status(const struct store *s, u64 now_ms, struct store_status *status);

/** store_generation() - @i 0: running; then from the newest to the oldest that is kept. */
const struct store_generation *store_generation(const struct store *s, u32 i);

/**
 * store_read() - takes a view of a configuration that nothing changes any more.
 * @which: STORE_NUMBER takes @number: running, candidate or history. @o: for STORE_TXN.
 * @found: the generation's number (of a transaction: what it began from); may be NULL.
 * -ENOENT. The view is given back by store_tree_put().
 */
int store_read(struct store *s, const struct store_owner *o, enum store_which which, u64 number,
	       struct store_tree *view, u64 *found, struct store_error *e);
void store_tree_put(struct store *s, struct store_tree *t);

/** store_find() - the object of that type and key, or NULL. */
const struct store_object *store_find(const struct store_tree *t, u32 type, const void *key,
				      u32 key_len);

/** store_first() - the first object at or behind (type, key), or NULL. */
const struct store_object *store_first(const struct store_tree *t, u32 type, const void *key,
				       u32 key_len);

/** store_next() - the first object behind @o, which need not be in @t, or NULL. */
const struct store_object *store_next(const struct store_tree *t, const struct store_object *o);

/** store_object_begins() - whether @o is of @type and its key begins so. */
bool store_object_begins(const struct store_object *o, u32 type, const void *key, u32 key_len);

/**
 * store_diff() - tells each object in which @a and @b differ, in order, at a cost that grows
 * with the difference. @each: @before or @after is NULL where there was none; a value
 * other than 0 ends it and is returned. -ENOMEM.
 */
int store_diff(const struct store_tree *a, const struct store_tree *b,
	       int (*each)(void *ctx, const struct store_object *before,
			   const struct store_object *after), void *ctx);

/* What a file knows of a generation, to bring it back. */
struct store_restored {
	u64 number, from, time_s;
	bool copied;
	bool first;		/* the oldest of the file: replaces what runs, keeps no history */
	const char *comment;
	u32 comment_len;
};

/**
 * store_restore() - makes @o's transaction the running generation as it was in an earlier
 * life, without a compiler; the transaction ends. From the oldest to the newest.
 * -ENOENT: no transaction; -EINVAL: numbers do not grow.
 */
int store_restore(struct store *s, struct store_owner *o, const struct store_restored *r,
		  struct store_error *e);

/**
 * store_restore_end() - after the last store_restore().
 * @last: the greatest number ever given. @confirm_left_ms: 0, or the time left to confirm
 * the running generation. -EINVAL: nothing there to go back to.
 */
int store_restore_end(struct store *s, u64 last, u32 confirm_left_ms, u64 now_ms,
		      struct store_error *e);

#endif

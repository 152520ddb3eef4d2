/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_twin.h: the store as a textbook would write it: sorted arrays that are copied whole.
 *
 * Every rule stands here a second time, from kmod/store.h and the UAPI header, not from
 * store.c. A function twin_x() says which errno store_x() must give; twin_did_x() does
 * to the twin what a success means, and notes what must be told of it. So the caller can
 * let the store fail for want of memory, which the twin knows nothing about: then nothing
 * was done, but that the oldest generations may be gone (twin_evicted()).
 */
#ifndef SLUICE_FUZZ_STORE_TWIN_H
#define SLUICE_FUZZ_STORE_TWIN_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/sluice.h>

#include "kmod/store.h"

#define must(condition) do { if (!(condition)) abort(); } while (0)

#define TWIN_OBJECTS	32
#define TWIN_OWNERS	3
#define TWIN_KEPT	(SLUICE_HISTORY_MAX + 1)
#define TWIN_TOLD	8
#define NOBODY		(-1)

struct twin_object {
	u32 type, key_len, value_len;
	u8 first;		/* byte of the value; the others are 0 */
	const u8 *key;		/* lives as long as the twin */
};

struct twin_config {
	u32 n;
	struct twin_object objects[TWIN_OBJECTS];	/* ordered */
};

struct twin_generation {
	u64 number, from;
	bool copied;
	u32 comment_len;
	struct twin_config config;
};

struct twin_told {
	enum store_event_kind kind;
	u64 generation, from;
	bool copied, accepted, changed;
	u32 confirm_ms, seq;
	int committer, compiler;
};

struct twin {
	struct store_limits limits;
	u64 now, last, applied;
	u32 kept;
	struct twin_generation generations[TWIN_KEPT];	/* [0] runs */
	struct {
		bool open;
		u64 from;
		struct twin_config config;
	} txns[TWIN_OWNERS];
	int compiler, committer;
	bool candidate_waits, confirm_waits;
	struct twin_generation candidate;
	u32 seq, candidate_confirm_ms;
	u64 verdict_due, confirm_due;

	u32 n_told;
	struct twin_told told[TWIN_TOLD];
};

static void twin_start(struct twin *t, const struct store_limits *limits)
{
	/* arrays are read up to their counts only: no need to clear them */
	t->limits = *limits;
	t->now = 1000;
	t->last = 0;
	t->applied = 0;
	t->kept = 1;
	t->generations[0].number = 0;
	t->generations[0].from = 0;
	t->generations[0].copied = false;
	t->generations[0].comment_len = 0;
	t->generations[0].config.n = 0;
	for (int i = 0; i < TWIN_OWNERS; i++)
		t->txns[i].open = false;
	t->compiler = NOBODY;
	t->committer = NOBODY;
	t->candidate_waits = false;
	t->confirm_waits = false;
	t->n_told = 0;
}

static struct twin_told *twin_tell(struct twin *t, enum store_event_kind kind, u64 generation)
{
	must(t->n_told < TWIN_TOLD);
	t->told[t->n_told] = (struct twin_told){
		.kind = kind, .generation = generation, .committer = NOBODY, .compiler = NOBODY,
	};
	return &t->told[t->n_told++];
}

/* --- configurations ------------------------------------------------------------ */

static void twin_copy(struct twin_config *to, const struct twin_config *from)
{
	to->n = from->n;
	memcpy(to->objects, from->objects, from->n * sizeof(*from->objects));
}

static int twin_order(const struct twin_object *o, u32 type, const u8 *key, u32 key_len)
{
	int order;

	if (o->type != type)
		return o->type < type ? -1 : 1;
	order = memcmp(o->key, key, o->key_len < key_len ? o->key_len : key_len);
	if (order)
		return order;
	return o->key_len == key_len ? 0 : o->key_len < key_len ? -1 : 1;
}

/* The place of that key, or where it would be. */
static u32 twin_place(const struct twin_config *c, u32 type, const u8 *key, u32 key_len)
{
	u32 i = 0;

	while (i < c->n && twin_order(&c->objects[i], type, key, key_len) < 0)
		i++;
	return i;
}

static struct twin_object *twin_find(struct twin_config *c, u32 type, const u8 *key, u32 key_len)
{
	u32 i = twin_place(c, type, key, key_len);

	return i < c->n && !twin_order(&c->objects[i], type, key, key_len) ? &c->objects[i] : NULL;
}

static u64 twin_bytes(const struct twin_config *c)
{
	u64 bytes = 0;

	for (u32 i = 0; i < c->n; i++)
		bytes += c->objects[i].key_len + c->objects[i].value_len;
	return bytes;
}

static bool twin_begins(const struct twin_object *o, u32 type, const u8 *prefix, u32 len)
{
	return o->type == type && o->key_len >= len && !memcmp(o->key, prefix, len);
}

/* Words between single NULs, none of them empty; a document's chunk number is no word. */
static bool twin_key_fits(u32 type, const u8 *key, u32 len)
{
	static const u32 words[] = {
		[SLUICE_OBJECT_DOCUMENT] = 1, [SLUICE_OBJECT_PORT] = 1, [SLUICE_OBJECT_ROUTE] = 2,
		[SLUICE_OBJECT_MEMBER] = 4, [SLUICE_OBJECT_ELEMENT] = 2,
	};
	u32 nuls = 0;

	if (!len || len > SLUICE_KEY_MAX)
		return false;
	if (type == SLUICE_OBJECT_DOCUMENT) {
		if (len < 6 || key[len - 5])
			return false;
		len -= 5;
	}
	for (u32 i = 0; i < len; i++) {
		if (key[i])
			continue;
		if (!i || i == len - 1 || !key[i - 1])
			return false;
		nuls++;
	}
	return nuls + 1 == words[type];
}

/* --- transactions ---------------------------------------------------------------- */

static int twin_begin(const struct twin *t, int o)
{
	return t->txns[o].open ? -EALREADY : 0;
}

static void twin_did_begin(struct twin *t, int o)
{
	t->txns[o].open = true;
	t->txns[o].from = t->generations[0].number;
	twin_copy(&t->txns[o].config, &t->generations[0].config);
	twin_tell(t, STORE_BEGUN, t->txns[o].from);
}

static int twin_abort(const struct twin *t, int o)
{
	return t->txns[o].open ? 0 : -ENOENT;
}

static void twin_did_abort(struct twin *t, int o)
{
	t->txns[o].open = false;
	twin_tell(t, STORE_ABORTED, t->txns[o].from);
}

static int twin_set(struct twin *t, int owner, u32 type, const u8 *key, u32 key_len,
		    u32 value_len, u8 first, u32 flags)
{
	struct twin_config *c = &t->txns[owner].config;
	struct twin_object *o;
	u64 bytes;

	if (!t->txns[owner].open)
		return -ENOENT;
	if (flags > SLUICE_F_CREATE && flags != SLUICE_F_REPLACE)
		return -EINVAL;
	if (!type || type > SLUICE_OBJECT_MAX || !twin_key_fits(type, key, key_len) ||
	    value_len > SLUICE_VALUE_MAX)
		return -EINVAL;
	o = twin_find(c, type, key, key_len);
	if (o && flags == SLUICE_F_CREATE)
		return -EEXIST;
	if (!o && flags == SLUICE_F_REPLACE)
		return -ENOENT;
	if (o && o->value_len == value_len && (!value_len || o->first == first))
		return 0;
	bytes = twin_bytes(c);
	/* what makes a configuration smaller is always allowed */
	if (!o && c->n == t->limits.objects)
		return -ENOSPC;
	if (o)
		return value_len > o->value_len &&
		       bytes - o->value_len + value_len > t->limits.bytes ? -ENOSPC : 0;
	return bytes + key_len + value_len > t->limits.bytes ? -ENOSPC : 0;
}

static void twin_did_set(struct twin *t, int owner, u32 type, const u8 *key, u32 key_len,
			 u32 value_len, u8 first)
{
	struct twin_config *c = &t->txns[owner].config;
	struct twin_object *o = twin_find(c, type, key, key_len);
	u32 i;

	if (!o) {
		i = twin_place(c, type, key, key_len);
		o = &c->objects[i];
		memmove(o + 1, o, (c->n++ - i) * sizeof(*o));
		*o = (struct twin_object){ .type = type, .key = key, .key_len = key_len };
	}
	o->value_len = value_len;
	o->first = first;
}

static int twin_del(struct twin *t, int owner, u32 type, const u8 *key, u32 key_len, u32 flags)
{
	if (!t->txns[owner].open)
		return -ENOENT;
	if ((flags && flags != SLUICE_F_PREFIX) || !type || type > SLUICE_OBJECT_MAX)
		return -EINVAL;
	if (flags)
		return key_len > SLUICE_KEY_MAX ? -EINVAL : 0;
	if (!twin_key_fits(type, key, key_len))
		return -EINVAL;
	return twin_find(&t->txns[owner].config, type, key, key_len) ? 0 : -ENOENT;
}

static void twin_did_del(struct twin *t, int owner, u32 type, const u8 *key, u32 key_len,
			 u32 flags)
{
	struct twin_config *c = &t->txns[owner].config;
	u32 kept = 0;

	for (u32 i = 0; i < c->n; i++)
		if (flags ? !twin_begins(&c->objects[i], type, key, key_len) :
			    twin_order(&c->objects[i], type, key, key_len) != 0)
			c->objects[kept++] = c->objects[i];
	c->n = kept;
}

/* --- candidates, verdicts, the way back --------------------------------------------- */

static void twin_run(struct twin *t, const struct twin_generation *g)
{
	if (t->kept < TWIN_KEPT)
		t->kept++;
	for (u32 i = t->kept - 1; i > 0; i--) {
		struct twin_generation *to = &t->generations[i], *from = to - 1;

		to->number = from->number;
		to->from = from->from;
		to->copied = from->copied;
		to->comment_len = from->comment_len;
		twin_copy(&to->config, &from->config);
	}
	t->generations[0].number = g->number;
	t->generations[0].from = g->from;
	t->generations[0].copied = g->copied;
	t->generations[0].comment_len = g->comment_len;
	twin_copy(&t->generations[0].config, &g->config);
}

static void twin_decide(struct twin *t, bool accepted)
{
	struct twin_told *told = twin_tell(t, STORE_VERDICT, t->candidate.number);

	told->accepted = accepted;
	told->changed = accepted;
	told->committer = t->committer;
	told->seq = t->seq;
	t->candidate_waits = false;
	t->committer = NOBODY;
	if (!accepted)
		return;
	told->copied = t->candidate.copied;
	told->from = t->candidate.from;
	twin_run(t, &t->candidate);
	t->applied = t->candidate.number;
	t->confirm_waits = t->candidate_confirm_ms;
	t->confirm_due = t->now + t->candidate_confirm_ms;
}

static void twin_propose(struct twin *t, int owner, const struct twin_config *config,
			 const struct store_commit *how)
{
	struct twin_told *told;

	twin_copy(&t->candidate.config, config);
	t->candidate.number = ++t->last;
	t->candidate.comment_len = how->comment_len;
	t->candidate_waits = true;
	t->committer = owner;
	t->seq = how->seq;
	t->candidate_confirm_ms = how->confirm_ms;
	t->verdict_due = t->now + t->limits.verdict_ms;
	told = twin_tell(t, STORE_CANDIDATE, t->last);
	told->copied = t->candidate.copied;
	told->from = t->candidate.from;
	told->confirm_ms = how->confirm_ms;
	told->seq = how->seq;
	told->committer = owner;
	told->compiler = t->compiler;
}

static int twin_may_commit(const struct twin *t, const struct store_commit *how)
{
	if (how->confirm_ms > SLUICE_CONFIRM_TIMEOUT_MAX || how->comment_len > SLUICE_COMMENT_MAX)
		return -EINVAL;
	if (t->candidate_waits)
		return -EBUSY;
	return t->compiler == NOBODY ? -ENOTCONN : 0;
}

static int twin_commit(const struct twin *t, int owner, const struct store_commit *how)
{
	int err;

	if (!t->txns[owner].open)
		return -ENOENT;
	err = twin_may_commit(t, how);
	if (err)
		return err;
	if (t->confirm_waits)
		return -EBUSY;
	return t->txns[owner].from == t->generations[0].number ? 0 : -ESTALE;
}

static void twin_did_commit(struct twin *t, int owner, const struct store_commit *how)
{
	t->txns[owner].open = false;
	t->candidate.copied = false;
	t->candidate.from = 0;
	twin_propose(t, owner, &t->txns[owner].config, how);
}

static const struct twin_generation *twin_target(const struct twin *t, const u64 *number)
{
	if (!number)
		return t->kept > 1 ? &t->generations[1] : NULL;
	for (u32 i = 0; i < t->kept; i++)
		if (t->generations[i].number == *number)
			return &t->generations[i];
	return NULL;
}

static int twin_rollback(const struct twin *t, const u64 *number, const struct store_commit *how)
{
	int err = twin_may_commit(t, how);

	if (err)
		return err;
	if (t->confirm_waits && how->confirm_ms)
		return -EBUSY;
	return twin_target(t, number) ? 0 : -ENOENT;
}

static void twin_did_rollback(struct twin *t, int owner, const u64 *number,
			      const struct store_commit *how)
{
	const struct twin_generation *to = twin_target(t, number);

	t->candidate.copied = true;
	t->candidate.from = to->number;
	twin_propose(t, owner, &to->config, how);
}

static int twin_verdict(const struct twin *t, int owner, u64 number)
{
	if (t->compiler != owner)
		return -EPERM;
	if (t->candidate_waits && number == t->candidate.number)
		return 0;
	return number == t->generations[0].number ? 0 : -ESTALE;
}

static void twin_did_verdict(struct twin *t, u64 number, bool accepted)
{
	if (t->candidate_waits && number == t->candidate.number) {
		twin_decide(t, accepted);
		return;
	}
	if (accepted)
		t->applied = number;
	twin_tell(t, STORE_VERDICT, number)->accepted = accepted;
}

static int twin_confirm(const struct twin *t, const u64 *number)
{
	if (!t->confirm_waits)
		return -ENOENT;
	return number && *number != t->generations[0].number ? -ESTALE : 0;
}

static void twin_did_confirm(struct twin *t)
{
	t->confirm_waits = false;
	twin_tell(t, STORE_CONFIRMED, t->generations[0].number);
}

static int twin_bind(const struct twin *t)
{
	return t->compiler == NOBODY ? 0 : -EBUSY;
}

static void twin_did_bind(struct twin *t, int owner, u64 runs)
{
	t->compiler = owner;
	t->applied = runs;
	twin_tell(t, STORE_BOUND, 0)->compiler = owner;
}

static void twin_did_close(struct twin *t, int owner)
{
	if (t->committer == owner)
		t->committer = NOBODY;
	if (t->txns[owner].open)
		twin_did_abort(t, owner);
	if (t->compiler != owner)
		return;
	t->compiler = NOBODY;
	if (t->candidate_waits)
		twin_decide(t, false);
	twin_tell(t, STORE_UNBOUND, 0);
}

/*
 * @forgets: for want of memory the generation that went back is not kept: its place and
 * number are the old one's, which moves up. Return: when something is due next.
 */
static u64 twin_tick(struct twin *t, bool forgets)
{
	u64 next = STORE_NEVER;

	if (t->confirm_waits && t->now >= t->confirm_due) {
		struct twin_generation back = t->generations[1];
		struct twin_told *told;

		if (t->candidate_waits)
			twin_decide(t, false);
		back.from = back.number;
		back.copied = true;
		back.number = ++t->last;
		if (forgets) {
			t->kept--;
			memmove(&t->generations[0], &t->generations[1],
				t->kept * sizeof(t->generations[0]));
			t->generations[0].number = back.number;
			t->generations[0].from = back.from;
			t->generations[0].copied = true;
		} else {
			twin_run(t, &back);
		}
		t->confirm_waits = false;
		told = twin_tell(t, STORE_RETURNED, t->last);
		told->from = back.from;
		told->copied = true;
		told->changed = true;
		told->compiler = t->compiler;
	}
	if (t->candidate_waits && t->now >= t->verdict_due)
		twin_decide(t, false);
	if (t->confirm_waits)
		next = t->confirm_due;
	if (t->candidate_waits && t->verdict_due < next)
		next = t->verdict_due;
	return next;
}

/* The oldest generations went, to make room: those behind the first @left. */
static void twin_evicted(struct twin *t, u32 left)
{
	must(left <= t->kept && left >= (t->confirm_waits ? 2 : 1));
	t->kept = left;
}

/* --- an earlier life ------------------------------------------------------------------ */

static int twin_restore(const struct twin *t, int owner, const struct store_restored *r)
{
	if (!t->txns[owner].open)
		return -ENOENT;
	if (r->comment_len > SLUICE_COMMENT_MAX)
		return -EINVAL;
	return !r->first && r->number <= t->generations[0].number ? -EINVAL : 0;
}

static void twin_did_restore(struct twin *t, int owner, const struct store_restored *r)
{
	struct twin_generation g = {
		.number = r->number, .from = r->from, .copied = r->copied,
		.comment_len = r->comment_len,
	};

	twin_copy(&g.config, &t->txns[owner].config);
	t->txns[owner].open = false;
	if (r->first)
		t->kept = 0;
	twin_run(t, &g);
	t->last = g.number;
}

static int twin_restore_end(const struct twin *t, u64 last, u32 confirm_ms)
{
	if (last < t->generations[0].number)
		return -EINVAL;
	return confirm_ms && t->kept < 2 ? -EINVAL : 0;
}

static void twin_did_restore_end(struct twin *t, u64 last, u32 confirm_ms)
{
	t->last = last;
	t->confirm_waits = confirm_ms;
	t->confirm_due = t->now + confirm_ms;
}

#endif

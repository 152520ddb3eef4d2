// SPDX-License-Identifier: GPL-2.0
// options: -max_len=160
/*
 * Three connections and a clock do to the store what the input's bytes say, with limits
 * that are soon met and memory that runs out; a plain twin (store_twin.h) says what every
 * call must return, what must be told of it, and what every configuration then holds.
 *
 * An input begins with the limits and with what an earlier life left (restores), and goes
 * on with steps. Views that a reader took stay as they were whatever happens later. At the
 * end all is compared once more, byte counts go down to nothing, and what was not given
 * back the leak checker finds.
 *
 * store.c is part of this file: its memory comes from here, and its trees can be looked
 * into (heights, balance).
 */
#include <stdlib.h>

#include "kmod/store_shim.h"

static long allocations_left = -1;	/* -1: no end of them */
static bool ran_out;			/* an allocation failed in this step */

static void *scarce_calloc(size_t size)
{
	if (!allocations_left) {
		ran_out = true;
		return NULL;
	}
	if (allocations_left > 0)
		allocations_left--;
	return calloc(1, size);
}

#undef kvzalloc
#define kvzalloc(size, gfp) scarce_calloc(size)
#include "kmod/store.c"

/* What only judges teaches the fuzzer nothing, and would cost it half its speed. */
#define judges _Pragma("clang attribute push(__attribute__((no_sanitize(\"coverage\"))), apply_to=function)")
#define judged _Pragma("clang attribute pop")

judges
#include "store_twin.h"
judged

#define STEPS	400
#define VIEWS	2

struct play {
	const u8 *next, *end;
	struct store *store;
	struct store_owner *owners[TWIN_OWNERS];
	struct twin twin;
	bool tight;		/* the store's own limit of memory may be met */
	bool verdict_at_once;
	u32 heard;
	struct twin_told hears[TWIN_TOLD];
	struct {
		bool taken;
		struct store_tree tree;
		struct twin_config config;
	} views[VIEWS];
};

/* What keys and values are cut from; keys stay where they are for the whole input. */
static u8 keys[(STEPS + 8) * 8 * (SLUICE_KEY_MAX + 2)];
static u32 keys_used;
static u8 value[SLUICE_VALUE_MAX + 1];
static const char comment[SLUICE_COMMENT_MAX + 3] = "why";

static u8 byte(struct play *p)
{
	return p->next < p->end ? *p->next++ : 0;
}

/* --- the store beside its twin --------------------------------------------------- */

judges

static u32 check_balance(const struct store_node *n)
{
	u32 l, r;

	if (!n)
		return 0;
	must(n->refs && n->object->refs);
	l = check_balance(n->left);
	r = check_balance(n->right);
	must(l <= r + 1 && r <= l + 1);
	must(n->height == (l > r ? l : r) + 1);
	return n->height;
}

static void compare_object(const struct store_object *o, const struct twin_object *w)
{
	must(!twin_order(w, o->type, o->bytes, o->key_len));
	must(o->value_len == w->value_len);
	must(!o->value_len || store_object_value(o)[0] == w->first);
}

static void compare_config(const struct store_tree *t, const struct twin_config *w)
{
	const struct store_object *o = store_first(t, 0, NULL, 0);

	check_balance(t->root);
	must(t->objects == w->n && t->bytes == twin_bytes(w));
	for (u32 i = 0; i < w->n; i++, o = store_next(t, o)) {
		must(o);
		compare_object(o, &w->objects[i]);
		must(store_find(t, o->type, o->bytes, o->key_len) == o);
		must(store_object_begins(o, o->type, o->bytes, o->key_len / 2));
	}
	must(!o);
}

static void compare_txn(struct play *p, int owner)
{
	struct store_error e;
	struct store_tree view;
	u64 from;
	int err = store_read(p->store, p->owners[owner], STORE_TXN, 0, &view, &from, &e);

	must(err == (p->twin.txns[owner].open ? 0 : -ENOENT));
	if (err)
		return;
	must(from == p->twin.txns[owner].from);
	compare_config(&view, &p->twin.txns[owner].config);
	store_tree_put(p->store, &view);
}

static void compare_generations(struct play *p)
{
	for (u32 i = 0; i < p->twin.kept; i++)
		compare_config(&store_generation(p->store, i)->tree,
			       &p->twin.generations[i].config);
	if (p->twin.candidate_waits)
		compare_config(&p->store->candidate->tree, &p->twin.candidate.config);
}

/* All that a status says, after every step. */
static void compare_status(struct play *p)
{
	struct twin *t = &p->twin;
	struct store_status st;
	u32 txns = 0;

	store_status(p->store, t->now, &st);
	must(st.memory <= st.limits.memory && st.memory == p->store->memory);
	must(p->tight || st.generations == t->kept);
	twin_evicted(t, st.generations);
	for (int i = 0; i < TWIN_OWNERS; i++) {
		txns += t->txns[i].open;
		must(store_compiles(p->store, p->owners[i]) == (t->compiler == i));
	}
	must(st.txns == txns && st.last == t->last && st.applied == t->applied);
	must(st.running == t->generations[0].number && st.compiler == (t->compiler != NOBODY));
	must(st.candidate_waits == t->candidate_waits);
	must(!st.candidate_waits || st.candidate == t->candidate.number);
	must(st.confirm_waits == t->confirm_waits);
	if (st.confirm_waits) {
		must(st.confirm_back == t->generations[1].number);
		must(st.confirm_left_ms == (t->confirm_due > t->now ? t->confirm_due - t->now : 0));
	}
	for (u32 i = 0; i < t->kept; i++) {
		const struct store_generation *g = store_generation(p->store, i);

		must(g->number == t->generations[i].number);
		must(g->copied == t->generations[i].copied);
		must(!g->copied || g->from == t->generations[i].from);
		must(g->comment_len == t->generations[i].comment_len);
		must(!g->comment_len || !memcmp(g->comment, comment, g->comment_len));
	}
	must(!store_generation(p->store, t->kept));
}

struct diff {
	const struct twin_config *a, *b;
	u32 i, j;
	u32 stop_after;
};

/* The next difference of both, as a merge of two sorted arrays finds it. */
static bool next_difference(struct diff *d, const struct twin_object **before,
			    const struct twin_object **after)
{
	while (d->i < d->a->n || d->j < d->b->n) {
		const struct twin_object *a = d->i < d->a->n ? &d->a->objects[d->i] : NULL;
		const struct twin_object *b = d->j < d->b->n ? &d->b->objects[d->j] : NULL;
		int order = !a ? 1 : !b ? -1 : twin_order(a, b->type, b->key, b->key_len);

		d->i += order <= 0;
		d->j += order >= 0;
		if (!order && a->value_len == b->value_len && (!a->value_len || a->first == b->first))
			continue;
		*before = order <= 0 ? a : NULL;
		*after = order >= 0 ? b : NULL;
		return true;
	}
	return false;
}

static int each_difference(void *ctx, const struct store_object *before,
			   const struct store_object *after)
{
	const struct twin_object *a, *b;
	struct diff *d = ctx;

	must(next_difference(d, &a, &b));
	must(!a == !before && !b == !after);
	if (a)
		compare_object(before, a);
	if (b)
		compare_object(after, b);
	return --d->stop_after ? 0 : 77;
}

static void compare_diff(const struct store_tree *a, const struct twin_config *wa,
			 const struct store_tree *b, const struct twin_config *wb, u32 stop_after)
{
	struct diff d = { .a = wa, .b = wb, .stop_after = stop_after };
	const struct twin_object *before, *after;
	int err = store_diff(a, b, each_difference, &d);

	if (err == -ENOMEM)
		must(ran_out && !d.i && !d.j);
	else if (err)
		must(err == 77 && !d.stop_after);
	else
		must(!next_difference(&d, &before, &after));
}

/* --- what is told ------------------------------------------------------------------- */

static int number_of(const struct play *p, const struct store_owner *o)
{
	for (int i = 0; o && i < TWIN_OWNERS; i++)
		if (p->owners[i] == o)
			return i;
	must(!o);
	return NOBODY;
}

static void hear(void *ctx, const struct store_event *e)
{
	struct play *p = ctx;
	struct store_error error;

	must(!e->before == !e->after && (e->message || !e->message_len));
	must(p->heard < TWIN_TOLD);
	p->hears[p->heard++] = (struct twin_told){
		.kind = e->kind, .generation = e->generation, .accepted = e->accepted,
		.copied = e->subject && e->subject->copied,
		.from = e->subject && e->subject->copied ? e->subject->from : 0,
		.changed = e->before, .confirm_ms = e->confirm_ms, .seq = e->seq,
		.committer = number_of(p, e->committer), .compiler = number_of(p, e->compiler),
	};
	must(!e->subject || e->subject->number == e->generation);
	if (e->before) {
		/* the twin has not moved yet: what ran still runs there */
		compare_config(e->before, &p->twin.generations[0].config);
		must(e->after->root == p->store->generations[0]->tree.root);
	}
	if (e->kind == STORE_CANDIDATE && p->verdict_at_once)
		must(!store_verdict(p->store, e->compiler, e->generation, true, "so", 2,
				    p->twin.now, &error));
}

static void compare_told(struct play *p)
{
	must(p->heard == p->twin.n_told);
	for (u32 i = 0; i < p->heard; i++) {
		const struct twin_told *a = &p->hears[i], *b = &p->twin.told[i];

		must(a->kind == b->kind && a->generation == b->generation);
		must(a->accepted == b->accepted && a->changed == b->changed);
		must(a->copied == b->copied && (!a->copied || a->from == b->from));
		must(a->confirm_ms == b->confirm_ms && a->seq == b->seq);
		must(a->committer == b->committer && a->compiler == b->compiler);
	}
	p->heard = 0;
	p->twin.n_told = 0;
}

/* Whether a call that the twin would do failed for want of memory, and so was not done. */
static bool scarce(const struct play *p, int err)
{
	return (err == -ENOMEM && ran_out) || (err == -ENOSPC && p->tight);
}

/* Return: whether it was done. */
static bool done(const struct play *p, int err, int wanted, const struct store_error *e)
{
	must(!err || (e->message && e->message[0]));
	if (!wanted && scarce(p, err))
		return false;
	must(err == wanted);
	return !err;
}

judged

/* --- steps --------------------------------------------------------------------------- */

static const u8 *some_key(struct play *p, u32 *len)
{
	u8 shape = byte(p), *key;
	u32 i;

	*len = shape % 8;
	if (*len == 7)
		*len = shape & 128 ? SLUICE_KEY_MAX - 1 + byte(p) % 3 : 8 + (shape >> 3) % 8;
	must(keys_used + *len <= sizeof(keys));
	key = keys + keys_used;
	keys_used += *len;
	/* NULs are frequent, and so are meetings */
	for (i = 0; i < *len; i++) {
		static const u8 letters[] = { 0, 'a', 'b', 'c' };

		if (i < 8 && !(i & 3))
			shape = byte(p);
		key[i] = i < 8 ? letters[shape >> 2 * (i & 3) & 3] : 'k';
	}
	return key;
}

/* A key that fits its type. */
static const u8 *good_key(struct play *p, u32 type, u32 *len)
{
	u8 letter = 'a' + byte(p) % 24, *key = keys + keys_used;

	*len = 0;
	for (int words = type == SLUICE_OBJECT_MEMBER ? 4 :
			 type == SLUICE_OBJECT_ROUTE || type == SLUICE_OBJECT_ELEMENT ? 2 : 1;
	     words; words--) {
		key[(*len)++] = letter;
		if (words > 1)
			key[(*len)++] = 0;
	}
	if (type == SLUICE_OBJECT_DOCUMENT) {
		memset(key + *len, 0, 5);
		*len += 5;
		key[*len - 1] = letter & 1;
	}
	keys_used += *len;
	return key;
}

static void set(struct play *p, int owner, bool fits)
{
	u8 what = byte(p), first = byte(p);
	u32 type = what % (SLUICE_OBJECT_MAX + (fits ? 0 : 3)), key_len, value_len, flags = 0;
	struct store_error e = {};
	const u8 *key;
	int err, wanted;

	if (fits)
		type++;
	key = fits ? good_key(p, type, &key_len) : some_key(p, &key_len);
	value_len = (u32)first * (what & 128 ? 8 : 1);
	if (!fits && first == 255)
		value_len = SLUICE_VALUE_MAX - 1 + byte(p) % 3;
	if (what & 64)
		flags = byte(p) % 5;
	value[0] = first;
	wanted = twin_set(&p->twin, owner, type, key, key_len, value_len, first, flags);
	err = store_set(p->store, p->owners[owner], type, key, key_len, value, value_len, flags, &e);
	if (done(p, err, wanted, &e))
		twin_did_set(&p->twin, owner, type, key, key_len, value_len, first);
}

/* Return: whether it ended in the middle, as those by prefix may. */
static bool del(struct play *p, int owner)
{
	u8 what = byte(p);
	u32 type = what & 128 ? what % (SLUICE_OBJECT_MAX + 3) : 1 + what % SLUICE_OBJECT_MAX;
	u32 flags = what & 64 ? SLUICE_F_PREFIX : 0, key_len;
	const u8 *key = what & 128 ? some_key(p, &key_len) : good_key(p, type, &key_len);
	struct store_error e = {};
	int err, wanted;

	if (flags && !(what & 128) && key_len)
		key_len = byte(p) % key_len;
	if ((what & 0xf8) == 0xf8)
		flags = byte(p);
	wanted = twin_del(&p->twin, owner, type, key, key_len, flags);
	err = store_del(p->store, p->owners[owner], type, key, key_len, flags, &e);
	if (!done(p, err, wanted, &e))
		return !wanted;
	twin_did_del(&p->twin, owner, type, key, key_len, flags);
	return false;
}

/* As one message does it: wholly or not at all. */
static void change(struct play *p, int owner, bool revert)
{
	static struct twin_config before;
	struct store_error e = {};
	struct store_tree mark;
	int err = store_mark(p->owners[owner], &mark, &e);

	must(err == (p->twin.txns[owner].open ? 0 : -ENOENT));
	if (err) {
		del(p, owner);
		return;
	}
	twin_copy(&before, &p->twin.txns[owner].config);
	for (u8 what = byte(p), n = what % 8; n; n--) {
		if (!(what >> n & 1)) {
			set(p, owner, true);
		} else if (del(p, owner)) {
			revert = true;
			break;
		}
	}
	if (revert) {
		store_revert(p->store, p->owners[owner], &mark);
		twin_copy(&p->twin.txns[owner].config, &before);
	} else {
		store_forget(p->store, &mark);
	}
	compare_txn(p, owner);
}

static void begin(struct play *p, int owner)
{
	struct store_error e = {};
	int wanted = twin_begin(&p->twin, owner);
	u64 from = 0;

	if (!done(p, store_begin(p->store, p->owners[owner], &from, &e), wanted, &e))
		return;
	twin_did_begin(&p->twin, owner);
	must(from == p->twin.txns[owner].from);
}

static void commit(struct play *p, int owner, struct store_commit *how)
{
	int wanted = twin_commit(&p->twin, owner, how);
	struct store_error e = {};
	u64 number = 0;

	if (!done(p, store_commit(p->store, p->owners[owner], how, p->twin.now, &number, &e),
		  wanted, &e))
		return;
	twin_did_commit(&p->twin, owner, how);
	must(number == p->twin.candidate.number);
	if (p->verdict_at_once)
		twin_did_verdict(&p->twin, number, true);
}

static u64 some_number(struct play *p)
{
	u8 what = byte(p);

	if (what & 128)
		return p->twin.last + 1 - what % 8;
	return p->twin.generations[what % p->twin.kept].number;
}

static void rollback(struct play *p, int owner, struct store_commit *how)
{
	u8 what = byte(p);
	u64 to = some_number(p), number = 0, *which = what & 1 ? &to : NULL;
	int wanted = twin_rollback(&p->twin, which, how);
	struct store_error e = {};

	if (!done(p, store_rollback(p->store, p->owners[owner], which, how, p->twin.now, &number,
				    &e), wanted, &e))
		return;
	twin_did_rollback(&p->twin, owner, which, how);
	must(number == p->twin.candidate.number);
	if (p->verdict_at_once)
		twin_did_verdict(&p->twin, number, true);
}

static void verdict(struct play *p, int owner)
{
	u8 what = byte(p);
	u64 number = what & 1 ? p->twin.last : some_number(p);
	struct store_error e = {};
	int wanted;

	if (what & 2 && p->twin.compiler != NOBODY)
		owner = p->twin.compiler;
	wanted = twin_verdict(&p->twin, owner, number);
	if (done(p, store_verdict(p->store, p->owners[owner], number, what & 4,
				  what & 8 ? "text" : NULL, what & 8 ? 4 : 0, p->twin.now, &e),
		 wanted, &e))
		twin_did_verdict(&p->twin, number, what & 4);
}

static void tick(struct play *p)
{
	u8 what = byte(p);
	u64 bad = p->twin.generations[0].number, next;
	bool back, forgets;

	/* to just before, or just at, what is due; or some way */
	if (what & 128 && p->twin.confirm_waits && p->twin.confirm_due > p->twin.now)
		p->twin.now = p->twin.confirm_due - (what & 1);
	else if (what & 64 && p->twin.candidate_waits && p->twin.verdict_due > p->twin.now)
		p->twin.now = p->twin.verdict_due - (what & 1);
	else
		p->twin.now += what;
	back = p->twin.confirm_waits && p->twin.now >= p->twin.confirm_due;
	next = store_tick(p->store, p->twin.now);
	must(next > p->twin.now);
	forgets = back && !(store_generation(p->store, 1) &&
			    store_generation(p->store, 1)->number == bad);
	must(!forgets || ran_out || p->tight);
	must(next == twin_tick(&p->twin, forgets));
}

static void take_view(struct play *p, int owner)
{
	u8 what = byte(p);
	enum store_which which = what & 1 ? STORE_NUMBER : what & 2 ? STORE_TXN : STORE_RUNNING;
	u64 number = some_number(p), found = 0;
	const struct twin_config *config = &p->twin.generations[0].config;
	struct store_error e = {};
	int i = what >> 2 & 1, err;

	if (p->views[i].taken) {
		compare_config(&p->views[i].tree, &p->views[i].config);
		store_tree_put(p->store, &p->views[i].tree);
		must(!p->views[i].tree.root && !p->views[i].tree.objects);
		p->views[i].taken = false;
	}
	err = store_read(p->store, p->owners[owner], which, number, &p->views[i].tree,
			 what & 8 ? &found : NULL, &e);
	if (which == STORE_TXN) {
		config = p->twin.txns[owner].open ? &p->twin.txns[owner].config : NULL;
		number = p->twin.txns[owner].from;
	} else if (which == STORE_RUNNING) {
		number = p->twin.generations[0].number;
	} else if (twin_target(&p->twin, &number)) {
		config = &twin_target(&p->twin, &number)->config;
	} else {
		config = p->twin.candidate_waits && p->twin.candidate.number == number ?
			 &p->twin.candidate.config : NULL;
	}
	must(err == (config ? 0 : -ENOENT) && (!err || e.message));
	if (err)
		return;
	must(!(what & 8) || found == number);
	twin_copy(&p->views[i].config, config);
	p->views[i].taken = true;
	if (what & 16 && p->views[!i].taken)
		compare_diff(&p->views[!i].tree, &p->views[!i].config, &p->views[i].tree,
			     &p->views[i].config, what >> 5);
}

/* A lookup of any key, there or not. */
static void look(struct play *p)
{
	u32 type = byte(p) % (SLUICE_OBJECT_MAX + 3), len, place;
	const u8 *key = some_key(p, &len);
	struct twin_config *w = &p->twin.generations[0].config;
	const struct store_object *o;

	o = store_first(&store_generation(p->store, 0)->tree, type, key, len);
	place = twin_place(w, type, key, len);
	must(!o == (place == w->n));
	if (o)
		compare_object(o, &w->objects[place]);
	must(!store_find(&store_generation(p->store, 0)->tree, type, key, len) ==
	     !twin_find(w, type, key, len));
}

static void how_to_commit(struct play *p, struct store_commit *how)
{
	u8 what = byte(p);

	p->verdict_at_once = what & 1 && p->twin.compiler != NOBODY;
	how->seq = what;
	how->confirm_ms = what & 2 ? 1 + byte(p) : 0;
	how->comment = what & 4 ? comment : NULL;
	how->comment_len = what & 4 ? what >> 4 : 0;
	if ((what & 0xf8) == 0xf8) {
		how->comment_len = SLUICE_COMMENT_MAX - 1 + byte(p) % 3;
		how->comment = comment;
		how->confirm_ms = SLUICE_CONFIRM_TIMEOUT_MAX - 1 + byte(p) % 3;
	}
}

static void reopen(struct play *p, int owner)
{
	struct store_owner *o = p->owners[owner];

	must(!store_owner_cookie(o));
	store_owner_close(p->store, o);
	twin_did_close(&p->twin, owner);
	p->owners[owner] = store_owner_open(p->store, NULL);
	if (!p->owners[owner]) {
		must(ran_out);
		allocations_left = -1;
		p->owners[owner] = store_owner_open(p->store, NULL);
	}
}

static void step(struct play *p)
{
	u8 what = byte(p);
	int owner = (what >> 5) % TWIN_OWNERS;
	struct store_commit how = {};
	struct store_error e = {};
	u64 number;
	int wanted;

	ran_out = false;
	allocations_left = what >= 0xe0 ? byte(p) % 16 : -1;
	switch (what & 31) {
	case 0: case 1:
		begin(p, owner);
		break;
	case 2:
		wanted = twin_abort(&p->twin, owner);
		if (done(p, store_abort(p->store, p->owners[owner], &e), wanted, &e))
			twin_did_abort(&p->twin, owner);
		break;
	case 3: case 4: case 5:
		set(p, owner, true);
		compare_txn(p, owner);
		break;
	case 6:
		set(p, owner, false);
		compare_txn(p, owner);
		break;
	case 7: case 8: case 9: case 10: case 11:
		change(p, owner, false);
		break;
	case 12:
		change(p, owner, true);
		break;
	case 13: case 14: case 15:
		how_to_commit(p, &how);
		commit(p, owner, &how);
		break;
	case 16: case 17:
		how_to_commit(p, &how);
		rollback(p, owner, &how);
		break;
	case 18: case 19: case 20: /* a change and its verdict, all in one */
		begin(p, owner);
		set(p, owner, true);
		how_to_commit(p, &how);
		commit(p, owner, &how);
		break;
	case 21: {
		u8 runs = byte(p);

		wanted = twin_bind(&p->twin);
		if (done(p, store_bind(p->store, p->owners[owner], runs, &number, &e), wanted, &e)) {
			must(number == p->twin.generations[0].number);
			twin_did_bind(&p->twin, owner, runs);
		}
		break;
	}
	case 22: case 23:
		verdict(p, owner);
		break;
	case 24: {
		u8 which = byte(p);

		number = some_number(p);
		wanted = twin_confirm(&p->twin, which & 1 ? &number : NULL);
		if (done(p, store_confirm(p->store, which & 1 ? &number : NULL, &e), wanted, &e))
			twin_did_confirm(&p->twin);
		break;
	}
	case 25: case 26:
		tick(p);
		break;
	case 27: case 28:
		take_view(p, owner);
		break;
	case 29:
		look(p);
		break;
	case 30:
		reopen(p, owner);
		break;
	case 31:
		compare_generations(p);
		break;
	}
	p->verdict_at_once = false;
	allocations_left = -1;
	compare_status(p);
	compare_told(p);
}

/* What a file of an earlier life brings: see userland/daemon/disk.c. */
static void restore(struct play *p, u8 what)
{
	struct store_restored r = {};
	struct store_error e = {};
	u32 confirm_ms;
	u64 last;
	int wanted;

	for (int n = what % 4; n; n--) {
		if (!(what & 128))
			begin(p, 0);
		for (int i = byte(p) % 4; i; i--)
			set(p, 0, true);
		what = byte(p);
		r.first = r.number == 0;
		r.number += what % 8;
		r.copied = what & 8;
		r.from = what & 8 ? what : 0;
		r.comment = comment;
		r.comment_len = what >> 4;
		if (what == 255)
			r.comment_len = SLUICE_COMMENT_MAX - 1 + byte(p) % 3;
		wanted = twin_restore(&p->twin, 0, &r);
		if (done(p, store_restore(p->store, p->owners[0], &r, &e), wanted, &e))
			twin_did_restore(&p->twin, 0, &r);
		compare_status(p);
	}
	what = byte(p);
	last = p->twin.last + what % 4;
	if (last)
		last--;
	confirm_ms = what >> 2;
	wanted = twin_restore_end(&p->twin, last, confirm_ms);
	if (done(p, store_restore_end(p->store, last, confirm_ms, p->twin.now, &e), wanted, &e))
		twin_did_restore_end(&p->twin, last, confirm_ms);
	compare_status(p);
	compare_told(p);
}

static void start(struct play *p)
{
	struct store_limits limits = store_limits_default();
	u8 what = byte(p);

	must(limits.objects == SLUICE_OBJECTS_MAX && limits.memory == SLUICE_MEMORY_MAX);
	limits.objects = 1 + what % TWIN_OBJECTS;
	limits.bytes = what & 32 ? 2000 : 40000;
	limits.verdict_ms = 300;
	p->tight = what & 64;
	if (p->tight)
		limits.memory = 2500 + byte(p) * 100;
	twin_start(&p->twin, &limits);

	/* no memory for a store is no store */
	for (int n = 0; n == 0 || !p->store; n++) {
		must(n < 8);
		allocations_left = n;
		p->store = store_new(&limits);
	}
	allocations_left = -1;
	store_watch(p->store, hear, p);
	for (int i = 0; i < TWIN_OWNERS; i++)
		p->owners[i] = store_owner_open(p->store, NULL);
	if (what & 128)
		restore(p, byte(p));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct play play;
	struct play *p = &play;

	p->next = bytes;
	p->end = bytes + len;
	p->verdict_at_once = false;
	p->heard = 0;
	for (int i = 0; i < VIEWS; i++)
		p->views[i].taken = false;
	keys_used = 0;
	ran_out = false;

	start(p);
	for (int steps = 0; p->next < p->end && steps < STEPS; steps++)
		step(p);

	compare_generations(p);
	for (int i = 0; i < VIEWS; i++) {
		if (!p->views[i].taken)
			continue;
		compare_config(&p->views[i].tree, &p->views[i].config);
		store_tree_put(p->store, &p->views[i].tree);
	}
	for (int i = 0; i < TWIN_OWNERS; i++) {
		compare_txn(p, i);
		store_owner_close(p->store, p->owners[i]);
		twin_did_close(&p->twin, i);
		compare_told(p);
	}
	/* as store_free() does, to see what is charged then */
	while (p->store->n_generations)
		generation_free(p->store, p->store->generations[--p->store->n_generations]);
	drain_reserve(p->store);
	must(!p->store->memory && !p->store->candidate && !p->store->owners);
	store_free(p->store);
	return 0;
}

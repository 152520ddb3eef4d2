// SPDX-License-Identifier: GPL-2.0
// sources: kmod/store.c
/*
 * Three connections and a clock do to the store what the input's bytes say, with limits
 * that are soon met. After every step the rules that hold for any store are checked: trees
 * ordered and counted right, numbers growing, limits kept; and at the end no byte is left.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/sluice.h>

#include "kmod/store.h"

#define OWNERS 3

struct play {
	const uint8_t *next, *end;
	struct store *store;
	struct store_owner *owners[OWNERS];
	uint64_t now, greatest;
	bool verdict_at_once;
};

#define must(condition) do { if (!(condition)) abort(); } while (0)

static uint8_t byte(struct play *p)
{
	return p->next < p->end ? *p->next++ : 0;
}

static void check_tree(const struct store_tree *t, const struct store_limits *limits)
{
	const struct store_object *o = store_first(t, 0, NULL, 0), *before = NULL;
	uint64_t bytes = 0;
	uint32_t n = 0;

	for (; o; before = o, o = store_next(t, o)) {
		n++;
		bytes += o->key_len + o->value_len;
		must(store_find(t, o->type, o->bytes, o->key_len) == o);
		if (before) {
			uint32_t shorter = before->key_len < o->key_len ? before->key_len :
					   o->key_len;
			int order = memcmp(before->bytes, o->bytes, shorter);

			must(before->type < o->type || (before->type == o->type &&
			     (order < 0 || (!order && before->key_len < o->key_len))));
		}
	}
	must(n == t->objects && bytes == t->bytes);
	must(n <= limits->objects && bytes <= limits->bytes);
}

static int count(void *ctx, const struct store_object *before, const struct store_object *after)
{
	int *change = ctx;

	must(before || after);
	*change += !before - !after;
	return 0;
}

static void check(struct play *p)
{
	const struct store_generation *g, *older;
	struct store_status st;

	store_status(p->store, p->now, &st);
	must(st.memory <= st.limits.memory);
	must(st.running >= p->greatest && st.last >= st.running);
	must(st.generations >= 1 && st.generations <= SLUICE_HISTORY_MAX + 1);
	must(!st.candidate_waits || (st.compiler && st.candidate == st.last));
	must(!st.confirm_waits || st.generations >= 2);
	p->greatest = st.running;
	for (uint32_t i = 0; (g = store_generation(p->store, i)); i++) {
		check_tree(&g->tree, &st.limits);
		older = store_generation(p->store, i + 1);
		if (older) {
			int change = 0;

			must(g->number > older->number);
			must(!store_diff(&older->tree, &g->tree, count, &change));
			must(older->tree.objects + change == g->tree.objects);
		}
	}
	for (int i = 0; i < OWNERS; i++) {
		struct store_error e;
		struct store_tree view;

		if (store_read(p->store, p->owners[i], STORE_TXN, 0, &view, NULL, &e))
			continue;
		check_tree(&view, &st.limits);
		store_tree_put(p->store, &view);
	}
}

static void hear(void *ctx, const struct store_event *e)
{
	struct play *p = ctx;
	struct store_error error;

	must(!e->before == !e->after);
	if (e->kind == STORE_CANDIDATE && p->verdict_at_once)
		must(!store_verdict(p->store, e->compiler, e->generation, true, "so", 2, p->now,
				    &error));
}

static uint32_t some_key(struct play *p, uint8_t key[SLUICE_KEY_MAX + 2])
{
	uint32_t len = byte(p) % 12;

	if (len == 11)
		len = SLUICE_KEY_MAX - 1 + byte(p) % 3;
	for (uint32_t i = 0; i < len; i++)
		key[i] = i < 6 ? byte(p) % 3 : 'k';	/* NULs are frequent, and so are meetings */
	return len;
}

static void step(struct play *p)
{
	static uint8_t value[SLUICE_VALUE_MAX + 1];
	struct store_owner **owner = &p->owners[byte(p) % OWNERS], *o = *owner;
	uint8_t key[SLUICE_KEY_MAX + 2], what = byte(p);
	struct store *s = p->store;
	struct store_commit how = {};
	struct store_error e = {};
	struct store_tree mark;
	uint64_t number = byte(p);
	uint32_t len, value_len;
	int err = 0;

	switch (what % 16) {
	case 0: case 1:
		err = store_begin(s, o, &number, &e);
		break;
	case 2:
		err = store_abort(s, o, &e);
		break;
	case 3: case 4: case 5: case 6:
		len = some_key(p, key);
		value_len = byte(p);
		if (value_len == 255)
			value_len = SLUICE_VALUE_MAX - 1 + byte(p) % 3;
		value[0] = byte(p);
		err = store_set(s, o, byte(p) % 8, key, len, value, value_len,
				what & 128 ? byte(p) : 0, &e);
		break;
	case 7: case 8:
		len = some_key(p, key);
		err = store_del(s, o, byte(p) % 8, key, len, what & 128 ? byte(p) : 0, &e);
		break;
	case 9:
		if (store_mark(o, &mark, &e))
			break;
		for (int i = byte(p) % 8; i; i--) {
			len = some_key(p, key);
			store_set(s, o, SLUICE_OBJECT_PORT, key, len, value, byte(p), 0, &e);
			store_del(s, o, SLUICE_OBJECT_PORT, key, byte(p) % (len + 1),
				  SLUICE_F_PREFIX, &e);
		}
		if (what & 128)
			store_revert(s, o, &mark);
		else
			store_forget(s, &mark);
		break;
	case 10: case 11:
		how.confirm_ms = what & 128 ? byte(p) : 0;
		how.comment = "comment";
		how.comment_len = byte(p) % 8;
		p->verdict_at_once = what & 64;
		err = store_commit(s, o, &how, p->now, &number, &e);
		break;
	case 12:
		how.confirm_ms = what & 128 ? byte(p) : 0;
		p->verdict_at_once = what & 64;
		err = store_rollback(s, o, what & 32 ? &number : NULL, &how, p->now, &number, &e);
		break;
	case 13:
		err = what & 128 ? store_bind(s, o, byte(p), &number, &e) :
				   store_confirm(s, what & 64 ? &number : NULL, &e);
		break;
	case 14: {
		struct store_status st;

		store_status(s, p->now, &st);
		err = store_verdict(s, o, what & 64 ? st.candidate : number, what & 128, "text", 4,
				    p->now, &e);
		break;
	}
	case 15:
		if (what & 128) {
			p->now += byte(p);
			must(store_tick(s, p->now) > p->now);
		} else {
			store_owner_close(s, o);
			*owner = store_owner_open(s, NULL);
		}
		break;
	}
	must(!err || (err < 0 && e.message));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct store_limits limits = { .objects = 12, .bytes = 40000, .memory = 60000,
				       .verdict_ms = 300 };
	struct play p = { .next = bytes, .end = bytes + len };

	limits.memory = 4000 + byte(&p) * 400;
	p.store = store_new(&limits);
	must(p.store);
	store_watch(p.store, hear, &p);
	for (int i = 0; i < OWNERS; i++)
		p.owners[i] = store_owner_open(p.store, NULL);
	for (int steps = 0; p.next < p.end && steps < 400; steps++) {
		step(&p);
		check(&p);
	}
	for (int i = 0; i < OWNERS; i++)
		store_owner_close(p.store, p.owners[i]);
	store_free(p.store);	/* what was not given back, the leak checker finds */
	return 0;
}

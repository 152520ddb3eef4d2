// SPDX-License-Identifier: GPL-2.0
/*
 * table6.c: IPv6 tables: nodes of 8 bits at /0, /8 .. /40, found by a perfect hash,
 * and below /48 trees of nodes that kids lead to.
 *
 * A node exists at (prefix, level) where the table has a prefix of level + 1 ..
 * level + 8 bits within it; at level 40 also where it has a longer one. Its slots hold
 * the longest match, as far as the level reaches. A reader takes the deepest node that
 * exists. So a change to a prefix concerns the one node of its level, which may come or
 * go, and those deeper nodes that inherited from it.
 *
 * The hash (after "hash, displace and compress", Belazzougui et al. 2009): a node's hash
 * gives its bucket, the bucket's seed gives its place in the index. A new node takes
 * its place if that is free; else a seed is sought that puts all nodes of the bucket
 * on free places: they are entered there, then the seed is stored, and their former
 * places stay as they are until lpm_reclaim(). When 5/8 of the places are used, or no
 * seed fits, the hash goes to the next stage, twice as large and elsewhere, entered whole
 * before readers are sent there; in the last stage up to 7/8 are used.
 *
 * Beyond /48 nodes skip levels: a node knows its whole prefix, and what holds outside
 * of it. A lone /128 costs two nodes, wherever its /48 is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lpm/inside.h"

#define HASHED_MAX	40	/* the deepest hashed level */
#define DEEP		48	/* where they end */
#define BUCKET_MAX	32	/* nodes of one bucket; so many never meet by chance */
#define SEEDS		65536
#define BUCKET_SLOTS	4	/* slots for one bucket */
#define STAGE_MIN	4096u	/* slots */
#define STAGE_FIXED	16u	/* of a fixed table */

static uint32_t *index_at(const struct lpm *t, uint32_t slot)
{
	return (uint32_t *)(t->space->area + t->space->shape.index) + t->space->hash.slots + slot;
}

static uint16_t *seed_at(const struct lpm *t, uint32_t bucket)
{
	return (uint16_t *)(t->space->area + t->space->shape.seeds) + t->space->hash.buckets + bucket;
}

/* An empty hash of so many slots, for the writer. */
static struct hash hash_new(uint32_t slots)
{
	struct hash h = { .slots = slots, .buckets = slots / BUCKET_SLOTS };

	h.taken = xcalloc(h.slots, sizeof(*h.taken));
	h.next = xcalloc(h.slots, sizeof(*h.next));
	h.first = xcalloc(h.buckets, sizeof(*h.first));
	return h;
}

static void hash_free(struct hash *h)
{
	free(h->taken);
	free(h->next);
	free(h->first);
}

/* Lets readers go to the present stage. */
static void hash_publish(struct lpm *t)
{
	struct lpm_head *head = head_of(t);

	/* Who reads some of these before and some after finds the version changed. */
	__atomic_store_n(&head->version, head->version + 2, __ATOMIC_SEQ_CST);
	__atomic_store_n(&head->seeds_shift, 64 - __builtin_ctz(t->space->hash.buckets), __ATOMIC_RELEASE);
	__atomic_store_n(&head->seeds_first, t->space->hash.buckets, __ATOMIC_RELEASE);
	__atomic_store_n(&head->index_shift, 64 - __builtin_ctz(t->space->hash.slots), __ATOMIC_RELEASE);
	__atomic_store_n(&head->index_first, t->space->hash.slots, __ATOMIC_RELEASE);
}

static uint32_t slots_max(const struct lpm *t)
{
	return (t->space->shape.index_mask + 1) / 2;
}

void table6_init(struct lpm *t)
{
	t->space->hash = hash_new(t->space->fixed ? STAGE_FIXED : STAGE_MIN);
	hash_publish(t);
	/* What empty places of the index refer to: no key is like that. */
	node_at(t, 0)->key = ~0ull;
}

size_t table6_hash_bytes(const struct lpm *t)
{
	return t->space->hash.slots * sizeof(uint32_t) + t->space->hash.buckets * sizeof(uint16_t);
}

void table6_free(struct space *s)
{
	hash_free(&s->hash);
}

void table6_free_slot(struct lpm *t, uint32_t slot)
{
	__atomic_store_n(index_at(t, slot), 0, __ATOMIC_RELEASE);
	t->space->hash.taken[slot] = 0;
	t->space->hash.used--;
}

/* ---- the hash ------------------------------------------------------------- */

/*
 * The bucket and the place that a reader of the stage at hand computes, in the numbers of
 * that stage. The same arithmetic as lpm6_bucket() and lpm6_place() of bpf/lpm.bpf.h, whose
 * stage is that of the head.
 */
static uint32_t bucket_of(const struct lpm *t, uint64_t hash)
{
	struct lpm_head h = { .seeds_shift = 64 - __builtin_ctz(t->space->hash.buckets) };

	return lpm6_bucket(&h, hash);
}

static uint32_t place_of(const struct lpm *t, uint64_t hash, uint32_t seed)
{
	struct lpm_head h = { .index_shift = 64 - __builtin_ctz(t->space->hash.slots) };

	return lpm6_place(&h, hash, seed);
}

/* The line of the node that the place @slot refers to. */
static uint32_t line_of(const struct lpm *t, uint32_t slot)
{
	return (*index_at(t, slot) & LPM_INDEX_NODE) / LPM_LINE;
}

static uint64_t key_at(const struct lpm *t, uint32_t slot)
{
	return node_at(t, line_of(t, slot))->key;
}

/* The number of the table that the place @slot is of. */
static uint32_t number_at(const struct lpm *t, uint32_t slot)
{
	return (*index_at(t, slot) ^ lpm6_tag(lpm6_hash(key_at(t, slot)), 0)) >>
	       LPM_INDEX_TABLE_SHIFT;
}

/* The hash by which the node at @slot was entered. */
static uint64_t hash_at(const struct lpm *t, uint32_t slot)
{
	return lpm6_hash(key_at(t, slot)) ^ lpm6_salt(number_at(t, slot));
}

/* The hash of a node of the table. */
static uint64_t hash_of(const struct lpm *t, uint64_t key)
{
	return lpm6_hash(key) ^ lpm6_salt(t->number);
}

static uint32_t index_word(const struct lpm *t, uint64_t key, uint32_t line)
{
	return lpm6_tag(lpm6_hash(key), t->number) |
	       (node_is_long(t, line) ? LPM_INDEX_LONG : 0) | line * LPM_LINE;
}

/* The place of the table's node @key, or -1. */
static int64_t find(const struct lpm *t, uint64_t key)
{
	uint32_t bucket = bucket_of(t, hash_of(t, key));

	for (uint32_t s = t->space->hash.first[bucket]; s; s = t->space->hash.next[s - 1])
		if (key_at(t, s - 1) == key && number_at(t, s - 1) == t->number)
			return s - 1;
	return -1;
}

/* Where the nodes of a bucket go when one more comes. */
struct move {
	uint32_t bucket, seed, n;
	uint32_t from[BUCKET_MAX], to[BUCKET_MAX];	/* the new one is the last */
	uint64_t hash[BUCKET_MAX];
};

/* Whether @seed finds free places for the nodes of the bucket, no two the same. */
static bool seed_fits(const struct lpm *t, struct move *m, uint32_t seed)
{
	for (uint32_t i = 0; i < m->n; i++) {
		m->to[i] = place_of(t, m->hash[i], seed);
		if (t->space->hash.taken[m->to[i]])
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (m->to[j] == m->to[i])
				return false;
	}
	m->seed = seed;
	return true;
}

/* Finds a place for the node @key. */
static int plan_enter(const struct lpm *t, uint64_t key, struct move *m)
{
	uint64_t hash = hash_of(t, key);
	uint32_t place;

	m->bucket = bucket_of(t, hash);
	m->seed = *seed_at(t, m->bucket);
	place = place_of(t, hash, m->seed);
	if (t->space->hash.used >= t->space->hash.slots / 8 * 7)
		return -ENOSPC;
	if (!t->space->hash.taken[place]) {
		m->n = 1;
		m->to[0] = place;
		m->hash[0] = hash;
		return 0;
	}
	m->n = 0;
	for (uint32_t s = t->space->hash.first[m->bucket]; s; s = t->space->hash.next[s - 1]) {
		if (m->n == BUCKET_MAX - 1)
			return -ENOSPC;
		m->from[m->n] = s - 1;
		m->hash[m->n++] = hash_at(t, s - 1);
	}
	m->hash[m->n++] = hash;
	if (t->space->hash.used + m->n > t->space->hash.slots / 8 * 7)
		return -ENOSPC;
	for (uint32_t i = 1; i < SEEDS; i++)
		if (seed_fits(t, m, (m->seed + i) % SEEDS))
			return 0;
	return -ENOSPC;
}

static void take(struct lpm *t, uint32_t bucket, uint32_t slot)
{
	t->space->hash.taken[slot] = 1;
	t->space->hash.used++;
	t->space->hash.next[slot] = t->space->hash.first[bucket];
	t->space->hash.first[bucket] = slot + 1;
}

/* Enters the node whose word this is, as planned: after all other words of the change. */
static void enter(struct lpm *t, const struct move *m, uint32_t new_word)
{
	uint32_t last = m->n - 1;

	if (m->n > 1)
		t->space->hash.first[m->bucket] = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t word = i == last ? new_word : *index_at(t, m->from[i]);

		__atomic_store_n(index_at(t, m->to[i]), word, __ATOMIC_RELEASE);
		take(t, m->bucket, m->to[i]);
		if (i < last)
			vec_append(&t->space->retired, &(struct block){ m->from[i], BLOCK_SLOT });
	}
	t->space->retired_ever += last;
	if (m->seed != *seed_at(t, m->bucket))
		__atomic_store_n(seed_at(t, m->bucket), m->seed, __ATOMIC_RELEASE);
	t->space->words += m->n;
}

/* Takes a node out. Its place can be used at once: readers compare the key. */
static void leave(struct lpm *t, uint32_t slot)
{
	uint32_t bucket = bucket_of(t, hash_at(t, slot));
	uint32_t *s = &t->space->hash.first[bucket];

	while (*s != slot + 1)
		s = &t->space->hash.next[*s - 1];
	*s = t->space->hash.next[slot];
	table6_free_slot(t, slot);
	t->space->words++;
}

/* ---- beyond /48 ------------------------------------------------------------ */

static uint32_t otherwise(const struct lpm *t, const struct lpm_node *n)
{
	return t->space->shape.wide ? n->otherwise_wide : n->otherwise;
}

/*
 * The tree of the prefixes longer than @level at and below the shadow's @node, where
 * @inherited holds outside of them. @p: the prefix that changed; @old: what was there
 * before, or 0. Parts of the old tree that @p does not concern are kept.
 */
static int deep_build(struct lpm *t, uint32_t node, unsigned int level, uint32_t inherited,
		      const struct radix_key *p, uint32_t old, uint32_t *value)
{
	uint32_t slots[256], below[256] = { 0 }, before[256], line, p_slot = 256;
	const struct radix_node *top = radix_node(&t->radix, node);
	struct paint paper = { .bits = 8, .value = slots, .below = below };
	struct lpm_node *n;
	struct radix_key k = { top->hi, top->lo, top->len };
	bool same;

	/* A fork at a multiple of 8 opens a level; a prefix of such a length ends one. */
	paper.level = (top->result ? top->len - 1 : top->len) & ~7u;
	if (paper.level < level)	/* @node ends where the level begins: ways part */
		paper.level = level;
	k = radix_truncate(k, paper.level);
	for (unsigned int i = 0; i < 256; i++)
		slots[i] = inherited;
	paint(t, &paper, node);

	n = old >= VALUE_KID ? node_at(t, old & ~VALUE_KID) : NULL;
	same = n && n->level == paper.level && n->key == k.hi && n->low == k.lo &&
	       otherwise(t, n) == inherited;
	if (same) {
		node_read(t, old & ~VALUE_KID, true, before);
		if (p->len > paper.level + 8)
			p_slot = radix_bits(p->hi, p->lo, paper.level, 8);
	}
	for (unsigned int i = 0; i < 256; i++) {
		uint32_t was = same ? before[i] : 0;

		if (!below[i])
			continue;
		if (was >= VALUE_KID && i != p_slot &&
		    otherwise(t, node_at(t, was & ~VALUE_KID)) == slots[i]) {
			slots[i] = was;
			value_get(t, was);
			continue;
		}
		if (deep_build(t, below[i], paper.level + 8, slots[i], p, was, &slots[i]))
			return -ENOSPC;
	}
	line = node_write(t, slots, true);
	if (!line)
		return -ENOSPC;
	n = node_at(t, line);
	n->key = k.hi;
	n->low = k.lo;
	n->level = paper.level;
	if (t->space->shape.wide)
		n->otherwise_wide = inherited;
	else
		n->otherwise = inherited;
	*value = VALUE_KID | node_share(t, line, NODE_DEEP);
	return 0;
}

/* ---- hashed nodes ----------------------------------------------------------- */

/* Writes a hashed node, to which the references to kids go over. Return: its line, 0: no room. */
static uint32_t write_hashed(struct lpm *t, const uint32_t *value, uint64_t key)
{
	uint32_t line = node_write(t, value, false);

	if (!line)
		return 0;
	node_at(t, line)->key = key;
	return node_share(t, line, NODE_PLAIN);
}

/* The values of the node at @slot, with references to their kids. */
static void read_hashed(struct lpm *t, uint32_t slot, uint32_t *value)
{
	node_read(t, line_of(t, slot), false, value);
	for (unsigned int i = 0; i < 256; i++)
		if (!i || value[i] != value[i - 1])
			value_get(t, value[i]);
}

/* Puts another node in the place of the one at @slot. */
static int replace_hashed(struct lpm *t, uint32_t slot, const uint32_t *value)
{
	uint32_t old = line_of(t, slot);
	uint32_t line = write_hashed(t, value, key_at(t, slot));

	if (!line)
		return -ENOSPC;
	change_word(t, index_at(t, slot), index_word(t, key_at(t, slot), line));
	node_put(t, old);
	return 0;
}

/*
 * The nodes within the block of @level at @hi: what they had from the prefix that
 * changed, all that no longer prefix has painted, becomes @inherited. @node: the
 * shadow's topmost in the block.
 */
static int inherit(struct lpm *t, uint64_t hi, unsigned int level, uint32_t node,
		   uint32_t inherited, const struct radix_key *p)
{
	uint32_t value[256] = { 0 }, painted[256], below[256] = { 0 };
	struct paint paper = { .level = level, .bits = 8, .value = painted, .below = below };
	int64_t slot = find(t, lpm6_key(hi, level));

	for (unsigned int i = 0; i < 256; i++)
		painted[i] = VALUE_INHERIT;
	paint(t, &paper, node);
	if (slot >= 0)
		read_hashed(t, slot, value);
	for (unsigned int i = 0; i < 256; i++) {
		uint32_t was = value[i];

		if (painted[i] != VALUE_INHERIT)
			continue;
		if (slot >= 0)
			value_set(t, &value[i], inherited);
		if (!below[i])
			continue;
		if (level < HASHED_MAX) {
			const struct radix_node *n = radix_node(&t->radix, below[i]);

			if (inherit(t, n->hi, level + 8, below[i], inherited, p))
				return -ENOSPC;
		} else if (deep_build(t, below[i], DEEP, inherited, p, was, &value[i])) {
			return -ENOSPC;
		}
	}
	return slot >= 0 ? replace_hashed(t, slot, value) : 0;
}

/* Whether the shadow has a reason for a node at @level: @node is the topmost of its block. */
static bool wanted(const struct lpm *t, uint32_t node, unsigned int level)
{
	const struct radix_node *n;

	for (; node; node = n->child[1]) {
		n = radix_node(&t->radix, node);
		if (n->len > level + 8)
			return level == HASHED_MAX;
		if (n->len > level && n->result)
			return true;
		if (wanted(t, n->child[0], level))
			return true;
	}
	return false;
}

static int update(struct lpm *t, const struct radix_key *p, uint32_t inherited)
{
	unsigned int level = p->len > HASHED_MAX ? HASHED_MAX : (p->len - 1) & ~7u;
	uint32_t value[256], painted[256] = { 0 }, below[256] = { 0 };
	uint32_t first, width, line = 0, top;
	struct paint paper = { .level = level, .bits = 8, .value = painted, .below = below };
	struct radix_key block = radix_truncate(*p, level), k;
	uint64_t key = lpm6_key(p->hi, level);
	int64_t slot = find(t, key);
	struct move move = { 0 };
	uint32_t best;
	bool stays;

	top = radix_below(&t->radix, &block, &best);
	stays = wanted(t, top, level);
	if (slot >= 0) {
		read_hashed(t, slot, value);
	} else {
		for (unsigned int i = 0; i < 256; i++)
			value[i] = best;
	}
	first = radix_bits(p->hi, p->lo, level, 8);
	if (p->len > level + 8) {
		k = radix_truncate(*p, level + 8);
		radix_below(&t->radix, &k, &best);
		paint_below(t, &paper, &k);
		if (below[first] &&
		    deep_build(t, below[first], DEEP, best, p, value[first], &best))
			return -ENOSPC;
		value_set(t, &value[first], best);
	} else {
		width = 1u << (level + 8 - p->len);
		for (uint32_t i = first; i < first + width; i++)
			painted[i] = VALUE_INHERIT;
		paint_below(t, &paper, p);
		for (uint32_t i = first; i < first + width; i++) {
			uint32_t was = value[i];

			if (painted[i] != VALUE_INHERIT)
				continue;
			value_set(t, &value[i], inherited);
			if (!below[i])
				continue;
			if (level == HASHED_MAX) {
				if (deep_build(t, below[i], DEEP, inherited, p, was, &value[i]))
					return -ENOSPC;
				continue;
			}
			if (inherit(t, radix_node(&t->radix, below[i])->hi, level + 8, below[i],
				    inherited, p))
				return -ENOSPC;
		}
	}
	if (stays && slot >= 0) {
		if (replace_hashed(t, slot, value))
			return -ENOSPC;
	} else if (stays) {
		line = write_hashed(t, value, key);
		if (!line)
			return -ENOSPC;
		if (plan_enter(t, key, &move)) {
			t->space->hash.crowded = true;
			return -ENOSPC;
		}
	} else if (slot >= 0) {
		node_put(t, line_of(t, slot));
	}
	change_commit(t);
	if (line)
		enter(t, &move, index_word(t, key, line));
	else if (!stays && slot >= 0)
		leave(t, slot);
	return 0;
}

/* ---- all at once ------------------------------------------------------------ */

struct entry {
	uint64_t hash;		/* with salt */
	uint32_t word, bucket;
};

/* Writes the nodes of a block, and of those in it; notes the hashed ones. */
static int build(struct lpm *t, uint32_t node, uint64_t hi, unsigned int level, uint32_t inherited,
		 struct vec *entries)
{
	static const struct radix_key none;
	uint32_t value[256], below[256] = { 0 }, line;
	struct paint paper = { .level = level, .bits = 8, .value = value, .below = below };
	struct entry *e;
	uint64_t key = lpm6_key(hi, level);

	for (unsigned int i = 0; i < 256; i++)
		value[i] = inherited;
	paint(t, &paper, node);
	for (unsigned int i = 0; i < 256; i++) {
		if (!below[i])
			continue;
		if (level == HASHED_MAX) {
			paper.any = true;
			if (deep_build(t, below[i], DEEP, value[i], &none, 0, &value[i]))
				return -ENOSPC;
		} else if (build(t, below[i], radix_node(&t->radix, below[i])->hi, level + 8,
				 value[i], entries)) {
			return -ENOSPC;
		}
	}
	if (!paper.any)
		return 0;
	line = write_hashed(t, value, key);
	if (!line)
		return -ENOSPC;
	e = vec_push(entries);
	*e = (struct entry){ hash_of(t, key), index_word(t, key, line), 0 };
	return 0;
}

static int by_bucket(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->bucket < y->bucket ? -1 : x->bucket > y->bucket;
}

/* Finds the seed of one bucket, and enters its nodes. */
static int place_bucket(struct lpm *t, const struct entry *e, uint32_t n)
{
	struct move m = { .bucket = e->bucket, .n = n };
	uint32_t seed = 0;

	for (uint32_t i = 0; i < n; i++)
		m.hash[i] = e[i].hash;
	while (seed < SEEDS && !seed_fits(t, &m, seed))
		seed++;
	if (seed == SEEDS)
		return -ENOSPC;
	*seed_at(t, m.bucket) = m.seed;
	for (uint32_t i = 0; i < n; i++) {
		*index_at(t, m.to[i]) = e[i].word;
		take(t, m.bucket, m.to[i]);
	}
	return 0;
}

/* Nobody is led to the places meanwhile: the version is odd. The fullest buckets go first. */
static int place_all(struct lpm *t, struct vec *entries)
{
	struct entry *e = entries->data;
	size_t n = entries->len, end;

	if (n > t->space->hash.slots / 8 * 7)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++)
		e[i].bucket = bucket_of(t, e[i].hash);
	qsort(e, n, sizeof(*e), by_bucket);
	for (uint32_t size = BUCKET_MAX; size; size--) {
		for (size_t i = 0; i < n; i = end) {
			for (end = i + 1; end < n && e[end].bucket == e[i].bucket; end++)
				;
			if (end - i > BUCKET_MAX)
				return -ENOSPC;
			if (end - i == size && place_bucket(t, &e[i], size))
				return -ENOSPC;
		}
	}
	return 0;
}

/* What waits for lpm_reclaim() are places of a stage that is past. */
static void forget_slots(struct lpm *t)
{
	for (size_t i = t->space->retired_from; i < t->space->retired.len; i++) {
		struct block *b = vec_at(&t->space->retired, i);

		if (b->order == BLOCK_SLOT)
			b->order = BLOCK_NONE;
	}
}

/*
 * Goes to the least stage from @slots on that takes all @entries, and enters them. Readers
 * stay where they are until it is published.
 */
static int hash_fill(struct lpm *t, uint32_t slots, struct vec *entries)
{
	struct hash old = t->space->hash;

	for (; slots <= slots_max(t); slots *= 2) {
		if (entries->len > slots / 16 * 11 && slots < slots_max(t))
			continue;
		t->space->hash = hash_new(slots);
		memset(index_at(t, 0), 0, slots * sizeof(uint32_t));
		if (!place_all(t, entries)) {
			hash_free(&old);
			forget_slots(t);
			return 0;
		}
		hash_free(&t->space->hash);
		t->space->hash = old;
	}
	return -ENOSPC;
}

/* Goes to the next stage. */
static int grow(struct lpm *t)
{
	struct vec entries = VEC(struct entry);
	int err;

	if (t->space->hash.slots == slots_max(t))
		return -ENOSPC;
	for (uint32_t bucket = 0; bucket < t->space->hash.buckets; bucket++)
		for (uint32_t s = t->space->hash.first[bucket]; s; s = t->space->hash.next[s - 1])
			vec_append(&entries, &(struct entry){ hash_at(t, s - 1),
							      *index_at(t, s - 1), 0 });
	err = hash_fill(t, 2 * t->space->hash.slots, &entries);
	if (!err)
		hash_publish(t);
	vec_free(&entries);
	return err;
}

int table6_update(struct lpm *t, const struct radix_key *p, uint32_t inherited)
{
	int err;

	if (t->space->hash.used > t->space->hash.slots / 8 * 5)
		grow(t);	/* or does with what there is */
	t->space->hash.crowded = false;
	err = update(t, p, inherited);
	if (err && t->space->hash.crowded) {
		change_abort(t);
		if (!grow(t))
			err = update(t, p, inherited);
	}
	return err;
}

void table6_clear(struct lpm *t)
{
	const struct hash *h = &t->space->hash;
	uint32_t next;

	for (uint32_t bucket = 0; bucket < h->buckets; bucket++) {
		for (uint32_t s = h->first[bucket]; s; s = next) {
			next = h->next[s - 1];
			if (number_at(t, s - 1) != t->number)
				continue;
			node_put(t, line_of(t, s - 1));
			leave(t, s - 1);
		}
	}
	change_commit(t);
}

/* Enters nodes one by one, beside those of tables that have readers. */
static int enter_all(struct lpm *t, const struct vec *entries)
{
	struct move move = { 0 };
	size_t done = 0;
	int err = 0;

	change_commit(t);
	for (; done < entries->len; done++) {
		uint32_t word = ((struct entry *)vec_at(entries, done))->word;
		uint64_t key = node_at(t, (word & LPM_INDEX_NODE) / LPM_LINE)->key;

		if (t->space->hash.used > t->space->hash.slots / 8 * 5)
			grow(t);
		err = plan_enter(t, key, &move);
		if (err && !grow(t))
			err = plan_enter(t, key, &move);
		if (err)
			break;
		enter(t, &move, word);
	}
	if (!err)
		return 0;
	for (; done < entries->len; done++) {
		uint32_t word = ((struct entry *)vec_at(entries, done))->word;

		node_put(t, (word & LPM_INDEX_NODE) / LPM_LINE);
	}
	table6_clear(t);
	return err;
}

int table6_build(struct lpm *t, uint32_t inherited)
{
	struct lpm_head *head = head_of(t);
	struct vec entries = VEC(struct entry);
	bool alone = t->space->tables == 1;
	int err;

	if (alone)
		__atomic_store_n(&head->version, head->version + 1, __ATOMIC_SEQ_CST);
	err = build(t, t->radix.root, 0, 0, inherited, &entries);
	if (!err && !alone)
		err = enter_all(t, &entries);
	if (!err && alone)
		err = hash_fill(t, t->space->hash.slots, &entries);
	if (!err && alone) {
		hash_publish(t);
		change_commit(t);
	}
	if (alone)
		__atomic_store_n(&head->version, head->version + 1, __ATOMIC_SEQ_CST);
	vec_free(&entries);
	return err;
}

static void count_deep(const struct lpm *t, uint32_t line, bool deep, size_t *n)
{
	uint32_t value[256];

	node_read(t, line, deep, value);
	for (unsigned int i = 0; i < 256; i++) {
		if (value[i] >= VALUE_KID) {
			++*n;
			count_deep(t, value[i] & ~VALUE_KID, true, n);
		}
	}
}

void table6_stats(const struct lpm *t, size_t nodes[3])
{
	for (uint32_t bucket = 0; bucket < t->space->hash.buckets; bucket++) {
		for (uint32_t s = t->space->hash.first[bucket]; s; s = t->space->hash.next[s - 1]) {
			if (number_at(t, s - 1) != t->number)
				continue;
			nodes[0]++;
			count_deep(t, line_of(t, s - 1), false, &nodes[1]);
		}
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * store.c: the transactional store of configuration objects.
 *
 * The idea. A configuration is a balanced search tree (AVL: Adelson-Velsky and Landis
 * 1962) ordered by (type, key), and every tree may share its nodes with others (Driscoll,
 * Sarnak, Sleator, Tarjan 1989, path copying). A node counts the trees and nodes that
 * point at it; one that has a single reference is changed in place, any other is copied
 * first. So what reads as a full copy costs nothing:
 *
 *   - TXN_BEGIN takes a reference on the running tree;
 *   - a SET copies the path to its place once, and later SETs nearby find it theirs;
 *   - COMMIT and VERDICT move one pointer; the old tree is the history;
 *   - a dump holds a tree and is of one moment, however long it takes;
 *   - a message of many objects is undone by the tree that was held before it;
 *   - what two generations share is the same pointer, so a diff steps over it.
 *
 *	running -> m           m' <- transaction, after SET of p
 *	          / \         / \
 *	         f   s       f   s'		f and x are the same nodes in both
 *	            / \         / \
 *	           p   x       p'  x
 *
 * Running out of memory in the middle of a rotation would leave a tree askew. So each
 * change first fills a reserve of nodes (as radix_tree_preload() does), large enough for
 * the worst path, and cannot fail from there on.
 *
 * A generation's life:
 *
 *	transaction -COMMIT-> candidate -accepted-> running -> history, 16 deep -> gone
 *	history -ROLLBACK---> candidate -rejected-> gone
 *	running, not confirmed in time: the contents of history[0], under a new number
 *
 * Invariants: numbers only grow. There is one candidate at most, and then there is a
 * compiler. What a confirmation would go back to is history[0], which is not evicted
 * meanwhile. Refusals leave everything as it was.
 *
 * Memory: every object, node and generation is charged when it is made. At the limit the
 * oldest generations of the history go first; when that does not help, -ENOSPC.
 *
 * What it does not do: locks, timers, messages, and the meaning of any object.
 */
#include "store.h"

#include <linux/sluice.h>

#define HISTORY_SLOTS	(SLUICE_HISTORY_MAX + 1)

struct store_node {
	struct store_node *left, *right;	/* @left links the reserve, too */
	struct store_object *object;
	u32 refs;
	u32 height;				/* a leaf has 1 */
};

struct store_txn {
	struct store_tree tree;
	u64 began_from;
};

struct store_owner {
	struct store_owner *next;
	void *cookie;
	struct store_txn *txn;			/* NULL: none is open */
};

struct store {
	struct store_limits limits;
	void (*event)(void *ctx, const struct store_event *e);
	void *event_ctx;

	u64 memory;				/* bytes charged */
	struct store_node *reserve;
	u32 reserved;				/* nodes in it */

	u64 last;				/* greatest number given so far */
	u64 applied;
	struct store_generation *generations[HISTORY_SLOTS];	/* [0] runs */
	u32 n_generations;

	struct store_owner *owners;
	struct store_owner *compiler;
	u32 txns;				/* open ones */

	struct store_generation *candidate;	/* NULL: none */
	struct store_owner *committer;
	u32 commit_seq;
	u32 candidate_confirm_ms;
	u64 verdict_due;

	bool confirm_waits;
	u64 confirm_due;
};

static int fail(struct store_error *e, int err, enum store_part part, const char *message)
{
	e->message = message;
	e->part = part;
	return err;
}

static void tell(struct store *s, const struct store_event *e)
{
	if (s->event)
		s->event(s->event_ctx, e);
}

/* --- memory -------------------------------------------------------------- */

static void generation_free(struct store *s, struct store_generation *g);

/* The oldest generation goes, unless it runs or is the one to go back to. */
static bool evict(struct store *s)
{
	u32 keep = s->confirm_waits ? 2 : 1;

	if (s->n_generations <= keep)
		return false;
	generation_free(s, s->generations[--s->n_generations]);
	return true;
}

static int charge(struct store *s, u64 size, void **p, struct store_error *e)
{
	while (s->memory + size > s->limits.memory)
		if (!evict(s))
			return fail(e, -ENOSPC, STORE_WHOLE,
				    "the store's memory is used up; status shows its limit");
	*p = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!*p)
		return fail(e, -ENOMEM, STORE_WHOLE, "the system is out of memory");
	s->memory += size;
	return 0;
}

static void discharge(struct store *s, const void *p, u64 size)
{
	s->memory -= size;
	kvfree(p);
}

/* --- objects ------------------------------------------------------------- */

static u64 object_size(const struct store_object *o)
{
	return sizeof(*o) + o->key_len + o->value_len;
}

static struct store_object *object_get(struct store_object *o)
{
	o->refs++;
	return o;
}

static void object_put(struct store *s, struct store_object *o)
{
	if (!--o->refs)
		discharge(s, o, object_size(o));
}

/* Orders (type, key): keys as bytes, a prefix before what it begins. */
static int compare(u32 type, const void *key, u32 key_len, const struct store_object *o)
{
	u32 shorter = key_len < o->key_len ? key_len : o->key_len;
	int order;

	if (type != o->type)
		return type < o->type ? -1 : 1;
	order = shorter ? memcmp(key, o->bytes, shorter) : 0;
	if (order)
		return order;
	return key_len == o->key_len ? 0 : key_len < o->key_len ? -1 : 1;
}

static bool same_value(const struct store_object *o, const void *value, u32 value_len)
{
	return o->value_len == value_len &&
	       (!value_len || !memcmp(store_object_value(o), value, value_len));
}

bool store_object_begins(const struct store_object *o, u32 type, const void *key, u32 key_len)
{
	return o->type == type && o->key_len >= key_len &&
	       (!key_len || !memcmp(o->bytes, key, key_len));
}

/* --- nodes and trees ------------------------------------------------------ */

static u32 height(const struct store_node *n)
{
	return n ? n->height : 0;
}

static struct store_node *node_get(struct store_node *n)
{
	if (n)
		n->refs++;
	return n;
}

/*
 * A tree is taken down without recursion: a left child that nobody else has rises above its
 * parent, until there is none, and the right one is next. A parent that waits so below its child
 * has no references any more.
 */
static void node_put(struct store *s, struct store_node *n)
{
	struct store_node *left, *right;

	if (!n || --n->refs)
		return;
	for (;;) {
		left = n->left;
		n->left = NULL;
		if (left && !--left->refs) {
			n->left = left->right;
			left->right = n;
			n = left;
			continue;
		}
		right = n->right;
		object_put(s, n->object);
		discharge(s, n, sizeof(*n));
		cond_resched();
		if (!right || (right->refs && --right->refs))
			return;
		n = right;
	}
}

/*
 * Fills the reserve for one change of a tree of that height: a level copies its own node
 * and, where a deletion rotates twice, two more.
 */
static int preload(struct store *s, const struct store_node *root, struct store_error *e)
{
	u32 want = 3 * height(root) + 3;

	while (s->reserved < want) {
		struct store_node *n;
		void *p;
		int err = charge(s, sizeof(*n), &p, e);

		if (err)
			return err;
		n = p;
		n->left = s->reserve;
		s->reserve = n;
		s->reserved++;
	}
	return 0;
}

static void drain_reserve(struct store *s)
{
	while (s->reserve) {
		struct store_node *n = s->reserve;

		s->reserve = n->left;
		discharge(s, n, sizeof(*n));
	}
	s->reserved = 0;
}

static struct store_node *node_new(struct store *s)
{
	struct store_node *n = s->reserve;

	s->reserve = n->left;
	s->reserved--;
	n->refs = 1;
	n->left = NULL;
	n->right = NULL;
	n->height = 1;
	return n;
}

/* Makes the node at *@place this tree's alone, so that it can be changed. */
static struct store_node *own(struct store *s, struct store_node **place)
{
	struct store_node *old = *place, *n;

	if (old->refs == 1)
		return old;
	n = node_new(s);
	n->left = node_get(old->left);
	n->right = node_get(old->right);
	n->object = object_get(old->object);
	n->height = old->height;
	node_put(s, old);
	*place = n;
	return n;
}

static void measure(struct store_node *n)
{
	u32 l = height(n->left), r = height(n->right);

	n->height = (l > r ? l : r) + 1;
}

/* The right child rises. Both nodes are owned. */
static void rotate_left(struct store_node **place)
{
	struct store_node *n = *place, *up = n->right;

	n->right = up->left;
	up->left = n;
	measure(n);
	measure(up);
	*place = up;
}

static void rotate_right(struct store_node **place)
{
	struct store_node *n = *place, *up = n->left;

	n->left = up->right;
	up->right = n;
	measure(n);
	measure(up);
	*place = up;
}

/* The node at *@place is owned, its children differ in height by at most two. */
static void balance(struct store *s, struct store_node **place)
{
	struct store_node *n = *place, *child;
	u32 l = height(n->left), r = height(n->right);

	if (l > r + 1) {
		child = own(s, &n->left);
		if (height(child->left) < height(child->right)) {
			own(s, &child->right);
			rotate_left(&n->left);
		}
		rotate_right(place);
	} else if (r > l + 1) {
		child = own(s, &n->right);
		if (height(child->right) < height(child->left)) {
			own(s, &child->left);
			rotate_right(&n->right);
		}
		rotate_left(place);
	} else {
		measure(n);
	}
}

/* Puts @o, whose reference it takes, in the place of its key. */
static void insert(struct store *s, struct store_node **place, struct store_object *o)
{
	struct store_node *n;
	int order;

	if (!*place) {
		n = node_new(s);
		n->object = o;
		*place = n;
		return;
	}
	n = own(s, place);
	order = compare(o->type, o->bytes, o->key_len, n->object);
	if (!order) {
		object_put(s, n->object);
		n->object = o;
		return;
	}
	insert(s, order < 0 ? &n->left : &n->right, o);
	balance(s, place);
}

/* Takes the least node off the tree at *@place, and gives its object with a reference. */
static struct store_object *remove_first(struct store *s, struct store_node **place)
{
	struct store_node *n = own(s, place);
	struct store_object *o;

	if (n->left) {
		o = remove_first(s, &n->left);
		balance(s, place);
		return o;
	}
	o = object_get(n->object);
	*place = node_get(n->right);
	node_put(s, n);
	return o;
}

/* Takes out the object of that key, which is there. */
static void take_out(struct store *s, struct store_node **place, const struct store_object *o)
{
	struct store_node *n = own(s, place);
	int order = compare(o->type, o->bytes, o->key_len, n->object);

	if (order) {
		take_out(s, order < 0 ? &n->left : &n->right, o);
		balance(s, place);
	} else if (n->left && n->right) {
		struct store_object *next = remove_first(s, &n->right);

		object_put(s, n->object);
		n->object = next;
		balance(s, place);
	} else {
		*place = node_get(n->left ? n->left : n->right);
		node_put(s, n);
	}
}

static struct store_tree tree_get(const struct store_tree *t)
{
	node_get(t->root);
	return *t;
}

void store_tree_put(struct store *s, struct store_tree *t)
{
	node_put(s, t->root);
	t->root = NULL;
	t->objects = 0;
	t->bytes = 0;
}

/* The first object at (type, key), or if @beyond strictly behind it. */
static const struct store_object *seek(const struct store_tree *t, u32 type, const void *key,
				       u32 key_len, bool beyond)
{
	const struct store_node *n = t->root;
	const struct store_object *best = NULL;

	while (n) {
		int order = compare(type, key, key_len, n->object);

		if (order < 0 || (!order && !beyond)) {
			best = n->object;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

const struct store_object *store_first(const struct store_tree *t, u32 type, const void *key,
				       u32 key_len)
{
	return seek(t, type, key, key_len, false);
}

const struct store_object *store_next(const struct store_tree *t, const struct store_object *o)
{
	return seek(t, o->type, o->bytes, o->key_len, true);
}

const struct store_object *store_find(const struct store_tree *t, u32 type, const void *key,
				      u32 key_len)
{
	const struct store_object *o = seek(t, type, key, key_len, false);

	return o && !compare(type, key, key_len, o) ? o : NULL;
}

/*
 * A diff walks both trees in order at once, each by a stack of what is left: a subtree
 * whole, or a single node whose left side is done. All keys below those on top are told.
 * Where both stacks show the very same subtree, the next keys are the same ones, and both
 * pass over it; else the higher one is opened. Opening puts three in the place of one, and a
 * path is at most 1.44 log2(2^32) + 2 = 48 long.
 */
#define WALK_MAX 100

struct walk {
	u32 depth;
	struct {
		const struct store_node *node;
		bool whole;
	} stack[WALK_MAX];
};

static void walk_push(struct walk *w, const struct store_node *n, bool whole)
{
	if (!n)
		return;
	w->stack[w->depth].node = n;
	w->stack[w->depth].whole = whole;
	w->depth++;
}

/* The height of what is on top; a single node has 0. */
static u32 walk_height(const struct walk *w)
{
	if (!w->depth || !w->stack[w->depth - 1].whole)
		return 0;
	return w->stack[w->depth - 1].node->height;
}

static void walk_open(struct walk *w)
{
	const struct store_node *n = w->stack[--w->depth].node;

	walk_push(w, n->right, true);
	walk_push(w, n, false);
	walk_push(w, n->left, true);
}

static const struct store_object *walk_object(const struct walk *w)
{
	return w->depth ? w->stack[w->depth - 1].node->object : NULL;
}

static bool walk_same(const struct walk *a, const struct walk *b)
{
	return walk_height(a) && walk_height(b) &&
	       a->stack[a->depth - 1].node == b->stack[b->depth - 1].node;
}

int store_diff(const struct store_tree *a, const struct store_tree *b,
	       int (*each)(void *ctx, const struct store_object *before,
			   const struct store_object *after), void *ctx)
{
	struct walk *walks, *left, *right;
	int err = 0;

	walks = kvzalloc(2 * sizeof(*walks), GFP_KERNEL_ACCOUNT);
	if (!walks)
		return -ENOMEM;
	left = &walks[0];
	right = &walks[1];
	walk_push(left, a->root, true);
	walk_push(right, b->root, true);
	while (!err && (left->depth || right->depth)) {
		const struct store_object *before, *after;
		int order;

		cond_resched();
		if (walk_same(left, right)) {
			left->depth--;
			right->depth--;
			continue;
		}
		if (walk_height(left) || walk_height(right)) {
			walk_open(walk_height(left) >= walk_height(right) ? left : right);
			continue;
		}
		before = walk_object(left);
		after = walk_object(right);
		if (!before)
			order = 1;
		else if (!after)
			order = -1;
		else
			order = compare(before->type, before->bytes, before->key_len, after);
		if (order <= 0)
			left->depth--;
		else
			before = NULL;
		if (order >= 0)
			right->depth--;
		else
			after = NULL;
		if (before && after &&
		    (before == after ||
		     same_value(before, store_object_value(after), after->value_len)))
			continue;
		err = each(ctx, before, after);
	}
	kvfree(walks);
	return err;
}

/* --- generations ---------------------------------------------------------- */

/* Takes @tree's reference on success. May evict: the caller holds what it needs. */
static int generation_new(struct store *s, u64 number, const struct store_tree *tree,
			  const char *comment, u32 comment_len, struct store_generation **made,
			  struct store_error *e)
{
	struct store_generation *g;
	void *p;
	int err = charge(s, sizeof(*g) + comment_len, &p, e);

	if (err)
		return err;
	g = p;
	g->number = number;
	g->time_s = ktime_get_real_seconds();
	g->tree = *tree;
	g->comment_len = comment_len;
	if (comment_len)
		memcpy(g->comment, comment, comment_len);
	*made = g;
	return 0;
}

static void generation_free(struct store *s, struct store_generation *g)
{
	store_tree_put(s, &g->tree);
	discharge(s, g, sizeof(*g) + g->comment_len);
}

/* Makes @g the running generation; the history moves on by one. */
static void generation_push(struct store *s, struct store_generation *g)
{
	u32 i;

	if (s->n_generations == HISTORY_SLOTS)
		generation_free(s, s->generations[--s->n_generations]);
	for (i = s->n_generations; i > 0; i--)
		s->generations[i] = s->generations[i - 1];
	s->generations[0] = g;
	s->n_generations++;
}

static struct store_generation *running(const struct store *s)
{
	return s->generations[0];
}

static struct store_generation *find_generation(const struct store *s, u64 number)
{
	u32 i;

	for (i = 0; i < s->n_generations; i++)
		if (s->generations[i]->number == number)
			return s->generations[i];
	if (s->candidate && s->candidate->number == number)
		return s->candidate;
	return NULL;
}

const struct store_generation *store_generation(const struct store *s, u32 i)
{
	return i < s->n_generations ? s->generations[i] : NULL;
}

/* --- the store, and who is connected ------------------------------------- */

struct store_limits store_limits_default(void)
{
	return (struct store_limits) {
		.objects = SLUICE_OBJECTS_MAX,
		.bytes = SLUICE_BYTES_MAX,
		.memory = SLUICE_MEMORY_MAX,
		.verdict_ms = 5 * 60 * 1000,
	};
}

struct store *store_new(const struct store_limits *limits)
{
	struct store_error e;
	struct store_tree empty = {};
	struct store_generation *g;
	struct store *s;

	s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return NULL;
	s->limits = *limits;
	if (generation_new(s, 0, &empty, NULL, 0, &g, &e)) {
		kvfree(s);
		return NULL;
	}
	g->time_s = 0;
	generation_push(s, g);
	return s;
}

void store_watch(struct store *s, void (*event)(void *ctx, const struct store_event *e),
		 void *ctx)
{
	s->event = event;
	s->event_ctx = ctx;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	while (s->n_generations)
		generation_free(s, s->generations[--s->n_generations]);
	drain_reserve(s);
	kvfree(s);
}

struct store_owner *store_owner_open(struct store *s, void *cookie)
{
	struct store_owner *o = kvzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);

	if (!o)
		return NULL;
	o->cookie = cookie;
	o->next = s->owners;
	s->owners = o;
	return o;
}

void *store_owner_cookie(const struct store_owner *o)
{
	return o->cookie;
}

static void end_txn(struct store *s, struct store_owner *o)
{
	store_tree_put(s, &o->txn->tree);
	discharge(s, o->txn, sizeof(*o->txn));
	o->txn = NULL;
	s->txns--;
}

static void abort_txn(struct store *s, struct store_owner *o)
{
	u64 from = o->txn->began_from;

	end_txn(s, o);
	tell(s, &(struct store_event){ .kind = STORE_ABORTED, .generation = from });
}

static void decide(struct store *s, bool accepted, const char *message, u32 message_len,
		   u64 now_ms);

static void reject(struct store *s, const char *message)
{
	decide(s, false, message, strlen(message), 0);
}

void store_owner_close(struct store *s, struct store_owner *o)
{
	struct store_owner **link = &s->owners;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;

	if (s->committer == o)
		s->committer = NULL;
	if (o->txn)
		abort_txn(s, o);
	if (s->compiler == o) {
		s->compiler = NULL;
		if (s->candidate)
			reject(s, "the compiler went away before its verdict");
		tell(s, &(struct store_event){ .kind = STORE_UNBOUND });
	}
	kvfree(o);
}

/* --- transactions --------------------------------------------------------- */

static int no_txn(struct store_error *e)
{
	return fail(e, -ENOENT, STORE_WHOLE, "no transaction is open on this connection");
}

int store_begin(struct store *s, struct store_owner *o, u64 *generation, struct store_error *e)
{
	struct store_txn *txn;
	void *p;
	int err;

	if (o->txn)
		return fail(e, -EALREADY, STORE_WHOLE,
			    "a transaction is open on this connection already");
	err = charge(s, sizeof(*txn), &p, e);
	if (err)
		return err;
	txn = p;
	txn->tree = tree_get(&running(s)->tree);
	txn->began_from = running(s)->number;
	o->txn = txn;
	s->txns++;
	*generation = txn->began_from;
	tell(s, &(struct store_event){ .kind = STORE_BEGUN, .generation = txn->began_from });
	return 0;
}

int store_abort(struct store *s, struct store_owner *o, struct store_error *e)
{
	if (!o->txn)
		return no_txn(e);
	abort_txn(s, o);
	return 0;
}

int store_mark(struct store_owner *o, struct store_tree *mark, struct store_error *e)
{
	if (!o->txn)
		return no_txn(e);
	*mark = tree_get(&o->txn->tree);
	return 0;
}

void store_revert(struct store *s, struct store_owner *o, struct store_tree *mark)
{
	store_tree_put(s, &o->txn->tree);
	o->txn->tree = *mark;
	memset(mark, 0, sizeof(*mark));
}

void store_forget(struct store *s, struct store_tree *mark)
{
	store_tree_put(s, mark);
}

/* What a key of each type looks like: so many words, or one and a chunk number. */
static const u32 words_of[] = {
	[SLUICE_OBJECT_DOCUMENT] = 1,
	[SLUICE_OBJECT_PORT] = 1,
	[SLUICE_OBJECT_ROUTE] = 2,
	[SLUICE_OBJECT_MEMBER] = 4,
	[SLUICE_OBJECT_ELEMENT] = 2,
};

#define CHUNK_BYTES 5	/* a NUL and a __be32 */

static int check_type(u32 type, struct store_error *e)
{
	if (type == SLUICE_OBJECT_UNSPEC || type > SLUICE_OBJECT_MAX)
		return fail(e, -EINVAL, STORE_TYPE, "no type of object has this number");
	return 0;
}

static int check_key(u32 type, const u8 *key, u32 key_len, struct store_error *e)
{
	u32 words = 1, word_len = 0, i;

	if (!key_len)
		return fail(e, -EINVAL, STORE_KEY, "the key is empty");
	if (key_len > SLUICE_KEY_MAX)
		return fail(e, -EINVAL, STORE_KEY, "the key is longer than SLUICE_KEY_MAX");
	if (type == SLUICE_OBJECT_DOCUMENT) {
		if (key_len <= CHUNK_BYTES || key[key_len - CHUNK_BYTES])
			return fail(e, -EINVAL, STORE_KEY,
				    "the key of a document is a name, a NUL and four bytes of chunk number");
		key_len -= CHUNK_BYTES;
	}
	for (i = 0; i < key_len; i++) {
		if (key[i]) {
			word_len++;
			continue;
		}
		if (!word_len)
			break;
		words++;
		word_len = 0;
	}
	if (!word_len)
		return fail(e, -EINVAL, STORE_KEY, "a word of the key is empty");
	if (words != words_of[type])
		return fail(e, -EINVAL, STORE_KEY,
			    "the key has another number of words than its type asks for");
	return 0;
}

int store_set(struct store *s, struct store_owner *o, u32 type, const void *key, u32 key_len,
	      const void *value, u32 value_len, u32 flags, struct store_error *e)
{
	const struct store_object *old;
	struct store_object *object;
	struct store_tree *t;
	u64 bytes;
	u32 objects;
	void *p;
	int err;

	if (!o->txn)
		return no_txn(e);
	if (flags & ~(SLUICE_F_CREATE | SLUICE_F_REPLACE))
		return fail(e, -EINVAL, STORE_FLAGS, "SET takes the flags CREATE and REPLACE");
	if (flags == (SLUICE_F_CREATE | SLUICE_F_REPLACE))
		return fail(e, -EINVAL, STORE_FLAGS, "CREATE and REPLACE exclude each other");
	err = check_type(type, e);
	if (err)
		return err;
	err = check_key(type, key, key_len, e);
	if (err)
		return err;
	if (value_len > SLUICE_VALUE_MAX)
		return fail(e, -EINVAL, STORE_VALUE, "the value is longer than SLUICE_VALUE_MAX");

	t = &o->txn->tree;
	old = store_find(t, type, key, key_len);
	if (old && (flags & SLUICE_F_CREATE))
		return fail(e, -EEXIST, STORE_KEY, "an object with this key is there already");
	if (!old && (flags & SLUICE_F_REPLACE))
		return fail(e, -ENOENT, STORE_KEY, "there is no object with this key");
	if (old && same_value(old, value, value_len))
		return 0;

	objects = t->objects + !old;
	bytes = t->bytes + value_len + key_len;
	if (old)
		bytes -= old->key_len + old->value_len;
	if (objects > s->limits.objects)
		return fail(e, -ENOSPC, STORE_WHOLE,
			    "the configuration has as many objects as it may; status shows the limit");
	if (bytes > s->limits.bytes && bytes > t->bytes)
		return fail(e, -ENOSPC, STORE_VALUE,
			    "the configuration has as many bytes as it may; status shows the limit");

	err = preload(s, t->root, e);
	if (err)
		return err;
	err = charge(s, sizeof(*object) + key_len + value_len, &p, e);
	if (err)
		return err;
	object = p;
	object->refs = 1;
	object->type = type;
	object->key_len = key_len;
	object->value_len = value_len;
	memcpy(object->bytes, key, key_len);
	if (value_len)
		memcpy(object->bytes + key_len, value, value_len);
	insert(s, &t->root, object);
	t->objects = objects;
	t->bytes = bytes;
	return 0;
}

static int del_object(struct store *s, struct store_tree *t, const struct store_object *old,
		      struct store_error *e)
{
	u32 size = old->key_len + old->value_len;
	struct store_object *held;
	int err = preload(s, t->root, e);

	if (err)
		return err;
	/* take_out() compares with it on the way, after its node may be gone */
	held = object_get((struct store_object *)old);
	take_out(s, &t->root, held);
	object_put(s, held);
	t->objects--;
	t->bytes -= size;
	return 0;
}

int store_del(struct store *s, struct store_owner *o, u32 type, const void *key, u32 key_len,
	      u32 flags, struct store_error *e)
{
	const struct store_object *old;
	struct store_tree *t;
	int err;

	if (!o->txn)
		return no_txn(e);
	if (flags & ~SLUICE_F_PREFIX)
		return fail(e, -EINVAL, STORE_FLAGS, "DEL takes the flag PREFIX");
	err = check_type(type, e);
	if (err)
		return err;
	t = &o->txn->tree;
	if (!(flags & SLUICE_F_PREFIX)) {
		err = check_key(type, key, key_len, e);
		if (err)
			return err;
		old = store_find(t, type, key, key_len);
		if (!old)
			return fail(e, -ENOENT, STORE_KEY, "there is no object with this key");
		return del_object(s, t, old, e);
	}
	if (key_len > SLUICE_KEY_MAX)
		return fail(e, -EINVAL, STORE_KEY, "the key is longer than SLUICE_KEY_MAX");
	while ((old = store_first(t, type, key, key_len)) &&
	       store_object_begins(old, type, key, key_len)) {
		err = del_object(s, t, old, e);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* --- candidates and verdicts ---------------------------------------------- */

/* Whether a candidate can be made at all. */
static int may_commit(struct store *s, const struct store_commit *how, struct store_error *e)
{
	if (how->confirm_ms > SLUICE_CONFIRM_TIMEOUT_MAX)
		return fail(e, -EINVAL, STORE_TIMEOUT, "the time to confirm is at most a day");
	if (how->comment_len > SLUICE_COMMENT_MAX)
		return fail(e, -EINVAL, STORE_COMMENT,
			    "the comment is longer than SLUICE_COMMENT_MAX");
	if (s->candidate)
		return fail(e, -EBUSY, STORE_WHOLE, "another candidate waits for its verdict");
	if (!s->compiler)
		return fail(e, -ENOTCONN, STORE_WHOLE,
			    "no compiler is bound: sluiced is not running here");
	return 0;
}

/* Takes @tree's reference on success. */
static int propose(struct store *s, struct store_owner *o, const struct store_tree *tree,
		   const struct store_generation *from, const struct store_commit *how,
		   u64 now_ms, u64 *candidate, struct store_error *e)
{
	struct store_generation *g;
	u64 from_number = from ? from->number : 0;
	bool copied = from;
	int err;

	/* may evict @from; @tree is held by the caller */
	err = generation_new(s, s->last + 1, tree, how->comment, how->comment_len, &g, e);
	if (err)
		return err;
	g->from = from_number;
	g->copied = copied;
	s->last++;
	s->candidate = g;
	s->committer = o;
	s->commit_seq = how->seq;
	s->candidate_confirm_ms = how->confirm_ms;
	s->verdict_due = now_ms + s->limits.verdict_ms;
	*candidate = g->number;
	return 0;
}

static void tell_candidate(struct store *s)
{
	tell(s, &(struct store_event){
		.kind = STORE_CANDIDATE,
		.generation = s->candidate->number,
		.subject = s->candidate,
		.confirm_ms = s->candidate_confirm_ms,
		.committer = s->committer,
		.seq = s->commit_seq,
		.compiler = s->compiler,
	});
}

int store_commit(struct store *s, struct store_owner *o, const struct store_commit *how,
		 u64 now_ms, u64 *candidate, struct store_error *e)
{
	struct store_tree tree;
	int err;

	if (!o->txn)
		return no_txn(e);
	err = may_commit(s, how, e);
	if (err)
		return err;
	if (s->confirm_waits)
		return fail(e, -EBUSY, STORE_WHOLE,
			    "the running generation waits to be confirmed: confirm it or roll back first");
	if (o->txn->began_from != running(s)->number)
		return fail(e, -ESTALE, STORE_WHOLE,
			    "the running configuration has changed since this transaction began");
	tree = tree_get(&o->txn->tree);
	err = propose(s, o, &tree, NULL, how, now_ms, candidate, e);
	if (err) {
		store_tree_put(s, &tree);
		return err;
	}
	end_txn(s, o);
	tell_candidate(s);
	return 0;
}

int store_rollback(struct store *s, struct store_owner *o, const u64 *number,
		   const struct store_commit *how, u64 now_ms, u64 *candidate,
		   struct store_error *e)
{
	const struct store_generation *to = NULL;
	struct store_tree tree;
	u32 i;
	int err;

	err = may_commit(s, how, e);
	if (err)
		return err;
	if (s->confirm_waits && how->confirm_ms)
		return fail(e, -EBUSY, STORE_TIMEOUT,
			    "the running generation waits to be confirmed: roll back without a time-out");
	if (!number)
		to = store_generation(s, 1);
	for (i = 0; number && i < s->n_generations; i++)
		if (s->generations[i]->number == *number)
			to = s->generations[i];
	if (!to)
		return fail(e, -ENOENT, STORE_GENERATION,
			    number ? "this generation is not kept" :
				     "no generation before the running one is kept");
	tree = tree_get(&to->tree);
	err = propose(s, o, &tree, to, how, now_ms, candidate, e);
	if (err) {
		store_tree_put(s, &tree);
		return err;
	}
	tell_candidate(s);
	return 0;
}

/* The candidate's end. Told last, so that the callback finds the store settled. */
static void decide(struct store *s, bool accepted, const char *message, u32 message_len,
		   u64 now_ms)
{
	struct store_generation *g = s->candidate;
	struct store_tree before = {}, after = {};
	struct store_event e = {
		.kind = STORE_VERDICT,
		.generation = g->number,
		.accepted = accepted,
		.message = message,
		.message_len = message_len,
		.committer = s->committer,
		.seq = s->commit_seq,
	};

	s->candidate = NULL;
	s->committer = NULL;
	if (!accepted) {
		tell(s, &e);
		generation_free(s, g);
		return;
	}
	before = tree_get(&running(s)->tree);
	after = tree_get(&g->tree);
	generation_push(s, g);
	s->applied = g->number;
	s->confirm_waits = s->candidate_confirm_ms;
	s->confirm_due = now_ms + s->candidate_confirm_ms;
	e.subject = g;
	e.before = &before;
	e.after = &after;
	tell(s, &e);
	store_tree_put(s, &before);
	store_tree_put(s, &after);
}

int store_verdict(struct store *s, struct store_owner *o, u64 number, bool accepted,
		  const char *message, u32 message_len, u64 now_ms, struct store_error *e)
{
	if (s->compiler != o)
		return fail(e, -EPERM, STORE_WHOLE, "this connection is not the bound compiler");
	if (s->candidate && s->candidate->number == number) {
		decide(s, accepted, message, message_len, now_ms);
		return 0;
	}
	if (running(s)->number != number)
		return fail(e, -ESTALE, STORE_GENERATION,
			    "no candidate with this number waits for a verdict");
	if (accepted)
		s->applied = number;
	tell(s, &(struct store_event){
		.kind = STORE_VERDICT,
		.generation = number,
		.accepted = accepted,
		.message = message,
		.message_len = message_len,
	});
	return 0;
}

int store_confirm(struct store *s, const u64 *number, struct store_error *e)
{
	if (!s->confirm_waits)
		return fail(e, -ENOENT, STORE_WHOLE, "nothing waits to be confirmed");
	if (number && *number != running(s)->number)
		return fail(e, -ESTALE, STORE_GENERATION,
			    "another generation than this one waits to be confirmed");
	s->confirm_waits = false;
	tell(s, &(struct store_event){
		.kind = STORE_CONFIRMED,
		.generation = running(s)->number,
	});
	return 0;
}

int store_bind(struct store *s, struct store_owner *o, u64 runs, u64 *generation,
	       struct store_error *e)
{
	if (s->compiler)
		return fail(e, -EBUSY, STORE_WHOLE, "a compiler is bound already");
	s->compiler = o;
	s->applied = runs;
	*generation = running(s)->number;
	tell(s, &(struct store_event){ .kind = STORE_BOUND, .compiler = o });
	return 0;
}

bool store_compiles(const struct store *s, const struct store_owner *o)
{
	return s->compiler == o;
}

/*
 * No confirmation came: the contents of history[0] run again. This must not fail: where
 * there is no memory even for a number and a time, the old generation takes the number
 * of the one that goes, and its place.
 */
static void go_back(struct store *s)
{
	struct store_generation *bad = running(s), *old = s->generations[1], *g;
	struct store_tree before = tree_get(&bad->tree), after = tree_get(&old->tree);
	u64 from = old->number;
	struct store_error e;

	if (s->candidate)
		reject(s, "the running generation was not confirmed in time, and went back first");
	if (!generation_new(s, s->last + 1, &after, old->comment, old->comment_len, &g, &e)) {
		node_get(after.root);
		generation_push(s, g);
	} else {
		u32 i;

		for (i = 1; i < s->n_generations; i++)
			s->generations[i - 1] = s->generations[i];
		s->n_generations--;
		generation_free(s, bad);
		g = old;
		g->number = s->last + 1;
	}
	s->confirm_waits = false;
	s->last++;
	g->from = from;
	g->copied = true;
	tell(s, &(struct store_event){
		.kind = STORE_RETURNED,
		.generation = g->number,
		.subject = g,
		.compiler = s->compiler,
		.before = &before,
		.after = &after,
	});
	store_tree_put(s, &before);
	store_tree_put(s, &after);
}

u64 store_tick(struct store *s, u64 now_ms)
{
	u64 next = STORE_NEVER;

	if (s->confirm_waits && now_ms >= s->confirm_due)
		go_back(s);
	if (s->candidate && now_ms >= s->verdict_due)
		reject(s, "the compiler did not answer in time");
	if (s->confirm_waits)
		next = s->confirm_due;
	if (s->candidate && s->verdict_due < next)
		next = s->verdict_due;
	return next;
}

/* --- reading ---------------------------------------------------------------- */

void store_status(const struct store *s, u64 now_ms, struct store_status *status)
{
	u64 left = 0;

	memset(status, 0, sizeof(*status));
	status->running = running(s)->number;
	status->applied = s->applied;
	status->compiler = s->compiler;
	status->candidate_waits = s->candidate;
	if (s->candidate) {
		status->candidate = s->candidate->number;
		status->candidate_copied = s->candidate->copied;
	}
	status->confirm_waits = s->confirm_waits;
	if (s->confirm_waits) {
		if (s->confirm_due > now_ms)
			left = s->confirm_due - now_ms;
		status->confirm_left_ms = left < U32_MAX ? left : U32_MAX;
		status->confirm_back = s->generations[1]->number;
	}
	status->txns = s->txns;
	status->generations = s->n_generations;
	status->last = s->last;
	status->memory = s->memory;
	status->limits = s->limits;
}

int store_read(struct store *s, const struct store_owner *o, enum store_which which, u64 number,
	       struct store_tree *view, u64 *found, struct store_error *e)
{
	const struct store_generation *g = running(s);

	if (which == STORE_TXN) {
		if (!o || !o->txn)
			return no_txn(e);
		*view = tree_get(&o->txn->tree);
		if (found)
			*found = o->txn->began_from;
		return 0;
	}
	if (which == STORE_NUMBER) {
		g = find_generation(s, number);
		if (!g)
			return fail(e, -ENOENT, STORE_GENERATION, "this generation is not kept");
	}
	*view = tree_get(&g->tree);
	if (found)
		*found = g->number;
	return 0;
}

/* --- an earlier life ---------------------------------------------------------- */

int store_restore(struct store *s, struct store_owner *o, const struct store_restored *r,
		  struct store_error *e)
{
	struct store_generation *g;
	struct store_tree tree;
	int err;

	if (!o->txn)
		return no_txn(e);
	if (r->comment_len > SLUICE_COMMENT_MAX)
		return fail(e, -EINVAL, STORE_COMMENT,
			    "the comment is longer than SLUICE_COMMENT_MAX");
	if (!r->first && r->number <= running(s)->number)
		return fail(e, -EINVAL, STORE_GENERATION, "the generations' numbers do not grow");
	tree = tree_get(&o->txn->tree);
	err = generation_new(s, r->number, &tree, r->comment, r->comment_len, &g, e);
	if (err) {
		store_tree_put(s, &tree);
		return err;
	}
	g->from = r->from;
	g->copied = r->copied;
	g->time_s = r->time_s;
	end_txn(s, o);
	while (r->first && s->n_generations)
		generation_free(s, s->generations[--s->n_generations]);
	generation_push(s, g);
	s->last = g->number;
	return 0;
}

int store_restore_end(struct store *s, u64 last, u32 confirm_left_ms, u64 now_ms,
		      struct store_error *e)
{
	if (last < running(s)->number)
		return fail(e, -EINVAL, STORE_GENERATION,
			    "the greatest number is less than that of what runs");
	if (confirm_left_ms && s->n_generations < 2)
		return fail(e, -EINVAL, STORE_GENERATION, "nothing is kept to go back to");
	s->last = last;
	s->confirm_waits = confirm_left_ms;
	s->confirm_due = now_ms + confirm_left_ms;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * table.c: what the look-up table has for each prefix.
 *
 * A prefix whose choice is made is installed: its set's group gets a use, and the table a word.
 *
 * No room. The table takes so many prefixes. A prefix that it refuses must not be
 * answered by a shorter one, so its block (the /8 around it, for IPv6 the /20) is given
 * up: all prefixes in it are taken out, and one for the block says table_full: the
 * kernel answers. Where that frees nothing, the block is widened. Taking out and putting
 * in is several steps; meanwhile every group says table_full, so that no reader sees a
 * shorter prefix answer (hops_hold). A block is taken back once as many prefixes as it
 * misses have gone.
 */
#include "fib/table.h"

#include <assert.h>
#include <errno.h>

#include "fib/entries.h"
#include "fib/grace.h"
#include "fib/inside.h"

#define BLOCK_LEN_V4	8
#define BLOCK_LEN_V6	20

/* One write of the table; where only retired memory is in the way, waits for it. */
static int write_table(struct fib *fib, struct fib_family *f, const struct prefix *p, uint16_t group)
{
	int err = 0;

	if (f->bulk) {
		assert(group);
		vec_append(f->bulk, &(struct lpm_route){ *p, group });
		return 0;
	}
	for (int try = 0; f->lpm && try < 2; try++) {
		err = group ? lpm_insert(f->lpm, p, group) : lpm_delete(f->lpm, p);
		if (err != -ENOSPC)
			break;
		if (!lpm_retired(f->lpm))
			break;
		fib_wait_for_readers(fib);
	}
	fib->table_writes += !err;
	return err == -ENOENT ? 0 : err;
}

/* Adds to the counts (@by 1), or takes from them (-1), what an entry is at the moment. */
static void account(struct fib_family *f, const struct fib_entry *e, int by)
{
	f->prefixes += by * (e->set != 0);
	f->host_entries += by * (e->set && e->flags & ENTRY_HOST);
	f->published += by * (e->flags & ENTRY_USES ? 1 : 0);
	f->in_table += by * (e->group != 0);
	f->left_out += by * (e->flags & ENTRY_LEFT_OUT ? 1 : 0);
	f->starved += by * (e->flags & ENTRY_STARVED ? 1 : 0);
}

static bool visit_block(void *user, uint8_t len, uint32_t value)
{
	(void)value;
	*(int *)user = len;
	return false;
}

/* The length of the block that is given up around @p, or -1. */
static int block_around(const struct fib_family *f, const struct prefix *p)
{
	int len = -1;

	prefix_tree_cover(&f->blocks, p, visit_block, &len);
	return len;
}

/* Counts an entry that its block leaves out. */
static void count_missing(struct fib_family *f, const struct prefix *p, int block, int by)
{
	struct prefix b = prefix_shortened(p, block);

	*prefix_tree_get(&f->blocks, &b) += by;
}

void fib_hold(struct fib *fib)
{
	if (!fib->held)
		hops_hold(&fib->hops);
	fib->held = true;
	__atomic_store_n(&fib->memory.nexthops->held, 1, __ATOMIC_RELEASE);
}

/*
 * Gives up the block around @refused, which the table has no room for; its entry's set is
 * chosen. All prefixes of the block go, and table_full stands for them.
 */
static void give_up(struct fib *fib, struct fib_family *f, const struct prefix *refused)
{
	unsigned int len = f->family == ADDR_V4 ? BLOCK_LEN_V4 : BLOCK_LEN_V6;
	size_t missing, evicted = 0;
	struct prefix block, p;
	struct fib_entry *e;
	uint32_t number;

	fib_hold(fib);
	f->level = f->in_table;
	for (len = len < refused->len ? len : refused->len; ; len--) {
		block = prefix_shortened(refused, len);
		missing = 0;
		for (p = (struct prefix){ 0 }; prefix_tree_next(&f->entries, &block, &p, &number); ) {
			e = entry_at(fib, number);
			if (prefix_tree_get(&f->blocks, &p))
				prefix_tree_del(&f->blocks, &p);
			account(f, e, -1);
			e->flags &= ~ENTRY_BLOCK;
			if (e->group && write_table(fib, f, &p, 0)) {
				fib->stuck = true;	/* held until it can be done */
			} else if (e->group) {
				if (e->flags & ENTRY_USES)
					hops_unuse(&fib->hops, e->set);
				e->group = 0;
				e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
				evicted++;
			}
			if (e->set && !e->group) {
				e->flags |= ENTRY_LEFT_OUT;
				missing++;
			}
			account(f, e, 1);
			fib_entry_drop_if_empty(fib, f, &p);
		}
		if (evicted && !write_table(fib, f, &block, fib->hops.full_group))
			break;
		if (!len)
			break;	/* nothing is in the table: no route, and the kernel answers */
	}
	e = fib_entry_get(fib, f, &block);
	account(f, e, -1);
	e->flags |= ENTRY_BLOCK;
	if (f->lpm && lpm_get(f->lpm, &block))
		e->group = fib->hops.full_group;
	account(f, e, 1);
	*prefix_tree_put(&f->blocks, &block) = missing + 1;
}

/* Makes the table say @set for @p, whose ref is taken over; 0: nothing. */
void fib_install(struct fib *fib, struct fib_family *f, const struct prefix *p, struct fib_entry *e,
		    uint32_t set, bool host)
{
	uint32_t old = e->set;
	bool used = e->flags & ENTRY_USES;
	int block = block_around(f, p);
	uint16_t group = 0;
	bool uses = false;
	int err = 0;

	account(f, e, -1);
	if (e->flags & ENTRY_LEFT_OUT && block >= 0)
		count_missing(f, p, block, -1);
	e->flags &= ~(ENTRY_LEFT_OUT | ENTRY_HOST | ENTRY_STARVED);
	if (set && block < 0) {
		group = hops_use(&fib->hops, set, used ? old : 0);
		uses = group != 0;
		if (!uses) {
			group = fib->hops.full_group;
			e->flags |= ENTRY_STARVED;
		}
	} else if (block == p->len) {
		group = e->group;	/* the block's own */
	}
	if (set && block >= 0) {
		e->flags |= ENTRY_LEFT_OUT;
		count_missing(f, p, block, 1);
	}
	if (host)
		e->flags |= ENTRY_HOST;
	e->set = set;
	if (group != e->group)
		err = write_table(fib, f, p, group);
	if (!err) {
		e->group = group;
		e->flags = (e->flags & ~ENTRY_USES) | (uses ? ENTRY_USES : 0);
		if (used)
			hops_unuse(&fib->hops, old);
		if (old)
			hops_unref(&fib->hops, old);
		account(f, e, 1);
		return;
	}
	/*
	 * No room. What the table has for @p stays for the moment, but its group may go:
	 * hold first, then give up the block, which takes it out.
	 */
	fib_hold(fib);
	e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
	if (uses)
		hops_unuse(&fib->hops, set);
	if (used)
		hops_unuse(&fib->hops, old);
	if (old)
		hops_unref(&fib->hops, old);
	account(f, e, 1);
	give_up(fib, f, p);
}

/* The table refused to be built at once: puts in one by one what has a group. */
static void insert_one_by_one(struct fib *fib, struct fib_family *f)
{
	struct prefix everything = prefix_all(f->family);
	struct fib_entry *e;
	uint32_t number;

	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		e = entry_at(fib, number);
		account(f, e, -1);
		if (e->flags & ENTRY_USES)
			hops_unuse(&fib->hops, e->set);
		e->group = 0;
		e->flags &= ~(ENTRY_USES | ENTRY_STARVED);
		account(f, e, 1);
	}
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, &everything, &p, &number); ) {
		e = entry_at(fib, number);
		if (!e->set || e->flags & ENTRY_LEFT_OUT)
			continue;
		hops_ref(&fib->hops, e->set);
		fib_install(fib, f, &p, e, e->set, e->flags & ENTRY_HOST);
	}
}

void fib_build(struct fib *fib, struct fib_family *f, const struct vec *routes)
{
	fib->table_writes += routes->len;
	if (lpm_build(f->lpm, routes->data, routes->len))
		insert_one_by_one(fib, f);
}

/* Puts the prefixes of a block back in; it is out of f->blocks already. */
static void take_back(struct fib *fib, struct fib_family *f, const struct prefix *block)
{
	struct fib_entry *e = fib_entry_find(fib, f, block);
	uint32_t number;

	fib_hold(fib);
	e->flags &= ~ENTRY_BLOCK;
	if (!e->set)
		fib_install(fib, f, block, e, 0, false);
	for (struct prefix p = { 0 }; prefix_tree_next(&f->entries, block, &p, &number); ) {
		e = entry_at(fib, number);
		if (!e->set || block_around(f, &p) >= 0)
			continue;
		hops_ref(&fib->hops, e->set);
		fib_install(fib, f, &p, e, e->set, e->flags & ENTRY_HOST);
	}
	fib_entry_drop_if_empty(fib, f, block);
}

void fib_take_back(struct fib *fib, struct fib_family *f)
{
	struct prefix everything = prefix_all(f->family);
	uint32_t missing;

	if (f->level < f->in_table)
		f->level = f->in_table;
	for (struct prefix p = { 0 }; prefix_tree_next(&f->blocks, &everything, &p, &missing); ) {
		missing--;
		/* The block's own prefix goes, or is among the missing. */
		if (f->in_table + missing > f->level + 1)
			continue;
		prefix_tree_del(&f->blocks, &p);
		take_back(fib, f, &p);
	}
}

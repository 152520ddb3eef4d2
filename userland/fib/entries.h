/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entries.h: the prefixes of a family that anything is known of, and which of them are to be looked at
 * again with the next flush.
 */
#ifndef SLUICE_FIB_ENTRIES_H
#define SLUICE_FIB_ENTRIES_H

struct fib;
struct fib_entry;
struct fib_family;
struct prefix;
struct prefix_tree;

/** fib_entry_find() - the entry of @p; NULL: nothing is known of it. */
struct fib_entry *fib_entry_find(const struct fib *fib, const struct fib_family *f,
				 const struct prefix *p);

/** fib_entry_get() - the same, entered if need be. Pointers to entries are good until the next call. */
struct fib_entry *fib_entry_get(struct fib *fib, struct fib_family *f, const struct prefix *p);

/** fib_entry_drop_if_empty() - forgets the entry of @p, if there is one, unless it says anything. */
void fib_entry_drop_if_empty(struct fib *fib, struct fib_family *f, const struct prefix *p);

/** fib_mark_prefix() - chooses anew for @p with the next flush. */
void fib_mark_prefix(struct fib *fib, struct fib_family *f, const struct prefix *p);

/** fib_mark_entry() - the same where @e is the entry of @p. */
void fib_mark_entry(struct fib *fib, struct fib_family *f, const struct prefix *p,
		    struct fib_entry *e);

/** fib_mark_within() - the same for all prefixes of @tree within @within. */
void fib_mark_within(struct fib *fib, struct fib_family *f, const struct prefix_tree *tree,
		     const struct prefix *within);

#endif

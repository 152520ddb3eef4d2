// SPDX-License-Identifier: GPL-2.0
#include "fib/entries.h"

#include "fib/inside.h"

struct fib_entry *fib_entry_find(const struct fib *fib, const struct fib_family *f,
				const struct prefix *p)
{
	const uint32_t *i = prefix_tree_get(&f->entries, p);

	return i ? entry_at(fib, *i) : NULL;
}

/* The entry of @p, entered if need be. Pointers to entries are good until the next call. */
struct fib_entry *fib_entry_get(struct fib *fib, struct fib_family *f, const struct prefix *p)
{
	uint32_t *number = prefix_tree_put(&f->entries, p);

	if (!*number) {
		if (fib->free_entry) {
			*number = fib->free_entry;
			fib->free_entry = entry_at(fib, *number)->first;
		} else {
			*number = fib->entries.len;
			vec_push(&fib->entries);
		}
		*entry_at(fib, *number) = (struct fib_entry){ 0 };
	}
	return entry_at(fib, *number);
}

void fib_entry_drop_if_empty(struct fib *fib, struct fib_family *f, const struct prefix *p)
{
	const uint32_t *number = prefix_tree_get(&f->entries, p);
	struct fib_entry *e = number ? entry_at(fib, *number) : NULL;

	if (!e || e->first || e->set || e->group || e->flags)
		return;
	e->first = fib->free_entry;
	fib->free_entry = *number;
	prefix_tree_del(&f->entries, p);
}

/* @e is the entry of @p. */
void fib_mark_entry(struct fib *fib, struct fib_family *f, const struct prefix *p, struct fib_entry *e)
{
	if (e->flags & ENTRY_DIRTY)
		return;
	e->flags |= ENTRY_DIRTY;
	vec_append(&f->dirty, &(struct fib_dirty){ *p, e - entry_at(fib, 0) });
}

void fib_mark_prefix(struct fib *fib, struct fib_family *f, const struct prefix *p)
{
	fib_mark_entry(fib, f, p, fib_entry_get(fib, f, p));
}

void fib_mark_within(struct fib *fib, struct fib_family *f, const struct prefix_tree *tree,
			const struct prefix *within)
{
	for (struct prefix p = { 0 }; prefix_tree_next(tree, within, &p, NULL); )
		fib_mark_prefix(fib, f, &p);
}

// SPDX-License-Identifier: GPL-2.0
#include "fib/grace.h"

#include "fib/inside.h"

void fib_wait_for_readers(struct fib *fib)
{
	if (fib->memory.grace)
		fib->memory.grace(fib->memory.user);
	fib->graces++;
	fib_reclaim(fib);
}

bool fib_wants_reclaim(const struct fib *fib)
{
	if (fib->hops.slots.retired.len || fib->views_retired)
		return true;
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm && lpm_retired(f->lpm))
			return true;
	return false;
}

struct fib_mark fib_quiesce_mark(const struct fib *fib)
{
	struct fib_mark mark = { .slots = group_slots_mark(&fib->hops.slots), .views = fib->views_turned };

	/* The tables of a family share their memory: one is as good as all. */
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm)
			mark.lpm[f->family == ADDR_V6] = lpm_quiesce_mark(f->lpm);
	return mark;
}

void fib_reclaim_to(struct fib *fib, const struct fib_mark *mark)
{
	if (mark->views == fib->views_turned)
		fib->views_retired = false;
	fib->lowered |= hops_reclaim(&fib->hops, mark->slots);
	for (struct fib_family *f = next_family(fib, NULL); f; f = next_family(fib, f))
		if (f->lpm && lpm_retired(f->lpm))
			lpm_reclaim(f->lpm, mark->lpm[f->family == ADDR_V6]);
}

void fib_reclaim(struct fib *fib)
{
	struct fib_mark mark = fib_quiesce_mark(fib);

	fib_reclaim_to(fib, &mark);
}

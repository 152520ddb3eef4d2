// SPDX-License-Identifier: GPL-2.0
#include "base/range.h"

#include <stdlib.h>

#include "base/vec.h"

int range_cmp(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

size_t ranges_join(struct range *r, size_t n)
{
	size_t kept = 0;

	if (!n)
		return 0;
	while (kept + 1 < n && r[kept].first <= r[kept + 1].first)
		kept++;
	if (kept + 1 < n)		/* most are in order */
		qsort(r, n, sizeof(*r), range_cmp);
	kept = 0;
	for (size_t i = 1; i < n; i++) {
		if (r[kept].last != UINT64_MAX && r[i].first > r[kept].last + 1)
			r[++kept] = r[i];
		else if (r[i].last > r[kept].last)
			r[kept].last = r[i].last;
	}
	return kept + 1;
}

void ranges_others(const struct range *r, size_t n, uint64_t max, struct vec *out)
{
	uint64_t next = 0;

	for (size_t i = 0; i < n && r[i].first <= max; i++) {
		if (next < r[i].first)
			vec_append(out, &(struct range){ next, r[i].first - 1 });
		if (r[i].last >= max)
			return;
		next = r[i].last + 1;
	}
	vec_append(out, &(struct range){ next, max });
}

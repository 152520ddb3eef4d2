/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fields_meet.h: a second reader of predicates, which judges the plain meaning: by the ranges and
 * prefixes that policy_check() made of a test, over the fields that policy/frame.h reads of a frame.
 * It knows no sets.
 */
#ifndef SLUICE_SELFTESTS_FIELDS_MEET_H
#define SLUICE_SELFTESTS_FIELDS_MEET_H

#include <stdlib.h>

#include "policy/field.h"
#include "policy/frame.h"

#define MUST(what) do { if (!(what)) abort(); } while (0)

static bool fields_meet(const struct frame_fields *f, const struct policy_predicate *q)
{
	const struct addr *a = q->field == FIELD_IP_SRC ? &f->src : &f->dst;
	bool found = false;

	switch (q->kind) {
	case PREDICATE_AND:
		return fields_meet(f, q->left) && fields_meet(f, q->right);
	case PREDICATE_OR:
		return fields_meet(f, q->left) || fields_meet(f, q->right);
	case PREDICATE_NOT:
		return !fields_meet(f, q->left);
	case PREDICATE_NAME:
		return fields_meet(f, q->left);
	default:
		break;
	}
	if (!frame_has(f, q->field))
		return false;
	for (size_t i = 0; i < q->prefixes.len; i++)
		found |= prefix_covers(vec_at(&q->prefixes, i), a);
	if (field_kind(q->field) == KIND_ADDRESS)
		return found != q->unequal;
	for (size_t i = 0; i < q->ranges.len; i++) {
		const struct range *r = vec_at(&q->ranges, i);

		MUST(r->first <= r->last && r->last <= field_max(q->field));
		MUST(!i || r->first > r[-1].last + 1);
		found |= r->first <= f->value[q->field] && f->value[q->field] <= r->last;
	}
	return found;
}

#endif

// SPDX-License-Identifier: GPL-2.0
#include "daemon/changed_sets.h"

#include <string.h>

#include "base/diag.h"
#include "base/vec.h"
#include "datapath/datapath.h"
#include "policy/field.h"
#include "policy/tree.h"

static const struct policy_set *set_named(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&policy->sets, i);

		if (!strcmp(set->name, name))
			return set;
	}
	return NULL;
}

static bool changes_kind(const struct policy *before, const struct policy_set *set)
{
	const struct policy_set *was = set_named(before, set->name);

	return was && field_shared(was->field) != field_shared(set->field);
}

/* What rules have inserted, and what of it has no place in a set that is made smaller. */
static void warn_smaller(const struct datapath *dp, const struct policy *before, const struct policy_set *set,
			 struct diags *diags)
{
	const struct policy_set *was = set_named(before, set->name);
	struct vec entries = VEC(struct set_entry);

	if (was && was->size > set->size &&
	    !datapath_set_entries(dp, set->name, &entries) && entries.len > set->size)
		diag_warning(diags, set->place, "\"%s\" has %zu elements, more than fit in now: some of "
			     "those that rules inserted go", set->name, entries.len);
	vec_free(&entries);
}

void changed_sets_warn(const struct datapath *dp, const struct policy *before, const struct policy *policy,
		       struct diags *diags)
{
	for (size_t i = 0; i < policy->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&policy->sets, i);

		if (changes_kind(before, set))
			diag_warning(diags, set->place, "\"%s\" had values of another kind: what rules "
				     "inserted goes", set->name);
		else
			warn_smaller(dp, before, set, diags);
	}
}

void changed_sets_empty(struct datapath *dp, const struct policy *before, const struct policy *policy)
{
	for (size_t i = 0; i < policy->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&policy->sets, i);

		if (changes_kind(before, set))
			datapath_set_flush(dp, set->name, SET_INSERTED);
	}
}

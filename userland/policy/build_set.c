// SPDX-License-Identifier: GPL-2.0
/*
 * build_set.c: set NAME : FIELD size N [timeout TIME];
 */
#include "policy/build.h"

#include "policy/field.h"

enum { SEEN_SIZE = 1, SEEN_TIMEOUT = 2 };

#define TIMEOUT_MAX	(365ull * 24 * 3600 * 1000)

static struct policy_set *new_set(struct document *doc, struct word name, struct place at)
{
	struct policy *policy = doc->parser->policy;
	struct policy_set *set = new_node(doc, sizeof(*set));

	set->name = name_of(doc, name);
	set->place = at;
	*(struct policy_set **)vec_push(&policy->sets) = set;
	return set;
}

void build_sizes(struct document *doc)
{
	doc->set = (struct policy_set){ 0 };
	doc->seen = 0;
}

void set_size(struct document *doc, const struct quantity *q, struct place word_at, struct place at)
{
	if (doc->seen & SEEN_SIZE)
		diag_error(diags_of(doc), word_at, "the size is given twice");
	doc->seen |= SEEN_SIZE;
	if (quantity_number(q, &doc->set.size) || !doc->set.size ||
	    doc->set.size > POLICY_SET_SIZE_MAX)
		diag_error(diags_of(doc), at, "the size of a set is 1 to %d elements",
			   POLICY_SET_SIZE_MAX);
}

void set_timeout(struct document *doc, const struct quantity *q, struct place word_at,
		 struct place at)
{
	struct diags *diags = diags_of(doc);
	uint64_t ms = 0;

	if (doc->seen & SEEN_TIMEOUT)
		diag_error(diags, word_at, "the timeout is given twice");
	doc->seen |= SEEN_TIMEOUT;
	if (quantity_duration(q, &ms) || !ms || ms > TIMEOUT_MAX) {
		diag_error(diags, at, "a timeout is 1ms to 8760h");
		diag_hint(diags, "units: ms, s, m, h; without a timeout, elements stay");
	}
	doc->set.timeout_ms = ms;
}

void build_set(struct document *doc, struct word name, struct place at, enum policy_field field,
	       struct place field_at)
{
	struct policy_set *set = new_set(doc, name, at);

	if (!(doc->seen & SEEN_SIZE)) {
		diag_error(diags_of(doc), at, "\"%s\" has no size", set->name);
		diag_hint(diags_of(doc), "say how many elements there may be: size 65536");
	}
	if (field < FIELD_COUNT && field_shared(field) == FIELD_COUNT) {
		diag_error(diags_of(doc), field_at, "there are no sets of %s", policy_field_name(field));
		diag_hint(diags_of(doc), "fields: ip.src, ip.dst, eth.src, eth.dst, vlan.id, ip.proto, l4.src, l4.dst");
		field = FIELD_COUNT;
	}
	set->field = field;
	set->size = doc->set.size;
	set->timeout_ms = doc->set.timeout_ms;
}

void build_broken_set(struct document *doc, struct word name, struct place at)
{
	new_set(doc, name, at)->field = FIELD_COUNT;
}

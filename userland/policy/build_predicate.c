// SPDX-License-Identifier: GPL-2.0
/*
 * build_predicate.c: tests, and what "and", "or", "not" and names make of them.
 *
 * A name in a value is left as it is: whether "syn" is a flag or somebody's let shows in check_predicate.c.
 * Only in "syn|fin" and behind "&" it can be nothing but a flag.
 *
 * Trees are as deep as they are written, and everybody walks them by recursion: here
 * is where that gets its limit.
 */
#include "policy/build.h"

#include <stddef.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"
#include "policy/field.h"

static struct policy_predicate *new_predicate(struct document *doc, enum policy_predicate_kind kind,
					      struct place at)
{
	size_t head = offsetof(struct policy_predicate, field);
	struct parser *parser = doc->parser;
	struct policy_predicate *p;

	if (parser->no_predicate)
		return parser->no_predicate;
	p = new_node(doc, kind == PREDICATE_TEST ? sizeof(*p) : head);
	p->kind = kind;
	p->place = at;
	p->depth = 1;
	if (++parser->predicates > POLICY_PREDICATES_MAX) {
		diag_error(diags_of(doc), at, "the predicates of this policy have more than %d tests and names",
			   POLICY_PREDICATES_MAX);
		p->kind = PREDICATE_NONE;
		parser->no_predicate = p;
	}
	return p;
}

/* The fields of the same header: "ip.src, ip.dst, ..." for "ip.saddr". */
static void hint_at_layer(struct document *doc, const char *name)
{
	size_t layer = strcspn(name, ".") + 1;
	struct text fields = { 0 };

	for (unsigned int f = 0; f < FIELD_COUNT; f++)
		if (!strncmp(name, policy_field_name(f), layer))
			text_printf(&fields, "%s%s", fields.len ? ", " : "fields: ", policy_field_name(f));
	if (fields.len)
		diag_hint(diags_of(doc), "%s", fields.data);
	text_free(&fields);
}

enum policy_field find_field(struct document *doc, struct word word, struct place at)
{
	enum policy_field field = field_find(word.text, word.len);
	struct nearest n;
	char *name;

	if (field < FIELD_COUNT)
		return field;
	name = name_of(doc, word);
	n = NEAREST(name);
	for (unsigned int f = 0; f < FIELD_COUNT; f++)
		nearest_try(&n, policy_field_name(f));
	diag_error(diags_of(doc), at, "packets have no field \"%s\"", name);
	if (n.best)
		diag_hint(diags_of(doc), "did you mean \"%s\"?", n.best);
	else
		hint_at_layer(doc, name);
	return FIELD_COUNT;
}

/* ---- flags -------------------------------------------------------------- */

/* One operand of "|", or what stands behind "&". Return: false if it is no number: said. */
static bool flag_number(struct document *doc, const struct policy_value *v, uint64_t *number,
			char **name)
{
	if (v->type == VALUE_NONE)
		return false;
	if (v->type == VALUE_NUMBERS && v->first == v->last) {
		*number = v->first;
		*name = v->name ? v->name : *name;
		return true;
	}
	if (v->type == VALUE_LET && field_word(FIELD_TCP_FLAGS, v->name, number)) {
		*name = v->name;
		return true;
	}
	if (v->type == VALUE_LET)
		diag_error(diags_of(doc), v->place, "\"%s\" is no TCP flag", v->name);
	else
		diag_error(diags_of(doc), v->place, "here stands a number, or a TCP flag");
	diag_hint(diags_of(doc), "flags: fin syn rst psh ack urg ece cwr");
	return false;
}

struct policy_value value_or(struct document *doc, const struct policy_value *a,
			     const struct policy_value *b, struct place at)
{
	struct policy_value v = { .type = VALUE_NUMBERS, .place = at };
	uint64_t x, y;
	bool good = flag_number(doc, a, &x, &v.name);

	if (!flag_number(doc, b, &y, &v.name) || !good)
		return (struct policy_value){ .place = at };
	v.first = v.last = x | y;
	return v;
}

/* Return: whether @field can have a mask. */
static bool check_masked(struct document *doc, enum policy_field field, struct place at)
{
	enum field_kind kind = field_kind(field);

	if (kind != KIND_ADDRESS && kind != KIND_PORT)
		return true;
	diag_error(diags_of(doc), at, "%s has no mask", policy_field_name(field));
	if (kind == KIND_ADDRESS)
		diag_hint(diags_of(doc), "a prefix says the same: %s == 10.0.0.0/8", policy_field_name(field));
	return false;
}

struct mask mask_of(struct document *doc, enum policy_field field, const struct policy_value *v,
		    struct place at)
{
	const struct mask none = { .bits = UINT64_MAX };
	struct mask mask = { .place = at };
	char *name = NULL;

	if (field == FIELD_COUNT || !check_masked(doc, field, at))
		return none;
	if (field_kind(field) == KIND_MAC && v->type != VALUE_MAC) {
		diag_error(diags_of(doc), at, "the mask of %s is a link-layer address, too",
			   policy_field_name(field));
		diag_hint(diags_of(doc), "such as ff:ff:ff:ff:ff:00");
		return none;
	}
	if (v->type == VALUE_MAC && field_kind(field) == KIND_MAC)
		mask.bits = v->first;
	else if (!flag_number(doc, v, &mask.bits, &name))
		return none;
	if (name && field != FIELD_TCP_FLAGS) {
		diag_error(diags_of(doc), at, "%s has no flag \"%s\"", policy_field_name(field), name);
		return none;
	}
	return mask;
}

/* ---- predicates --------------------------------------------------------- */

struct policy_predicate *predicate_join(struct document *doc, enum policy_predicate_kind kind,
					struct policy_predicate *left,
					struct policy_predicate *right, struct place at)
{
	struct policy_predicate *p = new_predicate(doc, kind, at);

	if (p->kind == PREDICATE_NONE)
		return p;
	p->depth = left->depth + 1;
	if (right && right->depth >= left->depth)
		p->depth = right->depth + 1;
	if (p->depth > POLICY_PREDICATE_DEPTH) {
		diag_error(diags_of(doc), at, "more than %d tests hang on one another here",
			   POLICY_PREDICATE_DEPTH);
		diag_hint(diags_of(doc), "\"in { ... }\" takes as many values as you like");
		return new_predicate(doc, PREDICATE_NONE, at);
	}
	p->left = left;
	p->right = right;
	return p;
}

struct policy_predicate *predicate_name(struct document *doc, struct word name, struct place at)
{
	struct policy_predicate *p = new_predicate(doc, PREDICATE_NAME, at);

	if (p->kind != PREDICATE_NONE)
		p->name = name_of(doc, name);
	return p;
}

struct policy_predicate *predicate_broken(struct document *doc, struct place at)
{
	return new_predicate(doc, PREDICATE_NONE, at);
}

struct policy_predicate *predicate_test(struct document *doc, enum policy_field field,
					struct mask mask, enum policy_compare compare,
					struct place at)
{
	struct policy_predicate *p = new_predicate(doc, PREDICATE_TEST, at);

	if (p->kind == PREDICATE_NONE)
		return p;
	p->field = field;
	p->compare = compare;
	p->mask = mask.bits;
	if (mask.place.source)
		p->mask_place = memcpy(new_node(doc, sizeof(mask.place)), &mask.place,
				       sizeof(mask.place));
	p->values = keep_list(doc, &doc->values);
	p->tests = 1;
	if (field == FIELD_COUNT)
		p->kind = PREDICATE_NONE;
	return p;
}

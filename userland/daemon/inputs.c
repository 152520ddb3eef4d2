// SPDX-License-Identifier: GPL-2.0
#include "daemon/inputs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/object.h"
#include "base/quantity.h"
#include "base/text.h"
#include "daemon/configuration.h"
#include "netlink/object.h"
#include "policy/objects.h"
#include "policy/parse.h"
#include "policy/tree.h"

int inputs_read(struct configuration *c, uint64_t generation, struct inputs *in, struct text *why)
{
	struct object_reader reader = { &in->objects, why };
	int err;

	*in = (struct inputs){ .objects = VEC(struct object) };
	err = configuration_documents(c, generation, &in->documents, why);
	for (uint32_t type = SLUICE_OBJECT_PORT; !err && type <= SLUICE_OBJECT_ELEMENT; type++) {
		in->elements = in->objects.len;
		err = configuration_objects(c, generation, type, object_take, &reader, why);
	}
	return err;
}

void inputs_free(struct inputs *in)
{
	documents_free(&in->documents);
	vec_free(&in->objects);
	*in = (struct inputs){ 0 };
}

static int load_document(void *ctx, const char *name, size_t limit, struct text *out)
{
	const struct vec *documents = ctx;

	for (size_t i = 0; i < documents->len; i++) {
		const struct document *d = vec_at(documents, i);

		if (strcmp(d->name, name))
			continue;
		if (d->len > limit)
			return -EFBIG;
		text_append(out, d->text, d->len);
		return 0;
	}
	return -ENOENT;
}

struct policy *inputs_parse(const struct inputs *in, struct diags *diags)
{
	const char **names = xcalloc(in->documents.len + 1, sizeof(*names));
	struct policy *policy;

	for (size_t i = 0; i < in->documents.len; i++)
		names[i] = ((struct document *)vec_at(&in->documents, i))->name;
	policy = policy_parse_configuration(names, in->documents.len, load_document,
					    (void *)&in->documents, &in->objects, diags);
	free(names);
	return policy;
}

bool inputs_same_documents(const struct inputs *a, const struct inputs *b)
{
	if (a->documents.len != b->documents.len)
		return false;
	for (size_t i = 0; i < a->documents.len; i++) {
		const struct document *x = vec_at(&a->documents, i), *y = vec_at(&b->documents, i);

		if (strcmp(x->name, y->name) || x->len != y->len || memcmp(x->text, y->text, x->len))
			return false;
	}
	return true;
}

/* ---- elements alone ------------------------------------------------------------- */

static bool same_objects(const struct inputs *a, const struct inputs *b, size_t n)
{
	return !n || !memcmp(a->objects.data, b->objects.data, n * sizeof(struct object));
}

bool inputs_same_objects(const struct inputs *a, const struct inputs *b)
{
	return a->objects.len == b->objects.len && same_objects(a, b, a->objects.len);
}

bool inputs_alike(const struct inputs *a, const struct inputs *b)
{
	return a->elements == b->elements && inputs_same_documents(a, b) &&
	       same_objects(a, b, a->elements);
}

static void print_sets(const struct policy *policy, struct text *out)
{
	for (size_t i = 0; i < policy->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&policy->sets, i);

		text_printf(out, "set %s : %s size %" PRIu64, set->name, policy_field_name(set->field),
			    set->size);
		if (set->timeout_ms) {
			text_printf(out, " timeout ");
			quantity_print_duration(set->timeout_ms, out);
		}
		text_printf(out, ";\n");
	}
}

/*
 * That a set is not used is said of a text without filters, and not meant. What has no place is
 * handed on. Return: whether there is more, that is about single elements.
 */
static bool says_more(const struct diags *all, struct diags *diags)
{
	for (size_t i = 0; i < all->list.len; i++) {
		const struct diag *d = vec_at(&all->list, i);

		if (d->level == DIAG_ERROR ||
		    (d->place.source && !strcmp(d->place.source->name, OBJECTS_SOURCE)))
			return true;
	}
	for (size_t i = 0; i < all->list.len; i++) {
		const struct diag *d = vec_at(&all->list, i);

		if (d->place.source)
			continue;
		diag_warning(diags, d->place, "%s", d->sentence);
		if (d->hint)
			diag_hint(diags, "%s", d->hint);
	}
	return false;
}

struct policy *inputs_parse_elements(const struct inputs *in, const struct policy *policy,
				     struct diags *diags)
{
	struct vec elements = { .elem_size = in->objects.elem_size }, documents = VEC(struct document);
	struct document *d = vec_push(&documents);
	static const char *const name = "sets";
	struct text text = { 0 };
	struct policy *sets;
	struct diags all;

	print_sets(policy, &text);
	text_append(&text, "", 0);
	*d = (struct document){ (char *)name, text.data, text.len };
	elements.data = (char *)in->objects.data + in->elements * in->objects.elem_size;
	elements.len = in->objects.len - in->elements;
	diags_init(&all);
	sets = policy_parse_configuration((const char **)&name, 1, load_document, &documents, &elements,
					  &all);
	if (says_more(&all, diags)) {
		policy_free(sets);
		sets = NULL;
	}
	diags_free(&all);
	vec_free(&documents);
	text_free(&text);
	return sets;
}

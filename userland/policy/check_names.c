// SPDX-License-Identifier: GPL-2.0
/*
 * check_names.c: what the names of a policy stand for, and what to say of those that stand for nothing.
 */
#include "policy/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/field.h"

static const char *const kind_names[] = { "port", "let", "measure", "set" };

struct name_key key_of(const char *name)
{
	struct name_key key = { 0 };

	memcpy(key.name, name, strnlen(name, sizeof(key.name)));
	return key;
}

/* ---- places ------------------------------------------------------------- */

const char *place_name(const struct check *c, const struct place *at, char buf[PLACE_ROOM])
{
	const char *line = c->policy->store ? c->policy->store->text : NULL;

	if (!line || at->source != c->policy->store) {
		snprintf(buf, PLACE_ROOM, "%s:%u", at->source->name, at->line);
		return buf;
	}
	for (unsigned int i = 1; i < at->line; i++)
		line += strcspn(line, "\n") + 1;
	snprintf(buf, PLACE_ROOM, "\"%.*s\" in the store", (int)strcspn(line, "\n"), line);
	return buf;
}

/* ---- names -------------------------------------------------------------- */

static void enter_name(struct check *c, enum named_kind kind, const char *name,
		       void *object, struct place place)
{
	struct name_key key = key_of(name);
	char where[PLACE_ROOM];
	struct named *n;
	bool fresh;

	n = table_put(&c->names, &key, &fresh);
	if (fresh) {
		*n = (struct named){ kind, object, place };
		return;
	}
	diag_error(c->diags, place, "there is another \"%s\"", name);
	diag_hint(c->diags, "%s has a %s of that name", place_name(c, &n->place, where),
		  kind_names[n->kind]);
}

void enter_names(struct check *c)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->ports.len; i++) {
		struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, i);

		enter_name(c, NAMED_PORT, port->name, port, port->place);
	}
	for (size_t i = 0; i < p->lets.len; i++) {
		struct policy_let *let = *(struct policy_let **)vec_at(&p->lets, i);

		enter_name(c, NAMED_LET, let->name, let, let->place);
	}
	for (size_t i = 0; i < p->sets.len; i++) {
		struct policy_set *set = *(struct policy_set **)vec_at(&p->sets, i);

		enter_name(c, NAMED_SET, set->name, set, set->place);
	}
	for (size_t i = 0; i < p->measures.len; i++) {
		struct policy_measure *m = vec_at(&p->measures, i);

		enter_name(c, NAMED_MEASURE, m->name, NULL, m->place);
	}
}

#define NAMES_GUESSED 4096	/* no "did you mean" among more */

/* An interface in place of the port's name. */
static bool hint_at_interface(struct check *c, const char *name)
{
	for (size_t i = 0; i < c->policy->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&c->policy->ports, i);

		if (port->interface && !strcmp(port->interface, name)) {
			diag_hint(c->diags, "the port on \"%s\" is called \"%s\"", name, port->name);
			return true;
		}
	}
	return false;
}

static void try_words(struct nearest *n, enum policy_field field)
{
	unsigned int pos = 0;
	const char *word;

	if (field == FIELD_COUNT)
		return;
	while ((word = field_word_next(field, &pos)))
		nearest_try(n, word);
}

#define WORDS_TOLD 8

/* The words of a field, if they are few. */
static void hint_at_words(struct check *c, enum policy_field field)
{
	struct text words = { 0 };
	unsigned int pos = 0, count = 0;
	const char *word;

	while (field < FIELD_COUNT && (word = field_word_next(field, &pos))) {
		text_printf(&words, " %s", word);
		count++;
	}
	if (count && count <= WORDS_TOLD)
		diag_hint(c->diags, "words for %s:%s", policy_field_name(field), words.data);
	text_free(&words);
}

/* Helps with a name that is none, or one of another kind. */
static void hint_at_name(struct check *c, unsigned int kinds, enum policy_field field,
			 const char *name)
{
	struct name_key key = key_of(name);
	const struct named *other = table_get(&c->names, &key), *n;
	struct nearest nearest = NEAREST(name);
	char known[POLICY_NAME_MAX + 1] = "", best[POLICY_NAME_MAX + 1] = "", where[PLACE_ROOM];
	bool port = kinds & NAMED(PORT);
	const struct name_key *k;
	size_t pos = 0;

	if (other) {
		diag_hint(c->diags, "\"%s\" is the %s at %s", name, kind_names[other->kind],
			  place_name(c, &other->place, where));
		return;
	}
	hint_at_words(c, field);
	if (c->names.len > NAMES_GUESSED)
		return;
	if (port && hint_at_interface(c, name))
		return;
	try_words(&nearest, field);
	if (nearest.best)
		nearest.best = strncpy(best, nearest.best, POLICY_NAME_MAX);
	while (table_next(&c->names, &pos, (const void **)&k, (void **)&n)) {
		const char *before = nearest.best;

		if (!(kinds >> n->kind & 1))
			continue;
		memcpy(known, k->name, sizeof(k->name));
		nearest_try(&nearest, known);
		if (nearest.best != before)
			strcpy(best, known);
		if (nearest.best)
			nearest.best = best;
	}
	if (nearest.best)
		diag_hint(c->diags, "did you mean \"%s\"?", best);
	else if (port && !c->policy->ports.len)
		diag_hint(c->diags, "ports are named first: port %s = \"eth0\";", name);
}

const struct named *look_up(const struct check *c, const char *name)
{
	struct name_key key = key_of(name);

	return table_get(&c->names, &key);
}

void refuse_name(struct check *c, unsigned int kinds, enum policy_field field, const char *name,
		 struct place place)
{
	struct text wanted = { 0 };
	unsigned int pos = 0;

	if (c->policy->incomplete)
		return;
	for (unsigned int kind = 0; kind < sizeof(kind_names) / sizeof(kind_names[0]); kind++)
		if (kinds >> kind & 1)
			text_printf(&wanted, "%s%s", wanted.len ? " or " : "", kind_names[kind]);
	if (field < FIELD_COUNT && field_word_next(field, &pos))
		diag_error(c->diags, place, "\"%s\" is no word for %s, and no %s", name,
			   policy_field_name(field), text_string(&wanted));
	else
		diag_error(c->diags, place, "no %s is called \"%s\"", text_string(&wanted), name);
	hint_at_name(c, kinds, field, name);
	text_free(&wanted);
}

void *find_name(struct check *c, enum named_kind kind, const char *name, struct place place)
{
	const struct named *n = look_up(c, name);

	if (n && n->kind == kind)
		return n->object;
	refuse_name(c, 1u << kind, FIELD_COUNT, name, place);
	return NULL;
}

bool find_port(struct check *c, struct policy_port_ref *ref)
{
	ref->port = find_name(c, NAMED_PORT, ref->name, ref->place);
	if (ref->port)
		ref->port->used = true;
	return ref->port;
}

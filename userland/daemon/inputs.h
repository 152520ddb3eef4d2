/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inputs.h: what a generation is made of: the documents and typed objects that the store has.
 */
#ifndef SLUICE_DAEMON_INPUTS_H
#define SLUICE_DAEMON_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct configuration;
struct diags;
struct policy;
struct text;

struct inputs {
	struct vec documents;	/* of struct document, by name */
	struct vec objects;	/* of struct object, in the order of the store: elements of sets last */
	size_t elements;	/* index of the first of those; objects.len: none */
};

/** inputs_read() - those of @generation. Return: 0, or -errno and a sentence; inputs_free() them in any case. */
int inputs_read(struct configuration *c, uint64_t generation, struct inputs *in, struct text *why);
void inputs_free(struct inputs *in);

/** inputs_parse() - as a policy. Return: NULL never; mistakes are in @diags. */
struct policy *inputs_parse(const struct inputs *in, struct diags *diags);

/** inputs_same_documents() - whether the documents of @a and @b are the same; objects may differ. */
bool inputs_same_documents(const struct inputs *a, const struct inputs *b);

/** inputs_same_objects() - likewise for the objects. */
bool inputs_same_objects(const struct inputs *a, const struct inputs *b);

/** inputs_alike() - whether @a and @b differ in elements of sets at most. */
bool inputs_alike(const struct inputs *a, const struct inputs *b);

/**
 * inputs_parse_elements() - a policy of nothing but the sets of @policy and the elements of @in: what
 * those say, without the work that everything else would be.
 * @diags: gets warnings about all of them.
 * Return: NULL if there is anything to say about single ones: then the whole is to be parsed, and says it.
 */
struct policy *inputs_parse_elements(const struct inputs *in, const struct policy *policy,
				     struct diags *diags);

#endif

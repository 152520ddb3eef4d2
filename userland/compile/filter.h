/* SPDX-License-Identifier: GPL-2.0 */
/*
 * filter.h: from the filters of a policy to the image's, in four parts: what rules say (filter_words.c) and do
 * (filter_actions.c), which rule a packet meets (filter_tables.c), and the classes of addresses
 * that all layers share (filter_classes.c). Private to compile/.
 */
#ifndef SLUICE_COMPILE_FILTER_H
#define SLUICE_COMPILE_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "compile/compile.h"
#include "image/image.h"
#include "image/numbering.h"
#include "lower/lower.h"
#include "policy/tree.h"
#include "rules/rules.h"

/**
 * compile_filter() - fills in image->filter, the filters' bits of image->config, and the counters
 * that they count with.
 * @port: number of each of policy->ports.
 * Return: 0; -ENOSPC: no room for another counter; -E2BIG: over the budget, or too many layers; with a
 * diagnostic.
 */
int compile_filter(const struct policy *policy, const uint16_t *port, struct numbering *numbering,
		   const struct compile_options *options, struct image *image, struct diags *diags);

/** compile_words() - the rules: what each says, where it stands, and its key. */
void compile_words(const struct policy *policy, const struct compile_options *options,
		   struct image_filter *filter);

/** compile_actions() - actions, sets, texts, and struct classify_shape's part of them; after compile_words(). */
int compile_actions(const struct policy *policy, struct numbering *numbering, struct image *image,
		    struct diags *diags);

/** compile_tables() - the area and the look-ups, of @lowered, whose lists are taken. */
int compile_tables(struct lowered *lowered, size_t budget, struct image_filter *filter,
		   struct diags *diags);

/* The classes of one side's addresses. */
struct classes {
	unsigned int layers;
	bool direct;			/* what look-ups yield are the words of the only layer */
	uint32_t count;			/* classes, class 0, of what is not IP, included; 0 if direct */
	uint32_t *words[LAYERS_MAX];	/* by class */
	struct lpm_shape shape[2];	/* IPv4, IPv6; bytes 0: all addresses of the family have one class: */
	uint8_t *table[2];
	uint32_t constant[2];
};

/**
 * classes_build() - the classes of @side's addresses in @layers lists.
 * Return: 0; -E2BIG if a look-up gets too large. @classes is to be freed in any case.
 */
int classes_build(struct rules *const *rules, unsigned int layers, enum rule_side side,
		  struct classes *classes);
void classes_free(struct classes *classes);

#endif

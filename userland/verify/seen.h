/* SPDX-License-Identifier: GPL-2.0 */
/*
 * seen.h: which cells of a layer's planes a packet looks at: to know which ones no witness has seen.
 */
#ifndef SLUICE_VERIFY_SEEN_H
#define SLUICE_VERIFY_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/classify.h"

struct image_filter;

/* A bit for each 32-bit word of the area of a filter's tables. */
struct seen {
	const struct image_filter *filter;
	uint64_t *seen;
	size_t full, full_seen;		/* cells that are not empty, in all layers; and those of them seen */
};

/** seen_init() - @classes: how many classes of addresses each layer has, by side. */
void seen_init(struct seen *c, const struct image_filter *filter,
		const uint32_t classes[LAYERS_MAX][2]);
void seen_free(struct seen *c);

/**
 * seen_add() - a packet of these two address words looks into layer @layer.
 * Return: how many cells it is the first to look at, empty ones left aside.
 */
unsigned int seen_add(struct seen *c, unsigned int layer, const uint32_t word[2]);

#endif

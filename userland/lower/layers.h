/* SPDX-License-Identifier: GPL-2.0 */
/*
 * layers.h: rules that act and go on, laid into as few layers as it takes.
 *
 * A packet finds one rule of a layer. Rules that one packet can match together must lie in
 * different ones; each is one more walk for every packet.
 */
#ifndef SLUICE_LOWER_LAYERS_H
#define SLUICE_LOWER_LAYERS_H

#include <stdint.h>

struct layers;
struct vec;

#define LAYERS_FULL	UINT32_MAX	/* there is no layer left for it */
#define LAYERS_WORK	(UINT32_MAX - 1)	/* too many boxes that only look alike had to be compared */

struct layers *layers_new(void);
void layers_free(struct layers *layers);

/**
 * layers_place() - the layer, from 1, for the next rule, which has these boxes, of struct box: the
 * first where no packet meets any box of an earlier rule as well.
 */
uint32_t layers_place(struct layers *layers, const struct vec *boxes);

#endif

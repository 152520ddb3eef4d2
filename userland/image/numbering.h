/* SPDX-License-Identifier: GPL-2.0 */
/*
 * numbering.h: small numbers for names, the same from one generation to the next.
 *
 * The data path knows an interface by its port number and a counter by its index.
 * Both must mean the same to two generations that follow each other, and to the
 * next daemon: so the numbers in use stand in the pinned maps (struct ports,
 * struct names), and a numbering starts from there. It works on a copy: what it
 * adds becomes real when the generation that needs it is committed.
 */
#ifndef SLUICE_IMAGE_NUMBERING_H
#define SLUICE_IMAGE_NUMBERING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "bpf/layout.h"

struct image;

/* One kind of names: numbers 1 .. max - 1. */
struct number_list {
	char *name;			/* [max][width], "" is free */
	bool *kept;			/* in use, must not be given anew */
	struct table by_name;		/* name -> uint32_t number */
	uint32_t max, width, hint;	/* no number below hint is free */
};

struct numbering {
	struct number_list ports;	/* by interface */
	struct number_list counters;
};

/**
 * numbering_init() - starts from what is pinned; either may be NULL: nothing is.
 * @running: the image whose numbers must be kept besides the one to be built;
 *	NULL: keep all that are pinned.
 */
void numbering_init(struct numbering *n, const struct ports *ports, const struct names *names,
		    const struct image *running);
void numbering_free(struct numbering *n);

/**
 * numbering_port() - the number of @interface, given now if it has none.
 * A free number is taken before one whose name is not kept.
 * Return: 1..PORTS_MAX - 1; -ENOSPC; -ENAMETOOLONG.
 */
int numbering_port(struct numbering *n, const char *interface);

/**
 * numbering_counter() - likewise the number of the counter @name.
 * Return: 1..COUNTERS_MAX - 1; -ENOSPC; -ENAMETOOLONG.
 */
int numbering_counter(struct numbering *n, const char *name);

#endif

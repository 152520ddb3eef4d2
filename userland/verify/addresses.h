/* SPDX-License-Identifier: GPL-2.0 */
/*
 * addresses.h: the addresses that stand for all others.
 *
 * What a policy says of a packet depends on its source only by which of the policy's address
 * tests it meets; what an image says, only by the class that its look-up yields. So two addresses
 * for which both are the same are one address, as far as the filters can tell, and of each such kind one is
 * enough. Here they are found, from both: each end of each prefix of the policy, and each place in the
 * image's tables where a look-up may begin to yield something else.
 */
#ifndef SLUICE_VERIFY_ADDRESSES_H
#define SLUICE_VERIFY_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"
#include "bpf/classify.h"

struct image_filter;
struct matcher;
struct tests;

/* An address that stands for its kind. */
struct stand_in {
	struct addr addr;
	uint64_t tests;			/* which of the policy's tests it meets: a hash of them all */
	uint32_t class;			/* the image's */
	uint32_t word[LAYERS_MAX];	/* what each layer makes of the class */
	uint32_t place;			/* matcher_place() */
	bool odd;			/* another one meets the same tests, and the image has another class for it */
};

/**
 * addresses_find() - appends to @out, a vec of struct stand_in sorted by address, one of each kind.
 * @tests: the policy's, by tests_find(). @side: 0 source, 1 destination.
 * @within: a vec of struct prefix: only of the addresses in them; NULL: of all there are.
 * Return: false: a table of the image is not sound, and the kinds are not all.
 */
bool addresses_find(const struct tests *tests, const struct image_filter *filter,
		    const struct matcher *m, unsigned int side, const struct vec *within,
		    struct vec *out);

/**
 * addresses_marks() - appends to @out, a vec of struct addr, sorted, each address from which on a look-up in the image
 * may yield something else than right before it.
 */
void addresses_marks(const struct image_filter *filter, unsigned int side, struct vec *out);

/** addresses_beside() - appends to @out, a vec of struct prefix, the addresses right before and behind @p. */
void addresses_beside(const struct prefix *p, struct vec *out);

/* The stand-ins in a prefix: [first, end) of the vec. */
struct stand_ins {
	size_t first, end;
};

struct stand_ins addresses_in(const struct vec *stand_ins, const struct prefix *p);

#endif

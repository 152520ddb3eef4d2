/* SPDX-License-Identifier: GPL-2.0 */
/*
 * actions.h: do the image's action lists say what the policy's rules say?
 */
#ifndef SLUICE_VERIFY_ACTIONS_H
#define SLUICE_VERIFY_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;
struct policy;

/**
 * actions_agree() - compares all of them, entry by entry.
 * @what: if they differ, how, in at most @size bytes; @rule: the number of the first rule.
 */
bool actions_agree(const struct policy *p, const struct image *image, char *what, size_t size,
		   uint32_t *rule);

#endif

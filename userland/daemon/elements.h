/* SPDX-License-Identifier: GPL-2.0 */
/*
 * elements.h: elements of sets, between maps and words.
 */
#ifndef SLUICE_DAEMON_ELEMENTS_H
#define SLUICE_DAEMON_ELEMENTS_H

#include <stdint.h>

#include "policy/field.h"

struct set_key;
struct text;

/** elements_now() - the time that elements end by: ns of CLOCK_BOOTTIME. */
uint64_t elements_now(void);

/** element_print() - @key as users write it: an address, or a value of @field. */
void element_print(enum policy_field field, const struct set_key *key, struct text *out);

/**
 * element_parse() - @word as an element of a set of @field's values.
 * Return: 0, or -EINVAL.
 */
int element_parse(enum policy_field field, const char *word, struct set_key *key);

#endif

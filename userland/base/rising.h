/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rising.h: of a row of numbers the longest part that rises: what stays in its order when a list
 * becomes another one (patience sorting; Fredman 1975).
 */
#ifndef SLUICE_BASE_RISING_H
#define SLUICE_BASE_RISING_H

#include <stddef.h>
#include <stdint.h>

#define RISING_NONE UINT32_MAX

/**
 * rising_keep() - of @value[0 .. @n - 1] keeps a longest part that rises strictly; all else becomes
 * RISING_NONE. What is RISING_NONE already counts as not there. n log n steps.
 */
void rising_keep(uint32_t *value, size_t n);

#endif

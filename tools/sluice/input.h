/* SPDX-License-Identifier: GPL-2.0 */
/*
 * input.h: standard input in place of a file. It is read once, and whoever feeds it may fail: what is read
 * of it then is not what was meant.
 */
#ifndef SLUICE_TOOLS_INPUT_H
#define SLUICE_TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/** input_is_standard() - whether a file's name stands for standard input. */
bool input_is_standard(const char *name);

/**
 * input_refuse_blank() - complains if the policy @name came from standard input and has nothing but white
 * space: 'false | sluice apply -' shall not take the policy away. A file says what its user meant.
 * Return: whether it did.
 */
bool input_refuse_blank(const char *name, const char *text, size_t len);

#endif

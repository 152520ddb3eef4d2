/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_WORDS_H
#define SLUICE_TOOLS_WORDS_H

#include <stddef.h>

#define WORDS_MAX 64	/* of one line */

/**
 * words_split() - the words of a line of commands, in place; "#" begins a remark. What stands between two
 * '"' is of one word, blanks, "#" and all; a '\' there takes the character behind it as it is.
 * @len: of the line, with its end; what stands there beside is a mistake, and not the end.
 * @words: ends in a NULL.
 * Return: how many, or -1 and a complaint.
 */
int words_split(char *line, size_t len, char *words[WORDS_MAX + 1]);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_WORDS_H
#define SLUICE_TOOLS_WORDS_H

#define WORDS_MAX 64	/* of one line */

/**
 * words_split() - the words of a line of commands, in place; "#" begins a remark.
 * @words: ends in a NULL.
 * Return: how many; -E2BIG: more than WORDS_MAX.
 */
int words_split(char *line, char *words[WORDS_MAX + 1]);

#endif

// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#include <errno.h>
#include <string.h>

int words_split(char *line, char *words[WORDS_MAX + 1])
{
	char *rest, *word;
	int n = 0;

	line[strcspn(line, "#\r\n")] = '\0';
	for (word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (n == WORDS_MAX)
			return -E2BIG;
		words[n++] = word;
	}
	words[n] = NULL;
	return n;
}

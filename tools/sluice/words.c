// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#include <stdbool.h>
#include <string.h>

#include "cli.h"

/*
 * Takes the word at *@from, and writes it from @to on, which is never ahead of that.
 * Return: behind its NUL; NULL: a quote has no end.
 */
static char *take_word(char **from, char *to)
{
	char *c = *from, end;
	bool quoted = false;

	while (*c && (quoted || !strchr(" \t\r\n#", *c))) {
		if (*c == '"') {
			quoted = !quoted;
			c++;
			continue;
		}
		if (quoted && *c == '\\' && c[1])
			c++;
		*to++ = *c++;
	}
	end = *c;
	*from = end && end != '#' ? c + 1 : c;
	if (end == '#')
		*c = '\0';	/* the remark has been seen: @to may overwrite where it began */
	*to = '\0';
	return quoted ? NULL : to + 1;
}

int words_split(char *line, size_t len, char *words[WORDS_MAX + 1])
{
	int n = 0;

	if (strlen(line) != len) {
		cli_error("there is a NUL byte behind %zu others: this is no text", strlen(line));
		return -1;
	}
	for (char *from = line, *to = line;;) {
		from += strspn(from, " \t\r\n");
		if (!*from || *from == '#')
			break;
		if (n == WORDS_MAX) {
			cli_error("more than %d words", WORDS_MAX);
			return -1;
		}
		words[n++] = to;
		to = take_word(&from, to);
		if (!to) {
			cli_error("a \" has no other one behind it on its line");
			return -1;
		}
	}
	words[n] = NULL;
	return n;
}

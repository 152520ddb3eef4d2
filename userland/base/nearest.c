// SPDX-License-Identifier: GPL-2.0
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_COMPARED 64	/* bytes; longer names are not guessed at */

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Damerau's distance in the form that edits no place twice: three rows of the usual table. */
static unsigned int edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][NAME_MAX_COMPARED + 1];
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	memcpy(before, above, sizeof(rows[0]));
	memcpy(row, above, sizeof(rows[0]));
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

void nearest_try(struct nearest *n, const char *known)
{
	size_t a = strnlen(n->wanted, NAME_MAX_COMPARED + 1);
	size_t b = strnlen(known, NAME_MAX_COMPARED + 1);
	unsigned int distance;

	if (a > NAME_MAX_COMPARED || b > NAME_MAX_COMPARED || !a || !b)
		return;
	distance = edits(n->wanted, a, known, b);
	if (distance * 3 > (a > b ? a : b) || (n->best && distance >= n->distance))
		return;
	n->best = known;
	n->distance = distance;
}

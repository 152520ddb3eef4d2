// SPDX-License-Identifier: GPL-2.0
#include "base/rising.h"

#include <stdlib.h>

#include "base/vec.h"

void rising_keep(uint32_t *value, size_t n)
{
	/* last[k]: place of the least number that ends a rising part of k + 1; before[]: the one in front. */
	uint32_t *last = xcalloc(n + 1, sizeof(*last)), *before = xcalloc(n + 1, sizeof(*before));
	size_t len = 0;
	uint32_t keep;

	for (size_t i = 0; i < n; i++) {
		size_t low = 0, high = len;

		if (value[i] == RISING_NONE)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (value[last[middle]] < value[i])
				low = middle + 1;
			else
				high = middle;
		}
		before[i] = low ? last[low - 1] : RISING_NONE;
		last[low] = i;
		len += low == len;
	}
	keep = len ? last[len - 1] : RISING_NONE;
	for (size_t i = n; i-- > 0;) {
		if (i == keep)
			keep = before[i];
		else
			value[i] = RISING_NONE;
	}
	free(last);
	free(before);
}

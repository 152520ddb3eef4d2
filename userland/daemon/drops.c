// SPDX-License-Identifier: GPL-2.0
#include "daemon/drops.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/filter_event.h"

struct drops {
	char *line[DROPS_KEPT];	/* by number modulo DROPS_KEPT */
	uint64_t last;
};

struct drops *drops_new(void)
{
	return xcalloc(1, sizeof(struct drops));
}

void drops_free(struct drops *d)
{
	if (!d)
		return;
	for (int i = 0; i < DROPS_KEPT; i++)
		free(d->line[i]);
	free(d);
}

void drops_add(struct drops *d, const struct filter_event *event, const struct image *image)
{
	char **line = &d->line[++d->last % DROPS_KEPT];
	struct text out = { 0 };

	text_printf(&out, "{\"object\":\"drop\",\"number\":%" PRIu64 ",", d->last);
	filter_event_print(event, image, &out);
	text_append(&out, "}\n", 2);
	free(*line);
	*line = out.data;
}

uint64_t drops_last(const struct drops *d)
{
	return d->last;
}

const char *drops_next(const struct drops *d, uint64_t after, uint64_t *number)
{
	if (after >= d->last)
		return NULL;
	*number = d->last - after > DROPS_KEPT ? d->last - DROPS_KEPT + 1 : after + 1;
	return d->line[*number % DROPS_KEPT];
}

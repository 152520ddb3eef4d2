// SPDX-License-Identifier: GPL-2.0
#include "daemon/earlier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/inputs.h"
#include "daemon/log.h"

#define LINE_MAX_BYTES	32

struct earlier earlier_read(const char *path, uint32_t loaded)
{
	struct earlier e = { .runs = loaded };
	struct text line = { 0 };

	if (loaded && !text_read_file(&line, path, LINE_MAX_BYTES))
		e.generation = strtoull(text_string(&line), NULL, 10);
	text_free(&line);
	return e;
}

void earlier_keep(const char *path, uint64_t generation)
{
	char line[LINE_MAX_BYTES];
	int err;

	snprintf(line, sizeof(line), "%" PRIu64 "\n", generation);
	err = text_write_file(path, line, strlen(line), 0600);
	if (!err)
		return;
	log_warning("%s: %s", path, strerror(-err));
	unlink(path);	/* not known is better than wrong */
}

void earlier_say(const struct earlier *e, struct text *text)
{
	if (e->generation)
		text_printf(text, "generation %" PRIu64 " of an earlier sluiced", e->generation);
	else
		text_printf(text, "what an earlier sluiced left");
}

int earlier_refuse(const struct earlier *e, const struct inputs *candidate, const char *aside,
		   struct text *why)
{
	if (!e->runs || candidate->documents.len)
		return 0;
	text_printf(why, "the data path runs ");
	earlier_say(e, why);
	text_printf(why, ", which this store does not know");
	if (aside)
		text_printf(why, " (%s)", aside);
	text_printf(why, "; this change would replace all of it by single objects without a policy. Apply a "
		    "policy first, or end sluiced, put a good file of the store in its place, and start it");
	return -EINVAL;
}

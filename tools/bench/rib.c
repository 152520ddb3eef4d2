// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "base/text.h"
#include "lpm/rib.h"
#include "tools/bench/bench.h"

int bench_rib(const char *path, struct vec *routes)
{
	struct text error = { 0 };
	struct rib_file file;
	int err;

	rib_file_init(&file);
	err = rib_read_file(path, routes, &file, &error);
	if (err)
		fprintf(stderr, "sluice-bench: %s\n", text_string(&error));
	else if (file.malformed)
		fprintf(stderr, "sluice-bench: %zu of %zu records make no sense:\n%s", file.malformed,
			file.records, text_string(&file.notes));
	rib_file_free(&file);
	text_free(&error);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
#include "tools/bench/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *bench_engines;

bool bench_wanted(const char *engine)
{
	size_t n = strlen(engine);

	for (const char *p = bench_engines; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, engine, n) && (!p[n] || p[n] == ','))
			return true;
	}
	return !bench_engines;
}

static const struct bench_option *find(const struct bench_option *table, const char *word)
{
	if (!strcmp(word, "-j"))
		word = "--json";
	if (strncmp(word, "--", 2))
		return NULL;
	for (; table->name; table++)
		if (!strcmp(table->name, word + 2))
			return table;
	return NULL;
}

static int take_number(const struct bench_option *o, const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '1' || *text > '9' || *end || errno || n > o->most) {
		fprintf(stderr, "sluice-bench: --%s wants a number from 1 to %u, not \"%s\"\n",
			o->name, o->most, text);
		return 2;
	}
	*o->number = n;
	return 0;
}

int bench_options(int argc, char **argv, const struct bench_option *table, const char *usage)
{
	for (int i = 1; i < argc; i++) {
		const struct bench_option *o = find(table, argv[i]);

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return -1;
		}
		if (!o) {
			fprintf(stderr, "sluice-bench: what is \"%s\"?\n%s", argv[i], usage);
			return 2;
		}
		if (o->flag) {
			*o->flag = true;
		} else if (i + 1 == argc) {
			fprintf(stderr, "sluice-bench: --%s wants a value\n", o->name);
			return 2;
		} else if (o->text) {
			*o->text = argv[++i];
		} else if (take_number(o, argv[++i])) {
			return 2;
		}
	}
	return 0;
}

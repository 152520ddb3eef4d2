// SPDX-License-Identifier: GPL-2.0
/*
 * sluice policy show: the documents of the running generation, as they were applied; with
 * --counters, beside each line with a rule on it what its rule has counted:
 *
 *	PACKETS   BYTES
 *	                 filter wan {
 *	  12.3k    1.5M          drop if ip.src in offenders;
 *
 * A rule stands on the line of its first word. Of several on one line each has a margin of its
 * own, the others below the line, with their text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/vec.h"
#include "columns.h"

struct counted {
	char *file, *text;
	long long line, number;
	long long packets, bytes;	/* -1: not known, which is not 0 */
};

struct documents {
	const struct cli *cli;
	int count;
	bool counters;
	struct vec rules;	/* of struct counted, by file, line and number */
};

/* ---- the margin ------------------------------------------------------------------ */

#define MARGIN 9	/* of a column */

/* With -s to the last byte. */
static void print_quantity(const struct cli *cli, long long n)
{
	char buf[8];

	if (n < 0)
		printf("%*s ", MARGIN, "-");
	else if (cli->statistics)
		printf("%*lld ", 2 * MARGIN, n);
	else
		printf("%*s ", MARGIN, quantity_format(n, buf));
}

static void print_margin(const struct documents *d, const struct counted *rule)
{
	int width = d->cli->statistics ? 2 * MARGIN : MARGIN;

	if (!d->counters)
		return;
	if (rule) {
		print_quantity(d->cli, rule->packets);
		print_quantity(d->cli, rule->bytes);
	} else {
		printf("%*s", 2 * width + 2, "");
	}
	fputs(d->cli->terminal ? "\342\224\202 " : "| ", stdout);
}

static int compare(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	if (order)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The first rule of @file from @line on. */
static size_t find_rule(const struct documents *d, const char *file, long long line)
{
	struct counted wanted = { .file = (char *)file, .line = line, .number = -1 };
	size_t low = 0, high = d->rules.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(vec_at(&d->rules, middle), &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct counted *rule_on(const struct documents *d, size_t i, const char *file,
				     long long line)
{
	const struct counted *rule = i < d->rules.len ? vec_at(&d->rules, i) : NULL;

	return rule && rule->line == line && !strcmp(rule->file, file) ? rule : NULL;
}

/* ---- the text ---------------------------------------------------------------------- */

/* A file gets the document as it is; a terminal nothing that it would obey. */
static void print_text(const struct cli *cli, const char *text, size_t len)
{
	for (; len--; text++) {
		bool obeyed = (unsigned char)*text < ' ' && *text != '\n' && *text != '\t';

		putchar(cli->terminal && (obeyed || *text == 0x7f) ? '?' : *text);
	}
}

static void print_lines(const struct documents *d, const char *name, const char *text)
{
	long long line = 1;

	do {
		size_t len = strcspn(text, "\n"), i = find_rule(d, name, line);
		const struct counted *rule = rule_on(d, i, name, line);

		print_margin(d, rule);
		print_text(d->cli, text, len);
		putchar('\n');
		while (rule && (rule = rule_on(d, ++i, name, line))) {
			print_margin(d, rule);
			fputs("# and: ", stdout);
			print_text(d->cli, rule->text, strlen(rule->text));
			putchar('\n');
		}
		text += len + (text[len] == '\n');
		line++;
	} while (*text);
}

static void print_document(void *arg, const json_t *o, const char *line)
{
	struct documents *d = arg;

	(void)line;
	if (d->count++)
		putchar('\n');
	if (d->counters && d->count == 1) {
		int width = d->cli->statistics ? 2 * MARGIN : MARGIN;

		printf("%s%*s %*s%s\n", d->cli->colour ? "\033[1m" : "", width, "PACKETS", width,
		       "BYTES", d->cli->colour ? "\033[0m" : "");
	}
	print_margin(d, NULL);
	fputs("# ", stdout);
	print_text(d->cli, field_text(o, "name"), strlen(field_text(o, "name")));
	putchar('\n');
	print_lines(d, field_text(o, "name"), field_text(o, "text"));
}

/* ---- asking --------------------------------------------------------------------------- */

static long long count_of(const json_t *o, const char *name)
{
	return json_object_get(o, name) ? field_number(o, name) : -1;
}

static void take_rule(void *arg, const json_t *o, const char *line)
{
	struct documents *d = arg;
	struct counted *rule = vec_push(&d->rules);

	(void)line;
	rule->file = xstrdup(field_text(o, "file"));
	rule->text = xstrdup(field_text(o, "text"));
	rule->line = field_number(o, "line");
	rule->number = field_number(o, "rule");
	rule->packets = count_of(o, "packets");
	rule->bytes = count_of(o, "bytes");
}

static int read_rules(struct documents *d, const char *name)
{
	int code = ask_show(d->cli, ask_request("rule", "file", name), take_rule, d);

	if (d->rules.len)
		qsort(d->rules.data, d->rules.len, d->rules.elem_size, compare);
	return code;
}

static void free_rules(struct documents *d)
{
	for (size_t i = 0; i < d->rules.len; i++) {
		struct counted *rule = vec_at(&d->rules, i);

		free(rule->file);
		free(rule->text);
	}
	vec_free(&d->rules);
}

int policy_show(struct cli *cli, int argc, char **argv)
{
	struct documents d = { .cli = cli, .rules = VEC(struct counted) };
	const struct cli_option own[] = { { 'c', "counters", &d.counters, NULL }, { 0 } };
	int n = cli_options(cli, argc, argv, own), code = CLI_OK;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one document", argv[1]);
	if (d.counters)
		code = read_rules(&d, argv[0]);
	if (code == CLI_OK && !(cli->json && d.counters))
		code = ask_show(cli, ask_request("policy", "name", argv[0]), print_document, &d);
	if (code == CLI_OK && !cli->json && !d.count)
		fputs("# no policy runs\n", stdout);
	free_rules(&d);
	return code;
}

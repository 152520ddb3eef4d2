// SPDX-License-Identifier: GPL-2.0
#include "objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "change.h"
#include "cli.h"
#include "keys.h"
#include "netlink/object.h"
#include "words.h"

enum object_kind objects_kind(const char *word)
{
	static const struct { const char *word; enum object_kind kind; } kinds[] = {
		{ "port", OBJECT_PORT }, { "route", OBJECT_ROUTE }, { "group", OBJECT_MEMBER },
		{ "set", OBJECT_ELEMENT },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(word, kinds[i].word))
			return kinds[i].kind;
	return OBJECT_NONE;
}

static int compare(const void *a, const void *b)
{
	return object_cmp(a, b);
}

static int read_line(const struct cli *cli, char *line, size_t line_len, struct keys *seen,
		     struct vec *objects)
{
	char *words[WORDS_MAX + 1];
	uint8_t key[SLUICE_KEY_MAX];
	int n = words_split(line, line_len, words);
	enum object_kind kind;
	struct change c;
	size_t len;

	if (!n)
		return CLI_OK;
	if (n < 0)
		return CLI_FAILED;
	kind = objects_kind(words[0]);
	if (kind == OBJECT_NONE || n < 2 || (strcmp(words[1], "add") && strcmp(words[1], "replace"))) {
		cli_error("this adds no port, route, group or set");
		return CLI_FAILED;
	}
	if (change_parse(cli, kind, CHANGE_ADD, words + 2, &c))
		return CLI_FAILED;
	len = object_key(&c.object, key);
	if (keys_has(seen, object_type(kind), key, len)) {
		cli_error("it is there already");
		return CLI_FAILED;
	}
	keys_put(seen, object_type(kind), key, len);
	vec_append(objects, &c.object);
	return CLI_OK;
}

int objects_read(const struct cli *cli, const char *path, struct vec *objects)
{
	FILE *in = fopen(path, "re");
	struct keys seen;
	char *line = NULL;
	int code = CLI_OK;
	size_t size = 0;
	ssize_t len;

	if (!in) {
		cli_error("cannot read %s: %s", path, strerror(errno));
		return CLI_FAILED;
	}
	keys_init(&seen);
	for (unsigned long n = 1; code == CLI_OK && (len = getline(&line, &size, in)) >= 0; n++) {
		cli_place(path, n);
		code = read_line(cli, line, len, &seen, objects);
	}
	cli_place(NULL, 0);
	if (objects->len)
		qsort(objects->data, objects->len, objects->elem_size, compare);
	keys_free(&seen);
	free(line);
	fclose(in);
	return code;
}

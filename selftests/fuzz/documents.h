/* SPDX-License-Identifier: GPL-2.0 */
/*
 * documents.h: an input of several documents, which a line "----" parts; the first is called "main",
 * the second "a", the third "b", and so on.
 */
#ifndef SLUICE_FUZZ_DOCUMENTS_H
#define SLUICE_FUZZ_DOCUMENTS_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

#define DOCUMENTS_MAX 20

struct input {
	const char *at[DOCUMENTS_MAX];
	size_t len[DOCUMENTS_MAX];
	size_t count;
};

static void split(struct input *in, const char *bytes, size_t len)
{
	static const char mark[] = "\n----\n";
	const char *end = bytes + len, *next;

	while (in->count < DOCUMENTS_MAX) {
		next = memmem(bytes, end - bytes, mark, strlen(mark));
		in->at[in->count] = bytes;
		in->len[in->count++] = (next ? next : end) - bytes;
		if (!next)
			break;
		bytes = next + strlen(mark);
	}
}

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	const struct input *in = context;
	size_t i = strcmp(name, "main") ? (size_t)(name[0] - 'a' + 1) : 0;

	if (i >= in->count || (i && name[1]))
		return -ENOENT;
	if (in->len[i] > limit)
		return -EFBIG;
	if (in->len[i])
		text_append(out, in->at[i], in->len[i]);
	return 0;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static void check_diags(const struct diags *diags)
{
	struct text out = { 0 };

	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = vec_at(&diags->list, i);

		expect(*d->sentence);
		expect(!d->place.source || (d->place.line && d->place.column && d->place.width));
	}
	diags_print(diags, &out, false);
	expect(!diags->errors || out.len);
	text_free(&out);
}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * Policies from outside: several documents, which a line "----" parts; the second is called
 * "a", the third "b", and so on, and any may include any. What is right is printed,
 * and must be read back as the same; what is wrong has a diagnostic, with a place in a text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/parse.h"
#include "policy/print.h"

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

static void check_print(const struct policy *p)
{
	struct text once = { 0 }, twice = { 0 };
	struct policy *again;
	struct diags diags;

	policy_print(p, &once);
	diags_init(&diags);
	again = policy_parse_text("printed", text_string(&once), once.len, &diags);
	expect(!diags.errors);
	policy_print(again, &twice);
	expect(!strcmp(text_string(&once), text_string(&twice)));
	policy_free(again);
	diags_free(&diags);
	text_free(&once);
	text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *name = "main";
	struct input in = { 0 };
	struct diags diags;
	struct policy *p;

	split(&in, (const char *)bytes, len);
	diags_init(&diags);
	p = policy_parse_documents(&name, 1, load, &in, &diags);
	check_diags(&diags);
	if (!diags.errors)
		check_print(p);
	policy_free(p);
	diags_free(&diags);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Policies from outside: several documents, which a line "----" parts; the second is called
 * "a", the third "b", and so on, and any may include any. What is right is printed,
 * and must be read back as the same, with plain rules past the grammar and by it; what is wrong has a
 * diagnostic, with a place in a text.
 */
#include "policy/parse.h"
#include "policy/print.h"
#include "documents.h"

typedef struct policy *parse_fn(const char *name, const char *text, size_t len, struct diags *diags);

static void check_parse(const struct text *once, parse_fn *parse)
{
	struct text twice = { 0 };
	struct policy *again;
	struct diags diags;

	diags_init(&diags);
	again = parse("printed", text_string(once), once->len, &diags);
	expect(!diags.errors);
	policy_print(again, &twice);
	expect(!strcmp(text_string(once), text_string(&twice)));
	policy_free(again);
	diags_free(&diags);
	text_free(&twice);
}

static void check_print(const struct policy *p)
{
	struct text once = { 0 };

	policy_print(p, &once);
	check_parse(&once, policy_parse_text);
	check_parse(&once, policy_parse_by_grammar);
	text_free(&once);
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

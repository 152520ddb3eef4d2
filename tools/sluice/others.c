// SPDX-License-Identifier: GPL-2.0
#include "others.h"

#include <string.h>

#include "base/text.h"
#include "policy/print.h"
#include "policy/tree.h"

/* Lets stand for what is printed anyway where they are used, but by name: they stay. */
static void print(const struct policy *p, struct text *out)
{
	struct policy some = *p;

	some.filters.len = 0;
	some.rules.len = 0;
	some.asserts.len = 0;
	if (!p->groups.len)
		some.lets.len = 0;
	policy_print(&some, out);
}

bool others_differ(const struct policy *a, const struct policy *b)
{
	struct text x = { 0 }, y = { 0 };
	bool differ;

	print(a, &x);
	print(b, &y);
	differ = strcmp(text_string(&x), text_string(&y)) != 0;
	text_free(&x);
	text_free(&y);
	return differ;
}
